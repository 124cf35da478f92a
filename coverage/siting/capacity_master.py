"""The linear relaxation of a capacitated problem by Benders cuts in the space of the sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from .capacity_kernels import Floats, Ints, Mask, cut_slopes, max_flow, site_worths
from .capacity_problem import Prices, Problem
from .linear import Linear

_SCALE = 1e4
"""All residents, or the cost at stake, are scaled to this: objectives near 1e9 confuse the solver."""

_GROUPS = 60
"""Groups of classes with a share of the objective each."""

_TOLERANCE = 1e-6
_PURGED = 4
"""Cuts that are slack so many times in a row go."""

_BREACH = 20.0
"""What a side constraint exceeded by one counts, in parts of the objective."""


@dataclass(frozen=True)
class _Cut:
    """What a unit of the dual of a cut adds to the prices of the classes."""

    row: NDArray[Any]


class Master:
    """``max sum_g t_g`` over 0 <= x <= 1 with the budget, side constraints, and cuts on sums of the ``t_g``.

    For any set S of classes of a union U of groups, no plan serves more of U than::

        sum_{g in U} t_g <= w(U without S) + sum_j x_j min(cap_j, w(S within reach of j))

    by the maximum flow and minimum cut theorem (Ford and Fulkerson 1956); at a fractional ``x`` the smallest
    cut of the flow with ``f_rj <= w_r x_j`` is violated most. For other gains the prices ``v`` of the classes
    give ``sum_g t_g <= v @ w + sum_j x_j K_j(v)`` (`capacity_problem`). The duals of all cuts together are
    prices of the classes again, which prove the bound without the cuts.
    """

    def __init__(self, problem: Problem, unit: float) -> None:
        """Begin with the constraints on sites; ``unit`` of the objective is scaled to 1e4."""
        self.problem, self.scale = problem, _SCALE / unit
        n, q = problem.n_sites, len(problem.limit)
        self._group = _groups(problem) if problem.cover else np.zeros(len(problem.arcs.weight), np.int64)
        self.n_groups = int(self._group.max(initial=0)) + 1
        whole = np.bincount(self._group, problem.arcs.weight, minlength=self.n_groups) * self.scale
        top = whole if problem.cover else np.full(self.n_groups, 1e2 * _SCALE)
        low = np.zeros(self.n_groups) if problem.cover else np.full(self.n_groups, -1e2 * _SCALE)
        size = np.abs(problem.side).max(axis=1).toarray() if q else np.empty(0)
        breach = _BREACH * _SCALE / np.maximum(size, 1e-12)
        self._linear = Linear(
            np.r_[np.zeros(n), -np.ones(self.n_groups), breach, _BREACH * _SCALE],
            np.r_[np.zeros(n), low, np.zeros(q + 1)],
            np.r_[np.ones(n), top, np.full(q + 1, 1e9)],
        )  # the last columns: by how much side constraints are exceeded, and demand is not met
        self._fixed = q + 1
        self._add(np.c_[-problem.cost[None], np.zeros((1, self.n_groups))], np.array([-problem.budget]))
        if q:
            dense = np.c_[-problem.side.toarray(), np.zeros((q, self.n_groups)), np.eye(q)]
            self._add(dense, -problem.limit)
        self._cuts: list[_Cut] = []
        self._slack: list[int] = []
        self._dual, self._value = np.empty(0), np.empty(0)

    def _add(self, rows: NDArray[Any], limit: NDArray[Any]) -> None:
        sparse = csr_array(rows)
        self._linear.add_rows(limit, sparse.indptr, sparse.indices, sparse.data)

    @property
    def has_cuts(self) -> bool:
        """True once there are cuts."""
        return bool(self._cuts)

    def bound_sites(self, opened: Mask, closed: Mask) -> None:
        """Fix some sites open or closed and free all others."""
        self._linear.bound_columns(opened.astype(np.float64), (~closed).astype(np.float64))

    def solve(self, deadline: float) -> tuple[Floats, float] | None:
        """Solve: x (n,) and the objective, or None where the time ran out."""
        found = self._linear.solve(deadline)
        if found is None:
            return None
        n = self.problem.n_sites
        self._value, self._dual = found.value, np.maximum(found.dual, 0.0)
        tight = found.slack[self._fixed :] <= 1e-6
        self._slack = [0 if ok else count + 1 for ok, count in zip(tight, self._slack, strict=True)]
        x = np.clip(found.value[:n], 0.0, 1.0)
        return x, float(found.value[n : n + self.n_groups].sum()) / self.scale

    def prices(self) -> Prices:
        """Turn the duals of the last solution into prices of the classes and of the side constraints."""
        problem, cover = self.problem, self.problem.cover
        row = np.ones(len(problem.arcs.weight)) if cover else np.zeros(len(problem.arcs.weight))
        for dual, cut in zip(self._dual[self._fixed :], self._cuts, strict=True):
            if dual > 0.0:
                row += dual * cut.row
        if cover:
            row = np.clip(row, 0.0, 1.0)
        elif not problem.everybody:
            row = np.maximum(row, 0.0)
        return Prices(row, self._dual[1 : self._fixed] / self.scale)

    def add_prices(self, row: Floats) -> bool:
        """Add the cut of some prices of the classes; true where the last solution violates it."""
        arcs, n = self.problem.arcs, self.problem.n_sites
        worth = site_worths(arcs, row, np.zeros(n), np.zeros(len(row))) * self.scale
        constant = float(row @ arcs.weight) * self.scale
        self._add(np.r_[worth, -np.ones(self.n_groups)][None], np.array([-constant]))
        self._cuts.append(_Cut(row.copy()))
        self._slack.append(0)
        if not len(self._value):
            return True
        t = float(self._value[n : n + self.n_groups].sum())
        return t > constant + float(worth @ self._value[:n]) + _TOLERANCE

    def add_demand(self, inside: Mask) -> bool:
        """Add that open sites must hold the residents of a set; true where the last solution violates it."""
        total = float(self.problem.arcs.weight[inside].sum())
        _, slope = cut_slopes(self.problem.arcs, inside, np.zeros(len(inside), np.int64), 1)
        short = np.r_[np.zeros(len(self.problem.limit)), 1.0]
        self._add(np.r_[slope[0] / total, np.zeros(self.n_groups), short][None], np.ones(1))
        self._cuts.append(_Cut(inside * (-1.0 / (total * self.scale))))
        self._slack.append(-(10**9))
        held = float(slope[0] @ self._value[: self.problem.n_sites]) / total
        return held + float(self._value[-1]) < 1.0 - 1e-7

    def add_flows(self, at: Floats) -> tuple[int, float]:
        """Add the cuts of the largest flow at a point that the last solution violates: number, and flow."""
        arcs = self.problem.arcs
        tiny = 1e-9 * max(1.0, float(arcs.weight.max(initial=0.0)))
        served, far, near = max_flow(arcs, np.ascontiguousarray(at), np.zeros(len(arcs.gain)), tiny)
        added = self._add_set(far)
        return added + (self._add_set(near) if (far != near).any() else 0), served

    def _add_set(self, inside: Mask) -> int:
        """Add the cuts of a set of classes that the last solution violates."""
        n, groups, weight = self.problem.n_sites, self.n_groups, self.problem.arcs.weight
        union, slope = cut_slopes(self.problem.arcs, inside, self._group, groups)
        x, t = self._value[:n], self._value[n : n + groups]
        constant = np.bincount(union[self._group], weight * ~inside, minlength=groups) * self.scale
        height = constant + slope @ x * self.scale
        total = np.bincount(union, t, minlength=groups)
        wrong = np.flatnonzero(total > height + _TOLERANCE)
        if len(wrong):
            member = union[None] == wrong[:, None]
            self._add(np.c_[slope[wrong] * self.scale, -member.astype(np.float64)], -constant[wrong])
            self._cuts += [_Cut(-(inside & one[self._group]).astype(np.int8)) for one in member]
            self._slack += [0] * len(wrong)
        return len(wrong)

    def purge(self) -> None:
        """Drop the cuts that were slack in the last solutions."""
        gone = np.array([count >= _PURGED for count in self._slack], bool)
        if gone.any():
            self._linear.drop_rows(np.r_[np.zeros(self._fixed, bool), gone])
            self._cuts = [cut for cut, out in zip(self._cuts, gone, strict=True) if not out]
            self._slack = [count for count, out in zip(self._slack, gone, strict=True) if not out]


def _groups(problem: Problem) -> Ints:
    """Sort the classes into groups of like effort whose sites overlap, so that cuts are sparse (k,)."""
    arcs, n = problem.arcs, problem.n_sites
    k = len(arcs.weight)
    if not k:
        return np.zeros(0, np.int64)
    rows = csr_array((np.ones(len(arcs.row_site)), arcs.row_site, arcs.row_start), shape=(k, n))
    order = reverse_cuthill_mckee(csr_array(rows.T @ rows), symmetric_mode=True)
    place = np.empty(n)
    place[order] = np.arange(n)
    breadth = np.diff(arcs.row_start)
    ranked = np.argsort((rows @ place) / breadth, kind="stable")
    effort = np.cumsum((arcs.weight * breadth)[ranked])
    group = np.empty(k, np.int64)
    group[ranked] = np.minimum(effort / effort[-1] * _GROUPS, _GROUPS - 1).astype(np.int64)
    return np.unique(group, return_inverse=True)[1].astype(np.int64)
