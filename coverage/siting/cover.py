"""Covering with side constraints: maximal, set and partial covering, each exact and with a proven bound.

Requests without rules go to the engines made for them; all others become a cover program (see `program`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import models
from .branch import Progress
from .cover_plan import Gains, Measure, answer, by_count, worth_of
from .cover_request import (
    CoverOptions,
    CoverRequest,
    add_cover,
    add_minimums,
    add_required,
    cover_request,
    limited_request,
    refusal,
    shortfall,
    site_program,
)
from .plan import Plan
from .reduce import Floats, Positions
from .requests import costs_of, is_whole, no_plan
from .rules import Minimum, Rules

Heads = NDArray[np.integer[Any]]
Values = NDArray[np.floating[Any] | np.integer[Any]]


def mclp(
    indptr: Heads,
    indices: Heads,
    weight: Values,
    n_candidates: int,
    *,
    p: int | None = None,
    cost: Values | None = None,
    budget: float | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Plan:
    """Open ``p`` candidates at most, or what a budget pays, to cover the most residents, within rules.

    With ``x_j = 1`` where candidate ``j`` is opened, ``z_r = 1`` where row ``r`` is covered, ``w_r`` its
    residents and ``a_rj = 1`` where ``j`` covers ``r`` (Church and ReVelle 1974)::

        max   sum_r w_r z_r
        s.t.  z_r <= sum_j a_rj x_j                         for every row r
              sum_j x_j <= p     or  sum_j c_j x_j <= budget
              sum_{r in M} w_r z_r >= share_M sum_{r in M} w_r   for every minimum M
              at_least_Q <= sum_{j in Q} x_j <= at_most_Q   for every quota Q
              sum_{j in E} x_j <= 1                         for every exclusive set E
              sum_{j existing} x_j >= existing - relocations
              x_j in {0, 1},  0 <= z_r <= 1

    Rows with the same candidates and the same minimums are merged first. Without rules this is
    `models.mclp`, with its certificate.

    Parameters
    ----------
    indptr, indices
        Compressed sparse rows: the candidates within the limit of row ``r`` are
        ``indices[indptr[r]:indptr[r + 1]]``, in any order.
    weight
        (m,) residents of each row, finite, >= 0.
    n_candidates
        Number of candidates, existing sites among them.
    p
        Sites to open at most; forced and existing ones count. To ask for more than there are candidates that
        may open is a mistake and answered as infeasible.
    cost, budget
        Instead of ``p``: (n,) what each candidate costs, >= 0, and what all open sites may cost. With ``p``,
        give further budgets in the rules.
    forced, forbidden
        Candidates that are opened in any case, or never.
    rules
        Quotas, budgets, minimums, exclusive sets, existing sites and how many of them may move.
    time_limit_s
        Wall time after which the best plan so far is returned with its proven gap; so does Ctrl-C.
    progress
        Called with incumbent, bound, gap and seconds whenever one of the first two gets better.

    Returns
    -------
    Plan
        With fewer than ``p`` sites where more would add no resident and no rule asks for them; with status
        ``infeasible`` and the reason in ``note`` where the request contradicts itself.

    Raises
    ------
    ValueError
        The arrays do not fit together, or the rules do not fit the arrays.

    Examples
    --------
    >>> from boai.coverage.siting.rules import Quota
    >>> arrays = np.array([0, 1, 3, 4, 5]), np.array([0, 0, 1, 1, 2]), np.array([1, 4, 2, 3]), 3
    >>> mclp(*arrays, p=2).sites, mclp(*arrays, p=2, rules=Rules(exclusive=((1, 2),))).sites
    ((1, 2), (0, 2))
    >>> mclp(*arrays, p=1, rules=Rules(quotas=(Quota("甲县", (0, 2), at_least=2),))).note
    '甲县至少 2 处, 共需 2 处, 多于允许的 1 处'
    """
    options: CoverOptions = {
        "p": p,
        "cost": cost,
        "budget": budget,
        "forced": forced,
        "forbidden": forbidden,
        "rules": rules,
        "time_limit_s": time_limit_s,
        "progress": progress,
    }
    request = limited_request(indptr, indices, weight, n_candidates, options)
    return solve_mclp(request)


def solve_mclp(request: CoverRequest) -> Plan:
    """Solve a maximal covering by the engine made for it, or, with rules, as a program."""
    refused = refusal(request)
    if refused:
        return refused
    rules = request.rules
    # a budget of the request itself is the first of the rules' budgets
    own = rules.budgets[0] if request.p is None else None
    others = rules if own is None else replace(rules, budgets=rules.budgets[1:])
    if not others and (own is None or (own.cost > 0).all()):
        cost, budget = (None, None) if own is None else (own.cost, own.limit)
        return models.mclp(*request.arrays, p=request.p, cost=cost, budget=budget, **request.options)
    builder = site_program(request)
    covered = add_cover(builder, request, minimums=rules.minimums)
    return answer(request, builder.build(t=(covered, 1.0)), covered_once(request))


def covered_once(request: CoverRequest) -> Measure:
    """Measure a plan by the residents with at least one open site."""

    def worth(count: Floats) -> Floats:
        return np.asarray(np.where(count > 0, request.weight, 0.0), np.float64)

    gains, value = by_count(request.matrix, worth), worth_of(request.matrix, worth)
    return Measure(value, gains, whole=is_whole(request.weight), size=float(request.weight.sum()))


def lscp(
    indptr: Heads,
    indices: Heads,
    weight: Values,
    n_candidates: int,
    *,
    times: ArrayLike = 1,
    p: int | None = None,
    cost: Values | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Plan:
    """Open the fewest or cheapest candidates that cover every row with residents, once or several times.

    ``min sum_j c_j x_j`` with ``sum_j a_rj x_j >= times_r`` for every row with residents, within the rules of
    `mclp`; ``c_j`` = 1 without ``cost`` (Toregas, Swain, ReVelle and Bergman 1971; several times: Hogan and
    ReVelle 1986). A row with fewer allowed candidates than ``times_r`` is to be reached by all of them; rows
    without any are left out. Both are counted in ``reductions`` and told in ``note``. Rows that contain
    another of the same number are left out. Without rules and with ``times`` 1 this is `models.lscp`.

    Parameters
    ----------
    times
        Whole number >= 0, or (m,) of them: so many open sites must reach each row.
    p
        Sites to open at most; None where their number is free.
    cost
        (n,) what each candidate costs, >= 0.

    Returns
    -------
    Plan
        ``objective`` and ``bound`` are costs. ``gains`` are residents times the sites that they still needed.

    Raises
    ------
    ValueError
        As `mclp`, or ``times`` is not whole, negative or of the wrong length.

    Examples
    --------
    >>> arrays = np.array([0, 2, 4, 6]), np.array([0, 1, 1, 2, 0, 2]), np.array([1, 4, 2]), 3
    >>> lscp(*arrays).objective, lscp(*arrays, times=2).objective, lscp(*arrays, times=3).note
    (2.0, 3.0, '3 处居民的可选候选点不足所要求的次数, 只要求到可达的次数')
    """
    asked = Rules() if rules is None else rules
    costs = costs_of(cost, n_candidates, zero=True)
    request = cover_request(
        indptr,
        indices,
        weight,
        n_candidates,
        p=p,
        forced=forced,
        forbidden=forbidden,
        rules=asked,
        time_limit_s=time_limit_s,
        progress=progress,
    )
    wanted = _times(times, len(request.weight))
    refused = refusal(request, capped=True)
    if refused:
        return refused
    if not asked and p is None and (wanted == 1).all() and (costs > 0).all():
        return models.lscp(*request.arrays, cost=cost, **request.options)
    there = (request.matrix @ request.allowed.astype(np.float64)).astype(np.int64)
    need = np.where(request.weight > 0, np.minimum(wanted, there), 0)
    builder = site_program(request)
    add_required(builder, request, need, "每处居民达到要求的覆盖次数")
    add_minimums(builder, request)
    short = (request.weight > 0) & (need < wanted)
    request.counts.update(
        rows_without_weight=int((request.weight <= 0).sum()),
        rows_without_candidate=int((short & (need == 0)).sum()),
        rows_with_too_few_candidates=int((short & (need > 0)).sum()),
    )
    plan = answer(request, builder.build(x=(np.arange(n_candidates), -costs)), _needed(request, need, costs))
    return replace(plan, note="; ".join(filter(None, (plan.note, _missed(request.counts)))))


def _times(times: ArrayLike, n_rows: int) -> Positions:
    given = np.asarray(times)
    wanted = np.asarray(given, np.float64)
    if wanted.shape not in {(), (n_rows,)} or not np.isfinite(wanted).all() or (wanted < 0).any():
        raise ValueError(f"times must be one whole number >= 0, or {n_rows} of them")
    if (wanted != np.floor(wanted)).any():
        raise ValueError("times must be whole numbers")
    return np.broadcast_to(np.minimum(wanted, 2.0**31), (n_rows,)).astype(np.int64)


def _missed(counts: dict[str, int]) -> str:
    lost, few = counts["rows_without_candidate"], counts["rows_with_too_few_candidates"]
    told = [f"{lost} 处居民任何候选点都到不了"] if lost else []
    told += [f"{few} 处居民的可选候选点不足所要求的次数, 只要求到可达的次数"] if few else []
    return "; ".join(told)


def _needed(request: CoverRequest, need: Positions, costs: Floats) -> Measure:
    """Measure a plan by its cost; its sites by the residents that still needed them."""

    def worth(count: Floats) -> Floats:
        return np.asarray(request.weight * np.minimum(count, need), np.float64)

    gains = by_count(request.matrix, worth)
    return cheapest(costs, gains)


def cheapest(costs: Floats, gains: Gains) -> Measure:
    """Measure a plan by what its sites cost."""
    return Measure(
        lambda sites: math.fsum(costs[list(sites)]),
        gains,
        minimise=True,
        whole=is_whole(costs),
        size=float(costs.sum()),
    )


def partial_cover(
    indptr: Heads,
    indices: Heads,
    weight: Values,
    n_candidates: int,
    *,
    share: float,
    p: int | None = None,
    cost: Values | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Plan:
    """Open the fewest or cheapest candidates that cover a share of all residents, within rules.

    ``min sum_j c_j x_j`` with ``sum_r w_r z_r >= share * sum_r w_r`` and all else as in `mclp` (Daskin and
    Owen 1999), as one cover program; `partial.partial_cover` finds the same by maximal coverings.

    Parameters
    ----------
    share
        0..1 of all residents, also those whom no candidate reaches.
    p
        Sites to open at most; None where their number is free.
    cost
        (n,) what each candidate costs, >= 0; 1 without.

    Returns
    -------
    Plan
        ``objective`` and ``bound`` are costs; ``gains`` residents.

    Raises
    ------
    ValueError
        As `mclp`, or ``share`` is not in 0..1.

    Examples
    --------
    >>> arrays = np.array([0, 1, 3, 4, 5]), np.array([0, 0, 1, 1, 2]), np.array([1, 4, 2, 3]), 3
    >>> county = Rules(minimums=(Minimum("乙县", np.array([3]), 1.0),))
    >>> partial_cover(*arrays, share=0.6).objective, partial_cover(*arrays, share=0.6, rules=county).objective
    (1.0, 2.0)
    """
    asked = Rules() if rules is None else rules
    if not 0.0 <= share <= 1.0:
        raise ValueError("share must lie in 0..1")
    costs = costs_of(cost, n_candidates, zero=True)
    request = cover_request(
        indptr,
        indices,
        weight,
        n_candidates,
        p=p,
        forced=forced,
        forbidden=forbidden,
        rules=asked,
        time_limit_s=time_limit_s,
        progress=progress,
    )
    everyone = Minimum("全部居民", np.arange(len(request.weight)), share)
    minimums = (everyone, *asked.minimums)
    reason = shortfall(request, minimums)
    refused = refusal(request, capped=True)
    if refused is None and reason:
        refused = no_plan("infeasible", reason, request.started)
    if refused:
        return refused
    builder = site_program(request)
    add_cover(builder, request, minimums=minimums)
    program = builder.build(x=(np.arange(n_candidates), -costs))
    return answer(request, program, cheapest(costs, covered_once(request).gains))
