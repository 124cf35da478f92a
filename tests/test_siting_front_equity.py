"""The front of cover and the worst county's share against all subsets of candidates."""

from __future__ import annotations

import numpy as np
import pytest
from boai.coverage.siting import front_equity as module
from boai.coverage.siting.fairness import gini_of_shares
from boai.coverage.siting.front_equity import EquityFront, cover_equity_front
from boai.coverage.siting.rules import Quota, Rules
from examples import many
from siting_cover_cases import Case, all_plans, random_case


def truth(case: Case, group: np.ndarray, front: EquityFront, p: int) -> list[tuple[float, float]]:
    """All nondominated pairs of lowest share and cover."""
    _, count = all_plans(case, p=p)
    reached = (count > 0) * case.weight
    size = len(front.names)
    total = np.bincount(group, case.weight, minlength=size)
    share = np.array([np.bincount(group, row, minlength=size) for row in reached]).reshape(len(reached), size)
    share = share / np.where(total > 0, total, 1.0)
    counted = np.array(front.counted, bool)
    lowest, cover = share[:, counted].min(1, initial=1.0), reached.sum(1)
    pairs = sorted(set(zip(lowest.round(9).tolist(), cover.round(9).tolist(), strict=True)))
    return [
        (m, f) for m, f in pairs
        if not any((a >= m and b > f + 1e-6) or (a > m + 1e-6 and b >= f - 1e-6) for a, b in pairs)
    ]  # fmt: skip


def drawn(seed: int) -> tuple[Case, np.ndarray, int]:
    random = np.random.default_rng(seed)
    case = random_case(random, most=7, wishes="qbxe" if seed % 2 else "")
    group = random.integers(0, int(random.integers(1, 5)), len(case.weight))
    return case, group, case.p


@pytest.mark.parametrize("seed", range(many(100)))
def test_equals_all_subsets(seed: int) -> None:
    case, group, p = drawn(seed)
    front = cover_equity_front(*case.arrays, group=group, p=p, **case.options)
    right = truth(case, group, front, p)
    found = [(point.lowest, point.cover) for point in front.points]
    assert len(found) == len(right), (seed, found, right, front.note)
    assert np.allclose(np.array(found), np.array(right), atol=1e-6), (seed, found, right)
    assert front.complete and front.missing == () and (found or front.note)
    assert all(point.proven for point in front.points)
    total = np.bincount(group, case.weight, minlength=len(front.names))
    for point in front.points:
        share = np.nan_to_num(np.array(point.share))
        assert point.gini == pytest.approx(gini_of_shares(share, total))
        opened, _ = all_plans(case, p=p)
        assert (opened == np.isin(np.arange(case.n), point.plan.sites)).all(1).any()


@pytest.mark.parametrize("seed", range(many(24)))
def test_an_interrupted_front_says_what_may_be_missing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case, group, p = drawn(seed)
    real = module.solve_stage
    for after in range(4):
        left = iter(range(after))

        def stopping(*some, left=left, **options):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return real(*some, **options)

        with monkeypatch.context() as patch:
            patch.setattr(module, "solve_stage", stopping)
            front = cover_equity_front(*case.arrays, group=group, p=p, **case.options)
        right = truth(case, group, front, p)
        listed = [(point.lowest, point.cover) for point in front.points]
        assert front.complete == (not front.missing)
        for m, f in right:
            here = any(np.allclose((m, f), one, atol=1e-6) for one in listed)
            told = any(
                one.lowest_above - 1e-9 <= m <= one.lowest_to + 1e-9 and f <= one.cover_at_most + 1e-6
                for one in front.missing
            )
            assert here or told, (seed, after, (m, f), front)
        assert all(
            any(np.allclose((point.lowest, point.cover), one, atol=1e-6) for one in right)
            for point in front.points
            if point.proven
        )


def test_groups_without_residents_and_no_plan() -> None:
    arrays = np.array([0, 1, 2]), np.array([0, 1]), np.array([4, 0]), 2
    front = cover_equity_front(*arrays, group=np.array([0, 2]), p=1, names=["甲县", "乙县", "丙县"])
    assert [(point.lowest, point.cover) for point in front.points] == [(1.0, 4.0)]
    assert front.counted == (True, False, False) and np.isnan(front.points[0].share[1])
    rules = Rules(quotas=(Quota("甲市", (0, 1), at_least=2),))
    front = cover_equity_front(*arrays, group=np.array([0, 0]), p=1, rules=rules)
    assert front.points == () and "甲市" in front.note and front.complete


def test_no_time() -> None:
    arrays = np.array([0, 1, 2]), np.array([0, 1]), np.array([4, 3]), 2
    front = cover_equity_front(*arrays, group=np.array([0, 1]), p=1, time_limit_s=0.0)
    assert not front.complete and front.missing[0].cover_at_most == 7 and "未列出" in front.note
