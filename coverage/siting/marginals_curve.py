"""Cover against the number of sites, with bounds, and after how many the next is not worth it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .marginals import CUT_SHORT, pairs_of
from .marginals_kernels import NEVER, order_by_gain
from .models import mclp
from .reduce import Floats, Mask, Positions, cover_matrix
from .requests import mask_of, weights_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Curve:
    """Cover against the number of open sites; entry i has ``p[i]`` sites."""

    p: Positions
    """(k,) number of open sites, the existing ones among them: from those on."""
    sites: tuple[int, ...]
    """Candidates in the order of opening after the existing ones; the first ``p[i] - p[0]`` are plan i."""
    cover: Floats
    """(k,) residents covered by the nested plans."""
    gain: Floats
    """(k,) residents that the last site added; NaN at the first entry."""
    best: Floats
    """(k,) residents covered by the best plan found with so many sites, nested or not."""
    bound: Floats
    """(k,) no plan with so many sites covers more."""
    uncovered: Floats
    """(k,) residents without cover whom an allowed candidate could cover, in the nested plans."""
    unreachable: float
    """Residents whom neither an allowed candidate nor an existing site can cover."""
    stop: int | None
    """Sites after which the next of the nested plans adds fewer than ``least`` residents; None: later."""
    stop_proven: int | None
    """Sites after which no plan with one more can cover ``least`` residents more than ``best``; None where
    that is not proven."""


def cover_curve(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    most: int,
    existing: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    least: float = 1.0,
    exact: Sequence[int] = (),
    time_limit_s: float = 60.0,
) -> Curve:
    """Draw cover against the number of sites, and say after which number to stop.

    The nested plans are greedy, each within ``1 - 1/e`` of the best (Nemhauser, Wolsey and Fisher 1978). The
    bound holds for any plan: with ``C_t`` the greedy plan of ``t`` sites, ``f`` its cover, and ``g_t(j)``
    what ``j`` would add to it, no plan with ``p`` sites, ``e`` of them existing, covers more than::

        min over t of  f(C_t) + sum of the p - e largest g_t(j)

    (Minoux 1978; Leskovec et al. 2007). Numbers in ``exact`` are solved (`mclp`); what is proven there
    holds on: fewer sites never cover more than the bound of more, nor more sites less than the best of fewer.

    Parameters
    ----------
    indptr, indices, weight, n_candidates
        As in `mclp`.
    most
        Largest number of open sites, the existing ones among them.
    existing, forbidden
        Open in any case, or never.
    least
        Residents that a further site has to add.
    exact
        Numbers of sites to solve, within those of the curve.
    time_limit_s
        Wall time for all of them.

    Examples
    --------
    >>> rows = [[0, 1], [0], [1, 2], [2], [1]]
    >>> arrays = np.cumsum([0, *map(len, rows)]), np.concatenate(rows), np.array([5, 3, 4, 2, 1]), 3
    >>> curve = cover_curve(*arrays, most=3, least=3)
    >>> curve.p.tolist(), curve.sites, curve.cover.tolist(), curve.bound.tolist(), curve.stop
    ([0, 1, 2, 3], (1, 0, 2), [0.0, 10.0, 13.0, 15.0], [0.0, 10.0, 15.0, 15.0], 2)
    """
    started = time.monotonic()
    matrix, weights = cover_matrix(indptr, indices, n_candidates), weights_of(weight, len(indptr) - 1)
    stand, closed = mask_of(existing, n_candidates), mask_of(forbidden, n_candidates)
    if (stand & closed).any():
        raise ValueError("an existing site must not be forbidden")
    first = int(stand.sum())
    if any(p != int(p) for p in (most, *exact)):
        raise ValueError("most and exact must be whole numbers")
    if most < first or not least >= 0 or any(not first <= p <= most for p in exact):
        raise ValueError(f"most and exact must not be below the {first} existing sites, nor least below 0")
    most = min(most, n_candidates - int(closed.sum()))
    turn = np.where(closed, NEVER, np.where(stand, 0, 1))
    site, gain, left = order_by_gain(pairs_of(matrix, weights), turn, most)
    cover = np.r_[0.0, np.cumsum(gain)][first:]
    bound = _greedy_bound(cover, left[first:, ~(closed | stand)])
    best = cover.copy()
    asked = (indptr, indices, weights, n_candidates)
    numbers = sorted({min(p, most) for p in exact})
    _solve_some(asked, (stand, closed), numbers, (best, bound), started + time_limit_s)
    best = np.maximum.accumulate(best)
    bound = np.maximum(np.minimum.accumulate(bound[::-1])[::-1], best)
    reach = math.fsum(weights[matrix @ (~closed).astype(np.float64) > 0])
    return Curve(
        p=np.arange(first, most + 1),
        sites=tuple(site[first:].tolist()),
        cover=cover,
        gain=np.r_[np.nan, gain[first:]],
        best=best,
        bound=bound,
        uncovered=np.maximum(reach - cover, 0.0),
        unreachable=math.fsum(weights) - reach,
        stop=_first(np.diff(cover) < least, first, most == n_candidates - int(closed.sum())),
        stop_proven=_first(bound[1:] - best[:-1] < least, first, most == n_candidates - int(closed.sum())),
    )


def _greedy_bound(cover: Floats, left: Floats) -> Floats:
    """Bound the cover of 0, 1, … further sites by what the greedy plans leave (k,)."""
    bound = np.full(len(cover), np.inf)
    for so_far, gain in zip(cover, left, strict=True):
        most = np.sort(np.maximum(gain, 0.0))[::-1][: len(cover) - 1]
        bound = np.minimum(bound, so_far + np.r_[0.0, np.cumsum(most)])
    return bound


def _solve_some(
    asked: tuple[Any, ...],
    fixed: tuple[Mask, Mask],
    numbers: list[int],
    known: tuple[Floats, Floats],
    deadline: float,
) -> None:
    """Solve some numbers of sites and write what was found and proven into ``known`` (best, bound)."""
    first, forced = int(fixed[0].sum()), np.flatnonzero(fixed[0]).tolist()
    forbidden = np.flatnonzero(fixed[1]).tolist()
    try:
        for at, p in enumerate(numbers):
            part = (deadline - time.monotonic()) / (len(numbers) - at)
            if part <= 0.0:
                break
            plan = mclp(*asked, p=p, forced=forced, forbidden=forbidden, time_limit_s=part)
            known[0][p - first] = max(known[0][p - first], plan.objective)
            known[1][p - first] = min(known[1][p - first], plan.bound)
            if plan.status == "feasible" and plan.seconds < CUT_SHORT * part:
                break  # Ctrl-C within
    except KeyboardInterrupt:
        _log.info("interrupted")


def _first(small: Mask, first: int, all_open: bool) -> int | None:
    """Number of sites after which the first small step comes; the last number where none is left to open."""
    if small.any():
        return first + int(np.argmax(small))
    return first + len(small) if all_open else None
