"""Compiled inner loops of the covering models: plans by search, cuts, multipliers, dominance of rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled

Ints = NDArray[np.int64]
Heads = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Sparse(NamedTuple):
    """Classes and columns as compressed arrays, both ascending, for the kernels."""

    row_start: Heads
    row_column: Heads
    """Columns of class r: ``row_column[row_start[r]:row_start[r + 1]]``."""
    column_start: Heads
    column_row: Heads
    """Classes of column j: ``column_row[column_start[j]:column_start[j + 1]]``."""
    weight: Floats
    """(k,) residents of each class."""
    cost: Floats
    """(n,) cost of each column."""


class _State(NamedTuple):
    opened: Mask
    tabu: Mask
    times: Heads
    """(k,) open columns that cover each class."""
    gain: Floats
    """(n,) weight of the column's classes that no open column covers."""
    left: Floats
    """(1,) what is left of the budget."""
    random: NDArray[np.uint64]
    """(1,) state of the generator (xorshift, Marsaglia 2003)."""


@compiled
def _switch(sparse: Sparse, state: _State, j: int, on: bool) -> None:
    """Open or close a column and update counts and gains of its neighbours."""
    change, edge = (1, 1) if on else (-1, 0)
    state.opened[j] = on
    state.left[0] -= change * sparse.cost[j]
    for e in range(sparse.column_start[j], sparse.column_start[j + 1]):
        r = sparse.column_row[e]
        state.times[r] += change
        if state.times[r] == edge:
            moved = change * sparse.weight[r]
            for f in range(sparse.row_start[r], sparse.row_start[r + 1]):
                state.gain[sparse.row_column[f]] -= moved


@compiled
def _fill(sparse: Sparse, state: _State, tiny: float) -> None:
    """Open the column with the largest gain for its cost that still fits, while one gains."""
    while True:
        best, most = -1, 0.0
        for j in range(len(sparse.cost)):
            gain = state.gain[j]
            more = gain > tiny and gain > most * sparse.cost[j] and sparse.cost[j] <= state.left[0]
            if more and not state.opened[j] and not state.tabu[j]:
                best, most = j, gain / sparse.cost[j]
        if best < 0:
            return
        _switch(sparse, state, best, True)


@compiled
def _swap(sparse: Sparse, state: _State, tiny: float) -> bool:
    """Replace each open column by the best one, and fill; true where a swap was made."""
    swapped = False
    for out in range(len(sparse.cost)):
        if not state.opened[out]:
            continue
        _switch(sparse, state, out, False)
        into, most = out, state.gain[out] + tiny
        for j in range(len(sparse.cost)):
            if state.gain[j] > most and not state.opened[j] and sparse.cost[j] <= state.left[0]:
                into, most = j, state.gain[j]
        _switch(sparse, state, into, True)
        if into != out:
            swapped = True
            _fill(sparse, state, tiny)
    return swapped


@compiled
def _draw(state: _State, below: int) -> int:
    drawn = state.random[0]
    drawn ^= drawn << np.uint64(13)
    drawn ^= drawn >> np.uint64(7)
    drawn ^= drawn << np.uint64(17)
    state.random[0] = drawn
    return int((drawn >> np.uint64(11)) % np.uint64(below))


@compiled
def _shake(sparse: Sparse, state: _State) -> None:
    """Close three to five open columns by chance; half of them stay closed in the next filling."""
    chosen = np.flatnonzero(state.opened)
    for _ in range(min(len(chosen) - 1, 3 + _draw(state, 3))):
        j = chosen[_draw(state, len(chosen))]
        if state.opened[j]:
            _switch(sparse, state, j, False)
            state.tabu[j] = _draw(state, 2) == 0


@compiled
def improve(sparse: Sparse, start: Mask, budget: float, kicks: int, tiny: float) -> Mask:
    """Fill a plan by greatest gain for its cost, swap until no swap helps, then shake it ``kicks`` times.

    After a shake the plan is filled and swapped again; a worse plan is taken back (iterated local search).
    The generator always starts alike: same input, same plan. Costs > 0, ``start`` within the budget.
    """
    n, k = len(sparse.cost), len(sparse.weight)
    state = _State(
        np.zeros(n, np.bool_),
        np.zeros(n, np.bool_),
        np.zeros(k, np.int32),
        np.zeros(n),
        np.array([budget * (1.0 + 1e-12) + 1e-12]),
        np.array([88172645463325252], np.uint64),
    )
    for j in range(n):
        for e in range(sparse.column_start[j], sparse.column_start[j + 1]):
            state.gain[j] += sparse.weight[sparse.column_row[e]]
    best, most = start.copy(), -1.0
    for kick in range(kicks + 1):
        for on in (False, True):  # back to the best plan, first closing
            for j in range(n):
                if state.opened[j] != best[j] and best[j] == on:
                    _switch(sparse, state, j, on)
        if kick:
            _shake(sparse, state)
        _fill(sparse, state, tiny)
        state.tabu[:] = False
        _fill(sparse, state, tiny)
        while _swap(sparse, state, tiny):
            pass
        covered = 0.0
        for r in range(k):
            if state.times[r] > 0:
                covered += sparse.weight[r]
        if covered > most + tiny:
            most = covered
            best[:] = state.opened
    return best


class Groups(NamedTuple):
    """Classes in groups with a cut each, ordered by group: their columns and the slots of their slopes."""

    start: Ints
    """(g + 1,) first class of each group."""
    row_start: Heads
    row_column: Heads
    slot: Heads
    """(pairs,) slot of the pair's group and column; the slots of a group are in a row."""
    weight: Floats
    """(k,) scaled residents of each class."""


@compiled
def separate(groups: Groups, at: Floats, served: Mask, constant: Floats, slope: Floats) -> None:
    """Write the cut of every group that is tight at ``at``: classes served, constants, slopes by slot."""
    slope[:] = 0.0
    for g in range(len(groups.start) - 1):
        fixed = 0.0
        for r in range(groups.start[g], groups.start[g + 1]):
            cover = 0.0
            for e in range(groups.row_start[r], groups.row_start[r + 1]):
                cover += at[groups.row_column[e]]
            served[r] = cover >= 1.0 - 1e-9
            if served[r]:
                fixed += groups.weight[r]
            else:
                for e in range(groups.row_start[r], groups.row_start[r + 1]):
                    slope[groups.slot[e]] += groups.weight[r]
        constant[g] = fixed


@compiled
def gather(group_start: Ints, cut_group: Ints, served: Mask, dual: Floats) -> Floats:
    """Sum for each class the duals of the cuts of its group whose served classes do not hold it (k,)."""
    total = np.zeros(group_start[-1])
    for c in range(len(cut_group)):
        if dual[c] > 0.0:
            first = group_start[cut_group[c]]
            for i in range(group_start[cut_group[c] + 1] - first):
                if not served[c, i]:
                    total[first + i] += dual[c]
    return total


@compiled
def fractional_cover(groups: Groups, x: Floats) -> float:
    """Residents covered by the relaxation's solution ``x``: sum of w min(1, sum of x over the row)."""
    covered = 0.0
    for r in range(len(groups.weight)):
        cover = 0.0
        for e in range(groups.row_start[r], groups.row_start[r + 1]):
            cover += x[groups.row_column[e]]
        covered += groups.weight[r] * min(1.0, cover)
    return covered


@compiled
def superset_rows(sparse: Sparse) -> Ints:
    """Find for each row another whose columns it holds (k,), -1: none; of equal rows the first stays.

    A cover of the smaller row covers the larger. Short rows first; only rows of its rarest column can hold
    a row.
    """
    k = len(sparse.weight)
    inside, count = np.full(k, -1, np.int64), np.zeros(k, np.int32)
    length = sparse.row_start[1:] - sparse.row_start[:-1]
    size = sparse.column_start[1:] - sparse.column_start[:-1]
    for q in np.argsort(length, kind="mergesort"):
        if inside[q] >= 0 or length[q] == 0:
            continue
        own = sparse.row_column[sparse.row_start[q] : sparse.row_start[q + 1]]
        rarest = own[np.argmin(size[own])]
        for j in own:
            for f in range(sparse.column_start[j], sparse.column_start[j + 1]):
                count[sparse.column_row[f]] += 1
        for f in range(sparse.column_start[rarest], sparse.column_start[rarest + 1]):
            r = sparse.column_row[f]
            if r != q and count[r] == length[q] and inside[r] < 0:
                inside[r] = q
        for j in own:
            for f in range(sparse.column_start[j], sparse.column_start[j + 1]):
                count[sparse.column_row[f]] = 0
    return inside
