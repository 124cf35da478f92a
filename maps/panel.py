"""The map of a sheet: areas, borders, roads, sites, gaps and names, in the equal-area projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patheffects import Stroke
from numpy.typing import NDArray

from ..geodata import crs
from ..geodata.layers import Kind
from . import labels, layers, style, words
from .fonts import printable
from .paper import POINTS_PER_MM, Paper, measure, patch

if TYPE_CHECKING:
    from ..scenarios.run import Result
    from ..scenarios.world import World
    from .roads import MainRoads

MPL_SHAPES = {"circle": "o", "square": "s", "triangle": "^", "star": "*", "pentagon": "p"}
NUMBERED = 10
"""So many gaps and suggested sites carry a number on the map, those of the tables beside it."""
MOST_NUMBERED = 60
"""Beyond so many suggested sites none is numbered, and the table counts them by city."""

_GAP_MM, _NEW_MM, _NEW_SMALL_MM = 5.0, 4.6, 1.9
_MARGIN_MM = 7.0
_MOST_SPARED = 150
"""Names keep off the sites of a layer while these are no more; dots by the hundred lie under them."""
_CITY_RINGS, _COUNTY_RINGS = 9, 4
"""A name of a city may stand up to 6 mm off its seat, that of a county 3 mm."""


@dataclass(frozen=True)
class Panel:
    """A map frame on the paper: axes in metres and its scale."""

    axes: Axes
    metres_per_mm: float
    bounds: tuple[float, float, float, float]
    """Left, bottom, right, top of the frame in metres."""


def open_panel(paper: Paper, frame: tuple[float, float, float, float], province: Any) -> Panel:
    """Lay a frame (x, y, width, height in mm) on the paper with the province centred in it."""
    x, y, width, height = frame
    west, south, east, north = shapely.bounds(province).tolist()
    scale = max((east - west) / (width - 2 * _MARGIN_MM), (north - south) / (height - 2 * _MARGIN_MM))
    middle = ((west + east) / 2, (south + north) / 2)
    bounds = (
        middle[0] - width / 2 * scale,
        middle[1] - height / 2 * scale,
        middle[0] + width / 2 * scale,
        middle[1] + height / 2 * scale,
    )
    place = (x / paper.width, y / paper.height, width / paper.width, height / paper.height)
    axes = paper.figure.add_axes(place, xlim=bounds[::2], ylim=bounds[1::2], xticks=[], yticks=[])
    axes.set_facecolor("#f7f9fa")
    for spine in axes.spines.values():
        spine.set(linewidth=0.8, edgecolor=style.INK)
    return Panel(axes, scale, bounds)


def draw_graticule(panel: Panel, paper: Paper, frame: tuple[float, float, float, float]) -> None:
    """Draw meridians and parallels at round degrees as fine lines and name them outside the frame."""
    x, y = frame[:2]
    left, bottom, right, top = panel.bounds
    lon, lat = crs.to_wgs84([left, right, left, right], [bottom, bottom, top, top], of=crs.ALBERS)
    step = next((each for each in (1, 0.5, 0.2, 0.1, 0.05) if np.ptp(lat) / each >= 3), 0.02)
    along = np.linspace(-0.2, 1.2, 60)
    for degree in np.arange(np.floor(lon.min() / step), lon.max() / step + 1) * step:
        line = layers.project(np.full(60, degree), lat.min() + along * np.ptp(lat))
        panel.axes.plot(*line.T, color="#d5dce2", linewidth=0.4, zorder=0.5)
        at = float(np.interp(bottom, line[:, 1], line[:, 0]))
        if left < at < right:
            place = x + (at - left) / panel.metres_per_mm
            paper.text(place, y - 3.4, f"{degree:.6g}°E", 6.5, colour=style.QUIET, align="center")
    for degree in np.arange(np.floor(lat.min() / step), lat.max() / step + 1) * step:
        line = layers.project(lon.min() + along * np.ptp(lon), np.full(60, degree))
        panel.axes.plot(*line.T, color="#d5dce2", linewidth=0.4, zorder=0.5)
        at = float(np.interp(left, line[:, 0], line[:, 1]))
        if bottom < at < top:
            place = y + (at - bottom) / panel.metres_per_mm - 0.8
            paper.text(x - 1, place, f"{degree:.6g}°N", 6.5, colour=style.QUIET, align="right")


def draw_areas(panel: Panel, areas: list[Any], swatches: tuple[style.Swatch, ...]) -> None:
    """Fill the areas of the classes; a hairline of the same colour closes the seams."""
    for area, swatch in zip(areas, swatches, strict=True):
        shape = patch(area, facecolor=swatch.colour, edgecolor=swatch.colour, linewidth=0.25, zorder=1)
        panel.axes.add_patch(shape)


def draw_roads(panel: Panel, roads: MainRoads, colour: str) -> None:
    """Draw the fast roads and the others below the borders."""
    for lines, width in ((roads.fast, 0.9), (roads.other, 0.45)):
        segments = [shapely.get_coordinates(line) for line in shapely.get_parts(lines)]
        panel.axes.add_collection(
            LineCollection(segments, colors=colour, linewidths=width, zorder=2), autolim=False
        )


def draw_borders(panel: Panel, outline: layers.Outlines) -> None:
    """Draw the borders of counties, cities and the province, each stretch once."""
    levels = ((outline.counties, "#87929c", 0.35), (outline.cities, "#4a5661", 0.9))
    for number, (units, colour, width) in enumerate(levels):
        lines = shapely.get_parts(shapely.line_merge(shapely.union_all(shapely.boundary(units))))
        segments = [shapely.get_coordinates(line) for line in lines]
        borders = LineCollection(
            segments, colors=colour, linewidths=width, zorder=3 + number / 10, joinstyle="round"
        )
        panel.axes.add_collection(borders, autolim=False)
    shape = patch(
        outline.province, facecolor="none", edgecolor=style.INK, linewidth=1.5, joinstyle="round", zorder=3.5
    )
    panel.axes.add_patch(shape)


def draw_sites(panel: Panel, kind: Kind, table: pd.DataFrame) -> labels.Boxes:
    """Draw the sites by level, the highest on top; returns the boxes of those that names should not cover."""
    points = layers.project(table["lon"], table["lat"])
    mark = style.marker_index(kind, table["level"].to_numpy(str))
    taken = [np.empty((0, 4))]
    for number, marker in reversed(list(enumerate(style.markers(kind)))):
        chosen = points[mark == number]
        draw_signs(
            panel,
            chosen,
            MPL_SHAPES[marker.shape],
            marker.size,
            colour=style.SITE,
            zorder=5 - number / 10,
        )
        if len(points) <= _MOST_SPARED:
            taken.append(
                labels.boxes(chosen, marker.size * panel.metres_per_mm, marker.size * panel.metres_per_mm)
            )
    return np.vstack(taken)


def draw_signs(
    panel: Panel, points: NDArray[np.float64], marker: str, size: float, *, colour: str, zorder: float
) -> None:
    """Draw markers of one shape and size (mm) with a white edge."""
    edge: dict[str, Any] = {
        "s": (size * POINTS_PER_MM) ** 2,
        "edgecolors": "white",
        "linewidths": min(0.6, size * 0.2),
    }
    panel.axes.scatter(points[:, 0], points[:, 1], marker=marker, color=colour, zorder=zorder, **edge)


def draw_added(panel: Panel, added: pd.DataFrame) -> labels.Boxes:
    """Draw the suggested sites as diamonds, the first of them with their rank."""
    points = layers.project(added["lon"], added["lat"]).reshape(-1, 2)
    first = (added["rank"].to_numpy() <= NUMBERED) & (len(added) <= MOST_NUMBERED)
    draw_signs(panel, points[~first], "D", _NEW_SMALL_MM, colour=style.NEW, zorder=5)
    draw_signs(panel, points[first], "D", _NEW_MM * 0.85, colour=style.NEW, zorder=6.5)
    for point, rank in zip(points[first], added["rank"][first], strict=True):
        _number(panel, point, rank, 6.5, colour="white", zorder=6.6)
    size = _NEW_MM * panel.metres_per_mm
    small = _NEW_SMALL_MM * panel.metres_per_mm
    rest = points[~first] if len(points) <= MOST_NUMBERED else points[:0]
    return np.vstack((labels.boxes(points[first], size, size), labels.boxes(rest, small, small)))


def _number(
    panel: Panel, point: NDArray[np.float64], number: int, size: float, *, colour: str, zorder: float
) -> None:
    options: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": size}
    panel.axes.text(float(point[0]), float(point[1]), str(number), color=colour, zorder=zorder, **options)


def draw_gaps(panel: Panel, gaps: pd.DataFrame, taken: labels.Boxes) -> labels.Boxes:
    """Draw the numbers of the largest gaps, moved aside with a leader line where something is in the way."""
    points = layers.project(gaps["lon"], gaps["lat"]).reshape(-1, 2)
    size = _GAP_MM * panel.metres_per_mm
    sizes = np.full((len(points), 2), size)
    centres = labels.place(points, sizes, taken, gap=size * 0.35, rings=6, on_point=True)
    centres = np.where(np.isnan(centres), points, centres)
    for point, centre, rank in zip(points, centres, gaps["rank"], strict=True):
        if np.hypot(*(centre - point)) > 1:
            panel.axes.plot(*np.stack((point, centre)).T, color=style.ACCENT, linewidth=0.8, zorder=6)
            draw_signs(panel, point[None], "o", 1.3, colour=style.ACCENT, zorder=6)
        ring: dict[str, Any] = {
            "s": (_GAP_MM * POINTS_PER_MM) ** 2,
            "edgecolors": style.ACCENT,
            "linewidths": 1.2,
        }
        panel.axes.scatter(centre[:1], centre[1:], c="white", zorder=7, **ring)
        _number(panel, centre, rank, 8, colour=style.ACCENT, zorder=7.1)
    return labels.boxes(centres, size, size)


def draw_names(panel: Panel, world: World, taken: labels.Boxes) -> None:
    """Write the names of the cities, then of as many counties as fit without touching anything.

    A city for whose name there is no room beside the markers is written over them.
    """
    gaz, written = world.gazetteer, np.empty((0, 4))
    for level, size, colour in ((1, 10.5, style.INK), (2, 6.5, "#4d5a66")):
        rows = np.flatnonzero(np.asarray(gaz.level) == level)
        names = [printable(str(gaz.name[row])) for row in rows]
        points = layers.project(np.asarray(gaz.lon)[rows], np.asarray(gaz.lat)[rows])
        height = size / POINTS_PER_MM * 1.1
        sizes = np.array([(measure(name, size) + 0.6, height) for name in names]) * panel.metres_per_mm
        options: dict[str, Any] = {"gap": 0.7 * panel.metres_per_mm, "frame": panel.bounds}
        options["rings"] = _CITY_RINGS if level == 1 else _COUNTY_RINGS
        centres = labels.place(points, sizes, np.vstack((taken, written)), on_point=level == 2, **options)
        written = np.vstack((written, _boxes(centres, sizes)))
        left = np.isnan(centres).any(axis=1)
        if level == 1 and left.any():
            centres[left] = labels.place(points[left], sizes[left], written, on_point=False, **options)
            written = np.vstack((written, _boxes(centres[left], sizes[left])))
        for centre, name in zip(centres, names, strict=True):
            if not np.isnan(centre).any():
                _halo(panel, centre, name, size, colour)


def _boxes(centres: NDArray[np.float64], sizes: NDArray[np.float64]) -> labels.Boxes:
    placed = ~np.isnan(centres).any(axis=1)
    return labels.boxes(centres[placed], sizes[placed, 0].tolist(), sizes[placed, 1].tolist())


def _halo(panel: Panel, centre: NDArray[np.float64], text: str, size: float, colour: str) -> None:
    """Write a text over a white rim, a shape of its own, so that the text stays text in the PDF."""
    options: dict[str, Any] = {"fontsize": size, "ha": "center", "va": "center_baseline"}
    rim = [Stroke(linewidth=size * 0.28, foreground="white", alpha=0.9)]
    x, y = float(centre[0]), float(centre[1])
    panel.axes.text(x, y, text, color="white", path_effects=rim, zorder=7.5, **options)
    panel.axes.text(x, y, text, color=colour, zorder=7.6, **options)


def draw_scale(panel: Panel, paper: Paper, x: float, y: float) -> None:
    """Draw a scale bar of a round length, at most 50 mm, in four steps, with the ratio of the sheet."""
    lengths = [digit * 10**power for power in range(-1, 4) for digit in (1, 2, 5)]
    length_km = max(length for length in lengths if length * 1000 / panel.metres_per_mm <= 50)
    step = length_km * 250 / panel.metres_per_mm
    for number in range(4):
        face = style.INK if number % 2 == 0 else "white"
        paper.rectangle(x + number * step, y, step, 1.6, facecolor=face, edgecolor=style.INK, linewidth=0.6)
    for number, text in ((0, "0"), (2, f"{length_km / 2:g}"), (4, f"{length_km:g} km")):
        paper.text(x + number * step, y + 2.6, text, 7, align="center")
    ratio = float(f"{panel.metres_per_mm * 1000:.2g}")
    paper.text(x, y - 3.6, f"约 1 : {ratio:,.0f} (按此页原大打印)", 6.5, colour=style.QUIET)


def draw_north(paper: Paper, x: float, y: float) -> None:
    """Draw a north arrow with its foot at (x, y)."""
    paper.polygon(
        [(x, y + 12), (x - 3, y), (x, y + 2.6)], facecolor=style.INK, edgecolor=style.INK, linewidth=0.6
    )
    paper.polygon(
        [(x, y + 12), (x + 3, y), (x, y + 2.6)], facecolor="white", edgecolor=style.INK, linewidth=0.6
    )
    paper.text(x, y + 13, "北", 9, align="center")


def result_areas(
    world: World, result: Result, kind: Kind, outline: layers.Outlines
) -> tuple[list[Any], tuple[style.Swatch, ...]]:
    """Areas of the sheet and their classes: reach by driving, or counties by sites per residents.

    A reach on foot is far smaller than a cell and invisible on a map of the province: counties are shown.
    """
    standard = result.covers[kind].standard
    if standard.mode == "drive":
        swatches = style.reach_classes(standard)
        cells = layers.cell_areas(world.demand, outline.province)
        index = layers.cover_index(words.residents_of(world, result), result.covers[kind])
        return list(layers.class_areas(cells, index, len(swatches), outline.province)), swatches
    county = style.county_measure(standard)
    index = county.index(words.county_values(world, result, kind))
    areas = [
        shapely.coverage_union_all(outline.counties[index == number]) for number in range(len(county.classes))
    ]
    return areas, county.classes
