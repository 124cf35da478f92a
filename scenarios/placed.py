"""Solve what `placing` set up, and say in tables and sentences what a plan gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage import siting
from ..coverage.inequality import percent_text
from ..coverage.siting.marginals import exchange_values, marginal_table
from ..coverage.siting.plan import Plan
from ..coverage.siting.reduce import cover_matrix
from ..coverage.siting.rules import Rules, broken
from ..geodata.errors import InputError, Problem
from .placing import Ask, Board, rules_of, set_up
from .world import World

Progress = Callable[[float, float, float, float], object]

_TRIED = 200
"""Best replacements of a site that are held against the rules."""


@dataclass(frozen=True)
class Model:
    """A siting model that can be asked of a world."""

    title: str
    goal: str
    """What it seeks, in Chinese."""
    solve: Callable[[_Request], Plan]
    needs: tuple[str, ...] = ()
    """Fields of `Ask` without which it cannot be asked."""
    distances: bool = False
    """It counts ways to the nearest site, at any distance."""


@dataclass(frozen=True)
class Placement:
    """The answer to a planner."""

    plan: Plan
    board: Board
    sites: pd.DataFrame
    """New sites: rank, name, city, county, lon, lat; models of cover: gain, cumulative, sole, other, loss."""
    given_up: pd.DataFrame
    """Existing sites that give way (relocation): id, name, city, county."""
    others: pd.DataFrame
    """Other good plans, where they were asked for: rank, objective, share, changed."""
    sentences: tuple[str, ...]
    """What is proven, who gains, what a reader must know; Chinese."""


@dataclass(frozen=True)
class _Request:
    ask: Ask
    board: Board
    rules: Rules
    forbidden: tuple[int, ...]
    progress: Progress | None

    @property
    def cover(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], int]:
        """Arrays of who covers whom; a last row holds those on foot whom no site reaches."""
        matrix = self.board.matrix
        missing = self.board.residents - float(self.board.weight.sum())
        weight = np.r_[self.board.weight, max(0.0, missing)]
        return np.r_[matrix.indptr, matrix.indptr[-1]], matrix.site, weight, self.board.n_all

    @property
    def number(self) -> int:
        """All sites that are open at the end."""
        return self.board.n_existing + (self.ask.number or 0)

    @property
    def common(self) -> dict[str, Any]:
        """What every model takes."""
        return {
            "forced": () if self.rules.relocations else tuple(self.board.existing),
            "forbidden": self.forbidden,
            "rules": self.rules if self.rules else None,
            "time_limit_s": self.ask.time_limit_s,
            "progress": self.progress,
        }

    def pairs(self) -> dict[str, Any]:
        """Ways of all residents who can reach any site at all, in seconds."""
        matrix = self.board.matrix
        there = np.diff(matrix.indptr) > 0
        indptr = np.r_[0, np.cumsum(np.diff(matrix.indptr)[there])].astype(np.int64)
        return {
            "cost": (indptr, matrix.site, matrix.cost),
            "weight": self.board.weight[there],
            "n_candidates": self.board.n_all,
        }


MODELS: dict[str, Model] = {
    "mclp": Model(
        "最大覆盖",
        "覆盖居民最多",
        lambda one: siting.mclp(*one.cover, p=one.number, **one.common),
        ("number",),
    ),
    "lscp": Model(
        "全覆盖最少站点", "凡能覆盖的居民都覆盖, 站点最少", lambda one: siting.lscp(*one.cover, **one.common)
    ),
    "partial": Model(
        "达到比例最少站点",
        "覆盖比例达到要求, 站点最少",
        lambda one: siting.partial_cover(*one.cover, share=one.ask.share or 0.0, **one.common),
        ("share",),
    ),
    "backup": Model(
        "双重覆盖",
        "有一处和有两处可达的居民合计最多",
        lambda one: siting.backup_cover(*one.cover, p=one.number, theta=0.5, **one.common).plan,
        ("number",),
    ),
    "expected": Model(
        "期望覆盖",
        "考虑站点可能失效, 平均能覆盖的居民最多",
        lambda one: siting.expected_cover(*one.cover, q=one.ask.failure, p=one.number, **one.common),
        ("number",),
    ),
    "p-median": Model(
        "总路程最短",
        "全体居民到最近站点的路程总和最短",
        lambda one: siting.p_median(**one.pairs(), p=one.number, **one.common),
        ("number",),
        distances=True,
    ),
    "p-center": Model(
        "最远路程最短",
        "最远的居民离站点最近",
        lambda one: siting.p_center(**one.pairs(), p=one.number, **one.common),
        ("number",),
        distances=True,
    ),
}
"""The models by their names."""


def place(
    world: World,
    ask: Ask,
    *,
    say: Callable[[str], None],
    progress: Progress | None = None,
    others: int = 0,
) -> Placement:
    """Answer where new sites should go, existing ones kept but for those that may move.

    Parameters
    ----------
    others
        So many of the best plans are listed beside the best (maximal covering without quotas and the like).

    Raises
    ------
    InputError
        The request makes no sense, or cannot be met: why, and what can.
    """
    model = model_of(ask)
    board = set_up(world, ask, distances=model.distances, progress=say)
    rules, forbidden = rules_of(world, ask, board)
    request = _Request(ask, board, rules, forbidden, progress)
    say(f"{model.title}: {board.n_all:,} 个现有和候选点, {board.matrix.n_rows:,} 处居民")
    plan = model.solve(request)
    if plan.status == "infeasible":
        raise InputError(Problem(f"选址 {model.title}", plan.note, fix="请放宽其中一项再试"))
    sites = _sites(request, plan, model)
    gone = [site for site in board.existing if site not in set(plan.sites)] if rules.relocations else []
    given_up = board.layer.table.loc[gone, ["id", "name", "city", "county"]].reset_index(drop=True)
    listed = _others(request, plan, others) if others and ask.model == "mclp" else pd.DataFrame()
    return Placement(
        plan, board, sites, given_up, listed, tuple(_sentences(request, plan, model, sites, given_up))
    )


def model_of(ask: Ask) -> Model:
    """Check the request: the model and what it needs; raises ``InputError`` with every problem."""
    model = MODELS.get(ask.model)
    if model is None:
        fix = "可选: " + "、".join(f"{name}({each.title})" for name, each in MODELS.items())
        raise InputError(Problem("--model", "没有这个模型", ask.model[:40], fix))
    options = {"number": "--number", "share": "--share"}
    problems = [
        Problem("命令", f"{model.title}应给出 {options[need]}")
        for need in model.needs
        if getattr(ask, need) is None
    ]
    unused = [name for name in options if name not in model.needs and getattr(ask, name) is not None]
    problems += [
        Problem("命令", f"{model.title}不用 {options[name]}", fix="请去掉这个选项") for name in unused
    ]
    if problems:
        raise InputError(problems)
    return model


def _sites(request: _Request, plan: Plan, model: Model) -> pd.DataFrame:
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
        other, loss = found.replacement[rows], found.loss[rows]
        if request.rules or request.forbidden:
            other, loss = _allowed(request, plan, np.array(new, np.int64))
        columns = {
            "gain": np.diff(cumulative, prepend=0),
            "cumulative": cumulative,
            "sole": np.rint(found.sole[rows]).astype(np.int64),
            "other": [names[one] if one >= 0 else "" for one in other.tolist()],
            "loss": pd.Series(
                [round(one) if row >= 0 else None for row, one in zip(other, loss, strict=True)], dtype=object
            ),
        }
    table = layer.iloc[new][["name", "city", "county", "lon", "lat"]].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(new) + 1))
    return table.assign(**columns)


def _allowed(
    request: _Request, plan: Plan, new: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the best replacement of each new site that keeps the rules: (q,) candidates or -1, the loss."""
    indptr, indices, weight, n = request.cover
    opened = np.array(plan.sites, np.int64)
    value, sole = exchange_values(cover_matrix(indptr, indices, n), weight, opened)
    value[:, [*plan.sites, *request.forbidden]] = -np.inf
    other, loss = np.full(len(new), -1), np.full(len(new), np.nan)
    for at, site in enumerate(new.tolist()):
        row = int(np.flatnonzero(opened == site)[0])
        rest = set(plan.sites) - {site}
        for candidate in np.argsort(-value[row], kind="stable")[:_TRIED].tolist():
            if np.isfinite(value[row, candidate]) and not broken(request.rules, rest | {candidate}):
                other[at], loss[at] = candidate, sole[row] - value[row, candidate]
                break
    return other, loss


def _others(request: _Request, plan: Plan, count: int) -> pd.DataFrame:
    """List other good plans: what each covers, and which sites differ from the best."""
    names = request.board.layer.table["name"].astype(str).tolist()
    found = siting.best_plans(
        *request.cover,
        p=request.number,
        count=count + 1,
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
    return pd.DataFrame(rows)


def _sentences(
    request: _Request, plan: Plan, model: Model, sites: pd.DataFrame, given_up: pd.DataFrame
) -> list[str]:
    board = request.board
    certain = "已证明最优" if plan.status == "optimal" else f"与界相差不超过 {100 * plan.gap:.2f} %"
    found = [f"{model.title} ({model.goal}): {certain}, 用时 {plan.seconds:.1f} 秒。"]
    before, after = (_served(request, some) for some in (tuple(board.existing), plan.sites))
    total = board.residents
    limit = board.standard.limit_text(board.limit)
    moved = f", 其中 {len(given_up)} 处为迁移" if len(given_up) else ""
    if not model.distances:
        shares = f"{percent_text(before / total)} → {percent_text(after / total)}" if total else "—"
        found.append(
            f"{limit}以内的居民 {before:,.0f} → {after:,.0f} 人 ({shares}), 新设 {len(sites)} 处{moved}。"
        )
    else:
        found += _ways(request, plan)
    if len(given_up):
        found.append(f"迁移: 撤去 {'、'.join(given_up['name'].astype(str))}。")
    if plan.note:
        found.append(plan.note)
    return found


def _ways(request: _Request, plan: Plan) -> list[str]:
    """Tell the mean and the longest way before and after, in minutes."""
    told = []
    for name, some in (("现状", tuple(request.board.existing)), ("方案", plan.sites)):
        least, there = _nearest(request, some)
        weight = request.board.weight[there]
        mean = float((least[there] * weight).sum() / max(weight.sum(), 1.0)) / 6000
        longest = float(least[there].max(initial=0.0)) / 6000
        told.append(f"{name}: 平均 {mean:.1f} 分, 最远 {longest:.0f} 分")
    return ["居民到最近站点的驾车时间 — " + "; ".join(told) + "。"]


def _nearest(request: _Request, sites: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Find the least cost of every row to some sites: (rows,) hundredths, and where there is any."""
    matrix = request.board.matrix
    chosen = np.isin(matrix.site, np.asarray(sites, np.int64))
    least = np.full(matrix.n_rows, np.inf)
    np.minimum.at(least, matrix.rows()[chosen], matrix.cost[chosen])
    return least, np.isfinite(least)


def _served(request: _Request, sites: tuple[int, ...]) -> float:
    indptr, indices, weight, _ = request.cover
    return siting.covered_weight(indptr, indices, weight, sites)


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
