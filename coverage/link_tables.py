"""Tables of the roads that must not fail: the ten whose closure hurts most, and the ten most used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.errors import InputError, Problem
from ..geodata.gazetteer import Gazetteer
from ..geodata.layers import KIND_NAMES, Layer
from ..geodata.network import Network
from ..geodata.shapes import STEPS
from .closing import Closing
from .detours import Detours
from .harm import harm_of, minutes_text, point_names
from .links import Links, Worst, find_worst, measure_links
from .standards import Standard

TOP = 10
"""Rows of a table."""

LOCAL_ROAD = "地方道路"
"""What a road without a name is called."""

COLUMNS = [
    "rank", "road", "place", "lon", "lat", "length_km", "pieces", "users", "users_served", "lost", "slower",
    "added_mean_min", "added_max_min", "person_hours", "cut_off", "county_code", "county", "city",
    "county_lost", "edge", "text",
]  # fmt: skip
"""Columns of the tables; see `LinkTable`."""

RULE = "一条路段的两个方向同时中断; 只有经过它的居民会受影响"
SERIES = "首尾相连、至少半数居民连续经过的路段合并为一条, 只列其中最严重的一段 (假设)"
STRAIGHT = "近似路网没有收录的道路不计, 绕行时间偏长, 结果仅供参考"


@dataclass(frozen=True)
class LinkTable:
    """Links of a network, ranked."""

    table: pd.DataFrame
    """``COLUMNS``, one row per chain of links (``pieces`` of them): that of its worst link.

    rank; road; place (from where to where); lon, lat of its middle, WGS84; length_km; users and users_served
    (residents whose shortest way from their nearest site passes it, and those of them within the main limit).
    Of its closure: lost (residents who lose the cover), slower (residents who are still reached, but later),
    added_mean_min and added_max_min (their minutes; NaN without any), person_hours, cut_off (residents whom
    no site reaches any more), the county that loses most cover (empty where none does) and its loss. edge:
    its lowest, for ``boai network close --edge``; text: the row in one sentence.
    """
    headline: str
    """What it says, in one sentence."""
    proven: int
    """So many rows from the first on are proven: no other link is worse (busier)."""
    closed: int
    """Links whose closure was computed."""
    notes: tuple[str, ...] = ()
    """What a reader must know, in Chinese."""


def critical_links(
    demand: Demand,
    network: Network,
    layer: Layer,
    standard: Standard,
    *,
    gazetteer: Gazetteer | None = None,
    top: int = TOP,
    seconds: float | None = None,
) -> LinkTable:
    """Rank the links whose closure takes the cover from most residents; each row is proven (N-1).

    Parameters
    ----------
    network
        With the closures of today.
    gazetteer
        Names the places; by default coordinates do.
    top
        Rows.
    seconds
        Time after which it ends and says how many rows are proven; by default it ends when all are.

    Returns
    -------
    LinkTable
        Only links whose closure takes the cover from somebody; by loss, then person-hours.

    Raises
    ------
    InputError
        The standard is not one of driving.
    """
    why = _nothing(demand, network, layer, standard)
    if why:
        return _empty(why)
    return _critical(_study(demand, network, layer, standard), gazetteer, top, seconds)


def _critical(study: _Study, gazetteer: Gazetteer | None, top: int, seconds: float | None) -> LinkTable:
    demand, network, standard = study.demand, study.network, study.standard
    detours = Detours(network, demand, study.closing, standard, study.links)
    worst = find_worst(demand, study.links, study.closing, standard, detours.bound, top=top, seconds=seconds)
    table = _table(study, [loss.link for loss in worst.losses], gazetteer)
    notes = (*_notes(network), _said(worst, standard))
    return LinkTable(table, _worst_text(table, worst, standard), worst.proven, worst.closed, notes)


def busiest_links(
    demand: Demand,
    network: Network,
    layer: Layer,
    standard: Standard,
    *,
    gazetteer: Gazetteer | None = None,
    top: int = TOP,
) -> LinkTable:
    """Rank the links by the residents who drive on them from their nearest site, and close each.

    Parameters and errors are those of `critical_links`.
    """
    why = _nothing(demand, network, layer, standard)
    if why:
        return _empty(why)
    return _busiest(_study(demand, network, layer, standard), gazetteer, top)


def critical_and_busiest(
    demand: Demand,
    network: Network,
    layer: Layer,
    standard: Standard,
    *,
    gazetteer: Gazetteer | None = None,
    top: int = TOP,
    seconds: float | None = None,
) -> tuple[LinkTable, LinkTable]:
    """Make both tables of one study; parameters and errors are those of `critical_links`."""
    why = _nothing(demand, network, layer, standard)
    if why:
        return _empty(why), _empty(why)
    study = _study(demand, network, layer, standard)
    return _critical(study, gazetteer, top, seconds), _busiest(study, gazetteer, top)


def _busiest(study: _Study, gazetteer: Gazetteer | None, top: int) -> LinkTable:
    network, standard, users = study.network, study.standard, study.links.users
    order = np.argsort(-users, kind="stable")
    order = order[users[order] > 0]
    first = np.sort(np.unique(study.links.chain[order], return_index=True)[1])[:top]
    table = _table(study, order[first].tolist(), gazetteer)
    if not len(table):
        return _empty(f"没有居民需要经过道路才能从{KIND_NAMES[standard.kind]}站点到达")
    most = table.iloc[0]
    used = f"使用最多的是{_where(most)}: {most['users']:,}名居民到最近站点的路经过它"
    return LinkTable(table, f"{used}, {_costs(most, standard)}", len(table), len(table), _notes(network))


@dataclass(frozen=True)
class _Study:
    """What all rows of a table are made from."""

    demand: Demand
    network: Network
    standard: Standard
    closing: Closing
    links: Links


def _study(demand: Demand, network: Network, layer: Layer, standard: Standard) -> _Study:
    closing = Closing(demand, network, layer, standard)
    return _Study(demand, network, standard, closing, measure_links(network, demand, closing, standard))


def _nothing(demand: Demand, network: Network, layer: Layer, standard: Standard) -> str:
    """Say why there is nothing to lose; empty where there is."""
    if standard.mode != "drive":
        fix = "请选择驾车的服务标准, 例如备灾仓库或救援队"
        raise InputError(Problem("道路中断分析", "只适用于驾车到达的资源", standard.name, fix))
    if not len(layer.table):
        return "没有站点, 也就没有可以失去的覆盖"
    if not len(demand.cell) or not int(demand.residents.sum()):
        return "没有居民, 也就没有可以失去的覆盖"
    return "" if network.n_nodes and network.n_edges else "路网里没有道路"


def _empty(headline: str) -> LinkTable:
    return LinkTable(pd.DataFrame(columns=COLUMNS), headline, 0, 0)


def _notes(network: Network) -> tuple[str, ...]:
    return (RULE, SERIES, STRAIGHT) if network.label else (RULE, SERIES)


def _said(worst: Worst, standard: Standard) -> str:
    """Say how far the ranking is proven."""
    limit = standard.limit_text(standard.main)
    if worst.complete:
        merged = "其余路段 (与列出的合并为一条的除外)" if worst.losses else "其余路段"
        return f"已证明: 逐条验算了{worst.closed:,}条路段, {merged}中断后失去{limit}覆盖的居民不会更多"
    shown = f"已证明前{worst.proven}名" if worst.proven else "名次都还没有证明"
    return f"限时已到: 验算了{worst.closed:,}条路段, {shown}, 其后可能还有更严重的路段"


def _worst_text(table: pd.DataFrame, worst: Worst, standard: Standard) -> str:
    limit = standard.limit_text(standard.main)
    if len(table):
        row = table.iloc[0]
        known = "最不能中断的是" if worst.proven else "目前找到的最不能中断的是"
        return f"{known}{_where(row)}: {_costs(row, standard)}"
    if worst.complete:
        return f"任何一条路段单独中断, 都不会让居民失去{limit}的覆盖"
    return f"限时内没有找到让居民失去{limit}覆盖的路段, 尚未证明没有"


def _where(row: pd.Series) -> str:
    return f"{row['road']} ({row['place']})"


def _costs(row: pd.Series, standard: Standard) -> str:
    """Say what the closure of a row costs."""
    limit = standard.limit_text(standard.main)
    parts = [f"中断后{row['lost']:,}名居民失去{limit}覆盖"] if row["lost"] else [f"中断后无人失去{limit}覆盖"]
    if row["slower"]:
        parts.append(f"{row['slower']:,}名居民平均多用{minutes_text(row['added_mean_min'])}")
    if row["cut_off"]:
        parts.append(f"{row['cut_off']:,}名居民无路可达")
    return ", ".join(parts)


def _table(study: _Study, chosen: list[int], gazetteer: Gazetteer | None) -> pd.DataFrame:
    """Describe links and close each of them."""
    if not chosen:
        return pd.DataFrame(columns=COLUMNS)
    network, links, standard = study.network, study.links, study.standard
    own = [links.edges(link) for link in chosen]
    harms = [harm_of(study.demand, standard, study.closing.effect(edges)) for edges in own]
    table = pd.DataFrame(_place(network, links, chosen, gazetteer))
    table["rank"] = np.arange(1, len(chosen) + 1)
    table["road"] = [road_name(network, edges) for edges in own]
    table["length_km"] = [float(np.asarray(network.metres)[edges].max()) / 1000 for edges in own]
    table["pieces"] = np.bincount(links.chain)[links.chain[chosen]]
    table["users"], table["users_served"] = links.users[chosen], links.served[chosen]
    table["edge"] = [int(edges[0]) for edges in own]
    table = table.join(pd.DataFrame([harm.row(study.demand) for harm in harms]))
    table["text"] = [f"{_where(row)}: {_costs(row, standard)}" for _, row in table.iterrows()]
    return table[COLUMNS]


def road_name(network: Network, edges: NDArray[np.int64]) -> str:
    """Name the road of a link by its longest edge that has a name."""
    road = np.asarray(network.road)[edges]
    named = [network.roads[number] for number in road.tolist() if network.roads[number]]
    return str(named[0]) if named else LOCAL_ROAD


def _place(
    network: Network, links: Links, chosen: list[int], gazetteer: Gazetteer | None
) -> dict[str, object]:
    """Say where links are: lon, lat of their middle, and their ends by name."""
    ends = links.ends[chosen]
    lon, lat = np.asarray(network.lon)[ends], np.asarray(network.lat)[ends]
    names = point_names(lon.ravel(), lat.ravel(), gazetteer).reshape(-1, 2).tolist()
    place = [a if a == b else f"{a}至{b}" for a, b in names]
    if network.shapes is None:
        return {"place": place, "lon": lon.mean(axis=1), "lat": lat.mean(axis=1)}
    start = np.asarray(network.shapes.start)
    middle = (start[chosen] + start[np.array(chosen) + 1]) // 2
    x, y = (np.asarray(axis)[middle] / STEPS for axis in (network.shapes.x, network.shapes.y))
    return {"place": place, "lon": x, "lat": y}
