"""The lines of a GeoJSON file (RFC 7946, and the older form with a ``crs`` member)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError, Problem
from .line_layer import (
    DAMAGED,
    EMPTY,
    KNOWN,
    LONGEST_LINE,
    MOST_VERTICES,
    NO_LINE,
    TOO_LONG,
    Coordinates,
    LineLayer,
    damaged,
)


def read_geojson_lines(content: bytes, file: str) -> LineLayer:
    """Read a GeoJSON feature collection; without a ``crs`` member it is WGS84 (RFC 7946, section 4)."""
    if content.count(b"[") + content.count(b"{") > MOST_VERTICES // 2:
        raise InputError(Problem(file, "GeoJSON 内容太多", fix="请改用 GeoPackage 或 GeoParquet"))
    try:
        whole = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError):
        raise damaged(file, "GeoJSON 已损坏, 或不是 UTF-8 编码") from None
    features = whole.get("features") if isinstance(whole, dict) else None
    if not isinstance(features, list) or not features:
        raise InputError(Problem(file, "GeoJSON 中没有要素", fix=KNOWN))
    lines: list[Coordinates] = []
    row: list[int] = []
    faults: dict[str, list[int]] = {EMPTY: [], NO_LINE: [], TOO_LONG: [], DAMAGED: []}
    for at, feature in enumerate(features):
        found = _geojson_lines(feature.get("geometry") if isinstance(feature, dict) else None)
        if isinstance(found, str):
            faults[found].append(at)
            continue
        lines += found
        row += [at] * len(found)
    start = np.zeros(len(lines) + 1, np.int64)
    np.cumsum([len(line) for line in lines], out=start[1:])
    pairs = np.concatenate(lines) if lines else np.empty((0, 2))
    columns = _columns(features)
    crs = _geojson_system(whole)
    return LineLayer(
        pairs[:, 0], pairs[:, 1], start, np.array(row, np.int64), len(features), columns, crs, faults
    )


def _geojson_lines(geometry: Any) -> list[Coordinates] | str:
    """Return the lines of a geometry, or the code of why there are none."""
    if geometry is None:
        return EMPTY
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind not in ("LineString", "MultiLineString") or not isinstance(coordinates, list):
        return NO_LINE if isinstance(kind, str) else DAMAGED
    parts = [coordinates] if kind == "LineString" else coordinates
    lines = []
    try:
        for part in parts:
            if len(part) > LONGEST_LINE:
                return TOO_LONG
            if part:
                lines.append(np.array([(float(p[0]), float(p[1])) for p in part], float).reshape(-1, 2))
    except (TypeError, ValueError, LookupError, OverflowError):
        return DAMAGED
    lines = [line for line in lines if len(line) > 1]
    return lines or EMPTY


def _columns(features: Sequence[Any]) -> dict[str, list[Any]]:
    """Turn properties into columns; values that are lists or objects are left out."""
    columns: dict[str, list[Any]] = {}
    for at, feature in enumerate(features):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        for key, value in properties.items() if isinstance(properties, dict) else ():
            cells = columns.get(key)
            if cells is None:
                if len(columns) * len(features) > 4 * MOST_VERTICES:
                    continue
                cells = columns[key] = [None] * len(features)
            cells[at] = value if isinstance(value, str | int | float | bool) else None
    return columns


def _geojson_system(whole: Mapping[str, Any]) -> str:
    """Read the ``crs`` member of the GeoJSON of 2008; WGS84 without one, empty where it is not known."""
    if whole.get("crs") is None:
        return "EPSG:4326"
    member = whole["crs"]
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        return ""
    if name.upper().endswith(("CRS84", "CRS:84")):
        return "EPSG:4326"
    code = name.rpartition(":")[2]
    return f"EPSG:{code}" if "EPSG" in name.upper() and code.isdecimal() and len(code) < 7 else ""
