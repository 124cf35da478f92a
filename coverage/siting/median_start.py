"""How the search for a p-median begins: lists of near candidates and a plan that serves everybody."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from .median_problem import Incumbent, Problem, improve
from .median_rows import Costs, Rows
from .models import lscp
from .plan import Plan
from .reduce import Floats, Positions, ranges
from .requests import no_plan
from .site_limits import Asked, some_plan

_ALL_LISTED = 2_000_000
"""Up to so many pairs, each row lists every candidate."""

_NEAR = 4
"""Else each row lists so many times the candidates that one site has to itself, and at least ``_LEAST``."""
_LEAST = 24


@dataclass(frozen=True)
class Demand:
    """The k rows that stand for all demand."""

    costs: Costs
    rows: Positions
    """(k,) rows of the costs."""
    weight: Floats
    """(k,) > 0."""
    penalty: float

    def cap(self, sites: Positions) -> Floats:
        """What each row costs with some sites (k,)."""
        return np.minimum(self.costs.nearest(self.rows, sites)[1], self.penalty)

    def cost_of(self, sites: Positions) -> float:
        """Give the cost of a plan; ``inf`` where it leaves a row unserved."""
        return float(self.weight @ self.cap(sites))

    def losses(self, sites: Positions) -> Floats:
        """Give what a plan would cost more without each of its sites alone (len(sites),)."""
        who, first, second = self.costs.nearest(self.rows, sites)
        served = (who >= 0) & (first < self.penalty)
        rise = self.weight[served] * (np.minimum(second[served], self.penalty) - first[served])
        total = np.bincount(who[served], rise, minlength=self.costs.n_candidates)
        return np.asarray(total[sites], np.float64)


def begin(demand: Demand, asked: Asked, incumbent: Incumbent) -> tuple[Problem, Plan | None]:
    """List the near candidates and offer a first plan.

    Returns
    -------
    problem, nothing
        And the plan that there is not, with the reason; None where there is one, or where none was found in
        time.
    """
    chosen, columns = np.flatnonzero(asked.opened), np.flatnonzero(~(asked.opened | asked.closed))
    costs, rows, sites = demand.costs, demand.rows, asked.p - len(chosen)
    cap = demand.cap(chosen)  # a row costs at most what the nearest forced candidate costs it
    near = max(_LEAST, _NEAR * len(columns) // max(sites, 1))
    few = len(rows) * len(columns) <= _ALL_LISTED or not costs.is_complete()
    within = np.full(len(rows), np.inf) if few else costs.kth(rows, columns, near)
    listed = costs.near(rows, columns, within, cap)
    limits = asked.limits.restrict(asked.opened, asked.closed)
    problem = Problem(replace(listed, weight=demand.weight), columns, chosen, sites, limits)
    problem, nothing = _serve_all(problem, demand, asked, incumbent)
    if nothing is not None:
        return problem, nothing
    if incumbent.cost < np.inf or not asked.ruled:
        opened = improve(problem, problem.columns_of(incumbent.sites), incumbent.deadline)
        incumbent.offer(problem, opened)
    if incumbent.cost == np.inf or not np.isfinite(within).any():
        return _with_dear_beyond(problem, incumbent.cost), None
    second = costs.nearest(rows, incumbent.sites)[2]
    if (second > within).any():  # both sites that matter to a row should be listed
        listed = costs.near(rows, columns, np.maximum(within, np.minimum(second, cap)), cap)
        problem = replace(problem, rows=_closed_end(replace(listed, weight=demand.weight)))
    return problem, None


def _closed_end(rows: Rows) -> Rows:
    """Make what is beyond lists of all candidates finite: dearer than the last of them."""
    open_ended = ~np.isfinite(rows.beyond)
    beyond = rows.beyond.copy()
    beyond[open_ended] = 2.0 * rows.cost[rows.indptr[1:][open_ended] - 1] + 1.0
    return replace(rows, beyond=beyond)


def _serve_all(
    problem: Problem, demand: Demand, asked: Asked, incumbent: Incumbent
) -> tuple[Problem, Plan | None]:
    """Make what is beyond the lists finite; offer a plan that serves all rows, or say why there is none."""
    rows = problem.rows
    size = np.diff(rows.indptr)
    open_ended = ~np.isfinite(rows.beyond)
    lost = demand.rows[open_ended & (size == 0)]
    if len(lost):
        reason = f"{len(lost)} 处居民任何候选点都到不了 (序号 {_some(lost)})"
        if not problem.sites:
            reason = f"没有开设任何能到达的点: {len(lost)} 处居民无人服务 (序号 {_some(lost)})"
        return problem, no_plan("infeasible", reason, incumbent.started)
    hard = open_ended & ((size < rows.n_columns) | (problem.sites == 0))
    last = rows.beyond.copy()
    last[open_ended] = rows.cost[rows.indptr[1:][open_ended] - 1]
    dear = (float(rows.weight @ last) + 1.0) / rows.weight
    beyond = np.where(hard, dear, rows.beyond)
    problem = replace(problem, rows=_closed_end(replace(rows, beyond=beyond)))
    if not hard.any() and not asked.ruled:
        return problem, None
    nothing = np.zeros(rows.n_columns, bool)
    incumbent.offer(problem, improve(problem, nothing, incumbent.deadline))
    if incumbent.cost < np.inf:
        return problem, None
    if asked.ruled:  # those whom all candidates reach want one at least
        hard[np.flatnonzero(open_ended & ~hard)[:1]] = True
    return problem, _cover(problem, asked, np.flatnonzero(hard), incumbent)


def _cover(problem: Problem, asked: Asked, hard: Positions, incumbent: Incumbent) -> Plan | None:
    """Search a plan that reaches some rows and keeps the rules, and offer it; or the plan that there is not.

    Without rules by set covering, which is faster.
    """
    rows = problem.rows
    size = np.diff(rows.indptr)[hard]
    site = rows.site[ranges(rows.indptr[hard], size)]
    start = np.r_[0, np.cumsum(size)]
    if asked.ruled:
        shape = (len(hard), len(asked.opened))
        reach = csr_array((np.ones(len(site)), problem.position[site], start), shape=shape)
        found = some_plan(asked, reach, exactly=False, deadline=incumbent.deadline)
        if isinstance(found, Plan):
            return found
        if found is not None:
            incumbent.offer(problem, found[problem.position])
        return None
    left = max(0.0, incumbent.deadline - time.monotonic())
    fewest = lscp(start, site, np.ones(len(hard)), rows.n_columns, time_limit_s=left)
    if fewest.bound > problem.sites:
        least = len(problem.chosen) + int(fewest.bound)
        reason = f"要到达所有居民至少需要 {least} 个点, 只允许 {asked.p} 个"
        return no_plan("infeasible", reason, incumbent.started)
    if len(fewest.sites) <= problem.sites:
        opened = np.zeros(rows.n_columns, bool)
        opened[np.asarray(fewest.sites, np.int64)] = True
        incumbent.offer(problem, opened)
    return None


def _with_dear_beyond(problem: Problem, cost: float) -> Problem:
    """Lower what is beyond the lists to where a plan that needs it costs as much as the incumbent."""
    if not np.isfinite(cost):
        return problem
    rows = problem.rows
    last = np.zeros(len(rows.weight))
    listed = np.diff(rows.indptr) > 0
    last[listed] = rows.cost[rows.indptr[1:][listed] - 1]
    beyond = np.maximum(last, np.minimum(rows.beyond, cost / rows.weight))
    return replace(problem, rows=replace(rows, beyond=beyond))


def _some(rows: Positions) -> str:
    return ", ".join(map(str, rows[:5].tolist())) + (" 等" if len(rows) > 5 else "")
