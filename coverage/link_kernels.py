"""Compiled steps of `links` and `closing`: ways added up on their tree, cells whose ways changed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import compiled

Array = NDArray[Any]

NEVER = 1 << 40
"""Centiseconds of a place that nothing reaches."""


@compiled
def pour(order: Array, tree: tuple[Array, Array, Array], weight: Array, flow: Array) -> None:
    """Let what stands at the nodes drive home over the tree of shortest ways.

    Parameters
    ----------
    order
        Nodes that are reached, latest first: an edge takes at least 1 centisecond, so a node comes before
        the one from which it is reached.
    tree
        (edge by which the way comes to each node, -1 at a site's own; node from which each edge leaves; link
        of each edge).
    weight
        (nodes, c) what stands at each node; afterwards what passes it.
    flow
        (links, c) to which is added what passes each link.
    """
    edge, tail, link = tree
    for v in order:
        e = edge[v]
        if e < 0:
            continue
        for c in range(weight.shape[1]):
            flow[link[e], c] += weight[v, c]
            weight[tail[e], c] += weight[v, c]


@compiled
def join_chains(after: Array, before: Array, users: Array, least: float) -> Array:
    """Number the chains of links: that of the link before, or a new one.

    Parameters
    ----------
    after, before
        Links that may be joined, each link at most once in either; the nearest to the sites first.
    least
        Share of the users of any link of a chain that every other has at least.
    """
    chain, most, few = np.arange(len(users)), users.copy(), users.copy()
    for i in range(len(after)):
        a, b = after[i], before[i]
        high, low = max(most[b], users[a]), min(few[b], users[a])
        if low >= least * high:
            chain[a], most[a], few[a] = chain[b], high, low
    return chain


@compiled
def look_again(
    nodes: Array,
    ways: tuple[Array, Array],
    places: tuple[Array, Array, Array, Array],
    now: tuple[Array, Array],
    marks: tuple[Array, int],
) -> tuple[Array, Array, Array]:
    """Find the nearest site anew of the places that are reached by some nodes: (place, cost, site).

    Parameters
    ----------
    ways
        (first, place): the places reached by way of node v are ``place[first[v]:first[v + 1]]``.
    places
        (nodes (p, 2) and costs (p, 2) of the ways in, cost and site of the best way along one road).
    now
        (cost, site) of the nodes.
    marks
        ((p,) mark of each place, mark of this look): places that carry it are passed over, and all found
        carry it then.
    """
    (first, owner), (in_node, in_cs, beside, beside_site), (time, site) = ways, places, now
    seen, stamp = marks
    count = 0
    for v in nodes:
        count += first[v + 1] - first[v]
    place, cost = np.empty(count, np.int64), np.empty(count, np.int64)
    label, used = np.empty(count, np.int32), 0
    for v in nodes:
        for j in range(first[v], first[v + 1]):
            p = owner[j]
            if seen[p] == stamp:
                continue
            seen[p] = stamp
            best, mark = beside[p], beside_site[p]
            for column in range(2):
                u = in_node[p, column]
                if u < 0 or site[u] < 0:
                    continue
                t = np.int64(time[u]) + in_cs[p, column]
                if t < best or (t == best and site[u] < mark):
                    best, mark = t, site[u]
            place[used], cost[used], label[used] = p, best, mark
            used += 1
    return place[:used], cost[:used], label[:used]
