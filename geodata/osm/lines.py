"""Line layers of roads (Shapefile, GeoPackage, GeoJSON, GeoParquet) to a Network, without GDAL.

The first bytes tell the format, whatever the file is called. Every reader works on the bytes of the one file
(and, of a shapefile, of its neighbours): nothing in a file can make boai open another, and sizes are checked
before memory is taken. The rows become ``RawRoads``, so that the same rules judge them as OpenStreetMap's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, Problem
from ..network import Network
from .degrees import to_degrees
from .line_layer import DAMAGED, EMPTY, KNOWN, NO_LINE, TOO_LONG, LineLayer, read_content, select
from .line_tags import NO_CLASS, NO_ONEWAY, UNKNOWN_CLASS, UNKNOWN_ONEWAY, RowTags, read_tags
from .noding import MOST_TOLERANCE_M, Noded, count_crossings, line_metres, node_lines
from .raw import RawRoads

Progress = Callable[[str], None]

OUTSIDE, POINT = "row_outside", "row_point"
CROSSING, JOINED = "lines_cross", "ends_joined"

TEXTS = {
    EMPTY: "没有几何的行, 未用",
    NO_LINE: "不是线 (是点或面) 的行, 未用",
    TOO_LONG: "折点过多 (超过 100 万个) 的行, 未用",
    DAMAGED: "几何已损坏的行, 未用",
    OUTSIDE: "坐标无效或超出经纬度范围的行, 未用",
    POINT: "长度为零的行, 未用",
    UNKNOWN_CLASS: "道路等级不认得, 按普通道路 (road) 计",
    NO_CLASS: "没有道路等级, 按普通道路 (road) 计",
    UNKNOWN_ONEWAY: "单行的写法不认得, 按双向计",
    NO_ONEWAY: "图层没有单行列, 所有道路按双向计",
    CROSSING: "相交而没有共同折点, 按立交计, 互不连通",
    JOINED: "相距在容差以内的端点, 已连接",
}
"""What the report says to each code."""


def read_lines(
    path: Path | str,
    *,
    mode: str = "drive",
    like: str = "boai",
    crs: str | None = None,
    layer: str | None = None,
    columns: Mapping[str, str] | None = None,
    tolerance_m: float = 0.0,
    profile: Any = None,
    progress: Progress | None = None,
) -> Network:
    """Read a layer of road lines as a network.

    Lines are joined where they share a vertex (equal once rounded to 1e-7 degrees); a crossing without one
    stays a crossing. The classes, names, one-ways and speeds are taken from columns found by their names.

    Parameters
    ----------
    path
        A Shapefile (.shp with its .dbf), GeoPackage, GeoJSON or GeoParquet file.
    mode, like
        As for ``read_osm``; not looked at where ``profile`` is given.
    crs
        The coordinate system, where the file states none or a wrong one: WGS84, CGCS2000, GCJ-02, BD-09, or
        an EPSG code.
    layer
        The layer of a GeoPackage with several.
    columns
        Tag of OpenStreetMap → name of the column, such as ``{"highway": "DLDJ"}``.
    tolerance_m
        Ends of lines that lie this near to a vertex are joined to it.
    profile
        A ``Profile`` with a vehicle or rules of its own.
    progress
        Called with a Chinese sentence before each step.

    Raises
    ------
    InputError
        The file cannot be read, its coordinate system is not known, no column tells the class, or no row is
        left; all problems of the rows at once.
    """
    from .rules import read_profile  # noqa: PLC0415

    path = Path(path)
    say = progress or (lambda _: None)
    _check_tolerance(tolerance_m, path.name)
    profile = profile or read_profile(mode, like=like)
    say(f"读入 {path.name}")
    found = read_layer(path, layer=layer)
    raw, notes = to_raw(found, file=path.name, crs=crs, columns=columns, tolerance_m=tolerance_m)
    return _build(raw, notes, profile, source=_source(path, found), say=say)


def _build(raw: RawRoads, notes: Mapping[str, Any], profile: Any, *, source: Any, say: Progress) -> Network:
    from .assemble import to_pieces  # noqa: PLC0415
    from .build import build  # noqa: PLC0415

    say(f"判断 {len(raw.way_id)} 条道路")
    pieces, choices = to_pieces(raw, profile)
    for part, facts in notes.items():
        choices[part] = {**choices.get(part, {}), **facts}
    say("建立路网")
    about = {**source, "like": profile.like, "rules": profile.described()}
    return build(pieces, mode=profile.mode, source=about, choices=choices)


def _check_tolerance(tolerance_m: float, file: str) -> None:
    if not 0 <= tolerance_m <= MOST_TOLERANCE_M:
        what = f"连接端点的容差应在 0-{MOST_TOLERANCE_M:g} 米之间"
        raise InputError(Problem(file, what, str(tolerance_m)))


def _source(path: Path, layer: LineLayer) -> dict[str, Any]:
    return {"source": path.name, "kind": "lines", "layer": layer.name, "crs": layer.crs[:200]}


def read_layer(path: Path, *, layer: str | None = None) -> LineLayer:
    """Read the line layer of a file by its first bytes.

    Parameters
    ----------
    layer
        Name of the layer of a GeoPackage; the only one with geometry where None.

    Raises
    ------
    InputError
        The file is missing, no regular file, too large, damaged, of another format, or has several layers.
    """
    from . import line_geojson, line_geopackage, line_parquet, line_shapefile  # noqa: PLC0415

    file = path.name
    content = read_content(path, file)
    if content[:4] == b"\x00\x00\x27\x0a":
        return line_shapefile.read_shapefile_lines(content, path, file)
    if content[:16] == b"SQLite format 3\0":
        return line_geopackage.read_geopackage_lines(content, file=file, layer=layer)
    if content[:4] == b"PAR1":
        return line_parquet.read_parquet_lines(content, file=file)
    if content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return line_geojson.read_geojson_lines(content, file)
    raise InputError(Problem(file, "不是可以识别的道路图层", fix=KNOWN))


def to_raw(
    layer: LineLayer,
    *,
    file: str,
    crs: str | None = None,
    columns: Mapping[str, str] | None = None,
    tolerance_m: float = 0.0,
) -> tuple[RawRoads, dict[str, dict[str, Any]]]:
    """Turn rows into roads: ways have the numbers of their rows (from 1), points no ids.

    Returns
    -------
    The roads, and what the report must say: ``choices`` and ``left_out`` by code.
    """
    lon, lat = to_degrees(layer.x, layer.y, crs or layer.crs, file)
    bad_rows = _outside(layer, lon, lat)
    use = ~np.isin(layer.row, bad_rows)
    lon, lat, start = select(lon, lat, layer.start, use)
    noded = node_lines(lon, lat, start, tolerance_m=tolerance_m)
    row = layer.row[use][noded.line]
    points = np.setdiff1d(layer.row[use], row)
    faults = {**layer.faults, OUTSIDE: bad_rows, POINT: points}
    if not len(row):
        raise InputError(_nothing(file, faults, layer.n_rows))
    tags = read_tags(layer.columns, layer.n_rows, columns, file)
    raw = _raw(noded, row, tags, layer.n_rows)
    return raw, {"choices": _choices(noded, row, tags), "left_out": _left_out(faults)}


def _outside(layer: LineLayer, lon: Any, lat: Any) -> Any:
    """Return the rows with a vertex that is no place on earth."""
    with np.errstate(invalid="ignore"):
        good = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)  # NaN and inf are not
    row = np.repeat(layer.row, np.diff(layer.start))
    return np.unique(row[~good])


def _raw(noded: Noded, row: Any, tags: RowTags, n_rows: int) -> RawRoads:
    nothing = np.zeros(0, np.int32)
    return RawRoads(
        node_id=np.arange(len(noded.x), dtype=np.int64),
        x=noded.x,
        y=noded.y,
        way_id=row + 1,
        way_start=noded.start,
        way_node=noded.point,
        way_tags=tags.tags[row],
        way_label=tags.label[row],
        tagged_node=nothing,
        node_tags=nothing,
        tag_sets=tags.tag_sets,
        labels=tags.labels,
        counts={"rows": n_rows, "nodes": len(noded.x), "kept_ways": len(row)},
    )


def _choices(noded: Noded, row: Any, tags: RowTags) -> dict[str, Any]:
    """Tell what was assumed: of how many rows, and how long they are."""
    metres = np.bincount(row, weights=line_metres(noded), minlength=len(tags.tags))
    found = {
        code: {
            "text": TEXTS[code] + (f" ({'、'.join(values)})" if values else ""),
            "ways": len(rows),
            "km": round(float(metres[rows].sum()) / 1000, 3),
        }
        for code, (rows, values) in tags.odd.items()
    }
    for code, count in ((JOINED, noded.joined), (CROSSING, count_crossings(noded))):
        if count:
            found[code] = {"text": TEXTS[code], "ways": count, "km": 0.0}
    return found


def _left_out(faults: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of each fault how many rows have it and the first of them, counted from 1."""
    return {
        code: {"text": TEXTS[code], "ways": len(rows), "km": 0.0, "rows": [int(row) + 1 for row in rows[:20]]}
        for code, rows in faults.items()
        if len(rows)
    }


def _nothing(file: str, faults: Mapping[str, Any], n_rows: int) -> list[Problem]:
    """List why no row can be used."""
    fix = "请核对图层和坐标系"
    problems = [
        Problem(f"{file} 第{rows[0] + 1}行起", TEXTS[code].removesuffix(", 未用"), f"{len(rows)} 行", fix)
        for code, rows in faults.items()
        if len(rows)
    ]
    return problems or [Problem(file, "图层中没有要素", f"{n_rows} 行", fix)]
