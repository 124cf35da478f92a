"""OpenDocument spreadsheets (.ods), read straight from their XML (OASIS OpenDocument 1.3 part 3)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from .archive import Archive
from .grid import Grid, Merge, Rows, cell_text, number
from .limits import LONGEST_CELL, MB, MOST_COLUMNS, MOST_ROWS, MOST_SHEETS, refuse
from .markup import Attributes, parse_xml

_MOST_MERGES = 200_000
_NUMBERS = ("float", "currency", "percentage")
_BESIDE = frozenset({"annotation", "tracked-changes", "shapes", "frame", "custom-shape"})  # texts of no cell


def read_ods(archive: Archive, *, file: str, wanted: Callable[[str, bool], bool]) -> list[Grid]:
    """Read the sheets of a workbook that are ``wanted(name, hidden)``; the others come without rows."""
    part = archive.find("content.xml")
    if part is None:
        raise refuse("file_unreadable", "ods 文件已损坏: 缺少 content.xml", file=file, fix="请重新另存一份")
    manifest = archive.find("META-INF/manifest.xml")
    if manifest and b"encryption-data" in archive.read(manifest, most=MB):
        raise refuse("encrypted", "工作簿有打开密码", file=file, fix="请打开后去掉密码, 另存再导入")
    reader = _Sheets(file, wanted)
    parse_xml(archive.stream(part), start=reader.start, end=reader.end, text=reader.text, file=file)
    return reader.grids


class _Sheets:
    """Handlers of content.xml."""

    def __init__(self, file: str, wanted: Callable[[str, bool], bool]) -> None:
        self.grids: list[Grid] = []
        self._file, self._wanted = file, wanted
        self._rows = Rows(file=file)
        self._hidden_styles: set[str] = set()
        self._style, self._name, self._hidden = "", "", False
        self._merges, self._cells, self._buffer = list[Merge](), list[Any](), list[str]()
        self._cell: Attributes = {}
        self._row, self._column, self._repeat, self._hidden_rows = 0, 0, 1, 0
        self._reading = self._in_cell = self._row_hidden = False
        self._paragraphs = self._skipping = self._size = 0

    def start(self, name: str, attributes: Attributes) -> None:
        """Take note of an element that opens."""
        if name in _BESIDE:
            self._skipping += 1
        elif self._skipping:
            return
        elif name == "style":
            self._style = attributes.get("style:name", "")
        elif name == "table-properties" and attributes.get("table:display") == "false":
            self._hidden_styles.add(self._style)
        elif name == "table":
            self._open_table(attributes)
        elif self._reading:
            self._inside(name, attributes)

    def text(self, data: str) -> None:
        """Take text of the paragraphs of a cell."""
        if self._in_cell and self._paragraphs and not self._skipping and self._size <= LONGEST_CELL:
            self._size += len(data)
            self._buffer.append(data)

    def end(self, name: str) -> None:
        """Finish what closes."""
        if name in _BESIDE:
            self._skipping -= 1
        elif self._skipping or not self._reading:
            return
        elif name == "p":
            self._paragraphs = 0
        elif name in {"table-cell", "covered-table-cell"}:
            self._close_cell()
        elif name == "table-row":
            self._close_row()
        elif name == "table":
            rows, numbers = self._rows.rows, self._rows.numbers
            merges, hidden = tuple(self._merges), self._hidden
            grid = Grid(
                self._name, "ods", rows, numbers, merges, hidden=hidden, hidden_rows=self._hidden_rows
            )
            self.grids.append(grid)
            self._reading = False

    def _open_table(self, attributes: Attributes) -> None:
        self._name = attributes.get("table:name", "")
        self._hidden = attributes.get("table:style-name", "") in self._hidden_styles
        self._rows, self._merges = Rows(file=self._file, sheet=self._name), []
        self._row, self._hidden_rows = 0, 0
        self._reading = self._wanted(self._name, self._hidden) and len(self.grids) < MOST_SHEETS
        if not self._reading and len(self.grids) < MOST_SHEETS:
            self.grids.append(Grid(self._name, "ods", [], [], hidden=self._hidden))

    def _inside(self, name: str, attributes: Attributes) -> None:
        if name == "table-row":
            self._row += 1
            self._repeat = _count(attributes, "table:number-rows-repeated", MOST_ROWS * 2)
            self._row_hidden = attributes.get("table:visibility", "visible") != "visible"
            self._cells, self._column = [], 0
        elif name in {"table-cell", "covered-table-cell"}:
            self._cell, self._buffer, self._in_cell, self._size = attributes, [], True, 0
        elif name == "p":
            if self._buffer and self._size <= LONGEST_CELL:
                self._buffer.append("\n")
            self._paragraphs = 1
        elif name in {"s", "tab", "line-break"} and self._in_cell:
            sign = {"s": " ", "tab": "\t", "line-break": "\n"}[name]
            if self._size <= LONGEST_CELL:
                self._size += 1
                self._buffer.append(sign * _count(attributes, "text:c", 100))

    def _close_cell(self) -> None:
        repeat = _count(self._cell, "table:number-columns-repeated", 1 << 14)
        value = _value(self._cell, "".join(self._buffer))
        self._merge()
        if value is not None:
            if self._column + repeat > MOST_COLUMNS:
                raise self._rows.too_large(self._row, self._column + repeat)
            self._cells.extend([None] * (self._column - len(self._cells)))
            self._cells.extend([value] * repeat)
        self._column += repeat
        self._in_cell = False

    def _merge(self) -> None:
        down = _count(self._cell, "table:number-rows-spanned", MOST_ROWS)
        across = _count(self._cell, "table:number-columns-spanned", 1 << 14)
        if (down > 1 or across > 1) and len(self._merges) < _MOST_MERGES:
            row, column = self._row, self._column
            self._merges.append((row, column, row + down - 1, column + across - 1))

    def _close_row(self) -> None:
        if self._cells:
            for step in range(self._repeat):  # ends at the limit of cells at the latest
                self._rows.add(self._row + step, list(self._cells))
            self._hidden_rows += self._repeat * self._row_hidden
        self._row += self._repeat - 1


def _count(attributes: Attributes, name: str, most: int) -> int:
    said = attributes.get(name, "1")
    return max(1, min(int(said), most)) if said.isdecimal() and len(said) < 10 else 1


def _value(attributes: Attributes, text: str) -> Any:
    """Return the value of a cell from its attributes; formula errors as the text that is shown."""
    kind = attributes.get("office:value-type", "")
    if attributes.get("calcext:value-type") == "error":
        return cell_text(text) or "#VALUE!"
    if kind in _NUMBERS:
        return number(attributes.get("office:value", ""))
    if kind == "boolean":
        return attributes.get("office:boolean-value") == "true"
    if kind == "date":
        return _date(attributes.get("office:date-value", "")) or cell_text(text)
    if kind == "time":
        return _time(attributes.get("office:time-value", "")) or cell_text(text)
    return cell_text(text or attributes.get("office:string-value", ""))


def _date(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _time(text: str) -> dt.time | None:
    match = re.fullmatch(r"PT(\d{1,2})H(\d{1,2})M(\d{1,2})(?:[.,]\d*)?S", text)
    try:
        return dt.time(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None
