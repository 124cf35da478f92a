"""Need: which stores together bring what is needed, first, or with the fewest of them.

The earliest time is read off the arrivals. The fewest stores are found by depth-first branch and bound
(`need_kernels.search`) within a budget of nodes, and where that is not enough by an integer program
(`need_program`); a plan says whether fewer are proven not to do. What all stores together do not hold is
short: the plans bring what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BUDGET = 50_000
"""Nodes of a search: some tenths of a second at most."""

Amounts = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """Stores that send, the earliest first, and what each gives."""

    rows: Amounts
    """(m,) positions of the stores."""
    takes: Amounts
    """(m, i) amounts of the items; no store is here for nothing."""
    shortfall: Amounts
    """(i,) what is needed and no store has."""
    complete_s: float
    """Seconds until the last needed item is there; inf where something is short."""
    last_s: float
    """Seconds until the last store of the plan is there; nan where there is none."""
    proven: bool
    """Whether no plan with fewer stores does the same: for `first` as early, for `fewest` at all."""


def first(stock: ArrayLike, need: ArrayLike, eta_s: ArrayLike) -> Plan:
    """Find the plan that brings everything first.

    Of all plans that bring what there is to bring at the earliest time, one with the fewest stores; of those
    the one whose stores arrive earlier, in the order of arrival; each item is taken from the earliest stores.

    Parameters
    ----------
    stock
        (s, i) amounts in the stores; below 0 counts as 0.
    need
        (i,) amounts needed, at least 0.
    eta_s
        (s,) seconds until a store's help arrives; inf where it cannot, or must not be counted.

    Raises
    ------
    ValueError
        Shapes do not fit, or a need is below 0.

    Examples
    --------
    >>> plan = first([[30], [50], [80]], [75], [600, 1200, 3000])
    >>> plan.rows.tolist(), plan.takes.tolist(), plan.complete_s
    ([0, 1], [[30], [45]], 1200.0)
    """
    have, wanted, eta, order = _checked(stock, need, eta_s)
    target = np.minimum(wanted, have.sum(axis=0))
    gathered = np.cumsum(have, axis=0) >= target
    last = int(gathered.argmax(axis=0).max(initial=0)) if target.any() else -1
    within = int(np.searchsorted(eta, eta[last], side="right")) if last >= 0 else 0
    chosen, proven = _fewest(have[:within], target)
    return _plan(chosen, have, wanted, eta, order, proven=proven)


def fewest(stock: ArrayLike, need: ArrayLike, eta_s: ArrayLike) -> Plan:
    """Find the plan with the fewest stores.

    Of those the one that is complete first; of those the one whose stores arrive earlier, in the order of
    arrival. Where the search runs out of its budget (some hundred stores with many items each in its own
    proportion), the number of stores may still be proven, and the rest is the best that was found. Parameters
    and errors are those of `first`.

    Examples
    --------
    >>> plan = fewest([[30], [50], [80]], [75], [600, 1200, 3000])
    >>> plan.rows.tolist(), plan.takes.tolist(), plan.complete_s
    ([2], [[75]], 3000.0)
    """
    have, wanted, eta, order = _checked(stock, need, eta_s)
    target = np.minimum(wanted, have.sum(axis=0))
    chosen, proven = _fewest(have, target)
    if len(chosen):
        chosen = _earliest(have, target, eta, chosen)
    return _plan(chosen, have, wanted, eta, order, proven=proven)


def _checked(
    stock: ArrayLike, need: ArrayLike, eta_s: ArrayLike
) -> tuple[Amounts, Amounts, NDArray[np.float64], NDArray[np.intp]]:
    """Check and sort: (stores that arrive, earliest first; i) amounts, needs, arrivals, rows."""
    eta, wanted = np.asarray(eta_s, np.float64), np.asarray(need, np.int64)
    have = (
        np.asarray(stock, np.int64).reshape(len(eta), -1)
        if len(eta)
        else np.zeros((0, len(wanted)), np.int64)
    )
    if have.shape[1] != len(wanted) or (wanted < 0).any():
        raise ValueError(f"{have.shape[1]} items in stock, needs {wanted.tolist()}")
    order = np.argsort(eta, kind="stable")
    order = order[np.isfinite(eta[order])]
    return np.maximum(have[order], 0), wanted, eta[order], order


def _fewest(have: Amounts, target: Amounts) -> tuple[Amounts, bool]:
    """Choose the fewest stores that hold the target, the earlier ones first: positions, whether proven."""
    if not target.any():
        return np.empty(0, np.int64), True
    greedy, budget = _greedy(have, target), _BUDGET
    for picks in range(_at_least(have, target), len(greedy) + 1):
        found, nodes = _search(have, target, picks, budget)
        if nodes < 0:
            return _by_program(have, target, greedy, picks)
        budget -= nodes
        if len(found):
            return found, True
    return greedy, True


def _search(have: Amounts, target: Amounts, picks: int, budget: int) -> tuple[Amounts, int]:
    """Search for a cover: positions ascending, none where there is none; nodes, -1: budget not enough."""
    from .need_kernels import search  # noqa: PLC0415 (numba is slow to import)

    items = np.flatnonzero(target)
    useful = np.minimum(have[:, items], target[items])
    rows = np.flatnonzero(useful.any(axis=1))
    useful = useful[rows]
    dominated = np.triu((useful[:, None] >= useful[None, :]).all(axis=2), 1).astype(np.int32)
    mask, nodes = search(np.ascontiguousarray(useful), target[items], picks, dominated, budget)
    return rows[mask].astype(np.int64), int(nodes)


def _by_program(have: Amounts, target: Amounts, greedy: Amounts, least: int) -> tuple[Amounts, bool]:
    """Let the solver choose where the search could not tell: a plan, and whether no fewer stores do.

    Of several plans with so few stores it may be any.
    """
    from .need_program import fewest_by_program  # noqa: PLC0415 (the solver is slow to import)

    items = np.flatnonzero(target)
    found, bound = fewest_by_program(np.minimum(have[:, items], target[items]), target[items])
    best = found if 0 < len(found) < len(greedy) else greedy
    return best, len(best) <= max(bound, least)


def _earliest(have: Amounts, target: Amounts, eta: NDArray[np.float64], chosen: Amounts) -> Amounts:
    """Of the plans with so few stores find the one that is complete first, by halving the time.

    Where the search runs out of its budget, the best so far.
    """
    ends, budget = np.unique(eta[: chosen[-1] + 1]), _BUDGET
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        within = int(np.searchsorted(eta, ends[middle], side="right"))
        found, nodes = _search(have[:within], target, len(chosen), budget)
        if nodes < 0:
            break
        budget -= nodes
        if len(found):
            chosen, high = found, middle
        else:
            low = middle + 1
    return chosen


def _at_least(have: Amounts, target: Amounts) -> int:
    """Count the stores that any cover needs, by its hardest item."""
    largest = -np.sort(-np.minimum(have, target), axis=0)
    return int(1 + (np.cumsum(largest, axis=0) < target).sum(axis=0).max())


def _greedy(have: Amounts, target: Amounts) -> Amounts:
    """Take the store that adds most of what is still open, again and again; then drop what is superfluous."""
    residual, chosen, share = target.copy(), list[int](), 1.0 / np.maximum(target, 1)
    while residual.any():
        gain = np.minimum(have, residual) @ share
        gain[chosen] = -1.0
        chosen.append(best := int(gain.argmax()))
        residual = np.maximum(residual - have[best], 0)
    kept = sorted(chosen)
    for row in sorted(chosen, reverse=True):
        rest = [other for other in kept if other != row]
        if (have[rest].sum(axis=0) >= target).all():
            kept = rest
    return np.array(kept, np.int64)


def _plan(
    chosen: Amounts,
    have: Amounts,
    wanted: Amounts,
    eta: NDArray[np.float64],
    order: NDArray[np.intp],
    *,
    proven: bool,
) -> Plan:
    """Take each item from the earliest of the chosen stores."""
    held = np.cumsum(have[chosen], axis=0)
    takes = np.diff(np.minimum(held, wanted), axis=0, prepend=np.zeros((1, len(wanted)), np.int64))
    shortfall = wanted - takes.sum(axis=0)
    last = float(eta[chosen].max()) if len(chosen) else nan
    complete = inf if shortfall.any() else last if len(chosen) else 0.0
    return Plan(order[chosen].astype(np.int64), takes, shortfall, complete, last, proven)
