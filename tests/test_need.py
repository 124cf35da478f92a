"""Which stores together bring what is needed: against trying all combinations."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from boai.coverage import need
from boai.coverage.need import Plan, fewest, first
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def brute(stock: Any, wanted: Any, eta: Any) -> tuple[list[int], list[int]]:
    """Try all combinations: rows, earliest first, of the first plan and of that with the fewest stores."""
    come = [row for row in range(len(eta)) if np.isfinite(eta[row])]
    target = np.minimum(wanted, stock[come].sum(axis=0))
    soonest, smallest = [], []
    for count in range(len(come) + 1):
        for rows in map(list, combinations(come, count)):
            if (stock[rows].sum(axis=0) >= target).all():
                arrivals = sorted((eta[row], row) for row in rows)
                last = arrivals[-1][0] if rows else 0.0
                soonest.append((last, count, arrivals))
                smallest.append((count, last, arrivals))
    return [row for _, row in min(soonest)[2]], [row for _, row in min(smallest)[2]]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    stores, items = draw(st.integers(0, 7)), draw(st.integers(1, 3))
    amounts = st.integers(0, 6)
    stock = np.array([[draw(amounts) for _ in range(items)] for _ in range(stores)], np.int64)
    wanted = np.array([draw(st.integers(0, 15)) for _ in range(items)], np.int64)
    minutes = st.sampled_from([1.0, 2.0, 2.0, 3.0, 5.0, 9.0, np.inf])
    return stock.reshape(stores, items), wanted, np.array([draw(minutes) for _ in range(stores)])


@settings(max_examples=many(300))
@given(cases())
def test_plans_are_those_of_all_combinations(case: tuple[Any, Any, Any]) -> None:
    stock, wanted, eta = case
    plans = first(stock, wanted, eta), fewest(stock, wanted, eta)
    expected = brute(stock, wanted, eta)
    for plan, rows in zip(plans, expected, strict=True):
        assert plan.rows.tolist() == rows
        assert plan.proven
        hold(plan, stock, wanted, eta)
    assert plans[0].shortfall.tolist() == plans[1].shortfall.tolist()
    assert len(plans[1].rows) <= len(plans[0].rows)


def hold(plan: Plan, stock: Any, wanted: Any, eta: Any) -> None:
    """Hold what is true of every plan."""
    assert (plan.takes.sum(axis=0) + plan.shortfall == wanted).all()
    assert (plan.takes >= 0).all() and (plan.takes <= stock[plan.rows]).all() and (plan.shortfall >= 0).all()
    assert (plan.takes.sum(axis=1) > 0).all(), "a store is there for nothing"
    assert np.isfinite(eta[plan.rows]).all() and (np.diff(eta[plan.rows]) >= 0).all()
    assert np.isfinite(plan.complete_s) == (not plan.shortfall.any())
    if len(plan.rows):
        assert plan.last_s == eta[plan.rows].max()
    for item in range(len(wanted)):  # what the earlier store has is taken before the later one's
        taken, held = plan.takes[:, item], stock[plan.rows, item]
        later = np.cumsum(taken[::-1])[::-1] - taken
        assert ((later == 0) | (taken == held)).all()


@settings(max_examples=many(60))
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_stores_changes_nothing(case: tuple[Any, Any, Any], random: Any) -> None:
    stock, wanted, eta = case
    eta = eta + np.arange(len(eta)) / 1000  # no two arrive at once
    order = list(range(len(eta)))
    random.shuffle(order)
    for plan in (first, fewest):
        one, other = plan(stock, wanted, eta), plan(stock[order], wanted, eta[order])
        assert one.rows.tolist() == [order[row] for row in other.rows]
        assert one.takes.tolist() == other.takes.tolist()


def test_one_more_store_never_makes_it_later_or_larger() -> None:
    rng = np.random.default_rng(8)
    for _ in range(many(60)):
        stock, eta = rng.integers(0, 20, (12, 3)), rng.uniform(1, 9, 12)
        wanted = rng.integers(0, 60, 3)
        less, more = first(stock[:-1], wanted, eta[:-1]), first(stock, wanted, eta)
        assert more.complete_s <= less.complete_s
        assert (more.shortfall <= less.shortfall).all()
        if not less.shortfall.any():
            assert len(fewest(stock, wanted, eta).rows) <= len(fewest(stock[:-1], wanted, eta[:-1]).rows)


def test_what_nobody_has_is_short_and_the_rest_comes() -> None:
    plan = first([[5, 0], [7, 0]], [20, 3], [60.0, 30.0])
    assert (plan.rows.tolist(), plan.takes.tolist()) == ([1, 0], [[7, 0], [5, 0]])
    assert (plan.shortfall.tolist(), plan.complete_s, plan.last_s) == ([8, 3], np.inf, 60.0)


def test_nothing_needed_and_no_stores() -> None:
    for plan in (first, fewest):
        nothing = plan([[5]], [0], [60.0])
        assert (nothing.rows.tolist(), nothing.complete_s, nothing.shortfall.tolist()) == ([], 0.0, [0])
        none = plan(np.zeros((0, 2)), [3, 4], [])
        assert (none.rows.tolist(), none.complete_s, none.shortfall.tolist()) == ([], np.inf, [3, 4])
        late = plan([[5]], [4], [np.inf])
        assert (late.rows.tolist(), late.shortfall.tolist(), np.isnan(late.last_s)) == ([], [4], True)


def test_stock_below_zero_counts_as_none() -> None:
    plan = first([[-50], [5]], [4], [1.0, 2.0])
    assert (plan.rows.tolist(), plan.takes.tolist(), plan.shortfall.tolist()) == ([1], [[4]], [0])


@pytest.mark.parametrize(("stock", "wanted"), [([[1]], [-1]), ([[1, 2]], [1])])
def test_needs_that_are_none(stock: Any, wanted: Any) -> None:
    with pytest.raises(ValueError, match="needs"):
        first(stock, wanted, [1.0])


def test_a_province_of_stores_is_planned_exactly() -> None:
    """Stocks in proportion to the size of the store, as offices have them: proven at once."""
    rng = np.random.default_rng(2)
    size = rng.lognormal(5, 1, (111, 1))
    stock = np.rint(size * [4.0, 8.0, 1.6, 0.8] * rng.uniform(0.9, 1.1, (111, 4))).astype(np.int64)
    eta = rng.uniform(3600, 20_000, 111)
    wanted = stock.sum(axis=0) // 3
    one, other = first(stock, wanted, eta), fewest(stock, wanted, eta)
    assert one.proven and other.proven and len(other.rows) < len(one.rows)
    hold(one, stock, wanted, eta)
    hold(other, stock, wanted, eta)


def test_beyond_the_budget_the_solver_proves_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    cases = [
        (rng.integers(0, 30, (14, 3)), rng.integers(20, 90, 3), rng.uniform(1, 9, 14)) for _ in range(12)
    ]
    counts = [len(fewest(*case).rows) for case in cases]
    monkeypatch.setattr(need, "_BUDGET", 2)
    for case, count in zip(cases, counts, strict=True):
        plan = fewest(*case)
        hold(plan, *case)
        assert plan.proven and len(plan.rows) == count


def test_a_plan_that_is_not_proven_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from boai.coverage import need_program

    monkeypatch.setattr(need, "_BUDGET", 0)
    monkeypatch.setattr(need_program, "fewest_by_program", lambda *_: (np.empty(0, np.int64), 0))
    monkeypatch.setattr(need, "_at_least", lambda *_: 1)
    stock, wanted, eta = np.array([[3, 0], [0, 3], [2, 2], [2, 2]]), np.array([4, 4]), np.arange(4.0)
    plan = fewest(stock, wanted, eta)
    assert not plan.proven
    hold(plan, stock, wanted, eta)
