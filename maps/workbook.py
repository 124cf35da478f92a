"""Excel workbooks of plain tables, written straight as SpreadsheetML (ECMA-376 part 1, ISO/IEC 29500-1).

A library that holds an object for every cell takes ten times as long. The same sheets give the same bytes.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

Value = str | int | float | None

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_START = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STAMP = (2000, 1, 1, 0, 0, 0)

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML file may hold."""

_WIDEST = 46
"""Characters of the widest column, unless a width is given."""

_HEADING, _WRAPPED, _OTHERS = 1, 2, 3
"""Numbers of the cell styles; those of number formats come after."""

_SHARE, _WHOLE, _FRACTION = "0.0%", "#,##0", "#,##0.0"


@dataclass(frozen=True)
class Sheet:
    """A table with a frozen header in bold, a filter, and columns as wide as what they hold."""

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


def workbook_bytes(sheets: Sequence[Sheet]) -> bytes:
    """Make the file of a workbook.

    Examples
    --------
    >>> file = workbook_bytes([Sheet("县", ["名称", "居民"], [["修水县", 704321]], ["", "#,##0"])])
    >>> import openpyxl, io
    >>> [cell.value for cell in openpyxl.load_workbook(io.BytesIO(file))["县"][2]]
    ['修水县', 704321]
    """
    forms = list(dict.fromkeys([_FRACTION, *(form for sheet in sheets for form in sheet.formats if form)]))
    style = {form: number for number, form in enumerate(forms, start=_OTHERS)}
    parts = {
        "[Content_Types].xml": _content_types(len(sheets)),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _book(sheets),
        "xl/_rels/workbook.xml.rels": _relations(
            [
                *(("worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(sheets) + 1)),
                ("styles", "styles.xml"),
            ]
        ),
        "xl/styles.xml": _styles(forms),
    }
    parts |= {
        f"xl/worksheets/sheet{i}.xml": "".join(_sheet(each, style)) for i, each in enumerate(sheets, start=1)
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for path, text in parts.items():
            info = zipfile.ZipInfo(path, _STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, _START + text)
    return packed.getvalue()


def _content_types(sheets: int) -> str:
    kinds = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles")]
    kinds += [(f"/xl/worksheets/sheet{i}.xml", "worksheet") for i in range(1, sheets + 1)]
    own = "".join(f'<Override PartName="{path}" ContentType="{_TYPE}.{kind}+xml"/>' for path, kind in kinds)
    usual = "".join(
        f'<Default Extension="{end}" ContentType="application/{kind}"/>'
        for end, kind in (("rels", "vnd.openxmlformats-package.relationships+xml"), ("xml", "xml"))
    )
    return f'<Types xmlns="{_PACKAGE}/content-types">{usual}{own}</Types>'


def _relations(to: Sequence[tuple[str, str]]) -> str:
    each = "".join(
        f'<Relationship Id="rId{i}" Type="{_OFFICE}/{kind}" Target="{path}"/>'
        for i, (kind, path) in enumerate(to, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'


def _book(sheets: Sequence[Sheet]) -> str:
    names, filters = [], []
    for i, sheet in enumerate(sheets):
        names.append(f'<sheet name={quoteattr(sheet.name)} sheetId="{i + 1}" r:id="rId{i + 1}"/>')
        quoted = escape(sheet.name.replace("'", "''"))
        area = f"'{quoted}'!$A$1:${_letters(len(sheet.headers))}${len(sheet.rows) + 1}"
        attributes = f'name="_xlnm._FilterDatabase" localSheetId="{i}" hidden="1"'
        filters.append(f"<definedName {attributes}>{area}</definedName>")
    return (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews>'
        f"<sheets>{''.join(names)}</sheets><definedNames>{''.join(filters)}</definedNames></workbook>"
    )


def _styles(forms: Sequence[str]) -> str:
    numbers = "".join(
        f'<numFmt numFmtId="{164 + i}" formatCode={quoteattr(form)}/>' for i, form in enumerate(forms)
    )
    font = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
    solid = '<patternFill patternType="solid"><fgColor rgb="FFDCEBF2"/></patternFill>'
    fills = "".join(
        f"<fill>{one}</fill>"
        for one in ('<patternFill patternType="none"/>', '<patternFill patternType="gray125"/>', solid)
    )
    heading, wrapped = '<alignment vertical="center"/>', '<alignment vertical="top" wrapText="1"/>'
    cells = [
        _style(),
        _style("applyFont", "applyFill", font=1, fill=2, alignment=heading),
        _style(alignment=wrapped),
        *(_style("applyNumberFormat", form=164 + i) for i in range(len(forms))),
    ]
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="{len(forms)}">{numbers}</numFmts>'
        f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts><fills count="3">{fills}</fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(cells)}">{"".join(cells)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _style(*applied: str, form: int = 0, font: int = 0, fill: int = 0, alignment: str = "") -> str:
    marks = "".join(f' {mark}="1"' for mark in (*applied, *(["applyAlignment"] if alignment else [])))
    return (
        f'<xf numFmtId="{form}" fontId="{font}" fillId="{fill}" borderId="0" xfId="0"{marks}>{alignment}</xf>'
    )


def _sheet(sheet: Sheet, style: dict[str, int]) -> Iterator[str]:
    """Write a sheet, row by row."""
    letters = [_letters(i) for i in range(1, len(sheet.headers) + 1)]
    area = f"A1:{letters[-1]}{len(sheet.rows) + 1}"
    yield f'<worksheet xmlns="{_MAIN}"><dimension ref="{area}"/><sheetViews><sheetView workbookViewId="0">'
    yield '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    yield '<selection pane="bottomLeft"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>'
    widths = "".join(
        f'<col min="{i}" max="{i}" width="{width}" customWidth="1"/>'
        for i, width in enumerate(_widths(sheet), start=1)
    )
    yield f'<cols>{widths}</cols><sheetData><row r="1">'
    yield from (_text(f"{at}1", text, _HEADING) for at, text in zip(letters, sheet.headers, strict=True))
    yield "</row>"
    columns = [
        (at, form, _WRAPPED if i == sheet.wrapped else 0)
        for i, (at, form) in enumerate(zip(letters, sheet.formats, strict=True))
    ]
    for number, row in enumerate(sheet.rows, start=2):
        yield f'<row r="{number}">'
        for (at, form, text_style), value in zip(columns, row, strict=True):
            if isinstance(value, str):
                if value:
                    yield _text(f"{at}{number}", value, text_style)
            elif value is not None:
                yield f'<c r="{at}{number}" s="{style.get(_form(value, form), 0)}"><v>{value!r}</v></c>'
        yield "</row>"
    yield f'</sheetData><autoFilter ref="{area}"/></worksheet>'


def _form(value: float, form: str) -> str:
    """Choose the format of a number: a whole one in a column of shares is a code, and has none."""
    if isinstance(value, int):
        return "" if form == _SHARE else form
    return _FRACTION if form == _WHOLE and not value.is_integer() else form


def _text(at: str, text: str, style: int) -> str:
    marked, legal = f' s="{style}"' if style else "", _NOT_XML.sub("", text)
    kept = ' xml:space="preserve"' if legal != legal.strip() else ""
    return f'<c r="{at}"{marked} t="inlineStr"><is><t{kept}>{escape(legal)}</t></is></c>'


def _letters(column: int) -> str:
    """Name a column as spreadsheets do, counted from 1.

    Examples
    --------
    >>> [_letters(column) for column in (1, 26, 27, 702, 703)]
    ['A', 'Z', 'AA', 'ZZ', 'AAA']
    """
    name = ""
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def _widths(sheet: Sheet) -> list[int]:
    """Say how wide the columns are, by the first rows, in characters."""
    found = []
    for i, header in enumerate(sheet.headers):
        texts = (str(row[i]) for row in sheet.rows[:500] if row[i] is not None)
        widest = max([_width(header), *map(_width, texts)])
        found.append(sheet.wrapped_width if i == sheet.wrapped else min(_WIDEST, widest + 2))
    return found


def _width(text: str) -> int:
    if text.isascii():
        return min(len(text), 60)
    return sum(2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text[:60])
