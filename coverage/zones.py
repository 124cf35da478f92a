"""Zones: the units that figures are given for, from the province down to the cells, and sums that add up.

Residents on foot are fractions of cells. They are rounded once, at the level of counties; cities and the
province are sums of counties, and townships and cells share out the whole residents of their county. So
tables of all five levels add up exactly. Shares are made from the unrounded figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.crs import EARTH_RADIUS_M, unit_vectors
from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer
from ..geodata.names import SETTLEMENT
from .rounding import rank_in_run, round_together, share_out

if TYPE_CHECKING:
    from ..geodata.townships import Townships

LEVELS = ("省", "市", "县", "乡镇", "网格")
"""Levels of the zones, from large to small."""

APPROXIMATE = "近似乡镇: 按最近居民点划分, 不是行政边界"
"""How townships are made where there are no boundaries of them."""

_ALL = "全境"
_Sums = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_PROVINCES = {"36": "江西省"}
_DIGITS = {"省": 2, "市": 4, "县": 6}
_MOST_PAIRS = 1 << 22  # cells x settlements compared at once: 100 MB


@dataclass(frozen=True)
class Zones:
    """The zones of one level and which of them each of n cells belongs to."""

    level: str
    """省, 市, 县, 乡镇 or 网格."""
    table: pd.DataFrame
    """level, code, name, city, county (text, "" where it has none); ascending by code, index 0..z-1."""
    member: NDArray[np.int32]
    """(n,) zone of each cell."""
    note: str = ""
    """What a reader must know about how the zones were made; Chinese, empty where nothing."""
    within: Zones | None = None
    """For cells the townships that they add up to; None: they add up to counties only."""

    def __len__(self) -> int:
        return len(self.table)

    @property
    def units(self) -> pd.DataFrame:
        """The columns with which tables begin: level, code, name, city; townships and cells also county."""
        below = self.level in ("乡镇", "网格")
        return self.table[["level", "code", "name", "city", *(["county"] if below else [])]]

    def rows(self, zone: NDArray[np.integer[Any]]) -> pd.DataFrame:
        """Return the ``units`` of some zones, one row for each entry."""
        table: pd.DataFrame = self.units.iloc[zone].reset_index(drop=True)
        return table

    def repeated(self, times: int) -> pd.DataFrame:
        """Return the ``units``, each row so many times."""
        return self.rows(np.repeat(np.arange(len(self)), times))


def zones_of(
    demand: Demand, level: str, *, gazetteer: Gazetteer | None = None, townships: Townships | None = None
) -> Zones:
    """List the zones of a level.

    Provinces, cities and counties follow from the codes (GB/T 2260: two, four and six digits). Townships are
    those of ``townships``, else approximate: each cell belongs to the nearest settlement of its own county
    (great circle, ties to the first of the gazetteer), and a county without settlements is one zone. Cells
    are zones with their h3 index as code; with a gazetteer or townships they are named by their township and
    add up to it.

    Townships that hold no centre of a cell have no row; the note counts them.

    Raises
    ------
    ValueError
        An unknown level; or 乡镇 with neither a gazetteer nor townships.

    Examples
    --------
    >>> import h3.api.numpy_int as h3
    >>> cell = np.array([h3.latlng_to_cell(28.68, 115.86, 7)], np.uint64)
    >>> one, code = np.ones(1, np.int64), np.array(["360103"])
    >>> demand = Demand(cell, one * 115.86, one * 28.68, one * 5.0, np.zeros(1, np.int32), one, one, one, one,
    ...                 code, np.array(["西湖区"]), np.array(["南昌市"]))
    >>> zones_of(demand, "市").table.loc[0, ["code", "name"]].tolist()
    ['360100', '南昌市']
    """
    if level in _DIGITS:
        return _by_code(demand, level)
    if level == "乡镇":
        if townships is not None:
            return _real_townships(demand, townships)
        if gazetteer is None:
            raise ValueError("townships need boundaries of them or a gazetteer")
        return _near_townships(demand, gazetteer)
    if level == "网格":
        known = gazetteer is not None or townships is not None
        return _cells(
            demand, zones_of(demand, "乡镇", gazetteer=gazetteer, townships=townships) if known else None
        )
    raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {level}")


def sum_over(zones: Zones, amount: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sum an (n,) or (n, c) amount of the cells by zone: (z,) or (z, c)."""
    return _sum(zones.member, amount, len(zones))


def sum_counties(demand: Demand, zones: Zones, amount: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sum a (counties,) amount by province, city or county: (z,); counties without cells count, too."""
    return _sum(_zone_of_counties(demand, zones), amount, len(zones))


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the tables of several levels below each other; a county is "" where a level has none."""
    table = pd.concat(tables, ignore_index=True)
    if "county" not in table.columns:
        return table
    county = table.pop("county")
    table.insert(4, "county", county.fillna(""))
    return table


def share_of(part: NDArray[np.generic], whole: NDArray[np.generic]) -> NDArray[np.float64]:
    """Divide a part by a whole, NaN where the whole is 0.

    Examples
    --------
    >>> share_of(np.array([1, 0]), np.array([4, 0])).tolist()
    [0.25, nan]
    """
    above, below = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    out = np.full(above.shape, np.nan)
    np.divide(above, below, out=out, where=below > 0)
    return out


def exact_over(demand: Demand, zones: Zones, amount: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sum as `sum_over` does, but provinces and cities from counties, as the whole figures are."""
    if zones.level in _DIGITS:
        counties = _sum(demand.county, amount, len(demand.county_code))
        return _sum(_zone_of_counties(demand, zones), counties, len(zones))
    return sum_over(zones, amount)


def whole_over(
    demand: Demand, zones: Zones, amount: NDArray[np.generic], *, monotone: bool = True
) -> NDArray[np.int64]:
    """Sum an amount of the cells by zone and round it so that all levels add up exactly.

    Counties are rounded by largest remainder to the rounded sum of the province, ties to the first code;
    cities and the province are sums of counties; townships share out the whole residents of their county, and
    cells those of their township, or county where townships are not known, again by largest remainder.

    Parameters
    ----------
    amount
        (n,) or (n, c), at least 0. With ``monotone`` (n, c) never falls from a column to the next, and
        neither do the whole ones: where that asks for more than the rounded sum of the counties, it rises.

    Returns
    -------
    (z,) or (z, c), as the amount: a province, county, township or cell is below one away from its exact
    sum (but for such rises), a city as many as its counties together.
    """
    wide = np.asarray(amount, np.float64)
    whole = _whole(demand, zones, wide[:, None] if wide.ndim == 1 else wide, monotone)
    return whole.reshape(len(zones), *np.shape(amount)[1:])


def _whole(
    demand: Demand, zones: Zones, wide: NDArray[np.float64], monotone: bool, then: _Sums = lambda sums: sums
) -> NDArray[np.int64]:
    """Round (n, c) amounts by zone; ``then`` changes the sums before they are rounded."""
    if zones.within is not None:
        owner = _owner(zones, zones.within.member)
        above = _whole(demand, zones.within, wide, monotone, then)
        return share_out(above, then(sum_over(zones, wide)), owner, monotone)
    counties = round_together(then(_sum(demand.county, wide, len(demand.county_code))), monotone)
    if zones.level not in _DIGITS:
        return share_out(counties, then(sum_over(zones, wide)), _owner(zones, demand.county), monotone)
    whole = np.zeros((len(zones), counties.shape[1]), np.int64)
    np.add.at(whole, _zone_of_counties(demand, zones), counties)
    return whole


def parts_over(
    demand: Demand, zones: Zones, parts: NDArray[np.float64], *, inner: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """Sum (n, c) parts of the residents by zone, rounded: whole residents that sum over c to all of them.

    The parts of a cell sum to its residents (up to noise of 1e-9). Rounded are the running totals over c,
    whose last is whole, so that every level adds up in both directions. ``inner`` are (n, m) amounts within
    the first part, ascending, that are rounded before it, as another table does that shows them.
    """
    skip = 0 if inner is None else inner.shape[1]

    def running(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.cumsum(sums[:, skip:], axis=1)
        total[:, -1] = np.rint(total[:, -1])
        return np.column_stack([sums[:, :skip], np.minimum(total, total[:, -1:])])

    wide = np.column_stack([inner, parts]) if inner is not None and skip else parts
    return np.diff(_whole(demand, zones, wide, True, running)[:, skip:], axis=1, prepend=0)


# Making zones


def _by_code(demand: Demand, level: str) -> Zones:
    codes = np.asarray(demand.county_code).astype(str)
    prefix = codes.astype(f"<U{_DIGITS[level]}")
    unit, first, member = np.unique(prefix, return_index=True, return_inverse=True)
    city = np.asarray(demand.city_name)[first].tolist()
    county = np.asarray(demand.county_name)[first].tolist()
    none = [""] * len(unit)
    names = {"省": [_PROVINCES.get(code, "全省") for code in unit.tolist()], "市": city, "县": county}
    code = [text.ljust(6, "0") for text in unit.tolist()]
    above = (none if level == "省" else city, county if level == "县" else none)
    table = _table(level, code, names[level], *above)
    return Zones(level, table, member.astype(np.int32)[np.asarray(demand.county)])


def _table(level: str, code: Any, name: Any, city: Any, county: Any) -> pd.DataFrame:
    return pd.DataFrame({"level": level, "code": code, "name": name, "city": city, "county": county})


def _below(
    demand: Demand, level: str, code: Any, name: Any, county: NDArray[np.integer[Any]]
) -> pd.DataFrame:
    """Make the table of zones inside counties."""
    city, own = (np.asarray(names).astype(object)[county] for names in (demand.city_name, demand.county_name))
    return _table(level, code, name, city, own)


def _real_townships(demand: Demand, townships: Townships) -> Zones:
    """Take the townships of an office; a county without any is one zone."""
    from ..geodata.townships import located  # noqa: PLC0415  (geopandas; most questions do not need it)

    found, held = located(townships, demand)
    code, name = townships.table["code"].tolist(), townships.table["name"].tolist()
    # Townships come first; the rest of each county follows, numbered by the county.
    key = np.where(found >= 0, found, len(code) + np.asarray(demand.county))
    used, member = np.unique(key, return_inverse=True)
    codes = [code[i] if i < len(code) else f"{demand.county_code[i - len(code)]}000" for i in used.tolist()]
    names = [name[i] if i < len(code) else _all_of(demand, i - len(code)) for i in used.tolist()]
    county = np.zeros(len(used), np.int64)
    county[member] = demand.county
    empty = len(code) - int((used < len(code)).sum())
    notes = [townships.note] if townships.note else []
    outside = int((~held & (found >= 0)).sum())
    if outside:
        notes.append(f"{outside} 个网格的中心不在任何乡镇内, 归入本县最近的乡镇")
    if empty:
        notes.append(f"{empty} 个乡镇(街道)内没有网格中心, 居民计入相邻乡镇, 不单列")
    return _ascending("乡镇", _below(demand, "乡镇", codes, names, county), member, "; ".join(notes))


def _near_townships(demand: Demand, gaz: Gazetteer) -> Zones:
    """Make a zone of the cells nearest to each settlement of their county."""
    settlement = nearest_settlement(demand, gaz)
    rows = np.flatnonzero(np.asarray(gaz.level) == SETTLEMENT)
    number = _number_in_county(np.asarray(gaz.county)[rows])  # 1, 2, … in the order of the gazetteer
    order = np.zeros(len(gaz.name) + 1, np.int64)  # the last is that of -1, no settlement
    order[rows] = number
    width = int(order.max(initial=0)) + 1
    key = np.asarray(demand.county).astype(np.int64) * width + order[settlement]
    used, first, member = np.unique(key, return_index=True, return_inverse=True)
    county = np.asarray(demand.county)[first]
    names = [
        str(gaz.name[row]) if row >= 0 else _all_of(demand, own)
        for row, own in zip(settlement[first].tolist(), county.tolist(), strict=True)
    ]
    digits = max(3, len(str(width - 1)))
    codes = [
        f"{demand.county_code[own]}-{place:0{digits}d}"
        for own, place in zip(county.tolist(), (used % width).tolist(), strict=True)
    ]
    return _ascending("乡镇", _below(demand, "乡镇", codes, names, county), member, APPROXIMATE)


def _cells(demand: Demand, within: Zones | None) -> Zones:
    """Make a zone of every cell."""
    order = np.argsort(np.asarray(demand.cell), kind="stable")
    member = np.empty(len(order), np.int32)
    member[order] = np.arange(len(order), dtype=np.int32)
    county = np.asarray(demand.county)[order]
    name = np.asarray(demand.county_name).astype(object)[county]
    if within is not None and len(order):
        columns = within.table["county"].tolist(), within.table["name"].tolist()
        names = [
            own if each == f"{own}{_ALL}" else f"{own} {each}一带" for own, each in zip(*columns, strict=True)
        ]
        name = np.array(names, object)[within.member[order]]
    table = _below(demand, "网格", _hex(demand.cell[order]), name, county)
    return Zones("网格", table, member, within.note if within else "", within)


def _ascending(level: str, table: pd.DataFrame, member: NDArray[np.integer[Any]], note: str) -> Zones:
    """Sort zones by code."""
    order = np.argsort(table["code"].to_numpy(str), kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return Zones(level, table.iloc[order].reset_index(drop=True), rank[member], note)


def _all_of(demand: Demand, county: int) -> str:
    return f"{demand.county_name[county]}{_ALL}"


def _number_in_county(county: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Number rows within each county from 1, in their order."""
    order = np.argsort(county, kind="stable")
    number = np.empty(len(county), np.int64)
    number[order] = rank_in_run(county[order]) + 1
    return number


def nearest_settlement(demand: Demand, gaz: Gazetteer) -> NDArray[np.int64]:
    """Find the nearest settlement of its own county to every cell: (n,) row of the gazetteer, -1 for none.

    The chord between unit vectors grows with the great circle; it is compared in whole square metres, so
    that noise decides no tie.
    """
    rows = np.flatnonzero(np.asarray(gaz.level) == SETTLEMENT)
    codes = np.asarray(gaz.county_code)[np.asarray(gaz.county)[rows]]
    order = np.argsort(np.asarray(demand.county), kind="stable")
    ends = np.cumsum(np.bincount(demand.county, minlength=len(demand.county_code)))
    found = np.full(len(order), -1, np.int64)
    place = EARTH_RADIUS_M * unit_vectors(gaz.lon[rows], gaz.lat[rows])
    for county, cells in enumerate(np.split(order, ends[:-1])):
        own = np.flatnonzero(codes == demand.county_code[county])
        if not len(own):
            continue
        for part in np.split(cells, np.arange(0, len(cells), max(1, _MOST_PAIRS // len(own)))[1:]):
            point = EARTH_RADIUS_M * unit_vectors(demand.lon[part], demand.lat[part])
            square = sum((point[:, axis, None] - place[own, axis]) ** 2 for axis in range(3))
            found[part] = rows[own[np.rint(square).argmin(axis=1)]]
    return found


def _hex(cell: NDArray[np.uint64]) -> NDArray[np.str_]:
    """Write ascending cells as h3 does: hex digits without zeros in front."""
    digits = np.frombuffer(np.asarray(cell, ">u8").tobytes().hex().encode(), "S16").astype("U16")
    zeros = 16 - len(f"{int(cell[-1]):x}") if len(cell) else 0
    if not len(cell) or len(f"{int(cell[0]):x}") != 16 - zeros:
        return np.array([text.lstrip("0") or "0" for text in digits.tolist()], str)  # no real cells
    letters = digits.view("U1").reshape(len(cell), 16)[:, zeros:]  # as many in all: cut off at once
    return np.ascontiguousarray(letters).view(f"U{16 - zeros}").ravel()


# Whole residents


def _sum(member: NDArray[np.integer[Any]], amount: NDArray[np.generic], count: int) -> NDArray[np.float64]:
    """Sum (n,) or (n, c) by member: (count,) or (count, c)."""
    amount = np.asarray(amount)
    if amount.ndim == 1:
        return np.bincount(member, weights=amount, minlength=count).astype(np.float64)
    out = np.zeros((count, amount.shape[1]))
    for column in range(amount.shape[1]):
        own = amount[:, column]
        if own.any():
            out[:, column] = np.bincount(member, weights=own, minlength=count)
    return out


def _zone_of_counties(demand: Demand, zones: Zones) -> NDArray[np.intp]:
    """Find the zone (province, city, county) of every county, also of those without cells."""
    prefix = np.asarray(demand.county_code).astype(f"<U{_DIGITS[zones.level]}")
    return np.searchsorted(zones.table["code"].to_numpy(str).astype(prefix.dtype), prefix)


def _owner(zones: Zones, above: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Find the unit above of every zone, given that of every cell.

    Raises
    ------
    ValueError
        A zone has cells in several.
    """
    owner = np.zeros(len(zones), np.int64)
    owner[zones.member] = above
    if (owner[zones.member] != above).any():
        raise ValueError("a zone has cells in several counties")
    return owner
