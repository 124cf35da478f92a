"""The p-median with capacities: all residents served at the least total cost, rows divisible."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from .capacity_plan import (
    Asked,
    CapacitatedPlan,
    answer,
    contradiction,
    make_problem,
    nothing,
    search,
    teller,
)
from .capacity_problem import Problem, capacities_of, site_rules
from .capacity_search import Best
from .capacity_start import Plans
from .median_rows import Costs, read_costs
from .plan import Plan
from .program_search import Progress
from .reduce import Floats, Mask
from .requests import mask_of, no_plan, weights_of
from .rules import Rules

_OUTSIDE = 10.0
"""While plans are made, a resident who is not served costs so many times the largest cost, and more."""

_LATE = "限时内没有找到能安置所有居民的方案, 也没有证明它不存在"


def capacitated_p_median(
    cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike],
    weight: ArrayLike,
    *,
    p: int,
    capacity: ArrayLike,
    n_candidates: int | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    penalty: float | None = None,
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> CapacitatedPlan:
    """Open at most ``p`` sites with room for all, so that all ways together are least.

    With ``x_j = 1`` where candidate ``j`` is opened, ``f_rj`` residents of row ``r`` who go to ``j`` and
    ``c_rj`` the cost of the way (Mulvey and Beck 1984, here with rows divisible between sites, as in the
    capacitated facility location of Geoffrion and Graves 1974)::

        min   sum_rj c_rj f_rj
        s.t.  sum_j f_rj = w_r               for every row r
              sum_r f_rj <= cap_j x_j        for every candidate j
              0 <= f_rj <= w_r x_j           for every pair
              sum_j x_j <= p,  x_j in {0, 1}

    For given sites this is a transportation problem (`capacity_transport`). Bounds come from prices of the
    rows, by subgradient steps and cuts (`capacity_master`), and a continuous knapsack per site
    (`capacity_problem`; Christofides and Beasley 1983); then branch and bound.

    Parameters
    ----------
    cost, weight, n_candidates
        As for `p_median`.
    p
        Sites to open at most, the forced ones among them. More than there are allowed candidates cannot be
        asked for (``infeasible``).
    capacity
        (n,) residents that each candidate can serve, or one number for all; ``inf`` for no limit. For an
        existing site with a load of its own, what it has left.
    penalty
        What a resident costs who is not served; by default all must be.
    forced, forbidden, rules, time_limit_s, progress
        As for `capacitated_mclp`.

    Returns
    -------
    CapacitatedPlan
        ``gains`` are what the plan would cost more without each site alone, ``inf`` where not all could be
        served. Infeasible requests have the reason in ``plan.note``: residents without any candidate, too
        little room on ``p`` sites and the fewest that could do, or how many can be served at most.

    Raises
    ------
    ValueError
        The arrays do not fit together.

    Examples
    --------
    >>> cost = np.array([[0, 3, 9], [3, 0, 6], [9, 6, 0]])
    >>> found = capacitated_p_median(cost, [1, 2, 4], p=2, capacity=4)
    >>> found.plan.sites, found.plan.objective, found.plan.status
    ((1, 2), 3.0, 'optimal')
    >>> capacitated_p_median(cost, [1, 2, 4], p=2, capacity=3).plan.note
    '容量最大的 2 处合计 6 人, 少于需安置的 7 人; 至少需要 3 处'
    """
    started = time.monotonic()
    costs = read_costs(cost, n_candidates)
    weights, n = weights_of(weight, costs.n_rows), costs.n_candidates
    able = capacities_of(capacity, n)
    if penalty is not None and not penalty >= 0:
        raise ValueError("penalty must be a number >= 0")
    if p < 0:
        raise ValueError("p must not be negative")
    apart = math.inf if penalty is None else float(penalty)
    opened = mask_of((Rules() if rules is None else rules).forced(forced), n)
    closed = mask_of(forbidden, n)
    side, limit, builder = site_rules(rules, n)
    rows = _pairs(costs, closed, apart)
    kept = np.flatnonzero((weights > 0) & (np.diff(rows.indptr) > 0))
    member = np.full(len(weights), -1, np.int64)
    member[kept] = np.arange(len(kept))
    problem = make_problem(
        csr_array(rows[kept]),
        weights[kept],
        able,
        limits=(np.ones(n), float(p)),
        side=(side, limit),
        masks=(opened, closed),
        everybody=math.isinf(apart),
    )
    asked = Asked(rows, weights, member, problem, builder, True, started, time_limit_s, progress)
    return _solve(asked, able, 0.0 if math.isinf(apart) else apart * float(weights.sum()))


def _pairs(costs: Costs, closed: Mask, penalty: float) -> csr_array:
    """List the pairs with a way that costs less than the penalty, by what they are worth (m, n)."""
    m, n = costs.n_rows, costs.n_candidates
    if costs.dense is not None:
        row, site = (part.astype(np.int64) for part in np.nonzero((costs.dense < penalty) & ~closed[None]))
        way = costs.dense[row, site].astype(np.float64)
    else:
        begin, to, cost = costs._lists()
        keep = (cost < penalty) & ~closed[to]
        row, site, way = np.repeat(np.arange(m), np.diff(begin))[keep], to[keep].astype(np.int64), cost[keep]
        order = np.lexsort((site, row))
        row, site, way = row[order], site[order], way[order]
    start = np.r_[0, np.cumsum(np.bincount(row, minlength=m))]
    worth = 0.0 - way if math.isinf(penalty) else penalty - way
    return csr_array((worth, site, start), shape=(m, n))


def _solve(asked: Asked, able: Floats, constant: float) -> CapacitatedPlan:
    problem, deadline = asked.problem, asked.started + asked.time_limit_s
    reason = contradiction(problem, by_number=True)
    if not reason and problem.everybody:
        reason = _too_little(asked, able)
    if reason:
        return nothing(asked, no_plan("infeasible", reason, asked.started))
    best = Best(problem.whole, deadline, teller(asked, -1.0, constant), constant)
    dearest = float(np.abs(problem.arcs.gain).max(initial=0.0)) + 1.0
    plans = Plans(problem, -_OUTSIDE * dearest if problem.everybody else 0.0, deadline)
    if problem.everybody and len(problem.arcs.weight):
        instead = _seat_all(asked, best, plans)
        if instead is not None:
            return nothing(asked, instead)
    impossible, note = search(asked, plans, best)
    if impossible is not None:
        return nothing(asked, impossible)
    if best.plan is None or best.value == -math.inf:
        return nothing(asked, no_plan("feasible", _LATE, asked.started))
    sites, gains = _by_loss(problem, plans, best.plan)
    idle = "不会降低总成本"
    return answer(asked, plans, best, note, sites=sites, gains=gains, sign=-1.0, constant=constant, idle=idle)


def _too_little(asked: Asked, able: Floats) -> str:
    """Say in Chinese why not all can be served, where that is plain to see; empty where it is not."""
    problem, total = asked.problem, float(asked.weight.sum())
    lost = (asked.weight > 0) & (asked.member < 0)
    if lost.any():
        return f"{int(lost.sum())} 处居民 (共 {asked.weight[lost].sum():g} 人) 任何可选的候选点都到不了"
    room = np.where(problem.forbidden, 0.0, able)
    order = np.lexsort((-room, ~problem.forced))
    held, p = np.r_[0.0, np.cumsum(room[order])], int(problem.budget)
    if held[min(p, len(room))] >= total * (1.0 - 1e-9):
        return ""
    told = f"容量最大的 {p} 处合计 {held[min(p, len(room))]:g} 人, 少于需安置的 {total:g} 人"
    if problem.forced.any():
        told = f"连同必选点在内, {told}"
    enough = np.flatnonzero(held >= total * (1.0 - 1e-9))
    return f"{told}; 至少需要 {int(enough[0])} 处" if len(enough) else f"{told}; 所有候选点合计也不够"


def _seat_all(asked: Asked, best: Best, plans: Plans) -> Plan | None:
    """Find a plan that serves all to begin with; the plan that there is not where none does.

    The question is a maximal covering with capacities: whether it can serve everybody.
    """
    problem = asked.problem.served_only()
    total = problem.residents
    seats = Plans(problem, deadline=best.deadline)
    first = Best(problem.whole, best.deadline, enough=total - (0.25 if problem.whole else 1e-9 * total))
    part = Asked(
        asked.rows,
        asked.weight,
        asked.member,
        problem,
        asked.builder,
        True,
        asked.started,
        asked.time_limit_s,
        None,
    )
    impossible, _ = search(part, seats, first)
    if impossible is not None:
        return impossible
    if first.plan is not None and first.value >= first.enough:
        best.take(plans.divide(first.plan).value, first.plan)
        return None
    if first.bound < first.enough:
        why = f"至多能安置 {first.bound:g} 人, 少于需安置的 {total:g} 人"
        return no_plan("infeasible", why, asked.started)
    return no_plan("feasible", _LATE, asked.started)


def _by_loss(problem: Problem, plans: Plans, opened: Mask) -> tuple[list[int], list[float]]:
    """Order sites by what the plan would cost more without each alone; drop those that nobody needs."""
    opened = opened.copy()
    while True:
        sites, value = np.flatnonzero(opened), plans.value(opened)
        loss = np.zeros(len(sites))
        for i, j in enumerate(sites):
            opened[j] = False
            division = plans.divide(opened)
            loss[i] = value - division.value if plans.is_complete(division) else math.inf
            fits = problem.allows(opened)
            opened[j] = True
            if loss[i] > 0.0 or not fits:
                loss[i] = max(loss[i], 1e-300)
        useless = np.flatnonzero(loss <= 0.0)
        if not len(useless):
            break
        opened[sites[useless[-1]]] = False
    order = np.argsort(-loss, kind="stable")
    return sites[order].tolist(), np.where(loss[order] <= 1e-300, 0.0, loss[order]).tolist()
