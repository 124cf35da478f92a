"""Compound files (OLE, MS-CFB): which streams one has, and the stream of an old Excel workbook."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .limits import MOST_BYTES, refuse

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END = 0xFFFFFFFA  # this and above are no sectors
_DAMAGED = "请用 Excel 或 WPS 打开后另存为 xlsx 再导入"


@dataclass(frozen=True)
class Compound:
    """Streams of a compound file, by name."""

    names: tuple[str, ...]
    workbook: bytes
    """The stream of an Excel workbook, empty if there is none."""


def read_compound(content: bytes, *, file: str) -> Compound:
    """List the streams of a compound file and read the one with an Excel workbook."""
    try:
        return _Reader(content).compound()
    except (struct.error, IndexError, ValueError):
        raise refuse("file_unreadable", "文件已损坏", file=file, fix=_DAMAGED) from None


class _Reader:
    """Walks the chains of sectors; each chain ends at the latest when all sectors are used."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._size = 1 << struct.unpack_from("<H", content, 30)[0]
        self._small = 1 << struct.unpack_from("<H", content, 32)[0]
        if self._size not in (512, 4096) or self._small != 64:
            raise ValueError("sector size")
        self._fat = self._table(self._fat_sectors())
        first_small = struct.unpack_from("<I", content, 60)[0]
        self._small_fat = self._table(self._chain(first_small, self._fat))

    def compound(self) -> Compound:
        """Read the directory and the workbook."""
        first = struct.unpack_from("<I", self._content, 48)[0]
        directory = b"".join(self._sector(number) for number in self._chain(first, self._fat))
        names, found, root = [], None, None
        for offset in range(0, len(directory) - 127, 128):
            entry = directory[offset : offset + 128]
            length, kind = struct.unpack_from("<HB", entry, 64)
            if kind not in (1, 2, 5):
                continue
            name = entry[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
            start, size = struct.unpack_from("<IQ", entry, 116)
            names.append(name)
            if kind == 5:
                root = start
            elif name in ("Workbook", "Book") and kind == 2 and (found is None or name == "Workbook"):
                found = (start, size & 0xFFFFFFFF)
        return Compound(tuple(names), self._stream(found, root) if found else b"")

    def _stream(self, found: tuple[int, int], root: int | None) -> bytes:
        start, size = found
        if size > min(MOST_BYTES, len(self._content)):
            raise ValueError("size")
        if size >= 4096 or root is None:
            return b"".join(map(self._sector, self._chain(start, self._fat)))[:size]
        small = b"".join(map(self._sector, self._chain(root, self._fat)))
        width = self._small
        return b"".join(small[i * width : (i + 1) * width] for i in self._chain(start, self._small_fat))[
            :size
        ]

    def _sector(self, number: int) -> bytes:
        return self._content[(number + 1) * self._size : (number + 2) * self._size]

    def _table(self, sectors: list[int]) -> tuple[int, ...]:
        raw = b"".join(self._sector(number) for number in sectors)
        return struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4])

    def _fat_sectors(self) -> list[int]:
        sectors = list(struct.unpack_from("<109I", self._content, 76))
        following = struct.unpack_from("<I", self._content, 68)[0]
        for _ in range(len(self._content) // self._size):
            if following >= _END:
                break
            raw = self._sector(following)
            *more, following = struct.unpack(f"<{self._size // 4}I", raw)
            sectors += more
        return [number for number in sectors if number < _END][: len(self._content) // self._size + 1]

    def _chain(self, number: int, fat: tuple[int, ...]) -> list[int]:
        chain = []
        while number < _END:
            chain.append(number)
            if len(chain) > len(fat):
                raise ValueError("endless chain")
            number = fat[number]
        return chain
