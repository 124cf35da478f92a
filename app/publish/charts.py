"""`boai charts`: the charts of results as pictures, and the numbers that they draw, in a new folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..outputs import check_folder
from ..workspace import Progress
from . import material

FORMATS = {"png": "PNG", "pdf": "PDF", "svg": "SVG"}
USUAL = ("png", "pdf")


def write(
    root: Path,
    names: Sequence[str],
    folder: Path,
    *,
    kinds: Sequence[str],
    formats: Sequence[str],
    publishing: material.Publishing,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Draw all charts of the named scenarios (all presets where none is named) into a new folder.

    Returns
    -------
    dict
        files, labels and notes.
    """
    from ...maps.charts import write_all  # noqa: PLC0415 (matplotlib is slow to import)

    check_folder(folder)
    asked = material.check_kinds(kinds)
    chosen = material.several_of("--format", formats, FORMATS, USUAL)
    found = material.material(root, names, publishing, progress)
    drawn = material.kinds_of(found.results, asked)
    if progress is not None:
        progress("图表")
    files = material.new_folder(
        folder,
        lambda ready: write_all(
            found.world, found.results, ready, kinds=drawn, formats=chosen, release=found.release
        ),
    )
    return {"files": [str(path) for path in files], **material.marks(found)}
