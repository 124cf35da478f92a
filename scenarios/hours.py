"""What opening hours do to the cover: the mean of the week, where a scenario changes the hours of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..coverage.matrix import build_matrix
from ..coverage.opening import opening_of, week_cover
from ..coverage.zones import zones_of
from ..geodata.layers import Kind, Layer
from .cache import hash_of
from .counts import circumstances
from .run import Result
from .world import World


def open_shares(world: World, results: Sequence[Result]) -> list[dict[Kind, float]]:
    """Find for each result and layer the share of the residents within the main limit of an open site.

    The mean of the 168 hours of a week (`coverage.opening.week_cover`), counted only for the layers in which
    a scenario changes hours, and then for every result; the cover itself takes all sites as open day and
    night, so it does not see such a change.

    Parameters
    ----------
    world
        The baseline's.
    results
        The baseline first. One on other roads has no figure for layers that are measured on them.
    """
    base = results[0]
    kinds = [
        kind
        for kind in base.covers
        if any(_other_hours(base.layers[kind], one.layers[kind]) for one in results if kind in one.covers)
    ]
    known: dict[tuple[Kind, str], float] = {}
    found: list[dict[Kind, float]] = []
    for result in results:
        own: dict[Kind, float] = {}
        for kind in (one for one in kinds if one in result.covers and _same_roads(world, result, one)):
            key = kind, _content(result, kind)
            if key not in known:
                known[key] = _share(world, result, kind)
            own[kind] = known[key]
        found.append(own)
    return found


def _content(result: Result, kind: Kind) -> str:
    """Hash what the share depends on beside the roads."""
    table = result.layers[kind].table
    places = (table[name].to_numpy(float) for name in ("lon", "lat"))
    return hash_of(*places, table["hours"].to_numpy(str), np.asarray(result.residents))


def _other_hours(before: Layer, after: Layer) -> bool:
    """Tell whether a site that stays has other hours, or a new one states any."""
    if before is after:
        return False
    old = dict(zip(before.table["id"], before.table["hours"], strict=True))
    new = zip(after.table["id"], after.table["hours"], strict=True)
    return any(hours != old.get(identity, "") for identity, hours in new)


def _same_roads(world: World, result: Result, kind: Kind) -> bool:
    standard = result.covers[kind].standard
    straight = standard.mode == "walk" and not world.follows_ways(standard)
    return straight or not circumstances(result)["roads"]


def _share(world: World, result: Result, kind: Kind) -> float:
    standard, layer = result.covers[kind].standard, result.layers[kind]
    demand = replace(world.demand, residents=np.asarray(result.residents))
    matrix = build_matrix(demand, world.roads(standard), layer, standard, limit=standard.main)
    week = week_cover(demand, matrix, opening_of(layer, standard), zones_of(demand, "省"))
    people = int(week.residents.sum())
    return float(week.mean[:, 0].sum()) / people if people else float("nan")
