"""Workbooks: other programs read what was written, in any text, and the same sheets give the same bytes."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree as ET

import openpyxl
import pytest
from boai.maps import palette
from boai.maps.workbook import Sheet, Value, workbook_bytes
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
VALUES = st.one_of(
    st.none(),
    TEXTS,
    st.integers(-(10**12), 10**12),
    st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: float(f"{round(x, 6):.15g}")),  # as Excel keeps
)


def opened(sheets: list[Sheet]) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook_bytes(sheets)))


@settings(max_examples=many(40))
@given(st.lists(st.tuples(st.just("甲"), VALUES, VALUES), max_size=6), st.sampled_from(["", "0.0%", "#,##0"]))
def test_two_other_readers_find_what_was_written(rows: list[tuple[Value, ...]], form: str) -> None:
    headers = ["<名称>", '"b"', "c"]
    file = workbook_bytes([Sheet("甲 & 'b' c", headers, rows, ["", form, form])])
    legal = [headers, *([_legal(value) for value in row] for row in rows)]
    sheet = openpyxl.load_workbook(io.BytesIO(file))["甲 & 'b' c"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == legal
    other = CalamineWorkbook.from_filelike(io.BytesIO(file)).get_sheet_by_index(0).to_python()
    assert [[None if value == "" else value for value in row] for row in other] == legal


def _legal(value: Value) -> Value:
    """Leave out what XML cannot hold; an empty text is not written."""
    return value.replace("\ufffe", "").replace("\uffff", "") or None if isinstance(value, str) else value


def test_heading_filter_widths_and_formats() -> None:
    rows = [("修水县" * 30, 12, 0.5, 1.5, 3), ("", 1234.5, 1, 2, None)]
    forms = ["", "#,##0", "0.0%", "#,##0.00", "0"]
    sheet = opened([Sheet("一", ["名称", "b", "c", "d", "e"], rows, forms)])["一"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:E3")
    assert [cell.font.b for cell in sheet[1]] == [True] * 5
    assert sheet["A1"].fill.fgColor.rgb == f"FF{palette.REACH[0][1:].upper()}"
    assert [cell.number_format for cell in sheet[2]] == ["General", "#,##0", "0.0%", "#,##0.00", "0"]
    # A number that is not whole shows a digit; an integer among shares is no share; nothing is not written.
    assert [cell.number_format for cell in sheet[3]][1:4] == ["#,##0.0", "General", "#,##0.00"]
    assert sheet["A3"].value is None is sheet["E3"].value
    # Beside the characters stand five pixels of margin (Microsoft, "Column widths").
    assert [int(sheet.column_dimensions[column].width) for column in "AB"] == [46, 8]


def test_long_texts_are_broken_and_many_columns_are_named() -> None:
    wide = Sheet("二", [str(i) for i in range(703)], [tuple(range(703))], [""] * 703)
    book = opened([Sheet("说明", ["项目", "内容"], [("甲", "乙" * 300)], ["", ""], wrapped=1), wide])
    note = book["说明"]["B2"]
    assert (note.alignment.wrap_text, note.alignment.vertical) == (True, "top")
    assert int(book["说明"].column_dimensions["B"].width) == 110
    assert book["二"]["AAA2"].value == 702
    assert book["二"].max_column == 703


def test_it_prints_on_a4_landscape_with_header_and_stamp_on_each_page() -> None:
    file = workbook_bytes([Sheet("一", ["名称"], [("甲",)], [""])], footer="内部使用 & 不得公开")
    sheet = openpyxl.load_workbook(io.BytesIO(file))["一"]
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (
        1,
        0,
    ) or sheet.page_setup.fitToHeight == 0
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.oddFooter.left.text == "内部使用 && 不得公开"


def test_texts_stay_texts_whatever_they_look_like() -> None:
    texts = ["=1+1", "{=A1}", "http://a.b/c", "internal:一!A1", "12", "_x0041_", "长" * 40_000, "a\ufffeb"]
    file = workbook_bytes([Sheet("一", ["=1+1"], [(text,) for text in texts], [""])])
    cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(file))["一"].iter_rows()]
    assert [cell.data_type for cell in cells] == ["s"] * 9
    assert not [cell for cell in cells if cell.hyperlink]
    read = CalamineWorkbook.from_filelike(io.BytesIO(file)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in read] == ["=1+1", *texts[:6], "长" * 32_767, "ab"]


def test_a_table_without_rows() -> None:
    sheet = opened([Sheet("空", ["名称"], [], [""])])["空"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [["名称"]]


@pytest.mark.parametrize("count", [1, 3])
def test_the_package_is_whole(count: int) -> None:
    """Every part is well-formed XML with a type, every relation leads to a part; the bytes are the same."""
    sheets = [Sheet(f"表{i}", ["甲"], [("乙",)], [""]) for i in range(count)]
    file = workbook_bytes(sheets)
    assert file == workbook_bytes(sheets)
    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        trees = {name: ET.fromstring(parts.read(name)) for name in parts.namelist()}
    typed = {each.get("PartName") for each in trees["[Content_Types].xml"]} - {None}
    assert typed == {
        f"/{name}" for name in trees if name.startswith(("xl/", "docProps/")) and "_rels" not in name
    }
    led_to = {each.get("Target") for each in trees["xl/_rels/workbook.xml.rels"]}
    own = {each for each in typed if each.startswith("/xl/")}
    assert {f"/xl/{target}" for target in led_to} == own - {"/xl/workbook.xml"}
    ids = {each.get("Id") for each in trees["xl/_rels/workbook.xml.rels"]}
    nodes = trees["xl/workbook.xml"].iter()
    asked = [value for node in nodes for key, value in node.items() if key.endswith("}id")]
    assert len(asked) == count
    assert set(asked) <= ids
