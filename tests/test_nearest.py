"""The emergency question against networkx, in round numbers, and in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import gridworld
import networkx as nx
import numpy as np
import pytest
import shapely
import shapeworld
from boai.coverage import frontier, measures, snap
from boai.coverage.nearest import Answer, Arrival, nearest_sites
from boai.geodata.crs import haversine_m
from boai.geodata.network import NODE_CELL, NODE_INTERCHANGE, NODE_SEAT, NODE_SETTLEMENT, Network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from shapeworld import Road


def sites_at(network: Network, nodes: list[int], **columns: list[Any]) -> list[dict[str, Any]]:
    rows = [
        {"id": f"w{i}", "lon": float(network.lon[node]), "lat": float(network.lat[node])}
        for i, node in enumerate(nodes)
    ]
    return [{**row, **{name: values[i] for name, values in columns.items()}} for i, row in enumerate(rows)]


def ask(network: Network, sites: list[dict[str, Any]], node: int, **options: Any) -> Answer:
    at = {"lon": float(network.lon[node]), "lat": float(network.lat[node])}
    return nearest_sites(network, sites, **{**at, **options})


def rows(answer: Answer) -> list[int]:
    return [arrival.row for arrival in answer.arrivals]


def test_the_nearest_stores_of_the_corner() -> None:
    network = gridworld.grid_network(4)
    answer = ask(network, sites_at(network, [15, 3, 5], readiness_min=[30, 30, 30]), 0, k=2)
    first, second = answer.arrivals
    assert rows(answer) == [2, 1]
    assert (first.site["id"], first.drive_s, first.readiness_s, first.eta_s) == ("w2", 1200.0, 1800.0, 3000.0)
    assert (second.drive_s, second.metres) == (1800.0, 30_000.0)
    assert second.nodes == (3, 2, 1, 0)
    assert network.head[list(second.edges)].tolist() == [2, 1, 0]
    assert (answer.node, answer.off_road_m, answer.off_road, answer.warning) == (0, 0.0, False, "")


def test_a_site_that_is_ready_sooner_arrives_first() -> None:
    network = gridworld.grid_network(4)
    sites = sites_at(network, [1, 15], readiness_min=[60, 10.1])
    assert rows(ask(network, sites, 0, k=1)) == [0]
    sites = sites_at(network, [1, 15], readiness_min=[60, 9.9])
    assert [arrival.eta_s for arrival in ask(network, sites, 0).arrivals] == [4194.0, 4200.0]
    assert rows(ask(network, sites, 0, k=1)) == [1]


def test_readiness_that_is_not_stated_is_assumed_and_marked() -> None:
    network = gridworld.grid_network(3)
    for stated in (None, float("nan"), ""):
        arrival = ask(network, sites_at(network, [4], readiness_min=[stated]), 0).arrivals[0]
        assert (arrival.readiness_s, arrival.readiness_assumed) == (3600.0, True)
    bare = ask(network, sites_at(network, [4]), 0, default_readiness_min=7.5).arrivals[0]
    assert (bare.readiness_s, bare.readiness_assumed) == (450.0, True)
    known = ask(network, sites_at(network, [4], readiness_min=["12"]), 0).arrivals[0]
    assert (known.readiness_s, known.readiness_assumed) == (720.0, False)


def test_help_drives_to_the_point_and_not_from_it() -> None:
    one_way = gridworld.make_network([0], [1], [100], n_nodes=2)
    assert rows(ask(one_way, sites_at(one_way, [0]), 1)) == [0]
    assert rows(ask(one_way, sites_at(one_way, [1]), 0)) == []


@settings(max_examples=many(80), deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.booleans(), st.sampled_from([0.05, 0.5, 8]))
def test_random_networks_equal_networkx(seed: int, k: int, some_closed: bool, width: float) -> None:
    network = gridworld.random_network(seed, n=30, m=90)
    rng = np.random.default_rng(seed)
    nodes = rng.integers(0, 30, 5).tolist()
    ready = rng.integers(0, 4, 5) / 100
    closed = rng.choice(90, 25, replace=False).tolist() if some_closed else []
    point = int(rng.integers(0, 30))
    sites = sites_at(network, nodes, readiness_min=ready.tolist())
    with patch.object(frontier, "_EDGES_A_STEP", width):
        answer = ask(network, sites, point, k=k, closed=closed)
    graph = gridworld.as_graph(network, closed=closed)
    expected = []
    for row, node in enumerate(nodes):
        if nx.has_path(graph, node, point):
            drive = nx.dijkstra_path_length(graph, node, point, weight="cs")
            expected.append((drive + round(ready[row] * 6000), drive, row))
    got = [(round(a.eta_s * 100), round(a.drive_s * 100), a.row) for a in answer.arrivals]
    assert got == sorted(expected)[:k]
    for arrival in answer.arrivals:
        edges = list(arrival.edges)
        assert not set(edges) & set(closed)
        assert (arrival.nodes[0], arrival.nodes[-1]) == (nodes[arrival.row], point)
        assert network.head[edges].tolist() == list(arrival.nodes[1:])
        assert network.centiseconds[edges].sum() == round(arrival.drive_s * 100)
        assert arrival.metres == network.metres[edges].astype(float).sum()


def test_the_same_minutes_as_the_cover() -> None:
    network, demand = gridworld.grid_network(5), gridworld.grid_demand(5)
    lon, lat = gridworld.at_nodes(network, [2, 11, 23])
    lon = lon + np.array([0.003, -0.002, 0.0])
    layer = gridworld.make_layer("warehouse", lon, lat)
    cover = measures.cover_layer(demand, network, layer, gridworld.drive_standard())
    sites = layer.table.assign(readiness_min=0).to_dict("records")
    for cell in range(25):
        first = nearest_sites(network, sites, lon=demand.lon[cell], lat=demand.lat[cell], k=1).arrivals[0]
        assert (np.float32(first.drive_s), first.row) == (cover.cost[cell], cover.nearest[cell])


def test_a_closed_road_sends_help_another_way() -> None:
    """A ring of four: the short side is closed, so help comes round."""
    network = gridworld.make_network([0, 1, 1, 2, 2, 3, 3, 0], [1, 0, 2, 1, 3, 2, 0, 3], [100] * 8, n_nodes=4)
    sites = sites_at(network, [1])
    direct = ask(network, sites, 0).arrivals[0]
    assert (direct.drive_s, direct.nodes) == (1.0, (1, 0))
    around = ask(network, sites, 0, closed=direct.edges).arrivals[0]
    assert (around.drive_s, around.nodes) == (3.0, (1, 2, 3, 0))
    assert ask(network, sites, 0, closed=range(8)).arrivals == ()


def test_places_and_roads_that_the_way_passes() -> None:
    network = gridworld.make_network(
        [0, 1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5, 6],
        [100] * 6,
        n_nodes=7,
        kind=[
            NODE_SEAT,
            NODE_CELL,
            NODE_INTERCHANGE,
            NODE_INTERCHANGE,
            NODE_SETTLEMENT,
            NODE_SEAT,
            NODE_CELL,
        ],
        name=["修水县", "格", "修水互通", "", "黄坳乡", "修水县", ""],
        road=[0, 1, 1, 0, 1, 2],
        roads=("", "G60 沪昆高速", "G105"),
    )
    arrival = ask(network, sites_at(network, [0]), 6).arrivals[0]
    assert arrival.places == ("修水县", "修水互通", "黄坳乡")
    assert arrival.roads == ("G60 沪昆高速", "G105")


def test_both_ends_pay_for_the_way_to_the_road() -> None:
    network = gridworld.grid_network(3)
    sites = [{"lon": float(network.lon[8]), "lat": float(network.lat[8]) + 0.01, "readiness_min": 0}]
    answer = nearest_sites(network, sites, lon=115.0, lat=27.99, detour=2.0, access_kmh=36.0)
    straight = answer.off_road_m
    assert straight == pytest.approx(1111.95, abs=0.01)
    arrival = answer.arrivals[0]
    assert arrival.drive_s == pytest.approx(4 * 600 + 2 * straight * 2 / 10, abs=0.02)
    assert arrival.metres == pytest.approx(40_000 + 2 * straight * 2)


def test_a_point_far_off_the_road_is_reported() -> None:
    network = gridworld.grid_network(3)
    sites = sites_at(network, [0])
    far = nearest_sites(network, sites, lon=115.0, lat=27.9)
    assert far.off_road
    assert "11.1公里" in far.warning
    assert len(far.arrivals) == 1
    assert not nearest_sites(network, sites, lon=115.0, lat=27.9, off_road_m=20_000).off_road


def test_ties_go_to_the_shorter_drive_then_to_the_lower_row() -> None:
    network = gridworld.grid_network(3)
    sites = sites_at(network, [2, 6, 1, 6], readiness_min=[10, 10, 20, 10])
    assert rows(ask(network, sites, 0, k=4)) == [2, 0, 1, 3]
    assert rows(ask(network, sites, 0, k=2)) == [2, 0]
    assert rows(ask(network, sites_at(network, [6, 2]), 0, k=1)) == [0]
    ready = sites_at(network, [1, 2], readiness_min=[10, 0])
    assert rows(ask(network, ready, 0, k=1)) == [0]


def test_no_sites_and_fewer_than_asked() -> None:
    network = gridworld.grid_network(3)
    assert ask(network, [], 0).arrivals == ()
    assert rows(ask(network, sites_at(network, [5, 5]), 0, k=9)) == [0, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k must"),
        ({"closed": [24]}, "closed edge"),
        ({"closed": [-1]}, "closed edge"),
        ({"lon": float("nan")}, "finite"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    network = gridworld.grid_network(3)
    with pytest.raises(ValueError, match=message):
        ask(network, sites_at(network, [1]), 0, **options)


@pytest.mark.parametrize("stated", [-1, float("inf"), "soon"])
def test_a_readiness_that_is_no_time_is_refused(stated: Any) -> None:
    network = gridworld.grid_network(3)
    with pytest.raises(ValueError, match=r"readiness|convert"):
        ask(network, sites_at(network, [1], readiness_min=[stated]), 0)


def test_a_cold_start_loads_numpy_and_nothing_heavy() -> None:
    heavy = {
        "numba",
        "pandas",
        "scipy",
        "h3",
        "geopandas",
        "shapely",
        "sklearn",
        "networkx",
        "yaml",
        "pyproj",
    }
    code = "import boai.coverage.nearest, sys; print(*(set(sys.modules) & set(sys.argv[1:])))"
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def check_way(network: Network, arrival: Arrival) -> None:
    """The edges follow each other over the nodes, and the line runs along them and is as long."""
    assert network.shapes is not None
    tails = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    for a, b in pairwise(arrival.edges):
        assert network.head[a] == tails[b]
    passed = {int(network.head[edge]) for edge in arrival.edges[:-1]}
    assert passed <= set(arrival.nodes)
    assert (network.centiseconds[list(arrival.edges)] > 0).all()
    lines = [
        shapely.linestrings(network.shapes.x[own] / 1e7, network.shapes.y[own] / 1e7)
        for own in (
            slice(*network.shapes.start[shape : shape + 2])
            for shape in network.shapes.of[list(arrival.edges)] // 2
        )
    ]
    roads = shapely.union_all(lines)
    assert shapely.distance(shapely.points(arrival.line), roads).max(initial=0.0) < 1e-9 or not lines


@settings(max_examples=many(80))
@given(st.integers(0, 10_000), st.integers(1, 6), st.booleans(), st.sampled_from([0.05, 0.5, 8]))
def test_real_roads_equal_a_graph_split_at_every_point(
    seed: int, k: int, some_closed: bool, width: float
) -> None:
    """Order, times and lengths of help from sites on edges to a point on an edge; closed in two ways."""
    rng = np.random.default_rng(seed)
    network = shapeworld.random_roads(seed)
    closed: list[int] = []
    if some_closed:
        shut = rng.choice(network.n_edges, network.n_edges // 3, replace=False).tolist()
        closed, network = shut[::2], shapeworld.closing(network, shut[1::2])
    lon, lat = shapeworld.points_on_roads(network, seed + 1, 7)
    lon[6], lat[6] = lon[5], lat[5]
    ready = rng.integers(0, 3, 6) / 100
    sites = [
        {"lon": x, "lat": y, "readiness_min": r} for x, y, r in zip(lon[1:], lat[1:], ready, strict=True)
    ]
    with patch.object(frontier, "_EDGES_A_STEP", width):
        answer = nearest_sites(network, sites, lon=lon[0], lat=lat[0], k=k, closed=closed)
    open_roads = shapeworld.closing(network, closed)
    points = [
        snap.attach(open_roads, lon[own], lat[own], detour=1.3, speed_kmh=20.0)
        for own in (slice(1, None), slice(1))
    ]
    times = shapeworld.times_between(shapeworld.split_graph(open_roads, *points), 6, 1)[:, 0]
    expected = [
        (int(time) + round(r * 6000), int(time), row)
        for row, (time, r) in enumerate(zip(times, ready, strict=True))
        if np.isfinite(time)
    ]
    got = [(round(a.eta_s * 100), round(a.drive_s * 100), a.row) for a in answer.arrivals]
    assert got == sorted(expected)[:k]
    for arrival in answer.arrivals:
        assert not set(arrival.edges) & set(closed)
        check_way(open_roads, arrival)
        ends = [
            (points[0].lon[arrival.row], points[0].lat[arrival.row]),
            (points[1].lon[0], points[1].lat[0]),
        ]
        np.testing.assert_allclose(arrival.line[[0, -1]], ends, atol=1e-12)
        x, y = arrival.line.T
        drawn = float(haversine_m(x[:-1], y[:-1], x[1:], y[1:]).sum())
        off = float(points[0].metres[arrival.row] + points[1].metres[0]) * 1.3
        assert arrival.metres == pytest.approx(drawn + off, rel=2e-3, abs=0.05)


def test_a_site_on_the_same_road_drives_straight_to_the_point() -> None:
    """Unless the road is one way against it, or closed: then it goes round."""
    square = [(0, 0), (20_000, 0), (20_000, 20_000), (0, 20_000)]
    roads = [Road(0, 1, 100, 100, [(10_000, 0)], 1), Road(1, 2, 100, 100, name=2)]
    roads += [Road(2, 3, 100, 100), Road(3, 0, 100, 100, name=1)]
    network = shapeworld.make(square, roads, names=("", "G60 沪昆高速", "G105"))
    assert network.shapes is not None
    west, east = (snap_at(2000, 0), snap_at(18_000, 0))
    sites = [{"lon": west[0], "lat": west[1], "readiness_min": 0}]
    first = nearest_sites(network, sites, lon=east[0], lat=east[1]).arrivals[0]
    assert (first.drive_s, first.nodes, first.roads) == (0.8, (), ("G60 沪昆高速",))
    np.testing.assert_allclose(first.line, [west, snap_at(10_000, 0), east])
    along = int(network.shapes.edge[0, 0])
    answer = nearest_sites(network, sites, lon=east[0], lat=east[1], closed=[along])
    around = answer.arrivals[0]
    assert around.drive_s == 3.2
    assert around.nodes == (0, 3, 2, 1)
    assert around.roads == ("G60 沪昆高速", "G105", "G60 沪昆高速")
    assert len(around.edges) == 5
    assert (answer.node, answer.off_road) == (-1, False)
    corner = nearest_sites(network, sites, lon=network.lon[2], lat=network.lat[2])
    assert (corner.node, corner.arrivals[0].drive_s, corner.arrivals[0].nodes) == (2, 1.9, (1, 2))


def snap_at(x: float, y: float) -> tuple[float, float]:
    return (shapeworld.WEST + x) / 1e7, (shapeworld.SOUTH + y) / 1e7


def test_a_point_without_any_open_road_gets_no_help() -> None:
    network = shapeworld.make([(0, 0), (20_000, 0)], [Road(0, 1, 100, 100)])
    site = {"lon": 115.0, "lat": 28.0}
    answer = nearest_sites(network, [site], lon=115.001, lat=28.0, closed=[0, 1])
    assert answer.arrivals == ()
    assert (answer.off_road, answer.off_road_m, answer.node) == (True, np.inf, -1)
    assert answer.warning == "该点附近没有可以通行的道路"
    far = nearest_sites(network, [site], lon=115.001, lat=28.1)
    assert far.warning == "该点距最近的道路约11.1公里 (直线), 行车时间仅供参考"
    assert len(far.arrivals) == 1
