"""Solve what `placing` set up, and make the tables of what a plan gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage import siting
from ..coverage.siting.marginals import exchange_values, marginal_table
from ..coverage.siting.plan import Plan
from ..coverage.siting.reduce import cover_matrix
from ..coverage.siting.rules import Rules
from ..geodata.errors import InputError, Problem
from .placed_models import SITES, Model, Progress, Request, model_of
from .placed_words import most_covered, sentences
from .placing import Ask, Board, rules_of, set_up
from .world import World


@dataclass(frozen=True)
class Placement:
    """The answer to a planner."""

    plan: Plan
    board: Board
    sites: pd.DataFrame
    """New sites: rank, name, city, county, lon, lat; models of cover also gain, cumulative, sole, and other
    and loss (where a resident counts once), twice (backup) or mean (expected)."""
    given_up: pd.DataFrame
    """Existing sites that give way (relocation): id, name, city, county."""
    others: pd.DataFrame
    """Other good plans, where they were asked for: rank, fewer, changed."""
    sentences: tuple[str, ...]
    """What is proven, who gains, what a reader must know; Chinese."""


def place(
    world: World,
    ask: Ask,
    *,
    say: Callable[[str], None],
    progress: Progress | None = None,
) -> Placement:
    """Answer where new sites should go, existing ones kept but for those that may move.

    Raises
    ------
    InputError
        The request makes no sense, or cannot be met: why, and what can; or no plan was found in time.
    """
    model = model_of(ask)
    board = set_up(world, ask, distances=model.distances, progress=say)
    rules, forbidden = rules_of(world, ask, board)
    request = Request(ask, board, rules, forbidden, progress)
    _check_number(request)
    say(f"{model.title}: {board.n_all:,} 个现有和候选点, {board.matrix.n_rows:,} 处居民")
    plan = model.solve(request)
    if plan.status == "infeasible":
        raise InputError(_why_not(request, plan, model))
    if not np.isfinite(plan.objective):
        fix = "请用 --time-limit 给更多时间, 或放宽要求"
        raise InputError(Problem(f"选址 {model.title}", plan.note or "时限内没有找到方案", fix=fix))
    sites = _sites(request, plan, model)
    gone = [site for site in board.existing if site not in set(plan.sites)] if rules.relocations else []
    given_up = board.layer.table.loc[gone, ["id", "name", "city", "county"]].reset_index(drop=True)
    listed, more = _others(request, plan) if ask.others else (pd.DataFrame(), [])
    told = [*sentences(request, plan, model, sites, given_up), *more]
    return Placement(plan, board, sites, given_up, listed, tuple(told))


def _check_number(request: Request) -> None:
    """Refuse more new sites than there are candidates: raises ``InputError``."""
    number, board = request.ask.number or 0, request.board
    room = len(board.places) - len(request.forbidden)
    if number > room:
        near = f" (离现有站点太近的 {len(request.forbidden):,} 处不算)" if request.forbidden else ""
        fix = "请减少 --number, 或用 --candidates settlements 或 cells 得到更多候选点"
        got = f"要新增 {number:,} 处"
        raise InputError(Problem("--number", f"候选点只有 {room:,} 处{near}", got, fix))


def _why_not(request: Request, plan: Plan, model: Model) -> Problem:
    """Say why a request cannot be met, and for shares what can."""
    where, fix = f"选址 {model.title}", "请放宽其中一项再试"
    if model.counts != SITES:
        why = plan.note.replace("互斥的候选点", "站点间距 (--spacing)")
        if request.forbidden:
            near = f"{len(request.forbidden):,} 个候选点离现有站点不到 {request.ask.spacing_km:g} 公里"
            why = f"{why} (已除去 {near})"
        return Problem(where, why, fix=fix)
    common = request.common | {"time_limit_s": min(10.0, request.ask.time_limit_s), "progress": None}
    most = siting.mclp(*request.cover, p=request.board.n_all - len(request.forbidden), **common)
    if not most.sites:
        return Problem(where, most.note or plan.note, fix=fix)
    reached = most_covered(request, most)
    wanted = (
        "凡能覆盖的居民都覆盖" if request.ask.share is None else f"覆盖 {100 * request.ask.share:g} % 的居民"
    )
    what = f"做不到{wanted}: {reached}"
    return Problem(where, what, fix="请用 --model partial 给出较低的 --share, 或放宽名额、间距、上限和候选点")


def _sites(request: Request, plan: Plan, model: Model) -> pd.DataFrame:
    """Make the table of new sites, in the order of their gains."""
    board, layer = request.board, request.board.layer.table
    new = [site for site in plan.sites if site >= board.n_existing]
    names = layer["name"].astype(str).tolist()
    columns: dict[str, Any] = {}
    if not model.distances:
        kept = [site for site in board.existing if site in set(plan.sites)]
        found = marginal_table(*request.cover, list(plan.sites), existing=kept, forbidden=request.forbidden)
        rows = np.flatnonzero(~found.existing)
        new = found.site[rows].tolist()
        before = float(found.cumulative[rows[0]] - found.gain[rows[0]]) if len(rows) else 0.0
        cumulative = np.rint(found.cumulative[rows] - before).astype(np.int64)
        gain = np.diff(cumulative, prepend=0)
        columns = {
            "gain": gain,
            "cumulative": cumulative,
            "sole": np.minimum(np.rint(found.sole[rows]).astype(np.int64), gain),  # both are rounded
        }
        if request.ask.model in ("backup", "expected"):
            columns |= _repeated(request, kept, new)
        else:
            other, loss = found.replacement[rows], found.loss[rows]
            if request.rules or request.forbidden:
                other, loss = _allowed(request, plan, np.array(new, np.int64))
            columns |= _replacements(names, other, loss)
    table = layer.iloc[new][["name", "city", "county", "lon", "lat"]].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(new) + 1))
    return table.assign(**columns)


def _replacements(names: list[str], other: NDArray[np.int64], loss: NDArray[np.float64]) -> dict[str, Any]:
    """Make the columns on the best replacement of each new site: (q,) candidates or -1, residents fewer."""
    fewer = [round(one) if row >= 0 else None for row, one in zip(other, loss, strict=True)]
    return {
        "other": [names[one] if one >= 0 else "" for one in other.tolist()],
        "loss": pd.Series(fewer, dtype=object),
    }


def _repeated(request: Request, kept: list[int], new: list[int]) -> dict[str, Any]:
    """Measure what new sites add, one after the other, where a second site in reach counts, too."""
    indptr, indices, weight, n = request.cover
    by_site = cover_matrix(indptr, indices, n).tocsc()
    count = np.zeros(len(weight), np.int64)
    twice, mean = [], []
    for site in [*kept, *new]:
        rows = by_site.indices[by_site.indptr[site] : by_site.indptr[site + 1]]
        twice.append(float(weight[rows][count[rows] == 1].sum()))
        mean.append(float((weight[rows] * request.failure ** count[rows]).sum() * (1 - request.failure)))
        count[rows] += 1
    name, worth = ("twice", twice) if request.ask.model == "backup" else ("mean", mean)
    return {name: np.rint(worth[len(kept) :]).astype(np.int64)}


def _allowed(
    request: Request, plan: Plan, new: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the best replacement of each new site that keeps the rules: (q,) candidates or -1, the loss."""
    indptr, indices, weight, n = request.cover
    opened = np.array(plan.sites, np.int64)
    value, sole = exchange_values(cover_matrix(indptr, indices, n), weight, opened)
    value[:, [*plan.sites, *request.forbidden]] = -np.inf
    other, loss = np.full(len(new), -1), np.full(len(new), np.nan)
    for at, site in enumerate(new.tolist()):
        row = int(np.flatnonzero(opened == site)[0])
        worth = np.where(admitted(request.rules, set(plan.sites) - {site}, n), value[row], -np.inf)
        if np.isfinite(worth).any():
            other[at] = worth.argmax()
            loss[at] = sole[row] - worth.max()
    return other, loss


def admitted(rules: Rules, rest: set[int], n_candidates: int) -> NDArray[np.bool_]:
    """Tell which one candidate more keeps quotas and spacing, where the other sites of a plan stay.

    Examples
    --------
    >>> from boai.coverage.siting.rules import Quota
    >>> rules = Rules(quotas=(Quota("甲市", (0, 1), at_least=1),), exclusive=((1, 2, 3),))
    >>> admitted(rules, {3}, 4).tolist()
    [True, False, False, False]
    """
    allowed = np.ones(n_candidates, bool)
    for quota in rules.quotas:
        inside = np.isin(np.arange(n_candidates), quota.candidates)
        count = len(rest.intersection(quota.candidates))
        if count < quota.at_least:
            allowed &= inside
        if quota.at_most is not None and count >= quota.at_most:
            allowed &= ~inside
    for group in rules.exclusive:
        if not rest.isdisjoint(group):
            allowed[list(group)] = False
    return allowed


def _others(request: Request, plan: Plan) -> tuple[pd.DataFrame, list[str]]:
    """List other good plans: what each covers less, which sites differ from the best; what is not proven."""
    names = request.board.layer.table["name"].astype(str).tolist()
    found = siting.best_plans(
        *request.cover,
        p=request.number,
        count=(request.ask.others or 0) + 1,
        forced=tuple(request.board.existing),
        forbidden=request.forbidden,
        time_limit_s=request.ask.time_limit_s,
    )
    rows = []
    for rank, other in enumerate(found.plans, start=1):
        out = [names[site] for site in plan.sites if site not in set(other.sites)]
        into = [names[site] for site in other.sites if site not in set(plan.sites)]
        changed = f"{'、'.join(out)} 换成 {'、'.join(into)}" if out or into else "(本方案)"
        rows.append({"rank": rank, "fewer": round(plan.objective - other.objective), "changed": changed})
    note = found.note or ("" if found.complete else "次序未全部证明")
    return pd.DataFrame(rows), [f"其他方案: {note}。"] if note else []


def changes_of(
    placement: Placement, kind: str, *, name: str, title: str, level: str, year: int
) -> dict[str, Any]:
    """Write a plan as the content of a scenario file: what to open, what to close."""
    opened = [
        {
            "open": {
                "kind": kind,
                "name": str(row["name"]),
                "lon": float(row["lon"]),
                "lat": float(row["lat"]),
                **({"level": level} if level else {}),
                "year": year,
            }
        }
        for row in placement.sites.to_dict("records")
    ]
    closed = [{"close": {"kind": kind, "id": str(one)}} for one in placement.given_up.get("id", [])]
    return {"name": name, "title": title, "changes": [*opened, *closed]}
