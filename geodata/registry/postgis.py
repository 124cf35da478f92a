"""A registry on a PostGIS server that several offices share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa
from geoalchemy2 import Geometry

from ..errors import InputError, Problem, WorkspaceError
from .opening import ADDRESS
from .reading import check_format
from .records import COLUMNS, FORMAT
from .tables import HISTORY, Box, Row, Tables, define

_CONNECT_S = 10
_MANY = 1_000
_LOCKED = ("55P03", "57014", "40P01", "40001")
"""SQLSTATE: lock_not_available, query_canceled, deadlock_detected, serialization_failure."""


@dataclass(frozen=True)
class PostGIS:
    """A registry in the tables ``boai_*`` of a database; see ``tables.Store``."""

    where: str
    engine: sa.Engine
    tables: Tables
    wait_s: float

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a transaction that sees one moment."""
        snapshot = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with self._told(), snapshot.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Lock the list of layers against other writers; readers go on."""
        with self._told(), self.engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, int(1000 * self.wait_s))}")
            connection.exec_driver_sql("LOCK TABLE boai_layers IN EXCLUSIVE MODE")
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
            raise _explain(error, self.where) from None

    def insert_sites(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Insert many sites; the database makes the geometry of lon and lat."""
        _copy(connection, "boai_sites", ("kind", "revision", *COLUMNS), rows)
        if len(rows) >= _MANY:
            # Without fresh statistics the next questions for sites by their ids read the whole table.
            connection.exec_driver_sql("ANALYZE boai_sites (kind, id)")

    def insert_history(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Insert many rows of history."""
        _copy(connection, "boai_history", HISTORY, rows)

    def in_box(self, box: Box) -> Sequence[sa.ColumnElement[bool]]:
        """Let the spatial index find the sites."""
        envelope = sa.func.ST_MakeEnvelope(*box, 4326)
        return (self.tables.sites.c.geom.op("&&")(envelope),)

    def show(self, connection: sa.Connection, kind: str) -> None:
        """Do nothing: other programs filter the table of the sites by its column kind."""

    def check(self, connection: sa.Connection) -> None:
        """Check nothing more: the server keeps its pages, and computes the geometry."""

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def open_postgis(target: str, *, create: bool, wait_s: float) -> PostGIS:
    """Connect to a server; with ``create`` make the tables if need be; raises ``WorkspaceError``."""
    where, engine = _engine(target)
    try:
        tables = define(_geometry())
        store = PostGIS(where, engine, tables, wait_s)
        with store._told():
            _check(store, create=create)
    except BaseException:
        engine.dispose()
        raise
    return store


def _engine(target: str) -> tuple[str, sa.Engine]:
    """Read the address; what is shown of it names server and database only, no user and no password."""
    try:
        url = sa.make_url(target).set(drivername="postgresql+psycopg")
        if "@" in f"{url.host}{url.database}":  # the rest of a password that was not escaped
            raise ValueError("@")
        where = f"postgresql://{url.host or ''}{f':{url.port}' if url.port else ''}/{url.database or ''}"
        options: dict[str, Any] = {"connect_timeout": _CONNECT_S, "application_name": "boai"}
        options = {name: value for name, value in options.items() if name not in url.query}
        return where, sa.create_engine(url, connect_args=options, pool_pre_ping=True)
    except (sa.exc.ArgumentError, ValueError):
        raise InputError(Problem("登记库", "看不懂这个地址", fix=ADDRESS)) from None


def _geometry() -> sa.Column[Any]:
    """A column that the database itself keeps equal to lon and lat, with a spatial index."""
    point = sa.Computed("ST_SetSRID(ST_MakePoint(lon, lat), 4326)", persisted=True)
    return sa.Column("geom", Geometry("POINT", srid=4326, spatial_index=True), point)


def _check(store: PostGIS, *, create: bool) -> None:
    """Make the tables if asked to, and refuse a database without them or of a newer format."""
    with store.engine.connect() as connection:
        missing = connection.scalar(sa.select(sa.func.to_regclass("boai_format"))) is None
    if missing and not create:
        fix = "请检查数据库名; 第一次使用时先导入一个文件, 会自动建表"
        raise WorkspaceError(Problem(store.where, "这个数据库里没有 boai 图层库", fix=fix))
    if missing:
        with store.engine.begin() as connection:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('boai registry'))")
            _extend(connection, store.where)
            store.tables.metadata.create_all(connection)
            connection.exec_driver_sql(
                f"INSERT INTO boai_format SELECT {FORMAT} WHERE NOT EXISTS (SELECT 1 FROM boai_format)"  # noqa: S608
            )
    with store.engine.connect() as connection:
        rows = connection.execute(sa.select(store.tables.format.c.format)).all()
    check_format([tuple(row) for row in rows], store.where)


def _extend(connection: sa.Connection, where: str) -> None:
    """Make sure that the database has PostGIS."""
    if connection.exec_driver_sql("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").first():
        return
    try:
        connection.exec_driver_sql("CREATE EXTENSION postgis")
    except sa.exc.DBAPIError as error:
        fix = "请管理员安装 PostGIS, 并在这个数据库里运行 CREATE EXTENSION postgis"
        raise WorkspaceError(Problem(where, "数据库里没有 PostGIS", _first_line(error), fix)) from None


def _copy(connection: sa.Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write rows by COPY, ten times as fast as INSERT."""
    names = ", ".join(f'"{name}"' for name in columns)
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([row.get(name) for name in columns])


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error)
    return text.strip().split("\n", maxsplit=1)[0][:120]


def _explain(error: Exception, where: str) -> WorkspaceError:
    """Say in a sentence what the server complains of; the address and the password are in no text."""
    state = getattr(getattr(error, "orig", error), "sqlstate", None)
    if state in _LOCKED:
        return WorkspaceError(Problem(where, "另一个程序正在写这个图层库, 没有等到", fix="请等它写完再试"))
    if state == "42501":
        return WorkspaceError(Problem(where, "没有权限", _first_line(error), "请管理员授权"))
    if state is None or state.startswith(("08", "28", "3D", "57P")):
        fix = "请检查地址、网络、数据库名、用户名和密码"
        return WorkspaceError(Problem(where, "连不上图层库的服务器", _reason(error), fix))
    return WorkspaceError(Problem(where, "图层库不能用了", _first_line(error), "请管理员检查数据库"))


def _reason(error: Exception) -> str:
    """Say why there is no connection in words that hold no part of the address."""
    text = str(getattr(error, "orig", error)).lower()
    words = {
        "authentication": "用户名或密码不对",
        "does not exist": "没有这个数据库或用户",
        "refused": "服务器没有应答",
        "timeout": "等待超时",
        "resolve": "找不到主机",
        "translate host": "找不到主机",
    }
    return next((said for word, said in words.items() if word in text), type(error).__name__)
