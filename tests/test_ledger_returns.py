"""A returned form: good values count, doubtful ones are told with file, sheet, cell and what to do."""

from __future__ import annotations

import io
import tempfile
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import ledgerworld as lw
import openpyxl
import pytest
from boai.geodata.intake.limits import RefusedError
from boai.maps.workbook import Sheet, workbook_bytes
from boai.scenarios.ledger.form import (
    COUNTIES,
    COVER,
    ENTRY,
    ENTRY_HEADERS,
    HEADER_ROW,
    MARKS,
    REMARK,
    REPORTED,
)
from boai.scenarios.ledger.form_counts import parse_count, plain
from boai.scenarios.ledger.form_files import Page, read_form_file
from boai.scenarios.ledger.form_lines import MOST_TOLD, LineReader, Wanted
from boai.scenarios.ledger.returns import Return, read_return
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

FORM = lw.blank()
LINES = 16 + 6
"""Lines of 2024: 16 for the city, 3 for each of its two counties."""


def sent(tmp_path: Path, *steps: lw.Fill, form: bytes = FORM) -> Return:
    path = lw.filled(tmp_path / "东市.xlsx", *steps, form=form)
    return read_return(path, lw.PLAN, lw.DEMAND)


def said(found: Return) -> str:
    return "\n".join(str(finding.problem()) for finding in found.findings)


def value(found: Return, target: str, code: str = "3601") -> Any:
    own = [each for each in found.values if (each.target, each.code) == (target, code)]
    assert len(own) == 1
    return own[0]


def good(found: Return) -> dict[tuple[str, str], int]:
    return {(v.target, v.code): v.reported for v in found.values if not v.doubt and v.reported is not None}


def test_a_form_filled_in_well(tmp_path: Path) -> None:
    found = sent(
        tmp_path,
        lw.everything,
        lambda book: lw.put(book, "aed", 120),
        lambda book: lw.put(book, "aed", "见附件", REMARK),
        lambda book: lw.put(book, "consulting", 9, "应有数"),
    )
    assert found.findings == () and not found.doubt
    assert (found.city, found.year) == ("3601", 2024)
    assert found.cover == {
        "office": "市红十字会", "person": "张三", "phone": "0791-1234567", "date": "2024-12-20",
        "reviewer": "",
    }  # fmt: skip
    assert value(found, "aed").reported == 120 and value(found, "aed").remark == "见附件"
    assert value(found, "consulting").required == 9
    assert set(good(found).values()) == {1, 120}
    assert len(good(found)) == len(found.values) == LINES


def test_an_empty_form_reports_nothing(tmp_path: Path) -> None:
    found = sent(tmp_path)
    assert good(found) == {}
    assert [finding.what for finding in found.findings] == [
        f"{name}没有填" for name in ("填报单位", "填报人", "联系电话", "填报日期")
    ]


TEXT = "数写成了文字"
CELLS = [
    (" 1,200 台 ", 1200, TEXT), (0, 0, ""), (30.0, 30, ""), ("30", 30, TEXT), ("３０", 30, TEXT),
    ("约30", None, "不是整数"), ("30余", None, "不是整数"), ("近百", None, "不是整数"),
    ("三十", None, "不是整数"), ("30-40", None, "不是整数"), (-3, None, "不应为负数"),
    ("-3", None, "不应为负数"), (2.5, None, "不是整数"), ("1e9", None, "不是整数"),
    (datetime(2024, 3, 5), None, "应为整数, 这里是日期"), (True, None, "应为整数, 这里是是/否"),
    (99_999_999, None, "大于 10,000,000, 不可能"), ("已完成", None, "不是整数"),
    ("２千", None, "不是整数"), ("1200.5", None, "不是整数"), ("'30", None, "不是整数"),
]  # fmt: skip
"""What may stand in a number cell, what it counts for, and what is told."""


def test_what_stands_in_number_cells(tmp_path: Path) -> None:
    """One form with all of them, a line each: the good ones count, whatever stands in the others."""
    book = openpyxl.load_workbook(io.BytesIO(FORM))
    keys = [str(row[0].value) for sheet in (ENTRY, COUNTIES) for row in book[sheet].iter_rows(min_row=4)]
    assert len(keys) == LINES > len(CELLS) and keys[0] == "aed"

    def work(book: Any) -> None:
        for key, (cell, _, _) in zip(keys, CELLS, strict=False):
            lw.put(book, key, cell)

    found = sent(tmp_path, lw.cover, work)
    told = {(finding.sheet, finding.cell): finding for finding in found.findings}
    values = {f"{v.target}@{v.code}" if len(v.code) == 6 else v.target: v for v in found.values}
    for key, (cell, number, what) in zip(keys, CELLS, strict=False):
        value = values[key]
        assert (value.reported, bool(value.doubt)) == (number, number is None), cell
        finding = told.pop((value.sheet, value.cell), None)
        assert (finding.what if finding else "") == what, cell
        assert finding is None or finding.counts == (number is not None), cell
    assert not told and values[keys[-1]].reported is None and not values[keys[-1]].doubt


def test_a_formula_is_no_number(tmp_path: Path) -> None:
    found = sent(tmp_path, lw.everything, lambda book: lw.put(book, "aed", "=SUM(1,2)"))
    assert value(found, "aed").doubt == "是公式"
    assert "这里是公式" in said(found) and "东市.xlsx 填报 K4" in said(found)


def test_a_formula_with_a_result_is_listed_with_it(tmp_path: Path) -> None:
    path = lw.filled(tmp_path / "a.xlsx", lw.everything, lambda book: lw.put(book, "aed", "=1+2"), form=FORM)
    parts = {}
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    for name, content in parts.items():
        parts[name] = content.replace(b"<f>1+2</f><v></v>", b"<f>1+2</f><v>3</v>").replace(
            b"<f>1+2</f><v />", b"<f>1+2</f><v>3</v>"
        )
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    found = read_return(path, lw.PLAN, lw.DEMAND)
    assert (value(found, "aed").got, value(found, "aed").doubt) == ("3", "是公式")


def test_merged_cells_are_not_guessed(tmp_path: Path) -> None:
    def merge(book: Any) -> None:
        sheet = book[ENTRY]
        sheet.merge_cells(start_row=4, end_row=5, start_column=11, end_column=11)

    found = sent(tmp_path, lw.everything, merge)
    assert [each.target for each in found.values if each.doubt == "单元格被合并"] == ["aed", "home"]
    assert "取消合并" in said(found)


def test_an_edited_header_makes_its_column_doubtful(tmp_path: Path) -> None:
    def edit(book: Any) -> None:
        book[ENTRY].cell(HEADER_ROW, lw.column(book[ENTRY], REPORTED)).value = "完成数"

    found = sent(tmp_path, lw.everything, edit)
    assert "填报 K3: 表头“上报数”被改或被删, 得到 完成数" in said(found)
    assert {each.doubt for each in found.values if each.sheet == ENTRY} == {"表头被改"}
    assert value(found, "aed").got == "1"  # listed, not lost
    assert len(good(found)) == 6  # the other sheet counts


def test_an_edited_header_elsewhere_does_no_harm(tmp_path: Path) -> None:
    found = sent(tmp_path, lw.everything, lambda book: book[ENTRY].cell(HEADER_ROW, 5, "计量单位"))
    assert len(good(found)) == len(found.values)
    assert [finding.counts for finding in found.findings] == [True]


def test_moved_rows_are_found_by_their_keys(tmp_path: Path) -> None:
    def swap(book: Any) -> None:
        sheet = book[ENTRY]
        lw.put(book, "aed", 7)
        for column in range(1, sheet.max_column + 1):
            upper, lower = sheet.cell(4, column), sheet.cell(6, column)
            upper.value, lower.value = lower.value, upper.value

    found = sent(tmp_path, lw.everything, swap)
    assert value(found, "aed").reported == 7 and value(found, "aed").cell == "K6"
    assert [finding.what for finding in found.findings] == ["各行的次序有变, 已按每行的标识对应"]


def test_a_row_that_no_longer_fits_its_key_is_doubtful(tmp_path: Path) -> None:
    """Only the visible part was moved: nobody can tell which line is meant."""

    def swap(book: Any) -> None:
        sheet = book[ENTRY]
        for column in range(2, sheet.max_column + 1):
            upper, lower = sheet.cell(4, column), sheet.cell(5, column)
            upper.value, lower.value = lower.value, upper.value

    found = sent(tmp_path, lw.everything, swap)
    assert [each.target for each in found.values if each.doubt] == ["aed", "home"]
    assert "目标与这一行的标识 (AED 配置) 不符" in said(found)


def test_a_double_row_counts_in_no_place(tmp_path: Path) -> None:
    def double(book: Any) -> None:
        sheet = book[ENTRY]
        for column in range(1, sheet.max_column + 1):
            sheet.cell(sheet.max_row + (column == 1), column).value = sheet.cell(4, column).value

    found = sent(tmp_path, lw.everything, double)
    assert [each.doubt for each in found.values if each.target == "aed"] == ["同一行出现多次"] * 2


def test_rows_that_are_gone_and_rows_that_were_added(tmp_path: Path) -> None:
    def work(book: Any) -> None:
        sheet = book[ENTRY]
        sheet.delete_rows(4)
        sheet.cell(sheet.max_row + 2, 3, "我市自选目标")
        sheet.cell(sheet.max_row, 11, 12)

    found = sent(tmp_path, lw.everything, work)
    assert "缺少一行: AED 配置" in said(found)
    assert "这一行不是填报表里的行, 没有计入, 得到 我市自选目标 12" in said(found)
    assert len(good(found)) == LINES - 1


@pytest.mark.parametrize(("steps", "doubt"), [
    ([lambda book: book[COVER].cell(3, 2, "西市")], "封面的设区市与表格的标记 (东市) 不符"),
    ([lambda book: book[COVER].cell(4, 2, "2023年")], "封面的年度与表格的标记 (2024) 不符"),
    ([lambda book: book[MARKS].cell(2, 2, "9")], "填报表的版本不对 (本版认识 1, 文件是 9)"),
    ([lambda book: book[MARKS].cell(3, 2, "4401")], "标记里的设区市代码不认识"),
    ([lambda book: book[MARKS].cell(5, 2, "明年")], "标记里的年度不对"),
    ([lambda book: book[MARKS].cell(6, 2, "0" * 64)], "填报表是按另一份目标台账写的"),
    ([lambda book: book.remove(book[MARKS])], "这不是 boai 写的填报表, 或隐藏的标记表被删"),
])  # fmt: skip
def test_whose_form_it_is(tmp_path: Path, steps: list[lw.Fill], doubt: str) -> None:
    found = sent(tmp_path, lw.everything, *steps)
    assert found.doubt == doubt and doubt in said(found)
    assert good(found) == {}
    if found.city:
        assert value(found, "aed").got == "1"  # what was filled in is listed


def test_a_missing_sheet_is_told(tmp_path: Path) -> None:
    found = sent(tmp_path, lw.everything, lambda book: book.remove(book[COUNTIES]))
    assert "分县: 缺少这张表" in said(found) and len(good(found)) == LINES - 6


def test_without_the_hidden_column_lines_are_known_by_their_texts(tmp_path: Path) -> None:
    found = sent(
        tmp_path, lw.everything, lambda book: [book[name].delete_cols(1) for name in (ENTRY, COUNTIES)]
    )
    assert len(good(found)) == LINES
    assert {finding.what for finding in found.findings} == {"表头“标识(勿改)”被改或被删"}


def test_saved_by_another_program(tmp_path: Path) -> None:
    """Strings inline, no styles, no hidden sheet, numbers of dates: as some programs save."""
    path = lw.filled(tmp_path / "a.xlsx", lw.everything, form=FORM)
    book = openpyxl.load_workbook(path)
    book[COVER].cell(8, 2).value = 45646  # 2024-12-20 without a date's format
    sheets = []
    for name in book.sheetnames:
        rows = [tuple("" if value is None else value for value in row) for row in book[name].values]
        width = max(len(row) for row in rows)
        sheets.append(Sheet(name, [str(value) for value in rows[0]], rows[1:], [""] * width))
    path.write_bytes(workbook_bytes(sheets))
    found = read_return(path, lw.PLAN, lw.DEMAND)
    assert found.findings == () and len(good(found)) == LINES
    assert found.cover["date"] == "2024-12-20"


def test_saved_in_the_old_format(tmp_path: Path) -> None:
    xlwt = pytest.importorskip("xlwt")
    book = openpyxl.load_workbook(lw.filled(tmp_path / "a.xlsx", lw.everything, form=FORM))
    old = xlwt.Workbook(encoding="utf-8")
    for name in book.sheetnames:
        sheet = old.add_sheet(name)
        for row in book[name].iter_rows():
            for cell in row:
                if cell.value not in (None, ""):
                    sheet.write(cell.row - 1, cell.column - 1, cell.value)
    old.save(str(tmp_path / "a.xls"))
    found = read_return(tmp_path / "a.xls", lw.PLAN, lw.DEMAND)
    assert found.findings == () and len(good(found)) == LINES


# Hostile files


def zipped(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(("content", "what"), [
    (b"", "这不是 Excel 工作簿"), (b"hello", "这不是 Excel 工作簿"), (b"%PDF-1.7", "这不是 Excel 工作簿"),
    (FORM[: len(FORM) // 2], "压缩包已损坏"), (zipped({"word/document.xml": b"<x/>"}), "这不是 Excel 工作簿"),
    (zipped({"../evil.xml": b"x", "xl/workbook.xml": b"<x/>"}), "压缩包中有指向包外的路径"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "已损坏"),
    (zipped({"xl/workbook.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}), "实体"),
])  # fmt: skip
def test_what_is_no_form_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(RefusedError, match=what):
        read_return(path, lw.PLAN, lw.DEMAND)


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(FORM)) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    parts["xl/worksheets/sheet2.xml"] = b"<worksheet>" + b" " * (31 << 20)
    path = tmp_path / "a.xlsx"
    path.write_bytes(zipped(parts))
    with pytest.raises(RefusedError, match="解压后的内容超过 30 MB"):
        read_return(path, lw.PLAN, lw.DEMAND)


def test_macros_do_not_run_and_are_told(tmp_path: Path) -> None:
    path = lw.filled(tmp_path / "a.xlsm", lw.everything, form=FORM)
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("xl/vbaProject.bin", b"macro")
    found = read_return(path, lw.PLAN, lw.DEMAND)
    assert "文件里有宏" in said(found) and len(good(found)) == LINES


def test_texts_from_outside_are_bounded(tmp_path: Path) -> None:
    long = "长" * 30_000
    found = sent(tmp_path, lw.everything, lambda book: lw.put(book, "aed", long),
                 lambda book: lw.put(book, "home", long, REMARK))  # fmt: skip
    assert len(value(found, "home").remark) == 500
    assert all(len(str(finding.problem())) < 400 for finding in found.findings)


def _page() -> Page:
    with tempfile.TemporaryDirectory() as folder:
        path = lw.filled(Path(folder) / "a.xlsx", lw.everything, form=FORM)
        return read_form_file(path, [ENTRY]).pages[ENTRY]


PAGE = _page()
OWN = [
    Wanted(target.id, target, "3601", {"目标": target.name})
    for target in lw.PLAN.asked(2024)
    if target.scope != "县"
]


@settings(max_examples=many(200))
@given(st.data())
def test_whatever_is_done_to_a_sheet(data: st.DataObject) -> None:
    """Cells moved, emptied, overwritten: every line is there once and counts, or it is told why not."""
    cells = dict(PAGE.cells)
    places = st.tuples(st.integers(3, 22), st.integers(0, 15))
    texts = st.sampled_from([*map(str, PAGE.cells.values())])
    values = st.one_of(st.none(), st.integers(-9, 99), st.text(max_size=5), st.floats(), texts)
    for place, value in data.draw(st.lists(st.tuples(places, values), max_size=12)):
        cells[place] = value
    reader = LineReader("a.xlsx", Page(ENTRY, cells), ENTRY_HEADERS, OWN)
    found = list(reader.read())
    assert all(v.reported is None or 0 <= v.reported <= 10_000_000 for v in found)
    there = [v.target for v in found if not v.doubt]
    assert len(there) == len(set(there))
    told = " ".join(finding.what for finding in reader.findings)
    for one in OWN:
        assert one.target.id in {v.target for v in found} or f"缺少一行: {one.target.name}" in told
    if any(v.doubt for v in found):
        assert [finding for finding in reader.findings if not finding.counts]


def test_a_sheet_full_of_rubbish_is_told_in_bounds() -> None:
    cells = {**PAGE.cells, **{(row, 10): row for row in range(100, 5000)}}
    reader = LineReader("a.xlsx", Page(ENTRY, cells), ENTRY_HEADERS, OWN)
    assert sum(not value.doubt for value in reader.read()) == len(OWN)
    assert len(reader.findings) == MOST_TOLD + 1
    assert reader.findings[-1].what == f"这张表另有 {4900 - MOST_TOLD} 处问题没有列出"


@settings(max_examples=many(60))
@given(st.integers(0, 10_000_000), st.sampled_from(["", " ", "台"]), st.booleans())
def test_numbers_however_wide_they_are_written(number: int, unit: str, wide: bool) -> None:
    text = f"{number:,}{unit}"
    text = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text) if wide else text
    assert parse_count(text, "台")[0] == number


@settings(max_examples=many(100))
@given(st.one_of(st.text(max_size=40), st.floats(), st.integers(), st.none(), st.dates(), st.booleans()))
def test_any_cell_is_a_number_or_told(cell: Any) -> None:
    number, what, counts = parse_count(cell, "台")
    assert number is None or (isinstance(number, int) and 0 <= number <= 10_000_000)
    assert counts or (number is None and what)
    assert number is not None or not counts or plain(cell) in ("", "—")
