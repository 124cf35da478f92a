"""What the commands answer: each opens a workspace, asks the folders below and returns plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..coverage.measures import LEVELS
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind, shown_kinds
from ..geodata.network import load_network
from ..geodata.registry import check_kind
from ..maps import words
from ..scenarios.compare import headlines
from ..scenarios.conclusion import conclusion
from ..scenarios.run import Result, run
from ..scenarios.schema import PRESETS, load_scenario
from .console import jsonable
from .outputs import check_folder
from .workspace import Progress, load_world, open_workspace

if TYPE_CHECKING:
    from ..scenarios.world import World


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a table into plain rows that JSON can hold."""
    return [{str(key): jsonable(value) for key, value in row.items()} for row in table.to_dict("records")]


def labels_of(world: World) -> list[str]:
    """Labels that anything made from all the data of a world carries."""
    found = [layer.label for layer in world.layers.values()] + [world.network.label]
    return list(dict.fromkeys(text for text in found if text))


def _marks(world: World, result: Result, kinds: Sequence[Kind]) -> dict[str, Any]:
    """Say what each layer rests on: labels of the whole, words of each layer, and what a reader must know."""
    found = {kind: words.labels(world, result, kind) for kind in kinds}
    labels = list(dict.fromkeys(text for each in found.values() for text in each))
    return {
        "labels": labels,
        "label_of": {kind: "、".join(each) for kind, each in found.items()},
        "notes": notes_of(world, kinds, [result]),
    }


def notes_of(world: World, kinds: Sequence[Kind], results: Sequence[Result]) -> list[str]:
    """Say which layers are empty, which hold sites that do not count, and who is far from every road."""
    notes = []
    for kind in kinds:
        layer, name = world.layers[kind], KIND_NAMES[kind]
        if layer.table.empty:
            notes.append(f"{name}: 登记库里没有{'在用的' if layer.left_out else ''}站点, 结果按 0 处计算")
        if layer.note:
            notes.append(f"{name}: {layer.note}")
    for number, result in enumerate(results):
        far = dict.fromkeys(note for kind in kinds for note in result.far.get(kind, ()))
        notes += [f"{result.title}: {note}" if number else note for note in far if note not in notes]
    return notes


def check_network(root: Path, table: Path | None) -> dict[str, Any]:
    """Hold the network against published road distances; the embedded table, or one of the same columns."""
    from ..geodata import gazetteer, roads  # noqa: PLC0415 (networkx and osmnx are slow to import)

    workspace = open_workspace(root)
    network = load_network(workspace.root / "network")
    gaz = gazetteer.load(workspace.root / "gazetteer")
    found = roads.check_distances(network, gaz, roads.read_distances(table))
    return {
        "label": network.label,
        "rows": rows_of(found),
        "summary": asdict(roads.summarise(found)),
        "minutes": asdict(roads.summarise(found, "minutes_error_pct")),
    }


def baseline(
    root: Path, kind: str | None, progress: Progress | None = None, *, gaps: bool = True
) -> tuple[World, Result, list[Kind]]:
    """Open a workspace and measure how things stand today for one of its layers, or all that are shown."""
    asked = None if kind is None else check_kind(kind)
    world = load_world(open_workspace(root))
    kinds = shown_kinds([world.layers]) if asked is None else [asked]
    found = run(world, load_scenario("baseline"), kinds=kinds, gaps=gaps, progress=progress)
    return world, found, kinds


def coverage(root: Path, kind: str | None, by: str, progress: Progress | None = None) -> dict[str, Any]:
    """Count the residents within each limit by province, city or county."""
    if by not in LEVELS:
        raise InputError(Problem("--by", f"应为 {'、'.join(LEVELS)} 之一", by[:20]))
    world, result, wanted = baseline(root, kind, progress, gaps=False)
    table = result.units[result.units["level"] == by]
    table = table.assign(layer=table["kind"].map(KIND_NAMES), percent=100 * table["share"])
    marks = _marks(world, result, wanted)
    names = result.summary["kind"]
    summary = result.summary.assign(layer=names.map(KIND_NAMES), label=names.map(marks.pop("label_of")))
    return {**marks, "rows": rows_of(table), "summary": rows_of(summary)}


def gaps(root: Path, kind: str | None, top: int, progress: Progress | None = None) -> dict[str, Any]:
    """List the largest gaps of each layer."""
    world, result, wanted = baseline(root, kind, progress)
    marks = _marks(world, result, wanted)
    label_of = marks.pop("label_of")
    tables = [
        result.gaps[name].head(top).assign(layer=KIND_NAMES[name], kind=name, label=label_of[name])
        for name in wanted
    ]
    return {**marks, "rows": [row for table in tables for row in rows_of(table)]}


def results_of(root: Path, names: Sequence[str], progress: Progress | None = None) -> list[Result]:
    """Give the results of the baseline and the named scenarios, or of all presets where none is named."""
    from . import scenarios  # noqa: PLC0415 (it needs this module)

    chosen = scenarios.sources(root, names) if names else list(PRESETS)
    return scenarios.results_of(root, chosen, progress=progress)


def compare(
    root: Path,
    names: Sequence[str],
    progress: Progress | None = None,
    *,
    costs: bool = True,
    out: Path | None = None,
) -> dict[str, Any]:
    """Compare scenarios with the baseline: the tidy table, dominance, and a sentence for each scenario.

    Returns
    -------
    dict
        labels, notes, rows (scenario x layer x limit; changed: worth a line on a screen), sentences,
        conclusion, dominance, differences (by city, where anything changes), ranks (of new sites), files (of
        ``out``, a new folder).
    """
    from ..maps.comparison import build_comparison, write_comparison  # noqa: PLC0415 (pandas is slow)

    if out is not None:
        check_folder(out)
    results = results_of(root, names, progress)
    world = load_world(open_workspace(root))
    tables = build_comparison(world, results, costs=costs)
    kinds = shown_kinds(result.layers for result in results)
    table = tables["方案对比"][tables["方案对比"]["kind"].isin(kinds)]
    marks = _marks(world, results[0], kinds)
    labels = table["kind"].map(marks.pop("label_of"))
    table = table.assign(percent=100 * table["share"], label=labels, changed=_changed(table))
    marks["notes"] = notes_of(world, kinds, results)
    files = [] if out is None else write_comparison(world, results, out, costs=costs, tables=tables)
    return {
        **marks,
        "rows": rows_of(table),
        "sentences": list(headlines(results, costs=costs, world=world)),
        "conclusion": conclusion(results, costs=costs),
        "dominance": rows_of(tables["支配关系"]),
        "differences": rows_of(tables["分市变化"]),
        "ranks": rows_of(tables["选址排序"]),
        "files": [str(path) for path in files],
    }


def _changed(table: pd.DataFrame) -> pd.Series[bool]:
    """Mark the rows of layers that a scenario touches, and those of the baseline for the same layers.

    All are marked where no scenario touches any.
    """
    touched = table[["actions", "out_of_service", "gained", "lost", "growth"]].ne(0).any(axis=1)
    touched &= table["scenario"] != table["scenario"].iloc[0]
    own = touched.groupby([table["scenario"], table["kind"]]).transform("any")
    first = (table["scenario"] == table["scenario"].iloc[0]) & table["kind"].isin(table["kind"][touched])
    marked: pd.Series[bool] = own | first if touched.any() else ~touched
    return marked
