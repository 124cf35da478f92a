"""Contract the nodes in a given order, weights ignored: the arcs that can ever be needed (symbolic phase).

To contract a node joins its higher neighbours pairwise. The result is the chordal completion known from
sparse Cholesky factors, and its elimination tree (the parent of a node is its lowest higher neighbour) has
every higher neighbour of a node among its ancestors (Liu 1990, *SIAM J. Matrix Anal. Appl.* 11:134).
"""

from __future__ import annotations

import numpy as np

from ...geodata.compiled import compiled
from .arrays import Array, Graph


@compiled
def ranked(graph: Graph, order: Array) -> tuple[Array, Array]:
    """Number the nodes in post-order of their elimination tree.

    Post-order makes the same arcs as ``order`` does, and a subtree is a run of numbers: sweeps stay in the
    cache. Of several children the one with the smallest node comes last, so that a sweep from the root down
    meets the nodes about as they are stored.

    Returns
    -------
    The (n,) node of each rank, and the (n,) rank of the parent or -1.
    """
    n = len(order)
    rank = _inverse(order)
    parent = _elimination_tree(graph, order, rank)
    post = _post_order(parent, rank)
    place, node, turned = _inverse(post), np.empty(n, np.int32), np.full(n, -1, np.int32)
    for i in range(n):
        node[i] = order[post[i]]
        if parent[post[i]] >= 0:
            turned[i] = place[parent[post[i]]]
    return node, turned


@compiled
def _inverse(order: Array) -> Array:
    rank = np.empty(len(order), np.int32)
    for i in range(len(order)):
        rank[order[i]] = i
    return rank


@compiled
def _elimination_tree(graph: Graph, order: Array, rank: Array) -> Array:
    """Find the parent of every rank (Liu 1986, *ACM TOMS* 12:127, with path compression)."""
    start, neighbour = graph
    n = len(order)
    parent, ancestor = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    for i in range(n):
        for j in range(start[order[i]], start[order[i] + 1]):
            k = rank[neighbour[j]]
            while k < i and k != -1 and ancestor[k] != i:
                above = ancestor[k]
                ancestor[k] = i
                if above == -1:
                    parent[k] = i
                k = above
    return parent


@compiled
def _post_order(parent: Array, rank: Array) -> Array:
    """List the ranks children first; subtrees with larger nodes before those with smaller ones."""
    n = len(parent)
    child, after = np.full(n + 1, -1, np.int32), np.full(n, -1, np.int32)
    seen = np.zeros(n, np.bool_)
    for node in range(n):  # who comes later is put in front
        k = rank[node]
        while k >= 0 and not seen[k]:
            seen[k], above = True, parent[k] if parent[k] >= 0 else n
            after[k], child[above] = child[above], k
            k = parent[k]
    post, stack, count, top, root = np.empty(n, np.int32), np.empty(n, np.int32), 0, 0, child[n]
    while root >= 0:
        stack[top], top = root, top + 1
        while top > 0:
            v = stack[top - 1]
            if child[v] >= 0:
                stack[top], top = child[v], top + 1
                child[v] = after[child[v]]
            else:
                post[count], count, top = v, count + 1, top - 1
        root = after[root]
    return post


@compiled
def depths(parent: Array) -> Array:
    """Count the ancestors of every rank."""
    depth = np.zeros(len(parent), np.int32)
    for v in range(len(parent) - 1, -1, -1):
        if parent[v] >= 0:
            depth[v] = depth[parent[v]] + 1
    return depth


@compiled
def count_arcs(graph: Graph, node: Array, parent: Array) -> Array:
    """Give the (n + 1,) first arc of every rank."""
    start, neighbour = graph
    n = len(node)
    rank, seen, first = _inverse(node), np.full(n, -1, np.int32), np.zeros(n + 1, np.int64)
    for i in range(n):
        seen[i] = i
        for j in range(start[node[i]], start[node[i] + 1]):
            k = rank[neighbour[j]]
            while k < i and seen[k] != i:
                first[k + 1] += 1
                seen[k], k = i, parent[k]
    return np.cumsum(first)


@compiled
def list_arcs(graph: Graph, node: Array, parent: Array, first: Array) -> tuple[Array, Array]:
    """Give the head and the tail of every arc, heads ascending within a tail.

    An arc (k, i) is there where k lies on the way in the tree from a lower neighbour of i up to i ("row
    subtrees", Liu 1990).
    """
    start, neighbour = graph
    n = len(node)
    rank, seen, fill = _inverse(node), np.full(n, -1, np.int32), first[:-1].copy()
    head, tail = np.empty(first[-1], np.int32), np.empty(first[-1], np.int32)
    for i in range(n):
        seen[i] = i
        for j in range(start[node[i]], start[node[i] + 1]):
            k = rank[neighbour[j]]
            while k < i and seen[k] != i:
                head[fill[k]], tail[fill[k]] = i, k
                fill[k] += 1
                seen[k], k = i, parent[k]
    return head, tail


@compiled
def turn_round(first: Array, head: Array, tail: Array) -> tuple[Array, Array, Array]:
    """Sort the arcs by head: (first of each head, tails ascending, arcs)."""
    below = np.zeros(len(first), np.int64)
    for k in range(len(head)):
        below[head[k] + 1] += 1
    below = np.cumsum(below)
    fill, tails, lower = below[:-1].copy(), np.empty(len(head), np.int32), np.empty(len(head), np.int32)
    for k in range(len(head)):
        at = fill[head[k]]
        tails[at], lower[at] = tail[k], k
        fill[head[k]] += 1
    return below, tails, lower


@compiled
def place_edges(
    start: Array, heads: Array, rank: Array, first: Array, head: Array
) -> tuple[Array, Array, Array]:
    """Sort the edges, loops left out, by the rank of their lower end: (first, edge, 2 arc + down)."""
    n = len(rank)
    begin = np.zeros(n + 1, np.int64)
    for v in range(n):
        for e in range(start[v], start[v + 1]):
            if heads[e] != v:
                begin[min(rank[v], rank[heads[e]]) + 1] += 1
    begin = np.cumsum(begin)
    fill, edge, place = begin[:-1].copy(), np.empty(begin[-1], np.int32), np.empty(begin[-1], np.int32)
    for v in range(n):
        for e in range(start[v], start[v + 1]):
            if heads[e] == v:
                continue
            low, high = min(rank[v], rank[heads[e]]), max(rank[v], rank[heads[e]])
            k = 0
            while head[first[low] + k] < high:
                k += 1
            edge[fill[low]], place[fill[low]] = e, 2 * k + (rank[v] == high)
            fill[low] += 1
    return begin, edge, place
