"""Several best plans of a cover program: each plan found is cut off, and the program solved again."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array, vstack

from .alternatives import Alternatives, check_request, ranked_plans
from .marginals import CUT_SHORT
from .plan import Plan
from .program import CoverProgram, Outcome, cover_of
from .program_plan import plan_of
from .program_search import solve_program
from .reduce import Floats, Mask

_log = logging.getLogger(__name__)

_ROUNDING = 1e-9

_OTHER = "与已列出的方案不同"


def program_plans(
    program: CoverProgram,
    *,
    count: int = 10,
    within: float | None = None,
    nested: bool = False,
    minimise: bool = False,
    make: Callable[[Outcome], Plan] | None = None,
    time_limit_s: float = 60.0,
) -> Alternatives:
    """List the ``count`` best plans of a cover program, or those within a share of the best.

    After a plan with the sites ``S`` the program is solved again with two constraints more::

        sum over S of x_j <= |S| - 1        not all of its sites, and
        sum over others of x_j >= 1         a site that it lacks

    so that no plan listed is a part of another: a plan with a site less, or with a site more that adds
    nothing, is none of its own. With ``nested`` these count, too, and the one constraint is
    ``sum over S of x_j - sum over others of x_j <= |S| - 1`` (Balas and Jeroslow 1972). Where the program
    has no further quantities, sites that a plan does not need are left out of it first.

    Parameters
    ----------
    program
        Plans differ where their sites do; of equal sites, only the best quantities are listed.
    count, within
        Plans at most; and only those whose objective is within this share of the best one's.
    minimise
        The program's objective is the negative of the model's.
    make
        Makes the plan of an outcome; by default its sites, and what closing each alone would lose of the
        cover, as valued by the program.
    time_limit_s
        Wall time for all; Ctrl-C ends it, too. What was found is listed.

    Raises
    ------
    ValueError
        ``count`` is below 1 or ``within`` below 0.

    Examples
    --------
    >>> from .program import ProgramBuilder
    >>> builder = ProgramBuilder(3)
    >>> rows = csr_array(np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]], float))
    >>> group = builder.add_classes(rows, [5, 3, 4, 2])
    >>> builder.require("至多 1 处", 1, x=(np.arange(3), 1.0))
    >>> found = program_plans(builder.build(t=(group, 1.0)))
    >>> [plan.sites for plan in found.plans], [plan.objective for plan in found.plans], found.complete
    ([(1,), (0,), (2,)], [9.0, 8.0, 6.0], True)
    """
    started = time.monotonic()
    check_request(count, within)
    sign, deadline = -1.0 if minimise else 1.0, started + time_limit_s
    found: list[tuple[Plan, float]] = []
    rest, note, cut, solved = math.inf, "", program, 0
    try:
        while len(found) < count and (not solved or time.monotonic() < deadline):
            given = max(0.0, deadline - time.monotonic()) / (1.0 if solved else 2.0)
            outcome = solve_program(cut, time_limit_s=given)
            solved, value, proven = solved + 1, outcome.objective, outcome.status == "optimal"
            rest = value if proven else max(outcome.bound, value)
            if outcome.status == "infeasible":
                rest, note = -math.inf, "" if found else plan_of(cut, outcome, sites=(), gains=()).note
            if value == -math.inf or value < _floor(found, within):
                break
            outcome = outcome if nested else _lean(cut, outcome)
            found.append(((make or _maker(program, minimise))(outcome), value))
            cut = _cut(cut, outcome.opened, nested)
            if not proven and outcome.seconds < CUT_SHORT * given:
                break  # Ctrl-C within
    except KeyboardInterrupt:
        _log.info("interrupted after %.1f s", time.monotonic() - started)
    found.sort(key=lambda pair: -pair[1])
    floor = _floor(found, within)
    return ranked_plans(
        [pair for pair in found if pair[1] >= floor],
        rest,
        sign,
        program.n_sites,
        done=rest == -math.inf or (len(found) == count if within is None else rest < floor),
        note="" if found else note,
        solved=solved,
        seconds=time.monotonic() - started,
    )


def _floor(found: list[tuple[Plan, float]], within: float | None) -> float:
    """Give the least value that would be listed."""
    best = max((value for _, value in found), default=-math.inf)
    return best - within * abs(best) if found and within is not None else -math.inf


def _cut(program: CoverProgram, opened: Mask, nested: bool) -> CoverProgram:
    """Leave a plan out of a program: as a set, or with all that it holds and all that hold it."""
    inside, outside = opened.astype(np.float64), (~opened).astype(np.float64)
    rows = np.array([inside - outside] if nested else [inside, -outside])
    limit = np.array([inside.sum() - 1.0] if nested else [inside.sum() - 1.0, -1.0])
    fill = np.zeros((len(rows), program.n_quantities + program.n_groups))
    return replace(
        program,
        side=csr_array(vstack([program.side, csr_array(np.hstack([rows, fill]))], format="csr")),
        limit=np.r_[program.limit, limit],
        names=(*program.names, *[_OTHER] * len(rows)),
        hard=np.r_[program.hard, np.ones(len(rows), bool)],
    )


def _lean(program: CoverProgram, outcome: Outcome) -> Outcome:
    """Leave out the sites that a plan does not need: cover, constraints and objective stay as they are."""
    if program.n_quantities:
        return outcome
    opened = outcome.opened.copy()
    tiny = _ROUNDING * (1.0 + np.abs(program.limit))
    for site in np.flatnonzero(opened)[::-1].tolist():
        opened[site] = False
        cover = cover_of(program, opened)
        fits = program.side @ np.r_[opened.astype(np.float64), outcome.cover] <= program.limit + tiny
        enough = cover >= outcome.cover - _ROUNDING * (1.0 + outcome.cover)
        opened[site] = not (fits.all() and enough.all() and program.x_value[site] == 0.0)
    return replace(outcome, opened=opened)


def _maker(program: CoverProgram, minimise: bool) -> Callable[[Outcome], Plan]:
    """Make plans of outcomes: sites by what closing each alone loses of the cover."""

    def make(outcome: Outcome) -> Plan:
        sites = np.flatnonzero(outcome.opened)
        now = float(program.t_value @ cover_of(program, outcome.opened))
        loss: Floats = np.zeros(len(sites))
        for at, site in enumerate(sites.tolist()):
            without = outcome.opened.copy()
            without[site] = False
            loss[at] = now - float(program.t_value @ cover_of(program, without))
        order = np.argsort(-loss, kind="stable")
        return plan_of(
            program, outcome, sites=sites[order].tolist(), gains=loss[order].tolist(), minimise=minimise
        )

    return make
