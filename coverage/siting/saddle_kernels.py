"""Compiled steps of the primal-dual method for covering relaxations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...geodata.compiled import compiled
from .kernels import Floats, Heads, Mask, Sparse


class Saddle(NamedTuple):
    """The saddle point of a relaxation: max over x of min over u of ``(A'u - toll) @ x - sum u``."""

    sparse: Sparse
    toll: Floats
    """(n,) what opening a column costs in the objective."""
    cap: Floats
    """(k,) largest multiplier of each class."""
    step: Floats
    """(n,) step of each column, and (k,) of each class, before the primal weight."""
    row_step: Floats
    lower: Floats
    """(n,) least and largest opening of each column, and (1,) what all may cost."""
    upper: Floats
    budget: Floats


class Iterate(NamedTuple):
    """Where the method stands; all arrays are changed in place."""

    x: Floats
    u: Floats
    cover: Floats
    """(k,) ``A x``."""
    x_anchor: Floats
    u_anchor: Floats
    cover_anchor: Floats
    x_next: Floats
    """The step from (x, u): always inside the bounds."""
    u_next: Floats
    cover_next: Floats
    worth: Floats
    """(n,) ``A' u``."""
    number: Floats
    """Steps since the restart, primal weight, residual at the first step after the restart, last residual,
    and all steps since `begin`."""


@compiled
def what_is_left(sparse: Sparse, opened: Mask, closed: Mask, row: Heads, column: Heads) -> Heads:
    """Number the columns and classes that fixed columns leave undecided, in order.

    Writes the number of each class (k,), -1 where an opened column covers it, -2 where only closed ones
    could, and of each column (n,), -1 where it is fixed. Returns how many free columns each class has.
    """
    n, m = 0, 0
    for j in range(len(column)):
        column[j] = -1
        if not opened[j] and not closed[j]:
            column[j] = n
            n += 1
    number = np.zeros(len(row), np.int32)
    for r in range(len(row)):
        row[r], free = -2, 0
        for e in range(sparse.row_start[r], sparse.row_start[r + 1]):
            free += column[sparse.row_column[e]] >= 0
            if opened[sparse.row_column[e]]:
                row[r] = -1
        if row[r] == -2 and free:
            row[r] = m
            number[m] = free
            m += 1
    return number[:m].copy()


@compiled
def without_fixed(sparse: Sparse, number: Heads, row: Heads, column: Heads) -> Sparse:
    """Take the classes and columns that `what_is_left` numbered."""
    m, n = len(number), 0
    for j in range(len(column)):
        n += column[j] >= 0
    row_start, column_start = np.zeros(m + 1, np.int32), np.zeros(n + 1, np.int32)
    row_start[1:] = np.cumsum(number)
    row_column, column_row = np.empty(row_start[m], np.int32), np.empty(row_start[m], np.int32)
    weight, cost = np.empty(m), np.empty(n)
    at = 0
    for r in range(len(row)):
        if row[r] >= 0:
            weight[row[r]] = sparse.weight[r]
            for e in range(sparse.row_start[r], sparse.row_start[r + 1]):
                if column[sparse.row_column[e]] >= 0:
                    row_column[at] = column[sparse.row_column[e]]
                    column_start[row_column[at] + 1] += 1
                    at += 1
    for j in range(len(column)):
        if column[j] >= 0:
            cost[column[j]] = sparse.cost[j]
    column_start[:] = np.cumsum(column_start)
    place = column_start[:-1].copy()
    for r in range(m):
        for e in range(row_start[r], row_start[r + 1]):
            column_row[place[row_column[e]]] = r
            place[row_column[e]] += 1
    return Sparse(row_start, row_column, column_start, column_row, weight, cost)


@compiled
def _gather(start: Heads, index: Heads, x: Floats, out: Floats) -> None:
    """Sum ``x`` over the entries of each row, four sums at a time: an addition need not await the last."""
    for r in range(len(out)):
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        e, end = start[r], start[r + 1]
        while e + 3 < end:
            a += x[index[e]]
            b += x[index[e + 1]]
            c += x[index[e + 2]]
            d += x[index[e + 3]]
            e += 4
        while e < end:
            a += x[index[e]]
            e += 1
        out[r] = (a + b) + (c + d)


@compiled
def row_sums(sparse: Sparse, x: Floats, out: Floats) -> None:
    """Write ``A x``; where most columns are closed, column by column."""
    pairs = 0
    for j in range(len(x)):
        if x[j] != 0.0:
            pairs += sparse.column_start[j + 1] - sparse.column_start[j]
    if 3 * pairs < len(sparse.row_column):
        out[:] = 0.0
        for j in range(len(x)):
            if x[j] != 0.0:
                for e in range(sparse.column_start[j], sparse.column_start[j + 1]):
                    out[sparse.column_row[e]] += x[j]
        return
    _gather(sparse.row_start, sparse.row_column, x, out)


@compiled
def column_sums(sparse: Sparse, u: Floats, out: Floats) -> None:
    """Write ``A' u``."""
    _gather(sparse.column_start, sparse.column_row, u, out)


@compiled
def step_sizes(sparse: Sparse, scale: Floats) -> tuple[Floats, Floats]:
    """Give each column and each class its step, by the sums of its row or column (Pock and Chambolle 2011).

    Multipliers of class r are measured in units of ``scale[r]``.
    """
    step, row_step = np.zeros(len(sparse.cost)), np.zeros(len(scale))
    usual = scale.mean() if len(scale) else 1.0
    for j in range(len(step)):
        for e in range(sparse.column_start[j], sparse.column_start[j + 1]):
            step[j] += scale[sparse.column_row[e]]
        step[j] = 1.0 / step[j] if step[j] > 0.0 else 1.0 / usual
    for r in range(len(scale)):
        row_step[r] = scale[r] / max(1, sparse.row_start[r + 1] - sparse.row_start[r])
    return step, row_step


@compiled
def _project(saddle: Saddle, at: Floats, weight: float, x: Floats) -> None:
    """Write the point of the box within the budget that is nearest to ``at`` in the norm of the steps.

    It is ``clip(at - price * step * cost)``; the price is found by Newton steps kept inside a bracket.
    """
    cost, lower, upper, budget = saddle.sparse.cost, saddle.lower, saddle.upper, saddle.budget[0]
    low, high, price, used = 0.0, 0.0, 0.0, 0.0
    for j in range(len(at)):
        x[j] = min(upper[j], max(lower[j], at[j]))
        used += cost[j] * x[j]
        if upper[j] > lower[j]:
            high = max(high, (at[j] - lower[j]) / (weight * saddle.step[j] * cost[j]))
    if used <= budget:
        return
    for _ in range(100):
        used, slope = 0.0, 0.0
        for j in range(len(at)):
            length = weight * saddle.step[j] * cost[j]
            moved = at[j] - price * length
            if lower[j] < moved < upper[j]:
                used += cost[j] * moved
                slope += cost[j] * length
            else:
                used += cost[j] * (lower[j] if moved <= lower[j] else upper[j])
        if abs(used - budget) <= 1e-11 * budget or high - low <= 1e-15 * high:
            break
        if used > budget:
            low = price
        else:
            high = price
        price = price + (used - budget) / slope if slope > 0.0 else high
        if not low < price < high:
            price = 0.5 * (low + high)
    for j in range(len(at)):
        x[j] = min(upper[j], max(lower[j], at[j] - price * weight * saddle.step[j] * cost[j]))


@compiled
def begin(saddle: Saddle, now: Iterate) -> None:
    """Start anew from (x, u)."""
    row_sums(saddle.sparse, now.x, now.cover)
    now.x_anchor[:], now.u_anchor[:], now.cover_anchor[:] = now.x, now.u, now.cover
    now.number[0], now.number[2], now.number[3], now.number[4] = 0.0, np.inf, np.inf, 0.0


@compiled
def _residual(saddle: Saddle, now: Iterate) -> float:
    """Measure the step from (x, u) in the norm in which the method contracts."""
    weight, total = now.number[1], 0.0
    for j in range(len(now.x)):
        total += (now.x_next[j] - now.x[j]) ** 2 / (saddle.step[j] * weight)
    for r in range(len(now.u)):
        moved = now.u_next[r] - now.u[r]
        total += moved * moved * weight / saddle.row_step[r]
        total += 2.0 * moved * (now.cover_next[r] - now.cover[r])
    return float(np.sqrt(max(total, 0.0)))


@compiled
def _restart(saddle: Saddle, now: Iterate) -> None:
    """Go on from the last step, with a primal weight in the proportion of what both sides moved."""
    columns, rows = 0.0, 0.0
    for j in range(len(now.x)):
        columns += (now.x_next[j] - now.x_anchor[j]) ** 2 / saddle.step[j]
    for r in range(len(now.u)):
        rows += (now.u_next[r] - now.u_anchor[r]) ** 2 / saddle.row_step[r]
    if columns > 1e-20 and rows > 1e-20:
        now.number[1] = np.sqrt(now.number[1] * np.sqrt(columns / rows))
    now.x[:], now.u[:], now.cover[:] = now.x_next, now.u_next, now.cover_next
    now.x_anchor[:], now.u_anchor[:], now.cover_anchor[:] = now.x, now.u, now.cover
    now.number[0], now.number[2], now.number[3] = 0.0, np.inf, np.inf


@compiled
def _step(saddle: Saddle, now: Iterate, at: Floats) -> None:
    """Take one step from (x, u) to (x_next, u_next): first the columns, then the classes against them."""
    weight = now.number[1]
    column_sums(saddle.sparse, now.u, now.worth)
    for j in range(len(at)):
        at[j] = now.x[j] + weight * saddle.step[j] * (now.worth[j] - saddle.toll[j])
    _project(saddle, at, weight, now.x_next)
    row_sums(saddle.sparse, now.x_next, now.cover_next)
    for r in range(len(now.u)):
        over = 2.0 * now.cover_next[r] - now.cover[r] - 1.0
        now.u_next[r] = min(saddle.cap[r], max(0.0, now.u[r] - saddle.row_step[r] / weight * over))


@compiled
def advance(saddle: Saddle, now: Iterate, steps: int) -> None:
    """Take so many steps; (x_next, u_next) is the last, and the method restarts where that pays.

    Primal-dual steps (Chambolle and Pock 2011), reflected and drawn to the anchor as in Halpern's iteration,
    with restarts and primal weights (Lu and Yang 2024; Applegate et al. 2023).
    """
    at = np.empty(len(now.x))
    for i in range(steps):
        _step(saddle, now, at)
        now.number[4] += 1.0
        if i == steps - 1 or now.number[0] == 0.0:
            residual = _residual(saddle, now)
            if now.number[0] == 0.0:
                now.number[2] = residual
            since, first, last = now.number[0], now.number[2], now.number[3]
            better = residual <= 0.2 * first or (residual <= 0.8 * first and residual > last)
            if since > 0.0 and (better or since >= 0.36 * now.number[4]):
                _restart(saddle, now)
                continue
            now.number[3] = residual
        keep = (now.number[0] + 1.0) / (now.number[0] + 2.0)
        for j in range(len(now.x)):
            reflected = 2.0 * now.x_next[j] - now.x[j]
            now.x[j] = keep * reflected + (1.0 - keep) * now.x_anchor[j]
        for r in range(len(now.u)):
            reflected = 2.0 * now.u_next[r] - now.u[r]
            now.u[r] = keep * reflected + (1.0 - keep) * now.u_anchor[r]
            reflected = 2.0 * now.cover_next[r] - now.cover[r]
            now.cover[r] = keep * reflected + (1.0 - keep) * now.cover_anchor[r]
        now.number[0] += 1.0


@compiled
def covered_part(saddle: Saddle, now: Iterate) -> float:
    """Residents that the last step's fractional plan covers."""
    total = 0.0
    for r in range(len(now.u)):
        total += saddle.sparse.weight[r] * min(1.0, now.cover_next[r])
    return total
