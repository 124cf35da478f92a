"""The Benders master of the p-median: cuts on sorted costs, solved by a linear program."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array, hstack

from . import median_kernels as kernels
from .linear import Linear
from .median_rows import Rows, Whole
from .reduce import Floats, Mask, Positions
from .site_limits import SiteLimits

_SCALE = 1e4
"""What the incumbent costs in the units of the linear program."""

_BREAKING = 1e5
"""What breaking a rule by one site costs in these units: so that the program always has a solution."""


class Master:
    """``min sum_g t_g`` over ``0 <= x <= 1``, ``sum x <= sites``, with cuts on the cost ``t_g`` of group g.

    Whatever the levels ``v_i``, group g costs at least ``sum_i w_i (v_i - sum_j max(0, v_i - c_ij) x_j)``;
    the cut is tight at x where v_i is the cost at which the x of the nearest candidates of row i add up to
    1 (Cornuéjols, Nemhauser and Wolsey 1980; Duran-Mateluna, Ales and Elloumi 2023). Rules are rows, too;
    their duals are their prices in `median_bounds.bound_of`.
    """

    def __init__(self, rows: Rows, sites: int, limits: SiteLimits, cost: float, group: Positions) -> None:
        self._rows, self._group, self._n_groups = rows, group, int(group.max()) + 1
        self.scale = _SCALE / max(cost, 1e-300) if np.isfinite(cost) else 1.0
        self.fraction = np.zeros(rows.n_columns)
        """The last solution."""
        n = rows.n_columns
        size = np.diff(rows.indptr)
        self._least = rows.beyond.copy()
        self._least[size > 0] = rows.cost[rows.indptr[:-1][size > 0]]
        least = np.bincount(group, rows.weight * self._least) * self.scale
        q = self._n_limits = len(limits)
        self._program = Linear(
            np.r_[np.zeros(n), np.ones(self._n_groups), np.full(q, _BREAKING)],
            np.r_[np.zeros(n), least, np.zeros(q)],
            np.r_[np.ones(n), np.full(self._n_groups + q, np.inf)],
        )
        self._program.add_rows(np.array([-float(sites)]), np.array([0, n]), np.arange(n), -np.ones(n))
        if q:
            broken = coo_array((np.ones(q), (np.arange(q), self._n_groups + np.arange(q))))
            both = csr_array(hstack([-limits.side, broken], format="csr"))
            self._program.add_rows(-limits.limit, both.indptr, both.indices, both.data)
        self._price, self.objective = np.zeros(q), 0.0
        self._levels: list[Floats] = []
        self._cut_round, self._cut_group = np.empty(0, np.int64), np.empty(0, np.int64)
        self._dual = self._slack = np.empty(0)

    def bound_columns(self, opened: Mask, closed: Mask) -> None:
        """Fix some columns at 1 or 0 and free all others."""
        self._program.bound_columns(opened.astype(np.float64), (~closed).astype(np.float64))

    def solve(self, deadline: float) -> tuple[Floats, Floats] | None:
        """Solve the master: x (n,) and t (groups,), or None where the time ran out."""
        found = self._program.solve(deadline)
        if found is None:
            return None
        first, n = 1 + self._n_limits, self._rows.n_columns
        self._dual, self._slack = np.maximum(found.dual[first:], 0.0), found.slack[first:]
        self._price = np.maximum(found.dual[1:first], 0.0) / self.scale
        self.objective = float(found.value[n : n + self._n_groups].sum())
        self.objective += _BREAKING * float(found.value[n + self._n_groups :].sum())
        return np.clip(found.value[:n], 0.0, 1.0), found.value[n : n + self._n_groups]

    def prices(self) -> Floats:
        """Give the prices of the rules (q,)."""
        return self._price

    def levels(self) -> Floats:
        """Turn the duals of the cuts into a level for every row (k,): the mean of the levels of its cuts."""
        known = slice(len(self._dual))  # cuts added since the last solution have no duals
        cut_round, cut_group = self._cut_round[known], self._cut_group[known]
        sums = np.bincount(cut_group, self._dual, minlength=self._n_groups)
        share = np.zeros((len(self._levels), self._n_groups))
        share[cut_round, cut_group] = self._dual / np.maximum(sums, 1.0)[cut_group]
        total: Floats = np.maximum(1.0 - share.sum(axis=0), 0.0)[self._group] * self._least
        for level, part in zip(self._levels, share, strict=True):
            if part.any():
                total += part[self._group] * level
        return total

    def add(self, level: Floats) -> None:
        """Add the cuts of some levels (k,), whether violated or not."""
        self._add(level, *self._cut(level), np.arange(self._n_groups))

    def separate(self, inside: Floats | None, x: Floats, t: Floats) -> tuple[Floats | None, int]:
        """Add violated cuts, at best between the point inside and x: the next point inside and how many."""
        points = [x] if inside is None else [(inside + x) / 2.0, x]
        for at in points:
            level = kernels.levels_at(*self._lists, self._rows.beyond, at)
            constant, slope = self._cut(level)
            violated = np.flatnonzero(t < constant - slope @ x - 1e-6 * _SCALE / self._n_groups)
            if len(violated):
                self._add(level, constant, slope, violated)
                return (None if inside is None else at), len(violated)
        return inside, 0

    @property
    def _lists(self) -> tuple[Positions, Whole, Floats]:
        return self._rows.indptr, self._rows.site, self._rows.cost

    def _cut(self, level: Floats) -> tuple[Floats, Floats]:
        rows = self._rows
        constant, slope = kernels.cut_at(
            *self._lists, rows.weight * self.scale, self._group, self._n_groups, rows.n_columns, level
        )
        return constant, slope

    def _add(self, level: Floats, constant: Floats, slope: Floats, groups: Positions) -> None:
        """Add the rows ``t_g + slope @ x >= constant``."""
        row, column = np.nonzero(slope[groups])
        size = np.bincount(row, minlength=len(groups))
        start = np.r_[0, np.cumsum(size + 1)]
        index, value = np.empty(start[-1], np.int64), np.ones(start[-1])
        own = start[1:] - 1
        other = np.ones(start[-1], bool)
        other[own] = False
        index[own], index[other] = self._rows.n_columns + groups, column
        value[other] = slope[groups][row, column]
        self._program.add_rows(constant[groups], start, index, value)
        self._cut_round = np.r_[self._cut_round, np.full(len(groups), len(self._levels))]
        self._cut_group = np.r_[self._cut_group, groups]
        self._levels.append(level)

    def purge(self) -> None:
        """Drop the cuts that are slack at the last solution, and levels without cuts."""
        if not len(self._slack):
            return
        gone = np.zeros(len(self._cut_group), bool)
        gone[: len(self._slack)] = self._slack > 1e-6 * _SCALE
        self._program.drop_rows(np.r_[np.zeros(1 + self._n_limits, bool), gone])
        used, self._cut_round = np.unique(self._cut_round[~gone], return_inverse=True)
        self._cut_group = self._cut_group[~gone]
        self._levels = [self._levels[i] for i in used]
        self._dual = self._slack = np.empty(0)


def group_rows(rows: Rows, who: Positions, n_groups: int) -> Positions:
    """Group rows with a site of the plan and a nearest candidate in common, to like effort (k,)."""
    size = np.diff(rows.indptr)
    nearest = np.full(len(size), -1, np.int64)
    nearest[size > 0] = rows.site[rows.indptr[:-1][size > 0]]
    ranked = np.lexsort((nearest, who))
    effort = np.cumsum((rows.weight * (size + 1.0))[ranked])
    group = np.empty(len(size), np.int64)
    group[ranked] = np.minimum(effort / effort[-1] * n_groups, n_groups - 1).astype(np.int64)
    return np.unique(group, return_inverse=True)[1].astype(np.int64)
