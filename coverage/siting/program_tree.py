"""The search for the best plan of a cover program: relaxations, fixing of sites, branch and bound."""

from __future__ import annotations

import heapq
import time
from dataclasses import replace
from itertools import count

import numpy as np

from .program_limits import propagate
from .program_master import Master, Point
from .program_proof import Record
from .program_reduce import Bound, Multipliers, Reduced, bound_of, restrict
from .program_state import Node, Search
from .reduce import Floats, Mask, Positions

_TAIL_ROUNDS, _TAIL_SHARE = 3, 0.05
"""A node's cuts stop once so many rounds close less than this share of its distance to the plan."""

_OFFER_ROUNDS = 5
_FIXED_SHARE = 0.1
"""While this share of the columns gets fixed, the program is reduced and its relaxation solved again."""

_PROBED = 8
_KICKS, _NODE_KICKS = 200, 20
_ROOT_PURGE, _PURGE_NODES, _SEARCH_NODES = 4, 3, 10
_PROPAGATION_ROUNDS = 10
_WHOLE_SHARE, _WHOLE_ROUNDS = 0.08, 8
"""The relaxation with whole sites may take this share of the time left, and is solved so often at most."""

_WHOLE_NODES = 40
"""So many nodes lie between two searches for plans by it."""


def find_best(reduced: Reduced, search: Search, parent: int = -1) -> None:
    """Search all plans of a reduced program: improve the plan and the bound."""
    frame = search.frame
    tree = Tree(reduced, search)
    nothing = np.zeros(reduced.n_columns, bool)
    root = Node(np.inf, nothing, nothing, nothing.astype(np.float64), parent)
    deeper = parent >= 0
    root = tree.settle(root, _no_prices(reduced))
    search.lower(root.bound)
    search.take(search.planner.value(reduced.opened, search.deadline))
    kicks = _KICKS // 4 if deeper else 0
    search.take(search.planner.search(reduced, tree.plan_columns(), kicks, search.deadline))
    if tree.close(root) or search.done:
        return
    if not deeper:
        search.take(search.planner.search(reduced, tree.plan_columns(), _KICKS, search.deadline))
    root = tree.relax(root, root=True)
    search.lower(root.bound)
    if tree.close(root) or search.done:
        return
    if search.found is None or (search.planner.mixed.size and not search.done):
        tree.whole_plans(root)
        root = tree.tighten(root)
        if tree.close(root) or search.done:
            search.lower(root.bound)
            return
    if (root.opened | root.closed).sum() < max(1.0, _FIXED_SHARE * reduced.n_columns):
        tree.branch(root)
        return
    opened, closed = reduced.opened.copy(), reduced.closed.copy()
    opened[reduced.position[root.opened]] = True
    closed[reduced.position[root.closed]] = True
    find_best(restrict(frame, opened, closed), search, root.record)


def _no_prices(reduced: Reduced) -> Multipliers:
    """Give multipliers of 0: all cover that there can be, without any side constraint."""
    last = float(reduced.steps.shape[1])
    return Multipliers(np.zeros(len(reduced.limit)), np.full(reduced.n_classes, last))


class Tree:
    """The search of one reduced program: its relaxation and what the branches taught."""

    def __init__(self, reduced: Reduced, search: Search) -> None:
        self.reduced, self.search, self.planner = reduced, search, search.planner
        self._master: Master | None = None
        self._root: Multipliers | None = None
        self._loss = np.zeros((2, reduced.n_columns))
        self._tried = np.zeros((2, reduced.n_columns))

    @property
    def master(self) -> Master:
        """The relaxation, made when it is first needed."""
        if self._master is None:
            self._master = Master(self.reduced)
        return self._master

    def plan_columns(self) -> Mask:
        """Give the columns that the best plan opens (n,)."""
        if self.search.found is None:
            return np.zeros(self.reduced.n_columns, bool)
        mask: Mask = self.search.found.opened[self.reduced.position]
        return mask

    def close(self, node: Node) -> bool:
        """Close a node whose plans are all below the threshold."""
        if node.bound >= self.search.threshold and node.bound > -np.inf:
            return False
        self.search.pruned = max(self.search.pruned, node.bound)
        return True

    def settle(self, node: Node, by: Multipliers | None) -> Node:
        """Bound a node by multipliers, fix what that bound fixes, and keep both for the proof."""
        search = self.search
        number = len(search.records)
        if by is None:
            search.records.append(self._record(node, "none", None))
            return replace(node, record=number, column=-1)
        found = bound_of(self.reduced, by, node.opened, node.closed)
        if not by.valued:
            search.records.append(self._record(node, "empty", by))
            bound = -np.inf if found.value < 0.0 else node.bound
            return replace(node, bound=bound, record=number, column=-1)
        opened, closed, bound = self._fix(node, found, by)
        fixed = (opened != node.opened).any() or (closed != node.closed).any()
        search.records.append(self._record(node, "bound", by, search.threshold if fixed else -np.inf))
        return Node(min(bound, node.bound), opened, closed, node.fraction, number)

    def _fix(self, node: Node, found: Bound, by: Multipliers) -> tuple[Mask, Mask, float]:
        """Fix the columns without which, or with which, plans are worth too little; and the bound after."""
        threshold = self.search.threshold
        closed = node.closed | (~node.opened & (found.if_opened < threshold))
        opened = node.opened | (~closed & (found.if_closed < threshold))
        bound = found.value
        if (opened & ~node.opened).any() or (closed & ~node.closed).any():
            self.search.floor = threshold
            after = bound_of(self.reduced, by, opened, closed).value
            bound = min(bound, after) if after < threshold else bound
        return opened, closed, bound

    def _record(self, node: Node, kind: str, by: Multipliers | None, floor: float = -np.inf) -> Record:
        """Describe a node as it was reached, by sites."""
        reduced = self.reduced
        opened, closed = reduced.opened.copy(), reduced.closed.copy()
        opened[reduced.position[node.opened]] = True
        closed[reduced.position[node.closed]] = True
        column = -1 if node.column < 0 else int(reduced.position[node.column])
        used = np.flatnonzero(by.side) if by else np.empty(0, np.int64)
        return Record(
            parent=node.record,
            column=column,
            on=node.on,
            opened=opened,
            closed=closed,
            kind=kind,  # type: ignore[arg-type]
            layer=self.search.layer(reduced) if by else 0,
            side=used,
            price=by.side[used] if by else np.empty(0),
            place=by.place.astype(np.float32) if by else np.empty(0, np.float32),
            floor=floor,
        )

    def tighten(self, node: Node) -> Node:
        """Fix more columns of the root by its multipliers once a better plan is known."""
        return node if self._root is None else self.settle(node, self._root)

    def enter(self, node: Node) -> Node | None:
        """Fix what single side constraints decide in a node; None where they leave no plan."""
        reduced, frame = self.reduced, self.search.frame
        opened, closed = reduced.opened.copy(), reduced.closed.copy()
        opened[reduced.position[node.opened]] = True
        closed[reduced.position[node.closed]] = True
        fixed = propagate(frame.program, frame.tolerance, opened, closed, rounds=_PROPAGATION_ROUNDS)
        if fixed is None:
            self.settle(node, None)
            return None
        return replace(node, opened=fixed[0][reduced.position], closed=fixed[1][reduced.position])

    def relax(self, node: Node, *, root: bool) -> Node:
        """Solve the relaxation of a node by cuts, offer the plan it suggests, and bound the node.

        At the root the cuts are taken halfway between the solution and the best point inside (in-out
        stabilisation, Ben-Ameur and Neto 2007), and until the relaxation is solved; below, until they tail
        off.
        """
        master, search = self.master, self.search
        master.bound_columns(node.opened, node.closed)
        inside = self.plan_columns().astype(np.float64) if root and search.found is not None else None
        bounds: list[float] = [node.bound]
        best: Multipliers | None = None
        fraction = node.fraction
        try:
            while (solution := master.solve(search.deadline)) is not None:
                point, by = solution
                fraction = point.x
                if not point.feasible:
                    best = by
                    break
                value = bound_of(self.reduced, by, node.opened, node.closed).value
                if best is None or value < bounds[-1]:
                    best = by
                bounds.append(min(value, bounds[-1]))
                if bounds[-1] < search.threshold or (not root and self._tails_off(bounds, fraction)):
                    break
                if root:
                    self._at_root(by, bounds, fraction)
                    if search.done:
                        break
                inside = self._nearer(inside, point)
                if not self._cut(inside, point):
                    break
        except (KeyboardInterrupt, SystemError):
            if best is not None:
                self.settle(node, best)
            raise
        if best is None:
            return self.settle(node, None)
        if best.valued and (root or search.nodes <= 2 * _SEARCH_NODES or search.nodes % _SEARCH_NODES == 0):
            kicks = (_KICKS if root else _NODE_KICKS) if bounds[-1] >= search.threshold else 0
            self.offer(fraction, kicks)
        elif best.valued and self._is_whole(fraction):
            search.take(self.planner.value(self.planner.sites(self.reduced, fraction > 0.5), search.deadline))
        self._root = best if root else self._root
        return self.settle(replace(node, fraction=fraction), best)

    def _at_root(self, by: Multipliers, bounds: list[float], fraction: Floats) -> None:
        """Tell the bound so far, make plans of the solution, and drop slack cuts, every so often."""
        search, rounds = self.search, len(bounds)
        self.planner.price = by.side
        search.lower(bounds[-1])
        if rounds % _OFFER_ROUNDS == 0:
            self.offer(fraction, 0)
        if rounds % _ROOT_PURGE == 0:
            self.master.purge()

    def offer(self, fraction: Floats, kicks: int) -> None:
        """Make plans of a solution of the relaxation: as it is rounded, and improved."""
        search, columns = self.search, self.planner.rounded(self.reduced, fraction)
        if len(self.planner.mixed):
            search.take(self.planner.value(self.planner.sites(self.reduced, columns), search.deadline))
        search.take(self.planner.search(self.reduced, columns, kicks, search.deadline))

    def whole_plans(self, node: Node) -> None:
        """Look for plans by the relaxation with whole sites, with cuts at each of its solutions.

        Once there is a plan, sites that it and the relaxation agree on are fixed (Danna, Rothberg and Le Pape
        2005).
        """
        search = self.search
        free = ~(node.opened | node.closed)
        ends = time.monotonic() + _WHOLE_SHARE * max(0.0, search.deadline - time.monotonic())
        for _ in range(_WHOLE_ROUNDS):
            fixed = np.zeros_like(free)
            if search.found is not None:
                fixed = free & (np.abs(node.fraction - self.plan_columns()) < 1e-6)
            opened, closed = (
                node.opened | (fixed & self.plan_columns()),
                node.closed | (fixed & ~self.plan_columns()),
            )
            x = self.master.whole_point(ends - time.monotonic(), opened, closed)
            if x is None:
                return
            before = search.objective
            search.take(self.planner.value(self.planner.sites(self.reduced, x > 0.5), search.deadline))
            search.take(self.planner.search(self.reduced, x > 0.5, 0, search.deadline))
            high = self.master.cover(x) * (1.0 + 1e-6) + 1e-3
            added = self.master.add_cuts(x, Point(x, high, np.empty(0), True))
            if not added or time.monotonic() > ends or (search.found and search.objective == before):
                return

    def _cut(self, inside: Floats | None, point: Point) -> int:
        """Add cuts between the point inside and the solution, or else at the solution; returns how many."""
        if inside is not None:
            added = self.master.add_cuts((inside + point.x) / 2.0, point)
            if added:
                return added
        return self.master.add_cuts(point.x, point)

    def _nearer(self, inside: Floats | None, point: Point) -> Floats | None:
        """Move the point inside to where the relaxation is worth more: halfway, or to the solution."""
        if inside is None:
            return None
        points = (inside, (inside + point.x) / 2.0, point.x)
        return points[int(np.argmax([self.master.value(at) for at in points]))]

    def branch(self, root: Node) -> None:
        """Branch and bound, best bound first; the latest first while there is no plan."""
        search, order = self.search, count()
        heap = [(-root.bound, 0, next(order), root)]
        self.master.purge()
        while heap:
            search.lower(max(-heap[0][0], search.pruned))
            if search.done:
                return
            node = self._next(heap)
            if node is not root:
                if self.close(node):
                    continue
                entered = self.enter(node)
                if entered is None:
                    continue
                node = self.relax(entered, root=False)
            search.nodes += 1
            if self.close(node):
                continue
            if search.nodes % _WHOLE_NODES == 0 and (self.planner.mixed.size or search.found is None):
                self.whole_plans(node)
            for child in self._split(node):
                heapq.heappush(heap, (-child.bound, 0, next(order), child))
            if search.nodes % _PURGE_NODES == 0:
                self.master.purge()
        search.lower(search.pruned)

    def _next(self, heap: list[tuple[float, int, int, Node]]) -> Node:
        """Take the node with the best bound, or the latest one while there is no plan."""
        if self.search.found is not None or len(heap) == 1:
            return heapq.heappop(heap)[3]
        latest = max(range(len(heap)), key=lambda i: heap[i][2])
        node = heap[latest][3]
        heap[latest] = heap[-1]
        heap.pop()
        heapq.heapify(heap)
        return node

    def _split(self, node: Node) -> list[Node]:
        """Split a node at the free column that promises to lower both bounds most."""
        free = np.flatnonzero(~(node.opened | node.closed))
        if not len(free):  # one plan is left: its own relaxation is exact
            sites = self.planner.sites(self.reduced, node.opened)
            self.search.take(self.planner.value(sites, self.search.deadline))
            self.search.pruned = max(self.search.pruned, self.relax(node, root=False).bound)
            return []
        column = self._undecided(node, free)
        at = np.arange(self.reduced.n_columns) == column
        closed = replace(node, closed=node.closed | at, column=column, on=False)
        opened = replace(node, opened=node.opened | at, column=column, on=True)
        return [closed, opened] if node.fraction[column] >= 0.5 else [opened, closed]

    def _undecided(self, node: Node, free: Positions) -> int:
        """Choose the column to split at by what its branches cost so far (pseudo-costs, tried at first).

        Achterberg, Koch and Martin 2005.
        """
        part = node.fraction[free]
        order = np.argsort(-np.minimum(part, 1.0 - part), kind="stable")[:_PROBED]
        columns, part = free[order], np.clip(part[order], 1e-6, 1.0 - 1e-6)
        new = columns[(self._tried[:, columns] == 0).any(axis=0)]
        if len(new) and (part > 1e-5).any():
            self.master.bound_columns(node.opened, node.closed)
            most = max(0.0, node.bound - self.search.objective) if self.search.found else abs(node.bound)
            for column, costs in zip(new.tolist(), self.master.probe(new.tolist()), strict=True):
                whole = np.clip(node.fraction[column], 1e-6, 1.0 - 1e-6)
                self._loss[:, column] += np.minimum(costs, most) / (whole, 1.0 - whole)
                self._tried[:, column] += 1
        mean = self._loss[:, columns] / np.maximum(self._tried[:, columns], 1)
        score = np.maximum(mean[0] * part, 1e-3) * np.maximum(mean[1] * (1.0 - part), 1e-3)
        return int(columns[int(np.argmax(score))])

    @staticmethod
    def _is_whole(fraction: Floats) -> bool:
        return bool(((fraction < 1e-6) | (fraction > 1.0 - 1e-6)).all())

    def _tails_off(self, bounds: list[float], fraction: Floats) -> bool:
        """Tell whether further cuts promise little; never at a plan (there a cut makes it exact)."""
        if self._is_whole(fraction) or len(bounds) <= _TAIL_ROUNDS + 1 or self.search.found is None:
            return (
                not self._is_whole(fraction) and self.search.found is None and len(bounds) > 2 * _TAIL_ROUNDS
            )
        return bounds[-1 - _TAIL_ROUNDS] - bounds[-1] < _TAIL_SHARE * (bounds[-1] - self.search.objective)
