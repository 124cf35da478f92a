"""Find the header of a grid of cells: one row, or several with merged cells."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from ..types import load_types, normal
from .grid import Grid, Merge, column_letters

LooksLikeHeader = Callable[[str], bool]

_SEARCHED = 40
"""Rows with content among which the header is looked for."""

_LEVELS = 4
_LONGEST = 40
_BRACKETS = re.compile(r"[(（\[【〔{<《][^()（）\[\]【】〔〕{}<>《》]*[)）\]】〕}>》]")
_COORDINATES = re.compile(
    r"^(中心点?|gps|高德|百度|腾讯|天地图|火星|wgs84|gcj02|bd09|cgcs2000|国家2000|84)*(坐标)?(的)?"
    r"(经度|纬度|经纬度|坐标|lng|lon|long|lat|latitude|longitude|x|y)(坐标)?"
    r"(gps|高德|百度|腾讯|天地图|火星|wgs84|gcj02|bd09|cgcs2000)?(值|数据)?$"
)
_OTHERS = frozenset({
    "序号", "序", "no", "fid", "objectid", "编号", "备注", "说明", "联系人", "联系方式", "联系电话", "负责人",
    "数量", "类型", "类别", "性质", "单位", "合计", "型号", "地址", "位置", "坐标", "面积", "邮箱", "邮编",
    "填报人", "填报时间", "更新时间", "创建时间", "图片", "照片",
})  # fmt: skip
_NUMBER = re.compile(r"[-+]?[\d.,]+%?")


@dataclass(frozen=True)
class Heading:
    """Where a header stands and what it says."""

    first: int
    """Positions of its rows in the grid, -1 where there is no header: data begin at once."""
    last: int
    known: int
    """Cells that look like a known header."""
    names: tuple[str, ...]
    """Of each column, levels joined by ``/``; empty where nothing stands."""

    @property
    def levels(self) -> int:
        """Number of rows of the header."""
        return self.last - self.first + 1 if self.first >= 0 else 0


@cache
def _known_headers() -> frozenset[str]:
    return frozenset(text for rtype in load_types().values() for text in rtype.headers) | _OTHERS


def looks_like_header(text: str) -> bool:
    """Tell whether a text is a header that the resource types know, or one that tables usually have.

    Examples
    --------
    >>> [looks_like_header(text) for text in ("名称*", "经度(高德)", "备注", "南昌市红十字会")]
    [True, True, True, False]
    """
    plain = normal(_BRACKETS.sub("", text))
    return bool(plain) and (plain in _known_headers() or bool(_COORDINATES.match(plain)))


def find_heading(grid: Grid, looks: LooksLikeHeader = looks_like_header) -> Heading:
    """Find the header among the first rows.

    The first row in which at least two cells look like headers, and half as many as in the best row, without
    numbers; then the rows above and below that belong to it by merged cells or by filling each other's gaps.
    Where no cell looks like a header: the first row of texts alone above rows of its width.
    """
    rows = grid.rows[:_SEARCHED]
    known = [sum(_looks(cell, looks) for cell in row) for row in rows]
    best = max(known, default=0)
    if best >= 2 or (best == 1 and _lone(rows, known.index(1))):
        enough = max(1, min(2, best), (best + 1) // 2)
        usable = [i for i, row in enumerate(rows) if known[i] >= enough and not any(map(_is_value, row))]
        start = usable[0] if usable else known.index(best)
    else:
        start = _guess(rows)
        if start < 0:
            return Heading(-1, -1, 0, ())
    first, last = _extend(grid, start, looks)
    names = _names(grid, first, last)
    return Heading(first, last, sum(_looks(name.rpartition("/")[2], looks) for name in names), names)


def unique(names: Sequence[str], used: Sequence[bool]) -> tuple[list[str], dict[str, str]]:
    """Give each column in use a name of its own.

    Returns
    -------
    Name of each column (empty where it is not used), and new name → what stood there, of those that changed.

    Examples
    --------
    >>> unique(["名称", "", "名称", ""], [True, True, True, False])
    (['名称', 'B列', '名称 (2)', ''], {'B列': '', '名称 (2)': '名称'})
    """
    done: list[str] = []
    taken = set(names)
    changed: dict[str, str] = {}
    seen: set[str] = set()
    for position, name in enumerate(names):
        if not used[position]:
            done.append("")
            continue
        plain = name or f"{column_letters(position)}列"
        final, number = plain, 2
        while final in seen or (final != name and final in taken):
            final, number = f"{plain} ({number})", number + 1
        if final != name:
            changed[final] = name
        seen.add(final)
        done.append(final)
    return done, changed


def tidy(text: Any) -> str:
    """Write a header on one line; a line break beside a Chinese character goes, another becomes a blank.

    Examples
    --------
    >>> tidy("  经度\\n(度) "), tidy("open\\nhours"), tidy("联系 电话"), tidy(None)
    ('经度(度)', 'open hours', '联系 电话', '')
    """
    if text is None:
        return ""
    plain = re.sub(r"(?<=[^\x00-\x7f])\s*[\r\n]\s*|\s*[\r\n]\s*(?=[^\x00-\x7f])", "", str(text)[:400].strip())
    plain = "".join(char if char.isprintable() else " " for char in plain)
    return " ".join(plain.split())[:100]


def _looks(cell: Any, looks: LooksLikeHeader) -> bool:
    return isinstance(cell, str) and len(cell) <= _LONGEST and looks(tidy(cell))


def _is_value(cell: Any) -> bool:
    """Whether a cell is a number, a date or the text of one, which no header is."""
    if isinstance(cell, str):
        return bool(_NUMBER.fullmatch(cell.strip()))
    return isinstance(cell, int | float | dt.date | dt.time)


def _filled(row: Sequence[Any]) -> set[int]:
    return {position for position, cell in enumerate(row) if cell is not None}


def _lone(rows: Sequence[Sequence[Any]], position: int) -> bool:
    """Whether a row with one known header may be the header: texts alone, or all there is of one column."""
    row = rows[position]
    return not any(map(_is_value, row)) and (len(_filled(row)) > 1 or max(map(len, rows)) == 1)


def _guess(rows: Sequence[Sequence[Any]]) -> int:
    """Return the position of the first row of texts alone that is about as wide as those below; else -1."""
    widths = [len(_filled(row)) for row in rows]
    for position, row in enumerate(rows[:-1]):
        below = sorted(widths[position + 1 :])
        usual = below[len(below) // 2]
        if widths[position] >= max(2, 0.6 * usual) and not any(map(_is_value, row)):
            return position
    return -1


def _extend(grid: Grid, start: int, looks: LooksLikeHeader) -> tuple[int, int]:
    """Add the rows above and below that belong to the header."""
    first = last = start
    while first > 0 and last - first + 1 < _LEVELS and _linked(grid, first - 1, first, looks):
        first -= 1
    while last + 1 < len(grid.rows) and last - first + 1 < _LEVELS and _linked(grid, last, last + 1, looks):
        last += 1
    return first, last


def _linked(grid: Grid, upper: int, lower: int, looks: LooksLikeHeader) -> bool:
    """Whether two rows are levels of one header."""
    above, below = grid.rows[upper], grid.rows[lower]
    number = grid.numbers[upper]
    if any(map(_is_value, above)) or any(map(_is_value, below)) or grid.numbers[lower] - number > 1:
        return False
    if len(_filled(above)) < 2:
        return False
    tall = [m for m in grid.merges if m[0] <= number < m[2] and m[1] < len(above) and above[m[1]] is not None]
    if tall and any(_looks(cell, looks) for cell in (*above, *below)):
        return True
    if not any(_looks(cell, looks) for cell in below):
        return False
    wide = [m for m in grid.merges if m[0] == m[2] == number and m[3] > m[1]]
    return _grouped(above, below, wide) if wide else not grid.merges and _complementary(above, below)


def _grouped(above: Sequence[Any], below: Sequence[Any], wide: Sequence[Merge]) -> bool:
    """Whether a row stands under groups: cells merged across, over a part of its columns or nearly all."""
    filled = _filled(above)
    inside = all(any(merge[1] <= i <= merge[3] for merge in wide) for i in _filled(below))
    if inside and filled - _filled(below):
        return True
    covered = sum(merge[3] - merge[1] + 1 for merge in wide)
    plain = all(len(str(above[i])) <= 12 and not re.search(r"[:：]", str(above[i])) for i in filled)
    return plain and covered >= 0.8 * len(below)


def _complementary(above: Sequence[Any], below: Sequence[Any]) -> bool:
    """Whether two rows fill each other's gaps, as a merged header does that lost its merged cells."""
    upper, lower = _filled(above), _filled(below)
    gaps = lower - upper
    groups = upper & lower
    return bool(gaps and upper - lower) and all(any(i < gap for i in groups) for gap in gaps)


def _names(grid: Grid, first: int, last: int) -> tuple[str, ...]:
    """Join the levels of each column, merged cells filled."""
    width = max(len(row) for row in grid.rows)
    levels = [[tidy(cell) for cell in row] + [""] * (width - len(row)) for row in grid.rows[first : last + 1]]
    numbers = {grid.numbers[first + i]: i for i in range(len(levels))}
    for top, left, bottom, right in grid.merges:
        inside = [level for number, level in numbers.items() if top <= number <= bottom]
        if not inside or top not in numbers or left >= width or right - left >= width:
            continue
        for level in inside:
            levels[level][left : min(right + 1, width)] = [levels[numbers[top]][left]] * (
                min(right + 1, width) - left
            )
    if not grid.merges:
        for upper, lower in pairwise(levels):
            for i in range(1, width):
                if not upper[i] and lower[i] and lower[i - 1]:
                    upper[i] = upper[i - 1]
    return tuple("/".join(_steps([level[i] for level in levels])) for i in range(width))


def _steps(parts: Sequence[str]) -> list[str]:
    """Leave out empty levels and those that repeat the one above."""
    steps: list[str] = []
    for part in parts:
        if part and (not steps or steps[-1] != part):
            steps.append(part)
    return steps
