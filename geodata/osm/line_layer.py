"""LineLayer: the rows of a line layer as they were read, and what its readers share."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Problem
from ..intake.features import from_wkb

Coordinates = NDArray[np.float64]

MOST_BYTES = 1 << 30
"""Largest file that is opened: the roads of Jiangxi as a shapefile have about a tenth of it."""

MOST_VERTICES = 50_000_000
"""Most vertices of a layer."""

LONGEST_LINE = 1_000_000
"""Most vertices of one row; a row with more is left out."""

EMPTY, NO_LINE, TOO_LONG, DAMAGED = "row_empty", "row_no_line", "row_too_long", "row_damaged"

KNOWN = "请提供 Shapefile、GeoPackage、GeoJSON 或 GeoParquet 格式的道路线图层"


@dataclass(frozen=True)
class LineLayer:
    """n rows, of which some have lines: l lines with v vertices together."""

    x: Coordinates
    """(v,) coordinates in ``crs``, not checked."""
    y: Coordinates
    start: NDArray[np.int64]
    """(l + 1,) first vertex of each line; a line has at least two."""
    row: NDArray[np.int64]
    """(l,) row of each line, ascending from 0."""
    n_rows: int
    columns: Mapping[str, Sequence[Any]]
    """Header → n cells."""
    crs: str
    """``EPSG:…`` or WKT; empty where the file states none."""
    faults: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Code → rows that gave no line."""
    name: str = ""
    """Name of the layer in its file."""


def read_content(path: Path, file: str, *, most: int = MOST_BYTES) -> bytes:
    """Read a regular file whole; raises ``InputError`` if it is none, too large or not readable."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as stream:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise InputError(Problem(file, "不是普通文件 (是文件夹、管道或设备)", fix=KNOWN))
            if facts.st_size > most:
                what = f"文件不能超过 {most >> 20} MB"
                raise InputError(Problem(file, what, f"{facts.st_size >> 20} MB", "请裁剪到所需范围后再导入"))
            content = stream.read(most + 1)
    except FileNotFoundError:
        raise InputError(Problem(file, "文件不存在", fix="请核对路径和文件名")) from None
    except IsADirectoryError:
        raise InputError(Problem(file, "是文件夹, 不是文件", fix=KNOWN)) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(Problem(file, "文件无法读取", why, "请确认文件没有被占用且有读取权限")) from None
    if not content:
        raise InputError(Problem(file, "文件是空的", fix=KNOWN))
    return content


def damaged(file: str, what: str = "文件已损坏, 无法读取") -> InputError:
    """Make the error of a file that is not what its first bytes say."""
    return InputError(Problem(file, what, fix="请用 QGIS 打开检查, 并重新导出"))


def from_blobs(blobs: Sequence[bytes | None]) -> tuple[Any, ...]:
    """Turn well-known binary into ``(x, y, start, row, faults)`` of a layer; Multi split, Z and M dropped.

    A blob of None or b"" is an empty geometry.
    """
    import shapely  # noqa: PLC0415  (a quarter of a second)

    long_wkb = 16 * LONGEST_LINE
    given = np.array([blob is not None and len(blob) > 0 for blob in blobs], bool)
    too_long = np.array([blob is not None and len(blob) > long_wkb for blob in blobs], bool)
    keep = [blob if use else None for blob, use in zip(blobs, given & ~too_long, strict=True)]
    with np.errstate(invalid="ignore"):  # NaN as a coordinate is found later
        shapes = np.array(from_wkb(keep), object)
    kind = shapely.get_type_id(shapes)
    empty = ~given | ((kind >= 0) & shapely.is_empty(shapes))
    lines = np.isin(kind, (1, 2, 5)) & ~empty
    parts, row = shapely.get_parts(shapes[lines], return_index=True)
    pairs, at = shapely.get_coordinates(parts, return_index=True)
    start = np.zeros(len(parts) + 1, np.int64)
    np.cumsum(np.bincount(at, minlength=len(parts)), out=start[1:])
    faults = {
        EMPTY: np.flatnonzero(empty),
        TOO_LONG: np.flatnonzero(too_long),
        DAMAGED: np.flatnonzero(given & ~too_long & (kind < 0)),
        NO_LINE: np.flatnonzero((kind >= 0) & ~empty & ~lines),
    }
    return pairs[:, 0], pairs[:, 1], start, np.flatnonzero(lines)[row], faults


def select(x: Coordinates, y: Coordinates, start: Any, use: Any) -> tuple[Any, Any, Any]:
    """Keep some of the lines."""
    size = np.diff(start)
    kept = np.repeat(use, size)
    after = np.zeros(int(use.sum()) + 1, np.int64)
    np.cumsum(size[use], out=after[1:])
    return x[kept], y[kept], after
