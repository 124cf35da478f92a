"""Compiled loops of the p-median: lists of near candidates, multipliers, cuts.

Lists are compressed rows: demand i has the candidates ``site[indptr[i]:indptr[i + 1]]`` at ascending
``cost``; what is not listed costs at least ``beyond[i]``.
"""

# ruff: noqa: PLR0917, PLR0912 (compiled loops take arrays one by one)

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled
from .reduce import Floats, Mask, Positions

_Array = NDArray[Any]


@compiled
def row_hashes(matrix: _Array, rows: Positions, key: Floats) -> Floats:
    """Hash the rows of a dense matrix: (len(rows),), equal rows alike."""
    found = np.zeros(len(rows))
    for i in range(len(rows)):
        total = 0.0
        for j in range(matrix.shape[1]):
            cost = float(matrix[rows[i], j])
            if cost < np.inf:
                total += (cost + 1.0) * key[j]
        found[i] = total
    return found


@compiled
def look_at_lists(indptr: Positions, site: _Array, cost: Floats, n_columns: int) -> tuple[bool, bool]:
    """Tell whether all rows ascend by cost with a finite end, and whether one names a candidate twice."""
    ascending, twice = True, False
    last = np.full(n_columns, -1, np.int64)
    for i in range(len(indptr) - 1):
        for e in range(indptr[i], indptr[i + 1]):
            twice = twice or last[site[e]] == i
            last[site[e]] = i
            if e > indptr[i]:
                ascending = ascending and (
                    cost[e - 1] < cost[e] or (cost[e - 1] == cost[e] and site[e - 1] < site[e])
                )
            ascending = ascending and cost[e] < np.inf
    return ascending, twice


@compiled
def kth_smallest(matrix: _Array, rows: Positions, columns: Positions, k: int) -> Floats:
    """Find the cost of the k-th nearest of some candidates, k from 1 to their number: (len(rows),).

    The k least costs so far are kept in order: for a small k faster than to part all of them.
    """
    found, least = np.empty(len(rows)), np.empty(k)
    for i in range(len(rows)):
        least[:] = np.inf
        for j in columns:
            cost, place = float(matrix[rows[i], j]), k - 1
            if cost < least[place]:
                while place > 0 and least[place - 1] > cost:
                    least[place] = least[place - 1]
                    place -= 1
                least[place] = cost
        found[i] = least[k - 1]
    return found


@compiled
def list_near(
    matrix: _Array, rows: Positions, columns: Positions, within: Floats, cap: Floats
) -> tuple[Positions, _Array, Floats, Floats]:
    """List the candidates at most ``within`` and below ``cap``, per row: indptr, column, cost, beyond."""
    n_rows, n_columns = len(rows), len(columns)
    indptr = np.zeros(n_rows + 1, np.int64)
    for i in range(n_rows):
        count = 0
        for t in range(n_columns):
            cost = matrix[rows[i], columns[t]]
            if cost <= within[i] and cost < cap[i]:
                count += 1
        indptr[i + 1] = indptr[i] + count
    site, cost_of = np.empty(indptr[-1], np.int32), np.empty(indptr[-1])
    beyond = cap.copy()
    for i in range(n_rows):
        first, count = indptr[i], 0
        for t in range(n_columns):
            cost = float(matrix[rows[i], columns[t]])
            if cost <= within[i] and cost < cap[i]:
                site[first + count] = t
                cost_of[first + count] = cost
                count += 1
            elif cost < beyond[i]:
                beyond[i] = cost
        if count > 100:
            order = np.argsort(cost_of[first : first + count], kind="mergesort")
            site[first : first + count] = site[first : first + count][order]
            cost_of[first : first + count] = cost_of[first : first + count][order]
            continue
        for e in range(first + 1, first + count):
            cost, position, f = cost_of[e], site[e], e
            while f > first and cost_of[f - 1] > cost:
                cost_of[f], site[f] = cost_of[f - 1], site[f - 1]
                f -= 1
            cost_of[f], site[f] = cost, position
    return indptr, site, cost_of, beyond


@compiled
def two_nearest(matrix: _Array, rows: Positions, sites: Positions) -> tuple[Positions, Floats, Floats]:
    """Find the nearest of some sites (-1: none), its cost and that of the second: three (len(rows),)."""
    who = np.full(len(rows), -1, np.int64)
    first, second = np.full(len(rows), np.inf), np.full(len(rows), np.inf)
    for i in range(len(rows)):
        for j in sites:
            cost = float(matrix[rows[i], j])
            if cost < first[i]:
                second[i] = first[i]
                who[i], first[i] = j, cost
            elif cost < second[i]:
                second[i] = cost
    return who, first, second


@compiled
def by_column(
    indptr: Positions, site: _Array, cost: Floats, n_columns: int
) -> tuple[Positions, _Array, Floats]:
    """Turn the lists around: start (n + 1,), row and cost of each candidate's entries, rows ascending."""
    start = np.zeros(n_columns + 1, np.int64)
    for j in site:
        start[j + 1] += 1
    for j in range(n_columns):
        start[j + 1] += start[j]
    place = start[:-1].copy()
    row, cost_of = np.empty(len(site), np.int32), np.empty(len(site))
    for i in range(len(indptr) - 1):
        for e in range(indptr[i], indptr[i + 1]):
            row[place[site[e]]] = i
            cost_of[place[site[e]]] = cost[e]
            place[site[e]] += 1
    return start, row, cost_of


@compiled
def nearest_open(
    indptr: Positions, site: _Array, cost: Floats, beyond: Floats, opened: Mask, i: int
) -> tuple[int, float, float]:
    """Find the nearest open candidate of row i (-1: none listed), its cost, and the cost of the second."""
    who, first = -1, beyond[i]
    for e in range(indptr[i], indptr[i + 1]):
        if opened[site[e]]:
            if who >= 0:
                return who, first, cost[e]
            who, first = site[e], cost[e]
    return who, first, beyond[i]


@compiled
def nearest_listed(
    indptr: Positions, site: _Array, cost: Floats, beyond: Floats, opened: Mask
) -> tuple[Positions, Floats, Floats]:
    """Find the nearest open candidate of every row as `two_nearest` does, as far as listed: three (k,)."""
    who, first, second = np.empty(len(beyond), np.int64), np.empty(len(beyond)), np.empty(len(beyond))
    for i in range(len(beyond)):
        who[i], first[i], second[i] = nearest_open(indptr, site, cost, beyond, opened, i)
    return who, first, second


@compiled
def worths(
    indptr: Positions, site: _Array, cost: Floats, weight: Floats, level: Floats, n_columns: int
) -> Floats:
    """Sum what each candidate saves against the levels: (n,) ``sum_i w_i max(0, level_i - c_ij)``."""
    worth = np.zeros(n_columns)
    for i in range(len(weight)):
        for e in range(indptr[i], indptr[i + 1]):
            saved = level[i] - cost[e]
            if saved <= 0.0:
                break
            worth[site[e]] += weight[i] * saved
    return worth


@compiled
def ascend(
    indptr: Positions,
    site: _Array,
    cost: Floats,
    weight: Floats,
    beyond: Floats,
    sites: int,
    level: Floats,
    direction: Floats,
    step: float,
    upper: float,
    rounds: int,
) -> tuple[float, Floats, Floats, Floats, float, Floats]:
    """Raise the Lagrangian bound by subgradient steps with deflection (Camerini, Fratta and Maffioli 1975).

    Returns
    -------
    best, best_level, level, direction, step, share
        The best bound and its levels, the state to go on from, and how often each candidate was chosen (n,).
    """
    n = len(direction) - len(weight)
    level, direction = level.copy(), direction.copy()
    best, best_level, share, stall = -np.inf, level.copy(), np.zeros(n), 0
    for _ in range(rounds):
        worth = worths(indptr, site, cost, weight, level, n)
        order = np.argsort(-worth, kind="mergesort")
        chosen = np.zeros(n, np.bool_)
        bound = 0.0
        for i in range(len(weight)):
            bound += weight[i] * level[i]
        for t in range(min(sites, n)):
            chosen[order[t]] = True
            share[order[t]] += 1.0 / rounds
            bound -= worth[order[t]]
        if bound > best:
            stall = 0 if bound > best + 1e-4 * (upper - best) else stall + 1
            best = bound
            best_level[:] = level
        else:
            stall += 1
        if stall >= 8:
            step, stall = step * 0.6, 0
            level[:] = best_level
        norm = 0.0
        for i in range(len(weight)):
            short = 1.0
            for e in range(indptr[i], indptr[i + 1]):
                if cost[e] >= level[i]:
                    break
                if chosen[site[e]]:
                    short -= 1.0
            direction[i] = 0.7 * short + 0.3 * direction[i]
            if short > 0.0 and level[i] >= beyond[i]:
                direction[i] = 0.0
            norm += weight[i] * direction[i] * direction[i]
        if norm <= 0.0:
            break
        length = step * max(upper - bound, 1e-9 * abs(upper)) / norm
        for i in range(len(weight)):
            level[i] = max(0.0, min(beyond[i], level[i] + length * direction[i]))
    return best, best_level, level, direction, step, share


@compiled
def levels_at(indptr: Positions, site: _Array, cost: Floats, beyond: Floats, fraction: Floats) -> Floats:
    """Find the cost at which the fractions of the nearest candidates add up to 1, else ``beyond``: (k,)."""
    level = beyond.copy()
    for i in range(len(beyond)):
        total = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            total += fraction[site[e]]
            if total >= 1.0 - 1e-9:
                level[i] = cost[e]
                break
    return level


@compiled
def cut_at(
    indptr: Positions,
    site: _Array,
    cost: Floats,
    weight: Floats,
    group: Positions,
    n_groups: int,
    n_columns: int,
    level: Floats,
) -> tuple[Floats, Floats]:
    """Sum the cuts at some levels over groups: constant (g,) and slope (g, n)."""
    constant, slope = np.zeros(n_groups), np.zeros((n_groups, n_columns))
    for i in range(len(weight)):
        g = group[i]
        constant[g] += weight[i] * level[i]
        for e in range(indptr[i], indptr[i + 1]):
            saved = level[i] - cost[e]
            if saved <= 0.0:
                break
            slope[g, site[e]] += weight[i] * saved
    return constant, slope
