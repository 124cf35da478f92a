"""Excel workbooks of plain tables, with native charts of their numbers; the same sheets give the same bytes.

XlsxWriter writes them: the texts stay texts (no formulas or links are made of them), and the charts refer to
the cells, so that a table that is mended mends its chart.
"""

from __future__ import annotations

import datetime as dt
import io
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import palette
from .workbook_charts import CHARTS, Chart, add_charts

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

Value = str | int | float | None

_CREATED = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""Date in the properties of the file, which would else be that of the clock."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML file may hold."""

_LONGEST = 32_767
"""UTF-16 units of the longest text that a cell holds (Microsoft, "Excel specifications and limits")."""

_WIDEST = 46
"""Characters of the widest column, unless a width is given."""

_LINE_POINTS, _MOST_POINTS = 15, 405
"""Height of a line, and of the highest row (Excel: 409 points)."""

_SHARE, _WHOLE, _FRACTION = "0.0%", "#,##0", "#,##0.0"
_A4 = 9
_MARGIN_IN = 0.4


@dataclass(frozen=True)
class Sheet:
    """A table with a frozen header in bold, a filter, and columns as wide as what they hold.

    It prints on A4 landscape, as wide as the page, with the header on each page.
    """

    name: str
    headers: Sequence[str]
    """(c,) texts; at least one."""
    rows: Sequence[Sequence[Value]]
    """(r, c) finite numbers, and texts that are safe to show; nothing for None and ""."""
    formats: Sequence[str]
    """(c,) number formats; with ``#,##0`` numbers that are not whole have one digit after the point."""
    wrapped: int | None = None
    """Position of a column of long texts, which are broken into lines."""
    wrapped_width: int = 110


def workbook_bytes(sheets: Sequence[Sheet], charts: Sequence[Chart] = (), *, footer: str = "") -> bytes:
    """Make the file of a workbook.

    Parameters
    ----------
    charts
        They stand on a sheet 图表 behind the first sheet; without charts there is none.
    footer
        What every printed page says at the bottom left, such as 内部使用 不得公开.

    Raises
    ------
    ValueError
        Two sheets of one name, or a chart of a sheet or column that is not there.

    Examples
    --------
    >>> file = workbook_bytes([Sheet("县", ["名称", "居民"], [["修水县", 704321]], ["", "#,##0"])])
    >>> import openpyxl, io
    >>> [cell.value for cell in openpyxl.load_workbook(io.BytesIO(file))["县"][2]]
    ['修水县', 704321]
    """
    import xlsxwriter  # noqa: PLC0415 (50 ms)

    packed = io.BytesIO()
    book = xlsxwriter.Workbook(
        packed,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties({"created": _CREATED})
    forms = dict.fromkeys([_FRACTION, *(form for sheet in sheets for form in sheet.formats if form)])
    formats = {form: book.add_format({"num_format": form}) for form in forms}
    heading = book.add_format({"bold": True, "bg_color": palette.REACH[0], "valign": "vcenter"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    for number, sheet in enumerate(sheets):
        page = book.add_worksheet(sheet.name)
        _fill(page, sheet, formats, heading, wrapped)
        _set_print(page, footer)
        if charts and not number:
            on = book.add_worksheet(CHARTS)
            _set_print(on, footer)
            add_charts(book, on, charts, {one.name: (one.headers, one.rows, one.formats) for one in sheets})
    book.close()
    return packed.getvalue()


def _fill(
    page: Worksheet, sheet: Sheet, formats: dict[str, Format], heading: Format, wrapped: Format
) -> None:
    """Write the cells of a sheet."""
    last = len(sheet.headers) - 1
    page.freeze_panes(1, 0)
    page.autofilter(0, 0, len(sheet.rows), last)
    page.repeat_rows(0)
    for column, width in enumerate(_widths(sheet)):
        page.set_column(column, column, width)
        page.write_string(0, column, legal(sheet.headers[column]), heading)
    columns = [
        (column, form, wrapped if column == sheet.wrapped else None)
        for column, form in enumerate(sheet.formats)
    ]
    for number, row in enumerate(sheet.rows, start=1):
        for (column, form, look), value in zip(columns, row, strict=True):
            if isinstance(value, str):
                if value:
                    page.write_string(number, column, legal(value), look)
                if column == sheet.wrapped:
                    page.set_row(number, _LINE_POINTS * _lines(value, sheet.wrapped_width))
            elif value is not None:
                page.write_number(number, column, value, formats.get(_form(value, form)))


def _set_print(page: Worksheet, footer: str) -> None:
    """Print on A4 landscape, as wide as the page, with its number."""
    page.set_landscape()
    page.set_paper(_A4)
    page.set_margins(left=_MARGIN_IN, right=_MARGIN_IN, top=_MARGIN_IN + 0.1, bottom=_MARGIN_IN + 0.3)
    said = legal(footer)[:80].replace("&", "&&")  # & begins a code there
    page.set_footer(f"&L{said}&C&A&R第 &P 页 共 &N 页", {"margin": 0.3})
    page.fit_to_pages(1, 0)


def legal(text: str) -> str:
    """Leave of a text what a cell can hold.

    Examples
    --------
    >>> legal("修水\\ufffe县"), len(legal("长" * 40_000))
    ('修水县', 32767)
    """
    plain = text if text.isprintable() else _NOT_XML.sub("", text)
    if len(plain) * 2 > _LONGEST:  # a character may be two units
        plain = plain.encode("utf-16-le")[: 2 * _LONGEST].decode("utf-16-le", "ignore")
    return plain


def _form(value: float, form: str) -> str:
    """Choose the format of a number: a whole one in a column of shares is a code, and has none."""
    if isinstance(value, int):
        return "" if form == _SHARE else form
    return _FRACTION if form == _WHOLE and not value.is_integer() else form


def _widths(sheet: Sheet) -> list[int]:
    """Say how wide the columns are, by the first rows, in characters."""
    found = []
    for i, header in enumerate(sheet.headers):
        texts = (str(row[i]) for row in sheet.rows[:500] if row[i] is not None)
        widest = max([_width(header), *map(_width, texts)])
        found.append(sheet.wrapped_width if i == sheet.wrapped else min(_WIDEST, widest + 2))
    return found


def _width(text: str, *, most: int = 60) -> int:
    if text.isascii():
        return min(len(text), most)
    return sum(2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text[:most])


def _lines(text: str, width: int) -> int:
    """Count the lines of a long text: not every program fits the height of a row to it."""
    return min(math.ceil(1.05 * _width(text, most=_LONGEST) / width), _MOST_POINTS // _LINE_POINTS)
