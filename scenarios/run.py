"""Run a scenario: World + Scenario → Result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.gaps import find_gaps
from ..coverage.measures import Cover, admin_failures, by_unit
from ..coverage.snap import FARTHEST_M, unmet
from ..coverage.standards import Standard
from ..coverage.summary import compliance, summarise
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind, Layer
from .candidates import Sites
from .changes import apply_changes
from .phases import MYOPIC, Covers, Placed, check_requests, limit_problem, place_sites, reach_of
from .schema import Scenario
from .targets import evaluate, load_targets
from .world import World

ADDED = [
    "kind", "year", "rank", "id", "name", "county", "city", "county_code", "lon", "lat", "level",
    "gain", "cumulative", "share_after",
]  # fmt: skip

_MOST_NAMES = 5
_ROADS = ("label", "kind", "source", "made", "licence", "like", "rules")
"""What a network's ``meta`` says about where its roads come from and how they were read."""


@dataclass(frozen=True)
class Result:
    """All that a scenario leads to."""

    name: str
    title: str
    key: str
    """Hash of all that the result depends on: world, scenario, version."""
    layers: Mapping[Kind, Layer]
    """The sites after all changes."""
    covers: Mapping[Kind, Cover]
    units: pd.DataFrame
    """Residents by unit and limit, as `by_unit` returns them, of all kinds (column kind)."""
    gaps: Mapping[Kind, pd.DataFrame]
    added: pd.DataFrame
    """New sites by kind (rank): those that the scenario opens by hand, then those that were sited, by year:
    ``ADDED``. gain and cumulative are whole residents within the main limit beyond all sites before;
    share_after is the share of the province."""
    plans: list[dict[str, Any]]
    """One row per siting request, with its proven bound."""
    targets: pd.DataFrame
    """The target ledger."""
    admin: pd.DataFrame
    """Units that fail an administrative requirement."""
    provenance: dict[str, Any]
    residents: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """(n,) residents of the cells of the covers."""
    notes: tuple[str, ...] = ()
    """What a reader must know, in Chinese."""
    far: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    """Of the notes those on residents and sites that are too far from every open road, by layer."""
    summary: pd.DataFrame = field(default_factory=pd.DataFrame)
    """One row per kind, as `summary.summarise` returns them."""
    compliance: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Response times asked of stores by their level, as `summary.compliance` returns them."""


def run(
    world: World,
    scenario: Scenario,
    *,
    kinds: Collection[Kind] | None = None,
    reuse: Result | None = None,
    progress: Callable[[str], None] | None = None,
    time_limit_s: float = 60.0,
) -> Result:
    """Run a scenario on a world.

    Parameters
    ----------
    kinds
        Layers whose cover and gaps are measured; by default all.
    reuse
        A result of the same world, such as the baseline's: what the scenario does not touch is taken over.
    progress
        Called with one Chinese sentence per step.
    time_limit_s
        Wall time of each siting request; beyond it the best plan so far counts, with its gap.

    Raises
    ------
    InputError
        A change or request does not fit the world; every such problem at once.
    """
    say = progress or (lambda _: None)
    standards, layers = _resolve(world, scenario)
    known = Covers(world, standards)
    if reuse is not None:
        for kind, layer in reuse.layers.items():
            known.know(layer, reuse.covers[kind])
    placed = place_sites(world, layers, known, scenario.siting, progress=say, time_limit_s=time_limit_s)
    covers, gaps = {}, {}
    for kind, layer in placed.layers.items():
        if kinds is not None and kind not in kinds:
            continue
        covers[kind] = known.of(layer)
        if reuse is not None and reuse.covers.get(kind) is covers[kind]:
            gaps[kind] = reuse.gaps[kind]
        else:
            say(f"{scenario.title}: {KIND_NAMES[kind]}的缺口")
            gaps[kind] = find_gaps(
                world.demand,
                covers[kind],
                layer,
                world.gazetteer,
                network=world.roads(covers[kind].standard),
            )
    far = far_notes(world, placed.layers, covers)
    return Result(
        name=scenario.name,
        title=scenario.title,
        key=result_key(world, scenario),
        layers=placed.layers,
        covers=covers,
        units=_units(world, covers),
        gaps=gaps,
        added=_added(world, layers, known, placed),
        plans=placed.plans,
        targets=evaluate(load_targets(), world.demand, placed.layers),
        admin=admin_failures(world.demand, placed.layers, world.rules),
        provenance=_provenance(world, scenario, standards),
        residents=world.demand.residents,
        notes=(*_notes(scenario), *dict.fromkeys(note for own in far.values() for note in own)),
        far=far,
        summary=_stacked(
            (kind, summarise(world.demand, world.roads(cover.standard), placed.layers[kind], cover))
            for kind, cover in covers.items()
        ),
        compliance=_stacked(
            (kind, compliance(world.demand, world.network, placed.layers[kind], cover.standard))
            for kind, cover in covers.items()
        ),
    )


def _stacked(tables: Iterable[tuple[Kind, pd.DataFrame]]) -> pd.DataFrame:
    """Stack the tables of all kinds, empty ones left out."""
    filled = [table.assign(kind=kind) for kind, table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def result_key(world: World, scenario: Scenario) -> str:
    """SHA-256 of all that a result depends on; runs with the same key give the same result."""
    standards = {kind: repr(standard) for kind, standard in world.standards.items()}
    content = [dict(world.hashes), standards, repr(world.rules), scenario.key]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _resolve(world: World, scenario: Scenario) -> tuple[dict[Kind, Standard], dict[Kind, Layer]]:
    """Return the standards and layers that the scenario starts from; all that is wrong is told at once."""
    problems: list[Problem] = []
    standards, layers = dict(world.standards), dict(world.layers)
    try:
        standards = _standards(world, scenario)
    except InputError as error:
        problems += error.problems
    try:
        layers = apply_changes(world, scenario.changes)
    except InputError as error:
        problems += error.problems
    try:
        check_requests(scenario.siting, {kind: standards[kind] for kind in layers})
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return standards, layers


def _standards(world: World, scenario: Scenario) -> dict[Kind, Standard]:
    """Replace the main limits that the scenario sets; each must be a limit of its standard."""
    standards, problems = dict(world.standards), []
    for kind, standard in world.standards.items():
        value = getattr(scenario.standards, kind)
        if value is None:
            continue
        limit = value * (60 if standard.mode == "drive" else 1)
        if limit in standard.limits:
            cited = tuple(each for each in standard.cited if not each.key.startswith("main_"))
            standards[kind] = replace(standard, main=limit, cited=cited)
        else:
            problems.append(limit_problem(f"standards.{kind}", standard, value))
    if problems:
        raise InputError(problems)
    return standards


def _units(world: World, covers: Mapping[Kind, Cover]) -> pd.DataFrame:
    tables = []
    for kind, cover in covers.items():
        table = by_unit(world.demand, cover)
        table.insert(0, "kind", kind)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _added(world: World, layers: Mapping[Kind, Layer], covers: Covers, placed: Placed) -> pd.DataFrame:
    """Say for each new site how many residents it brings within the main limit beyond all before it."""
    tables = []
    for kind, layer in layers.items():
        before, opened = _without_new(world.layers[kind], layer)
        sited = placed.sites[placed.sites["kind"] == kind] if len(placed.sites) else placed.sites
        own = (
            pd.concat([each for each in (opened, sited) if len(each)]) if len(opened) + len(sited) else sited
        )
        if len(own):
            exact = np.cumsum(_gains(world, before, covers, own))
            served = float(world.demand.residents @ covers.of(before).main_share)
            cumulative = np.rint(exact).astype(np.int64)
            tables.append(
                own.assign(
                    kind=kind,
                    year=own["year"].astype(np.int64),
                    rank=np.arange(1, len(own) + 1),
                    gain=np.diff(cumulative, prepend=0),
                    cumulative=cumulative,
                    share_after=(served + exact) / float(world.demand.residents.sum()),
                )
            )
    return pd.concat(tables, ignore_index=True)[ADDED] if tables else pd.DataFrame(columns=ADDED)


def _without_new(old: Layer, layer: Layer) -> tuple[Layer, pd.DataFrame]:
    """Split a changed layer into the sites that were there and those that the scenario opened by hand."""
    new = ~layer.table["id"].isin(old.table["id"])
    if not new.any():
        return layer, layer.table[new]
    return Layer(layer.kind, layer.table[~new].reset_index(drop=True), layer.example), layer.table[new]


def _gains(world: World, layer: Layer, covers: Covers, own: pd.DataFrame) -> NDArray[np.float64]:
    """Count for each site, in order, the residents whom neither the layer nor a site before it reaches."""
    place = Sites(
        own["lon"].to_numpy(float), own["lat"].to_numpy(float), np.empty(0, np.int32), np.empty(0, np.str_)
    )
    reach = reach_of(world, layer, covers, covers.standards[layer.kind].main, place)
    reached = np.diff(reach.indptr) > 0
    first = reach.indices[reach.indptr[:-1][reached]]
    return np.bincount(first, reach.weight[reached], minlength=len(own)).astype(np.float64)


def _notes(scenario: Scenario) -> tuple[str, ...]:
    notes = [scenario.description.strip()] if scenario.description.strip() else []
    if len({request.year for request in scenario.siting}) > 1:
        notes.append(MYOPIC)
    return tuple(notes)


def far_notes(
    world: World, layers: Mapping[Kind, Layer], kinds: Iterable[Kind]
) -> dict[Kind, tuple[str, ...]]:
    """Say who lives, and which sites stand, too far from every open road to be counted in driving times."""
    driven = [kind for kind in kinds if world.standards[kind].mode == "drive"]
    beyond = f"距可通行的道路超过 {FARTHEST_M / 1000:g} 公里"
    cells, _ = unmet(world.network, world.demand.lon, world.demand.lat) if driven else ((), ())
    found: dict[Kind, tuple[str, ...]] = dict.fromkeys(driven, ())
    for kind in driven:
        if len(cells):
            people = int(world.demand.residents[cells].sum())
            found[kind] += (f"{people:,} 人所在的 {len(cells)} 个网格{beyond}, 计为驾车不可达",)
        table = layers[kind].table
        rows, _ = unmet(world.network, table["lon"].to_numpy(float), table["lat"].to_numpy(float))
        names = table["name"].to_numpy(str)[rows[:_MOST_NAMES]].tolist()
        if names:
            more = "等" if len(rows) > len(names) else ""
            said = f"{KIND_NAMES[kind]}: {len(rows)} 处站点{beyond}, 不计入驾车覆盖: {'、'.join(names)}{more}"
            found[kind] += (said,)
    return {kind: notes for kind, notes in found.items() if notes}


def _provenance(world: World, scenario: Scenario, standards: Mapping[Kind, Standard]) -> dict[str, Any]:
    labels = [world.network.label, *(layer.label for layer in world.layers.values())]
    roads, walk = (
        {key: one.meta[key] for key in _ROADS if one.meta.get(key)} if one is not None else None
        for one in (world.network, world.walk)
    )
    return {
        "scenario": scenario.model_dump(mode="json"),
        "scenario_key": scenario.key,
        "world": dict(world.hashes),
        "roads": {**(roads or {}), "mode": world.network.mode},
        "walk": walk,
        "main_limits": {kind: standard.main for kind, standard in standards.items()},
        "labels": [label for label in dict.fromkeys(labels) if label],
    }
