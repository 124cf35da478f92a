"""Axes of charts, and the labels beside them: laid out before anything is drawn, so that no two texts meet.

Labels of lines stand beside the plot at the height where their lines end, and move apart where these are
close.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import style
from .charts_sheet import Box, Sheet

_NARROW_MM = 0.6
"""Least distance of two numbers of an axis."""
_FEW = 4
"""So many labels have room for names of several lines on a sheet of half a page."""


@dataclass(frozen=True)
class Plot:
    """A rectangle of the sheet with two axes of numbers."""

    sheet: Sheet
    box: Box
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Millimetres on the paper of numbers or arrays."""
        box = self.box
        across = box.left + (np.asarray(x, float) - self.x[0]) / (self.x[1] - self.x[0]) * box.width
        up = box.bottom + (np.asarray(y, float) - self.y[0]) / (self.y[1] - self.y[0]) * box.height
        return across, up

    def draw(self, x: Any, y: Any, series: style.Series, *, signs: bool = False, steps: bool = False) -> None:
        """Draw a line in the look of a series; with signs at its points, as steps where asked."""
        across, up = (np.atleast_1d(each).tolist() for each in self.at(x, y))
        look: dict[str, Any] = {"linestyle": series.dash, "zorder": 3}
        if steps:
            look["drawstyle"] = "steps-post"
        self.sheet.line(across, up, series.colour, 1.3, **look)
        if signs:
            self.signs(x, y, series)

    def signs(self, x: Any, y: Any, series: style.Series, size: float = 1.7) -> None:
        """Draw the markers of a series."""
        for across, up in zip(*(np.atleast_1d(each).tolist() for each in self.at(x, y)), strict=True):
            self.sheet.sign(across, up, series.marker, size, series.colour)


def round_ticks(low: float, high: float, most: int, steps: Sequence[float] = ()) -> list[float]:
    """Choose at most ``most`` + 1 round numbers from ``low`` to ``high``; by default steps of 1, 2 and 5.

    Examples
    --------
    >>> round_ticks(0, 53, 6), round_ticks(0, 130, 5, (15, 30, 60))
    ([0.0, 10.0, 20.0, 30.0, 40.0, 50.0], [0.0, 30.0, 60.0, 90.0, 120.0])
    """
    span = max(high - low, 1e-12)
    tried = [digit * 10.0**power for power in range(-6, 9) for digit in (1, 2, 5)]
    step = next((each for each in steps if span / each <= most), None)
    step = next(each for each in tried if span / each <= most) if step is None else step
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") + 0.0 for number in np.arange(first, last + 1)]


def share_range(shares: Sequence[float]) -> tuple[float, float]:
    """Choose the ends of an axis of shares: from 0, unless all are large and close together.

    Examples
    --------
    >>> share_range([0.02, 0.049]), share_range([0.82, 0.97]), share_range([0.0, 0.0]), share_range([1.0])
    ((0.0, 0.05), (0.8, 1.0), (0.0, 0.01), (0.9, 1.0))
    """
    known = [share for share in shares if np.isfinite(share)] or [0.0]
    low, high = min(known), max(known)
    if low > 0.5 and high - low < 0.4:
        return float(np.floor(min(low, high - 0.05) * 10 - 1e-9) / 10), 1.0
    tops = (0.01, 0.02, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
    return 0.0, next(top for top in tops if high <= top + 1e-12)


def percent(share: float) -> str:
    """Write a mark of an axis of shares.

    Examples
    --------
    >>> percent(0.2), percent(0.005), percent(1.0)
    ('20%', '0.5%', '100%')
    """
    return f"{share * 100:.6g}%"


def draw_axes(
    plot: Plot,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    x_title: str,
) -> None:
    """Draw level grid lines with their numbers at the left, marks and their numbers below, and what x is."""
    sheet, box = plot.sheet, plot.box
    for value, text in y_ticks:
        _, up = plot.at(plot.x[0], value)
        base = value == plot.y[0]
        colour, width = (style.QUIET, 0.6) if base else (style.GRID, 0.5)
        sheet.line((box.left, box.right), (up, up), colour, width, zorder=1.2 if base else 1)
        sheet.text(box.left - 1.0 * sheet.scale, float(up), text, "tick", colour=style.QUIET, align="right")
    below = box.bottom - 0.9 * sheet.scale - sheet.step("tick") / 2
    last = -np.inf
    for value, text in x_ticks:
        across = float(plot.at(value, plot.y[0])[0])
        sheet.line((across, across), (box.bottom, box.bottom - 0.7 * sheet.scale), style.QUIET, 0.6)
        half = sheet.wide(text, "tick") / 2
        if across - half > last + _NARROW_MM:
            sheet.text(across, below, text, "tick", colour=style.QUIET, align="center")
            last = across + half
    shown = sheet.fit(x_title, "tick", sheet.free.width)
    sheet.text(box.right, below - sheet.step("tick"), shown, "tick", colour=style.QUIET, align="right")


def plot_box(sheet: Sheet, y_texts: Sequence[str], *, right: float = 0.0, top: float = 0.0) -> Box:
    """Leave room for the numbers at the left, two lines below, and what stands at the right and above."""
    left = max((sheet.wide(text, "tick") for text in y_texts), default=0.0) + 1.6 * sheet.scale
    free, below = sheet.free, 2 * sheet.step("tick") + 1.0 * sheet.scale
    return Box(
        free.left + left, free.bottom + below, free.right - right, free.top - top - sheet.high("tick") * 0.5
    )


@dataclass(frozen=True)
class Label:
    """The label of a line: its look, its name and figure, and the point where the line ends."""

    series: style.Series
    name: str
    figure: str
    x: float = np.nan
    y: float = np.nan
    """Millimetres on the paper; NaN where the label belongs to no point."""
    brief: str = ""
    """The figure where it shares its line with the name; by default all of it."""


def stacked(
    wanted: Sequence[float], heights: Sequence[float], gap: float, low: float, high: float
) -> list[float]:
    """Find the middles of labels near the wanted ones so that none overlap, inside ``low`` … ``high``.

    They keep their order; where there is no room for all they overlap evenly.

    Examples
    --------
    >>> stacked([5.0, 5.0, 1.0], [2.0, 2.0, 2.0], 0.0, 0.0, 8.0)
    [5.0, 7.0, 1.0]
    """
    order = np.argsort(np.asarray(wanted, float), kind="stable")
    tall, places = np.asarray(heights, float)[order], np.asarray(wanted, float)[order]
    spare = (high - low - float(tall.sum())) / max(len(order) - 1, 1)
    gap = min(gap, spare)
    floor = low
    for number, height in enumerate(tall):
        places[number] = max(places[number], floor + height / 2)
        floor = places[number] + height / 2 + gap
    ceiling = high
    for number in reversed(range(len(order))):
        places[number] = min(places[number], ceiling - tall[number] / 2)
        ceiling = places[number] - tall[number] / 2 - gap
    found = np.empty(len(order))
    found[order] = places
    return [float(each) for each in found]


def label_width(sheet: Sheet, labels: Sequence[Label]) -> float:
    """Width of the column of labels beside a plot, at most a share of the sheet; larger for many labels."""
    share = 0.36 if len(labels) <= _FEW else 0.46
    longest = max(
        (max(sheet.wide(each.name, "label"), sheet.wide(each.figure, "label")) for each in labels), default=0
    )
    return min(longest + _key_mm(sheet) + 2.5 * sheet.scale, share * sheet.paper.width)


def _key_mm(sheet: Sheet) -> float:
    return 6.6 * sheet.scale


_Texts = tuple[list[str], list[str]]
"""Lines of the name and of the figure of a label; none where both share one line."""


def draw_labels(
    sheet: Sheet, labels: Sequence[Label], box: Box, *, heading: str = "", leaders: bool = True
) -> None:
    """Write the labels of lines into a column: key, name and figure, at the height of the ends of the lines.

    Names take two lines where there is room for all labels, else one, else they share it with the figure.
    """
    top = box.top
    if heading:
        shown = sheet.fit(heading, "label", box.width - 2.0 * sheet.scale)
        sheet.text(
            box.left + 2.0 * sheet.scale, top - sheet.step("label") / 2, shown, "label", colour=style.QUIET
        )
        top -= sheet.step("label") * 1.2
    column = Box(box.left + 2.0 * sheet.scale, box.bottom, box.right, top)
    texts, gap = _label_texts(sheet, labels, column)
    heights = [sheet.step("label") * max(len(name + figure), 1) for name, figure in texts]
    wanted = [each.y if np.isfinite(each.y) else top - 1e-3 * number for number, each in enumerate(labels)]
    places = stacked(wanted, heights, gap, column.bottom, column.top)
    for label, lines, height, place in zip(labels, texts, heights, places, strict=True):
        first = place + height / 2 - sheet.step("label") / 2
        if leaders and np.isfinite(label.y):
            look: dict[str, Any] = {"linestyle": (0, (1, 1.5)), "zorder": 2}
            x, y = (label.x, box.left, column.left), (label.y, label.y, first)
            sheet.line(x, y, style.FAINT, 0.5, **look)
        _draw_label(sheet, label, lines, Box(column.left, place, column.right, first))


def _label_texts(sheet: Sheet, labels: Sequence[Label], column: Box) -> tuple[list[_Texts], float]:
    """Break the labels into lines that fit together, and say how far apart they stand; [] for one line."""
    width, gap = column.right - column.left - _key_mm(sheet), 0.7 * sheet.scale
    for lines in (3, 2, 1):
        names = [sheet.wrap(each.name, "label", width, lines=lines) for each in labels]
        figures = [sheet.wrap(each.figure, "label", width, lines=max(lines - 1, 1)) for each in labels]
        texts = list(zip(names, figures, strict=True))
        high = sum(sheet.step("label") * len(name + figure) + gap for name, figure in texts) - gap
        if high <= column.height:
            return texts, gap
    return [([], []) for _ in labels], 0.0


def _draw_label(sheet: Sheet, label: Label, lines: _Texts, row: Box) -> None:
    """Draw a label whose first line has its middle at the top of ``row``."""
    key, first, look = _key_mm(sheet), row.top, label.series
    draw_key(sheet, look, row.left, first)
    at, colour = row.left + key, style.readable(label.series.colour)
    names, figures = lines
    for number, line in enumerate(names + figures):
        y = first - sheet.step("label") * number
        sheet.text(at, y, line, "label", colour=style.INK if number < len(names) else colour)
    if not figures:
        figure = sheet.fit(label.brief or label.figure, "label", row.right - at)
        room = row.right - at - sheet.wide(figure, "label") - 1.0 * sheet.scale
        if room > 2 * sheet.high("label"):
            sheet.text(at, first, sheet.fit(label.name, "label", room), "label")
        sheet.text(row.right, first, figure, "label", colour=colour, align="right")


def draw_key(sheet: Sheet, series: style.Series, x: float, y: float, *, line: bool = True) -> None:
    """Draw a short piece of a line with its marker, from ``x`` on."""
    long = _key_mm(sheet) - 1.2 * sheet.scale
    if line:
        sheet.line((x, x + long), (y, y), series.colour, 1.3, linestyle=series.dash)
    sheet.sign(x + long / 2, y, series.marker, 1.7, series.colour)


@dataclass(frozen=True)
class Item:
    """An entry of a legend: a sign or a swatch, and its words."""

    text: str
    colour: str
    marker: str = ""
    """matplotlib's letter; "" for a swatch."""
    look: Mapping[str, Any] = field(default_factory=dict)
    """Of the sign or swatch, beside its colour."""


def draw_legend(sheet: Sheet, items: Sequence[Item], *, rows: int = 3) -> Sheet:
    """Write a legend into rows at the top of what is free, and give that room away.

    Where the texts need more than ``rows``, they are shortened and stand in columns.
    """
    if not items:
        return sheet
    sign, gap, step = 3.0 * sheet.scale, 2.5 * sheet.scale, sheet.step("tick") * 1.1
    texts = [item.text for item in items]
    places = _flow([sign + sheet.wide(text, "tick") + gap for text in texts], sheet.free.width + gap)
    if max(row for row, _ in places) >= rows:
        columns = -(-len(items) // rows)
        width = sheet.free.width / columns
        texts = [sheet.fit(text, "tick", width - sign - gap) for text in texts]
        places = [(number // columns, width * (number % columns)) for number in range(len(items))]
    for item, text, (row, x) in zip(items, texts, places, strict=True):
        left, y = sheet.free.left + x, sheet.free.top - step * (row + 0.5)
        if item.marker:
            sheet.sign(left + sign / 2 - 0.3 * sheet.scale, y, item.marker, 1.8, item.colour, **item.look)
        else:
            sheet.bar(left, y, sign - 0.8 * sheet.scale, sheet.high("tick") * 0.7, item.colour, **item.look)
        shown = sheet.fit(text, "tick", sheet.free.right - left - sign)
        sheet.text(left + sign, y, shown, "tick", colour=style.QUIET)
    return sheet.less(top=step * (max(row for row, _ in places) + 1) + 0.4 * sheet.scale)


def _flow(widths: Sequence[float], room: float) -> list[tuple[int, float]]:
    """Place boxes one after another in rows: the row and the left edge of each.

    Examples
    --------
    >>> _flow([4, 4, 4], 10)
    [(0, 0.0), (0, 4.0), (1, 0.0)]
    """
    places, row, x = [], 0, 0.0
    for width in widths:
        if x and x + width > room:
            row, x = row + 1, 0.0
        places.append((row, x))
        x += width
    return places
