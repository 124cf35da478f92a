"""The December form: the workbook in which a city reports its year, one line per target.

The reader (``ledger_returns``) finds a line by its hidden key and a column by its header, so that sorting,
new rows and another program's saving do no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...geodata.demand import Demand
from .allotments import Allotments
from .lights import NOT_TRACKED, REPORTED_ONLY
from .progress import figure_of
from .sheets import Book, Sheet, add_sheet, ask_choice, ask_whole, lock, new_book, put, widths
from .stock import count, stock_of, unit_codes, unit_names
from .targets import Ledger, Target, bounds, plan_text

if TYPE_CHECKING:
    from ...geodata.layers import Layer

FORM, VERSION = "boai-targets-form", "1"
COVER, ENTRY, COUNTIES, NOTES, MARKS = "封面", "填报", "分县", "说明", "boai"
"""Sheets of a form; the last is hidden and tells whose form it is."""

KEY = "标识(勿改)"
REPORTED, REQUIRED, CHECKED, REMARK, EVIDENCE = "上报数", "应有数", "与登记库核对", "说明", "佐证材料"
"""Headers of the columns that a city fills in."""

ENTRY_HEADERS = (
    KEY, "序号", "目标", "投放对象", "单位", "约束性", "填报口径", "全省计划", "本市计划", "登记库已有",
    REPORTED, REQUIRED, CHECKED, REMARK, EVIDENCE,
)  # fmt: skip
COUNTY_HEADERS = (
    KEY, "县区", "县级代码", "目标", "单位", "填报口径", "应有", "登记库已有", REPORTED, CHECKED, REMARK,
    EVIDENCE,
)  # fmt: skip
FILLED = (REPORTED, REQUIRED, CHECKED, REMARK, EVIDENCE)
HEADER_ROW = 3

COVER_FIELDS = {
    "office": "填报单位", "person": "填报人", "phone": "联系电话", "date": "填报日期", "reviewer": "审核人",
}  # fmt: skip
"""What a city writes on the cover, by its code."""

CHECKS = ("一致", "登记库少登", "登记库多登", "未核对")
PROOFS = ("文件", "名册", "照片", "现场核查", "无")

_HOW = (
    "1. 只填黄色格子: 封面的填报单位、填报人、电话、日期; 填报、分县两表的上报数等。其他格子请不要改。",
    "2. 上报数填整数, 没有的填 0; 空着表示没有填报, 不会当作 0。不要写“约30”“近百”等, 不确定的写在说明栏。",
    "3. “登记库已有”是省里登记库现在的数。与实际不符的, 照实填上报数, 在核对栏选一项, 并写明原因。",
    "4. “本市计划”空着的, 是计划没有分到各市, 不是零。",
    "5. 不要合并单元格, 不要写公式, 不要增删行列。用 Excel、WPS、LibreOffice 填写都可以, 存成 xlsx。",
    "6. 填好后把这个文件发给省红十字会, 不要改成图片或 PDF。",
)


@dataclass(frozen=True)
class Line:
    """One line of a form."""

    key: str
    """``target``, or ``target@county code``."""
    target: Target
    code: str
    """City (four digits) or county (six)."""
    plan: str
    """The province's figure of the year, in words, every reading of it."""
    asked: int | None
    """What is asked of this city or county; None where nothing is published or entered."""
    recorded: int | None
    """What the registry has; None where nobody recorded the resource."""
    undated: int = 0
    """What it has without a year, which counts for no year's addition."""


def lines(
    ledger: Ledger,
    demand: Demand,
    layers: Mapping[Any, Layer],
    *,
    city: str,
    year: int,
    resources: Mapping[str, pd.DataFrame] | None = None,
    allotments: Allotments | None = None,
) -> list[Line]:
    """List the lines of a city's form of a year, those by county last.

    Parameters
    ----------
    city
        Four digits of its code.
    """
    found = []
    for target in ledger.asked(year):
        stock = stock_of(target.kind, layers, resources)
        by_county = is_by_county(target)
        codes = [code for code in unit_codes(demand, 6 if by_county else 4) if code.startswith(city)]
        counted = None
        if stock is not None:
            counted = count(target, stock, (year,), demand, digits=len(codes[0]), raw=True)
        for code in codes:
            found.append(
                Line(
                    f"{target.id}@{code}" if by_county else target.id,
                    target,
                    code,
                    plan_text(target, year),
                    figure_of(target, str(year), code, demand, allotments),
                    None if counted is None else counted.of(code).built,
                    0 if counted is None else counted.of(code).undated,
                )
            )
    return sorted(found, key=lambda line: "@" in line.key)


def is_by_county(target: Target) -> bool:
    """Tell whether a city reports a target county by county: coverage of all counties."""
    return target.measure == "units" and target.scope == "县"


def build_form(
    ledger: Ledger,
    listed: Sequence[Line],
    demand: Demand,
    *,
    city: str,
    year: int,
    labels: Sequence[str] = (),
) -> Book:
    """Build the form of a city: cover, lines, lines by county, explanations, hidden marks."""
    book = new_book()
    name = unit_names(demand)[city][0]
    title = f"{name} {year} 年度目标完成情况填报表"
    _cover(add_sheet(book, COVER, landscape=False), title, name, year, labels)
    _entries(add_sheet(book, ENTRY), title, [line for line in listed if "@" not in line.key], year)
    _counties(add_sheet(book, COUNTIES), title, [line for line in listed if "@" in line.key], demand)
    _notes(add_sheet(book, NOTES), ledger, listed)
    marks = book.create_sheet(MARKS)
    facts = {
        "form": FORM,
        "version": VERSION,
        "city_code": city,
        "city": name,
        "year": year,
        "ledger": ledger.key,
    }
    for row, (key, value) in enumerate(facts.items(), 1):
        put(marks, row, 1, key)
        put(marks, row, 2, str(value))
    marks.sheet_state = "hidden"
    lock(marks)
    return book


def _cover(sheet: Sheet, title: str, city: str, year: int, labels: Sequence[str]) -> None:
    put(sheet, 1, 1, title, "title bold")
    for row, (name, value) in enumerate({"设区市": city, "年度": f"{year} 年"}.items(), 3):
        put(sheet, row, 1, name, "pale bold")
        put(sheet, row, 2, value, "pale")
    for row, (code, name) in enumerate(COVER_FIELDS.items(), 5):
        put(sheet, row, 1, name + ("" if code == "reviewer" else "*"), "pale bold")
        put(sheet, row, 2, "", "input")
    last = 5 + len(COVER_FIELDS)
    if labels:
        put(sheet, last, 1, "标注", "pale bold")
        put(sheet, last, 2, f"登记库一栏含{'、'.join(labels)}, 不是实绩", "pale wrap")
    put(sheet, last + 2, 1, "怎么填", "bold title")
    for row, text in enumerate(_HOW, last + 3):
        put(sheet, row, 1, text, "wrap grid")
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=3)
        sheet.row_dimensions[row].height = 34
    widths(sheet, [18, 40, 30])
    lock(sheet)


def _entries(sheet: Sheet, title: str, listed: Sequence[Line], year: int) -> None:
    rows = []
    for number, line in enumerate(listed, 1):
        target = line.target
        rows.append(
            [
                line.key, number, target.name, target.level, target.reported_unit, target.binding_in(year),
                target.asked, line.plan, line.asked, _recorded(line),
            ]
        )  # fmt: skip
    counted = [bounds(line.target.total)[0] is None and not line.target.years for line in listed]
    widths(sheet, [0, 6, 30, 22, 7, 14, 22, 34, 10, 14, 12, 12, 16, 36, 16])
    _sheet(sheet, title, ENTRY_HEADERS, rows, asks_required=counted)


def _counties(sheet: Sheet, title: str, listed: Sequence[Line], demand: Demand) -> None:
    names = unit_names(demand)
    rows = []
    for line in sorted(listed, key=lambda each: each.code):
        target = line.target
        rows.append(
            [
                line.key, names[line.code][1], line.code, target.name, target.reported_unit, target.asked,
                line.asked, _recorded(line),
            ]
        )  # fmt: skip
    widths(sheet, [0, 14, 11, 34, 7, 16, 8, 14, 12, 16, 36, 16])
    _sheet(sheet, title, COUNTY_HEADERS, rows, asks_required=[])


def _recorded(line: Line) -> int | str:
    if line.recorded is not None:
        more = f" (另有 {line.undated} {line.target.unit}未写年份)" if line.undated else ""
        return f"{line.recorded}{more}" if more else line.recorded
    return REPORTED_ONLY if line.target.kind is None else NOT_TRACKED


def _sheet(
    sheet: Sheet,
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    asks_required: Sequence[bool],
) -> None:
    """Write title, header and lines; only the cells for filling in are not locked."""
    put(sheet, 1, 2, title, "title bold")
    put(sheet, 2, 2, "只填黄色格子; 没有的填 0, 空着算未报。")
    for column, header in enumerate(headers, 1):
        put(sheet, HEADER_ROW, column, header, "head")
    for row, values in enumerate(rows, HEADER_ROW + 1):
        for column, header in enumerate(headers, 1):
            given = column <= len(values)
            open_here = header != REQUIRED or asks_required[row - HEADER_ROW - 1]
            style = "pale wrap" if given or not open_here else "input wrap"
            style += " number" if header in (REPORTED, REQUIRED) else ""
            put(sheet, row, column, values[column - 1] if given else ("" if open_here else "—"), style)
    last = HEADER_ROW + max(len(rows), 1)
    for header, letter in ((name, _letter(headers, name)) for name in FILLED if name in headers):
        area = f"{letter}{HEADER_ROW + 1}:{letter}{last}"
        if header in (REPORTED, REQUIRED):
            ask_whole(
                sheet, area, "填 0 或正整数; 没有的填 0" if header == REPORTED else "本市应有多少, 填整数"
            )
        elif header in (CHECKED, EVIDENCE):
            ask_choice(sheet, area, CHECKS if header == CHECKED else PROOFS, "请选一项")
    sheet.freeze_panes = sheet.cell(HEADER_ROW + 1, 4)
    sheet.print_title_rows = f"1:{HEADER_ROW}"
    lock(sheet)


def _letter(headers: Sequence[str], name: str) -> str:
    return chr(ord("A") + headers.index(name))


def _notes(sheet: Sheet, ledger: Ledger, listed: Sequence[Line]) -> None:
    put(sheet, 1, 1, "各项目标的口径", "title bold")
    heads = ("目标", "填报口径", "全省计划", "约束性", "原文歧义, 各种读法并列", "来源")
    for column, header in enumerate(heads, 1):
        put(sheet, 3, column, header, "head")
    seen = {line.target.id: line for line in listed}
    for row, line in enumerate(seen.values(), 4):
        target = line.target
        cells = (
            target.name,
            target.asked,
            line.plan,
            target.binding_in(),
            target.ambiguity,
            target.source or ledger.source,
        )
        for column, text in enumerate(cells, 1):
            put(sheet, row, column, text, "grid wrap")
    widths(sheet, [30, 24, 36, 14, 60, 30])
    lock(sheet)
