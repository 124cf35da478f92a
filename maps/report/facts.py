"""Facts: the figures of a report, each the value of one cell of the workbook that comes with it.

The tables are made once, with the values as they are written; a text takes a figure from a cell, and says it
in one of a few forms. So nothing is computed for a sentence alone, and every figure can be looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...geodata.layers import KIND_NAMES
from ...scenarios.sentences import number_text
from .. import columns, style
from ..tables import safe_text
from ..words import one_line
from .facts_headers import header, number_format
from .model import Ref, Span

if TYPE_CHECKING:
    import pandas as pd

    from ..workbook_charts import Chart

Value = str | int | float | None

DASH = "–"
"""Stands for what is not known or does not apply."""

_LONGEST = 1000


def _signed(value: float) -> str:
    return f"{value:+.1f}" if round(value, 1) else "0.0"


def _money(value: float) -> str:
    """Write an amount as prices are stated, 19.75, and what is less than a tenth by two figures: 0.0021."""
    if 0 < abs(value) < 0.1:
        return number_text(float(f"{value:.2g}"))
    return f"{value:,.2f}".rstrip("0").rstrip(".")


FORMS: Mapping[str, Callable[[Any], str]] = {
    "people": style.people_text,
    "size": lambda value: style.people_text(abs(value)),
    "share": style.share_text,
    "count": lambda value: f"{value:,.0f}",
    "points": lambda value: f"{abs(value):.1f}",
    "signed": _signed,
    "money": _money,
    "year": lambda value: f"{value:.0f}",
    "said": str,
}
"""How a figure is said: 503.6万人, 82.4%, 1,500, 11.1, +11.1, 180, 2024, or as the text in the cell."""


@dataclass(frozen=True)
class Cell:
    """A value of a table of the report, and where it stands."""

    value: Value
    ref: Ref

    def __bool__(self) -> bool:
        """Tell whether there is anything to say: a text, or a number that is not 0."""
        return bool(self.value)

    @property
    def known(self) -> bool:
        """Whether the cell holds anything."""
        return self.value is not None and self.value != ""

    @classmethod
    def nothing(cls) -> Cell:
        """Make a cell that stands nowhere and holds nothing."""
        return cls(None, Ref("", ""))

    @property
    def number(self) -> float:
        """The value as a number, 0 where it is none."""
        return float(self.value) if isinstance(self.value, int | float) else 0.0

    @property
    def yes(self) -> bool:
        """Whether a yes or no is a yes."""
        return self.value == "是"

    def span(self, form: str, *, bold: bool = False) -> Span:
        """Say the value in one of ``FORMS``; a dash without a reference where there is none."""
        if not self.known:
            return Span(DASH, quiet=True)
        return Span(FORMS[form](self.value), self.ref, bold=bold)

    def name(self) -> Span:
        """Say a text without telling where it stands: a name."""
        return Span(str(self.value) if self.known else DASH)


class Row:
    """A row of a table; its columns are attributes, each a `Cell`."""

    def __init__(self, book: Book, sheet: str, at: int) -> None:
        self._book, self._sheet, self._at = book, sheet, at

    def __getattr__(self, column: str) -> Cell:
        return self._book.cell(self._sheet, self._at, column)

    def __getitem__(self, column: str) -> Cell:
        return self._book.cell(self._sheet, self._at, column)


@dataclass(frozen=True)
class Page:
    """A table as it is written: English columns for programs, cells as they stand in the workbook."""

    sheet: str
    names: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    @property
    def headers(self) -> list[str]:
        """Chinese headers."""
        return [cell_text(header(name, self.sheet)) for name in self.names]

    @property
    def formats(self) -> list[str]:
        """Number formats."""
        return [number_format(name) for name in self.names]


class Book:
    """The tables of a report by the names of their sheets, the header in the first row.

    Examples
    --------
    >>> import pandas as pd
    >>> book = Book()
    >>> book.add("概况", pd.DataFrame({"kind": ["aed"], "served": [812586], "share": [0.0179821]}))
    >>> row = book.row("概况", kind="AED")
    >>> row.served.span("people"), row.share.span("share").text
    (Span(text='81.3万人', ref=Ref(sheet='概况', cell='B2'), bold=False, quiet=False, number=0), '1.8%')
    """

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.notes: list[tuple[str, str]] = []
        """Rows of the first sheet: what it is about, and the text."""
        self.charts: list[Chart] = []
        """Charts that the workbook draws of its tables."""

    def add(self, sheet: str, table: pd.DataFrame) -> None:
        """Take a table, its values rounded and its texts made safe as the workbook writes them."""
        names = tuple(str(name) for name in table.columns)
        cells = [[_value(name, each) for each in table[name].tolist()] for name in names]
        self.pages[sheet] = Page(sheet, names, tuple(zip(*cells, strict=True)))

    def cell(self, sheet: str, at: int, column: str) -> Cell:
        """Give a cell by the position of its row, from 0, and the English name of its column."""
        page = self.pages[sheet]
        if column not in page.names:
            raise AttributeError(f"{sheet} has no column {column}")
        place = page.names.index(column)
        return Cell(page.rows[at][place], Ref(sheet, f"{letters(place + 1)}{at + 2}"))

    def rows(self, sheet: str, **where: object) -> list[Row]:
        """List the rows of a sheet whose columns hold the given values, in order."""
        return [Row(self, sheet, at) for at in self._places(sheet, where)]

    def row(self, sheet: str, **where: object) -> Row:
        """Give the one row whose columns hold the given values; KeyError where there is none."""
        for at in self._places(sheet, where):
            return Row(self, sheet, at)
        raise KeyError(f"{sheet}: {where}")

    def _places(self, sheet: str, where: Mapping[str, object]) -> Iterator[int]:
        page = self.pages.get(sheet)
        if page is None:
            return
        asked = [(page.names.index(name), value) for name, value in where.items()]
        for at, row in enumerate(page.rows):
            if all(row[place] == value for place, value in asked):
                yield at


_FULL = {",": "，", ":": "：", ";": "；"}
_CHINESE = "[\u3400-\u9fff“”「」（）、]"
_MARKS = re.compile(rf"(?<={_CHINESE})([,:;]) +|([,:;]) +(?={_CHINESE})")
_BRACKETS = re.compile(rf" ?\(([^()]*{_CHINESE}[^()]*)\) ?")
_PLAIN = frozenset({"title", "less", "more", "by", "nearest_site", "key", "labels"})
"""Columns of names that somebody typed, and of codes: they stay as they are."""


def formal(text: str) -> str:
    """Set a Chinese text in the full-width punctuation of a letter.

    Examples
    --------
    >>> formal("修水县大部 (杭口镇附近), 64.7万人: 见表; TD/T 1062 (2021), 第 3 条")
    '修水县大部（杭口镇附近），64.7万人：见表；TD/T 1062 (2021)，第 3 条'
    """
    text = _BRACKETS.sub(r"（\1）", text)
    return _MARKS.sub(lambda found: _FULL[found[1] or found[2]], text)


def letters(column: int) -> str:
    """Name a column as spreadsheets do, counted from 1: A, Z, AA."""
    name = ""
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def cell_text(text: object) -> str:
    """Make a text one safe line, as it stands in a cell and is said in the report."""
    return safe_text(one_line(text, longest=_LONGEST))


def _value(name: str, value: Any) -> Value:
    if isinstance(value, bool | np.bool_):
        return "是" if value else "否"
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _number(name, float(value))
    if value is None or str(value) == "<NA>":
        return None
    if name == "kind":
        return KIND_NAMES.get(value, cell_text(value))
    text = columns.word(name, value) or str(value)
    return cell_text(text if name in _PLAIN else formal(text))


def _number(name: str, value: float) -> int | float | None:
    if not np.isfinite(value):
        return None
    if number_format(name) == "0.0%":
        return _share(value)
    if number_format(name) == "0.00000":
        return round(value, 6)
    if value.is_integer() and abs(value) < 1e15:
        return int(value)
    return round(value, 6 if abs(value) < 1 else 2)


def _share(value: float) -> float:
    """Round a share, but never to all or to none of what it is a share of."""
    rounded = round(value, 6)
    if 0 < value < 1 and rounded in (0, 1):
        return 1e-6 if rounded == 0 else 1 - 1e-6
    return rounded
