"""Excel templates: one workbook per resource type, with drop-downs and the meaning of each column."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from .errors import InputError, Problem
from .store import replacing
from .types import Attribute, ResourceType, find_type

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

FILL, NOTES, WORDS = "填写", "说明", "字典"
"""Sheets: to be filled in, the meaning of the columns, the allowed values."""

HEADER_ROW = 2
FIRST_ROW = HEADER_ROW + 1
ROWS = 5000
"""Rows with drop-downs and checks; more may be filled in."""

REQUIRED = "*"
"""Mark behind the header of a column that must be filled in; the intake takes it away."""

YES_NO = ("是", "否")
LEFT_OUT = ("orig_x", "orig_y", "orig_crs")
"""Common attributes that boai fills in by itself."""

_LAST_ROW = HEADER_ROW + ROWS
_ONE_OF = ("county", "address", "lon", "lat")
_PLACE_NOTE = "经度、纬度都填, 或者填地址、县区: 没有经纬度时按地址估计位置"
_TEXT, _DATE, _WHOLE, _GENERAL = "@", "yyyy-mm-dd", "0", "General"
_FORMATS: Mapping[str, str] = {"integer": _WHOLE, "number": _GENERAL, "date": _DATE, "longitude": _GENERAL,
                               "latitude": _GENERAL}  # fmt: skip
_KINDS: Mapping[str, str] = {
    "text": "文字", "phone": "电话(文本)", "integer": "整数", "number": "数字", "bool": "是或否",
    "date": "日期", "choice": "选填一项", "stock": "物资:数量, 用分号隔开", "hours": "开放时间",
    "longitude": "经度", "latitude": "纬度",
}  # fmt: skip
_EXAMPLES: Mapping[str, str] = {"bool": "是", "date": "2024-03-05", "integer": "20", "number": "20"}

_THIN = Side(style="thin", color="BFBFBF")
_GRID = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_HEAD, _MUST, _PALE = (PatternFill("solid", fgColor=colour) for colour in ("4472C4", "C00000", "F2F2F2"))


def write_template(kind: str, path: Path, *, types: Mapping[str, ResourceType] | None = None) -> None:
    """Write the template of a resource type; the file appears whole or not at all.

    Parameters
    ----------
    kind
        Code, Chinese title or synonym.
    path
        Ends in ``.xlsx``; its folder exists. A file that is there is replaced.
    types
        Types to look in, by default the embedded ones.

    Raises
    ------
    InputError
        There is no such type, the path ends otherwise, or it cannot be written.
    """
    rtype = find_type(kind, types)
    if path.suffix.lower() != ".xlsx":
        raise InputError(Problem(str(path), "模板是 Excel 文件", path.suffix, "文件名请以 .xlsx 结尾"))
    _save(build(rtype), path)


def columns(rtype: ResourceType) -> tuple[Attribute, ...]:
    """Return the attributes that a template asks for: where and what, the type's own, the rest.

    Examples
    --------
    >>> [attribute.title for attribute in columns(find_type("aed"))[:5]]
    ['编号', '名称', '设区市', '县区', '县级代码']
    """
    left_out = {*LEFT_OUT, *rtype.without}
    common = [each for each in rtype.attributes if each.common and each.name not in left_out]
    status = next(place for place, each in enumerate(common) if each.name == "status")
    return (*common[:status], *rtype.own, *common[status:])


def build(rtype: ResourceType) -> Workbook:
    """Build the workbook of a template: the sheets 填写, 说明 and 字典."""
    book = Workbook()
    fill, notes, words = book.active, book.create_sheet(NOTES), book.create_sheet(WORDS)
    fill.title = FILL
    asked = columns(rtype)
    ranges = _fill_words(words, asked)
    _fill_sheet(fill, rtype, asked, ranges)
    _fill_notes(notes, rtype, asked)
    return book


def _counties() -> list[tuple[str, str]]:
    """Cities and counties of the province, a city's counties together, in the order of their codes."""
    text = (files("boai.geodata") / "tables" / "counties_2020.csv").read_text(encoding="utf-8")
    rows = sorted(csv.DictReader(text.splitlines()), key=lambda row: row["adcode"])
    order = {city: place for place, city in enumerate(dict.fromkeys(row["city"] for row in rows))}
    return sorted(((row["city"], row["name"]) for row in rows), key=lambda pair: order[pair[0]])


def _fill_words(sheet: Worksheet, asked: Sequence[Attribute]) -> dict[str, str]:
    """Write the allowed values, a column each, and return attribute → absolute range of its values."""
    pairs = _counties()
    lists: dict[str, tuple[str, Sequence[str]]] = {
        "city": ("设区市", list(dict.fromkeys(city for city, _ in pairs))),
        "county_city": ("县区所属设区市", [city for city, _ in pairs]),
        "county": ("县区", [county for _, county in pairs]),
        "bool": ("是否", YES_NO),
    }
    lists |= {each.name: (each.title, each.allowed) for each in asked if each.allowed}
    ranges = {}
    for number, (name, (title, values)) in enumerate(lists.items(), 1):
        letter = get_column_letter(number)
        for row, text in enumerate((title, *values), 1):
            _put(sheet, row, number, text, bold=row == 1, fill=_HEAD if row == 1 else None)
        sheet.column_dimensions[letter].width = _width((title, *values))
        ranges[name] = f"'{WORDS}'!${letter}$2:${letter}${len(values) + 1}"
    sheet.freeze_panes = "A2"
    return ranges


def _fill_sheet(
    sheet: Worksheet, rtype: ResourceType, asked: Sequence[Attribute], ranges: Mapping[str, str]
) -> None:
    """Write the title row, the header row and the formats and checks of the rows to be filled in."""
    # The title names no coordinate system: the intake would take it for a statement about the table.
    title = f"{rtype.title}填报表"
    _put(sheet, 1, 1, title, bold=True, size=14)
    letters = {each.name: get_column_letter(number) for number, each in enumerate(asked, 1)}
    for number, each in enumerate(asked, 1):
        letter = letters[each.name]
        mark = REQUIRED if each.required else ""
        fill = _MUST if each.required else _HEAD
        _put(sheet, HEADER_ROW, number, each.title + mark, bold=True, fill=fill)
        # The column's format holds for every row that is yet to be written.
        sheet.column_dimensions[letter].number_format = _FORMATS.get(each.type, _TEXT)
        sheet.column_dimensions[letter].width = max(_width([each.title + mark, each.example]), 10)
        check = _validation(each, ranges, letters)
        check.add(f"{letter}{FIRST_ROW}:{letter}{_LAST_ROW}")
        sheet.add_data_validation(check)
    sheet.row_dimensions[HEADER_ROW].height = 24
    sheet.freeze_panes = sheet.cell(FIRST_ROW, 3)
    sheet.print_title_rows = f"1:{HEADER_ROW}"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A3
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_setup.fitToHeight = 0
    sheet.print_options.gridLines = True


def _validation(
    attribute: Attribute, ranges: Mapping[str, str], letters: Mapping[str, str]
) -> DataValidation:
    """Make the check and the input message of a column.

    What the intake understands as well (other words of an open choice, degrees and minutes, former names) may
    be entered after a warning; what it would refuse is stopped.
    """
    rule = _rule(attribute, ranges, letters)
    check = DataValidation(**rule, allow_blank=True)
    check.errorTitle = attribute.title[:32]
    check.promptTitle = attribute.title[:32]
    check.prompt = _message(attribute)[:255]
    check.showInputMessage = True
    check.showErrorMessage = check.type is not None
    return check


def _rule(attribute: Attribute, ranges: Mapping[str, str], letters: Mapping[str, str]) -> dict[str, Any]:
    """Say which values a column may hold, in the terms of a spreadsheet."""
    a = attribute
    if a.name in ("city", "county"):
        formula = _county_formula(ranges, letters["city"]) if a.name == "county" else ranges["city"]
        error = "字典里没有这个名称; 曾用名或简称可以保留, 导入时会换成现名"
        return {"type": "list", "formula1": formula, "errorStyle": "warning", "error": error}
    if a.type == "choice":
        style = "warning" if a.open else "stop"
        error = "不在可选的值之中, 见字典" + ("; 确需另写的可以保留" if a.open else "")
        return {"type": "list", "formula1": ranges[a.name], "errorStyle": style, "error": error}
    if a.type == "bool":
        return {"type": "list", "formula1": ranges["bool"], "errorStyle": "stop", "error": "请填 是 或 否"}
    if a.type == "date":
        error = "请写成 2024-03-05 的样子"
        first = {"type": "date", "operator": "greaterThanOrEqual", "formula1": "DATE(1900,1,1)"}
        return {**first, "errorStyle": "warning", "error": error}
    return _range_rule(a)


def _range_rule(attribute: Attribute) -> dict[str, Any]:
    """Say which numbers a column may hold; nothing for text."""
    a = attribute
    if a.type not in ("integer", "number", "longitude", "latitude") or (
        a.minimum is None and a.maximum is None
    ):
        return {"type": None}
    rule: dict[str, Any] = {"type": "whole" if a.type == "integer" else "decimal", "errorStyle": "warning"}
    low, high = (None if bound is None else f"{bound:.15g}" for bound in (a.minimum, a.maximum))
    if low is None or high is None:
        rule |= {
            "operator": "lessThanOrEqual" if low is None else "greaterThanOrEqual",
            "formula1": low or high,
        }
    else:
        rule |= {"operator": "between", "formula1": low, "formula2": high}
    return {**rule, "error": f"{_limits(a)}; 写有单位或度分秒的可以保留, 导入时会换算"}


def _county_formula(ranges: Mapping[str, str], city: str) -> str:
    """Range of the counties of the city in the same row; all counties where it names no city."""
    cities, counties = ranges["county_city"], ranges["county"]
    first, cell = counties.split(":")[0], f"${city}{FIRST_ROW}"
    count = f"COUNTIF({cities},{cell})"
    return f"IF({count}=0,{counties},OFFSET({first},MATCH({cell},{cities},0)-1,0,{count},1))"


def _limits(attribute: Attribute) -> str:
    """Say the range of a number, or the values of a choice."""
    low, high, unit = attribute.minimum, attribute.maximum, attribute.unit
    if attribute.allowed:
        return "、".join(attribute.allowed)
    if low is not None and high is not None:
        return f"{low:.15g}-{high:.15g} {unit}".strip()
    if low is not None or high is not None:
        return f"不{'小于' if high is None else '大于'} {high if low is None else low:.15g} {unit}".strip()
    return ""


def _message(attribute: Attribute) -> str:
    """Say what to fill in, for the box beside a cell."""
    parts = [f"{attribute.meaning}。", "必填。" if attribute.required else ""]
    parts += [f"单位: {attribute.unit}。" if attribute.unit else ""]
    example = "" if "例如" in attribute.meaning else _example(attribute)
    parts += [f"例: {example}"] if example else []
    return "".join(parts)


def _example(attribute: Attribute) -> str:
    if attribute.example:
        return attribute.example
    return attribute.allowed[0] if attribute.allowed else _EXAMPLES.get(attribute.type, "")


def _fill_notes(sheet: Worksheet, rtype: ResourceType, asked: Sequence[Attribute]) -> None:
    """Write the meaning of every column, with an example that stands apart from the rows to be filled in."""
    lines = [
        f"{rtype.title}填报说明",
        f"{rtype.meaning}。",
        f"请在 {FILL} 表的表头下面逐行填写, 一行一处, 不要改表头。",
        f"红底并带 {REQUIRED} 的列必填, 其余不知道可以空着。",
        f"{_PLACE_NOTE}。自己另加的列会原样保留。",
    ]
    for row, text in enumerate(lines, 1):
        _put(sheet, row, 1, text, bold=row == 1, size=14 if row == 1 else 11)
    start = len(lines) + 2
    heads = ("列名", "含义", "类型", "单位", "必填", "可填的值", "示例")
    for number, text in enumerate(heads, 1):
        _put(sheet, start, number, text, bold=True, fill=_HEAD)
    for row, each in enumerate(asked, start + 1):
        must = "必填" if each.required else "与地址等至少填一种" if each.name in _ONE_OF else ""
        allowed = "是、否" if each.type == "bool" else _limits(each)
        allowed += " (可另写)" if each.open else ""
        cells = (each.title, each.meaning, _KINDS[each.type], each.unit, must, allowed, _example(each))
        for number, text in enumerate(cells, 1):
            _put(sheet, row, number, text, wrap=True, fill=_PALE if number == 1 else None)
    for letter, width in zip("ABCDEFG", (18, 60, 16, 10, 18, 50, 30), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = f"B{start + 1}"


def _put(
    sheet: Worksheet,
    row: int,
    column: int,
    text: str,
    *,
    bold: bool = False,
    size: int = 11,
    fill: PatternFill | None = None,
    wrap: bool = False,
) -> None:
    """Write one text as text, never as a formula."""
    cell = sheet.cell(row, column)
    cell.value, cell.data_type, cell.number_format = text, "s", _TEXT
    dark = fill is not None and fill is not _PALE
    cell.font = Font(name="宋体", bold=bold, size=size, color="FFFFFF" if dark else "000000")
    if fill is not None:
        cell.fill = fill
    if fill is not None or wrap:
        cell.border = _GRID
    cell.alignment = Alignment(vertical="center", wrap_text=wrap, horizontal="center" if dark else None)


def _width(texts: Iterable[str]) -> float:
    """Width of a column in characters; a Chinese one takes two."""
    return min(max(sum(1 + (ord(char) > 0x2E7F) for char in text) for text in texts) + 3, 40)


def _save(book: Workbook, path: Path) -> None:
    """Write whole or not at all; raises ``InputError``."""
    try:
        with replacing(path) as temporary:
            book.save(temporary)
    except OSError as error:
        fix = "请检查文件夹是否存在、文件是否正被打开"
        raise InputError(Problem(str(path), "文件无法写入", str(error.strerror), fix)) from None
