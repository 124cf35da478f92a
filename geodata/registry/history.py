"""The history of a registry: revisions, taking one back, and what differs between two of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ..errors import InputError, Problem
from .changes import Edit, stored
from .model import Conflict, Revision
from .records import COLUMNS, Record, load_object, merge
from .tables import Store

_PAGE = 5_000
_SHOWN = 20
_TEXTS = ("counts", "verdict", "mapping")


def list_revisions(
    store: Store, connection: sa.Connection, kind: str | None = None, limit: int | None = None
) -> list[Revision]:
    """List revisions, the newest first; with ``kind`` those that changed that layer or were meant to."""
    revisions, history = store.tables.revisions, store.tables.history.c
    query = sa.select(revisions).order_by(revisions.c.number.desc()).limit(limit)
    if kind is not None:
        touched = sa.select(history.revision).where(history.kind == kind)
        query = query.where(sa.or_(revisions.c.kind == kind, revisions.c.number.in_(touched)))
    return [_revision(row) for row in connection.execute(query).mappings()]


def find_revision(store: Store, connection: sa.Connection, number: int | None) -> Revision:
    """Return a revision, by default the newest that changed a site; raises ``InputError``."""
    revisions = store.tables.revisions
    query = sa.select(revisions).order_by(revisions.c.number.desc()).limit(1)
    meant = revisions.c.before != revisions.c.after if number is None else revisions.c.number == number
    row = connection.execute(query.where(meant)).mappings().first()
    if row is None:
        what = "还没有改动可以撤销" if number is None else f"没有第 {number} 次改动"
        raise InputError(Problem("改动记录", what, fix="请用 boai layers history 查看"))
    return _revision(row)


def _revision(row: Mapping[Any, Any]) -> Revision:
    texts = {name: json.loads(row[name]) for name in _TEXTS}
    if not isinstance(texts["counts"], dict) or not isinstance(texts["verdict"], dict | None):
        raise ValueError("not an object")
    return Revision(**{**row, **texts})


def undo_edits(store: Store, connection: sa.Connection, number: int) -> dict[str, Iterator[list[Edit]]]:
    """Find the edits that take a revision back.

    Raises
    ------
    Conflict
        What the revision wrote has been changed since; sites and later revisions are named.
    """
    conflicts: list[Problem] = []
    real: Counter[str] = Counter()
    for page in _entries(store, connection, number):
        for entry, present in _with_present(store, connection, page):
            edit = _back(entry, present)
            real[entry.kind] += _is_real(edit.new) - _is_real(edit.old)
            if not _still_so(entry, present) and len(conflicts) < _SHOWN:
                conflicts.append(_conflict(store, connection, entry))
    if conflicts:
        raise Conflict(conflicts)
    layers = store.tables.layers
    for row in connection.execute(sa.select(layers).where(layers.c.kind.in_(list(real)))):
        real[row.kind] += row.sites - row.examples
    return {kind: _backwards(store, connection, number, kind, mixed=real[kind] > 0) for kind in real}


def _entries(
    store: Store, connection: sa.Connection, number: int, kind: str | None = None
) -> Iterator[Sequence[sa.Row[Any]]]:
    """Read the history of one revision page by page."""
    history, last = store.tables.history, 0
    while True:
        query = sa.select(history).where(history.c.revision == number, history.c.number > last)
        query = query if kind is None else query.where(history.c.kind == kind)
        page = connection.execute(query.order_by(history.c.number).limit(_PAGE)).all()
        if not page:
            return
        yield page
        last = page[-1].number


def _with_present(
    store: Store, connection: sa.Connection, page: Sequence[sa.Row[Any]]
) -> Iterator[tuple[sa.Row[Any], Record | None]]:
    """Pair entries of the history with the present sites."""
    for kind in dict.fromkeys(entry.kind for entry in page):
        entries = [entry for entry in page if entry.kind == kind]
        present = stored(store, connection, kind, [entry.id for entry in entries])
        yield from ((entry, present.get(entry.id)) for entry in entries)


def _still_so(entry: sa.Row[Any], present: Record | None) -> bool:
    """Tell whether a site still is as the revision left it, in all columns that it changed."""
    if present is None or entry.after is None:
        return present is None and entry.after is None
    after = load_object(entry.after)
    if entry.before is None:
        return present == after
    return all(present.get(name) == value for name, value in after.items())


def _conflict(store: Store, connection: sa.Connection, entry: sa.Row[Any]) -> Problem:
    history = store.tables.history.c
    later = connection.scalar(
        sa.select(sa.func.max(history.revision)).where(history.kind == entry.kind, history.id == entry.id)
    )
    where = f"{entry.kind} {entry.id} {entry.name}"
    fix = f"请先撤销第 {later} 次改动"
    return Problem(where, f"第 {entry.revision} 次改动之后, 第 {later} 次改动又改了这一处", fix=fix)


def _back(entry: sa.Row[Any], present: Record | None) -> Edit:
    """Take back what a revision did to one site."""
    before = None if entry.before is None else load_object(entry.before)
    return Edit(present, None if before is None else merge(present or {}, before))


def _is_real(record: Record | None) -> bool:
    return record is not None and "example" not in record


def _turns_synthetic(edit: Edit) -> bool:
    return "example" in (edit.new or {}) and "example" not in (edit.old or {})


def _backwards(
    store: Store, connection: sa.Connection, number: int, kind: str, *, mixed: bool
) -> Iterator[list[Edit]]:
    """Take back what a revision did to a layer; where it keeps real sites, no synthetic one comes back."""
    for page in _entries(store, connection, number, kind):
        edits = [_back(entry, present) for entry, present in _with_present(store, connection, page)]
        if mixed:
            edits = [edit._replace(new=None) if _turns_synthetic(edit) else edit for edit in edits]
        yield [edit for edit in edits if edit != (None, None)]


@dataclass
class _Path:
    """What happened to one site between two revisions."""

    name: str
    was: bool
    here: bool = True
    first: Record = field(default_factory=dict)
    last: Record = field(default_factory=dict)


def list_differences(
    store: Store, connection: sa.Connection, first: int, last: int, kind: str | None = None
) -> pd.DataFrame:
    """List what differs between the states after two revisions, one row per attribute of a changed site.

    A site that was added or removed has one row. Columns: ``kind``, ``id``, ``name``, ``change`` (新增, 删除,
    修改), ``attribute``, ``before``, ``after``.
    """
    rows = []
    for (of_kind, id_), path in sorted(_paths(store, connection, first, last, kind).items()):
        site = (of_kind, id_, path.name)
        if path.was and path.here:
            rows += [(*site, "修改", *change) for change in _changes(path.first, path.last)]
        elif path.was or path.here:
            rows.append((*site, "新增" if path.here else "删除", "", None, None))
    columns = ["kind", "id", "name", "change", "attribute", "before", "after"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _paths(
    store: Store, connection: sa.Connection, first: int, last: int, kind: str | None
) -> dict[tuple[str, str], _Path]:
    """Follow each site through the revisions after the first up to the last."""
    history = store.tables.history
    query = sa.select(history).where(history.c.revision > first, history.c.revision <= last)
    query = query if kind is None else query.where(history.c.kind == kind)
    paths: dict[tuple[str, str], _Path] = {}
    for entry in connection.execute(query.order_by(history.c.number)):
        before, after = load_object(entry.before), load_object(entry.after)
        path = paths.setdefault((entry.kind, entry.id), _Path(entry.name, entry.before is not None))
        for name in {**before, **after}:
            path.first.setdefault(name, before.get(name))
            path.last[name] = after.get(name)
        path.name, path.here = entry.name, entry.after is not None
    return paths


def _changes(first: Record, last: Record) -> Iterator[tuple[str, Any, Any]]:
    """Compare attribute by attribute, also inside own attributes and unmapped columns."""
    for name in (name for name in COLUMNS if name in first):
        old, new = first[name], last[name]
        if name in ("attributes", "extras"):
            yield from _changes_inside(load_object(old), load_object(new))
        elif old != new:
            yield name, old, new


def _changes_inside(old: Record, new: Record) -> Iterator[tuple[str, Any, Any]]:
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)
