"""The pairs of coordinates of a table as they are read: what is wrong with each, and where two disagree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import datums
from ..crs import haversine_m
from .batches import Batch, batch
from .cells import as_text
from .coordinates import DECIMAL, METRES, MISSING, Pairs, fits, read_pairs, rough, to_wgs84
from .model import RawTable
from .pairing import CoordinateColumns

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]

_SAME_DEG = 1e-6
_LAT_FIRST = re.compile("纬.{0,4}经|lat.{0,9}l(?:on|ng)", re.IGNORECASE)
_APART_M = 100.0
"""Distance from which two pairs of known systems say two different places."""
_UNKNOWN_M = 3000.0
"""The same where the system of one is not known: more than any shift."""
_COARSE, _PLACE = 3, 2
"""Decimals of a degree up to which a position is told to be rough, and is only approximate."""


@dataclass(frozen=True)
class Pair:
    """The two numbers of each row of one pair of columns, or of the geometry."""

    first: Numbers
    second: Numbers
    missing: Flags
    bad: Flags
    rough: Flags
    """(n,) whether so few decimals are given that the position is only approximate."""
    system: str
    """Coordinate system that the headers or the file name, empty where none is named."""
    batches: tuple[Batch, ...]
    headers: tuple[str, ...]


def geometry_pair(table: RawTable) -> Iterator[Pair]:
    """Read the points of a GIS file."""
    if table.x is None or table.y is None:
        return
    missing = ~(np.isfinite(table.x) & np.isfinite(table.y))
    no = np.zeros(len(missing), bool)
    yield Pair(table.x, table.y, missing, no, no, datums.normal_system(table.crs) or "", (), ())


def read_pair(table: RawTable, pair: CoordinateColumns) -> Pair:
    """Read one pair of columns and say what was found."""
    x = table.columns[pair.x]
    y = table.columns[pair.y] if pair.y else None
    read = read_pairs(x, y)
    missing = read.problem == MISSING
    bad = (read.problem != "") & ~missing
    odd = bad | read.swapped | rough(read, _COARSE) | ~np.isin(read.notation, ("", DECIMAL))
    got = np.full(len(x), "", object)
    for row in np.flatnonzero(odd):
        got[row] = _shown(x[row], x[row] if y is None else y[row])
    column = pair.x if not pair.y else f"{pair.x}, {pair.y}"
    batches = _batches(read, bad, column, got)
    return Pair(
        read.first,
        read.second,
        missing,
        bad,
        rough(read, _PLACE),
        pair.system,
        tuple(batches),
        tuple(header for header in (pair.x, pair.y) if header),
    )


def _batches(read: Pairs, bad: Flags, column: str, got: NDArray[np.object_]) -> list[Batch]:
    """Say what was found in one pair."""
    found = batch(
        "coordinate_invalid",
        bad,
        what=read.reason,
        column=column,
        got=got,
        fix="请填写十进制度或度分秒的经纬度",
    )
    flat = read.swapped & (read.notation == METRES)
    what = "前一个是北坐标、后一个是东坐标 (测量的习惯), 已按此读取"
    found += batch("coordinate_cleaned", flat, what=what, column=column, got=got, summed=True)
    said = read.swapped & read.joined & bool(_LAT_FIRST.search(column))
    what = "表头说明纬度在前, 已按此读取"
    found += batch("coordinate_cleaned", said & ~flat, what=what, column=column, got=got, summed=True)
    what = "经度和纬度写反, 已调换"
    turned = read.swapped & ~flat & ~said
    found += batch("coordinate_swapped", turned, what=what, column=column, got=got, fix="请核对")
    coarse, place = rough(read, _COARSE), rough(read, _PLACE)
    fix = "请补填至少五位小数的坐标"
    what = "经纬度都不超过三位小数, 位置可能差几十米"
    found += batch("coordinate_imprecise", coarse & ~place, what=what, column=column, got=got, fix=fix)
    what = "经纬度都不超过两位小数, 位置可能差几百米以上, 记为近似"
    found += batch("coordinate_imprecise", place, what=what, column=column, got=got, fix=fix)
    tidied = np.isin(read.notation, ("dms", "micro")) & ~bad
    what = "坐标已换成十进制度"
    return found + batch("coordinate_cleaned", tidied, what=what, column=column, got=got, summed=True)


def _shown(a: object, b: object) -> str:
    return as_text(a) if a is b else f"{as_text(a)}, {as_text(b)}"


def limited(one: Batch, rows: Flags) -> Iterator[Batch]:
    """Limit a batch to some rows."""
    inside = rows[one.rows]
    if inside.any():
        what = one.what if isinstance(one.what, str) else one.what[inside]
        got = None if one.got is None else one.got[inside]
        yield Batch(one.code, one.rows[inside], what, one.column, got, one.fix, one.severity, one.summed)


def same_pair(pair: Pair, first: Numbers, second: Numbers) -> Flags:
    """(n,) whether a pair has the same numbers as those that are used."""
    return np.asarray((np.abs(pair.first - first) < _SAME_DEG) & (np.abs(pair.second - second) < _SAME_DEG))


def conflicts(pairs: Sequence[Pair]) -> list[Batch]:
    """Say where two pairs of one row name different places; pairs in metres without a known zone are left."""
    found: list[Batch] = []
    for at, one in enumerate(pairs):
        for other in pairs[at + 1 :]:
            apart = _apart_m(one, other)
            known = bool(one.system and other.system)
            far = apart > (_APART_M if known or one.system == other.system else _UNKNOWN_M)
            what = np.array(
                [f"两组坐标相距约 {metres:.0f} 米, 采用 " for metres in np.nan_to_num(apart)], object
            )
            used = ", ".join(one.headers) or "图形的坐标"
            column = ", ".join(other.headers)
            fix = "请核对哪一组是对的, 另一组清空"
            texts = np.asarray(what + used, object) if len(what) else what
            found += batch("coordinate_conflict", far, what=texts, column=column, fix=fix)
    return found


def _apart_m(one: Pair, other: Pair) -> Numbers:
    """(n,) metres between two pairs, NaN where that cannot be known."""
    ends = []
    for pair in (one, other):
        degrees = fits(pair.first, pair.second, "WGS84") if len(pair.first) else pair.missing
        usable = degrees if not pair.system else np.ones(len(pair.first), bool)
        system = pair.system or "WGS84"
        lon, lat = to_wgs84(
            np.where(usable, pair.first, np.nan), np.where(usable, pair.second, np.nan), system
        )
        ends += [lon, lat]
    return np.asarray(haversine_m(*ends), np.float64)
