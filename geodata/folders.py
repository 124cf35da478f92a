"""Folders that are written whole or not at all, whatever is killed when; locks that outlive no process."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import Problem, WorkspaceError

_WRITER = ".writer"
"""File in an unfinished folder that its writer holds locked: without a lock the writer is dead."""
_TRIES = 20


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that it holds; nothing where there is nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def replace_folder(ready: Path, folder: Path) -> None:
    """Put a completely written folder in the place of whatever is there.

    A writer that is killed in the middle leaves the old folder under another name; see `put_back`.
    """
    old = _old(folder)
    for again in range(_TRIES):
        try:
            if folder.exists() or folder.is_symlink():
                remove(old)
                folder.replace(old)
            ready.replace(folder)
            break
        except OSError:  # a reader took the gap for a writer's death, and put the old one back
            if again == _TRIES - 1 or not folder.is_dir():
                put_back(folder)
                raise
    remove(old)


def put_back(folder: Path) -> None:
    """Restore a folder whose writer was killed between the two renames of `replace_folder`."""
    old = _old(folder)
    with suppress(OSError):  # it came back meanwhile, or one may only read here
        if old.exists() and not (folder.exists() or folder.is_symlink()):
            old.rename(folder)


def _old(folder: Path) -> Path:
    whole = folder.absolute() if folder.name not in {"", ".."} else folder.resolve()
    return whole.parent / f".{whole.name}.old"


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """Give a new folder beside another, to be written, which then takes its place.

    Where writing fails it goes. What killed writers of the same folder left is removed before, and the folder
    itself put back if need be; the unfinished folders of living writers stay.
    """
    put_back(folder)
    _sweep(folder)
    ready = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        with _open_lock(ready / _WRITER) as file:
            _lock(file)
            yield ready
            ready.chmod(0o755)
            if sys.platform != "win32":
                replace_folder(ready, folder)
        if sys.platform == "win32":  # a folder with an open file cannot be renamed there
            replace_folder(ready, folder)
        (folder / _WRITER).unlink(missing_ok=True)
    except BaseException:
        shutil.rmtree(ready, ignore_errors=True)
        raise


def _sweep(folder: Path) -> None:
    """Remove the unfinished folders of writers that are dead."""
    form = re.compile(rf"\.{re.escape(folder.name)}\.[a-z0-9_]{{8}}")
    with suppress(PermissionError):  # a folder that one may write but not list
        for path in [one for one in folder.parent.iterdir() if form.fullmatch(one.name)]:
            with suppress(OSError):  # without such a file it is somebody else's folder
                with _open_lock(path / _WRITER, create=False) as file:
                    dead = _lock(file)
                if dead:
                    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def locked(path: Path, what: str, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file for this process; the system frees it even where the process is killed.

    Raises
    ------
    WorkspaceError
        Another process holds it, also after ``wait_s``; ``what`` is named.
    """
    until = time.monotonic() + wait_s
    while True:
        with _open_lock(path) as file:
            if _lock(file) and _is_at(file, path):
                yield
                return
        if time.monotonic() >= until:
            raise WorkspaceError(Problem(what, "另一个 boai 正在写这里", fix="请等它结束后再试"))
        time.sleep(0.02)


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Tell whether a lock file is still the one in place: its folder may have been replaced."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _open_lock(path: Path, *, create: bool = True) -> IO[bytes]:
    """Open a lock file; what lies there is never followed elsewhere, emptied, or waited for."""
    flags = os.O_RDWR | (os.O_CREAT if create else 0)
    flags |= sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
    return os.fdopen(os.open(path, flags, 0o666), "rb+", buffering=0)


def _lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
