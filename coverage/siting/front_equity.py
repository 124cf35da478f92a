"""The front of cover against the worst county's share: all plans that no other beats in both, exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .fair_program import Counties, FairBuilder, counties_of
from .fairness import FairPlan, fair_mclp
from .front_points import slack_of, supported
from .plan import Plan
from .program import Outcome, open_sites
from .program_plan import plan_of
from .reduce import Mask, cover_matrix
from .requests import is_whole, no_plan, weights_of
from .rules import Rules
from .staged import Clock, ask, plan_from, solve_stage

_NEXT = 1e-6
"""With fractional weights lowest shares that differ by less than this count as the same."""

_FAIR, _SHARES = 0.25, 0.34
"""Shares of the time that is left for the highest lowest share alone, and for each step."""

_LEAST_S = 0.05

_SAME = 1e-9
"""Shares that differ by less are the same."""


@dataclass(frozen=True)
class EquityPoint:
    """A plan of the front: the lowest share of all counties that count, and the residents covered."""

    lowest: float
    """Share of the county that is covered least, 0..1."""
    cover: float
    plan: Plan
    """Its sites; objective, bound and status are of its cover."""
    share: tuple[float, ...]
    """Covered share of each county; NaN without residents."""
    gini: float
    """Gini's coefficient of the shares, weighted by residents."""
    proven: bool
    """No plan is as good in both measures and better in one."""
    supported: bool


@dataclass(frozen=True)
class EquityMissing:
    """Where plans may exist that the front does not list."""

    lowest_above: float
    lowest_to: float
    """Lowest share, above the one and up to the other."""
    cover_at_most: float


@dataclass(frozen=True)
class EquityFront:
    """All nondominated pairs of cover and lowest share: cover falls, the lowest share rises."""

    points: tuple[EquityPoint, ...]
    missing: tuple[EquityMissing, ...]
    complete: bool
    names: tuple[str, ...]
    counted: tuple[bool, ...]
    """(C,) False where no plan can change the share: such counties are not the lowest."""
    note: str
    seconds: float


def cover_equity_front(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    group: ArrayLike,
    names: Sequence[str] | None = None,
    p: int | None = None,
    cost: ArrayLike | None = None,
    budget: float | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
) -> EquityFront:
    """Find every pair of cover and lowest county share that no plan beats in both.

    With ``t_c`` of ``W_c`` residents covered in county ``c``, the ε-constraint method (Haimes, Lasdon and
    Wismer 1971): the most cover; then again the most cover with ``t_c / W_c`` above the lowest share of that
    plan for every county that counts, and so on until no plan is left. With whole weights "above a share m"
    is ``t_c >= floor(m W_c) + 1``, so nothing lies between two steps; of plans of the same cover the one
    with the highest lowest share is left. Each step is a cover program with its own proven bound; the last
    one proves that there is no plan.

    Against Gini's coefficient no front is made: it changes continuously, its limit is only held within 1e-6
    and its program is small (see `fair_mclp`); the coefficient of each point is told instead.

    Parameters
    ----------
    group, names
        (m,) county of each row, counted from 0; their names.
    p, cost, budget, forced, forbidden, rules
        As for `fair_mclp`.
    time_limit_s
        Wall time; after it, or Ctrl-C, what was found and what may be missing.

    Returns
    -------
    EquityFront
        Without points and with a ``note`` where no plan keeps the rules. With fractional weights, covers
        that differ by 2e-6 of all residents and shares that differ by 1e-6 count as the same.

    Examples
    --------
    One site: 6 of 8 residents of one county, or 2 of each of both:

    >>> indptr, indices = np.array([0, 1, 3, 4]), np.array([0, 0, 1, 1])
    >>> weight, county = np.array([4, 2, 2]), np.array([0, 0, 1])
    >>> front = cover_equity_front(indptr, indices, weight, 2, group=county, p=1)
    >>> [(round(point.lowest, 3), point.cover) for point in front.points], front.complete
    ([(0.0, 6.0), (0.333, 4.0)], True)
    """
    clock = Clock(time_limit_s)
    matrix = cover_matrix(indptr, indices, n_candidates)
    weights = weights_of(weight, matrix.shape[0])
    way: dict[str, Any] = {"p": p, "cost": cost, "budget": budget, "forced": forced, "forbidden": forbidden}
    asked = ask(n_candidates, n_rows=len(weights), rules=rules, **way)
    counties = counties_of(matrix, weights, group, names, asked)
    counted = tuple(counties.counted.tolist())
    why = asked.reason()
    if why:
        return EquityFront((), (), True, counties.names, counted, why, clock.spent())
    walk = _Walk(counties, clock, slack_of(weights))
    try:
        fair = fair_mclp(
            *(indptr, indices, weights, n_candidates),
            group=group,
            names=names,
            rules=rules,
            time_limit_s=clock.left(_FAIR),
            **way,
        )
        walk.know(fair)
        walk.run()
    except KeyboardInterrupt:
        clock.stopped = True
        walk.stop()
    points = walk.listed()
    complete = not walk.missing
    note = walk.note or ("" if complete else "时限内没有算完, 有的方案可能未列出")
    return EquityFront(points, tuple(walk.missing), complete, counties.names, counted, note, clock.spent())


@dataclass
class _Walk:
    """From the most cover to the highest lowest share."""

    counties: Counties
    clock: Clock
    slack: float
    note: str = ""
    above: float = -1.0
    """The next plan's lowest share lies above this."""

    def __post_init__(self) -> None:
        self.found: list[EquityPoint] = []
        self.missing: list[EquityMissing] = []
        self.opened: list[Mask] = []
        self.most = math.fsum(self.counties.weight)
        self.highest = self._highest()
        self.fair: Plan | None = None

    def know(self, found: FairPlan) -> None:
        """Take over the plan with the highest lowest share known, and what no plan exceeds."""
        if math.isfinite(found.plan.objective):
            self.fair = found.plan
            self.highest = min(self.highest, found.lowest_bound)

    def _mask(self, plan: Plan) -> Mask:
        mask: Mask = np.isin(np.arange(self.counties.asked.n_candidates), plan.sites)
        return mask

    def _highest(self) -> float:
        """Give the lowest share if all allowed candidates were open: no plan has a higher one."""
        counties = self.counties
        some = counties.counted
        return float((counties.high[some] / counties.total[some]).min(initial=1.0))

    def run(self) -> None:
        """Walk until no plan is left, or the time is out."""
        while self.above < 0 or (self.above < self.highest - _SAME and self.counties.counted.any()):
            if self.clock.left() < _LEAST_S:
                return self.stop()
            outcome, plan = self._step(_SHARES)
            if outcome.status == "feasible" and not math.isfinite(outcome.objective):
                outcome, plan = self._step(1.0)
            if outcome.status == "infeasible":
                if not self.found:
                    self.note = plan.note or "各项要求不能同时满足"
                return None
            self.most = min(self.most, outcome.bound)
            if not math.isfinite(outcome.objective):
                return self.stop()
            self._take(plan)
        return None

    def stop(self) -> None:
        """End with the fairest plan known, and say what may be missing above the last one."""
        if self.fair is not None and self.counties.lowest(self._mask(self.fair)) > max(0.0, self.above):
            self._take(replace(self.fair, bound=math.inf))
        if self.above < self.highest - _SAME:
            self.missing.append(EquityMissing(max(0.0, self.above), self.highest, self.most))

    def _step(self, share: float) -> tuple[Outcome, Plan]:
        """Cover the most with every county that counts above a share."""
        counties = self.counties
        builder = FairBuilder.begin(counties, 0.0)
        for c in np.flatnonzero(counties.counted).tolist() if self.above >= 0 else ():
            least = self._least(float(counties.total[c]))
            what = f"{counties.names[c]}至少覆盖 {least:.10g} 人"
            builder.builder.require(what, -least * (1.0 - 1e-12), t=([builder.t[c]], -1.0))
        program = builder.residents()
        known = [*self.opened[-2:], *([self._mask(self.fair)] if self.fair is not None else [])]
        starts = [open_sites(program, np.flatnonzero(some).tolist()) for some in known]
        outcome = solve_stage(program, self.clock, share=share, starts=starts)
        if outcome.status == "infeasible":
            explain_s = 0.0 if self.found else 5.0
            return outcome, plan_of(program, outcome, sites=(), gains=(), explain_s=explain_s)
        whole = is_whole(counties.weight)
        if not math.isfinite(outcome.objective):
            return outcome, no_plan("feasible", "", self.clock.started)
        keep = None if counties.asked.rules else counties.asked.opened
        made = plan_from(program, outcome, counties.matrix, counties.weight, whole=whole, keep=keep)
        return outcome, made

    def _least(self, total: float) -> float:
        """Give the residents of a county that are more than the last lowest share of it."""
        if is_whole(self.counties.weight):
            exact = self.above * total
            near = round(exact)
            return float(near + 1 if abs(exact - near) < 1e-6 else math.floor(exact) + 1)
        return (self.above + _NEXT) * total

    def _take(self, plan: Plan) -> None:
        """Keep a plan; it replaces the one before where it covers as much."""
        counties = self.counties
        opened = self._mask(plan)
        lowest = counties.lowest(opened)
        sure = plan.bound <= plan.objective + self.slack
        if not sure:
            self.missing.append(EquityMissing(max(0.0, self.above), lowest, min(plan.bound, self.most)))
        share = np.where(counties.total > 0, counties.shares(opened), np.nan)
        point = EquityPoint(
            lowest, plan.objective, plan, tuple(share.tolist()), counties.gini(opened), sure, False
        )
        while self.found and self.found[-1].cover <= point.cover + self.slack:
            self.found.pop()
            self.opened.pop()
        self.found.append(point)
        self.opened.append(opened)
        self.above = lowest

    def listed(self) -> tuple[EquityPoint, ...]:
        """Give the points, marked: proven where no missing plan could dominate them."""
        hull = supported_below([(point.lowest, point.cover) for point in self.found])
        return tuple(
            replace(point, supported=on, proven=point.proven and not self._doubt(point))
            for point, on in zip(self.found, hull, strict=True)
        )

    def _doubt(self, point: EquityPoint) -> bool:
        """Tell whether a missing plan could be as good in both measures and better in one."""
        return any(
            one.lowest_to >= point.lowest
            and one.cover_at_most >= point.cover
            and (one.lowest_to > point.lowest or one.cover_at_most > point.cover + self.slack)
            for one in self.missing
        )


def supported_below(points: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Tell which points of a front lie on its convex hull where the second measure falls.

    Examples
    --------
    >>> supported_below([(0.0, 9.0), (0.2, 4.0), (0.5, 3.0), (0.6, 0.0)])
    (True, False, True, True)
    """
    mirrored = [(-cover, lowest) for lowest, cover in points]
    return supported(mirrored)
