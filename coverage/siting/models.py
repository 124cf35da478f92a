"""The siting models: maximal covering (MCLP) and set covering (LSCP), each with a plan and a proven bound."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .branch import Incumbent, find_best
from .greedy import search
from .reduce import Floats, Instance, Mask, Positions, cover_matrix, reduce_cover
from .solve import cover_all

Status = Literal["optimal", "feasible", "infeasible"]

_OPTIMAL_GAP = 1e-6
"""With fractional weights a plan is called optimal when no plan can be better by more than this share."""


@dataclass(frozen=True)
class Plan:
    """Where to open sites, and what is proven about the plan."""

    sites: tuple[int, ...]
    """Positions of the candidates, in the order of their marginal gains."""
    gains: tuple[float, ...]
    """Residents that each site adds to those before it."""
    objective: float
    """Residents covered (MCLP) or number of sites (LSCP), recomputed from the input; NaN where infeasible."""
    bound: float
    """No plan covers more (MCLP) or needs fewer sites (LSCP) than this; NaN where infeasible."""
    status: Status
    """``optimal`` only where the bound proves it (of `lscp`, HiGHS's own dual bound)."""
    gap: float
    """Distance of objective and bound as a share of the larger; 0 where both are 0, NaN where infeasible."""
    reductions: dict[str, int]
    """What each reduction removed, by name."""
    note: str = ""
    """In Chinese: why nothing is feasible, or why fewer sites were opened than allowed."""
    seconds: float = field(default=0.0, compare=False)
    """Wall time."""


def covered_weight(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    sites: Sequence[int],
) -> float:
    """Sum the weight of the rows that at least one of the sites covers, straight from the raw arrays.

    Independent of the reductions and of the solver: the checker of every plan.

    Examples
    --------
    >>> covered_weight(np.array([0, 1, 2, 2]), np.array([0, 1]), np.array([4, 2, 1]), [1])
    2.0
    """
    chosen = np.isin(indices, np.asarray(sites, np.int64))
    hits = np.r_[0, np.cumsum(chosen)]
    return math.fsum(np.asarray(weight, np.float64)[hits[indptr[1:]] > hits[indptr[:-1]]])


def mclp(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
) -> Plan:
    """Open at most ``p`` of the candidates so that they cover the most residents (maximal covering location).

    With ``x_j = 1`` where candidate ``j`` is opened, ``z_r = 1`` where row ``r`` is covered, ``w_r`` its
    residents and ``a_rj = 1`` where ``j`` covers ``r`` (Church and ReVelle 1974)::

        max   sum_r w_r z_r
        s.t.  z_r <= sum_j a_rj x_j      for every row r
              sum_j x_j <= p
              x_j in {0, 1},  0 <= z_r <= 1

    The steps: exact reductions (rows with the same candidates become one, dominated candidates go), a greedy
    plan with swaps, the linear relaxation by Benders cuts in the space of the candidates (Cordeau, Furini and
    Ljubić 2019) solved with HiGHS, fixing of candidates by bounds recomputed from the multipliers alone, then
    branch and bound. Residents whom existing sites serve are given weight 0 by the caller.

    Parameters
    ----------
    indptr, indices
        Compressed sparse rows: the candidates within the limit of row ``r`` are
        ``indices[indptr[r]:indptr[r + 1]]``, in any order.
    weight
        (m,) residents of each row, finite, >= 0.
    n_candidates
        Number of candidates.
    p
        Sites to open at most, the forced ones among them.
    forced, forbidden
        Candidates that are opened in any case, or never.
    time_limit_s
        Wall time after which the best plan so far is returned with its proven gap. Only a plan that ran out
        of time can depend on the machine; all others are deterministic.

    Returns
    -------
    Plan
        With fewer than ``p`` sites where more would add no resident; with status ``infeasible`` and the
        reason in ``note`` where the request contradicts itself.

    Raises
    ------
    ValueError
        The arrays do not fit together.

    Examples
    --------
    >>> plan = mclp(np.array([0, 1, 3, 4]), np.array([0, 0, 1, 1]), np.array([1, 4, 2]), 2, p=1)
    >>> plan.sites, plan.objective, plan.bound, plan.status
    ((1,), 6.0, 6.0, 'optimal')
    """
    started = time.monotonic()
    matrix, weight = cover_matrix(indptr, indices, n_candidates), _weights(weight, len(indptr) - 1)
    opened, closed = _mask(forced, n_candidates), _mask(forbidden, n_candidates)
    reason = _conflict(p, opened, closed)
    if reason:
        return _infeasible(reason, started)
    instance, counts = reduce_cover(matrix, weight, sites=p, forced=opened, forbidden=closed)
    whole = bool((weight == np.floor(weight)).all()) and float(weight.sum()) < 2.0**53
    slack = max(1e-6, 1e-11 * float(weight.sum()))
    incumbent = Incumbent(whole and slack < 0.5, slack, started + time_limit_s)
    find_best(instance, incumbent)
    sites, gains = _by_gain(matrix, weight, incumbent.plan, opened)
    objective = covered_weight(indptr, indices, weight, sites)
    bound = _round_bound(incumbent, objective)
    proven = bound == objective if incumbent.integral else bound - objective <= _OPTIMAL_GAP * objective
    return Plan(
        sites=sites,
        gains=gains,
        objective=objective,
        bound=bound,
        status="optimal" if proven else "feasible",
        gap=(bound - objective) / bound if bound else 0.0,
        reductions=counts | {"branch_nodes": incumbent.nodes},
        note=f"另外 {p - len(sites)} 个名额不会增加覆盖人口, 未开设" if len(sites) < p else "",
        seconds=time.monotonic() - started,
    )


def lscp(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
) -> Plan:
    """Open the fewest candidates that cover every row with residents that can be covered (set covering).

    ``min sum_j x_j`` with ``sum_j a_rj x_j >= 1`` for every such row (Toregas, Swain, ReVelle and Bergman
    1971), after the reductions of ``mclp``. Rows without an allowed candidate are left out and counted in
    ``reductions["rows_without_candidate"]``. Parameters as for ``mclp``; ``objective`` and ``bound`` count
    sites.

    Examples
    --------
    >>> plan = lscp(np.array([0, 1, 3, 4]), np.array([0, 0, 1, 1]), np.array([1, 4, 2]), 2)
    >>> plan.sites, plan.objective, plan.status
    ((1, 0), 2.0, 'optimal')
    """
    started = time.monotonic()
    matrix, weight = cover_matrix(indptr, indices, n_candidates), _weights(weight, len(indptr) - 1)
    opened, closed = _mask(forced, n_candidates), _mask(forbidden, n_candidates)
    reason = _conflict(n_candidates - int(closed.sum()), opened, closed)
    if reason:
        return _infeasible(reason, started)
    instance, counts = reduce_cover(matrix, weight, sites=n_candidates, forced=opened, forbidden=closed)
    found, least = _fewest(instance, started + time_limit_s)
    sites, gains = _by_gain(matrix, weight, np.r_[instance.chosen, instance.position[found]], opened)
    objective, bound = float(len(sites)), float(len(instance.chosen) + least)
    return Plan(
        sites=sites,
        gains=gains,
        objective=objective,
        bound=bound,
        status="optimal" if bound == objective else "feasible",
        gap=(objective - bound) / objective if objective else 0.0,
        reductions=counts,
        note=f"{counts['rows_without_candidate']} 处居民任何候选点都到不了"
        if counts["rows_without_candidate"]
        else "",
        seconds=time.monotonic() - started,
    )


def _fewest(instance: Instance, deadline: float) -> tuple[Mask, float]:
    """Cover all classes: (n,) the columns to open and a lower bound on their number."""
    if not instance.n_rows:
        return np.zeros(instance.n_columns, bool), 0.0
    opened, least = cover_all(instance, search(instance), deadline)
    return opened, min(least, float(opened.sum()))


def _weights(weight: NDArray[Any], n_rows: int) -> Floats:
    weight = np.asarray(weight, np.float64)
    if weight.shape != (n_rows,) or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError(f"weight must be {n_rows} finite numbers >= 0")
    return weight


def _mask(positions: Sequence[int], n_candidates: int) -> Mask:
    """Turn positions into a mask; raises ``ValueError`` where one is no candidate."""
    mask = np.zeros(n_candidates, bool)
    if any(not 0 <= position < n_candidates for position in positions):
        raise ValueError(f"candidates must lie in 0..{n_candidates - 1}")
    mask[np.asarray(positions, np.int64)] = True
    return mask


def _conflict(p: int, forced: Mask, forbidden: Mask) -> str:
    """Say in Chinese why a request cannot be met; empty where it can."""
    if p < 0:
        raise ValueError("p must not be negative")
    both = np.flatnonzero(forced & forbidden)
    if len(both):
        return f"{len(both)} 个候选点既要求必选又要求禁选 (序号 {', '.join(map(str, both[:5]))})"
    if forced.sum() > p:
        return f"必选点有 {int(forced.sum())} 个, 多于要求的 {p} 个"
    allowed = int((~forbidden).sum())
    return f"要求开设 {p} 个, 可选的候选点只有 {allowed} 个" if p > allowed else ""


def _infeasible(reason: str, started: float) -> Plan:
    nan = float("nan")
    return Plan((), (), nan, nan, "infeasible", nan, {}, reason, time.monotonic() - started)


def _by_gain(
    matrix: csr_array, weight: Floats, plan: Positions, forced: Mask
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Order sites by what each adds to those before it; drop those that add nothing, unless forced."""
    columns = csr_array(matrix[:, plan].T.tocsr())
    left = weight.copy()
    open_ = np.ones(len(plan), bool)
    sites, gains = [], []
    for _ in range(len(plan)):
        gain = np.where(open_, columns @ left, -1.0)
        best = int(np.argmax(gain))
        if gain[best] <= 0.0 and not forced[plan[open_]].any():
            break
        open_[best] = False
        if gain[best] > 0.0 or forced[plan[best]]:
            sites.append(int(plan[best]))
            gains.append(float(gain[best]))
        left[columns.indices[columns.indptr[best] : columns.indptr[best + 1]]] = 0.0
    return tuple(sites), tuple(gains)


def _round_bound(incumbent: Incumbent, objective: float) -> float:
    """Allow for rounding, then take the bound down to a whole number where all weights are whole."""
    if incumbent.integral:
        return max(objective, float(math.floor(incumbent.bound + incumbent.slack)))
    return max(objective, incumbent.bound * (1.0 + 1e-11))
