"""The commands on targets as a user runs them: on screen, as JSON, as Excel; forms out and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ledgerworld as lw
import openpyxl
import pytest
from boai.app import targets
from boai.app.targets_cli import targets_app
from boai.geodata.errors import InputError
from boai.geodata.registry import load_layers


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], workspace_folder: Path) -> Any:
    """Run a command in the demo workspace: what it prints."""

    def command(*arguments: object, plain: bool = False, folder: Path = workspace_folder) -> Any:
        words = [str(each) for each in arguments]
        named = () if words and words[0] == "check" else ("-w", str(folder))
        targets_app([*words, *named, *(() if plain else ("--json",))], standalone_mode=False)
        out = capsys.readouterr().out
        return out if plain else json.loads(out)

    return command


def rows(found: Any, name: str, year: str) -> list[Any]:
    return [row for row in found["rows"] if (row["id"], row["year"]) == (name, year)]


def test_the_ledger_on_screen(run: Any) -> None:
    text = run("--year", 2022, "--as-of", 2026, plain=True)
    assert "示例数据" in text and "按 2026 年判灯" in text
    assert "≥500 台" in text and "另有 1800 台未写年份" in text
    assert "在三级以上的 3 座之外另加 1 座" in text and "已含在三级以上的 3 座之内" in text
    assert all(f"{light}: " in text for light in "绿黄红灰")  # in words as well as in colour


def test_the_ledger_as_json(run: Any) -> None:
    found = run("show", "--as-of", 2024)
    assert (found["title"], found["as_of"], found["by"]) == ("现状", 2024, "省")
    [city] = rows(found, "team-city", "2022")
    assert (city["built"], city["light"]) == (11, "绿")
    [county] = rows(found, "team-county", "2024")
    assert (county["planned"], county["built"], county["light"]) == (100, 56, "黄")
    assert county["missing"].count("、") == 100 - 56 - 1
    assert len(rows(found, "team-province", "2024")) == 2
    assert rows(found, "trainers", "2022")[0]["light"] == "灰"
    assert sum(found["lights"].values()) == len(found["rows"])
    red = run("show", "--as-of", 2025)
    assert rows(red, "team-county", "2024")[0]["light"] == "红"


def test_by_city_and_county(run: Any) -> None:
    found = run("--by", "市", "--year", 2024, "--as-of", 2024)
    own = rows(found, "team-county", "2024")
    assert len(own) == 11 and sum(row["planned"] for row in own) == 100
    assert sum(row["built"] for row in own) == 56
    assert {row["planned"] for row in rows(found, "aed", "2024")} == {None}
    found = run("--by", "县", "--year", 2024, "--as-of", 2024)
    assert len(rows(found, "team-county", "2024")) == 100


def test_the_sites_of_a_scenario_take_the_place_of_the_layers(
    run: Any, workspace_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A team that is closed counts no more; what a layer leaves out of the registry counts as before."""
    layers = load_layers(workspace_folder / "layers.gpkg")
    team = layers["team"]
    after = {**layers, "team": replace(team, table=team.table[team.table["level"] != "市级"])}
    results = [SimpleNamespace(layers=layers, title="现状"), SimpleNamespace(layers=after, title="撤市级队")]
    monkeypatch.setattr("boai.app.answers.results_of", lambda *_: results)
    found = run("one", "--as-of", 2024)
    assert found["title"] == "撤市级队"
    assert rows(found, "team-city", "2022")[0]["built"] == 0
    assert rows(found, "team-county", "2024")[0]["built"] == 45
    assert "另有 1800 台未写年份" in rows(found, "aed", "2024")[0]["state"]


@pytest.mark.slow
def test_a_scenario_instead_of_today(run: Any, run_workspace: Path, tmp_path: Path) -> None:
    """Its sites are planned: the ledger says 按方案, and gives no green for them."""
    path = tmp_path / "one.yaml"
    opened = "{kind: team, name: 甲队, lon: 115.89, lat: 28.68, year: 2024, level: 省级}"
    path.write_text(f"name: one\ntitle: 添一支省级队\nchanges:\n  - open: {opened}\n", encoding="utf-8")
    found = run(path, "--as-of", 2024, folder=run_workspace)
    assert found["title"] == "添一支省级队"
    more, in_all = rows(found, "team-province", "2024")
    assert (more["built"], more["reached"], more["left"]) == (0, 1, 1)
    assert (in_all["left"], in_all["light"]) == (0, "黄") and "尚未建成" in in_all["state"]
    assert rows(found, "team-city", "2022")[0]["built"] == 11


def test_the_ledger_as_excel(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "台账.xlsx"
    run("--excel", path, "--as-of", 2026)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["说明", "台账", "各市", "各县"]
    assert any("标注: 示例数据" in str(row) for row in book["说明"].values)
    with pytest.raises(InputError, match="文件已存在"):
        run("--excel", path)


def test_forms_out_and_back(run: Any, tmp_path: Path) -> None:
    """Eleven forms go out; two come back, one of them with a number that is none."""
    folder, back = tmp_path / "forms", tmp_path / "back"
    sent = run("form", folder, "--all", "--year", 2024)
    assert len(sent["files"]) == 11 and sent["labels"] == ["示例数据"]
    back.mkdir()
    for city, number in (("赣州市", 60), ("南昌市", "约40")):
        form = next(Path(path) for path in sent["files"] if city in path)
        steps = (lw.everything, lambda book, n=number: lw.put(book, "aed", n))
        lw.filled(back / form.name, *steps, form=form.read_bytes())
    out = tmp_path / "汇总.xlsx"
    found = run("collect", back, "--out", out, "--as-of", 2026)
    aed = next(row for row in found["summary"] if row["id"] == "aed")
    assert (found["year"], aed["reported"], aed["light"], aed["cities"]) == (2024, 60, "黄", "1/11")
    assert len(found["missing"]) == 9
    [problem] = found["problems"]
    assert (problem["what"], problem["got"], problem["counts"]) == ("不是整数", "约40", "没有计入")
    county = next(row for row in found["summary"] if row["id"] == "team-county")
    assert county["reported"] == 18 + 9  # every county of 赣州 and 南昌
    assert "约40" in str(list(openpyxl.load_workbook(out)["存疑"].values))
    text = run("collect", *back.iterdir(), "--out", out, "--overwrite", plain=True)
    assert "没有收到(或不能用)的市: 景德镇市" in text and "约40" in text


def test_one_form(run: Any, tmp_path: Path) -> None:
    for name in ("赣州市", "赣州", "360700"):
        path = tmp_path / f"{name}.xlsx"
        run("form", path, "--city", name, "--year", 2023)
        assert openpyxl.load_workbook(path)["封面"]["B3"].value == "赣州市"


def test_shares_of_the_cities(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "分解.xlsx"
    run("allot", path)
    book = openpyxl.load_workbook(path)
    sheet = book["分解"]
    sheet["C3"] = "本会分解表"
    assert [cell.value for cell in sheet[4]][5] == "南昌市" and sheet.max_column == 5 + 11
    for column in range(6, 17):
        sheet.cell(5, column).value = 50  # 11 x 50 are at least 500
    book.save(path)
    found = run("--by", "市", "--allotments", path, "--as-of", 2022)
    assert {row["planned"] for row in rows(found, "aed", "2022")} == {50}
    assert {row["planned"] for row in rows(found, "aed", "2023")} == {None}


def test_an_office_has_its_own_ledger(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "source: 本市计划\ntargets:\n  - {id: aed, name: AED, kind: aed, measure: new, scope: 省, unit: 台,\n"
        "     comparator: '=', years: {2026: 3}, total: 3, binding: 硬指标}\n",
        encoding="utf-8",
    )
    assert run("check", path)["rows"][0]["kind"] == "AED"
    found = run("--ledger", path, "--as-of", 2026)
    assert found["source"] == "本市计划" and {row["id"] for row in found["rows"]} == {"aed"}
    assert "没有问题" in run("check", path, plain=True)
    path.write_text("source: x\ntargets: [{id: A}]\n", encoding="utf-8")
    with pytest.raises(InputError, match="name: 缺少必填项"):
        run("check", path)


@pytest.mark.parametrize(("words", "said"), [
    (("--by", "乡"), "应为 省、市、县 之一"), (("--year", 1999), "台账里没有这一年"),
    (("form", "x.xlsx"), "请写 --city 市名, 或写 --all"),
    (("form", "x.xlsx", "--city", "广州市"), "没有这个设区市"),
    (("form", "x.xlsx", "--city", "赣州市", "--year", 2030), "没有这一年要填报的目标"),
    (("form", "x.doc", "--city", "赣州市", "--year", 2024), "请以 .xlsx 结尾"),
    (("collect", "nowhere", "--out", "x.xlsx"), "文件不存在"), (("nowhere.yaml",), "没有这个文件"),
])  # fmt: skip
def test_wrong_calls(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Any, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said):
        run(*words)
    assert not list(tmp_path.iterdir())


def test_what_is_read_is_not_overwritten(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "赣州.xlsx"
    run("form", path, "--city", "赣州", "--year", 2024)
    with pytest.raises(InputError, match="不能覆盖要读的文件"):
        run("collect", path, "--out", path, "--overwrite")


def test_names_of_cities() -> None:
    assert [targets.city_code(lw.DEMAND, text) for text in ("东市", "东", "360200", "3602")] == [
        "3601", "3601", "3602", "3602",
    ]  # fmt: skip
