"""Certificates of covering plans: checked without the search, and refused when tampered with."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting.certificate import Certificate, Checked, Step, check, request
from boai.coverage.siting.models import lscp, mclp
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array


def csr(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], np.int32)


@st.composite
def cases(draw, most=8):
    """Rows of candidates, weights and costs (whole or not), forced and forbidden candidates."""
    n = draw(st.integers(1, most))
    rows = draw(st.lists(st.lists(st.integers(0, n - 1), max_size=5), max_size=14))
    whole = st.integers(0, 9).map(float)
    some = st.floats(0, 9, allow_nan=False).map(lambda w: round(w, 3))
    weight = draw(st.lists(draw(st.sampled_from([whole, some])), min_size=len(rows), max_size=len(rows)))
    price = draw(
        st.sampled_from([st.integers(1, 5).map(float), st.floats(0.5, 5).map(lambda c: round(c, 2))])
    )
    cost = draw(st.lists(price, min_size=n, max_size=n))
    order = draw(st.permutations(range(n)))
    cut, end = sorted(draw(st.tuples(st.integers(0, n // 2), st.integers(n // 2, n))))
    return rows, np.array(weight, float), np.array(cost), order[:cut], order[end:]


def verdict(plan, arrays, *, maximal: bool, **request_) -> Checked:
    found = check(request(*arrays, maximal=maximal, **request_), plan.sites, plan.certificate)
    assert not found.problems
    assert found.objective == pytest.approx(plan.objective, rel=1e-9, abs=1e-9)
    if maximal:
        assert found.bound <= plan.bound * (1 + 1e-6) + 1e-9  # fractional weights are proven to a millionth
    else:
        assert found.bound >= plan.bound * (1 - 1e-6) - 1e-9
    return found


def plans(n, forced, forbidden):
    free = sorted(set(range(n)) - set(forced) - set(forbidden))
    for size in range(len(free) + 1):
        for more in itertools.combinations(free, size):
            yield [*forced, *more]


@settings(max_examples=many(300), deadline=None)
@given(cases(), st.floats(0, 1))
def test_budget_equals_brute_force_and_is_certified(case, share):
    rows, weight, cost, forced, forbidden = case
    n, arrays = len(cost), (*csr(rows), weight, len(cost))
    budget = float(round(cost[list(forced)].sum() + share * cost.sum(), 2))
    asked = {"cost": cost, "budget": budget, "forced": forced, "forbidden": forbidden}
    plan = mclp(*arrays, **asked)
    best = max(
        sum(w for row, w in zip(rows, weight, strict=True) if set(row) & set(sites))
        for sites in plans(n, forced, forbidden)
        if cost[sites].sum() <= budget + 1e-9
    )
    assert plan.status == "optimal" and plan.objective == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert plan.bound >= best - 1e-9 and cost[list(plan.sites)].sum() <= budget * (1 + 1e-9) + 1e-9
    found = verdict(plan, arrays, maximal=True, **asked)
    assert found.bound >= best - 1e-9


@settings(max_examples=many(200), deadline=None)
@given(cases(), st.integers(0, 8))
def test_number_of_sites_is_certified(case, p):
    rows, weight, cost, forced, forbidden = case
    p = min(max(p, len(forced)), len(cost) - len(forbidden))
    arrays = (*csr(rows), weight, len(cost))
    plan = mclp(*arrays, p=p, forced=forced, forbidden=forbidden)
    verdict(plan, arrays, maximal=True, budget=p, forced=forced, forbidden=forbidden)


@settings(max_examples=many(300), deadline=None)
@given(cases(), st.booleans())
def test_cheapest_cover_equals_brute_force_and_is_certified(case, unit):
    rows, weight, cost, forced, forbidden = case
    cost = np.ones(len(cost)) if unit else cost
    arrays = (*csr(rows), weight, len(cost))
    plan = lscp(*arrays, cost=None if unit else cost, forced=forced, forbidden=forbidden)
    wanted = [set(row) for row, w in zip(rows, weight, strict=True) if w > 0 and set(row) - set(forbidden)]
    best = min(
        cost[sites].sum()
        for sites in plans(len(cost), forced, forbidden)
        if all(row & set(sites) for row in wanted)
    )
    assert plan.status == "optimal" and plan.objective == pytest.approx(best, rel=1e-6)
    assert plan.bound <= best + 1e-9
    found = verdict(plan, arrays, maximal=False, cost=cost, forced=forced, forbidden=forbidden)
    assert found.bound <= best + 1e-9


def planar(m: int, n: int, radius: float, seed: int):
    random = np.random.default_rng(seed)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= radius**2
    return np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], random.integers(1, 101, m).astype(float), n


@pytest.mark.parametrize("fractional", [False, True])
def test_a_tree_of_branches_is_followed(fractional):
    indptr, indices, weight, n = planar(1500, 100, 0.13, 6)
    weight = weight / 7 if fractional else weight
    plan = mclp(indptr, indices, weight, n, p=12)
    assert plan.status == "optimal" and len(plan.certificate.records) > 1
    found = verdict(plan, (indptr, indices, weight, n), maximal=True, budget=12)
    assert found.bound == pytest.approx(plan.objective, rel=2e-6)


def test_a_tree_of_set_covering_is_followed():
    arrays = planar(1500, 100, 0.15, 3)
    plan = lscp(*arrays)
    assert plan.status == "optimal" and plan.reductions["rows_superset"] > 0
    assert verdict(plan, arrays, maximal=False).bound == plan.objective


def test_out_of_time_the_certificate_proves_what_is_said():
    arrays = planar(3000, 200, 0.1, 5)
    for limit in (0.0, 0.05, 0.3):
        plan = mclp(*arrays, p=20, time_limit_s=limit)
        verdict(plan, arrays, maximal=True, budget=20)
        cover = lscp(*arrays, time_limit_s=limit)
        verdict(cover, arrays, maximal=False)


def test_tampering_is_found():
    arrays = planar(1500, 100, 0.13, 6)
    plan = mclp(*arrays, p=12)
    asked, proof = request(*arrays, maximal=True, budget=12), plan.certificate
    assert check(asked, plan.sites[:-1], proof).bound > plan.bound - 1  # a worse plan is not proven the best
    assert check(asked, plan.sites, Certificate((), (), ())).bound == arrays[2].sum()
    assert check(asked, [*plan.sites, 99, 98], proof).problems
    first = proof.records[0]
    closed = replace(first, closed=~first.opened)
    assert check(asked, plan.sites, replace(proof, records=(closed, *proof.records[1:]))).problems
    wrong = Step("candidates", np.array(plan.sites[:1]), np.empty(0, np.int64))
    assert check(asked, plan.sites, replace(proof, steps=(*proof.steps, wrong))).problems
    lost = replace(proof, records=proof.records[:1])
    assert check(asked, plan.sites, lost).bound > plan.bound


def test_a_cover_that_misses_rows_is_found():
    arrays = planar(300, 30, 0.3, 8)
    plan = lscp(*arrays)
    problems = check(request(*arrays, maximal=False), plan.sites[1:], plan.certificate).problems
    assert any("not covered" in problem for problem in problems)


def test_costs_that_do_not_fit_are_refused():
    arrays = planar(30, 3, 0.3, 8)
    for wrong in (
        {},
        {"p": 1, "budget": 2.0},
        {"budget": 2.0},
        {"cost": np.ones(3)},
        {"cost": np.ones(2), "budget": 1.0},
        {"cost": np.zeros(3), "budget": 1.0},
        {"cost": np.ones(3), "budget": -1.0},
    ):
        with pytest.raises(ValueError, match=r"p|cost|budget"):
            mclp(*arrays, **wrong)
    plan = mclp(*arrays, cost=np.array([2.0, 3.0, 4.0]), budget=4.0, forced=[0, 1])
    assert plan.status == "infeasible" and plan.note == "必选点共需 5, 超出预算 4"


def islands(count: int, rows: int, columns: int):
    """Places apart from each other, each with a cover that is not easy."""
    random = np.random.default_rng(7)
    near = ((random.random((count, rows, 1, 2)) - random.random((count, 1, columns, 2))) ** 2).sum(-1) <= 0.03
    whole = np.zeros((count * rows, count * columns), bool)
    for i in range(count):
        whole[i * rows : (i + 1) * rows, i * columns : (i + 1) * columns] = near[i]
    row, column = np.nonzero(whole[:, random.permutation(count * columns)])
    indptr = np.r_[0, np.cumsum(np.bincount(row, minlength=len(whole)))]
    return indptr, column, np.ones(len(whole)), count * columns


@pytest.mark.parametrize("unit", [True, False])
def test_components_are_solved_apart_and_certified(unit):
    arrays = islands(5, 150, 60)
    cost = None if unit else np.random.default_rng(2).integers(1, 9, arrays[3]).astype(float)
    plan = lscp(*arrays, cost=cost)
    assert plan.status == "optimal" and plan.reductions["components_apart"] > 1
    found = check(request(*arrays, maximal=False, cost=cost), plan.sites, plan.certificate)
    assert (found.objective, found.bound, found.problems) == (plan.objective, plan.bound, ())
    costs = np.ones(arrays[3]) if cost is None else cost
    rows = csr_array((np.ones(len(arrays[1])), arrays[1], arrays[0]), shape=(len(arrays[2]), arrays[3]))
    there = np.diff(arrays[0]) > 0
    other = milp(
        costs,
        integrality=np.ones(arrays[3]),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows[there], 1),
    )
    assert plan.objective == pytest.approx(other.fun)
    part = plan.certificate.parts[-1]
    for wrong in (
        replace(part, candidates=part.candidates[::-1] - 1),
        replace(part, rows=plan.certificate.parts[0].rows),
        replace(plan.certificate.parts[0]),
    ):
        parts = (*plan.certificate.parts[:-1], wrong)
        bad = check(
            request(*arrays, maximal=False, cost=cost), plan.sites, replace(plan.certificate, parts=parts)
        )
        assert bad.problems or bad.bound <= plan.bound


def test_components_out_of_time_have_a_valid_bound():
    arrays = islands(5, 150, 60)
    best = lscp(*arrays).objective
    for limit in (0.0, 0.05):
        plan = lscp(*arrays, time_limit_s=limit)
        found = check(request(*arrays, maximal=False), plan.sites, plan.certificate)
        assert plan.bound <= best <= plan.objective and not found.problems and found.bound >= plan.bound
