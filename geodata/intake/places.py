"""What an intake compares with, and points for rows that have only an address or a place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import boundaries, gazetteer
from ..boundaries import Units
from ..demand import read_census
from ..gazetteer import Gazetteer
from ..names import COUNTY, SETTLEMENT
from ..network import load_network
from ..shapes import points_along
from .cells import tidy_code
from .counties import LONGEST, CountyNames, Positions, county_names, read_unit
from .evidence import Borders, prepare
from .model import Cells

ROAD_POINTS_M = 40.0
"""Spacing of the points that stand for a road; half of it is small against the shifts that are told apart."""

_TOWNS = ("街道办事处", "街道办", "街道", "镇", "乡")


@dataclass(frozen=True)
class Context:
    """What an intake compares with: boundaries, places and, where there is a real network, its roads."""

    units: Units
    gaz: Gazetteer
    roads: NDArray[np.float64] | None = None
    """(m, 2) WGS84 points along real roads; None: those of ``network``."""
    network: Path | None = None
    """Folder of a saved network; an approximate one has no say."""

    @cached_property
    def road_points(self) -> NDArray[np.float64] | None:
        """Points along real roads, every 40 m or less; None where there are none."""
        if self.roads is not None or self.network is None:
            return self.roads
        shapes = load_network(self.network, verify="once").shapes
        return None if shapes is None else points_along(shapes, spacing_m=ROAD_POINTS_M)

    @cached_property
    def names(self) -> CountyNames:
        """Every way to write a county or a city."""
        return county_names(self.units)

    @cached_property
    def borders(self) -> Borders:
        """Outlines ready for distances."""
        return prepare(self.units)

    @cached_property
    def towns(self) -> Towns:
        """Townships by name."""
        return towns_of(self.gaz)


@lru_cache(maxsize=1)
def default_context() -> Context:
    """Make the context from the embedded boundaries and gazetteer, once per process (about 3 s)."""

    units = boundaries.read_default()
    return Context(units, gazetteer.build(units, read_census()))


def context_of(folder: Path) -> Context:
    """Open the context of a workspace folder; raises ``WorkspaceError``."""
    units, gaz = boundaries.load(folder / "boundaries.gpkg"), gazetteer.load(folder / "gazetteer")
    return Context(units, gaz, network=folder / "network")


# Places of rows without coordinates


@dataclass(frozen=True)
class Placed:
    """A place of the gazetteer that a text names."""

    lon: float
    lat: float
    county: int
    level: int
    name: str
    """Name with its county."""


@dataclass(frozen=True)
class Towns:
    """Townships by county and by name."""

    by_name: Mapping[str, tuple[int, ...]]
    """Official name or a form with another ending → rows of the gazetteer."""
    longest: int


def towns_of(gaz: Gazetteer) -> Towns:
    """List the townships by every form of their names that has an ending of a township."""
    level = np.asarray(gaz.level)
    rows = {
        way: tuple(row for row, _ in places if level[row] == SETTLEMENT)
        for way, places in gaz.forms.items()
        if way.endswith(_TOWNS)
    }
    rows = {way: places for way, places in rows.items() if places}
    return Towns(rows, max(map(len, rows), default=0))


def find_place(context: Context, towns: Towns, text: str, county: int) -> Placed | None:
    """Find the township, else the county, that a text names; a known county limits the townships.

    A township is searched anywhere in the text after the county, so that 修水县城郊黄坳乡卫生院 is found.
    """
    unit = read_unit(context.names, text)
    if county < 0:
        county = unit.county
    elif unit.county >= 0 and unit.county != county:
        return None
    rows = _town_rows(context.gaz, towns, unit.rest if unit.known else tidy_code(text)[:LONGEST], county)
    if rows is not None:
        return _placed(context.gaz, rows)
    return seat(context, county) if county >= 0 else None


def _town_rows(gaz: Gazetteer, towns: Towns, text: str, county: int) -> int | None:
    """Find the first township in a text; without a county its name must be unique in the province."""
    for start in range(len(text) - 1):
        for end in range(min(len(text), start + towns.longest), start + 1, -1):
            rows = towns.by_name.get(text[start:end], ())
            if county >= 0:
                rows = tuple(row for row in rows if int(gaz.county[row]) == county)
            if len(rows) == 1:
                return rows[0]
    return None


def seat(context: Context, county: int) -> Placed | None:
    """Seat of a county."""
    gaz = context.gaz
    rows = np.flatnonzero((np.asarray(gaz.level) == COUNTY) & (np.asarray(gaz.county) == county))
    return _placed(gaz, int(rows[0])) if len(rows) else None


def _placed(gaz: Gazetteer, row: int) -> Placed:
    return Placed(
        float(gaz.lon[row]),
        float(gaz.lat[row]),
        int(gaz.county[row]),
        int(gaz.level[row]),
        gazetteer.full_name(gaz, row, province=False),
    )


def find_places(
    context: Context,
    texts: Iterable[Cells],
    county: Positions,
    wanted: NDArray[np.bool_],
    *,
    seats: bool = True,
) -> tuple[list[Placed | None], NDArray[np.int64]]:
    """Find the place that each wanted row names: by its texts in turn, then (``seats``) its county's seat.

    Returns
    -------
    The different places, and which of them each row has, -1 where none.
    """
    towns = context.towns
    places: list[Placed | None] = []
    which = np.full(len(county), -1, np.int64)
    known: dict[tuple[str, int], int] = {}
    columns = list(texts)
    for row in np.flatnonzero(wanted):
        best = -1
        for column in columns:
            if not column[row]:
                continue
            key = (str(column[row])[:LONGEST], int(county[row]))
            if key not in known:
                places.append(find_place(context, towns, *key))
                known[key] = len(places) - 1
            found = places[known[key]]
            if found is not None and (best < 0 or found.level > places[best].level):  # type: ignore[union-attr]
                best = known[key]
            if found is not None and found.level == SETTLEMENT:
                break
        if best < 0 and seats and county[row] >= 0:
            key = ("", int(county[row]))
            if key not in known:
                places.append(seat(context, int(county[row])))
                known[key] = len(places) - 1
            best = known[key] if places[known[key]] is not None else -1
        which[row] = best
    return places, which
