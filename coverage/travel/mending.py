"""The compiled steps by which an answer is mended.

The state of node v is two numbers side by side: its (time, label) at ``2 v`` and its edge at ``2 v + 1``. The
nodes whose answer may change are noted as bits, 64 to a number, and listed from these in ascending order:
nodes are numbered along a curve, so the passes over the list read memory nearly in order.
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
    fetch,
    fetch_ahead,
    inlined,
    larger,
    new_queue,
    put,
    take,
)

QUEUE = "c0519c73"
"""State of queue.py that these loops were last compiled with."""

_CUT = -2
"""Edge of a node whose way was cut."""
_WORD_BITS, _BLOCK = 6, 8
_WORD = 1 << _WORD_BITS

Answer = tuple[Array, Array, Array]
"""(n,) times, sites and edges as in `Nearest`."""
Work = tuple[Array, Array, Array]
"""(2 n,) state, (n + 1,) room for a list of nodes, (n / 64,) bits of the nodes noted."""
Edges = tuple[Array, Array, Array]
"""Changed edges: number, and the nodes where they begin and end in the direction of the search."""
Offers = tuple[Array, Array, Array]
"""What nodes might have now: node, (time, label), edge."""


def nothing_within(limit: int) -> int:
    """Give the (time, label) that is above all within a limit: that of nodes which nothing reaches."""
    return (limit << LABEL_BITS) | LABEL_MASK


@inlined
def _key_of(known: Answer, v: Int, nothing: Int) -> Int:
    """Read the (time, label) of a node off an answer."""
    return nothing if known[1][v] < 0 else (np.int64(known[0][v]) << LABEL_BITS) | known[1][v]


def work_of(known: Answer, nothing: int) -> Work:
    """Make the state of an answer, with nothing noted."""
    n = len(known[0])
    words = -(-n // (_WORD * _BLOCK)) * _BLOCK
    return _state_of(known, nothing), np.empty(n + 1, np.int32), np.zeros(words, np.int64)


@compiled
def _state_of(known: Answer, nothing: Int) -> Array:
    """Make the state of an answer."""
    state = np.empty(2 * len(known[0]), np.int64)
    for v in range(len(known[0])):
        state[2 * v], state[2 * v + 1] = _key_of(known, v, nothing), known[2][v]
    return state


@compiled
def mend(
    onward: BareRows,
    back: BareRows,
    cost: Array,
    changed: Edges,
    seeds: tuple[Array, Array],
    bounds: tuple[Int, Int, Int],
    work: Work,
) -> tuple[Int, bool]:
    """Bring the state to the network of now; list the nodes that were touched, ascending, in the room for it.

    Parameters
    ----------
    cost
        Times of now, by edge.
    seeds
        (node, (time, label)), ascending by node.
    bounds
        The (time, label) of nodes that nothing reaches, log2 of the width of the buckets, and the most nodes
        whose way may be cut.

    Returns
    -------
    tuple
        How many nodes are listed; and whether it was given up, because more nodes than that are cut.
    """
    (nothing, shift, most), (state, nodes, bits) = bounds, work
    count, low, high = _cut(onward, cost, changed, (nothing, most), work)
    count = _list_noted(bits, low, high, nodes)
    if count > most:
        return count, True
    offers = _offers(back, cost, changed, seeds, nothing, state, nodes[:count])
    if _settle(onward, cost, offers, shift, state, bits):
        count = _list_noted(bits, 0, len(bits) - 1, nodes)
    return count, False


@compiled
def _cut(
    onward: BareRows, cost: Array, changed: Edges, bounds: tuple[Int, Int], work: Work
) -> tuple[Int, Int, Int]:
    """Take the times from all nodes whose way came over a changed edge that got worse.

    They and all nodes behind them in the trees are noted, nothing reaches them and their edge is ``_CUT``.
    Returns how many there are, and the first and last number of the bits; it stops when there are more than
    ``most``.
    """
    (start, other, number), (nothing, most), (state, stack, bits) = onward, bounds, work
    named, count, top = len(number) > 0, 0, 0
    low: Int = len(bits)
    high: Int = -1
    for i in range(len(changed[0])):
        e, v, u, w = changed[0][i], changed[1][i], changed[2][i], np.int64(cost[changed[0][i]])
        if state[2 * u + 1] == e and (w < 0 or state[2 * v] + (w << LABEL_BITS) > state[2 * u]):
            state[2 * u], state[2 * u + 1] = nothing, _CUT
            stack[top] = u
            top += 1
    while top > 0 and count + top <= most:
        top -= 1
        v = np.int64(stack[top])
        if top > 0:
            fetch(other, start[stack[top - 1]])
        _note(v, bits)
        count, low, high = count + 1, min(low, v >> _WORD_BITS), max(high, v >> _WORD_BITS)
        for j in range(start[v], start[v + 1]):
            e, u = np.int64(number[j]) if named else j, np.int64(other[j])
            if state[2 * u + 1] == e:
                state[2 * u], state[2 * u + 1] = nothing, _CUT
                stack[top] = u
                top += 1
                fetch(start, u)
    for i in range(top):
        v = np.int64(stack[i])
        _note(v, bits)
        low, high = min(low, v >> _WORD_BITS), max(high, v >> _WORD_BITS)
    return count + top, low, high


@inlined
def _note(v: Int, bits: Array) -> bool:
    """Note a node; tell whether it was not noted yet."""
    word, bit = bits[v >> _WORD_BITS], np.int64(1) << (v & (_WORD - 1))
    bits[v >> _WORD_BITS] = word | bit
    return bool(word & bit == 0)


@compiled
def _list_noted(bits: Array, first: Int, last: Int, nodes: Array) -> Int:
    """List the nodes noted in the numbers from ``first`` to ``last``; return how many."""
    count = 0
    for block in range(first // _BLOCK * _BLOCK, last + 1, _BLOCK):
        some = bits[block]
        for i in range(block + 1, block + _BLOCK):
            some |= bits[i]
        if some == 0:
            continue
        for i in range(block, block + _BLOCK):
            word = bits[i]
            if word == 0:
                continue
            for j in range(_WORD):  # without a branch: what is written and does not count is written over
                nodes[count] = i * _WORD + j
                count += (word >> j) & 1
    return count


@compiled
def _offers(
    back: BareRows,
    cost: Array,
    changed: Edges,
    seeds: tuple[Array, Array],
    nothing: Int,
    state: Array,
    cut: Array,
) -> Offers:
    """List what cut nodes have from their neighbours that were not cut and from seeds, and changed edges."""
    (start, other, number), named = back, len(back[2]) > 0
    node = np.empty(len(cut) + len(changed[0]) + 1, np.int32)
    key, edge, count = np.empty(len(node), np.int64), np.empty(len(node), np.int32), 0
    s = np.searchsorted(seeds[0], cut[0]) if len(cut) else 0
    for u in cut:
        best: Int = nothing
        by: Int = np.int64(_CUT)
        for j in range(start[u], start[u + 1]):
            found = state[2 * np.int64(other[j])]
            if found == nothing:
                continue
            e = np.int64(number[j]) if named else j
            w = np.int64(cost[e])
            found += w << LABEL_BITS
            if w >= 0 and (found < best or (found == best and e < by)):
                best, by = found, e
        while s < len(seeds[0]) and seeds[0][s] <= u:
            if seeds[0][s] == u and seeds[1][s] <= best:
                best, by = seeds[1][s], np.int64(-1)
            s += 1
        node[count], key[count], edge[count] = u, best, by
        count += by != _CUT
    for i in range(len(changed[0])):
        w, found = np.int64(cost[changed[0][i]]), state[2 * changed[1][i]]
        node[count], key[count], edge[count] = changed[2][i], found + (w << LABEL_BITS), changed[0][i]
        count += (w >= 0) & (found != nothing) & (key[count] <= state[2 * changed[2][i]])
    return node[:count], key[:count], edge[:count]


@compiled
def _settle(onward: BareRows, cost: Array, offers: Offers, shift: Int, state: Array, bits: Array) -> bool:
    """Spread offers over the network; tell whether nodes were touched that were not noted before."""
    node, key, edge = offers
    queue, base, fresh = new_queue(len(node) + 64), np.int64(0), False
    if len(node) > 0:
        base = (key.min() >> LABEL_BITS) >> shift
    for i in range(len(node)):
        u, t = np.int64(node[i]), key[i] >> LABEL_BITS
        if key[i] < state[2 * u]:
            put(queue, base, t >> shift, t << 32 | u)
        elif key[i] > state[2 * u] or edge[i] >= state[2 * u + 1]:
            continue
        state[2 * u], state[2 * u + 1] = key[i], edge[i]
        fresh |= _note(u, bits)
    while True:
        base, needed, more = _settle_on(onward, cost, shift, state, bits, queue, base)
        fresh |= more
        if needed == 0:
            return fresh
        queue = larger(queue, needed)


@compiled
def _settle_on(
    onward: BareRows, cost: Array, shift: Int, state: Array, bits: Array, queue: Queue, base: Int
) -> tuple[Int, Int, bool]:
    """Work the queue off: (bucket, chunks needed, whether nodes were touched that were not noted before)."""
    (start, other, number), named, fresh = onward, len(onward[2]) > 0, False
    while True:
        needed = queue[LATE] + 1
        if queue[LEFT] < needed:
            return base, needed, fresh
        base = advance(queue, base, shift)
        if base < 0:
            return base, 0, fresh
        slot = TOP + (base & (RING - 1))
        v = queue[queue[slot]] & LABEL_MASK
        if queue[LEFT] < start[v + 1] - start[v]:
            return base, start[v + 1] - start[v], fresh
        entry = take(queue, slot)
        if queue[slot] >= 0:
            fetch_ahead(queue, slot, start, other, other if named else cost, state, 2)
        key = state[2 * v]
        if key >> LABEL_BITS != entry >> 32:
            continue
        for j in range(start[v], start[v + 1]):
            e, u = np.int64(number[j]) if named else j, np.int64(other[j])
            w = np.int64(cost[e])
            found = key + (w << LABEL_BITS)
            if w < 0 or found > state[2 * u]:
                continue
            if found < state[2 * u]:
                put(queue, base, (found >> LABEL_BITS) >> shift, (found >> LABEL_BITS) << 32 | u)
            elif e >= state[2 * u + 1]:
                continue
            state[2 * u], state[2 * u + 1] = found, e
            fresh |= _note(u, bits)


@compiled
def differing(
    known: Answer, nodes: Array, nothing: Int, work: Work, keep: bool
) -> tuple[Array, Array, Array, Array]:
    """List those of the touched nodes whose answer is another one now, with it; nothing is noted any more.

    Unless the state is to be kept, the nodes get back what they had.
    """
    state, _, bits = work
    node, time = np.empty(len(nodes), np.int32), np.empty(len(nodes), np.int32)
    site, edge, count = np.empty(len(nodes), np.int32), np.empty(len(nodes), np.int32), 0
    for v in nodes:
        key, t, label, e = state[2 * v], np.int64(UNREACHED), np.int64(-1), np.int64(-1)
        if key != nothing:
            t, label, e = key >> LABEL_BITS, key & LABEL_MASK, state[2 * v + 1]
        node[count], time[count], site[count], edge[count] = v, t, label, e
        count += (t != known[0][v]) | (label != known[1][v]) | (e != known[2][v])
        bits[v >> _WORD_BITS] = 0
        state[2 * v + 1] = e if keep else known[2][v]
        if not keep:
            state[2 * v] = _key_of(known, v, nothing)
    return node[:count], time[:count], site[:count], edge[:count]
