"""Phases: where to open so many sites each year, all years planned together, and year by year."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .branch import Progress
from .models import by_gain
from .phases_program import (
    Phase,
    Timetable,
    closed_in,
    none_found,
    opened_in,
    phased_program,
    problems_of,
    reason,
    stay_open,
    timetable,
)
from .phases_ruled import alone_ruled, ascend_ruled, myopic_ruled, suited
from .phases_search import (
    Found,
    ascend,
    best_alone,
    best_end,
    best_order,
    better_end,
    many_in_order,
    myopic_by_program,
    myopic_plain,
)
from .plan import Plan
from .program_plan import plan_of
from .reduce import Floats, Mask, cover_matrix
from .requests import no_plan
from .rules import Rules
from .staged import Clock, covered_by, none_in_time, settle, smallest, solve_stage

__all__ = ["Phase", "PhasedPlan", "Schedule", "phased_mclp"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """What is opened in which year, and what it covers; tuples have one entry per year."""

    opened: tuple[tuple[int, ...], ...]
    """New sites of each year, in the order of their gains."""
    closed: tuple[tuple[int, ...], ...]
    """Existing sites that each year gives up."""
    covered: tuple[float, ...]
    """Residents covered in each year by all sites open then, recomputed from the input."""
    bounds: tuple[float, ...]
    """Year by year: no plan with the same earlier years covers more. Others: no plan at all does. inf where
    nothing was proven in time."""
    value: float
    """Sum of the covered residents, each year times its value: person-years where values are years."""


@dataclass(frozen=True)
class PhasedPlan:
    """All years planned together, beside the orders that planners use without that."""

    names: tuple[str, ...]
    plan: Plan
    """All years together; ``objective`` and ``bound`` are values (see `Schedule.value`), ``sites`` are the
    new ones in the order of opening, ``gains`` what each adds to the value."""
    look_ahead: Schedule | None
    """The years of ``plan``; None where there is no plan."""
    myopic: Schedule | None
    """Each year the best for itself, with the years before fixed; None where none was found."""
    final_first: Schedule | None
    """The best order of opening to the best end state that was found; None where there is none."""
    text: str
    """What planning ahead gives up early and gains late, in Chinese."""


def phased_mclp(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    years: Sequence[Phase],
    cost: ArrayLike | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    carry: bool = False,
    gap: float = 0.0,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> PhasedPlan:
    """Plan the sites of several years so that most residents are covered over all years together.

    With ``z_tj = 1`` where candidate ``j`` is open in year ``t``, ``y_tr = 1`` where row ``r`` is covered
    then, ``w_tr`` its residents and ``v_t`` the value of the year (dynamic maximal covering: Schilling 1980;
    Gunawardane 1982)::

        max   sum_t v_t sum_r w_tr y_tr
        s.t.  y_tr <= sum_j a_rj z_tj                for every year and row
              z_tj >= z_(t-1)j                       what was opened stays open
              sum_j (z_tj - z_(t-1)j) <= number_t    or  sum_j c_j (z_tj - z_(t-1)j) <= budget_t
              z_tj in {0, 1},  0 <= y_tr <= 1

    States ``z`` in place of openings ``x_tj = z_tj - z_(t-1)j`` are the same relaxation with T rather than
    T (T + 1) / 2 entries per pair of row and candidate. The bound is the lower of two: the program's, and the
    sum over the years of the best that all sites allowed until then can cover in that year alone. Plans
    come from the year-by-year order, from the best order to the best end state, and from ascent, which
    chooses one year's sites anew with the others fixed, an `mclp` again; the program goes on from them, so
    the plan is never worse than the year-by-year order.

    Parameters
    ----------
    indptr, indices, weight, n_candidates
        As for `mclp`; ``weight`` holds for the years that give none of their own.
    years
        In their order. A number counts the new sites of that year alone, existing ones do not count; where
        existing sites may move, each one that is given up allows one more. Forced candidates of a year are
        open in it, opened then or before.
    cost
        (n,) > 0, where years have budgets; existing sites cost nothing.
    forced, forbidden
        Candidates that are open in the last year in any case, or never.
    rules
        Hold for the sites open in the last year; where existing sites may move, quotas at most, budgets and
        exclusions hold in every year. Minimums hold in the last year, for its residents.
    carry
        Numbers and budgets that a year leaves unused remain for later years.
    gap
        The search stops at this gap, a share.
    time_limit_s
        Wall time for all stages together, after which the best plan so far is returned with its proven gap;
        so does Ctrl-C.
    progress
        Called during the search for all years together.

    Returns
    -------
    PhasedPlan
        With status ``infeasible`` and the reason in ``plan.note`` where no plan meets the request.

    Raises
    ------
    ValueError
        The arrays do not fit together, or numbers or positions cannot be.

    Examples
    --------
    Two villages of 4, and a place between them that reaches half of each and one farm:

    >>> indptr, indices = np.array([0, 1, 3, 4, 6, 7]), np.array([0, 0, 2, 1, 1, 2, 2])
    >>> years = [Phase("2027年", number=1), Phase("2028年", number=1, value=3.0)]
    >>> found = phased_mclp(indptr, indices, np.array([2, 2, 2, 2, 1]), 3, years=years)
    >>> found.look_ahead.covered, sorted(found.plan.sites), found.plan.objective, found.plan.status
    ((4.0, 8.0), [0, 1], 28.0, 'optimal')
    >>> found.myopic.covered, found.myopic.opened, found.myopic.value
    ((5.0, 7.0), ((2,), (0,)), 26.0)
    """
    clock = Clock(time_limit_s)
    matrix = cover_matrix(indptr, indices, n_candidates)
    asked = timetable(
        matrix,
        weight,
        years,
        cost=cost,
        forced=forced,
        forbidden=forbidden,
        rules=Rules() if rules is None else rules,
        carry=carry,
    )
    why = reason(asked)
    if why:
        return PhasedPlan(asked.names, no_plan("infeasible", why, clock.started), None, None, None, "")
    return _Stages(asked, clock, gap, progress).run()


@dataclass
class _Stages:
    """A request on its way from one stage to the next."""

    asked: Timetable
    clock: Clock
    gap: float
    progress: Progress | None
    myopic: Found | None = None
    order: Mask | None = None
    best: Mask | None = None

    def run(self) -> PhasedPlan:
        """Go through all stages; an interruption ends with what was found until then."""
        asked, clock = self.asked, self.clock
        alone = np.array([math.fsum(weight) for weight in asked.weight])
        plan = none_in_time(clock, math.fsum(asked.value * alone))
        try:
            plan, alone = self._stages(plan, alone)
        except KeyboardInterrupt:
            clock.stopped = True
            _log.info("interrupted after %.1f s", clock.spent())
            plan = self._best_plan(plan, math.fsum(asked.value * alone))
        return self._result(replace(plan, seconds=clock.spent()), alone)

    def _stages(self, plan: Plan, alone: Floats) -> tuple[Plan, Floats]:
        asked, clock = self.asked, self.clock
        if asked.plain:
            self.myopic = myopic_plain(asked, clock)
            self._offer(self.myopic.state)
        elif (by_year := myopic_ruled(asked, clock) if suited(asked) else None) is not None:
            return self._year_by_year(plan, Found(*by_year))
        else:
            self.myopic, outcome = myopic_by_program(asked, clock)
            if self.myopic is None and outcome.status == "infeasible":
                program, _ = self._whole()
                return plan_of(program, outcome, sites=(), gains=()), alone
            if self.myopic is not None:
                self.myopic = replace(self.myopic, state=stay_open(asked, self.myopic.state))
                self._offer(self.myopic.state)
        alone, sets = best_alone(asked, clock)
        if self.best is not None and not asked.rules.relocations:
            self.order = best_order(asked, self._end(sets[-1]), clock)
            self._offer(self.order)
        if self.best is not None and asked.plain:
            self._offer(ascend(asked, self.best, clock))
            if self.order is not None:
                self._offer(ascend(asked, self.order, clock))
        ideal = math.fsum(asked.value * alone)
        early = self._best_plan(plan, ideal)
        if early.status == "optimal" or early.gap <= self.gap:
            return early, alone
        return self._search(early, ideal), alone

    def _year_by_year(self, plan: Plan, myopic: Found) -> tuple[Plan, Floats]:
        """Answer a large request under quotas from its years alone: without the program of all years."""
        asked, clock = self.asked, self.clock
        self.myopic = myopic
        self._offer(myopic.state)
        alone, end = alone_ruled(asked, float(myopic.bounds[0]), clock)
        ideal = math.fsum(asked.value * alone)
        early = self._best_plan(plan, ideal)
        if early.status != "optimal" and early.gap > self.gap:
            self._offer(ascend_ruled(asked, myopic.state, clock))
        if self.best is not None:
            end = better_end(asked, self.best[-1], end)
            self.order = many_in_order(asked, end & ~asked.existing, clock)
            self._offer(self.order)
        return self._best_plan(plan, ideal), alone

    def _end(self, fresh: Mask) -> Mask:
        """Give the end state that covers the most in the last year, alone or under rules."""
        if self.asked.plain or self.best is None:
            return fresh | self.asked.existing
        return best_end(self.asked, self.best, self.clock)

    def _whole(self) -> tuple[Any, float]:
        nothing = np.zeros((self.asked.years, self.asked.n_candidates), bool)
        return phased_program(self.asked, self.asked.value, nothing, nothing)

    def _offer(self, state: Mask | None) -> None:
        """Keep a plan where it is the best so far."""
        if state is not None:
            state = stay_open(self.asked, state)
        if state is not None and (self.best is None or self.asked.worth(state) > self.asked.worth(self.best)):
            self.best = state

    def _search(self, early: Plan, ideal: float) -> Plan:
        """Solve the program of all years from the plans so far."""
        program, base = self._whole()
        states = [self.best, self.order, None if self.myopic is None else self.myopic.state]
        starts = [state.ravel() for state in states if state is not None]
        outcome = solve_stage(program, self.clock, starts=starts, gap=self.gap, progress=self.progress)
        if outcome.status == "infeasible":
            nothing = plan_of(program, outcome, sites=(), gains=())
            return nothing if self.best is None else early  # by rounding only: there is a plan
        if outcome.objective > -math.inf:
            state = outcome.opened.reshape(self.asked.years, self.asked.n_candidates)
            if not problems_of(self.asked, state):
                self._offer(state)
        plan = plan_of(program, outcome, sites=(), gains=())
        if self.best is None:
            return replace(plan, bound=min(ideal, outcome.bound + base))
        whole = early if none_found(plan) else plan
        return self._best_plan(whole, min(ideal, outcome.bound + base))

    def _best_plan(self, plan: Plan, bound: float) -> Plan:
        """Put the best state into a plan, with its value from the rows."""
        if self.best is None:
            return plan
        sites, gains = _in_order(self.asked, self.best)
        unused = 0
        if self.asked.number is not None and not self.asked.rules.relocations:
            unused = sum(self.asked.number) - len(sites)
        note = f"另外 {unused} 个名额不会增加覆盖人口, 未开设" if unused > 0 else ""
        plan = replace(plan, sites=sites, gains=gains, note=note)
        asked, worth = self.asked, self.asked.worth(self.best)
        least = smallest(asked.value[:, None] * asked.weight)
        return settle(plan, worth, bound, whole=asked.whole, least=least)

    def _result(self, plan: Plan, alone: Floats) -> PhasedPlan:
        asked = self.asked
        if self.best is None or plan.status == "infeasible":
            return PhasedPlan(asked.names, plan, None, None, None, "")
        self._better_year_by_year(alone)
        ahead = _schedule(asked, self.best, alone)
        myopic = None if self.myopic is None else _schedule(asked, self.myopic.state, self.myopic.bounds)
        order = None if self.order is None else _schedule(asked, self.order, alone)
        text = _compare(asked, ahead, myopic, plan)
        return PhasedPlan(asked.names, plan, ahead, myopic, order, text)

    def _better_year_by_year(self, alone: Floats) -> None:
        """Take another plan for the order year by year where its first year that differs covers more.

        That is so only where the time did not suffice to solve each year.
        """
        for state in (self.best, self.order):
            if self.myopic is None or state is None:
                continue
            mine, other = self.asked.covered(self.myopic.state), self.asked.covered(state)
            more = np.flatnonzero(np.abs(other - mine) > 1e-9 * (1.0 + mine))
            if len(more) and other[more[0]] > mine[more[0]]:
                known = np.where(np.arange(len(mine)) == 0, self.myopic.bounds, np.inf)
                self.myopic = Found(state, np.minimum(known, alone))


def _schedule(asked: Timetable, state: Mask, bounds: Floats) -> Schedule:
    covered = asked.covered(state)
    return Schedule(
        opened=tuple(_ordered(asked, state)),
        closed=tuple(tuple(year) for year in closed_in(asked, state)),
        covered=tuple(covered.tolist()),
        bounds=tuple(np.maximum(bounds, covered).tolist()),
        value=math.fsum(asked.value * covered),
    )


def _ordered(asked: Timetable, state: Mask) -> list[tuple[int, ...]]:
    """Order the new sites of each year by what they add to the value."""
    sites, years = list(_in_order(asked, state)[0]), opened_in(asked, state)
    return [tuple(site for site in sites if site in set(year)) for year in years]


def _in_order(asked: Timetable, state: Mask) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """List the new sites in the order of opening, and what each adds to those before it."""
    sites: list[int] = []
    gains: list[float] = []
    before = asked.existing & state[-1]
    for year, fresh in enumerate(opened_in(asked, state)):
        free = ~covered_by(asked.matrix, before)
        weight = free * (asked.value[year:, None] * asked.weight[year:]).sum(axis=0)
        some, adds = by_gain(asked.matrix, weight, fresh)
        sites += some
        gains += adds
        before = before | np.isin(np.arange(asked.n_candidates), fresh)
    return tuple(sites), tuple(gains)


def _compare(asked: Timetable, ahead: Schedule, myopic: Schedule | None, plan: Plan) -> str:
    """Say what planning ahead gives up and gains against the order year by year."""
    proven = "已证明最优" if plan.status == "optimal" else f"任何方案最多再好 {plan.gap:.2%}"
    if myopic is None:
        return f"各年合起来安排的方案{proven}; 逐年依次安排在时限内没有找到方案"
    more = ahead.value - myopic.value
    if more <= 0:
        return f"逐年依次安排与各年合起来安排一样好({proven})"
    differences = [
        f"{name}{'多' if now > then else '少'}覆盖 {abs(now - then):,.0f} 人"
        for name, now, then in zip(asked.names, ahead.covered, myopic.covered, strict=True)
        if round(abs(now - then)) > 0
    ]
    share = f"{more / myopic.value:.2%}" if myopic.value > 0 else "全部"
    unit = "人次" if (asked.value == 1.0).all() else "(按各年权重合计)"
    told = f"各年合起来安排比逐年依次安排共多覆盖 {more:,.0f} {unit}, 即 {share}({proven})"
    return f"{told}: {', '.join(differences)}" if differences else told
