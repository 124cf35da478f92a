"""Pieces of road near points by numpy alone: boxes of squares that double until nothing outside is nearer.

For a fresh process that asks for some dozen points: it reads only the squares that it needs from the memory
maps, and compiles nothing. The answers are those of the kernel `edge_kernels.find_nearest`, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .crs import EARTH_RADIUS_M
from .shapes import STEPS, Grid, Shapes

PAD = 1e-6
"""Share of a square by which pieces are thickened: what touches a border lies in both squares."""
CLEAR = 1 + 1e-12
"""Factor beyond which a squared distance is larger for certain, whatever rounding did."""

_METRES_PER_STEP = EARTH_RADIUS_M * np.pi / 180 / STEPS
_ROOM = 1.01
"""Above the limit so far is looked: what the plane and the great circle may differ by up to 70 km away."""
_MOST_ENTRIES = 1 << 20


def spans(first: NDArray[Any], count: NDArray[Any]) -> NDArray[np.int64]:
    """Write out spans of ``count`` numbers from each ``first`` on, one after the other."""
    ends = np.cumsum(count, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(np.asarray(first, np.int64) - (ends - count), count) + np.arange(total)


@dataclass(frozen=True)
class Points:
    """p points in steps, with the metric at each."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    narrow: NDArray[np.float64]
    """(p,) steps of latitude in a step of longitude: the cosine of the latitude."""
    far: NDArray[np.float64]
    """(p,) squared distance, in steps, beyond which nothing is looked for."""

    def columns(self) -> tuple[NDArray[np.float64], ...]:
        """Give the four lists as one tuple."""
        return self.x, self.y, self.narrow, self.far

    def take(self, rows: Any) -> Points:
        return Points(self.x[rows], self.y[rows], self.narrow[rows], self.far[rows])


def cosines(lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the cosines of latitudes, the same bits however many they are.

    NumPy takes another way for an array of one than for longer ones, and may round the last bit differently.
    """
    return np.asarray(np.cos(np.radians(np.append(lat, 0.0)))[:-1])


def points_of(lon: NDArray[np.float64], lat: NDArray[np.float64], limit_m: float | None) -> Points:
    far = np.inf if limit_m is None else (_ROOM * limit_m / _METRES_PER_STEP) ** 2
    return Points(lon * STEPS, lat * STEPS, cosines(lat), np.full(len(lon), far))


def steps_of(grid: Grid) -> tuple[float, float, float, int, int]:
    """Give the frame in steps: west, south, side, columns, rows."""
    west, south, side, columns, rows = np.asarray(grid.frame, float).tolist()
    return west * STEPS, south * STEPS, side * STEPS, int(columns), int(rows)


def squares_of(grid: Grid, points: Points) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the (column, row) in which each point lies, that at the rim where it lies outside."""
    west, south, side, columns, rows = steps_of(grid)
    column = np.clip(np.floor((points.x - west) / side), 0, columns - 1)
    row = np.clip(np.floor((points.y - south) / side), 0, rows - 1)
    return column.astype(np.int64), row.astype(np.int64)


def shape_of_piece(shapes: Shapes, piece: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Find the shape that each piece is part of."""
    return (np.searchsorted(shapes.start, piece, side="right") - 1).astype(np.int32)


def is_open(shapes: Shapes, piece: NDArray[np.integer[Any]], times: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell whether the shape of each piece can be driven in some direction."""
    edge = np.asarray(shapes.edge)[shape_of_piece(shapes, piece)]
    return np.asarray(((edge >= 0) & (np.asarray(times)[edge] >= 0)).any(axis=1))


def find_few(
    shapes: Shapes, grid: Grid, points: Points, times: NDArray[np.int32] | None
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Look points up with numpy: boxes of squares that double until nothing outside can be as near."""
    best, found, share = points.far.copy(), np.full(len(points.x), -1, np.int32), np.zeros(len(points.x))
    column, row = squares_of(grid, points)
    left, radius = np.arange(len(points.x)), 1
    while len(left):
        own = points.take(left)
        box = _box(grid, column[left], row[left], radius)
        for some, piece in _in_boxes(grid, own, best[left], box):
            d, t = _meet(shapes, piece, own.take(some))
            at, first = _nearest_of(shapes, times, (left[some], piece, d), best)
            new = (d[first] < best[at]) | (found[at] < 0) | (piece[first] < found[at])
            at, first = at[new], first[new]
            best[at], found[at], share[at] = d[first], piece[first], t[first]
        gap = _gaps(grid, own, box)
        left = left[np.isfinite(gap) & (gap * gap <= best[left] * CLEAR)]
        radius *= 2
    return found, share


_Box = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _box(grid: Grid, column: NDArray[np.int64], row: NDArray[np.int64], radius: int) -> _Box:
    """Give the squares around others: first and last column, first and last row."""
    columns, rows = steps_of(grid)[3:]
    return (
        np.maximum(column - radius, 0),
        np.minimum(column + radius, columns - 1),
        np.maximum(row - radius, 0),
        np.minimum(row + radius, rows - 1),
    )


def _gaps(grid: Grid, points: Points, box: _Box) -> NDArray[np.float64]:
    """Give how far it is at least to the squares outside each point's box; inf: there are none."""
    west, south, side, columns, rows = steps_of(grid)
    left, right, low, high = box
    gap = np.where(left > 0, (points.x - west - left * side) * points.narrow, np.inf)
    east = np.where(right < columns - 1, (west + (right + 1) * side - points.x) * points.narrow, np.inf)
    below = np.where(low > 0, points.y - south - low * side, np.inf)
    above = np.where(high < rows - 1, south + (high + 1) * side - points.y, np.inf)
    return np.maximum(np.minimum(np.minimum(gap, east), np.minimum(below, above)), 0.0)


def _in_boxes(
    grid: Grid, points: Points, best: NDArray[np.float64], box: _Box
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """List the pieces in each point's box that may be as near as its best: (point, piece), in parts.

    A row of squares is one span of entries; only the columns within the best distance are read.
    """
    west, south, side, columns, _ = steps_of(grid)
    left, right, low, high = box
    point = np.repeat(np.arange(len(low)), high - low + 1)
    row = spans(low, high - low + 1)
    over = np.maximum.reduce(
        [south + row * side - points.y[point], points.y[point] - south - (row + 1) * side, 0.0 * row]
    )
    room = np.sqrt(np.maximum(best[point] * CLEAR - over * over, 0.0))
    room = room / np.maximum(points.narrow[point], PAD) + PAD * side
    first = np.maximum(np.floor((points.x[point] - room - west) / side), left[point])
    last = np.minimum(np.floor((points.x[point] + room - west) / side), right[point])
    near = np.flatnonzero((over * over <= best[point] * CLEAR) & (first <= last))
    at = row[near] * columns
    begin = grid.start[at + first[near].astype(np.int64)]
    count = grid.start[at + last[near].astype(np.int64) + 1] - begin
    part = np.cumsum(count) // _MOST_ENTRIES
    for some in np.split(np.arange(len(near)), np.flatnonzero(np.diff(part)) + 1):
        yield np.repeat(point[near[some]], count[some]), grid.piece[spans(begin[some], count[some])]


def _meet(
    shapes: Shapes, piece: NDArray[np.int32], points: Points
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Do as the kernel of this name, operation by operation, for pairs of a piece and a point."""
    px, py, narrow = points.x, points.y, points.narrow
    ax, ay = (shapes.x[piece] - px) * narrow, shapes.y[piece] - py
    bx, by = (shapes.x[piece + 1] - px) * narrow, shapes.y[piece + 1] - py
    dx, dy = bx - ax, by - ay
    down, length = -(ax * dx + ay * dy), dx * dx + dy * dy
    inside = (down > 0) & (down < length)
    t = np.divide(down, length, out=np.where(down <= 0, 0.0, 1.0), where=inside)
    fx, fy = np.where(inside, ax + t * dx, ax), np.where(inside, ay + t * dy, ay)
    end = ~inside & (down > 0)
    fx, fy = np.where(end, bx, fx), np.where(end, by, fy)
    return fx * fx + fy * fy, t


def _nearest_of(
    shapes: Shapes,
    times: NDArray[np.int32] | None,
    pairs: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]],
    best: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose of pairs (point, piece, distance) each point's nearest open piece, the lowest of equals.

    Returns the points, ascending, and the position of the pair of each.
    """
    point, piece, distance = pairs
    near = np.flatnonzero(distance <= best[point])
    if times is not None:
        near = near[is_open(shapes, piece[near], times)]
    order = near[np.lexsort((piece[near], distance[near], point[near]))]
    at, first = np.unique(point[order], return_index=True)
    return at, order[first]
