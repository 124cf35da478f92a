"""A sheet as rows of cells before its header is known, as spreadsheets, text files and HTML give it."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass, field
from typing import Any

from .limits import LONGEST_CELL, MOST_CELLS, MOST_COLUMNS, MOST_ROWS, refuse
from .model import Finding

Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column: rows 1-based, columns 0-based, both ends included."""


NO_RESULT = "#NORESULT!"
"""Stands where a formula was never calculated: a program wrote the file and no one opened it since."""

ERRORS = frozenset({
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA", "#SPILL!", "#CALC!",
    "#FIELD!", "#BLOCKED!", "#UNKNOWN!", "#CONNECT!", "#BUSY!", "#PYTHON!",
    "Err:502", "Err:504", "Err:508", "Err:511", "Err:522", NO_RESULT,
})  # fmt: skip
"""What spreadsheet programs show where a formula fails."""


@dataclass(frozen=True)
class Grid:
    """A sheet as it stands: rows with content, their numbers, merged ranges."""

    sheet: str
    format: str
    rows: list[list[Any]]
    """Rows that are not blank, each up to its last cell; empty cells are None, formula errors their text."""
    numbers: list[int]
    """1-based row numbers, as the spreadsheet program shows them, increasing."""
    merges: tuple[Merge, ...] = ()
    hidden: bool = False
    hidden_rows: int = 0
    encoding: str = ""
    findings: tuple[Finding, ...] = field(default=())


class Rows:
    """Rows under construction, within the limits of a table."""

    def __init__(self, *, file: str, sheet: str = "") -> None:
        self.file, self.sheet = file, sheet
        self.rows: list[list[Any]] = []
        self.numbers: list[int] = []
        self._left = MOST_CELLS

    def add(self, number: int, cells: list[Any]) -> None:
        """Add a row unless it is blank; trailing empty cells go."""
        while cells and cells[-1] is None:
            cells.pop()
        if not cells:
            return
        self._left -= len(cells)
        if len(cells) > MOST_COLUMNS or number > MOST_ROWS or self._left < 0:
            raise self.too_large(number, len(cells))
        self.rows.append(cells)
        self.numbers.append(number)

    def too_large(self, number: int, width: int) -> Exception:
        """Make the refusal of a table beyond the limits."""
        if width > MOST_COLUMNS:
            what, got = f"表格不能超过 {MOST_COLUMNS} 列", f"第 {number} 行有 {width} 列"
        elif number > MOST_ROWS:
            what, got = f"表格不能超过 {MOST_ROWS} 行", f"第 {number} 行"
        else:
            what, got = f"表格不能超过 {MOST_CELLS // 10_000} 万个单元格", f"至第 {number} 行"
        fix = "请删去多余的行和列, 或拆分后再导入"
        return refuse("file_too_large", what, file=self.file, sheet=self.sheet, got=got, fix=fix)

    def sorted(self) -> tuple[list[list[Any]], list[int]]:
        """Return rows and numbers in the order of the numbers (a hostile file may have them in any order)."""
        if all(a <= b for a, b in zip(self.numbers, self.numbers[1:], strict=False)):
            return self.rows, self.numbers
        order = sorted(range(len(self.numbers)), key=self.numbers.__getitem__)
        return [self.rows[i] for i in order], [self.numbers[i] for i in order]


def cell_text(text: str) -> str | None:
    """Return a text cell, or None if nothing but blanks stands there; at most what a cell of Excel holds."""
    if not text or text.isspace():
        return None
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL]


def number(text: str) -> int | float | str | None:
    """Read the number of a numeric cell: whole ones as int; anything else stays the text it is.

    Examples
    --------
    >>> number("13800138000"), number("13800138000.0"), number("28.5"), number("1E+400"), number("x")
    (13800138000, 13800138000, 28.5, '1E+400', 'x')
    """
    text = text.strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)


def date_kind(format_code: str) -> str:
    """Tell what a number format of Excel shows: ``date``, ``time``, ``duration`` or nothing of these.

    Examples
    --------
    >>> [date_kind(code) for code in ('yyyy"年"m"月"d"日"', "h:mm", "[h]:mm", "General", '0.0"m"')]
    ['date', 'time', 'duration', '', '']
    """
    plain = _QUOTED.sub("", format_code.partition(";")[0]).lower().replace("general", "").replace("am/pm", "")
    if "[" in plain and re.search(r"\[[hms]+\]", plain):
        return "duration"
    if re.search(r"[yd]", plain) or re.fullmatch(r"[^0#?hs]*m+[^0#?hs]*", plain):
        return "date"
    return "time" if re.search(r"[hs]", plain) else ""


def from_serial(value: int | float, kind: str, *, epoch_1904: bool = False) -> Any:
    """Turn a date number of Excel into datetime, time, or the text of a duration; other numbers stay.

    Excel counts 1900-02-29, a day that never was, so numbers below 60 are a day later than they seem
    (ECMA-376 part 1, 18.17.4.1).

    Examples
    --------
    >>> from_serial(45356, "date"), from_serial(0.354166666666667, "time"), from_serial(1.25, "duration")
    (datetime.datetime(2024, 3, 5, 0, 0), datetime.time(8, 30), '30:00:00')
    """
    seconds = round(value * 86_400)
    if kind == "duration" and 0 <= value < 1_000_000:
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if kind == "time" and 0 <= seconds < 86_400:
        return dt.time(seconds // 3600, seconds // 60 % 60, seconds % 60)
    start = dt.datetime(1904, 1, 1) if epoch_1904 else dt.datetime(1899, 12, 30 if value >= 60 else 31)
    if not 0 <= value < 2_958_466:
        return value
    try:
        return start + dt.timedelta(seconds=seconds)
    except OverflowError:
        return value


def column_letters(position: int) -> str:
    """Name a 0-based column as spreadsheet programs do.

    Examples
    --------
    >>> [column_letters(i) for i in (0, 25, 26, 16383)]
    ['A', 'Z', 'AA', 'XFD']
    """
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_position(letters: str) -> int:
    """Return the 0-based position of a column named by letters; -1 where they are none.

    Examples
    --------
    >>> [column_position(text) for text in ("A", "AA", "XFD", "", "?")]
    [0, 26, 16383, -1, -1]
    """
    position = 0
    for letter in letters.upper()[:8]:
        if not "A" <= letter <= "Z":
            return -1
        position = position * 26 + ord(letter) - 64
    return position - 1


def reference(text: str) -> tuple[int, int] | None:
    """Read a cell reference such as ``$B$7``: 1-based row and 0-based column; None where it is none."""
    match = re.fullmatch(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})", text)
    if not match or int(match[2]) < 1:
        return None
    return int(match[2]), column_position(match[1])


def merged_range(text: str) -> Merge | None:
    """Read a range of cells such as ``B1:D3``; None where it is none or a single cell.

    Examples
    --------
    >>> merged_range("B1:D3"), merged_range("A1:A1"), merged_range("oops")
    ((1, 1, 3, 3), None, None)
    """
    first, _, last = text.partition(":")
    start, end = reference(first), reference(last)
    if start is None or end is None or start == end:
        return None
    (top, left), (bottom, right) = start, end
    return min(top, bottom), min(left, right), max(top, bottom), max(left, right)
