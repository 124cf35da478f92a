"""The exact search for the p-median: multipliers, fixing of candidates, Benders cuts, branch and bound."""

from __future__ import annotations

import heapq
from dataclasses import replace
from itertools import count

import numpy as np

from . import median_kernels as kernels
from .median_bounds import bound_of, rounded
from .median_master import Master, group_rows
from .median_problem import Incumbent, Node, Problem, improve
from .reduce import Floats, Mask

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

_TAIL_SHARE = 0.02
"""Turns stop once one closes less than this share of the node's distance to the incumbent."""


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
    by_cuts = _by_cuts(problem)
    node = _begin(problem, incumbent, parent)
    turns = 0 if cut or len(problem.limits) else _LARGE_TURNS if by_cuts else _MOST_TURNS
    node, fraction = _ascend(problem, incumbent, node, turns)
    if _settled(incumbent, node):
        return None
    opened, closed = fixed(problem, incumbent, node)
    if (opened | closed).sum() >= _FIXED_SHARE * n:
        return _go_on(problem, incumbent, node, opened, closed)
    group = np.arange(len(rows.weight))
    if len(rows.weight) > _LARGE:
        who, _, _ = kernels.nearest_listed(
            *problem.lists[:3], rows.beyond, problem.columns_of(incumbent.sites)
        )
        group = group_rows(rows, who, _GROUPS)
    master = Master(rows, problem.sites, problem.limits, incumbent.cost, group)
    master.add(node.start)
    node, fraction = relax(problem, master, incumbent, node, inside=fraction)
    if _settled(incumbent, node):
        return None
    opened, closed = fixed(problem, incumbent, node)
    if (opened | closed).sum() >= _FIXED_BY_CUTS * n:
        return _go_on(problem, incumbent, node, opened, closed, cut=True)
    return _branch(problem, master, incumbent, node, fraction)


def _by_cuts(problem: Problem) -> bool:
    """Tell whether nodes are bounded by cuts: rows share them, or there are rules to be priced."""
    return len(problem.rows.weight) > _LARGE or len(problem.limits) > 0


def _begin(problem: Problem, incumbent: Incumbent, parent: Node | None) -> Node:
    """Bound all plans by the levels of the problem before, or by levels near the costs of the plan."""
    nothing = np.zeros(problem.rows.n_columns, bool)
    if parent is not None:
        level = np.minimum(parent.start, problem.rows.beyond)
        node = Node(-np.inf, level, parent.price, nothing, nothing, parent.number, level)
        return _with_levels(problem, incumbent, node, level, parent.price)
    free = np.zeros(len(problem.limits))
    start = problem.columns_of(incumbent.sites)
    _, first, second = kernels.nearest_listed(*problem.lists[:3], problem.rows.beyond, start)
    node = Node(-np.inf, first, free, nothing, nothing, -1, first)
    for most in (1.0, 1.2, 1.5, 2.0, np.inf):
        between = second if most == np.inf else np.minimum(second, most * first)
        node = _with_levels(problem, incumbent, node, (first + between) / 2.0, free)
    return replace(node, number=incumbent.new_step(node.level, node.price))


def _settled(incumbent: Incumbent, node: Node) -> bool:
    """Take the bound of the whole problem; true where that ends the search."""
    incumbent.end_step(node, -1, ())
    incumbent.raise_bound(node.bound)
    return incumbent.done


def _go_on(
    problem: Problem, incumbent: Incumbent, node: Node, opened: Mask, closed: Mask, *, cut: bool = False
) -> None:
    """Search what the fixing left."""
    if problem.impossible(opened, closed):
        return incumbent.raise_bound(np.inf)
    left = problem.restrict(opened, closed)
    if not left.sites or not left.rows.n_columns:
        incumbent.offer(left, np.zeros(left.rows.n_columns, bool))
        return incumbent.raise_bound(np.inf)
    following = incumbent.new_step(node.level, node.price)
    incumbent.end_step(node, -1, (following,))
    return find_best(left, incumbent, replace(node, number=following), cut=cut)


def fixed(problem: Problem, incumbent: Incumbent, node: Node) -> tuple[Mask, Mask]:
    """Mark the columns that every plan below the threshold opens, or closes, beyond those of the node."""
    _, if_opened, if_closed = bound_of(
        problem.rows, node.level, problem.sites, node.opened, node.closed, problem.limits, node.price
    )
    closed = node.closed | (~node.opened & (if_opened >= incumbent.threshold))
    opened = node.opened | (~closed & (if_closed >= incumbent.threshold))
    _, must, never = problem.limits.forced_by(opened, closed)
    return opened | must, closed | never


def _ascend(problem: Problem, incumbent: Incumbent, node: Node, turns: int) -> tuple[Node, Floats]:
    """Raise the bound of a node by subgradient steps; and how often columns were chosen (n,)."""
    left = problem.restrict(node.opened, node.closed) if (node.opened | node.closed).any() else problem
    rows = left.rows
    level, direction, step = node.start, np.zeros(len(rows.weight) + rows.n_columns), 0.5
    share = left.columns_of(incumbent.sites).astype(np.float64)
    nothing, bound, highest = np.zeros(rows.n_columns, bool), node.bound, level
    for turn in range(turns):
        if incumbent.late or bound >= incumbent.threshold:
            break
        before = bound
        _, best_level, level, direction, step, share = kernels.ascend(
            *left.lists[:3], rows.weight, rows.beyond, left.sites, level, direction, step,
            incumbent.cost, _ROUNDS,
        )  # fmt: skip
        raised = bound_of(rows, best_level, left.sites, nothing, nothing)[0]
        if raised > bound:
            bound, highest = raised, np.minimum(best_level, rows.beyond)
        if turn % _OFFER_TURNS == 0:
            opened = np.zeros(rows.n_columns, bool)
            opened[np.argsort(-share, kind="stable")[: left.sites]] = True
            incumbent.offer(left, improve(left, opened, incumbent.deadline))
        if turn > 0 and bound - before < _TAIL_SHARE * (incumbent.threshold - bound):
            break
    if bound > node.bound:
        node = _with_levels(problem, incumbent, node, highest, node.price)
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
        values.append(master.objective / master.scale)  # an estimate only: the bound is that of the levels
        last = not root and _tails_off(values, incumbent)
        if not last and values[-1] < incumbent.threshold and not incumbent.late:
            inside, added = master.separate(inside, fraction, cover)
            if added:
                continue
        node = _with_levels(problem, incumbent, node, master.levels(), master.prices())
        if last or not master.separate(inside, fraction, cover)[1]:
            break
    else:
        node = _with_levels(problem, incumbent, node, master.levels(), master.prices())
    if node.bound < incumbent.threshold and (root or incumbent.nodes % _OFFER_NODES == 0):
        opened = np.zeros(len(fraction), bool)
        opened[np.argsort(-fraction, kind="stable")[: problem.sites]] = True
        incumbent.offer(problem, improve(problem, opened, incumbent.deadline, fraction))
    return node, fraction


def _with_levels(problem: Problem, incumbent: Incumbent, node: Node, level: Floats, price: Floats) -> Node:
    """Take the levels and prices for the node where they prove more; in single precision if that does."""
    at = problem.sites, node.opened, node.closed, problem.limits, price
    bound, short = bound_of(problem.rows, level, *at)[0], rounded(level)
    if bound <= node.bound:
        return node
    with_short = bound_of(problem.rows, short, *at)[0]
    left = incumbent.threshold - bound
    if with_short > node.bound and (with_short >= incumbent.threshold or bound - with_short < 1e-3 * left):
        return replace(node, bound=with_short, level=short, price=price, start=level)
    return replace(node, bound=bound, level=level, price=price, start=level)


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
        if _by_cuts(problem):
            node, fraction = relax(problem, master, incumbent, node, inside=None)
        else:
            node, fraction = _ascend(problem, incumbent, node, _NODE_TURNS)
        incumbent.nodes += 1
        if incumbent.nodes % 2 == 0:
            master.purge()
        incumbent.end_step(node, -1, ())
        if node.bound < incumbent.threshold:
            for child in _split(problem, incumbent, node, fraction):
                heapq.heappush(heap, (child.bound, next(order), child))
    incumbent.raise_bound(np.inf)


def _split(problem: Problem, incumbent: Incumbent, node: Node, fraction: Floats) -> list[Node]:
    """Fix what the node's bound fixes, and split the rest at the free column that is least decided."""
    opened, closed = fixed(problem, incumbent, node)
    free = np.flatnonzero(~(opened | closed))
    incumbent.end_step(node, -1, ())
    if problem.impossible(opened, closed):
        return []
    if opened.sum() == problem.sites or not len(free):
        incumbent.offer(problem, opened)
        return []
    undecided = np.minimum(fraction[free], 1.0 - fraction[free])
    column = np.arange(problem.rows.n_columns) == free[int(np.argmax(undecided))]
    children = []
    for more_opened, more_closed in ((opened, closed | column), (opened | column, closed)):
        at = problem.sites, more_opened, more_closed, problem.limits, node.price
        bound = max(node.bound, bound_of(problem.rows, node.level, *at)[0])
        number = incumbent.new_step(node.level, node.price)
        children.append(replace(node, bound=bound, opened=more_opened, closed=more_closed, number=number))
    site, numbers = int(problem.position[column][0]), tuple(child.number for child in children)
    incumbent.end_step(node, site, numbers)
    return children
