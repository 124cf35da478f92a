"""Reductions of a covering problem: the same optimum on fewer rows and columns, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from scipy.sparse.csgraph import connected_components

from .pair_kernels import component_count, dominated, hash_rows, sums

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]

SERVED, LOST = -1, -2
"""Rows of the input in no class: an opened candidate covers them or they weigh nothing; none can."""

_FEW = 4
"""Where less than one pair in so many is left, those left are looked for by columns."""


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


def cover_matrix(
    indptr: NDArray[np.integer],
    indices: NDArray[np.integer],
    n_candidates: int,
    dtype: type[np.float64] | type[np.int8] = np.float64,
) -> csr_array:
    """Build the canonical 0/1 matrix (rows × candidates) from CSR arrays; duplicates count once.

    As ``int8`` a pair takes 5 bytes instead of 12; sums of it must then be taken with floats.

    Raises
    ------
    ValueError
        The arrays are not a CSR structure with columns in ``0..n_candidates-1``.
    """
    indptr, indices = np.asarray(indptr), np.asarray(indices)
    if indptr.ndim != 1 or not len(indptr) or indptr[0] != 0 or (np.diff(indptr) < 0).any():
        raise ValueError("indptr must start at 0 and not fall")
    if int(indptr[-1]) != len(indices):
        raise ValueError(f"indptr ends at {indptr[-1]}, but there are {len(indices)} indices")
    if len(indices) and (indices.min() < 0 or indices.max() >= n_candidates):
        raise ValueError(f"indices must lie in 0..{n_candidates - 1}")
    index = np.int32 if max(len(indices), len(indptr), n_candidates) < 2**31 else np.int64
    values = np.ones(len(indices), dtype)
    matrix = csr_array(
        (values, indices.astype(index), indptr.astype(index)), shape=(len(indptr) - 1, n_candidates)
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1
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
    reachable = sums(matrix.indptr, matrix.indices, (~forbidden).astype(np.float64)) > 0
    keep = positive & reachable
    served = int((sums(matrix.indptr, matrix.indices, forced.astype(np.float64))[keep] > 0).sum())
    instance = Instance(
        rows=matrix if keep.all() else matrix[keep],
        columns=csr_array(matrix.shape[::-1]),
        weight=weight[keep],
        position=np.arange(matrix.shape[1], dtype=np.int64),
        chosen=np.empty(0, np.int64),
        base=0.0,
        budget=float(budget),
        cost=np.ones(matrix.shape[1]) if cost is None else cost,
        origin=np.where(keep, np.cumsum(keep) - 1, np.where(positive, LOST, SERVED)),
    )
    instance = restrict(instance, opened=forced, closed=forbidden)
    unused = np.diff(instance.columns.indptr) == 0
    beaten = dominated_columns(instance)
    if unused.any() or beaten.any():
        instance = restrict(instance, opened=np.zeros_like(unused), closed=beaten | unused)
    return instance, {
        "rows": matrix.shape[0],
        "candidates": matrix.shape[1],
        "rows_without_weight": int((~positive).sum()),
        "rows_without_candidate": int((positive & ~reachable).sum()),
        "rows_served_by_forced": served,
        "rows_merged": int(keep.sum()) - served - instance.n_rows,
        "candidates_useless": int(unused.sum()),
        "candidates_dominated": int(beaten.sum()),
        "rows_left": instance.n_rows,
        "candidates_left": instance.n_columns,
        "components": count_components(instance),
    }


def restrict(instance: Instance, *, opened: Mask, closed: Mask) -> Instance:
    """Open some columns for good (their classes move to ``base``), close others, and merge rows again."""
    served = sums(instance.rows.indptr, instance.rows.indices, opened.astype(np.float64)) > 0
    left = np.flatnonzero(~(opened | closed))
    kept = int(np.diff(instance.columns.indptr)[left].sum())
    if 0 < _FEW * kept < instance.columns.nnz:
        matrix = csr_array(instance.columns[left].T.tocsr())  # without a look at the columns that go
        matrix = matrix[~served] if served.any() else matrix
    else:
        matrix = instance.rows[~served] if served.any() else instance.rows
        matrix = matrix[:, left] if len(left) < instance.n_columns else matrix
    covered = np.diff(matrix.indptr) > 0
    matrix = matrix if covered.all() else matrix[covered]
    rows, weight, group = merge_rows(matrix, instance.weight[~served][covered])
    del matrix  # on tens of millions of pairs memory counts
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
    first, second = (hash_rows(matrix.indptr, matrix.indices, hashes) for hashes in random)
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


def merge_labelled(
    matrix: csr_array, weight: Floats, label: Positions | None = None
) -> tuple[csr_array, Floats, Positions]:
    """Merge the rows of each label with the same columns; rows without weight or column are left out.

    Parameters
    ----------
    matrix, weight, label
        (m, n) canonical, (m,) >= 0, (m,) >= 0; all rows have the same label without it.

    Returns
    -------
    rows, weights, labels
        (k, n), the sums of the weights (k,), and (k,).

    Examples
    --------
    >>> rows = csr_array(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]))
    >>> merged, weights, labels = merge_labelled(rows, np.array([2.0, 3.0, 4.0, 5.0]), np.array([0, 0, 7, 7]))
    >>> sorted(zip(weights.tolist(), labels.tolist()))
    [(4.0, 7), (5.0, 0)]
    """
    kept = np.flatnonzero((weight > 0) & (np.diff(matrix.indptr) > 0))
    n = matrix.shape[1]
    tag = np.zeros(len(kept), np.int64) if label is None else np.asarray(label, np.int64)[kept]
    size = int(tag.max(initial=0)) + 1
    mark = csr_array((np.ones(len(kept)), tag, np.arange(len(kept) + 1)), shape=(len(kept), size))
    marked = csr_array(hstack([matrix[kept], mark], format="csr"))
    marked.sort_indices()
    rows, weights, _ = merge_rows(marked, weight[kept])
    last = rows.indices[rows.indptr[1:] - 1].astype(np.int64) - n  # the label is the last column of each row
    return csr_array(rows[:, :n]), weights, last


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
    rows, columns = instance.rows, instance.columns
    return dominated(rows.indptr, rows.indices, columns.indptr, columns.indices, instance.cost)


def components_of(instance: Instance) -> list[tuple[Positions, Positions]]:
    """Part an instance into its components: the classes and the columns of each, small ones first."""
    n, k = instance.n_columns, instance.n_rows
    tail = np.repeat(np.arange(k), np.diff(instance.rows.indptr)) + n
    pairs = (np.ones(len(tail), np.int8), (instance.rows.indices, tail))
    _, label = connected_components(csr_array(pairs, shape=(n + k, n + k)), directed=False)
    _, label = np.unique(label, return_inverse=True)
    order = np.argsort(label, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    found = [(part[part >= n] - n, part[part < n]) for part in parts]
    return sorted((part for part in found if len(part[0])), key=lambda part: len(part[0]))


def count_components(instance: Instance) -> int:
    """Count the connected components of the graph of classes and columns that cover at least one class."""
    return component_count(instance.rows.indptr, instance.rows.indices, instance.n_columns)
