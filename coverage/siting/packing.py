"""Can p sites stand apart, within rules? A plan, or a proof in whole numbers that there is none."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from .covering import add_rules, tolls_fit, whole_tolls
from .linear import Linear
from .proofs import Branch
from .reduce import Floats, Mask
from .site_limits import SiteLimits

_UNIT = 1_000_000
"""Duals are rounded to parts of this, so that the proof is in whole numbers."""

_FINE = 1_000
"""Prices are finer by this where rules have prices, too."""


@dataclass(frozen=True)
class Packing:
    """What is looked for: columns that stand apart."""

    near: Mask
    """(n, n) true where two columns are too near each other."""
    sites: int
    """Columns to open, no fewer."""
    rules: SiteLimits

    def holds(self, opened: Mask) -> bool:
        """Tell whether some columns are a plan."""
        apart = not self.near[np.ix_(opened, opened)].any()
        return apart and int(opened.sum()) == self.sites and self.rules.allows(opened)


def prices_exclude(
    wanted: Packing, cliques: Mask, step: Branch, opened: Mask, closed: Mask
) -> tuple[bool, Mask]:
    """Tell whether prices on cliques prove that no plan stands apart; and which columns no such plan opens.

    Of a clique of columns that are too near each other a plan opens one at most; so as many columns as are
    still to be opened cannot together pay more than the prices of the cliques that the opened ones left free.
    Where there are rules ``sum_j a_qj x_j <= b_q``, they pay the tolls ``u_q a_qj``, too, of which
    ``sum_q u_q b_q`` is the most that a plan can pay.

    Parameters
    ----------
    cliques
        (cliques, n) their columns.
    step
        Price >= 0 of each clique, and toll >= 0 of each rule or none.

    Returns
    -------
    excluded, closed
        And the (n,) closed columns, those given among them.
    """
    price, toll, rules = step.price, step.toll, wanted.rules
    open_cliques = ~cliques[:, opened].any(axis=1)
    paying, total = np.where(open_cliques, price, 0) @ cliques, int(price[open_cliques].sum())
    broken, _, never = rules.forced_by(opened, closed)
    if len(toll):
        side, limit = rules.whole
        paying = paying + side.T @ toll
        total += int(toll @ (limit - side @ opened.astype(np.int64)))
    closed = closed | never
    free = ~(opened | closed)
    ranked = np.sort(paying[free])
    more = wanted.sites - int(opened.sum())
    if more <= 0 or broken:
        return broken or not rules.allows(opened), closed
    if len(ranked) < more or int(ranked[:more].sum()) > total:
        return True, closed
    return False, closed | (free & (int(ranked[: more - 1].sum()) + paying > total))


def decide_packing(
    wanted: Packing, opened: Mask, closed: Mask, deadline: float
) -> Mask | tuple[Mask, list[Branch]] | None:
    """Find (n,) columns of which no two are near, ``sites`` of them, or prove that there are none.

    Branch and bound, deepest first, on ``max sum_j x_j`` with ``sum_{j in Q} x_j <= 1`` for cliques Q of
    columns near each other, which are added where the solution violates them (Nemhauser and Sigismondi
    1992) and the rules: the duals are the prices and tolls.

    Returns
    -------
    found
        The columns; or the (cliques, n) cliques and the steps of the proof; or None where the time ran out.
    """
    near, n = wanted.near, len(wanted.near)
    program = _Relaxed(wanted)
    steps = [Branch(np.empty(0, np.int64))]
    waiting = [(0, opened, closed | (near[opened].any(axis=0) & ~opened))]
    while waiting:
        number, opened, closed = waiting.pop()
        found = _greedy(wanted, opened, closed, np.ones(n))
        if found is not None:
            return found
        solved = program.solve(opened, closed, deadline)
        if solved is None:
            return None
        fraction, step = solved
        over, closed = prices_exclude(wanted, program.cliques, step, opened, closed)
        found = None if over else _round(wanted, opened, closed, fraction)
        if found is not None:
            return found
        steps[number] = step
        free = np.flatnonzero(~(opened | closed))
        if over or not len(free):
            continue
        column = int(
            free[int(np.argmax(np.minimum(fraction[free], 1.0 - fraction[free]) + 1e-3 * fraction[free]))]
        )
        split = np.arange(n) == column
        first = len(steps)
        steps += [step, step]
        steps[number] = replace(step, column=column, following=(first, first + 1))
        waiting += [
            (first + 1, opened, closed | split),
            (first, opened | split, closed | (near[column] & ~split)),
        ]
    return program.cliques, steps


class _Relaxed:
    """The linear relaxation with the cliques met so far."""

    def __init__(self, wanted: Packing) -> None:
        self._wanted, rules, n, q = wanted, wanted.rules, len(wanted.near), len(wanted.rules)
        cost, most = np.r_[-np.ones(n), np.full(q, n + 1.0)], np.r_[np.ones(n), np.full(q, np.inf)]
        self._program = Linear(cost, np.zeros(n + q), most)
        if q:
            add_rules(self._program, rules, n)
        self.cliques = np.zeros((0, n), bool)
        self._add([_clique(wanted.near, j, np.ones(n)) for j in range(n)])

    def _add(self, cliques: list[Mask]) -> None:
        new = np.unique(np.array(cliques), axis=0)
        row, column = np.nonzero(new)
        start = np.r_[0, np.cumsum(np.bincount(row, minlength=len(new)))]
        self._program.add_rows(-np.ones(len(new)), start, column, -np.ones(len(column)))
        self.cliques = np.vstack([self.cliques, new])

    def solve(self, opened: Mask, closed: Mask, deadline: float) -> tuple[Floats, Branch] | None:
        """Solve it, adding cliques while they are violated: x (n,) and whole prices; None: no time left."""
        wanted, rules, n, q = self._wanted, self._wanted.rules, len(opened), len(self._wanted.rules)
        unit = _UNIT * _FINE if q else _UNIT
        self._program.bound_columns(opened.astype(np.float64), (~closed).astype(np.float64))
        while True:
            found = self._program.solve(deadline)
            if found is None or time.monotonic() >= deadline:
                return None
            x, toll = found.value[:n], whole_tolls(rules, found.dual[:q], unit)
            price = np.rint(np.maximum(found.dual[q:], 0.0) * unit).astype(np.int64)
            step = Branch(price, toll=toll)
            hopeless = bool(q) or x.sum() < wanted.sites - 1e-6
            if hopeless and prices_exclude(wanted, self.cliques, step, opened, closed)[0]:
                return x, step
            tried = [_clique(wanted.near, j, x) for j in np.flatnonzero(x > 1e-6).tolist()]
            violated = [clique for clique in tried if x[clique].sum() > 1.0 + 1e-6]
            if not violated:
                return x, step
            self._add(violated)


def _clique(near: Mask, start: int, value: Floats) -> Mask:
    """Grow a clique around a column, by value (n,), then by nearness to many."""
    member: Mask = np.arange(len(near)) == start
    left = near[start].copy()
    left[start] = False
    score = value + 1e-6 * near.mean(axis=0)
    while left.any():
        best = int(np.argmax(np.where(left, score, -1.0)))
        member[best] = True
        left &= near[best]
        left[best] = False
    return member


def _round(wanted: Packing, opened: Mask, closed: Mask, value: Floats) -> Mask | None:
    """Take the relaxation's solution for a plan where it is one; else open the columns it suggests."""
    plan = value > 0.5
    if not (opened & ~plan).any() and not (closed & plan).any() and wanted.holds(plan):
        return plan
    return _greedy(wanted, opened, closed, value)


def _greedy(wanted: Packing, opened: Mask, closed: Mask, value: Floats) -> Mask | None:
    """Open the columns that shut the least of the others' value; None where they are too few."""
    near, sites, rules = wanted.near, wanted.sites, wanted.rules
    opened, free = opened.copy(), ~(opened | closed)
    shuts = near @ (free * value) / np.maximum(value, 1e-6)
    while opened.sum() < sites:
        able = free if not len(rules) else free & rules.open_next(opened, sites)
        if not able.any():
            return None
        best = int(np.argmin(np.where(able, shuts, np.inf)))
        opened[best] = True
        gone = free & near[best]
        gone[best] = True
        free &= ~gone
        shuts -= near[:, gone] @ value[gone] / np.maximum(value, 1e-6)
    return opened if rules.allows(opened) else None


def steps_hold(wanted: Packing, cliques: Mask, steps: list[Branch], opened: Mask, closed: Mask) -> bool:
    """Check a proof step by step, in whole numbers and without a solver."""
    near = wanted.near
    if any(
        (~near[np.ix_(clique, clique)] & ~np.eye(int(clique.sum()), dtype=bool)).any() for clique in cliques
    ):
        return False
    waiting, seen = [(0, opened, closed | (near[opened].any(axis=0) & ~opened))], set()
    while waiting:
        number, opened, closed = waiting.pop()
        if number in seen or not 0 <= number < len(steps):
            return False
        seen.add(number)
        step = steps[number]
        known, fine = cliques[: len(step.price)], step.price.astype(np.float64).sum() < 2.0**60
        if not fine or len(known) < len(step.price) or (step.price < 0).any() or (step.toll < 0).any():
            return False
        if not tolls_fit(wanted.rules, step.toll):
            return False
        over, closed = prices_exclude(wanted, known, step, opened, closed)
        if over:
            continue
        if len(step.following) != 2:
            return False
        split = np.arange(len(near)) == step.column
        if not (split & closed).any():
            waiting.append((step.following[0], opened | split, closed | (near[step.column] & ~split)))
        waiting.append((step.following[1], opened & ~split, closed | split))
    return True
