"""The commands on layers as an office uses them: check, import, look, export, undo; JSON for programs."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import tinyspace
from boai.app import cli, workspace
from boai.geodata import datums
from boai.geodata.errors import UnavailableError
from boai.geodata.registry import open_registry

ROOT = Path(__file__).resolve().parent.parent


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture(scope="module")
def stores(world, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as a county office sends it: AMap coordinates without a word about them, one bad row."""
    units, rng = world.units, np.random.Generator(np.random.PCG64(7))
    rows = rng.choice(len(world.demand.lon), 240, replace=False)
    lon, lat = datums.from_wgs84(world.demand.lon[rows], world.demand.lat[rows], system="GCJ-02")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "仓库"
    sheet.append(["江西省备灾仓库一览表"])
    sheet.append(["仓库名称", "所属县市区", "经度", "纬度", "负责人", "联系电话", "库存物资", "备注"])
    for number, row in enumerate(rows):
        county = units.counties["name"].iloc[int(world.demand.county[row])]
        cells = [f"第{number}号仓库", county, round(float(lon[number]), 6), round(float(lat[number]), 6)]
        sheet.append([*cells, "李四", 13900139000 + number, "棉被:120;帐篷:30", f"备注{number}"])
    sheet.append(["无坐标仓库", "", 521.3, 28.6, "", "", "", ""])
    path = tmp_path_factory.mktemp("sent") / "仓库.xlsx"
    book.save(path)
    return path


@pytest.fixture(scope="module")
def tiny_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny workspace with approximate roads, a synthetic store and two teams."""
    root = tmp_path_factory.mktemp("tiny") / "w"
    tinyspace.make(root, tinyspace.sites((0,), (5, 10)), network=tinyspace.approximate_roads())
    return root


@pytest.fixture
def tiny(tiny_made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(tiny_made, tmp_path / "tiny"))


def test_check_answers_the_contract_without_a_workspace(capsys, stores: Path, tmp_path: Path) -> None:
    nowhere = ["-w", str(tmp_path / "nowhere")]
    code, out, _ = run(capsys, "layers", "check", str(stores), "--as", "warehouse", "--json", *nowhere)
    found = json.loads(out)
    assert code == 0
    assert found["verdict"]["system"] == "GCJ-02"
    assert found["verdict"]["status"] == "tested"
    assert {each["system"] for each in found["verdict"]["evidence"]} == {"WGS84", "GCJ-02", "BD-09"}
    assert found["rows"] == {"read": 241, "good": 240, "quarantined": 1}
    errors = [each for each in found["problems"] if each["severity"] == "error"]
    assert {(each["sheet"], each["row"]) for each in errors} == {("仓库", 243)}
    assert all(set(each) >= {"severity", "code", "sheet", "row", "column", "got", "fix"} for each in errors)
    assert not list(tmp_path.iterdir())


def test_import_look_export_undo(capsys, own_workspace: Path, stores: Path, tmp_path: Path) -> None:
    where = ["-w", str(own_workspace)]
    with open_registry(own_workspace / "layers.gpkg") as registry:
        before = registry.state_hash()
    report, mapping = tmp_path / "问题.xlsx", tmp_path / "对应.yaml"
    how = ["--as", "备灾仓库", "--why", "年报", "--who", "王五", "--report", str(report)]
    code, out, _ = run(capsys, "layers", "import", str(stores), *how, "--save-mapping", str(mapping), *where)
    assert code == 0
    assert "GCJ-02" in out
    assert "新增 240" in out
    assert "移出示例 48" in out
    assert "问题" in openpyxl.load_workbook(report).sheetnames
    assert "仓库名称" in mapping.read_text(encoding="utf-8")

    code, out, _ = run(capsys, "layers", "import", str(stores), *how[:2], *where, "--json")
    assert json.loads(out)["stored"]["revision"] == 0
    code, out, _ = run(capsys, "layers", "show", "warehouse", *where, "--json")
    rows = json.loads(out)
    assert len(rows) == 240
    assert rows[0]["stock"] == {"棉被": 120, "帐篷": 30}
    assert rows[0]["orig_crs"] == "GCJ-02"
    assert rows[0]["extras"]["备注"].startswith("备注")
    code, out, _ = run(capsys, "layers", *where)
    assert "示例数据" in out  # the other layers still are
    code, out, _ = run(capsys, "layers", "quarantine", *where, "--out", str(tmp_path / "bad.csv"), "--json")
    assert [row["row"] for row in json.loads(out)] == [243]
    with (tmp_path / "bad.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["仓库名称"], row["坐标系"]) == ("无坐标仓库", "GCJ-02")  # what the other rows told goes along

    code, out, _ = run(capsys, "nearest", "--at", "修水县", *where, "--json")
    answer = json.loads(out)
    assert "示例数据" not in answer["labels"]
    assert answer["sites"][0]["name"].endswith("号仓库")

    sent = tmp_path / "out.csv"
    code, out, _ = run(capsys, "layers", "export", "warehouse", str(sent), "--crs", "百度", *where)
    assert "BD-09" in out
    code, out, _ = run(capsys, "layers", "import", str(sent), "--as", "warehouse", *where, "--json")
    assert json.loads(out)["stored"]["revision"] == 0

    code, out, _ = run(capsys, "layers", "history", *where, "--json")
    history = json.loads(out)
    assert [(row["number"], row["who"], row["why"]) for row in history] == [
        (2, "王五", "年报"), (1, "boai", "新建工作区"),
    ]  # fmt: skip
    assert history[0]["verdict"]["system"] == "GCJ-02"
    code, out, _ = run(capsys, "layers", "diff", "1", "2", "--kind", "warehouse", *where, "--json")
    assert {row["change"] for row in json.loads(out)} == {"新增", "删除"}
    code, out, _ = run(capsys, "layers", "undo", "2", *where)
    assert code == 0
    with open_registry(own_workspace / "layers.gpkg") as registry:
        assert registry.state_hash() == before
    code, out, _ = run(capsys, "layers", "verify", *where)
    assert code == 0


def test_refusals_store_nothing(capsys, own_workspace: Path, stores: Path, tmp_path: Path) -> None:
    where = ["-w", str(own_workspace)]
    few = tmp_path / "few.csv"
    few.write_text("名称,经度,纬度\n甲,115.9,28.7\n", encoding="utf-8")
    before = (own_workspace / "layers.gpkg").read_bytes()
    code, out, _ = run(capsys, "layers", "import", str(few), "--as", "aed", *where)
    assert code == 1
    assert "坐标系未定" in out
    code, out, _ = run(capsys, "layers", "import", str(stores), "--as", "warehouse", "--strict", *where)
    assert code == 1
    assert "--strict" in out
    code, _, err = run(capsys, "layers", "import", str(tmp_path / "none.xlsx"), "--as", "aed", *where)
    assert code == 1
    assert "不存在" in err
    assert (own_workspace / "layers.gpkg").read_bytes() == before
    code, out, _ = run(capsys, "layers", "import", str(few), "--as", "aed", "--crs", "WGS84", *where)
    assert code == 0
    assert "新增 1" in out


def test_an_office_adds_a_type(capsys, own_workspace: Path, tmp_path: Path) -> None:
    (own_workspace / "types.yaml").write_text(
        "types:\n  rain_shelter:\n    title: 避雨亭\n    role: resource\n    meaning: 可避雨的亭子\n",
        encoding="utf-8",
    )
    where = ["-w", str(own_workspace)]
    code, out, _ = run(capsys, "layers", "types", *where)
    assert "避雨亭" in out
    template = tmp_path / "t.xlsx"
    code, out, _ = run(capsys, "layers", "template", "避雨亭", str(template), *where)
    assert code == 0
    book = openpyxl.load_workbook(template)
    sheet = book["填写"]
    header = {str(cell.value).rstrip("*"): cell.column for row in sheet.iter_rows(max_row=4) for cell in row}
    line = next(row[0].row for row in sheet.iter_rows(max_row=6) if str(row[0].value).rstrip("*") == "编号")
    for title, value in {"编号": "y1", "名称": "亭", "经度": 115.9, "纬度": 28.7, "坐标系": "WGS84"}.items():
        sheet.cell(line + 1, header[title], value)
    book.save(template)
    code, out, _ = run(capsys, "layers", "import", str(template), "--as", "避雨亭", *where)
    assert code == 0, out
    code, out, _ = run(capsys, "layers", *where)
    assert "避雨亭" in out
    code, out, _ = run(capsys, "layers", "export", "避雨亭", str(tmp_path / "t.geojson"), *where)
    assert code == 0


def test_removing_needs_ids_or_all(capsys, tiny: Path) -> None:
    where = ["-w", str(tiny)]
    code, _, err = run(capsys, "layers", "remove", "team", *where)
    assert code == 1
    assert "--all" in err
    code, out, _ = run(capsys, "layers", "remove", "team", "--all", *where)
    assert "移出 2" in out or "移出示例 2" in out
    code, out, _ = run(capsys, "coverage", "team", *where, "--json")
    assert code == 0
    assert {row["served"] for row in json.loads(out)["rows"]} == {0}


def test_a_registry_with_imports_is_kept_and_a_damaged_one_put_aside(own_workspace: Path) -> None:
    """What `boai init --force` asks before it makes new example layers; the whole command is tested below."""
    path, told = own_workspace / "layers.gpkg", []
    assert not workspace._keeps_layers(own_workspace, told.append)  # examples only
    rows = pd.DataFrame({"id": ["a"], "name": ["甲"], "lon": [115.5], "lat": [28.5]})
    with open_registry(path) as registry:
        registry.apply("aed", rows, who="x")
    assert workspace._keeps_layers(own_workspace, told.append)
    assert told == []
    path.write_bytes(path.read_bytes()[:5000])
    assert not workspace._keeps_layers(own_workspace, told.append)
    assert "layers.damaged-1.gpkg" in told[0]
    assert (own_workspace / "layers.damaged-1.gpkg").stat().st_size == 5000
    assert not path.exists()


@pytest.mark.slow
def test_a_rebuilt_workspace_keeps_what_an_office_stored(capsys, own_workspace: Path, stores: Path) -> None:
    where = ["-w", str(own_workspace)]
    run(capsys, "layers", "import", str(stores), "--as", "warehouse", *where)
    with open_registry(own_workspace / "layers.gpkg") as registry:
        before = registry.state_hash()
    code, _, _ = run(capsys, "init", str(own_workspace), "--force")
    assert code == 0
    with open_registry(own_workspace / "layers.gpkg") as registry:
        assert registry.state_hash() == before
    damaged = (own_workspace / "layers.gpkg").read_bytes()[:5000]
    (own_workspace / "layers.gpkg").write_bytes(damaged)
    code, _, err = run(capsys, "init", str(own_workspace), "--force")
    assert code == 0
    assert "layers.damaged-1.gpkg" in err
    assert (own_workspace / "layers.damaged-1.gpkg").read_bytes() == damaged


def test_sites_that_do_not_serve_are_not_counted(capsys, own_workspace: Path, tmp_path: Path) -> None:
    where = ["-w", str(own_workspace)]
    rows = [
        "甲,修水县,114.5712,29.0312,已建,", "乙,修水县,114.5812,29.0312,停用,",
        "丙,修水县,114.5912,29.0312,规划,",
        "丁,修水县,,,已建,修水县黄坳乡",
    ]  # fmt: skip
    path = tmp_path / "aed.csv"
    path.write_text("名称,县区,经度,纬度,状态,地址\n" + "\n".join(rows) + "\n", encoding="utf-8")
    code, out, _ = run(capsys, "layers", "import", str(path), "--as", "aed", "--crs", "WGS84", *where)
    assert code == 0
    assert "新增 4" in out
    code, out, _ = run(capsys, "coverage", "aed", *where, "--json")
    found = json.loads(out)
    assert found["summary"][0]["sites"] == 1
    assert found["notes"] == ["AED: 另有 3 处未计入 (停用 1、规划 1、近似 1)"]
    code, out, _ = run(capsys, "layers", *where, "--json")
    assert next(row for row in json.loads(out) if row["kind"] == "aed")["in_service"] == 2


def test_no_file_of_the_user_is_overwritten(capsys, own_workspace: Path, tmp_path: Path) -> None:
    where = ["-w", str(own_workspace)]
    source = tmp_path / "sent.csv"
    source.write_text("名称,经度,纬度\n甲,115.9,28.7\n", encoding="utf-8")
    kept = tmp_path / "filled.xlsx"
    kept.write_text("filled in by hand", encoding="utf-8")
    commands = [
        ["template", "aed", str(kept)],
        ["export", "aed", str(kept)],
        ["quarantine", "--out", str(kept)],
        ["check", str(source), "--as", "aed", "--crs", "WGS84", "--save-mapping", str(kept)],
    ]
    for command in commands:
        code, _, err = run(capsys, "layers", *command, *where)
        assert code == 1
        assert "文件已存在" in err
        assert kept.read_text(encoding="utf-8") == "filled in by hand"
    reading = ["check", str(source), "--as", "aed", "--crs", "WGS84", *where]
    code, _, err = run(capsys, "layers", *reading, "--report", str(source))
    assert code == 1
    assert ".xlsx" in err
    book = tmp_path / "sent.xlsx"
    run(capsys, "layers", "export", "team", str(book), *where)
    before = book.read_bytes()
    code, _, err = run(capsys, "layers", "check", str(book), "--as", "team", "--report", str(book), *where)
    assert code == 1
    assert "不能覆盖" in err
    assert book.read_bytes() == before
    code, _, _ = run(capsys, "layers", "template", "aed", str(kept), "--overwrite", *where)
    assert code == 0
    assert kept.read_bytes()[:2] == b"PK"


def test_labels_are_those_of_the_layers_asked_for(capsys, tiny: Path, tmp_path: Path) -> None:
    where = ["-w", str(tiny)]
    path = tmp_path / "stores.csv"
    path.write_text(
        "名称,县区,经度,纬度,状态\n甲,甲县,115.0112,28.0312,\n乙,甲县,115.1012,28.0512,规划\n", "utf-8"
    )
    code, _, _ = run(capsys, "layers", "import", str(path), "--as", "warehouse", "--crs", "WGS84", *where)
    assert code == 0
    note = "备灾仓库: 另有 1 处未计入 (规划 1)"
    for command in ("coverage", "gaps"):
        _, out, _ = run(capsys, command, "warehouse", *where, "--json")
        assert json.loads(out)["labels"] == ["近似路网"]
        assert json.loads(out)["notes"] == [note]
        _, out, _ = run(capsys, command, "warehouse", *where)
        assert note in out
        assert "示例数据" not in out


def test_each_layer_of_a_table_has_its_own_label(capsys, own_workspace: Path, tmp_path: Path) -> None:
    where = ["-w", str(own_workspace)]
    path = tmp_path / "stores.csv"
    path.write_text("名称,县区,经度,纬度\n甲,修水县,114.5712,29.0312\n", encoding="utf-8")
    code, _, _ = run(capsys, "layers", "import", str(path), "--as", "warehouse", "--crs", "WGS84", *where)
    assert code == 0
    _, out, _ = run(capsys, "coverage", *where, "--json")
    assert {row["kind"]: row["label"] for row in json.loads(out)["summary"]} == {
        "aed": "示例数据", "home": "示例数据", "warehouse": "近似路网", "team": "示例数据、近似路网",
    }  # fmt: skip


def test_an_empty_layer_says_that_it_is_empty(capsys, tiny: Path) -> None:
    where = ["-w", str(tiny)]
    run(capsys, "layers", "remove", "warehouse", "--all", *where)
    _, out, _ = run(capsys, "layers", *where, "--json")
    assert {row["kind"]: row["sites"] for row in json.loads(out)}["warehouse"] == 0
    for command in (["coverage", "warehouse"], ["gaps", "warehouse"], ["plan", "warehouse", "-n", "1"]):
        code, out, _ = run(capsys, *command, *where)
        assert code == 0
        assert "登记库里没有站点" in out
    code, out, _ = run(capsys, "nearest", "--at", "丙县", *where)
    assert code == 0
    assert "登记库里没有在用的站点" in out


def _lines(name: str) -> list[str]:
    """Command lines on layers that a document shows, in its order."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line.partition("boai ")[2] for line in lines if re.match(r"(\.venv/bin/)?boai layers\b", line)]


@pytest.mark.parametrize(
    "name", [pytest.param("README.md", marks=pytest.mark.slow), "README.zh.md", "docs/layers.zh.md"]
)
def test_documented_lines_run(
    capsys, monkeypatch: pytest.MonkeyPatch, own_workspace: Path, tmp_path: Path, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOAI_WORKSPACE", str(own_workspace))
    book = openpyxl.Workbook()
    book.active.append(["名称", "所在区县", "经度", "纬度", "坐标系"])
    book.active.append(["甲", "修水县", 114.571234, 29.031234, "高德"])
    book.save("上报.xlsx")
    for number in range(1, 5):  # changes 2 to 5, which the documents speak of
        run(capsys, "layers", "remove", "team", f"team-{number:04d}")
    lines = _lines(name)
    assert len(lines) >= 3
    for line in lines:
        code, _, err = run(capsys, *shlex.split(line))
        assert code == 0, (line, err)


def test_options_before_the_subcommand_are_refused(capsys, own_workspace: Path) -> None:
    for early in (["-w", str(own_workspace)], ["--registry", "other.gpkg"], ["--json"]):
        code, _, err = run(capsys, "layers", *early, "show", "team")
        assert code == 1
        assert "写在子命令之后" in err


def test_the_desk_says_that_a_position_is_approximate(capsys, own_workspace: Path, tmp_path: Path) -> None:
    where = ["-w", str(own_workspace)]
    path = tmp_path / "store.csv"
    row = "黄坳仓,修水县,修水县黄坳乡,张三,0792-1234567"
    path.write_text(f"名称,县区,地址,保管人,电话\n{row}\n", encoding="utf-8")
    assert run(capsys, "layers", "import", str(path), "--as", "warehouse", *where)[0] == 0
    code, out, _ = run(capsys, "nearest", "--at", "修水县", "-k", "1", *where)
    assert code == 0
    assert "只是所在乡镇或县城的一点" in out
    assert "张三 0792-1234567" in out


@pytest.fixture
def newer(own_workspace: Path) -> Path:
    """A registry that a newer boai has written."""
    path = own_workspace / "layers.gpkg"
    with sqlite3.connect(path) as base:
        base.execute("UPDATE boai_format SET format = 99")
    base.close()
    return path


def test_a_registry_of_a_newer_boai_stays_where_it_is(newer: Path) -> None:
    with pytest.raises(UnavailableError, match="更新的 boai"):
        workspace._keeps_layers(newer.parent, lambda _: None)
    assert not list(newer.parent.glob("layers.damaged*"))
    assert newer.exists()


@pytest.mark.slow
def test_a_registry_of_a_newer_boai_stays_when_all_is_made_again(capsys, newer: Path) -> None:
    code, _, err = run(capsys, "init", str(newer.parent), "--force")
    assert code == 1
    assert "更新的 boai" in err
    assert not list(newer.parent.glob("layers.damaged*"))
    assert newer.exists()


def test_the_registry_and_the_source_are_never_overwritten(
    capsys, own_workspace: Path, stores: Path, tmp_path: Path
) -> None:
    where = ["-w", str(own_workspace)]
    copy = tmp_path / "copy.gpkg"
    copy.write_bytes((own_workspace / "layers.gpkg").read_bytes())
    source = tmp_path / stores.name
    source.write_bytes(stores.read_bytes())
    before = {path: path.read_bytes() for path in (own_workspace / "layers.gpkg", copy, source)}
    for path in (own_workspace / "layers.gpkg", copy, tmp_path):
        code, _, err = run(capsys, "layers", "export", "aed", str(path), "--overwrite", *where)
        assert code == 1
        assert "不能" in err
    how = ["--as", "warehouse", "--overwrite", *where]
    code, _, err = run(capsys, "layers", "check", str(source), "--save-mapping", str(source), *how)
    assert code == 1
    assert "不能覆盖要读的文件" in err
    assert {path: path.read_bytes() for path in before} == before
