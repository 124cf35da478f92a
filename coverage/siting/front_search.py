"""The ε-constraint search: which budgets to solve, what is known of all others, until nothing is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from .front_points import FrontPoint, Missing, supported
from .plan import Plan
from .staged import Clock

Solve = Callable[[int, float], Plan]
"""From a budget in units and seconds to the plan that covers the most within it."""

FrontProgress = Callable[[int, int, float], object]
"""Called with the points found, the intervals of budgets still open, and seconds."""

_PARTS = 16
"""Intervals wider than this part of all budgets are halved before they are walked through point by point."""

_SHARES = 5
"""A budget gets at most this part of the time that is left, so that one hard budget does not take it all."""

_LEAST_S = 0.05

_ROUNDS = 3
"""So often a budget that was not proven is solved again with the time that is left."""


@dataclass(frozen=True)
class Solved:
    """A budget that was solved, in units."""

    budget: int
    spent: int
    """What the plan costs; -1 where none was found."""
    plan: Plan


@dataclass(frozen=True)
class Piece:
    """Budgets ``low`` to ``high`` between which nothing changes that is known."""

    low: int
    high: int
    cover: float
    """Of the best plan known for each of them; -inf without one."""
    bound: float
    """No plan within them covers more."""


@dataclass
class Budgets:
    """What is known of the best cover ``f(b)`` for every whole budget ``b`` from ``floor`` to ``top``.

    ``f`` never falls as the budget grows. So a plan of cost ``c`` is one for every budget from ``c`` on, and
    the bound of a budget holds for every smaller one: a budget with a proven plan of cost ``c`` settles all
    from ``c`` to itself. The next one to solve is just below a known plan (Haimes, Lasdon and Wismer 1971);
    that the plan is the cheapest of its cover follows when the budget just below covers less, so that ties
    need no second objective (Mavrotas 2009 adds one).
    """

    solve: Solve
    spent: Callable[[Plan], int]
    floor: int
    """No plan costs less."""
    top: int
    slack: float
    clock: Clock
    progress: FrontProgress | None = None
    solved: list[Solved] = field(default_factory=list)
    tried: set[int] = field(default_factory=set)
    rounds: int = 0

    def run(self) -> None:
        """Solve budgets until all are settled, time is out, or Ctrl-C."""
        try:
            for budget in dict.fromkeys((self.top, self.floor)):
                self._one(budget)
            while (budget := self._next()) >= 0:
                self._one(budget)
        except KeyboardInterrupt:
            self.clock.stopped = True

    def _one(self, budget: int) -> None:
        """Solve one budget and keep what it says."""
        pieces = self.open()
        some = sum(piece.high - piece.low + 1 for piece in pieces)
        seconds = self.clock.left(1.0 / min(_SHARES, max(1, some)))
        if seconds < _LEAST_S or not self._open_at(budget):
            return
        plan = self.solve(budget, seconds)
        self.tried.add(budget)
        self.clock.saw(plan.status, plan.seconds, seconds)
        if plan.status == "infeasible":
            self.floor = max(self.floor, budget + 1)
        else:
            found = np.isfinite(plan.objective)
            self.solved.append(Solved(budget, self.spent(plan) if found else -1, plan))
        if self.progress is not None:
            self.progress(len(self.points(1.0)), len(self.open()), self.clock.spent())

    def _open_at(self, budget: int) -> bool:
        return any(piece.low <= budget <= piece.high for piece in self.open())

    def _next(self) -> int:
        """Choose the next budget, in the largest interval of what is open; -1 where there is none."""
        while self.clock.left() >= _LEAST_S:
            pieces = sorted(self.open(), key=lambda one: (-self._size(one), one.low))
            for piece in pieces:
                width = piece.high - piece.low + 1
                middle = (piece.low + piece.high) // 2
                wide = width > max(1, (self.top - self.floor) // _PARTS)
                for budget in (middle, piece.high) if wide else (piece.high, middle):
                    if budget not in self.tried:
                        return budget
            if not pieces or self.rounds >= _ROUNDS:
                break
            self.tried.clear()
            self.rounds += 1
        return -1

    def _size(self, piece: Piece) -> float:
        low = max(0.0, piece.cover)
        return (piece.high - piece.low + 1) * max(0.0, piece.bound - low)

    def cover(self, budget: int) -> float:
        """Residents of the best plan known within a budget; -inf without one."""
        return max((one.plan.objective for one in self.solved if 0 <= one.spent <= budget), default=-np.inf)

    def bound(self, budget: int) -> float:
        """No plan within a budget covers more; -inf where there is none, inf where nothing is known."""
        if budget < self.floor:
            return -np.inf
        return min((one.plan.bound for one in self.solved if one.budget >= budget), default=np.inf)

    def pieces(self) -> Iterator[Piece]:
        """Part all budgets where something changes."""
        ends = {self.floor, self.top + 1}
        ends |= {one.spent for one in self.solved} | {one.budget + 1 for one in self.solved}
        inside = sorted(end for end in ends if self.floor <= end <= self.top + 1)
        for low, after in pairwise(inside):
            yield Piece(low, after - 1, self.cover(low), self.bound(low))

    def open(self) -> list[Piece]:
        """List the budgets for which a plan may exist that covers more than the known ones."""
        return [piece for piece in self.pieces() if piece.bound > piece.cover + self.slack]

    def points(self, unit: float) -> tuple[FrontPoint, ...]:
        """Give the known plans that no other known one dominates, costs in units of ``unit``."""
        best: list[Solved] = []
        for one in sorted(self.solved, key=lambda one: (one.spent, -one.plan.objective)):
            if one.spent >= 0 and (not best or one.plan.objective > best[-1].plan.objective + self.slack):
                best.append(one)
        on_hull = supported([(one.spent * unit, one.plan.objective) for one in best])
        return tuple(
            FrontPoint(one.spent * unit, one.plan.objective, self._settled(one), self._proven(one), hull)
            for one, hull in zip(best, on_hull, strict=True)
        )

    def _proven(self, one: Solved) -> bool:
        """Tell whether no plan of the same cost covers more, and no cheaper one as much."""
        found = one.plan.objective
        return self.bound(one.spent) <= found + self.slack and self.bound(one.spent - 1) < found

    def _settled(self, one: Solved) -> Plan:
        """Give a plan the bound of its own cost."""
        plan = one.plan
        bound = max(plan.objective, min(plan.bound, self.bound(one.spent)))
        proven = plan.status == "optimal" or bound <= plan.objective + self.slack
        gap = (bound - plan.objective) / bound if bound > 0 else 0.0
        return replace(plan, bound=bound, gap=gap, status="optimal" if proven else "feasible")

    def missing(self, unit: float) -> tuple[Missing, ...]:
        """List the intervals in which plans may be missing."""
        joined: list[Piece] = []
        for piece in self.open():
            last = joined[-1] if joined else None
            if last and last.high + 1 == piece.low and (last.cover, last.bound) == (piece.cover, piece.bound):
                joined[-1] = replace(last, high=piece.high)
            else:
                joined.append(piece)
        return tuple(
            Missing(one.low * unit, one.high * unit, max(0.0, one.cover), one.bound) for one in joined
        )
