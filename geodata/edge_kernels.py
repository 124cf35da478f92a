"""Kernels of the edge index: pieces into squares, and the piece nearest to each of many points.

Coordinates are steps of 1e-7 degrees. Compiled by numba at their first call, kept on disk; they release the
GIL. Not on the cold path: `edge_index` imports this module inside the functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .edge_boxes import CLEAR, PAD
from .shapes import STEPS

CLEARLY = 1.0001
"""The same for distances that are computed in two ways: relative, and in steps where they are near 0."""

_BLOCK_BITS = 2

_Array = NDArray[Any]
_Arrays = tuple[_Array, ...]
_Frame = tuple[float, float, float, int, int]
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _inlined(function: _Function) -> _Function:
    """Compile into the callers."""
    return cast(_Function, numba.njit(inline="always")(function))


@_inlined
def _square(value: float, last: int) -> int:
    """Turn a position along an axis into the number of a square, that at the rim where it lies outside."""
    return int(min(max(np.floor(value), 0.0), last))


@_inlined
def _columns(ends: tuple[float, float, float, float], row: int, frame: _Frame) -> tuple[int, int]:
    """Give the first and last column that a piece touches within a row."""
    (x0, y0, x1, y1), (west, south, side, columns, _) = ends, frame
    low, high = min(x0, x1), max(x0, x1)
    if y0 != y1:
        t0 = (south + (row - PAD) * side - y0) / (y1 - y0)
        t1 = (south + (row + 1 + PAD) * side - y0) / (y1 - y0)
        a = x0 + min(max(t0, 0.0), 1.0) * (x1 - x0)
        b = x0 + min(max(t1, 0.0), 1.0) * (x1 - x0)
        low, high = min(a, b), max(a, b)
    return _square((low - west) / side - PAD, columns - 1), _square((high - west) / side + PAD, columns - 1)


@compiled
def list_pieces(frame: _Frame, lines: _Arrays, snap: _Array) -> tuple[_Array, _Array]:
    """List the pieces of snappable shapes in every square that they touch: (first entries, pieces).

    Row by row along each piece, not by its bounding box. The first turn counts, the second fills.
    """
    (start, x, y), (_, south, side, columns, rows) = lines, frame
    first = np.zeros(columns * rows + 1, np.int64)
    piece, place = np.empty(0, np.int32), np.zeros(columns * rows, np.int64)
    for turn in range(2):
        for shape in range(len(snap)):
            if not snap[shape]:
                continue
            for p in range(start[shape], start[shape + 1] - 1):
                x0, y0, x1, y1 = float(x[p]), float(y[p]), float(x[p + 1]), float(y[p + 1])
                bottom = _square((min(y0, y1) - south) / side - PAD, rows - 1)
                top = _square((max(y0, y1) - south) / side + PAD, rows - 1)
                for row in range(bottom, top + 1):
                    left, right = _columns((x0, y0, x1, y1), row, frame)
                    for at in range(row * columns + left, row * columns + right + 1):
                        if turn == 1:
                            piece[place[at]] = p
                        place[at] += 1
        if turn == 0:
            for at in range(len(place)):  # setting a slice would compile 2.5 s of messages about its length
                first[at + 1] = first[at] + place[at]
                place[at] = first[at]
            piece = np.empty(first[-1], np.int32)
    return first, piece


@compiled
def order_by_place(frame: _Frame, xs: _Array, ys: _Array) -> _Array:
    """Order points by blocks of 4 x 4 squares, row by row of blocks; within a block they keep their order.

    Points are sorted so that memory stays near, and a block fits the cache: to sort by single squares takes
    longer and gains nothing. By counting, in two passes.
    """
    west, south, side, columns, rows = frame
    wide = (columns >> _BLOCK_BITS) + 1
    block = np.empty(len(xs), np.int32)
    place = np.zeros(wide * ((rows >> _BLOCK_BITS) + 1) + 1, np.int64)
    for i in range(len(xs)):
        column, row = _square((xs[i] - west) / side, columns - 1), _square((ys[i] - south) / side, rows - 1)
        block[i] = (row >> _BLOCK_BITS) * wide + (column >> _BLOCK_BITS)
        place[block[i] + 1] += 1
    for at in range(1, len(place)):
        place[at] += place[at - 1]
    order = np.empty(len(xs), np.int64)
    for i in range(len(xs)):
        order[place[block[i]]] = i
        place[block[i]] += 1
    return order


@_inlined
def _is_open(start: _Array, p: int, edge: _Array, time: _Array) -> bool:
    """Tell whether the shape of a piece can be driven in a direction; without times every one can."""
    if len(time) == 0:
        return True
    shape = np.searchsorted(start, p, side="right") - 1
    a, b = edge[shape, 0], edge[shape, 1]
    return bool((a >= 0 and time[a] >= 0) or (b >= 0 and time[b] >= 0))


@_inlined
def _meet(ax: float, ay: float, bx: float, by: float, best: float) -> tuple[float, float]:
    """Give the squared distance from the origin to a piece, and the share where its foot lies.

    At an end the distance is that to the end itself, so that the pieces that meet there tie exactly. What is
    farther than ``best`` without doubt is infinitely far: that saves a division.
    """
    dx, dy = bx - ax, by - ay
    down, length = -(ax * dx + ay * dy), dx * dx + dy * dy
    if down <= 0.0:
        return ax * ax + ay * ay, 0.0
    if down >= length:
        return bx * bx + by * by, 1.0
    across = ax * dy - ay * dx
    if across * across > length * (best * CLEARLY + CLEARLY):
        return np.inf, 0.0
    t = down / length
    fx, fy = ax + t * dx, ay + t * dy
    return fx * fx + fy * fy, t


@_inlined
def _gap(px: float, py: float, narrow: float, frame: _Frame, box: tuple[int, int, int, int]) -> float:
    """Give how far it is at least from a point to the squares outside a box; inf: there are none."""
    (west, south, side, columns, rows), (left, right, low, high) = frame, box
    gap = np.inf
    if left > 0:
        gap = min(gap, (px - west - left * side) * narrow)
    if right < columns - 1:
        gap = min(gap, (west + (right + 1) * side - px) * narrow)
    if low > 0:
        gap = min(gap, py - south - low * side)
    if high < rows - 1:
        gap = min(gap, south + (high + 1) * side - py)
    return max(gap, 0.0)


@compiled
def find_nearest(
    frame: _Frame, grid: _Arrays, lines: _Arrays, roads: _Arrays, points: _Arrays
) -> tuple[_Array, _Array, _Array, _Array]:
    """Find the nearest open piece of each point within its reach.

    Rings of squares around the point are searched until no piece outside them can be as near. Of equally near
    pieces the lowest counts.

    Parameters
    ----------
    grid
        First entry of each square, pieces.
    lines
        First point of each shape, x, y.
    roads
        (k, 2) edges of the shapes, times of the edges; a negative time closes an edge. No times: all open.
    points
        x, y, cosine of the latitude, and the farthest squared distance, all float64.

    Returns
    -------
    tuple
        Piece, or -1; share along it; longitude and latitude of the foot there, degrees, or NaN.
    """
    # One function of plain scalars: to hand arrays on takes as long as the search (numba counts references).
    first, piece, start, x, y, edge, time = *grid, *lines, *roads
    xs, ys, cosines, far = points
    west, south, side, columns, rows = frame
    found, share = np.full(len(xs), -1, np.int32), np.zeros(len(xs))
    lon, lat = np.full(len(xs), np.nan), np.full(len(xs), np.nan)
    for i in range(len(xs)):
        px, py, narrow, best, nearest, at_share = xs[i], ys[i], cosines[i], far[i], -1, 0.0
        column, row = _square((px - west) / side, columns - 1), _square((py - south) / side, rows - 1)
        for ring in range(max(columns, rows)):
            left, right = max(column - ring, 0), min(column + ring, columns - 1)
            low, high = max(row - ring, 0), min(row + ring, rows - 1)
            for r in range(low, high + 1):
                over = max(south + r * side - py, py - south - (r + 1) * side, 0.0)
                room = best * CLEAR - over * over
                whole = r in (row - ring, row + ring)
                for c in range(left if whole else column - ring, right + 1, 1 if whole else 2 * ring):
                    aside = max(west + c * side - px, px - west - (c + 1) * side, 0.0) * narrow
                    if c < left or aside * aside > room:
                        continue
                    at = r * columns + c
                    for entry in range(first[at], first[at + 1]):
                        p = piece[entry]
                        ax, ay, bx, by = (
                            (x[p] - px) * narrow,
                            y[p] - py,
                            (x[p + 1] - px) * narrow,
                            y[p + 1] - py,
                        )
                        d, t = _meet(ax, ay, bx, by, best)
                        nearer = d < best or (d == best and (nearest < 0 or p < nearest))
                        if nearer and _is_open(start, p, edge, time):
                            best, nearest, at_share = d, p, t
            gap = _gap(px, py, narrow, frame, (left, right, low, high))
            if gap == np.inf or gap * gap > best * CLEAR:
                break
        if nearest >= 0:
            found[i], share[i] = nearest, at_share
            lon[i] = (x[nearest] + at_share * (x[nearest + 1] - x[nearest])) / STEPS
            lat[i] = (y[nearest] + at_share * (y[nearest + 1] - y[nearest])) / STEPS
    return found, share, lon, lat
