"""Floating catchments against loops written from the papers, conservation, and the edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gridworld
import numpy as np
import pytest
from boai.coverage import decay
from boai.coverage.floating import (
    METHODS,
    Accessibility,
    access_by_cell,
    accessibility,
    by_zone,
    enhanced_two_step,
    gravity,
    potential,
    three_step,
    two_step,
)
from boai.coverage.matrix import Matrix, build_matrix
from boai.coverage.zones import zones_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pairworld import pairs, random_costs


def by_loops(
    cost: NDArray[np.float64],
    supply: Any,
    demand: Any,
    weight: Callable[[float], float],
    *,
    choose: bool = False,
) -> NDArray[np.float64]:
    """The formulas of the papers, place by place; pairs that are not to be counted cost inf."""
    n, s = cost.shape
    w = [[weight(cost[i, j]) if cost[i, j] < np.inf else 0.0 for j in range(s)] for i in range(n)]
    if choose:
        w = [[each * each / sum(row) if sum(row) else 0.0 for each in row] for row in w]
    asked = [sum(demand[i] * w[i][j] for i in range(n)) for j in range(s)]
    ratio = [supply[j] / asked[j] if asked[j] else 0.0 for j in range(s)]
    return np.array([sum(ratio[j] * w[i][j] for j in range(s)) for i in range(n)])


# Against loops and first principles


@pytest.mark.parametrize("seed", range(3))
def test_formulas_of_the_papers(seed: int) -> None:
    cost, supply, demand = random_costs(seed, 40, 8)
    near, matrix = np.where(cost <= 60, cost, np.inf), pairs(cost, limit=60)
    end = np.exp(-0.5)
    ways: dict[str, tuple[Callable[[float], float], bool]] = {
        "2sfca": (lambda _: 1.0, False),
        "e2sfca": (lambda c: 1.0 if c <= 20 else 0.68 if c <= 40 else 0.22, False),
        "gravity": (lambda c: (np.exp(-((c / 60) ** 2) / 2) - end) / (1 - end), False),
        "3sfca": (lambda c: 0.962 if c <= 10 else 0.704 if c <= 20 else 0.377 if c <= 30 else 0.042, True),
    }
    for method, (weight, choose) in ways.items():
        ours = accessibility(matrix, supply, demand, method)  # type: ignore[arg-type]
        np.testing.assert_allclose(
            ours.score, by_loops(near, supply, demand, weight, choose=choose), rtol=1e-12, atol=1e-300
        )


def some_matrix(seed: int, n: int, s: int) -> tuple[Matrix, Any, Any]:
    cost, supply, demand = random_costs(seed, n, s)
    return pairs(cost, limit=45), supply, demand


@given(st.integers(0, 10_000), st.integers(0, 30), st.integers(0, 8), st.sampled_from(list(METHODS)))
def test_what_is_used_is_what_residents_have(seed: int, n: int, s: int, method: Any) -> None:
    matrix, supply, demand = some_matrix(seed, n, s)
    found = accessibility(matrix, supply, demand, method)
    assert np.all(np.isfinite(found.score)) and np.all(found.score >= 0)
    assert found.score @ demand == pytest.approx(found.used.sum(), rel=1e-12)
    reached = np.bincount(matrix.site, weights=np.repeat(demand, np.diff(matrix.indptr)), minlength=s) > 0
    if method != "gravity":  # a Gaussian is 0 at its limit
        assert np.array_equal(found.used, np.where(reached, supply, 0))


@given(st.integers(0, 10_000), st.sampled_from(list(METHODS)))
def test_order_and_scale_do_not_matter(seed: int, method: Any) -> None:
    cost, supply, demand = random_costs(seed, 20, 5)
    rng = np.random.default_rng(seed)
    rows, sites = rng.permutation(20), rng.permutation(5)
    first = accessibility(pairs(cost, limit=45), supply, demand, method).score
    other = accessibility(pairs(cost[rows][:, sites], limit=45), supply[sites], demand[rows], method).score
    np.testing.assert_allclose(other, first[rows], rtol=1e-12)
    double = accessibility(pairs(cost, limit=45), supply * 2, demand, method).score
    np.testing.assert_allclose(double, first * 2, rtol=1e-12)


@given(st.integers(0, 10_000), st.sampled_from(list(METHODS)))
def test_more_supply_or_fewer_residents_lower_nobody(seed: int, method: Any) -> None:
    matrix, supply, demand = some_matrix(seed, 20, 5)
    first = accessibility(matrix, supply, demand, method).score
    more = supply.copy()
    more[2] += 10
    assert np.all(accessibility(matrix, more, demand, method).score >= first * (1 - 1e-12))
    fewer = np.maximum(demand // 2, 1)  # still someone everywhere
    assert np.all(
        accessibility(matrix, supply, fewer, method).score
        >= accessibility(matrix, supply, np.maximum(demand, 1), method).score * (1 - 1e-12)
    )


def test_limits_are_inclusive() -> None:
    cost = np.array([[600.0, 1200.0, 1800.0, 1800.01]])
    matrix = pairs(cost, limit=3600)
    found = two_step(matrix, [1, 1, 1, 1], [1], limit=1800)
    assert found.score.tolist() == [3]
    assert found.used.tolist() == [1, 1, 1, 0]
    near = gravity(matrix, [1, 1, 1, 1], [1], decay=lambda each: (each <= 1200).astype(float))
    assert near.used.tolist() == [1, 1, 0, 0]
    matrix = pairs([[20.0, 20.01, 40.0, 60.0]], limit=60)
    row = np.array([1, 0.68, 0.68, 0.22])
    assert potential(matrix, np.ones(4), decay=lambda _: np.ones(4)) == 4
    together = enhanced_two_step(pairs([[20.0], [20.01], [40.0], [60.0]], limit=60), [1], np.ones(4))
    np.testing.assert_allclose(together.score, row / row.sum(), rtol=1e-15)


def test_three_steps_ask_less_of_each_of_many_sites() -> None:
    """Two sites side by side are one to a chooser: each is asked for half (Wan et al. 2012)."""
    cost = np.array([[10.0, 10.0], [10.0, np.inf]])
    found = three_step(pairs(cost, limit=60), [1, 1], [100, 100])
    w = 0.962
    asked = [100 * w / 2 + 100 * w, 100 * w / 2]
    np.testing.assert_allclose(found.score, [w / 2 / asked[0] + w / 2 / asked[1], w / asked[0]])


def test_decays() -> None:
    cost = np.array([0.0, 30.0, 60.0, 90.0])
    assert decay.gaussian(60)(cost)[[0, 2, 3]].tolist() == [1, 0, 0]
    np.testing.assert_allclose(decay.bell(30)(cost), np.exp([-0.0, -0.5, -2, -4.5]))
    np.testing.assert_allclose(decay.exponential(30)(cost), np.exp([-0.0, -1, -2, -3]))
    np.testing.assert_allclose(decay.power(2, scale=30, at_least=15)(cost), [4, 1, 1 / 4, 1 / 9])
    long = np.arange(3_000_001, dtype=np.int32)  # several pieces
    np.testing.assert_array_equal(decay.weights_of(long, decay.exponential(30)), np.exp(-(long / 100) / 30))


# Cells and zones


def test_drive_on_a_grid_by_zone() -> None:
    """Two stores at the south corners of 4 x 4 places ten minutes apart, limit ten minutes; 2^i residents."""
    demand, network = gridworld.grid_demand(), gridworld.grid_network()
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [0, 3]), demand=demand)
    matrix = build_matrix(demand, network, layer, gridworld.drive_standard((600,), 600))
    people = demand.residents
    found = two_step(matrix, [38, 28], matrix.weight(people))
    shared = {0: 1 + 2 + 16, 3: 4 + 8 + 128}  # a store, its neighbours east or west, and north
    cells = access_by_cell(found, 16)
    expected = np.zeros(16)
    expected[[0, 1, 4]], expected[[2, 3, 7]] = 38 / shared[0], 28 / shared[3]
    np.testing.assert_allclose(cells, expected, rtol=1e-15)
    cities = by_zone(found, zones_of(demand, "市"), people)
    west, east = people[demand.county < 2].sum(), people[demand.county >= 2].sum()
    assert cities["residents"].tolist() == [west, east]
    np.testing.assert_allclose(cities["per_10k"], [38 / west * 1e4, 28 / east * 1e4])
    np.testing.assert_allclose(cities["without_share"], [1 - 19 / west, 1 - 140 / east])
    mean = 66 / people.sum()
    np.testing.assert_allclose(cities["ratio"], [38 / west / mean, 28 / east / mean])
    for level in ("省", "市", "县", "网格"):
        table = by_zone(found, zones_of(demand, level), people)
        assert (table["per_10k"] * table["residents"]).sum() / 1e4 == pytest.approx(66)
        assert list(table.columns[:4]) == ["level", "code", "name", "city"]


def test_walk_takes_the_mean_of_the_sub_cells() -> None:
    demand = gridworld.hex_demand(1)
    network = gridworld.make_network([], [], [], lon=demand.lon, lat=demand.lat)
    layer = gridworld.make_layer("aed", demand.lon[[3]], demand.lat[[3]], demand=demand)
    matrix = build_matrix(demand, network, layer, gridworld.walk_standard((500,)))
    assert 0 < matrix.n_rows < 343
    found = two_step(matrix, [1], matrix.weight(demand.residents))
    np.testing.assert_allclose(found.score, 1 / (16 * matrix.n_rows), rtol=1e-12)
    cells = access_by_cell(found, len(demand.cell))
    np.testing.assert_allclose(cells @ demand.residents, 1, rtol=1e-12)
    table = by_zone(found, zones_of(demand, "省"), demand.residents)
    assert table.loc[0, "without_share"] == pytest.approx(1 - matrix.n_rows / (343 * 7))
    assert table.loc[0, "per_10k"] == pytest.approx(1e4 / demand.residents.sum())
    assert "够不着" in table.loc[0, "text"]


# Edges


def nothing(n: int, s: int) -> Matrix:
    return pairs(np.full((n, s), np.inf))


@pytest.mark.parametrize("method", list(METHODS))
def test_edges(method: Any) -> None:
    none = accessibility(nothing(3, 0), [], [1, 2, 3], method)
    assert none.score.tolist() == [0, 0, 0] and none.note == "没有站点, 可得性全部为0"
    alone = accessibility(nothing(3, 2), [5, 0], [1, 2, 3], method)
    assert alone.score.tolist() == [0, 0, 0] and alone.unused.tolist() == [5, 0]
    assert "100.0%" in alone.note
    closed = accessibility(pairs([[60.0, 60.0]]), [0, 0], [4], method)
    assert closed.score.tolist() == [0] and closed.note == "所有站点的供给都为0, 可得性全部为0"
    one = accessibility(pairs([[60.0]]), [2], [4], method)
    assert one.score == pytest.approx(0.5) and one.note == ""
    same = accessibility(pairs([[60.0] * 3, [120.0] * 3]), [1, 1, 1], [4, 4], method)
    assert same.score @ [4, 4] == pytest.approx(3)
    desert = accessibility(pairs([[60.0], [120.0]]), [2], [0, 0], method)
    assert desert.score.tolist() == [0, 0] and desert.unused.tolist() == [2]
    empty = accessibility(nothing(0, 2), [1, 1], [], method)
    assert len(empty.score) == 0 and empty.unused.tolist() == [1, 1]
    assert access_by_cell(empty, 0).tolist() == []


def test_weights_that_vanish_overflow_nothing() -> None:
    cost = np.array([[3600.0], [10.0]])
    tiny = lambda each: np.where(each > 60, 1e-300, 1.0)  # noqa: E731
    found = gravity(pairs(cost), [1], [5, 0], decay=tiny)
    assert found.score.tolist() == [0, 0] and found.unused.tolist() == [1]


def test_zones_without_residents() -> None:
    demand = gridworld.grid_demand(residents=np.zeros(16))
    found = two_step(pairs(np.full((16, 1), 60.0)), [1], np.zeros(16))
    table = by_zone(found, zones_of(demand, "县"), demand.residents)
    assert table["per_10k"].isna().all() and table["ratio"].isna().all()
    assert table["text"].tolist() == ["没有居民"] * 4
    someone = gridworld.grid_demand(residents=np.ones(16))
    table = by_zone(found, zones_of(someone, "县"), someone.residents)
    assert table["text"].tolist() == ["范围内没有可用的供给"] * 4
    assert table["per_10k"].tolist() == [0] * 4 and table["without_share"].tolist() == [1] * 4


@pytest.mark.parametrize(
    "call",
    [
        lambda m: two_step(m, [1, 1], [1]),
        lambda m: two_step(m, [1], [1, 1]),
        lambda m: two_step(m, [-1], [1]),
        lambda m: two_step(m, [np.nan], [1]),
        lambda m: two_step(m, [1], [np.inf]),
        lambda m: two_step(m, [1], [1], limit=3601),
        lambda m: two_step(m, [1], [1], limit=0),
        lambda m: enhanced_two_step(m, [1], [1], steps=((7200, 1.0),)),
        lambda m: enhanced_two_step(m, [1], [1], steps=((60, 1.0), (60, 0.5))),
        lambda m: enhanced_two_step(m, [1], [1], steps=()),
        lambda m: enhanced_two_step(m, [1], [1], steps=((60, -1.0),)),
        lambda m: three_step(m, [1], [1], steps=((60, 1.0),), decay=decay.bell(1)),
        lambda m: gravity(m, [1], [1], decay=lambda each: -each),
        lambda m: potential(m, [1], decay=lambda each: each / 0.0),
        lambda _: decay.gaussian(0),
        lambda _: decay.power(1, scale=1, at_least=0),
    ],
)
def test_refusals(call: Callable[[Matrix], Accessibility]) -> None:
    with np.errstate(divide="ignore"), pytest.raises(ValueError):
        call(pairs([[60.0]]))
