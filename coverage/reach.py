"""Reach: which residents a site reaches within the limits, by road or on foot (uses h3, as demand.py does).

Drive: sites and residents meet the network at the nearest road, or node where it has no shapes (see `snap`);
the way there is straight distance times the standard's detour at its access speed (assumptions). The cost of
a cell is ``access(site) + shortest time between the two roads + access(cell)`` in whole centiseconds. On real
roads a site or cell farther than ``snap.FARTHEST_M`` from every open road is out of reach (`snap.unmet`).

Walk: the limits (100 m to 1 km) are smaller than a cell (about 4.6 km2), so every cell is taken apart into
its 343 h3 children three resolutions finer (about 0.013 km2 each). Its residents count as evenly spread over
them (an assumption, 假设). A child is in reach where ``haversine(its centre, site) x detour <= limit``; the
share of a cell is its children in reach over 343.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import h3.api.numpy_int as h3
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csc_array
from scipy.spatial import cKDTree

from ..geodata.crs import haversine_m, unit_vectors
from ..geodata.demand import Demand
from ..geodata.edge_boxes import spans
from ..geodata.network import NODE_CELL, Network
from . import snap, travel
from .snap import Access
from .standards import Standard

CHILD_LEVELS = 3
"""Resolutions by which the sub-cells are finer than the cells."""
CHILDREN = 7**CHILD_LEVELS
"""Sub-cells of a cell (no pentagon lies in China)."""
_MOST_ENTRIES = 1 << 25
"""Nodes that are listed at a time while candidates look for cells: 0.4 GB."""
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
    sites, cells = _attach(network, lon, lat, standard), _attach_cells(network, demand, standard)
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


def walk_reach(demand: Demand, lon: ArrayLike, lat: ArrayLike, standard: Standard) -> Reached:
    """Find the share of every cell that is on foot within each limit of a site (inclusive)."""
    _, child, metres = _pairs(demand, lon, lat, standard.limits[-1] / standard.detour)
    cost = metres * standard.detour
    share = np.zeros((len(demand.cell), len(standard.limits)))
    for column, limit in enumerate(standard.limits):
        reached = np.unique(child[cost <= limit])
        cell = _cell_of(demand, reached)
        share[:, column] = np.bincount(cell[cell >= 0], minlength=len(demand.cell)) / CHILDREN
    nearest, straight = _nearest_straight(demand, lon, lat)
    return Reached(share, nearest, (straight * standard.detour).astype(np.float32))


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
    sites, cells = _attach(network, lon, lat, standard), _attach_cells(network, demand, standard)
    by_node = _by_node(cells, network.n_nodes)
    step, count = max(1, _MOST_ENTRIES // max(network.n_nodes, 1)), len(sites.metres)
    candidate, cell = np.empty(0, np.int64), np.empty(0, np.int64)
    for first in range(0, count, step):
        some = sites.take(slice(first, first + step))
        near = _cells_near(network, some, (cells, by_node), limit_cs, threads)
        candidate = np.concatenate([candidate, near[0] + first])
        cell = np.concatenate([cell, near[1]])
    indptr, indices = _transpose(candidate, cell, count, len(demand.cell))
    weight = demand.residents.astype(np.float64)
    if covered is not None:
        weight *= 1.0 - np.asarray(covered, float)
    return Candidates(indptr, indices, weight, np.arange(len(demand.cell), dtype=np.int32))


def candidate_reach_walk(
    demand: Demand,
    lon: ArrayLike,
    lat: ArrayLike,
    standard: Standard,
    *,
    limit: int | None = None,
    existing: tuple[ArrayLike, ArrayLike] | None = None,
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

    Returns
    -------
    Candidates
        One row per sub-cell that a candidate and no existing site reaches, ascending by h3 index, with the
        weight residents of its cell / 343; rows without residents are left out.
    """
    limit_m = standard.main if limit is None else limit
    site, child, metres = _pairs(demand, lon, lat, limit_m / standard.detour)
    near = metres * standard.detour <= limit_m
    site, child = site[near], child[near]
    row_child, row = np.unique(child, return_inverse=True)
    cell = _cell_of(demand, row_child)
    wanted = (cell >= 0) & (demand.residents[cell] > 0)
    if existing is not None:
        _, old, far = _pairs(demand, *existing, limit_m / standard.detour)
        wanted &= ~np.isin(row_child, old[far * standard.detour <= limit_m])
    keep = wanted[row]
    position = np.cumsum(wanted) - 1
    indptr, indices = _transpose(site[keep], position[row[keep]], len(np.atleast_1d(lon)), int(wanted.sum()))
    cell = cell[wanted]
    return Candidates(indptr, indices, demand.residents[cell] / CHILDREN, cell)


def _attach(network: Network, lon: ArrayLike, lat: ArrayLike, standard: Standard) -> Access:
    """Let sites or residents meet the network; on real roads not beyond ``snap.FARTHEST_M``."""
    return snap.attach(
        network,
        lon,
        lat,
        detour=standard.detour,
        speed_kmh=standard.access_kmh,
        limit_m=None if network.shapes is None else snap.FARTHEST_M,
    )


def _attach_cells(network: Network, demand: Demand, standard: Standard) -> Access:
    """Let cells meet the network: cell i stands at node i where that is made for it, others as sites do."""
    both = min(len(demand.cell), network.n_nodes)
    own = np.zeros(len(demand.cell), bool)
    own[:both] = (
        (np.asarray(network.kind)[:both] == NODE_CELL)
        & (np.asarray(network.lon)[:both] == demand.lon[:both])
        & (np.asarray(network.lat)[:both] == demand.lat[:both])
    )
    if not own.any():
        return _attach(network, demand.lon, demand.lat, standard)
    others = _attach(network, demand.lon[~own], demand.lat[~own], standard)
    return snap.merged(snap.at_nodes(network, np.flatnonzero(own)), others, own)


class _ByNode(NamedTuple):
    """The ways into cells by the node at which they begin: those of node v are ``first[v]:first[v + 1]``."""

    first: NDArray[np.int64]
    cell: NDArray[np.int64]
    centiseconds: NDArray[np.int32]


def _by_node(cells: Access, n_nodes: int) -> _ByNode:
    cell, node, time = cells.entries()
    order = np.argsort(node, kind="stable")
    first = np.zeros(n_nodes + 1, np.int64)
    np.cumsum(np.bincount(node, minlength=n_nodes), out=first[1:])
    return _ByNode(first, cell[order], time[order])


def _cells_near(
    network: Network, sites: Access, cells: tuple[Access, _ByNode], limit_cs: int, threads: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the cells that each site reaches within a limit: distinct (site, cell), ascending."""
    (access, ways), n_sites = cells, len(sites.metres)
    group, node, offset = sites.exits()
    found = travel.within(
        network, node, within_cs=limit_cs, offset_cs=offset, group=group, n_groups=n_sites, threads=threads
    )
    count = ways.first[found.node + 1] - ways.first[found.node]
    way = spans(ways.first[found.node], count)
    site = np.repeat(np.repeat(np.arange(n_sites), np.diff(found.indptr)), count)
    time = np.repeat(found.centiseconds.astype(np.int64), count) + ways.centiseconds[way]
    beside, cell, direct, _ = snap.on_one_road(sites, access)
    near, along = time <= limit_cs, direct <= limit_cs
    pairs = np.concatenate([site[near], beside[along]]) * np.int64(len(access.metres))
    pairs += np.concatenate([ways.cell[way[near]], cell[along]])
    site, cell = np.divmod(np.unique(pairs), max(len(access.metres), 1))
    return site, cell


def _transpose(
    column: NDArray[np.integer[Any]], row: NDArray[np.int64], n_columns: int, n_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Turn distinct (column, row) entries, ascending by column, into rows of ascending columns."""
    start = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=n_columns))])
    rows = csc_array((np.ones(len(row), np.int8), row, start), shape=(n_rows, n_columns)).tocsr()
    return rows.indptr.astype(np.int64), rows.indices.astype(np.int32)


def _nearest_straight(
    demand: Demand, lon: ArrayLike, lat: ArrayLike
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Find the nearest site of every cell's centre in a straight line: (row or -1, metres or inf)."""
    lons, lats, n = (
        np.atleast_1d(np.asarray(lon, float)),
        np.atleast_1d(np.asarray(lat, float)),
        len(demand.cell),
    )
    if not len(lons) or not n:
        return np.full(n, -1, np.int32), np.full(n, np.inf)
    some = min(len(lons), _EQUALLY_NEAR)
    tree = cKDTree(unit_vectors(lons, lats))
    near = tree.query(unit_vectors(demand.lon, demand.lat), k=np.arange(1, some + 1))[1]
    near.sort(axis=1)
    metres = haversine_m(demand.lon[:, None], demand.lat[:, None], lons[near], lats[near])
    best = np.argmin(metres, axis=1)
    row = np.arange(n)
    return near[row, best].astype(np.int32), metres[row, best]


def _pairs(
    demand: Demand, lon: ArrayLike, lat: ArrayLike, straight_m: float
) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.float64]]:
    """Pair sites with the sub-cells around them: (site ascending, sub-cell, metres between their centres).

    Holds every pair within ``straight_m`` and some beyond.
    """
    lons, lats = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
    if not len(lons) or not len(demand.cell):
        return np.empty(0, np.int32), np.empty(0, np.uint64), np.empty(0)
    level = h3.get_resolution(int(demand.cell[0])) + CHILD_LEVELS
    own = [h3.latlng_to_cell(y, x, level) for x, y in zip(lons.tolist(), lats.tolist(), strict=True)]
    rings = _rings(own, straight_m)
    disks = [h3.grid_disk(cell, rings) for cell in own]
    site = np.repeat(np.arange(len(own), dtype=np.int32), [len(disk) for disk in disks])
    child = np.concatenate(disks)
    x, y = _centres(child)
    return site, child, np.asarray(haversine_m(x, y, lons[site], lats[site]), float)


def _rings(own: list[int], straight_m: float) -> int:
    """Count the rings around a site's sub-cell that surely hold all centres within a distance of the site.

    The neighbours of a hexagon span a hexagon with inradius area / longest spacing; a site is at most 2/3 of
    the spacing away from its sub-cell's centre. 1 % is added for the curvature within the disk.
    """
    cells = np.unique(np.array(own, np.uint64))
    around = np.concatenate([h3.grid_ring(cell, 1) for cell in cells.tolist()])
    (x, y), (x1, y1) = _centres(cells), _centres(around)
    spacing = float(np.max(haversine_m(np.repeat(x, 6), np.repeat(y, 6), x1, y1)))
    area = min(h3.cell_area(cell, "m^2") for cell in cells.tolist())
    return int(np.ceil((1.01 * straight_m + spacing * 2 / 3) * spacing / area))


def _centres(cells: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    latlng = np.array([h3.cell_to_latlng(cell) for cell in cells.tolist()]).reshape(-1, 2)
    return latlng[:, 1], latlng[:, 0]


def parent_cells(cells: NDArray[np.uint64], levels: int) -> NDArray[np.uint64]:
    """Return the ancestors ``levels`` resolutions coarser of h3 cells that share one resolution.

    An h3 index holds its resolution in bits 52-55 and the digit of resolution r in the three bits from
    3 (15 - r) on, unused digits being 7 (h3geo.org, "H3 cell index").

    Examples
    --------
    >>> hex(parent_cells(np.array([0x8A2A1072B59FFFF], np.uint64), 3)[0])
    '0x872a1072bffffff'
    """
    if not len(cells):
        return cells.copy()
    resolution = (int(cells[0]) >> 52) & 15
    unused = sum(7 << 3 * (15 - digit) for digit in range(resolution - levels + 1, resolution + 1))
    cleared = cells & np.uint64(~(15 << 52) & 0xFFFF_FFFF_FFFF_FFFF)
    return cleared | np.uint64(((resolution - levels) << 52) | unused)


def _cell_of(demand: Demand, child: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Find the position in the demand of the cell that each sub-cell belongs to; -1 outside."""
    if not len(demand.cell):
        return np.full(len(child), -1, np.int32)
    parent = parent_cells(child, CHILD_LEVELS)
    cells = np.asarray(demand.cell)
    position = np.minimum(np.searchsorted(cells, parent), len(cells) - 1)
    return np.where(cells[position] == parent, position, -1).astype(np.int32)
