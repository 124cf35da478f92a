"""`boai sheets`: wall sheets of the province, its cities and counties, one or all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..workspace import open_workspace
from . import material


@dataclass(frozen=True)
class Asked:
    """What a user asks for, as it is written; empty is what is usual."""

    of: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    size: str = "A3"
    formats: tuple[str, ...] = ()
    bound: bool = False
    """Whether the PDFs of one theme and layer also come as one file."""
    processes: int | None = None


def write(order: material.Order, folder: Path, asked: Asked) -> dict[str, Any]:
    """Draw the sheets into a folder, which may hold those of an earlier call; see `batch.run`.

    Returns
    -------
    dict
        files, failures (a sentence for each sheet that could not be drawn), drawn, unchanged, seconds,
        labels and notes.
    """
    from ...geodata import gazetteer  # noqa: PLC0415 (slow to import)
    from ...maps.sheets.job import FORMATS, SIZES, THEMES  # noqa: PLC0415 (numpy is slow to import)
    from . import batch, batch_jobs  # noqa: PLC0415

    themes = material.several_of("--theme", asked.themes, THEMES, ("layer",))
    forms = {form: form.upper() for form in FORMATS}
    wanted = batch_jobs.Wanted(
        of=asked.of,
        units=asked.units,
        themes=tuple(themes),
        kinds=tuple(material.check_kinds(asked.kinds)),
        size=material.one_of("--size", asked.size, dict(zip(SIZES, SIZES, strict=True))),
        formats=tuple(material.several_of("--format", asked.formats, forms, ("png", "pdf"))),
    )
    found = replace(order, names=order.names or _usual(themes)).material()
    if order.names:  # the baseline is always among the results, but it is drawn only where it is named
        names = tuple(result.name for result in found.results)
        today = "baseline" in order.names
        wanted = replace(wanted, scenarios=names if today else names[1:])
    gaz = gazetteer.load(open_workspace(order.root).root / "gazetteer")
    jobs = batch_jobs.make_jobs(wanted, batch_jobs.units_of(order.root), found.results, gaz)
    done = batch.run(
        order.root,
        jobs,
        folder,
        release=found.release,
        date=order.publishing.date,
        processes=asked.processes,
        overwrite=order.overwrite,
        bound=asked.bound,
        titles={result.name: result.title for result in found.results},
        progress=order.progress,
    )
    return {
        "files": [str(path) for path in done.files],
        "failures": [f"{one.sheet}: {one.why}" for one in done.failures],
        "drawn": done.drawn,
        "unchanged": done.unchanged,
        "seconds": round(done.seconds, 1),
        **material.marks(found),
    }


def _usual(themes: Sequence[str]) -> list[str]:
    """Name the scenarios where none is asked for: the baseline alone, or all presets for what compares."""
    return [] if {"scenario", "comparison"} & set(themes) else ["baseline"]
