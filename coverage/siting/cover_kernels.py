"""Search for small covers: row weighting local search (Gao, Weise and Li 2015), compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled
from .kernels import Floats, Heads, Ints, Mask, Sparse, draw


class _Cover(NamedTuple):
    opened: Mask
    allowed: Mask
    """(n,) columns that may open: something near them changed since they were closed."""
    score: Floats
    """(n,) weight of the rows that a closed column would add, or that only this open column covers."""
    price: Floats
    """(k,) weight of each row: it grows while the row is uncovered."""
    times: Heads
    stamp: Ints
    """(n,) step of the last change."""
    left: Ints
    """(k,) uncovered rows first, and (k,) the place of each."""
    place: Ints
    number: Ints
    """(1,) uncovered rows."""


@compiled
def _uncover(cover: _Cover, r: int, on: bool) -> None:
    """Put a row on the list of uncovered rows, or take it off."""
    if on:
        cover.left[cover.number[0]] = r
        cover.place[r] = cover.number[0]
        cover.number[0] += 1
    else:
        cover.number[0] -= 1
        last = cover.left[cover.number[0]]
        cover.left[cover.place[r]] = last
        cover.place[last] = cover.place[r]


@compiled
def _turn(sparse: Sparse, cover: _Cover, j: int, on: bool) -> None:
    """Open or close a column and update the scores around it."""
    cover.opened[j] = on
    cover.score[j] = 0.0
    for e in range(sparse.column_start[j], sparse.column_start[j + 1]):
        r = sparse.column_row[e]
        before = cover.times[r]
        cover.times[r] += 1 if on else -1
        many = before if on else before - 1  # others that cover the row
        if many == 0:
            _uncover(cover, r, not on)
            cover.score[j] += cover.price[r]
        for f in range(sparse.row_start[r], sparse.row_start[r + 1]):
            other = sparse.row_column[f]
            if other == j:
                continue
            cover.allowed[other] = True
            if many == 0 or (many == 1 and cover.opened[other]):
                cover.score[other] += -cover.price[r] if on else cover.price[r]
    if not on:
        cover.allowed[j] = False


@compiled
def _cheapest(sparse: Sparse, cover: _Cover, but: int) -> int:
    """Find the open column that loses least for its cost, the oldest of equals; -1 where there is none."""
    best, least = -1, np.inf
    for j in range(len(sparse.cost)):
        if cover.opened[j] and j != but:
            rank = cover.score[j] / sparse.cost[j]
            if rank < least or (rank == least and cover.stamp[j] < cover.stamp[best]):
                best, least = j, rank
    return best


@compiled
def _most(sparse: Sparse, cover: _Cover, r: int) -> int:
    """Find the column of an uncovered row that adds most for its cost, the oldest of equals."""
    best, most = -1, -1.0
    for f in range(sparse.row_start[r], sparse.row_start[r + 1]):
        j = sparse.row_column[f]
        if cover.allowed[j]:
            rank = cover.score[j] / sparse.cost[j]
            if rank > most or (rank == most and cover.stamp[j] < cover.stamp[best]):
                best, most = j, rank
    return best


@compiled
def _complete(sparse: Sparse, cover: _Cover) -> float:
    """Open the columns that add most for their cost until all rows are covered; the cost of the cover."""
    while cover.number[0]:
        best, most = -1, 0.0
        for j in range(len(sparse.cost)):
            if not cover.opened[j] and cover.score[j] / sparse.cost[j] > most:
                best, most = j, cover.score[j] / sparse.cost[j]
        _turn(sparse, cover, best, True)
    total = 0.0
    for j in range(len(sparse.cost)):
        if cover.opened[j]:
            total += sparse.cost[j]
    return total


@compiled
def _begin(sparse: Sparse, start: Mask) -> _Cover:
    n, k = len(sparse.cost), len(sparse.row_start) - 1
    cover = _Cover(
        np.zeros(n, np.bool_),
        np.ones(n, np.bool_),
        np.zeros(n),
        np.ones(k),
        np.zeros(k, np.int32),
        np.zeros(n, np.int64),
        np.arange(k),
        np.arange(k),
        np.array([k]),
    )
    for j in range(n):
        cover.score[j] = sparse.column_start[j + 1] - sparse.column_start[j]
    for j in range(n):
        if start[j]:
            _turn(sparse, cover, j, True)
    return cover


@compiled
def small_cover(sparse: Sparse, start: Mask, steps: int, random: NDArray[np.uint64]) -> Mask:
    """Complete a cover of all rows and look for cheaper ones: (n,) the columns. No row is empty, costs > 0.

    Each step closes the open column that loses least, then opens the best column of an uncovered row drawn by
    chance while the plan stays cheaper than the best cover; rows left uncovered become heavier. The generator
    (xorshift, Marsaglia 2003) has its state in ``random`` (1,).
    """
    cover = _begin(sparse, start)
    total = _complete(sparse, cover)
    best, least = cover.opened.copy(), total
    for step in range(1, steps + 1):
        while cover.number[0] == 0:
            if total < least - 1e-9 or step == 1:
                least = min(total, least)
                best[:] = cover.opened
            j = _cheapest(sparse, cover, -1)
            if j < 0:
                return best
            _turn(sparse, cover, j, False)
            cover.stamp[j] = step
            total -= sparse.cost[j]
        j = _cheapest(sparse, cover, -1)
        if j >= 0:
            _turn(sparse, cover, j, False)
            cover.stamp[j] = step
            total -= sparse.cost[j]
        while cover.number[0]:
            r = cover.left[draw(random, cover.number[0])]
            j = _most(sparse, cover, r)
            if j < 0 or total + sparse.cost[j] >= least - 1e-9:
                break
            _turn(sparse, cover, j, True)
            cover.stamp[j] = step
            total += sparse.cost[j]
        for i in range(cover.number[0]):
            r = cover.left[i]
            cover.price[r] += 1.0
            for f in range(sparse.row_start[r], sparse.row_start[r + 1]):
                cover.score[sparse.row_column[f]] += 1.0
    if cover.number[0] == 0 and total < least - 1e-9:
        best[:] = cover.opened
    return best
