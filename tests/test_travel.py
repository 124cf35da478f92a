"""The kernels over whole networks against scipy and networkx, exactly."""

from __future__ import annotations

import hashlib
import multiprocessing
import re
from dataclasses import replace
from pathlib import Path

import boai.coverage.travel
import gridworld
import numpy as np
import pytest
from boai.coverage import travel
from boai.geodata.network import CLOSED, incoming, load_network, save_network
from boai.geodata.roads import read_osm
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from travelworld import (
    Case,
    all_times,
    cases,
    check_way,
    expected,
    ranking,
    rough_network,
    same,
    without_closed,
)


@settings(max_examples=many(300), deadline=None)
@given(cases(), st.integers(1, 4))
def test_the_k_nearest_equal_scipy_with_their_lowest_edges(case: Case, k: int) -> None:
    time, site, edge = expected(case, max(k, 2))
    ranks = travel.k_nearest(case.network, k=k, **case.asked)
    np.testing.assert_array_equal(ranks.centiseconds, time[:, :k])
    np.testing.assert_array_equal(ranks.site, site[:, :k])
    np.testing.assert_array_equal(ranks.edge, edge[:, :k])
    first = travel.to_nearest(case.network, **case.asked)
    np.testing.assert_array_equal(first.centiseconds, time[:, 0])
    np.testing.assert_array_equal(first.site, site[:, 0])
    np.testing.assert_array_equal(first.edge, edge[:, 0])
    asked = {name: value for name, value in case.asked.items() if name != "direction"}
    second = travel.to_second_nearest(case.network, first=first, **asked)
    np.testing.assert_array_equal(second.centiseconds, time[:, 1])
    np.testing.assert_array_equal(second.site, site[:, 1])
    np.testing.assert_array_equal(second.edge, edge[:, 1])


@settings(max_examples=many(200), deadline=None)
@given(cases(), st.integers(1, 3))
def test_within_and_trees_equal_scipy(case: Case, threads: int) -> None:
    group = np.sort(case.labels)
    options = {"within_cs": case.limit, "offset_cs": case.offsets, "direction": case.direction}
    found = travel.within(case.network, case.nodes, group=group, n_groups=7, threads=threads, **options)
    times = all_times(case.network, case.nodes, case.direction) + np.array(case.offsets, float)[:, None]
    times = np.where(times <= case.limit, times, np.inf)
    assert len(found.indptr) == 8
    for i in range(7):
        row = slice(found.indptr[i], found.indptr[i + 1])
        got = dict(zip(found.node[row].tolist(), found.centiseconds[row].tolist(), strict=True))
        assert len(got) == len(found.node[row])
        own = times[group == i].min(axis=0, initial=np.inf)
        assert got == {v: own[v] for v in range(case.network.n_nodes) if own[v] < np.inf}
    trees = travel.trees(case.network, case.nodes, threads=threads, **options)
    np.testing.assert_array_equal(trees, np.where(times < np.inf, times, travel.UNREACHED))


@settings(max_examples=many(150), deadline=None)
@given(cases(), st.integers(1, 3))
def test_paths_are_ways_of_the_stated_length_from_the_stated_site(case: Case, k: int) -> None:
    network = case.network
    ranks = travel.k_nearest(network, k=k, **case.asked)
    nearest = travel.to_nearest(network, **case.asked)
    offset = dict.fromkeys(zip(case.nodes, case.labels, strict=True), 10**9)
    for node, label, time in zip(case.nodes, case.labels, case.offsets, strict=True):
        offset[node, label] = min(offset[node, label], time)
    for node in range(network.n_nodes):
        for rank in range(k):
            nodes, edges = travel.path(network, ranks, node, rank=rank)
            label = int(ranks.site[node, rank])
            if label < 0:
                assert len(nodes) == len(edges) == 0
                continue
            site = int(nodes[0 if case.direction == "from" else -1])
            way = (nodes, edges, ranks.centiseconds[node, rank])
            check_way(network, case.direction, way, (site, node), offset[site, label])
            if rank == 0:
                np.testing.assert_array_equal(travel.path(network, nearest, node)[1], edges)


@settings(max_examples=many(150), deadline=None)
@given(cases())
def test_closed_edges_are_as_if_they_were_not_there(case: Case) -> None:
    bare = without_closed(case.network)
    closed, rebuilt = (travel.to_nearest(network, **case.asked) for network in (case.network, bare))
    np.testing.assert_array_equal(closed.centiseconds, rebuilt.centiseconds)
    np.testing.assert_array_equal(closed.site, rebuilt.site)


@settings(max_examples=many(150), deadline=None)
@given(cases())
def test_without_each_equals_leaving_each_out(case: Case) -> None:
    lost = travel.without_each(case.network, **case.asked)
    assert same(lost.first, travel.to_nearest(case.network, **case.asked))
    assert len(lost.indptr) == max(case.labels, default=-1) + 2
    for site in range(len(lost.indptr) - 1):
        left = [i for i, label in enumerate(case.labels) if label != site]
        others = replace(
            case,
            nodes=[case.nodes[i] for i in left],
            offsets=[case.offsets[i] for i in left],
            labels=[case.labels[i] for i in left],
        )
        without = travel.to_nearest(case.network, **others.asked)
        own = slice(lost.indptr[site], lost.indptr[site + 1])
        assert lost.node[own].tolist() == np.flatnonzero(lost.first.site == site).tolist()
        np.testing.assert_array_equal(lost.centiseconds[own], without.centiseconds[lost.node[own]])
        np.testing.assert_array_equal(lost.site[own], without.site[lost.node[own]])


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


@pytest.mark.parametrize("longest", [5.0, 1e3, 1e8])
def test_large_rough_networks_equal_scipy(longest: float) -> None:
    """Many buckets, times beyond the ring, chunks given back and taken again."""
    network = rough_network(1, 20_000, 60_000, longest)
    nodes = np.arange(0, 20_000, 500)
    for direction in ("from", "to"):
        times = all_times(network, nodes, direction)
        trees = travel.trees(network, nodes, direction=direction)
        np.testing.assert_array_equal(trees, np.where(np.isfinite(times), times, travel.UNREACHED))
        ranks = travel.k_nearest(network, nodes, 3, direction=direction)
        order = np.argsort(times, axis=0, kind="stable")[:3]
        best = np.take_along_axis(times, order, axis=0)
        there = np.isfinite(best)
        np.testing.assert_array_equal(ranks.site.T, np.where(there, order, -1))
        np.testing.assert_array_equal(ranks.centiseconds.T, np.where(there, best, travel.UNREACHED))
        nearest = travel.to_nearest(network, nodes, direction=direction)
        np.testing.assert_array_equal(nearest.site, ranks.site[:, 0])
        np.testing.assert_array_equal(nearest.edge, ranks.edge[:, 0])
        limit = int(np.median(times[np.isfinite(times)]))
        found = travel.within(network, nodes, within_cs=limit, direction=direction)
        assert len(found.node) == (times <= limit).sum()
        assert found.centiseconds.sum(dtype=np.int64) == times[times <= limit].sum()


def test_a_node_with_many_edges_makes_the_queue_grow() -> None:
    n = 200_000
    spokes = np.arange(1, n)
    cost = np.random.default_rng(0).permutation(n - 1) * 1000 + 1
    star = gridworld.make_network(np.zeros(n - 1, int), spokes, cost, n_nodes=n)
    for time in (
        travel.to_nearest(star, [0]).centiseconds,
        travel.k_nearest(star, [0], 2).centiseconds[:, 0],
        travel.trees(star, [0])[0],
    ):
        np.testing.assert_array_equal(time[1:], cost)
    found = travel.within(star, [0], within_cs=500_000)
    assert len(found.node) == 1 + (cost <= 500_000).sum()


def test_the_limit_is_inclusive_to_the_centisecond() -> None:
    network = gridworld.grid_network(3)
    ten_minutes = gridworld.SECONDS * 100
    assert (travel.to_nearest(network, [0], within_cs=ten_minutes).site >= 0).sum() == 3
    assert (travel.to_nearest(network, [0], within_cs=ten_minutes - 1).site >= 0).sum() == 1
    assert (travel.k_nearest(network, [0], 2, within_cs=ten_minutes).site >= 0).sum() == 3
    assert (travel.k_nearest(network, [0], 2, within_cs=ten_minutes - 1).site >= 0).sum() == 1
    assert len(travel.within(network, [0], within_cs=ten_minutes).node) == 3
    assert len(travel.within(network, [0], within_cs=ten_minutes - 1).node) == 1
    assert len(travel.within(network, [0], within_cs=ten_minutes, offset_cs=[1]).node) == 1
    assert len(travel.within(network, [0], within_cs=4, offset_cs=[5]).node) == 0


def test_relief_drives_along_the_edges_from_the_site() -> None:
    one_way = gridworld.make_network([0], [1], [7], n_nodes=2)
    assert travel.to_nearest(one_way, [0]).centiseconds.tolist() == [0, 7]
    assert travel.to_nearest(one_way, [1]).centiseconds.tolist() == [travel.UNREACHED, 0]
    assert travel.to_nearest(one_way, [1], direction="to").centiseconds.tolist() == [7, 0]
    assert travel.to_nearest(one_way, [0], direction="to").centiseconds.tolist() == [0, travel.UNREACHED]


def test_ties_go_to_the_lowest_number() -> None:
    network = gridworld.grid_network(3)
    corners = [8, 0, 6, 2]
    assert travel.to_nearest(network, corners).site[4] == 0
    assert travel.to_nearest(network, corners[::-1]).site[4] == 0
    assert travel.to_nearest(network, corners, label=[9, 7, 8, 5]).site[4] == 5
    assert travel.to_nearest(network, [4, 4]).site.tolist() == [0] * 9
    second = travel.to_second_nearest(network, [4, 4], travel.to_nearest(network, [4, 4]))
    assert second.site.tolist() == [1] * 9
    star = gridworld.make_network([0, 1], [2, 2], [5, 5], n_nodes=3)
    first = travel.to_nearest(star, [2, 1, 0])
    assert travel.to_second_nearest(star, [2, 1, 0], first).site.tolist() == [-1, -1, 1]


def test_the_way_of_a_second_nearest_site_needs_the_first() -> None:
    line = gridworld.make_network([0, 1, 2, 3], [1, 2, 3, 4], [5, 5, 5, 5], n_nodes=5)
    first = travel.to_nearest(line, [0, 2])
    second = travel.to_second_nearest(line, [0, 2], first)
    with pytest.raises(ValueError, match="k_nearest"):
        travel.path(line, second, 4)
    ranks = travel.k_nearest(line, [0, 2], 2)
    assert travel.path(line, ranks, 4, rank=1)[0].tolist() == [0, 1, 2, 3, 4]


def test_a_memory_map_gives_the_same(tmp_path: Path) -> None:
    network = gridworld.random_network(1)
    save_network(replace(network, into=incoming(network)), tmp_path / "network")
    mapped = load_network(tmp_path / "network")
    for direction in ("from", "to"):
        found = [travel.to_nearest(each, [0, 5], direction=direction) for each in (network, mapped)]
        assert same(*found)
    ranks = [travel.k_nearest(each, [0, 5], 2) for each in (network, mapped)]
    np.testing.assert_array_equal(ranks[0].edge, ranks[1].edge)


def _sum_within(folder: str) -> int:
    network = load_network(Path(folder))
    return int(travel.within(network, [0, 5], within_cs=100, threads=2).centiseconds.sum())


@pytest.mark.slow
def test_processes_share_one_network(tmp_path: Path) -> None:
    save_network(gridworld.random_network(1), tmp_path / "network")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        sums = pool.map(_sum_within, [str(tmp_path / "network")] * 2)
    assert set(sums) == {_sum_within(str(tmp_path / "network"))}


def test_the_number_of_threads_changes_nothing() -> None:
    network = rough_network(3, 3000, 9000, 1000.0)
    nodes = np.random.default_rng(0).integers(0, 3000, 200)
    one = travel.within(network, nodes, within_cs=3000, threads=1)
    for threads in (2, 3, None):
        other = travel.within(network, nodes, within_cs=3000, threads=threads)
        np.testing.assert_array_equal(one.indptr, other.indptr)
        np.testing.assert_array_equal(one.node, other.node)
        np.testing.assert_array_equal(one.centiseconds, other.centiseconds)
    trees = [travel.trees(network, nodes[:20], threads=threads) for threads in (1, 2)]
    np.testing.assert_array_equal(*trees)


def test_long_times_and_far_offsets_fit_the_ring() -> None:
    network = gridworld.make_network([0, 1, 2], [1, 2, 3], [1, 1_900_000_000, 1], n_nodes=4)
    assert travel.to_nearest(network, [0]).centiseconds.tolist() == [0, 1, 1_900_000_001, 1_900_000_002]
    late = travel.to_nearest(network, [0, 2], offset_cs=[0, 2_000_000_000])
    assert late.site.tolist() == [0, 0, 0, 0]
    second = travel.to_second_nearest(network, [0, 2], late, offset_cs=[0, 2_000_000_000])
    none = travel.UNREACHED
    assert second.centiseconds.tolist() == [none, none, 2_000_000_000, 2_000_000_001]


def test_times_beyond_the_integers_count_as_unreached() -> None:
    beyond = gridworld.make_network([0, 1], [1, 2], [2_000_000_000, 2_000_000_000], n_nodes=3)
    far = [0, 2_000_000_000, travel.UNREACHED]
    assert travel.to_nearest(beyond, [0]).centiseconds.tolist() == far
    assert travel.k_nearest(beyond, [0], 2).centiseconds[:, 0].tolist() == far
    assert travel.trees(beyond, [0])[0].tolist() == far
    assert travel.within(beyond, [0], within_cs=2**40).node.tolist() == [0, 1]
    both = travel.to_nearest(beyond, [0, 2])
    assert travel.to_second_nearest(beyond, [0, 2], both).site.tolist() == [-1, -1, -1]
    longest = gridworld.make_network([0], [1], [travel.UNREACHED], n_nodes=2)
    for offset in (0, 1, travel.UNREACHED - 1):
        assert travel.to_nearest(longest, [0], offset_cs=[offset]).site.tolist() == [0, -1]
        assert travel.trees(longest, [0], offset_cs=[offset])[0].tolist() == [offset, travel.UNREACHED]
        assert travel.k_nearest(longest, [0], 1, offset_cs=[offset]).site[:, 0].tolist() == [0, -1]


@pytest.mark.parametrize(
    ("sites", "options", "message"),
    [
        ([9], {}, "outside the 9 nodes"),
        ([-1], {}, "outside the 9 nodes"),
        ([0.5], {}, "whole numbers"),
        ([0], {"offset_cs": [0.5]}, "whole numbers"),
        ([2**63], {}, "outside the 9 nodes"),
        ([0], {"offset_cs": [-1]}, "offsets"),
        ([0], {"offset_cs": [1, 2]}, "offsets"),
        ([0], {"offset_cs": [2**31]}, "offsets"),
        ([0], {"label": [-1]}, "labels"),
        ([0], {"within_cs": -1}, "limit"),
        ([0], {"direction": "both"}, "direction"),
    ],
)
def test_wrong_arguments_are_refused(sites: list[float], options: dict[str, object], message: str) -> None:
    for search in (travel.to_nearest, lambda *some, **more: travel.k_nearest(*some, k=2, **more)):
        with pytest.raises(ValueError, match=message):
            search(gridworld.grid_network(3), sites, **options)  # type: ignore[arg-type]


def test_wrong_groups_and_numbers_are_refused() -> None:
    grid = gridworld.grid_network(3)
    with pytest.raises(ValueError, match="ascending"):
        travel.within(grid, [0, 1], within_cs=1, group=[1, 0])
    with pytest.raises(ValueError, match="n_groups"):
        travel.within(grid, [0, 1], within_cs=1, group=[0, 2], n_groups=2)
    with pytest.raises(ValueError, match="at least 1"):
        travel.k_nearest(grid, [0], 0)


@pytest.mark.parametrize("time", [0, -2])
def test_times_that_are_not_positive_are_refused(time: int) -> None:
    wrong = gridworld.make_network([0], [1], [time], n_nodes=2)
    for search in (travel.to_nearest, travel.trees, lambda *some: travel.k_nearest(*some, k=1)):
        with pytest.raises(ValueError, match="at least 1 centisecond"):
            search(wrong, [0])


def test_nothing_is_reached_from_no_sites_or_without_roads() -> None:
    grid = gridworld.grid_network(3)
    assert (travel.to_nearest(grid, []).site == -1).all()
    assert (travel.k_nearest(grid, [], 2).site == -1).all()
    assert travel.within(grid, [], within_cs=5).indptr.tolist() == [0]
    assert travel.trees(grid, []).shape == (0, 9)
    assert travel.without_each(grid, []).indptr.tolist() == [0]
    bare = gridworld.make_network([], [], [], n_nodes=2)
    assert travel.to_nearest(bare, [1], offset_cs=[7]).centiseconds.tolist() == [travel.UNREACHED, 7]
    nothing = gridworld.make_network([], [], [], n_nodes=0)
    assert travel.to_nearest(nothing, []).site.tolist() == []
    assert travel.k_nearest(nothing, [], 1).site.shape == (0, 1)


def test_a_network_may_be_closed_altogether() -> None:
    grid = gridworld.grid_network(3)
    closed = replace(grid, centiseconds=np.full(grid.n_edges, CLOSED, np.int32))
    assert travel.to_nearest(closed, [4]).site.tolist() == [-1] * 4 + [0] + [-1] * 4
    assert travel.within(closed, [4], within_cs=10**9).node.tolist() == [4]


@pytest.mark.slow
def test_a_real_network_equals_scipy(shared: Path) -> None:
    network = read_osm(shared / "data" / "osm" / "liechtenstein.osm.pbf")
    rng = np.random.default_rng(0)
    nodes, closed = rng.integers(0, network.n_nodes, 20), rng.integers(0, network.n_edges, 300)
    new = np.array(network.centiseconds)
    new[closed] = CLOSED
    now = replace(network, centiseconds=new)
    for direction in ("from", "to"):
        times = all_times(now, nodes, direction)
        trees = travel.trees(now, nodes, direction=direction)
        np.testing.assert_array_equal(trees, np.where(np.isfinite(times), times, travel.UNREACHED))
        before = travel.to_nearest(network, nodes, direction=direction)
        mended = travel.repair(network, now, before, nodes, changed=closed)
        assert same(mended, travel.to_nearest(now, nodes, direction=direction))
        reached = np.isfinite(times.min(axis=0))
        assert mended.site[reached].tolist() == times[:, reached].argmin(axis=0).tolist()
        np.testing.assert_array_equal(mended.centiseconds[reached], times[:, reached].min(axis=0))


def test_ranking_of_the_tests_knows_a_grid() -> None:
    """The reference itself, on a world with round numbers."""
    case = Case(gridworld.grid_network(2), [0, 3], [0, 5], [0, 1], 10**9, "from")
    assert ranking(case)[1] == [(60_000, 0), (60_005, 1)]


def test_compiled_loops_are_made_anew_when_the_queue_changes() -> None:
    """numba keeps what it compiled until the file of the loop changes: each names the state of queue.py."""
    folder = Path(boai.coverage.travel.__file__).parent
    state = hashlib.sha256((folder / "queue.py").read_bytes()).hexdigest()[:8]
    users = [path for path in folder.glob("*.py") if "new_queue(" in path.read_text(encoding="utf-8")]
    users = [path for path in users if path.name != "queue.py"]
    assert len(users) == 3
    for path in users:
        named = re.search(r'^QUEUE = "(\w+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
        assert named is not None
        assert named[1] == state, f'{path.name}: write QUEUE = "{state}"'
