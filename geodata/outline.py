"""The province's outline as plain arrays: is a point inside, asked without any GIS library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .crs import EARTH_RADIUS_M
from .store import load_arrays, save_arrays

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


def save_outline(area: BaseGeometry, folder: Path) -> str:
    """Save all rings of a polygon or multipolygon (WGS84) and return the hash of the content."""
    import shapely  # noqa: PLC0415 (only building needs it)

    rings = [ring for part in shapely.get_parts(area) for ring in (part.exterior, *part.interiors)]
    points, ring = shapely.get_coordinates(rings, return_index=True)
    arrays: dict[str, NDArray[Any]] = {
        "lon": points[:, 0],
        "lat": points[:, 1],
        "ring": ring.astype(np.int32),
    }
    return save_arrays(folder, arrays, kind="outline", meta={})


def load_outline(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Open a saved outline; raises ``WorkspaceError``."""
    return load_arrays(folder, kind="outline", names=("lon", "lat", "ring"))[0]


def contains(outline: dict[str, NDArray[np.float64]], lon: float, lat: float) -> bool:
    """Tell whether a point lies inside, by the even-odd rule over all rings.

    Examples
    --------
    >>> square = {"lon": np.array([0, 2, 2, 0, 0.0]), "lat": np.array([0, 0, 2, 2, 0.0]), "ring": np.zeros(5)}
    >>> contains(square, 1.0, 1.0), contains(square, 3.0, 1.0)
    (True, False)
    """
    x, y, ring = outline["lon"], outline["lat"], outline["ring"]
    same = ring[1:] == ring[:-1]
    x1, y1, x2, y2 = x[:-1][same], y[:-1][same], x[1:][same], y[1:][same]
    crosses = (y1 > lat) != (y2 > lat)
    x1, y1, x2, y2 = x1[crosses], y1[crosses], x2[crosses], y2[crosses]
    return bool(np.count_nonzero(lon < x1 + (lat - y1) * (x2 - x1) / (y2 - y1)) % 2)


def nearest_border(
    outline: dict[str, NDArray[np.float64]], lon: float, lat: float
) -> tuple[float, float, float]:
    """Find the point of the outline nearest to a point: (straight metres, its longitude, its latitude).

    Measured on a plane around the point, within 1 % up to 100 km.

    Examples
    --------
    >>> square = {"lon": np.array([0, 2, 2, 0, 0.0]), "lat": np.array([0, 0, 2, 2, 0.0]), "ring": np.zeros(5)}
    >>> metres, x, y = nearest_border(square, 3.0, 1.0)
    >>> round(metres / 1000), float(x), round(float(y), 3)
    (111, 2.0, 1.0)
    """
    scale = np.radians(EARTH_RADIUS_M) * np.array([np.cos(np.radians(lat)), 1.0])
    points = (np.column_stack([outline["lon"], outline["lat"]]) - (lon, lat)) * scale
    same = outline["ring"][1:] == outline["ring"][:-1]
    start, step = points[:-1][same], np.diff(points, axis=0)[same]
    square = np.maximum((step * step).sum(axis=1), 1e-12)
    foot = start + np.clip(-(start * step).sum(axis=1) / square, 0.0, 1.0)[:, None] * step
    away = np.hypot(foot[:, 0], foot[:, 1])
    best = int(away.argmin())
    x, y = foot[best] / scale + (lon, lat)
    return float(away[best]), float(x), float(y)
