"""Column sifting against the plain relaxation, a linear solver and brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from boai.coverage.siting import branch, certificate, coarse, sifting
from boai.coverage.siting.coarse import coarse_start, sampled, shares_at
from boai.coverage.siting.greedy import sparse_of
from boai.coverage.siting.models import mclp
from boai.coverage.siting.reduce import Instance, cover_matrix, reduce_cover
from boai.coverage.siting.saddle import Relaxation
from boai.coverage.siting.search_model import MAXIMAL, Judged
from boai.coverage.siting.sifting import Sifting, far_columns
from boai.coverage.siting.sparse_part import part_of
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import block_array, csr_array, eye_array


def planar(m: int, n: int, radius: float, seed: int):
    random = np.random.default_rng(seed)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= radius**2
    return np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], random.integers(1, 101, m).astype(float), n


def reduced(request, p: int) -> Instance:
    indptr, indices, weight, n = request
    nothing = np.zeros(n, bool)
    matrix = cover_matrix(indptr, indices, n)
    return reduce_cover(matrix, weight, budget=p, forced=nothing, forbidden=nothing)[0]


def relaxed(instance: Instance) -> float:
    """The value of the linear relaxation by scipy's solver."""
    k, n = instance.n_rows, instance.n_columns
    rows = csr_array(instance.rows).astype(np.float64)
    matrix = block_array([[-rows, eye_array(k)], [csr_array(np.ones((1, n))), None]], format="csr")
    limit = np.r_[np.zeros(k), instance.budget]
    solved = linprog(np.r_[np.zeros(n), -instance.weight], matrix, limit, bounds=(0, 1))
    return instance.base - solved.fun


@st.composite
def splits(draw):
    """A small matrix with weights, and columns that are opened or closed."""
    n = draw(st.integers(1, 7))
    row = st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True).map(sorted)
    rows = draw(st.lists(row, min_size=1, max_size=12))
    weight = np.array(draw(st.lists(st.integers(1, 9), min_size=len(rows), max_size=len(rows))), float)
    state = np.array(draw(st.lists(st.sampled_from([-1, 0, 0, 1]), min_size=n, max_size=n)))
    return rows, weight, n, state


@settings(max_examples=many(150), deadline=None)
@given(splits())
def test_a_part_is_what_fixed_columns_leave(case):
    rows, weight, n, state = case
    indptr, indices = np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], np.int32)
    instance = reduced((indptr, indices, weight, n), n)
    sparse, at = sparse_of(instance), state[instance.position]
    part = part_of(sparse, at == 1, at == -1, merge=True)
    left: dict[tuple[int, ...], float] = {}
    for r in range(instance.n_rows):
        columns = instance.rows.indices[instance.rows.indptr[r] : instance.rows.indptr[r + 1]]
        served, free = (at[columns] == 1).any(), tuple(columns[at[columns] == 0].tolist())
        assert part.served[r] == served and part.lost[r] == (not served and not free)
        if not served and free:
            left[free] = left.get(free, 0.0) + float(instance.weight[r])
    merged = part.sparse
    found = {
        tuple(part.columns[merged.row_column[merged.row_start[r] : merged.row_start[r + 1]]].tolist()): w
        for r, w in enumerate(merged.weight)
    }
    assert found == pytest.approx(left) and len(merged.weight) == len(left)
    assert part.collect(instance.weight) == pytest.approx(merged.weight)
    back = np.zeros(instance.n_rows)
    part.spread(np.arange(len(merged.weight)) + 1.0, back)
    assert (back[part.rows] > 0).all() and (back[part.served | part.lost] == 0).all()


@pytest.mark.parametrize("covered", [-np.inf, 0.97])
def test_a_sifted_relaxation_reaches_the_value_of_the_linear_program(covered):
    """Begun with nearly all columns idle from poor multipliers, they wake until nothing is missing."""
    instance = reduced(planar(900, 120, 0.13, 3), 8)
    value = relaxed(instance)
    covered = covered * value if np.isfinite(covered) else covered
    free = np.zeros(instance.n_columns, bool)
    relaxation = Relaxation(instance, maximal=True)
    walk = Sifting(relaxation, free, free)
    fraction, share = np.zeros(instance.n_columns), np.full(instance.n_rows, 0.5)
    walk.begin(fraction, share, MAXIMAL.judge(instance, share, free, free), covered)
    idle_once, best = 0, np.inf
    for _ in range(120):
        fraction, share, reaches = relaxation.advance()
        judged = MAXIMAL.judge(instance, share, free, free)
        assert judged.bound >= value * (1 - 1e-9) and reaches <= value * (1 + 1e-9)
        best = min(best, judged.bound)
        walk.follow(fraction, share, judged, reaches, covered)
        idle_once = max(idle_once, int(walk.idle.sum()))
        assert not (walk.idle & (fraction > 0.0)).any()
    assert best <= value * (1 + 2e-4)
    assert (idle_once > 0) == np.isfinite(covered)


@pytest.mark.parametrize("margin", [-1.0, 0.0, 0.1])
def test_whatever_lies_idle_the_plan_is_the_best_one(margin, monkeypatch):
    """Idle columns cost steps, never the proof: bounds are of all columns."""
    monkeypatch.setattr(sifting, "_IDLE", margin)
    for seed in range(8):
        indptr, indices, weight, n = planar(60, 12, 0.25, seed)
        plan = mclp(indptr, indices, weight, n, p=4)
        reached = cover_matrix(indptr, indices, n).toarray() > 0
        plans = itertools.combinations(range(n), 4)
        best = max(float(weight[reached[:, sites].any(axis=1)].sum()) for sites in plans)
        assert plan.status == "optimal" and plan.objective == best
        asked = certificate.request(indptr, indices, weight, n, maximal=True, budget=4)
        found = certificate.check(asked, plan.sites, plan.certificate)
        assert not found.problems and found.bound <= plan.bound * (1 + 1e-6)


def as_if_large(monkeypatch) -> None:
    """Begin at samples and make plans of the columns that are open in part, as with millions of pairs."""
    monkeypatch.setattr(branch, "_LARGE", 0)
    monkeypatch.setattr(branch, "_DEAR", 0)
    monkeypatch.setattr(branch, "_AT_LEAST", 1.2)
    monkeypatch.setattr(coarse, "_PAIRS", 60)


def test_begun_at_samples_the_plan_is_the_best_one(monkeypatch):
    as_if_large(monkeypatch)
    for seed in range(12):
        indptr, indices, weight, n = planar(60, 12, 0.25, seed)
        plan = mclp(indptr, indices, weight, n, p=4)
        reached = cover_matrix(indptr, indices, n).toarray() > 0
        plans = itertools.combinations(range(n), 4)
        best = max(float(weight[reached[:, sites].any(axis=1)].sum()) for sites in plans)
        assert plan.status == "optimal" and plan.objective == best


def test_a_tree_begun_at_samples_is_proven(monkeypatch):
    indptr, indices, weight, n = planar(3000, 200, 0.12, 4)
    plain = mclp(indptr, indices, weight, n, p=10)
    as_if_large(monkeypatch)
    made, heart_of = [], branch._Tree.heart_of

    def tell(*given):
        made.append(heart_of(*given))
        return made[-1]

    monkeypatch.setattr(branch._Tree, "heart_of", tell)
    plan = mclp(indptr, indices, weight, n, p=10)
    assert plan.status == "optimal" and plan.objective == plain.objective
    assert any(heart is not None and heart.instance.n_columns < n for heart in made)
    asked = certificate.request(indptr, indices, weight, n, maximal=True, budget=10)
    found = certificate.check(asked, plan.sites, plan.certificate)
    assert not found.problems and found.bound <= plan.bound * (1 + 1e-6)


def test_a_sample_weighs_what_all_classes_weigh():
    instance = reduced(planar(900, 120, 0.13, 3), 8)
    some = sampled(instance, 100)
    assert some.n_rows <= 100 and some.weight.sum() == pytest.approx(instance.weight.sum())
    assert (np.diff(some.rows.indptr) > 0).all() and some.columns.shape == some.rows.shape[::-1]
    rows = {tuple(row) for row in instance.rows.toarray().astype(int).tolist()}
    assert {tuple(row) for row in some.rows.toarray().astype(int).tolist()} <= rows


def test_the_start_from_samples_is_nearer_to_the_relaxation(monkeypatch):
    """Openings of a sample of 350 classes cover more than even ones, and the columns that they open work."""
    instance = reduced(planar(3000, 200, 0.12, 4), 10)
    monkeypatch.setattr(coarse, "_PAIRS", 3000)

    def covered(fraction):
        return instance.weight @ np.minimum(instance.rows @ fraction, 1.0) + instance.base

    even = np.full(instance.n_columns, 10 / instance.n_columns)
    start, most = coarse_start(instance, even, 0.2, np.inf), relaxed(instance)
    assert most - covered(start.fraction) <= 0.5 * (most - covered(even))
    assert start.fraction.sum() <= 10 * (1 + 1e-9)
    assert start.idle.any() and not (start.idle & (start.fraction > 0)).any()
    late = coarse_start(instance, even, 0.2, -np.inf)
    assert (late.fraction == even).all() and not late.idle.any()


def test_shares_say_what_openings_leave():
    instance = reduced((np.array([0, 1, 3, 4]), np.array([0, 0, 1, 2]), np.array([1.0, 2.0, 3.0]), 3), 2)
    cover = instance.rows @ np.array([0.5, 0.5, 1.5])[instance.position]
    expected = np.where(cover < 1, 1.0, np.where(cover > 1, 0.0, 0.5))
    assert shares_at(instance, np.array([0.5, 0.5, 1.5])[instance.position]).tolist() == expected.tolist()


@pytest.mark.parametrize("margin", [-1.0, 0.1])
def test_a_tree_of_many_nodes_with_idle_columns_is_proven(margin, monkeypatch):
    monkeypatch.setattr(sifting, "_IDLE", margin)
    indptr, indices, weight, n = planar(3000, 200, 0.12, 4)
    plan = mclp(indptr, indices, weight, n, p=10)
    assert plan.status == "optimal" and plan.reductions["branch_nodes"] > 1
    asked = certificate.request(indptr, indices, weight, n, maximal=True, budget=10)
    found = certificate.check(asked, plan.sites, plan.certificate)
    assert not found.problems and found.bound <= plan.bound * (1 + 1e-6)


def test_far_columns_are_closed_and_dear():
    """Of four closed columns that lower the bound by 1, 2, 5 and 9; the last two columns are open."""
    loss, fraction = np.array([9.0, 1.0, 5.0, 2.0, 0.0, 7.0]), np.array([0.0, 0.0, 0.0, 0.0, 0.4, 1.0])
    judged = Judged(100.0, 100.0 - loss, np.full(6, 100.0))
    assert far_columns(fraction, judged, 2.0).tolist() == [True, False, True, False, False, False]
    assert far_columns(fraction, judged, 2.0, 0.5).tolist() == [True, False, True, True, False, False]
    assert far_columns(fraction, judged, 0.5, 9.0).tolist() == [True, True, True, True, False, False]
    assert not far_columns(np.ones(6), judged, -1.0, 1.0).any()
