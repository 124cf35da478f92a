"""Candidates: where a new site could go; settlements, seats, populous cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..coverage.measures import Cover
from ..geodata.boundaries import locate
from ..geodata.crs import unit_vectors
from ..geodata.gazetteer import Gazetteer, label_points
from ..geodata.layers import Layer
from .world import World

MOST_CELLS = 2000
"""Populous cells among which sites on foot are chosen at most (an assumption, 假设)."""

PROPOSED = "(建议)"
"""Behind the name of the place of a proposed site."""

AED_NOTE = "建议投放片区(示意)"
"""What an AED candidate is: a part of a cell of 4.6 km², not an address."""

_CITY, _COUNTY = 1, 2
_DIGITS = 6
"""Decimals of a coordinate in degrees: about 0.1 m, as layers store them."""
_KM_PER_DEGREE = 111.195
"""Great-circle kilometres of a degree of latitude on the sphere of 6371.0088 km."""


@dataclass(frozen=True)
class Sites:
    """n places where a site could go."""

    lon: NDArray[np.float64]
    """(n,) WGS84 longitude, degrees."""
    lat: NDArray[np.float64]
    """(n,) WGS84 latitude, degrees."""
    county: NDArray[np.int32]
    """(n,) position of the county."""
    name: NDArray[np.str_]
    """(n,) name of the place with its county."""

    def __len__(self) -> int:
        return len(self.lon)

    def take(self, rows: NDArray[np.integer]) -> Sites:
        """Return some of the places, in the given order."""
        return Sites(self.lon[rows], self.lat[rows], self.county[rows], self.name[rows])


def settlements(world: World, layer: Layer, *, seats_only: bool) -> Sites:
    """List the county seats, then the settlements, without those that hold a site of the layer.

    A site is held by the seat or settlement nearest to it.
    """
    gaz = world.gazetteer
    rows = np.flatnonzero(np.asarray(gaz.level) >= _COUNTY)
    rows = rows[np.argsort(np.asarray(gaz.level)[rows], kind="stable")]
    held = np.zeros(len(rows), bool)
    if len(layer.table):
        places = unit_vectors(gaz.lon[rows], gaz.lat[rows])
        sites = unit_vectors(layer.table["lon"].to_numpy(float), layer.table["lat"].to_numpy(float))
        held[(sites @ places.T).argmax(axis=1)] = True
    wanted = ~held & (np.asarray(gaz.level)[rows] == _COUNTY if seats_only else True)
    return _places(gaz, rows[wanted])


def _places(gaz: Gazetteer, rows: NDArray[np.intp]) -> Sites:
    county = np.asarray(gaz.county)[rows]
    above = np.asarray(gaz.county_name)[county]
    own = np.where(np.asarray(gaz.level)[rows] == _COUNTY, "驻地", np.asarray(gaz.name)[rows])
    lon, lat = np.asarray(gaz.lon)[rows].round(_DIGITS), np.asarray(gaz.lat)[rows].round(_DIGITS)
    return Sites(lon, lat, county.astype(np.int32), np.char.add(above, own))


def populous_cells(world: World, cover: Cover, *, parts: int) -> Sites:
    """List the cells with the most residents beyond the main limit, as centres or as seven parts each.

    Parameters
    ----------
    cover
        Of the layer as it is; cells below the standard's minimum density and cells without such residents are
        left out, and at most ``MOST_CELLS`` stay.
    parts
        1: the centre of each cell. 7: its centre and six points around it, at the spacing of seven equal
        hexagons; for AED, whose reach is far smaller than a cell.
    """
    demand = world.demand
    missing = demand.residents * (1.0 - cover.main_share)
    missing[demand.residents < cover.standard.min_density * demand.area_km2] = 0.0
    cells = np.argsort(-missing, kind="stable")[:MOST_CELLS]
    cells = cells[missing[cells] > 0]
    lon, lat = demand.lon[cells], demand.lat[cells]
    if parts > 1:
        lon, lat = _hexagons(lon, lat, demand.area_km2[cells])
        cells = np.repeat(cells, parts)
    lon, lat = lon.round(_DIGITS), lat.round(_DIGITS)
    # A part, or a rounded centre, may lie across a border: its own county is responsible, outside it is none.
    county = locate(world.units, lon, lat) if len(cells) else np.empty(0, np.int32)
    lon, lat, county = lon[county >= 0], lat[county >= 0], county[county >= 0]
    name = label_points(world.gazetteer, lon, lat, county=county) if len(lon) else np.empty(0, np.str_)
    return Sites(lon, lat, county, name)


def _hexagons(
    lon: NDArray[np.float64], lat: NDArray[np.float64], area_km2: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spread seven points over each hexagon: its centre and six around, as far apart as sevenths of its area.

    Hexagons of area A tile the plane with their centres sqrt(2 A / sqrt(3)) apart.
    """
    spacing = np.sqrt(2.0 / np.sqrt(3.0) * area_km2 / 7.0)
    angle = np.radians(60.0 * np.arange(6))
    east = np.r_[0.0, np.cos(angle)] * spacing[:, None]
    north = np.r_[0.0, np.sin(angle)] * spacing[:, None]
    y = lat[:, None] + north / _KM_PER_DEGREE
    x = lon[:, None] + east / (_KM_PER_DEGREE * np.cos(np.radians(lat[:, None])))
    return x.ravel(), y.ravel()


def lacking_seats(world: World, layer: Layer, *, unit: str) -> Sites:
    """List the seats of the units that lack a site, by code.

    Parameters
    ----------
    unit
        ``county``: counties without any site of the layer. ``city``: cities without a site of level 市级, at
        the county seat nearest to the city's place in the gazetteer.
    """
    gaz, demand = world.gazetteer, world.demand
    seats = np.flatnonzero(np.asarray(gaz.level) == _COUNTY)
    seats = seats[np.argsort(np.asarray(gaz.county)[seats], kind="stable")]
    codes = np.asarray(demand.county_code).astype(str)
    if unit == "county":
        there = np.isin(codes, layer.table["county_code"].to_numpy(str))
        return _places(gaz, seats[~there[np.asarray(gaz.county)[seats]]])
    held = layer.table.loc[layer.table["level"] == "市级", "county_code"].to_numpy(str)
    lacking = [city for city in np.unique(codes.astype("<U4")) if city not in set(held.astype("<U4"))]
    own = codes.astype("<U4")[np.asarray(gaz.county)[seats]]
    return _places(gaz, np.array([_city_seat(gaz, seats[own == city]) for city in lacking], np.intp))


def _city_seat(gaz: Gazetteer, seats: NDArray[np.intp]) -> int:
    """Pick of the county seats of a city the one nearest to the city's own place."""
    city = str(np.asarray(gaz.city_name)[gaz.county[seats[0]]])
    own = np.flatnonzero((np.asarray(gaz.level) == _CITY) & (np.asarray(gaz.name) == city))
    if not len(own):
        return int(seats[0])
    closeness = (
        unit_vectors(gaz.lon[seats], gaz.lat[seats]) @ unit_vectors(gaz.lon[own[:1]], gaz.lat[own[:1]]).T
    )
    return int(seats[int(closeness.argmax())])
