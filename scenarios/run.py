"""Run a scenario: World + Scenario → Result."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.measures import Cover, admin_failures
from ..geodata.layers import KIND_NAMES, Kind, Layer
from .bills import action_table
from .cache import Cache
from .changes import resolve
from .keys import key_of_result
from .ledger.progress import progress as progress_of
from .ledger.targets import load_targets
from .measured import Known, Measured, far_notes, measure
from .phases import Placed, place_sites
from .schema import Scenario
from .site_times import SiteCovers
from .world import World

__all__ = ["ADDED", "Result", "far_notes", "result_key", "run"]

ADDED = [
    "kind", "year", "rank", "id", "name", "county", "city", "county_code", "lon", "lat", "level",
    "gain", "cumulative", "share_after",
]  # fmt: skip

_UNITS = ["kind", "level", "code", "name", "city", "limit", "limit_text", "residents", "served", "share"]
"""Columns of the units, as `by_unit` returns them."""

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
    done: pd.DataFrame = field(default_factory=pd.DataFrame)
    """What each change did, as `changes.resolve` returns it."""
    given_up: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Existing sites that siting gave up: kind, id, name, county, city, year."""
    schedules: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Orders in which phases may open their sites, and what each covers, as `phases.place_sites` returns."""
    costs: pd.DataFrame = field(default_factory=pd.DataFrame)
    """One row per action with its stated price, as `bills.action_table` returns it."""
    keys: Mapping[Kind, Mapping[str, str]] = field(default_factory=dict)
    """By layer, hashes of all that cover and gaps depend on: what another result may take over."""
    work: dict[str, Any] = field(default_factory=dict, compare=False)
    """Seconds of each step, and how much was known and how much computed; no part of what is compared."""


def run(
    world: World,
    scenario: Scenario,
    *,
    kinds: Collection[Kind] | None = None,
    gaps: bool = True,
    reuse: Result | None = None,
    cache: Cache | None = None,
    progress: Callable[[str], None] | None = None,
    time_limit_s: float = 60.0,
) -> Result:
    """Run a scenario on a world.

    Parameters
    ----------
    world
        The baseline; it stays as it is.
    kinds
        Layers whose cover and gaps are measured; by default all.
    gaps
        Look for gaps; a result without them is for a look at the cover, not to be saved.
    reuse
        Another result, such as the baseline's: covers and gaps of the same content are taken over.
    cache
        What is known already, by content; by default nothing. See `Cache`.
    progress
        Called with one Chinese sentence per step.
    time_limit_s
        Wall time of each siting request; beyond it the best plan so far counts, with its gap.

    Raises
    ------
    InputError
        A change or request does not fit the world; every such problem at once.
    """
    say, known = progress or (lambda _: None), Cache() if cache is None else cache
    work = _Work(known)
    resolved = resolve(world, scenario)
    after = resolved.world
    covers = SiteCovers(after, known, world)
    work.step("resolve")
    placed = place_sites(
        after,
        scenario.siting,
        covers=covers,
        cache=known,
        costs=scenario.costs,
        progress=say,
        time_limit_s=time_limit_s,
    )
    work.step("siting")
    measured = {
        kind: measure(
            after,
            layer,
            covers,
            _known(reuse, kind),
            partial(say, f"{scenario.title}: {KIND_NAMES[kind]}的缺口"),
            gaps=gaps,
        )
        for kind, layer in placed.layers.items()
        if kinds is None or kind in kinds
    }
    far = far_notes(after, placed.layers, measured, known)
    added = _added(world, placed, covers)
    work.step("measures")
    return Result(
        name=scenario.name,
        title=scenario.title,
        key=result_key(world, scenario),
        layers=placed.layers,
        covers={kind: each.cover for kind, each in measured.items()},
        units=_units(measured),
        gaps={kind: each.gaps for kind, each in measured.items()},
        added=added,
        plans=placed.plans,
        targets=progress_of(load_targets(), after.demand, placed.layers, resources=after.resources),
        admin=admin_failures(after.demand, placed.layers, after.rules),
        provenance=_provenance(world, after, scenario),
        residents=after.demand.residents,
        notes=_notes(scenario, resolved.notes, placed.notes, far),
        far=far,
        summary=_stacked((kind, each.summary) for kind, each in measured.items()),
        compliance=_stacked((kind, each.compliance) for kind, each in measured.items()),
        done=resolved.done,
        given_up=placed.given_up,
        schedules=placed.schedules,
        costs=action_table(world, after, resolved.done, placed, scenario.costs),
        keys={kind: each.keys for kind, each in measured.items()},
        work={**work.told(), "time_limit_s": time_limit_s},
    )


class _Work:
    """Seconds of the steps of a run, and what of it was known before."""

    def __init__(self, cache: Cache) -> None:
        self._cache, self._seconds = cache, dict[str, float]()
        self._before = Counter(cache.reused), Counter(cache.computed)
        self._last = time.perf_counter()

    def step(self, name: str) -> None:
        now = time.perf_counter()
        self._seconds[name], self._last = round(now - self._last, 3), now

    def told(self) -> dict[str, Any]:
        """Say all of it, as values of JSON."""
        self.step("tables")
        reused, computed = (
            dict(sorted((now - old).items()))
            for now, old in zip((self._cache.reused, self._cache.computed), self._before, strict=True)
        )
        return {"seconds": self._seconds, "reused": reused, "computed": computed}


def _known(reuse: Result | None, kind: Kind) -> Known | None:
    """Return what another result measured of a layer."""
    if reuse is None or kind not in reuse.covers:
        return None
    return Known(reuse.covers[kind], reuse.gaps[kind], reuse.keys.get(kind, {}))


def _stacked(tables: Iterable[tuple[Kind, pd.DataFrame]]) -> pd.DataFrame:
    """Stack the tables of all kinds, empty ones left out."""
    filled = [table.assign(kind=kind) for kind, table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def result_key(world: World, scenario: Scenario) -> str:
    """SHA-256 of all that a result depends on; runs with the same key give the same result."""
    return key_of_result(world.hashes, world.standards, world.rules, scenario.key)


def _units(measured: Mapping[Kind, Measured]) -> pd.DataFrame:
    tables = []
    for kind, each in measured.items():
        table = each.units.copy()
        table.insert(0, "kind", kind)
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_UNITS)


def _added(world: World, placed: Placed, covers: SiteCovers) -> pd.DataFrame:
    """Say for each new site how many residents it brings within the main limit beyond all before it."""
    tables, residents = [], covers.world.demand.residents
    for kind, layer in placed.layers.items():
        before, opened = _without_new(world.layers[kind], layer)
        sited = placed.sites[placed.sites["kind"] == kind] if len(placed.sites) else placed.sites
        if len(sited):
            sited = sited.sort_values("year", kind="stable")  # phases may reach beyond a later request
            opened = opened[~opened["id"].isin(sited["id"])]
        own = (
            pd.concat([each for each in (opened, sited) if len(each)]) if len(opened) + len(sited) else sited
        )
        if len(own):
            first, weight = covers.first_reached(before, replace(layer, table=own))
            exact = np.cumsum(np.bincount(first, weight, minlength=len(own)))
            served = float(residents @ covers.of(before).main_share)
            cumulative = np.rint(exact).astype(np.int64)
            tables.append(
                own.assign(
                    kind=kind,
                    year=own["year"].astype(np.int64),
                    rank=np.arange(1, len(own) + 1),
                    gain=np.diff(cumulative, prepend=0),
                    cumulative=cumulative,
                    share_after=(served + exact) / max(1.0, float(residents.sum())),
                )
            )
    return pd.concat(tables, ignore_index=True)[ADDED] if tables else pd.DataFrame(columns=ADDED)


def _without_new(old: Layer, layer: Layer) -> tuple[Layer, pd.DataFrame]:
    """Split a changed layer into the sites that were there and those that the scenario opened."""
    new = ~layer.table["id"].isin(old.table["id"])
    if not new.any():
        return layer, layer.table[new]
    return replace(layer, table=layer.table[~new].reset_index(drop=True)), layer.table[new]


def _notes(scenario: Scenario, *others: Iterable[str] | Mapping[Kind, tuple[str, ...]]) -> tuple[str, ...]:
    """Put together what a reader must know, each note once, the description first."""
    told = [scenario.description.strip()] if scenario.description.strip() else []
    for each in others:
        told += [note for own in each.values() for note in own] if isinstance(each, Mapping) else each
    return tuple(dict.fromkeys(told))


def _provenance(world: World, after: World, scenario: Scenario) -> dict[str, Any]:
    """Say what a result was made from: plain values of JSON."""
    labels = [after.network.label, *(layer.label for layer in after.layers.values())]
    roads, walk = (
        {key: one.meta[key] for key in _ROADS if one.meta.get(key)} if one is not None else None
        for one in (after.network, after.walk)
    )
    made = {
        "scenario": scenario.model_dump(mode="json"),
        "scenario_key": scenario.key,
        "world": dict(world.hashes),
        "roads": {**(roads or {}), "mode": after.network.mode},
        "walk": walk,
        "main_limits": {kind: standard.main for kind, standard in after.standards.items()},
        "labels": [label for label in dict.fromkeys(labels) if label],
    }
    found: dict[str, Any] = json.loads(json.dumps(made))
    return found
