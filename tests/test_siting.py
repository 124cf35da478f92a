"""Siting against brute force, an independent solver, and its own certificates."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import branch, certificate
from boai.coverage.siting.bounds import lagrangian_bound
from boai.coverage.siting.branch import Incumbent, find_best
from boai.coverage.siting.greedy import search, sparse_of, value
from boai.coverage.siting.kernels import superset_rows
from boai.coverage.siting.models import covered_weight, lscp, mclp
from boai.coverage.siting.reduce import cover_matrix, dominated_columns, merge_rows, reduce_cover
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, eye_array


def csr(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], np.int32)


@st.composite
def cases(draw, most=8):
    """A small covering problem: rows of candidates (duplicates, empty rows and zero weights among them)."""
    n = draw(st.integers(1, most))
    rows = draw(st.lists(st.lists(st.integers(0, n - 1), max_size=4), max_size=14))
    whole = st.integers(0, 9).map(float)
    some = st.floats(0, 9, allow_nan=False).map(lambda w: round(w, 3))
    weight = draw(st.lists(draw(st.sampled_from([whole, some])), min_size=len(rows), max_size=len(rows)))
    return rows, np.array(weight, float), n


def brute_force(rows, weight, n, p, forced=(), forbidden=()) -> float:
    best = -1.0
    for sites in itertools.combinations(sorted(set(range(n)) - set(forbidden)), p):
        if set(forced) <= set(sites):
            best = max(best, sum(w for row, w in zip(rows, weight, strict=True) if set(row) & set(sites)))
    return best


def compact(indptr, indices, weight, n, p) -> tuple[float, float]:
    """The textbook model, one row per demand, by scipy's solver: objective and bound."""
    m = len(weight)
    cover = csr_array((np.ones(len(indices)), indices, indptr), shape=(m, n))
    cover.sum_duplicates()
    cover.data[:] = 1
    matrix = block_array([[-cover, eye_array(m)], [csr_array(np.ones((1, n))), None]], format="csr")
    scale = 1e4 / weight.sum()
    result = milp(
        np.r_[np.zeros(n), -weight * scale],
        constraints=LinearConstraint(matrix, -np.inf, np.r_[np.zeros(m), p]),
        integrality=np.r_[np.ones(n), np.zeros(m)],
        bounds=Bounds(0, 1),
    )
    return -result.fun / scale, -result.mip_dual_bound / scale


def planar(m: int, n: int, radius: float, seed: int):
    """Uniform demand and candidates in a unit square, each demand covered within ``radius``."""
    random = np.random.default_rng(seed)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= radius**2
    return np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], random.integers(1, 101, m).astype(float), n


def check(plan, indptr, indices, weight, p, forced=(), forbidden=()) -> None:
    """What must hold of every feasible plan, from the raw arrays."""
    n = (
        len(plan.certificate.records[0].opened)
        if plan.certificate.records
        else int(indices.max(initial=0)) + 1
    )
    asked = certificate.request(
        indptr, indices, weight, n, maximal=True, budget=p, forced=forced, forbidden=forbidden
    )
    found = certificate.check(asked, plan.sites, plan.certificate)
    assert not found.problems and found.bound <= plan.bound * (1 + 1e-6) + 1e-9
    assert len(set(plan.sites)) == len(plan.sites) <= p
    assert set(forced) <= set(plan.sites) and not set(forbidden) & set(plan.sites)
    assert plan.objective == covered_weight(indptr, indices, weight, plan.sites)
    assert plan.bound >= plan.objective and 0 <= plan.gap <= 1
    assert plan.objective == pytest.approx(sum(plan.gains), rel=1e-12, abs=1e-12)
    for i, gain in enumerate(plan.gains):
        before = covered_weight(indptr, indices, weight, plan.sites[:i])
        after = covered_weight(indptr, indices, weight, plan.sites[: i + 1])
        assert gain == pytest.approx(after - before, abs=1e-9)
        assert gain > 0 or plan.sites[i] in forced


@settings(max_examples=many(300), deadline=None)
@given(cases(), st.data())
def test_equals_brute_force(case, data):
    rows, weight, n = case
    p = data.draw(st.integers(0, n))
    indptr, indices = csr(rows)
    plan = mclp(indptr, indices, weight, n, p=p)
    best = brute_force(rows, weight, n, p)
    check(plan, indptr, indices, weight, p)
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert plan.bound >= best - 1e-9


@settings(max_examples=many(150), deadline=None)
@given(cases(), st.data())
def test_forced_and_forbidden_equal_brute_force(case, data):
    rows, weight, n = case
    order = data.draw(st.permutations(range(n)))
    cut, end = sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
    forced, forbidden = order[:cut], order[end:]
    p = data.draw(st.integers(cut, end))
    indptr, indices = csr(rows)
    plan = mclp(indptr, indices, weight, n, p=p, forced=forced, forbidden=forbidden)
    best = brute_force(rows, weight, n, p, forced, forbidden)
    check(plan, indptr, indices, weight, p, forced, forbidden)
    assert plan.objective == pytest.approx(best, rel=1e-6, abs=1e-9)


@settings(max_examples=many(150), deadline=None)
@given(cases(), st.data())
def test_every_multiplier_gives_a_valid_bound(case, data):
    """The certificate: whatever the multipliers, and whatever is fixed, no plan beats the bounds."""
    rows, weight, n = case
    p = data.draw(st.integers(1, n))
    nothing = np.zeros(n, bool)
    instance, _ = reduce_cover(
        cover_matrix(*csr(rows), n), weight, budget=p, forced=nothing, forbidden=nothing
    )
    share = data.draw(st.lists(st.floats(0, 1), min_size=instance.n_rows, max_size=instance.n_rows))
    free = np.zeros(instance.n_columns, bool)
    multiplier = np.array(share) * instance.weight
    bound, if_opened, if_closed = lagrangian_bound(instance, multiplier, free, free)
    for size in range(min(p, instance.n_columns) + 1):
        for sites in itertools.combinations(range(instance.n_columns), size):
            opened = np.isin(np.arange(instance.n_columns), sites)
            covered = value(instance, opened) - 1e-9
            assert covered <= bound
            assert (covered <= if_opened[opened]).all() and (covered <= if_closed[~opened]).all()


@settings(max_examples=many(150), deadline=None)
@given(cases(), st.data())
def test_branch_and_bound_alone_finds_the_optimum(case, data):
    """With a poor start and fixing switched off at the root, the tree itself must prove the optimum."""
    rows, weight, n = case
    p = data.draw(st.integers(1, n))
    nothing = np.zeros(n, bool)
    instance, _ = reduce_cover(
        cover_matrix(*csr(rows), n), weight, budget=p, forced=nothing, forbidden=nothing
    )
    incumbent = Incumbent(False, 1e-9, time.monotonic() + 60, covered=0.0)
    if instance.n_rows:
        free = np.zeros(instance.n_columns, bool)
        tree = branch._Tree(instance, incumbent, branch.MAXIMAL)
        tree.branch(
            tree.settle(branch.Node(np.inf, free, free, free.astype(float)), np.ones(instance.n_rows))
        )
        assert incumbent.covered == pytest.approx(brute_force(rows, weight, n, p), rel=1e-6)


@pytest.mark.parametrize(
    ("m", "n", "radius", "p", "seed"), [(400, 40, 0.15, 5, 1), (600, 60, 0.1, 12, 2), (300, 50, 0.25, 3, 3)]
)
def test_equals_an_independent_solver(m, n, radius, p, seed):
    instance = planar(m, n, radius, seed)
    plan = mclp(*instance, p=p)
    objective, bound = compact(*instance, p)
    check(plan, *instance[:3], p)
    assert plan.status == "optimal" and plan.objective == round(objective)
    assert plan.bound == plan.objective >= bound * (1 - 1e-6) - 1


def test_fractional_weights_are_proven_to_a_millionth():
    indptr, indices, weight, n = planar(500, 50, 0.12, 7)
    weight = weight / 7
    plan = mclp(indptr, indices, weight, n, p=8)
    objective, _ = compact(indptr, indices, weight, n, 8)
    assert plan.status == "optimal" and plan.gap <= 1e-6
    assert plan.objective == pytest.approx(objective, rel=1e-6) and plan.bound >= objective * (1 - 1e-9)


def test_out_of_time_is_feasible_with_a_valid_bound():
    instance = planar(3000, 200, 0.1, 5)
    plan = mclp(*instance, p=20, time_limit_s=0.0)
    best = mclp(*instance, p=20)
    check(plan, *instance[:3], 20)
    assert best.status == "optimal"
    assert plan.status == "feasible" and plan.gap > 0
    assert plan.objective <= best.objective <= plan.bound


@settings(max_examples=many(60), deadline=None)
@given(cases(), st.randoms(use_true_random=False), st.integers(0, 3))
def test_permuting_rows_and_candidates_changes_nothing(case, random, p):
    rows, weight, n = case
    p = min(p, n)
    renamed = random.sample(range(n), n)
    order = random.sample(range(len(rows)), len(rows))
    other = [[renamed[j] for j in rows[i]] for i in order]
    plan = mclp(*csr(rows), weight, n, p=p)
    again = mclp(*csr(other), weight[order], n, p=p)
    assert again.objective == pytest.approx(plan.objective, rel=1e-6, abs=1e-12)
    assert again.status == plan.status == "optimal"


def test_same_input_same_plan():
    instance = planar(800, 80, 0.12, 11)
    assert mclp(*instance, p=9) == mclp(*instance, p=9)


def test_inputs_are_not_changed():
    indptr, indices = csr([[1, 0, 1], [], [2]])
    weight = np.array([1, 2, 3])
    copies = [array.copy() for array in (indptr, indices, weight)]
    mclp(indptr, indices, weight, 3, p=1)
    for array, copy in zip((indptr, indices, weight), copies, strict=True):
        assert (array == copy).all()


def test_no_site_no_row_no_weight():
    nothing = mclp(*csr([[0], [1]]), np.array([1.0, 2.0]), 2, p=0)
    assert (nothing.sites, nothing.objective, nothing.bound, nothing.status) == ((), 0.0, 0.0, "optimal")
    empty = mclp(*csr([]), np.empty(0), 3, p=2)
    assert (empty.sites, empty.objective, empty.status, empty.gap) == ((), 0.0, "optimal", 0.0)
    weightless = mclp(*csr([[0], [1]]), np.zeros(2), 2, p=1)
    assert weightless.sites == () and weightless.reductions["rows_without_weight"] == 2
    assert mclp(*csr([]), np.empty(0), 0, p=0).status == "optimal"


def test_useless_sites_stay_closed_and_it_is_said():
    plan = mclp(*csr([[0, 1], [1], [2]]), np.array([1.0, 2.0, 0.0]), 3, p=3)
    assert plan.sites == (1,) and plan.note == "另外 2 个名额不会增加覆盖人口, 未开设"


def test_forced_site_without_gain_is_kept():
    plan = mclp(*csr([[0, 1], [1]]), np.array([1.0, 2.0]), 3, p=2, forced=[2])
    assert plan.sites == (1, 2) and plan.gains == (3.0, 0.0)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"p": 4}, "要求开设 4 个, 可选的候选点只有 3 个"),
        ({"p": 2, "forbidden": [0, 2]}, "要求开设 2 个, 可选的候选点只有 1 个"),
        ({"p": 1, "forced": [0, 1]}, "必选点有 2 个, 多于要求的 1 个"),
        ({"p": 2, "forced": [1], "forbidden": [1]}, "1 个候选点既要求必选又要求禁选 (序号 1)"),
    ],
)
def test_infeasible_says_why(request_, reason):
    plan = mclp(*csr([[0], [1], [2]]), np.ones(3), 3, **request_)
    assert (plan.status, plan.sites, plan.note) == ("infeasible", (), reason)
    assert np.isnan([plan.objective, plan.bound, plan.gap]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indptr": [0, 2, 1]}, "indptr"),
        ({"indptr": [0, 1, 3]}, "indices"),
        ({"indices": [0, 3]}, "must lie"),
        ({"indices": [-1, 0]}, "must lie"),
        ({"weight": [1.0]}, "weight"),
        ({"weight": [1.0, -1.0]}, "weight"),
        ({"weight": [1.0, np.nan]}, "weight"),
        ({"p": -1}, "negative"),
        ({"forced": [3]}, "must lie"),
        ({"forbidden": [-1]}, "must lie"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    arguments = {
        "indptr": [0, 1, 2],
        "indices": [0, 1],
        "weight": [1.0, 2.0],
        "n_candidates": 3,
        "p": 1,
    } | change
    arrays = {name: np.array(arguments[name]) for name in ("indptr", "indices", "weight")}
    with pytest.raises(ValueError, match=message):
        mclp(**(arguments | arrays))


def test_reductions_are_counted():
    rows = [[0, 1], [1, 0], [1], [], [2], [3], [4], [4, 5]]
    weight = np.array([1.0, 2.0, 4.0, 8.0, 0.0, 16.0, 32.0, 64.0])
    plan = mclp(*csr(rows), weight, 7, p=3, forced=[3], forbidden=[5])
    assert plan.sites == (4, 3, 1) and plan.objective == 119.0
    assert plan.reductions == {
        "rows": 8,
        "candidates": 7,
        "rows_without_weight": 1,
        "rows_without_candidate": 1,
        "rows_served_by_forced": 1,
        "rows_merged": 3,
        "candidates_useless": 2,
        "candidates_dominated": 1,
        "rows_left": 2,
        "candidates_left": 2,
        "components": 2,
        "branch_nodes": 0,
    }


@settings(max_examples=many(100), deadline=None)
@given(cases())
def test_merging_and_dominance_equal_sets(case):
    rows, weight, n = case
    nothing = np.zeros(n, bool)
    filled = [row for row in rows if row]
    weight = np.array([w for row, w in zip(rows, weight, strict=True) if row]) + 1.0
    merged, total, _ = merge_rows(cover_matrix(*csr(filled), n), weight) if filled else (None, None, None)
    expected: dict[frozenset[int], float] = {}
    for row, w in zip(filled, weight, strict=True):
        expected[frozenset(row)] = expected.get(frozenset(row), 0.0) + w
    if merged is not None:
        got = {
            frozenset(merged.indices[a:b].tolist()): w
            for a, b, w in zip(merged.indptr, merged.indptr[1:], total, strict=False)
        }
        assert got.keys() == expected.keys() and all(got[key] == pytest.approx(expected[key]) for key in got)
    instance, _ = reduce_cover(
        cover_matrix(*csr(filled), n), weight, budget=1, forced=nothing, forbidden=nothing
    )
    sets = [{i for i, row in enumerate(filled) if j in row} for j in range(n)]
    kept = [
        s
        for j, s in enumerate(sets)
        if s and not any(s < t or (s == t and i < j) for i, t in enumerate(sets))
    ]
    assert [sets[j] for j in instance.position] == kept
    assert not dominated_columns(instance).any()


def test_colliding_hashes_do_not_merge_rows(monkeypatch):
    """All hashes equal: rows of one length then collide, and only the comparison keeps them apart."""

    class Constant:
        def integers(self, *_args, **_kwargs):
            return np.ones((2, 3), np.uint64)

    monkeypatch.setattr(np.random, "default_rng", lambda _seed: Constant())
    matrix, weight, _ = merge_rows(
        cover_matrix(*csr([[0], [1], [0], [2]]), 3), np.array([1.0, 2.0, 4.0, 8.0])
    )
    covered = {
        j: weight[[j in matrix.indices[a:b] for a, b in itertools.pairwise(matrix.indptr)]].sum()
        for j in range(3)
    }
    assert covered == {0: 5.0, 1: 2.0, 2: 8.0}


def test_local_search_repairs_greedy():
    """Greedy takes the middle candidate first; the two outer ones together cover more."""
    rows, weight = [[0, 1], [1, 2], [0], [2]], np.array([4.0, 4.0, 3.0, 3.0])
    nothing = np.zeros(3, bool)
    instance, _ = reduce_cover(
        cover_matrix(*csr(rows), 3), weight, budget=2, forced=nothing, forbidden=nothing
    )
    start = np.array([False, True, False])
    assert value(instance, search(instance, start)) == 14.0
    assert value(replace(instance, budget=1.0), search(replace(instance, budget=1.0))) == 8.0


def test_separable_candidates_need_no_search():
    """Thousands of candidates that share no resident (AED): the bound from single gains proves the plan."""
    indptr, indices = np.arange(20_001), np.arange(20_000) // 7
    weight = np.random.default_rng(3).integers(1, 500, 20_000)
    plan = mclp(indptr, indices, weight, 2858, p=500)
    largest = np.sort(np.bincount(indices, weight))[::-1][:500]
    assert plan.status == "optimal" and plan.objective == largest.sum()
    assert plan.gains == tuple(largest) and plan.reductions["components"] == 2858


def test_incumbent_never_claims_less_than_it_dropped():
    """Fixing drops fractional plans up to the threshold, so the bound then says no less than that."""
    incumbent = Incumbent(False, 0.0, time.monotonic() + 1, covered=100.0)
    incumbent.lower(101.0)
    assert incumbent.bound == 101.0 and not incumbent.done
    incumbent.dropped = True
    incumbent.lower(99.0)
    assert incumbent.bound == incumbent.threshold > 100.0
    whole = Incumbent(True, 1e-6, time.monotonic() + 1, covered=100.0, dropped=True)
    whole.lower(99.0)
    assert whole.bound == 100.0 and whole.done


def test_empty_instance_is_solved():
    nothing = np.zeros(2, bool)
    instance, _ = reduce_cover(
        cover_matrix(*csr([[]]), 2), np.ones(1), budget=1, forced=nothing, forbidden=nothing
    )
    incumbent = Incumbent(True, 1e-6, time.monotonic() + 1)
    find_best(instance, incumbent)
    assert incumbent.covered == incumbent.bound == 0.0


@settings(max_examples=many(150), deadline=None)
@given(cases(most=7))
def test_lscp_equals_brute_force(case):
    rows, weight, n = case
    wanted = [set(row) for row, w in zip(rows, weight, strict=True) if row and w > 0]
    least = next(
        p
        for p in range(n + 1)
        for sites in itertools.combinations(range(n), p)
        if all(row & set(sites) for row in wanted)
    )
    plan = lscp(*csr(rows), weight, n)
    assert plan.status == "optimal" and plan.objective == plan.bound == least == len(plan.sites)
    assert all(row & set(plan.sites) for row in wanted)


def test_lscp_with_fractional_costs_is_proven_to_a_millionth_of_its_cost():
    random = np.random.default_rng(3)  # 60 candidates of which few are needed: all cost much more
    rows = [random.choice(60, random.integers(1, 9), replace=False) for _ in range(60)]
    arrays = np.cumsum([0, *map(len, rows)]), np.concatenate(rows), np.ones(60), 60
    plan = lscp(*arrays, cost=np.round(100 * random.random(60) + 0.01, 2))
    assert plan.status == "optimal" and plan.gap <= 1e-6


@pytest.mark.parametrize("wrong", [[1.5], [True, False]])
def test_candidates_are_whole_numbers(wrong):
    with pytest.raises(ValueError, match="candidates must lie"):
        mclp(np.array([0, 1]), np.array([0]), np.ones(1), 3, p=2, forced=wrong)


def test_lscp_with_forced_and_forbidden():
    rows = [[0, 1], [1, 2], [2], []]
    plan = lscp(*csr(rows), np.ones(4), 3, forced=[0], forbidden=[1])
    assert set(plan.sites) == {0, 2} and plan.objective == plan.bound == 2.0
    assert plan.note == "1 处居民任何候选点都到不了"
    assert lscp(*csr(rows), np.ones(4), 3, forced=[1], forbidden=[1]).status == "infeasible"


def test_lscp_equals_an_independent_solver():
    indptr, indices, weight, n = planar(600, 60, 0.2, 4)
    cover = csr_array((np.ones(len(indices)), indices, indptr), shape=(len(weight), n))
    cover = cover[np.diff(indptr) > 0]
    result = milp(
        np.ones(n), constraints=LinearConstraint(cover, 1, np.inf), integrality=1, bounds=Bounds(0, 1)
    )
    plan = lscp(indptr, indices, weight, n)
    assert plan.status == "optimal" and plan.objective == round(result.fun)
    assert lscp(indptr, indices, weight, n, time_limit_s=0.0).objective >= plan.objective


def test_a_pair_given_hundreds_of_times_counts_once():
    indptr, indices = np.array([0, 256, 257, 258]), np.r_[np.zeros(256, int), 1, 1]
    plan = mclp(indptr, indices, np.array([5, 2, 4]), 2, p=1)
    assert (plan.sites, plan.objective, plan.status) == ((1,), 6.0, "optimal")
    assert lscp(indptr, indices, np.array([5, 2, 4]), 2).objective == 2


def test_superset_rows_found_within_some_work_are_right():
    random = np.random.default_rng(4)
    dense = random.random((300, 12)) < 0.3
    dense[~dense.any(axis=1), 0] = True
    instance, _ = reduce_cover(
        cover_matrix(*csr([np.flatnonzero(row).tolist() for row in dense]), 12),
        np.ones(300),
        budget=12,
        forced=np.zeros(12, bool),
        forbidden=np.zeros(12, bool),
    )
    sparse, sets = sparse_of(instance), instance.rows.toarray() > 0
    whole = superset_rows(sparse)
    for work in (0.0, 1.0, 1e9):
        inside = superset_rows(sparse, work)
        for row, smaller in enumerate(inside.tolist()):
            assert smaller < 0 or (sets[smaller] <= sets[row]).all()
        assert (inside >= 0).sum() <= (whole >= 0).sum()
    assert (inside == whole).all() and (whole >= 0).any()
    assert all(
        whole[row] >= 0 or not any((other < sets[row]).any() and (other <= sets[row]).all() for other in sets)
        for row in range(len(sets))
    )


def test_as_bytes_the_matrix_gives_the_same_instance():
    indptr, indices, weight, n = planar(500, 40, 0.2, 3)
    nothing = np.zeros(n, bool)
    one, other = (
        reduce_cover(
            cover_matrix(indptr, indices, n, kind), weight, budget=5, forced=nothing, forbidden=nothing
        )
        for kind in (np.float64, np.int8)
    )
    assert one[1] == other[1] and (one[0].rows.toarray() == other[0].rows.toarray()).all()
