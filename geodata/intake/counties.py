"""County-level units as offices write them: names with history, shortened, with the city before; codes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..boundaries import Units
from ..names import CITY, COUNTY, PROVINCE, shorten, simplify
from .cells import tidy_code
from .model import Cells
from .values import factorize

Positions = NDArray[np.int32]

FORMER_CODES = MappingProxyType({
    "360105": "360112", "360122": "360112", "360421": "360404", "360427": "360483", "360622": "360603",
    "360721": "360704", "360727": "360783", "360782": "360703", "361029": "361003", "361121": "361104",
    "361122": "361103",
})  # fmt: skip
"""Former codes of counties that were renamed or merged 2013-2020 → the present code.

湾里区 and 新建县 (新建区), 九江县 (柴桑区), 星子县 (庐山市), 余江县, 赣县, 龙南县, 南康市, 东乡县, 上饶县
(广信区), 广丰县. From the earlier editions of GB/T 2260.
"""

_ALIASES = {"红谷滩新区": "红谷滩区", "庐山风景名胜区": "庐山市"}
_OLDER = MappingProxyType({
    "波阳县": "鄱阳县", "临川市": "临川区", "临川县": "临川区", "清江县": "樟树市", "丰城县": "丰城市",
    "高安县": "高安市", "乐平县": "乐平市", "瑞昌县": "瑞昌市", "贵溪县": "贵溪市", "瑞金县": "瑞金市",
    "德兴县": "德兴市",
})  # fmt: skip
"""Names given up before 2010 (public record of administrative changes) → present name."""
LONGEST = 120
"""Characters of an address that are read."""

_NOT_A_PLACE = frozenset(
    {"", "-", "/", "无", "其他", "全省", "全市", "省本级", "市本级", "本级", "省直", "市直"}
)


@dataclass(frozen=True)
class CountyNames:
    """Every way to write the counties and cities of a province."""

    counties: Mapping[str, tuple[int, str]]
    """Text → position of the county, and the former name that the text is (empty: a present one)."""
    cities: Mapping[str, int]
    """Text → position of the city, the longest first."""
    codes: Mapping[str, int]
    """Six-digit code → position of the county."""
    city_codes: Mapping[str, int]
    of_city: NDArray[np.int32]
    """(n,) position of each county's city."""
    county_name: tuple[str, ...]
    city_name: tuple[str, ...]
    province: str


def county_names(units: Units) -> CountyNames:
    """List every way to write the counties and cities: full, without ending, former names and codes.

    A short name that a city has too (南昌, 九江, 上饶, 吉安) means the city only.
    """
    names = [str(name) for name in units.counties["name"]]
    cities = [str(name) for name in units.cities["name"]]
    codes = {str(code): place for place, code in enumerate(units.counties["code"])}
    city_codes = {str(code): place for place, code in enumerate(units.cities["code"])}
    city = {way: place for place, name in enumerate(cities) for way in (shorten(name, CITY), name)}
    former = [(name, codes[code]) for name, code in _former() if code in codes]
    former += [(old, names.index(name)) for old, name in _OLDER.items() if name in names]
    ways = {shorten(name, COUNTY): (place, name) for name, place in former}
    ways |= {alias: (names.index(name), "") for alias, name in _ALIASES.items() if name in names}
    ways |= {shorten(name, COUNTY): (place, "") for place, name in enumerate(names)}
    ways |= {name: (place, name) for name, place in former}
    ways |= {name: (place, "") for place, name in enumerate(names)}
    return CountyNames(
        counties={way: found for way, found in ways.items() if way not in city},
        cities=dict(sorted(city.items(), key=lambda item: -len(item[0]))),
        codes={
            **{old: codes[new] for old, new in FORMER_CODES.items() if new in codes and old not in codes},
            **codes,
        },
        city_codes=city_codes,
        of_city=np.array([city_codes.get(str(code), -1) for code in units.counties["city_code"]], np.int32),
        county_name=tuple(names),
        city_name=tuple(cities),
        province=str(units.province["name"].iloc[0]),
    )


def _former() -> list[tuple[str, str]]:
    """Read the former names of counties: name → present code."""
    text = (files("boai.geodata") / "tables" / "former_counties.csv").read_text(encoding="utf-8")
    return [(row["former"], row["adcode"]) for row in csv.DictReader(text.splitlines())]


@dataclass(frozen=True)
class Unit:
    """What a text says about where something is."""

    county: int = -1
    city: int = -1
    former: str = ""
    """Former name that the text has."""
    rest: str = ""
    """What follows the units in the text."""
    known: bool = False
    """Whether a unit was understood at all."""


def read_unit(names: CountyNames, text: str) -> Unit:
    """Read the county or city at the beginning of a text.

    Examples
    --------
    >>> from boai.geodata.boundaries import read_default
    >>> names = county_names(read_default())
    >>> for text in ("江西省赣州市南康市", "九江市修水县黄坳乡", "上饶县"):
    ...     unit = read_unit(names, text)
    ...     print((names.county_name[unit.county], unit.former, unit.rest))
    ('南康区', '南康市', '')
    ('修水县', '', '黄坳乡')
    ('广信区', '上饶县', '')
    >>> read_unit(names, "南昌").county, names.city_name[read_unit(names, "南昌").city]
    (-1, '南昌市')
    """
    rest = simplify(tidy_code(text))[:LONGEST]
    for word in ("中国", names.province, shorten(names.province, PROVINCE)):
        rest = rest.removeprefix(word) if len(rest) > len(word) else rest
    found = _county_at(names, rest)
    if found:
        return found
    for way, place in names.cities.items():
        if rest.startswith(way):
            after = (
                rest.removeprefix(way).removeprefix("市" if not way.endswith("市") else "").strip("-/·, 、")
            )
            inner = _county_at(names, after, city=place) if after else None
            return inner or Unit(-1, place, "", after, known=True)
    return Unit(rest=rest)


def _county_at(names: CountyNames, text: str, *, city: int = -1) -> Unit | None:
    """Find the county that a text begins with; a short name must be the whole text or stand before a town."""
    for end in range(min(len(text), 12), 1, -1):
        found = names.counties.get(text[:end])
        if not found:
            continue
        place, former = found
        if city >= 0 and names.of_city[place] != city:
            continue
        full = text[:end] == (former or names.county_name[place])
        if full or end == len(text) or text[end:].startswith(("县", "市", "区")) or city >= 0:
            rest = text[end:].strip("-/·, 、")
            return Unit(place, int(names.of_city[place]), former, rest, known=True)
    return None


@dataclass(frozen=True)
class Stated:
    """The counties and cities that rows state."""

    county: Positions
    """(n,) position of the county by its name, -1 where none is named or understood."""
    code: Positions
    """(n,) position of the county by its code, -1 where there is none."""
    city: Positions
    """(n,) position of the city, -1 unknown; that of the county where one is known."""
    former: Cells
    """(n,) former name that the row has, empty where it has a present one."""
    unknown: NDArray[np.bool_]
    """(n,) whether a county is named that is not known."""
    bad_code: NDArray[np.bool_]
    """(n,) whether there is a code that no county or city of the province has."""
    city_conflict: NDArray[np.bool_]
    """(n,) whether the county is not in the city that the row names."""
    city_unknown: NDArray[np.bool_]
    """(n,) whether a city is named that is not known."""
    beyond: NDArray[np.bool_]
    """(n,) whether the county's cell says more than the county, such as a township."""


def read_stated(
    names: CountyNames, county: Cells | None, code: Cells | None, city: Cells | None, n_rows: int
) -> Stated:
    """Read counties from their names, codes and cities; every unique text once."""
    city_place, city_unknown = _cities(names, city, n_rows)
    units, which = _units(names, county, n_rows)
    by_name = _take([unit.county for unit in units], which, -1)
    by_code, code_city, bad_code = _codes(names, code, n_rows)
    named_city = _take([unit.city for unit in units], which, -1)
    conflict = (city_place >= 0) & (named_city >= 0) & (city_place != named_city)
    both = np.where(named_city >= 0, named_city, np.where(city_place >= 0, city_place, code_city))
    return Stated(
        county=by_name,
        code=by_code,
        city=both.astype(np.int32),
        former=np.array([unit.former for unit in units] + [""], object)[which],
        unknown=np.array([not unit.known for unit in units] + [False])[which],
        bad_code=bad_code,
        city_conflict=conflict,
        city_unknown=city_unknown,
        beyond=np.array([bool(unit.rest) and unit.county >= 0 for unit in units] + [False])[which],
    )


def _take(values: Iterable[int], which: NDArray[np.int64], blank: int) -> Positions:
    return np.array([*values, blank], np.int32)[which]


def _units(names: CountyNames, cells: Cells | None, n_rows: int) -> tuple[list[Unit], NDArray[np.int64]]:
    """Read the county cells: the different units, and which of them each row has (-1: none)."""
    if cells is None:
        return [], np.full(n_rows, -1)
    numbers, unique = factorize(cells)
    texts = [tidy_code(cell) for cell in unique]
    blank = np.array([text in _NOT_A_PLACE for text in texts] + [True])
    units = [read_unit(names, text) for text in texts]
    return units, np.where(blank[numbers], -1, numbers)


def _cities(names: CountyNames, cells: Cells | None, n_rows: int) -> tuple[Positions, NDArray[np.bool_]]:
    """Read the city cells."""
    if cells is None:
        return np.full(n_rows, -1, np.int32), np.zeros(n_rows, bool)
    numbers, unique = factorize(cells)
    texts = [tidy_code(cell) for cell in unique]
    units = [read_unit(names, text) for text in texts]
    unknown = [not unit.known and text not in _NOT_A_PLACE for unit, text in zip(units, texts, strict=True)]
    return _take([unit.city for unit in units], numbers, -1), np.array([*unknown, False])[numbers]


def _codes(
    names: CountyNames, cells: Cells | None, n_rows: int
) -> tuple[Positions, Positions, NDArray[np.bool_]]:
    """Read codes of 6, 9 or 12 digits: county, city, and whether a code is unknown."""
    if cells is None:
        none = np.full(n_rows, -1, np.int32)
        return none, none, np.zeros(n_rows, bool)
    numbers, unique = factorize(cells)
    texts = [code_of(cell) for cell in unique]
    county = [names.codes.get(text[:6], -1) for text in texts]
    city = [int(names.of_city[place]) if place >= 0 else names.city_codes.get(text[:6], -1)
            for place, text in zip(county, texts, strict=True)]  # fmt: skip
    bad = [place < 0 and where < 0 and text not in _NOT_A_PLACE and text[:6] != "360000"
           for place, where, text in zip(county, city, texts, strict=True)]  # fmt: skip
    return _take(county, numbers, -1), _take(city, numbers, -1), np.array([*bad, False])[numbers]


def code_of(cell: object) -> str:
    """Write a code as text of digits: 360424.0, ``360424000000`` and 36 04 24 become 360424.

    Examples
    --------
    >>> code_of(360424.0), code_of("３６０４２４００００００"), code_of("x")
    ('360424', '360424', 'x')
    """
    text = tidy_code(cell).removesuffix(".0")
    return text[:6] if text.isdigit() and len(text) in (6, 9, 12) else text
