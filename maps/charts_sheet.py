"""The sheet of a chart: title, unit, footer and what is left for the drawing, in millimetres of paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from . import style, words
from .paper import POINTS_PER_MM, Align, Paper, blank, fitted, measure, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..geodata.layers import Kind
    from ..scenarios.run import Result
    from ..scenarios.world import World

HALF = (85.0, 60.0)
"""Width and height of a chart that stands beside another on an A4 page, millimetres."""
ALONE = (180.0, 115.0)
"""Those of a chart in a file of its own: a slide, half a page of A4."""

_PAD, _STEP = 2.0, 1.32
"""Margin of the sheet in millimetres at scale 1, and the step of lines as a share of their size."""
_SMALLEST, _LARGEST = 0.9, 1.9


@dataclass(frozen=True)
class Foot:
    """What stands below a chart that leaves the report: stamp, labels, sources, and what it was made from."""

    stamp: str
    labels: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def foot_of(world: World, results: Sequence[Result], kind: Kind | None, stamp: str = style.STAMP) -> Foot:
    """Collect the footer of a chart of one layer, or of all (``kind`` None)."""
    kinds = list(results[0].covers) if kind is None else [kind]
    pairs = [(result, each) for result in results for each in kinds if each in result.covers]
    labels = [label for pair in pairs for label in words.labels(world, *pair)]
    wanted = ("居民", "站点", "路网", "标准", "注意") if kind is not None else ("居民", "站点", "路网")
    told: dict[str, dict[str, None]] = {}
    for text in chain.from_iterable(words.sources(world, *pair) for pair in pairs):
        word, _, rest = text.partition(": ")
        parts = rest.split("、") if word == "站点" else [rest]
        told.setdefault(word, {}).update(dict.fromkeys(parts))
    sources = [f"{word}: {'、'.join(parts)}" for word, parts in told.items() if word in wanted]
    made = (
        f"结果 {'、'.join(result.key[:8] for result in results)}; boai {world.hashes.get('boai', '')}".strip()
    )
    return Foot(stamp, tuple(dict.fromkeys(labels)), (*sources, made))


@dataclass(frozen=True)
class Box:
    """A rectangle on the paper, millimetres."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom


@dataclass(frozen=True)
class Sheet:
    """The paper of a chart and what is still free on it."""

    paper: Paper
    scale: float
    """Of texts and lines: 1 on a sheet of the size ``HALF``."""
    free: Box

    @property
    def figure(self) -> Figure:
        return self.paper.figure

    def points(self, name: str) -> float:
        """Size of a text in points, by its name in ``style.CHART_SIZES``."""
        return style.CHART_SIZES[name] * self.scale

    def high(self, name: str) -> float:
        """Height of a line of text in millimetres."""
        return self.points(name) / POINTS_PER_MM

    def step(self, name: str) -> float:
        """Distance of two lines of text in millimetres."""
        return self.high(name) * _STEP

    def wide(self, text: str, name: str) -> float:
        """Width of a text in millimetres."""
        return measure(text, self.points(name))

    def fit(self, text: str, name: str, width: float) -> str:
        """Shorten a text to a width."""
        return fitted(text, self.points(name), max(width, self.points(name) / POINTS_PER_MM))

    def wrap(self, text: str, name: str, width: float, *, lines: int) -> list[str]:
        """Break a text into lines of a width."""
        return wrapped(text, self.points(name), max(width, self.points(name) / POINTS_PER_MM), lines=lines)

    def text(
        self, x: float, y: float, text: str, name: str, *, colour: str = style.INK, align: Align = "left"
    ) -> None:
        """Write a line of text with its middle at ``y``."""
        self.paper.text(x, y - 0.36 * self.high(name), text, self.points(name), colour=colour, align=align)

    def line(self, x: Sequence[float], y: Sequence[float], colour: str, width: float, **look: Any) -> None:
        """Draw a line through points on the paper, its width in points at scale 1."""
        look = {"solid_capstyle": "butt", "solid_joinstyle": "round", **look}
        self.paper.line(tuple(x), tuple(y), color=colour, linewidth=width * self.scale, **look)  # type: ignore[arg-type]

    def sign(self, x: float, y: float, marker: str, size: float, colour: str, **look: Any) -> None:
        """Draw a marker of ``size`` millimetres at scale 1, with a rim of paper."""
        rim = {"markeredgecolor": style.PAPER, "markeredgewidth": 0.5 * self.scale, "zorder": 4}
        self.paper.sign(x, y, marker, size * self.scale, **(rim | {"color": colour} | look))

    def bar(self, x: float, y: float, width: float, height: float, colour: str, **look: Any) -> None:
        """Draw a bar with its middle at ``y``."""
        look = {"edgecolor": "none", **look}
        self.paper.rectangle(x, y - height / 2, max(width, 0.0), height, facecolor=colour, **look)

    def less(self, *, left: float = 0, bottom: float = 0, right: float = 0, top: float = 0) -> Sheet:
        """Give away room at the sides."""
        box = self.free
        rest = Box(box.left + left, box.bottom + bottom, box.right - right, box.top - top)
        return Sheet(self.paper, self.scale, rest)


def open_sheet(
    width: float,
    height: float,
    title: str,
    under: str,
    *,
    foot: Foot | None = None,
    titled: bool = True,
    largest: float = _LARGEST,
) -> Sheet:
    """Lay out a sheet: title and what is measured above, the footer below, the rest is free.

    Parameters
    ----------
    under
        What is drawn and in which unit, one or two lines.
    titled
        Without, the title is left to the page that the chart stands in.
    largest
        Scale of the texts on a large sheet.
    largest
        Scale of the texts on a large sheet.
    """
    scale = float(np.clip((width * height / (HALF[0] * HALF[1])) ** 0.25, _SMALLEST, largest))
    pad = _PAD * scale
    sheet = Sheet(blank(width, height), scale, Box(pad, pad, width - pad, height - pad))
    if foot is not None:
        sheet = _draw_foot(sheet, foot)
    if titled:
        sheet = _draw_title(sheet, title, lined=foot is not None)
    lines = sheet.wrap(under, "subtitle", sheet.free.width, lines=2)
    for number, line in enumerate(lines):
        at = sheet.free.top - sheet.step("subtitle") * (number + 0.5)
        sheet.text(sheet.free.left, at, line, "subtitle", colour=style.QUIET)
    return sheet.less(top=sheet.step("subtitle") * len(lines) + 0.8 * scale)


def _draw_title(sheet: Sheet, title: str, *, lined: bool) -> Sheet:
    above = 0.0
    if lined:
        above = 1.6 * sheet.scale
        sheet.bar(
            sheet.free.left,
            sheet.free.top - 0.3 * sheet.scale,
            7 * sheet.scale,
            0.8 * sheet.scale,
            style.ACCENT,
        )
    box, size = sheet.free, sheet.points("title")
    lines = sheet.wrap(title, "title", box.width * 0.97, lines=2)
    for number, line in enumerate(lines):
        at = box.top - above - sheet.step("title") * (number + 0.5) - 0.36 * sheet.high("title")
        sheet.paper.text(box.left, at, line, size, bold=True)
    return sheet.less(top=above + sheet.step("title") * len(lines) + 0.3 * sheet.scale)


def _draw_foot(sheet: Sheet, foot: Foot) -> Sheet:
    """Write stamp and labels in one row, and the sources below."""
    box, scale, step = sheet.free, sheet.scale, sheet.step("fine")
    lines = sheet.wrap("; ".join(foot.sources), "fine", box.width, lines=3)
    for number, line in enumerate(lines):
        at = box.bottom + step * (len(lines) - number - 0.5)
        sheet.text(box.left, at, line, "fine", colour=style.QUIET)
    middle, x = box.bottom + step * len(lines) + 2.2 * scale, box.left
    for number, text in enumerate((foot.stamp, *foot.labels)):
        width, high = sheet.wide(text, "fine") + 3 * scale, sheet.high("fine") * 1.7
        if x + width > box.right:
            break
        if number:
            look: dict[str, Any] = {"facecolor": style.BADGE, "edgecolor": style.BADGE_EDGE}
            sheet.paper.pill(x, middle - high / 2, width, high, linewidth=0.5 * scale, **look)
        else:
            look = {"facecolor": "none", "edgecolor": style.ACCENT}
            sheet.paper.rectangle(x, middle - high / 2, width, high, linewidth=0.7 * scale, **look)
        colour = style.BADGE_INK if number else style.ACCENT
        sheet.text(x + width / 2, middle, text, "fine", colour=colour, align="center")
        x += width + 1.5 * scale
    return sheet.less(bottom=step * len(lines) + 5.2 * scale)


def say_nothing(sheet: Sheet, text: str) -> Figure:
    """Write in the middle why there is nothing to draw."""
    box = sheet.free
    lines = sheet.wrap(text, "label", box.width * 0.9, lines=3)
    middle = (box.bottom + box.top) / 2 + sheet.step("label") * (len(lines) - 1) / 2
    for number, line in enumerate(lines):
        at = middle - sheet.step("label") * number
        sheet.text((box.left + box.right) / 2, at, line, "label", colour=style.QUIET, align="center")
    return sheet.figure
