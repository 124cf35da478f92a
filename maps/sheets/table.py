"""Tables of a sheet: as wide as their texts need, in smaller letters before anything is cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import palette
from ..fonts import printable
from ..paper import Align
from .canvas import Canvas, width_of

ROW, HEAD, HEADING, NOTE = 7.3, 5.0, 11.2, 4.6
"""Millimetres of a row, of the line of column heads, of a heading with the space above, and of a note."""

_SIZES = (10.0, 9.4, 8.8, 8.2, 7.6, 7.0)
_HEAD_SIZE = 8.0
_GAP = 3.5
_MARK = 8.0
"""Millimetres of the column with the numbered signs."""

Mark = Callable[[Canvas, float, float, int], None]
"""Draws the sign of a row, given the middle of its place and the number of the row."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    head: str
    texts: Sequence[str]
    align: Align = "left"
    colour: str = palette.INK
    cut: bool = False
    """Whether its texts may be cut where nothing else helps."""
    bar: Sequence[tuple[float, float]] | None = None
    """Bars in place of texts: for each row the shares of the width that the pale and the full one take."""

    def width(self, size: float) -> float:
        """Millimetres that its texts need."""
        if self.bar is not None:
            return 14.0
        return max((width_of(printable(text), size) for text in self.texts), default=0.0)


def heading(canvas: Canvas, corner: tuple[float, float], width: float, text: str, note: str = "") -> float:
    """Write the heading of a block with a line below it; returns where the block goes on."""
    (x, y) = corner
    base = y - 6.0
    used = canvas.text(x, base, text, 11.5, kind="heading", bold=True)
    room = width - used - 3
    size = next((each for each in (8.0, 7.4, 6.8) if width_of(printable(note), each) <= room), 6.8)
    canvas.text(x + used + 3, base, note, size, kind="heading", colour=palette.QUIET, width=room)
    canvas.line((x, x + width), (base - 2.2, base - 2.2), color=palette.INK, linewidth=0.8)
    return base - 2.2


def draw_table(
    canvas: Canvas,
    corner: tuple[float, float],
    width: float,
    columns: Sequence[Column],
    *,
    mark: Mark | None = None,
    row: float = ROW,
    notes: Sequence[str] = (),
    ruled: int = -1,
) -> float:
    """Draw a table with its upper left corner at a point; returns its lower edge.

    Parameters
    ----------
    notes
        A further line of small letters below each row, which then must be `NOTE` higher.
    ruled
        Number of the row above which a strong line stands, such as the first of the sums.
    """
    x, y = corner
    inner = x + (_MARK if mark is not None else 0.0)
    size, widths = _widths(columns, x + width - inner, row)
    base = y - HEAD + 0.6
    headed = any(column.head for column in columns)
    at = inner
    lefts = []
    for column, wide in zip(columns, widths, strict=True):
        lefts.append(at)
        if column.head:
            canvas.text(
                at + _anchor(column.align, wide), base, column.head, _HEAD_SIZE, kind="table",
                colour=palette.QUIET, align=column.align,
            )  # fmt: skip
        at += wide + _GAP
    top = y - HEAD if headed else y
    count = max((len(column.texts) for column in columns), default=0)
    for number in range(count):
        low = top - row * (number + 1)
        line = low + row - 5.1 if notes else low + (row - 7.3) / 2 + 2.2
        if mark is not None:
            mark(canvas, x + 2.6, line + 1.3, number)
        for column, left, wide in zip(columns, lefts, widths, strict=True):
            _cell(canvas, column, number, (left, line), (wide, size))
        if notes:
            text = printable(notes[number])
            small = next((each for each in (8.0, 7.4, 6.8, 6.2) if width_of(text, each) <= width - 2), 6.0)
            canvas.text(x + 2, line - 4.6, text, small, kind="table", colour=palette.QUIET, width=width - 2)
        strong = number + 1 == ruled
        look = (palette.INK, 0.8) if strong else (palette.HAIR, 0.5)
        canvas.line((x, x + width), (low, low), color=look[0], linewidth=look[1])
    return top - row * count


def _cell(
    canvas: Canvas, column: Column, number: int, spot: tuple[float, float], room: tuple[float, float]
) -> None:
    (left, line), (wide, size) = spot, room
    if column.bar is None:
        text, at = column.texts[number], left + _anchor(column.align, wide)
        look = {"kind": "table", "colour": column.colour, "align": column.align}
        canvas.text(at, line, text, size, width=wide + 0.05, **look)  # type: ignore[arg-type]
        return
    pale, full = column.bar[number]
    canvas.rectangle(left, line - 0.3, wide, 3.4, facecolor=palette.TRACK)
    canvas.rectangle(
        left,
        line - 0.3,
        wide * min(max(full, 0.0), 1.0),
        3.4,
        facecolor=column.colour if column.colour != palette.INK else palette.BAR,
    )
    if pale >= 0:
        at = left + wide * min(pale, 1.0)
        canvas.line((at, at), (line - 0.9, line + 3.7), color=palette.INK, linewidth=1.1)


def _anchor(align: Align, width: float) -> float:
    return {"left": 0.0, "center": width / 2, "right": width}[align]


def _widths(columns: Sequence[Column], room: float, row: float) -> tuple[float, list[float]]:
    """Choose the size of the letters and the width of each column; what is left goes between them."""
    spare = room - _GAP * (len(columns) - 1)
    largest = [size for size in _SIZES if size <= row * 1.45] or [_SIZES[-1]]
    for size in largest:
        widths = [max(column.width(size), width_of(column.head, _HEAD_SIZE)) for column in columns]
        if sum(widths) <= spare:
            return size, _spread(columns, widths, spare)
    over = sum(widths) - spare
    loose = [number for number, column in enumerate(columns) if column.cut] or list(range(len(columns)))
    total = sum(widths[number] for number in loose)
    for number in loose:
        widths[number] -= over * widths[number] / total
    return size, widths


def _spread(columns: Sequence[Column], widths: list[float], spare: float) -> list[float]:
    """Give what is left to the bars, else to the columns that stand at the left."""
    loose = [number for number, column in enumerate(columns) if column.bar is not None]
    loose = loose or [number for number, column in enumerate(columns) if column.align == "left"] or [0]
    more = (spare - sum(widths)) / len(loose)
    return [width + (more if number in loose else 0.0) for number, width in enumerate(widths)]
