"""Compiled search for a few stores that hold all that is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import compiled

Array = NDArray[Any]

_SLACK = 1e-9
"""Relative error allowed to sums of shares, so that rounding never prunes a plan."""


@compiled
def search(stock: Array, want: Array, picks: int, dominated: Array, budget: int) -> tuple[Array, int]:
    """Find the first cover of ``want`` by at most ``picks`` stores, in the order of the stores.

    Depth first, each store taken before it is left out: the cover found is the lexicographically first. A
    store that is left out bans the later ones that it dominates, as it could take their place.

    Parameters
    ----------
    stock
        (s, i) amounts, none above ``want``.
    want
        (i,) amounts, all above 0.
    dominated
        (s, s) whether the store of the row, the earlier one, has at least as much of everything as that of
        the column, the later one.
    budget
        Nodes that may be looked at.

    Returns
    -------
    tuple
        (s,) whether a store is in the cover, none where there is no cover; nodes looked at, -1 where the
        budget was not enough to tell.
    """
    n, items = stock.shape
    state, banned = np.full(n + 1, -1, np.int8), np.zeros(n, np.int32)
    residual, left = np.empty((n + 1, items), np.int64), np.empty(n + 1, np.int64)
    residual[0], left[0] = want, picks
    best = np.empty(max(picks, 1), np.float64)
    at, fresh, nodes = 0, True, 0
    while at >= 0:
        if fresh:
            if not residual[at].any():
                return state[:n] == 1, nodes
            nodes += 1
            if nodes > budget:
                return np.zeros(n, np.bool_), -1
            if at == n or not _enough(stock, want, residual[at], (at, left[at]), (banned, best)):
                at, fresh = at - 1, False
                continue
            state[at] = 1 if banned[at] == 0 and np.minimum(stock[at], residual[at]).any() else 0
        elif state[at] == 1:
            state[at], fresh = 0, True
        else:
            banned -= dominated[at]
            state[at], at = -1, at - 1
            continue
        taken = state[at] == 1
        if not taken:
            banned += dominated[at]
        for item in range(items):
            given = stock[at, item] if taken else 0
            residual[at + 1, item] = max(residual[at, item] - given, 0)
        left[at + 1] = left[at] - (1 if taken else 0)
        at += 1
    return np.zeros(n, np.bool_), nodes


@compiled
def _enough(
    stock: Array, want: Array, residual: Array, place: tuple[int, int], spare: tuple[Array, Array]
) -> bool:
    """Tell whether the stores from a position on could still cover: item by item, and all items together.

    The best so many stores of each item, and of the sum of the shares of all items, must reach what is left.
    """
    first, picks = place
    banned, best = spare
    items = len(want)
    for item in range(items + 1):
        low, high = (item, item + 1) if item < items else (0, items)
        needed = 0.0
        for each in range(low, high):
            needed += residual[each] / want[each]
        if needed == 0.0:
            continue
        best[:] = 0.0
        for store in range(first, len(stock)):
            value = 0.0
            for each in range(low, high):
                value += min(stock[store, each], residual[each]) / want[each]
            if banned[store] == 0:
                _insert(best, picks, value)
        if best[:picks].sum() < needed * (1.0 - _SLACK):
            return False
    return True


@compiled
def _insert(best: Array, picks: int, value: float) -> None:
    """Keep the largest values, descending."""
    for rank in range(picks):
        if value > best[rank]:
            value, best[rank] = best[rank], value
