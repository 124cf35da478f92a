"""The stages of fair covering: the plain optimum, the fair objective, and the most residents it leaves."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from .branch import Progress
from .fair_program import UNITS, Counties, FairBuilder, pairs_of
from .level_swaps import SMALL, best_by_swaps, levels_of
from .plan import OPTIMAL_GAP, Plan
from .program import CoverProgram, Outcome, open_sites
from .program_plan import plan_of
from .reduce import Floats, Mask, merge_labelled
from .requests import is_whole
from .staged import (
    Asked,
    Clock,
    most_residents,
    none_in_time,
    settle,
    smallest,
    solve_stage,
)

FairObjective = Literal["maxmin", "lexicographic", "gini"]

_log = logging.getLogger(__name__)

_PLAIN, _FIRST, _SWAPS = 0.2, 0.6, 0.25
"""Shares of the time that is left for the plain optimum, for the lowest share, and for swaps."""

_MOST_PAIRS = 100_000
"""Pairs of class and candidate up to which a Gini limit is solved as a program."""

_SAME = 1e-9
"""Shares that differ by less are the same."""

GINI_WITHIN = 1e-6
"""A Gini limit holds within this."""


@dataclass(frozen=True)
class Level:
    """One step of the lexicographic order."""

    share: float
    """This one of the covered shares in ascending order."""
    bound: float
    """No plan with the same shares before it has a higher one."""
    proven: bool


@dataclass
class Fair:
    """A request on its way from one stage to the next."""

    counties: Counties
    floor: float
    clock: Clock
    gap: float
    progress: Progress | None
    plain: Plan = field(init=False)
    known: list[Mask] = field(default_factory=list)
    """Plans that meet all rules."""
    levels: list[Level] = field(default_factory=list)
    lowest_bound: float = 1.0

    def __post_init__(self) -> None:
        self.plain = none_in_time(self.clock, math.fsum(self.counties.weight))

    @property
    def asked(self) -> Asked:
        """The request on sites."""
        return self.counties.asked

    def run(self, objective: FairObjective, limit: float) -> tuple[Plan, Mask | None]:
        """Go through all stages; an interruption ends with what was found until then."""
        plan = none_in_time(self.clock, math.fsum(self.counties.weight))
        try:
            counties = self.counties
            self.plain = most_residents(
                self.asked, counties.matrix, counties.weight, self.clock, share=_PLAIN
            )
            if self.plain.status == "infeasible":
                return self.plain, None
            if math.isfinite(self.plain.objective):
                self.known.append(np.isin(np.arange(self.asked.n_candidates), self.plain.sites))
            if objective == "gini":
                return self._gini(limit)
            return self._lowest() if objective == "maxmin" else self._lexicographic()
        except KeyboardInterrupt:
            self.clock.stopped = True
            _log.info("interrupted after %.1f s", self.clock.spent())
            best = self._best(self._good(limit if objective == "gini" else 1.0))
            return (plan, None) if best is None else (self._settled(plan, best, math.inf), best)

    def _good(self, limit: float) -> list[Mask]:
        """List the known plans above the floor and within a Gini limit."""
        counties = self.counties
        high = [opened for opened in self.known if counties.lowest(opened) >= self.floor - _SAME]
        return [opened for opened in high if counties.gini(opened) <= limit + GINI_WITHIN]

    def _best(self, some: list[Mask], key: str = "lowest") -> Mask | None:
        """Take the fairest, or of the most residents; ties go to the other."""
        if not some:
            return None
        rated = [(self.counties.lowest(opened), self.counties.residents(opened)) for opened in some]
        order = rated if key == "lowest" else [(b, a) for a, b in rated]
        return some[max(range(len(some)), key=lambda at: order[at])]

    def _settled(self, plan: Plan, best: Mask, bound: float) -> Plan:
        """Put the residents that a plan covers, and their bound, into it."""
        counties = self.counties
        limit = min(bound if bound > -math.inf else math.inf, self.plain.bound)
        whole = is_whole(counties.weight)
        plan, least = replace(plan, note=""), smallest(counties.weight)
        return settle(plan, counties.residents(best), limit, whole=whole, least=least)

    def _solve(
        self, program: CoverProgram, share: float, gap: float = 0.0, *, told: bool = False
    ) -> tuple[Outcome, Plan]:
        """Solve a program from all known plans, and keep what was found."""
        starts = [open_sites(program, np.flatnonzero(opened).tolist()) for opened in self.known]
        progress = self.progress if told else None
        outcome = solve_stage(program, self.clock, share=share, starts=starts, gap=gap, progress=progress)
        if outcome.objective > -math.inf:
            self.known.append(outcome.opened)
        return outcome, plan_of(program, outcome, sites=(), gains=())

    def touched(self) -> tuple[int, float]:
        """Tell how many counties are at the lowest level in any case, and what that level is.

        The most counties at that level that get a site which covers more of them is a maximal covering
        itself, with a county as a row: what its bound leaves stays at the level in every plan.
        """
        counties = self.counties
        counted = counties.counted
        if not counted.any():
            return 0, 1.0
        share = counties.low / np.where(counties.total > 0, counties.total, 1.0)
        level = float(share[counted].min())
        at_level = np.flatnonzero(counted & (share <= level + _SAME))
        served = counties.matrix @ self.asked.opened.astype(np.float64) > 0
        useful = np.where(served, 0.0, counties.weight) > 0
        place = np.full(len(counties.names), -1, np.int64)
        place[at_level] = np.arange(len(at_level))
        rows = np.flatnonzero(useful & (place[counties.county] >= 0))
        member = csr_array(
            (np.ones(len(rows)), (place[counties.county[rows]], np.arange(len(rows)))),
            shape=(len(at_level), len(rows)),
        )
        reach = csr_array(member @ counties.matrix[rows])
        reach.data[:] = 1.0
        reach.sort_indices()
        simple = replace(self.asked, rules=replace(self.asked.rules, minimums=()))
        plan = most_residents(simple, reach, np.ones(len(at_level)), self.clock, share=0.2)
        if plan.status == "infeasible":
            return 0, level
        if math.isfinite(plan.objective) and not self.asked.rules.minimums:
            self.known.append(np.isin(np.arange(self.asked.n_candidates), plan.sites))
        return len(at_level) - math.floor(plan.bound + 1e-6), level

    def improve(self, enough: float = math.inf) -> None:
        """Add a plan that swaps made fair, up to a share that is enough, out of the fairest that is known."""
        start = self._best(self.known) if not self.asked.rules.minimums else None
        if start is None or self.asked.n_candidates <= SMALL:
            return
        counties, counted = self.counties, self.counties.counted
        classes, weights, county = merge_labelled(counties.matrix, counties.weight, counties.county)
        place = np.where(counted, np.cumsum(counted) - 1, -1)[county]
        scale = 1.0 / counties.total[counted]
        levels = replace(levels_of(classes, weights, place, scale, np.zeros(len(scale))), enough=enough)
        until = time.monotonic() + self.clock.left(_SWAPS)
        self.known.append(best_by_swaps(self.asked, levels, start, until=until))

    def _program(self) -> FairBuilder:
        return FairBuilder.begin(self.counties, self.floor)

    def _lowest(self) -> tuple[Plan, Mask | None]:
        """Raise the lowest share, then the residents."""
        counties = self.counties
        if not counties.counted.any():
            return self._plain_is_fair()
        left, level = self.touched()
        high = (counties.high / np.where(counties.total > 0, counties.total, 1.0))[counties.counted]
        self.lowest_bound = level if left else float(high.min())
        self.improve()
        best = self._best(self._good(1.0))
        if best is None or counties.lowest(best) < self.lowest_bound - _SAME:
            outcome, plan = self._solve(self._program().lowest(), _FIRST, self.gap, told=True)
            best = self._best(self._good(1.0))
            if best is None:
                return plan, None
            if outcome.status != "infeasible":
                self.lowest_bound = min(self.lowest_bound, outcome.bound)
        self.lowest_bound = max(self.lowest_bound, counties.lowest(best))
        return self._most_above(counties.lowest(best))

    def _most_above(self, level: float) -> tuple[Plan, Mask | None]:
        """Among plans with a lowest share, cover the most residents."""
        self.improve(level)
        builder = self._program()
        builder.at_least(level)
        outcome, plan = self._solve(builder.residents(), 1.0)
        good = [opened for opened in self._good(1.0) if self.counties.lowest(opened) >= level - _SAME]
        best = self._best(good, "residents")
        return (plan, None) if best is None else (self._settled(plan, best, outcome.bound), best)

    def _plain_is_fair(self) -> tuple[Plan, Mask | None]:
        best = self._best(self.known, "residents")
        return (self.plain, None) if best is None else (self._settled(self.plain, best, math.inf), best)

    def _sorted(self, opened: Mask) -> Floats:
        return np.sort(self.counties.shares(opened)[self.counties.counted])

    def _lexicographic(self) -> tuple[Plan, Mask | None]:
        """Raise the lowest share, then the sum of the two lowest, and so on; then the residents."""
        counties = self.counties
        if not counties.counted.any():
            return self._plain_is_fair()
        count = int(counties.counted.sum())
        left, level = self.touched()
        self.levels = [Level(level, level, True) for _ in range(left)]
        self.improve()
        high = np.sort((counties.high / np.where(counties.total > 0, counties.total, 1.0))[counties.counted])
        while len(self.levels) < count and all(each.proven for each in self.levels):
            done = sum(each.share for each in self.levels)
            found = self._step(len(self.levels) + 1, done, float(high[len(self.levels)]))
            if isinstance(found, Plan):
                return found, None
            self.levels.append(found)
        self.lowest_bound = max(self.levels[0].bound, self.levels[0].share)
        return self._most_as_fair()

    def _step(self, k: int, done: float, high: float) -> Level | Plan:
        """Find the ``k``-th share of the order, or the plan that there is not."""
        best = self._fairest()
        if best is not None and self._sorted(best)[k - 1] >= high - _SAME:
            return Level(float(self._sorted(best)[k - 1]), high, True)  # with all candidates it is not higher
        program = self._ordered(k)
        outcome, plan = self._solve(program, 0.5, told=k == 1)
        best = self._fairest()
        if best is None:
            return plan
        share = float(self._sorted(best)[k - 1])
        if outcome.status == "infeasible":  # by rounding only: there is a plan
            return Level(share, high, False)
        bound = min(high, max(share, outcome.bound - done))
        return Level(share, bound, bound - share <= OPTIMAL_GAP * max(1.0, done + share))  # of their sum

    def _fairest(self) -> Mask | None:
        """Take the first of the known plans in the lexicographic order."""
        good = self._good(1.0)
        if not good:
            return None
        rank = [np.round(self._sorted(opened), 9).tolist() for opened in good]
        return good[max(range(len(good)), key=lambda at: (rank[at], self.counties.residents(good[at])))]

    def _ordered(self, k: int) -> CoverProgram:
        """Ask for the most of the sum of the ``k`` lowest shares, with what is known of fewer."""
        builder = self._held(k - 1)
        y, coefficient = builder.sum_of_lowest(k)
        return builder.builder.build(y=(y, coefficient / UNITS))

    def _held(self, steps: int) -> FairBuilder:
        """Begin a program that keeps the sums of the lowest shares of so many steps.

        Sums that every plan has, because its shares are at the lowest level at least, need no rows.
        """
        builder = self._program()
        level = self.levels[0].share if self.levels else 0.0
        for k in range(1, steps + 1):
            needed = math.fsum(each.share for each in self.levels[:k])
            if k == 1:
                builder.at_least(level)
            elif needed > k * level + _SAME:
                y, coefficient = builder.sum_of_lowest(k)
                builder.builder.require(
                    f"最低的 {k} 个覆盖率", -UNITS * (needed - _SAME), y=(y, -coefficient), hard=True
                )
        return builder

    def _most_as_fair(self) -> tuple[Plan, Mask | None]:
        """Among plans with the same shares in ascending order, cover the most residents."""
        outcome, plan = self._solve(self._held(len(self.levels)).residents(), 1.0)
        first = self._fairest()
        if first is None:
            return plan, None
        least = self._sorted(first)[: len(self.levels)] - 1e-7
        good = [each for each in self._good(1.0) if (self._sorted(each)[: len(least)] >= least).all()]
        best = self._best(good, "residents")
        return (plan, None) if best is None else (self._settled(plan, best, outcome.bound), best)

    def _gini(self, limit: float) -> tuple[Plan, Mask | None]:
        """Cover the most residents within a Gini limit."""
        best = self._best(self._good(limit), "residents")
        idle = limit >= 1.0 and not self.floor
        if best is not None and (idle or self.counties.residents(best) >= self.plain.bound - _SAME):
            return self._settled(self.plain, best, self.plain.bound), best
        if pairs_of(self.counties) > _MOST_PAIRS:
            return self._within_by_search(limit)
        builder = self._program()
        builder.gini_at_most(limit)
        outcome, plan = self._solve(builder.residents(), 1.0, self.gap, told=True)
        best = self._best(self._good(limit), "residents")
        return (plan, None) if best is None else (self._settled(plan, best, outcome.bound), best)

    def _within_by_search(self, limit: float) -> tuple[Plan, Mask | None]:
        """Without a program of the limit: the bound is that of the plain optimum, or of the floor."""
        outcome, plan = self._solve(self._program().residents(), 0.5)
        if outcome.status == "infeasible":
            return plan, None
        self._lowest()
        best = self._best(self._good(limit), "residents")
        if best is None:
            return replace(plan, objective=-math.inf, status="feasible", gap=1.0, note=_LARGE), None
        return replace(self._settled(plan, best, outcome.bound), note=_LARGE), best


_LARGE = "候选点与居民点的组合过多, 基尼系数的限度未作精确求解, 上界不含这一限度"
