"""Barriers: which neighbouring cells are near each other by road, not only on the map.

Two cells on either side of a river without a bridge, of a ridge or of a strait are neighbours on the map and
an hour apart by road. `linked` says for each of many pairs of cells whether the way between them takes no
longer than a limit **in both directions** (the slower one counts: a place that can be reached but not left
is behind a barrier, too). The answer is exact for every pair, without a search over the whole limit per cell:

1. One pass from all cells and one to all cells give every node its nearest cell on either side. An edge
   between the regions of two cells is part of a way between them; where it is within the limit the pair is
   linked (these ways hold the minimum spanning tree; Mehlhorn 1988, *Inf. Process. Lett.* 27:125-128).
2. For the pairs that are left a search from one of the two, which ends as soon as it has met the other
   within the limit. So only pairs that are far apart are searched for up to the limit.

Cells meet the network as everywhere else (see `meet` and `snap`), so a time here is the time from a site at
one centre to the residents at the other. A cell that meets no road is linked to no other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import plain
from ..geodata.demand import Demand
from ..geodata.edge_boxes import spans
from ..geodata.network import Network
from . import meet, snap, travel
from .barrier_kernels import meets
from .snap import Access
from .standards import Standard

WALK_LINK_S = 3600
"""On foot: cells farther apart than an hour on the walking network are no neighbours (an assumption, 假设).

The centres of neighbours lie about 2.3 km apart: some 40 minutes of walking.
"""

_PIECES = 8
"""Pieces of work per processor."""
_MOST_ENTRIES = 1 << 23
"""Nodes that are listed at a time: 0.3 GB with all that is made of them."""
_SAMPLE = 64

Keys = NDArray[np.int64]
"""Ordered pairs of m cells as numbers: start x m + end."""


def applies(network: Network | None, standard: Standard) -> bool:
    """Say whether a network shows barriers for a standard: on foot only one of footways does."""
    return network is not None and (standard.mode == "drive" or network.mode == "walk")


def link_limit(standard: Standard, link_s: float | None) -> float:
    """Return the seconds within which neighbours are linked: those given, else the default of the mode."""
    if link_s is not None:
        return link_s
    return standard.main if standard.mode == "drive" else WALK_LINK_S


def attach_cells(network: Network, demand: Demand, standard: Standard, cells: NDArray[np.integer]) -> Access:
    """Let some cells (positions in the demand) meet the network: (len(cells),) in their order."""
    return _some(meet.cells(network, demand, standard), cells)


def _some(access: Access, rows: NDArray[np.integer]) -> Access:
    return Access(*(getattr(access, each.name)[rows] for each in fields(access)))


def linked(
    network: Network, cells: Access, pairs: NDArray[np.integer], *, within_s: float
) -> NDArray[np.bool_]:
    """Find the pairs of cells between which the way takes no longer than a limit, in both directions.

    Parameters
    ----------
    cells
        How m cells meet the network, as `attach_cells` gives it.
    pairs
        (p, 2) positions in ``cells``, two different ones each.
    within_s
        Seconds, inclusive.

    Returns
    -------
    (p,) exact for each pair.
    """
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    near: NDArray[np.bool_] = np.all(cells.met[pairs], axis=1)
    if not near.any():
        return near
    limit_cs, m = _centiseconds(within_s), len(cells.metres)
    known = _adjoining(network, cells, limit_cs)
    for start, end in (pairs.T, pairs[:, ::-1].T):
        rows = np.flatnonzero(near)
        left = rows[~_among(start[rows] * m + end[rows], known)]
        near[left] = _searched(network, cells, start[left], end[left], limit_cs)
    return near


def near_pairs(network: Network, cells: Access, *, within_s: float) -> NDArray[np.int64]:
    """List all pairs of cells that are within a limit of each other in both directions: (p, 2), ascending.

    Parameters and rule as `linked`; the pairs need not be neighbours. One search per cell and direction.
    """
    limit_cs, m = _centiseconds(within_s), len(cells.metres)
    out, home = _Search(network, cells, "from"), _Search(network, cells, "to")
    both = [np.empty(0, np.int64)]
    for some in out.parts(np.flatnonzero(cells.met), limit_cs):
        keys = np.intersect1d(out.keys(some, limit_cs), home.keys(some, limit_cs), assume_unique=True)
        both.append(keys[keys // m < keys % m])
    return np.column_stack(np.divmod(np.concatenate(both), max(m, 1)))


def _centiseconds(within_s: float) -> int:
    """Turn a limit into whole centiseconds, down; noise of floating point takes none away."""
    return int(np.floor(round(within_s * 100, 6)))


class _Search:
    """Searches from cells to cells in one direction of driving: ``from`` the starts, or ``to`` them."""

    def __init__(self, network: Network, cells: Access, direction: str) -> None:
        self.network, self.direction, self.count = network, direction, len(cells.metres)
        starts, ends = (
            (cells.exits(), cells.entries()) if direction == "from" else (cells.entries(), cells.exits())
        )
        self.seed_first = np.searchsorted(starts[0], np.arange(self.count + 1))
        self.seeds = starts
        order = np.argsort(ends[1], kind="stable")
        self.end_first = np.searchsorted(ends[1][order], np.arange(network.n_nodes + 1))
        self.end_cell, self.end_cs = ends[0][order], ends[2][order].astype(np.int64)
        i, j, time, _ = snap.on_one_road(cells, cells)
        self.beside = (i, j, time) if direction == "from" else (j, i, time)

    def parts(self, starts: NDArray[np.int64], within_cs: int) -> Iterator[NDArray[np.int64]]:
        """Split starts so that the searches of a part find a bounded number of nodes, by a sample of them."""
        sample = starts[:: max(1, len(starts) // _SAMPLE)]
        found = len(self._within(sample, within_cs).node)
        size = max(1, int(_MOST_ENTRIES * len(sample) / max(found, 1)))
        for first in range(0, len(starts), size):
            yield starts[first : first + size]

    def keys(self, starts: NDArray[np.int64], within_cs: int) -> Keys:
        """List the cells within a limit of some starts (ascending): distinct keys, ascending."""
        found = self._within(starts, within_cs)
        count = self.end_first[found.node + 1] - self.end_first[found.node]
        some = np.flatnonzero(count)
        count = count[some]
        way = spans(self.end_first[found.node[some]], count)
        start = np.repeat(starts, np.diff(found.indptr))[some]
        time = np.repeat(found.centiseconds[some].astype(np.int64), count) + self.end_cs[way]
        near = time <= within_cs
        key = np.repeat(start, count)[near] * self.count + self.end_cell[way[near]]
        i, j, direct = self.beside
        along = (direct <= within_cs) & _among(i, starts)
        return np.unique(np.concatenate([key, i[along] * self.count + j[along]]))

    def _within(self, starts: NDArray[np.int64], within_cs: int) -> travel.Within:
        _, node, offset = self.seeds
        count = self.seed_first[starts + 1] - self.seed_first[starts]
        own = spans(self.seed_first[starts], count)
        return travel.within(
            self.network,
            node[own],
            within_cs=within_cs,
            offset_cs=offset[own],
            group=np.repeat(np.arange(len(starts)), count),
            n_groups=len(starts),
            direction=self.direction,
        )


def _searched(
    network: Network, cells: Access, start: NDArray[np.int64], end: NDArray[np.int64], limit_cs: int
) -> NDArray[np.bool_]:
    """Search from the start of each pair until its end is met within a limit: (p,) whether it was."""
    order = np.argsort(start, kind="stable")
    cell, node, time = cells.exits()
    seeds = np.searchsorted(cell, np.arange(len(cells.metres) + 1)), node, time
    cell, node, time = cells.entries()
    goals = np.searchsorted(cell, np.arange(len(cells.metres) + 1)), node, time
    roads = plain(network.start), plain(network.head), plain(network.centiseconds)
    cuts = np.linspace(0, len(order), (os.cpu_count() or 1) * _PIECES + 1).astype(int)
    parts = [order[a:b] for a, b in pairwise(cuts) if b > a]
    met = np.zeros(len(order), bool)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda rows: meets(roads, seeds, goals, (start[rows], end[rows]), limit_cs), parts)
        for rows, own in zip(parts, found, strict=True):
            met[rows] = own
    return met


def _adjoining(network: Network, cells: Access, limit_cs: int) -> Keys:
    """List pairs of cells (ascending) between which a way within the limit is known.

    The ways are those over an edge, or at a node, between the regions of two cells, from a region to a cell
    in it that has none of its own, and along one road.
    """
    label, node, offset = cells.exits()
    out = travel.to_nearest(network, node, offset_cs=offset, label=label, within_cs=limit_cs)
    goal, door, onward = cells.entries()
    home = travel.to_nearest(network, door, offset_cs=onward, label=goal, within_cs=limit_cs, direction="to")
    cost = np.asarray(network.centiseconds)
    tail, head = travel.edge_tails(network), np.asarray(network.head)
    other = (out.site[tail] != home.site[head]) & (cost >= 0)
    tail, head, cost = tail[other], head[other], cost[other].astype(np.int64)
    i, j, direct, _ = snap.on_one_road(cells, cells)
    start = np.concatenate([out.site[tail], out.site[door], label, i])
    end = np.concatenate([home.site[head], goal, home.site[node], j])
    before, after = out.centiseconds.astype(np.int64), home.centiseconds.astype(np.int64)
    over, into, off = before[tail] + cost + after[head], before[door] + onward, offset + after[node]
    time = np.concatenate([over, into, off, direct])
    known = (start >= 0) & (end >= 0) & (start != end) & (time <= limit_cs)
    return np.unique(start[known] * np.int64(len(cells.metres)) + end[known])


def _among(keys: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the keys that are among others (ascending)."""
    at = np.searchsorted(ascending, keys)
    inside = at < len(ascending)
    inside[inside] = ascending[at[inside]] == keys[inside]
    return inside
