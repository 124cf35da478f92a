"""The lines of a shapefile, read straight from the bytes (ESRI Shapefile Technical Description, 1998)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Problem
from ..intake import shapefile
from ..intake.features import system_of_wkt
from .line_layer import (
    DAMAGED,
    EMPTY,
    LONGEST_LINE,
    MOST_VERTICES,
    NO_LINE,
    TOO_LONG,
    Coordinates,
    LineLayer,
    damaged,
    read_content,
    select,
)


def read_shapefile_lines(content: bytes, path: Path, file: str) -> LineLayer:
    """Read a shapefile with its .dbf, .shx, .prj and .cpg; text is UTF-8 or GB 18030 where .cpg lacks."""
    table = _beside(path, ".dbf")
    if table is None:
        fix = "请把同名的 .dbf、.shx、.prj、.cpg 文件放在一起"
        raise InputError(Problem(file, "缺少属性文件 .dbf, 不知道道路的等级", fix=fix))
    page = (_beside(path, ".cpg") or b"")[:64].decode("ascii", "ignore").strip()
    cells = shapefile.read_dbase(table, page, file=file)
    x, y, start, row, n, faults = _shapes(content, _beside(path, ".shx"), file)
    n = min(n, len(cells.deleted))
    gone = np.array(cells.deleted[:n], bool)
    place = np.cumsum(~gone) - 1
    use = row < n
    use[use] = ~gone[row[use]]
    x, y, start = select(x, y, start, use)
    faults = {code: place[[at for at in rows if at < n and not gone[at]]] for code, rows in faults.items()}
    columns = {
        name: [cell for cell, lost in zip(values, gone, strict=False) if not lost]
        for name, values in cells.columns.items()
    }
    crs = system_of_wkt(_text(_beside(path, ".prj")))[0] if _beside(path, ".prj") else ""
    return LineLayer(x, y, start, place[row[use]], int((~gone).sum()), columns, crs, faults, path.stem)


def _text(raw: bytes | None) -> str:
    return (raw or b"")[:65536].decode("utf-8", "replace").lstrip("\ufeff").strip()


def _beside(path: Path, ending: str) -> bytes | None:
    """Read the file of the same stem with another ending, in either case; None where there is none."""
    for name in (path.with_suffix(ending), path.with_suffix(ending.upper())):
        if name.is_file():
            return read_content(name, name.name)
    return None


def _shapes(shp: bytes, shx: bytes | None, file: str) -> tuple[Any, Any, Any, Any, int, dict[str, Any]]:
    """Read the polylines of a .shp file (ESRI Shapefile Technical Description, 1998, p. 7-9)."""
    if len(shp) < 100:
        raise damaged(file)
    raw = np.frombuffer(shp, np.uint8)
    at, size = _records(shp, raw, shx)
    kind = np.where(size >= 4, _words(raw, at, size >= 4), 0)
    line = np.isin(kind, (3, 13, 23)) & (size >= 44)
    n_parts, n_points = (np.where(line, _words(raw, at + shift, line), 0) for shift in (36, 40))
    fits = line & (n_parts > 0) & (n_points > 1) & (44 + 4 * n_parts + 16 * n_points <= size)
    long = fits & (n_points > LONGEST_LINE)
    good = np.flatnonzero(fits & ~long)
    faults = {
        EMPTY: np.flatnonzero((size == 0) | ((kind == 0) & (size >= 4)) | (line & (n_points == 0))),
        DAMAGED: np.flatnonzero(line & ~fits & (n_points > 0) | ((size > 0) & (size < 4))),
        TOO_LONG: np.flatnonzero(long),
        NO_LINE: np.flatnonzero((kind != 0) & ~line),
    }
    if n_points[good].sum() > MOST_VERTICES:
        raise InputError(Problem(file, f"图层不能超过 {MOST_VERTICES} 个折点", fix="请裁剪后再导入"))
    part, row, bad = _parts(raw, at[good] + 44, n_parts[good], n_points[good])
    faults[DAMAGED] = np.union1d(faults[DAMAGED], good[bad])
    first, count = part
    start = np.zeros(len(first) + 1, np.int64)
    np.cumsum(count, out=start[1:])
    byte = np.repeat(first - 16 * start[:-1], count) + 16 * np.arange(start[-1])
    return _doubles(raw, byte), _doubles(raw, byte + 8), start, good[row], len(at), faults


def _records(shp: bytes, raw: NDArray[np.uint8], shx: bytes | None) -> tuple[Any, Any]:
    """List where the content of each record begins and its bytes: by the index where it fits the file."""
    n = (len(shx) - 100) // 8 if shx and shx[:4] == shapefile.MAGIC else 0
    if shx and n > 0:
        places = 2 * np.frombuffer(shx, ">u4", 2 * n, 100).astype(np.int64).reshape(-1, 2)
        at, size = places[:, 0] + 8, places[:, 1]
        if (at >= 108).all() and (at + size <= len(shp)).all() and size.sum() <= len(shp):
            said = 2 * _words(raw, at - 4, np.ones(n, bool), big=True)
            if len(np.unique(at)) == n and np.array_equal(said, size):
                return at, size
    found, here = [], 100
    while here + 8 <= len(shp):
        size_here = 2 * int.from_bytes(shp[here + 4 : here + 8], "big")
        if here + 8 + size_here > len(shp):
            break
        found.append((here + 8, size_here))
        here += 8 + size_here
    both = np.array(found, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _words(raw: NDArray[np.uint8], at: Any, where: Any, *, big: bool = False) -> NDArray[np.int64]:
    """Gather unsigned 32-bit integers at byte positions; 0 where not ``where``."""
    out = np.zeros(len(at), np.int64)
    some = at[where]
    for byte in range(4):
        out[where] |= raw[some + byte].astype(np.int64) << (8 * (3 - byte if big else byte))
    return out


def _doubles(raw: NDArray[np.uint8], at: NDArray[np.int64]) -> Coordinates:
    """Gather doubles at byte positions of any alignment."""
    out = np.empty(len(at))
    for shift in range(8):
        own = at % 8 == shift
        if own.any():
            out[own] = np.frombuffer(raw, "<f8", (len(raw) - shift) // 8, shift)[at[own] // 8]
    return out


def _parts(raw: NDArray[np.uint8], at: Any, n_parts: Any, n_points: Any) -> tuple[Any, Any, Any]:
    """List the parts of polylines: (first byte of the points, points), their row, and the rows that are bad.

    ``at`` is where the list of first points begins; the points follow it.
    """
    row = np.repeat(np.arange(len(at)), n_parts)
    begin = np.cumsum(n_parts) - n_parts
    place = np.arange(len(row)) - begin[row]
    first = _words(raw, at[row] + 4 * place, np.ones(len(row), bool))
    last = np.empty_like(first)
    last[:-1] = first[1:]
    final = place == n_parts[row] - 1
    last[final] = n_points[row[final]]
    wrong = (last < first) | (last > n_points[row]) | ((place == 0) & (first != 0))
    bad = np.unique(row[wrong])
    use = ~np.isin(row, bad) & (last - first >= 2)
    points = at + 4 * n_parts
    return (points[row[use]] + 16 * first[use], (last - first)[use]), row[use], bad
