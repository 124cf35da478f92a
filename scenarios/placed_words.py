"""Say in Chinese sentences what a plan gives, and what is proven about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.inequality import percent_text
from ..coverage.siting.models import covered_weight
from ..coverage.siting.plan import Plan
from ..coverage.siting.reduce import cover_matrix
from .placed_models import SITES, Model, Request
from .placing import staying


def sentences(
    request: Request, plan: Plan, model: Model, sites: pd.DataFrame, given_up: pd.DataFrame
) -> list[str]:
    board = request.board
    found = [f"{model.title} ({model.goal}): {_certain(request, plan, model)}, 用时 {plan.seconds:.1f} 秒。"]
    if model.distances:
        found += _ways(request, plan)
    else:
        moved = f", 其中 {len(given_up)} 处为迁移" if len(given_up) else ""
        reached = _change(request, plan, lambda count: np.minimum(count, 1))
        limit = board.standard.limit_text(board.limit)
        found += [f"{limit}以内的居民 {reached}, 新设 {len(sites)} 处{moved}。", *_repeats(request, plan)]
    if len(given_up):
        found.append(_moved(request, plan, model, given_up))
    if request.ask.relocations and (kept := staying(request.ask, board)):
        found.append(f"省级{'和指定的' if request.ask.keep else ''}站点 {len(kept):,} 处不迁移。")
    if board.note:
        found.append(f"{board.note}。")
    if request.ask.model == "lscp":
        found += _left_out(request)
    # Rows are no words for an office: `_left_out` tells the residents.
    notes = [part for part in plan.note.split("; ") if part and not part.endswith("处居民任何候选点都到不了")]
    return found + [f"{part}。" for part in notes]


def most_covered(request: Request, most: Plan) -> str:
    """Say how many residents can be covered at all with the candidates and the rules."""
    total = request.board.residents
    share = np.floor(10_000 * most.objective / total) / 100 if total else 0.0
    found = "最多覆盖" if most.status == "optimal" else "已找到的方案最多覆盖"
    return f"按候选点和各项要求{found} {most.objective:,.0f} 人 ({share:.2f} %)"


def _certain(request: Request, plan: Plan, model: Model) -> str:
    """Say what is proven, in words: how much better another plan could be at most."""
    if plan.status == "optimal":
        return "已证明最优, 没有更好的方案"
    if model.counts == SITES:
        fewest = int(np.ceil(plan.bound - 1e-6))
        had = len(request.board.existing)
        least = f"连同现有站点至少要 {fewest:,} 处, 本方案 {len(plan.sites):,} 处 (现有 {had:,} 处)"
        return f"未证明最优, {least}"
    if model.distances:
        return f"未证明最优, 路程最多还能缩短 {100 * plan.gap:.2f} %"
    better = max(0.0, plan.bound - plan.objective)
    return f"未证明最优, 最好的方案至多再多 {better:,.0f} 人 ({100 * plan.gap:.2f} %)"


def _change(request: Request, plan: Plan, worth: Callable[[NDArray[np.int64]], NDArray[Any]]) -> str:
    """Write residents before and after, each row counted by what its number of sites in reach is worth."""
    indptr, indices, weight, n = request.cover
    matrix, total = cover_matrix(indptr, indices, n), request.board.residents
    before, after = (
        float(weight @ worth(matrix @ np.isin(np.arange(n), some).astype(np.int64)))
        for some in (list(request.board.existing), plan.sites)
    )
    shares = f" ({percent_text(before / total)} → {percent_text(after / total)})" if total else ""
    return f"{before:,.0f} → {after:,.0f} 人{shares}"


def _moved(request: Request, plan: Plan, model: Model, given_up: pd.DataFrame) -> str:
    """Tell which existing sites give way, and what is lost before the new ones are counted."""
    names = f"迁移: 撤去 {'、'.join(given_up['name'].astype(str))}"
    if model.distances:
        return f"{names}。"
    indptr, indices, weight, _ = request.cover
    stay = [site for site in plan.sites if site in request.board.existing]
    had, kept = (covered_weight(indptr, indices, weight, some) for some in (request.board.existing, stay))
    lost = f"覆盖先减少 {had - kept:,.0f} 人, 表中的新增从这里算起" if round(had - kept) else "覆盖不因此减少"
    return f"{names}; {lost}。"


def _repeats(request: Request, plan: Plan) -> list[str]:
    """Tell what the models that count a second site in reach are about."""
    fails = request.failure
    if request.ask.model == "backup":
        return [f"其中有两处可达的 {_change(request, plan, lambda count: count >= 2)}。"]
    if request.ask.model == "expected":
        mean = _change(request, plan, lambda count: 1.0 - fails**count)
        return [f"每处有 {100 * fails:g} % 的可能失效, 平均能覆盖 {mean}。"]
    return []


def _left_out(request: Request) -> list[str]:
    """Tell how many residents no site and no allowed candidate can cover."""
    indptr, indices, weight, n = request.cover
    allowed = np.ones(n)
    allowed[list(request.forbidden)] = 0.0
    lost = float(weight[cover_matrix(indptr, indices, n) @ allowed == 0].sum())
    total = request.board.residents
    return [f"任何候选点都覆盖不到的居民 {lost:,.0f} 人 ({percent_text(lost / total)})。"] if lost else []


def _ways(request: Request, plan: Plan) -> list[str]:
    """Tell the mean and the longest way before and after, in minutes."""
    told = []
    for name, some in (("现状", tuple(request.board.existing)), ("方案", plan.sites)):
        if not some:
            told.append(f"{name}: 没有站点")
            continue
        least, there = _nearest(request, some)
        weight = request.board.weight[there]
        mean = float((least[there] * weight).sum() / max(weight.sum(), 1.0)) / 6000
        longest = float(least[there].max(initial=0.0)) / 6000
        told.append(f"{name}: 平均 {mean:.1f} 分, 最远 {longest:.0f} 分")
    return ["居民到最近站点的驾车时间 — " + "; ".join(told) + "。"]


def _nearest(request: Request, sites: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Find the least cost of every row to some sites: (rows,) hundredths, and where it and residents are."""
    matrix = request.board.matrix
    chosen = np.isin(matrix.site, np.asarray(sites, np.int64))
    least = np.full(matrix.n_rows, np.inf)
    np.minimum.at(least, matrix.rows()[chosen], matrix.cost[chosen])
    return least, np.isfinite(least) & (request.board.weight > 0)
