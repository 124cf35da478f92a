"""Tables of shapefiles (dBASE III), each column as wide as its widest value.

GDAL writes every text 80 and every number 24 bytes wide, which makes the table of the cells ten times as
large as what it says.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 254
"""Bytes of a text."""
_MOST_DIGITS = 7
"""Digits after the point: more than any column of an export has."""
_MADE = (100, 1, 1)
"""Date that the table keeps, years since 1900: fixed, so that the same layers give the same bytes."""


@dataclass(frozen=True)
class Field:
    """A column: its name, at most ten ASCII bytes, its values, and which of them are missing."""

    name: str
    values: NDArray[Any]
    """(n,) whole numbers, numbers, or texts (object, None where missing)."""
    missing: NDArray[np.bool_]


def write_dbf(path: Path, fields: Sequence[Field]) -> None:
    """Write a table in UTF-8; missing values are blanks, which every reader takes for nothing.

    Source of the format: Erik Bachmann, "Xbase File Format Description" (dBASE III PLUS without memo).
    """
    count = len(fields[0].values)
    columns = [_column(each) for each in fields]
    width = 1 + sum(cells.dtype.itemsize for cells, _, _ in columns)
    head = struct.pack("<4BIHH20x", 3, *_MADE, count, 33 + 32 * len(fields), width)
    for each, (cells, kind, digits) in zip(fields, columns, strict=True):
        name = each.name.encode("ascii")
        head += struct.pack("<11sc4xBB14x", name, kind, cells.dtype.itemsize, digits)
    rows = np.full((count, width), ord(" "), np.uint8)
    at = 1
    for cells, _, _ in columns:
        size = cells.dtype.itemsize
        rows[:, at : at + size] = cells.view(np.uint8).reshape(count, size)
        at += size
    path.write_bytes(head + b"\r" + rows.tobytes() + b"\x1a")


def _column(field: Field) -> tuple[NDArray[np.bytes_], bytes, int]:
    """Write the values of a column in bytes of one width; returns them, its type and its digits."""
    if field.values.dtype == object:
        texts = np.where(field.missing, "", field.values).astype(str)
        found, place = np.unique(texts, return_inverse=True)
        cells = np.char.encode(found, "utf-8")
        return _padded(cells, np.char.ljust)[place], b"C", 0
    numbers = np.where(field.missing, 0, field.values)
    digits = 0 if field.values.dtype.kind in "iu" else _digits(numbers)
    texts = np.char.mod(f"%.{digits}f" if digits else "%d", numbers)
    cells = np.where(field.missing, b"", np.char.encode(texts, "ascii"))
    return _padded(cells, np.char.rjust), b"N", digits


def _digits(numbers: NDArray[np.float64]) -> int:
    """Find how many digits after the point say all of the numbers."""
    for digits in range(_MOST_DIGITS):
        if np.array_equal(np.round(numbers, digits), numbers):
            return digits
    return _MOST_DIGITS


def _padded(cells: NDArray[np.bytes_], fill: Any) -> NDArray[np.bytes_]:
    width = max(1, int(np.char.str_len(cells).max(initial=1)))
    return np.asarray(fill(cells, width), f"S{width}")
