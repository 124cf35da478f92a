"""Pages of a dispatch sheet: text flows from the top down, and goes on where a page is full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import style
from .paper import Paper, blank, measure, wrapped

WIDTH, HEIGHT = 210.0, 297.0
"""A4 upright, millimetres."""
LEFT, RIGHT, TOP, BOTTOM = 14.0, 196.0, 285.0, 20.5
"""Edges of the text; below ``BOTTOM`` is the footer of every page."""

_LABEL_MM, _SIZE, _STEP = 16.0, 8.7, 4.0
"""Width of the labels before a text, size in points and step of its lines."""
_MOST_LINES = 4


class Flow:
    """The pages so far, and how far down the last one is filled."""

    def __init__(self, title: str, number: str, labels: Sequence[str], notes: Sequence[str]) -> None:
        self.title, self.number, self.labels, self.notes = title, number, labels, notes
        self.pages: list[Paper] = []
        self.y = 0.0
        self._turn()

    @property
    def paper(self) -> Paper:
        """The page that is being filled."""
        return self.pages[-1]

    def _turn(self) -> None:
        """Begin a page: heading at the top, stamp, labels and notes at the bottom."""
        self.pages.append(blank(WIDTH, HEIGHT))
        paper, first = self.paper, len(self.pages) == 1
        size = 20.0 if first else 12.0
        paper.rectangle(LEFT, TOP + 3, 12, 1.4, facecolor=style.ACCENT, edgecolor="none")
        paper.text(LEFT, TOP - 6, self.title if first else f"{self.title} (续)", size, bold=True)
        paper.text(RIGHT, TOP - 6, f"编号 {self.number or '未登记'}", 10.5, align="right", width=90)
        self.y = TOP - 10.5
        self._foot()

    def _foot(self) -> None:
        paper, x, y = self.paper, LEFT, 11.5
        width = measure(style.STAMP, 10) + 6
        paper.rectangle(x, y, width, 6.6, facecolor="none", edgecolor=style.ACCENT, linewidth=1.2)
        paper.text(x + width / 2, y + 2, style.STAMP, 10, colour=style.ACCENT, align="center", bold=True)
        x += width + 3
        for label in self.labels:
            width = measure(label, 9.5) + 7
            paper.pill(x, y, width, 6.6, facecolor=style.BADGE, edgecolor=style.BADGE_EDGE, linewidth=0.9)
            paper.text(x + width / 2, y + 2.1, label, 9.5, colour=style.BADGE_INK, align="center")
            x += width + 2.5
        shown = wrapped(self.notes[0], 7, RIGHT - x - 2, lines=2)
        for number, line in enumerate(shown):
            paper.text(x + 1, y + 4.2 - 3.4 * number, line, 7, colour=style.QUIET)
        for number, line in enumerate(self.notes[1:3]):
            paper.text(LEFT, 7.4 - 3.2 * number, line, 7, colour=style.QUIET, width=RIGHT - LEFT - 24)

    def number_pages(self) -> None:
        """Write the number of each page, once it is known how many there are."""
        for number, paper in enumerate(self.pages, 1):
            text = f"第 {number} 页, 共 {len(self.pages)} 页"
            paper.text(RIGHT, 7.4, text, 7, colour=style.QUIET, align="right")

    def room(self, height: float) -> None:
        """Begin a new page where less than ``height`` is left; a block higher than a page stays on this."""
        if self.y - height < BOTTOM and self.y < TOP - 11:
            self._turn()

    def heading(self, text: str, *, width: float) -> None:
        """Write a small heading with a line below it."""
        self.room(12)
        self.paper.text(LEFT, self.y - 4.8, text, 10, bold=True)
        self.y -= 6.2
        self.paper.line((LEFT, LEFT + width), (self.y, self.y), color=style.INK, linewidth=0.6)
        self.y -= 1.0

    def text(self, text: str, size: float, *, width: float, lines: int, **look: Any) -> None:
        """Write a text over the whole width."""
        step = size * 0.47
        for line in wrapped(text, size, width, lines=lines):
            self.room(step)
            self.paper.text(LEFT, self.y - step * 0.85, line, size, **look)
            self.y -= step
        self.y -= 1.0

    def row(self, label: str, text: str, *, width: float, colour: str = style.INK) -> None:
        """Write a label and its text, which may take several lines; nothing for an empty text."""
        lines = row_lines(text, width)
        self.room(_STEP * len(lines))
        for number, line in enumerate(lines):
            if not number:
                self.paper.text(LEFT, self.y - 3.2, label, 8, colour=style.QUIET, width=_LABEL_MM - 1)
            self.paper.text(LEFT + _LABEL_MM, self.y - 3.2, line, _SIZE, colour=colour)
            self.y -= _STEP

    def rows(self, rows: Sequence[tuple[str, str]], *, width: float) -> None:
        """Write several rows."""
        for label, text in rows:
            self.row(label, text, width=width)


def row_lines(text: str, width: float) -> list[str]:
    """Break the text of a row into its lines."""
    return wrapped(text, _SIZE, width - _LABEL_MM, lines=_MOST_LINES)


def rows_height(rows: Sequence[tuple[str, str]], width: float) -> float:
    """Millimetres that rows take."""
    return _STEP * sum(len(row_lines(text, width)) for _, text in rows)
