"""Plans and bounds of phased covering from coverings of one year each.

- The best that any plan can cover in a year alone, with all that may be opened until then: the sum over
  the years bounds every plan.
- The myopic order, the best order of opening to the best end state, and ascent: one year's sites chosen
  anew with the others fixed is a maximal covering again, since a site of year t covers a row for all years
  from t on in which no other does. Each ascent step is exact, so no exchange within a year improves its
  result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .models import mclp
from .phases_program import Timetable, opened_in, phased_program, problems_of
from .plan import Plan
from .program import Outcome
from .reduce import Floats, Mask
from .rules import Rules
from .staged import Clock, covered_by, solve_stage

_YEAR = 0.12
"""Share of the time that is left for one covering of a year."""

_ASCENT = 0.3
"""Share of the time that is left for ascent."""

_FEW = 400
"""Sites times years up to which the order to an end state is found by the program."""


@dataclass(frozen=True)
class Found:
    """A plan by years, and what is proven about each year."""

    state: Mask
    """(T, n)."""
    bounds: Floats
    """(T,) what no plan with the same years before covers more in each year; inf where nothing is proven."""


def year_alone(
    asked: Timetable, weight: Floats, *, opened: Mask, closed: Mask, extra: Any, limit: float
) -> Plan:
    """Solve a maximal covering of new sites; existing ones are not among them and what they cover counts 0.

    ``extra`` is the number, or the money, beyond what ``opened`` takes.
    """
    way: dict[str, Any] = {"p": int(opened.sum()) + int(extra)}
    if asked.number is None:
        cost = np.where(asked.cost > 0, asked.cost, 1.0)
        way = {"cost": cost, "budget": float(cost[opened].sum()) + float(extra)}
    else:  # a number of sites beyond the candidates is no limit
        way["p"] = min(way["p"], int((~(closed | asked.existing)).sum()))
    return mclp(
        asked.matrix.indptr,
        asked.matrix.indices,
        weight,
        asked.n_candidates,
        forced=np.flatnonzero(opened).tolist(),
        forbidden=np.flatnonzero(closed | asked.existing).tolist(),
        time_limit_s=limit,
        **way,
    )


def best_alone(asked: Timetable, clock: Clock) -> tuple[Floats, list[Mask]]:
    """Bound what any plan covers in each year (T,), with a set of new sites (n,) that covers nearly so much.

    Rules and quotas are left out, and existing sites that may move are kept beside those that replace them:
    both only raise the bound.
    """
    there = covered_by(asked.matrix, asked.existing)
    bounds, sets = np.empty(asked.years), []
    moved = asked.rules.relocations if asked.rules.existing else 0
    for year in range(asked.years):
        forced = asked.forced[year] & ~asked.existing
        if asked.number is not None:
            extra = asked.total(asked.number, year) + moved - float(forced.sum())
        else:
            limits = asked.budget or ()
            extra = max(0.0, asked.total(limits, year) - float(asked.cost[forced].sum()))
        limit = clock.left(_YEAR)
        weight = np.where(there, 0.0, asked.weight[year])
        plan = year_alone(asked, weight, opened=forced, closed=asked.closed, extra=extra, limit=limit)
        clock.saw(plan.status, plan.seconds, limit)
        base = math.fsum(asked.weight[year][there])
        bounds[year] = base + (plan.bound if plan.status != "infeasible" else weight.sum())
        sets.append(np.isin(np.arange(asked.n_candidates), plan.sites))
    return bounds, sets


def myopic_plain(asked: Timetable, clock: Clock) -> Found:
    """Place the sites year by year, each the best of its year, by `mclp`; spare ones serve later years."""
    there = covered_by(asked.matrix, asked.existing)
    fresh, rows = np.zeros(asked.n_candidates, bool), []
    bounds = np.empty(asked.years)
    limits: tuple[float, ...] = asked.number if asked.number is not None else (asked.budget or ())
    for year in range(asked.years):
        cost = np.ones(asked.n_candidates) if asked.number is not None else asked.cost
        spent = float(cost[fresh].sum())
        allowed = asked.total(limits, year) if asked.carry else spent + limits[year]
        held = fresh | (asked.forced[year] & ~asked.existing)
        weight = np.where(there, 0.0, asked.weight[year])
        later = (asked.value[year + 1 :, None] * asked.weight[year + 1 :]).sum(axis=0)
        for number, some in enumerate((weight, np.where(there, 0.0, later))):
            if number and (year == asked.years - 1 or asked.carry):
                break
            extra = max(0.0, allowed - float(cost[held].sum()))
            limit = clock.left(_YEAR)
            plan = year_alone(asked, some, opened=held, closed=asked.closed, extra=extra, limit=limit)
            clock.saw(plan.status, plan.seconds, limit)
            held = held | np.isin(np.arange(asked.n_candidates), plan.sites)
            if not number:
                bounds[year] = plan.bound + math.fsum(asked.weight[year][there])
                if asked.number is not None and held.sum() >= allowed:
                    break
        fresh = held
        rows.append(fresh | asked.existing)
    return Found(np.array(rows), bounds)


def myopic_by_program(asked: Timetable, clock: Clock) -> tuple[Found | None, Outcome]:
    """Place the sites year by year under all rules, each year the best that leaves the rest feasible.

    Only the sites of the years before are fixed, all rules of all years hold: the order never runs into a
    dead end that a plan exists to avoid.
    """
    state = np.zeros((asked.years, asked.n_candidates), bool)
    opened, closed = np.zeros_like(state), np.zeros_like(state)
    bounds = np.full(asked.years, np.inf)
    for year in range(asked.years):
        value = (np.arange(asked.years) == year).astype(np.float64)
        program, base = phased_program(asked, value, opened, closed)
        starts = [state.ravel()] if year else []
        outcome = solve_stage(program, clock, share=_YEAR, starts=starts)
        if outcome.objective == -math.inf:
            if year and outcome.status != "infeasible" and not problems_of(asked, state):
                return Found(state, bounds), outcome
            return None, outcome
        state = outcome.opened.reshape(state.shape)
        bounds[year] = outcome.bound + base
        opened[year], closed[year] = state[year], ~state[year]
    return Found(state, bounds), outcome


def best_end(asked: Timetable, start: Mask, clock: Clock) -> Mask:
    """Find an end state (n,) under rules that covers the most in the last year, from a plan (T, n)."""
    value = (np.arange(asked.years) == asked.years - 1).astype(np.float64)
    nothing = np.zeros_like(start)
    program, _ = phased_program(asked, value, nothing, nothing)
    outcome = solve_stage(program, clock, share=_YEAR, starts=[start.ravel()])
    state = outcome.opened.reshape(start.shape) if outcome.objective > -math.inf else start
    return better_end(asked, start[-1], None if problems_of(asked, state) else state[-1])


def better_end(asked: Timetable, end: Mask, other: Mask | None) -> Mask:
    """Choose of two end states (n,) the one that covers more in the last year."""
    if other is None:
        return end
    one, two = (math.fsum(asked.weight[-1][covered_by(asked.matrix, some)]) for some in (end, other))
    return other if two > one else end


def best_order(asked: Timetable, end: Mask, clock: Clock) -> Mask | None:
    """Find the best order of opening to an end state (n,): states (T, n), or None where none was found.

    Few sites, rules and budgets: by the program, exactly where its time suffices. Many sites: year by year
    among the sites of the end, then ascent; a plan that the bound of the single years does not prove best.
    """
    if asked.plain and asked.number is not None and asked.years * int(end.sum()) > _FEW:
        return many_in_order(asked, end & ~asked.existing, clock)
    opened = np.zeros((asked.years, asked.n_candidates), bool)
    closed = np.broadcast_to(~(end | asked.existing), opened.shape).copy()
    opened[-1], closed[-1] = end, ~end
    program, _ = phased_program(asked, asked.value, opened, closed)
    outcome = solve_stage(program, clock, share=_YEAR)
    if outcome.objective == -math.inf:
        return None
    state = outcome.opened.reshape(opened.shape)
    return None if problems_of(asked, state) else state


def many_in_order(asked: Timetable, end: Mask, clock: Clock) -> Mask | None:
    """Put many new sites (n,) into an order: the years before the last are a request on them alone."""
    some, last = np.flatnonzero(end), asked.years - 1
    there = covered_by(asked.matrix, asked.existing)
    early = replace(
        asked,
        names=asked.names[:last],
        matrix=asked.matrix[:, some],
        weight=np.where(there, 0.0, asked.weight[:last]),
        value=asked.value[:last],
        number=(asked.number or ())[:last],
        cost=asked.cost[some],
        forced=asked.forced[:last][:, some],
        closed=asked.closed[some],
        existing=np.zeros(len(some), bool),
        quotas=asked.quotas[:last],
        rules=Rules(),
    )
    state = np.broadcast_to(end | asked.existing, asked.forced.shape).copy()
    if last:
        own = ascend(early, myopic_plain(early, clock).state, clock)
        state[:last, some] = _filled(early, own)
    return None if problems_of(asked, state) else state


def _filled(asked: Timetable, state: Mask) -> Mask:
    """Open in every year what its number still admits, so that all can be open in the end."""
    state, before = state.copy(), 0
    for year, number in enumerate(asked.number or ()):
        most = int(asked.total(asked.number or (), year)) if asked.carry else before + number
        spare = np.flatnonzero(~state[year])[: max(0, most - int(state[year].sum()))]
        state[year:, spare] = True
        before = int(state[year].sum())
    return state


def ascend(asked: Timetable, state: Mask, clock: Clock) -> Mask:
    """Choose the new sites of one year at a time anew until no year improves."""
    best, until = asked.worth(state), clock.spent() + clock.left(_ASCENT)
    unchanged, year = 0, asked.years - 1
    while unchanged < asked.years and clock.spent() < until and not clock.stopped:
        limit = min(clock.left(_YEAR), until - clock.spent())
        fresh = _year_anew(asked, state, year, limit, clock)
        worth = asked.worth(fresh)
        unchanged = unchanged + 1 if worth <= best else 0
        if worth > best and not problems_of(asked, fresh):
            best, state = worth, fresh
        year = (year - 1) % asked.years
    return state


def _year_anew(asked: Timetable, state: Mask, year: int, limit: float, clock: Clock) -> Mask:
    own = np.zeros(asked.n_candidates, bool)
    own[opened_in(asked, state)[year]] = True
    others = state & ~own
    weight = np.zeros(asked.matrix.shape[0])
    for later in range(year, asked.years):
        free = ~covered_by(asked.matrix, others[later])
        weight += asked.value[later] * asked.weight[later] * free
    extra: float = float(own.sum()) if asked.number is not None else float(asked.cost[own].sum())
    if not asked.carry:
        extra = asked.number[year] if asked.number is not None else (asked.budget or ())[year]
    held = asked.forced[year] & ~others[year]
    extra -= float(held.sum()) if asked.number is not None else float(asked.cost[held].sum())
    closed = asked.closed | others[-1]
    plan = year_alone(asked, weight, opened=held, closed=closed, extra=max(0.0, extra), limit=limit)
    clock.saw(plan.status, plan.seconds, limit)
    own[:] = False
    own[list(plan.sites)] = True
    fresh = others.copy()
    fresh[year:] |= own
    return fresh
