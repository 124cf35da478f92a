"""The emergency question: which sites help a point first, by which way, and what if a road is closed.

A fresh process must answer in a second, so this module needs numpy and the standard library only (no numba,
no pandas, no scipy), and searches in plain Python: Dijkstra from the point on the reversed graph, since help
drives from the sites to the point. The order is that of arrival: readiness + driving. The search goes on
until no site that is still out there can arrive earlier, so it is exact; it never stops at a border.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf, isnan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geodata.network import NODE_INTERCHANGE, NODE_SEAT, NODE_SETTLEMENT, Network
from .snap import ACCESS_DETOUR, ACCESS_KMH, access_cs, nearest_nodes_by_box

READINESS_MIN = 60.0
"""Minutes to get ready of a site that states none (an assumption, 假设)."""

OFF_ROAD_M = 3000.0
"""Straight metres to the nearest node beyond which a point counts as off the road (an assumption, 假设)."""

_PLACES = (NODE_SETTLEMENT, NODE_SEAT, NODE_INTERCHANGE)


@dataclass(frozen=True)
class Arrival:
    """One site's help: when it arrives and which way it drives."""

    site: Mapping[str, Any]
    """The site as it was given."""
    row: int
    """Its position among the given sites."""
    eta_s: float
    """Seconds from the alarm to the arrival: readiness + driving."""
    readiness_s: float
    readiness_assumed: bool
    """True where the site states no readiness and the default stands in."""
    drive_s: float
    """Seconds of driving, both ends' way to the road included."""
    metres: float
    """Length of that way."""
    nodes: tuple[int, ...]
    """Nodes from the site to the point."""
    edges: tuple[int, ...]
    """Edges between them."""
    places: tuple[str, ...]
    """Names of the settlements, seats and interchanges that the way passes, in order, each once."""
    roads: tuple[str, ...]
    """Names of the roads in order, unnamed ones left out, such as G60 沪昆高速."""


@dataclass(frozen=True)
class Answer:
    """The nearest sites of a point, first arrival first."""

    node: int
    """Node at which the point meets the network."""
    off_road_m: float
    """Straight metres between the two."""
    off_road: bool
    """True where that is so far that the times are doubtful."""
    arrivals: tuple[Arrival, ...]
    """At most k; fewer where fewer sites can reach the point."""

    @property
    def warning(self) -> str:
        """One sentence in Chinese where the point lies off the road, else empty."""
        if not self.off_road:
            return ""
        return f"该点距最近的道路节点约{self.off_road_m / 1000:.1f}公里 (直线), 行车时间仅供参考"


@dataclass(frozen=True)
class _Reversed:
    """The edges that end at node v: ``start[v]:start[v + 1]``; lists, which Python reads faster."""

    start: list[int]
    tail: list[int]
    time: list[int]
    edge: list[int]


class _Stop(NamedTuple):
    """A site at its node; times in centiseconds."""

    row: int
    access: int
    access_m: float
    readiness: int
    assumed: bool


class _Found(NamedTuple):
    """A site that was reached; sorts by arrival, then driving, then row."""

    eta: int
    drive: int
    row: int
    node: int
    stop: _Stop


def nearest_sites(
    network: Network,
    sites: Sequence[Mapping[str, Any]],
    *,
    lon: float,
    lat: float,
    k: int = 3,
    closed: Iterable[int] = (),
    default_readiness_min: float = READINESS_MIN,
    detour: float = ACCESS_DETOUR,
    access_kmh: float = ACCESS_KMH,
    off_road_m: float = OFF_ROAD_M,
) -> Answer:
    """Find the k sites whose help arrives first at a point.

    Parameters
    ----------
    network
        As loaded; edges point in the direction of driving.
    sites
        One mapping per site with lon, lat (WGS84) and, where it is known, readiness_min (missing, None, empty
        or NaN: the default). Whatever else it holds is handed back. Several may share a node.
    lon, lat
        The point, WGS84 degrees.
    closed
        Positions of edges that nobody may drive; a road closed both ways has two.
    default_readiness_min
        Minutes to get ready of a site that states none.
    detour, access_kmh
        Of the way between a site or the point and its node: straight distance x detour at that speed.
    off_road_m
        Straight metres from which on the point counts as off the road.

    Returns
    -------
    Answer
        Ordered by eta, then driving time, then row.

    Raises
    ------
    ValueError
        k is below 1, a closed edge does not exist, a readiness is negative or no number, a coordinate is no
        finite number, or the network has no nodes.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    nodes, metres = _snapped(
        network, [lon, *(site["lon"] for site in sites)], [lat, *(site["lat"] for site in sites)]
    )
    access = access_cs(metres, detour=detour, speed_kmh=access_kmh).tolist()
    node, gap_m = nodes[0], metres[0]
    stops: dict[int, list[_Stop]] = {}
    for row, site in enumerate(sites):
        minutes, assumed = _readiness_min(row, site, default_readiness_min)
        stop = _Stop(row, access[row + 1], metres[row + 1], round(minutes * 6000), assumed)
        stops.setdefault(nodes[row + 1], []).append(stop)
    best, via = _search(_reversed(network, closed), node, stops, k, access[0])
    ways = [(found, _way(network, via, found.node, node)) for found in best]
    arrivals = (
        _arrival(network, sites[found.row], found, way, (gap_m + found.stop.access_m) * detour)
        for found, way in ways
    )
    return Answer(node, gap_m, gap_m > off_road_m, tuple(arrivals))


def _search(
    edges: _Reversed, source: int, stops: Mapping[int, Sequence[_Stop]], k: int, last: int
) -> tuple[list[_Found], dict[int, int]]:
    """Search from the point: the best k in order, and each node's edge towards the point.

    A site that is met at time t arrives no earlier than t + last + the least readiness of all, so the search
    ends once that exceeds the k-th best arrival.
    """
    start, tail, time, edge, n = edges.start, edges.tail, edges.time, edges.edge, len(edges.start) - 1
    known, settled, via = {source: 0}, set(), dict[int, int]()
    waiting = [stop.readiness for at in stops.values() for stop in at]
    least, left, best = min(waiting, default=0), len(waiting), list[_Found]()
    heap = [source]  # time x n + node: one integer compares faster than a pair
    while heap and left:
        t, v = divmod(heappop(heap), n)
        if v in settled:
            continue
        if len(best) == k and t + last + least > best[-1].eta:
            break
        settled.add(v)
        if v in stops:
            drives = [(t + stop.access + last, stop) for stop in stops[v]]
            met = [_Found(drive + stop.readiness, drive, stop.row, v, stop) for drive, stop in drives]
            best, left = sorted([*best, *met])[:k], left - len(met)
        for i in range(start[v], start[v + 1]):
            u, there = tail[i], t + time[i]
            if there < known.get(u, there + 1):
                known[u], via[u] = there, edge[i]
                heappush(heap, there * n + u)
    return best, via


def _way(network: Network, via: Mapping[int, int], at: int, target: int) -> tuple[list[int], list[int]]:
    """Follow the edges from a site's node to the point's: nodes and edges in the order of driving."""
    nodes, edges = [at], []
    while nodes[-1] != target:
        edges.append(via[nodes[-1]])
        nodes.append(int(network.head[edges[-1]]))
    return nodes, edges


def _arrival(
    network: Network,
    site: Mapping[str, Any],
    found: _Found,
    way: tuple[list[int], list[int]],
    ends_m: float,
) -> Arrival:
    nodes, edges = way
    kinds = np.asarray(network.kind)
    passed = (str(network.name[node]) for node in nodes if kinds[node] in _PLACES)
    driven = (network.roads[int(network.road[edge])] for edge in edges)
    return Arrival(
        site=site,
        row=found.row,
        eta_s=found.eta / 100,
        readiness_s=found.stop.readiness / 100,
        readiness_assumed=found.stop.assumed,
        drive_s=found.drive / 100,
        metres=float(np.asarray(network.metres)[edges].sum(dtype=np.float64)) + ends_m,
        nodes=tuple(nodes),
        edges=tuple(edges),
        places=tuple(dict.fromkeys(name for name in passed if name)),
        roads=_in_turn(driven),
    )


def _in_turn(names: Iterable[str]) -> tuple[str, ...]:
    """Keep a name where it differs from the named one before it."""
    turns: list[str] = []
    for name in names:
        if name and turns[-1:] != [name]:
            turns.append(name)
    return tuple(turns)


def _snapped(network: Network, lon: Sequence[float], lat: Sequence[float]) -> tuple[list[int], list[float]]:
    """Snap points: (nodes, straight metres)."""
    x, y = np.array(lon, float), np.array(lat, float)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a coordinate is no finite number")
    nodes, metres = nearest_nodes_by_box(network, x, y)
    return nodes.tolist(), metres.tolist()


def _readiness_min(row: int, site: Mapping[str, Any], default_min: float) -> tuple[float, bool]:
    """Give the minutes that a site needs to get ready, and whether they are the default."""
    stated = site.get("readiness_min")
    if stated is None or stated == "" or isnan(float(stated)):
        return default_min, True
    minutes = float(stated)
    if not 0 <= minutes < inf:
        raise ValueError(f"site {row} has a readiness of {minutes} min")
    return minutes, False


def _reversed(network: Network, closed: Iterable[int]) -> _Reversed:
    """Turn the rows round, closed edges left out: the edges that end at each node, in ascending order."""
    n, m = network.n_nodes, network.n_edges
    open_edge: NDArray[np.bool_] = np.ones(m, bool)
    shut = np.fromiter(closed, np.int64)
    if len(shut) and not (shut.min() >= 0 and shut.max() < m):
        raise ValueError(f"a closed edge is not among the {m} edges of the network")
    open_edge[shut] = False
    order = np.argsort(network.head, kind="stable")
    order = order[open_edge[order]]
    start = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(np.asarray(network.head)[order], minlength=n), out=start[1:])
    tail = np.repeat(np.arange(n), np.diff(network.start))
    time = np.asarray(network.centiseconds)[order]
    return _Reversed(start.tolist(), tail[order].tolist(), time.tolist(), order.tolist())
