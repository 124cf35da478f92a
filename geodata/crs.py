"""Coordinate systems: WGS84 degrees, the projections of the province, great-circle distance."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from pyproj import Transformer

Degrees = NDArray[np.float64]
Metres = NDArray[np.float64]

WGS84 = "EPSG:4326"
"""Longitude and latitude in degrees, as every layer inside boai."""

ALBERS = "+proj=aea +lat_1=25.5 +lat_2=29 +lat_0=0 +lon_0=116 +ellps=GRS80 +units=m"
"""Equal-area projection for the areas of Jiangxi.

Albers conic on the ellipsoid of CGCS2000 (GRS80), meridian 116°E in the middle of the province
(113.6-118.5°E). The standard parallels lie one sixth of its extent (24.5-30.1°N) inside the limits, rounded
to half degrees: the rule of Snyder (1987), *Map Projections: A Working Manual*, USGS Professional Paper 1395,
p. 99. Areas do not depend on that choice.
"""

METRIC = "EPSG:4548"
"""CGCS2000 / 3-degree Gauss-Krüger, central meridian 117°E, metres: for drawing and buffers in Jiangxi."""

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius R1 = (2a + b) / 3 of GRS80 (Moritz 2000, *Journal of Geodesy* 74:128-133)."""


def haversine_m(lon1: ArrayLike, lat1: ArrayLike, lon2: ArrayLike, lat2: ArrayLike) -> Any:
    """Compute great-circle distances in metres between WGS84 points given in degrees.

    The arguments broadcast; scalars give a scalar. On the sphere of ``EARTH_RADIUS_M``, within 0.6 % of the
    ellipsoid. Haversine formula: Sinnott (1984), *Sky and Telescope* 68(2):159.

    Examples
    --------
    >>> round(float(haversine_m(116.0, 28.0, 116.0, 29.0)))
    111195
    """
    lam1, phi1, lam2, phi2 = (np.radians(np.asarray(value, float)) for value in (lon1, lat1, lon2, lat2))
    chord = np.sin((phi2 - phi1) / 2) ** 2 + np.cos(phi1) * np.cos(phi2) * np.sin((lam2 - lam1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))


def unit_vectors(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
    """Turn points in degrees into (n, 3) unit vectors: the larger the dot product, the nearer two are."""
    lam = np.radians(np.atleast_1d(np.asarray(lon, float)))
    phi = np.radians(np.atleast_1d(np.asarray(lat, float)))
    return np.column_stack((np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)))


def from_wgs84(lon: ArrayLike, lat: ArrayLike, *, to: str = METRIC) -> tuple[Metres, Metres]:
    """Project WGS84 degrees to ``to``: arrays of x (east) and y (north); inf where it cannot be projected."""
    x, y = _transformer(WGS84, to).transform(np.asarray(lon, float), np.asarray(lat, float))
    return x, y


def to_wgs84(x: ArrayLike, y: ArrayLike, *, of: str = METRIC) -> tuple[Degrees, Degrees]:
    """Turn x (east) and y (north) in ``of`` into WGS84 longitude and latitude."""
    lon, lat = _transformer(of, WGS84).transform(np.asarray(x, float), np.asarray(y, float))
    return lon, lat


@lru_cache(maxsize=8)
def _transformer(source: str, target: str) -> Transformer:
    """Keep the transformers: making one takes longer than most transformations."""
    from pyproj import Transformer  # noqa: PLC0415  (proj takes 50 ms; `boai nearest` never projects)

    return Transformer.from_crs(source, target, always_xy=True)
