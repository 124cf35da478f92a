"""The kernels against scipy and networkx, exactly."""

from __future__ import annotations

from pathlib import Path

import gridworld
import numpy as np
import pytest
from boai.coverage import travel
from boai.geodata.network import Network, load_network, save_network
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra


def all_times(network: Network, sources: list[int]) -> NDArray[np.float64]:
    """(sources, nodes) centiseconds by scipy, inf where there is no way; the shortest of parallel edges."""
    n = network.n_nodes
    best: dict[tuple[int, int], int] = {}
    for tail, head, cost in zip(
        travel.edge_tails(network).tolist(), network.head.tolist(), network.centiseconds.tolist(), strict=True
    ):
        best[tail, head] = min(cost, best.get((tail, head), cost))
    keys = np.array(list(best), int).reshape(-1, 2)
    matrix = csr_array((np.array(list(best.values()), float), (keys[:, 0], keys[:, 1])), shape=(n, n))
    return np.asarray(dijkstra(matrix, indices=sources)).reshape(len(sources), n)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Network, list[int], list[int], int]:
    """A random network, sites, offsets, a limit; times of very different sizes, ties, isolated nodes."""
    n = draw(st.integers(1, 12))
    node = st.integers(0, n - 1)
    cost = st.one_of(st.integers(1, 4), st.integers(1, 1000), st.integers(1, 2_000_000))
    edges = draw(st.lists(st.tuples(node, node, cost), max_size=40))
    sites = draw(st.lists(node, min_size=0, max_size=6))
    offsets = draw(st.lists(st.integers(0, 5000), min_size=len(sites), max_size=len(sites)))
    tail, head, costs = (list(part) for part in zip(*edges, strict=True)) if edges else ([], [], [])
    limit = draw(st.one_of(st.integers(0, 10), st.integers(0, 10_000_000)))
    return gridworld.make_network(tail, head, costs, n_nodes=n), sites, offsets, limit


@settings(max_examples=300, deadline=None)
@given(cases())
def test_nearest_and_second_nearest_equal_scipy(case: tuple[Network, list[int], list[int], int]) -> None:
    network, sites, offsets, limit = case
    first = travel.to_nearest(network, sites, offset_cs=offsets, within_cs=limit)
    second = travel.to_second_nearest(network, sites, first, offset_cs=offsets, within_cs=limit)
    times = all_times(network, sites) + np.array(offsets, float)[:, None]
    for node in range(network.n_nodes):
        ranked = sorted((times[i, node], i) for i in range(len(sites)) if times[i, node] <= limit)
        ranked += [(float(travel.UNREACHED), -1)] * 2
        assert (first.centiseconds[node], first.site[node]) == ranked[0]
        assert (second.centiseconds[node], second.site[node]) == ranked[1]


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(1, 3))
def test_within_equals_scipy(case: tuple[Network, list[int], list[int], int], threads: int) -> None:
    network, sites, offsets, limit = case
    found = travel.within(network, sites, within_cs=limit, offset_cs=offsets, threads=threads)
    times = all_times(network, sites) + np.array(offsets, float)[:, None]
    assert len(found.indptr) == len(sites) + 1
    for i in range(len(sites)):
        row = slice(found.indptr[i], found.indptr[i + 1])
        got = dict(zip(found.node[row].tolist(), found.centiseconds[row].tolist(), strict=True))
        assert len(got) == len(found.node[row])
        assert got == {v: times[i, v] for v in range(network.n_nodes) if times[i, v] <= limit}


@settings(max_examples=150, deadline=None)
@given(cases())
def test_paths_are_ways_of_the_stated_length_from_the_stated_site(
    case: tuple[Network, list[int], list[int], int],
) -> None:
    network, sites, offsets, limit = case
    nearest = travel.to_nearest(network, sites, offset_cs=offsets, within_cs=limit)
    tails = travel.edge_tails(network)
    for node in range(network.n_nodes):
        nodes, edges = travel.path(network, nearest, node)
        if nearest.site[node] < 0:
            assert len(nodes) == len(edges) == 0
            continue
        site = nearest.site[node]
        assert nodes[0] == sites[site]
        assert nodes[-1] == node
        assert tails[edges].tolist() == nodes[:-1].tolist()
        assert network.head[edges].tolist() == nodes[1:].tolist()
        assert offsets[site] + network.centiseconds[edges].sum() == nearest.centiseconds[node]


def test_random_networks_equal_networkx() -> None:
    for seed in range(5):
        network = gridworld.random_network(seed, n=200, m=700)
        graph = gridworld.as_graph(network)
        nearest = travel.to_nearest(network, [3, 50, 120])
        times = [gridworld.times_from(graph, site) for site in (3, 50, 120)]
        for node in range(network.n_nodes):
            reached = [(time[node], i) for i, time in enumerate(times) if node in time]
            assert (nearest.centiseconds[node], nearest.site[node]) == min(
                reached, default=(travel.UNREACHED, -1)
            )


def test_the_limit_is_inclusive_to_the_centisecond() -> None:
    network = gridworld.grid_network(3)
    ten_minutes = gridworld.SECONDS * 100
    assert (travel.to_nearest(network, [0], within_cs=ten_minutes).site >= 0).sum() == 3
    assert (travel.to_nearest(network, [0], within_cs=ten_minutes - 1).site >= 0).sum() == 1
    assert len(travel.within(network, [0], within_cs=ten_minutes).node) == 3
    assert len(travel.within(network, [0], within_cs=ten_minutes - 1).node) == 1
    assert len(travel.within(network, [0], within_cs=ten_minutes, offset_cs=[1]).node) == 1
    assert len(travel.within(network, [0], within_cs=4, offset_cs=[5]).node) == 0


def test_relief_drives_along_the_edges_from_the_site() -> None:
    one_way = gridworld.make_network([0], [1], [7], n_nodes=2)
    assert travel.to_nearest(one_way, [0]).centiseconds.tolist() == [0, 7]
    assert travel.to_nearest(one_way, [1]).centiseconds.tolist() == [travel.UNREACHED, 0]


def test_ties_go_to_the_lowest_position() -> None:
    network = gridworld.grid_network(3)
    corners = [8, 0, 6, 2]
    assert travel.to_nearest(network, corners).site[4] == 0
    assert travel.to_nearest(network, corners[::-1]).site[4] == 0
    assert travel.to_nearest(network, [4, 4]).site.tolist() == [0] * 9
    second = travel.to_second_nearest(network, [4, 4], travel.to_nearest(network, [4, 4]))
    assert second.site.tolist() == [1] * 9
    star = gridworld.make_network([0, 1], [2, 2], [5, 5], n_nodes=3)
    first = travel.to_nearest(star, [2, 1, 0])
    assert travel.to_second_nearest(star, [2, 1, 0], first).site.tolist() == [-1, -1, 1]


def test_a_memory_map_gives_the_same(tmp_path: Path) -> None:
    network = gridworld.random_network(1)
    save_network(network, tmp_path / "network")
    mapped = load_network(tmp_path / "network")
    for a, b in zip(
        vars(travel.to_nearest(network, [0, 5])).values(),
        vars(travel.to_nearest(mapped, [0, 5])).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_long_times_and_far_offsets_fit_the_ring() -> None:
    network = gridworld.make_network([0, 1, 2], [1, 2, 3], [1, 1_900_000_000, 1], n_nodes=4)
    assert travel.to_nearest(network, [0]).centiseconds.tolist() == [0, 1, 1_900_000_001, 1_900_000_002]
    late = travel.to_nearest(network, [0, 2], offset_cs=[0, 2_000_000_000])
    assert late.site.tolist() == [0, 0, 0, 0]
    assert travel.to_second_nearest(
        network, [0, 2], late, offset_cs=[0, 2_000_000_000]
    ).centiseconds.tolist() == [
        travel.UNREACHED,
        travel.UNREACHED,
        2_000_000_000,
        2_000_000_001,
    ]
    beyond = gridworld.make_network([0, 1], [1, 2], [2_000_000_000, 2_000_000_000], n_nodes=3)
    assert travel.to_nearest(beyond, [0]).centiseconds.tolist() == [0, 2_000_000_000, travel.UNREACHED]
    both = travel.to_nearest(beyond, [0, 2])
    assert travel.to_second_nearest(beyond, [0, 2], both).site.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("sites", "options", "message"),
    [
        ([9], {}, "outside the 9 nodes"),
        ([-1], {}, "outside the 9 nodes"),
        ([0], {"offset_cs": [-1]}, "offsets"),
        ([0], {"offset_cs": [1, 2]}, "offsets"),
        ([0], {"within_cs": -1}, "limit"),
    ],
)
def test_wrong_arguments_are_refused(sites: list[int], options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        travel.to_nearest(gridworld.grid_network(3), sites, **options)  # type: ignore[arg-type]


def test_times_that_are_not_positive_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 centisecond"):
        travel.to_nearest(gridworld.make_network([0], [1], [0], n_nodes=2), [0])


def test_nothing_is_reached_from_no_sites_or_without_roads() -> None:
    grid = gridworld.grid_network(3)
    assert (travel.to_nearest(grid, []).site == -1).all()
    assert travel.within(grid, [], within_cs=5).indptr.tolist() == [0]
    bare = gridworld.make_network([], [], [], n_nodes=2)
    assert travel.to_nearest(bare, [1], offset_cs=[7]).centiseconds.tolist() == [travel.UNREACHED, 7]
