"""A report as one HTML file: no script, nothing from outside, read on a phone and printed on A4.

A figure shows its place in the workbook when it is pointed at or has the focus, and links to its row in the
table of the figures' places; printed, it carries the number of that row.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader
from markupsafe import Markup

from ...geodata.store import write_text
from .. import fonts, style
from .model import Block, Bullets, Callout, Chart, Document, Heading, PageBreak, Paragraph, Span, Table
from .trace import TRACE, all_spans

if TYPE_CHECKING:
    from pathlib import Path


def write_html(document: Document, path: Path, *, font: Path | None = None) -> Path:
    """Write a report as an HTML file, whole or not at all; the same document gives the same bytes.

    Parameters
    ----------
    path
        Its folder must be there.
    font
        The derived Chinese font (`fonts.derive_font`); by default made for the texts of the report. Charts
        are outlines of it, and the page brings the characters that it uses, for machines without any.
    """
    texts = _texts(document)
    font = fonts.derive_font(texts) if font is None else font
    environment = Environment(
        autoescape=True, loader=FunctionLoader(_read), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["spans"] = _spans
    page = environment.get_template("report.html.j2").render(
        document=document,
        blocks=[*_shown(document.blocks, font)],
        variables=Markup(style.css_variables()),  # noqa: S704 (of our own)
        css=Markup(_read("report.css")),  # noqa: S704
        paged=Markup(_paged(document)),  # noqa: S704 (escaped)
        font_face=Markup(_font_face(texts, font)),  # noqa: S704
    )
    write_text(path, page + "\n")
    path.chmod(0o644)
    return path


def _paged(document: Document) -> str:
    """Write stamp and labels into the margin of every printed page, and its number."""
    left, right = _quoted(" · ".join((document.stamp, *document.labels))), _quoted(document.footer)
    look = "font-size:7.5pt;color:var(--quiet);font-family:var(--fonts)"
    return (
        f"@page{{@bottom-left{{content:{left};{look}}}@bottom-center{{content:{right};{look}}}"
        f'@bottom-right{{content:counter(page) " / " counter(pages);{look}}}}}'
    )


def _quoted(text: str) -> str:
    """Write a text as a string of CSS: all but letters and digits by their number."""
    return '"' + "".join(mark if mark.isalnum() else f"\\{ord(mark):06x}" for mark in text) + '"'


def _read(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text("utf-8")


def _texts(document: Document) -> list[str]:
    """List all that is written."""
    texts = [document.title, document.subtitle, document.stamp, document.date, document.footer]
    texts += document.labels
    for block in document.blocks:
        match block:
            case Heading():
                texts.append(block.text)
            case Table():
                texts += [block.title, block.note, *block.headers]
            case Chart():
                texts += [block.title, block.note, block.text]
            case _:
                pass
    return texts + [span.text for span in all_spans(document.blocks)]


def _spans(spans: Sequence[Span]) -> Markup:
    """Write spans; a figure of running text leads to its row in the table of the figures' places."""
    return Markup("").join(_span(span) for span in spans)


def _span(span: Span) -> Markup:
    text = Markup("{}").format(span.text)
    if span.bold:
        text = Markup("<strong>{}</strong>").format(text)
    if span.quiet:
        text = Markup('<span class="quiet">{}</span>').format(text)
    if span.ref is None:
        return text
    where = f"附表“{span.ref.sheet}” {span.ref.cell}"
    if not span.number:
        return Markup('<span title="{}">{}</span>').format(where, text)
    return Markup('<a class="fact" href="#f{}" data-at="{}">{}<sup>{}</sup></a>').format(
        span.number, where, text, f"[{span.number}]"
    )


def _shown(blocks: Sequence[Block], font: Path) -> Iterator[dict[str, Any]]:
    """Say what the template writes for each block: half charts by twos, sections by their headings."""
    beside: Chart | None = None
    for number, block in enumerate(blocks):
        after = blocks[number + 1] if number + 1 < len(blocks) else None
        if block is beside:
            continue
        if not isinstance(block, Chart):
            yield {"kind": _KINDS[type(block)], "block": block, "trace": _is_trace(block)}
            continue
        beside = after if block.half and isinstance(after, Chart) and after.half else None
        drawn = [
            {"block": each, "svg": Markup(_svg(each, font, f"c{number}{letter}-"))}  # noqa: S704 (of our own)
            for letter, each in zip("ab", (block, beside), strict=False)
            if each is not None
        ]
        look = "two" if beside else "one" if block.half else "whole"
        yield {"kind": "charts", "charts": drawn, "look": look}


_KINDS = {
    Heading: "heading",
    Paragraph: "paragraph",
    Bullets: "bullets",
    Callout: "callout",
    PageBreak: "break",
    Table: "table",
}


def _is_trace(block: Block) -> bool:
    return isinstance(block, Table) and block.title == TRACE


def _svg(chart: Chart, font: Path, prefix: str) -> str:
    """Draw a chart as outlines, its names made its own by a prefix."""
    import matplotlib as mpl  # noqa: PLC0415 (it is slow to import)

    with fonts.drawing(font), mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "boai"}):
        figure = chart.draw(chart.width_mm, chart.height_mm)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"(?s)<metadata>.*?</metadata>\s*", "", text[text.index("<svg") :])
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}", text)
    return text.replace("<svg", '<svg role="presentation" focusable="false"', 1).strip()


def _font_face(texts: Sequence[str], font: Path) -> str:
    """Bring the characters of a report as a font, for machines that have no Chinese one."""
    from fontTools import subset  # noqa: PLC0415 (it is slow to import)

    options = subset.Options(flavor="woff", layout_features=[], notdef_outline=True, hinting=False)
    wanted = "".join(sorted(set("".join(texts)) | set(map(chr, range(0x20, 0x7F)))))
    buffer = io.BytesIO()
    with subset.load_font(str(font), options) as own:
        chosen = subset.Subsetter(options)
        chosen.populate(text=wanted)
        chosen.subset(own)
        subset.save_font(own, buffer, options)
    content = base64.b64encode(buffer.getvalue()).decode()
    source = f'url(data:font/woff;base64,{content}) format("woff")'
    return f'@font-face{{font-family:"{fonts.FAMILY}";src:{source}}}'
