"""Results on disk: one folder per scenario, whole or not there, the same bytes for the same input.

``manifest.json`` says what the result is, what it was made from and what files belong to it, each with its
SHA-256; ``arrays.npz`` holds everything exactly; ``*.csv`` are the tables for people. ``times.json`` alone
tells seconds and what was reused: it differs from run to run and is no part of what is compared.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..coverage.standards import Cited, Standard
from ..geodata.errors import Problem, WorkspaceError
from ..geodata.folders import locked, put_back, unfinished
from ..geodata.store import read_bounded, read_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .run import Result

FORMAT = 1
KIND = "boai result"
MANIFEST, ARRAYS, TIMES = "manifest.json", "arrays.npz", "times.json"
FIX = "请重新运行: boai scenario run --force"

_DETERMINISTIC = "确定性: 计算不用随机数, 相同的输入得到相同的字节"
_MOST_MANIFEST = 64 << 20
_MOST_FILE = 1 << 30
_WAIT_S = 60.0
"""How long a writer waits for another one of the same result: writing takes less than a second."""
_TRIES, _NOTHING, _PAUSE_S = 50, 5, 0.003
"""Times that a result is read while it changes, times that none is there, and the pause between."""
_TABLES = (
    "units",
    "added",
    "targets",
    "admin",
    "summary",
    "compliance",
    "done",
    "given_up",
    "schedules",
    "costs",
)
_Read = TypeVar("_Read")


def save_result(result: Result, folder: Path) -> None:
    """Save a result as a folder, which takes the place of what is there once everything is on disk.

    A writer that is killed leaves the old result or none; see `folders.unfinished`.
    """
    from .packing import pack  # noqa: PLC0415 (numpy is not needed for the state of a result)
    from .result_tables import tables_of  # noqa: PLC0415

    files = {ARRAYS: pack(_arrays(result), level=6)}
    for name, text in tables_of(result):
        files[f"{name}.csv"] = text.encode("utf-8-sig")
    manifest = _manifest(result, {name: _facts(content) for name, content in files.items()})
    plans = [plan.get("seconds", 0.0) for plan in result.plans]
    times = {"note": "用时与取用情况, 每次运行不同, 不参与比较", **result.work, "requests_s": plans}
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.parent / f".{folder.name}.lock"
    with locked(lock, str(folder), wait_s=_WAIT_S):  # two writers of one result take turns
        try:
            with unfinished(folder) as ready:
                for name, content in files.items():
                    (ready / name).write_bytes(content)
                for name, value in ((TIMES, times), (MANIFEST, manifest)):
                    (ready / name).write_bytes(_json(value))
        finally:
            lock.unlink(missing_ok=True)


def _json(value: object) -> bytes:
    return json.dumps(_plain(value), ensure_ascii=False, indent=1, allow_nan=False).encode()


def _facts(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _manifest(result: Result, files: Mapping[str, Any]) -> dict[str, Any]:
    """Say what a result is, what it was made from, and what it comes to, for programs and people."""
    from .packing import table_arrays, text_value  # noqa: PLC0415

    columns = text_value(table_arrays(result.summary)["columns"])[0]
    summary = [dict(zip([name for name, _ in columns], row, strict=True)) for row in _rows(result.summary)]
    solver = [{key: value for key, value in plan.items() if key != "seconds"} for plan in result.plans]
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "kind": KIND,
        "name": result.name,
        "title": result.title,
        "key": result.key,
        "boai": result.provenance.get("world", {}).get("boai", ""),
        "labels": result.provenance.get("labels", []),
        "main_limits": result.provenance.get("main_limits", {}),
        "seed": 0,
        "seed_note": _DETERMINISTIC,
        "solver": solver,
        "summary": summary,
        "notes": list(result.notes),
        "far": {kind: list(notes) for kind, notes in result.far.items()},
        "provenance": result.provenance,
        "files": dict(files),
    }
    return {**manifest, "digest": _digest(manifest)}


def _rows(table: Any) -> list[list[Any]]:
    return [list(row) for row in zip(*(table[name].tolist() for name in table.columns), strict=True)]


def _digest(manifest: Mapping[str, Any]) -> str:
    """Hash a manifest but for its digest: every change of it is seen."""
    content = {key: value for key, value in manifest.items() if key != "digest"}
    return hashlib.sha256(json.dumps(_plain(content), sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Turn values into what JSON holds: not-a-number and infinity become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        return _plain(value.item())
    return None if isinstance(value, float) and value - value != 0 else value


def read_manifest(folder: Path, *, verify: bool = True) -> dict[str, Any]:
    """Read what a result is, and check that its files are there and as they were written.

    Parameters
    ----------
    verify
        Compute the SHA-256 of every file, not only look at its size.

    Raises
    ------
    FileNotFoundError
        There is no result.
    WorkspaceError
        It is damaged, or of another format.
    """
    return _steadily(folder, lambda: _read_manifest(folder, verify))


def _read_manifest(folder: Path, verify: bool) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = read_json(path, most_bytes=_MOST_MANIFEST)
        texts = all(isinstance(manifest[key], str) for key in ("name", "title", "key", "digest"))
        lists = all(isinstance(manifest[key], list) for key in ("solver", "summary", "notes", "labels"))
        maps = all(isinstance(manifest[key], dict) for key in ("provenance", "files", "far", "main_limits"))
        if not (texts and lists and maps) or manifest["digest"] != _digest(manifest):
            raise ValueError(MANIFEST)
        if (manifest["format"], manifest["kind"]) != (FORMAT, KIND):
            raise WorkspaceError(Problem(str(path), f"应为 {KIND} (格式 {FORMAT})", fix=FIX))
        for name, facts in manifest["files"].items():
            if Path(name).name != name:
                raise ValueError(name)
            _check(folder / name, facts, verify)
    except FileNotFoundError:
        if not folder.is_dir():
            raise
        raise WorkspaceError(Problem(str(folder), "结果不完整", fix=FIX)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, WorkspaceError):
            raise
        raise WorkspaceError(Problem(str(path), "结果已损坏, 无法读取", fix=FIX)) from None
    return manifest


def _check(path: Path, facts: Mapping[str, Any], verify: bool) -> None:
    """Raise ``ValueError`` where a file is not what the manifest says."""
    if not verify:
        if path.stat().st_size != facts["bytes"]:
            raise ValueError(path.name)
    elif _facts(read_bounded(path, _MOST_FILE)) != facts:
        raise ValueError(path.name)


def _steadily(folder: Path, read: Callable[[], _Read]) -> _Read:
    """Read again while a writer is putting a new result in the place of the one that is read."""
    nothing = 0
    for again in range(_TRIES):
        before = _stamp(folder)
        try:
            return read()
        except (FileNotFoundError, WorkspaceError):
            after = _stamp(folder)
            # Between two renames there is none for a moment; where that stays so, the writer was killed.
            nothing = nothing + 1 if before is None and after is None else 0
            if nothing == _NOTHING:
                put_back(folder)
            if again == _TRIES - 1 or nothing > _NOTHING or (before is not None and before == after):
                raise
            time.sleep(_PAUSE_S)
    raise AssertionError  # the loop returns or raises


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Tell which result lies at a path now."""
    try:
        facts = (folder / MANIFEST).stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def read_times(folder: Path) -> dict[str, Any]:
    """Read what a run took and reused; empty where nobody knows."""
    try:
        return read_json(folder / TIMES, most_bytes=_MOST_MANIFEST)
    except (OSError, ValueError):
        return {}


def load_result(folder: Path) -> Result:
    """Read a result back: equal to what `save_result` was given, but for its seconds.

    Raises
    ------
    FileNotFoundError
        There is no result.
    WorkspaceError
        It is damaged: what is wrong, and how to make it anew.
    """
    return _steadily(folder, lambda: _load(folder))


def _load(folder: Path) -> Result:
    from .packing import DAMAGED, unpack  # noqa: PLC0415

    manifest = _read_manifest(folder, verify=False)
    content = read_bounded(folder / ARRAYS, _MOST_FILE)
    problem = WorkspaceError(Problem(str(folder / ARRAYS), "结果已损坏, 无法读取", fix=FIX))
    if _facts(content) != manifest["files"].get(ARRAYS):
        raise problem
    try:
        return _result(manifest, unpack(content), read_times(folder))
    except DAMAGED:
        raise problem from None


def _arrays(result: Result) -> dict[str, NDArray[Any]]:
    """Take a result apart into arrays: covers, layers, tables, and all else as one text of JSON."""
    from .packing import named, table_arrays, text_array  # noqa: PLC0415

    arrays: dict[str, NDArray[Any]] = {"residents": result.residents}
    for name in _TABLES:
        arrays |= named(name, table_arrays(getattr(result, name)))
    for kind, layer in result.layers.items():
        arrays |= named(f"layer.{kind}", table_arrays(layer.table))
    for kind, cover in result.covers.items():
        own: dict[str, NDArray[Any]] = {"share": cover.share, "nearest": cover.nearest, "cost": cover.cost}
        arrays |= named(f"cover.{kind}", own) | named(f"gaps.{kind}", table_arrays(result.gaps[kind]))
    plans = [{key: value for key, value in plan.items() if key != "seconds"} for plan in result.plans]
    rest = {
        "layers": [[kind, one.example, dict(one.left_out)] for kind, one in result.layers.items()],
        "covers": [[kind, asdict(one.standard)] for kind, one in result.covers.items()],
        "plans": plans,
        "keys": {kind: dict(keys) for kind, keys in result.keys.items()},
    }
    return arrays | {"rest": text_array(rest)}


def _result(
    manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], times: Mapping[str, Any]
) -> Result:
    from ..coverage.measures import Cover  # noqa: PLC0415 (pandas and numba are slow to import)
    from ..geodata.layers import Layer  # noqa: PLC0415
    from .packing import arrays_table, of_name, text_value  # noqa: PLC0415
    from .run import Result  # noqa: PLC0415

    rest = text_value(arrays["rest"])
    took = times.get("requests_s")
    seconds = (
        took if isinstance(took, list) and len(took) == len(rest["plans"]) else [0.0] * len(rest["plans"])
    )
    covers = {}
    for kind, standard in rest["covers"]:
        own = of_name(f"cover.{kind}", arrays)
        covers[kind] = Cover(standard_of(standard), own["share"], own["nearest"], own["cost"])
    return Result(
        name=manifest["name"],
        title=manifest["title"],
        key=manifest["key"],
        layers={
            kind: Layer(kind, arrays_table(of_name(f"layer.{kind}", arrays)), example, left_out)
            for kind, example, left_out in rest["layers"]
        },
        covers=covers,
        gaps={kind: arrays_table(of_name(f"gaps.{kind}", arrays)) for kind in covers},
        plans=[{**plan, "seconds": took} for plan, took in zip(rest["plans"], seconds, strict=True)],
        provenance=manifest["provenance"],
        residents=arrays["residents"],
        notes=tuple(manifest["notes"]),
        far={kind: tuple(notes) for kind, notes in manifest["far"].items()},
        keys=rest["keys"],
        work={key: value for key, value in times.items() if key not in ("note", "requests_s")},
        **{name: arrays_table(of_name(name, arrays)) for name in _TABLES},
    )


def standard_of(values: Mapping[str, Any]) -> Standard:
    """Make a standard of what `dataclasses.asdict` and JSON made of it."""
    known = {each.name for each in fields(Standard)}
    found = {key: _tuples(value) for key, value in values.items() if key in known and key != "cited"}
    return Standard(**found, cited=tuple(Cited(**each) for each in values["cited"]))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
