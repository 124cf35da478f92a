"""The linear relaxation of maximal covering by Benders cuts, and set covering, with HiGHS.

The only file that talks to the solver. One thread always: a second HiGHS instance with another number of
threads in the same process fails silently. Weights are scaled to the sum 1e4: objectives near 1e9 confuse it.
"""

from __future__ import annotations

import time

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from .kernels import Groups, fractional_cover, gather, separate
from .reduce import Floats, Instance, Mask, Positions

_SCALE = 1e4
_GROUPS = 150
"""Groups of classes with a cut each per round; 60 to 750 were tried on the benchmark's instances."""

_PROBE_ITERATIONS = 60
"""Simplex iterations of one trial branch."""

_DONE = (
    highspy.HighsModelStatus.kOptimal,
    highspy.HighsModelStatus.kIterationLimit,
    highspy.HighsModelStatus.kObjectiveBound,
)


class Linear:
    """A linear program over columns in 0..1 that is solved again and again from its last basis."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._solver = quiet_solver(solver="simplex", presolve="off", simplex_dual_edge_weight_strategy=2)

    def bound_columns(self, opened: Mask, closed: Mask) -> None:
        """Fix some columns at 1 or 0 and free all others."""
        n = self.instance.n_columns
        index = np.arange(n, dtype=np.int32)
        self._solver.changeColsBounds(n, index, opened.astype(np.float64), (~closed).astype(np.float64))

    def _run(self, deadline: float) -> Floats | None:
        """Solve: the values of all columns, or None where the time ran out."""
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
        return np.array(self._solver.getSolution().col_value)

    def solve(self, deadline: float) -> tuple[Floats, Floats] | None:
        """Solve: x (n,) and the values of the columns after them, or None where the time ran out."""
        values = self._run(deadline)
        if values is None:
            return None
        n = self.instance.n_columns
        return np.clip(values[:n], 0.0, 1.0), values[n:]

    def multipliers(self) -> Floats:
        """Give the multipliers of the classes at the last solution (k,)."""
        raise NotImplementedError

    def cover(self, _x: Floats) -> float:
        """Tell how good a solution is in the true relaxation."""
        return 0.0

    def add_cuts(self, _at: Floats, _x: Floats, _t: Floats) -> int:
        """Add cuts at a point that the solution (x, t) violates; returns how many."""
        return 0

    def purge(self) -> None:
        """Drop the cuts that are slack at the last solution."""

    def probe(self, columns: list[int]) -> list[tuple[float, float]]:
        """Estimate by a few iterations what closing and opening each column costs, in residents."""
        solver = self._solver
        basis, now = solver.getBasis(), float(solver.getInfo().objective_function_value)
        lp = solver.getLp()
        lower, upper = np.array(lp.col_lower_), np.array(lp.col_upper_)
        solver.setOptionValue("simplex_iteration_limit", _PROBE_ITERATIONS)
        costs = []
        for column in columns:
            pair = []
            for low, high in ((0.0, 0.0), (1.0, 1.0)):
                solver.setBasis(basis)
                solver.changeColBounds(column, low, high)
                solver.run()
                known = solver.getModelStatus() in _DONE
                then = float(solver.getInfo().objective_function_value)
                pair.append(abs(then - now) / self.scale if known else np.inf)
            solver.changeColBounds(column, float(lower[column]), float(upper[column]))
            costs.append((pair[0], pair[1]))
        solver.setOptionValue("simplex_iteration_limit", 2147483647)
        solver.setBasis(basis)
        return costs

    scale = 1.0
    """Objective of the program in units of the instance's."""


class Master(Linear):
    """The Benders master: max sum_g t_g, 0 <= x <= 1, c x <= budget, with cuts on the cover t_g of group g.

    For any set S of classes, no plan covers more of group g than
    ``w(classes of g in S) + sum_j x_j w(classes of g outside S that j covers)``; the cut is tight where S are
    the classes that x serves fully (Cordeau, Furini and Ljubić 2019, who have one group). The duals of the
    cuts of a group sum to at most 1; the multiplier of a class is its weight times the duals of those cuts of
    its group whose S does not hold it.
    """

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.scale = _SCALE / float(instance.weight.sum())
        group = _groups(instance)
        self._order = np.argsort(group, kind="stable")
        self._groups, self._columns, self._first = _grouped(instance, group, self._order, self.scale)
        n, n_groups = instance.n_columns, len(self._groups.start) - 1
        self._cut_group = np.empty(0, np.int64)
        self._served = np.empty((0, int(np.diff(self._groups.start).max())), bool)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_, lp.sense_ = n + n_groups, 1, highspy.ObjSense.kMaximize
        lp.col_cost_ = np.r_[np.zeros(n), np.ones(n_groups)]
        lp.col_lower_ = np.zeros(n + n_groups)
        lp.col_upper_ = np.r_[np.ones(n), np.add.reduceat(self._groups.weight, self._groups.start[:-1])]
        lp.row_lower_, lp.row_upper_ = np.array([-highspy.kHighsInf]), np.array([float(instance.budget)])
        _set_rows(lp, np.array([0, n]), np.arange(n), instance.cost)
        self._solver.passModel(lp)

    def multipliers(self) -> Floats:
        """Turn the duals of the cuts into multipliers of the classes, as shares of their weights (k,)."""
        dual = np.abs(np.array(self._solver.getSolution().row_dual)[1:])
        total = np.bincount(self._cut_group, dual, minlength=len(self._groups.start) - 1)
        dual /= np.maximum(total, 1.0)[self._cut_group]
        share = np.empty(self.instance.n_rows)
        share[self._order] = gather(self._groups.start, self._cut_group, self._served, dual)
        return share

    def cover(self, _x: Floats) -> float:
        """Cover of a solution in the relaxation, scaled."""
        return float(fractional_cover(self._groups, _x))

    def add_cuts(self, _at: Floats, _x: Floats, _t: Floats) -> int:
        """Add the cuts that are tight at ``at`` and violated by the solution (x, t); returns how many."""
        at, x, t = _at, _x, _t
        served = np.empty(self.instance.n_rows, bool)
        constant, slope = np.empty(len(t)), np.empty(len(self._columns))
        separate(self._groups, np.ascontiguousarray(at), served, constant, slope)
        height = constant + np.add.reduceat(slope * x[self._columns], self._first[:-1])
        violated = np.flatnonzero(t > height + 1e-9 * _SCALE / len(t))
        if len(violated):
            self._add_rows(violated, constant[violated], slope)
            start, width = self._groups.start, self._served.shape[1]
            inside = np.arange(width) < (start[violated + 1] - start[violated])[:, None]
            at_most = np.minimum(start[violated][:, None] + np.arange(width), len(served) - 1)
            self._served = np.vstack([self._served, served[at_most] & inside])
            self._cut_group = np.r_[self._cut_group, violated]
        return len(violated)

    def _add_rows(self, group: Positions, constant: Floats, slope: Floats) -> None:
        """Add the rows ``t_g - slope @ x <= constant``."""
        n, m = self.instance.n_columns, len(group)
        length = self._first[group + 1] - self._first[group]
        slots = np.repeat(self._first[group] - (np.cumsum(length) - length), length) + np.arange(length.sum())
        used = slope[slots] > 0.0
        row = np.repeat(np.arange(m), length)[used]
        size = np.bincount(row, minlength=m) + 1
        start = np.r_[0, np.cumsum(size)].astype(np.int32)
        index, value = np.empty(start[-1], np.int32), np.ones(start[-1])
        index[start[1:] - 1] = n + group
        other = np.ones(start[-1], bool)
        other[start[1:] - 1] = False
        index[other], value[other] = self._columns[slots][used], -slope[slots][used]
        lower = np.full(m, -highspy.kHighsInf)
        self._solver.addRows(m, lower, constant, len(index), start[:-1], index, value)

    def purge(self) -> None:
        """Drop the cuts that are slack at the last solution."""
        solution, lp = self._solver.getSolution(), self._solver.getLp()
        margin = np.array(lp.row_upper_) - np.array(solution.row_value)
        slack = margin[1:] > 1e-6 * _SCALE / (len(self._groups.start) - 1)
        if slack.any():
            rows = (np.flatnonzero(slack) + 1).astype(np.int32)
            self._solver.deleteRows(len(rows), rows)
            self._cut_group, self._served = self._cut_group[~slack], self._served[~slack]


def _grouped(
    instance: Instance, group: Positions, order: Positions, scale: float
) -> tuple[Groups, NDArray[np.int32], Positions]:
    """Order the classes by group: the groups, the column of each slot, and the first slot of each group."""
    rows = instance.rows[order]
    member = np.repeat(group[order], np.diff(rows.indptr))
    code = member * instance.n_columns + rows.indices
    slots, slot = np.unique(code, return_inverse=True)
    start = np.r_[0, np.cumsum(np.bincount(group))].astype(np.int64)
    first = np.r_[0, np.cumsum(np.bincount(slots // instance.n_columns))].astype(np.int64)
    groups = Groups(
        start,
        rows.indptr.astype(np.int32),
        rows.indices.astype(np.int32),
        slot.astype(np.int32),
        instance.weight[order] * scale,
    )
    return groups, (slots % instance.n_columns).astype(np.int32), first


class SetCover(Linear):
    """Set covering: min c x over 0 <= x <= 1 with a row of at least 1 for every class."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        n, k = instance.n_columns, instance.n_rows
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = n, k
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = instance.cost, np.zeros(n), np.ones(n)
        lp.row_lower_, lp.row_upper_ = np.ones(k), np.full(k, highspy.kHighsInf)
        _set_rows(lp, instance.rows.indptr, instance.rows.indices, instance.rows.data)
        self._solver.passModel(lp)

    def multipliers(self) -> Floats:
        """Give the prices of the classes (k,)."""
        price: Floats = np.maximum(np.array(self._solver.getSolution().row_dual), 0.0)
        return price


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


def quiet_solver(**options: float | str) -> highspy.Highs:
    """Make a silent solver of one thread."""
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, setting in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(name, setting)
    return solver


def _set_rows(lp: highspy.HighsLp, start: Positions, index: Positions, value: Floats) -> None:
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = start.astype(np.int32), index.astype(np.int32)
    lp.a_matrix_.value_ = value
