"""The p-median: the sites from which all residents together have the least way, with a proven bound."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .branch import Progress
from .median_problem import Incumbent
from .median_rows import Costs, merge_equal, read_costs, total_cost
from .median_search import find_best
from .median_start import Demand, begin
from .plan import OPTIMAL_GAP, Plan
from .proofs import MedianProof
from .reduce import Floats, Positions
from .requests import no_plan, weights_of
from .rules import Rules
from .site_limits import Asked, asked_of


@dataclass(frozen=True)
class _Request:
    """What was asked for, checked."""

    costs: Costs
    weight: Floats
    asked: Asked
    penalty: float
    started: float
    deadline: float


def p_median(
    cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike],
    weight: ArrayLike,
    *,
    p: int,
    n_candidates: int | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    penalty: float | None = None,
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Plan:
    """Open at most ``p`` of the candidates so that all ways to the nearest site sum to the least.

    With ``x_j = 1`` where candidate ``j`` is opened, ``y_ij = 1`` where row ``i`` goes to ``j``, ``w_i`` its
    residents and ``c_ij`` the cost of the way (Hakimi 1964; ReVelle and Swain 1970)::

        min   sum_ij w_i c_ij y_ij
        s.t.  sum_j y_ij = 1          for every row i
              y_ij <= x_j             for every pair
              sum_j x_j <= p
              x_j in {0, 1},  y_ij >= 0

    The steps: rows with equal costs become one; sorted lists of near candidates; a plan by greatest saving
    and swaps (Schubert and Rousseeuw 2021); the Lagrangian bound by subgradient steps, whose levels close
    and open candidates for good (Christofides and Beasley 1982); on what is left, Benders cuts on the
    sorted costs (Duran-Mateluna, Ales and Elloumi 2023), solved with HiGHS, then branch and bound. Every
    bound is computed from the levels alone (`median_bounds.bound_of`). Rules on the sites are rows of the
    linear program, their duals join the levels in the bound, and the plans are repaired and swapped within
    the rules.

    Parameters
    ----------
    cost
        (m, n) costs >= 0, ``inf`` where there is no way; or compressed rows ``(indptr, candidate, cost)``
        of the pairs that have one, with ``n_candidates`` (the arrays of `coverage.matrix.Matrix`).
    weight
        (m,) residents of each row, finite, >= 0.
    p
        Sites to open at most, the forced ones among them. More than there are allowed candidates cannot be
        asked for (``infeasible``).
    forced, forbidden
        Candidates that are opened in any case (existing sites), or never.
    penalty
        What a resident costs whom no open site serves at a smaller cost; by default all must be served.
    rules
        Quotas, budgets, exclusive candidates, existing sites and how many of them may move. Minimums are not
        rules of this model.
    time_limit_s
        Wall time after which the best plan so far is returned with its proven gap; so does Ctrl-C
        (``KeyboardInterrupt``). Only such a plan can depend on the machine; all others are deterministic.
    progress
        Called with incumbent, bound, gap and seconds whenever one of the first two gets better.

    Returns
    -------
    Plan
        ``objective`` is the total cost, ``bound`` what any plan costs at least; ``gains`` what the plan
        would cost more without each site alone (``inf`` where residents would be left without any), sites
        in that order. Fewer than ``p`` sites where more would save nothing. Status ``infeasible`` with the
        reason in ``note`` where residents cannot be served or the rules contradict each other. Where the time
        ran out before any plan that serves all was found, the objective is ``inf`` and ``note`` says so.
        ``certificate`` is for `certify_median`.

    Raises
    ------
    ValueError
        The arrays do not fit together, or the rules have minimums.

    Examples
    --------
    >>> cost = np.array([[0, 3, 9], [3, 0, 6], [9, 6, 0]])
    >>> plan = p_median(cost, [1, 2, 4], p=2)
    >>> plan.sites, plan.objective, plan.bound, plan.status
    ((2, 1), 3.0, 3.0, 'optimal')
    """
    started = time.monotonic()
    costs = read_costs(cost, n_candidates)
    if penalty is not None and not penalty >= 0:
        raise ValueError("penalty must be a number >= 0")
    request = _Request(
        costs=costs,
        weight=weights_of(weight, costs.n_rows),
        asked=asked_of(p, costs.n_candidates, forced=forced, forbidden=forbidden, rules=rules),
        penalty=math.inf if penalty is None else float(penalty),
        started=started,
        deadline=started + time_limit_s,
    )
    return _solve(request, progress)


def _solve(request: _Request, progress: Progress | None) -> Plan:
    asked = request.asked
    reason = asked.contradiction()
    if reason:
        return no_plan("infeasible", reason, request.started)
    positive = np.flatnonzero(request.weight > 0)
    rows, weight = merge_equal(request.costs, positive, request.weight[positive])
    demand = Demand(request.costs, rows, weight, request.penalty)
    incumbent = Incumbent(request.deadline, demand.cost_of, MedianProof(rows, weight))
    incumbent.progress, incumbent.started = progress, request.started
    note = ""
    try:
        problem, nothing = begin(demand, asked, incumbent)
        if nothing is not None:
            return nothing
        incumbent.whole = _is_whole(request, incumbent.cost)
        if incumbent.cost < np.inf:
            find_best(problem, incumbent)
    except KeyboardInterrupt:
        note = "已中断, 方案是到中断时为止最好的"
    if incumbent.cost == np.inf:
        undecided = "没有找到能到达所有居民的方案, 也没有证明它不存在"
        return no_plan("feasible", f"{'已中断' if note else '限时内'}, {undecided}", request.started)
    incumbent.proof.least = incumbent.bound
    counts = {
        "rows": request.costs.n_rows,
        "candidates": request.costs.n_candidates,
        "rows_without_weight": request.costs.n_rows - len(positive),
        "rows_merged": len(positive) - len(rows),
        "rows_left": len(rows),
        "branch_nodes": incumbent.nodes,
    }
    return _plan(request, demand, incumbent, counts, note)


def _is_whole(request: _Request, cost: float) -> bool:
    """Tell whether plans differ by at least 1, and sums are exact enough to see it."""
    weight, penalty = request.weight, request.penalty
    if cost * 1e-11 >= 0.25 or not (weight == np.floor(weight)).all():
        return False
    return (penalty == np.inf or penalty == np.floor(penalty)) and request.costs.is_whole()


def _plan(request: _Request, demand: Demand, incumbent: Incumbent, counts: dict[str, int], note: str) -> Plan:
    asked = request.asked
    sites, gains = _by_loss(demand, incumbent.sites, asked)
    objective = total_cost(request.costs, request.weight, np.asarray(sites, np.int64), request.penalty)
    bound = incumbent.bound_below(objective)
    proven = bound == objective if incumbent.whole else objective - bound <= OPTIMAL_GAP * objective
    spare, within = asked.p - len(sites), "在各项规则下" if asked.ruled else ""
    told = spare > 0 and (proven or not asked.ruled)
    unused = f"另外 {spare} 个名额{within}不会降低总成本, 未开设" if told else ""
    return Plan(
        sites=sites,
        gains=gains,
        objective=objective,
        bound=bound,
        status="optimal" if proven else "feasible",
        gap=(objective - bound) / objective if objective else 0.0,
        reductions=counts,
        note="; ".join(part for part in (unused, note) if part),
        seconds=time.monotonic() - request.started,
        certificate=incumbent.proof,
    )


def _by_loss(demand: Demand, sites: Positions, asked: Asked) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Order sites by what the plan would cost more without each alone; drop those it does not need."""
    while True:
        loss = demand.losses(sites)
        useless = np.flatnonzero(loss <= 0.0)[::-1]
        gone = [i for i in useless.tolist() if asked.allows(asked.mask(np.delete(sites, i)))]
        if not gone:
            break
        sites = np.delete(sites, gone[0])
    order = np.argsort(-loss, kind="stable")
    return tuple(sites[order].tolist()), tuple(loss[order].tolist())
