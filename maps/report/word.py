"""The report as a Word file for editing: real styles, tables, captions, links, fields; charts as pictures."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from docx.shared import Mm

from ...geodata.store import replacing
from ..fonts import derive_font, drawing
from . import word_styles as styles
from . import word_text
from .lines import clean
from .model import Bullets, Callout, Chart, Document, Heading, PageBreak, Paragraph, Ref, Span, Spans, Table
from .story import places, texts
from .trace import TRACE
from .word_text import field, paragraph, run, runs

DPI = 220
_PAGE_MM, _MARGIN_MM, _EDGE_MM, _GUTTER_MM = (210, 297), 18, 9, 6
_WIDTH_MM = _PAGE_MM[0] - 2 * _MARGIN_MM
_HALF_MM = (_WIDTH_MM - _GUTTER_MM) / 2
_HIGHEST_MM = 200
"""A chart with its title and note has room on a page."""
_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""Of every file: the same report gives the same bytes."""
_TAB = "<w:r><w:tab/></w:r>"
_NO_MARGINS = (
    f'<w:tblCellMar {word_text.NAMESPACE}><w:left w:w="0" w:type="dxa"/><w:right w:w="0" w:type="dxa"/>'
    "</w:tblCellMar>"
)
_USELESS = ("stylesWithEffects", "thumbnail", "customXml", "webSettings")
"""Parts of python-docx's template that say nothing of a report."""


def write_word(document: Document, path: Path, *, fonts: Path | None = None) -> Path:
    """Write a report as .docx; the same document gives the same bytes.

    Parameters
    ----------
    fonts
        The derived Chinese font of the charts (`maps.fonts.derive_font`). Texts have fonts of the reader's
        machine.

    Returns
    -------
    ``path``.
    """
    writer = _Writer(fonts if fonts is not None else derive_font(texts(document)), places(document))
    writer.write(document)
    saved = BytesIO()
    writer.file.save(saved)
    with replacing(path) as temporary:
        _pack(saved, temporary)
    return path


def _pack(saved: BytesIO, path: Path) -> None:
    """Write the parts of a file again, all with the same time."""
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))


class _Writer:
    """Appends blocks to a file of Word."""

    def __init__(self, font: Path, bookmarks: Mapping[Ref, str]) -> None:
        self.file: Any = docx.Document()
        self._font, self._bookmarks = font, bookmarks
        self._breaks, self._lists = False, 0

    def write(self, document: Document) -> None:
        """Write a whole report."""
        self._prepare(document)
        self._text("Title", (Span(document.title),))
        self._text("Subtitle", (Span(" · ".join(filter(None, (document.subtitle, document.date)))),))
        blocks = list(document.blocks)
        while blocks:
            block = blocks.pop(0)
            if isinstance(block, Chart):
                pairs = block.half and bool(blocks) and isinstance(blocks[0], Chart) and blocks[0].half
                self._charts([block, blocks.pop(0)] if pairs else [block])  # type: ignore[list-item]
            else:
                self._block(block)
        _replace(self.file.part.numbering_part.element, styles.numbering(self._lists))

    def _block(self, block: object) -> None:
        match block:
            case Heading():
                self._text(f"Heading{block.level}", (Span(block.text),))
            case Paragraph():
                self._text("BodyText", block.spans)
            case Bullets():
                self._bullets(block)
            case Table():
                self._table(block)
            case Callout():
                self._text(styles.CALLOUT, block.spans)
            case PageBreak():
                self._breaks = True

    def _prepare(self, document: Document) -> None:
        """Set styles, page, properties, header and footer."""
        for part in (self.file.part, self.file.part.package):
            for name in [name for name, link in part.rels.items() if link.reltype.endswith(_USELESS)]:
                part.rels.pop(name)
        _replace(self.file.styles.element, styles.styles())
        _replace(self.file.settings.element, styles.settings())
        for part in self.file.part.package.iter_parts():
            if part.partname == "/word/fontTable.xml":
                part._blob = styles.font_table().encode()
            elif part.partname == "/word/theme/theme1.xml":
                part._blob = _coloured(part.blob.decode()).encode()
        self._set_properties(document)
        self._set_page(document)

    def _set_properties(self, document: Document) -> None:
        properties = self.file.core_properties
        properties.title, properties.subject, properties.keywords = (
            clean(text, longest=200)
            for text in (document.title, document.subtitle, "; ".join((document.stamp, *document.labels)))
        )
        properties.author = properties.last_modified_by = properties.comments = ""
        properties.language = "zh-CN"
        properties.created = properties.modified = _DATE
        properties.revision = 1

    def _set_page(self, document: Document) -> None:
        """Set A4, the header with title and labels, the footer with stamp, version and page number."""
        section = self.file.sections[0]
        section.page_width, section.page_height = Mm(_PAGE_MM[0]), Mm(_PAGE_MM[1])
        section.left_margin = section.right_margin = Mm(_MARGIN_MM)
        section.top_margin = section.bottom_margin = Mm(_MARGIN_MM)
        section.header_distance = section.footer_distance = Mm(_EDGE_MM)
        section.different_first_page_header_footer = True  # the first page has its title already
        labels = run(Span("  ")).join(
            run(Span(f" {_short(label, 12)} "), styles.LABEL) for label in document.labels[:4]
        )
        for header, title in ((section.first_page_header, ""), (section.header, document.title)):
            _only(header, paragraph("Header", run(Span(_short(title, 40))) + _TAB + _TAB + labels))
        number = (
            f"{run(Span('第 '))}{field('PAGE')}{run(Span(' 页 共 '))}{field('NUMPAGES')}{run(Span(' 页'))}"
        )
        stamp, version = Span(_short(document.stamp, 24), bold=True), Span(_short(document.footer, 50))
        for footer in (section.first_page_footer, section.footer):
            _only(footer, paragraph("Footer", run(stamp) + _TAB + run(version) + _TAB + number))

    def _append(self, xml: str) -> None:
        """Append a paragraph or a table at the end, on a new page where that was asked for."""
        if self._breaks:
            self._breaks = False
            starts = re.match(r"<w:p [^>]*><w:pPr><w:pStyle [^>]*/>", xml)
            if starts:
                xml = f"{starts[0]}<w:pageBreakBefore/>{xml[starts.end() :]}"
            else:
                self._append(paragraph(styles.NOTE, "", look="<w:pageBreakBefore/>"))
        self.file.element.body.sectPr.addprevious(parse_xml(xml))

    def _text(self, style_id: str, spans: Spans, *, look: str = "") -> None:
        if any(clean(span.text).strip() for span in spans):
            self._append(paragraph(style_id, runs(spans, self._bookmarks), look=look))

    def _bullets(self, block: Bullets) -> None:
        look = ""
        if block.numbered and block.items:
            self._lists += 1
            look = f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{styles.NUMBERS + self._lists}"/></w:numPr>'
        for spans in block.items:
            self._text("ListNumber" if block.numbered else "ListBullet", spans, look=look)

    def _table(self, block: Table) -> None:
        self._text("Caption", (Span(block.title),))
        self._append(word_text.table(block, self._bookmarks if block.title == TRACE else {}))
        # a paragraph must stand between two tables, else they become one
        self._append(paragraph(styles.NOTE, run(Span(block.note)) if block.note else ""))

    def _charts(self, charts: list[Chart]) -> None:
        """Draw a chart, or two side by side in a table without lines."""
        if len(charts) == 1:
            chart = charts[0]
            width = _HALF_MM if chart.half else min(_WIDTH_MM, chart.width_mm)
            self._text("Caption", (Span(chart.title),))
            self._append(paragraph(styles.PICTURE, "", look='<w:jc w:val="center"/>'))
            self._picture(self.file.paragraphs[-1], chart, width)
            self._append(paragraph(styles.NOTE, run(Span(chart.note)) if chart.note else ""))
            return
        table = self.file.add_table(rows=1, cols=2)
        table.autofit = False
        table._tbl.tblPr.find(qn("w:tblLayout")).addnext(parse_xml(_NO_MARGINS))
        row = table.rows[0]._tr
        row.get_or_add_trPr().append(parse_xml(f"<w:cantSplit {word_text.NAMESPACE}/>"))
        widths = _HALF_MM + _GUTTER_MM, _HALF_MM
        for column, width, chart in zip(table.columns, widths, charts, strict=True):
            cell = column.cells[0]
            column.width = cell.width = Mm(width)
            first = cell.paragraphs[0]._p
            for style_id, text in (("Caption", chart.title), (styles.PICTURE, ""), (styles.NOTE, chart.note)):
                first.addprevious(parse_xml(paragraph(style_id, run(Span(text)) if text else "")))
            cell._tc.remove(first)
            self._picture(cell.paragraphs[1], chart, _HALF_MM)

    def _picture(self, place: Any, chart: Chart, width_mm: float) -> None:
        """Put the picture of a chart, with what it shows for those who do not see it, into a paragraph."""
        height_mm = min(chart.height_mm * min(1.0, width_mm / chart.width_mm), _HIGHEST_MM)
        pixels = BytesIO()
        with drawing(self._font):
            figure = chart.draw(width_mm, height_mm)
            figure.savefig(pixels, format="png", dpi=DPI, metadata={"Software": None})
        pixels.seek(0)
        shape = place.add_run().add_picture(pixels, width=Mm(width_mm))
        for side in "TBLR":  # without these some programs take a distance of their own
            shape._inline.set(f"dist{side}", "0")
        shape._inline.docPr.set("descr", clean(chart.text, longest=1000))
        shape._inline.docPr.set("title", clean(chart.title, longest=200))


def _replace(element: Any, xml: str) -> None:
    """Replace what a part holds."""
    for child in list(element):
        element.remove(child)
    for child in list(parse_xml(xml)):
        element.append(child)


def _only(area: Any, xml: str) -> None:
    """Make a paragraph the only one of a header or footer."""
    area.is_linked_to_previous = False
    _replace(area._element, f"<w:hdr {word_text.NAMESPACE}>{xml}</w:hdr>")


def _coloured(theme: str) -> str:
    """Give a theme the colours of the style file."""
    for name, colour in styles.theme_colours().items():
        new = f'<a:{name}><a:srgbClr val="{styles.hexadecimal(colour)}"/></a:{name}>'
        theme = re.sub(rf"<a:{name}>.*?</a:{name}>", new, theme, flags=re.DOTALL)
    return theme


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
