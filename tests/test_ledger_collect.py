"""Collecting the cities' forms: sums, both readings, differences from the registry, who is missing."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import ledgerworld as lw
import openpyxl
import pytest
from boai.geodata.errors import InputError
from boai.scenarios.ledger.book import MATRIX, collection_book, ledger_book, write_collection, write_ledger
from boai.scenarios.ledger.collect import Collection, collect, list_files
from boai.scenarios.ledger.lights import COLOURS, GREEN, GREY, RED, YELLOW
from boai.scenarios.ledger.progress import progress
from boai.scenarios.ledger.sheets import book_bytes

FORMS = {city: lw.blank(city) for city in lw.CITIES}
TEAMS = lw.sites([("360101", "市级", 2022, "已建")] + [("360201", "省级", 2024, "已建")] * 2)


def answer(folder: Path, city: str, *steps: lw.Fill, name: str = "", form: bytes | None = None) -> Path:
    return lw.filled(folder / f"{name or city}.xlsx", lw.cover, *steps, form=form or FORMS[city])


def fill(**values: Any) -> lw.Fill:
    """Fill in lines: ``team_city=1`` is the line team-city, ``team_county__360101`` one by county."""

    def step(book: Any) -> None:
        for name, value in values.items():
            lw.put(book, name.replace("__", "@").replace("_", "-"), value)

    return step


def gather(folder: Path, *, year: int | None = None, as_of: int = 2026) -> Collection:
    return collect([folder], lw.PLAN, lw.DEMAND, {}, year=year, as_of=as_of, resources={"team": TEAMS})


def row(found: Collection, target: str, reading: str = "") -> Any:
    own = found.summary[found.summary["id"] == target]
    own = own[own["reading"].str.contains(reading)]
    assert len(own) == 1
    return own.iloc[0]


def at(found: Collection, target: str, city: str) -> Any:
    own = found.matrix
    return own[(own["id"] == target) & (own["city"] == city)].iloc[0]


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Both cities report."""
    folder = tmp_path / "forms"
    folder.mkdir()
    hospitals = [lambda book: lw.put(book, "consulting", 5, "应有数")]
    east = fill(aed=300, team_province=0, consulting=4)
    answer(
        folder, "东市", lw.everything, east, *hospitals, lambda book: lw.put(book, "aed", "已核对", "说明")
    )
    west = fill(aed=199, team_province=1, consulting=6)
    answer(folder, "西市", lw.everything, west, *hospitals)
    return folder


def test_sums_against_the_plan(both: Path) -> None:
    found = gather(both)
    assert (found.year, found.missing) == (2024, ())
    assert len(found.findings) == 0
    aed = row(found, "aed")
    assert aed[["planned", "reported", "left", "light", "cities"]].tolist() == [500, 499, 1, RED, "2/2"]
    assert (
        row(found, "home")["light"] == RED and row(found, "team-nation")["state"] == "已达到, 比计划多 1 支"
    )
    assert at(found, "aed", "东市")["reported"] == 300 and at(found, "aed", "东市")["remark"] == "已核对"


def test_both_readings_stand_side_by_side(both: Path) -> None:
    found = gather(both)
    assert row(found, "team-province", "再增")[["planned", "reported", "light"]].tolist() == [2, 1, RED]
    assert row(found, "team-province", "累计")[["planned", "reported", "light"]].tolist() == [1, 1, GREEN]


def test_one_and_three_stores_as_cities_report_them(tmp_path: Path) -> None:
    """Of four new stores, three of grade three, one is the one more; of three it is so in one reading."""
    for total, lit in ((4, [GREEN, GREEN]), (3, [RED, GREEN])):
        folder = tmp_path / str(total)
        folder.mkdir()
        for city, number in (("东市", total), ("西市", 0)):
            stores = fill(warehouse_any=number, warehouse_3=3 if number else 0)
            answer(folder, city, stores, form=lw.blank(city, year=2022))
        found = gather(folder)
        assert [row(found, "warehouse-any", word)["light"] for word in ("另加", "已含")] == lit


def test_the_number_that_the_plan_leaves_to_the_cities(both: Path) -> None:
    found = row(gather(both), "consulting")
    assert found[["planned", "reported", "light"]].tolist() == [10, 10, GREEN]
    assert "应有数由各市填报" in found["state"]


def test_coverage_counts_a_unit_once(tmp_path: Path) -> None:
    counties = {"team_county__360101": 9, "team_county__360102": 0}
    volunteers = {"volunteers_team__360101": 9, "volunteers_team__360102": 2}
    answer(tmp_path, "东市", lw.everything, fill(team_city=4, **counties, **volunteers))
    answer(tmp_path, "西市", lw.everything)
    found = gather(tmp_path)
    assert row(found, "team-city")["reported"] == 2
    assert row(found, "team-county")["reported"] == 1 + 0 + 2
    assert row(found, "volunteers-team")["reported"] == 3 + 2 + 1 + 1
    assert row(found, "memorial-county")["light"] == GREY  # the plan gives no number


def test_differences_from_the_registry(both: Path) -> None:
    found = gather(both)
    own = found.matrix[found.matrix["id"].isin(["team-province", "team-city"])]
    columns = ["id", "city", "reported", "recorded", "difference"]
    assert own[columns].to_numpy().tolist() == [
        ["team-city", "东市", 1, 1, 0], ["team-city", "西市", 1, 0, 1],
        ["team-province", "东市", 0, 0, 0], ["team-province", "西市", 1, 2, -1],
    ]  # fmt: skip
    assert found.matrix[found.matrix["id"] == "aed"]["difference"].isna().all()  # nobody recorded any


def test_who_is_missing(tmp_path: Path) -> None:
    answer(tmp_path, "东市", lw.everything, fill(aed=100))
    found = gather(tmp_path)
    assert found.missing == ("西市",)
    aed = row(found, "aed")
    assert aed[["reported", "light", "cities"]].tolist() == [100, YELLOW, "1/2"]
    assert "尚有 1 个市未报或存疑" in aed["state"]
    assert at(found, "aed", "西市")["state"] == "未报"


def test_enough_without_the_missing_is_enough(tmp_path: Path) -> None:
    answer(tmp_path, "东市", lw.everything, fill(aed=500))
    assert row(gather(tmp_path), "aed")["light"] == GREEN


def test_blank_is_not_nought_and_doubtful_is_not_counted(tmp_path: Path) -> None:
    answer(tmp_path, "东市", fill(aed="约30", home=3, team_county__360101=1))
    answer(tmp_path, "西市", fill(aed=10))
    found = gather(tmp_path)
    assert row(found, "aed")["reported"] == 10
    assert at(found, "aed", "东市")["state"] == "存疑" and at(found, "home", "西市")["state"] == "未报"
    assert at(found, "team-county", "东市")["state"] == "部分县未报 (缺 1 个)"
    assert row(found, "training")[["light", "state"]].tolist() == [GREY, "没有市上报"]
    doubtful = found.values[found.values["doubt"] != ""]
    assert doubtful[["id", "got", "doubt"]].to_numpy().tolist() == [["aed", "约30", "不是整数"]]


def test_a_city_that_sends_two_files(tmp_path: Path) -> None:
    answer(tmp_path, "东市", lw.everything, fill(aed=100), name="东市1")
    answer(tmp_path, "东市", lw.everything, fill(aed=120), name="东市2")
    found = gather(tmp_path)
    assert "东市有 2 个文件" in found.findings["what"].iloc[0]
    assert row(found, "home")["reported"] == 1  # what both say counts once
    assert at(found, "aed", "东市")[["reported", "state"]].isna().tolist() == [True, False]
    told = found.findings[found.findings["what"].str.contains("AED")]
    assert told["got"].tolist() == ["100 / 120"]


def test_the_same_file_twice_counts_once(tmp_path: Path) -> None:
    path = answer(tmp_path, "东市", lw.everything)
    shutil.copy(path, tmp_path / "副本.xlsx")
    found = gather(tmp_path)
    assert row(found, "home")["reported"] == 1 and at(found, "home", "东市")["state"] == "已报"


def test_a_form_of_another_year(tmp_path: Path) -> None:
    answer(tmp_path, "东市", lw.everything)
    answer(tmp_path, "西市", lw.everything, form=lw.blank("西市", year=2023))
    with pytest.raises(InputError, match="各文件的年度不同, 得到 2023、2024; 请用 --year"):
        gather(tmp_path)
    found = gather(tmp_path, year=2024)
    assert found.missing == ("西市",) and row(found, "aed")["reported"] == 1
    assert "这是 2023 年的表, 现在收 2024 年" in found.findings["what"].tolist()
    assert (found.values["doubt"] == "这是 2023 年的表, 现在收 2024 年").any()


def test_a_file_that_is_no_workbook(tmp_path: Path) -> None:
    answer(tmp_path, "东市", lw.everything)
    (tmp_path / "西市.xlsx").write_bytes(b"hello")
    (tmp_path / "~$东市.xlsx").write_bytes(b"lock")
    (tmp_path / "readme.md").write_text("x", encoding="utf-8")
    found = gather(tmp_path)
    told = found.findings[["file", "what", "counts"]].to_numpy().tolist()
    assert told == [["西市.xlsx", "这不是 Excel 工作簿", "没有计入"]]
    assert found.covers[["file", "doubt"]].to_numpy().tolist() == [
        ["东市.xlsx", ""],
        ["西市.xlsx", "文件读不出"],
    ]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="没有填报表"):
        gather(tmp_path)
    with pytest.raises(InputError, match="文件不存在"):
        list_files([tmp_path / "x.xlsx"])
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(InputError, match="没有一个文件能用"):
        gather(tmp_path)


def test_order_of_the_files_changes_nothing(both: Path) -> None:
    paths = list_files([both])
    one, other = (collect(own, lw.PLAN, lw.DEMAND, {}, as_of=2026) for own in (paths, paths[::-1]))
    for name in ("summary", "matrix", "values", "covers", "findings"):
        assert getattr(one, name).equals(getattr(other, name))


# Workbooks


def test_the_workbook_of_the_province(both: Path, tmp_path: Path) -> None:
    (both / "bad.xlsx").write_bytes(b"x")
    found = gather(both)
    path = tmp_path / "out.xlsx"
    write_collection(path, found, notes=["标注: 示例数据"])
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [
        "说明", "汇总", MATRIX, "与登记库不同", "未报与存疑", "分县", "说明与佐证", "存疑", "问题", "文件",
    ]  # fmt: skip
    rows = list(book[MATRIX].values)
    assert rows[0] == ("目标", "单位", "东市", "西市", "合计")
    assert rows[1] == ("AED 配置", "台", 300, 199, 499)
    light = {cell.value: cell.fill.fgColor.rgb for row in book["汇总"].iter_rows() for cell in row}
    assert {word: light[word][2:] for word in (GREEN, RED)} == {word: COLOURS[word] for word in (GREEN, RED)}
    assert any("标注: 示例数据" in str(row) for row in book["说明"].values)
    write_collection(tmp_path / "again.xlsx", gather(both), notes=["标注: 示例数据"])
    assert (tmp_path / "again.xlsx").read_bytes() == path.read_bytes()


def test_nothing_that_cities_write_runs(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://x","y")'
    answer(tmp_path, "东市", lw.everything, fill(aed="'" + evil))
    answer(tmp_path, "西市", lw.everything, lambda book: lw.put(book, "aed", evil, "佐证材料"),
           lambda book: lw.put(book, "aed", "@SUM(A1)", "说明"))  # fmt: skip
    book = openpyxl.load_workbook(io.BytesIO(book_bytes(collection_book(gather(tmp_path)))))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f" or str(cell.value)[:1] in "=@"]
    assert any(str(cell.value) == "'@SUM(A1)" for cell in cells)


def test_the_workbook_of_the_ledger(tmp_path: Path) -> None:
    table = progress(lw.PLAN, lw.DEMAND, {}, resources={"team": TEAMS}, as_of=2026)
    path = tmp_path / "ledger.xlsx"
    write_ledger(path, table, {}, notes=["内容: 现状"])
    sheet = openpyxl.load_workbook(path)["台账"]
    heads = [cell.value for cell in sheet[1]]
    assert {"目标", "读法", "计划", "已建成", "灯", "状态", "原文歧义"} <= set(heads)
    lit = [row[heads.index("灯")] for row in sheet.iter_rows(min_row=2)]
    assert len(lit) == len(table)
    assert all(cell.fill.fgColor.rgb[2:] == COLOURS[cell.value] for cell in lit)
    years = [row[heads.index("年份")].value for row in sheet.iter_rows(min_row=2)]
    assert 2022 in years and "合计" in years
    with pytest.raises(InputError, match="xlsx"):
        write_ledger(tmp_path / "ledger.csv", table, {})
    assert book_bytes(ledger_book(table, {})) == book_bytes(ledger_book(table, {}))
