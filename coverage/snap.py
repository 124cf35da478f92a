"""Points to roads: where sites, residents and an emergency meet the network.

On real roads a point meets the nearest point of a road that may be driven in some direction, and goes on
from there to the ends of that edge: on a one-way edge it leaves only by the head and is reached only from
the tail, and a direction that is closed does not carry it. Where the foot is a junction the point stands at
the node. The time of an edge is shared out in whole centiseconds: ``rint(share x time)`` from the tail to
the point and the rest to the head, so that both parts sum to the edge.

On a network without shapes a point meets its nearest node, the lowest position of several at the same place;
interchanges do not count (an expressway is entered by the connectors that the network has, not from the
field beside it), nor do nodes that cannot be both left and reached. Longitudes must not straddle the 180th
meridian.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata import edge_index
from ..geodata.edge_boxes import spans
from ..geodata.network import CLOSED, Network
from ..geodata.shapes import Grid, Shapes
from .near_nodes import NodeFinder, nearest_nodes, nearest_nodes_by_box

ACCESS_DETOUR = 1.3
"""Distance on the ground over straight distance on the way to the nearest node (an assumption, 假设)."""
ACCESS_KMH = 20.0
"""Speed on the way to the nearest node (an assumption, 假设)."""
FARTHEST_M = 5000.0
"""Straight metres to the nearest road beyond which residents and sites have none (an assumption, 假设)."""

_LONGEST_CS = int(np.iinfo(np.int32).max) - 1


@dataclass(frozen=True)
class Access:
    """How p points meet the network; a point has up to two ways to it and from it.

    On a road column 0 is the direction of its shape and column 1 the other; at a node there is only column 0.
    """

    out_node: NDArray[np.int32]
    """(p, 2) nodes by which a point is left, -1 where there is none."""
    out_cs: NDArray[np.int32]
    """(p, 2) centiseconds from the point to them, those to the road included."""
    in_node: NDArray[np.int32]
    """(p, 2) nodes from which a point is reached, -1 where there is none."""
    in_cs: NDArray[np.int32]
    """(p, 2) centiseconds from them to the point, those from the road included."""
    off_cs: NDArray[np.int64]
    """(p,) centiseconds between the point and the road, either way."""
    metres: NDArray[np.float64]
    """(p,) straight metres between them, NaN for a point that meets no road."""
    lon: NDArray[np.float64]
    """(p,) where the point meets the road, WGS84 degrees; NaN where it meets none."""
    lat: NDArray[np.float64]
    """(p,) its latitude."""
    shape: NDArray[np.int32]
    """(p,) shape on which the point meets the road; -1 at a node, or where it meets none."""
    along: NDArray[np.float64]
    """(p,) share of the shape's length from its first point to there; 0 where there is no shape."""

    @property
    def met(self) -> NDArray[np.bool_]:
        """(p,) whether the point meets a road."""
        return ~np.isnan(self.metres)

    def take(self, rows: slice | NDArray[Any]) -> Access:
        """Keep some of the points."""
        return Access(*(getattr(self, each.name)[rows] for each in fields(self)))

    def exits(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        """List the ways out, points ascending: (point, node, centiseconds)."""
        return _listed(self.out_node, self.out_cs)

    def entries(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        """List the ways in, points ascending: (point, node, centiseconds)."""
        return _listed(self.in_node, self.in_cs)


def _listed(
    node: NDArray[np.int32], time: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    point, column = np.nonzero(node >= 0)
    return point, node[point, column], time[point, column]


def attach(
    network: Network,
    lon: ArrayLike,
    lat: ArrayLike,
    *,
    detour: float,
    speed_kmh: float,
    limit_m: float | None = None,
    cold: bool = False,
    finder: NodeFinder | None = None,
) -> Access:
    """Find how points meet the network.

    Parameters
    ----------
    lon, lat
        (p,) WGS84 degrees.
    detour, speed_kmh
        Of the way between the point and the road: straight distance x detour at that speed.
    limit_m
        Straight metres beyond which a point meets no road, inclusive. Default any distance.
    cold
        Use numpy alone: for some dozen points in a fresh process, which is quicker without scipy and numba.

    finder
        Of the nodes of a network without shapes, where one is kept: for one point after the other.

    Raises
    ------
    ValueError
        There are points, but the network has no nodes; or a coordinate is no finite number.
    """
    x, y = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a coordinate is no finite number")
    if network.shapes is None or network.grid is None:
        look = nearest_nodes_by_box if cold else nearest_nodes
        found = finder.nearest(x, y) if finder is not None else look(network, x, y)
        road = _meet_nodes(network, found, limit_m)
    else:
        road = _meet_edges(network, network.shapes, network.grid, (x, y), limit_m=limit_m, cold=cold)
    off_cs = np.zeros(len(x), np.int64)
    met = ~np.isnan(road.metres)
    off_cs[met] = access_cs(road.metres[met], detour=detour, speed_kmh=speed_kmh)
    ways = [
        _ways(node, np.where((time >= 0) & met[:, None], time + off_cs[:, None], -1))
        for node, time in ((road.heads, road.to_head), (road.tails, road.from_tail))
    ]
    return Access(
        *ways[0], *ways[1], off_cs, road.metres, road.lon, road.lat, shape=road.shape, along=road.along
    )


class _Road(NamedTuple):
    """Where p points meet the road, and how it goes on: (p, 2) nodes and centiseconds, -1: not that way."""

    metres: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    shape: NDArray[np.int32]
    along: NDArray[np.float64]
    heads: NDArray[np.int32]
    to_head: NDArray[np.int64]
    tails: NDArray[np.int32]
    from_tail: NDArray[np.int64]


def _ways(node: NDArray[np.int32], time: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Leave out what is no way: a time below 0, or beyond 248 days."""
    way = (time >= 0) & (time <= _LONGEST_CS)
    return np.where(way, node, -1).astype(np.int32), np.where(way, time, -1).astype(np.int32)


def _meet_nodes(
    network: Network, found: tuple[NDArray[np.int32], NDArray[np.float64]], limit_m: float | None
) -> _Road:
    node, metres = found
    at_lon, at_lat = np.asarray(network.lon)[node], np.asarray(network.lat)[node]
    if limit_m is not None:
        metres, at_lon, at_lat = (
            np.where(metres <= limit_m, own, np.nan) for own in (metres, at_lon, at_lat)
        )
    nodes, time = np.column_stack([node, node]), np.tile(np.array([0, -1]), (len(node), 1))
    shape, along = np.full(len(node), -1, np.int32), np.zeros(len(node))
    return _Road(metres, at_lon, at_lat, shape, along, nodes, time, nodes, time)


def _meet_edges(
    network: Network,
    shapes: Shapes,
    grid: Grid,
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    limit_m: float | None,
    cold: bool,
) -> _Road:
    times = network.centiseconds
    found = edge_index.nearest_piece(shapes, grid, *points, limit_m=limit_m, centiseconds=times, cold=cold)
    met = found.piece >= 0
    shape, along = np.full(len(met), -1, np.int32), np.zeros(len(met))
    if not met.any():
        none = np.full((len(met), 2), -1, np.int64)
        return _Road(*found[2:], shape, along, none.astype(np.int32), none, none.astype(np.int32), none)
    shape[met], along[met] = edge_index.along_shape(shapes, found.piece[met], found.share[met])
    edge = np.asarray(shapes.edge)[shape]
    ends = _ends(network, edge)
    cost = np.where(edge >= 0, times[edge], CLOSED).astype(np.int64)
    before = np.rint(np.column_stack([along, 1.0 - along]) * cost).astype(np.int64)
    from_tail, to_head = (np.where(cost >= 0, time, -1) for time in (before, cost - before))
    tails, heads = ends.copy(), ends[:, ::-1].copy()
    at_end = met & ((along <= 0) | (along >= 1))
    from_tail[at_end] = to_head[at_end] = 0, -1
    tails[at_end] = heads[at_end] = np.where(along <= 0, ends[:, 0], ends[:, 1])[at_end, None]
    shape[at_end], along[at_end] = -1, 0.0
    return _Road(*found[2:], shape, along, heads, to_head, tails, from_tail)


def _ends(network: Network, edge: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give the (q, 2) first and last nodes of shapes by their (q, 2) edges."""
    head, tail = network.head[edge], np.searchsorted(network.start, edge, side="right") - 1
    first = np.where(edge[:, 1] >= 0, head[:, 1], tail[:, 0])
    last = np.where(edge[:, 0] >= 0, head[:, 0], tail[:, 1])
    return np.column_stack([first, last]).astype(np.int32)


def at_nodes(network: Network, nodes: NDArray[np.integer[Any]]) -> Access:
    """Let points stand at nodes."""
    n = len(nodes)
    node = np.column_stack([nodes, np.full(n, -1)]).astype(np.int32)
    time = np.tile(np.array([0, -1], np.int32), (n, 1))
    place = np.asarray(network.lon)[nodes], np.asarray(network.lat)[nodes]
    nothing = np.full(n, -1, np.int32), np.zeros(n)
    return Access(node, time, node, time, np.zeros(n, np.int64), np.zeros(n), *place, *nothing)


def merged(chosen: Access, others: Access, where: NDArray[np.bool_]) -> Access:
    """Put points in one list: those of ``chosen`` where it is marked, the others elsewhere, each in order."""
    position = np.empty(len(where), np.int64)
    position[where] = np.arange(len(chosen.metres))
    position[~where] = len(chosen.metres) + np.arange(len(others.metres))
    pairs = ((getattr(chosen, each.name), getattr(others, each.name)) for each in fields(chosen))
    return Access(*(np.concatenate(pair)[position] for pair in pairs))


def unmet(
    network: Network, lon: ArrayLike, lat: ArrayLike, *, limit_m: float = FARTHEST_M
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """List the points that meet no open road within a limit on a network with shapes.

    Returns
    -------
    tuple
        Their positions, ascending, and their straight metres to the nearest open road; inf: there is none.
    """
    x, y = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
    if network.shapes is None or network.grid is None:
        return np.empty(0, np.intp), np.empty(0)
    look, times = (network.shapes, network.grid), network.centiseconds
    near = edge_index.nearest_piece(*look, x, y, limit_m=limit_m, centiseconds=times)
    rows = np.flatnonzero(near.piece < 0)
    metres = edge_index.nearest_piece(*look, x[rows], y[rows], centiseconds=times).metres
    return rows, np.where(np.isnan(metres), np.inf, metres)


def on_one_road(
    start: Access, end: Access
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """List the direct ways between points on one edge: (row of start, row of end, centiseconds, column).

    The way follows the edge, of both directions the quicker (column 0: along the shape), and includes the
    ways to and from the road. Pairs on one shape between which neither direction leads directly are left out.
    """
    rows = np.flatnonzero(start.shape >= 0)
    order = np.argsort(end.shape, kind="stable")
    first, last = (np.searchsorted(end.shape[order], start.shape[rows], side=side) for side in _SIDES)
    i, j = np.repeat(rows, last - first), order[spans(first, last - first)]
    gap = end.along[j] - start.along[i]
    time = np.full((len(i), 2), _LONGEST_CS + 1, np.int64)
    for column, ahead in ((0, gap >= 0), (1, gap <= 0)):
        can = ahead & (start.out_node[i, column] >= 0) & (start.in_node[i, column] >= 0)
        can &= end.in_node[j, column] >= 0
        a, b = start.in_cs[i, column].astype(np.int64), end.in_cs[j, column].astype(np.int64)
        time[can, column] = (b - a + 2 * start.off_cs[i])[can]
    column = time.argmin(axis=1)
    best = time[np.arange(len(i)), column]
    there = best <= _LONGEST_CS
    return i[there], j[there], best[there], column[there]


_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


def access_cs(metres: ArrayLike, *, detour: float, speed_kmh: float) -> NDArray[np.int64]:
    """Turn straight distances to the node into whole centiseconds of driving, rounded."""
    return np.rint(np.asarray(metres, float) * detour / (speed_kmh / 3.6) * 100).astype(np.int64)
