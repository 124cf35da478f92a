"""Which sheets a batch draws: areas, layers, themes and scenarios, as a user asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from ...geodata.errors import InputError, Problem
from ...geodata.layers import KIND_NAMES, Kind, shown_kinds

if TYPE_CHECKING:
    from ...geodata.gazetteer import Gazetteer
    from ...maps.sheets.job import Format, Job, Size, Theme
    from ...scenarios.run import Result

Level = Literal["省", "市", "县"]
LEVELS: tuple[Level, ...] = get_args(Level)


class Unit(NamedTuple):
    """An area that a sheet may show."""

    level: Level
    code: str
    """"" for the province."""
    name: str
    city: str
    """Of a county the city that it belongs to."""


@dataclass(frozen=True)
class Wanted:
    """What the user asks for; empty is what is usual."""

    of: tuple[str, ...] = ()
    """Levels: 省, 市, 县; by default 省, or none where units are named."""
    units: tuple[str, ...] = ()
    """Names or codes of cities and counties, besides ``of``."""
    themes: tuple[Theme, ...] = ("layer",)
    kinds: tuple[Kind, ...] = ()
    """By default all layers that are shown."""
    scenarios: tuple[str, ...] = ()
    """Names; by default the baseline for layers and gaps, every other for scenarios and comparisons."""
    size: Size = "A3"
    formats: tuple[Format, ...] = ("png", "pdf")


def units_of(root: Path) -> list[Unit]:
    """List the areas of a workspace: the province, its cities, its counties, by code."""
    from ...geodata import gazetteer  # noqa: PLC0415 (slow to import)

    return units_in(gazetteer.load(root / "gazetteer"))


def units_in(gaz: Gazetteer) -> list[Unit]:
    """List the areas that a gazetteer knows; a city's code is that of its counties, to the fourth digit."""
    counties = [
        Unit("县", str(code), str(name), str(city))
        for code, name, city in zip(gaz.county_code, gaz.county_name, gaz.city_name, strict=True)
    ]
    cities = {f"{each.code[:4]}00": each.city for each in counties}
    whole = [Unit("省", "", str(gaz.name[0]), "")]
    return [*whole, *(Unit("市", code, name, name) for code, name in sorted(cities.items())), *counties]


def make_jobs(wanted: Wanted, units: Sequence[Unit], results: Sequence[Result], gaz: Gazetteer) -> list[Job]:
    """List the sheets that are wanted, each once: by area, then layer, theme and scenario.

    Parameters
    ----------
    results
        The baseline first.

    Raises
    ------
    InputError
        With every level, unit, layer and theme that does not exist, and where a scenario is needed.
    """
    from ...maps.sheets.job import Job  # noqa: PLC0415 (numpy is slow to import)

    areas = _areas(wanted, units, gaz)
    shown = shown_kinds(result.layers for result in results)
    kinds = [kind for kind in KIND_NAMES if kind in wanted.kinds] if wanted.kinds else shown
    if not kinds:
        raise InputError(Problem("--kind", "工作区里没有要画的图层"))
    return [
        Job(theme, kind, name, area.code, wanted.size, wanted.formats, area.name)
        for area in areas
        for kind in kinds
        for theme in wanted.themes
        for name in _scenarios(theme, wanted, results)
    ]


def _scenarios(theme: Theme, wanted: Wanted, results: Sequence[Result]) -> list[str]:
    """Name the results that a theme is drawn of."""
    names = [result.name for result in results]
    chosen = [name for name in names if name in wanted.scenarios]
    if theme in ("layer", "gaps"):
        return chosen or names[:1]
    others = [name for name in chosen or names if name != names[0]]
    if not others:
        fix = "请用 --scenario 指明, 例如 --scenario plan_2022_2024"
        raise InputError(Problem("--theme", "方案图和对比图需要一个方案", fix=fix))
    return others


def _areas(wanted: Wanted, units: Sequence[Unit], gaz: Gazetteer) -> list[Unit]:
    """List the areas that are asked for, each once, in the order of all."""
    problems = [
        Problem("--of", "没有这一级", level[:20], f"可选: {'、'.join(LEVELS)}")
        for level in wanted.of
        if level not in LEVELS
    ]
    levels = wanted.of or (() if wanted.units else ("省",))
    chosen = {unit.code for unit in units if unit.level in levels}
    for text in wanted.units:
        try:
            chosen.add(_find(text, units, gaz))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return [unit for unit in units if unit.code in chosen]


def _find(text: str, units: Iterable[Unit], gaz: Gazetteer) -> str:
    """Find the code of a unit by its code or by its name as people write it; raises ``InputError``."""
    from ...geodata.gazetteer import find  # noqa: PLC0415 (slow to import)
    from ...geodata.names import CITY, COUNTY, PROVINCE  # noqa: PLC0415

    asked = text.strip()
    if asked in ("全省", f"{str(gaz.county_code[0])[:2]}0000"):
        return ""
    for unit in units:
        if asked and asked == unit.code:
            return unit.code
    try:
        place = find(gaz, asked)
    except InputError as error:
        raise InputError(
            [Problem("--unit", one.what, text[:40], one.fix) for one in error.problems]
        ) from None
    if place.level == PROVINCE:
        return ""
    if place.level == COUNTY:
        return str(gaz.county_code[place.county])
    if place.level == CITY:
        return next(unit.code for unit in units if unit.level == "市" and unit.name == place.name)
    fix = "应是设区市或县区, 例如 南昌市、修水县"
    raise InputError(Problem("--unit", "不是设区市或县区", place.full_name, fix))
