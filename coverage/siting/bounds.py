"""Bounds by arithmetic alone, from multipliers: no solver is believed."""

from __future__ import annotations

import numpy as np

from .pair_kernels import sums
from .reduce import Floats, Instance, Mask


def lagrangian_bound(
    instance: Instance, multiplier: Floats, opened: Mask, closed: Mask
) -> tuple[float, Floats, Floats]:
    """Bound every plan with some columns opened and others closed from above.

    With multipliers ``0 <= u_r <= w_r`` on ``z_r <= sum_j a_rj x_j``, no plan covers more than
    ``sum_r (w_r - u_r)`` plus the worths ``sum_r a_rj u_r`` of the opened columns and what the others, in
    parts, are worth within the budget left: whatever the multipliers (Galvão and ReVelle 1996; with costs the
    continuous knapsack, Dantzig 1957).

    Returns
    -------
    bound, if_opened, if_closed
        The bound, and the (n,) bounds on the plans in which one more column is opened, or closed.
    """
    multiplier = np.clip(multiplier, 0.0, instance.weight)
    worth = sums(instance.columns.indptr, instance.columns.indices, multiplier)
    left = instance.budget - float(instance.cost[opened].sum())
    if left < -1e-9 * max(1.0, instance.budget):
        never = np.full(instance.n_columns, -np.inf)
        return -np.inf, never, never
    dear = instance.cost > left + 1e-9 * max(1.0, left)
    inside, last, following = knapsack(worth, instance.cost, ~(opened | closed | dear), left)
    bound = float(instance.base + (instance.weight - multiplier).sum() + worth[opened].sum() + inside)
    if_opened = bound + np.minimum(worth - last * instance.cost, 0.0)
    if_opened[dear] = -np.inf
    return bound, if_opened, bound - np.maximum(worth - following * instance.cost, 0.0)


def knapsack(worth: Floats, cost: Floats, free: Mask, left: float) -> tuple[float, float, float]:
    """Fill a budget with the free columns, the last in part: (worth, price of the last, of the following).

    At both prices per unit of cost the dual of the continuous knapsack is the worth; they differ where the
    budget is used up exactly.

    Examples
    --------
    >>> knapsack(np.array([6.0, 5.0, 2.0]), np.array([2.0, 2.0, 2.0]), np.ones(3, bool), 3.0)
    (8.5, 2.5, 2.5)
    """
    columns = np.flatnonzero(free)
    ratio = worth[columns] / cost[columns]
    order = np.argsort(-ratio, kind="stable")
    columns, ratio = columns[order], ratio[order]
    used = np.cumsum(cost[columns])
    room = left + 1e-9 * max(1.0, left)
    whole = int(np.searchsorted(used, room, side="right"))
    inside = float(worth[columns[:whole]].sum())
    if whole == len(columns):
        return inside, 0.0, 0.0
    rest = max(0.0, left - (float(used[whole - 1]) if whole else 0.0))
    following = float(ratio[whole])
    last = float(ratio[whole - 1]) if whole and rest == 0.0 else following
    return inside + rest * following, last, following


def cover_bound(
    instance: Instance, multiplier: Floats, opened: Mask, closed: Mask
) -> tuple[float, Floats, Floats]:
    """Bound from above what any cover of all classes leaves of the budget, as `lagrangian_bound` does.

    With multipliers ``u_r >= 0`` on ``sum_j a_rj x_j >= 1`` every cover costs at least ``sum_r u_r`` plus
    ``c_j - sum_r a_rj u_r`` of the opened columns and of those others where that is negative.
    """
    if (sums(instance.rows.indptr, instance.rows.indices, (~closed).astype(np.float64)) == 0).any():
        never = np.full(instance.n_columns, -np.inf)
        return -np.inf, never, never
    multiplier = np.maximum(multiplier, 0.0)
    reduced = instance.cost - sums(instance.columns.indptr, instance.columns.indices, multiplier)
    free = ~(opened | closed)
    least = float(multiplier.sum() + reduced[opened].sum() + np.minimum(reduced[free], 0.0).sum())
    bound = instance.budget - least
    return bound, bound - np.maximum(reduced, 0.0), bound + np.minimum(reduced, 0.0)
