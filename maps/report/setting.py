"""How texts are set: their look, the lines of a paragraph, and what draws them.

All lengths are points (1/72 inch); y runs downwards.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple, Protocol

from .. import style
from ..fonts import MISSING
from .lines import RAISED, break_lines, clean
from .model import Align, Chart, Ref, Span

_MOST_STRETCH = 0.07
"""Space put between two characters to make lines end alike, in em: less than a reader, or a search, sees."""
RAISED_SIZE, RAISED_BY = 0.6, 0.34
"""Size of the small numbers behind figures and how high they stand, in em."""
_PLAIN = str.maketrans(RAISED, "0123456789")
_CENTRE = 0.36
"""The baseline below the middle of a line, in em: Chinese characters then stand in its middle."""


class Pen(Protocol):
    """Draws on a page; x and y are those of the page, y downwards."""

    def write(self, x: float, y: float, part: Stretch, look: Look) -> None:
        """Write a stretch of a line with its baseline at y."""

    def number(self, x: float, y: float, part: Stretch, look: Look) -> None:
        """Write the small number behind a figure, on a line with its baseline at y."""

    def rule(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle, thin as a line or large as a ground."""

    def link(self, x: float, y: float, width: float, height: float, ref: Ref) -> None:
        """Make an area lead to where a figure comes from, if it is known there."""

    def anchor(self, y: float, ref: Ref) -> None:
        """Mark where it is said where a figure comes from."""

    def outline(self, y: float, title: str, level: int) -> None:
        """Add an entry to the outline of the document."""

    def chart(self, x: float, y: float, width: float, height: float, chart: Chart) -> None:
        """Draw a chart or map."""


@dataclass(frozen=True)
class Look:
    """How a text is set."""

    size: float
    leading: float
    colour: str = style.INK
    bold: bool = False
    align: Align = "left"
    even: bool = False
    """Lines end alike."""
    indent: float = 0
    before: float = 0
    after: float = 0


@dataclass(frozen=True)
class Stretch:
    """Characters of a line that are written alike."""

    x: float
    width: float
    text: str
    span: Span
    gap: float = 0
    """Space after each character."""
    raised: bool = False
    """Whether it is the small number behind a figure."""


Line = tuple[Stretch, ...]


@cache
def _is_wide(mark: str) -> bool:
    return mark == " " or unicodedata.east_asian_width(mark) in "WF"


def _numbered(span: Span) -> Iterator[Span]:
    yield span
    if span.number > 0:
        digits = "".join(RAISED[int(digit)] for digit in str(span.number))
        yield Span(digits, span.ref, quiet=True)


@dataclass(frozen=True)
class Setter:
    """Sets texts in one font."""

    widths: Mapping[str, float]
    """Width of every character that the font has, in em."""

    def clean(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """Take out of texts what cannot be written."""
        cleaned = (replace(span, text=clean(span.text, known=self._known)) for span in spans)
        if MISSING in self._known:
            return tuple(cleaned)
        return tuple(replace(span, text=span.text.replace(MISSING, "")) for span in cleaned)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.widths)

    def width(self, text: str, size: float) -> float:
        """Width of a clean text."""
        return sum(self.widths[mark] for mark in text) * size

    def lines(self, spans: Sequence[Span], look: Look, room: float) -> tuple[Line, ...]:
        """Set stretches of text as one paragraph, with the small numbers behind their figures.

        Parameters
        ----------
        room
            Width, of which the look's indent is taken away.
        """
        drawn = [(mark, part) for span in self.clean(spans) for part in _numbered(span) for mark in part.text]
        behind = [*(mark for mark, _ in drawn[1:]), ""][: len(drawn)]
        marks = [
            _Mark(mark, self._width(mark, following) * look.size, part, self._is_halved(mark, following))
            for (mark, part), following in zip(drawn, behind, strict=True)
        ]
        text = "".join(mark.text for mark in marks)
        inner = room - look.indent
        broken = break_lines(text, [mark.width for mark in marks], inner)
        return tuple(
            _line(marks[start:end], look, inner, even=look.even and number < len(broken))
            for number, (start, end) in enumerate(broken, start=1)
        )

    def _width(self, mark: str, following: str) -> float:
        plain = mark.translate(_PLAIN)
        size = RAISED_SIZE if plain != mark else 0.5 if self._is_halved(mark, following) else 1
        return self.widths[plain] * size

    def _is_halved(self, mark: str, following: str) -> bool:
        """Tell whether a mark gives up its empty half, since another one follows: 标点挤压 of clreq."""
        pair = (mark in _CLOSING and following in _CLOSING | _OPENING) or (
            mark in _OPENING and following in _OPENING
        )
        return pair and self.widths[mark] == 1


_CLOSING, _OPENING = frozenset("，。、；：）」』】》〉"), frozenset("（「『【《〈")


class _Mark(NamedTuple):
    """One character of a paragraph."""

    text: str
    width: float
    span: Span
    ends: bool
    """Whether what follows it is written by itself: it is narrower than the font says."""


def _line(marks: Sequence[_Mark], look: Look, room: float, *, even: bool) -> Line:
    """Set one line: characters of one span, with the same space or none between them, form a stretch."""
    left = room - sum(mark.width for mark in marks)
    behind = [_is_wide(one.text) or _is_wide(other.text) for one, other in pairwise(marks)] + [False]
    gap = left / sum(behind) if even and any(behind) else 0.0
    if not 0 < gap <= _MOST_STRETCH * look.size:
        gap, behind = 0.0, [False] * len(marks)
    x = look.indent + {"left": 0.0, "center": left / 2, "right": left}[look.align]
    stretches = []
    parts = accumulate((mark.ends for mark in marks[:-1]), initial=0)
    keyed = zip(marks, behind, parts, strict=True)
    for (_, spread, _), group in groupby(keyed, lambda at: (id(at[0].span), at[1], at[2])):
        part = [mark for mark, _, _ in group]
        text, extra = "".join(mark.text for mark in part), gap if spread else 0.0
        width = sum(mark.width for mark in part) + extra * len(part)
        raised = text[0] in RAISED
        stretches.append(Stretch(x, width, text.translate(_PLAIN), part[0].span, extra, raised))
        x += width
    return tuple(stretches)


def draw_lines(pen: Pen, lines: Sequence[Line], look: Look, x: float, y: float) -> None:
    """Draw lines below each other; the height of a line is shared out above and below its letters."""
    for number, line in enumerate(lines):
        top = y + number * look.leading
        baseline = top + look.leading / 2 + look.size * _CENTRE
        for part in line:
            if part.raised:
                pen.number(x + part.x, baseline, part, look)
            else:
                pen.write(x + part.x, baseline, part, look)
            if part.span.ref is not None:
                pen.link(x + part.x, top, part.width, look.leading, part.span.ref)
