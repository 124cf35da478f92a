"""Text tables (CSV, TSV, TXT): encoding and separator found, quotes and line numbers right."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .codes import finding
from .grid import Grid, Rows, cell_text
from .heading import LooksLikeHeader, looks_like_header, tidy
from .limits import MOST_CELLS, MOST_COLUMNS, MOST_NAMED, MOST_ROWS, refuse
from .model import Finding

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SEPARATORS = (",", "\t", ";", "|", "，", "；")
_NAMES = {"\t": "制表符", "，": "全角逗号", "；": "全角分号"}
_SAMPLE = 200
_MOST_LINES = 60
"""Most lines of one quoted cell: beyond it a quotation mark was never closed."""

_BETWEEN = re.compile(r"^\ufeff", re.MULTILINE)  # marks of files that were put together
_MOST_UNCLOSED = 1000
"""Most quotation marks that are never closed; behind them all marks are plain text."""

_SAVE = "请用 Excel 打开核对, 另存为 UTF-8 的 CSV 或 xlsx 再导入"


@dataclass(frozen=True)
class Decoded:
    """A text file as text."""

    text: str
    encoding: str
    findings: tuple[Finding, ...] = ()


def decode(raw: bytes, *, file: str) -> Decoded:
    """Decode the bytes of a text file: by its mark, else UTF-8, UTF-16, GB 18030; else line by line.

    A line that fits no encoding keeps its readable part and becomes an error with its number.

    Raises
    ------
    RefusedError
        ``decode_error``: the file is no text, or most of it fits no encoding.
    """
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return _by_mark(raw, encoding, file)
    if b"\0" in raw:
        return _with_zeros(raw, file)
    try:
        return Decoded(raw.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return _by_lines(raw, file)
    return _by_lines(raw, file) if _is_mixed(raw) else Decoded(text, "gb18030")


def read_text(raw: bytes, *, file: str, looks: LooksLikeHeader = looks_like_header) -> Grid:
    """Read a text table as a grid; row numbers are line numbers, of the first line where a cell has several.

    Raises
    ------
    RefusedError
        The file is no text, or beyond the limits of a table.
    """
    decoded = decode(raw, file=file)
    text, start, separator = _BETWEEN.sub("", decoded.text), 0, ""
    first = text.partition("\n")[0].strip()
    if first.lower().startswith("sep=") and len(first) == 5:  # Excel's own hint
        separator, start = first[4], 1
        text = text.partition("\n")[2]
    separator = separator or find_separator(text, looks)
    records, notes = _records(text, separator, file, looks)
    rows, width_notes = _even(records, separator, looks)
    kept = Rows(file=file)
    for line, cells in rows:
        kept.add(line + start, list(map(cell_text, cells)))
    notes += width_notes
    if separator not in ",\t":
        name = _NAMES.get(separator, separator)
        notes.append(finding("format_mismatch", f"列以 {name} 分隔", severity="note"))
    findings = (*decoded.findings, *notes)
    return Grid("", "csv", list(kept.rows), kept.numbers, encoding=decoded.encoding, findings=findings)


def find_separator(text: str, looks: LooksLikeHeader = looks_like_header) -> str:
    """Find the separator: the one that makes the most cells look like headers and the rows equally wide.

    Examples
    --------
    >>> find_separator("名称;经度;纬度\\n甲, 乙;115.8;28.6\\n丙;115.9;28.7\\n")
    ';'
    """
    sample = list(_lines(text))
    best, best_score = ",", (-1.0, -1.0)
    for separator in SEPARATORS:
        try:
            rows = [row for row in csv.reader(sample, delimiter=separator) if row]
        except csv.Error:
            continue
        widths = [len(row) for row in rows if len(row) > 1]
        if not widths:
            continue
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        known = max(sum(looks(tidy(cell)) for cell in row[:200] if len(cell) < 40) for row in rows[:30])
        score = (float(known), widths.count(usual) / len(rows) * min(usual, 5))
        if score > best_score:
            best, best_score = separator, score
    return best


def _lines(text: str) -> Iterator[str]:
    """Yield the first lines, each cut where it is absurdly long."""
    stream = io.StringIO(text[: 1 << 20], newline="")
    for _, line in zip(range(_SAMPLE), stream, strict=False):
        yield line


def _records(
    text: str, separator: str, file: str, looks: LooksLikeHeader
) -> tuple[list[tuple[int, list[str]]], list[Finding]]:
    """Split text into records with their first line; a quotation mark that is never closed is plain text."""
    lines = [
        line if line.endswith("\n") else line.replace("\r", "\r\n")
        for line in _physical(io.StringIO(text, newline=""))
    ]
    try:
        sample = csv.reader(lines[:_SAMPLE], delimiter=separator, quoting=csv.QUOTE_NONE)
        width = _width([(0, record) for record in sample], looks)[0]
        records, unclosed = _parse(lines, separator, width, file)
    except csv.Error:
        what = f"有单元格超过 {csv.field_size_limit()} 个字符, 或不是表格"
        raise refuse("file_too_large", what, file=file, fix=_SAVE) from None
    fix = "请核对含引号的行, 或另存为 xlsx"
    return records, _listed(unclosed, "引号不成对, 已按普通文字读入", "warning", fix)


class _UnclosedError(Exception):
    """A quoted cell goes on over too many lines."""


def _parse(
    lines: Sequence[str], separator: str, width: int, file: str
) -> tuple[list[tuple[int, list[str]]], list[int]]:
    """Split lines into records; a line whose quotation mark swallows those after it is split as plain text.

    Returns
    -------
    Records with the number of their first line, and the numbers of the lines with such a mark.
    """
    records: list[tuple[int, list[str]]] = []
    unclosed: list[int] = []
    at = cells = 0
    while at < len(lines):
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if len(unclosed) < _MOST_UNCLOSED else csv.QUOTE_NONE
        for first, over, found in _whole(lines, at, separator, quoting):
            whole = quoting == csv.QUOTE_NONE or not _swallows(
                lines[first:over], separator, width, over == len(lines)
            )
            record = found if whole else _plain(lines[first], separator)
            if not whole:
                unclosed.append(first + 1)
            cells += len(record)
            if len(record) > MOST_COLUMNS or first >= MOST_ROWS or cells > MOST_CELLS:
                raise Rows(file=file).too_large(first + 1, len(record))
            records.append((first + 1, record))
            at = over if whole else first + 1
            if not whole:
                break
    return records, unclosed


def _whole(
    lines: Sequence[str], at: int, separator: str, quoting: Literal[0, 3]
) -> Iterator[tuple[int, int, list[str]]]:
    """Yield records from a line on: the positions of their first line and of the line behind, their cells.

    A record that goes on for too long ends after as many lines as a cell may have.
    """
    before = at

    def some() -> Iterator[str]:
        for position in range(at, len(lines)):
            if position - before > _MOST_LINES:
                raise _UnclosedError
            yield lines[position]

    reader = csv.reader(some(), delimiter=separator, quoting=quoting)
    try:
        for record in reader:
            over = at + reader.line_num
            yield before, over, record
            before = over
    except (_UnclosedError, csv.Error):
        if quoting == csv.QUOTE_NONE or len(lines[before]) > csv.field_size_limit():
            raise
        yield before, min(before + _MOST_LINES + 1, len(lines)), []


def _plain(line: str, separator: str) -> list[str]:
    """Split one line without regard to quotation marks."""
    return next(csv.reader([line], delimiter=separator, quoting=csv.QUOTE_NONE))


def _swallows(lines: Sequence[str], separator: str, width: int, last: bool) -> bool:
    """Whether a quotation mark in the first line of a record is not closed where it should be.

    It is still open at the end of the file; or the record breaks the rules of CSV or is not as wide as the
    header, and two of its lines look like whole rows.
    """
    if len(lines) > _MOST_LINES:
        return True
    if last and '"' in lines[0] and len(list(csv.reader([*lines, "\n", "x"], delimiter=separator))) < 3:
        return True
    if len(lines) < 2 or width < 3 or sum(line.count(separator) == width - 1 for line in lines) < 2:
        return False
    try:
        return [len(record) for record in csv.reader(lines, delimiter=separator, strict=True)] != [width]
    except csv.Error:
        return True


def _physical(stream: io.StringIO) -> Iterator[str]:
    """Yield lines that end in \\n, \\r\\n or a lone \\r (old Mac programs)."""
    for line in stream:
        body = line.rstrip("\r\n")
        if "\r" not in body:
            yield line
            continue
        yield from line.splitlines(keepends=True) if "\n" not in body else [line]


def _even(
    records: Sequence[tuple[int, list[str]]], separator: str, looks: LooksLikeHeader
) -> tuple[list[tuple[int, list[str]]], list[Finding]]:
    """Mend or report the records that are not as wide as the header.

    A record of another width that another separator, or both together, brings to the header's width is split
    so. One that stays too wide has its values under the wrong headers: an error. One too narrow: a warning.
    """
    width, start = _width(records, looks)
    if width < 2:
        return list(records), []
    rows: list[tuple[int, list[str]]] = []
    again, wide, narrow = list[int](), list[int](), list[int]()
    for position, (line, record) in enumerate(records):
        cells = record
        if len(cells) != width and position > start and any(cells):
            cells = _trim(cells, width)
            if len(cells) != width:
                mended = _split_again(cells, separator, width)
                if mended:
                    cells = mended
                    again.append(line)
                elif len(cells) > width:
                    wide.append(line)
                elif len(cells) > 1 or separator in ",\t":
                    narrow.append(line)
        rows.append((line, cells))
    notes = _listed(again, "分隔符与其他行不同, 已按同样的列拆开", "note", "")
    fix = "文字中有逗号的请加英文引号, 或另存为 xlsx"
    notes += _listed(wide, f"列数多于表头的 {width} 列, 值可能错位", "error", fix)
    notes += _listed(
        [line for line in narrow if len(narrow) < len(records) / 2],
        f"列数少于表头的 {width} 列",
        "warning",
        "请核对这一行是否完整",
    )
    return rows, notes


def _width(records: Sequence[tuple[int, list[str]]], looks: LooksLikeHeader) -> tuple[int, int]:
    """Return the width of the header and its position: the row with the most cells that look like headers."""
    best, width, where = 1, 0, 0
    for position, (_, record) in enumerate(records[:40]):
        known = sum(looks(tidy(cell)) for cell in record[:MOST_COLUMNS] if 0 < len(cell) < 40)
        if known > best:
            best, width, where = known, len(record), position
    return width, where


def _trim(cells: list[str], width: int) -> list[str]:
    """Leave out empty cells after the last column."""
    extra = cells[width:]
    return cells if any(cell.strip() for cell in extra) else cells[:width]


def _split_again(cells: list[str], separator: str, width: int) -> list[str] | None:
    """Split a record by the other separators, alone or with its own; None where none gives the width."""
    line = separator.join(cells)
    for other in SEPARATORS:
        if other == separator or other not in line:
            continue
        for parts in (line.split(other), line.replace(other, separator).split(separator)):
            if len(parts) == width:
                return parts
    return None


def _listed(lines: Sequence[int], what: str, severity: Any, fix: str) -> list[Finding]:
    if severity == "note" and len(lines) > 5:
        return [finding("row_width", f"{what} (共 {len(lines)} 行)", severity="note", row=lines[0])]
    found = [finding("row_width", what, severity=severity, row=line, fix=fix) for line in lines]
    return found if severity == "error" or len(found) <= MOST_NAMED else [
        *found[:MOST_NAMED], finding("more", f"{what}: 共 {len(lines)} 行", severity=severity)
    ]  # fmt: skip


def _by_mark(raw: bytes, encoding: str, file: str) -> Decoded:
    try:
        return Decoded(raw.decode(encoding).replace("\0", ""), encoding)
    except UnicodeDecodeError:
        if encoding == "utf-8-sig":
            return _by_lines(raw.removeprefix(codecs.BOM_UTF8), file)
        raise refuse("decode_error", f"文件自称 {encoding}, 但内容不是", file=file, fix=_SAVE) from None


def _with_zeros(raw: bytes, file: str) -> Decoded:
    """Decode text with zero bytes: UTF-16 without its mark, or a damaged file; a binary one is refused."""
    sample = raw[: 1 << 16]
    odd, even = sample[1::2].count(0), sample[::2].count(0)
    for encoding, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if zeros > 4 * others and zeros > len(sample) / 50:
            try:
                return Decoded(raw.decode(encoding), encoding)
            except UnicodeDecodeError:
                continue
    if raw.count(b"\0") > len(raw) / 100 + 8:
        raise refuse("unsupported_format", "不是文本表格, 也不是认得的格式", file=file, fix=_SAVE)
    lines = [i for i, line in enumerate(raw.split(b"\n"), 1) if b"\0" in line]
    notes = [
        finding("decode_error", "含有空字符 (NUL), 已去掉", severity="warning", row=line, fix="请核对这一行")
        for line in lines[:MOST_NAMED]
    ]
    plain = decode(raw.replace(b"\0", b""), file=file)
    return Decoded(plain.text, plain.encoding, (*plain.findings, *notes))


def _is_mixed(raw: bytes) -> bool:
    """Whether a file that is valid GB 18030 has lines that are surely UTF-8 beside lines that are not.

    A line of UTF-8 Chinese is often valid GB 18030, as nonsense; a line of GB 18030 that is valid UTF-8 is
    rare and short. Three characters of three bytes each are taken as sure.
    """
    utf8 = others = 0
    for line in raw.split(b"\n"):
        if line.isascii():
            continue
        try:
            utf8 += sum(char > "\u07ff" for char in line.decode("utf-8")) >= 3
        except UnicodeDecodeError:
            others += 1
    return utf8 > 0 and others > 0


def _by_lines(raw: bytes, file: str) -> Decoded:
    """Decode each line on its own; lines in no known encoding become errors with their number."""
    texts, bad, counts = [], list[int](), {"utf-8": 0, "gb18030": 0}
    lines = raw.split(b"\n")
    for number, line in enumerate(lines, 1):
        for encoding in ("utf-8", "gb18030"):
            try:
                texts.append(line.decode(encoding))
            except UnicodeDecodeError:
                continue
            counts[encoding] += not line.isascii()
            break
        else:
            bad.append(number)
            texts.append("")
    encoding = max(counts, key=lambda name: counts[name])
    for number in bad:
        texts[number - 1] = lines[number - 1].decode(encoding, "replace").replace("\0", "")
    if len(bad) > max(3, sum(counts.values())):
        raise refuse("decode_error", "文字编码无法判断, 不是文本或已损坏", file=file, fix=_SAVE)
    notes = [finding("decode_error", "这一行的文字无法解码", row=number, fix=_SAVE) for number in bad]
    if all(counts.values()):
        what = f"文件混用了两种编码: {counts['utf-8']} 行 UTF-8, {counts['gb18030']} 行 GBK, 已逐行辨认"
        notes.insert(0, finding("encoding_guessed", what, severity="warning", fix="请核对中文是否正确"))
    return Decoded("\n".join(texts), encoding, tuple(notes))
