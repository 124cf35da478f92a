"""KML, KMZ and GPX: placemarks and waypoints with their attributes; links are never followed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely

from .archive import Archive
from .codes import finding
from .features import Layer, points_of, records_to_columns
from .html import html_tables, plain_text
from .limits import MOST_ROWS, MOST_TEXT, check_size, refuse
from .markup import Attributes, parse_xml
from .model import Finding

_DESCRIPTION, _FOLDER = "description", "文件夹"
_FIELDS = frozenset({"name", "address", "phoneNumber", _DESCRIPTION})
_SHAPES = frozenset({"Point", "LineString", "LinearRing"})
_LINKS = frozenset({"NetworkLink", "GroundOverlay", "ScreenOverlay", "PhotoOverlay", "Model"})
_STATED = "EPSG:4326"  # both standards know no other system


def read_kmz(archive: Archive, *, name: str, file: str) -> Layer:
    """Read the first KML file of a KMZ archive, ``doc.kml`` if there is one."""
    parts = [part for part in archive.names if part.lower().endswith(".kml")]
    if not parts:
        raise refuse("file_unreadable", "kmz 中没有 kml 文件", file=file)
    main = archive.find("doc.kml") or min(parts, key=lambda part: (part.count("/"), part))
    return read_kml(archive.read(main, most=MOST_TEXT), name=name, file=file)


def read_kml(raw: bytes, *, name: str, file: str) -> Layer:
    """Read the placemarks of a KML file.

    Columns come from name, address, phone, ``ExtendedData`` (both forms), tables of two columns in the
    description, and the folders around a placemark; a description that is no table is kept as text.
    """
    check_size(len(raw), file=file, most=MOST_TEXT)
    reader = _Kml(file)
    parse_xml([raw], start=reader.start, end=reader.end, text=reader.text, file=file)
    x, y, said = points_of(reader.shapes)
    notes = [*reader.notes, *said]
    if reader.links:
        notes.append(finding("file_skipped", f"含 {reader.links} 个网络链接、叠加图或模型, 没有读取"))
    columns = records_to_columns(reader.records, file=file)
    return Layer(name, "kml", columns, x, y, _STATED, findings=tuple(notes))


class _Kml:
    """Handlers of KML."""

    def __init__(self, file: str) -> None:
        self.records: list[dict[str, Any]] = []
        self.shapes: list[Any] = []
        self.notes: list[Finding] = []
        self.links = 0
        self._file = file
        self._path: list[str] = []
        self._folders: list[str] = []
        self._record: dict[str, Any] | None = None
        self._key, self._buffer = "", list[str]()
        self._points, self._lines, self._rings = list[Any](), list[Any](), list[tuple[Any, list[Any]]]()
        self._inner, self._said = False, False

    def start(self, name: str, attributes: Attributes) -> None:
        """Take note of an element that opens."""
        self._path.append(name)
        self._buffer = []
        if name == "Placemark":
            self._record, self._said = {}, False
            self._points, self._lines, self._rings = [], [], []
        elif name in {"Folder", "Document"}:
            self._folders.append("")
        elif name in {"Data", "SimpleData"}:
            self._key = attributes.get("name", "")
        elif name in {"innerBoundaryIs", "outerBoundaryIs"}:
            self._inner = name == "innerBoundaryIs"
        elif name in _LINKS:
            self.links += 1

    def text(self, data: str) -> None:
        """Take text."""
        self._buffer.append(data)

    def end(self, name: str) -> None:
        """Finish what closes."""
        self._path.pop()
        parent = self._path[-1] if self._path else ""
        text = "".join(self._buffer).strip()
        self._buffer = []
        if name == "Placemark":
            self._finish()
        elif name in {"Folder", "Document"}:
            self._folders.pop()
        elif name == "name" and parent == "Folder" and self._folders:
            self._folders[-1] = text[:100]
        elif self._record is not None:
            self._inside(name, parent, text)

    def _inside(self, name: str, parent: str, text: str) -> None:
        record = self._record
        if record is None:
            return
        if name in _FIELDS and parent == "Placemark":
            record.setdefault(name, text)
        elif (name == "value" and parent == "Data") or name == "SimpleData":
            if self._key:
                record[self._key[:100]] = text
        elif name == "when" and parent == "TimeStamp":
            record.setdefault("when", text)
        elif name == "coordinates" and parent in _SHAPES:
            self._said = True
            self._coordinates(parent, _tuples(text))

    def _coordinates(self, kind: str, pairs: Any) -> None:
        if not len(pairs):
            return
        if kind == "Point":
            self._points.append(shapely.Point(*pairs[0]))
        elif kind == "LineString":
            if len(pairs) > 1:
                self._lines.append(shapely.LineString(pairs))
        elif len(pairs) > 3 and self._inner and self._rings:
            self._rings[-1][1].append(pairs)
        elif len(pairs) > 3:
            self._rings.append((pairs, []))

    def _finish(self) -> None:
        """Close a placemark: one record, one geometry."""
        record = self._record or {}
        self._record = None
        folders = "/".join(folder for folder in self._folders if folder)
        if folders:
            record[_FOLDER] = folders
        shape = self._shape()
        if len(self.records) >= MOST_ROWS:
            raise refuse("file_too_large", f"不能超过 {MOST_ROWS} 个地标", file=self._file)
        self.records.append(_with_description(record, self._file))
        self.shapes.append(shape)
        row = len(self.records)
        if shape is None and self._said and len(self.notes) < 200:
            self.notes.append(finding("geometry_invalid", "几何无效, 没有坐标点", row=row))
        if len(self._points) > 1 and len(self.notes) < 200:
            what = f"一个地标有 {len(self._points)} 个点, 取第一个"
            self.notes.append(finding("geometry_kept", what, severity="warning", row=row))

    def _shape(self) -> Any:
        """Choose a placemark's geometry: its first point, else its largest polygon, else its longest line."""
        try:
            if self._points:
                return self._points[0]
            if self._rings:
                return max((shapely.Polygon(shell, holes) for shell, holes in self._rings), key=shapely.area)
            return max(self._lines, key=shapely.length, default=None)
        except (ValueError, shapely.errors.GEOSException):
            return None


def _tuples(text: str) -> Any:
    """Read ``lon,lat[,height]`` tuples as (n, 2); those with blanks after the commas too; broken ones go."""
    pairs = []
    for part in " ".join(text.split()).replace(" ,", ",").replace(", ", ",").split():
        numbers = part.split(",")
        try:
            lon, lat = float(numbers[0]), float(numbers[1])
        except (ValueError, IndexError):
            continue
        if math.isfinite(lon) and math.isfinite(lat):
            pairs.append((lon, lat))
    return np.array(pairs, float).reshape(-1, 2)


def _with_description(record: dict[str, Any], file: str) -> dict[str, Any]:
    """Turn a description with a table of names and values into columns; otherwise keep its text."""
    text = record.pop(_DESCRIPTION, "")
    if not text:
        return record
    pairs: dict[str, Any] = {}
    if "<t" in text.lower():
        for table, _ in html_tables(text, file=file):
            for row in table.rows:
                if len(row) == 2 and all(isinstance(cell, str) for cell in row):
                    pairs.setdefault(row[0].rstrip(":： ")[:100], row[1])
    if pairs:
        return {**pairs, **record}
    plain = plain_text(text)
    return {**record, _DESCRIPTION: plain} if plain else record


def read_gpx(raw: bytes, *, name: str, file: str) -> Layer:
    """Read the waypoints of a GPX file; tracks and routes are counted and left."""
    check_size(len(raw), file=file, most=MOST_TEXT)
    reader = _Gpx(file)
    parse_xml([raw], start=reader.start, end=reader.end, text=reader.text, file=file)
    x = np.array([place[0] for place in reader.places], float)
    y = np.array([place[1] for place in reader.places], float)
    notes = []
    if reader.tracks:
        notes.append(finding("file_skipped", f"{reader.tracks} 条轨迹或路线没有读入, 只读航点"))
    columns = records_to_columns(reader.records, file=file)
    return Layer(name, "gpx", columns, x, y, _STATED, findings=tuple(notes))


class _Gpx:
    """Handlers of GPX."""

    def __init__(self, file: str) -> None:
        self.records: list[dict[str, Any]] = []
        self.places: list[tuple[float, float]] = []
        self.tracks = 0
        self._file = file
        self._record: dict[str, Any] | None = None
        self._buffer: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        """Take note of an element that opens."""
        self._buffer = []
        if name == "wpt":
            if len(self.records) >= MOST_ROWS:
                raise refuse("file_too_large", f"不能超过 {MOST_ROWS} 个航点", file=self._file)
            self._record = {}
            self.places.append((_degree(attributes.get("lon", "")), _degree(attributes.get("lat", ""))))
        elif name in {"trk", "rte"}:
            self.tracks += 1

    def text(self, data: str) -> None:
        """Take text."""
        self._buffer.append(data)

    def end(self, name: str) -> None:
        """Finish what closes."""
        text = "".join(self._buffer).strip()
        self._buffer = []
        if self._record is None:
            return
        if name == "wpt":
            self.records.append(self._record)
            self._record = None
        elif text:
            self._record.setdefault(name[:100], text)


def _degree(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
