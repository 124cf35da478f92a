"""What readers of GIS files share: cells in columns, one point per geometry, the coordinate system's name."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from .. import datums
from .codes import finding
from .heading import tidy, unique
from .limits import LONGEST_CELL, MOST_CELLS, MOST_COLUMNS, MOST_NAMED, check_shape, refuse
from .model import Cells, Finding, RawTable

Points = NDArray[np.float64]

_LONGEST_WKT = 8192
_LARGEST = 10**18
_REFERS = re.compile(
    r"EXTENSION|PARAMETERFILE|NADGRIDS|GEOIDGRIDS|BOUNDCRS|https?:|file:|/vsi", re.IGNORECASE
)
_WEB_MERCATOR = re.compile(
    r'EXTENSION\["PROJ4","\+proj=merc [ +=\w.]*\+nadgrids=@null[ +=\w]*"\]'
)  # as GDAL has it


@dataclass(frozen=True)
class Layer:
    """One layer as it was read: n features."""

    name: str
    format: str
    columns: Mapping[str, Sequence[Any]]
    """Header → n cells."""
    x: Points
    """(n,) NaN where a feature has no usable geometry."""
    y: Points
    crs: str = ""
    """``EPSG:…`` or WKT, empty where the file states none."""
    spatial: bool = True
    encoding: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def n(self) -> int:
        """Number of features."""
        return len(self.x)


def to_table(layer: Layer, *, file: str, digest: str) -> RawTable:
    """Turn a layer into a raw table; coordinates in a system that intake does not know become WGS84."""
    check_shape(layer.n, len(layer.columns), file=file, sheet=layer.name)
    notes = list(layer.findings)
    x, y, crs, said = _known_system(layer)
    notes += said
    if layer.spatial:
        missing = np.flatnonzero(np.isnan(x) | np.isnan(y)) + 1
        bad = {note.row for note in notes if note.code == "geometry_invalid"}
        notes += _listed("geometry_missing", "没有坐标点", [int(row) for row in missing if row not in bad])
    columns, changed = _columns(layer)
    notes += changed
    findings = tuple(note if note.file else replace(note, file=file, sheet=layer.name) for note in notes)
    row = np.arange(1, layer.n + 1, dtype=np.int64)
    return RawTable(
        file, layer.name, layer.format, columns, row,
        x=x if layer.spatial else None, y=y if layer.spatial else None, crs=crs if layer.spatial else "",
        encoding=layer.encoding, hash=digest, findings=findings,
    )  # fmt: skip


def records_to_columns(records: Sequence[Mapping[str, Any]], *, file: str) -> dict[str, list[Any]]:
    """Turn records with keys of their own into columns of equal length, in the order of appearance."""
    columns: dict[str, list[Any]] = {}
    for position, record in enumerate(records):
        for key, value in record.items():
            cells = columns.get(key)
            if cells is None:
                if len(columns) >= MOST_COLUMNS or (len(columns) + 1) * len(records) > MOST_CELLS:
                    what = f"属性不能超过 {MOST_COLUMNS} 种, 或表格过大"
                    raise refuse(
                        "file_too_large", what, file=file, got=f"{len(records)} 个要素", fix="请拆分后再导入"
                    )
                cells = columns[key] = [None] * len(records)
            cells[position] = value
    return columns


def points_of(geometries: Sequence[Any]) -> tuple[Points, Points, tuple[Finding, ...]]:
    """Return one point per geometry: the point itself, the middle of a line, a point inside a polygon.

    Returns
    -------
    x, y (NaN where there is none), and findings on geometries that are no points or that cannot be used.
    """
    shapes = np.array(geometries, object)
    x, y = np.full(len(shapes), np.nan), np.full(len(shapes), np.nan)
    kinds = shapely.get_type_id(shapes)
    some = (kinds >= 0) & ~shapely.is_empty(shapes)
    plain = some & (kinds == 0)
    x[plain], y[plain] = shapely.get_x(shapes[plain]), shapely.get_y(shapes[plain])
    others = np.flatnonzero(some & (kinds != 0))
    x[others], y[others] = _inside(shapes[others])
    finite = np.isfinite(x) & np.isfinite(y)
    bad = [int(i) + 1 for i in np.flatnonzero(some & ~finite)]
    x[~finite] = y[~finite] = np.nan
    found = _listed("geometry_invalid", "几何无效, 没有坐标点", bad)
    several = [i for i in others if shapely.get_num_geometries(shapes[i]) > 1 or kinds[i] not in (0, 4)]
    if several:
        what = f"有 {len(several)} 个面、线或多点, 各取其中一点"
        found.append(finding("geometry_kept", what, row=int(several[0]) + 1))
    return x, y, tuple(found)


def _inside(shapes: NDArray[np.object_]) -> tuple[Points, Points]:
    """Return a point of each line or polygon; one by one only where that fails for all at once."""
    lines = shapely.get_type_id(shapes) == 1
    with np.errstate(all="ignore"):  # coordinates of 1e300 overflow
        try:
            points = shapely.point_on_surface(shapes)
            points[lines] = shapely.line_interpolate_point(shapes[lines], 0.5, normalized=True)
        except shapely.errors.GEOSException:
            points = np.array([shapely.Point(_point_of(shape)) for shape in shapes], object)
    return shapely.get_x(points), shapely.get_y(points)


def _point_of(shape: Any) -> tuple[float, float]:
    """Return a point of a line or polygon; NaN where that cannot be computed."""
    for take in (_middle, shapely.point_on_surface, shapely.centroid):
        try:
            point = take(shape)
            if not shapely.is_empty(point) and math.isfinite(point.x) and math.isfinite(point.y):
                return point.x, point.y
        except (shapely.errors.GEOSException, ValueError):
            continue
    return math.nan, math.nan


def _middle(shape: Any) -> Any:
    if shape.geom_type == "LineString":
        return shapely.line_interpolate_point(shape, 0.5, normalized=True)
    return shapely.point_on_surface(shape)


def from_wkb(blobs: Sequence[bytes | None]) -> list[Any]:
    """Read geometries in well-known binary; None for those that are damaged or oddly nested.

    Their structure is walked first, because GEOS follows nested collections without a limit.
    """
    safe = [blob if blob is not None and is_plain_wkb(blob) else None for blob in blobs]
    return list(shapely.from_wkb(np.array(safe, object), on_invalid="ignore"))


def is_plain_wkb(blob: bytes) -> bool:
    """Whether bytes are a point, line, polygon, or a multiple of one of these, that fits its length.

    Examples
    --------
    >>> is_plain_wkb(shapely.Point(1, 2).wkb), is_plain_wkb(shapely.Point(1, 2).wkb[:-1]), is_plain_wkb(b"")
    (True, False, False)
    """
    try:
        return _walk_wkb(blob, 0, (1, 2, 3, 4, 5, 6)) <= len(blob)
    except (struct.error, ValueError):
        return False


def _walk_wkb(blob: bytes, at: int, allowed: tuple[int, ...]) -> int:
    """Go past one geometry; raises ``ValueError`` where it is none of the allowed types."""
    order = "<" if blob[at : at + 1] == b"\x01" else ">"
    code = struct.unpack_from(f"{order}I", blob, at + 1)[0]
    at += 5 + 4 * bool(code & 0x20000000)  # the extended form may name its reference system
    kind = (code & 0x0FFFFFFF) % 1000
    extra = bin(code >> 30).count("1") if code >> 30 else (0, 1, 1, 2)[min((code & 0x0FFFFFFF) // 1000, 3)]
    width = 8 * (2 + extra)
    if kind not in allowed:
        raise ValueError(kind)
    if kind == 1:
        return at + width
    count: int = struct.unpack_from(f"{order}I", blob, at)[0]
    at += 4
    if kind == 2:
        return at + count * width
    for _ in range(min(count, len(blob))):
        if kind == 3:
            at += 4 + struct.unpack_from(f"{order}I", blob, at)[0] * width
        else:
            at = _walk_wkb(blob, at, (kind - 3,))
        if at > len(blob):
            raise ValueError(at)
    return at


def system_of_wkt(text: str) -> tuple[str, str]:
    """Read the coordinate system of a .prj file.

    Returns
    -------
    ``EPSG:…`` if it is a known one, else the text itself, else empty; and in Chinese why it is empty.

    Examples
    --------
    >>> system_of_wkt('LOCAL_CS["?"]')
    ('', '坐标系说明无法识别')
    """
    if len(text) > _LONGEST_WKT or _REFERS.search(_WEB_MERCATOR.sub("", text)):
        return "", "坐标系说明过长, 或引用了其他文件, 不采用"
    try:
        crs = CRS.from_wkt(text)
        code = crs.to_epsg() or crs.to_epsg(min_confidence=25)
    except (CRSError, ProjError):
        return "", "坐标系说明无法识别"
    if not (crs.is_geographic or crs.is_projected):
        return "", "坐标系说明无法识别"
    return (f"EPSG:{code}" if code else text), ""


def _known_system(layer: Layer) -> tuple[Points, Points, str, list[Finding]]:
    """Return the coordinates and their system; a system that intake does not know is transformed to WGS84."""
    if not layer.crs or not layer.spatial or (len(layer.crs) < 20 and datums.normal_system(layer.crs)):
        return layer.x, layer.y, layer.crs, []
    try:
        transformer = _transformer(layer.crs)
        name = CRS.from_user_input(layer.crs).name
        lon, lat = transformer.transform(layer.x, layer.y)
    except (CRSError, ProjError):
        note = finding("crs_unknown", "文件自带的坐标系无法换算, 不采用", severity="warning", got=layer.crs)
        return layer.x, layer.y, "", [note]
    lost = ~(np.isfinite(lon) & np.isfinite(lat))
    lon[lost] = lat[lost] = np.nan
    fix = "西安80、北京54 等旧坐标系的换算误差可达数十米至百余米, 精确位置请换算后再导入"
    note = finding("crs_transformed", "坐标已由文件自带的坐标系换算为 WGS84", got=tidy(name), fix=fix)
    return lon, lat, "EPSG:4326", [note]


@lru_cache(maxsize=8)
def _transformer(crs: str) -> Transformer:
    return Transformer.from_crs(CRS.from_user_input(crs), "EPSG:4326", always_xy=True)


def _columns(layer: Layer) -> tuple[dict[str, Cells], list[Finding]]:
    """Bring the cells of a layer to the form of a raw table, with tidy unique headers."""
    names, changed = unique([tidy(name) for name in layer.columns], [True] * len(layer.columns))
    notes = [
        finding("header_duplicate", f"字段名重复, 后一个记为 {new}", column=old)
        for new, old in changed.items()
        if old
    ]
    columns = {}
    for name, values in zip(names, layer.columns.values(), strict=True):
        cells = np.empty(layer.n, object)
        cells[:] = [_cell(value) for value in values]
        columns[name] = cells
    return columns, notes


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        if not value or value.isspace():
            return None
        text = value if len(value) <= LONGEST_CELL else value[:LONGEST_CELL]
        return text if text.isascii() else text.encode("utf-8", "replace").decode()
    if isinstance(value, int) and abs(value) > _LARGEST:
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value


def _listed(code: str, what: str, rows: Sequence[int]) -> list[Finding]:
    found = [finding(code, what, row=row) for row in rows[:MOST_NAMED]]
    if len(rows) > MOST_NAMED:
        found.append(finding("more", f"{what}: 共 {len(rows)} 个", severity="warning"))
    return found
