"""The compiled loops over a whole network, and the queue that they share.

The queue is a ring of buckets (Dial 1969, *Communications of the ACM* 12:632; Denardo and Fox 1979,
*Operations Research* 27:161): bucket ``b`` holds the nodes to look at whose time is ``b << shift`` to
``(b + 1 << shift) - 1``. Buckets come up in order; inside one, labels are corrected until they stand, so the
result is exact for any width. Times beyond the ring wait in one more bucket, ``late``, and are dealt out when
the ring has turned. A bucket is a stack of chunks of 32 numbers: the first leads to the chunk below, the
others are ``time << 32 | node``. A node whose time improves is queued again; the older entry no longer
fits and is dropped when it comes up. So nothing is unlinked, and the next entries are known early enough to
fetch their rows ahead: on 1.5 M nodes the processor otherwise waits for memory half of the time.

Time and label of a node are one number, ``time << LABEL_BITS | label``: one comparison decides by time, then by
the lowest label. All compiled functions that call each other stand in one file, because numba looks only at
the file of the outermost for changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ...geodata.compiled import compiled

Array = NDArray[Any]
Rows = tuple[Array, Array, Array, Array]
"""(start, other end, centiseconds, number) of the edges by node; ``number`` is empty where it is the position."""
Arcs = tuple[Array, Array, Array]
"""(start, arc, number) of the edges by node: ``arc`` is ``centiseconds << 32 | other end``, what a search adds to
an entry of its queue; that of a closed edge is too long for any limit."""
Queue = NDArray[np.int64]
"""Head (see ``_FREE``), the top entry of each bucket or -1, then the chunks: one array, since numba counts
references to every array of a tuple anew in the loops."""

BareRows = tuple[Array, Array, Array]
"""(start, other end, number) of the edges by node, as `Rows` without the times."""
State = tuple[Array, Array, Array]
"""(time, site, edge) of every node."""
Log = tuple[Array, Array, Array]
"""(n,) whether a node is noted; the nodes noted, in order; (n, 3) their time, site and edge of before."""

UNREACHED = np.iinfo(np.int32).max
"""Centiseconds of a node that nothing reaches."""

LABEL_BITS = 31
LABEL_MASK = (1 << LABEL_BITS) - 1
_CHUNK = 32
_LAST = _CHUNK - 1
_RING = 1 << 13
_FREE, _USED, _QUEUED, _LATE, _LEFT = range(5)
"""Places in the head: first chunk that was given back or -1, end of the chunks ever used, entries in the ring,
late entries, chunks not in use."""
_TOP = 8
_CHUNKS = _TOP + _RING + 1 + _CHUNK - (_TOP + _RING + 1) % _CHUNK
_FETCH_ROW, _FETCH_START = 4, 8  # entries ahead: measured on 1.5 M nodes

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _inlined(function: _Function) -> _Function:
    """Compile into the callers."""
    return cast(_Function, numba.njit(forceinline=True)(function))


@_inlined
def _note(
    v: int, count: int, time: Array, site: Array, by: Array, noted: Array, nodes: Array, old: Array
) -> int:
    """Keep what a node had, once; return how many are noted."""
    if noted[v] != 0:
        return count
    noted[v], nodes[count] = 1, v
    old[count, 0], old[count, 1], old[count, 2] = time[v], site[v], by[v]
    return count + 1


@intrinsic  # type: ignore[untyped-decorator]
def _fetch(_context: Any, array: Any, _index: Any) -> Any:
    """Ask the processor to bring ``array[index]`` of a one-dimensional array near; never fails."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(fetch, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@_inlined
def _new_queue(chunks: int) -> Queue:
    queue = np.empty(_CHUNKS + chunks * _CHUNK, np.int64)
    queue[: _TOP + _RING + 1] = -1
    queue[_USED], queue[_QUEUED], queue[_LATE], queue[_LEFT] = _CHUNKS, 0, 0, chunks
    return queue


@compiled
def _larger(queue: Queue, needed: int) -> Queue:
    """Copy a queue into one with room for twice as many chunks and those that are needed."""
    more = (len(queue) - _CHUNKS) // _CHUNK + needed
    larger = np.empty(len(queue) + more * _CHUNK, np.int64)
    larger[: len(queue)] = queue
    larger[_LEFT] += more
    return larger


@_inlined
def _put(queue: Queue, base: int, bucket: int, entry: int) -> None:
    """Queue an entry in its bucket; a chunk is left."""
    late = bucket - base >= _RING
    slot = _TOP + (_RING if late else bucket & (_RING - 1))
    queue[_LATE if late else _QUEUED] += 1
    t = queue[slot]
    if t < 0 or t & _LAST == _LAST:
        chunk = queue[_FREE]
        if chunk >= 0:
            queue[_FREE] = queue[chunk]
        else:
            chunk = queue[_USED]
            queue[_USED] = chunk + _CHUNK
        queue[_LEFT] -= 1
        queue[chunk] = t
        t = chunk
    queue[t + 1] = entry
    queue[slot] = t + 1


@_inlined
def _take(queue: Queue, slot: int) -> int:
    """Take the top entry off a bucket that is not empty."""
    t = queue[slot]
    entry = queue[t]
    if t & _LAST == 1:
        queue[slot] = queue[t - 1]
        queue[t - 1] = queue[_FREE]
        queue[_FREE] = t - 1
        queue[_LEFT] += 1
    else:
        queue[slot] = t - 1
    queue[_LATE if slot == _TOP + _RING else _QUEUED] -= 1
    return entry


@compiled
def _deal(queue: Queue, base: int, shift: int) -> int:
    """Deal the late entries out, from the earliest of their buckets on where the ring is empty."""
    entries = np.empty(queue[_LATE], np.int64)
    for i in range(len(entries)):
        entries[i] = _take(queue, _TOP + _RING)
    if queue[_QUEUED] == 0:
        base = (entries.min() >> 32) >> shift
    for entry in entries:
        _put(queue, base, (entry >> 32) >> shift, entry)
    return base


@_inlined
def _advance(queue: Queue, base: int, shift: int) -> int:
    """Go on to the next bucket that holds something; -1 where none does. There is room for the late ones."""
    while queue[_TOP + (base & (_RING - 1))] < 0:
        if queue[_QUEUED] > 0:
            base += 1
            if base & (_RING - 1) == 0 and queue[_LATE] > 0:
                base = _deal(queue, base, shift)
        elif queue[_LATE] > 0:
            base = _deal(queue, base, shift)
        else:
            return -1
    return base


@_inlined
def _fetch_ahead(
    queue: Queue, slot: int, start: Array, other: Array, cost: Array, state: Array, width: int
) -> None:
    """Fetch what the entries below the top one of a bucket will need."""
    t = queue[slot]
    bottom = (t & ~_LAST) + 1
    at = start[queue[max(t - _FETCH_ROW, bottom)] & LABEL_MASK]
    _fetch(other, at)
    _fetch(cost, at)
    v = queue[max(t - _FETCH_START, bottom)] & LABEL_MASK
    _fetch(start, v)
    _fetch(state, v * width)


@compiled
def spread(
    rows: Rows, seeds: tuple[Array, Array, Array, Array], barred: Array, limit: int, shift: int
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
    queue, base = _new_queue(n // 64 + 2 * len(seeds[0]) + 64), 0
    for i in range(len(seeds[0])):
        u, key, edge = np.int64(seeds[0][i]), (np.int64(seeds[1][i]) << LABEL_BITS) | seeds[2][i], seeds[3][i]
        if len(barred) > 0 and barred[u] == seeds[2][i]:
            continue
        if key < state[2 * u]:
            state[2 * u], state[2 * u + 1] = key, edge
            _put(queue, base, (key >> LABEL_BITS) >> shift, (key >> LABEL_BITS) << 32 | u)
        elif key == state[2 * u] and edge < state[2 * u + 1]:
            state[2 * u + 1] = edge
    while True:
        base, needed = _spread_on(rows, state, barred, queue, base, shift)
        if needed == 0:
            break
        queue = _larger(queue, needed)
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
    rows: Rows, state: Array, barred: Array, queue: Queue, base: int, shift: int
) -> tuple[int, int]:
    """Work the queue off from bucket ``base`` on, until it is empty or needs room: (bucket, chunks needed)."""
    start, other, cost, number = rows
    named, bars = len(number) > 0, len(barred) > 0
    while True:
        needed = queue[_LATE] + 1
        if queue[_LEFT] < needed:
            return base, needed
        base = _advance(queue, base, shift)
        if base < 0:
            return base, 0
        slot = _TOP + (base & (_RING - 1))
        v = queue[queue[slot]] & LABEL_MASK
        if queue[_LEFT] < start[v + 1] - start[v]:
            return base, start[v + 1] - start[v]
        entry = _take(queue, slot)
        if queue[slot] >= 0:
            _fetch_ahead(queue, slot, start, other, cost, state, 2)
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
                _put(queue, base, (found >> LABEL_BITS) >> shift, (found >> LABEL_BITS) << 32 | u)
            elif edge < state[2 * u + 1]:
                state[2 * u + 1] = edge


@compiled
def _reach(
    arcs: Arcs, limit: int, shift: int, work: tuple[Array, Array], queue: Queue, base: int, count: int
) -> tuple[int, int, int]:
    """Work the queue off into (time, touched): (bucket, nodes touched, chunks needed)."""
    start, arc, _ = arcs
    time, touched = work
    while True:
        needed = queue[_LATE] + 1
        if queue[_LEFT] < needed:
            return base, count, needed
        base = _advance(queue, base, shift)
        if base < 0:
            return base, count, 0
        slot = _TOP + (base & (_RING - 1))
        v = queue[queue[slot]] & LABEL_MASK
        if queue[_LEFT] < start[v + 1] - start[v]:
            return base, count, start[v + 1] - start[v]
        entry = _take(queue, slot)
        if queue[slot] >= 0:
            _fetch_ahead(queue, slot, start, arc, arc, time, 1)
        if time[v] != entry >> 32:
            continue
        for e in range(start[v], start[v + 1]):
            found = entry - v + arc[e]
            u, t = found & LABEL_MASK, found >> 32
            before = time[u]
            if t < before and t <= limit:
                if before == UNREACHED:
                    touched[count] = u
                    count += 1
                time[u] = t
                _put(queue, base, t >> shift, found)


@compiled
def _search(
    arcs: Arcs, seeds: tuple[Array, Array], limit: int, shift: int, work: tuple[Array, Array], queue: Queue
) -> tuple[Queue, int]:
    """Search from seeds (node, time) into (time, touched) of ``work``: how many nodes it touched."""
    time, touched = work
    count, base = 0, 0
    if queue[_LEFT] < len(seeds[0]):
        queue = _larger(queue, len(seeds[0]))
    for i in range(len(seeds[0])):
        u, t = np.int64(seeds[0][i]), np.int64(seeds[1][i])
        if t <= limit and t < time[u]:
            if time[u] == UNREACHED:
                touched[count] = u
                count += 1
            time[u] = t
            _put(queue, base, t >> shift, t << 32 | u)
    while True:
        base, count, needed = _reach(arcs, limit, shift, work, queue, base, count)
        if needed == 0:
            return queue, count
        queue = _larger(queue, needed)


@compiled
def reach_many(
    arcs: Arcs, seeds: tuple[Array, Array], first: Array, limit: int, shift: int, work: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    """Search from each source i, the seeds ``first[i]:first[i + 1]``: (entries per source, nodes, times).

    ``work`` is (time, touched); all times are ``UNREACHED`` before and after.
    """
    time, touched = work
    queue = _new_queue(256)
    lengths, used = np.zeros(len(first) - 1, np.int64), 0
    nodes, times = np.empty(1024, np.int32), np.empty(1024, np.int32)
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
    return lengths, nodes[:used], times[:used]


@compiled
def _grown(array: Array, used: int, size: int) -> Array:
    """Copy an array into a longer one."""
    longer = np.empty(size, array.dtype)
    longer[:used] = array[:used]
    return longer


@compiled
def tree(arcs: Arcs, seeds: tuple[Array, Array], limit: int, shift: int, time: Array, touched: Array) -> None:
    """Search from seeds (node, time) into ``time``, all of which is ``UNREACHED`` before."""
    _search(arcs, seeds, limit, shift, (time, touched), _new_queue(len(time) // 64 + 64))


@_inlined
def _insert(keys: Array, edges: Array, u: int, key: int, edge: int) -> bool:
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
    arcs: Arcs, seeds: tuple[Array, Array, Array], k: int, limit: int, shift: int
) -> tuple[Array, Array, Array]:
    """Spread seeds (node, time, label): (n, k) the k least (time, label) of different labels, and edges."""
    n = len(arcs[0]) - 1
    nothing = (np.int64(limit) << LABEL_BITS) | LABEL_MASK
    keys, edges = np.full((n, k), nothing), np.full((n, k), -1, np.int32)
    queue, base = _new_queue(n // 32 + 2 * len(seeds[0]) + 64), 0
    for i in range(len(seeds[0])):
        u, key = np.int64(seeds[0][i]), (np.int64(seeds[1][i]) << LABEL_BITS) | seeds[2][i]
        if key <= keys[u, k - 1] and _insert(keys, edges, u, key, -1):
            _put(queue, base, (key >> LABEL_BITS) >> shift, (key >> LABEL_BITS) << 32 | u)
    while True:
        base, needed = _rank_on(arcs, (keys, edges), queue, base, shift)
        if needed == 0:
            break
        queue = _larger(queue, needed)
    time, label = np.empty((n, k), np.int32), np.empty((n, k), np.int32)
    for v in range(n):
        for j in range(k):
            there = keys[v, j] != nothing
            time[v, j] = keys[v, j] >> LABEL_BITS if there else UNREACHED
            label[v, j] = keys[v, j] & LABEL_MASK if there else -1
    return time, label, edges


@compiled
def _rank_on(
    arcs: Arcs, state: tuple[Array, Array], queue: Queue, base: int, shift: int
) -> tuple[int, int]:
    """Work the queue off from bucket ``base`` on, until it is empty or needs room: (bucket, chunks needed)."""
    start, arc, number = arcs
    keys, edges = state
    k, flat, named = keys.shape[1], keys.reshape(-1), len(number) > 0
    while True:
        needed = queue[_LATE] + 1
        if queue[_LEFT] < needed:
            return base, needed
        base = _advance(queue, base, shift)
        if base < 0:
            return base, 0
        slot = _TOP + (base & (_RING - 1))
        v = queue[queue[slot]] & LABEL_MASK
        if queue[_LEFT] < k * (start[v + 1] - start[v]):
            return base, k * (start[v + 1] - start[v])
        now = _take(queue, slot) >> 32
        if queue[slot] >= 0:
            _fetch_ahead(queue, slot, start, arc, arc, flat, k)
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
                    _put(queue, base, (found >> LABEL_BITS) >> shift, (found >> LABEL_BITS) << 32 | u)


@compiled
def settle(
    onward: BareRows, cost: Array, limit: int, shift: int, state: State, log: Log, count: int
) -> int:
    """Spread the noted nodes that have a time over the network; return how many nodes are noted then.

    ``log`` keeps what the nodes that get better had before.
    """
    time = state[0]
    nodes = log[1]
    queue, base = _new_queue(count + 64), 0
    for i in range(count):
        if time[nodes[i]] != UNREACHED:
            t = np.int64(time[nodes[i]])
            _put(queue, base, t >> shift, t << 32 | nodes[i])
    while True:
        base, count, needed = _settle_on(onward, cost, (limit, shift), state, log, (base, count), queue)
        if needed == 0:
            return count
        queue = _larger(queue, needed)


@compiled
def _settle_on(
    onward: BareRows,
    cost: Array,
    bounds: tuple[int, int],
    state: State,
    log: Log,
    at: tuple[int, int],
    queue: Queue,
) -> tuple[int, int, int]:
    """Work the queue off: (bucket, nodes noted, chunks needed)."""
    (start, other, number), (time, site, by), (noted, nodes, old) = onward, state, log
    (limit, shift), (base, count), named = bounds, at, len(onward[2]) > 0
    while True:
        needed = queue[_LATE] + 1
        if queue[_LEFT] < needed:
            return base, count, needed
        base = _advance(queue, base, shift)
        if base < 0:
            return base, count, 0
        slot = _TOP + (base & (_RING - 1))
        v = queue[queue[slot]] & LABEL_MASK
        if queue[_LEFT] < start[v + 1] - start[v]:
            return base, count, start[v + 1] - start[v]
        now, mark = _take(queue, slot) >> 32, site[v]
        if time[v] != now:
            continue
        for j in range(start[v], start[v + 1]):
            e, u = np.int64(number[j]) if named else j, np.int64(other[j])
            w, before = np.int64(cost[e]), time[u]
            t = now + w
            if w < 0 or t > limit or t > before:
                continue
            if t == before and (mark > site[u] or (mark == site[u] and e >= by[u])):
                continue
            count = _note(u, count, time, site, by, noted, nodes, old)
            if t < before or mark < site[u]:
                _put(queue, base, t >> shift, t << 32 | u)
            time[u], site[u], by[u] = t, mark, e
