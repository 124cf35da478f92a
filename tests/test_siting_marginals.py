"""The marginal table and the curve of cover against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from boai.coverage.siting import marginals, mclp
from boai.coverage.siting.marginals import marginal_table
from boai.coverage.siting.marginals_curve import cover_curve
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def csr(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], np.int64)


def cover(rows, weight, sites) -> float:
    return float(sum(w for row, w in zip(rows, weight, strict=True) if set(row) & set(sites)))


@st.composite
def cases(draw, whole=True):
    """Rows of candidates (with duplicates), weights, plan, existing and forbidden candidates."""
    n = draw(st.integers(0, 7))
    row = st.lists(st.integers(0, n - 1), max_size=4) if n else st.just([])
    rows = draw(st.lists(row, max_size=12))
    number = st.integers(0, 9) if whole else st.floats(0, 9).map(lambda w: round(w, 3))
    weight = np.array(draw(st.lists(number, min_size=len(rows), max_size=len(rows))), float)
    order = draw(st.permutations(range(n)))
    cut, stand, end = sorted(draw(st.tuples(*[st.integers(0, n)] * 3)))
    return rows, weight, n, list(order[:stand]), list(order[:cut]), list(order[end:])


@settings(max_examples=many(250), deadline=None, derandomize=True)
@given(cases())
def test_table_equals_brute_force(case):
    rows, weight, n, sites, existing, forbidden = case
    table = marginal_table(*csr(rows), weight, n, sites, existing=existing, forbidden=forbidden)
    opened = table.site.tolist()
    assert sorted(opened) == sorted(sites) and table.existing.tolist() == [s in existing for s in opened]
    assert opened[: len(existing)] == table.site[table.existing].tolist()
    for at, site in enumerate(opened):
        turn = [s for s in opened if (s in existing) == (site in existing)]
        before = opened[:at]
        gains = [cover(rows, weight, [*before, s]) for s in turn if s not in before]
        assert table.gain[at] == max(gains) - cover(rows, weight, before)
        assert table.gross[at] == cover(rows, weight, [site])
        rest = [s for s in opened if s != site]
        now, without = cover(rows, weight, opened), cover(rows, weight, rest)
        assert table.sole[at] == now - without
        free = [j for j in range(n) if j not in opened and j not in forbidden]
        best = max((cover(rows, weight, [*rest, j]) for j in free), default=without)
        assert table.loss[at] == now - best
        replacement = int(table.replacement[at])
        if best == without:
            assert replacement == -1
        else:
            assert replacement in free and cover(rows, weight, [*rest, replacement]) == best
    whole, free = cover(rows, weight, range(n)), [j for j in range(n) if j not in forbidden]
    assert table.covered == cover(rows, weight, opened) == table.gain.sum()
    assert table.uncovered == cover(rows, weight, free) - table.covered
    assert table.unreachable == weight.sum() - cover(rows, weight, free)
    assert whole <= weight.sum() and ("不是最优" in table.note) == bool((table.loss < 0).any())


@settings(max_examples=many(50), deadline=None, derandomize=True)
@given(cases(whole=False))
def test_resolved_losses_equal_brute_force(case):
    rows, weight, n, sites, existing, forbidden = case
    asked = {"existing": existing, "forbidden": forbidden}
    table = marginal_table(*csr(rows), weight, n, sites, **asked, resolve=True)
    for at, site in enumerate(table.site.tolist()):
        free = [j for j in range(n) if j not in forbidden and j != site and j not in existing]
        must = [j for j in existing if j != site]
        size = min(len(sites), len(free) + len(must)) - len(must)
        best = max(
            cover(rows, weight, [*must, *some])
            for some in itertools.combinations(free, max(0, min(size, len(free))))
        )
        lost = cover(rows, weight, sites) - best
        assert table.loss_at_least[at] - 1e-6 <= lost <= table.loss_at_most[at] + 1e-6
        assert table.loss_at_most[at] - table.loss_at_least[at] <= 1e-4
        assert table.loss_at_most[at] <= table.loss[at] + 1e-6


@settings(max_examples=many(200), deadline=None, derandomize=True)
@given(cases(), st.integers(0, 8), st.integers(0, 6), st.booleans())
def test_curve_equals_brute_force(case, more, least, solved):
    rows, weight, n, _, existing, forbidden = case
    most = min(len(existing) + more, n)
    numbers = list(range(len(existing), most + 1)) if solved else []
    asked = {"existing": existing, "forbidden": forbidden, "least": least}
    curve = cover_curve(*csr(rows), weight, n, most=most, exact=numbers, **asked)
    free = [j for j in range(n) if j not in forbidden and j not in existing]
    assert curve.p.tolist() == list(range(len(existing), min(most, n - len(forbidden)) + 1))
    for at, p in enumerate(curve.p.tolist()):
        plan = [*existing, *curve.sites[:at]]
        best = max(
            cover(rows, weight, [*existing, *some])
            for some in itertools.combinations(free, p - len(existing))
        )
        assert curve.cover[at] == cover(rows, weight, plan) <= curve.best[at] <= best <= curve.bound[at]
        assert curve.uncovered[at] == cover(rows, weight, [*free, *existing]) - curve.cover[at]
        assert not solved or curve.best[at] == curve.bound[at] == best
        assert curve.cover[at] - curve.cover[0] >= (1 - np.exp(-1)) * (best - curve.cover[0]) - 1e-9
    assert (np.diff(curve.gain[1:]) <= 0).all()
    steps = np.diff(curve.cover) < least
    end = None if curve.p[-1] < n - len(forbidden) else int(curve.p[-1])
    assert curve.stop == (len(existing) + int(np.argmax(steps)) if steps.any() else end)
    if curve.stop_proven is not None and curve.stop_proven < curve.p[-1]:
        at = curve.stop_proven - len(existing)
        assert curve.bound[at + 1] - curve.best[at] < least


def world(seed=1, m=4000, n=200, radius=0.06):
    random = np.random.default_rng(seed)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= radius**2
    arrays = np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1]
    return (*arrays, random.integers(1, 50, m).astype(float), n)


def test_an_optimal_plan_loses_by_every_exchange_and_no_less_than_by_solving_anew():
    arrays = world()
    plan = mclp(*arrays, p=12)
    table = marginal_table(*arrays, plan.sites, names=[f"点{j}" for j in range(200)], resolve=True)
    assert plan.status == "optimal" and (table.loss >= 0).all() and table.note == ""
    assert (table.loss_at_least >= 0).all() and (table.loss_at_most <= table.loss).all()
    assert table.site.tolist() == list(plan.sites) and table.gain.tolist() == list(plan.gains)
    assert table.name[0] == f"点{plan.sites[0]}" and table.covered == plan.objective
    assert (table.sole >= table.loss).all() and (table.gross >= table.gain).all()


def test_names_of_rows_and_candidates_do_not_matter():
    indptr, indices, weight, n = world(m=500, n=40, radius=0.15)
    random = np.random.default_rng(3)
    rename, order = random.permutation(n), random.permutation(500)
    rows = [rename[indices[indptr[r] : indptr[r + 1]]].tolist() for r in order]
    sites = [1, 5, 9, 22]
    one = marginal_table(indptr, indices, weight, n, sites, existing=[5])
    two = marginal_table(*csr(rows), weight[order], n, rename[sites].tolist(), existing=[int(rename[5])])
    assert two.site.tolist() == rename[one.site].tolist()
    for what in ("gain", "sole", "loss", "gross", "cumulative"):
        assert getattr(one, what).tolist() == getattr(two, what).tolist()


def test_no_time_and_interruption_leave_the_table(monkeypatch):
    arrays = world(m=300, n=30, radius=0.2)
    table = marginal_table(*arrays, [1, 2, 3], resolve=True, time_limit_s=0.0)
    assert np.isnan(table.loss_at_most).all() and np.isfinite(table.loss).all() and "3 处" in table.note
    calls = []

    def stopped(*args, **asked):
        calls.append(asked)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return mclp(*args, **asked)

    monkeypatch.setattr(marginals, "mclp", stopped)
    table = marginal_table(*arrays, [1, 2, 3], resolve=True)
    assert np.isnan(table.loss_at_most).tolist() == [False, True, True]


def test_empty_and_hostile_arguments():
    empty = np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0), 0
    table = marginal_table(*empty, [])
    assert len(table.site) == 0 and table.covered == 0 and table.uncovered == 0
    curve = cover_curve(*empty, most=0)
    assert curve.p.tolist() == [0] and curve.stop == 0
    one = np.array([0, 1]), np.array([0]), np.array([3.0]), 2
    assert cover_curve(*one, most=9).p.tolist() == [0, 1, 2]
    for wrong in (
        {"sites": [0, 0]},
        {"sites": [2]},
        {"sites": [0], "forbidden": [0]},
        {"sites": [0], "names": ["a"]},
        {"sites": [-1]},
    ):
        with pytest.raises(ValueError, match=r"."):
            marginal_table(*one, **wrong)
    for wrong in (
        {"most": 0, "existing": [0]},
        {"most": -1},
        {"most": 1, "exact": [2]},
        {"most": 1.5},
        {"most": 1, "least": -1.0},
        {"most": 1, "existing": [0], "forbidden": [0]},
    ):
        with pytest.raises(ValueError, match=r"."):
            cover_curve(*one, **wrong)
    with pytest.raises(ValueError, match="weight"):
        marginal_table(*one[:2], np.array([np.nan]), 2, [0])
