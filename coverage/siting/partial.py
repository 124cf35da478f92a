"""Partial set covering: the fewest or cheapest sites that cover a share of the residents."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import certificate
from .branch import Progress
from .certificate import Certificate, Checked
from .marginals import CUT_SHORT
from .models import covered_weight, mclp
from .plan import Plan
from .proofs import PartialProof


def partial_cover(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    share: float,
    cost: NDArray[np.integer[Any] | np.floating[Any]] | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Plan:
    """Open the fewest or cheapest candidates that cover a share of all residents (partial set covering).

    ``min sum_j c_j x_j`` with ``sum_r w_r z_r >= share * sum_r w_r`` as in `mclp` (Daskin and Owen 1999).
    What a budget covers at most never falls as it grows, so the least budget is found by bisection, with a
    maximal covering of each budget tried; one is ruled out only by that problem's proven bound.

    Parameters
    ----------
    share
        0..1 of all residents, also those whom no candidate reaches.
    cost
        (n,) whole numbers > 0; 1 without.
    progress
        Called with the cost of the best plan, the bound, the gap and seconds after each budget tried.

    Returns
    -------
    Plan
        ``objective`` and ``bound`` are costs; ``gains`` residents. Infeasible, with a ``note``, where all
        allowed candidates cover less. Its certificate is that of the largest budget ruled out; see
        `certify_partial`.

    Raises
    ------
    ValueError
        ``share`` is not in 0..1, costs are not whole, or the arrays do not fit together (see `mclp`).

    Examples
    --------
    >>> arrays = np.array([0, 1, 3, 4, 5]), np.array([0, 0, 1, 1, 2]), np.array([1, 4, 2, 3]), 3
    >>> partial_cover(*arrays, share=0.6).sites, partial_cover(*arrays, share=0.65).sites
    ((1,), (1, 2))
    """
    started, n = time.monotonic(), n_candidates
    costs = np.ones(n) if cost is None else np.asarray(cost, np.float64)
    if not 0.0 <= share <= 1.0:
        raise ValueError("share must lie in 0..1")
    if (costs != np.floor(costs)).any():
        raise ValueError("cost must be whole numbers")
    target = share * float(np.asarray(weight, np.float64).sum()) * (1.0 - 1e-12)

    def most(budget: float) -> Plan:
        left = max(0.0, started + time_limit_s - time.monotonic())
        request: dict[str, Any] = {"forced": forced, "forbidden": forbidden, "time_limit_s": left}
        return mclp(indptr, indices, weight, n, cost=costs, budget=budget, **request)

    best = most(float(costs.sum()))
    if best.status == "infeasible" or best.objective < target:
        reached = 0.0 if best.status == "infeasible" else best.objective
        whole = max(float(np.asarray(weight, np.float64).sum()), 1e-300)
        note = best.note or f"所有可选的候选点一起只覆盖 {reached / whole:.1%}, 达不到要求的 {share:.1%}"
        nan = float("nan")
        return replace(
            best, sites=(), gains=(), objective=nan, bound=nan, status="infeasible", gap=nan, note=note
        )
    best, high = _fewer(best, target, costs, forced)
    low = float(costs[list(forced)].sum())  # the least budget not ruled out
    proof: PartialProof | None = None
    while low < high:
        _tell(progress, high, low, started)
        middle = float(np.floor((low + high) / 2.0))
        left = max(0.0, started + time_limit_s - time.monotonic())
        plan = most(middle)
        cut_short = plan.status != "optimal" and plan.seconds < CUT_SHORT * left  # Ctrl-C within
        if plan.objective >= target:
            best, high = _fewer(plan, target, costs, forced)
        elif plan.bound < target:
            low = middle + 1.0
            if isinstance(plan.certificate, Certificate):
                proof = PartialProof(middle, plan.sites, plan.certificate)
        else:
            break
        if cut_short:
            break
    low = min(low, high)
    _tell(progress, high, low, started)
    status = "optimal" if low == high else "feasible"
    gap = (high - low) / high if high else 0.0
    return replace(
        best,
        objective=high,
        bound=low,
        status=status,  # type: ignore[arg-type]
        gap=gap,
        note="",
        seconds=time.monotonic() - started,
        certificate=proof,
    )


def certify_partial(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    plan: Plan,
    *,
    share: float,
    cost: NDArray[np.integer[Any] | np.floating[Any]] | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
) -> Checked:
    """Recompute cost, feasibility and bound of a plan of `partial_cover` without its search or a solver.

    Returns
    -------
    Checked
        ``bound``: the cost of the forced candidates, or 1 more than the budget of which the certificate
        proves that it covers too few (costs are whole numbers).
    """
    costs = np.ones(n_candidates) if cost is None else np.asarray(cost, np.float64)
    weights = np.asarray(weight, np.float64)
    target = share * float(weights.sum()) * (1.0 - 1e-12)
    objective = float(costs[list(plan.sites)].sum())
    bound, proof, problems = float(costs[list(forced)].sum()), plan.certificate, list[str]()
    opened = np.isin(np.arange(n_candidates), np.asarray(plan.sites, np.int64))
    if not opened[list(forced)].all() or opened[list(forbidden)].any():
        problems.append("a forced candidate is closed or a forbidden one open")
    if covered_weight(indptr, indices, weights, plan.sites) < target:
        problems.append("the plan covers less than the share")
    if isinstance(proof, PartialProof):
        request = certificate.request(
            indptr,
            indices,
            weights,
            n_candidates,
            maximal=True,
            budget=proof.budget,
            cost=costs,
            forced=forced,
            forbidden=forbidden,
        )
        found = certificate.check(request, proof.sites, proof.certificate)
        problems += found.problems
        if not found.problems and found.bound < target:
            bound = max(bound, proof.budget + 1.0)
    return Checked(objective, bound, tuple(problems))


def _tell(progress: Progress | None, high: float, low: float, started: float) -> None:
    if progress is not None:
        progress(high, low, (high - low) / high if high else 0.0, time.monotonic() - started)


def _fewer(plan: Plan, target: float, cost: NDArray[np.float64], forced: Sequence[int]) -> tuple[Plan, float]:
    """Leave out the last sites where the others reach the target, and tell what the rest costs."""
    sites, gains = list(plan.sites), list(plan.gains)
    for site in reversed(plan.sites):
        at = sites.index(site)
        if at == len(sites) - 1 and site not in forced and sum(gains[:at]) >= target:
            del sites[at], gains[at]
    return replace(plan, sites=tuple(sites), gains=tuple(gains)), float(cost[sites].sum())
