"""Paragraphs and tables of the report as a Word file: XML with texts that cannot break it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import count, pairwise
from xml.sax.saxutils import escape

from . import word_styles as styles
from .lines import clean
from .model import Ref, Span, Table
from .rows import column_widths

NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
WIDTH = 9865
"""Width of the text, 174 mm, in twentieths of a point."""
NOTHING = Span("(无)", quiet=True)
"""Said in a table without rows."""


def run(span: Span, style_id: str = "") -> str:
    """Write a stretch of text."""
    style_id = style_id or (styles.QUIET if span.quiet else "")
    look = (f'<w:rStyle w:val="{style_id}"/>' if style_id else "") + ("<w:b/><w:bCs/>" if span.bold else "")
    text = escape(clean(span.text))
    return f'<w:r>{f"<w:rPr>{look}</w:rPr>" if look else ""}<w:t xml:space="preserve">{text}</w:t></w:r>'


def runs(spans: Sequence[Span], bookmarks: Mapping[Ref, str]) -> str:
    """Write stretches of text; the small number behind a figure leads to where it comes from."""
    parts = []
    for span in spans:
        parts.append(run(span))
        if span.number > 0:
            number = run(Span(str(span.number)), styles.SOURCE)
            place = bookmarks.get(span.ref) if span.ref is not None else None
            parts.append(
                f'<w:hyperlink w:anchor="{place}" w:history="1">{number}</w:hyperlink>' if place else number
            )
    return "".join(parts)


def paragraph(style_id: str, content: str, *, look: str = "") -> str:
    """Write a paragraph of runs; ``look`` is what it sets beside its style."""
    return f'<w:p {NAMESPACE}><w:pPr><w:pStyle w:val="{style_id}"/>{look}</w:pPr>{content}</w:p>'


def field(name: str) -> str:
    """Write a field such as PAGE, which Word works out."""
    parts = (
        '<w:fldChar w:fldCharType="begin"/>',
        f'<w:instrText xml:space="preserve"> {name} </w:instrText>',
        '<w:fldChar w:fldCharType="separate"/>',
        "<w:t>1</w:t>",
        '<w:fldChar w:fldCharType="end"/>',
    )
    return "".join(f"<w:r>{part}</w:r>" for part in parts)


def table(block: Table, places: Mapping[Ref, str]) -> str:
    """Write a table: its header is repeated on every page, and no page cuts a row.

    Parameters
    ----------
    places
        Bookmarks that its cells carry, for the links of figures.
    """
    widths = [round(width) for width in column_widths(block, _width, WIDTH)]
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    left, numbers = dict(places), count(1)

    def cell(span: Span, align: str, width: int) -> str:
        content = run(span)
        place = left.pop(span.ref, "") if span.ref is not None else ""
        if place:
            number = next(numbers)
            start = f'<w:bookmarkStart w:id="{number}" w:name="{place}"/>'
            content = f'{start}{content}<w:bookmarkEnd w:id="{number}"/>'
        look = f'<w:pPr><w:pStyle w:val="{styles.CELL}"/><w:jc w:val="{align}"/></w:pPr>'
        size = f'<w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>'
        return f"<w:tc>{size}<w:p>{look}{content}</w:p></w:tc>"

    def row(spans: Sequence[Span], head: str = "") -> str:
        cells = "".join(map(cell, spans, block.aligns, widths))
        return f"<w:tr><w:trPr><w:cantSplit/>{head}</w:trPr>{cells}</w:tr>"

    body = block.rows or ((NOTHING, *[Span("")] * (len(widths) - 1)),)
    return (
        f'<w:tbl {NAMESPACE}><w:tblPr><w:tblStyle w:val="{styles.TABLE}"/>'
        f'<w:tblW w:w="{WIDTH}" w:type="dxa"/>'
        '<w:tblLayout w:type="fixed"/><w:tblLook w:val="0020" w:firstRow="1" w:lastRow="0" w:firstColumn="0"'
        f' w:lastColumn="0" w:noHBand="1" w:noVBand="1"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>'
        f"{row(tuple(map(Span, block.headers)), '<w:tblHeader/>')}{''.join(map(row, body))}</w:tbl>"
    )


def _width(text: str) -> float:
    """Estimate how wide a text is in a cell: Chinese characters are square, others a bit more than half that.

    Some programs put space between figures and Chinese, whatever the style says.
    """
    wide = [unicodedata.east_asian_width(mark) in "WF" for mark in text]
    changes = sum(one != other for one, other in pairwise(wide))
    return (sum(wide) + (len(wide) - sum(wide)) * 0.58 + changes * 0.3) * 8.5 * 20 + 2 * 60 + 70
