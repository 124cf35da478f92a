"""Route: the shortest way from one point to another over the network; numpy alone, for a quick start.

Two searches grow towards each other, from the start along the edges and from the end against them, the
smaller one first; once the sum of what both have finished reaches the best meeting, that is the shortest way
(Pohl 1971, *Machine Intelligence* 6:127). Exact, in whole centiseconds, and always the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.errors import InputError, Problem
from ..geodata.network import Network
from .frontier import UNREACHED, Frontier, without
from .snap import ACCESS_DETOUR, ACCESS_KMH, FARTHEST_M, Access, attach, on_one_road
from .ways import Point, Stretch, Way, direct, join, line_of, metres_of, roads_of

WALK_KMH = 5.0
"""Speed off the road on foot (an assumption, 假设)."""

_NEVER = 1 << 60
_DIGITS = 7

LonLat = tuple[float, float]


class RouteError(InputError):
    """A point meets no road, or no way leads from one to the other."""


@dataclass(frozen=True)
class Route:
    """The quickest way from a start to an end."""

    centiseconds: int
    """Time from point to point, the ways to and from the road included."""
    metres: float
    """Length from point to point, those included."""
    start_m: float
    """Straight metres from the start to the road."""
    end_m: float
    """Straight metres from the road to the end."""
    edges: tuple[int, ...]
    """Edges in order; the first and the last may be driven in part."""
    nodes: tuple[int, ...]
    """Nodes in order."""
    roads: tuple[Stretch, ...]
    """Roads in order: name (may be empty), metres, class."""
    line: NDArray[np.float64] = field(compare=False, repr=False)
    """(points, 2) longitude and latitude from where the way meets the road to where it leaves it."""

    @property
    def seconds(self) -> float:
        """Time from point to point."""
        return self.centiseconds / 100

    @property
    def lon(self) -> NDArray[np.float64]:
        """(points,) longitudes of the line."""
        return self.line[:, 0]

    @property
    def lat(self) -> NDArray[np.float64]:
        """(points,) latitudes of the line."""
        return self.line[:, 1]


def route(
    network: Network,
    start: LonLat,
    end: LonLat,
    *,
    closed: Iterable[int] = (),
    detour: float = ACCESS_DETOUR,
    access_kmh: float | None = None,
    limit_m: float | None = FARTHEST_M,
) -> Route:
    """Find the quickest way between two points.

    Parameters
    ----------
    start, end
        (longitude, latitude), WGS84 degrees.
    closed
        Edges that nobody may drive, beside those that are closed already.
    detour, access_kmh
        Of the way between a point and the road: straight distance x detour at that speed; by default
        ``ACCESS_KMH``, on a network for walking ``WALK_KMH``.
    limit_m
        Straight metres beyond which a point meets no road; None: any distance.

    Raises
    ------
    RouteError
        A point meets no road, or there is no way; says which, in Chinese.
    ValueError
        A coordinate is no finite number, or a closed edge does not exist.
    """
    network = without(network, closed)
    access_kmh = access_kmh or (WALK_KMH if network.mode == "walk" else ACCESS_KMH)
    access = attach(
        network,
        *zip(start, end, strict=True),
        detour=detour,
        speed_kmh=access_kmh,
        limit_m=limit_m,
        cold=True,
    )
    _need_roads(access, (start, end), limit_m)
    first, last = access.take(slice(1)), access.take(slice(1, 2))
    time, way = _direct(network, first, last)
    over_nodes = _meet(network, first, last, time)
    if over_nodes is not None:
        time, way = over_nodes
    if way is None:
        got = f"{_shown(start)} → {_shown(end)}"
        raise RouteError(
            Problem("路线", "起点与终点之间没有可以通行的道路", got, "请检查封闭的道路, 或换一处")
        )
    return _route(network, access, time, way, detour)


def _need_roads(access: Access, points: tuple[LonLat, LonLat], limit_m: float | None) -> None:
    beyond = "没有可以通行的道路" if limit_m is None else f"{limit_m / 1000:g}公里以内没有可以通行的道路"
    problems = [
        Problem(name, f"附近{beyond}", _shown(point), "请检查坐标, 经度在前, 纬度在后 (WGS84)")
        for name, point, met in zip(("起点", "终点"), points, access.met.tolist(), strict=True)
        if not met
    ]
    if problems:
        raise RouteError(problems)


def _shown(point: LonLat) -> str:
    return f"{point[0]:g},{point[1]:g}"


def _direct(network: Network, start: Access, end: Access) -> tuple[int, Way | None]:
    """Find the way along one road: (centiseconds, way), None where both points are not on one."""
    _, _, time, column = on_one_road(start, end)
    if not len(time):
        return _NEVER, None
    along = int(column[0])
    return int(time[0]), direct(network, Point(start, 0, along), Point(end, 0, along))


def _meet(network: Network, start: Access, end: Access, known: int) -> tuple[int, Way] | None:
    """Find the way over nodes where one is quicker than what is known: (centiseconds, way)."""
    (_, out, out_cs), (_, into, into_cs) = start.exits(), end.entries()
    ahead = Frontier(network, out, out_cs, backward=False)
    behind = Frontier(network, into, into_cs, backward=True)
    best, meeting = known, -1
    while ahead.size and behind.size and ahead.reached + behind.reached < best:
        one, other = (ahead, behind) if ahead.size <= behind.size else (behind, ahead)
        nodes = one.advance()
        nodes = np.unique(nodes[other.time[nodes] < UNREACHED])
        total = one.time[nodes].astype(np.int64) + other.time[nodes]
        if total.min(initial=_NEVER) < best:
            best, meeting = int(total.min()), int(nodes[total.argmin()])
    return None if meeting < 0 else (best, _joined(network, (start, end), (ahead, behind), meeting))


def _joined(
    network: Network, points: tuple[Access, Access], searches: tuple[Frontier, Frontier], meeting: int
) -> Way:
    """Follow both searches back from the node at which they meet."""
    (start, end), (ahead, behind) = points, searches
    nodes, edges = ahead.trace(meeting)
    on_nodes, on_edges = behind.trace(meeting)
    nodes, edges = [*nodes[::-1], *on_nodes[1:]], [*edges[::-1], *on_edges]
    begin = (start.out_node[0] == nodes[0]) & (start.out_cs[0] == ahead.time[nodes[0]])
    stop = (end.in_node[0] == nodes[-1]) & (end.in_cs[0] == behind.time[nodes[-1]])
    return join(
        network, Point(start, 0, int(begin.argmax())), nodes, edges, Point(end, 0, int(stop.argmax()))
    )


def _route(network: Network, access: Access, time: int, way: Way, detour: float) -> Route:
    start_m, end_m = access.metres.tolist()
    return Route(
        centiseconds=time,
        metres=float(metres_of(network, way).sum()) + (start_m + end_m) * detour,
        start_m=start_m,
        end_m=end_m,
        edges=tuple(way.edge.tolist()),
        nodes=tuple(way.node.tolist()),
        roads=roads_of(network, way),
        line=line_of(network, way),
    )


def as_feature(found: Route) -> dict[str, Any]:
    """Write a route as a GeoJSON feature: a line with time, length and roads (RFC 7946: WGS84 degrees)."""
    coordinates = [[round(x, _DIGITS), round(y, _DIGITS)] for x, y in found.line.tolist()]
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": coordinates},
        "properties": {
            "seconds": found.seconds,
            "metres": round(found.metres, 1),
            "start_m": round(found.start_m, 1),
            "end_m": round(found.end_m, 1),
            "roads": [
                {"name": part.name, "metres": round(part.metres, 1), "class": part.road_class}
                for part in found.roads
            ],
        },
    }
