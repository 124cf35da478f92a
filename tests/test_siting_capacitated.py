"""Maximal covering with capacities: against brute force over subsets, flows by scipy, and its own checker."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import capacity_search
from boai.coverage.siting.capacitated_cover import capacitated_mclp
from boai.coverage.siting.capacity_check import check_capacity, demanded
from boai.coverage.siting.capacity_kernels import max_flow, open_arcs, site_worths
from boai.coverage.siting.capacity_problem import arcs_of, site_rules
from boai.coverage.siting.models import mclp
from boai.coverage.siting.rules import Budget, Minimum, Quota, Rules
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, coo_array, csr_array, kron
from scipy.sparse.csgraph import maximum_flow


@pytest.fixture(scope="module", autouse=True)
def kernels():
    """Compile all kernels first: no time limit of a test is spent on that."""
    reach, weight, capacity = planar(30, 8, 3, 0.9)
    capacitated_mclp(*rows_of(reach), weight, 8, capacity=capacity, p=3, time_limit_s=600.0)


@st.composite
def cases(draw):
    """A small reach, weights, capacities (0, infinite, fractional), p, forced and forbidden candidates."""
    m, n = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    reach = np.array(draw(st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=m, max_size=m)))
    weight = np.array(draw(st.lists(st.integers(0, 9), min_size=m, max_size=m)), float)
    able = st.one_of(st.integers(0, 20).map(float), st.just(np.inf))
    capacity = np.array(draw(st.lists(able, min_size=n, max_size=n)))
    if draw(st.booleans()):
        weight, capacity = weight / 7, capacity / 3
    order = draw(st.permutations(range(n)))
    cut, end = sorted((draw(st.integers(0, n)), draw(st.integers(0, n)))) if draw(st.booleans()) else (0, n)
    return reach, weight, capacity, draw(st.integers(cut, end)), order[:cut], order[end:]


@st.composite
def ruled(draw):
    """Rules on up to six sites, often contradictory."""
    n, rules = 6, {}
    some = st.lists(st.integers(0, n - 1), min_size=1, max_size=4, unique=True).map(tuple)
    low, high = draw(st.integers(0, 2)), draw(st.integers(0, 3))
    if draw(st.booleans()):
        rules["quotas"] = (
            Quota("赣州市", draw(some), low, max(low, high)),
            Quota("吉安市", draw(some), 0, 1),
        )
    if draw(st.booleans()):
        cost = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)), float)
        rules["budgets"] = (Budget("经费", cost, draw(st.integers(0, 9))),)
    if draw(st.booleans()):
        rules["exclusive"] = (draw(some),)
    if draw(st.booleans()):
        rules |= {"existing": draw(some), "relocations": draw(st.integers(0, 2))}
    return Rules(**rules)


def rows_of(reach):
    return np.r_[0, np.cumsum(reach.sum(1))], np.nonzero(reach)[1]


def most_served(reach, weight, capacity, sites):
    """Maximum flow by all cuts: a set of sites fills up, all others take every row within their reach."""
    full = [part for size in range(len(sites) + 1) for part in itertools.combinations(sites, size)]
    return min(
        sum(capacity[j] for j in part)
        + weight[reach[:, [j for j in sites if j not in part]].any(axis=1)].sum()
        for part in full
    )


def allowed(sites, rules):
    def inside(some):
        return len(set(some) & set(sites))

    def meets(quota):
        count = inside(quota.candidates)
        return quota.at_least <= count and (quota.at_most is None or count <= quota.at_most)

    quotas = all(meets(quota) for quota in rules.quotas)
    budgets = all(sum(b.cost[j] for j in sites) <= b.limit for b in rules.budgets)
    stay = len(rules.existing) - inside(rules.existing) <= rules.relocations
    return quotas and budgets and all(inside(some) <= 1 for some in rules.exclusive) and stay


def brute_force(reach, weight, capacity, p, forced, forbidden, rules=None):
    able = [j for j in range(reach.shape[1]) if j not in forbidden]
    plans = (
        set(plan) for size in range(min(p, len(able)) + 1) for plan in itertools.combinations(able, size)
    )
    fit = [plan for plan in plans if set(forced) <= plan and (rules is None or allowed(plan, rules))]
    return max((most_served(reach, weight, capacity, sorted(plan)) for plan in fit), default=None)


@settings(max_examples=many(250), deadline=None)
@given(cases())
def test_equals_brute_force_and_is_certified(case):
    assert_exact_and_certified(case)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(cases())
def test_thousands_equal_brute_force(case):
    assert_exact_and_certified(case)


def assert_exact_and_certified(case):
    reach, weight, capacity, p, forced, forbidden = case
    indptr, indices = rows_of(reach)
    request = {"p": p, "forced": forced, "forbidden": forbidden}
    found = capacitated_mclp(indptr, indices, weight, reach.shape[1], capacity=capacity, **request)
    best = brute_force(reach, weight, capacity, p, forced, forbidden)
    plan = found.plan
    assert plan.status == "optimal" and plan.objective == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert best <= plan.bound * (1 + 1e-9) + 1e-9 and len(plan.sites) <= p
    assert sum(plan.gains) == pytest.approx(plan.objective, rel=1e-9, abs=1e-9)
    asked = demanded(
        csr_array(reach.astype(float)), weight, capacity, budget=p, forced=forced, forbidden=forbidden
    )
    checked = check_capacity(asked, found)
    assert not checked.problems and checked.value == pytest.approx(plan.objective)
    assert best - 1e-9 <= checked.bound <= plan.bound * (1 + 1e-6) + 1e-9
    if (weight == np.floor(weight)).all() and (capacity == np.floor(capacity)).all():
        assert plan.objective == best == plan.bound == checked.bound
        assert (found.residents == np.floor(found.residents)).all()


@settings(max_examples=many(120), deadline=None)
@given(cases(), ruled())
def test_rules_equal_brute_force(case, rules):
    reach, weight, capacity, p, _, _ = case
    reach, capacity = np.resize(reach, (len(reach), 6)), np.resize(capacity, 6)
    found = capacitated_mclp(*rows_of(reach), weight, 6, capacity=capacity, p=p, rules=rules)
    best = brute_force(reach, weight, capacity, p, rules.forced(), (), rules)
    if best is None:
        assert found.plan.status == "infeasible" and found.plan.note and not found.plan.sites
        return
    assert found.plan.status == "optimal" and found.plan.objective == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert allowed(set(found.plan.sites), rules)
    side, limit, _ = site_rules(rules, 6)
    rows = csr_array(reach.astype(float))
    asked = demanded(rows, weight, capacity, budget=p, side=side, limit=limit, forced=rules.forced())
    checked = check_capacity(asked, found)
    assert not checked.problems and best - 1e-9 <= checked.bound <= found.plan.bound * (1 + 1e-6) + 1e-9


@settings(max_examples=many(80), deadline=None)
@given(cases(), st.lists(st.integers(1, 9), min_size=6, max_size=6), st.integers(0, 20))
def test_budgets_equal_brute_force(case, cost, budget):
    reach, weight, capacity, _, _, forbidden = case
    n = reach.shape[1]
    costs = np.array(cost[:n], float)
    able = [j for j in range(n) if j not in forbidden]
    plans = [plan for size in range(n + 1) for plan in itertools.combinations(able, size)]
    best = max(
        most_served(reach, weight, capacity, plan) for plan in plans if costs[list(plan)].sum() <= budget
    )
    request = {"cost": costs, "budget": budget, "forbidden": forbidden}
    plan = capacitated_mclp(*rows_of(reach), weight, n, capacity=capacity, **request).plan
    assert plan.status == "optimal" and plan.objective == pytest.approx(best, rel=1e-6, abs=1e-9)


@settings(max_examples=many(80), deadline=None)
@given(cases())
def test_without_limits_it_is_maximal_covering(case):
    reach, weight, _, p, forced, forbidden = case
    rows = (*rows_of(reach), weight, reach.shape[1])
    request = {"p": p, "forced": forced, "forbidden": forbidden}
    plan = capacitated_mclp(*rows, capacity=np.inf, **request).plan
    assert plan.objective == pytest.approx(mclp(*rows, **request).objective, rel=1e-6)


@settings(max_examples=many(40), deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_more_is_never_worse(case, random):
    reach, weight, capacity, p, _, _ = case
    m, n = reach.shape
    one = capacitated_mclp(*rows_of(reach), weight, n, capacity=capacity, p=p).plan
    rows, columns = random.sample(range(m), m), random.sample(range(n), n)
    moved = reach[np.ix_(rows, columns)]
    other = capacitated_mclp(*rows_of(moved), weight[rows], n, capacity=capacity[columns], p=p).plan
    assert other.objective == pytest.approx(one.objective, rel=1e-6, abs=1e-9)
    roomier = capacitated_mclp(*rows_of(reach), weight, n, capacity=capacity + 1, p=p).plan
    assert roomier.objective >= one.objective * (1 - 1e-6)
    if p < n:
        more = capacitated_mclp(*rows_of(reach), weight, n, capacity=capacity, p=p + 1).plan
        assert more.objective >= one.objective * (1 - 1e-6)


def planar(m, n, p, share, seed=1, radius=0.25):
    random = np.random.default_rng(seed)
    points, places = random.random((m, 2)), random.random((n, 2))
    away = np.hypot(*(points[:, None] - places[None]).T).T
    reach = away <= radius
    weight = random.integers(1, 50, m).astype(float)
    capacity = np.round(weight.sum() * share / p * random.uniform(0.5, 1.5, n))
    return reach, weight, capacity


def test_equals_an_independent_program():
    for seed in range(4):
        reach, weight, capacity = planar(60, 12, 4, 0.9, seed)
        m, n = reach.shape
        row, site = np.nonzero(reach)
        pairs = np.arange(len(row))
        by_row = coo_array((np.ones(len(row)), (row, pairs)), shape=(m, len(row)))
        by_site = coo_array((np.ones(len(row)), (site, pairs)), shape=(n, len(row)))
        link = coo_array((-weight[row], (pairs, site)), shape=(len(row), n))
        matrix = block_array(
            [[by_row, None], [by_site, -coo_array(np.diag(capacity))], [kron(np.eye(len(row)), [[1]]), link]]
        )
        top = np.r_[weight, np.zeros(n + len(row))]
        number = LinearConstraint(np.r_[np.zeros(len(row)), np.ones(n)][None], -np.inf, 4)
        whole = np.r_[np.zeros(len(row)), np.ones(n)]
        bounds = Bounds(0, np.r_[np.full(len(row), np.inf), np.ones(n)])
        best = milp(-whole[::1] * 0 - np.r_[np.ones(len(row)), np.zeros(n)],
                    constraints=[LinearConstraint(matrix.tocsr(), -np.inf, top), number],
                    integrality=whole, bounds=bounds, options={"mip_rel_gap": 1e-9})  # fmt: skip
        found = capacitated_mclp(*rows_of(reach), weight, n, capacity=capacity, p=4)
        assert found.plan.status == "optimal"
        assert found.plan.objective == pytest.approx(-best.fun, abs=1e-3)


def graph_flow(reach, weight, capacity, sites):
    """The same flow by scipy."""
    m, n = reach.shape
    graph = np.zeros((m + n + 2, m + n + 2), np.int32)
    graph[0, 1 : m + 1] = weight
    graph[1 : m + 1, m + 1 : m + n + 1] = reach * weight[:, None]
    graph[m + 1 + np.asarray(sites), -1] = np.minimum(capacity[sites], weight.sum())
    return maximum_flow(csr_array(graph), 0, m + n + 1).flow_value


def test_flows_equal_scipy_and_their_cuts_are_tight():
    random = np.random.default_rng(3)
    for seed in range(40):
        reach, weight, capacity = planar(40, 8, 4, random.uniform(0.3, 1.5), seed)
        arcs = arcs_of(csr_array(reach.astype(float)), weight, capacity)
        x = (random.random(8) < 0.6).astype(float) if seed % 2 else random.random(8)
        flow = np.zeros(len(arcs.gain))
        served, far, near = max_flow(arcs, x, flow, 1e-9)
        site = np.repeat(np.arange(8), np.diff(arcs.site_start))
        assert (flow >= 0).all() and (flow <= arcs.weight[arcs.site_row] * x[site] + 1e-9).all()
        assert (np.bincount(site, flow, 8) <= arcs.capacity * x + 1e-6).all()
        for inside in (far, near):
            held = np.bincount(site, arcs.weight[arcs.site_row] * inside[arcs.site_row], 8)
            cut = weight[~inside].sum() + x @ np.minimum(held, arcs.capacity)
            assert cut == pytest.approx(served, rel=1e-9)
            price = 1.0 - inside
            worth = site_worths(arcs, price, np.zeros(8), np.zeros(len(price)))
            assert price @ weight + x @ worth == pytest.approx(served, rel=1e-9)
        if seed % 2:
            sites = np.flatnonzero(x)
            assert served == graph_flow(reach, weight, capacity, sites)
            part, place = open_arcs(arcs, x > 0)
            sent = np.zeros(len(place))
            assert max_flow(part, np.ones(len(sites)), sent, 0.25)[0] == served


def test_who_is_served_where():
    reach = np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 0]], bool)
    weight = np.array([3.0, 4.0, 5.0, 2.0, 7.0])
    found = capacitated_mclp(*rows_of(reach), weight, 2, capacity=[6, np.inf], p=2)
    assert found.plan.objective == found.served == 13 and found.load.tolist() == [6, 7]
    assert found.no_room.sum() == 1 and found.out_of_reach.tolist() == [0, 0, 0, 0, 7]
    assert found.plan.status == "optimal" and found.plan.gains == (7, 6)
    alone = capacitated_mclp(*rows_of(reach), weight, 2, capacity=[6, np.inf], p=1)
    assert alone.plan.sites == (1,) and alone.out_of_reach.tolist() == [3, 4, 0, 0, 7]


def test_rows_of_one_class_are_divided_in_whole_residents():
    reach = np.array([[1, 1]] * 5, bool)
    found = capacitated_mclp(*rows_of(reach), [3, 1, 4, 1, 5], 2, capacity=[6, 7], p=2)
    assert found.plan.objective == 13 and found.plan.reductions["rows_merged"] == 4
    assert (found.residents == np.floor(found.residents)).all() and found.no_room.sum() == 1
    assert np.bincount(found.row, found.residents).tolist() == [3, 1, 4, 1, 4]


def test_tampering_is_noticed():
    reach, weight, capacity = planar(60, 12, 3, 0.8)
    found = capacitated_mclp(*rows_of(reach), weight, 12, capacity=capacity, p=3)
    asked = demanded(csr_array(reach.astype(float)), weight, capacity, budget=3)
    assert check_capacity(asked, found).bound == found.plan.bound
    records = found.proof.records
    assert len(records) > 1

    def bound_with(*changed):
        proof = replace(found.proof, records=tuple(changed))
        return check_capacity(asked, replace(found, proof=proof))

    free = replace(records[-1].prices, row=records[-1].prices.row * 0.0)
    assert bound_with(*[replace(one, prices=free) for one in records]).bound > found.plan.bound
    assert bound_with(records[0]).bound > found.plan.bound
    closed = replace(records[0], closed=~records[0].closed)
    assert bound_with(closed, *records[1:]).problems
    opened = replace(records[-1], opened=~records[-1].opened)
    assert bound_with(*records[:-1], opened).problems
    twice = replace(found, residents=found.residents * 2)
    assert check_capacity(asked, twice).problems
    away = replace(found, site=(found.site + 1) % 12)
    assert check_capacity(asked, away).problems
    tight = replace(asked, capacity=capacity / 2)
    assert check_capacity(tight, found).problems
    assert check_capacity(replace(asked, budget=2.0), found).problems
    assert check_capacity(replace(asked, forbidden=np.isin(np.arange(12), found.plan.sites)), found).problems


def test_interruption_gives_a_plan_with_its_gap(monkeypatch):
    reach, weight, capacity = planar(400, 40, 8, 0.9, radius=0.2)
    told = []
    rows = (*rows_of(reach), weight, 40)
    late = capacitated_mclp(
        *rows, capacity=capacity, p=8, time_limit_s=0.0, progress=lambda *x: told.append(x)
    )
    assert late.plan.status == "feasible" and late.plan.objective <= late.plan.bound
    whole = capacitated_mclp(*rows, capacity=capacity, p=8, progress=lambda *x: told.append(x))
    assert whole.plan.status == "optimal" and late.plan.objective <= whole.plan.objective <= late.plan.bound
    assert told[-1][0] == whole.plan.objective and told[-1][1] == whole.plan.bound
    for after in (1, 3, 9):
        left = [after]

        def stop(*_, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        part = capacitated_mclp(*rows, capacity=capacity, p=8, progress=stop).plan
        assert part.objective <= whole.plan.objective <= part.bound and "中断" in part.note
    monkeypatch.setattr(capacity_search, "_ROOT_TAIL", 2)
    assert capacitated_mclp(*rows, capacity=capacity, p=8).plan.objective == whole.plan.objective


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"capacity": [1, -1]}, "capacity"),
        ({"capacity": [1, np.nan]}, "capacity"),
        ({"capacity": [1, 1, 1]}, "capacity"),
        ({"p": -1}, "p must"),
        ({"p": None}, "give either"),
        ({"budget": 3}, "give either"),
        ({"p": None, "cost": [1, 0], "budget": 3}, "cost must"),
        ({"p": None, "cost": [1, 1], "budget": np.nan}, "budget"),
        ({"forced": [2]}, "candidates must"),
        ({"rules": Rules(minimums=(Minimum("全省", np.arange(2), 0.5),))}, "minimum"),
    ],
)
def test_wrong_arguments_are_refused(change, what):
    request = {"capacity": [1, 1], "p": 1} | change
    with pytest.raises(ValueError, match=what):
        capacitated_mclp(np.array([0, 1, 2]), np.array([0, 1]), np.ones(2), 2, **request)


def test_empty_and_impossible_requests():
    none = np.empty(0, np.int64)
    empty = capacitated_mclp(np.zeros(1, np.int64), none, none, 0, capacity=none, p=0)
    assert empty.plan.status == "optimal" and empty.plan.objective == 0 and not len(empty.load)
    alone = capacitated_mclp(np.zeros(3, np.int64), none, np.ones(2), 2, capacity=5, p=1)
    assert alone.plan.objective == 0 and alone.out_of_reach.tolist() == [1, 1]
    full = capacitated_mclp(np.array([0, 2]), np.array([0, 1]), np.ones(1), 2, capacity=0, p=2, forced=[1])
    assert full.plan.sites == (1,) and full.no_room.tolist() == [1] and full.plan.status == "optimal"
    for change in ({"p": 3}, {"p": 1, "forced": [0, 1]}, {"p": 1, "forced": [0], "forbidden": [0]}):
        wrong = capacitated_mclp(np.array([0, 2]), np.array([0, 1]), np.ones(1), 2, capacity=1, **change)
        assert wrong.plan.status == "infeasible" and wrong.plan.note and wrong.out_of_reach.tolist() == [1]
    dear = {"cost": [2, 3], "budget": 1, "forced": [0]}
    assert (
        "超出预算" in capacitated_mclp(np.array([0, 1]), np.array([0]), [1], 2, capacity=1, **dear).plan.note
    )


def test_nothing_that_the_budget_pays_is_proven():
    """Costs, capacities and weights are fractional, so the bound of nothing has rounding in it."""
    reach = np.array([0, 2, 3, 6, 8, 10]), np.array([0, 1, 2, 0, 1, 2, 0, 2, 0, 1])
    weight = np.array([6.37730693, 0.69123505, 9.10817386, 0.81395044, 3.94565073])
    rules = Rules(budgets=(Budget("钱", np.array([3.77838597, 3.34419113, 1.89952604]), 0.2),))
    found = capacitated_mclp(
        *reach, weight, 3, capacity=[3.30630337, 3.2952671, 5.18692454], p=1, rules=rules
    )
    assert (found.plan.objective, found.plan.bound, found.plan.status) == (0.0, 0.0, "optimal")
