"""Compiled inner loops of the covering models: plans by search and by rounding, dominance of rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled

Ints = NDArray[np.int64]
Heads = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_NOISE = 0.3
"""Standard deviation of the noise on the fractions of columns."""

_MIXED = 0.7
"""Part of good plans in the fractions that are rounded."""


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
            if more and not state.opened[j]:
                best, most = j, gain / sparse.cost[j]
        if best < 0:
            return
        _switch(sparse, state, best, True)


@compiled
def swap(sparse: Sparse, state: _State, tiny: float) -> bool:
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
def draw(random: NDArray[np.uint64], below: int) -> int:
    """Draw a whole number below another; ``random`` is the state (1,) of the generator (Marsaglia 2003)."""
    drawn = random[0]
    drawn ^= drawn << np.uint64(13)
    drawn ^= drawn >> np.uint64(7)
    drawn ^= drawn << np.uint64(17)
    random[0] = drawn
    return int((drawn >> np.uint64(11)) % np.uint64(below))


@compiled
def _begin(sparse: Sparse, budget: float, random: NDArray[np.uint64]) -> _State:
    n, k = len(sparse.cost), len(sparse.weight)
    left = np.array([budget * (1.0 + 1e-12) + 1e-12])
    state = _State(np.zeros(n, np.bool_), np.zeros(k, np.int32), np.zeros(n), left, random)
    for j in range(n):
        for e in range(sparse.column_start[j], sparse.column_start[j + 1]):
            state.gain[j] += sparse.weight[sparse.column_row[e]]
    return state


@compiled
def _become(sparse: Sparse, state: _State, wanted: Mask) -> None:
    """Open the wanted columns and no others, first closing."""
    for on in (False, True):
        for j in range(len(wanted)):
            if state.opened[j] != wanted[j] and wanted[j] == on:
                _switch(sparse, state, j, on)


@compiled
def _settle(sparse: Sparse, state: _State, tiny: float) -> float:
    """Fill the plan and swap until no swap helps; the residents covered."""
    _fill(sparse, state, tiny)
    while swap(sparse, state, tiny):
        pass
    covered = 0.0
    for r in range(len(sparse.weight)):
        if state.times[r] > 0:
            covered += sparse.weight[r]
    return covered


@compiled
def fill(sparse: Sparse, start: Mask, budget: float, tiny: float) -> _State:
    """Fill a plan by greatest gain for its cost: what `swap` goes on from. ``start`` within the budget."""
    state = _begin(sparse, budget, np.ones(1, np.uint64))
    _become(sparse, state, start)
    _fill(sparse, state, tiny)
    return state


class Pool(NamedTuple):
    """Good plans, changed in place by `round_plans`."""

    plans: Floats
    """(e, n) 1 where a plan opens a column."""
    covered: Floats
    """(e,) residents that each covers; -1: none yet."""
    random: NDArray[np.uint64]


@compiled
def _draw_noise(state: _State) -> float:
    """Draw a number of mean 0 and variance 1, nearly normal: three uniform ones."""
    total = 0.0
    for _ in range(3):
        total += 2.0 * draw(state.random, 1 << 30) / float(1 << 30) - 1.0
    return total


@compiled
def _keep(pool: Pool, opened: Mask, covered: float, tiny: float) -> None:
    """Put a plan in the place of the worst, where it is better and as good as no other."""
    worst = 0
    for i in range(len(pool.covered)):
        if abs(pool.covered[i] - covered) <= tiny:
            return
        if pool.covered[i] < pool.covered[worst]:
            worst = i
    if covered > pool.covered[worst]:
        pool.covered[worst] = covered
        pool.plans[worst] = opened


@compiled
def _perturbed(state: _State, pool: Pool, fraction: Floats, key: Floats) -> None:
    """Write the fractions, mixed with two plans of the pool, with noise; -inf where all are 0."""
    filled = 0
    for i in range(len(pool.covered)):
        filled += pool.covered[i] >= 0.0
    mixed = filled == len(pool.covered) and draw(state.random, 8) > 0
    one, other = draw(state.random, len(pool.covered)), draw(state.random, len(pool.covered))
    for j in range(len(key)):
        key[j] = fraction[j]
        if mixed:
            key[j] = (1.0 - _MIXED) * fraction[j] + _MIXED / 2.0 * (pool.plans[one, j] + pool.plans[other, j])
        key[j] = key[j] + _NOISE * _draw_noise(state) if key[j] > 1e-6 else -np.inf


@compiled
def round_plans(sparse: Sparse, fraction: Floats, budget: float, plans: int, pool: Pool) -> Mask:
    """Make plans of the columns that lead after noise is added to their fractions; the best one.

    The fractions are mixed with two plans of the pool, and each plan is filled and swapped. Columns that
    neither opens come in by swaps only.
    """
    n, tiny = len(sparse.cost), 1e-9 * sparse.weight.sum()
    state = _begin(sparse, budget, pool.random)
    best, most = state.opened.copy(), -1.0
    key, wanted = np.empty(n), np.zeros(n, np.bool_)
    for _ in range(plans):
        _perturbed(state, pool, fraction, key)
        left = budget * (1.0 + 1e-12) + 1e-12
        wanted[:] = False
        for j in np.argsort(-key, kind="mergesort"):
            if key[j] > -np.inf and sparse.cost[j] <= left:
                wanted[j] = True
                left -= sparse.cost[j]
        _become(sparse, state, wanted)
        covered = _settle(sparse, state, tiny)
        _keep(pool, state.opened, covered, tiny)
        if covered > most + tiny:
            most = covered
            best[:] = state.opened
    return best


def superset_rows(sparse: Sparse, work: float = np.inf) -> Ints:
    """Find for each row another whose columns it holds (k,), -1: none; of equal rows the first stays.

    A cover of the smaller row covers the larger. Short rows first; only rows of its rarest column can hold
    a row. After so many visits of pairs the search ends, with what was found.
    """
    length = sparse.row_start[1:] - sparse.row_start[:-1]
    order, k = np.argsort(length, kind="stable"), len(length)
    inside, count = np.full(k, -1, np.int64), np.zeros(k, np.int32)
    begin, left = 0, work
    while begin < k and left > 0.0:
        begin, visits = _superset_some(sparse, order, inside, count, begin)
        left -= visits
    return inside


@compiled
def _superset_some(sparse: Sparse, order: Ints, inside: Ints, count: Heads, begin: int) -> tuple[int, int]:
    """Go on from row ``order[begin]`` for some tenths of a second: where it stopped, and visits of pairs."""
    length = sparse.row_start[1:] - sparse.row_start[:-1]
    size = sparse.column_start[1:] - sparse.column_start[:-1]
    visits = 0
    for i in range(begin, len(order)):
        q = order[i]
        if inside[q] >= 0 or length[q] == 0:
            continue
        own = sparse.row_column[sparse.row_start[q] : sparse.row_start[q + 1]]
        visits += 2 * size[own].sum()
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
        if visits > 200_000_000:
            return i + 1, visits
    return len(order), visits
