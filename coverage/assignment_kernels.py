"""Compiled passes of the assignment: the pairs in ascending order, and who takes what."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import compiled

Array = NDArray[Any]

_DIGIT = 1 << 16
_LOW = np.int64(0xFFFF_FFFF)
_NOISE = 1e-9
"""Fractions of a person below which nothing is left."""


@compiled
def usable(pairs: tuple[Array, Array, Array], need: Array, persons: Array, limit: int) -> Array:
    """List the pairs within a limit with a need and a capacity: ``row << 32 | entry``, rows ascending.

    ``pairs`` are (first entry of each row, site, cost).
    """
    indptr, site, cost = pairs
    count = 0
    for row in range(len(indptr) - 1):
        if need[row] > 0:
            for entry in range(indptr[row], indptr[row + 1]):
                count += (cost[entry] <= limit) & (persons[site[entry]] > 0)
    pair, at = np.empty(count, np.int64), 0
    for row in range(len(indptr) - 1):
        if need[row] > 0:
            for entry in range(indptr[row], indptr[row + 1]):
                if (cost[entry] <= limit) & (persons[site[entry]] > 0):
                    pair[at] = np.int64(row) << 32 | entry
                    at += 1
    return pair


@compiled
def by_cost(pair: Array, cost: Array) -> Array:
    """Sort pairs by cost; equally costly ones stay in order (radix sort, two digits of 16 bits)."""
    other = np.empty_like(pair)
    for shift in (0, 16):
        first = np.zeros(_DIGIT + 1, np.int64)
        for each in pair:
            first[(cost[each & _LOW] >> shift & 0xFFFF) + 1] += 1
        first = np.cumsum(first)
        for each in pair:
            digit = cost[each & _LOW] >> shift & 0xFFFF
            other[first[digit]] = each
            first[digit] += 1
        pair, other = other, pair
    return pair


@compiled
def take(pair: Array, site: Array, need: Array, persons: Array, entries: int) -> tuple[Array, Array, Array]:
    """Let every pair in turn take what is left of both: (flow by entry, need left, capacity left)."""
    flow, unserved, left = np.zeros(entries, need.dtype), need.copy(), persons.copy()
    for each in pair:
        row, entry = each >> 32, each & _LOW
        amount = min(unserved[row], left[site[entry]])
        if amount > 0:
            flow[entry] = amount
            unserved[row] -= amount
            left[site[entry]] -= amount
            if unserved[row] < _NOISE:
                unserved[row] = 0
            if left[site[entry]] < _NOISE:
                left[site[entry]] = 0
    return flow, unserved, left
