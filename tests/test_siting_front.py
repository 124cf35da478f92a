"""The front of cost and cover against all subsets of candidates, and what an interrupted one says."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from boai.coverage.siting import front as module
from boai.coverage.siting.front import check_front, cover_cost_front
from boai.coverage.siting.front_points import in_units, supported
from boai.coverage.siting.rules import Quota, Rules
from examples import many
from siting_cover_cases import Case, all_plans, random_case


def truth(case: Case, cost: np.ndarray | None, most: float) -> list[tuple[float, float]]:
    """All nondominated pairs of cost and cover, from all subsets."""
    opened, count = all_plans(case, p=None)
    spent = opened.sum(1) if cost is None else (opened @ cost).round(6)
    cover = (count > 0) @ case.weight
    best: dict[float, float] = {}
    for c, f in zip(spent.tolist(), cover.tolist(), strict=True):
        if c <= most + 1e-9:
            best[c] = max(f, best.get(c, -1.0))
    points: list[tuple[float, float]] = []
    for c in sorted(best):
        if not points or best[c] > points[-1][1] + 1e-6 * max(1.0, case.weight.sum()):
            points.append((c, best[c]))
    return points


def compare(seed: int, wishes: str) -> None:
    random = np.random.default_rng(seed)
    case = random_case(random, most=8, wishes=wishes)
    kind = seed % 5
    cost = [None, case.cost, random.integers(0, 4, case.n) * 1.0, np.full(case.n, 2.5), case.cost * 0.01][
        kind
    ]
    most = (
        None if seed % 3 else float(random.integers(0, 12) if cost is None else cost.sum() * random.random())
    )
    largest = float(case.n if cost is None else cost.sum()) if most is None else most
    options = case.options | {"cost": cost}
    front = cover_cost_front(*case.arrays, most=most, **options)
    found = [(point.cost, point.cover) for point in front.points]
    right = truth(case, cost, largest)
    assert len(found) == len(right), (seed, found, right, front.note)
    assert np.allclose(np.array(found), np.array(right), rtol=1e-6, atol=1e-6), (seed, found, right)
    assert front.complete and not front.missing and all(point.proven for point in front.points)
    assert found or front.note
    assert check_front(*case.arrays, front, **options) == ()
    opened, _ = all_plans(case, p=None)
    for point in front.points:
        assert (opened == np.isin(np.arange(case.n), point.sites)).all(1).any(), (seed, point)
    assert weighted(found) <= {at for at, point in enumerate(front.points) if point.supported}


def weighted(points: list[tuple[float, float]]) -> set[int]:
    """The points that are best for some weighted sum, by trying all weights at which two are as good."""
    slopes = [0.0, 1e9]
    for c0, f0 in points:
        slopes += [(f - f0) / (c - c0) for c, f in points if c > c0]
    slopes = sorted(slopes)
    between = [(a + b) / 2 for a, b in pairwise(slopes)]
    return {int(np.argmax([f - slope * c for c, f in points])) for slope in between if points}


@pytest.mark.parametrize("seed", range(many(120)))
def test_equals_all_subsets(seed: int) -> None:
    compare(seed, "")


@pytest.mark.parametrize("seed", range(many(100)))
def test_equals_all_subsets_with_rules(seed: int) -> None:
    compare(seed, "qbmxe")


def interrupted(case: Case, cost: np.ndarray | None, after: int, monkeypatch: pytest.MonkeyPatch):
    """The front of a search that Ctrl-C ends when so many budgets are solved."""
    left = iter(range(after))
    real = module.cover.mclp

    def stopping(*arrays, **options):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(*arrays, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module.cover, "mclp", stopping)
        return cover_cost_front(*case.arrays, cost=cost, **case.options)


@pytest.mark.parametrize("seed", range(many(40)))
def test_interrupted_front_says_where_plans_may_be_missing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(seed)
    case = random_case(random, most=8, wishes="qx" if seed % 2 else "")
    cost = None if seed % 3 == 0 else case.cost
    right = truth(case, cost, np.inf)
    for after in range(6):
        front = interrupted(case, cost, after, monkeypatch)
        listed = {(round(point.cost, 6), round(point.cover, 6)) for point in front.points}
        assert not front.complete or len(listed) == len(right)
        assert front.complete or front.note
        for point in front.points:
            is_right = any(np.allclose((point.cost, point.cover), one, atol=1e-6) for one in right)
            assert is_right or not point.proven, (seed, after, point, right)
        for c, f in right:
            here = any(np.allclose((c, f), one, atol=1e-6) for one in listed)
            told = any(
                one.cost_from - 1e-6 <= c <= one.cost_to + 1e-6
                and one.cover_above < f + 1e-6
                and f <= one.cover_at_most + 1e-6
                for one in front.missing
            )
            assert here or told, (seed, after, (c, f), front)


def test_time_limit_of_nothing_leaves_one_interval() -> None:
    case = random_case(np.random.default_rng(5), most=8, wishes="")
    front = cover_cost_front(*case.arrays, **case.options, time_limit_s=0.0)
    assert not front.complete and front.points == () and len(front.missing) == 1
    assert front.missing[0].cost_to == case.n - len(case.forbidden) and "未列出" in front.note


def test_costs_are_whole_multiples_of_a_unit() -> None:
    numbers, unit = in_units(np.array([0.1, 0.25, 3.0]))
    assert numbers.tolist() == [2, 5, 60] and unit == pytest.approx(0.05)
    assert in_units(np.zeros(2))[0].tolist() == [0, 0]
    for wrong in ([1 / 3], [-1.0], [np.nan], [np.inf], [1e12 + 0.123456, 1e12]):
        with pytest.raises(ValueError, match="costs"):
            in_units(wrong)


def test_what_cannot_be_asked_is_refused() -> None:
    arrays = np.array([0, 1]), np.array([0]), np.array([1]), 1
    for wrong in ({"most": -1}, {"most": float("nan")}, {"cost": np.array([1.0, 2.0])}, {"forced": (3,)}):
        with pytest.raises(ValueError):
            cover_cost_front(*arrays, **wrong)


def test_rules_without_a_plan_are_told() -> None:
    arrays = np.array([0, 1, 2]), np.array([0, 1]), np.array([5, 3]), 2
    rules = Rules(quotas=(Quota("甲市", (0, 1), at_least=2),), exclusive=((0, 1),))
    front = cover_cost_front(*arrays, rules=rules)
    assert front.complete and front.points == () and "甲市" in front.note
    needs = Rules(quotas=(Quota("甲市", (0, 1), at_least=2),))
    front = cover_cost_front(*arrays, rules=needs, cost=np.array([4.0, 4.0]), most=5)
    assert front.points == () and "至少需要 8, 超出 4" in front.note


def test_a_nonconvex_point_is_marked_as_not_supported() -> None:
    rows = [[0], [1], [2], [2]]
    arrays = np.cumsum([0, *map(len, rows)]), np.concatenate(rows), np.array([4, 3, 6, 5]), 3
    front = cover_cost_front(*arrays, cost=np.array([2.0, 2.0, 3.0]))
    assert [(p.cost, p.cover, p.supported) for p in front.points] == [
        (0, 0, True), (2, 4, False), (3, 11, True), (5, 15, True), (7, 18, True),
    ]  # fmt: skip
    assert supported([]) == () and supported([(1, 1)]) == (True,)
    assert supported([(0, 0), (1, 1), (2, 2)]) == (True, True, True)


def test_progress_and_tampering() -> None:
    case = random_case(np.random.default_rng(8), most=8, wishes="")
    told: list[tuple[int, int, float]] = []
    front = cover_cost_front(*case.arrays, **case.options, progress=lambda *some: told.append(some))
    assert told[-1][:2] == (len(front.points), 0) and len(told) == len(front.proofs)
    first, *others = front.points
    wrong = replace(front, points=(replace(first, cover=first.cover + 1.0), *others))
    assert check_front(*case.arrays, wrong, **case.options)
    lost = replace(front, proofs=())
    assert check_front(*case.arrays, lost, **case.options)
