"""Linear programs that grow by rows, with HiGHS as a warm-started simplex engine.

One thread always (a second HiGHS instance with another number of threads in the same process fails silently).
What it says is a proposal only: all bounds are recomputed from the duals by those who call it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import highspy
import numpy as np

from .reduce import Floats, Mask, Positions
from .solve import quiet_solver


@dataclass(frozen=True)
class Solution:
    """What the simplex method proposes."""

    value: Floats
    """(columns,) the solution."""
    dual: Floats
    """(rows,) the duals, >= 0 for a row that presses the minimum up."""
    slack: Floats
    """(rows,) activity less the lower limit of the row."""


class Linear:
    """``min cost @ x`` with ``lower <= x <= upper`` and rows ``a @ x >= limit`` that come and go."""

    def __init__(self, cost: Floats, lower: Floats, upper: Floats) -> None:
        self._solver = quiet_solver(solver="simplex", presolve="off")
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(cost), 0
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, lower, upper
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.zeros(1, np.int32)
        self._solver.passModel(lp)
        self._limit = np.empty(0)

    def add_rows(self, limit: Floats, start: Positions, index: Positions, value: Floats) -> None:
        """Add rows in compressed form: row r has the columns ``index[start[r]:start[r + 1]]``."""
        top = np.full(len(limit), highspy.kHighsInf)
        begin, columns = start[:-1].astype(np.int32), index.astype(np.int32)
        self._solver.addRows(len(limit), limit, top, len(index), begin, columns, value)
        self._limit = np.r_[self._limit, limit]

    def drop_rows(self, gone: Mask) -> None:
        """Delete the marked rows."""
        rows = np.flatnonzero(gone).astype(np.int32)
        if len(rows):
            self._solver.deleteRows(len(rows), rows)
            self._limit = self._limit[~gone]

    def bound_columns(self, lower: Floats, upper: Floats) -> None:
        """Set the limits of the first ``len(lower)`` columns."""
        self._solver.changeColsBounds(len(lower), np.arange(len(lower), dtype=np.int32), lower, upper)

    def solve(self, deadline: float) -> Solution | None:
        """Solve it, or return None where the time (``time.monotonic``) ran out.

        Raises
        ------
        RuntimeError
            No solution was found: the program is infeasible, unbounded or beyond the solver.
        """
        for attempt in range(2):
            if attempt:
                self._solver.clearSolver()
            left = max(0.0, deadline - time.monotonic())
            self._solver.setOptionValue("time_limit", self._solver.getRunTime() + left)
            self._solver.run()
            status = self._solver.getModelStatus()
            if status == highspy.HighsModelStatus.kTimeLimit:
                return None
            if status == highspy.HighsModelStatus.kOptimal:
                found = self._solver.getSolution()
                slack = np.array(found.row_value) - self._limit
                return Solution(np.array(found.col_value), np.array(found.row_dual), slack)
        raise RuntimeError(f"HiGHS ended with {status}")
