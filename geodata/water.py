"""Water: polygons of rivers, lakes and reservoirs as plain arrays, and whether a point lies on one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .store import load_arrays, save_arrays

SCALE = 10_000_000
"""Coordinates are stored as whole 1e-7 degrees (1 cm), as OpenStreetMap has them."""

_ARRAYS = ("point", "start", "ring", "box", "name")


@dataclass(frozen=True)
class Water:
    """n polygons of water with r rings of p points in all."""

    point: NDArray[np.int32]
    """(p, 2) corners, 1e-7 degrees WGS84; the last of a ring is its first."""
    start: NDArray[np.int64]
    """(r + 1,) first corner of each ring."""
    ring: NDArray[np.int64]
    """(n + 1,) first ring of each polygon: its outline, then its islands."""
    box: NDArray[np.int32]
    """(n, 4) west, south, east, north."""
    name: NDArray[np.str_]
    """(n,) name, empty where there is none."""
    meta: dict[str, Any] = field(default_factory=dict)
    """Source and counts."""

    def at(self, lon: float, lat: float) -> str | None:
        """Return the name of the water at a point, empty where it has none; None on land.

        By the even-odd rule over all rings of each polygon whose box holds the point.
        """
        x, y = lon * SCALE, lat * SCALE
        west, south, east, north = np.asarray(self.box).T
        near = np.flatnonzero((west <= x) & (x <= east) & (south <= y) & (y <= north))
        on = [row for row in near.tolist() if self._holds(row, x, y)]
        return next((str(self.name[row]) for row in on if self.name[row]), "") if on else None

    def _holds(self, row: int, x: float, y: float) -> bool:
        first, last = int(self.ring[row]), int(self.ring[row + 1])
        begin, end = int(self.start[first]), int(self.start[last])
        points = np.asarray(self.point[begin:end], float)
        a, b = points[:-1], points[1:]
        joined = np.ones(len(a), bool)
        joined[np.asarray(self.start[first + 1 : last]) - begin - 1] = False  # from one ring to the next
        crosses = joined & ((a[:, 1] > y) != (b[:, 1] > y))
        a, b = a[crosses], b[crosses]
        return bool(
            np.count_nonzero(x < a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])) % 2
        )


def load_water(folder: Path) -> Water:
    """Open saved water as read-only memory maps; raises ``WorkspaceError``."""
    arrays, meta = load_arrays(folder, kind="water", verify="once", names=_ARRAYS)
    return Water(**arrays, meta=meta)


def save_water(water: Water, folder: Path) -> str:
    """Save to a folder of ``.npy`` files and return the hash of the content."""
    meta = {key: value for key, value in water.meta.items() if key != "hash"}
    return save_arrays(folder, {name: getattr(water, name) for name in _ARRAYS}, kind="water", meta=meta)
