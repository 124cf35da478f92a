"""Reductions of a covering problem: the same optimum on fewer rows and columns, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]

_BLOCK = 4096
"""Classes compared at once when dominance is checked; with ``_PAIRS`` it bounds the memory."""

_PAIRS = 1 << 16
"""Pairs of columns compared at once."""

SERVED, LOST = -1, -2
"""Rows of the input in no class: an opened candidate covers them or they weigh nothing; none can."""


@dataclass(frozen=True)
class Instance:
    """A covering problem of k demand classes and n columns (candidates that may still be opened)."""

    rows: csr_array
    """(k, n) 0/1 matrix, canonical: the columns that cover each class; no row is empty."""
    columns: csr_array
    """(n, k) its transpose: the classes that each column covers."""
    weight: Floats
    """(k,) residents of each class, > 0."""
    position: Positions
    """(n,) the candidate that each column stands for, ascending."""
    chosen: Positions
    """Candidates opened for good, ascending; what they cover is ``base`` and no longer among the classes."""
    base: float
    """Residents covered by ``chosen``."""
    budget: float
    """What the columns that are still opened may cost in sum; where all cost 1, their number."""
    cost: Floats
    """(n,) cost of each column, > 0."""
    origin: Positions
    """(m,) class of each row of the input; `SERVED` or `LOST` where it is in none."""

    @property
    def n_rows(self) -> int:
        """Number of demand classes."""
        return len(self.weight)

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.position)


def cover_matrix(indptr: NDArray[np.integer], indices: NDArray[np.integer], n_candidates: int) -> csr_array:
    """Build the canonical 0/1 matrix (rows × candidates) from CSR arrays; duplicates count once.

    Raises
    ------
    ValueError
        The arrays are not a CSR structure with columns in ``0..n_candidates-1``.
    """
    indptr, indices = np.array(indptr, np.int64), np.array(indices, np.int64)
    if indptr.ndim != 1 or not len(indptr) or indptr[0] != 0 or (np.diff(indptr) < 0).any():
        raise ValueError("indptr must start at 0 and not fall")
    if indptr[-1] != len(indices):
        raise ValueError(f"indptr ends at {indptr[-1]}, but there are {len(indices)} indices")
    if len(indices) and (indices.min() < 0 or indices.max() >= n_candidates):
        raise ValueError(f"indices must lie in 0..{n_candidates - 1}")
    matrix = csr_array((np.ones(len(indices)), indices, indptr), shape=(len(indptr) - 1, n_candidates))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def reduce_cover(
    matrix: csr_array,
    weight: Floats,
    *,
    budget: float,
    forced: Mask,
    forbidden: Mask,
    cost: Floats | None = None,
) -> tuple[Instance, dict[str, int]]:
    """Reduce a covering problem and count what each step removed.

    Parameters
    ----------
    matrix
        (m, n) from ``cover_matrix``.
    weight
        (m,) residents of each row, >= 0.
    budget
        What the candidates that are opened may cost in sum, the forced ones among them.
    forced, forbidden
        (n,) candidates that are opened in any case, or never.
    cost
        (n,) cost of each candidate, > 0 unless forced or forbidden; 1 without.

    Returns
    -------
    instance, counts
        Rows without weight, without any candidate, or covered by a forced candidate are gone; rows with the
        same candidates are merged; candidates whose rows another candidate, no dearer, covers too are gone
        (an optimum without them exists). ``counts`` names each step.
    """
    positive = weight > 0
    reachable = matrix @ (~forbidden).astype(np.float64) > 0
    keep = positive & reachable
    served = int((matrix[keep] @ forced.astype(np.float64) > 0).sum())
    whole = Instance(
        rows=matrix[keep],
        columns=csr_array(matrix.shape[::-1]),
        weight=weight[keep],
        position=np.arange(matrix.shape[1], dtype=np.int64),
        chosen=np.empty(0, np.int64),
        base=0.0,
        budget=float(budget),
        cost=np.ones(matrix.shape[1]) if cost is None else cost,
        origin=np.where(keep, np.cumsum(keep) - 1, np.where(positive, LOST, SERVED)),
    )
    merged = restrict(whole, opened=forced, closed=forbidden)
    unused = np.diff(merged.columns.indptr) == 0
    dominated = dominated_columns(merged) & ~unused
    instance = restrict(merged, opened=np.zeros_like(unused), closed=dominated | unused)
    return instance, {
        "rows": matrix.shape[0],
        "candidates": matrix.shape[1],
        "rows_without_weight": int((~positive).sum()),
        "rows_without_candidate": int((positive & ~reachable).sum()),
        "rows_served_by_forced": served,
        "rows_merged": int(keep.sum()) - served - instance.n_rows,
        "candidates_useless": int(unused.sum()),
        "candidates_dominated": int(dominated.sum()),
        "rows_left": instance.n_rows,
        "candidates_left": instance.n_columns,
        "components": count_components(instance),
    }


def restrict(instance: Instance, *, opened: Mask, closed: Mask) -> Instance:
    """Open some columns for good (their classes move to ``base``), close others, and merge rows again."""
    served = instance.rows @ opened.astype(np.float64) > 0
    left = np.flatnonzero(~(opened | closed))
    matrix = instance.rows[~served][:, left]
    covered = np.diff(matrix.indptr) > 0
    rows, weight, group = merge_rows(matrix[covered], instance.weight[~served][covered])
    place = np.full(instance.n_rows, SERVED, np.int64)
    place[~served] = LOST
    place[np.flatnonzero(~served)[covered]] = group
    return Instance(
        rows=rows,
        columns=csr_array(rows.T.tocsr()),
        weight=weight,
        position=instance.position[left],
        chosen=np.sort(np.r_[instance.chosen, instance.position[opened]]),
        base=instance.base + float(instance.weight[served].sum()),
        budget=instance.budget - float(instance.cost[opened].sum()),
        cost=instance.cost[left],
        origin=np.r_[place, LOST, SERVED][instance.origin],
    )


def merge_rows(matrix: csr_array, weight: Floats) -> tuple[csr_array, Floats, Positions]:
    """Merge rows with the same columns: the merged rows, the sums of their weights, and (m,) the row of each.

    Rows are grouped by a 128-bit hash of their columns and then compared entry by entry with the first of
    their group; a row that differs (its hash collided) stays alone. No row may be empty.
    """
    if matrix.shape[0] < 2:
        return matrix, weight, np.arange(matrix.shape[0], dtype=np.int64)
    random = np.random.default_rng(1).integers(1, 2**63, (2, matrix.shape[1]), dtype=np.uint64)
    first, second = (np.add.reduceat(hashes[matrix.indices], matrix.indptr[:-1]) for hashes in random)
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    new = np.r_[True, (first[1:] != first[:-1]) | (second[1:] != second[:-1])]
    group = np.cumsum(new) - 1
    leader = order[new]
    alone = np.flatnonzero(~_rows_equal(matrix, order, leader[group]))
    group[alone] = len(leader) + np.arange(len(alone))
    member = np.empty(len(order), np.int64)
    member[order] = group
    merged = matrix[np.r_[leader, order[alone]]]
    return merged, np.bincount(member, weight).astype(np.float64), member


def _rows_equal(matrix: csr_array, left: Positions, right: Positions) -> Mask:
    """Compare rows pairwise, entry by entry: (len(left),) true where the sets of columns are the same."""
    length = np.diff(matrix.indptr)
    equal: Mask = length[left] == length[right]
    pairs = np.flatnonzero(equal & (left != right))
    size = length[left[pairs]].astype(np.int64)
    same = (
        matrix.indices[ranges(matrix.indptr[left[pairs]], size)]
        == matrix.indices[ranges(matrix.indptr[right[pairs]], size)]
    )
    different = np.unique(np.repeat(pairs, size)[~same])
    equal[different] = False
    return equal


def ranges(start: NDArray[np.integer], length: NDArray[np.integer]) -> Positions:
    """Concatenate the integer ranges ``start[i] .. start[i] + length[i] - 1``.

    Examples
    --------
    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    length = np.asarray(length, np.int64)
    offset = np.cumsum(length) - length
    return np.repeat(np.asarray(start, np.int64) - offset, length) + np.arange(length.sum(), dtype=np.int64)


def dominated_columns(instance: Instance) -> Mask:
    """Find columns whose classes another covers at no higher cost (n,); of equal columns the first stays.

    A column that dominates ``j`` covers the rarest class of ``j``, so only that class's columns are tried.
    """
    dominated = np.zeros(instance.n_columns, bool)
    degree = np.diff(instance.columns.indptr)
    used = np.flatnonzero(degree)
    if not len(used):
        return dominated
    breadth = np.diff(instance.rows.indptr)
    code = breadth[instance.columns.indices].astype(np.int64) * instance.n_rows + instance.columns.indices
    rarest = np.minimum.reduceat(code, instance.columns.indptr[used]) % instance.n_rows
    small = np.repeat(used, breadth[rarest])
    large = instance.rows.indices[ranges(instance.rows.indptr[rarest], breadth[rarest])].astype(np.int64)
    cheaper = instance.cost[large] < instance.cost[small]
    maybe = (degree[large] > degree[small]) | ((degree[large] == degree[small]) & (cheaper | (large < small)))
    maybe &= instance.cost[large] <= instance.cost[small]
    dominated[_subsets(instance, small[maybe], large[maybe])] = True
    return dominated


def _subsets(instance: Instance, small: Positions, large: Positions) -> Positions:
    """Return ``small`` of the pairs of columns where ``large`` covers every class that ``small`` covers.

    Bit sets over blocks of classes, short blocks first: nearly all pairs fail within the first classes.
    """
    start, size = 0, 64
    while start < instance.n_rows and len(small):
        block = instance.rows[start : start + size].toarray().astype(bool)
        bits = np.packbits(block.T, axis=1)
        parts = np.array_split(np.arange(len(small)), len(small) // _PAIRS + 1)
        inside = np.concatenate([~(bits[small[part]] & ~bits[large[part]]).any(axis=1) for part in parts])
        small, large = small[inside], large[inside]
        start, size = start + size, min(size * 4, _BLOCK)
    return small


def count_components(instance: Instance) -> int:
    """Count the connected components of the graph of classes and columns that cover at least one class."""
    n, size = instance.n_columns, instance.n_columns + instance.n_rows
    tail = np.repeat(np.arange(instance.n_rows), np.diff(instance.rows.indptr)) + n
    graph = csr_array((instance.rows.data, (tail, instance.rows.indices)), shape=(size, size))
    found, _ = connected_components(graph, directed=False)
    return int(found) - int((np.diff(instance.columns.indptr) == 0).sum())
