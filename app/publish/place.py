"""Folders that reports, exports and charts come in: new ones appear whole, in others files are replaced."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ...geodata.errors import InputError, Problem
from ...geodata.folders import unfinished
from ..workspace import MANIFEST

_STAGING = ".boai-publish."


def check(folder: Path, *, overwrite: bool = False) -> None:
    """Refuse what is no folder, a workspace, or a folder that is there already; raises ``InputError``.

    With ``overwrite`` a folder may be there: files of the names that are written are replaced, others stay.
    """
    there = folder.exists() or folder.is_symlink()
    if there and not folder.is_dir():
        raise InputError(Problem(str(folder), "这里不能放文件: 它不是文件夹", fix="请换一个文件夹"))
    if (folder / MANIFEST).exists():
        raise InputError(Problem(str(folder), "这里是工作区本身, 已存在, 不能覆盖", fix="请换一个文件夹"))
    if there and not overwrite:
        fix = "请写一个还没有的文件夹; 确实要覆盖同名文件的, 加 --overwrite"
        raise InputError(Problem(str(folder), "已存在, 没有写出", fix=fix))


def fill(folder: Path, write: Callable[[Path], Sequence[Path]], *, overwrite: bool = False) -> list[Path]:
    """Let ``write`` fill a folder; returns the files in it.

    A new folder appears whole or not at all. Into one that is there files are put when all are ready, each
    whole; other files stay as they are. Raises ``InputError`` as `check` does, or where a folder stands at
    the place of a file.
    """
    check(folder, overwrite=overwrite)
    if folder.is_dir():
        with tempfile.TemporaryDirectory(dir=folder, prefix=_STAGING) as name:
            found = [path.relative_to(name) for path in write(Path(name))]
            _put(Path(name), folder)
        return [folder / path for path in found]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(folder) as ready:
        found = [path.relative_to(ready) for path in write(ready)]
        check(folder)  # another command may have written there meanwhile
    return [folder / path for path in found]


def _put(ready: Path, folder: Path) -> None:
    """Move all files of a folder into another, over those of the same names."""
    names = sorted(path.relative_to(ready) for path in ready.rglob("*") if path.is_file())
    wrong = [place for name in names if (place := _in_the_way(folder, name)) is not None]
    if wrong:
        fix = "请改名或移走, 或换一个文件夹"
        raise InputError(
            [Problem(str(one), "占着要写的位置, 没有写出", fix=fix) for one in dict.fromkeys(wrong)]
        )
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (ready / name).replace(folder / name)


def _in_the_way(folder: Path, name: Path) -> Path | None:
    """Return what keeps a file from its place: a folder there, or above it what is no folder of its own."""
    for above in [*name.parents][-2::-1]:
        place = folder / above
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            return place
    place = folder / name
    return place if place.is_dir() and not place.is_symlink() else None
