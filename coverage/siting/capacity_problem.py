"""Capacitated problems as arrays, and bounds on them by arithmetic alone.

Residents of class ``r`` are divided over open sites: ``f_rj`` of them go to site ``j``::

    max   sum_rj gain_rj f_rj
    s.t.  sum_j f_rj <= w_r            for every class (= w_r where all must be served)
          sum_r f_rj <= cap_j x_j      for every site
          0 <= f_rj <= w_r x_j         for every pair
          cost @ x <= budget,  side @ x <= limit,  x in {0, 1}

With a price ``v_r`` on each class and ``mu_i >= 0`` on each side constraint the relaxation falls apart into a
continuous knapsack ``K_j(v)`` per site (`capacity_kernels.site_worths`), and no plan is worth more than::

    sum_r v_r w_r + mu @ limit + max { sum_j x_j (K_j(v) - (mu @ side)_j) : cost @ x <= budget }

(Lagrangian relaxation; Geoffrion 1974; for capacities Pirkul and Schilling 1991). At the best prices this is
the linear relaxation with ``f_rj <= w_r x_j``, the strong one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from .bounds import knapsack
from .capacity_kernels import Arcs, site_worths
from .program import ProgramBuilder
from .reduce import Floats, Mask
from .rules import Rules, add_site_rules

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Prices:
    """Multipliers of a relaxation; whatever they are, they prove a bound."""

    row: Floats
    """(k,) price of serving a resident of each class; >= 0 unless all must be served."""
    side: Floats
    """(q,) price of each side constraint, >= 0."""


@dataclass(frozen=True)
class Bounded:
    """What prices prove of the plans of a node."""

    value: float
    """No plan is worth more."""
    if_opened: Floats
    if_closed: Floats
    """(n,) nor any in which one more site is open, or closed."""


@dataclass(frozen=True)
class Problem:
    """A capacitated problem of k classes and n sites, to be maximised."""

    arcs: Arcs
    cost: Floats
    """(n,) > 0."""
    budget: float
    side: csr_array
    """(q, n) coefficients of the further constraints on sites."""
    limit: Floats
    """(q,)."""
    forced: Mask
    forbidden: Mask
    cover: bool = True
    """All gains are 1: the largest number of residents served."""
    everybody: bool = False
    """All residents must be served."""
    whole: bool = False
    """Weights, capacities and gains are whole numbers, so plans differ by at least 1."""

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return len(self.cost)

    @property
    def residents(self) -> float:
        """Residents of all classes."""
        return float(self.arcs.weight.sum())

    def allows(self, opened: Mask) -> bool:
        """Tell whether sites meet the constraints on sites."""
        if (self.forced & ~opened).any() or (self.forbidden & opened).any():
            return False
        fits = float(self.cost[opened].sum()) <= self.budget + _ROUNDING * max(1.0, self.budget)
        over = self.side @ opened.astype(np.float64) - self.limit
        return fits and bool((over <= _ROUNDING * np.maximum(1.0, np.abs(self.limit))).all())

    def served_only(self) -> Problem:
        """Give the same problem where only the number of residents served counts."""
        one = self.arcs._replace(gain=np.ones_like(self.arcs.gain))
        return replace(self, arcs=one, cover=True, everybody=False)


def arcs_of(rows: csr_array, weight: Floats, capacity: Floats, gain: Floats | None = None) -> Arcs:
    """Bring classes with residents into both orders.

    Parameters
    ----------
    rows
        (k, n) canonical; its values are the gains where ``gain`` is not given.
    capacity
        (n,) >= 0; of it, what the residents within reach can fill is taken.
    """
    count = csr_array((np.arange(rows.nnz, dtype=np.float64), rows.indices, rows.indptr), shape=rows.shape)
    turned = csr_array(count.T.tocsr())
    from_row = turned.data.astype(np.int64)
    pair = np.empty(rows.nnz, np.int64)
    pair[from_row] = np.arange(rows.nnz)
    within = np.bincount(rows.indices, np.repeat(weight, np.diff(rows.indptr)), minlength=rows.shape[1])
    return Arcs(
        rows.indptr.astype(np.int64),
        rows.indices.astype(np.int32),
        pair,
        turned.indptr.astype(np.int64),
        turned.indices.astype(np.int32),
        (rows.data if gain is None else gain)[from_row].astype(np.float64),
        np.ascontiguousarray(weight, np.float64),
        np.minimum(capacity, within).astype(np.float64),
    )


def site_rules(rules: Rules | None, n_sites: int) -> tuple[csr_array, Floats, ProgramBuilder]:
    """Turn rules on sites into rows ``side @ x <= limit``, and a program with nothing else."""
    builder = ProgramBuilder(n_sites)
    if rules is not None:
        if rules.minimums:
            raise ValueError("capacitated models take no minimum of cover; give quotas, budgets or sets")
        add_site_rules(builder, rules)
    program = builder.build()
    return csr_array(program.side[:, :n_sites]), program.limit, builder


def capacities_of(capacity: ArrayLike, n_sites: int) -> Floats:
    """Check capacities (n,): numbers >= 0, or ``inf`` for as many as come; one number holds for all.

    Raises
    ------
    ValueError
        They are of another number, negative, or NaN.
    """
    given = np.asarray(capacity, np.float64)
    able = np.full(n_sites, float(given)) if given.ndim == 0 else given
    if able.shape != (n_sites,) or not (able >= 0).all():
        raise ValueError(f"capacity must be one number >= 0, or {n_sites} of them")
    return np.array(able)


def bound_of(problem: Problem, prices: Prices, opened: Mask, closed: Mask) -> Bounded:
    """Bound every plan with some sites open and others closed from above, whatever the prices."""
    n = problem.n_sites
    low = problem.side.minimum(0.0) @ (~closed).astype(np.float64) + problem.side.maximum(0.0) @ opened
    left = problem.budget - float(problem.cost[opened].sum())
    over = low - problem.limit > 2 * _ROUNDING * np.maximum(1.0, np.abs(problem.limit))
    if left < -2 * _ROUNDING * max(1.0, problem.budget) or over.any():
        return Bounded(-np.inf, np.full(n, -np.inf), np.full(n, -np.inf))
    worth = site_worths(problem.arcs, prices.row, np.zeros(n), np.zeros(len(prices.row)))
    worth = worth - problem.side.T @ prices.side
    dear = problem.cost > left + 2 * _ROUNDING * max(1.0, left)
    free = ~(opened | closed)
    useful = free & ~dear & (worth > 0.0)
    inside, last, following = knapsack(worth, problem.cost, useful, left)
    fixed = float(prices.row @ problem.arcs.weight + prices.side @ problem.limit + worth[opened].sum())
    value = fixed + inside
    if_opened = value + np.minimum(worth - last * problem.cost, 0.0)
    if_opened[dear] = -np.inf
    if_closed = value - np.maximum(worth - following * problem.cost, 0.0)
    if_closed[dear] = value
    return Bounded(value, if_opened, if_closed)
