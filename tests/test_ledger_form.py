"""The December form: what a city sees, what it may fill in, what programs find in it."""

from __future__ import annotations

import io
import re
import zipfile

import ledgerworld as lw
import openpyxl
import pytest
from boai.scenarios.ledger.allotments import Allotments
from boai.scenarios.ledger.form import (
    COUNTIES,
    COVER,
    ENTRY,
    FILLED,
    HEADER_ROW,
    MARKS,
    NOTES,
    build_form,
    lines,
)
from boai.scenarios.ledger.sheets import book_bytes, safe
from boai.scenarios.ledger.targets import plan_text

FORM = lw.blank()
BOOK = openpyxl.load_workbook(io.BytesIO(FORM))


def shown(sheet: str) -> dict[str, dict[str, object]]:
    """Lines of a sheet by key: header → value."""
    headers = [cell.value for cell in BOOK[sheet][HEADER_ROW]]
    rows = BOOK[sheet].iter_rows(min_row=HEADER_ROW + 1, values_only=True)
    return {str(row[0]): dict(zip(headers, row, strict=True)) for row in rows}


def test_sheets_and_marks() -> None:
    assert BOOK.sheetnames == [COVER, ENTRY, COUNTIES, NOTES, MARKS]
    assert BOOK[MARKS].sheet_state == "hidden"
    marks = dict(BOOK[MARKS].iter_rows(values_only=True))
    assert marks == {
        "form": "boai-targets-form", "version": "1", "city_code": "3601", "city": "东市", "year": "2024",
        "ledger": lw.PLAN.key,
    }  # fmt: skip
    assert (BOOK[COVER]["B3"].value, BOOK[COVER]["B4"].value) == ("东市", "2024 年")
    assert BOOK[ENTRY].column_dimensions["A"].hidden and BOOK[COUNTIES].column_dimensions["A"].hidden


def test_every_target_of_the_year_has_its_line() -> None:
    asked = {target.id for target in lw.PLAN.asked(2024)}
    by_county = {"team-county", "volunteers-team", "memorial-county"}
    assert set(shown(ENTRY)) == asked - by_county
    assert set(shown(COUNTIES)) == {f"{t}@{c}" for t in by_county for c in ("360101", "360102")}


def test_the_plan_in_words_and_no_invented_shares() -> None:
    entry = shown(ENTRY)
    assert entry["aed"]["全省计划"] == "不少于 500 台"
    assert entry["aed"]["本市计划"] is None
    assert entry["team-city"]["全省计划"] == "11 市 (2022 年)"
    assert entry["team-city"]["本市计划"] == 1
    both = "2024 年再增 2 支, 合计 3 支: 2 支; 或 到 2024 年累计 2 支, 当年 1 支: 1 支"
    assert entry["team-province"]["全省计划"] == both
    assert shown(COUNTIES)["volunteers-team@360101"]["应有"] == 3
    target = lw.PLAN.target("home")
    assert target is not None
    assert [plan_text(target, year) for year in (2022, 2023)] == ["40 个", "不少于 30 个"]


def test_only_what_is_to_be_filled_in_is_open() -> None:
    for name in (ENTRY, COUNTIES):
        sheet = BOOK[name]
        assert sheet.protection.sheet
        headers = [cell.value for cell in sheet[HEADER_ROW]]
        assert all(cell.protection.locked for cell in sheet[HEADER_ROW])
        for row in sheet.iter_rows(min_row=HEADER_ROW + 1):
            for header, cell in zip(headers, row, strict=True):
                is_open = header in FILLED and cell.value != "—"
                assert cell.protection.locked != is_open, (name, cell.coordinate)
    required = {key for key, row in shown(ENTRY).items() if row["应有数"] != "—"}
    assert required == {"consulting"}  # only there the plan gives no number


def test_a_number_that_is_typed_stays_a_number() -> None:
    """Excel makes a text of what is typed into a cell of the format text."""
    for name in (ENTRY, COUNTIES):
        sheet = BOOK[name]
        at = next(cell.column for cell in sheet[HEADER_ROW] if cell.value == "上报数")
        cells = [sheet.cell(row, at) for row in range(HEADER_ROW + 1, sheet.max_row + 1)]
        assert {(cell.value, cell.number_format) for cell in cells} == {(None, "0")}


def test_drop_downs_and_number_checks() -> None:
    rules = BOOK[ENTRY].data_validations.dataValidation
    assert sorted(rule.type for rule in rules) == ["list", "list", "whole", "whole"]
    lists = {rule.formula1 for rule in rules if rule.type == "list"}
    assert '"一致,登记库少登,登记库多登,未核对"' in lists


def test_what_the_registry_has() -> None:
    team = lw.sites([("360101", "市级", 2022, "已建")] * 2 + [("360201", "市级", 2022, "已建")])
    form = lines(lw.PLAN, lw.DEMAND, {}, city="3601", year=2024, resources={"team": team})
    recorded = {line.key: line.recorded for line in form}
    assert recorded["team-city"] == 2  # teams, of which a city needs one
    assert recorded["team-county@360101"] == 2 and recorded["team-county@360102"] == 0
    assert recorded["aed"] is None and shown(ENTRY)["aed"]["登记库已有"] == "登记库没有登记"
    assert shown(ENTRY)["trainers"]["登记库已有"] == "不在登记库, 由各市上报"


def test_sites_without_a_year_are_told_to_the_city() -> None:
    aed = lw.sites([("360101", "", 2024, "已建"), ("360101", "", float("nan"), "已建")])
    listed = lines(lw.PLAN, lw.DEMAND, {}, city="3601", year=2024, resources={"aed": aed})
    book = build_form(lw.PLAN, listed, lw.DEMAND, city="3601", year=2024)
    assert book[ENTRY].cell(HEADER_ROW + 1, 10).value == "1 (另有 1 台未写年份)"


def test_shares_of_the_office_are_shown() -> None:
    shares = Allotments(source="x", allotments={"aed": {2024: {"东市": 40, "西市": 460}}})
    form = lines(lw.PLAN, lw.DEMAND, {}, city="3602", year=2024, allotments=shares)
    assert next(line.asked for line in form if line.key == "aed") == 460


def test_the_same_form_has_the_same_bytes() -> None:
    assert lw.blank() == FORM
    with zipfile.ZipFile(io.BytesIO(FORM)) as packed:
        assert {info.date_time for info in packed.infolist()} == {(2000, 1, 1, 0, 0, 0)}
        assert not re.search(rb"202[5-9]-", packed.read("docProps/core.xml"))


def test_example_data_are_labelled() -> None:
    listed = lines(lw.PLAN, lw.DEMAND, {}, city="3601", year=2024)
    book = build_form(lw.PLAN, listed, lw.DEMAND, city="3601", year=2024, labels=["示例数据"])
    texts = [str(cell.value) for row in book[COVER].iter_rows() for cell in row]
    assert any("示例数据, 不是实绩" in text for text in texts)


def test_no_formula_is_written() -> None:
    hostile = lw.PLAN.model_copy(
        update={"targets": (lw.PLAN.targets[0].model_copy(update={"name": '=HYPERLINK("http://x")'}),)}
    )
    listed = lines(hostile, lw.DEMAND, {}, city="3601", year=2024)
    content = book_bytes(build_form(hostile, listed, lw.DEMAND, city="3601", year=2024))
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        sheets = [packed.read(name) for name in packed.namelist() if name.startswith("xl/worksheets")]
    assert not any(b"<f>" in sheet for sheet in sheets)
    assert safe("@SUM(1)") == "'@SUM(1)" and safe("-5") == "-5"


@pytest.mark.parametrize("sheet", [COVER, ENTRY, COUNTIES])
def test_it_prints_on_a_page(sheet: str) -> None:
    assert BOOK[sheet].page_setup.paperSize == "9" or BOOK[sheet].page_setup.paperSize == 9
    assert BOOK[sheet].sheet_properties.pageSetUpPr.fitToPage
