"""Robust covering against all subsets, and what must hold for every plan."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import covered_weight, mclp
from boai.coverage.siting.robust import Situation, robust_mclp
from boai.coverage.siting.rules import Minimum, Quota, Rules


def csr(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], np.int32)


def case(random: np.random.Generator, n: int | None = None) -> tuple[list[Situation], int]:
    n = n or int(random.integers(1, 7))
    made = []
    same = random.random() < 0.5
    for s in range(random.integers(1, 4)):
        m = 8 if same else int(random.integers(0, 10))
        rows = [random.choice(n, random.integers(0, min(n, 3) + 1)).tolist() for _ in range(m)]
        weight = np.array([9, 7, 5, 3, 3, 2, 1, 1.0]) if same else random.integers(0, 10, m).astype(float)
        made.append(Situation(f"情形{s}", *csr(rows), weight, float(random.integers(1, 4))))
    return made, n


def covers(made: list[Situation], sites) -> np.ndarray:
    return np.array([covered_weight(s.indptr, s.indices, s.weight, sites) for s in made])


def subsets(n: int, allowed):
    for size in range(n + 1):
        for sites in itertools.combinations(range(n), size):
            if allowed(set(sites)):
                yield list(sites)


def brute(made, n, allowed, objective, floor, share):
    """The best value; the best expectation among the plans that have it; None: infeasible."""
    total = np.array([s.weight.sum() for s in made])
    chance = np.array([s.probability for s in made]) / sum(s.probability for s in made)
    unit = np.where(total > 0, total, 1.0) if share else np.ones(len(made))
    rated = [(covers(made, sites), sites) for sites in subsets(n, allowed)]
    if not rated:
        return None
    alone = np.max([c for c, _ in rated], axis=0)

    def value(c: np.ndarray) -> float:
        least = (c / unit)[total > 0].min() if total.any() else 0.0
        if objective == "worst":
            return least
        if objective == "regret":
            return -((alone - c) / unit).max()
        missed = objective == "mix" and total.any() and least < floor - 1e-9
        return -math.inf if missed else float(chance @ c)

    best = max(value(c) for c, _ in rated)
    if best == -math.inf:
        return None
    return abs(best), max(float(chance @ c) for c, _ in rated if value(c) >= best - 1e-9), alone


OBJECTIVES = ("worst", "expected", "regret", "mix")


def compare(seed: int, objective: str, *, ruled: bool = False) -> None:
    random = np.random.default_rng(seed)
    made, n = case(random)
    total = np.array([s.weight.sum() for s in made])
    order, share = random.permutation(n).tolist(), bool(random.integers(2))
    forced, forbidden = order[: seed % 2], order[n - seed % 3 :] if n > 3 else []
    cost = random.integers(1, 5, n).astype(float) if seed % 4 == 0 else None
    limit = int(random.integers(0, n + 1)) if cost is None else int(random.integers(0, 9))
    rules = None
    quotas: tuple[Quota, ...] = ()
    if ruled:
        some = tuple(random.choice(n, (n + 1) // 2, replace=False).tolist())
        quotas = (Quota("山区", some, int(random.integers(0, 2)), int(random.integers(1, 3))),)
        rules = Rules(quotas=quotas, exclusive=(tuple(order[:2]),) if seed % 2 else ())

    def allowed(sites: set[int]) -> bool:
        spent = len(sites) if cost is None else cost[list(sites)].sum()
        good = spent <= limit and set(forced) <= sites and not sites & set(forbidden)
        for quota in quotas:
            good = good and quota.at_least <= len(sites & set(quota.candidates)) <= quota.at_most
        return good and not (rules and any(len(sites & set(g)) > 1 for g in rules.exclusive))

    floor = None
    if objective == "mix":
        floor = float(random.random() * 0.7) if share else float(random.integers(0, 12))
    way = {"p": limit} if cost is None else {"cost": cost, "budget": float(limit)}
    measure = "share" if share else "residents"
    asked = {"forced": forced, "forbidden": forbidden, "rules": rules, "floor": floor, "measure": measure}
    found = robust_mclp(made, n, objective=objective, **way, **asked)
    truth = brute(made, n, allowed, objective, floor or 0.0, share)
    if truth is None or (cost is None and limit > n - len(forbidden)):
        assert found.plan.status == "infeasible" and found.plan.note and math.isnan(found.expected)
        return
    best, expected, alone = truth
    assert found.plan.status == "optimal", (seed, found)
    assert found.plan.objective == pytest.approx(best, abs=1e-7)
    assert found.plan.bound == pytest.approx(best, rel=2e-6, abs=2e-6)
    assert allowed(set(found.plan.sites)) and len(set(found.plan.sites)) == len(found.plan.sites)
    assert list(found.covered) == covers(made, list(found.plan.sites)).tolist()
    assert found.expected == pytest.approx(expected, abs=1e-6) and found.text
    assert list(found.alone) == pytest.approx(alone.tolist()) == list(found.alone_bound)
    for (low, high), c, a in zip(found.regret, found.covered, alone, strict=True):
        assert low - 1e-9 <= a - c <= high + 1e-9
    assert found.price[0] <= found.price[1] + 1e-9
    if objective in ("worst", "regret"):
        assert found.tie_bound >= found.expected - 1e-9
    assert found.share == pytest.approx(
        [c / t if t else math.nan for c, t in zip(found.covered, total, strict=True)], nan_ok=True
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_equals_brute_force(objective):
    for seed in range(12):
        compare(seed, objective)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_rules_equal_brute_force(objective):
    for seed in range(6):
        compare(seed, objective, ruled=True)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_many_more_equal_brute_force(objective):
    for seed in range(1000, 1600):
        compare(seed, objective, ruled=seed % 3 == 0)


def planar(random: np.random.Generator, m: int, n: int, closed: float) -> tuple[np.ndarray, np.ndarray]:
    """Reach on a plane, with a share of the pairs cut as by closed roads."""
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= 0.05
    near &= random.random(near.shape) >= closed
    return np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1]


@pytest.fixture(scope="module")
def town() -> tuple[list[Situation], int]:
    random = np.random.default_rng(8)
    weight = random.integers(1, 50, 120).astype(float)
    made = [
        Situation(name, *planar(np.random.default_rng(8), 120, 14, closed), weight, chance)
        for name, closed, chance in (("畅通", 0.0, 6.0), ("梅雨", 0.3, 3.0), ("断桥", 0.6, 1.0))
    ]
    return made, 14


def test_each_objective_is_the_best_at_its_own(town):
    plans = {objective: robust_mclp(*town, objective=objective, p=4) for objective in OBJECTIVES[:3]}
    assert all(plan.plan.status == "optimal" for plan in plans.values())
    for other in plans.values():
        assert min(plans["worst"].covered) >= min(other.covered)
        assert plans["expected"].expected >= other.expected - 1e-9
        largest = {name: max(high for _, high in plan.regret) for name, plan in plans.items()}
        assert largest["regret"] <= max(high for _, high in other.regret)
    assert plans["expected"].price == pytest.approx((0.0, 0.0), abs=0.1)
    floor = min(plans["worst"].covered)
    mixed = robust_mclp(*town, objective="mix", floor=floor, p=4)
    assert mixed.expected == pytest.approx(plans["worst"].expected)
    refused = robust_mclp(*town, objective="mix", floor=floor + 1, p=4)
    assert refused.plan.status == "infeasible" and f"{floor:,.0f} 人" in refused.plan.note
    one = robust_mclp(town[0][:1], 14, p=4)
    assert (
        one.plan.objective
        == mclp(town[0][0].indptr, town[0][0].indices, town[0][0].weight, 25, p=4).objective
    )


def test_more_sites_and_fewer_situations_are_never_worse(town):
    made, n = town
    worst = [robust_mclp(made, n, p=p).plan.objective for p in (0, 2, 4)]
    assert worst == sorted(worst) and worst[0] == 0.0
    assert robust_mclp(made[:2], n, p=4).plan.objective >= worst[-1]


def test_the_order_of_situations_and_candidates_changes_names_only(town):
    made, n = town
    turn = np.random.default_rng(2).permutation(n)
    turned = [Situation(s.name, s.indptr, turn[s.indices], s.weight, s.probability) for s in made[::-1]]
    for objective in ("worst", "regret"):
        one, other = (robust_mclp(some, n, objective=objective, p=3) for some in (made, turned))
        assert (one.plan.objective, one.plan.bound) == (other.plan.objective, other.plan.bound)
        assert one.expected == pytest.approx(other.expected)


def test_a_short_time_gives_honest_intervals(town):
    exact = robust_mclp(*town, objective="regret", p=4)
    for seconds in (0.0, 0.2):
        found = robust_mclp(*town, objective="regret", p=4, time_limit_s=seconds)
        assert found.plan.bound <= exact.plan.objective <= found.plan.objective
        for low, best, high in zip(found.alone, exact.alone, found.alone_bound, strict=True):
            assert low <= best <= high
        assert (found.plan.status == "optimal") == (found.plan.bound == found.plan.objective)


def stop(*_: float) -> None:
    raise KeyboardInterrupt


def test_an_interruption_gives_the_best_so_far(town):
    exact, found = robust_mclp(*town, p=4), robust_mclp(*town, p=4, progress=stop)
    assert found.plan.bound >= exact.plan.objective and found.plan.sites
    assert found.plan.objective <= found.plan.bound


def test_nobody_and_nowhere():
    nobody = Situation("空", np.array([0]), np.array([], int), np.array([]))
    for objective in ("worst", "expected", "regret"):
        found = robust_mclp([nobody, nobody], 0, objective=objective, p=0)
        assert found.plan.status == "optimal" and found.plan.objective == 0.0 and found.plan.sites == ()
    shut = Situation("断", np.array([0, 1]), np.array([0]), np.array([4.0]))
    assert "禁选" in robust_mclp([shut], 1, p=1, forced=[0], forbidden=[0]).plan.note


@pytest.mark.parametrize(
    "wrong",
    [
        {"situations": []},
        {"objective": "best"},
        {"objective": "mix"},
        {"floor": 3.0},
        {"p": None},
        {"p": -1},
        {"forced": [7]},
        {"measure": "people"},
        {"rules": Rules(minimums=(Minimum("山区", np.array([0]), 0.5),))},
        {"rules": Rules(quotas=(Quota("山区", (9,)),))},
        {"cost": np.array([0.0]), "budget": 1.0, "p": None},
    ],
)
def test_what_cannot_be_asked_is_refused(wrong):
    shut = Situation("断", np.array([0, 1]), np.array([0]), np.array([4.0]))
    asked = {"situations": [shut], "p": 1} | wrong
    with pytest.raises(ValueError, match=r"\w"):
        robust_mclp(asked.pop("situations"), 1, **asked)
    with pytest.raises(ValueError, match="probabilities"):
        robust_mclp([Situation("断", shut.indptr, shut.indices, shut.weight, -1.0)], 1, p=1)


def test_sites_for_situations_without_probability_stay():
    """A floor holds in every situation; what serves only an unlikely one adds no expected residents."""
    reach = np.array([0, 1]), np.array([0]), np.array([4.0])
    likely, never = Situation("平日", *reach), Situation("暴雨", reach[0], np.array([1]), reach[2], 0.0)
    found = robust_mclp([likely, never], 2, objective="mix", floor=4.0, p=2)
    assert (found.plan.sites, found.plan.gains, found.covered) == ((0, 1), (4.0, 0.0), (4.0, 4.0))


def test_gains_sum_to_the_expected_residents():
    random = np.random.default_rng(3)
    made, n = case(random, n=5)
    made = [replace(each, probability=chance) for each, chance in zip(made, (0.2, 0.5, 0.3), strict=False)]
    found = robust_mclp(made, n, objective="expected", p=3)
    assert found.expected > 0 and math.fsum(found.plan.gains) == pytest.approx(found.expected)


def test_no_regret_with_fractional_residents_is_proven():
    only = Situation("平日", np.array([0, 2]), np.array([0, 1]), np.array([8.043112308726174]))
    found = robust_mclp([only], 2, objective="regret", measure="residents", p=1)
    assert (found.plan.status, found.plan.bound) == ("optimal", 0.0) and found.plan.gap <= 1e-6


def test_a_floor_asks_for_whole_residents():
    shut = Situation("断桥", np.array([0, 1]), np.array([0]), np.array([3.0]))
    found = robust_mclp([shut], 1, objective="mix", floor=0.4, measure="share", p=0)
    assert found.plan.status == "infeasible" and "断桥至少覆盖 2 人" in found.plan.note
