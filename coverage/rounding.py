"""Whole residents: fractions rounded by largest remainder, so that parts add up to wholes exactly.

Hamilton's method (Balinski & Young 2001, *Fair Representation*, 2nd ed., ch. 3), ties to the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def apportioned(
    total: NDArray[np.int64], exact: NDArray[np.float64], owner: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    """Share the whole totals of owners out to their (m,) parts by largest remainder, ties to the first.

    Examples
    --------
    >>> apportioned(np.array([3, 1]), np.array([1.4, 1.6, 1.0]), np.array([0, 0, 1])).tolist()
    [1, 2, 1]
    """
    return share_out(total[:, None], exact[:, None], owner.astype(np.int64), False)[:, 0]


def round_together(exact: NDArray[np.float64], monotone: bool) -> NDArray[np.int64]:
    """Round (counties, columns) to whole residents with the rounded sum, by largest remainder."""
    if not np.isfinite(exact).all():
        raise ValueError("amounts of residents must be finite")
    exact = np.round(exact, 6)  # takes off the noise of summing fractions, far below one resident
    whole = np.floor(exact).astype(np.int64)
    for column in range(exact.shape[1]):
        if monotone and column:
            whole[:, column] = np.maximum(whole[:, column], whole[:, column - 1])
        left = int(np.rint(exact[:, column].sum())) - int(whole[:, column].sum())
        remainder = exact[:, column] - whole[:, column]
        order = np.argsort(-remainder, kind="stable")
        whole[order[: max(0, left)], column] += 1
    return whole


def share_out(
    total: NDArray[np.int64], exact: NDArray[np.float64], county: NDArray[np.int64], monotone: bool
) -> NDArray[np.int64]:
    """Share the whole residents of the counties out to (z, columns) of their zones, by largest remainder."""
    exact = np.round(exact, 6)
    whole = np.floor(exact).astype(np.int64)
    least = np.zeros(len(whole), np.int64)
    for column in range(exact.shape[1]):
        if monotone and column:
            least = whole[:, column - 1]
            whole[:, column] = np.maximum(whole[:, column], least)
        own = whole[:, column]  # a view
        while True:
            left = total[:, column] - np.bincount(county, weights=own, minlength=len(total)).astype(np.int64)
            remainder = exact[:, column] - own
            more, fewer = (left > 0)[county], (left < 0)[county] & (own > least)
            some = more & (remainder > 0)
            more = some if some.any() else more
            if not (more.any() or fewer.any()):
                break
            own[_first(np.flatnonzero(more), -remainder, county, left)] += 1
            own[_first(np.flatnonzero(fewer), remainder, county, -left)] -= 1
    return whole


def _first(
    rows: NDArray[np.intp], score: NDArray[np.float64], county: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.intp]:
    """Choose in every county the rows with the least score, as many as its count, ties to the first."""
    ordered = rows[np.lexsort((score[rows], county[rows]))]
    return ordered[rank_in_run(county[ordered]) < count[county[ordered]]]


def rank_in_run(key: NDArray[np.generic]) -> NDArray[np.int64]:
    """Number the entries of every run of equal keys from 0.

    Examples
    --------
    >>> rank_in_run(np.array([4, 4, 4, 7, 9, 9])).tolist()
    [0, 1, 2, 0, 0, 1]
    """
    new = np.ones(len(key), bool)
    new[1:] = key[1:] != key[:-1]
    start = np.flatnonzero(new)
    return np.arange(len(key)) - start[np.cumsum(new) - 1] if len(key) else np.empty(0, np.int64)
