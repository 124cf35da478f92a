"""Draw the expressways on the map by stated rules: no coordinates of them are embedded.

The constants of the rules are assumptions (假设) in ``tables/road_speeds.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .crs import from_wgs84
from .demand import Demand
from .expressways import Expressway, border_name, interchange_name, leaves_province, settlement_in
from .gazetteer import Gazetteer
from .names import CITY, COUNTY, SETTLEMENT

Points = NDArray[np.float64]
"""(n, 2) WGS84 longitude and latitude, degrees; or plane coordinates, km, where the name says so."""
Rows = NDArray[np.intp]

ENTRY, JUNCTION, BORDER = range(3)
"""Roles of a stop: interchange with local roads, junction of two expressways, crossing of the border."""

_BEARING = {"湘": 270, "鄂": 340, "皖": 45, "浙": 90, "闽": 120, "粤": 180}
"""Degrees from north in which the neighbour provinces lie as seen from Jiangxi, coarsely."""
_CITY_WEIGHT = 4
"""Extra kilometres of a leg per kilometre that it comes too near to a city: more than going round costs."""


@dataclass(frozen=True)
class Rules:
    """Constants of the layout of the approximate network, see ``lay_out`` and ``approximate.skeleton``."""

    seat_pull: float
    end_pull: float
    seat_clear_km: float
    city_clear_km: float
    meeting_km: float
    ring_radius_km: float
    interchange_spacing_km: float
    longest_bend: float
    unverified_lengths: bool
    ramp_m: float
    connector_settlements: int
    connector_km: float
    highway_link_km: float
    county_link_km: float
    local_link_km: float


@dataclass(frozen=True)
class Line:
    """One expressway on the map: k stops in order of travel, straight between them."""

    road: str
    points: Points
    """(k, 2) places of the stops."""
    county: NDArray[np.int32]
    """(k,) county of each stop."""
    role: NDArray[np.uint8]
    """(k,) ``ENTRY``, ``JUNCTION`` or ``BORDER``."""
    name: tuple[str, ...]
    """(k,) names of the stops."""
    closed: bool = False
    """True where the last stop is joined to the first."""


@dataclass(frozen=True)
class _Ground:
    """What the layout needs to know of the province; plane coordinates in km."""

    gaz: Gazetteer
    cells: Points
    plane: Points
    tree: Any
    county: NDArray[np.int32]
    outer: NDArray[np.bool_]
    seats: Points
    centres: Points

    def nearest(self, points: Points) -> Rows:
        return np.atleast_1d(self.tree.query(plane_km(points))[1]).astype(np.intp)


def plane_km(points: Points) -> Points:
    """Project longitudes and latitudes (…, 2) to the metric plane of the province, km."""
    x, y = from_wgs84(points[..., 0], points[..., 1])
    return np.stack([x, y], axis=-1) / 1000


def lay_out(roads: Iterable[Expressway], gaz: Gazetteer, demand: Demand, *, rules: Rules) -> tuple[Line, ...]:
    """Draw expressways, in the order given.

    Every place that is chosen is the centre of a hexagonal cell:

    1. In each county a line takes the cell that makes the sum of its length and of ``seat_pull`` times the
       distances from the county seats least, over all counties at once (dynamic programming), nowhere
       nearer to a seat than ``seat_clear_km``. In its first and last county ``end_pull`` takes it to the
       edge of the county town. Legs keep ``city_clear_km`` away from the middle of a city where they can.
    2. A settlement that names the end of a section, known to the gazetteer and inside the county, replaces
       the free choice there.
    3. A line begins or ends on an interchange of an earlier line if there is one in that county within
       ``meeting_km`` of the seat.
    4. A trunk route of the state runs on to the province border where its first or last county lies there,
       and so does a line whose section ends at a border or a pass in such a county: to the border cell that
       is near and straight ahead (or towards the neighbour province, where the text names it).
    5. A ring road is a circle of ``ring_radius_km`` about its city with an interchange every 30 degrees.
    6. A line that touches none of the earlier ones is led on to the nearest interchange of them.
    7. Where two lines cross there is a junction.
    8. Stretches without an interchange are divided evenly, about ``interchange_spacing_km`` apart.
    """
    ground = _survey(gaz, demand)
    lines: list[Line] = []
    for road in roads:
        line = _ring(road, ground, rules) if road.ring else _draw(road, ground, lines, rules)
        lines.append(_join(line, lines))
    if not lines:
        return ()
    return tuple(_divide(line, ground, rules.interchange_spacing_km) for line in _cross(lines, ground))


def _survey(gaz: Gazetteer, demand: Demand) -> _Ground:
    cells = np.column_stack([demand.lon, demand.lat])
    plane = plane_km(cells)
    tree = cKDTree(plane)
    spacing = np.median(tree.query(plane, k=2)[0][:, 1])
    neighbours = tree.query_ball_point(plane, 1.3 * spacing, return_length=True) - 1
    place = plane_km(np.column_stack([gaz.lon, gaz.lat]))
    seat = np.flatnonzero(gaz.level == COUNTY)
    city = {str(gaz.name[row]): row for row in np.flatnonzero(gaz.level == CITY)}
    return _Ground(
        gaz=gaz,
        cells=cells,
        plane=plane,
        tree=tree,
        county=demand.county,
        outer=neighbours < 6,
        seats=place[seat[np.argsort(gaz.county[seat])]],
        centres=place[[city[str(name)] for name in gaz.city_name]],
    )


def _ring(road: Expressway, ground: _Ground, rules: Rules) -> Line:
    bearing = np.radians(np.arange(0, 360, 30))
    around = np.column_stack([np.sin(bearing), np.cos(bearing)]) * rules.ring_radius_km
    cells = ground.tree.query(ground.centres[road.counties[0]] + around)[1]
    cells = cells[np.sort(np.unique(cells, return_index=True)[1])]
    name: list[str] = []
    for cell in cells:
        name.append(_free_name(ground, ground.plane[cell], int(ground.county[cell]), name))
    role = np.full(len(cells), ENTRY, np.uint8)
    return Line(road.road, ground.cells[cells], ground.county[cells], role, tuple(name), closed=True)


def _draw(road: Expressway, ground: _Ground, lines: Sequence[Line], rules: Rules) -> Line:
    choices: list[Rows] = []
    county: list[int] = []
    name: list[str] = []
    for k, here in enumerate(road.counties):
        official = str(ground.gaz.county_name[here])
        end = k in (0, len(road.counties) - 1)
        free = _free(road, here, ground, lines if end else (), rules=rules)
        for place, cells in _named(road, here, ground) or [("", free)]:
            choices.append(cells)
            county.append(here)
            name.append(interchange_name(official, place))
    pull = np.full(len(choices), rules.seat_pull)
    pull[[0, -1]] = rules.end_pull
    own = [k * _from_seat(ground, c, cells) for k, c, cells in zip(pull, county, choices, strict=True)]
    cells = _cheapest(choices, own, ground, rules.city_clear_km)
    role = np.full(len(cells), ENTRY, np.uint8)
    line = Line(road.road, ground.cells[cells], np.array(county, np.int32), role, tuple(name))
    return _to_border(line, road, ground)


def _named(road: Expressway, county: int, ground: _Ground) -> list[tuple[str, Rows]]:
    """Find the cells of the settlements that name ends of sections in a county."""
    gaz = ground.gaz
    rows = [settlement_in(gaz, county, text) for text in road.texts(county)]
    return [
        (str(gaz.name[row]), ground.nearest(np.array([[gaz.lon[row], gaz.lat[row]]])))
        for row in rows
        if row >= 0
    ]


def _free(road: Expressway, county: int, ground: _Ground, lines: Sequence[Line], *, rules: Rules) -> Rows:
    """List the cells that a line may take in a county."""
    own = [line.points[(line.county == county) & (line.role == ENTRY)] for line in lines]
    if lines and not _crossing(road, county, ground):
        taken = np.unique(ground.nearest(np.vstack(own)))
        near = _from_seat(ground, county, taken) <= rules.meeting_km
        if near.any():
            return taken[near]
    cells = np.flatnonzero(ground.county == county)
    away = _from_seat(ground, county, cells)
    clear = away >= rules.seat_clear_km
    return cells[clear] if clear.any() else cells[[np.argmax(away)]]


def _from_seat(ground: _Ground, county: int, cells: Rows) -> NDArray[np.float64]:
    gap = ground.plane[cells] - ground.seats[county]
    return np.asarray(np.hypot(gap[:, 0], gap[:, 1]))


def _cheapest(
    choices: Sequence[Rows], own: Sequence[NDArray[np.float64]], ground: _Ground, city_clear_km: float
) -> Rows:
    """Choose one cell per stop so that length plus own cost is least (Bellman); ties go to the first."""
    cost, back = own[0], []
    for here, there, extra in zip(choices[:-1], choices[1:], own[1:], strict=True):
        leg = _leg_costs(ground.plane[here], ground.plane[there], ground.centres, city_clear_km)
        total = cost[:, None] + leg
        back.append(total.argmin(axis=0))
        cost = total.min(axis=0) + extra
    chosen = [int(cost.argmin())]
    for before in reversed(back):
        chosen.append(int(before[chosen[-1]]))
    return np.array([cells[k] for cells, k in zip(choices, reversed(chosen), strict=True)])


def _leg_costs(here: Points, there: Points, centres: Points, clear_km: float) -> NDArray[np.float64]:
    """Length of every leg from here to there, with a surcharge where it runs into a city."""
    leg = there[None] - here[:, None]
    cost = np.hypot(leg[..., 0], leg[..., 1])
    ends = np.vstack([here, there])
    low, high = ends.min(axis=0) - clear_km, ends.max(axis=0) + clear_km
    between = np.unique(centres, axis=0)
    for centre in between[((between >= low) & (between <= high)).all(axis=1)]:
        gap = centre - here[:, None]
        along = np.clip((gap * leg).sum(axis=-1) / np.maximum(cost**2, 1e-9), 0, 1)
        off = gap - along[..., None] * leg
        cost = cost + _CITY_WEIGHT * np.maximum(clear_km - np.hypot(off[..., 0], off[..., 1]), 0)
    return np.asarray(cost)


def _crossing(road: Expressway, county: int, ground: _Ground) -> str:
    """Name where the road leaves the province in a county; empty where it does not."""
    on_border = (ground.outer & (ground.county == county)).any()
    return leaves_province(road, county, ground.gaz) if on_border else ""


def _to_border(line: Line, road: Expressway, ground: _Ground) -> Line:
    first, last = road.counties[0], road.counties[-1]
    if first != last and (text := _crossing(road, first, ground)):
        line = _backwards(_extend(_backwards(line), text, ground))
    if text := _crossing(road, last, ground):
        line = _extend(line, text, ground)
    return line


def _backwards(line: Line) -> Line:
    return replace(
        line, points=line.points[::-1], county=line.county[::-1], role=line.role[::-1], name=line.name[::-1]
    )


def _extend(line: Line, text: str, ground: _Ground) -> Line:
    """Carry a line on to the border cell of its last county that is near and straight ahead."""
    county = int(line.county[-1])
    cells = np.flatnonzero(ground.outer & (ground.county == county))
    ends = plane_km(line.points[-2:])
    away = ground.plane[cells] - ends[-1]
    far = np.hypot(away[:, 0], away[:, 1])
    ahead = ends[-1] - ends[0]
    towards = [bearing for province, bearing in _BEARING.items() if province in text and text.endswith("界")]
    if towards:
        ahead = np.array([np.sin(np.radians(towards[0])), np.cos(np.radians(towards[0]))])
    cosine = away @ ahead / np.maximum(far * np.hypot(ahead[0], ahead[1]), 1e-9)
    best = cells[np.argmin(far * (1.1 - cosine))]
    return replace(
        line,
        points=np.vstack([line.points, ground.cells[best]]),
        county=np.append(line.county, np.int32(county)),
        role=np.append(line.role, np.uint8(BORDER)),
        name=(*line.name, border_name(str(ground.gaz.county_name[county]), text)),
    )


def _join(line: Line, earlier: Sequence[Line]) -> Line:
    """Lead a line that touches no earlier one on to the nearest of their interchanges."""
    if not earlier or line.closed or any(_touch(line, other) for other in earlier):
        return line
    if line.role[-1] == BORDER:
        return _backwards(_join(_backwards(line), earlier)) if line.role[0] != BORDER else line
    stops = [(other, k) for other in earlier for k in np.flatnonzero(other.role == ENTRY)]
    gap = plane_km(np.array([other.points[k] for other, k in stops])) - plane_km(line.points[-1])
    other, k = stops[int(np.argmin((gap**2).sum(axis=1)))]
    return replace(
        line,
        points=np.vstack([line.points, other.points[k]]),
        county=np.append(line.county, other.county[k]),
        role=np.append(line.role, np.uint8(ENTRY)),
        name=(*line.name, f"{other.name[k].removesuffix('互通')}枢纽"),
    )


def _touch(line: Line, other: Line) -> bool:
    shared = (line.points[:, None] == other.points[None]).all(axis=2).any()
    (start, end), (start2, end2) = legs(line), legs(other)
    road = np.repeat([0, 1], [len(start), len(start2)])
    return (
        bool(shared) or len(_intersections(np.vstack([start, start2]), np.vstack([end, end2]), road)[0]) > 0
    )


def legs(line: Line) -> tuple[Points, Points]:
    """Starts and ends of the legs of a line; a closed one has one more."""
    ends = np.roll(line.points, -1, axis=0)
    count = len(line.points) - (not line.closed)
    return line.points[:count], ends[:count]


def _cross(lines: Sequence[Line], ground: _Ground) -> list[Line]:
    """Insert a junction into both lines wherever two expressways cross."""
    parts = [legs(line) for line in lines]
    sizes = [len(start) for start, _ in parts]
    road = np.repeat(np.arange(len(lines)), sizes)
    leg = np.concatenate([np.arange(size) for size in sizes])
    start, end = (np.vstack([part[k] for part in parts]) for k in (0, 1))
    first, second, along, across = _intersections(start, end, road)
    points = start[first] + along[:, None] * (end - start)[first]
    owner = np.concatenate([road[first], road[second]])
    at = np.concatenate([leg[first] + along, leg[second] + across])
    both = np.vstack([points, points])
    return [_insert(line, at[owner == k], both[owner == k], ground) for k, line in enumerate(lines)]


def _intersections(start: Points, end: Points, road: Rows) -> tuple[Rows, Rows, Any, Any]:
    """Find the proper crossings of segments of different roads: pairs and their places (0-1) along either."""
    first, second = np.nonzero(road[:, None] < road[None, :])
    d, e = (end - start)[first], (end - start)[second]
    gap = start[second] - start[first]
    cross = d[:, 0] * e[:, 1] - d[:, 1] * e[:, 0]
    crossing = np.abs(cross) > 1e-12
    divisor = np.where(crossing, cross, 1.0)
    along = (gap[:, 0] * e[:, 1] - gap[:, 1] * e[:, 0]) / divisor
    across = (gap[:, 0] * d[:, 1] - gap[:, 1] * d[:, 0]) / divisor
    for place in (along, across):
        crossing &= (place > 1e-9) & (place < 1 - 1e-9)
    return first[crossing], second[crossing], along[crossing], across[crossing]


def _insert(line: Line, at: NDArray[np.float64], points: Points, ground: _Ground) -> Line:
    """Insert junctions at places given as number of the leg plus share of it."""
    county = ground.county[ground.nearest(points)] if len(points) else np.empty(0, np.int32)
    name = [*line.name, *(f"{ground.gaz.county_name[c]}枢纽" for c in county)]
    order = np.argsort(np.concatenate([np.arange(len(line.points)), at]), kind="stable")
    return replace(
        line,
        points=np.vstack([line.points, points])[order],
        county=np.append(line.county, county)[order],
        role=np.append(line.role, np.full(len(at), JUNCTION, np.uint8))[order],
        name=tuple(name[k] for k in order),
    )


def _divide(line: Line, ground: _Ground, spacing_km: float) -> Line:
    """Add interchanges so that no stretch between stops is much longer than the spacing."""
    start, end = legs(line)
    gap = plane_km(end) - plane_km(start)
    parts = np.maximum(np.rint(np.hypot(gap[:, 0], gap[:, 1]) / spacing_km), 1).astype(np.intp)
    leg = np.repeat(np.arange(len(parts)), parts - 1)
    share = np.concatenate([np.empty(0), *(np.arange(1, n) / n for n in parts)])
    points = start[leg] + share[:, None] * (end - start)[leg]
    county = ground.county[ground.nearest(points)] if len(points) else np.empty(0, np.int32)
    name = list(line.name)
    for point, c in zip(plane_km(points), county, strict=True):
        name.append(_free_name(ground, point, int(c), name))
    order = np.argsort(np.concatenate([np.arange(len(line.points)), leg + share]), kind="stable")
    return replace(
        line,
        points=np.vstack([line.points, points])[order],
        county=np.append(line.county, county)[order],
        role=np.append(line.role, np.full(len(points), ENTRY, np.uint8))[order],
        name=tuple(name[k] for k in order),
    )


def _free_name(ground: _Ground, point: Points, county: int, used: Sequence[str]) -> str:
    """Name an interchange after the nearest settlement of its county that the line has not used yet."""
    gaz, official = ground.gaz, str(ground.gaz.county_name[county])
    rows = np.flatnonzero((gaz.level == SETTLEMENT) & (gaz.county == county))
    gap = plane_km(np.column_stack([gaz.lon[rows], gaz.lat[rows]])) - point
    for row in rows[np.argsort((gap**2).sum(axis=1), kind="stable")]:
        name = interchange_name(official, str(gaz.name[row]))
        if name not in used:
            return name
    return f"{interchange_name(official)}{sum(name.startswith(official) for name in used) + 1}"
