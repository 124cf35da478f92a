"""The compiled search for the k nearest sites of every node."""

from __future__ import annotations

import numpy as np

from ...geodata.compiled import compiled
from .queue import (
    LABEL_BITS,
    LABEL_MASK,
    LATE,
    LEFT,
    RING,
    TOP,
    UNREACHED,
    Arcs,
    Array,
    Int,
    Queue,
    advance,
    fetch_ahead,
    inlined,
    larger,
    new_queue,
    put,
    take,
)

QUEUE = "c0519c73"
"""State of queue.py that these loops were last compiled with."""


@inlined
def _insert(keys: Array, edges: Array, u: Int, key: Int, edge: Int) -> bool:
    """Put (time, label) among the k least of a node, one of each label; tell whether they got better."""
    last = keys.shape[1] - 1
    place = 0
    while keys[u, place] < key:
        if (keys[u, place] ^ key) & LABEL_MASK == 0:
            return False
        place += 1
    if keys[u, place] == key:
        edges[u, place] = min(edges[u, place], edge)
        return False
    gap = place
    while gap < last and (keys[u, gap] ^ key) & LABEL_MASK != 0:
        gap += 1
    for i in range(gap, place, -1):
        keys[u, i], edges[u, i] = keys[u, i - 1], edges[u, i - 1]
    keys[u, place], edges[u, place] = key, edge
    return True


@compiled
def rank(
    arcs: Arcs, seeds: tuple[Array, Array, Array], k: Int, limit: Int, shift: Int
) -> tuple[Array, Array, Array]:
    """Spread seeds (node, time, label): (n, k) the k least (time, label) of different labels, and edges."""
    n = len(arcs[0]) - 1
    nothing = (np.int64(limit) << LABEL_BITS) | LABEL_MASK
    keys, edges = np.full((n, k), nothing), np.full((n, k), -1, np.int32)
    queue, base = new_queue(n // 32 + 2 * len(seeds[0]) + 64), np.int64(0)
    for i in range(len(seeds[0])):
        u, key = np.int64(seeds[0][i]), (np.int64(seeds[1][i]) << LABEL_BITS) | seeds[2][i]
        if key <= keys[u, k - 1] and _insert(keys, edges, u, key, -1):
            put(queue, base, (key >> LABEL_BITS) >> shift, (key >> LABEL_BITS) << 32 | u)
    while True:
        base, needed = _rank_on(arcs, (keys, edges), queue, base, shift)
        if needed == 0:
            break
        queue = larger(queue, needed)
    time, label = np.empty((n, k), np.int32), np.empty((n, k), np.int32)
    for v in range(n):
        for j in range(k):
            there = keys[v, j] != nothing
            time[v, j] = keys[v, j] >> LABEL_BITS if there else UNREACHED
            label[v, j] = keys[v, j] & LABEL_MASK if there else -1
    return time, label, edges


@compiled
def _rank_on(arcs: Arcs, state: tuple[Array, Array], queue: Queue, base: Int, shift: Int) -> tuple[Int, Int]:
    """Work the queue off until it is empty or needs room: (bucket, chunks needed)."""
    start, arc, number = arcs
    keys, edges = state
    k, flat, named = keys.shape[1], keys.reshape(-1), len(number) > 0
    while True:
        needed = queue[LATE] + 1
        if queue[LEFT] < needed:
            return base, needed
        base = advance(queue, base, shift)
        if base < 0:
            return base, 0
        slot = TOP + (base & (RING - 1))
        v = queue[queue[slot]] & LABEL_MASK
        if queue[LEFT] < k * (start[v + 1] - start[v]):
            return base, k * (start[v + 1] - start[v])
        now = take(queue, slot) >> 32
        if queue[slot] >= 0:
            fetch_ahead(queue, slot, start, arc, arc, flat, k)
        for j in range(k):
            key = keys[v, j]
            if key >> LABEL_BITS != now:
                continue
            for e in range(start[v], start[v + 1]):
                u, found = arc[e] & LABEL_MASK, key + (arc[e] >> 32 << LABEL_BITS)
                if found > keys[u, k - 1]:
                    continue
                edge = np.int64(number[e]) if named else e
                if _insert(keys, edges, u, found, edge):
                    put(queue, base, (found >> LABEL_BITS) >> shift, (found >> LABEL_BITS) << 32 | u)
