"""Service areas: polygons that hold no place beyond the limit, with overlaps or shared out among the sites.

Driving, and walking on a network of ways on foot: polygons around the vertices of a grid that are within the
limit with all their surroundings (`area_grid`). Marching squares (Lorensen & Cline 1987, in two dimensions;
contourpy) cross the edges of the lattice in the middle, where that still holds; so the cost by `reach` is
within the limit everywhere inside, and the border lies a little inside the true one. Beyond
``snap.FARTHEST_M`` of a road there is no area, on the approximate network either.

Walking without such a network, or within a straight radius: discs of limit / detour, as `reach` measures it.

Areas of responsibility (without overlaps) give each place to the site from which its nearest road is reached
first, ties to the lower row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import contourpy
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..geodata.crs import ALBERS, from_wgs84
from ..geodata.demand import Demand
from ..geodata.errors import InputError, Problem
from ..geodata.layers import Layer
from ..geodata.network import Network
from . import area_grid, area_shapes, meet, snap, travel
from .area_grid import Costs, Grid, Lattice, RoadPoints, Times
from .area_kernels import BEYOND
from .area_shapes import Polygons
from .area_tables import Job, Progress, describe, tolerance_text, with_residents
from .standards import Standard

TOLERANCE = 1.5
"""Spacings by which the border may lie inside the true one (more where the nearest road changes)."""

PARTS = 4
"""Points along a road per spacing."""
_SPACING_PER_S, _SPACING_PER_M = 0.04, 0.015
_LEAST_SPACING, _MOST_SPACING = 5.0, 1000.0
_MOST_GIVEN = 40_000_000
_MOST_OF_ALL = 150_000_000
_FAST_MS = 20.0
_CRUMB_M2 = 1.0
_BATCH = 64


@dataclass(frozen=True)
class Areas:
    """Service areas of a layer, one row per site (or all together) and limit."""

    table: pd.DataFrame
    """site (row of the layer, -1: all), id, name, kind, city, county, limit, limit_text, band_from,
    band_text, area_km2, sites, residents (by travel cost), residents_centre (of cells whose centre is
    inside), label, tolerance. Residents are missing (<NA>) where no demand was given."""
    shapes: Polygons
    """(rows,) MultiPolygons, WGS84; empty where nothing is within the limit."""
    standard: Standard
    product: str
    """责任区, 服务范围 or 合并范围."""
    rings: bool
    """Whether a row holds only what lies beyond the limit before."""
    spacing_m: float
    """Spacing of the grid, metres; 0 for discs."""
    tolerance_m: float
    """Metres by which a border may lie inside the true one; none lies outside."""
    tolerance: float
    """The same as a cost: seconds or metres."""
    label: str
    """近似路网, 示例数据."""
    notes: tuple[str, ...] = ()
    """What a reader must know, in Chinese."""


def service_areas(
    network: Network,
    layer: Layer,
    standard: Standard,
    *,
    limits: Sequence[int] | None = None,
    overlap: bool = False,
    together: bool = False,
    spacing_m: float | None = None,
    province: Any = None,
    demand: Demand | None = None,
    progress: Progress | None = None,
) -> Areas:
    """Draw the service areas of the sites of a layer.

    Parameters
    ----------
    limits
        Seconds or metres, inclusive; by default those of the standard.
    overlap
        False: areas of responsibility, in rings from limit to limit, none of which overlap. True: all that
        each site reaches within each limit.
    together
        One area for all sites instead, in rings.
    spacing_m
        Spacing of the grid, metres. By default 0.04 m per second (0.015 per metre) of the least limit: 145 m
        for an hour; wider where more than ``area_grid.MOST_VERTICES`` were needed (200 m for all of Jiangxi).
    province
        Shape in WGS84 to which the areas are clipped.
    demand
        Residents to be counted.
    progress
        Called with the sites done and their number, where they are done one by one.

    Raises
    ------
    InputError
        A limit or the spacing is not positive, or the spacing too fine for the reach.

    Examples
    --------
    >>> from boai.coverage.standards import load_standards
    >>> from boai.geodata.layers import COLUMNS
    >>> table = pd.DataFrame({name: ["", ""] for name in COLUMNS}).assign(lon=[115.9, 115.91], lat=28.7)
    >>> network = Network(*(np.empty(0),) * 2, *(np.empty(0, np.uint8),) * 2, np.zeros(1, np.int64),
    ...                   *(np.empty(0, np.int32),) * 4, [""])
    >>> areas = service_areas(network, Layer("home", table, True), load_standards()["home"])
    >>> areas.table["area_km2"].round(2).tolist()
    [2.5, 2.5]
    """
    notes: tuple[str, ...] = ()
    wanted = _limits(limits, standard)
    lon, lat = (layer.table[axis].to_numpy(np.float64) for axis in ("lon", "lat"))
    clip = None if province is None else shapely.make_valid(area_shapes.to_metres(province))
    job = Job(standard, wanted, lon, lat, overlap and not together, together, clip, progress)
    costs = area_grid.costs_of(network, standard)
    if costs is None:
        parts, spacing = _on_foot(job), 0.0
    else:
        parts, spacing, notes = _by_road(job, costs, layer, spacing_m)
    slope = 0.0 if costs is None else costs.slope / 100
    return _result(job, parts, (network, layer, demand), (spacing, slope), notes)


def _limits(limits: Sequence[int] | None, standard: Standard) -> tuple[int, ...]:
    wanted = tuple(sorted({int(limit) for limit in (standard.limits if limits is None else limits)}))
    if not wanted or wanted[0] <= 0:
        raise InputError(Problem("服务范围", "上限应大于0", str(limits), "请改为大于0的整数"))
    return wanted


def _by_road(
    job: Job, costs: Costs, layer: Layer, spacing_m: float | None
) -> tuple[Polygons, float, tuple[str, ...]]:
    """Draw areas on a network: (sites or 1, limits) shapes, the spacing, notes."""
    network, most = costs.network, job.limits[-1]
    if spacing_m is not None and not spacing_m > 0:
        raise InputError(Problem("服务范围", "网格间距应大于0", f"{spacing_m:g}", "请改为几十到几百米"))
    shapes = _empty(1 if job.together else len(job.lon), len(job.limits))
    if not len(job.lon) or not network.n_nodes:
        return shapes, spacing_m or _chosen(job, 0.0), () if network.n_nodes else ("路网是空的",)
    sites = meet.points(network, job.lon, job.lat, job.standard)
    notes = _unmet_note(layer, sites.met) + _far_note(job, network)
    spacing = spacing_m or _chosen(job, _extent_km2(costs, sites, most))
    points = area_grid.road_points(costs, spacing_m=spacing / PARTS)
    if not sites.met.any() or not len(points.x):
        return shapes, spacing, notes
    times = area_grid.times_from(costs, sites, points, most)
    grid, times = _grid_of(costs, points, times, most, spacing)
    if grid is not None and job.overlap:
        shapes = _each(job, costs, grid, sites)
    elif grid is not None:
        shapes = _shared(job, costs, grid, times)
    if shapely.is_empty(shapes).all():
        notes += (f"没有画出范围: 上限相对于网格间距{spacing:g}米可能太小",)
    return shapes, spacing, notes


def _empty(rows: int, columns: int) -> Polygons:
    return np.full((rows, columns), shapely.MultiPolygon(), object)


def _unmet_note(layer: Layer, met: NDArray[np.bool_]) -> tuple[str, ...]:
    if met.all():
        return ()
    names = layer.table["name"].astype(str)[~met].tolist()
    shown = "、".join(names[:5]) + (" 等" if len(names) > 5 else "")
    far = f"{snap.FARTHEST_M / 1000:g}公里"
    return (f"{len(names):,}处站点在{far}内没有可走的道路, 没有服务范围: {shown}",)


def _far_note(job: Job, network: Network) -> tuple[str, ...]:
    """Say where the areas are narrower than the tables of cover: on a network of nodes, over the border."""
    if network.shapes is not None or job.clip is not None:
        return ()
    return (f"离最近的路网节点超过{snap.FARTHEST_M / 1000:g}公里的地方不画入范围",)


def _chosen(job: Job, extent_km2: float) -> float:
    """Choose a spacing by the least limit, wider where the reach is large or drawn for many sites."""
    drive = job.standard.mode == "drive"
    spacing = max(_LEAST_SPACING, job.limits[0] * (_SPACING_PER_S if drive else _SPACING_PER_M))
    vertices_km2 = extent_km2 / area_grid.MOST_VERTICES
    if job.overlap:
        across_km = 2e-3 * job.limits[-1] * (_FAST_MS if drive else 1.0)
        vertices_km2 = max(vertices_km2, len(job.lon) * min(extent_km2, across_km**2) / _MOST_OF_ALL)
    return float(np.ceil(max(min(spacing, _MOST_SPACING), np.sqrt(vertices_km2) * 1000) / 5) * 5)


def _extent_km2(costs: Costs, sites: Any, most: int) -> float:
    """Measure about the box that the sites reach."""
    label, node, offset = sites.exits()
    found = travel.to_nearest(costs.network, node, offset_cs=offset, label=label, within_cs=most * 100)
    near = found.site >= 0
    if not near.any():
        return 0.0
    x, y = from_wgs84(np.asarray(costs.network.lon)[near], np.asarray(costs.network.lat)[near], to=ALBERS)
    far = 2 * area_grid.far_m(costs, most)
    return float((np.ptp(x) + far) * (np.ptp(y) + far) / 1e6)


def _grid_of(
    costs: Costs, points: RoadPoints, times: Times, most: int, spacing: float
) -> tuple[Grid | None, Times]:
    """Lay the grid over all that is within the largest limit."""
    least, _ = area_grid.least_times(points, times)
    far = area_grid.far_m(costs, most)
    reached = least <= most * 100
    if not reached.any():
        return None, times
    lattice = area_grid.lattice_over(area_grid.box_of(points, reached, far), spacing)
    if lattice.columns * lattice.rows > _MOST_GIVEN:
        got, fix = f"{lattice.columns:,} × {lattice.rows:,}个格点", "请用更大的间距或更小的上限"
        raise InputError(Problem("服务范围", "网格间距太小", got, fix))
    # A road outside the box may be the nearest of a vertex in it, within the same distance.
    box = area_grid.box_of(points, reached, far)
    rows = area_grid.near_box(points, box, far + 8 * spacing)
    some = points.take(rows)
    own = Times(times.node, times.site, times.own[rows], times.own_site[rows])
    return area_grid.make_grid(some, lattice, part_m=spacing / PARTS), own


def _shared(job: Job, costs: Costs, grid: Grid, times: Times) -> Polygons:
    """Share the common area out among the sites, in rings."""
    band, owner = area_grid.bands(grid, costs, times, job.limits)
    whole = [_contour(grid.lattice, band <= column) for column in range(len(job.limits))]
    common = area_shapes.multi(job.clipped(np.array(whole, object)))
    rings = [common[0], *(shapely.difference(a, b) for b, a in pairwise(common))]
    out = _empty(1 if job.together else len(job.lon), len(job.limits))
    if job.together:
        out[0] = rings
        return out
    faces, owner = area_shapes.label_faces(area_grid.lattice_of_sites(grid.lattice, owner), owner)
    for site in np.unique(owner[owner >= 0]).tolist():
        face = shapely.multipolygons(faces[owner == site])
        out[site] = shapely.intersection(np.array(rings, object), face)
    job.tell(len(job.lon))
    return out


def _each(job: Job, costs: Costs, grid: Grid, sites: Any) -> Polygons:
    """Draw all that each site reaches within each limit, each in a window of the grid."""
    most = job.limits[-1]
    out = _empty(len(job.lon), len(job.limits))
    work = np.full(costs.network.n_nodes, BEYOND, np.int32)
    for first in range(0, len(job.lon), _BATCH):
        some = sites.take(slice(first, first + _BATCH))
        count = len(some.metres)
        group, node, offset = some.exits()
        found = travel.within(
            costs.network, node, within_cs=most * 100, offset_cs=offset, group=group, n_groups=count
        )
        for i in range(count):
            own = slice(found.indptr[i], found.indptr[i + 1])
            work[found.node[own]] = found.centiseconds[own]
            times = _times_of_one(some.take(slice(i, i + 1)), grid.points, work)
            out[first + i] = job.clipped(_of_one(job, costs, grid, times))
            work[found.node[own]] = BEYOND
        job.tell(min(first + _BATCH, len(job.lon)))
    return out


def _times_of_one(site: Any, points: RoadPoints, work: NDArray[np.int32]) -> Times:
    own, own_site = area_grid.beside(site, points)
    return Times(work, np.zeros(len(work), np.int32), own, own_site)


def _of_one(job: Job, costs: Costs, grid: Grid, times: Times) -> Polygons:
    """Draw the areas of one site."""
    most, points = job.limits[-1], grid.points
    least, _ = area_grid.least_times(points, times)
    reached = least <= most * 100
    if not reached.any():
        return np.full(len(job.limits), shapely.MultiPolygon(), object)
    box = np.array(area_grid.box_of(points, reached, area_grid.far_m(costs, most)))
    window = area_grid.lattice_over(tuple(box.tolist()), grid.lattice.spacing)
    band, _ = area_grid.bands(grid, costs, times, job.limits, lattice=window)
    shapes: Polygons = np.empty(len(job.limits), object)
    shapes[:] = [_contour(window, band <= column) for column in range(len(job.limits))]
    return shapes


def _contour(lattice: Lattice, inside: NDArray[np.bool_]) -> Any:
    """Draw the polygons around the vertices that are inside, holes kept; the rim is outside."""
    if not inside.any():
        return shapely.MultiPolygon()
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    low, high, left, right = rows[0] - 1, rows[-1] + 2, columns[0] - 1, columns[-1] + 2
    z = np.where(inside[low:high, left:right], -1.0, 1.0)
    x, y = lattice.x[left:right], lattice.y[low:high]
    generator = contourpy.contour_generator(x, y, z, name="serial", fill_type="OuterOffset")
    found: Any = generator.filled(-2.0, 0.0)
    return _joined([np.asarray(own) for own in found[0]], [np.asarray(own, np.int64) for own in found[1]])


def _joined(points: list[NDArray[Any]], offsets: list[NDArray[np.int64]]) -> Any:
    """Make a MultiPolygon of polygons given as their rings one after the other."""
    counts = np.cumsum([0, *(len(own) for own in points)])
    rings = np.concatenate([[0], *(own[1:] + first for own, first in zip(offsets, counts, strict=False))])
    polygons = np.cumsum([0, *(len(own) - 1 for own in offsets)])
    kind = shapely.GeometryType.POLYGON
    made = shapely.from_ragged_array(kind, np.concatenate(points), (rings, polygons))
    wrong = ~shapely.is_valid(made)
    made[wrong] = shapely.make_valid(made[wrong])
    return area_shapes.multi(np.array([shapely.geometrycollections(made)], object))[0]


def _on_foot(job: Job) -> Polygons:
    """Draw discs on foot: (sites or 1, limits) shapes."""
    out = _empty(1 if job.together else len(job.lon), len(job.limits))
    if not len(job.lon):
        return out
    radius = [limit / job.standard.detour for limit in job.limits]
    own = np.column_stack([area_shapes.discs(job.lon, job.lat, each) for each in radius])
    if job.together:
        own = np.array([[shapely.union_all(own[:, column]) for column in range(own.shape[1])]], object)
    elif not job.overlap:
        own = shapely.intersection(own, area_shapes.nearest_faces(job.lon, job.lat, 2 * radius[-1])[:, None])
    own = job.clipped(own)
    if not job.overlap:
        own[:, 1:] = shapely.difference(own[:, 1:], own[:, :-1])
    return np.asarray(own, object)


def _result(
    job: Job,
    parts: Polygons,
    given: tuple[Network, Layer, Demand | None],
    grid: tuple[float, float],
    notes: tuple[str, ...],
) -> Areas:
    """Put everything together; ``grid`` is its spacing and the cost of a metre off the road, 0 for discs."""
    (network, layer, demand), (spacing, slope) = given, grid
    flat = _without_crumbs(area_shapes.multi(parts.ravel()))
    product = "合并范围" if job.together else "服务范围" if job.overlap else "责任区"
    tolerance_m = TOLERANCE * spacing
    label = " ".join(filter(None, (network.label if spacing else "", layer.label)))
    table = describe(job, layer).assign(area_km2=shapely.area(flat) / 1e6)
    table["label"], table["tolerance"] = (
        label,
        tolerance_text(job.standard, tolerance_m, tolerance_m * slope),
    )
    table = with_residents(table, job, flat, (network, layer, demand))
    return Areas(
        table,
        area_shapes.to_degrees(flat),
        job.standard,
        product,
        not job.overlap,
        spacing,
        tolerance_m,
        tolerance_m * slope,
        label,
        notes,
    )


def _without_crumbs(polygons: Polygons) -> Polygons:
    """Leave out parts below a square metre, which rounding makes; holes are never filled."""
    out = np.empty(len(polygons), object)
    parts = (shapely.get_parts(shape) for shape in polygons)
    out[:] = [shapely.multipolygons(own[shapely.area(own) >= _CRUMB_M2]) for own in parts]
    return out
