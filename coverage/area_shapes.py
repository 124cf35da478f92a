"""Shapes of service areas without a road: discs on foot, and the faces between sites."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ..geodata.crs import ALBERS, EARTH_RADIUS_M, from_wgs84, to_wgs84
from .area_grid import Lattice

SEGMENTS = 128
"""Sides of a disc; it loses 0.04 % of its area, and never holds more than the circle."""

_SIDE_DEG = 0.002

Polygons = NDArray[np.object_]


def discs(lon: NDArray[np.float64], lat: NDArray[np.float64], radius_m: float) -> Polygons:
    """Draw circles of the great circle around points: (s,) polygons in ``crs.ALBERS`` inside them.

    The corners lie at the distance (the direct problem on the sphere: Snyder 1987, USGS PP 1395, eq. 5-5,
    5-6), taken short by 1e-6 of it for rounding.
    """
    angle = radius_m * (1 - 1e-6) / EARTH_RADIUS_M
    turn = np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False)
    phi, lam = np.radians(lat)[:, None], np.radians(lon)[:, None]
    sine = np.sin(phi) * np.cos(angle) + np.cos(phi) * np.sin(angle) * np.cos(turn)
    east = np.sin(angle) * np.sin(turn)
    north = np.cos(phi) * np.cos(angle) - np.sin(phi) * np.sin(angle) * np.cos(turn)
    x, y = from_wgs84(np.degrees(lam + np.arctan2(east, north)), np.degrees(np.arcsin(sine)), to=ALBERS)
    return np.asarray(shapely.polygons(np.stack([x, y], axis=2)), object)


def nearest_faces(lon: NDArray[np.float64], lat: NDArray[np.float64], reach_m: float) -> Polygons:
    """Divide the plane among points: (s,) Voronoi cells in ``crs.ALBERS``, out to a distance from all points.

    Of several points at one place the lowest has the cell, the others an empty one. Their borders lie where
    two sites are equally far in the plane, which is within 0.3 % of the distance of where they are on the
    great circle.
    """
    x, y = from_wgs84(lon, lat, to=ALBERS)
    cells = np.full(len(x), shapely.Polygon(), object)
    place, first = np.unique(np.column_stack([x, y]), axis=0, return_index=True)
    if not len(first):
        return cells
    (west, south), (east, north) = place.min(axis=0).tolist(), place.max(axis=0).tolist()
    frame = shapely.box(west - reach_m, south - reach_m, east + reach_m, north + reach_m)
    if len(first) == 1:
        cells[first] = frame
        return cells
    sites = shapely.multipoints(place)
    found = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=frame))
    tree = shapely.STRtree(found)
    point, cell = tree.query(shapely.points(place), predicate="intersects")
    own = np.full(len(place), -1)
    own[point[::-1]] = cell[::-1]
    cells[first] = shapely.intersection(found[own], frame)
    return cells


def label_faces(lattice: Lattice, label: NDArray[np.int32]) -> tuple[Polygons, NDArray[np.int32]]:
    """Turn labels of the vertices into faces that share their borders exactly.

    Every vertex stands for the square around it. Borders between labels are smoothed by less than two
    spacings (Visvalingam & Whyatt 1993, in the form that keeps shared borders: GEOS CoverageSimplifier); the
    outer one stays.

    Returns
    -------
    tuple
        Faces in ``crs.ALBERS``, several per label where it lies apart, and the label of each (-1 too).
    """
    lines: Any = shapely.linestrings(_borders(lattice, label))
    faces = shapely.get_parts(shapely.polygonize(lines))
    x, y = shapely.get_coordinates(shapely.point_on_surface(faces)).T
    column = np.rint((x - lattice.west) / lattice.spacing).astype(int)
    row = np.rint((y - lattice.south) / lattice.spacing).astype(int)
    smooth = shapely.coverage_simplify(faces, lattice.spacing, simplify_boundary=False)
    return np.asarray(smooth, object), label[row, column]


def _borders(lattice: Lattice, label: NDArray[np.int32]) -> NDArray[np.float64]:
    """List the sides between squares of different labels, and those of the rim: (sides, 2, 2) metres.

    They are not joined to longer lines: polygonize needs a corner wherever three faces meet.
    """
    wide = np.full((label.shape[0] + 2, label.shape[1] + 2), -2, np.int32)
    wide[1:-1, 1:-1] = label
    half = lattice.spacing / 2
    row, column = np.nonzero(wide[:, 1:] != wide[:, :-1])
    upright = _sides(column, row - 1, (0, 1))
    row, column = np.nonzero(wide[1:, :] != wide[:-1, :])
    level = _sides(column - 1, row, (1, 0))
    corner = np.array([lattice.west - half, lattice.south - half])
    sides: NDArray[np.float64] = np.concatenate([upright, level]) * lattice.spacing + corner
    return sides


def _sides(column: NDArray[Any], row: NDArray[Any], step: tuple[int, int]) -> NDArray[np.float64]:
    begin = np.column_stack([column, row]).astype(float)
    return np.stack([begin, begin + np.array(step)], axis=1)


def to_degrees(polygons: Polygons) -> Polygons:
    """Turn MultiPolygons in ``crs.ALBERS`` into WGS84; rounding may not make them invalid."""
    found = np.asarray(shapely.transform(polygons, _degrees), object)
    wrong = ~shapely.is_valid(found)
    found[wrong] = multi(shapely.make_valid(found[wrong]))
    return found


def to_metres(polygon: Any) -> Any:
    """Turn shapes in WGS84 into ``crs.ALBERS``; long sides, which bend there, are divided."""
    return shapely.transform(shapely.segmentize(polygon, _SIDE_DEG), _metres)


def _degrees(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(to_wgs84(points[:, 0], points[:, 1], of=ALBERS))


def _metres(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(from_wgs84(points[:, 0], points[:, 1], to=ALBERS))


def multi(polygons: Polygons) -> Polygons:
    """Keep what has an area, as MultiPolygons (empty ones where nothing is left)."""
    flat = [
        [part for part in shapely.get_parts(shapely.get_parts(shape)) if part.geom_type == "Polygon"]
        for shape in polygons
    ]
    out = np.empty(len(flat), object)
    out[:] = [shapely.MultiPolygon(parts) for parts in flat]
    return out
