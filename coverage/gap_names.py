"""Names of gaps that people use: no two alike in a table, and which settlements lie inside."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..geodata.crs import haversine_m, unit_vectors
from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer
from ..geodata.names import COUNTY

MOST_PLACES = 4
"""So many settlements of a gap are named."""

_SECTORS = ("北", "东北", "东", "东南", "南", "西南", "西", "西北")
_NEARBY = "附近"


def told_apart(gaz: Gazetteer, table: pd.DataFrame, county: NDArray[np.int32]) -> list[str]:
    """Make the names of a table of gaps different: 修水县 黄坳乡附近 → 修水县 黄坳乡东北约4公里.

    Where the distance and direction of the middle from the place do not tell them apart, numbers by rank do.

    Parameters
    ----------
    table
        With name, lon, lat; ranked.
    county
        (rows,) position of the county of each gap.
    """
    names = table["name"].astype(str)
    twice = np.flatnonzero(names.duplicated(keep=False).to_numpy())
    found = names.tolist()
    rows = np.flatnonzero(np.asarray(gaz.level) >= COUNTY)
    rows = rows[np.argsort(np.asarray(gaz.county)[rows], kind="stable")]
    first = np.searchsorted(np.asarray(gaz.county)[rows], np.arange(len(gaz.county_code) + 1))
    lon, lat = table["lon"].to_numpy(float), table["lat"].to_numpy(float)
    for row in twice.tolist():
        if _NEARBY in found[row]:
            own = rows[first[county[row]] : first[county[row] + 1]]
            way = _from_place(gaz, own, float(lon[row]), float(lat[row]))
            found[row] = found[row].replace(_NEARBY, way or _NEARBY)
    return _numbered(found)


def _from_place(gaz: Gazetteer, rows: NDArray[np.intp], lon: float, lat: float) -> str:
    """Say where a point lies from the nearest of some places; empty within half a kilometre."""
    if not len(rows):
        return ""
    metres = np.asarray(haversine_m(gaz.lon[rows], gaz.lat[rows], lon, lat))
    row, away = rows[metres.argmin()], float(metres.min())
    if away < 500:
        return ""
    east = (lon - gaz.lon[row]) * np.cos(np.radians(lat))
    sector = round(float(np.degrees(np.arctan2(east, lat - gaz.lat[row]))) / 45) % 8
    return f"{_SECTORS[sector]}约{away / 1000:.0f}公里"


def _numbered(names: list[str]) -> list[str]:
    """Put numbers behind names that stand several times, in their order."""
    there, seen = Counter(names), Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} (之{seen[name]})" if there[name] > 1 else name)
    return found


def places_in(demand: Demand, gaz: Gazetteer, member: NDArray[np.int32], table: pd.DataFrame) -> list[str]:
    """List the seats and settlements whose own cell is part of each gap, the nearest to its middle first.

    Parameters
    ----------
    member
        (n,) row of the gap of each cell, -1 for none.
    """
    named: list[list[str]] = [[] for _ in range(len(table))]
    rows = np.flatnonzero(np.asarray(gaz.level) >= COUNTY)
    if not len(table) or not len(rows):
        return [""] * len(table)
    cell = cKDTree(unit_vectors(demand.lon, demand.lat)).query(unit_vectors(gaz.lon[rows], gaz.lat[rows]))[1]
    gap = member[cell]
    rows, gap = rows[gap >= 0], gap[gap >= 0]
    own = demand.county[cell[member[cell] >= 0]] == np.asarray(gaz.county)[rows]
    rows, gap = rows[own], gap[own]
    lon, lat = table["lon"].to_numpy(float), table["lat"].to_numpy(float)
    metres = np.asarray(haversine_m(gaz.lon[rows], gaz.lat[rows], lon[gap], lat[gap]))
    for at in np.lexsort((metres, gap)).tolist():
        seat = gaz.level[rows[at]] == COUNTY
        name = f"{gaz.county_name[gaz.county[rows[at]]]}驻地" if seat else str(gaz.name[rows[at]])
        named[gap[at]].append(name)
    return [
        "、".join(names[:MOST_PLACES]) + (f"等{len(names)}处" if len(names) > MOST_PLACES else "")
        for names in named
    ]
