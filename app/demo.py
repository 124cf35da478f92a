"""The demonstration: the main job on Jiangxi from nothing to maps, on the embedded data."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..geodata.layers import shown_kinds
from ..geodata.store import write_text
from ..maps.words import headlines
from ..scenarios.compare import headlines as scenario_headlines
from . import answers, assessments, workspace
from .console import jsonable
from .desk.export import export
from .publish import everything
from .workspace import Progress

DESK = "值班台.html"
"""The desk as a file, beside the maps."""


def run(root: Path, *, network: Path | None = None, progress: Progress) -> dict[str, Any]:
    """Build or reuse the workspace, run all presets, write page, sheets and tables.

    Parameters
    ----------
    network
        Saved road network to use; by default the workspace's own, at first the approximate one.

    Returns
    -------
    dict
        workspace, labels, notes, files (page first), sentences (three to be read out), scenarios (one
        sentence each) and seconds (wall time).
    """
    began = time.perf_counter()

    def say(text: str) -> None:
        progress(f"[{time.perf_counter() - began:5.1f} 秒] {text}")

    opened = workspace.init(root, network=network, progress=say)
    results = answers.results_of(root, [], say)
    world = workspace.load_world(opened)
    files = everything.write_products(root, world, results, say)
    files += everything.write_report(root, world, results, say)
    assessed = assessments.assess_all(root, assessments.Wanted(), say, world)["files"]
    files += [Path(path) for path in assessed if path.endswith(".xlsx")]
    say("值班台的离线文件")
    files.append(Path(export(root, root / "maps" / DESK, overwrite=True)["file"]))
    summary = {
        "workspace": str(root),
        "labels": answers.labels_of(world),
        "notes": answers.notes_of(world, shown_kinds(result.layers for result in results), results),
        "sentences": list(headlines(results)),
        "scenarios": list(scenario_headlines(results)),
        "files": [str(path) for path in files],
    }
    write_text(root / "summary.json", json.dumps(jsonable(summary), ensure_ascii=False, indent=1))
    return {**summary, "seconds": round(time.perf_counter() - began, 1)}


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Write what the demonstration made, and the sentences that a decision-maker reads out."""
    yield f"完成, 用时 {found['seconds']:.0f} 秒。全部文件在 {found['workspace']}/ :"
    for path in found["files"]:
        yield f"  {path}"
    if found["labels"]:
        yield f"注意: 结果基于 {'、'.join(found['labels'])}, 只用于试用, 不能作为决策依据。"
    yield from found["notes"]
    yield f"值班台: 打开 {found['workspace']}/maps/{DESK} 就能查 (不用网络); "
    yield f"要封路、标记、出调度单: boai desk serve --workspace {found['workspace']}"
    yield ""
    yield from found["sentences"]
