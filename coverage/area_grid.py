"""Grid of limits: for every vertex of a lattice the first limit that no place around it exceeds.

The cost of a place is that of `reach`: it meets the nearest road (or node) and goes on from there. That jumps
where another road becomes the nearest, so a cost at a point says nothing certain about its surroundings. A
vertex is therefore judged with its surroundings: with d its distance to the nearest road, a place within r of
it is at most d + r from its own road, and that road lies within d + 2r of the vertex (less to the sides, see
`area_kernels._weigh`). So no place within r costs more than

    max(cost of the road over all roads that places within r may meet) + (d + r) x detour / access speed.

Roads stand as points in the middle of parts of a quarter of the spacing; a part costs at most what its middle
costs and the driving over half of it. Distances in the plane of the lattice (Albers, ellipsoid) and on the
great circle differ by less than 0.5 %, for which `area_kernels.STRETCH` and ``TURNED`` stand. A block of 16 x
16 vertices is decided at once where one limit holds for all of it and no lower one for any, else divided.

A polygon that crosses the edges of the lattice in the middle is at most 0.79 spacings from the vertices
within (where three corners of a square are within: sqrt(0.25^2 + 0.75^2)); so r = 0.8 spacings is enough.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import plain
from ..geodata.crs import ALBERS, from_wgs84
from ..geodata.network import CLOSED, Network
from ..geodata.shapes import STEPS, Shapes
from . import area_kernels, meet, near_nodes, snap, travel
from .area_kernels import BEYOND
from .snap import Access
from .standards import Standard

AROUND = 0.8
"""Radius, in spacings, around a vertex for which its limit holds."""
MOST_VERTICES = 8_000_000
"""Vertices up to which a spacing is chosen; a wider reach gets a wider spacing."""

_MARGIN = 2
"""Vertices that surely lie beyond, at the rim of a lattice."""


@dataclass(frozen=True)
class Costs:
    """How costs are counted: hundredths of a second, or of a metre on a network for walking."""

    network: Network
    """With ``centiseconds`` in those hundredths."""
    standard: Standard

    @property
    def slope(self) -> float:
        """Hundredths per straight metre off the road."""
        metres_a_unit = self.standard.access_kmh / 3.6 if self.standard.mode == "drive" else 1.0
        return self.standard.detour / metres_a_unit * 100


def costs_of(network: Network, standard: Standard) -> Costs | None:
    """Choose the costs; None where distances on foot are straight lines (see `meet.on_foot`)."""
    ways = network if standard.mode == "drive" else meet.on_foot(network, standard)
    return None if ways is None else Costs(ways, standard)


@dataclass(frozen=True)
class RoadPoints:
    """p points where places may meet the network, each for a part of a road."""

    x: NDArray[np.float64]
    """(p,) metres in ``crs.ALBERS``."""
    y: NDArray[np.float64]
    access: Access
    """How the points are reached, without a way off the road."""
    slack: NDArray[np.int64]
    """(p,) hundredths by which a place on the part may cost more than its middle."""
    half: NDArray[np.float64]
    """(p,) half the share of the shape that the part has."""

    def ways(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Give (p, 2) nodes, and hundredths from there that hold for the whole part."""
        return self.access.in_node, self.access.in_cs.astype(np.int64) + self.slack[:, None]

    def take(self, rows: NDArray[Any]) -> RoadPoints:
        """Keep some of the points."""
        some = Access(*(own[rows] for own in vars(self.access).values()))
        return RoadPoints(self.x[rows], self.y[rows], some, self.slack[rows], self.half[rows])


def road_points(costs: Costs, *, spacing_m: float) -> RoadPoints:
    """Place points along all roads that places may meet, each for a part of at most ``spacing_m``.

    Without shapes they are the nodes that places may meet.
    """
    network = costs.network
    if network.shapes is None:
        return _nodes_as_points(network)
    shapes, times = network.shapes, np.asarray(network.centiseconds)
    edge = np.asarray(shapes.edge)
    cost = np.where(edge >= 0, times[edge], CLOSED).astype(np.int64)
    use = np.asarray(shapes.snap, bool) & (cost >= 0).any(axis=1)
    lines = plain(shapes.start), plain(shapes.x), plain(shapes.y)
    shape, along, half, lon, lat = area_kernels.sample_shapes(*lines, use, float(spacing_m))
    x, y = from_wgs84(lon / STEPS, lat / STEPS, to=ALBERS)
    slack = np.ceil(half * cost[shape].max(axis=1)).astype(np.int64) + 1
    place = lon / STEPS, lat / STEPS
    access = _on_shapes(network, shapes, (shape, along), cost[shape], place)
    return RoadPoints(x, y, access, slack, half)


def _nodes_as_points(network: Network) -> RoadPoints:
    nodes = near_nodes.road_nodes(network) if network.n_nodes else np.empty(0, np.intp)
    place = np.column_stack([np.asarray(network.lon)[nodes], np.asarray(network.lat)[nodes]])
    nodes = nodes[np.sort(np.unique(place, axis=0, return_index=True)[1])]
    x, y = from_wgs84(np.asarray(network.lon)[nodes], np.asarray(network.lat)[nodes], to=ALBERS)
    slack, half = np.ones(len(nodes), np.int64), np.zeros(len(nodes))
    return RoadPoints(x, y, snap.at_nodes(network, nodes), slack, half)


def _on_shapes(
    network: Network,
    shapes: Shapes,
    where: tuple[NDArray[np.int32], NDArray[np.float64]],
    cost: NDArray[np.int64],
    place: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Access:
    """Tell how points on shapes are reached and left; times are shared out as in `snap`."""
    shape, along = where
    edge = np.asarray(shapes.edge)[shape]
    head, tail = np.asarray(network.head)[edge], np.searchsorted(network.start, edge, side="right") - 1
    before = np.rint(np.column_stack([along, 1.0 - along]) * cost).astype(np.int64)
    ways = [
        (np.where(cost >= 0, node, -1).astype(np.int32), np.where(cost >= 0, time, -1).astype(np.int32))
        for node, time in ((head, cost - before), (tail, before))
    ]
    none = np.zeros(len(shape))
    return Access(*ways[0], *ways[1], none.astype(np.int64), none, *place, shape=shape, along=along)


@dataclass(frozen=True)
class Lattice:
    """Vertices in ``crs.ALBERS`` at whole multiples of a spacing, row by row from the south-west."""

    west: float
    south: float
    spacing: float
    columns: int
    rows: int

    @property
    def x(self) -> NDArray[np.float64]:
        """(columns,) metres."""
        return np.asarray(self.west + self.spacing * np.arange(self.columns), np.float64)

    @property
    def y(self) -> NDArray[np.float64]:
        """(rows,) metres."""
        return np.asarray(self.south + self.spacing * np.arange(self.rows), np.float64)


def lattice_of_sites(lattice: Lattice, owner: NDArray[np.int32]) -> Lattice:
    """Give the lattice of the middles of 2 x 2 vertices."""
    every = 2**area_kernels.SITE_LEVEL
    aside = (every - 1) / 2 * lattice.spacing
    rows, columns = owner.shape
    return Lattice(lattice.west + aside, lattice.south + aside, every * lattice.spacing, columns, rows)


@dataclass(frozen=True)
class Grid:
    """A lattice with the points on roads that count on it, sorted into squares."""

    lattice: Lattice
    points: RoadPoints
    frame: tuple[float, float, float, int, int]
    """West, south, side of the squares, columns, rows."""
    buckets: tuple[NDArray[np.int64], NDArray[np.int32]]
    """First entry of each square, and the points."""
    part_m: float
    """Length of the parts for which the points stand."""


def far_m(costs: Costs, limit: int) -> float:
    """Give how far off the road a place can be at most, straight metres."""
    return min(snap.FARTHEST_M, limit * 100 / costs.slope)


def box_of(points: RoadPoints, reached: NDArray[np.bool_], margin_m: float) -> tuple[float, ...]:
    """Give the box around points and a margin: west, south, east, north."""
    x, y = points.x[reached], points.y[reached]
    return (x.min() - margin_m, y.min() - margin_m, x.max() + margin_m, y.max() + margin_m)


def lattice_over(box: tuple[float, ...], spacing_m: float) -> Lattice:
    """Lay a lattice over a box; its rim lies outside.

    It begins at a whole multiple of a block of 16 vertices, so that what is found at a vertex does not depend
    on the box.
    """
    block = 2**area_kernels.TOP_LEVEL
    low = (np.floor(np.array(box[:2]) / spacing_m).astype(np.int64) - _MARGIN) // block * block
    high = np.ceil(np.array(box[2:]) / spacing_m).astype(np.int64) + _MARGIN
    columns, rows = (high - low + 1).tolist()
    west, south = (low * spacing_m).tolist()
    # Whole metres become floats, too, so that one compiled kernel serves all.
    return Lattice(float(west), float(south), float(spacing_m), columns, rows)


def make_grid(points: RoadPoints, lattice: Lattice, *, part_m: float) -> Grid:
    """Sort the points into squares of which each holds a few; ``part_m`` is the length of their parts."""
    frame = _frame(points, lattice)
    buckets = area_kernels.into_buckets(plain(points.x), plain(points.y), frame)
    return Grid(lattice, points, frame, buckets, part_m)


def _frame(points: RoadPoints, lattice: Lattice) -> tuple[float, float, float, int, int]:
    """Choose squares of which each holds a few points."""
    west, south = float(points.x.min()), float(points.y.min())
    wide, high = float(np.ptp(points.x)), float(np.ptp(points.y))
    least = lattice.spacing * 2**area_kernels.TOP_LEVEL
    side = max(least, np.sqrt(2.0 * wide * high / len(points.x)), max(wide, high) / 1e6)
    return west, south, side, int(wide // side) + 1, int(high // side) + 1


def near_box(points: RoadPoints, box: tuple[float, ...], margin_m: float) -> NDArray[np.intp]:
    """List the points that may count inside a box."""
    west, south, east, north = box
    inside = (points.x >= west - margin_m) & (points.x <= east + margin_m)
    inside &= (points.y >= south - margin_m) & (points.y <= north + margin_m)
    return np.flatnonzero(inside)


@dataclass(frozen=True)
class Times:
    """Hundredths from sites to nodes, and to the points on the roads where they stand."""

    node: NDArray[np.int32]
    """(n,) hundredths at the nodes, ``BEYOND`` where there is no way."""
    site: NDArray[np.int32]
    """(n,) site that they come from, -1 where there is none."""
    own: NDArray[np.int64]
    """(p,) hundredths along the road from a site that stands on it, ``BEYOND`` where there is none."""
    own_site: NDArray[np.int32]
    """(p,) that site, of equally near ones the lowest; -1 where there is none."""


def least_times(points: RoadPoints, times: Times) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Give the hundredths that hold for the whole part of each point, and the site that they come from."""
    node, before = points.ways()
    found: tuple[NDArray[np.int64], NDArray[np.int32]] = area_kernels.point_times(
        (node, before, times.own), times.node, times.site, times.own_site
    )
    return found


def times_from(costs: Costs, sites: Access, points: RoadPoints, limit: int) -> Times:
    """Find the time from the nearest site."""
    label, node, offset = sites.exits()
    found = travel.to_nearest(costs.network, node, offset_cs=offset, label=label, within_cs=limit * 100)
    own, own_site = beside(sites, points)
    return Times(found.centiseconds, found.site, own, own_site)


def beside(sites: Access, points: RoadPoints) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Find the times along the road to the points on it: (hundredths, site), ties to the lower site.

    On a one-way road the part on which the site stands is left out: places behind the site are in it.
    """
    own = np.full(len(points.x), BEYOND, np.int64)
    own_site = np.full(len(points.x), -1, np.int32)
    site, point, time, _ = snap.on_one_road(sites, points.access)
    both = (points.access.in_node[point] >= 0).all(axis=1)
    clear = np.abs(points.access.along[point] - sites.along[site]) >= points.half[point]
    site, point, time = site[both | clear], point[both | clear], time[both | clear]
    time = time + points.slack[point]
    order = np.lexsort((-site, -time))  # the least time, of those the lowest site, is written last
    own[point[order]], own_site[point[order]] = time[order], site[order]
    return own, own_site


def bands(
    grid: Grid, costs: Costs, times: Times, limits: tuple[int, ...], *, lattice: Lattice | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Find the first limit that holds for all places around each vertex, and the sites.

    Parameters
    ----------
    limits
        Seconds or metres, ascending, at most 254.
    lattice
        By default that of the grid.

    Returns
    -------
    tuple
        (rows, columns) position among the limits, their number where some place may be beyond all; and for
        every 2 x 2 vertices the site from which the nearest road is reached first, ties to the lower; -1
        where there is none, and none among the neighbours.
    """
    over, points = lattice or grid.lattice, grid.points
    most, site = least_times(points, times)
    least = np.where(most < BEYOND, most - 2 * points.slack, BEYOND)
    most = np.where(most <= limits[-1] * 100, most, BEYOND)
    band = np.full((over.rows, over.columns), len(limits), np.uint8)
    every = 2**area_kernels.SITE_LEVEL
    owner = np.full((-(-over.rows // every), -(-over.columns // every)), -1, np.int32)
    rules = (costs.slope, far_m(costs, limits[-1]), grid.part_m / 2, AROUND)
    size, threads = 2**area_kernels.TOP_LEVEL, max(1, os.cpu_count() or 1)
    ends = np.linspace(0, -(-over.rows // size), 4 * threads + 1).astype(int).tolist()
    frame, place, known = (
        grid.frame,
        (plain(points.x), plain(points.y)),
        (plain(most), plain(least), plain(site)),
    )

    def search(first: int, last: int) -> None:
        area_kernels.classify(
            (over.west, over.south, over.spacing, over.columns, over.rows),
            (first, last),
            frame,
            grid.buckets,
            place,
            known,
            np.array(limits, np.int64) * 100,
            rules,
            (band, owner),
        )

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(search, ends[:-1], ends[1:]))
    return band, _spread(_spread(owner))


def _spread(label: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give places without a site that of a neighbour; inside the rim."""
    out = label.copy()
    inner = out[1:-1, 1:-1]
    for row in (1, 0, 2):
        for column in (1, 0, 2):
            other = label[row : row + inner.shape[0], column : column + inner.shape[1]]
            np.copyto(inner, other, where=(inner < 0) & (other >= 0))
    return out
