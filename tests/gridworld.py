"""Small worlds with round numbers: a grid of roads, residents that are powers of two, a disk of hexagons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import h3.api.numpy_int as h3
import networkx as nx
import numpy as np
import pandas as pd
from boai.coverage.standards import Standard
from boai.geodata.demand import Demand
from boai.geodata.gazetteer import Gazetteer
from boai.geodata.layers import COLUMNS, Kind, Layer
from boai.geodata.network import NODE_CELL, Network, from_edges
from numpy.typing import NDArray

SECONDS = 600
"""Driving time of every road of the grid: ten minutes."""
METRES = 10_000.0
STEP_DEG = 0.1
WEST, SOUTH = 115.0, 28.0

CODES = ("360101", "360102", "360201", "360202")
COUNTIES = ("甲县", "乙县", "丙县", "丁县")
CITIES = ("东市", "东市", "西市", "西市")


def make_network(
    tail: Any,
    head: Any,
    centiseconds: Any,
    *,
    lon: Any = None,
    lat: Any = None,
    n_nodes: int | None = None,
    kind: Any = None,
    name: Any = None,
    road: Any = None,
    roads: tuple[str, ...] = ("",),
    metres: Any = None,
) -> Network:
    """Make a network of any directed edges."""
    tail, head = np.asarray(tail, np.int64).reshape(-1), np.asarray(head, np.int64).reshape(-1)
    n = (len(lon) if lon is not None else int(n_nodes or 0)) if n_nodes is None else n_nodes
    start, order = from_edges(tail, head, n)
    m = len(tail)
    return Network(
        lon=np.linspace(WEST, WEST + 1, n) if lon is None else np.asarray(lon, float),
        lat=np.full(n, SOUTH) if lat is None else np.asarray(lat, float),
        kind=np.full(n, NODE_CELL, np.uint8) if kind is None else np.asarray(kind, np.uint8),
        name=np.full(n, "", "<U8") if name is None else np.asarray(name, str),
        start=start,
        head=head[order].astype(np.int32),
        centiseconds=np.asarray(centiseconds, np.int32).reshape(-1)[order],
        metres=np.full(m, METRES, np.float32) if metres is None else np.asarray(metres, np.float32)[order],
        road=np.zeros(m, np.int16) if road is None else np.asarray(road, np.int16)[order],
        roads=roads,
    )


def grid_lonlat(k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of node row * k + column, rows from south to north."""
    row, column = np.divmod(np.arange(k * k), k)
    return WEST + STEP_DEG * column, SOUTH + STEP_DEG * row


def grid_network(k: int = 4, *, seconds: int = SECONDS, **others: Any) -> Network:
    """A k x k grid; every road takes the same time both ways."""
    node = np.arange(k * k).reshape(k, k)
    a = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    b = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    lon, lat = grid_lonlat(k)
    time = np.full(2 * len(a), seconds * 100)
    return make_network(np.concatenate([a, b]), np.concatenate([b, a]), time, lon=lon, lat=lat, **others)


def grid_demand(k: int = 4, *, residents: Any = None) -> Demand:
    """One cell of 100 km2 per node with 2^node residents; the quarters are counties, the halves cities."""
    lon, lat = grid_lonlat(k)
    row, column = np.divmod(np.arange(k * k), k)
    county = 2 * (column >= k / 2) + (row >= k / 2)
    people = 2 ** np.arange(k * k, dtype=np.int64) if residents is None else np.asarray(residents, np.int64)
    return _demand(np.arange(k * k, dtype=np.uint64), lon, lat, np.full(k * k, 100.0), county, people)


def hex_demand(rings: int = 3, *, residents: int = 343 * 16) -> Demand:
    """Cells of resolution 7 around 南昌, each with the same residents: 16 per sub-cell."""
    cell = np.sort(h3.grid_disk(h3.latlng_to_cell(28.68, 115.86, 7), rings))
    lat, lon = np.array([h3.cell_to_latlng(each) for each in cell.tolist()]).T
    area = np.array([h3.cell_area(each, "km^2") for each in cell.tolist()])
    county = 2 * (lon >= np.median(lon)) + (lat >= np.median(lat))
    return _demand(cell, lon, lat, area, county, np.full(len(cell), residents, np.int64))


def _demand(cell: Any, lon: Any, lat: Any, area: Any, county: Any, people: Any) -> Demand:
    return Demand(
        cell=cell,
        lon=lon,
        lat=lat,
        area_km2=area,
        county=county.astype(np.int32),
        residents=people,
        urban=people // 2,
        age_60=people // 4,
        age_65=people // 8,
        county_code=np.array(CODES),
        county_name=np.array(COUNTIES),
        city_name=np.array(CITIES),
    )


def make_layer(kind: Kind, lon: Any, lat: Any, *, demand: Demand | None = None, **columns: Any) -> Layer:
    """A layer of sites; their county is that of the nearest cell of the demand."""
    lon, lat = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
    n = len(lon)
    table = pd.DataFrame({name: [""] * n for name in COLUMNS})
    table = table.assign(capacity=np.full(n, np.nan), members=np.full(n, np.nan))
    table = table.assign(
        lon=lon, lat=lat, id=[f"{kind}-{i}" for i in range(n)], name=[f"站{i}" for i in range(n)]
    )
    if demand is not None and n:
        near = np.argmin((demand.lon[:, None] - lon) ** 2 + (demand.lat[:, None] - lat) ** 2, axis=0)
        county = demand.county[near]
        table = table.assign(
            county_code=demand.county_code[county],
            county=demand.county_name[county],
            city=demand.city_name[county],
        )
    return Layer(kind, table.assign(**columns), example=True)


def at_nodes(network: Network, nodes: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of nodes."""
    return network.lon[list(nodes)], network.lat[list(nodes)]


def drive_standard(limits: tuple[int, ...] = (600, 1200, 1800), main: int = 600, **others: Any) -> Standard:
    fields: dict[str, Any] = {"detour": 1.3, "min_density": 0.0, "source": "测试", "confidence": "C"}
    return Standard("warehouse", "测试驾车", "drive", limits, main, **{**fields, **others})


def walk_standard(limits: tuple[int, ...] = (1000,), main: int | None = None, **others: Any) -> Standard:
    fields: dict[str, Any] = {"detour": 1.0, "min_density": 0.0, "source": "测试", "confidence": "C"}
    return Standard("aed", "测试步行", "walk", limits, main or limits[-1], **{**fields, **others})


def make_gazetteer(demand: Demand) -> Gazetteer:
    """Province, cities, a seat at each county's first cell, and a settlement 镇<cell> at every cell."""
    n = len(demand.cell)
    seat = [int(np.flatnonzero(demand.county == i)[0]) for i in range(4)]
    at = [seat[0], seat[0], seat[2], *seat, *range(n)]
    return Gazetteer(
        name=np.array(["江西省", "东市", "西市", *COUNTIES, *(f"镇{i}" for i in range(n))]),
        lon=demand.lon[at],
        lat=demand.lat[at],
        level=np.array([0, 1, 1, *[2] * 4, *[3] * n], np.uint8),
        county=np.array([-1, -1, -1, 0, 1, 2, 3, *demand.county], np.int32),
        population=np.zeros(len(at), np.int64),
        alias=np.array([], "<U1"),
        alias_of=np.array([], np.int32),
        county_code=demand.county_code,
        county_name=demand.county_name,
        city_name=demand.city_name,
    )


def as_graph(network: Network, *, closed: Sequence[int] = ()) -> nx.MultiDiGraph:
    """The same roads for networkx: every edge with its position, centiseconds and metres."""
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(network.n_nodes))
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start)).tolist()
    for edge, (a, b) in enumerate(zip(tail, network.head.tolist(), strict=True)):
        if edge not in closed:
            graph.add_edge(a, b, edge=edge, cs=int(network.centiseconds[edge]))
    return graph


def times_from(graph: nx.MultiDiGraph, source: int) -> Mapping[int, int]:
    """Centiseconds from a node to all that it reaches, by networkx."""
    lengths: Mapping[int, int] = nx.single_source_dijkstra_path_length(graph, source, weight="cs")
    return lengths


def random_network(seed: int, *, n: int = 40, m: int = 120, longest: int = 50) -> Network:
    """Random directed edges, parallel ones and loops among them, at random places; some nodes have none."""
    rng = np.random.default_rng(seed)
    some = max(1, int(0.9 * n))
    return make_network(
        rng.integers(0, some, m),
        rng.integers(0, some, m),
        rng.integers(1, longest + 1, m),
        lon=rng.uniform(115, 116, n),
        lat=rng.uniform(28, 29, n),
        metres=rng.integers(1, 5000, m),
    )
