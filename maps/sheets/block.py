"""A block beside the map, and the blocks of one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .. import palette
from ..fonts import printable
from .canvas import Canvas, width_of
from .table import HEADING, heading


@dataclass(frozen=True)
class Block:
    """A part of the side: so high without its rows, and how many rows it wants and needs."""

    fixed: float
    row: float
    wanted: int
    least: int
    draw: Callable[[Canvas, tuple[float, float], float, int], None]
    """Draws it: canvas, upper left corner, width, number of rows."""

    name: str = ""
    """What the reader knows it by, told where there is no room for it."""

    firm: bool = False
    """Whether it stays when there is no room for all blocks."""

    def height(self, rows: int) -> float:
        """Millimetres that it takes with so many rows."""
        return self.fixed + self.row * rows


def sentence(title: str, note: str, text: str) -> Block:
    """Make a block of one sentence."""

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, _: int) -> None:
        top = heading(canvas, corner, width, title, note)
        canvas.text(corner[0], top - 6, text, 10, kind="table", colour=palette.QUIET, width=width)

    return Block(HEADING - 3 + 8, 0.0, 0, 0, draw, title)


def fitting(canvas: Canvas, spot: tuple[float, float], text: str, room: float) -> None:
    """Write a text of a legend in the largest of a few sizes that fits."""
    shown = printable(text)
    size = next((each for each in (10.0, 9.0, 8.2, 7.4, 6.6) if width_of(shown, each) <= room), 6.6)
    canvas.text(*spot, shown, size, kind="legend", width=room)
