"""Files of water → ``water.Water``: an OSM file, or any file of polygons."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from .crs import ALBERS, from_wgs84, to_wgs84
from .errors import InputError, Problem
from .vector_start import starts_as_named
from .water import SCALE, Water

OSM_SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.gz", ".osm.bz2")
TABLE_SUFFIXES = (".gpkg", ".shp", ".geojson", ".json")
LEAST_M2 = 500.0
"""Areas below are left out: a pond in a village is no obstacle (an assumption, 假设)."""

_NAMES = ("name", "名称", "水体名称", "河流名称", "湖泊名称", "水库名称", "mc", "gb_name", "objname")
_LONGEST = 30
_FIX = "请给 OSM 文件 (.osm.pbf) 或多边形文件 (GeoPackage、Shapefile、GeoJSON)"

Box = tuple[float, float, float, float]


def read_water(path: Path, *, layer: str | None = None, within: Box | None = None) -> Water:
    """Read the polygons of water of a file.

    Parameters
    ----------
    path
        An OSM file, of which the areas of water count, or a file of polygons, of which all count.
    layer
        Layer of a GeoPackage with several; by default its first.
    within
        West, south, east, north: what does not meet this box is left out.

    Raises
    ------
    InputError
        There is no such file, it is damaged, names no coordinate system, or holds no water there.
    """
    name = path.name.lower()
    if not path.is_file():
        raise InputError(Problem(str(path), "文件不存在", fix=_FIX))
    if name.endswith(OSM_SUFFIXES):
        from .osm.water_areas import read_water_areas  # noqa: PLC0415

        wkb, names = read_water_areas(path)
        shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    elif name.endswith(TABLE_SUFFIXES):
        shapes, names = _from_table(path, layer)
    else:
        raise InputError(Problem(path.name, "不是认得的格式", path.suffix, _FIX))
    return make_water(shapes, names, source=path.name, within=within)


def make_water(shapes: Any, names: list[str], *, source: str, within: Box | None = None) -> Water:
    """Make the arrays of polygons (WGS84); raises ``InputError`` where none is left."""
    shapes, text = np.asarray(shapes, object), np.asarray([one.strip()[:_LONGEST] for one in names], str)
    flat = shapely.get_dimensions(shapes) == 2
    shapes, text = shapely.make_valid(shapes[flat]), text[flat]
    if within is not None:
        meets = shapely.intersects(shapes, shapely.box(*within))
        shapes, text = shapes[meets], text[meets]
    parts, owner = shapely.get_parts(shapes, return_index=True)
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():  # collections of collections
        parts, deeper = shapely.get_parts(parts, return_index=True)
        owner = owner[deeper]
    flat = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    parts, owner = parts[flat], owner[flat]
    large = _areas_m2(parts) >= LEAST_M2
    parts, text = parts[large], text[owner[large]]
    if not len(parts):
        raise InputError(Problem(source, "这个范围内没有水面", fix=_FIX))
    return _arrays(parts, text, source)


def _arrays(parts: NDArray[Any], names: NDArray[np.str_], source: str) -> Water:
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    return Water(
        point=np.rint(points * SCALE).astype(np.int32),
        start=np.append(0, np.cumsum(np.bincount(ring, minlength=len(rings)))).astype(np.int64),
        ring=np.append(0, np.cumsum(np.bincount(part, minlength=len(parts)))).astype(np.int64),
        box=np.rint(shapely.bounds(parts) * SCALE).astype(np.int32),
        name=names if len(names) else np.array([""]),
        meta={"source": source, "polygons": len(parts)},
    )


def _areas_m2(parts: NDArray[Any]) -> NDArray[np.float64]:
    points = shapely.get_coordinates(parts)
    flat = shapely.set_coordinates(
        parts.copy(), np.column_stack(from_wgs84(points[:, 0], points[:, 1], to=ALBERS))
    )
    return np.asarray(shapely.area(flat))


def _from_table(path: Path, layer: str | None) -> tuple[Any, list[str]]:
    import pyogrio  # noqa: PLC0415 (slow to import)

    try:
        if not starts_as_named(path):
            raise ValueError(path.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about fields and encodings
            meta, _, blobs, fields = pyogrio.raw.read(path, layer=layer)
        shapes = shapely.from_wkb([] if blobs is None else blobs, on_invalid="ignore")
        if not meta["crs"]:
            raise InputError(
                Problem(path.name, "文件没有写明坐标系", fix="请在 GIS 软件里写明坐标系后重新导出")
            )
        points = shapely.get_coordinates(shapes)
        degrees = np.column_stack(to_wgs84(points[:, 0], points[:, 1], of=str(meta["crs"])))
        shapes = shapely.set_coordinates(shapes, degrees)
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError, shapely.GEOSException):
        raise InputError(Problem(path.name, "读不出多边形", fix=_FIX)) from None
    low = [str(one).lower() for one in meta["fields"]]
    column = next((low.index(one) for one in _NAMES if one in low), -1)
    names = [
        "" if column < 0 or one is None else str(one) for one in (fields[column] if column >= 0 else shapes)
    ]
    return shapes, names
