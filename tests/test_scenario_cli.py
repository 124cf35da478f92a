"""The commands on scenarios, as an office uses them: write, check, run, list, show, study, compare."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import openpyxl
import pytest
import tinyspace
from boai.app import cli
from boai.app.scenario_cli import _some
from boai.geodata.layers import KIND_NAMES

SOUTH = """\
name: south
title: 赣南
changes:
  - open: {kind: 备灾仓库, name: 甲仓, lon: 115.2, lat: 28.3, year: 2025, cost: 80}
  - close: {kind: team, id: team-10}
  - grow: {unit: 全省, percent: 10}
siting:
  - {kind: 备灾仓库, year: 2026, number: 1}
  - {kind: team, phases: {2025: 1, 2026: 2}}
"""
CODES = re.compile(
    r"look_ahead|myopic|final_first|optimal|feasible|mclp|each_c|True|False|nan|None|"
    r"\b(years|order|covered|chosen|stopped|status|planning|counts|objective|bound|warehouse|team)\b(?!-)"
)
"""What no table for people shows: English columns, codes, values of a program."""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code, out, err = run(capsys, *arguments)
    assert code == 0, err
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a scenario that has been run."""
    root = tmp_path_factory.mktemp("cli") / "w"
    world = tinyspace.make(root)
    (root / "scenarios").mkdir()
    text = SOUTH.replace("team-10", str(world.layers["team"].table["id"].iloc[0]))
    (root / "scenarios" / "south.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit):
        cli.main(["scenario", "run", "south", "--processes", "1", "-w", str(root)])
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> str:
    return str(shutil.copytree(made, tmp_path / "w"))


def test_a_new_file_can_be_checked_as_it_is(capsys, root: str, tmp_path: Path) -> None:
    told = answer(capsys, "scenario", "new", "north", "--title", "赣北", "--from", "south", "-w", root)
    assert "boai scenario check north" in told
    assert "3 项改动、2 项选址请求, 没有问题" in answer(capsys, "scenario", "check", "north", "-w", root)
    own = tmp_path / "own.yaml"
    told = answer(capsys, "scenario", "new", "own", "--out", str(own), "-w", root)
    assert own.is_file() and f"boai scenario check {own}" in told
    for wrong in (["new", "north"], ["new", "../north"], ["new", "baseline"], ["new", "a", "--from", "../b"]):
        code, out, err = run(capsys, "scenario", *wrong, "-w", root)
        assert code == 1 and not out and err.startswith("错误: "), wrong


def test_check_tells_all_problems_at_once(capsys, root: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    lines = [
        "- close: {kind: warehouse, id: nowhere}",
        "- grow: {unit: 北京市, percent: 1}",
        "- block: {road: G9999}",
        "- open: {kind: aed, name: 远, lon: 121.4, lat: 31.2, year: 2025}",
    ]
    path.write_text("name: bad\ntitle: 错\nchanges:\n" + "".join(f"  {line}\n" for line in lines), "utf-8")
    code, out, err = run(capsys, "scenario", "check", str(path), "-w", root)
    assert code == 1 and not out
    assert [f"第{number}项" in line for number, line in enumerate(err.splitlines(), 1)] == [True] * 4


def test_run_list_and_names(capsys, root: str) -> None:
    assert "未变" in answer(capsys, "scenario", "run", "south", "-w", root)
    listed = json.loads(answer(capsys, "scenario", "list", "--json", "-w", root))
    states = {row["name"]: row["state"] for row in listed["rows"]}
    assert states == {
        "baseline": "当前", "plan_2022_2024": "未运行", "every_county": "未运行", "south": "当前",
    }  # fmt: skip
    code, _, err = run(capsys, "scenario", "show", "suoth", "-w", root)
    assert code == 1 and "是否指 south?" in err


def test_list_tells_results_whose_file_lies_elsewhere(capsys, root: str) -> None:
    (Path(root) / "scenarios" / "south.yaml").unlink()
    listed = json.loads(answer(capsys, "scenario", "list", "--json", "-w", root))
    assert listed["rows"][-1] | {"title": "赣南", "state": "方案文件不在工作区"} == listed["rows"][-1]
    code, _, err = run(capsys, "scenario", "show", "south", "-w", root)
    assert code == 1 and "有它的结果" in err and "YAML 文件的路径" in err


def test_show_is_in_words(capsys, root: str, tmp_path: Path) -> None:
    told = answer(capsys, "scenario", "show", "south", "-w", root)
    tables = told.replace("warehouse-", "")
    assert not CODES.search(tables), CODES.search(tables)
    assert "2025" in told and "2,025" not in told and "2,026" not in told
    assert "各年统筹" in told and "末年优先" in told and "目标值(解)" in told and "新增覆盖(解)" not in told
    bill = told[told.index("费用 [") :].splitlines()
    assert sum(bool(re.match(r"  新增 +救援队 +3 .*未给价格", line)) for line in bill) == 1  # summed up
    assert "居民增减 1 项" in told and "费用 80 万元 (另有" in told
    without = answer(capsys, "scenario", "show", "south", "--no-costs", "-w", root)
    assert "万元" not in without and "未给价格" not in without
    out = tmp_path / "表"
    assert "方案对比.xlsx" in answer(capsys, "scenario", "show", "south", "--out", str(out), "-w", root)


def test_some_rows_of_every_layer_are_shown() -> None:
    rows = [{"kind": kind, "rank": rank} for kind in KIND_NAMES.values() for rank in range(9)]
    shown = _some(rows, 10)
    assert [row["kind"] for row in shown] == [name for name in KIND_NAMES.values() for _ in range(2)]
    assert _some(rows, 99) == rows and _some([{"id": 1}, {"id": 2}], 1) == [{"id": 1}]


def test_compare_in_words_and_without_costs(capsys, root: str, tmp_path: Path) -> None:
    out = tmp_path / "对比"
    told = answer(capsys, "compare", "south", "--no-costs", "--out", str(out), "-w", root)
    assert "万元" not in told and "居民增减带来" in told
    table = told[: told.index("现状: ")]  # only the layers that are touched
    assert "备灾仓库" in table and "救援队" in table and "AED" not in table and "博爱家园" not in table
    book = openpyxl.load_workbook(out / "方案对比.xlsx")
    headers = [str(cell.value) for sheet in book for cell in sheet[1] if cell.value is not None]
    assert headers and not [text for text in headers if not re.search(r"[\u4e00-\u9fff]", text)]
    assert not [text for text in headers if "费用" in text or "价格" in text]
    assert all(sheet.freeze_panes == "A2" for sheet in book)
    assert "示例数据" in str(list(book["方案对比"].values))
    again = run(capsys, "compare", "south", "--out", str(out), "-w", root)
    assert again[0] == 1 and "已存在" in again[2]


def test_front_and_sensitivity_in_words(capsys, root: str) -> None:
    options = ["--most", "2", "--price", "80", "--compare", "south"]
    told = answer(capsys, "scenario", "front", "备灾仓库", *options, "-w", root)
    assert "赣南: 除新设站点外还有别的改动, 这里只比较它的站点, 按现状的道路和居民计" in told
    assert "已证明" in told and not CODES.search(told), CODES.search(told)
    options = ["--number", "1", "--runs", "0", "--speed", "10", "--limits", "10", "--people", "0"]
    told = answer(capsys, "scenario", "sensitivity", "备灾仓库", *options, "-w", root)
    assert "选中比例" in told and not CODES.search(told), CODES.search(told)


def test_schema(capsys, tmp_path: Path) -> None:
    found = json.loads(answer(capsys, "scenario", "schema"))
    path = tmp_path / "s.json"
    answer(capsys, "scenario", "schema", str(path))
    assert json.loads(path.read_text("utf-8")) == found
    assert run(capsys, "scenario", "schema", str(path))[0] == 1
