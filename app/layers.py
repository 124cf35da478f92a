"""What the commands on layers answer: plain rows, from the registry of a workspace or a shared one."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..geodata import export as exports
from ..geodata import templates
from ..geodata.errors import InputError, Problem
from ..geodata.intake import check as check_file
from ..geodata.intake import read as read_file
from ..geodata.intake import to_json
from ..geodata.intake.merge import plan_merge
from ..geodata.intake.places import Context, context_of, default_context
from ..geodata.layers import EXAMPLE, KIND_NAMES, MAIN_KINDS
from ..geodata.registry import Registry, Revision, open_registry
from ..geodata.registry import read_stock as stock_of
from ..geodata.types import ResourceType, find_type, load_types, read_types
from . import console, outputs
from .outputs import Reading
from .workspace import MANIFEST, Progress, open_workspace

if TYPE_CHECKING:
    from ..geodata.intake.model import Intake

TYPES = "types.yaml"
"""File of a workspace with the resource types that an office adds to the embedded ones."""

_ACTIONS = {
    "create": "建立", "import": "导入", "replace": "整层替换", "edit": "修改", "remove": "移出",
    "undo": "撤销",
}  # fmt: skip
_COUNTS = {
    "added": "新增", "changed": "修改", "deleted": "移出", "unchanged": "未变",
    "examples_removed": "移出示例", "quarantined": "隔离",
}  # fmt: skip
_LISTED = (
    "id", "name", "city", "county", "township", "level", "host", "status", "year", "position",
    "readiness_min", "hours", "stock", "stock_date", "keeper", "phone", "lon", "lat", "source",
)  # fmt: skip


_IMPORT_WAIT_S = 300.0
"""How long an import waits for another one: that of a million sites holds the lock for a minute."""


def registry_of(root: Path, target: str | None, *, imports: bool = False) -> AbstractContextManager[Registry]:
    """Open the registry that a command works on: the one named, or that of the workspace.

    Only an import makes a registry on a server where there is none: a mistyped name is no new registry.
    """
    where: Path | str = target or open_workspace(root).layers
    if isinstance(where, str) and "://" not in where:
        where = Path(where)
    if not imports:
        return open_registry(where)
    return open_registry(where, create=isinstance(where, str), wait_s=_IMPORT_WAIT_S)


def types_of(root: Path, path: Path | None = None) -> Mapping[str, ResourceType]:
    """Return the known resource types: an office's own file adds to them, as does one in the workspace."""
    own = path or root / TYPES
    return read_types(own) if path is not None or own.is_file() else load_types()


def _context(root: Path) -> Context:
    """Boundaries and places to test a file against: the workspace's, or those that boai brings."""
    return context_of(root) if (root / MANIFEST).exists() else default_context()


def list_layers(root: Path, target: str | None) -> list[dict[str, Any]]:
    """List the layers: how many sites, how many in service, of which levels, whether synthetic.

    The main layers are listed also where they hold no site.
    """
    rows, known = [], types_of(root)
    with registry_of(root, target) as registry:
        for info in registry.layers():
            table = registry.sites(info.kind)
            counts = table["level"].fillna("").value_counts(sort=False)
            levels = "、".join(f"{level} {count}" for level, count in counts.items() if level)
            used = int(table["status"].fillna("").isin(("", "已建")).sum())
            row: dict[str, Any] = {"kind": info.kind, "name": info.title, "sites": info.sites}
            if info.kind in known:
                row["name"] = known[info.kind].title
            row |= {"in_service": used, "levels": levels, "label": EXAMPLE if info.example else ""}
            rows.append(row)
    there = {row["kind"] for row in rows}
    empty = {"sites": 0, "in_service": 0, "levels": "", "label": ""}
    missing = [kind for kind in MAIN_KINDS if kind not in there]
    rows += [{"kind": kind, "name": KIND_NAMES[kind]} | empty for kind in missing]
    order = {kind: place for place, kind in enumerate([*KIND_NAMES, *known])}
    return sorted(rows, key=lambda row: (order.get(row["kind"], len(order)), row["kind"]))


def show(root: Path, target: str | None, kind: str) -> dict[str, Any]:
    """List all sites of a layer: ``rows`` as stored, ``shown`` and ``headers`` for people."""
    rtype = find_type(kind, types_of(root))
    with registry_of(root, target) as registry:
        table = registry.sites(rtype.code)
    rows = [{**_plain(row), "stock": stock_of(row["stock"])} for row in table.to_dict("records")]
    titles = {attribute.name: attribute.title for attribute in rtype.attributes}
    names = [*_LISTED, *(attribute.name for attribute in rtype.own)]
    used = {name: titles[name] for name in names if any(row.get(name) not in ("", None, {}) for row in rows)}
    label = [EXAMPLE] if any(row["example"] for row in rows) else []
    return {
        "title": f"{rtype.title}: {len(rows)} 处",
        "labels": label,
        "rows": rows,
        "shown": [{**row, "stock": console.stock(row["stock"])} for row in rows],
        "headers": used,
    }


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Bring a row to what JSON holds: missing values are null."""
    return {
        str(key): None if pd.api.types.is_scalar(value) and pd.isna(value) else console.jsonable(value)
        for key, value in row.items()
    }


def describe_types(root: Path, kind: str | None, path: Path | None) -> list[dict[str, Any]]:
    """List the resource types, or the attributes of one."""
    known = types_of(root, path)
    if kind is None:
        role = {"resource": "资源", "host": "候选场所"}
        return [
            {"code": one.code, "title": one.title, "role": role[one.role], "meaning": one.meaning}
            for one in known.values()
        ]
    return [
        {
            "name": one.name, "title": one.title, "type": one.type, "required": one.required,
            "unit": one.unit, "allowed": "、".join(one.allowed), "meaning": one.meaning,
            "synonyms": list(one.synonyms),
        }
        for one in find_type(kind, known).attributes
    ]  # fmt: skip


def _options(root: Path, reading: Reading, progress: Progress | None) -> dict[str, Any]:
    return {
        "kind": reading.kind,
        "crs": reading.crs,
        "confirm": reading.confirm,
        "mapping": reading.mapping,
        "sheet": reading.sheet,
        "types": types_of(root, reading.types),
        "context": _context(root),
        "progress": progress and (lambda text, *_: progress(str(text))),
    }


def check(root: Path, reading: Reading, *, progress: Progress | None = None) -> dict[str, Any]:
    """Read a file as a resource type and tell everything about it (`intake.to_json`); nothing is stored.

    A file that cannot be read at all is answered too, with its problem and no rows.
    """
    options = _options(root, reading, progress)
    rtype = find_type(reading.kind, options["types"])
    outputs.check_outputs(reading)
    try:
        found = read_file(reading.file, **options)
    except InputError:
        return _told(check_file(reading.file, **options), rtype)
    outputs.leave(found, reading)
    return _told(to_json(found, rtype), rtype)


def _told(found: dict[str, Any], rtype: ResourceType) -> dict[str, Any]:
    """Add the Chinese titles of the mapped attributes, for people."""
    titles = {attribute.name: attribute.title for attribute in rtype.attributes}
    for table in found["mapping"]:
        table["titles"] = {header: titles.get(name, name) for header, name in table["columns"].items()}
    return found


def import_file(
    root: Path,
    target: str | None,
    reading: Reading,
    *,
    strict: bool = False,
    replace: bool = False,
    who: str | None = None,
    why: str = "",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Read a file and bring its good rows into the registry, the bad ones into quarantine.

    Returns
    -------
    dict
        As `check`, with ``stored`` (number of the revision and its counts, None if nothing was stored) and
        ``outcome`` (Chinese: what became of it).
    """
    options = _options(root, reading, progress)
    rtype = find_type(reading.kind, options["types"])
    outputs.check_outputs(reading)
    with registry_of(root, target, imports=True) as registry:
        found = read_file(reading.file, **options)
        outputs.leave(found, reading)
        told = _told(to_json(found, rtype), rtype)
        why_not = _hindrance(found, told, strict)
        if why_not:
            return {**told, "stored": None, "outcome": why_not}
        revision = registry.update(
            rtype.code,
            lambda present: plan_merge(present, found.sites, replace=replace),
            who=who or user(),
            why=why,
            action="replace" if replace else "import",
            file=reading.file.name,
            file_hash=found.files[0]["hash"] if len(found.files) == 1 else "",
            verdict=told["verdict"],
            mapping=told["mapping"],
            quarantine=_not_yet_kept(registry, rtype.code, found.quarantine),
        )
    stored = {"revision": revision.number, **revision.counts}
    return {**told, "stored": stored, "outcome": _outcome(revision, rtype.title)}


def _not_yet_kept(registry: Registry, kind: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out the bad rows that an earlier import of the same file has already put into quarantine."""

    def keys(table: pd.DataFrame) -> list[str]:
        names = ["file", "sheet", "row", "cells"]
        return [
            json.dumps(row, sort_keys=True, default=str) for row in table[names].to_numpy(object).tolist()
        ]

    if rows.empty:
        return rows
    kept = set(keys(registry.quarantine(kind)))
    return rows[[key not in kept for key in keys(rows)]]


def _hindrance(found: Intake, told: Mapping[str, Any], strict: bool) -> str:
    """Say why nothing may be stored; empty where something may."""
    if found.verdict.refused:
        return "没有导入: 坐标系未定。请用 --crs 注明坐标系; 与检验不符而仍要采用的, 再加 --confirm"
    if found.refused:
        return "没有导入: 没有一行可用"
    if strict and told["counts"]["error"]:
        return f"没有导入: 有 {told['counts']['error']} 处错误, 而 --strict 要求全部无误"
    return ""


def _outcome(revision: Revision, title: str) -> str:
    """Say in one sentence what a revision did."""
    if not revision.number:
        return f"{title}: 与已有的完全一样, 没有改动"
    number, done = revision.number, _counted(revision) or "没有变动"
    return f"{title}: 第 {number} 次改动, {done}。要撤销: boai layers undo {number}"


def _counted(revision: Revision) -> str:
    """Write the counts of a revision in words."""
    return "、".join(
        f"{word} {revision.counts[key]}" for key, word in _COUNTS.items() if revision.counts.get(key)
    )


def user() -> str:
    """Name of the person at this machine, as the system knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return os.environ.get("USERNAME", "") or "未署名"


def export(
    root: Path, target: str | None, kind: str, path: Path, *, crs: str = "WGS84", overwrite: bool = False
) -> dict[str, Any]:
    """Write a layer to a file in a coordinate system of the user's choice."""
    rtype = find_type(kind, types_of(root))
    outputs.check_new(path, overwrite=overwrite)
    with registry_of(root, target) as registry:
        table = registry.sites(rtype.code)
    system = exports.check_system(crs)
    exports.export_layer(table, rtype, path, system=system)
    label = EXAMPLE if bool(table["example"].any()) else ""
    return {"file": str(path), "sites": len(table), "crs": system, "label": label}


def template(
    root: Path, kind: str, path: Path | None, types: Path | None, *, overwrite: bool = False
) -> dict[str, Any]:
    """Write the Excel template of a resource type."""
    known = types_of(root, types)
    rtype = find_type(kind, known)
    where = path or Path(f"{rtype.title}_模板.xlsx")
    outputs.check_new(where, overwrite=overwrite)
    templates.write_template(rtype.code, where, types=known)
    return {"file": str(where), "kind": rtype.code}


def history(root: Path, target: str | None, kind: str | None, limit: int) -> list[dict[str, Any]]:
    """List the revisions, the newest first."""
    known = types_of(root)
    with registry_of(root, target) as registry:
        found = registry.history(None if kind is None else find_type(kind, types_of(root)).code, limit)
    rows = []
    for one in found:
        layer = known[one.kind].title if one.kind in known else one.kind or "各图层"
        row = {"number": one.number, "time": one.time, "who": one.who, "kind": one.kind, "layer": layer}
        row |= {"action": one.action, "what": _ACTIONS.get(one.action, one.action), "counts": _counted(one)}
        row |= {"file": one.file, "file_hash": one.file_hash, "why": one.why, "undoes": one.undoes}
        rows.append({**row, "crs": (one.verdict or {}).get("system", ""), "verdict": one.verdict})
    return rows


def undo(root: Path, target: str | None, number: int | None, *, who: str | None, why: str) -> dict[str, Any]:
    """Take a revision back."""
    with registry_of(root, target) as registry:
        revision = registry.undo(number, who=who or user(), why=why)
    title = f"已撤销第 {revision.undoes} 次改动"
    return {"revision": revision.number, **revision.counts, "outcome": _outcome(revision, title)}


def remove(
    root: Path,
    target: str | None,
    kind: str,
    ids: Sequence[str],
    *,
    everything: bool,
    who: str | None,
    why: str,
) -> dict[str, Any]:
    """Take sites out of a layer."""
    rtype = find_type(kind, types_of(root))
    if bool(ids) == everything:
        raise InputError(
            Problem("站点", "请写站点编号, 或用 --all 移出整个图层", fix="编号见 boai layers show")
        )
    with registry_of(root, target) as registry:
        table = registry.sites(rtype.code)
        gone = table["id"].to_list() if everything else list(ids)
        revision = registry.apply(
            rtype.code, table.iloc[:0], delete=gone, action="remove", who=who or user(), why=why
        )
    return {"revision": revision.number, **revision.counts, "outcome": _outcome(revision, rtype.title)}


def diff(
    root: Path, target: str | None, before: int, after: int | None, kind: str | None
) -> list[dict[str, Any]]:
    """List what differs between two revisions."""
    known = types_of(root)
    with registry_of(root, target) as registry:
        table = registry.diff(before, after, None if kind is None else find_type(kind, types_of(root)).code)
    rows = []
    for row in table.to_dict("records"):
        rtype = known.get(str(row["kind"]))
        titles = {one.name: one.title for one in rtype.attributes} if rtype else {}
        layer = rtype.title if rtype else row["kind"]
        rows.append({**_plain(row), "layer": layer, "title": titles.get(row["attribute"], row["attribute"])})
    return rows


def quarantine(
    root: Path,
    target: str | None,
    kind: str | None,
    number: int | None,
    out: Path | None,
    *,
    overwrite: bool = False,
) -> list[dict[str, Any]]:
    """List the rows that did not come in; ``out`` gets them as CSV with their own headers, to be mended."""
    if out is not None:
        outputs.check_new(out, overwrite=overwrite)
    known = types_of(root)
    with registry_of(root, target) as registry:
        table = registry.quarantine(None if kind is None else find_type(kind, types_of(root)).code, number)
        systems = {
            one.number: (one.verdict or {}).get("system", "") for one in registry.history(limit=10_000)
        }
    rows = [_plain(row) for row in table.to_dict("records")]
    for row in rows:
        row["layer"] = known[row["kind"]].title if row["kind"] in known else row["kind"]
    if out is not None:
        outputs.write_rows(rows, out, systems)
    return rows


def verify(root: Path, target: str | None) -> dict[str, Any]:
    """Hold the whole registry against its hashes; raises ``WorkspaceError``."""
    with registry_of(root, target) as registry:
        registry.verify()
        return {"sites": sum(info.sites for info in registry.layers()), "hash": registry.state_hash()}
