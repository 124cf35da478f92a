"""Townships (乡镇、街道): an office's own boundaries, their checks, their folder, and cell → township."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import ProjError

from .boundaries import Units
from .crs import ALBERS, WGS84, from_wgs84
from .demand import Demand
from .errors import InputError, Problem, WorkspaceError
from .store import load_arrays, save_arrays
from .vector_start import starts_as_named

CODE_HEADERS = (
    "code", "代码", "乡镇代码", "乡镇街道代码", "乡级代码", "行政区划代码", "行政区代码", "区划代码",
    "区划码", "统计用区划代码", "编码", "乡镇编码", "xzqdm", "xzqhdm", "xzdm", "xzjdm", "town_code",
    "towncode", "township_code", "adcode", "pac",
)  # fmt: skip
"""Headers of the column of codes, the first that is found counts; case and blanks do not."""

NAME_HEADERS = (
    "name", "名称", "乡镇名称", "乡镇街道名称", "乡镇街道", "乡镇", "街道", "行政区名称", "行政区划名称",
    "地名", "xzqmc", "xzmc", "xzjmc", "town_name", "townname", "township_name", "town", "township", "mc",
)  # fmt: skip
"""Headers of the column of names."""

OWN_SHARE = 0.5
"""A township lies in its county with at least this share of its area (borders of two sources differ)."""

_OVERLAP = 0.05
"""Share of the smaller township above which an overlap is told (borders drawn by hand do not fit)."""

_ENCODINGS = ("UTF-8", "GB18030")
_FIX = "请用 GIS 软件打开后修改"
_REBUILD = "请运行 boai townships use 加边界文件, 重新导入"
_ARRAYS = ("code", "name", "wkb", "end")


@dataclass(frozen=True)
class Townships:
    """The townships of some or all counties of a province."""

    table: gpd.GeoDataFrame
    """code (nine digits, text; the first six are the county's), name, geometry (WGS84); ascending by code."""
    source: str
    """Name of the file they were read from."""
    note: str = ""
    """What a reader must know, such as counties without townships; Chinese."""


def read_townships(path: Path, units: Units, *, layer: str | None = None) -> Townships:
    """Read and check an office's boundaries of townships.

    Parameters
    ----------
    path
        GeoPackage, shapefile (with its .cpg, else UTF-8 or GB18030) or GeoJSON with polygons in any
        coordinate system that the file names, and the columns ``CODE_HEADERS`` (9 digits, or 12 of which the
        first 9 count) and ``NAME_HEADERS``.
    units
        Boundaries of the province.
    layer
        Layer of a GeoPackage with several.

    Raises
    ------
    InputError
        With every problem: no such file, column or coordinate system; codes missing, twice, of another
        county; shapes that are empty, invalid or no areas; townships outside the county of their code.
    """
    frame = _read(path, layer)
    columns = {"code": _column(frame, CODE_HEADERS), "name": _column(frame, NAME_HEADERS)}
    problems = [
        Problem(
            path.name,
            f"没有{'乡镇代码' if each == 'code' else '乡镇名称'}一列",
            _some(frame.columns[:-1]),
            fix,
        )
        for each, fix in (("code", "请加上一列 code, 填 9 位乡镇代码"), ("name", "请加上一列 name"))
        if columns[each] is None
    ]
    if frame.crs is None:
        problems.append(Problem(path.name, "没有坐标系", fix="请补上 .prj 文件, 或在 GIS 软件中设定坐标系"))
    if not len(frame):
        problems.append(Problem(path.name, "没有任何乡镇"))
    if problems:
        raise InputError(problems)
    shape = _in_degrees(frame, path.name)
    code, name = (_texts(frame[columns[each]]) for each in ("code", "name"))
    code = np.array([text[:9] if len(text) == 12 else text for text in code.tolist()], str)
    problems = _problems(path.name, code, name, shape, units)
    if problems:
        raise InputError(problems)
    table = gpd.GeoDataFrame({"code": code, "name": name}, geometry=shape, crs=WGS84)
    table = table.sort_values("code", ignore_index=True)
    return Townships(table, path.name, _note(path.name, table, units))


def located(townships: Townships, demand: Demand) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Find the township of every cell by its centre, and whether the centre lies in it.

    Only townships of the cell's own county count, so that they add up to counties; of several that meet a
    centre the lowest. A centre in none of them belongs to the nearest (in ``ALBERS``).

    Returns
    -------
    (n,) row of ``table``, -1 where the county has no townships; (n,) whether it holds the centre.
    """
    code, n = townships.table["code"].to_numpy(str), len(demand.cell)
    own = _counties(demand, code)
    shape = townships.table.geometry.to_numpy()
    points = np.asarray(shapely.points(demand.lon, demand.lat))
    # The polygons ask and the points answer, because GEOS prepares the geometry that asks.
    township, cell = shapely.STRtree(points).query(shape, predicate="intersects")
    inside = own[township] == np.asarray(demand.county)[cell]
    found = np.full(n, len(code), np.int32)
    np.minimum.at(found, cell[inside], township[inside].astype(np.int32))
    held = found < len(code)
    found[~held] = _nearest(townships, demand, own, np.flatnonzero(~held))
    return found, held


def _counties(demand: Demand, code: NDArray[np.str_]) -> NDArray[np.int64]:
    """Find the county of each township: position in the demand, -1 for one of elsewhere."""
    known, prefix = np.asarray(demand.county_code).astype(str), code.astype("<U6")
    own = np.minimum(np.searchsorted(known, prefix), len(known) - 1)
    return np.where(known[own] == prefix, own, -1)


def assign(townships: Townships, demand: Demand) -> NDArray[np.int32]:
    """Find the township of every cell: (n,) row of ``table``, -1 where its county has none; see `located`."""
    return located(townships, demand)[0]


def _nearest(
    townships: Townships, demand: Demand, own: NDArray[np.int64], cells: NDArray[np.intp]
) -> NDArray[np.int32]:
    """Find the nearest township of the same county for some cells."""
    county = np.asarray(demand.county)[cells]
    shape = townships.table.geometry.to_crs(ALBERS).to_numpy() if len(cells) else np.empty(0, object)
    points = np.asarray(shapely.points(*from_wgs84(demand.lon[cells], demand.lat[cells], to=ALBERS)))
    found = np.full(len(cells), -1, np.int32)
    for each in np.intersect1d(county, own).tolist():
        some, rows = np.flatnonzero(county == each), np.flatnonzero(own == each)
        cell, near = shapely.STRtree(shape[rows]).query_nearest(points[some])
        best = np.full(len(some), len(own), np.int32)
        np.minimum.at(best, cell, rows[near].astype(np.int32))
        found[some] = best
    return found


# Reading and checking


def _read(path: Path, layer: str | None) -> gpd.GeoDataFrame:
    """Read the layer of areas of a file."""
    if not path.is_file():
        raise InputError(Problem(str(path), "文件不存在", fix="请检查乡镇边界文件的路径"))
    bare = path.suffix.lower() == ".shp" and not any(
        path.with_suffix(ending).exists() for ending in (".cpg", ".CPG")
    )
    for encoding in _ENCODINGS if bare else (None,):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # GDAL's remarks; what matters is checked
                _check_start(path)
                name = layer if layer is not None else _only_layer(path)
                frame = pyogrio.read_dataframe(path, layer=name, encoding=encoding)
            break
        except UnicodeDecodeError:
            continue
        except InputError:
            raise
        except (RuntimeError, ValueError, OSError, shapely.errors.ShapelyError):
            raise InputError(
                Problem(path.name, "无法读取", fix="请提供 GeoPackage、Shapefile 或 GeoJSON 格式的面")
            ) from None
    else:
        raise InputError(Problem(path.name, "文字编码无法识别", fix="请附上 .cpg 文件"))
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InputError(Problem(path.name, "没有图形, 只有表格", fix="请提供含面的文件"))
    return frame


def _check_start(path: Path) -> None:
    if not starts_as_named(path):
        raise ValueError(f"{path.name} is no file of areas")


def _in_degrees(frame: gpd.GeoDataFrame, file: str) -> NDArray[Any]:
    """Bring the shapes to WGS84; those that cannot be projected become invalid, which is told later."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape: NDArray[Any] = shapely.force_2d(frame.geometry.to_crs(WGS84).to_numpy())
    except (ProjError, ValueError):
        name = getattr(frame.crs, "name", "")
        raise InputError(
            Problem(file, "坐标系无法换算为经纬度", str(name), "请转换为 CGCS2000 或 WGS84")
        ) from None
    return shape


def _only_layer(path: Path) -> str:
    """Name the one layer of a file that holds areas, or its one layer."""
    layers = pyogrio.list_layers(path)
    areas = [str(name) for name, kind in layers.tolist() if kind is not None and "Polygon" in str(kind)]
    names = areas or [str(name) for name in layers[:, 0].tolist()]
    if len(names) != 1:
        fix = "请用 layer 指明图层" if names else "请检查文件"
        raise InputError(Problem(path.name, "应有且只有一个面图层", _some(names), fix))
    return names[0]


def _column(frame: gpd.GeoDataFrame, headers: Sequence[str]) -> str | None:
    """Find the first of some headers among the columns of a table."""
    plain = {str(column).strip().lower(): column for column in reversed(frame.columns.to_list())}
    return next((plain[header] for header in headers if header in plain), None)


def _texts(values: pd.Series[Any]) -> NDArray[np.str_]:
    """Write codes and names as text: whole numbers without a point, missing ones empty."""

    def text(value: Any) -> str:
        if pd.isna(value):
            return ""
        whole = isinstance(value, float) and value.is_integer()
        return str(int(value) if whole else value).strip()

    return np.array([text(value) for value in values.to_list()], str)


def _problems(
    file: str, code: NDArray[np.str_], name: NDArray[np.str_], shape: NDArray[Any], units: Units
) -> list[Problem]:
    """Check rows; every kind of problem is told once, with the first rows that have it."""
    proper = np.array([len(c) == 9 and c.isascii() and c.isdigit() for c in code.tolist()], bool)
    counties = units.counties["code"].to_numpy(str)
    known = np.isin(code.astype("<U6"), counties)
    order = pd.Series(code)
    area = np.isin(shapely.get_type_id(shape), (3, 6)) & ~shapely.is_empty(shape)
    valid = area & shapely.is_valid(shape)
    checks = (
        (code == "", "没有乡镇代码", "请填 9 位乡镇代码"),
        (~proper & (code != ""), "乡镇代码应为 9 位 (或 12 位) 数字", "请按统计用区划代码填写"),
        (
            proper & order.duplicated(keep=False).to_numpy(),
            "乡镇代码重复",
            "一个乡镇应只有一个 (多部分的) 面",
        ),
        (proper & ~known, "代码的前 6 位不是本省的县区", "请检查代码和年份"),
        (name == "", "没有乡镇名称", "请填写名称"),
        (~area, "图形为空, 或者不是面", _FIX),
        (area & ~valid, "边界不是有效的多边形 (如自相交)", _FIX),
        (_astray(code, shape, units, proper & known & valid), "位置不在代码所属的县区", "请检查代码和坐标系"),
    )
    return [
        Problem(file, f"{what}: 共 {int(wrong.sum())} 处", _rows(wrong, code, name), fix)
        for wrong, what, fix in checks
        if wrong.any()
    ]


def _astray(
    code: NDArray[np.str_], shape: NDArray[Any], units: Units, good: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Mark the townships that lie in their county with less than ``OWN_SHARE`` of their area."""
    counties = units.counties.geometry.to_numpy()
    order = np.argsort(units.counties["code"].to_numpy(str), kind="stable")
    sorted_codes = units.counties["code"].to_numpy(str)[order]
    rows = np.flatnonzero(good)
    own = order[np.searchsorted(sorted_codes, code[rows].astype("<U6"))]
    shared = shapely.area(shapely.intersection(shape[rows], counties[own]))
    astray = np.zeros(len(code), bool)
    astray[rows] = shared < OWN_SHARE * shapely.area(shape[rows])
    return astray


def _rows(wrong: NDArray[np.bool_], code: NDArray[np.str_], name: NDArray[np.str_]) -> str:
    """Name rows as users see them: 第3个 黄坳乡 360424205."""
    rows = np.flatnonzero(wrong).tolist()
    return _some([" ".join(filter(None, (f"第{i + 1}个", str(name[i]), str(code[i])))) for i in rows])


def _some(names: Any) -> str:
    """List the first five names."""
    every = [str(name) for name in names]
    return "、".join(every[:5]) + (f" 等 {len(every)} 个" if len(every) > 5 else "")


def _note(file: str, table: gpd.GeoDataFrame, units: Units) -> str:
    """Say where the townships come from and which counties have none."""
    with_some = set(table["code"].str[:6])
    without = [
        name
        for code, name in zip(units.counties["code"], units.counties["name"], strict=True)
        if code not in with_some
    ]
    text = f"乡镇边界来自 {file}"
    if without:
        text += f"; 没有乡镇边界的县区按全境一个单位计: {_some(without)}"
    if overlapping := _overlapping(table):
        text += f"; {len(overlapping)} 对乡镇互相重叠 ({_some(overlapping)}), 重叠处归代码小的"
    return text


def _overlapping(table: gpd.GeoDataFrame) -> list[str]:
    """Name the pairs of townships that share more than ``_OVERLAP`` of the smaller one."""
    shape = table.geometry.to_numpy()
    first, second = shapely.STRtree(shape).query(shape, predicate="intersects")
    first, second = first[first < second], second[first < second]
    area = shapely.area(shape)
    shared = shapely.area(shapely.intersection(shape[first], shape[second]))
    much = shared > _OVERLAP * np.minimum(area[first], area[second])
    names = table["name"].tolist()
    return [
        f"{names[a]}与{names[b]}" for a, b in zip(first[much].tolist(), second[much].tolist(), strict=True)
    ]


# The folder


def save(townships: Townships, folder: Path) -> str:
    """Save to a folder of ``.npy`` files and return the hash of the content."""
    shapes = shapely.to_wkb(townships.table.geometry.to_numpy(), byte_order=1).tolist()
    arrays = {
        "code": townships.table["code"].to_numpy(str),
        "name": townships.table["name"].to_numpy(str),
        "wkb": np.frombuffer(b"".join(shapes), np.uint8),
        "end": np.cumsum([len(shape) for shape in shapes], dtype=np.int64),
    }
    meta = {"source": townships.source, "note": townships.note}
    return save_arrays(folder, arrays, kind="townships", meta=meta)


def load(folder: Path, *, verify: bool = True) -> Townships:
    """Open saved townships; raises ``WorkspaceError`` where the folder is missing or damaged."""
    arrays, meta = load_arrays(folder, kind="townships", verify=verify, names=_ARRAYS, fix=_REBUILD)
    content = np.asarray(arrays["wkb"]).tobytes()
    ends = np.asarray(arrays["end"]).tolist()
    try:
        shape = shapely.from_wkb([content[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)])
    except (shapely.errors.ShapelyError, ValueError, TypeError):
        raise WorkspaceError(Problem(str(folder), "文件已损坏, 无法读取", fix=_REBUILD)) from None
    columns = {"code": np.asarray(arrays["code"]).astype(str), "name": np.asarray(arrays["name"]).astype(str)}
    table = gpd.GeoDataFrame(columns, geometry=shape, crs=WGS84)
    return Townships(table, str(meta.get("source", "")), str(meta.get("note", "")))
