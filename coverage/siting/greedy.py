"""Good plans at once: greedy addition, swaps, and the rounding of fractional plans, on a reduced instance."""

from __future__ import annotations

import time

import numpy as np

from .cover_kernels import small_cover
from .kernels import Pool, Sparse, fill, round_plans, swap
from .pair_kernels import sums
from .reduce import Floats, Instance, Mask

_ELITE = 5
"""Plans that are kept to be mixed."""

_SWEEPS = 8
"""Times that a plan opens or closes each of its columns, as a rule, while it is swapped."""

_COVER_FRACTION = 0.2
_STEPS_PER_PLAN = 500
"""Covers are looked for from columns with so large fractions, by so many steps for each plan asked for: one
long run finds more than several short ones, since the weights of its rows learn."""


def sparse_of(instance: Instance) -> Sparse:
    """Give an instance to the kernels."""
    rows, columns = instance.rows, instance.columns
    return Sparse(
        rows.indptr.astype(np.int32, copy=False),
        rows.indices.astype(np.int32, copy=False),
        columns.indptr.astype(np.int32, copy=False),
        columns.indices.astype(np.int32, copy=False),
        np.ascontiguousarray(instance.weight, np.float64),
        np.ascontiguousarray(instance.cost, np.float64),
    )


def search(instance: Instance, start: Mask | None = None, deadline: float = np.inf) -> Mask:
    """Fill a plan up to the budget by greatest gain for its cost, then swap until no single swap helps.

    Greedy alone is within 1 - 1/e of the optimum where all columns cost the same (Nemhauser, Wolsey and
    Fisher 1978).

    Parameters
    ----------
    instance
        With n columns.
    start
        (n,) columns open at the beginning, within the budget.
    deadline
        On the clock ``time.monotonic``, when the swaps end.

    Returns
    -------
    opened
        (n,) the open columns; useless ones stay closed.
    """
    opened = np.zeros(instance.n_columns, bool) if start is None else start
    if instance.budget <= 0 or instance.n_columns == 0:
        return np.zeros(instance.n_columns, bool)
    tiny = 1e-9 * float(instance.weight.sum())
    sparse = sparse_of(instance)
    state = fill(sparse, opened, float(instance.budget), tiny)
    while time.monotonic() < deadline and swap(sparse, state, tiny):
        pass
    return state.opened


def value(instance: Instance, opened: Mask) -> float:
    """Residents covered by the open columns and the base."""
    served = sums(instance.rows.indptr, instance.rows.indices, opened.astype(np.float64)) > 0
    return instance.base + float(instance.weight[served].sum())


def affordable_plans(instance: Instance, most: int, work: float) -> int:
    """Tell how many plans may be made by rounding, at least one, for so many visits of pairs."""
    pairs = float(instance.rows.nnz)
    enough = 2.0 * instance.n_rows / (pairs / instance.n_columns)  # columns that may cover all classes
    swapped = min(instance.n_columns, instance.budget / float(instance.cost.min()), enough)
    visits = _SWEEPS * swapped * (pairs / instance.n_columns) * (pairs / instance.n_rows)
    return int(np.clip(work / max(visits, 1.0), 1, most))


def new_pool(n_columns: int) -> Pool:
    """Begin a search by rounding."""
    return Pool(
        np.zeros((_ELITE, n_columns)), np.full(_ELITE, -1.0), np.array([88172645463325252], np.uint64)
    )


def round_plan(instance: Instance, fraction: Floats, plans: int, pool: Pool) -> Mask:
    """Round a fractional plan so many times: (n,) the best of the plans.

    The fractions, mixed with two of the best plans so far, get noise; the columns that then lead are opened,
    and the plan is filled and swapped. Mixed with good plans the rounding finds in a second what restarts
    from the best plan alone did not find in five.
    """
    if instance.budget <= 0 or instance.n_columns == 0:
        return np.zeros(instance.n_columns, bool)
    return round_plans(sparse_of(instance), fraction, float(instance.budget), plans, pool)


def round_cover(instance: Instance, fraction: Floats, plans: int, pool: Pool) -> Mask:
    """Complete the columns with large fractions to a cover, and search from there: the cheapest (n,)."""
    steps = 1 + _STEPS_PER_PLAN * plans
    return small_cover(sparse_of(instance), fraction >= _COVER_FRACTION, steps, pool.random)


def complete_cover(instance: Instance, start: Mask, _: float = np.inf) -> Mask:
    """Open columns until all classes are covered (n,), and look a little for cheaper covers."""
    if not instance.n_rows:
        return np.zeros(instance.n_columns, bool)
    return small_cover(sparse_of(instance), start, 1, new_pool(0).random)


def even_prices(instance: Instance) -> Floats:
    """Price every class such that no column's classes cost more than the column (k,), for a first bound.

    From 0 all classes of a column share what it costs; each class takes the least of the shares.
    """
    size = np.diff(instance.columns.indptr)
    share = instance.cost / np.maximum(size, 1)
    if not instance.n_rows:
        return np.empty(0)
    return np.asarray(
        np.minimum.reduceat(share[instance.rows.indices], instance.rows.indptr[:-1]), np.float64
    )
