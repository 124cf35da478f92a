"""`boai charts`: the charts of results as pictures, and the numbers that they draw, in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import material, place

FORMATS = {"png": "PNG", "pdf": "PDF", "svg": "SVG"}
USUAL = ("png", "pdf")


def write(
    order: material.Order, folder: Path, *, kinds: Sequence[str], formats: Sequence[str]
) -> dict[str, Any]:
    """Draw all charts of the scenarios of an order into a folder, see `place.fill`.

    Returns
    -------
    dict
        files, labels and notes.
    """
    from ...maps.charts import write_all  # noqa: PLC0415 (matplotlib is slow to import)

    place.check(folder, overwrite=order.overwrite)
    asked = material.check_kinds(kinds)
    chosen = material.several_of("--format", formats, FORMATS, USUAL)
    found = order.material()
    drawn = material.kinds_of(found.results, asked)
    order.say("图表")

    def write_into(ready: Path) -> Sequence[Path]:
        return write_all(
            found.world, found.results, ready, kinds=drawn, formats=chosen, release=found.release
        )

    files = place.fill(folder, write_into, overwrite=order.overwrite)
    return {"files": [str(path) for path in files], **material.marks(found)}
