"""Who may do what: dependencies of the routes that need a token."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ...geodata.errors import Problem, WorkspaceError
from .audit import open_entry
from .errors import Refusal
from .security import client_of
from .state import Desk, desk_of
from .tokens import ROLES, Holder, Role, holder_of

_BEARER = HTTPBearer(auto_error=False, description="令牌, 由管理员发给: Authorization: Bearer boai_…")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
_ASK = {"WWW-Authenticate": "Bearer"}


def asking(request: Request, given: Credentials) -> Holder | None:
    """Tell who asks: None without a token; a wrong one is refused, and counted."""
    if "authorization" not in request.headers:
        return None
    desk, client = desk_of(request), client_of(request.scope)
    text = given.credentials if given is not None else ""
    found = holder_of(desk.store, text, at=desk.clock())
    if found is None:  # a right one always passes: who guesses must not lock out an office behind one address
        desk.rates.count("wrong", client)
        fix = "请检查是否完整; 过期或已撤销的, 请管理员重新发给"
        raise Refusal(401, Problem("令牌", "不对, 或已失效", fix=fix), code="token_wrong", headers=_ASK)
    return found


def reader(role: Role) -> Callable[..., Holder]:
    """Make a dependency: only holders of a role may read this."""

    def allow(holder: Annotated[Holder | None, Depends(asking)]) -> Holder:
        return _check(holder, role)

    return allow


def writer(role: Role) -> Callable[..., Holder]:
    """Make a dependency: only holders of a role may do this, and it is noted that they ask for it."""

    def allow(request: Request, given: Credentials) -> Holder:
        desk = desk_of(request)
        holder, client = None, client_of(request.scope)
        try:
            holder = asking(request, given)
            if holder is None:
                desk.rates.count("wrong", client)
            allowed = _check(holder, role)
            desk.rates.count("write", allowed.id)
        except Refusal as refusal:
            if refusal.status != 429:  # who tries without end must not fill the disk
                with suppress(WorkspaceError):  # it is refused in any case
                    _note(request, desk, holder)
            raise
        _note(request, desk, allowed)
        return allowed

    return allow


def _check(holder: Holder | None, role: Role) -> Holder:
    if holder is None:
        fix = "请在页面上填写令牌; 没有的, 请管理员发给"
        raise Refusal(401, Problem("令牌", "这一步需要令牌", fix=fix), headers=_ASK)
    if not holder.may(role):
        fix = f"需要{ROLES[role]}以上的令牌"
        raise Refusal(403, Problem("令牌", "权限不够", ROLES[holder.role], fix))
    return holder


def _note(request: Request, desk: Desk, holder: Holder | None) -> None:
    request.state.audit = open_entry(
        desk.store,
        at=desk.clock(),
        who=holder.name if holder else "",
        role=holder.role if holder else "",
        client=client_of(request.scope),
        action=request.method,
        target=request.url.path,
        used=holder.id if holder else "",
    )
