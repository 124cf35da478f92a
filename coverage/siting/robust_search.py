"""The stages of robust covering: single situations, the objective, and the most expected among equals."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, vstack

from .branch import Progress
from .level_swaps import SMALL, best_by_swaps, levels_of
from .plan import OPTIMAL_GAP, Plan, Status
from .program import CoverProgram, ProgramBuilder, Terms, open_sites
from .program_plan import plan_of
from .reduce import Floats, Mask, Positions, cover_matrix, merge_labelled
from .requests import is_whole, weights_of
from .staged import (
    Asked,
    Clock,
    covered_by,
    most_residents,
    none_in_time,
    settle,
    smallest,
    solve_stage,
)

Objective = Literal["worst", "expected", "regret", "mix"]
Measure = Literal["residents", "share"]

_log = logging.getLogger(__name__)

_UNITS = 1e4
"""Largest value of the column of the worst case: as large as the cover in the solver."""

_SINGLE = 0.4
"""Share of the time for the best plans of single situations and of the expectation."""

_SWAPS = 0.25
"""Share of the time that is left for swaps."""

_DENOMINATOR = 10_000
"""Probabilities are taken as fractions of at most this denominator where they are."""

_TIES = 0.25
"""Share of the time that is kept for the most expected residents among equally robust plans."""


@dataclass(frozen=True)
class Situation:
    """One state of the world: who reaches whom in it, and whom it concerns."""

    name: str
    """Such as 梅雨封路."""
    indptr: NDArray[np.integer[Any]]
    indices: NDArray[np.integer[Any]]
    """Reach as for `mclp`; rows are the situation's own, candidates the same in all."""
    weight: ArrayLike
    """(m,) residents."""
    probability: float = 1.0
    """How likely it is, relative to the others."""


@dataclass(frozen=True)
class States:
    """The situations as arrays, checked."""

    names: tuple[str, ...]
    matrix: list[csr_array]
    weight: list[Floats]
    chance: Floats
    """(S,) probabilities; their sum is 1."""
    total: Floats
    """(S,) residents."""
    measure: Measure

    @property
    def unit(self) -> Floats:
        """Residents of one unit of the measure (S,)."""
        return (
            np.where(self.total > 0, self.total, 1.0) if self.measure == "share" else np.ones(len(self.total))
        )

    def covered(self, opened: Mask) -> Floats:
        """Give the residents covered in each situation (S,)."""
        pairs = zip(self.matrix, self.weight, strict=True)
        return np.array([math.fsum(weight[covered_by(matrix, opened)]) for matrix, weight in pairs])

    def together(self) -> tuple[csr_array, Floats, float]:
        """Give all rows, weighted by whole numbers like the probabilities, and the sum of those numbers."""
        times = _whole_numbers(self.chance)
        weights = [number * weight for number, weight in zip(times, self.weight, strict=True)]
        return csr_array(vstack(self.matrix, format="csr")), np.concatenate(weights), float(times.sum())


def _whole_numbers(chance: Floats) -> Floats:
    """Give whole numbers in the proportion of probabilities, or the probabilities where there are none.

    With whole weights `mclp` proves its plans sooner.
    """
    parts = [Fraction(each).limit_denominator(_DENOMINATOR) for each in chance.tolist()]
    times = math.lcm(*(part.denominator for part in parts))
    whole = np.array([float(part * times) for part in parts])
    same = np.abs(whole / times - chance).max() <= 1e-15 * len(chance) and times <= _DENOMINATOR
    return whole if same else chance


def states_of(situations: Sequence[Situation], n: int, measure: Measure | None) -> States:
    """Check the situations; raises ``ValueError`` where they cannot be."""
    matrix = [cover_matrix(each.indptr, each.indices, n) for each in situations]
    weight = [weights_of(each.weight, rows.shape[0]) for each, rows in zip(situations, matrix, strict=True)]
    chance = np.array([each.probability for each in situations], np.float64)
    if not np.isfinite(chance).all() or (chance < 0).any() or not chance.sum() > 0:
        raise ValueError("probabilities must be finite and >= 0, one at least > 0")
    total = np.array([math.fsum(each) for each in weight])
    if measure not in (None, "residents", "share"):
        raise ValueError(f"measure {measure!r} is none of residents, share")
    same = bool((total == total[0]).all())
    chosen: Measure = measure or ("residents" if same else "share")
    names = tuple(each.name for each in situations)
    return States(names, matrix, weight, chance / chance.sum(), total, chosen)


@dataclass
class Stages:
    """A request on its way from one stage to the next."""

    asked: Asked
    states: States
    objective: Objective
    floor: float
    clock: Clock
    gap: float
    progress: Progress | None
    known: list[Mask] = field(default_factory=list)
    """Plans that meet the rules on sites."""
    alone: Floats = field(default_factory=lambda: np.empty(0))
    alone_bound: Floats = field(default_factory=lambda: np.empty(0))
    expected_bound: float = math.inf
    expected_plan: Plan | None = None

    def __post_init__(self) -> None:
        states = self.states
        self.alone, self.alone_bound = np.zeros(len(states.total)), states.total.copy()
        self.expected_bound = float(states.chance @ states.total)

    def run(self) -> tuple[Plan, Mask | None, float]:
        """Go through all stages: the plan but for its sites, the sites, and the bound of the expectation.

        An interruption ends with what was found until then.
        """
        plan, tie = none_in_time(self.clock, float(self.states.total.max())), math.inf
        best: Mask | None = None
        try:
            failed = self._single()
            if failed is not None:
                return failed, None, tie
            plan, best = self._solve()
            if best is not None and self.objective in ("worst", "regret"):
                best, tie = self._most_expected(best)
        except KeyboardInterrupt:
            self.clock.stopped = True
            _log.info("interrupted after %.1f s", self.clock.spent())
        if best is None and plan.status != "infeasible":
            best = self._best_known()
        if best is not None and not math.isfinite(plan.objective):  # interrupted before the last stage
            plan = self._settled(
                replace(plan, note=""), best, 0.0 if self.objective == "regret" else math.inf
            )
        return plan, best, tie

    def _single(self) -> Plan | None:
        """Find the best plans of each situation alone and of the expectation; or why there is none."""
        states, count = self.states, len(self.states.total) + 1
        *together, times = states.together()
        rows = [*zip(states.matrix, states.weight, strict=True), tuple(together)]
        for number, (matrix, weight) in enumerate(rows):
            share, progress = _SINGLE / (count - _SINGLE * number), None
            if self.objective == "expected" and number == count - 1:
                share, progress = 1.0, self.progress
            plan = most_residents(
                self.asked, matrix, weight, self.clock, share=share, starts=self._starts(), progress=progress
            )
            if plan.status == "infeasible":
                return plan
            if not math.isfinite(plan.objective):
                continue
            self.known.append(np.isin(np.arange(self.asked.n_candidates), plan.sites))
            if number < count - 1:
                self.alone[number], self.alone_bound[number] = plan.objective, plan.bound
            else:
                self.expected_bound = plan.bound / times
                self.expected_plan = replace(plan, objective=plan.objective / times, certificate=None)
        for opened in self.known:
            self.alone = np.maximum(self.alone, states.covered(opened))
        return None

    def improve(self, enough: float = math.inf) -> None:
        """Add a plan that swaps made robust, up to what is enough, out of the most robust that is known."""
        start, states = self._best_known(), self.states
        if start is None or self.asked.n_candidates <= SMALL:
            return
        matrix, weight, times = states.together()
        place = np.repeat(np.arange(len(states.weight)), [len(each) for each in states.weight])
        classes, weights, state = merge_labelled(matrix, weight, place)
        some = (states.total > 0) & (states.chance > 0)
        scale = 1.0 / (states.chance * times * states.unit)[some]
        alone = (self.alone_bound / states.unit)[some]
        first = -alone if self.objective == "regret" else np.zeros(len(alone))
        levels = levels_of(classes, weights, np.where(some, np.cumsum(some) - 1, -1)[state], scale, first)
        levels = replace(levels, enough=enough)
        until = time.monotonic() + self.clock.left(_SWAPS)
        self._keep(best_by_swaps(self.asked, levels, start, until=until))

    def _starts(self) -> list[list[int]]:
        return [np.flatnonzero(opened).tolist() for opened in self.known]

    def value(self, opened: Mask) -> float:
        """Give the objective of a plan, to be maximised; -inf where it misses the floor."""
        states, covered = self.states, self.states.covered(opened)
        least = self._least(covered)
        if self.objective == "worst":
            return least
        if self.objective == "regret":
            return -float(((self.alone_bound - covered) / states.unit).max())
        if self.objective == "mix" and states.total.any() and least < self.floor * (1.0 - 1e-12):
            return -math.inf
        return math.fsum(states.chance * covered)

    def _least(self, covered: Floats) -> float:
        """Give the worst cover in the measure; situations without residents do not count."""
        some = self.states.total > 0
        return float((covered / self.states.unit)[some].min()) if some.any() else 0.0

    def _best_known(self) -> Mask | None:
        worth = [self.value(opened) for opened in self.known]
        if not worth or max(worth) == -math.inf:
            return None
        return self.known[int(np.argmax(worth))]

    def _begin(self) -> tuple[ProgramBuilder, Positions]:
        """Begin a program with the cover of each situation as its groups (S,)."""
        builder = self.asked.builder()
        groups = []
        for matrix, weight in zip(self.states.matrix, self.states.weight, strict=True):
            classes, weights, _ = merge_labelled(matrix, weight)
            groups.append(builder.add_classes(classes, weights))
        return builder, np.concatenate(groups)

    def _solve(self) -> tuple[Plan, Mask | None]:
        """Solve the program of the objective; the expectation is solved already."""
        if self.objective == "expected" and self.expected_plan is not None:
            most = self.known[-1]
            return self._settled(self.expected_plan, most, self.expected_bound), most
        if self.objective in ("worst", "regret"):
            self.improve()
        program = self._program()
        starts = [open_sites(program, start) for start in self._starts()]
        outcome = solve_stage(
            program, self.clock, share=1.0 - _TIES, starts=starts, gap=self.gap, progress=self.progress
        )
        plan = plan_of(program, outcome, sites=(), gains=(), minimise=self.objective == "regret")
        if outcome.status == "infeasible":
            return self._why(plan), None
        if outcome.objective > -math.inf:
            self._keep(outcome.opened)
        best = self._best_known()
        return (plan, None) if best is None else (self._settled(plan, best, outcome.bound), best)

    def _program(self) -> CoverProgram:
        """Make the program of the objective; a column holds the worst cover or the regret."""
        states, (builder, t) = self.states, self._begin()
        if self.objective in ("expected", "mix"):
            if self.objective == "mix":
                self._require(builder, t, self._floors())
            return builder.build(t=(t, states.chance))
        reach = (self.alone_bound / states.unit)[states.total > 0]
        most = float(reach.min(initial=math.inf) if self.objective == "worst" else reach.max(initial=0.0))
        most = most if math.isfinite(most) else 0.0
        scale = most / _UNITS if most > 0 else 1.0
        y = builder.add_quantities(_UNITS if most > 0 else 0.0)
        for s in np.flatnonzero(states.total > 0).tolist():
            cover: Terms = ([t[s]], -1.0 / (states.unit[s] * scale))
            if self.objective == "worst":
                builder.require("最差情形", 0.0, y=(y, 1.0), t=cover, hard=True)
            else:
                limit = -float(self.alone_bound[s] / states.unit[s] / scale)
                builder.require("最大遗憾", limit, y=(y, -1.0), t=cover, hard=True)
        return builder.build(y=(y, scale if self.objective == "worst" else -scale))

    def _floors(self) -> Floats:
        """Give the residents that the floor asks for in each situation (S,), whole where residents are."""
        floors = self.floor * self.states.unit
        whole = np.array([is_whole(weight) for weight in self.states.weight], bool)
        return np.where(whole, np.ceil(floors * (1.0 - 1e-12)), floors)

    def _require(self, builder: ProgramBuilder, t: Positions, least: Floats) -> None:
        """Require so many covered residents in each situation (S,)."""
        for s in np.flatnonzero((self.states.total > 0) & (least > 0)).tolist():
            number = f"{least[s]:,.0f}" if least[s].is_integer() else f"{least[s]:,.2f}"
            what = f"{self.states.names[s]}至少覆盖 {number} 人"
            builder.require(what, -float(least[s]) * (1.0 - 1e-12), t=([t[s]], -1.0))

    def _keep(self, opened: Mask) -> None:
        self.known.append(opened)
        self.alone = np.maximum(self.alone, self.states.covered(opened))

    def _settled(self, plan: Plan, best: Mask, bound: float) -> Plan:
        """Put the value from the rows and its bound into a plan."""
        states = self.states
        whole = states.measure == "residents" and is_whole(*states.weight)
        value = self.value(best)
        if self.objective == "regret":
            unsure = float(((self.alone_bound - self.alone) / states.unit).max())
            whole = whole and is_whole(self.alone_bound)
            scale = float((self.alone_bound / states.unit).max())
            return _settle_least(plan, -value, -bound - unsure, whole=whole, scale=scale)
        if self.objective == "worst":
            reach = np.where(states.total > 0, self.alone_bound / states.unit, math.inf)
            bound = min(bound, float(reach.min(initial=math.inf)))
            bound = min(bound, 1.0) if states.measure == "share" else bound
            units = zip(states.weight, states.unit, strict=True)
            least = smallest(*(weight / unit for weight, unit in units))
            return settle(plan, value, bound, whole=whole, least=least)
        least = smallest(
            *(chance * weight for chance, weight in zip(states.chance, states.weight, strict=True))
        )
        return settle(plan, value, min(bound, self.expected_bound), whole=False, least=least)

    def _why(self, plan: Plan) -> Plan:
        """Say how much the floor may be at most."""
        if self.objective != "mix":
            return plan
        found = replace(self, objective="worst", known=list(self.known))
        most, _ = found._solve()
        if most.status == "infeasible":
            return plan
        form = "{:.2%}" if self.states.measure == "share" else "{:,.0f} 人"
        known = "最多" if most.status == "optimal" else "已知最多"
        why = f"最差情形{known}能覆盖 {form.format(most.objective)}, 达不到要求的 {form.format(self.floor)}"
        return replace(plan, note=f"{plan.note}; {why}" if plan.note else why)

    def _most_expected(self, best: Mask) -> tuple[Mask, float]:
        """Among plans as robust as one, look for the most expected residents: the plan and the bound."""
        states, covered = self.states, self.states.covered(best)
        if len(states.total) == 1:
            return best, self.expected_bound
        if self.objective == "worst":
            least = np.where(states.total > 0, self._least(covered) * states.unit, 0.0)
        else:
            least = np.maximum(0.0, self.alone_bound + self.value(best) * states.unit)
        self.improve(self.value(best))
        builder, t = self._begin()
        self._require(builder, t, least)
        program = builder.build(t=(t, states.chance))
        outcome = solve_stage(program, self.clock, starts=[best])
        if outcome.objective > -math.inf:
            self._keep(outcome.opened)
        value = self.value(best) - 1e-9 * abs(self.value(best))
        as_good = [opened for opened in self.known if self.value(opened) >= value]
        worth = [math.fsum(states.chance * states.covered(opened)) for opened in as_good]
        chosen = as_good[int(np.argmax(worth))]
        tie = max(min(outcome.bound, self.expected_bound), *worth)
        return chosen, math.inf if outcome.status == "infeasible" else tie


def _settle_least(plan: Plan, objective: float, bound: float, *, whole: bool, scale: float) -> Plan:
    """Put the regret and its bound from below into a plan, with the status that follows.

    Regrets are differences of two covers of up to ``scale``, each proven to a share of itself, so a regret
    is proven to twice that share of ``scale``.
    """
    if whole and math.isfinite(bound):
        bound = float(math.ceil(bound - max(1e-6, 1e-9 * abs(bound))))
    bound = min(objective, max(0.0, bound))
    larger = objective if whole else max(objective, scale)
    proven = objective - bound <= (0.0 if whole else 2.0 * OPTIMAL_GAP * larger)
    gap = (objective - bound) / (larger if proven else objective) if objective > bound else 0.0
    status: Status = "optimal" if proven else "feasible"
    return replace(plan, objective=objective, bound=bound, status=status, gap=gap)
