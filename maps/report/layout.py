"""Boxes of a printed page: text, callouts, charts; how high they are and where a page may cut them.

All lengths are points (1/72 inch); y runs downwards from the top of a box.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

from .. import style
from .model import Chart
from .setting import Line, Look, Pen, draw_lines

_FEWEST = 2
"""Lines of a paragraph that stay together at the foot and the head of a page."""
_MOST_KEPT = 6
"""Boxes that stay together at most."""


class Box(Protocol):
    """A part of a page."""

    @property
    def before(self) -> float:
        """Space above it, unless the page begins."""

    @property
    def after(self) -> float:
        """Space below it."""

    @property
    def kept(self) -> bool:
        """Whether it stays on the page of what follows."""

    @property
    def height(self) -> float:
        """Its height."""

    def split(self, room: float) -> tuple[Box, Box] | None:
        """Cut it so that the first part is at most ``room`` high, or tell that it cannot be cut so."""

    def draw(self, pen: Pen, x: float, y: float) -> None:
        """Draw it with its upper left corner at x, y."""


@dataclass(frozen=True)
class Text:
    """A paragraph, a heading or an item of a list."""

    lines: tuple[Line, ...]
    look: Look
    kept: bool = False
    bullet: Line = ()
    """The number left of the first line, or a dot."""
    dotted: bool = False
    title: str = ""
    level: int = -1
    """Level of its entry in the outline; -1 for none."""

    @property
    def before(self) -> float:
        return self.look.before

    @property
    def after(self) -> float:
        return self.look.after

    @property
    def height(self) -> float:
        return len(self.lines) * self.look.leading

    def split(self, room: float) -> tuple[Box, Box] | None:
        """Cut between lines, at least two of them on either side."""
        first = min(int(room / self.look.leading + 1e-6), len(self.lines) - _FEWEST)
        if first < _FEWEST or self.level >= 0:
            return None
        above = replace(self, lines=self.lines[:first], look=replace(self.look, after=0))
        below = replace(
            self, lines=self.lines[first:], bullet=(), dotted=False, look=replace(self.look, before=0)
        )
        return above, below

    def draw(self, pen: Pen, x: float, y: float) -> None:
        if self.level >= 0:
            pen.outline(y, self.title, self.level)
        draw_lines(pen, self.lines, self.look, x, y)
        draw_lines(pen, (self.bullet,), self.look, x, y)
        if self.dotted:
            pen.rule(x + 4, y + self.look.leading / 2 - 1.4, 2.8, 2.8, style.INK)


@dataclass(frozen=True)
class Framed:
    """A paragraph on a ground with a bar at its left: must not be overlooked."""

    text: Box
    width: float
    pad: float = 5
    before: float = 4
    after: float = 7
    kept: bool = False

    @property
    def height(self) -> float:
        return self.text.height + 2 * self.pad

    def split(self, room: float) -> tuple[Box, Box] | None:
        parts = self.text.split(room - 2 * self.pad)
        if parts is None:
            return None
        return replace(self, text=parts[0], after=0), replace(self, text=parts[1], before=0)

    def draw(self, pen: Pen, x: float, y: float) -> None:
        pen.rule(x, y, self.width, self.height, style.BADGE)
        pen.rule(x, y, 2.4, self.height, style.BADGE_EDGE)
        self.text.draw(pen, x + self.pad + 3, y + self.pad)


@dataclass(frozen=True)
class Rule:
    """A line across the page."""

    width: float
    thickness: float
    colour: str
    before: float = 0
    after: float = 0
    kept: bool = True

    @property
    def height(self) -> float:
        return self.thickness

    def split(self, room: float) -> tuple[Box, Box] | None:  # noqa: ARG002
        return None

    def draw(self, pen: Pen, x: float, y: float) -> None:
        pen.rule(x, y, self.width, self.thickness, self.colour)


@dataclass(frozen=True)
class Column:
    """Boxes above each other that stay together, such as a chart between its title and its note."""

    boxes: tuple[Box, ...]
    before: float = 0
    after: float = 0
    kept: bool = False

    @property
    def height(self) -> float:
        return sum(box.height for box in self.boxes) + sum(gaps(self.boxes))

    def split(self, room: float) -> tuple[Box, Box] | None:  # noqa: ARG002
        return None

    def draw(self, pen: Pen, x: float, y: float) -> None:
        for box, gap in zip(self.boxes, (*gaps(self.boxes), 0), strict=True):
            box.draw(pen, x, y)
            y += box.height + gap


@dataclass(frozen=True)
class Row:
    """Boxes side by side, each with its distance from the left."""

    boxes: tuple[tuple[float, Box], ...]
    before: float = 0
    after: float = 0
    kept: bool = False

    @property
    def height(self) -> float:
        return max(box.height for _, box in self.boxes)

    def split(self, room: float) -> tuple[Box, Box] | None:  # noqa: ARG002
        return None

    def draw(self, pen: Pen, x: float, y: float) -> None:
        for offset, box in self.boxes:
            box.draw(pen, x + offset, y)


@dataclass(frozen=True)
class Picture:
    """The drawing of a chart."""

    chart: Chart
    width: float
    height: float
    before: float = 0
    after: float = 0
    kept: bool = True

    def split(self, room: float) -> tuple[Box, Box] | None:  # noqa: ARG002
        return None

    def draw(self, pen: Pen, x: float, y: float) -> None:
        pen.chart(x, y, self.width, self.height, self.chart)


@dataclass(frozen=True)
class Break:
    """The next box begins a page."""

    before: float = 0
    after: float = 0
    kept: bool = False
    height: float = 0

    def split(self, room: float) -> tuple[Box, Box] | None:  # noqa: ARG002
        return None

    def draw(self, pen: Pen, x: float, y: float) -> None:
        """Draw nothing."""


def gaps(boxes: Sequence[Box]) -> list[float]:
    """Space between neighbours: the larger of what either asks for."""
    return [max(upper.after, lower.before) for upper, lower in pairwise(boxes)]


Page = list[tuple[float, Box]]
"""Boxes with the distance of their top from that of the page's text."""


def pages(boxes: Sequence[Box], height: float) -> list[Page]:
    """Fill pages: a box that stays with the next goes with it, one that can be cut fills the page before."""
    result: list[Page] = [[]]
    waiting, y = deque(boxes), 0.0
    while waiting:
        group, page = _group(waiting), result[-1]
        if not isinstance(group[0], Break):
            top = y + (max(page[-1][1].after, group[0].before) if page else 0.0)
            head = sum(box.height for box in group[:-1]) + sum(gaps(group))
            room = height - top - head
            parts = group[-1].split(room) if group[-1].height > room + 1e-6 else None
            if group[-1].height <= room + 1e-6 or (not page and parts is None):
                y = _place(page, group, top)
                continue
            if parts is None:
                waiting.extendleft(reversed(group))
            else:
                _place(page, [*group[:-1], parts[0]], top)
                waiting.appendleft(parts[1])
        if page:
            result.append([])
        y = 0.0
    return [page for page in result if page] or [[]]


def _place(page: Page, group: Sequence[Box], top: float) -> float:
    """Put boxes on a page below each other; return where the last one ends."""
    for box, gap in zip(group, [*gaps(group), 0.0], strict=True):
        page.append((top, box))
        top += box.height + gap
    return top


def _group(waiting: deque[Box]) -> list[Box]:
    """Take the next box with those it must not be parted from, at most a handful."""
    group = [waiting.popleft()]
    while group[-1].kept and waiting and not isinstance(waiting[0], Break) and len(group) < _MOST_KEPT:
        group.append(waiting.popleft())
    return group
