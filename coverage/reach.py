"""Reach: which residents a site reaches within the limits, by road or on foot.

Drive: sites and residents meet the network at the nearest road, or node where it has no shapes (see `snap`);
the way there is straight distance times the standard's detour at its access speed (assumptions). The cost of
a cell is ``access(site) + shortest time between the two roads + access(cell)`` in whole centiseconds. On real
roads a site or cell farther than ``snap.FARTHEST_M`` from every open road is out of reach (`snap.unmet`).

Walk: every cell is taken apart into its 343 sub-cells (see `subcells`). With a network for walking the cost
of a sub-cell is the length of the way from the site to its centre, off the road as straight distance x
detour; without one, or where the limit is a straight radius (detour 1), it is straight distance x detour. In
whole centimetres, rounded. The share of a cell is its sub-cells in reach over 343.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from ..geodata.crs import haversine_m, unit_vectors
from ..geodata.demand import Demand
from ..geodata.network import Network
from . import meet, pairs, snap, travel
from .matrix_kernels import turn
from .snap import Access
from .standards import Standard
from .subcells import CHILDREN, cell_of

_EQUALLY_NEAR = 8
"""Nearest sites among which the lowest row of equally near ones is looked for."""


class Reached(NamedTuple):
    """What the sites of a layer reach, per cell."""

    share: NDArray[np.float64]
    """(n, limits) share of the residents within each limit; drive: 0 or 1."""
    nearest: NDArray[np.int32]
    """(n,) row of the nearest site, the lowest of equally near ones; -1 where there is none."""
    cost: NDArray[np.float32]
    """(n,) drive: seconds; walk: metres from the cell's centre to the nearest site x detour; inf: none."""


class Candidates(NamedTuple):
    """Rows of places with the candidates that would reach them: ``indices[indptr[i]:indptr[i + 1]]``."""

    indptr: NDArray[np.int64]
    """(rows + 1,) first entry of each row."""
    indices: NDArray[np.int32]
    """(entries,) candidates that reach the row, ascending."""
    weight: NDArray[np.float64]
    """(rows,) residents of the row whom nothing reaches yet."""
    cell: NDArray[np.int32]
    """(rows,) position of the row's cell in the demand."""


def drive_reach(
    demand: Demand, network: Network, lon: ArrayLike, lat: ArrayLike, standard: Standard
) -> Reached:
    """Find the nearest site by road of every cell, and whether it is within each limit (inclusive)."""
    return _drive(demand, network, lon, lat, standard, second=False)


def second_drive_reach(
    demand: Demand, network: Network, lon: ArrayLike, lat: ArrayLike, standard: Standard
) -> Reached:
    """Do the same for the second nearest site: what is left when any one site fails."""
    return _drive(demand, network, lon, lat, standard, second=True)


def _drive(
    demand: Demand, network: Network, lon: ArrayLike, lat: ArrayLike, standard: Standard, *, second: bool
) -> Reached:
    sites, cells = meet.points(network, lon, lat, standard), meet.cells(network, demand, standard)
    label, node, offset = sites.exits()
    found = [travel.to_nearest(network, node, offset_cs=offset, label=label)]
    if second:
        found.append(travel.to_second_nearest(network, node, found[0], offset_cs=offset, label=label))
    cell, time, site = _offers(sites, cells, found)
    order = np.lexsort((site, time, cell))
    cell, time, site = cell[order], time[order], site[order]
    n = len(demand.cell)
    if second:
        nearest = np.full(n, -1, np.int32)
        nearest[cell[::-1]] = site[::-1]
        other = site != nearest[cell]
        cell, time, site = cell[other], time[other], site[other]
    return _reached(standard, n, cell, time, site)


def _offers(
    sites: Access, cells: Access, found: Sequence[travel.Nearest]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """List what sites offer to cells, by nodes and along one road: (cell, centiseconds, site)."""
    cell, node, access = cells.entries()
    offers = []
    for nearest in found:
        there = nearest.site[node] >= 0
        time = nearest.centiseconds[node[there]].astype(np.int64) + access[there]
        offers.append((cell[there], time, nearest.site[node[there]]))
    site, beside, time, _ = snap.on_one_road(sites, cells)
    offers.append((beside, time, site.astype(np.int32)))
    cell, time, label = (np.concatenate([offer[i] for offer in offers]) for i in range(3))
    return cell, time, label


def _reached(
    standard: Standard, n: int, cell: NDArray[np.int64], time: NDArray[np.int64], site: NDArray[np.int32]
) -> Reached:
    """Take the first offer of each cell; offers are sorted by cell, time, site."""
    first = np.ones(len(cell), bool)
    first[1:] = np.diff(cell) != 0
    cell, time = cell[first], time[first]
    share, nearest = np.zeros((n, len(standard.limits))), np.full(n, -1, np.int32)
    cost = np.full(n, np.inf, np.float32)
    share[cell] = time[:, None] <= np.array(standard.limits, np.int64) * 100
    nearest[cell], cost[cell] = site[first], (time / 100).astype(np.float32)
    return Reached(share, nearest, cost)


def walk_reach(
    demand: Demand, lon: ArrayLike, lat: ArrayLike, standard: Standard, network: Network | None = None
) -> Reached:
    """Find the share of every cell that is on foot within each limit of a site (inclusive)."""
    found = pairs.on_foot(demand, lon, lat, standard, limit=standard.limits[-1], network=network)
    share = walk_share(demand, found.child, found.cost, standard)
    return Reached(share, *walk_nearest(demand, lon, lat, standard, network))


def walk_share(
    demand: Demand, child: NDArray[np.uint64], cost: NDArray[np.int32], standard: Standard
) -> NDArray[np.float64]:
    """Count which share of every cell is within each limit: (n, limits).

    Parameters
    ----------
    child, cost
        (pairs,) sub-cells near any site, in any order, and centimetres; see `pairs.on_foot`.
    """
    share = np.zeros((len(demand.cell), len(standard.limits)))
    for column, limit in enumerate(standard.limits):
        cell = cell_of(demand, np.unique(child[cost <= limit * 100]))
        share[:, column] = np.bincount(cell[cell >= 0], minlength=len(demand.cell)) / CHILDREN
    return share


def walk_nearest(
    demand: Demand, lon: ArrayLike, lat: ArrayLike, standard: Standard, network: Network | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the nearest site on foot of every cell's centre: (row or -1, metres or inf)."""
    ways = None if network is None else meet.on_foot(network, standard)
    if ways is None:
        nearest, metres = _nearest_straight(demand, lon, lat, standard.detour)
        return nearest, metres.astype(np.float32)
    by_way = _drive(demand, ways, lon, lat, standard, second=False)
    return by_way.nearest, by_way.cost


def candidate_reach_drive(
    network: Network,
    demand: Demand,
    lon: ArrayLike,
    lat: ArrayLike,
    standard: Standard,
    *,
    limit: int | None = None,
    covered: NDArray[np.float64] | None = None,
    threads: int | None = None,
) -> Candidates:
    """List for every cell the candidate sites that would reach it by road.

    Parameters
    ----------
    lon, lat
        (c,) the candidates, WGS84 degrees.
    limit
        Seconds, inclusive; by default the standard's main limit.
    covered
        (n,) share of each cell's residents who are within the limit of an existing site, such as
        ``Cover.share[:, main_index]``; their weight is 0. By default nobody is.
    threads
        Searches at a time, as in `travel.within`.

    Returns
    -------
    Candidates
        One row per cell, in the order of the demand, with the same costs and limit as `drive_reach`.
    """
    limit_cs = (standard.main if limit is None else limit) * 100
    sites, cells = meet.points(network, lon, lat, standard), meet.cells(network, demand, standard)
    indptr, cell, cost = pairs.by_road(network, sites, cells, limit_cs, threads=threads)
    rows = turn((indptr, cell, np.zeros_like(cost)), len(demand.cell))  # without costs: ascending by site
    weight = demand.residents.astype(np.float64)
    if covered is not None:
        weight *= 1.0 - np.asarray(covered, float)
    return Candidates(rows[0], rows[1], weight, np.arange(len(demand.cell), dtype=np.int32))


def candidate_reach_walk(
    demand: Demand,
    lon: ArrayLike,
    lat: ArrayLike,
    standard: Standard,
    *,
    limit: int | None = None,
    existing: tuple[ArrayLike, ArrayLike] | None = None,
    network: Network | None = None,
) -> Candidates:
    """List for every sub-cell that is not reached yet the candidate sites that would reach it on foot.

    Parameters
    ----------
    lon, lat
        (c,) the candidates, WGS84 degrees.
    limit
        Metres, inclusive; by default the standard's main limit.
    existing
        (lon, lat) of the existing sites: sub-cells within their limit are left out. By default none.
    network
        As in `walk_reach`.

    Returns
    -------
    Candidates
        One row per sub-cell that a candidate and no existing site reaches, ascending by h3 index, with the
        weight residents of its cell / 343; rows without residents are left out.
    """
    limit_m = standard.main if limit is None else limit
    found = pairs.on_foot(demand, lon, lat, standard, limit=limit_m, network=network)
    row_child, row = np.unique(found.child, return_inverse=True)
    cell = cell_of(demand, row_child)
    wanted = (cell >= 0) & (demand.residents[cell] > 0)
    if existing is not None:
        wanted &= ~np.isin(
            row_child, pairs.on_foot(demand, *existing, standard, limit=limit_m, network=network).child
        )
    keep, count = wanted[row], len(np.atleast_1d(lon))
    start = np.concatenate([[0], np.cumsum(np.bincount(found.site[keep], minlength=count))])
    place = (np.cumsum(wanted) - 1)[row[keep]].astype(np.int32)
    indptr, indices, _ = turn((start, place, np.zeros(len(place), np.int32)), int(wanted.sum()))
    cell = cell[wanted]
    return Candidates(indptr, indices, demand.residents[cell] / CHILDREN, cell)


def _nearest_straight(
    demand: Demand, lon: ArrayLike, lat: ArrayLike, detour: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Find the nearest site of every cell's centre: (row or -1, straight metres x detour or inf).

    In whole centimetres, so that the order of sites is that of `matrix.rank_sites`.
    """
    lons, lats = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
    n = len(demand.cell)
    if not len(lons) or not n:
        return np.full(n, -1, np.int32), np.full(n, np.inf)
    some = min(len(lons), _EQUALLY_NEAR)
    tree = cKDTree(unit_vectors(lons, lats))
    near = tree.query(unit_vectors(demand.lon, demand.lat), k=np.arange(1, some + 1))[1]
    near.sort(axis=1)
    metres = haversine_m(demand.lon[:, None], demand.lat[:, None], lons[near], lats[near])
    centimetres = np.rint(metres * detour * 100)
    best, row = np.argmin(centimetres, axis=1), np.arange(n)
    return near[row, best].astype(np.int32), centimetres[row, best] / 100
