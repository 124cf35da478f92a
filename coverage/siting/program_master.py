"""The linear relaxation of a cover program by Benders cuts, with HiGHS.

One thread always, see `solve`. What the solver says is a proposal only: bounds are recomputed from its duals,
plans from their sites.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import highspy
import numpy as np
from scipy.sparse import csr_array, diags_array, hstack
from scipy.sparse.csgraph import reverse_cuthill_mckee

from .program_kernels import Parts, cover_of_parts, gather, separate
from .program_reduce import Multipliers, Reduced, places
from .reduce import Floats, Mask, Positions
from .solve import quiet_solver

_SCALE = 1e4
"""All cover, and the objective, are scaled to this: objectives near 1e9 confuse the solver."""

_PARTS = 150
"""Parts of the classes with a cut each per round, see `solve`."""

_PROBE_ITERATIONS = 60
_WHOLE_GAP, _WHOLE_NODES = 1e-3, 200
"""The relaxation with whole sites is solved this well, or for so many nodes: it is made for plans."""

_MOST_OVERLAP = 30_000_000
"""Classes are put in order by the overlap of their columns up to so many pairs of pairs."""

_DONE = (
    highspy.HighsModelStatus.kOptimal,
    highspy.HighsModelStatus.kIterationLimit,
    highspy.HighsModelStatus.kObjectiveBound,
)


@dataclass(frozen=True)
class Point:
    """A solution of the relaxation."""

    x: Floats
    """(n,) opening of each column."""
    t: Floats
    """(parts,) scaled cover of each part, as far as the cuts know."""
    y: Floats
    """(m,) quantities."""
    feasible: bool
    """False: the cuts and side constraints exclude each other here; x, y and t are of no use."""


class Master:
    """``max x_value @ x + y_value @ y + t_value @ t`` with the side constraints and cuts on the parts of t.

    A group's classes are split into parts with a column ``t_p`` each. For any counts ``s_r`` no plan covers
    more of part p than ``sum_r phi_r(s_r) + step_r(s_r + 1) (a_r x - s_r)``: every phi is concave. The cut
    is tight where ``s_r`` is the whole part of a_r x (Cordeau, Furini and Ljubić 2019, for one step and one
    part). A column v relaxes all side constraints at once and is 0 but in `_prove_empty`.
    """

    def __init__(self, reduced: Reduced) -> None:
        self.reduced = reduced
        frame, program = reduced.frame, reduced.frame.program
        part = parts_of(reduced)
        order = np.argsort(part, kind="stable")
        live = np.flatnonzero(frame.live)
        size = int(part.max(initial=-1)) + 1
        alone = np.setdiff1d(live, reduced.group)  # their cover is that of the sites open for good
        first = np.searchsorted(part[order], np.arange(size))
        self._group = np.r_[reduced.group[order[first]], alone].astype(np.int64)
        n_parts = len(self._group)
        self._base = np.zeros(n_parts)
        group, leader = np.unique(self._group, return_index=True)
        self._base[leader] = reduced.base[group]
        total = float((reduced.steps.sum() + self._base.sum()) or 1.0)
        self._unit = total / _SCALE
        self._base /= self._unit
        self._scale = _SCALE / (frame.size or 1.0)
        self._order = order
        self._parts, self._columns, self._first = _ordered(reduced, part, order, n_parts, self._unit)
        self._cut_part = np.empty(0, np.int64)
        widest = int(np.diff(self._parts.start).max(initial=1))
        self._served = np.empty((0, max(1, widest)), np.int8)
        self._solver = quiet_solver(solver="simplex", presolve="off", simplex_dual_edge_weight_strategy=2)
        self._set_up(program.y_upper)

    def _set_up(self, y_upper: Floats) -> None:
        """Pass the columns x, y, t and v and the side constraints to the solver."""
        program, n, m = self.reduced.frame.program, self.reduced.n_columns, len(y_upper)
        start = program.n_sites + m
        side_y = program.side[:, program.n_sites : start] @ diags_array(y_upper) if m else None
        side_t = csr_array(program.side[:, start:])[:, self._group] * self._unit
        blocks = [self.reduced.side_x.T.tocsr(), side_y, side_t]
        matrix = csr_array(hstack([block for block in blocks if block is not None], format="csr"))
        largest = (
            np.asarray(abs(matrix).max(axis=1).todense()).ravel() if matrix.nnz else np.zeros(matrix.shape[0])
        )
        self._row_scale = 1.0 / np.where(largest > 0, largest, 1.0)
        matrix = csr_array(diags_array(self._row_scale) @ matrix)
        slack = csr_array(-np.ones((matrix.shape[0], 1)))
        matrix = csr_array(hstack([matrix, slack], format="csr"))
        most = np.bincount(self._part_of(), self._parts.steps.sum(axis=1), minlength=len(self._group))
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_, lp.sense_ = matrix.shape[1], matrix.shape[0], highspy.ObjSense.kMaximize
        self._cost = (
            self._scale
            * np.r_[
                program.x_value[self.reduced.position],
                program.y_value * y_upper,
                program.t_value[self._group] * self._unit,
                0.0,
            ]
        )
        lp.col_cost_, lp.col_lower_ = self._cost, np.zeros(matrix.shape[1])
        lp.col_upper_ = np.r_[np.ones(n), (y_upper > 0).astype(np.float64), most + self._base, 0.0]
        lp.row_lower_ = np.full(matrix.shape[0], -highspy.kHighsInf)
        lp.row_upper_ = self.reduced.limit * self._row_scale
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_ = (
            matrix.indptr.astype(np.int32),
            matrix.indices.astype(np.int32),
        )
        lp.a_matrix_.value_ = matrix.data
        self._solver.passModel(lp)
        self._n_side, self._n, self._m = matrix.shape[0], n, m
        self._last = matrix.shape[1] - 1
        self._inner, self._worth = self._cost[:n], np.ones(len(self._group))

    def _part_of(self) -> Positions:
        return np.repeat(np.arange(len(self._group)), np.diff(self._parts.start))

    def bound_columns(self, opened: Mask, closed: Mask) -> None:
        """Fix some columns at 1 or 0 and free all others."""
        index = np.arange(self._n, dtype=np.int32)
        self._solver.changeColsBounds(self._n, index, opened.astype(np.float64), (~closed).astype(np.float64))

    def _run(self, deadline: float) -> highspy.HighsModelStatus:
        left = max(0.0, deadline - time.monotonic())
        self._solver.setOptionValue("time_limit", self._solver.getRunTime() + left)
        self._solver.run()
        status = self._solver.getModelStatus()
        known = (
            highspy.HighsModelStatus.kOptimal,
            highspy.HighsModelStatus.kInfeasible,
            highspy.HighsModelStatus.kTimeLimit,
        )
        if status not in known:
            self._solver.clearSolver()
            self._solver.run()
            status = self._solver.getModelStatus()
        return status

    def solve(self, deadline: float) -> tuple[Point, Multipliers] | None:
        """Solve: a point and its multipliers, or None where the time ran out or the solver gave up."""
        if self._n + self._m + len(self._group) == 0 and not self._n_side:
            return Point(np.empty(0), np.empty(0), np.empty(0), True), Multipliers(np.empty(0), np.empty(0))
        status = self._run(deadline)
        if status == highspy.HighsModelStatus.kOptimal:
            return self._point(True), self._multipliers(valued=True)
        return self._prove_empty(deadline) if status == highspy.HighsModelStatus.kInfeasible else None

    def _point(self, feasible: bool) -> Point:
        value = np.array(self._solver.getSolution().col_value)
        n, m = self._n, self._m
        y = np.clip(value[n : n + m], 0.0, 1.0) * self.reduced.frame.program.y_upper
        return Point(np.clip(value[:n], 0.0, 1.0), value[n + m : self._last], y, feasible)

    def _prove_empty(self, deadline: float) -> tuple[Point, Multipliers] | None:
        """Find multipliers that prove that nothing is feasible: by how much all constraints must give."""
        index = np.arange(self._last + 1, dtype=np.int32)
        cost = np.zeros(self._last + 1)
        cost[-1] = -_SCALE
        self._solver.changeColsCost(len(index), index, cost)
        self._solver.changeColBounds(self._last, 0.0, highspy.kHighsInf)
        try:
            status = self._run(deadline)
            if status != highspy.HighsModelStatus.kOptimal:
                return None
            point = self._point(False)
            return point, self._multipliers(valued=False)
        finally:
            self._solver.changeColsCost(len(index), index, self._cost)
            self._solver.changeColBounds(self._last, 0.0, 0.0)

    def _multipliers(self, *, valued: bool) -> Multipliers:
        """Turn the duals into multipliers: of a class, its steps in the cuts times the cuts' duals."""
        program = self.reduced.frame.program
        dual = np.abs(np.array(self._solver.getSolution().row_dual))
        scale = self._scale if valued else _SCALE
        side = dual[: self._n_side] * self._row_scale / scale
        start = program.n_sites + self._m
        worth = (program.t_value if valued else 0.0) - program.side[:, start:].T @ side
        cut = dual[self._n_side :]
        self._worth = np.maximum(worth[self._group], 0.0) * self._unit
        value = program.x_value[self.reduced.position] if valued else 0.0
        self._inner = value - self.reduced.side_x @ side
        total = np.bincount(self._cut_part, cut, minlength=len(self._group))
        needed = np.maximum(total, np.maximum(worth[self._group], 0.0) * self._unit * scale)
        cut = cut / np.where(needed > 0, needed, 1.0)[self._cut_part]
        slope = np.empty(self.reduced.n_classes)
        slope[self._order] = gather(self._parts, self._cut_part, self._served, cut) * self._unit
        place = places(self.reduced, slope).astype(np.float32).astype(np.float64)  # as it will be kept
        return Multipliers(side, place, valued)

    def cover(self, x: Floats) -> Floats:
        """Cover of each part at a point, scaled (parts,)."""
        return np.asarray(cover_of_parts(self._parts, x)) + self._base

    def value(self, x: Floats) -> float:
        """Value of a point at the last multipliers as if the cover of every part counted in full."""
        return float(self._inner @ x + self._worth @ self.cover(x))

    def add_cuts(self, at: Floats, point: Point) -> int:
        """Add the cuts that are tight at ``at`` and that the point violates; returns how many."""
        served = np.empty(self.reduced.n_classes, np.int8)
        constant, slope = np.empty(len(self._group)), np.empty(len(self._columns))
        separate(self._parts, np.ascontiguousarray(at), served, constant, slope)
        constant += self._base
        height = constant + _sums(slope * point.x[self._columns], self._first)
        violated = np.flatnonzero(point.t > height + 1e-9 * _SCALE / max(1, len(self._group)))
        if len(violated):
            self._add_rows(violated, constant[violated], slope)
            start, width = self._parts.start, self._served.shape[1]
            inside = np.arange(width) < (start[violated + 1] - start[violated])[:, None]
            at_most = np.minimum(start[violated][:, None] + np.arange(width), max(0, len(served) - 1))
            fresh = served[at_most] if len(served) else np.zeros(inside.shape, np.int8)
            self._served = np.vstack([self._served, np.where(inside, fresh, 0).astype(np.int8)])
            self._cut_part = np.r_[self._cut_part, violated]
        return len(violated)

    def _add_rows(self, part: Positions, constant: Floats, slope: Floats) -> None:
        """Add the rows ``t_p - slope @ x <= constant``."""
        first, m = self._first, len(part)
        length = first[part + 1] - first[part]
        slots = np.repeat(first[part] - (np.cumsum(length) - length), length) + np.arange(length.sum())
        used = slope[slots] > 0.0
        row = np.repeat(np.arange(m), length)[used]
        size = np.bincount(row, minlength=m) + 1
        start = np.r_[0, np.cumsum(size)].astype(np.int32)
        index, value = np.empty(start[-1], np.int32), np.ones(start[-1])
        index[start[1:] - 1] = self._n + self._m + part
        other = np.ones(start[-1], bool)
        other[start[1:] - 1] = False
        index[other], value[other] = self._columns[slots][used], -slope[slots][used]
        lower = np.full(m, -highspy.kHighsInf)
        self._solver.addRows(m, lower, constant, len(index), start[:-1], index, value)

    def purge(self) -> None:
        """Drop the cuts that are slack at the last solution."""
        solution, lp = self._solver.getSolution(), self._solver.getLp()
        if not len(self._cut_part) or not len(solution.row_value):
            return
        margin = np.array(lp.row_upper_) - np.array(solution.row_value)
        slack = margin[self._n_side :] > 1e-6 * _SCALE / len(self._group)
        if slack.any():
            rows = (np.flatnonzero(slack) + self._n_side).astype(np.int32)
            self._solver.deleteRows(len(rows), rows)
            self._cut_part, self._served = self._cut_part[~slack], self._served[~slack]

    def probe(self, columns: list[int]) -> list[tuple[float, float]]:
        """Estimate by a few iterations what closing and opening each column costs."""
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
                pair.append(abs(then - now) / self._scale if known else np.inf)
            solver.changeColBounds(column, float(lower[column]), float(upper[column]))
            costs.append((pair[0], pair[1]))
        solver.setOptionValue("simplex_iteration_limit", 2147483647)
        solver.setBasis(basis)
        return costs

    def whole_point(self, seconds: float, opened: Mask, closed: Mask) -> Floats | None:
        """Solve the relaxation with whole sites and some fixed (n,), for a plan; None: none found in time."""
        solver = quiet_solver(
            time_limit=max(0.05, seconds), mip_rel_gap=_WHOLE_GAP, mip_max_nodes=_WHOLE_NODES
        )
        lp = self._solver.getLp()
        whole, free = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
        lp.integrality_ = [whole] * self._n + [free] * (self._last + 1 - self._n)
        lp.col_lower_ = np.r_[opened.astype(np.float64), np.array(lp.col_lower_)[self._n :]]
        lp.col_upper_ = np.r_[(~closed).astype(np.float64), np.array(lp.col_upper_)[self._n :]]
        solver.passModel(lp)
        solver.run()
        if solver.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None
        return np.round(np.array(solver.getSolution().col_value)[: self._n])


def parts_of(reduced: Reduced) -> Positions:
    """Split the classes of every group into parts of like effort whose columns overlap (k,): sparse cuts."""
    breadth = np.diff(reduced.rows.indptr)
    place = np.arange(reduced.n_columns, dtype=np.float64)
    if 0 < float(np.square(breadth, dtype=np.float64).sum()) < _MOST_OVERLAP:
        overlap = csr_array(reduced.columns @ reduced.rows)
        place[reverse_cuthill_mckee(overlap, symmetric_mode=True)] = np.arange(reduced.n_columns)
    mean = (reduced.rows @ place) / np.maximum(breadth, 1)
    ranked = np.lexsort((mean, reduced.group))
    effort = (reduced.steps[:, 0] * breadth)[ranked]
    group = reduced.group[ranked]
    whole = np.bincount(group, effort, minlength=1)
    before = (np.r_[0.0, np.cumsum(whole)])[group]
    share = (np.cumsum(effort) - effort / 2.0 - before) / max(float(effort.sum()), 1e-300)
    number = np.floor(np.maximum(share, 0.0) * _PARTS).astype(np.int64)
    part = np.empty(reduced.n_classes, np.int64)
    part[ranked] = group * (_PARTS + 1) + np.minimum(number, _PARTS)
    return np.unique(part, return_inverse=True)[1].astype(np.int64)


def _ordered(
    reduced: Reduced, part: Positions, order: Positions, n_parts: int, unit: float
) -> tuple[Parts, Positions, Positions]:
    """Order the classes by part: the parts, the column of each slot, and the first slot of each part."""
    rows = reduced.rows[order] if len(order) else reduced.rows
    member = np.repeat(part[order], np.diff(rows.indptr))
    n = max(1, reduced.n_columns)
    slots, slot = np.unique(member * n + rows.indices, return_inverse=True)
    start = np.r_[0, np.cumsum(np.bincount(part, minlength=n_parts))].astype(np.int64)
    first = np.r_[0, np.cumsum(np.bincount(slots // n, minlength=n_parts))].astype(np.int64)
    parts = Parts(
        start,
        rows.indptr.astype(np.int32),
        rows.indices.astype(np.int32),
        slot.astype(np.int32),
        np.hstack([reduced.steps[order], np.zeros((len(order), 1))]) / unit,
    )
    return parts, (slots % n).astype(np.int64), first


def _sums(values: Floats, first: Positions) -> Floats:
    """Sum the slots of each part (parts,)."""
    total = np.r_[0.0, np.cumsum(values)]
    part = np.repeat(np.arange(len(first) - 1), np.diff(first))
    del total
    return np.bincount(part, values, minlength=len(first) - 1).astype(np.float64)
