"""The p-dispersion against brute force, an independent solver, and its own certificates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from boai.coverage.siting import dispersion, packing
from boai.coverage.siting.covering import Branch
from boai.coverage.siting.dispersion import (
    DispersionProof,
    certify_dispersion,
    dispersion_distance,
    p_dispersion,
    p_dispersion_with_proof,
)
from boai.coverage.siting.packing import prices_exclude
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp


@st.composite
def cases(draw, most=9):
    """Small matrices of any distances or of points of a grid, p, forced and forbidden candidates."""
    n = draw(st.integers(1, most))
    if draw(st.booleans()):
        cell = st.one_of(st.integers(0, 9).map(float), st.just(np.inf))
        apart = np.array(draw(st.lists(st.lists(cell, min_size=n, max_size=n), min_size=n, max_size=n)))
    else:
        grid = st.tuples(st.integers(0, 6), st.integers(0, 6))
        point = np.array(draw(st.lists(grid, min_size=n, max_size=n)))
        apart = np.sqrt(((point[:, None] - point[None]) ** 2).sum(-1))
    order = draw(st.permutations(range(n)))
    cut, end = (
        sorted(draw(st.tuples(st.integers(0, n), st.integers(0, n)))) if draw(st.booleans()) else (0, n)
    )
    return apart, draw(st.integers(cut, end)), order[:cut], order[end:]


def brute_force(apart, p, forced, forbidden):
    allowed = sorted(set(range(len(apart))) - set(forbidden))
    plans = (sites for sites in itertools.combinations(allowed, p) if set(forced) <= set(sites))
    return max(min([apart[j, k] for j in sites for k in sites if j != k], default=np.inf) for sites in plans)


@settings(max_examples=700, deadline=None)
@given(cases())
def test_equals_brute_force_and_is_certified(case):
    apart, p, forced, forbidden = case
    plan, proof = p_dispersion_with_proof(apart, p=p, forced=forced, forbidden=forbidden)
    best = brute_force(apart, p, forced, forbidden)
    assert (plan.status, plan.objective, plan.bound, plan.gap) == ("optimal", best, best, 0.0)
    assert dispersion_distance(apart, plan.sites) == best and len(set(plan.sites)) == p
    assert set(forced) <= set(plan.sites) and not set(forbidden) & set(plan.sites)
    assert certify_dispersion(apart, proof, p=p, forced=forced, forbidden=forbidden) == best
    assert min(plan.gains, default=np.inf) == best


@settings(max_examples=400, deadline=None)
@given(cases(), st.data())
def test_prices_never_exclude_a_plan(case, data):
    """The certificate: whatever the prices, a plan that stands apart is never excluded, nor what it needs."""
    apart, p, opened, closed = case
    n = len(apart)
    near = np.minimum(apart, apart.T) < data.draw(st.integers(0, 9))
    np.fill_diagonal(near, False)
    cliques = np.array([packing._clique(near, j, np.ones(n)) for j in range(n)])
    price = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)))
    opened, closed = np.isin(np.arange(n), opened), np.isin(np.arange(n), closed)
    if near[np.ix_(opened, opened)].any():
        return
    over, fewer = prices_exclude(cliques, price, p, opened, closed | (near[opened].any(axis=0) & ~opened))
    for sites in itertools.combinations(range(n), p):
        plan = np.isin(np.arange(n), sites)
        if (plan >= opened).all() and not (plan & closed).any() and not near[np.ix_(plan, plan)].any():
            assert not over and not (plan & fewer).any()


def planar(n, seed):
    point = np.random.default_rng(seed).random((n, 2))
    return np.sqrt(((point[:, None] - point[None]) ** 2).sum(-1))


def most_apart(near):
    """The most columns of which no two are near, by scipy's solver on the pairs."""
    j, k = np.nonzero(np.triu(near, 1))
    pairs = np.zeros((max(len(j), 1), len(near)))
    pairs[np.arange(len(j)), j] = pairs[np.arange(len(j)), k] = 1
    result = milp(
        -np.ones(len(near)),
        constraints=LinearConstraint(pairs, -np.inf, 1),
        integrality=1,
        bounds=Bounds(0, 1),
    )
    return round(-result.fun)


@pytest.mark.parametrize(("n", "p", "seed"), [(30, 5, 1), (40, 8, 2), (50, 12, 3)])
def test_equals_an_independent_solver(n, p, seed):
    apart = planar(n, seed)
    plan, proof = p_dispersion_with_proof(apart, p=p)
    assert plan.status == "optimal" and plan.objective == plan.bound
    assert most_apart(apart < plan.objective) >= p > most_apart(apart <= plan.objective)
    assert certify_dispersion(apart, proof, p=p) == plan.objective


def test_a_wrong_proof_proves_less():
    apart = planar(40, 2)
    plan, proof = p_dispersion_with_proof(apart, p=8)
    largest = apart.max()
    free = [Branch(np.zeros(len(proof.cliques), np.int64))]
    assert certify_dispersion(apart, DispersionProof(proof.distance, proof.cliques, free), p=8) == largest
    no_cliques = DispersionProof(plan.objective / 2, proof.cliques, proof.steps)
    assert certify_dispersion(apart, no_cliques, p=8) == largest


@pytest.mark.parametrize("limit", [0.0, 0.01, 0.1])
def test_out_of_time_has_a_valid_bound(limit):
    apart = planar(150, 7)
    best = p_dispersion(apart, p=15)
    plan, proof = p_dispersion_with_proof(apart, p=15, time_limit_s=limit)
    assert best.status == "optimal" and plan.objective <= best.objective <= plan.bound
    assert 0 <= plan.gap < 1 and certify_dispersion(apart, proof, p=15) == plan.bound


def test_interrupted_returns_the_best_so_far(monkeypatch):
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(dispersion, "decide_packing", stop)
    plan = p_dispersion(planar(50, 2), p=6)
    assert plan.note.startswith("已中断") and plan.objective <= plan.bound and len(plan.sites) == 6


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
