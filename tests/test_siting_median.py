"""The p-median against brute force, an independent solver, and its own certificates."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from boai.coverage.siting import median_search
from boai.coverage.siting.median import p_median, p_median_with_proof
from boai.coverage.siting.median_bounds import bound_of, certify_median
from boai.coverage.siting.median_rows import merge_equal, read_costs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, eye_array, kron


@st.composite
def cases(draw, most=7):
    """A small matrix (ties, zeros, no ways, equal rows), weights, p, forced and forbidden candidates."""
    m, n = draw(st.integers(1, 8)), draw(st.integers(1, most))
    cell = st.integers(0, 9).map(float)
    if draw(st.booleans()):
        cell = st.one_of(cell, st.just(np.inf))
    if draw(st.booleans()):
        cell = cell.map(lambda c: c / 7)
    cost = np.array(draw(st.lists(st.lists(cell, min_size=n, max_size=n), min_size=m, max_size=m)))
    weight = np.array(draw(st.lists(st.integers(0, 4), min_size=m, max_size=m)), float)
    order = draw(st.permutations(range(n)))
    cut, end = (
        sorted(draw(st.tuples(st.integers(0, n), st.integers(0, n)))) if draw(st.booleans()) else (0, n)
    )
    p = draw(st.integers(cut, end))
    penalty = draw(st.one_of(st.none(), st.integers(0, 12).map(float)))
    return cost, weight, p, order[:cut], order[end:], penalty


def lists(cost):
    """The same costs as compressed rows."""
    way = np.isfinite(cost)
    return np.r_[0, np.cumsum(way.sum(1))], np.nonzero(way)[1], cost[way]


def total(cost, weight, sites, penalty):
    nearest = [min([row[j] for j in sites] + [np.inf if penalty is None else penalty]) for row in cost]
    return sum(w * c for w, c in zip(weight, nearest, strict=True) if w > 0)


def brute_force(cost, weight, p, forced, forbidden, penalty):
    allowed = sorted(set(range(cost.shape[1])) - set(forbidden))
    plans = (sites for sites in itertools.combinations(allowed, p) if set(forced) <= set(sites))
    return min(total(cost, weight, sites, penalty) for sites in plans)


@settings(max_examples=700, deadline=None)
@given(cases(), st.booleans())
def test_equals_brute_force_and_is_certified(case, compressed):
    cost, weight, p, forced, forbidden, penalty = case
    given_cost = lists(cost) if compressed else cost
    request = {"p": p, "forced": forced, "forbidden": forbidden, "penalty": penalty}
    request |= {"n_candidates": cost.shape[1]} if compressed else {}
    plan, proof = p_median_with_proof(given_cost, weight, **request)
    best = brute_force(cost, weight, p, forced, forbidden, penalty)
    if best == np.inf:
        assert plan.status == "infeasible" and plan.note and plan.sites == ()
        return
    assert plan.status == "optimal" and plan.objective == pytest.approx(best, rel=1e-6, abs=1e-12)
    assert plan.bound <= best + 1e-9 and 0 <= plan.gap <= 1e-6
    assert plan.objective == pytest.approx(total(cost, weight, plan.sites, penalty), rel=1e-12)
    assert set(forced) <= set(plan.sites) and not set(forbidden) & set(plan.sites)
    assert len(set(plan.sites)) == len(plan.sites) <= p
    least = certify_median(given_cost, weight, proof, **request)
    assert proof.least - 1e-9 <= least <= best + 1e-9
    costs = cost[np.isfinite(cost)]
    assert least > best - 1 if (costs == np.floor(costs)).all() else least >= best * (1 - 1e-6)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_gains_are_what_closing_costs(case):
    cost, weight, p, forced, forbidden, penalty = case
    plan = p_median(cost, weight, p=p, forced=forced, forbidden=forbidden, penalty=penalty)
    assert list(plan.gains) == sorted(plan.gains, reverse=True) and len(plan.gains) == len(plan.sites)
    for site, gain in zip(plan.sites, plan.gains, strict=True):
        without = total(cost, weight, [j for j in plan.sites if j != site], penalty)
        assert without - plan.objective == pytest.approx(gain, abs=1e-9) or gain == without == np.inf
        assert gain > 0 or site in forced


@settings(max_examples=400, deadline=None)
@given(cases(), st.data())
def test_every_level_gives_a_valid_bound(case, data):
    """The certificate: whatever the levels, and whatever is fixed, no plan costs less than the bounds."""
    cost, _, p, *_ = case
    n = cost.shape[1]
    costs, rows = read_costs(cost, None), np.arange(len(cost))
    beyond = np.full(len(cost), 20.0)
    listed = costs.near(rows, np.arange(n), np.full(len(cost), np.inf), beyond)
    level = np.array(data.draw(st.lists(st.floats(0, 25), min_size=len(cost), max_size=len(cost))))
    state = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    opened, closed = state == 0, state == 1
    bound, if_opened, if_closed = bound_of(listed, level, p, opened, closed)
    for size in range(p + 1):
        for sites in itertools.combinations(range(n), size):
            plan = np.isin(np.arange(n), sites)
            if (plan >= opened).all() and not (plan & closed).any():
                value = total(cost, np.ones(len(cost)), sites, 20.0) + 1e-9
                assert bound <= value
                free = ~(opened | closed)
                assert (if_opened[free & plan] <= value).all() and (if_closed[free & ~plan] <= value).all()


def planar(m, n, seed, dtype=np.float64, whole=True):
    random = np.random.default_rng(seed)
    away = random.random((m, 2))[:, None] - random.random((n, 2))[None]
    cost = np.sqrt((away**2).sum(-1)) * 1000
    return (np.round(cost) if whole else cost).astype(dtype), random.integers(1, 100, m).astype(float)


def compact(cost, weight, p):
    """The textbook model by scipy's solver."""
    m, n = cost.shape
    once = kron(eye_array(m), np.ones((1, n)), format="csr")
    link = block_array([[eye_array(m * n), -kron(np.ones((m, 1)), eye_array(n))]], format="csr")
    count = csr_array(np.r_[np.zeros(m * n), np.ones(n)][None])
    scale = 1e-3 / weight.mean()
    result = milp(
        np.r_[(weight[:, None] * cost).ravel() * scale, np.zeros(n)],
        constraints=[
            LinearConstraint(block_array([[once, csr_array((m, n))]], format="csr"), 1, 1),
            LinearConstraint(link, -np.inf, 0),
            LinearConstraint(count, 0, p),
        ],
        integrality=np.r_[np.zeros(m * n), np.ones(n)],
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    return result.fun / scale


@pytest.mark.parametrize(("m", "n", "p", "seed"), [(60, 20, 3, 1), (50, 25, 6, 2), (40, 40, 12, 3)])
def test_equals_an_independent_solver(m, n, p, seed):
    cost, weight = planar(m, n, seed)
    plan = p_median(cost, weight, p=p)
    assert plan.status == "optimal" and plan.objective == pytest.approx(compact(cost, weight, p), rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.int64])
def test_many_rows_share_cuts_and_short_lists(monkeypatch, dtype):
    """The path of large inputs (short lists, grouped cuts, branching by cuts) equals that of small ones."""
    cost, weight = planar(300, 60, 5, dtype)
    small, proof = p_median_with_proof(cost, weight, p=7)
    monkeypatch.setattr(median_search, "_LARGE", 10)
    monkeypatch.setattr(median_search, "_GROUPS", 8)
    monkeypatch.setattr(median_search, "_LARGE_TURNS", 0)
    monkeypatch.setattr("boai.coverage.siting.median_start._ALL_LISTED", 0)
    monkeypatch.setattr("boai.coverage.siting.median_start._LEAST", 4)
    monkeypatch.setattr("boai.coverage.siting.median_start._NEAR", 1)
    large, other = p_median_with_proof(cost, weight, p=7)
    assert small.status == large.status == "optimal" and small.objective == large.objective
    for one in (proof, other):
        assert certify_median(cost, weight, one, p=7) > small.objective - 1


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_path_of_large_inputs_equals_brute_force(case):
    cost, weight, p, forced, forbidden, penalty = case
    request = {"p": p, "forced": forced, "forbidden": forbidden, "penalty": penalty}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(median_search, "_LARGE", 0)
        patch.setattr(median_search, "_GROUPS", 2)
        patch.setattr(median_search, "_LARGE_TURNS", 0)
        patch.setattr("boai.coverage.siting.median_start._ALL_LISTED", 0)
        patch.setattr("boai.coverage.siting.median_start._LEAST", 2)
        patch.setattr("boai.coverage.siting.median_start._NEAR", 1)
        plan, proof = p_median_with_proof(cost, weight, **request)
    best = brute_force(cost, weight, p, forced, forbidden, penalty)
    if best == np.inf:
        assert plan.status == "infeasible"
    else:
        assert plan.status == "optimal" and plan.objective == pytest.approx(best, rel=1e-6, abs=1e-12)
        assert certify_median(cost, weight, proof, **request) >= proof.least - 1e-9


def test_the_tree_alone_finds_the_optimum(monkeypatch):
    """Without subgradient steps at the root the branching must close the gap, and be certified."""
    monkeypatch.setattr(median_search, "_MOST_TURNS", 1)
    monkeypatch.setattr(median_search, "_ROUNDS", 3)
    random = np.random.default_rng(8)
    cost, weight = random.integers(1, 100, (50, 25)).astype(float), np.ones(50)
    plan, proof = p_median_with_proof(cost, weight, p=4)
    assert plan.status == "optimal" and plan.reductions["branch_nodes"] > 0
    assert certify_median(cost, weight, proof, p=4) > plan.objective - 1
    assert plan.objective == pytest.approx(compact(cost, weight, 4), rel=1e-6)


def test_a_wrong_proof_proves_less():
    cost, weight = planar(60, 20, 1)
    plan, proof = p_median_with_proof(cost, weight, p=3)
    proof.least = plan.objective + 5
    assert certify_median(cost, weight, proof, p=3) <= plan.objective
    with pytest.raises(ValueError, match="stand for"):
        certify_median(cost, weight * 2, proof, p=3)


@pytest.mark.parametrize("limit", [0.0, 0.001, 0.01, 0.05, 0.2])
def test_out_of_time_has_a_valid_bound(limit):
    cost, weight = planar(1500, 120, 4)
    best = p_median(cost, weight, p=9)
    began = time.monotonic()
    plan, proof = p_median_with_proof(cost, weight, p=9, time_limit_s=limit)
    assert time.monotonic() - began < limit + 5
    assert best.status == "optimal" and plan.bound <= best.objective <= plan.objective
    assert plan.status == "optimal" or plan.gap > 0
    assert certify_median(cost, weight, proof, p=9) >= proof.least - 1e-6


def test_interrupted_returns_the_best_so_far(monkeypatch):
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    cost, weight = planar(300, 60, 5)
    best = p_median(cost, weight, p=7)
    monkeypatch.setattr(median_search, "_ascend", stop)
    plan = p_median(cost, weight, p=7)
    assert plan.note.startswith("已中断") and plan.bound <= best.objective <= plan.objective < np.inf


@settings(max_examples=80, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_permuting_rows_and_candidates_changes_nothing(case, random):
    cost, weight, p, forced, forbidden, penalty = case
    plan = p_median(cost, weight, p=p, forced=forced, forbidden=forbidden, penalty=penalty)
    rows, columns = (
        random.sample(range(len(cost)), len(cost)),
        random.sample(range(cost.shape[1]), cost.shape[1]),
    )
    place = {old: new for new, old in enumerate(columns)}
    forced, forbidden = [place[j] for j in forced], [place[j] for j in forbidden]
    other = p_median(
        cost[rows][:, columns], weight[rows], p=p, forced=forced, forbidden=forbidden, penalty=penalty
    )
    assert other.status == plan.status
    assert other.objective == pytest.approx(plan.objective, rel=1e-6, abs=1e-12, nan_ok=True)


def test_same_input_same_plan():
    cost, weight = planar(400, 80, 11, whole=False)
    assert p_median(cost, weight, p=9) == p_median(cost, weight, p=9)


def test_inputs_are_not_changed():
    cost, weight = planar(40, 10, 2)
    copies = cost.copy(), weight.copy()
    p_median(cost, weight, p=3, forced=[1], forbidden=[2])
    assert (cost == copies[0]).all() and (weight == copies[1]).all()


def test_equal_rows_are_merged():
    cost = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [5.0, 5.0]])
    plan = p_median(cost, [1, 2, 4, 8, 0], p=1)
    assert (plan.sites, plan.objective) == ((0,), 11 * 1 + 4 * 2)
    assert plan.reductions["rows_merged"] == 2 and plan.reductions["rows_without_weight"] == 1


def test_colliding_hashes_do_not_merge_rows(monkeypatch):
    monkeypatch.setattr("boai.coverage.siting.median_rows._hashes", lambda _c, rows, _k: np.zeros(len(rows)))
    cost = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [2.0, 1.0]])
    for costs in (read_costs(cost, None), read_costs(lists(cost), 2)):
        rows, weight = merge_equal(costs, np.arange(4), np.array([1.0, 2.0, 4.0, 8.0]))
        assert cost[rows[0]].tolist() == [1.0, 2.0] and weight[0] == 5.0
        assert sum(weight) == 15.0


def test_more_sites_than_needed_stay_closed():
    plan = p_median(np.array([[0.0, 3.0, 0.0], [3.0, 0.0, 3.0]]), [1, 1], p=3)
    assert plan.objective == 0 and len(plan.sites) == 2 and plan.note == "另外 1 个名额不会降低总成本, 未开设"


def test_nothing_to_serve():
    assert p_median(np.ones((2, 3)), [0, 0], p=2).objective == 0.0
    assert p_median(np.ones((0, 3)), [], p=2).status == "optimal"
    assert p_median(np.ones((2, 0)), [0, 0], p=0).sites == ()


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"p": 4}, "要求开设 4 个, 可选的候选点只有 3 个"),
        ({"p": 1, "forced": [0, 1]}, "必选点有 2 个, 多于要求的 1 个"),
        ({"p": 2, "forced": [1], "forbidden": [1]}, "1 个候选点既要求必选又要求禁选 (序号 1)"),
        ({"p": 2, "forbidden": [0]}, "1 处居民任何候选点都到不了 (序号 0)"),
        ({"p": 2}, "要到达所有居民至少需要 3 个点, 只允许 2 个"),
        ({"p": 0}, "要到达所有居民至少需要 3 个点, 只允许 0 个"),
    ],
)
def test_infeasible_says_why(request_, reason):
    cost = np.full((3, 3), np.inf)
    np.fill_diagonal(cost, 1.0)
    plan = p_median(cost, np.ones(3), **request_)
    assert (plan.status, plan.sites) == ("infeasible", ()) and plan.note == reason
    assert np.isnan([plan.objective, plan.bound, plan.gap]).all()


def test_the_penalty_serves_whom_no_site_reaches():
    cost = np.full((3, 3), np.inf)
    np.fill_diagonal(cost, 1.0)
    plan = p_median(cost, [4, 2, 1], p=2, penalty=10)
    assert (plan.sites, plan.objective, plan.status) == ((0, 1), 4 + 2 + 10, "optimal")
    assert plan.gains == (36.0, 18.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cost": [[1.0, -1.0]]}, "costs must be"),
        ({"cost": [[1.0, np.nan]]}, "costs must be"),
        ({"cost": [1.0, 2.0]}, "matrix"),
        ({"weight": [1.0, 2.0]}, "weight"),
        ({"weight": [np.inf]}, "weight"),
        ({"p": -1}, "negative"),
        ({"forced": [2]}, "must lie"),
        ({"penalty": -1.0}, "penalty"),
        ({"cost": ([0, 1], [0], [1.0])}, "n_candidates is needed"),
        ({"cost": ([0, 2], [0], [1.0]), "n_candidates": 2}, "indptr ends"),
        ({"cost": ([0, 1], [2], [1.0]), "n_candidates": 2}, "must lie"),
        ({"cost": ([0, 1], [0], [np.nan]), "n_candidates": 2}, "numbers >= 0"),
        ({"cost": ([0, 2], [0, 0], [1.0, 2.0]), "n_candidates": 2}, "twice"),
        ({"cost": ([1, 2], [0, 1], [1.0, 2.0]), "n_candidates": 2}, "indptr"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    request = {"cost": [[1.0, 2.0]], "weight": [1.0], "p": 1} | change
    with pytest.raises(ValueError, match=message):
        p_median(request.pop("cost"), request.pop("weight"), **request)
