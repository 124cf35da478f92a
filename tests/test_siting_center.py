"""The p-center against brute force, an independent solver, and its own certificates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from boai.coverage.siting import center, covering
from boai.coverage.siting.center import (
    CenterProof,
    center_radius,
    certify_center,
    p_center,
    p_center_with_proof,
)
from boai.coverage.siting.covering import Branch, Tree, Wanted, kept_columns, prices_exclude
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp


@st.composite
def cases(draw, most=8):
    """A small matrix (ties, zeros, no ways), weights, p, forced and forbidden candidates."""
    m, n = draw(st.integers(1, 9)), draw(st.integers(1, most))
    cell = st.integers(0, 9).map(float)
    if draw(st.booleans()):
        cell = st.one_of(cell, st.just(np.inf))
    if draw(st.booleans()):
        cell = cell.map(lambda c: c / 7)
    cost = np.array(draw(st.lists(st.lists(cell, min_size=n, max_size=n), min_size=m, max_size=m)))
    weight = np.array(draw(st.lists(st.integers(0, 3), min_size=m, max_size=m)), float)
    order = draw(st.permutations(range(n)))
    cut, end = (
        sorted(draw(st.tuples(st.integers(0, n), st.integers(0, n)))) if draw(st.booleans()) else (0, n)
    )
    return cost, weight, draw(st.integers(cut, end)), order[:cut], order[end:]


def lists(cost):
    way = np.isfinite(cost)
    return np.r_[0, np.cumsum(way.sum(1))], np.nonzero(way)[1], cost[way]


def radius(cost, weight, sites):
    return max(
        (min([row[j] for j in sites], default=np.inf) for row, w in zip(cost, weight, strict=True) if w),
        default=0.0,
    )


def brute_force(cost, weight, p, forced, forbidden):
    allowed = sorted(set(range(cost.shape[1])) - set(forbidden))
    plans = (sites for sites in itertools.combinations(allowed, p) if set(forced) <= set(sites))
    return min(radius(cost, weight, sites) for sites in plans)


@settings(max_examples=700, deadline=None)
@given(cases(), st.booleans())
def test_equals_brute_force_and_is_certified(case, compressed):
    cost, weight, p, forced, forbidden = case
    given_cost = lists(cost) if compressed else cost
    request = {"p": p, "forced": forced, "forbidden": forbidden}
    request |= {"n_candidates": cost.shape[1]} if compressed else {}
    plan, proof = p_center_with_proof(given_cost, weight, **request)
    best = brute_force(cost, weight, p, forced, forbidden)
    if best == np.inf:
        assert plan.status == "infeasible" and plan.note and plan.sites == ()
        return
    assert (plan.status, plan.objective, plan.bound, plan.gap) == ("optimal", best, best, 0.0)
    assert radius(cost, weight, plan.sites) == best
    assert set(forced) <= set(plan.sites) and not set(forbidden) & set(plan.sites)
    assert len(set(plan.sites)) == len(plan.sites) <= p
    assert certify_center(given_cost, weight, proof, **request) == proof.radius == best


@settings(max_examples=200, deadline=None)
@given(cases())
def test_gains_are_what_closing_costs(case):
    cost, weight, p, forced, forbidden = case
    plan = p_center(cost, weight, p=p, forced=forced, forbidden=forbidden)
    assert list(plan.gains) == sorted(plan.gains, reverse=True) and len(plan.gains) == len(plan.sites)
    for site, gain in zip(plan.sites, plan.gains, strict=True):
        without = radius(cost, weight, [j for j in plan.sites if j != site])
        assert gain == without - plan.objective and (gain > 0 or site in forced)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_prices_never_exclude_a_plan(data):
    """The certificate: whatever the prices, a plan that reaches all rows is never excluded."""
    m, n = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    bits = data.draw(st.lists(st.booleans(), min_size=m * n, max_size=m * n))
    wanted = Wanted(np.array(bits).reshape(m, n), data.draw(st.integers(0, n)))
    price = np.array(data.draw(st.lists(st.integers(0, 9), min_size=m, max_size=m)))
    state = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    opened, closed = state == 0, state == 1
    over, more, fewer = prices_exclude(wanted, price, opened, closed)
    for size in range(wanted.sites + 1):
        for sites in itertools.combinations(range(n), size):
            plan = np.isin(np.arange(n), sites)
            fits = (plan >= opened).all() and not (plan & closed).any()
            if fits and wanted.cover[:, plan].any(axis=1).all():
                assert not over
                if size == wanted.sites:  # with fewer, any more may be opened
                    assert not (plan & fewer).any() or _replaced(wanted, more, fewer)


def _replaced(wanted, more, fewer):
    """Some plan among those left reaches all rows too."""
    free = np.flatnonzero(~(more | fewer))
    for size in range(wanted.sites - int(more.sum()) + 1):
        for sites in itertools.combinations(free, size):
            plan = more | np.isin(np.arange(len(more)), sites)
            if wanted.cover[:, plan].any(axis=1).all():
                return True
    return False


def planar(m, n, seed):
    random = np.random.default_rng(seed)
    away = random.random((m, 2))[:, None] - random.random((n, 2))[None]
    return np.sqrt((away**2).sum(-1))


def fewest(cover):
    """The fewest columns that reach all rows, by scipy's solver."""
    n = cover.shape[1]
    result = milp(
        np.ones(n), constraints=LinearConstraint(cover.astype(float), 1), integrality=1, bounds=Bounds(0, 1)
    )
    return round(result.fun) if result.success else n + 1


@pytest.mark.parametrize(("m", "n", "p", "seed"), [(300, 60, 5, 1), (500, 80, 12, 2), (400, 100, 25, 3)])
def test_equals_an_independent_solver(m, n, p, seed):
    cost = planar(m, n, seed)
    plan, proof = p_center_with_proof(cost, np.ones(m), p=p)
    assert plan.status == "optimal" and plan.objective == plan.bound
    assert fewest(cost <= plan.objective) <= p < fewest(cost < plan.objective)
    assert certify_center(cost, np.ones(m), proof, p=p) == plan.objective


def test_few_rows_decide():
    cost = planar(20_000, 60, 4)
    plan = p_center(cost, np.ones(20_000), p=8)
    assert plan.status == "optimal" and plan.reductions["rows_deciding"] < 300


def test_the_tree_is_checked():
    cost = planar(300, 60, 1)
    plan, proof = p_center_with_proof(cost, np.ones(300), p=5)
    assert proof.tree is not None
    alone = cost.min(axis=1).max()
    free = [Branch(np.zeros_like(proof.tree.steps[0].price))]
    wrong = CenterProof(proof.radius, Tree(proof.tree.rows, free))
    assert certify_center(cost, np.ones(300), wrong, p=5) == alone
    too_much = CenterProof(plan.objective * 1.5, proof.tree)
    assert certify_center(cost, np.ones(300), too_much, p=5) <= plan.objective


def test_dominated_columns_go():
    cover = np.array([[1, 1, 0, 1, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0]], bool)
    assert kept_columns(cover).tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("limit", [0.0, 0.001, 0.02, 0.1])
def test_out_of_time_has_a_valid_bound(limit):
    cost = planar(400, 100, 6)
    best = p_center(cost, np.ones(400), p=15)
    plan, proof = p_center_with_proof(cost, np.ones(400), p=15, time_limit_s=limit)
    assert best.status == "optimal" and plan.bound <= best.objective <= plan.objective
    assert plan.objective == center_radius(cost, np.ones(400), plan.sites)
    assert certify_center(cost, np.ones(400), proof, p=15) == plan.bound


def test_interrupted_returns_the_best_so_far(monkeypatch):
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(center, "decide_cover", stop)
    plan = p_center(planar(100, 30, 2), np.ones(100), p=4)
    assert plan.note.startswith("已中断") and plan.bound <= plan.objective


def test_the_tree_alone_decides(monkeypatch):
    """Without a good first guess of a plan, branching finds the same radius."""
    cost = planar(200, 50, 9)
    best = p_center(cost, np.ones(200), p=10)
    greedy = covering._greedy
    monkeypatch.setattr(
        covering,
        "_greedy",
        lambda wanted, opened, closed, fraction: (
            greedy(wanted, opened, closed, fraction) if wanted.cover[:, opened].any(axis=1).all() else None
        ),
    )
    plan, proof = p_center_with_proof(cost, np.ones(200), p=10)
    assert plan.objective == best.objective == plan.bound
    assert certify_center(cost, np.ones(200), proof, p=10) == plan.objective


def test_same_input_same_plan_and_inputs_stay():
    cost = planar(200, 50, 3)
    copy = cost.copy()
    assert p_center(cost, np.ones(200), p=6) == p_center(cost, np.ones(200), p=6)
    assert (cost == copy).all()


def test_nothing_to_serve_and_useless_sites():
    assert p_center(np.ones((2, 3)), [0, 0], p=2).objective == 0.0
    assert p_center(np.ones((0, 3)), [], p=1).status == "optimal"
    plan = p_center(np.array([[1.0, 5.0, 5.0]]), [1], p=3)
    assert (plan.sites, plan.objective) == (
        (0,),
        1.0,
    ) and plan.note == "另外 2 个名额不会缩短最远距离, 未开设"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"p": 4}, "要求开设 4 个, 可选的候选点只有 3 个"),
        ({"p": 2, "forbidden": [0]}, "1 处居民任何候选点都到不了 (序号 0)"),
        ({"p": 2}, "2 个点不能到达所有居民"),
        ({"p": 0}, "0 个点不能到达所有居民"),
    ],
)
def test_infeasible_says_why(request_, reason):
    cost = np.full((3, 3), np.inf)
    np.fill_diagonal(cost, 1.0)
    plan = p_center(cost, np.ones(3), **request_)
    assert (plan.status, plan.sites, plan.note) == ("infeasible", (), reason)
