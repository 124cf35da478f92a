"""The lines of a GeoParquet file (sole user of pyarrow for roads)."""

from __future__ import annotations

import json
from typing import Any

from ..errors import InputError, Problem
from ..intake.features import system_of_wkt
from ..intake.limits import MOST_ROWS
from .line_layer import MOST_BYTES, LineLayer, damaged, from_blobs

_MOST_META = 1 << 20
_MOST_COLUMNS = 500
_BATCH = 20_000


def read_parquet_lines(content: bytes, *, file: str) -> LineLayer:
    """Read the primary geometry and the plain columns of a GeoParquet file (1.0, 1.1 and before).

    Geometry is well-known binary. A file without the ``geo`` metadata may have it in a column ``geometry``.

    Raises
    ------
    InputError
        It is damaged, too large when unpacked, or has no lines in that form.
    """
    import pyarrow as pa  # noqa: PLC0415  (0.1 s)
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        source = pq.ParquetFile(pa.BufferReader(content), memory_map=False)
        rows, schema = source.metadata.num_rows, source.schema_arrow
        if rows > MOST_ROWS or len(schema) > _MOST_COLUMNS:
            raise InputError(Problem(file, f"图层不能超过 {MOST_ROWS} 行", str(rows), "请裁剪后再导入"))
        geo = _geo((schema.metadata or {}).get(b"geo"))
        geometry = _geometry(geo, schema.names, file)
        wanted = [geometry, *(f.name for f in schema if f.name != geometry and _plain(pa, f.type))]
        columns = _columns(source, wanted, file)
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise damaged(file, "GeoParquet 已损坏, 无法读取") from None
    blobs = [blob if isinstance(blob, bytes) else None for blob in columns.pop(geometry)]
    x, y, start, row, faults = from_blobs(blobs)
    crs = _system(geo, geometry)
    return LineLayer(x, y, start, row, len(blobs), columns, crs, faults, geometry)


def _plain(pa: Any, kind: Any) -> bool:
    """Whether a column holds texts or numbers."""
    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    text = types.is_string(kind) or types.is_large_string(kind)
    return bool(text or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _geo(raw: bytes | None) -> dict[str, Any]:
    """Read the ``geo`` metadata; empty where there are none that can be read."""
    if raw is None or len(raw) > _MOST_META:
        return {}
    try:
        geo = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return geo if isinstance(geo, dict) and isinstance(geo.get("columns"), dict) else {}


def _geometry(geo: dict[str, Any], names: list[str], file: str) -> str:
    """Name the column of the geometry."""
    name = geo.get("primary_column") if geo else "geometry"
    about = geo["columns"].get(name) if geo and isinstance(name, str) else {}
    if not isinstance(name, str) or names.count(name) != 1 or not isinstance(about, dict):
        raise InputError(
            Problem(file, "Parquet 文件中没有几何列", fix="请用 QGIS 或 GeoPandas 导出为 GeoParquet")
        )
    encoding = about.get("encoding", "WKB")
    if encoding != "WKB":
        raise InputError(
            Problem(file, "几何列应为 WKB 编码", str(encoding)[:40], "请按 GeoParquet 1.0 (WKB) 导出")
        )
    return name


def _columns(source: Any, wanted: list[str], file: str) -> dict[str, list[Any]]:
    """Read columns batch by batch, so that a small file cannot unpack to more than is allowed."""
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    size = 0
    for batch in source.iter_batches(batch_size=_BATCH, columns=wanted, use_threads=False):
        batch.validate(full=True)
        size += batch.nbytes
        if size > MOST_BYTES:
            raise InputError(Problem(file, "解压后的内容过大", fix="请裁剪后再导入"))
        for name in wanted:
            columns[name] += batch.column(name).to_pylist()
    return columns


def _system(geo: dict[str, Any], geometry: str) -> str:
    """Read the coordinate system: PROJJSON, or WKT in old files; left out means WGS84, null unknown."""
    about = geo["columns"][geometry] if geo else {"crs": None}
    crs = about.get("crs", "EPSG:4326")
    if isinstance(crs, dict):
        return _code(crs.get("id")) or _of_projjson(crs)
    if not isinstance(crs, str):
        return ""
    return crs if crs == "EPSG:4326" else system_of_wkt(crs)[0]


def _code(known: Any) -> str:
    """Read the id of a PROJJSON object; CRS84 is WGS84 with the longitude first, as boai always has it."""
    authority, code = (known.get("authority"), known.get("code")) if isinstance(known, dict) else ("", "")
    if authority == "OGC" and str(code) == "CRS84":
        return "EPSG:4326"
    is_code = authority == "EPSG" and isinstance(code, int) and 0 < code < 1_000_000
    return f"EPSG:{code}" if is_code else ""


def _of_projjson(crs: dict[str, Any]) -> str:
    from pyproj import CRS  # noqa: PLC0415  (proj takes 50 ms)
    from pyproj.exceptions import CRSError  # noqa: PLC0415

    try:
        return system_of_wkt(CRS.from_json_dict(crs).to_wkt())[0]
    except (CRSError, ValueError, TypeError, RecursionError):
        return ""
