"""Small OSM files for tests: worlds written by pyosmium, PBF encoded by hand, hostile ones among them.

write_osm(tmp_path / "a.osm.pbf", nodes={1: (116.0, 28.0), 2: (116.1, 28.0, {"barrier": "gate"})},
          ways={10: ([1, 2], {"highway": "primary"})})
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import osmium

Node = tuple[float, float] | tuple[float, float, Mapping[str, str]]
Way = tuple[Sequence[int], Mapping[str, str]]


def write_osm(
    path: Path,
    *,
    nodes: Mapping[int, Node],
    ways: Mapping[int, Way],
    relations: Mapping[int, tuple[Sequence[tuple[str, int, str]], Mapping[str, str]]] | None = None,
    options: str = "",
    order: str = "nwr",
    header: osmium.io.Header | None = None,
) -> Path:
    """Write nodes (lon, lat, tags), ways (references, tags) and relations (members, tags) in the order given.

    The suffix says the format: .osm, .osm.gz, .osm.bz2, .osm.pbf. ``options`` are libosmium's, such as
    "pbf_dense_nodes=false" or "pbf_compression=none"; ``order`` is that of the three kinds.
    """
    form = path.name.partition(".")[2]
    file = osmium.io.File(str(path), ",".join(part for part in (form, options) if part))
    with osmium.SimpleWriter(file, overwrite=True, header=header or osmium.io.Header()) as writer:
        for kind in order:
            if kind == "n":
                for ident, (lon, lat, *tags) in nodes.items():
                    writer.add_node(_object(ident, tags[0] if tags else {}, location=(lon, lat)))
            elif kind == "w":
                for ident, (refs, tags) in ways.items():
                    writer.add_way(_object(ident, tags, nodes=list(refs)))
            else:
                for ident, (members, tags) in (relations or {}).items():
                    writer.add_relation(_object(ident, tags, members=list(members)))
    return path


def _object(ident: int, tags: Mapping[str, str], **more: Any) -> Any:
    facts = {"version": 1, "changeset": 1, "uid": 1, "user": "boai", "timestamp": "2020-01-01T00:00:00Z"}
    return SimpleNamespace(id=ident, tags=dict(tags), visible=True, **facts, **more)


# ---- PBF by hand: what no writer would write ---------------------------------------------------------------


def varint(value: int) -> bytes:
    """Encode an unsigned varint; negative numbers as 64-bit two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    """Map a signed number to an unsigned one, as sint64."""
    return value * 2 if value >= 0 else -value * 2 - 1


def deltas(values: Iterable[int]) -> list[int]:
    """Differences, the first to zero, in zigzag."""
    out, last = [], 0
    for value in values:
        out.append(zigzag(value - last))
        last = value
    return out


def number(field: int, value: int) -> bytes:
    """Encode a varint field."""
    return varint(field << 3) + varint(value)


def piece(field: int, content: bytes) -> bytes:
    """Encode a field of bytes (a text, a message, a packed array)."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def packed(field: int, values: Iterable[int]) -> bytes:
    """Encode a packed array of varints."""
    return piece(field, b"".join(varint(value) for value in values))


def blob(kind: str, content: bytes, *, how: str = "zlib", raw_size: int | None = None) -> bytes:
    """Wrap a block; ``how`` is zlib, raw, lzma, lz4 or zstd (the last three are not really packed)."""
    size = len(content) if raw_size is None else raw_size
    if how == "raw":
        body = piece(1, content)
    elif how == "zlib":
        body = number(2, size) + piece(3, zlib.compress(content))
    else:
        body = number(2, size) + piece({"lzma": 4, "lz4": 6, "zstd": 7}[how], content)
    return framed(kind, body)


def framed(kind: str, body: bytes, *, said: int | None = None) -> bytes:
    """Put the length and the BlobHeader before a Blob; ``said`` is the size that the header tells."""
    head = piece(1, kind.encode()) + number(3, len(body) if said is None else said)
    return struct.pack(">I", len(head)) + head + body


def header_block(required: Sequence[str] = ("OsmSchema-V0.6", "DenseNodes"), *, more: bytes = b"") -> bytes:
    """Encode a HeaderBlock."""
    return b"".join(piece(4, feature.encode()) for feature in required) + more


def data_block(
    strings: Sequence[bytes], groups: Sequence[bytes], *, granularity: int | None = None, more: bytes = b""
) -> bytes:
    """Encode a PrimitiveBlock; ``strings`` without the empty first one."""
    out = piece(1, b"".join(piece(1, text) for text in (b"", *strings)))
    out += b"".join(piece(2, group) for group in groups)
    return out + (number(17, granularity) if granularity is not None else b"") + more


def dense_group(
    ids: Sequence[int], lon: Sequence[int], lat: Sequence[int], keys: Sequence[int] = ()
) -> bytes:
    """Encode DenseNodes; coordinates in units of the block's granularity."""
    body = packed(1, deltas(ids)) + packed(8, deltas(lat)) + packed(9, deltas(lon))
    return piece(2, body + (packed(10, keys) if keys else b""))


def node_group(ident: int, lon: int, lat: int, keys: Sequence[int] = (), values: Sequence[int] = ()) -> bytes:
    """Encode a group with one plain Node."""
    body = number(1, zigzag(ident)) + packed(2, keys) + packed(3, values)
    return piece(1, body + number(8, zigzag(lat)) + number(9, zigzag(lon)))


def way_group(
    ident: int, refs: Sequence[int], keys: Sequence[int] = (), values: Sequence[int] = (), more: bytes = b""
) -> bytes:
    """Encode a group with one Way."""
    body = number(1, ident) + packed(2, keys) + packed(3, values) + packed(8, deltas(refs))
    return piece(3, body + more)


def pbf(*blocks: bytes, header: bytes | None = None, how: str = "zlib") -> bytes:
    """Put a whole PBF file together from PrimitiveBlocks."""
    first = blob("OSMHeader", header_block() if header is None else header)
    return first + b"".join(blob("OSMData", block, how=how) for block in blocks)


def two_roads() -> bytes:
    """Encode a block with three nodes and two roads between them, to damage."""
    strings = (b"highway", b"primary", b"name", "人民路".encode())
    nodes = dense_group([1, 2, 3], [1160000000, 1160010000, 1160020000], [280000000, 280000000, 280010000])
    ways = way_group(10, [1, 2], [1, 3], [2, 4]) + way_group(11, [2, 3], [1], [2])
    return data_block(strings, [nodes, ways])
