"""The fewest sites that cover all rows, as an interval: a plan and a proven bound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..geodata.compiled import compiled
from .siting import lscp

_DUAL_ROUNDS = 8

Entries = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Compressed sparse rows: first entry of each, and the entries."""


def fewest(
    rows: csr_array, weight: NDArray[np.float64], pattern: NDArray[np.int8], left_s: float
) -> tuple[int, int]:
    """Count the fewest candidates that cover all rows: (no fewer do, so many do); both 0 without rows.

    Parameters
    ----------
    rows
        (r, c) 1 where a candidate covers a row; no row is empty.
    pattern
        (c,) number of the pattern that a candidate is part of, -1: none; each is tried as a plan.
    left_s
        Wall time for the solver; none where it is 0 or less.
    """
    if not rows.shape[0]:
        return 0, 0
    low, plans = dual_bound(rows), []
    if left_s > 0:
        plan = lscp(rows.indptr, rows.indices, weight, rows.shape[1], time_limit_s=left_s)
        low = max(low, int(plan.bound))
        if low == len(plan.sites):
            return low, low
        plans.append(np.array(plan.sites, np.int64))
    by_row = rows.indptr.astype(np.int64), rows.indices.astype(np.int64)
    turned = csr_array(rows.T.tocsr())
    by_site = turned.indptr.astype(np.int64), turned.indices.astype(np.int64)
    starts = [np.flatnonzero(pattern == number) for number in range(int(pattern.max()) + 1)]
    plans += [greedy_cover(by_row, by_site, start) for start in (np.empty(0, np.int64), *starts)]
    return low, min(int(without_superfluous(by_row, by_site, plan)) for plan in plans)


def dual_bound(rows: csr_array) -> int:
    """Bound the size of every cover from below by weak duality.

    A price on every row such that no candidate's rows cost more than 1 in sum: then no cover has fewer sites
    than all prices add up to. From equal prices each round divides the price of a row by the dearest of its
    candidates' sums, which keeps them allowed and never lowers one that is.

    Examples
    --------
    >>> dual_bound(csr_array(np.array([[1, 0], [1, 0], [0, 1]])))
    2
    """
    price = np.ones(rows.shape[0])
    owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    for _ in range(_DUAL_ROUNDS):
        load = np.bincount(rows.indices, price[owner], minlength=rows.shape[1])
        price /= np.maximum.reduceat(load[rows.indices], rows.indptr[:-1])
    load = np.bincount(rows.indices, price[owner], minlength=rows.shape[1])
    return int(np.ceil(price.sum() / max(float(load.max()), 1.0) - 1e-6))


@compiled
def greedy_cover(
    rows: Entries,
    sites: Entries,
    ahead: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Add sites to those ``ahead``, each time the one that covers most of the rows that are left.

    ``rows`` are (first entry, sites) of each row, ``sites`` (first entry, rows) of each site. A site waits in
    the list of what it last covered, and moves down when it comes up and covers less.
    """
    n = len(sites[0]) - 1
    gain = np.diff(sites[0])
    most = int(gain.max())
    top, below = np.full(most + 1, -1, np.int64), np.full(n, -1, np.int64)
    for j in range(n - 1, -1, -1):
        below[j], top[gain[j]] = top[gain[j]], j
    left, chosen, used = len(rows[0]) - 1, np.empty(n, np.int64), 0
    open_ = np.ones(left, np.bool_)
    for j in ahead:
        chosen[used] = j
        used += 1
        for e in range(sites[0][j], sites[0][j + 1]):
            left -= open_[sites[1][e]]
            open_[sites[1][e]] = False
    level = most
    while left > 0 and level > 0:
        j = top[level]
        if j < 0:
            level -= 1
            continue
        top[level] = below[j]
        now = 0
        for e in range(sites[0][j], sites[0][j + 1]):
            now += open_[sites[1][e]]
        if now < level:
            below[j], top[now] = top[now], j
            continue
        chosen[used] = j
        used += 1
        for e in range(sites[0][j], sites[0][j + 1]):
            left -= open_[sites[1][e]]
            open_[sites[1][e]] = False
    return chosen[:used].copy()


@compiled
def without_superfluous(
    rows: Entries,
    sites: Entries,
    chosen: NDArray[np.int64],
) -> int:
    """Count the sites of a cover without those whose rows others cover too, tried from the last back."""
    count = np.zeros(len(rows[0]) - 1, np.int64)
    for j in chosen:
        for e in range(sites[0][j], sites[0][j + 1]):
            count[sites[1][e]] += 1
    kept = len(chosen)
    for i in range(len(chosen) - 1, -1, -1):
        j, needed = chosen[i], False
        for e in range(sites[0][j], sites[0][j + 1]):
            needed |= count[sites[1][e]] == 1
        if not needed:
            kept -= 1
            for e in range(sites[0][j], sites[0][j + 1]):
                count[sites[1][e]] -= 1
    return kept
