"""Which roads meet: the undirected simple graph beneath a network, and what is cut off it with ease."""

from __future__ import annotations

import numpy as np

from ...geodata.compiled import compiled
from .arrays import Array, Graph, Int

_HUB = 1024  # more links than any junction has


@compiled
def undirected(start: Array, head: Array) -> Graph:
    """Give the links between nodes whatever their direction, each once in both rows."""
    n = len(start) - 1
    size = np.zeros(n + 1, np.int64)
    for v in range(n):
        for e in range(start[v], start[v + 1]):
            if head[e] != v:
                size[v + 1] += 1
                size[head[e] + 1] += 1
    return _sorted_rows(*_mirrored(start, head, np.cumsum(size)))


@compiled
def _mirrored(start: Array, head: Array, rows: Array) -> Graph:
    """Put every link into the rows of both its ends."""
    fill, both = rows[:-1].copy(), np.empty(rows[-1], np.int32)
    for v in range(len(start) - 1):
        for e in range(start[v], start[v + 1]):
            u = head[e]
            if u != v:
                both[fill[v]], both[fill[u]] = u, v
                fill[v] += 1
                fill[u] += 1
    return rows, both


@compiled
def _sorted_rows(rows: Array, both: Array) -> Graph:
    """Sort symmetric rows by turning them round once, and drop what comes twice."""
    n = len(rows) - 1
    fill, turned = rows[:-1].copy(), np.empty(len(both), np.int32)
    for v in range(n):
        for j in range(rows[v], rows[v + 1]):
            u = both[j]
            if fill[u] == rows[u] or turned[fill[u] - 1] != v:
                turned[fill[u]] = v
                fill[u] += 1
    start, used = np.zeros(n + 1, np.int64), 0
    for v in range(n):
        for j in range(rows[v], fill[v]):
            turned[used] = turned[j]
            used += 1
        start[v + 1] = used
    return start, turned[:used].copy()


@compiled
def peel(start: Array, neighbour: Array) -> tuple[Array, Array, Graph]:
    """Contract nodes of degree 0, 1 and 2 until none is left.

    Such nodes may go first: the treewidth is not raised by it (Bodlaender and Koster 2006, *Discrete Applied
    Mathematics* 154:1183, series rule). Each round takes nodes that are no neighbours, so that a chain of
    length l makes a tree of height log l, not l.

    Returns
    -------
    The peeled nodes in the order of contraction; the nodes of the core; and the graph of the core, in which
    node i is the i-th of these.
    """
    n = len(start) - 1
    rows, degree = neighbour.copy(), (start[1:] - start[:-1]).astype(np.int32)
    order, peeled, this = np.empty(n, np.int32), 0, 0
    touched = np.full(n, -1, np.int32)  # last round in which a neighbour went; n: gone itself
    queued = degree <= 2
    waiting, coming = np.flatnonzero(queued).astype(np.int32), np.empty(n, np.int32)
    while len(waiting) > 0:
        count = 0
        for v in waiting:
            if touched[v] == this:
                coming[count] = v
                count += 1
                continue
            pair = rows[start[v] : start[v] + degree[v]]
            if _is_hub(pair, degree):
                continue
            order[peeled] = v
            peeled += 1
            touched[v] = n
            for j in range(len(pair)):
                u, other = pair[j], pair[len(pair) - 1 - j]
                degree[u] = _replace(rows[start[u] : start[u] + degree[u]], v, other if other != u else -1)
                touched[u] = this
                if degree[u] <= 2 and not queued[u]:
                    queued[u] = True
                    coming[count] = u
                    count += 1
        this += 1
        waiting = coming[:count].copy()
    core = np.flatnonzero(touched != n).astype(np.int32)
    return order[:peeled].copy(), core, _among(core, start, degree, rows)


@compiled
def _is_hub(nodes: Array, degree: Array) -> bool:
    """Tell whether a node has so many links that to search its row again and again would take for ever."""
    for v in nodes:  # noqa: SIM110
        if degree[v] > _HUB:
            return True
    return False


@compiled
def _replace(row: Array, old: Int, new: Int) -> Int:
    """Put ``new`` in the place of ``old`` in a row, unless it is -1 or there already; return the degree."""
    at, there = -1, new < 0
    for j in range(len(row)):
        if row[j] == old:
            at = j
        there |= row[j] == new
    if there:
        row[at] = row[-1]
        return len(row) - 1
    row[at] = new
    return len(row)


@compiled
def _among(core: Array, start: Array, degree: Array, rows: Array) -> Graph:
    """Give the graph of some nodes, numbered by their places; their rows hold none but them."""
    place, first = np.empty(len(start) - 1, np.int32), np.zeros(len(core) + 1, np.int64)
    for i in range(len(core)):
        place[core[i]] = i
        first[i + 1] = first[i] + degree[core[i]]
    neighbour = np.empty(first[-1], np.int32)
    for i in range(len(core)):
        for j in range(degree[core[i]]):
            neighbour[first[i] + j] = place[rows[start[core[i]] + j]]
    return _sorted_rows(first, neighbour)
