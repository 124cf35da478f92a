"""Summaries of a layer: one row of key figures, and the response times asked of stores by their level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.layers import Layer
from ..geodata.network import Network
from . import meet, pairs, travel
from .matrix import UNREACHED
from .measures import Cover, by_unit, percentile, second_cover, sites_by_county
from .people import Group, people
from .standards import Standard
from .zones import share_of, sum_counties, sum_over, zones_of

NEVER = int(np.iinfo(np.int64).max)
"""Arrival of a store that does not come."""


def summarise(
    demand: Demand, network: Network, layer: Layer, cover: Cover, *, second: Cover | None = None
) -> pd.DataFrame:
    """Sum up a layer in one row.

    Parameters
    ----------
    second
        Cover by the second nearest sites (driving), where it is known already.

    Returns
    -------
    pd.DataFrame
        sites, limit_text (of the main limit), residents, served (whole), share, p90_text (cost within which
        90 % of the residents are), second_share (share within the main limit of a second site, what is left
        when any one site fails; NaN for walking, where it is not defined).
    """
    standard, people = cover.standard, float(demand.residents.sum())
    second_share = float("nan")
    if standard.mode == "drive" and people:
        spare = second_cover(demand, network, layer, standard) if second is None else second
        second_share = float(demand.residents @ spare.main_share) / people
    table = by_unit(demand, cover)
    whole = table[(table["level"] == "省") & (table["limit"] == standard.main)]
    columns = ["limit_text", "residents", "served", "share"]
    found = whole[columns].reset_index(drop=True)
    found.insert(0, "sites", len(layer.table))
    p90 = standard.cost_text_up(percentile(demand, cover)) if people else ""
    return found.assign(p90_text=p90, second_share=second_share)


def compliance(
    demand: Demand, network: Network, layer: Layer, standard: Standard, *, group: Group = "all"
) -> pd.DataFrame:
    """Check the times that are asked of stores by their level, from order to first supplies.

    A store of a level (县级, 市级, 省级) has the time that the standard asks of it, less its own readiness,
    or the standard's mobilisation where it states none. It counts wherever it stands.

    Returns
    -------
    pd.DataFrame
        level, limit_min, readiness_min (where a store states none), sites (of the level), residents, served
        (whole), share, worst_min (readiness and driving to the farthest resident; inf where one is out of
        reach). No row where the standard asks nothing.
    """
    rows, lives = [], people(demand, group)
    total, lived = int(lives.sum()), lives > 0
    for level, limit_s in standard.compliance:
        own, arrival = _arrivals(demand, network, layer, standard, level)
        served = int(lives[arrival <= limit_s * 100].sum())
        rows.append(
            {
                "level": f"{level}级",
                "limit_min": _plain_minutes(limit_s),
                "readiness_min": _plain_minutes(standard.mobilisation_s or 0),
                "sites": len(own),
                "residents": total,
                "served": served,
                "share": served / total if total else float("nan"),
                "worst_min": float(_minutes(arrival[lived]).max()) if lived.any() else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def compliance_by_unit(
    demand: Demand,
    network: Network,
    layer: Layer,
    standard: Standard,
    *,
    group: Group = "all",
) -> pd.DataFrame:
    """Say for which counties, cities and provinces the times asked of their stores are met.

    The times are those of `compliance`: of a county is asked that stores of the level 县级 reach all its
    residents in time, of a city those of 市级, of the province those of 省级.

    Returns
    -------
    pd.DataFrame
        One row per unit, in the order of the standard, then by code: level (县, 市, 省), code, name, city,
        limit_min, sites (of the level, in the unit), residents, served (whole), share, worst_min (readiness
        and driving to its farthest resident; inf where one is out of reach, NaN where nobody lives),
        worst_text, met (True, False; None where nobody lives). No row where the standard asks nothing.
    """
    lives, tables = people(demand, group), []
    for level, limit_s in standard.compliance:
        own, arrival = _arrivals(demand, network, layer, standard, level)
        zones = zones_of(demand, level)
        total = sum_over(zones, lives).astype(np.int64)
        served = sum_over(zones, lives * (arrival <= limit_s * 100)).astype(np.int64)
        worst = np.full(len(zones), -np.inf)
        lived = lives > 0
        np.maximum.at(worst, zones.member[lived], _minutes(arrival[lived]))
        worst[total == 0] = np.nan
        table = zones.units.assign(limit_min=_plain_minutes(limit_s))
        table["sites"] = sum_counties(demand, zones, sites_by_county(demand, own)).astype(np.int64)
        table = table.assign(residents=total, served=served, share=share_of(served, total), worst_min=worst)
        table["worst_text"] = ["" if np.isnan(x) else standard.cost_text_up(x * 60) for x in worst.tolist()]
        met = [bool(whole) if here else None for whole, here in zip(served == total, total > 0, strict=True)]
        tables.append(table.assign(met=np.array(met, object)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _arrivals(
    demand: Demand, network: Network, layer: Layer, standard: Standard, level: str
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Find when the first store of a level arrives: its rows, (n,) centiseconds from the order.

    The readiness of a store is the time that its roads begin with; the way to the cell is `matrix`'s.
    """
    own = layer.table[layer.table["level"] == f"{level}级"]
    ready = _ready(own, standard)
    sites = meet.points(network, *meet.sites(replace(layer, table=own)), standard)
    places = meet.cells(network, demand, standard)
    arrival = np.full(len(demand.cell), NEVER, np.int64)
    store, node, offset = sites.exits()
    found = travel.to_nearest(network, node, offset_cs=offset + ready[store], label=store)
    cell, node, way = places.entries()
    there = found.site[node] >= 0
    np.minimum.at(arrival, cell[there], found.centiseconds[node[there]].astype(np.int64) + way[there])
    first, beside, cost = pairs.beside(sites, places, UNREACHED - 1)
    np.minimum.at(arrival, beside, np.repeat(ready, np.diff(first)) + cost)
    return own, arrival


def _ready(stores: pd.DataFrame, standard: Standard) -> NDArray[np.int64]:
    """Take the readiness that stores state, else the standard's: (s,) centiseconds."""
    stated = pd.to_numeric(stores["readiness_min"], errors="coerce").to_numpy(np.float64)
    default = (standard.mobilisation_s or 0) * 100
    return np.where(stated >= 0, np.rint(np.nan_to_num(stated) * 6000), default).astype(np.int64)


def _plain_minutes(seconds: int) -> float:
    """Say whole minutes as whole ones, others with their fraction."""
    return seconds // 60 if seconds % 60 == 0 else seconds / 60


def _minutes(arrival: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(arrival < NEVER, arrival / 6000, np.inf)
