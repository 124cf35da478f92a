"""Routes against networkx on graphs split at the points; roads, lines and errors by hand; a cold start."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from unittest.mock import patch

import gridworld
import networkx as nx
import numpy as np
import pytest
import shapeworld
from boai.coverage import frontier, snap
from boai.coverage.frontier import UNREACHED, Frontier
from boai.coverage.route import Route, RouteError, as_feature, route
from boai.coverage.ways import Stretch
from boai.geodata.crs import haversine_m
from boai.geodata.network import CLASSES, Network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from shapeworld import SOUTH, WEST, Road


def at(x: float, y: float) -> tuple[float, float]:
    return (WEST + x) / 1e7, (SOUTH + y) / 1e7


def named() -> Network:
    """Three roads in a row, the last without a name, and a one-way back from its end."""
    places = [(0, 0), (10_000, 0), (20_000, 0), (30_000, 0)]
    roads = [
        Road(0, 1, 100, 100, [(5000, 3000)], 1),
        Road(1, 2, 200, 200, name=1),
        Road(2, 3, 300, None, name=0),
        Road(3, 0, 50, None, [(15_000, 9000)], 2),
    ]
    network = shapeworld.make(places, roads, names=("", "G60 沪昆高速", "环城路"))
    assert network.shapes is not None
    classes = np.array([CLASSES.index(name) for name in ("primary", "trunk", "service", "primary")], np.uint8)
    return replace(network, road_class=classes[network.shapes.of // 2])


def test_roads_passed_with_their_metres_and_classes() -> None:
    network = named()
    found = route(network, at(3000, 1800), at(29_000, 0))
    lengths = network.metres
    assert found.seconds == (70 + 200 + 270) / 100
    assert [part.name for part in found.roads] == ["G60 沪昆高速", ""]
    first, second, third = (float(lengths[edge]) for edge in found.edges)
    assert found.roads[0] == Stretch("G60 沪昆高速", pytest.approx(0.7 * first + second), "trunk")
    assert found.roads[1] == Stretch("", pytest.approx(0.9 * third), "service")
    assert found.metres == pytest.approx(sum(part.metres for part in found.roads))
    assert found.nodes == (1, 2)
    expected = [at(3000, 1800), at(5000, 3000), at(10_000, 0), at(20_000, 0), at(29_000, 0)]
    np.testing.assert_allclose(found.line, expected, atol=1e-9)
    assert (found.lon[0], found.lat[-1]) == (found.line[0, 0], found.line[-1, 1])


def test_against_a_one_way_it_goes_round() -> None:
    found = route(named(), at(29_000, 0), at(21_000, 0))
    assert found.nodes == (3, 0, 1, 2)
    assert found.centiseconds == 300 - 270 + 50 + 100 + 200 + 30
    assert [part.name for part in found.roads] == ["", "环城路", "G60 沪昆高速", ""]
    ahead = route(named(), at(21_000, 0), at(29_000, 0))
    assert (ahead.centiseconds, ahead.nodes, len(ahead.edges)) == (240, (), 1)


def test_the_ways_off_the_road_count() -> None:
    found = route(named(), at(1000, -40_000), at(29_000, 20_000), access_kmh=36.0, detour=2.0)
    bare = route(named(), at(0, 0), at(29_000, 20_000), access_kmh=36.0, detour=2.0)
    assert found.start_m == pytest.approx(float(haversine_m(*at(1000, -40_000), *found.line[0])))
    assert found.end_m == bare.end_m > 100
    assert found.nodes == bare.nodes
    gap = round(found.start_m * 2 / 10 * 100) - round(bare.start_m * 2 / 10 * 100)
    assert found.centiseconds - bare.centiseconds == gap
    assert found.metres - bare.metres == pytest.approx((found.start_m - bare.start_m) * 2)


def test_on_foot_the_way_off_the_road_is_walked() -> None:
    network = replace(named(), meta={"mode": "walk"})
    found = route(network, at(10_000, -20_000), at(10_000, 0), detour=1.0)
    assert found.centiseconds == round(found.start_m / (5 / 3.6) * 100) > 10_000


def test_the_same_place_and_the_same_node() -> None:
    here = route(named(), at(15_000, 0), at(15_000, 0))
    assert (here.centiseconds, here.metres, len(here.line), here.nodes) == (0, 0.0, 2, ())
    corner = route(named(), at(20_000, 0), at(20_000, 0))
    assert (corner.centiseconds, corner.nodes, corner.edges, corner.roads) == (0, (2,), (), ())
    assert corner.line.tolist() == [list(at(20_000, 0))] * 2


def test_a_feature_that_json_can_hold() -> None:
    found = route(named(), at(3000, 1800), at(29_000, 0))
    feature = json.loads(json.dumps(as_feature(found), ensure_ascii=False, allow_nan=False))
    assert feature["type"] == "Feature"
    assert feature["geometry"]["type"] == "LineString"
    np.testing.assert_allclose(feature["geometry"]["coordinates"], found.line, atol=1e-7)
    properties = feature["properties"]
    assert properties["seconds"] == 5.4
    assert properties["metres"] == pytest.approx(found.metres, abs=0.05)
    assert properties["roads"][0]["class"] == "trunk"


def test_what_cannot_be_driven_is_said_in_chinese() -> None:
    network = named()
    with pytest.raises(RouteError) as both:
        route(network, (116.0, 28.0), (115.0, 29.0))
    assert [str(each) for each in both.value.problems] == [
        "起点: 附近5公里以内没有可以通行的道路, 得到 116,28; 请检查坐标, 经度在前, 纬度在后 (WGS84)",
        "终点: 附近5公里以内没有可以通行的道路, 得到 115,29; 请检查坐标, 经度在前, 纬度在后 (WGS84)",
    ]
    far = route(network, (116.0, 28.0), at(0, 0), limit_m=None)
    assert far.start_m > 90_000
    with pytest.raises(RouteError, match="起点与终点之间没有可以通行的道路") as none:
        route(network, at(29_000, 0), at(1000, 600), closed=[int(network.start[3])])
    assert len(none.value.problems) == 1
    with pytest.raises(RouteError, match="附近没有可以通行的道路"):
        route(network, at(0, 0), at(1000, 600), closed=range(network.n_edges), limit_m=None)
    with pytest.raises(ValueError, match="closed edge"):
        route(network, at(0, 0), at(1000, 600), closed=[99])
    with pytest.raises(ValueError, match="finite"):
        route(network, (np.nan, 28.0), at(0, 0))


@settings(max_examples=many(100))
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.05, 0.5, 8]))
def test_times_equal_a_graph_split_at_every_point(seed: int, some_closed: bool, width: float) -> None:
    rng = np.random.default_rng(seed)
    network = shapeworld.random_roads(seed)
    closed: list[int] = []
    if some_closed:
        shut = rng.choice(network.n_edges, network.n_edges // 4, replace=False).tolist()
        closed, network = shut[::2], shapeworld.closing(network, shut[1::2])
    lon, lat = shapeworld.points_on_roads(network, seed + 1, 4)
    open_roads = shapeworld.closing(network, closed)
    halves = (slice(2), slice(2, 4))
    ends = [snap.attach(open_roads, lon[own], lat[own], detour=1.3, speed_kmh=20.0) for own in halves]
    times = shapeworld.times_between(shapeworld.split_graph(open_roads, *ends), 2, 2)
    for i in range(2):
        for j in range(2):
            a, b = (lon[i], lat[i]), (lon[2 + j], lat[2 + j])
            if np.isinf(times[i, j]):
                with pytest.raises(RouteError):
                    route(network, a, b, closed=closed)
                continue
            with patch.object(frontier, "_EDGES_A_STEP", width):
                found = route(network, a, b, closed=closed)
            assert found.centiseconds == times[i, j]
            check_line(found)
            assert not set(found.edges) & set(closed)


def check_line(found: Route) -> None:
    """The line is as long as the roads, and begins and ends where these are met."""
    x, y = found.line.T
    drawn = float(haversine_m(x[:-1], y[:-1], x[1:], y[1:]).sum())
    assert sum(part.metres for part in found.roads) == pytest.approx(drawn, rel=2e-3, abs=0.05)
    off = (found.start_m + found.end_m) * 1.3
    assert found.metres == pytest.approx(sum(part.metres for part in found.roads) + off)


@settings(max_examples=many(60))
@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.5, 8]))
def test_networks_without_shapes_equal_networkx(seed: int, width: float) -> None:
    network = gridworld.random_network(seed, n=30, m=90)
    a, b = (int(node) for node in np.random.default_rng(seed).integers(0, 30, 2))
    graph = gridworld.as_graph(network)
    ends = [(float(network.lon[node]), float(network.lat[node])) for node in (a, b)]
    if not nx.has_path(graph, a, b):
        with pytest.raises(RouteError):
            route(network, *ends)
        return
    with patch.object(frontier, "_EDGES_A_STEP", width):
        found = route(network, *ends)
    assert found.centiseconds == nx.dijkstra_path_length(graph, a, b, weight="cs")
    assert network.centiseconds[list(found.edges)].sum() == found.centiseconds
    assert (found.nodes[0], found.nodes[-1]) == (a, b)
    assert network.head[list(found.edges)].tolist() == list(found.nodes[1:])
    assert found.metres == network.metres[list(found.edges)].astype(float).sum()
    np.testing.assert_array_equal(found.lon, network.lon[list(found.nodes)] if a != b else [ends[0][0]] * 2)


@settings(max_examples=many(60))
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.02, 0.3, 8]))
def test_a_frontier_is_final_below_what_it_reached(seed: int, backward: bool, width: float) -> None:
    """After every step: exact below ``reached``, never too low beyond; every finished node was handed out."""
    network = gridworld.random_network(seed, n=40, m=110, longest=400)
    rng = np.random.default_rng(seed)
    seeds, offsets = rng.integers(0, 36, 3), rng.integers(0, 900, 3)
    graph = gridworld.as_graph(network)
    graph = graph.reverse() if backward else graph
    for node, offset in zip(seeds.tolist(), offsets.tolist(), strict=True):
        graph.add_edge("seed", node, cs=offset)
    times = nx.single_source_dijkstra_path_length(graph, "seed", weight="cs")
    exact = np.array([times.get(node, UNREACHED) for node in range(40)])
    with patch.object(frontier, "_EDGES_A_STEP", width):
        front, handed = Frontier(network, seeds, offsets, backward=backward), set()
    while front.size:
        handed |= set(front.advance().tolist())
        final = exact < front.reached
        np.testing.assert_array_equal(front.time[final], exact[final])
        assert (front.time >= exact).all()
        assert set(np.flatnonzero(final).tolist()) <= handed
    np.testing.assert_array_equal(front.time, exact)
    for node in handed:
        nodes, edges = front.trace(node)
        least = network.centiseconds[edges].sum()
        assert min(o for s, o in zip(seeds, offsets, strict=True) if s == nodes[-1]) + least == exact[node]


def test_a_cold_start_loads_numpy_and_nothing_heavy() -> None:
    heavy = {"numba", "pandas", "scipy", "h3", "geopandas", "shapely", "networkx", "yaml", "pyproj"}
    code = "import boai.coverage.route, sys; print(*(set(sys.modules) & set(sys.argv[1:])))"
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
