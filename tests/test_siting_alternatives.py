"""Several best plans against brute force over all sets of sites."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from boai.coverage.siting import alternatives_cover, alternatives_program, mclp, p_median
from boai.coverage.siting.alternatives import k_best
from boai.coverage.siting.alternatives_cover import best_plans
from boai.coverage.siting.alternatives_program import program_plans
from boai.coverage.siting.certificate import check as certified
from boai.coverage.siting.certificate import request
from boai.coverage.siting.program import ProgramBuilder, cover_of
from boai.coverage.siting.program_search import solve_program
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array


def csr(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], np.int64)


def cover(rows, weight, sites) -> float:
    return math.fsum(w for row, w in zip(rows, weight, strict=True) if set(row) & set(sites))


@st.composite
def cases(draw, whole=True):
    n = draw(st.integers(1, 7))
    rows = draw(st.lists(st.lists(st.integers(0, n - 1), max_size=4), max_size=12))
    number = st.integers(0, 9) if whole else st.floats(0, 9).map(lambda w: round(w, 3))
    weight = np.array(draw(st.lists(number, min_size=len(rows), max_size=len(rows))), float)
    order = draw(st.permutations(range(n)))
    cut, end = sorted(draw(st.tuples(st.integers(0, n), st.integers(0, n))))
    return rows, weight, n, list(order[: cut // 2]), list(order[end:])


def all_plans(rows, weight, n, forced, forbidden, cost, limit):
    """Every set in which each site is needed and to which nothing that still fits adds: best first."""
    free = [j for j in range(n) if j not in forced and j not in forbidden]
    found = []
    for size in range(len(free) + 1):
        for more in itertools.combinations(free, size):
            sites = [*forced, *more]
            left = limit - cost[sites].sum()
            now = cover(rows, weight, sites)
            if left < -1e-9:
                continue
            needed = all(cover(rows, weight, [s for s in sites if s != t]) < now for t in more)
            room = [j for j in free if j not in sites and cost[j] <= left + 1e-9]
            if needed and not any(cover(rows, weight, [*sites, j]) > now for j in room):
                found.append((now, tuple(sorted(sites))))
    return sorted(found, key=lambda pair: (-pair[0], pair[1]))


def check(found, every, count, within=None):
    best = every[0][0]
    wanted = [pair for pair in every if within is None or pair[0] >= best * (1 - within) - 1e-12][:count]
    assert [plan.objective for plan in found.plans] == pytest.approx([value for value, _ in wanted])
    sets = [tuple(sorted(plan.sites)) for plan in found.plans]
    assert len(set(sets)) == len(sets) and set(sets) <= {sites for _, sites in every}
    assert found.proven == len(found.plans) and found.complete
    assert all(plan.status == "optimal" and plan.bound == plan.objective for plan in found.plans)
    for j in range(len(found.share)):
        assert found.share[j] == pytest.approx(sum(j in sites for sites in sets) / len(sets))
    assert set(found.core) == set.intersection(*map(set, sets))
    assert set(found.core) | set(found.optional) == set.union(*map(set, sets))


@settings(max_examples=many(200), deadline=None, derandomize=True)
@given(cases(), st.integers(0, 5), st.integers(1, 40))
def test_equals_brute_force(case, more, count):
    rows, weight, n, forced, forbidden = case
    p = min(len(forced) + more, n - len(forbidden))
    found = best_plans(*csr(rows), weight, n, p=p, count=count, forced=forced, forbidden=forbidden)
    every = all_plans(rows, weight, n, forced, forbidden, np.ones(n), p)
    check(found, every, count)
    best = found.plans[0]
    if best.certificate is not None:
        asked = request(*csr(rows), weight, n, maximal=True, budget=p, forced=forced, forbidden=forbidden)
        proof = certified(asked, best.sites, best.certificate)
        assert not proof.problems and proof.bound == proof.objective == best.objective
    listed, there_are = len(found.plans), len(every)
    assert listed == min(count, there_are)
    assert math.isnan(found.rest) or listed < there_are or found.rest <= found.plans[-1].objective
    if listed < there_are:
        assert found.rest >= every[listed][0]


@settings(max_examples=many(70), deadline=None, derandomize=True)
@given(cases(), st.integers(0, 5), st.sampled_from([0.0, 0.01, 0.2, 0.5, 1.0]))
def test_all_within_a_share(case, more, within):
    rows, weight, n, forced, forbidden = case
    p = min(len(forced) + more, n - len(forbidden))
    asked = {"forced": forced, "forbidden": forbidden, "within": within}
    found = best_plans(*csr(rows), weight, n, p=p, count=1000, **asked)
    check(found, all_plans(rows, weight, n, forced, forbidden, np.ones(n), p), 1000, within)


@settings(max_examples=many(70), deadline=None, derandomize=True)
@given(cases(whole=False), st.data())
def test_budgets_and_fractions_equal_brute_force(case, data):
    rows, weight, n, forced, forbidden = case
    cost = np.array(data.draw(st.lists(st.integers(1, 5), min_size=n, max_size=n)), float)
    budget = float(cost[forced].sum() + data.draw(st.integers(0, 12)))
    asked = {"cost": cost, "budget": budget, "forced": forced, "forbidden": forbidden}
    found = best_plans(*csr(rows), weight, n, count=12, **asked)
    every = all_plans(rows, weight, n, forced, forbidden, cost, budget)
    values = [plan.objective for plan in found.plans]
    assert values == pytest.approx([value for value, _ in every[:12]], rel=2e-6, abs=1e-6)


def test_any_model_given_as_a_function():
    random = np.random.default_rng(2)
    for _ in range(5):
        cost = random.integers(1, 99, (7, 7)).astype(float)
        np.fill_diagonal(cost, 0)
        weight = random.integers(1, 9, 7).astype(float)

        def solve(forced, forbidden, cost=cost, weight=weight):
            return p_median(cost, weight, p=3, forced=forced, forbidden=forbidden)

        every = sorted(
            float((cost[:, list(s)].min(axis=1) * weight).sum()) for s in itertools.combinations(range(7), 3)
        )
        found = k_best(solve, 7, count=8, minimise=True)
        assert [plan.objective for plan in found.plans] == every[:8] and found.proven == 8
        near = k_best(solve, 7, count=99, within=0.2, minimise=True)
        assert [plan.objective for plan in near.plans] == [v for v in every if v <= 1.2 * every[0]]
        assert near.complete and near.rest > 1.2 * every[0]


def world(seed=1, m=3000, n=120, radius=0.08):
    random = np.random.default_rng(seed)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= radius**2
    arrays = np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1]
    return (*arrays, random.integers(1, 50, m).astype(float), n)


def test_ranks_agree_with_parting_alone():
    arrays = world()

    def solve(forced, forbidden):
        return mclp(*arrays, p=6, forced=forced, forbidden=forbidden)

    fast, slow = best_plans(*arrays, p=6), k_best(solve, 120)
    assert [plan.objective for plan in fast.plans] == [plan.objective for plan in slow.plans]
    assert fast.proven == slow.proven == 10 and fast.solved <= slow.solved
    assert fast.plans[0].objective == solve((), ()).objective
    assert fast.plans[0].certificate is not None
    assert fast.plans[0].sites == solve((), ()).sites and fast.plans[0].gains == solve((), ()).gains


def test_cuts_and_parts_list_the_same_values():
    indptr, indices, weight, n = world(m=600, n=40, radius=0.15)
    builder = ProgramBuilder(n)
    rows = csr_array((np.ones(len(indices)), indices, indptr), shape=(600, n))
    group = builder.add_classes(rows, weight)
    builder.require("至多 5 处", 5, x=(np.arange(n), 1.0))
    cut = program_plans(builder.build(t=(group, 1.0)))
    parted = best_plans(indptr, indices, weight, n, p=5)
    assert [plan.objective for plan in cut.plans] == [plan.objective for plan in parted.plans]
    assert cut.complete and parted.complete


def test_twins_and_dominated_candidates_are_not_hidden():
    rows = [[0, 1, 2], [0, 1, 2], [0, 1], [3]]
    found = best_plans(*csr(rows), np.array([5.0, 1, 1, 3]), 4, p=2)
    assert [tuple(sorted(plan.sites)) for plan in found.plans[:3]] == [(0, 3), (1, 3), (2, 3)]
    assert [plan.objective for plan in found.plans[:3]] == [10.0, 10.0, 9.0]


def test_sites_that_add_nothing_make_no_plan():
    rows = [[0], [1], [0, 1, 2, 3, 4, 5]]
    found = best_plans(*csr(rows), np.array([5.0, 4, 1]), 6, p=4)
    assert [tuple(sorted(plan.sites)) for plan in found.plans] == [(0, 1)]
    assert found.complete and math.isnan(found.rest) and "2 个名额" in found.plans[0].note


def test_time_and_interruption_list_what_was_found(monkeypatch):
    arrays = world(n=60)
    late = best_plans(*arrays, p=8, time_limit_s=0.0)
    right = best_plans(*arrays, p=8)
    assert late.plans and not late.complete and right.complete
    for at, plan in enumerate(late.plans):
        assert plan.objective <= right.plans[min(at, 9)].objective <= plan.bound
    calls = []

    def stopped(*args, **asked):
        calls.append(asked)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return mclp(*args, **asked)

    monkeypatch.setattr(alternatives_cover, "mclp", stopped)
    cut = best_plans(*arrays, p=8, count=30)
    assert cut.plans[0].objective == right.plans[0].objective and cut.proven < 30
    assert "名次" in cut.note and not cut.complete
    for at, plan in enumerate(cut.plans[:10]):
        assert plan.objective <= right.plans[at].objective <= plan.bound


def test_empty_infeasible_and_hostile():
    empty = np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0), 0
    found = best_plans(*empty, p=0)
    assert [plan.sites for plan in found.plans] == [()] and found.complete
    one = np.array([0, 1]), np.array([0]), np.array([3.0]), 1
    none = best_plans(*one, p=0, forced=[0])
    assert none.plans == () and "必选" in none.note and none.core == () and none.optional == ()
    assert [plan.sites for plan in best_plans(*one, p=0).plans] == [()]
    assert "可选" in best_plans(*one, p=1, forbidden=[0]).note
    hostile = ({"p": 1, "count": 0}, {"p": 1, "count": 1.5}, {"p": 1, "within": -1.0}, {}, {"p": -1})
    for wrong in (*hostile, {"p": 1, "forced": [7]}):
        with pytest.raises(ValueError, match=r"."):
            best_plans(*one, **wrong)


@st.composite
def programs(draw):
    """Maximal covering with a quota, a budget and costs in the objective."""
    n = draw(st.integers(1, 6))
    rows = draw(st.lists(st.lists(st.integers(0, n - 1), unique=True, max_size=4), min_size=1, max_size=9))
    weight = draw(st.lists(st.integers(0, 9), min_size=len(rows), max_size=len(rows)))
    builder = ProgramBuilder(n)
    table = np.array([[float(j in row) for j in range(n)] for row in rows])
    group = builder.add_classes(csr_array(table), weight)
    builder.require("至多", draw(st.integers(0, 4)), x=(np.arange(n), 1.0))
    cost = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)), float)
    builder.require("预算", draw(st.integers(0, 9)), x=(np.arange(n), cost))
    some = np.arange(draw(st.integers(0, n)))
    if len(some):
        builder.require("至少", -float(draw(st.integers(0, 1))), x=(some, -1.0))
    price = -cost if draw(st.booleans()) else np.zeros(n)
    return builder.build(x=(np.arange(n), price), t=(group, 1.0))


def feasible(program):
    """Every set of sites that the constraints admit, with its value."""
    for opened in itertools.product([False, True], repeat=program.n_sites):
        x = np.array(opened)
        t = cover_of(program, x)
        if (program.side @ np.r_[x.astype(float), t] <= program.limit + 1e-9).all():
            yield frozenset(np.flatnonzero(x)), float(program.x_value @ x + program.t_value @ t)


@settings(max_examples=many(50), deadline=None, derandomize=True)
@given(programs(), st.booleans(), st.integers(1, 8))
def test_plans_of_programs_equal_brute_force(program, nested, count):
    left = dict(feasible(program))
    found = program_plans(program, nested=nested, count=count)
    for plan in found.plans:
        sites = frozenset(plan.sites)
        assert plan.objective == pytest.approx(max(left.values())) and plan.bound == plan.objective
        assert left[sites] == pytest.approx(plan.objective) and plan.status == "optimal"
        gone = [s for s in left if s == sites or (not nested and (s <= sites or sites <= s))]
        for other in gone:
            del left[other]
    assert found.complete and found.proven == len(found.plans)
    assert len(found.plans) == count or not left
    if not found.plans:
        assert found.note


@settings(max_examples=many(25), deadline=None, derandomize=True)
@given(programs(), st.sampled_from([0.0, 0.1, 0.5]))
def test_plans_of_programs_within_a_share(program, within):
    every = sorted((value for _, value in feasible(program)), reverse=True)
    found = program_plans(program, nested=True, count=100, within=within)
    wanted = [value for value in every if value >= every[0] - within * abs(every[0]) - 1e-9]
    assert [plan.objective for plan in found.plans] == pytest.approx(wanted) and found.complete


def test_programs_out_of_time_and_interrupted(monkeypatch):
    builder = ProgramBuilder(4)
    group = builder.add_classes(csr_array(np.eye(4)), [4, 3, 2, 1])
    builder.require("至多 2 处", 2, x=(np.arange(4), 1.0))
    program = builder.build(t=(group, 1.0))
    calls = []

    def stopped(*args, **asked):
        calls.append(asked)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return solve_program(*args, **asked)

    monkeypatch.setattr(alternatives_program, "solve_program", stopped)
    found = program_plans(program)
    assert [plan.objective for plan in found.plans] == [7.0, 6.0] and not found.complete
    assert found.proven == 2 and found.rest == 6.0
    with pytest.raises(ValueError, match="count"):
        program_plans(program, count=0)
