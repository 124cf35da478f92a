"""Where the figures of a report stand: the numbers behind them in the text, and the workbook itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...geodata.store import replacing
from .. import tables
from .model import Bullets, Callout, Paragraph, Ref, Span, Spans, Table

if TYPE_CHECKING:
    from pathlib import Path

    from .facts import Book
    from .model import Block

WORKBOOK = "报告附表.xlsx"
TRACE = "数字出处"
"""Sheet, and title of the table, that says where the figures of the text stand."""


def running(blocks: Sequence[Block]) -> Iterator[Span]:
    """List the spans of running text: paragraphs, lists and boxes, not those of tables."""
    for block in blocks:
        if isinstance(block, Paragraph | Callout):
            yield from block.spans
        elif isinstance(block, Bullets):
            for item in block.items:
                yield from item


def all_spans(blocks: Sequence[Block]) -> Iterator[Span]:
    """List every span, those of tables too."""
    yield from running(blocks)
    for block in blocks:
        if isinstance(block, Table):
            for row in block.rows:
                yield from row


def numbered(blocks: Sequence[Block]) -> tuple[list[Block], list[Span]]:
    """Number the cells that running text takes figures from, in the order of their first mention, from 1.

    Returns
    -------
    The blocks with the numbers at their figures, and for each number the figure as it is first said. Figures
    in tables have none: a note tells the sheet.
    """
    places: dict[Ref, int] = {}
    first: list[Span] = []

    def number(spans: Spans) -> Spans:
        for span in spans:
            if span.ref is not None and span.ref not in places:
                places[span.ref] = len(first) + 1
                first.append(replace(span, bold=False, number=len(first) + 1))
        return tuple(span if span.ref is None else replace(span, number=places[span.ref]) for span in spans)

    def marked(block: Block) -> Block:
        if isinstance(block, Paragraph | Callout):
            return replace(block, spans=number(block.spans))
        if isinstance(block, Bullets):
            return replace(block, items=tuple(number(item) for item in block.items))
        return block

    return [marked(block) for block in blocks], first


def write_workbook(book: Book, path: Path) -> Path:
    """Write the tables of a report as they were quoted: row r of a table (from 0) is line r + 2.

    Parameters
    ----------
    path
        The file, by custom called ``WORKBOOK``; it appears whole or not at all.
    """
    written = [
        tables.Written(name, page.headers, list(page.rows), page.formats) for name, page in book.pages.items()
    ]
    content = tables.workbook_of(book.notes, written, book.charts)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    path.chmod(0o644)
    return path
