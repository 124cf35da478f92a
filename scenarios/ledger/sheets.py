"""Sheets of the ledger's workbooks: texts that stay texts, drop-downs, locked cells, coloured lights."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from copy import copy
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from ...geodata.errors import InputError, Problem
from ...geodata.export_table import neutral, printable
from ...geodata.store import replacing
from .lights import COLOURS

Book, Sheet = Workbook, Worksheet
"""What the other modules of the ledger write into."""

LONGEST = 2000
"""Characters of a cell; longer texts end in …."""

_STAMP = (2000, 1, 1, 0, 0, 0)
_TIME = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:)")
_HEAD, _PALE, _INPUT = (PatternFill("solid", fgColor=colour) for colour in ("1F4E78", "F2F2F2", "FFFFE0"))
_LIGHTS = {name: PatternFill("solid", fgColor=colour) for name, colour in COLOURS.items()}
_THIN = Side(style="thin", color="A6A6A6")
_GRID = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_STYLES: WeakKeyDictionary[Workbook, dict[str, Any]] = WeakKeyDictionary()
"""Styles by workbook and words, as openpyxl numbers them."""

_NO_NAME = re.compile(r"[\[\]:*?/\\']")


def new_book() -> Workbook:
    """Make a workbook without sheets."""
    book = Workbook()
    book.remove(book.active)
    return book


def add_sheet(book: Workbook, title: str, *, landscape: bool = True) -> Worksheet:
    """Add a sheet that prints on A4, as wide as the page."""
    sheet = book.create_sheet(_NO_NAME.sub(" ", title)[:31])
    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_setup.fitToHeight = 0
    return sheet


def put(sheet: Worksheet, row: int, column: int, value: Any, style: str = "") -> None:
    """Write a cell: whole numbers as numbers, everything else as text that no program runs.

    Parameters
    ----------
    style
        Words of: head, bold, title, pale, input (may be filled in), number (with a number), wrap, grid, or a
        light (绿 黄 红 灰).
    """
    cell = sheet.cell(row, column)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        cell.value, cell.number_format = int(value), "0"
    elif value is None or value == "":
        # A number that is typed into a cell of the format text would be a text.
        cell.number_format = "0" if "number" in style else "@"
    else:
        cell.value, cell.data_type, cell.number_format = safe(value), "s", "@"
    known = _STYLES.setdefault(sheet.parent, {})
    kind = f"{style} {cell.number_format}"
    if kind in known:
        cell._style = copy(known[kind])  # ten times as fast as making it again
    else:
        _dress(cell, style.split())
        known[kind] = cell._style


def safe(value: Any) -> str:
    """Write a value as one bounded text that starts no formula and holds no control characters.

    Examples
    --------
    >>> safe("=1+1"), safe(None), safe("a" + chr(7))
    ("'=1+1", '', 'a')
    """
    text = "" if value is None else printable(str(value)).strip(" ")
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return neutral(text)


def _dress(cell: Any, words: Sequence[str]) -> None:
    fills = {"head": _HEAD, "pale": _PALE, "input": _INPUT, **_LIGHTS}
    cell.fill = next((fills[word] for word in words if word in fills), PatternFill())
    size = 14 if "title" in words else 11
    colour = "FFFFFF" if "head" in words else "000000"
    cell.font = Font(name="宋体", bold="head" in words or "bold" in words, size=size, color=colour)
    wrap = "wrap" in words or "head" in words
    cell.alignment = Alignment(vertical="center", wrap_text=wrap)
    if "title" not in words:
        cell.border = _GRID if words else Border()
    cell.protection = Protection(locked="input" not in words)


def add_table(sheet: Worksheet, headers: Sequence[str], rows: Iterable[Sequence[Any]], *, at: int = 1) -> int:
    """Write a table with a frozen header and a filter; a cell that is a light gets its colour.

    Returns the row after the table.
    """
    texts: list[list[str]] = [[header] for header in headers]
    for column, header in enumerate(headers, 1):
        put(sheet, at, column, header, "head")
    row = at
    for row, values in enumerate(rows, at + 1):
        for column, value in enumerate(values, 1):
            light = str(value) if str(value) in COLOURS else ""
            put(sheet, row, column, value, f"grid wrap {light}")
            if len(texts[column - 1]) < 200:
                texts[column - 1].append(safe(value))
    widths(sheet, [_width(each) for each in texts])
    sheet.freeze_panes = f"A{at + 1}"
    sheet.print_title_rows = f"{at}:{at}"
    if row > at:
        sheet.auto_filter.ref = f"A{at}:{get_column_letter(len(headers))}{row}"
    return row + 1


def widths(sheet: Worksheet, sizes: Sequence[float]) -> None:
    """Set the widths of the first columns, in characters; 0 hides a column."""
    for number, size in enumerate(sizes, 1):
        column = sheet.column_dimensions[get_column_letter(number)]
        column.width, column.hidden = size or 2, not size


def _width(texts: Sequence[str]) -> float:
    longest = max(sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text) for text in texts)
    return min(max(longest + 2, 8), 44)


def ask_choice(sheet: Worksheet, area: str, values: Sequence[str], prompt: str) -> None:
    """Let cells be chosen from a list; other words are let through after a warning."""
    rule = {"type": "list", "formula1": '"' + ",".join(values) + '"', "errorStyle": "warning"}
    _ask(
        sheet, area, DataValidation(**rule, allow_blank=True), prompt, "不在可选的值之中, 确需另写的可以保留"
    )


def ask_whole(sheet: Worksheet, area: str, prompt: str) -> None:
    """Let cells be whole numbers from nought on."""
    rule = {"type": "whole", "operator": "between", "formula1": "0", "formula2": "10000000"}
    _ask(sheet, area, DataValidation(**rule, errorStyle="stop", allow_blank=True), prompt, "请填 0 或正整数")


def _ask(sheet: Worksheet, area: str, rule: Any, prompt: str, error: str) -> None:
    rule.prompt, rule.promptTitle, rule.error, rule.errorTitle = prompt[:255], "填写", error, "请检查"
    rule.showInputMessage = rule.showErrorMessage = True
    rule.add(area)
    sheet.add_data_validation(rule)


def lock(sheet: Worksheet) -> None:
    """Protect a sheet without a password: cells that are not for filling in are not changed by accident."""
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = False
    sheet.protection.autoFilter = False


def book_bytes(book: Workbook) -> bytes:
    """Make the bytes of a workbook; the same content gives the same bytes."""
    raw, packed = io.BytesIO(), io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _TIME.sub(rb"\g<1>2000-01-01T00:00:00Z\g<3>", content)
            info = zipfile.ZipInfo(name, _STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, content)
    return packed.getvalue()


def save_book(book: Workbook, path: Path) -> None:
    """Write a workbook whole or not at all; raises ``InputError``."""
    if path.suffix.lower() != ".xlsx":
        raise InputError(
            Problem(str(path), "这是 Excel 文件", path.suffix or "没有后缀", "文件名请以 .xlsx 结尾")
        )
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(book_bytes(book))
    except OSError as error:
        fix = "请检查文件夹是否存在、文件是否正被打开"
        raise InputError(Problem(str(path), "文件无法写入", str(error.strerror), fix)) from None
