"""The best assignment as a transportation problem: what one dispatcher for all sites could do (small cases).

First as many persons as possible are served, then the total of persons x cost is least (Hitchcock 1941, J.
Math. Phys. 20; Dantzig 1951). Both are linear programmes over the flows x of the pairs,

    max sum x   and   min sum cost x with sum x = the maximum,
    sum of a row <= need, sum of a site <= persons, x >= 0,

whose constraints (two laminar families: the rows and all of them together, and the sites) are totally
unimodular, so that their vertices are whole persons (Hoffman & Kruskal 1956; Edmonds 1970). The dual simplex
of HiGHS ends at a vertex.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from ..geodata.errors import InputError, Problem
from .assignment import Assignment, amounts, limit_within
from .matrix import Matrix

MOST_PAIRS = 100_000
"""Pairs up to which the problem is solved by default; the time grows faster than their number."""


def best_assignment(
    matrix: Matrix,
    need: ArrayLike,
    persons: ArrayLike,
    *,
    limit: int | None = None,
    most_pairs: int = MOST_PAIRS,
) -> Assignment:
    """Serve as many as possible, and of all ways to do so choose one with the least total cost.

    The parameters are those of `assignment.assign`; needs are whole persons.

    Raises
    ------
    InputError
        More than ``most_pairs`` pairs have a need and a capacity.
    ValueError
        As `assignment.assign`, or the needs are not whole.

    Examples
    --------
    The nearest first would give the one site of row 0 to row 1, which has another.

    >>> from boai.coverage.standards import load_standards
    >>> matrix = Matrix(load_standards()["warehouse"], 60, 2, np.array([0, 1, 3]),
    ...                 np.array([0, 0, 1], np.int32), np.array([500, 400, 600], np.int32),
    ...                 np.array([0, 1], np.int32), np.ones(2))
    >>> best_assignment(matrix, [1, 1], [1, 1]).flow.tolist()
    [1, 0, 1]
    """
    wanted, able = amounts(matrix, need, persons)
    if not np.issubdtype(wanted.dtype, np.integer):
        raise ValueError("needs must be whole persons")
    whole = wanted.astype(np.int64)
    within = limit_within(matrix, limit)
    row = matrix.rows()
    pair = np.flatnonzero(matrix.within(within) & (whole[row] > 0) & (able[matrix.site] > 0))
    if len(pair) > most_pairs:
        raise InputError(
            Problem(
                "统一调拨",
                f"可行的“居民点-站点”组合应不超过 {most_pairs} 个",
                f"{len(pair)} 个",
                "请缩小范围 (如只看一个设区市) 或缩短时限; 全省请用就近分配",
            )
        )
    flow = np.zeros(len(matrix.site), np.int64)
    flow[pair] = _solve(row[pair], matrix.site[pair], matrix.cost[pair], whole, able)
    served = np.zeros(matrix.n_rows, np.int64)
    np.add.at(served, row, flow)
    used = np.zeros(matrix.n_sites, np.int64)
    np.add.at(used, matrix.site, flow)
    if (served > whole).any() or (used > able).any():
        raise RuntimeError("the solver's flows are no assignment")
    return Assignment(matrix, within, whole, able, flow, able - used, whole - served)


def gain_text(nearest: Assignment, best: Assignment) -> str:
    """Say in Chinese what dispatching for all at once adds to the assignment to the nearest."""
    more = int(best.served.sum()) - int(nearest.served.sum())
    if not nearest.need.sum():
        return "没有需要保障的人, 统一调拨与就近分配无差别"
    text = f"统一调拨可多保障 {more} 人" if more > 0 else "统一调拨不能多保障人"
    a, b = mean_cost(nearest), mean_cost(best)
    if not (np.isfinite(a) and np.isfinite(b)):
        return text
    drive = nearest.matrix.standard.mode == "drive"
    gap, unit = ((b - a) / 60, "分钟") if drive else (b - a, "米")
    if abs(gap) < 0.05:
        return f"{text}, 人均距离不变"
    return f"{text}, 人均{'近' if gap < 0 else '远'} {abs(gap):.1f} {unit}"


def mean_cost(assignment: Assignment) -> float:
    """Give the mean cost of a person served (seconds or metres); NaN where nobody is."""
    served = float(assignment.served.sum())
    return assignment.cost_sum() / served if served else float("nan")


def _solve(
    row: NDArray[np.int64],
    site: NDArray[np.int32],
    cost: NDArray[np.int32],
    need: NDArray[np.int64],
    persons: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Solve both programmes on the pairs that count: whole flows."""
    if not len(row):
        return np.zeros(0, np.int64)
    rows, row_of = np.unique(row, return_inverse=True)
    sites, site_of = np.unique(site, return_inverse=True)
    m, one = len(row), np.ones(len(row))
    at = np.arange(m)
    bound = vstack(
        [
            csr_array((one, (row_of, at)), shape=(len(rows), m)),
            csr_array((one, (site_of, at)), shape=(len(sites), m)),
        ]
    )
    most = np.concatenate([need[rows], persons[sites]]).astype(np.float64)
    served = np.rint(linprog(-one, bound, most, method="highs-ds").x).sum()
    best = linprog(cost / 100, bound, most, csr_array(one[None, :]), np.array([served]), method="highs-ds")
    if best.status != 0:
        raise RuntimeError(f"the transportation problem was not solved: {best.message}")
    return np.asarray(np.rint(best.x), np.int64)
