"""Cover programs as one compact model in HiGHS: the textbook way, a second opinion on small programs."""

from __future__ import annotations

import math
import time

import highspy
import numpy as np
from scipy.sparse import block_array, coo_array, csr_array, diags_array

from .program import CoverProgram, Outcome
from .reduce import Floats
from .solve import quiet_solver

_SCALE = 1e4
"""The cover of all classes together is scaled to this: objectives near 1e9 confuse the solver."""


def solve_compact(program: CoverProgram, *, time_limit_s: float = 60.0, gap: float = 1e-9) -> Outcome:
    """Solve a cover program with a column for every step of every class (Church and ReVelle 1974).

    Returns
    -------
    Outcome
        Without a proof: bound and status are the solver's word.

    Raises
    ------
    RuntimeError
        The solver ended in a way that says nothing.
    """
    started = time.monotonic()
    n, m, groups = program.n_sites, program.n_quantities, program.n_groups
    k, length = program.steps.shape
    scale = _SCALE / max(float(program.steps.sum()), 1.0)
    # columns: x, y, t (scaled), z (class by step); rows: side, t - steps z <= 0, sum z - a x <= 0
    side = csr_array(program.side @ diags_array(np.r_[np.ones(n + m), np.full(groups, 1.0 / scale)]))
    z_of_group = coo_array(
        (-(program.steps * scale).ravel(), (np.repeat(program.group, length), np.arange(k * length))),
        shape=(groups, k * length),
    )
    z_of_class = coo_array(
        (np.ones(k * length), (np.repeat(np.arange(k), length), np.arange(k * length))), shape=(k, k * length)
    )
    t_part = csr_array((groups, n + m + groups))
    t_part = csr_array(
        coo_array((np.ones(groups), (np.arange(groups), n + m + np.arange(groups))), shape=t_part.shape)
    )
    x_part = csr_array((-program.rows.data, program.rows.indices, program.rows.indptr), shape=(k, n))
    x_part.resize((k, n + m + groups))
    matrix = csr_array(block_array([[side, None], [t_part, z_of_group], [x_part, z_of_class]], format="csr"))
    value = np.r_[program.x_value, program.y_value, program.t_value / scale, np.zeros(k * length)]
    upper = np.r_[np.ones(n), program.y_upper, np.full(groups, highspy.kHighsInf), np.ones(k * length)]
    row_limit = np.r_[program.limit, np.zeros(groups + k)]
    solver = quiet_solver(time_limit=time_limit_s, mip_rel_gap=gap, mip_abs_gap=1e-9)
    solver.passModel(_model(matrix, value, upper, row_limit, n))
    solver.run()
    return _outcome(program, solver, scale, time.monotonic() - started)


def _model(matrix: csr_array, value: Floats, upper: Floats, limit: Floats, n_whole: int) -> highspy.HighsLp:
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_, lp.sense_ = len(value), len(limit), highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = value, np.zeros(len(value)), upper
    lp.row_lower_, lp.row_upper_ = np.full(len(limit), -highspy.kHighsInf), limit
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    lp.a_matrix_.value_ = matrix.data
    whole, free = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    lp.integrality_ = [whole] * n_whole + [free] * (len(value) - n_whole)
    return lp


def _outcome(program: CoverProgram, solver: highspy.Highs, scale: float, seconds: float) -> Outcome:
    n, m, groups = program.n_sites, program.n_quantities, program.n_groups
    status, info = solver.getModelStatus(), solver.getInfo()
    if status == highspy.HighsModelStatus.kInfeasible:
        nothing = np.zeros(n, bool)
        return Outcome(
            "infeasible", nothing, np.zeros(m), np.zeros(groups), -math.inf, -math.inf, 1.0, {}, seconds
        )
    if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit):
        raise RuntimeError(f"HiGHS ended with {status}")
    bound = float(info.mip_dual_bound)
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        nothing = np.zeros(n, bool)
        return Outcome("feasible", nothing, np.zeros(m), np.zeros(groups), -math.inf, bound, 1.0, {}, seconds)
    found = np.array(solver.getSolution().col_value)
    x, y, t = found[:n] > 0.5, found[n : n + m], found[n + m : n + m + groups] / scale
    objective = float(x @ program.x_value + y @ program.y_value + t @ program.t_value)
    bound = max(bound, objective)
    share = (bound - objective) / max(abs(bound), abs(objective), 1e-300)
    proven = status == highspy.HighsModelStatus.kOptimal
    return Outcome("optimal" if proven else "feasible", x, y, t, objective, bound, share, {}, seconds)
