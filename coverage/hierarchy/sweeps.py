"""From many nodes to all: up the elimination tree from the seeds, then down over all arcs.

As PHAST (Delling, Goldberg, Nowatzyk and Werneck 2011, IPDPS 921), but along the elimination tree, of which
ranks are a post-order. So when the ranks are taken from the last to the first, the ancestors of a rank are
those last met at each depth, and times are kept on a stack by depth, which fits the cache nearest to the
processor; an arc is 6 bytes, its depth and its time. When they are taken upward, the same stack holds what
was pushed to the ancestors so far.

Time and label are one number, ``time << LABEL_BITS | label``, as in ``travel``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from ...geodata.compiled import compiled
from .arrays import Array, Int, Tree
from .customization import NEVER
from .walks import tail_of

Placed = tuple[Array, Array, Array]
"""(n,) the place of each rank among those that `climb` met, or -1; and their (c, k) keys and arcs."""

LABEL_BITS = 31
LABEL_MASK = (1 << LABEL_BITS) - 1
NOTHING = int(NEVER) << LABEL_BITS
"""(time, label) of a rank that nothing reaches."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _inlined(function: _Function) -> _Function:
    """Compile into the callers."""
    return cast(_Function, numba.njit(inline="always")(function))


@compiled
def climb(tree: Tree, up: Array, rank: Array, key: Array, k: Int, height: Int) -> tuple[Array, Array, Array]:
    """Spread the (time, label) of seeds over their ancestors.

    Seeds come by rank, ascending.

    Returns
    -------
    tuple
        (c,) the ranks of seeds and ancestors, ascending; (c, k) the k least (time, label) of different labels
        at each; and (c, k) the arc by which each came, -1 at a seed.
    """
    first, _, depth, head, _ = tree
    held, by, count, i = np.full((height, k), NOTHING), np.empty((height, k), np.int32), 0, 0
    ranks, keys, arcs = np.empty(1024, np.int32), np.empty((1024, k), np.int64), np.empty((1024, k), np.int32)
    while i < len(rank):
        v = np.int64(rank[i])
        while i < len(rank) and rank[i] == v:
            _insert(held[depth[v]], by[depth[v]], key[i], -1)
            i += 1
        end = np.int64(rank[i]) if i < len(rank) else len(first)
        while 0 <= v < end:  # from ``end`` on, the ancestors are those of the next seed, too
            if count == len(ranks):
                ranks, keys, arcs = _doubled(ranks, keys, arcs)
            ranks[count] = v
            for j in range(k):
                keys[count, j], arcs[count, j] = held[depth[v], j], by[depth[v], j]
                held[depth[v], j] = NOTHING
            _push(tree, up, v, keys[count], (held, by))
            count += 1
            v = np.int64(head[first[v]]) if first[v] < first[v + 1] else np.int64(-1)
    return ranks[:count], keys[:count], arcs[:count]


@compiled
def _push(tree: Tree, up: Array, v: Int, keys: Array, stack: tuple[Array, Array]) -> None:
    """Offer the keys of a rank to the heads of its arcs."""
    (first, slot, _, _, _), (held, by) = tree, stack
    last, own = len(keys) - 1, keys[0]
    if last == 0:  # without branches: half of the time
        for a in range(first[v], first[v + 1]):
            key, at = own + (np.int64(up[a]) << LABEL_BITS), slot[a]
            less = key < held[at, 0]
            by[at, 0] = a if less else by[at, 0]
            held[at, 0] = key if less else held[at, 0]
        return
    for a in range(first[v], first[v + 1]):
        time, at = np.int64(up[a]) << LABEL_BITS, slot[a]
        for j in range(last + 1):
            if keys[j] + time >= held[at, last]:
                break
            _insert(held[at], by[at], keys[j] + time, a)


@_inlined
def _insert(keys: Array, by: Array, key: Int, arc: Int) -> None:
    """Put a key that is less than the last among the least of different labels, ascending."""
    last, place = len(keys) - 1, 0
    while place <= last and keys[place] <= key:
        if (keys[place] ^ key) & LABEL_MASK == 0:
            return
        place += 1
    gap = min(place, last)
    while gap < last and (keys[gap] ^ key) & LABEL_MASK != 0:
        gap += 1
    for i in range(gap, place, -1):
        keys[i], by[i] = keys[i - 1], by[i - 1]
    if place <= last:
        keys[place], by[place] = key, arc


@compiled
def _doubled(ranks: Array, keys: Array, arcs: Array) -> tuple[Array, Array, Array]:
    """Copy ranks and their rows of keys and arcs into arrays twice as long."""
    size, k = keys.shape
    longer = (
        np.empty(2 * size, np.int32),
        np.empty((2 * size, k), np.int64),
        np.empty((2 * size, k), np.int32),
    )
    for i in range(size):
        longer[0][i] = ranks[i]
        for j in range(k):
            longer[1][i, j], longer[2][i, j] = keys[i, j], arcs[i, j]
    return longer


@compiled
def descend(
    tree: Tree, down: Array, ranks: Array, keys: Array, limit: Int, height: Int
) -> tuple[Array, Array]:
    """Spread (time, label) of some ranks, ascending, to all nodes: (n,) times up to a limit and labels."""
    first, slot, depth, _, node = tree
    n, place, bound = np.uint64(len(node)), len(ranks) - 1, (np.int64(limit) + 1) << LABEL_BITS
    time, label, stack = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(height, np.int64)
    known = np.int64(ranks[place]) if place >= 0 else -1
    a = np.uint64(first[n])
    for i in range(n):
        v, least = n - np.uint64(1) - i, np.int64(NOTHING)
        if v == known:
            least, place = keys[place], place - 1
            known = np.int64(ranks[place]) if place >= 0 else -1
        while a > first[v]:
            a -= np.uint64(1)
            key = stack[slot[a]] + (np.int64(down[a]) << LABEL_BITS)
            least = key if key < least else least
        stack[depth[v]] = least
        time[node[v]] = least >> LABEL_BITS if least < bound else np.int64(NEVER)
        label[node[v]] = least & LABEL_MASK if least < bound else -1
    return time, label


@compiled
def descend_ranked(
    tree: Tree, down: Array, ranks: Array, keys: Array, limit: Int, height: Int
) -> tuple[Array, Array]:
    """Spread the k (time, label) of some ranks, ascending, to all nodes: (n, k) each."""
    first, slot, depth, _, node = tree
    n, k, place, bound = len(node), keys.shape[1], len(ranks) - 1, (np.int64(limit) + 1) << LABEL_BITS
    time, label = np.empty((n, k), np.int32), np.empty((n, k), np.int32)
    stack, by = np.empty((height, k), np.int64), np.empty(k, np.int32)
    for v in range(n - 1, -1, -1):
        own = stack[depth[v]]
        known = place >= 0 and ranks[place] == v
        for j in range(k):
            own[j] = keys[place, j] if known else NOTHING
        place -= known
        for a in range(first[v], first[v + 1]):
            above, add = stack[slot[a]], np.int64(down[a]) << LABEL_BITS
            for j in range(k):
                if above[j] + add >= own[k - 1]:
                    break
                _insert(own, by, above[j] + add, a)
        _tell(own, bound, time[node[v]], label[node[v]])
    return time, label


@compiled
def _tell(keys: Array, bound: Int, time: Array, label: Array) -> None:
    """Write times and labels of the keys below a bound."""
    for j in range(len(keys)):
        time[j] = keys[j] >> LABEL_BITS if keys[j] < bound else np.int64(NEVER)
        label[j] = keys[j] & LABEL_MASK if keys[j] < bound else -1


@compiled
def nearest(
    tree: Tree, down: Array, placed: Placed, queries: Array, limit: Int, height: Int
) -> tuple[Array, Array]:
    """Find the k nearest labels of some ranks: (q, k) times up to a limit and labels."""
    k, bound = placed[1].shape[1], (np.int64(limit) + 1) << LABEL_BITS
    time, label = np.empty((len(queries), k), np.int32), np.empty((len(queries), k), np.int32)
    stack, found = (np.empty(height, np.int64), np.empty(height, np.int32)), np.empty(k, np.int64)
    for q in range(len(queries)):
        _walk(tree, down, placed, np.int64(queries[q]), stack, (found, np.empty(k, np.int32)))
        _tell(found, bound, time[q], label[q])
    return time, label


@compiled
def _walk(
    tree: Tree,
    down: Array,
    placed: Placed,
    query: Int,
    stack: tuple[Array, Array],
    best: tuple[Array, Array],
) -> None:
    """Find the k least (time, label) of a rank, and the ranks above it where they were met, into ``best``.

    Times and the arcs by which they came stand on the stack. A rank farther away than the k-th label found so
    far cannot lead to a nearer one.
    """
    (first, slot, depth, head, _), (place, keys, _), (time, by), (found, where) = tree, placed, stack, best
    v, last = np.int64(query), len(found) - 1
    for d in range(depth[v]):
        time[d] = NEVER
    time[depth[v]], by[depth[v]] = 0, -1
    for j in range(last + 1):
        found[j] = NOTHING
    while v >= 0:
        far = time[depth[v]]
        for j in range(last + 1 if place[v] >= 0 else 0):
            key = keys[place[v], j] + (far << LABEL_BITS)
            if key >= found[last]:
                break
            _insert(found, where, key, v)
        for a in range(first[v], first[v + 1] if far <= found[last] >> LABEL_BITS else first[v]):
            if far + down[a] < time[slot[a]]:
                time[slot[a]], by[slot[a]] = far + down[a], a
        v = np.int64(head[first[v]]) if first[v] < first[v + 1] else np.int64(-1)


@compiled
def ways_to_nearest(
    tree: Tree, down: Array, placed: Placed, query: Int, limit: Int, height: Int
) -> tuple[Array, Array, Array, Array, Array]:
    """Find the k nearest labels of a rank and the ways between.

    Returns
    -------
    tuple
        (k,) times and labels as `nearest`; (k,) the rank of the label's seed; (k + 1,) the first arc of each
        way; and the arcs, from the seed to the query, each times two plus one where it falls.
    """
    k, bound = placed[1].shape[1], (np.int64(limit) + 1) << LABEL_BITS
    time, label, seed = np.empty(k, np.int32), np.empty(k, np.int32), np.full(k, -1, np.int32)
    times, by = np.empty(height, np.int64), np.empty(height, np.int32)
    found, where = np.empty(k, np.int64), np.empty(k, np.int32)
    arcs, first = np.empty(2 * k * height, np.int64), np.zeros(k + 1, np.int64)
    _walk(tree, down, placed, query, (times, by), (found, where))
    _tell(found, bound, time, label)
    for j in range(k):
        used = first[j]
        if label[j] >= 0:
            used, seed[j] = _to_seed(tree[0], placed, where[j], label[j], arcs, used)
            used = _to_query(tree, where[j], query, by, arcs, used)
        first[j + 1] = used
    return time, label, seed, first, arcs[: first[k]].copy()


@compiled
def _to_seed(first: Array, placed: Placed, top: Int, label: Int, arcs: Array, begin: Int) -> tuple[Int, Int]:
    """Add the arcs from a label's seed up to a rank: (arcs in all, rank of the seed)."""
    v, used = np.int64(top), begin
    while True:
        a = _arc_of(placed[1][placed[0][v]], placed[2][placed[0][v]], label)
        if a < 0:
            break
        arcs[used] = 2 * a
        used += 1
        v = tail_of(first, a)
    for i in range((used - begin) // 2):
        arcs[begin + i], arcs[used - 1 - i] = arcs[used - 1 - i], arcs[begin + i]
    return used, v


@compiled
def _to_query(tree: Tree, top: Int, query: Int, by: Array, arcs: Array, used: Int) -> Int:
    """Add the arcs from a rank down to the query: arcs in all."""
    v = np.int64(top)
    while v != query:
        a = np.int64(by[tree[2][v]])
        arcs[used] = 2 * a + 1
        used += 1
        v = tail_of(tree[0], a)
    return used


@compiled
def _arc_of(keys: Array, arcs: Array, label: Int) -> Int:
    """Give the arc by which a label came to a rank."""
    for j in range(len(keys)):
        if keys[j] & LABEL_MASK == label:
            return np.int64(arcs[j])
    return np.int64(-1)


@compiled
def edges_between(
    rows: tuple[Array, Array, Array],
    found: tuple[Array, Array],
    seeds: tuple[Array, Array, Array],
    turned: bool,
) -> Array:
    """Find for each node the lowest edge that gives its (time, label); -1 where a seed does so itself.

    Seeds are (node, time, label); ``turned``: nodes drive to them.
    """
    (start, head, cost), (time, label) = rows, found
    edge = np.full(len(time), -1, np.int32)
    own = np.zeros(len(time), np.bool_)
    for i in range(len(seeds[0])):
        v = seeds[0][i]
        own[v] |= time[v] == seeds[1][i] and label[v] == seeds[2][i]
    for v in range(len(time)):
        for e in range(start[v], start[v + 1]):
            tail, to = (head[e], v) if turned else (v, head[e])
            if cost[e] < 0 or label[to] < 0 or label[tail] != label[to] or edge[to] >= 0 or own[to]:
                continue
            if np.int64(time[tail]) + cost[e] == time[to]:
                edge[to] = e
    return edge
