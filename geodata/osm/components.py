"""Connected parts of a road graph: which piece belongs to which, and which part is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled

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

    Of equally large ones that with the lowest node counts.
    """
    from scipy.sparse import csr_array  # noqa: PLC0415  (0.1 s, only for building)
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    graph: Any = csr_array(
        (np.ones(len(head), np.int8), head, start.astype(np.int32)), shape=(n_nodes, n_nodes)
    )
    _, label = connected_components(graph, connection="strong")
    sizes = np.bincount(label)
    best = np.flatnonzero(sizes[label] == sizes.max())[0]  # the lowest node of a largest one
    return np.asarray(label == label[best])
