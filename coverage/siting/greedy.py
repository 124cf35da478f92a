"""Good plans at once: greedy addition and swap local search on a reduced instance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .reduce import Floats, Instance, Mask, Positions, ranges

_PASSES = 50
"""Passes of the local search over the open columns; more than this was never seen to be needed."""


@dataclass
class _State:
    """The working state of one search: never leaves this module."""

    instance: Instance
    count: Positions
    """(k,) open columns that cover each class."""
    gain: Floats
    """(n,) residents that a column would add: weight of its classes that no open column covers."""
    open: Mask
    """(n,) the open columns."""

    def switch(self, column: int, *, on: bool) -> None:
        """Open or close one column and update the counts and gains of its neighbours."""
        instance = self.instance
        covered = slice(instance.columns.indptr[column], instance.columns.indptr[column + 1])
        rows = instance.columns.indices[covered]
        self.open[column] = on
        self.count[rows] += 1 if on else -1
        changed = rows[self.count[rows] == (1 if on else 0)]
        self.gain += (-1.0 if on else 1.0) * self.shares(changed)

    def shares(self, rows: Positions) -> Floats:
        """Sum the weight of some classes by column (n,)."""
        rows_of = self.instance.rows
        size = np.diff(rows_of.indptr)[rows]
        columns = rows_of.indices[ranges(rows_of.indptr[rows], size)]
        weight = np.repeat(self.instance.weight[rows], size)
        return np.asarray(np.bincount(columns, weight, minlength=self.instance.n_columns), np.float64)

    def best(self) -> int:
        """Find the closed column with the largest gain; the first of equals."""
        return int(np.argmax(np.where(self.open, -1.0, self.gain)))


def _start(instance: Instance, opened: Mask) -> _State:
    count = (instance.rows @ opened.astype(np.float64)).astype(np.int64)
    gain = instance.columns @ np.where(count == 0, instance.weight, 0.0)
    return _State(instance, count, gain, opened.copy())


def search(instance: Instance, start: Mask | None = None) -> Mask:
    """Fill a plan up to ``p`` columns by greatest gain, then swap until no single swap helps.

    Greedy alone is within 1 - 1/e of the optimum (Nemhauser, Wolsey and Fisher 1978).

    Parameters
    ----------
    instance
        With n columns.
    p
        Columns to open at most; useless ones stay closed.
    start
        (n,) columns open at the beginning, at most ``p``.

    Returns
    -------
    opened
        (n,) the open columns.
    """
    p = instance.sites
    if p <= 0 or instance.n_columns == 0:
        return np.zeros(instance.n_columns, bool)
    state = _start(instance, np.zeros(instance.n_columns, bool) if start is None else start)
    tiny = 1e-9 * float(instance.weight.sum())
    _fill(state, p, tiny)
    for _ in range(_PASSES):
        if not _swap(state, tiny):
            break
        _fill(state, p, tiny)
    return state.open


def _fill(state: _State, p: int, tiny: float) -> None:
    """Open the best columns one by one while they add anything."""
    for _ in range(p - int(state.open.sum())):
        column = state.best()
        if state.open[column] or state.gain[column] <= tiny:
            break
        state.switch(column, on=True)


def _swap(state: _State, tiny: float) -> bool:
    """Try to replace each open column by a better one; true where at least one swap was made."""
    swapped = False
    for column in np.flatnonzero(state.open).tolist():
        state.switch(column, on=False)
        other = state.best()
        better = state.gain[other] > state.gain[column] + tiny
        state.switch(other if better else column, on=True)
        swapped = swapped or bool(better)
    return swapped


def value(instance: Instance, opened: Mask) -> float:
    """Residents covered by the open columns and the base."""
    served = instance.rows @ opened.astype(np.float64) > 0
    return instance.base + float(instance.weight[served].sum())
