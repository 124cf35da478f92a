"""Nodes near points: the nearest by a tree for many points, by boxes for one after the other.

Interchanges and nodes that cannot be both left and reached do not count (see `snap`). Of several nodes at one
place the lowest position counts.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata.crs import EARTH_RADIUS_M, haversine_m, unit_vectors
from ..geodata.edge_boxes import spans
from ..geodata.network import NODE_FRINGE, NODE_INTERCHANGE, Network
from .kept import Kept

_FIRST_BOX_DEG = 0.03
_LAST_BOX_DEG = 45.0
_SIDE_DEG = 0.03
_WIDEST_DEG = 1.0
"""Half of a box from which on all nodes are looked at."""
_MOST_CELLS = 1 << 22
_LAST_POINTS = 64
"""Points that are remembered: one question looks for the same point again and again."""


class NodeBoxes:
    """Positions sorted by the cells of a grid in degrees."""

    def __init__(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> None:
        """Sort positions; all coordinates must be finite."""
        self._lon, self._lat = lon, lat
        self._west, self._south = (float(axis.min()) if len(axis) else 0.0 for axis in (lon, lat))
        spread = max((float(np.ptp(axis)) for axis in (lon, lat)), default=0.0) if len(lon) else 0.0
        self._side = max(_SIDE_DEG, spread / int(_MOST_CELLS**0.5))
        column, row = (
            np.floor((axis - low) / self._side).astype(np.int64)
            for axis, low in ((lon, self._west), (lat, self._south))
        )
        self._columns, self._rows = (int(axis.max(initial=0)) + 1 for axis in (column, row))
        cell = row * self._columns + column
        self._order = np.argsort(cell, kind="stable").astype(np.int32)
        self._start = np.zeros(self._columns * self._rows + 1, np.int64)
        np.cumsum(np.bincount(cell, minlength=len(self._start) - 1), out=self._start[1:])

    def inside(self, lon: float, lat: float, half: float) -> NDArray[np.int64]:
        """List the positions within ``half`` degrees of a point in both directions, ascending."""
        if half > _WIDEST_DEG:
            found = np.arange(len(self._lon))
        else:
            left, right = self._between(lon - self._west, half, self._columns)
            low, high = self._between(lat - self._south, half, self._rows)
            first = np.arange(low, high + 1) * self._columns
            begin = self._start[first + left]
            found = np.sort(self._order[spans(begin, self._start[first + right + 1] - begin)])
        near = np.abs(self._lat[found] - lat) <= half
        return np.asarray(found[near & (np.abs(self._lon[found] - lon) <= half)], np.int64)

    def _between(self, at: float, half: float, count: int) -> tuple[int, int]:
        """Give the first and last cells along an axis that a box touches, one more on either side."""
        low, high = (int(np.clip(np.floor(end / self._side), -1, count)) for end in (at - half, at + half))
        return max(low - 1, 0), min(high + 1, count - 1)


def road_nodes(network: Network) -> NDArray[np.intp]:
    """Return the nodes that points may snap to: no interchanges, no fringes (all where nothing is left)."""
    kind = np.asarray(network.kind)
    nodes = np.flatnonzero((kind != NODE_INTERCHANGE) & (kind != NODE_FRINGE))
    return nodes if len(nodes) else np.arange(network.n_nodes)


def nearest_nodes_by_box(
    network: Network, lon: ArrayLike, lat: ArrayLike
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Do as `nearest_nodes` for some dozen points, with numpy alone: no index to build, no scipy to import.

    Looks into a box of a few kilometres around a point and doubles it until no node outside can be nearer.
    """
    points = np.column_stack([np.atleast_1d(lon), np.atleast_1d(lat)]).astype(float)
    if not len(points):
        return np.empty(0, np.int32), np.empty(0)
    nodes = _need_nodes(network)
    lons, lats = np.asarray(network.lon)[nodes], np.asarray(network.lat)[nodes]
    found = [_nearest_in_box(lons, lats, x, y) for x, y in points.tolist()]
    return nodes[[row for row, _ in found]].astype(np.int32), np.array([metres for _, metres in found])


class NodeFinder:
    """Do as `nearest_nodes_by_box` for one point after the other on one network, with its nodes sorted."""

    def __init__(self, network: Network) -> None:
        self._nodes = _need_nodes(network)
        self._lon, self._lat = (np.asarray(axis)[self._nodes] for axis in (network.lon, network.lat))
        search = partial(_nearest_in_box, self._lon, self._lat, boxes=NodeBoxes(self._lon, self._lat))
        self._nearest = lru_cache(_LAST_POINTS)(search)

    def nearest(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Find the nearest node of points: (nodes, straight metres)."""
        points = zip(lon.tolist(), lat.tolist(), strict=True)
        found = [self._nearest(x, y) for x, y in points]
        return self._nodes[[row for row, _ in found]].astype(np.int32), np.array([each for _, each in found])


def _nearest_in_box(
    lons: NDArray[np.float64],
    lats: NDArray[np.float64],
    lon: float,
    lat: float,
    *,
    boxes: NodeBoxes | None = None,
) -> tuple[int, float]:
    box = _FIRST_BOX_DEG
    while True:
        everything = box > _LAST_BOX_DEG
        if boxes is not None and not everything:
            inside = boxes.inside(lon, lat, box)
        else:
            inside = np.flatnonzero((np.abs(lats - lat) <= box) & (np.abs(lons - lon) <= box) | everything)
        metres = haversine_m(lon, lat, lons[inside], lats[inside])
        if len(inside) and (everything or metres.min() <= _box_radius_m(lat, box)):
            best = int(np.argmin(metres))
            return int(inside[best]), float(metres[best])
        box *= 2


def nearest_nodes(
    network: Network, lon: ArrayLike, lat: ArrayLike
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Find the nearest node of many points: (nodes, straight metres), by a k-d tree on the unit sphere.

    Raises
    ------
    ValueError
        There are points, but the network has no nodes.
    """
    points = unit_vectors(lon, lat)
    if not len(points):
        return np.empty(0, np.int32), np.empty(0)
    nodes, tree = _node_tree(network)
    node = nodes[tree.query(points, workers=-1)[1]].astype(np.int32)
    lons, lats = np.asarray(network.lon)[node], np.asarray(network.lat)[node]
    return node, np.asarray(haversine_m(lon, lat, lons, lats), float)


_TREES = Kept[tuple[NDArray[np.intp], Any]](most=2)
"""Nodes that points may snap to, and a tree of them, of the last networks: closures of one share them."""


def _node_tree(network: Network) -> tuple[NDArray[np.intp], Any]:
    def make() -> tuple[NDArray[np.intp], Any]:
        from scipy.spatial import cKDTree  # noqa: PLC0415 (0.2 s to import; `boai nearest` starts cold)

        nodes = _need_nodes(network)
        nodes = nodes[_first_at_each_place(network.lon[nodes], network.lat[nodes])]
        return nodes, cKDTree(unit_vectors(network.lon[nodes], network.lat[nodes]))

    return _TREES.get((network.lon, network.lat, network.kind), None, make)


def _first_at_each_place(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.intp]:
    """Return the lowest position at every distinct place, ascending."""
    x, y = np.asarray(lon, float), np.asarray(lat, float)
    order = np.lexsort((y, x))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(x[order]) != 0) | (np.diff(y[order]) != 0)
    return np.sort(order[new])


def _box_radius_m(lat: float, box: float) -> float:
    """Give the radius of the largest circle inside a box of ``box`` degrees to each side.

    The distance to a meridian ``box`` away is R asin(cos(lat) sin(box)).
    """
    half = np.radians(box)
    aside = np.arcsin(np.cos(np.radians(lat)) * np.sin(half))
    return float(EARTH_RADIUS_M * min(half, aside))


def _need_nodes(network: Network) -> NDArray[np.intp]:
    if not network.n_nodes:
        raise ValueError("the network has no nodes")
    return road_nodes(network)
