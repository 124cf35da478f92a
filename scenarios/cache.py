"""Cache: what was computed once from the same content is read again, not computed again.

An entry is known by the hash of all that it was made from, the code included. In memory the entries used last
are kept; on disk each is one file that vouches for itself: the SHA-256 of what follows, then an ``.npz``. It
is written under a temporary name and renamed, so that any number of processes may share a folder; an entry
that is damaged, truncated or somebody else's is made anew and never trusted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..coverage.kept import Kept
from ..geodata.store import read_bounded, replacing
from .keys import code_key
from .packing import DAMAGED, Arrays, arrays_table, pack, table_arrays, text_array, text_value, unpack

if TYPE_CHECKING:
    import pandas as pd

MOST_ON_DISK = 512 << 20
"""Bytes of a cache folder beyond which the entries used longest ago are removed."""
MOST_IN_MEMORY = 256 << 20
"""Bytes of arrays that a process keeps."""

_ENTRY = re.compile(r"[a-z][a-z_]*-[0-9a-f]{64}\.npz")
_UNFINISHED = re.compile(r"\.[a-z][a-z_]*-[0-9a-f]+\.[a-z0-9_]+\.npz")
_OLD_S = 3600.0
"""Age of a temporary file whose writer is surely dead."""
_DIGEST = 32


class Cache:
    """Arrays by the content that they were made from, in memory and, with a folder, on disk.

    Parameters
    ----------
    folder
        Made when the first entry is written; without one entries live as long as the cache.
    most_bytes, most_memory
        Sizes that the folder and the memory may have.

    Examples
    --------
    >>> cache = Cache()
    >>> [cache.arrays("squares", [3], lambda: {"a": np.arange(3) ** 2})["a"].tolist() for _ in range(2)]
    [[0, 1, 4], [0, 1, 4]]
    >>> dict(cache.computed), dict(cache.reused)
    ({'squares': 1}, {'squares': 1})
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        most_bytes: int = MOST_ON_DISK,
        most_memory: int = MOST_IN_MEMORY,
    ) -> None:
        self.folder = folder
        self.most_bytes, self.most_memory = most_bytes, most_memory
        self.reused: Counter[str] = Counter()
        """How many entries of each name were known."""
        self.computed: Counter[str] = Counter()
        """How many were made."""
        self._known: OrderedDict[str, Arrays] = OrderedDict()
        self._in_memory = 0
        self._unswept: int | None = None

    def arrays(self, name: str, parts: object, make: Callable[[], Arrays]) -> Arrays:
        """Return the arrays that ``make`` makes from ``parts``, made anew only where they are not known.

        Parameters
        ----------
        name
            What they are, such as ``cover``: small letters and ``_``; part of the key.
        parts
            All that they depend on, as values of JSON (hashes of contents). The code needs no mention.
        make
            Gives arrays of any dtype but object; they are read-only from then on.
        """
        key = f"{name}-{key_of([code_key(), parts])}"
        found = self._known.get(key)
        if found is None:
            found = self._read(key)
            (self.computed if found is None else self.reused)[name] += 1
            if found is None:
                found = _frozen(make())
                self._write(key, found)
            self._keep(key, found)
        else:
            self._known.move_to_end(key)
            self.reused[name] += 1
        return found

    def table(self, name: str, parts: object, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Return a table in the same way: each call gives one of its own."""
        return arrays_table(self.arrays(name, parts, lambda: table_arrays(make())))

    def value(self, name: str, parts: object, make: Callable[[], Any]) -> Any:
        """Return values of JSON in the same way (tuples come back as lists)."""
        return text_value(self.arrays(name, parts, lambda: {"value": text_array(make())})["value"])

    def _keep(self, key: str, arrays: Arrays) -> None:
        self._known[key] = arrays
        self._in_memory += _size(arrays)
        while self._in_memory > self.most_memory and len(self._known) > 1:
            self._in_memory -= _size(self._known.popitem(last=False)[1])

    def _read(self, key: str) -> Arrays | None:
        """Read an entry that vouches for itself; None where there is none, or it is not whole."""
        if self.folder is None:
            return None
        path = self.folder / f"{key}.npz"
        try:
            content = read_bounded(path, self.most_bytes)
            if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
                return None
            found = _frozen(unpack(content[_DIGEST:]))
        except DAMAGED:
            return None
        with suppress(OSError):
            os.utime(path)  # used now: the last to go
        return found

    def _write(self, key: str, arrays: Arrays) -> None:
        """Write an entry; a full or read-only disk only costs the time to make it again."""
        if self.folder is None or _size(arrays) > self.most_bytes // 4:
            return
        content = pack(arrays, level=1)
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(self.folder / f"{key}.npz") as temporary:
                temporary.write_bytes(hashlib.sha256(content).digest() + content)
            self._make_room(len(content))

    def _make_room(self, written: int) -> None:
        """Look at the folder now and then, and remove what was used longest ago."""
        if self.folder is None:
            return
        if self._unswept is not None and self._unswept + written < self.most_bytes // 16:
            self._unswept += written
            return
        self._unswept = 0
        entries, now = [], time.time()
        with os.scandir(self.folder) as found:
            for each in found:
                with suppress(OSError):
                    facts = each.stat(follow_symlinks=False)
                    if _ENTRY.fullmatch(each.name):
                        entries.append((facts.st_mtime_ns, each.name, facts.st_size))
                    elif _UNFINISHED.fullmatch(each.name) and now - facts.st_mtime > _OLD_S:
                        (self.folder / each.name).unlink(missing_ok=True)
        too_much = sum(size for *_, size in entries) - self.most_bytes
        for _, name, size in sorted(entries):
            if too_much <= 0:
                break
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)
                too_much -= size


def _size(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays.values())


def _frozen(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Give read-only views: what is kept is never changed by who uses it."""
    found = {}
    for name, array in arrays.items():
        found[name] = np.asarray(array).view()
        found[name].flags.writeable = False
    return found


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


_HASHES = Kept[str](most=32)


def part_hash(part: Any, *, skip: tuple[str, ...] = ()) -> str:
    """Hash the content of a part of a world, such as its network: all its arrays.

    Where the part states the hash of its content (``meta["hash"]``), that and the array that a scenario
    changes (times of the roads, residents) stand for all.
    """
    return _HASHES.get((part,), skip, lambda: _part_hash(part, skip))


def _part_hash(part: Any, skip: tuple[str, ...]) -> str:
    arrays = _arrays_in(part, skip)
    stated = getattr(part, "meta", {}).get("hash")
    if isinstance(stated, str) and not skip:
        arrays = {name: arrays[name] for name in ("centiseconds", "residents") if name in arrays}
        return key_of([stated, hash_of(*arrays.values())])
    return key_of([sorted(arrays), [hash_of(arrays[name]) for name in sorted(arrays)]])


def _arrays_in(part: Any, skip: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """List the arrays of a dataclass and of those in it."""
    found: dict[str, NDArray[Any]] = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if each.name in skip:
            continue
        if isinstance(value, np.ndarray):
            found[each.name] = value
        elif is_dataclass(value):
            found |= {f"{each.name}.{name}": one for name, one in _arrays_in(value, ()).items()}
        elif isinstance(value, tuple):
            found[each.name] = text_array([str(one) for one in value])
    return found


def counts(cache: Cache) -> Mapping[str, Mapping[str, int]]:
    """Say how many entries of each name were known and how many were made."""
    names = sorted({*cache.reused, *cache.computed})
    return {name: {"reused": cache.reused[name], "computed": cache.computed[name]} for name in names}
