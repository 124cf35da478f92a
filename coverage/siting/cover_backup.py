"""Covering for the day a site fails: backup cover, expected cover, and cover by at least k sites."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .cover_plan import Measure, RowWorth, answer, by_count, count_open, worth_of
from .cover_request import (
    Classes,
    CoverOptions,
    CoverRequest,
    add_cover,
    add_minimums,
    add_required,
    limited_request,
    merged,
    refusal,
    site_program,
)
from .cover_start import start_of
from .plan import Plan
from .program import ProgramBuilder
from .reduce import Floats, Positions
from .requests import is_whole

Heads = NDArray[np.integer[Any]]
Values = NDArray[np.floating[Any] | np.integer[Any]]

_TINY = 1e-9
"""Expected cover by the sites after so little is left is not modelled, but allowed for in the bound."""

_FACETS = 20_000
"""Entries of the stronger limits in `k_cover`; more of them slow the bound down more than they help it."""

_REACHED = "逐处达到次数"


@dataclass(frozen=True)
class BackupPlan:
    """A plan with backup, and whom it reaches."""

    plan: Plan
    once: float
    """Residents with at least one open site."""
    twice: float
    """Residents with at least two."""


def backup_cover(
    indptr: Heads,
    indices: Heads,
    weight: Values,
    n_candidates: int,
    *,
    theta: float | None = None,
    **options: Unpack[CoverOptions],
) -> BackupPlan:
    """Open ``p`` candidates, or what a budget pays, such that most residents are reached by a second site.

    With ``u_r = 1`` where at least two open sites reach row ``r`` (Hogan and ReVelle 1986), BACOP1, without
    ``theta``: everyone who can be reached is reached once, and as many as possible twice::

        max   sum_r w_r u_r     s.t.  sum_j a_rj x_j >= 1 + u_r   for every row r with a candidate

    BACOP2, with ``theta``: ``max theta sum_r w_r z_r + (1 - theta) sum_r w_r u_r`` with
    ``z_r + u_r <= sum_j a_rj x_j`` and ``u_r <= z_r``. From 0.5 on the value of a row's sites never rises and
    ``z, u`` may be continuous; below, each class of rows gets a 0/1 column as in `k_cover`.

    Parameters
    ----------
    indptr, indices, weight, n_candidates
        As `mclp`.
    theta
        Share of the first cover in the objective, 0..1; None for BACOP1.
    **options
        As `mclp`: ``p``, or ``cost`` and ``budget``; ``forced``, ``forbidden``, ``rules``, ``time_limit_s``,
        ``progress``.

    Returns
    -------
    BackupPlan
        The objective of its plan is in residents: those reached twice, or the weighted sum. For BACOP1 the
        gap is a share of first and second cover together.

    Raises
    ------
    ValueError
        As `mclp`, or ``theta`` is not in 0..1.

    Examples
    --------
    >>> arrays = np.array([0, 2, 4, 6]), np.array([0, 1, 1, 2, 2, 3]), np.array([5, 4, 3]), 4
    >>> found = backup_cover(*arrays, p=2)
    >>> found.plan.sites, found.once, found.twice
    ((1, 2), 12.0, 4.0)
    >>> backup_cover(*arrays, p=2, theta=0.2).plan.sites
    (1, 0)
    """
    if theta is not None and not 0.0 <= theta <= 1.0:
        raise ValueError("theta must lie in 0..1")
    request = limited_request(indptr, indices, weight, n_candidates, options)
    refused = refusal(request)
    plan = refused or (_every_row_once(request) if theta is None else _weighted(request, theta))
    count = count_open(request.matrix, plan.sites)
    nothing = plan.status == "infeasible"
    once, twice = (math.nan if nothing else math.fsum(request.weight[count >= k]) for k in (1, 2))
    return BackupPlan(plan, once, twice)


def _every_row_once(request: CoverRequest) -> Plan:
    reached = request.matrix @ request.allowed.astype(np.float64) > 0
    builder = site_program(request)
    add_required(builder, request, reached.astype(np.int64), "每处居民至少有一处站点可达")
    used = np.where(reached, request.weight, 0.0)
    covered = add_cover(builder, request, factor=(1.0, 1.0))
    add_minimums(builder, request)

    def worth(count: Floats) -> Floats:
        return np.asarray(np.where(count > 1, request.weight, 0.0), np.float64)

    def wanted(count: Floats) -> Floats:
        return np.asarray(used * np.where(count < 2, 1.0, 0.0), np.float64)

    measure = Measure(
        worth_of(request.matrix, worth),
        by_count(request.matrix, worth, wanted),
        whole=is_whole(request.weight),
        size=2.0 * float(request.weight.sum()),
        offset=math.fsum(used),
        need=reached.astype(np.int64),
    )
    return answer(request, builder.build(t=(covered, 1.0)), measure)


def _weighted(request: CoverRequest, theta: float) -> Plan:
    def worth(count: Floats) -> Floats:
        value = theta * (count > 0) + (1.0 - theta) * (count > 1)
        return np.asarray(request.weight * value, np.float64)

    whole = is_whole(request.weight) and theta in {0.0, 1.0}
    first, second = theta, 1.0 - theta
    if second <= first:
        measure = _measure(request, worth, whole)
        builder = site_program(request)
        covered = add_cover(builder, request, factor=(first, second))
        add_minimums(builder, request)
        return answer(request, builder.build(t=(covered, 1.0)), measure)
    # of the second site, as much as the first is worth keeps the value from rising; the rest needs a column
    return _at_least(request, 2, _measure(request, worth, whole, 2), (first, first), second - first)


def _measure(request: CoverRequest, worth: RowWorth, whole: bool, k: int = 1) -> Measure:
    def wanted(count: Floats) -> Floats:
        return np.asarray(np.where(count < k, request.weight * (count + 1.0), 0.0), np.float64)

    gains = by_count(request.matrix, worth, wanted if k > 1 else None)
    return Measure(
        worth_of(request.matrix, worth), gains, whole=whole, size=2.0 * float(request.weight.sum())
    )


def k_cover(
    indptr: Heads,
    indices: Heads,
    weight: Values,
    n_candidates: int,
    *,
    k: int,
    **options: Unpack[CoverOptions],
) -> Plan:
    """Open ``p`` candidates, or what a budget pays, such that most residents are reached by ``k`` sites.

    With ``v_c = 1`` where at least ``k`` open sites reach class ``c`` of rows with the same candidates::

        max   sum_c w_c v_c     s.t.  k v_c <= sum_j a_cj x_j,   v_c in {0, 1}

    The value of a row's sites is 0 before the ``k``-th, so it rises and ``v`` cannot be continuous: its
    relaxation is weak, and each class is a 0/1 column of its own. ``v_c <= sum_{j not in T} a_cj x_j`` for
    sets ``T`` of ``k - 1`` candidates of the class (facets of its hull; Balas 1975) is added for the
    heaviest classes where ``k`` is 2. The search begins from a local search that is good on its own. With
    ``k`` 1 this is `mclp`. Optima are proven for one or two hundred classes where ``k`` is 2, for some thirty
    where it is 5; beyond, expect a plan with a gap of several per cent. Where the first sites count,
    too, take `expected_cover` or `backup_cover`.

    Parameters
    ----------
    k
        So many open sites must reach a resident, >= 1.
    **options
        As `backup_cover`.

    Returns
    -------
    Plan
        ``objective``: residents reached by at least ``k`` sites. Sites in the order in which they bring most
        residents nearer to ``k``.

    Raises
    ------
    ValueError
        As `mclp`, or ``k`` is not a whole number >= 1.

    Examples
    --------
    >>> arrays = np.array([0, 2, 4, 6]), np.array([0, 1, 1, 2, 2, 3]), np.array([5, 4, 3]), 4
    >>> k_cover(*arrays, k=2, p=3).objective
    9.0
    """
    if k != int(k) or k < 1:
        raise ValueError("k must be a whole number >= 1")
    request = limited_request(indptr, indices, weight, n_candidates, options)
    refused = refusal(request)
    if refused:
        return refused

    def worth(count: Floats) -> Floats:
        return np.asarray(np.where(count >= k, request.weight, 0.0), np.float64)

    return _at_least(request, int(k), _measure(request, worth, is_whole(request.weight), int(k)), (), 1.0)


def _at_least(
    request: CoverRequest, k: int, measure: Measure, factor: tuple[float, ...], worth: float
) -> Plan:
    """Solve a model with a 0/1 column for each class that ``k`` sites reach, worth so much per resident."""
    reach = csr_array(request.matrix.multiply(request.allowed[None]))
    reach.eliminate_zeros()
    enough = np.diff(reach.indptr) >= k
    classes = merged(reach, np.where(enough, request.weight, 0.0))
    n, count = request.n_candidates, len(classes.weight)
    request.counts.update(classes=count, rows_with_too_few_candidates=int((~enough).sum()))
    builder = site_program(request, more=count)
    _limit_columns(builder, classes, n, k)
    covered = add_cover(builder, request, factor=factor) if factor else np.empty(0, np.int64)
    add_minimums(builder, request)
    program = builder.build(x=(n + np.arange(count), worth * classes.weight), t=(covered, 1.0))
    return answer(request, program, measure, starts=[start_of(request, classes, k)])


def _limit_columns(builder: ProgramBuilder, classes: Classes, n: int, k: int) -> None:
    """Let the column of a class open with ``k`` of its sites only; the heaviest classes first get facets."""
    start, index = classes.rows.indptr, classes.rows.indices
    size = np.diff(start)
    heavy = np.argsort(-classes.weight, kind="stable")
    strong = np.zeros(len(size), bool)
    strong[heavy] = (np.cumsum((size**2)[heavy]) <= _FACETS) & (k == 2)
    for number in range(len(size)):
        its = index[start[number] : start[number + 1]].astype(np.int64)
        if len(its) == k:  # each of its sites is needed: stronger than their sum
            for site in its.tolist():
                builder.require(_REACHED, 0.0, x=([site, n + number], [-1.0, 1.0]), hard=True)
            continue
        builder.require(
            _REACHED, 0.0, x=(np.r_[its, n + number], np.r_[-np.ones(len(its)), float(k)]), hard=True
        )
        for site in its.tolist() if strong[number] else []:
            others = np.r_[its[its != site], n + number]
            builder.require(_REACHED, 0.0, x=(others, np.r_[-np.ones(len(its) - 1), 1.0]), hard=True)


def expected_cover(
    indptr: Heads,
    indices: Heads,
    weight: Values,
    n_candidates: int,
    *,
    q: float,
    **options: Unpack[CoverOptions],
) -> Plan:
    """Open ``p`` candidates, or what a budget pays, to reach most residents where sites may fail.

    Each open site fails (is closed, busy, cut off) with probability ``q``, independently of the others; a row
    with ``s`` open sites is reached with probability ``1 - q^s`` (maximal expected covering, Daskin 1983)::

        max   sum_r w_r sum_{i=1..s_r} (1 - q) q^(i-1)      with  s_r = sum_j a_rj x_j

    The steps ``(1 - q) q^(i-1)`` fall, so the model is a cover program as it stands. Several units in one
    place are several candidates with the same rows.

    Parameters
    ----------
    q
        Probability that a site fails, 0 <= q < 1.
    **options
        As `backup_cover`.

    Returns
    -------
    Plan
        ``objective`` and ``gains``: residents reached on average.

    Raises
    ------
    ValueError
        As `mclp`, or ``q`` is not in 0..1.

    Examples
    --------
    >>> arrays = np.array([0, 2, 3, 4]), np.array([0, 1, 0, 2]), np.array([60, 40, 20]), 3
    >>> expected_cover(*arrays, q=0.5, p=2).sites, expected_cover(*arrays, q=0.1, p=2).sites
    ((0, 1), (0, 2))
    """
    if not 0.0 <= q < 1.0:
        raise ValueError("q must lie in 0..1, below 1")
    request = limited_request(indptr, indices, weight, n_candidates, options)
    refused = refusal(request)
    if refused:
        return refused
    factor, rest = _steps(request, q)
    builder = site_program(request)
    covered = add_cover(builder, request, factor=factor)
    add_minimums(builder, request)

    def worth(count: Floats) -> Floats:
        return np.asarray(request.weight * (1.0 - np.power(q, count)), np.float64)

    total = float(request.weight.sum())
    measure = Measure(
        worth_of(request.matrix, worth), by_count(request.matrix, worth), size=total, loose=rest * total
    )
    return answer(request, builder.build(t=(covered, 1.0)), measure)


def _steps(request: CoverRequest, q: float) -> tuple[Floats, float]:
    """Give what the first, second, … open site adds per resident, and what those left out may add."""
    most = int(np.diff(request.matrix.indptr).max(initial=1))
    most = max(1, most if request.p is None else min(most, request.p))
    needed = 1 if q == 0.0 else math.ceil(math.log(_TINY) / math.log(q))
    length: int = min(most, max(needed, 1))
    position: Positions = np.arange(length)
    return np.asarray((1.0 - q) * np.power(q, position), np.float64), 0.0 if length == most else q**length
