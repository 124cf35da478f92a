"""Areas that a user draws or has as a file: a flooded area, a closed district."""

from __future__ import annotations

import re
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError, Problem
from .selection import read_area
from .vector_start import starts_as_named

_PAIR = re.compile(r"([+-]?\d{1,3}(?:\.\d+)?)\s*,\s*([+-]?\d{1,3}(?:\.\d+)?)")
_FIX = "请给多边形文件 (GeoJSON、GeoPackage 或 Shapefile), 或至少三个点: 116.0,28.9 116.2,28.9 116.1,29.1"
_TABLES, _JSON = (".gpkg", ".shp"), (".json", ".geojson")
_LONGEST = 100_000
"""Characters of a text of points."""

_NAMED = 60
"""Characters of it by which it is named."""


def area_of(text: str, *, where: str = "范围") -> Any:
    """Read polygons as one area (shapely, WGS84 degrees).

    Parameters
    ----------
    text
        Path of a GeoJSON, GeoPackage or shapefile with polygons; or the corners of one polygon as
        ``longitude,latitude`` in WGS84 degrees with blanks or semicolons between them.
    where
        What a message names.

    Raises
    ------
    InputError
        There is no such file, it holds no polygon or names no coordinate system, or coordinates are no
        degrees.

    Examples
    --------
    >>> area_of("116,28 117,28 117,29").bounds
    (116.0, 28.0, 117.0, 29.0)
    """
    path = Path(text) if len(text) < 4096 else None
    if path is not None and path.suffix.lower() in _TABLES:
        return _checked(_from_file(path), str(path))
    if path is not None and path.suffix.lower() in _JSON:
        return read_area(path)
    return _checked(_from_points(text, where), where)


def name_of(text: str) -> str:
    """Name an area by its file, or by its corners, shortened.

    Examples
    --------
    >>> name_of("data/flood.gpkg"), name_of("116,28 117,28 117,29")
    ('flood.gpkg', '116,28 117,28 117,29')
    """
    known = text[-8:].lower().endswith((*_TABLES, *_JSON))
    return Path(text).name if known else text if len(text) <= _NAMED else f"{text[: _NAMED - 1]}…"


def _from_points(text: str, where: str) -> Any:
    import shapely  # noqa: PLC0415 (slow to import)

    plain = unicodedata.normalize("NFKC", text[:_LONGEST])
    pairs = [(float(x), float(y)) for x, y in _PAIR.findall(plain)]
    left = _PAIR.sub("", plain).strip(" \t\r\n;")
    if left.replace(";", "").split() or len(set(pairs)) < 3:
        raise InputError(Problem(where, "应为多边形文件, 或三个以上的 经度,纬度", text[:40], _FIX))
    return shapely.Polygon(pairs)


def _from_file(path: Path) -> Any:
    """Read all polygons of the layers of a file and bring them to WGS84."""
    import pyogrio  # noqa: PLC0415 (slow to import)
    import shapely  # noqa: PLC0415

    if not path.is_file():
        raise InputError(Problem(str(path), "文件不存在", fix=_FIX))
    found = []
    try:
        if not starts_as_named(path):
            raise ValueError(f"{path.name} is no file of areas")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about fields and encodings, which nobody reads here
            for layer in pyogrio.list_layers(path)[:, 0].tolist():
                meta, _, blobs, _ = pyogrio.raw.read(path, layer=layer, columns=[])
                shapes = shapely.from_wkb([] if blobs is None else blobs, on_invalid="ignore")
                polygons = [one for one in shapes if one is not None and shapely.get_dimensions(one) == 2]
                found += [(one, str(meta["crs"] or "")) for one in polygons]
        if any(not crs for _, crs in found):
            fix = "请在 GIS 软件里写明坐标系 (WGS84 或 CGCS2000) 后重新导出"
            raise InputError(Problem(str(path), "文件没有写明坐标系", fix=fix))
        moved = [_moved(one, crs) for one, crs in found]
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError, shapely.GEOSException):
        raise InputError(Problem(str(path), "读不出多边形", fix=_FIX)) from None
    return shapely.union_all([shapely.make_valid(one) for one in moved])


def _moved(shape: Any, crs: str) -> Any:
    """Bring a shape to WGS84 degrees."""
    import shapely  # noqa: PLC0415

    from .crs import to_wgs84  # noqa: PLC0415

    points = shapely.get_coordinates(shape)
    return shapely.set_coordinates(shape, np.column_stack(to_wgs84(points[:, 0], points[:, 1], of=crs)))


def _checked(area: Any, where: str) -> Any:
    import shapely  # noqa: PLC0415

    area = shapely.make_valid(area)
    if area.is_empty or area.area == 0:
        raise InputError(Problem(where, "没有多边形, 或面积为零", fix=_FIX))
    west, south, east, north = area.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        got = f"{west:g},{south:g} 至 {east:g},{north:g}"
        raise InputError(Problem(where, "坐标不是经纬度, 或写反了", got, "应为 经度,纬度 (WGS84)"))
    return area
