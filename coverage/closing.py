"""Closing: what changes for the residents when roads are closed, found by mending instead of searching anew.

The answer is that of `reach.drive_reach` on the closed network, to the centisecond. Closing edges changes the
times behind them in the tree of shortest ways (`travel.Repairer`); residents and sites that stand on a closed
road meet another one. So that a site can move, too, each is a node of its own behind the network's, with
edges to where it meets the roads today, and closed ones to where it would without its own road.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata import edge_index
from ..geodata.demand import Demand
from ..geodata.edge_boxes import shape_of_piece
from ..geodata.layers import Layer
from ..geodata.network import CLOSED, Network
from . import meet, snap, travel
from .link_kernels import NEVER, look_again
from .snap import Access
from .standards import Standard

_Best = tuple[NDArray[np.int64], NDArray[np.int32]]


class Effect(NamedTuple):
    """The cells whose nearest site or cost is another one now; costs in centiseconds, ``NEVER``: none."""

    cell: NDArray[np.int64]
    """(c,) positions in the demand, ascending."""
    before: NDArray[np.int64]
    """(c,) cost of today."""
    after: NDArray[np.int64]
    """(c,) cost with the roads closed."""
    site: NDArray[np.int32]
    """(c,) nearest site then, -1: none."""


@dataclass(frozen=True)
class Today:
    """How the residents are reached now, and by which way."""

    sites: Access
    cells: Access
    nearest: travel.Nearest
    """Of every node of the network."""
    cost: NDArray[np.int64]
    """(n,) centiseconds to the nearest site of each cell, ``NEVER``: none."""
    site: NDArray[np.int32]
    """(n,) that site, the lowest of equally near ones; -1: none."""
    node: NDArray[np.int32]
    """(n,) node by which its way comes to the cell; -1 where it stays on one road, or there is none."""
    beside: _Best
    """(n,) centiseconds to the nearest site on each cell's own road, and that site; ``NEVER``, -1: none."""


def reach_today(demand: Demand, network: Network, layer: Layer, standard: Standard) -> Today:
    """Find how the residents are reached, as `reach.drive_reach` does, and by which way."""
    sites = meet.points(network, *meet.sites(layer), standard)
    cells = meet.cells(network, demand, standard)
    nearest, beside = _search(network, sites.exits()), _best_beside(sites, cells)
    return Today(sites, cells, nearest, *_first_ways(cells, nearest, beside), beside)


def in_reach(network: Network, sites: Access, places: Access) -> NDArray[np.bool_]:
    """Mark the places to which there is a way from any of the sites, however long."""
    found = _search(network, sites.exits())
    return _first_ways(places, found, _best_beside(sites, places))[0] < NEVER


class Closing:
    """Answers what closed roads change, one closure after the other; it keeps arrays of the network's size.

    Parameters
    ----------
    network
        With the closures of today.
    layer, standard
        The sites, and how residents and sites meet the roads (a standard of driving).
    """

    def __init__(self, demand: Demand, network: Network, layer: Layer, standard: Standard) -> None:
        self._demand, self._network, self._standard = demand, network, standard
        self._lonlat = meet.sites(layer)
        self.today = today = reach_today(demand, network, layer, standard)
        self.site_road = road_met(network, *self._lonlat, today.sites)
        self.cell_road = road_met(network, demand.lon, demand.lat, today.cells)
        self._spare = self._without_own_road()
        self._doors = _doors_of(network, today.sites, self._spare)
        behind = _with_doors(network, self._doors, len(today.sites.metres))
        self._times = np.asarray(behind.centiseconds)
        own = network.n_nodes + np.arange(len(today.sites.metres))
        self._repairer = travel.Repairer(behind, own)
        self._behind = behind
        self._closed = replace(network, centiseconds=self._times[: network.n_edges])
        self._now = today.nearest.centiseconds.copy(), today.nearest.site.copy()
        self._ways = meet.by_node(today.cells, network.n_nodes)[:2]
        self._seen, self._stamp = np.zeros(len(demand.cell), np.int64), 0

    def _without_own_road(self) -> Access:
        """Let every site meet the network as it would with its own road closed."""
        access, shapes = self.today.sites, self._network.shapes
        if shapes is None or not len(access.metres):
            return access
        times = np.array(self._network.centiseconds, np.int32)
        closed, found, (lon, lat) = replace(self._network, centiseconds=times), [], self._lonlat
        for site, road in enumerate(self.site_road.tolist()):
            edges = shapes.edge[road][shapes.edge[road] >= 0] if road >= 0 else np.empty(0, np.int32)
            before = times[edges]
            times[edges] = CLOSED
            found.append(meet.points(closed, lon[site], lat[site], self._standard))
            times[edges] = before
        return Access(
            *(np.concatenate([getattr(one, each.name) for one in found]) for each in fields(Access))
        )

    def effect(self, edges: ArrayLike) -> Effect:
        """Find what changes when edges are closed beside those that are closed already."""
        own = np.unique(np.asarray(edges, np.int64))
        roads = self._roads(own)
        moved = np.isin(self.site_road, roads)
        doors = np.flatnonzero(moved[self._doors.site])
        changed = np.append(own, self._network.n_edges + doors)
        before = self._times[changed]
        self._times[own] = CLOSED
        try:
            if moved.any() and not self._is_one_road(roads):
                cell, cost, site = self._search_anew(roads)
            else:
                cs = np.where(self._doors.spare, self._doors.centiseconds, CLOSED)[doors]
                self._times[self._network.n_edges + doors] = cs
                cell, cost, site = self._mend(changed, roads, moved)
        finally:
            self._times[changed] = before
        other = (cost != self.today.cost[cell]) | (site != self.today.site[cell])
        cell, cost, site = cell[other], cost[other], site[other]
        order = np.argsort(cell)
        cell = cell[order]
        return Effect(cell, self.today.cost[cell], cost[order], site[order])

    def _is_one_road(self, roads: NDArray[np.int64]) -> bool:
        """Tell whether just one shape is closed, and it in both directions."""
        if len(roads) != 1 or self._network.shapes is None:
            return False
        edges = np.asarray(self._network.shapes.edge)[roads[0]]
        return bool((self._times[edges[edges >= 0]] < 0).all())

    def _roads(self, edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Name the shapes of edges; none on a network without shapes, where points meet nodes."""
        if self._network.shapes is None:
            return np.empty(0, np.int64)
        return np.unique(np.asarray(self._network.shapes.of)[edges] >> 1).astype(np.int64)

    def _mend(
        self, changed: NDArray[np.int64], roads: NDArray[np.int64], moved: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], *_Best]:
        """Look again at the cells behind the nodes that changed, and at those that stand on the roads."""
        change, nearest = self._repairer.change(self._behind, changed=changed), self.today.nearest
        node = change.node[change.node < self._network.n_nodes]
        time, site = change.centiseconds[: len(node)], change.site[: len(node)]
        self._now[0][node], self._now[1][node] = np.where(site >= 0, time - 1, time), site
        on, access, sites = self._standing(roads, moved)
        now = travel.Nearest(*self._now, nearest.edge)
        met = _first_ways(access, now, _best_beside(sites, access))[:2] if len(on) else _NONE
        self._stamp += 1
        self._seen[on] = self._stamp
        cells, marks = self.today.cells, (self._seen, self._stamp)
        places = cells.in_node, cells.in_cs, *self.today.beside
        cell, cost, label = look_again(node, self._ways, places, self._now, marks)
        self._now[0][node], self._now[1][node] = nearest.centiseconds[node], nearest.site[node]
        return np.append(cell, on), np.append(cost, met[0]), np.append(label, met[1])

    def _standing(
        self, roads: NDArray[np.int64], moved: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], Access, Access]:
        """List the cells whose own road is closed or gets a site: (cells, how they and the sites stand)."""
        today = self.today
        if not len(roads):
            return np.empty(0, np.int64), today.cells, today.sites
        closed = np.isin(self.cell_road, roads)
        if not moved.any():
            on = np.flatnonzero(closed)
            return on, self._fresh(on), today.sites
        sites = snap.merged(_rows(self._spare, moved), _rows(today.sites, ~moved), moved)
        beside = np.isin(today.cells.shape, self._spare.shape[moved & (self._spare.shape >= 0)])
        on = np.flatnonzero(closed | beside)
        mine = closed[on]
        access = snap.merged(self._fresh(on[mine]), _rows(today.cells, on[~mine]), mine)
        return on, access, sites

    def _fresh(self, cell: NDArray[np.int64]) -> Access:
        """Let cells meet the network as it is now."""
        lon, lat = np.asarray(self._demand.lon)[cell], np.asarray(self._demand.lat)[cell]
        return meet.points(self._closed, lon, lat, self._standard)

    def _search_anew(self, roads: NDArray[np.int64]) -> tuple[NDArray[np.int64], *_Best]:
        """Let the sites and cells whose road is closed meet another one, and search the whole network."""
        today, sites, cells = self.today, self.today.sites, self.today.cells
        moved, closed = np.isin(self.site_road, roads), np.isin(self.cell_road, roads)
        lon, lat = (axis[moved] for axis in self._lonlat)
        fresh = meet.points(self._closed, lon, lat, self._standard)
        sites = snap.merged(fresh, _rows(sites, ~moved), moved)
        cells = snap.merged(self._fresh(np.flatnonzero(closed)), _rows(cells, ~closed), closed)
        found = _search(self._closed, sites.exits())
        return np.arange(len(today.cost)), *_first_ways(cells, found, _best_beside(sites, cells))[:2]


_NONE: _Best = np.empty(0, np.int64), np.empty(0, np.int32)


def _rows(access: Access, rows: NDArray[Any]) -> Access:
    return Access(*(getattr(access, each.name)[rows] for each in fields(access)))


class _Doors(NamedTuple):
    """The edges from the sites' own nodes to the network, ascending by site."""

    site: NDArray[np.int64]
    node: NDArray[np.int32]
    centiseconds: NDArray[np.int32]
    """One more than the way takes: an edge takes at least 1."""
    spare: NDArray[np.bool_]
    """Whether it is open only when the site's own road is closed."""


def _doors_of(network: Network, now: Access, spare: Access) -> _Doors:
    (a, node, time), (b, other, later) = now.exits(), spare.exits()
    if network.shapes is None:
        b, other, later = b[:0], other[:0], later[:0]
    site, second = np.append(a, b), np.repeat([False, True], [len(a), len(b)])
    order = np.argsort(site, kind="stable")
    cs = np.append(time, later).astype(np.int32) + 1
    return _Doors(site[order], np.append(node, other)[order], cs[order], second[order])


def _with_doors(network: Network, doors: _Doors, n_sites: int) -> Network:
    """Put a node for each site behind those of the network; edges keep their numbers, doors come after.

    Only what the searches read is extended.
    """
    first = network.n_edges + np.searchsorted(doors.site, np.arange(1, n_sites + 1))
    time = np.where(doors.spare, CLOSED, doors.centiseconds)
    return replace(
        network,
        lon=np.append(network.lon, np.zeros(n_sites)),
        lat=np.append(network.lat, np.zeros(n_sites)),
        start=np.append(network.start, first),
        head=np.append(network.head, doors.node).astype(np.int32),
        centiseconds=np.append(network.centiseconds, time).astype(np.int32),
        shapes=None,
        grid=None,
        into=None,
    )


def _search(network: Network, exits: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]) -> travel.Nearest:
    label, node, offset = exits
    return travel.to_nearest(network, node, offset_cs=offset, label=label)


def _best_beside(sites: Access, cells: Access) -> _Best:
    """Find for every cell the best site on its own road: (centiseconds, site), ``NEVER`` and -1: none."""
    site, cell, time, _ = snap.on_one_road(sites, cells)
    cost, best = np.full(len(cells.metres), NEVER), np.full(len(cells.metres), -1, np.int32)
    order = np.lexsort((site, time, cell))[::-1]
    cost[cell[order]], best[cell[order]] = time[order], site[order]
    return cost, best


def _first_ways(
    cells: Access, nearest: travel.Nearest, beside: _Best
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Choose the way into every cell: (centiseconds, site, node by which it comes).

    By time, then the lowest site, then the way along one road, then the earlier node: so no way passes the
    cell's own road from end to end to turn round.
    """
    there = (cells.in_node >= 0) & (nearest.site[cells.in_node] >= 0)
    at = nearest.centiseconds[cells.in_node].astype(np.int64)
    time = np.column_stack([beside[0], np.where(there, at + cells.in_cs, NEVER)])
    site = np.column_stack([beside[1], np.where(there, nearest.site[cells.in_node], -1)])
    early = np.column_stack([np.full(len(at), -1), at])
    best = np.lexsort((early, site, time), axis=1)[:, 0]
    row = np.arange(len(best))
    node = np.column_stack([np.full(len(at), -1, np.int32), cells.in_node])[row, best]
    cost = time[row, best]
    return cost, site[row, best].astype(np.int32), np.where(cost < NEVER, node, -1).astype(np.int32)


def road_met(
    network: Network, lon: NDArray[np.float64], lat: NDArray[np.float64], access: Access
) -> NDArray[np.int32]:
    """Name the shape that every point meets, also where it meets its end; -1: none, or a bare node.

    A point whose nearest road ends there stands at the node, but meets the network elsewhere once that road
    is closed.
    """
    road = access.shape.copy()
    if network.shapes is None or network.grid is None:
        return road
    ends = np.flatnonzero((road < 0) & access.met)
    if len(ends):
        place = np.asarray(lon)[ends], np.asarray(lat)[ends]
        found = edge_index.nearest_piece(
            network.shapes, network.grid, *place, centiseconds=network.centiseconds
        )
        road[ends] = shape_of_piece(network.shapes, found.piece)
    return road
