"""Orders: nodes along a space-filling curve, so that what is near on the ground is near in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled


def morton(x: NDArray[np.int32], y: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Interleave the bits of coordinates in 1e-7 degrees: places along the Z-order curve.

    Morton (1966), *A Computer Oriented Geodetic Data Base*, IBM. On the whole globe's frame, so that a place
    has the same number in every file.
    """
    return _spread(x.astype(np.int64) + 1_800_000_000) | (
        _spread(y.astype(np.int64) + 900_000_000) << np.uint64(1)
    )


def _spread(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Put a zero between each two of 32 bits."""
    bits = values.astype(np.uint64)
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
    return bits


def along_curve(x: NDArray[np.int32], y: NDArray[np.int32], ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order points along the curve; at one place by id, then by position."""
    return np.lexsort((ids, morton(x, y)))


@compiled
def rows_of(key: NDArray[Any], n_rows: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Sort entries into rows by counting: ``(start of each row, entries by row)``; stable."""
    start = np.zeros(n_rows + 1, np.int64)
    for k in range(len(key)):
        start[key[k] + 1] += 1
    for row in range(n_rows):
        start[row + 1] += start[row]
    place, entry = start[:-1].copy(), np.empty(len(key), np.int32)
    for k in range(len(key)):
        entry[place[key[k]]] = k
        place[key[k]] += 1
    return start, entry
