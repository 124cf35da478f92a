"""Differences to the baseline by county or city: gains and losses kept apart, and what is done there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..coverage.zones import Zones, zones_of
from ..geodata.demand import Demand
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind, shown_kinds
from . import gains
from .compare import check_comparable
from .costs import PRICED
from .counts import actions_of, once_a_site
from .run import Result

HEADERS = {
    "scenario": "方案代码",
    "title": "方案",
    "kind": "图层",
    "layer": "图层名称",
    "limit_text": "上限",
    "level": "级别",
    "code": "代码",
    "name": "名称",
    "city": "设区市",
    "residents": "居民",
    "served_before": "基准覆盖居民",
    "served": "覆盖居民",
    "share_before": "基准覆盖比例",
    "share": "覆盖比例",
    "points": "比基准(百分点)",
    "gained": "新覆盖",
    "lost": "失去覆盖",
    "growth": "居民增减带来的覆盖",
    "change": "合计增减",
    "actions": "该地改动站点",
}
"""Columns of the differences and their Chinese headers."""

COLUMNS = list(HEADERS)


def differences(results: Sequence[Result], demand: Demand, *, by: str = "县") -> pd.DataFrame:
    """Compare scenarios with the first result, the baseline, unit by unit within the main limits.

    Parameters
    ----------
    demand
        Of the baseline: which county each cell belongs to.
    by
        省, 市 or 县.

    Returns
    -------
    pd.DataFrame
        ``COLUMNS``, one row per scenario (without the baseline), kind and unit, the largest ``change`` first,
        then by code. residents are those of the scenario; served and share before and after are those of the
        tables of the results; points, share after less share before. gained, lost and growth are those of
        `compare`, shared out to the counties by largest remainder: the counties add up to the city and to the
        province. change = gained - lost + growth; for driving it is served less served_before, on foot it may
        differ from it by the rounding of fractions, below one resident in each county and table. actions:
        sites in the unit that the scenario opens, closes, moves, resizes or re-times.

    Raises
    ------
    InputError
        The results cannot be compared, or the level is not known.
    """
    check_comparable(results)
    if by not in ("省", "市", "县"):
        raise InputError(Problem("--by", "应为 省、市、县 之一", by[:20]))
    kinds = shown_kinds(result.layers for result in results)
    counties, zones = zones_of(demand, "县"), zones_of(demand, by)
    tables = [
        _table(results[0], result, kind, counties, zones)
        for result in results[1:]
        for kind in kinds
        if kind in result.covers
    ]
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True)[COLUMNS] if filled else pd.DataFrame(columns=COLUMNS)


def changed(table: pd.DataFrame) -> pd.DataFrame:
    """Leave the units where anything changes."""
    rows: pd.DataFrame = table[(table[["gained", "lost", "growth", "actions"]] != 0).any(axis=1)]
    return rows.reset_index(drop=True)


def _table(base: Result, result: Result, kind: Kind, counties: Zones, zones: Zones) -> pd.DataFrame:
    """Make the rows of a layer of a scenario; none where the baseline does not know its main limit."""
    standard = result.covers[kind].standard
    change = gains.by_cell(base, result, kind, standard.main)
    if change is None:
        return pd.DataFrame(columns=COLUMNS)
    old, new = (_units(one, kind, standard.main) for one in (base, result))
    whole = gains.whole(change, _served(new) - _served(old))
    parts = gains.by_unit(change, whole, counties.member, len(counties))
    digits = {"省": 2, "市": 4, "县": 6}[zones.level]
    key = counties.table["code"].to_numpy(str).astype(f"<U{digits}")
    sums = parts.groupby(key).sum()
    before, after = (
        one[one["level"] == zones.level].set_index("code").loc[zones.table["code"]] for one in (old, new)
    )
    table = zones.units.assign(
        scenario=result.name,
        title=result.title,
        kind=kind,
        layer=KIND_NAMES[kind],
        limit_text=standard.limit_text(standard.main),
        residents=after["residents"].to_numpy(),
        served_before=before["served"].to_numpy(),
        served=after["served"].to_numpy(),
        share_before=before["share"].to_numpy(float),
        share=after["share"].to_numpy(float),
        points=100 * (after["share"].to_numpy(float) - before["share"].to_numpy(float)),
        **{name: sums[name].to_numpy() for name in sums.columns},
        actions=_actions(result, kind, sums.index.to_numpy(str)),
    )
    table = table.assign(change=table["gained"] - table["lost"] + table["growth"])
    return table.sort_values(["change", "code"], ascending=[False, True])


def _units(result: Result, kind: Kind, limit: int) -> pd.DataFrame:
    rows: pd.DataFrame = result.units[(result.units["kind"] == kind) & (result.units["limit"] == limit)]
    return rows


def _served(units: pd.DataFrame) -> int:
    return int(units.loc[units["level"] == "省", "served"].iloc[0])


def _actions(result: Result, kind: Kind, codes: np.ndarray[Any, Any]) -> list[int]:
    """Count the sites in units, by the beginning of their codes, that the actions on a layer touch."""
    table = once_a_site(actions_of(result))
    own = table[(table["kind"] == kind) & table["action"].isin(PRICED)]
    place = own["county_code"].to_numpy(str).astype(codes.dtype)
    return [int(own["sites"].to_numpy()[place == code].sum()) for code in codes.tolist()]
