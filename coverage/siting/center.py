"""The p-center: the sites from which nobody is farther than need be, with a proven bound."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from .covering import Tree, Wanted, decide_cover, on_kept, tree_holds
from .median_rows import Costs, read_costs
from .plan import Plan
from .reduce import Floats, Mask, Positions
from .requests import conflict, mask_of, no_plan, weights_of


@dataclass(frozen=True)
class CenterProof:
    """Why no plan has a smaller radius."""

    radius: float
    """No ``p`` candidates reach all demand at costs below this."""
    tree: Tree | None
    """None where a single row of demand is that far from every candidate."""


@dataclass
class _Search:
    """The working state; the rows grow by those that the plans leave farthest."""

    costs: Costs
    rows: Positions
    """All rows of demand."""
    columns: Positions
    forced: Positions
    sites: int
    deadline: float
    plan: Positions
    upper: float
    lower: float
    tree: Tree | None = None
    met: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    """The rows that decide so far."""
    cost: Floats = field(default_factory=lambda: np.empty((0, 0)))
    """Their costs to the columns, and to the nearest forced candidate in the last column."""
    decisions: int = 0

    def meet(self, rows: Positions) -> None:
        """Let more rows decide."""
        forced = self.costs.nearest(rows, self.forced)[1]
        block = np.column_stack([self.costs.block(rows, self.columns), forced])
        self.cost = np.vstack([self.cost.reshape(-1, block.shape[1]), block])
        self.met = np.r_[self.met, rows]

    def offer(self, sites: Positions) -> tuple[Positions, Floats]:
        """Take a plan where its radius is smaller; the nearest site and the cost of every row."""
        who, first, _ = self.costs.nearest(self.rows, sites)
        radius = float(first.max(initial=0.0))
        if radius < self.upper:
            self.plan, self.upper = sites, radius
        return who, first


def p_center(
    cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike],
    weight: ArrayLike,
    *,
    p: int,
    n_candidates: int | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
) -> Plan:
    """Open at most ``p`` of the candidates so that the farthest resident has the least way.

    ``min r`` such that every row with residents has an opened candidate at a cost of at most ``r`` (Hakimi
    1964). Bisection over the costs; for a radius, whether ``p`` candidates reach all rows (Minieka 1970) is
    decided on few rows, to which those are added that a plan leaves too far (Chen and Chen 2009; Contardo,
    Iori and Kramer 2019). That no plan has a smaller radius is proven by prices on rows, in whole numbers
    (`covering`).

    Parameters
    ----------
    cost, p, n_candidates, forced, forbidden, time_limit_s
        As in `p_median`.
    weight
        (m,) residents of each row; rows without residents do not count, the others all alike.

    Returns
    -------
    Plan
        ``objective`` is the radius, ``bound`` what any plan's radius is at least; ``gains`` what the radius
        would rise by without each site alone (``inf`` where residents would be left without any), sites in
        that order.

    Examples
    --------
    >>> cost = np.array([[0, 3, 9], [3, 0, 6], [9, 6, 0]])
    >>> plan = p_center(cost, [1, 1, 1], p=2)
    >>> sorted(plan.sites), plan.objective, plan.bound, plan.status
    ([0, 2], 3.0, 3.0, 'optimal')
    """
    return p_center_with_proof(
        cost,
        weight,
        p=p,
        n_candidates=n_candidates,
        forced=forced,
        forbidden=forbidden,
        time_limit_s=time_limit_s,
    )[0]


def p_center_with_proof(
    cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike],
    weight: ArrayLike,
    *,
    p: int,
    n_candidates: int | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
) -> tuple[Plan, CenterProof]:
    """Do as `p_center`, and return the proof for `certify_center` too; parameters as there."""
    started = time.monotonic()
    costs = read_costs(cost, n_candidates)
    weights = weights_of(weight, costs.n_rows)
    opened, closed = mask_of(forced, costs.n_candidates), mask_of(forbidden, costs.n_candidates)
    nothing = CenterProof(0.0, None)
    reason = conflict(p, opened, closed)
    rows = np.flatnonzero(weights > 0)
    if not reason:
        reason = _unreachable(costs, rows, np.flatnonzero(~closed))
    if reason:
        return no_plan("infeasible", reason, started), nothing
    search = _begin(costs, rows, opened, closed, p=p, deadline=started + time_limit_s)
    note = ""
    try:
        _bisect(search)
    except KeyboardInterrupt:
        note = "已中断, 方案是到中断时为止最好的"
    proof = CenterProof(search.lower, search.tree)
    if search.upper == math.inf and search.lower == math.inf:
        return no_plan("infeasible", f"{p} 个点不能到达所有居民", started), proof
    if search.upper == math.inf:
        note = "限时内没有找到能到达所有居民的方案, 也没有证明它不存在"
        return replace(no_plan("feasible", note, started), bound=search.lower), proof
    return _plan(search, opened, p, note, started), proof


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
    proof: CenterProof,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    n_candidates: int | None = None,
) -> float:
    """Recompute from the raw costs and the prices alone how small a radius can be at least.

    Returns
    -------
    radius
        ``proof.radius`` where the proof holds; otherwise the cost of the row that is farthest from all
        candidates.
    """
    costs, rows = read_costs(cost, n_candidates), np.flatnonzero(np.asarray(weight) > 0)
    opened, closed = mask_of(forced, costs.n_candidates), mask_of(forbidden, costs.n_candidates)
    alone = float(costs.nearest(rows, np.flatnonzero(~closed))[1].max(initial=0.0))
    if proof.tree is None or not np.isin(proof.tree.rows, rows).all():
        return min(alone, proof.radius)
    columns = np.flatnonzero(~(opened | closed))
    cover = costs.block(proof.tree.rows, columns) < proof.radius
    served = costs.block(proof.tree.rows, np.flatnonzero(opened)) < proof.radius
    if served.any():
        return min(alone, proof.radius)
    wanted, position = on_kept(Wanted(cover, p - int(opened.sum())), columns)
    return proof.radius if tree_holds(wanted, proof.tree, position) else min(alone, proof.radius)


def _unreachable(costs: Costs, rows: Positions, allowed: Positions) -> str:
    lost = rows[~np.isfinite(costs.nearest(rows, allowed)[1])]
    if not len(lost):
        return ""
    some = ", ".join(map(str, lost[:5].tolist())) + (" 等" if len(lost) > 5 else "")
    return f"{len(lost)} 处居民任何候选点都到不了 (序号 {some})"


def _begin(costs: Costs, rows: Positions, opened: Mask, closed: Mask, *, p: int, deadline: float) -> _Search:
    """Open, for the farthest row each, the candidate nearest to it (after Gonzalez 1985)."""
    forced, columns = np.flatnonzero(opened), np.flatnonzero(~(opened | closed))
    alone = float(costs.nearest(rows, np.flatnonzero(~closed))[1].max(initial=0.0))
    search = _Search(costs, rows, columns, forced, p - len(forced), deadline, forced, math.inf, alone)
    sites = forced
    _, first = search.offer(sites)
    far = []
    while len(sites) < p and len(rows) and first.max() > alone:
        worst = int(np.argmax(first))
        far.append(worst)
        nearest = costs.block(rows[worst : worst + 1], columns)[0]
        site = columns[int(np.argmin(nearest))]
        if site in sites:
            break
        sites = np.r_[sites, site]
        first = np.minimum(first, costs.nearest(rows, np.array([site]))[1])
    _, first = search.offer(np.sort(sites))
    if len(rows):
        search.meet(rows[np.unique([*far, int(np.argmax(first))])])
    return search


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
            search.lower = float(beyond[0]) if len(beyond) else math.inf
            search.tree = found
    search.lower = min(search.lower, search.upper)


def _decide(search: _Search, radius: float) -> bool | Tree | None:
    """Find a plan within a radius (true), or prove that there is none; None where the time ran out."""
    while True:
        search.decisions += 1
        asked = search.cost[:, -1] > radius
        cover = search.cost[asked, :-1] <= radius
        wanted, position = on_kept(Wanted(cover, search.sites), search.columns)
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


def _plan(search: _Search, opened: Mask, p: int, note: str, started: float) -> Plan:
    sites, objective = search.plan, search.upper
    while True:
        who, _, second = search.costs.nearest(search.rows, sites)
        without = np.full(search.costs.n_candidates, objective)
        np.maximum.at(without, who[who >= 0], second[who >= 0])
        useless = np.flatnonzero((without[sites] <= objective) & ~opened[sites])
        if not len(useless):
            break
        sites = np.delete(sites, useless[-1])
    order = np.argsort(-without[sites], kind="stable")
    unused = f"另外 {p - len(sites)} 个名额不会缩短最远距离, 未开设" if len(sites) < p else ""
    bound = min(search.lower, objective)
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
        seconds=time.monotonic() - started,
    )
