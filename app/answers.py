"""What the commands answer: each opens a workspace, asks the folders below and returns plain rows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..coverage.measures import LEVELS
from ..geodata.errors import InputError, Problem
from ..geodata.folders import replace_folder
from ..geodata.layers import KIND_NAMES, Kind
from ..geodata.network import load_network
from ..geodata.registry import check_kind
from ..geodata.store import write_text
from ..maps import words
from ..scenarios.compare import compare as compare_results
from ..scenarios.compare import headlines
from ..scenarios.run import Result, run
from ..scenarios.schema import PRESETS, load_scenario
from .console import jsonable
from .workspace import Progress, load_world, open_workspace, writing

if TYPE_CHECKING:
    from ..scenarios.world import World


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a table into plain rows that JSON can hold."""
    return [{str(key): jsonable(value) for key, value in row.items()} for row in table.to_dict("records")]


def kinds_of(text: str | None) -> list[Kind]:
    """Read a layer's name; none means all."""
    return list(KIND_NAMES) if text is None else [check_kind(text)]


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


def baseline(root: Path, kinds: Sequence[Kind], progress: Progress | None = None) -> tuple[World, Result]:
    """Open a workspace and measure how things stand today for some of its layers."""
    world = load_world(open_workspace(root))
    return world, run(world, load_scenario("baseline"), kinds=kinds, progress=progress)


def coverage(root: Path, kind: str | None, by: str, progress: Progress | None = None) -> dict[str, Any]:
    """Count the residents within each limit by province, city or county."""
    wanted = kinds_of(kind)
    if by not in LEVELS:
        raise InputError(Problem("--by", f"应为 {'、'.join(LEVELS)} 之一", by[:20]))
    world, result = baseline(root, wanted, progress)
    table = result.units[result.units["level"] == by]
    table = table.assign(layer=table["kind"].map(KIND_NAMES), percent=100 * table["share"])
    marks = _marks(world, result, wanted)
    names = result.summary["kind"]
    summary = result.summary.assign(layer=names.map(KIND_NAMES), label=names.map(marks.pop("label_of")))
    return {**marks, "rows": rows_of(table), "summary": rows_of(summary)}


def gaps(root: Path, kind: str | None, top: int, progress: Progress | None = None) -> dict[str, Any]:
    """List the largest gaps of each layer."""
    wanted = kinds_of(kind)
    world, result = baseline(root, wanted, progress)
    marks = _marks(world, result, wanted)
    label_of = marks.pop("label_of")
    tables = [
        result.gaps[name].head(top).assign(layer=KIND_NAMES[name], kind=name, label=label_of[name])
        for name in wanted
    ]
    return {**marks, "rows": [row for table in tables for row in rows_of(table)]}


def results_of(world: World, names: Sequence[str], progress: Progress | None = None) -> list[Result]:
    """Run the baseline and the named scenarios, or all presets where none is named."""
    chosen = [load_scenario(name) for name in dict.fromkeys(["baseline", *(names or PRESETS)])]
    titles = [scenario.name for scenario in chosen]
    twice = sorted({name for name in titles if titles.count(name) > 1})
    if twice:
        raise InputError([Problem("方案", "两个方案同名", name, "请改其中一个的 name") for name in twice])
    found: list[Result] = []
    for scenario in chosen:
        if progress is not None:
            progress(f"方案: {scenario.title}")
        found.append(run(world, scenario, reuse=found[0] if found else None, progress=progress))
    return found


def save_record(root: Path, name: str, record: dict[str, Any]) -> Path:
    """Keep what a result was made from: hashes, versions, standards, bounds."""
    path = root / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps(jsonable(record), ensure_ascii=False, indent=1))
    return path


def compare(root: Path, names: Sequence[str], progress: Progress | None = None) -> dict[str, Any]:
    """Compare scenarios with the baseline: the tidy table, and a sentence for each scenario."""
    world = load_world(open_workspace(root))
    results = results_of(world, names, progress)
    table = compare_results(results)
    marks = _marks(world, results[0], list(KIND_NAMES))
    table = table.assign(percent=100 * table["share"], label=table["kind"].map(marks.pop("label_of")))
    marks["notes"] = notes_of(world, list(KIND_NAMES), results)
    return {**marks, "rows": rows_of(table), "sentences": list(headlines(results))}


def draw(root: Path, names: Sequence[str], progress: Progress | None = None) -> dict[str, Any]:
    """Write page, sheets and tables of scenarios into the workspace; the sheets show the first of them."""
    world = load_world(open_workspace(root))
    results = results_of(world, names, progress)
    paths = write_products(root, world, results, progress)
    notes = notes_of(world, list(KIND_NAMES), results)
    return {"labels": labels_of(world), "notes": notes, "files": [str(path) for path in paths]}


def write_products(
    root: Path, world: World, results: Sequence[Result], progress: Progress | None = None
) -> list[Path]:
    """Write page, sheets and tables; returns their paths, the page first."""
    from ..maps.tables import write_tables  # noqa: PLC0415 (pandas is slow to import)

    say = progress or (lambda _: None)
    with writing(root), tempfile.TemporaryDirectory(dir=root, prefix=".maps.") as name:
        ready = Path(name)
        maps = _draw_maps(ready / "maps", world, results, say)
        say("表格: Excel 与 CSV")
        tables = write_tables(world, results, compare_results(results), ready / "tables")
        for part in ("maps", "tables"):
            replace_folder(ready / part, root / part)
    return [root / path.relative_to(ready) for path in (*maps, *tables)]


def _draw_maps(folder: Path, world: World, results: Sequence[Result], say: Progress) -> list[Path]:
    """Write the page of all results and the sheets of the first scenario into a new folder."""
    from ..maps.page import write_page  # noqa: PLC0415 (folium and matplotlib are slow to import)
    from ..maps.sheet import write_sheet  # noqa: PLC0415

    folder.mkdir()
    say("网页: 离线地图")
    paths = [folder / "index.html"]
    write_page(world, results, paths[0])
    shown = results[1] if len(results) > 1 else results[0]
    for kind, name in KIND_NAMES.items():
        say(f"图纸: {name}")
        paths += write_sheet(world, shown, kind, folder)
    return paths
