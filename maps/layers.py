"""What a map draws, made once from a world or a result: outlines and areas of cover.

Everything is computed in the equal-area projection of the province (``crs.ALBERS``, metres): sheets draw it
as it is, pages turn it back to degrees with ``to_degrees``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ..geodata import crs
from . import style

if TYPE_CHECKING:
    from ..coverage.measures import Cover
    from ..geodata.boundaries import Units
    from ..geodata.demand import Demand

Geometries = NDArray[np.object_]

OUTLINE_TOLERANCE_M = 120.0
"""Simplification of the outlines: the side of the triangles that may go (Visvalingam-Whyatt, shapely)."""


@dataclass(frozen=True)
class Outlines:
    """Simplified boundaries in metres; neighbours share their border exactly, without gaps or overlaps."""

    counties: Geometries
    """(n,) polygons in the order of ``Units.counties``."""
    cities: Geometries
    """(m,) polygons in the order of ``Units.cities``."""
    province: Any
    """The whole as one (multi)polygon."""


def outlines(units: Units, *, tolerance_m: float = OUTLINE_TOLERANCE_M) -> Outlines:
    """Simplify the counties as one coverage, and build cities and province from them."""
    projected = units.counties.geometry.to_crs(crs.ALBERS).to_numpy()
    counties = shapely.coverage_simplify(np.asarray(projected, object), tolerance_m)
    codes = units.counties["city_code"].to_numpy()
    cities = [shapely.coverage_union_all(counties[codes == code]) for code in units.cities["code"]]
    return Outlines(counties, np.array(cities, object), shapely.coverage_union_all(counties))


def cell_areas(demand: Demand, province: Any) -> Geometries:
    """Make the polygon of each cell: the points nearer to its centre than to any other (Voronoi).

    For the hexagonal grid these are its hexagons, with corners that neighbours share exactly; a grid of
    another shape works as well. The outermost reach beyond the province; ``class_areas`` clips them.
    """
    x, y = crs.from_wgs84(demand.lon, demand.lat, to=crs.ALBERS)
    centres = shapely.multipoints(np.column_stack((x, y)))
    box = shapely.box(*shapely.bounds(shapely.union(centres, province)).tolist())
    return np.asarray(
        shapely.get_parts(shapely.voronoi_polygons(centres, extend_to=box, ordered=True)), object
    )


def class_areas(cells: Geometries, index: NDArray[np.uint8], count: int, province: Any) -> Geometries:
    """Dissolve the cells of each class and clip them to the province: (count,) polygons, some empty."""
    areas = [shapely.coverage_union_all(cells[index == number]) for number in range(count)]
    return np.asarray(shapely.intersection(np.array(areas, object), province), object)


def cover_index(demand: Demand, cover: Cover) -> NDArray[np.uint8]:
    """Class of each cell (``style.reach_classes``) for a cover."""
    density = demand.residents / np.maximum(demand.area_km2, 1e-9)
    return style.reach_index(cover.standard, np.asarray(cover.share), density)


def project(lon: Any, lat: Any) -> NDArray[np.float64]:
    """Project degrees to the maps' metres: (n, 2)."""
    return np.column_stack(crs.from_wgs84(lon, lat, to=crs.ALBERS))


def to_degrees(geometry: Any) -> Any:
    """Turn a geometry, or an array of them, from metres back to WGS84 degrees."""
    return shapely.transform(
        geometry, lambda xy: np.column_stack(crs.to_wgs84(xy[:, 0], xy[:, 1], of=crs.ALBERS))
    )
