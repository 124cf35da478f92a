"""GeoJSON (RFC 7946, and the older form with a ``crs`` member), and plain lists of JSON objects."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry import shape as make_shape

from .codes import finding
from .features import Layer, points_of, records_to_columns
from .limits import MOST_ROWS, MOST_TEXT, check_size, refuse
from .model import Finding
from .text import decode

_MOST_NODES = 10_000_000
_GEOMETRIES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)
_FIX = "请用 QGIS 等软件重新导出 GeoJSON"


def read_geojson(raw: bytes, *, name: str, file: str) -> Layer:
    """Read a GeoJSON file, or a JSON file with a list of objects, as one layer.

    The system is that of the ``crs`` member. Without one it is left open: RFC 7946 says WGS84, but the files
    of Chinese map services are in GCJ-02 or BD-09 and do not say so.

    Raises
    ------
    RefusedError
        The file is too large, nested too deeply, damaged, or has no features.
    """
    check_size(len(raw), file=file, most=MOST_TEXT)
    if raw.count(b"[") + raw.count(b"{") > _MOST_NODES or raw.count(b",") > 4 * _MOST_NODES:
        raise refuse("file_too_large", "JSON 内容太多", file=file, fix="请拆分后再导入")
    decoded = decode(raw, file=file)
    try:
        content = _parse(decoded.text)
    except RecursionError:
        raise refuse(
            "unsafe_content", "JSON 嵌套太深, 不读取", file=file, fix="请核对文件来源, 重新导出"
        ) from None
    except ValueError as error:
        where = f" (第 {error.lineno} 行)" if isinstance(error, json.JSONDecodeError) else ""
        raise refuse("file_unreadable", f"JSON 内容有误{where}", file=file, fix=_FIX) from None
    features = _features(content)
    if features is None:
        return _objects(content, name, file, decoded.encoding)
    if len(features) > MOST_ROWS:
        raise refuse("file_too_large", f"不能超过 {MOST_ROWS} 个要素", file=file, got=len(features))
    geometries, notes = _geometries(features)
    x, y, said = points_of(geometries)
    crs, why = _system(content)
    records = [_record(feature) for feature in features]
    columns = records_to_columns(records, file=file)
    findings = (*decoded.findings, *notes, *said, *why)
    return Layer(name, "geojson", columns, x, y, crs, encoding=decoded.encoding, findings=findings)


def _parse(text: str) -> Any:
    """Parse JSON, or JSON values on lines of their own (RFC 8142, with or without its separator)."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.replace("\x1e", "").split("\n") if line.strip()]
        if len(lines) < 2 or not all(line.lstrip().startswith("{") for line in lines[:2]):
            raise
        try:
            values = [json.loads(line) for line in lines]
        except json.JSONDecodeError:
            values = []
        if not values:
            raise
    if all(isinstance(value, dict) and value.get("type") == "Feature" for value in values):
        return {"type": "FeatureCollection", "features": values}
    return values


def _features(content: Any) -> list[Any] | None:
    """List the features of a GeoJSON object; None where it is none."""
    if not isinstance(content, dict):
        return None
    kind = content.get("type")
    if kind == "FeatureCollection" and isinstance(content.get("features"), list):
        return list(content["features"])
    if kind == "Feature":
        return [content]
    if isinstance(kind, str) and kind in _GEOMETRIES:
        return [{"type": "Feature", "properties": {}, "geometry": content}]
    return None


def _record(feature: Any) -> dict[str, Any]:
    """Return the properties of a feature as flat cells; its id as well where no property is called so."""
    if not isinstance(feature, dict):
        return {}
    properties = feature.get("properties")
    record = {str(k): _flat(v) for k, v in properties.items()} if isinstance(properties, dict) else {}
    if feature.get("id") is not None and "id" not in record:
        record = {"id": _flat(feature["id"]), **record}
    return record


def _flat(value: Any) -> Any:
    if isinstance(value, dict | list):
        try:
            return json.dumps(value, ensure_ascii=False)
        except (RecursionError, ValueError):
            return None
    return value


def _geometries(features: Sequence[Any]) -> tuple[list[Any], list[Finding]]:
    """Build the geometries; those that are no valid GeoJSON become None with a finding."""
    shapes: list[Any] = []
    bad: list[int] = []
    for number, feature in enumerate(features, 1):
        geometry = feature.get("geometry") if isinstance(feature, dict) else None
        built = _geometry(geometry)
        shapes.append(built)
        if built is None and geometry is not None:
            bad.append(number)
    notes = [finding("geometry_invalid", "几何无效, 没有坐标点", row=number) for number in bad[:200]]
    if len(bad) > 200:
        notes.append(finding("more", f"几何无效: 共 {len(bad)} 个", severity="warning"))
    return shapes, notes


def _geometry(geometry: Any, depth: int = 0) -> Any:
    if not isinstance(geometry, dict) or depth > 5:
        return None
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "GeometryCollection":
        members = geometry.get("geometries")
        built = [_geometry(member, depth + 1) for member in members] if isinstance(members, list) else []
        return next((member for member in built if member is not None), None)
    if not isinstance(kind, str) or kind not in _GEOMETRIES or not isinstance(coordinates, list):
        return None
    try:
        if kind == "Point":
            return shapely.Point(_ordinate(coordinates[0]), _ordinate(coordinates[1]))
        return make_shape({"type": kind, "coordinates": coordinates})
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
        return None  # shapely has no one error for coordinates that are none


def _ordinate(value: Any) -> float:
    """Return a finite number; raises ``ValueError`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _system(content: Mapping[str, Any]) -> tuple[str, tuple[Finding, ...]]:
    """Read the ``crs`` member: by name, as the GeoJSON of 2008 has it; links are never followed."""
    member = content.get("crs")
    if member is None:
        return "", ()
    properties = member.get("properties") if isinstance(member, dict) else None
    said = properties.get("name") if isinstance(properties, dict) else None
    text = said if isinstance(said, str) else ""
    if re.search(r"CRS:?84$", text):
        return "EPSG:4326", ()
    code = re.search(r"EPSG(?:/\d|:[\d.]*)?[:/]+(\d{4,6})$", text, re.IGNORECASE)
    if code:
        return f"EPSG:{code[1]}", ()
    return "", (finding("crs_unknown", "crs 成员无法识别, 坐标系将按坐标检验", severity="warning", got=text),)


def _objects(content: Any, name: str, file: str, encoding: str) -> Layer:
    """Read a list of objects, at the top or as the one list of objects of the top object."""
    lists = [content] if isinstance(content, list) else []
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
    lists = [value for value in lists if value and all(isinstance(item, dict) for item in value)]
    if len(lists) != 1 or "geometryType" in (content if isinstance(content, dict) else {}):
        what = "不是 GeoJSON 要素集, 也不是对象列表"
        raise refuse("unsupported_format", what, file=file, fix=_FIX)
    records = [{str(key): _flat(value) for key, value in item.items()} for item in lists[0]]
    if len(records) > MOST_ROWS:
        raise refuse("file_too_large", f"不能超过 {MOST_ROWS} 个对象", file=file, got=len(records))
    columns = records_to_columns(records, file=file)
    nothing = np.full(len(records), np.nan)
    return Layer(name, "json", columns, nothing, nothing, spatial=False, encoding=encoding)
