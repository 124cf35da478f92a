"""Phases: place the new sites that a scenario asks for, year by year, the earlier ones fixed (myopic)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.measures import Cover, cover_layer
from ..coverage.reach import Candidates, candidate_reach_drive, candidate_reach_walk
from ..coverage.siting import Plan, mclp
from ..coverage.standards import Standard
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind, Layer
from .candidates import AED_NOTE, PROPOSED, Sites, lacking_seats, populous_cells, settlements
from .changes import PLANNED, append_sites, next_ids, unit_columns
from .requests import Siting
from .world import World

MYOPIC = "选址按年份依次优化: 每一年只看当年, 以前各年已定的站点不再变动; 这不是各年合起来的最优"
"""What every result with more than one phase says."""

SOURCE = "boai 选址建议"

Progress = Callable[[str], None]


class Covers:
    """The covers of layers under the standards of a scenario, each computed once."""

    def __init__(self, world: World, standards: Mapping[Kind, Standard]) -> None:
        self.world, self.standards = world, standards
        self._known: dict[int, tuple[Layer, Cover]] = {}

    def know(self, layer: Layer, cover: Cover) -> None:
        """Take over a cover from elsewhere; one under another standard is left."""
        if cover.standard == self.standards[layer.kind]:
            self._known[id(layer)] = (layer, cover)

    def of(self, layer: Layer) -> Cover:
        """Return the cover of a layer."""
        if id(layer) not in self._known:
            standard = self.standards[layer.kind]
            self.know(layer, cover_layer(self.world.demand, self.world.roads(standard), layer, standard))
        return self._known[id(layer)][1]


@dataclass(frozen=True)
class Placed:
    """The layers with all new sites, and how the sites were found."""

    layers: dict[Kind, Layer]
    sites: pd.DataFrame
    """The new sites in the order in which they were opened: kind, year, id, name, county, city, county_code,
    lon, lat, level."""
    plans: list[dict[str, Any]]
    """One row per request: kind, year, rule, p, opened, objective, bound, gap, status, seconds, candidates,
    limit_text, note."""


@dataclass(frozen=True)
class _Pool:
    """The candidates of one kind and what they would still add."""

    sites: Sites
    reach: Candidates
    limit: int
    choice: str
    free: NDArray[np.bool_]
    """(n,) candidates where no site was opened yet."""

    def after(self, opened: Sequence[int]) -> _Pool:
        """The pool once some candidates are opened."""
        free = self.free.copy()
        free[list(opened)] = False
        hit = np.r_[0, np.cumsum(np.isin(self.reach.indices, opened))]
        served = hit[self.reach.indptr[1:]] > hit[self.reach.indptr[:-1]]
        reach = self.reach._replace(weight=np.where(served, 0.0, self.reach.weight))
        return replace(self, reach=reach, free=free)


def check_requests(requests: Sequence[Siting], standards: Mapping[Kind, Standard]) -> None:
    """Check that the limits asked for are limits of the standards; raises ``InputError``."""
    problems = []
    for number, request in enumerate(requests, start=1):
        standard = standards.get(request.kind)
        if standard is None:
            problems.append(Problem(f"siting 第{number}项", "工作区没有这个图层", KIND_NAMES[request.kind]))
        elif request.limit is not None and _limit(request, standard) not in standard.limits:
            problems.append(limit_problem(f"siting 第{number}项.limit", standard, request.limit))
    if problems:
        raise InputError(problems)


def limit_problem(where: str, standard: Standard, got: int) -> Problem:
    """Say that a limit is none of a standard's."""
    unit = 60 if standard.mode == "drive" else 1
    known = ", ".join(f"{limit // unit}" for limit in standard.limits)
    return Problem(where, f"应是{standard.name}的一档, 单位{standard.unit}", str(got), f"可选: {known}")


def _limit(request: Siting, standard: Standard) -> int:
    """Limit of a request in seconds or metres."""
    if request.limit is None:
        return standard.main
    return request.limit * (60 if standard.mode == "drive" else 1)


def place_sites(
    world: World,
    layers: Mapping[Kind, Layer],
    covers: Covers,
    requests: Sequence[Siting],
    *,
    progress: Progress,
    time_limit_s: float,
) -> Placed:
    """Answer checked siting requests by year, then in their order; each keeps the sites before it.

    Raises
    ------
    InputError
        A request cannot be met, such as more sites than candidates; the reason is told.
    """
    now = dict(layers)
    pools: dict[Kind, _Pool] = {}
    rows: list[pd.DataFrame] = []
    plans: list[dict[str, Any]] = []
    for number, request in sorted(enumerate(requests, start=1), key=lambda each: each[1].year):
        kind, standard = request.kind, covers.standards[request.kind]
        pool = _pool(world, now[kind], covers, request, pools.get(kind))
        plan = _solve(pool, request, progress, time_limit_s)
        if plan.status == "infeasible":
            raise InputError(Problem(f"siting 第{number}项", plan.note, fix="请减少数量或放宽候选点"))
        fresh = _rows(world, now[kind], request, pool.sites.take(np.array(plan.sites, np.int64)))
        now[kind] = append_sites(now[kind], fresh)
        pools[kind] = pool.after(plan.sites)
        rows.append(fresh.assign(kind=kind))
        plans.append(_describe(request, plan, pool, standard))
    return Placed(now, pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(), plans)


def _pool(world: World, layer: Layer, covers: Covers, request: Siting, old: _Pool | None) -> _Pool:
    """Make the candidates of a request, or go on with those of the phase before where they are the same."""
    standard = covers.standards[request.kind]
    limit = _limit(request, standard)
    choice: str = request.candidates or ("settlements" if standard.mode == "drive" else "cells")
    choice = choice if request.rule == "mclp" else request.rule
    if old is not None and (old.limit, old.choice) == (limit, choice) and request.rule == "mclp":
        return old
    if choice == "cells":
        sites = populous_cells(world, covers.of(layer), parts=7 if request.kind == "aed" else 1)
    elif choice in ("settlements", "seats"):
        sites = settlements(world, layer, seats_only=choice == "seats")
    else:
        sites = lacking_seats(world, layer, unit=choice.removeprefix("each_"))
    return _Pool(
        sites, reach_of(world, layer, covers, limit, sites), limit, choice, np.ones(len(sites), bool)
    )


def reach_of(world: World, layer: Layer, covers: Covers, limit: int, sites: Sites) -> Candidates:
    """List what each place would reach within a limit beyond the sites of the layer."""
    standard = covers.standards[layer.kind]
    lon, lat = layer.table["lon"].to_numpy(float), layer.table["lat"].to_numpy(float)
    if standard.mode == "walk":
        return candidate_reach_walk(
            world.demand,
            sites.lon,
            sites.lat,
            standard,
            limit=limit,
            existing=(lon, lat),
            network=world.walk,
        )
    share = covers.of(layer).share[:, standard.limits.index(limit)]
    return candidate_reach_drive(
        world.network, world.demand, sites.lon, sites.lat, standard, limit=limit, covered=share
    )


def _solve(pool: _Pool, request: Siting, progress: Progress, time_limit_s: float) -> Plan:
    """Choose among the candidates; those that a rule demands are all opened, in the order of their gains."""
    free, n = np.flatnonzero(pool.free), len(pool.sites)
    by_rule = request.rule != "mclp"
    p = n if by_rule or request.number is None else request.number
    name = KIND_NAMES[request.kind]
    progress(
        f"{request.year} 年 {name}: "
        + (f"按规则设 {p} 处" if by_rule else f"在 {len(free)} 个候选点中选 {p} 处")
    )
    return mclp(
        pool.reach.indptr,
        pool.reach.indices,
        pool.reach.weight,
        n,
        p=p,
        forced=range(n) if by_rule else (),
        forbidden=np.flatnonzero(~pool.free).tolist(),
        time_limit_s=time_limit_s,
    )


def _rows(world: World, layer: Layer, request: Siting, sites: Sites) -> pd.DataFrame:
    """Make the rows of new sites: planned, without stock."""
    prefix = f"{request.kind}-plan-{request.year}"
    ids = next_ids(prefix, len(sites), set(layer.table["id"].astype(str)))
    # A proposed site must not read like a place, or like a site that is there.
    mark = f" {AED_NOTE}" if request.kind == "aed" else PROPOSED
    names = [f"{name}{mark}" for name in sites.name.tolist()]
    units = pd.DataFrame(
        [unit_columns(world, county) for county in sites.county.tolist()],
        columns=["county_code", "county", "city"],
    )
    return units.assign(
        id=ids,
        name=names,
        lon=sites.lon,
        lat=sites.lat,
        level=request.level,
        year=request.year,
        status=PLANNED,
        source=SOURCE,
    )


def _describe(request: Siting, plan: Plan, pool: _Pool, standard: Standard) -> dict[str, Any]:
    notes = [request.note, plan.note]
    if request.rule != "mclp" and not len(pool.sites):
        notes.append("各单位都已有, 无需新增")
    return {
        "kind": request.kind,
        "year": request.year,
        "rule": request.rule,
        "p": request.number or len(pool.sites),
        "opened": len(plan.sites),
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "status": plan.status,
        "seconds": plan.seconds,
        "candidates": int(pool.free.sum()),
        "limit_text": standard.limit_text(pool.limit),
        "note": "; ".join(note for note in notes if note),
    }
