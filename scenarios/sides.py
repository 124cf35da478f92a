"""A result as a comparison needs it: its tables, read once, as plain figures by layer and limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.quantiles import by_zone
from ..geodata.layers import Kind
from .bills import Total, total
from .counts import COUNTS, actions_of, once_a_site
from .run import Result


class At(NamedTuple):
    """The cover of a layer within a limit."""

    residents: int
    served: int
    share: float
    """Of the province, as the two above."""
    code: NDArray[np.str_]
    name: NDArray[np.str_]
    people: NDArray[np.float64]
    shares: NDArray[np.float64]
    """(c,) of the counties with residents, by code, as the three above."""


@dataclass(frozen=True)
class Side:
    """What a comparison asks of a result."""

    result: Result
    at: Mapping[tuple[str, int], At]
    second: Mapping[str, float]
    """Share within the main limit of a second site by layer."""
    in_time: Mapping[tuple[str, str], float]
    """Share whom the stores of a level reach in time, by layer and level."""
    failing: Mapping[str, int]
    """Units that fail a requirement, by layer."""
    targets: Mapping[str, tuple[int, int]]
    """Targets that are met, and all that are tracked, by layer."""
    bills: Mapping[str, Total]
    """Costs by layer; of the scenario under ""."""
    sites: Mapping[tuple[str, str], int]
    """Sites that an action touches, by layer and action."""
    opened: Mapping[Kind, float] = field(default_factory=dict)
    """Mean share within reach of an open site by layer, where it is known."""


def read(result: Result) -> Side:
    """Read the tables of a result."""
    actions, check = actions_of(result), result.compliance
    kinds = [*result.covers]
    sites = Counter[tuple[str, str]]()
    once = once_a_site(actions)
    for kind, action, count in zip(*(once[name] for name in ("kind", "action", "sites")), strict=True):
        sites[kind, action] += int(count)
    return Side(
        result,
        _cover(result.units),
        dict(zip(*_lists(result.summary, "kind", "second_share"), strict=True)),
        {
            (kind, level): share
            for kind, level, share in zip(*_lists(check, "kind", "level", "share"), strict=True)
        },
        Counter(*_lists(result.admin, "kind")),
        _targets(result.targets),
        {"": total(actions), **{kind: total(actions[actions["kind"] == kind]) for kind in kinds}},
        sites,
    )


def _lists(table: pd.DataFrame, *names: str) -> list[list[Any]]:
    """Take columns as lists, empty ones of a table without them."""
    return [table[name].tolist() if name in table.columns else [] for name in names]


def _cover(units: pd.DataFrame) -> dict[tuple[str, int], At]:
    """Split the table of units by layer and limit."""
    columns = {name: units[name].to_numpy(object) for name in ("kind", "level", "code", "name")}
    limit, people, served, share = (
        units[name].to_numpy(np.float64) for name in ("limit", "residents", "served", "share")
    )
    province, county = columns["level"] == "省", columns["level"] == "县"
    found = {}
    for row in np.flatnonzero(province).tolist():
        own = np.flatnonzero(
            county & (columns["kind"] == columns["kind"][row]) & (limit == limit[row]) & (people > 0)
        )
        own = own[np.argsort(columns["code"][own].astype(str), kind="stable")]
        found[str(columns["kind"][row]), int(limit[row])] = At(
            int(people[row]),
            int(served[row]),
            float(share[row]),
            columns["code"][own].astype(str),
            columns["name"][own].astype(str),
            people[own],
            share[own],
        )
    return found


def _targets(ledger: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Count the targets that are met: nothing is left in any of their years."""
    worst: dict[tuple[str, str], float] = {}
    for kind, name, left in zip(*_lists(ledger, "kind", "id", "left"), strict=True):
        if not pd.isna(left):
            worst[kind, name] = max(worst.get((kind, name), 0.0), float(left))
    tracked = Counter(kind for kind, _ in worst)
    met = Counter(kind for (kind, _), left in worst.items() if not left)
    return {kind: (met[kind], count) for kind, count in tracked.items()}


def p90(result: Result, kind: Kind) -> float:
    """Find the seconds or metres within which 90 % of the residents are; inf where fewer reach any site."""
    people = np.asarray(result.residents)
    return float(by_zone(np.zeros(len(people), np.int32), 1, result.covers[kind].cost, people, (0.9,))[0][0])


def touched(base: Side, side: Side, kind: Kind) -> dict[str, int]:
    """Count the sites of a layer that each kind of action touches.

    Returns
    -------
    dict
        opened, closed (those that give way to new ones, too), moved, resized, retimed; actions, their sum;
        out_of_service, sites of today that are not there without being given up: a flood took them.
    """
    found = {name: side.sites.get((kind, action), 0) for action, name in COUNTS.items()}
    out, before, after = 0, base.result.layers[kind], side.result.layers[kind]
    if after is not before:
        actions = actions_of(side.result)
        closed = actions.loc[(actions["kind"] == kind) & (actions["action"] == "close"), "id"]
        out = len(set(before.table["id"]) - set(after.table["id"]) - set(closed))
    return {**found, "actions": sum(found.values()), "out_of_service": out}
