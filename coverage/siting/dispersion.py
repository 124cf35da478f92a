"""The p-dispersion: sites as far apart from each other as can be, with a proven bound."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from .branch import Progress
from .certificate import Checked
from .packing import Packing, decide_packing, steps_hold
from .plan import Plan
from .proofs import Branch, DispersionProof
from .reduce import Floats, Mask, Positions
from .requests import no_plan
from .rules import Rules, broken
from .site_limits import Asked, asked_of, some_plan


@dataclass
class _Search:
    """The working state: the plan so far, and what its least distance lies between."""

    apart: Floats
    asked: Asked
    started: float
    deadline: float
    progress: Progress | None = None
    plan: Mask | None = None
    lower: float = -1.0
    upper: float = math.inf
    cliques: Mask = field(default_factory=lambda: np.zeros((0, 0), bool))
    steps: list[Branch] = field(default_factory=list)
    decisions: int = 0

    def offer(self, plan: Mask) -> None:
        """Take a plan where it is allowed and its sites are farther apart."""
        distance = _least(self.apart, np.flatnonzero(plan))
        if distance > self.lower and int(plan.sum()) == self.asked.p and self.asked.allows(plan):
            self.plan = plan  # before its distance: an interruption leaves a plan that is as good as told
            self.lower = distance
            self._tell()

    def lower_bound(self, upper: float, cliques: Mask, steps: list[Branch]) -> None:
        """Take a distance that no plan exceeds, and why."""
        self.cliques, self.steps, self.upper = cliques, steps, upper
        self._tell()

    def _tell(self) -> None:
        if self.progress is not None and self.plan is not None and np.isfinite(self.lower):
            upper = max(self.upper, self.lower)
            gap = 1.0 - self.lower / upper if upper else 0.0
            self.progress(self.lower, upper, gap, time.monotonic() - self.started)


def p_dispersion(
    distance: ArrayLike,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Plan:
    """Open ``p`` of the candidates so that the two nearest of them are as far apart as can be (max-min).

    ``max min_{j<k opened} d_jk`` with exactly ``p`` opened (Kuby 1987; Erkut 1990). Bisection over the
    distances; for one, whether ``p`` candidates stand that far apart is a question of independent sets
    (Sayah and Irnich 2017), decided by `packing.decide_packing`; that there are none is proven by prices on
    cliques and rules, in whole numbers.

    Parameters
    ----------
    distance
        (n, n) distances >= 0 between candidates; of the two directions the smaller counts; ``inf`` where
        there is no way.
    p
        Sites to open, the forced ones among them.
    forced, forbidden
        Candidates that are opened in any case (existing sites), or never.
    rules, time_limit_s, progress
        As in `p_median`.

    Returns
    -------
    Plan
        ``objective`` is the least distance between two opened sites (``inf`` for fewer than two), ``bound``
        what it is at most in any plan; ``gains`` the distance of each site to its nearest other one, sites
        in that order. ``certificate`` is for `certify_dispersion`. Where the time ran out before any plan
        within the rules was found, the objective is NaN and ``note`` says so.

    Raises
    ------
    ValueError
        The matrix is not square, a distance is negative or not a number, or the rules have minimums.

    Examples
    --------
    >>> places = np.array([0.0, 1.0, 4.0, 9.0])
    >>> plan = p_dispersion(abs(places[:, None] - places), p=3)
    >>> sorted(plan.sites), plan.objective, plan.bound, plan.status
    ([0, 2, 3], 4.0, 4.0, 'optimal')
    """
    started = time.monotonic()
    apart = _apart(distance)
    asked = asked_of(p, len(apart), forced=forced, forbidden=forbidden, rules=rules)
    reason = asked.contradiction()
    if reason:
        return no_plan("infeasible", reason, started)
    search = _Search(apart, asked, started, started + time_limit_s, progress)
    note = ""
    try:
        nothing = _begin(search)
        if nothing is not None:
            return nothing
        if search.plan is not None:
            _bisect(search)
    except KeyboardInterrupt:
        note = "已中断, 方案是到中断时为止最好的"
    if search.plan is None:
        undecided = "没有找到符合各项规则的方案, 也没有证明它不存在"
        none = no_plan("feasible", f"{'已中断' if note else '限时内'}, {undecided}", started)
        return replace(none, objective=math.nan, bound=search.upper)
    return _plan(search, search.plan, note)


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
    plan: Plan,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
) -> Checked:
    """Check a plan of `p_dispersion`: whether it is allowed, its distance, and how large any can be.

    From the raw distances and the prices of ``plan.certificate`` alone.

    Returns
    -------
    Checked
        ``bound`` is ``certificate.distance`` where the proof holds; otherwise what the forced sites and the
        largest distance allow.

    Examples
    --------
    >>> places = np.array([0.0, 1.0, 4.0, 9.0])
    >>> apart = abs(places[:, None] - places)
    >>> certify_dispersion(apart, p_dispersion(apart, p=3), p=3)
    Checked(objective=4.0, bound=4.0, problems=())
    """
    apart = _apart(distance)
    asked = asked_of(p, len(apart), forced=forced, forbidden=forbidden, rules=rules)
    objective = dispersion_distance(distance, plan.sites)
    problems = list(broken(asked.rules, plan.sites))
    if len(plan.sites) != p or not asked.allows(asked.mask(np.asarray(plan.sites, np.int64))):
        problems.append("the plan is not allowed")
    if objective != plan.objective:
        problems.append(f"the least distance of the plan is {objective:g}")
    alone, proof = _most(apart, p, asked.opened, asked.closed), plan.certificate
    if not isinstance(proof, DispersionProof):
        return Checked(objective, alone, (*problems, "there is no proof"))
    if proof.distance >= alone:
        return Checked(objective, alone, tuple(problems))
    near = apart <= proof.distance
    np.fill_diagonal(near, False)
    if near[np.ix_(asked.opened, asked.opened)].any() or not proof.steps:
        return Checked(objective, alone, (*problems, "the proof does not hold"))
    wanted = Packing(near, p, asked.limits)
    if not steps_hold(wanted, proof.cliques, proof.steps, asked.opened, asked.closed):
        return Checked(objective, alone, (*problems, "the proof does not hold"))
    return Checked(objective, proof.distance, tuple(problems))


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


def _begin(search: _Search) -> Plan | None:
    """Offer a first plan; or return the plan that there is not."""
    asked = search.asked
    search.upper = _most(search.apart, asked.p, asked.opened, asked.closed)
    search.cliques = np.zeros((0, len(search.apart)), bool)
    search.offer(_farthest(search.apart, asked))
    if search.plan is None:
        found = some_plan(asked, csr_array((0, len(search.apart))), exactly=True, deadline=search.deadline)
        if isinstance(found, Plan):
            return found
        if found is not None:
            search.offer(found)
    return None


def _farthest(apart: Floats, asked: Asked) -> Mask:
    """Open the candidate farthest from those open, one by one (Ravi, Rosenkrantz and Tayi 1994).

    Under rules, among those that they allow; the plan may break them still, or have too few sites.
    """
    plan, closed = asked.opened.copy(), asked.closed
    if not plan.any() and asked.p:
        able = ~closed if not asked.ruled else ~closed & asked.limits.open_next(plan, asked.p)
        allowed = np.where(able[:, None] & able[None], apart, -1.0)
        np.fill_diagonal(allowed, -1.0)
        first = int(np.argmax(np.where(able, allowed.max(axis=1), -2.0)))
        plan[first] = bool(able.any())
    while plan.sum() < asked.p:
        out = plan | closed if not asked.ruled else plan | closed | ~asked.limits.open_next(plan, asked.p)
        if out.all():
            break
        plan[int(np.argmax(np.where(out, -1.0, apart[plan].min(axis=0, initial=np.inf))))] = True
    return plan


def _bisect(search: _Search) -> None:
    """Halve the distances that are left until one is, or time is up."""
    values, asked = np.unique(search.apart), search.asked
    while search.lower < search.upper and time.monotonic() < search.deadline:
        inside = values[(values > search.lower) & (values <= search.upper)]
        if not len(inside):
            break
        distance = float(inside[len(inside) // 2])
        search.decisions += 1
        near = search.apart < distance
        wanted = Packing(near, asked.p, asked.limits)
        found = decide_packing(wanted, asked.opened, asked.closed, search.deadline)
        if found is None:
            return
        if isinstance(found, np.ndarray):
            search.offer(found)
            continue
        below = values[values < distance]
        search.lower_bound(float(below[-1]) if len(below) else 0.0, *found)


def _plan(search: _Search, plan: Mask, note: str) -> Plan:
    sites = np.flatnonzero(plan)
    nearest = search.apart[np.ix_(sites, sites)].min(axis=1, initial=np.inf)
    order = np.argsort(-nearest, kind="stable")
    objective, bound = search.lower, max(search.lower, search.upper)
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
        seconds=time.monotonic() - search.started,
        certificate=DispersionProof(bound, search.cliques, search.steps),
    )
