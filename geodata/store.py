"""Folders of memory-mapped ``.npy`` arrays with a manifest and checksums, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import tokenize
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import Problem, WorkspaceError
from .folders import put_back, unfinished

MANIFEST = "manifest.json"
CHECKED = ".checked"
"""File that says which state of the files was found right."""

_FORMAT = 1
REBUILD = "请运行 boai init --force 加工作区文件夹, 重建工作区"
"""How to mend what a workspace lacks."""

_MOST_JSON = 1 << 20
_NO_ARRAY = (
    ValueError, OSError, EOFError, TypeError, OverflowError, MemoryError, RecursionError, SyntaxError,
    tokenize.TokenError,
)  # fmt: skip
"""What numpy raises for a file that is no array."""

Check = Callable[[Mapping[str, NDArray[Any]], dict[str, Any], bool], Sequence[str]]


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
    """Write a text file atomically: to a temporary file beside it, then rename, also if the power fails."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


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
        content = json.loads(read_bounded(path, most_bytes).decode("utf-8"))
        json.dumps(content, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except FileNotFoundError:
        raise
    except (OSError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(content, dict):
        raise ValueError(path.name)
    return content


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """Read a plain file of bounded size; never waits at a pipe, nor reads a device without end.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no plain file, or too large.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(path.name)
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(path.name)
    return content


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_arrays(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]],
    *,
    kind: str,
    meta: Mapping[str, Any],
    beside: Callable[[str], Mapping[str, str]] = lambda _: {},
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
    beside
        Given the hash, the text files that lie in the folder as well: {name: text}.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(folder) as ready:
        files = {}
        for name, array in arrays.items():
            path = ready / f"{name}.npy"
            np.save(path, np.ascontiguousarray(array), allow_pickle=False)
            files[name] = {"bytes": path.stat().st_size, "sha256": file_hash(path)}
        digest = _digest(files, meta)
        manifest = {"format": _FORMAT, "kind": kind, "hash": digest, "meta": dict(meta), "files": files}
        (ready / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
        for name, text in beside(digest).items():
            (ready / name).write_text(text, encoding="utf-8")
    return digest


def load_arrays(
    folder: Path,
    *,
    kind: str,
    verify: bool | Literal["once"] = True,
    names: Sequence[str] = (),
    more: Sequence[frozenset[str]] = (),
    check: Check | None = None,
    fix: str = REBUILD,
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Open a folder of arrays: read-only memory maps and the stored meta data.

    The meta data gain the key ``hash``, the hash of the content. With ``verify`` every file's checksum is
    computed; without it only presence and size are checked; ``"once"`` computes them unless the files are
    those that were found right before, by size and time of the last change. ``names`` are the arrays that
    must be there, and no others but ``more``, whose sets come whole or not at all; by default any. ``check``
    says what is wrong with arrays and meta data, thoroughly where checksums are computed; ``fix`` is how to
    mend any of it.

    Raises
    ------
    WorkspaceError
        Something is missing, truncated, changed or of another kind; all such files are named at once.
    """
    put_back(folder)
    manifest = _read_manifest(folder, kind, fix)
    stamp = _stamp(folder, manifest) if verify == "once" else ""
    known = bool(stamp) and _was_checked(folder, stamp)
    arrays: dict[str, NDArray[Any]] = {}
    problems = []
    wanted = set(names).union(*(group for group in more if group & set(manifest["files"])))
    if names and wanted != set(manifest["files"]):
        other = "、".join(sorted(wanted ^ set(manifest["files"])))
        problems.append(Problem(str(folder / MANIFEST), "清单与所需文件不符", other[:200], fix))
    for name, facts in manifest["files"].items():
        path = folder / f"{name}.npy"
        problem = _check_file(path, facts, bool(verify) and not known, fix)
        if problem is not None:
            problems.append(problem)
            continue
        try:
            arrays[name] = _map(path)
        except _NO_ARRAY as error:
            problems.append(Problem(str(path), "文件已损坏", str(error)[:200], fix))
    if not problems:
        meta = {**manifest["meta"], "hash": manifest["hash"]}
        found = check(arrays, meta, bool(verify) and not known) if check else ()
        problems = [Problem(str(folder), what, fix=fix) for what in found]
    if problems:
        raise WorkspaceError(problems)
    if stamp and not known:
        with suppress(OSError):  # a folder that one may only read is checked every time
            write_text(folder / CHECKED, stamp)
    return arrays, meta


def _map(path: Path) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes that overflow are an error right after
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise TypeError("no array")
    return array


def _stamp(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Describe the files as they are now: their sizes and times; empty where one is missing.

    The time of the last change of anything (ctime) cannot be set back, unlike that of the content.
    """
    try:
        found = [(folder / f"{name}.npy").stat() for name in manifest["files"]]
    except OSError:
        return ""
    facts = [
        [manifest["hash"]],
        *([one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino] for one in found),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _was_checked(folder: Path, stamp: str) -> bool:
    try:
        return read_bounded(folder / CHECKED, len(stamp)) == stamp.encode()
    except (OSError, ValueError):
        return False


def stored_hash(folder: Path, *, kind: str) -> str:
    """Return the hash of the content that a folder of arrays states; raises ``WorkspaceError``."""
    put_back(folder)
    return str(_read_manifest(folder, kind, REBUILD)["hash"])


def _digest(files: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    text = json.dumps([files, meta], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_manifest(folder: Path, kind: str, fix: str) -> dict[str, Any]:
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
        raise WorkspaceError(Problem(str(path), "文件不存在", fix=fix)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise WorkspaceError(Problem(str(path), "清单文件已损坏, 无法读取", fix=fix)) from None
    if found != kind or manifest.get("format") != _FORMAT:
        raise WorkspaceError(Problem(str(path), f"应为 {kind} (格式 {_FORMAT})", f"{found}"[:40], fix))
    if digest != _digest(files, meta):
        raise WorkspaceError(Problem(str(path), "清单文件被改动, 校验不符", fix=fix))
    return dict(manifest)


def _check_file(path: Path, facts: Mapping[str, Any], verify: bool, fix: str) -> Problem | None:
    if not path.is_file():
        return Problem(str(path), "文件不存在", fix=fix)
    if path.stat().st_size != facts["bytes"]:
        return Problem(str(path), f"文件不完整, 应为 {facts['bytes']} 字节", str(path.stat().st_size), fix)
    if verify and file_hash(path) != facts["sha256"]:
        return Problem(str(path), "文件内容与清单不符", fix=fix)
    return None
