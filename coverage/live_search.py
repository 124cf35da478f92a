"""The compiled search of a desk that stays open: from a point against the edges to who arrives first.

It gives what `frontier.Frontier` gives, ways included, in a fraction of a millisecond: what was known of the
network before roads were closed (`Known`) leads it straight to the sites. numba is slow to load, so `live`
asks for this module in the background.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import plain
from ..geodata.network import Incoming, Network
from .live_table import Cells, Table, table_of
from .nearest import NEVER, Course, Help
from .travel import UNREACHED, k_nearest
from .travel.arrays import packed
from .travel.inputs import costs_of, shift_of
from .travel.kernels import tree
from .travel.local import approach, clear, find, follow, roomy, start_approach, start_search
from .travel.queue import LABEL_BITS, LABEL_MASK, Arcs, Array, BareRows

_LIMIT = int(UNREACHED) - 1
_NOTHING = _LIMIT << LABEL_BITS | LABEL_MASK
_KEPT = 4
_FAR = 2
"""Times as many sites as are known of a node up to which one after the other is quicker than all at once."""

Seeds = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Nodes by which the point is reached, and the time from them."""


class Work:
    """Work arrays of one search on n nodes, which it leaves clean."""

    def __init__(self, n: int) -> None:
        self.time = np.full(n, UNREACHED, np.int32)
        self.by, self.come, self.touched = (np.empty(n, np.int32) for _ in range(3))
        self.heap = np.zeros(1024, np.int64)

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array]:
        return self.time, self.by, self.come, self.touched

    def clear(self, count: int) -> None:
        clear(self.time, self.touched[:count])
        self.heap[0] = 0


class Works:
    """Lends work arrays to threads; as many are made as are needed at a time, and a few are kept."""

    def __init__(self, n: int) -> None:
        self._n, self._free, self._lock = n, list[Work](), Lock()

    @contextmanager
    def lent(self) -> Iterator[Work]:
        """Lend arrays; what an error leaves unclean is not lent again."""
        with self._lock:
            work = self._free.pop() if self._free else None
        work = work or Work(self._n)
        yield work
        with self._lock:
            if len(self._free) < _KEPT:
                self._free.append(work)


@dataclass(frozen=True)
class Known:
    """The first arrivals at every node of a network, as bounds for the same roads with longer times."""

    cost: NDArray[np.int32]
    """Times of the edges for which they hold."""
    help: Help
    """Ways out of sites for which they hold."""
    time: NDArray[np.int32]
    """(n, k) times of arrival, readiness included, ascending."""
    label: NDArray[np.int32]
    """(n, k) labels of the sites, -1 where there is none."""

    def holds(self, network: Network, helping: Help) -> bool:
        """Tell whether nothing is faster on a network, and the sites meet it where they did."""
        now = np.asarray(network.centiseconds)
        if now is not self.cost:
            if now.shape != self.cost.shape:
                return False
            if not ((now < 0) | ((self.cost >= 0) & (now >= self.cost))).all():
                return False
        pairs = zip(self.help.arrays(), helping.arrays(), strict=True)
        return all(np.array_equal(one, other) for one, other in pairs)


@dataclass(frozen=True)
class Search:
    """The search on one network for the first arrivals of sites; threads may share it."""

    network: Network
    into: Incoming
    help: Help
    works: Works
    known: Known | None
    cost: NDArray[np.int32]
    label: NDArray[np.int64]
    """(s,) place of each site among those that arrive at the same time: the shorter drive, then the row."""
    row: NDArray[np.int64]
    """(s,) site of each label."""
    stops: tuple[Array, Array, Array, Array, int]
    """As `local.find` takes them."""
    table: Table | None = None
    """Times of all sites to all gates of this network."""

    def first(
        self, seeds: Seeds, k: int, without: Collection[int] = ()
    ) -> tuple[NDArray[np.int64], dict[int, Course]]:
        """Find the sites that arrive first over nodes.

        Returns
        -------
        tuple
            (s,) driving times, ``NEVER`` beyond the first k; and the ways of these by row.
        """
        drive, courses = np.full(len(self.row), NEVER), dict[int, Course]()
        with self.works.lent() as work:
            if self.known is None or len(without) + k > _FAR * self.known.label.shape[1]:
                found = self._spread(seeds, k, without, work)
            else:
                found = self._approach(seeds, k, without, self.known, work)
            for row, total, course in found:
                drive[row], courses[row] = total, course
        return drive, courses

    def all(self, seeds: Seeds) -> NDArray[np.int64]:
        """Find the (s,) driving times of all sites, ``NEVER`` where no way leads over nodes."""
        if self.table is not None:
            return self.table.drive(*seeds)
        time = np.full(self.network.n_nodes, UNREACHED, np.int32)
        tree(self._arcs, seeds, _LIMIT, shift_of(self.cost), time)
        return self.help.drive(time)

    def rehearse(self) -> None:
        """Run every loop once, so that no question waits until they are loaded."""
        if len(self.help.node):
            seeds = self.help.node[:1], np.zeros(1, np.int32)
            self.first(seeds, 1)
            self.all(seeds)

    @property
    def _rows(self) -> BareRows:
        return plain(self.into.start), plain(self.into.tail), plain(self.into.edge)

    @cached_property
    def _arcs(self) -> Arcs:
        start, other, edge = self._rows
        return start, plain(packed(other, self.cost, edge)), edge

    def _spread(
        self, seeds: Seeds, k: int, without: Collection[int], work: Work
    ) -> list[tuple[int, int, Course]]:
        """Search in all directions until the sites stand."""
        k = min(k + len(without), len(self.row))
        if not k:
            return []
        found = np.full(k, _NOTHING, np.int64), np.empty(k, np.int32)
        count, needed = self._begun(seeds, work), 1
        while needed:
            work.heap = roomy(work.heap, needed)
            count, needed = find(
                self._rows, self.cost, self.stops, found, _LIMIT, work.arrays, work.heap, count
            )
        keys = [key for key in found[0].tolist() if key != _NOTHING]
        rows = [int(self.row[key & LABEL_MASK]) for key in keys]
        ways = [self._course(row, seeds, work) for row in rows if row not in without]
        work.clear(count)
        return ways

    def _begun(self, seeds: Seeds, work: Work) -> int:
        work.heap = roomy(work.heap, len(seeds[0]))
        return int(start_search(seeds, _LIMIT, work.arrays, work.heap))

    def _approach(
        self, seeds: Seeds, k: int, without: Collection[int], known: Known, work: Work
    ) -> list[tuple[int, int, Course]]:
        """Search for one site after the other, each straight ahead."""
        bounds, ways = (known.time, known.label), list[tuple[int, int, Course]]()
        taken = self.label[sorted(without)].astype(np.int32)
        while len(ways) < k:
            work.heap = roomy(work.heap, len(seeds[0]))
            count = start_approach(seeds, bounds, taken, _LIMIT, work.arrays, work.heap)
            key, place, needed = _NOTHING, -1, 1
            while needed:
                work.heap = roomy(work.heap, needed)
                count, key, place, needed = approach(
                    self._rows, self.cost, self.stops, bounds, taken,
                    (key, place), _LIMIT, work.arrays, work.heap, count,
                )  # fmt: skip
            if place >= 0:
                label = key & LABEL_MASK
                ways.append(self._course(int(self.row[label]), seeds, work))
                taken = np.append(taken, np.int32(label))
            work.clear(count)
            if place < 0:
                break
        return ways

    def _course(self, row: int, seeds: Seeds, work: Work) -> tuple[int, int, Course]:
        """Trace the way of a site that stands: (row, driving time, way)."""
        ways = self.help.ways_of(row)
        node, out = self.help.node[ways], self.help.out[ways]
        total = work.time[node] + out
        best = int(total.argmin())
        start, head = plain(self.network.start), plain(self.network.head)
        nodes, edges = follow(start, head, self.cost, seeds, work.time, int(node[best]))
        course = Course(ways.start + best, nodes.tolist(), edges.tolist(), int(work.time[nodes[-1]]))
        return row, int(total[best]), course


def fits(helping: Help) -> bool:
    """Tell whether no site takes longer than 124 days to its nodes, so that arrivals are 32-bit numbers."""
    offset = helping.out + helping.ready[helping.site]
    return int(offset.max(initial=0)) < _LIMIT // 2


def search_on(
    network: Network, into: Incoming, helping: Help, works: Works, known: Known | None = None
) -> Search:
    """Make a search; ``known`` is used where it holds.

    Raises
    ------
    ValueError
        A site arrives later than can be told (`fits`), or an edge takes less than 1 centisecond.
    """
    if not fits(helping):
        raise ValueError("a site gets ready too late")
    n, s = network.n_nodes, len(helping.ready)
    row = np.lexsort((np.arange(s), -helping.ready))
    label = np.empty(s, np.int64)
    label[row] = np.arange(s)
    first, after = np.full(n, -1, np.int32), np.full(len(helping.node), -1, np.int32)
    for i, v in enumerate(helping.node.tolist()):
        after[i], first[v] = first[v], i
    offset = (helping.out + helping.ready[helping.site]).astype(np.int32)
    number = label[helping.site].astype(np.int32)
    stops = first, after, offset, number, int(offset.min(initial=UNREACHED))
    if known is not None and not known.holds(network, helping):
        known = None
    return Search(network, into, helping, works, known, costs_of(network), label, row, stops)


def with_labels(search: Search, labels: int) -> Search:
    """Make the same search with so many sites known of every node of its own network.

    Takes 0.7 s for 4 of 48 sites on 1.5 M nodes, and 8 bytes per node and site.
    """
    if not len(search.help.node):
        return search
    offset, number = search.stops[2], search.stops[3]
    network = replace(search.network, into=search.into)
    found = k_nearest(network, search.help.node, labels, offset_cs=offset, label=number)
    time, site = plain(found.centiseconds), plain(found.site)
    return replace(search, known=Known(np.asarray(network.centiseconds), search.help, time, site))


def with_table(search: Search, cells: Cells) -> Search:
    """Make the same search with a table for the times of all sites; see `table_of`."""
    made = replace(search, table=table_of(search.network, search.into, search.help, cells))
    if len(search.help.node):
        made.all((search.help.node[:1], np.zeros(1, np.int32)))
    return made
