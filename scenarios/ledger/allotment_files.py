"""The workbook in which an office enters the shares of the cities, and how it is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...geodata.errors import InputError, Problem
from ...geodata.shown import shown
from .form_counts import parse_count, plain
from .form_files import Page, cell_name, read_form_file
from .sheets import Book, add_sheet, ask_whole, lock, new_book, put, widths
from .targets import Ledger, plan_text

SHEET, KEY, SOURCE = "分解", "标识(勿改)", "来源文件*"
_HEADERS = (KEY, "目标", "年份", "单位", "全省计划")
_HEADER_ROW = 4
_HOW = "计划没有公布各市的数; 由本单位填写。不分解的行全部空着; 分解的行每个市都要填, 没有的填 0。"
SUFFIXES = (".xlsx", ".xlsm", ".xls", ".et", ".ods")


def allotment_book(ledger: Ledger, cities: Sequence[str]) -> Book:
    """Build the empty workbook: one line per target and year that the plan does not share out."""
    book = new_book()
    sheet = add_sheet(book, SHEET)
    put(sheet, 1, 2, "各市分解数", "title bold")
    put(sheet, 2, 2, _HOW)
    put(sheet, 3, 2, SOURCE, "pale bold")
    put(sheet, 3, 3, "", "input")
    for column, header in enumerate((*_HEADERS, *cities), 1):
        put(sheet, _HEADER_ROW, column, header, "head")
    row = _HEADER_ROW
    for target in ledger.targets:
        years = sorted({year for way in target.ways() for year in way.years})
        if target.measure == "units" or target.sum_of:
            continue
        for year in years:
            row += 1
            given = (f"{target.id}@{year}", target.name, year, target.unit, plan_text(target, year))
            for column, value in enumerate((*given, *("" for _ in cities)), 1):
                put(sheet, row, column, value, "pale wrap" if column <= len(given) else "input number")
    last = chr(ord("A") + len(_HEADERS) + len(cities) - 1)
    ask_whole(sheet, f"F{_HEADER_ROW + 1}:{last}{row}", "填 0 或正整数")
    widths(sheet, [0, 30, 8, 8, 34, *(10 for _ in cities)])
    sheet.freeze_panes = sheet.cell(_HEADER_ROW + 1, 6)
    lock(sheet)
    return book


def read_allotments(path: Path) -> dict[str, Any]:
    """Read what was entered, in the form of the YAML file; raises ``InputError`` with every problem."""
    file = read_form_file(path, (SHEET,))
    page = file.pages.get(SHEET)
    if page is None:
        raise InputError(Problem(file.name, f"缺少工作表 {SHEET}", fix="请用 boai targets allot 写出的表"))
    texts = {at: plain(value) for at, value in page.cells.items() if plain(value)}
    source = next((texts.get((row, at + 1), "") for (row, at), text in texts.items() if text == SOURCE), "")
    header = next((row for (row, _), text in sorted(texts.items()) if text == KEY), None)
    if header is None:
        raise InputError(
            Problem(f"{file.name} {SHEET}", "找不到表头", fix="请用 boai targets allot 写出的表")
        )
    cities = {at: text for (row, at), text in texts.items() if row == header and text not in _HEADERS}
    key_at = next(at for (row, at), text in texts.items() if row == header and text == KEY)
    problems: list[Problem] = []
    if not source:
        problems.append(
            Problem(f"{file.name} {SHEET}", f"{SOURCE.rstrip('*')}没有填", fix="请写明各市的数出自哪个文件")
        )
    found: dict[str, Any] = {}
    for row in page.rows:
        target, _, year = texts.get((row, key_at), "").partition("@")
        shares = _shares(file.name, page, row, cities, problems) if row > header else {}
        if shares and not year.isdecimal():
            problems.append(
                Problem(f"{file.name} {SHEET} 第{row}行", "这一行的标识不对", target, "请不要改标识")
            )
        elif shares:
            found.setdefault(target, {})[int(year)] = shares
    if problems:
        raise InputError(problems)
    return {"source": source[:80], "allotments": found}


def _shares(
    file: str, page: Page, row: int, cities: dict[int, str], problems: list[Problem]
) -> dict[str, int]:
    """Read one line; empty where nothing was entered."""
    found = {}
    for at, city in cities.items():
        cell = cell_name(row, at)
        number, what, counts = parse_count(page.cells.get((row, at)))
        if cell in page.formulas:
            number, what, counts = None, "这里是公式, 不是填写的数", False
        if not counts:
            got = shown(page.cells.get((row, at)))
            problems.append(Problem(f"{file} {SHEET} {cell}", what, got, "请填 0 或正整数"))
        if number is not None:
            found[city] = number
    return found
