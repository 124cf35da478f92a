"""What there is of a target: sites of the right level, status and year, by province, city and county."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...geodata.demand import Demand
from ...geodata.layers import Layer
from .targets import Target

IN_SERVICE = ("", "已建")
PROPOSED = ("规划", "在建")
"""States of sites that count as a plan (方案): they are not there yet."""

DIGITS = {"省": 0, "设区市": 4, "县": 6, "医院": 0, "省市县": 0, "市": 4}
"""Leading digits of a county's code (GB/T 2260) that name a unit; 0: the province as a whole."""


@dataclass(frozen=True)
class Stock:
    """The sites of one resource type, as the ledger counts them, (n,) each."""

    code: NDArray[np.str_]
    """County codes; empty where none is stated."""
    level: NDArray[np.object_]
    year: NDArray[np.float64]
    built: NDArray[np.bool_]
    """Status 已建 or empty; the others are planned. Sites out of use (停用) are in no stock."""


def stock_of(
    kind: str | None, layers: Mapping[Any, Layer], resources: Mapping[str, pd.DataFrame] | None
) -> Stock | None:
    """Collect the sites of a type: those of its layer, then those of ``resources`` with another id.

    None where neither holds a single one: what nobody recorded is not counted as nought.
    """
    tables = [layers[kind].table] if kind in layers else []
    if resources is not None and kind is not None and kind in resources:
        more = resources[kind]
        tables.append(more[~more["id"].isin(tables[0]["id"])] if tables else more)
    names = ["county_code", "level", "year", "status"]
    rows = pd.concat([table[names].astype(object) for table in tables]) if tables else pd.DataFrame()
    if rows.empty:
        return None
    status = rows["status"].fillna("").astype(str)
    kept = status.isin([*IN_SERVICE, *PROPOSED])
    rows, status = rows[kept], status[kept]
    return Stock(
        rows["county_code"].fillna("").astype(str).to_numpy("<U6"),
        rows["level"].fillna("").astype(str).to_numpy(object),
        pd.to_numeric(rows["year"], errors="coerce").to_numpy(float),
        status.isin(IN_SERVICE).to_numpy(bool),
    )


def unplaced(stock: Stock, demand: Demand) -> int:
    """Count the sites whose county is unknown: they count for the province, and for no city or county."""
    return int((~np.isin(stock.code, unit_codes(demand, 6))).sum())


class Counted(NamedTuple):
    """What there is of a target in one unit, or in every unit as (n,) arrays."""

    built: Any
    reached: Any
    """With planned sites."""
    undated: Any
    """Built, of no year's addition, or of a level that may be meant."""
    other_level: Any
    """Built in the years, but of another level."""
    rest_undated: Any
    """Of coverage: what is reached by sites without a year alone."""


@dataclass(frozen=True)
class Counts:
    """What there is of a target, by unit."""

    codes: tuple[str, ...]
    columns: Counted

    def of(self, code: str) -> Counted:
        """Return the counts of one unit, "" for the province."""
        at = self.codes.index(code)
        return Counted(*(int(column[at]) for column in self.columns))


def count(
    target: Target,
    stock: Stock,
    years: Sequence[int],
    demand: Demand,
    *,
    digits: int,
    raw: bool = False,
) -> Counts:
    """Count what there is of a target by units of that many digits of the county code; 0: the province.

    Of coverage no unit counts more often than it needs, but where ``raw`` asks for the sites themselves.
    """
    level = np.full(len(stock.code), True) if target.levels is None else np.isin(stock.level, target.levels)
    other, none_dated = ~level, np.isnan(stock.year)
    if target.measure == "new":
        then, undated = np.isin(stock.year, years), level & stock.built & none_dated
        if target.is_level_unclear:
            undated, other = stock.built & (none_dated | (other & then)), np.zeros(len(level), bool)
    else:
        then = none_dated | (stock.year <= (max(years) if years else np.inf))
        undated = other = np.zeros(len(level), bool)
    capped = not raw and target.measure == "units" and digits <= DIGITS[target.scope]
    units = _Units(stock, demand, DIGITS[target.scope] if capped else digits, digits)
    each = target.each if capped else None
    there = level & then
    built = units.sum(there & stock.built, each)
    dated = units.sum(there & stock.built & ~none_dated, each)
    holds = target.measure == "units" and bool(years)
    columns = Counted(
        built,
        units.sum(there, each),
        units.sum(undated, None),
        units.sum(other & then & stock.built, None),
        built - dated if holds else np.zeros_like(built),
    )
    return Counts(units.codes, columns)


class _Units:
    """Sums rows of a stock by fine units, and those by coarse ones; unknown codes count for the province."""

    def __init__(self, stock: Stock, demand: Demand, fine: int, coarse: int) -> None:
        names = np.array(unit_codes(demand, fine))
        order = np.argsort(names)
        own = stock.code.astype(f"<U{fine}") if fine else np.zeros(len(stock.code), "<U1")
        at = order[np.minimum(np.searchsorted(names[order], own), len(names) - 1)]
        self._place = np.where(names[at] == own, at, -1)
        self.codes = tuple(unit_codes(demand, coarse))
        self._coarse = np.array([self.codes.index(name[:coarse]) for name in names.tolist()], np.int64)
        self._n = len(names)

    def sum(self, rows: NDArray[np.bool_], each: int | None) -> NDArray[np.int64]:
        """Count rows; with ``each`` at most so often in a fine unit."""
        found = np.bincount(self._place[rows & (self._place >= 0)], minlength=self._n)
        found = found if each is None else np.minimum(found, each)
        return np.bincount(self._coarse, weights=found, minlength=len(self.codes)).astype(np.int64)


def unit_codes(demand: Demand, digits: int) -> list[str]:
    """List the units of that many digits of the county code, in the order of the counties."""
    return list(dict.fromkeys(code[:digits] for code in np.asarray(demand.county_code).astype(str).tolist()))


def unit_names(demand: Demand) -> dict[str, tuple[str, str]]:
    """Name cities (four digits) and counties (six): city and county, the latter empty for a city."""
    names: dict[str, tuple[str, str]] = {}
    columns = (demand.county_code, demand.city_name, demand.county_name)
    for code, city, county in zip(*(np.asarray(each).astype(str).tolist() for each in columns), strict=True):
        names.setdefault(code[:4], (city, ""))
        names[code] = (city, county)
    return names


def missing(target: Target, stock: Stock | None, years: Sequence[int], demand: Demand) -> list[str]:
    """Name the units of a coverage target that have too few sites, planned ones counted; all for no stock."""
    digits, names = DIGITS[target.scope], unit_names(demand)
    codes = unit_codes(demand, digits)
    if stock is None:
        return [_name(names[code]) for code in codes]
    found = count(target, stock, years, demand, digits=digits)
    there = zip(found.codes, found.columns.reached.tolist(), strict=True)
    short = {code: target.each - n for code, n in there if n < target.each}
    if target.each == 1:
        return [_name(names[code]) for code in short]
    return [f"{_name(names[code])}(差{n})" for code, n in short.items()]


def _name(names: tuple[str, str]) -> str:
    return names[1] or names[0]
