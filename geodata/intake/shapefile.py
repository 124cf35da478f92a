"""Shapefiles: .shp and .dbf read straight from their bytes (ESRI Shapefile Technical Description, 1998)."""

from __future__ import annotations

import datetime as dt
import json
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from .codes import finding
from .features import Layer, points_of, system_of_wkt
from .limits import MOST_CELLS, MOST_COLUMNS, MOST_ROWS, refuse
from .model import Finding

MAGIC = b"\x00\x00\x27\x0a"

FIELDS = ".fields"
"""Ending of the file with the headers behind the short field names, as `export.export_layer` writes it."""

_MOST_FIELDS = 1 << 20

_DAMAGED = "请重新导出 shapefile, 连同 .shx、.dbf、.prj、.cpg 一起打包"
_MULTIPATCH = 31
_NO_DATA = -1e38  # smaller values mean none, by the specification
_BINARY = "IOBYT@+"
_CHINESE = re.compile(r"GB|936|ANSI", re.IGNORECASE)
_LATIN = re.compile(r"8859|1252|LATIN|ASCII|437|850", re.IGNORECASE)


def read_shapefile(shp: bytes, sidecar: Callable[[str], bytes | None], *, name: str, file: str) -> Layer:
    """Read a shapefile; ``sidecar(".dbf")`` gives the file of that ending beside it, or None.

    Text is in the encoding of the .cpg file if it fits, else UTF-8 if all of it is valid, else GB 18030.
    The index (.shx) tells the order of the records where it fits, and is not needed; a missing .dbf, .prj or
    .shx becomes a finding.

    Raises
    ------
    RefusedError
        The file is damaged from the start or beyond the limits.
    """
    if len(shp) < 100 or shp[:4] != MAGIC:
        raise refuse("file_unreadable", "shp 文件已损坏", file=file, fix=_DAMAGED)
    index = sidecar(".shx")
    shapes, notes = read_shapes(shp, index)
    table = sidecar(".dbf")
    columns: dict[str, list[Any]] = {}
    encoding = ""
    if table is None:
        fix = "请把同名的 .dbf 文件一起提供"
        notes.append(
            finding("sidecar_missing", "缺少属性文件 .dbf, 只有坐标没有属性", severity="error", fix=fix)
        )
    else:
        page = (sidecar(".cpg") or b"")[:64].decode("ascii", "ignore").strip()
        rows = read_dbase(table, page, file=file)
        encoding = rows.encoding
        columns, shapes, said = _join(rows, shapes)
        columns = _with_headers(columns, sidecar(FIELDS))
        notes += [*rows.findings, *said]
    x, y, said_points = points_of(shapes)
    crs, said_crs = _system(sidecar(".prj"))
    if index is None:
        notes.append(finding("sidecar_missing", "缺少索引文件 .shx, 已按顺序读出", severity="note"))
    notes += [*said_points, *said_crs]
    return Layer(name, "shp", columns, x, y, crs, encoding=encoding, findings=tuple(notes))


def _with_headers(columns: dict[str, list[Any]], beside: bytes | None) -> dict[str, list[Any]]:
    """Give fields the headers that an export of boai laid beside the file (JSON: field → header)."""
    try:
        headers = json.loads((beside or b"{}")[:_MOST_FIELDS].decode())
    except (ValueError, RecursionError):
        return columns
    if not isinstance(headers, dict):
        return columns
    known = {name: text for name, text in headers.items() if isinstance(text, str) and text.strip()}
    named = {known.get(name, name): cells for name, cells in columns.items()}
    return named if len(named) == len(columns) else columns


def read_shapes(shp: bytes, shx: bytes | None = None) -> tuple[list[Any], list[Finding]]:
    """Read the geometries of a .shp file, None for empty ones; what lies behind a damaged record is lost.

    A program that changes a shape may write it anew at the end, where only the index finds it.
    """
    places = _index(shp, shx) if shx else None
    if places is not None:
        return [_shape(shp, at + 8, size) if size else None for at, size in places], []
    shapes: list[Any] = []
    at, end = 100, len(shp)
    while at + 12 <= end:
        words = struct.unpack_from(">I", shp, at + 4)[0]
        if words < 2 or at + 8 + 2 * words > end or len(shapes) >= MOST_ROWS:
            break
        shapes.append(_shape(shp, at + 8, 2 * words))
        at += 8 + 2 * words
    notes = []
    declared = 2 * struct.unpack_from(">I", shp, 24)[0]
    if at < min(end, declared) or declared > end:
        what = f"shp 文件不完整, 只读出 {len(shapes)} 个要素"
        notes.append(finding("truncated", what, fix=_DAMAGED))
    return shapes, notes


def _index(shp: bytes, shx: bytes) -> list[tuple[int, int]] | None:
    """List offset and size of each record in the order of the index; None where it does not fit."""
    n = (len(shx) - 100) // 8
    if n < 1 or n > MOST_ROWS or shx[:4] != MAGIC:
        return None
    places = 2 * np.frombuffer(shx, ">u4", 2 * n, 100).astype(np.int64).reshape(-1, 2)
    at, size = places.T
    used = size > 0
    inside = (at[used] >= 100) & (at[used] + 8 + size[used] <= len(shp)) & (size[used] >= 4)
    if not inside.all() or len(np.unique(at[used])) < used.sum() or (size[used] + 8).sum() > len(shp):
        return None
    said = [2 * struct.unpack_from(">I", shp, int(start) + 4)[0] for start in at[used]]
    return [(int(a), int(b)) for a, b in places] if np.array_equal(said, size[used]) else None


def _shape(shp: bytes, at: int, size: int) -> Any:
    """Read the geometry of one record; None where it is empty, damaged or of an unknown kind."""
    code = struct.unpack_from("<I", shp, at)[0]
    kind = code % 10 if code < 30 else 0
    try:
        if code == _MULTIPATCH and size >= 44:
            n_parts, n_points = struct.unpack_from("<2I", shp, at + 36)
            return shapely.MultiPoint(_pairs(shp, at + 44 + 8 * n_parts, n_points, at + size))
        if kind == 1 and size >= 20:
            x, y = struct.unpack_from("<2d", shp, at + 4)
            return shapely.Point(x, y) if x > _NO_DATA and y > _NO_DATA else None
        if kind == 8 and size >= 40:
            count = struct.unpack_from("<I", shp, at + 36)[0]
            return shapely.MultiPoint(_pairs(shp, at + 40, count, at + size))
        if kind in (3, 5) and size >= 44:
            return _parts(shp, at, size, kind == 5)
    except (ValueError, struct.error, shapely.errors.GEOSException):
        return None
    return None


def _pairs(shp: bytes, at: int, count: int, end: int) -> Any:
    if count < 1 or at + 16 * count > end:
        raise ValueError(count)
    pairs = np.frombuffer(shp, "<f8", 2 * count, at).reshape(-1, 2)
    if not np.isfinite(pairs).all():
        raise ValueError("not finite")
    return pairs


def _parts(shp: bytes, at: int, size: int, polygon: bool) -> Any:
    """Read lines or rings: of a polygon, its largest outer ring with the holes in it."""
    n_parts, n_points = struct.unpack_from("<2I", shp, at + 36)
    if n_parts < 1 or 44 + 4 * n_parts + 16 * n_points > size:
        raise ValueError(n_parts)
    starts = [*struct.unpack_from(f"<{n_parts}I", shp, at + 44), n_points]
    pairs = _pairs(shp, at + 44 + 4 * n_parts, n_points, at + size)
    least = 4 if polygon else 2
    parts = [pairs[a:b] for a, b in pairwise(starts) if 0 <= a <= b - least]
    if not parts:
        raise ValueError("no parts")
    if not polygon:
        return max((shapely.LineString(part) for part in parts), key=shapely.length)
    areas = [_signed_area(part) for part in parts]
    outer = min(range(len(parts)), key=areas.__getitem__)  # outer rings run clockwise: negative
    if areas[outer] >= 0:
        outer = max(range(len(parts)), key=areas.__getitem__)
    shell = shapely.Polygon(parts[outer])
    holes = [part for part, area in zip(parts, areas, strict=True) if area * areas[outer] < 0]
    return shapely.Polygon(parts[outer], [hole for hole in holes if shapely.contains_xy(shell, *hole[0])])


def _signed_area(ring: Any) -> float:
    with np.errstate(all="ignore"):  # coordinates of 1e300 overflow
        x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
        return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _system(prj: bytes | None) -> tuple[str, list[Finding]]:
    if prj is None:
        what = "缺少 .prj 文件, 坐标系将按坐标检验"
        return "", [finding("sidecar_missing", what, severity="note", fix="请一并提供 .prj, 或指明坐标系")]
    crs, why = system_of_wkt(prj[:65536].decode("utf-8", "replace").lstrip("\ufeff").strip())
    return crs, [finding("crs_unknown", f".prj {why}", severity="warning")] if why else []


@dataclass(frozen=True)
class Dbase:
    """A dBASE table: n records, deleted ones marked."""

    columns: dict[str, list[Any]]
    deleted: list[bool]
    encoding: str
    findings: tuple[Finding, ...]


def read_dbase(raw: bytes, page: str = "", *, file: str) -> Dbase:
    """Read a .dbf file; ``page`` is what its .cpg file says about the encoding."""
    try:
        count, start, width = struct.unpack_from("<IHH", raw, 4)
        fields = _fields(raw, start)
    except struct.error:
        raise refuse("file_unreadable", "dbf 文件已损坏", file=file, fix=_DAMAGED) from None
    if start > len(raw) or width < 1 or sum(size for _, _, size, _ in fields) + 1 > width:
        raise refuse("file_unreadable", "dbf 文件已损坏", file=file, fix=_DAMAGED)
    there = max(0, (len(raw) - start) // width)
    n = min(count, there)
    if n > MOST_ROWS or len(fields) > MOST_COLUMNS or n * len(fields) > MOST_CELLS:
        got = f"{n} 行 × {len(fields)} 列"
        raise refuse("file_too_large", "dbf 表过大", file=file, got=got, fix="请拆分后再导入")
    table = np.frombuffer(raw, np.uint8, n * width, start).reshape(n, width)
    cells, at = [], 1
    for _, kind, size, _ in fields:
        part = np.ascontiguousarray(table[:, at : at + size])
        cells.append(_cells(part, size, kind in _BINARY))
        at += size
    encoding, notes = _encoding(fields, cells, page)
    columns: dict[str, list[Any]] = {}
    for (name, kind, *_), values in zip(fields, cells, strict=True):
        text = _decode(name, encoding)
        while text in columns:
            text += "_"
        columns[text], bad = _convert(kind, values, encoding)
        notes += [finding("decode_error", "文字无法解码", row=row + 1, column=text) for row in bad]
        if kind not in _KINDS:
            what = f"这种字段 (类型 {kind if kind.isalnum() else '?'}, 如备注、图片) 没有读入"
            notes.append(finding("extra_column", what, severity="warning", column=text, fix="请另存为 xlsx"))
    if n < count:
        notes.append(finding("truncated", f"dbf 文件不完整, 应有 {count} 条记录, 只有 {n} 条", fix=_DAMAGED))
    return Dbase(columns, [bytes([mark]) == b"*" for mark in table[:, 0]], encoding, tuple(notes))


def _cells(part: NDArray[np.uint8], size: int, binary: bool) -> list[bytes]:
    """Cut a column of bytes into its cells; texts lose their trailing zero bytes."""
    if binary or not part.size:
        return [bytes(cell) for cell in part]
    return list(part.view(f"S{size}").ravel().tolist())


def _fields(raw: bytes, start: int) -> list[tuple[bytes, str, int, int]]:
    """List name, type, width and decimal places of the fields."""
    fields = []
    for at in range(32, min(start, len(raw)) - 31, 32):
        if raw[at] == 0x0D:
            break
        name, kind, size, places = struct.unpack_from("<11sc4xBB", raw, at)
        if kind == b"C" and places:
            size += places << 8  # texts above 255 bytes, as some programs write them
        if size:
            fields.append((name.split(b"\0")[0].strip(), kind.decode("latin-1"), size, places))
    return fields


def _encoding(
    fields: Sequence[tuple[bytes, str, int, int]], cells: Sequence[Sequence[bytes]], page: str
) -> tuple[str, list[Finding]]:
    """Choose the encoding: what the .cpg file says if all text fits, else UTF-8, else GB 18030."""
    texts = [name for name, *_ in fields if not name.isascii()]
    for (_, kind, _, _), values in zip(fields, cells, strict=True):
        if kind == "C":
            texts += [text for text in set(values) if not text.isascii()]
    said = ""
    if page and not _LATIN.search(page):
        said = "gb18030" if _CHINESE.search(page) else "utf-8" if "8" in page else ""
    order = [said] if said else []
    for encoding in [*order, "utf-8", "gb18030"]:
        if all(_fits(text, encoding) for text in texts):
            break
    else:
        encoding = said or "gb18030"
    wrong = bool(page) and bool(texts) and encoding != said
    what = f".cpg 写的编码 {page} 与内容不符, 按 {encoding} 读出"
    note = finding("encoding_guessed", what, severity="warning", got=page, fix="请核对中文是否正确")
    return encoding, [note] if wrong else []


def _fits(text: bytes, encoding: str) -> bool:
    """Whether bytes are valid text; a last character that the width of the field cut off does not count."""
    plain = text.rstrip(b" \0")
    for cut in range(4):
        try:
            plain[: len(plain) - cut].decode(encoding)
        except UnicodeDecodeError as error:
            if error.end < len(plain) - cut:
                return False
            continue
        return cut == 0 or len(plain) >= 8
    return False


def _decode(text: bytes, encoding: str) -> str:
    plain = text.strip(b" \0\t\r\n")
    try:
        return plain.decode(encoding)
    except UnicodeDecodeError as error:
        if len(plain) - error.start < 4:
            return plain[: error.start].decode(encoding, "ignore")  # cut off by the width of the field
        return plain.decode(encoding, "replace")


def _convert(kind: str, values: Sequence[bytes], encoding: str) -> tuple[list[Any], list[int]]:
    """Turn the bytes of a column into cells; also the positions of texts that cannot be decoded."""
    bad: list[int] = []
    if kind == "C":
        known = {value: _decode(value, encoding) for value in set(values)}
        broken = {value for value, text in known.items() if "\ufffd" in text}
        bad = [i for i, value in enumerate(values) if value in broken] if broken else []
        return [known[value] or None for value in values], bad
    convert = _KINDS.get(kind)
    if convert is None:
        return [None] * len(values), bad
    known_values = {value: convert(value) for value in set(values)}
    return [known_values[value] for value in values], bad


def _number(value: bytes) -> int | float | str | None:
    """Return a number, or the text that stands in its place (``1,5``); stars mean that it did not fit."""
    text = value.strip(b" \0")
    try:
        if b"_" not in text:
            return int(text) if text.lstrip(b"-+").isdigit() else float(text)
    except ValueError:
        pass
    return text.decode("ascii", "replace") if text.strip(b"*") else None


def _date(value: bytes) -> dt.datetime | str | None:
    text = value.strip(b" \0").decode("ascii", "replace")
    try:
        return dt.datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return text if text.strip("0") else None


def _logical(value: bytes) -> bool | None:
    return {b"T": True, b"Y": True, b"F": False, b"N": False}.get(value.strip().upper()[:1])


def _integer(value: bytes) -> int | None:
    return int(struct.unpack("<i", value)[0]) if len(value) == 4 else None


def _double(value: bytes) -> float | None:
    return float(struct.unpack("<d", value)[0]) if len(value) == 8 else None


def _currency(value: bytes) -> float | None:
    return struct.unpack("<q", value)[0] / 10_000 if len(value) == 8 else None


def _moment(value: bytes) -> dt.datetime | None:
    """Read Visual FoxPro's date and time: Julian day and milliseconds."""
    day, milliseconds = struct.unpack("<2i", value) if len(value) == 8 else (0, 0)
    if not 0 < day - 1_721_425 <= dt.date.max.toordinal() or not 0 <= milliseconds < 86_400_000:
        return None
    return dt.datetime.fromordinal(day - 1_721_425) + dt.timedelta(seconds=round(milliseconds / 1000))


_KINDS: dict[str, Callable[[bytes], Any]] = {
    "C": bytes, "N": _number, "F": _number, "D": _date, "L": _logical, "I": _integer, "O": _double,
    "B": _double, "Y": _currency, "T": _moment,
}  # fmt: skip
"""How the types of fields are read; texts are decoded before."""


def _join(rows: Dbase, shapes: list[Any]) -> tuple[dict[str, list[Any]], list[Any], list[Finding]]:
    """Bring records and geometries to one length, without deleted records."""
    n = min(len(rows.deleted), len(shapes))
    notes = []
    if len(rows.deleted) != len(shapes):
        what = f".shp 有 {len(shapes)} 个要素, .dbf 有 {len(rows.deleted)} 条记录, 只读前 {n} 个"
        notes.append(finding("truncated", what, fix=_DAMAGED))
    keep = [i for i in range(n) if not rows.deleted[i]]
    return {k: [v[i] for i in keep] for k, v in rows.columns.items()}, [shapes[i] for i in keep], notes
