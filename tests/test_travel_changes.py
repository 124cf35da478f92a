"""One question at a time, and answers that are mended: equal to a new search, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import numpy as np
import pytest
from boai.coverage import travel
from boai.geodata.network import CLOSED, Network, incoming
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from travelworld import Case, all_times, cases, check_way, costs, ranking, rough_network, same


@st.composite
def changing(draw: st.DrawFn) -> tuple[Case, list[dict[int, int]]]:
    """A case and up to four lists of edges with new times: closed, slower, faster, open again, the same."""
    case = draw(cases())
    if not case.network.n_edges:
        return case, []
    edge = st.integers(0, case.network.n_edges - 1)
    return case, draw(st.lists(st.dictionaries(edge, costs(), max_size=8), max_size=4))


def with_times(network: Network, times: dict[int, int]) -> Network:
    new = np.array(network.centiseconds)
    for edge, time in times.items():
        new[edge] = time
    return replace(network, centiseconds=new)


@settings(max_examples=many(200), deadline=None)
@given(changing())
def test_mended_answers_equal_a_new_search(world: tuple[Case, list[dict[int, int]]]) -> None:
    case, steps = world
    asked = {name: value for name, value in case.asked.items() if name != "direction"}
    before = travel.to_nearest(case.network, **case.asked)
    untouched = [part.copy() for part in (before.centiseconds, before.site, before.edge)]
    keeper = travel.Repairer(case.network, nearest=before, **case.asked)
    follower = travel.Repairer(case.network, **case.asked)
    now = case.network
    for times in steps:
        alone = with_times(case.network, times)
        fresh = travel.to_nearest(alone, **case.asked)
        known = travel.repair(case.network, alone, before, changed=list(times), **asked)
        assert same(known, fresh)
        assert same(travel.repair(case.network, alone, before, **asked), fresh)
        change = keeper.change(alone)
        assert same(change.applied(before), fresh)
        assert (np.diff(change.node) > 0).all()
        differs = (fresh.centiseconds != before.centiseconds) | (fresh.site != before.site)
        assert change.node.tolist() == np.flatnonzero(differs | (fresh.edge != before.edge)).tolist()
        now = with_times(now, times)
        assert same(follower.into(now), travel.to_nearest(now, **case.asked))
    for part, old in zip((before.centiseconds, before.site, before.edge), untouched, strict=True):
        np.testing.assert_array_equal(part, old)


@pytest.mark.parametrize("direction", ["from", "to"])
def test_large_networks_are_mended_exactly(direction: str) -> None:
    """Few closures and many, in turn with slow-downs and reopenings; also more than are worth mending."""
    network = rough_network(5, 20_000, 60_000, 1000.0)
    network = replace(network, into=incoming(network))
    rng = np.random.default_rng(1)
    nodes, offsets = rng.integers(0, 20_000, 30), rng.integers(0, 300, 30)
    keeper = travel.Repairer(network, nodes, offset_cs=offsets, direction=direction)
    now = network
    for count in (1, 5, 50, 500, 30_000, 300, 20):
        edges = rng.choice(network.n_edges, count, replace=False)
        new = np.array(now.centiseconds)
        new[edges] = np.where(rng.random(count) < 0.5, CLOSED, rng.integers(1, 3000, count))
        now = replace(now, centiseconds=new)
        fresh = travel.to_nearest(now, nodes, offset_cs=offsets, direction=direction)
        assert same(keeper.into(now, changed=edges), fresh)
    assert same(
        keeper.into(network), travel.to_nearest(network, nodes, offset_cs=offsets, direction=direction)
    )


def test_other_roads_and_wrong_edges_are_refused() -> None:
    grid = gridworld.grid_network(3)
    keeper = travel.Repairer(grid, [0])
    with pytest.raises(ValueError, match="other roads"):
        keeper.change(gridworld.grid_network(4))
    with pytest.raises(ValueError, match="outside"):
        keeper.change(grid, changed=[grid.n_edges])
    for wrong in (0, -2):
        with pytest.raises(ValueError, match="at least 1 centisecond"):
            keeper.change(with_times(grid, {3: wrong}))


def test_answers_of_other_networks_are_refused() -> None:
    """The loops look where the answer says, so it must be as long as the network."""
    grid, other = gridworld.grid_network(3), gridworld.grid_network(2)
    first, ranks = travel.to_nearest(other, [0]), travel.k_nearest(other, [0], 2)
    for ask in (
        lambda: travel.to_second_nearest(grid, [0], first),
        lambda: travel.without_each(grid, [0], first=first),
        lambda: travel.repair(grid, grid, first, [0]),
        lambda: travel.path(grid, first, 8),
        lambda: travel.nearest_ways(grid, ranks, [8], [0], 1),
        lambda: travel.Finder(grid, [0], before=(grid, ranks)),
    ):
        with pytest.raises(ValueError, match="not one for the 9 nodes"):
            ask()


def test_each_lost_is_asked_as_the_nearest_were_found() -> None:
    grid = gridworld.grid_network(3)
    for direction, sites in (("to", [0]), ("from", [0, 8])):
        first = travel.to_nearest(grid, sites, direction=direction)
        with pytest.raises(ValueError, match="other sites"):
            travel.without_each(grid, [0], first=first)


@pytest.mark.parametrize(("node", "rank"), [(9, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_way_to_no_node_or_of_no_rank_is_refused(node: int, rank: int) -> None:
    grid = gridworld.grid_network(3)
    with pytest.raises(ValueError, match="no node"):
        travel.path(grid, travel.to_nearest(grid, [0]), node, rank=rank)


def test_questions_refuse_times_that_are_not_positive_and_numbers_below_one() -> None:
    grid = gridworld.grid_network(3)
    for ask in (lambda network: travel.Finder(network, [0]), travel.Router):
        with pytest.raises(ValueError, match="at least 1 centisecond"):
            ask(with_times(grid, {0: 0}))
    with pytest.raises(ValueError, match="k must be at least 1"):
        travel.Finder(grid, [0]).nearest([4], 0)
    with pytest.raises(ValueError, match="are known"):
        travel.nearest_ways(grid, travel.k_nearest(grid, [0], 1), [4], [0], 0)


def test_ways_beyond_the_integers_are_none() -> None:
    """248 days are the longest time that can be told, whatever the ends of a way add."""
    network = gridworld.make_network([0, 1], [1, 0], [1000, 1000], n_nodes=2)
    longest = travel.UNREACHED - 1
    ranks = travel.k_nearest(network, [0], 1)
    for offset, times in ((longest - 1000, [longest]), (longest - 999, [])):
        known = travel.nearest_ways(network, ranks, [1], [offset], 1)
        found = travel.Finder(network, [0]).nearest([1], offset_cs=[offset])
        over = travel.route(network, [(0, 0)], [(1, offset)])
        at_once = travel.route(network, [(0, 1000)], [(0, offset)])
        assert [way.centiseconds for way in known] == times
        assert [way.centiseconds for way in found] == times
        assert [way.centiseconds for way in (over, at_once) if way] == 2 * times


@st.composite
def questions(draw: st.DrawFn) -> tuple[Case, list[tuple[int, int]], int, dict[int, int]]:
    """A case, a point met at up to three nodes, a number of sites, and new times of some edges."""
    case, steps = draw(changing())
    node = st.integers(0, case.network.n_nodes - 1)
    point = draw(st.lists(st.tuples(node, st.integers(0, 50)), max_size=3))
    return case, point, draw(st.integers(1, 4)), steps[0] if steps else {}


def answers(case: Case, point: list[tuple[int, int]], k: int) -> list[tuple[int, int]]:
    """The (time, label) of the k nearest sites of a point, from scipy's times."""
    best: dict[int, int] = {}
    for node, offset in point:
        for time, label in ranking(case)[node]:
            if time + offset <= case.limit:
                best[label] = min(best.get(label, travel.UNREACHED), time + offset)
    return sorted((time, label) for label, time in best.items())[:k]


def check_ways(case: Case, point: list[tuple[int, int]], ways: list[travel.Way]) -> None:
    for way in ways:
        near, far = (way.nodes[0], way.nodes[-1])
        if case.direction == "to":
            near, far = far, near
        seeds = zip(case.nodes, case.offsets, case.labels, strict=True)
        begin = min(offset for node, offset, label in seeds if (node, label) == (near, way.site))
        end = min(offset for node, offset in point if node == far)
        whole = (way.nodes, way.edges, way.centiseconds)
        check_way(case.network, case.direction, whole, (int(near), int(far)), begin + end)


@settings(max_examples=many(200), deadline=None)
@given(questions())
def test_the_finder_finds_what_scipy_finds(
    question: tuple[Case, list[tuple[int, int]], int, dict[int, int]],
) -> None:
    case, point, k, times = question
    nodes, offsets = [node for node, _ in point], [offset for _, offset in point]
    sites = {name: case.asked[name] for name in ("nodes", "offset_cs", "label", "direction")}
    ranks = travel.k_nearest(case.network, k=k, **sites)
    now = with_times(case.network, times)
    later = replace(case, network=now)
    finders = [
        travel.Finder(now, **sites),
        travel.Finder(now, before=(case.network, ranks), **sites),
    ]
    for finder in finders:
        for _ in range(2):  # the second time with arrays that the first has used
            ways = finder.nearest(nodes, k, offset_cs=offsets, within_cs=case.limit)
            assert [(way.centiseconds, way.site) for way in ways] == answers(later, point, k)
            check_ways(later, point, ways)
    far = replace(case, limit=travel.UNREACHED - 1)
    stored = travel.nearest_ways(case.network, ranks, nodes, offsets, k)
    assert [(way.centiseconds, way.site) for way in stored] == answers(far, point, k)
    check_ways(far, point, stored)


@pytest.mark.parametrize("direction", ["from", "to"])
def test_the_finder_is_led_by_what_was_known_before(direction: str) -> None:
    network = rough_network(7, 5000, 15_000, 1000.0)
    rng = np.random.default_rng(2)
    sites = rng.integers(0, 5000, 40)
    ranks = travel.k_nearest(network, sites, 3, direction=direction)
    new = np.array(network.centiseconds)
    new[rng.choice(len(new), 1500, replace=False)] = CLOSED
    slow = rng.choice(len(new), 1500, replace=False)
    new[slow] = np.where(new[slow] > 0, new[slow] * 3, CLOSED)
    now = replace(network, centiseconds=new)
    led = travel.Finder(now, sites, direction=direction, before=(network, ranks))
    plain = travel.Finder(now, sites, direction=direction)
    fresh = travel.k_nearest(now, sites, 3, direction=direction)
    for node in range(0, 5000, 25):
        truth = [
            (time, site)
            for time, site in zip(fresh.centiseconds[node].tolist(), fresh.site[node].tolist(), strict=True)
            if site >= 0
        ]
        for finder in (led, plain):
            assert [(way.centiseconds, way.site) for way in finder.nearest([node], 3)] == truth


def test_more_sites_than_are_known_are_refused() -> None:
    grid = gridworld.grid_network(3)
    ranks = travel.k_nearest(grid, [0, 8], 1)
    with pytest.raises(ValueError, match="are known"):
        travel.nearest_ways(grid, ranks, [4], [0], 2)


@st.composite
def journeys(draw: st.DrawFn) -> tuple[Network, list[tuple[int, int]], list[tuple[int, int]]]:
    case = draw(cases())
    seed = st.tuples(st.integers(0, case.network.n_nodes - 1), st.integers(0, 2000))
    ends = st.lists(seed, max_size=3)
    return case.network, draw(ends), draw(ends)


@settings(max_examples=many(300), deadline=None)
@given(journeys())
def test_routes_are_as_short_as_scipys(
    journey: tuple[Network, list[tuple[int, int]], list[tuple[int, int]]],
) -> None:
    network, start, end = journey
    times = all_times(network, [node for node, _ in start])
    best = min(
        (
            before + times[i, node] + after
            for i, (_, before) in enumerate(start)
            for node, after in end
            if np.isfinite(times[i, node])
        ),
        default=None,
    )
    router = travel.Router(network)
    for found in (travel.route(network, start, end), router.route(start, end), router.route(start, end)):
        if best is None:
            assert found is None
            continue
        assert found is not None
        first, last = int(found.nodes[0]), int(found.nodes[-1])
        extra = min(t for v, t in start if v == first) + min(t for v, t in end if v == last)
        way = (found.nodes, found.edges, found.centiseconds)
        check_way(network, "from", way, (first, last), extra)
        assert found.centiseconds == best


def test_routes_through_a_large_network_equal_scipy() -> None:
    network = rough_network(9, 20_000, 60_000, 1000.0)
    pairs = np.random.default_rng(3).integers(0, 20_000, (60, 2))
    times = all_times(network, pairs[:, 0])
    router = travel.Router(network)
    for row, (a, b) in zip(times, pairs.tolist(), strict=True):
        found = router.route([(a, 0)], [(b, 0)])
        assert (found.centiseconds if found else np.inf) == row[b]
