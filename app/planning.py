"""What `boai plan` answers: where new sites should go, by any siting model; tables, a scenario file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES
from ..geodata.registry import check_kind
from ..geodata.store import write_text
from ..scenarios.placed import Placement, changes_of, place
from ..scenarios.placed_models import MODELS
from ..scenarios.placing import Ask, UnitQuota
from ..scenarios.requests import quota_range
from ..scenarios.run import far_notes
from .answers import rows_of
from .assessments import labels_of, notes_of
from .console import jsonable
from .outputs import check_folder, check_new
from .workspace import Progress, load_world, open_workspace

if TYPE_CHECKING:
    from ..coverage.standards import Standard

WORKBOOK = "选址.xlsx"
_CHOICES = {"settlements": "居民点", "seats": "县城", "cells": "人口密集网格"}


@dataclass(frozen=True)
class Wanted:
    """What a user asks, as it is written."""

    kind: str
    model: str = "mclp"
    number: int | None = None
    share: float | None = None
    limit: float | None = None
    candidates: str = ""
    quotas: Sequence[str] = ()
    spacing: float | None = None
    relocate: int = 0
    failure: float | None = None
    others: int = 0
    time_limit: float = 60.0
    year: int | None = None
    out: Path | None = None
    scenario: Path | None = None
    overwrite: bool = False


def quota_of(text: str) -> UnitQuota:
    """Read a quota of new sites in a unit.

    Examples
    --------
    >>> quota_of("赣州市=1-2"), quota_of("各市=-1").at_most, quota_of("修水=1").at_most
    (UnitQuota(unit='赣州市', at_least=1, at_most=2), 1, None)
    """
    unit, _, span = unicodedata.normalize("NFKC", text).replace(" ", "").rpartition("=")
    if not unit:
        fix = "例如 赣州市=1 (至少1处)、赣州市=1-2、各市=-1 (至多1处)"
        raise InputError(Problem("--quota", "应为 单位=至少-至多", text[:40], fix))
    try:
        return UnitQuota(unit, *quota_range(span))
    except ValueError as error:
        raise InputError(Problem("--quota", str(error), text[:40])) from None


def ask_of(wanted: Wanted, standard: Standard | None = None) -> Ask:
    """Check what can be checked without a model; raises ``InputError`` with every problem."""
    problems, quotas = list[Problem](), list[UnitQuota]()
    kind = check_kind(wanted.kind)
    for text in wanted.quotas:
        try:
            quotas.append(quota_of(text))
        except InputError as error:
            problems += error.problems
    problems += _out_of_range(wanted)
    if wanted.candidates and wanted.candidates not in _CHOICES:
        names = "、".join(f"{code}({name})" for code, name in _CHOICES.items())
        problems.append(Problem("--candidates", "没有这种候选点", wanted.candidates[:30], f"可选: {names}"))
    if problems:
        raise InputError(problems)
    unit = 60 if standard is None or standard.mode == "drive" else 1
    number = wanted.number
    if number is None and wanted.model in MODELS and "number" in MODELS[wanted.model].needs:
        number = 3
    return Ask(
        kind=kind,
        model=wanted.model,
        number=number,
        share=None if wanted.share is None else wanted.share / 100,
        limit=None if wanted.limit is None else round(wanted.limit * unit),
        candidates=wanted.candidates or None,
        quotas=tuple(quotas),
        spacing_km=wanted.spacing,
        relocations=wanted.relocate,
        failure=None if wanted.failure is None else wanted.failure / 100,
        others=wanted.others or None,
        time_limit_s=wanted.time_limit,
    )


def _out_of_range(wanted: Wanted) -> list[Problem]:
    ranges = (
        ("--share", wanted.share, 0, 100, "%"),
        ("--limit", wanted.limit, 1, 100_000, ""),
        ("--spacing", wanted.spacing, 0.001, 1000, "公里"),
        ("--failure", wanted.failure, 0, 99.9, "%"),
        ("--time-limit", wanted.time_limit, 0, 86_400, "秒"),
    )
    return [
        Problem(option, f"应在 {low:g} 到 {high:,g} {unit}之间", f"{value:g}")
        for option, value, low, high, unit in ranges
        if value is not None and not low <= value <= high
    ]


def plan(
    root: Path,
    wanted: Wanted,
    *,
    progress: Progress | None = None,
    tell: Callable[[float, float, float, float], object] | None = None,
) -> dict[str, Any]:
    """Find where new sites should go, existing sites kept but for those that may move.

    Returns
    -------
    dict
        title, labels, columns (of sites), sites, given_up, others, plan (objective, bound, gap, what they
        count, status, seconds, reductions), sentences, files.
    """
    say = progress or (lambda _: None)
    kind = check_kind(wanted.kind)
    if wanted.out is not None:
        check_folder(wanted.out)
    if wanted.scenario is not None:
        check_new(wanted.scenario, overwrite=wanted.overwrite)
    _check_scenario(wanted)
    world = load_world(open_workspace(root))
    standard = world.standards[kind]
    ask = ask_of(wanted, standard)
    found = place(world, ask, say=say, progress=tell)
    model, labels = MODELS[ask.model], labels_of(world, kind)
    limit = standard.limit_text(found.board.limit)
    answer: dict[str, Any] = {
        "title": f"{KIND_NAMES[kind]}选址: {model.title}"
        + ("" if model.distances else f", {limit}以内算覆盖"),
        "model": ask.model,
        "labels": labels,
        "columns": list(found.sites.columns),
        "sites": rows_of(found.sites),
        "given_up": rows_of(found.given_up),
        "others": rows_of(found.others),
        "plan": _proof(found, ask.model),
        "sentences": [
            *found.sentences,
            *notes_of(world, kind),
            *far_notes(world, world.layers, [kind]).get(kind, ()),
        ],
        "files": [],
    }
    if wanted.out is not None:
        answer["files"] += _save(wanted.out, answer, found)
    if wanted.scenario is not None:
        answer["files"].append(_save_scenario(wanted, kind, found))
    return answer


def _check_scenario(wanted: Wanted) -> None:
    if wanted.scenario is None:
        if wanted.year is not None:
            raise InputError(Problem("--year", "没有 --scenario 时不用年份", fix="请去掉这个选项"))
        return
    path = wanted.scenario
    if path.suffix.lower() not in (".yaml", ".yml") or not re.fullmatch(
        r"[a-z0-9][a-z0-9_-]{0,47}", path.stem
    ):
        fix = "例如 new_stores.yaml: 小写字母、数字、_ 和 -"
        raise InputError(Problem("--scenario", "方案文件的名称", path.name[:60], fix))
    if not path.parent.is_dir():
        raise InputError(Problem(str(path), "文件夹不存在, 没有写出", str(path.parent), "请先建立文件夹"))


def _proof(found: Placement, model: str) -> dict[str, Any]:
    plan = found.plan
    return {
        "status": plan.status,
        "objective": jsonable(plan.objective),
        "bound": jsonable(plan.bound),
        "gap": jsonable(plan.gap),
        "counts": MODELS[model].counts,
        "seconds": plan.seconds,
        "reductions": jsonable(plan.reductions),
        "candidates": len(found.board.places),
        "existing": found.board.n_existing,
        "note": plan.note,
    }


def _save(folder: Path, answer: dict[str, Any], found: Placement) -> list[str]:
    """Write the tables as a workbook and CSV files into a new folder."""
    from ..maps.tables import save_tables  # noqa: PLC0415 (slow to import)

    notes = [("标题", answer["title"]), *(("说明", text) for text in answer["sentences"])]
    notes += [("标注", "、".join(answer["labels"]))] if answer["labels"] else []
    label = "、".join(answer["labels"])
    tables = {"选址_新站点": found.sites, "选址_撤去": found.given_up, "选址_其他方案": found.others}
    marked = {
        name: table.assign(label=label) if label else table for name, table in tables.items() if len(table)
    }
    return [str(path) for path in save_tables(notes, marked, folder, WORKBOOK)]


def _save_scenario(wanted: Wanted, kind: str, found: Placement) -> str:
    """Write the plan as a scenario, to be compared and drawn like any other."""
    import yaml  # noqa: PLC0415 (slow to import)

    path = wanted.scenario or Path()
    title = f"{KIND_NAMES[check_kind(kind)]}: {MODELS[wanted.model].title}"
    year = wanted.year or date.today().year
    content = changes_of(found, kind, name=path.stem, title=title, level="", year=year)
    write_text(path, yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return str(path)
