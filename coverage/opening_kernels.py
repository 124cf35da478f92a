"""Compiled passes over the rows of a matrix: who is served in which hours, and what a site would add."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import compiled

Array = NDArray[Any]
Pairs = tuple[Array, Array, Array]
"""First entry of each row, site and cost of each entry; in a row ascending by cost."""


@compiled
def open_rows(pairs: Pairs, most: int, masks: Array) -> Array:
    """Join the (s, words) masks of the sites within the limit of each row by OR: (rows, words)."""
    indptr, site, cost = pairs
    n, words = len(indptr) - 1, masks.shape[1]
    out = np.zeros((n, words), np.uint64)
    for row in range(n):
        for entry in range(indptr[row], indptr[row + 1]):
            if cost[entry] > most:
                break
            for word in range(words):
                out[row, word] |= masks[site[entry], word]
    return out


@compiled
def by_cell(masks: Array, weight: Array, cell: Array, bits: tuple[int, int], out: Array) -> None:
    """Add the weight of each row to its cell for every bit that its mask has, of those from first to last.

    ``out`` is (n, last - first) and holds zeros.
    """
    first, last = bits
    for row in range(len(masks)):
        for bit in range(first, last):
            if (masks[row, bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1):
                out[cell[row], bit - first] += weight[row]


@compiled
def gains(pairs: Pairs, most: int, left: Array, n_sites: int) -> Array:
    """Add up what is left in the rows within the limit of each site: (s,)."""
    indptr, site, cost = pairs
    out = np.zeros(n_sites)
    for row in range(len(indptr) - 1):
        for entry in range(indptr[row], indptr[row + 1]):
            if cost[entry] > most:
                break
            out[site[entry]] += left[row]
    return out


@compiled
def take(pairs: Pairs, most: int, chosen: int, left: Array, gain: Array) -> None:
    """Cover the rows of a site: nothing is left in them, and what was is taken from their sites' gains."""
    indptr, site, cost = pairs
    for row in range(len(indptr) - 1):
        if left[row] > 0:
            here, end = False, indptr[row]
            while end < indptr[row + 1] and cost[end] <= most:
                here = here or site[end] == chosen
                end += 1
            if here:
                for entry in range(indptr[row], end):
                    gain[site[entry]] -= left[row]
                left[row] = 0.0
