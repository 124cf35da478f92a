"""PBF files from outside: a sequence of blobs, each checked and unpacked within the limits of the format.

The format and its limits (BlobHeader below 64 KiB, Blob below 32 MiB) are those of
https://wiki.openstreetmap.org/wiki/PBF_Format.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from . import gather

MOST_BLOB = 32 << 20
_MOST_FIRST = 1 << 20
_MOST_FIELDS = 10_000
_KNOWN = frozenset({"OsmSchema-V0.6", "DenseNodes"})


class Refused(Exception):  # noqa: N818 (no error: another reader takes over)
    """The file is written in a way that this reader does not know; pyosmium may."""


@dataclass(frozen=True)
class Header:
    """What the first block says."""

    required: tuple[str, ...]
    optional: tuple[str, ...]


def blobs(file: BinaryIO, name: str, size: int) -> Iterator[tuple[str, bytes]]:
    """Read the (kind, packed bytes) of every blob of a file of ``size`` bytes; InputError where it is cut."""
    most = 10_000 + size // 1000
    for _ in range(most):
        start = file.read(4)
        if not start:
            return
        length = int.from_bytes(start)
        if len(start) < 4 or not 0 < length <= gather.MOST_HEADER:
            raise gather.damaged(name, "文件在半途断开" if len(start) < 4 else f"块头 {length} 字节")
        kind, wanted = _blob_header(file.read(length), length, name)
        body = file.read(wanted)
        if len(body) < wanted:
            raise gather.damaged(name, "文件在半途断开")
        yield kind, body
    raise gather.too_much(name, f"数据块超过 {most} 个")


def _blob_header(data: bytes, length: int, name: str) -> tuple[str, int]:
    if len(data) < length:
        raise gather.damaged(name, "文件在半途断开")
    kind, wanted = "", -1
    for number, content in fields(data, name):
        if number == 1 and isinstance(content, memoryview):
            kind = bytes(content).decode("utf-8", "replace")
        elif number == 3 and isinstance(content, int):
            wanted = content
    if not 0 <= wanted <= MOST_BLOB:
        raise gather.damaged(name, f"数据块 {wanted} 字节")
    return kind, wanted


def unpack(blob: bytes, name: str) -> bytes:
    """Unpack a blob.

    Raises
    ------
    InputError
        It is damaged, larger than the format allows, or of another size than it says.
    Refused
        It is packed otherwise than by zlib.
    """
    raw: memoryview | None = None
    packed: memoryview | None = None
    size = -1
    for number, content in fields(blob, name):
        if number == 2 and isinstance(content, int):
            size = content
        elif isinstance(content, memoryview):
            if number in (4, 5, 6, 7):
                raise Refused("lzma / bzip2 / lz4 / zstd")
            raw = content if number == 1 else raw
            packed = content if number == 3 else packed
    if raw is not None:
        return bytes(raw)
    if packed is None or not 0 <= size <= MOST_BLOB:
        raise gather.damaged(name, f"数据块 {size} 字节")
    return _inflate(packed, size, name)


def _inflate(packed: memoryview, size: int, name: str) -> bytes:
    try:
        stream = zlib.decompressobj()
        data = stream.decompress(packed, size + 1)
    except zlib.error:
        raise gather.damaged(name, "压缩数据出错") from None
    if len(data) != size or not stream.eof:
        raise gather.damaged(name, "解压后的大小与所写不符")
    return data


def read_header(data: bytes, name: str) -> Header:
    """Read a HeaderBlock; InputError where the file demands what no reader knows, or is a history."""
    if len(data) > _MOST_FIRST:
        raise gather.damaged(name, f"文件头 {len(data)} 字节")
    features: dict[int, list[str]] = {4: [], 5: []}
    for number, content in fields(data, name):
        if number in features and isinstance(content, memoryview):
            features[number].append(bytes(content).decode("utf-8", "replace"))
    if "HistoricalInformation" in features[4]:
        raise gather.history(name)
    unknown = [feature for feature in features[4] if feature not in _KNOWN]
    if unknown:
        raise gather.unknown_feature(name, ", ".join(unknown[:5]))
    return Header(tuple(features[4]), tuple(features[5]))


def fields(data: bytes, name: str, *, most: int = _MOST_FIELDS) -> Iterator[tuple[int, int | memoryview]]:
    """Read the fields of a small message: numbers, and pieces as views; others are stepped over."""
    view, at, seen = memoryview(data), 0, 0
    while at < len(data):
        tag, at = _varint(data, at, name)
        seen += 1
        number, kind = tag >> 3, tag & 7
        if seen > most or number == 0 or kind not in (0, 1, 2, 5):
            raise gather.damaged(name, "数据块的结构不对")
        size = {1: 8, 5: 4}.get(kind, 0)
        if kind not in {1, 5}:
            size, at = _varint(data, at, name)
        if kind == 0:
            yield number, size
            continue
        if size > len(data) - at:
            raise gather.damaged(name, "数据块的结构不对")
        if kind == 2:
            yield number, view[at : at + size]
        at += size


def _varint(data: bytes, at: int, name: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise gather.damaged(name, "数据块的结构不对")
