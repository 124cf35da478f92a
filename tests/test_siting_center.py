"""The p-center against brute force, an independent solver, and its own certificates."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import center, covering
from boai.coverage.siting.center import certify_center, p_center
from boai.coverage.siting.certificate import Checked
from boai.coverage.siting.covering import Wanted, kept_columns, prices_exclude
from boai.coverage.siting.proofs import Branch, CenterProof, Tree
from boai.coverage.siting.rules import Budget, Minimum, Quota, Rules
from boai.coverage.siting.site_limits import limits_of
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from sitingworld import cases, check_progress, interrupt, lists, permuted, planar, rules


def radius(cost, weight, sites):
    return max(
        (min([row[j] for j in sites], default=np.inf) for row, w in zip(cost, weight, strict=True) if w),
        default=0.0,
    )


def nearest(case):
    """The smallest radius of an allowed plan; ``inf`` where there is none."""
    return min((radius(case.cost, case.weight, sites) for sites in case.plans()), default=np.inf)


def check_against_brute_force(case, compressed):
    given_cost = lists(case.cost) if compressed else case.cost
    request = case.request | ({"n_candidates": case.cost.shape[1]} if compressed else {})
    plan = p_center(given_cost, case.weight, **request)
    best = nearest(case)
    if best == np.inf:
        assert plan.status == "infeasible" and plan.note and plan.sites == ()
        return
    assert (plan.status, plan.objective, plan.bound, plan.gap) == ("optimal", best, best, 0.0)
    assert tuple(sorted(plan.sites)) in set(case.plans())
    assert certify_center(given_cost, case.weight, plan, **request) == Checked(best, best, ())


@settings(max_examples=many(250), deadline=None)
@given(cases(), st.booleans())
def test_equals_brute_force_and_is_certified(case, compressed):
    check_against_brute_force(case, compressed)


@settings(max_examples=many(200), deadline=None)
@given(cases(ruled=True), st.booleans())
def test_under_rules_equals_brute_force_and_is_certified(case, compressed):
    check_against_brute_force(case, compressed)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(cases(ruled=True), st.booleans())
def test_thousands_under_rules_equal_brute_force(case, compressed):
    check_against_brute_force(case, compressed)


@settings(max_examples=many(100), deadline=None)
@given(cases(), st.booleans(), st.data())
def test_gains_are_what_closing_costs(case, ruled, data):
    request = case.request | ({"rules": data.draw(rules(case.cost.shape[1]))} if ruled else {})
    plan = p_center(case.cost, case.weight, **request)
    assert list(plan.gains) == sorted(plan.gains, reverse=True) and len(plan.gains) == len(plan.sites)
    for site, gain in zip(plan.sites, plan.gains, strict=True):
        without = radius(case.cost, case.weight, [j for j in plan.sites if j != site])
        assert gain == without - plan.objective and (gain > 0 or site in case.forced or ruled)


@settings(max_examples=many(50), deadline=None)
@given(cases(ruled=True), st.randoms(use_true_random=False))
def test_permuting_rows_and_candidates_changes_nothing(case, random):
    plan, other = p_center(case.cost, case.weight, **case.request), permuted(case, random)
    again = p_center(other.cost, other.weight, **other.request)
    assert again.status == plan.status
    assert again.objective == plan.objective or np.isnan([again.objective, plan.objective]).all()


@settings(max_examples=many(250), deadline=None)
@given(st.booleans(), st.data())
def test_prices_never_exclude_a_plan(ruled, data):
    """The certificate: whatever the prices and tolls, a plan that reaches all rows is never excluded."""
    m, n = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    bits = data.draw(st.lists(st.booleans(), min_size=m * n, max_size=m * n))
    limits = limits_of(data.draw(rules(n)) if ruled else None, n)
    wanted = Wanted(np.array(bits).reshape(m, n), data.draw(st.integers(0, n)), limits)
    price = np.array(data.draw(st.lists(st.integers(0, 9), min_size=m, max_size=m)))
    toll = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(limits), max_size=len(limits))), int)
    state = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    opened, closed = state == 0, state == 1
    over, more, fewer = prices_exclude(wanted, price, opened, closed, toll)
    left = []
    for size in range(wanted.sites + 1):
        for sites in itertools.combinations(range(n), size):
            plan = np.isin(np.arange(n), sites)
            if (plan >= opened).all() and not (plan & closed).any() and wanted.holds(plan):
                left.append((plan >= more).all() and not (plan & fewer).any())
    assert not left or (not over and any(left))


@settings(max_examples=many(100), deadline=None)
@given(st.data())
def test_rules_in_whole_numbers_hold_for_every_plan(data):
    """So do what the rules alone force, and what they say may replace what."""
    n = data.draw(st.integers(1, 6))
    limits = limits_of(data.draw(rules(n)), n)
    side, limit = limits.whole
    state = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    opened, closed, replaceable = state == 0, state == 1, limits.replaceable()
    broken, must, never = limits.forced_by(opened, closed)
    for bits in itertools.product([False, True], repeat=n):
        plan = np.array(bits)
        if limits.allows(plan):
            assert (side @ plan.astype(np.int64) <= limit).all()
            if (plan >= opened).all() and not (plan & closed).any():
                assert not broken and (plan >= must).all() and not (plan & never).any()
            for small, large in zip(*np.nonzero(replaceable), strict=True):
                if plan[small]:
                    other = plan.copy()
                    other[small], other[large] = small == large, True
                    assert limits.allows(other)


def fewest(cover, *side):
    """The fewest columns that reach all rows, by scipy's solver."""
    n = cover.shape[1]
    asked = [LinearConstraint(cover.astype(float), 1), *side]
    result = milp(np.ones(n), constraints=asked, integrality=1, bounds=Bounds(0, 1))
    return round(result.fun) if result.success else n + 1


@pytest.mark.parametrize(("m", "n", "p", "seed"), [(300, 60, 5, 1), (500, 80, 12, 2), (400, 100, 25, 3)])
def test_equals_an_independent_solver(m, n, p, seed):
    cost = planar(m, n, seed)
    plan = p_center(cost, np.ones(m), p=p)
    assert plan.status == "optimal" and plan.objective == plan.bound
    assert fewest(cost <= plan.objective) <= p < fewest(cost < plan.objective)
    assert certify_center(cost, np.ones(m), plan, p=p) == Checked(plan.objective, plan.objective, ())


def test_under_rules_equals_an_independent_solver():
    cost, random = planar(300, 60, 5), np.random.default_rng(5)
    price, half = random.uniform(1, 5, 60), np.arange(60) % 2
    asked = Rules(
        quotas=(Quota("甲", tuple(np.flatnonzero(half).tolist()), at_most=3),),
        budgets=(Budget("经费", price, 14.0),),
        existing=(0, 1, 2),
        relocations=1,
    )
    plan = p_center(cost, np.ones(300), p=8, rules=asked)
    side = LinearConstraint(
        np.array([half, price, -1.0 * (np.arange(60) < 3)], float), -np.inf, [3, 14.0, -2]
    )
    assert plan.status == "optimal"
    assert fewest(cost <= plan.objective, side) <= 8 < fewest(cost < plan.objective, side)
    found = certify_center(cost, np.ones(300), plan, p=8, rules=asked)
    assert found == Checked(plan.objective, plan.objective, ())


def test_few_rows_decide():
    cost = planar(20_000, 60, 4)
    plan = p_center(cost, np.ones(20_000), p=8)
    assert plan.status == "optimal" and plan.reductions["rows_deciding"] < 300


def test_the_tree_is_checked():
    cost, ones = planar(300, 60, 1), np.ones(300)
    plan = p_center(cost, ones, p=5)
    proof, alone = plan.certificate, cost.min(axis=1).max()
    assert proof.tree is not None

    def wrong(radius, tree):
        return certify_center(cost, ones, replace(plan, certificate=CenterProof(radius, tree)), p=5)

    free = Tree(proof.tree.rows, [Branch(np.zeros_like(proof.tree.steps[0].price))])
    assert wrong(proof.radius, free) == Checked(plan.objective, alone, ("the proof does not hold",))
    assert wrong(plan.objective * 1.5, proof.tree).bound == alone
    huge = [replace(step, price=step.price + 2**55) for step in proof.tree.steps]
    assert wrong(proof.radius, Tree(proof.tree.rows, huge)).bound == alone
    below = [replace(step, price=step.price - 1) for step in proof.tree.steps]
    assert wrong(proof.radius, Tree(proof.tree.rows, below)).bound == alone
    assert wrong(proof.radius, Tree(proof.tree.rows[:-1], proof.tree.steps)).bound == alone
    loop = [replace(proof.tree.steps[0], price=free.steps[0].price, column=0, following=(0, 0))]
    assert wrong(proof.radius, Tree(proof.tree.rows, loop)).bound == alone
    assert certify_center(cost, ones, replace(plan, certificate=None), p=5).problems == ("there is no proof",)
    assert "the plan is not allowed" in certify_center(cost, ones, plan, p=4).problems
    assert certify_center(cost, ones, replace(plan, sites=(0, 1)), p=5).problems[0].startswith("the radius")


def test_wrong_tolls_prove_nothing():
    cost, ones = planar(200, 40, 1), np.ones(200)
    asked = Rules(budgets=(Budget("经费", np.arange(1.0, 41.0), 60.0),), exclusive=(tuple(range(0, 40, 3)),))
    plan = p_center(cost, ones, p=6, rules=asked)
    assert certify_center(cost, ones, plan, p=6, rules=asked) == Checked(plan.objective, plan.objective, ())
    alone = cost.min(axis=1).max()
    for toll in (-1, 2**62):
        steps = [replace(step, toll=step.toll * 0 + toll) for step in plan.certificate.tree.steps]
        tree = Tree(plan.certificate.tree.rows, steps)
        wrong = replace(plan, certificate=CenterProof(plan.objective, tree))
        assert certify_center(cost, ones, wrong, p=6, rules=asked).bound == alone
    assert certify_center(cost, ones, plan, p=6).bound == alone  # the tolls are not those of another request


def test_dominated_columns_go():
    cover = np.array([[1, 1, 0, 1, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0]], bool)
    assert kept_columns(cover).tolist() == [False, True, True, False, False]


ASKED = Rules(quotas=(Quota("甲", tuple(range(50)), at_least=2, at_most=6),), existing=(1, 60), relocations=1)


@pytest.fixture(scope="module")
def best_radius():
    """The proven plans with and without rules."""
    return {rules: p_center(planar(400, 100, 6), np.ones(400), p=15, rules=rules) for rules in (None, ASKED)}


@pytest.mark.parametrize("limit", [0.0, 0.001, 0.02, 0.1])
@pytest.mark.parametrize("asked", [None, ASKED])
def test_out_of_time_has_a_valid_bound(limit, asked, best_radius):
    cost, ones, best = planar(400, 100, 6), np.ones(400), best_radius[asked]
    plan = p_center(cost, ones, p=15, rules=asked, time_limit_s=limit)
    assert best.status == "optimal" and plan.bound <= best.objective <= plan.objective
    assert certify_center(cost, ones, plan, p=15, rules=asked) == Checked(plan.objective, plan.bound, ())


@pytest.mark.parametrize("asked", [None, ASKED])
def test_progress_only_gets_better_and_ends_where_the_plan_is(asked):
    cost = planar(400, 100, 6)
    check_progress(lambda tell: p_center(cost, np.ones(400), p=9, rules=asked, progress=tell), minimise=True)


@pytest.mark.parametrize("calls", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("asked", [None, ASKED])
def test_interrupted_returns_the_best_so_far(calls, asked):
    cost, ones = planar(400, 100, 6), np.ones(400)
    plan = p_center(cost, ones, p=9, rules=asked, progress=interrupt(calls))
    assert plan.note.startswith("已中断") or plan.status == "optimal"
    assert certify_center(cost, ones, plan, p=9, rules=asked) == Checked(plan.objective, plan.bound, ())


def test_interrupted_before_any_plan(monkeypatch):
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(center, "_begin", stop)
    plan = p_center(planar(100, 30, 2), np.ones(100), p=4)
    assert plan.status == "feasible" and plan.sites == () and plan.note.startswith("已中断, 没有找到")


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
    plan = p_center(cost, np.ones(200), p=10)
    assert plan.objective == best.objective == plan.bound
    assert certify_center(cost, np.ones(200), plan, p=10) == Checked(plan.objective, plan.objective, ())


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
        ({"p": 2}, "要到达所有居民至少需要 3 个点, 只允许 2 个"),
        ({"p": 0}, "要到达所有居民至少需要 3 个点, 只允许 0 个"),
    ],
)
def test_infeasible_says_why(request_, reason):
    cost = np.full((3, 3), np.inf)
    np.fill_diagonal(cost, 1.0)
    plan = p_center(cost, np.ones(3), **request_)
    assert (plan.status, plan.sites, plan.note) == ("infeasible", (), reason)


@pytest.mark.parametrize(
    ("asked", "p", "reason"),
    [
        (Rules(exclusive=((0, 1, 2),)), 3, "各项要求不能同时满足|互斥"),
        (Rules(quotas=(Quota("甲县", (0, 1), at_least=3),)), 3, "甲县要求至少 3 处, 可选的候选点只有 2 个"),
        (Rules(quotas=(Quota("甲县", (3,), at_least=1),)), 3, "至少需要 4 个点, 只允许 3 个"),
        (Rules(budgets=(Budget("经费", np.ones(4), 2.0),)), 3, "经费|不能同时满足"),
    ],
)
def test_rules_that_leave_residents_behind_say_so(asked, p, reason):
    cost = np.full((3, 4), np.inf)
    cost[[0, 1, 2], [0, 1, 2]] = 1.0
    plan = p_center(cost, np.ones(3), p=p, rules=asked)
    assert (plan.status, plan.sites) == ("infeasible", ()) and re.search(reason, plan.note)


def test_minimums_are_no_rules_of_the_model():
    with pytest.raises(ValueError, match="minimums"):
        p_center([[1.0]], [1.0], p=1, rules=Rules(minimums=(Minimum("甲县", np.array([0]), 0.5),)))


def test_nobody_to_reach_and_rules_that_ask_for_sites():
    nobody = np.empty((0, 3))
    asked = Rules(quotas=(Quota("甲县", (1, 2), at_least=1, at_most=1),), exclusive=((0, 1),))
    plan = p_center(nobody, [], p=2, forced=[0], rules=asked)
    assert (sorted(plan.sites), plan.objective, plan.status) == ([0, 2], 0.0, "optimal")
    none = p_center(nobody, [], p=3, rules=replace(asked, exclusive=((0, 1, 2),), existing=(0,)))
    assert none.status == "infeasible" and none.note
