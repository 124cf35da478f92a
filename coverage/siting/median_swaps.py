"""Compiled loops of the p-median's plans: opening the candidates that save most, and swaps.

The lists are those of `median_kernels`: by row (``indptr, site, cost``) and turned around (``start, row,
column_cost``).
"""

# ruff: noqa: PLR0917 (compiled loops take arrays one by one)

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled
from .median_kernels import nearest_listed, nearest_open
from .reduce import Floats, Mask, Positions

_Array = NDArray[Any]


@compiled
def come_nearer(
    indptr: Positions,
    site: _Array,
    cost: Floats,
    start: Positions,
    row: _Array,
    column_cost: Floats,
    weight: Floats,
    first: Floats,
    gain: Floats,
    opened: int,
) -> None:
    """Bring rows nearer to a candidate just opened, and take off what others no longer save."""
    for e in range(start[opened], start[opened + 1]):
        i = row[e]
        new, old = column_cost[e], first[i]
        if new < old:
            first[i] = new
            for f in range(indptr[i], indptr[i + 1]):
                if cost[f] >= old:
                    break
                gain[site[f]] -= weight[i] * (old - max(cost[f], new))


@compiled
def gains_of(
    start: Positions, row: _Array, column_cost: Floats, weight: Floats, first: Floats, opened: Mask
) -> Floats:
    """Sum what opening each closed column saves, at the costs ``first`` of the rows (n,)."""
    gain = np.zeros(len(opened))
    for j in range(len(opened)):
        if not opened[j]:
            for e in range(start[j], start[j + 1]):
                gain[j] += weight[row[e]] * max(0.0, first[row[e]] - column_cost[e])
    return gain


@compiled
def fill(
    indptr: Positions,
    site: _Array,
    cost: Floats,
    start: Positions,
    row: _Array,
    column_cost: Floats,
    weight: Floats,
    beyond: Floats,
    opened: Mask,
    sites: int,
) -> Mask:
    """Open the candidates that save most, one by one, while fewer than ``sites`` are open: (n,) mask."""
    opened = opened.copy()
    _, first, _ = nearest_listed(indptr, site, cost, beyond, opened)
    gain = gains_of(start, row, column_cost, weight, first, opened)
    for _ in range(sites - opened.sum()):
        best, most = -1, 0.0
        for j in range(len(opened)):
            if not opened[j] and gain[j] > most:
                best, most = j, gain[j]
        if best < 0:
            break
        opened[best] = True
        come_nearer(indptr, site, cost, start, row, column_cost, weight, first, gain, best)
    return opened


@compiled
def losses_of(
    weight: Floats, who: Positions, first: Floats, second: Floats, n_columns: int
) -> tuple[Floats, float]:
    """Sum what closing each open column costs (n,), and the smallest change of costs that is no rounding."""
    loss, total = np.zeros(n_columns), 0.0  # the total of the costs that are added and taken away
    for i in range(len(who)):
        total += weight[i] * (second[i] if second[i] < np.inf else first[i])
        if who[i] >= 0:
            loss[who[i]] += weight[i] * (second[i] - first[i])
    return loss, 1e-12 * total


@compiled
def weigh_swaps(
    start: Positions,
    row: _Array,
    column_cost: Floats,
    weight: Floats,
    who: Positions,
    first: Floats,
    second: Floats,
    change: Floats,
    opening: int,
) -> float:
    """Sum what opening a column saves; ``change`` (n,) becomes what closing each costs once it is open.

    Before, ``change`` holds what closing each costs now. Every closing at once: FastPAM (Schubert and
    Rousseeuw 2021).
    """
    gain = 0.0
    for e in range(start[opening], start[opening + 1]):
        i, c = row[e], column_cost[e]
        if c < first[i]:
            gain += weight[i] * (first[i] - c)
            if who[i] >= 0:
                change[who[i]] -= weight[i] * (second[i] - first[i])
        elif c < second[i]:
            change[who[i]] -= weight[i] * (second[i] - c)
    return gain


@compiled
def look_again(
    indptr: Positions,
    site: _Array,
    cost: Floats,
    start: Positions,
    row: _Array,
    column_cost: Floats,
    weight: Floats,
    beyond: Floats,
    opened: Mask,
    who: Positions,
    first: Floats,
    second: Floats,
    loss: Floats,
    turned: int,
) -> None:
    """Find the nearest sites anew of the rows near a column just opened or closed, and what they cost."""
    for e in range(start[turned], start[turned + 1]):
        i = row[e]
        if column_cost[e] <= second[i]:
            if who[i] >= 0:
                loss[who[i]] -= weight[i] * (second[i] - first[i])
            who[i], first[i], second[i] = nearest_open(indptr, site, cost, beyond, opened, i)
            if who[i] >= 0:
                loss[who[i]] += weight[i] * (second[i] - first[i])


@compiled
def swap(
    indptr: Positions,
    site: _Array,
    cost: Floats,
    start: Positions,
    row: _Array,
    column_cost: Floats,
    weight: Floats,
    beyond: Floats,
    opened: Mask,
    most: int,
) -> tuple[Mask, bool]:
    """Replace open candidates by closed ones while it saves cost, ``most`` times: (n,) mask, whether done.

    For a candidate to be opened, the effect of every closing at once (FastPAM; Schubert and Rousseeuw 2021).
    """
    opened = opened.copy()
    n = len(opened)
    who, first, second = nearest_listed(indptr, site, cost, beyond, opened)
    loss, tiny = losses_of(weight, who, first, second, n)
    change, open_list = np.zeros(n), np.flatnonzero(opened)
    j, since, swaps = 0, 0, 0
    while since < n and swaps < most:
        if not opened[j] and len(open_list):
            for o in open_list:
                change[o] = loss[o]
            gain = weigh_swaps(start, row, column_cost, weight, who, first, second, change, j)
            best = 0
            for t in range(1, len(open_list)):
                if change[open_list[t]] < change[open_list[best]]:
                    best = t
            closing = open_list[best]
            if change[closing] < gain - tiny:
                swaps, since = swaps + 1, -1
                opened[closing], opened[j], open_list[best] = False, True, j
                for turned in (closing, j):
                    look_again(
                        indptr, site, cost, start, row, column_cost, weight, beyond, opened, who, first,
                        second, loss, turned,
                    )  # fmt: skip
                loss[closing] = 0.0
        since += 1
        j = (j + 1) % n
    return opened, since >= n
