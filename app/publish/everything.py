"""`boai map`: page, sheets of the province and tables at once, in the workspace's own folders."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...geodata.folders import replace_folder
from ...geodata.layers import KIND_NAMES, shown_kinds
from ...scenarios.compare import compare as compare_results
from .. import answers
from ..workspace import Progress, load_world, open_workspace, writing
from . import material, report

if TYPE_CHECKING:
    from ...maps.sheets.job import Theme
    from ...scenarios.run import Result
    from ...scenarios.world import World

PAGE = "index.html"


def draw(root: Path, names: Sequence[str], progress: Progress | None = None) -> dict[str, Any]:
    """Write page, sheets and tables of scenarios into the workspace; the sheets show the first of them.

    Returns
    -------
    dict
        labels, notes and files (the page first).
    """
    results = answers.results_of(root, names, progress)
    world = load_world(open_workspace(root))
    paths = write_products(root, world, results, progress, names=names)
    notes = answers.notes_of(world, shown_kinds(result.layers for result in results), results)
    return {"labels": answers.labels_of(world), "notes": notes, "files": [str(path) for path in paths]}


def write_products(
    root: Path,
    world: World,
    results: Sequence[Result],
    progress: Progress | None = None,
    *,
    names: Sequence[str] = (),
) -> list[Path]:
    """Write page, sheets and tables; returns their paths, the page first.

    ``names`` are those that the results were asked for by.
    """
    from ...maps.tables import write_tables  # noqa: PLC0415 (pandas is slow to import)

    say = progress or (lambda _: None)
    found = _inside(world, results)
    with writing(root), tempfile.TemporaryDirectory(dir=root, prefix=".maps.") as name:
        ready = Path(name)
        maps = [
            _draw_page(root, ready / "maps", found, names, say),
            *_draw_sheets(ready / "maps", found, say),
        ]
        say("表格: Excel 与 CSV")
        tables = write_tables(world, results, compare_results(results, world=world), ready / "tables")
        for part in ("maps", "tables"):
            replace_folder(ready / part, root / part)
    return [root / path.relative_to(ready) for path in (*maps, *tables)]


def write_report(
    root: Path, world: World, results: Sequence[Result], progress: Progress | None = None
) -> list[Path]:
    """Write the decision report into the workspace's folder ``report``; returns its files."""
    found = _inside(world, results)
    with writing(root), tempfile.TemporaryDirectory(dir=root, prefix=".report.") as name:
        ready = Path(name) / "report"
        ready.mkdir()
        files = report.draw(found, ready, progress=progress)
        replace_folder(ready, root / "report")
    return [root / "report" / path.name for path in files]


def _inside(world: World, results: Sequence[Result]) -> material.Material:
    """Take results as they are: what lies in the workspace is for the office itself."""
    from ...maps.public import Release  # noqa: PLC0415 (pandas is slow to import)

    return material.Material(world, list(results), Release())


def _draw_page(
    root: Path, folder: Path, found: material.Material, names: Sequence[str], say: Progress
) -> Path:
    from ...maps.page import write_page  # noqa: PLC0415 (folium is slow to import)

    folder.mkdir()
    say("网页: 离线地图")
    states = material.states_of(root, found, names)
    return write_page(found.world, found.results, folder / PAGE, states=states)


def _draw_sheets(folder: Path, found: material.Material, say: Progress) -> list[Path]:
    """Draw a sheet of each layer: what the first scenario does for it, or how things stand."""
    from ...maps.sheets.draw import draw as draw_sheet  # noqa: PLC0415 (matplotlib is slow to import)
    from ...maps.sheets.ground import Ground  # noqa: PLC0415
    from ...maps.sheets.job import Job  # noqa: PLC0415

    theme: Theme = "scenario" if len(found.results) > 1 else "layer"
    shown = found.results[:2][-1]
    ground = Ground(found.world, tuple(found.results))
    paths: list[Path] = []
    for kind in shown_kinds(result.layers for result in found.results[:2]):
        say(f"图纸: {KIND_NAMES[kind]}")
        job = Job(theme, kind, shown.name, unit_name=ground.place("").name)
        paths += draw_sheet(ground, job, folder).files
    return paths
