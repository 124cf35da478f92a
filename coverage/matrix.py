"""Travel costs between residents and sites: all pairs within a limit, and the k nearest at any distance.

Costs are whole hundredths: centiseconds of driving, centimetres on foot. So a limit is exact, ties are ties,
and the order of sites never depends on rounding. All measures that ask for more than the nearest site
(capacity, second cover, opening hours, floating catchments, lost sites) stand on these two products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..geodata.crs import haversine_m, unit_vectors
from ..geodata.demand import Demand
from ..geodata.layers import Layer
from ..geodata.network import Network
from . import meet, pairs, subcells, travel
from .matrix_kernels import Rows, rank, turn
from .snap import Access
from .standards import Standard

_SPARE = 8
"""Nearest sites in a straight line beyond the k, among which equally near ones are put in order."""

UNREACHED = int(np.iinfo(np.int32).max)
"""Cost of a site that is not there or cannot be reached."""


@dataclass(frozen=True)
class Matrix:
    """All pairs of places and sites within a limit, as compressed sparse rows.

    Drive: row i is cell i of the demand. Walk: the rows are those sub-cells (h3, see `reach`) that any site
    reaches, ascending by cell; the sub-cells that no site reaches have no row.
    """

    standard: Standard
    limit: int
    """Seconds (drive) or metres (walk), inclusive: no pair lies beyond."""
    n_sites: int
    indptr: NDArray[np.int64]
    """(rows + 1,) first entry of each row."""
    site: NDArray[np.int32]
    """(entries,) rows of the layer; in a row ascending by cost, equally near ones by site; no site twice."""
    cost: NDArray[np.int32]
    """(entries,) hundredths of a second or metre."""
    cell: NDArray[np.int32]
    """(rows,) position in the demand of the cell of each row, ascending."""
    part: NDArray[np.float64]
    """(rows,) share of the cell's residents that the row stands for: 1 for drive, 1/343 for walk."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.cell)

    def weight(self, amount: NDArray[np.generic]) -> NDArray[np.float64]:
        """Spread an (n,) amount of the cells over the rows: (rows,)."""
        return np.asarray(amount, np.float64)[self.cell] * self.part

    def rows(self) -> NDArray[np.int64]:
        """Name the row of every entry: (entries,)."""
        return np.repeat(np.arange(self.n_rows), np.diff(self.indptr))

    def within(self, limit: int) -> NDArray[np.bool_]:
        """Mark the (entries,) pairs within a smaller limit, inclusive."""
        return self.cost <= limit * 100

    def up_to(self, limit: int) -> Matrix:
        """Return the pairs within a smaller limit, inclusive; on foot rows without any are left out.

        Raises
        ------
        ValueError
            The limit is not positive or beyond that of the matrix.
        """
        if not 0 < limit <= self.limit:
            raise ValueError(f"limit {limit}: the matrix holds the pairs within {self.limit}")
        if limit == self.limit:
            return self
        keep = self.within(limit)
        count = np.bincount(self.rows()[keep], minlength=self.n_rows)
        row = count > 0 if self.standard.mode == "walk" else np.ones(self.n_rows, bool)
        indptr = np.concatenate([[0], np.cumsum(count[row])]).astype(np.int64)
        own, site, cost = self.cell[row], self.site[keep], self.cost[keep]
        return replace(self, limit=limit, indptr=indptr, site=site, cost=cost, cell=own, part=self.part[row])


@dataclass(frozen=True)
class Ranked:
    """The k nearest sites of each of n cells, at any distance (walk: from the centre of the cell)."""

    standard: Standard
    site: NDArray[np.int32]
    """(n, k) rows of the layer, equally near ones ascending; -1 where there are no more."""
    cost: NDArray[np.int32]
    """(n, k) hundredths of a second or metre, ascending; ``UNREACHED`` where there is none."""
    met: NDArray[np.bool_]
    """(n,) whether the cell meets a road at all (True everywhere for straight distances)."""


def build_matrix(
    demand: Demand,
    network: Network,
    layer: Layer,
    standard: Standard,
    *,
    limit: int | None = None,
) -> Matrix:
    """List all pairs of residents and sites within a limit.

    Parameters
    ----------
    network
        Roads for driving; for a standard of walking one for walking, or any other for straight distances.
    limit
        Seconds or metres, inclusive; by default the largest limit of the standard.

    Notes
    -----
    The costs are those of `reach.drive_reach` and `reach.walk_reach`.
    """
    largest, count = standard.limits[-1] if limit is None else limit, len(demand.cell)
    if standard.mode == "drive":
        places = meet.cells(network, demand, standard)
        by_site = pairs.by_road(
            network, meet.points(network, *meet.sites(layer), standard), places, largest * 100
        )
        whole = np.ones(count)
        return Matrix(
            standard,
            largest,
            len(layer.table),
            *turn(by_site, count),
            np.arange(count, dtype=np.int32),
            whole,
        )
    found = pairs.on_foot(demand, *meet.sites(layer), standard, limit=largest, network=network)
    child, row = np.unique(found.child, return_inverse=True)
    cell = subcells.cell_of(demand, child)
    inside, position = cell >= 0, np.cumsum(cell >= 0) - 1
    keep = inside[row]
    first = np.searchsorted(found.site[keep], np.arange(len(layer.table) + 1))
    by_site = first, position[row[keep]].astype(np.int32), found.cost[keep]
    rows = turn(by_site, int(inside.sum()))
    part = np.full(len(rows[0]) - 1, 1 / subcells.CHILDREN)
    return Matrix(standard, largest, len(layer.table), *rows, cell[inside], part)


def rank_sites(
    demand: Demand,
    network: Network,
    layer: Layer,
    standard: Standard,
    *,
    k: int = 3,
) -> Ranked:
    """Find the k nearest sites of every cell, at any distance; the parameters are those of `build_matrix`."""
    ways = network if standard.mode == "drive" else meet.on_foot(network, standard)
    if ways is None:
        return Ranked(standard, *_rank_straight(demand, layer, standard, k), np.ones(len(demand.cell), bool))
    cells = meet.cells(ways, demand, standard)
    sites = meet.points(ways, *meet.sites(layer), standard)
    label, node, offset = sites.exits()
    found = travel.k_nearest(ways, node, k, offset_cs=offset, label=label)
    site, cost = rank((found.site, found.centiseconds), _ways_in(cells), _beside(cells, sites), UNREACHED)
    return Ranked(standard, site, cost, cells.met)


def _ways_in(places: Access) -> Rows:
    """List the nodes by which each place is reached: rows by place."""
    place, node, cost = places.entries()
    indptr = np.zeros(len(places.metres) + 1, np.int64)
    np.cumsum(np.bincount(place, minlength=len(places.metres)), out=indptr[1:])
    return indptr, node, cost


def _beside(places: Access, sites: Access) -> Rows:
    """List the sites that reach a place along one road: rows by place."""
    return turn(pairs.beside(sites, places, UNREACHED - 1), len(places.metres))


def _rank_straight(
    demand: Demand, layer: Layer, standard: Standard, k: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find the k nearest sites in a straight line x detour: (n, k) sites and centimetres."""
    lon, lat = meet.sites(layer)
    n, some = len(demand.cell), min(len(lon), k + _SPARE)
    site, cost = np.full((n, k), -1, np.int32), np.full((n, k), UNREACHED, np.int32)
    if not some or not n:
        return site, cost
    tree = cKDTree(unit_vectors(lon, lat))
    near = tree.query(unit_vectors(demand.lon, demand.lat), k=np.arange(1, some + 1))[1]
    metres = haversine_m(demand.lon[:, None], demand.lat[:, None], lon[near], lat[near])
    centimetres = np.rint(metres * standard.detour * 100).astype(np.int64)
    order = np.lexsort((near, centimetres), axis=1)[:, :k]
    width = order.shape[1]
    site[:, :width] = np.take_along_axis(near, order, axis=1)
    cost[:, :width] = np.take_along_axis(centimetres, order, axis=1)
    return site, cost
