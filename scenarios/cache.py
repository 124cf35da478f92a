"""Cache: what was computed once from the same content is read again, not computed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


class Cache:
    """Arrays by the content that they were made from, in memory and, with a folder, on disk."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._known: dict[str, Arrays] = {}

    def arrays(self, name: str, parts: object, make: Callable[[], Arrays]) -> Arrays:
        """Return the arrays that ``make`` makes from ``parts``, made anew only where they are not known.

        Parameters
        ----------
        name
            What they are, such as ``cover``; part of the key.
        parts
            All that they depend on, as values of JSON (hashes of contents).
        """
        key = f"{name}-{key_of(parts)}"
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def key_of(parts: object) -> str:
    """Hash values of JSON: SHA-256 of their canonical text.

    Examples
    --------
    >>> key_of({"b": 1, "a": [2]}) == key_of({"a": [2], "b": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of(*arrays: NDArray[Any]) -> str:
    """Hash arrays: their types, shapes and bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        flat = np.ascontiguousarray(array)
        digest.update(f"{flat.dtype.str}{flat.shape}".encode() + flat.tobytes())
    return digest.hexdigest()
