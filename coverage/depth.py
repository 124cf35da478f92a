"""Depth: how far, how often and how late residents are reached, by zone; and the places that are worst off.

Every table is for one group of residents. Costs are those of `matrix`: whole hundredths of a second or metre,
limits inclusive. On foot shares are counted by sub-cells, times to the nearest from the centres of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer, label_points
from ..geodata.layers import Layer
from .matrix import UNREACHED, Matrix, Ranked
from .people import GROUPS, Group, people
from .quantiles import by_zone
from .standards import Standard
from .zones import Zones, exact_over, share_of, sum_over, whole_over

NOISE = 1e-6
"""Residents by which sums of fractions may be off; far below one."""


def within_share(
    ranked: Ranked, limits: Sequence[int], *, at_least: int = 1, matrix: Matrix | None = None
) -> NDArray[np.float64]:
    """Find the share of each cell's residents with at least so many sites within each limit, inclusive.

    Parameters
    ----------
    limits
        Seconds or metres.
    matrix
        Needed on foot, where a cell is reached in parts; its limit must hold all limits.

    Returns
    -------
    (n, limits) shares; those of one site are `measures.cover_layer`'s, exactly.

    Raises
    ------
    ValueError
        On foot without a matrix, or one that ends too early; by road more sites than are ranked.
    """
    most = np.asarray(limits, np.int64) * 100
    if ranked.standard.mode == "drive":
        if at_least > ranked.cost.shape[1]:
            raise ValueError(f"{ranked.cost.shape[1]} sites are ranked, not {at_least}")
        cost = ranked.cost[:, at_least - 1]
        inside = np.empty((len(cost), len(most)), order="F")  # summed column by column
        for column, each in enumerate(most.tolist()):
            inside[:, column] = cost <= min(each, UNREACHED - 1)
        return inside
    if matrix is None or matrix.limit < max(limits, default=0):
        raise ValueError("on foot a matrix is needed that holds all limits")
    entry = matrix.indptr[:-1] + at_least - 1
    row = np.flatnonzero(entry < matrix.indptr[1:])  # a row's sites ascend by cost
    cell, cost, n = matrix.cell[row], matrix.cost[entry[row]], len(ranked.met)
    parts = np.ones(n)
    parts[matrix.cell] = np.rint(1 / matrix.part)
    share = np.zeros((n, len(most)), order="F")
    for column, each in enumerate(most.tolist()):
        share[:, column] = np.bincount(cell[cost <= each], minlength=n) / parts
    return share


def bands(
    demand: Demand,
    ranked: Ranked,
    zones: Zones,
    *,
    matrix: Matrix | None = None,
    limits: Sequence[int] | None = None,
    group: Group = "all",
) -> pd.DataFrame:
    """Count residents by how far the nearest site is: exclusive bands that add up to all of them.

    Parameters
    ----------
    limits
        Ascending seconds or metres; by default those of the standard. A band holds its upper limit.

    Returns
    -------
    pd.DataFrame
        One row per zone and band: level, code, name, city, band (0 …), band_text (1小时内, 1小时-2小时, …,
        3小时以上, 无法到达), low, high (inf beyond the last limit, NaN where none is reached), residents
        (whole; they sum to those of the zone), share (NaN for a zone without residents).

    Raises
    ------
    ValueError
        The limits do not ascend; or as `within_share`.
    """
    own, asked = people(demand, group), tuple(ranked.standard.limits if limits is None else limits)
    if list(asked) != sorted(set(asked)):
        raise ValueError(f"limits must ascend, got {asked}")
    within = within_share(ranked, asked, matrix=matrix)
    running = np.empty((len(own), len(asked) + 2), order="F")
    running[:, :-2] = own[:, None] * within
    running[:, -2] = own * np.maximum(within.max(axis=1, initial=0.0), ranked.site[:, 0] >= 0)
    running[:, -1] = own
    exact, total = exact_over(demand, zones, running), exact_over(demand, zones, own)
    names, count = _band_names(ranked.standard, asked), len(asked) + 2
    table = zones.repeated(count)
    for column, values in names.items():
        table[column] = values * len(zones)
    table["residents"] = np.diff(whole_over(demand, zones, running), axis=1, prepend=0).ravel()
    inside = np.maximum(np.diff(exact, axis=1, prepend=0), 0.0)  # sums of fractions carry noise
    return table.assign(share=share_of(inside, total[:, None]).ravel())


def _band_names(standard: Standard, limits: Sequence[int]) -> dict[str, list[Any]]:
    texts = [standard.limit_text(limit) for limit in limits]
    inner = [f"{low}-{high}" for low, high in pairwise(texts)]
    ends = [f"{texts[0]}内", *inner, f"{texts[-1]}以上"] if texts else ["可达"]
    high = [float(limit) for limit in limits]
    return {
        "band": list(range(len(limits) + 2)),
        "band_text": [*ends, "无法到达"],
        "low": [0.0, *high, np.nan],
        "high": [*high, np.inf, np.nan],
    }


def k_cover(
    demand: Demand,
    ranked: Ranked,
    zones: Zones,
    *,
    matrix: Matrix | None = None,
    counts: Sequence[int] = (1, 2, 3),
    groups: Sequence[Group] = ("all",),
) -> pd.DataFrame:
    """Count residents with at least 1, 2, 3 … sites within the main limit.

    Parameters
    ----------
    counts
        How many sites; the one nearest and the further ones that the standard asks for are added.

    Returns
    -------
    pd.DataFrame
        One row per group, zone and count: level, code, name, city, group, group_text, sites (at least so
        many), residents, served (whole), share (NaN for a zone without residents), asked (whether the
        standard's ``backup`` asks for just so many), met (only there, else None: whether its target share of
        the residents has them; where it sets none, whether all have).

    Raises
    ------
    ValueError
        As `within_share`.
    """
    standard = ranked.standard
    needed = 1 + standard.backup
    ordered = sorted({*counts, needed}, reverse=True)  # the more sites, the fewer residents
    share = np.column_stack(
        [within_share(ranked, (standard.main,), at_least=k, matrix=matrix)[:, 0] for k in ordered]
    )
    tables = []
    for group in groups:
        own = people(demand, group)
        served, total = own[:, None] * share, exact_over(demand, zones, own)
        exact, whole = exact_over(demand, zones, served), whole_over(demand, zones, served)
        table = zones.repeated(len(ordered)).assign(group=group, group_text=GROUPS[group])
        table["sites"] = ordered[::-1] * len(zones)
        table["residents"] = np.repeat(np.rint(total).astype(np.int64), len(ordered))
        table["served"] = whole[:, ::-1].ravel()
        table["share"] = share_of(exact, total[:, None])[:, ::-1].ravel()
        asked = (table["sites"] == needed).to_numpy() & (standard.backup > 0)
        goal = 1.0 if standard.target_share is None else standard.target_share
        met = _met(exact[:, ::-1].ravel(), np.repeat(total, len(ordered)), goal)
        met[~asked] = None
        tables.append(table.assign(asked=asked, met=met))
    return pd.concat(tables, ignore_index=True)


def _met(part: NDArray[np.float64], whole: NDArray[np.float64], goal: float | None) -> NDArray[np.object_]:
    """Say whether a part is at least a share of a whole: True, False, or None where nothing is asked."""
    met = np.full(len(part), None, object)
    if goal is not None:
        asked = whole > 0
        met[asked] = (part[asked] >= goal * whole[asked] - NOISE).tolist()
    return met


def to_reach(
    demand: Demand, share: NDArray[np.float64], standard: Standard, zones: Zones, *, group: Group = "all"
) -> pd.DataFrame:
    """Compare the share of residents within the main limit with the one that the standard sets.

    Parameters
    ----------
    share
        (n,) share of each cell's residents, such as ``Cover.main_share``; or (n, m) of which the last counts,
        such as ``Cover.share`` up to the main limit: rounded from limit to limit as in `measures.by_unit`.

    Returns
    -------
    pd.DataFrame
        level, code, name, city, residents, served (whole), share, target_share (NaN where no rule sets one),
        met (True, False; None where no rule sets one or nobody lives), short (residents still to bring
        within the limit, whole; 0 where it is met or not asked).
    """
    own, goal = people(demand, group), standard.target_share
    inside = own[:, None] * (share[:, None] if share.ndim == 1 else share)
    exact, total = exact_over(demand, zones, inside[:, -1]), exact_over(demand, zones, own)
    met = _met(exact, total, goal)
    missing = np.ceil((goal or 0.0) * total - exact - NOISE)
    return zones.units.assign(
        residents=np.rint(total).astype(np.int64),
        served=whole_over(demand, zones, inside)[:, -1],
        share=share_of(exact, total),
        target_share=np.nan if goal is None else goal,
        met=met,
        short=np.where(met == False, np.maximum(missing, 1), 0).astype(np.int64),  # noqa: E712 (objects)
    )


def times(
    demand: Demand, ranked: Ranked, zones: Zones, *, group: Group = "all", quantile: float = 0.9
) -> pd.DataFrame:
    """Measure how far the first, second and third nearest site are.

    Returns
    -------
    pd.DataFrame
        One row per zone and rank: level, code, name, city, rank (1 …), residents, without (residents who
        reach no such site), median, p90 (within which the share ``quantile`` of all residents are; inf where
        too few reach), mean (of those who reach one), longest (of those), worst (inf where some do not); in
        seconds or metres, NaN where nobody lives or reaches. With _text: 中文, rounded up but the mean.
    """
    own = people(demand, group)
    tables = []
    for rank in range(ranked.cost.shape[1]):
        figures = _figures(zones, own, np.ascontiguousarray(ranked.cost[:, rank]), quantile)
        table = zones.units.assign(rank=rank + 1, **figures)
        for column in ("median", "p90", "mean", "longest", "worst"):
            say = ranked.standard.cost_text if column == "mean" else ranked.standard.cost_text_up
            table[f"{column}_text"] = ["" if np.isnan(x) else say(x) for x in table[column].tolist()]
        tables.append(table)
    order = np.arange(len(zones) * len(tables)).reshape(len(tables), -1).T.ravel()
    return pd.concat(tables, ignore_index=True).iloc[order].reset_index(drop=True)


def _figures(
    zones: Zones, own: NDArray[np.int64], cost: NDArray[np.int32], quantile: float
) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """Compute the figures of `times` for one rank, from hundredths."""
    there = own * (cost < UNREACHED)
    total, reached = sum_over(zones, own), sum_over(zones, there)
    spent = sum_over(zones, there * cost.astype(np.int64)) / 100
    longest = np.full(len(zones), -1, np.int32)
    some = there > 0
    np.maximum.at(longest, zones.member[some], cost[some])
    late = np.where(reached > 0, longest / 100, np.nan)
    found = by_zone(zones.member, len(zones), cost, own, (0.5, quantile))
    median, high = (np.where(each == UNREACHED, np.inf, each / 100) for each in found)
    return {
        "residents": np.rint(total).astype(np.int64),
        "without": np.rint(total - reached).astype(np.int64),
        "median": median,
        "p90": high,
        "mean": share_of(spent, reached),
        "longest": late,
        "worst": np.where(total > reached, np.inf, late),
    }


def worst_places(
    demand: Demand,
    ranked: Ranked,
    layer: Layer,
    zones: Zones,
    *,
    gazetteer: Gazetteer | None = None,
    most: int = 10,
    group: Group = "all",
) -> pd.DataFrame:
    """List the places with the longest way to the nearest site, each place once.

    Parameters
    ----------
    zones
        Townships, or cells named with a gazetteer; those of one name in one county are one place.
    gazetteer
        For the label, which says how far from the settlement the farthest cell is; else it is the name.

    Returns
    -------
    pd.DataFrame
        At most ``most`` rows, the farthest first (those that no site reaches before all, equally far ones
        by residents): rank, level, name, city, county, label (遂川县 泉江西约40公里), residents (of the
        place), beyond (of them in cells beyond the main limit), lon, lat (WGS84, of its farthest cell with
        residents), cost (seconds or metres from there, inf where none can be reached), cost_text,
        nearest_site, nearest_id ("" for none).
    """
    own = people(demand, group)
    place, names = _places(zones)
    cost = np.where(ranked.cost[:, 0] < UNREACHED, ranked.cost[:, 0] / 100, np.inf)
    member, farthest = place[zones.member], np.full(len(names), -1.0)
    np.maximum.at(farthest, member, np.where(own > 0, cost, -1.0))
    cells = np.flatnonzero((own > 0) & (cost == farthest[member]))
    # Of each place the farthest cell, of several the one with most residents, then the first h3 index.
    order = cells[np.lexsort((demand.cell[cells], -own[cells], member[cells]))]
    worst = order[np.flatnonzero(np.diff(member[order], prepend=-1))]
    beyond = own * (cost > ranked.standard.main)
    residents, late = (np.bincount(member, weights=each, minlength=len(names)) for each in (own, beyond))
    at = member[worst]
    first = np.lexsort((at, -residents[at], -cost[worst]))[:most]
    worst, at = worst[first], at[first]
    table = names.iloc[at].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    table["label"] = table["name"]
    if gazetteer is not None and len(worst):
        county = demand.county[worst]
        table["label"] = label_points(gazetteer, demand.lon[worst], demand.lat[worst], county=county)
    table["residents"], table["beyond"] = residents[at].astype(np.int64), late[at].astype(np.int64)
    table["lon"], table["lat"], table["cost"] = demand.lon[worst], demand.lat[worst], cost[worst]
    table["cost_text"] = [ranked.standard.cost_text_up(each) for each in cost[worst].tolist()]
    for column, source in (("nearest_site", "name"), ("nearest_id", "id")):
        texts = [*layer.table[source].astype(str).tolist(), ""]
        table[column] = [texts[row] for row in ranked.site[worst, 0].tolist()]
    return table


def _places(zones: Zones) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Put zones of one name in one county together: (z,) place of each, and the names of the places."""
    columns = ["level", "name", "city", "county"]
    number = np.asarray(zones.table.groupby(columns, sort=False).ngroup(), np.int64)
    names: pd.DataFrame = zones.table[columns].drop_duplicates().reset_index(drop=True)
    return number, names
