"""One raw table as a part of an intake: its columns converted, its coordinates read, nothing judged yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import datums
from ..layers import EXAMPLE
from ..types import ResourceType
from .batches import Batch, batch
from .cells import as_text, restored, tidy_code, tidy_text
from .codes import finding
from .headers import KEPT, ORIGINAL, MappedTable, map_headers
from .items import STOCK, read_items
from .model import Cells, Finding, HeaderMapping, RawTable
from .pairing import stated_by_titles
from .pairs import conflicts, geometry_pair, limited, read_pair, same_pair
from .values import convert_column, empty_value, factorize

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]

_RAW = frozenset({"lon", "lat", "crs", "orig_x", "orig_y", "orig_crs"})


@dataclass(frozen=True)
class Part:
    """One table, converted."""

    table: RawTable
    mapping: HeaderMapping
    columns: Mapping[str, str]
    """Attribute → header, also of lon and lat."""
    values: Mapping[str, Cells]
    """Attribute → (n,) text, float, bool or None, of the attributes that the file has."""
    first: Numbers
    """(n,) longitude or easting as read, NaN where there is none."""
    second: Numbers
    missing: Flags
    """(n,) whether a row has no coordinates (not: wrong ones)."""
    stated: Cells
    """(n,) canonical coordinate system that is stated for the row, empty where none is."""
    stated_by: Cells
    """(n,) who states it."""
    example: Flags
    batches: tuple[Batch, ...]
    findings: tuple[Finding, ...]
    kept: Mapping[str, tuple[Cells, Flags]]
    """Header → cells and the rows in which they go to the extras as they were."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.table.n_rows


def make_part(
    table: RawTable, rtype: ResourceType, *, chosen: Mapping[str, str] | None = None, crs: str = ""
) -> Part:
    """Map the headers of a table and convert its columns.

    Parameters
    ----------
    chosen
        As `headers.map_headers` takes it.
    crs
        Canonical coordinate system that the user names; it goes before every other statement.
    """
    mapped = map_headers(table, rtype, chosen)
    values, batches, kept = _convert(table, rtype, mapped)
    values |= _originals(table, mapped)
    where = _read_coordinates(table, mapped)
    if where.rough.any():
        given = values.get("position", np.full(table.n_rows, None, object))
        values["position"] = np.where(where.rough & pd.isna(given), "近似", given)
    stated, stated_by, system_batches = _statements(table, mapped, where, crs)
    names = {name: header for header, name in mapped.mapping.attributes.items()}
    example = _examples(table, values)
    return Part(
        table=table,
        mapping=mapped.mapping,
        columns={**names, **mapped.columns},
        values=values,
        first=where.first,
        second=where.second,
        missing=where.missing,
        stated=stated,
        stated_by=stated_by,
        example=example,
        batches=(*batches, *where.batches, *system_batches),
        findings=(*mapped.findings, *_system_findings(table, mapped, where.system, crs)),
        kept={**kept, **where.kept},
    )


def _convert(
    table: RawTable, rtype: ResourceType, mapped: MappedTable
) -> tuple[dict[str, Cells], list[Batch], dict[str, tuple[Cells, Flags]]]:
    """Convert the columns of all attributes but the coordinates and their systems."""
    values: dict[str, Cells] = {}
    batches: list[Batch] = []
    kept: dict[str, tuple[Cells, Flags]] = {}
    for name, header in mapped.columns.items():
        if name in _RAW:
            continue
        cells = table.columns[header]
        column = convert_column(
            cells, rtype.attribute(name), header=header, factor=mapped.factors.get(header, 1.0)
        )
        values[name] = column.values
        batches += column.batches
        if column.keep.any():
            kept[original_of(header, table)] = (cells, column.keep)
    if mapped.items:
        values[STOCK], told, unread = read_items(table, mapped.items, values.get(STOCK))
        batches += told
        kept |= {
            original_of(header, table): (table.columns[header], rows)
            for header, rows in unread.items()
            if rows.any()
        }
    return values, batches, kept


def original_of(header: str, table: RawTable) -> str:
    """Name of the extra that keeps a column's cells as they were; never a header that the file has."""
    name = header + ORIGINAL
    while name in table.columns:
        name += ORIGINAL
    return name


def _originals(table: RawTable, mapped: MappedTable) -> dict[str, Cells]:
    """Read the original coordinates of a file that boai exported: they are taken as they are."""
    values: dict[str, Cells] = {}
    for name in ("orig_x", "orig_y"):
        if name in mapped.columns:
            values[name] = np.array([_number(cell) for cell in table.columns[mapped.columns[name]]], object)
    if "orig_crs" in mapped.columns:
        values["orig_crs"] = np.array(
            [tidy_text(c) or None for c in table.columns[mapped.columns["orig_crs"]]], object
        )
    return values


def _number(cell: object) -> float | None:
    try:
        value = float(tidy_code(cell)) if not isinstance(cell, bool) else np.nan
    except ValueError:
        return None
    return value if np.isfinite(value) else None


# Coordinates


@dataclass(frozen=True)
class _Where:
    first: Numbers
    second: Numbers
    missing: Flags
    system: Cells
    """(n,) system that the header or the file's own statement names for the pair that is used."""
    several: bool
    """Whether there are several pairs, so that a column 坐标系 speaks of those without a named system."""
    rough: Flags
    """(n,) whether the coordinates are too rough for more than the neighbourhood."""
    batches: tuple[Batch, ...]
    kept: Mapping[str, tuple[Cells, Flags]]


def _read_coordinates(table: RawTable, mapped: MappedTable) -> _Where:
    """Read the pairs of a table, the best first; a row takes the first pair that it has."""
    n = table.n_rows
    pairs = [*geometry_pair(table), *(read_pair(table, pair) for pair in mapped.pairs)]
    first, second = np.full(n, np.nan), np.full(n, np.nan)
    missing, system = np.ones(n, bool), np.full(n, "", object)
    rough = np.zeros(n, bool)
    batches: list[Batch] = []
    kept: dict[str, tuple[Cells, Flags]] = {}
    for pair in pairs:
        here = missing & ~pair.missing
        first[here], second[here], system[here] = pair.first[here], pair.second[here], pair.system
        rough |= here & pair.rough
        batches += [one for each in pair.batches for one in limited(each, here)]
        missing &= pair.missing
        other = ~pair.missing & ~here & ~same_pair(pair, first, second)
        for header in pair.headers:
            if header in mapped.mapping.attributes and other.any():
                kept[original_of(header, table)] = (table.columns[header], other)
    batches += conflicts(pairs)
    return _Where(first, second, missing, system, len(pairs) > 1, rough, tuple(batches), kept)


# Who says which system


def _statements(
    table: RawTable, mapped: MappedTable, where: _Where, crs: str
) -> tuple[Cells, Cells, list[Batch]]:
    """Find the system that is stated for each row, and by whom: user, column, header or file, titles."""
    n, header = table.n_rows, mapped.columns.get("crs", "")
    stated, by = np.full(n, "", object), np.full(n, "", object)
    column, unknown = np.full(n, "", object), np.zeros(n, bool)
    if header:
        column, unknown = _system_column(table.columns[header])
    title, who = stated_by_titles(table)
    own = (where.system, "文件自带坐标系" if table.x is not None else "表头")
    order = [own, (column, "坐标系列")] if where.several and table.x is None else [(column, "坐标系列"), own]
    user = np.full(n, crs, object)
    if _of_several(crs, where.system):  # it says which pair the user means, not what the others are
        user = np.where(where.system == "", user, "")
    for system, name in ((user, "命令参数"), *order, (np.full(n, title, object), who)):
        take = (stated == "") & (system != "")
        stated[take], by[take] = system[take], name
    fix = "请写 WGS84、GCJ-02、BD-09 或 CGCS2000, 不清楚可留空"
    flags = unknown & (stated == "")
    cells = table.columns[header] if header else None
    return stated, by, batch("crs_unknown", flags, column=header, got=cells, fix=fix)


def _of_several(crs: str, own: Cells) -> bool:
    """Whether the system that a user names is one of several that the headers of the pairs name."""
    named = {datums.plain(name) for name in set(own) - {""}}
    return bool(crs) and len(named) > 1 and datums.plain(crs) in named


def _system_column(cells: Cells) -> tuple[Cells, Flags]:
    """Read the names of systems in a column, and which are no known ones."""
    numbers, unique = factorize(cells)
    texts = [tidy_text(cell) for cell in unique]
    blank = [text in ("", "-", "/", "未知", "不详", "不清楚", "无") for text in texts]
    known = ["" if empty else datums.normal_system(text) for text, empty in zip(texts, blank, strict=True)]
    names = np.array([*(name or "" for name in known), ""], object)
    return names[numbers], np.array([*(name is None for name in known), False])[numbers]


def _system_findings(table: RawTable, mapped: MappedTable, own: Cells, crs: str) -> list[Finding]:
    """Warn where the file says two different things about its system; pairs of two named systems are none."""
    title, who = stated_by_titles(table)
    headers = {datums.plain(name): name for name in set(own) - {""}}
    said = {title: who} if title else {}
    column: set[str] = set()
    if "crs" in mapped.columns:
        column = set(_system_column(table.columns[mapped.columns["crs"]])[0]) - {""}
        said |= dict.fromkeys(column, "坐标系列")
    if crs:
        said = {**said, crs: "命令参数"}
    others = {datums.plain(name) for name in said}
    agreed = others <= set(headers) if headers else len(others) < 2
    if agreed or ("crs" in mapped.columns and not crs and not title and len(column) + len(headers) > 1):
        return []
    said = {**dict.fromkeys(headers.values(), "表头或文件"), **said}
    what = "坐标系说法不一: " + "; ".join(f"{who} {name}" for name, who in said.items())
    return [
        finding(
            "crs_stated_twice",
            what,
            file=table.file,
            sheet=table.sheet,
            fix="按命令参数、坐标系列、表头、表题的次序采用, 请核对",
        )
    ]


def _examples(table: RawTable, values: dict[str, Cells]) -> Flags:
    """Rows that are labelled as examples, by their source or a title of the table; the label that an export
    put before a source goes."""
    if "source" not in values:
        return np.full(table.n_rows, any(EXAMPLE in title for title in table.titles))
    sources = values["source"]
    labelled = np.array([isinstance(text, str) and EXAMPLE in text for text in sources], bool)
    own = [
        text.removeprefix(f"{EXAMPLE}; ") if mark else text
        for text, mark in zip(sources, labelled, strict=True)
    ]
    values["source"] = np.array([*own, None], object)[:-1]
    return labelled | any(EXAMPLE in title for title in table.titles)


# Extras


def extras_of(part: Part, more: Mapping[str, tuple[Cells, Flags]]) -> list[dict[str, str]]:
    """Cells of each row that no attribute holds: header → text as found; empty cells are left out."""
    columns = {header: (part.table.columns[header], None) for header in part.mapping.extras}
    kept = {**part.kept, **more}
    rows: list[dict[str, str]] = [{} for _ in range(part.n_rows)]
    for header, (cells, flags) in (*columns.items(), *kept.items()):
        name = restored(header).removeprefix(KEPT)
        wanted = range(part.n_rows) if flags is None else np.flatnonzero(flags)
        for row in wanted:
            cell = cells[row]
            if cell is not None:
                rows[row][name] = restored(as_text(cell))
    return rows


def as_column(values: Cells, name: str, rtype: ResourceType, *, default: bool = True) -> Cells:
    """Bring values to the form of a table of sites, with the default of the attribute where there is none."""
    attribute = rtype.attribute(name)
    blank = attribute.default if default and attribute.default is not None else empty_value(attribute)
    filled = np.where(pd.isna(values), np.array(blank, object), values) if len(values) else values
    if attribute.type in ("integer", "number", "longitude", "latitude"):
        return filled.astype(float)
    return filled.astype(object)
