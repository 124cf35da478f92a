"""HiGHS as every model uses it: silent, one thread.

A second instance with another number of threads in the same process fails silently.
"""

from __future__ import annotations

import highspy


def quiet_solver(**options: float | str) -> highspy.Highs:
    """Make a silent solver of one thread."""
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, setting in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(name, setting)
    return solver
