"""Phases of a siting plan as one cover program: the request on arrays, states by year, and its rows.

A plan of T years is a state ``z`` (T, n): ``z_tj`` where candidate ``j`` is open in year ``t``. New sites
stay open once opened; existing ones stay closed once given up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, diags_array

from .plan import Plan
from .program import CoverProgram, ProgramBuilder
from .reduce import Floats, Mask, Positions, merge_labelled
from .requests import costs_of, is_whole, mask_of, weights_of
from .rules import Quota, Rules, add_site_rules, broken, contradiction
from .staged import check_rules, covered_by, require_minimums, shifted, terms


@dataclass(frozen=True)
class Phase:
    """One year of a plan: what is opened in it, and whom it serves."""

    name: str
    """Such as 2027 年."""
    number: int | None = None
    """New sites at most in this year. More in all years than there are new candidates cannot be asked for."""
    budget: float | None = None
    """What the new sites of this year may cost."""
    weight: ArrayLike | None = None
    """(m,) residents of this year; those of the request without it."""
    value: float = 1.0
    """What one resident covered in this year counts: importance, or the years that the phase lasts."""
    forced: tuple[int, ...] = ()
    """Candidates open in this year: opened in it or before."""
    quotas: tuple[Quota, ...] = ()
    """On the sites opened in this year."""


@dataclass(frozen=True)
class Timetable:
    """A checked request: T years, m rows, n candidates."""

    names: tuple[str, ...]
    matrix: csr_array
    weight: Floats
    """(T, m)."""
    value: Floats
    """(T,)."""
    number: tuple[int, ...] | None
    budget: tuple[float, ...] | None
    cost: Floats
    """(n,); an existing site costs nothing."""
    forced: Mask
    """(T, n) open by each year, existing sites that stay among them."""
    closed: Mask
    """(n,)."""
    existing: Mask
    """(n,)."""
    quotas: tuple[tuple[Quota, ...], ...]
    rules: Rules
    carry: bool

    @property
    def years(self) -> int:
        """Number of years."""
        return len(self.names)

    @property
    def n_candidates(self) -> int:
        """Number of candidates."""
        return len(self.closed)

    @property
    def plain(self) -> bool:
        """True where each year alone is a maximal covering: one limit, no rules, nothing forced later."""
        later = self.forced[-1] & ~self.forced[0]
        one = self.number is None or self.budget is None
        return one and not self.rules and not any(self.quotas) and not later.any()

    @property
    def whole(self) -> bool:
        """True where the value of every plan is a whole number."""
        return is_whole(self.weight, self.value)

    def covered(self, state: Mask) -> Floats:
        """Give the residents covered in each year (T,), from the rows."""
        return np.array(
            [
                math.fsum(each[covered_by(self.matrix, opened)])
                for each, opened in zip(self.weight, state, strict=True)
            ]
        )

    def worth(self, state: Mask) -> float:
        """Give the value of a plan: residents covered in each year times the value of the year."""
        return math.fsum(self.value * self.covered(state))

    def fresh_of(self, quota: Quota) -> Positions:
        """List the candidates of a quota that are not there yet."""
        some = np.unique(np.asarray(quota.candidates, np.int64))
        return some[~self.existing[some]]

    def total(self, limits: Sequence[float], year: int) -> float:
        """Give what a limit allows until a year, that year included."""
        return math.fsum(limits[: year + 1])


def timetable(
    matrix: csr_array,
    weight: ArrayLike,
    years: Sequence[Phase],
    *,
    cost: ArrayLike | None,
    forced: Sequence[int],
    forbidden: Sequence[int],
    rules: Rules,
    carry: bool,
) -> Timetable:
    """Check a request; raises ``ValueError`` where numbers or positions cannot be."""
    m, n = matrix.shape
    if not years:
        raise ValueError("give at least one year")
    check_rules(rules, n, m)
    common = weights_of(weight, m)
    weights = [common if year.weight is None else weights_of(year.weight, m) for year in years]
    value = np.array([year.value for year in years], np.float64)
    if not np.isfinite(value).all() or (value < 0).any():
        raise ValueError("the value of a year must be finite and >= 0")
    costs = costs_of(cost, n).copy()
    for year in years:
        for quota in year.quotas:
            mask_of(quota.candidates, n)
    existing = mask_of(rules.existing, n)
    costs[existing] = 0.0
    by_year = np.cumsum([mask_of(rules.forced(year.forced), n) for year in years], axis=0) > 0
    by_year[-1] |= mask_of(forced, n)
    return Timetable(
        names=tuple(year.name for year in years),
        matrix=matrix,
        weight=np.array(weights).reshape(len(years), m),
        value=value,
        number=_numbers(years),
        budget=_budgets(years, cost),
        cost=costs,
        forced=by_year,
        closed=mask_of(forbidden, n),
        existing=existing,
        quotas=tuple(year.quotas for year in years),
        rules=rules,
        carry=carry,
    )


def _numbers(years: Sequence[Phase]) -> tuple[int, ...] | None:
    given = [year.number for year in years if year.number is not None]
    if any(number < 0 for number in given):
        raise ValueError("the number of a year must not be negative")
    if given and len(given) < len(years):
        raise ValueError("give a number for every year, or for none")
    return tuple(given) if given else None


def _budgets(years: Sequence[Phase], cost: ArrayLike | None) -> tuple[float, ...] | None:
    given = [year.budget for year in years if year.budget is not None]
    if any(not (0 <= budget < math.inf) for budget in given):
        raise ValueError("the budget of a year must be finite and not negative")
    if (given and len(given) < len(years)) or (cost is None) == bool(given):
        raise ValueError("give cost, and a budget for every year, or neither")
    if not given and any(year.number is None for year in years):
        raise ValueError("give a number or a budget for every year")
    return tuple(given) if given else None


def reason(asked: Timetable) -> str:
    """Say in Chinese why a request contradicts itself; empty where that is not seen at once."""
    last = asked.forced[-1]
    both = np.flatnonzero(last & asked.closed)
    if len(both):
        return f"{len(both)} 个候选点既要求必选又要求禁选 (序号 {', '.join(map(str, both[:5]))})"
    fresh = ~asked.existing
    for year, name in enumerate(asked.names):
        needed = asked.forced[year] & fresh
        moved = asked.rules.relocations if asked.rules.existing else 0
        if asked.number is not None and needed.sum() > asked.total(asked.number, year) + moved:
            most = int(asked.total(asked.number, year)) + moved
            return f"到{name}必选点有 {int(needed.sum())} 个, 多于到这一年为止可开设的 {most} 个"
        if asked.budget is not None:
            money, limit = float(asked.cost[needed].sum()), asked.total(asked.budget, year)
            if money > limit * (1.0 + 1e-9):
                return f"到{name}必选点共需 {money:g}, 超出到这一年为止的预算 {limit:g}"
    allowed = int((fresh & ~asked.closed).sum())
    if asked.number is not None and sum(asked.number) > allowed:
        return f"各年共要求开设 {sum(asked.number)} 个, 可选的候选点只有 {allowed} 个"
    return contradiction(
        asked.rules, None, np.flatnonzero(last).tolist(), np.flatnonzero(asked.closed).tolist()
    )


def phased_program(asked: Timetable, value: Floats, opened: Mask, closed: Mask) -> tuple[CoverProgram, float]:
    """Put the plans together that keep some states, and what is covered in any case.

    Parameters
    ----------
    value
        (T,) of each year; years without value have no demand rows.
    opened, closed
        (T, n) states that are fixed.

    Returns
    -------
    program, base
        Sites are the columns ``t * n + j``; ``base`` is the value of the rows that fixed sites cover, which
        are not in the program.
    """
    n, years = asked.n_candidates, asked.years
    builder = ProgramBuilder(n * years)
    held = opened | asked.forced
    shut = closed | asked.closed
    parts, base = [], 0.0
    for year in np.flatnonzero(value > 0).tolist():
        served = covered_by(asked.matrix, held[year])
        base += value[year] * math.fsum(asked.weight[year][served])
        rows = csr_array(asked.matrix[~served] @ diags_array((~shut[year]).astype(np.float64)))
        rows.eliminate_zeros()
        classes, weights, _ = merge_labelled(rows, asked.weight[year][~served])
        t = builder.add_classes(shifted(classes, year * n, builder.n_sites), weights)
        parts.append((t, value[year]))
    for year in range(years):
        _require_year(builder, asked, year, held[year], shut[year])
    _require_rules(builder, asked)
    return builder.build(t=terms(*parts) if parts else None), base


def _require_year(builder: ProgramBuilder, asked: Timetable, year: int, held: Mask, shut: Mask) -> None:
    """Add what holds in one year: order in time, numbers, budgets, quotas, states that are fixed."""
    n, name = asked.n_candidates, asked.names[year]
    now = year * n + np.arange(n, dtype=np.int64)
    before = now - n if year else np.empty(0, np.int64)
    for column in now.tolist() if year else ():
        old = asked.existing[column - year * n]
        pair = ([column, column - n], [1.0, -1.0]) if old else ([column - n, column], [1.0, -1.0])
        builder.require("开设后保持", 0.0, x=pair, hard=True)
    start = float(asked.existing.sum())
    since = np.empty(0, np.int64) if asked.carry else before  # without carrying over, each year for itself
    if asked.number is not None:
        most = asked.total(asked.number, year) if asked.carry else asked.number[year]
        limit = most + (start if asked.carry or not year else 0.0)
        builder.require(f"{name}至多开设 {most:g} 处", limit, x=terms((now, 1.0), (since, -1.0)))
    if asked.budget is not None:
        most = asked.total(asked.budget, year) if asked.carry else asked.budget[year]
        cost = np.r_[asked.cost, -asked.cost[: len(since)]]
        builder.require(f"{name}费用不超过 {most:g}", most, x=(np.r_[now, since], cost))
    if held.any():
        builder.require(f"{name}必选点", -float(held.sum()), x=(now[held], -1.0))
    if shut.any():
        builder.require(f"{name}禁选点", 0.0, x=(now[shut], 1.0))
    for quota in asked.quotas[year]:
        some = asked.fresh_of(quota)
        fresh, past = now[some], before[some] if year else before
        if quota.at_least:
            what = f"{name}{quota.name}至少新设 {quota.at_least} 处"
            builder.require(what, -quota.at_least, x=terms((fresh, -1.0), (past, 1.0)))
        if quota.at_most is not None:
            what = f"{name}{quota.name}至多新设 {quota.at_most} 处"
            builder.require(what, quota.at_most, x=terms((fresh, 1.0), (past, -1.0)))


def _require_rules(builder: ProgramBuilder, asked: Timetable) -> None:
    """Add the rules on the last year; where sites move, what is at most holds in the years before, too."""
    n, rules, last = asked.n_candidates, asked.rules, asked.years - 1
    add_site_rules(builder, _in_year(rules, last, n, builder.n_sites))
    require_minimums(builder, rules, asked.matrix, asked.weight[last], first=last * n)
    if rules.existing and rules.relocations:
        upper = replace(
            rules, quotas=tuple(replace(quota, at_least=0) for quota in rules.quotas), relocations=0
        )
        for year in range(last):
            add_site_rules(builder, _in_year(upper, year, n, builder.n_sites))


def _in_year(rules: Rules, year: int, n: int, n_columns: int) -> Rules:
    """Move rules on candidates to the columns of a year."""
    first = year * n

    def padded(cost: ArrayLike) -> Floats:
        wide = np.zeros(n_columns)
        wide[first : first + n] = np.asarray(cost, np.float64)
        return wide

    return replace(
        rules,
        quotas=tuple(
            replace(quota, candidates=tuple(first + j for j in quota.candidates)) for quota in rules.quotas
        ),
        budgets=tuple(replace(budget, cost=padded(budget.cost)) for budget in rules.budgets),
        exclusive=tuple(tuple(first + j for j in group) for group in rules.exclusive),
        existing=tuple(first + j for j in rules.existing),
    )


def opened_in(asked: Timetable, state: Mask) -> list[list[int]]:
    """List the new sites of each year."""
    before = np.vstack([asked.existing, state[:-1]])
    return [np.flatnonzero(now & ~then).tolist() for now, then in zip(state, before, strict=True)]


def closed_in(asked: Timetable, state: Mask) -> list[list[int]]:
    """List the existing sites that each year gives up."""
    before = np.vstack([asked.existing, state[:-1]])
    return [np.flatnonzero(then & ~now).tolist() for now, then in zip(state, before, strict=True)]


def problems_of(asked: Timetable, state: Mask) -> list[str]:
    """Check a plan against the request without a program; empty where it holds (minimums apart)."""
    found = []
    before = np.vstack([asked.existing, state[:-1]])
    fresh = state & ~before
    if (before & ~state & ~asked.existing).any() or (fresh & asked.existing).any():
        found.append("a new site closes, or an existing one opens again")
    if (state & asked.closed).any() or (asked.forced & ~state).any():
        found.append("a forbidden site is open, or a forced one is not")
    net = (state.astype(np.int64) - before).sum(axis=1)
    spent = (fresh * asked.cost).sum(axis=1)
    for limits, used in ((asked.number, net), (asked.budget, spent)):
        if limits is not None:
            most, sums = (np.cumsum(limits), np.cumsum(used)) if asked.carry else (np.array(limits), used)
            if (sums > most + 1e-9 * (1.0 + most)).any():
                found.append("a limit of a year is exceeded")
    for year, quotas in enumerate(asked.quotas):
        for quota in quotas:
            count = int(fresh[year, asked.fresh_of(quota)].sum())
            if count < quota.at_least or count > (np.inf if quota.at_most is None else quota.at_most):
                found.append(f"quota {quota.name}")
    return found


def stay_open(asked: Timetable, state: Mask) -> Mask:
    """Leave existing sites open whose place no new site needs: a plan may give them up for nothing."""
    upper = replace(
        asked.rules,
        quotas=tuple(replace(quota, at_least=0) for quota in asked.rules.quotas),
        minimums=(),
    )
    for site in np.flatnonzero(asked.existing & ~state[-1] & ~asked.closed).tolist():
        more = state.copy()
        more[:, site] = True
        if not problems_of(asked, more) and not any(broken(upper, np.flatnonzero(year)) for year in more):
            state = more
    return state


def none_found(plan: Plan) -> bool:
    """Tell whether a stage ended without any plan."""
    return plan.status == "infeasible" or not math.isfinite(plan.objective)
