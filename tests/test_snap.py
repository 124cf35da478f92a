"""Points to roads: by hand, by brute force, and against a graph in which every point is a node."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import networkx as nx
import numpy as np
import pytest
import shapeworld
from boai.coverage import near_nodes, snap
from boai.coverage.snap import Access, attach, on_one_road, unmet
from boai.geodata.crs import haversine_m
from boai.geodata.network import CLOSED, NODE_FRINGE, NODE_INTERCHANGE, Network
from boai.geodata.shapes import STEPS
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from shapeworld import SOUTH, WEST, Road

OFF = {"detour": 1.3, "speed_kmh": 20.0}


def at(x: float, y: float) -> tuple[float, float]:
    return (WEST + x) / STEPS, (SOUTH + y) / STEPS


def straight(there: int | None = 1000, back: int | None = 3000) -> Network:
    """One road due north from node 0 to node 1, and a cross road at its end; a bend that has no length."""
    places = [(0, 0), (0, 10_000), (20_000, 10_000)]
    return shapeworld.make(places, [Road(0, 1, there, back, [(0, 5000), (0, 5000)]), Road(1, 2, 70, 70)])


def rows(access: Access) -> list[list[int]]:
    return [each[0].tolist() for each in (access.out_node, access.out_cs, access.in_node, access.in_cs)]


def test_a_point_beside_a_road_goes_on_to_both_ends() -> None:
    access = attach(straight(), *at(500, 2500), **OFF)
    metres = float(haversine_m(*at(500, 2500), *at(0, 2500)))
    off = round(metres * 1.3 / (20 / 3.6) * 100)
    assert rows(access) == [[1, 0], [off + 750, off + 750], [0, 1], [off + 250, off + 2250]]
    assert (access.shape[0], access.along[0]) == (0, 0.25)
    assert access.off_cs.tolist() == [off]
    assert access.metres[0] == pytest.approx(metres, rel=1e-9)
    assert (access.lon[0], access.lat[0]) == pytest.approx(at(0, 2500), abs=1e-12)
    assert access.met.all()


def test_halves_of_a_centisecond_stay_whole() -> None:
    """rint rounds halves to even, and both parts always sum to the edge."""
    for cost in (1, 2, 3, 5, 7):
        for share in (0.1, 0.25, 0.5, 0.75, 0.9):
            access = attach(straight(cost, cost), *at(0, 10_000 * share), **OFF)
            before = [round(share * cost), round((1 - share) * cost)]
            assert rows(access) == [[1, 0], [cost - each for each in before], [0, 1], before]


@pytest.mark.parametrize(
    ("there", "back", "expected"),
    [
        (1000, None, [[1, -1], [750, -1], [0, -1], [250, -1]]),
        (None, 1000, [[-1, 0], [-1, 250], [-1, 1], [-1, 750]]),
    ],
)
def test_a_one_way_road_is_left_by_its_head_and_reached_from_its_tail(
    there: int | None, back: int | None, expected: list[list[int]]
) -> None:
    assert rows(attach(straight(there, back), *at(0, 2500), **OFF)) == expected


def test_a_closed_direction_does_not_carry_the_point() -> None:
    network = straight()
    assert network.shapes is not None
    there, back = (int(edge) for edge in network.shapes.edge[0])
    assert rows(attach(shapeworld.closing(network, [back]), *at(0, 2500), **OFF)) == [
        [1, -1], [750, -1], [0, -1], [250, -1]
    ]  # fmt: skip
    other = attach(shapeworld.closing(network, [there, back]), *at(1, 9000), **OFF)
    assert (other.shape[0], other.out_node[0].tolist()) == (1, [2, 1])
    everything = shapeworld.closing(network, range(network.n_edges))
    nowhere = attach(everything, *at(0, 2500), **OFF)
    assert rows(nowhere) == [[-1, -1]] * 4
    assert not nowhere.met.any()
    assert np.isnan([nowhere.metres[0], nowhere.lon[0], nowhere.lat[0]]).all()


@pytest.mark.parametrize(("y", "node"), [(-300, 0), (10_000, 1)])
def test_a_foot_at_a_junction_stands_at_the_node(y: float, node: int) -> None:
    """Also where the nearest road leads away from there only: the point may take any road of the junction."""
    for there, back in ((1000, 1000), (1000, None), (None, 1000)):
        access = attach(straight(there, back), *at(0, y), **OFF)
        off = int(access.off_cs[0])
        assert rows(access) == [[node, -1], [off, -1], [node, -1], [off, -1]]
        assert (access.shape[0], access.along[0]) == (-1, 0.0)


def test_a_loop_leads_back_to_its_node() -> None:
    loop = [(4000, 0), (4000, 4000), (0, 4000)]
    network = shapeworld.make([(0, 0), (-9000, 0)], [Road(0, 0, 800, None, loop), Road(0, 1, 5, 5)])
    access = attach(network, *at(4000, 1000), **OFF)
    assert access.out_node.tolist() == [[0, -1]]
    assert access.in_node.tolist() == [[0, -1]]
    assert access.out_cs[0, 0] + access.in_cs[0, 0] == 800


def test_beyond_the_limit_there_is_no_road() -> None:
    network, (lon, lat) = straight(), np.transpose([at(500, 2500), at(900_000, 2500)])
    access = attach(network, lon, lat, limit_m=5000.0, **OFF)
    assert access.met.tolist() == [True, False]
    assert access.in_node[1].tolist() == access.out_node[1].tolist() == [-1, -1]
    where, metres = unmet(network, lon, lat, limit_m=5000.0)
    assert where.tolist() == [1]
    assert metres[0] == pytest.approx(float(haversine_m(lon[1], lat[1], *at(20_000, 10_000))), rel=1e-9)
    assert unmet(shapeworld.closing(network, range(4)), lon, lat)[1].tolist() == [np.inf, np.inf]
    assert attach(network, lon, lat, **OFF).met.all()


def test_a_way_of_more_than_248_days_is_none() -> None:
    network = straight(2**31 - 3, 5)
    access = attach(network, *at(300, 2500), **OFF)
    assert access.in_node[0].tolist() == [0, 1]
    slow = attach(network, *at(300, 2500), detour=1.3, speed_kmh=1e-7)
    assert rows(slow)[0] == [-1, -1]


def test_networks_without_shapes_meet_at_nodes() -> None:
    network = gridworld.grid_network(3)
    lon, lat = network.lon + 0.01, network.lat - 0.02
    for cold in (True, False):
        access = attach(network, lon, lat, cold=cold, **OFF)
        assert access.out_node.tolist() == access.in_node.tolist() == [[i, -1] for i in range(9)]
        metres = haversine_m(lon, lat, network.lon, network.lat)
        np.testing.assert_allclose(access.metres, metres)
        expected = np.rint(metres * 1.3 / (20 / 3.6) * 100)
        np.testing.assert_array_equal(access.in_cs[:, 0], expected)
        near = attach(network, lon, lat, cold=cold, limit_m=100.0, **OFF)
        assert not near.met.any()
        assert (near.out_node == -1).all()
    assert len(unmet(network, [0.0], [0.0])[0]) == 0
    with pytest.raises(ValueError, match="no nodes"):
        attach(gridworld.make_network([], [], [], n_nodes=0), 115.0, 28.0, **OFF)


def test_fringes_and_interchanges_are_no_entrances() -> None:
    network = gridworld.grid_network(2, kind=[NODE_FRINGE, NODE_INTERCHANGE, 0, 0])
    assert near_nodes.road_nodes(network).tolist() == [2, 3]
    assert near_nodes.road_nodes(gridworld.grid_network(1, kind=[NODE_FRINGE])).tolist() == [0]


def test_a_coordinate_that_is_none_is_refused() -> None:
    for network in (straight(), gridworld.grid_network(2)):
        with pytest.raises(ValueError, match="finite"):
            attach(network, [115.0, np.inf], [28.0, 28.0], **OFF)
        assert len(attach(network, [], [], **OFF).metres) == 0


@settings(max_examples=many(60))
@given(st.integers(0, 10_000), st.booleans())
def test_cold_and_compiled_meet_alike(seed: int, some_closed: bool) -> None:
    network = shapeworld.random_roads(seed)
    rng = np.random.default_rng(seed)
    if some_closed:
        network = shapeworld.closing(
            network, rng.choice(network.n_edges, network.n_edges // 3, replace=False)
        )
    lon, lat = shapeworld.points_on_roads(network, seed, 40)
    compiled, cold = attach(network, lon, lat, **OFF), attach(network, lon, lat, cold=True, **OFF)
    for name in vars(compiled):
        np.testing.assert_array_equal(getattr(compiled, name), getattr(cold, name), err_msg=name)
    # Alone as among others: an array of one takes another way through numpy.
    alone = attach(network, lon[7], lat[7], cold=True, **OFF)
    for name in ("out_node", "out_cs", "in_node", "in_cs", "shape", "along"):
        np.testing.assert_array_equal(getattr(alone, name)[0], getattr(cold, name)[7], err_msg=name)


@settings(max_examples=many(60))
@given(st.integers(0, 10_000))
def test_ways_to_the_ends_obey_the_edges(seed: int) -> None:
    """Every way ends at the head or begins at the tail of an open edge of the shape, and sums to its time."""
    rng = np.random.default_rng(seed)
    network = shapeworld.random_roads(seed)
    network = shapeworld.closing(network, rng.choice(network.n_edges, network.n_edges // 4, replace=False))
    assert network.shapes is not None
    tails = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    access = attach(network, *shapeworld.points_on_roads(network, seed, 30), **OFF)
    for row in np.flatnonzero(access.shape >= 0).tolist():
        for column, edge in enumerate(network.shapes.edge[access.shape[row]].tolist()):
            own = [each[row, column] for each in (access.out_node, access.in_node)]
            if edge < 0 or network.centiseconds[edge] == CLOSED:
                assert own == [-1, -1]
                continue
            assert own == [network.head[edge], tails[edge]]
            both = int(access.out_cs[row, column]) + int(access.in_cs[row, column])
            assert both - 2 * access.off_cs[row] == network.centiseconds[edge]
            share = abs(column - float(access.along[row]))
            before = round(share * int(network.centiseconds[edge]))
            assert access.in_cs[row, column] == access.off_cs[row] + before


@settings(max_examples=many(60))
@given(st.integers(0, 10_000))
def test_direct_ways_are_those_of_a_split_road(seed: int) -> None:
    """Of each shape alone: its edges, split at every point, must lead from point to point as quickly."""
    network = shapeworld.random_roads(seed, n=5, m=5)
    starts, ends = (
        attach(network, *shapeworld.points_on_roads(network, seed + 7 * i, 15), **OFF) for i in (1, 2)
    )
    graph = shapeworld.split_graph(network, starts, ends)
    graph.remove_nodes_from(range(network.n_nodes))
    times = shapeworld.times_between(graph, 15, 15)
    i, j, time, column = on_one_road(starts, ends)
    found = np.full((15, 15), np.inf)
    found[i, j] = time
    same = (starts.shape[:, None] == ends.shape) & (starts.shape[:, None] >= 0)
    np.testing.assert_array_equal(found[same], times[same])
    assert np.isinf(found[~same]).all()
    assert set(column.tolist()) <= {0, 1}


def test_split_graphs_and_merged_lists() -> None:
    """The oracle itself: a road of 1000 with a point at a quarter; and lists put together in order."""
    network = straight(1000, None)
    access = attach(network, *at(0, 2500), **OFF)
    graph = shapeworld.split_graph(network, access)
    assert nx.dijkstra_path_length(graph, 0, ("at", 0, 0), weight="cs") == 250
    assert nx.dijkstra_path_length(graph, ("at", 0, 0), 1, weight="cs") == 750
    nodes = snap.at_nodes(network, np.array([2, 0]))
    both = snap.merged(nodes, access, np.array([True, False, True]))
    assert both.out_node[:, 0].tolist() == [2, 1, 0]
    assert both.along.tolist() == [0.0, 0.25, 0.0]
    assert both.take(slice(1, 2)).in_cs.tolist() == access.in_cs.tolist()
    assert [each.tolist() for each in both.exits()] == [[0, 1, 2], [2, 1, 0], [0, 750, 0]]
    assert [each.tolist() for each in both.entries()] == [[0, 1, 2], [2, 0, 0], [0, 250, 0]]


def test_shapes_that_may_not_be_met_are_passed_over() -> None:
    network = shapeworld.make(
        [(0, 0), (10_000, 0), (0, 3000), (10_000, 3000)], [Road(0, 1, 9, 9, snap=False), Road(2, 3, 9, 9)]
    )
    access = attach(network, *at(5000, 100), **OFF)
    assert access.shape.tolist() == [1]
    bare = replace(network, grid=None)  # a network without an index meets at nodes
    assert attach(bare, *at(5100, 100), **OFF).out_node[0, 0] == 1
