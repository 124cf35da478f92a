"""The ways of every site to every place beforehand, small enough to be carried where there is no network.

The quickest ways out of one site are a tree. Kept are its junctions, the nodes by which places are reached
and those that have names; between two junctions it has one hop with time, length and road. Of hundreds of
trees most hops are the same, so each is kept once, and a tree is one small number at each junction: by which
of its few hops the way comes. Times are sums of whole centiseconds, so they equal those of a search.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata.compiled import compiled, plain
from ..geodata.network import NODE_INTERCHANGE, NODE_SEAT, NODE_SETTLEMENT, Network, edge_tails
from . import travel
from .snap import ACCESS_DETOUR, ACCESS_KMH, Access, attach, on_one_road

_NAMED = (NODE_SETTLEMENT, NODE_SEAT, NODE_INTERCHANGE)
_CURVE_BITS = 16
_LEAST_WIDTH = 1e-9


@dataclass(frozen=True)
class Entries:
    """By which junctions places are reached: one row per way in, places ascending."""

    place: NDArray[np.int64]
    junction: NDArray[np.int64]
    centiseconds: NDArray[np.int64]
    metres: NDArray[np.float64]


@dataclass(frozen=True)
class Direct:
    """Ways that lead along one road from a site to a place without a junction between them."""

    site: NDArray[np.int64]
    place: NDArray[np.int64]
    centiseconds: NDArray[np.int64]
    metres: NDArray[np.float64]


@dataclass(frozen=True)
class WayTrees:
    """The quickest ways of s sites over j junctions and h hops."""

    node: NDArray[np.int64]
    """(j,) nodes of the network that are junctions, along a curve that keeps neighbours together."""
    start: NDArray[np.int64]
    """(j + 1,) first hop of each junction: those that end there, the most used first."""
    source: NDArray[np.int64]
    """(h,) junction where a hop begins; j + i where it begins at site i."""
    centiseconds: NDArray[np.int64]
    """(h,) time of the hop; from a site, its way to the road included."""
    metres: NDArray[np.float64]
    """(h,) length of the hop."""
    edge: NDArray[np.int64]
    """(h,) its longest edge, which gives the hop its road; -1 where it has none."""
    choice: NDArray[np.uint16]
    """(j, s) by which of its hops a junction is reached, from 1; 0: not reached."""
    entries: Entries
    direct: Direct
    site_m: NDArray[np.float64]
    """(s,) straight metres from a site to the road, NaN where it meets none."""
    place_m: NDArray[np.float64]
    """(p,) straight metres from a place to the road, NaN where it meets none."""


LonLat = tuple[ArrayLike, ArrayLike]


def way_trees(
    network: Network,
    sites: LonLat,
    places: LonLat,
    *,
    detour: float = ACCESS_DETOUR,
    access_kmh: float = ACCESS_KMH,
) -> WayTrees:
    """Find the quickest ways from all sites to all places.

    Parameters
    ----------
    sites, places
        (longitudes, latitudes), WGS84 degrees.
    detour, access_kmh
        Of the way between a point and the road, as in `nearest.nearest_sites`.
    """
    stops, goals = (
        attach(network, *points, detour=detour, speed_kmh=access_kmh) for points in (sites, places)
    )
    junction, where = _junctions(network, goals)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the searches release the GIL
        came = list(
            pool.map(lambda site: _tree(network, stops, site, where, detour), range(len(stops.metres)))
        )
    hops = _hops(junction, came)
    return WayTrees(
        junction,
        *hops,
        _entries(network, goals, where, detour),
        _direct(network, stops, goals, detour),
        site_m=stops.metres,
        place_m=goals.metres,
    )


def _junctions(network: Network, goals: Access) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the nodes by which places are reached and the named ones: (nodes, position of each node or -1)."""
    named = np.flatnonzero(np.isin(np.asarray(network.kind), _NAMED))
    node = np.unique(np.concatenate([goals.entries()[1].astype(np.int64), named]))
    node = node[along_curve(np.asarray(network.lon)[node], np.asarray(network.lat)[node])]
    where = np.full(network.n_nodes, -1, np.int64)
    where[node] = np.arange(len(node))
    return node, where


def along_curve(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
    """Order points along a curve that keeps neighbours near each other.

    The bits of both coordinates take turns (Morton 1966, *A computer oriented geodetic data base*, IBM).
    """
    code = np.zeros(len(x), np.int64)
    for shift, value in enumerate((x, y) if len(x) else ()):
        width = max(float(np.ptp(value)), _LEAST_WIDTH)
        grid = ((value - value.min()) / width * ((1 << _CURVE_BITS) - 1)).astype(np.int64)
        for bit in range(_CURVE_BITS):
            code |= ((grid >> bit) & 1) << (2 * bit + shift)
    return np.argsort(code, kind="stable")


_Tree = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def _tree(network: Network, stops: Access, site: int, where: NDArray[np.int64], detour: float) -> _Tree:
    """Find from where, how long, how far and by which road one site comes to each junction.

    Returns (j,) junction before (-1: none, -2: not reached), centiseconds, metres and longest edge.
    """
    own = stops.take(slice(site, site + 1))
    _, node, offset = own.exits()
    found = travel.to_nearest(network, node, offset_cs=offset)
    first_m = np.full(network.n_nodes, float(own.metres[0]) * detour)
    np.add.at(first_m, node, _parts(network, own, out=True))
    order = np.argsort(found.centiseconds, kind="stable")
    order = order[: np.searchsorted(found.centiseconds[order], travel.UNREACHED)]
    roads = plain(edge_tails(network)), plain(network.metres)
    before, metres, edge = _follow(order, plain(found.edge), roads, plain(where), first_m)
    at = np.flatnonzero(where >= 0)
    at = at[np.argsort(where[at])]
    time = found.centiseconds[at].astype(np.int64)
    source = before[at]
    inner = source >= 0
    time[inner] -= found.centiseconds[source[inner]]
    source[inner] = where[source[inner]]
    return source, time, metres[at], edge[at]


@compiled
def _follow(order: Any, came: Any, roads: Any, where: Any, first_m: Any) -> Any:
    """Walk a tree outwards: of each node the junction before it, metres since and the longest edge since."""
    tail, length = roads
    n = len(came)
    before, longest = np.full(n, -2, np.int64), np.full(n, -1, np.int64)
    metres = np.zeros(n)
    for v in order:
        edge = came[v]
        if edge < 0:
            before[v], metres[v] = -1, first_m[v]
            continue
        u = tail[edge]
        longest[v], metres[v] = edge, length[edge]
        if where[u] >= 0:
            before[v] = u
            continue
        before[v] = before[u]
        metres[v] += metres[u]
        if longest[u] >= 0 and length[longest[u]] >= length[edge]:
            longest[v] = longest[u]
    return before, metres, longest


_Hops = tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.uint16],
]


def _hops(junction: NDArray[np.int64], came: list[_Tree]) -> _Hops:
    """Keep the hops of all trees once, and say by which of them each tree comes to each junction."""
    n, s = len(junction), len(came)
    if not n or not s:
        none = np.empty(0, np.int64)
        return np.zeros(n + 1, np.int64), none, none, np.empty(0), none, np.zeros((n, s), np.uint16)
    source, time, metres, edge = (np.stack(parts) for parts in zip(*came, strict=True))
    source = np.where(source == -1, n + np.arange(s)[:, None], source)
    key = (np.arange(n) * (n + s) + source)[source >= 0]
    found, first, inverse, uses = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    end = found // (n + s)
    order = np.lexsort((found, -uses, end))
    start = np.searchsorted(end[order], np.arange(n + 1))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order)) - start[end[order]] + 1
    choice = np.zeros((s, n), np.uint16)
    choice[source >= 0] = number[inverse]
    time, metres, edge = (each[source >= 0][first[order]] for each in (time, metres, edge))
    return start.astype(np.int64), (found % (n + s))[order], time, metres, edge, choice.T.copy()


def _parts(network: Network, points: Access, *, out: bool) -> NDArray[np.float64]:
    """Measure the parts of edges between points and the nodes by which they are left or reached, metres."""
    ways = points.exits() if out else points.entries()
    column = np.nonzero((points.out_node if out else points.in_node) >= 0)[1]
    shape, along = points.shape[ways[0]], points.along[ways[0]]
    metres = np.zeros(len(shape))
    on = shape >= 0
    if network.shapes is not None and on.any():
        edge = np.asarray(network.shapes.edge)[shape[on], column[on]]
        ahead = np.where(column[on] == 0, 1.0 - along[on], along[on])
        metres[on] = np.asarray(network.metres, np.float64)[edge] * (ahead if out else 1.0 - ahead)
    return metres


def _entries(network: Network, goals: Access, where: NDArray[np.int64], detour: float) -> Entries:
    place, node, time = goals.entries()
    metres = _parts(network, goals, out=False) + goals.metres[place] * detour
    return Entries(place, where[node], time.astype(np.int64), metres)


def _direct(network: Network, stops: Access, goals: Access, detour: float) -> Direct:
    site, place, time, column = on_one_road(stops, goals)
    metres = (stops.metres[site] + goals.metres[place]) * detour
    if network.shapes is not None and len(site):
        edge = np.asarray(network.shapes.edge)[goals.shape[place], column]
        share = np.abs(goals.along[place] - stops.along[site])
        metres = metres + np.asarray(network.metres, np.float64)[edge] * share
    return Direct(site, place, time, metres)
