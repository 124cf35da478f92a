"""What desks share: closed roads and marked sites."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from ..desk.ground import Ground
from ..desk.marks import put_mark, take_mark
from ..desk.parts import SENT
from ..desk.words import measure_line
from . import closing
from .access import writer
from .busy import trying
from .models import Choice, Closing, Marking
from .routes_data import At, Grounded, Limit, Offset, site_known
from .shapes_out import ClosureDone, FeatureCollection, History, MarkDone, MarkList, errors_of
from .state import GEOJSON, GeoJson, reply, tagged, unknown
from .tokens import Holder

router = APIRouter(tags=["共享"])
Writing = Annotated[Holder, Depends(writer("desk"))]
_WRITES = errors_of(400, 401, 403, 404, 413, 415, 422, 429, 503)
Number = Annotated[int, Path(ge=1, lt=2**31)]


@router.get(
    "/closures", response_class=GeoJson, responses={200: {"model": FeatureCollection}, **errors_of(429, 503)}
)
async def closures(ground: Grounded, request: Request) -> Response:
    """List the roads that are closed or slowed now, as GeoJSON lines, the latest first."""
    tag = ground.hashes["overlay"] + ground.hashes["network"]

    def content() -> dict[str, Any]:
        features = closing.features_of(ground)
        return {
            "type": "FeatureCollection",
            "version": ground.version,
            "numberMatched": len(features),
            "numberReturned": len(features),
            "features": features,
        }

    return tagged(request, tag, content, media=GEOJSON, private=True)


@router.post(
    "/closures/preview",
    response_class=GeoJson,
    responses={200: {"model": FeatureCollection}, **errors_of(400, 403, 413, 415, 422, 429, 503)},
)
def preview(ground: Grounded, choice: Choice) -> Response:
    """Draw what would be closed; nothing is stored."""
    with trying(choice.area, choice.near):
        return reply(closing.preview(ground, choice), media=GEOJSON)


@router.post("/closures", status_code=201, responses={201: {"model": ClosureDone}, **_WRITES})
def close(ground: Grounded, desk: At, request: Request, holder: Writing, wanted: Closing) -> Response:
    """Close or slow roads for all desks."""
    number = closing.close(ground, wanted, holder, desk.clock())
    after = desk.keeper.renew(force=True)
    made = next((one for one in after.overlay.measures if one.number == number), None)
    request.state.audit_detail = f"{number}号 {made.what if made else ''}"
    line = measure_line(vars(made)) if made else ""
    return reply({"number": number, "text": line, "version": after.version}, status=201)


@router.delete("/closures/{number}", responses={200: {"model": ClosureDone}, **_WRITES})
def reopen(ground: Grounded, desk: At, request: Request, holder: Writing, number: Number) -> Response:
    """Take a closure back for all desks."""
    if all(one.number != number for one in ground.overlay.measures):
        raise unknown("编号", "没有这条封闭或减速", str(number), "在用的见 /closures")
    gone = closing.reopen(ground, number, holder, desk.clock())
    request.state.audit_detail = f"{number}号 {gone.what}"
    after = desk.keeper.renew(force=True)
    return reply({"number": number, "text": f"已恢复: {gone.what}", "version": after.version})


@router.get("/closures/history", responses={200: {"model": History}, **errors_of(422, 429, 503)})
def history(ground: Grounded, desk: At, offset: Offset = 0, limit: Limit = 100) -> Response:
    """List what was closed and reopened, by whom and when, the latest first."""
    events = closing.history(ground, desk.clock())
    page = events[offset : offset + limit]
    return reply({"numberMatched": len(events), "numberReturned": len(page), "events": page})


@router.get("/marks", responses={200: {"model": MarkList}, **errors_of(429, 503)})
async def marks(ground: Grounded, request: Request) -> Response:
    """List the sites that are marked: asked and empty, or asked and ready."""
    content = {"version": ground.version, "marks": [_mark(ground, key) for key in ground.marks]}
    return tagged(request, ground.hashes["marks"] + ground.hashes["layers"], lambda: content, private=True)


def _mark(ground: Ground, key: str) -> dict[str, Any]:
    mark = ground.marks[key]
    kind = next((one for one in SENT if one == mark.kind), None)
    site = ground.site(kind, mark.id) if kind else None
    return {**vars(mark), "name": site["name"] if site else mark.id}


Id = Annotated[str, Path(min_length=1, max_length=100)]
Kind = Annotated[str, Path(max_length=20)]


@router.put("/marks/{kind}/{id}", responses={200: {"model": MarkDone}, **_WRITES})
def mark(
    *,
    ground: Grounded,
    desk: At,
    request: Request,
    holder: Writing,
    kind: Kind,
    id: Id,
    wanted: Marking,
) -> Response:
    """Mark a site for all desks: it was asked, and has nothing (空) or can send (可用)."""
    chosen = site_known(ground, kind, id)
    who = wanted.who.strip() or holder.name
    made = put_mark(
        desk.store, chosen, id, wanted.state, note=wanted.note, who=who, at=desk.clock(), until=wanted.until
    )
    request.state.audit_detail = f"{wanted.state} {wanted.note}"
    return reply({**vars(made), "version": desk.keeper.renew(force=True).version})


@router.delete(
    "/marks/{kind}/{id}",
    dependencies=[Depends(writer("desk"))],
    responses={200: {"model": MarkDone}, **_WRITES},
)
def unmark(ground: Grounded, desk: At, kind: Kind, id: Id) -> Response:
    """Take a mark back."""
    found = ground.mark(kind, id)
    if found is None:
        raise unknown("标记", "这个站点没有标记", f"{kind}/{id}", "已标记的见 /marks")
    take_mark(desk.store, found.kind, found.id)
    return reply({**vars(found), "version": desk.keeper.renew(force=True).version})
