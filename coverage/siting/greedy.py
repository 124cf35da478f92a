"""Good plans at once: greedy addition, swap local search and shakes on a reduced instance."""

from __future__ import annotations

import numpy as np

from .cover_kernels import small_cover
from .kernels import Sparse, improve
from .reduce import Floats, Instance, Mask

KICKS = 200
"""Shakes of the first plan; the prototype's 300 found nothing more on the benchmark's instances."""

_STEPS_PER_KICK = 250
"""Steps of the search for small covers that count as one shake."""


def sparse_of(instance: Instance) -> Sparse:
    """Give an instance to the kernels."""
    rows, columns = instance.rows, instance.columns
    return Sparse(
        rows.indptr.astype(np.int32),
        rows.indices.astype(np.int32),
        columns.indptr.astype(np.int32),
        columns.indices.astype(np.int32),
        np.ascontiguousarray(instance.weight, np.float64),
        np.ascontiguousarray(instance.cost, np.float64),
    )


def search(instance: Instance, start: Mask | None = None, *, kicks: int = 0) -> Mask:
    """Fill a plan up to the budget by greatest gain for its cost, then swap until no single swap helps.

    Greedy alone is within 1 - 1/e of the optimum where all columns cost the same (Nemhauser, Wolsey and
    Fisher 1978).

    Parameters
    ----------
    instance
        With n columns.
    start
        (n,) columns open at the beginning, within the budget.
    kicks
        Shakes of the plan, each followed by filling and swaps.

    Returns
    -------
    opened
        (n,) the open columns; useless ones stay closed.
    """
    opened = np.zeros(instance.n_columns, bool) if start is None else start
    if instance.budget <= 0 or instance.n_columns == 0:
        return np.zeros(instance.n_columns, bool)
    tiny = 1e-9 * float(instance.weight.sum())
    return improve(sparse_of(instance), opened, float(instance.budget), kicks, tiny)


def value(instance: Instance, opened: Mask) -> float:
    """Residents covered by the open columns and the base."""
    served = instance.rows @ opened.astype(np.float64) > 0
    return instance.base + float(instance.weight[served].sum())


def rounded(instance: Instance, fraction: Floats) -> Mask:
    """Open the columns with the largest fractions, at least 0.3, while the budget lasts (n,)."""
    first = np.argsort(-fraction, kind="stable")
    first = first[fraction[first] >= 0.3]
    opened, left = np.zeros(instance.n_columns, bool), instance.budget * (1.0 + 1e-12)
    for column in first.tolist():
        if instance.cost[column] <= left:
            opened[column] = True
            left -= float(instance.cost[column])
    return opened


def complete_cover(instance: Instance, start: Mask, kicks: int = 0) -> Mask:
    """Open columns until all classes are covered (n,); with kicks, look for cheaper covers."""
    if not instance.n_rows:
        return np.zeros(instance.n_columns, bool)
    return small_cover(sparse_of(instance), start, 1 + _STEPS_PER_KICK * kicks)


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
