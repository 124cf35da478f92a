"""Measuring: time, length, class, name and ways of folded chains, summed over their pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..network import CLASSES
from .folding import Chains
from .pieces import Pieces

_Array = NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """The order in which chains are laid out as shapes."""

    order: NDArray[np.int64]
    """(k,) chains in the order of the shapes."""
    turned: NDArray[np.bool_]
    """(k,) by chain, whether its shape runs against it."""


@dataclass(frozen=True)
class Measures:
    """k shapes in their order; of two columns the first is along the shape, the second against it."""

    start: NDArray[np.int64]
    """(k + 1,) first point of each shape."""
    point: NDArray[np.int32]
    """(points,) points of the pieces along the shapes."""
    seconds: NDArray[np.float64]
    """(k, 2) time; inf where nobody may go."""
    metres: NDArray[np.float64]
    """(k, 2) length of the pieces by which that way goes; 0 where nobody may go."""
    road_class: NDArray[np.uint8]
    """(k, 2) class with most metres, the lowest of equal ones."""
    label: NDArray[np.int32]
    """(k, 2) label with most metres, the lowest of equal ones."""
    snap: NDArray[np.bool_]
    """(k,) whether at least half of the length allows points to meet the road."""
    way_start: NDArray[np.int64]
    """(k + 1,) first way of each shape."""
    way: NDArray[np.int64]
    """(ways,) ids of the ways, each once per shape, in order; none for pieces without."""
    class_metres: NDArray[np.float64]
    """(classes,) length by class of the pieces, each road once."""

    @property
    def ends(self) -> NDArray[np.int32]:
        """Points (k, 2) at which the shapes begin and end."""
        return np.stack([self.point[self.start[:-1]], self.point[self.start[1:] - 1]], axis=1)


def measure(pieces: Pieces, chains: Chains, layout: Layout) -> Measures:
    """Sum the pieces of each chain both ways, in the order of the shapes.

    Both ways are summed from the first point to the last, so that a road that is equal both ways takes
    exactly equal times.
    """
    length = np.diff(chains.start)[layout.order]
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(length)])
    point, along, against = _lay(
        (chains.start, chains.node, chains.along, chains.against), layout.order, layout.turned
    )
    links = (start, along, against)
    seconds, metres = _sums(links, pieces.a, pieces.seconds, pieces.metres, point)
    classes = pieces.road_class.astype(np.int32)  # as the labels, so that one compiled kernel serves both
    snap, class_metres = _once(links, pieces.metres, classes, pieces.snap, len(CLASSES))
    return Measures(
        start=start,
        point=point,
        seconds=seconds,
        metres=metres,
        road_class=_longest(links, pieces.metres, classes, len(CLASSES)).astype(np.uint8),
        label=_longest(links, pieces.metres, pieces.label, len(pieces.labels)),
        snap=snap,
        **_ways(links, pieces.way),
        class_metres=class_metres,
    )


@compiled
def _lay(
    chains: tuple[_Array, _Array, _Array, _Array], order: _Array, turned: _Array
) -> tuple[_Array, _Array, _Array]:
    """Copy the chains in the order of the shapes, some the other way round."""
    start, node, along, against = chains
    point = np.empty(len(node), np.int32)
    there, back = np.full(len(node), -1, np.int32), np.full(len(node), -1, np.int32)
    used = 0
    for chain in order:
        first, last = start[chain], start[chain + 1] - 1
        for i in range(last - first + 1):
            point[used + i] = node[last - i] if turned[chain] else node[first + i]
        for i in range(last - first):
            if turned[chain]:
                there[used + i], back[used + i] = against[last - 1 - i], along[last - 1 - i]
            else:
                there[used + i], back[used + i] = along[first + i], against[first + i]
        used += last - first + 1
    return point, there, back


@compiled
def _sums(
    links: tuple[_Array, _Array, _Array], a: _Array, seconds: _Array, metres: _Array, point: _Array
) -> tuple[_Array, _Array]:
    """Sum seconds and metres of each shape both ways."""
    start, along, against = links
    total, length = np.zeros((len(start) - 1, 2)), np.zeros((len(start) - 1, 2))
    for s in range(len(start) - 1):
        for i in range(start[s], start[s + 1] - 1):
            for side in range(2):
                piece = against[i] if side else along[i]
                if piece < 0:
                    total[s, side] = np.inf
                else:
                    tail = point[i + 1] if side else point[i]
                    total[s, side] += seconds[piece, 0 if a[piece] == tail else 1]
                    length[s, side] += metres[piece]
        for side in range(2):
            if total[s, side] == np.inf:
                length[s, side] = 0.0
    return total, length


@compiled
def _once(
    links: tuple[_Array, _Array, _Array], metres: _Array, road_class: _Array, snap: _Array, n_classes: int
) -> tuple[_Array, _Array]:
    """Weigh for each shape whether points may meet it, and sum the length by class, each link once."""
    start, along, against = links
    meets, by_class = np.zeros(len(start) - 1, np.bool_), np.zeros(n_classes)
    for s in range(len(start) - 1):
        total = allowed = 0.0
        for i in range(start[s], start[s + 1] - 1):
            piece = along[i] if along[i] >= 0 else against[i]
            total += metres[piece]
            allowed += metres[piece] * snap[piece]
            by_class[road_class[piece]] += metres[piece]
        meets[s] = 2 * allowed >= total and (total > 0 or snap[piece])
    return meets, by_class


@compiled
def _longest(links: tuple[_Array, _Array, _Array], metres: _Array, value: _Array, n_values: int) -> _Array:
    """Find for each shape and way the value that most metres have."""
    start, along, against = links
    best = np.zeros((len(start) - 1, 2), np.int32)
    sums = np.zeros(n_values)
    for s in range(len(start) - 1):
        for side in range(2):
            pieces = against if side else along
            for i in range(start[s], start[s + 1] - 1):
                if pieces[i] >= 0:
                    sums[value[pieces[i]]] += metres[pieces[i]]
            winner, most = -1, -1.0
            for i in range(start[s], start[s + 1] - 1):
                if pieces[i] >= 0:
                    each = value[pieces[i]]
                    if sums[each] > most or (sums[each] == most and each < winner):
                        winner, most = each, sums[each]
            for i in range(start[s], start[s + 1] - 1):
                if pieces[i] >= 0:
                    sums[value[pieces[i]]] = 0.0
            best[s, side] = max(winner, 0)
    return best


def _ways(links: tuple[_Array, _Array, _Array], way: _Array) -> dict[str, _Array]:
    """List the ways of each shape, each once."""
    shape, found = _runs(links, way)
    again = _repeated(shape, found)
    shape, found = shape[~again], found[~again]
    counts = np.bincount(shape, minlength=len(links[0]) - 1)
    return {"way_start": np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]), "way": found}


@compiled
def _runs(links: tuple[_Array, _Array, _Array], way: _Array) -> tuple[_Array, _Array]:
    """List the ways along each shape where they change: (shape, way)."""
    start, along, against = links
    room = 0
    for fill in range(2):
        shape, found, k = np.empty(room, np.int32), np.empty(room, np.int64), 0
        for s in range(len(start) - 1):
            last = [np.int64(-1), np.int64(-1)]
            for i in range(start[s], start[s + 1] - 1):
                for side in range(2):
                    piece = against[i] if side else along[i]
                    if piece < 0 or way[piece] < 0 or way[piece] == last[0] or way[piece] == last[1]:
                        continue
                    last[side] = way[piece]
                    if fill:
                        shape[k], found[k] = s, way[piece]
                    k += 1
        room = k
    return shape, found


def _repeated(shape: NDArray[np.int32], way: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which entries name a way that the shape has named before."""
    again = np.zeros(len(shape), bool)
    many = np.flatnonzero(np.bincount(shape, minlength=1)[shape] > 1)
    order = many[np.lexsort((many, way[many], shape[many]))]
    same = (shape[order][1:] == shape[order][:-1]) & (way[order][1:] == way[order][:-1])
    again[order[1:]] = same
    return again
