"""From a template to blocks: plain Chinese with figures in braces, in a few signs of Markdown.

``#`` and ``##`` begin headings, ``-`` a line of a list, ``1.`` of a numbered one, ``>`` a box; ``**so**`` is
bold, ``[[name]]`` alone on a line stands for blocks made elsewhere (tables, charts), ``[[page]]`` for a new
page. Lines that follow each other are one paragraph.

What a template puts out in braces never becomes part of the template's own text: it is kept aside and taken
in again as it is. A name cannot be a heading, nor bold, nor anything else but text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, Undefined, pass_context
from jinja2.runtime import Context

from .facts import FORMS, Cell, cell_text
from .model import Block, Bullets, Callout, Heading, PageBreak, Paragraph, Span, Spans

_KEPT = "what_braces_put_out"
_OPEN, _CLOSE = "\ue000", "\ue001"
_TOKEN = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_BLOCK = re.compile(r"\[\[([a-z_]+)\]\]")
_BOLD = re.compile(r"\*\*(.+?)\*\*")


class Kept:
    """What the braces of a template put out, in their order."""

    def __init__(self) -> None:
        self.spans: list[Spans] = []

    def __call__(self, value: Any) -> str:
        """Keep a value and give the token that stands for it."""
        self.spans.append(_spans_of(value))
        return f"{_OPEN}{len(self.spans) - 1}{_CLOSE}"


def _spans_of(value: Any) -> Spans:
    """Make spans of what stands in braces: a figure in one of its forms, a name, or words of the program.

    Raises
    ------
    TypeError
        A number without a form: nobody could find it in the workbook as it is said.
    """
    if isinstance(value, Span):
        return (value,)
    if isinstance(value, tuple):
        return tuple(span for part in value for span in _spans_of(part))
    if isinstance(value, Cell):
        if isinstance(value.value, int | float):
            raise TypeError(f"{value.ref.sheet}!{value.ref.cell}: a number needs a form, such as |people")
        return (value.name(),)
    if isinstance(value, str):
        return (Span(cell_text(value)),)
    if type(value) is Undefined:  # an "if" without "else"; a name that is not there is a StrictUndefined
        return ()
    raise TypeError(f"a template cannot say {type(value).__name__}")


def blocks_of(template: str, context: Mapping[str, Any], made: Mapping[str, Sequence[Block]]) -> list[Block]:
    """Fill a template of the package, and make its blocks.

    Parameters
    ----------
    template
        File name in ``templates``.
    context
        What it may name: rows and cells of the tables, texts.
    made
        The blocks for ``[[name]]``; a name that is not there is an error (KeyError).
    """
    kept = Kept()
    text = _environment().get_template(template).render({**context, _KEPT: kept})
    lines = [line.strip() for line in text.splitlines()]
    found: list[Block] = []
    for kind, group in groupby(_sorted(lines), key=lambda pair: pair[0]):
        texts = [line for _, line in group]
        found += _blocks(kind, texts, kept, made)
    return found


def _read(template: str) -> str:
    return (files(__package__) / "templates" / template).read_text("utf-8")


@cache
def _environment() -> Environment:
    """Make the environment, once; what braces put out goes to the ``Kept`` of each filling.

    Nothing of it goes to a browser: `html` escapes what it writes.
    """
    environment = Environment(
        loader=FunctionLoader(_read),
        finalize=_keep,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 (the text is no HTML)
    )
    environment.filters |= {form: _filter(form) for form in FORMS}
    return environment


@pass_context
def _keep(context: Context, value: Any) -> str:
    kept: Kept = context[_KEPT]
    return kept(value)


def _filter(form: str) -> Callable[[Cell], Span]:
    return lambda cell: cell.span(form)


_SIGNS = {"# ": "heading", "## ": "small", "- ": "list", "1. ": "numbered", "> ": "box"}


def _sorted(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Tell of each line what it is, and what it says; blank lines part paragraphs."""
    paragraph = 0
    for line in lines:
        sign = next((sign for sign in _SIGNS if line.startswith(sign)), "")
        if not line:
            paragraph += 1
        elif block := _BLOCK.fullmatch(line):
            yield "made", block[1]
        else:
            yield _SIGNS.get(sign, f"paragraph {paragraph}"), line.removeprefix(sign)


def _blocks(
    kind: str, texts: Sequence[str], kept: Kept, made: Mapping[str, Sequence[Block]]
) -> Iterator[Block]:
    """Make the blocks of lines of one kind."""
    if kind == "made":
        for name in texts:
            yield from [PageBreak()] if name == "page" else made[name]
    elif kind in ("heading", "small"):
        for text in texts:
            title = "".join(span.text for span in _spans(text, kept))
            yield Heading(title, 1 if kind == "heading" else 2)
    elif kind in ("list", "numbered"):
        yield Bullets(tuple(_spans(text, kept) for text in texts), numbered=kind == "numbered")
    elif kind == "box":
        yield Callout(_spans("".join(texts), kept))
    else:
        yield Paragraph(_spans("".join(texts), kept))


def _spans(text: str, kept: Kept) -> Spans:
    """Split a line into stretches: words of the template, and what it put out in braces."""
    found: list[Span] = []
    for place, part in enumerate(_BOLD.split(text)):
        bold = place % 2 == 1
        for at, piece in enumerate(_TOKEN.split(part)):
            own = kept.spans[int(piece)] if at % 2 else (Span(piece),) if piece else ()
            found += [Span(one.text, one.ref, bold or one.bold, one.quiet) for one in own if one.text]
    return tuple(_joined(found))


def _joined(found: Sequence[Span]) -> Iterator[Span]:
    """Join neighbours of one look that carry no figure."""
    for (ref, bold, quiet), group in groupby(found, key=lambda one: (one.ref, one.bold, one.quiet)):
        own = list(group)
        if ref is None:
            yield Span("".join(one.text for one in own), None, bold, quiet)
        else:
            yield from own
