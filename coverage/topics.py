"""Topics: what can be asked of an assessment, each answered by tables that people read.

Costs in the tables are minutes (columns ``…_min``) or metres (``…_m``) by the standard's mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.errors import InputError
from ..geodata.layers import Kind
from . import depth, equity, floating, measures, states, summary
from .assessment import Assessment, Table
from .assignment import notes_of, shortfall, site_loads
from .cabinets import cabinets
from .failure_topics import (
    describe_flood,
    describe_gaps,
    describe_links,
    describe_sites,
    describe_value,
)
from .opening import NOTES as OPENING_NOTES
from .opening import hour_table, week_cover, week_table
from .people import GROUPS, Group, people
from .resupply import resupply
from .servable import UNKNOWN
from .standards import load_rules
from .topic_columns import UNIT, WHERE, in_units, named
from .transport import best_assignment, gain_text

DECAY_NOTE = "距离衰减的权重来自就医研究, 用于救灾物资和AED是假设 (可信度C)"


def describe_states(a: Assessment) -> list[Table]:
    """Who is served, who is in reach and is not, who is out of reach and why."""
    found = states.by_state(a.demand, a.states, a.zones, group=a.question.group)
    keys = [name for name in found.columns if name not in ("state", "state_text", "residents", "share")]
    count = len(states.STATES)
    wide = found.loc[::count, keys].reset_index(drop=True)
    people_of = found["residents"].to_numpy().reshape(-1, count)
    wide["residents"] = people_of.sum(axis=1)
    for column, state in enumerate(states.STATES):
        wide[state] = people_of[:, column]
    wide["share"] = found["share"].to_numpy().reshape(-1, count)[:, 0]
    far = states.too_far(a.demand, a.states, a.layer, a.zones, group=a.question.group)
    far = in_units(a, far, {"least": "least", "most": "most"})
    notes = (a.zones.note, f"上限 {a.standard.limit_text(a.standard.main)}, 含等号", *_asked(a))
    return [
        Table("状态", "居民的三种状态", wide, (*UNIT, "residents", *states.STATES, "share"), notes),
        Table(
            "超出上限",
            "超出上限的居民最近的是哪里",
            far,
            (*UNIT, "site_name", "residents", "least_text", "most_text"),
        ),
    ]


def _asked(a: Assessment) -> tuple[str, ...]:
    """Say which moment and which capacity the states count."""
    said = []
    if a.question.at is not None:
        day, minute = a.question.at
        said.append(f"时刻 周{'一二三四五六日'[day]} {minute // 60:02d}:{minute % 60:02d}; {a.opening.note}")
    if a.counts_capacity:
        said += [*notes_of(a.assignment_now), *a.supply.notes]
    elif a.question.capacity:
        said.append(f"{_NO_PERSONS[a.layer.kind]}, 没有计入容量")
    if a.question.group != "all":
        said.append(f"只计{GROUPS[a.question.group]}")
    return tuple(said)


def describe_bands(a: Assessment) -> list[Table]:
    """How far the nearest site is, in exclusive bands; the share to reach; the residents by group."""
    matrix = None if a.drive else a.matrix
    found = depth.bands(a.demand, a.ranked, a.zones, matrix=matrix, group=a.question.group)
    found = in_units(a, found, {"low": "low", "high": "high"})
    goal = depth.to_reach(a.demand, a.cover.main_share, a.standard, a.zones, group=a.question.group)
    unset = () if a.standard.target_share is not None else ("标准没有规定应达到的比例, 不判断是否达标",)
    return [
        Table("分档", "最近站点有多远", found, (*UNIT, "band_text", "residents", "share"), (a.zones.note,)),
        Table(
            "达到比例",
            f"{a.standard.limit_text(a.standard.main)}以内的比例",
            goal,
            (*UNIT, "residents", "served", "share", "target_share", "met", "short"),
            unset,
        ),
    ]


def describe_backup(a: Assessment) -> list[Table]:
    """How many sites residents have within the main limit, and how far the first, second and third are."""
    matrix = None if a.drive else a.matrix
    group = a.question.group
    found = depth.k_cover(a.demand, a.ranked, a.zones, matrix=matrix, groups=(group,))
    found = found.rename(columns={"sites": "at_least"})
    far = depth.times(a.demand, a.ranked, a.zones, group=group).rename(columns={"rank": "nth"})
    names = ("median", "p90", "mean", "longest", "worst")
    far = in_units(a, far, {name: name for name in names})
    centre = () if a.drive else ("步行的远近按网格中心量",)
    return [
        Table(
            "几处可达",
            f"{a.standard.limit_text(a.standard.main)}以内有几处",
            found,
            (*UNIT, "at_least", "residents", "served", "share", "met"),
            (a.zones.note,),
        ),
        Table(
            "远近",
            "到第一、二、三近站点的远近",
            far,
            (*UNIT, "nth", "median_text", "p90_text", "mean_text", "longest_text", "without"),
            centre,
        ),
        Table(
            "最远的地方",
            "离站点最远的地方",
            in_units(a, depth.worst_places(
                a.demand, a.ranked, a.layer, a.zones_at("乡镇"), most=a.question.top, group=group
            ), {"cost": "cost"}),
            ("rank", "name", "county", "residents", "beyond", "cost_text", "nearest_site"),
            centre,
        ),
    ]  # fmt: skip


def describe_groups(a: Assessment) -> list[Table]:
    """How evenly the layer serves the residents: Lorenz, Gini, Theil; town and country, the elderly."""
    group = a.question.group
    among_all = _access(a, "all")
    access = among_all if group == "all" else _access(a, group)
    found = equity.equity_tables(a.demand, a.cover, access, group=group, among_all=among_all)
    groups = in_units(a, found.groups, {"p50": "p50", "p90": "p90"})
    return [
        Table(
            "人群",
            "分人群的覆盖",
            groups,
            (*UNIT, "group_text", "residents", "served", "share", "p90_text"),
            found.notes,
        ),
        Table("城乡", "城镇与乡村", found.urban_rural, (*UNIT, "urban_share", "rural_share", "text")),
        Table("均衡", "均衡程度", found.summary, ("variable_text", "gini", "theil", "between_share", "text")),
        Table("泰尔分解", "市间与市内的差距", found.theil, ("level", "variable_text", "theil", "text")),
        Table("泰尔单位", "各单位对差距的贡献", found.units, (*WHERE, "variable_text", "mean", "theil")),
        Table("洛伦兹曲线", "洛伦兹曲线", found.lorenz, ("variable_text", "people_share", "value_share")),
    ]  # fmt: skip


def _access(a: Assessment, group: Group) -> floating.Accessibility:
    return floating.two_step(a.catchment, _offered(a)[0], a.catchment.weight(people(a.demand, group)))


def _offered(a: Assessment) -> tuple[NDArray[np.float64], str, tuple[str, ...]]:
    """Say what sites offer: (s,) amounts, their unit, notes.

    AED offer devices; a layer of which no site states a capacity offers its sites.
    """
    if a.layer.kind == "aed":
        stated = a.layer.table["capacity"].to_numpy(np.float64)
        return np.where(np.isnan(stated), 1.0, stated), "台", ("供给按台数计, 未填的每处按1台计",)
    if not (a.supply.origin != UNKNOWN).any():
        return np.ones(len(a.layer.table)), "处", ("没有一处填了容量, 供给按处数计",)
    return a.supply.persons.astype(np.float64), "人份", a.supply.notes


def describe_access(a: Assessment) -> list[Table]:
    """Supply per resident by the floating catchment methods."""
    own, tables = people(a.demand, a.question.group), []
    weight, (offered, unit, said) = a.catchment.weight(own), _offered(a)
    for method, name in floating.METHODS.items():
        found = floating.accessibility(a.catchment, offered, weight, method)
        tables.append(floating.by_zone(found, a.zones, own, unit=unit).assign(method=name))
    notes = (*said, DECAY_NOTE, found.note, a.zones.note)
    table = pd.concat(tables, ignore_index=True)
    shown = (*UNIT, "method", "residents", "per_10k", "ratio", "without_share")
    return [Table("可达性", "人均可得供给 (每万人)", table, shown, notes)]


def describe_rules(a: Assessment) -> list[Table]:
    """Density, administrative requirements with the failing units, response times asked by level."""
    group = a.question.group
    dense = measures.density(a.demand, a.layer, group=group)
    rules = load_rules() if a.place.rules is None else a.place.rules
    own = [rule for rule in rules if rule.kind == a.layer.kind]
    failing = measures.admin_failures(a.demand, {a.layer.kind: a.layer}, own)
    total = measures.admin_summary(a.demand, {a.layer.kind: a.layer}, own)
    tables = [
        Table("密度", "每万人站点数", dense, (*WHERE, "residents", "sites", "per_10k")),
        Table("配置要求", "配置要求是否满足", total, ("rule", "units", "failing", "met", "names")),
        Table("未满足单位", "不满足配置要求的单位", failing, ("rule", *WHERE, "sites", "minimum")),
    ]
    known = [each for each in a.place.references if each.kind == a.layer.kind]
    if known:
        names = ("topic", "name", "value", "unit", "source", "confidence", "note")
        compared = pd.DataFrame([[getattr(each, name) for name in names] for each in known], columns=names)
        compared = compared.rename(columns={"name": "reference", "value": "figure"})
        tables.append(
            Table(
                "参考值", "可以比较的数值", compared, ("reference", "figure", "unit", "source", "confidence")
            )
        )
    if a.standard.compliance:
        tables.append(
            Table(
                "时限达标",
                "从调拨指令到首批物资的时限",
                summary.compliance(a.demand, a.network, a.layer, a.standard, group=group),
                ("level", "limit_min", "readiness_min", "sites", "served", "share", "worst_min"),
                ("准备时间为标准的数值, 站点自己填写的优先",),
            )
        )
        units = summary.compliance_by_unit(a.demand, a.network, a.layer, a.standard, group=group)
        late = units[units["met"] != True].reset_index(drop=True)  # noqa: E712 (objects)
        shown = (*WHERE, "limit_min", "residents", "served", "worst_text", "met")
        tables.append(Table("时限未达标", "时限内到不了全部居民的单位", late, shown))
    return tables


def describe_capacity(a: Assessment) -> list[Table]:
    """Who is served from where when sites have only so much; what each unit lacks; who supplies whom."""
    found = a.assignment
    notes = [*notes_of(found), *a.supply.notes]
    if a.question.optimal and a.drive:
        notes += _against_the_best(a)
    loads = site_loads(a.layer, a.supply, found)
    loads = named(a, loads, "mean_cost", "farthest_cost").rename(columns={"left": "unused"})
    lack = shortfall(a.demand, a.zones, a.need, found)
    if len(a.layer.table) and (a.supply.origin == UNKNOWN).all():
        shown = ("name", "level", "capacity", "origin")
        why = "没有一处填了容量, 不算保障缺口; 请在图层里填写容量 (或库存)"
        return [Table("站点负荷", "各站点的容量与负荷", loads, shown, (why, *a.supply.notes))]
    tables = [
        Table(
            "保障缺口",
            "需求、保障与缺口",
            lack,
            (*UNIT, "need", "served", "no_capacity", "out_of_reach", "shortfall", "share"),
            (*notes, a.zones.note),
        ),
        Table(
            "站点负荷",
            "各站点的容量与负荷",
            loads,
            ("name", "level", "capacity", "origin", "assigned", "unused", "used_share"),
        ),
    ]
    return tables + (_supplies(a) if a.drive and a.standard.compliance else [])


def _against_the_best(a: Assessment) -> list[str]:
    """Say what dispatching for all at once adds, or why that cannot be computed."""
    try:
        best = best_assignment(a.matrix, a.need, a.supply.persons, limit=a.standard.main)
    except InputError as error:  # too many pairs: the other figures stand
        return [str(problem) for problem in error.problems]
    return [gain_text(a.assignment, best)]


def _supplies(a: Assessment) -> list[Table]:
    found = resupply(a.demand, a.network, a.layer, a.standard, need=a.need, supply=a.supply)
    notes = (*found.notes, *(str(problem) for problem in found.problems))
    shown = ("name", "need", "own", "from_city", "from_province", "unmet", "in_time_share", "late_text")
    sent = ("name", "store", "step", "persons", "minutes", "in_time")
    stores = found.stores.rename(columns={"left": "unused"})
    return [
        Table("分级补给", "省级中心、市级枢纽、县级仓库的补给", found.counties, shown, notes),
        Table("仓库发运", "各仓库的上级与发运", stores, ("name", "upper", "upper_min", "sent", "unused")),
        Table("发运清单", "发运清单", found.shipments, sent),
    ]  # fmt: skip


def describe_hours(a: Assessment) -> list[Table]:
    """Cover by hour of the week; what 24-hour cabinets would add."""
    week = week_cover(a.demand, a.matrix, a.opening, a.zones, group=a.question.group)
    whole = week_cover(a.demand, a.matrix, a.opening, a.zones_at("省"), group=a.question.group)
    more = cabinets(a.demand, a.matrix, a.opening, a.layer, top=a.question.top, group=a.question.group)
    unread = tuple(str(problem) for problem in a.opening.unread)
    shown = (*UNIT, "always_share", "day_share", "night_share", "weekend_share", "loss_text", "worst_text")
    gain = ("rank", "name", "county", "hours", "gain_mean")
    return [
        Table("时段", "一周各时段的覆盖", week_table(week), shown, (a.opening.note, *OPENING_NOTES, *unread)),
        Table("逐小时", "逐小时的覆盖", hour_table(whole), (*UNIT, "hour_text", "served", "share")),
        Table("24小时柜", "改为24小时可取用: 逐处比较", more.alone, gain, (more.sentence,)),
        Table("24小时柜次序", "改为24小时可取用: 先后次序", more.plan, (*gain, "share_after")),
    ]


@dataclass(frozen=True)
class Topic:
    """Something that can be asked of a layer."""

    title: str
    tell: Callable[[Assessment], list[Table]]
    not_for: Mapping[Kind, str] = field(default_factory=dict)
    """Layers of which it cannot be asked, and why, in Chinese."""


_NO_PERSONS: Mapping[Kind, str] = {
    "aed": "AED 的容量是台数, 一台能服务多少人没有公认标准",
    "training": "培训基地的容量是一期能培训的人数, 不是能救助的人数",
}
_NO_HOURS: Mapping[Kind, str] = {"training": "培训按期开班, 不按一周的时刻取用"}
_NO_ROADS: Mapping[Kind, str] = {
    **dict.fromkeys(("aed", "home"), "步行距离, 不逐段分析道路"),
    "training": "培训不是应急出动, 不逐段分析道路中断",
}
_NO_FLOOD: Mapping[Kind, str] = {"training": "培训不是应急出动, 不分析淹没时的通行"}

TOPICS: dict[str, Topic] = {
    "states": Topic("状态", describe_states),
    "bands": Topic("分档", describe_bands),
    "backup": Topic("备份", describe_backup),
    "equity": Topic("均衡", describe_groups),
    "access": Topic("可达性", describe_access),
    "rules": Topic("要求", describe_rules),
    "capacity": Topic("容量", describe_capacity, _NO_PERSONS),
    "hours": Topic("时段", describe_hours, _NO_HOURS),
    "sites": Topic("失去站点", describe_sites),
    "links": Topic("道路", describe_links, _NO_ROADS),
    "flood": Topic("淹没", describe_flood, _NO_FLOOD),
    "gaps": Topic("缺口", describe_gaps),
    "value": Topic("价值", describe_value),
}
"""Topics by code."""


def topics_of(kind: Kind) -> list[str]:
    """List the codes of the topics that can be asked of a layer."""
    return [code for code, topic in TOPICS.items() if kind not in topic.not_for]


def answer(a: Assessment, topic: str) -> list[Table]:
    """Answer a topic; infinite and missing figures stay as they are."""
    return [
        Table(each.name, each.title, each.frame, each.shown, tuple(note for note in each.notes if note))
        for each in TOPICS[topic].tell(a)
    ]
