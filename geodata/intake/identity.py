"""What tells rows apart: a hash of their content, and the ids that are made of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .model import Cells

DIGITS = 10
"""Characters (of 32) behind the type's code in an id that is made: 50 bits."""


def row_identity(columns: Mapping[str, Cells]) -> NDArray[np.uint64]:
    """Hash the cells of each row: equal rows have equal hashes, in every process.

    Empty cells add nothing, so that a further column that is empty changes no hash.

    Parameters
    ----------
    columns
        Name → (n,) cells; None and empty text are empty.

    Examples
    --------
    >>> names, numbers = np.array(["a", "b", "a"], object), np.array([1, 2, 1], object)
    >>> hashes = row_identity({"name": names, "n": numbers})
    >>> bool(hashes[0] == hashes[2]), bool(hashes[0] == hashes[1])
    (True, False)
    """
    total = np.zeros(len(next(iter(columns.values()), ())), np.uint64)
    for name, cells in columns.items():
        filled = np.flatnonzero(~(pd.isna(cells) | (cells == "")))
        if len(filled):
            digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
            salt = np.uint64(int.from_bytes(digest, "big") | 1)
            text = cells[filled].astype(str).astype(object)
            total[filled] += pd.util.hash_array(text, categorize=True) * salt
    return total


def make_ids(identity: NDArray[np.uint64], kind: str, *, taken: Collection[str] = ()) -> Cells:
    """Make ids such as ``aed-k3v9x2m7qp``; the same content gives the same id, no id is given twice.

    Examples
    --------
    >>> ids = make_ids(np.array([1, 2, 1], np.uint64), "aed")
    >>> [len(each) for each in ids], ids[2] == ids[0] + "-2"
    ([14, 14, 16], True)
    """
    used, ids = set(taken), np.full(len(identity), "", object)
    for row, number in enumerate(identity.tolist()):
        digest = hashlib.blake2b(number.to_bytes(8, "big"), digest_size=10).digest()
        name = free = f"{kind}-{base64.b32encode(digest).decode().lower()[:DIGITS]}"
        turn = 2
        while free in used:
            free, turn = f"{name}-{turn}", turn + 1
        used.add(free)
        ids[row] = free
    return ids
