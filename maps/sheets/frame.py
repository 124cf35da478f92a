"""The frame of a map on a sheet: where metres of the projection fall on the paper, and true lengths there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ...geodata import crs
from ..layers import project
from .canvas import Box

MARGIN = 7.0
"""Millimetres between the unit and the edge of its frame."""

_FREE_MM2 = 1.0
"""A corner with less of the area under it counts as free."""
_SHRINKS = (1.0, 1.06, 1.12, 1.2, 1.3)
"""How much smaller a map may become to leave corners free for its scale bar and north arrow."""


@dataclass(frozen=True)
class Frame:
    """A rectangle of the sheet, in millimetres, and the map in it."""

    x: float
    y: float
    width: float
    height: float
    metres_per_mm: float
    west: float
    """Metres of the projection at the left edge."""
    south: float
    """Metres of the projection at the lower edge."""

    @property
    def box(self) -> Box:
        """Left, bottom, right, top on the sheet."""
        return (self.x, self.y, self.x + self.width, self.y + self.height)

    @property
    def bounds(self) -> Box:
        """Left, bottom, right, top in metres of the projection."""
        east = self.west + self.width * self.metres_per_mm
        return (self.west, self.south, east, self.south + self.height * self.metres_per_mm)

    def mm(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn points (n, 2) from metres into millimetres of the sheet."""
        origin = np.array([self.west, self.south])
        moved = (np.reshape(points, (-1, 2)) - origin) / self.metres_per_mm
        return np.asarray(moved + np.array([self.x, self.y]), np.float64)

    def shape(self, geometry: Any, *, detail: float = 0.03) -> Any:
        """Cut a geometry, or an array of them, to the frame and turn it into millimetres.

        Parameters
        ----------
        detail
            What of lines is smaller than so many millimetres is left out.
        """
        near = shapely.clip_by_rect(geometry, *self.bounds)
        made = shapely.transform(near, self.mm)
        return shapely.simplify(made, detail) if detail else made

    def inside(self, points: NDArray[np.float64], margin: float = 0.0) -> NDArray[np.bool_]:
        """Tell which points, in millimetres, lie in the frame, ``margin`` off its edge."""
        left, bottom, right, top = self.box
        x, y = np.reshape(points, (-1, 2)).T
        across = (x >= left + margin) & (x <= right - margin)
        return np.asarray(across & (y >= bottom + margin) & (y <= top - margin))

    @cached_property
    def north(self) -> float:
        """Angle of true north at the middle of the map, radians clockwise from the top of the sheet."""
        lon, lat = self._middle
        step = project([lon, lon], [lat, lat + 0.01])
        east, up = step[1] - step[0]
        return float(np.arctan2(east, up))

    @cached_property
    def true_metres_per_mm(self) -> float:
        """Metres on the ground of a millimetre across the middle of the map; the projection is not exact."""
        left, bottom, right, top = self.bounds
        y, quarter = (bottom + top) / 2, (right - left) / 4
        ends = [(left + right) / 2 - quarter, (left + right) / 2 + quarter]
        lon, lat = crs.to_wgs84(ends, [y, y], of=crs.ALBERS)
        length = float(crs.haversine_m(lon[0], lat[0], lon[1], lat[1]))
        return length / (2 * quarter / self.metres_per_mm)

    @property
    def _middle(self) -> tuple[float, float]:
        left, bottom, right, top = self.bounds
        lon, lat = crs.to_wgs84([(left + right) / 2], [(bottom + top) / 2], of=crs.ALBERS)
        return float(lon[0]), float(lat[0])


def fit(rectangle: Box, area: Any, *, corners: Sequence[tuple[float, float]] = ()) -> Frame:
    """Lay an area (metres) into a rectangle (x, y, width, height) as large as it goes.

    Parameters
    ----------
    corners
        Sizes (width, height) of what must stand in corners beside the area: the map becomes somewhat smaller,
        or moves aside, where that frees a corner for each.
    """
    x, y, width, height = rectangle
    west, south, east, north = shapely.bounds(area).tolist()
    least = max((east - west) / (width - 2 * MARGIN), (north - south) / (height - 2 * MARGIN))
    simple = shapely.simplify(area, 2 * least)
    found: list[tuple[float, Frame]] = []
    for shrink in _SHRINKS:
        scale = least * shrink
        spare = (
            (width - 2 * MARGIN) * scale - (east - west),
            (height - 2 * MARGIN) * scale - (north - south),
        )
        for across, up in ((0.5, 0.5), (0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0)):
            left = west - MARGIN * scale - across * spare[0]
            bottom = south - MARGIN * scale - up * spare[1]
            frame = Frame(x, y, width, height, scale, left, bottom)
            found.append((_covered(frame, simple, corners), frame))
            if found[-1][0] < _FREE_MM2:
                return found[-1][1]
    return min(found, key=lambda each: each[0])[1]


def corner_boxes(frame: Frame, size: tuple[float, float], *, inset: float = 2.0) -> list[Box]:
    """Boxes of a size in the four corners: lower right, upper left, lower left, upper right."""
    left, bottom, right, top = frame.box
    wide, high = size
    west, east = left + inset, right - inset - wide
    low, upper = bottom + inset, top - inset - high
    spots = ((east, low), (west, upper), (west, low), (east, upper))
    return [(x, y, x + wide, y + high) for x, y in spots]


def _covered(frame: Frame, area: Any, corners: Sequence[tuple[float, float]]) -> float:
    """Square millimetres of the area under the boxes in their best corners, each in one of its own."""
    if not corners:
        return 0.0
    shape = frame.shape(area, detail=0)
    used: set[int] = set()
    total = 0.0
    for size in corners:
        boxes = corner_boxes(frame, size)
        shared = shapely.area(shapely.intersection(shapely.box(*np.array(boxes).T), shape))
        order = [int(number) for number in np.argsort(shared, kind="stable") if int(number) not in used]
        used.add(order[0])
        total += float(shared[order[0]])
    return total
