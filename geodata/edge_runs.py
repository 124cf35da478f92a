"""Runs: many ascending numbers of edges in few characters, for files that people may open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def runs_of(edges: NDArray[np.int64]) -> str:
    """Write ascending distinct numbers as runs.

    Examples
    --------
    >>> runs_of(np.array([3, 4, 5, 9]))
    '3-5,9'
    """
    if not len(edges):
        return ""
    cut = np.flatnonzero(np.diff(edges) != 1)
    first, last = edges[np.r_[0, cut + 1]].tolist(), edges[np.r_[cut, len(edges) - 1]].tolist()
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in zip(first, last, strict=True))


def edges_of(runs: str, *, most: int = 1 << 24) -> NDArray[np.int64]:
    """Read what `runs_of` wrote; raises ``ValueError`` for anything else and for more than ``most`` numbers.

    Examples
    --------
    >>> edges_of("3-5,9").tolist()
    [3, 4, 5, 9]
    """
    if not runs:
        return np.empty(0, np.int64)
    ends = [part.partition("-") for part in runs.split(",")]
    digits = [text for a, dash, b in ends for text in (a, b if dash else "0")]
    if not all(text.isascii() and text.isdigit() and len(text) < 11 for text in digits):
        raise ValueError(runs[:40])
    first = np.array([int(a) for a, _, _ in ends], np.int64)
    last = np.array([int(b or a) for a, _, b in ends], np.int64)
    length = last - first + 1
    if (length < 1).any() or (first[1:] <= last[:-1]).any() or length.sum() > most:
        raise ValueError(runs[:40])
    begin = np.cumsum(length) - length
    return np.repeat(first - begin, length) + np.arange(length.sum())
