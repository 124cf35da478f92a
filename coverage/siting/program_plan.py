"""From what solving a cover program found to a plan."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .plan import Plan
from .program import CoverProgram, Outcome
from .program_reasons import explain

_EXPLAIN_S = 5.0
"""Seconds that the reason of an infeasible request may take."""


def plan_of(
    program: CoverProgram,
    outcome: Outcome,
    *,
    sites: Sequence[int],
    gains: Sequence[float],
    minimise: bool = False,
    note: str = "",
    explain_s: float = _EXPLAIN_S,
) -> Plan:
    """Make the plan of a model from the outcome of its program.

    Parameters
    ----------
    sites, gains
        Opened candidates in the order of their marginal gains, and the gains.
    minimise
        The program's objective is the negative of the model's.
    explain_s
        Seconds that the reason of an infeasible request may take; 0: none is looked for.

    Returns
    -------
    Plan
        Infeasible requests have the reason and the nearest feasible request in ``note``, unless one is
        given.

    Examples
    --------
    >>> from boai.coverage.siting.program import ProgramBuilder
    >>> from boai.coverage.siting.program_search import solve_program
    >>> builder = ProgramBuilder(2)
    >>> builder.require("赣州市至少 3 处", -3, x=([0, 1], -1.0))
    >>> program = builder.build()
    >>> plan_of(program, solve_program(program), sites=(), gains=()).note
    '“赣州市至少 3 处” 无法满足; 若 “赣州市至少 3 处” 改为 2 即可'
    """
    sign = -1.0 if minimise else 1.0
    if outcome.status == "infeasible":
        if not note:
            note = explain(program, time_limit_s=explain_s).text if explain_s > 0 else "各项要求不能同时满足"
        nan = math.nan
        return Plan((), (), nan, nan, "infeasible", nan, outcome.counts, note, outcome.seconds, outcome.proof)
    if outcome.objective == -math.inf and not note:
        note = "时限内未找到满足全部要求的方案, 也未证明没有"
    return Plan(
        sites=tuple(int(site) for site in sites),
        gains=tuple(float(gain) for gain in gains),
        objective=sign * outcome.objective + 0.0,  # no -0
        bound=sign * outcome.bound + 0.0,
        status=outcome.status,
        gap=outcome.gap,
        reductions=outcome.counts,
        note=note,
        seconds=outcome.seconds,
        certificate=outcome.proof,
    )
