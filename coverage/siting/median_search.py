"""The exact search for the p-median: multipliers, fixing of candidates, Benders cuts, branch and bound."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count

import numpy as np

from . import median_kernels as kernels
from .median_bounds import MedianProof, Step, bound_of
from .median_master import Master, group_rows
from .median_rows import Rows, Whole
from .reduce import Floats, Mask, Positions

_RELATIVE_STEP = 5e-7
"""With fractional costs, plans cheaper by less than this share are not looked for."""

_ROUNDS = 40
"""Steps of the subgradient method between two looks at the clock, the fixing and the plan."""

_MOST_TURNS = 12
"""Times ``_ROUNDS`` before the relaxation goes to the simplex method."""

_FIXED_SHARE = 0.1
_FIXED_BY_CUTS = 0.4
"""While this share of the columns gets fixed, they are taken out and the search starts again."""

_LARGE = 1200
"""Up to so many rows each has a cut of its own and nodes are bounded by subgradient steps; more rows
share cuts, which makes the linear program small and the better bound."""

_GROUPS = 100
"""Cuts per round for more rows; 60 to 300 are about as good."""

_LARGE_TURNS = 0
_OFFER_NODES = 4
"""So many nodes apart, a plan is made of the relaxation's solution."""

_TAIL_ROUNDS = 4
_CUT_TAIL_SHARE = 0.05
"""A node's cuts stop once ``_TAIL_ROUNDS`` close less than this share of its distance to the incumbent."""

_OFFER_TURNS = 4
"""So many turns apart, a plan is made of the columns chosen most often."""

_NODE_TURNS = 5
"""Turns of ``_ROUNDS`` at most below the root."""

_SWAPS = 50
"""Swaps between two looks at the clock."""

_TAIL_SHARE = 0.02
"""Turns stop once one closes less than this share of the node's distance to the incumbent."""


@dataclass
class Incumbent:
    """The cheapest plan so far and the bound on all plans; the one mutable object of a search."""

    deadline: float
    """On the clock ``time.monotonic``."""
    evaluate: Callable[[Positions], float]
    """Gives the true cost of a plan of candidates."""
    proof: MedianProof | None = None
    whole: bool = False
    """All weights times costs are whole numbers, so plans differ by at least 1."""
    cost: float = np.inf
    bound: float = 0.0
    sites: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    nodes: int = 0

    @property
    def threshold(self) -> float:
        """A bound at or above this says that no plan cheaper than the incumbent, by what matters, exists."""
        if self.cost == np.inf:
            return np.inf
        return self.cost - (1.0 - self.slack) if self.whole else self.cost * (1.0 - _RELATIVE_STEP)

    @property
    def slack(self) -> float:
        """What the rounding of sums may hide."""
        return max(1e-6, 1e-11 * self.cost)

    @property
    def late(self) -> bool:
        """True where the time is up."""
        return time.monotonic() >= self.deadline

    @property
    def done(self) -> bool:
        """True where the bound proves the plan, or time is up."""
        return self.bound >= self.threshold or self.late

    def offer(self, problem: Problem, opened: Mask) -> None:
        """Take a plan where it is cheaper."""
        rows = problem.rows
        _, first, _ = kernels.nearest_listed(*problem.lists[:3], rows.beyond, opened)
        if float(rows.weight @ first) * (1.0 - 1e-9) >= self.cost:  # what is not listed costs even more
            return
        sites = np.sort(np.r_[problem.chosen, problem.position[opened]])
        cost = self.evaluate(sites)
        if cost < self.cost:
            self.cost, self.sites = cost, sites

    def raise_bound(self, bound: float) -> None:
        """Take a bound on all plans, those dropped (none of them cheaper than the threshold) included."""
        self.bound = max(self.bound, min(bound, self.threshold))

    def new_step(self, level: Floats) -> int:
        """Begin a step of the proof; its number."""
        if self.proof is None:
            return -1
        self.proof.steps.append(Step(level.copy()))
        return len(self.proof.steps) - 1

    def end_step(self, number: int, level: Floats, column: int, following: tuple[int, ...]) -> None:
        """Say how a step of the proof went on."""
        if self.proof is not None:
            self.proof.steps[number] = Step(level.copy(), column, following)


@dataclass(frozen=True)
class Problem:
    """What is left to decide: n columns, of which at most ``sites`` are opened."""

    rows: Rows
    position: Positions
    """(n,) the candidate that each column stands for."""
    chosen: Positions
    """Candidates opened for good."""
    sites: int

    @property
    def large(self) -> bool:
        """Tell whether rows share cuts."""
        return len(self.rows.weight) > _LARGE

    @cached_property
    def lists(self) -> tuple[Positions, Whole, Floats, Positions, Whole, Floats]:
        """The lists of the rows, and turned around, those of the columns."""
        return (self.rows.indptr, self.rows.site, self.rows.cost, *self.rows.columns())

    def restrict(self, opened: Mask, closed: Mask) -> Problem:
        """Open some columns for good and take others away."""
        return Problem(
            rows=self.rows.restrict(opened=opened, closed=closed),
            position=self.position[~(opened | closed)],
            chosen=np.sort(np.r_[self.chosen, self.position[opened]]),
            sites=self.sites - int(opened.sum()),
        )

    def columns_of(self, sites: Positions) -> Mask:
        """Mark the columns of some candidates (n,)."""
        return np.isin(self.position, sites)


@dataclass(frozen=True)
class Node:
    """A part of the plans, those with some columns opened and others closed, and what is known of it."""

    bound: float
    level: Floats
    """(k,) levels that prove the bound."""
    opened: Mask
    closed: Mask
    number: int
    """Step of the proof."""


def improve(problem: Problem, opened: Mask, deadline: float) -> Mask:
    """Fill a plan up by greatest saving, then swap until no single swap helps, or time is up."""
    rows = problem.rows
    opened = kernels.fill(*problem.lists, rows.weight, rows.beyond, opened, problem.sites)
    done = False
    while not done and time.monotonic() < deadline:
        opened, done = kernels.swap(*problem.lists, rows.weight, rows.beyond, opened, _SWAPS)
    return opened


def find_best(
    problem: Problem, incumbent: Incumbent, parent: Node | None = None, *, cut: bool = False
) -> None:
    """Search all plans: improve ``incumbent`` and its bound until they meet or time is up.

    Parameters
    ----------
    parent
        What was known of the problem before columns were taken out.
    cut
        Its relaxation was solved by cuts.
    """
    rows, n = problem.rows, problem.rows.n_columns
    nothing = np.zeros(n, bool)
    if not n or not problem.sites or not len(rows.weight):
        incumbent.offer(problem, nothing)
        return incumbent.raise_bound(np.inf)
    node = _begin(problem, incumbent, parent)
    turns = 0 if cut else _LARGE_TURNS if problem.large else _MOST_TURNS
    node, fraction = _ascend(problem, incumbent, node, turns)
    if _settled(incumbent, node):
        return None
    opened, closed = fixed(problem, incumbent, node)
    if (opened | closed).sum() >= _FIXED_SHARE * n:
        return _go_on(problem, incumbent, node, opened, closed)
    group = np.arange(len(rows.weight))
    if problem.large:
        who, _, _ = kernels.nearest_listed(
            *problem.lists[:3], rows.beyond, problem.columns_of(incumbent.sites)
        )
        group = group_rows(rows, who, _GROUPS)
    master = Master(rows, problem.sites, incumbent.cost, group)
    master.add(node.level)
    node, fraction = relax(problem, master, incumbent, node, inside=fraction)
    if _settled(incumbent, node):
        return None
    opened, closed = fixed(problem, incumbent, node)
    if (opened | closed).sum() >= _FIXED_BY_CUTS * n:
        return _go_on(problem, incumbent, node, opened, closed, cut=True)
    return _branch(problem, master, incumbent, node, fraction)


def _begin(problem: Problem, incumbent: Incumbent, parent: Node | None) -> Node:
    """Bound all plans by the levels of the problem before, or by levels near the costs of the plan."""
    nothing = np.zeros(problem.rows.n_columns, bool)
    if parent is not None:
        level = np.minimum(parent.level, problem.rows.beyond)
        bound = bound_of(problem.rows, level, problem.sites, nothing, nothing)[0]
        return Node(bound, level, nothing, nothing, parent.number)
    start = problem.columns_of(incumbent.sites)
    _, first, second = kernels.nearest_listed(*problem.lists[:3], problem.rows.beyond, start)
    node = Node(-np.inf, first, nothing, nothing, -1)
    for most in (1.0, 1.2, 1.5, 2.0, np.inf):
        between = second if most == np.inf else np.minimum(second, most * first)
        node = _with_levels(problem, node, (first + between) / 2.0)
    return replace(node, number=incumbent.new_step(node.level))


def _settled(incumbent: Incumbent, node: Node) -> bool:
    """Take the bound of the whole problem; true where that ends the search."""
    incumbent.raise_bound(node.bound)
    incumbent.end_step(node.number, node.level, -1, ())
    return incumbent.done


def _go_on(
    problem: Problem, incumbent: Incumbent, node: Node, opened: Mask, closed: Mask, *, cut: bool = False
) -> None:
    """Search what the fixing left."""
    if opened.sum() > problem.sites:
        return incumbent.raise_bound(np.inf)
    left = problem.restrict(opened, closed)
    if not left.sites or not left.rows.n_columns:
        incumbent.offer(left, np.zeros(left.rows.n_columns, bool))
        return incumbent.raise_bound(np.inf)
    following = incumbent.new_step(node.level)
    incumbent.end_step(node.number, node.level, -1, (following,))
    return find_best(left, incumbent, replace(node, number=following), cut=cut)


def fixed(problem: Problem, incumbent: Incumbent, node: Node) -> tuple[Mask, Mask]:
    """Mark the columns that every plan below the threshold opens, or closes, beyond those of the node."""
    _, if_opened, if_closed = bound_of(problem.rows, node.level, problem.sites, node.opened, node.closed)
    closed = node.closed | (~node.opened & (if_opened >= incumbent.threshold))
    return node.opened | (~closed & (if_closed >= incumbent.threshold)), closed


def _ascend(problem: Problem, incumbent: Incumbent, node: Node, turns: int) -> tuple[Node, Floats]:
    """Raise the bound of a node by subgradient steps; and how often columns were chosen (n,)."""
    left = problem.restrict(node.opened, node.closed) if (node.opened | node.closed).any() else problem
    rows, nothing = left.rows, np.zeros(left.rows.n_columns, bool)
    level, direction, step = node.level, np.zeros(len(rows.weight) + rows.n_columns), 0.5
    share = left.columns_of(incumbent.sites).astype(np.float64)
    for turn in range(turns):
        if incumbent.late or node.bound >= incumbent.threshold:
            break
        before = node.bound
        _, best_level, level, direction, step, share = kernels.ascend(
            *left.lists[:3], rows.weight, rows.beyond, left.sites, level, direction, step,
            incumbent.cost, _ROUNDS,
        )  # fmt: skip
        bound = bound_of(rows, best_level, left.sites, nothing, nothing)[0]
        if bound > node.bound:
            node = Node(bound, np.minimum(best_level, rows.beyond), node.opened, node.closed, node.number)
        if turn % _OFFER_TURNS == 0:
            opened = np.zeros(rows.n_columns, bool)
            opened[np.argsort(-share, kind="stable")[: left.sites]] = True
            incumbent.offer(left, improve(left, opened, incumbent.deadline))
        if turn > 0 and node.bound - before < _TAIL_SHARE * (incumbent.threshold - node.bound):
            break
    everywhere = node.opened.astype(np.float64)
    everywhere[~(node.opened | node.closed)] = share
    return node, everywhere


def relax(
    problem: Problem, master: Master, incumbent: Incumbent, node: Node, *, inside: Floats | None
) -> tuple[Node, Floats]:
    """Raise the bound of a node by cuts, offer the plan that the relaxation suggests; and its solution (n,).

    With a point ``inside`` (at the root) the cuts are taken halfway between the solution and that point,
    which follows (in-out stabilisation, Ben-Ameur and Neto 2007), and until the relaxation is solved; else
    until they tail off.
    """
    master.bound_columns(node.opened, node.closed)
    fraction = inside if inside is not None else node.opened.astype(np.float64)
    root, values = inside is not None, [node.bound]
    while node.bound < incumbent.threshold and (solution := master.solve(incumbent.deadline)) is not None:
        fraction, cover = solution
        values.append(float(cover.sum()) / master.scale)  # an estimate only: the bound is that of the levels
        last = not root and _tails_off(values, incumbent)
        if not last and values[-1] < incumbent.threshold and not incumbent.late:
            inside, added = master.separate(inside, fraction, cover)
            if added:
                continue
        node = _with_levels(problem, node, master.levels())
        if last or not master.separate(inside, fraction, cover)[1]:
            break
    else:
        node = _with_levels(problem, node, master.levels())
    if node.bound < incumbent.threshold and (root or incumbent.nodes % _OFFER_NODES == 0):
        opened = np.zeros(len(fraction), bool)
        opened[np.argsort(-fraction, kind="stable")[: problem.sites]] = True
        incumbent.offer(problem, improve(problem, opened, incumbent.deadline))
    return node, fraction


def _with_levels(problem: Problem, node: Node, level: Floats) -> Node:
    """Take the levels for the node where they prove more."""
    bound = bound_of(problem.rows, level, problem.sites, node.opened, node.closed)[0]
    return Node(bound, level, node.opened, node.closed, node.number) if bound > node.bound else node


def _tails_off(bounds: list[float], incumbent: Incumbent) -> bool:
    """Tell whether further cuts promise little."""
    if len(bounds) <= _TAIL_ROUNDS:
        return False
    return bounds[-1] - bounds[-1 - _TAIL_ROUNDS] < _CUT_TAIL_SHARE * (incumbent.threshold - bounds[-1])


def _branch(problem: Problem, master: Master, incumbent: Incumbent, root: Node, fraction: Floats) -> None:
    """Branch and bound, best bound first."""
    order = count()
    heap: list[tuple[float, int, Node]] = []
    for child in _split(problem, incumbent, root, fraction):
        heapq.heappush(heap, (child.bound, next(order), child))
    while heap:
        incumbent.raise_bound(heap[0][0])
        if incumbent.done:
            return
        node = heapq.heappop(heap)[2]
        if problem.large:
            node, fraction = relax(problem, master, incumbent, node, inside=None)
        else:
            node, fraction = _ascend(problem, incumbent, node, _NODE_TURNS)
        incumbent.nodes += 1
        if incumbent.nodes % 2 == 0:
            master.purge()
        incumbent.end_step(node.number, node.level, -1, ())
        if node.bound < incumbent.threshold:
            for child in _split(problem, incumbent, node, fraction):
                heapq.heappush(heap, (child.bound, next(order), child))
    incumbent.raise_bound(np.inf)


def _split(problem: Problem, incumbent: Incumbent, node: Node, fraction: Floats) -> list[Node]:
    """Fix what the node's bound fixes, and split the rest at the free column that is least decided."""
    opened, closed = fixed(problem, incumbent, node)
    free = np.flatnonzero(~(opened | closed))
    incumbent.end_step(node.number, node.level, -1, ())
    if opened.sum() > problem.sites:
        return []
    if opened.sum() == problem.sites or not len(free):
        incumbent.offer(problem, opened)
        return []
    undecided = np.minimum(fraction[free], 1.0 - fraction[free])
    column = np.arange(problem.rows.n_columns) == free[int(np.argmax(undecided))]
    children = []
    for more_opened, more_closed in ((opened, closed | column), (opened | column, closed)):
        bound = bound_of(problem.rows, node.level, problem.sites, more_opened, more_closed)[0]
        number = incumbent.new_step(node.level)
        children.append(Node(max(node.bound, bound), node.level, more_opened, more_closed, number))
    site, numbers = int(problem.position[column][0]), tuple(child.number for child in children)
    incumbent.end_step(node.number, node.level, site, numbers)
    return children
