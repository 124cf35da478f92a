"""Writing: what becomes of the sites of a layer, with the history of each, inside one transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import pandas as pd
import sqlalchemy as sa

from ..errors import InputError, Problem
from .frames import patches, to_json
from .model import Change, Revision
from .records import (
    COLUMNS,
    Record,
    add_hashes,
    check_records,
    difference,
    dump,
    from_row,
    merge,
    record_hash,
    sum_stated,
    tidy,
)
from .tables import Store

Thing = TypeVar("Thing")

_CHUNK = 5_000
"""Ids in one question: SQLite takes 32 766 values, PostgreSQL 65 535."""

_QUARANTINE = ("file", "sheet", "row", "cells", "codes", "problems")


class Edit(NamedTuple):
    """One site before and after; None where it is not there."""

    old: Record | None
    new: Record | None


@dataclass(frozen=True)
class Facts:
    """Who changes what for which reason, as the revision records it."""

    who: str
    action: str = "import"
    why: str = ""
    file: str = ""
    file_hash: str = ""
    verdict: Any = None
    """The verdict on the coordinates: a dataclass or what JSON can hold."""
    mapping: Any = None
    quarantine: pd.DataFrame | None = None
    """``file``, ``sheet``, ``row``, ``cells``, ``codes``, ``problems`` of the rows that did not come in."""
    counts: Mapping[str, int] = field(default_factory=dict)
    undoes: int | None = None


def edits_of(store: Store, connection: sa.Connection, kind: str, change: Change) -> Iterator[list[Edit]]:
    """Find what a change does to each site, in chunks; the sites are read as they are asked for.

    Where real sites come in, the synthetic ones of the layer go. Raises ``InputError`` for ids that are
    given twice, or that are to be deleted and do not exist.
    """
    upserts = change.upserts
    ids = set() if upserts.empty else _unique_ids(upserts, change.delete)
    real = False
    for chunk in patches(upserts, kind):
        old = stored(store, connection, kind, [patch["id"] for patch in chunk])
        edits = [Edit(old.get(patch["id"]), merge(old.get(patch["id"], {}), patch)) for patch in chunk]
        real = real or any("example" not in (edit.new or {}) for edit in edits)
        yield edits
    for some in chunks(change.delete):
        yield _removals(store, connection, kind, some, must_exist=True)
    if real:
        sites = store.tables.sites.c
        query = sa.select(sites.id).where(sites.kind == kind, sites.example.is_(True))
        examples = [id_ for id_ in connection.scalars(query) if id_ not in ids]
        for some in chunks(examples):
            yield _removals(store, connection, kind, some, must_exist=False)


def write_revision(
    store: Store, connection: sa.Connection, edits: Mapping[str, Iterable[Sequence[Edit]]], facts: Facts
) -> Revision:
    """Write the edits of each layer as one revision; nothing is recorded where nothing changed."""
    number = newest(store, connection) + 1
    before = state(store, connection)
    counts = Counter({"added": 0, "changed": 0, "unchanged": 0, "deleted": 0, "examples_removed": 0})
    for kind, chunked in edits.items():
        tally: Counter[str] = Counter()
        for chunk in chunked:
            tally.update(_write(store, connection, kind, number, chunk))
        _settle(store, connection, kind, number, tally)
        counts.update({name: tally[name] for name in counts})
    counts["quarantined"] = _keep(store, connection, ",".join(edits), number, facts.quarantine)
    after = state(store, connection)
    recorded = before != after or counts["quarantined"] > 0
    revision = Revision(
        number=number if recorded else 0,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        who=tidy(facts.who),
        why=tidy(facts.why),
        action=facts.action,
        kind=next(iter(edits)) if len(edits) == 1 else "",
        file=tidy(facts.file),
        file_hash=facts.file_hash,
        counts={**counts, **facts.counts},
        verdict=_as_json(facts.verdict),
        mapping=_as_json(facts.mapping),
        undoes=facts.undoes,
        before=before,
        after=after,
    )
    if recorded:
        texts = {name: to_json(getattr(revision, name)) for name in ("counts", "verdict", "mapping")}
        connection.execute(store.tables.revisions.insert(), {**vars(revision), **texts})
    return revision


def stored(store: Store, connection: sa.Connection, kind: str, ids: Iterable[str]) -> dict[str, Record]:
    """Read those of the sites that exist."""
    sites = store.tables.sites.c
    found: dict[str, Record] = {}
    for some in chunks(ids):
        query = sa.select(*(sites[name] for name in COLUMNS)).where(sites.kind == kind, sites.id.in_(some))
        found.update((row.id, from_row(row)) for row in connection.execute(query))
    check_records(found.values(), f"{store.where} {kind}")
    return found


def state(store: Store, connection: sa.Connection, kind: str | None = None) -> str:
    """Hash of all sites, or of one layer's; it depends on the content only."""
    layers = store.tables.layers.c
    query = sa.select(layers.hash)
    query = query if kind is None else query.where(layers.kind == kind)
    return sum_stated(connection.scalars(query), store.where)


def chunks(things: Iterable[Thing], size: int = _CHUNK) -> Iterator[list[Thing]]:
    """Cut into lists of at most ``size``."""
    rest = iter(things)
    while some := list(islice(rest, size)):
        yield some


def _unique_ids(upserts: pd.DataFrame, delete: Iterable[str]) -> set[str]:
    if "id" not in upserts.columns:
        raise InputError(Problem("图层", "表里没有编号这一列"))
    ids = upserts["id"].astype(object)
    twice = [*ids[ids.duplicated()].unique(), *sorted(set(ids) & set(delete))]
    empty = ids.isna() | (ids == "")
    if empty.any():
        raise InputError(Problem("图层", f"{int(empty.sum())} 行没有编号"))
    if twice:
        raise InputError([Problem("图层", "编号重复", str(each)[:40]) for each in twice[:20]])
    return set(ids)


def _removals(
    store: Store, connection: sa.Connection, kind: str, ids: list[str], *, must_exist: bool
) -> list[Edit]:
    found = stored(store, connection, kind, ids)
    missing = [id_ for id_ in ids if id_ not in found]
    if missing and must_exist:
        raise InputError([Problem("图层", "没有这个编号, 不能删除", str(id_)[:40]) for id_ in missing[:20]])
    return [Edit(record, None) for record in found.values()]


def _write(
    store: Store, connection: sa.Connection, kind: str, number: int, edits: Sequence[Edit]
) -> dict[str, int]:
    """Write a chunk of edits and their history; count them and sum up how the hash changes."""
    real = [edit for edit in edits if edit.old != edit.new]
    new = [edit.new for edit in real if edit.new is not None]
    old = [edit.old for edit in real if edit.old is not None]
    check_records(new, "图层", InputError)
    sites = store.tables.sites
    for some in chunks(record["id"] for record in old):
        connection.execute(sites.delete().where(sites.c.kind == kind, sites.c.id.in_(some)))
    if new:
        store.insert_sites(connection, [_row(kind, number, record) for record in new])
    if real:
        store.insert_history(connection, [_history(kind, number, edit) for edit in real])
    gone = [edit.old for edit in real if edit.old is not None and edit.new is None]
    synthetic = sum("example" in record for record in gone)
    return {
        "added": len(real) - len(old),
        "changed": len(old) - len(gone),
        "unchanged": len(edits) - len(real),
        "deleted": len(gone) - synthetic,
        "examples_removed": synthetic,
        "examples": sum("example" in record for record in new) - sum("example" in record for record in old),
        "hash": sum(record_hash(kind, record) for record in new) - sum(record_hash(kind, r) for r in old),
    }


def _row(kind: str, number: int, record: Record) -> dict[str, Any]:
    """Give every column of a site's row a value."""
    row = {**dict.fromkeys(COLUMNS), "example": False, **record, "kind": kind, "revision": number}
    return row if row["year"] is None else {**row, "year": int(row["year"])}


def _history(kind: str, number: int, edit: Edit) -> dict[str, Any]:
    """Keep what is needed to go back and forth: whole sites that come or go, else the columns that differ."""
    before, after = edit.old, edit.new
    site = after or before or {}
    if before is not None and after is not None:
        before, after = difference(before, after)
    return {
        "revision": number,
        "kind": kind,
        "id": site["id"],
        "name": site["name"],
        "before": None if before is None else dump(before),
        "after": None if after is None else dump(after),
    }


def _settle(store: Store, connection: sa.Connection, kind: str, number: int, tally: Counter[str]) -> None:
    """Bring the list of layers up to date."""
    if not any(tally[name] for name in ("added", "changed", "deleted", "examples_removed")):
        return
    layers = store.tables.layers
    row = connection.execute(sa.select(layers).where(layers.c.kind == kind)).first()
    store.show(connection, kind)
    if row is None:
        connection.execute(
            layers.insert(), {"kind": kind, "sites": 0, "examples": 0, "hash": "0", "revision": 0}
        )
    gone = tally["deleted"] + tally["examples_removed"]
    values = {
        "sites": (row.sites if row else 0) + tally["added"] - gone,
        "examples": (row.examples if row else 0) + tally["examples"],
        "hash": add_hashes(sum_stated([row.hash], store.where) if row else 0, tally["hash"]),
        "revision": number,
    }
    connection.execute(layers.update().where(layers.c.kind == kind).values(values))


def _keep(store: Store, connection: sa.Connection, kind: str, number: int, rows: pd.DataFrame | None) -> int:
    """Keep the rows of a file that did not come in; return how many."""
    if rows is None or rows.empty:
        return 0
    table = rows.reindex(columns=list(_QUARANTINE)).astype(object).to_dict("records")
    for some in chunks(table):
        kept = [{"revision": number, "kind": kind, **_kept(row)} for row in some]
        connection.execute(store.tables.quarantine.insert(), kept)
    return len(table)


def _kept(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Turn a row of the quarantine into what both stores can hold."""
    number, cells, codes = row["row"], row["cells"], row["codes"]
    return {
        **{name: _words(row[name]) for name in ("file", "sheet", "problems")},
        "row": None if pd.isna(number) else int(number),
        "cells": to_json(cells if isinstance(cells, Mapping) else {}),
        "codes": to_json(codes if isinstance(codes, list | tuple | set) else []),
    }


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(_words(each) for each in value)
    return tidy(value) if isinstance(value, str) else ""


def _as_json(value: Any) -> Any:
    return json.loads(to_json(value))


def newest(store: Store, connection: sa.Connection) -> int:
    """Number of the newest revision, 0 where there is none."""
    return connection.scalar(sa.select(sa.func.max(store.tables.revisions.c.number))) or 0
