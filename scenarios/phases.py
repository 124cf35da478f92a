"""Phases: place the new sites that a scenario asks for, by year; each request keeps the sites before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind, Layer
from .asked import Job, ask_of, check_requests, jobs_of, limit_of, lots_of
from .boards import Board, make_board, open_on
from .cache import Cache
from .candidates import lacking_seats
from .changes import PLANNED, append_sites, next_ids
from .costs import Costs
from .covers import Covers
from .kept_answers import kept_answer
from .placed_models import MODELS
from .placing import Ask, set_up
from .requests import Siting
from .solved import SCHEDULES, Answer, answer, open_all, task_of
from .solved_words import years_text
from .world import World

__all__ = ["MYOPIC", "Covers", "Placed", "check_requests", "place_sites"]

MYOPIC = "选址按年份依次优化: 每一年只看当年, 以前各年已定的站点不再变动; 这不是各年合起来的最优"
"""What a result says where a kind is asked for in several years, each by itself."""

SOURCE = "boai 选址建议"

SITES = [
    "kind", "year", "id", "name", "host", "county_code", "county", "city", "lon", "lat", "level", "cost",
    "request",
]  # fmt: skip
GIVEN_UP = ["kind", "id", "name", "county_code", "county", "city", "level", "year", "request"]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Placed:
    """The layers with all new sites, and how the sites were found."""

    layers: dict[Kind, Layer]
    sites: pd.DataFrame
    """The new sites in the order in which they were opened: ``SITES``; cost is that stated at the request,
    NaN without; request is the position in the file, from 1."""
    plans: list[dict[str, Any]]
    """One row per request (or requests that are planned together): kind, year (the first), years, rule (or
    the model), planning, p, opened, closed, counts (what objective and bound are), objective, bound, gap,
    status, stopped (限时 where only the clock ended the search, 未全搜 where it ended unproven by itself),
    seconds, candidates, limit_text, note."""
    given_up: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=GIVEN_UP))
    """Existing sites that give way to new ones: ``GIVEN_UP``."""
    schedules: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=SCHEDULES))
    """By kind, request, year and order (look_ahead, myopic, final_first): new sites, residents covered in
    that year by all sites, the most that is proven possible (NaN where nothing is), whether it is chosen."""
    notes: tuple[str, ...] = ()
    """What a reader must know, in Chinese."""


def place_sites(
    world: World,
    requests: Sequence[Siting],
    *,
    covers: Covers,
    cache: Cache | None = None,
    costs: Costs | None = None,
    progress: Progress | None = None,
    time_limit_s: float = 60.0,
) -> Placed:
    """Answer checked siting requests by their first year, then as written; each keeps the sites before it.

    Parameters
    ----------
    world
        With all changes of the scenario.
    covers
        The covers of the world's layers under its standards.
    cache
        Ways of the candidates that are known; by default the one of ``covers``.
    costs
        Prices for requests with a budget.
    time_limit_s
        Wall time of each request; beyond it the best plan so far counts, with its gap.

    Raises
    ------
    InputError
        A request cannot be met, such as more sites than candidates; the reason is told.
    """
    placing = _Placing(
        world=world,
        covers=covers,
        cache=covers.cache if cache is None else cache,
        costs=Costs() if costs is None else costs,
        say=progress or (lambda _: None),
    )
    for job in jobs_of(requests):
        try:
            placing.place(job, time_limit_s)
        except InputError as error:
            raise InputError([_at(job, problem) for problem in error.problems]) from None
    return placing.done()


def _at(job: Job, problem: Problem) -> Problem:
    """Say in which request of the file a problem is."""
    if problem.where.startswith("siting "):
        return problem
    return replace(problem, where=f"{job.where}.{problem.where.lstrip('-')}")


@dataclass
class _Placing:
    """The state between two requests."""

    world: World
    covers: Covers
    cache: Cache
    costs: Costs
    say: Progress
    boards: dict[Kind, tuple[object, Board]] = field(default_factory=dict)
    """The last board of each kind, and for which candidates and limit it was made."""
    sites: list[pd.DataFrame] = field(default_factory=list)
    given_up: list[pd.DataFrame] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    schedules: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    def place(self, job: Job, time_limit_s: float) -> None:
        """Answer one request and put its sites into the layers."""
        request, kind = job.request, job.request.kind
        lots = lots_of(job, self.costs)
        ask = ask_of(
            request,
            self.world.standards[kind],
            number=sum(lot.number for lot in lots) or None,
            time_limit_s=time_limit_s,
        )
        key, board = self._board(request, ask)
        task = task_of(self.world, job, lots, ask, board)
        self.say(_progress(job, board, task.number()))
        found = kept_answer(self.cache, task, open_all if request.rule is not None else answer)
        fresh = self._rows(job, board, found)
        self.plans.append(_describe(job, board, found, task.number() or len(board.places)))
        self._note(job, board, found)
        layer = self._close(job, board, found)
        layer = append_sites(layer, fresh)
        self.world = replace(self.world, layers={**self.world.layers, kind: layer})
        positions = [site for _, sites in found.opened for site in sites]
        self.boards.pop(kind, None)
        if not found.closed and request.rule is None:
            self.boards[kind] = key, open_on(board, positions, layer)
        self.jobs.append(job)

    def _board(self, request: Siting, ask: Ask) -> tuple[object, Board]:
        """List candidates, or go on with those of the request before where they are the same."""
        kind, distances = request.kind, MODELS[ask.model].distances
        key = (ask.limit, distances, ask.candidates, ask.hosts)
        if request.rule is not None:
            places = lacking_seats(
                self.world, self.world.layers[kind], unit=request.rule.removeprefix("each_")
            )
            limit = limit_of(request, self.world.standards[kind])
            return key, make_board(self.world, kind, places, limit=limit, cache=self.cache)
        old = self.boards.get(kind)
        if old is not None and old[0] == key:
            return key, old[1]
        quiet = lambda _: None  # noqa: E731 (the request says more)
        covers = self.covers
        return key, set_up(
            self.world, ask, distances=distances, progress=quiet, covers=covers, cache=self.cache
        )

    def _rows(self, job: Job, board: Board, found: Answer) -> pd.DataFrame:
        """Make the rows of new sites: planned, without stock."""
        kind = job.request.kind
        taken = set(self.world.layers[kind].table["id"].astype(str))
        tables = []
        for lot, positions in found.opened:
            ids = next_ids(f"{kind}-plan-{lot.year}", len(positions), taken)
            taken |= set(ids)
            own = board.layer.table.iloc[positions][
                ["name", "host", "county_code", "county", "city", "lon", "lat"]
            ]
            tables.append(own.assign(id=ids, level=lot.level, year=lot.year))
        table = pd.concat(tables, ignore_index=True).assign(status=PLANNED, source=SOURCE)
        cost = np.nan if job.request.cost is None else job.request.cost
        if len(table):
            self.sites.append(table.assign(kind=kind, cost=cost, request=job.numbers[0])[SITES])
        return table

    def _close(self, job: Job, board: Board, found: Answer) -> Layer:
        """Take the sites that give way out of the layer."""
        kind = job.request.kind
        layer = self.world.layers[kind]
        if not found.closed:
            return layer
        years, rows = zip(*found.closed, strict=True)
        gone = board.layer.table.iloc[list(rows)]
        own = gone.assign(kind=kind, year=years, request=job.numbers[0])[GIVEN_UP]
        self.given_up.append(own.reset_index(drop=True))
        kept = layer.table[~layer.table["id"].isin(gone["id"])].reset_index(drop=True)
        return replace(layer, table=kept)

    def _note(self, job: Job, board: Board, found: Answer) -> None:
        """Keep what a reader must know of a request."""
        name, year = KIND_NAMES[job.request.kind], job.request.first_year
        before = [each for each in self.jobs if each.request.kind == job.request.kind and each.request.phases]
        for each in before:
            years = sorted(each.request.phases or ())
            if years[-1] > year:
                own = f"{name} {year} 年的选址 (第{job.numbers[0]}项)"
                self.notes.append(f"{own}排在 {years_text(years)}的分期选址之后, 把后者的站点都当作已有")
        told = [*found.notes, *([f"{name}: {board.note}"] if board.note else [])]
        self.notes += [text if name in text else f"{name} {text}" for text in told]
        self.schedules += found.schedules

    def done(self) -> Placed:
        """Put all answers together."""
        notes = list(self.notes)
        if any(_by_itself(self.jobs)):
            notes.insert(0, MYOPIC)
        return Placed(
            layers=dict(self.world.layers),
            sites=_stacked(self.sites, SITES),
            plans=self.plans,
            given_up=_stacked(self.given_up, GIVEN_UP),
            schedules=pd.DataFrame(self.schedules, columns=SCHEDULES),
            notes=tuple(dict.fromkeys(notes)),
        )


def _by_itself(jobs: Sequence[Job]) -> Iterator[bool]:
    """Tell for each kind whether sites are sought in several years, each year by itself."""
    for kind in {job.request.kind for job in jobs}:
        own = [job.request for job in jobs if job.request.kind == kind and job.request.rule is None]
        yield len({request.first_year for request in own if request.phases is None}) > 1


def _stacked(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _progress(job: Job, board: Board, number: int) -> str:
    request, n = job.request, len(board.places)
    years = years_text(sorted(request.phases)) if request.phases else f"{request.first_year} 年"
    lead = f"{years} {KIND_NAMES[request.kind]}: "
    if request.rule is not None:
        return f"{lead}按规则设 {n} 处"
    return f"{lead}在 {n} 个候选点中选 {number} 处" if number else f"{lead}在 {n} 个候选点中选址"


def _describe(job: Job, board: Board, found: Answer, p: int) -> dict[str, Any]:
    """Write the row that tells how a request was solved."""
    request = job.request
    notes = [request.note, found.plan["note"]]
    if request.rule is not None and not len(board.places):
        notes.append("各单位都已有, 无需新增")
    notes += dict.fromkeys(lot.paid for lot, _ in found.opened if lot.paid)
    opened = sum(len(sites) for _, sites in found.opened)
    distances = request.rule is None and MODELS[request.method].distances
    return {
        "kind": request.kind,
        "year": request.first_year,
        "years": years_text(sorted(request.phases or [request.first_year])),
        "rule": request.method,
        "planning": (request.planning or "look_ahead") if request.phases else "",
        "p": p if request.method not in ("lscp", "partial") else opened,
        "opened": opened,
        "closed": len(found.closed),
        **{name: found.plan[name] for name in ("counts", "objective", "bound", "gap", "status", "stopped")},
        "seconds": found.plan["seconds"],
        "candidates": len(board.places),
        "limit_text": "" if distances else board.standard.limit_text(board.limit),
        "note": "; ".join(note for note in notes if note),
    }
