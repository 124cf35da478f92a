"""The p-dispersion: sites as far apart from each other as can be, with a proven bound."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from .covering import Branch
from .packing import decide_packing, steps_hold
from .plan import Plan
from .reduce import Floats, Mask, Positions
from .requests import conflict, mask_of, no_plan


@dataclass(frozen=True)
class DispersionProof:
    """Why no plan keeps its sites farther apart."""

    distance: float
    """No ``p`` candidates are all farther apart than this."""
    cliques: Mask
    """(cliques, n) candidates of which no two are farther apart."""
    steps: list[Branch]
    """Empty where the forced sites or the largest distance decide."""


@dataclass
class _Search:
    apart: Floats
    sites: int
    opened: Mask
    closed: Mask
    deadline: float
    plan: Mask
    lower: float
    upper: float
    cliques: Mask
    steps: list[Branch] = field(default_factory=list)
    decisions: int = 0

    def offer(self, plan: Mask) -> None:
        distance = _least(self.apart, np.flatnonzero(plan))
        if distance > self.lower:
            self.plan, self.lower = plan, distance


def p_dispersion(
    distance: ArrayLike,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
) -> Plan:
    """Open ``p`` of the candidates so that the two nearest of them are as far apart as can be (max-min).

    ``max min_{j<k opened} d_jk`` with exactly ``p`` opened (Kuby 1987; Erkut 1990). Bisection over the
    distances; for one, whether ``p`` candidates stand that far apart is a question of independent sets
    (Sayah and Irnich 2017), decided by `packing.decide_packing`; that there are none is proven by prices on
    cliques, in whole numbers.

    Parameters
    ----------
    distance
        (n, n) distances >= 0 between candidates; of the two directions the smaller counts; ``inf`` where
        there is no way.
    p
        Sites to open, the forced ones among them.
    forced, forbidden
        Candidates that are opened in any case (existing sites), or never.
    time_limit_s
        Wall time after which the best plan so far is returned with its proven gap.

    Returns
    -------
    Plan
        ``objective`` is the least distance between two opened sites (``inf`` for fewer than two), ``bound``
        what it is at most in any plan; ``gains`` the distance of each site to its nearest other one, sites
        in that order.

    Raises
    ------
    ValueError
        The matrix is not square, or a distance is negative or not a number.

    Examples
    --------
    >>> places = np.array([0.0, 1.0, 4.0, 9.0])
    >>> plan = p_dispersion(abs(places[:, None] - places), p=3)
    >>> sorted(plan.sites), plan.objective, plan.bound, plan.status
    ([0, 2, 3], 4.0, 4.0, 'optimal')
    """
    return p_dispersion_with_proof(
        distance, p=p, forced=forced, forbidden=forbidden, time_limit_s=time_limit_s
    )[0]


def p_dispersion_with_proof(
    distance: ArrayLike,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
) -> tuple[Plan, DispersionProof]:
    """Do as `p_dispersion`, and return the proof for `certify_dispersion` too; parameters as there."""
    started = time.monotonic()
    apart = _apart(distance)
    n = len(apart)
    opened, closed = mask_of(forced, n), mask_of(forbidden, n)
    nothing = np.zeros((0, n), bool)
    reason = conflict(p, opened, closed)
    if reason:
        return no_plan("infeasible", reason, started), DispersionProof(math.inf, nothing, [])
    search = _begin(apart, p, opened, closed, started + time_limit_s)
    note = ""
    try:
        _bisect(search)
    except KeyboardInterrupt:
        note = "已中断, 方案是到中断时为止最好的"
    return _plan(search, note, started), DispersionProof(search.upper, search.cliques, search.steps)


def dispersion_distance(distance: ArrayLike, sites: Sequence[int]) -> float:
    """Give the least distance between two of some sites, straight from the raw distances.

    Examples
    --------
    >>> dispersion_distance(np.array([[0, 3, 5], [2, 0, 4], [5, 4, 0]]), [0, 1, 2])
    2.0
    """
    raw = np.asarray(distance, np.float64)
    return min((float(raw[j, k]) for j in sites for k in sites if j != k), default=math.inf)


def certify_dispersion(
    distance: ArrayLike,
    proof: DispersionProof,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
) -> float:
    """Recompute from the raw distances and the prices alone how far apart sites can be at most.

    Returns
    -------
    distance
        ``proof.distance`` where the proof holds; otherwise what the forced sites and the largest distance
        allow.
    """
    apart = _apart(distance)
    opened, closed = mask_of(forced, len(apart)), mask_of(forbidden, len(apart))
    alone = _most(apart, p, opened, closed)
    if proof.distance >= alone or not proof.steps:
        return alone
    near = apart <= proof.distance
    np.fill_diagonal(near, False)
    if near[np.ix_(opened, opened)].any():
        return alone
    return (
        proof.distance
        if steps_hold(near, proof.cliques, proof.steps, sites=p, opened=opened, closed=closed)
        else alone
    )


def _apart(distance: ArrayLike) -> Floats:
    apart = np.array(distance, np.float64)
    if apart.ndim != 2 or apart.shape[0] != apart.shape[1]:
        raise ValueError(f"distance must be a square matrix, not of shape {apart.shape}")
    np.fill_diagonal(apart, np.inf)
    if apart.size and not apart.min() >= 0:  # a NaN is not >= 0
        raise ValueError("distances must be numbers >= 0")
    return np.minimum(apart, apart.T)


def _least(apart: Floats, sites: Positions) -> float:
    return float(apart[np.ix_(sites, sites)].min(initial=np.inf))


def _most(apart: Floats, p: int, opened: Mask, closed: Mask) -> float:
    """Bound the distance by the forced sites, and by the largest distance between two candidates."""
    if p < 2:
        return math.inf
    forced = _least(apart, np.flatnonzero(opened))
    allowed = np.flatnonzero(~closed)
    block = apart[np.ix_(allowed, allowed)]
    off = block[~np.eye(len(allowed), dtype=bool)]
    return min(forced, float(off.max(initial=0.0)))


def _begin(apart: Floats, p: int, opened: Mask, closed: Mask, deadline: float) -> _Search:
    """Open the candidate farthest from those open, one by one (Ravi, Rosenkrantz and Tayi 1994)."""
    plan = opened.copy()
    if not plan.any() and p:
        allowed = np.where(closed[:, None] | closed[None], -1.0, apart)
        np.fill_diagonal(allowed, -1.0)
        plan[int(np.argmax(allowed.max(axis=1)))] = ~closed.all()
        if closed[plan].any():
            plan = np.arange(len(closed)) == int(np.flatnonzero(~closed)[0])
    while plan.sum() < p:
        away = np.where(plan | closed, -1.0, apart[plan].min(axis=0, initial=np.inf))
        plan[int(np.argmax(away))] = True
    lower = _least(apart, np.flatnonzero(plan))
    upper = _most(apart, p, opened, closed)
    nothing = np.zeros((0, len(apart)), bool)
    return _Search(apart, p, opened, closed, deadline, plan, lower, upper, nothing)


def _bisect(search: _Search) -> None:
    """Halve the distances that are left until one is, or time is up."""
    values = np.unique(search.apart)
    while search.lower < search.upper and time.monotonic() < search.deadline:
        inside = values[(values > search.lower) & (values <= search.upper)]
        if not len(inside):
            break
        distance = float(inside[len(inside) // 2])
        search.decisions += 1
        near = search.apart < distance
        found = decide_packing(near, search.sites, search.opened, search.closed, search.deadline)
        if found is None:
            return
        if isinstance(found, np.ndarray):
            search.offer(found)
            continue
        below = values[values < distance]
        search.upper = float(below[-1]) if len(below) else 0.0
        search.cliques, search.steps = found
    search.upper = max(search.lower, search.upper) if search.lower < search.upper else search.lower


def _plan(search: _Search, note: str, started: float) -> Plan:
    sites = np.flatnonzero(search.plan)
    nearest = search.apart[np.ix_(sites, sites)].min(axis=1, initial=np.inf)
    order = np.argsort(-nearest, kind="stable")
    objective, bound = search.lower, search.upper
    proven = bound == objective
    return Plan(
        sites=tuple(sites[order].tolist()),
        gains=tuple(nearest[order].tolist()),
        objective=objective,
        bound=bound,
        status="optimal" if proven else "feasible",
        gap=0.0 if proven else 1.0 - objective / bound,
        reductions={"candidates": len(search.apart), "decisions": search.decisions},
        note=note,
        seconds=time.monotonic() - started,
    )
