"""What must be read on the map itself: positions that are approximate, and whose roads are drawn."""

from __future__ import annotations

import numpy as np
import shapely

from .. import palette, words
from ..fonts import printable
from .canvas import Box, Canvas, em, width_of
from .chart import Chart
from .view import View

APPROXIMATE_SITES = "仓库位置为概略位置"

_NOTICE, _CREDIT = 10.0, 6.5
"""Points of their letters."""
_LEADING, _EDGE = 1.25, 1.2
"""Ems of a line, and millimetres around the lines."""
_TRIES = 24
"""Places tried along each side of the frame."""


def roads_drawn(view: View) -> bool:
    """Tell whether the map shows roads."""
    return view.drive or view.place.level != "省"


def notices(view: View) -> list[tuple[str, float]]:
    """Texts and sizes of the lines, the upper first: the licence of OpenStreetMap asks for the credit."""
    lines = [(APPROXIMATE_SITES, _NOTICE)] if view.ground.public and view.kind == "warehouse" else []
    if roads_drawn(view) and (credit := words.credit(view.world.network)):
        lines.append((credit, _CREDIT))
    return lines


def place_notices(chart: Chart) -> Box | None:
    """Find and occupy the place at the frame where the lines cover least of the unit; None without lines."""
    lines = notices(chart.view)
    if not lines:
        return None
    wide = max(width_of(printable(text), size) for text, size in lines) + 2 * _EDGE
    high = sum(em(size) * _LEADING for _, size in lines) + _EDGE
    left, bottom, right, top = chart.frame.box
    x = np.linspace(left + 1, right - 1 - wide, _TRIES)
    y = np.linspace(bottom + 1, top - 1 - high, _TRIES)
    # Corners first, then along the edges: the first of those that cover the same counts.
    along = sorted(range(_TRIES), key=lambda number: min(number, _TRIES - 1 - number))
    spots = [(x[number], each) for number in along for each in (y[0], y[-1])]
    spots += [(each, y[number]) for number in along for each in (x[-1], x[0])]
    boxes = np.array([(a, b, a + wide, b + high) for a, b in spots])
    boxes = boxes[chart.taken.free(boxes)]
    shape = chart.frame.shape(chart.view.place.shape)
    covered = shapely.area(shapely.intersection(shapely.box(*boxes.T), shape))
    best = boxes[int(np.argmin(covered))]
    chart.taken.add(best)
    return (float(best[0]), float(best[1]), float(best[2]), float(best[3]))


def draw_notices(canvas: Canvas, view: View, box: Box) -> None:
    """Write the lines into their box."""
    x, bottom, right, y = box
    canvas.rectangle(x, bottom, right - x, y - bottom, facecolor=palette.PAPER, alpha=0.8)
    for text, size in notices(view):
        y -= em(size) * _LEADING
        colour = palette.QUIET if size < _NOTICE else palette.ACCENT
        canvas.text(x + _EDGE, y, text, size, kind="notice", colour=colour)
