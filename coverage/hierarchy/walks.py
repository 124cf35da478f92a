"""From one node to another: two walks up the elimination tree that meet, and the roads beneath the arcs.

As in Dibbelt, Strasser and Wagner (2016), section 8: a walk needs no queue, since all ranks that it can reach
are the ancestors.
"""

from __future__ import annotations

import numpy as np

from ...geodata.compiled import compiled
from .arrays import Array, Int, Tree
from .customization import NEVER

_Side = tuple[Array, Array]
"""(time, arc by which it came) by depth."""
Below = tuple[Array, Array, Array, Array, Array, Array, Array, Array]
"""(first, head, below, tail, lower, edge_first, edge, edge_arc) of an order."""


@compiled
def distances(tree: Tree, up: Array, down: Array, pairs: Array, height: Int) -> Array:
    """Find the time from the first to the second rank of each (p, 2) pair."""
    time = np.empty(len(pairs), np.int32)
    one, other = _side(height), _side(height)
    for i in range(len(pairs)):
        time[i] = _meet(tree, up, down, pairs[i], one, other)[0]
    return time


@compiled
def _side(height: Int) -> _Side:
    return np.empty(height, np.uint32), np.empty(height, np.int32)


@compiled
def _meet(tree: Tree, up: Array, down: Array, pair: Array, one: _Side, other: _Side) -> tuple[Int, Int]:
    """Walk up from both ranks of a pair: (least time, rank where it is found or -1)."""
    first, _, depth, head, _ = tree
    s, t = np.int64(pair[0]), np.int64(pair[1])
    _set_out(one, depth[s])
    _set_out(other, depth[t])
    best, where = NEVER, np.int64(-1)
    while s >= 0 and t >= 0:
        if s == t:
            at = depth[s]
            total = np.uint32(one[0][at] + other[0][at])
            if total < best:
                best, where = total, s
        v = min(s, t)
        above = np.int64(head[first[v]]) if first[v] < first[v + 1] else np.int64(-1)
        if s == v:
            _step(tree, up, v, one, best)
        if t == v:
            _step(tree, down, v, other, best)
        s, t = above if s == v else s, above if t == v else t
    return np.int64(best), where


@compiled
def _set_out(side: _Side, depth: Int) -> None:
    """Forget what stands at the depths of a rank and its ancestors, and set out at the rank."""
    for d in range(depth):
        side[0][d] = NEVER
    side[0][depth], side[1][depth] = 0, -1


@compiled
def _step(tree: Tree, times: Array, v: Int, side: _Side, best: Int) -> None:
    """Offer the time of a rank to the heads of its arcs, unless a way is known that is no longer."""
    first, slot, depth, _, _ = tree
    (time, by), own = side, side[0][depth[v]]
    if own >= best:
        return
    for a in range(first[v], first[v + 1]):
        found = np.uint32(own + times[a])
        if found < time[slot[a]]:
            time[slot[a]], by[slot[a]] = found, a


@compiled
def way(tree: Tree, up: Array, down: Array, pair: Array, height: Int) -> tuple[Int, Array]:
    """Find a shortest way between two ranks: its time, its arcs, each times two plus one where it falls."""
    one, other = _side(height), _side(height)
    time, where = _meet(tree, up, down, pair, one, other)
    rising, falling = _trace(tree, where, pair[0], one), _trace(tree, where, pair[1], other)
    arcs = np.empty(len(rising) + len(falling), np.int64)
    for i in range(len(rising)):
        arcs[i] = 2 * np.int64(rising[len(rising) - 1 - i])
    for i in range(len(falling)):
        arcs[len(rising) + i] = 2 * np.int64(falling[i]) + 1
    return time, arcs


@compiled
def _trace(tree: Tree, top: Int, end: Int, side: _Side) -> Array:
    """List the arcs from a rank down to the end of a walk; none where the walks did not meet."""
    arcs, count, v = np.empty(len(side[0]), np.int32), 0, top
    while v >= 0 and v != end:
        a = side[1][tree[2][v]]
        arcs[count] = a
        count += 1
        v = tail_of(tree[0], np.int64(a))
    return arcs[:count]


@compiled
def tail_of(first: Array, arc: Int) -> Int:
    """Find the rank from which an arc rises."""
    low, high = np.int64(0), np.int64(len(first) - 1)
    while high - low > 1:
        middle = (low + high) // 2
        if first[middle] <= arc:
            low = middle
        else:
            high = middle
    return low


@compiled
def unpack(below: Below, up: Array, down: Array, cost: Array, arcs: Array) -> Array:
    """Give the edges of a way: arcs are taken apart into the triangles from which their times come."""
    first = below[0]
    todo, edges = [(np.int64(0), np.int64(0))], [np.int32(0)]  # (rank from which it rises, arc)
    for i in range(len(arcs) - 1, -1, -1):
        todo.append((tail_of(first, arcs[i] >> 1), arcs[i]))
    while len(todo) > 1:
        x, arc = todo.pop()
        a, falls = arc >> 1, arc & 1
        time = np.int64(down[a] if falls else up[a])
        edge = _edge(below, cost, x, 2 * (a - first[x]) + falls, time)
        if edge >= 0:
            edges.append(np.int32(edge))
            continue
        z, here, there = _triangle(below, up, down, x, a, falls, time)
        todo.append((z, 2 * (here if falls else there)))
        todo.append((z, 2 * (there if falls else here) + 1))
    return np.array(edges)[1:]


@compiled
def _edge(below: Below, cost: Array, x: Int, place: Int, time: Int) -> Int:
    """Find the lowest edge that is an arc and takes its time, -1 where there is none."""
    _, _, _, _, _, edge_first, edge, edge_arc = below
    for j in range(edge_first[x], edge_first[x + 1]):
        if edge_arc[j] == place and cost[edge[j]] == time:
            return edge[j]
    return -1


@compiled
def _triangle(
    below: Below, up: Array, down: Array, x: Int, a: Int, falls: Int, time: Int
) -> tuple[Int, Int, Int]:
    """Find the lowest rank z by which an arc (x, y) gets its time: z and the arcs (z, x) and (z, y)."""
    first, head, begin, tail, lower = below[:5]
    for j in range(begin[x], begin[x + 1]):
        here = lower[j]
        rest = time - np.int64(up[here] if falls else down[here])
        low, high = np.int64(here) + 1, np.int64(first[tail[j] + 1])
        if rest <= 0 or low == high:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if head[middle] <= head[a]:
                low = middle
            else:
                high = middle
        if head[low] == head[a] and rest == np.int64(down[low] if falls else up[low]):
            return np.int64(tail[j]), np.int64(here), low
    raise ValueError("times and arcs do not belong together")
