"""The linear relaxation of maximal covering by Benders cuts, and set covering, with HiGHS.

The only file that talks to the solver. One thread always: a second HiGHS instance with another number of
threads in the same process fails silently. Weights are scaled to the sum 1e4: objectives near 1e9 confuse it.
"""

from __future__ import annotations

import time

import highspy
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from .reduce import Floats, Instance, Mask, Positions

_SCALE = 1e4
_GROUPS = 60
"""Groups of classes with a cut each per round; 30 to 200 were tried on the benchmark's instances."""


class Master:
    """The Benders master: max sum_g t_g over 0 <= x <= 1, sum x <= p, with cuts on the cover t_g of group g.

    For any set S of classes, no plan covers more of group g than
    ``w(classes of g in S) + sum_j x_j w(classes of g outside S that j covers)``; the cut is tight where S are
    the classes that x serves fully (Cordeau, Furini and Ljubić 2019, who have one group). The duals of the
    cuts of a group sum to at most 1; the multiplier of a class is its weight times the duals of those cuts of
    its group whose S does not hold it.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance, self._group = instance, _groups(instance)
        n, n_groups = instance.n_columns, int(self._group.max()) + 1
        weight = instance.weight * (_SCALE / float(instance.weight.sum()))
        shape = (n_groups, instance.n_rows)
        self._pool = csr_array((weight, (self._group, np.arange(instance.n_rows))), shape=shape)
        self._served: list[Mask] = []
        self._cut_round = np.empty(0, np.int64)
        self._cut_group = np.empty(0, np.int64)
        self._solver = _quiet_solver(solver="simplex", presolve="off")
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_, lp.sense_ = n + n_groups, 1, highspy.ObjSense.kMaximize
        lp.col_cost_ = np.r_[np.zeros(n), np.ones(n_groups)]
        lp.col_lower_ = np.zeros(n + n_groups)
        lp.col_upper_ = np.r_[np.ones(n), np.bincount(self._group, weight)]
        lp.row_lower_, lp.row_upper_ = np.array([-highspy.kHighsInf]), np.array([float(instance.sites)])
        _set_rows(lp, np.array([0, n]), np.arange(n), np.ones(n))
        self._solver.passModel(lp)

    def bound_columns(self, opened: Mask, closed: Mask) -> None:
        """Fix some columns at 1 or 0 and free all others."""
        n = self.instance.n_columns
        index = np.arange(n, dtype=np.int32)
        self._solver.changeColsBounds(n, index, opened.astype(np.float64), (~closed).astype(np.float64))

    def solve(self, deadline: float) -> tuple[Floats, Floats] | None:
        """Solve the master: x (n,) and t (groups,), or None where the time ran out."""
        left = max(0.0, deadline - time.monotonic())
        self._solver.setOptionValue("time_limit", self._solver.getRunTime() + left)
        self._solver.run()
        if self._solver.getModelStatus() == highspy.HighsModelStatus.kTimeLimit:
            return None
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            self._solver.clearSolver()
            self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS ended the relaxation with {self._solver.getModelStatus()}")
        values = np.array(self._solver.getSolution().col_value)
        n = self.instance.n_columns
        return np.clip(values[:n], 0.0, 1.0), values[n:]

    def multipliers(self) -> Floats:
        """Turn the duals of the cuts into multipliers of the classes (k,), each between 0 and its weight."""
        total = np.zeros(self.instance.n_rows)
        dual = np.abs(np.array(self._solver.getSolution().row_dual)[1:])
        dual /= np.maximum(np.bincount(self._cut_group, dual, minlength=self._pool.shape[0]), 1.0)[
            self._cut_group
        ]
        share = np.zeros((len(self._served), self._pool.shape[0]))
        share[self._cut_round, self._cut_group] = dual
        for served, part in zip(self._served, share, strict=True):
            if part.any():
                total += np.where(served, 0.0, part[self._group])
        return total * self.instance.weight

    def add_cuts(self, at: Floats, x: Floats, t: Floats) -> int:
        """Add the cuts that are tight at ``at`` and violated by the solution (x, t); returns how many."""
        served = self.instance.rows @ at >= 1.0 - 1e-9
        constant = self._pool @ served.astype(np.float64)
        data = self.instance.rows.data * np.repeat(~served, np.diff(self.instance.rows.indptr))
        rows = self.instance.rows
        slope = csr_array(self._pool @ csr_array((data, rows.indices, rows.indptr), shape=rows.shape))
        violated = np.flatnonzero(t > constant + slope @ x + 1e-9 * _SCALE / len(t))
        if len(violated):
            slope = csr_array(slope[violated])
            slope.eliminate_zeros()
            self._add_rows(violated, constant[violated], slope)
            self._cut_round = np.r_[self._cut_round, np.full(len(violated), len(self._served))]
            self._cut_group = np.r_[self._cut_group, violated]
            self._served.append(served)
        return len(violated)

    def _add_rows(self, group: Positions, constant: Floats, slope: csr_array) -> None:
        """Add the rows ``t_g - slope @ x <= constant``."""
        n, m = self.instance.n_columns, len(group)
        own = slope.indptr[1:] + np.arange(m)
        start = np.r_[0, own + 1].astype(np.int32)
        index, value = np.full(start[-1], -1, np.int32), np.ones(start[-1])
        index[own] = n + group
        other = index < 0
        index[other], value[other] = slope.indices, -slope.data
        lower = np.full(m, -highspy.kHighsInf)
        self._solver.addRows(m, lower, constant, len(index), start[:-1], index, value)

    def purge(self) -> None:
        """Drop the cuts that are slack at the last solution."""
        solution, lp = self._solver.getSolution(), self._solver.getLp()
        slack = (np.array(lp.row_upper_) - np.array(solution.row_value))[1:] > 1e-8 * _SCALE
        if slack.any():
            rows = (np.flatnonzero(slack) + 1).astype(np.int32)
            self._solver.deleteRows(len(rows), rows)
            self._cut_round, self._cut_group = self._cut_round[~slack], self._cut_group[~slack]


def cover_all(instance: Instance, start: Mask, deadline: float) -> tuple[Mask, float]:
    """Open the fewest columns that cover every class: (n,) the columns and a lower bound on their number.

    The compact model ``min sum_j x_j`` with ``sum_j a_rj x_j >= 1`` as a mixed-integer program, warm-started
    with a cover. The solver's dual bound is rounded up after a tolerance of 1e-6 of it.
    """
    n, k = instance.n_columns, instance.n_rows
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = n, k
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.ones(n), np.zeros(n), np.ones(n)
    lp.row_lower_, lp.row_upper_ = np.ones(k), np.full(k, highspy.kHighsInf)
    lp.integrality_ = [highspy.HighsVarType.kInteger] * n
    _set_rows(lp, instance.rows.indptr, instance.rows.indices, instance.rows.data)
    solver = _quiet_solver(solver="choose", presolve="choose", mip_rel_gap=0.0, mip_abs_gap=0.999)
    solver.setOptionValue("time_limit", max(0.0, deadline - time.monotonic()))
    solver.passModel(lp)
    solution = highspy.HighsSolution()
    solution.col_value = start.astype(np.float64).tolist()
    solver.setSolution(solution)
    solver.run()
    bound = solver.getInfo().mip_dual_bound
    lower = max(1.0, np.ceil(bound - 1e-6 * max(1.0, bound))) if np.isfinite(bound) else 1.0
    values = np.array(solver.getSolution().col_value)
    found = values > 0.5 if len(values) == n else start
    feasible = bool((instance.rows @ found.astype(np.float64) > 0).all())
    return (found if feasible and found.sum() < start.sum() else start), float(lower)


def _groups(instance: Instance) -> Positions:
    """Sort the classes into groups of like effort whose columns overlap, so that cuts are sparse (k,)."""
    overlap = csr_array(instance.columns @ instance.rows)
    order = reverse_cuthill_mckee(overlap, symmetric_mode=True)
    place = np.empty(instance.n_columns)
    place[order] = np.arange(instance.n_columns)
    breadth = np.diff(instance.rows.indptr)
    ranked = np.argsort((instance.rows @ place) / breadth, kind="stable")
    effort = np.cumsum((instance.weight * breadth)[ranked])
    group = np.empty(instance.n_rows, np.int64)
    group[ranked] = np.minimum(effort / effort[-1] * _GROUPS, _GROUPS - 1).astype(np.int64)
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _quiet_solver(**options: float | str) -> highspy.Highs:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, setting in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(name, setting)
    return solver


def _set_rows(lp: highspy.HighsLp, start: Positions, index: Positions, value: Floats) -> None:
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = start.astype(np.int32), index.astype(np.int32)
    lp.a_matrix_.value_ = value
