"""Phased covering against all assignments of candidates to years, and what must hold for every plan."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from boai.coverage.siting import covered_weight, mclp, phases_ruled, phases_search
from boai.coverage.siting.phases import Phase, phased_mclp
from boai.coverage.siting.phases_program import problems_of, timetable
from boai.coverage.siting.reduce import cover_matrix
from boai.coverage.siting.rules import Budget, Minimum, Quota, Rules, broken


def csr(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], np.int32)


def case(random: np.random.Generator, *, fractional: bool = False) -> tuple:
    n, years, m = int(random.integers(1, 6)), int(random.integers(1, 4)), int(random.integers(0, 10))
    rows = [random.choice(n, random.integers(0, min(n, 3) + 1)).tolist() for _ in range(m)]
    weight = random.integers(0, 10, (years, m)).astype(float)
    weight = weight * random.random(weight.shape) if fractional else weight
    return *csr(rows), weight, n


def schedules(n: int, years: int, existing: tuple[int, ...] = (), moves: int = 0):
    """All states (T, n): a new site opens in some year or never; an existing one closes in some or never."""
    ways = [range(years + 1) if j not in existing or moves else (years,) for j in range(n)]
    for years_of in itertools.product(*ways):
        when = np.array(years_of)
        state = np.arange(years)[:, None] >= when
        old = np.isin(np.arange(n), existing)
        yield np.where(old, ~state, state)


def brute(arrays, years, *, cost=None, forced=(), forbidden=(), rules=None, carry=False):
    """The best value of all schedules, and of the schedules that are best year by year; None: infeasible."""
    indptr, indices, weight, n = arrays
    asked = Rules() if rules is None else rules
    table = timetable(
        cover_matrix(indptr, indices, n),
        weight[0],
        years,
        cost=cost,
        forced=forced,
        forbidden=forbidden,
        rules=asked,
        carry=carry,
    )
    best, order = None, None
    for state in schedules(n, len(years), asked.existing, asked.relocations):
        if problems_of(table, state) or not rules_hold(arrays, asked, state):
            continue
        covered = [
            covered_weight(indptr, indices, w, np.flatnonzero(z)) for w, z in zip(weight, state, strict=True)
        ]
        value = sum(year.value * c for year, c in zip(years, covered, strict=True))
        best = value if best is None else max(best, value)
        order = covered if order is None else max(order, covered)
    return best, order


def rules_hold(arrays, rules: Rules, state: np.ndarray) -> bool:
    indptr, indices, weight, _ = arrays
    last, moves = len(state) - 1, bool(rules.existing and rules.relocations)
    if rules.existing and (~state[-1, list(rules.existing)]).sum() > rules.relocations:
        return False
    for year, opened in enumerate(state):
        if year < last and not moves:
            continue
        for quota in rules.quotas:
            count = opened[list(quota.candidates)].sum()
            if (year == last and count < quota.at_least) or count > (quota.at_most or np.inf):
                return False
        if any(opened[list(group)].sum() > 1 for group in rules.exclusive):
            return False
        if any(opened @ budget.cost > budget.limit for budget in rules.budgets):
            return False
    for minimum in rules.minimums:
        own = np.isin(np.arange(len(weight[-1])), minimum.rows) * weight[-1]
        if covered_weight(indptr, indices, own, np.flatnonzero(state[-1])) < minimum.share * own.sum() - 1e-9:
            return False
    return True


def check(found, arrays, years, **asked) -> None:
    """Compare with brute force; recompute every figure."""
    indptr, indices, weight, _ = arrays
    best, order = brute(arrays, years, **asked)
    if best is None:
        assert found.plan.status == "infeasible" and found.plan.note and found.look_ahead is None
        return
    assert found.plan.status == "optimal"
    assert found.plan.objective == pytest.approx(best, abs=1e-6 * max(1.0, best))
    assert found.plan.bound >= found.plan.objective - 1e-9
    existing = asked["rules"].existing if "rules" in asked else ()
    for plan in (found.look_ahead, found.myopic, found.final_first):
        if plan is None:
            continue
        open_ = set(existing)
        for year, (fresh, gone) in enumerate(zip(plan.opened, plan.closed, strict=True)):
            open_ = (open_ | set(fresh)) - set(gone)
            assert plan.covered[year] == covered_weight(indptr, indices, weight[year], sorted(open_))
            assert plan.bounds[year] >= plan.covered[year]
        assert plan.value <= found.look_ahead.value + 1e-9
    assert found.look_ahead.value == pytest.approx(found.plan.objective)
    assert found.plan.sites == tuple(site for year in found.look_ahead.opened for site in year)
    assert found.myopic.covered[0] == pytest.approx(order[0])


def with_weights(weight, **given):
    return [
        Phase(f"{2027 + t}年", weight=w, **{k: v[t] for k, v in given.items()}) for t, w in enumerate(weight)
    ]


def compare_numbers(seed: int) -> None:
    random = np.random.default_rng(seed)
    arrays = case(random, fractional=seed % 3 == 0)
    years = len(arrays[2])
    value = random.choice([0.0, 0.5, 1.0, 2.0], years) if seed % 3 == 0 else random.integers(0, 4, years)
    phases = with_weights(arrays[2], number=random.integers(0, 3, years).tolist(), value=value.tolist())
    order = random.permutation(arrays[3]).tolist()
    asked = {
        "carry": bool(seed % 2),
        "forbidden": order[: seed % 2],
        "forced": order[-1:] if seed % 5 == 0 else [],
    }
    if sum(year.number for year in phases) > arrays[3] - len(asked["forbidden"]):
        assert phased_mclp(arrays[0], arrays[1], arrays[2][0], arrays[3], years=phases, **asked).plan.note
        return
    found = phased_mclp(arrays[0], arrays[1], arrays[2][0], arrays[3], years=phases, **asked)
    check(found, arrays, phases, **asked)


def compare_budgets(seed: int) -> None:
    random = np.random.default_rng(1000 + seed)
    arrays = case(random)
    years, n = len(arrays[2]), arrays[3]
    phases = with_weights(arrays[2], budget=random.integers(0, 7, years).astype(float).tolist())
    asked = {"cost": random.integers(1, 6, n).astype(float), "carry": bool(seed % 2)}
    found = phased_mclp(arrays[0], arrays[1], arrays[2][0], n, years=phases, **asked)
    check(found, arrays, phases, **asked)


def compare_rules(seed: int) -> None:
    """Quotas of a year and of the end, exclusions, budgets, minimums, existing sites that stay or move."""
    random = np.random.default_rng(5000 + seed)
    arrays = case(random)
    indptr, indices, weight, n = arrays
    years, m = weight.shape
    half = tuple(random.choice(n, (n + 1) // 2, replace=False).tolist())
    some = random.random(6) < 0.35
    existing = tuple(random.choice(n, min(n, int(random.integers(1, 3))), replace=False).tolist())
    rules = Rules(
        quotas=(Quota("赣州市", half, int(random.integers(0, 2)), 2),) if some[0] else (),
        budgets=(Budget("人员", random.integers(0, 4, n).astype(float), 5.0),) if some[1] else (),
        minimums=(Minimum("章贡区", np.arange(m // 2), 0.5),) if some[2] and m else (),
        exclusive=(half[:2],) if some[3] else (),
        existing=existing if some[4] else (),
        relocations=int(random.integers(0, 2)),
    )
    number = random.integers(0, 3, years)
    quotas = [(Quota("山区", half, int(random.integers(0, 2)), 1),) if some[5] else ()] + [()] * (years - 1)
    forced = [(int(random.integers(n)),) if random.random() < 0.2 else ()] + [()] * (years - 1)
    phases = with_weights(weight, number=number.tolist(), quotas=quotas, forced=forced)
    asked = {"rules": rules, "carry": bool(seed % 2)}
    if number.sum() > n - len(rules.existing):
        return
    found = phased_mclp(indptr, indices, weight[0], n, years=phases, **asked)
    check(found, arrays, phases, **asked)


MODELS = (compare_numbers, compare_budgets, compare_rules)


@pytest.mark.parametrize("model", MODELS)
def test_equals_brute_force(model):
    for seed in range(16):
        model(seed)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_many_more_equal_brute_force(model):
    for seed in range(16, 416):
        model(seed)


@pytest.fixture(scope="module")
def town() -> tuple:
    random = np.random.default_rng(6)
    demand, candidate = random.random((150, 2)), random.random((16, 2))
    near = ((demand[:, None] - candidate[None]) ** 2).sum(-1) <= 0.05
    weight = random.integers(1, 40, 150).astype(float)
    return np.r_[0, np.cumsum(near.sum(1))], np.nonzero(near)[1], weight, 16


def three(number: int = 1, **given) -> list[Phase]:
    return [Phase(f"{2027 + t}年", number=number, **given) for t in range(3)]


def ruled(seed: int) -> tuple:
    """Up to six candidates in two groups with quotas, exclusive pairs, existing sites, up to three years."""
    random = np.random.default_rng(seed)
    n, years, m = int(random.integers(2, 7)), int(random.integers(1, 4)), int(random.integers(1, 10))
    rows = [random.choice(n, random.integers(0, min(n, 3) + 1), replace=False).tolist() for _ in range(m)]
    first, weight = int(random.integers(1, n)), random.integers(0, 10, m).astype(float)
    places, most = random.permutation(n).tolist(), int(random.integers(1, 3))
    quotas = (
        Quota(
            "甲", tuple(places[:first]), int(random.integers(0, 3)), most if random.random() < 0.6 else None
        ),
        Quota("乙", tuple(places[first:]), int(random.integers(0, 2))),
    )
    pair = tuple(random.choice(n, 2, replace=False).tolist())
    exclusive = (pair,) if random.random() < 0.5 else ()
    existing = (int(random.integers(0, n)),) if random.random() < 0.4 else ()
    rules = Rules(quotas=quotas, exclusive=exclusive, existing=existing)
    phases = [Phase(str(year), number=int(random.integers(0, 3))) for year in range(years)]
    return csr(rows), weight, n, rules, phases, bool(random.random() < 0.3)


def is_right_under_quotas(seed: int) -> bool:
    """Hold the way year by year against all schedules; tell whether there was anything to find."""
    arrays, weight, n, rules, years, carry = ruled(seed)
    best, order = brute((*arrays, np.array([weight] * len(years)), n), years, rules=rules, carry=carry)
    found = phased_mclp(*arrays, weight, n, years=years, rules=rules, carry=carry)
    if found.plan.status == "infeasible":
        assert best is None or "各年共要求" in found.plan.note
        return False
    assert found.plan.objective <= best <= found.plan.bound + 1e-6
    assert found.plan.status == "feasible" or found.plan.objective == best
    assert found.myopic.covered[0] == order[0]
    for schedule in (found.look_ahead, found.myopic, found.final_first):
        if schedule is not None:
            opened = [*rules.existing, *itertools.chain(*schedule.opened)]
            assert not broken(rules, opened)
    return found.plan.status == "optimal"


def test_large_requests_under_quotas_are_answered_year_by_year(monkeypatch):
    """The way for thousands of candidates, taken for a few."""
    monkeypatch.setattr(phases_ruled, "MANY", 0)
    assert sum(is_right_under_quotas(seed) for seed in range(16)) > 5


@pytest.mark.slow
def test_many_more_are_answered_year_by_year(monkeypatch):
    monkeypatch.setattr(phases_ruled, "MANY", 0)
    assert sum(is_right_under_quotas(seed) for seed in range(16, 200)) > 70


def test_many_sites_are_put_in_order_as_few_are(monkeypatch):
    """The order to an end state by ascent is never better than the program's, and seldom worse."""
    equal = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        rows = [random.choice(8, random.integers(1, 4), replace=False).tolist() for _ in range(14)]
        weight = random.integers(0, 10, 14).astype(float)
        years = [Phase(str(year), number=2) for year in range(3)]
        values = []
        for few in (400, 0):
            monkeypatch.setattr(phases_search, "_FEW", few)
            values.append(phased_mclp(*csr(rows), weight, 8, years=years).final_first.value)
        assert values[1] <= values[0]
        equal += values[1] == values[0]
    assert equal >= 10


def test_no_existing_site_is_given_up_for_nothing():
    """Both old sites could close at no loss, but nothing needs their numbers."""
    rules = Rules(existing=(0, 1), relocations=2)
    arrays = csr([[0, 1, 2]]), np.array([5.0]), 3
    found = phased_mclp(*arrays[0], arrays[1], 3, years=[Phase("一", number=1)], rules=rules)
    assert found.look_ahead.closed == ((),) and found.plan.objective == 5.0


def test_planning_ahead_is_never_worse_and_the_end_is_never_better_than_alone(town):
    found = phased_mclp(*town, years=three())
    assert found.plan.status == "optimal" and found.look_ahead.value >= found.myopic.value
    assert found.myopic.covered[0] == mclp(*town, p=1).objective
    for year, covered in enumerate(found.look_ahead.covered):
        assert covered <= mclp(*town, p=year + 1).bound <= found.look_ahead.bounds[year] + 1e-9
    assert found.text and "证明" in found.text
    assert sum(found.plan.gains) == pytest.approx(found.plan.objective)
    one = phased_mclp(*town, years=three()[:1])
    assert one.plan.objective == mclp(*town, p=1).objective and one.plan.sites == mclp(*town, p=1).sites


def test_only_the_end_counts_where_only_it_has_value(town):
    years = [Phase("2027年", number=2, value=0.0), Phase("2028年", number=1)]
    assert phased_mclp(*town, years=years).plan.objective == mclp(*town, p=3).objective


def test_looser_is_never_worse(town):
    less, more = (phased_mclp(*town, years=three(number)).plan.objective for number in (1, 2))
    quota = Rules(quotas=(Quota("山区", tuple(range(8)), at_least=2),))
    ruled = phased_mclp(*town, years=three(), rules=quota)
    assert ruled.plan.objective <= less <= more and ruled.plan.status == "optimal"
    cost = np.random.default_rng(1).integers(1, 5, 16).astype(float)
    paid = [Phase(f"{2027 + t}年", budget=4.0) for t in range(3)]
    strict, carried = (
        phased_mclp(*town, years=paid, cost=cost, carry=c).plan.objective for c in (False, True)
    )
    assert strict <= carried


def test_existing_sites_stay_or_move(town):
    best = mclp(*town, p=1).sites[0]
    poor = min(range(16), key=lambda j: covered_weight(*town[:3], [j]))
    stay = phased_mclp(*town, years=three(), rules=Rules(existing=(poor,)))
    move = phased_mclp(*town, years=three(), rules=Rules(existing=(poor,), relocations=1))
    assert move.plan.objective >= stay.plan.objective
    assert move.look_ahead.closed[0] == (poor,) and len(move.look_ahead.opened[0]) == 2
    assert best not in stay.plan.sites or poor != best
    assert all(poor not in year for year in stay.look_ahead.opened)


def test_the_order_of_rows_and_candidates_changes_names_only(town):
    indptr, indices, weight, n = town
    random = np.random.default_rng(4)
    turn, row = random.permutation(n), random.permutation(len(weight))
    rows = [turn[indices[indptr[r] : indptr[r + 1]]].tolist() for r in row]
    other = phased_mclp(*csr(rows), weight[row], n, years=three())
    one = phased_mclp(*town, years=three())
    assert (one.plan.objective, one.plan.bound) == (other.plan.objective, other.plan.bound)


def test_a_short_time_gives_honest_bounds(town):
    exact = phased_mclp(*town, years=three(2)).plan.objective
    for seconds in (0.0, 0.1):
        found = phased_mclp(*town, years=three(2), time_limit_s=seconds)
        assert found.plan.objective <= exact <= found.plan.bound
        assert (found.plan.status == "optimal") == (found.plan.objective == found.plan.bound)


def test_what_contradicts_itself_is_told(town):
    def told(**asked) -> str:
        found = phased_mclp(*town, years=asked.pop("years", three()), **asked)
        assert found.plan.status == "infeasible" and found.look_ahead is None and found.myopic is None
        return found.plan.note

    assert "禁选" in told(forced=[1], forbidden=[1])
    assert "必选点有 2 个" in told(
        years=[Phase("2027年", number=1, forced=(1, 2)), Phase("2028年", number=1)]
    )
    assert "只有 16 个" in told(years=three(6))
    assert "超出" in told(years=[Phase("2027年", budget=1.0, forced=(2,))], cost=np.full(16, 2.0))
    assert told(rules=Rules(quotas=(Quota("山区", (0, 1, 2, 3), at_least=4),)))


def stop(*_: float) -> None:
    raise KeyboardInterrupt


def test_an_interruption_gives_the_best_so_far(town):
    exact, found = phased_mclp(*town, years=three(2)), phased_mclp(*town, years=three(2), progress=stop)
    assert found.plan.bound >= exact.plan.objective and found.plan.sites
    assert found.plan.objective <= found.plan.bound


def test_nobody_and_nowhere():
    nothing = phased_mclp(np.array([0]), np.array([], int), np.array([]), 0, years=three(0))
    assert nothing.plan.status == "optimal" and nothing.plan.objective == 0.0
    lost = phased_mclp(np.array([0, 0]), np.array([], int), np.array([5.0]), 3, years=three(1))
    assert lost.plan.objective == lost.plan.bound == 0.0 and lost.look_ahead.covered == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"years": []},
        {"years": [Phase("2027年")]},
        {"years": [Phase("2027年", number=-1)]},
        {"years": [Phase("2027年", number=1), Phase("2028年", budget=1.0)]},
        {"years": [Phase("2027年", budget=1.0)]},
        {"years": [Phase("2027年", number=1, value=-1.0)]},
        {"years": [Phase("2027年", number=1, weight=[1.0, 2.0])]},
        {"years": [Phase("2027年", number=1, forced=(5,))]},
        {"years": [Phase("2027年", number=1, quotas=(Quota("山区", (5,)),))]},
        {"cost": [1.0]},
        {"forced": [5]},
        {"rules": Rules(existing=(5,))},
        {"rules": Rules(budgets=(Budget("人员", np.array([-1.0]), 1.0),))},
    ],
)
def test_what_cannot_be_asked_is_refused(wrong):
    asked = {"years": [Phase("2027年", number=1)]} | wrong
    with pytest.raises(ValueError, match=r"\w"):
        phased_mclp(np.array([0, 1]), np.array([0]), np.array([5.0]), 1, **asked)
