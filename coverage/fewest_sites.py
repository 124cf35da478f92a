"""The fewest sites that cover all rows, as an interval: a plan and a proven bound.

In this order, until both are equal: greedy plans and a dual bound; all ways to choose few sites; the linear
relaxation of small models; the solver, which alone depends on the time it is given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..geodata.compiled import compiled
from .siting import lscp

_DUAL_ROUNDS = 8
_FEW, _MOST_ROWS = 8, 2500
"""Sites of a plan, and rows, up to which all ways are tried."""
_MOST_PRICED, _MOST_ENTRIES = 450, 60_000
"""Candidates and entries up to which the linear relaxation is solved: some tenths of a second."""
_MOST_TRIED = 60_000
"""Partial plans that are looked at: some tenths of a second."""

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
    by_row = rows.indptr.astype(np.int64), rows.indices.astype(np.int64)
    turned = csr_array(rows.T.tocsr())
    by_site = turned.indptr.astype(np.int64), turned.indices.astype(np.int64)
    starts = [np.flatnonzero(pattern == number) for number in range(int(pattern.max()) + 1)]
    plans = [greedy_cover(by_row, by_site, start) for start in (np.empty(0, np.int64), *starts)]
    low, enough = dual_bound(rows), min(int(without_superfluous(by_row, by_site, plan)) for plan in plans)
    if low < enough <= _FEW:
        low, enough = _by_trying(rows, low, enough)
    if low < enough and rows.shape[1] <= _MOST_PRICED and rows.nnz <= _MOST_ENTRIES:
        low = max(low, _relaxed(rows))
    if low < enough and left_s > 0:
        best = lscp(rows.indptr, rows.indices, weight, rows.shape[1], time_limit_s=left_s)
        low, enough = max(low, int(best.bound)), min(enough, len(best.sites))
    return low, enough


def _relaxed(rows: csr_array) -> int:
    """Bound the size of every cover by the best prices, those of the linear relaxation (HiGHS by scipy)."""
    from scipy.optimize import linprog  # noqa: PLC0415 (slow to import)

    found = linprog(np.ones(rows.shape[1]), -rows.astype(np.float64), -np.ones(rows.shape[0]))
    return 0 if found.status else _allowed(rows, np.maximum(-found.ineqlin.marginals, 0.0))


def _by_trying(rows: csr_array, low: int, enough: int) -> tuple[int, int]:
    """Close the interval of few sites by trying all ways to cover the row with the fewest candidates.

    Only rows that no other row implies, and candidates that reach no less than another, are looked at: the
    reductions of set covering (Toregas & ReVelle 1973). It ends after ``_MOST_TRIED`` steps at the latest, so
    that the answer does not depend on the machine.
    """
    table = np.unique(rows.toarray().astype(bool), axis=0) if rows.shape[0] <= _MOST_ROWS else None
    if table is None:
        return low, enough
    for _ in range(2):
        table = table[_least(table)]
        table = table[:, _least(~table.T)]
    table = np.ascontiguousarray(table[np.argsort(table.sum(axis=1), kind="stable")])
    left = _MOST_TRIED
    for count in range(low, enough):
        found, left = _can_cover(table, count, left)
        if found or left <= 0:
            return count, count if found else enough
    return enough, enough


def _least(table: NDArray[np.bool_]) -> NDArray[np.intp]:
    """List the rows that hold no other row of a table; of equal ones the first."""
    number = table.astype(np.float32)
    held = number @ number.T >= number.sum(axis=1)  # row i holds row j
    equal = held & held.T
    held &= ~equal | np.tri(len(table), k=-1, dtype=bool)
    return np.flatnonzero(~held.any(axis=1))


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
    return _allowed(rows, price)


def _allowed(rows: csr_array, price: NDArray[np.float64]) -> int:
    """Add up prices, lowered so far that no candidate's rows cost more than 1."""
    owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
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


@compiled
def _can_cover(table: NDArray[np.bool_], count: int, most: int) -> tuple[bool, int]:
    """Say whether so many candidates cover all rows of a table, and how many of the steps are left.

    The first row that is open, of those with the fewest candidates, is covered by each of its candidates in
    turn; where the rest is more than the largest candidates can reach, the next is tried. Where no steps are
    left the answer is not known (False).
    """
    n_rows, n_sites = table.shape
    open_ = np.ones((count + 1, n_rows), np.bool_)
    row, turn = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    depth = 0
    while depth >= 0:
        if turn[depth] == 0:
            most -= 1
            if most <= 0:
                return False, 0
            left = int(open_[depth].sum())
            if left == 0:
                return True, most
            row[depth], best = np.argmax(open_[depth]), 0
            for j in range(n_sites if depth < count else 0):
                best = max(best, int((open_[depth] & table[:, j]).sum()))
            if best * (count - depth) < left:
                depth -= 1
                continue
        j = turn[depth]
        while j < n_sites and not table[row[depth], j]:
            j += 1
        if j == n_sites:
            depth -= 1
            continue
        turn[depth] = j + 1
        for r in range(n_rows):
            open_[depth + 1, r] = open_[depth, r] and not table[r, j]
        depth += 1
        turn[depth] = 0
    return False, most
