"""The data of a p-median: travel costs, raw and as the short sorted lists that the search works on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import median_kernels as kernels
from .reduce import Floats, Mask, Positions, ranges

Whole = NDArray[np.int32]

_DENSE_TYPES = (np.float32, np.float64, np.int32)
"""Types of a dense matrix that are read as they are; others are copied to float64."""

_SAMPLE = 100
"""Candidates of which the k-th nearest is estimated."""

_PART = 1 << 22
"""Entries of a dense matrix compared at once."""


@dataclass(frozen=True)
class Costs:
    """What the way from every row of demand to every candidate costs."""

    n_candidates: int
    dense: NDArray[Any] | None = None
    """(m, n) costs, ``inf`` where there is no way; or else:"""
    indptr: Positions | None = None
    site: NDArray[np.int32] | None = None
    cost: Floats | None = None
    """Compressed rows of the pairs with a way, ascending by cost."""

    @property
    def n_rows(self) -> int:
        """Number of rows of demand."""
        return len(self.dense) if self.dense is not None else len(self._lists()[0]) - 1

    def _lists(self) -> tuple[Positions, NDArray[np.int32], Floats]:
        assert self.indptr is not None and self.site is not None and self.cost is not None  # noqa: S101
        return self.indptr, self.site, self.cost

    def nearest(self, rows: Positions, sites: Positions) -> tuple[Positions, Floats, Floats]:
        """Find the nearest of some sites (-1: none), its cost and that of the second (``inf``: none)."""
        if self.dense is not None:
            return kernels.two_nearest(self.dense, rows, sites)
        indptr, site, cost = self._lists()
        opened = np.zeros(self.n_candidates, bool)
        opened[sites] = True
        nothing = np.full(self.n_rows, np.inf)
        who, first, second = kernels.nearest_listed(indptr, site, cost, nothing, opened)
        return who[rows], first[rows], second[rows]

    def near(self, rows: Positions, columns: Positions, within: Floats, cap: Floats) -> Rows:
        """List the candidates among ``columns`` at most ``within`` and below ``cap`` (k,)."""
        weight = np.ones(len(rows))
        if self.dense is not None:
            indptr, site, cost, beyond = kernels.list_near(self.dense, rows, columns, within, cap)
            return Rows(indptr, site, cost, weight, beyond, len(columns))
        indptr, site, cost = self._lists()
        size = np.diff(indptr)[rows]
        entry = ranges(indptr[rows], size)
        owner = np.repeat(np.arange(len(rows)), size)
        place = np.full(self.n_candidates, -1, np.int32)
        place[columns] = np.arange(len(columns))
        keep = (place[site[entry]] >= 0) & (cost[entry] < cap[owner])
        count = np.r_[0, np.cumsum(np.bincount(owner[keep], minlength=len(rows)))]
        return Rows(count, place[site[entry[keep]]], cost[entry[keep]], weight, cap, len(columns))

    def block(self, rows: Positions, columns: Positions) -> Floats:
        """Give the costs of few rows as a matrix (len(rows), len(columns)), ``inf`` where there is no way."""
        if self.dense is not None:
            return self.dense[np.ix_(rows, columns)].astype(np.float64)
        indptr, site, cost = self._lists()
        full = np.full((len(rows), self.n_candidates), np.inf)
        for i, row in enumerate(rows):
            way = slice(indptr[row], indptr[row + 1])
            full[i, site[way]] = cost[way]
        return full[:, columns]

    def is_whole(self) -> bool:
        """Tell whether all costs are whole numbers (or ``inf``)."""
        values = self.dense if self.dense is not None else self._lists()[2][:, None]
        if np.issubdtype(values.dtype, np.integer):
            return True
        parts = np.array_split(values, values.size // _PART + 1)
        return all(bool((part == np.floor(part)).all()) for part in parts)

    def is_complete(self) -> bool:
        """Tell whether there is a way from every row to every candidate."""
        return self.dense is not None and (not self.dense.size or bool(np.isfinite(self.dense.max())))

    def kth(self, rows: Positions, columns: Positions, k: int) -> Floats:
        """Estimate the cost of the k-th nearest of some candidates; ``inf`` where all are listed anyway."""
        if self.dense is None or k >= len(columns):
            return np.full(len(rows), np.inf)
        apart = max(1, min(len(columns) // _SAMPLE, k // 4))
        return kernels.kth_smallest(self.dense, rows, columns[::apart], -(-k // apart))


@dataclass(frozen=True)
class Rows:
    """k rows of demand with the lists of their near candidates, of n columns."""

    indptr: Positions
    site: NDArray[np.int32]
    cost: Floats
    """Compressed rows, ascending by cost; equally near ones by column."""
    weight: Floats
    """(k,) > 0."""
    beyond: Floats
    """(k,) no candidate that is not listed costs less; what the row costs with none of the listed open."""
    n_columns: int

    def columns(self) -> tuple[Positions, NDArray[np.int32], Floats]:
        """Turn the lists around: start (n + 1,), row and cost."""
        return kernels.by_column(self.indptr, self.site, self.cost, self.n_columns)

    def restrict(self, *, opened: Mask, closed: Mask) -> Rows:
        """Open some columns for good (what is not nearer is off the lists) and take others away."""
        _, first, _ = kernels.nearest_listed(self.indptr, self.site, self.cost, self.beyond, opened)
        owner = np.repeat(np.arange(len(self.weight)), np.diff(self.indptr))
        keep = ~(opened | closed)[self.site] & (self.cost < first[owner])
        place = (np.cumsum(~(opened | closed)) - 1).astype(np.int32)
        indptr = np.r_[0, np.cumsum(np.bincount(owner[keep], minlength=len(self.weight)))]
        n_left = int((~(opened | closed)).sum())
        return replace(
            self,
            indptr=indptr,
            site=place[self.site[keep]],
            cost=self.cost[keep],
            beyond=first,
            n_columns=n_left,
        )


def read_costs(cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike], n_candidates: int | None) -> Costs:
    """Check the costs and bring them into one form.

    Raises
    ------
    ValueError
        The arrays do not fit together, or a cost is negative or not a number.
    """
    if isinstance(cost, tuple):
        if n_candidates is None:
            raise ValueError("n_candidates is needed with compressed rows")
        return _read_lists(*(np.asarray(part) for part in cost), n_candidates=n_candidates)
    dense = np.asarray(cost)
    if dense.ndim != 2 or n_candidates not in (None, dense.shape[1]):
        raise ValueError(f"cost must be a matrix of demand × candidates, not of shape {dense.shape}")
    if dense.dtype not in _DENSE_TYPES:
        dense = dense.astype(np.float64)
    dense = np.ascontiguousarray(dense)
    if dense.size and not dense.min() >= 0:  # a NaN is not >= 0
        raise ValueError("costs must be numbers >= 0")
    return Costs(int(dense.shape[1]), dense=dense)


def _read_lists(indptr: NDArray[Any], site: NDArray[Any], cost: NDArray[Any], *, n_candidates: int) -> Costs:
    indptr, cost = indptr.astype(np.int64), cost.astype(np.float64)
    if indptr.ndim != 1 or not len(indptr) or indptr[0] != 0 or (np.diff(indptr) < 0).any():
        raise ValueError("indptr must start at 0 and not fall")
    if not len(site) == len(cost) == indptr[-1]:
        raise ValueError(f"indptr ends at {indptr[-1]}, with {len(site)} candidates and {len(cost)} costs")
    if len(site) and not (site.min() >= 0 and site.max() < n_candidates and cost.min() >= 0):
        raise ValueError(f"candidates must lie in 0..{n_candidates - 1}, costs be numbers >= 0")
    site = site.astype(np.int32)
    ascending, twice = kernels.look_at_lists(indptr, site, cost, n_candidates)
    if twice:
        raise ValueError("a row names a candidate twice")
    if not ascending:
        owner = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        order = np.lexsort((site, cost, owner))
        way = order[np.isfinite(cost[order])]
        indptr = np.r_[0, np.cumsum(np.bincount(owner[way], minlength=len(indptr) - 1))]
        site, cost = site[way], cost[way]
    return Costs(n_candidates, None, indptr, site, cost)


def merge_equal(costs: Costs, rows: Positions, weight: Floats) -> tuple[Positions, Floats]:
    """Merge rows of demand with the same costs to all candidates: the first of each, and summed weights.

    Rows are sorted by a hash and compared with the first of their group; one that differs stays alone.
    """
    if len(rows) < 2:
        return rows, weight
    key = np.random.default_rng(1).random(costs.n_candidates) + 0.5
    hashes = _hashes(costs, rows, key)
    order = np.argsort(hashes, kind="stable")
    new = np.r_[True, hashes[order][1:] != hashes[order][:-1]]
    leader, group = order[new], np.cumsum(new) - 1
    alone = np.flatnonzero(~_rows_equal(costs, rows[order], rows[leader[group]]))
    group[alone] = len(leader) + np.arange(len(alone))
    first = np.r_[leader, order[alone]]
    total = np.bincount(group, weight[order]).astype(np.float64)
    back = np.argsort(first)
    return rows[first[back]], total[back]


def _hashes(costs: Costs, rows: Positions, key: Floats) -> Floats:
    if costs.dense is not None:
        return kernels.row_hashes(costs.dense, rows, key)
    indptr, site, cost = costs._lists()
    owner = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    total = np.bincount(owner, (cost + 1.0) * key[site], minlength=len(indptr) - 1)
    return total[rows].astype(np.float64)


def _rows_equal(costs: Costs, left: Positions, right: Positions) -> Mask:
    """Compare rows pairwise, entry by entry (len(left),)."""
    equal: Mask = left == right
    pairs = np.flatnonzero(~equal)
    if costs.dense is not None:
        for part in np.array_split(pairs, len(pairs) * max(costs.n_candidates, 1) // _PART + 1):
            equal[part] = (costs.dense[left[part]] == costs.dense[right[part]]).all(axis=1)
        return equal
    indptr, site, cost = costs._lists()
    size = np.diff(indptr)
    same_size = size[left[pairs]] == size[right[pairs]]
    pairs = pairs[same_size]
    one, other = (
        ranges(indptr[left[pairs]], size[left[pairs]]),
        ranges(indptr[right[pairs]], size[left[pairs]]),
    )
    wrong = (site[one] != site[other]) | (cost[one] != cost[other])
    equal[pairs] = True
    equal[np.repeat(pairs, size[left[pairs]])[wrong]] = False
    return equal


def total_cost(costs: Costs, weight: Floats, sites: Positions, penalty: float) -> float:
    """Sum weight times the cost of the nearest site over all rows with weight, exactly rounded."""
    rows = np.flatnonzero(weight > 0)
    nearest = np.minimum(costs.nearest(rows, sites)[1], penalty)
    return math.fsum(weight[rows] * nearest)
