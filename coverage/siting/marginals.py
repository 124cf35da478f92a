"""What each site of a covering plan is worth beside the others, and what its best replacement costs."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .marginals_kernels import Pairs, exchanges, order_by_gain
from .models import covered_weight, mclp
from .reduce import Floats, Mask, Positions, cover_matrix
from .requests import mask_of, weights_of

_log = logging.getLogger(__name__)

CUT_SHORT = 0.8
"""A solution that is not proven and took less than this share of its time was interrupted."""


@dataclass(frozen=True)
class Marginals:
    """The open sites of a plan, one entry each: existing ones first, then in the order of what they add."""

    site: Positions
    """(q,) candidates."""
    name: tuple[str, ...]
    """(q,) "" without names."""
    existing: Mask
    """(q,)."""
    rank: Positions
    """(q,) 1, 2, …"""
    gross: Floats
    """(q,) residents within the limit of the site."""
    gain: Floats
    """(q,) residents that it adds to the sites before it."""
    cumulative: Floats
    """(q,) residents covered by it and the sites before it."""
    sole: Floats
    """(q,) residents who depend on it alone; closing it costs so many."""
    replacement: Positions
    """(q,) the best single candidate for its place with all others fixed, -1 where none helps."""
    replacement_name: tuple[str, ...]
    loss: Floats
    """(q,) residents fewer with the replacement; below 0 where it is better than the site."""
    loss_at_least: Floats
    loss_at_most: Floats
    """(q,) residents fewer where the site is forbidden and all others may move, as a proven interval; NaN
    where it was not asked, or not found in time."""
    covered: float
    """Residents covered by all."""
    uncovered: float
    """Residents whom no site covers but an allowed candidate could."""
    unreachable: float
    """Residents whom no allowed candidate and no open site can cover."""
    note: str
    """In Chinese: what a reader must know."""


def marginal_table(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    sites: Sequence[int],
    *,
    existing: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    names: Sequence[str] | None = None,
    resolve: bool = False,
    time_limit_s: float = 60.0,
) -> Marginals:
    """Measure what each open site of a covering plan adds, alone holds, and what its best replacement costs.

    With ``f(S)`` the residents covered by the sites ``S`` and ``F_t`` the first ``t`` of the order::

        gain(s_t) = f(F_t) - f(F_t-1)            s_t the site that adds most to F_t-1
        sole(s)   = f(S) - f(S - s)
        loss(s)   = f(S) - max_j f(S - s + j)    over candidates j neither open nor forbidden
        f(S - s + j) = f(S) - sole(s) + new(j) + back(s, j)

    ``new(j)`` are the residents of ``j`` whom no site covers, ``back(s, j)`` those whom ``s`` alone covers:
    one pass over the pairs values all exchanges (the interchange of Teitz and Bart 1968, evaluated as by
    Resende and Werneck 2004). The loss is also the break-even of a site: it stays the best for its place
    while it serves at most so many fewer. Residents are exact where the weights are whole.

    Parameters
    ----------
    indptr, indices, weight, n_candidates
        As in `mclp`.
    sites
        Open candidates; those of ``existing`` may be among them.
    existing
        Open in any case, and ranked before all others.
    forbidden
        Candidates that replace nothing.
    names
        (n_candidates,) in the table beside the positions.
    resolve
        Also solve the plan again without each site, all but the existing ones free to move (`mclp`).
    time_limit_s
        Wall time for that; each site gets an equal part of what is left. Ctrl-C ends it, too.

    Raises
    ------
    ValueError
        The arrays do not fit together, a site is given twice, or is forbidden.

    Examples
    --------
    >>> rows = [[0, 1], [0], [1, 2], [2], [1]]
    >>> indptr, indices = np.cumsum([0, *map(len, rows)]), np.concatenate(rows)
    >>> table = marginal_table(indptr, indices, np.array([5, 3, 4, 2, 1]), 3, [0, 2])
    >>> table.site.tolist(), table.gain.tolist(), table.sole.tolist()
    ([0, 2], [8.0, 6.0], [8.0, 6.0])
    >>> table.replacement.tolist(), table.loss.tolist()
    ([1, 1], [2.0, 1.0])
    """
    started = time.monotonic()
    matrix, weights = cover_matrix(indptr, indices, n_candidates), weights_of(weight, len(indptr) - 1)
    stand, closed = mask_of(existing, n_candidates), mask_of(forbidden, n_candidates)
    opened = mask_of(sites, n_candidates) | stand
    _check(sites, opened, closed, names, n_candidates)
    order, gain = _order(matrix, weights, opened, stand)
    gross = np.asarray(matrix.T @ weights, np.float64)
    sole, replacement, loss = best_exchanges(matrix, weights, order, closed)
    asked = (indptr, indices, weights, n_candidates)
    covered = covered_weight(*asked[:3], order.tolist())
    low, high = np.full((2, len(order)), np.nan)
    if resolve:
        low, high = _resolved(asked, covered, (order, stand, closed), started + time_limit_s)
    reach = weights[matrix @ (opened | ~closed).astype(np.float64) > 0]
    called = [""] * n_candidates if names is None else list(map(str, names))
    return Marginals(
        site=order,
        name=tuple(called[site] for site in order),
        existing=stand[order],
        rank=np.arange(1, len(order) + 1),
        gross=gross[order],
        gain=gain,
        cumulative=np.cumsum(gain),
        sole=sole,
        replacement=replacement,
        replacement_name=tuple(called[site] if site >= 0 else "" for site in replacement),
        loss=loss,
        loss_at_least=low,
        loss_at_most=high,
        covered=covered,
        uncovered=max(0.0, math.fsum(reach) - covered),
        unreachable=max(0.0, math.fsum(weights) - math.fsum(reach)),
        note=_note(loss, low if resolve else None),
    )


def best_exchanges(
    matrix: csr_array, weight: Floats, sites: Positions, closed: Mask
) -> tuple[Floats, Positions, Floats]:
    """Find the best replacement of each site: (q,) residents of it alone, candidate or -1, residents lost."""
    value, sole = exchange_values(matrix, weight, sites)
    value[:, closed] = -np.inf
    value[:, sites] = -np.inf
    if not value.shape[1]:
        return sole, np.full(len(sites), -1), sole.copy()
    best = np.argmax(value, axis=1).astype(np.int64)
    most = np.maximum(value[np.arange(len(sites)), best], 0.0)
    return sole, np.where(most > 0.0, best, -1), sole - most


def exchange_values(matrix: csr_array, weight: Floats, sites: Positions) -> tuple[Floats, Floats]:
    """Give what every candidate adds once each site is closed (q, n), and what closing costs (q,).

    Parameters
    ----------
    matrix
        (m, n) from `cover_matrix`.
    sites
        (q,) open candidates.
    """
    place = np.full(matrix.shape[1], -1)
    place[sites] = np.arange(len(sites))
    start, site = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    sole, new, back = exchanges(start, site, weight, place, len(sites))
    back += new
    return back, sole


def _check(
    sites: Sequence[int], opened: Mask, closed: Mask, names: Sequence[str] | None, n_candidates: int
) -> None:
    if len(set(map(int, sites))) != len(sites):
        raise ValueError("a site is given twice")
    if (opened & closed).any():
        raise ValueError("an open site must not be forbidden")
    if names is not None and len(names) != n_candidates:
        raise ValueError(f"names must be {n_candidates} texts")


def pairs_of(matrix: csr_array, weight: Floats) -> Pairs:
    """Give a canonical matrix (m, n) and the residents of its rows to the kernels."""
    turned = csr_array(matrix.T.tocsr())
    return Pairs(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int64),
        turned.indptr.astype(np.int64),
        turned.indices.astype(np.int64),
        weight,
    )


def _order(matrix: csr_array, weight: Floats, opened: Mask, stand: Mask) -> tuple[Positions, Floats]:
    """Order open sites by what they add, existing ones first: (q,) sites and gains."""
    chosen = np.flatnonzero(opened)
    part = csr_array(matrix[:, chosen])
    turn = np.where(stand[chosen], 0, 1)
    site, gain, _ = order_by_gain(pairs_of(part, weight), turn, len(chosen))
    return chosen[site], gain


def _resolved(
    asked: tuple[Any, ...],
    covered: float,
    plan: tuple[Positions, Mask, Mask],
    deadline: float,
) -> tuple[Floats, Floats]:
    """Solve without each site: (2, q) the residents lost at least and at most."""
    sites, stand, closed = plan
    found = np.full((2, len(sites)), np.nan)
    try:
        for at, site in enumerate(sites.tolist()):
            part = max(0.0, (deadline - time.monotonic()) / (len(sites) - at))
            if part <= 0.0:
                break
            others = np.flatnonzero(stand)
            without = mclp(
                *asked,
                p=min(len(sites), asked[3] - int(closed.sum()) - 1),
                forced=others[others != site].tolist(),
                forbidden=[*np.flatnonzero(closed).tolist(), site],
                time_limit_s=part,
            )
            found[:, at] = covered - without.bound, covered - without.objective
            if without.status == "feasible" and without.seconds < CUT_SHORT * part:
                break  # Ctrl-C within
    except KeyboardInterrupt:
        _log.info("interrupted")
    return found[0], found[1]


def _note(loss: Floats, resolved: Floats | None) -> str:
    notes = []
    if (loss < 0.0).any():
        notes.append(f"有 {int((loss < 0.0).sum())} 处站点换成别的候选点会覆盖更多居民, 这个方案不是最优")
    if resolved is not None and np.isnan(resolved).any():
        notes.append(f"有 {int(np.isnan(resolved).sum())} 处站点未能在限时内重新求解")
    return "; ".join(notes)
