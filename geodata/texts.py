"""Texts: many strings as two arrays that can be memory-mapped, decoded one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


class Texts(Sequence[str]):
    """A sequence of strings, stored as UTF-8 in one array; equal to any sequence of the same strings.

    Examples
    --------
    >>> names = Texts.of(["", "G60 沪昆高速"])
    >>> names[1], len(names), names == ("", "G60 沪昆高速")
    ('G60 沪昆高速', 2, True)
    """

    def __init__(self, start: NDArray[np.int64], encoded: NDArray[np.uint8]) -> None:
        """Take the first byte of each string (and the end), and the bytes."""
        self.start = np.asarray(start)  # of memory maps the plain arrays, which are quicker to look into
        self.encoded = np.asarray(encoded)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Store strings; what is no Unicode (half of a surrogate pair) becomes a question mark."""
        parts = [text.encode("utf-8", "replace") for text in texts]
        start = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=start[1:])
        return cls(start, np.frombuffer(b"".join(parts), np.uint8))

    def __len__(self) -> int:
        """Count the strings."""
        return len(self.start) - 1

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[str]: ...
    def __getitem__(self, position: int | slice) -> str | Sequence[str]:
        """Decode one string, or a slice of them as a tuple."""
        if isinstance(position, slice):
            return tuple(self[at] for at in range(*position.indices(len(self))))
        at = range(len(self))[int(position)]
        return bytes(self.encoded[int(self.start[at]) : int(self.start[at + 1])]).decode("utf-8", "replace")

    def __iter__(self) -> Iterator[str]:
        """Decode all strings in order."""
        whole, ends = bytes(self.encoded), self.start.tolist()
        return (whole[first:last].decode("utf-8", "replace") for first, last in itertools.pairwise(ends))

    def __eq__(self, other: Any) -> bool:
        """Compare with any sequence of strings."""
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        """Hash as the tuple of the strings."""
        return hash(tuple(self))

    def __repr__(self) -> str:
        """Show as a tuple."""
        return f"Texts{tuple(self)!r}" if len(self) < 20 else f"Texts({len(self)})"
