"""Demand merged by its set of candidates: the exact reduction that decides the size of a problem."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .aggregate_kernels import (
    Cells,
    Table,
    add_points,
    add_rows,
    count_strangers,
    count_within,
    fill_cells,
    list_within,
    members_of_rows,
    new_table,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CELLS_PER_RADIUS = 32
_MOST_CELLS = 1 << 17
"""Cells, 24 bytes each, that stay in a processor's second cache: finer grids were slower."""
_THREADS = 2
_PARTS = 16
"""Tables of chunks that are held before they are merged."""


@dataclass(frozen=True)
class Classes:
    """Demand classes: one row for all points that the same candidates reach."""

    indptr: Ints
    indices: NDArray[np.int32]
    """Candidates of class r, ascending: ``indices[indptr[r]:indptr[r + 1]]``; none is empty."""
    weight: Floats
    """(k,) residents."""
    points: Ints
    """(k,) points."""
    n_candidates: int
    without_candidate: tuple[int, float]
    """Points that no candidate reaches, and their residents."""
    seen: int
    """Points in all."""

    @property
    def counts(self) -> dict[str, int]:
        """What the aggregation did, by name."""
        return {
            "points": self.seen,
            "points_without_candidate": self.without_candidate[0],
            "points_merged": self.seen - self.without_candidate[0] - len(self.weight),
            "classes": len(self.weight),
        }


def _keys(n: int) -> NDArray[np.uint64]:
    return np.random.default_rng(20260101).integers(1, 2**63, (2, n), dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)


def aggregate_rows(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[Any],
    n_candidates: int,
) -> Classes:
    """Merge rows with the same candidates, summing their weights.

    Rows are grouped by a 128-bit hash of their set and then compared entry by entry with the first of the
    group.

    Parameters
    ----------
    indptr, indices
        Compressed sparse rows of candidates; ascending and distinct within each row.
    weight
        (m,) residents.

    Raises
    ------
    RuntimeError
        Two sets have the same hash: not to be expected in the life of the universe.

    Examples
    --------
    >>> indptr, indices = np.array([0, 2, 4, 5, 5]), np.array([0, 1, 0, 1, 1])
    >>> classes = aggregate_rows(indptr, indices, np.array([1, 2, 4, 8]), 2)
    >>> classes.indptr.tolist(), classes.indices.tolist(), classes.weight.tolist(), classes.without_candidate
    ([0, 2, 3], [0, 1, 1], [3.0, 4.0], (1, 8.0))
    """
    start: Ints = np.asarray(indptr, np.int64)
    entry: NDArray[np.int32] = np.asarray(indices, np.int32)
    weight, key = np.asarray(weight, np.float64), _keys(n_candidates)
    table = add_rows(new_table(1 << 12), key, start, entry, weight)
    member = members_of_rows(table, key, start, entry)
    if (member < 0).any():
        raise RuntimeError("two different sets of candidates have the same hash")
    used = np.flatnonzero(table.member >= 0)
    used = used[np.argsort(table.member[used])]
    length = np.diff(start)[table.member[used]]
    empty, used, length = used[length == 0], used[length > 0], length[length > 0]
    kept = np.r_[0, np.cumsum(length)]
    entries = np.repeat(start[table.member[used]] - kept[:-1], length) + np.arange(kept[-1])
    lost = (int(table.points[empty].sum()), float(table.weight[empty].sum()))
    return Classes(
        kept, entry[entries], table.weight[used], table.points[used], n_candidates, lost, len(weight)
    )


class PointStream:
    """Merge demand points chunk by chunk by the set of candidates within a straight-line radius (<=).

    Neither points nor pairs are held: of each class two sums of random 64-bit numbers, its weight, its
    number of points, and one point, whose candidates are listed in the end. A square grid over the
    candidates spares most distances: who reaches a whole cell is summed once (the idea of geometric
    pre-aggregation in Cordeau, Furini and Ljubić 2019, where points are compared by their sets).

    Examples
    --------
    >>> stream = PointStream(np.array([[0.0, 0.0], [2.0, 0.0]]), 1.0)
    >>> stream.add(np.array([0.0, 1.0, 0.5, 9.0]), np.zeros(4), np.array([1, 2, 4, 8]))
    >>> classes = stream.classes()
    >>> sorted(classes.weight.tolist()), classes.counts["points_without_candidate"]
    ([2.0, 5.0], 1)
    """

    def __init__(
        self, candidates: NDArray[np.floating[Any]], radius: float, *, threads: int = _THREADS
    ) -> None:
        places = np.asarray(candidates, np.float64)
        if places.ndim != 2 or places.shape[1] != 2 or not np.isfinite(places).all():
            raise ValueError("candidates must be finite points (n, 2)")
        if not (radius > 0 and np.isfinite(radius)):
            raise ValueError("radius must be a number > 0")
        self._cells, self._near = (
            _grid(places, float(radius), shortcut=shortcut) for shortcut in (True, False)
        )
        self._threads, self.seen = threads, 0
        self._parts: list[tuple[NDArray[Any], ...]] = []

    def add(self, x: NDArray[Any], y: NDArray[Any], weight: NDArray[Any]) -> None:
        """Add points (m,) with their weights; in the units of the candidates."""
        if not len(x) == len(y) == len(weight):
            raise ValueError("x, y and weight must have the same length")
        edges = np.linspace(0, len(x), self._threads + 1).astype(np.int64)
        parts = [slice(a, b) for a, b in pairwise(edges.tolist())]

        def merge(part: slice) -> tuple[NDArray[Any], ...]:
            east, north = (np.ascontiguousarray(some[part]) for some in (x, y))
            table = add_points(self._cells, new_table(1 << 12), east, north, weight[part])
            return _classes_of(table, x[part], y[part])

        with ThreadPoolExecutor(self._threads) as pool:
            self._parts += list(pool.map(merge, parts))
        self.seen += len(x)
        if len(self._parts) > _PARTS:
            self._merge()

    def _merge(self) -> None:
        first, second, weight, count, x, y = (np.concatenate(some) for some in zip(*self._parts, strict=True))
        order = np.lexsort((second, first))
        first, second = first[order], second[order]
        new = np.r_[True, (first[1:] != first[:-1]) | (second[1:] != second[:-1])][: len(first)]
        start = np.flatnonzero(new)
        sums = [np.add.reduceat(values[order], start) if len(start) else values for values in (weight, count)]
        self._parts = [(first[new], second[new], *sums, x[order][new], y[order][new])]

    def classes(self) -> Classes:
        """Give the classes so far, ascending by hash; the stream may go on."""
        if not self._parts:
            self.add(np.empty(0), np.empty(0), np.empty(0))
        self._merge()
        _, _, weight, count, x, y = self._parts[0]
        indptr, indices = _within(self._near, x, y)
        some = np.diff(indptr) > 0
        lost = (int(count[~some].sum()), float(weight[~some].sum()))
        kept = np.r_[0, np.cumsum(np.diff(indptr)[some])]
        return Classes(kept, indices, weight[some], count[some], len(self._near.x), lost, self.seen)

    def strangers(self, x: NDArray[Any], y: NDArray[Any]) -> int:
        """Compare added points with their class, candidate by candidate: how many differ (0 is proof)."""
        self._merge()
        first, second, _, _, x_of, y_of = self._parts[0]
        indptr, indices = _within(self._near, x_of, y_of)
        points = (np.asarray(x, np.float64), np.asarray(y, np.float64))
        return int(count_strangers(self._near, (first, second), indptr, indices, points))


def aggregate_points(
    x: NDArray[Any], y: NDArray[Any], weight: NDArray[Any], candidates: NDArray[Any], radius: float
) -> Classes:
    """Merge points in memory by the set of candidates within a radius; see `PointStream`."""
    stream = PointStream(candidates, radius)
    stream.add(x, y, weight)
    return stream.classes()


def _classes_of(table: Table, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    used = np.flatnonzero(table.member >= 0)
    member = table.member[used]
    places = x[member].astype(np.float64), y[member].astype(np.float64)
    return (table.first[used], table.second[used], table.weight[used], table.points[used], *places)


def _within(near: Cells, x: Floats, y: Floats) -> tuple[Ints, NDArray[np.int32]]:
    indptr = np.zeros(len(x) + 1, np.int64)
    count_within(near, x, y, indptr)
    indices = np.empty(indptr[-1], np.int32)
    list_within(near, x, y, indptr, indices)
    return indptr, indices


def _grid(places: Floats, radius: float, *, shortcut: bool) -> Cells:
    low = places.min(axis=0, initial=0.0) if not len(places) else places.min(axis=0)
    high = places.max(axis=0) if len(places) else low
    origin, extent = low - radius * (1 + 1e-6), high - low + 2 * radius * (1 + 1e-6)
    size = max(
        radius / _CELLS_PER_RADIUS, float(np.sqrt(extent.prod() / _MOST_CELLS)), extent.max() / _MOST_CELLS
    )
    shape = np.maximum(1, np.ceil(extent / size)).astype(np.int64)
    cells = Cells(
        x=np.ascontiguousarray(places[:, 0]),
        y=np.ascontiguousarray(places[:, 1]),
        key=_keys(len(places)),
        origin=origin,
        shape=shape,
        size=size,
        radius=radius,
        whole=np.zeros((2, int(shape.prod())), np.uint64),
        start=np.zeros(int(shape.prod()) + 1, np.int64),
        part=np.empty(0, np.int32),
    )
    fill_cells(cells, False, shortcut)
    start = np.cumsum(cells.start)
    cells = cells._replace(start=start[:-1].copy(), part=np.empty(int(start[-1]), np.int32))
    fill_cells(cells, True, shortcut)
    return cells._replace(start=start)
