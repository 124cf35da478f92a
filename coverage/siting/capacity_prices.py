"""Prices of the classes by subgradient steps, where largest flows do not give them (gains that differ)."""

from __future__ import annotations

import numpy as np

from .capacity_kernels import site_worths
from .capacity_problem import Problem
from .reduce import Floats, Mask

_PATIENCE = 12
"""Steps without a better bound after which they are halved."""


def lower_prices(
    problem: Problem,
    start: Floats,
    target: float,
    *,
    steps: int,
    fixed: tuple[Mask, Mask],
    at: Floats | None = None,
) -> list[tuple[float, Floats]]:
    """Lower ``v @ w + sum_j x_j K_j(v)`` by subgradient steps (Held, Wolfe and Crowder 1974).

    Parameters
    ----------
    start
        (k,) prices to begin with.
    target
        A value that the best prices hardly undercut, such as that of a plan.
    fixed
        Sites open and closed in any case.
    at
        (n,) shares of the sites; without them those worth most at each step's prices are open.

    Returns
    -------
    list
        Values and prices, each better than all before.
    """
    arcs, price = problem.arcs, start.copy()
    found: list[tuple[float, Floats]] = []
    share, idle = 1.0, 0
    direction = np.zeros(len(price))
    for _ in range(steps):
        x = at if at is not None else most_worth(problem, price, *fixed)
        used = np.zeros(len(price))
        value = float(price @ arcs.weight + x @ site_worths(arcs, price, x, used))
        idle += 1
        if not found or value < found[-1][0] - 1e-9 * abs(found[-1][0]):
            found.append((value, price.copy()))
            idle = 0
        if idle >= _PATIENCE:
            share, idle, price = share / 2.0, 0, found[-1][1].copy()
            direction[:] = 0.0
            continue
        slope = arcs.weight - used
        if not problem.everybody:
            slope[(price <= 0.0) & (slope > 0.0)] = 0.0
        direction = slope + 0.3 * direction
        length = float(direction @ direction)
        if length <= 1e-12 or value <= target:
            break
        price = price - share * (value - target) / length * direction
        if not problem.everybody:
            price = np.maximum(price, 0.0)
    return found


def most_worth(problem: Problem, price: Floats, opened: Mask, closed: Mask) -> Floats:
    """Open the sites (n,) worth most at some prices within the budget, the last one in part."""
    worth = site_worths(problem.arcs, price, np.zeros(problem.n_sites), np.zeros(len(price)))
    x = opened.astype(np.float64)
    left = problem.budget - float(problem.cost[opened].sum())
    for j in np.argsort(-worth / problem.cost, kind="stable"):
        if left <= 0.0 or worth[j] <= 0.0:
            break
        if not opened[j] and not closed[j]:
            x[j] = min(1.0, left / problem.cost[j])
            left -= x[j] * problem.cost[j]
    return x
