"""The tables of a registry, the same in a GeoPackage and in PostGIS; what the stores do differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from .records import COLUMNS, NUMBERS

_BYTES = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that both stores order alike, whatever the language of the server."""

HISTORY = ("revision", "kind", "id", "name", "before", "after")
"""Columns of the history that are written; its own number is given by the store."""

Row = Mapping[str, Any]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Tables:
    """All tables of one registry."""

    metadata: sa.MetaData
    sites: sa.Table
    """The present state: one row per site."""
    layers: sa.Table
    """Per resource type: how many sites, their hash, the newest revision."""
    revisions: sa.Table
    """Every change: when, who, why, from which file."""
    history: sa.Table
    """What each revision changed: per site the columns before and after."""
    quarantine: sa.Table
    """Rows of imported files that did not come in."""
    format: sa.Table


class Store(Protocol):
    """Where a registry lives. Every connection is one transaction; errors come out as ``WorkspaceError``."""

    @property
    def where(self) -> str:
        """Name for messages, without any password."""

    @property
    def tables(self) -> Tables:
        """Its tables."""

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """Open a transaction that sees one moment."""

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """Open the only transaction that may write; others wait, and then are told."""

    def insert_sites(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Insert many sites (``kind``, ``revision`` and all ``COLUMNS``) fast."""

    def insert_history(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Insert many rows of history fast."""

    def in_box(self, box: Box) -> Sequence[sa.ColumnElement[bool]]:
        """Give further conditions by which an index finds the sites in west, south, east, north."""

    def show(self, connection: sa.Connection, kind: str) -> None:
        """Let other programs see a layer, and that it has changed."""

    def check(self, connection: sa.Connection) -> None:
        """Check what only this store has; raises ``WorkspaceError``."""

    def close(self) -> None:
        """Let go of all connections."""


def define(geometry: sa.Column[Any], *indexes: sa.Index) -> Tables:
    """Define all tables; the geometry column of the sites and its index are the store's own."""
    metadata = sa.MetaData()
    sites = sa.Table(
        "boai_sites",
        metadata,
        sa.Column("fid", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", _BYTES, nullable=False),
        *(_column(name) for name in COLUMNS),
        sa.Column("revision", sa.Integer, nullable=False),
        geometry,
        sa.Index("boai_sites_id", "kind", "id", unique=True),
        sa.Index("boai_sites_county", "kind", "county"),
        sa.Index("boai_sites_county_code", "kind", "county_code"),
        *indexes,
    )
    return Tables(
        metadata, sites, _layers(metadata), _revisions(metadata), _history(metadata), _quarantine(metadata),
        sa.Table("boai_format", metadata, sa.Column("format", sa.Integer, nullable=False)),
    )  # fmt: skip


def _column(name: str) -> sa.Column[Any]:
    """A column of a site: numbers are doubles, the year whole, everything else text."""
    types: dict[str, sa.types.TypeEngine[Any]] = {name: sa.Double() for name in NUMBERS}
    types |= {"id": _BYTES, "year": sa.Integer(), "example": sa.Boolean()}
    return sa.Column(name, types.get(name, sa.Text()), nullable=name not in ("id", "name", "example"))


def _layers(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "boai_layers",
        metadata,
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("sites", sa.Integer, nullable=False),
        sa.Column("examples", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
    )


def _revisions(metadata: sa.MetaData) -> sa.Table:
    texts = ("time", "who", "why", "action", "kind", "file", "file_hash", "counts")
    return sa.Table(
        "boai_revisions",
        metadata,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("verdict", sa.Text),
        sa.Column("mapping", sa.Text),
        sa.Column("undoes", sa.Integer),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
    )


def _history(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "boai_history",
        metadata,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Index("boai_history_revision", "revision"),
        sa.Index("boai_history_site", "kind", "id"),
    )


def _quarantine(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "boai_quarantine",
        metadata,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("revision", sa.Integer, nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sheet", sa.Text, nullable=False),
        sa.Column("row", sa.Integer),
        sa.Column("cells", sa.Text, nullable=False),
        sa.Column("codes", sa.Text, nullable=False),
        sa.Column("problems", sa.Text, nullable=False),
    )
