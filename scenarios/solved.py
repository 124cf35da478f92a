"""Answer one siting request on a board: what opens in which year, which existing sites give way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..coverage import siting
from ..coverage.siting.phases import PhasedPlan, Schedule
from ..coverage.siting.plan import Plan
from ..coverage.siting.rules import Rules, broken
from ..geodata.errors import InputError, Problem
from .asked import Job, Lot
from .boards import Board
from .placed_models import MODELS, Request
from .placing import Ask, rules_of, staying
from .solved_words import told_about
from .world import World

TIMED = "限时"
"""Marks a search that only the clock ended."""

UNFINISHED = "未全搜"
"""Marks a search that ended by itself before all was proven."""

_EARLY = 0.5
"""A search that ends before this share of its time ended by itself."""

NEW = "新增覆盖居民"

SCHEDULES = ["kind", "request", "year", "order", "opened", "covered", "bound", "chosen"]

_FIX = "请减少数量或放宽候选点"
_PLAN = ("status", "objective", "bound", "gap", "seconds")


@dataclass(frozen=True)
class Answer:
    """What a request leads to; positions are those of the board."""

    opened: list[tuple[Lot, list[int]]]
    """New sites by year and level, in the order of their gains."""
    closed: list[tuple[int, int]]
    """(year, existing site) that gives way."""
    plan: dict[str, Any]
    """How it was solved: what `Placed.plans` tells beside the request."""
    schedules: list[dict[str, Any]] = field(default_factory=list)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """A job with all that it needs to be solved."""

    world: World
    job: Job
    lots: list[Lot]
    ask: Ask
    board: Board
    rules: Rules
    forbidden: tuple[int, ...]

    @property
    def years(self) -> list[int]:
        """Years of the request, ascending."""
        return sorted({lot.year for lot in self.lots})

    def number(self, year: int | None = None) -> int:
        """Sites that are asked for, in a year or in all."""
        return sum(lot.number for lot in self.lots if year is None or lot.year == year)

    @property
    def moves(self) -> bool:
        """Whether existing sites may move; where none may, they are left out of the arrays."""
        return bool(self.rules.relocations)

    @property
    def shift(self) -> int:
        """Existing sites that are left out of the arrays."""
        return 0 if self.moves else self.board.n_existing

    @property
    def room(self) -> int:
        """Candidates that may open."""
        return len(self.board.places) - len(self.forbidden)

    @property
    def base(self) -> float:
        """Residents whom the sites reach that are left out of the arrays."""
        return 0.0 if self.moves else self.board.served

    @property
    def cover(self) -> dict[str, Any]:
        """What models of cover take: whom candidates reach beyond the sites, or beside those that move."""
        request = Request(self.ask, self.board, self.rules, self.forbidden, None)
        indptr, indices, weight, n = request.cover if self.moves else self.board.beyond
        rules = _shifted(self.rules, self.shift)
        return {
            "indptr": indptr,
            "indices": indices,
            "weight": weight,
            "n_candidates": n,
            "forced": staying(self.ask, self.board) if self.moves else (),
            "forbidden": tuple(site - self.shift for site in self.forbidden),
            "rules": rules if rules else None,
            "time_limit_s": self.ask.time_limit_s,
        }


def task_of(world: World, job: Job, lots: list[Lot], ask: Ask, board: Board) -> Task:
    """Turn the units, spacing and relocations of a request into rules; raises ``InputError``."""
    rules, forbidden = rules_of(world, ask, board)
    return Task(world, job, lots, ask, board, rules, forbidden)


def _shifted(rules: Rules, by: int) -> Rules:
    """Count the candidates of rules from 0 where existing sites are left out."""
    if not by:
        return rules
    return replace(
        rules,
        quotas=tuple(
            replace(quota, candidates=tuple(one - by for one in quota.candidates)) for quota in rules.quotas
        ),
        exclusive=tuple(tuple(one - by for one in group) for group in rules.exclusive),
        existing=(),
        relocations=0,
    )


def answer(task: Task) -> Answer:
    """Solve a request; raises ``InputError`` with the reason where it cannot be met."""
    if task.number() > task.room and not all(lot.paid for lot in task.lots):
        what = f"要求开设 {task.number()} 个, 可选的候选点只有 {task.room} 个"
        if task.forbidden:
            what += f" (另有 {len(task.forbidden)} 个离现有站点不到 {task.ask.spacing_km:g} 公里)"
        raise InputError(Problem(task.job.where, what, fix=_FIX))
    with _heeding_interrupts():
        return _single(task) if task.job.request.phases is None else _phased(task)


def open_all(task: Task) -> Answer:
    """Open every candidate, in the order of their gains: a rule demands them."""
    n = len(task.board.places)
    with _heeding_interrupts():
        plan = siting.mclp(**{**task.cover, "forced": tuple(range(n))}, p=n)
    sites = [site + task.shift for site in plan.sites]
    return Answer([(task.lots[0], sites)], [], _row(plan, task.ask.time_limit_s))


def _single(task: Task) -> Answer:
    """Solve a request of one year."""
    (lot,), model = task.lots, MODELS[task.ask.model]
    number = min(lot.number, task.room)
    if task.ask.model == "mclp":
        p = number + (task.board.n_existing if task.moves else 0)
        plan, shift = siting.mclp(**task.cover, p=p), task.shift
    else:
        ask = replace(task.ask, number=number or None)
        plan, shift = model.solve(Request(ask, task.board, task.rules, task.forbidden, None)), 0
    _check(task, plan)
    old = task.board.n_existing
    sites = [site + shift for site in plan.sites if site + shift >= old]
    gone = [(lot.year, site) for site in _given_up(task, plan)] if task.moves else []
    notes = (
        [f"迁移: 省级站点{'和 keep 列出的站点' if task.ask.keep else ''}不动"] if task.ask.relocations else []
    )
    counts = NEW if task.ask.model == "mclp" and not task.moves else model.counts
    return Answer([(lot, sites)], gone, _row(plan, task.ask.time_limit_s, counts=counts), notes=tuple(notes))


def _given_up(task: Task, plan: Plan) -> list[int]:
    """List the existing sites that a plan gives up, those left out that need not close for its new ones."""
    opened, most = set(plan.sites), task.board.n_existing + task.number()
    gone = [site for site in task.board.existing if site not in opened]
    if "number" not in MODELS[task.ask.model].needs:
        return gone  # these models count every site
    upper = replace(task.rules, quotas=tuple(replace(quota, at_least=0) for quota in task.rules.quotas))
    for site in gone:
        if len(opened) < most and not broken(upper, opened | {site}):
            opened.add(site)
    return [site for site in gone if site not in opened]


def _check(task: Task, plan: Plan) -> None:
    """Refuse a request that cannot be met, or for which no plan was found in time."""
    if plan.status == "infeasible":
        why = plan.note.replace("互斥的候选点", "站点间距 (spacing_km)")
        raise InputError(Problem(task.job.where, why, fix=_FIX))
    if not np.isfinite(plan.objective):
        fix = "请给更多时间, 或放宽要求"
        raise InputError(Problem(task.job.where, plan.note or "时限内没有找到方案", fix=fix))


def _row(plan: Plan, limit: float, *, counts: str = NEW) -> dict[str, Any]:
    own = {name: getattr(plan, name) for name in _PLAN}
    timed = TIMED if plan.seconds >= _EARLY * limit else UNFINISHED
    stopped = "" if plan.status == "optimal" else timed
    return {**own, "counts": counts, "stopped": stopped, "note": plan.note}


def _phased(task: Task) -> Answer:
    """Solve a request of several years: together, and in the orders that planners use without that."""
    numbers = _capped([task.number(year) for year in task.years], task.room)
    years = [
        siting.Phase(f"{year} 年", number=number) for year, number in zip(task.years, numbers, strict=True)
    ]
    found = siting.phased_mclp(**task.cover, years=years)
    _check(task, found.plan)
    planning = task.job.request.planning or "look_ahead"
    chosen = found.look_ahead if planning == "look_ahead" else found.myopic
    if chosen is None:
        raise InputError(Problem(task.job.where, "时限内没有找到方案", fix="请给更多时间, 或放宽要求"))
    opened = []
    for year, sites in zip(task.years, chosen.opened, strict=True):
        opened += _by_level([lot for lot in task.lots if lot.year == year], [x + task.shift for x in sites])
    closed = [(year, x) for year, gone in zip(task.years, chosen.closed, strict=True) for x in gone]
    return Answer(
        opened,
        closed,
        _row_of(task, found, chosen),
        _schedules(task, found, chosen),
        told_about(task.ask.kind, task.years, found, planning, task.base),
    )


def _capped(numbers: Sequence[int], room: int) -> list[int]:
    """Leave of the numbers that budgets pay so many as there are candidates, the earlier years first."""
    ends = np.minimum(np.cumsum(numbers), room)
    return [int(one) for one in np.diff(np.r_[0, ends])]


def _by_level(lots: list[Lot], sites: list[int]) -> list[tuple[Lot, list[int]]]:
    """Give the sites of a year, in the order of their gains, to its levels in the order of the file.

    Sites in the place of existing ones come on top of the numbers: the last level gets them.
    """
    ends = [0, *np.cumsum([lot.number for lot in lots[:-1]]).tolist(), len(sites)]
    return [(lot, sites[start:end]) for lot, start, end in zip(lots, ends, ends[1:], strict=False)]


def _row_of(task: Task, found: PhasedPlan, chosen: Schedule) -> dict[str, Any]:
    """Tell how phases were solved; objective and bound are sums over the years of residents covered."""
    plan, base = found.plan, task.base * len(task.years)
    objective, bound = chosen.value + base, plan.bound + base
    gap = float((bound - objective) / bound) if bound > 0 else 0.0
    row = _row(plan, task.ask.time_limit_s, counts="各年覆盖居民之和")
    row |= {"objective": float(objective), "bound": float(bound), "gap": max(0.0, gap)}
    best = found.look_ahead
    if (
        best is not None and round(best.value - chosen.value) > 0
    ):  # each year the best by itself, not together
        more = f"按要求逐年依次安排; 各年合起来安排合计可多 {best.value - chosen.value:,.0f} 人次"
        row |= {"status": "feasible", "note": "; ".join(filter(None, (row["note"], more)))}
    return row


def _schedules(task: Task, found: PhasedPlan, chosen: Schedule) -> list[dict[str, Any]]:
    """List for each order and year how many sites open, how many residents are covered, what is proven."""
    rows = []
    orders = {"look_ahead": found.look_ahead, "myopic": found.myopic, "final_first": found.final_first}
    for order, schedule in orders.items():
        if schedule is None:
            continue
        covered = np.rint(np.array(schedule.covered) + task.base)
        bounds = np.array(schedule.bounds) + task.base
        for at, year in enumerate(task.years):
            bound = max(np.floor(bounds[at] + 0.5), covered[at]) if np.isfinite(bounds[at]) else np.nan
            rows.append(
                {
                    "kind": task.ask.kind,
                    "request": task.job.numbers[0],
                    "year": year,
                    "order": order,
                    "opened": len(schedule.opened[at]),
                    "covered": int(covered[at]),
                    "bound": float(bound),
                    "chosen": schedule is chosen,
                }
            )
    return rows


@contextmanager
def _heeding_interrupts() -> Iterator[None]:
    """Let Ctrl-C end the run: the models would return the best plan so far, which is no result of a run."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, came = signal.getsignal(signal.SIGINT), list[int]()

    def note(number: int, frame: Any) -> None:
        came.append(number)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
