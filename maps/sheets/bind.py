"""Put sheets into one PDF for the print shop: a page and a bookmark for each, as it is in its own file.

A hundred county sheets on A3 take a second of a processor and 110 MB of memory, and the bound file is a
little smaller than they are together: what they share is in it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...geodata.errors import InputError, Problem
from ...geodata.store import replacing


class Source(NamedTuple):
    """A file to bind."""

    path: Path
    title: str
    """Its bookmark."""


def bind(sources: Sequence[Source], path: Path, *, title: str) -> Path:
    """Write the pages of PDFs in their order into one file, whole or not at all.

    The same sources give the same bytes.

    Raises
    ------
    InputError
        A file is no PDF.
    """
    from pypdf import PdfReader, PdfWriter  # noqa: PLC0415 (slow to import)
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    binder = PdfWriter()
    for source in sources:
        try:
            binder.append(PdfReader(source.path, strict=True), source.title, import_outline=False)
        except (PyPdfError, ValueError):  # ValueError: of bytes that are no text
            fix = "请重新画这张图纸 (--overwrite)"
            raise InputError(Problem(source.path.name, "不是可以合订的 PDF", fix=fix)) from None
    binder.metadata = {"/Title": title, "/Creator": "boai", "/Producer": "boai"}
    binder.page_mode = "/UseOutlines"
    binder.compress_identical_objects()
    with replacing(path) as temporary, temporary.open("wb") as file:
        binder.write(file)
    return path
