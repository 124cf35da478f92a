"""Questions: which help arrives first, what is needed, how far help reaches; and what an answer becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ...geodata.errors import InputError, Problem
from ..desk import answers, dispatch, dispatch_sheet, where
from ..desk import need as needs
from ..desk.ground import Ground
from ..desk.parts import WhatIf
from . import reach as areas
from .busy import Turn, trying
from .closing import features_of
from .log import brief, dispatch_of
from .models import Dispatching, Needing, Placed, Question
from .reach import MOST_MIN
from .routes_data import At, Grounded, Spotted, site_known
from .security import client_of
from .shapes_out import AnswerFound, ChatText, FeatureCollection, NeedFound, errors_of
from .state import GEOJSON, Desk, GeoJson, reply

router = APIRouter(tags=["查询"])
Named = Annotated[list[Annotated[str, Query(min_length=1, max_length=100)]], Query(max_length=50)]
_ASKED: dict[int | str, dict[str, Any]] = {200: {"model": AnswerFound}, **errors_of(400, 422, 429, 503)}
_EITHER = {"model": AnswerFound, "content": {GEOJSON: {"schema": {"type": "object"}}}}


@router.get("/nearest", responses={**_ASKED, 200: _EITHER})
async def nearest(
    *,
    request: Request,
    ground: Grounded,
    desk: At,
    spot: Spotted,
    kind: Annotated[str, Query(max_length=20, description="warehouse 备灾仓库, team 救援队")] = "warehouse",
    k: Annotated[int, Query(ge=1, le=20)] = 3,
    speciality: Annotated[str, Query(max_length=40, description="救援队的专业")] = "",
    empty: Named = [],  # noqa: B006 (FastAPI copies it)
    avoid: Named = [],  # noqa: B006
    format: Annotated[Literal["json", "geojson"], Query()] = "json",
) -> Response:
    """Tell whose help arrives first at a place, with what, by which way."""
    tried = WhatIf(empty=tuple(empty), roads=tuple(avoid))
    now = desk.clock()
    options: dict[str, Any] = {"kind": kind, "k": k, "speciality": speciality, "now": now}
    if empty or avoid:  # roads that are closed for one question cost more than the others may wait
        ask = partial(_in_turn, ground, spot.place, what_if=tried, **options)
        answer = await anyio.to_thread.run_sync(ask)
    else:
        answer = answers.nearest(ground, spot.place, **options)
    noted = {**spot.asked, "kind": kind, "k": k, "speciality": speciality, "empty": empty, "avoid": avoid}
    note(desk, request, now, noted, answer)
    return reply(answer) if format == "json" else reply(as_geojson(answer), media=GEOJSON)


@router.post("/nearest", responses=_ASKED | errors_of(403, 413, 415))
def nearest_if(request: Request, ground: Grounded, desk: At, asked: Question) -> Response:
    """Answer a question with a trial: what if a warehouse were empty, a road closed? Nothing is stored."""
    now = desk.clock()
    answer = answer_of(ground, asked, now)
    note(desk, request, now, asked.model_dump(exclude_defaults=True), answer)
    return reply(answer)


def _in_turn(
    ground: Ground, place: Mapping[str, Any], *, what_if: WhatIf | None, **options: Any
) -> dict[str, Any]:
    with trying(what_if and (what_if.roads or what_if.edges or what_if.areas)):
        return answers.nearest(ground, place, what_if=what_if, **options)


def place_of(ground: Ground, asked: Placed) -> dict[str, Any]:
    """Find the place of a question; raises ``PlaceError``."""
    found: dict[str, Any] = where.resolve(ground, asked.at, lon=asked.lon, lat=asked.lat, system=asked.system)
    return found


def sent_of(ground: Ground, asked: Dispatching, now: datetime) -> Mapping[str, Any]:
    """Answer the question of a dispatch with all sites that are sent in it; raises ``InputError``."""
    most = max(len(live.sites) for live in ground.usual.values())
    return dispatch.covering(lambda k: answer_of(ground, asked, now, k), asked.chosen, k=asked.k, most=most)


def answer_of(ground: Ground, asked: Question, now: datetime, k: int = 0) -> dict[str, Any]:
    """Answer a question, for ``k`` sites instead of those asked for; raises ``InputError``."""
    return _in_turn(
        ground,
        place_of(ground, asked),
        what_if=asked.what_if.as_what_if() if asked.what_if else None,
        kind=asked.kind,
        k=k or asked.k,
        speciality=asked.speciality,
        now=now,
    )


def note(desk: Desk, request: Request, now: datetime, asked: Any, answer: Mapping[str, Any]) -> None:
    """Write a question and its answer into the log."""
    client = client_of(request.scope)
    desk.questions.put(at=now, client=client, version=answer["version"], question=asked, answer=brief(answer))


def as_geojson(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Give the ways of an answer as GeoJSON, each with the facts of its card."""
    features = [
        {**feature, "properties": {**feature["properties"], **card}}
        for feature, card in zip(answer["features"], answer["sites"], strict=True)
    ]
    rest = {key: value for key, value in answer.items() if key not in ("features", "sites")}
    return {"type": "FeatureCollection", "features": features, **rest}


@router.get("/need", responses={200: {"model": NeedFound}, **errors_of(400, 422, 429, 503)})
def need(
    ground: Grounded, desk: At, spot: Spotted, persons: Annotated[int, Query(ge=1, le=10**8)]
) -> Response:
    """Tell what so many persons need, and which warehouses bring it first."""
    return reply(needs.need(ground, spot.place, persons=persons, now=desk.clock()))


@router.post("/need", responses={200: {"model": NeedFound}, **errors_of(400, 403, 413, 415, 422, 429, 503)})
def need_if(ground: Grounded, desk: At, asked: Needing) -> Response:
    """Tell which warehouses bring first what is needed: for persons, items, or the residents of an area."""
    return reply(planned(ground, asked, asked.persons, asked.items, desk.clock()))


def planned(
    ground: Ground,
    asked: Needing | Dispatching,
    persons: int | None,
    items: Mapping[str, int] | None,
    now: datetime,
) -> dict[str, Any]:
    """Plan a need at the place or in the area of a request; raises ``InputError``."""
    area = tuple((corner[0], corner[1]) for corner in asked.area) if asked.area else None
    placed = asked.at or asked.lon is not None or asked.lat is not None
    with trying(area, asked.what_if):
        return needs.need(
            ground,
            place_of(ground, asked) if placed or area is None else None,
            persons=persons,
            area=area,
            items=items,
            share=asked.share,
            what_if=asked.what_if.as_what_if() if asked.what_if else None,
            now=now,
        )


@router.get(
    "/reach",
    response_class=GeoJson,
    responses={200: {"model": FeatureCollection}, **errors_of(400, 404, 422, 429, 503)},
)
def reach(
    ground: Grounded,
    kind: Annotated[str, Query(max_length=20, description="warehouse 备灾仓库, team 救援队")] = "warehouse",
    site: Annotated[str, Query(max_length=100, description="只画这一处; 空: 全部合在一起")] = "",
    within_min: Annotated[int, Query(ge=1, le=MOST_MIN, description="行车分钟")] = 60,
) -> Response:
    """Draw what warehouses or teams reach by driving within a time, with the residents inside."""
    chosen = answers.kind_of(kind)
    if site:
        site_known(ground, chosen, site)
    return reply(areas.reach(ground, chosen, site=site, within_min=within_min), media=GEOJSON)


_PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
}
_DRAWING = Turn("派单", wait_s=20.0)
_SENT = errors_of(400, 403, 413, 415, 422, 429, 503)


@router.post("/sheet", response_class=Response, responses={**_PDF, **_SENT})
def sheet(ground: Grounded, desk: At, asked: Dispatching) -> Response:
    """Draw the dispatch sheet (A4 PDF) of a question with the sites that are sent."""
    now = desk.clock()
    closed = [line for feature in features_of(ground) for line in feature["geometry"]["coordinates"]]
    answer, decision = decided(ground, desk, asked, now)
    dispatch.cards_of(answer, decision.chosen)
    with _DRAWING.taken():
        made = dispatch_sheet.sheet(ground, answer, decision, closed=closed)
    headers = {"Content-Disposition": 'inline; filename="dispatch.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


@router.post("/text", responses={200: {"model": ChatText}, **_SENT})
def text(ground: Grounded, desk: At, asked: Dispatching) -> Response:
    """Write a dispatch as a message for a chat."""
    now = desk.clock()
    return reply({"text": dispatch.text(*decided(ground, desk, asked, now))})


def decided(
    ground: Ground, desk: Desk, asked: Dispatching, now: datetime
) -> tuple[Mapping[str, Any], dispatch.Decision]:
    """Take from a request what was decided, with the answer it stands on.

    Raises
    ------
    InputError
        The plan has changed since it was shown, or a number is given under which something else is recorded.
    """
    need = asked.need.model_dump(exclude_none=True) if asked.need else {}
    carry: Mapping[str, Mapping[str, int]] = asked.carry
    chosen, answer = tuple(asked.chosen), None
    if asked.plan:
        found = planned(ground, asked, need.get("persons"), need.get("items"), now)
        answer, carry, need = dispatch.of_plan(found, asked.plan)
        if chosen and set(chosen) != set(carry):
            fix = "请重新查询, 看过新的方案再派"
            raise InputError(Problem("方案", "情况有变, 现在的方案派出别的仓库", "、".join(carry)[:60], fix))
        chosen = tuple(carry)
    decision = dispatch.Decision(chosen, now, carry=carry, need=need, who=asked.who, note=asked.note)
    sent = answer or sent_of(ground, asked, now)
    if asked.number:
        at = dispatch_of(desk.store, asked.number, dispatch.record(sent, decision))
        decision = replace(decision, at=at, number=asked.number)
    return sent, decision
