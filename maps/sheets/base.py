"""The ground of a map: neighbours, areas, roads, borders, graticule, scale bar and north arrow."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from ...geodata import crs
from .. import palette, style
from ..layers import project
from .canvas import Box, Canvas, em
from .frame import Frame, corner_boxes
from .painting import Painting
from .view import View

SCALE_SIZE, NORTH_SIZE = (58.0, 13.0), (12.0, 18.0)
"""Millimetres that the scale bar and the north arrow take in a corner of the map."""

_LONGEST_BAR = 48.0
_STEPS = (2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_HATCH_MM = 1.6
"""Distance of the lines over areas that are lost."""


def draw_ground(canvas: Canvas, frame: Frame, view: View, painting: Painting, *, tight: bool = False) -> None:
    """Draw all that lies under the signs and names; an inset goes without the graticule."""
    ground = view.ground
    canvas.rectangle(frame.x, frame.y, frame.width, frame.height, facecolor=palette.SEA)
    province = frame.shape(ground.outlines.province)
    if view.place.level != "省":
        canvas.area(province, facecolor=palette.GROUND)
    for number in painting.shown:
        shape, colour = frame.shape(painting.areas[number]), painting.swatches[number].colour
        canvas.area(shape, facecolor=colour, edgecolor=colour, linewidth=0.2)
        if number == painting.hatched:
            canvas.lines(hatch(shape, _HATCH_MM), color=palette.PAPER, linewidth=0.5)
    if not tight:
        draw_graticule(canvas, frame)
    _draw_roads(canvas, frame, view)
    _draw_borders(canvas, frame, view)


def hatch(shape: Any, step: float) -> Any:
    """Lines across a shape, ``step`` millimetres apart, rising to the right."""
    if shapely.is_empty(shape):
        return shapely.MultiLineString()
    left, bottom, right, top = shapely.bounds(shape).tolist()
    start = np.arange(np.floor((left - top) / step) * step, right - bottom, step * 2**0.5)
    ends: Any = np.stack([np.column_stack((start + bottom, start * 0 + bottom)),
                     np.column_stack((start + top, start * 0 + top))], axis=1)  # fmt: skip
    return shapely.intersection(shapely.multilinestrings(list(shapely.linestrings(ends))), shape)


def _draw_roads(canvas: Canvas, frame: Frame, view: View) -> None:
    """Draw roads; those beyond the unit fade."""
    if not view.drive and view.place.level == "省":
        return
    roads = view.ground.roads(view.place)
    shape = frame.shape(view.place.shape)
    wide = {"省": 1.0, "市": 1.3, "县": 1.8}[view.place.level]
    for lines, look in ((roads.other, palette.ROADS[1]), (roads.fast, palette.ROADS[0])):
        near = frame.shape(lines)
        if shapely.is_empty(near):
            continue
        canvas.lines(near, color=palette.GRID, linewidth=look.width * wide)
        inside = shapely.intersection(near, shape)
        canvas.lines(inside, color=look.colour, linewidth=look.width * wide)


def _draw_borders(canvas: Canvas, frame: Frame, view: View) -> None:
    levels = zip(("县", "市", "省"), view.ground.borders, strict=True)
    for level, lines in levels:
        look = palette.BORDERS[level]
        canvas.lines(frame.shape(lines), color=look.colour, linewidth=look.width)
    if view.place.level != "省":
        edge = frame.shape(shapely.boundary(view.place.shape))
        canvas.lines(edge, color=palette.PAPER, linewidth=3.4, alpha=0.75)
        canvas.lines(edge, color=palette.INK, linewidth=1.5)


def draw_graticule(canvas: Canvas, frame: Frame) -> None:
    """Draw meridians and parallels at round degrees as fine lines."""
    for lines in _graticule(frame).values():
        for line, _ in lines:
            canvas.lines(frame.shape(shapely.LineString(line)), color=palette.FAINT, linewidth=0.3, alpha=0.4)


def name_graticule(canvas: Canvas, frame: Frame) -> None:
    """Write the degrees outside the frame: longitudes below, latitudes at the left."""
    left, bottom, _, _ = frame.bounds
    found = _graticule(frame)
    digits = max(len(f"{degree:.6g}".partition(".")[2]) for lines in found.values() for _, degree in lines)
    for line, degree in found["lon"]:
        at = float(np.interp(bottom, line[:, 1], line[:, 0]))
        x = frame.x + (at - left) / frame.metres_per_mm
        if frame.x + 6 < x < frame.x + frame.width - 6:
            text = f"{degree:.{digits}f}°E"
            canvas.text(x, frame.y - 3.4, text, 6.5, kind="graticule", colour=palette.QUIET, align="center")
    for line, degree in found["lat"]:
        at = float(np.interp(left, line[:, 0], line[:, 1]))
        y = frame.y + (at - bottom) / frame.metres_per_mm
        if frame.y + 4 < y < frame.y + frame.height - 2:
            text = f"{degree:.{digits}f}°N"
            canvas.text(
                frame.x - 1, y - 0.8, text, 6.5, kind="graticule", colour=palette.QUIET, align="right"
            )


def _decimals(degree: float) -> int:
    """Count the decimals of a degree; all lines of a sheet are written with as many."""
    return len(f"{degree:.4f}".rstrip("0").split(".")[1])


def _graticule(frame: Frame) -> dict[str, list[tuple[Any, float]]]:
    left, bottom, right, top = frame.bounds
    lon, lat = crs.to_wgs84([left, right, left, right], [bottom, bottom, top, top], of=crs.ALBERS)
    span = max(float(np.ptp(lat)), float(np.ptp(lon)))
    step = next((each for each in _STEPS if span / each >= 3.5), _STEPS[-1])
    along = np.linspace(-0.1, 1.1, 40)
    lines: dict[str, list[tuple[Any, float]]] = {"lon": [], "lat": []}
    for degree in np.arange(np.ceil(lon.min() / step), np.floor(lon.max() / step) + 1) * step:
        path = project(np.full(40, degree), lat.min() + along * np.ptp(lat))
        lines["lon"].append((path, float(degree)))
    for degree in np.arange(np.ceil(lat.min() / step), np.floor(lat.max() / step) + 1) * step:
        path = project(lon.min() + along * np.ptp(lon), np.full(40, degree))
        lines["lat"].append((path, float(degree)))
    return lines


def draw_scale(canvas: Canvas, frame: Frame, box: Box) -> None:
    """Draw a scale bar of a round length in four steps, true at the middle of the map, and the ratio."""
    length_m = bar_length(frame)
    long = length_m / frame.true_metres_per_mm
    x, y, step = box[0] + 4, box[1] + 5.6, long / 4
    _veil(canvas, box)
    for number in range(4):
        face = palette.INK if number % 2 == 0 else palette.PAPER
        canvas.rectangle(
            x + number * step, y, step, 1.5, facecolor=face, edgecolor=palette.INK, linewidth=0.6
        )
    unit, divide = ("公里", 1000) if length_m >= 1000 else ("米", 1)
    texts = ((0, "0"), (2, f"{length_m / 2 / divide:g}"), (4, f"{length_m / divide:g} {unit}"))
    for number, text in texts:
        canvas.text(x + number * step, y + 2.5, text, 7, kind="scale", align="center")
    text = f"约 1 : {ratio(frame, canvas.factor):,.0f} (按此页原大打印)"
    canvas.text(x - 1, y - 3.4, text, 6.5, kind="scale", colour=palette.QUIET)


def bar_length(frame: Frame) -> float:
    """Choose the longest round number of metres that the scale bar has room for."""
    most = _LONGEST_BAR * frame.true_metres_per_mm
    lengths = [digit * 10.0**power for power in range(1, 6) for digit in (1, 2, 5)]
    return max((length for length in lengths if length <= most), default=lengths[0])


def ratio(frame: Frame, factor: float) -> float:
    """Ratio of the map on the paper, in two digits."""
    return float(f"{frame.true_metres_per_mm / factor * 1000:.2g}")


def draw_north(canvas: Canvas, frame: Frame, box: Box) -> None:
    """Draw an arrow to true north at the middle of the map: meridians lean in this projection."""
    _veil(canvas, box)
    x, y = (box[0] + box[2]) / 2, box[1] + 1.4
    turn = np.array([[np.cos(frame.north), -np.sin(frame.north)], [np.sin(frame.north), np.cos(frame.north)]])
    for side, face in ((-2.8, palette.INK), (2.8, palette.PAPER)):
        points = np.array([(0.0, 5.8), (side, -5.8), (0.0, -3.2)]) @ turn + [x, y + 6]
        look: dict[str, Any] = {"facecolor": face, "edgecolor": palette.INK, "linewidth": 0.6}
        canvas.polygon([(float(a), float(b)) for a, b in points], **look)
    canvas.text(x, box[3] - em(9) - 0.2, "北", 9, kind="scale", align="center")


def place_corners(frame: Frame, shape: Any, taken: list[Box]) -> tuple[Box, Box]:
    """Choose the corners of scale bar and north arrow where they cover least of the unit."""
    found: list[Box] = []
    for size in (SCALE_SIZE, NORTH_SIZE):
        boxes = corner_boxes(frame, size, inset=1.0)
        covered = shapely.area(shapely.intersection(shapely.box(*np.array(boxes).T), shape))
        meets = [sum(_shared(box, each) for each in (*taken, *found)) for box in boxes]
        found.append(boxes[int(np.argmin(covered + np.array(meets) * 100))])
    return found[0], found[1]


def _shared(one: Box, other: Box) -> float:
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def _veil(canvas: Canvas, box: Box) -> None:
    """Lighten what lies under a scale bar or an arrow."""
    x, y, right, top = box
    canvas.rectangle(x, y, right - x, top - y, facecolor=palette.PAPER, alpha=0.72)


def draw_frame(canvas: Canvas, frame: Frame) -> None:
    """Draw the line around the map."""
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": style.INK, "linewidth": 0.8}
    canvas.rectangle(frame.x, frame.y, frame.width, frame.height, **look)
