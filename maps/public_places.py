"""Where stores are drawn on a map for the public: moved to a fixed grid, inside their own county."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ..geodata.boundaries import Units

GRID_DEG = 0.05
"""Spacing of the positions of stores in degrees: about 5 km in Jiangxi, half a township across.

A choice (假设), no rule. It says in which part of a county a store is, which is what a reader of a public map
asks for, and no more than the township that offices announce themselves (1580 of them: 10 km across). The
grid is fixed, without any random shift: a store has the same place on every product of every scenario, so
that many of them tell no more than one.
"""
STEP_S = 300
"""Driving times to the nearest store are raised to multiples of so many seconds: five minutes are about as
far as the grid is wide. Exact times of single cells would give a store away however its place is rounded."""

STEP_M = 5000
"""The same for distances, where the standard of an office measures stores in metres."""


class Grid:
    """Nodes of the grid in each county."""

    def __init__(self, units: Units) -> None:
        self._codes = units.counties["code"].astype(str).tolist()
        self._shapes: NDArray[Any] = units.counties.geometry.to_numpy()
        self._known: dict[str, NDArray[np.float64]] = {}

    @cached_property
    def _everywhere(self) -> NDArray[np.float64]:
        return np.vstack([self.nodes(code) for code in self._codes])

    def nodes(self, code: str) -> NDArray[np.float64]:
        """(m, 2) nodes in a county, one point of it where it has none; all nodes for an unknown county."""
        if code not in self._codes:
            return self._everywhere
        if code not in self._known:
            self._known[code] = _nodes(self._shapes[self._codes.index(code)])
        return self._known[code]

    def rounded(
        self, lon: ArrayLike, lat: ArrayLike, codes: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Move points to the nearest node of their county.

        Parameters
        ----------
        lon, lat
            (n,) degrees; NaN stays NaN.
        codes
            (n,) codes of the counties.
        """
        points = np.column_stack([np.asarray(lon, np.float64), np.asarray(lat, np.float64)])
        names = np.asarray(codes).astype(str)
        known = np.isfinite(points).all(axis=1)
        for code in np.unique(names[known]):
            rows = np.flatnonzero(known & (names == code))
            nodes = self.nodes(str(code))
            away = (points[rows, None] - nodes) * (np.cos(np.radians(nodes[:, 1].mean())), 1.0)
            points[rows] = nodes[np.argmin((away**2).sum(axis=2), axis=1)]
        return points[:, 0], points[:, 1]


def _nodes(shape: Any) -> NDArray[np.float64]:
    west, south, east, north = shapely.bounds(shape)
    lon = np.arange(np.floor(west / GRID_DEG), np.ceil(east / GRID_DEG) + 1)
    lat = np.arange(np.floor(south / GRID_DEG), np.ceil(north / GRID_DEG) + 1)
    grid = np.round(np.stack(np.meshgrid(lon, lat), axis=-1).reshape(-1, 2) * GRID_DEG, 6)
    inside = grid[shapely.contains_xy(shape, grid)]
    if len(inside):
        return np.asarray(inside)
    return np.round(shapely.get_coordinates(shapely.point_on_surface(shape)), 3)


def raised(cost: ArrayLike, limits: ArrayLike, step: float = STEP_S) -> NDArray[np.float32]:
    """Raise times (or distances) to multiples of a step, never past a limit: who is within one stays so.

    Examples
    --------
    >>> raised([0, 1, 299, 301, 3500, 3601, np.inf], [3500, 3600]).tolist()
    [300.0, 300.0, 300.0, 600.0, 3500.0, 3900.0, inf]
    """
    exact = np.asarray(cost, np.float64)
    steps = np.maximum(np.ceil(exact / step), 1) * step
    edges = np.sort(np.asarray(limits, np.float64))
    position = np.searchsorted(edges, exact, side="left")
    found: NDArray[np.float32] = np.minimum(steps, np.append(edges, np.inf)[position]).astype(np.float32)
    return found
