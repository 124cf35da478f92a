"""A part of a covering instance for the kernels: without fixed columns and what they decide, merged again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from .kernels import Sparse
from .reduce import Floats, Mask, Positions, merge_rows
from .saddle_kernels import what_is_left, without_fixed


@dataclass(frozen=True)
class Part:
    """The classes and columns of an instance that fixed columns leave undecided."""

    sparse: Sparse
    columns: Positions
    """Column of the instance of each column here, ascending."""
    rows: Positions
    """Classes of the instance that are undecided, ascending."""
    member: Positions | None
    """(rows,) the class here that each was merged into; None: each is its own."""
    lost: Mask
    """(k,) classes of the instance that only closed columns could cover."""
    served: Mask
    """(k,) classes of the instance that an opened column covers."""

    def collect(self, amount: Floats) -> Floats:
        """Sum (k,) amounts of the instance's classes over the classes here."""
        amount = amount[self.rows]
        if self.member is None:
            return amount
        return np.bincount(self.member, amount, minlength=len(self.sparse.weight)).astype(np.float64)

    def spread(self, value: Floats, out: Floats) -> None:
        """Write a value of each class here to the instance's classes (k,) merged into it."""
        out[self.rows] = value if self.member is None else value[self.member]

    def number(self, column: int) -> int:
        """Find the number here of an undecided column of the instance."""
        return int(np.searchsorted(self.columns, column))


def part_of(whole: Sparse, opened: Mask, closed: Mask, *, merge: bool = False) -> Part:
    """Leave out opened and closed columns and the classes that they decide.

    Classes that differ in left out columns alone are merged where ``merge`` says so, by their weights.
    """
    row, column = np.empty(len(whole.weight), np.int32), np.empty(len(whole.cost), np.int32)
    number = what_is_left(whole, opened, closed, row, column)
    sparse, member = whole, None
    if len(number) < len(row) or (opened | closed).any():
        sparse = without_fixed(whole, number, row, column)
    if merge and len(number) > 1:
        sparse, member = _merged(sparse)
    return Part(sparse, np.flatnonzero(column >= 0), np.flatnonzero(row >= 0), member, row == -2, row == -1)


def _merged(sparse: Sparse) -> tuple[Sparse, Positions]:
    """Merge classes with the same columns: the rest, and (k,) the class that each becomes."""
    values = np.ones(len(sparse.row_column), np.int8)
    shape = len(sparse.weight), len(sparse.cost)
    rows, weight, member = merge_rows(
        csr_array((values, sparse.row_column, sparse.row_start), shape=shape), sparse.weight
    )
    columns = csr_array(rows.T.tocsr())
    start, column = rows.indptr.astype(np.int32, copy=False), rows.indices.astype(np.int32, copy=False)
    first, row = columns.indptr.astype(np.int32, copy=False), columns.indices.astype(np.int32, copy=False)
    return Sparse(start, column, first, row, weight, sparse.cost), member
