"""Arrays and tables as bytes and back, exactly: one ``.npz`` without pickle, one text for one content."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Arrays = Mapping[str, NDArray[Any]]

MOST_BYTES = 1 << 30
"""Bytes of arrays that are unpacked at most: what a file claims is never trusted."""

DAMAGED = (
    ValueError, OSError, EOFError, KeyError, IndexError, TypeError, MemoryError, OverflowError, SyntaxError,
    NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What reading a file that somebody changed may raise."""

_PLAIN = (str, bool, int, float, type(None))


def pack(arrays: Arrays, *, level: int = 0) -> bytes:
    """Write arrays (any dtype but object) as the bytes of an ``.npz``; ``level``: of compression, 0 to 9.

    Examples
    --------
    >>> unpack(pack({"a": np.arange(3)}))["a"]
    array([0, 1, 2])
    """
    buffer = io.BytesIO()
    how = zipfile.ZIP_DEFLATED if level else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", how, compresslevel=level or None) as file:
        for name, array in arrays.items():
            # Opened by name an entry has the date of 1980: no time of today is written.
            with file.open(f"{name}.npy", "w", force_zip64=True) as part:
                np.lib.format.write_array(part, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, NDArray[Any]]:
    """Read arrays back; raises one of ``DAMAGED`` where the bytes are not those of `pack`."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        if sum(part.file_size for part in file.infolist()) > MOST_BYTES:
            raise ValueError("too large")
        found = {}
        for part in file.infolist():
            with file.open(part) as opened:
                array = np.lib.format.read_array(opened, allow_pickle=False)
                if opened.read(1):
                    raise ValueError(part.filename)
            found[part.filename.removesuffix(".npy")] = array
    return found


def text_array(value: object) -> NDArray[np.uint8]:
    """Turn values of JSON (also NaN and infinity) into an array of their canonical text."""
    text = json.dumps(value, sort_keys=True, default=lambda number: number.item())
    return np.frombuffer(text.encode("ascii"), np.uint8)


def text_value(array: NDArray[np.uint8]) -> Any:
    """Read values of JSON back."""
    return json.loads(bytes(np.asarray(array, np.uint8)))


def table_arrays(table: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Take a table apart: numbers as they are, texts, missing whole numbers and mixed columns as JSON.

    Raises
    ------
    TypeError
        A cell holds something else than text, a number, a truth value or nothing; or the index is no number.
    """
    import pandas as pd  # noqa: PLC0415 (slow to import)

    arrays: dict[str, NDArray[Any]] = {}
    columns = []
    for number, name in enumerate(table.columns):
        column = table[name]
        plain = isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf"
        columns.append([str(name), str(column.dtype)])
        arrays[f"{number}"] = column.to_numpy() if plain else _texts(column)
    counted = isinstance(table.index, pd.RangeIndex) and table.index.equals(pd.RangeIndex(len(table)))
    if not counted:
        arrays["index"] = np.asarray(table.index.to_numpy(), np.int64)
    return {"columns": text_array([columns, len(table)]), **arrays}


def _texts(column: pd.Series[Any]) -> NDArray[np.uint8]:
    import pandas as pd  # noqa: PLC0415 (slow to import)

    values = [value.item() if isinstance(value, np.generic) else value for value in column.tolist()]
    if not isinstance(column.dtype, np.dtype):  # of a type of its own, whose missing values come back as such
        values = [None if value is pd.NA else value for value in values]
    if not all(type(value) in _PLAIN for value in values):
        raise TypeError(f"{column.name}: {next(type(one) for one in values if type(one) not in _PLAIN)}")
    return text_array(values)


def arrays_table(arrays: Arrays) -> pd.DataFrame:
    """Put a table together again: equal to that of `table_arrays`, with all its types."""
    import pandas as pd  # noqa: PLC0415 (slow to import)

    columns, length = text_value(arrays["columns"])
    index = pd.Index(arrays["index"]) if "index" in arrays else pd.RangeIndex(length)
    if not columns:
        return pd.DataFrame(index=index)
    series = {}
    for number, (name, dtype) in enumerate(columns):
        stored = arrays[f"{number}"]
        as_text = stored.dtype == np.uint8 and dtype != "uint8"
        values = text_value(stored) if as_text else np.array(stored)
        series[name] = pd.Series(values, index=index, dtype=dtype)
    return pd.DataFrame(series)


def named(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Put a prefix before the names of arrays, so that several tables lie in one file."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def of_name(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Take the arrays of a prefix."""
    start = f"{prefix}."
    return {name.removeprefix(start): each for name, each in arrays.items() if name.startswith(start)}
