"""Covering within several limits at once: one hour for 80 %, two hours for 99 %."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, vstack

from . import cover
from .cover_plan import Measure, answer, count_open
from .cover_request import (
    CoverOptions,
    CoverRequest,
    add_cover,
    add_minimums,
    cover_request,
    limited_request,
    refusal,
    site_program,
)
from .plan import Plan
from .reduce import Floats, Mask
from .requests import costs_of, is_whole
from .rules import Minimum


@dataclass(frozen=True)
class LimitsPlan:
    """A plan, and whom it reaches within each limit."""

    plan: Plan
    residents: tuple[float, ...]
    """Residents reached within each limit, from the raw arrays."""
    shares: tuple[float, ...]
    """Their share of all residents; 0 where there are none."""


def several_limits(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    travel: ArrayLike,
    weight: ArrayLike,
    n_candidates: int,
    *,
    limits: Sequence[float],
    shares: Sequence[float],
    names: Sequence[str] | None = None,
    **options: Unpack[CoverOptions],
) -> LimitsPlan:
    """Open the fewest or cheapest candidates that cover a share of the residents within each limit.

    With ``z_ri = 1`` where row ``r`` has an open site within limit ``i`` (partial covering of Daskin and Owen
    1999, once for each limit)::

        min   sum_j c_j x_j
        s.t.  z_ri <= sum {x_j : d_rj <= limit_i},   sum_r w_r z_ri >= share_i sum_r w_r   for every i

    Rows with the same candidates within a limit are merged, limit by limit.

    Parameters
    ----------
    indptr, indices, weight, n_candidates
        As `mclp`, the candidates within the largest limit.
    travel
        (nnz,) cost of travel of each pair, >= 0; of pairs given twice the better counts.
    limits, shares
        Largest cost, the limit among them, and the share of all residents (0..1) to be reached within it.
    names
        What the limits are called in notes, such as 1 小时.
    **options
        As `lscp`: ``p`` (sites at most), ``cost``, ``forced``, ``forbidden``, ``rules``, ``time_limit_s``,
        ``progress``. Minimums of the rules are within the **first** limit.

    Returns
    -------
    LimitsPlan
        ``objective`` and ``bound`` of the plan are costs, ``gains`` residents, counted once for each limit.
        Infeasible, with the reason, where not even all allowed candidates reach a share.

    Raises
    ------
    ValueError
        As `mclp`; or limits, shares, names and costs do not fit together.

    Examples
    --------
    >>> arrays = np.array([0, 2, 4, 5]), np.array([0, 1, 1, 2, 2]), np.array([50, 90, 20, 70, 30])
    >>> arrays += np.array([6, 4, 2]), 3
    >>> several_limits(*arrays, limits=(60, 120), shares=(0.5, 0.8)).plan.objective
    2.0
    >>> several_limits(*arrays, limits=(60, 120), shares=(0.3, 0.8)).residents
    (4.0, 10.0)
    """
    if options.get("budget") is not None:
        raise ValueError("several_limits looks for the least cost; give budgets in the rules")
    given: dict[str, Any] = {"p": None, **options}
    given.pop("budget", None)
    costs = costs_of(given.pop("cost", None), n_candidates, zero=True)
    request = cover_request(indptr, indices, weight, n_candidates, **given)
    blocks = _within(request, indptr, indices, travel, limits)
    if len(shares) != len(limits) or not all(0.0 <= share <= 1.0 for share in shares):
        raise ValueError("give a share in 0..1 for each limit")
    m = len(request.weight)
    wanted = tuple(
        Minimum(f"{name}以内的全部居民", np.arange(m) + i * m, float(share))
        for i, (name, share) in enumerate(zip(_names(limits, names), shares, strict=True))
    )
    rules = replace(request.rules, minimums=(*wanted, *request.rules.minimums))
    stacked = _stacked(replace(request, rules=rules), blocks, np.ones(len(blocks)))
    plan = refusal(stacked, capped=True)
    if plan is None:
        builder = site_program(stacked)
        add_cover(builder, stacked, minimums=rules.minimums)
        program = builder.build(x=(np.arange(n_candidates), -costs))
        plan = answer(stacked, program, cover.cheapest(costs, cover.covered_once(stacked).gains))
    return _limits_plan(request, plan, blocks)


def best_for_limits(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    travel: ArrayLike,
    weight: ArrayLike,
    n_candidates: int,
    *,
    limits: Sequence[float],
    importance: Sequence[float] | None = None,
    **options: Unpack[CoverOptions],
) -> LimitsPlan:
    """Open ``p`` candidates, or what a budget pays, for the best cover within several limits.

    With ``importance`` ``b_i`` it is ``max sum_i b_i sum_r w_r z_ri``: a maximal covering in which each row
    stands once for each limit. Without, limits are taken in their order: most residents within the first; of
    all plans with so many, most within the second; and so on (lexicographic; Isermann 1982). Each is a
    maximal covering with the covers before it as minimums.

    Parameters
    ----------
    indptr, indices, travel, weight, n_candidates, limits
        As `several_limits`; the order of the limits is their rank.
    importance
        Weight of a resident reached within each limit, >= 0; None for one limit after the other.
    **options
        As `mclp`: ``p``, or ``cost`` and ``budget``; ``forced``, ``forbidden``, ``rules``, ``time_limit_s``,
        ``progress``. Minimums of the rules are within the **first** limit.

    Returns
    -------
    LimitsPlan
        With ``importance``, objective and bound of the plan are weighted residents. Else they are residents
        within the last limit, given the best of the limits before it; ``optimal`` only where all are proven.
        ``gains``: residents, once for each limit, times ``importance``.

    Raises
    ------
    ValueError
        As `several_limits`.

    Examples
    --------
    >>> arrays = np.array([0, 2, 4, 5]), np.array([0, 1, 1, 2, 1]), np.array([50, 90, 70, 20, 80])
    >>> arrays += np.array([6, 4, 2]), 3
    >>> best_for_limits(*arrays, limits=(60, 120), p=1).residents
    (6.0, 6.0)
    >>> best_for_limits(*arrays, limits=(60, 120), importance=(1, 2), p=1).residents
    (0.0, 12.0)
    """
    request = limited_request(indptr, indices, weight, n_candidates, options)
    blocks = _within(request, indptr, indices, travel, limits)
    if importance is None:
        return _limits_plan(request, _one_by_one(request, blocks), blocks)
    factor = np.asarray(importance, np.float64)
    if factor.shape != (len(limits),) or not np.isfinite(factor).all() or (factor < 0).any():
        raise ValueError("importance must be a finite number >= 0 for each limit")
    return _limits_plan(request, _weighted(request, blocks, factor), blocks)


def _weighted(request: CoverRequest, blocks: list[csr_array], importance: Floats) -> Plan:
    """Cover within all limits at once; minimums count residents, whatever the first limit is worth."""
    stacked, first = _stacked(request, blocks, importance), replace(request, matrix=blocks[0])
    if not request.rules.minimums:
        return cover.solve_mclp(stacked)
    refused = refusal(first)
    if refused:
        return refused
    builder = site_program(request)
    covered = add_cover(builder, stacked)
    add_minimums(builder, first)
    counted = replace(first, counts=stacked.counts)
    return answer(counted, builder.build(t=(covered, 1.0)), cover.covered_once(stacked))


def _one_by_one(request: CoverRequest, blocks: list[csr_array]) -> Plan:
    """Take one limit after the other, each with the covers of those before it as the least."""
    parts = [replace(request, matrix=block) for block in blocks]
    order = cover.covered_once(_stacked(request, blocks, np.ones(len(blocks)))).gains
    whole, total = is_whole(request.weight), float(request.weight.sum())
    refused = refusal(parts[0])
    if refused:
        return refused
    floors: list[float] = []
    starts: list[Mask] = []
    last: Plan | None = None
    for part in parts:
        measure = Measure(_covered(part), order, whole=whole, size=total)
        plan = _next_limit(request, parts[: len(floors) + 1], floors, measure, starts)
        found = math.isfinite(plan.objective)
        last = plan if found else last
        if (plan.status == "infeasible" and last is None) or (part is parts[-1] and found):
            return plan
        if plan.status != "optimal":
            break
        floors.append(plan.objective if whole else plan.objective * (1.0 - 1e-9))
        starts = [np.isin(np.arange(request.n_candidates), plan.sites)]
    return _cut_short(parts[-1], plan if last is None else last)


def _next_limit(
    request: CoverRequest,
    parts: list[CoverRequest],
    floors: list[float],
    measure: Measure,
    starts: list[Mask],
) -> Plan:
    builder = site_program(request)
    for part, floor in zip(parts, floors, strict=False):
        known = add_cover(builder, part)
        builder.require("前面各时限的最好覆盖", -floor, t=(known, -1.0))
    covered = add_cover(builder, parts[-1])
    add_minimums(builder, parts[0])
    return answer(parts[0], builder.build(t=(covered, 1.0)), measure, starts=starts)


def _cut_short(part: CoverRequest, plan: Plan) -> Plan:
    """Give the plan of an earlier limit as one of the last limit, about which nothing is proven."""
    reached = _covered(part)
    objective = reached(plan.sites) if math.isfinite(plan.objective) else plan.objective
    bound = reached(tuple(np.flatnonzero(part.allowed).tolist()))
    found = math.isfinite(objective)
    gap = (bound - objective) / bound if found and bound else 0.0 if found else 1.0
    note = "" if found else plan.note
    return replace(
        plan, objective=objective, bound=bound, gap=gap, status="feasible", note=note, certificate=None
    )


def _covered(request: CoverRequest) -> Callable[[tuple[int, ...]], float]:
    return cover.covered_once(request).objective


def _within(
    request: CoverRequest,
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    travel: ArrayLike,
    limits: Sequence[float],
) -> list[csr_array]:
    """Give who reaches whom within each limit: (m, n) matrices."""
    cost = np.asarray(travel, np.float64)
    if cost.shape != np.shape(indices) or np.isnan(cost).any() or (cost < 0).any():
        raise ValueError(f"travel must be {len(indices)} numbers >= 0, one for each pair")
    if not len(limits) or not all(limit >= 0 for limit in limits):
        raise ValueError("limits must be numbers >= 0, at least one")
    head = np.asarray(indptr, np.int64)  # unsigned ones cannot be counts
    row = np.repeat(np.arange(len(head) - 1), head[1:] - head[:-1])
    blocks = []
    for limit in limits:
        near = cost <= limit
        pair = (np.ones(int(near.sum())), (row[near], np.asarray(indices, np.int64)[near]))
        block = csr_array(pair, shape=request.matrix.shape)
        block.data[:] = 1.0
        blocks.append(block)
    return blocks


def _names(limits: Sequence[float], names: Sequence[str] | None) -> list[str]:
    called = [f"{limit:.6g} " for limit in limits] if names is None else [*names]
    if len(called) != len(limits):
        raise ValueError("give a name for each limit")
    return called


def _stacked(request: CoverRequest, blocks: list[csr_array], importance: Floats) -> CoverRequest:
    """Let each row stand once for each limit, with its weight times the limit's importance."""
    weight = (importance[:, None] * request.weight[None]).ravel()
    matrix = csr_array(vstack(blocks, format="csr"))
    return replace(request, matrix=matrix, weight=weight, counts=request.counts | {"rows": len(weight)})


def _limits_plan(request: CoverRequest, plan: Plan, blocks: list[csr_array]) -> LimitsPlan:
    total = math.fsum(request.weight)
    counts = [count_open(block, plan.sites) for block in blocks]
    nothing = plan.status == "infeasible"
    residents = tuple(math.nan if nothing else math.fsum(request.weight[count > 0]) for count in counts)
    return LimitsPlan(plan, residents, tuple(number / total if total else 0.0 for number in residents))
