"""Siting requests as they are written → jobs: what is solved together, in which order, and how many sites."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..coverage.standards import Standard
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES
from .candidates import host_codes
from .costs import Costs
from .placed_models import MODELS
from .placing import Ask, UnitQuota, unit_of, walking_problem
from .requests import Part, Siting, quota_range
from .standard_changes import limit_problem
from .world import World

_ALIKE = {"year", "number", "budget", "level", "note"}
"""Keys in which requests may differ that are planned together."""


@dataclass(frozen=True)
class Job:
    """A request, or several of one kind that are planned together."""

    numbers: tuple[int, ...]
    """Positions in the file, from 1."""
    request: Siting

    @property
    def where(self) -> str:
        """Where the request stands, as problems tell it."""
        return f"siting 第{self.numbers[0]}项"


def jobs_of(requests: Sequence[Siting]) -> list[Job]:
    """Join requests that ask for planning together, and order all by their first year, then as written.

    Examples
    --------
    >>> asked = [Siting(kind="home", year=year, number=3, planning="look_ahead") for year in (2026, 2025)]
    >>> (job,) = jobs_of(asked)
    >>> job.numbers, [(year, part[0].number) for year, part in job.request.phases.items()]
    ((1, 2), [(2025, 3), (2026, 3)])
    """
    groups: dict[str, list[int]] = {}
    for at, request in enumerate(requests):
        together = request.planning == "look_ahead" and request.phases is None and request.rule is None
        key = request.model_dump_json(exclude=_ALIKE) if together else str(at)
        groups.setdefault(key, []).append(at)
    jobs = [
        Job(tuple(at + 1 for at in rows), _joined([requests[at] for at in rows])) for rows in groups.values()
    ]
    return sorted(jobs, key=lambda job: (job.request.first_year, job.numbers))


def _joined(requests: Sequence[Siting]) -> Siting:
    """Make one request with phases of several."""
    years = sorted({request.first_year for request in requests})
    if len(years) == 1 and len(requests) == 1:
        return requests[0]
    phases = {
        year: tuple(
            Part(number=one.number, budget=one.budget, level=one.level)
            for one in requests
            if one.year == year
        )
        for year in years
    }
    note = "; ".join(dict.fromkeys(one.note for one in requests if one.note))
    update = {"year": None, "number": None, "budget": None, "level": "", "phases": phases, "note": note}
    return requests[0].model_copy(update=update)


@dataclass(frozen=True)
class Lot:
    """So many sites of one year that get the same level."""

    year: int
    number: int
    level: str
    paid: str = ""
    """How a budget became a number, in Chinese."""


def lots_of(job: Job, costs: Costs) -> list[Lot]:
    """List what is asked by year and level, budgets as the numbers of sites that they pay; by year.

    Raises
    ------
    InputError
        A budget without a price, or one that does not pay a single site.
    """
    request, lots, problems = job.request, list[Lot](), list[Problem]()
    if request.phases is None:
        whole = Part.model_construct(number=request.number, budget=request.budget, level=None)
        listed = [(request.first_year, job.where, [whole])]
    else:
        listed = [
            (year, f"{job.where}.phases.{year}", list(parts))
            for year, parts in sorted(request.phases.items())
        ]
    for year, where, parts in listed:
        for part in parts:
            level = request.level if part.level is None else part.level
            try:
                number, paid = _number(request, part, level, costs, where)
                lots.append(Lot(year, number, level, paid))
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(problems)
    return lots


def _number(request: Siting, part: Part, level: str, costs: Costs, where: str) -> tuple[int, str]:
    """Tell how many sites a part asks for, and how its budget pays them."""
    if part.budget is None:
        return part.number or 0, ""
    price = request.cost if request.cost is not None else costs.price("open", request.kind, level)
    name = KIND_NAMES[request.kind] + (f"({level})" if level else "")
    if price is None:
        fix = f"请在 costs.open 里写 {request.kind} 的价格, 或在该项写 cost"
        raise InputError(Problem(f"{where}.budget", f"不知道新设一处{name}的价格", f"{part.budget:g}", fix))
    if price <= 0:
        fix = "请改写 number"
        raise InputError(Problem(f"{where}.budget", f"新设一处{name}的价格为 0, 预算没有意义", "0", fix))
    number = math.floor(part.budget / price * (1.0 + 1e-12) + 1e-12)
    if number < 1:
        got = f"{part.budget:g} {costs.unit}"
        raise InputError(Problem(f"{where}.budget", f"不够新设一处{name} ({price:g} {costs.unit})", got))
    return number, f"预算 {part.budget:g} {costs.unit}, 每处 {price:g} {costs.unit}, 可设 {number:,} 处"


def limit_of(request: Siting, standard: Standard) -> int:
    """Limit of a request in seconds or metres."""
    if request.limit is None:
        return standard.main
    return request.limit * (60 if standard.mode == "drive" else 1)


def ask_of(request: Siting, standard: Standard, *, number: int | None, time_limit_s: float) -> Ask:
    """Write a request as what a planner asks of a world."""
    ranges = {unit: quota_range(text) for unit, text in request.quotas.items()}
    return Ask(
        kind=request.kind,
        model=request.model or "mclp",
        number=number,
        share=None if request.share is None else request.share / 100,
        limit=limit_of(request, standard),
        candidates=request.candidates,
        hosts=request.hosts or (),
        quotas=tuple(UnitQuota(unit, low, high) for unit, (low, high) in ranges.items()),
        spacing_km=request.spacing_km,
        relocations=request.relocations or 0,
        keep=request.keep or (),
        failure=None if request.failure is None else request.failure / 100,
        time_limit_s=time_limit_s,
    )


def check_requests(world: World, requests: Sequence[Siting], costs: Costs | None = None) -> list[Problem]:
    """List what does not fit a world: layers, limits, units, host venues, sites to keep, models on foot.

    Parameters
    ----------
    costs
        Prices; budgets without a price are told too where this is given.
    """
    problems = list[Problem]()
    for number, request in enumerate(requests, start=1):
        where, standard = f"siting 第{number}项", world.standards.get(request.kind)
        if standard is None or request.kind not in world.layers:
            problems.append(Problem(where, "工作区没有这个图层", KIND_NAMES[request.kind]))
            continue
        problems += _unfit(world, request, standard, where)
        if costs is not None:
            try:
                lots_of(Job((number,), request), costs)
            except InputError as error:
                problems += error.problems
    return problems


def _unfit(world: World, request: Siting, standard: Standard, where: str) -> Iterator[Problem]:
    if request.limit is not None and limit_of(request, standard) not in standard.limits:
        yield limit_problem(f"{where}.limit", standard, request.limit)
    if MODELS[request.model or "mclp"].distances and standard.mode != "drive":
        yield walking_problem(f"{where}.model", request.kind)
    for unit in request.quotas:
        try:
            unit_of(world.gazetteer, unit, f"{where}.quotas")
        except InputError as error:
            yield from error.problems
    yield from _no_hosts(world, request, where)
    ids = set(world.layers[request.kind].table["id"].astype(str))
    if request.relocations is not None and not ids:
        yield Problem(f"{where}.relocations", f"还没有{KIND_NAMES[request.kind]}, 没有可迁移的站点")
    elif request.keep is not None:
        for one in sorted(set(request.keep) - ids):
            fix = f"可用 boai layers show {request.kind} 查编号"
            yield Problem(f"{where}.keep", f"{KIND_NAMES[request.kind]}图层里没有这个编号", one, fix)


def _no_hosts(world: World, request: Siting, where: str) -> Iterator[Problem]:
    """Tell which host venues are unknown, or not registered."""
    if request.hosts is None:
        return
    try:
        codes = host_codes(world, request.kind, request.hosts)
    except InputError as error:
        yield from (Problem(f"{where}.hosts", one.what, one.got, one.fix) for one in error.problems)
        return
    tables = [world.resources[code] for code in codes if code in world.resources]
    if not any((table["lon"].notna() & table["lat"].notna()).any() for table in tables):
        fix = "请先登记候选场所 (要有坐标), 或改用 candidates: settlements、seats、cells"
        yield Problem(f"{where}.hosts", "登记里没有这类候选场所的位置", "、".join(request.hosts)[:60], fix)
