"""Edge index: squares of the map with the pieces of road in each, and the piece nearest to a point.

Nearest is meant in the plane that touches the globe at the point: degrees of longitude times the cosine of
the point's latitude, degrees of latitude as they are. Over the few kilometres to a road that orders pieces as
the great circle does, to about 1e-4 of the distance; the distance itself is then measured on the great circle
(``haversine_m``) to the foot of the perpendicular. Of exactly equally near pieces the lowest counts.
Longitudes must not straddle the 180th meridian.

Few points are looked up with numpy alone, reading only the squares they need from the memory maps, so that a
fresh process answers at once; many by compiled kernels on all processors. Both give the same bits.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .crs import haversine_m
from .edge_boxes import (
    Points,
    cosines,
    find_few,
    is_open,
    points_of,
    shape_of_piece,
    spans,
    steps_of,
)
from .shapes import STEPS, Grid, Shapes


class Found(NamedTuple):
    """The nearest piece of road of each of p points."""

    piece: NDArray[np.int32]
    """(p,) number of the piece, -1 where there is none."""
    share: NDArray[np.float64]
    """(p,) share of the piece from its first point to the foot; 0 where there is none."""
    metres: NDArray[np.float64]
    """(p,) straight metres to the foot; this and the next are NaN where there is none."""
    lon: NDArray[np.float64]
    """(p,) longitude of the foot."""
    lat: NDArray[np.float64]
    """(p,) latitude of the foot."""


FEW = 3000
"""Points up to which numpy alone is quicker than a fresh process that loads the compiled kernels."""

_PER_PIECE = 3.0
_PARTS = 1000.0


def build_grid(shapes: Shapes, *, side_deg: float | None = None) -> Grid:
    """List the pieces of snappable shapes by the squares that they touch.

    A square has on average room for one piece, so that one in a town holds a handful. However the lines lie,
    there are at most 3 squares per piece (and one), and 6 to 7 entries: the side is at least the side of an
    equal share of the area, a third of the mean length of a piece, and the extent over the pieces.

    Parameters
    ----------
    side_deg
        Side of a square in degrees; by default as above.

    Raises
    ------
    ValueError
        ``side_deg`` is not positive.
    """
    from .compiled import plain  # noqa: PLC0415 (numba is slow to import)
    from .edge_kernels import list_pieces  # noqa: PLC0415 (numba is slow to import)

    frame = _frame(shapes, side_deg)
    west, south, side, columns, rows = frame.tolist()
    steps = (west * STEPS, south * STEPS, side * STEPS, int(columns), int(rows))
    lines = (plain(shapes.start), plain(shapes.x), plain(shapes.y))
    first, piece = list_pieces(steps, lines, plain(shapes.snap))
    return Grid(frame, first, piece)


def _frame(shapes: Shapes, side_deg: float | None) -> NDArray[np.float64]:
    """Choose the squares: west, south, side (degrees), columns, rows."""
    if side_deg is not None and not side_deg > 0:
        raise ValueError(f"the side of a square must be positive, got {side_deg}")
    a = _snappable_pieces(shapes)
    if not len(a):
        return np.array([0.0, 0.0, side_deg or 1.0, 1, 1])
    x, y = np.asarray(shapes.x, np.int64), np.asarray(shapes.y, np.int64)
    west, east = min(x[a].min(), x[a + 1].min()), max(x[a].max(), x[a + 1].max())
    south, north = min(y[a].min(), y[a + 1].min()), max(y[a].max(), y[a + 1].max())
    wide, high, n = float(east - west), float(north - south), len(a)
    length = float(np.abs(x[a + 1] - x[a]).sum() + np.abs(y[a + 1] - y[a]).sum())
    side = max(np.sqrt(wide / n * high / 2), length / (_PER_PIECE * n), max(wide, high) / n, 1.0)
    side = side if side_deg is None else side_deg * STEPS
    return np.array([west / STEPS, south / STEPS, side / STEPS, wide // side + 1, high // side + 1])


def _snappable_pieces(shapes: Shapes) -> NDArray[np.int64]:
    """Number the pieces of snappable shapes, ascending."""
    count = np.where(shapes.snap, np.diff(shapes.start) - 1, 0)
    return spans(np.asarray(shapes.start)[:-1], count)


def nearest_piece(
    shapes: Shapes,
    grid: Grid,
    lon: ArrayLike,
    lat: ArrayLike,
    *,
    limit_m: float | None = None,
    centiseconds: NDArray[np.int32] | None = None,
    threads: int | None = None,
    cold: bool = False,
) -> Found:
    """Find the nearest piece of each of p points.

    Parameters
    ----------
    lon, lat
        WGS84 degrees.
    limit_m
        Straight metres beyond which a point meets no road, inclusive. Default any distance.
    centiseconds
        (m,) times of the edges: a shape that is ``CLOSED`` in both directions is passed over. By default all
        are open.
    threads
        Points are shared out to so many at a time; by default one per processor.
    cold
        Use numpy alone whatever the number of points.

    Raises
    ------
    ValueError
        A coordinate is no finite number.
    """
    x, y = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a coordinate is no finite number")
    if cold or len(x) <= FEW:
        piece, share = find_few(shapes, grid, points_of(x, y, limit_m), centiseconds)
        there, feet = piece >= 0, np.full((2, len(x)), np.nan)
        feet[:, there] = foot(shapes, piece[there], share[there])
        found = Found(piece, share, haversine_m(x, y, *feet), *feet)
    else:
        found = _find_many(shapes, grid, x, y, limit_m=limit_m, times=centiseconds, threads=threads)
    beyond = found.metres > (np.inf if limit_m is None else limit_m)
    return found if not beyond.any() else _without(found, beyond)


def _without(found: Found, wrong: NDArray[np.bool_]) -> Found:
    """Let some points meet nothing."""
    piece, share, *rest = found
    none = [np.where(wrong, np.nan, own) for own in rest]
    return Found(np.where(wrong, np.int32(-1), piece), np.where(wrong, 0.0, share), *none)


def foot(
    shapes: Shapes, piece: NDArray[np.integer[Any]], share: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the points that lie at a share of each piece, WGS84 degrees."""
    x, y = (
        (axis[piece] + share * (axis[piece + 1].astype(np.int64) - axis[piece])) / STEPS
        for axis in (shapes.x, shapes.y)
    )
    return x, y


def along_shape(
    shapes: Shapes, piece: NDArray[np.integer[Any]], share: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Turn points on pieces into points on shapes: (shape, share of its length from its first point).

    Lengths are measured in the plane at the first point of the shape, in whole thousandths of a step (0.01
    mm), whose sums do not depend on the order. Exactly 0 and 1 at the ends.
    """
    own, row = np.unique(shape_of_piece(shapes, piece), return_inverse=True)
    first = np.asarray(shapes.start)[own]
    count = np.asarray(shapes.start)[own + 1] - first
    reached = _reached(shapes, first, count)
    begin = (np.cumsum(count) - count)[row]
    place = begin + (piece - first[row])
    before, length = reached[place], reached[place + 1] - reached[place]
    whole = reached[begin + count[row] - 1]
    return own[row], (before + share * length) / np.maximum(whole, 1)


def point_shares(shapes: Shapes, shape: int) -> NDArray[np.float64]:
    """Give for each point of a shape the share of its length from the first point to it."""
    first, end = int(shapes.start[shape]), int(shapes.start[shape + 1])
    reached = _reached(shapes, np.array([first]), np.array([end - first]))
    return reached / max(int(reached[-1]), 1)


def _reached(shapes: Shapes, first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Measure from the first point of each shape to each of its points, in thousandths of a step."""
    begin, point = np.cumsum(count) - count, spans(first, count)
    narrow = np.repeat(cosines(shapes.y[first] / STEPS), count)[1:]
    x, y = shapes.x[point].astype(np.int64), shapes.y[point].astype(np.int64)
    dx, dy = (x[1:] - x[:-1]) * narrow, y[1:] - y[:-1]
    length = np.zeros(len(point), np.int64)
    length[1:] = np.rint(np.sqrt(dx * dx + dy * dy) * _PARTS)
    along = np.cumsum(length)
    return np.asarray(along - np.repeat(along[begin], count))  # less the leaps from shape to shape


def _find_many(
    shapes: Shapes,
    grid: Grid,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    *,
    limit_m: float | None,
    times: NDArray[np.int32] | None,
    threads: int | None,
) -> Found:
    """Look points up with the compiled kernel, in the order of their squares so that memory stays near."""
    from .edge_kernels import order_by_place  # noqa: PLC0415 (numba is slow to import)

    order = order_by_place(steps_of(grid), lon * STEPS, lat * STEPS)
    count = max(1, min(threads or os.cpu_count() or 1, len(order)))
    ends = np.linspace(0, len(order), count + 1).astype(int)

    def search(first: int, last: int) -> Found:
        x, y = lon[order[first:last]], lat[order[first:last]]
        piece, share, *feet = _find_compiled(shapes, grid, points_of(x, y, limit_m), times)
        return Found(piece, share, haversine_m(x, y, *feet), *feet)

    with ThreadPoolExecutor(count) as pool:
        parts = list(pool.map(search, ends[:-1], ends[1:]))
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return Found(*(np.concatenate(columns)[back] for columns in zip(*parts, strict=True)))


def _find_compiled(
    shapes: Shapes, grid: Grid, points: Points, times: NDArray[np.int32] | None
) -> tuple[NDArray[Any], ...]:
    """Call the kernel; only the points whose nearest road is closed are looked up with the closures."""
    from .compiled import plain  # noqa: PLC0415 (numba is slow to import)
    from .edge_kernels import find_nearest  # noqa: PLC0415 (numba is slow to import)

    fixed = (
        steps_of(grid),
        (plain(grid.start), plain(grid.piece)),
        (plain(shapes.start), plain(shapes.x), plain(shapes.y)),
    )
    nothing = plain(np.empty((0, 2), np.int32)), plain(np.empty(0, np.int32))
    found: tuple[NDArray[Any], ...] = find_nearest(*fixed, nothing, points.columns())
    if times is not None and (times < 0).any():
        shut = np.flatnonzero(found[0] >= 0)
        shut = shut[~is_open(shapes, found[0][shut], times)]
        others = find_nearest(*fixed, (plain(shapes.edge), plain(times)), points.take(shut).columns())
        for own, other in zip(found, others, strict=True):
            own[shut] = other
    return found
