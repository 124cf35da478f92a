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


def mask_of(positions: Sequence[int], n_candidates: int) -> Mask:
    """Turn positions into a mask; raises ``ValueError`` where one is no candidate."""
    mask = np.zeros(n_candidates, bool)
    if any(not 0 <= position < n_candidates for position in positions):
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
