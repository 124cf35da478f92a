"""The quantities and the counted cover of a plan whose sites are known: a linear program, with HiGHS.

One thread always, see `solve`. Whether a plan holds is recomputed from the program's arrays.
"""

from __future__ import annotations

import time

import highspy
import numpy as np
from scipy.sparse import csr_array, diags_array

from .program_reduce import Frame
from .reduce import Floats
from .solve import quiet_solver

_SCALE = 1e4
"""All cover is scaled to this, see `solve`."""


class Completion:
    """Given the sites of a plan, the best quantities and counted cover: a linear program of its own."""

    def __init__(self, frame: Frame) -> None:
        program = frame.program
        n, m = program.n_sites, program.n_quantities
        self._frame = frame
        wasted = program.t_value < 0
        side_t = csr_array(program.side[:, n + m :])
        wasted[side_t.indices[side_t.data > 0]] = True
        self._wasted = wasted
        self.needed = bool(m or wasted.any())
        """False: all cover counts, there is nothing to choose."""
        self.price = np.zeros(len(program.limit))
        """(q,) multipliers of the side constraints at the last plan."""
        self._solver: highspy.Highs | None = None

    def _set_up(self) -> highspy.Highs:
        program = self._frame.program
        n, m = program.n_sites, program.n_quantities
        total = float(program.steps.sum()) or 1.0
        self._unit = np.r_[
            np.where(program.y_upper > 0, program.y_upper, 1.0), np.full(program.n_groups, total / _SCALE)
        ]
        matrix = csr_array(csr_array(program.side[:, n:]) @ diags_array(self._unit))
        self._rows = np.flatnonzero(np.diff(matrix.indptr))
        matrix = csr_array(matrix[self._rows])
        largest = np.maximum.reduceat(np.abs(matrix.data), matrix.indptr[:-1]) if matrix.nnz else np.empty(0)
        self._row_scale = 1.0 / np.where(largest > 0, largest, 1.0)
        matrix = csr_array(diags_array(self._row_scale) @ matrix)
        value = np.r_[program.y_value, program.t_value] * self._unit
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_, lp.sense_ = (
            m + program.n_groups,
            len(self._rows),
            highspy.ObjSense.kMaximize,
        )
        self._scale = _SCALE / (float(np.abs(value).max(initial=0.0)) * 100.0 or 1.0)
        lp.col_cost_ = value * self._scale
        lp.col_lower_ = np.zeros(lp.num_col_)
        lp.col_upper_ = np.r_[(program.y_upper > 0).astype(np.float64), np.zeros(program.n_groups)]
        lp.row_lower_, lp.row_upper_ = np.full(len(self._rows), -highspy.kHighsInf), np.zeros(len(self._rows))
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_ = (
            matrix.indptr.astype(np.int32),
            matrix.indices.astype(np.int32),
        )
        lp.a_matrix_.value_ = matrix.data
        solver = quiet_solver(presolve="off", primal_feasibility_tolerance=1e-9)
        solver.passModel(lp)
        return solver

    def best(self, left: Floats, cover: Floats, deadline: float) -> tuple[Floats, Floats] | None:
        """Find (y, t) where the sites leave ``left`` of each limit and cover ``cover``; None: none is."""
        program = self._frame.program
        m, groups = program.n_quantities, program.n_groups
        if self._solver is None:
            self._solver = self._set_up()
        solver = self._solver
        index = np.arange(m, m + groups, dtype=np.int32)
        solver.changeColsBounds(groups, index, np.zeros(groups), cover / self._unit[m:])
        rows = np.arange(len(self._rows), dtype=np.int32)
        limit = left[self._rows] * self._row_scale
        lower = np.full(len(rows), -highspy.kHighsInf)
        solver.changeRowsBounds(len(rows), rows, lower, limit)  # type: ignore[attr-defined]
        solver.setOptionValue("time_limit", solver.getRunTime() + max(0.05, deadline - time.monotonic()))
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        dual = np.abs(np.array(solver.getSolution().row_dual))
        self.price[self._rows] = dual * self._row_scale / self._scale
        value = np.array(solver.getSolution().col_value) * self._unit
        counted = np.where(self._wasted, np.clip(value[m:], 0.0, cover), cover)  # all, where more is no harm
        return np.clip(value[:m], 0.0, program.y_upper), counted
