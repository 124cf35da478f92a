"""Gradual covering: the nearer the open site, the more of a resident counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .cover_plan import Gains, Measure, answer
from .cover_request import (
    CoverOptions,
    CoverRequest,
    add_minimums,
    limited_request,
    merged,
    refusal,
    site_program,
)
from .plan import Plan
from .program import ProgramBuilder
from .reduce import Floats, Positions, cover_matrix, ranges

Decay = Sequence[tuple[float, float]] | Callable[[Floats], ArrayLike]
"""Steps ``(limit, value)``, or a function from the costs of pairs to their values."""

_ENTRIES = 20_000_000
"""Candidates of all classes together: about 400 MB while they are merged."""

_LEVELS = (200, 100, 50, 20, 10)


def gradual_cover(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    travel: ArrayLike,
    weight: ArrayLike,
    n_candidates: int,
    *,
    decay: Decay,
    levels: int | None = None,
    **options: Unpack[CoverOptions],
) -> Plan:
    """Open ``p`` candidates, or what a budget pays, where cover falls with the way to the nearest open site.

    With ``f`` the decay and ``d_rj`` the cost of travel (Church and Roberts 1983; Berman, Krass and Drezner
    2003)::

        max   sum_r w_r max {f(d_rj) : j open}

    Let ``v_1 > v_2 > ... > v_L > v_(L+1) = 0`` be the values that row ``r`` can have. Its cover is
    ``sum_l (v_l - v_(l+1)) z_rl`` with ``z_rl = 1`` where a candidate worth ``v_l`` or more is open: a class
    of demand per row and level, each an ordinary row of maximal covering. Classes with the same candidates
    are merged, those of different rows, too. A row with k candidates of different values has k (k + 1) / 2
    entries; where all rows together have more than 20 million, values are rounded **up** to few levels: the
    bound stays a bound, the objective is that of the true values, and ``note`` tells.

    Parameters
    ----------
    indptr, indices
        As `mclp`; pairs whose value is 0 do not count.
    travel
        (nnz,) cost of travel of each pair, in minutes or metres; of pairs given twice the better counts.
    decay
        Steps such as ``[(30, 1.0), (60, 0.5)]``: 1 up to 30, 0.5 up to 60, 0 beyond (a limit belongs to its
        step); or a function from (nnz,) costs to (nnz,) values in 0..1.
    levels
        Round the values up to multiples of ``1 / levels``; None for exact values as long as memory allows.
    **options
        As `mclp`: ``p``, or ``cost`` and ``budget``; ``forced``, ``forbidden``, ``rules``, ``time_limit_s``,
        ``progress``. A minimum counts residents with any value above 0.

    Returns
    -------
    Plan
        ``objective`` and ``gains`` are residents times their values.

    Raises
    ------
    ValueError
        As `mclp`; or costs do not fit, steps do not rise in cost and fall in value, values are not in 0..1.

    Examples
    --------
    >>> arrays = np.array([0, 2, 4]), np.array([0, 1, 1, 2]), np.array([10, 40, 50, 20]), np.array([6, 4]), 3
    >>> plan = gradual_cover(*arrays, decay=[(30, 1.0), (60, 0.5)], p=1)
    >>> plan.sites, plan.objective
    ((0,), 6.0)
    >>> gradual_cover(*arrays, decay=lambda minutes: np.exp(-minutes / 200), p=1).sites
    (1,)
    """
    cover_matrix(indptr, indices, n_candidates)
    if levels is not None and (levels != int(levels) or levels < 1):
        raise ValueError("levels must be a whole number >= 1")
    values = _values(indptr, indices, travel, n_candidates, decay)
    request = limited_request(values.indptr, values.indices, weight, n_candidates, options)
    refused = refusal(request)
    if refused:
        return refused
    up, used = _levels(values, levels)
    builder = site_program(request)
    covered = _add_classes(builder, request, up)
    add_minimums(builder, request)
    total = float(request.weight.sum())
    measure = Measure(
        lambda sites: math.fsum(request.weight * _best(values, sites)),
        _gains(values, request.weight),
        size=total,
        loose=1e-9 * total if used else 0.0,
    )
    plan = answer(request, builder.build(t=(covered, 1.0)), measure)
    told = f"覆盖值按 1/{used} 向上归并计算上界, 目标值为准确值" if used else ""
    return replace(plan, note="; ".join(filter(None, (plan.note, told))))


def _values(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    travel: ArrayLike,
    n_candidates: int,
    decay: Decay,
) -> csr_array:
    """Give the value of each pair above 0 as a canonical matrix (m, n)."""
    cost = np.asarray(travel, np.float64)
    if cost.shape != np.shape(indices) or np.isnan(cost).any() or (cost < 0).any():
        raise ValueError(f"travel must be {len(indices)} numbers >= 0, one for each pair")
    value = np.asarray(decay(cost) if callable(decay) else _stepwise(decay, cost), np.float64)
    if value.shape != cost.shape or not ((value >= 0) & (value <= 1)).all():
        raise ValueError("the decay must give a value in 0..1 for each pair")
    head = np.asarray(indptr, np.int64)  # unsigned ones cannot be counts
    row = np.repeat(np.arange(len(head) - 1), head[1:] - head[:-1])
    order = np.lexsort((-value, indices, row))
    row, column, value = row[order], np.asarray(indices, np.int64)[order], value[order]
    first = np.r_[True, (np.diff(row) != 0) | (np.diff(column) != 0)][: len(row)] & (value > 0)
    shape = (len(indptr) - 1, n_candidates)
    start = np.r_[0, np.cumsum(np.bincount(row[first], minlength=shape[0]))]
    return csr_array((value[first], column[first], start), shape=shape)


def _stepwise(steps: Sequence[tuple[float, float]], cost: Floats) -> Floats:
    limit, value = np.asarray(steps, np.float64).reshape(-1, 2).T
    if np.isnan(limit).any() or (np.diff(limit) <= 0).any() or (np.diff(value) > 0).any():
        raise ValueError("the steps of a decay must rise in cost and fall in value")
    return np.asarray(np.r_[value, 0.0][np.searchsorted(limit, cost)], np.float64)


def _levels(values: csr_array, levels: int | None) -> tuple[csr_array, int]:
    """Round the values up where asked, or where memory needs it: the values, and the levels (0: exact)."""
    if levels is None and _entries(values) <= _ENTRIES:
        return values, 0
    for number in (levels,) if levels is not None else _LEVELS:
        up = np.ceil(values.data * number - 1e-9) / number
        rounded = csr_array((up, values.indices, values.indptr), shape=values.shape)
        if _entries(rounded) <= _ENTRIES:
            break
    return rounded, number


def _order(values: csr_array) -> tuple[Positions, Positions, Positions]:
    """Sort the pairs of each row by falling value: the order, the rows, and the last pair of each level."""
    row = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
    order = np.lexsort((-values.data, row))
    value = values.data[order]
    last = np.r_[(np.diff(value) != 0) | (np.diff(row) != 0), True][: len(row)]
    return order, row, np.flatnonzero(last)


def _entries(values: csr_array) -> int:
    """Count the candidates of all classes."""
    _, row, last = _order(values)
    return int((last + 1 - values.indptr[row[last]]).sum())


def _add_classes(builder: ProgramBuilder, request: CoverRequest, values: csr_array) -> Positions:
    """Add a class per row and level; those with the same candidates are merged."""
    order, row, last = _order(values)
    value, member = values.data[order], row[last]
    start = values.indptr[member].astype(np.int64)
    length = last + 1 - start
    following = np.r_[value[last[1:]], 0.0][: len(last)]
    following[np.r_[member[1:] != member[:-1], True][: len(last)]] = 0.0
    indices = values.indices[order[ranges(start, length)]]
    rows = csr_array(
        (np.ones(len(indices)), indices, np.r_[0, np.cumsum(length)]), shape=(len(last), values.shape[1])
    )
    rows.sort_indices()
    classes = merged(rows, request.weight[member] * (value[last] - following))
    request.counts.update(
        rows_without_weight=int((request.weight <= 0).sum()),
        rows_and_levels=len(last),
        classes=len(classes.weight),
    )
    return builder.add_classes(classes.rows, classes.weight)


def _best(values: csr_array, sites: Sequence[int]) -> Floats:
    """Give the best value of each row with some sites open (m,)."""
    if not len(sites):
        return np.zeros(values.shape[0])
    return np.asarray(values[:, list(sites)].max(axis=1).toarray(), np.float64).ravel()


def _gains(values: csr_array, weight: Floats) -> Gains:
    """Order sites by what each adds."""

    def ordered(plan: Positions) -> tuple[tuple[int, ...], tuple[float, ...]]:
        columns = csr_array(values[:, plan].T.tocsr())
        owner = np.repeat(np.arange(len(plan)), np.diff(columns.indptr))
        rows, best = columns.indices, np.zeros(len(weight))
        closed = np.ones(len(plan), bool)
        sites, gains = [], []
        for _ in range(len(plan)):
            more = weight[rows] * np.maximum(columns.data - best[rows], 0.0)
            total = np.bincount(owner, more, minlength=len(plan))
            chosen = int(np.argmax(np.where(closed, total, -1.0)))
            its = slice(columns.indptr[chosen], columns.indptr[chosen + 1])
            sites.append(int(plan[chosen]))
            gains.append(math.fsum(more[its]))
            best[rows[its]] = np.maximum(best[rows[its]], columns.data[its])
            closed[chosen] = False
        return tuple(sites), tuple(gains)

    return ordered
