"""Break-even of a site against all subsets at many factors."""

from __future__ import annotations

import numpy as np
import pytest
from boai.coverage.siting import mclp
from boai.coverage.siting.break_even import break_even
from examples import many
from siting_cover_cases import all_plans, random_case


@pytest.mark.parametrize("seed", range(many(120)))
def test_equals_all_subsets(seed: int) -> None:
    random = np.random.default_rng(seed)
    case = random_case(random, most=7, wishes="qx" if seed % 3 == 0 else "")
    free = sorted(set(range(case.n)) - set(case.forced) - set(case.forbidden) - set(case.rules.existing))
    opened, count = all_plans(case, p=case.p)
    plan = mclp(*case.arrays, p=case.p, **case.options)
    chosen = [site for site in plan.sites if site in free]
    if not chosen or not len(opened):
        return
    site = chosen[0]
    found = break_even(*case.arrays, site, p=case.p, **case.options)
    inside = np.array([site in row for row in case.rows])
    reached = count > 0
    has = opened[:, site] > 0

    def margin(factor: float) -> float:
        """Best with the site less best without it."""
        value = reached @ np.where(inside, factor * case.weight, case.weight)
        return value[has].max(initial=-np.inf) - value[~has].max(initial=-np.inf)

    scale = max(1.0, case.weight.sum())
    assert found.factor <= 1.0 + 1e-6 and margin(found.factor) >= -1e-5 * scale, (seed, found)
    for factor in np.linspace(found.factor, 1.5, 7):
        assert margin(factor) >= -1e-5 * scale
    if found.factor > 1e-3:
        assert margin(found.factor - 1e-3) < 0, (seed, found)
        assert found.instead and site not in found.instead
    else:
        assert margin(0.0) >= -1e-3 * scale
    assert found.needed == has.all()
    if not found.needed:
        assert found.loss == pytest.approx(margin(1.0), abs=1e-5 * scale)
    assert found.proven and found.verified
    best_without = (reached @ case.weight)[~has].max(initial=-np.inf)
    small = opened.sum(1)
    fits = [
        k for k in range(1, case.p + 1)
        if (kept := (reached @ case.weight)[has & (small <= case.p - k + 1)]).size
        and kept.max() >= best_without - 1e-5 * scale
    ]  # fmt: skip
    assert found.places == max(fits, default=0), (seed, found, fits)


def test_a_site_that_the_best_plan_lacks() -> None:
    arrays = np.array([0, 1, 2]), np.array([0, 1]), np.array([3, 6]), 2
    found = break_even(*arrays, 0, p=1)
    assert found.factor == pytest.approx(2.0) and found.loss == -3 and found.places == 0
    with pytest.raises(ValueError, match="neither forced"):
        break_even(*arrays, 0, p=1, forced=(0,))
    with pytest.raises(ValueError, match="candidate"):
        break_even(*arrays, 2, p=1)
