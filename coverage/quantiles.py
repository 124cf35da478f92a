"""Quantiles weighted by residents, by zone: "90 % of the residents are within X minutes"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def ascending(member: NDArray[np.int32], cost: NDArray[np.number]) -> NDArray[np.intp]:
    """Order cells by zone, then by cost (at least 0, inf allowed)."""
    if cost.dtype == np.float32:
        cost = cost.view(np.int32)  # IEEE 754: numbers that are not negative stand in the order of their bits
    if cost.dtype != np.int32:
        return np.lexsort((cost, member))
    key = (member.astype(np.int64) << 32) + cost.astype(np.int64)
    return np.argsort(key)  # equal keys are equal costs


def by_zone(
    member: NDArray[np.int32],
    n_zones: int,
    cost: NDArray[np.number],
    weight: NDArray[np.int64],
    quantiles: Sequence[float],
    *,
    order: NDArray[np.intp] | None = None,
) -> list[NDArray[np.float64]]:
    """Find per zone the least cost within which a share of its residents is.

    Parameters
    ----------
    member
        (n,) zone of each cell.
    cost
        (n,) at least 0, inf allowed.
    weight
        (n,) whole residents.
    order
        What `ascending` returns, where it is known.

    Returns
    -------
    One (z,) array per quantile, NaN where nobody lives.

    Examples
    --------
    >>> one = np.zeros(3, np.int32)
    >>> by_zone(one, 1, np.array([60.0, 120.0, 180.0]), np.array([1, 1, 2]), (0.5, 0.9))
    [array([120.]), array([180.])]
    """
    order = ascending(member, cost) if order is None else order
    reached = np.cumsum(weight[order], dtype=np.int64)
    total = np.bincount(member, weights=weight, minlength=n_zones).astype(np.int64)
    before = np.cumsum(total) - total
    lived = np.flatnonzero(total)
    found = []
    for quantile in quantiles:
        # Residents are whole; rounding takes off the noise of 0.55 x 100 = 55.000000000000007.
        need = np.maximum(np.ceil(np.round(quantile * total[lived], 6)).astype(np.int64), 1)
        at = np.searchsorted(reached, before[lived] + need, side="left")
        out = np.full(n_zones, np.nan)
        out[lived] = cost[order[at]]
        found.append(out)
    return found
