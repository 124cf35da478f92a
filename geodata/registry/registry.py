"""Registry: the stored layers of an office or of a province, with the history of every change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Any, Self

import pandas as pd
import sqlalchemy as sa

from ..errors import InputError, Problem, WorkspaceError
from .changes import Facts, chunks, edits_of, newest, state, write_revision
from .frames import table_of, titles_of_types
from .history import find_revision, list_differences, list_revisions, undo_edits
from .model import Change, Conflict, LayerInfo, Revision
from .records import (
    COLUMNS,
    MEND,
    Record,
    add_hashes,
    check_code,
    check_layer,
    check_records,
    from_row,
    load_object,
    record_hash,
    sound,
)
from .tables import Box, Store

_PAGE = 20_000


@dataclass(frozen=True)
class Registry:
    """Layers in a GeoPackage or on a PostGIS server; both behave the same.

    Every method is one transaction: it sees one moment, and a change is written whole or not at all. Writers
    wait for each other; who waits too long is told so in a ``WorkspaceError``.
    """

    store: Store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file or the server."""
        self.store.close()

    @property
    def where(self) -> str:
        """Path or address, without user and password."""
        return self.store.where

    def layers(self) -> list[LayerInfo]:
        """List the layers that hold a site, those of the coverage first."""
        layers = self.store.tables.layers
        with self.store.reading() as connection:
            rows = connection.execute(sa.select(layers).where(layers.c.sites > 0)).all()
        titles = titles_of_types()
        found = [LayerInfo(r.kind, titles.get(r.kind, r.kind), r.sites, r.examples, r.revision) for r in rows]
        order = list(titles)
        return sorted(
            found, key=lambda info: (order.index(info.kind) if info.kind in order else 999, info.kind)
        )

    def revision(self, kind: str | None = None) -> int:
        """Number of the newest revision that changed a layer (any layer), 0: none; see ``expect``."""
        layers = self.store.tables.layers.c
        query = sa.select(sa.func.max(layers.revision))
        with self.store.reading() as connection:
            return connection.scalar(query if kind is None else query.where(layers.kind == kind)) or 0

    def sites(
        self,
        kind: str,
        *,
        county: str | None = None,
        bbox: Box | None = None,
        status: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> pd.DataFrame:
        """Read the sites of a layer, ordered by id.

        Parameters
        ----------
        kind
            Code of the resource type.
        county
            Name of a county, or its code of 6 digits.
        bbox
            West, south, east, north in WGS84 degrees, borders included.
        status
            Only sites in that state, such as 已建.
        limit, offset
            At most so many, after leaving out so many.

        Returns
        -------
        DataFrame
            The common attributes (missing text is empty, a missing number NaN), the type's own attributes,
            ``extras`` (dict), ``example`` (bool) and ``revision`` (of the last change).
        """
        conditions = [*self._conditions(check_code(kind), county, bbox)]
        sites = self.store.tables.sites.c
        if status is not None:
            conditions.append(sites.status == status)
        with self.store.reading() as connection:
            return self._table(connection, kind, sa.and_(*conditions), limit, offset)

    def records(self, *kinds: str) -> tuple[dict[str, list[Record]], dict[str, str], str]:
        """Read the sites of some types, ordered by id, as plain records, all at one moment.

        Returns
        -------
        records, stated, state
            The stated hash of every type that has a site, and `state_hash`.

        Raises
        ------
        WorkspaceError
            The sites are not those that the registry states.
        """
        sites, layers = self.store.tables.sites.c, self.store.tables.layers.c
        query = sa.select(*(sites[name] for name in COLUMNS)).order_by(sites.id)
        found: dict[str, list[Record]] = {}
        with self.store.reading() as connection:
            for kind in kinds:
                rows = connection.execute(query.where(sites.kind == check_code(kind)))
                found[kind] = [from_row(row) for row in rows]
                stated = connection.scalar(sa.select(layers.hash).where(layers.kind == kind))
                check_layer(kind, found[kind], stated, f"{self.where} {kind}")
            listed = connection.execute(sa.select(layers.kind, layers.hash).where(layers.sites > 0)).all()
            return found, {row.kind: row.hash for row in listed}, state(self.store, connection)

    def _conditions(self, kind: str, county: str | None, bbox: Box | None) -> list[sa.ColumnElement[bool]]:
        sites = self.store.tables.sites.c
        conditions = [sites.kind == kind]
        if county is not None:
            conditions.append((sites.county_code if county.isdecimal() else sites.county) == county)
        if bbox is not None:
            west, south, east, north = bbox
            conditions += [sites.lon.between(west, east), sites.lat.between(south, north)]
            conditions += self.store.in_box(bbox)
        return conditions

    def _table(
        self,
        connection: sa.Connection,
        kind: str,
        condition: sa.ColumnElement[bool],
        limit: int | None = None,
        offset: int = 0,
    ) -> pd.DataFrame:
        sites = self.store.tables.sites.c
        query = sa.select(*(sites[name] for name in COLUMNS), sites.revision).where(condition)
        records, revisions = [], []
        for row in connection.execute(query.order_by(sites.id).limit(limit).offset(offset or None)):
            records.append(from_row(row[:-1]))
            revisions.append(row[-1])
        with sound(f"{self.where} {kind}"):
            return table_of(records, revisions, kind)

    def apply(
        self,
        kind: str,
        upserts: pd.DataFrame,
        *,
        delete: Sequence[str] = (),
        expect: int | None = None,
        **facts: Any,
    ) -> Revision:
        """Add, change and remove sites of a layer.

        Parameters
        ----------
        kind
            Code of the resource type.
        upserts
            One row per id; see ``Change.upserts``.
        delete
            Ids of sites to remove.
        expect
            ``revision(kind)`` when the caller read the sites.
        **facts
            ``who`` and, where they apply, ``action``, ``why``, ``file``, ``file_hash``, ``verdict``,
            ``mapping``, ``quarantine``, ``counts``; see ``changes.Facts``.

        Returns
        -------
        Revision
            Its number is 0 where nothing changed: then nothing is recorded either.

        Raises
        ------
        Conflict
            The layer has changed since ``expect``; nothing was written.
        InputError
            Impossible values, ids given twice, or ids to delete that do not exist.
        """
        with self.store.writing() as connection:
            self._expect(connection, check_code(kind), expect)
            return self._write(connection, kind, Change(upserts, delete), Facts(**facts))

    def update(self, kind: str, prepare: Callable[[pd.DataFrame], Change], **facts: Any) -> Revision:
        """Change a layer by a function of its present sites, while nobody else can write; see ``apply``."""
        with self.store.writing() as connection:
            sites = self.store.tables.sites.c
            present = self._table(connection, check_code(kind), sites.kind == kind)
            return self._write(connection, kind, prepare(present), Facts(**facts))

    def _expect(self, connection: sa.Connection, kind: str, expect: int | None) -> None:
        layers = self.store.tables.layers.c
        found = connection.scalar(sa.select(layers.revision).where(layers.kind == kind)) or 0
        if expect is not None and found != expect:
            what = f"第 {found} 次改动在您读取之后改了这个图层 (读取时是第 {expect} 次)"
            raise Conflict(Problem(f"{self.where} {kind}", what, fix="请重新读取后再改"))

    def _write(self, connection: sa.Connection, kind: str, change: Change, facts: Facts) -> Revision:
        counted = Facts(**{**vars(facts), "counts": {**facts.counts, **change.facts}})
        edits = edits_of(self.store, connection, kind, change)
        return write_revision(self.store, connection, {kind: edits}, counted)

    def create(self, tables: dict[str, pd.DataFrame], **facts: Any) -> Revision:
        """Fill several layers in one revision."""
        with self.store.writing() as connection:
            edits = {
                kind: edits_of(self.store, connection, check_code(kind), Change(table))
                for kind, table in tables.items()
            }
            return write_revision(self.store, connection, edits, Facts(**facts))

    def undo(self, number: int | None = None, *, who: str, why: str = "") -> Revision:
        """Take a revision back, by default the newest one; an undo can be undone.

        Only what the revision changed goes back: later changes to other sites, or to other attributes of the
        same sites, stay. Synthetic sites that an import removed do not come back beside real ones.

        Raises
        ------
        Conflict
            Later revisions changed the same; they are named, nothing was written.
        InputError
            There is no such revision, or the newest one made the workspace and ``number`` does not name it.
        """
        with self.store.writing() as connection, sound(self.where):
            target = find_revision(self.store, connection, number)
            if number is None and target.action == "create":
                what = "最近一次改动是新建工作区时的示例图层, 撤销它会移出全部示例数据"
                fix = f"确实要移出时请写明序号 {target.number}"
                raise InputError(Problem("改动记录", what, fix=fix))
            edits = undo_edits(self.store, connection, target.number)
            why = why or f"撤销第 {target.number} 次改动"
            return write_revision(
                self.store, connection, edits, Facts(who, "undo", why, undoes=target.number)
            )

    def history(self, kind: str | None = None, limit: int | None = None) -> list[Revision]:
        """List the revisions, the newest first."""
        with self.store.reading() as connection, sound(self.where):
            return list_revisions(self.store, connection, kind, limit)

    def diff(self, before: int, after: int | None = None, kind: str | None = None) -> pd.DataFrame:
        """List what differs between the states after two revisions; 0 is the empty registry.

        See ``history.list_differences`` for the columns. ``after`` is the newest revision if it is not given.
        """
        with self.store.reading() as connection, sound(self.where):
            last = newest(self.store, connection) if after is None else after
            for number in {before, last} - {0}:
                find_revision(self.store, connection, number)
            if before > last:
                raise InputError(Problem("改动记录", "前一个编号应小于后一个", f"{before}, {last}"))
            return list_differences(self.store, connection, before, last, kind)

    def quarantine(self, kind: str | None = None, revision: int | None = None) -> pd.DataFrame:
        """List the rows of imported files that did not come in, with their cells and problems."""
        rows = self.store.tables.quarantine
        query = sa.select(*(column for column in rows.c if column.name != "number")).order_by(rows.c.number)
        query = query if kind is None else query.where(rows.c.kind == kind)
        query = query if revision is None else query.where(rows.c.revision == revision)
        with self.store.reading() as connection:
            found = [dict(row) for row in connection.execute(query).mappings()]
        for row in found:
            with sound(self.where):
                row["cells"], row["codes"] = load_object(row["cells"]), list(json.loads(row["codes"]))
                row["kind"] = str(row["kind"])
        return pd.DataFrame(found, columns=[column.key for column in query.selected_columns], dtype=object)

    def state_hash(self, kind: str | None = None) -> str:
        """Hash of all sites, or of one layer's: it depends on their content only, not on how they came."""
        with self.store.reading() as connection:
            return state(self.store, connection, kind)

    def verify(self) -> None:
        """Hold every site against the stored hashes and counts; raises ``WorkspaceError``."""
        with self.store.reading() as connection, sound(self.where):
            counted = self._count(connection)
            self.store.check(connection)
            layers = self.store.tables.layers
            stated = {
                row.kind: (row.sites, row.examples, row.hash)
                for row in connection.execute(sa.select(layers).where(layers.c.sites > 0))
            }
            revisions = list_revisions(self.store, connection)
            total = state(self.store, connection)
        wrong = sorted({kind for kind, _ in counted.items() ^ stated.items()})
        chain = [add_hashes(), *(revision.after for revision in reversed(revisions))]
        befores = [*(revision.before for revision in reversed(revisions)), total]
        if wrong or chain != befores:
            got = "、".join(wrong) or "改动记录"
            raise WorkspaceError(Problem(self.where, "图层内容与登记不符", got, MEND))

    def _count(self, connection: sa.Connection) -> dict[str, tuple[int, int, str]]:
        """Count and hash the sites of each layer as they are."""
        sites = self.store.tables.sites.c
        query = sa.select(sites.kind, *(sites[name] for name in COLUMNS)).order_by(sites.kind)
        found: dict[str, tuple[int, int, str]] = {}
        with connection.execute(query, execution_options={"yield_per": _PAGE}) as rows:
            for kind, group in groupby(rows, key=itemgetter(0)):
                records = (from_row(row[1:]) for row in group)
                found[check_code(kind)] = _summary(kind, records, self.where)
        return found


def _summary(kind: str, records: Iterable[Record], where: str) -> tuple[int, int, str]:
    """Count sites and synthetic ones, and sum up their hashes; raises ``WorkspaceError`` for odd values."""
    count, examples, total = 0, 0, 0
    for some in chunks(records):
        check_records(some, f"{where} {kind}")
        count += len(some)
        examples += sum("example" in record for record in some)
        total += sum(record_hash(kind, record) for record in some)
    return count, examples, add_hashes(total)
