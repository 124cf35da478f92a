"""Several best plans: all plans are parted at the best of each part, with bounds that prove the ranks."""

from __future__ import annotations

import heapq
import logging
import math
import time
from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .marginals import CUT_SHORT
from .plan import Plan
from .reduce import Floats

_log = logging.getLogger(__name__)

Sites = tuple[int, ...]
"""Candidates, ascending."""

Solve = Callable[[Sites, Sites], Plan]
"""Find the best plan with some candidates open and others closed."""


@dataclass(frozen=True)
class Alternatives:
    """The best plans found, best first, and what is proven about their ranks."""

    plans: tuple[Plan, ...]
    """The objective of the i-th best plan of all lies between ``plans[i].objective`` and
    ``plans[i].bound``; status ``optimal``: plan i is proven to be the i-th best (equals in any order). The
    best plan has the certificate of its model, if any; the ranks of the others have none."""
    proven: int
    """So many first ranks are proven."""
    complete: bool
    """All that was asked for is listed and proven: so many plans (with ``within`` all of that share, however
    many are asked for), or all there are."""
    rest: float
    """No plan that is not listed is better, though one may be as good; NaN where there is no other."""
    share: Floats
    """(n,) share of the plans in which each candidate is open."""
    note: str
    """In Chinese: what is not proven, or why there is no plan."""
    solved: int = 0
    """Parts that were solved."""
    seconds: float = field(default=0.0, compare=False)
    """Wall time."""

    @property
    def core(self) -> Sites:
        """Candidates that are open in all plans."""
        return tuple(np.flatnonzero(self.share == 1.0).tolist()) if self.plans else ()

    @property
    def optional(self) -> Sites:
        """Candidates that are open in some plans, not in all: most often first."""
        some = np.flatnonzero((self.share > 0.0) & (self.share < 1.0))
        return tuple(some[np.argsort(-self.share[some], kind="stable")].tolist())


@dataclass(frozen=True)
class Part:
    """Plans with some candidates open and others closed."""

    forced: Sites
    forbidden: Sites
    bound: float
    """No plan of the part is worth more."""


@dataclass(frozen=True)
class Found:
    """What solving a part gave; values are larger for better plans."""

    sites: Sites
    value: float
    bound: float
    plan: Plan
    settled: bool
    """No plan that holds all these sites and more is worth listing, or better."""


class Space:
    """What the search has to know of a model."""

    def __init__(self, forced: Sites, sign: float) -> None:
        self.forced, self.sign = forced, sign
        self.reason = ""
        """Why the first infeasible part is."""

    def solve(self, part: Part, seconds: float) -> Found | None:
        """Solve a part in so many seconds; None where it holds no plan."""
        raise NotImplementedError

    def listed(self, found: Found) -> Iterable[tuple[Sites, float, Plan | None]]:
        """Give the plans worth listing that a solution shows: itself, and others near it."""
        raise NotImplementedError

    def plan(self, sites: Sites, known: Plan | None) -> Plan:
        """Make the plan of some sites."""
        raise NotImplementedError

    def bound(self, _forced: Sites, _forbidden: Sites) -> float:
        """Bound the plans of a part without solving it; -inf where none is worth listing."""
        return math.inf

    def learn(self, part: Part, found: Found) -> None:
        """Take from a solution what bounds other parts."""


class _Solved(Space):
    """A model of which nothing is known but how to solve it."""

    def __init__(self, solve: Solve, forced: Sites, sign: float) -> None:
        super().__init__(forced, sign)
        self._solve = solve

    def solve(self, part: Part, seconds: float) -> Found | None:
        del seconds
        plan = self._solve(part.forced, part.forbidden)
        if plan.status == "infeasible":
            self.reason = self.reason or plan.note
            return None
        value = self.sign * plan.objective if math.isfinite(plan.objective) else -math.inf
        proven = plan.status == "optimal"
        bound = value if proven else min(part.bound, self.sign * plan.bound)
        return Found(tuple(sorted(plan.sites)), value, bound, plan, proven)

    def listed(self, found: Found) -> Iterable[tuple[Sites, float, Plan | None]]:
        gains = zip(found.plan.sites, found.plan.gains, strict=True)
        if all(gain != 0.0 or site in self.forced for site, gain in gains):
            yield found.sites, found.value, found.plan

    def plan(self, sites: Sites, known: Plan | None) -> Plan:
        if known is None:
            raise RuntimeError(f"the plan of {sites} was not kept")
        return known


class Search:
    """The parts that are left, best bound first, and the plans found so far."""

    def __init__(self, space: Space, forbidden: Sites, count: int, within: float | None) -> None:
        self.space, self.count, self.within = space, count, within
        self._heap = [(-math.inf, 0, Part(space.forced, forbidden, math.inf))]
        self._number = 0
        self._lost = -math.inf
        self._found: dict[Sites, tuple[float, Plan | None]] = {}
        self._values: list[float] = []
        self.solved = 0

    @property
    def rest(self) -> float:
        """No plan that was not found is worth more."""
        return max(self._lost, -self._heap[0][0] if self._heap else -math.inf)

    @property
    def least(self) -> float:
        """Worth of a plan that would be listed, as far as known."""
        best = self._values[-1] if self._values else -math.inf
        floor = best - self.within * abs(best) if self.within is not None and self._values else -math.inf
        return max(floor, self._values[-self.count] if len(self._values) >= self.count else -math.inf)

    @property
    def done(self) -> bool:
        """True where no part that is left can change the list."""
        top = -self._heap[0][0] if self._heap else -math.inf
        full = len(self._values) >= self.count and top <= self._values[-self.count]
        return not self._heap or full or top < self.least

    def run(self, deadline: float) -> None:
        """Solve parts until the list is proven, time is up, or it is interrupted."""
        started, first = time.monotonic(), True
        try:
            while not self.done and (first or time.monotonic() < deadline):
                left = max(0.0, deadline - time.monotonic())
                going = self._step(left / 2.0 if first else left / 4.0)
                first = False
                if not going:
                    break
        except KeyboardInterrupt:
            _log.info("interrupted after %.1f s", time.monotonic() - started)

    def _step(self, seconds: float) -> bool:
        """Solve the part with the best bound and part it; False where that was interrupted."""
        part = self._heap[0][2]
        found = self.space.solve(part, seconds)
        self.solved += 1
        lost, children = self._lost, []
        if found is not None and found.value > -math.inf:
            for sites, value, plan in self.space.listed(found):
                self._add(sites, value, plan)
            self.space.learn(part, found)
            children = self._children(part, found)
            lost = lost if found.settled else max(lost, found.bound)
        elif found is not None:
            lost = max(lost, found.bound)
        heap = [*self._heap[1:], *children]
        heapq.heapify(heap)
        self._heap, self._lost = heap, lost
        if found is None or found.plan.status != "feasible":
            return True
        return found.plan.seconds >= CUT_SHORT * seconds

    def _children(self, part: Part, found: Found) -> list[tuple[float, int, Part]]:
        """Part the other plans: without the first site; with it, without the second; and so on."""
        fixed, forced, children = set(part.forced), list(part.forced), []
        for site in (site for site in found.plan.sites if site not in fixed):
            one = tuple(sorted(forced)), tuple(sorted([*part.forbidden, site]))
            bound = min(found.bound, self.space.bound(*one))
            if bound > -math.inf:
                self._number += 1
                children.append((-bound, self._number, Part(*one, bound)))
            forced.append(site)
        return children

    def _add(self, sites: Sites, value: float, plan: Plan | None) -> None:
        if sites not in self._found:
            self._found[sites] = value, plan
            insort(self._values, value)
        elif plan is not None:
            self._found[sites] = self._found[sites][0], plan

    def result(self, n_candidates: int, started: float) -> Alternatives:
        """Rank what was found."""
        least, rest = self.least, self.rest
        ranked = sorted(self._found.items(), key=lambda item: (-item[1][0], item[0]))
        ranked = [item for item in ranked if item[1][0] >= least][: self.count]
        others = sorted(self._values)[: len(self._values) - len(ranked)]
        rest = max([rest, *others[-1:]])
        found = [(self.space.plan(sites, plan), value) for sites, (value, plan) in ranked]
        all_there_are = rest == -math.inf or (self.within is not None and rest < least)
        return ranked_plans(
            found,
            rest,
            self.space.sign,
            n_candidates,
            done=all_there_are or (len(found) == self.count and self.within is None),
            note="" if found else self.space.reason,
            solved=self.solved,
            seconds=time.monotonic() - started,
        )


def ranked_plans(
    found: Sequence[tuple[Plan, float]],
    rest: float,
    sign: float,
    n_candidates: int,
    *,
    done: bool,
    solved: int,
    seconds: float,
    note: str = "",
) -> Alternatives:
    """Say what is proven of plans with values in falling order; no other plan is worth more than ``rest``."""
    times, plans = np.zeros(n_candidates), []
    for plan, value in found:
        times[list(plan.sites)] += 1.0
        bound = max(value, rest)
        plans.append(
            replace(
                plan,
                bound=plan.objective if bound == value else sign * bound,
                gap=(bound - value) / max(abs(bound), abs(value)) if bound > value else 0.0,
                status="optimal" if bound == value else "feasible",
            )
        )
    proven = sum(value >= rest for _, value in found)
    notes = [note] if note else []
    if proven < len(found):
        notes.append(f"前 {proven} 个方案的名次已证明, 其后可能还有更好的方案")
    return Alternatives(
        plans=tuple(plans),
        proven=proven,
        complete=done and proven == len(found),
        rest=sign * rest if rest > -math.inf else math.nan,
        share=times / max(len(found), 1),
        note="; ".join(notes),
        solved=solved,
        seconds=seconds,
    )


def k_best(
    solve: Solve,
    n_candidates: int,
    *,
    count: int = 10,
    within: float | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    minimise: bool = False,
    time_limit_s: float = 60.0,
) -> Alternatives:
    """Find the ``count`` best plans of any model that can force and forbid candidates.

    The plans with sites ``F`` open and ``X`` closed have a best one, ``{s_1, …, s_q}`` and ``F``. All others
    that do not hold it whole are parted by the first of its sites that they lack (Murty 1968; Lawler 1972)::

        (F, X + s_1),  (F + s_1, X + s_2),  …,  (F + s_1 + … + s_q-1, X + s_q)

    The part with the best bound is solved next, until no bound is better than the last plan listed. Plans
    that hold a better one whole are left out, and so are plans with a site whose gain is 0, unless forced.

    Parameters
    ----------
    solve
        ``solve(forced, forbidden)`` gives the best plan, or one with a bound; each call has its own time.
    n_candidates
        Number of candidates.
    count
        Plans to list at most.
    within
        List only plans whose objective is within this share of the best one's.
    forced, forbidden
        Candidates that are opened in any case, or never.
    minimise
        Less is better.
    time_limit_s
        Wall time after which no further part is begun; Ctrl-C ends it, too. What was found is listed.

    Returns
    -------
    Alternatives
        Of an infeasible request: no plans, and the reason as its note.

    Raises
    ------
    ValueError
        ``count`` is below 1 or ``within`` below 0.

    Examples
    --------
    >>> from .median import p_median
    >>> cost = np.array([[0, 3, 9], [3, 0, 6], [9, 6, 0]])
    >>> def solve(forced, forbidden):
    ...     return p_median(cost, [1, 2, 4], p=2, forced=forced, forbidden=forbidden)
    >>> found = k_best(solve, 3, count=3, minimise=True)
    >>> [plan.sites for plan in found.plans], [plan.objective for plan in found.plans], found.proven
    ([(2, 1), (2, 0), (1, 0)], [3.0, 6.0, 24.0], 3)
    """
    started = time.monotonic()
    check_request(count, within)
    fixed = tuple(sorted({*map(int, forced)}))
    space = _Solved(solve, fixed, -1.0 if minimise else 1.0)
    search = Search(space, tuple(sorted({*map(int, forbidden)})), count, within)
    search.run(started + time_limit_s)
    return search.result(n_candidates, started)


def check_request(count: int, within: float | None) -> None:
    """Refuse numbers of plans below 1 or not whole, and shares below 0."""
    if count < 1 or count != int(count) or (within is not None and not within >= 0):
        raise ValueError("count must be a whole number of at least 1, and within at least 0")
