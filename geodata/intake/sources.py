"""Where files come from: a file with what lies beside it, a folder, the members of a zip archive."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..shown import clean_name, shown
from .archive import Archive
from .codes import finding
from .limits import MOST_DEPTH, MOST_FILES, MOST_UNPACKED, megabytes, read_bytes, refuse
from .model import Finding

SIDECARS = (
    ".shp.xml", ".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qpj", ".qix", ".qmd", ".fix", ".ain",
    ".aih", ".atx", ".cst", ".qml", ".sld", ".fields",
)  # fmt: skip
"""Endings of the files that belong to a shapefile."""

_JUNK = frozenset({"thumbs.db", "desktop.ini", ".ds_store", "__macosx", "ehthumbs.db", "$recycle.bin"})
_JUNK_ENDINGS = ("-wal", "-shm", "-journal", ".tmp", ".lock", ".lnk", ".aux.xml")


@dataclass(frozen=True)
class Source:
    """One file to read."""

    file: str
    """Name as a user knows it, with the path inside a folder or an archive."""
    load: Callable[[], bytes]
    """Reads it whole, or refuses it."""
    beside: Callable[[str], bytes | None]
    """Reads the file of the same name with another ending (``.dbf``); None where there is none."""

    @property
    def suffix(self) -> str:
        """Ending of its name, in lower case."""
        return os.path.splitext(self.file)[1].lower()  # noqa: PTH122 (a display name, no path)


def is_junk(name: str) -> bool:
    """Whether a file is left behind by a program: lock files, previews, folders' settings.

    Examples
    --------
    >>> [is_junk(name) for name in ("~$aed.xlsx", ".DS_Store", "__MACOSX/aed.xlsx", "南昌/aed.xlsx")]
    [True, True, True, False]
    """
    parts = name.lower().split("/")
    if any(part in _JUNK or part.startswith((".", "~$", "._", ".~")) for part in parts):
        return True
    return parts[-1].endswith(_JUNK_ENDINGS)


def single(path: Path) -> Source:
    """Return a file, or the shapefile to which it belongs."""
    if path.suffix.lower() in SIDECARS:
        main = _neighbour(path, ".shp")
        path = main or path
    file = clean_name(path.name)
    return Source(file, lambda: read_bytes(path, file=file), lambda ending: _load_neighbour(path, ending))


def of_folder(path: Path) -> tuple[list[Source], list[Finding]]:
    """List the files of a folder and the folders in it; links and special files are left out with a note.

    Raises
    ------
    RefusedError
        There are too many files, or too much in them.
    """
    root = clean_name(path.resolve().name)
    found: list[Finding] = []
    sources, size = [], 0
    for entry, name, why in _walk(path, "", 0):
        file = f"{root}/{clean_name(name)}"
        size_here = _size(entry)
        if why:
            found.append(finding("file_skipped", why, severity="warning", file=file))
        elif size_here is None:
            found.append(finding("file_skipped", "是链接或特殊文件, 没有读入", file=file))
        else:
            size += size_here
            sources.append(_of_folder(Path(entry.path), file))
        if len(sources) + len(found) > MOST_FILES:
            what = f"文件夹中的文件不能超过 {MOST_FILES} 个"
            raise refuse("file_too_large", what, file=root, fix="请只保留要导入的文件")
    if size > MOST_UNPACKED:
        what = f"文件夹不能超过 {megabytes(MOST_UNPACKED)}"
        raise refuse("file_too_large", what, file=root, got=megabytes(size), fix="请只保留要导入的文件")
    return _without_sidecars(sources), found


def of_archive(archive: Archive) -> list[Source]:
    """List the members of a zip archive."""
    names = [name for name in archive.names if not is_junk(name)]
    return _without_sidecars([_of_archive(archive, name) for name in names])


def _of_archive(archive: Archive, name: str) -> Source:
    stem = os.path.splitext(name)[0]  # noqa: PTH122 (a member, no path)

    def beside(ending: str) -> bytes | None:
        other = archive.find(stem + ending) or archive.find(name + ending)
        return None if other is None else archive.read(other)

    return Source(f"{archive.file}/{clean_name(name)}", lambda: archive.read(name), beside)


def _of_folder(path: Path, file: str) -> Source:
    def beside(ending: str) -> bytes | None:
        other = _neighbour(path, ending)  # a link may lead anywhere
        return None if other is None or other.is_symlink() else _load_neighbour(path, ending)

    return Source(file, lambda: read_bytes(path, file=file), beside)


def _size(entry: os.DirEntry[str]) -> int | None:
    """Return the size of a regular file; None for everything else, also for what is gone by now."""
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return facts.st_size if stat.S_ISREG(facts.st_mode) else None


def _walk(folder: Path, prefix: str, depth: int) -> Iterator[tuple[os.DirEntry[str], str, str]]:
    """Yield the entries of a folder by name, those of folders in it after its own; why one is left out."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        if depth:
            return
        raise refuse("file_unreadable", "文件夹无法读取", file=clean_name(str(folder.name))) from None
    folders = []
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if is_junk(name):
            continue
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry)
        else:
            yield entry, name, ""
    for entry in folders:
        name = f"{prefix}{entry.name}"
        if depth >= MOST_DEPTH:
            yield entry, name, f"文件夹超过 {MOST_DEPTH} 层, 其中的文件没有读入"
        elif not os.access(entry.path, os.R_OK | os.X_OK):
            yield entry, name, "文件夹没有读取权限, 其中的文件没有读入"
        else:
            yield from _walk(Path(entry.path), f"{name}/", depth + 1)


def _without_sidecars(sources: Sequence[Source]) -> list[Source]:
    """Leave out the files that belong to a shapefile that is there."""
    stems = {source.file.lower().removesuffix(".shp") for source in sources if source.suffix == ".shp"}

    def belongs(file: str) -> bool:
        return any(file.endswith(ending) and file.removesuffix(ending) in stems for ending in SIDECARS)

    return [source for source in sources if not belongs(source.file.lower())]


def _neighbour(path: Path, ending: str) -> Path | None:
    """Find the regular file of the same stem with another ending, whatever its case."""
    for wanted in (path.with_suffix(ending), path.with_suffix(ending.upper())):
        if wanted.is_file():
            return wanted
    names = {f"{path.stem}{ending}".lower(), f"{path.name}{ending}".lower()}
    try:
        with os.scandir(path.parent) as listing:
            return next((Path(entry.path) for entry in listing if entry.name.lower() in names), None)
    except OSError:
        return None


def _load_neighbour(path: Path, ending: str) -> bytes | None:
    other = _neighbour(path, ending)
    return None if other is None else read_bytes(other, file=shown(clean_name(other.name)))
