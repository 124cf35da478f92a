"""Reductions of set covering, again and again: superset rows, dominated columns, columns that must open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .certificate import Step
from .greedy import sparse_of
from .kernels import superset_rows
from .reduce import LOST, SERVED, Instance, Mask, dominated_columns, restrict

_ROUNDS = 20

_WORK = 2e9
"""Visits of pairs in search of superset rows, each round: some seconds; without an end on millions."""


def reduce_set_cover(instance: Instance) -> tuple[Instance, list[Step], dict[str, int]]:
    """Reduce a set covering problem until nothing changes (Toregas and ReVelle 1973).

    Returns
    -------
    instance, steps, counts
        ``weight`` and ``base`` of the instance mean nothing any more. Rows of the steps are rows of the
        input, all of each class that went.
    """
    steps: list[Step] = []
    counts = {"rows_superset": 0, "candidates_dominated": 0, "candidates_essential": 0}
    for _ in range(_ROUNDS):
        before = instance
        instance = _drop_columns(instance, steps, counts)
        instance = _drop_rows(instance, steps, counts)
        instance = _open_essential(instance, steps, counts)
        if instance is before:
            break
    return instance, steps, counts


def _drop_columns(instance: Instance, steps: list[Step], counts: dict[str, int]) -> Instance:
    unused = np.diff(instance.columns.indptr) == 0
    gone = dominated_columns(instance) | unused
    if not gone.any():
        return instance
    steps.append(Step("candidates", instance.position[gone], np.empty(0, np.int64)))
    counts["candidates_dominated"] += int(gone.sum())
    return restrict(instance, opened=np.zeros_like(gone), closed=gone)


def _drop_rows(instance: Instance, steps: list[Step], counts: dict[str, int]) -> Instance:
    if not instance.n_rows:
        return instance
    inside = superset_rows(sparse_of(instance), _WORK)
    gone = inside >= 0
    if not gone.any():
        return instance
    rows = np.flatnonzero(instance.origin >= 0)
    first = np.empty(instance.n_rows, np.int64)
    first[instance.origin[rows[::-1]]] = rows[::-1]
    what = rows[gone[instance.origin[rows]]]
    steps.append(Step("rows", what, first[inside[instance.origin[what]]]))
    counts["rows_superset"] += int(gone.sum())
    return keep_rows(instance, ~gone)


def _open_essential(instance: Instance, steps: list[Step], counts: dict[str, int]) -> Instance:
    alone = np.diff(instance.rows.indptr) == 1
    if not alone.any():
        return instance
    only = np.unique(instance.rows.indices[instance.rows.indptr[:-1][alone]])
    opened = np.zeros(instance.n_columns, bool)
    opened[only] = True
    steps.append(Step("open", instance.position[opened], np.empty(0, np.int64)))
    counts["candidates_essential"] += len(only)
    return restrict(instance, opened=opened, closed=np.zeros_like(opened))


def keep_rows(instance: Instance, kept: Mask) -> Instance:
    """Keep some classes; rows of the input in the others are no longer in any."""
    rows = instance.rows[kept]
    place = np.where(kept, np.cumsum(kept) - 1, SERVED)
    return replace(
        instance,
        rows=rows,
        columns=type(rows)(rows.T.tocsr()),
        weight=instance.weight[kept],
        origin=np.r_[place, LOST, SERVED][instance.origin],
    )
