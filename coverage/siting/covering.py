"""Can p sites reach all of some rows? A plan, or a proof in whole numbers that there is none."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .linear import Linear
from .reduce import Floats, Mask, Positions

Whole = NDArray[np.int64]

_UNIT = 1_000_000
"""Duals are rounded to parts of this, so that the proof is in whole numbers."""


@dataclass(frozen=True)
class Branch:
    """One step of a proof, for the plans with the sites opened and closed on the way to it."""

    price: Whole
    """(rows,) what each row pays to whoever reaches it, >= 0."""
    column: int = -1
    """Candidate that the next two steps open and close; -1 where the prices end the case."""
    following: tuple[int, ...] = ()
    """Numbers of the two steps: opened, closed."""


@dataclass
class Tree:
    """The proof that no ``p`` candidates reach all ``rows``."""

    rows: Positions
    """Rows of the demand."""
    steps: list[Branch] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """Rows to be reached, and who may reach them."""

    cover: Mask
    """(rows, columns) true where the column reaches the row."""
    sites: int
    """Columns to open at most."""


def kept_columns(cover: Mask) -> Mask:
    """Mark the (n,) columns of which no other reaches the same rows and more; of equals the first stays."""
    inside = cover.astype(np.float32)
    common = inside.T @ inside
    size = inside.sum(axis=0)
    place = np.arange(len(size))
    larger = (size[None] > size[:, None]) | ((size[None] == size[:, None]) & (place[None] < place[:, None]))
    kept: Mask = ~((common == size[:, None]) & larger).any(axis=1) & (size > 0)
    return kept


def prices_exclude(wanted: Wanted, price: Whole, opened: Mask, closed: Mask) -> tuple[bool, Mask, Mask]:
    """Tell whether prices prove that no plan reaches all rows, and which columns one must open or close.

    A plan that reaches every row earns every price at least once; so the prices of the rows that the opened
    columns leave must not exceed the best earnings of as many columns as may still be opened.

    Returns
    -------
    excluded, opened, closed
        The (n,) masks with those given among them.
    """
    left = ~wanted.cover[:, opened].any(axis=1)
    earning = np.where(left, price, 0) @ wanted.cover
    free = ~(opened | closed)
    ranked = np.sort(earning[free])[::-1]
    more = wanted.sites - int(opened.sum())
    total, best = int(price[left].sum()), int(ranked[: max(more, 0)].sum())
    if not left.any():
        return False, opened, closed
    if more <= 0 or total > best or not wanted.cover[left][:, free].any(axis=1).all():
        return True, opened, closed
    last = int(ranked[more - 1]) if more <= len(ranked) else 0
    following = int(ranked[more]) if more < len(ranked) else 0
    useless = free & (total > best - last + earning)
    needed = free & (earning >= last) & (total > best - earning + following)
    single = wanted.cover[left][:, free & ~useless]
    only = single[single.sum(axis=1) == 1].any(axis=0)
    needed[np.flatnonzero(free & ~useless)[only]] = True
    return bool((needed & useless).any()), opened | needed, closed | (useless & ~needed)


def decide_cover(wanted: Wanted, rows: Positions, position: Positions, deadline: float) -> Mask | Tree | None:
    """Find (n,) columns that reach all rows, or prove that there are none; None where the time ran out.

    Branch and bound, deepest first, on ``min sum_r s_r`` with ``sum_j a_rj x_j + s_r >= 1`` for every row and
    ``sum_j x_j <= sites``: its duals are the prices.

    Parameters
    ----------
    rows, position
        What the rows and columns of ``wanted`` are called in the proof.
    """
    n, tree = wanted.cover.shape[1], Tree(rows)
    nothing = np.zeros(n, bool)
    program = _Relaxed(wanted)
    tree.steps.append(Branch(np.ones(len(rows), np.int64)))
    waiting = [(0, nothing, nothing)]
    while waiting:
        number, opened, closed = waiting.pop()
        step = _look(wanted, program, opened, closed, deadline)
        if step is None or isinstance(step, np.ndarray):
            return step
        price, over, opened, closed, column = step
        if over:
            tree.steps[number] = Branch(price)
            continue
        first = len(tree.steps)
        tree.steps += [Branch(price), Branch(price)]
        tree.steps[number] = Branch(price, int(position[column]), (first, first + 1))
        split = np.arange(n) == column
        waiting += [(first + 1, opened, closed | split), (first, opened | split, closed)]
    return tree


def _look(
    wanted: Wanted, program: _Relaxed, opened: Mask, closed: Mask, deadline: float
) -> Mask | tuple[Whole, bool, Mask, Mask, int] | None:
    """Look at one case: a plan; or prices, whether they end it, what they fix, where to split; None: late."""
    found = _greedy(wanted, opened, closed, opened.astype(np.float64))
    if found is not None:
        return found
    solved = program.solve(opened, closed, deadline)
    if solved is None:
        return None
    fraction, price = solved
    over, opened, closed = prices_exclude(wanted, price, opened, closed)
    if over:
        return price, True, opened, closed, -1
    found = _greedy(wanted, opened, closed, fraction)
    if found is not None:
        return found
    free = np.flatnonzero(~(opened | closed))
    if not len(free):
        return price, True, opened, closed, -1
    undecided = np.minimum(fraction[free], 1.0 - fraction[free]) + 1e-3 * fraction[free]
    return price, False, opened, closed, int(free[int(np.argmax(undecided))])


class _Relaxed:
    """The linear relaxation with shortfalls, one for the whole tree."""

    def __init__(self, wanted: Wanted) -> None:
        m, n = wanted.cover.shape
        cost = np.r_[np.zeros(n), np.ones(m)]
        self._program = Linear(cost, np.zeros(n + m), np.ones(n + m))
        row, column = np.nonzero(wanted.cover)
        start = np.r_[0, np.cumsum(np.bincount(row, minlength=m) + 1)]
        index = np.empty(start[-1], np.int64)
        own = np.zeros(start[-1], bool)
        own[start[1:] - 1] = True
        index[own], index[~own] = n + np.arange(m), column
        self._program.add_rows(np.array([-float(wanted.sites)]), np.array([0, n]), np.arange(n), -np.ones(n))
        self._program.add_rows(np.ones(m), start, index, np.ones(start[-1]))
        self._n = n

    def solve(self, opened: Mask, closed: Mask, deadline: float) -> tuple[Floats, Whole] | None:
        """Solve it: x (n,) and whole prices (rows,); None where the time ran out."""
        self._program.bound_columns(opened.astype(np.float64), (~closed).astype(np.float64))
        found = self._program.solve(deadline)
        if found is None or time.monotonic() >= deadline:
            return None
        return found.value[: self._n], np.rint(np.maximum(found.dual[1:], 0.0) * _UNIT).astype(np.int64)


def _greedy(wanted: Wanted, opened: Mask, closed: Mask, fraction: Floats) -> Mask | None:
    """Open the columns that reach most, those of the relaxation first; None where they are too few."""
    opened, cover = opened.copy(), wanted.cover
    left = ~cover[:, opened].any(axis=1)
    count = left.astype(np.float64) @ cover
    while left.any():
        if opened.sum() >= wanted.sites:
            return None
        best = int(np.argmax(np.where(closed | opened, -1.0, count * (0.05 + fraction))))
        if closed[best] or opened[best] or not count[best]:
            return None
        opened[best] = True
        new = left & cover[:, best]
        count -= new.astype(np.float64) @ cover
        left &= ~new
    return opened if opened.sum() <= wanted.sites else None


def tree_holds(wanted: Wanted, tree: Tree, position: Positions) -> bool:
    """Check a proof step by step, in whole numbers and without a solver."""
    n = wanted.cover.shape[1]
    waiting = [(0, np.zeros(n, bool), np.zeros(n, bool))]
    while waiting:
        number, opened, closed = waiting.pop()
        step = tree.steps[number]
        if (step.price < 0).any():
            return False
        over, opened, closed = prices_exclude(wanted, step.price, opened, closed)
        if over or ((opened | closed).all() and not _reaches(wanted, opened)):
            continue
        split = position == step.column
        if len(step.following) != 2 or not split.any():
            return False
        if not (split & closed).any():
            waiting.append((step.following[0], opened | split, closed))
        if not (split & opened).any():
            waiting.append((step.following[1], opened, closed | split))
    return True


def _reaches(wanted: Wanted, opened: Mask) -> bool:
    return bool(wanted.cover[:, opened].any(axis=1).all() and opened.sum() <= wanted.sites)


def on_kept(wanted: Wanted, position: Positions) -> tuple[Wanted, Positions]:
    """Leave out columns that another replaces."""
    kept = kept_columns(wanted.cover)
    return replace(wanted, cover=wanted.cover[:, kept]), position[kept]
