"""Solve cover programs: the plan, its bound, and the proof of both."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence

import numpy as np

from .plan import OPTIMAL_GAP, Status
from .program import CoverProgram, Outcome
from .program_limits import propagate
from .program_plans import Planner
from .program_proof import ProgramProof
from .program_reduce import Frame, Reduced, frame_of, restrict, useless_sites
from .program_state import Node, Progress, Search, interrupted, share
from .program_tree import Tree, find_best
from .reduce import Mask

__all__ = ["Progress", "solve_program"]

_log = logging.getLogger(__name__)


def solve_program(
    program: CoverProgram,
    *,
    starts: Sequence[Mask] = (),
    time_limit_s: float = 60.0,
    gap: float = 0.0,
    progress: Progress | None = None,
) -> Outcome:
    """Solve a cover program until proven, out of time, or interrupted (Ctrl-C).

    The steps: exact reductions (classes of a group with the same sites become one, sites that single side
    constraints decide are fixed, useless sites go), plans by greedy and swaps that keep the side constraints,
    the linear relaxation by Benders cuts, a bound from its multipliers alone (weak duality), fixing of sites
    by that bound and reduction again, then branch and bound.

    Parameters
    ----------
    starts
        (n,) masks of plans to begin from, such as those of a greedy method; wrong ones do no harm.
    gap
        Stop at this gap (a share).
    progress
        Called with plan, bound, gap and seconds whenever the plan or the bound gets better.

    Returns
    -------
    Outcome
        Its ``proof`` is checked by `program_proof.check_program`.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from boai.coverage.siting.program import ProgramBuilder
    >>> builder = ProgramBuilder(3)
    >>> t = builder.add_classes(csr_array(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]])), [1.0, 4.0, 2.0])
    >>> builder.require("名额 1 处", 1, x=([0, 1, 2], 1.0))
    >>> found = solve_program(builder.build(t=(t, 1.0)))
    >>> found.status, found.objective, found.bound, np.flatnonzero(found.opened).tolist()
    ('optimal', 6.0, 6.0, [1])
    """
    started = time.monotonic()
    frame = frame_of(program)
    search = Search(frame, Planner(frame), started + time_limit_s, gap, progress, started=started)
    counts: dict[str, int] = {}
    try:
        _run(frame, search, starts, counts)
    except (KeyboardInterrupt, SystemError) as error:
        if not interrupted(error):
            raise
        _log.info("interrupted after %.1f s", time.monotonic() - started)
    return _outcome(program, search, counts)


def _run(frame: Frame, search: Search, starts: Sequence[Mask], counts: dict[str, int]) -> None:
    program = frame.program
    for start in starts:
        search.take(search.planner.value(np.asarray(start, bool).copy(), search.deadline))
    useless = useless_sites(frame)
    search.useless = np.flatnonzero(useless)
    fixed = propagate(program, frame.tolerance, np.zeros_like(useless), useless)
    if fixed is None:
        _record_nothing(search, useless)
        return
    reduced = restrict(frame, *fixed)
    counts |= _counts(reduced, useless)
    if search.found is None and len(starts):  # a plan that comes close may be mended
        search.take(
            search.planner.search(reduced, np.asarray(starts[0], bool)[reduced.position], 0, search.deadline)
        )
    find_best(reduced, search)


def _record_nothing(search: Search, useless: Mask) -> None:
    """Keep for the proof that single side constraints exclude every plan."""
    reduced = restrict(search.frame, np.zeros_like(useless), useless)
    free = np.zeros(reduced.n_columns, bool)
    Tree(reduced, search).settle(Node(np.inf, free, free, free.astype(np.float64)), None)
    search.lower(-math.inf)


def _counts(reduced: Reduced, useless: Mask) -> dict[str, int]:
    program = reduced.frame.program
    return {
        "rows": len(program.group),
        "candidates": program.n_sites,
        "candidates_useless": int(useless.sum()),
        "candidates_forced": int(reduced.opened.sum()),
        "candidates_excluded": int((reduced.closed & ~useless).sum()),
        "rows_left": reduced.n_classes,
        "candidates_left": reduced.n_columns,
    }


def _outcome(program: CoverProgram, search: Search, counts: dict[str, int]) -> Outcome:
    proof = ProgramProof(search.useless, tuple(search.layers), tuple(search.records))
    seconds = time.monotonic() - search.started
    counts = counts | {"branch_nodes": search.nodes}
    found = search.found
    if found is None:
        status: Status = "infeasible" if search.bound == -math.inf else "feasible"
        nothing = np.zeros(program.n_sites, bool)
        empty = np.zeros(program.n_quantities), np.zeros(program.n_groups)
        return Outcome(status, nothing, *empty, -math.inf, search.bound, 1.0, counts, seconds, proof)
    bound = max(search.bound, found.objective)
    distance = bound - found.objective
    near = max(OPTIMAL_GAP * max(abs(bound), abs(found.objective)), 2e-10 * search.frame.size)
    proven = distance == 0.0 if search.frame.whole else distance <= near
    return Outcome(
        status="optimal" if proven else "feasible",
        opened=found.opened,
        y=found.y,
        cover=found.cover,
        objective=found.objective,
        bound=bound,
        gap=share(bound, found.objective),
        counts=counts,
        seconds=seconds,
        proof=proof,
    )
