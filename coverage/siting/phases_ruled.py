"""Phases under quotas and exclusive sets, year by year: each year alone is a maximal covering with rules.

The program of all years has T columns per candidate; with thousands of candidates its relaxation is slow. A
year alone has one. At most and exclusive sets hold in every year, since new sites stay. At least holds in the
last year; in a year before, with R sites still to be opened later and quotas on different candidates, a plan
can go on only where the sites that quotas still lack are R at most, ``sum_q max(0, L_q - x_q) <= R``, that is

    sum_{q in S} x_q >= sum_{q in S} L_q - R      for every set S of quotas.

The set of those that lack sites is the only one that can be broken: it is added where it is.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np

from . import cover
from .phases_program import Timetable, opened_in, problems_of
from .phases_search import best_alone
from .plan import Plan
from .reduce import Floats, Mask
from .rules import Quota, Rules, broken
from .staged import Clock, covered_by

MANY = 4000
"""Candidates times years from which requests are answered year by year."""

_SHARE = 0.4
"""Share of the time that is left for one year."""

_EARLY = 0.5
"""A year that ends unproven before this share of its time was interrupted."""

_ROUNDS = 2
"""Times that each year is chosen anew at most."""


def suited(asked: Timetable) -> bool:
    """Tell whether a request is large and can be answered so.

    It has numbers, the same residents in all years, rules that are quotas and exclusive sets alone, quotas at
    least on different candidates, nothing forced later than in the first year.
    """
    rules = asked.rules
    lower = [set(quota.candidates) for quota in rules.quotas if quota.at_least]
    return (
        asked.n_candidates * asked.years > MANY
        and asked.number is not None
        and bool(rules.quotas or rules.exclusive)
        and not (rules.budgets or rules.minimums or rules.relocations or any(asked.quotas))
        and not (asked.forced[-1] & ~asked.forced[0]).any()
        and bool((asked.weight == asked.weight[0]).all())
        and all(one.isdisjoint(other) for one, other in combinations(lower, 2))
    )


def myopic_ruled(asked: Timetable, clock: Clock) -> tuple[Mask, Floats] | None:
    """Place the sites year by year: states and bounds of the years; None where a year cannot be met."""
    fresh, rows, bounds = _fixed(asked), [], np.empty(asked.years)
    for year in range(asked.years):
        extra = _allowed(asked, year) - int((fresh & ~asked.existing).sum())
        if not asked.carry:
            extra = (asked.number or ())[year] - (int(_new_forced(asked).sum()) if not year else 0)
        there = covered_by(asked.matrix, fresh)
        weight = np.where(there, 0.0, asked.weight[year])
        plan = _year(asked, weight, fixed=fresh, extra=extra, left=_left(asked, year), clock=clock)
        if plan is None:
            return None
        fresh = fresh | np.isin(np.arange(asked.n_candidates), plan.sites)
        bounds[year] = plan.bound + math.fsum(asked.weight[year][there])
        rows.append(fresh)
    return np.array(rows), bounds


def alone_ruled(asked: Timetable, first: float, clock: Clock) -> tuple[Floats, Mask | None]:
    """Bound what any plan covers in each year (T,), the first of which is known; without rules, then with.

    Also gives the end state (n,) that covers the most in the last year; None where none was found.
    """
    fixed, end = _fixed(asked), None
    bounds, _ = best_alone(asked, clock)
    bounds[0] = min(bounds[0], first)
    there = covered_by(asked.matrix, fixed)
    for year in range(asked.years - 1, 0, -1):
        weight = np.where(there, 0.0, asked.weight[year])
        extra = _allowed(asked, year) - int(_new_forced(asked).sum())
        plan = _year(asked, weight, fixed=fixed, extra=extra, left=_left(asked, year), clock=clock)
        base = math.fsum(asked.weight[year][there])
        if plan is not None:
            bounds[year] = min(bounds[year], base + plan.bound)
            if year == asked.years - 1:
                end = fixed | np.isin(np.arange(asked.n_candidates), plan.sites)
    return bounds, end


def ascend_ruled(asked: Timetable, state: Mask, clock: Clock) -> Mask:
    """Choose the new sites of one year at a time anew, the others fixed; rules hold for the last year."""
    best, unchanged = asked.worth(state), 0
    for turn in range(_ROUNDS * asked.years):
        year = asked.years - 1 - turn % asked.years
        if unchanged >= asked.years or clock.stopped or clock.left() <= 0:
            break
        own = np.isin(np.arange(asked.n_candidates), opened_in(asked, state)[year])
        own &= ~asked.forced[-1]
        others = state & ~own
        weight = np.zeros(asked.matrix.shape[0])
        for later in range(year, asked.years):
            weight += asked.value[later] * asked.weight[later] * ~covered_by(asked.matrix, others[later])
        plan = _year(asked, weight, fixed=others[-1], extra=int(own.sum()), left=0, clock=clock)
        unchanged += 1
        if plan is None:
            continue
        fresh = others.copy()
        fresh[year:] |= np.isin(np.arange(asked.n_candidates), plan.sites)
        worth = asked.worth(fresh)
        if (
            worth > best
            and not problems_of(asked, fresh)
            and not broken(asked.rules, np.flatnonzero(fresh[-1]))
        ):
            best, state, unchanged = worth, fresh, 0
    return state


def _year(
    asked: Timetable, weight: Floats, *, fixed: Mask, extra: int, left: int, clock: Clock
) -> Plan | None:
    """Choose at most ``extra`` further sites so that ``left`` later ones can still meet the quotas."""
    rules, shut = _rest(asked.rules, fixed)
    closed = asked.closed | fixed | shut
    number = max(0, min(extra, int((~closed).sum())))
    at_once = (
        rules if left == 0 else replace(rules, quotas=tuple(replace(q, at_least=0) for q in rules.quotas))
    )
    added: list[Quota] = []
    while True:
        limit = clock.left(_SHARE)
        plan = cover.mclp(
            asked.matrix.indptr,
            asked.matrix.indices,
            weight,
            asked.n_candidates,
            p=number,
            forbidden=np.flatnonzero(closed).tolist(),
            rules=replace(at_once, quotas=(*at_once.quotas, *added)),
            time_limit_s=limit,
        )
        if plan.status == "feasible" and plan.seconds < _EARLY * limit:
            clock.stopped = True
        if plan.status == "infeasible" or not math.isfinite(plan.objective):
            return None
        cut = _lacking(rules, plan.sites, left)
        if cut is None or left == 0:
            return plan
        added.append(cut)


def _lacking(rules: Rules, sites: tuple[int, ...], left: int) -> Quota | None:
    """Find the quotas whose missing sites are more than can still be opened."""
    opened, short, missing = set(sites), list[Quota](), 0
    for quota in rules.quotas:
        lacks = quota.at_least - len(opened.intersection(quota.candidates))
        if lacks > 0:
            short.append(quota)
            missing += lacks
    if missing <= left:
        return None
    some = tuple(sorted({one for quota in short for one in quota.candidates}))
    return Quota("、".join(quota.name for quota in short), some, sum(q.at_least for q in short) - left)


def _rest(rules: Rules, fixed: Mask) -> tuple[Rules, Mask]:
    """Give what rules still ask where some sites are open, and the candidates that these exclude."""
    shut = np.zeros(len(fixed), bool)
    quotas, groups = [], []
    for quota in rules.quotas:
        some = np.unique(np.asarray(quota.candidates, np.int64))
        there, free = int(fixed[some].sum()), some[~fixed[some]]
        most = None if quota.at_most is None else max(0, quota.at_most - there)
        least = max(0, quota.at_least - there)
        quotas.append(Quota(quota.name, tuple(free.tolist()), least, most))
    for group in rules.exclusive:
        some = np.asarray(group, np.int64)
        if fixed[some].any():
            shut[some] = True
        else:
            groups.append(group)
    return Rules(quotas=tuple(quotas), exclusive=tuple(groups)), shut & ~fixed


def _fixed(asked: Timetable) -> Mask:
    """Sites that are open in every year."""
    fixed: Mask = asked.existing | asked.forced[0]
    return fixed


def _new_forced(asked: Timetable) -> Mask:
    fresh: Mask = asked.forced[0] & ~asked.existing
    return fresh


def _allowed(asked: Timetable, year: int) -> int:
    """New sites until a year."""
    return int(asked.total(asked.number or (), year))


def _left(asked: Timetable, year: int) -> int:
    """New sites after a year."""
    return int(sum((asked.number or ())[year + 1 :]))
