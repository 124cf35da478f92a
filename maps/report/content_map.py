"""The small map of a report: counties by who is reached, the sites, and the numbered gaps of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geodata.layers import KIND_NAMES, Kind
from .. import style, words
from .model import Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...scenarios.run import Result
    from ...scenarios.world import World
    from ..charts_sheet import Box, Sheet
    from .facts import Row

SIZE = (85.0, 57.0)
_LEGEND_MM = 27.0
_DETAIL_MM = 0.12
"""Borders are drawn no finer than this on the paper."""
_SHAPES = {"circle": "o", "square": "s", "triangle": "^", "star": "*", "pentagon": "p"}
_MOST_SIGNS = 400
"""More sites than these are not drawn on so small a map."""


class Look(NamedTuple):
    """Where a point of the globe stands on the paper: millimetres."""

    west: float
    south: float
    left: float
    bottom: float
    across: float
    """Millimetres per degree of longitude."""
    up: float

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move (n, 2) longitudes and latitudes to the paper."""
        moved = (points - (self.west, self.south)) * (self.across, self.up)
        return np.asarray(moved + np.array((self.left, self.bottom)))


def gap_map(world: World, result: Result, kind: Kind, gaps: Sequence[Row], stamp: str) -> Chart:
    """Make the map of a layer today; its numbers are those of ``gaps``, rows of the sheet 缺口."""
    spots = np.array([(row.lon.value, row.lat.value) for row in gaps], float).reshape(-1, 2)

    def draw(width: float, height: float) -> Figure:
        from ..charts_sheet import open_sheet  # noqa: PLC0415 (matplotlib is slow to import)

        sheet = open_sheet(width, height, "", measure.title, titled=False)
        legend = min(_LEGEND_MM * sheet.scale, 0.4 * width)
        look = _look(world, sheet.less(right=legend).free)
        _draw_counties(world, result, kind, sheet, look)
        _draw_sites(result, kind, sheet, look)
        _draw_numbers(sheet, look.at(spots))
        _draw_legend(result, kind, sheet, width - legend, gaps=len(spots) > 0)
        line = " · ".join((stamp, *words.labels(world, result, kind)))
        sheet.text(sheet.free.left, sheet.free.bottom, line, "fine", colour=style.QUIET)
        return sheet.figure

    measure = style.county_measure(result.covers[kind].standard)
    named = "、".join(f"{row.city.value}{row.name.value}" for row in gaps)
    told = f"编号处是最大的缺口：{named}。" if named else "没有缺口。"
    text = f"现状{KIND_NAMES[kind]}分县地图，{measure.title}。{told}"
    title = f"{style.spaced(KIND_NAMES[kind]).strip()}：现状和最大的缺口"
    return Chart(title, draw, *SIZE, text, half=True)


def _draw_numbers(sheet: Sheet, places: NDArray[np.float64]) -> None:
    look = {"markeredgecolor": style.ACCENT, "markeredgewidth": 1.0, "zorder": 2.5}
    for number, (x, y) in enumerate(places.tolist(), 1):
        sheet.sign(x, y, "o", 3.4, style.PAPER, **look)
        sheet.text(x, y, str(number), "fine", colour=style.ACCENT, align="center")


def _look(world: World, room: Box) -> Look:
    """Fit the area into a box, true to shape in its middle latitude."""
    west, south, east, north = world.units.province.total_bounds
    squeeze = np.cos(np.radians((south + north) / 2))
    bottom = room.bottom + 3.0
    up = min(room.width / ((east - west) * squeeze), (room.top - bottom) / (north - south))
    across = up * squeeze
    left = room.left + (room.width - (east - west) * across) / 2
    return Look(west, south, left, bottom, across, up)


def _draw_counties(world: World, result: Result, kind: Kind, sheet: Sheet, look: Look) -> None:
    import shapely  # noqa: PLC0415

    from ..paper import patch  # noqa: PLC0415

    measure = style.county_measure(result.covers[kind].standard)
    counties = world.units.counties.sort_values("code")
    classes = measure.index(words.county_values(world, result, kind))
    fine = _DETAIL_MM / look.up
    for borders, colours, width in (
        (counties.geometry, [measure.classes[at].colour for at in classes], 0.25),
        (world.units.cities.geometry, None, 0.6),
        (world.units.province.geometry, None, 0.9),
    ):
        shapes = shapely.transform(shapely.simplify(borders.to_numpy(), fine), look.at)
        for number, shape in enumerate(shapes):
            face = "none" if colours is None else colours[number]
            own = patch(shape, facecolor=face, edgecolor=style.BORDER, linewidth=width * sheet.scale)
            own.set_transform(sheet.paper.mm)
            sheet.figure.add_artist(own)


def _draw_sites(result: Result, kind: Kind, sheet: Sheet, look: Look) -> None:
    """Draw the sites, the highest level on top; none where they are too many to tell apart."""
    table = result.layers[kind].table
    if len(table) > _MOST_SIGNS:
        return
    places = look.at(table[["lon", "lat"]].to_numpy(float))
    levels = style.marker_index(kind, table["level"].to_numpy(str))
    for number, marker in reversed(list(enumerate(style.markers(kind)))):
        for x, y in places[levels == number].tolist():
            _sign(sheet, x, y, marker)


def _sign(sheet: Sheet, x: float, y: float, marker: style.Marker) -> None:
    """Draw a site, smaller than on a wall sheet."""
    size = max(1.3, 0.55 * marker.size)
    sheet.sign(x, y, _SHAPES[marker.shape], size, style.SITE, markeredgewidth=0.3)


def _draw_legend(result: Result, kind: Kind, sheet: Sheet, left: float, *, gaps: bool) -> None:
    """Explain colours and signs, at the right of the map."""
    measure = style.county_measure(result.covers[kind].standard)
    step, y = 1.5 * sheet.step("tick"), sheet.free.top - 2 * sheet.scale
    high = 2.4 * sheet.scale
    for each in measure.classes:
        sheet.bar(left, y, 4 * sheet.scale, high, each.colour, edgecolor=style.BORDER, linewidth=0.4)
        _say(sheet, left, y, each.text)
        y -= step
    y -= 0.3 * step
    table = result.layers[kind].table
    there = set(table["level"].astype(str)) if len(table) <= _MOST_SIGNS else set()
    known = {marker.level for marker in style.markers(kind)}
    last = style.markers(kind)[-1].level
    for marker in style.markers(kind):
        if marker.level in there or (marker.level == last and there - known):
            size = max(1.3, 0.55 * marker.size)
            sheet.sign(
                left + 2 * sheet.scale, y, _SHAPES[marker.shape], size, style.SITE, markeredgewidth=0.3
            )
            _say(sheet, left, y, words.site_word(kind, marker.level, there))
            y -= step
    if len(table) > _MOST_SIGNS:
        _say(sheet, left - 5 * sheet.scale, y, "站点太多，没有画出")
        y -= step
    if gaps:
        look = {"markeredgecolor": style.ACCENT, "markeredgewidth": 1.0}
        sheet.sign(left + 2 * sheet.scale, y, "o", 3.0, style.PAPER, **look)
        _say(sheet, left, y, "缺口（编号见表）")


def _say(sheet: Sheet, left: float, y: float, text: str) -> None:
    x = left + 5.2 * sheet.scale
    sheet.text(x, y, sheet.fit(text, "tick", sheet.free.right - x), "tick")
