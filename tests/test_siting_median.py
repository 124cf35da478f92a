"""The p-median against brute force, an independent solver, and its own certificates."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import median_search, median_swaps
from boai.coverage.siting.certificate import Checked
from boai.coverage.siting.median import p_median
from boai.coverage.siting.median_bounds import bound_of, certify_median
from boai.coverage.siting.median_rows import merge_equal, read_costs
from boai.coverage.siting.rules import Budget, Minimum, Quota, Rules
from boai.coverage.siting.site_limits import limits_of
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, eye_array, kron
from sitingworld import cases, check_progress, interrupt, lists, permuted, rules

penalties = st.one_of(st.none(), st.integers(0, 12).map(float))


def total(cost, weight, sites, penalty):
    nearest = [min([row[j] for j in sites] + [np.inf if penalty is None else penalty]) for row in cost]
    return sum(w * c for w, c in zip(weight, nearest, strict=True) if w > 0)


def cheapest(case, penalty):
    """The cost of the cheapest allowed plan; ``inf`` where there is none."""
    totals = (total(case.cost, case.weight, sites, penalty) for sites in case.plans())
    return min(totals, default=np.inf)


def check_against_brute_force(case, compressed, penalty):
    given_cost = lists(case.cost) if compressed else case.cost
    request = case.request | {"penalty": penalty}
    request |= {"n_candidates": case.cost.shape[1]} if compressed else {}
    plan = p_median(given_cost, case.weight, **request)
    best = cheapest(case, penalty)
    if best == np.inf:
        assert plan.status == "infeasible" and plan.note and plan.sites == ()
        return
    assert plan.status == "optimal" and plan.objective == pytest.approx(best, rel=1e-6, abs=1e-12)
    assert plan.bound <= best + 1e-9 and 0 <= plan.gap <= 1e-6
    assert tuple(sorted(plan.sites)) in set(case.plans()) and len(plan.sites) <= case.p
    found = certify_median(given_cost, case.weight, plan, **request)
    assert found.problems == () and found.objective == pytest.approx(plan.objective, rel=1e-12)
    assert plan.bound - 1e-9 <= found.bound <= best + 1e-9
    whole = (case.cost[np.isfinite(case.cost)] % 1 == 0).all()
    assert found.bound == plan.objective == best if whole else found.bound >= best * (1 - 1e-6)


@settings(max_examples=many(200), deadline=None)
@given(cases(), st.booleans(), penalties)
def test_equals_brute_force_and_is_certified(case, compressed, penalty):
    check_against_brute_force(case, compressed, penalty)


@pytest.mark.parametrize("asked", [None, Rules(exclusive=((0, 1),))])
def test_rounding_is_no_saving_where_the_best_plan_costs_nothing(monkeypatch, asked):
    """Sevenths that are added and taken away leave rests below 1e-15; swapping for them never ended."""
    calls, swap = [], median_swaps.swap
    monkeypatch.setattr(median_swaps, "swap", lambda *given: calls.append(0) or swap(*given))
    cost = np.array([[0, 0, 0, 0], [0, 0, 9 / 7, 0]])
    plan = p_median(cost, [3, 2], p=1, rules=asked)
    assert (plan.status, plan.objective, plan.bound) == ("optimal", 0.0, 0.0) and len(calls) < 50


@settings(max_examples=many(200), deadline=None)
@given(cases(ruled=True), st.booleans(), penalties)
def test_under_rules_equals_brute_force_and_is_certified(case, compressed, penalty):
    check_against_brute_force(case, compressed, penalty)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(cases(ruled=True), st.booleans(), penalties)
def test_thousands_under_rules_equal_brute_force(case, compressed, penalty):
    check_against_brute_force(case, compressed, penalty)


@settings(max_examples=many(80), deadline=None)
@given(cases(), st.booleans(), penalties, st.data())
def test_gains_are_what_closing_costs(case, ruled, penalty, data):
    request = case.request | ({"rules": data.draw(rules(case.cost.shape[1]))} if ruled else {})
    plan = p_median(case.cost, case.weight, penalty=penalty, **request)
    assert list(plan.gains) == sorted(plan.gains, reverse=True) and len(plan.gains) == len(plan.sites)
    for site, gain in zip(plan.sites, plan.gains, strict=True):
        without = total(case.cost, case.weight, [j for j in plan.sites if j != site], penalty)
        assert without - plan.objective == pytest.approx(gain, abs=1e-9) or gain == without == np.inf
        assert gain > 0 or site in case.forced or ruled


@settings(max_examples=many(100), deadline=None)
@given(cases(ruled=True), st.data())
def test_every_level_gives_a_valid_bound(case, data):
    """The certificate: whatever the levels, the prices and what is fixed, no plan costs less than bounded."""
    cost, p, n = case.cost, case.p, case.cost.shape[1]
    limits = limits_of(case.rules, n)
    price = np.array(data.draw(st.lists(st.floats(0, 5), min_size=len(limits), max_size=len(limits))))
    costs, rows = read_costs(cost, None), np.arange(len(cost))
    beyond = np.full(len(cost), 20.0)
    listed = costs.near(rows, np.arange(n), np.full(len(cost), np.inf), beyond)
    level = np.array(data.draw(st.lists(st.floats(0, 25), min_size=len(cost), max_size=len(cost))))
    state = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    opened, closed = state == 0, state == 1
    bound, if_opened, if_closed = bound_of(listed, level, p, opened, closed, limits, price)
    for size in range(p + 1):
        for sites in itertools.combinations(range(n), size):
            plan = np.isin(np.arange(n), sites)
            if (plan >= opened).all() and not (plan & closed).any() and limits.allows(plan):
                value = total(cost, np.ones(len(cost)), sites, 20.0) + 1e-9
                assert bound <= value
                free = ~(opened | closed)
                assert (if_opened[free & plan] <= value).all() and (if_closed[free & ~plan] <= value).all()


def planar(m, n, seed, dtype=np.float64, whole=True):
    random = np.random.default_rng(seed)
    away = random.random((m, 2))[:, None] - random.random((n, 2))[None]
    cost = np.sqrt((away**2).sum(-1)) * 1000
    return (np.round(cost) if whole else cost).astype(dtype), random.integers(1, 100, m).astype(float)


def compact(cost, weight, p, side=None, limit=None):
    """The textbook model by scipy's solver, with rows ``side @ x <= limit``."""
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
            *(
                []
                if side is None
                else [LinearConstraint(np.c_[np.zeros((len(side), m * n)), side], -np.inf, limit)]
            ),
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


@pytest.mark.parametrize(("m", "n", "p", "seed"), [(60, 20, 4, 1), (50, 25, 6, 2), (40, 40, 12, 3)])
def test_under_rules_equals_an_independent_solver(m, n, p, seed):
    cost, weight = planar(m, n, seed)
    random = np.random.default_rng(seed)
    price, half = random.uniform(1, 5, n), np.arange(n) % 2
    asked = Rules(
        quotas=(Quota("甲", tuple(np.flatnonzero(half).tolist()), 2, p // 2),),
        budgets=(Budget("经费", price, 2.4 * p),),
        exclusive=((0, 1, 2),),
        existing=tuple(range(3, 3 + p // 2)),
        relocations=p // 4,
    )
    stay = -np.isin(np.arange(n), asked.existing).astype(float)
    side = np.array([half, -half, price, np.arange(n) < 3, stay], float)
    limit = np.array([p // 2, -2, 2.4 * p, 1, -(p // 2 - p // 4)], float)
    plan = p_median(cost, weight, p=p, rules=asked)
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(compact(cost, weight, p, side, limit), rel=1e-6)
    assert certify_median(cost, weight, plan, p=p, rules=asked) == Checked(plan.objective, plan.objective, ())


@pytest.mark.parametrize(
    "dtype", [pytest.param(np.float64, marks=pytest.mark.slow), np.float32, np.int32, np.int64]
)
def test_many_rows_share_cuts_and_short_lists(monkeypatch, dtype):
    """The path of large inputs (short lists, grouped cuts, branching by cuts) equals that of small ones."""
    cost, weight = planar(300, 60, 5, dtype)
    small = p_median(cost, weight, p=7)
    monkeypatch.setattr(median_search, "_LARGE", 10)
    monkeypatch.setattr(median_search, "_GROUPS", 8)
    monkeypatch.setattr(median_search, "_LARGE_TURNS", 0)
    monkeypatch.setattr("boai.coverage.siting.median_start._ALL_LISTED", 0)
    monkeypatch.setattr("boai.coverage.siting.median_start._LEAST", 4)
    monkeypatch.setattr("boai.coverage.siting.median_start._NEAR", 1)
    large = p_median(cost, weight, p=7)
    assert small.status == large.status == "optimal" and small.objective == large.objective
    for plan in (small, large):
        assert certify_median(cost, weight, plan, p=7) == Checked(plan.objective, plan.objective, ())


@settings(max_examples=many(100), deadline=None)
@given(cases(), st.booleans(), penalties, st.booleans(), st.data())
def test_the_path_of_large_inputs_equals_brute_force(case, compressed, penalty, ruled, data):
    if ruled:
        case = replace(case, rules=data.draw(rules(case.cost.shape[1])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(median_search, "_LARGE", 0)
        patch.setattr(median_search, "_GROUPS", 2)
        patch.setattr(median_search, "_LARGE_TURNS", 0)
        patch.setattr("boai.coverage.siting.median_start._ALL_LISTED", 0)
        patch.setattr("boai.coverage.siting.median_start._LEAST", 2)
        patch.setattr("boai.coverage.siting.median_start._NEAR", 1)
        check_against_brute_force(case, compressed, penalty)


def test_the_tree_alone_finds_the_optimum(monkeypatch):
    """Without subgradient steps at the root the branching must close the gap, and be certified."""
    monkeypatch.setattr(median_search, "_MOST_TURNS", 1)
    monkeypatch.setattr(median_search, "_ROUNDS", 3)
    random = np.random.default_rng(8)
    cost, weight = random.integers(1, 100, (50, 25)).astype(float), np.ones(50)
    plan = p_median(cost, weight, p=4)
    assert plan.status == "optimal" and plan.reductions["branch_nodes"] > 0
    assert certify_median(cost, weight, plan, p=4) == Checked(plan.objective, plan.objective, ())
    assert plan.objective == pytest.approx(compact(cost, weight, 4), rel=1e-6)


def changed(plan, **change):
    """The plan with another proof."""
    return replace(plan, certificate=replace(plan.certificate, **change))


def test_a_wrong_proof_proves_less():
    cost, weight = planar(60, 20, 1)
    plan = p_median(cost, weight, p=3)
    too_much = certify_median(cost, weight, changed(plan, least=plan.objective + 5), p=3)
    assert too_much.bound <= plan.objective and too_much.problems
    loop = [replace(plan.certificate.steps[0], level=np.zeros(60), following=(0,))]
    assert "twice" in certify_median(cost, weight, changed(plan, steps=loop), p=3).problems[0]
    assert "stand for" in certify_median(cost, weight * 2, plan, p=3).problems[-1]
    assert certify_median(cost, weight, replace(plan, certificate=None), p=3).problems == (
        "there is no proof",
    )
    worse = certify_median(cost, weight, replace(plan, sites=(0, 1, 2)), p=3)
    assert worse.problems == (f"the plan costs {worse.objective:g}",)
    assert certify_median(cost, weight, plan, p=2).problems[0] == "the plan is not allowed"
    assert (
        "互斥的候选点"
        in certify_median(cost, weight, plan, p=3, rules=Rules(exclusive=(plan.sites,))).problems
    )


def test_wrong_prices_of_rules_prove_nothing():
    cost, weight = planar(60, 20, 1)
    asked = Rules(budgets=(Budget("经费", np.arange(20.0), 30.0),), exclusive=((0, 1, 2),))
    plan = p_median(cost, weight, p=5, rules=asked)
    assert certify_median(cost, weight, plan, p=5, rules=asked) == Checked(plan.objective, plan.objective, ())
    dear = [replace(step, price=step.price + 1e9) for step in plan.certificate.steps]
    wrong = certify_median(cost, weight, changed(plan, steps=dear), p=5, rules=asked)
    assert wrong.problems and wrong.bound <= plan.objective
    paid = [replace(step, price=-step.price - 1e9) for step in plan.certificate.steps]  # counted as nothing
    assert certify_median(cost, weight, changed(plan, steps=paid), p=5, rules=asked).bound <= plan.objective
    assert certify_median(cost, weight, plan, p=5).bound <= p_median(cost, weight, p=5).objective


@pytest.mark.parametrize("limit", [0.0, 0.001, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("asked", [None, Rules(quotas=(Quota("甲", tuple(range(50)), at_most=3),))])
def test_out_of_time_has_a_valid_bound(limit, asked):
    cost, weight = planar(1500, 120, 4)
    best = p_median(cost, weight, p=9, rules=asked)
    plan = p_median(cost, weight, p=9, rules=asked, time_limit_s=limit)
    assert plan.seconds < limit + 30
    assert best.status == "optimal" and plan.bound <= best.objective <= plan.objective
    assert plan.status == "optimal" or plan.gap > 0
    found = certify_median(cost, weight, plan, p=9, rules=asked)
    assert found.problems == () and found.bound >= plan.bound - 1e-6


@pytest.mark.parametrize("asked", [None, Rules(existing=(1, 2, 3), relocations=1)])
def test_progress_only_gets_better_and_ends_where_the_plan_is(asked):
    cost, weight = planar(300, 60, 5)
    check_progress(lambda tell: p_median(cost, weight, p=7, rules=asked, progress=tell), minimise=True)


@pytest.mark.parametrize("calls", [1, 2, 3, 5])
@pytest.mark.parametrize("asked", [None, Rules(existing=(1, 2, 3), relocations=1)])
def test_interrupted_returns_the_best_so_far(calls, asked):
    cost, weight = planar(300, 60, 5)
    best = p_median(cost, weight, p=7, rules=asked)
    plan = p_median(cost, weight, p=7, rules=asked, progress=interrupt(calls))
    assert plan.bound <= best.objective <= plan.objective < np.inf
    assert plan.note.startswith("已中断") or plan.status == "optimal"
    found = certify_median(cost, weight, plan, p=7, rules=asked)
    assert found.problems == () and found.bound >= plan.bound


def test_interrupted_before_any_plan(monkeypatch):
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("boai.coverage.siting.median_start.improve", stop)
    plan = p_median(*planar(30, 6, 5), p=2)
    assert plan.status == "feasible" and plan.sites == () and plan.note.startswith("已中断, 没有找到")


@settings(max_examples=many(50), deadline=None)
@given(cases(ruled=True), penalties, st.randoms(use_true_random=False))
def test_permuting_rows_and_candidates_changes_nothing(case, penalty, random):
    plan = p_median(case.cost, case.weight, penalty=penalty, **case.request)
    other = permuted(case, random)
    plan_of_other = p_median(other.cost, other.weight, penalty=penalty, **other.request)
    assert plan_of_other.status == plan.status
    assert plan_of_other.objective == pytest.approx(plan.objective, rel=1e-6, abs=1e-12, nan_ok=True)


@settings(max_examples=many(50), deadline=None)
@given(cases(ruled=True), penalties)
def test_looser_rules_and_more_sites_are_never_worse(case, penalty):
    plan = p_median(case.cost, case.weight, penalty=penalty, **case.request)
    if plan.status == "optimal":
        more = {"p": case.cost.shape[1], "forced": case.forced, "rules": case.rules}
        for looser in (case.request | {"rules": None}, more, case.request | {"forbidden": []}):
            best = p_median(case.cost, case.weight, penalty=penalty, **looser).objective
            assert best <= plan.objective * (1 + 2e-6) + 1e-12


def test_relocations_move_the_sites_that_gain_most():
    """Two sites stand at one end of a line; with one move one of them goes to the other end."""
    place = np.array([0.0, 1.0, 9.0, 10.0])
    cost, weight = abs(place[:, None] - place), np.array([5.0, 5.0, 4.0, 4.0])
    stay = p_median(cost, weight, p=2, rules=Rules(existing=(0, 1)))
    assert sorted(stay.sites) == [0, 1] and stay.objective == 4 * 8 + 4 * 9
    move = p_median(cost, weight, p=2, rules=Rules(existing=(0, 1), relocations=1))
    assert move.status == "optimal" and move.objective == 5 + 4 and {0, 1} & set(move.sites)
    all_move = p_median(cost, weight, p=2, rules=Rules(existing=(0, 1), relocations=2))
    assert all_move.objective == p_median(cost, weight, p=2).objective


def test_same_input_same_plan():
    cost, weight = planar(400, 80, 11, whole=False)
    assert p_median(cost, weight, p=9) == p_median(cost, weight, p=9)


def test_inputs_are_not_changed():
    cost, weight = planar(40, 10, 2)
    copies = cost.copy(), weight.copy()
    p_median(cost, weight, p=3, forced=[1], forbidden=[2])
    p_median(cost, weight, p=3, rules=Rules(existing=(1, 2), relocations=1, exclusive=((3, 4),)))
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


@pytest.mark.parametrize(
    ("asked", "p", "reason"),
    [
        (Rules(exclusive=((0, 1, 2),)), 3, "各项要求不能同时满足|互斥"),
        (Rules(quotas=(Quota("甲县", (0, 1), at_least=3),)), 3, "甲县要求至少 3 处, 可选的候选点只有 2 个"),
        (Rules(quotas=(Quota("甲县", (0, 1, 2), at_most=2),)), 3, "甲县|不能同时满足"),
        (Rules(quotas=(Quota("甲县", (3,), at_least=1),)), 3, "至少需要 4 个点, 只允许 3 个"),
        (Rules(budgets=(Budget("经费", np.ones(4), 2.0),)), 3, "经费|不能同时满足"),
    ],
)
def test_rules_that_leave_residents_behind_say_so(asked, p, reason):
    cost = np.full((3, 4), np.inf)
    cost[[0, 1, 2], [0, 1, 2]] = 1.0
    plan = p_median(cost, np.ones(3), p=p, rules=asked)
    assert (plan.status, plan.sites) == ("infeasible", ()) and re.search(reason, plan.note)


def test_minimums_are_no_rules_of_the_model():
    with pytest.raises(ValueError, match="minimums"):
        p_median([[1.0]], [1.0], p=1, rules=Rules(minimums=(Minimum("甲县", np.array([0]), 0.5),)))


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
        ({"rules": Rules(existing=(2,))}, "existing sites must lie"),
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
