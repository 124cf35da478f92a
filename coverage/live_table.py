"""The times of all sites to a point from one small search: a table of the times to the gates of cells.

Nodes are divided into cells of near neighbours. Help from a site comes into the cell of a point for the last
time by one of its gates, the nodes with an edge from outside, and stays in the cell from there on, or starts
in it. So with the times of all sites to all gates, a search inside the cell is enough (multi-level overlays
with one level: Schulz, Wagner and Zaroliagis 2002, *ALENEX*, LNCS 2409:43-59). Exact, in integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import plain
from ..geodata.edge_boxes import spans
from ..geodata.network import Incoming, Network, edge_tails
from .nearest import NEVER, Help
from .travel import UNREACHED
from .travel.arrays import packed
from .travel.inputs import arcs_of, shift_of
from .travel.kernels import tree
from .travel.queue import Array

CELL = 1024
"""Nodes in a cell."""

_PARTS = 256
"""Cells that are kept ready, some 100 kB each."""
_LIMIT = int(UNREACHED) - 1
_STEPS = 1 << 16
_NONE = np.empty(0, np.int32)


@dataclass(frozen=True)
class Cells:
    """The cells of a network, whatever is closed."""

    cell: NDArray[np.int32]
    """(n,) cell of each node."""
    node: NDArray[np.int32]
    """(n,) nodes by cell: those of cell c are ``node[c * CELL:(c + 1) * CELL]``."""
    place: NDArray[np.int32]
    """(n,) place of each node in its cell."""
    first: NDArray[np.int64]
    """(c + 1,) first gate of each cell."""
    gate: NDArray[np.int32]
    """(g,) gates by cell."""


def cells_of(network: Network) -> Cells:
    """Divide nodes into cells along the Z curve (Morton 1966), and find the gates."""
    n = network.n_nodes
    node = np.argsort(_z_curve(network), kind="stable").astype(np.int32)
    cell, place = np.empty(n, np.int32), np.empty(n, np.int32)
    cell[node], place[node] = np.divmod(np.arange(n, dtype=np.int32), np.int32(CELL))
    head = np.asarray(network.head)
    over = cell[edge_tails(network)] != cell[head]
    gate = np.unique(head[over])
    gate = gate[np.argsort(cell[gate], kind="stable")]
    first = np.searchsorted(cell[gate], np.arange(-(-n // CELL) + 1))
    return Cells(cell, node, place, first, gate)


def _z_curve(network: Network) -> NDArray[np.uint64]:
    def spread(values: NDArray[np.float64]) -> NDArray[np.uint64]:
        axis = np.asarray(values)
        share = (axis - axis.min()) / max(float(np.ptp(axis)), 1e-9) if len(axis) else axis
        v = np.asarray(share * (_STEPS - 1), np.uint64)
        for by, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            v = (v | (v << np.uint64(by))) & np.uint64(mask)
        return v

    return np.asarray(spread(network.lon) | (spread(network.lat) << np.uint64(1)))


@dataclass(frozen=True)
class Part:
    """Some cells: w nodes, numbered cell after cell, g gates, and the h ways of sites that begin there."""

    start: NDArray[np.int64]
    """(w + 1,) first of the arcs of each node, those that come in."""
    arc: NDArray[np.int64]
    """Times and other ends of the arcs inside."""
    gate: NDArray[np.int64]
    """(g,) node of each gate."""
    before: NDArray[np.int64]
    """(g, s) times from the sites, ``NEVER`` where there is no way."""
    way: NDArray[np.int64]
    """(h,) positions of the ways."""
    stop: NDArray[np.int64]
    """(h,) node at which each begins."""


@dataclass(frozen=True)
class Gates:
    """The times of s sites to all gates, on one network."""

    cells: Cells
    into: Incoming
    cost: NDArray[np.int32]
    help: Help
    time: NDArray[np.int32]
    """(g, s) from each site to each gate, its way to its node included; ``UNREACHED`` where there is none."""

    def part(self, own: tuple[int, ...]) -> Part:
        """Put together what a search inside some cells needs."""
        cells = self.cells
        inside = np.concatenate([cells.node[c * CELL : (c + 1) * CELL] for c in own])
        first = self.into.start[inside]
        count = self.into.start[inside + 1] - first
        at = spans(first, count)
        other = self.into.tail[at]
        keep = np.isin(cells.cell[other], own)
        row = np.repeat(np.arange(len(inside)), count)[keep]
        start = np.zeros(len(inside) + 1, np.int64)
        np.cumsum(np.bincount(row, minlength=len(inside)), out=start[1:])
        end = _local(cells, own, other[keep]).astype(np.int32)
        arc = packed(plain(end), plain(self.cost[self.into.edge[at[keep]]]), _NONE)
        gates = np.concatenate([np.arange(*cells.first[c : c + 2]) for c in own])
        before, gate = _far(self.time[gates]), _local(cells, own, cells.gate[gates])
        way = np.flatnonzero(np.isin(cells.cell[self.help.node], own))
        return Part(plain(start), plain(arc), gate, before, way, _local(cells, own, self.help.node[way]))


class Table:
    """Finds the times of all sites to a point; threads may share it."""

    def __init__(self, gates: Gates) -> None:
        self._cells, self._help, self._shift = gates.cells, gates.help, shift_of(gates.cost)
        self._part = lru_cache(_PARTS)(gates.part)

    def drive(self, nodes: NDArray[np.int32], times: NDArray[np.int32]) -> NDArray[np.int64]:
        """Find the (s,) least driving times to a point by the nodes from which it is reached."""
        best = np.full(len(self._help.ready), NEVER)
        if not len(nodes):
            return best
        own = tuple(sorted(set(self._cells.cell[nodes].tolist())))
        part = self._part(own)
        near = np.full(len(part.start) - 1, UNREACHED, np.int32)
        seeds = plain(_local(self._cells, own, nodes).astype(np.int32)), plain(times)
        tree((part.start, part.arc, plain(_NONE)), seeds, _LIMIT, self._shift, near)
        rest = _far(near[part.gate])
        np.minimum(best, (part.before + rest[:, None]).min(axis=0, initial=NEVER), out=best)
        ways = np.minimum(_far(near[part.stop]) + self._help.out[part.way], NEVER)
        np.minimum.at(best, self._help.site[part.way], ways)
        return best


def _local(cells: Cells, own: tuple[int, ...], nodes: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number nodes inside some cells, cell after cell."""
    return np.searchsorted(own, cells.cell[nodes]) * CELL + cells.place[nodes]


def _far(time: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.where(time < UNREACHED, time.astype(np.int64), NEVER)


def table_of(network: Network, into: Incoming, helping: Help, cells: Cells) -> Table:
    """Search from every site over the whole network: 3.5 s for 48 sites on 1.5 M nodes."""
    arcs, cost = arcs_of(network, "from"), plain(network.centiseconds)
    found = np.full((len(cells.gate), len(helping.ready)), UNREACHED, np.int32)
    shift, gate = shift_of(cost), cells.gate
    for row in range(len(helping.ready)):
        own = helping.ways_of(row)
        seeds = plain(helping.node[own]), plain(helping.out[own].astype(np.int32))
        found[:, row] = _tree(arcs, seeds, shift, network.n_nodes)[gate]
    return Table(Gates(cells, into, cost, helping, found))


def _tree(arcs: tuple[Array, Array, Array], seeds: tuple[Array, Array], shift: int, n: int) -> Array:
    time = np.full(n, UNREACHED, np.int32)
    tree(arcs, seeds, _LIMIT, shift, time)
    return time
