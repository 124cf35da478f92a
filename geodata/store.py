"""Folders of memory-mapped ``.npy`` arrays with a manifest and checksums, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import Problem, WorkspaceError

MANIFEST = "manifest.json"
CHECKED = ".checked"
"""File that says which state of the files was found right."""

_FORMAT = 1
REBUILD = "请运行 boai init --force 加工作区文件夹, 重建工作区"
"""How to mend what a workspace lacks."""

_MOST_JSON = 1 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty temporary file beside a path, to be written, which then takes the path's place.

    It has the suffix of the path, by which some writers know the format. Where writing fails it goes, and
    what stood there stays.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp makes it 0600, and an office shares its folders
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically: to a temporary file beside it, then rename."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(text)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that it holds; nothing where there is nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def replace_folder(ready: Path, folder: Path) -> None:
    """Put a completely written folder in the place of whatever is there."""
    old = folder.with_name(f".{folder.name}.old")
    remove(old)
    if folder.exists() or folder.is_symlink():
        folder.replace(old)
    ready.replace(folder)
    remove(old)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file for this process; the system frees it even where the process is killed.

    Raises
    ------
    WorkspaceError
        Another process holds it; ``what`` is named.
    """
    with path.open("w") as file:
        if not _lock(file):
            raise WorkspaceError(Problem(what, "另一个 boai 正在写这里", fix="请等它结束后再试"))
        yield


def _lock(file: IO[str]) -> bool:
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


def read_json(path: Path, *, most_bytes: int = _MOST_JSON) -> dict[str, Any]:
    """Read a JSON object of bounded size from a file that anybody may have changed.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no file, too large, nested too deeply, or no JSON object.
    """
    try:
        if path.is_dir() or path.stat().st_size > most_bytes:
            raise ValueError(path.name)
        content = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(content, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except FileNotFoundError:
        raise
    except (OSError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(content, dict):
        raise ValueError(path.name)
    return content


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_arrays(
    folder: Path, arrays: Mapping[str, NDArray[Any]], *, kind: str, meta: Mapping[str, Any]
) -> str:
    """Save named arrays as a folder of ``.npy`` files and return the hash of their content.

    Parameters
    ----------
    folder
        Created, or replaced as a whole once everything is on disk.
    arrays
        Any dtype but object.
    kind
        What the folder holds, checked when it is opened.
    meta
        Anything that JSON can hold.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    ready = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        files = {}
        for name, array in arrays.items():
            path = ready / f"{name}.npy"
            np.save(path, np.ascontiguousarray(array), allow_pickle=False)
            files[name] = {"bytes": path.stat().st_size, "sha256": file_hash(path)}
        digest = _digest(files, meta)
        manifest = {"format": _FORMAT, "kind": kind, "hash": digest, "meta": dict(meta), "files": files}
        (ready / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
        ready.chmod(0o755)
        replace_folder(ready, folder)
    except BaseException:
        shutil.rmtree(ready, ignore_errors=True)
        raise
    return digest


def load_arrays(
    folder: Path,
    *,
    kind: str,
    verify: bool | Literal["once"] = True,
    names: Sequence[str] = (),
    more: Sequence[frozenset[str]] = (),
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Open a folder of arrays: read-only memory maps and the stored meta data.

    The meta data gain the key ``hash``, the hash of the content. With ``verify`` every file's checksum is
    computed; without it only presence and size are checked; ``"once"`` computes them unless the files are
    those that were found right before, by size and time of the last change. ``names`` are the arrays that
    must be there, and no others but ``more``, whose sets come whole or not at all; by default any.

    Raises
    ------
    WorkspaceError
        Something is missing, truncated, changed or of another kind; all such files are named at once.
    """
    manifest = _read_manifest(folder, kind)
    stamp = _stamp(folder, manifest) if verify == "once" else ""
    known = bool(stamp) and _was_checked(folder, stamp)
    arrays: dict[str, NDArray[Any]] = {}
    problems = []
    wanted = set(names).union(*(group for group in more if group & set(manifest["files"])))
    if names and wanted != set(manifest["files"]):
        other = "、".join(sorted(wanted ^ set(manifest["files"])))
        problems.append(Problem(str(folder / MANIFEST), "清单与所需文件不符", other, REBUILD))
    for name, facts in manifest["files"].items():
        path = folder / f"{name}.npy"
        problem = _check_file(path, facts, bool(verify) and not known)
        if problem is not None:
            problems.append(problem)
            continue
        try:
            arrays[name] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            problems.append(Problem(str(path), "文件已损坏", str(error), REBUILD))
    if problems:
        raise WorkspaceError(problems)
    if stamp and not known:
        with suppress(OSError):  # a folder that one may only read is checked every time
            write_text(folder / CHECKED, stamp)
    return arrays, {**manifest["meta"], "hash": manifest["hash"]}


def _stamp(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Describe the files as they are now: their sizes and times; empty where one is missing."""
    try:
        found = [(folder / f"{name}.npy").stat() for name in manifest["files"]]
    except OSError:
        return ""
    facts = [[manifest["hash"]], *([one.st_size, one.st_mtime_ns, one.st_ino] for one in found)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _was_checked(folder: Path, stamp: str) -> bool:
    try:
        with (folder / CHECKED).open("rb") as file:
            return file.read(100) == stamp.encode()
    except OSError:
        return False


def stored_hash(folder: Path, *, kind: str) -> str:
    """Return the hash of the content that a folder of arrays states; raises ``WorkspaceError``."""
    return str(_read_manifest(folder, kind)["hash"])


def _digest(files: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    text = json.dumps([files, meta], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_manifest(folder: Path, kind: str) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = read_json(path)
        found, files, meta, digest = (manifest[key] for key in ("kind", "files", "meta", "hash"))
        if not isinstance(files, dict) or not isinstance(meta, dict):
            raise ValueError("files")
        if not all(name.isidentifier() and isinstance(files[name], dict) for name in files):
            raise ValueError("files")
        if not all(type(f["bytes"]) is int and isinstance(f["sha256"], str) for f in files.values()):
            raise ValueError("files")
    except FileNotFoundError:
        raise WorkspaceError(Problem(str(path), "文件不存在", fix=REBUILD)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise WorkspaceError(Problem(str(path), "清单文件已损坏, 无法读取", fix=REBUILD)) from None
    if found != kind or manifest.get("format") != _FORMAT:
        raise WorkspaceError(Problem(str(path), f"应为 {kind} (格式 {_FORMAT})", f"{found}", REBUILD))
    if digest != _digest(files, meta):
        raise WorkspaceError(Problem(str(path), "清单文件被改动, 校验不符", fix=REBUILD))
    return dict(manifest)


def _check_file(path: Path, facts: Mapping[str, Any], verify: bool) -> Problem | None:
    if not path.is_file():
        return Problem(str(path), "文件不存在", fix=REBUILD)
    if path.stat().st_size != facts["bytes"]:
        return Problem(
            str(path), f"文件不完整, 应为 {facts['bytes']} 字节", str(path.stat().st_size), REBUILD
        )
    if verify and file_hash(path) != facts["sha256"]:
        return Problem(str(path), "文件内容与清单不符", fix=REBUILD)
    return None
