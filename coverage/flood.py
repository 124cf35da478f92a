"""Flood: what is lost when an area lies under water, roads, sites and residents together.

Roads that touch the area are closed (as ``boai network close --polygon`` does), sites in it are lost, and
residents in it are counted apart: whether they are covered is no longer a question of minutes. Everybody else
is measured anew on the roads and with the sites that are left. Depth of water, bridges and dikes are not
known (assumption, 假设). Residents count by sub-cells of 1/343 of a cell (see `subcells`); a grid that is not
one of h3 cells counts a cell in the area where its centre is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import h3.api.numpy_int as h3
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..geodata import selection
from ..geodata.demand import Demand
from ..geodata.errors import InputError
from ..geodata.layers import KIND_NAMES, Layer
from ..geodata.network import CLOSED, Network
from . import meet, pairs, subcells
from .closing import in_reach, reach_today
from .harm import minutes_text
from .link_kernels import NEVER
from .link_tables import LOCAL_ROAD, STRAIGHT
from .links import links_of
from .standards import Standard
from .zones import Zones, joined, parts_over, share_of, sum_over, whole_over, zones_of

COLUMNS = [
    "level", "code", "name", "city", "residents", "inside", "inside_served", "outside", "served", "lost",
    "gained", "served_after", "share", "share_after", "slower", "added_mean", "added_max", "cut_off",
]  # fmt: skip
"""Columns of `Flood.table`."""

SITE_COLUMNS = ["id", "name", "level", "county", "city", "lon", "lat", "users", "row"]
ROAD_COLUMNS = ["road", "pieces", "length_km"]

RULES = (
    "与受淹范围相接的道路视为中断, 不考虑水深、桥梁和堤坝 (假设)",
    "范围内的居民单独统计, 不计入失去覆盖; 居民在网格内按均匀分布计 (假设)",
)
ON_FOOT = "步行按直线距离估算, 道路中断不影响步行; 多走的路只计服务半径内的居民"


@dataclass(frozen=True)
class Flood:
    """What an area under water takes away."""

    table: pd.DataFrame
    """``COLUMNS`` by province, city and county; residents are whole and add up.

    inside: residents in the area; inside_served: those of them who were covered within the main limit. Of
    the others (outside = residents - inside): served before, lost, gained (who meet another, quicker road),
    served_after = served - lost + gained; share and share_after of the residents outside; slower (still
    reached, but later), added_mean and added_max (minutes, or metres on foot, theirs; NaN without any);
    cut_off (reached before, by no site any more). On foot slower and cut_off count only residents who were
    within the main limit.
    """
    sites: pd.DataFrame
    """``SITE_COLUMNS``: the sites in the area; users: residents outside whose nearest it was."""
    roads: pd.DataFrame
    """``ROAD_COLUMNS``: the roads closed, longest first; pieces of each and their length together."""
    edges: NDArray[np.int64]
    """The edges closed, ascending."""
    headline: str
    """What it says, in one sentence."""
    notes: tuple[str, ...]
    """What a reader must know, in Chinese."""


_UNIT = {"drive": 6000, "walk": 100}
"""Hundredths of a second in a minute, of a metre in a metre."""


class _Cells(NamedTuple):
    """Residents of n cells, or parts of them; hundredths of seconds or metres."""

    inside: NDArray[np.float64]
    inside_served: NDArray[np.float64]
    outside: NDArray[np.float64]
    served: NDArray[np.float64]
    """Of those outside, as all that follow: covered before."""
    kept: NDArray[np.float64]
    """Covered before and after."""
    served_after: NDArray[np.float64]
    slower: NDArray[np.float64]
    """Still reached, but later."""
    added: NDArray[np.float64]
    """Hundredths added for all of these together."""
    longest: NDArray[np.float64]
    """Hundredths added for one of them at most."""
    cut_off: NDArray[np.float64]
    users: NDArray[np.float64]
    """(sites,) those whose nearest site it was."""

    @property
    def lost(self) -> NDArray[np.float64]:
        return self.served - self.kept


def flooded(
    demand: Demand,
    network: Network,
    layer: Layer,
    standard: Standard,
    area: Any,
    *,
    zones: Sequence[Zones] | None = None,
) -> Flood:
    """Measure whom a flooded area costs the cover, how much longer help takes, and whom it cuts off.

    Parameters
    ----------
    network
        With the closures of today; for a standard of walking one for walking, or any other.
    area
        Polygons, WGS84 degrees (see `polygons.area_of`).
    zones
        Levels of the table, by default province, city and county.

    Raises
    ------
    ValueError
        The network has no nodes (driving).
    """
    edges = closed_by(network, area)
    wet = _inside(layer.table["lon"], layer.table["lat"], area)
    left = Layer(layer.kind, layer.table[~wet].reset_index(drop=True), layer.example, layer.left_out)
    dry = _closed(network, edges)
    measure = _by_road if standard.mode == "drive" else _on_foot
    cells = measure(demand, (network, dry), (layer, left), standard, area)
    levels = [zones_of(demand, level) for level in ("省", "市", "县")] if zones is None else zones
    table = joined([_table(demand, each, cells, standard) for each in levels])
    sites, roads = _sites(layer, wet, cells), _roads(network, edges)
    headline = _headline(standard, _whole(demand, cells, standard), len(sites), roads)
    return Flood(table, sites, roads, edges, headline, (*RULES, *_notes(network, standard)))


def _notes(network: Network, standard: Standard) -> tuple[str, ...]:
    if standard.mode == "drive":
        return (STRAIGHT,) if network.label else ()
    return () if meet.on_foot(network, standard) is not None else (ON_FOOT,)


def closed_by(network: Network, area: Any) -> NDArray[np.int64]:
    """List the edges of the roads that touch an area, both directions; none where no road does."""
    if not network.n_edges:
        return np.empty(0, np.int64)
    try:
        return selection.inside(network, area)
    except InputError:
        return np.empty(0, np.int64)


def _closed(network: Network, edges: NDArray[np.int64]) -> Network:
    times = np.array(network.centiseconds, np.int32)
    times[edges] = CLOSED
    return replace(network, centiseconds=times)


def _inside(lon: Any, lat: Any, area: Any) -> NDArray[np.bool_]:
    """Mark the points in an area, its rim included."""
    shapely.prepare(area)
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    return np.asarray(shapely.intersects_xy(area, x, y), bool).reshape(len(x))


def share_inside(demand: Demand, area: Any) -> NDArray[np.float64]:
    """Measure the (n,) share of each cell that lies in an area.

    Cells near its rim by their 343 sub-cells, those farther in or out by their centre.
    """
    lon, lat = np.asarray(demand.lon, np.float64), np.asarray(demand.lat, np.float64)
    share = _inside(lon, lat, area).astype(np.float64)
    if not len(lon) or not h3.is_valid_cell(int(demand.cell[0])):
        return share
    west, south, east, north = area.bounds
    reach_km = np.sqrt(np.asarray(demand.area_km2, np.float64))  # a hexagon's corner is 0.62 of it away
    degrees = reach_km / 111.0 / np.cos(np.radians(lat))
    near = (lon >= west - degrees) & (lon <= east + degrees)
    near = np.flatnonzero(near & (lat >= south - degrees) & (lat <= north + degrees))
    rim = shapely.boundary(area)
    shapely.prepare(rim)
    away = np.asarray(shapely.distance(rim, shapely.points(np.column_stack([lon[near], lat[near]]))), float)
    at_rim = near[away <= degrees[near]]
    level = h3.get_resolution(int(demand.cell[0])) + subcells.CHILD_LEVELS
    for cell in at_rim.tolist():
        x, y = subcells.centres(h3.cell_to_children(int(demand.cell[cell]), level))
        share[cell] = _inside(x, y, area).mean()
    return share


_Networks = tuple[Network, Network]
_Layers = tuple[Layer, Layer]


def _by_road(demand: Demand, networks: _Networks, layers: _Layers, standard: Standard, area: Any) -> _Cells:
    """Compare the times before and after; a cell outside stands and falls as a whole."""
    old, new = (
        reach_today(demand, network, layer, standard) for network, layer in zip(networks, layers, strict=True)
    )
    people, share = np.asarray(demand.residents, np.float64), share_inside(demand, area)
    inside, outside, limit = people * share, people * (1.0 - share), standard.main * 100
    before, after = old.cost <= limit, new.cost <= limit
    served = outside * before, outside * (before & after), outside * after
    slower = outside * ((new.cost > old.cost) & (new.cost < NEVER))
    added = np.where(slower > 0, new.cost - old.cost, 0).astype(np.float64)
    gone = outside * ((old.cost < NEVER) & (new.cost >= NEVER))
    users = _users(old.site, outside, len(layers[0].table))
    return _Cells(inside, inside * before, outside, *served, slower, slower * added, added, gone, users)


def _users(site: NDArray[np.int32], people: NDArray[np.float64], n_sites: int) -> NDArray[np.float64]:
    there = site >= 0
    return np.bincount(site[there], weights=people[there], minlength=n_sites).astype(np.float64)


class _Near(NamedTuple):
    """The sub-cells within the main limit of sites, ascending, each with its nearest."""

    child: NDArray[np.uint64]
    site: NDArray[np.int32]
    cost: NDArray[np.int64]

    def of(self, child: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Look sub-cells up: (nearest site, centimetres), -1 and ``NEVER`` where there is none."""
        site, cost = np.append(self.site, np.int32(-1)), np.append(self.cost, NEVER)
        at = np.searchsorted(self.child, child)
        at[~np.isin(child, self.child)] = len(self.child)
        return site[at], cost[at]


def _near(demand: Demand, network: Network, layer: Layer, standard: Standard) -> _Near:
    found = pairs.on_foot(demand, *meet.sites(layer), standard, limit=standard.main, network=network)
    order = np.lexsort((found.site, found.cost, found.child))
    child, first = np.unique(found.child[order], return_index=True)
    return _Near(child, found.site[order][first], found.cost[order][first].astype(np.int64))


def _on_foot(demand: Demand, networks: _Networks, layers: _Layers, standard: Standard, area: Any) -> _Cells:
    """Compare sub-cell by sub-cell, those within the main limit only."""
    old, new = (
        _near(demand, network, layer, standard) for network, layer in zip(networks, layers, strict=True)
    )
    child = np.union1d(old.child, new.child)
    child = child[subcells.cell_of(demand, child) >= 0]
    cell, dry = subcells.cell_of(demand, child), ~_inside(*subcells.centres(child), area)
    (site, before), (_, after) = old.of(child), new.of(child)
    people, share = np.asarray(demand.residents, np.float64), share_inside(demand, area)
    part = people[cell] / subcells.CHILDREN

    def count(amount: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(cell, weights=part * amount, minlength=len(people)).astype(np.float64)

    was, now = (before < NEVER) & dry, (after < NEVER) & dry
    later = was & now & (after > before) & (part > 0)
    added, longest = np.where(later, after - before, 0), np.zeros(len(people))
    np.maximum.at(longest, cell, added)
    gone = np.flatnonzero(was & ~now)
    cut_off = np.zeros(len(child), bool)
    cut_off[gone] = _without_a_way(networks[1], layers[1], standard, child[gone])
    users = _users(np.where(dry, site, -1), part, len(layers[0].table))
    served = count(was), count(was & now), count(now)
    wet = people * share, count((before < NEVER) & ~dry), people * (1.0 - share)
    return _Cells(*wet, *served, count(later), count(added), longest, count(cut_off), users)


def _without_a_way(
    network: Network, layer: Layer, standard: Standard, child: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """Mark the sub-cells to which no way leads from any site; where no ways are known, all without sites."""
    ways = meet.on_foot(network, standard)
    if ways is None or not len(layer.table) or not len(child):
        return np.full(len(child), not len(layer.table))
    sites = meet.points(ways, *meet.sites(layer), standard)
    return ~in_reach(ways, sites, meet.points(ways, *subcells.centres(child), standard))


def _table(demand: Demand, zones: Zones, cells: _Cells, standard: Standard) -> pd.DataFrame:
    """Count residents by zone: parts of them that sum to all, rounded together."""
    gained = cells.served_after - cells.kept
    never = np.maximum(cells.outside - cells.served - gained, 0.0)
    shares = [cells.inside_served, cells.inside - cells.inside_served, cells.lost, gained, cells.kept, never]
    parts = parts_over(demand, zones, np.column_stack(shares))
    outside = sum_over(zones, cells.outside)
    return zones.units.assign(
        residents=parts.sum(axis=1),
        inside=parts[:, 0] + parts[:, 1],
        inside_served=parts[:, 0],
        outside=parts[:, 2:].sum(axis=1),
        served=parts[:, 2] + parts[:, 4],
        lost=parts[:, 2],
        gained=parts[:, 3],
        served_after=parts[:, 3] + parts[:, 4],
        share=share_of(sum_over(zones, cells.served), outside),
        share_after=share_of(sum_over(zones, cells.served_after), outside),
        slower=whole_over(demand, zones, cells.slower),
        **_added(zones, cells, _UNIT[standard.mode]),
        cut_off=whole_over(demand, zones, cells.cut_off),
    )


def _whole(demand: Demand, cells: _Cells, standard: Standard) -> pd.Series:
    """Give the figures of all provinces together."""
    zones = zones_of(demand, "省")
    table = _table(demand, zones, cells, standard)
    mean = share_of(np.array([cells.added.sum()]), np.array([cells.slower.sum()]))[0]
    whole = table[["inside", "outside", "lost", "slower", "cut_off"]].sum()
    return pd.Series({**whole.to_dict(), "added_mean": mean / _UNIT[standard.mode]})


def _added(zones: Zones, cells: _Cells, unit: int) -> dict[str, NDArray[np.float64]]:
    """Measure by zone what is added for those who are reached later, on average and at most."""
    slower, longest = sum_over(zones, cells.slower), np.zeros(len(zones))
    np.maximum.at(longest, zones.member, cells.longest / unit)
    mean = share_of(sum_over(zones, cells.added) / unit, slower)
    return {"added_mean": mean, "added_max": np.where(slower > 0, longest, np.nan)}


def _sites(layer: Layer, wet: NDArray[np.bool_], cells: _Cells) -> pd.DataFrame:
    own = layer.table[["id", "name", "level", "county", "city", "lon", "lat"]].reset_index(drop=True)
    own = own.assign(users=np.rint(cells.users).astype(np.int64), row=np.arange(len(own)))
    return own[wet].reset_index(drop=True)[SITE_COLUMNS]


def _roads(network: Network, edges: NDArray[np.int64]) -> pd.DataFrame:
    """Add up the closed links by the name of the road, each link once."""
    _, first = np.unique(links_of(network)[0][edges], return_index=True)
    one = edges[first]
    road, km = np.asarray(network.road)[one], np.asarray(network.metres, np.float64)[one] / 1000
    numbers, own = np.unique(road, return_inverse=True)
    table = pd.DataFrame(
        {
            "road": [str(network.roads[number]) or LOCAL_ROAD for number in numbers.tolist()],
            "pieces": np.bincount(own, minlength=len(numbers)),
            "length_km": np.bincount(own, weights=km, minlength=len(numbers)).astype(np.float64),
        }
    )
    return table.sort_values(["length_km", "road"], ascending=[False, True], ignore_index=True)


def _headline(standard: Standard, whole: pd.Series, n_sites: int, roads: pd.DataFrame) -> str:
    """Say the figures of the whole demand in one sentence."""
    if not n_sites and not len(roads) and not whole["inside"]:
        return "范围内没有居民、站点和道路, 没有影响; 请检查范围是否在本省, 坐标是否为 WGS84 (经度在前)"
    km = float(roads["length_km"].sum())
    kind = KIND_NAMES[standard.kind]
    wet = f"范围内有居民{whole['inside']:,.0f}人、{kind}站点{n_sites:,}处, 中断道路{km:,.0f}公里"
    if not whole["outside"]:
        return f"{wet}; 范围外没有居民"
    limit = standard.limit_text(standard.main)
    lost = f"范围外{whole['lost']:,.0f}名居民失去" if whole["lost"] else "范围外无人失去"
    parts = [wet, f"{lost}{limit}覆盖"]
    if whole["slower"]:
        far = (
            minutes_text(whole["added_mean"]) if standard.mode == "drive" else f"{whole['added_mean']:,.0f}米"
        )
        more = "多用" if standard.mode == "drive" else "多走"
        parts.append(f"{whole['slower']:,.0f}名居民平均{more}{far}")
    if whole["cut_off"]:
        parts.append(f"{whole['cut_off']:,.0f}名居民无路可达")
    return "; ".join(parts)
