"""From converted parts to sites and quarantine: places, units, checks, and the rows that come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..types import COMMON, ResourceType
from . import checks, remarks
from .batches import Batch, findings_of
from .cells import as_text
from .counties import Stated
from .identity import make_ids
from .judging import Judged, judge_parts
from .model import Cells, Finding
from .parts import Flags, Numbers, Part, as_column, extras_of, original_of
from .places import Context
from .rows import PlacedRows, Points, Rows, gather, place_rows, points_of, text_of


@dataclass(frozen=True)
class Assembled:
    """Sites, quarantine, and what was found in the rows of each part."""

    sites: pd.DataFrame
    quarantine: pd.DataFrame
    findings: tuple[Finding, ...]
    judged: Judged


def assemble(
    parts: Sequence[Part], rtype: ResourceType, context: Context, *, confirm: bool, today: date
) -> Assembled:
    """Judge, place and check all rows of an intake, and divide them into sites and quarantine."""
    rows = gather(parts, rtype, context)
    towns = [text_of(rows, name) for name in ("township", "address")]
    judged = judge_parts(parts, context, rows.stated, towns, confirm=confirm)
    missing = np.concatenate([*(part.missing for part in parts), np.zeros(0, bool)])
    placed = place_rows(rows, context, missing)
    points = points_of(judged, placed)
    here, unit_batches = checks.check_units(context, *points.own, rows.stated, given=_numbers_of(rows))
    identity = remarks.identity_of(rows, points)
    batches = [
        *remarks.of_cells(rows),
        *remarks.missing_values(rows, rtype),
        *remarks.positions(rows, missing, placed),
        *remarks.unconvertible(rows, judged),
        *unit_batches,
        *remarks.units(rows, context, here),
        *remarks.doubles(rows, points, identity),
        *remarks.calendar(rows, today),
    ]
    frame = _Frame(rows, rtype, context, judged, points, _final_county(rows.stated, here, placed)).table()
    frame["made"] = frame["id"] == ""
    bad, findings = _divide(rows, batches, rtype)
    good = np.ones(rows.n, bool)
    good[list(bad)] = False
    sites = _with_ids(frame[good], identity[good], rtype.code)
    return Assembled(sites, _quarantine(rows, bad), findings, judged)


def _with_ids(sites: pd.DataFrame, identity: NDArray[np.uint64], kind: str) -> pd.DataFrame:
    """Give sites without an id one that is made of their content."""
    made = sites["made"].to_numpy(bool)
    ids = sites["id"].to_numpy(object).copy()
    ids[made] = make_ids(identity[made], kind, taken=set(ids[~made]))
    return sites.assign(id=pd.Series(ids, index=sites.index, dtype=object)).reset_index(drop=True)


def _final_county(stated: Stated, here: NDArray[np.int32], placed: PlacedRows) -> NDArray[np.int32]:
    """County of each row: as stated, by its code, by its point, by its place."""
    county = np.where(stated.county >= 0, stated.county, stated.code)
    conflict = (stated.county >= 0) & (stated.code >= 0) & (stated.county != stated.code)
    county = np.where(conflict & (here == stated.code), stated.code, county)
    county = np.where(county >= 0, county, here)
    return np.where(county >= 0, county, placed.take("county", -1)).astype(np.int32)


# The result


@dataclass(frozen=True)
class _Frame:
    """What the table of all rows, good and bad, is made of."""

    rows: Rows
    rtype: ResourceType
    context: Context
    judged: Judged
    points: Points
    county: NDArray[np.int32]

    def table(self) -> pd.DataFrame:
        """Write all rows as sites."""
        rows, values = self.rows, self._values()
        order = [*COMMON, *(attribute.name for attribute in self.rtype.own)]
        frame = pd.DataFrame({name: values[name] for name in order})
        frame["extras"] = pd.Series(_extras(rows), dtype=object)
        frame["example"] = np.concatenate([*(part.example for part in rows.parts), np.zeros(0, bool)])
        frame["file"] = _repeat(rows, [part.table.file for part in rows.parts])
        frame["sheet"] = _repeat(rows, [part.table.sheet for part in rows.parts])
        frame["row"] = np.concatenate([*(part.table.row for part in rows.parts), np.zeros(0, np.int64)])
        frame["given"] = _given(rows)
        return frame

    def _values(self) -> dict[str, NDArray[Any]]:
        """Values of all attributes, those of the units and the position as boai knows them."""
        names, units, point = self.context.names, self.context.units, self.points
        values: dict[str, NDArray[Any]] = {
            each.name: as_column(self.rows.values[each.name], each.name, self.rtype)
            for each in self.rtype.attributes
        }
        city = np.where(self.county >= 0, np.append(names.of_city, -1)[self.county], self.rows.stated.city)
        values["county"] = np.array([*names.county_name, ""], object)[self.county]
        values["county_code"] = np.array([*units.counties["code"].astype(str), ""], object)[self.county]
        values["city"] = np.array([*names.city_name, ""], object)[city]
        values["lon"], values["lat"] = point.lon, point.lat
        values["crs"] = np.where(np.isfinite(point.lon), "WGS84", "").astype(object)
        values["position"] = np.where(point.approximate, "近似", values["position"])
        return values | _original_values(self.rows, self.judged, point.approximate)


def _given(rows: Rows) -> pd.Series[Any]:
    """Attributes and headers that the table of each row has."""
    given = np.full(rows.n, None, object)
    for part, first, last in zip(rows.parts, rows.start, rows.start[1:], strict=False):
        own = frozenset(part.columns) | frozenset(part.table.columns)
        own |= {"lon", "lat"} if part.table.x is not None else set()
        given[first:last] = [own] * (last - first)
    return pd.Series(given, dtype=object)


def _repeat(rows: Rows, texts: Sequence[str]) -> Cells:
    return np.repeat(np.array([*texts, ""], object)[:-1], np.diff(rows.start))


def _numbers_of(rows: Rows) -> tuple[Numbers, Numbers]:
    """(n,) coordinates as the files give them, in their own systems."""
    first = np.concatenate([*(part.first for part in rows.parts), np.zeros(0)])
    return first, np.concatenate([*(part.second for part in rows.parts), np.zeros(0)])


def _original_values(rows: Rows, judged: Judged, approximate: Flags) -> dict[str, Cells | Numbers]:
    """Original coordinates: those of an exported file as they are, else what was read and its system."""
    first, second = _numbers_of(rows)
    x, y = (
        pd.to_numeric(pd.Series(rows.values[name]), errors="coerce").to_numpy(float)
        for name in ("orig_x", "orig_y")
    )
    crs = text_of(rows, "orig_crs")
    returned = np.isfinite(x) & np.isfinite(y) & (crs != "")
    own = ~returned & np.isfinite(judged.lon) & ~approximate
    return {
        "orig_x": np.where(returned, x, np.where(own, first, np.nan)),
        "orig_y": np.where(returned, y, np.where(own, second, np.nan)),
        "orig_crs": np.where(returned, crs, np.where(own, judged.system, "")).astype(object),
    }


def _extras(rows: Rows) -> list[dict[str, str]]:
    """Extras of all rows: unmapped columns, cells that could not be converted, units that are not known."""
    found: list[dict[str, str]] = []
    stated = rows.stated
    for part, first, last in zip(rows.parts, rows.start, rows.start[1:], strict=False):
        more = {}
        for name, flags in (
            ("county", stated.unknown | stated.beyond),
            (
                "county_code",
                stated.bad_code
                | ((stated.code >= 0) & (stated.county >= 0) & (stated.code != stated.county)),
            ),
            ("city", stated.city_conflict | stated.city_unknown),
        ):
            if name in part.columns and flags[first:last].any():
                header = part.columns[name]
                more[original_of(header, part.table)] = (part.table.columns[header], flags[first:last])
        found += extras_of(part, more)
    return found


def _divide(
    rows: Rows, batches: Sequence[Batch], rtype: ResourceType
) -> tuple[dict[int, list[tuple[str, str]]], tuple[Finding, ...]]:
    """Find the rows with errors, (code, text) of each, and tell all findings part by part."""
    bad: dict[int, list[tuple[str, str]]] = {}
    findings: list[Finding] = []
    number = np.repeat(np.arange(len(rows.parts)), np.diff(rows.start))
    split: list[list[Batch]] = [[] for _ in rows.parts]
    for one in batches:
        if one.level == "error":
            for place, row in enumerate(one.rows):
                bad.setdefault(int(row), []).append((one.code, one.text(place)))
        for part in np.unique(number[one.rows]):
            split[part].append(_local(one, number == part, rows, int(part), rtype))
    for at, (part, own) in enumerate(zip(rows.parts, split, strict=True)):
        findings += [*part.findings, *findings_of(own, part.table)]
        for found in part.table.findings:
            if found.severity == "error" and found.row is not None:
                for row in np.flatnonzero(part.table.row == found.row):
                    bad.setdefault(int(rows.start[at] + row), []).append((found.code, found.what))
    return bad, tuple(findings)


def _local(one: Batch, inside: Flags, rows: Rows, part: int, rtype: ResourceType) -> Batch:
    """Limit a batch to one part, with the positions and the header that it has there."""
    mine = inside[one.rows]
    what = one.what if isinstance(one.what, str) else one.what[mine]
    got = None if one.got is None else one.got[mine]
    column = one.column
    if column.startswith("@"):
        name, own = column[1:], rows.parts[part].columns
        column = own.get(name) or (own.get("lonlat", "") if name == "lon" else "")
        column = column or (rtype.attribute(name).title if rows.parts[part].table.x is None else "")
    return replace(one, rows=one.rows[mine] - rows.start[part], what=what, got=got, column=column)


def _quarantine(rows: Rows, bad: dict[int, list[tuple[str, str]]]) -> pd.DataFrame:
    """Write the bad rows as they were found, with their problems."""
    lines = []
    for row in sorted(bad):
        part = int(np.searchsorted(rows.start, row, side="right")) - 1
        table, own = rows.parts[part].table, row - int(rows.start[part])
        cells = {header: as_text(column[own]) for header, column in table.columns.items()}
        if table.x is not None and table.y is not None and np.isfinite(table.x[own]):
            cells |= {"几何X": repr(float(table.x[own])), "几何Y": repr(float(table.y[own]))}
        codes = tuple(dict.fromkeys(code for code, _ in bad[row]))
        problems = "\n".join(dict.fromkeys(text for _, text in bad[row]))
        lines.append((table.file, table.sheet, int(table.row[own]), cells, codes, problems))
    return pd.DataFrame(lines, columns=["file", "sheet", "row", "cells", "codes", "problems"])
