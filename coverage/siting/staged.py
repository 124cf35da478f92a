"""What models of several stages share: the request on sites, one clock for all stages, plain covering."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .branch import Progress
from .models import by_gain, mclp
from .plan import OPTIMAL_GAP, Plan, Status
from .program import CoverProgram, Outcome, ProgramBuilder, Terms, open_sites
from .program_plan import plan_of
from .program_search import solve_program
from .reduce import Floats, Mask, merge_labelled
from .requests import conflict, is_whole, limit_of, mask_of, no_plan, overspent
from .rules import Rules, add_site_rules, check, contradiction

_EARLY = 0.9
"""A stage that ends unproven before this share of its time was interrupted."""


@dataclass
class Clock:
    """The time that the stages of a request share; after an interruption nothing is left."""

    seconds: float
    started: float = field(default_factory=time.monotonic)
    stopped: bool = False

    def left(self, share: float = 1.0) -> float:
        """Give a share of the seconds that are left."""
        whole = self.started + self.seconds - time.monotonic()
        return 0.0 if self.stopped else max(0.0, share * whole)

    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def saw(self, status: Status, seconds: float, limit: float) -> None:
        """Take note of how a stage ended: Ctrl-C in one ends all."""
        if status == "feasible" and seconds < _EARLY * limit:
            self.stopped = True


@dataclass(frozen=True)
class Asked:
    """A request on sites: how many or what they may cost, those that must or must not be, and the rules."""

    n_candidates: int
    opened: Mask
    closed: Mask
    rules: Rules
    p: int | None = None
    cost: Floats | None = None
    budget: float | None = None

    def reason(self) -> str:
        """Say in Chinese why the request contradicts itself; empty where that is not seen at once."""
        allowed = int((~self.closed).sum())
        found = conflict(allowed if self.p is None else self.p, self.opened, self.closed)
        if not found:
            some, never = (np.flatnonzero(mask).tolist() for mask in (self.opened, self.closed))
            found = contradiction(self.rules, self.p, some, never)
        if found or self.cost is None or self.budget is None:
            return found
        return overspent(self.cost, self.budget, self.opened, self.closed)

    def builder(self) -> ProgramBuilder:
        """Begin a program with the request's constraints on sites."""
        builder = ProgramBuilder(self.n_candidates)
        every = np.arange(self.n_candidates, dtype=np.int64)
        if self.cost is None or self.budget is None:
            builder.require(f"最多开设 {self.p} 处", float(self.p or 0), x=(every, 1.0))
        else:
            builder.require(f"总费用不超过预算 {self.budget:g}", self.budget, x=(every, self.cost))
        require_sites(builder, self.opened, self.closed)
        add_site_rules(builder, self.rules)
        return builder


def ask(
    n_candidates: int,
    *,
    n_rows: int | None,
    p: int | None,
    cost: ArrayLike | None,
    budget: float | None,
    forced: Sequence[int],
    forbidden: Sequence[int],
    rules: Rules | None,
) -> Asked:
    """Check a request on sites; raises ``ValueError`` where numbers or positions cannot be."""
    asked = Rules() if rules is None else rules  # rules of existing sites alone are false
    check_rules(asked, n_candidates, n_rows)
    opened, closed = mask_of(asked.forced(forced), n_candidates), mask_of(forbidden, n_candidates)
    costs, limit = limit_of(p, cost, budget, n_candidates)
    if p is not None:
        return Asked(n_candidates, opened, closed, asked, p)
    return Asked(n_candidates, opened, closed, asked, None, costs, limit)


def check_rules(rules: Rules, n_candidates: int, n_rows: int | None) -> None:
    """Check the rules; without ``n_rows`` minimums are refused (``ValueError``)."""
    if rules.minimums and n_rows is None:
        raise ValueError("minimums of rows do not hold for several situations: give a floor instead")
    check(rules, n_candidates, n_rows or 0)


def require_sites(builder: ProgramBuilder, opened: Mask, closed: Mask, *, hard: bool = False) -> None:
    """Require that some sites are open and others not."""
    some, never = np.flatnonzero(opened), np.flatnonzero(closed)
    if len(some):
        builder.require("必选点", -len(some), x=(some, -1.0), hard=hard)
    if len(never):
        builder.require("禁选点", 0.0, x=(never, 1.0), hard=hard)


def require_minimums(
    builder: ProgramBuilder, rules: Rules, matrix: csr_array, weight: Floats, *, first: int = 0
) -> None:
    """Require the rules' minimums of covered demand; sites are the columns from ``first`` on."""
    for minimum in rules.minimums:
        rows = np.unique(np.asarray(minimum.rows, np.int64))
        needed = minimum.share * float(weight[rows].sum())
        classes, weights, _ = merge_labelled(matrix[rows], weight[rows])
        t = builder.add_classes(shifted(classes, first, builder.n_sites), weights)
        what = f"{minimum.name}至少覆盖 {minimum.share:.1%}"
        builder.require(what, -needed * (1.0 - 1e-12), t=(t, -1.0))


def shifted(rows: csr_array, first: int, n_columns: int) -> csr_array:
    """Move columns to the right within a wider matrix."""
    return csr_array((rows.data, rows.indices + first, rows.indptr), shape=(rows.shape[0], n_columns))


def covered_by(matrix: csr_array, opened: Mask) -> Mask:
    """Tell which rows some open sites cover (m,)."""
    found: Mask = matrix @ opened.astype(np.float64) > 0
    return found


def smallest(*values: ArrayLike) -> float:
    """Give the smallest number above 0; inf where there is none."""
    arrays = [np.asarray(each, np.float64) for each in values]
    return min((float(each[each > 0].min(initial=math.inf)) for each in arrays), default=math.inf)


def settle(plan: Plan, objective: float, bound: float, *, whole: bool, least: float = 0.0) -> Plan:
    """Put the objective from the raw arrays and its bound into a plan, with the status that follows.

    ``whole``: the objective is a whole number for every plan, so that the bound is rounded down where it
    is exact enough, below 5e8. ``least``: plans that are worth more than 0 are worth at least so much, so
    that a smaller bound means 0.
    """
    if objective == 0.0 and bound < least * (1.0 - OPTIMAL_GAP):
        bound = 0.0
    slack = max(1e-6, 1e-9 * abs(bound)) if math.isfinite(bound) else 0.0
    whole = whole and slack < 0.5
    if whole and math.isfinite(bound):
        bound = float(math.floor(bound + slack))
    bound = max(bound, objective)
    proven = bound - objective <= (0.0 if whole else OPTIMAL_GAP * max(abs(objective), 1e-9))
    gap = (bound - objective) / bound if bound > 0 and math.isfinite(bound) else float(bound > objective)
    status: Status = "optimal" if proven else "feasible"
    return replace(plan, objective=objective, bound=bound, status=status, gap=gap)


def none_in_time(clock: Clock, bound: float) -> Plan:
    """Give the plan that was not found before the time ran out, with what is known of all plans."""
    nothing = no_plan("feasible", "时限内没有找到方案", clock.started)
    return replace(nothing, objective=-math.inf, bound=bound)


def solve_stage(
    program: CoverProgram,
    clock: Clock,
    *,
    share: float = 1.0,
    starts: Sequence[Mask] = (),
    gap: float = 0.0,
    progress: Progress | None = None,
) -> Outcome:
    """Solve a program within a share of the time that is left."""
    limit = clock.left(share)
    found = solve_program(program, starts=starts, time_limit_s=limit, gap=gap, progress=progress)
    if gap == 0.0:
        clock.saw(found.status, found.seconds, limit)
    return found


def most_residents(
    asked: Asked,
    matrix: csr_array,
    weight: Floats,
    clock: Clock,
    *,
    share: float = 1.0,
    starts: Sequence[Sequence[int]] = (),
    progress: Progress | None = None,
) -> Plan:
    """Cover the most residents under a request: by `mclp` without rules, else as a cover program.

    Parameters
    ----------
    matrix, weight
        (m, n) from `cover_matrix`, (m,) residents.
    """
    why = asked.reason()
    if why:
        return no_plan("infeasible", why, clock.started)
    if not asked.rules:
        limit = clock.left(share)
        plan = _mclp(asked, matrix, weight, limit, progress)
        clock.saw(plan.status, plan.seconds, limit)
        return plan
    builder = asked.builder()
    classes, weights, _ = merge_labelled(matrix, weight)
    t = builder.add_classes(classes, weights)
    require_minimums(builder, asked.rules, matrix, weight)
    program = builder.build(t=(t, 1.0))
    known = [open_sites(program, start) for start in starts]
    outcome = solve_stage(program, clock, share=share, starts=known, progress=progress)
    return plan_from(program, outcome, matrix, weight, whole=is_whole(weight))


def plan_from(
    program: CoverProgram,
    outcome: Outcome,
    matrix: csr_array,
    weight: Floats,
    *,
    whole: bool,
    bound: float = math.inf,
    keep: Mask | None = None,
) -> Plan:
    """Make a plan of covered residents, recomputed from the rows; ``bound`` is known from elsewhere."""
    sites, gains = by_gain(matrix, weight, np.flatnonzero(outcome.opened).tolist(), keep)
    plan = plan_of(program, outcome, sites=sites, gains=gains)
    if plan.status == "infeasible" or outcome.objective == -math.inf:
        return plan
    objective = math.fsum(weight[covered_by(matrix, outcome.opened)])
    most = min(outcome.bound, bound, float(weight.sum()))
    return settle(plan, objective, most, whole=whole, least=smallest(weight))


def _mclp(asked: Asked, matrix: csr_array, weight: Floats, limit: float, progress: Progress | None) -> Plan:
    way: dict[str, Any] = (
        {"p": asked.p} if asked.cost is None else {"cost": asked.cost, "budget": asked.budget}
    )
    return mclp(
        matrix.indptr,
        matrix.indices,
        weight,
        asked.n_candidates,
        forced=np.flatnonzero(asked.opened).tolist(),
        forbidden=np.flatnonzero(asked.closed).tolist(),
        time_limit_s=limit,
        progress=progress,
        **way,
    )


def terms(*parts: tuple[NDArray[Any], float]) -> Terms:
    """Join positions with one coefficient each to the terms of a constraint."""
    position = np.concatenate([np.asarray(each, np.int64) for each, _ in parts])
    return position, np.repeat([value for _, value in parts], [len(each) for each, _ in parts])
