"""Gazetteer: name → place and point → name (numpy alone, so that a cold `boai nearest` is fast)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .characters import simplified
from .crs import Degrees, haversine_m, unit_vectors
from .errors import PlaceError, Problem
from .names import CITY, COUNTY, EXAMPLE, PROVINCE, clean, spellings, split_brackets
from .store import load_arrays, save_arrays

if TYPE_CHECKING:
    import pandas as pd

    from .boundaries import Units
    from .place_search import Index

_ARRAYS = (
    "name", "lon", "lat", "level", "county", "population", "alias", "alias_of",
    "county_code", "county_name", "city_name",
)  # fmt: skip


NEARBY_KM = 10.0
"""A point within this distance of a place is called near it (附近); townships have a radius of about 6 km."""

_SECTORS = np.array(["北", "东北", "东", "东南", "南", "西南", "西", "西北"])
_CHUNK = 1024  # points compared with all places at once: 10 MB
_SUGGESTIONS = 5
_SIMILAR = 0.5  # least similarity of a suggestion, difflib's ratio
_SHOWN = 20  # characters of an unknown name that a message repeats


@dataclass(frozen=True)
class Gazetteer:
    """n places: the province, its cities, its counties, then settlements (镇、乡、街道 and others)."""

    name: NDArray[np.str_]
    """(n,) official name."""
    lon: NDArray[np.float64]
    """(n,) WGS84 longitude, degrees."""
    lat: NDArray[np.float64]
    """(n,) WGS84 latitude, degrees."""
    level: NDArray[np.uint8]
    """(n,) 0 province, 1 city, 2 county (at its seat), 3 settlement."""
    county: NDArray[np.int32]
    """(n,) position of the county in ``county_code``; -1 for the province and cities."""
    population: NDArray[np.int64]
    """(n,) residents, 0 where unknown: the census for levels 0-2, GeoNames for settlements."""
    alias: NDArray[np.str_]
    """(m,) further names of places: former counties, other spellings."""
    alias_of: NDArray[np.int32]
    """(m,) row of the place that the alias names."""
    county_code: NDArray[np.str_]
    """(100,) six-digit codes (GB/T 2260), ascending."""
    county_name: NDArray[np.str_]
    """(100,) names of the counties."""
    city_name: NDArray[np.str_]
    """(100,) city of each county."""
    meta: dict[str, Any] = field(default_factory=dict)
    """Sources, rules and counts."""

    @cached_property
    def forms(self) -> dict[str, list[tuple[int, int]]]:
        """Every way to write a place: text → [(row, looseness)], see ``names.spellings``."""
        level, alias_of = self.level.tolist(), self.alias_of.tolist()
        names = [(text, level[row], row) for row, text in enumerate(self.name.tolist())]
        names += [(simplified(text), own, row) for text, own, row in names if simplified(text) != text]
        aliases = [(text, level[row], row) for text, row in zip(self.alias.tolist(), alias_of, strict=True)]
        return spellings(names, aliases)

    @cached_property
    def index(self) -> Index:
        """What suggestions are looked up in, made when it is first needed."""
        from .place_search import build_index  # noqa: PLC0415  (a question by coordinates never needs it)

        return build_index(self)


def build(units: Units, census: pd.DataFrame) -> Gazetteer:
    """Make the gazetteer of a province from its boundaries, its census and the settlements of GeoNames.

    A county stands at its seat (census table). A city stands at the GeoNames place of its name; where there
    is none, at the seat of its most populous county. The province stands at its first city, the capital.
    A settlement belongs to the county that contains it; names of the city or the county itself are no
    settlements, and of two settlements with the same name in one county the first is kept.

    Parameters
    ----------
    units
        Boundaries; the counties in the order of ``census``.
    census
        As ``demand.read_census`` returns it.
    """
    from .settlements import assemble  # noqa: PLC0415  (geopandas; `boai nearest` must not load it)

    return Gazetteer(**assemble(units, census))


def save(gaz: Gazetteer, folder: Path) -> str:
    """Save to a folder of ``.npy`` files and return the hash of the content."""
    meta = {key: value for key, value in gaz.meta.items() if key != "hash"}
    return save_arrays(folder, {name: getattr(gaz, name) for name in _ARRAYS}, kind="gazetteer", meta=meta)


def load(folder: Path, *, verify: bool = True) -> Gazetteer:
    """Open a saved gazetteer as read-only memory maps (milliseconds); raises ``WorkspaceError``."""
    arrays, meta = load_arrays(folder, kind="gazetteer", verify=verify, names=_ARRAYS)
    return Gazetteer(**arrays, meta=meta)


@dataclass(frozen=True)
class Place:
    """A place that a user named."""

    name: str
    lon: float
    """WGS84 longitude, degrees."""
    lat: float
    """WGS84 latitude, degrees."""
    county: int
    """Position of the county, -1 for the province and cities."""
    full_name: str
    """Name with the units above it, such as 江西省九江市修水县黄坳乡."""
    level: int
    """As ``Gazetteer.level``."""
    note: str = ""
    """What a user should know, such as that the seat of the county stands for an unknown place in it."""


class Suggestion(NamedTuple):
    """A place that a text may mean; its ``note`` says how it was found."""

    place: Place
    rank: int
    """How sure: 0 its name, 2 its pinyin, ... ``place_search.UNIT_ONLY``."""
    row: int
    """Row of the gazetteer."""


def find(gaz: Gazetteer, text: str) -> Place:
    """Find the place that a text names; text is compared, never interpreted.

    Understood are 修水县, 修水, 九江市修水县, 江西省九江市修水县黄坳乡, 修水县黄坳, 黄坳, former names of
    counties, full-width characters and blanks, and a place in brackets behind its county as in 樟树市(昌傅):
    there the county's seat stands for a place that the gazetteer does not know. Where a text fits several
    places, the higher unit goes before the lower and the official name before a shortened one.

    Raises
    ------
    PlaceError
        The place is unknown (with similar names), ambiguous (with all candidates), or no readable text.
    """
    found = look_up(gaz, text)
    if found is None:
        raise PlaceError(_unknown(gaz, split_brackets(clean(text))[0]))
    return found


def look_up(gaz: Gazetteer, text: str, *, nearby: bool = False) -> Place | None:
    """Find a place as `find` does, or (``nearby``) as `find_nearby`; None where it is unknown."""
    wanted = clean(text)
    unit, detail = split_brackets(wanted)
    rows = _best(gaz, unit + detail)
    note = ""
    if not rows and detail:
        rows, note = _best(gaz, unit), f"地名表里没有 {detail}, 以{unit}代替"
    if len(rows) == 1:
        return _place(gaz, rows[0], note or _other_name(gaz, wanted, rows[0]))
    end, row, _ = max(_read(gaz, wanted), default=(0, -1, 0)) if nearby else (0, -1, 0)
    if row >= 0 and end < len(wanted) and int(gaz.level[row]) >= COUNTY:
        known = full_name(gaz, row, province=False)
        return _place(gaz, row, f"地名表里没有 {wanted[end:][:_SHOWN]}, 以{known}代替")
    if rows:
        raise PlaceError(_ambiguous(gaz, wanted, rows))
    return None


def _other_name(gaz: Gazetteer, text: str, row: int) -> str:
    """Say what a place is called now where a text has a former or another name of it."""
    name = str(gaz.name[row])
    others = [str(gaz.alias[i]) for i in np.flatnonzero(np.asarray(gaz.alias_of) == row)]
    used = [other for other in others if other in text and name not in text]
    return f"{used[0]} 即 {name}" if used else ""


def find_nearby(gaz: Gazetteer, text: str) -> Place:
    """Find a place, or the county or township in which it should be, with a note that says so.

    Where `find` knows a county or township but not what follows it, as in 修水县医院, that unit stands for
    it. Raises ``PlaceError`` as `find` does.
    """
    found = look_up(gaz, text, nearby=True)
    return find(gaz, text) if found is None else found


def suggest(gaz: Gazetteer, text: str, *, limit: int = 8) -> list[Suggestion]:
    """Suggest places for a text while it is typed, best first: by name, pinyin, initials, sound, typo.

    Examples are 黄坳, 修水縣黃, xiushui huangao, xsx, 秀水; see ``place_search``.
    """
    from .place_search import search  # noqa: PLC0415

    return [
        Suggestion(_place(gaz, hit.row, hit.why), hit.rank, hit.row) for hit in search(gaz.index, text, limit)
    ]


def full_name(gaz: Gazetteer, row: int, *, province: bool = True) -> str:
    """Write the name of a place with the units above it."""
    county, level = int(gaz.county[row]), int(gaz.level[row])
    above = [str(gaz.name[0])] if province and level > PROVINCE else []
    if level > CITY:
        above.append(str(gaz.city_name[county]))
    if level > COUNTY:
        above.append(str(gaz.county_name[county]))
    return "".join([*above, str(gaz.name[row])])


def _place(gaz: Gazetteer, row: int, note: str) -> Place:
    return Place(
        name=str(gaz.name[row]),
        lon=float(gaz.lon[row]),
        lat=float(gaz.lat[row]),
        county=int(gaz.county[row]),
        full_name=full_name(gaz, row),
        level=int(gaz.level[row]),
        note=note,
    )


def _best(gaz: Gazetteer, text: str) -> list[int]:
    """Rows that the whole text names best: highest unit, then least loose."""
    ends = [(int(gaz.level[row]), loose, row) for end, row, loose in _read(gaz, text) if end == len(text)]
    least = min((end[:2] for end in ends), default=None)
    return sorted({end[2] for end in ends if end[:2] == least})


def _read(gaz: Gazetteer, text: str) -> Iterator[tuple[int, int, int]]:
    """Read a text as units from large to small: (end, row, looseness) of every reading and its beginnings."""
    ahead = [(0, -1)]
    while ahead:
        start, above = ahead.pop()
        for end in range(start + 2, len(text) + 1):
            for row, loose in gaz.forms.get(text[start:end], ()):
                if _within(gaz, row, above):
                    yield end, row, loose
                    ahead.append((end, row))


def _within(gaz: Gazetteer, row: int, above: int) -> bool:
    """Whether a place is a part of another of a higher level; everything is within -1."""
    if above < 0:
        return True
    level, county = int(gaz.level[above]), int(gaz.county[row])
    if int(gaz.level[row]) <= level:
        return False
    if level == CITY:
        return str(gaz.city_name[county]) == str(gaz.name[above])
    return level == PROVINCE or county == int(gaz.county[above])


def _ambiguous(gaz: Gazetteer, text: str, rows: list[int]) -> Problem:
    names = [full_name(gaz, row, province=False) for row in rows]
    what = f"有 {len(rows)} 处同名: {'、'.join(names)}"
    return Problem(f"地名 {text}", what, fix=f"请写全名, 例如 {names[0]}")


def _unknown(gaz: Gazetteer, text: str) -> Problem:
    """Say that a place is unknown and offer similar names, first inside the unit that was understood."""
    where = f"地名 {text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}"
    end, unit, _ = max(_read(gaz, text), default=(0, -1, 0))
    names = _similar(gaz, text[end:], unit)
    if names:
        return Problem(where, "地名表里没有这个地方", fix=f"是否指 {'、'.join(names)}?")
    if unit < 0:
        return Problem(where, "地名表里没有这个地方", fix=EXAMPLE)
    known = full_name(gaz, unit, province=False)
    return Problem(where, f"{known} 在地名表里, 其后的 {text[end:][:_SHOWN]} 不在", fix=f"可写 {known}")


def _similar(gaz: Gazetteer, text: str, above: int) -> list[str]:
    """Full names of the places in a unit (-1: anywhere) that are written most like a text."""
    ways = [way for way, rows in gaz.forms.items() if any(_within(gaz, row, above) for row, _ in rows)]
    close = difflib.get_close_matches(text, ways, n=_SUGGESTIONS, cutoff=_SIMILAR)
    rows = dict.fromkeys(row for way in close for row, _ in gaz.forms[way] if _within(gaz, row, above))
    return [full_name(gaz, row, province=False) for row in rows][:_SUGGESTIONS]


def label_points(
    gaz: Gazetteer, lon: ArrayLike, lat: ArrayLike, *, county: ArrayLike | None = None
) -> NDArray[np.str_]:
    """Name points by the nearest settlement or county seat: 修水县 黄坳乡附近.

    Beyond ``NEARBY_KM`` a label tells direction and distance from the place: 修水县 黄坳乡西北约12公里.

    Parameters
    ----------
    lon, lat
        (n,) WGS84 degrees.
    county
        (n,) position of the county of each point: then only the places of that county count (-1: all).

    Returns
    -------
    (n,) labels.
    """
    x, y = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
    own = None if county is None else np.broadcast_to(np.asarray(county), x.shape)
    return _labels(gaz, _nearest(gaz, x, y, own), x, y)


def _nearest(
    gaz: Gazetteer, lon: Degrees, lat: Degrees, county: NDArray[np.integer[Any]] | None
) -> NDArray[np.int64]:
    """Row of the nearest county seat or settlement, in the county of each point if that is given."""
    rows = np.flatnonzero(gaz.level >= COUNTY)
    point, place = unit_vectors(lon, lat), unit_vectors(gaz.lon[rows], gaz.lat[rows])
    nearest = np.empty(len(point), np.int64)
    for start in range(0, len(point), _CHUNK):
        part = slice(start, start + _CHUNK)
        closeness = point[part] @ place.T
        if county is not None:
            elsewhere = (county[part, None] != gaz.county[rows]) & (county[part, None] >= 0)
            closeness[elsewhere] = -2.0  # below every dot product
        nearest[part] = rows[closeness.argmax(axis=1)]
    return nearest


def _labels(gaz: Gazetteer, row: NDArray[np.int64], lon: Degrees, lat: Degrees) -> NDArray[np.str_]:
    """Write the labels of points near the given rows."""
    add = np.char.add
    away_m = haversine_m(gaz.lon[row], gaz.lat[row], lon, lat)
    east = (lon - gaz.lon[row]) * np.cos(np.radians(lat))
    sector = np.rint(np.degrees(np.arctan2(east, lat - gaz.lat[row])) / 45).astype(int) % 8
    county = gaz.county_name[gaz.county[row]]
    place = np.where(gaz.level[row] == COUNTY, add(county, "驻地"), add(add(county, " "), gaz.name[row]))
    far = add(add(_SECTORS[sector], "约"), add(np.rint(away_m / 1000).astype(int).astype(str), "公里"))
    labels: NDArray[np.str_] = add(place, np.where(away_m <= NEARBY_KM * 1000, "附近", far))
    return labels
