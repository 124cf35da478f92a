"""The door to OSM files: what kind of file it is by its content, which reader reads it, and its refusal."""

from __future__ import annotations

import bz2
import gzip
import re
import stat
import zlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal, cast

from ..shown import clean_name, shown
from . import gather
from .dates import date_of_pbf, date_of_xml
from .raw import RawRoads

Reader = Literal["auto", "fast", "osmium"]

_HEAD = 64 << 10
_CHUNK = 1 << 20
_LONGEST_MARKUP = 8 << 20
_OTHER = "请下载 OpenStreetMap 的 .osm.pbf、.osm、.osm.gz 或 .osm.bz2 文件"


def read_raw(
    path: Path | str, *, reader: Reader = "auto", progress: gather.Progress | None = None
) -> RawRoads:
    """Read the roads and ferries of an OSM file, unjudged.

    The format is known by the content: PBF, or XML, plain or packed by gzip or bzip2.

    Parameters
    ----------
    reader
        ``fast``: our own decoder, for PBF. ``osmium``: pyosmium, for all formats. ``auto``: the fast one for
        PBF, pyosmium where that refuses and for the other formats. All give equal results.
    progress
        Called with a line in Chinese now and then.

    Raises
    ------
    InputError
        There is no such file, it is no OSM file, damaged, cut off, a history or a change file, holds more
        than it honestly can, or has no roads.
    """
    path = Path(path)
    name = clean_name(path.name or str(path))
    try:
        form = _form(path, name)
        return replace(_read(path, name, form, reader, progress), date=_date(path, name, form))
    except MemoryError:
        raise gather.refuse(name, "内存不足, 无法读取", fix="请换用范围更小的摘录") from None
    except OSError as error:
        why = "没有权限" if isinstance(error, PermissionError) else error.strerror
        fix = "请确认文件没有被其他程序占用, 且有读取权限"
        raise gather.refuse(name, f"文件无法读取 ({why})", fix=fix) from None


def _read(path: Path, name: str, form: str, reader: Reader, progress: gather.Progress | None) -> RawRoads:
    if form == "pbf" and reader != "osmium":
        from .pbf import Refused, read_pbf  # noqa: PLC0415 (numba takes 0.5 s)

        try:
            return read_pbf(path, name=name, progress=progress)
        except Refused as refused:
            if reader == "fast":
                raise gather.refuse(name, "快速读取器不认识这种写法", refused, _USE_OSMIUM) from None
    elif reader == "fast":
        raise gather.refuse(name, "快速读取器只读 .osm.pbf", form, _USE_OSMIUM)
    from .osmium_reader import read_osmium  # noqa: PLC0415 (loads a large library)

    if form != "pbf":
        _check_markup(path, name, form, progress)
    return read_osmium(path, name=name, form=form, progress=progress)


_USE_OSMIUM = "请改用默认的读取方式, 或 osmium"


def _date(path: Path, name: str, form: str) -> str:
    """Return the day that the file states, the same by whichever reader."""
    if form == "pbf":
        return date_of_pbf(path, name)
    with _opened(path, form) as file:
        return date_of_xml(_text(file.read(_HEAD)))


def _text(head: bytes) -> str:
    """Decode the first bytes of XML; what is no text becomes signs that stand for nothing."""
    return head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")


def _form(path: Path, name: str) -> str:
    """Tell the format of a file from its first bytes: pbf, osm, osm.gz or osm.bz2."""
    if not path.exists():
        raise gather.refuse(name, "文件不存在", fix="请检查路径")
    facts = path.stat()
    if stat.S_ISDIR(facts.st_mode):
        raise gather.refuse(name, "这是文件夹, 不是文件", fix=_OTHER)
    if not stat.S_ISREG(facts.st_mode):
        raise gather.refuse(name, "不是普通文件 (是管道、设备等), 不读取", fix=_OTHER)
    if not facts.st_size:
        raise gather.refuse(name, "文件是空的", fix=gather.DAMAGED)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[:2] == b"\x1f\x8b" or head[:3] == b"BZh":
        form = "osm.gz" if head[:1] == b"\x1f" else "osm.bz2"
        _check_root(_first_unpacked(path, name, form), name)
        return form
    if b"OSMHeader" in head[4:32] and int.from_bytes(head[:4]) <= gather.MOST_HEADER:
        return "pbf"
    _check_root(head, name)
    return "osm"


def _first_unpacked(path: Path, name: str, form: str) -> bytes:
    try:
        with _opened(path, form) as file:
            return file.read(_HEAD)
    except (EOFError, OSError, zlib.error):
        raise gather.damaged(name, "压缩数据出错") from None


def _opened(path: Path, form: str) -> BinaryIO:
    if form == "osm.gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return cast(BinaryIO, bz2.open(path, "rb") if form == "osm.bz2" else path.open("rb"))


_FOUND = (
    (rb"^PK\x03\x04", "这是 zip 压缩包或 Excel 文件, 不是 OSM 文件"),
    (rb"(?i)^\s*(<!doctype html|<html)", "这是网页 (可能是下载出错的页面), 不是 OSM 文件"),
    (rb"^\s*[\[{]", "这是 JSON, 不是 OSM 文件; Overpass 请用 [out:xml] 导出"),
    (rb"^\xff\xe0\x04o5[mc]", "这是 o5m 格式, 不能直接读取"),
    (rb"^SQLite format 3", "这是 SQLite 或 GeoPackage 文件, 不是 OSM 文件"),
)
_SKIPPED = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_ROOT = re.compile(r"<([A-Za-z_][\w:.-]*)")


def _check_root(head: bytes, name: str) -> None:
    """Refuse what is no OSM XML by the first element of its head."""
    for pattern, what in _FOUND:
        if re.match(pattern, head.removeprefix(b"\xef\xbb\xbf")):
            raise gather.refuse(name, what, fix=_OTHER)
    text, at = _text(head).removeprefix("\ufeff"), 0
    while skipped := _SKIPPED.match(text, at):
        at = skipped.end()
    if text.startswith("<!DOCTYPE", at):
        raise gather.refuse(name, "OSM 文件里不应有 DTD (文档类型声明), 不读取", fix=gather.DAMAGED)
    root = _ROOT.match(text, at)
    if root is None:
        raise gather.refuse(name, "不是 OSM 文件", shown(text[at : at + 40]), _OTHER)
    if root[1] == "osmChange":
        raise gather.change_file(name)
    if root[1] != "osm":
        raise gather.refuse(name, "不是 OSM 文件", f"<{root[1]}>", _OTHER)


def _check_markup(path: Path, name: str, form: str, progress: gather.Progress | None) -> None:
    """Unpack XML once before a parser sees it: refused where it is cut, a bomb, or one huge tag."""
    size = path.stat().st_size
    limits, since = gather.Limits(name, size), 0
    if progress is not None:
        progress(f"检查 {name}")
    try:
        with _opened(path, form) as file:
            while chunk := file.read(_CHUNK):
                limits.add(unpacked=len(chunk) if form != "osm" else 0)
                last = chunk.rfind(b">")
                since = since + len(chunk) if last < 0 else len(chunk) - last
                if since > _LONGEST_MARKUP:
                    raise gather.too_much(name, "有极长的标记")
    except (EOFError, zlib.error):
        raise gather.damaged(name, "压缩数据在半途断开") from None
    except OSError as error:
        if error.errno is None:  # of gzip and bz2, about the content
            raise gather.damaged(name, "压缩数据出错") from None
        raise
