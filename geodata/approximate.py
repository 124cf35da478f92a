"""Build the approximate road network (近似路网) from facts alone: no road geometry is embedded."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from .alignment import ENTRY, Line, Points, Rows, Rules, lay_out, legs, plane_km
from .crs import haversine_m
from .demand import Demand
from .errors import InputError, Problem
from .expressways import (
    End,
    Expressway,
    Section,
    choose_stop,
    county_positions,
    read_expressways,
    refuse_unknown,
    settlement_in,
)
from .gazetteer import Gazetteer
from .names import COUNTY, SETTLEMENT
from .network import (
    APPROXIMATE,
    NODE_CELL,
    NODE_INTERCHANGE,
    NODE_SEAT,
    NODE_SETTLEMENT,
    Network,
    from_edges,
)
from .proximity import Pairs, lengths, neighbours

CLASSES = ("expressway", "national", "county", "connector", "local")
"""Classes of road; of two links between the same nodes the one of the earlier class stays."""
EXPRESSWAY, NATIONAL, COUNTY_ROAD, CONNECTOR, LOCAL = range(5)

_TABLES = Path(__file__).with_name("tables")


@dataclass(frozen=True)
class Parameters:
    """What ``tables/road_speeds.yaml`` holds."""

    speed_kmh: Mapping[str, float]
    """Effective driving speed by class of ``CLASSES``."""
    detour: Mapping[str, float]
    """Length of a road over the straight distance of its ends: ``expressway`` and ``other``."""
    rules: Rules


@dataclass(frozen=True)
class Stretch:
    """A section of an expressway with a published length, as a part of its line."""

    road: str
    label: str
    """The section as ``expressways.section_label`` writes it."""
    km: float
    verified: bool
    links: Rows
    """Positions of its links."""


@dataclass(frozen=True)
class Skeleton:
    """The network before lengths and speeds: n nodes and m undirected links."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    kind: NDArray[np.uint8]
    name: NDArray[np.str_]
    pairs: Pairs
    """(m, 2) the ends of each link, the lower position first."""
    straight_m: NDArray[np.float64]
    """(m,) great-circle distance of the ends, metres."""
    road_class: NDArray[np.uint8]
    """(m,) position in ``CLASSES``."""
    road: NDArray[np.int16]
    """(m,) position in ``roads``."""
    roads: tuple[str, ...]
    stretches: tuple[Stretch, ...]
    left_out: tuple[str, ...]
    """Names of the expressways that are not open."""


@dataclass(frozen=True)
class _Nodes:
    """Places of the nodes: cells, settlements, county seats in the order of the counties, interchanges."""

    n_cells: int
    first_seat: int
    first_stop: int
    points: Points
    plane: Points


def read_parameters(path: Path | None = None) -> Parameters:
    """Read speeds, detour factors and the constants of the layout.

    Raises
    ------
    InputError
        A speed is below 1 km/h or a detour factor below 1; all are named.
    """
    path = path or _TABLES / "road_speeds.yaml"
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    problems = [
        Problem(path.name, f"{part}.{name} 应不小于 1", str(value), "请改正")
        for part in ("speed_kmh", "detour")
        for name, value in table[part].items()
        if not value >= 1
    ]
    if problems:
        raise InputError(problems)
    return Parameters(table["speed_kmh"], table["detour"], Rules(**table["layout"]))


def read_highways(gaz: Gazetteer, path: Path | None = None) -> dict[str, list[int]]:
    """Read the national highways: name → positions of the counties that it passes, in order.

    Raises
    ------
    InputError
        The table names counties that the gazetteer does not have; all are named.
    """
    path = path or _TABLES / "national_highways.yaml"
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))["national_highways"]
    known = county_positions(gaz)
    refuse_unknown(path, (name for row in rows for name in row["counties"]), known)
    return {f"{row['code']} 国道": [known[name] for name in row["counties"]] for row in rows}


def skeleton(
    gaz: Gazetteer,
    demand: Demand,
    *,
    rules: Rules,
    expressways: Sequence[Expressway] | None = None,
    highways: Mapping[str, Sequence[int]] | None = None,
) -> Skeleton:
    """Lay out nodes and links; ``roads.build_approximate`` says what they are.

    Parameters
    ----------
    expressways, highways
        As ``read_expressways`` and ``read_highways`` return them; the tables of the package where None.
    """
    expressways = read_expressways(gaz) if expressways is None else expressways
    highways = read_highways(gaz) if highways is None else highways
    lines = lay_out([road for road in expressways if road.is_open], gaz, demand, rules=rules)
    stops, stop_names, chains, entry = _number_stops(lines)
    nodes, kind, name = _nodes(gaz, demand, stops, stop_names)
    chains = [chain + nodes.first_stop for chain in chains]
    links = _Links()
    for line, chain in zip(lines, chains, strict=True):
        links.add(chain, EXPRESSWAY, line.road)
    for highway, route in _lead(highways, nodes, _between_towns(nodes, rules.highway_link_km)).items():
        links.add(route, NATIONAL, highway)
    links.add(_between_towns(nodes, rules.county_link_km), COUNTY_ROAD)
    links.add(_connectors(nodes, entry, rules), CONNECTOR)
    links.add(_local(nodes, rules), LOCAL)
    pairs, road_class, road = links.unique()
    (lon1, lat1), (lon2, lat2) = nodes.points[pairs[:, 0]].T, nodes.points[pairs[:, 1]].T
    sections = {way.road: way.sections for way in expressways}
    return Skeleton(
        lon=nodes.points[:, 0],
        lat=nodes.points[:, 1],
        kind=kind,
        name=name,
        pairs=pairs,
        straight_m=np.asarray(haversine_m(lon1, lat1, lon2, lat2)),
        road_class=road_class,
        road=road,
        roads=links.roads,
        stretches=tuple(
            stretch
            for line, chain in zip(lines, chains, strict=True)
            for stretch in _stretches(line, sections[line.road], chain, pairs, gaz=gaz)
            if stretch.verified or rules.unverified_lengths
        ),
        left_out=tuple(way.road for way in expressways if not way.is_open),
    )


def _nodes(
    gaz: Gazetteer, demand: Demand, stops: Points, stop_names: NDArray[np.str_]
) -> tuple[_Nodes, NDArray[np.uint8], NDArray[np.str_]]:
    """Number the nodes; return them with their kinds and names."""
    settlements = np.flatnonzero(gaz.level == SETTLEMENT)
    seats = np.flatnonzero(gaz.level == COUNTY)
    places = np.concatenate([settlements, seats[np.argsort(gaz.county[seats])]])
    cells = np.column_stack([demand.lon, demand.lat])
    points = np.vstack([cells, np.column_stack([gaz.lon, gaz.lat])[places], stops])
    sizes = (len(cells), len(settlements), len(seats), len(stops))
    kinds = np.array([NODE_CELL, NODE_SETTLEMENT, NODE_SEAT, NODE_INTERCHANGE], np.uint8)
    name = np.concatenate([np.full(len(cells), ""), gaz.name[places], stop_names])
    first_seat, first_stop = len(cells) + len(settlements), len(points) - len(stops)
    nodes = _Nodes(len(cells), first_seat, first_stop, points, plane_km(points))
    return nodes, np.repeat(kinds, sizes), name


class _Links:
    """Collects undirected links."""

    def __init__(self) -> None:
        self.roads: tuple[str, ...] = ("",)
        self._parts: list[tuple[Pairs, int, int]] = []

    def add(self, pairs: Pairs, road_class: int, road: str = "") -> None:
        if road not in self.roads:
            self.roads = (*self.roads, road)
        self._parts.append((np.sort(pairs, axis=1), road_class, self.roads.index(road)))

    def unique(self) -> tuple[Pairs, NDArray[np.uint8], NDArray[np.int16]]:
        """Leave one link per pair of nodes, that of the better class, then the one added first."""
        pairs = np.vstack([part[0] for part in self._parts])
        sizes = [len(part[0]) for part in self._parts]
        road_class = np.repeat(np.array([part[1] for part in self._parts], np.uint8), sizes)
        road = np.repeat(np.array([part[2] for part in self._parts], np.int16), sizes)
        order = np.argsort(road_class, kind="stable")
        order = order[pairs[order, 0] != pairs[order, 1]]
        _, first = np.unique(pairs[order], axis=0, return_index=True)
        kept = order[first]
        return pairs[kept], road_class[kept], road[kept]


def _number_stops(lines: Sequence[Line]) -> tuple[Points, NDArray[np.str_], list[Pairs], NDArray[np.bool_]]:
    """Make one node of all stops at the same place.

    Returns
    -------
    points, names, chains, entry
        Place and name of each node, the legs of each line as pairs of them, and which have local roads.
    """
    every = np.vstack([np.empty((0, 2)), *(line.points for line in lines)])
    points, first, node = np.unique(every, axis=0, return_index=True, return_inverse=True)
    names = np.array([name for line in lines for name in line.name], np.str_)
    role = np.array([role for line in lines for role in line.role], np.uint8)
    entry = np.zeros(len(points), bool)
    entry[node[role == ENTRY]] = True
    own = np.split(node, np.cumsum([len(line.points) for line in lines], dtype=np.intp))[: len(lines)]
    chains = [
        np.column_stack([stops, np.roll(stops, -1)])[: len(legs(line)[0])]
        for line, stops in zip(lines, own, strict=True)
    ]
    return points, names[first], chains, entry


def _stretches(
    line: Line, sections: Sequence[Section], chain: Pairs, pairs: Pairs, *, gaz: Gazetteer
) -> list[Stretch]:
    """Find the links of every section of a road whose two ends are stops of its line."""
    if line.closed:
        return []
    code = pairs @ [1 << 32, 1]
    legs_of_line = np.searchsorted(code, np.sort(chain, axis=1) @ [1 << 32, 1])
    found = []
    for section in sections:
        first, last = sorted(_stop_index(line, end, gaz) for end in (section.start, section.end))
        if 0 <= first < last:
            links = legs_of_line[first:last]
            found.append(Stretch(line.road, section.label, section.km, section.verified, links))
    return found


def _stop_index(line: Line, end: End, gaz: Gazetteer) -> int:
    """Find the stop that an end of a section means, -1 where the line has none."""
    if end.county < 0:
        return -1
    row = settlement_in(gaz, end.county, end.text)
    if row < 0:
        row = int(np.flatnonzero((gaz.level == COUNTY) & (gaz.county == end.county))[0])
    away = haversine_m(gaz.lon[row], gaz.lat[row], line.points[:, 0], line.points[:, 1])
    return choose_stop(str(gaz.county_name[end.county]), end.text, line.name, away)[0]


def _between_towns(nodes: _Nodes, limit_km: float) -> Pairs:
    """Link neighbouring settlements and county seats."""
    towns = nodes.plane[nodes.n_cells : nodes.first_stop]
    return neighbours(towns, limit=limit_km) + nodes.n_cells


def _local(nodes: _Nodes, rules: Rules) -> Pairs:
    """Link neighbouring cells, settlements and county seats."""
    return neighbours(nodes.plane[: nodes.first_stop], limit=rules.local_link_km)


def _lead(highways: Mapping[str, Sequence[int]], nodes: _Nodes, towns: Pairs) -> dict[str, Pairs]:
    """Lead each national highway from seat to seat over the shortest chain of links between towns."""
    low, size = nodes.n_cells, nodes.first_stop - nodes.n_cells
    graph = coo_array((lengths(nodes.plane, towns), tuple((towns - low).T)), shape=(size, size)).tocsr()
    seats = np.arange(nodes.first_seat, nodes.first_stop) - low
    before = dijkstra(graph, directed=False, indices=seats, return_predecessors=True)[1]
    return {
        name: np.vstack([_walk(before[a], int(seats[b])) for a, b in itertools.pairwise(at)]) + low
        for name, at in highways.items()
    }


def _walk(before: NDArray[np.int32], end: int) -> Pairs:
    """Follow predecessors from the end of a route back to its start."""
    steps = []
    while before[end] >= 0:
        steps.append((int(before[end]), end))
        end = int(before[end])
    return np.array(steps, np.intp).reshape(-1, 2)


def _connectors(nodes: _Nodes, entry: NDArray[np.bool_], rules: Rules) -> Pairs:
    """Join each interchange to its nearest cell and to the nearest settlements or seats within reach."""
    stops = np.flatnonzero(entry) + nodes.first_stop
    low, high = nodes.n_cells, nodes.first_stop
    _, cell = cKDTree(nodes.plane[:low]).query(nodes.plane[stops])
    k = min(int(rules.connector_settlements), high - low)
    far, place = cKDTree(nodes.plane[low:high]).query(nodes.plane[stops], k=np.arange(1, k + 1))
    near = far <= rules.connector_km
    towns = np.column_stack([np.repeat(stops, near.sum(axis=1)), place[near] + low])
    far, seat = cKDTree(nodes.plane[nodes.first_seat : high]).query(nodes.plane[stops])
    seats = np.column_stack([stops, seat + nodes.first_seat])[far <= rules.connector_km]
    return np.vstack([np.column_stack([stops, cell]), towns, seats])


def weigh(frame: Skeleton, parameters: Parameters, *, without: Collection[int] = ()) -> Network:
    """Give a skeleton its lengths and times and store it by rows, both ways of each link.

    A link is as long as the straight distance of its ends times the detour factor of its class; a connector
    has ``ramp_m`` more. The links of a section with a published length share that length in proportion, but
    none becomes shorter than the straight line or longer than ``longest_bend`` times it.

    Parameters
    ----------
    without
        Positions of stretches whose published length is not used (to test without it).
    """
    factor = _factors(frame, parameters, without)
    speed = np.array([parameters.speed_kmh[name] for name in CLASSES], float)
    metres = frame.straight_m * factor + parameters.rules.ramp_m * (frame.road_class == CONNECTOR)
    metres = np.maximum(metres, 1.0)
    centiseconds = np.maximum(np.rint(metres / (speed[frame.road_class] / 3.6) * 100), 1)
    tail, head = np.concatenate([frame.pairs, frame.pairs[:, ::-1]]).T
    start, order = from_edges(tail, head, len(frame.lon))
    link = order % len(frame.pairs)
    return Network(
        lon=frame.lon,
        lat=frame.lat,
        kind=frame.kind,
        name=frame.name,
        start=start,
        head=head[order].astype(np.int32),
        centiseconds=centiseconds[link].astype(np.int32),
        metres=metres[link].astype(np.float32),
        road=frame.road[link],
        roads=frame.roads,
        meta=_meta(frame, metres, parameters),
    )


def _factors(frame: Skeleton, parameters: Parameters, without: Collection[int]) -> NDArray[np.float64]:
    of_class = [parameters.detour["expressway" if k == EXPRESSWAY else "other"] for k in range(len(CLASSES))]
    factor = np.array(of_class, float)[frame.road_class]
    for k, stretch in enumerate(frame.stretches):
        if k not in without:
            bend = stretch.km * 1000 / frame.straight_m[stretch.links].sum()
            factor[stretch.links] = np.clip(bend, 1.0, parameters.rules.longest_bend)
    return factor


def _meta(frame: Skeleton, metres: NDArray[np.float64], parameters: Parameters) -> dict[str, Any]:
    n = len(frame.lon)
    graph = coo_array((np.ones(len(frame.pairs)), tuple(frame.pairs.T)), shape=(n, n))
    parts = connected_components(graph, directed=False)[0]
    if parts != 1:
        raise AssertionError(f"the approximate network falls into {parts} parts")
    classes = {
        name: {"links": int(own.sum()), "km": round(float(metres[own].sum()) / 1000, 1)}
        for k, name in enumerate(CLASSES)
        for own in [frame.road_class == k]
    }
    return {
        "label": APPROXIMATE,
        "origin": "boai.geodata.approximate",
        "speed_kmh": dict(parameters.speed_kmh),
        "detour": dict(parameters.detour),
        "rules": asdict(parameters.rules),
        "classes": classes,
        "left_out": list(frame.left_out),
    }
