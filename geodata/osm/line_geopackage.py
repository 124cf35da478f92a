"""The line layer of a GeoPackage, read with sqlite from memory as intake does: nothing in it is run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from ..errors import InputError, Problem
from ..intake import geopackage
from ..intake.features import system_of_wkt
from ..intake.limits import MOST_ROWS
from .line_layer import LineLayer, damaged, from_blobs

MOST_TEXT = 1 << 30
"""Most bytes of text and geometry that are read."""


def read_geopackage_lines(content: bytes, *, file: str, layer: str | None) -> LineLayer:
    """Read a layer with geometry from the bytes of a GeoPackage.

    Raises
    ------
    InputError
        It is damaged, or there is no such layer, or several and none was named.
    """
    with opened(content, file) as base:
        entries = {entry.name: entry for entry in geopackage.contents(base, file) if entry.geometry}
        name = _choose(list(entries), layer, file)
        entry = entries[name]
        columns, blobs = read_table(base, name, entry.geometry, file)
    crs = entry.crs if entry.crs.startswith("EPSG:") else system_of_wkt(entry.crs)[0]
    x, y, start, row, faults = from_blobs(blobs)
    return LineLayer(x, y, start, row, len(blobs), columns, crs, faults, name)


class opened(closing[sqlite3.Connection]):  # noqa: N801  (a context manager, used like a function)
    """Open the bytes of a GeoPackage in memory, for reading only; damage becomes ``InputError``."""

    def __init__(self, content: bytes, file: str) -> None:
        """Take the bytes and the name of the file."""
        self.file = file
        base = sqlite3.connect(":memory:")
        try:
            geopackage.secure(base, content)
        except (sqlite3.Error, OverflowError, MemoryError):
            base.close()
            raise damaged(file, "GeoPackage 已损坏, 无法读取") from None
        super().__init__(base)

    def __exit__(self, *exc: Any) -> None:
        """Close, and turn errors of the database into one that a user can read."""
        super().__exit__(*exc)
        if isinstance(exc[1], sqlite3.Error | OverflowError | UnicodeError | MemoryError):
            raise damaged(self.file, "GeoPackage 已损坏, 无法读取") from None


def _choose(names: list[str], layer: str | None, file: str) -> str:
    if layer is not None and layer in names:
        return layer
    listed = "、".join(names[:20]) or "无"
    if layer is not None:
        raise InputError(Problem(file, f"没有名为 {layer[:60]} 的图层", fix=f"可选的图层有: {listed}"))
    if not names:
        raise InputError(Problem(file, "GeoPackage 中没有带几何的图层", fix="请核对文件"))
    if len(names) > 1:
        raise InputError(Problem(file, f"有 {len(names)} 个图层", fix=f"请指明图层 (layer): {listed}"))
    return names[0]


def read_table(
    base: sqlite3.Connection, name: str, geometry: str, file: str
) -> tuple[dict[str, list[Any]], list[bytes | None]]:
    """Read the columns of a table and, apart, the well-known binary of its geometry column."""
    facts = [fact for fact in geopackage.column_facts(base, name) if fact[6] == 0]
    names = [str(fact[1]) for fact in facts]
    listed = ", ".join(map(geopackage.quoted, names))
    cursor = base.execute(f"SELECT {listed} FROM {geopackage.quoted(name)}")  # noqa: S608 (quoted)
    rows: list[tuple[Any, ...]] = []
    size = 0
    while part := cursor.fetchmany(5000):
        rows += part
        size += sum(len(cell) for row in part for cell in row if isinstance(cell, str | bytes))
        if len(rows) > MOST_ROWS or size > MOST_TEXT:
            raise InputError(Problem(file, f"图层不能超过 {MOST_ROWS} 行", fix="请裁剪后再导入"))
    values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    columns: dict[str, list[Any]] = {}
    blobs: list[bytes | None] = [None] * len(rows)
    for column, cells in zip(names, values, strict=True):
        if column.lower() == geometry.lower():
            blobs = [geopackage.wkb_of(cell) for cell in cells]
        else:
            columns[column] = [None if isinstance(cell, bytes) else cell for cell in cells]
    return columns, blobs
