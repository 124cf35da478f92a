"""The exact search for maximal covering: certified bounds, fixing of columns, branch and bound."""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from .greedy import search, value
from .reduce import Floats, Instance, Mask, Positions, restrict
from .solve import Master

_RELATIVE_STEP = 5e-7
"""With fractional weights, plans better by less than this share are not looked for."""

_TAIL_ROUNDS = 3
_TAIL_SHARE = 0.05
"""A node's cuts stop once ``_TAIL_ROUNDS`` close less than this share of its distance to the incumbent."""

_OFFER_ROUNDS = 5
"""At the root, every so many rounds of cuts a plan is made of the relaxation's solution."""

_FIXED_SHARE = 0.1
"""While this share of the columns gets fixed, the instance is reduced and its relaxation solved again."""


@dataclass
class Incumbent:
    """The best plan so far and the bound on all plans; the one mutable object of a search."""

    integral: bool
    """All weights are whole numbers, so plans differ by at least 1."""
    slack: float
    """What the rounding of sums may hide where all weights are whole, well below 1."""
    deadline: float
    """On the clock ``time.monotonic``."""
    covered: float = -1.0
    bound: float = np.inf
    dropped: bool = False
    """Plans below the threshold were dropped from the search."""
    plan: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    nodes: int = 0

    @property
    def threshold(self) -> float:
        """A bound below this says that no plan better than the incumbent, by what matters, exists."""
        return self.covered + (1.0 - self.slack if self.integral else _RELATIVE_STEP * self.covered)

    @property
    def done(self) -> bool:
        """True where the bound proves the plan, or time is up."""
        return self.bound < self.threshold or time.monotonic() >= self.deadline

    def offer(self, instance: Instance, opened: Mask) -> None:
        """Take a plan where it is better."""
        covered = value(instance, opened)
        if covered > self.covered:
            self.covered, self.plan = covered, np.sort(np.r_[instance.chosen, instance.position[opened]])

    def lower(self, bound: float) -> None:
        """Take a bound on the plans that were not dropped, where it is lower.

        Dropped plans lie below the threshold: with whole weights, they are no better than the incumbent.
        """
        rest = self.threshold if self.dropped and not self.integral else self.covered
        self.bound = min(self.bound, max(bound, rest))


@dataclass(frozen=True)
class Node:
    """A part of the plans, those with some columns opened and others closed, and what is known of it."""

    bound: float
    """Certified upper bound on its plans, base included."""
    opened: Mask
    closed: Mask
    fraction: Floats
    """(n,) the opening of each column in the relaxation."""


def lagrangian_bound(
    instance: Instance, multiplier: Floats, opened: Mask, closed: Mask
) -> tuple[float, Floats, Floats]:
    """Bound every plan with some columns opened and others closed, by arithmetic alone.

    With multipliers ``0 <= u_r <= w_r`` on ``z_r <= sum_j a_rj x_j``, no plan covers more than
    ``sum_r (w_r - u_r)`` plus the worths ``sum_r a_rj u_r`` of the opened columns and the largest worths of
    the others, as many as may still be opened: whatever the multipliers (Galvão and ReVelle 1996).

    Returns
    -------
    bound, if_opened, if_closed
        The bound, and the (n,) bounds on the plans in which one more column is opened, or closed.
    """
    multiplier = np.clip(multiplier, 0.0, instance.weight)
    worth = instance.columns @ multiplier
    ranked = np.sort(worth[~(opened | closed)])[::-1]
    left = instance.sites - int(opened.sum())
    bound = float(
        instance.base + (instance.weight - multiplier).sum() + worth[opened].sum() + ranked[:left].sum()
    )
    following = ranked[left] if left < len(ranked) else 0.0
    last = np.inf if left == 0 else ranked[left - 1] if left <= len(ranked) else 0.0
    return bound, bound + np.minimum(worth - last, 0.0), bound - np.maximum(worth - following, 0.0)


def find_best(instance: Instance, incumbent: Incumbent) -> None:
    """Search all plans: improve ``incumbent`` and its bound until they meet or time is up."""
    nothing = np.zeros(instance.n_columns, bool)
    incumbent.offer(instance, nothing)
    if not instance.n_rows or not instance.sites:
        incumbent.lower(incumbent.covered)
        return
    incumbent.offer(instance, search(instance))
    incumbent.lower(instance.base + float(instance.weight.sum()))
    incumbent.lower(lagrangian_bound(instance, instance.weight, nothing, nothing)[0])
    if incumbent.done:
        return
    master = Master(instance)
    root = relax(
        master, incumbent, Node(incumbent.bound, nothing, nothing, nothing.astype(np.float64)), root=True
    )
    incumbent.lower(root.bound)
    if incumbent.done:
        return
    incumbent.dropped = True
    if (root.opened | root.closed).sum() < _FIXED_SHARE * instance.n_columns:
        _branch(master, incumbent, root)
    else:
        find_best(restrict(instance, opened=root.opened, closed=root.closed), incumbent)


def _branch(master: Master, incumbent: Incumbent, root: Node) -> None:
    """Branch and bound, best bound first."""
    order = count()
    heap = [(-root.bound, next(order), root)]
    while heap:
        incumbent.lower(-heap[0][0])
        if incumbent.done:
            return
        node = relax(master, incumbent, heapq.heappop(heap)[2], root=False)
        incumbent.nodes += 1
        if incumbent.nodes % 5 == 0:
            master.purge()
        if node.bound >= incumbent.threshold:
            for child in _split(node, master.instance.sites):
                heapq.heappush(heap, (-child.bound, next(order), child))
    incumbent.lower(incumbent.covered)


def _split(node: Node, sites: int) -> list[Node]:
    """Split a node at the free column whose opening is least decided; none where nothing is free."""
    free = np.flatnonzero(~(node.opened | node.closed))
    if not len(free):
        return []
    undecided = np.minimum(node.fraction[free], 1.0 - node.fraction[free])
    column = np.arange(len(node.fraction)) == free[int(np.argmax(undecided))]
    children = [Node(node.bound, node.opened, node.closed | column, node.fraction)]
    if node.opened.sum() < sites:
        children.append(Node(node.bound, node.opened | column, node.closed, node.fraction))
    return children


def relax(master: Master, incumbent: Incumbent, node: Node, *, root: bool) -> Node:
    """Solve the relaxation of a node by cuts, offer the plan it suggests, and fix what its bound fixes.

    At the root the cuts are taken halfway between the solution and the best point inside (in-out
    stabilisation, Ben-Ameur and Neto 2007), and until the relaxation is solved; below, until they tail off.
    """
    instance = master.instance
    master.bound_columns(node.opened, node.closed)
    inside = np.isin(instance.position, incumbent.plan).astype(np.float64) if root else None
    bounds = [node.bound]
    opened, closed, fraction = node.opened, node.closed, node.fraction
    while (solution := master.solve(incumbent.deadline)) is not None:
        fraction, cover = solution
        bound, if_opened, if_closed = lagrangian_bound(
            instance, master.multipliers(), node.opened, node.closed
        )
        bounds.append(min(bound, bounds[-1]))
        closed = closed | (~opened & (if_opened < incumbent.threshold))
        opened = opened | (~closed & (if_closed < incumbent.threshold))
        if opened.sum() > instance.sites:
            bounds.append(incumbent.covered)
            incumbent.dropped = True
        if bounds[-1] < incumbent.threshold or (not root and _tails_off(bounds, fraction, incumbent)):
            break
        if root and len(bounds) % _OFFER_ROUNDS == 0:
            incumbent.offer(instance, search(instance, _rounded(fraction, instance.sites)))
        inside = _nearer(instance, inside, fraction)
        if not _cut(master, inside, fraction, cover):
            break
    incumbent.offer(instance, search(instance, _rounded(np.where(opened, 2.0, fraction), instance.sites)))
    return Node(bounds[-1], opened, closed, fraction)


def _cut(master: Master, inside: Floats | None, fraction: Floats, cover: Floats) -> int:
    """Add cuts between the point inside and the solution, or else at the solution; returns how many."""
    if inside is not None:
        added = master.add_cuts((inside + fraction) / 2.0, fraction, cover)
        if added:
            return added
    return master.add_cuts(fraction, fraction, cover)


def _nearer(instance: Instance, inside: Floats | None, fraction: Floats) -> Floats | None:
    """Move the point inside to where the relaxation covers more: halfway, or all the way to the solution."""
    if inside is None:
        return None
    points = (inside, (inside + fraction) / 2.0, fraction)
    covers = [float(instance.weight @ np.minimum(instance.rows @ point, 1.0)) for point in points]
    return points[int(np.argmax(covers))]


def _tails_off(bounds: list[float], fraction: Floats, incumbent: Incumbent) -> bool:
    """Tell whether further cuts promise little; never while the solution is a plan (a cut makes it exact)."""
    whole = ((fraction < 1e-6) | (fraction > 1.0 - 1e-6)).all()
    if whole or len(bounds) <= _TAIL_ROUNDS + 1:
        return False
    return bounds[-1 - _TAIL_ROUNDS] - bounds[-1] < _TAIL_SHARE * (bounds[-1] - incumbent.covered)


def _rounded(fraction: Floats, sites: int) -> Mask:
    """Open the columns with the largest fractions, at least 0.3."""
    first = np.argsort(-fraction, kind="stable")[:sites]
    opened = np.zeros(len(fraction), bool)
    opened[first[fraction[first] >= 0.3]] = True
    return opened
