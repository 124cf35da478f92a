"""Assignment of needs to sites with capacity: the nearest first, and what then falls short.

Pairs of a place and a site take in ascending order of cost, each as much as both have left. Where residents
and sites both prefer the near (equally near ones by row, then by site), this is the one *stable* allocation:
no place that is left unserved or served from farther off has a nearer site that serves others from farther
off or is idle (Gale & Shapley 1962, Am. Math. Monthly 69; amounts instead of pairs: Baiou & Balinski 2002,
Math. Oper. Res. 27, 485-503; the closest pair first for sites with capacity: Wong, Tao, Fu & Xiao 2007,
VLDB). It is what happens when everyone turns to the nearest site that is not used up by those who live nearer
to it; `transport` tells what one dispatcher for all could do better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..geodata.demand import Demand
from ..geodata.layers import Layer
from .assignment_kernels import by_cost, take, usable
from .matrix import Matrix
from .rounding import round_together
from .supply import Supply
from .zones import Zones, exact_over, share_of, whole_over

Amount = NDArray[np.int64] | NDArray[np.float64]
"""Persons: whole where the needs are, else fractions."""


@dataclass(frozen=True)
class Assignment:
    """Who is served from where; persons are whole where the needs are."""

    matrix: Matrix
    limit: int
    """Seconds (drive) or metres (walk), inclusive: nobody is served from farther off."""
    need: Amount
    """(rows,) persons to serve in each row of the matrix."""
    persons: NDArray[np.int64]
    """(s,) persons that each site can serve."""
    flow: Amount
    """(entries,) persons of the row whom the site of each pair serves."""
    left: Amount
    """(s,) capacity that is left."""
    unserved: Amount
    """(rows,) need that is left: no capacity within the limit, or no site."""

    @property
    def served(self) -> Amount:
        """(rows,) persons served."""
        return self.need - self.unserved

    @property
    def in_reach(self) -> NDArray[np.bool_]:
        """(rows,) whether any site lies within the limit, be it with capacity or without."""
        first, some = self.matrix.indptr[:-1], np.diff(self.matrix.indptr) > 0
        found = np.zeros(self.matrix.n_rows, bool)
        found[some] = self.matrix.cost[first[some]] <= self.limit * 100
        return found

    def served_share(self) -> NDArray[np.float64]:
        """Give the (rows,) share of the need that is served; NaN where there is no need."""
        return share_of(self.served, self.need)

    def by_cell(self, amount: ArrayLike, n: int) -> NDArray[np.float64]:
        """Sum an amount of the rows over the n cells."""
        return np.bincount(self.matrix.cell, np.asarray(amount, float), minlength=n).astype(np.float64)

    def cost_sum(self) -> float:
        """Give the total of persons x cost (person-seconds or person-metres)."""
        return float(self.flow @ self.matrix.cost.astype(np.float64)) / 100


def assign(matrix: Matrix, need: ArrayLike, persons: ArrayLike, *, limit: int | None = None) -> Assignment:
    """Serve needs from the nearest sites with capacity, the cheapest pair of all first.

    Of equally costly pairs the lower row goes first, then the lower site. So the result does not depend on
    the order of sites or cells where no two costs are equal.

    Parameters
    ----------
    need
        (rows,) persons of each row, at least 0: for drive those of the cells, for walk
        ``matrix.weight(need of the cells)``. Whole ones give whole flows; of fractions (parts of cells on
        foot) what is below 1e-9 persons counts as nothing left.
    persons
        (s,) whole persons that each site can serve, such as ``Supply.persons``.
    limit
        Seconds or metres, inclusive; by default the matrix's.

    Raises
    ------
    ValueError
        A length does not fit the matrix, an amount is negative or no number, or the matrix ends before the
        limit.

    Examples
    --------
    One site for 3 persons between two cells of 2 residents: the nearer cell is served first.

    >>> from boai.coverage.standards import load_standards
    >>> matrix = Matrix(load_standards()["warehouse"], 60, 1, np.array([0, 1, 2]), np.array([0, 0], np.int32),
    ...                 np.array([500, 400], np.int32), np.array([0, 1], np.int32), np.ones(2))
    >>> found = assign(matrix, [2, 2], [3])
    >>> found.flow.tolist(), found.unserved.tolist(), found.left.tolist()
    ([1, 2], [1, 0], [0])
    """
    wanted, able = amounts(matrix, need, persons)
    within = limit_within(matrix, limit)
    most = min(within * 100, int(np.iinfo(np.int32).max))
    here = able.astype(wanted.dtype)
    pairs = matrix.indptr, matrix.site, matrix.cost
    pair = by_cost(usable(pairs, wanted, here, most), matrix.cost)
    flow, unserved, left = take(pair, matrix.site, wanted, here, len(matrix.site))
    return Assignment(matrix, within, wanted, able, flow, left, unserved)


def limit_within(matrix: Matrix, limit: int | None) -> int:
    """Check a limit: seconds or metres up to which the matrix holds all pairs, by default its own."""
    if limit is not None and not 0 <= limit <= matrix.limit:
        raise ValueError(f"the limit {limit} is not within that of the matrix, {matrix.limit}")
    return matrix.limit if limit is None else limit


def amounts(matrix: Matrix, need: ArrayLike, persons: ArrayLike) -> tuple[Amount, NDArray[np.int64]]:
    """Check needs and capacities: (rows,) whole ones or fractions, and (s,) whole ones."""
    wanted, able = np.atleast_1d(np.asarray(need)), np.atleast_1d(np.asarray(persons))
    if len(wanted) != matrix.n_rows or len(able) != matrix.n_sites:
        raise ValueError(
            f"{len(wanted)} needs and {len(able)} capacities for {matrix.n_rows} rows, {matrix.n_sites} sites"
        )
    whole = np.issubdtype(wanted.dtype, np.integer) or not len(wanted)
    if not (np.isfinite(wanted).all() and (wanted >= 0).all()):
        raise ValueError("needs must be finite and not negative")
    if len(able) and not (np.issubdtype(able.dtype, np.integer) and (able >= 0).all()):
        raise ValueError("capacities must be whole and not negative")
    return wanted.astype(np.int64) if whole else wanted.astype(np.float64), able.astype(np.int64)


def site_loads(layer: Layer, supply: Supply, assignment: Assignment) -> pd.DataFrame:
    """Tell how much of each site is used.

    Returns
    -------
    pd.DataFrame
        One row per site in the order of the layer: id, name, level, city, county, capacity (persons), origin
        (one of ``supply.ORIGINS``), assigned (whole; rounded by largest remainder on foot), left, used_share
        (NaN where the capacity is 0), mean_cost and farthest_cost (minutes or metres of those whom it serves,
        NaN where it serves nobody).
    """
    matrix, flow = assignment.matrix, assignment.flow
    used = np.flatnonzero(flow > 0)
    site, cost = matrix.site[used], matrix.cost[used].astype(np.float64)
    assigned = np.bincount(site, flow[used], minlength=matrix.n_sites).astype(np.float64)
    spent = np.bincount(site, flow[used] * cost, minlength=matrix.n_sites)
    farthest = np.full(matrix.n_sites, np.nan)
    np.fmax.at(farthest, site, cost)
    whole = round_together(assigned[:, None], monotone=False)[:, 0]
    scale = 6000.0 if matrix.standard.mode == "drive" else 100.0
    return layer.table[["id", "name", "level", "city", "county"]].reset_index(drop=True).assign(
        capacity=assignment.persons,
        origin=supply.origin,
        assigned=whole,
        left=assignment.persons - whole,
        used_share=share_of(assigned, assignment.persons),
        mean_cost=share_of(spent, assigned) / scale,
        farthest_cost=farthest / scale,
    )  # fmt: skip


def shortfall(demand: Demand, zones: Zones, need: ArrayLike, assignment: Assignment) -> pd.DataFrame:
    """Tell by zone whose needs are met and why others are not.

    Parameters
    ----------
    need
        (n,) whole persons of each cell, such as `supply.need_of`; those of the assignment, by cells.

    Returns
    -------
    pd.DataFrame
        level, code, name, city (townships and cells also county), need, in_reach (of a site within the
        limit, be it with capacity or without), served, no_capacity (in reach and not served), out_of_reach,
        shortfall (both of them), share (served of the need, of the unrounded figures; NaN where nobody needs
        anything). All persons are whole; they add up over zones and over columns.
    """
    wanted, n = np.asarray(need, np.float64), len(demand.cell)
    if len(wanted) != n:
        raise ValueError(f"{len(wanted)} needs for {n} cells")
    served = assignment.by_cell(assignment.served, n)
    reach = assignment.by_cell(np.where(assignment.in_reach, assignment.need, 0), n)
    if (assignment.by_cell(assignment.need, n) > wanted + 1e-6).any():
        raise ValueError("the assignment was made with other needs")
    amount = np.column_stack([served, np.maximum(reach, served), wanted])
    whole = whole_over(demand, zones, amount)
    by_zone = exact_over(demand, zones, amount)
    return zones.units.assign(
        need=whole[:, 2],
        in_reach=whole[:, 1],
        served=whole[:, 0],
        no_capacity=whole[:, 1] - whole[:, 0],
        out_of_reach=whole[:, 2] - whole[:, 1],
        shortfall=whole[:, 2] - whole[:, 0],
        share=share_of(by_zone[:, 0], by_zone[:, 2]),
    )  # fmt: skip


def notes_of(assignment: Assignment) -> tuple[str, ...]:
    """Say in Chinese how the assignment was made and what came of it."""
    standard, unit = assignment.matrix.standard, "人"
    need, served = float(assignment.need.sum()), float(assignment.served.sum())
    how = (
        f"按就近分配: {standard.limit_text(assignment.limit)}内距离最近的居民与站点优先配对, "
        "站点容量用完后转向次近的站点 (稳定匹配; 假设各站点可服务任何居民)"
    )
    if not need:
        return (how, "没有需要保障的人, 未作分配")
    if not assignment.matrix.n_sites:
        return (how, f"没有站点, {need:.0f}{unit}全部得不到保障")
    if not assignment.persons.any():
        return (how, f"所有站点的容量都是 0 或未填, {need:.0f}{unit}全部得不到保障")
    return (how, f"需要保障 {need:.0f}{unit}, 得到 {served:.0f}{unit}, 缺口 {need - served:.0f}{unit}")
