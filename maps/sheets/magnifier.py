"""A crowded part of a map drawn again, larger, where the frame has room: inner districts of a city."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from .. import palette
from . import base, places
from .canvas import Box
from .chart import Chart
from .frame import Frame
from .naming import Taken
from .painting import Painting
from .signs import draw_signs

_NEAR_MM = 8.0
_CROWD = 5
"""So many seats of counties within that distance of one another are a crowd."""
_SIDES = (60.0, 50.0, 42.0)
"""Sides of the inset in millimetres; the first that has room counts."""
_TIMES = (2.0, 5.0)
"""How many times larger an inset is at least and at most."""
_AROUND_MM = 3.5
"""What it shows around the crowd, in millimetres of the map."""
_STRIP = 6.0
"""Height of the line with its title."""


def find_crowd(chart: Chart) -> tuple[NDArray[np.float64], float] | None:
    """Find the densest crowd of county seats: its middle and half its size in millimetres."""
    points = places.seats(chart)
    if len(points) < _CROWD:
        return None
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    near = apart <= _NEAR_MM
    best = int(near.sum(axis=1).argmax())
    if near[best].sum() < _CROWD:
        return None
    own = points[near[best]]
    low, high = own.min(axis=0), own.max(axis=0)
    return (low + high) / 2, float((high - low).max()) / 2


def plan_inset(chart: Chart) -> tuple[Box, Frame] | None:
    """Choose what is drawn larger, and where; both are occupied then. None where nothing is crowded or free.

    Returns
    -------
    The part of the map, and the frame of its inset.
    """
    crowd = find_crowd(chart)
    if crowd is None:
        return None
    middle, reach = crowd
    shape = chart.frame.shape(chart.view.place.shape)
    for side in _SIDES:
        times = float(np.clip(side / 2 / (reach + _AROUND_MM), *_TIMES))
        spot = _free_spot(chart, shape, side)
        if spot is None:
            continue
        half = side / times / 2
        part = (middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half)
        origin = np.array(part[:2]) - np.array([chart.frame.x, chart.frame.y])
        west, south = origin * chart.frame.metres_per_mm + [chart.frame.west, chart.frame.south]
        scale = chart.frame.metres_per_mm / times
        inset = Frame(spot[0], spot[1], side, side, scale, float(west), float(south))
        chart.taken.add(np.array([part[0], part[3] - 4, part[0] + 4, part[3]]))
        chart.taken.add(np.array([[spot[0], spot[1], spot[0] + side, spot[1] + side + _STRIP]]))
        return part, inset
    return None


def _free_spot(chart: Chart, shape: Any, side: float) -> tuple[float, float] | None:
    """Find a place for the inset beside the unit and away from what is there already."""
    left, bottom, right, top = chart.frame.box
    x = np.linspace(left + 2, right - side - 2, 12)
    y = np.linspace(bottom + 2, top - side - _STRIP - 2, 12)
    if x[-1] < left + 2 or y[-1] < bottom + 2:
        return None
    grid = np.array([(a, b) for a in x for b in y])
    boxes = np.column_stack((grid, grid[:, 0] + side, grid[:, 1] + side + _STRIP))
    free = ~shapely.intersects(shapely.box(*boxes.T), shape) & chart.taken.free(boxes)
    if not free.any():
        return None
    edge = np.minimum(grid[:, 0] - left, right - side - grid[:, 0])
    low = np.minimum(grid[:, 1] - bottom, top - side - _STRIP - grid[:, 1])
    order = np.where(free, edge + low, np.inf)
    return tuple(grid[int(order.argmin())].tolist())


def draw_inset(chart: Chart, painting: Painting, part: Box, frame: Frame) -> None:
    """Draw the part of the map larger into its frame; both carry the same letter."""
    canvas, view = chart.canvas, chart.view
    x, y, side = frame.x, frame.y, frame.width
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": palette.INK, "linewidth": 0.7}
    wide = part[2] - part[0]
    canvas.rectangle(part[0], part[1], wide, wide, **look)
    canvas.text(part[0] + 0.8, part[3] - 3.2, "A", 8, kind="scale", bold=True, halo=palette.PAPER)
    canvas.rectangle(x, y, side, side + _STRIP, facecolor=palette.PAPER)
    base.draw_ground(canvas, frame, view, painting, tight=True)
    inner = Chart(canvas, frame, view, Taken(frame.box))
    places.draw_seats(inner)
    draw_signs(inner, gaps=0)
    places.draw_inset_names(inner)
    times = chart.frame.metres_per_mm / frame.metres_per_mm
    canvas.text(x + 2, y + side + 1.7, f"A  放大 {times:.1f} 倍", 8, kind="scale", bold=True)
    canvas.rectangle(x, y, side, side, **look)
    canvas.rectangle(x, y, side, side + _STRIP, **look)
