"""Shapes: how roads lie on the ground, and the index by which the road near a point is found.

Coordinates are WGS84 in steps of 1e-7 degrees, the precision of OpenStreetMap, as 32-bit integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .crs import haversine_m

STEPS = 10_000_000
"""Steps of the stored coordinates in a degree."""


@dataclass(frozen=True)
class Shapes:
    """k lines between two junctions; both directions of a road share one.

    The points of shape ``s`` are ``start[s]:start[s + 1]``, at least two; the first and the last are its
    nodes. Its pieces are the pairs of neighbouring points; piece ``i`` goes from point ``i`` to ``i + 1``.
    """

    of: NDArray[np.int32]
    """(m,) shape of each edge times two, plus one where the edge runs against the shape."""
    edge: NDArray[np.int32]
    """(k, 2) edge along the shape and edge against it; -1 where nobody may go that way."""
    start: NDArray[np.int64]
    """(k + 1,) first point of each shape."""
    x: NDArray[np.int32]
    """(points,) longitude, 1e-7 degrees."""
    y: NDArray[np.int32]
    """(points,) latitude, 1e-7 degrees."""
    way_start: NDArray[np.int64]
    """(k + 1,) first way of each shape."""
    way: NDArray[np.int64]
    """(ways,) ids in the source of the ways that a shape is made of, each once per shape, in order."""
    snap: NDArray[np.bool_]
    """(k,) whether points may meet the road on this shape: not on motorways, ferries and fringes."""


@dataclass(frozen=True)
class Grid:
    """Squares in degrees, row by row from the south-west, with the pieces of snappable shapes in each."""

    frame: NDArray[np.float64]
    """(5,) west, south, side of a square (degrees), squares in a row, rows."""
    start: NDArray[np.int64]
    """(squares + 1,) first entry of each square."""
    piece: NDArray[np.int32]
    """(entries,) pieces that touch the square (number of their first point), ascending."""


def points_along(shapes: Shapes, *, spacing_m: float) -> NDArray[np.float64]:
    """Place points along all shapes, at most a distance apart: (points, 2) WGS84 degrees.

    Every stored point is one of them; pieces that are longer are divided evenly.
    """
    x, y = np.asarray(shapes.x) / STEPS, np.asarray(shapes.y) / STEPS
    if len(x) < 2:
        return np.column_stack((x, y))
    parts = np.ceil(haversine_m(x[:-1], y[:-1], x[1:], y[1:]) / spacing_m).astype(np.int64)
    parts = np.maximum(parts, 1)
    parts[np.asarray(shapes.start)[1:-1] - 1] = 1  # from the end of a shape to the start of the next
    first = np.repeat(np.arange(len(parts)), parts)
    share = (np.arange(len(first)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[first]
    along = [axis[first] + share * (axis[first + 1] - axis[first]) for axis in (x, y)]
    return np.vstack((np.column_stack(along), [[x[-1], y[-1]]]))
