"""Sheets of one theme and layer as one PDF, for the print shop."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...geodata.errors import InputError
from .batch_folder import Entry, SheetFolder

if TYPE_CHECKING:
    from ...maps.sheets.job import Job


class Page(NamedTuple):
    """A sheet that lies in the folder as a PDF."""

    job: Job
    name: str
    key: str
    about: Mapping[str, str]


def bind_all(
    folder: SheetFolder,
    pages: Sequence[Page],
    staging: Path,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Bind sheets of the same theme, layer, scenario and paper, where there are several of them.

    The number of pages is in the name: a later call for some areas does not replace the file of all of them.

    Returns
    -------
    Paths of all bound files, also of those that were there and are current.
    """
    groups = defaultdict[tuple[str, ...], list[Page]](list)
    for page in pages:
        if "pdf" in page.job.formats:
            own = page.job
            groups[own.theme, own.kind, own.scenario, own.size].append(page)
    found = []
    for group in groups.values():
        if len(group) > 1:
            try:
                found.append(_bound(folder, group, staging, overwrite=overwrite))
            except InputError as error:
                say(f"没有合订: {'; '.join(map(str, error.problems))}")
    return found


def _bound(folder: SheetFolder, group: Sequence[Page], staging: Path, *, overwrite: bool) -> Path:
    from ...maps.sheets.bind import Source, bind  # noqa: PLC0415 (slow to import with the package)
    from ...maps.sheets.job import stem  # noqa: PLC0415

    first = group[0]
    own = stem(replace(first.job, unit_name="合订"))
    name = f"{own}_{len(group)}张"
    digest = hashlib.sha256("\n".join(page.key for page in group).encode()).hexdigest()
    path = folder.path / f"{name}.pdf"
    if folder.is_current(name, digest):
        return path
    title = " ".join(filter(None, ("合订本", *(first.about[each] for each in ("kind", "theme", "scenario")))))
    sources = [Source(folder.path / f"{page.name}.pdf", page.about["unit"]) for page in group]
    ready = bind(sources, staging / path.name, title=title)
    about = {**first.about, "level": "合订", "city": "", "unit": f"{len(group)} 张", "order": "9"}
    folder.put(Entry(name, digest, {}, about=about), [ready], overwrite=overwrite)
    return path
