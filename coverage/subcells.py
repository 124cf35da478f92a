"""Sub-cells: the parts of a cell in which its residents are counted on foot (uses h3, as demand.py does).

The limits on foot (100 m to 1 km) are smaller than a cell (about 4.6 km2), so every cell is taken apart into
its 343 h3 children three resolutions finer (about 0.013 km2 each). Its residents count as evenly spread over
them (an assumption, 假设).
"""

from __future__ import annotations

import h3.api.numpy_int as h3
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata.crs import haversine_m
from ..geodata.demand import Demand

CHILD_LEVELS = 3
"""Resolutions by which the sub-cells are finer than the cells."""
CHILDREN = 7**CHILD_LEVELS
"""Sub-cells of a cell (no pentagon lies in China)."""


def near_sites(
    demand: Demand, lon: ArrayLike, lat: ArrayLike, straight_m: float
) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.float64]]:
    """Pair sites with the sub-cells around them: (site ascending, sub-cell, metres between their centres).

    Holds every pair within ``straight_m`` and some beyond.
    """
    lons, lats = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
    if not len(lons) or not len(demand.cell):
        return np.empty(0, np.int32), np.empty(0, np.uint64), np.empty(0)
    level = h3.get_resolution(int(demand.cell[0])) + CHILD_LEVELS
    own = [h3.latlng_to_cell(y, x, level) for x, y in zip(lons.tolist(), lats.tolist(), strict=True)]
    rings = _rings(own, straight_m)
    disks = [h3.grid_disk(cell, rings) for cell in own]
    site = np.repeat(np.arange(len(own), dtype=np.int32), [len(disk) for disk in disks])
    child = np.concatenate(disks)
    x, y = centres(child)
    return site, child, np.asarray(haversine_m(x, y, lons[site], lats[site]), float)


def _rings(own: list[int], straight_m: float) -> int:
    """Count the rings around a site's sub-cell that surely hold all centres within a distance of the site.

    The neighbours of a hexagon span a hexagon with inradius area / longest spacing; a site is at most 2/3 of
    the spacing away from its sub-cell's centre. 1 % is added for the curvature within the disk.
    """
    cells = np.unique(np.array(own, np.uint64))
    around = np.concatenate([h3.grid_ring(cell, 1) for cell in cells.tolist()])
    (x, y), (x1, y1) = centres(cells), centres(around)
    spacing = float(np.max(haversine_m(np.repeat(x, 6), np.repeat(y, 6), x1, y1)))
    area = min(h3.cell_area(cell, "m^2") for cell in cells.tolist())
    return int(np.ceil((1.01 * straight_m + spacing * 2 / 3) * spacing / area))


def centres(cells: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitudes and latitudes of the centres of h3 cells, degrees."""
    latlng = np.array([h3.cell_to_latlng(cell) for cell in cells.tolist()]).reshape(-1, 2)
    return latlng[:, 1], latlng[:, 0]


def parent_cells(cells: NDArray[np.uint64], levels: int) -> NDArray[np.uint64]:
    """Return the ancestors ``levels`` resolutions coarser of h3 cells that share one resolution.

    An h3 index holds its resolution in bits 52-55 and the digit of resolution r in the three bits from
    3 (15 - r) on, unused digits being 7 (h3geo.org, "H3 cell index").

    Examples
    --------
    >>> hex(parent_cells(np.array([0x8A2A1072B59FFFF], np.uint64), 3)[0])
    '0x872a1072bffffff'
    """
    if not len(cells):
        return cells.copy()
    resolution = (int(cells[0]) >> 52) & 15
    unused = sum(7 << 3 * (15 - digit) for digit in range(resolution - levels + 1, resolution + 1))
    cleared = cells & np.uint64(~(15 << 52) & 0xFFFF_FFFF_FFFF_FFFF)
    return cleared | np.uint64(((resolution - levels) << 52) | unused)


def cell_of(demand: Demand, child: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Find the position in the demand of the cell that each sub-cell belongs to; -1 outside."""
    if not len(demand.cell):
        return np.full(len(child), -1, np.int32)
    parent = parent_cells(child, CHILD_LEVELS)
    cells = np.asarray(demand.cell)
    position = np.minimum(np.searchsorted(cells, parent), len(cells) - 1)
    return np.where(cells[position] == parent, position, -1).astype(np.int32)
