"""Barriers: the answer for every pair of cells, against networkx; rivers with a bridge near, far and none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gridworld
import numpy as np
import pytest
import shapeworld
from boai.coverage import barriers, gaps, measures, snap
from boai.geodata.demand import Demand
from boai.geodata.gazetteer import Gazetteer
from boai.geodata.network import Network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

K = 6


def river(bridges: list[int], *, k: int = K, one_way: bool = False, seconds: int = 600) -> Network:
    """A grid whose middle columns only the rows in ``bridges`` join; one way: from west to east only."""
    node = np.arange(k * k).reshape(k, k)
    a = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    b = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    cut = (a % k == k // 2 - 1) & (b % k == k // 2) & ~np.isin(a // k, bridges)
    a, b = a[~cut], b[~cut]
    over = (a % k == k // 2 - 1) & (b % k == k // 2) & one_way
    tail, head = np.concatenate([a, b[~over]]), np.concatenate([b, a[~over]])
    lon, lat = gridworld.grid_lonlat(k)
    return gridworld.make_network(tail, head, np.full(len(tail), seconds * 100), lon=lon, lat=lat)


def one_county(k: int = K, **others: Any) -> Demand:
    demand = gridworld.grid_demand(k, residents=np.full(k * k, 100))
    return Demand(**{**vars(demand), "county": np.zeros(k * k, np.int32), **others})


def places() -> Gazetteer:
    gaz = gridworld.make_gazetteer(gridworld.grid_demand(K))
    return replace(gaz, county=np.minimum(gaz.county, 0))


def neighbours(k: int = K) -> NDArray[np.int64]:
    node = np.arange(k * k).reshape(k, k)
    rows = np.column_stack([node[:, :-1].ravel(), node[:, 1:].ravel()])
    return np.concatenate([rows, np.column_stack([node[:-1].ravel(), node[1:].ravel()])])


def both_ways(network: Network, cells: snap.Access) -> NDArray[np.float64]:
    """(m, m) the slower of the times there and back between cells, by networkx."""
    if network.shapes is None:
        graph, times = gridworld.as_graph(network), np.full((len(cells.metres),) * 2, np.inf)
        for i, node in enumerate(cells.out_node[:, 0].tolist()):
            there = gridworld.times_from(graph, node)
            for j, other in enumerate(cells.in_node[:, 0].tolist()):
                times[i, j] = there.get(other, np.inf) + cells.off_cs[i] + cells.off_cs[j]
        return np.maximum(times, times.T)
    times = shapeworld.times_between(
        shapeworld.split_graph(network, cells, cells), len(cells.metres), len(cells.metres)
    )
    return np.maximum(times, times.T)


def count_gaps(roads: Network, **how: Any) -> int:
    demand, nowhere = one_county(), gridworld.make_layer("warehouse", [], [])
    cover = measures.cover_layer(demand, roads, nowhere, gridworld.drive_standard((1800,), 1800))
    return len(gaps.find_gaps(demand, cover, nowhere, places(), **how))


def test_a_river_without_a_bridge_parts_a_gap_in_two() -> None:
    network = river([])
    assert count_gaps(network) == 1
    assert count_gaps(network, network=network) == 2


def test_a_bridge_within_the_limit_makes_it_one_again() -> None:
    """Rows lie ten minutes apart: half an hour from row 0 over the bridge of row 1 and back to row 0."""
    network = river([1])
    assert count_gaps(network, network=network) == 1
    near = barriers.attach_cells(network, one_county(), gridworld.drive_standard(), np.arange(K * K))
    across = np.array([[row * K + 2, row * K + 3] for row in range(K)])
    for within_s, linked in (
        (600, [1]),
        (1799.99, [1]),
        (1800, [0, 1, 2]),
        (4200, range(5)),
        (5400, range(6)),
    ):
        found = barriers.linked(network, near, across, within_s=within_s)
        assert np.flatnonzero(found).tolist() == list(linked)


def test_a_bridge_far_from_the_gap_does_not_join_it() -> None:
    """Only the northern rows are out of reach, and the bridge is in the south."""
    network, demand = river([0]), one_county()
    standard = gridworld.drive_standard((1800,), 1800)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [0, 5]))
    cover = measures.cover_layer(demand, network, layer, standard)
    gaz = places()
    assert len(gaps.find_gaps(demand, cover, layer, gaz)) == 1
    parted = gaps.find_gaps(demand, cover, layer, gaz, network=network)
    assert parted["barrier"].tolist() == [
        "与第2号缺口相邻, 但路上超过30分钟",
        "与第1号缺口相邻, 但路上超过30分钟",
    ]
    near = gaps.find_gaps(demand, cover, layer, gaz, network=network, link_s=7200)
    assert len(near) == 1 and near["barrier"].tolist() == [""]


def test_both_directions_count() -> None:
    network = river([0, 1, 2, 3, 4, 5], one_way=True)
    assert count_gaps(network, network=network) == 2


def test_closed_roads_are_barriers() -> None:
    network = gridworld.grid_network(K)
    closed = replace(network, centiseconds=np.full(network.n_edges, -1, np.int32))
    assert count_gaps(network, network=network) == 1
    assert count_gaps(closed, network=closed) == K * K


@settings(max_examples=many(25))
@given(st.integers(0, 10_000))
def test_every_pair_on_random_nodes_equals_networkx(seed: int) -> None:
    network = gridworld.random_network(seed, n=30, m=70)
    rng = np.random.default_rng(seed)
    cells = snap.attach(
        network, rng.uniform(115, 116, 25), rng.uniform(28, 29, 25), detour=1.3, speed_kmh=200_000.0
    )
    times = both_ways(network, cells)
    a, b = np.triu_indices(25, 1)
    reached = times[a, b][np.isfinite(times[a, b])]
    for limit in np.quantile(reached, [0, 0.1, 0.5, 1]) if len(reached) else [100.0]:
        found = barriers.linked(network, cells, np.column_stack([a, b]), within_s=limit / 100)
        np.testing.assert_array_equal(found, times[a, b] <= limit)
        near = barriers.near_pairs(network, cells, within_s=limit / 100)
        np.testing.assert_array_equal(near, np.column_stack([a, b])[times[a, b] <= limit])


@settings(max_examples=many(25))
@given(st.integers(0, 10_000))
def test_every_pair_on_real_roads_equals_networkx(seed: int) -> None:
    """Cells on edges, closed edges, one-ways; several cells on one road."""
    network = shapeworld.random_roads(seed)
    rng = np.random.default_rng(seed)
    network = shapeworld.closing(network, rng.choice(network.n_edges, network.n_edges // 5, replace=False))
    lon, lat = shapeworld.points_on_roads(network, seed + 1, 20)
    cells = snap.attach(network, lon, lat, detour=1.3, speed_kmh=20.0)
    times = both_ways(network, cells)
    a, b = np.triu_indices(20, 1)
    pairs = np.column_stack([a, b])
    finite = times[a, b][np.isfinite(times[a, b])]
    for limit in np.quantile(finite, [0.05, 0.4, 1]).astype(int) if len(finite) else [1]:
        expected = times[a, b] <= limit
        np.testing.assert_array_equal(barriers.linked(network, cells, pairs, within_s=limit / 100), expected)
        np.testing.assert_array_equal(
            barriers.near_pairs(network, cells, within_s=limit / 100), pairs[expected]
        )


def test_the_order_of_the_ends_does_not_matter() -> None:
    network = river([2])
    cells = barriers.attach_cells(network, one_county(), gridworld.drive_standard(), np.arange(K * K))
    pairs = neighbours()
    there = barriers.linked(network, cells, pairs, within_s=1800)
    np.testing.assert_array_equal(there, barriers.linked(network, cells, pairs[:, ::-1], within_s=1800))
    looser = barriers.linked(network, cells, pairs, within_s=3000)
    assert (looser >= there).all() and looser.sum() > there.sum()


def test_cells_that_meet_no_road_are_linked_to_none() -> None:
    network = shapeworld.random_roads(3)
    lon = np.array([115.002, 115.002, 116.0, 116.0])
    lat = np.array([28.002, 28.002, 29.0, 29.0])
    cells = snap.attach(network, lon, lat, detour=1.3, speed_kmh=20.0, limit_m=5000.0)
    assert cells.met.tolist() == [True, True, False, False]
    found = barriers.linked(network, cells, np.array([[0, 1], [1, 2], [2, 3]]), within_s=36000)
    assert not found[1:].any()
    assert (barriers.near_pairs(network, cells, within_s=36000) < 2).all()


def test_without_pairs_or_cells() -> None:
    network = river([])
    cells = barriers.attach_cells(network, one_county(), gridworld.drive_standard(), np.arange(0))
    assert barriers.linked(network, cells, np.empty((0, 2), np.int64), within_s=60).tolist() == []
    assert barriers.near_pairs(network, cells, within_s=60).shape == (0, 2)


def test_on_foot_only_a_network_of_footways_shows_barriers() -> None:
    walk, drive = gridworld.walk_standard(), gridworld.drive_standard()
    network = river([])
    footways = replace(network, meta={"mode": "walk"})
    assert not barriers.applies(network, walk) and not barriers.applies(None, drive)
    assert barriers.applies(network, drive) and barriers.applies(footways, walk)
    assert barriers.link_limit(walk, None) == barriers.WALK_LINK_S
    assert (barriers.link_limit(drive, None), barriers.link_limit(drive, 90)) == (600, 90)


def test_a_river_on_foot_needs_footways() -> None:
    """Ten minutes from cell to cell; the bridge of row 0 is more than an hour from rows 3 and beyond."""
    demand, standard = one_county(), gridworld.walk_standard()
    share = np.where(np.arange(K * K) >= 3 * K, 0.0, 1.0)[:, None]
    nothing, inf = np.full(K * K, -1, np.int32), np.full(K * K, np.inf, np.float32)
    cover = measures.Cover(standard, share, nothing, inf)
    layer, roads = gridworld.make_layer("aed", [], []), river([0])
    footways = replace(roads, meta={"mode": "walk"})
    for network, link_s, count in (
        (None, None, 1),
        (roads, None, 1),
        (footways, None, 2),
        (footways, 4200, 1),
    ):
        found = gaps.find_gaps(demand, cover, layer, places(), network=network, link_s=link_s)
        assert len(found) == count


def test_cells_within_a_time_of_each_other_need_not_be_neighbours() -> None:
    network = river([1])
    assert count_gaps(network, network=network, metric="network", link_s=600) == 1
    assert count_gaps(network, network=network, metric="network", link_s=599) == K * K
    with pytest.raises(ValueError, match="metric"):
        count_gaps(network, metric="network")
