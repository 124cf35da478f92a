"""The rules of a request as linear limits on the sites, for models that are no cover programs."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from . import rule_kernels as kernels
from .plan import Plan
from .program import CoverProgram, Outcome, ProgramBuilder
from .program_plan import plan_of
from .program_search import solve_program
from .reduce import Floats, Mask, Positions
from .requests import conflict, mask_of
from .rules import Rules, add_site_rules, check, contradiction

Whole = NDArray[np.int64]

_FINEST = 10_000
"""In whole numbers, coefficients are at most this."""

_ROUNDING = 1e-9
"""What rounding may hide, as a share of a limit."""


@dataclass(frozen=True)
class SiteLimits:
    """q limits on which of n sites may be open together: ``side @ x <= limit``."""

    side: csr_array
    """(q, n); the largest coefficient of a row is 1 in size."""
    limit: Floats
    """(q,) with what rounding may hide added."""

    def __len__(self) -> int:
        """Count the limits."""
        return len(self.limit)

    def allows(self, opened: Mask) -> bool:
        """Tell whether some sites (n,) may be open together, and no others."""
        return not len(self.limit) or bool((self.side @ opened.astype(np.float64) <= self.limit).all())

    def restrict(self, opened: Mask, closed: Mask) -> SiteLimits:
        """Open some sites for good and take others away: the limits on the sites left."""
        if not len(self.limit):
            return SiteLimits(csr_array((0, int((~(opened | closed)).sum()))), self.limit)
        limit = self.limit - self.side @ opened.astype(np.float64)
        return SiteLimits(csr_array(self.side[:, np.flatnonzero(~(opened | closed))]), limit)

    def toll(self, price: Floats) -> Floats:
        """Sum what each site takes of the limits, at prices (q,): (n,)."""
        return np.asarray(self.side.T @ price, np.float64)

    def full(self, opened: Mask) -> Mask:
        """Mark the sites (n,) that would break a limit if opened beside some."""
        room = self.limit - self.side @ opened.astype(np.float64)
        row, column, value = self._entries
        found = np.zeros(self.side.shape[1], bool)
        found[column[(value > 0) & (value > room[row])]] = True
        return found

    def open_next(self, opened: Mask, sites: int) -> Mask:
        """Mark the sites (n,) to be opened beside some, if ``sites`` in all shall keep the limits."""
        room = self.limit - self.side @ opened.astype(np.float64)
        able = ~self.full(opened)
        if np.ceil(-room[room < 0.0]).sum() >= sites - opened.sum():  # the limits that want sites come first
            row, column, value = self._entries
            able &= self.mask(column[(value < 0) & (room[row] < 0.0)])
        return able

    def mask(self, sites: Positions) -> Mask:
        """Turn positions into a mask (n,)."""
        mask = np.zeros(self.side.shape[1], bool)
        mask[sites] = True
        return mask

    def forced_by(self, opened: Mask, closed: Mask) -> tuple[bool, Mask, Mask]:
        """Tell whether no plan with some sites opened and others closed keeps the limits.

        Returns
        -------
        broken, must, never
            And the (n,) further sites that each plan that does opens, or closes: a limit alone says so.
        """
        n = self.side.shape[1]
        must, never = np.zeros(n, bool), np.zeros(n, bool)
        if not len(self.limit):
            return False, must, never
        free = ~(opened | closed)
        row, column, value = self._entries
        counts = np.where(free[column], np.minimum(value, 0.0), np.where(opened[column], value, 0.0))
        least = np.bincount(row, counts, minlength=len(self.limit))
        rise = least[row] + np.abs(value) > self.limit[row]
        must[column[rise & (value < 0) & free[column]]] = True
        never[column[rise & (value > 0) & free[column]]] = True
        return bool((least > self.limit).any() or (must & never).any()), must, never

    @cached_property
    def _entries(self) -> tuple[Positions, Positions, Floats]:
        row = np.repeat(np.arange(len(self.limit)), np.diff(self.side.indptr))
        return row, self.side.indices, self.side.data

    @cached_property
    def columns(self) -> tuple[Positions, Positions, Floats]:
        """The limits turned around, for compiled loops: start (n + 1,), limit and coefficient."""
        turned = csr_array(self.side.T.tocsr())
        turned.sort_indices()
        return turned.indptr.astype(np.int64), turned.indices.astype(np.int64), turned.data

    @cached_property
    def whole(self) -> tuple[csr_array, Whole]:
        """The limits in whole numbers, which everything keeps that keeps the limits themselves."""
        row, _, value = self._entries
        large = np.zeros(len(self.limit))
        np.maximum.at(large, row, np.abs(value))
        same = np.ones(len(self.limit), bool)
        same[row[np.abs(value) < large[row]]] = False
        unit = np.where(same, 1.0, _FINEST) / np.where(large > 0, large, 1.0)
        tiny = 1e-6  # of a unit, so that whole coefficients are not rounded down to the next
        side = csr_array(self.side, copy=True)
        side.data = np.where(same[row], np.sign(value), np.floor(value * unit[row] + tiny))
        limit = np.floor(self.limit * unit + tiny * self.side.shape[1])
        return side.astype(np.int64), limit.astype(np.int64)

    def replaceable(self) -> Mask:
        """Tell which site can give its place to which (n, n): no limit gets tighter, whether or not open."""
        n = self.side.shape[1]
        found = np.ones((n, n), bool)
        for row in range(len(self.limit)):
            own = self.side[[row]].toarray()[0]
            found &= (own[None] <= own[:, None]) & (own >= 0)[:, None]
        return found

    def repair(self, opened: Mask, sites: int, score: Floats) -> Mask:
        """Open, close and swap sites until the limits are kept, those with a high score (n,) stay or come.

        The plan that is left may break limits still: ask `allows`.
        """
        room = self.limit - self.side @ opened.astype(np.float64)
        return kernels.repair(*self.columns, room, opened, sites, score)


@dataclass(frozen=True)
class Asked:
    """Which plans a request allows."""

    p: int
    opened: Mask
    closed: Mask
    """(n,) candidates forced and forbidden."""
    rules: Rules
    limits: SiteLimits

    def contradiction(self) -> str:
        """Say in Chinese why the request contradicts itself at first sight; empty where it does not."""
        forced, forbidden = np.flatnonzero(self.opened).tolist(), np.flatnonzero(self.closed).tolist()
        reason = conflict(self.p, self.opened, self.closed)
        return reason or (contradiction(self.rules, self.p, forced, forbidden) if self.ruled else "")

    @property
    def ruled(self) -> bool:
        """True where there are limits but ``p``."""
        return bool(len(self.limits))

    def allows(self, plan: Mask) -> bool:
        """Tell whether some candidates (n,) are a plan that was asked for."""
        fits = not (self.opened & ~plan).any() and not (self.closed & plan).any()
        return fits and int(plan.sum()) <= self.p and self.limits.allows(plan)

    def mask(self, sites: Positions) -> Mask:
        """Turn positions into a mask (n,)."""
        mask = np.zeros(len(self.opened), bool)
        mask[sites] = True
        return mask


def limits_of(rules: Rules | None, n_candidates: int) -> SiteLimits:
    """Turn rules on sites (not the minimums, which are on cover) into limits."""
    if rules is None or not rules:
        return SiteLimits(csr_array((0, n_candidates)), np.empty(0))
    builder = ProgramBuilder(n_candidates)
    add_site_rules(builder, rules)
    program = builder.build()
    side = csr_array(program.side[:, :n_candidates], copy=True)
    side.eliminate_zeros()
    row = np.repeat(np.arange(len(program.limit)), np.diff(side.indptr))
    large = np.zeros(len(program.limit))
    np.maximum.at(large, row, np.abs(side.data))
    large[large == 0] = 1.0
    side.data = side.data / large[row]
    limit = program.limit / large
    return SiteLimits(side, limit + _ROUNDING * np.maximum(1.0, np.abs(limit)))


def asked_of(
    p: int, n_candidates: int, *, forced: Sequence[int], forbidden: Sequence[int], rules: Rules | None
) -> Asked:
    """Check what is asked of the sites; raises ``ValueError`` where positions or rules do not fit."""
    rules = Rules() if rules is None else rules
    if rules.minimums:
        raise ValueError("minimums are rules on cover: this model has none")
    check(rules, n_candidates, 0)
    opened = mask_of(rules.forced(forced), n_candidates)
    return Asked(p, opened, mask_of(forbidden, n_candidates), rules, limits_of(rules, n_candidates))


def some_plan(asked: Asked, reach: csr_array, *, exactly: bool, deadline: float) -> Mask | Plan | None:
    """Find any plan that keeps all rules and reaches some rows.

    Parameters
    ----------
    reach
        (k, n) 1 where a candidate reaches a row that must be reached.
    exactly
        ``p`` sites must be open, no fewer.
    deadline
        On the clock ``time.monotonic``.

    Returns
    -------
    plan
        The candidates (n,); or the plan that there is not, with the reason and the nearest request that can
        be met; or None where the time ran out.
    """
    program = _program(asked, reach, exactly=exactly)
    outcome = solve_program(program, time_limit_s=max(0.0, deadline - time.monotonic()))
    if outcome.status == "infeasible":
        return plan_of(program, outcome, sites=(), gains=())
    count = int(outcome.opened.sum())
    if exactly:
        if count == asked.p:
            return outcome.opened
        most = math.floor(outcome.bound + 1e-6)
        reason = f"按各项规则最多只能开设 {most} 个点, 要求 {asked.p} 个"
        return _impossible(outcome, reason) if most < asked.p else None
    if np.isfinite(outcome.objective) and count <= asked.p:
        return outcome.opened
    least = math.ceil(-outcome.bound - 1e-6)
    what = "到达所有居民" if reach.shape[0] else "满足各项规则"
    reason = f"要{what}至少需要 {least} 个点, 只允许 {asked.p} 个"
    return _impossible(outcome, reason) if least > asked.p else None


def _program(asked: Asked, reach: csr_array, *, exactly: bool) -> CoverProgram:
    """Ask for the fewest sites that keep the rules and reach the rows, or the most up to ``p``."""
    n = len(asked.opened)
    builder = ProgramBuilder(n)
    add_site_rules(builder, asked.rules)
    everybody = np.arange(n)
    for site in np.flatnonzero(asked.opened).tolist():
        builder.require("必选点", -1.0, x=([site], -1.0))
    if asked.closed.any():
        builder.require("禁选点", 0.0, x=(np.flatnonzero(asked.closed), 1.0))
    if reach.shape[0]:
        cover = builder.add_classes(reach, np.ones(reach.shape[0]))
        builder.require("到达所有居民", -float(reach.shape[0]), t=(cover, -1.0))
    if exactly:
        builder.require(f"最多开设 {asked.p} 处", float(asked.p), x=(everybody, 1.0), hard=True)
    return builder.build(x=(everybody, 1.0 if exactly else -1.0))


def _impossible(outcome: Outcome, reason: str) -> Plan:
    nan = math.nan
    return Plan((), (), nan, nan, "infeasible", nan, outcome.counts, reason, outcome.seconds)
