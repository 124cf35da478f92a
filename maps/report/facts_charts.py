"""Tables that the charts of a report are drawn from, and the same charts in the workbook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from .. import charts_data as data
from ..workbook_charts import Chart
from .facts import cell_text

if TYPE_CHECKING:
    from ...geodata.layers import Kind
    from ...scenarios.run import Result
    from ...scenarios.world import World
    from .facts import Book

BASES, WAYS, CITIES = "图_新增与覆盖", "图_远近与覆盖", "图_设区市"
"""Sheets of the tables that are drawn."""

_MOST_CITIES = 60
_LARGE = 0.5
"""An axis of shares ends at 1 where any of them is larger than this."""


def add_charts(book: Book, world: World, results: Sequence[Result], kind: Kind) -> None:
    """Put the tables of the charts of a layer into the workbook, and the charts that Excel draws of them."""
    order = tuple(cell_text(title) for title in data.titles(results))
    ways = data.minutes(world, results, kind)
    by = "cost_min" if "cost_min" in ways.columns else "cost_m"
    way = "时间" if by == "cost_min" else "距离"
    added = data.bases(results, kind)
    book.charts += [
        *_lines(book, BASES, added, ("rank", "share_after", "每新增一处，覆盖多少居民"), order),
        *_lines(book, WAYS, ways, (by, "share", f"多少{way}以内够得着"), order),
        *_cities(book, data.cities(results, kind), order),
    ]


def _lines(
    book: Book, sheet: str, table: pd.DataFrame, drawn: tuple[str, str, str], order: tuple[str, ...]
) -> list[Chart]:
    """Draw a line for each title; ``drawn``: the columns along x and y, and the title of the chart."""
    if table.empty:
        return []
    book.add(sheet, table)
    heads = dict(zip(book.pages[sheet].names, book.pages[sheet].headers, strict=True))
    x, y, title = drawn
    ends = (None, _end(table[y]))
    return [
        Chart(title, "scatter", sheet, heads[x], (heads[y],), by=heads["title"], y_range=ends, order=order)
    ]


def _cities(book: Book, table: pd.DataFrame, order: tuple[str, ...]) -> list[Chart]:
    """Put the cities side by side: a column for each result."""
    cities = table[table["code"].astype(str).str[2:4] != "00"] if len(table) else table
    if cities.empty:
        return []
    titles = list(dict.fromkeys(cities["title"]))
    wide = cities.pivot(index=["code", "name"], columns="title", values="share")[titles].reset_index()
    wide.columns = pd.Index(["code", "name", *(f"share:{title}" for title in titles)])
    book.add(CITIES, wide.head(_MOST_CITIES))
    _, name, *shares = book.pages[CITIES].headers
    ends = (None, _end(cities["share"]))
    return [Chart("各设区市的覆盖", "dumbbell", CITIES, name, tuple(shares), y_range=ends, order=order)]


def _end(shares: pd.Series[float]) -> float | None:
    return 1.0 if shares.max() > _LARGE else None
