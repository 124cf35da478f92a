"""Gaps: residents out of reach, as connected places that one county office answers for (uses scikit-learn).

A gap is a connected piece, inside one county, of cells with residents beyond the main limit; where the
standard has a minimum density, of cells at least so dense. Gaps are ranked by those residents.

Neighbouring cells are connected where the way between them on the network takes no longer than a limit, both
ways (see `barriers`): a river without a bridge or a ridge parts two gaps. For driving that needs the network
of the roads; on foot rivers are seen on a network of footways only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..geodata.crs import EARTH_RADIUS_M, haversine_m, unit_vectors
from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer, label_points
from ..geodata.layers import Layer
from ..geodata.network import Network
from . import barriers, gap_names
from .measures import Cover
from .standards import Standard

LINK = 1.3
"""Distance up to which cells are connected, in spacings of a hexagonal grid of their mean area.

In Jiangxi neighbours lie 0.92-1.08 spacings apart and the next ring at least 1.55 (measured on h3).
"""

MOST = 0.5
"""A gap with more than this share of a county's residents is most of it (大部)."""

COLUMNS = [
    "rank", "name", "city", "county", "county_code", "residents", "cells", "lon", "lat",
    "nearest_site", "nearest_id", "cost", "cost_text", "share", "places", "barrier",
]  # fmt: skip


_MOST_NAMED = 3


class _Options(TypedDict):
    network: Network | None
    link_s: float | None
    metric: Literal["haversine", "network"]


def unserved(demand: Demand, cover: Cover) -> NDArray[np.float64]:
    """Return the (n,) residents beyond the main limit in the cells where gaps are looked for, else 0."""
    dense = demand.residents >= cover.standard.min_density * demand.area_km2
    return np.where(dense, demand.residents * (1.0 - cover.main_share), 0.0)


@dataclass(frozen=True)
class Gaps:
    """The gaps of a layer and the cells that they are made of."""

    table: pd.DataFrame
    """As `find_gaps` returns it."""
    member: NDArray[np.int32]
    """(n,) row in the table of the gap that each cell is part of, -1 for none."""


def find_gaps(
    demand: Demand,
    cover: Cover,
    layer: Layer,
    gaz: Gazetteer,
    *,
    network: Network | None = None,
    link_s: float | None = None,
    metric: Literal["haversine", "network"] = "haversine",
) -> pd.DataFrame:
    """Find the gaps of a layer and rank them by residents.

    Parameters
    ----------
    cover
        Of ``layer``, as `measures.cover_layer` returns it.
    gaz
        Counties in the order of the demand's.
    network
        Roads on which barriers are looked for; on foot only a network of footways is used. By default
        neighbours on the map are connected.
    link_s
        Seconds on the network within which cells are connected, inclusive, by default the main limit
        (driving) or `barriers.WALK_LINK_S`.
    metric
        ``haversine``: neighbours on the map that are linked. ``network``: all cells of a county within
        ``link_s`` of each other, neighbours or not; needs a network that `barriers.applies` to.

    Returns
    -------
    pd.DataFrame
        ``COLUMNS``: residents are whole and sum to the rounded `unserved` (a gap that rounds to nobody is
        left out); cells; lon, lat (WGS84) of the gap's cell nearest to the centre of its residents, of those
        beyond the limit where there are any; name, the nearest settlement of the county to it, behind 大部
        where the gap holds ``MOST`` of the county, no name twice (see `gap_names`); nearest_site, nearest_id
        and cost from there (minutes or metres; empty and inf where no site can be reached); share of the
        county's residents; places, settlements in the gap; barrier, the gaps beyond one.
    """
    options: _Options = {"network": network, "link_s": link_s, "metric": metric}
    return locate_gaps(demand, cover, layer, gaz, **options).table


def locate_gaps(
    demand: Demand,
    cover: Cover,
    layer: Layer,
    gaz: Gazetteer,
    *,
    network: Network | None = None,
    link_s: float | None = None,
    metric: Literal["haversine", "network"] = "haversine",
) -> Gaps:
    """Find the gaps as `find_gaps` does, and tell the cells of each."""
    missing = unserved(demand, cover)
    cells = np.flatnonzero(missing > 0)
    pairs = _neighbours(demand, cells)
    roads = network if barriers.applies(network, cover.standard) else None
    within_s = barriers.link_limit(cover.standard, link_s)
    linked = _linked(demand, cover.standard, cells, pairs, (roads, within_s, metric))
    gap = _connected(len(cells), linked)
    residents = _whole(np.bincount(gap, weights=missing[cells]).astype(np.float64))
    middle = cells[_middle(demand, cover, cells, gap, missing[cells])]
    table = _describe(demand, cover, layer, gaz, middle)
    table["residents"], table["cells"] = residents, np.bincount(gap)
    table, order = _ranked(demand, gaz, table, middle)
    position = np.full(len(middle), -1, np.int32)
    position[order] = np.arange(len(order))
    member = np.full(len(demand.cell), -1, np.int32)
    member[cells] = position[gap]
    table["places"] = gap_names.places_in(demand, gaz, member, table)
    table["barrier"] = _beyond(member[cells][pairs], len(table), roads is not None, within_s)
    return Gaps(table[COLUMNS], member)


def _ranked(
    demand: Demand, gaz: Gazetteer, table: pd.DataFrame, middle: NDArray[np.intp]
) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Rank gaps by residents, without those that round to nobody, and name them: (table, rows kept)."""
    county = demand.county[middle]
    whole = np.bincount(demand.county, weights=demand.residents)[county]
    table["share"] = table["residents"].to_numpy() / np.maximum(whole, 1)
    most = table["residents"].to_numpy() > whole * MOST
    table.loc[most, "name"] = [_most_of(*each) for each in table.loc[most, ["county", "name"]].to_numpy()]
    table = table[table["residents"] > 0].sort_values(
        ["residents", "county_code", "lon", "lat"], ascending=[False, True, True, True]
    )
    order = table.index.to_numpy(np.intp)
    table = table.reset_index(drop=True)
    table["rank"] = np.arange(1, len(table) + 1)
    table["name"] = gap_names.told_apart(gaz, table, county[order])
    return table, order


def _neighbours(demand: Demand, cells: NDArray[np.intp]) -> NDArray[np.int64]:
    """List the pairs of neighbouring cells of one county: (p, 2) positions in ``cells``.

    The cells lie on the globe, in metres, and the counties so far apart on a fourth axis that no two cells of
    different ones are neighbours.
    """
    from sklearn.neighbors import radius_neighbors_graph  # noqa: PLC0415 (a second that most commands spare)

    if not len(cells):
        return np.empty((0, 2), np.int64)
    spacing_m = np.sqrt(2 / np.sqrt(3) * float(demand.area_km2.mean()) * 1e6)
    chord_m = 2 * EARTH_RADIUS_M * np.sin(LINK * spacing_m / EARTH_RADIUS_M / 2)
    globe = EARTH_RADIUS_M * unit_vectors(demand.lon[cells], demand.lat[cells])
    points = np.column_stack([globe, EARTH_RADIUS_M * demand.county[cells]])
    near = radius_neighbors_graph(points, chord_m, mode="connectivity", include_self=False).tocoo()
    ahead = near.row < near.col
    return np.column_stack([near.row[ahead], near.col[ahead]]).astype(np.int64)


def _linked(
    demand: Demand,
    standard: Standard,
    cells: NDArray[np.intp],
    pairs: NDArray[np.int64],
    how: tuple[Network | None, float, str],
) -> NDArray[np.int64]:
    """Keep the pairs of cells that belong together: those that no barrier parts."""
    roads, within_s, metric = how
    if roads is None:
        if metric == "network":
            raise ValueError("metric='network' needs a network of the standard's mode")
        return pairs
    if not len(cells):
        return pairs
    met = barriers.attach_cells(roads, demand, standard, cells)
    if metric == "network":
        near = barriers.near_pairs(roads, met, within_s=within_s)
        county = demand.county[cells][near]
        same: NDArray[np.int64] = near[county[:, 0] == county[:, 1]]
        return same
    return pairs[barriers.linked(roads, met, pairs, within_s=within_s)]


def _connected(n: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the connected pieces of n cells: (n,) gap of each cell, from 0 without holes.

    DBSCAN with one sample as a core: every cell belongs to the cluster of those that it is linked to.
    """
    from sklearn.cluster import DBSCAN  # noqa: PLC0415 (slow to import)

    if not n:
        return np.empty(0, np.int64)
    ends = np.concatenate([pairs, pairs[:, ::-1]]).T
    links = csr_array((np.ones(ends.shape[1]), tuple(ends)), shape=(n, n))
    gap: NDArray[np.int64] = DBSCAN(eps=1.0, min_samples=1, metric="precomputed").fit_predict(links)
    return gap


def _beyond(gap: NDArray[np.int32], count: int, seen: bool, within_s: float) -> list[str]:
    """Say of each gap from which others only a barrier parts it, given the gaps of neighbouring cells."""
    apart = np.sort(gap[(gap[:, 0] != gap[:, 1]) & (gap >= 0).all(axis=1)], axis=1)
    texts: list[list[int]] = [[] for _ in range(count)]
    for a, b in np.unique(apart, axis=0).tolist() if seen else []:
        texts[a].append(b + 1)
        texts[b].append(a + 1)
    far = f"{within_s / 60:g}分钟"
    return [
        f"与第{'、'.join(map(str, others[:_MOST_NAMED]))}号缺口相邻, 但路上超过{far}" if others else ""
        for others in map(sorted, texts)
    ]


def _whole(exact: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round to whole residents with the rounded sum, by largest remainder, ties to the first."""
    exact = np.round(exact, 6)
    whole = np.floor(exact).astype(np.int64)
    left = int(np.rint(exact.sum())) - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:left]] += 1
    return whole


def _middle(
    demand: Demand,
    cover: Cover,
    cells: NDArray[np.intp],
    gap: NDArray[np.int64],
    weight: NDArray[np.float64],
) -> NDArray[np.intp]:
    """Find, per gap, the one of its cells nearest to the centre of its residents: positions in ``cells``.

    Cells whose centre is beyond the limit go first, so that the site named is out of reach from there: on
    foot a gap may also hold cells that are in reach in part.
    """
    vectors = unit_vectors(demand.lon[cells], demand.lat[cells])
    centre = np.column_stack([np.bincount(gap, weights=weight * vectors[:, axis]) for axis in range(3)])
    lon = np.degrees(np.arctan2(centre[:, 1], centre[:, 0]))
    lat = np.degrees(np.arctan2(centre[:, 2], np.hypot(centre[:, 0], centre[:, 1])))
    metres = haversine_m(demand.lon[cells], demand.lat[cells], lon[gap], lat[gap])
    inside = cover.cost[cells] <= cover.standard.main
    order = np.lexsort((np.round(metres, 3), inside, gap))  # whole millimetres: noise decides no tie
    return order[np.flatnonzero(np.diff(gap[order], prepend=-1))]


def _describe(
    demand: Demand, cover: Cover, layer: Layer, gaz: Gazetteer, middle: NDArray[np.intp]
) -> pd.DataFrame:
    """Describe gaps by their middle cells: place, responsible county, nearest site."""
    county, site = demand.county[middle], cover.nearest[middle]
    lon, lat = demand.lon[middle], demand.lat[middle]
    cost = cover.cost[middle].astype(np.float64)
    names = label_points(gaz, lon, lat, county=county) if len(middle) else np.empty(0, np.str_)
    return pd.DataFrame(
        {
            "name": names.tolist(),
            "city": np.asarray(demand.city_name)[county].tolist(),
            "county": np.asarray(demand.county_name)[county].tolist(),
            "county_code": np.asarray(demand.county_code)[county].tolist(),
            "lon": lon,
            "lat": lat,
            "nearest_site": _of_sites(layer, "name", site),
            "nearest_id": _of_sites(layer, "id", site),
            "cost": cost / 60 if cover.standard.mode == "drive" else cost,
            "cost_text": [cover.standard.far_text(each) for each in cost.tolist()],
        }
    )


def _most_of(county: str, name: str) -> str:
    """Name a gap that holds most of a county: 修水县 杭口镇附近 → 修水县大部 (杭口镇附近)."""
    return f"{county}大部 ({name.removeprefix(county).strip()})"


def _of_sites(layer: Layer, column: str, site: NDArray[np.int32]) -> list[str]:
    """Look up a text of sites by row, empty for row -1."""
    texts = [*layer.table[column].astype(str).tolist(), ""]
    return [texts[row] for row in site.tolist()]
