"""The compiled steps by which an answer is mended.

The state of a node is one row of four numbers, since they are read together: time, site, edge, and whether
the node is noted. The log keeps the nodes noted, in order, and the time, site and edge that they had before.
"""

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
    Array,
    BareRows,
    Int,
    Queue,
    advance,
    inlined,
    larger,
    new_queue,
    put,
    take,
)

QUEUE = "c37174aa"
"""State of queue.py that these loops were last compiled with."""

CUT = -2
"""Edge of a node whose way was cut."""

Log = tuple[Array, Array]
_TIME, _SITE, _EDGE, _NOTED = range(4)


@compiled
def state_of(time: Array, site: Array, edge: Array) -> Array:
    """Make the (n, 4) state of an answer."""
    state = np.empty((len(time), 4), np.int32)
    for v in range(len(time)):
        state[v, _TIME], state[v, _SITE], state[v, _EDGE], state[v, _NOTED] = time[v], site[v], edge[v], 0
    return state


@inlined
def _give(u: Int, time: Int, site: Int, edge: Int, count: Int, state: Array, nodes: Array, old: Array) -> Int:
    """Give a node a time, site and edge, and note what it had; return how many nodes are noted."""
    if state[u, _NOTED] == 0:
        state[u, _NOTED], nodes[count] = 1, u
        for i in range(3):
            old[count, i] = state[u, i]
        count += 1
    state[u, _TIME], state[u, _SITE], state[u, _EDGE] = time, site, edge
    return count


@compiled
def cut(
    onward: BareRows, cost: Array, changed: tuple[Array, Array, Array], state: Array, log: Log, most: Int
) -> Int:
    """Take the times from all nodes whose way came over a changed edge (number, origin, end) that got worse.

    They and all nodes behind them in the trees are noted, their time is ``UNREACHED`` and their edge ``CUT``.
    Returns how many there are; it stops when there are more than ``most``.
    """
    (start, other, number), (nodes, old) = onward, log
    named, count, done = len(number) > 0, 0, 0
    for i in range(len(changed[0])):
        e, v, u = changed[0][i], changed[1][i], changed[2][i]
        worse = cost[e] < 0 or np.int64(state[v, _TIME]) + cost[e] > state[u, _TIME]
        if state[u, _EDGE] == e and worse:
            count = _give(u, UNREACHED, -1, CUT, count, state, nodes, old)
    while done < count <= most:
        v = nodes[done]
        done += 1
        for j in range(start[v], start[v + 1]):
            u, e = other[j], number[j] if named else j
            if state[u, _EDGE] == e:
                count = _give(u, UNREACHED, -1, CUT, count, state, nodes, old)
    return count


@compiled
def reseed(
    back: BareRows, cost: Array, seeds: tuple[Array, Array, Array], limit: Int, state: Array, nodes: Array
) -> None:
    """Offer the cut nodes what their neighbours that were not cut have, and their own seeds.

    Seeds (node, time, label) ascend by node.
    """
    start, other, number = back
    named = len(number) > 0
    for i in range(len(nodes)):
        u = nodes[i]
        best, edge = (np.int64(limit) << LABEL_BITS) | LABEL_MASK, CUT
        for j in range(start[u], start[u + 1]):
            v, e = other[j], number[j] if named else j
            if state[v, _SITE] < 0 or cost[e] < 0:
                continue
            key = (np.int64(state[v, _TIME]) + cost[e] << LABEL_BITS) | state[v, _SITE]
            if key < best or (key == best and e < edge):
                best, edge = key, e
        for j in range(np.searchsorted(seeds[0], u), len(seeds[0])):
            if seeds[0][j] != u:
                break
            key = (np.int64(seeds[1][j]) << LABEL_BITS) | seeds[2][j]
            if key <= best:
                best, edge = key, -1
        if edge != CUT:
            state[u, _TIME], state[u, _SITE], state[u, _EDGE] = best >> LABEL_BITS, best & LABEL_MASK, edge


@compiled
def offer(
    cost: Array, changed: tuple[Array, Array, Array], limit: Int, state: Array, log: Log, count: Int
) -> Int:
    """Offer the ends of changed edges (number, origin, end) what they bring now; how many nodes are noted."""
    nodes, old = log
    for i in range(len(changed[0])):
        e, v, u = changed[0][i], changed[1][i], changed[2][i]
        t, mark = np.int64(state[v, _TIME]) + cost[e], state[v, _SITE]
        if cost[e] < 0 or mark < 0 or t > limit or t > state[u, _TIME]:
            continue
        better = t < state[u, _TIME] or mark < state[u, _SITE]
        if better or (mark == state[u, _SITE] and e < state[u, _EDGE]):
            count = _give(u, t, mark, e, count, state, nodes, old)
    return count


@compiled
def settle(onward: BareRows, cost: Array, limit: Int, shift: Int, state: Array, log: Log, count: Int) -> Int:
    """Spread the noted nodes that have a time over the network; return how many nodes are noted then."""
    nodes = log[0]
    queue, base = new_queue(count + 64), np.int64(0)
    for i in range(count):
        t = np.int64(state[nodes[i], _TIME])
        if t != UNREACHED:
            put(queue, base, t >> shift, t << 32 | nodes[i])
    while True:
        base, count, needed = _settle_on(onward, cost, (limit, shift), state, log, (base, count), queue)
        if needed == 0:
            return count
        queue = larger(queue, needed)


@compiled
def _settle_on(
    onward: BareRows,
    cost: Array,
    bounds: tuple[Int, Int],
    state: Array,
    log: Log,
    at: tuple[Int, Int],
    queue: Queue,
) -> tuple[Int, Int, Int]:
    """Work the queue off: (bucket, nodes noted, chunks needed)."""
    (start, other, number), (nodes, old) = onward, log
    (limit, shift), (base, count), named = bounds, at, len(onward[2]) > 0
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
        now, mark = take(queue, slot) >> 32, state[v, _SITE]
        if state[v, _TIME] != now:
            continue
        for j in range(start[v], start[v + 1]):
            e, u = np.int64(number[j]) if named else j, np.int64(other[j])
            w, before = np.int64(cost[e]), state[u, _TIME]
            t = now + w
            if w < 0 or t > limit or t > before:
                continue
            better = t < before or mark < state[u, _SITE]
            if better or (mark == state[u, _SITE] and e < state[u, _EDGE]):
                count = _give(u, t, mark, e, count, state, nodes, old)
                if better:
                    put(queue, base, t >> shift, t << 32 | u)


@compiled
def finish(state: Array, log: Log, count: Int) -> Array:
    """Give nodes that nothing reaches any more the edge of such nodes, and list the nodes that differ."""
    nodes, old = log
    differing, used = np.empty(count, np.int32), 0
    for i in range(count):
        v = nodes[i]
        if state[v, _EDGE] == CUT:
            state[v, _EDGE] = -1
        same = state[v, _TIME] == old[i, _TIME] and state[v, _SITE] == old[i, _SITE]
        if not (same and state[v, _EDGE] == old[i, _EDGE]):
            differing[used] = v
            used += 1
    return differing[:used]


@compiled
def read(state: Array, nodes: Array) -> tuple[Array, Array, Array]:
    """Read the time, site and edge of nodes."""
    time, site = np.empty(len(nodes), np.int32), np.empty(len(nodes), np.int32)
    edge = np.empty(len(nodes), np.int32)
    for i in range(len(nodes)):
        v = nodes[i]
        time[i], site[i], edge[i] = state[v, _TIME], state[v, _SITE], state[v, _EDGE]
    return time, site, edge


@compiled
def put_back(state: Array, log: Log, count: Int) -> None:
    """Give the noted nodes back what they had and forget them."""
    nodes, old = log
    for i in range(count):
        for j in range(3):
            state[nodes[i], j] = old[i, j]
        state[nodes[i], _NOTED] = 0


@compiled
def forget(state: Array, nodes: Array) -> None:
    """Mark nodes as not noted."""
    for v in nodes:
        state[v, _NOTED] = 0
