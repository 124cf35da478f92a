"""Points of a Pareto front, what may be missing between them, and which of them weighted sums find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

import numpy as np
from numpy.typing import ArrayLike

from .plan import OPTIMAL_GAP, Plan
from .reduce import Floats, Positions
from .requests import is_whole

_DECIMALS = 6
"""Decimals that a cost may have: their sums are then exact whole multiples of one unit."""

_EXACT = 2.0**33
"""Sums of whole weights above this are proven to `OPTIMAL_GAP` only."""


@dataclass(frozen=True)
class FrontPoint:
    """A plan of the front: what it costs or guarantees, and what it covers."""

    cost: float
    """Cost of all open sites; without costs their number."""
    cover: float
    """Residents covered."""
    plan: Plan
    """Its sites; objective, bound and status are of its cover: no plan of its cost covers more than bound."""
    proven: bool
    """No plan is as good in both measures and better in one."""
    supported: bool
    """On the convex hull of the front; weighted sums of both measures miss all others."""

    @property
    def sites(self) -> tuple[int, ...]:
        """Open candidates, in the order of their marginal gains."""
        return self.plan.sites


@dataclass(frozen=True)
class Missing:
    """Where plans may exist that the front does not list: an interval of costs, and one of cover."""

    cost_from: float
    cost_to: float
    """Inclusive."""
    cover_above: float
    cover_at_most: float
    """Residents, proven: no plan of these costs covers more."""


def supported(points: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Tell which points of a front lie on its convex hull.

    A weighted sum of two measures is best at a point of the convex hull of the front; the others, which are
    as efficient, no weights find (Geoffrion 1968). Computed without rounding.

    Parameters
    ----------
    points
        (cost, cover), both strictly ascending.

    Examples
    --------
    >>> supported([(0, 0), (1, 1), (2, 4), (4, 6)])
    (True, False, True, True)
    """
    exact = [(Fraction(cost), Fraction(cover)) for cost, cover in points]
    hull: list[int] = []
    for at, (x, y) in enumerate(exact):
        while len(hull) > 1:
            (x0, y0), (x1, y1) = exact[hull[-2]], exact[hull[-1]]
            if (y1 - y0) * (x - x0) >= (y - y0) * (x1 - x0):
                break
            hull.pop()
        hull.append(at)
    return tuple(at in set(hull) for at in range(len(exact)))


def in_units(cost: ArrayLike) -> tuple[Positions, float]:
    """Write costs as whole multiples of one unit: (n,) numbers without a common divisor, and the unit.

    Raises
    ------
    ValueError
        A cost is negative, not finite or has more than six decimals, or the sum is too large to be exact.

    Examples
    --------
    >>> in_units([2.5, 0.0, 10.0])
    (array([1, 0, 4]), 2.5)
    """
    costs = np.asarray(cost, np.float64)
    if costs.ndim != 1 or not np.isfinite(costs).all() or (costs < 0).any():
        raise ValueError("costs must be finite numbers >= 0")
    for decimals in range(_DECIMALS + 1):
        scaled = costs * 10.0**decimals
        whole = np.rint(scaled)
        if (np.abs(scaled - whole) <= 1e-9 + 1e-15 * whole).all():
            break
    else:
        raise ValueError(f"costs must have {_DECIMALS} decimals at most")
    if whole.sum() >= 2.0**50:
        raise ValueError("costs are too large to be added up exactly")
    numbers = whole.astype(np.int64)
    common = gcd(*numbers.tolist()) or 1
    return numbers // common, common / 10**decimals


def slack_of(weight: Floats) -> float:
    """Give the residents by which two covers may differ and still count as the same.

    0 where weights are whole numbers, so that bounds are exact; else twice what a plan called optimal may
    lack (`OPTIMAL_GAP`).
    """
    total = float(weight.sum())
    return 0.0 if is_whole(weight) and total < _EXACT else 2.0 * OPTIMAL_GAP * total
