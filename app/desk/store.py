"""desk.sqlite of a workspace: marks, questions and answers, dispatches, tokens, audit. Only this opens it.

Write-ahead logging lets desks read while one writes; each transaction is short and takes the write lock at
its beginning, so that two writers take turns instead of failing halfway. All values are parameters.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ...geodata.errors import Problem, UnavailableError, WorkspaceError
from ...geodata.registry.reading import connect

FILE = "desk.sqlite"
"""Name of the file in the workspace."""

FORMAT = 1
_WAIT_S = 5.0
_MEND = "请把它移到别处保存, 值班台会新建一个; 令牌和标记须重新设置, 备份见说明"
_TABLES = {
    "marks": """kind TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL,
        who TEXT NOT NULL, at TEXT NOT NULL, until TEXT NOT NULL, PRIMARY KEY (kind, id)""",
    "counters": "name TEXT PRIMARY KEY, value INTEGER NOT NULL",
    "tokens": """id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
        made TEXT NOT NULL, made_by TEXT NOT NULL, until TEXT NOT NULL, used TEXT NOT NULL,
        revoked TEXT NOT NULL""",
    "audit": """number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, who TEXT NOT NULL,
        role TEXT NOT NULL, client TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
        outcome TEXT NOT NULL, detail TEXT NOT NULL""",
    "questions": """number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, client TEXT NOT NULL,
        version TEXT NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL""",
    "dispatches": """number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, who TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE, version TEXT NOT NULL, record TEXT NOT NULL""",
}


class Store:
    """The file of one workspace; every transaction has a connection of its own."""

    def __init__(self, root: Path) -> None:
        self.path = root / FILE

    @property
    def exists(self) -> bool:
        """Tell whether anything was ever stored."""
        return os.path.lexists(self.path)

    def make(self) -> None:
        """Make the file where there is none; raises ``WorkspaceError`` where it cannot be used."""
        with self.writing():
            pass

    def connection(self, *, create: bool = False) -> sqlite3.Connection:
        """Open the file; the caller closes it. Raises ``sqlite3.Error`` or ``OSError``."""
        if create and not self.exists:  # hashes, names and addresses are not for everybody on the machine
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o660))
        base = connect(self.path, wait_s=_WAIT_S, create=create)
        base.row_factory = sqlite3.Row
        return base

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that reads one moment.

        Raises
        ------
        WorkspaceError
            There is no such file, it is damaged, or of a newer boai.
        """
        with self._told(), closing(self.connection()) as base:
            _prepare(base)  # whoever began the file may have been killed before it was whole
            base.execute("PRAGMA query_only = ON")
            base.execute("BEGIN")
            _check_format(base, self.path)
            yield base
            base.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in a transaction that is kept as a whole, or not at all where anything fails.

        Raises
        ------
        WorkspaceError
            The file is damaged or of a newer boai.
        UnavailableError
            The disk is full, the file may not be written, or another program holds it too long.
        """
        with self._told(), closing(self.connection(create=True)) as base:
            _prepare(base)
            base.execute("PRAGMA synchronous = FULL")
            base.execute("BEGIN IMMEDIATE")
            try:
                _check_format(base, self.path)
                yield base
                base.execute("COMMIT")
            except BaseException:
                if base.in_transaction:
                    base.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError, OSError) as error:
            raise explain(error, self.path) from None


def explain(error: Exception, path: Path) -> WorkspaceError:
    """Say in a sentence why the file cannot be used."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    told = {
        sqlite3.SQLITE_BUSY: ("另一个程序正占用值班台记录, 没有等到", "请稍后再试"),
        sqlite3.SQLITE_LOCKED: ("另一个程序正占用值班台记录, 没有等到", "请稍后再试"),
        sqlite3.SQLITE_FULL: ("磁盘空间不足, 值班台记录没有写入", "请清理磁盘后再试"),
        sqlite3.SQLITE_READONLY: ("值班台记录没有写权限", "请检查文件和文件夹的权限"),
        sqlite3.SQLITE_IOERR: ("读写值班台记录时磁盘出错, 没有写入", "请检查磁盘空间和配额后再试"),
        sqlite3.SQLITE_CANTOPEN: ("打不开值班台记录", "请检查文件和文件夹的权限"),
    }
    if code in told:
        what, fix = told[code]
        return UnavailableError(Problem(path.name, what, fix=fix))
    return WorkspaceError(Problem(path.name, "值班台记录已损坏, 无法读取", fix=_MEND))


def _prepare(base: sqlite3.Connection) -> None:
    """Make the tables of a new file; of several that begin it at once the first does."""
    if base.execute("PRAGMA user_version").fetchone()[0]:
        return
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("BEGIN IMMEDIATE")
    for name, columns in _TABLES.items():
        base.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) STRICT")
    if not base.execute("PRAGMA user_version").fetchone()[0]:
        base.execute(f"PRAGMA user_version = {FORMAT}")
    base.execute("COMMIT")


def _check_format(base: sqlite3.Connection, path: Path) -> None:
    found = base.execute("PRAGMA user_version").fetchone()[0]
    if found > FORMAT:
        what = f"值班台记录由更新的 boai 写成 (格式 {found}, 本版认识 {FORMAT})"
        raise UnavailableError(Problem(path.name, what, fix="请升级 boai"))
    kinds = dict(base.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')"))
    triggers = base.execute("SELECT 1 FROM sqlite_master WHERE type = 'trigger' LIMIT 1").fetchone()
    if triggers or any(kinds.get(name) != "table" for name in _TABLES):
        raise WorkspaceError(Problem(path.name, "值班台记录的结构被改动", fix=_MEND))


def counter(base: sqlite3.Connection, name: str) -> int:
    """Read how often something was changed."""
    row = base.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def count_up(base: sqlite3.Connection, name: str) -> None:
    """Note that something was changed, for those who watch."""
    base.execute(
        "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (name,)
    )
