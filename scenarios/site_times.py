"""Times of each site: opening or closing sites takes over the ways of all others, and merges them exactly.

The time between a site and a cell does not depend on other sites. So a layer is the rows of its sites: those
that the baseline has, too, are read from the cache, and only new ones are searched for. The least of the rows
(the lowest row of equal ones) is the cover by the nearest site, and the least of the others the second cover,
bit for bit as one search from all sites gives them. Where roads change, nothing of it holds: one search from
all sites of a layer then costs as much as one row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..coverage import meet, pairs
from ..coverage.measures import Cover, second_cover
from ..coverage.reach import (
    Candidates,
    candidate_reach_drive,
    candidate_reach_walk,
    walk_nearest,
    walk_share,
)
from ..coverage.standards import Standard
from ..coverage.subcells import CHILDREN, cell_of
from ..coverage.travel import UNREACHED
from ..geodata.layers import Kind, Layer
from .cache import Cache, hash_of
from .covers import Covers, travel_parts
from .packing import Arrays
from .world import World

MOST_SITES = 256
"""Sites of a layer measured by driving up to which rows are kept: a search from all at once costs as much as
one row, so beyond it rows no longer pay."""


class SiteCovers(Covers):
    """Covers that search only for sites that the layers of the baseline do not have."""

    def __init__(self, world: World, cache: Cache, base: World) -> None:
        super().__init__(world, cache=cache)
        self.base = base
        self._times: dict[int, tuple[Layer, NDArray[np.int32]]] = {}

    def _make(self, layer: Layer, standard: Standard) -> Arrays:
        if self._by_rows(layer):
            return _arrays(_nearest(standard, self.times(layer)))
        if standard.mode == "walk" and meet.on_foot(self.world.roads(standard), standard) is None:
            return self._on_foot(layer, standard)
        return super()._make(layer, standard)

    def second(self, layer: Layer) -> Cover:
        """Return the cover by the second nearest sites of a layer measured by driving."""
        standard = self.standards[layer.kind]
        if not self._by_rows(layer):
            return second_cover(self.world.demand, self.world.roads(standard), layer, standard)
        times = self.times(layer).copy()
        if len(times):
            times[times.argmin(axis=0), np.arange(times.shape[1])] = UNREACHED
        return _nearest(standard, times)

    def _by_rows(self, layer: Layer) -> bool:
        """Tell whether a layer is put together from rows: by driving, on the roads of the baseline."""
        standard = self.standards[layer.kind]
        if standard.mode != "drive" or len(layer.table) > MOST_SITES:
            return False
        return travel_parts(self.world, standard) == travel_parts(self.base, standard)

    def times(self, layer: Layer) -> NDArray[np.int32]:
        """Return the (sites, cells) centiseconds from each site by road; ``UNREACHED``: no way."""
        if id(layer) not in self._times:
            standard = self.standards[layer.kind]
            old, here = self._old(layer)
            lon, lat = meet.sites(layer)
            times = np.empty((len(lon), len(self.world.demand.cell)), np.int32)
            times[~here] = drive_times(self.world, standard, lon[~here], lat[~here])
            if here.any():
                times[here] = self._base_times(layer.kind, standard)[old[here]]
            self._times[id(layer)] = layer, times
        return self._times[id(layer)][1]

    def _base_times(self, kind: Kind, standard: Standard) -> NDArray[np.int32]:
        lon, lat = meet.sites(self.base.layers[kind])
        parts = [*travel_parts(self.world, standard), hash_of(lon, lat)]
        make = lambda: {"times": drive_times(self.world, standard, lon, lat)}  # noqa: E731
        return self.cache.arrays("times", parts, make)["times"]

    def _old(self, layer: Layer) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Find the sites of a layer among those of the baseline, by place: (row, whether there is one)."""
        base = self.base.layers.get(layer.kind)
        known: dict[tuple[float, float], int] = {}
        # Rows of a baseline with very many sites are not kept; all sites are then searched for.
        few = self.standards[layer.kind].mode == "walk" or (base and len(base.table) <= MOST_SITES)
        if base is not None and few:
            places = zip(*(each.tolist() for each in meet.sites(base)), strict=True)
            known = {place: row for row, place in enumerate(places)}
        own = zip(*(each.tolist() for each in meet.sites(layer)), strict=True)
        old = np.array([known.get(place, -1) for place in own], np.int64)
        return old, old >= 0

    def first_reached(self, before: Layer, own: Layer) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """List whom sites of ``own`` reach within the main limit and those of ``before`` do not.

        Returns
        -------
        tuple
            (rows,) the first of the sites that reaches each cell (drive) or sub-cell (walk), and its
            residents, as `reach.candidate_reach_drive` and `reach.candidate_reach_walk` count them.
        """
        standard, demand = self.standards[before.kind], self.world.demand
        roads, place = self.world.roads(standard), meet.sites(own)
        if standard.mode == "drive":
            share = self.of(before).main_share
            if len(own.table) > MOST_SITES:
                return _first(candidate_reach_drive(roads, demand, *place, standard, covered=share))
            within = drive_times(self.world, standard, *place) <= standard.main * 100
            reached = within.any(axis=0)
            first = within.argmax(axis=0)[reached].astype(np.int32)
            return first, (demand.residents * (1.0 - share))[reached]
        if meet.on_foot(roads, standard) is not None:
            there = meet.sites(before)
            return _first(candidate_reach_walk(demand, *place, standard, existing=there, network=roads))
        site, child, cost = self._walked(standard, *place)
        near = cost <= standard.main * 100
        child, row = np.unique(child[near], return_index=True)  # ascending by site: the first is the lowest
        known, metres = self.walks(before)
        cell = cell_of(demand, child)
        left = (cell >= 0) & (demand.residents[cell] > 0)
        left &= ~np.isin(child, known[metres <= standard.main * 100])
        return site[near][row[left]], demand.residents[cell[left]] / CHILDREN

    def _on_foot(self, layer: Layer, standard: Standard) -> Arrays:
        share = walk_share(self.world.demand, *self.walks(layer), standard)
        nearest, metres = walk_nearest(self.world.demand, *meet.sites(layer), standard)
        return {"share": share, "nearest": nearest, "cost": metres}

    def walks(self, layer: Layer) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """List the sub-cells within the largest limit of each site, and centimetres, in a straight line."""
        standard = self.standards[layer.kind]
        old, here = self._old(layer)
        lon, lat = meet.sites(layer)
        _, child, cost = self._walked(standard, lon[~here], lat[~here])
        if here.any():
            base = self.base.layers[layer.kind]
            parts = [*travel_parts(self.world, standard), list(standard.limits), hash_of(*meet.sites(base))]
            known = self.cache.arrays("walks", parts, lambda: self._base_walks(base, standard))
            mine = np.zeros(len(base.table), bool)
            mine[old[here]] = True
            kept = mine[known["site"]]
            child, cost = np.r_[known["child"][kept], child], np.r_[known["cost"][kept], cost]
        return child, cost

    def _base_walks(self, base: Layer, standard: Standard) -> Arrays:
        site, child, cost = self._walked(standard, *meet.sites(base))
        return {"site": site, "child": child, "cost": cost}

    def _walked(
        self, standard: Standard, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int32]]:
        limit = standard.limits[-1]
        return pairs.on_foot(self.world.demand, lon, lat, standard, limit=limit, network=None)


def _first(found: Candidates) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Take the first site that reaches each row."""
    reached = np.diff(found.indptr) > 0
    return found.indices[found.indptr[:-1][reached]], found.weight[reached]


def drive_times(
    world: World, standard: Standard, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Search for the times from each site to each cell: (sites, cells) centiseconds, as in `reach`."""
    roads, n = world.roads(standard), len(world.demand.cell)
    times = np.full((len(lon), n), UNREACHED, np.int32)
    if len(lon):
        cells = meet.cells(roads, world.demand, standard)
        sites = meet.points(roads, lon, lat, standard)
        indptr, cell, cost = pairs.by_road(roads, sites, cells, UNREACHED - 1)
        times[np.repeat(np.arange(len(lon)), np.diff(indptr)), cell] = cost
    return times


def _nearest(standard: Standard, times: NDArray[np.int32]) -> Cover:
    """Take the nearest of the sites, the lowest row of equally near ones."""
    n = times.shape[1]
    if not len(times):
        nowhere = np.full(n, np.inf, np.float32)
        return Cover(standard, np.zeros((n, len(standard.limits))), np.full(n, -1, np.int32), nowhere)
    nearest = times.argmin(axis=0).astype(np.int32)
    least = times[nearest, np.arange(n)]
    there = least < UNREACHED
    share = (there[:, None] & (least[:, None] <= np.array(standard.limits, np.int64) * 100)).astype(float)
    cost = np.where(there, (least / 100).astype(np.float32), np.float32(np.inf))
    return Cover(standard, share, np.where(there, nearest, np.int32(-1)), cost)


def _arrays(cover: Cover) -> Arrays:
    return {"share": cover.share, "nearest": cover.nearest, "cost": cover.cost}
