"""The front of cost against cover: all plans that no other beats in both, exactly (ε-constraint)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import certificate, cover
from .certificate import Certificate
from .front_points import FrontPoint, Missing, in_units, slack_of
from .front_search import Budgets, FrontProgress
from .models import covered_weight
from .plan import Plan
from .reduce import Floats, Positions
from .requests import mask_of, weights_of
from .rules import Rules, broken, contradiction
from .staged import Clock

__all__ = ["Front", "FrontPoint", "Missing", "check_front", "cover_cost_front"]

_Arrays = tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]], Floats, int]

_START = 0.2
"""Share of the time for what the rules cost at least."""


@dataclass(frozen=True)
class Front:
    """All nondominated pairs of cost and cover, ascending in both."""

    points: tuple[FrontPoint, ...]
    missing: tuple[Missing, ...]
    """Where plans may exist that are not listed; empty where the front is complete."""
    complete: bool
    """Every nondominated pair is listed, up to the largest budget, and no other."""
    most: float
    """Largest budget looked at."""
    proofs: tuple[tuple[float, Plan], ...]
    """(budget, plan) of every budget solved: what the points rest on; see `check_front`."""
    note: str
    """In Chinese: why there is no plan, or what is not known."""
    seconds: float
    """Wall time."""


def cover_cost_front(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    cost: NDArray[np.floating[Any] | np.integer[Any]] | None = None,
    most: float | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: FrontProgress | None = None,
) -> Front:
    """Find every pair of cost and cover that no plan beats in both (Pareto front of maximal covering).

    A plan of cost ``c`` and cover ``f`` is on the front where no plan costs at most ``c`` and covers at
    least ``f``, one of the two strictly. The front is found by the ε-constraint method (Haimes, Lasdon and
    Wismer 1971): the most cover within a budget, then the budget just below what that plan costs; sums of
    whole costs differ by their greatest common divisor at least, so that no plan lies between. A plan counts
    as the cheapest of its cover only when the next budget is proven to cover less (instead of the second
    objective of Mavrotas 2009). Wide intervals of budgets are halved first, so that an interrupted front has
    its gaps spread out. One plan is given for each pair, of several with the same cost and cover any.

    Parameters
    ----------
    indptr, indices, weight, n_candidates, forbidden, rules
        As for `mclp`.
    cost
        (n,) what each candidate costs, >= 0, six decimals at most; sites that are there usually cost 0.
        Without it the cost is the number of open sites, forced and existing ones among them.
    most
        Largest budget looked at; without it what all allowed candidates cost.
    forced
        Candidates open in every plan; their costs count.
    time_limit_s
        Wall time; after it, or Ctrl-C, what was found and what may be missing.
    progress
        Called after each budget with the points found, the intervals still open, and seconds.

    Returns
    -------
    Front
        With whole weights (sums below 2^33) exact to the last resident; else covers that differ by less than
        2e-6 of all residents count as the same. Without points and with a ``note`` where the rules
        contradict each other or cost more than ``most``.

    Raises
    ------
    ValueError
        The arrays do not fit together, a cost has more than six decimals, or ``most`` is negative.

    Examples
    --------
    A site for 3 residents costs 1, those for 4 and 6 cost 2; the first two share 2 residents:

    >>> indptr, indices = np.array([0, 2, 3, 4, 5]), np.array([0, 1, 0, 1, 2])
    >>> front = cover_cost_front(indptr, indices, np.array([2, 1, 2, 6]), 3, cost=np.array([1, 2, 2]))
    >>> [(point.cost, point.cover) for point in front.points]
    [(0.0, 0.0), (1.0, 3.0), (2.0, 6.0), (3.0, 9.0), (4.0, 10.0), (5.0, 11.0)]
    >>> [point.supported for point in front.points]
    [True, True, True, True, True, True]
    >>> front.complete
    True
    """
    clock = Clock(time_limit_s)
    asked = Rules() if rules is None else rules
    weights = weights_of(weight, len(indptr) - 1)
    arrays = (indptr, indices, weights, n_candidates)
    priced = _Priced.of(arrays, cost, asked, forced, forbidden)
    if most is not None and not most >= 0:
        raise ValueError("most must not be negative")
    top = priced.all if most is None else min(priced.all, math.floor(most / priced.unit + 1e-9))
    note, floor = priced.least(top, clock)
    if note:
        return Front((), (), True, top * priced.unit, (), note, clock.spent())
    known = Budgets(priced.solve, priced.spent, floor, top, slack_of(weights), clock, progress)
    known.run()
    points, missing = known.points(priced.unit), known.missing(priced.unit)
    complete = not missing and all(point.proven for point in points)
    if not points and complete:
        note = f"没有费用在 {top * priced.unit:.10g} 以内的方案"
    proofs = tuple((one.budget * priced.unit, one.plan) for one in known.solved)
    return Front(
        points,
        missing,
        complete,
        top * priced.unit,
        tuple(sorted(proofs, key=lambda each: each[0])),
        note or ("" if complete else "时限内没有算完, 有的方案可能未列出"),
        clock.spent(),
    )


@dataclass(frozen=True)
class _Priced:
    """A request whose costs are whole multiples of a unit."""

    arrays: _Arrays
    cost: Positions | None
    """(n,) in units; None where sites are counted."""
    unit: float
    rules: Rules
    forced: tuple[int, ...]
    forbidden: tuple[int, ...]
    free: tuple[int, ...]
    """Candidates that cost nothing and may always open, because no rule can be against it."""

    @staticmethod
    def of(
        arrays: _Arrays,
        cost: NDArray[Any] | None,
        rules: Rules,
        forced: Sequence[int],
        forbidden: Sequence[int],
    ) -> _Priced:
        n = arrays[3]
        opened, closed = mask_of(rules.forced(forced), n), mask_of(forbidden, n)
        some, never = (tuple(np.flatnonzero(mask).tolist()) for mask in (opened, closed))
        if cost is None:
            return _Priced(arrays, None, 1.0, rules, some, never, ())
        whole, unit = in_units(cost)
        if whole.shape != (n,):
            raise ValueError(f"cost must be {n} numbers")
        free = np.flatnonzero((whole == 0) & ~opened & ~closed) if not rules else np.empty(0, np.int64)
        return _Priced(arrays, whole, unit, rules, some, never, tuple(free.tolist()))

    @property
    def all(self) -> int:
        """What all allowed candidates cost, in units."""
        allowed = ~mask_of(self.forbidden, self.arrays[3])
        return int(allowed.sum()) if self.cost is None else int(self.cost[allowed].sum())

    def spent(self, plan: Plan) -> int:
        """Give what a plan costs, in units."""
        return len(plan.sites) if self.cost is None else int(self.cost[list(plan.sites)].sum())

    def least(self, top: int, clock: Clock) -> tuple[str, int]:
        """Find what the forced sites and the rules cost at least, in units; or say why there is no plan."""
        common: dict[str, Any] = {"forced": self.forced, "forbidden": self.forbidden}
        if self.rules:
            plan = cover.partial_cover(
                *self.arrays,
                share=0.0,
                cost=self.cost,
                rules=self.rules,
                time_limit_s=clock.left(_START),
                **common,
            )
            if plan.status == "infeasible":
                return plan.note or "各项要求不能同时满足", 0
            floor = max(0, math.ceil(plan.bound - 1e-6))
        else:
            reason = contradiction(self.rules, None, self.forced, self.forbidden)
            if reason:
                return reason, 0
            floor = self.spent_by(self.forced)
        if floor > top:
            return f"必选点和各项要求至少需要 {floor * self.unit:.10g}, 超出 {top * self.unit:.10g}", floor
        return "", floor

    def spent_by(self, sites: Sequence[int]) -> int:
        """Give what sites cost, in units."""
        return len(sites) if self.cost is None else int(self.cost[list(sites)].sum())

    def solve(self, budget: int, seconds: float) -> Plan:
        """Cover the most within a budget."""
        indptr, indices, weight, n = self.arrays
        common: dict[str, Any] = {"forbidden": self.forbidden, "time_limit_s": seconds}
        if self.cost is not None and not self.rules:
            common |= self.way(budget, self.cost)
            return self._free_opened(cover.mclp(indptr, indices, weight, n, **common))
        common |= {"p": budget} if self.cost is None else {"cost": self.cost, "budget": float(budget)}
        return cover.mclp(indptr, indices, weight, n, forced=self.forced, rules=self.rules or None, **common)

    def way(self, budget: int, costs: Positions | None) -> dict[str, Any]:
        """Ask for a budget where no cost may be 0: sites that are free and open cost 1 more, so does it."""
        if costs is None:
            return {"budget": float(budget), "forced": self.forced}
        opened = [*self.forced, *self.free]
        cost = costs.astype(np.float64)
        cost[opened] += 1.0
        cost[list(self.forbidden)] = 1.0
        return {"cost": cost, "budget": float(budget + len(opened)), "forced": opened}

    def _free_opened(self, plan: Plan) -> Plan:
        """Leave out the free sites that add nothing."""
        free = set(self.free)
        pairs = zip(plan.sites, plan.gains, strict=True)
        kept = [(site, gain) for site, gain in pairs if gain > 0 or site not in free]
        sites, gains = tuple(site for site, _ in kept), tuple(gain for _, gain in kept)
        return replace(plan, sites=sites, gains=gains)


def check_front(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    front: Front,
    *,
    cost: NDArray[np.floating[Any] | np.integer[Any]] | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
) -> tuple[str, ...]:
    """Follow a front from the raw arrays without its search or a solver; list what does not hold.

    Recomputed are cost and cover of every point, whether it keeps forced sites and rules on sites, that no
    point dominates another, and, without rules, from the certificates that no plan covers more within its
    cost, or as much for less. (Certificates of covering with rules are those of the program: see
    `program_proof.check_program`.)
    """
    asked, weights = Rules() if rules is None else rules, weights_of(weight, len(indptr) - 1)
    arrays = (indptr, indices, weights, n_candidates)
    priced = _Priced.of(arrays, cost, asked, forced, forbidden)
    problems = []
    for point in front.points:
        spent, found = priced.spent_by(point.sites) * priced.unit, covered_weight(*arrays[:3], point.sites)
        if abs(spent - point.cost) > 1e-9 * max(1.0, spent) or abs(found - point.cover) > 1e-9 * found:
            problems.append(f"cost and cover of the plan of cost {point.cost:g} are wrong")
        if not set(priced.forced) <= set(point.sites) or set(priced.forbidden) & set(point.sites):
            problems.append(f"the plan of cost {point.cost:g} lacks a forced site or has a forbidden one")
        if broken(asked, point.sites):
            problems.append(f"the plan of cost {point.cost:g} breaks a rule")
    for one, after in pairwise(front.points):
        if one.cost >= after.cost or one.cover >= after.cover:
            problems.append(f"the plan of cost {one.cost:g} and the next dominate one another")
    return (*problems, *(() if asked else _unproven(priced, front)))


def _unproven(priced: _Priced, front: Front) -> list[str]:
    """List the points whose certificates do not prove them, for requests without rules."""
    slack, bounds = slack_of(priced.arrays[2]), []
    for budget, plan in front.proofs:
        whole = round(budget / priced.unit)
        way = priced.way(whole, priced.cost)
        if isinstance(plan.certificate, Certificate):
            asked = certificate.request(*priced.arrays, maximal=True, forbidden=priced.forbidden, **way)
            sites = [*plan.sites, *(site for site in way["forced"] if site not in set(plan.sites))]
            checked = certificate.check(asked, sites, plan.certificate)
            if not checked.problems:
                bounds.append((whole, checked.bound))
    floor = priced.spent_by(priced.forced)

    def bound(budget: int) -> float:
        if budget < floor:
            return -math.inf
        return min((most for whole, most in bounds if whole >= budget), default=math.inf)

    wrong = []
    for point in front.points:
        spent = round(point.cost / priced.unit)
        if point.proven and not (
            bound(spent) <= point.cover + slack + 0.5 * (slack == 0) and bound(spent - 1) < point.cover
        ):
            wrong.append(f"the certificates do not prove the plan of cost {point.cost:g}")
    return wrong
