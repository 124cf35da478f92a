"""Who may write, and what was written: tokens, audit, logs."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from ...geodata.moments import read_end
from ..desk import dispatch
from . import log
from .access import asking, reader, writer
from .audit import read_audit
from .models import NewToken, Recording
from .routes_ask import decided
from .routes_data import At, Grounded, Limit, Offset
from .shapes_out import AuditList, LogList, Me, Recorded, TokenGone, TokenList, TokenMade, errors_of
from .state import reply, unknown
from .tokens import ROLES, Holder, add_token, list_tokens, revoke_token

router = APIRouter(tags=["管理"])
_READS = errors_of(400, 401, 403, 422, 429, 503)
_WRITES = errors_of(400, 401, 403, 404, 413, 415, 422, 429, 503)
_DESK, _PLANNER, _ADMIN = Depends(reader("desk")), Depends(reader("planner")), Depends(reader("admin"))
Writing = Annotated[Holder, Depends(writer("desk"))]
Ruling = Annotated[Holder, Depends(writer("admin"))]


@router.get("/me", responses={200: {"model": Me}, **errors_of(401, 429, 503)})
def me(holder: Annotated[Holder | None, Depends(asking)]) -> Response:
    """Tell who a token is."""
    if holder is None:
        return reply({"role": None, "name": "", "title": "未登录, 只能查询"})
    return reply({"role": holder.role, "name": holder.name, "title": ROLES[holder.role]})


@router.post(
    "/log", status_code=201, responses={200: {"model": Recorded}, 201: {"model": Recorded}, **_WRITES}
)
def record(ground: Grounded, desk: At, request: Request, holder: Writing, asked: Recording) -> Response:
    """Record a dispatch under a number of the day; sent again with the same key it is recorded once."""
    now, new = desk.clock(), False
    kept = log.recorded(desk.store, key=asked.key, who=holder.name)
    if kept is None:  # else it is known, whatever has become of the roads since
        made = dispatch.record(*decided(ground, desk, asked.model_copy(update={"number": ""}), now))
        kept, new = log.add_dispatch(desk.store, made, key=asked.key, who=holder.name, at=now)
    request.state.audit_detail = f"派单 {kept['number']}"
    return reply(kept, status=201 if new else 200)


@router.get("/log", dependencies=[_DESK], responses={200: {"model": LogList}, **_READS})
def read_log(
    desk: At,
    offset: Offset = 0,
    limit: Limit = 100,
    what: Annotated[Literal["dispatches", "questions"], Query()] = "dispatches",
) -> Response:
    """List dispatches, or questions with their answers, the newest first."""
    read = log.read_dispatches if what == "dispatches" else log.read_questions
    total, rows = read(desk.store, offset=offset, limit=limit)
    return reply({"numberMatched": total, "numberReturned": len(rows), "entries": rows})


@router.get("/audit", dependencies=[_PLANNER], responses={200: {"model": AuditList}, **_READS})
def audit(desk: At, offset: Offset = 0, limit: Limit = 100) -> Response:
    """List every write and refused write, the newest first."""
    total, rows = read_audit(desk.store, offset=offset, limit=limit)
    return reply({"numberMatched": total, "numberReturned": len(rows), "entries": rows})


@router.get("/tokens", dependencies=[_ADMIN], responses={200: {"model": TokenList}, **_READS})
def tokens(desk: At) -> Response:
    """List the tokens, without their texts, which nobody knows but their holders."""
    return reply({"tokens": list_tokens(desk.store)})


@router.post("/tokens", status_code=201, responses={201: {"model": TokenMade}, **_WRITES})
def make_token(desk: At, request: Request, holder: Ruling, wanted: NewToken) -> Response:
    """Make a token; its text is shown this once."""
    now = desk.clock()
    until = read_end(wanted.until, at=now, where="until")
    made, kept = add_token(
        desk.store, name=wanted.name, role=wanted.role, at=now, made_by=holder.name, until=until
    )
    request.state.audit_detail = f"新令牌 {kept['id']} {kept['role']} {kept['name']}"
    return reply({**kept, "token": made}, status=201)


@router.delete(
    "/tokens/{id}", dependencies=[Depends(writer("admin"))], responses={200: {"model": TokenGone}, **_WRITES}
)
def drop_token(
    desk: At,
    request: Request,
    id: Annotated[str, Path(pattern="^[0-9a-f]{8}$")],
) -> Response:
    """Revoke a token."""
    known = {one["id"]: one for one in list_tokens(desk.store)}
    if id not in known or known[id]["revoked"]:
        raise unknown("令牌", "没有这个令牌, 或已撤销", id, "编号见 /tokens")
    request.state.audit_detail = f"撤销令牌 {id} {known[id]['name']}"
    revoke_token(desk.store, id, at=desk.clock())
    return reply({"id": id, "revoked": True})
