"""Compiled passes over the pairs of a cover matrix, which need no values: sums, hashes, dominance, parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled

Index = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@compiled
def sums(start: Index, index: Index, x: Floats) -> Floats:
    """Sum ``x`` over the entries of each row: the product of the 0/1 matrix with ``x``."""
    out = np.zeros(len(start) - 1)
    for r in range(len(out)):
        total = 0.0
        for e in range(start[r], start[r + 1]):
            total += x[index[e]]
        out[r] = total
    return out


@compiled
def hash_rows(start: Index, index: Index, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sum the numbers of each row's columns modulo 2**64 (Zobrist 1970)."""
    out = np.zeros(len(start) - 1, np.uint64)
    for r in range(len(out)):
        for e in range(start[r], start[r + 1]):
            out[r] += hashes[index[e]]
    return out


@compiled
def _holds(row: Index, column: int) -> bool:
    """Tell whether an ascending row has a column."""
    at = np.searchsorted(row, column)
    return bool(at < len(row) and row[at] == column)


@compiled
def dominated(row_start: Index, row_column: Index, start: Index, row: Index, cost: Floats) -> Mask:
    """Find columns whose classes another covers at no higher cost (n,); of equal columns the first stays.

    A column that dominates ``j`` covers all classes of ``j``: the columns of its rarest class are tried
    against one class after the other, and nearly all fail within a few.
    """
    n = len(cost)
    out, alive = np.zeros(n, np.bool_), np.empty(n, np.int64)
    for j in range(n):
        size = start[j + 1] - start[j]
        if size == 0:
            continue
        rarest = row[start[j]]
        for e in range(start[j], start[j + 1]):
            if row_start[row[e] + 1] - row_start[row[e]] < row_start[rarest + 1] - row_start[rarest]:
                rarest = row[e]
        many = 0
        for f in range(row_start[rarest], row_start[rarest + 1]):
            other = row_column[f]
            more = start[other + 1] - start[other] - size
            if cost[other] <= cost[j] and (more > 0 or (more == 0 and (cost[other] < cost[j] or other < j))):
                alive[many] = other
                many += 1
        for e in range(start[j], start[j + 1]):
            own, kept = row_column[row_start[row[e]] : row_start[row[e] + 1]], 0
            for i in range(many):
                if _holds(own, alive[i]):
                    alive[kept] = alive[i]
                    kept += 1
            many = kept
            if many == 0:
                break
        out[j] = many > 0
    return out


@compiled
def component_count(start: Index, index: Index, n: int) -> int:
    """Count the parts into which rows join the columns that are in some row (union-find, path halving)."""
    above, used = np.arange(n), np.zeros(n, np.bool_)
    for r in range(len(start) - 1):
        for e in range(start[r], start[r + 1]):
            used[index[e]] = True
            one, other = np.int64(index[start[r]]), np.int64(index[e])
            while above[one] != one:
                above[one] = above[above[one]]
                one = above[one]
            while above[other] != other:
                above[other] = above[above[other]]
                other = above[other]
            above[max(one, other)] = min(one, other)
    count = 0
    for j in range(n):
        count += used[j] and above[j] == j
    return count
