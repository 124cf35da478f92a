"""A drawn area: how many residents live in it, and where its middle is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...coverage.kept import Kept
from ...geodata import gazetteer
from ...geodata.errors import InputError, Problem
from .parts import Ring
from .trial import MOST_CORNERS, polygon

if TYPE_CHECKING:
    from ...geodata.demand import Demand
    from .ground import Ground

RULE = (
    "范围内的居民按本省的人口网格 (2020 年普查, 约 5 平方公里一格) 计, 省外的没有数据, 未计入; "
    "被边界切开的格子按其 343 个小格落在范围内的比例计, 居民在格内按均匀分布 (假设)"
)
"""How residents in an area are counted; the rule of ``coverage.flood.share_inside``."""

_DEMAND = Kept["Demand"](most=2)


@dataclass(frozen=True)
class Inside:
    """Who lives in an area."""

    residents: int
    whole: int
    """Cells with residents that lie in it wholly."""
    cut: int
    """Cells with residents that its rim cuts."""
    lon: float
    """Of the cell nearest to the centre of its residents, WGS84 degrees."""
    lat: float
    name: str
    """Where that is, in words."""
    city: str


def residents_in(ground: Ground, ring: Ring) -> Inside:
    """Count the residents in an area by the shares of the cells of the grid that lie in it.

    Raises
    ------
    InputError
        It is no area, or nobody lives in it.
    """
    from ...coverage.flood import share_inside  # noqa: PLC0415 (pandas is slow to import)

    if len(ring) > MOST_CORNERS:
        raise InputError(Problem("范围", f"最多 {MOST_CORNERS} 个角", str(len(ring))))
    area, demand = polygon(ring, "范围"), demand_of(ground)
    share = share_inside(demand, area)
    people = np.asarray(demand.residents) * share
    rows = np.flatnonzero(people > 0)
    residents = round(float(people.sum()))
    if not residents:
        fix = "请检查范围的位置; 人口网格约 5 平方公里一格, 范围很小时请直接填人数"
        raise InputError(Problem("范围", "范围内没有居民", fix=fix))
    lon, lat = np.asarray(demand.lon)[rows], np.asarray(demand.lat)[rows]
    east, north = (float(np.average(axis, weights=people[rows])) for axis in (lon, lat))
    squared = ((lon - east) * np.cos(np.radians(north))) ** 2 + (lat - north) ** 2
    middle = int(np.argmin(squared))
    at = float(lon[middle]), float(lat[middle])
    name = str(gazetteer.label_points(ground.gazetteer, np.array([at[0]]), np.array([at[1]]))[0])
    city = str(np.asarray(demand.city_name)[np.asarray(demand.county)[rows[middle]]])
    whole = int((share[rows] == 1).sum())
    return Inside(residents, whole, len(rows) - whole, *at, name=f"所画范围的中心 ({name})", city=city)


def demand_of(ground: Ground) -> Demand:
    """Open the residents of a workspace; they stay open while they are the same."""
    from ...geodata import demand  # noqa: PLC0415

    return _DEMAND.get(
        (ground.gazetteer,),
        (str(ground.root), ground.hashes.get("demand")),
        lambda: demand.load(Path(ground.root) / "demand", verify=False),
    )
