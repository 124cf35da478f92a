"""GeoPackage: read with sqlite alone, from memory, nothing in it is run and no other file is opened."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from .codes import finding
from .features import Layer, from_wkb, points_of, system_of_wkt
from .limits import MOST_CELLS, MOST_COLUMNS, MOST_ROWS, MOST_SHEETS, refuse
from .model import Finding

MAGIC = b"SQLite format 3\x00"
_SECONDS = 60.0
_LONGEST = 10_000_000
_DAMAGED = "请用 QGIS 打开后重新导出"
_ENVELOPES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
_KEYS = frozenset({"fid", "ogc_fid"})
_FUNCTIONS = frozenset({
    "abs", "avg", "coalesce", "count", "date", "datetime", "format", "ifnull", "iif", "length", "lower",
    "ltrim", "max", "min", "nullif", "printf", "round", "rtrim", "strftime", "substr", "sum", "time",
    "total", "trim", "typeof", "upper",
})  # fmt: skip
"""Functions that views may call: none can be made to run for hours in a single call, when nobody looks at
the time limit (``instr``, ``replace`` and ``like`` can)."""
_COMPUTED = 2
"""What ``table_xinfo`` says of columns that are computed on reading; no authoriser is asked for these."""
_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})


@dataclass(frozen=True)
class _Entry:
    """A layer as the table of contents has it."""

    name: str
    is_view: bool
    """Whether it is a view or a virtual table."""
    geometry: str
    crs: str
    remark: str


def read_geopackage(
    content: bytes, *, file: str, wanted: Callable[[str, bool], bool]
) -> tuple[list[Layer], list[Finding]]:
    """Read the layers of a GeoPackage, with and without geometry; views only when there are no tables.

    The database is opened in memory with writing, recursion, extensions and untrusted functions off; triggers
    only fire on writing. A query that takes longer than a minute is stopped.

    Raises
    ------
    RefusedError
        The file is no GeoPackage, damaged or beyond the limits.
    """
    try:
        with closing(sqlite3.connect(":memory:")) as base:
            secure(base, content)
            entries = contents(base, file)
            chosen, found = _choose(entries, file, wanted)
            if any(entry.is_view for entry in chosen) and _computes(base):
                what = "只有视图, 且表中有计算字段, 不读取"
                raise refuse("unsafe_content", what, file=file, fix=_DAMAGED)
            return [_layer(base, entry, file) for entry in chosen], found
    except (sqlite3.Error, OverflowError, UnicodeError, MemoryError):
        raise refuse("file_unreadable", "GeoPackage 已损坏或无法读取", file=file, fix=_DAMAGED) from None


def secure(base: sqlite3.Connection, content: bytes) -> None:
    """Load the database and switch off everything but reading."""
    if content[18:20] == b"\x02\x02":  # write-ahead logging needs a second file, which memory does not have
        content = content[:18] + b"\x01\x01" + content[20:]
    base.deserialize(content)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"):
        base.execute(f"PRAGMA {pragma}")
    base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    base.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200)
    base.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    base.text_factory = _text
    end = time.monotonic() + _SECONDS
    base.set_progress_handler(lambda: int(time.monotonic() > end), 1_000)
    base.set_authorizer(_allow)


def _allow(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if first == "table_xinfo" else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in _FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def contents(base: sqlite3.Connection, file: str) -> list[_Entry]:
    """List the layers that the table of contents names and that exist."""
    query = "SELECT name, type, substr(sql, 1, 16) FROM sqlite_master WHERE type IN ('table', 'view')"
    kinds = {str(name).lower(): (str(name), kind, str(sql)) for name, kind, sql in base.execute(query)}
    if "gpkg_contents" not in kinds:
        what = "是 SQLite 数据库, 但不是 GeoPackage"
        raise refuse("unsupported_format", what, file=file, fix="请导出为 GeoPackage、xlsx 或 csv")
    geometries = {}
    if "gpkg_geometry_columns" in kinds:
        query = "SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns"
        geometries = {str(name).lower(): (str(column), srs) for name, column, srs in base.execute(query)}
    entries = []
    query = "SELECT table_name, data_type FROM gpkg_contents"
    for name, kind in base.execute(query).fetchmany(MOST_SHEETS):
        known = kinds.get(str(name).lower())  # SQLite does not tell a from A in names
        if known and kind in ("features", "attributes", "aspatial"):
            column, srs = geometries.get(str(name).lower(), ("", None))
            crs, remark = _system(base, srs) if column else ("", "")
            is_view = known[1] == "view" or known[2].upper().startswith("CREATE VIRTUAL")
            entries.append(_Entry(known[0], is_view, column, crs, remark))
    return entries


def _system(base: sqlite3.Connection, srs: Any) -> tuple[str, str]:
    """Read the coordinate system of a layer: EPSG code or WKT; -1 and 0 state none."""
    query = (
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?"
    )
    row = base.execute(query, (srs,)).fetchone()
    if row is None or srs in (-1, 0):
        return "", ""
    organization, code, definition = row
    if str(organization).upper() == "EPSG" and isinstance(code, int) and 0 < code < 1_000_000:
        return f"EPSG:{code}", ""
    return system_of_wkt(str(definition))


def _choose(
    entries: Sequence[_Entry], file: str, wanted: Callable[[str, bool], bool]
) -> tuple[list[_Entry], list[Finding]]:
    asked = [entry for entry in entries if wanted(entry.name, False)]
    tables = [entry for entry in asked if not entry.is_view] or asked
    found = [
        finding("sheet_skipped", "是视图或虚拟表, 没有读入", file=file, sheet=entry.name)
        for entry in asked
        if entry not in tables
    ]
    return tables, found


def column_facts(base: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    """List the columns of a table: name second, primary key sixth, whether computed seventh."""
    return base.execute(f"PRAGMA table_xinfo({quoted(table)})").fetchall()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _computes(base: sqlite3.Connection) -> bool:
    """Whether any table has a column that is computed when it is read."""
    tables = base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return any(fact[6] == _COMPUTED for (name,) in tables for fact in column_facts(base, str(name)))


def _layer(base: sqlite3.Connection, entry: _Entry, file: str) -> Layer:
    """Read one table."""
    facts = [fact for fact in column_facts(base, entry.name) if fact[6] not in (1, _COMPUTED)]
    names = [str(fact[1]) for fact in facts]
    if len(names) > MOST_COLUMNS:
        raise refuse("file_too_large", f"表格不能超过 {MOST_COLUMNS} 列", file=file, sheet=entry.name)
    query = f"SELECT {', '.join(map(quoted, names))} FROM {quoted(entry.name)}"  # noqa: S608 (quoted)
    rows = _rows(base.execute(query), len(names), file, entry.name)
    values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    keys = {str(fact[1]) for fact in facts if fact[5] and str(fact[1]).lower() in _KEYS}
    geometry = next((name for name in names if name.lower() == entry.geometry.lower()), "")
    columns: dict[str, list[Any]] = {}
    findings = [
        finding(
            "extra_column",
            "计算字段没有读入",
            severity="warning",
            column=str(fact[1]),
            fix="请另存为普通字段",
        )
        for fact in column_facts(base, entry.name)
        if fact[6] == _COMPUTED
    ]
    for name, cells in zip(names, values, strict=True):
        if name == geometry or name in keys:
            continue
        columns[name] = [None if isinstance(cell, bytes) else cell for cell in cells]
        if any(isinstance(cell, bytes) for cell in cells):
            findings.append(finding("extra_column", "二进制内容 (如照片) 没有读入", column=name))
    x = y = np.full(len(rows), np.nan)
    if geometry:
        x, y, said = points_of(from_wkb([wkb_of(cell) for cell in values[names.index(geometry)]]))
        findings += said
    if entry.remark:
        findings.append(finding("crs_unknown", entry.remark, severity="warning"))
    return Layer(
        entry.name, "gpkg", columns, x, y, entry.crs, spatial=bool(geometry), findings=tuple(findings)
    )


def _rows(cursor: sqlite3.Cursor, width: int, file: str, sheet: str) -> list[tuple[Any, ...]]:
    """Read the rows of a query within the limits."""
    rows: list[tuple[Any, ...]] = []
    size = 0
    while part := cursor.fetchmany(1000):
        rows += part
        size += sum(len(cell) for row in part for cell in row if isinstance(cell, str | bytes))
        if len(rows) > MOST_ROWS or len(rows) * width > MOST_CELLS or size > 4 * MOST_CELLS * 10:
            got = f"{len(rows)} 行 × {width} 列"
            raise refuse("file_too_large", "图层过大", file=file, sheet=sheet, got=got, fix="请拆分后再导入")
    return rows


def wkb_of(cell: Any) -> bytes | None:
    """Take the geometry out of a GeoPackage blob (OGC 12-128r18, 2.1.3); None where it is none or empty."""
    if not isinstance(cell, bytes) or len(cell) < 8 or cell[:2] != b"GP":
        return None
    envelope = _ENVELOPES.get(cell[3] >> 1 & 7)
    if envelope is None or cell[3] & 0x30:  # bits: extended type, empty
        return None
    return cell[8 + envelope :]
