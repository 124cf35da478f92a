"""A registry in one GeoPackage file: plain SQLite transactions, readable by QGIS and GDAL.

The journal is SQLite's rollback journal with ``synchronous = EXTRA``: after a kill or a loss of power the
file holds the state before or after a change, nothing stays beside it once a change is done, and readers on a
network share need no shared memory (which the write-ahead log does). GeoPackage 1.3: OGC 12-128r17.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ..errors import Problem, WorkspaceError
from .frames import titles_of_types
from .reading import check_file, connect, explain
from .records import COLUMNS, FORMAT, MEND, gpkg_point
from .tables import HISTORY, Box, Row, Tables, define

_CACHE_KIB = 262_144
"""A change of up to that size keeps other programs reading until it is committed (about 200 000 sites)."""

_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]'
)
_GPKG = f"""
CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
INSERT INTO gpkg_spatial_ref_sys VALUES
  ('Undefined cartesian SRS', -1, 'NONE', -1, 'undefined', NULL),
  ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', NULL),
  ('WGS 84', 4326, 'EPSG', 4326, '{_WGS84}', NULL);
CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE VIEW boai_log AS
  SELECT number AS OGC_FID, number, time, who, why, action, kind, file, file_hash, counts FROM boai_revisions;
INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('boai_log', 'attributes', '改动记录');
INSERT INTO boai_format VALUES ({FORMAT});
PRAGMA application_id = {0x47504B47};
PRAGMA user_version = 10300
"""  # noqa: S608 (own text)


class _Point(sa.types.UserDefinedType[bytes]):
    """GeoPackage geometry: a BLOB in a column that is called POINT."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "POINT"


@dataclass(frozen=True)
class GeoPackage:
    """A registry in a file; see ``tables.Store``."""

    path: Path
    engine: sa.Engine
    tables: Tables

    @property
    def where(self) -> str:
        """Name for messages."""
        return str(self.path)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a transaction that sees one moment."""
        with self._told(), self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Take SQLite's write lock first, so that nothing changes between reading and writing."""
        with self._told(), self.engine.connect() as connection:
            _prepare(connection)
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            check_file(_raw(connection), self.path)
            yield connection
            connection.exec_driver_sql("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise explain(error.orig if isinstance(error.orig, Exception) else error, self.path) from None
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise explain(error, self.path) from None

    def insert_sites(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Insert many sites."""
        columns = ("kind", "revision", *COLUMNS)
        pick = itemgetter(*columns)
        values = [(*pick(row), gpkg_point(row)) for row in rows]
        _insert(connection, "boai_sites", (*columns, "geom"), values)

    def insert_history(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Insert many rows of history."""
        _insert(connection, "boai_history", HISTORY, list(map(itemgetter(*HISTORY), rows)))

    def in_box(self, box: Box) -> Sequence[sa.ColumnElement[bool]]:
        """Give none: lon and lat have an ordinary index."""
        del box
        return ()

    def show(self, connection: sa.Connection, kind: str) -> None:
        """Register a view of a layer: QGIS shows it, and cannot change it behind the back of the history."""
        columns = ", ".join(f'"{name}"' for name in (*COLUMNS, "revision"))
        connection.exec_driver_sql(
            f'CREATE VIEW IF NOT EXISTS "{kind}" AS '  # noqa: S608 (own names)
            f"SELECT fid AS OGC_FID, geom, {columns} FROM boai_sites WHERE kind = '{kind}'"
        )
        connection.exec_driver_sql(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
            "VALUES (?, 'features', ?, 4326) ON CONFLICT (table_name) DO UPDATE "
            "SET last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
            (kind, titles_of_types().get(kind, kind)),
        )
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO gpkg_geometry_columns VALUES (?, 'geom', 'POINT', 4326, 0, 0)", (kind,)
        )

    def check(self, connection: sa.Connection) -> None:
        """Check the pages of the file, and that each geometry is where lon and lat say."""
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise WorkspaceError(Problem(self.where, "图层文件已损坏", str(found)[:80], MEND))
        sites = self.tables.sites.c
        for id_, lon, lat, geom in connection.execute(sa.select(sites.id, sites.lon, sites.lat, sites.geom)):
            if geom != gpkg_point({} if lon is None or lat is None else {"lon": lon, "lat": lat}):
                raise WorkspaceError(Problem(f"{self.where} {id_}", "几何与经纬度不符", fix=MEND))

    def close(self) -> None:
        """Let go of the file."""
        self.engine.dispose()


def open_geopackage(path: Path, *, create: bool, wait_s: float) -> GeoPackage:
    """Open a registry file, or make it in one transaction; raises ``WorkspaceError``."""
    if not path.is_file() and not create:
        raise WorkspaceError(Problem(str(path), "图层文件不存在", fix="请检查路径, 或先运行 boai init"))
    if not path.parent.is_dir() or path.is_dir():
        raise WorkspaceError(Problem(str(path), "不能在这里建图层文件", fix="请检查路径"))
    geometry: sa.Column[Any] = sa.Column("geom", _Point())
    tables = define(geometry, sa.Index("boai_sites_place", "kind", "lon", "lat"))
    engine = sa.create_engine(
        "sqlite://", creator=lambda: connect(path, wait_s=wait_s), poolclass=sa.NullPool
    )
    store = GeoPackage(path, engine, tables)
    with store._told():
        if create:
            _make(path, tables, wait_s)
        with closing(connect(path, wait_s=wait_s)) as base:
            check_file(base, path)
    return store


def _make(path: Path, tables: Tables, wait_s: float) -> None:
    """Write the empty tables unless the file has any; a kill leaves an empty file, which is made again."""
    engine = sa.create_engine(
        "sqlite://", creator=lambda: connect(path, wait_s=wait_s, create=True), poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        _prepare(connection)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        if not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar():
            tables.metadata.create_all(connection)
            for statement in _GPKG.split(";\n"):
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql("COMMIT")
    engine.dispose()


def _insert(
    connection: sa.Connection, table: str, columns: Sequence[str], values: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many rows past SQLAlchemy, which takes longer over them than SQLite itself."""
    names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
    _raw(connection).executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608


def _prepare(connection: sa.Connection) -> None:
    """Set up a connection that writes; a file that QGIS has put into WAL mode is put back where it can be."""
    base = _raw(connection)
    base.execute("PRAGMA synchronous = EXTRA")
    base.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    if base.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        (wait_ms,) = base.execute("PRAGMA busy_timeout").fetchone()
        base.execute("PRAGMA busy_timeout = 0")
        with suppress(sqlite3.OperationalError):  # it is open elsewhere; commits are whole in WAL mode, too
            base.execute("PRAGMA journal_mode = DELETE")
        base.execute(f"PRAGMA busy_timeout = {int(wait_ms)}")


def _raw(connection: sa.Connection) -> sqlite3.Connection:
    """Return SQLite's own connection."""
    raw: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    return raw
