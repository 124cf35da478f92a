"""Export: the sites of a registry as a file in any coordinate system, which imports back unchanged."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from . import datums
from .errors import InputError, Problem
from .export_table import Column, make_columns, neutral, printable
from .intake import coordinates
from .intake.shapefile import FIELDS
from .layers import EXAMPLE
from .types import ResourceType, find_type

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "check_system", "export_layer", "neutral"]

Format = Literal["xlsx", "csv", "gpkg", "geojson", "shp", "kml"]

FORMATS: tuple[Format, ...] = get_args(Format)

EPSG = {"WGS84": "EPSG:4326", "CGCS2000": "EPSG:4490"}
"""Codes of the geographic systems that have one; GCJ-02 and BD-09 have none: no file can name them."""

MOST_ROWS = 1_048_575
"""Rows that a sheet of Excel holds below its header."""

MOST_DBF_BYTES = 254
"""Bytes of a text in a dBASE table."""

MOST_CELL = 32_767
"""Characters of a text in a cell of Excel."""

_TEXT_FORMAT = "@"
_WIDTHS = {"id": 16, "name": 30, "address": 40, "hours": 26, "source": 22, "stock": 30}


@dataclass(frozen=True)
class _Sheet:
    """What a writer needs: the columns, and the points of the geometry in their system."""

    title: str
    columns: tuple[Column, ...]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    system: str

    @property
    def crs(self) -> str | None:
        """EPSG code of the system of x and y, None where there is none."""
        return EPSG.get(self.system, self.system if self.system.startswith("EPSG:") else None)

    @property
    def attributes(self) -> tuple[Column, ...]:
        """The columns without longitude and latitude, which a GIS file keeps as geometry."""
        return tuple(column for column in self.columns if column.name not in ("lon", "lat"))

    @property
    def n_rows(self) -> int:
        return len(self.x)


def export_layer(
    sites: pd.DataFrame,
    kind: str | ResourceType,
    path: Path,
    *,
    system: str = "WGS84",
    format: str | None = None,
) -> None:
    """Write sites to a file with Chinese headers; it appears whole or not at all.

    The column 坐标系 names the system of each row's coordinates, by which an import takes them back. Example
    sites carry 示例数据 in 来源. Extras become columns of their own behind the attributes. Text that a
    spreadsheet program could take for a formula is written as text (xlsx) or behind an apostrophe (csv).
    KML holds nothing but degrees: where a projected system is asked for, its points stay WGS84 and say so.

    Parameters
    ----------
    sites
        As ``Registry.sites`` returns them: ``types.COMMON`` without ``crs`` and own attributes as columns,
        lon and lat in WGS84, and if wanted ``extras`` (dict) and ``example``. Other columns are ignored.
    kind
        Resource type, or its code, title or synonym.
    path
        The file; with a shapefile go .dbf, .shx, .cpg, .prj and ``FIELDS`` beside it.
    system
        WGS84, GCJ-02, BD-09, CGCS2000 or a projected one, in any spelling of ``datums.normal_system``.
    format
        One of ``FORMATS``; by default as the suffix says.

    Raises
    ------
    InputError
        Unknown system, format or type, or the format cannot hold the sites; then nothing is written.
    """
    written = _check_format(path, format)
    known = check_system(system)
    rtype = find_type(kind) if isinstance(kind, str) else kind
    sheet = _make_sheet(sites, rtype, known, degrees_only=written == "kml")
    _check_place(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name[:40]}.") as folder:
        ready = Path(folder) / f"{path.stem}.{written}"
        _WRITERS[written](sheet, ready)
        made = [file for file in sorted(Path(folder).iterdir()) if file != ready]
        for file in [*made, ready]:
            file.chmod(0o644)  # an office shares its folders
            shutil.move(file, path if file == ready else path.with_name(file.name))


def _check_format(path: Path, format: str | None) -> Format:
    text = (format or path.suffix.removeprefix(".")).lower()
    text = {"json": "geojson"}.get(text, text)
    for known in FORMATS:
        if text == known:
            return known
    raise InputError(Problem("导出格式", f"可用的有 {'、'.join(FORMATS)}", text[:20], "请改文件名的后缀"))


def check_system(text: str) -> str:
    system = datums.normal_system(text)
    if system is None:
        known = "、".join((*datums.SYSTEMS, datums.CGCS2000, *datums.PROJECTED))
        raise InputError(Problem("坐标系", f"可用的有 {known}", printable(text)[:40], "请改用其中之一"))
    return system


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise InputError(Problem(str(path), "是文件夹, 不是文件", fix="请写文件名"))
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(Problem(str(path.parent), "文件夹不存在或不可写", fix="请先建立文件夹"))


def _make_sheet(sites: pd.DataFrame, rtype: ResourceType, system: str, *, degrees_only: bool) -> _Sheet:
    """Convert the coordinates and make the columns."""
    lon, lat = (sites[name].to_numpy(float) for name in ("lon", "lat"))
    used = "WGS84" if degrees_only and system.startswith("EPSG:") else system
    x, y = (lon, lat) if used == "WGS84" else _convert(lon, lat, used)
    columns = make_columns(sites, rtype, x=x, y=y, system=used, example=EXAMPLE)
    return _Sheet(rtype.title, columns, x, y, used)


def _convert(lon: Any, lat: Any, system: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring WGS84 into a system, rounded to 1e-10 degrees or 0.01 mm."""
    x, y = coordinates.from_wgs84(lon, lat, system)
    decimals = 5 if system.startswith("EPSG:") else 10
    return np.round(x, decimals), np.round(y, decimals)


# Tables


def _write_csv(sheet: _Sheet, path: Path) -> None:
    """Write utf-8 with a byte order mark, by which Excel knows it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([neutral(column.header) for column in sheet.columns])
    cells = [[neutral(_as_text(cell)) for cell in column.cells] for column in sheet.columns]
    writer.writerows(zip(*cells, strict=True))
    path.write_text(out.getvalue(), encoding="utf-8-sig", newline="")


def _as_text(cell: Any) -> str:
    if cell is None:
        return ""
    return repr(cell) if isinstance(cell, float) else str(cell)


def _write_xlsx(sheet: _Sheet, path: Path) -> None:
    """Write a workbook with a frozen header, filters, and codes and phones as text."""
    import openpyxl  # noqa: PLC0415 (0.2 s, and only this format needs it)
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.styles import Font, PatternFill  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    _check_cells(sheet)
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(sheet.title[:31])
    page.freeze_panes = "C2"
    bold, grey = Font(bold=True), PatternFill("solid", start_color="FFE7E6E6")
    header = []
    for i, column in enumerate(sheet.columns, 1):
        page.column_dimensions[get_column_letter(i)].width = _WIDTHS.get(column.name, 12)
        cell = _text_cell(WriteOnlyCell(page), column.header)
        cell.font, cell.fill = bold, grey
        header.append(cell)
    page.auto_filter.ref = f"A1:{get_column_letter(len(sheet.columns))}{sheet.n_rows + 1}"
    page.append(header)
    columns = [_sheet_cells(column, lambda: WriteOnlyCell(page)) for column in sheet.columns]
    for row in zip(*columns, strict=True):
        page.append(row)
    book.save(path)


def _check_cells(sheet: _Sheet) -> None:
    if sheet.n_rows > MOST_ROWS:
        raise InputError(Problem("xlsx", f"最多 {MOST_ROWS} 行", str(sheet.n_rows), "请改用 csv 或 gpkg"))
    _check_texts(sheet.columns, len, (MOST_CELL, "个字符"), format="xlsx", fix="请改用 csv 或 gpkg")


def _check_texts(
    columns: Sequence[Column], size: Callable[[str], int], most: tuple[int, str], *, format: str, fix: str
) -> None:
    """Refuse texts that a format would cut off, naming the columns."""
    limit, unit = most
    long = [
        column.header
        for column in columns
        if any(
            isinstance(cell, str) and len(cell) * 4 > limit and size(cell) > limit for cell in column.cells
        )
    ]
    if long:
        what = f"这些列里有超过 {limit} {unit}的文字: {'、'.join(map(printable, long[:5]))}"
        raise InputError(Problem(f"{format} 格式", what, fix=fix))


def _sheet_cells(column: Column, make: Callable[[], Any]) -> list[Any]:
    """Cells of a column: plain values, but text that needs it as cells marked as text."""
    if column.is_code:
        return [None if cell is None else _text_cell(make(), str(cell)) for cell in column.cells]
    return [
        _text_cell(make(), cell) if isinstance(cell, str) and _risky(cell) else cell for cell in column.cells
    ]


def _risky(text: str) -> bool:
    """Whether openpyxl or Excel would take a text for something else."""
    return neutral(text) != text or text[:1] == "#"


def _text_cell(cell: Any, text: str) -> Any:
    """Mark a cell as text whatever it holds: never a formula, no number made of a code."""
    cell.value = text
    cell.data_type = "s"
    cell.number_format = _TEXT_FORMAT
    if _risky(text):
        cell.quotePrefix = True
    return cell


# Geographic files


def _write_gpkg(sheet: _Sheet, path: Path) -> None:
    _write_frame(sheet, path, {column.header: column for column in sheet.attributes}, "GPKG")


def _write_shp(sheet: _Sheet, path: Path) -> None:
    """Write a shapefile: short ASCII field names, and the headers beside it."""
    size = (MOST_DBF_BYTES, "字节")
    _check_texts(sheet.attributes, _utf8_size, size, format="shp", fix="请改用 gpkg 或 xlsx")
    fields: dict[str, Column] = {}
    for column in sheet.attributes:
        fields[_field_name(column, fields)] = column
    _write_frame(sheet, path, fields, "ESRI Shapefile", encoding="UTF-8")
    path.with_suffix(".cpg").write_text("UTF-8", encoding="ascii")
    headers = {name: column.header for name, column in fields.items()}
    path.with_suffix(FIELDS).write_text(json.dumps(headers, ensure_ascii=False, indent=1), encoding="utf-8")


def _utf8_size(text: str) -> int:
    return len(text.encode())


def _field_name(column: Column, taken: dict[str, Column]) -> str:
    """Name a field of a dBASE table: at most ten ASCII characters, unique whatever the case."""
    name = column.name[:10] if column.name else f"extra_{len(taken)}"[:10]
    if name in taken:
        name = f"{name[:7]}_{len(taken)}"
    return name


def _write_frame(sheet: _Sheet, path: Path, columns: dict[str, Column], driver: str, **options: Any) -> None:
    """Let GDAL write points; numbers as numbers, everything else as text, nothing for a missing position."""
    import pyogrio  # noqa: PLC0415 (slow, and only these formats need it)

    where = np.isfinite(sheet.x) & np.isfinite(sheet.y)
    data = [_field_data(column) for column in columns.values()]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'crs' was not provided")  # GCJ-02 and BD-09 have no code
        pyogrio.raw.write(
            path,
            geometry=_points(sheet.x, sheet.y, where),
            field_data=[values for values, _ in data],
            fields=np.array(list(columns), object),
            field_mask=[mask for _, mask in data],
            layer=sheet.title if driver == "GPKG" else path.stem,
            driver=driver,
            geometry_type="Point",
            crs=sheet.crs,
            **options,
        )


def _points(x: NDArray[np.float64], y: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Make points as well-known binary."""
    import shapely  # noqa: PLC0415 (slow)

    found = np.full(len(x), None, object)
    found[where] = shapely.to_wkb(shapely.points(x[where], y[where]))
    return found


def _field_data(column: Column) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Make the values of a field and the mask of those that are missing."""
    missing = np.array([cell is None for cell in column.cells], bool)
    if column.is_number and not all(missing):
        values = np.array([0.0 if cell is None else float(cell) for cell in column.cells], float)
        if np.all(values == np.round(values)) and np.all(np.abs(values) < 2**53):
            return values.astype(np.int64), missing
        return values, missing
    texts = np.array([None if cell is None else _as_text(cell) for cell in column.cells], object)
    return texts, missing


def _write_geojson(sheet: _Sheet, path: Path) -> None:
    """Write RFC 7946; a system other than WGS84 is named by the older member ``crs`` where it has a code."""
    content: dict[str, Any] = {"type": "FeatureCollection", "name": sheet.title}
    if sheet.crs not in (None, "EPSG:4326"):
        code = str(sheet.crs).removeprefix("EPSG:")
        content["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{code}"}}
    content["features"] = [
        {"type": "Feature", "properties": row, "geometry": point}
        for row, point in zip(_records(sheet), _geometries(sheet), strict=True)
    ]
    path.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _records(sheet: _Sheet) -> list[dict[str, Any]]:
    headers = [column.header for column in sheet.attributes]
    rows = zip(*(column.cells for column in sheet.attributes), strict=True)
    return [dict(zip(headers, row, strict=True)) for row in rows]


def _geometries(sheet: _Sheet) -> list[dict[str, Any] | None]:
    pairs = zip(sheet.x.tolist(), sheet.y.tolist(), strict=True)
    return [
        {"type": "Point", "coordinates": [a, b]} if np.isfinite(a) and np.isfinite(b) else None
        for a, b in pairs
    ]


def _write_kml(sheet: _Sheet, path: Path) -> None:
    """Write placemarks with all attributes as extended data."""
    from xml.sax.saxutils import escape, quoteattr  # noqa: PLC0415 (only writes)

    title = {column.name: column.header for column in sheet.attributes if column.name}["name"]
    out = ['<?xml version="1.0" encoding="UTF-8"?>', '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>']
    out.append(f"<name>{escape(sheet.title)}</name>")
    for row, point in zip(_records(sheet), _geometries(sheet), strict=True):
        data = "".join(
            f"<Data name={quoteattr(header)}><value>{escape(_as_text(cell))}</value></Data>"
            for header, cell in row.items()
            if cell is not None and header != title
        )
        where = "{!r},{!r}".format(*point["coordinates"]) if point else ""
        place = f"<Point><coordinates>{where}</coordinates></Point>" if where else ""
        name = escape(_as_text(row[title]))
        out.append(f"<Placemark><name>{name}</name><ExtendedData>{data}</ExtendedData>{place}</Placemark>")
    out.append("</Document></kml>")
    path.write_text("\n".join(out), encoding="utf-8")


_WRITERS: dict[Format, Callable[[_Sheet, Path], None]] = {
    "xlsx": _write_xlsx,
    "csv": _write_csv,
    "gpkg": _write_gpkg,
    "geojson": _write_geojson,
    "shp": _write_shp,
    "kml": _write_kml,
}
