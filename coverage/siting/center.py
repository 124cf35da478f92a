"""The p-center: the sites from which nobody is farther than need be, with a proven bound."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from .branch import Progress
from .certificate import Checked
from .covering import Wanted, decide_cover, on_kept, tree_holds
from .median_rows import Costs, read_costs
from .plan import Plan
from .proofs import CenterProof, Tree
from .reduce import Floats, Mask, Positions
from .requests import no_plan, weights_of
from .rules import Rules, broken
from .site_limits import Asked, SiteLimits, asked_of, some_plan

_MOST_PAIRS = 20_000_000
"""Up to so many pairs, all rows are looked at to say how many sites would reach them."""


@dataclass
class _Search:
    """The working state; the rows grow by those that the plans leave farthest."""

    costs: Costs
    rows: Positions
    """All rows of demand."""
    asked: Asked
    started: float
    deadline: float
    progress: Progress | None = None
    plan: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    upper: float = math.inf
    lower: float = 0.0
    tree: Tree | None = None
    met: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    """The rows that decide so far."""
    cost: Floats = field(default_factory=lambda: np.empty((0, 0)))
    """Their costs to the columns, and to the nearest forced candidate in the last column."""
    decisions: int = 0

    @cached_property
    def forced(self) -> Positions:
        """Candidates open in any case."""
        return np.flatnonzero(self.asked.opened)

    @cached_property
    def columns(self) -> Positions:
        """The other candidates that may be opened."""
        return np.flatnonzero(~(self.asked.opened | self.asked.closed))

    @cached_property
    def limits(self) -> SiteLimits | None:
        """The rules on the columns; None where there are none."""
        asked = self.asked
        return asked.limits.restrict(asked.opened, asked.closed) if asked.ruled else None

    @cached_property
    def replaceable(self) -> Mask | None:
        """Which column may give its place to which under the rules."""
        return None if self.limits is None else self.limits.replaceable()

    def meet(self, rows: Positions) -> None:
        """Let more rows decide."""
        forced = self.costs.nearest(rows, self.forced)[1]
        block = np.column_stack([self.costs.block(rows, self.columns), forced])
        self.cost = np.vstack([self.cost.reshape(-1, block.shape[1]), block])
        self.met = np.r_[self.met, rows]

    def offer(self, sites: Positions) -> tuple[Positions, Floats]:
        """Take a plan where it is allowed and its radius smaller; nearest site and cost of every row."""
        who, first, _ = self.costs.nearest(self.rows, sites)
        radius = float(first.max(initial=0.0))
        if radius < self.upper and self.asked.allows(self.asked.mask(sites)):
            self.plan = sites  # before its radius: an interruption leaves a plan that is as good as told
            self.upper = radius
            self._tell()
        return who, first

    def raise_bound(self, lower: float, tree: Tree | None) -> None:
        """Take a radius that no plan is below, and why."""
        self.tree, self.lower = tree, lower
        self._tell()

    def _tell(self) -> None:
        if self.progress is not None and self.upper < math.inf:
            lower = min(self.lower, self.upper)
            gap = (self.upper - lower) / self.upper if self.upper else 0.0
            self.progress(self.upper, lower, gap, time.monotonic() - self.started)


def p_center(
    cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike],
    weight: ArrayLike,
    *,
    p: int,
    n_candidates: int | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Plan:
    """Open at most ``p`` of the candidates so that the farthest resident has the least way.

    ``min r`` such that every row with residents has an opened candidate at a cost of at most ``r`` (Hakimi
    1964). Bisection over the costs; for a radius, whether ``p`` candidates reach all rows (Minieka 1970) is
    decided on few rows, to which those are added that a plan leaves too far (Chen and Chen 2009; Contardo,
    Iori and Kramer 2019). That no plan has a smaller radius is proven by prices on rows and rules, in whole
    numbers (`covering`).

    Parameters
    ----------
    cost, p, n_candidates, forced, forbidden, rules, time_limit_s, progress
        As in `p_median`.
    weight
        (m,) residents of each row; rows without residents do not count, the others all alike.

    Returns
    -------
    Plan
        ``objective`` is the radius, ``bound`` what any plan's radius is at least; ``gains`` what the radius
        would rise by without each site alone (``inf`` where residents would be left without any), sites in
        that order. ``certificate`` is for `certify_center`.

    Examples
    --------
    >>> cost = np.array([[0, 3, 9], [3, 0, 6], [9, 6, 0]])
    >>> plan = p_center(cost, [1, 1, 1], p=2)
    >>> sorted(plan.sites), plan.objective, plan.bound, plan.status
    ([0, 2], 3.0, 3.0, 'optimal')
    """
    started = time.monotonic()
    costs = read_costs(cost, n_candidates)
    weights = weights_of(weight, costs.n_rows)
    asked = asked_of(p, costs.n_candidates, forced=forced, forbidden=forbidden, rules=rules)
    rows = np.flatnonzero(weights > 0)
    search = _Search(costs, rows, asked, started, started + time_limit_s, progress)
    note = ""
    try:
        reason = asked.contradiction() or _unreachable(costs, rows, np.flatnonzero(~asked.closed))
        if reason:
            return no_plan("infeasible", reason, started)
        _begin(search)
        _bisect(search)
        if search.lower == math.inf:
            return _why(search)
    except KeyboardInterrupt:
        note = "已中断, 方案是到中断时为止最好的"
    if search.upper == math.inf:
        undecided = "没有找到能到达所有居民的方案, 也没有证明它不存在"
        none = no_plan("feasible", f"{'已中断' if note else '限时内'}, {undecided}", started)
        return replace(none, bound=search.lower, certificate=CenterProof(search.lower, search.tree))
    return _plan(search, note)


def center_radius(
    cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike],
    weight: ArrayLike,
    sites: Sequence[int],
    *,
    n_candidates: int | None = None,
) -> float:
    """Give the cost of the farthest row with residents to its nearest site, straight from the raw costs.

    Examples
    --------
    >>> center_radius(np.array([[0, 3], [3, 0], [5, 1]]), [1, 2, 0], [1])
    3.0
    """
    costs, rows = read_costs(cost, n_candidates), np.flatnonzero(np.asarray(weight) > 0)
    return float(costs.nearest(rows, np.asarray(sites, np.int64))[1].max(initial=0.0))


def certify_center(
    cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike],
    weight: ArrayLike,
    plan: Plan,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    n_candidates: int | None = None,
    rules: Rules | None = None,
) -> Checked:
    """Check a plan of `p_center`: whether it is allowed, its radius, and how small any radius can be.

    From the raw costs and the prices of ``plan.certificate`` alone.

    Returns
    -------
    Checked
        ``bound`` is ``certificate.radius`` where the proof holds; otherwise the cost of the row that is
        farthest from all candidates.

    Examples
    --------
    >>> cost = np.array([[0, 3, 9], [3, 0, 6], [9, 6, 0]])
    >>> certify_center(cost, [1, 1, 1], p_center(cost, [1, 1, 1], p=1), p=1)
    Checked(objective=6.0, bound=6.0, problems=())
    """
    costs, rows = read_costs(cost, n_candidates), np.flatnonzero(np.asarray(weight) > 0)
    asked = asked_of(p, costs.n_candidates, forced=forced, forbidden=forbidden, rules=rules)
    objective = center_radius(cost, weight, plan.sites, n_candidates=n_candidates)
    problems = list(broken(asked.rules, plan.sites))
    if not asked.allows(asked.mask(np.asarray(plan.sites, np.int64))):
        problems.append("the plan is not allowed")
    if objective != plan.objective:
        problems.append(f"the radius of the plan is {objective:g}")
    alone = float(costs.nearest(rows, np.flatnonzero(~asked.closed))[1].max(initial=0.0))
    proof = plan.certificate
    if not isinstance(proof, CenterProof):
        return Checked(objective, alone, (*problems, "there is no proof"))
    if proof.radius <= alone:
        return Checked(objective, proof.radius, tuple(problems))
    if proof.tree is None or not _holds(costs, rows, asked, proof.radius, proof.tree):
        return Checked(objective, alone, (*problems, "the proof does not hold"))
    return Checked(objective, proof.radius, tuple(problems))


def _holds(costs: Costs, rows: Positions, asked: Asked, radius: float, tree: Tree) -> bool:
    """Tell whether a tree proves that no plan reaches all its rows at less than a radius."""
    if not np.isin(tree.rows, rows).all():
        return False
    columns = np.flatnonzero(~(asked.opened | asked.closed))
    cover = costs.block(tree.rows, columns) < radius
    if (costs.block(tree.rows, np.flatnonzero(asked.opened)) < radius).any():
        return False
    limits = asked.limits.restrict(asked.opened, asked.closed) if asked.ruled else None
    replaceable = None if limits is None else limits.replaceable()
    sites = asked.p - int(asked.opened.sum())
    wanted, position = on_kept(Wanted(cover, sites, limits), columns, replaceable)
    return tree_holds(wanted, tree, position)


def _unreachable(costs: Costs, rows: Positions, allowed: Positions) -> str:
    lost = rows[~np.isfinite(costs.nearest(rows, allowed)[1])]
    if not len(lost):
        return ""
    some = ", ".join(map(str, lost[:5].tolist())) + (" 等" if len(lost) > 5 else "")
    return f"{len(lost)} 处居民任何候选点都到不了 (序号 {some})"


def _begin(search: _Search) -> None:
    """Open, for the farthest row each, the nearest candidate (after Gonzalez 1985) that the rules allow."""
    costs, rows, asked = search.costs, search.rows, search.asked
    search.lower = alone = float(costs.nearest(rows, np.flatnonzero(~asked.closed))[1].max(initial=0.0))
    sites = search.forced
    _, first = search.offer(sites)
    far = []
    while len(sites) < asked.p and len(rows) and len(search.columns) and first.max() > alone:
        worst = int(np.argmax(first))
        far.append(worst)
        nearest = costs.block(rows[worst : worst + 1], search.columns)[0]
        if asked.ruled:
            nearest[asked.limits.full(asked.mask(sites))[search.columns]] = np.inf
        site = search.columns[int(np.argmin(nearest))]
        if site in sites or nearest.min() == np.inf:
            break
        sites = np.r_[sites, site]
        first = np.minimum(first, costs.nearest(rows, np.array([site]))[1])
    _, first = search.offer(np.sort(sites))
    if asked.ruled and search.upper == math.inf:
        _repair(search, asked.mask(sites))
    search.meet(rows[np.unique([*far, int(np.argmax(first))])] if len(rows) else rows)


def _repair(search: _Search, plan: Mask) -> None:
    """Make a plan that keeps the rules of one that does not, and offer it."""
    asked = search.asked
    limits = asked.limits.restrict(asked.opened, asked.closed)
    free = plan[search.columns]
    left = asked.p - len(search.forced)
    opened = limits.repair(free, left, free.astype(np.float64))
    search.offer(np.sort(np.r_[search.forced, search.columns[opened]]))


def _why(search: _Search) -> Plan:
    """Say why no plan reaches all residents, and how many sites would."""
    costs, asked, left = search.costs, search.asked, max(search.deadline, time.monotonic() + 1.0)
    rows = search.rows if len(search.rows) * costs.n_candidates <= _MOST_PAIRS else search.met
    way = np.unique(np.isfinite(costs.block(rows, np.arange(costs.n_candidates))), axis=0)
    rules_only = csr_array((0, costs.n_candidates))
    reach = csr_array(way.astype(np.float64)) if len(way) else rules_only
    found = some_plan(asked, reach, exactly=False, deadline=left)
    if isinstance(found, Plan):
        return found
    return no_plan("infeasible", f"{asked.p} 个点不能到达所有居民", search.started)


def _bisect(search: _Search) -> None:
    """Halve the radii that are left until one is, or time is up."""
    while search.lower < search.upper and time.monotonic() < search.deadline:
        values = np.unique(search.cost)
        inside = values[(values > search.lower) & (values < search.upper)]
        radius = float(np.r_[search.lower, inside][(len(inside) + 1) // 2])
        found = _decide(search, radius)
        if found is None:
            return
        if isinstance(found, Tree):
            beyond = np.unique(search.cost)
            beyond = beyond[beyond > radius]
            search.raise_bound(float(beyond[0]) if len(beyond) else math.inf, found)


def _decide(search: _Search, radius: float) -> bool | Tree | None:
    """Find a plan within a radius (true), or prove that there is none; None where the time ran out."""
    while True:
        search.decisions += 1
        asked = search.cost[:, -1] > radius
        cover = search.cost[asked, :-1] <= radius
        wanted = Wanted(cover, search.asked.p - len(search.forced), search.limits)
        wanted, position = on_kept(wanted, search.columns, search.replaceable)
        found = decide_cover(wanted, search.met[asked], position, search.deadline)
        if not isinstance(found, np.ndarray):
            return found
        who, first = search.offer(np.sort(np.r_[search.forced, position[found]]))
        if float(first.max(initial=0.0)) <= radius:
            return True
        if time.monotonic() >= search.deadline:
            return None
        search.meet(search.rows[_farthest(who, first, radius)])


def _farthest(who: Positions, first: Floats, radius: float) -> Positions:
    """Choose the farthest row of each site among those beyond the radius."""
    beyond = np.flatnonzero(first > radius)
    ranked = beyond[np.lexsort((beyond, -first[beyond], who[beyond]))]
    return np.sort(ranked[np.r_[True, who[ranked][1:] != who[ranked][:-1]]])


def _plan(search: _Search, note: str) -> Plan:
    asked, sites, objective = search.asked, search.plan, search.upper
    while True:
        who, _, second = search.costs.nearest(search.rows, sites)
        without = np.full(search.costs.n_candidates, objective)
        np.maximum.at(without, who[who >= 0], second[who >= 0])
        useless = np.flatnonzero(without[sites] <= objective)[::-1]
        gone = [i for i in useless.tolist() if asked.allows(asked.mask(np.delete(sites, i)))]
        if not gone:
            break
        sites = np.delete(sites, gone[0])
    order = np.argsort(-without[sites], kind="stable")
    bound = min(search.lower, objective)
    spare, within = asked.p - len(sites), "在各项规则下" if asked.ruled else ""
    told = spare > 0 and bound == objective
    unused = f"另外 {spare} 个名额{within}不会缩短最远距离, 未开设" if told else ""
    return Plan(
        sites=tuple(sites[order].tolist()),
        gains=tuple((without[sites][order] - objective).tolist()),
        objective=objective,
        bound=bound,
        status="optimal" if bound == objective else "feasible",
        gap=(objective - bound) / objective if objective else 0.0,
        reductions={
            "rows": search.costs.n_rows,
            "candidates": search.costs.n_candidates,
            "rows_without_weight": search.costs.n_rows - len(search.rows),
            "rows_deciding": len(search.met),
            "decisions": search.decisions,
        },
        note="; ".join(part for part in (unused, note) if part),
        seconds=time.monotonic() - search.started,
        certificate=CenterProof(bound, search.tree),
    )
