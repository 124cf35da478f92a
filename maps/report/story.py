"""The boxes of a document: which look each block has on an A4 page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .. import style
from .layout import Box, Break, Column, Framed, Picture, Row, Rule, Text
from .model import Bullets, Callout, Chart, Document, Heading, PageBreak, Paragraph, Ref, Span, Spans, Table
from .rows import table_box
from .setting import Look, Setter
from .trace import TRACE

MM = 72 / 25.4
PAGE_WIDTH, PAGE_HEIGHT = 210 * MM, 297 * MM
LEFT, TOP, BOTTOM = 18 * MM, 17 * MM, 16 * MM
WIDTH, HEIGHT = PAGE_WIDTH - 2 * LEFT, PAGE_HEIGHT - TOP - BOTTOM
GUTTER = 6 * MM
"""Between two charts side by side."""

TITLE = Look(19, 25, bold=True, after=2)
SUBTITLE = Look(10, 15, style.QUIET, after=5)
HEADINGS = {
    1: Look(12.6, 17.5, bold=True, before=9, after=3),
    2: Look(10.2, 15, bold=True, before=7, after=2),
}
BODY = Look(9.6, 14.5, even=True, after=4)
ITEM = replace(BODY, indent=13, after=2)
CAPTION = Look(9, 13.4)
CELL = Look(8.4, 11.7)
NOTE = Look(7.6, 10.4, style.QUIET)


def boxes(document: Document, setter: Setter) -> Iterator[Box]:
    """Set a document, block by block."""
    yield from _masthead(document, setter)
    blocks, level = list(document.blocks), -1
    while blocks:
        block = blocks.pop(0)
        match block:
            case Heading():
                level = 0 if block.level == 1 else min(level + 1, 1)
                yield _heading(block, setter, level)
            case Paragraph():
                yield _paragraph(block.spans, setter, leads=bool(blocks) and isinstance(blocks[0], _LED))
            case Bullets():
                yield from _bullets(block, setter)
            case Table():
                yield _table(block, setter)
            case Chart():
                beside = blocks.pop(0) if block.half and blocks and _is_half(blocks[0]) else None
                yield _charts(block, beside if isinstance(beside, Chart) else None, setter)
            case Callout():
                lines = setter.lines(block.spans, BODY, WIDTH - 20)
                if lines:
                    yield Framed(Text(lines, BODY), WIDTH)
            case PageBreak():
                yield Break()


_LED = (Bullets, Table, Chart)


def _is_half(block: object) -> bool:
    return isinstance(block, Chart) and block.half


def _masthead(document: Document, setter: Setter) -> Iterator[Box]:
    yield Text(setter.lines([Span(document.title)], TITLE, WIDTH), TITLE, kept=True)
    below = " · ".join(filter(None, (document.subtitle, document.date)))
    if below:
        yield Text(setter.lines([Span(below)], SUBTITLE, WIDTH), SUBTITLE, kept=True)
    yield Rule(WIDTH, 1.6, style.ACCENT, after=7)


def _heading(block: Heading, setter: Setter, level: int) -> Text:
    look, span = HEADINGS[block.level], Span(block.text)
    title = setter.clean([span])[0].text
    return Text(setter.lines([span], look, WIDTH), look, kept=True, title=title, level=level)


def _paragraph(spans: Spans, setter: Setter, *, leads: bool) -> Text:
    """Set a paragraph; a short one that leads to a list, a table or a chart stays with it."""
    lines = setter.lines(spans, BODY, WIDTH)
    return Text(lines, BODY, kept=leads and len(lines) <= 2)


def _bullets(block: Bullets, setter: Setter) -> Iterator[Text]:
    last = len(block.items) - 1
    for place, spans in enumerate(block.items):
        look = ITEM if place < last else replace(ITEM, after=BODY.after + 2)
        lines = setter.lines(spans, look, WIDTH)
        number = setter.lines([Span(f"{place + 1}.")], replace(ITEM, indent=1), WIDTH)[0]
        yield Text(lines, look, bullet=number if block.numbered else (), dotted=not block.numbered)


def _table(block: Table, setter: Setter) -> Box:
    anchors = block.title == TRACE
    return table_box(block, setter, WIDTH, cell=CELL, title=CAPTION, note=NOTE, anchors=anchors)


def _charts(chart: Chart, beside: Chart | None, setter: Setter) -> Box:
    """Set a chart at the width it asks for, at most that of the text, or two beside each other."""
    half = (WIDTH - GUTTER) / 2
    if beside is not None:
        pair = _chart(chart, setter, half), _chart(beside, setter, half)
        return Row(((0.0, pair[0]), (half + GUTTER, pair[1])), before=5, after=8)
    room = half if chart.half else min(WIDTH, chart.width_mm * MM)
    return Row((((WIDTH - room) / 2, _chart(chart, setter, room)),), before=5, after=8)


def _chart(chart: Chart, setter: Setter, room: float) -> Box:
    scale = min(1.0, room / (chart.width_mm * MM))
    height = min(chart.height_mm * MM * scale, HEIGHT * 0.8)
    title = setter.lines([Span(chart.title, bold=True)], CAPTION, room)[:_MOST_TITLE]
    note = setter.lines([Span(chart.note)], NOTE, room)[:_MOST_TITLE]
    return Column((Text(title, CAPTION), Picture(chart, room, height), Text(note, NOTE)))


_MOST_TITLE = 5
"""Lines of a chart's title and of its note: with them it must have room on a page."""


def texts(document: Document) -> Iterator[str]:
    """Give every text of a document, e.g. to know the characters that a font must hold."""
    yield from (document.title, document.subtitle, document.stamp, *document.labels)
    yield from (document.date, document.footer)
    for block in document.blocks:
        match block:
            case Heading():
                yield block.text
            case Paragraph() | Callout():
                yield from (span.text for span in block.spans)
            case Bullets():
                yield from (span.text for item in block.items for span in item)
            case Table():
                yield from (block.title, block.note, *block.headers)
                yield from (span.text for row in block.rows for span in row)
            case Chart():
                yield from (block.title, block.note, block.text)


def places(document: Document) -> dict[Ref, str]:
    """Name the places where a table tells the origin of a figure: what leads nowhere must not be a link."""
    tables = (block for block in document.blocks if isinstance(block, Table) and block.title == TRACE)
    spans = (span for table in tables for row in table.rows for span in row)
    told = dict.fromkeys(span.ref for span in spans if span.ref is not None)
    return {ref: f"source{number}" for number, ref in enumerate(told, start=1)}
