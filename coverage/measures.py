"""Measures: how many residents are covered, by unit; second cover, density and administrative requirements.

Residents on foot are fractions of cells. They are rounded once, at the level of counties; cities and the
province are sums of counties, so tables add up exactly. Shares are made from the unrounded figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.layers import Kind, Layer
from ..geodata.network import Network
from . import reach
from .standards import Rule, Standard, load_rules

LEVELS = ("省", "市", "县")
"""Levels of the units, in the order of the rows of every table."""

_PROVINCES = {"36": "江西省"}


@dataclass(frozen=True)
class Cover:
    """How the sites of a layer cover n cells under a standard."""

    standard: Standard
    share: NDArray[np.float64]
    """(n, limits) share of the cell's residents within each limit, inclusive (drive: 0 or 1)."""
    nearest: NDArray[np.int32]
    """(n,) row of the nearest site, the lowest of equally near ones; -1 where there is none."""
    cost: NDArray[np.float32]
    """(n,) seconds or metres to the nearest site, inf where there is none."""

    @property
    def main_share(self) -> NDArray[np.float64]:
        """(n,) share within the main limit."""
        return self.share[:, self.standard.main_index]


def cover_layer(demand: Demand, network: Network, layer: Layer, standard: Standard) -> Cover:
    """Measure how the sites of a layer cover the residents; see `reach` for the rules.

    An empty layer covers nobody.
    """
    lon, lat = _lonlat(layer)
    if standard.mode == "walk":
        return Cover(standard, *reach.walk_reach(demand, lon, lat, standard))
    return Cover(standard, *reach.drive_reach(demand, network, lon, lat, standard))


def second_cover(demand: Demand, network: Network, layer: Layer, standard: Standard) -> Cover:
    """Measure the cover by the second nearest site: what is left when any one site fails (drive only).

    Raises
    ------
    ValueError
        The standard is one of walking.
    """
    if standard.mode == "walk":
        raise ValueError("the second cover is defined for driving")
    return Cover(standard, *reach.second_drive_reach(demand, network, *_lonlat(layer), standard))


def by_unit(demand: Demand, cover: Cover) -> pd.DataFrame:
    """Count residents within each limit by province, city and county.

    Returns
    -------
    pd.DataFrame
        One row per unit and limit: level (省, 市, 县), code, name, city, limit (seconds or metres),
        limit_text, residents, served (whole; counties sum to cities and to the province; never falls from a
        limit to the next), share (of the unrounded figures; NaN for a unit without residents).
    """
    served = np.column_stack(
        [_sum_counties(demand, demand.residents * cover.share[:, i]) for i in range(cover.share.shape[1])]
    )
    people = _sum_counties(demand, demand.residents)
    units = _units(demand)
    totals = units.matrix @ people
    exact, whole = units.matrix @ served, units.matrix @ _round_counties(served)
    tables = []
    for column, limit in enumerate(cover.standard.limits):
        table = units.table.assign(limit=limit, limit_text=cover.standard.limit_text(limit))
        table["residents"] = np.rint(totals).astype(np.int64)
        table["served"] = whole[:, column]
        table["share"] = _ratio(exact[:, column], totals)
        tables.append(table)
    order = np.arange(len(units.table) * len(tables)).reshape(len(tables), -1).T.ravel()
    return pd.concat(tables, ignore_index=True).iloc[order].reset_index(drop=True)


def percentile(demand: Demand, cover: Cover, *, quantile: float = 0.9) -> float:
    """Find the least cost within which a share of the residents is: "90 % are within X minutes".

    Returns
    -------
    float
        Seconds (drive) or metres from the centre of the cell (walk); inf where too few reach any site, NaN
        where there are no residents. With 1, 1 and 2 residents at 60, 120 and 180 s, the half is at 120 s.
    """
    weight = demand.residents
    if not weight.sum():
        return float("nan")
    order = np.argsort(cover.cost, kind="stable")
    reached = np.cumsum(weight[order])
    enough = int(np.searchsorted(reached, quantile * reached[-1], side="left"))
    return float(cover.cost[order[min(enough, len(order) - 1)]])


def density(demand: Demand, layer: Layer) -> pd.DataFrame:
    """Count sites per 10 000 residents by province, city and county.

    Returns
    -------
    pd.DataFrame
        level, code, name, city, residents, sites, per_10k (NaN for a unit without residents). Sites count in
        the county of their ``county_code``; those of another province in none.
    """
    units = _units(demand)
    sites = units.matrix @ _sites_by_county(demand, layer.table["county_code"])
    people = units.matrix @ _sum_counties(demand, demand.residents)
    table = units.table.assign(residents=np.rint(people).astype(np.int64), sites=sites.astype(np.int64))
    return table.assign(per_10k=_ratio(sites * 10_000.0, people))


def admin_failures(
    demand: Demand, layers: Mapping[Kind, Layer], rules: Sequence[Rule] | None = None
) -> pd.DataFrame:
    """List the units that fail an administrative requirement, such as a team in every county.

    Parameters
    ----------
    layers
        A kind that is missing counts as a layer without sites.
    rules
        By default those of ``tables/standards.yaml``.

    Returns
    -------
    pd.DataFrame
        rule (text in Chinese), kind, level (市 or 县), code, name, city, sites (found), minimum; one row per
        failing unit, in the order of the rules, then of the codes.
    """
    units = _units(demand)
    tables = []
    for rule in load_rules() if rules is None else rules:
        sites = units.matrix @ _sites_by_county(demand, _sites_that_count(layers.get(rule.kind), rule))
        failing = (units.table["level"] == rule.unit) & (sites < rule.minimum)
        table = units.table[failing].assign(sites=sites[failing].astype(np.int64), minimum=rule.minimum)
        table.insert(0, "kind", rule.kind)
        table.insert(0, "rule", rule.text)
        tables.append(table)
    columns = ["rule", "kind", "level", "code", "name", "city", "sites", "minimum"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


@dataclass(frozen=True)
class _Units:
    """Province, cities, counties as rows, and which counties each holds."""

    table: pd.DataFrame
    matrix: NDArray[np.int64]
    """(units, counties) 1 where the unit holds the county."""


def _units(demand: Demand) -> _Units:
    """List the units that the counties make up; GB/T 2260: four digits of the city, two of the province."""
    codes = np.asarray(demand.county_code).astype(str)
    tables, blocks = [], []
    for level, digits in zip(LEVELS, (2, 4, 6), strict=True):
        prefix = codes.astype(f"<U{digits}")
        unit, first, member = np.unique(prefix, return_index=True, return_inverse=True)
        blocks.append((np.arange(len(unit))[:, None] == member[None, :]).astype(np.int64))
        tables.append(_unit_rows(demand, level, unit, first))
    return _Units(pd.concat(tables, ignore_index=True), np.concatenate(blocks))


def _unit_rows(demand: Demand, level: str, unit: NDArray[np.str_], first: NDArray[np.intp]) -> pd.DataFrame:
    city = np.asarray(demand.city_name)[first].tolist()
    names = {
        "省": [_PROVINCES.get(code, "全省") for code in unit.tolist()],
        "市": city,
        "县": np.asarray(demand.county_name)[first].tolist(),
    }
    code = [text.ljust(6, "0") for text in unit.tolist()]
    return pd.DataFrame(
        {
            "level": level,
            "code": code,
            "name": names[level],
            "city": [""] * len(code) if level == "省" else city,
        }
    )


def _sum_counties(demand: Demand, amount: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sum an amount of the cells by county."""
    return np.bincount(demand.county, weights=amount, minlength=len(demand.county_code)).astype(np.float64)


def _round_counties(served: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round (counties, limits) of residents to whole ones by largest remainder, ties to the first.

    A county never falls from a limit to the next; where that asks for more residents than the rounded sum,
    the sum rises.
    """
    exact = np.round(served, 6)  # takes off the noise of summing fractions, far below one resident
    whole = np.floor(exact).astype(np.int64)
    for column in range(exact.shape[1]):
        if column:
            whole[:, column] = np.maximum(whole[:, column], whole[:, column - 1])
        left = int(np.rint(exact[:, column].sum())) - int(whole[:, column].sum())
        remainder = exact[:, column] - whole[:, column]
        order = np.argsort(-remainder, kind="stable")
        whole[order[: max(0, left)], column] += 1
    return whole


def _sites_by_county(demand: Demand, code: pd.Series[str]) -> NDArray[np.float64]:
    codes = np.asarray(demand.county_code).astype(str)
    return np.array(code.astype(str).value_counts().reindex(codes, fill_value=0), np.float64)


def _sites_that_count(layer: Layer | None, rule: Rule) -> pd.Series[str]:
    """Return the county codes of the sites that a rule counts."""
    if layer is None:
        return pd.Series([], dtype=str)
    counts = layer.table["level"].isin(rule.site_levels) if rule.site_levels else slice(None)
    codes: pd.Series[str] = layer.table.loc[counts, "county_code"]
    return codes


def _lonlat(layer: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return layer.table["lon"].to_numpy(np.float64), layer.table["lat"].to_numpy(np.float64)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(len(part), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
