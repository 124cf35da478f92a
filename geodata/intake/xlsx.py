"""Excel workbooks (.xlsx, .xlsm), read straight from their XML.

Why not a library: python-calamine turns formula errors into empty cells, builds the full rectangle of a sheet
in memory (a cell in XFD1048576 of a file of 2 kB aborts the process) and copies a shared text for each cell;
openpyxl is several times slower. Here rows are kept as they come, and cells with the same text share it.
Format: ECMA-376 part 1, SpreadsheetML.
"""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from collections.abc import Callable, Collection
from typing import Any

from .archive import Archive
from .grid import (
    NO_RESULT,
    Grid,
    Merge,
    Rows,
    cell_text,
    column_position,
    date_kind,
    from_serial,
    merged_range,
    number,
)
from .limits import (
    LONGEST_CELL,
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_ELEMENTS,
    MOST_NESTING,
    MOST_ROWS,
    MOST_SHEETS,
    RefusedError,
    refuse,
)
from .markup import Attributes, parse_xml, too_much

BUILT_IN_FORMATS = {
    **dict.fromkeys((14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "date"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56), "time"),
    46: "duration",
}
"""Number formats that a file need not spell out; 27-36 and 50-58 are those of Chinese Excel (18.8.30)."""

_MOST_MERGES = 200_000
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read_xlsx(archive: Archive, *, file: str, wanted: Callable[[str, bool], bool]) -> list[Grid]:
    """Read the sheets of a workbook that are ``wanted(name, hidden)``; the others come without rows.

    Raises
    ------
    RefusedError
        The workbook is damaged, unsafe or beyond the limits.
    """
    main = _main_part(archive, file)
    sheets, epoch_1904 = _sheets(archive, main, file)
    targets = _relations(archive, main, file)
    texts: list[str | None] | None = None
    styles: list[str] = []
    grids = []
    for name, relation, hidden in sheets[:MOST_SHEETS]:
        part = archive.find(targets.get(relation, ""))
        if part is None and wanted(name, hidden):
            fix = "请用 Excel 打开后另存一份"
            raise refuse(
                "file_unreadable", "工作簿已损坏: 缺少这个工作表的内容", file=file, sheet=name, fix=fix
            )
        if part is None or not wanted(name, hidden):
            grids.append(Grid(name, "xlsx", [], [], hidden=hidden))
            continue
        if texts is None:
            texts = _shared_texts(archive, _sibling(targets, archive, "sharedStrings.xml", main), file)
            styles = _date_styles(archive, _sibling(targets, archive, "styles.xml", main), file)
        reader = _Sheet(file, name, texts, styles, epoch_1904)
        parse_xml(
            archive.stream(part), start=reader.start, end=reader.end, text=reader.text, file=file, sheet=name,
            counted=True,
        )  # fmt: skip
        grids.append(reader.grid(hidden))
    return grids


class _Sheet:
    """Handlers of one sheet's XML."""

    def __init__(
        self, file: str, name: str, texts: list[str | None], styles: list[str], epoch_1904: bool
    ) -> None:
        self._rows = Rows(file=file, sheet=name)
        self._name, self._texts, self._styles, self._1904 = name, texts, styles, epoch_1904
        self._columns: dict[str, int] = {}
        self._merges: list[Merge] = []
        self._row, self._cells, self._hidden_rows, self._row_hidden = 0, list[Any](), 0, False
        self._column, self._type, self._style, self._buffer = -1, "n", "", list[str]()
        self._taking = self._phonetic = self._formula = False
        self._depth = self._elements = self._size = 0

    def start(self, name: str, attributes: Attributes) -> None:
        """Take note of an element that opens."""
        self._depth += 1
        self._elements += 1
        if self._depth > MOST_NESTING or self._elements > MOST_ELEMENTS:
            raise too_much(self._depth, self._rows.file, self._name)
        if name == "c":
            self._type, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._column = self._position(attributes.get("r"))
            self._buffer, self._formula, self._size = [], False, 0
        elif name == "v":
            # a cell that is a formula may hold inline text before its value
            self._buffer, self._taking, self._size = [], True, 0
        elif name == "t":
            self._taking = not self._phonetic
        elif name == "f":
            self._formula = True
        elif name == "row":
            self._open_row(attributes)
        elif name == "rPh":
            self._phonetic = True
        elif name == "mergeCell":
            merge = merged_range(attributes.get("ref", ""))
            if merge is not None and len(self._merges) < _MOST_MERGES:
                self._merges.append(merge)

    def text(self, data: str) -> None:
        """Take text that belongs to a value."""
        if self._taking and self._size <= LONGEST_CELL:
            self._size += len(data)
            self._buffer.append(data)

    def end(self, name: str) -> None:
        """Finish what closes."""
        self._depth -= 1
        if name in {"v", "t"}:
            self._taking = False
        elif name == "c":
            if self._buffer:
                self._put(self._value("".join(self._buffer)))
            elif self._formula and self._type == "n":
                self._put(NO_RESULT)
        elif name == "rPh":
            self._phonetic = False
        elif name == "row":
            self._hidden_rows += self._row_hidden and bool(self._cells)
            self._rows.add(self._row, self._cells)
            self._cells = []

    def grid(self, hidden: bool) -> Grid:
        """Return the sheet."""
        rows, numbers = self._rows.sorted()
        merges, hidden_rows = tuple(self._merges), self._hidden_rows
        return Grid(self._name, "xlsx", rows, numbers, merges, hidden=hidden, hidden_rows=hidden_rows)

    def _open_row(self, attributes: Attributes) -> None:
        said = attributes.get("r", "")
        self._row = int(said) if said.isdecimal() and len(said) < 9 else self._row + 1
        self._row_hidden = attributes.get("hidden") in {"1", "true"}
        self._column = -1
        if not 1 <= self._row <= MOST_ROWS:
            raise self._rows.too_large(self._row, 0)

    def _position(self, ref: str | None) -> int:
        if not ref:
            return self._column + 1
        letters = ref.rstrip("0123456789")
        position = self._columns.get(letters)
        if position is None:
            position = self._columns[letters] = column_position(letters.replace("$", ""))
        return position if position >= 0 else self._column + 1

    def _put(self, value: Any) -> None:
        if value is None or self._column < 0:
            return
        missing = self._column - len(self._cells)
        if missing < 0:
            self._cells[self._column] = value  # the same cell twice, or out of order
            return
        if self._column >= MOST_COLUMNS:
            raise self._rows.too_large(self._row, self._column + 1)
        if missing:
            self._cells.extend([None] * missing)
        self._cells.append(value)

    def _value(self, text: str) -> Any:
        kind = self._type
        if kind == "s":
            text = text.strip()
            position = int(text) if text.isdecimal() and len(text) < 10 else -1
            if not 0 <= position < len(self._texts):
                raise self._text_missing()
            return self._texts[position]
        if kind == "n":
            value = number(text)
            shows = self._shows()
            if shows and isinstance(value, int | float):
                return from_serial(value, shows, epoch_1904=self._1904)
            return value
        if kind == "b":
            return text.strip() in {"1", "true"}
        if kind == "d":
            return _iso(text)
        return cell_text(unescape(text))

    def _text_missing(self) -> RefusedError:
        what, fix = "工作簿已损坏: 单元格的文字缺失", "请用 Excel 打开后另存一份"
        where = {"file": self._rows.file, "sheet": self._name}
        return refuse("file_unreadable", what, got=f"第 {self._row} 行", fix=fix, **where)

    def _shows(self) -> str:
        style = self._style
        return self._styles[int(style)] if style.isdecimal() and int(style) < len(self._styles) else ""


def unescape(text: str) -> str:
    """Turn ``_x000D_`` of Excel's texts into the character that it stands for.

    Examples
    --------
    >>> unescape("a_x000A_b"), unescape("file_x.csv")
    ('a\\nb', 'file_x.csv')
    """
    if "_x" not in text:
        return text
    return _ESCAPED.sub(
        lambda match: chr(int(match[1], 16)).encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        text,
    )


def _iso(text: str) -> Any:
    try:
        return dt.datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return cell_text(text)


def _attributes(archive: Archive, part: str | None, element: str, file: str) -> list[Attributes]:
    """Return the attributes of all elements of a name in a part; none where there is no such part."""
    found: list[Attributes] = []
    if part is None:
        return found

    def start(name: str, attributes: Attributes) -> None:
        if name == element:
            found.append(attributes)
            if len(found) > MOST_CELLS:
                raise refuse("file_too_large", "工作簿内容太多", file=file)

    parse_xml(archive.stream(part), start=start, end=lambda _: None, text=None, file=file)
    return found


def _main_part(archive: Archive, file: str) -> str:
    """Find the workbook's own part through the relations of the package."""
    for relation in _attributes(archive, archive.find("_rels/.rels"), "Relationship", file):
        if relation.get("Type", "").endswith("/officeDocument"):
            part = archive.find(_resolve("", relation.get("Target", "")))
            if part is not None:
                return part
    part = archive.find("xl/workbook.xml")
    if part is None:
        raise refuse("file_unreadable", "工作簿已损坏: 缺少目录", file=file, fix="请用 Excel 打开后另存一份")
    return part


def _sheets(archive: Archive, main: str, file: str) -> tuple[list[tuple[str, str, bool]], bool]:
    """List name, relation and whether hidden of each sheet; and whether dates count from 1904."""
    sheets = []
    for attributes in _attributes(archive, main, "sheet", file):
        relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
        sheets.append((attributes.get("name", ""), relation, attributes.get("state", "visible") != "visible"))
    properties = _attributes(archive, main, "workbookPr", file)
    return sheets, any(item.get("date1904") in {"1", "true"} for item in properties)


def _relations(archive: Archive, main: str, file: str) -> dict[str, str]:
    folder, name = posixpath.split(main)
    part = archive.find(posixpath.join(folder, "_rels", name + ".rels"))
    return {
        item.get("Id", ""): _resolve(folder, item.get("Target", ""))
        for item in _attributes(archive, part, "Relationship", file)
        if item.get("TargetMode") != "External"
    }


def _resolve(folder: str, target: str) -> str:
    target = target.replace("\\", "/")
    return posixpath.normpath(
        target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
    )


def _sibling(targets: dict[str, str], archive: Archive, name: str, main: str) -> str | None:
    """Find the part with the shared texts or the styles, by relation, else by its usual name."""
    paths: Collection[str] = [path for path in targets.values() if path.lower().endswith(name.lower())]
    return archive.find(next(iter(paths), posixpath.join(posixpath.dirname(main), name)))


def _shared_texts(archive: Archive, part: str | None, file: str) -> list[str | None]:
    """Read the table of shared texts, without phonetic readings."""
    texts: list[str | None] = []
    if part is None:
        return texts
    buffer: list[str] = []
    taking = phonetic = False
    size = 0

    def start(name: str, _: Attributes) -> None:
        nonlocal taking, phonetic, size
        if name == "si":
            buffer.clear()
            size = 0
        elif name == "rPh":
            phonetic = True
        elif name == "t":
            taking = not phonetic

    def end(name: str) -> None:
        nonlocal taking, phonetic
        if name == "t":
            taking = False
        elif name == "rPh":
            phonetic = False
        elif name == "si":
            texts.append(cell_text(unescape("".join(buffer))))
            if len(texts) > MOST_CELLS:
                raise refuse("file_too_large", "工作簿中的文字太多", file=file, fix="请拆分后再导入")

    def text(data: str) -> None:
        nonlocal size
        if taking and size <= LONGEST_CELL:
            size += len(data)
            buffer.append(data)

    parse_xml(archive.stream(part), start=start, end=end, text=text, file=file)
    return texts


def _date_styles(archive: Archive, part: str | None, file: str) -> list[str]:
    """Tell for each cell style whether its numbers are dates, times or durations."""
    formats: dict[str, str] = {}
    styles: list[str] = []
    inside = False
    if part is None:
        return styles

    def start(name: str, attributes: Attributes) -> None:
        nonlocal inside
        if name == "numFmt":
            formats[attributes.get("numFmtId", "")] = date_kind(attributes.get("formatCode", "")[:255])
        elif name == "cellXfs":
            inside = True
        elif name == "xf" and inside:
            code = attributes.get("numFmtId", "0")
            known = BUILT_IN_FORMATS.get(int(code), "") if code.isdecimal() and len(code) < 6 else ""
            styles.append(formats.get(code, known))

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and name != "cellXfs"

    parse_xml(archive.stream(part), start=start, end=end, text=None, file=file)
    return styles
