"""Tables of HTML, as "export to Excel" buttons write them under the name .xls; and Excel's XML of 2003."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from .grid import Grid, Merge, Rows, cell_text, number
from .limits import MOST_CELLS, MOST_COLUMNS, MOST_NESTING, MOST_ROWS, MOST_SHEETS
from .markup import Attributes, is_surely_utf8, parse_xml
from .text import decode

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]+)", re.IGNORECASE)
_TAG = re.compile(
    r"<!--|<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*+)(?P<rest>(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+|[^<>]*+)>"
)
_IGNORED = frozenset({"script", "style"})
_BREAKS = frozenset({"br", "p", "div", "li"})


def read_html(raw: bytes, *, file: str) -> list[Grid]:
    """Read every table of an HTML file; nothing in it is run or fetched.

    Cells that span rows or columns become merged ranges. A table inside a cell is a table of its own.
    """
    text, encoding = html_text(raw, file=file)
    return [
        Grid(f"表{i}" if i > 1 else "", "html", rows.rows, rows.numbers, tuple(merges), encoding=encoding)
        for i, (rows, merges) in enumerate(html_tables(text, file=file), 1)
    ]


def html_text(raw: bytes, *, file: str) -> tuple[str, str]:
    """Decode HTML: by the encoding that it names if that fits, else as any text file."""
    named = _CHARSET.search(raw[:2048])
    encoding = named[1].decode().lower() if named else ""
    if encoding in ("gb2312", "gbk", "gb18030") and not is_surely_utf8(raw):
        try:
            return raw.decode("gb18030"), "gb18030"
        except UnicodeDecodeError:
            pass
    decoded = decode(raw, file=file)
    return decoded.text, decoded.encoding


def html_tables(text: str, *, file: str) -> list[tuple[Rows, list[Merge]]]:
    """Return rows and merged ranges of each table in a piece of HTML."""
    parser = _Tables(file)
    parser.feed(text)
    return [(table.rows, table.merges) for table in parser.done if table.rows.rows]


class _Table:
    """One table under construction."""

    def __init__(self, file: str) -> None:
        self.rows = Rows(file=file)
        self.merges: list[Merge] = []
        self.number = 0
        self.cells: list[Any] = []
        self.taken: dict[int, int] = {}  # column → last row that a cell above reaches into
        self.column = 0
        self.buffer: list[str] | None = None
        self.span = (1, 1)
        self.spanned = 0

    def open_row(self) -> None:
        """Begin a row."""
        self.close_row()
        self.number += 1
        self.cells, self.column = [], 0

    def open_cell(self, rest: str) -> None:
        """Begin a cell in the next free column."""
        self.close_cell()
        if not self.number:
            self.number = 1
        while self.taken.get(self.column, 0) >= self.number:
            self.column += 1
        self.span = (_span("rowspan", rest, MOST_ROWS), _span("colspan", rest, MOST_COLUMNS))
        self.buffer = []

    def close_cell(self) -> None:
        """Put the cell where it belongs."""
        if self.buffer is None:
            return
        value = cell_text(" ".join("".join(self.buffer).replace("\xa0", " ").split()))
        self.buffer = None
        down, across = self.span
        self.spanned += across * (down > 1)
        if self.column + across > MOST_COLUMNS or self.spanned > MOST_CELLS // 4:
            raise self.rows.too_large(self.number, self.column + across)
        if value is not None:
            self.cells.extend([None] * (self.column - len(self.cells)))
            self.cells.append(value)
        if down > 1 or across > 1:
            row, column = self.number, self.column
            self.merges.append((row, column, row + down - 1, column + across - 1))
        if down > 1:
            self.taken.update(dict.fromkeys(range(column, column + across), row + down - 1))
        self.column += across

    def close_row(self) -> None:
        """End a row."""
        self.close_cell()
        self.rows.add(self.number, self.cells)
        self.cells = []


class _Tables:
    """Collects the tables of an HTML text in one pass, in time that grows with its length alone."""

    def __init__(self, file: str) -> None:
        self.done: list[_Table] = []
        self._open: list[_Table] = []
        self._file = file

    def feed(self, text: str) -> None:
        """Read a whole text."""
        at = 0
        while (match := _TAG.search(text, at)) is not None:
            self._data(text[at : match.start()])
            at = match.end()
            name = (match["name"] or "").lower()
            if not name:  # a comment
                over = text.find("-->", at)
                at = len(text) if over < 0 else over + 3
            elif name in _IGNORED and not match["close"]:
                end = re.compile(f"</{name}", re.IGNORECASE).search(text, at)
                at = end.start() if end else len(text)
            elif match["close"]:
                self._closed(name)
            else:
                self._opened(name, match["rest"])
        self._data(text[at:])
        while self._open:
            self._open.pop().close_row()

    def _opened(self, tag: str, rest: str) -> None:
        if tag == "table":
            if len(self.done) < MOST_SHEETS and len(self._open) < MOST_NESTING:
                self._open.append(_Table(self._file))
                self.done.append(self._open[-1])
        elif not self._open:
            return
        elif tag == "tr":
            self._open[-1].open_row()
        elif tag in {"td", "th"}:
            self._open[-1].open_cell(rest)
        elif tag in _BREAKS:
            self._data(" ")

    def _closed(self, tag: str) -> None:
        if not self._open:
            return
        if tag in {"td", "th"}:
            self._open[-1].close_cell()
        elif tag == "tr":
            self._open[-1].close_row()
        elif tag == "table":
            self._open.pop().close_row()

    def _data(self, text: str) -> None:
        if self._open and text and self._open[-1].buffer is not None:
            self._open[-1].buffer.append(unescape(text))


def plain_text(text: str) -> str:
    """Return what a piece of HTML says, without its tags.

    Examples
    --------
    >>> plain_text("<b>修水县</b><br>人民医院&amp;门诊<script>alert(1)</script>")
    '修水县 人民医院&门诊'
    """
    text = re.sub(r"<(script|style)\b.*?(</\1\s*>|$)", " ", text, flags=re.DOTALL | re.IGNORECASE)
    return " ".join(unescape(re.sub(r"<[^<>]*>", " ", text)).split())


def _span(name: str, rest: str, most: int) -> int:
    said = re.search(name + r"""\s*=\s*["']?\s*([0-9]{1,9})""", rest, re.IGNORECASE)
    return max(1, min(int(said[1]), most)) if said else 1


def read_xml_2003(raw: bytes, *, file: str) -> list[Grid]:
    """Read a workbook in the XML of Excel 2003, which also goes under the name .xls."""
    reader = _Workbook2003(file)
    parse_xml([raw], start=reader.start, end=reader.end, text=reader.text, file=file)
    return reader.grids


class _Workbook2003:
    """Handlers of SpreadsheetML 2003."""

    def __init__(self, file: str) -> None:
        self.grids: list[Grid] = []
        self._file, self._name, self._hidden = file, "", False
        self._rows, self._merges = Rows(file=file), list[Merge]()
        self._row, self._column, self._cells = 0, 0, list[Any]()
        self._type, self._buffer, self._taking, self._span = "String", list[str](), False, 0
        self._comment = False

    def start(self, name: str, attributes: Attributes) -> None:
        """Take note of an element that opens."""
        if name == "Comment":  # its text is in an element ``Data`` as well
            self._comment = True
        elif self._comment:
            return
        elif name == "Worksheet":
            self._name = attributes.get("ss:Name", "")
            self._rows, self._merges = Rows(file=self._file, sheet=self._name), []
            self._row, self._hidden = 0, False
        elif name == "Row":
            self._row = _index(attributes, self._row + 1)
            self._cells, self._column = [], 0
        elif name == "Cell":
            self._column = _index(attributes, self._column + 1)
            across, down = _more(attributes, "ss:MergeAcross"), _more(attributes, "ss:MergeDown")
            self._span = across
            if across or down:
                row, column = self._row, self._column - 1
                self._merges.append((row, column, row + down, column + across))
        elif name in {"Data", "Visible"}:
            self._type, self._buffer, self._taking = attributes.get("ss:Type", "String"), [], True

    def text(self, data: str) -> None:
        """Take text of a cell."""
        if self._taking:
            self._buffer.append(data)

    def end(self, name: str) -> None:
        """Finish what closes."""
        if name == "Comment":
            self._comment = False
        elif self._comment:
            return
        elif name == "Data":
            self._taking = False
            self._put("".join(self._buffer))
        elif name == "Visible":
            self._taking, self._hidden = False, "".join(self._buffer).strip() != "SheetVisible"
        elif name == "Cell":
            self._column += self._span
        elif name == "Row":
            self._rows.add(self._row, self._cells)
        elif name == "Worksheet":
            rows, numbers = self._rows.sorted()
            grid = Grid(self._name, "xls", rows, numbers, tuple(self._merges), hidden=self._hidden)
            self.grids.append(grid)

    def _put(self, text: str) -> None:
        value: Any = cell_text(text)
        if self._type == "Number":
            value = number(text)
        elif self._type == "Boolean":
            value = text.strip() == "1"
        if value is None:
            return
        if self._column > MOST_COLUMNS:
            raise self._rows.too_large(self._row, self._column)
        self._cells.extend([None] * (self._column - len(self._cells)))
        self._cells[self._column - 1] = value


def _index(attributes: Attributes, following: int) -> int:
    said = attributes.get("ss:Index", "")
    return max(1, int(said)) if said.isdecimal() and len(said) < 9 else following


def _more(attributes: Attributes, name: str) -> int:
    said = attributes.get(name, "0")
    return min(int(said), MOST_ROWS) if said.isdecimal() and len(said) < 9 else 0
