"""The exact search of maximal and set covering: bounds, fixing of columns, branch and bound."""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, replace
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import program_state
from .certificate import Record
from .coarse import coarse_start
from .greedy import affordable_plans, new_pool
from .incumbent import Incumbent, Progress
from .kernels import Pool
from .reduce import Floats, Instance, Mask, Positions, restrict
from .saddle import Relaxation
from .search_model import FEWEST, MAXIMAL, Judged, Model
from .sifting import Sifting, far_columns

__all__ = ["FEWEST", "MAXIMAL", "Incumbent", "Model", "Node", "Progress", "find_best"]

Shares = NDArray[np.float32]

_FIXED_SHARE = 0.1
_MANY_FIXED = 0.3
"""Where this share of the columns gets fixed, at the root's end or before, the instance is reduced and the
search begins again."""

_PROBED = 8
"""Columns whose branches are tried by some steps, until each was tried once."""

_TOLD_SHARE = 0.1
"""At the root, bounds are recorded and told once they close this share of the gap."""

_ROOT_STEPS = 20_000
_NODE_STEPS = 600
_PROBE_STEPS = 30
"""Steps of the relaxation, at most, at the root, at other nodes, and of one trial branch."""

_LARGE = 1_000_000
"""Pairs from which steps are so dear that the relaxation begins at that of a sample, with a guess of the
primal weight."""

_STEPS_PER_LOOK, _MOST_AT_ONCE = 2.0, 60
"""A bound of all columns costs a pass over all pairs: with idle columns more steps are taken before each."""

_ROOT_LEFT, _LARGE_LEFT = 0.01, 0.05
_NODE_LEFT, _COVER_LEFT = 0.2, 0.5
"""A relaxation is solved well enough once at most this share of the gap is due to it; of instances with many
pairs more, and at nodes of set covering, where the gap is a site or two, and the value a rough one."""

_PLANS_AT_ONCE = 240, 2e8
_ROOT_PLANS = 400, 8e8
_TOLD_PLANS = 4, 2e6
_TOLD_PART = 0.3
_NODE_PLANS = 4, 2e7
"""Plans made of a relaxation's solution in one call, at the root's end, with each bound told there, and at
other nodes: at most, and visits of pairs that they may take, with bounds this part of the relaxation's."""

_SLIGHT = 0.02
_AT_LEAST = 3.0
"""Plans of large instances are made of the columns that are opened to this part and more, but of so many
times the number that are open in sum; without the others most classes are merged."""

_DEAR = 200_000
_HEART_PLANS, _HEART_NODE, _HEART_TOLD = (3000, 2.5e9), 240, (80, 1e8)
_STALE = 240
"""This is done with so many pairs: at the root's end, at other nodes, and with each bound told so many plans
are made then, and after so many that brought nothing better the plans that are mixed are given up."""

_FAR, _WORTH_IT = 0.5, 0.7
"""Plans are made without closed columns whose opening lowers the bound by more than this share of the gap,
once fewer than this share of those in use are left."""


@dataclass(frozen=True)
class Node(program_state.Node):
    """A part of the plans, as in any search, and how good the best plan was then."""

    covered: float = -np.inf
    """The value of the best plan when its columns were fixed."""


def find_best(
    instance: Instance, incumbent: Incumbent, model: Model = MAXIMAL, above: Above | None = None
) -> None:
    """Search all plans: improve ``incumbent`` and its bound until they meet or time is up."""
    tree = _Tree(instance, incumbent, model)
    nothing = np.zeros(instance.n_columns, bool)
    tree.offer(model.complete(instance, nothing, incumbent.deadline))
    parent = -1 if above is None else above.record
    root = tree.settle(
        Node(np.inf, nothing, nothing, np.zeros(instance.n_columns), parent), model.first(instance)
    )
    incumbent.lower(root.bound)
    if above is None and model.maximal:
        incumbent.lower(instance.base + float(instance.weight.sum()))
    if incumbent.done or root.bound < incumbent.threshold or not instance.n_rows:
        return
    root = tree.relax_root(root, above)
    if not incumbent.done and (root.opened | root.closed).mean() < _FIXED_SHARE:
        root = tree.plan_root(root)
    if incumbent.done or root.bound < incumbent.threshold:
        return
    if (root.opened | root.closed).sum() < _FIXED_SHARE * instance.n_columns:
        tree.branch(root)
    else:
        rest = restrict(instance, opened=root.opened, closed=root.closed)
        find_best(
            rest, incumbent, model, _above(instance, rest, root, incumbent, tree.relaxation.primal_weight)
        )


@dataclass(frozen=True)
class Above:
    """Where the search of a reduced instance begins: at the root of the instance before."""

    record: int
    fraction: Floats
    share: Floats
    primal_weight: float


def _above(before: Instance, after: Instance, root: Node, incumbent: Incumbent, weight: float) -> Above:
    """Take the root's solution over to the instance without the columns fixed there."""
    at = np.searchsorted(before.position, after.position)
    first = np.full(after.n_rows, -1, np.int64)
    rows = np.flatnonzero(after.origin >= 0)
    first[after.origin[rows]] = rows
    share = incumbent.records[root.record].share[before.origin[first]]
    return Above(root.record, root.fraction[at], share.astype(np.float64), weight)


class Heart(NamedTuple):
    """The columns that a fractional plan opens to more than a slight part, and the plans made of them."""

    instance: Instance
    pool: Pool


class _Tree:
    """The search of one reduced instance, best bound first: its relaxation and what the branches taught."""

    def __init__(self, instance: Instance, incumbent: Incumbent, model: Model) -> None:
        self.instance, self.incumbent, self.model = instance, incumbent, model
        self._relaxation: Relaxation | None = None
        self._near = instance
        self._pool = new_pool(instance.n_columns)
        self._loss = np.zeros((2, instance.n_columns))
        self._tried = np.zeros((2, instance.n_columns))
        self._heart: Heart | None = None

    @property
    def relaxation(self) -> Relaxation:
        """The relaxation, made when it is first needed."""
        if self._relaxation is None:
            self._relaxation = Relaxation(self.instance, maximal=self.model.maximal)
        return self._relaxation

    def offer(self, opened: Mask) -> None:
        """Take a plan where it is better."""
        chosen = np.sort(np.r_[self.instance.chosen, self.instance.position[opened]])
        self.incumbent.take(self.model.value(self.instance, opened), chosen)

    def make_plans(self, fraction: Floats, most: int, work: float, heart: Heart | None = None) -> None:
        """Round a fractional plan on the columns near it, some at a time so that interruptions are heard.

        Where the columns are few, as those of ``heart`` are, poor plans to be mixed are given up in time.
        """
        near, pool = heart or Heart(self._near, self._pool)
        at = np.searchsorted(self.instance.position, near.position)
        left, stale, best = affordable_plans(near, most, work), 0, self.incumbent.covered
        at_once = affordable_plans(near, *_PLANS_AT_ONCE)
        while left > 0 and not self.incumbent.done:
            opened = np.zeros(self.instance.n_columns, bool)
            opened[at] = self.model.rounded(near, fraction[at], min(left, at_once), pool)
            self.offer(opened)
            left, stale = left - at_once, stale + at_once
            if self.incumbent.covered > best:
                stale, best = 0, self.incumbent.covered
            elif heart and stale >= _STALE:
                stale, pool.covered[:] = 0, -1.0

    def heart_of(self, fraction: Floats) -> Heart | None:
        """Leave out the columns near it that a fractional plan hardly opens.

        None where plans are cheap, where that leaves most columns, or where too few are open at all.
        """
        near = self._near
        if not self.model.maximal or near.rows.nnz <= _DEAR:
            return None
        part = fraction[np.searchsorted(self.instance.position, near.position)]
        least = min(near.n_columns, int(_AT_LEAST * part.sum()) + 1)
        slight = part < min(_SLIGHT, float(np.partition(part, -least)[-least]))
        if (~slight).sum() >= _WORTH_IT * near.n_columns:
            return None
        heart = restrict(near, opened=np.zeros_like(slight), closed=slight)
        return Heart(heart, new_pool(heart.n_columns))

    def approach(self, root: Node, judged: Judged, unsure: float) -> None:
        """Make plans from now on without the columns far from being opened, where these are many."""
        gap = judged.bound - self.incumbent.covered
        if not self.model.maximal or not np.isfinite(gap):
            return
        far = far_columns(root.fraction, judged, _FAR * gap + unsure) & ~root.opened
        if (~far).sum() < _WORTH_IT * self._near.n_columns:
            nothing = np.zeros_like(far)
            self._near = restrict(self.instance, opened=nothing, closed=far)
            self._pool = new_pool(self._near.n_columns)

    def judge(self, node: Node, share: Floats) -> Judged:
        """Bound a node by multipliers."""
        return self.model.judge(self.instance, share, node.opened, node.closed)

    def fixed(self, node: Node, judged: Judged) -> int:
        """Count the columns that are fixed, or that a bound fixes."""
        low = (judged.if_opened < self.incumbent.threshold) | (judged.if_closed < self.incumbent.threshold)
        return int((node.opened | node.closed | low).sum())

    def settle(self, node: Node, share: Floats) -> Node:
        """Bound a node by multipliers, fix what that bound fixes, and keep both for the certificate."""
        instance, incumbent = self.instance, self.incumbent
        kept = np.clip(share, 0.0, 1.0 if self.model.maximal else None).astype(np.float32)
        multiplier = kept * instance.weight if self.model.maximal else kept.astype(np.float64)
        bound, if_opened, if_closed = self.model.bound(instance, multiplier, node.opened, node.closed)
        closed = node.closed | (~node.opened & (if_opened < incumbent.threshold))
        opened = node.opened | (~closed & (if_closed < incumbent.threshold))
        if (opened & ~node.opened).any() or (closed & ~node.closed).any():
            incumbent.dropped = True
            after = self.model.bound(instance, multiplier, opened, closed)[0]
            bound = after if after < incumbent.threshold else bound
        record = len(incumbent.records)
        incumbent.records.append(self._record(node, kept))
        return Node(min(bound, node.bound), opened, closed, node.fraction, record, covered=incumbent.covered)

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

    def _first_point(self, above: Above | None) -> tuple[Floats, Floats, Mask | None]:
        """Say where the relaxation of the root begins: openings (n,), multipliers (k,), idle columns (n,)."""
        instance, relaxation = self.instance, self.relaxation
        if above is not None:
            relaxation.primal_weight = above.primal_weight
            return above.fraction, above.share, None
        even = min(1.0, instance.budget / float(instance.cost.sum()))
        fraction = np.full(instance.n_columns, even)
        if not self.model.maximal or instance.rows.nnz <= _LARGE:
            return fraction, np.full(instance.n_rows, 0.5 if self.model.maximal else 0.0), None
        guess = float(np.sqrt(even))  # what columns move to what multipliers move
        start = coarse_start(instance, fraction, guess, self.incumbent.deadline)
        relaxation.primal_weight = start.primal_weight
        return start.fraction, start.share, start.idle

    def relax_root(self, root: Node, above: Above | None) -> Node:
        """Solve the relaxation of the root, tell bounds on the way, and make plans of its solutions."""
        instance, relaxation, incumbent = self.instance, self.relaxation, self.incumbent
        fraction, share, idle = self._first_point(above)
        sifting = Sifting(relaxation, root.opened, root.closed)
        sifting.begin(fraction, share, self.judge(root, share), -np.inf, idle)
        reached, value, best, steps, visits = root.bound, -np.inf, None, 0, 0.0
        enough = _ROOT_LEFT if instance.rows.nnz <= _LARGE else _LARGE_LEFT
        while steps < _ROOT_STEPS and not incumbent.done:
            some = max(relaxation.steps, int(_STEPS_PER_LOOK * instance.rows.nnz / max(1, relaxation.pairs)))
            some = min(some, _MOST_AT_ONCE)
            fraction, share, reaches = relaxation.advance(some)
            steps, visits = steps + some, visits + some * 2.0 * relaxation.pairs
            judged = self.judge(root, share)
            value = max(value, reaches)
            if judged.bound < reached:
                reached, best = judged.bound, share
            left = max(reached - incumbent.covered, 0.0)
            many = self.fixed(root, judged) >= _MANY_FIXED * instance.n_columns
            told = reached < incumbent.threshold or many
            if best is not None and (told or root.bound - reached > _TOLD_SHARE * left):
                root, best = replace(self.settle(root, best), fraction=fraction), None
                incumbent.lower(root.bound)
                heart = self.heart_of(fraction)
                most, work = _HEART_TOLD if heart else _TOLD_PLANS
                self.make_plans(fraction, most, max(work, _TOLD_PART * visits), heart)
                visits = 0.0
            near = value >= incumbent.threshold and reached - value <= enough * left
            many = (root.opened | root.closed).sum() >= _MANY_FIXED * instance.n_columns
            if root.bound < incumbent.threshold or near or many:
                break
            if self.model.maximal:
                laid = sifting.follow(fraction, share, judged, reaches, incumbent.covered)
                if laid:
                    self.approach(replace(root, fraction=fraction), judged, judged.bound - reaches)
        relaxation.keep_weight()
        if best is not None:
            root = self.settle(root, best)
            incumbent.lower(root.bound)
        return replace(root, fraction=fraction)

    def plan_root(self, root: Node) -> Node:
        """Round the root's solution many times, and fix what the best plan then fixes."""
        known = self.incumbent.covered
        share = self.incumbent.records[root.record].share.astype(np.float64)
        self.approach(root, self.judge(root, share), 0.0)
        self._pool = new_pool(self._near.n_columns)  # mixed with poor plans the rounding does not get far
        self._heart = self.heart_of(root.fraction)
        self.make_plans(root.fraction, *(_HEART_PLANS if self._heart else _ROOT_PLANS), self._heart)
        if self.incumbent.covered == known:
            return root
        settled = self.settle(root, share)
        self.incumbent.lower(settled.bound)
        return settled

    def sift(self, node: Node, share: Floats) -> Sifting:
        """Start the relaxation of a node at its parent's solution, of maximal covering with idle columns."""
        sifting = Sifting(self.relaxation, node.opened, node.closed)
        covered = self.incumbent.covered if self.model.maximal else -np.inf
        sifting.begin(node.fraction, share, self.judge(node, share), covered)
        return sifting

    def relax(self, node: Node) -> Node:
        """Bound a node by some steps of its relaxation, and offer plans that it suggests."""
        instance, relaxation, incumbent = self.instance, self.relaxation, self.incumbent
        first = self.model.first(instance)
        if self.model.bound(instance, first, node.opened, node.closed)[0] == -np.inf:
            return self.settle(node, first)
        if (node.opened | node.closed).all():
            return self.settle(node, self._exact(node))
        best = incumbent.records[node.record].share.astype(np.float64)
        sifting = self.sift(node, best)
        reached, value, fraction, steps, visits = np.inf, -np.inf, node.fraction, 0, 0.0
        while steps < _NODE_STEPS and time.monotonic() < incumbent.deadline:
            fraction, share, reaches = relaxation.advance()
            steps, visits = steps + relaxation.steps, visits + relaxation.steps * 2.0 * relaxation.pairs
            judged = self.judge(node, share)
            value = max(value, reaches)
            if judged.bound < reached:
                reached, best = judged.bound, share
            part = _NODE_LEFT if self.model.maximal else _COVER_LEFT
            left = part * (min(reached, node.bound) - incumbent.covered)
            if reached < incumbent.threshold or (value >= incumbent.threshold and reached - value <= left):
                break
            if self.model.maximal:
                sifting.follow(fraction, share, judged, reaches, incumbent.covered)
        if reached >= incumbent.threshold:
            most, work = _NODE_PLANS
            if self._heart:
                most, work = _HEART_NODE, max(work, _TOLD_PART * visits)
            self.make_plans(fraction, most, work, self._heart)
        node = self.settle(replace(node, fraction=fraction), best)
        if node.bound >= incumbent.threshold and (node.opened | node.closed).all():
            return self.settle(node, self._exact(node))  # a single plan is left, and may be the best
        return node

    def _fix_again(self, node: Node) -> Node:
        """Fix what the parent's multipliers fix now that a better plan is known."""
        if node.covered == self.incumbent.covered:
            return node
        record, at = self.incumbent.records[node.record], self.instance.position
        before, share = (record.opened[at], record.closed[at]), record.share.astype(np.float64)
        multiplier = share * self.instance.weight if self.model.maximal else share
        _, if_opened, if_closed = self.model.bound(self.instance, multiplier, *before)
        closed = node.closed | (~node.opened & (if_opened < self.incumbent.threshold))
        opened = node.opened | (~closed & (if_closed < self.incumbent.threshold))
        return replace(node, opened=opened, closed=closed)

    def _exact(self, node: Node) -> Floats:
        """Give the multipliers that bound a single plan by its value, and offer it."""
        self.offer(node.opened)
        share = np.zeros(self.instance.n_rows)
        if self.model.maximal:
            share[self.instance.rows @ node.opened.astype(np.float64) == 0] = 1.0
        return share

    def branch(self, root: Node) -> None:
        """Branch and bound, best bound first."""
        incumbent, order = self.incumbent, count()
        heap = [(-root.bound, next(order), root)]
        while heap:
            incumbent.lower(-heap[0][0])
            if incumbent.done:
                return
            node = heapq.heappop(heap)[2]
            if node is not root:
                before, node = node, self.relax(self._fix_again(node))
                self._learn(before, node.bound)
            incumbent.nodes += 1
            if node.bound < incumbent.threshold:
                continue
            for child in self._split(node):
                heapq.heappush(heap, (-child.bound, next(order), child))
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
        if len(new):
            sifting = self.sift(node, self.incumbent.records[node.record].share.astype(np.float64))
            new = new[~sifting.idle[new]]
        for column in new.tolist():
            self._probe(node, column)
        mean = self._loss[:, columns] / np.maximum(self._tried[:, columns], 1)
        score = np.maximum(mean[0] * part, 1e-3) * np.maximum(mean[1] * (1.0 - part), 1e-3)
        return int(columns[int(np.argmax(score))])

    def _learn(self, before: Node, bound: float) -> None:
        """Learn what a branch cost that was taken."""
        part = np.clip(before.fraction[before.column], 1e-6, 1.0 - 1e-6)
        moved = 1.0 - part if before.on else part
        side, most = int(before.on), max(0.0, before.bound - self.incumbent.covered)
        self._loss[side, before.column] += np.clip(before.bound - bound, 0.0, most) / moved
        self._tried[side, before.column] += 1

    def _probe(self, node: Node, column: int) -> None:
        """Learn by some steps what closing and opening a column costs."""
        at = np.arange(self.instance.n_columns) == column
        share = self.incumbent.records[node.record].share.astype(np.float64)
        whole = np.clip(node.fraction[column], 1e-6, 1.0 - 1e-6)
        most = max(0.0, node.bound - self.incumbent.covered)
        for side, moved in ((0, whole), (1, 1.0 - whole)):
            child = replace(
                node, opened=node.opened | (at & bool(side)), closed=node.closed | (at & (not side))
            )
            self.relaxation.start(node.fraction, share, column, bool(side))
            bound = self.judge(child, self.relaxation.advance(_PROBE_STEPS)[1]).bound
            self._loss[side, column] += np.clip(node.bound - bound, 0.0, most) / moved
            self._tried[side, column] += 1
