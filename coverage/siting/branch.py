"""The exact search of maximal and set covering: bounds, fixing of columns, branch and bound."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from .bounds import cover_bound, lagrangian_bound
from .certificate import Record
from .greedy import KICKS, complete_cover, even_prices, rounded, search, value
from .reduce import Floats, Instance, Mask, Positions, restrict
from .solve import Linear, Master, SetCover

Shares = NDArray[np.float32]
Progress = Callable[[float, float, float, float], object]
"""Called with incumbent, bound, gap (share) and seconds since the start."""

_RELATIVE_STEP = 5e-7
"""With fractional weights, plans better by less than this share are not looked for."""

_TAIL_ROUNDS = 3
_TAIL_SHARE = 0.05
"""A node's cuts stop once ``_TAIL_ROUNDS`` close less than this share of its distance to the incumbent."""

_OFFER_ROUNDS = 5
"""At the root, every so many rounds of cuts a plan is made of the relaxation's solution."""

_FIXED_SHARE = 0.1
"""While this share of the columns gets fixed, the instance is reduced and its relaxation solved again."""

_PROBED = 8
"""Columns whose branches are tried by a few simplex iterations, until each was tried once."""

_NODE_KICKS = 20
"""Shakes of a plan made of a relaxation's solution."""

_ROOT_PURGE = 4
_PURGE_NODES = 3
"""Slack cuts go every so many rounds of the root, and every so many nodes: small programs are fast."""

_SEARCH_NODES = 10
"""The first nodes and every so many suggest a plan."""


@dataclass
class Incumbent:
    """The best plan so far and the bound on all plans; the one mutable object of a search."""

    integral: bool
    """All weights are whole numbers, so plans differ by at least 1."""
    slack: float
    """What the rounding of sums may hide where all weights are whole, well below 1."""
    deadline: float
    """On the clock ``time.monotonic``."""
    covered: float = -np.inf
    bound: float = np.inf
    dropped: bool = False
    """Plans below the threshold were dropped from the search."""
    plan: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    nodes: int = 0
    gap: float = 0.0
    """The search may stop at this gap."""
    progress: Progress | None = None
    started: float = field(default_factory=time.monotonic)
    n_candidates: int = 0
    """Length of the masks in the records; as many as the largest position needs where it is 0."""
    records: list[Record] = field(default_factory=list)
    layers: list[Instance] = field(default_factory=list)

    @property
    def threshold(self) -> float:
        """A bound below this says that no plan better than the incumbent, by what matters, exists."""
        return self.covered + (1.0 - self.slack if self.integral else _RELATIVE_STEP * abs(self.covered))

    @property
    def done(self) -> bool:
        """True where the bound proves the plan well enough, or time is up."""
        close = self.bound - self.covered <= self.gap * abs(self.bound)
        return self.bound < self.threshold or close or time.monotonic() >= self.deadline

    def take(self, covered: float, plan: Positions) -> None:
        """Take a plan where it is better; the plan first, so that an interruption leaves a valid state."""
        if covered > self.covered:
            self.plan = plan
            self.covered = covered
            self._tell()

    def lower(self, bound: float) -> None:
        """Take a bound on the plans that were not dropped, where it is lower.

        Dropped plans lie below the threshold: with whole weights, they are no better than the incumbent.
        """
        rest = self.threshold if self.dropped and not self.integral else self.covered
        bound = max(np.floor(bound + self.slack) if self.integral else bound, rest)
        if bound < self.bound:
            self.bound = bound
            self._tell()

    def _tell(self) -> None:
        if self.progress is not None and np.isfinite(self.covered) and np.isfinite(self.bound):
            gap = (self.bound - self.covered) / max(abs(self.bound), abs(self.covered), 1e-300)
            self.progress(self.covered, self.bound, gap, time.monotonic() - self.started)

    def layer(self, instance: Instance) -> int:
        """Number of a reduced instance among those that the records name."""
        if not self.layers or self.layers[-1] is not instance:
            self.layers.append(instance)
        return len(self.layers) - 1


@dataclass(frozen=True)
class Node:
    """A part of the plans, those with some columns opened and others closed, and what is known of it."""

    bound: float
    """Certified upper bound on its plans, base included."""
    opened: Mask
    closed: Mask
    fraction: Floats
    """(n,) the opening of each column in the relaxation."""
    record: int = -1
    """Record of this node, or where it has none yet of its parent."""
    column: int = -1
    on: bool = False
    """The column on which its parent was split; -1 once it has its own record."""


@dataclass(frozen=True)
class Model:
    """What the search needs to know of a covering model; it wants the plan of the largest value."""

    relaxation: Callable[[Instance], Linear]
    bound: Callable[[Instance, Floats, Mask, Mask], tuple[float, Floats, Floats]]
    """As `lagrangian_bound`."""
    complete: Callable[[Instance, Mask, int], Mask]
    """Make a plan that holds some columns, or better ones, with so many shakes."""
    value: Callable[[Instance, Mask], float]
    first: Callable[[Instance], Floats]
    """Multipliers at hand, as shares, before any relaxation is solved."""
    weighted: bool
    """A multiplier of 1 stands for the weight of its class."""


MAXIMAL = Model(
    relaxation=Master,
    bound=lagrangian_bound,
    complete=lambda instance, start, kicks: search(instance, start, kicks=kicks),
    value=value,
    first=lambda instance: np.ones(instance.n_rows),
    weighted=True,
)
FEWEST = Model(
    relaxation=SetCover,
    bound=cover_bound,
    complete=complete_cover,
    value=lambda instance, opened: instance.budget - float(instance.cost[opened].sum()),
    first=even_prices,
    weighted=False,
)


def find_best(
    instance: Instance, incumbent: Incumbent, model: Model = MAXIMAL, parent: int = -1, *, kicks: int = KICKS
) -> None:
    """Search all plans: improve ``incumbent`` and its bound until they meet or time is up."""
    tree = _Tree(instance, incumbent, model)
    nothing = np.zeros(instance.n_columns, bool)
    root = Node(np.inf, nothing, nothing, nothing.astype(np.float64), parent)
    tree.offer(model.complete(instance, nothing, 0))
    root = tree.settle(root, model.first(instance))
    incumbent.lower(root.bound)
    if model is MAXIMAL:
        incumbent.lower(instance.base + float(instance.weight.sum()))
    if incumbent.done or root.bound < incumbent.threshold or not instance.n_rows:
        return
    tree.offer(model.complete(instance, nothing, kicks))
    if incumbent.done:
        return
    root = tree.relax(root, root=True)
    incumbent.lower(root.bound)
    if incumbent.done or root.bound < incumbent.threshold:
        return
    incumbent.dropped = True
    if (root.opened | root.closed).sum() < _FIXED_SHARE * instance.n_columns:
        tree.branch(root)
    else:
        rest = restrict(instance, opened=root.opened, closed=root.closed)
        find_best(rest, incumbent, model, root.record, kicks=kicks // 4)


class _Tree:
    """The search of one reduced instance, best bound first: its relaxation and what the branches taught."""

    def __init__(self, instance: Instance, incumbent: Incumbent, model: Model) -> None:
        self.instance, self.incumbent, self.model = instance, incumbent, model
        self._linear: Linear | None = None
        self._loss = np.zeros((2, instance.n_columns))
        self._tried = np.zeros((2, instance.n_columns))

    @property
    def linear(self) -> Linear:
        """The relaxation, made when it is first needed."""
        if self._linear is None:
            self._linear = self.model.relaxation(self.instance)
        return self._linear

    def offer(self, opened: Mask) -> None:
        """Take a plan where it is better."""
        chosen = np.sort(np.r_[self.instance.chosen, self.instance.position[opened]])
        self.incumbent.take(self.model.value(self.instance, opened), chosen)

    def settle(self, node: Node, share: Floats) -> Node:
        """Bound a node by multipliers, fix what that bound fixes, and keep both for the certificate."""
        instance, incumbent = self.instance, self.incumbent
        kept = np.clip(share, 0.0, 1.0 if self.model.weighted else None).astype(np.float32)
        multiplier = kept * instance.weight if self.model.weighted else kept.astype(np.float64)
        bound, if_opened, if_closed = self.model.bound(instance, multiplier, node.opened, node.closed)
        closed = node.closed | (~node.opened & (if_opened < incumbent.threshold))
        opened = node.opened | (~closed & (if_closed < incumbent.threshold))
        if (opened & ~node.opened).any() or (closed & ~node.closed).any():
            after = self.model.bound(instance, multiplier, opened, closed)[0]
            if after < incumbent.threshold:
                incumbent.dropped, bound = True, after
        record = len(incumbent.records)
        incumbent.records.append(self._record(node, kept))
        return Node(min(bound, node.bound), opened, closed, node.fraction, record)

    def _record(self, node: Node, share: Shares) -> Record:
        """Describe a node as it was reached, by candidates."""
        instance, incumbent = self.instance, self.incumbent
        n = incumbent.n_candidates or int(np.max(np.r_[instance.position, instance.chosen], initial=-1)) + 1
        opened, closed = np.zeros(n, bool), np.ones(n, bool)
        closed[instance.position] = node.closed
        opened[instance.position] = node.opened
        opened[instance.chosen], closed[instance.chosen] = True, False
        column = -1 if node.column < 0 else int(instance.position[node.column])
        return Record(node.record, column, node.on, incumbent.layer(instance), opened, closed, share)

    def relax(self, node: Node, *, root: bool) -> Node:
        """Solve the relaxation of a node by cuts, offer the plan it suggests, and bound the node.

        At the root the cuts are taken halfway between the solution and the best point inside (in-out
        stabilisation, Ben-Ameur and Neto 2007), and until the relaxation is solved; below, until they tail
        off.
        """
        instance, linear, incumbent = self.instance, self.linear, self.incumbent
        first = self.model.first(instance)
        if self.model.bound(instance, first, node.opened, node.closed)[0] == -np.inf:
            return self.settle(node, first)
        linear.bound_columns(node.opened, node.closed)
        inside = np.isin(instance.position, incumbent.plan).astype(np.float64) if root else None
        bounds, best, fraction = [node.bound], first, node.fraction
        try:
            while (solution := linear.solve(incumbent.deadline)) is not None:
                fraction, share = solution[0], linear.multipliers()
                multiplier = share * instance.weight if self.model.weighted else share
                bound = self.model.bound(instance, multiplier, node.opened, node.closed)[0]
                if bound < bounds[-1] or len(bounds) == 1:
                    best = share
                bounds.append(min(bound, bounds[-1]))
                if bounds[-1] < incumbent.threshold or (not root and self._tails_off(bounds, fraction)):
                    break
                if root:
                    incumbent.lower(bounds[-1])
                    if incumbent.done:
                        break
                    if len(bounds) % _OFFER_ROUNDS == 0:
                        self.offer(self.model.complete(instance, rounded(instance, fraction), 0))
                if root and len(bounds) % _ROOT_PURGE == 0:
                    linear.purge()
                inside = _nearer(linear, inside, fraction)
                if not _cut(linear, inside, *solution):
                    break
        except KeyboardInterrupt:
            self.settle(node, best)  # what was told of the bound is in the certificate
            raise
        if root or incumbent.nodes <= 2 * _SEARCH_NODES or incumbent.nodes % _SEARCH_NODES == 0:
            kicks = (KICKS if root else _NODE_KICKS) if bounds[-1] >= incumbent.threshold else 0
            self.offer(self.model.complete(instance, rounded(instance, fraction), kicks))
        return self.settle(replace(node, fraction=fraction), best)

    def branch(self, root: Node) -> None:
        """Branch and bound, best bound first."""
        incumbent, order = self.incumbent, count()
        heap = [(-root.bound, next(order), root)]
        self.linear.purge()
        while heap:
            incumbent.lower(-heap[0][0])
            if incumbent.done:
                return
            node = heapq.heappop(heap)[2]
            if node is not root:
                node = self.relax(node, root=False)
            incumbent.nodes += 1
            if node.bound < incumbent.threshold:
                continue
            for child in self._split(node):
                heapq.heappush(heap, (-child.bound, next(order), child))
            if incumbent.nodes % _PURGE_NODES == 0:
                self.linear.purge()
        incumbent.lower(incumbent.covered)

    def _split(self, node: Node) -> list[Node]:
        """Split a node at the free column that promises to lower both bounds most; none where none is."""
        free = np.flatnonzero(~(node.opened | node.closed))
        left = self.instance.budget - float(self.instance.cost[node.opened].sum())
        if not len(free):
            return []
        column = self._undecided(node, free)
        at = np.arange(self.instance.n_columns) == column
        children = [replace(node, closed=node.closed | at, column=column, on=False)]
        if self.instance.cost[column] <= left + 1e-9 * max(1.0, left):
            children.append(replace(node, opened=node.opened | at, column=column, on=True))
        return children

    def _undecided(self, node: Node, free: Positions) -> int:
        """Choose the column to split at by what its branches cost so far (pseudo-costs, tried at first).

        Achterberg, Koch and Martin 2005.
        """
        part = node.fraction[free]
        order = np.argsort(-np.minimum(part, 1.0 - part), kind="stable")[:_PROBED]
        columns, part = free[order], np.clip(part[order], 1e-6, 1.0 - 1e-6)
        new = columns[(self._tried[:, columns] == 0).any(axis=0)]
        if len(new) and (part > 1e-5).any():
            self.linear.bound_columns(node.opened, node.closed)
            most = max(0.0, node.bound - self.incumbent.covered)
            for column, costs in zip(new.tolist(), self.linear.probe(new.tolist()), strict=True):
                whole = np.clip(node.fraction[column], 1e-6, 1.0 - 1e-6)
                self._loss[:, column] += np.minimum(costs, most) / (whole, 1.0 - whole)
                self._tried[:, column] += 1
        mean = self._loss[:, columns] / np.maximum(self._tried[:, columns], 1)
        score = np.maximum(mean[0] * part, 1e-3) * np.maximum(mean[1] * (1.0 - part), 1e-3)
        return int(columns[int(np.argmax(score))])

    def _tails_off(self, bounds: list[float], fraction: Floats) -> bool:
        """Tell whether further cuts promise little; never at a plan (there a cut makes it exact)."""
        whole = ((fraction < 1e-6) | (fraction > 1.0 - 1e-6)).all()
        if whole or len(bounds) <= _TAIL_ROUNDS + 1:
            return False
        return bounds[-1 - _TAIL_ROUNDS] - bounds[-1] < _TAIL_SHARE * (bounds[-1] - self.incumbent.covered)


def _cut(linear: Linear, inside: Floats | None, fraction: Floats, cover: Floats) -> int:
    """Add cuts between the point inside and the solution, or else at the solution; returns how many."""
    if inside is not None:
        added = linear.add_cuts((inside + fraction) / 2.0, fraction, cover)
        if added:
            return added
    return linear.add_cuts(fraction, fraction, cover)


def _nearer(linear: Linear, inside: Floats | None, fraction: Floats) -> Floats | None:
    """Move the point inside to where the relaxation covers more: halfway, or all the way to the solution."""
    if inside is None:
        return None
    points = (inside, (inside + fraction) / 2.0, fraction)
    return points[int(np.argmax([linear.cover(point) for point in points]))]
