"""Workbooks of the ledger and of a collection: lights as fill and as words, safe to open, ready to print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .lights import MEANINGS
from .progress import UNIT_HEADERS
from .sheets import Book, add_sheet, add_table, new_book, put, save_book, widths
from .sums import HEADERS as COLLECTED
from .targets import HEADERS

if TYPE_CHECKING:
    from .collect import Collection

_HIDDEN = ("id", "kind", "code", "unit_level")
"""Columns for programs, which no office needs."""

PROVINCE, MATRIX, UNITS = "台账", "上报矩阵", {"市": "各市", "县": "各县"}


def ledger_book(
    table: pd.DataFrame,
    units: Mapping[str, pd.DataFrame],
    *,
    notes: Sequence[str] = (),
) -> Book:
    """Make the workbook of the ledger: notes and lights, the province, then cities and counties.

    Parameters
    ----------
    table
        As ``ledger.progress`` returns it.
    units
        Tables of ``ledger.by_unit`` by level: 市, 县.
    notes
        Lines for the first sheet: what this is, its date, its labels.
    """
    book = new_book()
    _front(book, "目标台账", notes)
    _table(book, PROVINCE, table, HEADERS)
    for level, own in units.items():
        _table(book, UNITS[level], own.dropna(axis=1, how="all"), UNIT_HEADERS)
    return book


def write_ledger(
    path: Path, table: pd.DataFrame, units: Mapping[str, pd.DataFrame], *, notes: Sequence[str] = ()
) -> None:
    """Write the workbook of `ledger_book`, whole or not at all; raises ``InputError``."""
    save_book(ledger_book(table, units, notes=notes), path)


def collection_book(found: Collection, *, notes: Sequence[str] = ()) -> Book:
    """Make the workbook of what the cities reported: sums, matrix, differences, counties, problems, files."""
    book = new_book()
    told = [f"年度: {found.year} 年", *notes]
    told.append(f"没有收到(或不能用)的市: {'、'.join(found.missing) or '无'}")
    doubtful = found.values[found.values["doubt"] != ""]
    left_out = int((doubtful["got"] != "").sum())
    told.append(f"问题 {len(found.findings)} 条; 没有计入的数 {left_out} 个, 全部列在“存疑”表")
    _front(book, f"{found.year} 年各市目标完成情况汇总", told)
    _table(book, "汇总", found.summary, COLLECTED)
    wide = _wide(found.matrix)
    _table(book, MATRIX, wide, COLLECTED)
    differ = found.matrix[found.matrix["difference"].notna() & (found.matrix["difference"] != 0)]
    _table(book, "与登记库不同", differ, COLLECTED)
    _table(
        book,
        "未报与存疑",
        found.matrix[found.matrix["state"] != "已报"].drop(columns="difference"),
        COLLECTED,
    )
    by_county = found.values[(found.values["county"] != "") & (found.values["doubt"] == "")]
    _table(book, "分县", by_county.drop(columns=["doubt", "sheet", "cell", "got", "required"]), COLLECTED)
    _table(book, "说明与佐证", _remarks(found.values), COLLECTED)
    _table(book, "存疑", doubtful[doubtful["got"] != ""], COLLECTED)
    _table(book, "问题", found.findings, COLLECTED)
    _table(book, "文件", found.covers, COLLECTED)
    return book


def write_collection(path: Path, found: Collection, *, notes: Sequence[str] = ()) -> None:
    """Write the workbook of `collection_book`, whole or not at all; raises ``InputError``."""
    save_book(collection_book(found, notes=notes), path)


def _front(book: Book, title: str, notes: Sequence[str]) -> None:
    sheet = add_sheet(book, "说明", landscape=False)
    put(sheet, 1, 1, title, "title bold")
    row = 3
    for text in notes:
        put(sheet, row, 1, "")
        put(sheet, row, 2, text, "wrap grid")
        row += 1
    for light, meaning in MEANINGS.items():
        put(sheet, row + 1, 1, light, f"{light} bold grid")
        put(sheet, row + 1, 2, meaning, "wrap grid")
        row += 1
    widths(sheet, [8, 90])


def _wide(matrix: pd.DataFrame) -> pd.DataFrame:
    """One row per target, one column per city: the number, or why there is none."""
    shown = matrix.assign(
        cell=[
            state if pd.isna(n) else int(n) if state == "已报" else f"{n} ({state})"
            for n, state in zip(matrix["reported"], matrix["state"], strict=True)
        ]
    )
    cities = list(dict.fromkeys(matrix["city"]))
    rows: list[dict[str, Any]] = []
    for (_, name, unit), own in shown.groupby(["id", "name", "unit"], sort=False):
        cells = dict(zip(own["city"], own["cell"], strict=True))
        total = None if own["reported"].isna().all() else int(own["reported"].sum())
        rows.append({"name": name, "unit": unit, **cells, "合计": total})
    return pd.DataFrame(rows, columns=["name", "unit", *cities, "合计"]).astype(object)


def _remarks(values: pd.DataFrame) -> pd.DataFrame:
    told = values[(values["remark"] != "") | (values["evidence"] != "") | (values["check"] != "")]
    return told[["city", "county", "name", "reported", "unit", "check", "remark", "evidence", "file"]]


def _table(book: Book, title: str, table: pd.DataFrame, headers: Mapping[str, str]) -> None:
    """Write a table on a sheet of its own; columns that nobody needs are left out."""
    shown = table.drop(columns=[name for name in _HIDDEN if name in table])
    names = [headers.get(str(name), str(name)) for name in shown.columns]
    rows = [[_cell(value) for value in row] for row in shown.itertuples(index=False, name=None)]
    add_table(add_sheet(book, title), names, rows)


def _cell(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return ""
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) == 4 else value
