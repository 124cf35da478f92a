"""Backup, expected, gradual cover, cover by k sites, several limits, a shared budget: against all subsets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import cover_backup, cover_gradual
from boai.coverage.siting.cover import lscp, mclp
from boai.coverage.siting.cover_backup import backup_cover, expected_cover, k_cover
from boai.coverage.siting.cover_gradual import gradual_cover
from boai.coverage.siting.cover_limits import best_for_limits, several_limits
from boai.coverage.siting.cover_types import Resource, shared_budget
from boai.coverage.siting.rules import Minimum, Quota, Rules
from examples import many
from scipy.optimize import Bounds, LinearConstraint, milp
from siting_cover_cases import Case, agree, all_plans, random_case, share_of

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 30))]
"""The heavy ones bring each model to a thousand requests."""


@pytest.mark.parametrize("seed", SEEDS)
def test_backup_equals_all_subsets(seed):
    random = np.random.default_rng(seed)
    for _ in range(many(40)):
        case = random_case(random)
        _, count = all_plans(case, p=case.p)
        may = np.setdiff1d(np.arange(case.n), case.forbidden)
        needed = (case.weight > 0) & (case.reach[:, may].sum(1) > 0)
        enough = (count >= needed).all(1)
        found = backup_cover(*case.arrays, p=case.p, **case.options)
        agree(found.plan, case, (count[enough] > 1) @ case.weight, p=case.p)
        if found.plan.status == "optimal":
            reached = case.reach[:, list(found.plan.sites)].sum(1)
            assert (reached >= needed).all() and found.once == pytest.approx(case.weight[needed].sum())
        theta = float(random.choice([0.0, 0.1, 0.4, 0.5, 0.8, 1.0]))
        value = theta * (count > 0) @ case.weight + (1 - theta) * (count > 1) @ case.weight
        found = backup_cover(*case.arrays, p=case.p, theta=theta, **case.options)
        agree(found.plan, case, value, p=case.p)
        if found.plan.status == "optimal":
            assert found.plan.objective == pytest.approx(theta * found.once + (1 - theta) * found.twice)
            assert found.plan.objective == pytest.approx(sum(found.plan.gains))


@pytest.mark.parametrize("seed", SEEDS)
def test_expected_and_k_cover_equal_all_subsets(seed):
    random = np.random.default_rng(50 + seed)
    for _ in range(many(30)):
        case = random_case(random)
        _, count = all_plans(case, p=case.p)
        q = float(random.choice([0.0, 0.05, 0.3, 0.9]))
        plan = expected_cover(*case.arrays, p=case.p, q=q, **case.options)
        agree(plan, case, (1 - np.power(q, count)) @ case.weight, p=case.p)
        k = int(random.integers(1, 4))
        plan = k_cover(*case.arrays, p=case.p, k=k, **case.options)
        agree(plan, case, (count >= k) @ case.weight, p=case.p)
        opened, count = all_plans(case, p=None)
        paid = opened @ case.cost <= 8.0
        plan = k_cover(*case.arrays, cost=case.cost, budget=8.0, k=k, **case.options)
        agree(plan, case, (count[paid] >= k) @ case.weight, p=None)


DECAYS = (
    [(30.0, 1.0), (60.0, 0.5)],
    lambda travel: np.exp(-travel / 50),
    lambda travel: np.clip(1 - travel / 60, 0, 1),
)


def travel_of(case: Case, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Travel of each pair, and as a table (m, n)."""
    indptr, indices, _, _ = case.arrays
    travel = 5.0 * random.integers(0, 20, len(indices))
    table = np.full((len(case.rows), case.n), np.inf)
    row = np.repeat(np.arange(len(case.rows)), np.diff(indptr))
    np.minimum.at(table, (row, indices), travel)
    return travel, table


def reaching(case: Case, near: np.ndarray) -> Case:
    return replace(case, rows=[np.flatnonzero(row).tolist() for row in near])


@pytest.mark.parametrize("seed", SEEDS)
def test_gradual_equals_all_subsets(seed):
    random = np.random.default_rng(100 + seed)
    for number in range(many(30)):
        case = random_case(random, 6)
        travel, table = travel_of(case, random)
        decay = DECAYS[number % 3]
        far = np.where(np.isfinite(table), table, 1e9)
        value = decay(far) if callable(decay) else np.select([far <= 30, far <= 60], [1.0, 0.5], 0.0)
        value = np.where(np.isfinite(table), value, 0.0)
        case = reaching(case, value > 0)
        indptr, indices = np.cumsum([0, *(len(row) for row in case.rows)]), np.nonzero(value > 0)[1]
        opened, _ = all_plans(case, p=case.p)
        best = np.array([case.weight @ (value * one).max(axis=1, initial=0.0) for one in opened], float)
        asked = {"decay": decay, "p": case.p, **case.options}
        plan = gradual_cover(indptr, indices, table[value > 0], *case.arrays[2:], **asked)
        agree(plan, case, best, p=case.p)
        rough = gradual_cover(indptr, indices, table[value > 0], *case.arrays[2:], levels=7, **asked)
        if len(best):
            assert rough.objective <= best.max() + 1e-9 <= rough.bound + 2e-9
            assert rough.bound - rough.objective <= case.weight.sum() / 7 + 1e-6 and "1/7" in rough.note
        del travel


@pytest.mark.parametrize("seed", SEEDS)
def test_several_limits_equal_all_subsets(seed):
    random = np.random.default_rng(150 + seed)
    limits = (40.0, 80.0)
    for _ in range(many(25)):
        case = random_case(random, 6)
        travel, table = travel_of(case, random)
        arrays = *case.arrays[:2], travel, *case.arrays[2:]
        shares = float(random.choice([0.3, 0.5])), float(random.choice([0.5, 0.8]))
        first = reaching(case, table <= limits[0])

        def covers(p, first=first, case=case, table=table):
            opened, _ = all_plans(first, p=p)
            return opened, [(opened @ (table <= limit).T > 0).astype(float) for limit in limits]

        opened, reached = covers(None)
        enough = [
            share_of(one, case.weight) >= share - 1e-9 for one, share in zip(reached, shares, strict=True)
        ]
        found = several_limits(*arrays, limits=limits, shares=shares, cost=case.cost, **case.options)
        agree(found.plan, first, opened[enough[0] & enough[1]] @ case.cost, p=None, minimise=True)
        if found.plan.status == "optimal" and case.weight.sum():
            assert all(have >= want - 1e-9 for have, want in zip(found.shares, shares, strict=True))
        opened, reached = covers(case.p)
        near, far = (one @ case.weight for one in reached)
        found = best_for_limits(*arrays, limits=limits, importance=(1, 2), p=case.p, **case.options)
        agree(found.plan, first, near + 2 * far, p=case.p)
        found = best_for_limits(*arrays, limits=limits, p=case.p, **case.options)
        best = near >= near.max(initial=0.0) * (1 - 1e-7)
        agree(found.plan, first, far[best], p=case.p)
        if len(near):
            assert found.residents == pytest.approx((near.max(), far[best].max()), rel=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_shared_budget_equals_all_subsets(seed):
    random = np.random.default_rng(200 + seed)
    for _ in range(many(40)):
        cases = [random_case(random, 4, wishes) for wishes in ("qmxeb", "qmxe")]
        value = (1.0, float(random.choice([1.0, 2.0, 0.5])))
        numbers = [(int(random.integers(0, 2)), None if random.random() < 0.5 else 2) for _ in cases]
        types = [
            Resource(name, *case.arrays, case.cost, worth, *number, case.forced, case.forbidden, case.rules)
            for name, case, worth, number in zip(("仓库", "AED"), cases, value, numbers, strict=True)
        ]
        budget = float(np.floor(random.choice([0.4, 0.7]) * sum(case.cost.sum() for case in cases)))
        exclusive = [[("仓库", 0), ("AED", 0)]] if random.random() < 0.5 else []
        plans = []
        for case, (least, most) in zip(cases, numbers, strict=True):
            opened, count = all_plans(case, p=most)
            plans.append((opened[opened.sum(1) >= least], count[opened.sum(1) >= least]))
        (a, in_a), (b, in_b) = plans
        total = ((in_a > 0) @ cases[0].weight)[:, None] + value[1] * ((in_b > 0) @ cases[1].weight)[None]
        good = (a @ cases[0].cost)[:, None] + (b @ cases[1].cost)[None] <= budget
        good &= ~((a[:, 0] == 1)[:, None] & (b[:, 0] == 1)[None]) if exclusive else good
        found = shared_budget(types, budget, exclusive=exclusive)
        if not good.any():
            assert found.plan.status == "infeasible" and found.plan.note and np.isnan(found.spent)
            continue
        assert found.plan.status == "optimal" and found.spent <= budget + 1e-9
        assert found.plan.objective == pytest.approx(total[good].max(), rel=1e-6)
        parts = [found.types[one.name] for one in types]
        assert parts[0].objective + value[1] * parts[1].objective == pytest.approx(found.plan.objective)
        for part, case, (opened, _) in zip(parts, cases, plans, strict=True):
            assert (opened == np.isin(np.arange(case.n), part.sites)).all(1).any()


def planar(m: int, n: int, radius: float, seed: int):
    random = np.random.default_rng(seed)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    far = np.sqrt(((demand[:, None] - candidate[None]) ** 2).sum(-1))
    near = far <= radius
    weight = random.integers(1, 101, m).astype(float)
    return np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], far[near], weight, n


def best_of(value: np.ndarray, rows: list[np.ndarray], high: list[float], n: int) -> float:
    """Solve a model by scipy, sites first: the largest value."""
    scale = 1e4 / max(np.abs(value).sum(), 1)
    found = milp(
        -value * scale,
        constraints=LinearConstraint(np.array(rows), -np.inf, high),
        integrality=np.ones(len(value)),
        bounds=Bounds(0, 1),
    )
    assert found.status == 0 and n
    return float(-found.fun / scale)


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_mid_size_equals_an_independent_solver(seed):
    indptr, indices, travel, weight, n = planar(60, 25, 0.3, seed)
    m, p = len(weight), 5
    reach = np.zeros((m, n))
    far = np.full((m, n), np.inf)
    row = np.repeat(np.arange(m), np.diff(indptr))
    reach[row, indices], far[row, indices] = 1, travel
    eye, none = np.eye(m), np.zeros((m, m))
    number = np.r_[np.ones(n), np.zeros(2 * m)]
    # u counts the second site, z the first
    both = [number, *np.hstack([-reach, eye, eye]), *np.hstack([np.zeros((m, n)), -eye, eye])]
    limit = [p, *np.zeros(2 * m)]
    theta = 0.3
    best = best_of(np.r_[np.zeros(n), theta * weight, (1 - theta) * weight], both, limit, n)
    assert backup_cover(indptr, indices, weight, n, p=p, theta=theta).plan.objective == pytest.approx(best)
    least = int(lscp(indptr, indices, weight, n).objective) + 1
    must = [number, *np.hstack([-reach, none, eye])]
    reachable = (reach.sum(1) > 0).astype(float)
    best = best_of(np.r_[np.zeros(n + m), weight], must, [least, *-reachable], n)
    assert backup_cover(indptr, indices, weight, n, p=least).plan.objective == pytest.approx(best)
    by_k = [number, *np.hstack([-reach, none, 3 * eye])]
    best = best_of(np.r_[np.zeros(n + m), weight], by_k, [p, *np.zeros(m)], n)
    assert k_cover(indptr, indices, weight, n, p=p, k=3).objective == pytest.approx(best)
    # gradual: each row is assigned to one open site
    value = np.where(np.isfinite(far), np.exp(-3 * np.where(np.isfinite(far), far, 0.0)), 0.0)
    pairs = np.argwhere(value > 0)
    assign = np.zeros((len(pairs) + m + 1, n + len(pairs)))
    assign[np.arange(len(pairs)), pairs[:, 1]] = -1
    assign[np.arange(len(pairs)), n + np.arange(len(pairs))] = 1
    assign[len(pairs) + pairs[:, 0], n + np.arange(len(pairs))] = 1
    assign[-1, :n] = 1
    worth = np.r_[np.zeros(n), weight[pairs[:, 0]] * value[pairs[:, 0], pairs[:, 1]]]
    best = best_of(worth, list(assign), [*np.zeros(len(pairs)), *np.ones(m), p], n)
    plan = gradual_cover(indptr, indices, travel, weight, n, decay=lambda way: np.exp(-3 * way), p=p)
    assert plan.objective == pytest.approx(best, rel=1e-6)


def test_limits_of_the_models_agree():
    indptr, indices, travel, weight, n = planar(80, 15, 0.25, 4)
    arrays = indptr, indices, weight, n
    most = mclp(*arrays, p=5).objective
    assert expected_cover(*arrays, p=5, q=0.0).objective == most == k_cover(*arrays, p=5, k=1).objective
    assert backup_cover(*arrays, p=5, theta=1.0).plan.objective == most
    assert gradual_cover(indptr, indices, travel, weight, n, decay=[(1.0, 1.0)], p=5).objective == most
    at_once = best_for_limits(indptr, indices, travel, weight, n, limits=(0.25,), p=5)
    assert at_once.plan.objective == most and at_once.residents == (most,)
    fails = [expected_cover(*arrays, p=5, q=q).objective for q in (0.0, 0.1, 0.4)]
    assert fails == sorted(fails, reverse=True)
    assert [k_cover(*arrays, p=p, k=2).objective for p in (1, 2, 4, 6)] == sorted(
        k_cover(*arrays, p=p, k=2).objective for p in (1, 2, 4, 6)
    )
    alone = shared_budget([Resource("站", *arrays, np.ones(n))], 5)
    assert alone.plan.objective == most == alone.types["站"].objective and alone.spent == 5.0


def test_expected_cover_by_hand():
    # ten residents with three sites, q 0.5: 5, 7.5, 8.75
    arrays = np.array([0, 3]), np.array([0, 1, 2]), np.array([10.0]), 3
    assert [expected_cover(*arrays, p=p, q=0.5).objective for p in range(4)] == [0.0, 5.0, 7.5, 8.75]
    assert expected_cover(*arrays, p=3, q=0.5).gains == (5.0, 2.5, 1.25)


def test_many_failures_are_cut_and_allowed_for(monkeypatch):
    monkeypatch.setattr(cover_backup, "_TINY", 0.2)
    arrays = np.array([0, 4]), np.arange(4), np.array([10.0]), 4
    plan = expected_cover(*arrays, p=4, q=0.5)
    assert plan.objective <= 10 * (1 - 0.5**4) <= plan.bound and plan.status == "feasible"


def test_memory_bounds_the_levels_of_gradual_cover(monkeypatch):
    monkeypatch.setattr(cover_gradual, "_ENTRIES", 50)
    indptr, indices, travel, weight, n = planar(40, 15, 0.5, 2)
    plan = gradual_cover(indptr, indices, travel, weight, n, decay=lambda way: 1 - way, p=3)
    monkeypatch.undo()
    exact = gradual_cover(indptr, indices, travel, weight, n, decay=lambda way: 1 - way, p=3)
    assert "1/10" in plan.note and plan.objective <= exact.objective <= plan.bound + 1e-9
    assert not exact.note and exact.status == "optimal"


def test_k_sites_need_a_column_of_their_own():
    # by halves, one site would count half for both rows: the continuous model says 4
    arrays = np.array([0, 2, 4]), np.array([0, 1, 0, 2]), np.array([4.0, 4.0]), 3
    assert k_cover(*arrays, p=1, k=2).objective == 0.0 and k_cover(*arrays, p=2, k=2).objective == 4.0
    assert k_cover(*arrays, p=2, k=3).objective == 0.0


def test_infeasible_requests_say_why():
    arrays = np.array([0, 2, 4]), np.array([0, 1, 1, 2]), np.array([4.0, 4.0]), 3
    travel = np.array([10.0, 50, 20, 70])
    rules = Rules(quotas=(Quota("甲县", (0, 1, 2), at_least=3),))
    found = backup_cover(*arrays, p=2, rules=rules)
    assert found.plan.note == "甲县至少 3 处, 共需 3 处, 多于允许的 2 处" and np.isnan(found.once)
    assert expected_cover(*arrays, p=2, q=0.1, rules=rules).status == "infeasible"
    assert k_cover(*arrays, p=2, k=2, rules=rules).status == "infeasible"
    with_travel = *arrays[:2], travel, *arrays[2:]
    assert gradual_cover(*with_travel, decay=DECAYS[1], p=2, rules=rules).status == "infeasible"
    short = several_limits(*with_travel, limits=(15, 60), shares=(0.9, 1.0), names=("15 分钟", "1 小时"))
    assert "15 分钟以内的全部居民要求至少覆盖 90%" in short.plan.note and "50.0%" in short.plan.note
    assert np.isnan(short.residents[0])
    assert best_for_limits(*with_travel, limits=(15, 60), p=2, rules=rules).plan.status == "infeasible"
    store = Resource("仓库", *arrays, np.full(3, 5.0), at_least=2)
    found = shared_budget([store, Resource("AED", *arrays, np.ones(3), at_least=1)], 9)
    assert found.plan.note == "仓库至少 2 处, AED至少 1 处, 最少共需 11, 超出预算 9"
    assert found.types["AED"].status == "infeasible"


def test_existing_sites_of_one_type_do_not_move_for_another():
    arrays = np.array([0, 1, 2]), np.array([0, 1]), np.array([1.0, 9.0]), 2
    old = Rules(existing=(0,), relocations=1)
    types = [Resource("仓库", *arrays, np.ones(2), rules=old), Resource("AED", *arrays, np.ones(2))]
    assert shared_budget(types, 2).plan.objective == 18.0
    stay = [replace(types[0], rules=Rules(existing=(0,))), types[1]]
    assert shared_budget(stay, 2).plan.objective == 10.0


def test_minimums_hold_in_every_model():
    indptr, indices, travel, weight, n = planar(40, 12, 0.35, 6)
    rows = np.arange(12)
    rules = Rules(minimums=(Minimum("甲县", rows, 0.9),))
    arrays = indptr, indices, weight, n
    for plan in (
        expected_cover(*arrays, p=5, q=0.2, rules=rules),
        k_cover(*arrays, p=5, k=2, rules=rules),
        backup_cover(*arrays, p=5, theta=0.5, rules=rules).plan,
        gradual_cover(indptr, indices, travel, weight, n, decay=lambda way: 1 - way, p=5, rules=rules),
        best_for_limits(indptr, indices, travel, weight, n, limits=(0.3, 0.1), p=5, rules=rules).plan,
        shared_budget([Resource("站", *arrays, np.ones(n), rules=rules)], 5).plan,
    ):
        reached = [bool(set(indices[indptr[r] : indptr[r + 1]]) & set(plan.sites)) for r in rows]
        assert plan.status == "optimal" and weight[rows][reached].sum() >= 0.9 * weight[rows].sum()


def test_out_of_time_limits_in_order_keep_the_first_plan():
    indptr, indices, travel, weight, n = planar(200, 30, 0.2, 7)
    late = best_for_limits(indptr, indices, travel, weight, n, limits=(0.1, 0.2), p=5, time_limit_s=0.0)
    best = best_for_limits(indptr, indices, travel, weight, n, limits=(0.1, 0.2), p=5)
    assert best.plan.status == "optimal" and late.plan.bound >= best.plan.objective
    assert late.residents[0] <= best.residents[0] and late.plan.status in {"feasible", "optimal"}


def test_without_any_plan_in_time_the_bound_is_of_the_last_limit():
    arrays = np.array([0, 1, 2]), np.array([0, 1]), np.array([10, 90]), np.array([5, 4]), 3
    asked = Rules(quotas=(Quota("甲县", (0, 1, 2), 2), Quota("乙县", (0, 2), 1, 1)), exclusive=((0, 1),))
    late = best_for_limits(*arrays, limits=(1, 100), p=2, rules=asked, time_limit_s=0.0).plan
    best = best_for_limits(*arrays, limits=(1, 100), p=2, rules=asked).plan
    assert (best.status, best.objective) == ("optimal", 4.0) and late.bound >= best.objective


def test_minimums_count_residents_whatever_the_first_limit_is_worth():
    arrays = np.array([0, 1, 2]), np.array([0, 1]), np.array([10, 90]), np.array([3, 40]), 2
    county = Rules(minimums=(Minimum("甲县", np.array([0]), 1.0),))
    for importance, p in (((0, 1), 1), ((0.5, 1), 1), ((0, 0), 2)):
        found = best_for_limits(*arrays, limits=(60, 120), importance=importance, p=p, rules=county)
        assert 0 in found.plan.sites and found.plan.status == "optimal"
    none = best_for_limits(*arrays, limits=(5, 120), importance=(0, 1), p=1, rules=county).plan
    assert none.note == "甲县要求至少覆盖 100%, 所有可选的候选点一起只覆盖 0.0%, 达不到要求"


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint32, np.uint64])
def test_whole_numbers_of_any_kind_are_positions(kind):
    rows, travel, rest = (np.array([0, 1, 2], kind), np.array([0, 1], kind)), np.ones(2), (np.ones(2), 2)
    assert gradual_cover(*rows, travel, *rest, decay=DECAYS[0], p=1).objective == 1.0
    assert best_for_limits(*rows, travel, *rest, limits=(1,), p=1).residents == (1.0,)
    assert several_limits(*rows, travel, *rest, limits=(1,), shares=(1.0,)).plan.objective == 2.0


ROWS = np.array([0, 1, 2]), np.array([0, 1])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda a: backup_cover(*a, p=1, theta=1.5), "theta"),
        (lambda a: backup_cover(*a), "either p"),
        (lambda a: expected_cover(*a, p=1, q=1.0), "q must"),
        (lambda a: expected_cover(*a, p=1, q=-0.1), "q must"),
        (lambda a: k_cover(*a, p=1, k=0), "k must"),
        (lambda a: k_cover(*a, p=1, k=1.5), "k must"),
        (lambda a: gradual_cover(*ROWS, np.ones(3), *a[2:], decay=DECAYS[1], p=1), "travel must"),
        (lambda a: gradual_cover(*ROWS, -np.ones(2), *a[2:], decay=DECAYS[1], p=1), "travel must"),
        (lambda a: gradual_cover(*ROWS, np.ones(2), *a[2:], decay=[(9, 0.5), (5, 0.2)], p=1), "steps"),
        (lambda a: gradual_cover(*ROWS, np.ones(2), *a[2:], decay=[(5, 0.2), (9, 0.5)], p=1), "steps"),
        (lambda a: gradual_cover(*ROWS, np.ones(2), *a[2:], decay=lambda way: way + 1, p=1), "0..1"),
        (lambda a: gradual_cover(*ROWS, np.ones(2), *a[2:], decay=lambda way: 1.0, p=1), "0..1"),
        (lambda a: gradual_cover(*ROWS, np.ones(2), *a[2:], decay=DECAYS[1], levels=0, p=1), "levels"),
        (lambda a: several_limits(*ROWS, np.ones(2), *a[2:], limits=(1, 2), shares=(0.5,)), "share"),
        (lambda a: several_limits(*ROWS, np.ones(2), *a[2:], limits=(), shares=()), "limits"),
        (lambda a: several_limits(*ROWS, np.ones(2), *a[2:], limits=(1,), shares=(2,)), "share"),
        (lambda a: several_limits(*ROWS, np.ones(2), *a[2:], limits=(1,), shares=(1,), names=()), "name"),
        (lambda a: several_limits(*ROWS, np.ones(2), *a[2:], limits=(1,), shares=(1,), budget=2), "least"),
        (lambda a: best_for_limits(*ROWS, np.ones(2), *a[2:], limits=(1,), importance=(-1,), p=1), "import"),
        (lambda a: best_for_limits(*ROWS, np.ones(2), *a[2:], limits=(np.nan,), p=1), "limits"),
        (lambda a: shared_budget([], 1), "different names"),
        (lambda a: shared_budget([Resource("甲", *a, np.ones(2))] * 2, 1), "different names"),
        (lambda a: shared_budget([Resource("甲", *a, np.ones(2), value=0.0)], 1), "value"),
        (lambda a: shared_budget([Resource("甲", *a, np.ones(2), forced=(2,))], 1), "forced"),
        (lambda a: shared_budget([Resource("甲", *a, np.ones(2), at_least=-1)], 1), "whole numbers"),
        (lambda a: shared_budget([Resource("甲", *a, np.ones(3))], 1), "cost"),
        (lambda a: shared_budget([Resource("甲", *a, np.ones(2))], -1), "limit"),
        (lambda a: shared_budget([Resource("甲", *a, np.ones(2))], 1, exclusive=[[("乙", 0)]]), "exclusive"),
    ],
)
def test_wrong_requests_are_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call((*ROWS, np.array([1.0, 2.0]), 2))


def test_nothing_to_do_is_a_plan():
    empty = np.array([0]), np.array([], np.int64), np.array([]), 2
    with_travel = *empty[:2], np.array([]), *empty[2:]
    assert backup_cover(*empty, p=1).plan.objective == backup_cover(*empty, p=0, theta=0.2).twice == 0.0
    assert expected_cover(*empty, p=2, q=0.5).objective == k_cover(*empty, p=2, k=2).objective == 0.0
    assert gradual_cover(*with_travel, decay=DECAYS[0], p=1).objective == 0.0
    found = several_limits(*with_travel, limits=(1, 2), shares=(0.5, 1.0))
    assert found.plan.objective == 0.0 and found.shares == (0.0, 0.0)
    assert best_for_limits(*with_travel, limits=(1, 2), p=0).plan.objective == 0.0
    nobody = Resource("站", np.array([0, 0]), np.array([], np.int64), np.array([5.0]), 0, np.array([]))
    assert shared_budget([nobody], 0).plan.objective == 0.0
