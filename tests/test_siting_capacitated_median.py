"""The p-median with capacities: against linear programs over all subsets, and its own checker."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from boai.coverage.siting.capacitated_median import capacitated_p_median
from boai.coverage.siting.capacity_check import check_capacity, demanded
from boai.coverage.siting.capacity_problem import arcs_of, site_rules
from boai.coverage.siting.capacity_transport import transport
from boai.coverage.siting.median import p_median
from boai.coverage.siting.rules import Budget, Quota, Rules
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array


@pytest.fixture(scope="module", autouse=True)
def kernels():
    """Compile all kernels first: no time limit of a test is spent on that."""
    cost, weight, capacity = planar(30, 8, 3, 1.2)
    capacitated_p_median(cost, weight, p=3, capacity=capacity, time_limit_s=600.0)


@st.composite
def cases(draw):
    """Costs with ties and missing ways, weights, capacities, p, forced and forbidden, a penalty or none."""
    m, n = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    cell = st.integers(0, 9).map(float)
    cell = draw(st.sampled_from([cell, st.one_of(cell, st.just(np.inf))]))
    cost = np.array(draw(st.lists(st.lists(cell, min_size=n, max_size=n), min_size=m, max_size=m)))
    weight = np.array(draw(st.lists(st.integers(0, 5), min_size=m, max_size=m)), float)
    able = st.one_of(st.integers(0, 25).map(float), st.just(np.inf))
    capacity = np.array(draw(st.lists(able, min_size=n, max_size=n)))
    if draw(st.booleans()):
        cost, weight, capacity = cost / 7, weight / 3, capacity / 3
    order = draw(st.permutations(range(n)))
    cut, end = sorted((draw(st.integers(0, n)), draw(st.integers(0, n)))) if draw(st.booleans()) else (0, n)
    penalty = draw(st.one_of(st.none(), st.integers(0, 12).map(float)))
    return cost, weight, capacity, draw(st.integers(cut, end)), order[:cut], order[end:], penalty


def least(cost, weight, capacity, sites, penalty):
    """The transportation problem as a linear program of its own; inf where not all can be served."""
    m = len(weight)
    pairs = [(r, j) for r in range(m) for j in sites if np.isfinite(cost[r, j])]
    extra = m if penalty is not None else 0
    if not pairs and not extra:
        return 0.0 if not weight.any() else np.inf
    by_row, by_site = np.zeros((m, len(pairs) + extra)), np.zeros((cost.shape[1], len(pairs) + extra))
    price = np.full(len(pairs) + extra, penalty, float)
    for i, (r, j) in enumerate(pairs):
        by_row[r, i] = by_site[j, i] = 1
        price[i] = cost[r, j]
    by_row[:, len(pairs) :] = np.eye(m)[:, :extra]
    best = linprog(price, by_site, np.minimum(capacity, 1e6), by_row, weight)
    return best.fun if best.status == 0 else np.inf


def brute_force(cost, weight, capacity, p, forced, forbidden, penalty, fits=lambda _: True):
    able = [j for j in range(cost.shape[1]) if j not in forbidden]
    plans = (plan for size in range(p + 1) for plan in itertools.combinations(able, size))
    fit = [plan for plan in plans if set(forced) <= set(plan) and fits(set(plan))]
    return min((least(cost, weight, capacity, plan, penalty) for plan in fit), default=np.inf)


def gains(cost, penalty):
    way = np.isfinite(cost) if penalty is None else cost < penalty
    worth = -cost[way] if penalty is None else penalty - cost[way]
    return csr_array((worth, np.nonzero(way)[1], np.r_[0, np.cumsum(way.sum(1))]), shape=cost.shape)


def assert_proven(case, found, best, **more):
    cost, weight, capacity, p, forced, forbidden, penalty = case
    constant = 0.0 if penalty is None else penalty * weight.sum()
    asked = demanded(
        gains(cost, penalty), weight, capacity, budget=p, forced=forced, forbidden=forbidden,
        everybody=penalty is None, constant=constant, **more,
    )  # fmt: skip
    checked = check_capacity(asked, found)
    slack = 2e-6 * (abs(best) + abs(constant)) + 1e-8
    assert not checked.problems and constant - checked.value == pytest.approx(best, abs=slack)
    assert best - slack <= constant - checked.bound <= best + slack


@settings(max_examples=many(80), deadline=None)
@given(cases())
def test_equals_brute_force_and_is_certified(case):
    assert_exact_and_certified(case)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(cases())
def test_thousands_equal_brute_force(case):
    assert_exact_and_certified(case)


def assert_exact_and_certified(case):
    cost, weight, capacity, p, forced, forbidden, penalty = case
    request = {"p": p, "capacity": capacity, "forced": forced, "forbidden": forbidden, "penalty": penalty}
    found = capacitated_p_median(cost, weight, **request)
    best = brute_force(*case)
    if best == np.inf:
        assert found.plan.status == "infeasible" and found.plan.note and not found.plan.sites
        return
    assert found.plan.status == "optimal" and found.plan.objective == pytest.approx(best, rel=2e-6, abs=1e-8)
    assert found.plan.bound <= best + 1e-9 * (1 + abs(best))
    assert_proven(case, found, best)


@settings(max_examples=many(40), deadline=None)
@given(cases(), st.integers(0, 2), st.integers(0, 8), st.sets(st.integers(0, 4), min_size=1))
def test_rules_equal_brute_force(case, at_least, limit, some):
    cost, weight, capacity, _, _, _, penalty = case
    cost, capacity = np.resize(cost, (len(cost), 5)), np.resize(capacity, 5)
    some, price = tuple(sorted(some)), np.array([1.0, 2, 0, 3, 1])
    rules = Rules(
        quotas=(Quota("赣州市", some, at_least, 2),),
        budgets=(Budget("经费", price, limit),),
        exclusive=((0, 3),),
    )

    def fits(plan):
        inside = len(plan & set(some))
        return at_least <= inside <= 2 and price[list(plan)].sum() <= limit and not {0, 3} <= plan

    found = capacitated_p_median(cost, weight, p=4, capacity=capacity, penalty=penalty, rules=rules)
    best = brute_force(cost, weight, capacity, 4, (), (), penalty, fits)
    if best == np.inf:
        assert found.plan.status == "infeasible" and found.plan.note
        return
    assert found.plan.status == "optimal" and found.plan.objective == pytest.approx(best, rel=2e-6, abs=1e-8)
    assert fits(set(found.plan.sites))
    side, top, _ = site_rules(rules, 5)
    assert_proven((cost, weight, capacity, 4, (), (), penalty), found, best, side=side, limit=top)


@settings(max_examples=many(40), deadline=None)
@given(cases())
def test_without_limits_it_is_the_p_median(case):
    cost, weight, _, p, forced, forbidden, penalty = case
    request = {"p": p, "forced": forced, "forbidden": forbidden, "penalty": penalty}
    plan = capacitated_p_median(cost, weight, capacity=np.inf, **request).plan
    other = p_median(cost, weight, **request)
    if other.status == "infeasible":
        assert plan.status == "infeasible"
    else:
        assert plan.objective == pytest.approx(other.objective, rel=2e-6, abs=1e-8)


def planar(m, n, p, share, seed=1):
    random = np.random.default_rng(seed)
    points, places = random.random((m, 2)) * 100, random.random((n, 2)) * 100
    cost = np.round(np.hypot(*(points[:, None] - places[None]).T).T * 10)
    weight = random.integers(1, 50, m).astype(float)
    return cost, weight, np.round(weight.sum() * share / p * random.uniform(0.5, 1.5, n))


def test_equals_an_independent_program():
    for seed in range(3):
        cost, weight, capacity = planar(30, 8, 3, 1.3, seed)
        m, n = cost.shape
        size = m * n
        by_row = np.kron(np.eye(m), np.ones(n))
        by_site = np.kron(np.ones(m), np.eye(n))
        link = np.kron(weight[:, None], np.eye(n))
        rows = [
            LinearConstraint(np.c_[by_row, np.zeros((m, n))], weight, weight),
            LinearConstraint(np.c_[by_site, -np.diag(capacity)], -np.inf, 0),
            LinearConstraint(np.c_[np.eye(size), -link], -np.inf, 0),
            LinearConstraint(np.r_[np.zeros(size), np.ones(n)][None], -np.inf, 3),
        ]
        top = Bounds(0, np.r_[np.full(size, np.inf), np.ones(n)])
        whole = np.r_[np.zeros(size), np.ones(n)]
        best = milp(np.r_[cost.ravel(), np.zeros(n)], constraints=rows, integrality=whole, bounds=top)
        found = capacitated_p_median(cost, weight, p=3, capacity=capacity)
        assert found.plan.status == "optimal" and found.plan.objective == pytest.approx(best.fun, rel=1e-6)


def test_transport_equals_a_linear_program_and_its_prices_prove_it():
    for seed in range(20):
        cost, weight, capacity = planar(25, 6, 4, 0.9, seed)
        sites = np.random.default_rng(seed).random(6) < 0.7
        arcs = arcs_of(csr_array(-cost - 1), weight, capacity)
        value, price, flow = transport(arcs, sites, -5000.0, 0.25)
        best = least(cost + 1, weight, capacity, np.flatnonzero(sites), 5000.0)
        assert -value == pytest.approx(best) and (flow == np.floor(flow)).all()
        site = np.repeat(np.arange(6), np.diff(arcs.site_start))
        more = np.maximum(arcs.gain - price[arcs.site_row], 0.0)
        proven = price @ weight
        for j in np.flatnonzero(sites):
            mine = site == j
            order = np.argsort(-more[mine])
            part = weight[arcs.site_row[mine]][order]
            used = np.clip(arcs.capacity[j] - (np.cumsum(part) - part), 0, part)
            proven += used @ more[mine][order]
        assert proven == pytest.approx(value)


def test_lists_and_permutations_give_the_same():
    cost, weight, capacity = planar(40, 10, 4, 1.2)
    plan = capacitated_p_median(cost, weight, p=4, capacity=capacity).plan
    lists = (np.arange(0, 401, 10), np.tile(np.arange(10), 40), cost.ravel())
    other = capacitated_p_median(lists, weight, p=4, capacity=capacity, n_candidates=10).plan
    assert plan == other
    order = np.random.default_rng(1).permutation(10)
    moved = capacitated_p_median(cost[:, order], weight, p=4, capacity=capacity[order]).plan
    assert moved.objective == plan.objective
    more = capacitated_p_median(cost, weight, p=5, capacity=capacity).plan
    assert more.objective <= plan.objective


def test_infeasible_requests_say_why():
    cost = np.array([[1.0, 2, 3], [2, 1, 3], [np.inf, np.inf, 4]])
    lost = capacitated_p_median(cost, [1, 1, 5], p=2, capacity=9, forbidden=[2])
    assert lost.plan.note == "1 处居民 (共 5 人) 任何可选的候选点都到不了"
    little = capacitated_p_median(cost, [4, 4, 1], p=2, capacity=[4, 3, 2])
    assert little.plan.note == "容量最大的 2 处合计 7 人, 少于需安置的 9 人; 至少需要 3 处"
    never = capacitated_p_median(cost, [4, 4, 9], p=3, capacity=[4, 3, 2], forced=[2])
    assert never.plan.note.startswith("连同必选点在内") and never.plan.note.endswith("所有候选点合计也不够")
    hall = capacitated_p_median(cost, [4, 4, 5], p=3, capacity=[9, 9, 3])
    assert hall.plan.note == "至多能安置 11 人, 少于需安置的 13 人"
    both = capacitated_p_median(cost, [1, 1, 1], p=2, capacity=9, forced=[0], forbidden=[0])
    assert both.plan.status == "infeasible" and both.plan.note and len(both.out_of_reach) == 3


def test_interruption_and_progress():
    cost, weight, capacity = planar(120, 20, 5, 1.15)
    told = []
    whole = capacitated_p_median(
        cost, weight, p=5, capacity=capacity, progress=lambda *x: told.append(x)
    ).plan
    assert whole.status == "optimal" and told[-1][0] == whole.objective == told[-1][1]
    late = capacitated_p_median(cost, weight, p=5, capacity=capacity, time_limit_s=0.0).plan
    assert late.status == "feasible" and late.bound <= whole.objective <= late.objective
    left = [3]

    def stop(*_):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    part = capacitated_p_median(cost, weight, p=5, capacity=capacity, progress=stop).plan
    assert part.bound <= whole.objective <= part.objective and "中断" in part.note


def test_wrong_and_empty_arguments():
    for change in ({"p": -1}, {"capacity": -1}, {"capacity": [1]}, {"penalty": np.nan}, {"forced": [3]}):
        with pytest.raises(ValueError):
            capacitated_p_median(np.ones((2, 3)), np.ones(2), **({"p": 1, "capacity": 5} | change))
    empty = capacitated_p_median(np.ones((0, 3)), np.ones(0), p=0, capacity=1)
    assert empty.plan.status == "optimal" and empty.plan.objective == 0
    nobody = capacitated_p_median(np.ones((2, 3)), np.zeros(2), p=2, capacity=0, forced=[1])
    assert nobody.plan.sites == (1,) and nobody.plan.objective == 0
    free = capacitated_p_median(np.ones((2, 3)), np.ones(2), p=2, capacity=0, penalty=3)
    assert free.plan.objective == 6 and free.plan.status == "optimal" and free.served == 0


def test_a_plan_that_costs_nothing_is_proven_also_with_fractional_weights():
    found = capacitated_p_median(np.zeros((1, 4)), [1 / 3], p=1, capacity=[0, 0, 0, np.inf])
    assert (found.plan.status, found.plan.objective, found.plan.gap) == ("optimal", 0.0, 0.0)
    assert found.plan.bound == pytest.approx(0.0, abs=1e-11) and found.plan.sites == (3,)
