"""How a page keeps its data: JSON that is safe in a script element, each piece once, arrays packed.

A packed array is base64 of deflate (zlib format) of its differences, written byte by weight: all low bytes
first, then the next. Times and places of neighbouring cells differ little, so most bytes are alike.
``assets/page-base.js`` undoes it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KINDS: dict[str, np.dtype[Any]] = {name: np.dtype(name) for name in ("u1", "u2", "u4", "i4")}


class Pool:
    """Pieces of data, each kept once and referred to by its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, piece: Any) -> int:
        """Keep a piece and return its number; an equal piece has the same."""
        return self._numbers.setdefault(dump(piece), len(self._numbers))

    def text(self) -> str:
        """Write the pieces as a JSON array."""
        return f"[{','.join(self._numbers)}]"


def dump(piece: Any) -> str:
    """Write JSON that is safe inside a ``<script>`` element: no tag or comment can begin or end in it."""
    text = json.dumps(piece, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def pack(values: NDArray[Any], kind: str) -> dict[str, Any]:
    """Pack whole numbers.

    Parameters
    ----------
    kind
        ``u1``, ``u2``, ``u4`` (unsigned, that many bytes) or ``i4``.

    Raises
    ------
    ValueError
        A value does not fit.

    Examples
    --------
    >>> unpack(pack(np.array([3, 1, 65535]), "u2")).tolist()
    [3, 1, 65535]
    """
    whole, limits = np.asarray(values), np.iinfo(_KINDS[kind])
    if len(whole) and not (limits.min <= whole.min() and whole.max() <= limits.max):
        raise ValueError(f"values do not fit {kind}")
    typed = whole.astype(_KINDS[kind])
    steps = np.diff(typed, prepend=typed.dtype.type(0))  # runs over as the page's typed arrays do
    by_weight = steps.view(np.uint8).reshape(len(typed), typed.itemsize).T.tobytes()
    return {"t": kind, "n": len(typed), "z": _deflated(by_weight)}


def pack_texts(texts: Sequence[str]) -> dict[str, Any]:
    """Pack lines of text; none may hold a line break (``words.one_line`` makes them so)."""
    return {"t": "text", "n": len(texts), "z": _deflated("\n".join(texts).encode())}


def unpack(packed: dict[str, Any]) -> NDArray[Any]:
    """Read what `pack` wrote, or the lines of `pack_texts`."""
    content = zlib.decompress(base64.b64decode(packed["z"]))
    if packed["t"] == "text":
        return np.array(content.decode().split("\n") if packed["n"] else [], object)
    kind, n = _KINDS[packed["t"]], packed["n"]
    steps = np.frombuffer(content, np.uint8).reshape(kind.itemsize, n).T.copy().view(kind).ravel()
    return np.cumsum(steps, dtype=kind)


def _deflated(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()
