"""Frontier: shortest times by numpy alone, for one question in a fresh process.

A search that advances in steps of time (Δ-stepping, Meyer and Sanders 2003, *Journal of Algorithms*
49:114-152): all nodes of a step are relaxed at once by array operations, again and again until no time within
the step improves; then everything before its end is final. Exact for any width, since times are integers of
at least 1. The compiled kernels of `travel` are quicker, but to load them takes longer than a question.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata.edge_boxes import spans
from ..geodata.network import CLOSED, Network, incoming

UNREACHED = np.iinfo(np.int32).max
"""Centiseconds of a node that is not reached (yet)."""

_EDGES_A_STEP = 8
"""Width of a step in mean edge times: 4 to 32 took the same within a fifth, at 0.5 and at 1.5 M nodes."""
_SAMPLE = 1 << 16


class _Rows(NamedTuple):
    """The edges by one of their ends: those at node v are ``start[v]:start[v + 1]``."""

    start: NDArray[np.int64]
    other: NDArray[np.int32]
    """Node at the other end."""
    edge: NDArray[np.int32] | None
    """Position of the edge in the network; None where it is that in the rows."""


class Frontier:
    """A search from seeds along the edges, or against them, that is carried on step by step.

    Attributes
    ----------
    time
        (n,) least centiseconds found so far; final below ``reached``.
    reached
        Every node within less than this time is final, and the edges that go on from it are followed.
    """

    def __init__(self, network: Network, nodes: ArrayLike, times: ArrayLike, *, backward: bool) -> None:
        """Start at nodes with the times that they have from the beginning."""
        into = incoming(network)
        ahead = _Rows(np.asarray(network.start), np.asarray(network.head), None)
        behind = _Rows(np.asarray(into.start), np.asarray(into.tail), np.asarray(into.edge))
        self._on, self._back = (behind, ahead) if backward else (ahead, behind)
        self._cost = np.asarray(network.centiseconds)
        self._width = _width(self._cost)
        self.time: NDArray[np.int32] = np.full(network.n_nodes, UNREACHED, np.int32)
        self.reached = 0
        self._turn = np.empty(network.n_nodes, np.int32)
        seeds = np.asarray(nodes, np.int64)
        np.minimum.at(self.time, seeds, np.asarray(times, np.int32))
        self._queue = np.unique(seeds)
        self._seed = dict(zip(self._queue.tolist(), self.time[self._queue].tolist(), strict=True))

    @property
    def size(self) -> int:
        """Number of nodes that wait to be relaxed; 0: the search is over, all that can be is reached."""
        return len(self._queue)

    def advance(self) -> NDArray[np.int64]:
        """Finish the next step; returns the nodes that it finished or improved, some more than once."""
        times = self.time[self._queue]
        self.reached = int(times.min()) // self._width * self._width + self._width
        inside = times < self.reached
        now, waiting = self._queue[inside], [self._queue[~inside]]
        labelled = [now]
        while len(now):
            new = self._relax(now)
            inside = self.time[new] < self.reached
            now = new[inside]
            waiting.append(new[~inside])
            labelled.append(new)
        later = np.concatenate(waiting)
        self._queue = self._distinct(later[self.time[later] >= self.reached])
        return np.concatenate(labelled)

    def trace(self, node: int) -> tuple[list[int], list[int]]:
        """Follow the shortest way from a node back to a seed: its nodes and edges.

        Where several edges lead on as quickly, by the lowest. The node must be final, or so must be the sum
        that it is the best meeting point of.
        """
        nodes, edges, (start, other, edge) = [int(node)], list[int](), self._back
        while (at := int(self.time[nodes[-1]])) != self._seed.get(nodes[-1]):
            first, last = int(start[nodes[-1]]), int(start[nodes[-1] + 1])
            own = np.arange(first, last) if edge is None else edge[first:last]
            cost = self._cost[own]
            on = np.flatnonzero((self.time[other[first:last]] == at - cost) & (cost >= 0))
            best = int(on[own[on].argmin()])
            edges.append(int(own[best]))
            nodes.append(int(other[first + best]))
        return nodes, edges

    def _relax(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Follow the open edges of distinct nodes; returns the nodes that this improved, each once."""
        start, other_end, edge = self._on
        first = start[nodes]
        count = start[nodes + 1] - first
        at = spans(first, count)
        cost = self._cost[at if edge is None else edge[at]]
        other, time = other_end[at], np.repeat(self.time[nodes].astype(np.int64), count) + cost
        better = (time < self.time[other]) & (cost >= 0)
        other, time = other[better], time[better].astype(np.int32)
        np.minimum.at(self.time, other, time)
        return self._distinct(other[self.time[other] == time].astype(np.int64))

    def _distinct(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Keep each node once: of equal ones that which wrote its turn last."""
        turn = np.arange(len(nodes), dtype=np.int32)
        self._turn[nodes] = turn
        return np.asarray(nodes[self._turn[nodes] == turn])


def _width(cost: NDArray[np.int32]) -> int:
    """Choose the width of a step from a sample of the edge times."""
    sample = np.asarray(cost[:: max(1, len(cost) // _SAMPLE)])
    sample = sample[sample > 0]
    return max(1, int(_EDGES_A_STEP * sample.mean())) if len(sample) else 1


def without(network: Network, closed: Iterable[int]) -> Network:
    """Close edges for one question; raises ``ValueError`` where one does not exist."""
    shut = np.fromiter(closed, np.int64)
    if not len(shut):
        return network
    if not (shut.min() >= 0 and shut.max() < network.n_edges):
        raise ValueError(f"a closed edge is not among the {network.n_edges} edges of the network")
    times = np.array(network.centiseconds)
    times[shut] = CLOSED
    return replace(network, centiseconds=times)
