"""Covers of layers, and pairs of places within a limit: each computed once for the same content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coverage import meet, pairs
from ..coverage.measures import Cover, cover_layer
from ..coverage.standards import Standard
from ..geodata.layers import Kind, Layer
from .cache import Cache, hash_of, part_hash
from .packing import Arrays
from .world import World


class Covers:
    """The covers of layers under the standards of a world, each computed once."""

    def __init__(
        self, world: World, standards: Mapping[Kind, Standard] | None = None, cache: Cache | None = None
    ) -> None:
        self.world, self.standards = world, world.standards if standards is None else standards
        self.cache = Cache() if cache is None else cache
        self._known: dict[int, tuple[Layer, Cover]] = {}

    def know(self, layer: Layer, cover: Cover) -> None:
        """Take over a cover from elsewhere; one under another standard is left."""
        if cover.standard == self.standards[layer.kind]:
            self._known[id(layer)] = (layer, cover)

    def of(self, layer: Layer) -> Cover:
        """Return the cover of a layer."""
        if id(layer) not in self._known:
            standard = self.standards[layer.kind]
            parts = [*travel_parts(self.world, standard), list(standard.limits), *_places(layer)]
            found = self.cache.arrays("cover", parts, lambda: self._make(layer, standard))
            cover = Cover(standard, found["share"], found["nearest"], found["cost"])
            self._known[id(layer)] = (layer, cover)
        return self._known[id(layer)][1]

    def _make(self, layer: Layer, standard: Standard) -> Arrays:
        cover = cover_layer(self.world.demand, self.world.roads(standard), layer, standard)
        return {"share": cover.share, "nearest": cover.nearest, "cost": cover.cost}


_PEOPLE = ("residents", "urban", "age_60", "age_65")
"""Arrays of the demand that change no way."""


def travel_parts(world: World, standard: Standard) -> list[Any]:
    """List what ways between sites and residents depend on: roads, cells, how both meet; values of JSON."""
    roads = world.roads(standard)
    straight = standard.mode == "walk" and (
        roads.mode != "walk" or standard.detour == 1
    )  # see `meet.on_foot`
    how = [standard.mode, standard.detour, standard.access_kmh]
    return ["" if straight else part_hash(roads), part_hash(world.demand, skip=_PEOPLE), how]


def _places(layer: Layer) -> list[str]:
    return [hash_of(*meet.sites(layer))]


def pairs_of(
    world: World,
    standard: Standard,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    *,
    limit: int,
    cache: Cache,
) -> Arrays:
    """List the residents within a limit of places, by place.

    Parameters
    ----------
    limit
        Seconds or metres, inclusive.

    Returns
    -------
    Mapping
        ``indptr`` (places + 1,), ``to``: drive: positions of cells; walk: h3 indexes of sub-cells, ``cost``:
        whole hundredths of a second or metre.
    """
    parts = [*travel_parts(world, standard), limit, hash_of(lon, lat)]
    return cache.arrays("pairs", parts, lambda: _pairs(world, standard, lon, lat, limit))


def _pairs(
    world: World, standard: Standard, lon: NDArray[np.float64], lat: NDArray[np.float64], limit: int
) -> Arrays:
    roads = world.roads(standard)
    if standard.mode == "drive":
        cells = meet.cells(roads, world.demand, standard)
        indptr, to, cost = pairs.by_road(roads, meet.points(roads, lon, lat, standard), cells, limit * 100)
        return {"indptr": indptr, "to": to, "cost": cost}
    found = pairs.on_foot(world.demand, lon, lat, standard, limit=limit, network=roads)
    indptr = np.searchsorted(found.site, np.arange(len(lon) + 1)).astype(np.int64)
    return {"indptr": indptr, "to": found.child, "cost": found.cost}
