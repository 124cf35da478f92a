"""Writers of the vector formats: GeoPackage, GeoJSON, shapefile and CSV, each with all columns of the layers.

The same layers give the same bytes with the same version of GDAL: the dates that the formats keep are fixed.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ...geodata.area_files import GEOMETRY, StoredStyle, add_styles
from .dbf import MOST_BYTES, Field, write_dbf
from .model import clean
from .qml import qml

if TYPE_CHECKING:
    from .layers import Export
    from .model import ExportLayer

NOTES = "说明"
"""Table, and name of the file, of what a reader must know."""
FIELDS = "字段对照.csv"
"""File that tells the headers of their columns."""
_DIGITS = 6
"""Of a degree in GeoJSON: a decimetre."""

_VERSION = "1.2"
"""Of the form of GeoPackage: that which also the GDAL of QGIS 3.22 reads without a warning."""
_MOMENT = "2000-01-01T00:00:00.000Z"
"""Date of the changes that a GeoPackage keeps, which would else be that of the clock."""


def write_gpkg(export: Export, path: Path) -> list[Path]:
    """Write the layers of a result as a GeoPackage that QGIS opens in their looks.

    Every layer has a spatial index, a description and its notes as metadata (``gpkg_metadata``); the table
    说明 holds the notes as rows. All looks lie in ``layer_styles``, the first as the default, and
    in the folder 样式 as ``.qml`` files.

    Returns
    -------
    The GeoPackage, then the style files.
    """
    import pyogrio  # noqa: PLC0415 (slow)

    notes = notes_text(export)
    for layer in export.layers:
        pyogrio.raw.write(
            path,
            **_raw(layer),
            layer=layer.name,
            driver="GPKG",
            geometry_type=layer.geometry,
            crs="EPSG:4326",
            dataset_options={"VERSION": _VERSION},
            layer_metadata={"说明": notes},
            layer_options={"GEOMETRY_NAME": GEOMETRY, "DESCRIPTION": export.about(layer)},
        )
    table = pd.DataFrame([*export.notes], columns=["项目", "内容"])
    pyogrio.write_dataframe(table, path, layer=NOTES, driver="GPKG")
    with closing(sqlite3.connect(path)) as base, base:
        _add_styles(base, export)
        base.execute("UPDATE gpkg_contents SET last_change = ?", (_MOMENT,))
        base.execute("UPDATE gpkg_metadata_reference SET timestamp = ?", (_MOMENT,))
    styles = path.parent / "样式" / export.name
    styles.mkdir(parents=True)
    return [path, *_write_styles(export.layers, styles, every=True)]


def _add_styles(base: sqlite3.Connection, export: Export) -> None:
    """Add the styles of all looks; in that marked as the default QGIS opens a layer."""
    styles = [
        StoredStyle(layer.name, GEOMETRY, look.name, qml(look, layer.geometry), not number, export.title)
        for layer in export.layers
        for number, look in enumerate(layer.looks)
    ]
    add_styles(base, styles, moment=_MOMENT)


def _write_styles(
    layers: Sequence[ExportLayer], folder: Path, *, every: bool = False, short: bool = False
) -> list[Path]:
    """Write the first look of each layer by the name under which QGIS finds it, or every one by its own."""
    paths = []
    for layer in layers:
        for look in layer.looks if every else layer.looks[:1]:
            path = folder / (f"{layer.name}_{look.name}.qml" if every else f"{layer.name}.qml")
            path.write_text(qml(look, layer.geometry, layer.short if short else None), encoding="utf-8")
            paths.append(path)
    return paths


def write_geojson(export: Export, folder: Path) -> list[Path]:
    """Write each layer as GeoJSON (RFC 7946: WGS84, outer rings counterclockwise), with its style.

    Cells by the ten thousand have the short names, which 字段对照.csv tells: GeoJSON repeats them in each.
    """
    import pyogrio  # noqa: PLC0415

    folder.mkdir(parents=True)
    paths = []
    for layer in export.layers:
        path = folder / f"{layer.name}.geojson"
        raw = _raw(layer)
        names = np.array([*layer.shaped.values()], object) if layer.heavy else raw["fields"]
        pyogrio.raw.write(
            path,
            **{**raw, "fields": names},
            layer=layer.name,
            driver="GeoJSON",
            geometry_type=layer.geometry,
            crs="EPSG:4326",
            layer_options={
                "RFC7946": "YES",
                "COORDINATE_PRECISION": str(_DIGITS),
                "DESCRIPTION": export.about(layer),
            },
        )
        _without_blanks(path)
        paths.append(path)
    short = [layer for layer in export.layers if layer.heavy]
    told = [_write_fields(short, folder)] if short else []
    styles = [path for layer in export.layers for path in _write_styles([layer], folder, short=layer.heavy)]
    return [*paths, *styles, *told, write_notes(export.notes, folder)]


def _without_blanks(path: Path) -> None:
    """Take the blanks between the parts of a GeoJSON away, one seventh of the file: a feature is a line."""
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join(map(_dense, lines)), encoding="utf-8", newline="\n")


def _dense(line: str) -> str:
    if not line.startswith("{ "):
        return line
    feature = json.loads(line.rstrip(","))
    return json.dumps(feature, ensure_ascii=False, separators=(",", ":")) + "," * line.endswith(",")


def write_shapefile(export: Export, folder: Path) -> tuple[list[Path], list[str]]:
    """Write each layer as a shapefile in UTF-8, its style, and a table of the short names of its columns.

    Returns
    -------
    The files, and a Chinese sentence for each column whose texts were cut at ``MOST_BYTES``.
    """
    import pyogrio  # noqa: PLC0415

    folder.mkdir(parents=True)
    told: list[str] = []
    for layer in export.layers:
        raw = _raw(layer)
        fields = []
        for (header, name), values, missing in zip(
            layer.shaped.items(), raw["field_data"], raw["field_mask"], strict=True
        ):
            whole, cut = _dbf_texts(values)
            fields.append(Field(name, whole, missing))
            if cut:
                told.append(f"{layer.name} 的 {header}: {cut} 条文字超过 {MOST_BYTES} 字节, 已截短")
        path = folder / f"{layer.name}.shp"
        pyogrio.raw.write(
            path,
            geometry=raw["geometry"],
            fields=np.array([], object),
            field_data=[],
            layer=layer.name,
            driver="ESRI Shapefile",
            geometry_type=_SINGLE.get(layer.geometry, layer.geometry),
            crs="EPSG:4326",
            layer_options={"ENCODING": "UTF-8"},
        )
        write_dbf(path.with_suffix(".dbf"), fields)
    _write_styles(export.layers, folder, short=True)
    _write_fields(export.layers, folder)
    write_notes([*export.notes, *(("截短", each) for each in told)], folder)
    return sorted(folder.iterdir()), told


def _write_fields(layers: Sequence[ExportLayer], folder: Path) -> Path:
    """Tell the headers of short names."""
    pairs = [(layer.name, name, header) for layer in layers for header, name in layer.shaped.items()]
    _write_csv(folder / FIELDS, ["图层", "字段", "含义"], pairs)
    return folder / FIELDS


_SINGLE = {"MultiPolygon": "Polygon", "MultiLineString": "LineString"}
"""Shapefiles know no difference between one part and several."""


def _dbf_texts(values: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Cut texts between two characters so that they fit; returns them and how many were cut."""
    if values.dtype != object:
        return values, 0
    long = [number for number, text in enumerate(values) if text and len(text.encode()) > MOST_BYTES]
    found = values.copy()
    for number in long:
        found[number] = values[number].encode()[:MOST_BYTES].decode(errors="ignore")
    return found, len(long)


def write_csv(export: Export, folder: Path) -> list[Path]:
    """Write the columns of each layer as CSV in UTF-8 with a mark, as Excel expects."""
    folder.mkdir(parents=True)
    paths = []
    for layer in export.layers:
        table = pd.DataFrame(layer.frame.drop(columns="geometry")).astype(object)
        rows = table.where(table.notna(), "").itertuples(index=False)
        path = folder / f"{layer.name}.csv"
        _write_csv(path, [*layer.short], rows)
        paths.append(path)
    return [*paths, write_notes(export.notes, folder)]


def write_notes(notes: Sequence[tuple[str, str]], folder: Path) -> Path:
    """Write what a reader must know as a table."""
    path = folder / f"{NOTES}.csv"
    _write_csv(path, ["项目", "内容"], notes)
    return path


def _write_csv(path: Path, headers: Sequence[str], rows: Any) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headers)
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode("utf-8-sig"))


def notes_text(export: Export) -> str:
    """Write the notes as lines."""
    return clean(export.title) + "\n" + "\n".join(f"{name}: {text}" for name, text in export.notes)


def _raw(layer: ExportLayer) -> dict[str, Any]:
    """Give the columns and shapes of a layer as pyogrio takes them; empty texts are missing."""
    data, masks = [], []
    for header in layer.shaped:
        column = layer.frame[header]
        if pd.api.types.is_numeric_dtype(column):
            missing = column.isna().to_numpy(bool)
            kind = np.int64 if pd.api.types.is_integer_dtype(column) else np.float64
            data.append(column.fillna(0).to_numpy(kind))
        else:
            texts = column.to_numpy(object)
            missing = texts == ""
            data.append(np.where(missing, None, texts))
        masks.append(missing)
    shapes = layer.frame.geometry.to_numpy()
    return {
        "geometry": shapely.to_wkb(_as_multi(shapes, layer.geometry)),
        "field_data": data,
        "fields": np.array([*layer.shaped], object),
        "field_mask": masks,
    }


def _as_multi(shapes: NDArray[Any], geometry: str) -> NDArray[np.object_]:
    """Make every shape one of several parts where the layer is of those."""
    if geometry == "Point":
        return np.asarray(shapes, object)
    make: Mapping[str, Any] = {
        "MultiPolygon": shapely.multipolygons,
        "MultiLineString": shapely.multilinestrings,
    }
    parts, owner = shapely.get_parts(shapes, return_index=True)
    return np.asarray(make[geometry](parts, indices=owner), object)
