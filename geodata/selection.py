"""Choose edges of a network: by number, by the way's id in the source, by a click, by place and area."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .crs import EARTH_RADIUS_M
from .errors import InputError, Problem
from .network import CLASSES, Network, edge_tails
from .road_lines import lines_of
from .shapes import STEPS
from .store import read_bounded

Edges = NDArray[np.int64]
_Lines = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]

_MOST_BYTES = 1 << 25
_MOST_POINTS = 1_000_000
_DEGREE_M = float(np.radians(1) * EARTH_RADIUS_M)


def by_number(network: Network, numbers: Sequence[int], *, both: bool = True, where: str = "路段") -> Edges:
    """Check numbers of edges; with ``both`` the other direction of each road comes with it.

    Raises
    ------
    InputError
        With every number that the network does not have.
    """
    last = network.n_edges - 1
    problems = [
        Problem(where, f"路段编号应在 0 到 {last} 之间", str(number))
        for number in numbers
        if not 0 <= number <= last
    ]
    if problems:
        raise InputError(problems)
    edges = np.unique(np.array(numbers, np.int64))
    return np.union1d(edges, opposite(network, edges)) if both else edges


def opposite(network: Network, edges: Edges) -> Edges:
    """Find the edges that lead back over the same roads: the same shape, or the same two ends."""
    if network.shapes is not None:
        pair = np.asarray(network.shapes.edge)[np.asarray(network.shapes.of)[edges] >> 1]
        return np.setdiff1d(pair[pair >= 0], edges).astype(np.int64)
    tail, head = edge_tails(network).astype(np.int64), np.asarray(network.head, np.int64)
    key, back = tail * network.n_nodes + head, head[edges] * network.n_nodes + tail[edges]
    return np.setdiff1d(np.flatnonzero(np.isin(key, back)), edges)


def by_way(network: Network, ways: Sequence[int], *, where: str = "道路编号(way)") -> Edges:
    """Find the edges that are made of ways of the source, such as OpenStreetMap's; both directions.

    Raises
    ------
    InputError
        The network does not know its ways, or with every id that it does not have.
    """
    shapes = network.shapes
    if shapes is None:
        raise InputError(Problem(where, "这个路网没有来源编号", network.label, "请用道路名称或位置指定"))
    ids = np.asarray(shapes.way)
    problems = [
        Problem(where, "路网里没有这条 way", str(way), "请核对 OpenStreetMap 的 way 编号")
        for way in ways
        if not (-(2**62) < way < 2**62 and (ids == way).any())
    ]
    if problems:
        raise InputError(problems)
    count = np.diff(np.asarray(shapes.way_start)).astype(np.int64)
    shape = np.repeat(np.arange(len(count)), count)[np.isin(ids, np.array(ways, np.int64))]
    return _edges_of(network, np.unique(shape))


def near(network: Network, lon: float, lat: float, *, within_m: float, where: str = "位置") -> Edges:
    """Find the edges that pass within a distance of a point (inclusive); both directions.

    Distances are plane, with the scale of the point's latitude: for some kilometres.

    Raises
    ------
    InputError
        No road is so near; the message says how far the nearest one is.
    """
    first, x, y = _lines(network)
    if not len(x):
        raise InputError(Problem(where, "路网里没有道路", f"{lon:g},{lat:g}"))
    east = (x - lon) * _DEGREE_M * np.cos(np.radians(lat))
    north = (y - lat) * _DEGREE_M
    metres = _from_origin(east[:-1], north[:-1], np.diff(east), np.diff(north))
    metres[first[1:-1] - 1] = np.inf  # from the last point of a line to the first of the next
    hit = np.flatnonzero(metres <= within_m)
    if not len(hit):
        got = f"{lon:g},{lat:g} 周围 {within_m:g} 米"
        fix = f"最近的道路在 {np.min(metres):.0f} 米外, 请加大 --within 或检查经纬度"
        raise InputError(Problem(where, "附近没有道路", got, fix))
    return _edges_of(network, np.unique(np.searchsorted(first, hit, side="right") - 1))


CLICK_M = 200.0
"""Straight metres from a click within which a road is meant (an assumption, 假设)."""


@dataclass(frozen=True)
class Clicked:
    """The road under a click."""

    edges: Edges
    """Its edges, those of both directions."""
    name: str
    """Empty where it has none."""
    road_class: str
    """A value of OpenStreetMap's ``highway``; empty where it is not known."""
    metres: float
    """Straight metres from the click to the road."""
    lon: float
    """Longitude of the point of the road that is nearest to the click; WGS84 degrees."""
    lat: float
    line: list[list[float]]
    """The road's line: longitude and latitude of each point, as GeoJSON has them."""


def clicked(
    network: Network, lon: float, lat: float, *, within_m: float = CLICK_M, where: str = "位置"
) -> Clicked:
    """Find the road nearest to a click, closed ones included; the lowest of equally near ones.

    Raises
    ------
    InputError
        No road is so near.
    """
    found = _pieces_near(network, lon, lat, within_m)
    if not len(found.line):
        got = f"{lon:g},{lat:g} 周围 {within_m:g} 米"
        raise InputError(Problem(where, "附近没有道路", got, "请放大地图, 点在道路上"))
    best = int(np.lexsort((found.line, found.metres))[0])
    edges = _edges_of(network, found.line[best : best + 1])
    classes = network.road_class
    return Clicked(
        edges=edges,
        name=network.roads[int(network.road[edges[0]])],
        road_class="" if classes is None else CLASSES[int(classes[edges[0]])],
        metres=float(found.metres[best]),
        lon=float(found.lon[best]),
        lat=float(found.lat[best]),
        line=lines_of(network, edges)[0][0],
    )


def same_road(network: Network, road: Clicked, *, within_m: float) -> Edges:
    """Find the edges of the road of a click within a distance of it: all of its name, both directions.

    A road without a name is that of the click alone.
    """
    if not road.name:
        return road.edges
    lines = np.unique(_pieces_near(network, road.lon, road.lat, within_m).line)
    edges = _edges_of(network, lines)
    numbers, position = np.unique(np.asarray(network.road)[edges], return_inverse=True)
    named = np.array([network.roads[number] == road.name for number in numbers.tolist()], bool)
    return np.union1d(edges[named[position]], road.edges) if len(edges) else road.edges


class _Pieces(NamedTuple):
    """Straight pieces of road near a point."""

    line: NDArray[np.int64]
    """Line of `_edges_of` that each is part of."""
    metres: NDArray[np.float64]
    lon: NDArray[np.float64]
    """Where each is nearest to the point."""
    lat: NDArray[np.float64]


def _pieces_near(network: Network, lon: float, lat: float, within_m: float) -> _Pieces:
    """Find the pieces of all roads within a distance of a point, on the plane as in `near`."""
    scale = np.array([_DEGREE_M * np.cos(np.radians(lat)), _DEGREE_M])
    half = within_m / np.maximum(scale, 1e-9)
    x, y, unit = _coordinates(network)
    centre, reach = (lon * unit, lat * unit), half * unit
    if network.shapes is None:
        tail, head = edge_tails(network), np.asarray(network.head)
        line = _in_box((x[tail], y[tail]), (x[head], y[head]), centre, reach)
        a, b = tail[line].astype(np.int64), head[line].astype(np.int64)
    else:
        a = _in_box((x[:-1], y[:-1]), (x[1:], y[1:]), centre, reach)
        start = np.asarray(network.shapes.start)
        line = np.searchsorted(start, a, side="right") - 1
        own = a + 1 < start[line + 1]  # not from the last point of a line to the first of the next
        line, a, b = line[own], a[own], a[own] + 1
    axes = (x, lon, scale[0]), (y, lat, scale[1])
    ends = [(axis[at] / unit - origin) * step for at in (a, b) for axis, origin, step in axes]
    dx, dy = ends[2] - ends[0], ends[3] - ends[1]
    square = dx * dx + dy * dy
    share = np.clip(-(ends[0] * dx + ends[1] * dy) / np.where(square > 0, square, 1.0), 0.0, 1.0)
    east, north = ends[0] + share * dx, ends[1] + share * dy
    metres = np.hypot(east, north)
    hit = metres <= within_m
    return _Pieces(
        line[hit].astype(np.int64), metres[hit], lon + east[hit] / scale[0], lat + north[hit] / scale[1]
    )


def _coordinates(network: Network) -> tuple[NDArray[Any], NDArray[Any], float]:
    """Give the points of roads: (x, y, units in a degree)."""
    if network.shapes is None:
        return np.asarray(network.lon), np.asarray(network.lat), 1.0
    return np.asarray(network.shapes.x), np.asarray(network.shapes.y), float(STEPS)


def _in_box(
    first: tuple[Any, Any], last: tuple[Any, Any], at: tuple[float, float], half: NDArray[np.float64]
) -> NDArray[np.int64]:
    """List the pieces whose bounding boxes meet a box around a point."""
    meets = np.ones(len(first[0]), bool)
    for a, b, centre, reach in zip(first, last, at, half.tolist(), strict=True):
        low, high = centre - reach, centre + reach
        meets &= ((a <= high) | (b <= high)) & ((a >= low) | (b >= low))
    return np.flatnonzero(meets)


def _from_origin(
    x: NDArray[np.float64], y: NDArray[np.float64], dx: NDArray[np.float64], dy: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Measure from the origin to the pieces from (x, y) to (x + dx, y + dy)."""
    square = dx * dx + dy * dy
    share = np.clip(-(x * dx + y * dy) / np.where(square > 0, square, 1.0), 0.0, 1.0)
    return np.asarray(np.hypot(x + share * dx, y + share * dy))


def inside(network: Network, area: Any, *, where: str = "范围") -> Edges:
    """Find the edges that touch an area (polygons in WGS84 degrees); both directions.

    Raises
    ------
    InputError
        No road touches it.
    """
    import shapely  # noqa: PLC0415 (slow to import; the desk does not need it)

    first, x, y = _lines(network)
    west, south, east, north = area.bounds
    low, bottom = (np.minimum.reduceat(axis, first[:-1]) if len(axis) else axis for axis in (x, y))
    high, top = (np.maximum.reduceat(axis, first[:-1]) if len(axis) else axis for axis in (x, y))
    meets = np.flatnonzero((low <= east) & (high >= west) & (bottom <= north) & (top >= south))
    length = first[meets + 1] - first[meets]
    begin = np.cumsum(length) - length
    points = np.repeat(first[meets] - begin, length) + np.arange(length.sum())
    lines = shapely.linestrings(
        np.column_stack((x[points], y[points])), indices=np.repeat(np.arange(len(meets)), length)
    )
    shapely.prepare(area)
    hit = meets[shapely.intersects(area, lines)] if len(meets) else meets
    if not len(hit):
        fix = "请检查多边形的坐标 (WGS84, 经度在前) 和位置"
        raise InputError(Problem(where, "范围内没有道路", f"{west:g},{south:g} 至 {east:g},{north:g}", fix))
    return _edges_of(network, hit)


def read_area(path: Path) -> Any:
    """Read the polygons of a GeoJSON file (WGS84 degrees) as one area.

    Raises
    ------
    InputError
        It is no such file, too large, holds no polygon, or coordinates that are no degrees.
    """
    import shapely  # noqa: PLC0415 (slow to import)

    where, fix = str(path), "请给 GeoJSON 多边形文件 (WGS84, 经度在前)"
    try:
        content = json.loads(read_bounded(path, _MOST_BYTES))
        geometries = [shapely.from_geojson(json.dumps(one)) for one in _geometries(content)]
        count = sum(shapely.get_num_coordinates(one) for one in geometries)
        if count > _MOST_POINTS:
            raise ValueError("points")
        polygons = [one for one in geometries if one.geom_type in ("Polygon", "MultiPolygon")]
        area = shapely.make_valid(shapely.union_all([shapely.make_valid(one) for one in polygons]))
    except FileNotFoundError:
        raise InputError(Problem(where, "文件不存在", fix=fix)) from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError, shapely.GEOSException):
        raise InputError(Problem(where, "读不出多边形", fix=fix)) from None
    if area.is_empty or area.area == 0:
        raise InputError(Problem(where, "文件里没有多边形", fix=fix))
    west, south, east, north = area.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InputError(Problem(where, "坐标不是经纬度", f"{west:g},{south:g} 至 {east:g},{north:g}", fix))
    return area


def _geometries(content: Any) -> list[Any]:
    kind = content["type"]
    if kind == "FeatureCollection":
        return [one for feature in content["features"] for one in _geometries(feature)]
    if kind == "Feature":
        return [] if content["geometry"] is None else _geometries(content["geometry"])
    if kind == "GeometryCollection":
        return [one for part in content["geometries"] for one in _geometries(part)]
    return [content]


def _lines(network: Network) -> _Lines:
    """Give the lines of the roads: (first point of each and the end, longitudes, latitudes)."""
    if network.shapes is not None:
        shapes = network.shapes
        return np.asarray(shapes.start), np.asarray(shapes.x) / STEPS, np.asarray(shapes.y) / STEPS
    ends = np.column_stack((edge_tails(network), network.head)).reshape(-1)
    first = 2 * np.arange(network.n_edges + 1, dtype=np.int64)
    return first, np.asarray(network.lon)[ends], np.asarray(network.lat)[ends]


def _edges_of(network: Network, lines: NDArray[Any]) -> Edges:
    """Turn lines of `_lines` into edges."""
    if network.shapes is None:
        return np.union1d(lines.astype(np.int64), opposite(network, lines.astype(np.int64)))
    pair = np.asarray(network.shapes.edge)[lines]
    return np.unique(pair[pair >= 0]).astype(np.int64)
