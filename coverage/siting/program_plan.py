"""From what solving a cover program found to a plan."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .plan import Plan
from .program import CoverProgram, Outcome


def plan_of(
    program: CoverProgram,
    outcome: Outcome,
    *,
    sites: Sequence[int],
    gains: Sequence[float],
    minimise: bool = False,
    note: str = "",
) -> Plan:
    """Make the plan of a model from the outcome of its program.

    Parameters
    ----------
    sites, gains
        Opened candidates in the order of their marginal gains, and the gains.
    minimise
        The program's objective is the negative of the model's.

    Returns
    -------
    Plan
        Infeasible requests have the reason and the nearest feasible request in ``note``.
    """
    del program
    sign = -1.0 if minimise else 1.0
    if outcome.status == "infeasible":
        nan = math.nan
        why = "各项要求不能同时满足"
        return Plan((), (), nan, nan, "infeasible", nan, outcome.counts, why, outcome.seconds)
    return Plan(
        sites=tuple(int(site) for site in sites),
        gains=tuple(float(gain) for gain in gains),
        objective=sign * outcome.objective,
        bound=sign * outcome.bound,
        status=outcome.status,
        gap=outcome.gap,
        reductions=outcome.counts,
        note=note,
        seconds=outcome.seconds,
    )
