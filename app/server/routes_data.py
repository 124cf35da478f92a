"""What the server has: its health, the layers, the places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from ...coverage.kept import Kept
from ...geodata.errors import Problem
from ...geodata.layers import COLUMNS, EXAMPLE, KIND_NAMES, Kind
from ...geodata.registry import check_kind, read_sites, read_stock
from ..desk import where
from ..desk.cards import MORE_COLUMNS
from ..desk.ground import Ground
from ..desk.parts import SENT
from ..workspace import Workspace
from .errors import Refusal
from .shapes_out import FeatureCollection, Health, LayerList, PlaceFound, PlaceList, PlaceTree, errors_of
from .state import GEOJSON, Desk, GeoJson, ground_of, reply, tagged, the_desk, unknown

router = APIRouter(tags=["数据"])
Grounded = Annotated[Ground, Depends(ground_of)]
At = Annotated[Desk, Depends(the_desk)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=10**9)]

_SITES = Kept[list[dict[str, Any]]](most=16)


@router.get("/health", responses={200: {"model": Health}, **errors_of(429)})
async def health(ground: Grounded, desk: At) -> Response:
    """Tell whether the desk can answer, from which data, and what is wrong."""
    problems = [text for text in (desk.keeper.trouble, *ground.notes) if text]
    log = desk.questions
    if log.trouble:
        problems.append(f"问答记录写不进去 ({log.trouble}), 不影响回答")
    if log.lost:
        problems.append(f"有 {log.lost} 条问答没有记下")
    return reply(
        {
            "ok": not problems,
            "version": ground.version,
            "as_of": ground.as_of,
            "now": desk.clock().isoformat(timespec="seconds"),
            "labels": list(ground.labels),
            "sites": {kind: len(ground.usual[kind].sites) for kind in SENT},
            "closures": len(ground.overlay.measures),
            "marks": len(ground.marks),
            "problems": list(dict.fromkeys(problems)),
            "notes": [] if where.has_water(ground.root) else [where.NO_WATER],
        }
    )


@router.get("/layers", responses={200: {"model": LayerList}, **errors_of(429, 503)})
async def layers(ground: Grounded, request: Request) -> Response:
    """List the layers, with the number of sites in service."""

    def content() -> dict[str, Any]:
        found = [_layer(ground, kind) for kind in KIND_NAMES]
        return {"version": ground.version, "layers": found}

    return tagged(request, ground.version, content)


def _layer(ground: Ground, kind: Kind) -> dict[str, Any]:
    sites = sites_of(ground, kind)
    label = EXAMPLE if any(site["example"] for site in sites) else ""
    return {
        "kind": kind,
        "name": KIND_NAMES[kind],
        "sites": len(sites),
        "label": label,
        "href": f"layers/{kind}",
    }


def sites_of(ground: Ground, kind: Kind) -> list[dict[str, Any]]:
    """Return the sites of a layer that are in service; kept while the layers are the same."""

    def read() -> list[dict[str, Any]]:
        return read_sites(Workspace(ground.root, {}).layers, kind, more=MORE_COLUMNS)

    return _SITES.get((), (kind, ground.hashes["layers"]), read)


@router.get(
    "/layers/{kind}",
    response_class=GeoJson,
    responses={200: {"model": FeatureCollection}, **errors_of(400, 422, 429, 503)},
)
def layer(
    *,
    ground: Grounded,
    request: Request,
    kind: str,
    bbox: Annotated[str, Query(max_length=200, description="西,南,东,北, WGS84 十进制度数")] = "",
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """List the sites of a layer as GeoJSON, in pages."""
    chosen, box = check_kind(kind[:40]), _box(bbox)

    def content() -> dict[str, Any]:
        sites = [site for site in sites_of(ground, chosen) if box is None or _inside(site, box)]
        page = sites[offset : offset + limit]
        return {
            "type": "FeatureCollection",
            "version": ground.version,
            "numberMatched": len(sites),
            "numberReturned": len(page),
            "links": _links(request, offset, limit, len(sites)),
            "features": [_feature(site) for site in page],
        }

    return tagged(request, ground.version, content, media=GEOJSON, private=True)


def _box(text: str) -> tuple[float, ...] | None:
    if not text:
        return None
    try:
        box = tuple(float(part) for part in text.split(","))
        west, south, east, north = box
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            raise ValueError(text)
    except ValueError:
        fix = "请写 西,南,东,北, 例如 113.5,24.4,118.5,30.1"
        raise Refusal(400, Problem("参数 bbox", "看不懂这个范围", text[:40], fix)) from None
    return box


def _inside(site: dict[str, Any], box: tuple[float, ...]) -> bool:
    return bool(box[0] <= site["lon"] <= box[2] and box[1] <= site["lat"] <= box[3])


def _links(request: Request, offset: int, limit: int, total: int) -> list[dict[str, str]]:
    """Give relative links to this page and its neighbours: no header of the client is repeated."""

    def link(rel: str, start: int) -> dict[str, str]:
        url = request.url.include_query_params(offset=start, limit=limit)
        return {"rel": rel, "href": f"?{url.query}", "type": GEOJSON}

    found = [link("self", offset)]
    if offset + limit < total:
        found.append(link("next", offset + limit))
    if offset > 0:
        found.append(link("prev", max(0, offset - limit)))
    return found


def _feature(site: dict[str, Any]) -> dict[str, Any]:
    facts = {name: site[name] for name in (*COLUMNS, *MORE_COLUMNS) if name not in ("lon", "lat", "stock")}
    facts |= {"stock": read_stock(site["stock"]), "example": site["example"]}
    point = {"type": "Point", "coordinates": [site["lon"], site["lat"]]}
    return {"type": "Feature", "id": site["id"], "geometry": point, "properties": facts}


@router.get("/places", responses={200: {"model": PlaceList}, **errors_of(422, 429, 503)})
async def places(
    ground: Grounded,
    q: Annotated[str, Query(max_length=100, description="地名的一部分")] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 8,
) -> Response:
    """Suggest places for what was typed so far."""
    return reply({"places": where.suggest(ground.gazetteer, q, limit)})


@router.get("/places/tree", responses={200: {"model": PlaceTree}, **errors_of(429, 503)})
async def tree(ground: Grounded, request: Request) -> Response:
    """List cities, their counties, their townships."""
    return tagged(request, ground.hashes["gazetteer"], lambda: {"cities": where.tree(ground.gazetteer)})


@dataclass(frozen=True)
class Spot:
    """A place as a query gives it."""

    place: dict[str, Any]
    asked: dict[str, Any]
    """As it was written."""


async def spot_of(
    ground: Grounded,
    at: Annotated[str, Query(max_length=2000, description="地名、坐标或地图链接")] = "",
    lon: Annotated[float | None, Query(ge=-180, le=180, allow_inf_nan=False)] = None,
    lat: Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False)] = None,
    system: Annotated[str, Query(max_length=20, description="坐标系, 默认自动判断")] = "auto",
) -> Spot:
    """Find the place of a query; a dependency of routes."""
    place = where.resolve(ground, at, lon=lon, lat=lat, system=system)
    asked = {"at": at, "lon": lon, "lat": lat}
    return Spot(place, {key: value for key, value in asked.items() if value not in ("", None)})


Spotted = Annotated[Spot, Depends(spot_of)]


@router.get("/where", responses={200: {"model": PlaceFound}, **errors_of(400, 422, 429, 503)})
async def find(spot: Spotted) -> Response:
    """Find a place by text or coordinates in any system."""
    return reply(spot.place)


def site_known(ground: Ground, kind: str, id_: str) -> Kind:
    """Check that a warehouse or team exists; raises ``Refusal`` (404)."""
    chosen = next((one for one in SENT if one == kind), None)
    if chosen is None:
        raise unknown("图层", "只有备灾仓库 (warehouse) 和救援队 (team) 可以标记", kind)
    if ground.site(chosen, id_) is None:
        raise unknown("站点", "没有这个站点", id_, f"编号见 /layers/{chosen}")
    return chosen
