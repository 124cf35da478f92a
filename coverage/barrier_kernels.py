"""The compiled search of `barriers`: from places until others are met."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import compiled

Array = NDArray[Any]
Int = Any
Listed = tuple[Array, Array, Array]
"""Of each place the first of its nodes; nodes; centiseconds between place and node."""

_NODE = 0xFFFFFFFF
_NEVER = np.iinfo(np.int64).max


@compiled
def meets(roads: Listed, seeds: Listed, goals: Listed, pairs: tuple[Array, Array], limit: int) -> Array:
    """Say which ends are met from their starts within a limit (Dijkstra 1959, ended early).

    Parameters
    ----------
    roads
        First edge of each node, heads, centiseconds (below 0: closed).
    seeds, goals
        By which nodes places are left, and are reached.
    pairs
        (p,) starts and (p,) ends; equal starts stand together.
    """
    start, end = pairs
    time = np.full(len(roads[0]) - 1, _NEVER)
    wanted = np.full(len(roads[0]) - 1, -1, np.int64)
    met = np.zeros(len(start), np.bool_)
    low = 0
    while low < len(start):
        high = low
        while high < len(start) and start[high] == start[low]:
            for g in range(goals[0][end[high]], goals[0][end[high] + 1]):
                wanted[goals[1][g]] = low
            high += 1
        _meet(roads, seeds, goals, (low, start[low], end[low:high], limit), (time, wanted, met[low:high]))
        low = high
    return met


@compiled
def _meet(
    roads: Listed, seeds: Listed, goals: Listed, task: tuple[int, int, Array, int], work: Listed
) -> None:
    """Search from one place until all its ends are met; ``work`` is times, marks of nodes and what is met."""
    (mark, source, end, limit), (time, wanted, met) = task, work
    heap = [np.int64(0) for _ in range(0)]
    touched = [np.int64(0) for _ in range(0)]
    for s in range(seeds[0][source], seeds[0][source + 1]):
        _offer(np.int64(seeds[2][s]) << 32 | seeds[1][s], limit, time, heap, touched)
    left = len(end)
    while len(heap) > 0 and left > 0:
        entry = heappop(heap)
        now, v = entry >> 32, entry & _NODE
        if time[v] != now:
            continue
        if wanted[v] == mark:
            left -= _greet(goals, end, v, limit - now, met)
        for e in range(roads[0][v], roads[0][v + 1]):
            if roads[2][e] >= 0:
                _offer((now + roads[2][e]) << 32 | roads[1][e], limit, time, heap, touched)
    for u in touched:
        time[u] = _NEVER


@compiled
def _offer(entry: Int, limit: Int, time: Array, heap: Any, touched: Any) -> None:
    """Give a node a time (``time << 32 | node``), where that is an earlier one."""
    t, u = entry >> 32, entry & _NODE
    if t <= limit and t < time[u]:
        time[u] = t
        touched.append(u)
        heappush(heap, entry)


@compiled
def _greet(goals: Listed, end: Array, v: Int, left_cs: Int, met: Array) -> int:
    """Mark the ends that are reached from a node in the time that is left: how many are new."""
    new = 0
    for q in range(len(end)):
        for g in range(goals[0][end[q]], goals[0][end[q] + 1]):
            if not met[q] and goals[1][g] == v and goals[2][g] <= left_cs:
                met[q] = True
                new += 1
    return new
