"""The folder of an export: a file or folder for each format and result, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...geodata.errors import InputError, Problem
from ...geodata.folders import unfinished
from ...geodata.layers import Kind
from .. import layers as drawn
from .. import tables
from ..public import Release, for_public
from . import files, workbook
from .kml import write_kml
from .layers import Export, exports_of
from .project import NAME, project_xml

if TYPE_CHECKING:
    from ...coverage.states import States
    from ...scenarios.run import Result
    from ...scenarios.world import World

FORMATS: Mapping[str, str] = {
    "gpkg": "GeoPackage", "geojson": "GeoJSON", "kml": "KML", "shp": "Shapefile", "xlsx": "Excel",
    "csv": "CSV",
}  # fmt: skip
"""Formats by their codes, and the names of their folders."""

_READ: Mapping[str, str] = {
    "gpkg": f"双击 {NAME} 用 QGIS (3.22 及以上) 打开; 每个方案一个 .gpkg, 拖进 QGIS 自带挂图的样式",
    "geojson": f"每个图层一个文件 (RFC 7946), 同名 .qml 是 QGIS 样式; 网格的字段名见 {files.FIELDS}",
    "kml": "Google Earth、奥维互动地图可打开; 网格太多, 不在其中, 各档范围在其中",
    "shp": f"字段名只能有 10 个字节, 含义见各文件夹的 {files.FIELDS}; 文字为 UTF-8",
    "xlsx": f"{tables.WORKBOOK}: 全部表格和图表",
    "csv": "UTF-8, Excel 可直接打开; 只有属性, 没有图形",
}


def export(
    world: World,
    results: Sequence[Result],
    folder: Path,
    *,
    formats: Sequence[str] = tuple(FORMATS),
    release: Release | None = None,
    date: str = "",
    states: Mapping[tuple[str, Kind], States] | None = None,
) -> list[Path]:
    """Write results as files for GIS, for Google Earth and for spreadsheets.

    Parameters
    ----------
    results
        The baseline first; all others are compared with it.
    folder
        New, or empty; it appears whole or not at all.
    formats
        Codes of ``FORMATS``.
    release
        For whom; a public export is made of what the public may see. By default for the house.
    date
        Date as it shall be written; nothing is written where it is empty.
    states
        States of the residents by result (name) and resource type, where room is counted.

    Returns
    -------
    All files, those that are opened first in front: the QGIS project, the workbook, then the others.

    Raises
    ------
    InputError
        A format that is none, or a folder that holds something.
    """
    _check(folder, formats)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(folder) as ready:
        found = write_files(world, results, ready, formats=formats, release=release, date=date, states=states)
        found = [path.relative_to(ready) for path in found]
        _check(folder, ())  # somebody may have put something there meanwhile
    return [folder / path for path in found]


def write_files(
    world: World,
    results: Sequence[Result],
    folder: Path,
    *,
    formats: Sequence[str],
    release: Release | None = None,
    date: str = "",
    states: Mapping[tuple[str, Kind], States] | None = None,
) -> list[Path]:
    """Write the files of `export` into a folder that is there."""
    release = release or Release()
    if release.public:
        world, results = for_public(world, results)
    exports = exports_of(world, results, release=release, date=date, states=states)
    found: list[Path] = []
    for code, name in FORMATS.items():
        if code in formats:
            found += _WRITERS[code](world, results, exports, folder / name)
    told = [(FORMATS[code], _READ[code]) for code in FORMATS if code in formats]
    return [*found, files.write_notes([*exports[0].notes, *told], folder)]


def _check(folder: Path, formats: Sequence[str]) -> None:
    problems = [
        Problem("--format", "没有这一种", str(code)[:20], f"可选: {'、'.join(FORMATS)}")
        for code in formats
        if code not in FORMATS
    ]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        problems.append(Problem(str(folder), "已存在, 没有写出", fix="请写一个还没有的文件夹"))
    if problems:
        raise InputError(problems)


_Writer = Callable[["World", Sequence["Result"], Sequence[Export], Path], list[Path]]


def _gpkg(world: World, _: Sequence[Result], exports: Sequence[Export], folder: Path) -> list[Path]:
    folder.mkdir()
    made = [path for each in exports for path in files.write_gpkg(each, folder / f"{each.name}.gpkg")]
    project = folder.parent / NAME
    name = str(world.units.province["name"].iloc[0])
    text = project_xml(exports, folder.name, name, drawn.outlines(world.units).province)
    project.write_text(text, encoding="utf-8")
    return [project, *made]


def _geojson(_: World, __: Sequence[Result], exports: Sequence[Export], folder: Path) -> list[Path]:
    return [path for each in exports for path in files.write_geojson(each, folder / each.name)]


def _kml(_: World, __: Sequence[Result], exports: Sequence[Export], folder: Path) -> list[Path]:
    folder.mkdir()
    return [path for each in exports for path in write_kml(each, folder / f"{each.name}.kml")]


def _shp(_: World, __: Sequence[Result], exports: Sequence[Export], folder: Path) -> list[Path]:
    return [path for each in exports for path in files.write_shapefile(each, folder / each.name)[0]]


def _csv(_: World, __: Sequence[Result], exports: Sequence[Export], folder: Path) -> list[Path]:
    return [path for each in exports for path in files.write_csv(each, folder / each.name)]


def _xlsx(world: World, results: Sequence[Result], exports: Sequence[Export], folder: Path) -> list[Path]:
    return [workbook.write_workbook(world, results, exports[0].notes, folder.parent / tables.WORKBOOK)]


_WRITERS: Mapping[str, _Writer] = {
    "gpkg": _gpkg, "geojson": _geojson, "kml": _kml, "shp": _shp, "xlsx": _xlsx, "csv": _csv,
}  # fmt: skip
