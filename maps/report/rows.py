"""Tables on printed pages: columns that tear no figure, rows never cut, the header again on every page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from .. import style
from .layout import Box
from .lines import clean, pieces
from .model import Ref, Span, Table
from .setting import Line, Look, Pen, Setter, draw_lines

_PAD_X, _PAD_Y = 4.5, 1.9
_MOST_LINES = 10
"""Lines of a cell; what a hostile text has beyond them is cut with …"""
_FEWEST = 2
"""Rows that stay together at the foot and the head of a page."""
_NARROWEST = 8
"""No column is narrower than the widest by more than this factor."""
_SHORT = 6
"""Texts of so many characters stand on one line."""
_LONG = 14
"""Longer words, such as addresses on the web, may be broken."""
CONTINUED = Span(" (续)", quiet=True)

_WHOLE, _WHOLE_HEIGHT = 8, 300
"""Tables of so few rows, and no higher, are not cut at all."""
NOTHING = (Span("(无)", quiet=True),)
"""Said in a table without rows."""

Cells = tuple[tuple[Line, ...], ...]
"""The lines of each cell of a row."""


@dataclass(frozen=True)
class Rows:
    """A table or the part of one that stands on a page."""

    widths: tuple[float, ...]
    """Of the columns."""
    looks: tuple[Look, ...]
    """Of the columns' cells."""
    title: tuple[Line, ...]
    again: tuple[Line, ...]
    """The title on later pages."""
    title_look: Look
    head: Cells
    body: tuple[Cells, ...]
    note: tuple[Line, ...]
    note_look: Look
    refs: tuple[tuple[Ref, ...], ...] = ()
    """Of each row, the figures whose origin it tells; empty where the table tells none."""
    ends: bool = True
    """Whether the table ends on this page."""
    before: float = 5
    after: float = 8
    kept: bool = False

    @property
    def height(self) -> float:
        return self._fixed + sum(map(self._row_height, self.body)) + self._note_height

    @property
    def _fixed(self) -> float:
        """Height of the title and the header."""
        return (
            len(self.title) * self.title_look.leading + (3 if self.title else 0) + self._row_height(self.head)
        )

    @property
    def _note_height(self) -> float:
        return len(self.note) * self.note_look.leading + (3 if self.note else 0)

    def _row_height(self, cells: Cells) -> float:
        return max(1, *map(len, cells)) * self.looks[0].leading + 2 * _PAD_Y

    def split(self, room: float) -> tuple[Box, Box] | None:
        """Cut between rows, at least two of them on either side; the note goes with the last."""
        ends = accumulate(map(self._row_height, self.body), initial=self._fixed)
        fitting = sum(end <= room for end in ends) - 1
        count = min(fitting, len(self.body) - _FEWEST)
        if count < _FEWEST or (len(self.body) <= _WHOLE and self.height <= _WHOLE_HEIGHT):
            return None
        above = replace(self, body=self.body[:count], refs=self.refs[:count], note=(), ends=False, after=0)
        below = replace(self, title=self.again, body=self.body[count:], refs=self.refs[count:], before=0)
        return above, below

    def draw(self, pen: Pen, x: float, y: float) -> None:
        """Draw rules above and below, a hair line between rows, no lines between columns."""
        width = sum(self.widths)
        draw_lines(pen, self.title, self.title_look, x, y)
        y += len(self.title) * self.title_look.leading + (3 if self.title else 0)
        head = self._row_height(self.head)
        pen.rule(x, y, width, head, style.GROUND)
        pen.rule(x, y, width, 0.9, style.INK)
        self._draw_row(pen, self.head, x, y, bold=True)
        y += head
        pen.rule(x, y, width, 0.5, style.INK)
        for number, cells in enumerate(self.body):
            for ref in self.refs[number] if self.refs else ():
                pen.anchor(y, ref)
            if number:
                pen.rule(x, y, width, 0.4, style.GRID)
            self._draw_row(pen, cells, x, y, bold=False)
            y += self._row_height(cells)
        pen.rule(x, y, width, 0.9 if self.ends else 0.4, style.INK)
        draw_lines(pen, self.note, self.note_look, x, y + 3)

    def _draw_row(self, pen: Pen, cells: Cells, x: float, y: float, *, bold: bool) -> None:
        for lines, width, look in zip(cells, self.widths, self.looks, strict=True):
            draw_lines(pen, lines, replace(look, bold=bold), x + _PAD_X, y + _PAD_Y)
            x += width


def table_box(
    table: Table, setter: Setter, room: float, *, cell: Look, title: Look, note: Look, anchors: bool
) -> Rows:
    """Set a table at the full width of the text.

    Parameters
    ----------
    anchors
        Whether its rows are where links of figures lead to.
    """
    count = len(table.headers)
    looks = tuple(replace(cell, align=align) for align in table.aligns)

    def width_of(text: str) -> float:
        return setter.width(setter.clean([Span(text)])[0].text, cell.size) + 2 * _PAD_X + 0.5

    widths = column_widths(table, width_of, room)
    inner = [width - 2 * _PAD_X for width in widths]

    def cells(spans: Sequence[Span]) -> Cells:
        return tuple(_bounded(setter, spans[at : at + 1], looks[at], inner[at]) for at in range(count))

    caption = Span(table.title, bold=True)
    refs = tuple(tuple(span.ref for span in row if span.ref is not None) for row in table.rows)
    return Rows(
        widths=tuple(widths),
        looks=looks,
        title=setter.lines([caption], title, room)[:_MOST_LINES],
        again=setter.lines([caption, CONTINUED], title, room)[:_MOST_LINES],
        title_look=title,
        head=cells([Span(text) for text in table.headers]),
        body=tuple(map(cells, table.rows or [NOTHING])),
        note=setter.lines([Span(table.note)], note, room)[:_MOST_LINES],
        note_look=note,
        refs=refs if anchors else (),
    )


def _bounded(setter: Setter, spans: Sequence[Span], look: Look, room: float) -> tuple[Line, ...]:
    """Set a cell; a row that is higher than a page could not be printed."""
    lines = setter.lines(spans, look, room)
    if len(lines) <= _MOST_LINES:
        return lines
    last = lines[_MOST_LINES - 1]
    tail = replace(last[-1], text=f"{last[-1].text[:-1]}…")
    return (*lines[: _MOST_LINES - 1], (*last[:-1], tail))


def column_widths(table: Table, width_of: Callable[[str], float], room: float) -> list[float]:
    """Share out the width as the table asks for, but give each column the room of its widest word.

    A figure with its unit is one word. Where the widest words have no room together, they are broken.

    Parameters
    ----------
    width_of
        Width of a text, in the unit of ``room``, with what stands left and right of it in a cell.
    """
    most = room / len(table.headers) * 1.5
    figures = [_widest({row[at].text for row in table.rows}, width_of) for at in range(len(table.headers))]
    headers = [_widest({header}, width_of) for header in table.headers]
    least = [min(most, max(pair)) for pair in zip(figures, headers, strict=True)]
    if sum(least) > room:  # then rather headers are broken than figures
        least = [min(most, width) for width in figures]
    widest = max(table.widths) if max(table.widths) > 0 else 1.0
    wanted = [max(share, widest / _NARROWEST) for share in table.widths]
    widths = [share * room / sum(wanted) for share in wanted]
    for _ in widths:  # each round settles at least one column, or none is too narrow
        tight = [at for at, width in enumerate(widths) if width <= least[at]]
        free = [at for at in range(len(widths)) if at not in tight]
        left, asked = room - sum(least[at] for at in tight), sum(wanted[at] for at in free)
        if not free or left <= 0:
            break
        widths = [least[at] if at in tight else left * wanted[at] / asked for at in range(len(widths))]
    return [width * room / sum(widths) for width in widths]


def _widest(texts: Collection[str], width_of: Callable[[str], float]) -> float:
    """Width of the widest word of some texts; a short text is one, such as a header or a name."""
    words = {
        word
        for text in texts
        for word in ((text,) if len(text) <= _SHORT else pieces(clean(text, longest=400)))
    }
    return max((width_of(word) for word in words if len(word) <= _LONG), default=0.0)
