"""Plans of capacitated problems: exact division of the residents, greedy filling, swaps and shakes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from .capacity_kernels import Floats, Ints, Mask, max_flow, open_arcs, site_worths
from .capacity_problem import Problem
from .capacity_transport import transport

_KEPT = 20_000
"""Plans whose values are kept."""

_EFFORT = 4000
"""Plans valued by one local search at most."""


@dataclass(frozen=True)
class Division:
    """The best division of the residents over open sites."""

    value: float
    """Sum of gains; what is not served counts as ``outside``."""
    price: Floats
    """(k,) prices of the classes that prove it: no division is worth more."""
    flow: Floats
    """(pairs by site,)."""


@dataclass
class Plans:
    """Value plans and make better ones."""

    problem: Problem
    outside: float = 0.0
    """What a resident is worth who is not served, <= 0; far below all gains where all must be."""
    deadline: float = np.inf
    evaluated: int = 0
    most: float = np.inf
    """Plans valued after which a local search ends."""
    among: Mask | None = None
    """Sites that a local search may open; all without."""
    _known: dict[bytes, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Set what counts as nothing."""
        weight = self.problem.arcs.weight
        self.tiny = 0.25 if self._is_whole() else 1e-10 * float(weight.max(initial=1.0))

    def _is_whole(self) -> bool:
        arcs = self.problem.arcs
        return all(bool((some == np.floor(some)).all()) for some in (arcs.weight, arcs.capacity))

    def divide(self, opened: Mask) -> Division:
        """Divide the residents over the open sites."""
        arcs = self.problem.arcs
        self.evaluated += 1
        if not self.problem.cover:
            return Division(*transport(arcs, opened, self.outside, self.tiny))
        flow, (served, far, sent, place) = np.zeros(len(arcs.gain)), self._flow(opened)
        flow[place] = sent
        return Division(served, np.where(far, 0.0, 1.0), flow)

    def _flow(self, opened: Mask) -> tuple[float, Mask, Floats, Ints]:
        """Send as many residents as possible: number, classes of a smallest cut, flow, places of the flow."""
        part, place = open_arcs(self.problem.arcs, opened)
        sent = np.zeros(len(place))
        served, far, _ = max_flow(part, np.ones(len(part.capacity)), sent, self.tiny)
        return float(served), far, sent, place

    def is_complete(self, division: Division) -> bool:
        """Tell whether all are served who must be."""
        if not self.problem.everybody:
            return True
        return bool(abs(float(division.flow.sum()) - self.problem.residents) <= self._missed())

    def _missed(self) -> float:
        """Give the number of residents that counts as nobody."""
        return 0.25 if self._is_whole() else 1e-9 * max(1.0, self.problem.residents)

    def _served(self, x: Floats) -> tuple[float, Mask]:
        flow = np.zeros(len(self.problem.arcs.gain))
        whole = bool((x == np.floor(x)).all())
        served, far, _ = max_flow(self.problem.arcs, x, flow, self.tiny if whole else 1e-9)
        return float(served), far

    def is_short(self, x: Floats) -> bool:
        """Tell whether sites open in part cannot hold everybody."""
        return self._served(x)[0] < self.problem.residents * (1.0 - 1e-7)

    def short(self, x: Floats | Mask) -> Mask:
        """Find classes (k,) of which the open sites cannot hold all residents."""
        return self._served(x.astype(np.float64))[1]

    def value(self, opened: Mask) -> float:
        """Value a plan."""
        key = np.packbits(opened).tobytes()
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self.evaluated += 1
            cover = self.problem.cover
            self._known[key] = self._flow(opened)[0] if cover else self.divide(opened).value
        return self._known[key]

    def worths(self, division: Division) -> Floats:
        """Bound what opening each further site adds (n,)."""
        n = self.problem.n_sites
        worth: Floats = site_worths(
            self.problem.arcs, division.price, np.zeros(n), np.zeros(len(division.price))
        )
        return worth

    def late(self) -> bool:
        """True once time, or the number of plans to be valued, is used up."""
        return self.evaluated >= self.most or time.monotonic() >= self.deadline

    def _addable(self, opened: Mask) -> Mask:
        """Mark the sites that can be opened without breaking a constraint that holds, or making one worse."""
        problem = self.problem
        left = problem.budget - float(problem.cost[opened].sum())
        may = ~problem.forbidden if self.among is None else self.among & ~problem.forbidden
        fit = ~opened & may & (problem.cost <= left + 1e-9 * max(1.0, problem.budget))
        if len(problem.limit):
            room = problem.limit - problem.side @ opened.astype(np.float64)
            rows = problem.side.tocoo()
            over = (rows.data > 0) & (
                rows.data > room[rows.row] + 1e-9 * np.maximum(1.0, np.abs(room[rows.row]))
            )
            fit[rows.col[over]] = False
        return fit

    def _best_addition(self, opened: Mask, division: Division, least: float) -> int:
        """Find the site whose opening adds most for its cost, and more than ``least``; -1: none.

        Sites are tried in the order of what they add at most, until none can be better (lazy greedy; Minoux
        1978).
        """
        cost = self.problem.cost
        most = np.where(self._addable(opened), self.worths(division), -np.inf)
        best, ratio = -1, 0.0
        for j in np.argsort(-most / cost, kind="stable"):
            if most[j] <= least or most[j] <= ratio * cost[j] * (1.0 + 1e-12) or self.late():
                break
            opened[j] = True
            more = self.value(opened) - division.value
            opened[j] = False
            if more > max(least, ratio * cost[j]):
                best, ratio = int(j), more / cost[j]
        return best

    def fill(self, start: Mask) -> Mask:
        """Open sites by greatest gain for their cost, while one gains."""
        opened = start.copy()
        while not self.late():
            j = self._best_addition(opened, self.divide(opened), self.tiny)
            if j < 0:
                break
            opened[j] = True
        return opened

    def swap(self, start: Mask) -> Mask:
        """Replace sites, each by the best other one, until no swap helps."""
        opened, value, idle = start.copy(), self.value(start), 0
        order = np.flatnonzero(opened)
        while idle < len(order) and not self.late():
            out, order = int(order[0]), np.roll(order, -1)
            idle += 1
            if self.problem.forced[out]:
                continue
            opened[out] = False
            division = self.divide(opened)
            most = np.where(self._addable(opened), self.worths(division), -np.inf)
            most[out] = -np.inf
            into, best = out, value + self._step(value)
            for j in np.argsort(-most, kind="stable"):
                if division.value + most[j] < best or self.late():
                    break
                opened[j] = True
                if self.value(opened) >= best and self.problem.allows(opened):
                    into, best = int(j), self.value(opened) + self._step(value)
                opened[j] = False
            opened[into] = True
            if into != out:
                order[-1], idle, value = into, 0, self.value(opened)
        return opened

    def _step(self, value: float) -> float:
        return max(1e-9 * abs(value), 1e-12)

    def improve(
        self, start: Mask, kicks: int = 0, effort: float = _EFFORT, among: Mask | None = None
    ) -> Mask:
        """Fill and swap, then shake the plan so many times (iterated local search; the same every time).

        Ends once ``effort`` plans have been valued. Only sites ``among`` some are opened, such as those that
        the relaxation opens in part (Danna, Rothberg and Le Pape 2005); all without.
        """
        self.most, self.among = self.evaluated + effort, among
        best = self._improve(start, kicks)
        self.most, self.among = np.inf, None
        return best

    def _improve(self, start: Mask, kicks: int) -> Mask:
        best = self._settle(start)
        value = self.value(best)
        random = np.random.default_rng(20260101)
        for _ in range(kicks):
            movable = np.flatnonzero(best & ~self.problem.forced)
            if len(movable) < 2 or self.late():
                break
            out = random.choice(movable, min(len(movable) - 1, int(random.integers(2, 5))), replace=False)
            trial = best.copy()
            trial[out] = False
            others = np.flatnonzero(self._addable(trial) & ~best)
            if len(others):
                trial[random.choice(others)] = True
            trial = self._settle(trial)
            if self.problem.allows(trial) and self.value(trial) > value + self._step(value):
                best, value = trial, self.value(trial)
        return best

    def _settle(self, start: Mask) -> Mask:
        filled = self.fill(start)
        better = self.swap(filled) if self.problem.allows(filled) else filled
        return better if (better == filled).all() else self.fill(better)

    def rounded(self, x: Floats) -> Mask:
        """Open the forced sites, then those with the largest shares, as far as the constraints allow."""
        opened = self.problem.forced.copy()
        for j in np.argsort(-x, kind="stable"):
            if x[j] < 0.3:
                break
            if self._addable(opened)[j]:
                opened[j] = True
        return opened
