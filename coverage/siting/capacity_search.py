"""The exact search of capacitated problems: cuts, prices, fixing of sites, branch and bound."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from .capacity_kernels import cut_slopes
from .capacity_master import Master
from .capacity_prices import lower_prices
from .capacity_problem import Prices, Problem, bound_of
from .capacity_start import Plans
from .program_state import Node
from .reduce import Floats, Mask, Positions

_RELATIVE_STEP = 5e-7
"""With fractional numbers, plans better by less than this share are not looked for."""
LEAST_STEP = 1e-12
"""Nor plans better by less than this, also where the objective is 0."""

_ROOT_TAIL, _ROOT_SHARE = 20, 0.01
_TAIL, _SHARE = 4, 0.05
"""Cuts stop once so many rounds close less than this share of the distance to the incumbent."""

_STEPS, _DESCENT = 300, 30
"""Subgradient steps at the root, and for a cut."""

_STARTING = 30
"""Prices of the root's steps that become cuts."""

_PURGE_ROUNDS = 4
_KICKS, _PART = 20, 1e-6
"""Shakes at the root of a plan, among the sites that the relaxation opens to more than this share."""

_NODE_EFFORT = 500
"""Plans valued by the local search of a node."""

_OFFERS, _ROUNDS = 10, 25
"""Every so many nodes, and rounds at the root, suggest a plan."""


@dataclass(frozen=True)
class Record:
    """What the search used of one node; `capacity_check.check_capacity` follows it."""

    parent: int
    """Record of the parent, earlier in the list; -1 at the root."""
    column: int
    """Site on which the parent was split; -1 at the root."""
    on: bool
    """The site is open here."""
    opened: Mask
    closed: Mask
    """(n,) sites fixed when the node was reached."""
    prices: Prices


@dataclass
class Best:
    """The best plan so far and the bound on all plans; the one mutable object of a search."""

    whole: bool
    deadline: float
    progress: Callable[[float, float], object] | None = None
    constant: float = 0.0
    """Value that an objective of 0 has: what is relative refers to ``value - constant``."""
    enough: float = math.inf
    """A plan worth so much ends the search."""
    value: float = -math.inf
    bound: float = math.inf
    plan: Mask | None = None
    dropped: bool = False
    """Plans below the threshold were dropped from the search."""
    nodes: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def slack(self) -> float:
        """What the rounding of sums may hide."""
        return max(1e-6, 1e-11 * abs(self.value)) if math.isfinite(self.value) else 1e-6

    @property
    def threshold(self) -> float:
        """A bound below this says that no better plan, by what matters, exists."""
        if self.value == -math.inf:
            return -math.inf
        if self.whole:
            return self.value + 1.0 - self.slack
        return self.value + _RELATIVE_STEP * abs(self.value - self.constant) + LEAST_STEP

    @property
    def done(self) -> bool:
        """True where the bound proves the plan, the plan is good enough, or time is up."""
        late = time.monotonic() >= self.deadline
        return self.bound < self.threshold or self.value >= self.enough or late

    def take(self, value: float, plan: Mask) -> None:
        """Take a plan where it is better."""
        if value > self.value:
            self.plan, self.value = plan.copy(), value
            self._tell()

    def lower(self, bound: float) -> None:
        """Take a bound on the plans that were not dropped, where it is lower."""
        rest = self.threshold if self.dropped and not self.whole else self.value
        bound = max(math.floor(bound + self.slack) if self.whole and math.isfinite(bound) else bound, rest)
        if bound < self.bound:
            self.bound = bound
            self._tell()

    def _tell(self) -> None:
        if self.progress is not None and math.isfinite(self.value) and math.isfinite(self.bound):
            self.progress(self.value, self.bound)


def find_best(problem: Problem, plans: Plans, best: Best) -> None:
    """Search all plans until the bound proves the best one, or time is up; ``best`` may hold one already."""
    tree = _Tree(problem, plans, best)
    nothing = np.zeros(problem.n_sites)
    root = Node(math.inf, problem.forced.copy(), problem.forbidden.copy(), nothing)
    root = tree.settle(root, tree.first_prices())
    best.lower(root.bound)
    start = problem.forced if best.plan is None else best.plan
    tree.offer(start)
    tree.offer(plans.improve(start))
    if best.done or root.bound < best.threshold:
        return
    while True:
        before = best.value
        root = tree.relax(root, root=True)
        best.lower(root.bound)
        if best.done or root.bound < best.threshold:
            return
        some = (root.fraction > _PART) | (False if best.plan is None else best.plan)
        for plan in (plans.rounded(root.fraction), best.plan):
            if plan is not None:
                tree.offer(plans.improve(plan, _KICKS, among=some))
        if best.value <= before or best.done:
            break
    tree.branch(root)


class _Tree:
    """The nodes of a search, best bound first, with one linear program that they share."""

    def __init__(self, problem: Problem, plans: Plans, best: Best) -> None:
        self.problem, self.plans, self.best = problem, plans, best
        self._loss = np.zeros((2, problem.n_sites))
        self._tried = np.zeros((2, problem.n_sites))
        self._master: Master | None = None
        self._inside: tuple[float, Floats] | None = None
        self._left = -math.inf
        """Bound of what was decided but not proven, for rounding."""

    @property
    def master(self) -> Master:
        """The linear program, made when it is first needed."""
        if self._master is None:
            unit = self.problem.residents if self.problem.cover else abs(self.best.value)
            self._master = Master(self.problem, unit if math.isfinite(unit) and unit > 0.0 else 1.0)
        return self._master

    def first_prices(self) -> Prices:
        """Give prices at hand, before any relaxation is solved."""
        arcs, side = self.problem.arcs, np.zeros(len(self.problem.limit))
        if self.problem.cover:
            return Prices(np.zeros(len(arcs.weight)), side)
        highest = np.full(len(arcs.weight), -np.inf if self.problem.everybody else 0.0)
        row = np.repeat(np.arange(len(arcs.weight)), np.diff(arcs.row_start))
        np.maximum.at(highest, row, arcs.gain[arcs.row_pair])
        return Prices(highest, side)

    def offer(self, opened: Mask) -> None:
        """Take a plan where it is allowed, serves all who must be, and is better."""
        if self.problem.allows(opened):
            division = self.plans.divide(opened)
            if self.plans.is_complete(division):
                self.best.take(division.value, opened)

    def settle(self, node: Node, prices: Prices) -> Node:
        """Bound a node, fix what that bound fixes, and keep the prices for the certificate."""
        problem, best = self.problem, self.best
        known = bound_of(problem, prices, node.opened, node.closed)
        closed = node.closed | (~node.opened & (known.if_opened < best.threshold))
        opened = node.opened | (~closed & (known.if_closed < best.threshold))
        value = known.value
        if (opened != node.opened).any() or (closed != node.closed).any():
            best.dropped = True
            after = bound_of(problem, prices, opened, closed).value
            value = min(value, after) if after < best.threshold else value
        record = Record(node.record, node.column, node.on, node.opened.copy(), node.closed.copy(), prices)
        best.records.append(record)
        return Node(min(value, node.bound), opened, closed, node.fraction, len(best.records) - 1)

    def relax(self, node: Node, *, root: bool) -> Node:
        """Solve the relaxation of a node by cuts until they tail off, and bound the node."""
        if (node.opened | node.closed).all():
            return self._leaf(node)
        best, master = self.best, self.master
        kept = self._begin(node) if root else self._inherited(node)
        master.bound_sites(node.opened, node.closed)
        bounds, fraction = [self._bound(node, kept, node.bound)], None
        try:
            while bounds[-1] >= best.threshold and (found := master.solve(best.deadline)) is not None:
                fraction, prices = found[0], master.prices()
                bounds.append(self._bound(node, prices, bounds[-1]))
                kept = prices if bounds[-1] < bounds[-2] else kept
                if root:
                    best.lower(bounds[-1])
                    if len(bounds) % _ROUNDS == 0:
                        self._round(fraction)
                if best.done or self._tails_off(bounds, fraction, root=root):
                    break
                if len(bounds) % _PURGE_ROUNDS == 0:
                    master.purge()
                if not self._cut(node, found, kept, root=root):
                    break
        except KeyboardInterrupt:
            self.settle(node, kept)  # what was told of the bound is in the certificate
            raise
        node = node if fraction is None else replace(node, fraction=fraction)
        if not root and best.nodes % _OFFERS == 0 and bounds[-1] >= best.threshold:
            self._round(node.fraction)
        return self.settle(node, kept)

    def _round(self, fraction: Floats) -> None:
        """Offer a plan made of a solution of the relaxation, of the sites that it opens."""
        some = fraction > _PART
        some = some if self.best.plan is None else some | self.best.plan
        start = self.plans.rounded(fraction)
        self.offer(self.plans.improve(start, effort=_NODE_EFFORT, among=some))

    def _bound(self, node: Node, prices: Prices, known: float) -> float:
        return min(known, bound_of(self.problem, prices, node.opened, node.closed).value)

    def _inherited(self, node: Node) -> Prices:
        return self.best.records[node.record].prices

    def _begin(self, node: Node) -> Prices:
        """Put the first cuts into the linear program; the best prices of the root."""
        prices = self._inherited(node)
        if self._inside is None and self.best.plan is not None:
            self._inside = (-math.inf, self.best.plan.astype(np.float64))
        if self.problem.cover or self.master.has_cuts:
            return prices
        start = prices.row
        if self.best.plan is not None:
            start = self.plans.divide(self.best.plan).price
            self.master.add_prices(start)
        fixed = (node.opened, node.closed)
        least = 1.05 * float(prices.row @ self.problem.arcs.weight)
        target = self.best.value if math.isfinite(self.best.value) else least
        found = lower_prices(self.problem, start, target, steps=_STEPS, fixed=fixed)
        for _, row in [(0.0, prices.row), *found[-_STARTING:]]:
            self.master.add_prices(row)
        return Prices(found[-1][1], prices.side)

    def _leaf(self, node: Node) -> Node:
        """Bound a node whose sites are all decided by the division of the residents itself."""
        division = self.plans.divide(node.opened)
        self.offer(node.opened)
        row, side = division.price, np.zeros(len(self.problem.limit))
        if not self.plans.is_complete(division):
            inside = self.plans.short(node.opened)
            _, slope = cut_slopes(self.problem.arcs, inside, np.zeros(len(inside), np.int64), 1)
            held = float(slope[0][node.opened].sum())
            value = bound_of(self.problem, Prices(row, side), node.opened, node.closed).value
            missing = float(self.problem.arcs.weight[inside].sum()) - held
            if math.isfinite(value) and missing > 0.0:  # they cost so much that the bound is low enough
                known = abs(self.best.value) if math.isfinite(self.best.value) else 0.0
                row = row - inside * (2.0 * (abs(value) + known + 1.0) / missing)
        return self.settle(node, Prices(row, side))

    def _cut(self, node: Node, found: tuple[Floats, float], kept: Prices, *, root: bool) -> bool:
        """Add cuts that the solution of the linear program violates; false where none is found."""
        x, value = found
        if self.problem.cover:
            return self._cut_flows(x, root=root)
        whole = x > 0.5
        if (np.abs(x - whole) < 1e-6).all():
            self.offer(whole)
            division = self.plans.divide(whole)
            if self.plans.is_complete(division):
                return self.master.add_prices(division.price)
            return self.master.add_demand(self.plans.short(whole))
        known = self.best.value if math.isfinite(self.best.value) else value - 0.02 * abs(value)
        target = value - 0.5 * max(0.0, value - known)
        fixed = (node.opened, node.closed)
        rows = lower_prices(self.problem, kept.row, target, steps=_DESCENT, fixed=fixed, at=x)
        added = self.master.add_prices(rows[-1][1])
        if self.problem.everybody and self.plans.is_short(x):
            added = self.master.add_demand(self.plans.short(x)) or added
        return added

    def _cut_flows(self, x: Floats, *, root: bool) -> bool:
        """Cut between the point inside and the solution (Ben-Ameur and Neto 2007), or at the solution."""
        if root and self._inside is not None:
            middle = (self._inside[1] + x) / 2.0
            added, served = self.master.add_flows(middle)
            if served > self._inside[0]:
                self._inside = (served, middle)
            if added:
                return True
        return bool(self.master.add_flows(x)[0])

    def _tails_off(self, bounds: list[float], fraction: Floats, *, root: bool) -> bool:
        """Tell whether further cuts promise little; never at a plan (there a cut makes it exact)."""
        rounds, share = (_ROOT_TAIL, _ROOT_SHARE) if root else (_TAIL, _SHARE)
        if len(bounds) <= rounds + 1 or (np.abs(fraction - np.rint(fraction)) < 1e-6).all():
            return False
        return bounds[-1 - rounds] - bounds[-1] < share * (bounds[-1] - self.best.value)

    def branch(self, root: Node) -> None:
        """Branch and bound, best bound first."""
        best, order = self.best, count()
        heap = [(-root.bound, next(order), root)]
        while heap:
            best.lower(max(-heap[0][0], self._left))
            if best.done:
                return
            node = heapq.heappop(heap)[2]
            if node is not root:
                before = node
                node = self.relax(node, root=False)
                self._learn(before, node)
            best.nodes += 1
            if node.bound >= best.threshold and (node.opened | node.closed).all():
                node = self._leaf(replace(node, column=-1))  # its own bound decided the last sites
            if node.bound < best.threshold or (best.plan is None and node.bound == -math.inf):
                best.dropped = True
                continue
            children = self._split(node)
            if not children:
                self._left = max(self._left, node.bound)
            for child in children:
                heapq.heappush(heap, (-child.bound, next(order), child))
        best.lower(max(best.value, self._left))

    def _learn(self, before: Node, after: Node) -> None:
        """Keep what a branch cost, for the choice of later ones (pseudo-costs)."""
        lost = before.bound - after.bound
        if math.isfinite(lost) and before.column >= 0:
            part = float(np.clip(before.fraction[before.column], 1e-6, 1.0 - 1e-6))
            self._loss[int(before.on), before.column] += lost / (1.0 - part if before.on else part)
            self._tried[int(before.on), before.column] += 1

    def _split(self, node: Node) -> list[Node]:
        """Split a node at a free site; none where all are decided."""
        free = np.flatnonzero(~(node.opened | node.closed))
        if not len(free):
            return []
        column = self._undecided(node, free)
        at = np.arange(self.problem.n_sites) == column
        return [
            replace(node, closed=node.closed | at, column=column, on=False),
            replace(node, opened=node.opened | at, column=column, on=True),
        ]

    def _undecided(self, node: Node, free: Positions) -> int:
        """Choose the site to split at by what its branches cost so far (Benichou et al. 1971)."""
        part = np.clip(node.fraction[free], 1e-6, 1.0 - 1e-6)
        tried = self._tried[:, free]
        some = self._tried.sum(axis=1)
        usual = self._loss.sum(axis=1) / np.maximum(some, 1.0)
        usual = np.where(some > 0, usual, 1.0)
        mean = np.where(tried > 0, self._loss[:, free] / np.maximum(tried, 1.0), usual[:, None])
        score = np.maximum(mean[0] * part, 1e-9) * np.maximum(mean[1] * (1.0 - part), 1e-9)
        return int(free[int(np.argmax(score))])
