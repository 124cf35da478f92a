"""What `boai siting solve` answers: one siting model on the arrays of a file, without a workspace."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coverage import siting
from ..coverage.siting.orlib import read_pmed
from ..coverage.siting.plan import Plan
from ..coverage.siting.reach_file import ReachFile, read_reach
from ..coverage.siting.reduce import Floats, Positions
from ..geodata.errors import InputError, Problem
from .console import jsonable

Progress = Callable[[float, float, float, float], object]

_PERCENT = ("share", "failure")
_ARRAYS = {"cost": "每一对的路程", "capacity": "每个候选点的容量", "group": "每行需求点所属的单位"}
_EXAMPLES = {"p": "10", "share": "90", "times": "2", "failure": "10"}


@dataclass(frozen=True)
class Wanted:
    """What a user asks, as it is written."""

    model: str
    reach: Path | None = None
    orlib: Path | None = None
    p: int | None = None
    budget: float | None = None
    share: float | None = None
    limit: float | None = None
    times: int | None = None
    failure: float | None = None
    forced: str = ""
    forbidden: str = ""
    time_limit_s: float = 60.0


@dataclass(frozen=True)
class Model:
    """A model that can be asked for."""

    title: str
    solve: Callable[[ReachFile, Wanted, dict[str, Any]], Plan]
    needs: tuple[str, ...] = ()
    """Options without which it cannot be asked; ``p|budget`` means one of both."""
    arrays: tuple[str, ...] = ()
    """Arrays that the file must have: cost (of every pair), capacity, group."""
    uses: tuple[str, ...] = ()
    """Options that it can do without."""
    counts: str = "覆盖居民"
    """What the objective is."""


def _cover(file: ReachFile) -> tuple[Positions, Positions, Floats, int]:
    return file.indptr, file.indices, file.weight, file.n_candidates


def _pairs(file: ReachFile) -> dict[str, Any]:
    return {
        "cost": (file.indptr, file.indices, file.cost),
        "weight": file.weight,
        "n_candidates": file.n_candidates,
    }


def _given(array: NDArray[Any] | None) -> NDArray[Any]:
    """Give an array that `_lacking` has seen to be there."""
    if array is None:
        raise RuntimeError("an array that the model needs was not asked for")
    return array


def _amount(file: ReachFile, wanted: Wanted, more: dict[str, Any]) -> dict[str, Any]:
    """Give number or budget, and what all models take."""
    if wanted.p is not None:
        return {"p": wanted.p, **more}
    cost = np.ones(file.n_candidates) if file.site_cost is None else file.site_cost
    return {"cost": cost, "budget": wanted.budget, **more}


def _apart(file: ReachFile, wanted: Wanted, more: dict[str, Any]) -> Plan:
    """Spread sites: the rows are the candidates themselves, with all their distances."""
    n = file.n_candidates
    if len(file.weight) != n or len(file.indices) != n * n:
        got = f"{len(file.weight)} 行 {n} 个候选点, {len(file.indices)} 对"
        raise InputError(Problem("--reach", "分散选址需要候选点两两之间的距离", got))
    distance = np.full((n, n), np.inf)
    distance[np.repeat(np.arange(n), n), file.indices] = file.cost
    return siting.p_dispersion(distance, p=wanted.p or 0, **more)


MODELS: dict[str, Model] = {
    "mclp": Model(
        "最大覆盖",
        lambda file, wanted, more: siting.mclp(*_cover(file), **_amount(file, wanted, more)),
        ("p|budget",),
    ),
    "lscp": Model(
        "最少站点全覆盖",
        lambda file, wanted, more: siting.lscp(
            *_cover(file), cost=file.site_cost, times=wanted.times or 1, p=wanted.p, **more
        ),
        uses=("p", "times"),
        counts="站点数或费用",
    ),
    "partial": Model(
        "最少站点覆盖一定比例",
        lambda file, wanted, more: siting.partial_cover(
            *_cover(file), share=(wanted.share or 0.0) / 100, cost=file.site_cost, **more
        ),
        ("share",),
        counts="站点数或费用",
    ),
    "backup": Model(
        "双重覆盖",
        lambda file, wanted, more: siting.backup_cover(*_cover(file), **_amount(file, wanted, more)).plan,
        ("p|budget",),
        counts="有两处可达的居民",
    ),
    "k-cover": Model(
        "多重覆盖",
        lambda file, wanted, more: siting.k_cover(
            *_cover(file), k=wanted.times or 1, **_amount(file, wanted, more)
        ),
        ("p|budget", "times"),
        counts="有这么多处可达的居民",
    ),
    "expected": Model(
        "期望覆盖",
        lambda file, wanted, more: siting.expected_cover(
            *_cover(file), q=(wanted.failure or 0.0) / 100, **_amount(file, wanted, more)
        ),
        ("p|budget", "failure"),
        counts="平均覆盖居民",
    ),
    "fair": Model(
        "最弱单位最好",
        lambda file, wanted, more: (
            siting.fair_mclp(*_cover(file), group=_given(file.group), **_amount(file, wanted, more)).plan
        ),
        ("p|budget",),
        ("group",),
    ),
    "capacitated-mclp": Model(
        "有容量的最大覆盖",
        lambda file, wanted, more: (
            siting.capacitated_mclp(
                *_cover(file), capacity=_given(file.capacity), **_amount(file, wanted, more)
            ).plan
        ),
        ("p|budget",),
        ("capacity",),
        counts="服务居民",
    ),
    "p-median": Model(
        "总路程最短",
        lambda file, wanted, more: siting.p_median(p=wanted.p or 0, **_pairs(file), **more),
        ("p",),
        ("cost",),
        counts="总路程",
    ),
    "p-center": Model(
        "最远路程最短",
        lambda file, wanted, more: siting.p_center(p=wanted.p or 0, **_pairs(file), **more),
        ("p",),
        ("cost",),
        counts="最远路程",
    ),
    "capacitated-p-median": Model(
        "有容量的总路程最短",
        lambda file, wanted, more: (
            siting.capacitated_p_median(
                p=wanted.p or 0, capacity=_given(file.capacity), **_pairs(file), **more
            ).plan
        ),
        ("p",),
        ("cost", "capacity"),
        counts="总路程",
    ),
    "p-dispersion": Model("分散选址", _apart, ("p",), ("cost",), counts="最近两处的距离"),
}
"""The models by their names."""


def solve(wanted: Wanted, progress: Progress | None = None) -> dict[str, Any]:
    """Read the file and solve the model.

    Returns
    -------
    dict
        model, title, objective, bound, gap, status, sites (positions from 0), gains, seconds, reductions,
        note, notes, p, candidates, rows, weight.

    Raises
    ------
    InputError
        The request or the file is wrong; every problem at once.
    """
    model, problems = MODELS.get(wanted.model), list[Problem]()
    if model is None:
        fix = "可选: " + "、".join(f"{name}({each.title})" for name, each in MODELS.items())
        raise InputError(Problem("--model", "没有这个模型", wanted.model[:40], fix))
    if (wanted.reach is None) == (wanted.orlib is None):
        raise InputError(Problem("命令", "应给出 --reach 或 --orlib 其中一个文件"))
    file, p = _read(wanted, model)
    if wanted.p is None and wanted.budget is None and any(need[0] == "p" for need in model.needs):
        wanted = replace(wanted, p=p)
    problems += _lacking(wanted, model, file)
    n = file.n_candidates
    more: dict[str, Any] = {"time_limit_s": wanted.time_limit_s}
    for option in ("forced", "forbidden"):
        more[option] = _positions(getattr(wanted, option), f"--{option}", n, problems)
    if problems:
        raise InputError(problems)
    if progress is not None:
        more["progress"] = progress
    try:
        plan = model.solve(file, wanted, more)
    except InputError:  # a ValueError, too
        raise
    except MemoryError:
        fix = "请先合并相同的需求点, 或减少候选点"
        raise InputError(Problem("--reach", "这个模型在内存里装不下", fix=fix)) from None
    except ValueError as error:
        raise InputError(Problem("--reach", "模型不接受这些数", str(error)[:200])) from None
    return {
        "model": wanted.model,
        "title": model.title,
        "counts": model.counts,
        **_answer(plan, wanted, file),
    }


def _read(wanted: Wanted, model: Model) -> tuple[ReachFile, int | None]:
    """Read the arrays, and the number of sites that an OR-Library file asks for."""
    if wanted.reach is not None:
        return read_reach(wanted.reach), None
    found = read_pmed(wanted.orlib or Path())
    n = len(found.cost)
    near = np.isfinite(found.cost)
    if "cost" not in model.arrays:
        if wanted.limit is None:
            fix = "例如 --limit 50: 路程不超过 50 算覆盖"
            raise InputError(Problem("--limit", "OR-Library 文件要用覆盖模型, 应给出上限", fix=fix))
        near &= found.cost <= wanted.limit
    row, column = np.nonzero(near)
    file = ReachFile(
        indptr=np.r_[0, np.cumsum(np.bincount(row, minlength=n))].astype(np.int64),
        indices=column.astype(np.int64),
        weight=np.ones(n),
        n_candidates=n,
        cost=found.cost[near],
        site_cost=None,
        capacity=None,
        group=None,
        notes=(),
    )
    return file, found.p


def _lacking(wanted: Wanted, model: Model, file: ReachFile) -> list[Problem]:
    """Name what the model needs and was not given, and values that make no sense."""
    problems = []
    for need in model.needs:
        if all(getattr(wanted, option) is None for option in need.split("|")):
            options = " 或 ".join(f"--{option}" for option in need.split("|"))
            first = need.split("|")[0]
            fix = f"例如 --{first} {_EXAMPLES[first]}"
            problems.append(Problem("命令", f"{model.title}应给出 {options}", fix=fix))
    if wanted.p is not None and wanted.budget is not None:
        problems.append(Problem("命令", "--p 与 --budget 只能给一个"))
    used = {*"|".join(model.needs).split("|"), *model.uses}
    if wanted.orlib is not None and "cost" not in model.arrays:
        used.add("limit")
    problems += [
        Problem(f"--{option}", f"{model.title}不用这个选项", fix="请去掉它")
        for option in ("p", "budget", "share", "limit", "times", "failure")
        if option not in used and getattr(wanted, option) is not None
    ]
    if wanted.failure == 100:
        problems.append(Problem("--failure", "应小于 100", "100"))
    for name in model.arrays:
        if getattr(file, name) is None:
            problems.append(
                Problem("--reach", f"{model.title}需要{_ARRAYS[name]}", f"没有 {name}", "请加进文件")
            )
    for option in ("budget", "share", "limit", "failure", "time_limit"):
        value = wanted.time_limit_s if option == "time_limit" else getattr(wanted, option)
        if value is not None and (
            not math.isfinite(value) or value < 0 or (option in _PERCENT and value > 100)
        ):
            problems.append(
                Problem(
                    f"--{option.replace('_', '-')}",
                    "应是不小于 0 的数" + (" (%), 至多 100" if option in _PERCENT else ""),
                    f"{value:g}",
                )
            )
    return problems


def _positions(text: str, where: str, n: int, problems: list[Problem]) -> Sequence[int]:
    """Read positions of candidates such as ``0,3,7``."""
    parts = [part for part in text.replace("，", ",").replace(" ", ",").split(",") if part]
    wrong = [
        part for part in parts if not (part.isascii() and part.isdigit() and len(part) < 10 and int(part) < n)
    ]
    if wrong:
        fix = f"候选点从 0 编号, 最大 {n - 1}, 用逗号分开"
        problems.append(Problem(where, "没有这个候选点", ", ".join(wrong[:5])[:60], fix))
        return ()
    return sorted({int(part) for part in parts})


def _answer(plan: Plan, wanted: Wanted, file: ReachFile) -> dict[str, Any]:
    return {
        "status": plan.status,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "sites": list(plan.sites),
        "gains": list(plan.gains),
        "seconds": plan.seconds,
        "reductions": jsonable(plan.reductions),
        "note": plan.note,
        "notes": list(file.notes),
        "p": wanted.p,
        "budget": wanted.budget,
        "candidates": file.n_candidates,
        "rows": len(file.weight),
        "weight": math.fsum(file.weight),
    }


def lines(found: dict[str, Any]) -> list[str]:
    """Tell the answer in Chinese sentences."""
    if found["status"] == "infeasible":
        return [f"{found['title']}: 无可行方案。{found['note']}", *found["notes"]]
    if not math.isfinite(found["objective"]):
        return [f"{found['title']}: 时限内没有找到方案。{found['note']}", *found["notes"]]
    proven = found["status"] == "optimal"
    certain = "已证明最优" if proven else f"未证明最优, 离最优最多差 {100 * found['gap']:.2f} %"
    return [
        f"{found['title']}: {found['counts']} {found['objective']:,.10g}, 界 {found['bound']:,.10g}, "
        f"{certain}, 用时 {found['seconds']:.1f} 秒。",
        f"开设 {len(found['sites'])} 处 (候选点序号, 从 0 编号): {', '.join(map(str, found['sites']))}",
        *([found["note"]] if found["note"] else []),
        *found["notes"],
    ]
