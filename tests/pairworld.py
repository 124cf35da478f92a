"""Pairs of places and sites by hand: tables of costs as a ``Matrix``."""

from __future__ import annotations

from typing import Any

import gridworld
import numpy as np
from boai.coverage.matrix import Matrix


def pairs(cost: Any, *, limit: int = 3600) -> Matrix:
    """The pairs within a limit of a (rows, sites) table of costs in seconds, one cell per row."""
    table = np.rint(np.asarray(cost, float) * 100)
    rows = [np.flatnonzero(row <= limit * 100) for row in table]
    rows = [own[np.lexsort((own, table[i, own]))] for i, own in enumerate(rows)]
    site = np.concatenate([*rows, np.empty(0, np.intp)])
    row = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
    return Matrix(
        standard=gridworld.drive_standard((limit,), limit),
        limit=limit,
        n_sites=table.shape[1],
        indptr=np.concatenate([[0], np.cumsum([len(own) for own in rows])]).astype(np.int64),
        site=site.astype(np.int32),
        cost=table[row, site.astype(np.intp)].astype(np.int32),
        cell=np.arange(len(rows), dtype=np.int32),
        part=np.ones(len(rows)),
    )


def random_costs(seed: int, n: int = 60, s: int = 12) -> tuple[Any, Any, Any]:
    """Whole minutes, so that many pairs lie on the borders of bands, and some places without residents."""
    rng = np.random.default_rng(seed)
    cost = rng.integers(0, 90, (n, s)).astype(float)
    return cost, rng.integers(0, 50, s), rng.integers(0, 3, n) * rng.integers(1, 1000, n)
