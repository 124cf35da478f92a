"""The commands on layers as an office uses them: check, import, look, export, undo; JSON for programs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from boai.app import cli
from boai.geodata import datums
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
        assert next(csv.DictReader(file))["仓库名称"] == "无坐标仓库"

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


def test_removing_needs_ids_or_all(capsys, own_workspace: Path) -> None:
    where = ["-w", str(own_workspace)]
    code, _, err = run(capsys, "layers", "remove", "team", *where)
    assert code == 1
    assert "--all" in err
    code, out, _ = run(capsys, "layers", "remove", "team", "--all", *where)
    assert "移出 56" in out or "移出示例 56" in out
    code, out, _ = run(capsys, "coverage", "team", *where, "--json")
    assert code == 0
    assert {row["served"] for row in json.loads(out)["rows"]} == {0}


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
        "甲,修水县,114.57,29.03,已建,", "乙,修水县,114.58,29.03,停用,", "丙,修水县,114.59,29.03,规划,",
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
