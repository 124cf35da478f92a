"""Compiled loops over the pairs of a covering plan: greedy orders, and every exchange of one site at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEVER = 2
"""Turn of a site that is not opened."""


class Pairs(NamedTuple):
    """Who covers whom, by row and by site, both ascending and without duplicates."""

    row_start: Ints
    row_site: Ints
    """Sites of row r: ``row_site[row_start[r]:row_start[r + 1]]``."""
    site_start: Ints
    site_row: Ints
    """Rows of site j: ``site_row[site_start[j]:site_start[j + 1]]``."""
    weight: Floats
    """(m,) residents of each row."""


@compiled
def order_by_gain(pairs: Pairs, turn: Ints, most: int) -> tuple[Ints, Floats, Floats]:
    """Open sites one by one, always the one that adds most; of equals the first.

    Parameters
    ----------
    turn
        (n,) sites of turn 0 are all opened before those of turn 1; `NEVER`.
    most
        Sites to open at most.

    Returns
    -------
    site, gain, left
        (q,) the order and what each adds; (q + 1, n) what each site would add after so many.
    """
    n = len(pairs.site_start) - 1
    again = np.zeros(n)
    for j in range(n):
        for e in range(pairs.site_start[j], pairs.site_start[j + 1]):
            again[j] += pairs.weight[pairs.site_row[e]]
    waiting = np.sum(turn == 0)
    steps = min(most, waiting + np.sum(turn == 1))
    site, gain, left = np.empty(steps, np.int64), np.zeros(steps), np.zeros((steps + 1, n))
    served, opened = np.zeros(len(pairs.weight), np.bool_), np.zeros(n, np.bool_)
    left[0] = again
    for step in range(steps):
        now, best = (0 if step < waiting else 1), -1
        for j in range(n):
            if turn[j] == now and not opened[j] and (best < 0 or again[j] > again[best]):
                best = j
        site[step], opened[best] = best, True
        for e in range(pairs.site_start[best], pairs.site_start[best + 1]):
            r = pairs.site_row[e]
            if not served[r]:
                served[r] = True
                gain[step] += pairs.weight[r]
                for f in range(pairs.row_start[r], pairs.row_start[r + 1]):
                    again[pairs.row_site[f]] -= pairs.weight[r]
        left[step + 1] = again
    return site, gain, left


@compiled
def exchanges(
    row_start: Ints, row_site: Ints, weight: Floats, place: Ints, count: int
) -> tuple[Floats, Floats, Floats]:
    """Value the exchange of every open site by every candidate, in one pass over the pairs.

    Rows that no open site covers are new to a candidate; rows that one site covers alone are lost with it,
    but for those that the candidate covers, too::

        cover(S - s + j) = cover(S) - sole(s) + new(j) + back(s, j)

    Parameters
    ----------
    place
        (n,) number of each open site among the open ones, -1 where a candidate is not open.
    count
        Number of open sites q.

    Returns
    -------
    sole, new, back
        (q,), (n,) and (q, n) residents.
    """
    n = len(place)
    sole, new, back = np.zeros(count), np.zeros(n), np.zeros((count, n))
    for r in range(len(weight)):
        times, last = 0, -1
        for e in range(row_start[r], row_start[r + 1]):
            if place[row_site[e]] >= 0:
                times += 1
                last = place[row_site[e]]
        if times == 0:
            for e in range(row_start[r], row_start[r + 1]):
                new[row_site[e]] += weight[r]
        elif times == 1:
            sole[last] += weight[r]
            for e in range(row_start[r], row_start[r + 1]):
                back[last, row_site[e]] += weight[r]
    return sole, new, back
