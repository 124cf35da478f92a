"""The door of the readers: a file, a folder or a zip archive → raw tables, by content and not by suffix."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..shown import clean_name
from ..types import normal
from . import geopackage, shapefile
from .archive import Archive
from .codes import finding
from .features import Layer, to_table
from .geojson import read_geojson
from .grid import Grid
from .heading import LooksLikeHeader, looks_like_header
from .html import read_html, read_xml_2003
from .kml import read_gpx, read_kml, read_kmz
from .layout import lay_out
from .limits import MOST_TEXT, RefusedError, check_size, refuse
from .markup import root_element, text_head
from .model import Finding, RawTable
from .ods import read_ods
from .ole import MAGIC as OLE
from .sources import Source, of_archive, of_folder, single
from .text import read_text
from .xls import read_xls
from .xlsx import read_xlsx

Progress = Callable[[str], None]
Made = Sequence[Grid] | Sequence[Layer]

_KNOWN = "请提供 xlsx、xls、csv、gpkg、geojson、shp、kml、gpx 或它们的 zip 压缩包"
_SUFFIXES = {
    "xlsx": (".xlsx", ".xlsm", ".xltx", ".xltm"),
    "xls": (".xls", ".xlt", ".et"),
    "ods": (".ods",),
    "csv": (".csv", ".tsv", ".txt", ".tab", ".dat", ""),
    "html": (".html", ".htm"),
    "geojson": (".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson", ".jsonl"),
    "json": (".json", ".ndjson", ".jsonl"),
    "kml": (".kml", ".kmz", ".ovkml", ".ovkmz"),
    "gpx": (".gpx",),
    "gpkg": (".gpkg",),
    "shp": (".shp",),
    "dbf": (".dbf",),
}
_TITLES = {"csv": "文本", "html": "HTML 表格", "dbf": "dBASE 表"}
_MAGICS = (
    (b"%PDF", "PDF"), (b"Rar!", "rar 压缩包"), (b"7z\xbc\xaf\x27\x1c", "7z 压缩包"),
    (b"\x1f\x8b", "gz 压缩包"), (b"BZh", "bz2 压缩包"), (b"\xfd7zXZ", "xz 压缩包"),
    (b"\xff\xd8\xff", "图片"), (b"\x89PNG", "图片"), (b"GIF8", "图片"), (b"BM", "图片"),
    (b"II*\0", "TIFF 图片"), (b"MM\0*", "TIFF 图片"), (b"{\\rtf", "RTF 文档"), (b"MZ", "程序"),
    (b"\x7fELF", "程序"), (b"AC10", "DWG 图纸"), (b"fgb\x03", "FlatGeobuf"),
    (b"\x09\x08", "Excel 4 以前的工作簿"), (b"\x09\x04", "Excel 4 以前的工作簿"),
    (b"MIME-Version", "网页归档 (mht)"),
)  # fmt: skip
_PARTS = (
    ("xl/workbook.bin", "Excel 二进制工作簿 (xlsb)"),
    ("word/document.xml", "Word 文档"),
    ("ppt/presentation.xml", "PowerPoint 演示文稿"),
)
_PACKED = (".zip", ".rar", ".7z", ".gz", ".tar")


@dataclass(frozen=True)
class FileSet:
    """Everything that a path gave."""

    tables: tuple[RawTable, ...]
    findings: tuple[Finding, ...]
    """What belongs to no table: files and sheets left out or refused."""


@dataclass(frozen=True)
class _Request:
    """What a user wants of the files."""

    sheet: str | None
    looks: LooksLikeHeader
    inside: bool = False
    """Whether the file is one of several, of a folder or an archive."""
    zipped: bool = False
    """Whether it is in an archive."""

    def wanted(self, name: str, hidden: bool) -> bool:
        """Whether a sheet is to be read."""
        return not hidden if self.sheet is None else normal(name) == normal(self.sheet)


def read_tables(
    path: Path | str,
    *,
    sheet: str | None = None,
    progress: Progress | None = None,
    looks: LooksLikeHeader = looks_like_header,
) -> FileSet:
    """Read every table of a file, of a folder with all that is in it, or of a zip archive.

    Parameters
    ----------
    path
        Excel, ODS, CSV, HTML table, GeoPackage, GeoJSON, Shapefile, KML, KMZ or GPX file; a folder or zip of
        these. The format is told by the content; a suffix that says otherwise is noted.
    sheet
        Name of the only sheet or layer to read; then hidden ones are read too.
    progress
        Called with a Chinese sentence before each file.
    looks
        Tells whether a text looks like a header.

    Returns
    -------
    Tables with at least one row, and findings on what was left out. A broken file of a folder or archive is a
    finding, and the others are read.

    Raises
    ------
    RefusedError
        Nothing at all can be read; an ``InputError`` whose ``findings`` have the codes.
    """
    path = Path(path)
    request = _Request(sheet, looks)
    try:
        there, folder = path.exists(), path.is_dir()
    except (OSError, ValueError):
        there = folder = False
    if not there:
        raise refuse("file_missing", "文件不存在", file=clean_name(str(path)), fix="请核对路径和文件名")
    if folder:
        sources, found = of_folder(path)
        return _all(sources, found, clean_name(path.resolve().name), replace(request, inside=True), progress)
    source = single(path)
    _say(progress, source)
    content = source.load()
    archive = _plain_archive(content, source)
    if archive is not None:
        return _members(archive, source, request, progress)
    tables, findings = _read(source, content, request)
    return _result(tables, findings, source.file)


def _all(
    sources: Sequence[Source],
    findings: Sequence[Finding],
    name: str,
    request: _Request,
    progress: Progress | None,
) -> FileSet:
    """Read several files; those that are refused become findings."""
    tables: list[RawTable] = []
    found = list(findings)
    for source in sources:
        _say(progress, source)
        try:
            content = source.load()
            archive = _plain_archive(content, source)
            if archive is not None:
                part = _members(archive, source, request, progress)
            else:
                part = FileSet(*map(tuple, _read(source, content, request)))  # type: ignore[arg-type]
        except RefusedError as error:
            found += [_milder(each, source) for each in error.findings]
            continue
        tables += part.tables
        found += part.findings
    return _result(tables, found, name)


def _members(archive: Archive, source: Source, request: _Request, progress: Progress | None) -> FileSet:
    """Read the members of an archive; an archive in an archive is refused."""
    if request.zipped:
        fix = "请先解压, 再把其中的文件一起打包"
        raise refuse("unsafe_archive", "压缩包里的压缩包没有读入", file=source.file, fix=fix)
    inner = replace(request, inside=True, zipped=True)
    return _all(of_archive(archive), [], source.file, inner, progress)


def _result(tables: Sequence[RawTable], findings: Sequence[Finding], name: str) -> FileSet:
    """Return what was read; raises if that is nothing."""
    if tables:
        return FileSet(tuple(tables), tuple(findings))
    errors = [found for found in findings if found.severity == "error"]
    if errors:
        raise RefusedError(*errors)
    reasons = "; ".join(dict.fromkeys(f"{f.sheet or f.file}: {f.what}" for f in findings[:5]))
    code = "no_rows" if any(found.code == "no_rows" for found in findings) else "no_table"
    what = "只有表头, 没有数据行" if code == "no_rows" else "没有找到数据表"
    fix = "请在第一行写表头 (名称、经度、纬度等), 下面逐行填写"
    raise refuse(code, what, file=name, got=reasons, fix=fix)


def _say(progress: Progress | None, source: Source) -> None:
    if progress is not None:
        progress(f"读入 {source.file}")


def _milder(found: Finding, source: Source) -> Finding:
    """Make a warning of a file that is no data, such as a picture beside the tables."""
    if found.code in ("unsupported_format", "no_table", "no_rows") and source.suffix not in _PACKED:
        return replace(found, severity="warning")
    return found


def _plain_archive(content: bytes, source: Source) -> Archive | None:
    """Open a zip file that is no document of a program; None for everything else."""
    if not content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return None
    archive = Archive(content, file=source.file)
    return archive if _document(archive, source) == "zip" else None


def _document(archive: Archive, source: Source) -> str:
    """Tell what a zip file is: xlsx, ods, kmz, a plain archive, or the title of another document."""
    for part, title in _PARTS:
        if archive.find(part):
            return title
    if archive.find("[Content_Types].xml") or archive.find("xl/workbook.xml"):
        return "xlsx"
    if archive.find("content.xml") and archive.find("mimetype"):
        return "ods"
    if archive.find("doc.kml") or source.suffix in (".kmz", ".ovkmz"):
        return "kmz"
    return "zip"


def _read(source: Source, content: bytes, request: _Request) -> tuple[list[RawTable], list[Finding]]:
    """Read one file by what it is."""
    if not content.strip(b"\0 \r\n\t"):
        raise refuse("file_unreadable", "文件是空的", file=source.file)
    kind, made = _parse(source, content, request)
    grids = [item for item in made if isinstance(item, Grid)]
    if grids:
        tables, findings = _from_grids(grids, source, content, request)
    else:
        layers = [item for item in made if isinstance(item, Layer)]
        tables, findings = _from_layers(layers, source, content, request)
    return [_with_suffix_note(table, kind, source) for table in tables], findings


def _parse(source: Source, content: bytes, request: _Request) -> tuple[str, Made]:
    """Choose the reader by the first bytes; suffixes decide nothing but between kinds of text."""
    file = source.file
    if content.startswith(b"PK\x03\x04"):
        return _parse_zipped(source, content, request)
    if content.startswith(OLE):
        return "xls", read_xls(content, file=file, wanted=request.wanted)
    if content.startswith(geopackage.MAGIC):
        layers, found = geopackage.read_geopackage(content, file=file, wanted=request.wanted)
        return "gpkg", _with_findings(layers, found, source)
    if content.startswith(shapefile.MAGIC):
        return "shp", [shapefile.read_shapefile(content, source.beside, name="", file=file)]
    if source.suffix == ".dbf" and content[:1] in (b"\x03", b"\x30", b"\x31", b"\x83", b"\x8b", b"\xf5"):
        return "dbf", [_lone_dbase(content, source)]
    title = next((title for magic, title in _MAGICS if content.startswith(magic)), "")
    if title:
        raise refuse("unsupported_format", "不支持的文件格式", file=file, got=title, fix=_KNOWN)
    return _parse_text(source, content, request)


def _parse_zipped(source: Source, content: bytes, request: _Request) -> tuple[str, Made]:
    archive = Archive(content, file=source.file)
    kind = _document(archive, source)
    if kind == "xlsx":
        return kind, read_xlsx(archive, file=source.file, wanted=request.wanted)
    if kind == "ods":
        return kind, read_ods(archive, file=source.file, wanted=request.wanted)
    if kind == "kmz":
        return "kml", [read_kmz(archive, name="", file=source.file)]
    fix = "请用 Excel 或 WPS 打开后另存为 xlsx 再导入"
    raise refuse("unsupported_format", "不支持的文件格式", file=source.file, got=kind, fix=fix)


def _parse_text(source: Source, content: bytes, request: _Request) -> tuple[str, Made]:
    """Choose among the formats that are text, by their first element or sign."""
    file = source.file
    root = root_element(content)
    if root in ("kml", "Placemark", "Document", "Folder"):
        return "kml", [read_kml(content, name="", file=file)]
    if root == "gpx":
        return "gpx", [read_gpx(content, name="", file=file)]
    if root == "Workbook":
        check_size(len(content), file=file, most=MOST_TEXT)
        return "xls", read_xml_2003(content, file=file)
    if root.lower() in ("html", "table", "body", "head", "div", "meta", "style", "!html"):
        check_size(len(content), file=file, most=MOST_TEXT)
        grids = read_html(content, file=file)
        if not grids:
            raise refuse("no_table", "网页中没有表格", file=file, fix=_KNOWN)
        return "html", grids
    if root:
        what = "不支持的 XML 格式"
        raise refuse("unsupported_format", what, file=file, got=root, fix=_KNOWN)
    if text_head(content).lstrip("\x1e \t\r\n")[:1] in ("{", "["):
        layer = read_geojson(content, name="", file=file)
        return layer.format, [layer]
    if request.inside and source.suffix not in _SUFFIXES["csv"]:
        raise refuse("unsupported_format", "不支持的文件格式", file=file, got=source.suffix, fix=_KNOWN)
    return "csv", [read_text(content, file=file, looks=request.looks)]


def _lone_dbase(content: bytes, source: Source) -> Layer:
    """Read a .dbf without its .shp as a table."""
    page = (source.beside(".cpg") or b"")[:64].decode("ascii", "ignore").strip()
    table = shapefile.read_dbase(content, page, file=source.file)
    keep = [i for i, gone in enumerate(table.deleted) if not gone]
    columns = {name: [cells[i] for i in keep] for name, cells in table.columns.items()}
    nothing = np.full(len(keep), np.nan)
    return Layer(
        "", "dbf", columns, nothing, nothing, spatial=False, encoding=table.encoding, findings=table.findings
    )


def _with_findings(layers: list[Layer], found: Sequence[Finding], source: Source) -> list[Layer]:
    """Hang findings on the first layer, and say what a database beside it may still hold."""
    notes = list(found)
    if source.beside(".gpkg-wal"):
        what = "旁边有 -wal 文件, 其中尚未写回的修改没有读入"
        notes.append(
            finding("file_skipped", what, severity="warning", fix="请先在 QGIS 中关闭该文件, 再导入")
        )
    if not layers or not notes:
        return layers
    return [replace(layers[0], findings=(*layers[0].findings, *notes)), *layers[1:]]


def _from_grids(
    grids: Sequence[Grid], source: Source, content: bytes, request: _Request
) -> tuple[list[RawTable], list[Finding]]:
    digest = hashlib.sha256(content).hexdigest()
    chosen = list(grids)
    asked = request.sheet is not None and any(grid.sheet for grid in grids)
    if asked:
        chosen = [grid for grid in grids if request.wanted(grid.sheet, grid.hidden)]
        if not chosen:
            raise _no_sheet(request, source, [grid.sheet for grid in grids])
    strict = request.inside and grids[0].format in ("csv", "html")
    return lay_out(chosen, file=source.file, digest=digest, looks=request.looks, asked=asked, strict=strict)


def _from_layers(
    layers: Sequence[Layer], source: Source, content: bytes, request: _Request
) -> tuple[list[RawTable], list[Finding]]:
    """Turn layers into tables; tables without geometry and known headers go where there are layers."""
    if not layers:
        raise refuse("no_table", "没有图层", file=source.file, fix=_KNOWN)
    digest = hashlib.sha256(content)
    if layers[0].format == "shp":
        digest.update(source.beside(".dbf") or b"")
    spatial = any(layer.spatial for layer in layers)
    tables, found = list[RawTable](), list[Finding]()
    for layer in layers:
        known = sum(request.looks(name) for name in layer.columns)
        if not layer.n:
            found.append(finding("no_rows", "图层中没有要素", file=source.file, sheet=layer.name))
        elif spatial and not layer.spatial and known < 2 and request.sheet is None:
            what = "没有几何也没有认得的字段, 没有读入"
            found.append(finding("sheet_skipped", what, file=source.file, sheet=layer.name))
        else:
            tables.append(to_table(layer, file=source.file, digest=digest.hexdigest()))
    return tables, found


def _no_sheet(request: _Request, source: Source, names: Sequence[str]) -> RefusedError:
    there = "、".join(names[:20])
    return refuse(
        "no_table",
        f"没有名为 {clean_name(request.sheet or '')} 的工作表",
        file=source.file,
        fix=f"可选的有: {there}",
    )


def _with_suffix_note(table: RawTable, kind: str, source: Source) -> RawTable:
    """Note a suffix that says something else than the content."""
    if source.suffix in _SUFFIXES.get(kind, (source.suffix,)):
        return table
    what = f"文件名后缀是 {source.suffix or '空'}, 内容是 {_TITLES.get(kind, kind)}, 已按内容读入"
    note = finding("format_mismatch", what, file=table.file, sheet=table.sheet)
    return replace(table, findings=(note, *table.findings))
