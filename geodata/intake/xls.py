"""Old Excel workbooks (.xls), read straight from their records (MS-XLS, BIFF8, and BIFF5 of Excel 95).

Why not a library: python-calamine aborts the whole process on some damaged files (it reserves the memory that
they ask for), copies a shared text for each cell and turns formula errors into empty cells.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .codes import finding
from .grid import NO_RESULT, Grid, Merge, Rows, cell_text, date_kind, from_serial
from .limits import MOST_CELLS, MOST_COLUMNS, MOST_SHEETS, refuse
from .ole import read_compound
from .xlsx import BUILT_IN_FORMATS

_BOF, _EOF, _FILEPASS, _BOUNDSHEET, _SST, _CONTINUE = 0x0809, 0x000A, 0x002F, 0x0085, 0x00FC, 0x003C
_CODEPAGE, _DATEMODE, _FORMAT, _XF, _MERGED, _ROW = 0x0042, 0x0022, 0x041E, 0x00E0, 0x00E5, 0x0208
_LABELSST, _LABEL, _RSTRING, _NUMBER, _RK, _MULRK = 0x00FD, 0x0204, 0x00D6, 0x0203, 0x027E, 0x00BD
_BOOLERR, _FORMULA, _STRING = 0x0205, 0x0006, 0x0207
_CELLS = frozenset({_LABELSST, _LABEL, _RSTRING, _NUMBER, _RK, _MULRK, _BOOLERR, _FORMULA})
_BETWEEN = frozenset({_CONTINUE, 0x04BC, 0x0221, 0x0236})  # may stand between a formula and its text
_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_MOST_MERGES = 200_000
_SAVE = "请用 Excel 或 WPS 打开后另存为 xlsx 再导入"
_OTHERS = {
    "WordDocument": "Word 文档",
    "PowerPoint Document": "PowerPoint 演示文稿",
    "__properties_version1.0": "Outlook 邮件",
}

Record = tuple[int, int, int]
"""Code, offset of its content, size."""


@dataclass
class _Book:
    """What the sheets of a workbook share."""

    stream: bytes
    wide: bool = True
    """Whether texts are Unicode (BIFF8)."""
    encoding: str = "gb18030"
    epoch_1904: bool = False
    texts: list[str | None] = field(default_factory=list)
    formats: dict[int, str] = field(default_factory=dict)
    styles: list[int] = field(default_factory=list)
    sheets: list[tuple[str, int, bool]] = field(default_factory=list)
    """Name, offset and whether hidden of each worksheet."""

    def shows(self, style: int) -> str:
        """Tell whether numbers in that style are dates, times or durations."""
        code = self.styles[style] if style < len(self.styles) else 0
        known = self.formats.get(code)
        return BUILT_IN_FORMATS.get(code, "") if known is None else known


def read_xls(content: bytes, *, file: str, wanted: Callable[[str, bool], bool]) -> list[Grid]:
    """Read the sheets of an old workbook that are ``wanted(name, hidden)``; the others come without rows.

    Raises
    ------
    RefusedError
        ``encrypted``, ``unsupported_format`` (Word and others), ``file_unreadable``, ``file_too_large``.
    """
    stream = _workbook(content, file)
    book = _Book(stream)
    for code, at, size in _records(stream, 0):
        if code == _FILEPASS:
            raise _locked(file)
        _take(book, code, at, size)
        if code == _EOF:
            break
    if not book.sheets:
        raise refuse("file_unreadable", "xls 工作簿已损坏: 没有工作表", file=file, fix=_SAVE)
    grids = []
    for name, offset, hidden in book.sheets[:MOST_SHEETS]:
        if wanted(name, hidden):
            grids.append(_Sheet(book, file, name).read(offset, hidden))
        else:
            grids.append(Grid(name, "xls", [], [], hidden=hidden))
    return grids


def _workbook(content: bytes, file: str) -> bytes:
    """Return the stream of the workbook; refuse what is none or has a password."""
    compound = read_compound(content, file=file)
    if "EncryptedPackage" in compound.names or "EncryptionInfo" in compound.names:
        raise _locked(file)
    if not compound.workbook:
        other = next((title for name, title in _OTHERS.items() if name in compound.names), "其他程序的文件")
        raise refuse("unsupported_format", "不是 Excel 工作簿", file=file, got=other, fix=_SAVE)
    return compound.workbook


def _locked(file: str) -> Exception:
    return refuse("encrypted", "工作簿有打开密码", file=file, fix="请打开后去掉密码, 另存再导入")


def _records(stream: bytes, offset: int) -> Iterator[Record]:
    """Yield the records from an offset on, as far as they are whole."""
    end = len(stream) - 4
    unpack = struct.Struct("<HH").unpack_from
    while 0 <= offset <= end:
        code, size = unpack(stream, offset)
        if offset + 4 + size > len(stream):
            return
        yield code, offset + 4, size
        offset += 4 + size


def _take(book: _Book, code: int, at: int, size: int) -> None:
    """Take note of a record that concerns all sheets."""
    stream = book.stream
    if code == _BOF and size >= 2:
        book.wide = struct.unpack_from("<H", stream, at)[0] >= 0x0600
    elif code == _CODEPAGE and size >= 2:
        page = struct.unpack_from("<H", stream, at)[0]
        book.encoding = {936: "gb18030", 950: "big5", 1252: "cp1252"}.get(page, "gb18030")
    elif code == _DATEMODE and size >= 2:
        book.epoch_1904 = stream[at] == 1
    elif code == _SST:
        book.texts = shared_texts(_segments(stream, at, size))
    elif code == _XF and size >= 4:
        book.styles.append(struct.unpack_from("<H", stream, at + 2)[0])
    elif code == _FORMAT and size >= 5:
        text = _text(book, at + 2, at + size, 2 if book.wide else 1)
        book.formats[struct.unpack_from("<H", stream, at)[0]] = date_kind((text or "")[:255])
    elif code == _BOUNDSHEET and size >= 8 and stream[at + 5] == 0:
        name = _text(book, at + 6, at + size, 1) or ""
        book.sheets.append((name, struct.unpack_from("<I", stream, at)[0], stream[at + 4] & 3 != 0))


def _text(book: _Book, at: int, end: int, width: int) -> str | None:
    """Read a text that lies in one record; its length takes ``width`` bytes."""
    stream = book.stream
    count = int.from_bytes(stream[at : at + width], "little")
    at += width
    if not book.wide:
        return cell_text(stream[at : min(at + count, end)].decode(book.encoding, "replace"))
    if at >= end:
        return None
    flags = stream[at]
    at += 1 + 2 * bool(flags & 8) + 4 * bool(flags & 4)
    raw = stream[at : min(at + count * (1 + (flags & 1)), end)]
    return cell_text(raw.decode("utf-16-le" if flags & 1 else "latin-1", "replace"))


class _Sheet:
    """Reads one sheet."""

    def __init__(self, book: _Book, file: str, name: str) -> None:
        self._book, self._name = book, name
        self._rows = Rows(file=file, sheet=name)
        self._cells: dict[int, dict[int, Any]] = {}
        self._merges: list[Merge] = []
        self._hidden: set[int] = set()
        self._count = 0
        self._waiting: tuple[int, int] | None = None
        """Cell whose formula has a text that a later record holds."""

    def read(self, offset: int, hidden: bool) -> Grid:
        """Read the records of the sheet up to its end; those of charts in it are passed over."""
        depth, whole = 0, False
        for code, at, size in _records(self._book.stream, offset):
            if code == _BOF:
                depth += 1
            elif code == _EOF:
                depth -= 1
                if depth <= 0:
                    whole = True
                    break
            elif depth == 1:
                self._take(code, at, size)
        for row in sorted(self._cells):
            cells = self._cells[row]
            width = max(cells) + 1
            if width > MOST_COLUMNS:
                raise self._rows.too_large(row + 1, width)
            self._rows.add(row + 1, [cells.get(column) for column in range(width)])
        hidden_rows = sum(row in self._cells for row in self._hidden)
        rows, numbers, merges = self._rows.rows, self._rows.numbers, tuple(self._merges)
        notes = () if whole else (finding("truncated", "工作表不完整, 后面的行没有读出", fix=_SAVE),)
        return Grid(
            self._name, "xls", rows, numbers, merges, hidden=hidden, hidden_rows=hidden_rows, findings=notes
        )

    def _take(self, code: int, at: int, size: int) -> None:
        stream = self._book.stream
        if code in _CELLS and size >= 6:
            self._count += 1
            if self._count > MOST_CELLS:
                raise self._rows.too_large(1, 0)
            self._cell(code, at, size)
        elif code == _STRING and self._waiting is not None:
            self._put(*self._waiting, self._long_text(at, size))
            self._waiting = None
        elif code == _MERGED and size >= 2:
            self._merge(at, size)
        elif code == _ROW and size >= 16 and stream[at + 12] & 0x20:
            self._hidden.add(struct.unpack_from("<H", stream, at)[0])
        elif code not in _BETWEEN:
            self._waiting = None

    def _cell(self, code: int, at: int, size: int) -> None:
        stream, book = self._book.stream, self._book
        row, column, style = struct.unpack_from("<3H", stream, at)
        if code == _LABELSST and size >= 10:
            position = struct.unpack_from("<I", stream, at + 6)[0]
            if position >= len(book.texts):
                what = "工作簿已损坏: 单元格的文字缺失"
                raise refuse(
                    "file_unreadable",
                    what,
                    file=self._rows.file,
                    sheet=self._name,
                    got=f"第 {row + 1} 行",
                    fix=_SAVE,
                )
            self._put(row, column, book.texts[position])
        elif code == _RK and size >= 10:
            self._put(row, column, self._number(rk(stream[at + 6 : at + 10]), style))
        elif code == _NUMBER and size >= 14:
            self._put(row, column, self._number(struct.unpack_from("<d", stream, at + 6)[0], style))
        elif code == _MULRK:
            for i in range((size - 6) // 6):
                style = struct.unpack_from("<H", stream, at + 4 + 6 * i)[0]
                raw = stream[at + 6 + 6 * i : at + 10 + 6 * i]
                self._put(row, column + i, self._number(rk(raw), style))
        elif code in (_LABEL, _RSTRING):
            self._put(row, column, _text(book, at + 6, at + size, 2))
        elif code == _BOOLERR and size >= 8:
            value = stream[at + 6]
            self._put(row, column, _ERRORS.get(value, "#VALUE!") if stream[at + 7] == 1 else bool(value))
        elif code == _FORMULA and size >= 14:
            self._put(row, column, self._result(stream[at + 6 : at + 14], style))
            text = stream[at + 6] == 0 and stream[at + 12 : at + 14] == b"\xff\xff"
            self._waiting = (row, column) if text else None

    def _result(self, raw: bytes, style: int) -> Any:
        """Return the stored result of a formula; a text follows in a record of its own."""
        if raw[6:8] != b"\xff\xff":
            return self._number(struct.unpack("<d", raw)[0], style)
        kind = raw[0]
        if kind == 0:
            return NO_RESULT
        if kind == 1:
            return bool(raw[2])
        return _ERRORS.get(raw[2], "#VALUE!") if kind == 2 else None

    def _number(self, value: float, style: int) -> Any:
        if value != value or abs(value) == float("inf"):  # noqa: PLR0124 (not a number)
            return None
        shows = self._book.shows(style)
        if shows:
            return from_serial(value, shows, epoch_1904=self._book.epoch_1904)
        return int(value) if value.is_integer() and abs(value) < 2**53 else value

    def _long_text(self, at: int, size: int) -> str | None:
        """Read the text of a formula, which may go on in further records."""
        if not self._book.wide:
            return _text(self._book, at, at + size, 2)
        texts = list(_read_texts(_segments(self._book.stream, at, size), 0, 1))
        return texts[0] if texts else None

    def _put(self, row: int, column: int, value: Any) -> None:
        if value is not None:
            self._cells.setdefault(row, {})[column] = value

    def _merge(self, at: int, size: int) -> None:
        for i in range(min((size - 2) // 8, _MOST_MERGES - len(self._merges))):
            top, bottom, left, right = struct.unpack_from("<4H", self._book.stream, at + 2 + 8 * i)
            if top <= bottom and left <= right:
                self._merges.append((top + 1, left, bottom + 1, right))


def rk(raw: bytes) -> float:
    """Decode a number in four bytes (MS-XLS 2.5.122).

    Examples
    --------
    >>> rk(bytes.fromhex("0000f03f")), rk(bytes.fromhex("8a000000")), rk(bytes.fromhex("8b000000"))
    (1.0, 34.0, 0.34)
    """
    code: int = struct.unpack("<i", raw)[0]
    value = float(code >> 2) if code & 2 else struct.unpack("<d", b"\0" * 4 + struct.pack("<i", code & ~3))[0]
    return value / 100 if code & 1 else value


def _segments(stream: bytes, at: int, size: int) -> list[bytes]:
    """Cut out a record and the CONTINUE records after it."""
    segments = [stream[at : at + size]]
    for code, start, length in _records(stream, at + size):
        if code != _CONTINUE:
            break
        segments.append(stream[start : start + length])
    return segments


def shared_texts(segments: list[bytes]) -> list[str | None]:
    """Read the table of shared texts; a damaged one ends where it breaks off."""
    return list(_read_texts(segments, 8, MOST_CELLS))


def _read_texts(segments: list[bytes], at: int, most: int) -> Iterator[str | None]:
    """Yield texts that follow each other and may run over from one record into the next."""
    part = 0
    try:
        for _ in range(most):
            while at >= len(segments[part]):
                part, at = part + 1, at - len(segments[part])
            count, flags = struct.unpack_from("<HB", segments[part], at)
            at += 3
            runs = struct.unpack_from("<H", segments[part], at)[0] if flags & 8 else 0
            at += 2 * bool(flags & 8)
            extra = struct.unpack_from("<I", segments[part], at)[0] if flags & 4 else 0
            at += 4 * bool(flags & 4)
            text, part, at = _characters(segments, part, at, count, flags)
            yield cell_text(text)
            at += 4 * runs + extra
    except (IndexError, struct.error):
        return


def _characters(segments: list[bytes], part: int, at: int, count: int, flags: int) -> tuple[str, int, int]:
    """Read ``count`` characters; each continuation says anew whether they take one byte or two."""
    raw = b""
    while True:
        width = 1 + (flags & 1)
        here = min(count, (len(segments[part]) - at) // width)
        piece = segments[part][at : at + here * width]
        raw += piece if width == 2 else piece.decode("latin-1").encode("utf-16-le")
        count -= here
        at += here * width
        if not count:
            return raw.decode("utf-16-le", "replace"), part, at
        part, at = part + 1, 1
        flags = segments[part][0]
