"""What the API answers, for its description: answers are written directly and not checked at run time."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

_WORDS = {
    400: "内容看不懂或不合要求",
    401: "没有令牌, 或令牌不对",
    403: "权限不够, 或来自别的网站",
    404: "没有找到",
    413: "内容太大",
    415: "内容不是 JSON",
    422: "值不对",
    429: "太频繁, 见 Retry-After",
    503: "数据现在不能用, 或正忙, 见 Retry-After",
}


class ProblemOut(BaseModel):
    """One thing that is wrong."""

    where: str
    what: str
    got: str
    fix: str


class ErrorOut(BaseModel):
    """What is wrong, in Chinese."""

    code: str
    message: str
    problems: list[ProblemOut]
    candidates: list[Any]


class ErrorBody(BaseModel):
    """The form of every error."""

    error: ErrorOut


def errors_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors that a route may answer."""
    every = sorted({400, 429, 500, *statuses})
    return {one: {"model": ErrorBody, "description": _WORDS.get(one, "服务器内部出错")} for one in every}


class Health(BaseModel):
    """State of the desk."""

    ok: bool
    version: str
    as_of: str
    now: str
    labels: list[str]
    sites: dict[str, int]
    closures: int
    marks: int
    problems: list[str]
    notes: list[str]


class LayerOut(BaseModel):
    """A layer."""

    kind: str
    name: str
    sites: int
    label: str
    href: str


class LayerList(BaseModel):
    """All layers."""

    version: str
    layers: list[LayerOut]


class Geometry(BaseModel):
    """A GeoJSON geometry, WGS84 degrees."""

    type: str
    coordinates: list[Any]


class Feature(BaseModel):
    """A GeoJSON feature."""

    type: Literal["Feature"]
    geometry: Geometry | None
    properties: dict[str, Any]


class FeatureCollection(BaseModel):
    """GeoJSON (RFC 7946)."""

    type: Literal["FeatureCollection"]
    features: list[Feature]


class PlaceFound(BaseModel):
    """A place."""

    name: str
    lon: float
    lat: float
    note: str


class PlaceList(BaseModel):
    """Suggestions."""

    places: list[dict[str, Any]]


class PlaceTree(BaseModel):
    """Cities with their counties and townships."""

    cities: list[dict[str, Any]]


class Card(BaseModel):
    """A site whose help can come."""

    rank: int | None
    id: str
    name: str
    kind: str
    lon: float
    lat: float
    eta_min: float | None = Field(description="准备 + 行车, 分钟; null: 不可达")
    readiness_min: float | None
    drive_min: float | None
    km: float | None
    status: str
    stock: dict[str, int]
    keeper: str
    phone: str
    example: bool


class ComplianceOut(BaseModel):
    """Whether a limit of the standards is met."""

    level: str
    limit_min: float
    eta_min: float | None
    met: bool | None
    text: str


class AnswerFound(BaseModel):
    """Whose help arrives first."""

    place: dict[str, Any]
    kind: str
    k: int
    asked_at: str
    version: str
    labels: list[str]
    mode: str
    closures: list[dict[str, Any]]
    what_if: dict[str, Any] | None
    sites: list[Card]
    features: list[Feature]
    unreached: dict[str, Any]
    more: bool
    compliance: list[ComplianceOut]
    changes: dict[str, Any] | None
    notes: list[str]


class NeedFound(BaseModel):
    """What is needed, and who brings it."""

    version: str


class ChatText(BaseModel):
    """A message for a chat."""

    text: str


class ClosureDone(BaseModel):
    """A closure that was made or taken back."""

    number: int
    text: str
    version: str


class EventOut(BaseModel):
    """One line of the history."""

    at: str
    action: str
    number: int
    what: str
    reason: str
    who: str


class History(BaseModel):
    """What was closed and reopened."""

    numberMatched: int  # noqa: N815 (name of OGC API Features)
    numberReturned: int  # noqa: N815
    events: list[EventOut]


class MarkOut(BaseModel):
    """A mark on a site."""

    kind: str
    id: str
    state: str
    note: str
    who: str
    at: str
    until: str


class MarkNamed(MarkOut):
    """A mark with the site's name."""

    name: str


class MarkList(BaseModel):
    """The marks that hold."""

    version: str
    marks: list[MarkNamed]


class MarkDone(MarkOut):
    """A mark that was made or taken back."""

    version: str


class Me(BaseModel):
    """Who a token is."""

    role: str | None
    name: str
    title: str


class Recorded(BaseModel):
    """A dispatch as it is kept."""

    number: str
    at: str
    version: str


class Listed(BaseModel):
    """A page of a list."""

    numberMatched: int  # noqa: N815
    numberReturned: int  # noqa: N815
    entries: list[dict[str, Any]]


class LogList(Listed):
    """Dispatches or questions."""


class AuditList(Listed):
    """Writes and refused writes."""


class TokenOut(BaseModel):
    """A token as it is kept."""

    id: str
    name: str
    role: str
    made: str
    made_by: str
    until: str
    used: str
    revoked: str


class TokenList(BaseModel):
    """All tokens."""

    tokens: list[TokenOut]


class TokenMade(TokenOut):
    """A new token with its text."""

    token: str


class TokenGone(BaseModel):
    """A revoked token."""

    id: str
    revoked: bool
