"""Noding: lines become a graph where they share a vertex; lines that merely cross stay bridges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..crs import EARTH_RADIUS_M, haversine_m, unit_vectors
from ..shapes import STEPS

MOST_TOLERANCE_M = 50.0
"""Largest distance over which ends are joined: more would join the two sides of a dual carriageway."""

_Ints = NDArray[np.int64]
_AT_ONCE = 500_000


@dataclass(frozen=True)
class Noded:
    """n distinct points, and l lines as references to them."""

    x: NDArray[np.int32]
    """(n,) WGS84 longitude in 1e-7 degrees."""
    y: NDArray[np.int32]
    """(n,) latitude in 1e-7 degrees."""
    start: _Ints
    """(l + 1,) first reference of each line; every line has two or more, no two neighbours equal."""
    point: NDArray[np.int32]
    """(references,) point."""
    line: _Ints
    """(l,) number of the line among those given; lines without length are gone."""
    joined: int
    """Ends of lines that were moved to another point because it lay within the tolerance."""


def node_lines(
    lon: NDArray[np.float64], lat: NDArray[np.float64], start: _Ints, *, tolerance_m: float = 0.0
) -> Noded:
    """Find the points that lines share: vertices that are equal once rounded to 1e-7 degrees (1 cm).

    Parameters
    ----------
    lon, lat
        (v,) vertices in WGS84 degrees, in range.
    start
        (l + 1,) first vertex of each line.
    tolerance_m
        An end of a line within this distance of a vertex (of any line) moves there; of several within reach
        all become one. 0 joins nothing.
    """
    x, y = (np.rint(np.asarray(value) * STEPS).astype(np.int64) for value in (lon, lat))
    key, vertex = np.unique((y + 90 * STEPS) * (1 << 32) + (x + 180 * STEPS), return_inverse=True)
    point_x, point_y = (key & 0xFFFFFFFF) - 180 * STEPS, (key >> 32) - 90 * STEPS
    vertex = vertex.astype(np.int64)
    joined = 0
    if tolerance_m > 0 and len(key):
        to, joined = _join(point_x / STEPS, point_y / STEPS, vertex, start, tolerance_m)
        vertex = to[vertex]
    point, start, line = _without_steps(vertex, start)
    used, point = np.unique(point, return_inverse=True)
    return Noded(
        x=point_x[used].astype(np.int32),
        y=point_y[used].astype(np.int32),
        start=start,
        point=point.astype(np.int32),
        line=line,
        joined=joined,
    )


def _join(
    lon: NDArray[np.float64], lat: NDArray[np.float64], vertex: _Ints, start: _Ints, tolerance_m: float
) -> tuple[_Ints, int]:
    """Return the point that each point moves to, and how many ends move."""
    from scipy.sparse import coo_array  # noqa: PLC0415  (a quarter of a second)
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415
    from scipy.spatial import cKDTree  # noqa: PLC0415

    size = np.diff(start)
    some = size > 0
    ends = np.unique(np.concatenate((vertex[start[:-1][some]], vertex[start[1:][some] - 1])))
    places = unit_vectors(lon, lat)
    reach = 2 * np.sin(tolerance_m / (2 * EARTH_RADIUS_M))  # chord on the unit sphere
    near = cKDTree(places[ends]).sparse_distance_matrix(cKDTree(places), reach, output_type="ndarray")
    pairs = coo_array((np.ones(len(near)), (ends[near["i"]], near["j"])), shape=(len(lon), len(lon)))
    _, group = connected_components(pairs, directed=False)
    is_end = np.zeros(len(lon), bool)
    is_end[ends] = True
    order = np.lexsort((np.arange(len(lon)), is_end, group))  # a vertex that is no end stays where it is
    first = np.ones(len(lon), bool)
    first[1:] = group[order][1:] != group[order][:-1]
    to = np.empty(len(lon), np.int64)
    to[group[order][first]] = order[first]
    to = to[group]
    return to, int((to[ends] != ends).sum())


def _without_steps(vertex: _Ints, start: _Ints) -> tuple[_Ints, _Ints, _Ints]:
    """Drop vertices equal to the one before in their line, then lines of a single point."""
    line = np.repeat(np.arange(len(start) - 1), np.diff(start))
    keep = np.ones(len(vertex), bool)
    keep[1:] = (vertex[1:] != vertex[:-1]) | (line[1:] != line[:-1])
    vertex, line = vertex[keep], line[keep]
    size = np.bincount(line, minlength=len(start) - 1)
    long = size > 1
    after = np.zeros(int(long.sum()) + 1, np.int64)
    np.cumsum(size[long], out=after[1:])
    return vertex[long[line]], after, np.flatnonzero(long)


def count_crossings(noded: Noded) -> int:
    """Count the places where two lines cross without a vertex in common: bridges, or a fault of the data."""
    import shapely  # noqa: PLC0415  (a quarter of a second)

    a, b = pieces_of(noded)
    x, y = noded.x.astype(float), noded.y.astype(float)
    boxes = shapely.box(
        np.minimum(x[a], x[b]), np.minimum(y[a], y[b]), np.maximum(x[a], x[b]), np.maximum(y[a], y[b])
    )
    tree, count = shapely.STRtree(boxes), 0
    for begin in range(0, len(boxes), _AT_ONCE):
        first, second = tree.query(boxes[begin : begin + _AT_ONCE])
        first += begin
        pair = first < second
        count += _crossing(x, y, (a, b), first[pair], second[pair])
    return count


def _crossing(x: NDArray[Any], y: NDArray[Any], ends: tuple[Any, Any], first: Any, second: Any) -> int:
    """Count the pairs of pieces of which each has its ends on both sides of the other."""
    p, q = (end[first] for end in ends)
    r, s = (end[second] for end in ends)

    def side(of: Any, start: Any, end: Any) -> Any:
        return np.sign((x[end] - x[start]) * (y[of] - y[start]) - (y[end] - y[start]) * (x[of] - x[start]))

    apart = side(p, r, s) * side(q, r, s) < 0
    return int((apart & (side(r, p, q) * side(s, p, q) < 0)).sum())


def pieces_of(noded: Noded) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both points of each piece, in the order of the lines."""
    last = np.zeros(len(noded.point), bool)
    last[noded.start[1:] - 1] = True
    inner = np.flatnonzero(~last)
    return noded.point[inner], noded.point[inner + 1]


def line_metres(noded: Noded) -> NDArray[np.float64]:
    """Measure each line."""
    a, b = pieces_of(noded)
    lon, lat = noded.x / STEPS, noded.y / STEPS
    metres = haversine_m(lon[a], lat[a], lon[b], lat[b])
    return np.add.reduceat(metres, noded.start[:-1] - np.arange(len(noded.start) - 1))
