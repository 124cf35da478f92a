"""The report as PDF for printing: A4, one embedded Chinese font, charts as vectors, bookmarks and links.

Lines and pages are made by this package and not by reportlab's own paragraphs and tables: those let marks
begin a line of Chinese, tear figures from their units, and know one weight of a font.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from ...geodata.store import replacing
from .. import style
from ..fonts import MISSING, derive_font, drawing
from .layout import Page, pages
from .lines import clean
from .model import Align, Chart, Document, Ref, Span
from .setting import RAISED_BY, RAISED_SIZE, Look, Setter, Stretch, draw_lines
from .story import BOTTOM, HEIGHT, LEFT, MM, PAGE_HEIGHT, PAGE_WIDTH, TOP, WIDTH, boxes, places, texts
from .vectors import draw_figure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BOLD = 0.032
"""Width of the line drawn around bold letters, in em: the font has one weight."""
_FINE = Look(7.6, 10, style.QUIET)
_BADGE = Look(7.6, 11.5, style.BADGE_INK)


def write_pdf(document: Document, path: Path, *, fonts: Path | None = None) -> Path:
    """Write a report as PDF; the same document gives the same bytes.

    Parameters
    ----------
    fonts
        The derived Chinese font (`maps.fonts.derive_font`); without it, one that holds the report's
        characters. What it lacks is printed as 〓.

    Returns
    -------
    ``path``.
    """
    font = fonts if fonts is not None else derive_font(texts(document))
    name, widths = _load_font(font)
    setter = Setter(widths)
    laid = pages(list(boxes(document, setter)), HEIGHT)
    canvas = _canvas(document, name)
    pen = _Pen(canvas, font, places(document))
    for number, page in enumerate(laid, start=1):
        _draw_page(pen, setter, document, page, (number, len(laid)))
        canvas.showPage()
    with replacing(path) as temporary:
        temporary.write_bytes(canvas.getpdfdata())
    return path


class _Font(TTFont):  # type: ignore[misc]
    """A font whose rare characters, those beyond U+FFFF, can be found and copied too."""

    def addObjects(self, doc: Any) -> None:  # noqa: N802
        """Add the font to a document; reportlab writes such a character as one number, PDF wants two."""
        super().addObjects(doc)
        for name, part in doc.idToObject.items():
            if name.startswith("toUnicodeCMap:"):
                part.content = re.sub(r"<([0-9A-F]{5,6})>", _as_pair, part.content)


def _as_pair(found: re.Match[str]) -> str:
    return f"<{chr(int(found[1], 16)).encode('utf-16-be').hex().upper()}>"


@lru_cache(maxsize=4)
def _load_font(path: Path) -> tuple[str, Mapping[str, float]]:
    """Give reportlab the font; return the name that it has there and the widths of its characters in em."""
    font = _Font(path.stem, str(path))
    font.face.name = path.stem.encode()  # reportlab takes fonts of one name for the same, whatever they hold
    pdfmetrics.registerFont(font)
    widths = {chr(code): width / 1000 for code, width in font.face.charWidths.items()}
    return path.stem, {mark: width for mark, width in widths.items() if mark.isprintable()}


def _canvas(document: Document, font: str) -> Any:
    title, subtitle, creator = (
        clean(text, longest=200) for text in (document.title, document.subtitle, document.footer)
    )
    canvas = Canvas(
        "report.pdf",
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        pageCompression=1,
        invariant=1,  # no date, and an id made of what the file holds
        initialFontName=font,
        lang="zh-CN",
    )
    canvas.setTitle(title)
    canvas.setSubject(subtitle)
    canvas.setAuthor("")
    canvas.setCreator(creator or "boai")
    canvas.setKeywords([document.stamp, *document.labels])
    canvas.setViewerPreference("DisplayDocTitle", "true")
    canvas.showOutline()
    return canvas


def _draw_page(pen: _Pen, setter: Setter, document: Document, page: Page, number: tuple[int, int]) -> None:
    """Draw one page: its text, and around it the labels, the stamp and the number."""
    for y, box in page:
        box.draw(pen, LEFT, TOP + y)
    _draw_head(pen, setter, document, first=number[0] == 1)
    foot = PAGE_HEIGHT - BOTTOM + 5.5 * MM
    pen.rule(LEFT, foot - 3, WIDTH, 0.4, style.GRID)
    folio = f"第 {number[0]} 页 共 {number[1]} 页"
    parts: tuple[tuple[Align, str, float], ...] = (
        ("left", document.stamp, 0.25),
        ("center", document.footer, 0.48),
        ("right", folio, 0.25),
    )
    for align, text, share in parts:
        look = replace(_FINE, align=align, bold=align == "left")
        line = _fit(setter, text, look, WIDTH * share)
        draw_lines(pen, setter.lines([Span(line)], look, WIDTH), look, LEFT, foot)


def _draw_head(pen: _Pen, setter: Setter, document: Document, *, first: bool) -> None:
    """Draw the labels on badges at the right and, from the second page on, the title."""
    top, right = 9 * MM, LEFT + WIDTH
    for label in reversed(document.labels):
        line = _fit(setter, label, _BADGE, WIDTH / 4)
        width = setter.width(line, _BADGE.size) + 8
        pen.badge(right - width, top, width, _BADGE.leading)
        draw_lines(pen, setter.lines([Span(line)], _BADGE, WIDTH), _BADGE, right - width + 4, top)
        right -= width + 5
    if not first:
        line = _fit(setter, document.title, _FINE, right - LEFT - 10)
        draw_lines(pen, setter.lines([Span(line)], _FINE, WIDTH), _FINE, LEFT, top + 0.7)


def _fit(setter: Setter, text: str, look: Look, room: float) -> str:
    """Clean a text and shorten it to a width."""
    shown = setter.clean([Span(text.strip())])[0].text
    if setter.width(shown, look.size) <= room:
        return shown
    while shown and setter.width(f"{shown}…", look.size) > room:
        shown = shown[:-1]
    return f"{shown}…"


class _Pen:
    """Draws on a canvas of reportlab, whose y runs upwards."""

    def __init__(self, canvas: Any, font: Path, keys: Mapping[Ref, str]) -> None:
        self._canvas, self._font, self._keys = canvas, font, keys
        self._name, self._widths = _load_font(font)
        self._entries = 0

    def write(self, x: float, y: float, part: Stretch, look: Look) -> None:
        colour = style.QUIET if part.span.quiet else look.colour
        bold = look.bold or part.span.bold
        self._text(x, PAGE_HEIGHT - y, part.text, look.size, bold=bold, gap=part.gap, colour=colour)

    def number(self, x: float, y: float, part: Stretch, look: Look) -> None:
        """Write a small number so that it is read, but not found or copied as more digits of the figure."""
        self._canvas.addLiteral("/Span <</ActualText <FEFF>>> BDC")
        y = PAGE_HEIGHT - y + look.size * RAISED_BY
        self._text(x, y, part.text, look.size * RAISED_SIZE, bold=False, colour=style.QUIET)
        self._canvas.addLiteral("EMC")

    def _text(
        self, x: float, y: float, text: str, size: float, *, bold: bool, gap: float = 0, colour: str = ""
    ) -> None:
        """Write a text, in the colours that are set where none is given."""
        canvas = self._canvas
        canvas.saveState()
        if colour:
            canvas.setFillColor(colour)
            canvas.setStrokeColor(colour)
        line = canvas.beginText(x, y)
        line.setFont(self._name, size)
        if bold:
            canvas.setLineWidth(size * _BOLD)
            line.setTextRenderMode(2)
        if gap:
            line.setCharSpace(gap)
        line.textOut(text)
        canvas.drawText(line)
        canvas.restoreState()

    def rule(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        self._canvas.setFillColor(colour)
        self._canvas.rect(x, PAGE_HEIGHT - y - height, width, height, stroke=0, fill=1)

    def badge(self, x: float, y: float, width: float, height: float) -> None:
        """Draw the ground and the edge of a label."""
        self._canvas.setFillColor(style.BADGE)
        self._canvas.setStrokeColor(style.BADGE_EDGE)
        self._canvas.setLineWidth(0.6)
        self._canvas.rect(x, PAGE_HEIGHT - y - height, width, height, stroke=1, fill=1)

    def link(self, x: float, y: float, width: float, height: float, ref: Ref) -> None:
        if ref in self._keys:
            bottom = PAGE_HEIGHT - y - height
            area = (x, bottom, x + width, bottom + height)
            self._canvas.linkRect("", self._keys[ref], area, relative=0, thickness=0)

    def anchor(self, y: float, ref: Ref) -> None:
        if ref in self._keys:
            self._canvas.bookmarkPage(self._keys[ref], fit="XYZ", left=0, top=PAGE_HEIGHT - y + 10, zoom=0)

    def outline(self, y: float, title: str, level: int) -> None:
        self._entries += 1
        key = f"heading{self._entries}"
        self._canvas.bookmarkPage(key, fit="XYZ", left=0, top=PAGE_HEIGHT - y + 10, zoom=0)
        self._canvas.addOutlineEntry(title, key, level=level)

    def chart(self, x: float, y: float, width: float, height: float, chart: Chart) -> None:
        canvas = self._canvas
        canvas.saveState()
        canvas.translate(x, PAGE_HEIGHT - y - height)
        with drawing(self._font):
            figure = chart.draw(width / MM, height / MM)
            draw_figure(figure, canvas, write=self._write_in_chart, paint=self._paint)
        canvas.restoreState()

    def _write_in_chart(self, text: str, size: float, bold: bool) -> None:
        shown = "".join(mark if mark in self._widths else MISSING for mark in text)
        self._text(0, 0, shown, size, bold=bold)

    def _paint(self, image: NDArray[np.uint8]) -> None:
        self._canvas.drawImage(ImageReader(Image.fromarray(image)), 0, 0, 1, 1, mask="auto")
