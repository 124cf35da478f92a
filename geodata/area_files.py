"""Files of polygons: a GeoPackage with a layer per product, drawn by QGIS at once, or GeoJSON.

The styles lie in the table ``layer_styles`` of the GeoPackage, from which QGIS takes the one marked
``useAsDefault`` when a layer is added (QGIS user guide, "Save and Load Layer Properties"), and beside it as
``.qml`` files. Files appear whole or not at all.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from .errors import InputError, Problem
from .export_table import neutral, printable

SUFFIXES = (".gpkg", ".geojson")
"""Formats that can be written."""

GEOMETRY = "geom"
"""Name of the geometry column in a GeoPackage."""

_STYLES = """CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""
_CONTENTS = """INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
  VALUES ('layer_styles', 'attributes', 'layer_styles', '', 0)"""
_STYLE = """INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column,
  styleName, styleQML, styleSLD, useAsDefault, description, owner, update_time)
  VALUES ('', '', ?, ?, ?, ?, '', ?, ?, '', COALESCE(?, strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""


class StoredStyle(NamedTuple):
    """A style for QGIS in a GeoPackage."""

    layer: str
    geometry: str
    """Name of the geometry column."""
    name: str
    qml: str
    default: bool
    """Whether QGIS opens the layer in it."""
    description: str


def add_styles(base: sqlite3.Connection, styles: Sequence[StoredStyle], *, moment: str | None = None) -> None:
    """Add styles to a GeoPackage that has none yet; ``moment`` is their date (ISO 8601), by default now."""
    base.execute(_STYLES)
    base.execute(_CONTENTS)
    base.executemany(_STYLE, [(*each, moment) for each in styles])


@dataclass(frozen=True)
class PolygonLayer:
    """A layer of polygons as it is written."""

    name: str
    """In the GeoPackage, and in the name of the style file."""
    table: pd.DataFrame
    """One row per polygon; its columns are the headers."""
    shapes: NDArray[np.object_]
    """(rows,) Polygons or MultiPolygons, WGS84; empty ones are written without geometry."""
    qml: str = ""
    """Style for QGIS; empty where there is none."""
    description: str = ""
    """What a reader must know: source, label, tolerance."""


def write_polygons(path: Path, layers: Sequence[PolygonLayer], *, overwrite: bool = False) -> list[Path]:
    """Write layers of polygons to a file, and their styles beside it.

    Parameters
    ----------
    path
        Ends in ``.gpkg`` (any number of layers) or ``.geojson`` (one).
    overwrite
        Whether files that are there may be replaced.

    Returns
    -------
    list[Path]
        All files that were written, ``path`` first.

    Raises
    ------
    InputError
        Another suffix, a file that is there already, a folder that is missing or cannot be written to, no
        layer, two layers of one name, or several layers for GeoJSON. Nothing is written then.
    """
    _check(path, layers)
    styles = {_style_path(path, layer): layer.qml for layer in layers if layer.qml}
    for each in (path, *styles):
        if each.exists() and not (overwrite and each.is_file()):
            fix = "请换一个文件名; 确实要覆盖的, 加 --overwrite"
            raise InputError(Problem(str(each), "文件已存在, 没有写出", fix=fix))
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}.") as folder:
            ready = Path(folder) / path.name
            (_write_gpkg if path.suffix.lower() == ".gpkg" else _write_geojson)(ready, layers)
            for style, qml in styles.items():
                (Path(folder) / style.name).write_text(qml, encoding="utf-8")
            for each in (*styles, path):
                os.replace(Path(folder) / each.name, each)  # noqa: PTH105 (over a file that is there)
    except (OSError, RuntimeError, sqlite3.Error) as error:  # GDAL tells of a full disk as a RuntimeError
        said = str(getattr(error, "strerror", None) or "")
        raise InputError(Problem(str(path), "不能写文件", said, "请检查文件夹和磁盘")) from None
    return [path, *styles]


def _check(path: Path, layers: Sequence[PolygonLayer]) -> None:
    suffix, names = path.suffix.lower(), [layer.name for layer in layers]
    problems = []
    if suffix not in SUFFIXES:
        problems.append(
            Problem(str(path), "范围文件的格式", suffix or "没有后缀", "请以 .gpkg 或 .geojson 结尾")
        )
    if not path.parent.is_dir():
        problems.append(Problem(str(path), "文件夹不存在", str(path.parent), "请先建立文件夹"))
    if not layers:
        problems.append(Problem(str(path), "没有可写的范围"))
    if len(set(names)) < len(names):
        problems.append(Problem(str(path), "图层重名", "、".join(names)))
    if suffix == ".geojson" and len(layers) > 1:
        problems.append(Problem(str(path), "GeoJSON 只能写一个图层", f"{len(layers)} 个", "请改用 .gpkg"))
    if problems:
        raise InputError(problems)


def _style_path(path: Path, layer: PolygonLayer) -> Path:
    """Name the style file: QGIS finds that of a GeoJSON by itself; of a GeoPackage there is one per layer."""
    stem = path.stem if path.suffix.lower() == ".geojson" else f"{path.stem}_{layer.name}"
    return path.with_name(f"{stem}.qml")


def _write_gpkg(path: Path, layers: Sequence[PolygonLayer]) -> None:
    import pyogrio  # noqa: PLC0415 (slow)

    for layer in layers:
        fields = [_field(layer.table[name]) for name in layer.table]
        pyogrio.raw.write(
            path,
            geometry=_as_wkb(layer.shapes),
            field_data=[values for values, _ in fields],
            fields=np.array([str(name) for name in layer.table], object),
            field_mask=[mask for _, mask in fields],
            layer=layer.name,
            driver="GPKG",
            geometry_type="MultiPolygon",
            crs="EPSG:4326",
            layer_options={"GEOMETRY_NAME": GEOMETRY, "DESCRIPTION": printable(layer.description)},
        )
    styles = [
        StoredStyle(one.name, GEOMETRY, one.name, one.qml, True, printable(one.description))
        for one in layers
        if one.qml
    ]
    if not styles:
        return
    with closing(sqlite3.connect(path)) as base, base:
        add_styles(base, styles)


def _as_wkb(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Write MultiPolygons as well-known binary, None for an empty one."""
    out = np.full(len(shapes), None, object)
    some = np.flatnonzero(~shapely.is_empty(shapes))
    out[some] = [
        shapely.to_wkb(shapely.multipolygons(shapely.get_parts(shapes[row]))) for row in some.tolist()
    ]
    return out


def _field(column: pd.Series[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Make the values of a field and the mask of those that are missing; texts compute nothing."""
    missing = column.isna().to_numpy(bool)
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        texts = [None if gone else _text(cell) for cell, gone in zip(column.tolist(), missing, strict=True)]
        return np.array(texts, object), missing
    kind = np.int64 if pd.api.types.is_integer_dtype(column) else np.float64
    return column.fillna(0).to_numpy(kind), missing


def _text(cell: Any) -> str:
    if isinstance(cell, bool | np.bool_):
        return "是" if cell else "否"
    return neutral(printable(str(cell)))


def _write_geojson(path: Path, layers: Sequence[PolygonLayer]) -> None:
    """Write RFC 7946: outer rings counterclockwise, seven decimals."""
    (layer,) = layers
    fields = {str(name): _field(layer.table[name]) for name in layer.table}
    shapes = shapely.orient_polygons(layer.shapes)
    features = []
    for row, shape in enumerate(shapes):
        cells = {name: None if mask[row] else _plain(values[row]) for name, (values, mask) in fields.items()}
        features.append({"type": "Feature", "properties": cells, "geometry": _geometry(shape)})
    content = {"type": "FeatureCollection", "name": layer.name, "description": printable(layer.description)}
    text = json.dumps({**content, "features": features}, ensure_ascii=False, allow_nan=False)
    path.write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _geometry(shape: Any) -> dict[str, Any] | None:
    """Give the parts of a shape as GeoJSON, None for an empty one."""
    if shape.is_empty:
        return None
    parts = [
        [np.round(shapely.get_coordinates(ring), 7).tolist() for ring in (one.exterior, *one.interiors)]
        for one in shapely.get_parts(shape)
    ]
    return {"type": "MultiPolygon", "coordinates": parts}
