"""Areas that a scenario names: files in its own folder, or corners; both become part of its content."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from ..geodata.errors import InputError
from ..geodata.polygons import area_of, name_of
from .fields import printable
from .reading import Model

FOLDER = "folder"
"""Key of the validation context: the folder of the file that is read."""

DRAWN = "自绘范围"
"""Name of an area that is written as corners."""

_FILES = (".geojson", ".json", ".gpkg", ".shp")
_READ = "areas"
"""Key of the validation context: areas that were read, by the name of their file."""

_MOST_FILES = 100
_MOST_TEXT = 200_000
_MOST_CORNERS = 10_000
_MOST_POINTS = 50_000
"""Points of an area: it is kept in every result."""
_DECIMALS = 7
"""Of degrees, a centimetre: the same file gives the same text."""


_WKT = re.compile(r"(MULTI)?POLYGON [-0-9.,() ]+")


def _polygons(wkt: str) -> str:
    """Check that a text holds polygons in degrees and no more than these: raises ``ValueError``."""
    import shapely  # noqa: PLC0415 (slow to import)

    # Nested collections, which other text may hold, can exhaust the stack of the reader.
    with np.errstate(all="ignore"):
        shape = shapely.from_wkt(wkt, on_invalid="ignore") if _WKT.fullmatch(wkt) else None
    if shape is None or not shape.area > 0:
        raise ValueError("应为多边形 (WKT), 面积大于零")
    count = int(shapely.get_num_coordinates(shape))
    if count > _MOST_POINTS:
        raise ValueError(f"范围有 {count} 个点, 最多 {_MOST_POINTS} 个; 请先简化边界")
    west, south, east, north = shape.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError("坐标不是经纬度, 或写反了; 应为 经度 纬度 (WGS84)")
    return wkt


class Area(Model):
    """Polygons as text, so that the same area has the same key wherever its file lies."""

    name: Annotated[str, Field(max_length=200), AfterValidator(printable)] = DRAWN
    """As it is called in tables: the name of its file."""
    wkt: Annotated[str, Field(max_length=8_000_000), AfterValidator(_polygons)]
    """Well-known text, WGS84 degrees."""

    @property
    def shape(self) -> Any:
        """Return the polygons (shapely)."""
        import shapely  # noqa: PLC0415 (slow to import)

        return shapely.make_valid(shapely.from_wkt(self.wkt))

    def holds(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
        """Mark the points in the area, its rim included; a point without coordinates lies nowhere."""
        import shapely  # noqa: PLC0415 (slow to import)

        x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
        area = self.shape
        shapely.prepare(area)
        return np.asarray(shapely.intersects_xy(area, x, y), bool).reshape(x.shape)


def file_in(name: str, folder: Path | None) -> Path:
    """Find a file that a scenario names in or below the scenario's own folder.

    Raises
    ------
    ValueError
        The path is absolute or leads out of the folder, also by a link; or there is no such file.
    """
    if folder is None:
        raise ValueError("这里的方案不在文件夹里, 不能引用文件; 请直接写各角的坐标")
    path = Path(name)
    parts = name.replace("\\", "/").split("/")
    if path.is_absolute() or ".." in parts or "~" in name[:1] or ":" in name or "\\" in name:
        raise ValueError("只能引用方案文件所在文件夹里的文件, 不写绝对路径、.. 和反斜杠")
    try:
        inside = folder.resolve()
        found = [one for one in _with_siblings(folder / path) if not one.resolve().is_relative_to(inside)]
        if not (folder / path).is_file():
            raise ValueError("文件不存在")
    except (OSError, RuntimeError):
        raise ValueError("文件无法读取") from None
    if found:
        raise ValueError("文件是指向别处的链接, 不能引用")
    return folder / path


def _with_siblings(path: Path) -> Iterator[Path]:
    """Give a file and those that are read with it: the parts of a shapefile."""
    yield path
    if path.suffix.lower() == ".shp" and path.parent.is_dir():
        yield from (one for one in path.parent.iterdir() if one.stem.lower() == path.stem.lower())


def read_area(value: Any, info: ValidationInfo) -> Any:
    """Turn the name of a file, or corners, into an `Area`; raises ``ValueError`` in Chinese."""
    if isinstance(value, Area | Mapping):
        return value
    if isinstance(value, str):
        if len(value) > _MOST_TEXT:
            raise ValueError("文字过长")
        printable(value)
        if value.lower().endswith(_FILES):
            context = info.context if info.context is not None else {}
            known = context.setdefault(_READ, {})
            if value not in known:
                if len(known) >= _MOST_FILES:
                    raise ValueError(f"一个方案最多引用 {_MOST_FILES} 个文件")
                known[value] = _made(str(file_in(value, context.get(FOLDER))), name_of(value))
            return known[value]
        return _made(value, DRAWN)
    return _made(_corners(value), DRAWN)


def _corners(value: Any) -> str:
    """Write a list of corners as text."""
    if not isinstance(value, list | tuple) or not all(_is_corner(one) for one in value):
        raise ValueError("范围应为文件名, 或各角的列表 [[经度, 纬度], …]")
    if len(value) > _MOST_CORNERS:
        raise ValueError(f"最多 {_MOST_CORNERS} 个角; 更多的请写在 GeoJSON 文件里")
    return " ".join(f"{lon:.7f},{lat:.7f}" for lon, lat in value)


def _is_corner(one: Any) -> bool:
    right = isinstance(one, list | tuple) and len(one) == 2
    return right and all(type(axis) in (int, float) and abs(axis) <= 180 for axis in one)


def _made(text: str, name: str) -> Area:
    """Read polygons and write them as text, the same for the same area."""
    import shapely  # noqa: PLC0415 (slow to import)

    try:
        area = area_of(text, where="")
    except InputError as error:
        told = [f"{one.what}{f'; {one.fix}' if one.fix else ''}" for one in error.problems]
        raise ValueError("; ".join(told)) from None
    polygons = shapely.get_parts(area)
    polygons = polygons[shapely.get_dimensions(polygons) == 2] if len(polygons) else polygons
    shape = shapely.normalize(shapely.union_all(polygons))
    return Area(name=name, wkt=_polygons(shapely.to_wkt(shape, rounding_precision=_DECIMALS)))


_Corner = tuple[Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-90, le=90)]]
AreaField = Annotated[
    Area,
    BeforeValidator(
        read_area,
        json_schema_input_type=Annotated[str, Field(min_length=1)]
        | Annotated[list[_Corner], Field(min_length=3, max_length=_MOST_CORNERS)],
    ),
]
"""An area: the name of a file beside the scenario, or corners ``[[longitude, latitude], …]``."""
