"""Reading stored layers of a GeoPackage with the standard library: the emergency desk starts in no time."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from ..errors import InputError, Problem, UnavailableError, WorkspaceError
from ..layers import COLUMNS, KIND_NAMES, NUMBERS, Kind, Layer
from ..store import REBUILD
from .records import COLUMNS as STORED
from .records import (
    FORMAT,
    IN_SERVICE,
    MEND,
    Record,
    add_hashes,
    check_code,
    check_layer,
    from_row,
    load_object,
    sum_stated,
)

_TABLES = ("boai_sites", "boai_layers", "boai_revisions", "boai_history", "boai_quarantine", "boai_format")
_TYPES = {
    "boai_layers": {"kind": "text", "sites": "integer", "examples": "integer", "hash": "text",
                    "revision": "integer"},
    "boai_revisions": {"time": "text", "who": "text", "why": "text", "action": "text", "kind": "text",
                       "file": "text", "before": "text", "after": "text"},
}  # fmt: skip
"""SQLite keeps in a column whatever type it is given; the small tables are checked when a file is opened."""

_WAIT_S = 10.0

APPROXIMATE = "近似"
"""Position of a site that stands at the point of its township or county."""


def check_kind(text: str) -> Kind:
    """Return the resource type of that code or Chinese name; raises ``InputError`` naming those that exist.

    Examples
    --------
    >>> check_kind("备灾仓库")
    'warehouse'
    """
    for kind, name in KIND_NAMES.items():
        if text.strip().lower() in (kind, name.lower()):
            return kind
    known = "、".join(f"{kind}({name})" for kind, name in KIND_NAMES.items())
    raise InputError(Problem("图层", f"没有这个图层, 可用的有 {known}", text[:40], "请改用其中之一"))


def read_sites(
    target: Path | str, kind: str, *, in_service: bool = True, more: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Read one layer's rows, ordered by id; of a file without any GIS library.

    Each row has ``layers.COLUMNS`` and ``example``. With ``in_service`` only the sites that can help now:
    status 已建 or empty, and a known position.

    Parameters
    ----------
    target
        Path of a registry's file, or the address of a server.
    more
        Further attributes for each row, common ones or the type's own, such as ``address``: as they are
        stored, empty text where there is none.

    Raises
    ------
    WorkspaceError
        The file is missing, damaged, or was changed by another program; the server does not answer.
    """
    records = read_records(target, check_code(kind))
    return [_site(record, more) for record in records if not in_service or not _hindrance(record)]


def load_layers(target: Path | str, *, exact: Collection[str] = ()) -> dict[Kind, Layer]:
    """Read the layers that coverage is computed for; the sites that do not count are only counted.

    Left out are sites that are not in service, and those of the kinds in ``exact`` whose position is only
    approximate. Raises ``WorkspaceError`` as `read_sites` does.
    """
    return load_with_hash(target, exact=exact)[0]


def load_with_hash(target: Path | str, *, exact: Collection[str] = ()) -> tuple[dict[Kind, Layer], str]:
    """Read as `load_layers` does, and `stored_hash` of the same moment: nobody can write in between."""
    layers, _, total = load_all(target, exact=exact)
    return layers, total


def load_all(
    target: Path | str, *, exact: Collection[str] = ()
) -> tuple[dict[Kind, Layer], dict[str, str], str]:
    """Read as `load_with_hash`, and the stated hash of each other type that has a site (`others.Others`).

    Returns
    -------
    layers, others, total
    """
    import pandas as pd  # noqa: PLC0415 (slow, and the emergency desk does without)

    stored, others, total = _read_all(target)
    layers: dict[Kind, Layer] = {}
    for kind, records in stored.items():
        reasons = [_hindrance(record, exact=kind in exact) for record in records]
        rows = [_site(record) for record, reason in zip(records, reasons, strict=True) if not reason]
        table = pd.DataFrame([[row[name] for name in COLUMNS] for row in rows], columns=list(COLUMNS))
        types = {name: "float64" if name in NUMBERS else "str" for name in COLUMNS}
        left_out = dict(sorted(Counter(reason for reason in reasons if reason).items()))
        example = any(row["example"] for row in rows)
        layers[kind] = Layer(kind, table.astype(types), example=example, left_out=left_out)
    return layers, others, total


def is_address(target: Path | str) -> bool:
    """Tell an address of a server from the path of a file."""
    return isinstance(target, str) and "://" in target


def read_records(target: Path | str, kind: str) -> list[Record]:
    """Read all sites of a type from a file or a server, ordered by id; raises ``WorkspaceError``."""
    if not is_address(target):
        with _opened(Path(target)) as base:
            return _read_records(base, Path(target), kind)
    from .opening import open_registry  # noqa: PLC0415 (SQLAlchemy is slow to import)

    with open_registry(target) as registry:
        return registry.records(kind)[0][kind]


def _read_all(target: Path | str) -> tuple[dict[Kind, list[Record]], dict[str, str], str]:
    """Read the sites of all layers, the stated hashes of the other types, and that of all, at one moment."""
    if is_address(target):
        from .opening import open_registry  # noqa: PLC0415 (SQLAlchemy is slow to import)

        with open_registry(target) as registry:
            found, stated, total = registry.records(*KIND_NAMES)
            return {kind: found[kind] for kind in KIND_NAMES}, _others(stated), total
    path = Path(target)
    with _opened(path) as base:
        stated = dict(base.execute("SELECT t.kind, t.hash FROM boai_layers t WHERE t.sites > 0"))
        layers: dict[Kind, list[Record]] = {kind: _read_records(base, path, kind) for kind in KIND_NAMES}
        return layers, _others(stated), _total(base, path)


def _others(stated: dict[str, str]) -> dict[str, str]:
    return {kind: text for kind, text in stated.items() if kind not in KIND_NAMES}


def layer_hash(layer: Layer) -> str:
    """SHA-256 of a layer's kind, label and rows."""
    text = layer.table[list(COLUMNS)].to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(f"{layer.kind} {layer.example}\n{text}".encode()).hexdigest()


def stored_hash(target: Path | str) -> str:
    """Return the hash of all sites that a file or server states; raises ``WorkspaceError``."""
    if is_address(target):
        from .opening import open_registry  # noqa: PLC0415 (SQLAlchemy is slow to import)

        with open_registry(target) as registry:
            return registry.state_hash()
    with _opened(Path(target)) as base:
        return _total(base, Path(target))


def _total(base: sqlite3.Connection, path: Path) -> str:
    """Sum up the stated hashes, and hold them against the newest revision."""
    hashes = [text for (text,) in base.execute("SELECT t.hash FROM boai_layers t")]
    newest = base.execute("SELECT after FROM boai_revisions ORDER BY number DESC LIMIT 1").fetchone()
    total = sum_stated(hashes, str(path))
    if total != (newest[0] if newest else add_hashes()):
        raise WorkspaceError(Problem(str(path), "图层内容与登记不符", fix=MEND))
    return total


def read_stock(text: str | None) -> dict[str, int]:
    """Read the stock of a site: items and their number; what is no such list is left out.

    Examples
    --------
    >>> read_stock('{"棉被": 1200, "帐篷": 30}'), read_stock("")
    ({'棉被': 1200, '帐篷': 30}, {})
    """
    try:
        stock = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    items = stock.items() if isinstance(stock, dict) else ()
    return {
        str(item): count for item, count in items if isinstance(count, int) and not isinstance(count, bool)
    }


def _hindrance(record: Record, *, exact: bool = False) -> str:
    """Say why a site does not count, in one word; empty where it counts."""
    status = str(record.get("status", ""))
    if status not in IN_SERVICE:
        return status
    if "lon" not in record:
        return "没有坐标"
    return APPROXIMATE if exact and record.get("position") == APPROXIMATE else ""


def _site(record: Record, more: Collection[str] = ()) -> dict[str, Any]:
    """Give every column of a layer: missing text is empty, a missing number None; and what is asked for."""
    own = load_object(record.get("attributes"))
    values = {name: record.get(name) if name in STORED else own.get(name) for name in (*COLUMNS, *more)}
    site = {name: _number(value) if name in NUMBERS else str(value or "") for name, value in values.items()}
    return {**site, **{name: values[name] or "" for name in more}, "example": "example" in record}


def _number(value: Any) -> float | None:
    """Take a number; own attributes of a type that has no such number may hold anything."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _read_records(base: sqlite3.Connection, path: Path, kind: str) -> list[Record]:
    """Read all sites of a layer and hold them against the stored hash."""
    columns = ", ".join(f't."{name}"' for name in STORED)  # qualified, or SQLite takes unknown names as texts
    where = f"{path} {KIND_NAMES.get(kind, kind)}"  # type: ignore[call-overload]
    query = f"SELECT {columns} FROM boai_sites t WHERE t.kind = ? ORDER BY t.id"  # noqa: S608 (own names)
    records = [from_row(row) for row in base.execute(query, (kind,))]
    stated = base.execute("SELECT t.hash FROM boai_layers t WHERE t.kind = ?", (kind,)).fetchone()
    check_layer(kind, records, stated[0] if stated else None, where)
    return records


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a registry for reading at one moment, never writing to it; damage is a ``WorkspaceError``."""
    if not path.is_file():
        raise WorkspaceError(Problem(str(path), "图层文件不存在", fix=REBUILD))
    try:
        with closing(connect(path, wait_s=_WAIT_S)) as base:
            base.execute("PRAGMA query_only = ON")
            base.execute("BEGIN")
            check_file(base, path)
            yield base
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise explain(error, path) from None


def connect(path: Path, *, wait_s: float, create: bool = False) -> sqlite3.Connection:
    """Open a SQLite file; it need not be writable, but where it is, what a killed writer left is rolled back.

    Transactions are begun by hand; triggers and views of the file may call no risky functions.
    """
    base = sqlite3.connect(
        f"{file_uri(path.resolve())}?mode={'rwc' if create else 'rw'}",
        uri=True,
        timeout=wait_s,
        isolation_level=None,
        check_same_thread=False,
    )
    base.execute("PRAGMA trusted_schema = OFF")
    return base


def file_uri(path: PurePath) -> str:
    """Write an absolute path as SQLite's URI, also on a network share of Windows.

    Examples
    --------
    >>> from pathlib import PurePosixPath, PureWindowsPath
    >>> file_uri(PurePosixPath("/a b/c#1.gpkg")), file_uri(PureWindowsPath("C:/x.gpkg"))
    ('file:///a%20b/c%231.gpkg', 'file:///C:/x.gpkg')
    >>> file_uri(PureWindowsPath("//server/share/x.gpkg"))
    'file:////server/share/x.gpkg'
    """
    text = path.as_posix()
    return f"file://{'' if text.startswith('/') else '/'}{quote(os.fsencode(text), safe='/:')}"


def check_file(base: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is no registry, or whose tables are more than plain tables.

    Raises
    ------
    WorkspaceError
        Not a registry, of a newer format, or with triggers, views or virtual tables in place of ours.
    """
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master"
    objects = [(kind, name, table, str(sql)) for kind, name, table, sql in base.execute(query)]
    names = {name for kind, name, _, sql in objects if kind == "table" and sql.startswith("CREATE TABLE")}
    if "boai_format" not in names:
        old = "boai_layers" in names
        what = "这是旧版 boai 的图层文件" if old else "这不是 boai 的图层文件"
        raise WorkspaceError(Problem(str(path), what, fix=REBUILD if old else "请检查路径"))
    check_format(base.execute("SELECT format FROM boai_format").fetchall(), str(path))
    strange = [name for kind, name, table, _ in objects if kind == "trigger" and table in _TABLES]
    strange += [name for name in _TABLES if name not in names]
    columns = {row[1] for row in base.execute("PRAGMA table_xinfo(boai_sites)") if not row[6]}
    strange += sorted({"kind", *STORED} - columns)
    if strange:
        raise WorkspaceError(
            Problem(str(path), "图层文件的结构被改动", "、".join(map(str, strange))[:60], MEND)
        )
    for name, types in _TYPES.items():
        wrong = " OR ".join(f"typeof(t.{column}) <> '{type_}'" for column, type_ in types.items())
        query = f"SELECT 1 FROM {name} t WHERE {wrong} LIMIT 1"  # noqa: S608 (own names)
        if base.execute(query).fetchone():
            raise WorkspaceError(Problem(str(path), "图层内容与登记不符", name, MEND))


def check_format(rows: list[Any], where: str) -> None:
    """Refuse a registry that a newer boai has written; raises ``WorkspaceError``."""
    found = rows[0][0] if len(rows) == 1 else None
    if isinstance(found, int) and found > FORMAT:
        what = f"这个图层库由更新的 boai 写成 (格式 {found}, 本版认识 {FORMAT})"
        raise UnavailableError(Problem(where, what, fix="请升级 boai"))
    if found != FORMAT:
        raise WorkspaceError(Problem(where, "图层库的格式号不对", str(found)[:20], MEND))


def explain(error: Exception, path: Path) -> WorkspaceError:
    """Say in a sentence what SQLite complains of."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    text = str(error)[:80]
    fix = "请等它写完再试; 若在 QGIS 等程序里编辑着, 请先保存并关闭"
    told = {
        sqlite3.SQLITE_BUSY: Problem(str(path), "另一个程序正在使用这个图层文件, 没有等到", fix=fix),
        sqlite3.SQLITE_LOCKED: Problem(str(path), "另一个程序正在使用这个图层文件, 没有等到", fix=fix),
        sqlite3.SQLITE_FULL: Problem(str(path), "磁盘空间不足, 没有写入", fix="请清理磁盘后再试"),
        sqlite3.SQLITE_READONLY: Problem(
            str(path), "没有写权限", text, "请换有权限的用户; 只读时若提示没有写完, 让有权限的人打开一次即可"
        ),
        sqlite3.SQLITE_IOERR: Problem(
            str(path), "读写图层文件时磁盘或网络出错, 没有写入", text, "请检查磁盘空间、配额和网络后再试"
        ),
        sqlite3.SQLITE_CANTOPEN: Problem(str(path), "打不开图层文件", text, "请检查文件和文件夹的权限"),
    }
    if code & 0xFF in told:
        return UnavailableError(told[code & 0xFF])
    return WorkspaceError(Problem(str(path), "图层文件已损坏", text, MEND))
