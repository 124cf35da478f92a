"""The p-dispersion against brute force, an independent solver, and its own certificates."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import dispersion, packing
from boai.coverage.siting.certificate import Checked
from boai.coverage.siting.dispersion import certify_dispersion, p_dispersion
from boai.coverage.siting.packing import Packing, prices_exclude
from boai.coverage.siting.proofs import Branch
from boai.coverage.siting.rules import Budget, Minimum, Quota, Rules
from boai.coverage.siting.site_limits import limits_of
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from sitingworld import cases, check_progress, interrupt


def least(apart, sites):
    return min([apart[j, k] for j in sites for k in sites if j != k], default=np.inf)


def check_against_brute_force(case):
    apart = case.cost
    plan = p_dispersion(apart, **case.request)
    best = max((least(apart, sites) for sites in case.plans(exactly=True)), default=None)
    if best is None:
        assert plan.status == "infeasible" and plan.note and plan.sites == ()
        return
    assert (plan.status, plan.objective, plan.bound, plan.gap) == ("optimal", best, best, 0.0)
    assert tuple(sorted(plan.sites)) in set(case.plans(exactly=True))
    assert certify_dispersion(apart, plan, **case.request) == Checked(best, best, ())
    assert min(plan.gains, default=np.inf) == best


@settings(max_examples=many(200), deadline=None)
@given(cases(8, square=True))
def test_equals_brute_force_and_is_certified(case):
    check_against_brute_force(case)


@settings(max_examples=many(300), deadline=None)
@given(cases(8, square=True, ruled=True))
def test_under_rules_equals_brute_force_and_is_certified(case):
    check_against_brute_force(case)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(cases(8, square=True, ruled=True))
def test_thousands_under_rules_equal_brute_force(case):
    check_against_brute_force(case)


@settings(max_examples=many(40), deadline=None)
@given(cases(7, square=True, ruled=True), st.randoms(use_true_random=False))
def test_permuting_candidates_changes_nothing(case, random):
    order = random.sample(range(len(case.cost)), len(case.cost))
    place = {old: new for new, old in enumerate(order)}
    plan = p_dispersion(case.cost, **case.request)
    only = {
        "p": case.p,
        "forced": [place[j] for j in case.forced],
        "forbidden": [place[j] for j in case.forbidden],
    }
    again = p_dispersion(case.cost[order][:, order], **only)
    free = p_dispersion(case.cost, **(case.request | {"rules": None}))
    assert again.objective == free.objective
    assert plan.status == "infeasible" or plan.objective <= free.objective


@settings(max_examples=many(200), deadline=None)
@given(cases(8, square=True, ruled=True), st.data())
def test_prices_never_exclude_a_plan(case, data):
    """The certificate: whatever the prices, a plan that stands apart is never excluded, nor what it needs."""
    apart, n = case.cost, len(case.cost)
    limits = limits_of(case.rules, n)
    near = np.minimum(apart, apart.T) < data.draw(st.integers(0, 9))
    np.fill_diagonal(near, False)
    cliques = np.array([packing._clique(near, j, np.ones(n)) for j in range(n)])
    price = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)))
    toll = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(limits), max_size=len(limits))), int)
    opened, closed = np.isin(np.arange(n), case.forced), np.isin(np.arange(n), case.forbidden)
    if near[np.ix_(opened, opened)].any():
        return
    wanted = Packing(near, case.p, limits)
    shut = closed | (near[opened].any(axis=0) & ~opened)
    over, fewer = prices_exclude(wanted, cliques, Branch(price, toll=toll), opened, shut)
    for sites in itertools.combinations(range(n), case.p):
        plan = np.isin(np.arange(n), sites)
        if (plan >= opened).all() and not (plan & closed).any() and wanted.holds(plan):
            assert not over and not (plan & fewer).any()


def planar(n, seed):
    point = np.random.default_rng(seed).random((n, 2))
    return np.sqrt(((point[:, None] - point[None]) ** 2).sum(-1))


def most_apart(near, *side):
    """The most columns of which no two are near, by scipy's solver on the pairs."""
    j, k = np.nonzero(np.triu(near, 1))
    pairs = np.zeros((max(len(j), 1), len(near)))
    pairs[np.arange(len(j)), j] = pairs[np.arange(len(j)), k] = 1
    result = milp(
        -np.ones(len(near)),
        constraints=[LinearConstraint(pairs, -np.inf, 1), *side],
        integrality=1,
        bounds=Bounds(0, 1),
    )
    return round(-result.fun) if result.success else -1


@pytest.mark.parametrize(("n", "p", "seed"), [(30, 5, 1), (40, 8, 2), (50, 12, 3)])
def test_equals_an_independent_solver(n, p, seed):
    apart = planar(n, seed)
    plan = p_dispersion(apart, p=p)
    assert plan.status == "optimal" and plan.objective == plan.bound
    assert most_apart(apart < plan.objective) >= p > most_apart(apart <= plan.objective)
    assert certify_dispersion(apart, plan, p=p) == Checked(plan.objective, plan.objective, ())


def test_under_rules_equals_an_independent_solver():
    apart, random = planar(40, 4), np.random.default_rng(4)
    price, half = random.uniform(1, 5, 40), np.arange(40) % 2
    asked = Rules(
        quotas=(Quota("甲", tuple(np.flatnonzero(half).tolist()), at_least=5),),
        budgets=(Budget("经费", price, 18.0),),
        existing=(0, 1, 2),
        relocations=1,
    )
    plan = p_dispersion(apart, p=8, rules=asked)
    rows = np.array([-half, price, -1.0 * (np.arange(40) < 3), np.ones(40)], float)
    side = LinearConstraint(rows, -np.inf, [-5, 18.0, -2, 8])
    assert plan.status == "optimal"
    assert most_apart(apart < plan.objective, side) == 8 > most_apart(apart <= plan.objective, side)
    found = certify_dispersion(apart, plan, p=8, rules=asked)
    assert found == Checked(plan.objective, plan.objective, ())


def test_a_wrong_proof_proves_less():
    apart = planar(40, 2)
    plan = p_dispersion(apart, p=8)
    proof, largest = plan.certificate, apart.max()

    def wrong(**change):
        return certify_dispersion(apart, replace(plan, certificate=replace(proof, **change)), p=8)

    free = [Branch(np.zeros(len(proof.cliques), np.int64))]
    assert wrong(steps=free) == Checked(plan.objective, largest, ("the proof does not hold",))
    assert wrong(distance=plan.objective / 2).bound == largest  # the cliques are none at this distance
    assert wrong(steps=[replace(step, price=step.price - 1) for step in proof.steps]).bound == largest
    assert wrong(steps=[replace(step, price=step.price + 2**58) for step in proof.steps]).bound == largest
    assert wrong(cliques=proof.cliques[:1]).bound == largest
    assert wrong(cliques=np.ones_like(proof.cliques)).bound == largest
    assert wrong(steps=[replace(free[0], column=0, following=(0, 0))]).bound == largest
    assert certify_dispersion(apart, replace(plan, certificate=None), p=8).problems == ("there is no proof",)
    assert "the plan is not allowed" in certify_dispersion(apart, plan, p=7).problems
    worse = certify_dispersion(apart, replace(plan, sites=tuple(range(8))), p=8)
    assert worse.problems[0].startswith("the least distance")


ASKED = Rules(quotas=(Quota("甲", tuple(range(60)), at_least=4, at_most=7),), existing=(1, 2), relocations=1)


@pytest.mark.parametrize("limit", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("asked", [None, ASKED])
def test_out_of_time_has_a_valid_bound(limit, asked):
    apart = planar(120, 7)
    best = p_dispersion(apart, p=12, rules=asked)
    plan = p_dispersion(apart, p=12, rules=asked, time_limit_s=limit)
    assert best.status == "optimal"
    if plan.sites:
        assert plan.objective <= best.objective <= plan.bound and 0 <= plan.gap < 1
        found = certify_dispersion(apart, plan, p=12, rules=asked)
        assert found == Checked(plan.objective, plan.bound, ())
    else:
        assert asked and plan.status == "feasible" and plan.note.startswith("限时内, 没有找到")


@pytest.mark.parametrize("asked", [None, ASKED])
def test_progress_only_gets_better_and_ends_where_the_plan_is(asked):
    apart = planar(80, 6)
    check_progress(lambda tell: p_dispersion(apart, p=8, rules=asked, progress=tell), minimise=False)


@pytest.mark.parametrize("calls", [1, 2, 3, 5])
@pytest.mark.parametrize("asked", [None, ASKED])
def test_interrupted_returns_the_best_so_far(calls, asked):
    apart = planar(80, 6)
    plan = p_dispersion(apart, p=8, rules=asked, progress=interrupt(calls))
    assert plan.note.startswith("已中断") or plan.status == "optimal"
    assert certify_dispersion(apart, plan, p=8, rules=asked) == Checked(plan.objective, plan.bound, ())


def test_interrupted_before_any_plan(monkeypatch):
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(dispersion, "_begin", stop)
    plan = p_dispersion(planar(50, 2), p=6)
    assert plan.status == "feasible" and plan.sites == () and plan.note.startswith("已中断, 没有找到")


def test_existing_sites_stay_and_limit_the_rest():
    place = np.array([0.0, 1.0, 5.0, 9.0, 10.0])
    apart = abs(place[:, None] - place)
    plan = p_dispersion(apart, p=3, forced=[1])
    assert (sorted(plan.sites), plan.objective) == ([1, 2, 3], 4.0) or plan.objective == 4.0
    assert p_dispersion(apart, p=3, forced=[0, 1]).objective == 1.0


def test_one_site_or_none_is_infinitely_apart():
    for p in (0, 1):
        plan = p_dispersion(planar(5, 1), p=p)
        assert (plan.objective, plan.bound, plan.status, len(plan.sites)) == (np.inf, np.inf, "optimal", p)


def test_the_smaller_direction_counts():
    assert p_dispersion([[0, 5.0], [3.0, 0]], p=2).objective == 3.0


def test_same_input_same_plan_and_inputs_stay():
    apart = planar(60, 3)
    copy = apart.copy()
    assert p_dispersion(apart, p=6) == p_dispersion(apart, p=6)
    assert (apart == copy).all()


@pytest.mark.parametrize(
    ("distance", "request_", "message"),
    [
        ([[0.0, 1.0]], {"p": 1}, "square"),
        ([[0.0, -1.0], [1.0, 0.0]], {"p": 1}, "numbers >= 0"),
        ([[0.0, np.nan], [1.0, 0.0]], {"p": 1}, "numbers >= 0"),
        ([[0.0]], {"p": -1}, "negative"),
        ([[0.0]], {"p": 1, "forced": [1]}, "must lie"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(distance, request_, message):
    with pytest.raises(ValueError, match=message):
        p_dispersion(distance, **request_)


def test_infeasible_says_why():
    plan = p_dispersion(planar(3, 1), p=4)
    assert (plan.status, plan.note) == ("infeasible", "要求开设 4 个, 可选的候选点只有 3 个")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Rules(exclusive=((0, 1), (1, 2), (0, 2))), "最多只能开设 1 个点, 要求 3 个"),
        (Rules(quotas=(Quota("甲县", (0, 1), at_least=3),)), "甲县要求至少 3 处, 可选的候选点只有 2 个"),
        (Rules(budgets=(Budget("经费", np.ones(4), 2.0),)), "最多只能开设 2 个点, 要求 3 个"),
    ],
)
def test_rules_that_cannot_be_kept_say_so(asked, reason):
    plan = p_dispersion(planar(4, 1), p=3, rules=asked, forbidden=[3] if asked.exclusive else [])
    assert (plan.status, plan.sites) == ("infeasible", ()) and re.search(reason, plan.note)


def test_minimums_are_no_rules_of_the_model():
    with pytest.raises(ValueError, match="minimums"):
        p_dispersion([[0.0]], p=1, rules=Rules(minimums=(Minimum("甲县", np.array([0]), 0.5),)))
