"""Marginal value of every existing site: who depends on it alone, and which sites could be closed.

All counts are exact: residents are counted in whole parts of a person (a sub-cell holds 1/343 of its cell's
residents) and rounded once, when they are shown.

Sites on which nobody depends alone cannot all be closed together: two that cover the same residents are each
free to go, but not both. The most sites that can be closed at once without any resident losing cover are all
but a minimum set cover of those who are covered today (LSCP; Toregas, Swain, ReVelle and Bergman 1971),
solved with its proven bound in `siting`. After these the sites are closed one by one, each time the one by
which the fewest further residents lose cover (greedy backward).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..geodata.compiled import compiled
from ..geodata.demand import Demand
from ..geodata.layers import Layer
from .matrix import Matrix
from .siting import Plan, lscp
from .subcells import CHILDREN

Units = NDArray[np.int64]
"""Residents in 343rds."""

FREE, MERGE, NEEDED = "可撤", "可与其他合并", "不可撤"
"""could_close: can go together with all others so marked; could go alone, but not with them; some residents
depend on it alone."""

COLUMNS = [
    "rank", "id", "name", "city", "county", "gross", "sole", "sole_share", "by_one_other", "by_two_others",
    "by_more_others", "could_close", "loss_if_closed", "cumulative",
]  # fmt: skip


@dataclass(frozen=True)
class SiteValues:
    """What the existing sites of a layer are worth, each beside the others."""

    table: pd.DataFrame
    """``COLUMNS``, one row per site in the order in which sites could be closed: see `site_values`."""
    closable: int
    """Sites that can be closed at once without any resident losing cover."""
    closable_at_most: int
    """No more can (proven bound)."""
    text: str
    """In Chinese: both."""
    note: str = "只看主要上限内的覆盖, 未计库存、容量、级别和备份; 撤点前请另行核对"
    """What a reader must know."""


def site_values(
    demand: Demand,
    matrix: Matrix,
    layer: Layer,
    *,
    amount: NDArray[np.int64] | None = None,
    time_limit_s: float = 10.0,
) -> SiteValues:
    """Measure what every site of a layer adds to the others within the main limit.

    Parameters
    ----------
    matrix
        Pairs within the main limit or a larger one.
    layer
        Its rows are the matrix's sites.
    amount
        (n,) whole residents of the cells, by default all.
    time_limit_s
        Wall time for the largest set of sites that can be closed; beyond it the best one found, with the
        bound.

    Returns
    -------
    SiteValues
        The table: rank (1: to be closed first); gross, residents within the limit; sole, those of them whom
        no other site covers, and their share (NaN where gross is 0); by_one_other, by_two_others,
        by_more_others, those whom so many others cover (with sole they sum to gross); could_close;
        loss_if_closed, residents who lose cover once all sites ranked before are closed; cumulative, its
        sum. Between equal sites the id decides, so that the order of the rows of a layer does not matter.
    """
    ids = layer.table["id"].astype(str).to_numpy()
    by_id = np.argsort(ids, kind="stable")
    rank_of = np.empty(len(by_id), np.int64)
    rank_of[by_id] = np.arange(len(by_id))
    indptr, site, units = _rows(demand, matrix, rank_of, amount)
    backed = _backed(indptr, site, units, len(ids))
    plan, kept = _fewest(indptr, site, units, backed[:, 0] > 0, time_limit_s)
    order, loss = _closing_order((indptr, site, units), backed.sum(axis=1), kept)
    table = _table(layer, by_id, backed, kept, (order, loss))
    most = len(ids) - int(plan.bound)
    return SiteValues(table, len(ids) - len(kept), most, _text(len(ids), len(ids) - len(kept), most))


def _rows(
    demand: Demand, matrix: Matrix, rank_of: NDArray[np.int64], amount: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], Units]:
    """List who covers whom within the main limit: rows with residents and sites by the order of their ids."""
    people = demand.residents if amount is None else np.asarray(amount)
    units = np.rint(matrix.weight(people) * CHILDREN).astype(np.int64)
    near, row = matrix.within(matrix.standard.main), matrix.rows()
    near &= units[row] > 0
    row, site = row[near], rank_of[matrix.site[near]]
    count = np.bincount(row, minlength=matrix.n_rows)
    used = np.flatnonzero(count)
    indptr = np.concatenate([[0], np.cumsum(count[used])])
    return indptr.astype(np.int64), site, units[used]


def _backed(indptr: NDArray[np.int64], site: NDArray[np.int64], units: Units, count: int) -> Units:
    """Sum residents by site and by the number of other sites that cover them: (sites, 0/1/2/more)."""
    length = np.diff(indptr)
    others = np.repeat(np.minimum(length - 1, 3), length)
    sums = np.zeros(count * 4, np.int64)
    np.add.at(sums, site * 4 + others, np.repeat(units, length))
    return sums.reshape(count, 4)


def _fewest(
    indptr: NDArray[np.int64],
    site: NDArray[np.int64],
    units: Units,
    needed: NDArray[np.bool_],
    limit_s: float,
) -> tuple[Plan, NDArray[np.int64]]:
    """Find the fewest sites that cover all who are covered today: the plan, and the sites, ascending.

    Sites on which somebody depends alone are kept in any case, so that only the residents whom none of these
    covers are given to the solver.
    """
    hit = np.r_[0, np.cumsum(needed[site])]
    left = np.flatnonzero(hit[indptr[1:]] == hit[indptr[:-1]])
    length = np.diff(indptr)[left]
    part = np.repeat(indptr[left] - np.r_[0, np.cumsum(length)[:-1]], length) + np.arange(length.sum())
    start = np.r_[0, np.cumsum(length)].astype(np.int64)
    plan = lscp(start, site[part], units[left].astype(np.float64), len(needed), time_limit_s=limit_s)
    kept = np.union1d(np.flatnonzero(needed), np.array(plan.sites, np.int64)).astype(np.int64)
    whole = float(np.count_nonzero(needed))
    return replace(plan, objective=plan.objective + whole, bound=plan.bound + whole), kept


def _closing_order(
    rows: tuple[NDArray[np.int64], NDArray[np.int64], Units], gross: Units, kept: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Units]:
    """Order the sites by what closing them costs: (sites, what each step loses)."""
    indptr, site, units = rows
    free = np.setdiff1d(np.arange(len(gross)), kept)
    free = free[np.argsort(gross[free], kind="stable")]
    shape = (len(units), len(gross))
    turned = csr_array((np.ones(len(site), np.int8), site, indptr), shape=shape).tocsc()
    first, own = turned.indptr.astype(np.int64), turned.indices.astype(np.int64)
    order: NDArray[np.int64]
    loss: Units
    order, loss = _close_one_by_one((indptr, site), (first, own), units, gross, free)
    return order, loss


@compiled
def _close_one_by_one(
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    sites: tuple[NDArray[np.int64], NDArray[np.int64]],
    units: Units,
    gross: Units,
    ahead: NDArray[np.int64],
) -> tuple[NDArray[np.int64], Units]:
    """Close the sites ``ahead``, then always the one that costs least; of equals the smaller, then the first.

    A row knows how many open sites cover it and the sum of their numbers, which is the last one's own.
    """
    count, total = np.zeros(len(units), np.int64), np.zeros(len(units), np.int64)
    alone = np.zeros(len(gross), np.int64)
    for r in range(len(units)):
        for e in range(rows[0][r], rows[0][r + 1]):
            count[r] += 1
            total[r] += rows[1][e]
        if count[r] == 1:
            alone[total[r]] += units[r]
    open_ = np.ones(len(gross), np.bool_)
    order, loss = np.empty(len(gross), np.int64), np.empty(len(gross), np.int64)
    for step in range(len(gross)):
        best = -1
        if step < len(ahead):
            best = ahead[step]
        else:
            for j in range(len(gross)):
                if open_[j] and (best < 0 or (alone[j], gross[j]) < (alone[best], gross[best])):
                    best = j
        order[step], loss[step], open_[best] = best, alone[best], False
        for e in range(sites[0][best], sites[0][best + 1]):
            r = sites[1][e]
            count[r] -= 1
            total[r] -= best
            if count[r] == 1:
                alone[total[r]] += units[r]
    return order, loss


def _table(
    layer: Layer,
    by_id: NDArray[np.int64],
    backed: Units,
    kept: NDArray[np.int64],
    closing: tuple[NDArray[np.int64], Units],
) -> pd.DataFrame:
    order, loss = closing
    gross, sole = backed.sum(axis=1), backed[:, 0]
    steps = np.rint(np.cumsum(backed, axis=1) / CHILDREN).astype(np.int64)
    parts = np.diff(steps, prepend=0, axis=1)
    verdict = np.where(sole > 0, NEEDED, np.where(np.isin(np.arange(len(gross)), kept), MERGE, FREE))
    share = np.full(len(gross), np.nan)
    np.divide(sole, gross, out=share, where=gross > 0)
    table = layer.table.iloc[by_id[order]][["id", "name", "city", "county"]].reset_index(drop=True)
    cumulative = np.rint(np.cumsum(loss) / CHILDREN).astype(np.int64)
    return table.assign(
        rank=np.arange(1, len(order) + 1),
        gross=steps[order, -1],
        sole=parts[order, 0],
        sole_share=share[order],
        by_one_other=parts[order, 1],
        by_two_others=parts[order, 2],
        by_more_others=parts[order, 3],
        could_close=verdict[order].astype(object),
        loss_if_closed=np.diff(cumulative, prepend=0),
        cumulative=cumulative,
    )[COLUMNS]


def _text(sites: int, closable: int, most: int) -> str:
    """Say how many sites could be closed at once."""
    if not sites:
        return "没有站点"
    if not most:
        return f"{sites:,}处站点都不可撤: 撤去任何一处都有居民失去覆盖"
    proven = "已证明最多" if closable == most else f"至多{most:,}处, 尚未证明"
    return f"{sites:,}处中有{closable:,}处可以同时撤去而无人失去覆盖 ({proven})"
