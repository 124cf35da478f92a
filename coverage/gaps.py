"""Gaps: residents out of reach, as connected places that one county office answers for (uses scikit-learn).

A gap is a connected piece, inside one county, of cells with residents beyond the main limit; where the
standard has a minimum density, of cells at least so dense. Gaps are ranked by those residents.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN

from ..geodata.crs import EARTH_RADIUS_M, haversine_m, unit_vectors
from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer, label_points
from ..geodata.layers import Layer
from .measures import Cover
from .standards import Standard

LINK = 1.3
"""Distance up to which cells are connected, in spacings of a hexagonal grid of their mean area.

In Jiangxi neighbours lie 0.92-1.08 spacings apart and the next ring at least 1.55 (measured on h3).
"""

PARTLY = "部分可及"
"""On foot: the middle cell of the gap is reached, but not all of its residents."""

MOST = 0.5
"""A gap with more than this share of a county's residents is most of it (大部)."""

COLUMNS = [
    "rank", "name", "city", "county", "county_code", "residents", "cells", "lon", "lat",
    "nearest_site", "nearest_id", "cost", "cost_text",
]  # fmt: skip


def unserved(demand: Demand, cover: Cover) -> NDArray[np.float64]:
    """Return the (n,) residents beyond the main limit in the cells where gaps are looked for, else 0."""
    dense = demand.residents >= cover.standard.min_density * demand.area_km2
    return np.where(dense, demand.residents * (1.0 - cover.main_share), 0.0)


def find_gaps(demand: Demand, cover: Cover, layer: Layer, gaz: Gazetteer) -> pd.DataFrame:
    """Find the gaps of a layer and rank them by residents.

    Parameters
    ----------
    cover
        Of ``layer``, as `measures.cover_layer` returns it.
    gaz
        Counties in the order of the demand's.

    Returns
    -------
    pd.DataFrame
        ``COLUMNS``: residents are whole and sum to the rounded `unserved` (a gap that rounds to nobody is
        left out); cells; lon, lat (WGS84) of the gap's cell nearest to the centre of its residents, of those
        beyond the limit where there are any; name, the nearest settlement of the county to it, behind 大部
        where the gap holds ``MOST`` of the county; nearest_site, nearest_id and cost from there (minutes or
        metres; empty and inf where no site can be reached).
    """
    missing = unserved(demand, cover)
    cells = np.flatnonzero(missing > 0)
    gap = _connected(demand, cells)
    residents = _whole(np.bincount(gap, weights=missing[cells]).astype(np.float64))
    middle = cells[_middle(demand, cover, cells, gap, missing[cells])]
    table = _describe(demand, cover, layer, gaz, middle)
    table["residents"], table["cells"] = residents, np.bincount(gap)
    whole = np.bincount(demand.county, weights=demand.residents)[demand.county[middle]]
    most = residents > whole * MOST
    table.loc[most, "name"] = [_most_of(*each) for each in table.loc[most, ["county", "name"]].to_numpy()]
    table = table[residents > 0].sort_values(
        ["residents", "county_code", "lon", "lat"], ascending=[False, True, True, True], ignore_index=True
    )
    table["rank"] = np.arange(1, len(table) + 1)
    return table[COLUMNS]


def _connected(demand: Demand, cells: NDArray[np.intp]) -> NDArray[np.int64]:
    """Number the connected pieces within counties: (m,) gap of each cell, from 0 without holes.

    DBSCAN with one sample as a core: every cell belongs to the cluster of its neighbours. The cells lie on
    the globe, in metres, and the counties so far apart on a fourth axis that no cluster crosses a border.
    """
    if not len(cells):
        return np.empty(0, np.int64)
    spacing_m = np.sqrt(2 / np.sqrt(3) * float(demand.area_km2.mean()) * 1e6)
    chord_m = 2 * EARTH_RADIUS_M * np.sin(LINK * spacing_m / EARTH_RADIUS_M / 2)
    globe = EARTH_RADIUS_M * unit_vectors(demand.lon[cells], demand.lat[cells])
    points = np.column_stack([globe, EARTH_RADIUS_M * demand.county[cells]])
    gap: NDArray[np.int64] = DBSCAN(eps=chord_m, min_samples=1).fit_predict(points)
    return gap


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
            "cost_text": [_cost_text(cover.standard, each) for each in cost.tolist()],
        }
    )


def _most_of(county: str, name: str) -> str:
    """Name a gap that holds most of a county: 修水县 杭口镇附近 → 修水县大部 (杭口镇附近)."""
    return f"{county}大部 ({name.removeprefix(county).strip()})"


def _cost_text(standard: Standard, cost: float) -> str:
    """Say how far the nearest site is, outside the limit.

    A cell that is reached in part is no place "70 m away", and one just beyond an hour is not "1 hour" away:
    minutes are rounded up.
    """
    return PARTLY if standard.mode == "walk" and cost <= standard.main else standard.cost_text_up(cost)


def _of_sites(layer: Layer, column: str, site: NDArray[np.int32]) -> list[str]:
    """Look up a text of sites by row, empty for row -1."""
    texts = [*layer.table[column].astype(str).tolist(), ""]
    return [texts[row] for row in site.tolist()]
