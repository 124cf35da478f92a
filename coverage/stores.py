"""Stores and counties: where help is sent from, where it is delivered, and how long it is on its way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.crs import haversine_m, unit_vectors
from ..geodata.demand import Demand
from ..geodata.layers import Layer
from ..geodata.network import Network
from . import meet
from .hubs import COUNTY, NEVER, Links, drive_times, links_of, ranks_of
from .standards import Standard
from .supply import column_of


@dataclass(frozen=True)
class Field:
    """Stores and counties with the times between them, in centiseconds, ``NEVER`` where there is no road."""

    demand: Demand
    layer: Layer
    standard: Standard
    rank: NDArray[np.int64]
    """(s,) 0 county, 1 city, 2 province."""
    home: NDArray[np.int64]
    """(s,) county of each store, -1 outside."""
    city: NDArray[np.str_]
    """(s,) four digits of its city, "" unknown."""
    ready: NDArray[np.int64]
    """(s,) readiness."""
    assumed: NDArray[np.bool_]
    """(s,) whether that is the standard's, as the store states none."""
    between: NDArray[np.int64]
    """(s, s) driving from store to store."""
    middle: NDArray[np.int64]
    """(c,) cell in the middle of each county, -1 where it has none."""
    main: NDArray[np.int64]
    """(c,) the county's own store that receives, -1 where it has none."""
    arrive: NDArray[np.int64]
    """(3, s, c) readiness and driving to where help of each step is delivered."""
    links: Links

    @property
    def names(self) -> list[str]:
        """(s + 1,) names of the stores; the last, that of row -1, is empty."""
        return [*self.layer.table["name"].astype(str).tolist(), ""]

    @property
    def ids(self) -> NDArray[np.str_]:
        """(s,) ids as text."""
        return np.array(self.layer.table["id"].astype(str).tolist(), dtype=str)

    def own(self, county: int) -> NDArray[np.intp]:
        """List the stores of a county that are neither hub nor centre."""
        return np.flatnonzero((self.home == county) & (self.rank == COUNTY))


def survey(demand: Demand, network: Network, layer: Layer, standard: Standard) -> Field:
    """Find the places and the times between them; one search by road from every store."""
    n_stores, n_counties = len(layer.table), len(demand.county_code)
    middle = _middle_cells(demand, _met(demand, network, standard))
    there = middle >= 0
    lon, lat = meet.sites(layer)
    points = [np.concatenate([a, b[middle[there]]]) for a, b in ((lon, demand.lon), (lat, demand.lat))]
    time = drive_times(network, points[0], points[1], standard, n_stores)
    to_middle = np.full((n_stores, n_counties), NEVER, np.int64)
    to_middle[:, there] = time[:, n_stores:]
    rank, home, city = ranks_of(layer), _home(layer, demand), _city_of(layer, demand)
    ready, assumed = _ready(layer, standard)
    main = _main_stores(layer, home, rank, to_middle)
    to_store = time[:, :n_stores][:, main] if n_stores else to_middle
    to_store = np.where(main >= 0, to_store, to_middle)
    arrive = np.minimum(np.stack([to_middle, to_store, to_store]) + ready[:, None], NEVER)
    between = time[:, :n_stores]
    links = links_of(layer, city, between)
    return Field(
        demand, layer, standard, rank, home, city, ready, assumed, between, middle, main, arrive, links
    )


def _met(demand: Demand, network: Network, standard: Standard) -> NDArray[np.bool_]:
    """Mark the cells that meet a road."""
    if not network.n_nodes:
        return np.zeros(len(demand.cell), bool)
    return meet.cells(network, demand, standard).met


def _middle_cells(demand: Demand, met: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Find the cell nearest to the centre of the residents of each county: (c,), -1 for one without cells.

    Cells that meet a road go first, then those with residents.
    """
    county, n = np.asarray(demand.county), len(demand.county_code)
    found = np.full(n, -1, np.int64)
    if not len(county):
        return found
    people = np.bincount(county, demand.residents, minlength=n)
    weight = np.where(people[county] > 0, demand.residents, 1)
    vectors = unit_vectors(demand.lon, demand.lat)
    x, y, z = (np.bincount(county, weight * vectors[:, axis], minlength=n) for axis in range(3))
    lon, lat = np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))
    metres = haversine_m(demand.lon, demand.lat, lon[county], lat[county])
    # Whole millimetres: noise decides no tie.
    order = np.lexsort((np.round(metres, 3), demand.residents == 0, ~met, county))
    first = order[np.flatnonzero(np.diff(county[order], prepend=-1))]
    found[county[first]] = first
    return found


def _home(layer: Layer, demand: Demand) -> NDArray[np.int64]:
    """Find the county of each store by its code; -1 where it has none or one outside."""
    codes = {str(code): row for row, code in enumerate(np.asarray(demand.county_code).tolist())}
    return np.array([codes.get(str(code), -1) for code in layer.table["county_code"]], np.int64)


def _city_of(layer: Layer, demand: Demand) -> NDArray[np.str_]:
    """Give the first four digits of each store's city, by its county or else the city's name; "" unknown."""
    digits = [str(code)[:4] for code in np.asarray(demand.county_code).tolist()]
    by_name = dict(zip(np.asarray(demand.city_name).tolist(), digits, strict=True))
    codes, cities = layer.table["county_code"].astype(str), layer.table["city"].astype(str)
    found = [
        code[:4] if code[:4] in digits else by_name.get(name, "")
        for code, name in zip(codes, cities, strict=True)
    ]
    return np.array(found, dtype="<U4")


def _ready(layer: Layer, standard: Standard) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Give the readiness in centiseconds and whether it is the standard's, where a store states none."""
    stated = pd.Series(column_of(layer.table, "readiness_min", np.nan), dtype=object)
    minutes = pd.to_numeric(stated, errors="coerce").to_numpy(np.float64)
    assumed = ~(np.isfinite(minutes) & (minutes >= 0))
    seconds = np.where(assumed, standard.mobilisation_s or 0, minutes * 60)
    return np.rint(seconds * 100).astype(np.int64), assumed


def _main_stores(
    layer: Layer, home: NDArray[np.int64], rank: NDArray[np.int64], to_middle: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Choose of the own stores of each county the one nearest to its middle, of equal ones the lowest id."""
    ids = np.array(layer.table["id"].astype(str).tolist(), dtype=str)
    main = np.full(to_middle.shape[1], -1, np.int64)
    for county in range(len(main)):
        own = np.flatnonzero((home == county) & (rank == COUNTY))
        if len(own):
            main[county] = own[np.lexsort((ids[own], to_middle[own, county]))[0]]
    return main
