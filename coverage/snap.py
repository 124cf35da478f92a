"""Points to nodes: where sites, residents and an emergency meet the road network.

A point meets the network at its nearest node, the lowest position of several at the same place. Interchanges
do not count: an expressway is entered by the connectors that the network has, not from the field beside it.
Longitudes must not straddle the 180th meridian.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata.crs import EARTH_RADIUS_M, haversine_m, unit_vectors
from ..geodata.network import NODE_INTERCHANGE, Network

ACCESS_DETOUR = 1.3
"""Distance on the ground over straight distance on the way to the nearest node (an assumption, 假设)."""
ACCESS_KMH = 20.0
"""Speed on the way to the nearest node (an assumption, 假设)."""

_FIRST_BOX_DEG = 0.03
_LAST_BOX_DEG = 45.0


def road_nodes(network: Network) -> NDArray[np.intp]:
    """Return the nodes that points may snap to: all but interchanges (all where there is nothing else)."""
    nodes = np.flatnonzero(np.asarray(network.kind) != NODE_INTERCHANGE)
    return nodes if len(nodes) else np.arange(network.n_nodes)


def access_cs(metres: ArrayLike, *, detour: float, speed_kmh: float) -> NDArray[np.int64]:
    """Turn straight distances to the node into whole centiseconds of driving, rounded."""
    return np.rint(np.asarray(metres, float) * detour / (speed_kmh / 3.6) * 100).astype(np.int64)


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


def _nearest_in_box(
    lons: NDArray[np.float64], lats: NDArray[np.float64], lon: float, lat: float
) -> tuple[int, float]:
    box = _FIRST_BOX_DEG
    while True:
        everything = box > _LAST_BOX_DEG
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
    from scipy.spatial import cKDTree  # noqa: PLC0415 (0.2 s to import; `boai nearest` starts cold)

    points = unit_vectors(lon, lat)
    if not len(points):
        return np.empty(0, np.int32), np.empty(0)
    nodes = _need_nodes(network)
    nodes = nodes[_first_at_each_place(network.lon[nodes], network.lat[nodes])]
    lons, lats = np.asarray(network.lon)[nodes], np.asarray(network.lat)[nodes]
    found = cKDTree(unit_vectors(lons, lats)).query(points)[1]
    return nodes[found].astype(np.int32), np.asarray(haversine_m(lon, lat, lons[found], lats[found]), float)


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
