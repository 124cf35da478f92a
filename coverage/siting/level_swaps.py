"""Swaps that raise the lowest of several levels, then the second lowest, and so on."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from .reduce import Floats, Mask, Positions
from .staged import Asked

SMALL = 12
"""Programs of so few candidates are solved at once; swaps would only take time."""

_KICKS = 20
"""Shakes of a plan, each followed by swaps; the search ends after `_IDLE` of them without a better plan."""

_IDLE = 5

_SHAKEN = 3
"""Sites that a shake replaces."""

_SAME = 1e-12


@dataclass(frozen=True)
class Levels:
    """Levels that plans raise: of counties, or of situations; k classes, n candidates, G levels."""

    rows: csr_array
    """(k, n) 1 where a candidate covers a class."""
    worth: csr_array
    """(k, G + 1) what a covered class adds to each level, and in the end to the residents."""
    start: Floats
    """(G + 1,) levels where nothing is covered."""
    enough: float = np.inf
    """Levels above this are as good as this."""

    def of(self, opened: Mask) -> Floats:
        """Give the levels of a plan (G + 1,)."""
        covered = self.rows @ opened.astype(np.float64) > 0
        found: Floats = self.start + self.worth.T @ covered.astype(np.float64)
        return found


def levels_of(rows: csr_array, weight: Floats, level: Positions, scale: Floats, start: Floats) -> Levels:
    """Put levels together: class ``r`` adds ``weight * scale`` of its level to it (-1: to none).

    Parameters
    ----------
    scale, start
        (G,).
    """
    some, size = np.flatnonzero(level >= 0), len(start)
    place = np.r_[level[some], np.full(len(weight), size)]
    value = np.r_[weight[some] * scale[level[some]], weight]
    worth = csr_array(
        coo_array((value, (np.r_[some, np.arange(len(weight))], place)), (len(weight), size + 1))
    )
    return Levels(rows, worth, np.r_[start, 0.0])


def best_by_swaps(asked: Asked, levels: Levels, start: Mask, *, until: float) -> Mask:
    """Raise levels from a plan by adding and swapping sites, with shakes, until a time (`time.monotonic`).

    Plans are compared by their levels in ascending order, the lowest first, then by residents. Every step
    keeps the rules on sites; minimums are not looked at.

    Parameters
    ----------
    start
        (n,) a plan that keeps the rules on sites.
    """
    program = asked.builder().build()
    side, limit = program.side.toarray(), program.limit + 1e-9 * (1.0 + np.abs(program.limit))
    search = _Swaps(levels, csr_array(levels.rows.T.tocsr()), side, limit, until)
    random = np.random.default_rng(1)
    best = search.climb(start.copy())
    idle = 0
    for _ in range(_KICKS):
        if time.monotonic() >= until or idle == _IDLE:
            break
        shaken = search.climb(search.shake(best.copy(), random))
        better = search.rank(shaken) > search.rank(best)
        best, idle = (shaken, 0) if better else (best, idle + 1)
    return best


@dataclass(frozen=True)
class _Swaps:
    levels: Levels
    columns: csr_array
    """(n, k)."""
    side: Floats
    """(q, n) side constraints on sites."""
    limit: Floats
    until: float

    def rank(self, opened: Mask) -> list[float]:
        """Give what plans are compared by."""
        found = self.levels.of(opened)
        return [*self.ordered(found[None, :])[0].tolist()]

    def ordered(self, found: Floats) -> Floats:
        """Order levels (plans, G + 1) for comparison: ascending, rounded, then the residents."""
        level = np.minimum(found[:, :-1], self.levels.enough)
        return np.hstack([np.sort(level, axis=1).round(12), found[:, -1:]])

    def climb(self, opened: Mask) -> Mask:
        """Add and swap until no single step helps."""
        improved = True
        while improved and time.monotonic() < self.until:
            improved = False
            for site in (-1, *np.flatnonzero(opened).tolist()):
                if time.monotonic() >= self.until:
                    break
                improved |= self._step(opened, site)
        return opened

    def _step(self, opened: Mask, site: int) -> bool:
        """Replace a site by the best other one, or add one (-1), where that helps; true where done."""
        now = self.rank(opened)
        if site >= 0:
            opened[site] = False
        count = self.levels.rows @ opened.astype(np.float64)
        free = csr_array(self.levels.worth.multiply((count == 0)[:, None]))
        base = self.levels.start + self.levels.worth.T @ (count > 0).astype(np.float64)
        spare = self.limit - self.side @ opened.astype(np.float64)
        other = np.flatnonzero(~opened & (self.side <= spare[:, None]).all(axis=0))
        if len(other):
            after = base + (self.columns[other] @ free).toarray()
            ordered = self.ordered(after)
            best = _largest(ordered)
            if ordered[best].tolist() > now:
                opened[other[best]] = True
                return True
        if site >= 0:
            opened[site] = True
        return False

    def shake(self, opened: Mask, random: np.random.Generator) -> Mask:
        """Replace some sites at random, as far as the rules allow."""
        for site in random.permutation(np.flatnonzero(opened))[:_SHAKEN].tolist():
            opened[site] = False
            spare = self.limit - self.side @ opened.astype(np.float64)
            other = np.flatnonzero(~opened & (self.side <= spare[:, None]).all(axis=0))
            opened[random.choice(other) if len(other) else site] = True
        return opened


def _largest(rows: Floats) -> int:
    """Find the first of the lexicographically largest rows."""
    left = np.arange(len(rows))
    for column in range(rows.shape[1]):
        values = rows[left, column]
        left = left[values >= values.max() - _SAME]
        if len(left) == 1:
            break
    return int(left[0])
