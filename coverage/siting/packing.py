"""Can p sites stand apart? A plan, or a proof in whole numbers that there is none."""

from __future__ import annotations

import time

import numpy as np

from .covering import Branch, Whole
from .linear import Linear
from .reduce import Floats, Mask

_UNIT = 1_000_000
"""Duals are rounded to parts of this, so that the proof is in whole numbers."""


def prices_exclude(cliques: Mask, price: Whole, sites: int, opened: Mask, closed: Mask) -> tuple[bool, Mask]:
    """Tell whether prices on cliques prove that no plan stands apart; and which columns no such plan opens.

    Of a clique of columns that are too near each other a plan opens one at most; so as many columns as are
    still to be opened cannot together pay more than the prices of the cliques that the opened ones left free.

    Parameters
    ----------
    cliques
        (cliques, n) their columns.
    price
        (cliques,) >= 0.

    Returns
    -------
    excluded, closed
        And the (n,) closed columns, those given among them.
    """
    open_cliques = ~cliques[:, opened].any(axis=1)
    paying = np.where(open_cliques, price, 0) @ cliques
    free = ~(opened | closed)
    ranked = np.sort(paying[free])
    more = sites - int(opened.sum())
    total = int(price[open_cliques].sum())
    if more <= 0:
        return False, closed
    if len(ranked) < more or int(ranked[:more].sum()) > total:
        return True, closed
    return False, closed | (free & (int(ranked[: more - 1].sum()) + paying > total))


def decide_packing(
    near: Mask, sites: int, opened: Mask, closed: Mask, deadline: float
) -> Mask | tuple[Mask, list[Branch]] | None:
    """Find (n,) columns of which no two are near, ``sites`` of them, or prove that there are none.

    Branch and bound, deepest first, on ``max sum_j x_j`` with ``sum_{j in Q} x_j <= 1`` for cliques Q of
    columns near each other, which are added where the solution violates them (Nemhauser and Sigismondi
    1992): the duals are the prices.

    Returns
    -------
    found
        The columns; or the (cliques, n) cliques and the steps of the proof; or None where the time ran out.
    """
    n = len(near)
    program = _Relaxed(near)
    steps = [Branch(np.empty(0, np.int64))]
    waiting = [(0, opened, closed | (near[opened].any(axis=0) & ~opened))]
    while waiting:
        number, opened, closed = waiting.pop()
        found = _greedy(near, sites, opened, closed, np.ones(n))
        if found is not None:
            return found
        solved = program.solve(sites, opened, closed, deadline)
        if solved is None:
            return None
        fraction, price = solved
        over, closed = prices_exclude(program.cliques, price, sites, opened, closed)
        found = None if over else _greedy(near, sites, opened, closed, fraction)
        if found is not None:
            return found
        steps[number] = Branch(price)
        free = np.flatnonzero(~(opened | closed))
        if over or not len(free):
            continue
        column = int(
            free[int(np.argmax(np.minimum(fraction[free], 1.0 - fraction[free]) + 1e-3 * fraction[free]))]
        )
        split = np.arange(n) == column
        first = len(steps)
        steps += [Branch(price), Branch(price)]
        steps[number] = Branch(price, column, (first, first + 1))
        waiting += [
            (first + 1, opened, closed | split),
            (first, opened | split, closed | (near[column] & ~split)),
        ]
    return program.cliques, steps


class _Relaxed:
    """The linear relaxation with the cliques met so far."""

    def __init__(self, near: Mask) -> None:
        self._near, n = near, len(near)
        self._program = Linear(-np.ones(n), np.zeros(n), np.ones(n))
        self.cliques = np.zeros((0, n), bool)
        self._add([_clique(near, j, np.ones(n)) for j in range(n)])

    def _add(self, cliques: list[Mask]) -> None:
        new = np.unique(np.array(cliques), axis=0)
        row, column = np.nonzero(new)
        start = np.r_[0, np.cumsum(np.bincount(row, minlength=len(new)))]
        self._program.add_rows(-np.ones(len(new)), start, column, -np.ones(len(column)))
        self.cliques = np.vstack([self.cliques, new])

    def solve(self, sites: int, opened: Mask, closed: Mask, deadline: float) -> tuple[Floats, Whole] | None:
        """Solve it, adding cliques while they are violated: x (n,) and whole prices; None: no time left."""
        self._program.bound_columns(opened.astype(np.float64), (~closed).astype(np.float64))
        while True:
            found = self._program.solve(deadline)
            if found is None or time.monotonic() >= deadline:
                return None
            x = found.value
            price = np.rint(np.maximum(found.dual, 0.0) * _UNIT).astype(np.int64)
            if x.sum() < sites - 1e-6 and prices_exclude(self.cliques, price, sites, opened, closed)[0]:
                return x, price
            tried = [_clique(self._near, j, x) for j in np.flatnonzero(x > 1e-6).tolist()]
            violated = [clique for clique in tried if x[clique].sum() > 1.0 + 1e-6]
            if not violated:
                return x, price
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


def _greedy(near: Mask, sites: int, opened: Mask, closed: Mask, value: Floats) -> Mask | None:
    """Open the columns that shut the least of the others' value; None where they are too few."""
    opened, free = opened.copy(), ~(opened | closed)
    shuts = near @ (free * value) / np.maximum(value, 1e-6)
    while opened.sum() < sites:
        if not free.any():
            return None
        best = int(np.argmin(np.where(free, shuts, np.inf)))
        opened[best] = True
        gone = free & near[best]
        gone[best] = True
        free &= ~gone
        shuts -= near[:, gone] @ value[gone] / np.maximum(value, 1e-6)
    return opened


def steps_hold(
    near: Mask, cliques: Mask, steps: list[Branch], *, sites: int, opened: Mask, closed: Mask
) -> bool:
    """Check a proof step by step, in whole numbers and without a solver."""
    if any(
        (~near[np.ix_(clique, clique)] & ~np.eye(int(clique.sum()), dtype=bool)).any() for clique in cliques
    ):
        return False
    waiting = [(0, opened, closed | (near[opened].any(axis=0) & ~opened))]
    while waiting:
        number, opened, closed = waiting.pop()
        step = steps[number]
        if (step.price < 0).any():
            return False
        over, closed = prices_exclude(cliques[: len(step.price)], step.price, sites, opened, closed)
        if over:
            continue
        if len(step.following) != 2:
            return False
        split = np.arange(len(near)) == step.column
        if not (split & closed).any():
            waiting.append((step.following[0], opened | split, closed | (near[step.column] & ~split)))
        waiting.append((step.following[1], opened & ~split, closed | split))
    return True
