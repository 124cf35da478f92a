"""Trials: what if a store is empty, a road closed, an area flooded; nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...coverage.frontier import without
from ...coverage.kept import Kept
from ...coverage.live import Live
from ...geodata import selection
from ...geodata.errors import InputError, Problem
from ...geodata.layers import Kind
from ...geodata.network import Network
from ...geodata.road_names import edges_of_roads, names_of
from .parts import Ring, WhatIf

if TYPE_CHECKING:
    from .ground import Ground

MOST_ROADS, MOST_EDGES, MOST_AREAS, MOST_CORNERS, MOST_EMPTY = 50, 5000, 20, 2000, 500
"""Sizes of a trial: what a person clicks and draws, with room to spare."""

MOST_CROSSED = 100
"""Corners of an area whose sides cross, as those of one drawn by hand may."""

MOST_RIM = 30.0
"""Degrees of the rims of all areas, some 3000 km: longer than that of the province."""


@dataclass(frozen=True)
class Closed:
    """What a trial closes, in words, with its edges."""

    what: str
    edges: NDArray[np.int64]
    """Ascending."""


@dataclass(frozen=True)
class Trial:
    """The roads as a trial has them."""

    live: Live
    """Sites on these roads."""
    closed: tuple[Closed, ...] = ()


_EDGES = Kept[tuple[Closed, ...]](most=32)
"""What the last trials close; a trial that is asked again costs nothing."""

_LIVES = Kept[Live](most=8)
"""Their sites on their roads; one holds the times of all edges."""


def trial_of(ground: Ground, kind: Kind, what_if: WhatIf) -> Trial:
    """Close roads for one question, on top of what is closed; the last trials are kept ready.

    Raises
    ------
    InputError
        With every problem: roads, road sections or sites that do not exist, areas that are none, too much.
    """
    _check_sizes(what_if)
    problems = _unknown_sites(ground, what_if.empty)
    closed: tuple[Closed, ...] = ()
    try:
        closed = _closed(ground, what_if)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    if not closed:
        return Trial(ground.live[kind])
    base, edges = ground.live[kind], np.unique(np.concatenate([one.edges for one in closed]))
    live = _LIVES.get((base,), _key(what_if), lambda: base.under(without(ground.now, edges.tolist())))
    return Trial(live, closed)


def _key(what_if: WhatIf) -> tuple[Any, ...]:
    return what_if.roads, what_if.edges, what_if.areas


def _closed(ground: Ground, what_if: WhatIf) -> tuple[Closed, ...]:
    """List what is closed; raises ``InputError`` with every problem."""
    if not (what_if.roads or what_if.edges or what_if.areas):
        return ()
    return _EDGES.get((ground.network,), _key(what_if), lambda: _found(ground.network, what_if))


def _found(network: Network, what_if: WhatIf) -> tuple[Closed, ...]:
    found: list[Closed] = []
    problems: list[Problem] = []
    for road in what_if.roads:
        try:
            edges, names = edges_of_roads(network, [road], where="假设封闭的道路")
            found.append(Closed("、".join(names), edges))
        except InputError as error:
            problems += error.problems
    try:
        if what_if.edges:
            edges = selection.by_number(network, what_if.edges, where="假设封闭的路段")
            found.append(Closed(_sections(network, edges), edges))
    except InputError as error:
        problems += error.problems
    rim = 0.0
    for number, ring in enumerate(what_if.areas, 1):
        name = "假设封闭的范围" + (f" {number}" if len(what_if.areas) > 1 else "")
        try:
            area = polygon(ring, name, rim=rim)
            rim += area.length
            edges = selection.inside(network, area, where=name)
            found.append(Closed(name.removeprefix("假设封闭的"), edges))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(found)


def _sections(network: Network, edges: NDArray[np.int64]) -> str:
    """Name clicked road sections by their roads."""
    named = names_of(network, edges)
    return "、".join(named[:3]) + ("等" if len(named) > 3 else "") + "路段" if named else "所选路段"


def polygon(ring: Ring, where: str, *, rim: float = 0.0) -> Any:
    """Make an area (shapely, WGS84 degrees) of drawn corners, besides others with so long a rim in degrees.

    Raises
    ------
    InputError
        It is no area, or takes too long to compute with.
    """
    import shapely  # noqa: PLC0415 (slow to import)

    corners = [(float(x), float(y)) for x, y in ring]
    good = all(isfinite(x) and isfinite(y) and abs(x) <= 180 and abs(y) <= 90 for x, y in corners)
    fix = "请在图上画出范围, 至少三个角, 经度在前, 纬度在后 (WGS84)"
    if not good or len(set(corners)) < 3:
        raise InputError(Problem(where, "不是一个范围", f"{len(corners)} 个角", fix))
    area: Any = shapely.Polygon(corners)
    if rim + area.length > MOST_RIM:  # a comb of a thousand teeth would be cut with every cell of residents
        raise InputError(Problem(where, "边太长", f"约 {area.length * 111:.0f} 公里", "请画得简单一些"))
    if not shapely.is_valid(area):
        if len(corners) > MOST_CROSSED:  # a million crossings would take minutes and gigabytes
            raise InputError(Problem(where, "边互相交叉, 看不出是哪一块", f"{len(corners)} 个角", "请重新画"))
        area = shapely.make_valid(area, method="structure")  # what was drawn round twice is inside
    if area.area == 0:
        raise InputError(Problem(where, "面积为零", fix=fix))
    return area


def _check_sizes(what_if: WhatIf) -> None:
    sizes = (
        ("假设封闭的道路", len(what_if.roads), MOST_ROADS),
        ("假设封闭的路段", len(what_if.edges), MOST_EDGES),
        ("假设封闭的范围", len(what_if.areas), MOST_AREAS),
        ("范围的角", sum(map(len, what_if.areas)), MOST_CORNERS),
        ("假设为空的站点", len(what_if.empty), MOST_EMPTY),
    )
    problems = [Problem(where, f"最多 {most} 个", str(size)) for where, size, most in sizes if size > most]
    if problems:
        raise InputError(problems)


def _unknown_sites(ground: Ground, ids: Sequence[str]) -> list[Problem]:
    """List ids that no warehouse and no team has."""
    if not ids:
        return []
    known = {site["id"] for live in ground.live.values() for site in live.sites}
    fix = "请从答案的卡片里选"
    return [Problem("假设为空的站点", "没有这个站点", id_[:40], fix) for id_ in ids if id_ not in known]
