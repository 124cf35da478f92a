"""Where to open new sites, asked directly: siting models on the world, with quotas, spacing, relocation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..coverage.siting.rules import Quota, Rules, quotas_by, spacing
from ..geodata.crs import EARTH_RADIUS_M, unit_vectors
from ..geodata.errors import InputError, Problem
from ..geodata.gazetteer import Gazetteer, find
from ..geodata.layers import KIND_NAMES, Kind
from .boards import Board, make_board
from .cache import Cache
from .candidates import Sites, host_codes, host_venues, populous_cells, settlements
from .changes import PLANNED
from .covers import Covers
from .world import World

__all__ = ["Ask", "Board", "UnitQuota", "rules_of", "set_up"]

LONGEST_S = 24 * 3600
"""Seconds of the longest way that models of distance count."""

MOST_WAYS = 15_000_000
"""Pairs of places and cells that models of distance may list at most: some 0.5 GB."""

KEPT_LEVEL = "省级"
"""Sites of this level are never given up for others."""

FAILURE = 0.1
"""Chance that a site fails, where none is stated (an assumption, 假设)."""

_CITY, _COUNTY = 1, 2
_EACH = {"各市": "city", "每市": "city", "各县": "county", "每县": "county"}


@dataclass(frozen=True)
class UnitQuota:
    """At least and at most so many new sites in a unit, or in each city or county."""

    unit: str
    """Name of a city or county, or 各市 or 各县."""
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True)
class Ask:
    """What a planner asks."""

    kind: Kind
    model: str = "mclp"
    number: int | None = None
    """New sites."""
    share: float | None = None
    """Share of the residents to cover, 0..1."""
    limit: int | None = None
    """Seconds or metres that count as covered; the standard's main limit without."""
    candidates: str | None = None
    """settlements, seats or cells; by default settlements for driving, cells for walking."""
    hosts: tuple[str, ...] = ()
    """Types of host venues: candidates are those in the registry."""
    quotas: tuple[UnitQuota, ...] = ()
    spacing_km: float | None = None
    """New sites keep this distance from each other and from existing ones, kilometres in a straight line."""
    relocations: int = 0
    """Existing sites that may be given up for new ones, but for those of level ``KEPT_LEVEL``."""
    keep: tuple[str, ...] = ()
    """Ids of further sites that stay."""
    failure: float | None = None
    """Chance that a site fails, for the expected cover; ``FAILURE`` without."""
    others: int | None = None
    """So many of the next best plans are listed, too: maximal covering without quotas and the like."""
    time_limit_s: float = 60.0


def set_up(
    world: World,
    ask: Ask,
    *,
    distances: bool,
    progress: Callable[[str], None],
    covers: Covers | None = None,
    cache: Cache | None = None,
) -> Board:
    """List candidates beside the existing sites, and whom each reaches.

    Parameters
    ----------
    distances
        The model counts ways, not cover: all ways up to ``LONGEST_S`` are listed.
    covers, cache
        What is known already: covers of the layers, ways of the candidates.

    Raises
    ------
    InputError
        The layer is measured on foot and the model counts ways; no host venue of such a type is registered;
        so many candidates that their ways are too many.
    """
    standard, layer = world.standards[ask.kind], world.layers[ask.kind]
    if distances and standard.mode != "drive":
        raise InputError(walking_problem("--model", ask.kind))
    known = Covers(world, cache=cache) if covers is None else covers
    places, note = _places(world, ask, known, distances=distances)
    progress(f"{KIND_NAMES[ask.kind]}: 现有 {len(layer.table):,} 处, 候选 {len(places):,} 处")
    ways = (len(layer.table) + len(places)) * len(world.demand.cell)
    if distances and ways > MOST_WAYS:
        got = f"({len(layer.table):,} + {len(places):,}) 处 × {len(world.demand.cell):,} 个网格"
        what = f"路程类模型最多比较 {MOST_WAYS:,} 条路程, 这里有 {ways:,} 条"
        raise InputError(Problem("candidates", what, got, "请改用县城 (seats) 作候选点, 或用覆盖类模型"))
    limit = LONGEST_S if distances else standard.main if ask.limit is None else ask.limit
    return make_board(
        world,
        ask.kind,
        places,
        limit=limit,
        cache=known.cache if cache is None else cache,
        note=note,
        shared=not distances,
    )


def walking_problem(where: str, kind: Kind) -> Problem:
    """Say that models of ways do not suit a layer that is measured on foot."""
    fix = "请用覆盖类模型, 如 --model mclp" if where.startswith("--") else "请用覆盖类模型, 如 model: mclp"
    return Problem(where, f"{KIND_NAMES[kind]}按步行距离衡量, 不能用路程类模型", fix=fix)


def _places(world: World, ask: Ask, covers: Covers, *, distances: bool) -> tuple[Sites, str]:
    """List where new sites may go, and what a reader must know about it."""
    layer, standard = world.layers[ask.kind], world.standards[ask.kind]
    if ask.hosts:
        places, note = host_venues(world, layer, host_codes(world, ask.kind, ask.hosts))
        if not len(places):
            fix = "请先登记候选场所 (要有坐标), 或改用 candidates"
            what = f"没有可用的候选场所{': ' + note if note else ''}"
            raise InputError(Problem("hosts", what, "、".join(ask.hosts)[:60], fix))
        return places, note
    choice = ask.candidates or (
        "cells" if standard.mode == "walk" else "seats" if distances else "settlements"
    )
    if choice == "cells":
        return populous_cells(world, covers.of(layer), parts=7 if ask.kind == "aed" else 1), ""
    return settlements(world, layer, seats_only=choice == "seats"), ""


def rules_of(world: World, ask: Ask, board: Board) -> tuple[Rules, tuple[int, ...]]:
    """Turn what a planner asks of units, spacing and relocation into rules, and candidates to leave out.

    Raises
    ------
    InputError
        Every unit that is not known, every quota that contradicts itself.
    """
    quotas, problems = list[Quota](), list[Problem]()
    for wish in ask.quotas:
        try:
            quotas += _quotas(world, wish, board)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    relocations = min(ask.relocations, board.n_existing - len(staying(ask, board)))
    exclusive, forbidden = _apart(ask, board, movable=relocations > 0)
    rules = Rules(
        quotas=tuple(quotas),
        exclusive=exclusive,
        existing=tuple(board.existing),
        relocations=relocations,
    )
    return rules, forbidden


def staying(ask: Ask, board: Board) -> tuple[int, ...]:
    """List the existing sites that no relocation may give up.

    Those of the provincial level, those named, and those that the scenario itself opened before.
    """
    table = board.layer.table.iloc[: board.n_existing]
    stay = (table["level"].astype(str) == KEPT_LEVEL) | (table["status"].astype(str) == PLANNED)
    stay |= table["id"].astype(str).isin(ask.keep)
    return tuple(np.flatnonzero(stay.to_numpy(bool)).tolist())


def _quotas(world: World, wish: UnitQuota, board: Board) -> tuple[Quota, ...]:
    """Make the quotas of new sites in a unit, or in every city or county."""
    if wish.at_most is not None and wish.at_most < wish.at_least:
        got = f"{wish.at_least}-{wish.at_most}"
        raise InputError(Problem("--quota", f"{wish.unit}的上限小于下限", got))
    gaz, county = world.gazetteer, board.county
    names = {
        level: [None if row < 0 else str(np.asarray(own)[row]) for row in county.tolist()]
        for level, own in (("city", gaz.city_name), ("county", gaz.county_name))
    }
    new = range(board.n_existing, board.n_all)
    if wish.unit in _EACH:
        level = _EACH[wish.unit]
        every = np.asarray(gaz.city_name if level == "city" else gaz.county_name).astype(str).tolist()
        # units without a candidate are asked, too: the request cannot be met then, and says so
        least = dict.fromkeys(every, wish.at_least) if wish.at_least else 0
        return quotas_by(names[level], at_least=least, at_most=wish.at_most, among=new)
    level, name = unit_of(gaz, wish.unit, "--quota")
    labels = names[level]
    inside = tuple(row for row in new if labels[row] == name)
    return (Quota(f"{name}新设", inside, wish.at_least, wish.at_most),)


def unit_of(gaz: Gazetteer, text: str, where: str) -> tuple[str, str]:
    """Find the city or county that a quota names: (city or county, name); for 各市 and 各县 no name.

    Raises
    ------
    InputError
        The unit is not known, or is no city or county.
    """
    if text in _EACH:
        return _EACH[text], ""
    try:
        place = find(gaz, text)
    except InputError as error:
        fix = "应是设区市或县区, 如 赣州市、修水县, 或 各市、各县"
        raise InputError([Problem(where, one.what, text[:40], fix) for one in error.problems]) from None
    if place.level not in (_CITY, _COUNTY):
        fix = "例如 赣州市、修水县、各市、各县"
        raise InputError(Problem(where, "应是设区市或县区", place.full_name, fix))
    return ("city" if place.level == _CITY else "county"), place.name


def _apart(ask: Ask, board: Board, *, movable: bool) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Find what the spacing forbids: sets of which one may be open, and candidates beside sites that stay.

    Where existing sites are ``movable`` they stand in the sets, and no candidate is left out for good.
    """
    if ask.spacing_km is None:
        return (), ()
    table = board.layer.table
    lon, lat = table["lon"].to_numpy(float), table["lat"].to_numpy(float)
    old = board.n_existing
    if movable:
        return tuple(_with_new(spacing(lon, lat, ask.spacing_km), old)), ()
    apart = spacing(lon[old:], lat[old:], ask.spacing_km)
    near = np.zeros(len(lon) - old, bool)
    if old:
        chord = 2.0 * np.sin(min(ask.spacing_km / (2.0 * EARTH_RADIUS_M / 1000), np.pi / 2))
        distance, _ = cKDTree(unit_vectors(lon[:old], lat[:old])).query(unit_vectors(lon[old:], lat[old:]))
        near = distance < chord
    shifted = tuple(tuple(old + int(one) for one in group) for group in apart)
    return shifted, tuple((old + np.flatnonzero(near)).tolist())


def _with_new(groups: Sequence[tuple[int, ...]], old: int) -> Iterator[tuple[int, ...]]:
    """Leave sites that stand too close already as they are: no set holds two existing ones."""
    for group in groups:
        new = tuple(one for one in group if one >= old)
        there = [one for one in group if one < old]
        if new and len(there) > 1:
            yield from ((one, *new) for one in there)
        elif new:
            yield group
