"""Compiled loops of the search for plans under limits on the sites: opening, swapping and repairing.

Limits come as compressed columns: site j takes ``value[e]`` of limit ``row[e]`` for e in
``start[j]..start[j + 1]``; ``room`` is what is left of each limit, negative where it is broken.
"""

# ruff: noqa: PLR0917, PLR0912 (compiled loops take arrays one by one)

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled
from .median_kernels import nearest_listed
from .median_swaps import come_nearer, gains_of, look_again, losses_of, weigh_swaps
from .reduce import Floats, Mask, Positions

_Array = NDArray[Any]


@compiled
def may_swap(
    start: Positions, row: _Array, value: Floats, room: Floats, taken: Floats, tight: int, closing: int
) -> bool:
    """Tell whether closing a site keeps all limits, while another is opened that takes ``taken``.

    ``tight`` is the number of limits that opening the other alone would break.
    """
    for e in range(start[closing], start[closing + 1]):
        q = row[e]
        if room[q] - taken[q] + value[e] < 0.0:
            return False
        if room[q] - taken[q] < 0.0:
            tight -= 1
    return tight == 0


@compiled
def take(start: Positions, row: _Array, value: Floats, room: Floats, taken: Floats, j: int) -> int:
    """Write what a site takes of the limits into ``taken``; how many limits it alone would break."""
    tight = 0
    for e in range(start[j], start[j + 1]):
        taken[row[e]] = value[e]
        if room[row[e]] - value[e] < 0.0:
            tight += 1
    for q in range(len(room)):
        if room[q] < 0.0 and taken[q] == 0.0:
            tight += 1
    return tight


@compiled
def _clear(start: Positions, row: _Array, taken: Floats, j: int) -> None:
    for e in range(start[j], start[j + 1]):
        taken[row[e]] = 0.0


@compiled
def _book(start: Positions, row: _Array, value: Floats, room: Floats, j: int, sign: float) -> None:
    """Take a site off the room (sign 1), or give it back (-1)."""
    for e in range(start[j], start[j + 1]):
        room[row[e]] -= sign * value[e]


@compiled
def _more_broken(start: Positions, row: _Array, value: Floats, room: Floats, j: int, sign: float) -> float:
    """Sum by how much more the limits are broken when a site is opened (sign 1) or closed (-1)."""
    total = 0.0
    for e in range(start[j], start[j + 1]):
        total += max(0.0, sign * value[e] - room[row[e]]) - max(0.0, -room[row[e]])
    return total


@compiled
def repair(
    start: Positions, row: _Array, value: Floats, room: Floats, opened: Mask, sites: int, score: Floats
) -> Mask:
    """Break limits less and less by opening, closing or swapping single sites: (n,) mask."""
    n = len(opened)
    opened, room = opened.copy(), room.copy()
    for _ in range(4 * n):
        broken = 0.0
        for q in range(len(room)):
            broken += max(0.0, -room[q])
        count = opened.sum()
        if broken <= 0.0 and count <= sites:
            break
        best, kept, opening, closing = -1e-12, -np.inf, -1, -1
        if count > sites:  # too many: close the one that breaks the least, then the one that is worth least
            best = np.inf
        for o in range(-1, n):
            if o >= 0 and not opened[o]:
                continue
            less = 0.0
            if o >= 0:
                less = _more_broken(start, row, value, room, o, -1.0)
                if less < best - 1e-12 or (less <= best + 1e-12 and -score[o] > kept):
                    best, kept, opening, closing = less, -score[o], -1, o
                _book(start, row, value, room, o, -1.0)
            if count <= sites and (o >= 0 or count < sites):
                for j in range(n):
                    if not opened[j]:
                        change = less + _more_broken(start, row, value, room, j, 1.0)
                        gain = score[j] - (score[o] if o >= 0 else 0.0)
                        if change < best - 1e-12 or (
                            change <= best + 1e-12 and change < -1e-12 and gain > kept
                        ):
                            best, kept, opening, closing = change, gain, j, o
            if o >= 0:
                _book(start, row, value, room, o, 1.0)
        if opening < 0 and closing < 0:
            break
        if closing >= 0:
            opened[closing] = False
            _book(start, row, value, room, closing, -1.0)
        if opening >= 0:
            opened[opening] = True
            _book(start, row, value, room, opening, 1.0)
    return opened


@compiled
def fill_allowed(
    indptr: Positions,
    site: _Array,
    cost: Floats,
    start: Positions,
    row: _Array,
    column_cost: Floats,
    weight: Floats,
    beyond: Floats,
    limit_start: Positions,
    limit_row: _Array,
    limit_value: Floats,
    room: Floats,
    opened: Mask,
    sites: int,
    by_room: bool,
) -> Mask:
    """Open the columns that save most, one by one, while limits allow it and fewer than ``sites`` are open.

    With ``by_room`` they are ranked by what they save for each part of the room left that they take.
    """
    opened, room, taken = opened.copy(), room.copy(), np.zeros(len(room))
    _, first, _ = nearest_listed(indptr, site, cost, beyond, opened)
    gain = gains_of(start, row, column_cost, weight, first, opened)
    while opened.sum() < sites:
        best, most = -1, 0.0
        for j in range(len(opened)):
            if opened[j] or gain[j] <= 0.0:
                continue
            tight = take(limit_start, limit_row, limit_value, room, taken, j)
            _clear(limit_start, limit_row, taken, j)
            if tight:
                continue
            share = 1.0
            if by_room:
                for e in range(limit_start[j], limit_start[j + 1]):
                    share += max(0.0, limit_value[e]) / max(room[limit_row[e]], 1e-9)
            if gain[j] / share > most:
                best, most = j, gain[j] / share
        if best < 0:
            break
        opened[best] = True
        _book(limit_start, limit_row, limit_value, room, best, 1.0)
        come_nearer(indptr, site, cost, start, row, column_cost, weight, first, gain, best)
    return opened


@compiled
def swap_allowed(
    indptr: Positions,
    site: _Array,
    cost: Floats,
    start: Positions,
    row: _Array,
    column_cost: Floats,
    weight: Floats,
    beyond: Floats,
    limit_start: Positions,
    limit_row: _Array,
    limit_value: Floats,
    room: Floats,
    opened: Mask,
    most: int,
) -> tuple[Mask, bool]:
    """Do as `median_swaps.swap`, with those swaps alone that keep all limits."""
    opened, room = opened.copy(), room.copy()
    n = len(opened)
    taken, change = np.zeros(len(room)), np.zeros(n)
    who, first, second = nearest_listed(indptr, site, cost, beyond, opened)
    loss, tiny = losses_of(weight, who, first, second, n)
    open_list = np.flatnonzero(opened)
    j, since, swaps = 0, 0, 0
    while since < n and swaps < most:
        if not opened[j]:
            for o in open_list:
                change[o] = loss[o]
            gain = weigh_swaps(start, row, column_cost, weight, who, first, second, change, j)
            tight = take(limit_start, limit_row, limit_value, room, taken, j)
            best = -1
            for t in range(len(open_list)):
                o = open_list[t]
                better = change[o] < gain - tiny and (best < 0 or change[o] < change[open_list[best]])
                if better and may_swap(limit_start, limit_row, limit_value, room, taken, tight, o):
                    best = t
            _clear(limit_start, limit_row, taken, j)
            if best >= 0:
                closing = open_list[best]
                swaps, since = swaps + 1, -1
                opened[closing], opened[j], open_list[best] = False, True, j
                _book(limit_start, limit_row, limit_value, room, closing, -1.0)
                _book(limit_start, limit_row, limit_value, room, j, 1.0)
                for turned in (closing, j):
                    look_again(
                        indptr, site, cost, start, row, column_cost, weight, beyond, opened, who, first,
                        second, loss, turned,
                    )  # fmt: skip
                loss[closing] = 0.0
        since += 1
        j = (j + 1) % n
    return opened, since >= n
