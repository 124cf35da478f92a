"""Hub-and-spoke resupply: what counties get from their own stores, the hubs of their city and the province.

The plan's hierarchy is 省级为中心、各设区市为枢纽. A county's need is met from the stores in it first, then
from hubs, then from the provincial centre, each up to what is left. At each of these steps the counties ask
in rounds: in the first every county asks the store whose help arrives first, in the next those with an open
need ask their second, and so on. A store that has less than it is asked for in a round shares it out in
proportion to what the counties lack (largest remainder, Hamilton's method): a rule of fairness among counties
(假设) instead of first come first served. It does not depend on the order of stores.

Help arrives after the readiness of the sender and the drive by road: of the county's stores to its middle
cell (of the cells with residents on a road the one nearest to the centre of its residents), of hubs and the
centre to the county's own store, the one nearest by road to its middle, or where it has none to its middle.
The times asked for are those of ``standard.compliance`` (县 6 h, 市 8 h, 省 10 h from the order, inclusive).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..geodata.dasymetric import apportion
from ..geodata.demand import Demand
from ..geodata.errors import Problem
from ..geodata.layers import Layer
from ..geodata.network import Network
from .hubs import CITY, COUNTY, NEVER, PROVINCE
from .standards import Standard
from .stores import Field, survey
from .supply import Supply
from .zones import share_of, zones_of

STEPS = ("本县", "市级枢纽", "省级中心")
"""The steps by which a county is supplied, in their order."""

MIDDLE = "居民中心所在网格"
"""Where help is delivered to in a county without a store of its own."""

_UNITS = ("县", "市", "省")
_MINUTE = 6000.0


@dataclass(frozen=True)
class Resupply:
    """How the needs of the counties are met."""

    counties: pd.DataFrame
    """One row per county: see `resupply`."""
    stores: pd.DataFrame
    """One row per store."""
    shipments: pd.DataFrame
    """One row per county and store that sends to it."""
    problems: tuple[Problem, ...]
    """Stated upper stores that cannot be; the figures go on without them."""
    notes: tuple[str, ...]
    """What a reader must know, in Chinese."""


@dataclass(frozen=True)
class _Lots:
    """Who sends how many persons' supplies to whom, at which step; one entry per lot."""

    step: NDArray[np.int64]
    county: NDArray[np.int64]
    store: NDArray[np.int64]
    persons: NDArray[np.int64]


def resupply(
    demand: Demand,
    network: Network,
    layer: Layer,
    standard: Standard,
    *,
    need: ArrayLike,
    supply: Supply,
) -> Resupply:
    """Meet the needs of the counties from their own stores, hubs and the province; the rules are above.

    Parameters
    ----------
    need
        (n,) whole persons of each cell, such as `supply.need_of`.
    supply
        Of the layer, such as `supply.supply_of`.

    Returns
    -------
    Resupply
        Three tables; persons are whole, and none is made or lost.

        - counties: level, code, name, city, need, own, from_city, from_province, unmet, met_share (NaN
          without need), own_min, city_min, province_min (readiness and driving until help of the step can
          first arrive; inf where no road leads, NaN where there is no such store), via_hub_min (from the
          centre by the hub; the driving of both ways, without transshipment), in_time (persons met within
          the time asked of the step), in_time_share (of the need), hub (name of the first), deliver_to,
          late_text.
        - stores: id, name, level, city, county, capacity, origin, upper (name), upper_text (how it was
          found), upper_min (readiness of the upper store and driving from it), sent, left, used_share.
        - shipments: level, code, name, city, store_id, store, step, persons, minutes, limit_min, in_time.

    Raises
    ------
    ValueError
        The needs are not whole and at least 0, or a length does not fit.
    """
    wanted = _needs_of(demand, need)
    if len(supply.persons) != len(layer.table):
        raise ValueError(f"capacities of {len(supply.persons)} sites for {len(layer.table)} sites")
    field = survey(demand, network, layer, standard)
    orders = [_order(field, step) for step in range(len(STEPS))]
    lots = _share_out(wanted, np.asarray(supply.persons, np.int64), orders)
    shipments = _shipments(field, lots)
    return Resupply(
        _counties(field, orders, wanted, lots, shipments),
        _stores(field, supply, lots),
        shipments.drop(columns=["row"]),
        field.links.problems,
        _notes(field, supply, wanted, lots, orders),
    )


def _needs_of(demand: Demand, need: ArrayLike) -> NDArray[np.int64]:
    """Sum the needs of the cells by county."""
    each = np.asarray(need)
    whole = not len(each) or np.issubdtype(each.dtype, np.integer)
    if len(each) != len(demand.cell) or not whole or (each < 0).any():
        raise ValueError(f"needs must be whole, at least 0, and one for each of {len(demand.cell)} cells")
    total = np.zeros(len(demand.county_code), np.int64)
    np.add.at(total, np.asarray(demand.county), each.astype(np.int64))
    return total


# Who gives what to whom


def _order(field: Field, step: int) -> list[list[int]]:
    """List for each county the stores of a step that can reach it, first arrival first."""
    ids, orders = field.ids, []
    for county, code in enumerate(np.asarray(field.demand.county_code).tolist()):
        time, own = field.arrive[step, :, county], field.own(county).tolist()
        near = np.lexsort((ids, time))
        near = near[time[near] < NEVER]
        same = near[field.rank[near] == step].tolist()
        if step == COUNTY:
            same = [row for row in same if row in own]
        elif step == CITY:
            above = {upper for row in own for upper in field.links.above(row)}
            same = [row for row in same if row in above or field.city[row] == str(code)[:4]] or same[:1]
        orders.append(same)
    return orders


def _share_out(wanted: NDArray[np.int64], persons: NDArray[np.int64], orders: list[list[list[int]]]) -> _Lots:
    """Let counties ask in rounds, step by step; a store with too little shares it out in proportion."""
    lack, left = wanted.copy(), persons.copy()
    lots: list[tuple[int, int, int, int]] = []
    for step, order in enumerate(orders):
        for turn in range(max(map(len, order), default=0)):
            asked: dict[int, list[int]] = {}
            for county, stores in enumerate(order):
                if turn < len(stores) and lack[county]:
                    asked.setdefault(stores[turn], []).append(county)
            for store, counties in asked.items():
                give = min(int(left[store]), int(lack[counties].sum()))
                share = apportion(lack[counties], np.array([give]), np.zeros(len(counties), np.int64))
                lack[counties] -= share
                left[store] -= give
                lots += [(step, c, store, n) for c, n in zip(counties, share.tolist(), strict=True) if n]
    return _Lots(*np.array(lots, np.int64).reshape(-1, 4).T)


# Tables


def _shipments(field: Field, lots: _Lots) -> pd.DataFrame:
    """List the lots by county, step and arrival; ``row`` is that of the lot."""
    limits = dict(field.standard.compliance)
    limit = np.array([limits.get(unit, np.inf) for unit in _UNITS], float)[lots.step] / 60
    minutes = field.arrive[lots.step, lots.store, lots.county] / _MINUTE
    code, name, city = (
        np.asarray(each).astype(object)[lots.county]
        for each in (field.demand.county_code, field.demand.county_name, field.demand.city_name)
    )
    table = pd.DataFrame(
        {
            "level": "县",
            "code": code,
            "name": name,
            "city": city,
            "store_id": field.ids.astype(object)[lots.store],
            "store": np.array(field.names, object)[lots.store],
            "step": np.array(STEPS, object)[lots.step],
            "persons": lots.persons,
            "minutes": minutes,
            "limit_min": np.where(np.isinf(limit), np.nan, limit),
            "in_time": minutes <= limit,
            "row": np.arange(len(lots.step)),
        }
    )
    order = np.lexsort((table["store_id"].to_numpy(str), minutes, lots.step, code.astype(str)))
    return table.iloc[order].reset_index(drop=True)


def _counties(
    field: Field,
    orders: list[list[list[int]]],
    wanted: NDArray[np.int64],
    lots: _Lots,
    shipments: pd.DataFrame,
) -> pd.DataFrame:
    """Sum up by county, in the order of the codes."""
    n = len(wanted)
    got, in_time = np.zeros((len(STEPS), n), np.int64), np.zeros(n, np.int64)
    np.add.at(got, (lots.step, lots.county), lots.persons)
    on_time = shipments.loc[shipments["in_time"].to_numpy(bool), "row"].to_numpy(np.int64)
    np.add.at(in_time, lots.county[on_time], lots.persons[on_time])
    table = pd.DataFrame(
        {
            "need": wanted,
            "own": got[COUNTY],
            "from_city": got[CITY],
            "from_province": got[PROVINCE],
            "unmet": wanted - got.sum(axis=0),
            "met_share": share_of(got.sum(axis=0), wanted),
            "own_min": _earliest(field, orders[COUNTY], COUNTY),
            "city_min": _earliest(field, orders[CITY], CITY),
            "province_min": _earliest(field, orders[PROVINCE], PROVINCE),
            "via_hub_min": _via_hub(field, orders[CITY]),
            "in_time": in_time,
            "in_time_share": share_of(in_time, wanted),
            "hub": [field.names[stores[0]] if stores else "" for stores in orders[CITY]],
            "deliver_to": _targets(field),
            "late_text": _late(field.standard, shipments, lots, n),
        }
    )
    order = np.argsort(np.asarray(field.demand.county_code).astype(str), kind="stable")
    return pd.concat([zones_of(field.demand, "县").units, table.iloc[order].reset_index(drop=True)], axis=1)


def _earliest(field: Field, order: list[list[int]], step: int) -> NDArray[np.float64]:
    """Give the minutes until help of a step can first arrive: inf without a road, NaN without a store."""
    minutes = np.full(len(order), np.nan)
    for county, stores in enumerate(order):
        if stores:
            minutes[county] = field.arrive[step, stores[0], county] / _MINUTE
        elif len(field.own(county)) if step == COUNTY else (field.rank == step).any():
            minutes[county] = np.inf
    return minutes


def _via_hub(field: Field, order: list[list[int]]) -> NDArray[np.float64]:
    """Give the minutes from a centre by a hub of the county: readiness of the centre and both drives."""
    minutes = np.full(len(order), np.nan)
    centres = np.flatnonzero(field.rank == PROVINCE)
    for county, stores in enumerate(order):
        if stores and len(centres):
            hubs = np.array(stores)
            last = field.arrive[CITY, hubs, county] - field.ready[hubs]
            first = field.ready[centres][:, None] + field.between[centres][:, hubs]
            best = int((first + last).min())
            minutes[county] = best / _MINUTE if best < NEVER else np.inf
    return minutes


def _targets(field: Field) -> list[str]:
    """Say where hubs and the centre deliver to: the county's own store, or else its middle."""
    pairs = zip(field.main.tolist(), field.middle.tolist(), strict=True)
    return [field.names[store] if store >= 0 else MIDDLE if cell >= 0 else "" for store, cell in pairs]


def _late(standard: Standard, shipments: pd.DataFrame, lots: _Lots, n: int) -> list[str]:
    """Say which steps bring something too late to each county, with the latest of each."""
    worst: dict[tuple[int, int], tuple[float, float]] = {}
    late = shipments[~shipments["in_time"].to_numpy(bool)]
    for row, *times in late[["row", "minutes", "limit_min"]].to_numpy(np.float64).tolist():
        key = int(lots.county[int(row)]), int(lots.step[int(row)])
        worst[key] = max(worst.get(key, (0.0, 0.0)), (times[0], times[1]))
    texts: list[list[str]] = [[] for _ in range(n)]
    for (county, step), (took, limit) in sorted(worst.items()):
        asked = standard.limit_text(limit * 60)
        texts[county].append(f"{STEPS[step]} {standard.cost_text_up(took * 60)} (时限{asked})")
    return ["、".join(each) for each in texts]


def _stores(field: Field, supply: Supply, lots: _Lots) -> pd.DataFrame:
    """Tell for each store, in the order of the layer, what resupplies it and what it sent."""
    sent, upper = np.zeros(len(field.rank), np.int64), field.links.upper
    np.add.at(sent, lots.store, lots.persons)
    rows, minutes = np.flatnonzero(upper >= 0), np.full(len(upper), np.nan)
    time = field.ready[upper[rows]] + field.between[upper[rows], rows]
    minutes[rows] = np.where(time < NEVER, time / _MINUTE, np.inf)
    return field.layer.table[["id", "name", "level", "city", "county"]].reset_index(drop=True).assign(
        capacity=supply.persons,
        origin=supply.origin,
        upper=np.array(field.names, object)[upper],
        upper_text=field.links.how.astype(object),
        upper_min=minutes,
        sent=sent,
        left=supply.persons - sent,
        used_share=share_of(sent, supply.persons),
    )  # fmt: skip


# Notes


def _notes(
    field: Field, supply: Supply, wanted: NDArray[np.int64], lots: _Lots, orders: list[list[list[int]]]
) -> tuple[str, ...]:
    """Say in Chinese what came of it and what it rests on."""
    got = np.zeros(len(STEPS), np.int64)
    np.add.at(got, lots.step, lots.persons)
    met = "、".join(f"{step}供给 {persons} 人" for step, persons in zip(STEPS, got.tolist(), strict=True))
    total = int(wanted.sum())
    cut = sum(bool(n) and not any(o[c] for o in orders) for c, n in enumerate(wanted.tolist()))
    ready = (field.standard.mobilisation_s or 0) // 60
    counted = (
        (cut, "个县(市、区)没有任何仓库能经道路送到, 需求全部为缺口"),
        (int(field.assumed.sum()), f"处仓库未填响应准备时间, 按 {ready} 分钟计 (假设)"),
        (int((field.main < 0).sum()), "个县(市、区)没有自己的仓库, 补给送到居民中心所在的网格"),
        (len(field.links.problems), "处上级仓库填写有误, 按级别就近确定"),
    )
    return (
        f"需要保障 {total} 人: {met}, 缺 {total - int(got.sum())} 人",
        *_about_rest(supply, lots, total - int(got.sum())),
        *(f"{count} {text}" for count, text in counted if count),
        *_about_stores(field),
        *_about_hierarchy(field),
        "各县先用本县仓库, 再由市级枢纽、省级中心补给, 最先能送到的优先; 不够分时按各县缺口的比例分 (假设)",
        "省级中心的时间按直接送到县计; 经枢纽中转的时间不含装卸",
        *([] if field.standard.compliance else ["服务标准没有规定时限, 未作达标检查"]),
    )


def _about_rest(supply: Supply, lots: _Lots, unmet: int) -> list[str]:
    """Say what is left in stores while others lack it."""
    left = supply.persons.copy()
    np.subtract.at(left, lots.store, lots.persons)
    if not unmet or not left.any():
        return []
    rest = f"{int((left > 0).sum())} 处仓库还剩 {int(left.sum())} 人份未用"
    return [f"{rest}: 县级仓库只供本县, 枢纽只供本市和填报它的县, 余量可由省级统一调拨"]


def _about_stores(field: Field) -> list[str]:
    """Say which stores count otherwise than stated, or not at all."""
    level = field.layer.table["level"].astype(str)
    spoke = np.flatnonzero(field.rank == COUNTY)
    here = spoke[field.home[spoke] >= 0]
    cut = int((field.arrive[COUNTY, here, field.home[here]] >= NEVER).sum())
    counted = (
        (int((level == "国家级").sum()), "处国家级仓库按省级中心计 (假设)"),
        (
            int((~level.isin(["县级", "市级", "省级", "国家级"])).sum()),
            "处仓库未填级别或不是省、市、县级, 按县级计 (假设)",
        ),
        (len(spoke) - len(here), "处县级仓库不在所统计的县内, 不供货"),
        (cut, "处县级仓库没有道路通到本县居民中心, 不供货"),
    )
    return [f"{count} {text}" for count, text in counted if count]


def _about_hierarchy(field: Field) -> list[str]:
    """Say which hubs and centres there are not."""
    notes = [] if (field.rank == PROVINCE).any() else ["没有省级仓库"]
    if not (field.rank == CITY).any():
        return [*notes, "没有市级枢纽仓库"]
    codes = [str(code)[:4] for code in np.asarray(field.demand.county_code).tolist()]
    cities = dict(zip(codes, np.asarray(field.demand.city_name).tolist(), strict=True))
    there = set(field.city[field.rank == CITY].tolist())
    lacking = [name for code, name in cities.items() if code not in there]
    if lacking:
        text = "、".join(lacking)
        notes.append(f"{len(lacking)} 个设区市没有市级枢纽 ({text}), 由最先能送到的外市枢纽补给")
    return notes
