"""What capacitated models answer: a plan, who is served where, and the certificate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from .capacity_problem import Problem, arcs_of
from .capacity_search import LEAST_STEP, Best, Record, find_best
from .capacity_start import Division, Plans
from .plan import OPTIMAL_GAP, Plan
from .program import ProgramBuilder
from .program_plan import plan_of
from .program_search import Progress, solve_program
from .reduce import Floats, Mask, Positions
from .requests import conflict, overspent


@dataclass(frozen=True)
class CapacityProof:
    """Why no plan is better than the bound; see `capacity_check.check_capacity`."""

    member: Positions
    """(m,) class of each row of demand; -1: it has no residents, or no candidate within reach."""
    records: tuple[Record, ...]


@dataclass(frozen=True)
class CapacitatedPlan:
    """Where to open sites, and which residents each serves; rows of demand may be divided between sites."""

    plan: Plan
    load: Floats
    """(n,) residents that each site serves."""
    row: Positions
    site: Positions
    residents: Floats
    """(pairs,) who goes where: so many residents of a row to a site, ascending by row, then site."""
    no_room: Floats
    """(m,) residents within reach of an open site for whom there is no capacity."""
    out_of_reach: Floats
    """(m,) residents whom no open site reaches, with a penalty at a smaller cost."""
    proof: CapacityProof | None = field(default=None, compare=False, repr=False)
    """None where infeasible."""

    @property
    def served(self) -> float:
        """Residents served in all."""
        return float(self.load.sum())


@dataclass(frozen=True)
class Asked:
    """A request, checked."""

    rows: csr_array
    """(m, n) canonical; the values are gains, or ones."""
    weight: Floats
    member: Positions
    """(m,) class of each row, -1: none."""
    problem: Problem
    builder: ProgramBuilder
    """The rules on sites."""
    by_number: bool
    """``p`` was given, not a budget."""
    started: float
    time_limit_s: float
    progress: Progress | None


def contradiction(problem: Problem, *, by_number: bool) -> str:
    """Say in Chinese why the sites asked for cannot be; empty where they can."""
    if by_number:
        return conflict(int(problem.budget), problem.forced, problem.forbidden)
    return overspent(problem.cost, problem.budget, problem.forced, problem.forbidden)


def first_plan(asked: Asked, plans: Plans, best: Best) -> Plan | None:
    """Find sites that meet the rules to begin with; the plan that there is not where none do."""
    problem = asked.problem
    if problem.allows(problem.forced):
        return None
    builder = asked.builder
    what = f"最多开设 {problem.budget:g} 处" if asked.by_number else f"总费用不超过 {problem.budget:g}"
    everywhere = np.arange(problem.n_sites)
    builder.require(what, problem.budget, x=(everywhere, problem.cost))
    if problem.forced.any():
        must = np.flatnonzero(problem.forced)
        builder.require("必选点", -float(len(must)), x=(must, -1.0))
    if problem.forbidden.any():
        builder.require("禁选点", 0.0, x=(np.flatnonzero(problem.forbidden), 1.0))
    program = builder.build(x=(everywhere, plans.worths(plans.divide(problem.forced & False))))
    left = max(1.0, best.deadline - time.monotonic())
    outcome = solve_program(program, time_limit_s=left)
    if outcome.status == "infeasible":
        return plan_of(program, outcome, sites=(), gains=())
    if problem.allows(outcome.opened):
        best.plan = outcome.opened.copy()
    return None


def teller(asked: Asked, sign: float = 1.0, constant: float = 0.0) -> Callable[[float, float], object]:
    """Tell of progress in the units of the model: objectives are ``constant + sign * value``."""

    def tell(value: float, bound: float) -> None:
        if asked.progress is not None:
            value, bound = constant + sign * value, constant + sign * bound
            gap = abs(bound - value) / max(abs(bound), abs(value), 1e-300)
            asked.progress(value, bound, gap, time.monotonic() - asked.started)

    return tell


def search(asked: Asked, plans: Plans, best: Best) -> tuple[Plan | None, str]:
    """Search until proven, out of time, or interrupted.

    Returns
    -------
    impossible, note
        The plan that there is not where the rules contradict each other, and a note in Chinese.
    """
    try:
        if best.plan is None:
            impossible = first_plan(asked, plans, best)
            if impossible is not None:
                return impossible, ""
        if len(asked.problem.arcs.weight):
            find_best(asked.problem, plans, best)
        else:
            start = asked.problem.forced if best.plan is None else best.plan
            if asked.problem.allows(start):
                best.take(0.0, start)
                best.lower(0.0)
    except KeyboardInterrupt:
        return None, "已中断, 方案是到中断时为止最好的"
    return None, ""


def unused_note(asked: Asked, best: Best, what: str) -> str:
    """Say in Chinese how many sites were not opened since they would not help."""
    unused = int(asked.problem.budget) - int(best.plan.sum()) if best.plan is not None else 0
    return f"另外 {unused} 个名额{what}, 未开设" if asked.by_number and unused > 0 else ""


def answer(
    asked: Asked,
    plans: Plans,
    best: Best,
    note: str,
    *,
    sites: Sequence[int],
    gains: Sequence[float],
    sign: float = 1.0,
    constant: float = 0.0,
    idle: str,
) -> CapacitatedPlan:
    """Make the answer of the best plan found; its objective is ``constant + sign * value``.

    ``idle`` says in Chinese what further sites would not do.
    """
    opened = best.plan = np.isin(np.arange(asked.problem.n_sites), sites)
    division = plans.divide(opened)
    row, site, residents = spread(asked, division)
    objective = _objective(asked, row, site, residents, constant)
    bound = constant + sign * best.bound
    if asked.problem.cover and objective == 0.0 and bound < _least_served(asked.problem):
        bound = 0.0
    bound = max(bound, objective) if sign > 0 else min(bound, objective)
    larger, apart = max(abs(bound), abs(objective)), abs(bound - objective)
    if not best.whole and apart <= LEAST_STEP:
        apart = 0.0  # the search looks for nothing that is better by less, also where the objective is 0
    proven = apart == 0.0 if best.whole else apart <= OPTIMAL_GAP * larger
    plan = Plan(
        sites=tuple(sites),
        gains=tuple(gains),
        objective=objective,
        bound=bound,
        status="optimal" if proven else "feasible",
        gap=apart / larger if larger else 0.0,
        reductions=_counts(asked) | {"branch_nodes": best.nodes},
        note="; ".join(part for part in (unused_note(asked, best, idle), note) if part),
        seconds=time.monotonic() - asked.started,
    )
    return _result(asked, plan, (row, site, residents), CapacityProof(asked.member, tuple(best.records)))


def _least_served(problem: Problem) -> float:
    """Give what a plan that serves somebody serves at least: all of a class, or all that a site can."""
    numbers = np.r_[problem.arcs.weight, problem.arcs.capacity]
    return float(numbers[numbers > 0].min(initial=math.inf)) * (1.0 - OPTIMAL_GAP)


def _objective(asked: Asked, row: Positions, site: Positions, residents: Floats, constant: float) -> float:
    """Sum up from the raw rows what a division is worth."""
    if asked.problem.cover:
        return math.fsum(residents)
    start, n = asked.rows.indptr, asked.problem.n_sites
    code = np.repeat(np.arange(len(asked.weight)), np.diff(start)) * n + asked.rows.indices
    gain = asked.rows.data[np.searchsorted(code, row * n + site)]
    return constant - math.fsum(gain * residents)


def _result(
    asked: Asked, plan: Plan, flow: tuple[Positions, Positions, Floats], proof: CapacityProof | None
) -> CapacitatedPlan:
    row, site, residents = flow
    m, n = asked.rows.shape
    served = np.bincount(row, residents, minlength=m)
    pairs = csr_array((np.ones(asked.rows.nnz), asked.rows.indices, asked.rows.indptr), shape=(m, n))
    near = pairs @ np.isin(np.arange(n), plan.sites).astype(np.float64) > 0
    left = np.maximum(asked.weight - served, 0.0)
    return CapacitatedPlan(
        plan=plan,
        load=np.bincount(site, residents, minlength=n).astype(np.float64),
        row=row,
        site=site,
        residents=residents,
        no_room=np.where(near, left, 0.0),
        out_of_reach=np.where(near, 0.0, left),
        proof=proof,
    )


def nothing(asked: Asked, plan: Plan) -> CapacitatedPlan:
    """Give the answer that there is not."""
    none = np.empty(0, np.int64)
    return _result(asked, plan, (none, none, np.empty(0)), None)


def by_gain(problem: Problem, plans: Plans, opened: Mask) -> tuple[list[int], list[float]]:
    """Order sites by what each adds to those before it; drop those that add nothing and nobody asks for."""
    left, chosen = list(np.flatnonzero(opened)), np.zeros(problem.n_sites, bool)
    sites, gains, value = [], [], plans.value(chosen)
    while left:
        most = plans.worths(plans.divide(chosen))
        best, gain = left[0], -math.inf
        for j in sorted(left, key=lambda j: -most[j]):
            if most[j] <= gain:
                break
            chosen[j] = True
            if plans.value(chosen) - value > gain:
                best, gain = j, plans.value(chosen) - value
            chosen[j] = False
        left.remove(best)
        chosen[best] = True
        value += gain
        sites.append(int(best))
        gains.append(float(gain))
    for i in reversed(range(len(sites))):
        without = chosen.copy()
        without[sites[i]] = False
        if gains[i] <= plans.tiny and problem.allows(without) and plans.value(without) >= value - plans.tiny:
            chosen = without
            del sites[i], gains[i]
    return sites, gains


def spread(asked: Asked, division: Division) -> tuple[Positions, Positions, Floats]:
    """Divide the flows of classes over their rows: whole residents where flows and weights are whole.

    The rows of a class lie one after the other on a line, and so do its flows; each piece goes where it lies.
    """
    arcs, member = asked.problem.arcs, asked.member
    owner = np.repeat(np.arange(len(arcs.weight)), np.diff(arcs.row_start))
    flow = division.flow[arcs.row_pair]
    used = flow > 0.0
    owner, to, flow = owner[used], arcs.row_site[used].astype(np.int64), flow[used]
    rows = np.flatnonzero(member >= 0)
    rows = rows[np.argsort(member[rows], kind="stable")]
    if not len(rows) or not len(owner):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    ends = np.cumsum(asked.weight[rows])
    last = ends[np.cumsum(np.bincount(member[rows])) - 1]
    first = np.r_[0.0, last[:-1]]
    sums = np.r_[0.0, np.cumsum(flow)]
    before = sums[np.searchsorted(owner, owner)]
    cuts = np.minimum(first[owner] + (sums[1:] - before), last[owner])
    edges = np.unique(np.concatenate([first, ends, cuts]))
    middle, length = (edges[1:] + edges[:-1]) / 2.0, np.diff(edges)
    who = np.minimum(np.searchsorted(ends, middle), len(rows) - 1)
    where = np.minimum(np.searchsorted(cuts, middle), len(cuts) - 1)
    goes = (owner[where] == member[rows[who]]) & (cuts[where] >= middle) & (length > 1e-13 * ends[-1])
    row, site, residents = rows[who[goes]], to[where[goes]], length[goes]
    order = np.lexsort((site, row))
    return row[order], site[order], residents[order]


def _counts(asked: Asked) -> dict[str, int]:
    positive = asked.weight > 0
    inside = asked.member >= 0
    return {
        "rows": len(asked.weight),
        "candidates": asked.problem.n_sites,
        "rows_without_weight": int((~positive).sum()),
        "rows_without_candidate": int((positive & ~inside).sum()),
        "rows_merged": int(inside.sum()) - len(asked.problem.arcs.weight),
        "rows_left": len(asked.problem.arcs.weight),
    }


def make_problem(
    rows: csr_array,
    weight: Floats,
    capacity: Floats,
    *,
    limits: tuple[Floats, float],
    side: tuple[csr_array, Floats],
    masks: tuple[Mask, Mask],
    gain: Floats | None = None,
    everybody: bool = False,
) -> Problem:
    """Put a problem together from classes with residents and allowed candidates."""
    arcs = arcs_of(rows, weight, capacity, gain)
    numbers = [arcs.weight, arcs.capacity, arcs.gain]
    whole = all(bool((some == np.floor(some)).all()) for some in numbers)
    whole = whole and float(arcs.weight.sum()) * max(1.0, float(np.abs(arcs.gain).max(initial=0.0))) < 1e11
    return Problem(arcs, *limits, *side, *masks, cover=gain is not None, everybody=everybody, whole=whole)
