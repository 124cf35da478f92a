"""One question at a time: the nearest sites of a point, the shortest route between two points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...geodata.compiled import plain
from ...geodata.network import Network
from .inputs import both_rows, costs_of, is_from, limit_of, of_nodes, seeds_of
from .local import approach, clear, find, meet, roomy, start_approach, start_search, trace
from .queue import LABEL_BITS, LABEL_MASK, UNREACHED, Array
from .results import KNearest, Way

Seeds = Sequence[tuple[int, int]]
"""(node, centiseconds) pairs by which a point meets the network."""


class _Search:
    """Work arrays of one search, which it leaves clean."""

    def __init__(self, n: int) -> None:
        self.time = np.full(n, UNREACHED, np.int32)
        self.by, self.come = np.empty(n, np.int32), np.empty(n, np.int32)
        self.touched = np.empty(n, np.int32)
        self.heap = np.zeros(1024, np.int64)
        self.count = 0

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array]:
        return self.time, self.by, self.come, self.touched

    def begin(self, seeds: tuple[Array, Array], limit: int) -> None:
        self.heap = roomy(self.heap, len(seeds[0]))
        self.count = start_search(seeds, limit, self.arrays, self.heap)

    def trace(self, node: int) -> tuple[Array, Array]:
        return trace(self.by, self.come, node)

    def clear(self) -> None:
        clear(self.time, self.touched[: self.count])
        self.heap[0] = self.count = 0


class Finder:
    """Finds the nearest sites of points, one after the other, on a network as it is, closures included.

    It searches from the point until the sites stand, so it is exact under any overlay and needs nothing
    prepared. What was known before roads were closed or slowed leads it straight to them: then it looks at
    few nodes besides those of the ways. It keeps work arrays of the network's size: make one per thread, and
    use it again.

    Parameters
    ----------
    network, nodes, offset_cs, label, direction
        As in `to_nearest`.
    before
        The network without the overlay, and what `k_nearest` found on it for the same sites without a limit.
        It is of no use, and not used, where an edge is faster now than then.
    """

    def __init__(
        self,
        network: Network,
        nodes: ArrayLike,
        *,
        offset_cs: ArrayLike | None = None,
        label: ArrayLike | None = None,
        direction: str = "from",
        before: tuple[Network, KNearest] | None = None,
    ) -> None:
        node, offset, number = seeds_of(network, nodes, offset_cs, label)
        self._network, self._from = network, is_from(direction)
        self._rows = both_rows(network, direction)[1]
        self._cost = costs_of(network)
        first = np.full(network.n_nodes, -1, np.int32)
        after = np.full(len(node), -1, np.int32)
        for i, v in enumerate(node.tolist()):
            after[i], first[v] = first[v], i
        self._stops = first, after, offset, number, int(offset.min(initial=UNREACHED))
        self._search = _Search(network.n_nodes)
        self._known: tuple[Array, Array] | None = None
        if before is not None and _nowhere_faster(network, before[0]) and before[1].direction == direction:
            of_nodes(network, before[1].centiseconds, before[1].site)
            self._known = plain(before[1].centiseconds), plain(before[1].site)

    def nearest(
        self,
        nodes: ArrayLike,
        k: int = 1,
        *,
        offset_cs: ArrayLike | None = None,
        within_cs: int | None = None,
    ) -> list[Way]:
        """Find the k nearest sites of a point and the ways between.

        Parameters
        ----------
        nodes, offset_cs
            The nodes by which the point is reached (or left, where sites are driven to) and the time between.
        within_cs
            The longest time, inclusive. Default any.

        Returns
        -------
        list
            In order of time, then of number; fewer than k where fewer sites are in reach.

        Raises
        ------
        ValueError
            k is below 1, or as in `to_nearest`.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        node, offset, _ = seeds_of(self._network, nodes, offset_cs)
        limit = limit_of(within_cs)
        if self._known is not None and k <= self._known[0].shape[1]:
            return self._approach((node, offset), self._known, k, limit)
        search = self._search
        nothing = limit << LABEL_BITS | LABEL_MASK
        found = np.full(k, nothing, np.int64), np.empty(k, np.int32)
        search.begin((node, offset), limit)
        needed = 1
        while needed:
            search.heap = roomy(search.heap, needed)
            search.count, needed = find(
                self._rows, self._cost, self._stops, found, limit, search.arrays, search.heap, search.count
            )
        ways = [
            self._way(key, at)
            for key, at in zip(found[0].tolist(), found[1].tolist(), strict=True)
            if key != nothing
        ]
        search.clear()
        return ways

    def _approach(
        self, seeds: tuple[Array, Array], known: tuple[Array, Array], k: int, limit: int
    ) -> list[Way]:
        """Find one site after the other with what was known before."""
        search, nothing = self._search, limit << LABEL_BITS | LABEL_MASK
        ways: list[Way] = []
        while len(ways) < k:
            taken = np.array([way.site for way in ways], np.int32)
            search.heap = roomy(search.heap, len(seeds[0]))
            search.count = start_approach(seeds, known, taken, limit, search.arrays, search.heap)
            key, place, needed = nothing, -1, 1
            while needed:
                search.heap = roomy(search.heap, needed)
                search.count, key, place, needed = approach(
                    self._rows,
                    self._cost,
                    self._stops,
                    known,
                    taken,
                    (key, place),
                    limit,
                    search.arrays,
                    search.heap,
                    search.count,
                )
            if place >= 0:
                ways.append(self._way(key, place))
            search.clear()
            if place < 0:
                break
        return ways

    def _way(self, key: int, node: int) -> Way:
        nodes, edges = self._search.trace(node)
        if not self._from:
            nodes, edges = nodes[::-1].copy(), edges[::-1].copy()
        return Way(key & LABEL_MASK, key >> LABEL_BITS, nodes, edges)


def _nowhere_faster(now: Network, before: Network) -> bool:
    """Tell whether every edge is closed now or takes at least as long as before."""
    new, old = np.asarray(now.centiseconds), np.asarray(before.centiseconds)
    return bool(new.shape == old.shape and ((new < 0) | ((old >= 0) & (new >= old))).all())


class Router:
    """Finds shortest routes between points, one after the other; make one per thread, and use it again.

    Dijkstra from both ends (Pohl 1971, *Machine Intelligence* 6:127), each of which looks at the side with
    fewer nodes waiting; it ends when no way over other nodes can be shorter.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._rows = both_rows(network, "from")
        self._cost = costs_of(network)
        self._sides = _Search(network.n_nodes), _Search(network.n_nodes)

    def route(self, start: Seeds, end: Seeds) -> Way | None:
        """Find the shortest route from one point to another; None where there is none.

        Parameters
        ----------
        start
            Nodes by which the first point leaves, with the time to them.
        end
            Nodes by which the second point is reached, with the time from them.
        """
        ahead, behind = self._sides
        limit = limit_of(None)
        ahead.begin(_columns(self._network, start), limit)
        behind.begin(_columns(self._network, end), limit)
        best = _where_both(ahead, behind)
        needed = 1
        while needed:
            ahead.heap, behind.heap = roomy(ahead.heap, needed), roomy(behind.heap, needed)
            ahead.count, behind.count, *best, needed = meet(
                self._rows,
                self._cost,
                (ahead.arrays, behind.arrays),
                (ahead.heap, behind.heap),
                (ahead.count, behind.count),
                (int(best[0]), int(best[1])),
            )
        found = self._way(int(best[0]), int(best[1])) if best[1] >= 0 else None
        ahead.clear()
        behind.clear()
        return found

    def _way(self, time: int, place: int) -> Way:
        nodes, edges = self._sides[0].trace(place)
        more_nodes, more_edges = self._sides[1].trace(place)
        return Way(
            -1,
            time,
            np.concatenate([nodes[::-1], more_nodes[1:]]),
            np.concatenate([edges[::-1], more_edges]),
        )


def route(network: Network, start: Seeds, end: Seeds) -> Way | None:
    """Find one shortest route; for many, keep a `Router`, which spares making the work arrays."""
    return Router(network).route(start, end)


def _columns(network: Network, seeds: Seeds) -> tuple[Array, Array]:
    node, offset, _ = seeds_of(network, [node for node, _ in seeds], [time for _, time in seeds])
    return node, offset


def _where_both(ahead: _Search, behind: _Search) -> list[int]:
    """Find the best node at which both points meet the network: (time, node), or (``UNREACHED``, -1)."""
    both = [
        (int(ahead.time[v]) + int(behind.time[v]), int(v))
        for v in ahead.touched[: ahead.count].tolist()
        if behind.time[v] != UNREACHED
    ]
    return list(min([(int(UNREACHED), -1), *both]))
