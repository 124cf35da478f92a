"""Maximal covering with capacities: the most residents whom open sites reach and have room for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .capacity_plan import (
    Asked,
    CapacitatedPlan,
    answer,
    by_gain,
    contradiction,
    make_problem,
    nothing,
    search,
    teller,
)
from .capacity_problem import capacities_of, site_rules
from .capacity_search import Best
from .capacity_start import Plans
from .program_search import Progress
from .reduce import Floats, Mask, Positions, cover_matrix, merge_rows
from .requests import limit_of, mask_of, no_plan, weights_of
from .rules import Rules


def capacitated_mclp(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    capacity: ArrayLike,
    p: int | None = None,
    cost: NDArray[np.floating[Any] | np.integer[Any]] | None = None,
    budget: float | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> CapacitatedPlan:
    """Open ``p`` sites at most, or what a budget pays, to serve the most residents within their capacities.

    With ``x_j = 1`` where candidate ``j`` is opened and ``f_rj`` residents of row ``r`` served there (Current
    and Storbeck 1988; Pirkul and Schilling 1991), rows divisible between sites::

        max   sum_rj f_rj
        s.t.  sum_j f_rj <= w_r              for every row r
              sum_r f_rj <= cap_j x_j        for every candidate j
              0 <= f_rj <= w_r x_j           where j reaches r
              sum_j x_j <= p                 or  sum_j c_j x_j <= budget
              x_j in {0, 1}

    For given sites this is a maximum flow; by its smallest cuts (Ford and Fulkerson 1956) the relaxation is
    solved in the space of the sites alone (`capacity_master`), and prices of the classes prove every bound
    (`capacity_problem`). Plans come from greedy filling and swaps, then branch and bound. Rows that the same
    candidates reach are one class; a candidate that another dominates stays, since both may be needed.

    Parameters
    ----------
    indptr, indices, weight, n_candidates
        As for `mclp`.
    capacity
        (n,) residents that each candidate can serve, or one number for all; ``inf`` for no limit. For an
        existing site with a load of its own, what it has left.
    p, cost, budget, forced, forbidden
        As for `mclp`; costs > 0.
    rules
        Quotas, budgets, exclusive sets, existing sites and how many may move.
    time_limit_s, progress
        As for `mclp`. Time up and Ctrl-C give the best plan so far with its proven gap.

    Returns
    -------
    CapacitatedPlan
        The plan (``gains`` are residents served), the load of each site, who goes where, and who is not
        served: for want of room, or of reach. Whole weights and capacities give whole residents.

    Raises
    ------
    ValueError
        The arrays do not fit together.

    Examples
    --------
    >>> found = capacitated_mclp(np.array([0, 1, 3, 4]), np.array([0, 0, 1, 1]), np.array([1, 4, 2]), 2,
    ...                          capacity=[9, 3], p=1)
    >>> found.plan.sites, found.plan.objective, found.plan.status, found.load.tolist()
    ((0,), 5.0, 'optimal', [5.0, 0.0])
    >>> found.out_of_reach.tolist(), found.no_room.tolist()
    ([0.0, 0.0, 2.0], [0.0, 0.0, 0.0])
    """
    started = time.monotonic()
    rows, weights = cover_matrix(indptr, indices, n_candidates), weights_of(weight, len(indptr) - 1)
    able = capacities_of(capacity, n_candidates)
    rules_of_sites = rules if rules is not None else Rules()
    opened = mask_of(rules_of_sites.forced(forced), n_candidates)
    closed = mask_of(forbidden, n_candidates)
    side, limit, builder = site_rules(rules, n_candidates)
    limits = limit_of(p, cost, budget, n_candidates)
    classes, size, member = _classes(rows, weights, closed)
    problem = make_problem(
        classes,
        size,
        able,
        limits=limits,
        side=(side, limit),
        masks=(opened, closed),
        gain=np.ones(classes.nnz),
    )
    asked = Asked(rows, weights, member, problem, builder, p is not None, started, time_limit_s, progress)
    return _solve(asked)


def _classes(rows: csr_array, weight: Floats, closed: Mask) -> tuple[csr_array, Floats, Positions]:
    """Merge rows with residents that the same allowed candidates reach: classes, sizes, class of each row."""
    allowed = csr_array(rows.multiply(~closed[None]))
    allowed.eliminate_zeros()
    kept = np.flatnonzero((weight > 0) & (np.diff(allowed.indptr) > 0))
    classes, size, group = merge_rows(csr_array(allowed[kept]), weight[kept])
    member = np.full(len(weight), -1, np.int64)
    member[kept] = group
    return classes, size, member


def _solve(asked: Asked) -> CapacitatedPlan:
    problem, deadline = asked.problem, asked.started + asked.time_limit_s
    reason = contradiction(problem, by_number=asked.by_number)
    if reason:
        return nothing(asked, no_plan("infeasible", reason, asked.started))
    best = Best(problem.whole, deadline, teller(asked))
    plans = Plans(problem, deadline=deadline)
    impossible, note = search(asked, plans, best)
    if impossible is not None:
        return nothing(asked, impossible)
    if best.plan is None or best.value == -np.inf:
        late = "限时内没有找到满足各项要求的方案, 也没有证明它不存在"
        return nothing(asked, no_plan("feasible", late, asked.started))
    sites, gains = by_gain(problem, plans, best.plan)
    return answer(asked, plans, best, note, sites=sites, gains=gains, idle="不会增加服务人口")
