"""The siting models that a planner can ask of a world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coverage import siting
from ..coverage.siting.plan import Plan
from ..coverage.siting.rules import Rules
from ..geodata.errors import InputError, Problem
from .boards import Board
from .placing import FAILURE, Ask, staying

Progress = Callable[[float, float, float, float], object]

SITES = "站点数 (含现有)"


@dataclass(frozen=True)
class Model:
    """A siting model that can be asked of a world."""

    title: str
    goal: str
    """What it seeks, in Chinese."""
    solve: Callable[[Request], Plan]
    needs: tuple[str, ...] = ()
    """Fields of `Ask` without which it cannot be asked."""
    uses: tuple[str, ...] = ("limit",)
    """Further fields that change its answer."""
    distances: bool = False
    """It counts ways to the nearest site, at any distance."""
    counts: str = "覆盖居民"
    """What objective and bound are."""


@dataclass(frozen=True)
class Request:
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
    def failure(self) -> float:
        """Chance that a site fails, 0..1."""
        return FAILURE if self.ask.failure is None else self.ask.failure

    @property
    def common(self) -> dict[str, Any]:
        """What every model takes."""
        return {
            "forced": staying(self.ask, self.board) if self.rules.relocations else tuple(self.board.existing),
            "forbidden": self.forbidden,
            "rules": self.rules if self.rules else None,
            "time_limit_s": self.ask.time_limit_s,
            "progress": self.progress,
        }

    def pairs(self) -> dict[str, Any]:
        """Ways of all residents whom any allowed site can reach at all, in hundredths of a second."""
        matrix = self.board.matrix
        allowed = ~np.isin(matrix.site, np.asarray(self.forbidden, np.int64))
        there = np.bincount(matrix.rows()[allowed], minlength=matrix.n_rows) > 0
        kept = np.repeat(there, np.diff(matrix.indptr))
        indptr = np.r_[0, np.cumsum(np.diff(matrix.indptr)[there])].astype(np.int64)
        return {
            "cost": (indptr, matrix.site[kept], matrix.cost[kept]),
            "weight": self.board.weight[there],
            "n_candidates": self.board.n_all,
        }


MODELS: dict[str, Model] = {
    "mclp": Model(
        "最大覆盖",
        "覆盖居民最多",
        lambda one: siting.mclp(*one.cover, p=one.number, **one.common),
        ("number",),
        ("limit", "others"),
    ),
    "lscp": Model(
        "全覆盖最少站点",
        "凡能覆盖的居民都覆盖, 站点最少",
        lambda one: siting.lscp(*one.cover, **one.common),
        counts=SITES,
    ),
    "partial": Model(
        "达到比例最少站点",
        "覆盖比例达到要求, 站点最少",
        lambda one: siting.partial_cover(*one.cover, share=one.ask.share or 0.0, **one.common),
        ("share",),
        counts=SITES,
    ),
    "backup": Model(
        "双重覆盖",
        "有一处和有两处可达的居民合计最多",
        lambda one: siting.backup_cover(*one.cover, p=one.number, theta=0.5, **one.common).plan,
        ("number",),
        counts="有一处可达与有两处可达的居民的平均",
    ),
    "expected": Model(
        "期望覆盖",
        "考虑站点可能失效, 平均能覆盖的居民最多",
        lambda one: siting.expected_cover(*one.cover, q=one.failure, p=one.number, **one.common),
        ("number",),
        ("limit", "failure"),
        counts="平均覆盖居民",
    ),
    "p-median": Model(
        "总路程最短",
        "全体居民到最近站点的路程总和最短",
        lambda one: siting.p_median(**one.pairs(), p=one.number, **one.common),
        ("number",),
        (),
        distances=True,
        counts="居民乘以路程 (百分之一秒)",
    ),
    "p-center": Model(
        "最远路程最短",
        "最远的居民离站点最近",
        lambda one: siting.p_center(**one.pairs(), p=one.number, **one.common),
        ("number",),
        (),
        distances=True,
        counts="路程 (百分之一秒)",
    ),
}
"""The models by their names."""


_OPTIONS = {
    "number": "--number", "share": "--share", "limit": "--limit",
    "failure": "--failure", "others": "--others",
}  # fmt: skip


def model_of(ask: Ask) -> Model:
    """Check the request: the model and what it needs; raises ``InputError`` with every problem."""
    model = MODELS.get(ask.model)
    if model is None:
        fix = "可选: " + "、".join(f"{name}({each.title})" for name, each in MODELS.items())
        raise InputError(Problem("--model", "没有这个模型", ask.model[:40], fix))
    problems = [
        Problem("命令", f"{model.title}应给出 {_OPTIONS[need]}")
        for need in model.needs
        if getattr(ask, need) is None
    ]
    problems += [
        Problem("命令", f"{model.title}不用 {option}", fix="请去掉这个选项")
        for name, option in _OPTIONS.items()
        if name not in model.needs + model.uses and getattr(ask, name) is not None
    ]
    if ask.others and (ask.quotas or ask.spacing_km is not None or ask.relocations):
        fix = "请去掉 --others, 或去掉 --quota、--spacing、--relocate"
        problems.append(Problem("--others", "有名额、间距或迁移的要求时不能列出其他方案", fix=fix))
    if problems:
        raise InputError(problems)
    return model
