"""Excel templates: what a clerk sees, what can be entered, that the ranges exist, and that it reads back."""

from __future__ import annotations

import csv
import re
import stat
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from boai.geodata import intake, templates
from boai.geodata.errors import InputError
from boai.geodata.templates import FILL, FIRST_ROW, HEADER_ROW, NOTES, ROWS, WORDS, write_template
from boai.geodata.types import ResourceType, find_type, load_types, normal, read_types
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.worksheet.datavalidation import DataValidation
from python_calamine import CalamineWorkbook

ROOT = Path(__file__).resolve().parent.parent
LAST_ROW = HEADER_ROW + ROWS
RANGE = re.compile(r"'字典'!(\$[A-Z]+\$\d+(?::\$[A-Z]+\$\d+)?)")


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("templates")
    for kind in load_types():
        write_template(kind, folder / f"{kind}.xlsx")
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def aed(books: dict[str, Path]) -> Any:
    return openpyxl.load_workbook(books["aed"])


def _headers(sheet: Any) -> dict[str, int]:
    return {cell.value: cell.column for cell in sheet[HEADER_ROW] if cell.value}


def _checks(sheet: Any) -> dict[str, DataValidation]:
    """Column letter → its check, which covers exactly the rows to be filled in."""
    found = {}
    for check in sheet.data_validations.dataValidation:
        (area,) = check.sqref.ranges
        assert (area.min_row, area.max_row, area.min_col) == (FIRST_ROW, LAST_ROW, area.max_col)
        found[get_column_letter(area.min_col)] = check
    return found


def _check(book: Any, name: str, kind: str = "aed") -> DataValidation:
    attribute = load_types()[kind].attribute(name)
    column = _headers(book[FILL])[attribute.title + ("*" if attribute.required else "")]
    return _checks(book[FILL])[get_column_letter(column)]


def _values(book: Any, area: str) -> list[str]:
    left, top, right, bottom = range_boundaries(area.replace("$", ""))
    assert left == right
    return [book[WORDS].cell(row, left).value for row in range(top, bottom + 1)]


@pytest.mark.parametrize("kind", load_types())
def test_every_header_is_understood_and_nothing_is_in_the_rows(books: dict[str, Path], kind: str) -> None:
    rtype = load_types()[kind]
    book = CalamineWorkbook.from_path(books[kind])
    assert book.sheet_names == [FILL, NOTES, WORDS]
    title, header = book.get_sheet_by_name(FILL).to_python()
    assert title[0] == f"{rtype.title}填报表" and not any(title[1:])
    names = [rtype.headers[normal(text)] for text in header]
    left_out = {"orig_x", "orig_y", "orig_crs", *rtype.without}
    assert sorted(names) == sorted(each.name for each in rtype.attributes if each.name not in left_out)
    assert [text for text in header if text.endswith("*")] == ["名称*"]


@pytest.mark.parametrize("kind", load_types())
def test_drop_downs_refer_to_lists_that_exist(books: dict[str, Path], kind: str) -> None:
    rtype, book = load_types()[kind], openpyxl.load_workbook(books[kind])
    headers, checks = _headers(book[FILL]), _checks(book[FILL])
    assert set(checks) == {get_column_letter(number) for number in headers.values()}
    for header, number in headers.items():
        attribute = rtype.attribute(rtype.headers[normal(header)])
        check = checks[get_column_letter(number)]
        assert check.prompt.startswith(attribute.meaning[:100]) and len(check.prompt) <= 255
        assert len(check.promptTitle) <= 32 and len(check.error or "") <= 225 and check.showInputMessage
        if attribute.type in ("choice", "bool"):
            area = RANGE.fullmatch(check.formula1)
            assert area and _values(book, area[1]) == list(attribute.allowed or ("是", "否"))
            assert check.errorStyle == ("warning" if attribute.open else "stop")
        for area_text in RANGE.findall(check.formula1 or ""):
            assert all(_values(book, area_text))
        assert len(check.formula1 or "") <= 255


def test_counties_are_offered_by_city(aed: Any) -> None:
    """The formula of 县区, worked out by hand from the sheet, against the census table."""
    with (ROOT / "geodata" / "tables" / "counties_2020.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth = {city: {row["name"] for row in rows if row["city"] == city} for city in {r["city"] for r in rows}}
    check, headers = _check(aed, "county"), _headers(aed[FILL])
    city = f"${get_column_letter(headers['设区市'])}{FIRST_ROW}"
    assert check.formula1 == (
        f"IF(COUNTIF('字典'!$B$2:$B$101,{city})=0,'字典'!$C$2:$C$101,"
        f"OFFSET('字典'!$C$2,MATCH({city},'字典'!$B$2:$B$101,0)-1,0,COUNTIF('字典'!$B$2:$B$101,{city}),1))"
    )
    cities, counties = _values(aed, "$B$2:$B$101"), _values(aed, "$C$2:$C$101")
    offered = {
        name: set(counties[cities.index(name) : cities.index(name) + cities.count(name)]) for name in cities
    }
    assert offered == truth and len(counties) == 100 and len(truth) == 11
    assert check.errorStyle == "warning"
    area = RANGE.fullmatch(_check(aed, "city").formula1)
    assert area and set(_values(aed, area[1])) == set(truth)


def test_numbers_and_dates_are_checked_but_other_spellings_may_stay(aed: Any) -> None:
    lon, year, seen = _check(aed, "lon"), _check(aed, "year"), _check(aed, "verified_on")
    assert (lon.type, lon.operator, lon.formula1, lon.formula2) == ("decimal", "between", "73", "136")
    assert (year.type, year.formula1, year.formula2) == ("whole", "1900", "2100")
    assert (seen.type, seen.formula1) == ("date", "DATE(1900,1,1)")
    assert {lon.errorStyle, year.errorStyle, seen.errorStyle} == {"warning"}  # 28°41′22″N is understood
    capacity = _check(aed, "capacity")
    assert (capacity.type, capacity.operator, capacity.formula1) == ("decimal", "greaterThanOrEqual", "0")
    assert "单位: 台" in capacity.prompt and "必填" in _check(aed, "name").prompt
    assert _check(aed, "phone").type is None and not _check(aed, "phone").showErrorMessage


def test_codes_and_phones_are_text_in_every_row(aed: Any) -> None:
    sheet, headers = aed[FILL], _headers(aed[FILL])
    assert sheet.max_row == HEADER_ROW
    for title, form in {
        "编号": "@", "县级代码": "@", "电话": "@", "序列号": "@", "名称*": "@", "开放时间": "@",
        "电池有效期": "yyyy-mm-dd", "年份": "0", "经度": "General",
    }.items():  # fmt: skip
        column = get_column_letter(headers[title])
        assert sheet.column_dimensions[column].number_format == form, title
    assert sheet.freeze_panes == "C3"


def test_the_meaning_of_every_column_is_told_apart_from_the_rows(aed: Any) -> None:
    rows = list(aed[NOTES].iter_rows(values_only=True))
    start = next(number for number, row in enumerate(rows) if row[0] == "列名")
    assert rows[start] == ("列名", "含义", "类型", "单位", "必填", "可填的值", "示例")
    told = {row[0]: row for row in rows[start + 1 :]}
    asked = templates.columns(load_types()["aed"])
    assert list(told) == [each.title for each in asked]
    assert all(told[each.title][1] == each.meaning for each in asked)
    assert told["名称"][4] == "必填" and told["状态"][5] == "规划、在建、已建、停用"
    assert told["经度"][3] == "度" and told["经度"][5] == "73-136 度" and told["公众可用"][5] == "是、否"
    assert told["场所类型"][5].endswith("(可另写)") and told["开放时间"][6].startswith("周一至周五")


def test_no_text_names_a_coordinate_system_above_the_header(books: dict[str, Path]) -> None:
    """The intake takes a system in a title row for a statement about the table."""
    for path in books.values():
        title = CalamineWorkbook.from_path(path).get_sheet_by_name(FILL).to_python()[0][0]
        assert not re.search(r"WGS|GCJ|BD|CGCS|2000|高德|百度|天地图|坐标", title)


def test_no_cell_holds_a_formula(books: dict[str, Path], tmp_path: Path) -> None:
    schema = tmp_path / "own.yaml"
    schema.write_text(
        "types: {boat: {title: 冲锋舟, meaning: '艇, =1+1', own: {a: {title: 甲, type: choice, meaning: 甲,"
        " allowed: [好, '5A'], open: true}}}}",
        encoding="utf-8",
    )
    write_template("冲锋舟", tmp_path / "boat.xlsx", types=read_types(schema))
    for path in (*books.values(), tmp_path / "boat.xlsx"):
        for sheet in openpyxl.load_workbook(path):
            assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_the_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "模板.xlsx"
    write_template("AED", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("openpyxl.workbook.workbook.Workbook.save", fail)
    with pytest.raises(InputError, match="文件无法写入"):
        write_template("team", path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "kind, name, part",
    [("aed", "a.xls", "xlsx"), ("火箭", "a.xlsx", "没有这个类型"), ("aed", "没有/a.xlsx", "文件无法写入")],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, kind: str, name: str, part: str) -> None:
    with pytest.raises(InputError, match=part):
        write_template(kind, tmp_path / name)
    assert not list(tmp_path.iterdir())


def _fill(path: Path, rtype: ResourceType, row: dict[str, Any]) -> None:
    book = openpyxl.load_workbook(path)
    sheet = book[FILL]
    places = {rtype.headers[normal(title)]: column for title, column in _headers(sheet).items()}
    for name, value in row.items():
        sheet.cell(FIRST_ROW, places[name]).value = value
    book.save(path)


ROW = {
    "id": "360424-01", "name": "修水县人民医院门诊大厅", "city": "九江市", "county": "修水县",
    "county_code": "360424", "lon": 114.547312, "lat": 29.025726, "crs": "WGS84", "level": "县级",
    "venue": "医院", "public": "是", "serial": "0023050001", "battery_until": datetime(2027, 5, 31),
    "status": "已建", "year": 2023, "phone": "0792-7221120", "hours": "周一至周五 08:00-17:30; 节假日关闭",
    "capacity": 2, "verified_on": datetime(2024, 3, 5),
}  # fmt: skip


def test_a_filled_template_holds_what_was_written(tmp_path: Path) -> None:
    rtype, path = find_type("aed"), tmp_path / "aed.xlsx"
    write_template("aed", path)
    _fill(path, rtype, ROW)
    rows = CalamineWorkbook.from_path(path).get_sheet_by_name(FILL).to_python()
    assert len(rows) == FIRST_ROW
    got = {rtype.headers[normal(title)]: value for title, value in zip(rows[1], rows[2], strict=True)}
    for name, value in ROW.items():
        assert got[name] == (value.date() if isinstance(value, datetime) else value)


@pytest.mark.parametrize("kind", load_types())
def test_a_filled_template_comes_in_without_a_question(tmp_path: Path, kind: str) -> None:
    rtype, path = load_types()[kind], tmp_path / f"{kind}.xlsx"
    write_template(kind, path)
    row = {name: value for name, value in ROW.items() if name in {each.name for each in rtype.attributes}}
    _fill(path, rtype, row)
    result = intake.read(path, kind=kind, today=date(2024, 4, 1))
    told = [(found.code, found.what, found.got) for found in result.findings if found.severity != "note"]
    assert not told and result.rows_read == 1 and not len(result.quarantine)
    assert (result.verdict.system, result.verdict.status) == ("WGS84", "stated")
    (site,) = result.sites.to_dict("records")
    assert not site["extras"]
    for name, value in row.items():
        if name not in ("crs", "public", "battery_until", "verified_on", "hours"):
            assert site[name] == pytest.approx(value), name
    assert str(site["verified_on"])[:10] == "2024-03-05"


def test_an_empty_template_holds_no_rows(books: dict[str, Path]) -> None:
    told = intake.check(books["aed"], kind="aed")
    assert told["rows"] == {"read": 0, "good": 0, "quarantined": 0} and not told["ok"]
