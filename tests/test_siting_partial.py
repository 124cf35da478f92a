"""Partial set covering against brute force."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import lscp
from boai.coverage.siting.partial import certify_partial, partial_cover
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def csr(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], np.int32)


@settings(max_examples=many(200), deadline=None)
@given(st.data())
def test_equals_brute_force(data):
    n = data.draw(st.integers(1, 7))
    rows = data.draw(st.lists(st.lists(st.integers(0, n - 1), max_size=4), max_size=12))
    weight = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(rows), max_size=len(rows))), float)
    cost = np.array(data.draw(st.lists(st.integers(1, 5), min_size=n, max_size=n)), float)
    order, cut = data.draw(st.permutations(range(n))), data.draw(st.integers(0, n // 2))
    forced, forbidden = order[:cut], order[n - n // 3 :]
    share = data.draw(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
    plan = partial_cover(*csr(rows), weight, n, share=share, cost=cost, forced=forced, forbidden=forbidden)
    free = sorted(set(range(n)) - set(forced) - set(forbidden))
    least = np.inf
    for size in range(len(free) + 1):
        for more in itertools.combinations(free, size):
            sites = [*forced, *more]
            covered = sum(w for row, w in zip(rows, weight, strict=True) if set(row) & set(sites))
            if covered >= share * weight.sum():
                least = min(least, cost[sites].sum())
    if least == np.inf:
        assert plan.status == "infeasible" and "达不到" in plan.note and plan.sites == ()
    else:
        assert (
            plan.status == "optimal" and plan.objective == plan.bound == least == cost[list(plan.sites)].sum()
        )
        assert set(forced) <= set(plan.sites) and not set(forbidden) & set(plan.sites)
        asked = {"share": share, "cost": cost, "forced": forced, "forbidden": forbidden}
        checked = certify_partial(*csr(rows), weight, n, plan, **asked)
        assert (checked.objective, checked.bound, checked.problems) == (least, least, ())
        if plan.sites and not forced:
            worse = replace(plan, sites=plan.sites[1:])
            assert certify_partial(*csr(rows), weight, n, worse, **asked).problems


def test_all_residents_are_a_set_covering():
    random = np.random.default_rng(4)
    demand, candidate = random.random((400, 2)), random.random((40, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= 0.4**2
    arrays = np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], np.ones(400), 40
    assert partial_cover(*arrays, share=1.0).objective == lscp(*arrays).objective
    out_of_time = partial_cover(*arrays, share=0.9, time_limit_s=0.0)
    assert out_of_time.bound <= partial_cover(*arrays, share=0.9).objective <= out_of_time.objective


def test_progress_comes_nearer():
    random = np.random.default_rng(5)
    near = ((random.random((300, 1, 2)) - random.random((1, 30, 2))) ** 2).sum(-1) <= 0.3**2
    arrays = np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], np.ones(300), 30
    seen = []
    plan = partial_cover(*arrays, share=0.8, progress=lambda *numbers: seen.append(numbers))
    assert seen[-1][:3] == (plan.objective, plan.bound, 0.0) and plan.status == "optimal"
    assert all(after[0] <= before[0] and after[1] >= before[1] for before, after in itertools.pairwise(seen))
    assert all(found >= bound for found, bound, _, _ in seen)


@pytest.mark.parametrize("wrong", [{"share": 1.5}, {"share": 0.5, "cost": np.array([0.5])}])
def test_what_cannot_be_asked_is_refused(wrong):
    with pytest.raises(ValueError, match=r"share|whole"):
        partial_cover(np.array([0, 1]), np.array([0]), np.ones(1), 1, **wrong)
