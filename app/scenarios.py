"""What the commands on scenarios answer: files written and checked, runs, saved results shown."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geodata.errors import BoaiError, InputError, Problem
from ..geodata.layers import KIND_NAMES
from ..geodata.store import write_text
from ..scenarios.schema import PRESETS, load_scenario
from .outputs import check_folder, check_new
from .workspace import Progress, load_world, open_workspace

if TYPE_CHECKING:
    from ..scenarios.requests import Siting
    from ..scenarios.run import Result
    from .runs import RunReport

FOLDER = "scenarios"
"""Folder of a workspace with an office's own scenario files."""

_SUFFIXES = (".yaml", ".yml")


def new(
    root: Path,
    name: str,
    *,
    title: str = "",
    extends: Sequence[str] = (),
    out: Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a commented scenario file into the workspace, or elsewhere; it loads as it is."""
    from ..scenarios.template import new_scenario  # noqa: PLC0415

    if name in PRESETS:
        raise InputError(Problem("代号", "这是预设方案的名称", name, "请换一个代号"))
    file = out
    if file is None:
        open_workspace(root)
        file = root / FOLDER / f"{name}.yaml"
    text = new_scenario(name, title=title, extends=tuple(extends) or None)
    if file.suffix.lower() not in _SUFFIXES:
        raise InputError(Problem(str(file), "方案文件的名称应以 .yaml 结尾", file.name[:80]))
    check_new(file, overwrite=overwrite)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, text)
    return {"name": name, "file": str(file)}


def find(root: Path, text: str) -> str | Path:
    """Find the scenario that a text names: a preset, one of the workspace's files, or any file.

    Raises
    ------
    InputError
        There is none of that name; near names are told.
    """
    if text in PRESETS:
        return text
    for own in (root / FOLDER / f"{text}{suffix}" for suffix in _SUFFIXES):
        if "/" not in text and "\\" not in text and own.is_file():
            return own
    path = Path(text)
    if len(path.parts) > 1 and path.suffix.lower() not in _SUFFIXES:
        # What other files hold, and whether they are there, is not to be told.
        raise InputError(Problem("方案", "方案文件的名称应以 .yaml 结尾", path.name[:80], "请检查路径"))
    if path.is_file():
        return path
    if _results_without_file(root, {*PRESETS, *(file.stem for file in files(root))}).get(text):
        fix = "请写 YAML 文件的路径, 或把文件放进工作区的 scenarios 文件夹"
        raise InputError(Problem("方案", "有它的结果, 但方案文件不在工作区里", text[:80], fix))
    known = [*PRESETS, *(file.stem for file in files(root))]
    close = difflib.get_close_matches(text, known, n=1, cutoff=0.5)
    fix = f"是否指 {close[0]}?" if close else f"可用的方案: {'、'.join(known[:20])}; 或写 YAML 文件的路径"
    raise InputError(Problem("方案", "没有这个方案, 也没有这个文件", text[:80], fix))


def files(folder: Path, *, inside: str = FOLDER) -> list[Path]:
    """List the scenario files of a folder's ``inside``, by name."""
    there = folder / inside if inside else folder
    if not there.is_dir():
        return []
    found = (path for path in there.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


def sources(root: Path, texts: Sequence[str]) -> list[str | Path]:
    """Find all scenarios that texts name, folders opened; all presets and own files where none is named."""
    if not texts:
        return [*PRESETS, *files(root)]
    found: list[str | Path] = []
    problems: list[Problem] = []
    for text in texts:
        if text not in PRESETS and Path(text).is_dir():
            own = files(Path(text), inside="")
            if not own:
                problems.append(Problem(text, "文件夹里没有方案文件 (.yaml)"))
            found += own
            continue
        try:
            found.append(find(root, text))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return list(dict.fromkeys(found))


def _results_without_file(root: Path, known: Collection[str]) -> dict[str, str]:
    """Find the saved results of scenarios whose files lie elsewhere: name → title."""
    from ..scenarios.results import read_manifest  # noqa: PLC0415 (numpy is slow to import)
    from .run_worker import RESULTS  # noqa: PLC0415

    there = root / RESULTS
    folders = sorted(there.iterdir()) if there.is_dir() else []
    found = {}
    for folder in folders:
        if folder.name not in known and not folder.name.startswith(".") and folder.is_dir():
            with suppress(BoaiError, FileNotFoundError):
                found[folder.name] = str(read_manifest(folder)["title"])
    return found


def check(root: Path, text: str) -> dict[str, Any]:
    """Hold a scenario against the world: what each change and request means; raises all problems at once."""
    from ..maps import columns  # noqa: PLC0415
    from ..scenarios.changes import resolve  # noqa: PLC0415 (pandas is slow to import)
    from .answers import rows_of  # noqa: PLC0415

    scenario = load_scenario(find(root, text))
    world = load_world(open_workspace(root))
    resolved = resolve(world, scenario)
    changes = [
        row
        | {"action_text": columns.shown("action", row["action"]), "layer": KIND_NAMES.get(row["kind"], "")}
        for row in rows_of(resolved.done)
    ]
    requests = [
        {"number": number, **_request(request)} for number, request in enumerate(scenario.siting, start=1)
    ]
    counted = f"{len(changes)} 项改动、{len(requests)} 项选址请求"
    told = f"{counted}, 没有问题" if changes or requests else "没有改动"
    return {
        "name": scenario.name,
        "title": scenario.title,
        "key": scenario.key,
        "changes": changes,
        "requests": requests,
        "notes": list(resolved.notes),
        "sentence": f"{scenario.title}: {told}。",
    }


def _request(request: Siting) -> dict[str, Any]:
    """Say in short what a siting request asks."""
    years = sorted(request.phases) if request.phases else [request.first_year]
    return {
        "kind": request.kind,
        "layer": KIND_NAMES[request.kind],
        "years": f"{years[0]}" if len(years) == 1 else f"{years[0]}-{years[-1]}",
        "asked": _asked(request),
        "note": request.note,
    }


_RULES = {"each_county": "每个还没有的县各设一处", "each_city": "每个还没有的设区市各设一处"}


def _asked(request: Siting) -> str:
    """Say how much is asked, and under which conditions."""
    from ..scenarios.placed_models import MODELS  # noqa: PLC0415 (slow to import)
    from ..scenarios.requests import quota_range  # noqa: PLC0415

    if request.rule is not None:
        return _RULES[request.rule]
    said = [MODELS[request.method].title]
    if request.phases:
        said += [f"{year} 年 {_amount(parts)}" for year, parts in sorted(request.phases.items())]
        said.append("逐年安排" if request.planning == "myopic" else "各年合起来安排")
    elif request.share is not None:
        said.append(f"覆盖 {request.share:g} % 的居民")
    elif request.number is not None or request.budget is not None:
        said.append(_amount([request]))
    said += [_quota(unit, *quota_range(span)) for unit, span in request.quotas.items()]
    if request.spacing_km is not None:
        said.append(f"相距至少 {request.spacing_km:g} 公里")
    if request.relocations is not None:
        said.append(f"可迁移 {request.relocations} 处")
    return ", ".join(said)


def _quota(unit: str, low: int, high: int | None) -> str:
    """Say a quota: 各市至多 1 处."""
    if high is None or low == high:
        return f"{unit}{'至少' if high is None else '恰好'} {low} 处"
    return f"{unit} {low}-{high} 处" if low else f"{unit}至多 {high} 处"


def _amount(parts: Sequence[Any]) -> str:
    """Say numbers or budgets: 1+3 处."""
    if all(part.number is not None for part in parts):
        return f"{'+'.join(str(part.number) for part in parts)} 处"
    return f"预算 {'+'.join(f'{part.budget:g}' for part in parts)}"


def run(
    root: Path,
    texts: Sequence[str],
    *,
    processes: int | None = None,
    force: bool = False,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run scenarios, in parallel where there are several; results that are current are left as they are.

    Returns
    -------
    dict
        labels, rows (one per scenario: name, title, outcome, seconds, folder), sentences (what those change
        that were computed), problems (of those that failed), failed (how many).
    """
    from .runs import run_many, with_title  # noqa: PLC0415 (slow to import)

    chosen = sources(root, texts)
    options = {"processes": processes, "force": force, "time_limit_s": time_limit_s}
    reports = run_many(root, chosen, progress=progress, **options)  # type: ignore[arg-type]
    found = _summary(reports)
    return {
        **found,
        "rows": [
            {
                "name": report.name,
                "title": report.title,
                "outcome": report.outcome,
                "seconds": report.seconds,
                "folder": None if report.folder is None else str(report.folder),
            }
            for report in reports
        ],
        "problems": [with_title(one.title, text) for one in reports for text in one.problems],
        "notes": [f"{one.title}: {text}" for one in reports for text in one.notes],
        "failed": sum(report.outcome == "失败" for report in reports),
    }


_MOST_TOLD = 20


def _summary(reports: Sequence[RunReport]) -> dict[str, Any]:
    """Say in a sentence each what was computed changes, with the labels of the data."""
    from ..scenarios.results import read_manifest  # noqa: PLC0415

    first = next(one for one in reports if one.name == "baseline")
    if first.folder is None:
        return {"labels": [], "sentences": []}
    labels = list(read_manifest(first.folder)["labels"])
    fresh = [one.folder for one in reports if one.outcome == "完成" and one.folder is not None]
    if not fresh:
        return {"labels": labels, "sentences": []}
    from ..scenarios.compare import headlines  # noqa: PLC0415 (pandas is slow to import)
    from ..scenarios.results import load_result  # noqa: PLC0415

    others = [folder for folder in fresh if folder != first.folder]
    told = headlines([load_result(folder) for folder in [first.folder, *others[:_MOST_TOLD]]])
    rest = len(others) - _MOST_TOLD
    more = [f"另有 {rest} 个方案算好了, 用 boai compare 或 boai scenario show 查看。"] if rest > 0 else []
    return {"labels": labels, "sentences": [*told[bool(others) :], *more]}


def results_of(
    root: Path, chosen: Sequence[str | Path], *, time_limit_s: float = 60.0, progress: Progress | None = None
) -> list[Result]:
    """Give the results of scenarios, the baseline first: those that are current as saved, others computed.

    Raises
    ------
    InputError
        With every problem of every scenario that cannot be run.
    """
    from ..scenarios.results import load_result  # noqa: PLC0415 (pandas is slow to import)
    from .runs import run_many  # noqa: PLC0415

    reports = run_many(root, chosen, time_limit_s=time_limit_s, progress=progress)
    failed = [Problem(one.title, text) for one in reports for text in one.problems]
    if failed:
        raise InputError(failed)
    return [load_result(report.folder) for report in reports if report.folder is not None]


def list_all(root: Path) -> dict[str, Any]:
    """List presets and own files: what they hold, and whether their saved result is of the present data."""
    from .runs import Ground  # noqa: PLC0415

    ground, rows, problems = Ground(root), list[dict[str, Any]](), list[str]()
    for source in sources(root, ()):
        try:
            scenario = load_scenario(source)
        except InputError as error:
            problems += map(str, error.problems)
            continue
        rows.append(
            {
                "name": scenario.name,
                "title": scenario.title,
                "changes": len(scenario.changes),
                "requests": len(scenario.siting),
                "state": ground.state(scenario),
                "file": "" if isinstance(source, str) else str(source),
            }
        )
    known = {*PRESETS, *(file.stem for file in files(root)), *(row["name"] for row in rows)}
    for name, title in _results_without_file(root, known).items():
        rows.append({"name": name, "title": title, "state": "方案文件不在工作区", "file": ""})
    return {"rows": rows, "problems": problems}


def show(
    root: Path,
    text: str,
    *,
    out: Path | None = None,
    costs: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Show the result of a scenario against the baseline; runs it where its result is not current.

    Returns
    -------
    dict
        name, title, key, labels, sentences, layers (a line each, where the sentence is short), notes, tables
        (title, headers of the columns to show, shown rows, rows), plans (siting requests with their bounds),
        files (of ``out``, a new folder).
    """
    from ..maps.comparison import write_comparison  # noqa: PLC0415 (pandas is slow to import)
    from ..scenarios.compare import headlines, layer_lines  # noqa: PLC0415
    from .console import jsonable  # noqa: PLC0415
    from .scenario_tables import tables_of  # noqa: PLC0415

    if out is not None:
        check_folder(out)
    results = results_of(root, [find(root, text)], progress=progress)
    result = results[-1]
    files = []
    if out is not None:
        world = load_world(open_workspace(root))
        files = [str(path) for path in write_comparison(world, results, out, costs=costs)]
    return {
        "name": result.name,
        "title": result.title,
        "key": result.key,
        "labels": list(result.provenance["labels"]),
        "sentences": list(headlines(results, costs=costs)[-1:]),
        "layers": [line for own in layer_lines(results) for line in own],
        "notes": list(result.notes),
        "tables": [one for one in tables_of(results, costs=costs) if one["rows"]],
        "plans": jsonable([{k: v for k, v in plan.items() if k != "seconds"} for plan in result.plans]),
        "files": files,
    }


def schema(out: Path | None, *, overwrite: bool = False) -> dict[str, Any]:
    """Give the JSON schema of scenario files, or write it."""
    from ..scenarios.schema_json import schema as made  # noqa: PLC0415 (slow to import)

    found = made()
    if out is not None:
        check_new(out, overwrite=overwrite)
        write_text(out, json.dumps(found, ensure_ascii=False, indent=1))
    return found
