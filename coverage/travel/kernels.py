"""The compiled searches over a whole network, and over all that is within a limit."""

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
    Rows,
    advance,
    fetch_ahead,
    larger,
    new_queue,
    put,
    take,
)

QUEUE = "c0519c73"
"""State of queue.py that these loops were last compiled with."""

Work = tuple[Array, Array, Array]
"""(n,) times, (n + 1,) nodes touched, and room for the entries that the edges of one node make; the last
two are empty where only the times are wanted."""

_ROOM = 1 << 22
"""Entries for which a batch takes room from the start; what is not written to is never taken."""


@compiled
def spread(
    rows: Rows, seeds: tuple[Array, Array, Array, Array], barred: Array, limit: Int, shift: Int
) -> tuple[Array, Array, Array]:
    """Spread seeds (node, time, label, edge) over the network.

    Returns
    -------
    tuple
        (n,) least (time, label) of every node and the lowest edge by which it comes in, -1 where a seed
        without an edge gives the same. A node never takes the label that it is barred from, where ``barred``
        is not empty.
    """
    n = len(rows[0]) - 1
    nothing = (np.int64(limit) << LABEL_BITS) | LABEL_MASK
    state = np.empty(2 * n, np.int64)  # (time, label) of v at 2 v, its edge beside it
    state[::2] = nothing
    queue, base = new_queue(n // 64 + 2 * len(seeds[0]) + 64), np.int64(0)
    for i in range(len(seeds[0])):
        u, key, edge = np.int64(seeds[0][i]), (np.int64(seeds[1][i]) << LABEL_BITS) | seeds[2][i], seeds[3][i]
        if len(barred) > 0 and barred[u] == seeds[2][i]:
            continue
        if key < state[2 * u]:
            state[2 * u], state[2 * u + 1] = key, edge
            put(queue, base, (key >> LABEL_BITS) >> shift, (key >> LABEL_BITS) << 32 | u)
        elif key == state[2 * u] and edge < state[2 * u + 1]:
            state[2 * u + 1] = edge
    while True:
        base, needed = _spread_on(rows, state, barred, queue, base, shift)
        if needed == 0:
            break
        queue = larger(queue, needed)
    time, label, by = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    for v in range(n):
        key = state[2 * v]
        if key == nothing:
            time[v], label[v], by[v] = UNREACHED, -1, -1
        else:
            time[v], label[v], by[v] = key >> LABEL_BITS, key & LABEL_MASK, state[2 * v + 1]
    return time, label, by


@compiled
def _spread_on(
    rows: Rows, state: Array, barred: Array, queue: Queue, base: Int, shift: Int
) -> tuple[Int, Int]:
    """Work the queue off until it is empty or needs room: (bucket, chunks needed)."""
    start, other, cost, number = rows
    named, bars = len(number) > 0, len(barred) > 0
    while True:
        needed = queue[LATE] + 1
        if queue[LEFT] < needed:
            return base, needed
        base = advance(queue, base, shift)
        if base < 0:
            return base, 0
        slot = TOP + (base & (RING - 1))
        v = queue[queue[slot]] & LABEL_MASK
        if queue[LEFT] < start[v + 1] - start[v]:
            return base, start[v + 1] - start[v]
        entry = take(queue, slot)
        if queue[slot] >= 0:
            fetch_ahead(queue, slot, start, other, cost, state, 2)
        key = state[2 * v]
        if key >> LABEL_BITS != entry >> 32:
            continue
        for e in range(start[v], start[v + 1]):
            w = np.int64(cost[e])
            if w < 0:
                continue
            found, u = key + (w << LABEL_BITS), np.int64(other[e])
            if found > state[2 * u] or (bars and barred[u] == found & LABEL_MASK):
                continue
            edge = np.int64(number[e]) if named else e
            if found < state[2 * u]:
                state[2 * u], state[2 * u + 1] = found, edge
                put(queue, base, (found >> LABEL_BITS) >> shift, (found >> LABEL_BITS) << 32 | u)
            elif edge < state[2 * u + 1]:
                state[2 * u + 1] = edge


@compiled
def _reach(
    arcs: Arcs, limit: Int, shift: Int, work: Work, queue: Queue, base: Int, count: Int
) -> tuple[Int, Int, Int]:
    """Work the queue off into ``work``: (bucket, nodes touched, chunks needed)."""
    start, arc, _ = arcs
    time, touched, found = work
    whole = len(touched) == 0
    while True:
        needed = queue[LATE] + 1
        if queue[LEFT] < needed:
            return base, count, needed
        base = advance(queue, base, shift)
        if base < 0:
            return base, count, 0
        slot = TOP + (base & (RING - 1))
        v = queue[queue[slot]] & LABEL_MASK
        if queue[LEFT] < start[v + 1] - start[v]:
            return base, count, start[v + 1] - start[v]
        entry = take(queue, slot)
        if queue[slot] >= 0:
            fetch_ahead(queue, slot, start, arc, arc, time, 1)
        now = entry >> 32
        if time[v] != now:
            continue
        if whole:
            for e in range(start[v], start[v + 1]):
                u, t = arc[e] & LABEL_MASK, now + (arc[e] >> 32)
                if t < time[u] and t <= limit:
                    time[u] = t
                    put(queue, base, t >> shift, t << 32 | u)
            continue
        better = 0
        for e in range(start[v], start[v + 1]):  # no branches: at a limit none can foresee who improves
            u, t = arc[e] & LABEL_MASK, now + (arc[e] >> 32)
            before = np.int64(time[u])
            improves = (t < before) & (t <= limit)
            time[u] = t if improves else before
            touched[count], found[better] = u, t << 32 | u
            count += improves & (before == UNREACHED)
            better += improves
        for i in range(better):
            put(queue, base, (found[i] >> 32) >> shift, found[i])


@compiled
def _search(
    arcs: Arcs, seeds: tuple[Array, Array], limit: Int, shift: Int, work: Work, queue: Queue
) -> tuple[Queue, Int]:
    """Search from seeds (node, time) into ``work``: the queue, and how many nodes it touched."""
    time, touched, _ = work
    count, base = np.int64(0), np.int64(0)
    if queue[LEFT] < len(seeds[0]):
        queue = larger(queue, len(seeds[0]))
    for i in range(len(seeds[0])):
        u, t = np.int64(seeds[0][i]), np.int64(seeds[1][i])
        if t <= limit and t < time[u]:
            if time[u] == UNREACHED and len(touched) > 0:
                touched[count] = u
                count += 1
            time[u] = t
            put(queue, base, t >> shift, t << 32 | u)
    while True:
        base, count, needed = _reach(arcs, limit, shift, work, queue, base, count)
        if needed == 0:
            return queue, count
        queue = larger(queue, needed)


@compiled
def reach_many(
    arcs: Arcs, seeds: tuple[Array, Array], first: Array, limit: Int, shift: Int, work: Work
) -> tuple[Array, Array, Array]:
    """Search from each source i, the seeds ``first[i]:first[i + 1]``: (entries per source, nodes, times).

    All times of ``work`` are ``UNREACHED`` before and after.
    """
    time, touched, _ = work
    queue = new_queue(256)
    lengths, used = np.zeros(len(first) - 1, np.int64), 0
    room = max(1024, min(len(time) * len(lengths), _ROOM))
    nodes, times = np.empty(room, np.int32), np.empty(room, np.int32)
    for i in range(len(lengths)):
        own = slice(first[i], first[i + 1])
        queue, count = _search(arcs, (seeds[0][own], seeds[1][own]), limit, shift, work, queue)
        if used + count > len(nodes):
            size = max(2 * len(nodes), used + count)
            nodes, times = _grown(nodes, used, size), _grown(times, used, size)
        for j in range(count):
            v = touched[j]
            nodes[used + j], times[used + j], time[v] = v, time[v], UNREACHED
        used += count
        lengths[i] = count
    return lengths, nodes[:used].copy(), times[:used].copy()


@compiled
def _grown(array: Array, used: Int, size: Int) -> Array:
    """Copy an array into a longer one."""
    longer = np.empty(size, array.dtype)
    longer[:used] = array[:used]
    return longer


@compiled
def tree(arcs: Arcs, seeds: tuple[Array, Array], limit: Int, shift: Int, time: Array) -> None:
    """Search from seeds (node, time) into ``time``, all ``UNREACHED`` before."""
    work = time, np.empty(0, np.int32), np.empty(0, np.int64)
    _search(arcs, seeds, limit, shift, work, new_queue(len(time) // 64 + 64))
