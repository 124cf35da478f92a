"""Candidates: where a new site could go; settlements, seats, populous cells, host venues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..coverage.measures import Cover
from ..geodata.boundaries import locate
from ..geodata.crs import EARTH_RADIUS_M, unit_vectors
from ..geodata.errors import InputError, Problem
from ..geodata.gazetteer import Gazetteer, label_points
from ..geodata.layers import Kind, Layer
from ..geodata.types import find_type, load_types
from .world import World

MOST_CELLS = 2000
"""Populous cells among which sites on foot are chosen at most (an assumption, 假设)."""

PROPOSED = "(建议)"
"""Behind the name of the place of a proposed site."""

AED_NOTE = "建议投放片区(示意)"
"""What an AED candidate is: a part of a cell of 4.6 km², not an address."""

PUBLIC = "公共场所"
"""Stands for host venues of every type: where an AED may hang."""

HELD_M = 50.0
"""A host venue holds the site that is so near, metres (an assumption, 假设): it is no candidate then."""

GONE = ("停用", "规划", "在建")
"""Status of a host venue that is not there now."""

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
    host: NDArray[np.str_] | None = None
    """(n,) name of the host venue; None where places are no venues."""
    part_of: tuple[Sites, NDArray[np.intp]] | None = None
    """A list that does not depend on the sites that are there, and the (n,) rows of the places in it."""

    def __len__(self) -> int:
        return len(self.lon)

    def take(self, rows: NDArray[np.integer]) -> Sites:
        """Return some of the places, in the given order."""
        host = None if self.host is None else self.host[rows]
        part = None if self.part_of is None else (self.part_of[0], self.part_of[1][rows])
        return Sites(self.lon[rows], self.lat[rows], self.county[rows], self.name[rows], host, part)


def settlements(world: World, layer: Layer, *, seats_only: bool) -> Sites:
    """List the county seats, then the settlements, without flooded ones and those that hold a site.

    A site of the layer is held by the seat or settlement nearest to it.
    """
    gaz = world.gazetteer
    rows = np.flatnonzero(np.asarray(gaz.level) >= _COUNTY)
    rows = rows[np.argsort(np.asarray(gaz.level)[rows], kind="stable")]
    held = np.zeros(len(rows), bool)
    if len(layer.table):
        places = unit_vectors(gaz.lon[rows], gaz.lat[rows])
        sites = unit_vectors(layer.table["lon"].to_numpy(float), layer.table["lat"].to_numpy(float))
        held[(sites @ places.T).argmax(axis=1)] = True
    asked = np.asarray(gaz.level)[rows] == _COUNTY if seats_only else np.ones(len(rows), bool)
    every = _places(gaz, rows[asked])
    free = ~held[asked] & ~under_water(world, every.lon, every.lat)
    return replace(every, part_of=(every, np.arange(len(every)))).take(np.flatnonzero(free))


def under_water(world: World, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the points in flooded areas: no new site may go there."""
    wet = np.zeros(len(lon), bool)
    for area in world.flooded:
        wet |= area.holds(lon, lat)
    return wet


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
        left out, as are flooded ones, and at most ``MOST_CELLS`` stay.
    parts
        1: the centre of each cell. 7: its centre and six points around it, at the spacing of seven equal
        hexagons; for AED, whose reach is far smaller than a cell.
    """
    demand = world.demand
    missing = demand.residents * (1.0 - cover.main_share)
    missing[demand.residents < cover.standard.min_density * demand.area_km2] = 0.0
    missing[under_water(world, demand.lon, demand.lat)] = 0.0
    cells = np.argsort(-missing, kind="stable")[:MOST_CELLS]
    cells = cells[missing[cells] > 0]
    lon, lat = demand.lon[cells], demand.lat[cells]
    if parts > 1:
        lon, lat = _hexagons(lon, lat, demand.area_km2[cells])
        cells = np.repeat(cells, parts)
    lon, lat = lon.round(_DIGITS), lat.round(_DIGITS)
    # A part, or a rounded centre, may lie across a border: its own county is responsible, outside it is none.
    county = locate(world.units, lon, lat) if len(cells) else np.empty(0, np.int32)
    kept = (county >= 0) & ~under_water(world, lon, lat)
    lon, lat, county = lon[kept], lat[kept], county[kept]
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
    """List the seats of the units that lack a site, by code, without those that are flooded.

    Parameters
    ----------
    unit
        ``county``: counties without any site of the layer. ``city``: cities without a site of level 市级, at
        the county seat nearest to the city's place in the gazetteer.
    """
    gaz, demand = world.gazetteer, world.demand
    seats = np.flatnonzero(np.asarray(gaz.level) == _COUNTY)
    seats = seats[np.argsort(np.asarray(gaz.county)[seats], kind="stable")]
    seats = seats[~under_water(world, np.asarray(gaz.lon)[seats], np.asarray(gaz.lat)[seats])]
    codes = np.asarray(demand.county_code).astype(str)
    if unit == "county":
        there = np.isin(codes, layer.table["county_code"].to_numpy(str))
        return _places(gaz, seats[~there[np.asarray(gaz.county)[seats]]])
    held = layer.table.loc[layer.table["level"] == "市级", "county_code"].to_numpy(str)
    own = codes.astype("<U4")[np.asarray(gaz.county)[seats]]
    lacking = [city for city in np.unique(own) if city not in set(held.astype("<U4"))]
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


def host_codes(world: World, kind: Kind, hosts: Sequence[str]) -> list[str]:
    """Find the codes of the types of host venues that are asked for, by code, title or synonym.

    Raises
    ------
    InputError
        Every name that is no type of host venue, or no type at all.
    """
    found, problems = list[str](), list[Problem]()
    known = [code for code, each in load_types().items() if each.role == "host"]
    names = "、".join(load_types()[code].title for code in known)
    for text in hosts:
        if text == PUBLIC and kind == "aed":
            found += [*known, *_own_types(world)]
            continue
        try:
            code = text if text in _own_types(world) else find_type(text).code
        except InputError:
            code = ""
        if code in known or code in _own_types(world):
            found.append(code)
        else:
            fix = f"可选: {names}" + (f"、{PUBLIC}" if kind == "aed" else "")
            problems.append(Problem("hosts", "没有这种候选场所", text[:40], fix))
    if problems:
        raise InputError(problems)
    return list(dict.fromkeys(found))


def _own_types(world: World) -> list[str]:
    """List the types of a registry that are none of the project's: those of the office's own schema."""
    return [code for code in world.resources if code not in load_types()]


def host_venues(world: World, layer: Layer, codes: Iterable[str]) -> tuple[Sites, str]:
    """List the registered venues of some types that hold no site of the layer yet, and who is left out.

    Returns
    -------
    sites, note
        Named by the venue with its county, ordered by type and id; ``note`` tells in Chinese how many venues
        have no place, are not there now, or hold a site already.
    """
    tables = [world.resources[code] for code in codes if code in world.resources]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["lon", "lat"])
    if not len(table):
        return _empty(), ""
    status = table["status"].fillna("").astype(str)
    there = ~status.isin(GONE).to_numpy(bool)
    lon, lat = (table[name].to_numpy(np.float64).round(_DIGITS) for name in ("lon", "lat"))
    placed = np.isfinite(lon) & np.isfinite(lat)
    county = np.full(len(table), -1, np.int32)
    if placed.any():
        county[placed] = locate(world.units, lon[placed], lat[placed])
    inside = placed & there & (county >= 0)
    held = np.zeros(len(table), bool)
    held[inside] = _held(layer, lon[inside], lat[inside])
    kept = np.flatnonzero(inside & ~held)
    kept = kept[_first_of_each(lon[kept], lat[kept])]
    own = table["name"].fillna("").astype(str).to_numpy(str)[kept]
    above = np.asarray(world.demand.county_name)[county[kept]]
    name = np.array(
        [
            text if text.startswith(unit) else f"{unit}{text}"
            for unit, text in zip(above.tolist(), own.tolist(), strict=True)
        ],
        str,
    )
    counts = (
        ("没有坐标", there & ~placed),
        ("不在省内", there & placed & (county < 0)),
        ("停用或未建成", ~there),
    )
    told = [f"{int(some.sum()):,} 处{why}" for why, some in (*counts, ("已有站点", held)) if some.any()]
    note = f"候选场所中 {'、'.join(told)}, 未作候选点" if told else ""
    return Sites(lon[kept], lat[kept], county[kept], name, own), note


def _empty() -> Sites:
    none = np.empty(0, np.float64)
    return Sites(none, none, np.empty(0, np.int32), np.empty(0, "<U1"), np.empty(0, "<U1"))


def _held(layer: Layer, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which places have a site of the layer within ``HELD_M``."""
    if not len(layer.table) or not len(lon):
        return np.zeros(len(lon), bool)
    sites = unit_vectors(layer.table["lon"].to_numpy(float), layer.table["lat"].to_numpy(float))
    away, _ = cKDTree(sites).query(unit_vectors(lon, lat))
    near: NDArray[np.bool_] = away <= 2.0 * np.sin(HELD_M / (2.0 * EARTH_RADIUS_M))
    return near


def _first_of_each(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.intp]:
    """Keep one of the venues that share one point, such as two offices in one building."""
    _, first = np.unique(np.stack([lon, lat]), axis=1, return_index=True)
    return np.sort(first)
