"""Changes of a world: all are resolved against it before one is applied; the world itself stays.

What is "the same thing", which two changes of a scenario must not both change:

- of a site, each by itself: its place (move), its opening hours (retime), its capacity, stock and members
  (resize). A site that is closed is nothing else; a site that the scenario opens may be changed afterwards
  like any other, and opening and closing it again equals nothing done.
- residents of one county (grow): the province and one of its cities share counties.
- the speed of one named road, way, class of roads, point with its radius, or area (block, slow, flood), where
  the speeds differ. Different things may share edges: there the strictest counts, as in `geodata.overlay`.
- one key of the standards, one price.

Changes that touch different things commute: any order gives the same world bit for bit. Therefore what
chooses sites by a filter (retime with all, level, county, city) chooses among the sites of today that are not
closed, and a flood concerns the sites as they stand after all other changes. Only ids that boai makes up for
new sites (``warehouse-open-01``) follow the order of the file; new sites stand behind the old ones by year,
then by id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind, Layer
from .actions import Block, Change, Close, Flood, Grow, Move, Open, Resize, Retime, Slow
from .areas import Area
from .demand_changes import Growth
from .road_changes import Roads
from .schema import Scenario
from .site_changes import PLANNED, Draft, append_sites, flooded, next_ids, unit_columns
from .standard_changes import changed_standards
from .world import World

__all__ = ["DONE", "PLANNED", "Resolved", "append_sites", "next_ids", "resolve", "unit_columns"]

_TEXTS = ("action", "kind", "id", "name", "county_code", "county", "city", "detail")
DONE = [
    "number", "action", "kind", "id", "name", "county_code", "county", "city", "detail", "edges", "residents",
    "year", "cost", "sites",
]  # fmt: skip
"""Columns of `Resolved.done`."""

CLOSED = "停用"
"""Status in the registry of what is not in service: host venues under water get it."""

FLOOD_RULES = (
    "与受淹范围相接的道路视为中断, 不考虑水深、桥梁和堤坝 (假设, 与“淹没”评估相同)",
    "受淹范围内的站点停用, 范围内的地点不作选址候选; 居民仍计在原处, 没有转移",
)
"""What every scenario with a flood says."""


@dataclass(frozen=True)
class Resolved:
    """A world with the changes of a scenario, before any siting."""

    world: World
    """Whatever no change touches is the very same object as before; networks and residents that change have
    another hash in their ``meta``. ``hashes`` stay those of the baseline."""
    done: pd.DataFrame
    """``DONE``, one row per change in file order. number: position in the scenario, from 1; kind, id, name:
    the site ("" for roads and residents; for several sites their number as name); detail: what is done, in
    Chinese; edges: directed edges closed or slowed, on both networks; residents: difference; year: of a new
    site; cost: as stated at the change, else NaN; sites: sites that it touches."""
    notes: tuple[str, ...]
    """What a reader must know, in Chinese."""


def resolve(world: World, scenario: Scenario) -> Resolved:
    """Resolve changes, standards and siting requests against a world, then apply changes and standards.

    Raises
    ------
    InputError
        Every problem of all of them at once, each with the file and the path of the key.
    """
    problems: list[Problem] = []
    standards, wrong = changed_standards(world.standards, scenario.standards, scenario.standards_place)
    problems += wrong
    draft = _Drafts(world, scenario.changes)
    done, wrong = _resolve(draft, scenario)
    problems += wrong
    changed, notes = (world, ()) if problems else draft.apply()
    if standards is not world.standards:
        changed = replace(changed, standards=standards)
    problems += _request_problems(changed, scenario)
    if problems:
        raise InputError(problems)
    return Resolved(changed, _table(done), notes)


class _Drafts:
    """All parts of a world while changes are resolved."""

    def __init__(self, world: World, changes: Sequence[Change]) -> None:
        self.world = world
        opens = [change.open for change in changes if change.open is not None]
        self.sites = {
            kind: Draft(world, layer, frozenset(one.id for one in opens if one.kind == kind and one.id))
            for kind, layer in world.layers.items()
        }
        self.roads, self.growth = Roads(world), Growth(world)
        self.floods: list[tuple[Area, dict[str, Any]]] = []
        """Areas under water, and what is told of each."""

    def change(self, action: Any, where: str) -> dict[str, Any]:
        """Resolve one change; returns what it does. Raises ``InputError``."""
        if isinstance(action, Flood):
            found = self.roads.change(action, where)
            self.floods.append((action.area, found))
            return found
        if isinstance(action, Block | Slow):
            return self.roads.change(action, where)
        if isinstance(action, Grow):
            return self.growth.grow(action, where)
        if action.kind not in self.sites:
            raise InputError(Problem(where, "工作区没有这个图层", KIND_NAMES[action.kind]))
        draft = self.sites[action.kind]
        by_type: dict[type, Callable[[Any, str], dict[str, Any]]] = {
            Open: draft.open,
            Close: draft.close,
            Move: draft.move,
            Resize: draft.resize,
            Retime: draft.retime,
        }
        return by_type[type(action)](action, where)

    def apply(self) -> tuple[World, tuple[str, ...]]:
        """Apply what was resolved: (the world, notes)."""
        world, notes = self.world, list(self.growth.notes)
        layers: dict[Kind, Layer] = {kind: draft.apply() for kind, draft in self.sites.items()}
        resources, areas = world.resources, [area for area, _ in self.floods]
        if areas:
            notes += [*FLOOD_RULES, *self._count_flooded(layers)]
            layers = {kind: flooded(layer, areas)[0] for kind, layer in layers.items()}
            resources = _flooded_resources(resources, areas)
        network, walk = self.roads.apply()
        parts: dict[str, Any] = {
            "layers": layers
            if any(layers[kind] is not one for kind, one in world.layers.items())
            else world.layers,
            "network": network,
            "walk": walk,
            "demand": self.growth.apply(),
            "resources": resources,
            "flooded": (*world.flooded, *areas) if areas else world.flooded,
        }
        new = {name: part for name, part in parts.items() if part is not getattr(world, name)}
        return (replace(world, **new) if new else world), tuple(notes)

    def _count_flooded(self, layers: Mapping[Kind, Layer]) -> list[str]:
        """Tell of each flood how many sites it puts out of service; returns which they are, by layer."""
        for area, told in self.floods:
            count = sum(int(flooded(layer, [area])[1].sum()) for layer in layers.values())
            told |= {"sites": count, "detail": f"{told['detail']}, {count} 处站点停用"}
        notes = []
        for kind, layer in layers.items():
            wet = flooded(layer, [area for area, _ in self.floods])[1]
            names = [str(one) for one in layer.table["name"][wet][:5]]
            if names:
                more = "等" if wet.sum() > len(names) else ""
                listed = "、".join(names) + more
                notes.append(f"{KIND_NAMES[kind]}: {wet.sum()} 处在受淹范围内, 停用: {listed}")
        return notes


def _flooded_resources(
    resources: Mapping[str, pd.DataFrame], areas: Sequence[Area]
) -> Mapping[str, pd.DataFrame]:
    """Mark the sites of other types in flooded areas by their status: none is a host for new sites."""
    found = dict(resources)
    for code, table in resources.items():
        wet = np.zeros(len(table), bool)
        for area in areas:
            wet |= area.holds(table["lon"], table["lat"])
        if wet.any():
            found[code] = table.assign(status=table["status"].mask(wet, CLOSED))
    return found if any(found[code] is not table for code, table in resources.items()) else resources


def _resolve(draft: _Drafts, scenario: Scenario) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Resolve all changes: (what each does, in file order; all problems, in file order)."""
    steps = list(enumerate(scenario.changes))
    rows: dict[int, dict[str, Any]] = {}
    problems: dict[int, tuple[Problem, ...]] = {}
    # Filters choose among what the other changes leave, wherever they stand.
    for position, change in sorted(steps, key=lambda step: _is_filter(step[1])):
        where = f"{scenario.place('changes', position)}.{change.word}"
        cost = getattr(change.action, "cost", None)
        try:
            found = draft.change(change.action, where)
            found |= {"number": position + 1, "action": change.word, "cost": cost}
            rows[position] = found
        except InputError as error:
            problems[position] = error.problems
    return [rows[i] for i in sorted(rows)], [one for i in sorted(problems) for one in problems[i]]


def _is_filter(change: Change) -> bool:
    own = change.retime
    return own is not None and own.id is None and own.ids is None


def _request_problems(world: World, scenario: Scenario) -> list[Problem]:
    """Check the siting requests against the world, and name the files that they come from."""
    from .asked import check_requests  # noqa: PLC0415 (siting needs this module)

    found = check_requests(world, scenario.siting, scenario.costs)
    return [replace(one, where=_in_its_file(one.where, scenario)) for one in found]


def _in_its_file(where: str, scenario: Scenario) -> str:
    """Replace the number of a request among all by its file and its number there."""
    head, mark, tail = where.partition("项")
    digits = head.removeprefix("siting 第")
    if not mark or not digits.isdigit() or not 0 < int(digits) <= len(scenario.siting):
        return where
    return scenario.place("siting", int(digits) - 1) + tail


def _table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make the table of what was done, each column of its type."""

    def column(name: str) -> pd.Series[Any]:
        values = [row.get(name) for row in rows]
        if name in _TEXTS:
            return pd.Series(["" if one is None else str(one) for one in values], dtype=str)
        if name in ("year", "cost"):
            return pd.Series([np.nan if one is None else one for one in values], dtype=np.float64)
        return pd.Series([one or 0 for one in values], dtype=np.int64)

    return pd.DataFrame({name: column(name) for name in DONE})
