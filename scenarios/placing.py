"""Where to open new sites, asked directly: siting models on the world, with quotas, spacing, relocation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..coverage.matrix import Matrix, build_matrix
from ..coverage.siting.rules import Quota, Rules, quotas_by, spacing
from ..coverage.standards import Standard
from ..geodata.crs import EARTH_RADIUS_M, unit_vectors
from ..geodata.errors import InputError, Problem
from ..geodata.gazetteer import find
from ..geodata.layers import KIND_NAMES, Kind, Layer
from .candidates import AED_NOTE, PROPOSED, Sites, populous_cells, settlements
from .changes import append_sites, unit_columns
from .phases import Covers
from .world import World

LONGEST_S = 24 * 3600
"""Seconds of the longest way that models of distance count."""

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
    quotas: tuple[UnitQuota, ...] = ()
    spacing_km: float | None = None
    """New sites keep this distance from each other and from existing ones, kilometres in a straight line."""
    relocations: int = 0
    """Existing sites that may be given up for new ones."""
    failure: float | None = None
    """Chance that a site fails, for the expected cover; ``FAILURE`` without."""
    others: int | None = None
    """So many of the next best plans are listed, too: maximal covering without quotas and the like."""
    time_limit_s: float = 60.0


@dataclass(frozen=True)
class Board:
    """The sites of a layer and all candidates, and whom they reach: what a model decides on."""

    standard: Standard
    limit: int
    layer: Layer
    """Existing sites, then the candidates."""
    n_existing: int
    places: Sites
    """The candidates."""
    matrix: Matrix
    county: NDArray[np.int64]
    """(sites + candidates,) position of the county; -1 where unknown."""
    weight: NDArray[np.float64]
    """(rows of the matrix,) residents."""
    residents: float
    """All residents, also those in no row."""

    @property
    def n_all(self) -> int:
        """Number of existing sites and candidates."""
        return self.n_existing + len(self.places)

    @property
    def existing(self) -> range:
        """Positions of the existing sites."""
        return range(self.n_existing)


def set_up(world: World, ask: Ask, *, distances: bool, progress: Callable[[str], None]) -> Board:
    """List candidates beside the existing sites, and whom each reaches.

    Parameters
    ----------
    distances
        The model counts ways, not cover: all ways up to ``LONGEST_S`` are listed.

    Raises
    ------
    InputError
        The layer is measured on foot and the model counts ways.
    """
    standard, layer = world.standards[ask.kind], world.layers[ask.kind]
    if distances and standard.mode != "drive":
        fix = "请用覆盖类模型, 如 --model mclp"
        raise InputError(
            Problem("--model", f"{KIND_NAMES[ask.kind]}按步行距离衡量, 不能用路程类模型", fix=fix)
        )
    limit = standard.main if ask.limit is None else ask.limit
    choice = ask.candidates or (
        "cells" if standard.mode == "walk" else "seats" if distances else "settlements"
    )
    if choice == "cells":
        cover = Covers(world, world.standards).of(layer)
        places = populous_cells(world, cover, parts=7 if ask.kind == "aed" else 1)
    else:
        places = settlements(world, layer, seats_only=choice == "seats")
    progress(f"{KIND_NAMES[ask.kind]}: 现有 {len(layer.table):,} 处, 候选 {len(places):,} 处")
    joined = append_sites(layer, _rows(world, ask.kind, places))
    farthest = LONGEST_S if distances else limit
    matrix = build_matrix(world.demand, world.roads(standard), joined, standard, limit=farthest)
    codes = joined.table["county_code"].to_numpy(str)
    order = np.asarray(world.gazetteer.county_code).astype(str)
    position = {code: i for i, code in enumerate(order.tolist())}
    return Board(
        standard=standard,
        limit=limit,
        layer=joined,
        n_existing=len(layer.table),
        places=places,
        matrix=matrix,
        county=np.array([position.get(code, -1) for code in codes.tolist()], np.int64),
        weight=matrix.weight(world.demand.residents),
        residents=float(world.demand.residents.sum()),
    )


def _rows(world: World, kind: Kind, places: Sites) -> pd.DataFrame:
    """Make rows of a layer of the candidates."""
    units = pd.DataFrame(
        [unit_columns(world, county) for county in places.county.tolist()],
        columns=["county_code", "county", "city"],
    )
    ids = [f"{kind}-candidate-{i}" for i in range(len(places))]
    # A proposed site must not read like a place, or like a site that is there.
    mark = f" {AED_NOTE}" if kind == "aed" else PROPOSED
    names = [f"{name}{mark}" for name in places.name.tolist()]
    return units.assign(id=ids, name=names, lon=places.lon, lat=places.lat)


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
    exclusive, forbidden = _apart(ask, board)
    rules = Rules(
        quotas=tuple(quotas),
        exclusive=exclusive,
        existing=tuple(board.existing),
        relocations=min(ask.relocations, board.n_existing),
    )
    return rules, forbidden


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
        labels = names[_EACH[wish.unit]]
        return quotas_by(labels, at_least=wish.at_least, at_most=wish.at_most, among=new)
    try:
        place = find(gaz, wish.unit)
    except InputError as error:
        fix = "应是设区市或县区, 如 赣州市、修水县, 或 各市、各县"
        raise InputError(
            [Problem("--quota", one.what, wish.unit[:40], fix) for one in error.problems]
        ) from None
    if place.level not in (_CITY, _COUNTY):
        raise InputError(
            Problem("--quota", "应是设区市或县区", place.full_name, "例如 赣州市=1-2 或 各市=0-1")
        )
    labels = names["city" if place.level == _CITY else "county"]
    inside = tuple(row for row in new if labels[row] == place.name)
    return (Quota(f"{place.name}新设", inside, wish.at_least, wish.at_most),)


def _apart(ask: Ask, board: Board) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Find what the spacing forbids: sets of which one may be open, and candidates beside sites that stay."""
    if ask.spacing_km is None:
        return (), ()
    table = board.layer.table
    lon, lat = table["lon"].to_numpy(float), table["lat"].to_numpy(float)
    old = board.n_existing
    if ask.relocations:
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
