"""Can p sites reach all of some rows, within rules? A plan, or a proof in whole numbers against it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from .linear import Linear
from .proofs import Branch, Tree, Whole
from .reduce import Floats, Mask, Positions
from .site_limits import SiteLimits

_UNIT = 1_000_000
"""Duals are rounded to parts of this, so that the proof is in whole numbers."""

_FINE = 1_000
"""Prices are finer by this where rules have prices, too."""

_MOST = 2**61
"""Whole numbers stay below this."""

_BREAKING = 10.0
"""What breaking a rule costs in the relaxation, in rows that are not reached."""


@dataclass(frozen=True)
class Wanted:
    """Rows to be reached, and who may reach them."""

    cover: Mask
    """(rows, columns) true where the column reaches the row."""
    sites: int
    """Columns to open at most."""
    limits: SiteLimits | None = None
    """Rules on the columns."""

    @cached_property
    def rules(self) -> SiteLimits:
        """The rules, none of them where there are none."""
        n = self.cover.shape[1]
        return self.limits if self.limits is not None else SiteLimits(csr_array((0, n)), np.empty(0))

    def holds(self, opened: Mask) -> bool:
        """Tell whether some columns are a plan."""
        reached = bool(self.cover[:, opened].any(axis=1).all())
        return reached and int(opened.sum()) <= self.sites and self.rules.allows(opened)


def kept_columns(cover: Mask, replaceable: Mask | None = None) -> Mask:
    """Mark the (n,) columns of which no other reaches the same rows and more; of equals the first stays.

    Where there are rules, ``replaceable`` (n, n) tells which column may give its place to which.
    """
    inside = cover.astype(np.float32)
    common = inside.T @ inside
    size = inside.sum(axis=0)
    place = np.arange(len(size))
    larger = (size[None] > size[:, None]) | ((size[None] == size[:, None]) & (place[None] < place[:, None]))
    replaced = (common == size[:, None]) & larger
    if replaceable is None:
        kept: Mask = ~replaced.any(axis=1) & (size > 0)
        return kept
    return np.asarray(~(replaced & replaceable).any(axis=1))


def prices_exclude(
    wanted: Wanted, price: Whole, opened: Mask, closed: Mask, toll: Whole | None = None
) -> tuple[bool, Mask, Mask]:
    """Tell whether prices prove that no plan reaches all rows, and which columns one must open or close.

    A plan that reaches every row earns every price at least once; so the prices of the rows that the opened
    columns leave must not exceed the best earnings of as many columns as may still be opened. Where there are
    rules ``sum_j a_qj x_j <= b_q``, columns pay the tolls ``u_q a_qj`` off their earnings, and the plan gets
    ``sum_q u_q b_q`` back, at least what it paid.

    Returns
    -------
    excluded, opened, closed
        The (n,) masks with those given among them.
    """
    rules = wanted.rules
    broken, must, never = rules.forced_by(opened, closed)
    opened, closed = opened | must, closed | never
    left = ~wanted.cover[:, opened].any(axis=1)
    if broken or (opened & closed).any():
        return True, opened, closed
    if not left.any() and (not len(rules) or rules.allows(opened)):
        return opened.sum() > wanted.sites, opened, closed
    earning, back = np.where(left, price, 0) @ wanted.cover, 0
    if toll is not None and len(toll):
        side, limit = rules.whole
        earning = earning - side.T @ toll
        back = int(toll @ (limit - side @ opened.astype(np.int64)))
    free = ~(opened | closed)
    ranked = np.maximum(np.sort(earning[free])[::-1], 0)
    more = wanted.sites - int(opened.sum())
    total, best = int(price[left].sum()) - back, int(ranked[: max(more, 0)].sum())
    if more <= 0 or total > best or not wanted.cover[left][:, free].any(axis=1).all():
        return True, opened, closed
    last = int(ranked[more - 1]) if more <= len(ranked) else 0
    following = int(ranked[more]) if more < len(ranked) else 0
    useless = free & (total > best - last + earning)
    needed = free & (earning >= max(last, 1)) & (total > best - earning + following)
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
    tree.steps.append(Branch(np.zeros(len(rows), np.int64)))
    waiting = [(0, nothing, nothing)]
    while waiting:
        number, opened, closed = waiting.pop()
        step = _look(wanted, program, opened, closed, deadline)
        if step is None or isinstance(step, np.ndarray):
            return step
        (price, toll), over, opened, closed, column = step
        if over:
            tree.steps[number] = Branch(price, toll=toll)
            continue
        first = len(tree.steps)
        tree.steps += [Branch(price, toll=toll), Branch(price, toll=toll)]
        tree.steps[number] = Branch(price, int(position[column]), (first, first + 1), toll)
        split = np.arange(n) == column
        waiting += [(first + 1, opened, closed | split), (first, opened | split, closed)]
    return tree


def _look(
    wanted: Wanted, program: _Relaxed, opened: Mask, closed: Mask, deadline: float
) -> Mask | tuple[tuple[Whole, Whole], bool, Mask, Mask, int] | None:
    """Look at one case: a plan; or prices, whether they end it, what they fix, where to split; None: late."""
    found = _greedy(wanted, opened, closed, opened.astype(np.float64))
    if found is not None:
        return found
    solved = program.solve(opened, closed, deadline)
    if solved is None:
        return None
    fraction, price, toll = solved
    over, opened, closed = prices_exclude(wanted, price, opened, closed, toll)
    if over:
        return (price, toll), True, opened, closed, -1
    found = _greedy(wanted, opened, closed, fraction)
    if found is not None:
        return found
    free = np.flatnonzero(~(opened | closed))
    if not len(free):
        return (price, toll), True, opened, closed, -1
    undecided = np.minimum(fraction[free], 1.0 - fraction[free]) + 1e-3 * fraction[free]
    return (price, toll), False, opened, closed, int(free[int(np.argmax(undecided))])


class _Relaxed:
    """The linear relaxation with shortfalls, one for the whole tree."""

    def __init__(self, wanted: Wanted) -> None:
        m, n = wanted.cover.shape
        rules, q = wanted.rules, len(wanted.rules)
        cost = np.r_[np.zeros(n), np.ones(m), np.full(q, _BREAKING)]
        self._program = Linear(cost, np.zeros(n + m + q), np.r_[np.ones(n + m), np.full(q, np.inf)])
        row, column = np.nonzero(wanted.cover)
        start = np.r_[0, np.cumsum(np.bincount(row, minlength=m) + 1)]
        index = np.empty(start[-1], np.int64)
        own = np.zeros(start[-1], bool)
        own[start[1:] - 1] = True
        index[own], index[~own] = n + np.arange(m), column
        self._program.add_rows(np.array([-float(wanted.sites)]), np.array([0, n]), np.arange(n), -np.ones(n))
        self._program.add_rows(np.ones(m), start, index, np.ones(start[-1]))
        self._n, self._m, self._rules = n, m, rules
        if q:
            add_rules(self._program, rules, n + m)

    def solve(self, opened: Mask, closed: Mask, deadline: float) -> tuple[Floats, Whole, Whole] | None:
        """Solve it: x (n,), whole prices (rows,) and tolls (q,); None where the time ran out."""
        self._program.bound_columns(opened.astype(np.float64), (~closed).astype(np.float64))
        found = self._program.solve(deadline)
        if found is None or time.monotonic() >= deadline:
            return None
        price, toll = np.split(np.maximum(found.dual[1:], 0.0), [self._m])
        unit = _UNIT * _FINE if len(toll) else _UNIT
        return (
            found.value[: self._n],
            np.rint(price * unit).astype(np.int64),
            whole_tolls(self._rules, toll, unit),
        )


def add_rules(program: Linear, rules: SiteLimits, first: int) -> None:
    """Add rules in whole numbers: ``side @ x - broken <= limit``; ``broken`` are columns from ``first``."""
    side, limit = rules.whole
    size = np.diff(side.indptr)
    start = np.r_[0, np.cumsum(size + 1)]
    own = np.zeros(start[-1], bool)
    own[start[1:] - 1] = True
    index, value = np.empty(start[-1], np.int64), np.empty(start[-1])
    index[own], index[~own] = first + np.arange(len(size)), side.indices
    unit = np.ones(len(size))
    np.maximum.at(unit, np.repeat(np.arange(len(size)), size), np.abs(side.data))
    value[own], value[~own] = unit, -side.data
    program.add_rows(-limit.astype(np.float64), start, index, value)


def whole_tolls(rules: SiteLimits, toll: Floats, unit: int) -> Whole:
    """Round the duals of rules to parts of ``unit``, so small that sums of them stay whole numbers."""
    if not len(toll):
        return np.empty(0, np.int64)
    found = np.rint(np.maximum(toll, 0.0) * unit)
    most = _MOST / 4.0 / (len(toll) * sizes(rules))
    return np.asarray(np.minimum(found, most), np.int64)


def sizes(rules: SiteLimits) -> Floats:
    """Give how large the sum of a rule's whole numbers can be (q,)."""
    side, limit = rules.whole
    return np.asarray(np.abs(side).sum(axis=1) + np.abs(limit) + 1, np.float64)


def _greedy(wanted: Wanted, opened: Mask, closed: Mask, fraction: Floats) -> Mask | None:
    """Open the columns that reach most, those of the relaxation first; None where they are too few."""
    start, opened, cover, rules = opened, opened.copy(), wanted.cover, wanted.rules
    left = ~cover[:, opened].any(axis=1)
    count = left.astype(np.float64) @ cover
    while left.any():
        if opened.sum() >= wanted.sites:
            return None
        out = closed | opened if not len(rules) else closed | opened | rules.full(opened)
        best = int(np.argmax(np.where(out, -1.0, count * (0.05 + fraction))))
        if out[best] or not count[best]:
            return None
        opened[best] = True
        new = left & cover[:, best]
        count -= new.astype(np.float64) @ cover
        left &= ~new
    if len(rules) and not rules.allows(opened):
        opened = rules.repair(opened, wanted.sites, fraction + 0.01 * cover.sum(axis=0) / (1 + len(cover)))
        if not wanted.holds(opened) or (opened & closed).any() or (start & ~opened).any():
            return None
    return opened if opened.sum() <= wanted.sites else None


def tree_holds(wanted: Wanted, tree: Tree, position: Positions) -> bool:
    """Check a proof step by step, in whole numbers and without a solver."""
    n = wanted.cover.shape[1]
    waiting, seen = [(0, np.zeros(n, bool), np.zeros(n, bool))], set()
    while waiting:
        number, opened, closed = waiting.pop()
        if number in seen or not 0 <= number < len(tree.steps):
            return False
        seen.add(number)
        step = tree.steps[number]
        if not _are_prices(wanted, step):
            return False
        over, opened, closed = prices_exclude(wanted, step.price, opened, closed, step.toll)
        if over or ((opened | closed).all() and not wanted.holds(opened)):
            continue
        split = position == step.column
        if len(step.following) != 2 or not split.any():
            return False
        if not (split & closed).any():
            waiting.append((step.following[0], opened | split, closed))
        if not (split & opened).any():
            waiting.append((step.following[1], opened, closed | split))
    return True


def _are_prices(wanted: Wanted, step: Branch) -> bool:
    """Tell whether a step has a price >= 0 for every row and none or one for every rule, none too large."""
    if step.price.shape != (len(wanted.cover),) or (step.price < 0).any() or (step.toll < 0).any():
        return False
    if not step.price.astype(np.float64).sum() < _MOST / 4.0:
        return False
    return tolls_fit(wanted.rules, step.toll)


def tolls_fit(rules: SiteLimits, toll: Whole) -> bool:
    """Tell whether there is no toll, or one for every rule, and none too large."""
    if not len(toll):
        return True
    return toll.shape == (len(rules),) and bool((toll.astype(np.float64) @ sizes(rules)) < _MOST / 2.0)


def on_kept(wanted: Wanted, position: Positions, replaceable: Mask | None = None) -> tuple[Wanted, Positions]:
    """Leave out columns that another replaces."""
    kept = kept_columns(wanted.cover, replaceable)
    limits = wanted.limits
    if limits is not None:
        limits = limits.restrict(np.zeros(len(kept), bool), ~kept)
    return replace(wanted, cover=wanted.cover[:, kept], limits=limits), position[kept]
