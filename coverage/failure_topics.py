"""Topics on what fails and what is missing: sites and roads lost, floods, gaps, the value of every site."""

from __future__ import annotations

from .assessment import Assessment, Table
from .flood import flooded
from .gap_closing import close_gaps
from .gaps import locate_gaps
from .link_tables import critical_and_busiest
from .marginal import site_values
from .people import people
from .resilience import lost_sites, worst_case
from .topic_columns import WHERE, named


def describe_sites(a: Assessment) -> list[Table]:
    """What the loss of each site costs; the worst case."""
    matrix = None if a.drive else a.matrix
    found = lost_sites(a.demand, a.ranked, a.layer, matrix=matrix, top=None)
    worst = worst_case(a.demand, a.ranked, a.layer, matrix=matrix)
    hit = worst.table[(worst.table["level"] == "省") | (worst.table["lost"] > 0)].reset_index(drop=True)
    table = named(a, found.table, "added_mean", "added_max")
    end = "min" if a.drive else "m"
    shown = ("rank", "name", "site_county", "lost", "slower", f"added_mean_{end}", "cut_off", "county")
    return [
        Table("失去站点", "失去一处站点的后果", table, shown, (found.headline, *found.notes)),
        Table(
            "最坏一处",
            "失去最要紧的一处之后",
            hit,
            (*WHERE, "served", "served_after", "lost", "share", "share_after"),
            (worst.headline,),
        ),
    ]


def describe_links(a: Assessment) -> list[Table]:
    """What the closure of each road link costs: the worst of all (proven), and the most used."""
    worst, busy = critical_and_busiest(
        a.demand, a.network, a.layer, a.standard, gazetteer=a.place.gazetteer, top=a.question.top
    )
    shown = ("rank", "road", "place", "users", "lost", "slower", "added_mean_min", "added_max_min", "cut_off")
    return [
        Table("要紧路段", "中断后失去覆盖最多的路段", worst.table, shown, (worst.headline, *worst.notes)),
        Table("常用路段", "最多居民依赖的路段", busy.table, shown, (busy.headline, *busy.notes)),
    ]


def describe_flood(a: Assessment) -> list[Table]:
    """Whom a flooded area costs the cover, which sites and roads lie in it."""
    found = flooded(a.demand, a.network, a.layer, a.standard, a.question.area)
    table = named(a, found.table, "added_mean", "added_max")
    shown = (*WHERE, "inside", "served", "served_after", "lost", "slower", "cut_off")
    return [
        Table("受淹影响", "淹没范围的影响", table, shown, (found.headline, *found.notes)),
        Table("受淹站点", "淹没范围内的站点", found.sites, ("name", "level", "city", "county", "users")),
        Table("受淹道路", "淹没范围内的道路", found.roads, tuple(found.roads.columns)),
    ]


def describe_gaps(a: Assessment) -> list[Table]:
    """Unreached residents as places, and what would close each."""
    found = locate_gaps(a.demand, a.cover, a.layer, a.place.gazetteer, network=a.network)
    table = named(a, found.table, "cost")
    closed = close_gaps(
        a.demand, a.network, a.layer, a.cover, found, gaz=a.place.gazetteer, top=a.question.top
    )
    closed = closed.rename(columns={"candidates": "considered"})
    rivers = "近似路网看不出没有桥的河流" if a.drive else "没有步行路网时看不出河流"
    blind = (rivers,) if a.network.label or not (a.drive or a.network.mode == "walk") else ()
    notes = ("“至少”的处数只对所列候选点成立; 各缺口分别计算, 相加会偏多",)
    shown = ("rank", "name", "city", "residents", "cells", "nearest_site", "cost_text")
    size = (
        "rank",
        "name",
        "residents",
        "sites_needed_low",
        "sites_needed",
        "best_place",
        "closes_share_of_one",
    )
    return [
        Table("缺口", "够不着的居民连成的片", table, shown, blind),
        Table("补缺", "补上最大的缺口要几处", closed, size, notes),
    ]


def describe_value(a: Assessment) -> list[Table]:
    """Who depends on each site alone, which could be closed."""
    found = site_values(a.demand, a.matrix, a.layer, amount=people(a.demand, a.question.group))
    table = found.table.rename(columns={"rank": "closing_rank", "cumulative": "lost_in_all"})
    level = dict(zip(a.layer.table["id"].astype(str), a.layer.table["level"].astype(str), strict=True))
    table.insert(3, "level", [level[each] for each in table["id"].astype(str)])
    shown = (
        "closing_rank",
        "name",
        "level",
        "county",
        "gross",
        "sole",
        "could_close",
        "loss_if_closed",
        "lost_in_all",
    )
    return [Table("站点价值", "谁只靠这一处, 哪些可以撤并", table, shown, (found.text, found.note))]
