"""`boai report`: the decision report in a folder, with the workbook that its figures stand in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..workspace import Progress
from . import material, place

if TYPE_CHECKING:
    from ...maps.report.model import Document

FORMATS = {"html": "HTML", "pdf": "PDF", "docx": "Word"}
NAME, WORKBOOK = "决策报告", "报告附表.xlsx"


def write(order: material.Order, folder: Path, formats: Sequence[str]) -> dict[str, Any]:
    """Write the report on the scenarios of an order into a folder, see `place.fill`.

    Returns
    -------
    dict
        files (reports, then the workbook), labels and notes.
    """
    place.check(folder, overwrite=order.overwrite)
    chosen = material.several_of("--format", formats, FORMATS, tuple(FORMATS))
    found = order.material()

    def write_into(ready: Path) -> list[Path]:
        return draw(found, ready, chosen, order.publishing.date, order.progress)

    files = place.fill(folder, write_into, overwrite=order.overwrite)
    return {"files": [str(path) for path in files], **material.marks(found)}


def draw(
    found: material.Material,
    folder: Path,
    formats: Sequence[str] = tuple(FORMATS),
    date: str = "",
    progress: Progress | None = None,
) -> list[Path]:
    """Write the report and its workbook into a folder that is there; returns the files."""
    from ...maps.report import content, trace  # noqa: PLC0415 (matplotlib is slow to import)

    say = progress or (lambda _: None)
    say("报告: 正文和附表")
    document, tables = content.document(found.world, found.results, release=found.release, date=date)
    files = []
    for form in dict.fromkeys(formats):
        say(f"报告: {FORMATS[form]}")
        files.append(_writer(form)(document, folder / f"{NAME}.{form}"))
    trace.write_workbook(tables, folder / WORKBOOK)
    return [*files, folder / WORKBOOK]


def _writer(form: str) -> Callable[[Document, Path], Path]:
    """Return what writes a document in a format."""
    if form == "html":
        from ...maps.report.html import write_html  # noqa: PLC0415

        return write_html
    if form == "pdf":
        from ...maps.report.pdf import write_pdf  # noqa: PLC0415 (reportlab is slow to import)

        return write_pdf
    from ...maps.report.word import write_word  # noqa: PLC0415 (docx is slow to import)

    return write_word
