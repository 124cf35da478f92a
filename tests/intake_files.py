"""What the intake corpus is made with: true sites, the shifts of coord-convert, writers, expectations."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import shapely
from boai.geodata.boundaries import read_default
from boai.geodata.crs import ALBERS, from_wgs84, to_wgs84
from coord_convert import transform

TODAY = "2024-07-01"
"""The day on which the corpus is read."""

TELLING = ("东湖区", "西湖区", "青云谱区", "青山湖区", "珠山区", "月湖区")
"""Small districts: a shift of 600 m puts many of their points outside."""

DEEP = ("修水县", "鄱阳县", "遂川县", "宁都县")
"""Large counties: points far inside stay inside under every shift."""

Rows = list[list[Any]]
Truth = pd.DataFrame


# Expectations


@dataclass(frozen=True)
class Expected:
    """What the intake has to say about a file. Codes may be alternatives: ``a|b``."""

    verdicts: tuple[tuple[str, str | None], ...]
    """Accepted (status, system); system None: any."""
    rows: tuple[tuple[int, int, int], ...]
    """Accepted (read, good, quarantined)."""
    errors: frozenset[str] = frozenset()
    """Exactly these codes appear as errors."""
    codes: frozenset[str] = frozenset()
    """These codes appear with any severity."""
    absent: frozenset[str] = frozenset()
    """These codes appear with no severity."""
    quiet: bool = False
    """There is no error and no warning."""
    ok: bool = True
    sentence: str = ""
    """A regular expression that a problem's text (what, got, fix) matches."""
    within_deg: float = 1e-6
    """Largest error of a coordinate against the truth."""


@dataclass(frozen=True)
class Case:
    """One file (or folder) of the corpus."""

    name: str
    make: Callable[[Path], Path | tuple[Path, Truth]]
    expected: Expected
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)


CASES: list[Case] = []


def case(
    status: str | tuple[tuple[str, str | None], ...],
    system: str | None,
    rows: tuple[int, int, int] | Sequence[tuple[int, int, int]],
    *,
    kind: str = "aed",
    options: Mapping[str, Any] | None = None,
    errors: str = "",
    codes: str = "",
    absent: str = "",
    **facts: Any,
) -> Callable[[Callable[[Path], Any]], Callable[[Path], Any]]:
    """Enter a maker into the corpus under its own name; codes are separated by blanks."""
    verdicts = ((status, system),) if isinstance(status, str) else status
    every: Any = (rows,) if isinstance(rows[0], int) else tuple(rows)
    expected = Expected(
        verdicts,
        every,
        frozenset(errors.split()),
        frozenset(codes.split()),
        frozenset(absent.split()),
        **facts,
    )

    def enter(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
        CASES.append(Case(make.__name__, make, expected, kind, dict(options or {})))
        return make

    return enter


# True sites


@lru_cache(maxsize=1)
def units() -> Any:
    """The real boundaries."""
    return read_default()


@lru_cache(maxsize=1)
def _flat_counties() -> dict[str, Any]:
    counties = units().counties
    return dict(zip(counties["name"], counties.geometry.to_crs(ALBERS), strict=True))


def _flat(county: str) -> Any:
    return _flat_counties()[county]


@lru_cache(maxsize=64)
def _within(county: str, inside_m: float, band_m: float) -> Any:
    """The part of a county at least so far (and at most so far) from its border."""
    shape = _flat(county).buffer(-inside_m)
    if band_m:
        shape = shape.difference(_flat(county).buffer(-band_m))
    shapely.prepare(shape)
    return shape


def points(
    county: str, n: int, *, inside_m: float, seed: int = 0, band_m: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """n random WGS84 points of a county at least ``inside_m`` (and at most ``band_m``) from its border."""
    shape = _within(county, inside_m, band_m)
    rng = np.random.default_rng([seed, *county.encode()])
    low_x, low_y, high_x, high_y = shape.bounds
    found = np.empty((0, 2))
    while len(found) < n:
        tried = rng.uniform((low_x, low_y), (high_x, high_y), (4 * n + 50, 2))
        found = np.vstack([found, tried[shapely.contains_xy(shape, tried[:, 0], tried[:, 1])]])
    lon, lat = to_wgs84(found[:n, 0], found[:n, 1], of=ALBERS)
    return np.round(lon, 7), np.round(lat, 7)


def across(county: str, other: str, n: int, metres: float) -> tuple[np.ndarray, np.ndarray]:
    """n points of ``other``, ``metres`` behind its border with ``county`` (and so outside that)."""
    around = max(shapely.get_parts(_flat(county).buffer(metres)), key=shapely.area)
    ring = shapely.get_exterior_ring(around)
    line = ring.intersection(_flat(other).buffer(-metres / 2))
    line = max(shapely.get_parts(line), key=shapely.length)
    flat = shapely.line_interpolate_point(line, np.linspace(0.2, 0.8, n), normalized=True)
    lon, lat = to_wgs84(shapely.get_x(flat), shapely.get_y(flat), of=ALBERS)
    return np.round(lon, 7), np.round(lat, 7)


VENUES = ("社区", "学校", "医院", "景区")


def sites(
    n: int,
    counties: Sequence[str] = TELLING,
    *,
    inside_m: float = 150,
    seed: int = 0,
    band_m: float = 0,
) -> Truth:
    """n well-described AED sites with true WGS84 coordinates, spread evenly over counties."""
    band_m = band_m or (700 if tuple(counties) == TELLING else 0)
    parts = []
    for i, county in enumerate(counties):
        many = len(range(i, n, len(counties)))
        if not many:
            continue
        row = units().counties.set_index("name").loc[county]
        lon, lat = points(county, many, inside_m=inside_m, seed=seed, band_m=band_m)
        parts.append(
            pd.DataFrame(
                {
                    "id": [f"{row['code']}-{seed}{k:03d}" for k in range(many)],
                    "name": [f"{county}{VENUES[k % 4]}{seed}{k:03d}号点" for k in range(many)],
                    "city": row["city_name"],
                    "county": county,
                    "county_code": row["code"],
                    "address": [f"{row['city_name']}{county}人民路{100 + k}号" for k in range(many)],
                    "lon": lon,
                    "lat": lat,
                    "host": [VENUES[k % 4] for k in range(many)],
                    "status": "已建",
                    "year": [2018 + k % 6 for k in range(many)],
                    "keeper": [f"张{'甲乙丙丁戊'[k % 5]}" for k in range(many)],
                    "phone": [f"1380013{8000 + k}" for k in range(many)],
                    "source": "县级红十字会上报",
                    "verified_on": "2024-03-05",
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def shifted(table: Truth, system: str) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates of true sites as a file in ``system`` has them, 7 decimals (metres: 3)."""
    if system == "WGS84":
        return table["lon"].to_numpy(), table["lat"].to_numpy()
    if system.startswith("EPSG"):
        x, y = from_wgs84(table["lon"], table["lat"], to=system)
        return np.round(x, 3), np.round(y, 3)
    shift = {"GCJ-02": transform.wgs2gcj, "BD-09": transform.wgs2bd}[system]
    pairs = [shift(lon, lat) for lon, lat in zip(table["lon"], table["lat"], strict=True)]
    return np.round([pair[0] for pair in pairs], 8), np.round([pair[1] for pair in pairs], 8)


def misfits(table: Truth, true: str, supposed: str) -> int:
    """Count the points that leave their county by more than 200 m if ``supposed`` is taken for ``true``."""
    x, y = shifted(table, true)
    lon, lat = _unshift(x, y, supposed)
    flat_x, flat_y = from_wgs84(lon, lat, to=ALBERS)
    away = [
        shapely.distance(shapely.Point(a, b), _flat(county))
        for a, b, county in zip(flat_x, flat_y, table["county"], strict=True)
    ]
    return int((np.array(away) > 200).sum())


def _unshift(x: np.ndarray, y: np.ndarray, system: str) -> tuple[np.ndarray, np.ndarray]:
    if system == "WGS84":
        return x, y
    if system.startswith("EPSG"):
        lon, lat = to_wgs84(x, y, of=system)
        return lon, lat
    back = {"GCJ-02": transform.gcj2wgs, "BD-09": transform.bd2wgs}[system]
    pairs = [back(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])


TITLES = {
    "id": "编号", "name": "名称", "city": "设区市", "county": "县区", "county_code": "县级代码",
    "address": "地址", "lon": "经度", "lat": "纬度", "host": "场所", "status": "状态",
    "year": "年份", "keeper": "保管人", "phone": "电话", "source": "来源", "verified_on": "核实日期",
}  # fmt: skip


def grid(
    table: Truth,
    system: str = "WGS84",
    *,
    columns: Sequence[str] = (),
    titles: Mapping[str, str] | None = None,
    xy: tuple[Iterable[Any], Iterable[Any]] | None = None,
) -> Rows:
    """The header and the rows of a file: Chinese titles, coordinates in ``system`` or as given."""
    frame = table[list(columns or TITLES)].copy().astype(object)
    x, y = xy or shifted(table, system)
    if "lon" in frame:
        frame["lon"], frame["lat"] = list(x), list(y)
    names = {**TITLES, **(titles or {})}
    body = [[None if _blank(cell) else _plain(cell) for cell in row] for row in frame.to_numpy().tolist()]
    return [[names[name] for name in frame], *body]


def _blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and np.isnan(cell))


def _plain(cell: Any) -> Any:
    return cell.item() if isinstance(cell, np.generic) else cell


def with_column(rows: Rows, title: str, cells: Sequence[Any]) -> Rows:
    """Add a column at the end."""
    return [[*row, cell] for row, cell in zip(rows, [title, *cells], strict=True)]


# Writers


def xlsx(path: Path, sheets: Mapping[str, Rows] | Rows, merges: Sequence[str] = ()) -> Path:
    """Write an Excel workbook; text stays text, ``=`` included."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in (sheets if isinstance(sheets, Mapping) else {"Sheet1": sheets}).items():
        sheet = book.create_sheet(title)
        for i, row in enumerate(rows, 1):
            for j, cell in enumerate(row, 1):
                if cell is not None:
                    written = sheet.cell(i, j, cell)
                    if isinstance(cell, str):
                        written.data_type = "e" if cell in ("#N/A", "#REF!") else "s"
        for merge in merges:
            sheet.merge_cells(merge)
    book.save(path)
    return path


def xls(path: Path, rows: Rows) -> Path:
    """Write a workbook of Excel 97."""
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("点位")
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            if cell is not None:
                sheet.write(i, j, cell)
    book.save(str(path))
    return path


def told(table: Truth, *columns: str) -> Truth:
    """The truth that a file tells: name, WGS84 coordinates and further columns."""
    return table[["name", "lon", "lat", *columns]]


def text(rows: Rows, separator: str = ",") -> str:
    """The rows as text with separators."""
    out = io.StringIO()
    if len(separator) == 1:
        csv.writer(out, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def csv_file(path: Path, rows: Rows, *, separator: str = ",", encoding: str = "utf-8-sig") -> Path:
    """Write a text file with separators."""
    path.write_bytes(text(rows, separator).encode(encoding))
    return path


def ods(path: Path, rows: Rows) -> Path:
    """Write an OpenDocument spreadsheet by hand."""

    def cell(value: Any) -> str:
        if value is None:
            return "<table:table-cell/>"
        shown = escape(str(value))
        if isinstance(value, (int, float)):
            return (
                f'<table:table-cell office:value-type="float" office:value="{value}">'
                f"<text:p>{shown}</text:p></table:table-cell>"
            )
        return f'<table:table-cell office:value-type="string"><text:p>{shown}</text:p></table:table-cell>'

    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="{space}:office:1.0" '
        f'xmlns:table="{space}:table:1.0" xmlns:text="{space}:text:1.0" office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="点位">{lines}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="{space}:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", kind, zipfile.ZIP_STORED)
        file.writestr("content.xml", content)
        file.writestr("META-INF/manifest.xml", manifest)
    return path


def frame(table: Truth, system: str, crs: str | None, *, columns: Sequence[str]) -> gpd.GeoDataFrame:
    """Sites as points for a GIS file, Chinese column names, no coordinate columns."""
    x, y = shifted(table, system)
    chosen = table[list(columns)].rename(columns=TITLES)
    return gpd.GeoDataFrame(chosen, geometry=gpd.points_from_xy(x, y), crs=crs)


def kml_text(table: Truth, system: str = "WGS84", head: str = "") -> str:
    """Placemarks with name and extended data."""
    x, y = shifted(table, system)
    marks = "".join(
        f"<Placemark><name>{escape(name)}</name><ExtendedData>"
        f'<Data name="编号"><value>{escape(key)}</value></Data>'
        f'<Data name="县区"><value>{county}</value></Data></ExtendedData>'
        f"<Point><coordinates>{a:.8f},{b:.8f},0</coordinates></Point></Placemark>"
        for key, name, county, a, b in zip(table["id"], table["name"], table["county"], x, y, strict=True)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document><name>点位</name>{marks}</Document></kml>"
    )


def gpx_text(table: Truth, head: str = "") -> str:
    """Waypoints with a name."""
    points_ = "".join(
        f'<wpt lat="{lat:.8f}" lon="{lon:.8f}"><name>{escape(name)}</name></wpt>'
        for name, lon, lat in zip(table["name"], table["lon"], table["lat"], strict=True)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<gpx version="1.1" creator="gps" '
        f'xmlns="http://www.topografix.com/GPX/1/1">{points_}</gpx>'
    )


def geojson_features(table: Truth, system: str = "WGS84") -> list[dict[str, Any]]:
    """Features with Chinese property names."""
    x, y = shifted(table, system)
    return [
        {
            "type": "Feature",
            "properties": {"编号": key, "名称": name, "县区": county},
            "geometry": {"type": "Point", "coordinates": [float(a), float(b)]},
        }
        for key, name, county, a, b in zip(table["id"], table["name"], table["county"], x, y, strict=True)
    ]


def compound_file(path: Path, streams: Mapping[str, bytes]) -> Path:
    """Write an OLE compound file with small streams padded to whole sectors, as encrypted workbooks are."""
    sector, end, free, fat_mark = 512, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
    blobs = [data.ljust(4096, b"\0") + b"\0" * (-max(len(data), 4096) % sector) for data in streams.values()]
    fat, starts, at = [fat_mark, end], [], 2
    for blob in blobs:
        many = len(blob) // sector
        starts.append(at)
        fat += [*range(at + 1, at + many), end]
        at += many
    fat += [free] * (128 - len(fat))

    def entry(name: str, kind: int, child: int, right: int, start: int, size: int) -> bytes:
        coded = (name + "\0").encode("utf-16-le")
        body = coded.ljust(64, b"\0") + len(coded).to_bytes(2, "little") + bytes([kind, 1])
        links = b"".join(value.to_bytes(4, "little") for value in (free, right, child))
        return body + links + b"\0" * 36 + start.to_bytes(4, "little") + size.to_bytes(8, "little")

    names = list(streams)
    directory = entry("Root Entry", 5, 1, free, end, 0)
    for i, name in enumerate(names):
        right = i + 2 if i + 1 < len(names) else free
        directory += entry(name, 2, free, right, starts[i], len(blobs[i]))
    header = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16
    header += b"".join(v.to_bytes(2, "little") for v in (0x3E, 3, 0xFFFE, 9, 6)) + b"\0" * 6
    numbers = (0, 1, 1, 0, 4096, end, 0, end, 0, 0)
    header += b"".join(v.to_bytes(4, "little") for v in numbers)
    header += b"\xff" * (sector - len(header))
    table = b"".join(value.to_bytes(4, "little") for value in fat)
    path.write_bytes(header + table + directory.ljust(sector, b"\0") + b"".join(blobs))
    return path
