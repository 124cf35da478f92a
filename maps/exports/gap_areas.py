"""Gaps as areas: the joined cells of each, found again as the result found them.

A result keeps how many residents and cells a gap has, but not which cells. They follow from what it was made
of (residents, cover, sites, roads of today) by the same function, and are held against its table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from .. import layers, words
from . import looks, points

if TYPE_CHECKING:
    from ...geodata.layers import Kind
    from ...scenarios.run import Result
    from ...scenarios.world import World
    from .cells import Ground
    from .model import ExportLayer

_KNOWN = ("county_code", "residents", "cells")
"""Columns of the gaps by which those found again are told to be the same."""


def gap_members(world: World, result: Result, kind: Kind) -> NDArray[np.int32]:
    """Find which cells each gap of a result is made of.

    Returns
    -------
    (n,) row of the gap in ``result.gaps[kind]`` for each cell, in the order of rank; -1 for none.

    Raises
    ------
    ValueError
        The gaps found have not the residents, cells and counties of the result's: it is not of this world.
    """
    from ...coverage.gaps import locate_gaps  # noqa: PLC0415 (scikit-learn is slow to import)

    demand, cover = words.residents_of(world, result), result.covers[kind]
    roads = world.roads(cover.standard)  # barriers are those of today, see `scenarios.measured`
    found = locate_gaps(demand, cover, result.layers[kind], world.gazetteer, network=roads)
    table = points.gap_table(result, kind)
    same = len(table) == len(found.table) and all(
        np.array_equal(found.table[column].to_numpy(), table[column].to_numpy()) for column in _KNOWN
    )
    if not same:
        raise ValueError(f"the gaps of {result.name} ({kind}) are not those of this world")
    return found.member


def gap_area_layer(base: Ground, result: Result, kind: Kind, labels: str) -> ExportLayer:
    """Make the layer of the areas of the gaps, clipped to the province, the largest gap first."""
    standard, table = result.covers[kind].standard, points.gap_table(result, kind)
    shapes = _joined(base, gap_members(base.world, result, kind), len(table))
    columns = points.gap_columns(table, drive=standard.mode == "drive")
    columns.number("面积(平方公里)", "area_km2", shapely.area(shapes) / 1e6, digits=1)
    return points.kind_layer(
        (kind, "缺口范围", "缺口范围"),
        columns,
        labels=labels,
        shapes=layers.to_degrees(shapes),
        look=looks.gap_areas(points.TOP),
        about=f"缺口的范围, 由{words.within(standard)}以外有居民的网格合成; 名次与缺口的点一致",
        geometry="MultiPolygon",
    )


def _joined(base: Ground, member: NDArray[np.int32], count: int) -> layers.Geometries:
    """Join the cells of each gap and clip them to the province: (count,) in the maps' metres."""
    cells = np.flatnonzero(member >= 0)
    cells = cells[np.argsort(member[cells], kind="stable")]
    starts = np.searchsorted(member[cells], np.arange(1, count))
    areas = [shapely.coverage_union_all(base.cells[own]) for own in np.split(cells, starts)] if count else []
    return np.asarray(shapely.intersection(np.array(areas, object), base.outline.province), object)
