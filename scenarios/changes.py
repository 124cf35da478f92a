"""Changes of the layers: all are resolved against the world before one is applied; the world stays."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..geodata.boundaries import locate
from ..geodata.errors import InputError, Problem
from ..geodata.layers import COLUMNS, KIND_NAMES, NUMBERS, Kind, Layer
from .actions import Change, Close, Move, Open
from .world import World

PLANNED = "规划"
"""Status of a site that exists in a scenario only."""


def apply_changes(world: World, changes: Sequence[Change]) -> dict[Kind, Layer]:
    """Apply changes in their order and return all layers; untouched ones are those of the world themselves.

    A site may be opened and closed again, but each existing site is changed once at most: two changes of one
    thing are an error, since their order would decide.

    Raises
    ------
    InputError
        With every problem of every change: an unknown site, a place outside the province, a site that is
        already there or is changed twice.
    """
    draft = {kind: _Draft(kind, layer) for kind, layer in world.layers.items()}
    problems: list[Problem] = []
    for number, change in enumerate(changes, start=1):
        for word, action in (("open", change.open), ("close", change.close), ("move", change.move)):
            if action is not None and action.kind not in draft:
                problems.append(
                    Problem(f"changes 第{number}项.{word}", "工作区没有这个图层", KIND_NAMES[action.kind])
                )
            elif action is not None:
                problems += _resolve(world, draft[action.kind], action, f"changes 第{number}项.{word}")
    if problems:
        raise InputError(problems)
    return {kind: each.apply() for kind, each in draft.items()}


@dataclass
class _Draft:
    """The changes of one layer while they are resolved."""

    kind: Kind
    layer: Layer
    opened: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    moved: dict[str, dict[str, Any]] = field(default_factory=dict)

    def ids(self) -> set[str]:
        """Ids of the sites that are there after the changes so far."""
        return (set(self.layer.table["id"].astype(str)) - self.closed) | set(self.opened)

    def apply(self) -> Layer:
        """Make the changed layer."""
        layer = self.layer
        if self.closed or self.moved:
            layer = Layer(self.kind, self._kept(), layer.example)
        return append_sites(layer, pd.DataFrame(list(self.opened.values()))) if self.opened else layer

    def _kept(self) -> pd.DataFrame:
        table = self.layer.table[~self.layer.table["id"].isin(sorted(self.closed))].reset_index(drop=True)
        for identity, values in self.moved.items():
            row = table["id"] == identity
            for name, value in values.items():
                table.loc[row, name] = value
        return table


def _resolve(world: World, draft: _Draft, action: Open | Close | Move, where: str) -> list[Problem]:
    """Check one action against the world and the actions before it, and note it."""
    if isinstance(action, Open):
        return _open(world, draft, action, where)
    if action.id in draft.closed or action.id in draft.moved:
        return [Problem(where, "同一个站点只能改动一次", action.id, "请删去其中一项改动")]
    if action.id not in draft.ids():
        return [_unknown(draft, action.id, where)]
    if isinstance(action, Close):
        if draft.opened.pop(action.id, None) is None:
            draft.closed.add(action.id)
        return []
    place = _place(world, action.lon, action.lat)
    if place is None:
        return [_outside(action, where)]
    if action.id in draft.opened:
        draft.opened[action.id] |= place
    else:
        draft.moved[action.id] = place
    return []


def _open(world: World, draft: _Draft, action: Open, where: str) -> list[Problem]:
    place = _place(world, action.lon, action.lat)
    if place is None:
        return [_outside(action, where)]
    taken = draft.ids() | draft.closed
    if action.id is not None and action.id in taken:
        return [Problem(where, "编号已被占用", action.id, "请换一个编号, 或不写 id")]
    identity = action.id or next_ids(f"{action.kind}-open", 1, taken)[0]
    draft.opened[identity] = place | {
        "id": identity,
        "name": action.name,
        "level": action.level,
        "year": float(action.year),
        "status": PLANNED,
        "source": "方案",
    }
    return []


def _place(world: World, lon: float, lat: float) -> dict[str, Any] | None:
    """Find the county of a point: the columns that tell where a site is, or None outside the province."""
    county = int(locate(world.units, lon, lat)[0])
    return None if county < 0 else {"lon": lon, "lat": lat, **unit_columns(world, county)}


def unit_columns(world: World, county: int) -> dict[str, str]:
    """Return county_code, county and city of a county's position."""
    demand = world.demand
    return {
        "county_code": str(demand.county_code[county]),
        "county": str(demand.county_name[county]),
        "city": str(demand.city_name[county]),
    }


def _outside(action: Open | Move, where: str) -> Problem:
    got = f"{action.lon:g},{action.lat:g}"
    return Problem(where, "位置不在省内", got, "请检查经纬度 (WGS84), 是否写反")


def _unknown(draft: _Draft, identity: str, where: str) -> Problem:
    ids = sorted(draft.ids())
    close = difflib.get_close_matches(identity, ids, n=1, cutoff=0.6)
    fix = f"是否指 {close[0]}?" if close else f"可用 boai layers show {draft.kind} 查编号"
    return Problem(where, f"{KIND_NAMES[draft.kind]}图层里没有这个编号", identity, fix)


def next_ids(prefix: str, count: int, taken: Collection[str]) -> list[str]:
    """Make ``count`` new ids ``prefix-01``, ``prefix-02``, … that are not taken.

    Examples
    --------
    >>> next_ids("aed-plan-2022", 2, {"aed-plan-2022-01"})
    ['aed-plan-2022-02', 'aed-plan-2022-03']
    """
    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        identity = f"{prefix}-{number:02d}"
        if identity not in taken:
            found.append(identity)
    return found


def append_sites(layer: Layer, sites: pd.DataFrame) -> Layer:
    """Return the layer with new rows below the old ones; columns that ``sites`` lacks are empty.

    The label of the layer stays: a scenario on example data is example data.
    """
    if sites.empty:
        return layer
    table = pd.DataFrame({name: _column(sites, name) for name in COLUMNS})
    if layer.table.empty:
        return Layer(layer.kind, table, layer.example)
    return Layer(layer.kind, pd.concat([layer.table[list(COLUMNS)], table], ignore_index=True), layer.example)


def _column(sites: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name in NUMBERS:
        return pd.Series(sites.get(name, np.nan), index=sites.index, dtype=np.float64)
    return pd.Series(sites.get(name, ""), index=sites.index, dtype=str)


def count_actions(before: Mapping[Kind, Layer], after: Mapping[Kind, Layer]) -> dict[Kind, dict[str, int]]:
    """Count by kind the sites that are new, gone, or elsewhere: the actions that a scenario asks for."""
    counts: dict[Kind, dict[str, int]] = {}
    for kind, layer in after.items():
        old = before[kind].table.set_index("id")[["lon", "lat"]]
        new = layer.table.set_index("id")[["lon", "lat"]]
        both = old.index.intersection(new.index)
        moved = (old.loc[both] != new.loc[both]).any(axis=1).sum()
        counts[kind] = {
            "opened": len(new.index.difference(old.index)),
            "closed": len(old.index.difference(new.index)),
            "moved": int(moved),
        }
    return counts
