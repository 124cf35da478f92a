"""Whether a file is a whole OSM PBF file, by the frames of its blocks alone (nothing is unpacked).

A file is a row of: length of the header (4 bytes, big-endian), BlobHeader (type, datasize), Blob of datasize
bytes; the first block is an OSMHeader (https://wiki.openstreetmap.org/wiki/PBF_Format).
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_MOST_HEADER = 64 * 1024
_MOST_BLOB = 32 * 1024 * 1024


def starts_as_pbf(content: bytes) -> bool:
    """Whether a file may begin so: the first header names an OSMHeader.

    Examples
    --------
    >>> starts_as_pbf(b"<html><title>login</title>")
    False
    >>> starts_as_pbf(b"\\0\\0\\0\\x0d\\n\\tOSMHeader\\x18\\x7c")
    True
    """
    size = int.from_bytes(content[:4], "big")
    return 11 < size <= _MOST_HEADER and content[4:15] == b"\n\tOSMHeader"


def is_whole_pbf(path: Path) -> bool:
    """Whether all blocks are there: a header, at least one block of data, nothing cut off or left over."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if not starts_as_pbf(file.read(16)):
            return False
        file.seek(0)
        at, blocks = 0, 0
        while at < size:
            length = _block(file)
            at += length
            if not length or at > size:
                return False
            file.seek(at)
            blocks += 1
    return blocks > 1


def _block(file: BinaryIO) -> int:
    """Read the frame of a block: how many bytes it takes; 0 where it is none."""
    size = int.from_bytes(file.read(4), "big")
    header = file.read(size) if 0 < size <= _MOST_HEADER else b""
    if len(header) < size or not header:
        return 0
    at, kind, data = 0, b"", -1
    while at < len(header):
        key, at = _varint(header, at)
        value, at = _varint(header, at)
        if key & 7 == 2:
            kind = header[at : at + value] if key >> 3 == 1 else kind
            at += value
        elif key & 7 == 0:
            data = value if key >> 3 == 3 else data
        else:
            return 0
    known = at == len(header) and bool(kind) and 0 <= data <= _MOST_BLOB
    return 4 + size + data if known else 0


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Read a varint: its value and where it ends; past the end where it is cut off or too long."""
    value = 0
    for byte in range(10):
        if at + byte >= len(raw):
            break
        value |= (raw[at + byte] & 0x7F) << (7 * byte)
        if not raw[at + byte] & 0x80:
            return value, at + byte + 1
    return 0, len(raw) + 1
