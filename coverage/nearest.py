"""The emergency question: which sites help a point first, by which way, and what if a road is closed.

A fresh process must answer in a second, so this module needs numpy and the standard library only (no numba,
no pandas, no scipy): a `frontier.Frontier` from the point against the edges, since help drives from the sites
to the point. The order is that of arrival: readiness + driving. The search goes on until no site can arrive
earlier than the k best so far, so it is exact; it never stops at a border.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.network import NODE_INTERCHANGE, NODE_SEAT, NODE_SETTLEMENT, Network
from .frontier import UNREACHED, Frontier, without
from .snap import ACCESS_DETOUR, ACCESS_KMH, Access, attach, on_one_road
from .ways import Point, Stretch, Way, direct, join, line_of, metres_of, roads_of

READINESS_MIN = 60.0
"""Minutes to get ready of a site that states none (an assumption, 假设)."""

OFF_ROAD_M = 3000.0
"""Straight metres to the nearest road beyond which a point counts as off the road (an assumption, 假设)."""

_NEVER = np.int64(1 << 60)
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
    off_road_m: float
    """Straight metres from the site to where it meets the network."""
    nodes: tuple[int, ...]
    """Nodes that the way passes, from the site to the point."""
    edges: tuple[int, ...]
    """Its edges: those between the nodes, and those that are driven in part at its ends."""
    places: tuple[str, ...]
    """Names of the settlements, seats and interchanges that the way passes, in order, each once."""
    roads: tuple[str, ...]
    """Names of the roads in order, unnamed ones left out, such as G60 沪昆高速."""
    stretches: tuple[Stretch, ...]
    """All roads in order with their metres; what lies between a point and the road is in none of them."""
    line: NDArray[np.float64] = field(compare=False, repr=False)
    """(points, 2) longitude and latitude of the way, from road to road."""


@dataclass(frozen=True)
class Answer:
    """The nearest sites of a point, first arrival first."""

    node: int
    """Node at which the point meets the network; -1 where it meets a road between two nodes, or none."""
    off_road_m: float
    """Straight metres to where it meets the network; inf where it meets no road."""
    off_road: bool
    """True where that is so far that the times are doubtful."""
    arrivals: tuple[Arrival, ...]
    """At most k; fewer where fewer sites can reach the point."""

    @property
    def warning(self) -> str:
        """One sentence in Chinese where the point lies off the road, else empty."""
        if not self.off_road:
            return ""
        if self.off_road_m == inf:
            return "该点附近没有可以通行的道路"
        met = "道路节点" if self.node >= 0 else "道路"
        return f"该点距最近的{met}约{self.off_road_m / 1000:.1f}公里 (直线), 行车时间仅供参考"


@dataclass(frozen=True)
class _Help:
    """What the search finds out about s sites; times in centiseconds, ``_NEVER`` where there is none."""

    site: NDArray[np.int64]
    """(w,) site of each way out of one, ascending."""
    node: NDArray[np.int32]
    """(w,) node at which the way begins."""
    out: NDArray[np.int64]
    """(w,) time to that node."""
    ready: NDArray[np.int64]
    """(s,) readiness."""
    straight: NDArray[np.int64]
    """(s,) time of the direct way along one road."""

    def drive(self, time: NDArray[np.int32]) -> NDArray[np.int64]:
        """(s,) least time of driving by the times of the nodes."""
        ways = np.where(time[self.node] < UNREACHED, time[self.node] + self.out, _NEVER)
        best = self.straight.copy()
        np.minimum.at(best, self.site, ways)
        return best

    def least(self) -> NDArray[np.int64]:
        """(s,) time to the nearest node plus readiness: what no way over nodes can undercut."""
        best = np.full(len(self.ready), _NEVER)
        np.minimum.at(best, self.site, self.out)
        return np.asarray(np.minimum(best + self.ready, _NEVER))


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
    readiness = [_readiness_min(row, site, default_readiness_min) for row, site in enumerate(sites)]
    network = without(network, closed)
    points = [lon, *(site["lon"] for site in sites)], [lat, *(site["lat"] for site in sites)]
    access = attach(network, *points, detour=detour, speed_kmh=access_kmh, cold=True)
    target, stops = access.take(slice(1)), access.take(slice(1, None))
    ready = np.array([round(minutes * 6000) for minutes, _ in readiness], np.int64)
    helping, column = _prepare(stops, target, ready)
    front = _search(network, target, helping, k)
    drive = helping.drive(front.time)
    arrivals = []
    for row in np.lexsort((drive, drive + ready))[:k].tolist():
        if drive[row] >= _NEVER:
            break
        way = _way(network, front, Point(stops, row, int(column[row])), target, helping)
        site_m = float(stops.metres[row])
        ends_m = (float(target.metres[0]) + site_m) * detour, site_m
        times = (int(ready[row]), readiness[row][1], int(drive[row]))
        arrivals.append(_arrival(network, (row, sites[row]), times, way, ends_m))
    gap_m = float(target.metres[0]) if target.met[0] else inf
    node = int(target.in_node[0, 0]) if target.shape[0] < 0 else -1
    return Answer(node, gap_m, gap_m > off_road_m, tuple(arrivals))


def _prepare(stops: Access, target: Access, ready: NDArray[np.int64]) -> tuple[_Help, NDArray[np.int64]]:
    """List the ways out of the sites, and the column of the direct way of each site that has one."""
    site, node, out = stops.exits()
    straight, column = np.full(len(ready), _NEVER), np.full(len(ready), -1, np.int64)
    own, _, time, along = on_one_road(stops, target)
    straight[own], column[own] = time, along
    return _Help(site, node, out.astype(np.int64), ready, straight), column


def _search(network: Network, target: Access, helping: _Help, k: int) -> Frontier:
    """Search from the point against the edges until the k first arrivals are certain.

    A site's arrival can still improve to ``reached`` plus its least at best; that concerns nobody where it
    has arrived by then, or where k others have.
    """
    _, nodes, times = target.entries()
    front, least = Frontier(network, nodes, times, backward=True), helping.least()
    while front.size:
        front.advance()
        eta = helping.drive(front.time) + helping.ready
        kth = np.partition(eta, k - 1)[k - 1] if k <= len(eta) else _NEVER
        best = front.reached + least
        if not ((best < eta) & (best <= kth)).any():
            break
    return front


def _way(network: Network, front: Frontier, start: Point, target: Access, helping: _Help) -> Way:
    """Make the way of a site: along one road where that is as quick, else by the nodes."""
    ways = np.flatnonzero(helping.site == start.row)
    total = front.time[helping.node[ways]] + helping.out[ways]
    if start.column >= 0 and not (len(ways) and total.min() < helping.straight[start.row]):
        return direct(network, start, Point(target, 0, start.column))
    node = int(helping.node[ways[total.argmin()]])
    nodes, edges = front.trace(node)
    begin = (start.access.out_node[start.row] == node) & (
        start.access.out_cs[start.row] == helping.out[ways[total.argmin()]]
    )
    end = (target.in_node[0] == nodes[-1]) & (target.in_cs[0] == front.time[nodes[-1]])
    return join(
        network,
        start._replace(column=int(begin.argmax())),
        nodes,
        edges,
        Point(target, 0, int(end.argmax())),
    )


def _arrival(
    network: Network,
    site: tuple[int, Mapping[str, Any]],
    times: tuple[int, bool, int],
    way: Way,
    ends_m: tuple[float, float],
) -> Arrival:
    kinds, (ready, assumed, drive) = np.asarray(network.kind)[way.node], times
    stretches = roads_of(network, way)
    passed = (str(network.name[node]) for node in way.node[np.isin(kinds, _PLACES)])
    return Arrival(
        site=site[1],
        row=site[0],
        eta_s=(ready + drive) / 100,
        readiness_s=ready / 100,
        readiness_assumed=assumed,
        drive_s=drive / 100,
        metres=float(metres_of(network, way).sum()) + ends_m[0],
        off_road_m=ends_m[1],
        nodes=tuple(way.node.tolist()),
        edges=tuple(way.edge.tolist()),
        places=tuple(dict.fromkeys(name for name in passed if name)),
        roads=_in_turn(stretch.name for stretch in stretches),
        stretches=stretches,
        line=line_of(network, way),
    )


def _in_turn(names: Iterable[str]) -> tuple[str, ...]:
    """Keep a name where it differs from the named one before it."""
    turns: list[str] = []
    for name in names:
        if name and turns[-1:] != [name]:
            turns.append(name)
    return tuple(turns)


def _readiness_min(row: int, site: Mapping[str, Any], default_min: float) -> tuple[float, bool]:
    """Give the minutes that a site needs to get ready, and whether they are the default."""
    stated = site.get("readiness_min")
    if stated is None or stated == "" or isnan(float(stated)):
        return default_min, True
    minutes = float(stated)
    if not 0 <= minutes < inf:
        raise ValueError(f"site {row} has a readiness of {minutes} min")
    return minutes, False
