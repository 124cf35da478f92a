"""Lines of roads for drawing: each road once for both directions, in no more points than a map needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .edge_boxes import spans
from .network import Network
from .shapes import STEPS

MOST_POINTS = 20_000
"""Points of one drawing."""

_DIGITS = 6
_FIRST_DEG = 1e-4


def lines_of(
    network: Network, edges: ArrayLike, *, most_points: int = MOST_POINTS
) -> tuple[list[list[list[float]]], bool]:
    """Give the lines of edges, WGS84 degrees, as the coordinates of a GeoJSON MultiLineString.

    Where there are too many points, those nearer to the one before than some distance are left out, but the
    ends of a line never.

    Returns
    -------
    tuple
        The lines in the order of their positions, and whether all are there: of more than half as many lines
        as points only the first are.
    """
    chosen = np.unique(np.asarray(edges, np.int64))
    x, y, count = _straight(network, chosen) if network.shapes is None else _shaped(network, chosen)
    whole = 2 * len(count) <= most_points
    if not whole:
        count = count[: most_points // 2]
    x, y = x[: count.sum()], y[: count.sum()]
    line, step = np.repeat(np.arange(len(count)), count), _FIRST_DEG
    ends = np.zeros(len(x), bool)
    last = np.cumsum(count) - 1
    ends[last], ends[last - count + 1] = True, True
    kept = np.ones(len(x), bool)
    gone = np.append(0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    while kept.sum() > most_points:
        kept = ends | (np.diff(gone // step, prepend=-1.0) > 0)
        step *= 2
    points = np.column_stack((x[kept], y[kept])).round(_DIGITS).tolist()
    cut = np.cumsum(np.bincount(line[kept], minlength=len(count))).tolist()
    return [points[a:b] for a, b in zip([0, *cut[:-1]], cut, strict=True)] if cut else [], whole


_Points = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


def _straight(network: Network, edges: NDArray[np.int64]) -> _Points:
    """Give (longitudes, latitudes, points of each line) of edges without shapes."""
    tail = np.searchsorted(np.asarray(network.start), edges, side="right") - 1
    pairs = np.sort(np.column_stack((tail, np.asarray(network.head)[edges])), axis=1)
    ends = pairs[np.sort(np.unique(pairs, axis=0, return_index=True)[1])].reshape(-1)
    count = np.full(len(ends) // 2, 2, np.int64)
    return np.asarray(network.lon)[ends], np.asarray(network.lat)[ends], count


def _shaped(network: Network, edges: NDArray[np.int64]) -> _Points:
    shapes: Any = network.shapes
    rows = np.unique(np.asarray(shapes.of)[edges] >> 1)
    first = np.asarray(shapes.start)[rows]
    count = np.asarray(shapes.start)[rows + 1] - first
    at = spans(first, count)
    return shapes.x[at] / STEPS, shapes.y[at] / STEPS, count


def length_km(network: Network, edges: NDArray[np.int64]) -> float:
    """Measure the roads that some edges belong to, each once: kilometres."""
    metres = np.asarray(network.metres, np.float64)[edges]
    if network.shapes is None:
        return float(metres.sum()) / 2000
    _, first = np.unique(np.asarray(network.shapes.of)[edges] >> 1, return_index=True)
    return float(metres[first].sum()) / 1000
