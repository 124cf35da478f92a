"""Sites that must not fail: whom the loss of each one costs the cover, and how much later help comes (N-1).

Without a site its residents fall to their second nearest: nobody else is concerned. So the two nearest sites
of every cell (`matrix.rank_sites`) answer for the loss of each site at once, exactly. On foot the cover is
counted in sub-cells (`matrix.build_matrix`): a site's loss takes the cover from the rows with no other site
within the main limit. On N-1 analysis of facilities: Church, Scaparra and Middleton 2004, *Annals of the
Association of American Geographers* 94:491 (r-interdiction, here r = 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.layers import KIND_NAMES, Layer
from .harm import minutes_text
from .matrix import UNREACHED, Matrix, Ranked
from .standards import Standard
from .zones import Zones, exact_over, joined, share_of, whole_over, zones_of

TOP = 10
"""Rows of a table."""

COLUMNS = [
    "rank", "id", "name", "level", "site_county", "site_city", "lon", "lat", "users", "users_served", "lost",
    "slower", "added_mean", "added_max", "added_sum", "cut_off", "county_code", "county", "city",
    "county_lost", "row", "text",
]  # fmt: skip
"""Columns of `SiteTable.table`."""

UNIT_COLUMNS = [
    "level", "code", "name", "city", "residents", "served", "served_after", "lost", "share", "share_after",
    "cut_off",
]  # fmt: skip
"""Columns of `WorstCase.table`."""

NEAR = "步行: 只计服务半径内的居民 (按1/343网格), 多走的路也只计他们中另有站点的"


@dataclass(frozen=True)
class SiteTable:
    """The sites of a layer, ranked by what their loss costs."""

    table: pd.DataFrame
    """``COLUMNS``, one row per site, by lost, then added_sum, then row.

    users: residents whose nearest site it is, users_served: those within the main limit; on foot only these
    are looked at. Of its loss: lost (residents who lose the cover, whole), slower (residents whose next site
    is farther; on foot within the limit, too), added_mean and added_max (minutes, or metres on foot; NaN
    without any), added_sum (person-hours, or person-kilometres on foot), cut_off (residents with no other
    site at all), the county that loses most cover (empty where none does) and its loss. row: position in the
    layer; text: the row in one sentence.
    """
    headline: str
    """What it says, in one sentence."""
    notes: tuple[str, ...] = ()
    """What a reader must know, in Chinese."""


@dataclass(frozen=True)
class WorstCase:
    """The cover that is left when the site is lost whose loss costs most (N-1)."""

    row: int
    """Position of the site in the layer, -1: there is none whose loss costs anything."""
    table: pd.DataFrame
    """``UNIT_COLUMNS`` by province, city and county: before and after its loss; residents are whole, counties
    sum to cities and the province, and served - lost = served_after."""
    headline: str
    """What it says, in one sentence."""


def lost_sites(
    demand: Demand, ranked: Ranked, layer: Layer, *, matrix: Matrix | None = None, top: int | None = TOP
) -> SiteTable:
    """Rank the sites of a layer by whom their loss costs the cover.

    Parameters
    ----------
    ranked
        Of the layer, at least the two nearest sites.
    matrix
        Of the layer up to the main limit or beyond; needed on foot only.
    top
        Rows; None for all sites.

    Raises
    ------
    ValueError
        ``ranked`` holds only the nearest site, is not of the layer, or the matrix is missing.
    """
    _check(demand, ranked, layer, matrix)
    standard, n_sites = ranked.standard, len(layer.table)
    why = _nothing(demand, layer)
    if why:
        return SiteTable(pd.DataFrame(columns=COLUMNS), why)
    falls = _falls(demand, ranked, matrix)
    table = _sites(layer).assign(
        **_costs(falls, standard, n_sites), **_cover(demand, falls, standard, n_sites)
    )
    order = np.lexsort((table["row"], -table["added_sum"], -table["lost"]))
    table = table.iloc[order[:top]].reset_index(drop=True)
    table["rank"] = np.arange(1, len(table) + 1)
    table["text"] = [_text(row, standard) for _, row in table.iterrows()]
    return SiteTable(table[COLUMNS], _headline(table, standard), (NEAR,) if standard.mode == "walk" else ())


def worst_case(
    demand: Demand,
    ranked: Ranked,
    layer: Layer,
    *,
    matrix: Matrix | None = None,
    zones: Sequence[Zones] | None = None,
) -> WorstCase:
    """Measure the cover by unit that is left when the worst site is lost.

    Parameters and errors are those of `lost_sites`; ``zones`` are the levels of the table, by default
    province, city and county.
    """
    first = lost_sites(demand, ranked, layer, matrix=matrix, top=1)
    costs = first.table[["lost", "added_sum", "cut_off"]].to_numpy(np.float64)
    row = int(first.table["row"][0]) if (costs > 0).any() else -1
    levels = [zones_of(demand, level) for level in ("省", "市", "县")] if zones is None else zones
    falls, n = _falls(demand, ranked, matrix), len(demand.cell)
    covered = falls.people * (falls.first <= ranked.standard.main * 100)
    mine = falls.site == row
    kept = covered * ~(mine & _alone(falls, ranked.standard))
    gone = falls.people * (mine & falls.last & (falls.second >= UNREACHED))
    amounts = [
        np.bincount(falls.cell, weights=each, minlength=n).astype(np.float64)
        for each in (kept, covered, gone)
    ]
    tables = [_unit_table(demand, each, *amounts) for each in levels]
    return WorstCase(row, joined(tables), first.headline)


def _check(demand: Demand, ranked: Ranked, layer: Layer, matrix: Matrix | None) -> None:
    if ranked.site.shape[1] < 2:
        raise ValueError("the two nearest sites are needed: rank_sites(…, k=2)")
    if len(ranked.site) != len(demand.cell) or ranked.site.max(initial=-1) >= len(layer.table):
        raise ValueError("the ranking is of another demand or layer")
    if ranked.standard.mode == "walk" and matrix is None:
        raise ValueError("on foot a matrix of the pairs is needed")
    if matrix is not None and (matrix.n_sites != len(layer.table) or matrix.limit < ranked.standard.main):
        raise ValueError("the matrix is of another layer, or does not reach to the main limit")


def _nothing(demand: Demand, layer: Layer) -> str:
    if not len(layer.table):
        return "没有站点, 也就没有可以失去的覆盖"
    return "" if int(demand.residents.sum()) else "没有居民, 也就没有可以失去的覆盖"


def _sites(layer: Layer) -> pd.DataFrame:
    own = layer.table[["id", "name", "level", "lon", "lat"]].reset_index(drop=True)
    county, city = layer.table["county"].to_list(), layer.table["city"].to_list()
    return own.assign(site_county=county, site_city=city, row=np.arange(len(own)))


class _Falls(NamedTuple):
    """Residents who fall from their nearest site to the next: cells, on foot rows of sub-cells."""

    cell: NDArray[np.int32]
    site: NDArray[np.int32]
    """Nearest site."""
    people: NDArray[np.float64]
    first: NDArray[np.int64]
    """Cost of the nearest site, hundredths."""
    second: NDArray[np.int64]
    """Cost of the next site, ``UNREACHED`` where there is none (on foot: none within the limit)."""
    last: NDArray[np.bool_]
    """Whether no other site reaches the cell at any distance."""


def _falls(demand: Demand, ranked: Ranked, matrix: Matrix | None) -> _Falls:
    if ranked.standard.mode == "drive" or matrix is None:
        cell = np.flatnonzero((ranked.site[:, 0] >= 0) & (demand.residents > 0)).astype(np.int32)
        first, second = (ranked.cost[cell, column].astype(np.int64) for column in (0, 1))
        people = np.asarray(demand.residents, np.float64)[cell]
        return _Falls(cell, ranked.site[cell, 0], people, first, second, second >= UNREACHED)
    near = np.concatenate([[0], np.cumsum(matrix.within(ranked.standard.main))])[matrix.indptr]
    people = matrix.weight(demand.residents)
    rows = np.flatnonzero((np.diff(near) > 0) & (people > 0))
    entry, count = matrix.indptr[rows], np.diff(near)[rows]
    second = np.full(len(rows), UNREACHED, np.int64)
    second[count > 1] = matrix.cost[entry[count > 1] + 1]
    last = ranked.site[matrix.cell[rows], 1] < 0
    return _Falls(
        matrix.cell[rows], matrix.site[entry], people[rows], matrix.cost[entry].astype(np.int64), second, last
    )


def _costs(falls: _Falls, standard: Standard, n_sites: int) -> dict[str, NDArray[np.generic]]:
    """Sum by site what its residents pay for going to the next one."""
    reached = falls.second < UNREACHED
    added = np.where(reached, falls.second - falls.first, 0)
    unit, large = (6000, 360_000) if standard.mode == "drive" else (100, 100_000)
    slower = _sum(falls, falls.people * (added > 0), n_sites)
    total = _sum(falls, falls.people * added, n_sites)
    longest = np.zeros(n_sites)
    np.maximum.at(longest, falls.site, added / unit)
    return {
        "users": _whole(_sum(falls, falls.people, n_sites)),
        "slower": _whole(slower),
        "added_mean": share_of(total / unit, slower),
        "added_max": np.where(slower > 0, longest, np.nan),
        "added_sum": total / large,
        "cut_off": _whole(_sum(falls, falls.people * (falls.last & ~reached), n_sites)),
    }


def _sum(falls: _Falls, amount: NDArray[np.float64], n_sites: int) -> NDArray[np.float64]:
    return np.bincount(falls.site, weights=amount, minlength=n_sites).astype(np.float64)


def _whole(amount: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round residents, free of the noise of summing fractions."""
    return np.rint(np.round(amount, 6)).astype(np.int64)


def _cover(
    demand: Demand, falls: _Falls, standard: Standard, n_sites: int
) -> dict[str, NDArray[np.generic] | list[str]]:
    """Sum by site whom it covers, whom it alone covers, and the county where most of these live."""
    alone = _alone(falls, standard)
    lost = _sum(falls, falls.people * alone, n_sites)
    county, most = _hardest(demand, falls, np.flatnonzero(alone), n_sites)
    hit = _whole(most) > 0
    names = (demand.county_code, demand.county_name, demand.city_name)
    columns = zip(("county_code", "county", "city"), names, strict=True)
    return {
        "users_served": _whole(_sum(falls, falls.people * (falls.first <= standard.main * 100), n_sites)),
        "lost": _whole(lost),
        "county_lost": _whole(most),
        **{name: np.where(hit, np.asarray(values)[county], "").tolist() for name, values in columns},
    }


def _alone(falls: _Falls, standard: Standard) -> NDArray[np.bool_]:
    """Mark the residents whom their nearest site covers and no other."""
    limit = standard.main * 100
    return (falls.first <= limit) & (falls.second > limit)


def _hardest(
    demand: Demand, falls: _Falls, rows: NDArray[np.intp], n_sites: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find for each site the county with most of some residents, the first of equals: (county, residents)."""
    n = len(demand.county_code)
    key, own = np.unique(
        falls.site[rows].astype(np.int64) * n + demand.county[falls.cell[rows]], return_inverse=True
    )
    total = np.bincount(own, weights=falls.people[rows], minlength=len(key)).astype(np.float64)
    owner, county = np.divmod(key, n)
    order = np.lexsort((-county, total, owner))
    hardest, most = np.zeros(n_sites, np.int64), np.zeros(n_sites)
    hardest[owner[order]], most[owner[order]] = county[order], total[order]
    return hardest, most


def _unit_table(
    demand: Demand,
    zones: Zones,
    after: NDArray[np.float64],
    before: NDArray[np.float64],
    gone: NDArray[np.float64],
) -> pd.DataFrame:
    """Count (n,) residents covered after and before, and cut off, by zone."""
    amounts = np.column_stack([after, before, demand.residents])
    whole, exact = whole_over(demand, zones, amounts), exact_over(demand, zones, amounts)
    return zones.units.assign(
        residents=whole[:, 2],
        served=whole[:, 1],
        served_after=whole[:, 0],
        lost=whole[:, 1] - whole[:, 0],
        share=share_of(exact[:, 1], exact[:, 2]),
        share_after=share_of(exact[:, 0], exact[:, 2]),
        cut_off=whole_over(demand, zones, gone),
    )


def _text(row: pd.Series, standard: Standard) -> str:
    """Say what the loss of a site costs."""
    limit = standard.limit_text(standard.main)
    parts = [f"{row['lost']:,}名居民失去{limit}覆盖" if row["lost"] else f"无人失去{limit}覆盖"]
    if row["slower"]:
        far = minutes_text(row["added_mean"]) if standard.mode == "drive" else f"{row['added_mean']:,.0f}米"
        more = "多用" if standard.mode == "drive" else "多走"
        parts.append(f"{row['slower']:,}名居民到下一站点平均{more}{far}")
    if row["cut_off"]:
        parts.append(f"{row['cut_off']:,}名居民再无站点可达")
    return f"失去{row['name'] or row['id']}: " + ", ".join(parts)


def _headline(table: pd.DataFrame, standard: Standard) -> str:
    worst = table.iloc[0]
    if not worst["lost"]:
        kind, limit = KIND_NAMES[standard.kind], standard.limit_text(standard.main)
        return f"任何一处{kind}站点单独失去, 都不会让居民失去{limit}覆盖"
    where = f" ({worst['county']}失去最多)" if worst["county"] else ""
    return f"最不能失去的是{worst['name'] or worst['id']}: {worst['text'].split(': ', 1)[1]}{where}"
