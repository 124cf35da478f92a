"""Covering with rules: against all subsets, an independent solver, known answers, and hostile requests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import cover_request, covered_weight, models
from boai.coverage.siting.cover import lscp, mclp, partial_cover
from boai.coverage.siting.rules import Budget, Minimum, Quota, Rules, broken, quotas_by
from examples import many
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array
from siting_cover_cases import agree, all_plans, random_case, share_of

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]
"""The heavy ones bring each model to more than a thousand requests."""

ARRAYS = np.array([0, 1, 3, 4, 5]), np.array([0, 0, 1, 1, 2]), np.array([1, 4, 2, 3]), 3


def planar(m: int, n: int, radius: float, seed: int):
    """Uniform demand in three counties of a unit square, and candidates."""
    random = np.random.default_rng(seed)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= radius**2
    arrays = (
        np.r_[0, np.cumsum(near.sum(1))],
        np.nonzero(near)[1],
        random.integers(1, 101, m).astype(float),
        n,
    )
    return arrays, (3 * demand[:, 0]).astype(int), (3 * candidate[:, 0]).astype(int), random


@pytest.mark.parametrize("seed", SEEDS)
def test_maximal_covering_equals_all_subsets(seed):
    random = np.random.default_rng(seed)
    for _ in range(many(100)):
        case = random_case(random)
        _, count = all_plans(case, p=case.p)
        plan = mclp(*case.arrays, p=case.p, **case.options)
        agree(plan, case, (count > 0) @ case.weight, p=case.p)
        if plan.sites:
            assert plan.objective == covered_weight(*case.arrays[:3], plan.sites)
            assert plan.objective == pytest.approx(sum(plan.gains))
        budget = float(np.floor(case.cost.sum() * 0.6))
        opened, count = all_plans(case, p=None)
        paid = opened @ case.cost <= budget
        plan = mclp(*case.arrays, cost=case.cost, budget=budget, **case.options)
        agree(plan, case, (count[paid] > 0) @ case.weight, p=None)
        assert plan.status == "infeasible" or case.cost[list(plan.sites)].sum() <= budget + 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_set_covering_equals_all_subsets(seed):
    random = np.random.default_rng(100 + seed)
    for _ in range(many(150)):
        case = random_case(random)
        times = random.integers(0, 4, len(case.weight)) if random.random() < 0.6 else 1
        p = None if random.random() < 0.6 else case.p
        may = np.setdiff1d(np.arange(case.n), case.forbidden)
        need = np.where(case.weight > 0, np.minimum(times, case.reach[:, may].sum(1)), 0)
        opened, count = all_plans(case, p=p)
        enough = (count >= need).all(1)
        plan = lscp(*case.arrays, times=times, p=p, cost=case.cost, **case.options)
        agree(plan, case, opened[enough] @ case.cost, p=p, minimise=True)
        if plan.sites:
            reached = case.reach[:, list(plan.sites)].sum(1)
            assert (reached >= need).all() and plan.objective == pytest.approx(
                case.cost[list(plan.sites)].sum()
            )


@pytest.mark.parametrize("seed", SEEDS)
def test_partial_covering_equals_all_subsets(seed):
    random = np.random.default_rng(200 + seed)
    for _ in range(many(100)):
        case = random_case(random)
        share = float(random.choice([0.0, 0.25, 0.5, 0.75, 1.0]))
        p = None if random.random() < 0.6 else case.p
        opened, count = all_plans(case, p=p)
        enough = share_of(count > 0, case.weight) >= share - 1e-9
        plan = partial_cover(*case.arrays, share=share, p=p, cost=case.cost, **case.options)
        agree(plan, case, opened[enough] @ case.cost, p=p, minimise=True)


@pytest.mark.parametrize("wish", "qbmxe")
def test_each_rule_alone_equals_all_subsets(wish):
    random = np.random.default_rng(ord(wish))
    asked = 0
    while asked < 60:
        case = random_case(random, 8, wish)
        if not case.rules:
            continue
        asked += 1
        _, count = all_plans(case, p=case.p)
        agree(mclp(*case.arrays, p=case.p, **case.options), case, (count > 0) @ case.weight, p=case.p)


def milp_oracle(arrays, rules, p):
    """The textbook model for scipy, one row per demand: the most residents."""
    indptr, indices, weight, n = arrays
    m = len(weight)
    rows, low, high = [], [], []

    def add(x, z, least, most):
        rows.append(np.r_[x, z])
        low.append(least)
        high.append(most)

    reach = csr_array((np.ones(len(indices)), indices, indptr), shape=(m, n)).toarray()
    for r in range(m):
        add(-reach[r], np.eye(m)[r], -np.inf, 0)
    add(np.ones(n), np.zeros(m), 0, p)
    for quota in rules.quotas:
        most = np.inf if quota.at_most is None else quota.at_most
        add(np.isin(np.arange(n), quota.candidates), np.zeros(m), quota.at_least, most)
    for budget in rules.budgets:
        add(budget.cost, np.zeros(m), 0, budget.limit)
    for group in rules.exclusive:
        add(np.isin(np.arange(n), group), np.zeros(m), 0, 1)
    for minimum in rules.minimums:
        inside = np.where(np.isin(np.arange(m), minimum.rows), weight, 0)
        add(np.zeros(n), inside, minimum.share * inside.sum(), np.inf)
    if rules.existing:
        stay = len(rules.existing) - rules.relocations
        add(np.isin(np.arange(n), rules.existing), np.zeros(m), stay, np.inf)
    scale = 1e4 / weight.sum()
    found = milp(
        np.r_[np.zeros(n), -weight * scale],
        constraints=LinearConstraint(np.array(rows, float), low, high),
        integrality=np.r_[np.ones(n), np.zeros(m)],
        bounds=Bounds(0, 1),
    )
    return -found.fun / scale if found.status == 0 else None


@pytest.mark.parametrize("seed", range(4))
def test_equals_an_independent_solver(seed):
    arrays, county, place, random = planar(60, 25, 0.22, seed)
    rules = Rules(
        quotas=quotas_by([f"县{k}" for k in place], at_least=1, at_most=4),
        budgets=(Budget("人员", random.integers(1, 6, 25).astype(float), 22.0),),
        minimums=tuple(Minimum(f"县{k}", np.flatnonzero(county == k), 0.3) for k in range(3)),
        exclusive=((0, 1, 2), (3, 4), (5, 6)),
        existing=(7, 8, 9),
        relocations=2,
    )
    plan = mclp(*arrays, p=7, rules=rules)
    best = milp_oracle(arrays, rules, 7)
    assert plan.status == "optimal" and plan.objective == plan.bound == pytest.approx(best)
    assert not broken(rules, plan.sites)
    looser = replace(rules, exclusive=(), relocations=3)
    assert mclp(*arrays, p=7, rules=looser).objective >= plan.objective
    assert mclp(*arrays, p=8, rules=rules).objective >= plan.objective
    assert mclp(*arrays, p=7).objective >= plan.objective
    least = partial_cover(*arrays, share=plan.objective / arrays[2].sum(), rules=rules)
    assert least.objective <= 7 and least.status == "optimal"


def test_order_of_rows_and_candidates_changes_only_names():
    arrays, _, _, random = planar(80, 20, 0.2, 9)
    indptr, indices, weight, n = arrays
    rules = Rules(
        quotas=(Quota("甲县", (1, 2, 3, 4), 2, 2),), exclusive=((5, 6, 7),), existing=(8, 9), relocations=1
    )
    before = mclp(*arrays, p=5, rules=rules)
    name = random.permutation(n)
    again = random.permutation(len(weight))
    rows = [name[indices[indptr[r] : indptr[r + 1]]] for r in again]
    moved = Rules(
        quotas=(Quota("甲县", tuple(name[[1, 2, 3, 4]].tolist()), 2, 2),),
        exclusive=(tuple(name[[5, 6, 7]].tolist()),),
        existing=tuple(name[[8, 9]].tolist()),
        relocations=1,
    )
    start = np.r_[0, np.cumsum([len(row) for row in rows])]
    after = mclp(start, np.concatenate(rows), weight[again], n, p=5, rules=moved)
    assert after.objective == before.objective and after.status == before.status == "optimal"


def test_without_rules_the_engines_made_for_it_answer():
    arrays, _, _, _ = planar(200, 30, 0.2, 3)
    plain, here = models.mclp(*arrays, p=5, forced=(3,)), mclp(*arrays, p=5, rules=Rules(existing=(3,)))
    assert here == plain and here.certificate is not None
    assert lscp(*arrays, rules=Rules()) == models.lscp(*arrays)
    trivial = Rules(quotas=(Quota("全省", tuple(range(30)), 0, 30),))
    assert mclp(*arrays, p=5, rules=trivial).objective == models.mclp(*arrays, p=5).objective
    assert lscp(*arrays, rules=trivial).objective == models.lscp(*arrays).objective


def test_existing_sites_move_only_as_often_as_allowed():
    # two old sites reach one resident each, two new ones ten each
    arrays = np.arange(5), np.arange(4), np.array([1, 1, 10, 10]), 4
    found = [
        mclp(*arrays, p=2, rules=Rules(existing=(0, 1), relocations=moves)).objective for moves in range(4)
    ]
    assert found == [2.0, 11.0, 20.0, 20.0]
    assert lscp(*arrays, rules=Rules(existing=(0, 1), relocations=2)).objective == 4.0
    assert partial_cover(*arrays, share=0.9, rules=Rules(existing=(0, 1))).objective == 4.0
    assert partial_cover(*arrays, share=0.9, rules=Rules(existing=(0, 1), relocations=2)).objective == 2.0


def test_sites_that_a_quota_asks_for_stay_though_they_add_nobody():
    arrays = np.array([0, 1]), np.array([0]), np.array([5.0]), 3
    plan = mclp(*arrays, p=3, rules=Rules(quotas=(Quota("甲县", (1, 2), at_least=1),)))
    assert len(plan.sites) == 2 and plan.sites[0] == 0 and plan.gains == (5.0, 0.0)
    assert plan.note == "另外 1 个名额按各项要求不会增加覆盖人口, 未开设"


def test_several_times_are_counted_and_told():
    arrays = np.array([0, 2, 3, 3]), np.array([0, 1, 2]), np.array([1.0, 1.0, 1.0]), 3
    plan = lscp(*arrays, times=2)
    assert plan.objective == 3.0 and plan.reductions["rows_with_too_few_candidates"] == 1
    assert "1 处居民任何候选点都到不了" in plan.note and "只要求到可达的次数" in plan.note
    assert lscp(*arrays, times=0).objective == 0.0
    assert lscp(*arrays, times=[1, 0, 1]).sites in {(0,), (1,)}


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (
            Rules(quotas=(Quota("甲县", (0, 1), 2), Quota("乙县", (2,), 1))),
            "甲县至少 2 处, 乙县至少 1 处, 共需 3 处",
        ),
        (Rules(quotas=(Quota("甲县", (0,), 2),)), "甲县要求至少 2 处, 可选的候选点只有 1 个"),
        (Rules(quotas=(Quota("甲县", (0, 1), 2, 1),)), "又要求至多 1 处"),
        (Rules(existing=(0, 1, 2)), "必选点和现有站点有 3 个, 多于要求的 2 个"),
        (Rules(existing=(0, 1), exclusive=((0, 1),)), "现有站点中有互斥的"),
        (
            Rules(budgets=(Budget("资金", np.array([5.0, 5, 5]), 8.0),), existing=(0, 1)),
            "共需 10, 超出资金 8",
        ),
        (Rules(minimums=(Minimum("乙县", np.array([3]), 1.0),), quotas=(Quota("甲县", (2,), 0, 0),)), ""),
    ],
)
def test_contradictions_are_told(rules, told):
    plan = mclp(*ARRAYS, p=2, rules=rules)
    assert plan.status == "infeasible" and plan.note and told in plan.note
    assert plan.sites == () and np.isnan(plan.objective) and np.isnan(plan.bound)


def test_unreachable_minimums_are_told():
    rules = Rules(minimums=(Minimum("丙县", np.array([2, 3]), 0.9),))
    assert "丙县要求至少覆盖 90%" in mclp(*ARRAYS, p=2, rules=rules, forbidden=(2,)).note
    assert "40.0%" in mclp(*ARRAYS, p=2, rules=rules, forbidden=(2,)).note
    assert "达不到要求" in partial_cover(*ARRAYS, share=0.9, rules=rules, forbidden=(1,)).note


def test_sums_too_large_for_the_last_digit_are_proven_to_a_millionth():
    arrays = np.array([0, 2, 4, 6]), np.array([0, 1, 1, 2, 0, 2]), np.full(3, 4_000_000_001), 3
    plan = mclp(*arrays, p=1, rules=Rules(quotas=(Quota("甲县", (0, 1, 2), at_most=3),)))
    assert (plan.objective, plan.status) == (8_000_000_002, "optimal") and plan.gap < 1e-6


def test_the_share_told_can_be_asked_for():
    arrays = np.array([0, 1, 1]), np.array([0]), np.array([7999, 2001]), 1  # 79.99 % can be reached
    assert "只覆盖 79.9%" in partial_cover(*arrays, share=0.8).note
    assert partial_cover(*arrays, share=0.799).status == "optimal"


def test_what_a_change_of_a_rule_means_is_told():
    stay = Rules(existing=(0, 1), relocations=1, minimums=(Minimum("丙县", np.array([3]), 1.0),))
    note = mclp(*ARRAYS, p=1, rules=stay).note
    assert note.startswith("“最多开设 1 处” 与 “现有站点至少保留 1 处” 与 “丙县至少覆盖 100% (")
    assert "“现有站点至少保留 1 处” 改为 0" in note  # not the number that may move
    rows = np.array([0, 1, 2, 3]), np.array([0, 1, 2]), np.ones(3), 3
    note = lscp(*rows, p=1).note
    assert note.startswith("“最多开设 1 处” 与 “每处居民达到要求的覆盖次数” 不能同时满足; 若 “")
    assert "“每处居民达到要求的覆盖次数” 放宽 1 项" in note  # not all rows to 0
    note = lscp(*rows, rules=Rules(exclusive=((0, 1),))).note
    assert "“互斥的候选点” 由 1 放宽到 2" in note


@pytest.mark.parametrize(
    "wrong",
    [
        {"p": 1, "rules": Rules(quotas=(Quota("甲县", (3,)),))},
        {"p": 1, "rules": Rules(existing=(-1,))},
        {"p": 1, "rules": Rules(exclusive=((0, 9),))},
        {"p": 1, "rules": Rules(budgets=(Budget("资金", np.ones(2), 1.0),))},
        {"p": 1, "rules": Rules(minimums=(Minimum("县", np.array([4]), 0.5),))},
        {"p": 1, "rules": Rules(minimums=(Minimum("县", np.array([0]), 1.5),))},
        {"p": 1, "rules": Rules(existing=(0,), relocations=-1)},
        {"p": -1},
        {"p": 1.5},
        {},
        {"p": 1, "budget": 3.0, "cost": np.ones(3)},
        {"budget": 3.0},
        {"budget": 3.0, "cost": -np.ones(3)},
        {"budget": np.nan, "cost": np.ones(3)},
        {"p": 1, "forced": (5,)},
    ],
)
def test_wrong_requests_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must|give either|needs"):
        mclp(*ARRAYS, **wrong)


@pytest.mark.parametrize("wrong", [{"times": -1}, {"times": 0.5}, {"times": [1, 2]}, {"cost": np.ones(2)}])
def test_wrong_set_coverings_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        lscp(*ARRAYS, **wrong)


def test_nothing_to_do_is_a_plan():
    rules = Rules(exclusive=((0, 1),))
    empty = np.array([0]), np.array([], np.int64), np.array([]), 2
    assert mclp(*empty, p=1, rules=rules).objective == 0.0
    assert (
        lscp(*empty, rules=rules).objective == partial_cover(*empty, share=0.5, rules=rules).objective == 0.0
    )
    nobody = np.array([0, 2]), np.array([0, 1]), np.array([0.0]), 2
    assert mclp(*nobody, p=0, rules=rules).sites == () and lscp(*nobody, rules=rules).sites == ()
    nowhere = np.array([0, 0]), np.array([], np.int64), np.array([3.0]), 0
    assert mclp(*nowhere, p=0, rules=Rules(minimums=(Minimum("县", np.array([0]), 0.0),))).objective == 0.0
    closed = mclp(*ARRAYS, p=0, forbidden=(0, 1, 2), rules=rules)
    assert closed.sites == () and closed.objective == 0.0


def test_out_of_time_the_bound_still_holds():
    arrays, county, place, _ = planar(300, 40, 0.15, 5)
    rules = Rules(quotas=quotas_by([f"县{k}" for k in place], at_least=1, at_most=3))
    best, late = mclp(*arrays, p=6, rules=rules), mclp(*arrays, p=6, rules=rules, time_limit_s=0.0)
    assert best.status == "optimal" and late.bound >= best.objective >= late.objective and late.gap <= 1
    seen = []
    told = mclp(*arrays, p=6, rules=rules, progress=lambda *numbers: seen.append(numbers))
    assert told == best and seen and all(found <= bound + 1e-6 for found, bound, _, _ in seen)
    seen.clear()
    least = lscp(*arrays, rules=rules, progress=lambda *numbers: seen.append(numbers))
    assert all(found >= bound - 1e-6 for found, bound, _, _ in seen) or least.status == "infeasible"
    assert county.max() == 2


def test_an_interruption_is_no_crash(monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("boai.coverage.siting.cover_plan.solve_program", stop)
    plan = mclp(*ARRAYS, p=1, rules=Rules(exclusive=((0, 1),)))
    assert plan.status == "feasible" and plan.sites == () and "没有找到" in plan.note
    assert lscp(*ARRAYS, rules=Rules(exclusive=((0, 1),))).bound == 0.0


def test_rows_merge_only_within_the_same_minimums():
    request = cover_request.cover_request(*ARRAYS, p=2)
    classes = cover_request.merged(request.matrix, request.weight, np.array([0, 1, 0, 0]))
    assert len(classes.weight) == 4 and classes.label.tolist().count(1) == 1
    twice = np.array([0, 2, 4, 6]), np.array([0, 1, 1, 0, 0, 1]), np.array([1.0, 2.0, 4.0]), 2
    request = cover_request.cover_request(*twice, p=1)
    assert cover_request.merged(request.matrix, request.weight, np.array([0, 0, 7])).weight.tolist() in (
        [3.0, 4.0],
        [4.0, 3.0],
    )
