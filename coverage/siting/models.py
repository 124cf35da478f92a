"""The siting models: maximal covering (MCLP) and set covering (LSCP), each with a plan and a proven bound."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .branch import FEWEST, MAXIMAL, Incumbent, Model, Progress, find_best
from .certificate import Certificate, Part, Step
from .dominance import reduce_set_cover
from .plan import OPTIMAL_GAP, Plan
from .program_state import interrupted
from .reduce import Floats, Instance, Mask, Positions, components_of, cover_matrix, reduce_cover
from .requests import conflict, costs_of, is_whole, limit_of, mask_of, no_plan, overspent, weights_of

_log = logging.getLogger(__name__)

_CUT_SHORT = 0.8
"""A component that is not proven and took less than this share of its time was interrupted."""


def covered_weight(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    sites: Sequence[int],
) -> float:
    """Sum the weight of the rows that at least one of the sites covers, straight from the raw arrays.

    Independent of the reductions and of the solver: the checker of every plan.

    Examples
    --------
    >>> covered_weight(np.array([0, 1, 2, 2]), np.array([0, 1]), np.array([4, 2, 1]), [1])
    2.0
    """
    chosen = np.isin(indices, np.asarray(sites, np.int64))
    hits = np.r_[0, np.cumsum(chosen)]
    return math.fsum(np.asarray(weight, np.float64)[hits[indptr[1:]] > hits[indptr[:-1]]])


def mclp(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    p: int | None = None,
    cost: NDArray[np.floating[Any] | np.integer[Any]] | None = None,
    budget: float | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Plan:
    """Open ``p`` candidates at most, or what a budget pays, to cover the most residents (maximal covering).

    With ``x_j = 1`` where candidate ``j`` is opened, ``z_r = 1`` where row ``r`` is covered, ``w_r`` its
    residents and ``a_rj = 1`` where ``j`` covers ``r`` (Church and ReVelle 1974)::

        max   sum_r w_r z_r
        s.t.  z_r <= sum_j a_rj x_j      for every row r
              sum_j x_j <= p             or  sum_j c_j x_j <= budget
              x_j in {0, 1},  0 <= z_r <= 1

    The steps: exact reductions (rows with the same candidates become one, dominated candidates go), a greedy
    plan with swaps, the linear relaxation as the saddle point ``max_x min_u sum_r w_r - u_r (1 - sum_j a_rj
    x_j)``, ``0 <= u_r <= w_r``, by primal-dual steps (Chambolle and Pock 2011; Lu and Yang 2024), plans
    rounded from it, fixing of candidates by bounds recomputed from the multipliers alone, then branch and
    bound. Residents whom existing sites serve are given weight 0 by the caller.

    Parameters
    ----------
    indptr, indices
        Compressed sparse rows: the candidates within the limit of row ``r`` are
        ``indices[indptr[r]:indptr[r + 1]]``, in any order.
    weight
        (m,) residents of each row, finite, >= 0.
    n_candidates
        Number of candidates.
    p
        Sites to open at most, the forced ones among them.
    cost, budget
        Instead of ``p``: (n,) what each candidate costs, > 0, and what all may cost, the forced ones among
        them.
    forced, forbidden
        Candidates that are opened in any case, or never.
    time_limit_s
        Wall time after which the best plan so far is returned with its proven gap; so does Ctrl-C
        (``KeyboardInterrupt``). Only such a plan can depend on the machine; all others are deterministic.
    progress
        Called with incumbent, bound, gap and seconds whenever one of the first two gets better.

    Returns
    -------
    Plan
        With fewer than ``p`` sites where more would add no resident; with status ``infeasible`` and the
        reason in ``note`` where the request contradicts itself.

    Raises
    ------
    ValueError
        The arrays do not fit together.

    Examples
    --------
    >>> plan = mclp(np.array([0, 1, 3, 4]), np.array([0, 0, 1, 1]), np.array([1, 4, 2]), 2, p=1)
    >>> plan.sites, plan.objective, plan.bound, plan.status
    ((1,), 6.0, 6.0, 'optimal')
    """
    started = time.monotonic()
    matrix = cover_matrix(indptr, indices, n_candidates, np.int8)
    weight = weights_of(weight, len(indptr) - 1)
    opened, closed = mask_of(forced, n_candidates), mask_of(forbidden, n_candidates)
    costs, limit = limit_of(p, cost, budget, n_candidates)
    reason = conflict(int(limit), opened, closed) if cost is None else overspent(costs, limit, opened, closed)
    if reason:
        return no_plan("infeasible", reason, started)
    incumbent = _incumbent(weight, started + time_limit_s, n_candidates)
    incumbent.plan, incumbent.bound, incumbent.progress = (
        np.flatnonzero(opened),
        float(weight.sum()),
        progress,
    )
    search = _Search(matrix, weight, costs, limit, opened, closed, MAXIMAL)
    search.run(incumbent)
    sites, gains = by_gain(matrix, weight, incumbent.plan, opened)
    objective = covered_weight(indptr, indices, weight, sites)
    bound = _round_bound(incumbent, objective)
    proven = bound == objective if incumbent.integral else bound - objective <= OPTIMAL_GAP * objective
    unused = 0 if p is None else p - len(sites)
    return Plan(
        sites=sites,
        gains=gains,
        objective=objective,
        bound=bound,
        status="optimal" if proven else "feasible",
        gap=(bound - objective) / bound if bound else 0.0,
        reductions=search.counts | {"branch_nodes": incumbent.nodes},
        note=f"另外 {unused} 个名额不会增加覆盖人口, 未开设" if unused else "",
        seconds=time.monotonic() - started,
        certificate=search.certificate(incumbent),
    )


def lscp(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    cost: NDArray[np.floating[Any] | np.integer[Any]] | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Plan:
    """Open the fewest or cheapest candidates that cover every row with residents (set covering).

    ``min sum_j c_j x_j`` with ``sum_j a_rj x_j >= 1`` for every row that can be, ``c_j`` = 1 without ``cost``
    (Toregas, Swain, ReVelle and Bergman 1971). After the reductions of ``mclp`` also rows go that are
    covered whenever another is (Toregas and ReVelle 1973); covers come from a local search with row
    weights (Gao, Weise and Li 2015), bounds from the linear program's prices, recomputed, and branch and
    bound. What falls apart into components is solved apart, their costs and bounds added. Rows without an
    allowed candidate are left out and counted in
    ``reductions["rows_without_candidate"]``. Parameters as for ``mclp``; ``objective`` and ``bound`` are
    costs.

    Examples
    --------
    >>> plan = lscp(np.array([0, 1, 3, 4]), np.array([0, 0, 1, 1]), np.array([1, 4, 2]), 2)
    >>> plan.sites, plan.objective, plan.status
    ((1, 0), 2.0, 'optimal')
    """
    started = time.monotonic()
    matrix = cover_matrix(indptr, indices, n_candidates, np.int8)
    weight = weights_of(weight, len(indptr) - 1)
    opened, closed = mask_of(forced, n_candidates), mask_of(forbidden, n_candidates)
    reason = conflict(n_candidates - int(closed.sum()), opened, closed)
    if reason:
        return no_plan("infeasible", reason, started)
    costs = costs_of(cost, n_candidates)
    total = float(costs.sum())
    incumbent = _incumbent(costs, started + time_limit_s, n_candidates)
    incumbent.plan, incumbent.bound, incumbent.offset = np.flatnonzero(~closed), total, total
    if progress is not None:
        tell = progress
        incumbent.progress = lambda found, bound, _, seconds: tell(
            total - found, total - bound, (bound - found) / max(total - found, 1e-300), seconds
        )
    search = _Search(matrix, weight, costs, total, opened, closed, FEWEST)
    search.run(incumbent)
    sites, gains = by_gain(matrix, weight, incumbent.plan, opened)
    objective = math.fsum(costs[list(sites)])
    bound = total - incumbent.bound - incumbent.slack
    bound = max(0.0, min(objective, float(math.ceil(bound)) if incumbent.integral else bound))
    proven = bound == objective if incumbent.integral else objective - bound <= OPTIMAL_GAP * objective
    missed = search.counts.get("rows_without_candidate", 0)
    return Plan(
        sites=sites,
        gains=gains,
        objective=objective,
        bound=bound,
        status="optimal" if proven else "feasible",
        gap=(objective - bound) / objective if objective else 0.0,
        reductions=search.counts | {"branch_nodes": incumbent.nodes},
        note=f"{missed} 处居民任何候选点都到不了" if missed else "",
        seconds=time.monotonic() - started,
        certificate=search.certificate(incumbent),
    )


@dataclass
class _Search:
    """One request on its way through reductions and search."""

    matrix: csr_array
    weight: Floats
    cost: Floats
    budget: float
    opened: Mask
    closed: Mask
    model: Model
    counts: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def run(self, incumbent: Incumbent) -> None:
        """Reduce and search until proven, out of time, or interrupted; what was found is in ``incumbent``."""
        try:
            instance, self.counts = reduce_cover(
                self.matrix,
                self.weight,
                budget=self.budget,
                forced=self.opened,
                forbidden=self.closed,
                cost=self.cost,
            )
            kept = np.r_[instance.position, instance.chosen]
            gone = np.setdiff1d(np.flatnonzero(~self.closed), kept)
            self.steps.append(Step("candidates", gone, np.empty(0, np.int64)))
            if self.model is FEWEST:
                instance, steps, more = reduce_set_cover(instance)
                self.steps += steps
                self.counts |= more | {"rows_left": instance.n_rows, "candidates_left": instance.n_columns}
                components = components_of(instance)
                if len(components) > 1:
                    self.counts["components_apart"] = len(components)
                    self._apart(instance, components, incumbent)
                    return
            find_best(instance, incumbent, self.model)
        except (KeyboardInterrupt, SystemError) as error:
            if not interrupted(error):
                raise
            _log.info("interrupted after %.1f s", time.monotonic() - incumbent.started)

    def _apart(
        self, instance: Instance, components: list[tuple[Positions, Positions]], incumbent: Incumbent
    ) -> None:
        """Cover each component for itself: costs and bounds add up."""
        first = np.full(instance.n_rows, -1)
        rows = np.flatnonzero(instance.origin >= 0)[::-1]
        first[instance.origin[rows]] = rows
        sites, bound = [instance.chosen], float(self.cost[instance.chosen].sum())
        for number, (classes, columns) in enumerate(components):
            some = csr_array(instance.rows[classes][:, columns])
            left = max(0.0, incumbent.deadline - time.monotonic()) / (len(components) - number)
            plan = lscp(
                some.indptr,
                some.indices,
                np.ones(len(classes)),
                len(columns),
                cost=instance.cost[columns],
                time_limit_s=left,
            )
            incumbent.nodes += plan.reductions["branch_nodes"]
            if plan.status != "optimal" and plan.seconds < _CUT_SHORT * left:
                incumbent.deadline = -np.inf  # interrupted: the others get what is found at once
            if isinstance(plan.certificate, Certificate):
                own = instance.position[columns]
                self.parts.append(Part(first[classes], own, plan.sites, plan.certificate))
            sites.append(instance.position[columns[list(plan.sites)]])
            bound += plan.bound
        total = float(self.cost.sum())
        opened = np.sort(np.concatenate(sites))
        incumbent.take(total - float(self.cost[opened].sum()), opened)
        incumbent.lower(total - bound)

    def certificate(self, incumbent: Incumbent) -> Certificate:
        """Put together what proves the bound."""
        layers = tuple(instance.origin for instance in incumbent.layers)
        return Certificate(tuple(self.steps), layers, tuple(incumbent.records), tuple(self.parts))


def _incumbent(measure: Floats, deadline: float, n_candidates: int) -> Incumbent:
    """Begin a search whose plans are measured by sums of some numbers."""
    total = float(measure.sum())
    slack = max(1e-6, 1e-11 * total)
    integral = is_whole(measure) and slack < 0.5
    return Incumbent(integral, slack if integral else 1e-11 * total, deadline, n_candidates=n_candidates)


def by_gain(
    matrix: csr_array, weight: Floats, sites: Sequence[int] | Positions, keep: Mask | None = None
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Order sites by what each adds to those before it; drop those that add nothing.

    Parameters
    ----------
    keep
        (n,) sites that stay even where they add nothing; all do without it.
    """
    plan = np.asarray(sites, np.int64)
    columns = csr_array(matrix[:, plan].T.tocsr())
    left, open_ = weight.copy(), np.ones(len(plan), bool)
    order, gains = [], []
    for _ in range(len(plan)):
        gain = np.where(open_, columns @ left, -1.0)
        best = int(np.argmax(gain))
        if gain[best] <= 0.0 and keep is not None and not keep[plan[open_]].any():
            break
        open_[best] = False
        if gain[best] > 0.0 or keep is None or keep[plan[best]]:
            order.append(int(plan[best]))
            gains.append(float(gain[best]))
        left[columns.indices[columns.indptr[best] : columns.indptr[best + 1]]] = 0.0
    return tuple(order), tuple(gains)


def _round_bound(incumbent: Incumbent, objective: float) -> float:
    """Allow for rounding, then take the bound down to a whole number where all weights are whole."""
    if incumbent.integral:
        return max(objective, float(math.floor(incumbent.bound + incumbent.slack)))
    return max(objective, incumbent.bound * (1.0 + 1e-11))
