"""What all sheets of a process share: world, results, outlines, cells, roads and the font, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from ...coverage.measures import by_unit
from ...geodata.errors import InputError, Problem
from .. import layers, style, words
from ..fonts import derive_font
from ..roads import MainRoads, main_roads

if TYPE_CHECKING:
    import pandas as pd

    from ...geodata.layers import Kind
    from ...scenarios.run import Result
    from ...scenarios.world import World
    from ..public import Release

Level = Literal["省", "市", "县"]
Made = TypeVar("Made")

_MOST_KEPT = 64
"""Derived shapes that are kept; a batch asks for those of one unit after another."""


@dataclass(frozen=True)
class Place:
    """The unit that a sheet shows."""

    level: Level
    code: str
    name: str
    city: str
    """Name of the city that a county is part of, else ""."""
    shape: Any
    """(Multi)polygon in metres of the projection."""
    counties: NDArray[np.bool_]
    """(n,) which of ``Units.counties`` it consists of."""
    codes: frozenset[str]
    """Codes of these counties."""

    @property
    def word(self) -> str:
        """全省, 全市 or 全县, as tables call the unit."""
        return {"省": "全省", "市": "全市", "县": "全区" if self.name.endswith("区") else "全县"}[self.level]


@dataclass(frozen=True)
class Ground:
    """World and results, and what is derived from them when a sheet first asks for it."""

    world: World
    results: tuple[Result, ...]
    """The baseline first. For a public release both are what `public.for_public` made."""
    release: Release | None = None
    """Internal use, or the number of the review; None is internal."""
    date: str = ""
    """Date of the map as it shall be printed; nothing is printed where it is empty."""
    fonts: Path | None = None
    """Cache folder of the derived font, by default one of the user's."""
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def public(self) -> bool:
        """Tell whether the sheets may be shown to everybody."""
        return self.release is not None and self.release.public

    @property
    def stamp(self) -> str:
        """What stands at the lower left: 内部使用 不得公开, or the number of the review."""
        return style.STAMP if self.release is None else self.release.stamp

    def result(self, name: str) -> Result:
        """Return the result of a name.

        Raises
        ------
        InputError
            There is none.
        """
        for each in self.results:
            if each.name == name:
                return each
        names = "、".join(each.name for each in self.results)
        raise InputError(Problem("图纸", "没有这个方案的结果", name, f"可选: {names}"))

    def place(self, code: str) -> Place:
        """Look up the province (""), a city or a county by its code.

        Raises
        ------
        InputError
            There is no such unit.
        """
        units, outline = self.world.units, self.outlines
        own = units.counties["code"].to_numpy(str)
        if code in {"", str(units.province["code"].iloc[0])}:
            name = str(units.province["name"].iloc[0])
            whole = np.ones(len(own), bool)
            return Place(
                "省", str(units.province["code"].iloc[0]), name, "", outline.province, whole, frozenset(own)
            )
        city = np.flatnonzero(units.cities["code"].to_numpy(str) == code)
        if len(city):
            inside = units.counties["city_code"].to_numpy(str) == code
            name, shape = str(units.cities["name"].iloc[city[0]]), outline.cities[city[0]]
            return Place("市", code, name, "", shape, inside, frozenset(own[inside]))
        county = np.flatnonzero(own == code)
        if not len(county):
            raise InputError(Problem("图纸", "没有这个市或县", code, "请用六位行政区划代码"))
        row = units.counties.iloc[county[0]]
        shape = outline.counties[county[0]]
        return Place(
            "县", code, str(row["name"]), str(row["city_name"]), shape, own == code, frozenset({code})
        )

    @cached_property
    def outlines(self) -> layers.Outlines:
        """Boundaries in the maps' metres."""
        return layers.outlines(self.world.units)

    @cached_property
    def borders(self) -> tuple[Any, Any, Any]:
        """Borders of counties, cities and the province as lines, each stretch once."""
        whole = np.array([self.outlines.province], object)
        levels = (self.outlines.counties, self.outlines.cities, whole)
        made = [shapely.line_merge(shapely.union_all(shapely.boundary(units))) for units in levels]
        return made[0], made[1], made[2]

    @cached_property
    def cells(self) -> layers.Geometries:
        """Polygon of each cell of the residents, metres."""
        return layers.cell_areas(self.world.demand, self.outlines.province)

    @cached_property
    def centres(self) -> NDArray[np.float64]:
        """(n, 2) centres of the cells, metres."""
        return layers.project(self.world.demand.lon, self.world.demand.lat)

    @cached_property
    def spots(self) -> NDArray[np.float64]:
        """(n, 2) the places of the gazetteer, metres."""
        gaz = self.world.gazetteer
        return layers.project(np.asarray(gaz.lon), np.asarray(gaz.lat))

    @cached_property
    def nodes(self) -> NDArray[np.float64]:
        """(n, 2) nodes of the road network, metres."""
        network = self.world.network
        return layers.project(np.asarray(network.lon), np.asarray(network.lat))

    @cached_property
    def font(self) -> Path:
        """The font that can write every name of the world and its results."""
        return derive_font(self._names(), folder=self.fonts)

    def roads(self, place: Place) -> MainRoads:
        """Return the roads that a map of a place can carry."""
        if self.world.network.shapes is None:  # straight links: the same for every scale
            return self.keep("roads", lambda: main_roads(self.world.network, province=self.outlines.province))
        made = lambda: main_roads(self.world.network, province=place.shape)  # noqa: E731 (a name for one line)
        return self.keep(("roads", place.code), made)

    def keep(self, key: Any, make: Callable[[], Made]) -> Made:
        """Return what was made under a key before, or make it."""
        if key not in self._kept:
            while len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = make()
        found: Made = self._kept[key]
        return found

    def townships(self, result: Result, kind: Kind) -> pd.DataFrame:
        """Count the residents within each limit by township; approximate ones where the office has none."""
        world = self.world

        def make() -> pd.DataFrame:
            demand, cover = words.residents_of(world, result), result.covers[kind]
            places = {"gazetteer": world.gazetteer, "townships": world.townships}
            return by_unit(demand, cover, levels=("乡镇",), **places)  # type: ignore[arg-type]

        return self.keep(("townships", result.name, kind), make)

    def near(self, place: Place) -> NDArray[np.intp]:
        """Rows of the cells that touch a place, or may."""
        west, south, east, north = shapely.bounds(place.shape).tolist()
        x, y = self.centres.T
        edge = 3.0 * float(np.sqrt(np.max(self.world.demand.area_km2, initial=1.0))) * 1000
        across = (x > west - edge) & (x < east + edge)
        return np.flatnonzero(across & (y > south - edge) & (y < north + edge))

    def inside(self, place: Place) -> NDArray[np.bool_]:
        """Tell which cells count for a place."""
        demand = self.world.demand
        codes = np.asarray(demand.county_code).astype(str)
        members: NDArray[np.bool_] = np.isin(codes, sorted(place.codes))[demand.county]
        return members

    def _names(self) -> Iterator[str]:
        """All texts of the sheets that are not of this program."""
        units, gaz = self.world.units, self.world.gazetteer
        found = [units.province["name"], units.cities["name"], units.counties["name"], gaz.name]
        found.append(np.array([*self.world.network.roads[:2000], units.source, self.date]))
        if self.world.townships is not None:
            found.append(self.world.townships.table["name"])
        for result in self.results:
            found.append(np.array([result.title, *result.notes]))
            found += [gap[column] for gap in result.gaps.values() for column in ("name", "nearest_site")]
            for layer in result.layers.values():
                found += [
                    layer.table[name] for name in ("name", "host", "keeper", "phone", "stock", "source")
                ]
            found += [list(words.sources(self.world, result, kind)) for kind in result.covers]
            found += [result.done[name] for name in ("detail",) if name in result.done]
        return chain.from_iterable(map(str, column) for column in found)
