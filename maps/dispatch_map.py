"""The small map of a dispatch sheet: the place, the stores or teams that are sent, and their ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from . import labels, layers, panel, style
from .fonts import printable
from .paper import POINTS_PER_MM, Paper, measure, patch
from .roads import MainRoads, main_roads

if TYPE_CHECKING:
    from ..geodata.boundaries import Units
    from ..geodata.gazetteer import Gazetteer
    from ..geodata.network import Network

_DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.6)), (0, (1.6, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 3)))
_SHUT: Any = (0, (0.7, 0.7))
_KEY_MM = 23.0
_BORDERS = (0.4, 0.9, 1.4)
"""Widths of the borders of counties, cities and the province, in points."""
_LEAST_M = 3000.0
"""The map is at least so wide, so that a site beside the place still shows its surroundings."""
_MARGIN, _SCALE_SHARE = 0.12, 0.16
"""Shares of the size of what is shown: room around it, and below it for the scale bar."""
_TOWNSHIPS_M = 60_000.0
"""A map at most so wide names townships."""
_SITE_MM, _PLACE_MM = 4.6, 5.4
_NAMES = style.DISPATCH_NAMES
_LEVELS = ((1, 8.5, _NAMES["市"], 6), (2, 7.0, _NAMES["县"], 12), (3, 6.0, _NAMES["乡"], 8))
"""Level in the gazetteer, size in points, colour, and how many names at most."""

Line = NDArray[np.float64]


@dataclass(frozen=True)
class Backdrop:
    """What lies under every dispatch map of a workspace; made once, read by all threads."""

    land: Any
    """The province as one (multi)polygon, metres."""
    borders: tuple[Any, Any, Any]
    """Borders of counties, cities and the province: lines, each stretch once."""
    roads: MainRoads
    level: NDArray[np.int64]
    """(n,) level of the named places: 1 city, 2 county, 3 township."""
    points: Line
    """(n, 2) their points in the maps' metres."""
    names: tuple[str, ...]


def backdrop(units: Units, network: Network, gaz: Gazetteer) -> Backdrop:
    """Prepare boundaries, main roads and names for the maps of dispatch sheets (about a second)."""
    outline = layers.outlines(units)
    points = layers.project(np.asarray(gaz.lon), np.asarray(gaz.lat))
    roads = main_roads(network, province=outline.province)
    province = np.array([outline.province], object)
    counties, cities, edge = (_borders(units) for units in (outline.counties, outline.cities, province))
    names = tuple(map(str, gaz.name))
    level = np.asarray(gaz.level, np.int64)
    return Backdrop(outline.province, (counties, cities, edge), roads, level, points, names)


def _borders(units: layers.Geometries) -> Any:
    return shapely.line_merge(shapely.union_all(shapely.boundary(units)))


def draw(
    paper: Paper,
    frame: tuple[float, float, float, float],
    ground: Backdrop,
    *,
    place: tuple[float, float],
    sites: Sequence[tuple[float, float]],
    ways: Sequence[Line],
    closed: Sequence[Line] = (),
) -> None:
    """Draw the map into a frame of the paper.

    Parameters
    ----------
    frame
        x, y, width, height in millimetres.
    place, sites
        (longitude, latitude), WGS84 degrees; sites in the order of their numbers 1, 2, ….
    ways
        One (points, 2) line of degrees per site; empty where there is none.
    closed
        Lines of closed roads, degrees.
    """
    spot = layers.project([place[0]], [place[1]])
    stops = layers.project([x for x, _ in sites], [y for _, y in sites]).reshape(-1, 2)
    lines = [_metres(way) for way in ways]
    chart = panel.open_panel(paper, frame, _extent(np.vstack([spot, stops, *lines])))
    _draw_base(chart, ground)
    shut = [_metres(line) for line in closed]
    _draw_lines(chart, shut, colour=style.ACCENT, width=2.6, dash=_SHUT, zorder=4.6)
    for rank, line in reversed(list(enumerate(lines))):
        colour, dash = style.ROUTES[rank % len(style.ROUTES)], _DASHES[rank % len(_DASHES)]
        _draw_lines(chart, [line], colour=style.PAPER, width=3.2, dash="solid", zorder=4 + 0.001 / (rank + 1))
        _draw_lines(chart, [line], colour=colour, width=1.9, dash=dash, zorder=4.1 - rank / 100)
    taken = _draw_stops(chart, spot, stops)
    x, y, _, height = frame
    paper.rectangle(x + 1, y + 0.8, 60, 10.4, facecolor=style.PAPER, edgecolor="none", alpha=0.8, zorder=2)
    panel.draw_scale(chart, paper, x + 4, y + 5.6)
    arrow = _arrow_box(chart, taken)
    panel.draw_north(paper, x + (arrow[0] - chart.bounds[0]) / chart.metres_per_mm + 6, y + height - 19)
    key = _draw_key(chart, paper, frame, arrow) if shut else np.empty((0, 4))
    _draw_names(chart, ground, np.vstack((taken, arrow, key)))


def _arrow_box(chart: panel.Panel, taken: labels.Boxes) -> Line:
    """Choose the upper right corner for the north arrow, or the left one where a sign is in the way."""
    left, _, right, top = chart.bounds
    wide, high = 12 * chart.metres_per_mm, 20 * chart.metres_per_mm
    box = np.array([right - wide, top - high, right, top])
    return box if not labels.overlap(box, taken).any() else np.array([left, top - high, left + wide, top])


def _draw_key(
    chart: panel.Panel, paper: Paper, frame: tuple[float, float, float, float], arrow: Line
) -> labels.Boxes:
    """Say in the upper corner without the arrow what the red dots mean; returns the box that it takes."""
    x, y, width, height = frame
    left = x + 0.6 if arrow[0] > chart.bounds[0] else x + width - _KEY_MM - 0.6
    low = y + height - 5.4
    paper.rectangle(left, low, _KEY_MM, 4.8, facecolor=style.PAPER, edgecolor="none", alpha=0.85, zorder=2)
    dots = {"color": style.ACCENT, "linewidth": 2.6, "linestyle": _SHUT, "zorder": 3}
    paper.line((left + 1, left + 7), (low + 2.4, low + 2.4), **dots)
    paper.text(left + 8.5, low + 1.4, "封闭的道路", 7)
    west = chart.bounds[0] + (left - x) * chart.metres_per_mm
    size = _KEY_MM * chart.metres_per_mm
    return np.array([[west, chart.bounds[3] - size / 4, west + size, chart.bounds[3]]])


def _metres(line: Line) -> Line:
    return layers.project(line[:, 0], line[:, 1]) if len(line) else np.empty((0, 2))


def _extent(points: Line) -> Any:
    """Give the box of what must be seen, with a margin, no smaller than ``_LEAST_M``."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2 * (1 + _MARGIN), _LEAST_M / 2)
    south = _SCALE_SHARE * 2 * half.max()  # nothing that matters lies under the scale bar
    return shapely.box(middle[0] - half[0], middle[1] - half[1] - south, *(middle + half))


def _draw_base(chart: panel.Panel, ground: Backdrop) -> None:
    """Draw land, roads and borders, cut to the frame so that the file stays small."""
    land = shapely.clip_by_rect(ground.land, *chart.bounds)
    if not shapely.is_empty(land):
        chart.axes.add_artist(patch(land, facecolor=style.LAND, edgecolor="none", zorder=1))
    fast, other = style.DISPATCH_ROADS
    lines = [(ground.roads.other, other.colour, other.width), (ground.roads.fast, fast.colour, fast.width)]
    lines += [(border, style.BORDER, width) for border, width in zip(ground.borders, _BORDERS, strict=True)]
    for number, (whole, colour, width) in enumerate(lines):
        near = shapely.get_parts(shapely.clip_by_rect(whole, *chart.bounds))
        seen = [shapely.get_coordinates(part) for part in near]
        _draw_lines(chart, seen, colour=colour, width=width, dash="solid", zorder=2 + number / 10)


def _draw_lines(
    chart: panel.Panel, lines: Sequence[Line], *, colour: str, width: float, dash: Any, zorder: float
) -> None:
    """Draw lines as one path: a thousand of their own cost a second."""
    drawn = [line for line in lines if len(line) > 1]
    if drawn:
        moves = [[Outline.MOVETO, *[Outline.LINETO] * (len(line) - 1)] for line in drawn]
        path = Outline(np.concatenate(drawn), np.concatenate(moves))
        look: dict[str, Any] = {"edgecolor": colour, "linewidth": width, "linestyle": dash, "zorder": zorder}
        chart.axes.add_artist(PathPatch(path, facecolor="none", capstyle="butt", joinstyle="round", **look))


def _draw_stops(chart: panel.Panel, spot: Line, stops: Line) -> labels.Boxes:
    """Draw the place as a red ring with a cross, the sites as numbered squares; nothing hides another."""
    size = _PLACE_MM * chart.metres_per_mm
    taken = labels.boxes(spot, size, size)
    ring: dict[str, Any] = {"s": (_PLACE_MM * POINTS_PER_MM) ** 2, "linewidths": 1.6, "zorder": 7}
    chart.axes.scatter(spot[:, 0], spot[:, 1], facecolors=style.PAPER, edgecolors=style.ACCENT, **ring)
    cross: dict[str, Any] = {"s": (_PLACE_MM * 0.6 * POINTS_PER_MM) ** 2, "linewidths": 1.6, "zorder": 7.1}
    chart.axes.scatter(spot[:, 0], spot[:, 1], marker="+", color=style.ACCENT, **cross)
    side = _SITE_MM * chart.metres_per_mm
    sizes = np.full((len(stops), 2), side)
    centres = labels.place(stops, sizes, taken, gap=side * 0.3, rings=6, on_point=True, frame=chart.bounds)
    centres = np.where(np.isnan(centres), stops, centres)
    for rank, (stop, centre) in enumerate(zip(stops, centres, strict=True)):
        colour = style.ROUTES[rank % len(style.ROUTES)]
        if np.hypot(*(centre - stop)) > 1:
            chart.axes.plot(*np.stack((stop, centre)).T, color=colour, linewidth=0.8, zorder=6)
        box: dict[str, Any] = {"s": (_SITE_MM * POINTS_PER_MM) ** 2, "linewidths": 0.8, "zorder": 6.5}
        chart.axes.scatter(centre[:1], centre[1:], marker="s", color=colour, edgecolors=style.PAPER, **box)
        words: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": 8, "zorder": 6.6}
        chart.axes.text(float(centre[0]), float(centre[1]), str(rank + 1), color=style.PAPER, **words)
    return np.vstack((taken, labels.boxes(centres, side, side)))


def _draw_names(chart: panel.Panel, ground: Backdrop, taken: labels.Boxes) -> None:
    """Name cities, counties and townships in the frame, the greater and the nearer to its middle first."""
    left, bottom, right, top = chart.bounds
    scale_box = np.array([[left, bottom, left + 62 * chart.metres_per_mm, bottom + 12 * chart.metres_per_mm]])
    taken = np.vstack((taken, scale_box))
    x, y = ground.points.T
    inside = (x > left) & (x < right) & (y > bottom) & (y < top)
    away = np.hypot(x - (left + right) / 2, y - (bottom + top) / 2)
    shown = _LEVELS if right - left <= _TOWNSHIPS_M else _LEVELS[:-1]
    for level, size, colour, most in shown:
        rows = np.flatnonzero(inside & (ground.level == level))
        rows = rows[np.argsort(away[rows], kind="stable")][: 4 * most]
        names = [printable(ground.names[row]) for row in rows]
        height = size / POINTS_PER_MM * 1.15
        widths = [(measure(name, size) + 0.8, height) for name in names]
        sizes = np.array(widths).reshape(-1, 2) * chart.metres_per_mm
        options: dict[str, Any] = {"gap": 0.5 * chart.metres_per_mm, "frame": chart.bounds, "rings": 2}
        centres = labels.place(ground.points[rows], sizes, taken, on_point=True, **options)
        kept = np.flatnonzero(~np.isnan(centres).any(axis=1))[:most]
        taken = np.vstack(
            (taken, labels.boxes(centres[kept], sizes[kept, 0].tolist(), sizes[kept, 1].tolist()))
        )
        for number in kept.tolist():
            panel.halo(chart, centres[number], names[number], size, colour)
