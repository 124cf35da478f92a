"""Protocol buffers on the wire: varints and fields, read by compiled kernels that stay inside their bytes.

The encoding is that of https://protobuf.dev/programming-guides/encoding/. A position of -1 means that the
bytes are damaged: every caller checks it before it goes on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled

Bytes = NDArray[np.uint8]

VARINT, EIGHT, PIECE, FOUR = 0, 1, 2, 5
"""Kinds of fields: a number, 8 bytes, a length with as many bytes, 4 bytes."""


@compiled
def zero() -> int:
    """Return 0 as a number like any other: for functions called with the literal numba compiles a copy."""
    return 0


@compiled
def varint(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Read a varint: (its 64 bits as a signed number, the position behind it or -1)."""
    value, shift = zero(), zero()
    while at < end and shift < 70:
        byte = data[at] + zero()  # signed: a bare byte, or int() of it, is unsigned in numba
        at += 1
        if shift < 64:
            value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    return value, -1


@compiled
def signed(value: int) -> int:
    """Undo the zigzag of sint64."""
    return ((value >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1)


@compiled
def field(data: Bytes, at: int, end: int) -> tuple[int, int, int, int, int]:
    """Read a field: (number, kind, value, first byte of its content, position behind it or -1).

    The value is that of a number, the content that of a piece; other kinds are stepped over.
    """
    tag, at = varint(data, at, end)
    if at < 0 or tag < 8 or tag > 0xFFFFFFFF:
        return 0, 0, 0, 0, -1
    number, kind = tag >> 3, tag & 7
    if kind == VARINT:
        value, after = varint(data, at, end)
        return number, kind, value, at, after
    if kind == PIECE:
        size, at = varint(data, at, end)
        if at < 0 or size < 0 or size > end - at:
            return 0, 0, 0, 0, -1
        return number, kind, size, at, at + size
    size = 8 if kind == EIGHT else 4
    if kind not in (EIGHT, FOUR) or size > end - at:
        return 0, 0, 0, 0, -1
    return number, kind, 0, at, at + size


@compiled
def count(data: Bytes, at: int, end: int) -> int:
    """Count the varints of a packed array: bytes without a sign to go on; -1 where the last is cut off."""
    total = 0
    for position in range(at, end):
        total += data[position] < 128
    if end > at and data[end - 1] > 127:
        return -1
    return total


@compiled
def mixed(value: int, salt: int) -> int:
    """Mix 64 bits: the finaliser of splitmix64 (Steele, Lea and Flood 2014, OOPSLA, p. 453)."""
    bits = np.uint64(value) + np.uint64(salt) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return int(np.int64(bits ^ (bits >> np.uint64(31))))
