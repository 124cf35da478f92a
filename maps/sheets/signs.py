"""Signs on a map: sites, new ones, those given up or moved, and the numbers of the gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ...geodata.layers import Kind
from .. import palette, style, words
from ..layers import project
from .canvas import Canvas, em
from .chart import Chart, Sign
from .frame import Frame
from .naming import Points, around

SHAPES = {"circle": "o", "square": "s", "triangle": "^", "star": "*", "pentagon": "p"}
GAP_MM, NEW_MM, NEW_SMALL_MM = 5.0, 4.4, 1.9
MOST_NUMBERED = 60
"""Beyond so many new sites in the unit none is numbered."""
_MOST_SPARED = 150
"""Names keep off the sites of a layer while these are no more; dots by the hundred lie under them."""
_LEAST_RADIUS_MM = 1.6
"""Smaller circles of what can be reached on foot would be lost under the signs."""
_FARTHEST_MM = 45.0
"""A number may stand so far from its place."""

GAP = Sign("o", GAP_MM, palette.PAPER, palette.ACCENT, 1.2)
NEW = Sign("D", NEW_MM * 0.85, palette.NEW)
NEW_SMALL = Sign("D", NEW_SMALL_MM, palette.NEW, width=0.35)
CLOSED = Sign("X", 4.2, palette.LOSS)
MOVED = Sign("o", 2.4, palette.PAPER, palette.NEW, 1.0)
RADIUS = Sign("o", 4.6, "none", palette.SITE, 0.5)
BEYOND = Sign("o", 1.6, palette.FAINT, palette.PAPER, 0.4)


def marker_sign(kind: Kind, number: int, *, grown: float = 1.0) -> Sign:
    """Sign of the sites of one level, a position in ``style.markers``."""
    marker = style.markers(kind)[number]
    star = 1.25 if marker.shape == "star" else 1.0
    return Sign(SHAPES[marker.shape], marker.size * star * grown, palette.SITE)


def draw_signs(chart: Chart, *, gaps: int) -> None:
    """Draw all signs of a map; so many gaps have a number."""
    _draw_sites(chart)
    if chart.view.job.theme in {"scenario", "comparison"}:
        _draw_closed(chart)
        _draw_moved(chart)
    _draw_added(chart)
    _draw_gaps(chart, seen(chart.frame, chart.view.gaps.head(gaps)))


def seen(frame: Frame, table: pd.DataFrame) -> pd.DataFrame:
    """Leave the rows of a table of sites that lie in the frame."""
    rows: pd.DataFrame = table[frame.inside(spots(frame, table), 1.0)]
    return rows


def spots(frame: Frame, table: pd.DataFrame) -> Points:
    """Points of a table's sites in millimetres."""
    if table.empty:
        return np.empty((0, 2))
    return frame.mm(project(table["lon"].to_numpy(float), table["lat"].to_numpy(float)))


def _draw_sites(chart: Chart) -> None:
    """Draw the sites by level, the highest on top; those of neighbours are small and grey."""
    view = chart.view
    if view.place.level != "省":
        _draw_others(chart)
    _draw_reach(chart)
    table = seen(chart.frame, view.sites)
    points = chart.sites = spots(chart.frame, table)
    chart.site_names = [str(name) for name in table["name"]]
    mark = style.marker_index(view.kind, table["level"].to_numpy(str))
    there = set(table["level"].astype(str))
    rows: list[tuple[Sign, str]] = []
    for number, marker in reversed(list(enumerate(style.markers(view.kind)))):
        chosen, sign = points[mark == number], marker_sign(view.kind, number, grown=chart.grown)
        sign.draw(chart.canvas, chosen)
        if len(chosen):
            rows.insert(0, (sign, words.site_word(view.kind, marker.level, there)))
        if len(points) <= _MOST_SPARED:
            chart.taken.add_points(chosen, sign.size)
    chart.legend[:0] = rows


def _draw_reach(chart: Chart) -> None:
    """Draw the radius of the main limit on foot around the sites, where the scale is large enough."""
    view = chart.view
    if view.drive or view.world.follows_ways(view.standard):
        return
    radius = view.standard.main / view.standard.detour / chart.frame.metres_per_mm
    if radius < _LEAST_RADIUS_MM:
        return
    table = pd.concat([view.sites, view.added]) if len(view.added) else view.sites
    points = spots(chart.frame, seen(chart.frame, table))
    if not len(points):
        return
    circles = shapely.intersection(
        shapely.buffer(shapely.points(points), radius), shapely.box(*chart.frame.box)
    )
    chart.canvas.lines(shapely.boundary(shapely.multipolygons(list(shapely.get_parts(circles)))),
                       color=palette.SITE, linewidth=0.5, alpha=0.6)  # fmt: skip
    chart.legend.append((RADIUS, f"{view.within}的范围"))


def _draw_others(chart: Chart) -> None:
    view = chart.view
    points = spots(chart.frame, view.all_sites[~view.all_sites["id"].isin(view.sites["id"])])
    points = points[chart.frame.inside(points, 1.5)]
    BEYOND.draw(chart.canvas, points, chart.grown)
    if len(points):
        chart.legend.append((BEYOND, f"邻近{view.name}".rstrip()))


def _draw_added(chart: Chart) -> None:
    """Draw the new sites as diamonds, with their rank where they are not too many."""
    added = seen(chart.frame, chart.view.added)
    if added.empty:
        return
    points = spots(chart.frame, added)
    if len(chart.view.added) > MOST_NUMBERED:
        NEW_SMALL.draw(chart.canvas, points, chart.grown)
        chart.legend.append((NEW_SMALL, "建议新增"))
        return
    centres = _spread(chart, points, NEW_MM, palette.NEW)
    NEW.draw(chart.canvas, centres)
    for centre, rank in zip(centres, added["rank"].tolist(), strict=True):
        small = 6.5 if rank < 100 else 4.6 if rank < 1000 else 3.6
        write_number(chart.canvas, centre, str(rank), small, palette.PAPER)
    chart.legend.append((NEW, "建议新增 (次序)"))


def _draw_closed(chart: Chart) -> None:
    points = spots(chart.frame, seen(chart.frame, chart.view.closed))
    CLOSED.draw(chart.canvas, points)
    chart.taken.add_points(points, CLOSED.size)
    if len(points):
        chart.legend.append((CLOSED, "撤销"))


def _draw_moved(chart: Chart) -> None:
    """Draw where moved sites stood, and a line from there to where they stand now."""
    table = seen(chart.frame, chart.view.moved)
    if table.empty:
        return
    before = chart.frame.mm(project(table["lon_before"].to_numpy(float), table["lat_before"].to_numpy(float)))
    ways: Any = shapely.linestrings(np.stack([before, spots(chart.frame, table)], axis=1))
    chart.canvas.lines(shapely.multilinestrings(list(ways)), color=palette.NEW, linewidth=1.2)
    MOVED.draw(chart.canvas, before)
    chart.taken.add_points(before, MOVED.size)
    chart.legend.append((MOVED, "迁出的原址"))


def _draw_gaps(chart: Chart, gaps: pd.DataFrame) -> None:
    """Draw the numbers of the gaps, moved aside with a line where something is in the way."""
    if gaps.empty:
        return
    centres = _spread(chart, spots(chart.frame, gaps), GAP_MM, palette.ACCENT)
    GAP.draw(chart.canvas, centres)
    for centre, number in zip(centres, gaps["number"].tolist(), strict=True):
        write_number(chart.canvas, centre, str(number), 8, palette.ACCENT)
    chart.legend.append((GAP, "缺口 (编号见表)"))


def _spread(chart: Chart, points: Points, size: float, colour: str) -> Points:
    """Find room for signs of a size at or near their points; those moved off get a line and a dot."""
    centres = points.copy()
    half = np.array([size / 2, size / 2]) + 0.15
    moved: NDArray[np.bool_] = np.zeros(len(points), bool)
    for number, point in enumerate(points):
        tries = np.vstack((point[None], around(point, (size, size), size * 0.3, _FARTHEST_MM)))
        free = chart.taken.free(np.hstack((tries - half, tries + half)))
        centres[number] = tries[int(np.argmax(free))] if free.any() else point
        chart.taken.add(np.concatenate((centres[number] - half, centres[number] + half)))
        moved[number] = bool(np.hypot(*(centres[number] - point)) > size / 2)
    for point, centre in zip(points[moved], centres[moved], strict=True):
        chart.canvas.lines(shapely.LineString([point, centre]), color=colour, linewidth=0.7)
    Sign("o", 1.2, colour, width=0.3).draw(chart.canvas, points[moved])
    return centres


def write_number(canvas: Canvas, centre: Points, text: str, size: float, colour: str) -> None:
    """Write a number into a sign; figures stand from the baseline to 0.73 em."""
    y = float(centre[1]) - 0.365 * em(size)
    canvas.text(float(centre[0]), y, text, size, kind="number", colour=colour, align="center")
