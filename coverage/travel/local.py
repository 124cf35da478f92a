"""The compiled loops over a small part of a network: search from a point, follow a way.

The queue is a 4-ary heap of numbers ``time << 32 | node``, in one array whose first place holds their count.
"""

from __future__ import annotations

import numpy as np

from ...geodata.compiled import compiled
from .queue import LABEL_BITS, LABEL_MASK, UNREACHED, Array, BareRows, Int, inlined


@inlined
def _push(heap: Array, entry: Int) -> None:
    """Put an entry on a heap that has room."""
    i = heap[0]
    heap[0] = i + 1
    while i > 0:
        parent = (i - 1) >> 2
        if heap[parent + 1] <= entry:
            break
        heap[i + 1] = heap[parent + 1]
        i = parent
    heap[i + 1] = entry


@inlined
def _pop(heap: Array) -> Int:
    """Take the least entry off a heap that is not empty."""
    least, n = heap[1], heap[0] - 1
    heap[0] = n
    entry, i, child = heap[n + 1], 0, 1
    while child < n:
        for j in range(child + 1, min(child + 4, n)):
            child = j if heap[j + 1] < heap[child + 1] else child
        if heap[child + 1] >= entry:
            break
        heap[i + 1] = heap[child + 1]
        i, child = child, 4 * child + 1
    heap[i + 1] = entry
    return least


@compiled
def roomy(heap: Array, needed: Int) -> Array:
    """Give a heap with room for so many more entries: the same, or a copy twice as large."""
    if heap[0] + needed < len(heap):
        return heap
    larger = np.empty(2 * len(heap) + needed, np.int64)
    larger[: len(heap)] = heap
    return larger


@inlined
def _insert(keys: Array, places: Array, key: Int, place: Int) -> None:
    """Put (time, label) among the k least, one of each label, with the node where it was found."""
    last, at = len(keys) - 1, 0
    while at <= last and keys[at] <= key:
        if (keys[at] ^ key) & LABEL_MASK == 0:
            return
        at += 1
    if at > last:
        return
    gap = at
    while gap < last and (keys[gap] ^ key) & LABEL_MASK != 0:
        gap += 1
    for i in range(gap, at, -1):
        keys[i], places[i] = keys[i - 1], places[i - 1]
    keys[at], places[at] = key, place


@inlined
def _label_node(
    v: Int, t: Int, edge: Int, via: Int, count: Int, time: Array, by: Array, come: Array, touched: Array
) -> Int:
    """Give a node of a search its time; return how many nodes are touched."""
    if time[v] == UNREACHED:
        touched[count] = v
        count += 1
    time[v], by[v], come[v] = t, edge, via
    return count


@compiled
def start_search(
    seeds: tuple[Array, Array],
    limit: Int,
    work: tuple[Array, Array, Array, Array],
    heap: Array,
) -> Int:
    """Begin a search from seeds (node, time) in ``work`` (time, edge, node before, touched)."""
    time, by, come, touched = work
    count = 0
    for i in range(len(seeds[0])):
        u, t = np.int64(seeds[0][i]), np.int64(seeds[1][i])
        if t <= limit and t < time[u]:
            count = _label_node(u, t, -1, -1, count, time, by, come, touched)
            _push(heap, t << 32 | u)
    return count


@compiled
def find(
    rows: BareRows,
    cost: Array,
    stops: tuple[Array, Array, Array, Array, Int],
    found: tuple[Array, Array],
    limit: Int,
    work: tuple[Array, Array, Array, Array],
    heap: Array,
    count: Int,
) -> tuple[Int, Int]:
    """Go on with a search until the k nearest sites stand: (nodes touched, room needed in the heap).

    ``stops`` are the sites: first of each node or -1, next at the same node or -1, offset, label, and the
    least offset. ``found`` is (k keys, k nodes), the keys ascending.
    """
    start, other, number = rows
    first, after, offset, label, least = stops
    keys, places = found
    time, by, come, touched = work
    k, named = len(keys), len(number) > 0
    while heap[0] > 0 and (heap[1] >> 32) + least <= keys[k - 1] >> LABEL_BITS:
        v = heap[1] & LABEL_MASK
        if heap[0] + start[v + 1] - start[v] >= len(heap):
            return count, start[v + 1] - start[v]
        now = _pop(heap) >> 32
        if time[v] != now:
            continue
        i = first[v]
        while i >= 0:
            if now + offset[i] <= limit:
                _insert(keys, places, (now + offset[i] << LABEL_BITS) | label[i], v)
            i = after[i]
        for j in range(start[v], start[v + 1]):
            e, u = np.int64(number[j]) if named else j, other[j]
            t = now + cost[e]
            if cost[e] >= 0 and t < time[u] and t <= limit:
                count = _label_node(u, t, e, v, count, time, by, come, touched)
                _push(heap, t << 32 | u)
    return count, 0


@inlined
def _left(v: Int, centiseconds: Array, site: Array, taken: Array) -> Int:
    """Give the time to the nearest site of a node that is not among those taken: a bound for later.

    Where all that are known are taken, no other is nearer than the last of them.
    """
    for j in range(site.shape[1]):
        if site[v, j] < 0:
            return np.int64(UNREACHED)
        free = True
        for label in taken:
            free &= site[v, j] != label
        if free:
            return np.int64(centiseconds[v, j])
    return np.int64(centiseconds[v, site.shape[1] - 1])


@compiled
def start_approach(
    seeds: tuple[Array, Array],
    known: tuple[Array, Array],
    taken: Array,
    limit: Int,
    work: tuple[Array, Array, Array, Array],
    heap: Array,
) -> Int:
    """Begin a search as `approach` carries it on."""
    time, by, come, touched = work
    count = 0
    for i in range(len(seeds[0])):
        u, t = np.int64(seeds[0][i]), np.int64(seeds[1][i])
        whole = t + _left(u, known[0], known[1], taken)
        if whole <= limit and t < time[u]:
            count = _label_node(u, t, -1, -1, count, time, by, come, touched)
            _push(heap, whole << 32 | u)
    return count


@compiled
def approach(
    rows: BareRows,
    cost: Array,
    stops: tuple[Array, Array, Array, Array, Int],
    known: tuple[Array, Array],
    taken: Array,
    found: tuple[Int, Int],
    limit: Int,
    work: tuple[Array, Array, Array, Array],
    heap: Array,
    count: Int,
) -> tuple[Int, Int, Int, Int]:
    """Go on with a search for the nearest site that is not taken yet, straight towards it.

    ``known`` are (n, k) times and sites of before the roads got slower. As a bound of what is left they order
    the heap (A*: Hart, Nilsson and Raphael 1968, *IEEE Transactions on Systems Science and Cybernetics*
    4:100): at both ends of an edge the bounds differ by its time at most, and since times only grew, a node
    that comes off the heap has its least.

    Returns
    -------
    tuple
        Nodes touched, key and node of the site found (``found`` where there is none), room needed.
    """
    start, other, number = rows
    first, after, offset, label, _ = stops
    time, by, come, touched = work
    (best, place), named = found, len(number) > 0
    while heap[0] > 0 and heap[1] >> 32 <= best >> LABEL_BITS:
        v = heap[1] & LABEL_MASK
        if heap[0] + start[v + 1] - start[v] >= len(heap):
            return count, best, place, start[v + 1] - start[v]
        whole, now = _pop(heap) >> 32, np.int64(time[v])
        if whole != now + _left(v, known[0], known[1], taken):
            continue
        i = first[v]
        while i >= 0:
            key = (now + offset[i] << LABEL_BITS) | label[i]
            if key < best and not (taken == label[i]).any():
                best, place = key, v
            i = after[i]
        for j in range(start[v], start[v + 1]):
            e, u = np.int64(number[j]) if named else j, other[j]
            t = now + cost[e]
            if cost[e] < 0 or t >= time[u]:
                continue
            whole = t + _left(u, known[0], known[1], taken)
            if whole <= limit:
                count = _label_node(u, t, e, v, count, time, by, come, touched)
                _push(heap, whole << 32 | u)
    return count, best, place, 0


@inlined
def _step(
    start: Array,
    other: Array,
    number: Array,
    cost: Array,
    time: Array,
    by: Array,
    come: Array,
    touched: Array,
    theirs: Array,
    heap: Array,
    count: Int,
    least: Int,
    place: Int,
) -> tuple[Int, Int, Int]:
    """Take one node off the heap of one of two searches that meet."""
    entry = _pop(heap)
    v, now = entry & LABEL_MASK, entry >> 32
    if time[v] == now:
        for j in range(start[v], start[v + 1]):
            e, u = np.int64(number[j]) if len(number) > 0 else j, other[j]
            t = now + cost[e]
            if cost[e] < 0 or t >= time[u] or t >= least:
                continue
            count = _label_node(u, t, e, v, count, time, by, come, touched)
            _push(heap, t << 32 | u)
            if theirs[u] != UNREACHED and t + theirs[u] < least:
                least, place = t + theirs[u], u
    return count, least, place


@compiled
def meet(
    sides: tuple[BareRows, BareRows],
    cost: Array,
    works: tuple[tuple[Array, Array, Array, Array], tuple[Array, Array, Array, Array]],
    heaps: tuple[Array, Array],
    counts: tuple[Int, Int],
    best: tuple[Int, Int],
) -> tuple[Int, Int, Int, Int, Int]:
    """Search from both ends until no shorter way is left.

    Returns
    -------
    tuple
        Nodes touched by either side, least time, node where the sides meet or -1, room needed in the heaps.
    """
    (start, other, number), (start_b, other_b, number_b) = sides
    (time, by, come, touched), (time_b, by_b, come_b, touched_b) = works
    heap, heap_b = heaps
    count, count_b = counts
    least, place = best
    while heap[0] > 0 and heap_b[0] > 0 and (heap[1] >> 32) + (heap_b[1] >> 32) < least:
        v, w = heap[1] & LABEL_MASK, heap_b[1] & LABEL_MASK
        needed = max(start[v + 1] - start[v], start_b[w + 1] - start_b[w])
        if max(heap[0] + needed - len(heap), heap_b[0] + needed - len(heap_b)) >= 0:
            return count, count_b, least, place, needed
        if heap[0] <= heap_b[0]:
            count, least, place = _step(
                start, other, number, cost, time, by, come, touched, time_b, heap, count, least, place
            )
        else:
            count_b, least, place = _step(
                start_b,
                other_b,
                number_b,
                cost,
                time_b,
                by_b,
                come_b,
                touched_b,
                time,
                heap_b,
                count_b,
                least,
                place,
            )
    return count, count_b, least, place, 0


@compiled
def trace(by: Array, come: Array, v: Int) -> tuple[Array, Array]:
    """Follow a search from a node back to where it began: (nodes, edges between them)."""
    length, at = 0, v
    while by[at] >= 0:
        at = come[at]
        length += 1
    nodes, edges = np.empty(length + 1, np.int32), np.empty(length, np.int64)
    nodes[0], at = v, v
    for i in range(length):
        edges[i] = by[at]
        at = come[at]
        nodes[i + 1] = at
    return nodes, edges


@compiled
def walk(
    start: Array, head: Array, site: Array, by: Array, v: Int, label: Int, forward: bool
) -> tuple[Array, Array]:
    """Follow stored edges (n, k) from a node to a site: (nodes, edges); the last node is -1 at a break."""
    nodes, edges = np.empty(64, np.int32), np.empty(64, np.int64)
    n, k = site.shape
    nodes[0], count = v, 0
    while True:
        j = 0
        while j < k and site[v, j] != label:
            j += 1
        broken = j == k or count > n
        if broken or by[v, j] < 0:
            if broken:
                nodes[count] = -1
            return nodes[: count + 1].copy(), edges[:count].copy()
        if count + 1 == len(nodes):
            nodes, edges = np.append(nodes, nodes), np.append(edges, edges)
        edges[count] = by[v, j]
        v = np.searchsorted(start, edges[count], side="right") - 1 if forward else head[edges[count]]
        count += 1
        nodes[count] = v


@compiled
def follow(
    start: Array, head: Array, cost: Array, seeds: tuple[Array, Array], time: Array, v: Int
) -> tuple[Array, Array]:
    """Follow a search against the edges from a node along them to a seed: (nodes, edges between them).

    By the lowest of the edges that lead on as quickly, and to the first seed whose own time it is.
    """
    nodes, edges = np.empty(64, np.int32), np.empty(64, np.int64)
    nodes[0], count = v, 0
    while True:
        own = np.int64(UNREACHED)
        for i in range(len(seeds[0])):
            if seeds[0][i] == v:
                own = min(own, np.int64(seeds[1][i]))
        on = np.int64(-1)
        if own != time[v]:
            for e in range(start[v], start[v + 1]):
                if cost[e] >= 0 and np.int64(time[head[e]]) + cost[e] == time[v]:
                    on = np.int64(e)
                    break
        if on < 0:
            return nodes[: count + 1].copy(), edges[:count].copy()
        if count + 1 == len(nodes):
            nodes, edges = np.append(nodes, nodes), np.append(edges, edges)
        v = np.int64(head[on])
        edges[count] = on
        count += 1
        nodes[count] = v


@compiled
def clear(time: Array, touched: Array) -> None:
    """Make nodes unreached again."""
    for v in touched:
        time[v] = UNREACHED
