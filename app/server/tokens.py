"""Tokens: who may write. A token is shown once; the workspace keeps a hash of it.

A token has 256 random bits, so its SHA-256 is as hard to turn round as a guess of the token itself: a slow
hash, which protects short passwords that people choose, would only make every request slow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from ...geodata.errors import InputError, Problem
from ...geodata.moments import instant, written
from ..desk.store import Store
from .audit import plain

Role = Literal["desk", "planner", "admin"]
ROLES: dict[Role, str] = {"desk": "值班员", "planner": "规划员", "admin": "管理员"}
"""Roles in rising order: each may do what those before it may."""

_FORM = re.compile(r"boai_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
_MOST = 1000
_MOST_NAME = 40


@dataclass(frozen=True)
class Holder:
    """Who holds a token."""

    id: str
    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Tell whether the holder may do what a role may."""
        order = get_args(Role)
        return order.index(self.role) >= order.index(role)


def add_token(
    store: Store, *, name: str, role: Role, at: datetime, made_by: str, until: str = ""
) -> tuple[str, dict[str, Any]]:
    """Make a token; returns its text, which nobody can be told again, and what is kept of it.

    Parameters
    ----------
    name
        Of the person or desk that will hold it.
    until
        When it ends, ISO 8601 with offset (`moments.written`); empty: when it is revoked.

    Raises
    ------
    InputError
        The name is empty or too long, the role unknown, the end past, or there are too many.
    """
    shown = plain(name).strip()
    if not 1 <= len(shown) <= _MOST_NAME:
        raise InputError(
            Problem("令牌的名称", f"应有 1 到 {_MOST_NAME} 个字", shown[:20], "请写持有人, 例如 省会值班室")
        )
    if role not in ROLES:
        raise InputError(Problem("角色", "没有这个角色", str(role)[:20], f"可用的有 {'、'.join(ROLES)}"))
    end = instant(until)
    if until and (end is None or end <= at):
        raise InputError(
            Problem("令牌的失效时间", "看不懂或已经过去", until[:40], "例如 2027-01-01T00:00:00+08:00")
        )
    id_, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    text = f"boai_{id_}_{secret}"
    row = {"id": id_, "name": shown, "role": role, "made": written(at), "made_by": plain(made_by),
           "until": written(end) if end else "", "used": "", "revoked": ""}  # fmt: skip
    with store.writing() as base:
        if base.execute("SELECT count(*) FROM tokens WHERE revoked = ''").fetchone()[0] >= _MOST:
            raise InputError(Problem("令牌", f"最多 {_MOST} 个", fix="请先撤销不再使用的"))
        base.execute(
            "INSERT INTO tokens (id, name, role, made, made_by, until, used, revoked, hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row.values(), _hash(text)),
        )
    return text, row


def list_tokens(store: Store) -> list[dict[str, Any]]:
    """List the tokens, the newest first; neither their texts nor their hashes."""
    if not store.exists:
        return []
    with store.reading() as base:
        query = (
            "SELECT id, name, role, made, made_by, until, used, revoked FROM tokens ORDER BY made DESC, id"
        )
        return [dict(row) for row in base.execute(query)]


def revoke_token(store: Store, id_: str, *, at: datetime) -> None:
    """Make a token useless from now on; raises ``InputError`` where there is no such token."""
    with store.writing() as base:
        query = "UPDATE tokens SET revoked = ? WHERE id = ? AND revoked = ''"
        if not base.execute(query, (written(at), id_)).rowcount:
            raise InputError(Problem("令牌", "没有这个令牌, 或已撤销", id_[:20], "编号见令牌列表"))


def holder_of(store: Store, text: str, *, at: datetime) -> Holder | None:
    """Find who holds a token; None where it is unknown, revoked or over. Raises ``WorkspaceError``."""
    form = _FORM.fullmatch(text)
    if form is None or not store.exists:
        return None
    with store.reading() as base:
        query = "SELECT id, name, role, hash, until, revoked FROM tokens WHERE id = ?"
        row = base.execute(query, (form[1],)).fetchone()
    kept = row["hash"] if row else _hash("")
    if not hmac.compare_digest(kept, _hash(text)) or row is None or row["revoked"]:
        return None
    end = instant(row["until"])
    if (row["until"] and (end is None or end <= at)) or row["role"] not in ROLES:
        return None
    return Holder(row["id"], row["name"], row["role"])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
