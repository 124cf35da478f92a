"""Compiled loops that merge demand points by the set of candidates that reach them, holding no pairs.

A set is known by two 64-bit sums of random numbers of its candidates (Zobrist 1970). The square around the
points is cut into cells: of each, the candidates that reach all of it are summed once, and those that
reach a part are listed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]
Ints = NDArray[np.int64]


class Cells(NamedTuple):
    """A grid over the plane, and for each cell the candidates that reach it."""

    x: Floats
    y: Floats
    """(n,) candidates."""
    key: Keys
    """(2, n) random numbers of the candidates."""
    origin: Floats
    """(2,) lower left corner."""
    shape: Ints
    """(2,) cells along x and y."""
    size: float
    radius: float
    whole: Keys
    """(2, cells) sums of the keys of the candidates that reach the whole cell."""
    start: Ints
    part: NDArray[np.int32]
    """Candidates that reach a part of cell c: ``part[start[c]:start[c + 1]]``."""


class Table(NamedTuple):
    """A hash table with open addressing; a slot is free where ``member`` is -1."""

    first: Keys
    second: Keys
    weight: Floats
    points: Ints
    member: Ints
    """One point of the class."""
    used: Ints
    """(1,) slots in use."""


@compiled
def new_table(size: int) -> Table:
    """Make an empty table; the size is a power of two."""
    return Table(
        np.zeros(size, np.uint64),
        np.zeros(size, np.uint64),
        np.zeros(size),
        np.zeros(size, np.int64),
        np.full(size, -1),
        np.zeros(1, np.int64),
    )


@compiled
def _slot(table: Table, first: np.uint64, second: np.uint64) -> np.int64:
    """Find the slot of a key, or the free one where it belongs."""
    mask = np.uint64(len(table.member) - 1)
    slot = np.int64(first & mask)
    while table.member[slot] >= 0 and (table.first[slot] != first or table.second[slot] != second):
        slot = (slot + 1) & np.int64(mask)
    return slot


@compiled
def _grown(table: Table) -> Table:
    bigger = new_table(2 * len(table.member))
    for old in range(len(table.member)):
        if table.member[old] >= 0:
            slot = _slot(bigger, table.first[old], table.second[old])
            bigger.first[slot], bigger.second[slot] = table.first[old], table.second[old]
            bigger.weight[slot], bigger.points[slot] = table.weight[old], table.points[old]
            bigger.member[slot] = table.member[old]
    bigger.used[0] = table.used[0]
    return bigger


@compiled
def _put(table: Table, first: np.uint64, second: np.uint64, weight: float, member: int) -> Table:
    """Add a point to its class; the table, or a bigger one."""
    slot = _slot(table, first, second)
    if table.member[slot] < 0:
        if 2 * table.used[0] >= len(table.member):
            table = _grown(table)
            slot = _slot(table, first, second)
        table.first[slot], table.second[slot] = first, second
        table.member[slot] = member
        table.used[0] += 1
    table.weight[slot] += weight
    table.points[slot] += 1
    return table


@compiled
def fill_cells(cells: Cells, write: bool, shortcut: bool) -> None:
    """Sort the candidates into cells: count them into ``start``, or (``write``) list and sum them.

    A cell is widened by a part in 1e9 of the distances, so that rounding never decides: whoever reaches
    nearly all of it, or nearly none, is listed and tried point by point. Without ``shortcut`` all are listed.
    """
    limit = cells.radius * cells.radius
    size, width, height = cells.size, cells.shape[0], cells.shape[1]
    margin = 1e-9 * (size * (width + height) + abs(cells.origin[0]) + abs(cells.origin[1]))
    for j in range(len(cells.x)):
        x, y = cells.x[j] - cells.origin[0], cells.y[j] - cells.origin[1]
        left = max(0, int(np.floor((x - cells.radius) / size)) - 1)
        right = min(width - 1, int(np.floor((x + cells.radius) / size)) + 1)
        low = max(0, int(np.floor((y - cells.radius) / size)) - 1)
        high = min(height - 1, int(np.floor((y + cells.radius) / size)) + 1)
        for a in range(left, right + 1):
            near_x = max(0.0, max(a * size - x, x - (a + 1) * size) - margin)
            far_x = max(x - a * size, (a + 1) * size - x) + margin
            for b in range(low, high + 1):
                near_y = max(0.0, max(b * size - y, y - (b + 1) * size) - margin)
                if near_x * near_x + near_y * near_y > limit:
                    continue
                far_y = max(y - b * size, (b + 1) * size - y) + margin
                cell = a * height + b
                if shortcut and far_x * far_x + far_y * far_y < limit:
                    if write:
                        cells.whole[0, cell] += cells.key[0, j]
                        cells.whole[1, cell] += cells.key[1, j]
                elif write:
                    cells.part[cells.start[cell]] = j
                    cells.start[cell] += 1
                else:
                    cells.start[cell + 1] += 1


@compiled
def cell_of(cells: Cells, x: float, y: float) -> Any:
    """Find the cell of a point; -1 outside the grid, where no candidate reaches."""
    a, b = (x - cells.origin[0]) / cells.size, (y - cells.origin[1]) / cells.size
    if a < 0.0 or b < 0.0 or a >= cells.shape[0] or b >= cells.shape[1]:
        return -1
    return int(a) * cells.shape[1] + int(b)


@compiled
def add_points(cells: Cells, table: Table, x: Floats, y: Floats, weight: Floats) -> Table:
    """Add points to the table by the sum of the keys of the candidates within the radius (<=)."""
    begin = len(x) - len(x)  # no literal 0, for which a second loop would be compiled
    while True:
        begin = _add_some(cells, table, (x, y), weight, begin)
        if begin == len(x):
            return table
        table = _grown(table)


@compiled
def _add_some(cells: Cells, table: Table, points: tuple[Floats, Floats], weight: Floats, begin: int) -> int:
    """Add points from ``begin`` on until the table is half full: the first that was not added.

    The arrays are taken out of their tuples first: counting references to them costs more than the loop.
    """
    x, y = points
    limit, inverse = cells.radius * cells.radius, 1.0 / cells.size
    x0, y0, width, height = cells.origin[0], cells.origin[1], cells.shape[0], cells.shape[1]
    whole_first, whole_second, start, part = cells.whole[0], cells.whole[1], cells.start, cells.part
    key_first, key_second, at_x, at_y = cells.key[0], cells.key[1], cells.x, cells.y
    firsts, seconds, weights = table.first, table.second, table.weight
    counts, members, mask = table.points, table.member, np.uint64(len(table.member) - 1)
    for i in range(begin, len(x)):
        a, b = (x[i] - x0) * inverse, (y[i] - y0) * inverse
        first, second = np.uint64(0), np.uint64(0)
        if 0.0 <= a < width and 0.0 <= b < height:
            cell = int(a) * height + int(b)
            first, second = whole_first[cell], whole_second[cell]
            for e in range(start[cell], start[cell + 1]):
                j = part[e]
                dx, dy = x[i] - at_x[j], y[i] - at_y[j]
                if dx * dx + dy * dy <= limit:
                    first += key_first[j]
                    second += key_second[j]
        slot = first & mask
        while members[slot] >= 0 and (firsts[slot] != first or seconds[slot] != second):
            slot = (slot + np.uint64(1)) & mask
        if members[slot] < 0:
            if 2 * table.used[0] >= len(members):
                return i
            firsts[slot], seconds[slot], members[slot] = first, second, i
            table.used[0] += 1
        weights[slot] += weight[i]
        counts[slot] += 1
    return len(x)


@compiled
def add_rows(table: Table, key: Keys, indptr: Ints, indices: NDArray[np.int32], weight: Floats) -> Table:
    """Add rows of candidates, distinct in each row, to the table."""
    for i in range(len(indptr) - 1):
        first, second = np.uint64(0), np.uint64(0)
        for e in range(indptr[i], indptr[i + 1]):
            first += key[0, indices[e]]
            second += key[1, indices[e]]
        table = _put(table, first, second, weight[i], i)
    return table


@compiled
def members_of_rows(table: Table, key: Keys, indptr: Ints, indices: NDArray[np.int32]) -> Ints:
    """Find for each row the one that stands for its class (m,); -1 where that has another set."""
    found = np.empty(len(indptr) - 1, np.int64)
    for i in range(len(indptr) - 1):
        first, second = np.uint64(0), np.uint64(0)
        for e in range(indptr[i], indptr[i + 1]):
            first += key[0, indices[e]]
            second += key[1, indices[e]]
        member = table.member[_slot(table, first, second)]
        same = indptr[member + 1] - indptr[member] == indptr[i + 1] - indptr[i]
        for e in range(indptr[i + 1] - indptr[i]):
            if not same:
                break
            same = indices[indptr[member] + e] == indices[indptr[i] + e]
        found[i] = member if same else -1
    return found


@compiled
def count_within(cells: Cells, x: Floats, y: Floats, indptr: Ints) -> None:
    """Count the candidates within the radius of each point into ``indptr[i + 1]``; cells without shortcut."""
    limit = cells.radius * cells.radius
    for i in range(len(x)):
        cell, found = cell_of(cells, x[i], y[i]), 0
        if cell >= 0:
            for e in range(cells.start[cell], cells.start[cell + 1]):
                dx, dy = x[i] - cells.x[cells.part[e]], y[i] - cells.y[cells.part[e]]
                if dx * dx + dy * dy <= limit:
                    found += 1
        indptr[i + 1] = indptr[i] + found


@compiled
def list_within(cells: Cells, x: Floats, y: Floats, indptr: Ints, indices: NDArray[np.int32]) -> None:
    """Write the candidates within the radius of each point, ascending; cells without shortcut."""
    limit = cells.radius * cells.radius
    for i in range(len(x)):
        cell, at = cell_of(cells, x[i], y[i]), indptr[i]
        if cell >= 0:
            for e in range(cells.start[cell], cells.start[cell + 1]):
                dx, dy = x[i] - cells.x[cells.part[e]], y[i] - cells.y[cells.part[e]]
                if dx * dx + dy * dy <= limit:
                    indices[at] = cells.part[e]
                    at += 1


@compiled
def count_strangers(
    near: Cells,
    keys: tuple[Keys, Keys],
    indptr: Ints,
    indices: NDArray[np.int32],
    points: tuple[Floats, Floats],
) -> int:
    """Count points whose candidates are not those of their class, one by one; ``near`` without shortcut.

    ``keys`` are the (k,) sums of the classes, ascending by the first, then the second; the rows are in
    that order.
    """
    limit, strangers = near.radius * near.radius, 0
    x, y = points
    own = np.empty(len(near.x), np.int32)
    for i in range(len(x)):
        cell, found = cell_of(near, x[i], y[i]), 0
        first, second = np.uint64(0), np.uint64(0)
        if cell >= 0:
            for e in range(near.start[cell], near.start[cell + 1]):
                j = near.part[e]
                dx, dy = x[i] - near.x[j], y[i] - near.y[j]
                if dx * dx + dy * dy <= limit:
                    own[found] = j
                    found += 1
                    first += near.key[0, j]
                    second += near.key[1, j]
        row = np.searchsorted(keys[0], first)
        while row < len(keys[0]) - 1 and keys[0][row] == first and keys[1][row] < second:
            row += 1
        same = row < len(keys[0]) and indptr[row + 1] - indptr[row] == found
        for e in range(found):
            if not same:
                break
            same = indices[indptr[row] + e] == own[e]
        strangers += 0 if same else 1
    return strangers
