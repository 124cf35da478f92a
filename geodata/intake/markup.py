"""XML and HTML from outside: no entities, no external files, bounded depth."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain
from xml.parsers import expat

from .limits import LONGEST_TOKEN, MOST_ELEMENTS, MOST_NESTING, RefusedError, refuse

Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]
End = Callable[[str], None]
Text = Callable[[str], None]

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_PREFIXED = re.compile(rb"<[A-Za-z_][^\s/>:]*:")
_ELEMENT = re.compile(rb"<[A-Za-z_]")
_SOMETIMES_PREFIXED = re.compile(
    rb"""xmlns:[\w.-]+\s*=\s*["'][^"']*(openxmlformats\.org|oclc\.org/ooxml)/spreadsheetml/"""
)
_PIECE = 1 << 18
_CHINESE = ("gb2312", "gbk", "gb18030", "gb_2312-80", "cp936", "x-gbk", "hz-gb-2312")


def parse_xml(
    chunks: Iterable[bytes],
    *,
    start: Start,
    end: End,
    text: Text | None,
    file: str,
    sheet: str = "",
    counted: bool = False,
) -> None:
    """Parse XML with expat, calling the handlers with element names without their namespace prefix.

    Entity declarations (billion laughs, external entities) are refused before they are expanded; nothing is
    ever fetched. ``text`` gets each run of text whole. Attribute names keep their prefix. Handlers that are
    ``counted`` count elements and depth themselves, which spares a call per element; they see names with a
    prefix where only some elements have one.

    Raises
    ------
    RefusedError
        ``unsafe_content`` for entities and nesting beyond the limit, ``file_unreadable`` for damaged XML.
    """
    stream = iter(chunks)
    first = next(stream, b"")
    first, rest, encoding = _transcode(first, stream, file)
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    _forbid_entities(parser, file, sheet)
    root = _ELEMENT.search(first)
    plain = root and not _PREFIXED.match(first, root.start()) and not _SOMETIMES_PREFIXED.search(first[:4096])
    if counted and plain:
        parser.StartElementHandler, parser.EndElementHandler = start, end
    else:
        _guard(parser, start, end, file, sheet)
    if text is not None:
        parser.CharacterDataHandler = text
    try:
        _feed(parser, chain([first], rest), file, sheet)
    except expat.ExpatError as error:
        what = f"XML 内容有误 (第 {error.lineno} 行)"
        raise refuse("file_unreadable", what, file=file, sheet=sheet, fix="请重新导出该文件") from None
    except (ValueError, LookupError) as error:
        if isinstance(error, RefusedError):
            raise
        raise refuse(
            "decode_error", "XML 的文字编码有误", file=file, sheet=sheet, fix="请另存为 UTF-8"
        ) from None


def _feed(parser: expat.XMLParserType, chunks: Iterable[bytes], file: str, sheet: str) -> None:
    """Give the parser piece by piece, and stop at a tag that goes on for megabytes.

    Expat keeps an unfinished tag in memory and starts again at its beginning with every piece.
    """
    given = 0
    for chunk in chunks:
        for at in range(0, len(chunk), _PIECE):
            piece = chunk[at : at + _PIECE]
            given += len(piece)
            parser.Parse(piece, False)
            if given - parser.CurrentByteIndex > LONGEST_TOKEN:
                what = "XML 中有一个标签过长 (可能是攻击), 不读取"
                raise refuse("unsafe_content", what, file=file, sheet=sheet, fix="请核对文件来源, 重新导出")
    parser.Parse(b"", True)


def _guard(parser: expat.XMLParserType, start: Start, end: End, file: str, sheet: str) -> None:
    """Set the handlers: names without prefix, depth counted."""
    names: dict[str, str] = {}
    depth = count = 0

    def opened(name: str, attributes: Attributes) -> None:
        nonlocal depth, count
        depth += 1
        count += 1
        if depth > MOST_NESTING or count > MOST_ELEMENTS:
            raise too_much(depth, file, sheet)
        start(names.get(name) or names.setdefault(name, name.rpartition(":")[2]), attributes)

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(names[name])

    parser.StartElementHandler = opened
    parser.EndElementHandler = closed


def too_much(depth: int, file: str, sheet: str = "") -> RefusedError:
    """Make the refusal of XML that is nested too deeply (open elements take memory) or too long."""
    if depth > MOST_NESTING:
        what = f"XML 嵌套超过 {MOST_NESTING} 层, 不读取"
        return refuse("unsafe_content", what, file=file, sheet=sheet, fix="请核对文件来源, 重新导出")
    return refuse("file_too_large", "XML 内容太多", file=file, sheet=sheet, fix="请拆分后再导入")


def _forbid_entities(parser: expat.XMLParserType, file: str, sheet: str) -> None:
    """Refuse declarations of entities, which may refer to files or grow without end."""

    def entity(*facts: object) -> None:
        what = "XML 中定义了实体 (可能是攻击), 不读取"
        raise refuse(
            "unsafe_content", what, file=file, sheet=sheet, got=facts[0], fix="请核对文件来源, 重新导出"
        )

    parser.EntityDeclHandler = entity
    parser.UnparsedEntityDeclHandler = entity
    parser.ExternalEntityRefHandler = entity  # type: ignore[assignment]  # it raises and returns nothing


def _transcode(first: bytes, rest: Iterable[bytes], file: str) -> tuple[bytes, Iterable[bytes], str | None]:
    """Turn XML that declares a Chinese encoding, which expat does not know, into UTF-8."""
    declared = _DECLARED.match(first[:300])
    if not declared or declared[1].decode().lower() not in _CHINESE:
        return first, rest, None
    whole = first + b"".join(rest)
    for encoding in ("utf-8", "gb18030") if is_surely_utf8(whole) else ("gb18030", "utf-8"):
        try:
            return whole.decode(encoding).encode(), (), "utf-8"
        except UnicodeDecodeError:
            continue
    raise refuse(
        "decode_error", f"XML 自称编码为 {declared[1].decode()}, 但内容不是", file=file, fix="请另存为 UTF-8"
    )


def is_surely_utf8(raw: bytes) -> bool:
    """Whether bytes that claim to be in a Chinese encoding are UTF-8 in truth.

    A text in GB 18030 that is valid UTF-8 as well is rare and short; one with three characters of three bytes
    is taken as UTF-8. The other way round UTF-8 is often valid GB 18030, as nonsense.
    """
    try:
        return sum(char > "\u07ff" for char in raw.decode("utf-8")) >= 3
    except UnicodeDecodeError:
        return False


_SKIPPED = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)


def root_element(raw: bytes) -> str:
    """Return the name of the first element of XML or HTML without its prefix; empty for other content.

    Examples
    --------
    >>> root_element(b"<?xml version='1.0'?><!-- a --><k:kml>"), root_element(b"<!DOCTYPE html><p>")
    ('kml', '!html')
    >>> root_element("\ufeff名称,经度".encode())
    ''
    """
    text = text_head(raw)
    at = 0
    for _ in range(50):
        match = _SKIPPED.match(text, at)
        if match is None:
            break
        at = match.end()
    doctype = re.compile(r"<!DOCTYPE\s+([\w:.-]+)", re.IGNORECASE).match(text, at)
    if doctype:
        return "!html" if doctype[1].lower() == "html" else doctype[1].rpartition(":")[2]
    element = re.compile(r"<([A-Za-z_][\w:.-]*)").match(text, at)
    return element[1].rpartition(":")[2] if element else ""


def text_head(raw: bytes) -> str:
    """Return the beginning of a text file; only its ASCII characters are sure."""
    head = raw[:4096]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace").lstrip("\ufeff")
    return head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
