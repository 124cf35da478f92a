"""Customize: give the arcs of an order the times of a network (Dibbelt, Strasser and Wagner 2016).

The time of an arc is at first the least of its edges. Then, ranks ascending, every lower triangle is relaxed:
an arc (x, y) takes no longer than the way down from x to a node z below both and up again.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled, plain
from ...geodata.network import Network
from .arrays import Array, Int
from .order import Order, stamp_of

_Arcs = tuple[Array, Array, Array, Array, Array]
_Edges = tuple[Array, Array, Array, Array]
_Times = tuple[Array, Array]

NEVER = np.uint32(np.iinfo(np.int32).max)
"""Time of an arc that nobody can drive, as ``travel.UNREACHED``; two add up within 32 bits without a sign."""

_UNITS = 8
"""Subtrees per thread, about."""


@dataclass(frozen=True)
class Hierarchy:
    """An order with the times of one network."""

    order: Order
    network: Network
    """Whose times these are, closures included."""
    up: NDArray[np.uint32]
    """(a,) least centiseconds from the tail to the head over lower ranks; ``NEVER`` where there is no way."""
    down: NDArray[np.uint32]
    """(a,) and from the head to the tail."""


def customize(order: Order, network: Network, *, threads: int | None = None) -> Hierarchy:
    """Find the times of all arcs; closed edges are left out, of parallel ones the fastest counts.

    Raises
    ------
    ValueError
        The order is of other roads, or an open edge takes less than 1 centisecond.
    """
    if order.stamp != stamp_of(network):
        raise ValueError("the order was prepared from other roads")
    times = (np.empty(order.n_arcs, np.uint32), np.empty(order.n_arcs, np.uint32))
    arcs, edges, height = arcs_of(order), _edges_of(order, network), order.height
    count = threads or os.cpu_count() or 1
    units, apart = subtrees(order, count * _UNITS if count > 1 else 0)
    nowhere = np.zeros(order.n_nodes, np.bool_)
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda u: _customize(arcs, edges, times, (u[0], u[1]), nowhere, height), units))
    _customize(arcs, edges, times, (0, order.n_nodes), apart, height)
    return Hierarchy(order, network, *times)


def recustomize(hierarchy: Hierarchy, network: Network) -> Hierarchy:
    """Find the times again where edges were closed, slowed or opened: equal to `customize`, bit for bit.

    A row of arcs is found again where an edge or a row below it changed. Rows change only on the ways from
    the edges to the root of the tree, and where a time stands nothing above it has to be looked at.
    """
    order, before = hierarchy.order, hierarchy.network
    if order.stamp != stamp_of(network):
        raise ValueError("the order was prepared from other roads")
    changed = np.flatnonzero(np.asarray(before.centiseconds) != np.asarray(network.centiseconds))
    tail = np.searchsorted(network.start, changed, side="right") - 1
    rows = np.minimum(order.rank[tail], order.rank[np.asarray(network.head)[changed]])
    waiting = np.zeros(order.n_nodes, np.bool_)
    waiting[rows] = True
    times = (np.array(hierarchy.up), np.array(hierarchy.down))
    _customize_again(
        arcs_of(order), _edges_of(order, network), plain(order.head), times, waiting, order.height
    )
    return Hierarchy(order, network, *times)


def arcs_of(order: Order) -> _Arcs:
    """Give (first, slot, below, tail, lower) for compiled loops."""
    return plain(order.first), plain(order.slot), plain(order.below), plain(order.tail), plain(order.lower)


def _edges_of(order: Order, network: Network) -> _Edges:
    time = plain(network.centiseconds)
    if len(time) and (time.min() < -1 or (time == 0).any()):
        raise ValueError("every open edge of the network must take at least 1 centisecond")
    return plain(order.edge_first), plain(order.edge), plain(order.edge_arc), time


def subtrees(order: Order, parts: int) -> tuple[Array, Array]:
    """Choose subtrees that share no rank: (u, 2) runs, and (n,) whether a rank lies in one.

    They are the largest with no more than 1 / ``parts`` of all arcs; none for 0 parts.
    """
    if parts == 0 or order.n_nodes == 0:
        return np.empty((0, 2), np.int64), np.zeros(order.n_nodes, np.bool_)
    return _subtrees(plain(order.first), plain(order.head), order.n_arcs // parts)


@compiled
def _subtrees(first: Array, head: Array, most: Int) -> tuple[Array, Array]:
    n, count = len(first) - 1, 0
    begin, runs = np.arange(n), np.empty((n, 2), np.int64)
    inside = np.zeros(n, np.bool_)
    for v in range(n):
        if first[v] < first[v + 1]:
            parent = head[first[v]]
            begin[parent] = min(begin[parent], begin[v])
    for v in range(n - 1, -1, -1):
        if not inside[v] and first[v + 1] - first[begin[v]] <= most:
            runs[count, 0], runs[count, 1] = begin[v], v + 1
            count += 1
            for u in range(begin[v], v + 1):
                inside[u] = True
    return runs[:count].copy(), inside


@compiled
def _customize(
    arcs: _Arcs, edges: _Edges, times: _Times, run: tuple[Int, Int], known: Array, height: Int
) -> None:
    """Find the times of the arcs from a run of ranks, but those known; all below it are known, too."""
    work = np.empty((2, height), np.uint32)
    for x in range(run[0], run[1]):
        if not known[x]:
            _row(arcs, edges, times, x, work)
            for k in range(arcs[0][x], arcs[0][x + 1]):
                times[0][k], times[1][k] = work[0, arcs[1][k]], work[1, arcs[1][k]]


@compiled
def _customize_again(
    arcs: _Arcs, edges: _Edges, head: Array, times: _Times, waiting: Array, height: Int
) -> None:
    """Find the rows that wait, ascending; where times of a row change, rows with triangles above it wait."""
    (first, slot, _, _, _), (up, down) = arcs, times
    work = np.empty((2, height), np.uint32)
    for x in range(len(waiting)):
        if not waiting[x]:
            continue
        _row(arcs, edges, times, x, work)
        low, last = first[x], -1
        for k in range(low, first[x + 1]):
            at = slot[k]
            if up[k] != work[0, at] or down[k] != work[1, at]:
                up[k], down[k], last = work[0, at], work[1, at], k
                waiting[head[k]] = True
        for k in range(low, last):
            waiting[head[k]] = True


@compiled
def _row(arcs: _Arcs, edges: _Edges, times: _Times, x: Int, work: Array) -> None:
    """Find the times of the arcs from x to each depth: (2, height) up and down."""
    (first, slot, below, tail, lower), (edge_first, edge, place, cost), (up, down) = arcs, edges, times
    rising, falling = work[0], work[1]
    for k in range(first[x], first[x + 1]):
        rising[slot[k]] = NEVER
        falling[slot[k]] = NEVER
    for j in range(edge_first[x], edge_first[x + 1]):
        if cost[edge[j]] >= 0:
            at, time = slot[first[x] + (place[j] >> 1)], np.uint32(cost[edge[j]])
            work[place[j] & 1, at] = min(work[place[j] & 1, at], time)
    for j in range(below[x], below[x + 1]):
        to, fro = down[lower[j]], up[lower[j]]
        for k in range(lower[j] + 1, first[tail[j] + 1]):
            y = slot[k]
            rising[y] = min(rising[y], np.uint32(to + up[k]))
            falling[y] = min(falling[y], np.uint32(fro + down[k]))
