"""Audit: every write, who asked for it and what became of it, also where it was refused.

The entry is made before anything is done: what cannot be noted is not done. Its outcome is added afterwards;
an entry without one tells of a server that died in between.
"""

from __future__ import annotations

import getpass
import logging
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from ...geodata.errors import InputError, WorkspaceError
from ...geodata.moments import written
from ..desk.store import Store

_LOG = logging.getLogger(__name__)
_MOST_TEXT = 200
_OUTCOMES = {400: "内容有误", 401: "没有令牌", 403: "权限不够", 404: "没有找到", 409: "冲突", 413: "太大",
             422: "内容有误", 429: "太频繁", 500: "出错", 503: "没有写成"}  # fmt: skip


def plain(text: object) -> str:
    """Take control characters out of a text and shorten it: a name must not forge a line of a log.

    Examples
    --------
    >>> plain("G60\\n2026-01-01 admin")
    'G60 2026-01-01 admin'
    """
    return "".join(char if char.isprintable() else " " for char in str(text)[:_MOST_TEXT])


def open_entry(
    store: Store, *, at: datetime, who: str, role: str, client: str, action: str, target: str, used: str = ""
) -> int:
    """Note that somebody asks for a write; ``used`` is the id of the token. Raises ``WorkspaceError``."""
    row = (written(at), plain(who), role, plain(client), plain(action), plain(target))
    with store.writing() as base:
        if used:
            base.execute("UPDATE tokens SET used = ? WHERE id = ?", (written(at), used))
        added = base.execute(
            "INSERT INTO audit (at, who, role, client, action, target, outcome, detail) "
            "VALUES (?, ?, ?, ?, ?, ?, '', '')",
            row,
        )
        return int(added.lastrowid or 0)


def close_entry(store: Store, state: MutableMapping[str, Any], status: int) -> None:
    """Add the outcome to the entry of a request; a full disk is logged, for the answer is out."""
    ok = 200 <= status < 400
    outcome = "完成" if ok else _OUTCOMES.get(status, f"未完成 ({status})")
    try:
        with store.writing() as base:
            base.execute(
                "UPDATE audit SET outcome = ?, detail = ? WHERE number = ?",
                (outcome, plain(state.get("audit_detail", "")), state["audit"]),
            )
    except WorkspaceError as error:
        _LOG.warning("audit %s %s: %s", state["audit"], outcome, error)


@contextmanager
def noted(store: Store, *, at: datetime, action: str, target: str) -> Iterator[dict[str, Any]]:
    """Note a write of the command line, where who may write to the folder needs no token.

    The account of the machine is noted as the client. Gives the state into which ``audit_detail`` is written.
    Raises ``WorkspaceError`` where nothing can be noted; then nothing is done.
    """
    state: dict[str, Any] = {"audit_detail": ""}
    facts = {"who": "命令行", "role": "", "client": f"本机 {_account()}".strip()}
    state["audit"] = open_entry(store, at=at, action=action, target=target, **facts)
    status = 500
    try:
        yield state
        status = 200
    except WorkspaceError:
        status = 503
        raise
    except InputError:
        status = 400
        raise
    finally:
        close_entry(store, state, status)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may have none
        return ""


def read_audit(store: Store, *, offset: int = 0, limit: int = 100) -> tuple[int, list[Mapping[str, Any]]]:
    """List entries, the newest first: (how many there are, those asked for)."""
    if not store.exists:
        return 0, []
    with store.reading() as base:
        total = base.execute("SELECT count(*) FROM audit").fetchone()[0]
        query = "SELECT * FROM audit ORDER BY number DESC LIMIT ? OFFSET ?"
        return total, [dict(row) for row in base.execute(query, (limit, offset))]
