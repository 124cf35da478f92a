"""Pairs of sites and places within a limit, with their costs in whole hundredths, by road and on foot."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata.demand import Demand
from ..geodata.network import Network
from . import meet, snap, subcells, travel
from .matrix_kernels import Rows, join
from .snap import Access
from .standards import Standard

_MOST_ENTRIES = 1 << 25
"""Nodes that are listed at a time while sites look for places: 0.4 GB."""


class OnFoot(NamedTuple):
    """Sub-cells within a limit of sites on foot, each pair once, ascending by site."""

    site: NDArray[np.int32]
    """(pairs,) row of the site."""
    child: NDArray[np.uint64]
    """(pairs,) h3 index of the sub-cell."""
    cost: NDArray[np.int32]
    """(pairs,) centimetres."""


def by_road(
    network: Network, sites: Access, places: Access, limit: int, *, threads: int | None = None
) -> Rows:
    """List the places that each site reaches within a limit.

    Parameters
    ----------
    limit
        Hundredths, inclusive.
    threads
        Searches at a time, as in `travel.within`.

    Returns
    -------
    tuple
        Rows by site: (first of each site, places in no particular order, costs).
    """
    ways, count, n_places = meet.by_node(places, network.n_nodes), len(sites.metres), len(places.metres)
    step = max(1, _MOST_ENTRIES // max(network.n_nodes, 1))
    parts: list[Rows] = []
    for first in range(0, count, step):
        some = sites.take(slice(first, first + step))
        group, node, offset = some.exits()
        found = travel.within(
            network,
            node,
            within_cs=limit,
            offset_cs=offset,
            group=group,
            n_groups=len(some.metres),
            threads=threads,
        )
        own = found.indptr, found.node, found.centiseconds
        parts.append(join(own, beside(some, places, limit), ways, n_places, limit))
    if not parts:
        return np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.int32)
    ends = np.cumsum([0, *(len(part[1]) for part in parts)])
    indptr = np.concatenate([[0], *(part[0][1:] + end for part, end in zip(parts, ends, strict=False))])
    return indptr, np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])


def beside(start: Access, end: Access, limit: int) -> Rows:
    """List what lies on the same road within a limit, by rows of ``start``; see `snap.on_one_road`."""
    row, place, cost, _ = snap.on_one_road(start, end)
    near = cost <= limit
    row, place, cost = row[near], place[near], cost[near]
    order = np.argsort(row, kind="stable")
    indptr = np.zeros(len(start.metres) + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=len(start.metres)), out=indptr[1:])
    return indptr, place[order].astype(np.int32), cost[order].astype(np.int32)


def on_foot(
    demand: Demand,
    lon: ArrayLike,
    lat: ArrayLike,
    standard: Standard,
    *,
    limit: int,
    network: Network | None,
) -> OnFoot:
    """List the sub-cells within a limit (metres, inclusive) of sites on foot.

    With a network for walking (see `meet.on_foot`) along its ways, the way between a point and the road as
    straight distance x detour; else straight distance x detour.
    """
    ways = None if network is None else meet.on_foot(network, standard)
    site, child, metres = subcells.near_sites(
        demand, lon, lat, limit / (standard.detour if ways is None else 1)
    )
    if ways is None:
        cost = np.rint(metres * standard.detour * 100)
        near = cost <= limit * 100
        return OnFoot(site[near], child[near], cost[near].astype(np.int32))
    near = metres <= limit
    found, position = np.unique(child[near]), len(np.atleast_1d(lon))
    here = meet.points(ways, *subcells.centres(found), standard)
    indptr, place, cost = by_road(ways, meet.points(ways, lon, lat, standard), here, limit * 100)
    order = np.lexsort((place, np.repeat(np.arange(position), np.diff(indptr))))
    owner = np.repeat(np.arange(position, dtype=np.int32), np.diff(indptr))
    return OnFoot(owner[order], found[place[order]], cost[order])
