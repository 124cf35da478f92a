"""Fair covering against all subsets, and what must hold for every plan."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from boai.coverage.inequality import gini
from boai.coverage.siting import covered_weight, mclp
from boai.coverage.siting.fairness import fair_mclp, gini_of_shares
from boai.coverage.siting.rules import Minimum, Quota, Rules


def csr(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], np.int32)


def case(random: np.random.Generator) -> tuple:
    n, m, counties = int(random.integers(1, 7)), int(random.integers(0, 13)), int(random.integers(1, 5))
    rows = [random.choice(n, random.integers(0, min(n, 3) + 1)).tolist() for _ in range(m)]
    weight = random.integers(0, 10, m).astype(float)
    return *csr(rows), weight, n, random.integers(0, counties, m)


def shares_of(arrays, sites, size: int) -> tuple[np.ndarray, np.ndarray, float]:
    indptr, indices, weight, _, county = arrays
    total = np.bincount(county, weight, minlength=size).astype(float)
    covered = np.array([covered_weight(indptr, indices, weight * (county == c), sites) for c in range(size)])
    return covered / np.where(total > 0, total, 1.0), total, covered_weight(indptr, indices, weight, sites)


def compare(seed: int, objective: str, *, ruled: bool = False) -> None:
    random = np.random.default_rng(seed)
    arrays = case(random)
    indptr, indices, weight, n, county = arrays
    size = int(county.max(initial=-1)) + 1
    order = random.permutation(n).tolist()
    forced, forbidden = order[: seed % 2], order[n - seed % 3 :] if n > 3 and seed % 3 else []
    cost = random.integers(1, 5, n).astype(float) if seed % 4 == 0 else None
    limit = int(random.integers(0, n + 1)) if cost is None else int(random.integers(0, 9))
    floor = float(random.choice([0.0, 0.0, 0.3]))
    most = float(random.choice([0.0, 0.1, 0.2, 0.4, 1.0])) if objective == "gini" else None
    rules = None
    quotas: tuple[Quota, ...] = ()
    minimums: tuple[Minimum, ...] = ()
    if ruled:
        some = tuple(random.choice(n, (n + 1) // 2, replace=False).tolist())
        quotas = (Quota("山区", some, int(random.integers(0, 2)), int(random.integers(1, 3))),)
        minimums = (Minimum("山区居民", np.arange(len(weight) // 2), 0.4),) if seed % 2 else ()
        rules = Rules(quotas=quotas, minimums=minimums)

    def allowed(sites: set[int]) -> bool:
        spent = len(sites) if cost is None else cost[list(sites)].sum()
        good = spent <= limit and set(forced) <= sites and not sites & set(forbidden)
        for quota in quotas:
            good = good and quota.at_least <= len(sites & set(quota.candidates)) <= quota.at_most
        for minimum in minimums:
            own = weight * np.isin(np.arange(len(weight)), minimum.rows)
            good = good and covered_weight(indptr, indices, own, list(sites)) >= 0.4 * own.sum() - 1e-9
        return bool(good)

    way = {"p": limit} if cost is None else {"cost": cost, "budget": float(limit)}
    asked = {"forced": forced, "forbidden": forbidden, "rules": rules, **way}
    found = fair_mclp(
        indptr, indices, weight, n, group=county, objective=objective, gini_limit=most, floor=floor, **asked
    )
    low = shares_of(arrays, forced, size)[0]
    high, total, _ = shares_of(arrays, sorted(set(range(n)) - set(forbidden)), size)
    counted = (total > 0) & (high > low)
    assert list(found.counted) == counted.tolist()
    plans = [
        sites
        for sites in (set(some) for k in range(n + 1) for some in itertools.combinations(range(n), k))
        if allowed(sites)
    ]
    rated = [(shares_of(arrays, sorted(sites), size), sites) for sites in plans]
    plain = max((each[2] for each, _ in rated), default=None)
    rated = [(each, s) for each, s in rated if each[0][counted].min(initial=1.0) >= floor - 1e-12]
    if objective == "gini":
        rated = [(each, s) for each, s in rated if gini_of_shares(each[0], total) <= most + 1e-9]
    if not rated or (cost is None and limit > n - len(forbidden)):
        assert found.plan.status == "infeasible" and found.plan.note, (seed, found)
        return

    def fairness(each) -> list[float]:
        lowest = np.sort(each[0][counted]).round(9).tolist()
        return {"maxmin": lowest[:1], "lexicographic": lowest, "gini": []}[objective]

    best = max(fairness(each) for each, _ in rated)
    residents = max(each[2] for each, _ in rated if fairness(each) == best)
    assert found.plan.status == "optimal", (seed, found)
    assert allowed(set(found.plan.sites))
    share, _, covered = shares_of(arrays, list(found.plan.sites), size)
    assert fairness((share,)) == pytest.approx(best, abs=1e-7)
    assert found.plan.objective == covered == residents == found.plan.bound, (seed, found)
    assert np.array(found.share)[total > 0] == pytest.approx(share[total > 0])
    assert found.lowest == share[counted].min(initial=1.0)
    assert found.gini == pytest.approx(gini_of_shares(share, total)) and found.text
    assert found.plain == found.plain_bound == plain and found.price == (plain - covered, plain - covered)
    if objective != "gini":
        assert found.lowest_bound == pytest.approx(found.lowest, abs=1e-6)
    if objective == "lexicographic":
        assert [level.share for level in found.levels] == pytest.approx(best, abs=1e-7)


OBJECTIVES = ("maxmin", "lexicographic", "gini")


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_equals_brute_force(objective):
    for seed in range(10):
        compare(seed, objective)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_rules_equal_brute_force(objective):
    for seed in range(500, 504):
        compare(seed, objective, ruled=True)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_many_more_equal_brute_force(objective):
    for seed in range(1000, 1600):
        compare(seed, objective, ruled=seed % 3 == 0)


@pytest.fixture(scope="module")
def province() -> tuple:
    """Six counties on a plane; the last is reached by nobody."""
    random = np.random.default_rng(3)
    demand, candidate = random.random((90, 2)), random.random((14, 2))
    county = (demand[:, 0] * 3).astype(int) * 2 + (demand[:, 1] * 2).astype(int)
    near = (((demand[:, None] - candidate[None]) ** 2).sum(-1) <= 0.03) & (county != 5)[:, None]
    weight = random.integers(1, 60, 90).astype(float)
    return np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], weight, 14, county


def asked(province, **more):
    *arrays, county = province
    return fair_mclp(*arrays, group=county, **more)


def test_each_objective_is_the_best_at_its_own(province):
    plain = mclp(*province[:4], p=5)
    maxmin = asked(province, p=5)
    order = asked(province, p=5, objective="lexicographic")
    even = asked(province, p=5, objective="gini", gini_limit=maxmin.gini)
    for found in (maxmin, order, even):
        assert found.plan.status == "optimal" and found.plain == plain.objective
        assert found.plan.objective <= plain.objective and found.lowest <= maxmin.lowest
        share, total, covered = shares_of(province, list(found.plan.sites), 6)
        assert found.plan.objective == covered and found.gini == pytest.approx(gini(share, total))
        assert "1 个县" in found.plan.note and "第6组" in found.plan.note and not found.counted[5]
    some = list(maxmin.counted)
    assert np.sort(np.array(order.share)[some]).tolist() >= np.sort(np.array(maxmin.share)[some]).tolist()
    assert order.lowest == pytest.approx(maxmin.lowest) and len(order.levels) == sum(some)
    assert even.gini <= maxmin.gini + 1e-6 and even.plan.objective >= maxmin.plan.objective
    assert "最低的县" in maxmin.text and "公平的代价" in even.text


def test_no_limit_on_gini_is_the_plain_optimum_and_a_tighter_one_never_better(province):
    plain = mclp(*province[:4], p=4).objective
    covered = [asked(province, p=4, objective="gini", gini_limit=g).plan.objective for g in (1.0, 0.3, 0.15)]
    assert covered[0] == plain and covered == sorted(covered, reverse=True)


def test_fewer_sites_than_counties_leave_some_with_nothing_and_that_is_proven(province):
    found = asked(province, p=2)
    assert found.lowest == found.lowest_bound == 0.0 and found.plan.status == "optimal"
    assert found.plan.objective == mclp(*province[:4], p=2).objective
    order = asked(province, p=2, objective="lexicographic")
    assert sum(share > 0 for share in order.share) >= sum(share > 0 for share in found.share)


def test_a_floor_is_kept_or_refused_with_what_is_possible(province):
    free = asked(province, p=5)
    kept = asked(province, p=5, objective="gini", gini_limit=1.0, floor=free.lowest - 1e-9)
    assert kept.lowest >= free.lowest - 1e-8 and kept.plan.objective == free.plan.objective
    refused = asked(province, p=5, floor=min(1.0, free.lowest + 0.05))
    assert refused.plan.status == "infeasible" and f"{free.lowest:.1%}" in refused.plan.note


def test_the_order_of_rows_counties_and_candidates_changes_names_only(province):
    indptr, indices, weight, n, county = province
    random = np.random.default_rng(5)
    turn, row, other = random.permutation(n), random.permutation(len(weight)), random.permutation(6)
    rows = [turn[indices[indptr[r] : indptr[r + 1]]].tolist() for r in row]
    for objective in ("maxmin", "lexicographic"):
        one = asked(province, p=5, objective=objective)
        same = fair_mclp(*csr(rows), weight[row], n, group=other[county[row]], p=5, objective=objective)
        assert one.plan.objective == same.plan.objective and one.lowest == same.lowest
        assert sorted(one.share, key=str) == sorted(same.share, key=str)


def test_a_short_time_gives_honest_bounds(province):
    exact = asked(province, p=5)
    for seconds in (0.0, 0.3):
        for objective in OBJECTIVES:
            limit = {"gini_limit": 0.2} if objective == "gini" else {}
            found = asked(province, p=5, objective=objective, time_limit_s=seconds, **limit)
            if objective != "gini":
                assert found.lowest <= exact.lowest + 1e-9 <= found.lowest_bound + 1e-6
            if found.plan.sites:
                assert found.plan.objective <= found.plan.bound


def test_gini_is_the_formula_of_the_equity_tables():
    random = np.random.default_rng(9)
    for _ in range(300):
        size = int(random.integers(1, 9))
        share, total = random.random(size).round(1), random.integers(0, 5, size).astype(float)
        expected = gini(share, total)
        assert gini_of_shares(share, total) == pytest.approx(np.nan_to_num(expected), abs=1e-12)


def stop(*_: float) -> None:
    raise KeyboardInterrupt


def test_an_interruption_gives_the_best_so_far(province):
    exact, found = asked(province, p=5), asked(province, p=5, progress=stop)
    assert found.plan.bound >= exact.plan.objective and found.plan.sites
    assert found.plan.objective <= found.plan.bound


def test_nobody_and_nowhere():
    nothing = np.array([0]), np.array([], int), np.array([]), 0
    for objective in OBJECTIVES:
        limit = {"gini_limit": 0.5} if objective == "gini" else {}
        found = fair_mclp(*nothing, group=np.array([], int), p=0, objective=objective, **limit)
        assert found.plan.status == "optimal" and found.plan.objective == 0.0
        lost = fair_mclp(
            np.array([0, 0]),
            np.array([], int),
            np.array([5.0]),
            2,
            group=[0],
            p=2,
            objective=objective,
            **limit,
        )
        assert lost.plan.objective == 0.0 and "改变不了" in lost.plan.note
    both = fair_mclp(
        np.array([0, 1]), np.array([0]), np.array([5.0]), 1, group=[0], p=1, forced=[0], forbidden=[0]
    )
    assert both.plan.status == "infeasible" and "禁选" in both.plan.note


@pytest.mark.parametrize(
    "wrong",
    [
        {"group": [0, 0]},
        {"group": [-1]},
        {"group": [0.5]},
        {"group": [1], "names": ["章贡区"]},
        {"objective": "fair"},
        {"objective": "gini"},
        {"gini_limit": 0.2},
        {"objective": "gini", "gini_limit": 1.5},
        {"floor": 2.0},
        {"p": None},
        {"forced": [3]},
        {"rules": Rules(minimums=(Minimum("山区", np.array([4]), 0.5),))},
        {"rules": Rules(minimums=(Minimum("山区", np.array([0]), 1.5),))},
    ],
)
def test_what_cannot_be_asked_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        fair_mclp(np.array([0, 1]), np.array([0]), np.array([5.0]), 1, **({"group": [0], "p": 1} | wrong))


def test_billions_of_whole_residents_are_proven_to_a_share():
    """Beyond some 5e8 a bound is not exact to 1; it still proves what lies within a millionth."""
    rules = Rules(quotas=(Quota("甲县", (0, 1), at_most=1),))
    weight = np.array([7_430_900_000.0, 9_205_300_000.0])
    found = fair_mclp(np.array([0, 1, 1]), np.array([0]), weight, 2, group=[0, 0], p=1, rules=rules)
    assert (found.plan.objective, found.plan.status) == (7_430_900_000.0, "optimal")
    asked = {"group": [0, 0], "objective": "gini", "gini_limit": 0.5, "rules": rules}
    nobody = fair_mclp(np.array([0, 1]), np.array([0]), np.array([0.37]), 2, group=[0], p=0, rules=rules)
    assert (nobody.plan.objective, nobody.plan.bound, nobody.plan.status) == (0.0, 0.0, "optimal")
    assert fair_mclp(np.array([0, 1, 1]), np.array([0]), weight, 2, p=1, **asked).plan.status == "optimal"
