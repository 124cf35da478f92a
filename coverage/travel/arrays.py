"""Compiled passes over the arrays of a network or an answer, without a search."""

from __future__ import annotations

import numpy as np

from ...geodata.compiled import compiled
from .queue import UNREACHED, Array, Rows


@compiled
def packed(other: Array, cost: Array, number: Array) -> Array:
    """Make the arcs of rows; ``cost`` is by edge, so by ``number`` where that is not empty."""
    arc, named = np.empty(len(other), np.int64), len(number) > 0
    for e in range(len(other)):
        w = cost[number[e]] if named else cost[e]
        arc[e] = np.int64(UNREACHED if w < 0 else w) << 32 | other[e]
    return arc


@compiled
def borders(rows: Rows, time: Array, label: Array, limit: int) -> tuple[Array, Array, Array, Array]:
    """List the offers (node, time, label, edge) over edges between nodes of different labels."""
    start, other, cost, number = rows
    named, used, count = len(number) > 0, 0, 0
    at, rows_at = np.empty(len(start) - 1, np.int32), 0
    for v in range(len(start) - 1):
        before = count
        for e in range(start[v], start[v + 1]):
            count += label[other[e]] != label[v]
        at[rows_at] = v
        rows_at += count > before
    node, after = np.empty(count, np.int32), np.empty(count, np.int32)
    mark, edge = np.empty(count, np.int32), np.empty(count, np.int32)
    for v in at[:rows_at]:
        for e in range(start[v], start[v + 1]):
            if label[other[e]] == label[v] or label[v] < 0 or cost[e] < 0:
                continue
            t = np.int64(time[v]) + cost[e]
            if t <= limit:
                node[used], after[used], mark[used] = other[e], t, label[v]
                edge[used] = number[e] if named else e
                used += 1
    return node[:used], after[:used], mark[:used], edge[:used]


@compiled
def by_label(label: Array, count: int) -> tuple[Array, Array]:
    """List the nodes of each label, ascending: (first of each label, nodes)."""
    first = np.zeros(count + 1, np.int64)
    for v in range(len(label)):
        if label[v] >= 0:
            first[label[v] + 1] += 1
    first = np.cumsum(first)
    node, place = np.empty(first[count], np.int32), first.copy()
    for v in range(len(label)):
        if label[v] >= 0:
            node[place[label[v]]] = v
            place[label[v]] += 1
    return first, node


@compiled
def lay_out(
    part: tuple[Array, Array, Array], sources: Array, indptr: Array, node: Array, time: Array
) -> None:
    """Copy what `reach_many` found to the rows of its sources."""
    lengths, nodes, times = part
    at = 0
    for i in range(len(sources)):
        to, count = indptr[sources[i]], lengths[i]
        node[to : to + count] = nodes[at : at + count]
        time[to : to + count] = times[at : at + count]
        at += count


@compiled
def sound(cost: Array) -> bool:
    """Tell whether every edge takes at least 1 centisecond or is closed (-1)."""
    wrong = 0
    for i in range(len(cost)):
        wrong += (cost[i] == 0) | (cost[i] < -1)
    return wrong == 0
