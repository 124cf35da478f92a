"""Equity: how evenly residents share travel and supply, and who is left behind.

Three variables (measured by `inequality`): the cost to the nearest site, of the residents who reach any; the
supply per resident (see `floating`); and the share of each county within the main limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from .floating import Accessibility, access_by_cell
from .inequality import Curve, Theil, between_parts, gini_of, lorenz, percent_text, quantiles, theil, thinned
from .measures import Cover
from .people import GROUPS, Group, people
from .standards import Standard
from .zones import Zones, share_of, sum_counties, sum_over, whole_over, zones_of

VARIABLES = {"cost": "到最近站点的路程", "access": "人均可得供给", "cover": "各县覆盖率"}
"""Chinese names of the variables."""

ASSUMED = (
    "城镇、乡村居民在县内的位置由模型分配, 60岁、65岁以上居民按县内全体居民的比例分配(假设, 可信度C); "
    "老年人与全体居民的差别只反映各县年龄构成的不同"
)
"""What must stand beside every figure for a group."""


@dataclass(frozen=True)
class Equity:
    """The tables of `equity_tables`; their columns are listed there."""

    summary: pd.DataFrame
    lorenz: pd.DataFrame
    theil: pd.DataFrame
    units: pd.DataFrame
    groups: pd.DataFrame
    urban_rural: pd.DataFrame
    notes: tuple[str, ...]
    """Assumptions, in Chinese."""


def equity_tables(
    demand: Demand,
    cover: Cover,
    access: Accessibility | None = None,
    *,
    group: Group = "all",
    among_all: Accessibility | None = None,
) -> Equity:
    """Measure how evenly a layer serves the residents.

    Parameters
    ----------
    cover
        Of the layer, as `measures.cover_layer` returns it.
    access
        Of the same layer, from `floating`; None leaves the variable ``access`` out.
    group
        Whose distribution summary, lorenz, theil and units describe. For the supply among the 65-year-olds
        as a demand of their own, give an ``access`` that was shared among them alone.
    among_all
        The supply shared among all residents, for ``groups``, which compares them; by default ``access``.

    Returns
    -------
    Equity
        summary: variable, variable_text, unit, residents (who are counted), left_out (whole residents who
        reach nothing and are not counted), mean, gini, theil, between_share (of theil, between cities),
        top_tenth (share of the whole that the tenth with the most has), bottom_half, nothing_share (of the
        residents, with 0), text. ``mean`` is in minutes or metres, supply per 10 000 residents, or a share.

        lorenz: variable, variable_text, people_share, value_share (`thinned`).

        theil: variable, variable_text, level (市 or 县), units, theil, between, within, between_share, text.

        units: level, code, name, city, variable, variable_text, people_share, value_share, mean, theil
        (inside the unit), within_part, between_part (they add up to within and between).

        groups: see `by_group`. urban_rural: see `urban_rural`.
    """
    spreads = _spreads(demand, cover, access, group)
    zones = {level: zones_of(demand, level) for level in ("市", "县")}
    curves = {each.name: lorenz(each.value, each.weight) for each in spreads}
    apart = [(each, level, _apart(demand, each, zones[level])) for each in spreads for level in each.levels]
    between = {each.name: found for each, level, found in apart if level == "市"}
    groups = by_group(demand, cover, access if among_all is None else among_all)
    return Equity(
        pd.DataFrame([_summary(each, curves[each.name], between[each.name]) for each in spreads]),
        pd.concat([_lorenz_rows(each, curves[each.name]) for each in spreads], ignore_index=True),
        pd.DataFrame([_theil_row(each, zones[level], found) for each, level, found in apart]),
        pd.concat([_unit_rows(each, zones[level], found) for each, level, found in apart], ignore_index=True),
        groups,
        urban_rural(groups),
        _notes(cover.standard, group),
    )


def by_group(demand: Demand, cover: Cover, access: Accessibility | None = None) -> pd.DataFrame:
    """Compare all, urban, rural and elderly residents in the province and in every city.

    Served residents are whole: those of all are the headline figures of `measures.by_unit`, urban and rural
    ones add up to them, and 65+ <= 60+ <= all; cities add up to the province.

    Returns
    -------
    pd.DataFrame
        One row per unit (省, 市) and group: level, code, name, city, group, group_text, residents, served
        (within the main limit), share (NaN without residents), p50, p90 (seconds or metres from the nearest
        site within which half and 90 % are; inf: too few reach any), p50_text, p90_text, per_10k (mean supply
        per 10 000 residents; NaN without ``access``).
    """
    score = np.full(len(demand.cell), np.nan) if access is None else access_by_cell(access, len(demand.cell))
    served = _served_by_county(demand, cover)
    order = np.argsort(cover.cost, kind="stable")
    tables = []
    for zones in (zones_of(demand, "省"), zones_of(demand, "市")):
        own = [_group_rows(demand, cover, zones, group, order) for group in GROUPS]
        for group, table in zip(GROUPS, own, strict=True):
            weight = people(demand, group)
            table["served"] = sum_counties(demand, zones, served[group]).astype(np.int64)
            table["per_10k"] = share_of(sum_over(zones, weight * score), sum_over(zones, weight)) * 10_000
        tables.append(pd.concat(own).sort_index(kind="stable"))  # by unit, then in the order of the groups
    return pd.concat(tables, ignore_index=True)[_GROUP_COLUMNS]


def urban_rural(groups: pd.DataFrame) -> pd.DataFrame:
    """Set urban and rural residents of a table of `by_group` side by side.

    Returns
    -------
    pd.DataFrame
        level, code, name, city, urban_residents, urban_served, urban_share, rural_residents, rural_served,
        rural_share, gap_points (urban less rural share, in percentage points; NaN where one has no
        residents), text (Chinese).
    """
    unit, figures = ["level", "code", "name", "city"], ["residents", "served", "share"]
    sides = [groups[groups["group"] == side].reset_index(drop=True) for side in ("urban", "rural")]
    table = sides[0][unit]
    for name, side in zip(("urban", "rural"), sides, strict=True):
        table = table.assign(**{f"{name}_{figure}": side[figure] for figure in figures})
    table = table.assign(gap_points=(table["urban_share"] - table["rural_share"]) * 100)
    shares = table[["urban_share", "rural_share"]].to_numpy(float).tolist()
    return table.assign(text=[_gap_text(*each) for each in shares])


_GROUP_COLUMNS = [
    "level", "code", "name", "city", "group", "group_text", "residents", "served", "share",
    "p50", "p50_text", "p90", "p90_text", "per_10k",
]  # fmt: skip


def _group_rows(
    demand: Demand, cover: Cover, zones: Zones, group: Group, order: NDArray[np.intp]
) -> pd.DataFrame:
    """Describe the cover of one group by zone; ``order`` sorts the cells by cost."""
    weight = people(demand, group).astype(np.float64)
    residents = sum_over(zones, weight)
    half, most = _quantiles_by_zone(cover, weight, zones, order)
    return zones.units.assign(
        group=group,
        group_text=GROUPS[group],
        residents=np.rint(residents).astype(np.int64),
        share=share_of(sum_over(zones, weight * cover.main_share), residents),
        p50=half,
        p50_text=[_cost_text(cover.standard, cost) for cost in half],
        p90=most,
        p90_text=[_cost_text(cover.standard, cost) for cost in most],
    )


class _Spread(NamedTuple):
    """A variable as it is spread over residents."""

    name: str
    unit: str
    scale: float
    """From the variable to ``unit``."""
    value: NDArray[np.float64]
    weight: NDArray[np.float64]
    county: NDArray[np.integer[Any]]
    left_out: int
    levels: tuple[str, ...]


def _spreads(demand: Demand, cover: Cover, access: Accessibility | None, group: Group) -> list[_Spread]:
    who = people(demand, group).astype(np.float64)
    found = [_cost_spread(demand, cover, who)]
    if access is not None:
        found.append(_access_spread(demand, access, who))
    return [*found, _cover_spread(demand, cover, who)]


def _cost_spread(demand: Demand, cover: Cover, who: NDArray[np.float64]) -> _Spread:
    reach = np.isfinite(cover.cost)
    scale = 1 / 60 if cover.standard.mode == "drive" else 1.0
    value = cover.cost[reach].astype(np.float64)
    left_out = round(float(who[~reach].sum()))
    return _Spread(
        "cost", cover.standard.unit, scale, value, who[reach], demand.county[reach], left_out, ("市", "县")
    )


def _access_spread(demand: Demand, access: Accessibility, who: NDArray[np.float64]) -> _Spread:
    """Take the rows as they are, and the residents of a cell who are in no row with nothing."""
    matrix = access.matrix
    inside = np.bincount(matrix.cell, weights=matrix.part, minlength=len(who))
    rest = who * np.where(inside < 1 - 1e-9, 1 - inside, 0.0)
    value = np.concatenate([access.score, np.zeros(len(who))])
    weight = np.concatenate([matrix.weight(who), rest])
    county = np.concatenate([demand.county[matrix.cell], demand.county])
    return _Spread("access", "每万居民", 10_000.0, value, weight, county, 0, ("市", "县"))


def _cover_spread(demand: Demand, cover: Cover, who: NDArray[np.float64]) -> _Spread:
    n = len(demand.county_code)
    weight = np.bincount(demand.county, weights=who, minlength=n).astype(np.float64)
    served = np.bincount(demand.county, weights=who * cover.main_share, minlength=n).astype(np.float64)
    share = np.nan_to_num(share_of(served, weight))  # a county without residents counts 0 times
    return _Spread("cover", "比例", 1.0, share, weight, np.arange(n), 0, ("市",))


def _apart(demand: Demand, spread: _Spread, zones: Zones) -> Theil:
    zone = np.zeros(len(demand.county_code), np.int32)  # a county without cells has no residents
    zone[demand.county] = zones.member
    return theil(spread.value, spread.weight, zone[spread.county], len(zones))


def _summary(spread: _Spread, curve: Curve, parts: Theil) -> dict[str, Any]:
    total = float(spread.weight.sum())
    mean = float(spread.value @ spread.weight) / total * spread.scale if total else float("nan")
    low, high = (float(np.interp(at, *curve)) if len(curve.people) else float("nan") for at in (0.5, 0.9))
    figures = {
        "residents": round(total),
        "left_out": spread.left_out,
        "mean": mean,
        "gini": gini_of(curve),
        "theil": parts.total,
        "between_share": parts.between / parts.total if parts.total else float("nan"),
        "top_tenth": 1.0 - high,
        "bottom_half": low,
        "nothing_share": float(spread.weight[spread.value == 0].sum()) / total if total else float("nan"),
    }
    named = {"variable": spread.name, "variable_text": VARIABLES[spread.name], "unit": spread.unit}
    return {**named, **figures, "text": _summary_text(spread.name, figures)}


_TELL = {
    "cost": "路程最远的一成居民占全部路程的{top_tenth}, 最近的一半居民只占{bottom_half}",
    "access": "最好的一成居民占有可得供给的{top_tenth}, 最差的一半居民只有{bottom_half}, {nothing}",
    "cover": "覆盖最好的县里, 一成居民占被覆盖居民的{top_tenth}; 最差的县里, 一半居民占{bottom_half}",
}
_NOTHING = {
    "cost": "所有居民都在站点旁, 路程为0, 基尼系数没有意义",
    "access": "没有居民够得着任何供给, 基尼系数没有意义",
    "cover": "没有居民被覆盖, 基尼系数没有意义",
}


def _summary_text(name: str, found: dict[str, Any]) -> str:
    left = f"; 另有{found['left_out']}名居民无法到达任何站点, 未计入" if found["left_out"] else ""
    if not found["residents"]:
        return f"没有可计算的居民{left}"
    if np.isnan(found["gini"]):
        return f"{_NOTHING[name]}{left}"
    if found["theil"] == 0:
        return f"所有居民相同, 没有差异(基尼系数0){left}"
    shares = {each: percent_text(found[each]) for each in ("top_tenth", "bottom_half")}
    nothing = (
        f"{percent_text(found['nothing_share'])}的居民够不着" if found["nothing_share"] else "人人够得着"
    )
    told = _TELL[name].format(**shares, nothing=nothing)
    return f"{told}; 基尼系数{found['gini']:.2f}(0为人人相同, 越接近1越不均){left}"


def _theil_row(spread: _Spread, zones: Zones, found: Theil) -> dict[str, Any]:
    units = int(np.count_nonzero(found.people_share > 0))
    share = found.between / found.total if found.total else float("nan")
    return {
        "variable": spread.name,
        "variable_text": VARIABLES[spread.name],
        "level": zones.level,
        "units": units,
        "theil": found.total,
        "between": found.between,
        "within": found.within,
        "between_share": share,
        "text": _theil_text(zones.level, units, found.total, share),
    }


def _theil_text(level: str, units: int, total: float, share: float) -> str:
    name = {"市": "设区市", "县": "县(市、区)"}[level]
    if np.isnan(total):
        return "无法计算"
    if total == 0:
        return "没有差异"
    if units <= 1:
        return f"只有一个{name}, 差异全部在其内部"
    return f"差异的{percent_text(share)}来自{name}之间, {percent_text(1 - share)}来自{name}内部"


def _unit_rows(spread: _Spread, zones: Zones, found: Theil) -> pd.DataFrame:
    return zones.units.assign(
        variable=spread.name,
        variable_text=VARIABLES[spread.name],
        people_share=found.people_share,
        value_share=found.value_share,
        mean=found.mean * spread.scale,
        theil=found.own,
        within_part=found.value_share * np.nan_to_num(found.own),
        between_part=between_parts(found.people_share, found.value_share),
    )


def _lorenz_rows(spread: _Spread, curve: Curve) -> pd.DataFrame:
    points = thinned(curve)
    named = {"variable": spread.name, "variable_text": VARIABLES[spread.name]}
    return pd.DataFrame({"people_share": points.people, "value_share": points.value}).assign(**named)[
        ["variable", "variable_text", "people_share", "value_share"]
    ]


def _served_by_county(demand: Demand, cover: Cover) -> dict[Group, NDArray[np.int64]]:
    """Count the residents of each county and group within the main limit, whole and without contradiction."""
    counties, share = zones_of(demand, "县"), cover.main_share
    within = demand.residents[:, None] * cover.share
    served = whole_over(demand, counties, within)[:, cover.standard.main_index]
    parts = np.column_stack([demand.urban * share, demand.age_60 * share, demand.age_65 * share])
    urban, age_60, age_65 = whole_over(demand, counties, parts, monotone=False).T
    town, country = (
        np.ceil(np.round(sum_over(counties, people(demand, group) * share), 6)).astype(np.int64)
        for group in ("urban", "rural")
    )
    urban = np.clip(np.clip(urban, served - country, town), 0, served)
    age_60 = np.minimum(age_60, served)
    age_65 = np.minimum(age_65, age_60)
    return {"all": served, "urban": urban, "rural": served - urban, "age_60": age_60, "age_65": age_65}


def _quantiles_by_zone(
    cover: Cover, weight: NDArray[np.float64], zones: Zones, order: NDArray[np.intp]
) -> tuple[list[float], list[float]]:
    """Find the costs within which half and 90 % of each zone's residents are."""
    member = zones.member[order]
    found = []
    for zone in range(len(zones.table)):
        own = order[member == zone]
        found.append(quantiles(cover.cost[own], weight[own], (0.5, 0.9)))
    return [each[0] for each in found], [each[1] for each in found]


def _cost_text(standard: Standard, cost: float) -> str:
    return "" if np.isnan(cost) else standard.cost_text_up(cost)


def _gap_text(urban: float, rural: float) -> str:
    if np.isnan(urban) or np.isnan(rural):
        return "城镇或乡村没有居民, 无法比较"
    told = f"城镇{percent_text(urban)}, 乡村{percent_text(rural)}"
    points = (urban - rural) * 100
    if round(abs(points), 1) == 0:
        return f"{told}, 没有差距"
    return f"{told}, 乡村{'低' if points > 0 else '高'}{abs(points):.1f}个百分点"


def _notes(standard: Standard, group: Group) -> tuple[str, ...]:
    who = "" if group == "all" else f"分布按{GROUPS[group]}居民计算"
    centre = "路程从网格中心算起, 可得供给按网格内的小格计算" if standard.mode == "walk" else ""
    return tuple(note for note in (ASSUMED, who, centre) if note)
