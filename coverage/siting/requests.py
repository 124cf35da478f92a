"""What all siting requests have in common: checks, and plans that there are not."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .plan import Plan, Status
from .reduce import Floats, Mask


def weights_of(weight: ArrayLike, n_rows: int) -> Floats:
    """Check the weights (n_rows,); raises ``ValueError`` where one is negative or not finite."""
    weights = np.asarray(weight, np.float64)
    if weights.shape != (n_rows,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"weight must be {n_rows} finite numbers >= 0")
    return weights


def costs_of(cost: ArrayLike | None, n_candidates: int, *, zero: bool = False) -> Floats:
    """Check what each candidate costs (n_candidates,); 1 where nothing is given.

    Raises ``ValueError`` where a cost is not finite and > 0 (>= 0 with ``zero``: a site may cost nothing).
    """
    costs = np.ones(n_candidates) if cost is None else np.asarray(cost, np.float64)
    low = costs < 0 if zero else costs <= 0
    if costs.shape != (n_candidates,) or not np.isfinite(costs).all() or low.any():
        raise ValueError(f"cost must be {n_candidates} finite numbers {'>=' if zero else '>'} 0")
    return costs


def limit_of(
    p: int | None, cost: ArrayLike | None, budget: float | None, n_candidates: int
) -> tuple[Floats, float]:
    """Take either a number of sites or costs and a budget: (n_candidates,) costs and the limit."""
    if (p is None) == (budget is None) or (cost is None) != (budget is None):
        raise ValueError("give either p, or cost and budget")
    if p is not None:
        if p < 0:
            raise ValueError("p must not be negative")
        return np.ones(n_candidates), float(p)
    costs = costs_of(cost, n_candidates)
    if budget is None or not budget >= 0:
        raise ValueError("budget must not be negative")
    return costs, float(min(budget, costs.sum()))


def is_whole(*values: ArrayLike) -> bool:
    """Tell whether all numbers are whole, and their sums exact."""
    arrays = [np.asarray(each, np.float64) for each in values]
    return all(
        bool((each == np.floor(each)).all()) and float(np.abs(each).sum()) < 2.0**53 for each in arrays
    )


def mask_of(positions: Sequence[int], n_candidates: int) -> Mask:
    """Turn positions into a mask; raises ``ValueError`` where one is no candidate, or no whole number."""
    mask, given = np.zeros(n_candidates, bool), np.asarray(positions)
    if given.size and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= n_candidates):
        raise ValueError(f"candidates must lie in 0..{n_candidates - 1}")
    mask[np.asarray(positions, np.int64)] = True
    return mask


def conflict(p: int, forced: Mask, forbidden: Mask) -> str:
    """Say in Chinese why a request cannot be met; empty where it can."""
    if p < 0:
        raise ValueError("p must not be negative")
    both = np.flatnonzero(forced & forbidden)
    if len(both):
        return f"{len(both)} 个候选点既要求必选又要求禁选 (序号 {', '.join(map(str, both[:5]))})"
    if forced.sum() > p:
        return f"必选点有 {int(forced.sum())} 个, 多于要求的 {p} 个"
    allowed = int((~forbidden).sum())
    return f"要求开设 {p} 个, 可选的候选点只有 {allowed} 个" if p > allowed else ""


def overspent(cost: Floats, budget: float, forced: Mask, forbidden: Mask) -> str:
    """Say in Chinese why a request with a budget cannot be met; empty where it can."""
    reason = conflict(int((~forbidden).sum()), forced, forbidden)
    needed = float(cost[forced].sum())
    if not reason and needed > budget * (1.0 + 1e-9):
        return f"必选点共需 {needed:g}, 超出预算 {budget:g}"
    return reason


def no_plan(status: Status, reason: str, started: float) -> Plan:
    """Give the plan that there is not: infeasible, or (``feasible``) none found in time."""
    nan, late = math.nan, status == "feasible"
    return Plan(
        sites=(),
        gains=(),
        objective=math.inf if late else nan,
        bound=0.0 if late else nan,
        status=status,
        gap=1.0 if late else nan,
        reductions={},
        note=reason,
        seconds=time.monotonic() - started,
    )
