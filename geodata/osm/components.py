"""Connected parts of a road graph: which piece belongs to which, and which part is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .order import rows_of

Positions = NDArray[np.int32]


@compiled
def weak_parts(a: Positions, b: Positions, n_nodes: int) -> Positions:
    """Give each node the lowest node that pieces join it to, whatever their direction; -1 without a piece.

    Union by the lower number with path halving (Tarjan and van Leeuwen 1984, *Journal of the ACM* 31:245).
    """
    parent = np.full(n_nodes, -1, np.int32)
    for k in range(len(a)):
        for node in (a[k], b[k]):
            if parent[node] < 0:
                parent[node] = node
        u, v = a[k], b[k]
        while parent[u] != u:
            parent[u] = parent[parent[u]]
            u = parent[u]
        while parent[v] != v:
            parent[v] = parent[parent[v]]
            v = parent[v]
        if u < v:
            parent[v] = u
        elif v < u:
            parent[u] = v
    for node in range(n_nodes):  # a parent is never higher than its child, so one pass settles all
        if parent[node] >= 0:
            parent[node] = parent[parent[node]]
    return parent


def largest(part: Positions) -> tuple[int, Positions, NDArray[np.int64]]:
    """Find the part with most nodes, the lowest of equal ones: ``(it, all parts, their nodes)``.

    Parts are named by their lowest node, as `weak_parts` gives them, and come in that order.
    """
    sizes = np.bincount(part[part >= 0], minlength=1)
    parts = np.flatnonzero(sizes).astype(np.int32)
    return int(sizes.argmax()), parts, sizes[parts]


def in_largest_strong(start: NDArray[np.int64], head: Positions, n_nodes: int) -> NDArray[np.bool_]:
    """Tell for each node whether it is in the largest strongly connected component of rows of edges.

    Of equally large ones that with the lowest node counts. One with more than half of the nodes is the
    largest; most road networks have it, with the node of most edges in it, so that scipy is rarely asked.
    """
    tail = np.repeat(np.arange(n_nodes, dtype=np.int32), np.diff(start))
    middle = int(np.argmax(np.diff(start)))
    one = reached(start, head, middle)
    one &= reached(*_turned(tail, head, n_nodes), middle)
    return one if 2 * int(one.sum()) > n_nodes else _largest_strong(start, head, n_nodes)


def _turned(tail: Positions, head: Positions, n_nodes: int) -> tuple[NDArray[np.int64], Positions]:
    """Turn edges round: rows by head."""
    start, edge = rows_of(head, n_nodes)
    return start, tail[edge]


@compiled
def reached(start: NDArray[np.int64], head: Positions, node: int) -> NDArray[np.bool_]:
    """Tell which nodes can be reached from one along rows of edges, itself among them."""
    found = np.zeros(len(start) - 1, np.bool_)
    queue = np.empty(len(start) - 1, np.int32)
    queue[0], found[node], first, last = node, True, 0, 1
    while first < last:
        here = queue[first]
        first += 1
        for i in range(start[here], start[here + 1]):
            if not found[head[i]]:
                found[head[i]] = True
                queue[last] = head[i]
                last += 1
    return found


def _largest_strong(start: NDArray[np.int64], head: Positions, n_nodes: int) -> NDArray[np.bool_]:
    """Find the largest strongly connected component, of equally large ones that with the lowest node."""
    from scipy.sparse import csr_array  # noqa: PLC0415  (0.1 s, only for building)
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    graph: Any = csr_array(
        (np.ones(len(head), np.int8), head, start.astype(np.int32)), shape=(n_nodes, n_nodes)
    )
    _, label = connected_components(graph, connection="strong")
    sizes = np.bincount(label)
    best = np.flatnonzero(sizes[label] == sizes.max())[0]  # the lowest node of a largest one
    return np.asarray(label == label[best])
