"""What a page needs to compare any two of its scenarios, beside what it shows of each.

By driving the page itself takes the stored times of two scenarios apart, at any limit. On foot it knows no
shares of cells, so the differences at the limits that both have are made here, by the functions that make the
tables of the comparison (`scenarios.gains`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..coverage.zones import Zones, zones_of
from ..geodata.crs import haversine_m
from ..geodata.layers import Kind
from ..scenarios import counts, gains
from . import palette, style
from .page_pack import Pool, pack
from .words import one_line

if TYPE_CHECKING:
    from ..geodata.demand import Demand
    from ..scenarios.run import Result

MOST_SITES = 200
"""So many sites of each sort are listed and marked; the rest is counted."""
MOVED_M = 1.0
"""A site that stands nearer than this to where it stood has not moved."""
EDGES = {"drive": (10_000, 50_000), "walk": (5_000, 20_000)}
"""Limits of the classes of residents that a county gains or loses. Display choice (假设)."""


def compare_data(
    results: Sequence[Result], demand: Demand, kinds: Sequence[Kind], pool: Pool, *, scale: int
) -> dict[str, Any]:
    """Collect the classes of differences, and of every two results what the page cannot compute itself.

    Parameters
    ----------
    results
        Those of the page, in its order.
    demand
        Of the baseline: which county each cell belongs to.
    kinds
        Resource types of the page, in its order.
    scale
        Coordinates are whole numbers in units of 1/scale degree.

    Returns
    -------
    dict
        ``cell`` (gained, lost, still covered, still not) and ``county`` (by way of travel: most gained … most
        lost) as classes with text, colour and hatch; ``edges``; ``pairs``, one per two results, with one
        entry per resource type.
    """
    ground = _Ground(demand, zones_of(demand, "县"), scale)
    return {
        "cell": _cell_classes(),
        "county": {mode: _county_classes(edges) for mode, edges in EDGES.items()},
        "edges": {mode: list(edges) for mode, edges in EDGES.items()},
        "pairs": [
            {
                "left": left,
                "right": right,
                "kinds": [
                    pool.add(_kind(ground, _Pair(results[left], results[right], kind))) for kind in kinds
                ],
            }
            for left, right in combinations(range(len(results)), 2)
        ],
    }


def _class(text: str, colour: str, hatch: str = "") -> dict[str, str]:
    return {"text": text, "colour": colour, "hatch": hatch}


def _cell_classes() -> list[dict[str, str]]:
    return [
        _class("新覆盖", palette.GAIN),
        _class("失去覆盖", palette.LOSS, palette.PAPER),
        _class("仍覆盖", palette.KEPT),
        _class("仍未覆盖", palette.STILL_OUT),
    ]


def _county_classes(edges: tuple[int, ...]) -> list[dict[str, str]]:
    """Write the classes of net gains, most gained first; what counties lose is hatched as well."""
    bounds = [style.people_text(edge).removesuffix("人").replace(".0万", "万") for edge in edges]
    between = [f"{low}–{high}人" for low, high in pairwise(bounds)]
    sizes = [f"不足 {bounds[0]}人", *between, f"{bounds[-1]}人及以上"]
    more = [_class(f"多 {size}", colour) for size, colour in zip(sizes, palette.GAIN_RAMP, strict=True)]
    less = [
        _class(f"少 {size}", colour, palette.PAPER)
        for size, colour in zip(sizes, palette.LOSS_RAMP, strict=True)
    ]
    return [*reversed(more), _class("不变", palette.KEPT), *less]


@dataclass(frozen=True)
class _Ground:
    """What all pairs have in common."""

    demand: Demand
    counties: Zones
    scale: int


@dataclass(frozen=True)
class _Pair:
    """One resource type of two results."""

    left: Result
    right: Result
    kind: Kind

    @property
    def swapped(self) -> _Pair:
        return _Pair(self.right, self.left, self.kind)

    @property
    def common_limits(self) -> list[int]:
        """Limits that both standards have, of walking; none where one of them is of driving."""
        before, after = (one.covers[self.kind].standard for one in (self.left, self.right))
        both = before.mode == after.mode == "walk"
        return [limit for limit in before.limits if both and limit in after.limits]


def _kind(ground: _Ground, pair: _Pair) -> dict[str, Any]:
    """Collect what differs of one resource type: sites, and on foot cells and counties by common limit."""
    limits = {str(limit): _on_foot(ground, pair, limit) for limit in pair.common_limits}
    return {"sites": _sites(pair, ground.scale), "limits": limits, "notes": _notes(pair)}


def _notes(pair: _Pair) -> list[str]:
    """Say in what two results differ beside sites, limits and residents: roads, and how time is counted."""
    before, after = (one.covers[pair.kind].standard for one in (pair.left, pair.right))
    left, right = (counts.by_word(one) or "无" for one in (pair.left, pair.right))
    roads = any(counts.circumstances(one)["roads"] for one in (pair.left, pair.right))
    told = []
    if roads and left != right:
        told.append(f"情景条件不同 (左边: {left}; 右边: {right}): 变化里有道路的影响, 不全是站点的。")
    if (before.mobilisation_s, before.detour) != (after.mobilisation_s, after.detour):
        told.append("两个方案的准备时间或绕行系数不同: 变化里有标准的影响, 不全是站点的。")
    return told


def _on_foot(ground: _Ground, pair: _Pair, limit: int) -> dict[str, Any]:
    """Find the cells where a share rises or falls, and the counties' residents both ways."""
    covers = (one.covers[pair.kind] for one in (pair.left, pair.right))
    before, after = (cover.share[:, cover.standard.limits.index(limit)] for cover in covers)
    return {
        "gained": pack(np.flatnonzero(after > before), "u4"),
        "lost": pack(np.flatnonzero(after < before), "u4"),
        "there": _by_county(ground, pair, limit),
        "back": _by_county(ground, pair.swapped, limit),
    }


def _by_county(ground: _Ground, pair: _Pair, limit: int) -> list[list[int]]:
    """Count gained, lost and growth in whole residents of each county, as `scenarios.differences` does."""
    change = gains.by_cell(pair.left, pair.right, pair.kind, limit)
    if change is None:
        raise ValueError("the first result does not know the limit")
    served = _served(pair.right, pair.kind, limit) - _served(pair.left, pair.kind, limit)
    counties = ground.counties
    parts = gains.by_unit(change, gains.whole(change, served), counties.member, len(counties))
    parts.index = pd.Index(counties.table["code"].to_numpy(str))
    ordered = parts.loc[np.asarray(ground.demand.county_code).astype(str)]
    return [[int(value) for value in ordered[name]] for name in ("gained", "lost", "growth")]


def _served(result: Result, kind: Kind, limit: int) -> int:
    units = result.units
    row = units[(units["kind"] == kind) & (units["limit"] == limit) & (units["level"] == "省")]
    return int(row["served"].iloc[0])


def _sites(pair: _Pair, scale: int) -> dict[str, Any]:
    """List the sites that only one of two results has, and those that stand elsewhere in the other."""
    tables = (one.layers[pair.kind].table for one in (pair.left, pair.right))
    old, new = (table.set_index("id", drop=False) for table in tables)
    both = old.index.intersection(new.index, sort=False)
    was, now = old.loc[both], new.loc[both]
    far = haversine_m(*(one[name].to_numpy(float) for one in (was, now) for name in ("lon", "lat")))
    moved = np.asarray(far) > MOVED_M
    opened, closed = new[~new.index.isin(old.index)], old[~old.index.isin(new.index)]
    return {
        "opened": _rows(opened, scale),
        "closed": _rows(closed, scale),
        "moved": [
            [*after, *before[2:4], round(float(metres))]
            for after, before, metres in zip(
                _rows(now[moved], scale), _rows(was[moved], scale), far[moved], strict=False
            )
        ],
        "counts": [len(opened), len(closed), int(moved.sum())],
    }


def _rows(table: pd.DataFrame, scale: int) -> list[list[Any]]:
    """Write sites as rows of name, place, x and y."""
    shown = table.head(MOST_SITES)
    columns = (shown[name].tolist() for name in ("name", "city", "county", "lon", "lat"))
    return [
        [one_line(name) or "未命名", one_line(f"{city} {county}"), round(lon * scale), round(lat * scale)]
        for name, city, county, lon, lat in zip(*columns, strict=True)
    ]
