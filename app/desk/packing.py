"""Arrays of whole numbers as short texts that a browser turns back: varints, deflate, base64."""

from __future__ import annotations

import base64
import zlib
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

How = Literal["u", "i", "d"]
"""``u``: whole numbers from 0; ``i``: any whole numbers; ``d``: as differences to the one before."""

_BITS, _MOST_BYTES = 7, 5
_LEVEL = 9
_BYTE = 256


def pack(values: ArrayLike, how: How = "u") -> dict[str, Any]:
    """Pack whole numbers; ``web/unpack.js`` undoes it.

    Numbers below 256 (``u``) are one byte each. Others are written seven bits a byte, the lowest first, as in
    Protocol Buffers (varint; signed ones zigzag, protobuf.dev/programming-guides/encoding). Then comes
    deflate in the zlib format (RFC 1950), and base64.

    Raises
    ------
    ValueError
        A number is negative (``u``), or does not fit into 31 bits.

    Examples
    --------
    >>> packed = pack([3, 4, 4, 5], "d")
    >>> packed["how"], packed["n"], unpack(packed).tolist()
    ('d', 4, [3, 4, 4, 5])
    """
    array = np.asarray(values).astype(np.int64).ravel()
    if how == "u" and array.min(initial=0) < 0:
        raise ValueError("a negative number is packed as unsigned")
    if np.abs(array).max(initial=0) >= 1 << 31:
        raise ValueError("a number does not fit into 31 bits")
    plain = how == "u" and int(array.max(initial=0)) < _BYTE
    data = array.astype(np.uint8).tobytes() if plain else _varints(_unsigned(array, how))
    text = base64.b64encode(zlib.compress(data, _LEVEL)).decode()
    return {"how": "b" if plain else how, "n": len(array), "z": text}


def unpack(packed: dict[str, Any]) -> NDArray[np.int64]:
    """Give back what `pack` packed."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(packed["z"])), np.uint8)
    if packed["how"] == "b":
        return data.astype(np.int64)
    end = np.flatnonzero(data < 1 << _BITS)
    first = np.concatenate([[0], end[:-1] + 1]) if len(end) else end
    place = np.arange(len(data)) - np.repeat(first, end - first + 1)
    parts = (data.astype(np.int64) & 127) << (_BITS * place)
    values = np.add.reduceat(parts, first) if len(first) else np.empty(0, np.int64)
    if packed["how"] != "u":
        values = (values >> 1) ^ -(values & 1)
    return np.cumsum(values) if packed["how"] == "d" else values


def _unsigned(array: NDArray[np.int64], how: How) -> NDArray[np.int64]:
    if how == "u":
        return array
    signed = np.diff(array, prepend=np.int64(0)) if how == "d" else array
    return (signed << 1) ^ (signed >> 63)


def _varints(values: NDArray[np.int64]) -> bytes:
    shift = _BITS * np.arange(_MOST_BYTES)
    more = values[:, None] >= (np.int64(1) << (shift + _BITS))
    parts = ((values[:, None] >> shift) & 127) | np.where(more, 128, 0)
    kept = np.concatenate([np.ones((len(values), 1), bool), more[:, :-1]], axis=1)
    return bytes(parts.astype(np.uint8)[kept].tobytes())
