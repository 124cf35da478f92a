"""Detours: how much longer the way gets at most when a link is closed, for all links of the trees at once.

Closing the link above a node v of the tree of shortest ways leaves v the ways that enter its subtree by
another edge (x, y) and climb from y against the tree to v: time(x) + edge + climb. The best such edge of all
nodes is found in one pass: edges in ascending order of time(x) + edge + climb from y to the root, each given
to those nodes on the path from y up to the first ancestor of x that have none yet (path compression, as
Tarjan 1979, *Journal of the ACM* 26:690, does for the replacement edges of spanning trees). Every node below
v is then reached that much later at most, so only residents with less time to spare can lose their cover:
an upper bound of the loss that is much closer than all who drive there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import compiled, plain
from ..geodata.demand import Demand
from ..geodata.network import Network, edge_tails
from .closing import Closing
from .link_kernels import NEVER
from .links import Links
from .standards import Standard

Array = NDArray[Any]


class Detours:
    """Bounds of the residents who can lose the cover by the closure of a link.

    ``later`` holds when each node is reached at the latest without the link above it (centiseconds).
    """

    def __init__(
        self, network: Network, demand: Demand, closing: Closing, standard: Standard, links: Links
    ) -> None:
        today, nearest = closing.today, closing.today.nearest
        nodes = np.flatnonzero(nearest.site >= 0)
        order = nodes[np.argsort(nearest.centiseconds[nodes], kind="stable")].astype(np.int32)
        tail = edge_tails(network)
        tree = plain(nearest.edge), plain(tail)
        self._first, self._size = tour(order, *tree)
        roads = plain(network.start), plain(network.head), plain(network.centiseconds), plain(links.of_edge)
        back, climb = climbs(order, *tree, roads)
        edge, key = crossings(order, tree[0], roads, plain(nearest.centiseconds), climb)
        by_key = edge[np.argsort(key, kind="stable")], np.sort(key, kind="stable")
        spans = self._first, self._size
        self.later = later = replacements(by_key, tree, plain(network.head), (back, climb), spans)
        self._added = np.where(later < NEVER, later - nearest.centiseconds, NEVER)
        limit = standard.main * 100
        cell = np.flatnonzero((today.node >= 0) & (today.cost <= limit) & (demand.residents > 0))
        place = self._first[today.node[cell]]
        cell = cell[np.argsort(place, kind="stable")]
        self._place = self._first[today.node[cell]]
        self._spare, self._people = limit - today.cost[cell], np.asarray(demand.residents, np.int64)[cell]
        self._links, self._moving = links, np.unique(closing.site_road)

    def bound(self, link: int) -> int:
        """Bound the residents within the main limit who lose it when a link is closed."""
        node, whole = int(self._links.node[link]), int(self._links.bound[link])
        if node < 0 or self._stands(link):
            return whole
        first = self._first[node]
        begin, end = np.searchsorted(self._place, (first, first + self._size[node]))
        losing = self._spare[begin:end] < self._added[node]
        return whole - int(self._links.through[link]) + int(self._people[begin:end][losing].sum())

    def _stands(self, link: int) -> bool:
        """Tell whether a site stands at the link: it would move, and the times of others with it."""
        at = int(np.searchsorted(self._moving, link))
        return at < len(self._moving) and int(self._moving[at]) == link


@compiled
def tour(order: Array, edge: Array, tail: Array) -> tuple[Array, Array]:
    """Number the nodes so that a subtree is a span: (first, size), 0 for nodes that are not reached.

    ``order``: the nodes that are reached, earliest first.
    """
    first, size, free = np.zeros((3, len(edge)), np.int64)
    for i in range(len(order) - 1, -1, -1):
        v = order[i]
        size[v] += 1
        if edge[v] >= 0:
            size[tail[edge[v]]] += size[v]
    used = 0
    for v in order:
        if edge[v] < 0:
            first[v], used = used, used + size[v]
        else:
            p = tail[edge[v]]
            first[v], free[p] = free[p], free[p] + size[v]
        free[v] = first[v] + 1
    return first, size


@compiled
def climbs(
    order: Array, edge: Array, tail: Array, roads: tuple[Array, Array, Array, Array]
) -> tuple[Array, Array]:
    """Measure the way up the tree: (whether a node can drive to the one above it, time to the highest)."""
    start, head, cost, _ = roads
    back, climb = np.zeros(len(edge), np.bool_), np.zeros(len(edge), np.int64)
    for v in order:
        if edge[v] < 0:
            continue
        p, best = tail[edge[v]], np.int64(NEVER)
        for e in range(start[v], start[v + 1]):
            if head[e] == p and 0 <= cost[e] < best:
                best = np.int64(cost[e])
        if best < NEVER:
            back[v], climb[v] = True, climb[p] + best
    return back, climb


@compiled
def crossings(
    order: Array, edge: Array, roads: tuple[Array, Array, Array, Array], time: Array, climb: Array
) -> tuple[Array, Array]:
    """List the open edges beside the tree: (edge, time to its start + its own + climb from its end)."""
    start, head, cost, link = roads
    edges, keys, used = np.empty(len(head), np.int64), np.empty(len(head), np.int64), 0
    reached = np.zeros(len(edge), np.bool_)
    for v in order:
        reached[v] = True
    for x in order:
        for e in range(start[x], start[x + 1]):
            y = head[e]
            if cost[e] < 0 or not reached[y] or edge[y] < 0 or link[e] == link[edge[y]]:
                continue
            edges[used], keys[used] = e, np.int64(time[x]) + cost[e] + climb[y]
            used += 1
    return edges[:used], keys[:used]


@compiled
def replacements(
    by_key: tuple[Array, Array],
    tree: tuple[Array, Array],
    head: Array,
    ways: tuple[Array, Array],
    spans: tuple[Array, Array],
) -> Array:
    """Find when each node is reached at the latest without the link above it, ``NEVER`` where not known.

    ``above``: for a node that has its answer the next one on the way up, -1 where that ends; else itself.
    """
    (edges, keys), (edge, tail), (back, climb), (first, size) = by_key, tree, ways, spans
    later, above = np.full(len(edge), NEVER), np.arange(len(edge))
    for v in range(len(edge)):
        if edge[v] < 0:
            above[v] = -1
    for i in range(len(edges)):
        x, y = tail[edges[i]], np.int64(head[edges[i]])
        while True:
            top = y
            while top >= 0 and above[top] != top:
                top = above[top]
            while y >= 0 and y != top:
                above[y], y = top, above[y]
            if top < 0 or first[top] <= first[x] < first[top] + size[top]:
                break
            later[top] = keys[i] - climb[top]
            above[top] = tail[edge[top]] if back[top] else -1
            y = top
    return later
