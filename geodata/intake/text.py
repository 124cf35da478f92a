"""Text tables (CSV, TSV, TXT): encoding and separator found, quotes and line numbers right."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
    text, start, separator = decoded.text, 0, ""
    first = text.partition("\n")[0].strip()
    if first.lower().startswith("sep=") and len(first) == 5:  # Excel's own hint
        separator, start = first[4], 1
        text = text.partition("\n")[2]
    separator = separator or find_separator(text, looks)
    records, notes = _records(text, separator, file)
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


def _records(text: str, separator: str, file: str) -> tuple[list[tuple[int, list[str]]], list[Finding]]:
    """Split text into records with their first line; a quotation mark that is never closed is plain text."""
    try:
        records = list(_parse(text, separator, csv.QUOTE_MINIMAL, file))
    except (csv.Error, _UnclosedError):
        try:
            records = list(_parse(text, separator, csv.QUOTE_NONE, file))
        except csv.Error:
            what = f"有单元格超过 {csv.field_size_limit()} 个字符, 或不是表格"
            raise refuse("file_too_large", what, file=file, fix=_SAVE) from None
        what = "引号不成对, 已按普通文字读入"
        fix = "请核对含引号的行, 或另存为 xlsx"
        return records, [finding("row_width", what, fix=fix)]
    return records, []


class _UnclosedError(Exception):
    """A quoted cell goes on over too many lines."""


def _parse(text: str, separator: str, quoting: int, file: str) -> Iterator[tuple[int, list[str]]]:
    stream = io.StringIO(text, newline="")
    lines = (line if line.endswith("\n") else line.replace("\r", "\r\n") for line in _physical(stream))
    reader = csv.reader(lines, delimiter=separator, quoting=quoting)  # type: ignore[arg-type]
    before = cells = 0
    for record in reader:
        if reader.line_num - before > _MOST_LINES:
            raise _UnclosedError
        cells += len(record)
        if len(record) > MOST_COLUMNS or before >= MOST_ROWS or cells > MOST_CELLS:
            raise Rows(file=file).too_large(before + 1, len(record))
        yield before + 1, record
        before = reader.line_num


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
