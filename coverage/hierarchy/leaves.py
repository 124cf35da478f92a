"""Order small pieces of a road network by what their contraction adds: least fill first, on sets of bits."""

from __future__ import annotations

import numpy as np

from ...geodata.compiled import compiled
from .arrays import Array, Graph, Int, Work

_DONE = np.iinfo(np.int64).max
_MOST_AROUND = 2048
"""Surroundings up to which a piece is worth sorting: those of roads have some dozens."""


@compiled
def order_leaf(graph: Graph, work: Work, low: Int, high: Int) -> None:
    """Sort a run of ``order`` into the order in which to contract its nodes."""
    order, place = work
    nodes = order[low:high].copy()
    for i in range(low, high):
        place[order[i]] = i
    around = _around(graph, work, low, high)
    if len(around) > _MOST_AROUND:
        return
    best = _least_fill(_neighbour_sets(graph, work, low, high, around), high - low)
    for i in range(len(nodes)):
        order[low + i] = nodes[best[i]]


@compiled
def _around(graph: Graph, work: Work, low: Int, high: Int) -> Array:
    """List the neighbours of a run that are not in it."""
    (first, other), order, count = graph, work[0], 0
    found = np.empty(_MOST_AROUND + 1, np.int32)
    for i in range(low, high):
        for e in range(first[order[i]], first[order[i] + 1]):
            if (
                count <= _MOST_AROUND
                and _find(work, low, high, found[:count], other[e]) == high - low + count
            ):
                found[count] = other[e]
                count += 1
    return found[:count]


@compiled
def _find(work: Work, low: Int, high: Int, around: Array, node: Int) -> Int:
    """Give the place of a node in a run or in its surroundings, behind both where it is in neither."""
    order, place = work
    at = place[node]  # of a node of another run: anything, even while another thread writes it
    if low <= at < high and order[at] == node:
        return at - low
    for j in range(len(around)):
        if around[j] == node:
            return high - low + j
    return high - low + len(around)


@compiled
def _neighbour_sets(graph: Graph, work: Work, low: Int, high: Int, around: Array) -> Array:
    """Give for each node the bits of its neighbours and of itself: first the run, then its surroundings.

    The surroundings are contracted later, and will all be joined to each other by then.
    """
    (first, other), count, n = graph, high - low, high - low + len(around)
    sets = np.zeros((n, (n + 63) // 64), np.uint64)
    for i in range(count):
        v = work[0][low + i]
        _join(sets, i, i)
        for e in range(first[v], first[v + 1]):
            j = _find(work, low, high, around, other[e])
            _join(sets, i, j)
            _join(sets, j, i)
    for i in range(count, n):
        for j in range(count, n):
            _join(sets, i, j)
    return sets


@compiled
def _join(sets: Array, i: Int, j: Int) -> None:
    sets[i, j >> 6] |= np.uint64(1) << np.uint64(j & 63)


@compiled
def _least_fill(sets: Array, count: Int) -> Array:
    """Order the first ``count`` nodes, always the one next whose contraction joins the fewest pairs."""
    fill, order = np.empty(count, np.int64), np.empty(count, np.int32)
    for v in range(count):
        fill[v] = _fill(sets, v)
    for i in range(count):
        best: Int = np.int64(np.argmin(fill))
        order[i], fill[best] = best, _DONE
        members, stale = _members(sets[best], best), np.zeros(len(sets), np.bool_)
        for u in members:
            for word in range(sets.shape[1]):
                sets[u, word] |= sets[best, word]
            sets[u, best >> 6] &= ~(np.uint64(1) << np.uint64(best & 63))
            for near in _members(sets[u], np.int64(-1)):
                stale[near] = True
        for u in range(count):
            if stale[u] and fill[u] != _DONE:
                fill[u] = _fill(sets, u)
    return order


@compiled
def _members(bits: Array, without: Int) -> Array:
    """List the positions of the bits that are set, but one."""
    found, count = np.empty(64 * len(bits), np.int64), 0
    for word in range(len(bits)):
        left = bits[word]
        while left != 0:
            low = left & (~left + np.uint64(1))
            left ^= low
            found[count] = 64 * word + _ones(low - np.uint64(1))
            count += found[count] != without
    return found[:count]


@compiled
def _fill(sets: Array, v: Int) -> Int:
    """Count the pairs of neighbours (twice) that are not joined yet."""
    missing = 0
    for u in _members(sets[v], v):
        for word in range(sets.shape[1]):
            missing += _ones(sets[v, word] & ~sets[u, word])
    return missing


@compiled
def _ones(bits: Int) -> Int:
    """Count the bits that are set in 64 (Warren, *Hacker's Delight*, 5-1)."""
    bits -= (bits >> np.uint64(1)) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))
