"""Covered shares of counties as cover programs: the lowest share, the sum of the lowest, Gini's coefficient.

Classes of demand belong to their county, so that ``t_c`` is what a plan covers in county ``c`` of ``W_c``
residents and ``s_c = t_c / W_c`` its share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .program import CoverProgram, ProgramBuilder
from .reduce import Floats, Mask, Positions, merge_labelled
from .staged import Asked, covered_by, require_minimums, terms

UNITS = 1e4
"""Shares are columns of 0..1e4: as large as the cover in the solver."""


@dataclass(frozen=True)
class Counties:
    """Demand by county: m rows, n candidates, C counties."""

    names: tuple[str, ...]
    matrix: csr_array
    weight: Floats
    """(m,)."""
    county: Positions
    """(m,) county of each row."""
    total: Floats
    """(C,) residents."""
    low: Floats
    """(C,) residents covered by the sites that are open in any case."""
    high: Floats
    """(C,) residents covered if all allowed candidates were open."""
    asked: Asked

    @property
    def counted(self) -> Mask:
        """Counties with residents whose share a plan can change (C,)."""
        changed: Mask = (self.total > 0) & (self.high > self.low)
        return changed

    def covered(self, opened: Mask) -> Floats:
        """Give the residents covered in each county (C,)."""
        found = self.weight * covered_by(self.matrix, opened)
        return np.bincount(self.county, found, minlength=len(self.names)).astype(np.float64)

    def shares(self, opened: Mask) -> Floats:
        """Give the covered share of each county (C,); 0 without residents."""
        return self.covered(opened) / np.where(self.total > 0, self.total, 1.0)

    def lowest(self, opened: Mask) -> float:
        """Give the lowest share of the counties that count; 1 where none does."""
        return float(self.shares(opened)[self.counted].min(initial=1.0))

    def residents(self, opened: Mask) -> float:
        """Give the residents covered in all counties."""
        return math.fsum(self.weight[covered_by(self.matrix, opened)])

    def gini(self, opened: Mask) -> float:
        """Give Gini's coefficient of the shares; 0 where nobody is covered."""
        return gini_of_shares(self.shares(opened), self.total)


def counties_of(
    matrix: csr_array, weight: Floats, group: ArrayLike, names: Sequence[str] | None, asked: Asked
) -> Counties:
    """Check the counties; raises ``ValueError`` where they cannot be."""
    county: NDArray[Any] = np.asarray(group)
    if county.shape != weight.shape or (len(county) and not np.issubdtype(county.dtype, np.integer)):
        raise ValueError(f"group must be {len(weight)} whole numbers")
    size = int(county.max(initial=-1)) + 1
    given = tuple(f"第{c + 1}组" for c in range(size)) if names is None else tuple(names)
    if (county < 0).any() or size > len(given):
        raise ValueError(f"group must lie in 0..{len(given) - 1}")
    member = county.astype(np.int64)

    def sums(values: Floats) -> Floats:
        return np.bincount(member, values, minlength=len(given)).astype(np.float64)

    low, high = (sums(weight * covered_by(matrix, mask)) for mask in (asked.opened, ~asked.closed))
    return Counties(given, matrix, weight, member, sums(weight), low, high, asked)


def gini_of_shares(share: Floats, total: Floats) -> float:
    """Measure how unequal shares are among counties weighted by their residents (Gini 1912).

    ``sum_ab W_a W_b |s_a - s_b| / (2 W sum_c W_c s_c)``, the formula of `inequality.gini`; 0 where all
    shares are 0.

    Examples
    --------
    >>> gini_of_shares(np.array([1.0, 5.0]), np.array([3.0, 1.0]))
    0.375
    """
    order = np.argsort(share, kind="stable")
    value, people = share[order], total[order]
    amount = float(value @ people)
    if not amount > 0:
        return 0.0
    middle = np.cumsum(people) - people / 2.0
    return max(0.0, float(2.0 * (value * people) @ middle / (amount * people.sum()) - 1.0))


@dataclass
class FairBuilder:
    """A program of a request on counties, to which an objective and levels are added."""

    counties: Counties
    builder: ProgramBuilder
    t: Positions
    """(C,) group of each county; -1 where it has no class that a candidate reaches."""

    @staticmethod
    def begin(counties: Counties, floor: float) -> FairBuilder:
        """Begin with the constraints on sites, the minimums and a floor of all shares that count."""
        asked = counties.asked
        builder = asked.builder()
        classes, weights, county = merge_labelled(counties.matrix, counties.weight, counties.county)
        some, group = np.unique(county, return_inverse=True)
        t = np.full(len(counties.names), -1, np.int64)
        if len(some):
            t[some] = builder.add_classes(classes, weights, group)
        require_minimums(builder, asked.rules, counties.matrix, counties.weight)
        made = FairBuilder(counties, builder, t)
        made.at_least(floor)
        return made

    def at_least(self, share: float) -> None:
        """Require a share in every county that counts."""
        counties = self.counties
        for c in np.flatnonzero(counties.counted).tolist() if share > 0 else ():
            needed = share * float(counties.total[c]) * (1.0 - 1e-12)
            what = f"{counties.names[c]}至少覆盖 {share:.1%}"
            self.builder.require(what, -needed, t=([self.t[c]], -1.0))

    def residents(self) -> CoverProgram:
        """Ask for the most residents."""
        return self.builder.build(t=(self.t[self.t >= 0], 1.0))

    def lowest(self) -> CoverProgram:
        """Ask for the highest lowest share."""
        counties = self.counties
        y = self.builder.add_quantities(UNITS)
        for c in np.flatnonzero(counties.counted).tolist():
            share = ([self.t[c]], -UNITS / float(counties.total[c]))
            self.builder.require("最低的覆盖率", 0.0, y=(y, 1.0), t=share, hard=True)
        return self.builder.build(y=(y, 1.0 / UNITS))

    def sum_of_lowest(self, k: int) -> tuple[Positions, Floats]:
        """Add columns for the sum of the ``k`` lowest shares: positions and coefficients of that sum.

        ``k r - sum_c d_c`` with ``d_c >= r - s_c`` is at most the sum, and reaches it where ``r`` is the
        ``k``-th lowest share (Ogryczak and Tamir 2003).
        """
        counties = self.counties
        some = np.flatnonzero(counties.counted)
        y = self.builder.add_quantities(np.full(len(some) + 1, UNITS))
        for c, d in zip(some.tolist(), y[1:].tolist(), strict=True):
            share = ([self.t[c]], -UNITS / float(counties.total[c]))
            self.builder.require(f"最低的 {k} 个覆盖率", 0.0, y=([y[0], d], [1.0, -1.0]), t=share, hard=True)
        return y, np.r_[float(k), -np.ones(len(some))]

    def gini_at_most(self, limit: float) -> None:
        """Require Gini's coefficient to be at most a limit, by exact covers of all classes.

        A cover that is counted lower than it is would make a plan look more even. So ``t_c`` is held from
        below as well: ``t_c >= sum_r w_r e_r`` with ``e_r >= x_j`` for every pair of class and candidate.
        Then ``sum_(a<b) W_a W_b (s_a - s_b + 2 d_ab) <= limit * W * sum_c t_c`` with
        ``d_ab >= s_b - s_a``, ``d_ab >= 0``, whose terms are ``W_a W_b |s_a - s_b|`` at least.
        """
        counties, builder = self.counties, self.builder
        self._exact()
        some = np.flatnonzero((counties.total > 0) & (self.t >= 0))
        idle = float(counties.total[(counties.total > 0) & (self.t < 0)].sum())  # their share is 0
        people, whole = counties.total[some], float(counties.total.sum())
        after = people.sum() - np.cumsum(people)
        before = np.cumsum(people) - people
        # |s_c - 0| W_c W_idle for the counties that nobody reaches
        slope = (after - before + idle) / whole - limit
        first, second = np.triu_indices(len(some), 1)
        d = builder.add_quantities(np.full(len(first), UNITS)) if len(first) else np.empty(0, np.int64)
        for a, b, column in zip(first.tolist(), second.tolist(), d.tolist(), strict=True):
            share = [UNITS / float(people[b]), -UNITS / float(people[a])]
            pair = self.t[some[[b, a]]]
            builder.require("覆盖率之差", 0.0, y=([column], -1.0), t=(pair, share), hard=True)
        builder.require(
            f"基尼系数不超过 {limit:g}",
            1e-9 * UNITS,
            y=(d, 2.0 * people[first] * people[second] / whole**2),
            t=(self.t[some], slope * UNITS / whole),
        )

    def _exact(self) -> None:
        """Hold the cover of every county from below."""
        counties, builder = self.counties, self.builder
        classes, weights, county = merge_labelled(counties.matrix, counties.weight, counties.county)
        single = np.diff(classes.indptr) == 1
        site = classes.indices[classes.indptr[:-1]].astype(np.int64)
        e = np.full(len(weights), -1, np.int64)
        if (~single).any():
            e[~single] = builder.add_quantities(np.ones(int((~single).sum())))
        for r in np.flatnonzero(~single).tolist():
            for j in classes.indices[classes.indptr[r] : classes.indptr[r + 1]].tolist():
                builder.require("实际覆盖", 0.0, x=([j], 1.0), y=([e[r]], -1.0), hard=True)
        for c in np.unique(county).tolist():
            own = county == c
            scale = UNITS / float(counties.total[c])
            by_site = terms((site[own & single], 1.0))[0], weights[own & single] * scale
            by_class = e[own & ~single], weights[own & ~single] * scale
            builder.require("实际覆盖", 0.0, x=by_site, y=by_class, t=([self.t[c]], -scale), hard=True)


def pairs_of(counties: Counties) -> int:
    """Count the pairs of class and candidate that a Gini limit needs."""
    return int(merge_labelled(counties.matrix, counties.weight, counties.county)[0].nnz)
