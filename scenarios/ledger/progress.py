"""Progress of a plan's targets from layers and registry: for the province, by city and by county."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from ...geodata.demand import Demand
from ...geodata.layers import KIND_NAMES, Layer
from ...geodata.types import load_types
from . import lights
from .lights import GREY, NOT_TRACKED, RED, REPORTED_ONLY, Standing, judge
from .stock import DIGITS, Counted, Stock, count, missing, stock_of, unit_codes, unit_names
from .targets import COLUMNS, HEADERS, NO_YEAR, TOTAL, Figure, Ledger, Reading, Target, bounds

if TYPE_CHECKING:
    from .allotments import Allotments  # which needs openpyxl

Level = Literal["市", "县"]

SHARED_OUT = "计划未分到各市各县, 只列数目"
NOT_BINDING = " (非硬指标)"
"""Behind the state of a target that was missed, but that the plan only strives for."""

UNIT_COLUMNS = [
    "id", "name", "kind", "resource", "year", "unit_level", "code", "city", "county", "planned", "unit",
    "built", "reached", "left", "light", "state",
]  # fmt: skip
UNIT_HEADERS = {**HEADERS, "unit_level": "层级", "code": "代码", "city": "设区市", "county": "县区"}
"""Columns of the tables by city and county, and their headers."""


@dataclass(frozen=True)
class _Ground:
    """What every figure is held against."""

    ledger: Ledger
    demand: Demand
    stocks: Mapping[str | None, Stock | None]
    as_of: int | None


def progress(
    ledger: Ledger,
    demand: Demand,
    layers: Mapping[Any, Layer],
    *,
    resources: Mapping[str, pd.DataFrame] | None = None,
    as_of: int | None = None,
) -> pd.DataFrame:
    """Hold layers and registry against the targets, for the province.

    Parameters
    ----------
    resources
        Further sites by type, such as ``World.resources``: columns id, county_code, level, status, year.
    as_of
        Year at which the lights are judged, see ``lights``.

    Returns
    -------
    pd.DataFrame
        One row per target, reading and year, then its total (year 合计): ``COLUMNS``. planned and planned_max
        differ where the text leaves a figure open, and are missing where it gives none; built, reached (with
        the planned sites of a scenario or the registry) and left are missing where nothing is recorded; left
        counts from reached; missing names the units without (enough) sites.
    """
    kinds = dict.fromkeys(target.kind for target in ledger.targets)
    stocks = {kind: stock_of(kind, layers, resources) for kind in kinds}
    ground = _Ground(ledger, demand, stocks, as_of)
    rows = [
        _shared(ledger, target, way) | _row(ground, target, way, span)
        for target in ledger.targets
        for way in target.ways()
        for span in spans(ledger, target, way)
    ]
    whole = dict.fromkeys(("planned", "planned_max", "built", "reached", "left"), "Int64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(whole)


def _shared(ledger: Ledger, target: Target, way: Reading) -> dict[str, Any]:
    return {
        "id": target.id,
        "name": target.name,
        **_resource(target),
        "scope": target.scope,
        "level": target.level,
        "comparator": target.comparator,
        "unit": target.unit,
        "binding": target.binding_in(),
        "reading": way.text,
        "ambiguity": target.ambiguity,
        "source": target.source or ledger.source,
        "missing": "",
    }


def _resource(target: Target) -> dict[str, str]:
    """Name what counts: the layer, where it is one that coverage is computed for, and the type in Chinese."""
    title = "" if target.kind is None else load_types()[target.kind].title
    return {"kind": target.kind if target.kind in KIND_NAMES else "", "resource": title}


def spans(
    ledger: Ledger, target: Target, way: Reading
) -> list[tuple[str, tuple[int, ...], Figure | None, int]]:
    """List the figures of a reading: label, years that count, figure, year at whose end it is due."""
    years = sorted(way.years)
    found: list[tuple[str, tuple[int, ...], Figure | None, int]]
    found = [(str(year), (year,), way.years[year], year) for year in years]
    repeats = target.measure == "units" and len(years) == 1 and way.total == way.years[years[0]]
    if not years:
        found.append((NO_YEAR, (), way.total, ledger.last))
    elif way.total is not None and not repeats:
        found.append((TOTAL, tuple(years), way.total, years[-1]))
    return found


def _row(
    ground: _Ground, target: Target, way: Reading, span: tuple[str, tuple[int, ...], Figure | None, int]
) -> dict[str, Any]:
    """Hold one figure of a reading against the stock."""
    label, years, figure, due = span
    least, most = bounds(figure)
    row: dict[str, Any] = {"year": label, "planned": least, "planned_max": most}
    year = int(label) if label.isdecimal() else None
    if year is not None:
        row["comparator"] = target.comparators.get(year, target.comparator)
        row["binding"] = target.binding_in(year)
    stock = ground.stocks[target.kind]
    if stock is None:
        return row | {"light": GREY, "state": REPORTED_ONLY if target.kind is None else NOT_TRACKED}
    found = count(target, stock, years, ground.demand, digits=0).of("")
    taken = _taken(ground, way.apart_from, years, stock)
    built, reached = max(0, found.built - taken[0]), max(0, found.reached - taken[1])
    aside = _aside(target, found)
    standing = Standing(least, most, target.unit, built, reached, found.undated, _why(target), aside=aside)
    light, state = judge(standing, due=due, as_of=ground.as_of)
    if light == RED and target.is_soft(year):
        state += NOT_BINDING
    if target.measure == "units" and least is not None:
        row["missing"] = "、".join(missing(target, stock, years, ground.demand))
    left = None if least is None else max(0, least - reached)
    return row | {"built": built, "reached": reached, "left": left, "light": light, "state": state}


def _taken(ground: _Ground, other: str | None, years: Sequence[int], stock: Stock) -> tuple[int, int]:
    """Count the sites that meet another target of the same years, at most as many as it asks for."""
    target = None if other is None else ground.ledger.target(other)
    if target is None:
        return 0, 0
    found = count(target, stock, years, ground.demand, digits=0).of("")
    asked = sum(bounds(target.ways()[0].years.get(year))[0] or 0 for year in years)
    return min(found.built, asked), min(found.reached, asked)


def _why(target: Target) -> str:
    """Say what is not known of the sites that may yet count."""
    return "未写年份或级别对应不明" if target.is_level_unclear else "未写年份"


def _aside(target: Target, found: Counted) -> str:
    """Tell which sites of the years do not count for their level, and which units rest on undated ones."""
    texts = []
    if found.other_level:
        texts.append(f"另有 {found.other_level} {target.unit}的级别不在计入之列")
    if found.rest_undated:
        texts.append(f"其中 {found.rest_undated} {target.unit}只有未写年份的站点")
    return "; ".join(texts)


def by_unit(
    ledger: Ledger,
    demand: Demand,
    layers: Mapping[Any, Layer],
    *,
    level: Level,
    resources: Mapping[str, pd.DataFrame] | None = None,
    as_of: int | None = None,
    allotments: Allotments | None = None,
) -> pd.DataFrame:
    """Hold layers and registry against the targets, by city or county.

    A unit has a figure only where the plan's text gives one (every city, every county) or the office has
    entered it (``allotments``, cities only); elsewhere the numbers stand without one, and without a light.

    Returns
    -------
    pd.DataFrame
        One row per target, year and unit: ``UNIT_COLUMNS``; targets that only cities report are left out.
    """
    digits, names = DIGITS[level], unit_names(demand)
    rows: list[dict[str, Any]] = []
    for target in ledger.targets:
        stock = stock_of(target.kind, layers, resources)
        if target.kind is None or target.sum_of:
            continue
        way = target.ways()[0]  # readings differ in the province's figures, not in what is there
        for label, years, _, due in spans(ledger, target, way):
            found = None if stock is None else count(target, stock, years, demand, digits=digits)
            for code in unit_codes(demand, digits):
                asked = figure_of(target, label, code, demand, allotments)
                row = {
                    "id": target.id, "name": target.name, **_resource(target), "year": label,
                    "unit_level": level, "code": code.ljust(6, "0"), "city": names[code][0],
                    "county": names[code][1], "unit": target.unit, "planned": asked,
                }  # fmt: skip
                standing = None if found is None else _standing(target, asked, found.of(code))
                rows.append(row | _judged(standing, due, as_of))
    whole = dict.fromkeys(("planned", "built", "reached", "left"), "Int64")
    return pd.DataFrame(rows, columns=UNIT_COLUMNS).astype(whole)


def figure_of(
    target: Target, label: str, code: str, demand: Demand, allotments: Allotments | None
) -> int | None:
    """Return what is asked of one city (four digits) or county (six); None where nothing is published."""
    if target.measure == "units" and (target.total is not None or target.years):
        digits = DIGITS[target.scope]
        if len(code) <= digits:
            return target.each * sum(unit.startswith(code) for unit in unit_codes(demand, digits))
        return None
    if allotments is not None and len(code) == 4 and label.isdecimal():
        return allotments.of(target.id, int(label), unit_names(demand)[code][0])
    return None


def _standing(target: Target, asked: int | None, found: Counted) -> Standing:
    aside = _aside(target, found)
    return Standing(asked, asked, target.unit, *found[:3], _why(target), aside=aside)


def _judged(standing: Standing | None, due: int, as_of: int | None) -> dict[str, Any]:
    """Make light, state and numbers of a unit's row."""
    if standing is None:
        return {"light": GREY, "state": NOT_TRACKED}
    left = None if standing.least is None else max(0, standing.least - standing.reached)
    light, state = judge(standing, due=due, as_of=as_of) if standing.least is not None else ("", SHARED_OUT)
    if standing.least is None and standing.undated:
        state += f" (另有 {standing.undated} {standing.unit}{standing.why})"
    return {
        "built": standing.built,
        "reached": standing.reached,
        "left": left,
        "light": light,
        "state": state,
    }


def tally(table: pd.DataFrame, *, names: Iterable[str] = lights.COLOURS) -> dict[str, int]:
    """Count the rows of each light."""
    found = table["light"].value_counts()
    return {name: int(found.get(name, 0)) for name in names}
