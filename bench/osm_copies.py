"""A large OSM file from a small one: its nodes and ways again and again, beside each other, with new ids.

Ids and places are stored as differences, so a copy changes the first of each group alone and packs as the
original does. Relations are left out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from boai.geodata.osm.pbf_file import blobs, fields, unpack

_STEP = 5_000_000
"""Units of 1e-7 degrees, half a degree, between two copies."""


def multiply(source: Path, target: Path, copies: int) -> None:
    """Write ``copies`` of a PBF file side by side: all nodes, then all ways, ids ascending."""
    with source.open("rb") as file:
        packed = list(blobs(file, source.name, source.stat().st_size))
    blocks = [unpack(data, source.name) for kind, data in packed if kind == "OSMData"]
    with target.open("wb") as out:
        out.write(_framed("OSMHeader", unpack(packed[0][1], source.name)))
        for kind in ("node", "way"):
            for copy in range(copies):
                for block in blocks:
                    moved = _moved(block, kind, copy)
                    if moved:
                        out.write(_framed("OSMData", moved))


def _moved(block: bytes, kind: str, copy: int) -> bytes:
    """Copy a block with its groups of dense nodes, or of ways; empty where it has none."""
    out, some = [], False
    for number, content in fields(block, ""):
        if number != 2 or not isinstance(content, memoryview):
            out.append(_field(number, content))
            continue
        group = b"".join(_moved_messages(bytes(content), kind, copy))
        some |= bool(group)
        out.append(_field(2, group))
    return b"".join(out) if some else b""


def _moved_messages(group: bytes, kind: str, copy: int) -> Iterator[bytes]:
    by = copy << 33
    for number, content in fields(group, "", most=1 << 20):
        if number == 2 and kind == "node":
            steps = {1: by, 8: copy // 4 * _STEP, 9: copy % 4 * _STEP}
            yield _field(2, _shifted(bytes(content), steps))
        elif number == 3 and kind == "way":
            yield _field(3, _shifted(bytes(content), {8: by}, ident=by))


def _shifted(message: bytes, steps: dict[int, int], ident: int = 0) -> bytes:
    """Add to the first number of packed differences, and to the id of a way."""
    out = []
    for number, content in fields(message, ""):
        if isinstance(content, memoryview) and number in steps and len(content):
            first, end = _varint(content)
            value = ((first >> 1) ^ -(first & 1)) + steps[number]
            start = _encoded(value * 2 if value >= 0 else -value * 2 - 1)
            out.append(_field(number, start + bytes(content[end:])))
        elif number == 1 and isinstance(content, int):
            out.append(_field(number, content + ident))
        else:
            out.append(_field(number, content))
    return b"".join(out)


def _varint(data: memoryview) -> tuple[int, int]:
    value = 0
    for at, byte in enumerate(data):
        value |= (byte & 127) << 7 * at
        if byte < 128:
            return value, at + 1
    raise ValueError("a cut varint")


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def _field(number: int, content: int | bytes | memoryview) -> bytes:
    if isinstance(content, int):
        return _encoded(number << 3) + _encoded(content)
    return _encoded(number << 3 | 2) + _encoded(len(content)) + bytes(content)


def _framed(kind: str, data: bytes) -> bytes:
    body = _field(2, len(data)) + _field(3, zlib.compress(data))
    head = _field(1, kind.encode()) + _field(3, len(body))
    return struct.pack(">I", len(head)) + head + body
