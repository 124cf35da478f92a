"""The emergency question: which sites help a point first, by which way, and what if a road is closed.

A fresh process must answer in a second, so this module needs numpy and the standard library only (no numba,
no pandas, no scipy): a `frontier.Frontier` from the point against the edges, since help drives from the sites
to the point. The order is that of arrival: readiness + driving. The search goes on until no site can arrive
earlier than the k best so far, so it is exact; it never stops at a border.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from typing import Any, NamedTuple

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

NEVER = np.int64(1 << 60)
"""Centiseconds of a drive that does not exist."""

_IS_PLACE = np.isin(np.arange(256), (NODE_SETTLEMENT, NODE_SEAT, NODE_INTERCHANGE))
"""Whether a kind of node has a name that a way passes."""


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
class Help:
    """The ways out of s sites, ascending by site; times in centiseconds."""

    site: NDArray[np.int64]
    """(w,) site of each way."""
    node: NDArray[np.int32]
    """(w,) node at which it begins."""
    out: NDArray[np.int64]
    """(w,) time to that node."""
    ready: NDArray[np.int64]
    """(s,) readiness."""

    def drive(self, time: NDArray[np.int32]) -> NDArray[np.int64]:
        """(s,) least time of driving by the (n,) times of the nodes, ``NEVER`` where there is no way."""
        return self.least_of(np.where(time[self.node] < UNREACHED, time[self.node] + self.out, NEVER))

    def least_of(self, ways: NDArray[np.int64]) -> NDArray[np.int64]:
        """(s,) least of (w,) times of the ways of each site."""
        best = np.full(len(self.ready), NEVER)
        np.minimum.at(best, self.site, ways)
        return best

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Give the four lists."""
        return self.site, self.node, self.out, self.ready

    def ways_of(self, row: int) -> slice:
        """Give the ways out of one site."""
        return slice(*np.searchsorted(self.site, [row, row + 1]).tolist())


@dataclass(frozen=True)
class Sites:
    """Sites that may be asked for help, and how they meet the network."""

    site: Sequence[Mapping[str, Any]]
    assumed: Sequence[bool]
    """Whether a site states no readiness."""
    access: Access
    help: Help


@dataclass(frozen=True)
class Asked:
    """One question: sites, and a point that asks for help."""

    network: Network
    sites: Sites
    target: Access
    """How the point meets the network."""
    straight: NDArray[np.int64]
    """(s,) time of the direct way of each site along one road, ``NEVER`` where there is none."""
    column: NDArray[np.int64]
    """(s,) column of that way, as in `Access`; -1 where there is none."""
    detour: float
    off_road_m: float


class Course(NamedTuple):
    """How the way of a site goes over nodes."""

    way: int
    """Which of all ways out of sites it takes."""
    nodes: Sequence[int]
    edges: Sequence[int]
    last_cs: int
    """Time from the last of the nodes to the point."""


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
    ready, assumed = readiness_of(sites, default_readiness_min)
    network = without(network, closed)
    points = [lon, *(site["lon"] for site in sites)], [lat, *(site["lat"] for site in sites)]
    access = attach(network, *points, detour=detour, speed_kmh=access_kmh, cold=True)
    target, stops = access.take(slice(1)), access.take(slice(1, None))
    found = Sites(sites, assumed, stops, help_of(stops, ready))
    asked = ask(network, found, target, detour=detour, off_road_m=off_road_m)
    front = search(asked, k)
    drive = np.minimum(found.help.drive(front.time), asked.straight)
    return answer_of(asked, drive, k, lambda row: course_of(asked, front, row))


def readiness_of(
    sites: Sequence[Mapping[str, Any]], default_min: float
) -> tuple[NDArray[np.int64], list[bool]]:
    """Give the centiseconds that sites need to get ready, and whether they are assumed.

    Raises
    ------
    ValueError
        A readiness is negative or no number.
    """
    stated = [_readiness_min(row, site, default_min) for row, site in enumerate(sites)]
    return np.array([round(minutes * 6000) for minutes, _ in stated], np.int64), [each for _, each in stated]


def help_of(stops: Access, ready: NDArray[np.int64]) -> Help:
    """List the ways out of sites."""
    site, node, out = stops.exits()
    return Help(site, node, out.astype(np.int64), ready)


def help_without(helping: Help, rows: Collection[int]) -> Help:
    """Leave out the ways of some sites."""
    if not rows:
        return helping
    kept = ~np.isin(helping.site, list(rows))
    return Help(helping.site[kept], helping.node[kept], helping.out[kept], helping.ready)


def ask(
    network: Network,
    sites: Sites,
    target: Access,
    *,
    detour: float = ACCESS_DETOUR,
    off_road_m: float = OFF_ROAD_M,
    without: Collection[int] = (),
) -> Asked:
    """Put a question: look for the sites that have a direct way to the point, but those ``without``."""
    straight, column = np.full(len(sites.site), NEVER), np.full(len(sites.site), -1, np.int64)
    if target.shape[0] >= 0:  # at a node no direct way ends
        own, _, time, along = on_one_road(sites.access, target)
        straight[own], column[own] = time, along
        straight[list(without)], column[list(without)] = NEVER, -1
    return Asked(network, sites, target, straight, column, detour, off_road_m)


def search(asked: Asked, k: int) -> Frontier:
    """Search from the point against the edges until the k first arrivals are certain.

    A site's arrival can still improve to ``reached`` plus its least at best; that concerns nobody where it
    has arrived by then, or where k others have.
    """
    helping = asked.sites.help
    _, nodes, times = asked.target.entries()
    front = Frontier(asked.network, nodes, times, backward=True)
    least = np.minimum(helping.least_of(helping.out) + helping.ready, NEVER)
    while front.size:
        front.advance()
        eta = np.minimum(helping.drive(front.time), asked.straight) + helping.ready
        kth = np.partition(eta, k - 1)[k - 1] if k <= len(eta) else NEVER
        best = front.reached + least
        if not ((best < eta) & (best <= kth)).any():
            break
    return front


def course_of(asked: Asked, front: Frontier, row: int) -> Course:
    """Trace the way of a site; of equally quick ways out the first."""
    helping = asked.sites.help
    ways = helping.ways_of(row)
    total = front.time[helping.node[ways]] + helping.out[ways]
    way = ways.start + int(total.argmin())
    nodes, edges = front.trace(int(helping.node[way]))
    return Course(way, nodes, edges, int(front.time[nodes[-1]]))


def ways_of(
    asked: Asked, drive: NDArray[np.int64], k: int, course: Callable[[int], Course]
) -> dict[int, Way]:
    """Put the ways of the k first arrivals in order, by arrival, then driving time, then row.

    Parameters
    ----------
    drive
        (s,) driving times, ``NEVER`` where a site sends nothing; those of the first k must be certain.
    course
        Gives the way of a row over nodes; asked where that is quicker than the direct way.
    """
    first = np.lexsort((drive, drive + asked.sites.help.ready))[:k]
    rows = first[drive[first] < NEVER].tolist()
    return {row: _way(asked, row, course(row) if drive[row] < asked.straight[row] else None) for row in rows}


def answer_of(asked: Asked, drive: NDArray[np.int64], k: int, course: Callable[[int], Course]) -> Answer:
    """Describe the k first arrivals, as `ways_of`."""
    ways = ways_of(asked, drive, k, course)
    arrivals = [_arrival(asked, row, int(drive[row]), way) for row, way in ways.items()]
    target = asked.target
    gap_m = float(target.metres[0]) if target.met[0] else inf
    node = int(target.in_node[0, 0]) if target.shape[0] < 0 else -1
    return Answer(node, gap_m, gap_m > asked.off_road_m, tuple(arrivals))


def _way(asked: Asked, row: int, course: Course | None) -> Way:
    """Make the way of a site: over nodes by its course, else along the one road."""
    stops, target = asked.sites.access, asked.target
    if course is None:
        column = int(asked.column[row])
        return direct(asked.network, Point(stops, row, column), Point(target, 0, column))
    helping = asked.sites.help
    node, out = helping.node[course.way], helping.out[course.way]
    begin = (stops.out_node[row] == node) & (stops.out_cs[row] == out)
    end = (target.in_node[0] == course.nodes[-1]) & (target.in_cs[0] == course.last_cs)
    return join(
        asked.network,
        Point(stops, row, int(begin.argmax())),
        course.nodes,
        course.edges,
        Point(target, 0, int(end.argmax())),
    )


def _arrival(asked: Asked, row: int, drive: int, way: Way) -> Arrival:
    network, sites = asked.network, asked.sites
    ready, site_m = int(sites.help.ready[row]), float(sites.access.metres[row])
    kinds = np.asarray(network.kind)[way.node]
    stretches = roads_of(network, way)
    passed = (str(network.name[node]) for node in way.node[_IS_PLACE[kinds]])
    ends_m = (float(asked.target.metres[0]) + site_m) * asked.detour
    return Arrival(
        site=sites.site[row],
        row=row,
        eta_s=(ready + drive) / 100,
        readiness_s=ready / 100,
        readiness_assumed=sites.assumed[row],
        drive_s=drive / 100,
        metres=float(metres_of(network, way).sum()) + ends_m,
        off_road_m=site_m,
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
