"""Forms of two small cities for the tests of the December report: written, filled in, sent back."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from boai.scenarios.ledger.form import COUNTIES, COVER, ENTRY, HEADER_ROW, REPORTED, build_form, lines
from boai.scenarios.ledger.sheets import book_bytes
from boai.scenarios.ledger.targets import load_targets
from tinyworld import drive_world

PLAN = load_targets()
DEMAND = drive_world().demand
CITIES = {"东市": "3601", "西市": "3602"}
COUNTY_CODES = {"甲县": "360101", "乙县": "360102", "丙县": "360201", "丁县": "360202"}
YEAR = 2024

Fill = Callable[[Any], None]


def sites(rows: list[tuple[str, str, float, str]]) -> pd.DataFrame:
    """Sites of a registry: county code, level, year, status."""
    table = pd.DataFrame(rows, columns=["county_code", "level", "year", "status"])
    return table.assign(id=[f"s-{i}" for i in range(len(table))])


def blank(
    city: str = "东市", *, year: int = YEAR, resources: Mapping[str, pd.DataFrame] | None = None
) -> bytes:
    """The form of a city as the province sends it out."""
    code = CITIES[city]
    listed = lines(PLAN, DEMAND, {}, city=code, year=year, resources=resources)
    return book_bytes(build_form(PLAN, listed, DEMAND, city=code, year=year))


def column(sheet: Any, header: str) -> int:
    """Position of a column, from 1."""
    return next(cell.column for cell in sheet[HEADER_ROW] if cell.value == header)


def row_of(sheet: Any, key: str) -> int:
    """Row of a line by its hidden key."""
    return next(cell.row for cell in sheet["A"] if cell.value == key)


def put(book: Any, key: str, value: Any, header: str = REPORTED) -> None:
    """Fill in one cell; the key names the sheet."""
    sheet = book[COUNTIES if "@" in key else ENTRY]
    sheet.cell(row_of(sheet, key), column(sheet, header)).value = value


def cover(book: Any, person: str = "张三") -> None:
    """Fill in the cover."""
    for row, text in zip(range(5, 9), ("市红十字会", person, "0791-1234567", "2024年12月20日"), strict=True):
        book[COVER].cell(row, 2).value = text


def everything(book: Any, value: int = 1) -> None:
    """Fill in cover and every line with one number."""
    cover(book)
    for name in (ENTRY, COUNTIES):
        sheet = book[name]
        at = column(sheet, REPORTED)
        for row in range(HEADER_ROW + 1, sheet.max_row + 1):
            sheet.cell(row, at).value = value


def filled(path: Path, *steps: Fill, form: bytes) -> Path:
    """Write a form that somebody has worked on."""
    book = openpyxl.load_workbook(io.BytesIO(form))
    for step in steps:
        step(book)
    book.save(path)
    return path
