"""What the search for a p-median works on: the part that is left to decide, and the cheapest plan so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from . import median_kernels as kernels
from . import median_swaps as swaps
from . import rule_kernels as rule
from .branch import Progress
from .median_rows import Rows, Whole
from .proofs import Levels, MedianProof, Step
from .reduce import Floats, Mask, Positions
from .site_limits import SiteLimits

_RELATIVE_STEP = 5e-7
"""With fractional costs, plans cheaper by less than this share are not looked for."""

_SWAPS = 50
"""Swaps between two looks at the clock."""


@dataclass
class Incumbent:
    """The cheapest plan so far and the bound on all plans; the one mutable object of a search."""

    deadline: float
    """On the clock ``time.monotonic``."""
    evaluate: Callable[[Positions], float]
    """Gives the true cost of a plan of candidates."""
    proof: MedianProof = field(default_factory=MedianProof)
    whole: bool = False
    """All weights times costs are whole numbers, so plans differ by at least 1."""
    cost: float = np.inf
    bound: float = 0.0
    sites: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    nodes: int = 0
    progress: Progress | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def threshold(self) -> float:
        """A bound at or above this says that no plan cheaper than the incumbent, by what matters, exists."""
        if self.cost == np.inf:
            return np.inf
        return self.cost - (1.0 - self.slack) if self.whole else self.cost * (1.0 - _RELATIVE_STEP)

    @property
    def slack(self) -> float:
        """What the rounding of sums may hide."""
        return max(1e-6, 1e-11 * self.cost)

    @property
    def late(self) -> bool:
        """True where the time is up."""
        return time.monotonic() >= self.deadline

    @property
    def done(self) -> bool:
        """True where the bound proves the plan, or time is up."""
        return self.bound >= self.threshold or self.late

    def bound_below(self, cost: float) -> float:
        """Give the bound as it is told: a whole number where all costs are, and at most ``cost``."""
        return min(float(math.ceil(self.bound - self.slack / 2.0)) if self.whole else self.bound, cost)

    def offer(self, problem: Problem, opened: Mask) -> None:
        """Take a plan where it is allowed and cheaper."""
        rows = problem.rows
        _, first, _ = kernels.nearest_listed(*problem.lists[:3], rows.beyond, opened)
        if float(rows.weight @ first) * (1.0 - 1e-9) >= self.cost:  # what is not listed costs even more
            return
        if not problem.limits.allows(opened):
            return
        sites = np.sort(np.r_[problem.chosen, problem.position[opened]])
        cost = self.evaluate(sites)
        if cost < self.cost:
            self.sites = sites  # before the cost: an interruption leaves a plan that is worth its cost
            self.cost = cost
            self._tell()

    def raise_bound(self, bound: float) -> None:
        """Take a bound on all plans, those dropped (none of them cheaper than the threshold) included."""
        bound = min(bound, self.threshold)
        if bound > self.bound:
            self.bound = bound
            self._tell()

    def _tell(self) -> None:
        if self.progress is not None and self.cost < np.inf:
            bound = self.bound_below(self.cost)
            gap = (self.cost - bound) / self.cost if self.cost else 0.0
            self.progress(self.cost, bound, gap, time.monotonic() - self.started)

    def new_step(self, level: Levels, price: Floats) -> int:
        """Begin a step of the proof; its number."""
        self.proof.steps.append(Step(level, price))
        return len(self.proof.steps) - 1

    def end_step(self, node: Node, column: int, following: tuple[int, ...]) -> None:
        """Say how a step of the proof went on."""
        self.proof.steps[node.number] = Step(node.level, node.price, column, following)


@dataclass(frozen=True)
class Problem:
    """What is left to decide: n columns, of which at most ``sites`` are opened."""

    rows: Rows
    position: Positions
    """(n,) the candidate that each column stands for."""
    chosen: Positions
    """Candidates opened for good."""
    sites: int
    limits: SiteLimits
    """Rules on the columns."""

    @cached_property
    def lists(self) -> tuple[Positions, Whole, Floats, Positions, Whole, Floats]:
        """The lists of the rows, and turned around, those of the columns."""
        return (self.rows.indptr, self.rows.site, self.rows.cost, *self.rows.columns())

    def restrict(self, opened: Mask, closed: Mask) -> Problem:
        """Open some columns for good and take others away."""
        return Problem(
            rows=self.rows.restrict(opened=opened, closed=closed),
            position=self.position[~(opened | closed)],
            chosen=np.sort(np.r_[self.chosen, self.position[opened]]),
            sites=self.sites - int(opened.sum()),
            limits=self.limits.restrict(opened, closed),
        )

    def columns_of(self, sites: Positions) -> Mask:
        """Mark the columns of some candidates (n,)."""
        return np.isin(self.position, sites)

    def impossible(self, opened: Mask, closed: Mask) -> bool:
        """Tell whether no plan has some columns open and others closed."""
        if opened.sum() > self.sites or (opened & closed).any():
            return True
        return self.limits.forced_by(opened, closed)[0]


@dataclass(frozen=True)
class Node:
    """A part of the plans, those with some columns opened and others closed, and what is known of it."""

    bound: float
    level: Levels
    """(k,) levels that prove the bound, with the prices."""
    price: Floats
    """(q,) prices of the rules."""
    opened: Mask
    closed: Mask
    number: int
    """Step of the proof."""
    start: Floats
    """(k,) the levels before they were rounded for the proof: from these the search goes on."""


def improve(problem: Problem, opened: Mask, deadline: float, score: Floats | None = None) -> Mask:
    """Fill a plan up by greatest saving, then swap until no single swap helps, or time is up.

    Where there are rules, the plan is repaired first: columns with a high ``score`` (n,) stay or come.
    """
    if len(problem.limits):
        return _improve_allowed(problem, opened, deadline, score)
    rows = problem.rows
    opened = swaps.fill(*problem.lists, rows.weight, rows.beyond, opened, problem.sites)
    done = False
    while not done and time.monotonic() < deadline:
        opened, done = swaps.swap(*problem.lists, rows.weight, rows.beyond, opened, _SWAPS)
    return opened


def _improve_allowed(problem: Problem, opened: Mask, deadline: float, score: Floats | None) -> Mask:
    """Improve by steps that keep the rules; what `SiteLimits.repair` cannot repair stays as it is."""
    rows, limits = problem.rows, problem.limits
    data = (*problem.lists, rows.weight, rows.beyond, *limits.columns)
    if score is None:
        nothing = np.zeros(rows.n_columns, bool)
        score = swaps.gains_of(*problem.lists[3:], rows.weight, rows.beyond, nothing)
    opened = limits.repair(opened, problem.sites, score)
    if not limits.allows(opened):
        return opened
    filled = [
        rule.fill_allowed(*data, _room(limits, opened), opened, problem.sites, by_room)
        for by_room in (False, True)
    ]
    opened = min(filled, key=lambda plan: _listed_cost(problem, plan))
    done = False
    while not done and time.monotonic() < deadline:
        opened, done = rule.swap_allowed(*data, _room(limits, opened), opened, _SWAPS)
        more = rule.fill_allowed(*data, _room(limits, opened), opened, problem.sites, True)
        opened, done = more, done and bool((more == opened).all())
    return opened


def _room(limits: SiteLimits, opened: Mask) -> Floats:
    return np.asarray(limits.limit - limits.side @ opened.astype(np.float64))


def _listed_cost(problem: Problem, opened: Mask) -> float:
    _, first, _ = kernels.nearest_listed(*problem.lists[:3], problem.rows.beyond, opened)
    return float(problem.rows.weight @ first)
