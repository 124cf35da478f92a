"""The compiled steps by which an answer is mended before the new times are spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from ...geodata.compiled import compiled
from .kernels import LABEL_BITS, LABEL_MASK, UNREACHED, Array, BareRows, Log, State

CUT = -2
"""Edge of a node whose way was cut."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _inlined(function: _Function) -> _Function:
    """Compile into the callers."""
    return cast(_Function, numba.njit(forceinline=True)(function))


@_inlined
def _note(
    v: int, count: int, time: Array, site: Array, by: Array, noted: Array, nodes: Array, old: Array
) -> int:
    """Keep what a node had, once; return how many are noted (as in ``kernels``)."""
    if noted[v] != 0:
        return count
    noted[v], nodes[count] = 1, v
    old[count, 0], old[count, 1], old[count, 2] = time[v], site[v], by[v]
    return count + 1


@compiled
def cut(
    onward: BareRows, cost: Array, changed: tuple[Array, Array, Array], state: State, log: Log, most: int
) -> int:
    """Take the times from all nodes whose way came over a changed edge (number, origin, end) that got worse.

    They and all nodes behind them in the trees are noted, their time is ``UNREACHED`` and their edge ``CUT``.
    Returns how many there are; it stops when there are more than ``most``.
    """
    start, other, number = onward
    time, site, by = state
    noted, nodes, old = log
    named, count, done = len(number) > 0, 0, 0
    for i in range(len(changed[0])):
        e, v, u = changed[0][i], changed[1][i], changed[2][i]
        if by[u] == e and (cost[e] < 0 or np.int64(time[v]) + cost[e] > time[u]):
            count = _note(u, count, time, site, by, noted, nodes, old)
            time[u], site[u], by[u] = UNREACHED, -1, CUT
    while done < count <= most:
        v = nodes[done]
        done += 1
        for j in range(start[v], start[v + 1]):
            u, e = other[j], number[j] if named else j
            if by[u] == e:
                count = _note(u, count, time, site, by, noted, nodes, old)
                time[u], site[u], by[u] = UNREACHED, -1, CUT
    return count


@compiled
def reseed(
    back: BareRows,
    cost: Array,
    seeds: tuple[Array, Array, Array],
    limit: int,
    state: State,
    nodes: Array,
) -> None:
    """Offer the cut nodes what their neighbours that were not cut have, and their own seeds.

    Seeds (node, time, label) ascend by node.
    """
    start, other, number = back
    time, site, by = state
    named = len(number) > 0
    for i in range(len(nodes)):
        u = nodes[i]
        best, edge = (np.int64(limit) << LABEL_BITS) | LABEL_MASK, CUT
        for j in range(start[u], start[u + 1]):
            v, e = other[j], number[j] if named else j
            if cost[e] < 0 or by[v] == CUT or site[v] < 0:
                continue
            key = (np.int64(time[v]) + cost[e] << LABEL_BITS) | site[v]
            if key < best or (key == best and e < edge):
                best, edge = key, e
        for j in range(np.searchsorted(seeds[0], u), len(seeds[0])):
            if seeds[0][j] != u:
                break
            key = (np.int64(seeds[1][j]) << LABEL_BITS) | seeds[2][j]
            if key <= best:
                best, edge = key, -1
        if edge != CUT:
            time[u], site[u], by[u] = best >> LABEL_BITS, best & LABEL_MASK, edge


@compiled
def offer(
    cost: Array, changed: tuple[Array, Array, Array], limit: int, state: State, log: Log, count: int
) -> int:
    """Offer the ends of changed edges (number, origin, end) what they bring now; how many nodes are noted."""
    time, site, by = state
    noted, nodes, old = log
    for i in range(len(changed[0])):
        e, v, u = changed[0][i], changed[1][i], changed[2][i]
        t, mark = np.int64(time[v]) + cost[e], site[v]
        if cost[e] < 0 or mark < 0 or t > limit or t > time[u]:
            continue
        if t < time[u] or mark < site[u] or (mark == site[u] and e < by[u]):
            count = _note(u, count, time, site, by, noted, nodes, old)
            time[u], site[u], by[u] = t, mark, e
    return count


@compiled
def finish(state: State, log: Log, count: int) -> Array:
    """Give nodes that nothing reaches any more the edge of such nodes, and list the nodes that differ."""
    time, site, by = state
    _, nodes, old = log
    differing, used = np.empty(count, np.int32), 0
    for i in range(count):
        v = nodes[i]
        if by[v] == CUT:
            by[v] = -1
        if time[v] != old[i, 0] or site[v] != old[i, 1] or by[v] != old[i, 2]:
            differing[used] = v
            used += 1
    return differing[:used]


@compiled
def put_back(state: State, log: Log, count: int) -> None:
    """Give the noted nodes back what they had and forget them."""
    time, site, by = state
    noted, nodes, old = log
    for i in range(count):
        v = nodes[i]
        time[v], site[v], by[v], noted[v] = old[i, 0], old[i, 1], old[i, 2], 0


@compiled
def forget(noted: Array, nodes: Array) -> None:
    """Mark nodes as not noted."""
    for v in nodes:
        noted[v] = 0
