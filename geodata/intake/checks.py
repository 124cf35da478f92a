"""Checks of rows once their coordinates are WGS84: where they lie, doubles, impossible and stale values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .. import boundaries
from ..crs import haversine_m
from .batches import Batch, batch
from .cells import tidy_code
from .counties import Stated
from .dates import first_day, last_day
from .evidence import plane
from .model import Cells
from .places import Context

Flags = NDArray[np.bool_]
Degrees = NDArray[np.float64]
Positions = NDArray[np.int32]

TOLERANCE_M = 2000.0
"""A point this far over the border of its county is a warning, farther an error: outlines are coarse, and a
site at a border is often written to the neighbour."""

PROVINCE_TOLERANCE_M = 500.0
"""The same at the border of the province for a point whose county is stated."""

NEAR_M = 50.0
"""Sites of one name within this distance are probably one site."""

STALE_DAYS = 365
"""A verification older than this is stale."""

MEASURED = 5000
"""Rows for which a distance is measured; beyond that a finding names the unit only."""

_NEIGHBOURS = 8
_FIX_UNIT = "请核对坐标和县区"


def check_units(
    context: Context,
    lon: Degrees,
    lat: Degrees,
    stated: Stated,
    *,
    given: tuple[Degrees, Degrees] | None = None,
) -> tuple[Positions, list[Batch]]:
    """Compare where points lie with the county or city that their rows state.

    Parameters
    ----------
    lon, lat
        (n,) WGS84, NaN where there is none.
    stated
        Counties and cities of the rows.
    given
        (n,) both numbers as they stand in the file, in its own system, to be told; None for WGS84.

    Returns
    -------
    (n,) position of the county where each point lies, -1 outside the province; findings, whose columns are
    names of attributes behind ``@``.
    """
    here = boundaries.locate(context.units, lon, lat)
    finite = np.isfinite(lon) & np.isfinite(lat)
    county = np.where(stated.county >= 0, stated.county, stated.code)
    clash = (stated.county >= 0) & (stated.code >= 0) & (stated.county != stated.code)
    county = np.where(clash & (here == stated.code), stated.code, county)
    wrong = finite & (county >= 0) & (here != county)
    away = _distances(context, lon, lat, county, wrong)
    outside = finite & (here < 0)
    near = wrong & (away <= np.where(outside, PROVINCE_TOLERANCE_M, TOLERANCE_M))
    batches = _mismatches(context, here, county, away, near=near, far=wrong & ~outside & ~near)
    batches += _outside(context, lon, lat, outside & ~near, given or (lon, lat))
    of_city = np.append(context.names.of_city, -1)
    other = finite & (county < 0) & (stated.city >= 0) & (here >= 0) & (of_city[here] != stated.city)
    cities = np.array([*context.names.city_name, ""], object)
    counties = np.array([*context.names.county_name, ""], object)
    text = "坐标在" + counties[here] + ", 不在所写的" + cities[stated.city]
    batches += batch("county_mismatch", other, what=text, column="@city", fix=_FIX_UNIT)
    return here, batches


def _distances(context: Context, lon: Degrees, lat: Degrees, county: Positions, wrong: Flags) -> Degrees:
    """Distance in metres from the outline of the stated county; inf beyond the limit where there are many."""
    away = np.full(len(lon), np.inf)
    rows = np.flatnonzero(wrong)
    points = np.asarray(shapely.points(plane(lon[rows], lat[rows])))
    for place in np.unique(county[rows]):
        some = np.flatnonzero(county[rows] == place)
        shape = context.borders.shapes[place]
        shapely.prepare(shape)
        close = shapely.dwithin(shape, points[some], TOLERANCE_M)
        if len(rows) <= MEASURED:
            away[rows[some]] = shapely.distance(shape, points[some])
        else:
            away[rows[some[close]]] = shapely.distance(shape, points[some[close]])
    return away


def _mismatches(
    context: Context, here: Positions, county: Positions, away: Degrees, *, near: Flags, far: Flags
) -> list[Batch]:
    """Say where the points are that are not in their county."""
    names = np.array([*context.names.county_name, ""], object)
    what = np.full(len(here), "", object)
    for row in np.flatnonzero(near | far):
        inside = f"坐标在{names[here[row]]}" if here[row] >= 0 else "坐标在省外"
        gap = f"约 {_km(away[row])}" if np.isfinite(away[row]) else f"{TOLERANCE_M / 1000:g} 公里以上"
        what[row] = f"{inside}, 离所写的{names[county[row]]} {gap}"
    got = names[county]
    found = batch(
        "county_mismatch",
        near,
        what=what,
        column="@county",
        got=got,
        severity="warning",
        fix="在县界附近, 请确认县区",
    )
    return found + batch("county_mismatch", far, what=what, column="@county", got=got, fix=_FIX_UNIT)


def _km(metres: float) -> str:
    return f"{metres / 1000:.1f} 公里" if metres >= 950 else f"{max(1, round(metres / 10)) * 10} 米"


def _outside(
    context: Context, lon: Degrees, lat: Degrees, outside: Flags, given: tuple[Degrees, Degrees]
) -> list[Batch]:
    """Name the nearest county of points outside the province, and the numbers that their rows give."""
    rows = np.flatnonzero(outside)
    what = np.full(len(lon), f"坐标在{context.names.province}以外", object)
    near, away = boundaries.nearest_county(context.units, lon[rows[:MEASURED]], lat[rows[:MEASURED]])
    for row, place, metres in zip(rows, near, away, strict=False):
        if place >= 0:
            what[row] += f", 离最近的{context.names.county_name[place]}约 {_km(metres)}"
    numbers = zip(given[0][rows], given[1][rows], strict=True)
    got = np.array([f"{x:.10g},{y:.10g}" for x, y in numbers], object)
    full = np.full(len(lon), "", object)
    full[rows] = got
    fix = "请核对坐标、坐标系, 以及经纬度是否写反"
    return batch("outside_province", outside, what=what, column="@lon", got=full, fix=fix)


# Doubles


@dataclass(frozen=True)
class Marked:
    """What tells rows apart."""

    ids: Cells
    """(n,) text, empty where there is none."""
    names: Cells
    """(n,) text, empty where there is none."""
    identity: NDArray[np.uint64]
    """(n,) hash of all cells of a row."""
    where: Cells
    """(n,) Chinese: where a row stands, to name the first of two."""


def check_doubles(marked: Marked, lon: Degrees, lat: Degrees) -> list[Batch]:
    """Find rows that stand twice, ids that stand twice, and sites of one name at one place.

    Parameters
    ----------
    lon, lat
        (n,) WGS84 of rows with coordinates of their own, NaN elsewhere.
    """
    at = np.arange(len(marked.ids))
    first = pd.Series(at).groupby(marked.identity).transform("first").to_numpy()
    twice = first != at
    what = "与" + marked.where[first] + "完全相同"
    found = batch("duplicate_row", twice, what=what, fix="请删去多余的一行")
    text = marked.ids.astype(str)
    start = pd.Series(np.where(twice, len(text), at)).groupby(text).transform("min").to_numpy()
    again = (text != "") & ~twice & (start != at)
    what = "编号与" + marked.where[np.where(again, start, at)] + "相同"
    found += batch("duplicate_id", again, what=what, column="@id", got=marked.ids, fix="编号应各不相同")
    return found + _same_names(marked, lon, lat, ~twice & ~again)


def _same_names(marked: Marked, lon: Degrees, lat: Degrees, wanted: Flags) -> list[Batch]:
    """Find sites of one name within ``NEAR_M``; each is told with the nearest earlier one."""
    text = _same_writing(marked.names)
    rows = np.flatnonzero(wanted & (text != "") & np.isfinite(lon) & np.isfinite(lat))
    partner = np.full(len(text), -1, np.int64)
    partner[rows] = _namesakes(pd.factorize(text[rows])[0], lon[rows], lat[rows], rows)
    flags = partner >= 0
    away = haversine_m(lon, lat, lon[partner], lat[partner])
    what = np.full(len(text), "", object)
    for row in np.flatnonzero(flags):
        what[row] = f"与{marked.where[partner[row]]}同名且相距 {away[row]:.0f} 米"
    fix = "是同一处请删去一行; 不是请在名称上区分"
    return batch("duplicate_name", flags, what=what, column="@name", got=marked.names, fix=fix)


def _same_writing(names: Cells) -> Cells:
    """Names without blanks, and with signs of one width."""
    codes, unique = pd.factorize(names.astype(str))
    forms = np.array([*(tidy_code(name).casefold() for name in unique), ""], object)
    return np.asarray(forms[codes], object)


def _namesakes(
    name: NDArray[np.int64], lon: Degrees, lat: Degrees, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(n,) row of an earlier site of the same name within ``NEAR_M``, -1 where there is none.

    Sites at one point are told apart first, so that the search tree holds every point once.
    """
    places = pd.DataFrame({"n": name, "x": lon.round(7), "y": lat.round(7), "row": rows})
    first = places.groupby(["n", "x", "y"], sort=False)["row"].transform("first").to_numpy()
    partner = np.where(first != rows, first, -1)
    single = np.flatnonzero((first == rows) & places["n"].duplicated(keep=False).to_numpy())
    if len(single) > 1:
        spot = np.column_stack((plane(lon[single], lat[single]), name[single] * 1e6))
        count = min(_NEIGHBOURS, len(single))
        gap, other = cKDTree(spot).query(spot, k=count, distance_upper_bound=NEAR_M)
        gap[~(other < np.arange(len(single))[:, None])] = np.inf
        nearest = gap.argmin(axis=1)[:, None]
        has = np.isfinite(np.take_along_axis(gap, nearest, axis=1)[:, 0])
        partner[single[has]] = rows[single[np.take_along_axis(other, nearest, axis=1)[has, 0]]]
    return partner


# Values against the calendar


def check_dates(dates: Cells, today: date, *, column: str, stale: bool = False) -> list[Batch]:
    """Find dates in the future and, if asked for, those older than ``STALE_DAYS``."""
    numbers, unique = pd.factorize(dates.astype(str))
    texts = [str(text) for text in unique]
    future = np.array([bool(text) and first_day(text) > today for text in texts], bool)[numbers]
    aged = [stale and bool(text) and (today - last_day(text)).days > STALE_DAYS for text in texts]
    old = np.array(aged, bool)[numbers]
    found = batch("date_future", future, what=f"晚于今天 ({today})", column=column, got=dates, fix="请核对")
    what = f"核实已超过 {STALE_DAYS} 天"
    return found + batch("stale_verification", old, what=what, column=column, got=dates, fix="请重新核实")


def check_years(years: Any, status: Cells, today: date, *, column: str) -> list[Batch]:
    """Find years after the next one of sites that are not planned or being built."""
    year = np.asarray(years, float)
    late = np.isfinite(year) & (year > today.year + 1) & ~np.isin(status.astype(str), ("规划", "在建"))
    return batch(
        "value_range",
        late,
        what=f"已建的年份不应晚于 {today.year + 1}",
        column=column,
        got=year,
        fix="请核对",
    )
