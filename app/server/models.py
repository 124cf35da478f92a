"""What clients send: every value bounded, unknown ones refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..desk.parts import WhatIf
from ..desk.trial import MOST_AREAS, MOST_CORNERS, MOST_EDGES, MOST_EMPTY, MOST_ROADS

Lon = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="经度, 十进制度数")]
Lat = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="纬度, 十进制度数")]
Id = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=200)]
System = Annotated[str, Field(max_length=20, description="坐标系: auto, WGS84, GCJ-02, BD-09, CGCS2000 …")]
Kind = Annotated[str, Field(max_length=20, description="warehouse 备灾仓库, team 救援队")]
Count = Annotated[int, Field(ge=1, le=20)]
Edge = Annotated[int, Field(ge=0, le=2**31)]
Corner = Annotated[list[float], Field(min_length=2, max_length=2, description="[经度, 纬度]")]
Ring = Annotated[list[Corner], Field(min_length=3, max_length=MOST_CORNERS)]
Amount = Annotated[int, Field(ge=0, le=10**8)]
Until = Annotated[
    str, Field(max_length=40, description="何时自动失效; 空: 直到取消", examples=["2026-07-01 18:00"])
]


class Body(BaseModel):
    """What is sent as JSON: types as they are written, nothing unknown."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Trial(Body):
    """A trial of this question only; nothing is stored."""

    empty: Annotated[list[Id], Field(max_length=MOST_EMPTY)] = []
    roads: Annotated[list[Name], Field(max_length=MOST_ROADS)] = []
    edges: Annotated[list[Edge], Field(max_length=MOST_EDGES)] = []
    areas: Annotated[list[Ring], Field(max_length=MOST_AREAS)] = []

    def as_what_if(self) -> WhatIf:
        """Give the trial as the desk's answers take it."""
        areas = tuple(tuple((corner[0], corner[1]) for corner in ring) for ring in self.areas)
        return WhatIf(tuple(self.empty), tuple(self.roads), tuple(self.edges), areas)


class Placed(Body):
    """A place: a text, or coordinates."""

    at: Annotated[str, Field(max_length=2000, description="地名、坐标或地图链接")] = ""
    lon: Lon | None = None
    lat: Lat | None = None
    system: System = "auto"


class Question(Placed):
    """Whose help arrives first?"""

    kind: Kind = "warehouse"
    k: Count = 3
    speciality: Annotated[str, Field(max_length=40)] = ""
    what_if: Trial | None = None


class Needing(Placed):
    """What is needed at a place, or in an area: persons, or items, or the residents of the area."""

    area: Ring | None = None
    persons: Annotated[int, Field(ge=1, le=10**8)] | None = None
    items: Annotated[dict[Name, Amount], Field(max_length=40)] | None = None
    share: Annotated[float, Field(gt=0, le=1, description="范围内需要转移安置的居民比例")] = 1.0
    what_if: Trial | None = None


class Near(Body):
    """Roads about a point."""

    lon: Lon
    lat: Lat
    within_m: Annotated[float, Field(gt=0, le=50_000)] = 50.0


class Click(Body):
    """The road nearest to a point of the map."""

    lon: Lon
    lat: Lat
    within_m: Annotated[float, Field(gt=0, le=5_000)] = 200.0


class Choice(Body):
    """Which roads: by code or name, as road sections, at a click, about a point, in an area; together."""

    roads: Annotated[list[Name], Field(max_length=MOST_ROADS)] = []
    edges: Annotated[list[Edge], Field(max_length=MOST_EDGES)] = []
    click: Click | None = None
    near: Near | None = None
    area: Ring | None = None


class Closing(Choice):
    """A road to close (speed 0) or slow (the share of its usual speed that is left)."""

    speed: Annotated[float, Field(ge=0, lt=1)] = 0.0
    reason: Text = ""
    reporter: Annotated[str, Field(max_length=40)] = ""
    until: Until = ""


class Marking(Body):
    """What somebody found out about a site."""

    state: Literal["空", "可用"]
    note: Text = ""
    who: Annotated[str, Field(max_length=40, description="谁问到的; 不填则为令牌的持有人")] = ""
    until: Until = ""


class Needed(Body):
    """What a dispatch is for."""

    persons: Amount | None = None
    households: Amount | None = None
    items: Annotated[dict[Name, Amount], Field(max_length=40)] | None = None


class Dispatching(Question):
    """A question with the sites that are sent."""

    chosen: Annotated[list[Id], Field(max_length=20, description="派出的站点; 有 plan 时可不填")] = []
    plan: Annotated[
        Literal["", "first", "fewest"],
        Field(description="按 need 的方案派出: first 最先送齐, fewest 最少仓库; 空: 按 chosen"),
    ] = ""
    area: Ring | None = None
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    carry: Annotated[dict[Id, Annotated[dict[Name, Amount], Field(max_length=40)]], Field(max_length=20)] = {}
    need: Needed | None = None
    who: Annotated[str, Field(max_length=40)] = ""
    note: Text = ""
    number: Annotated[str, Field(max_length=20, description="派单编号, 由 POST /log 给出")] = ""


class Recording(Dispatching):
    """A dispatch for the log; sent twice with the same key it is recorded once."""

    key: Annotated[str, Field(max_length=60, description="客户端自定的唯一键, 重发时不变")] = ""


class NewToken(Body):
    """A token to make."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    role: Literal["desk", "planner", "admin"]
    until: Until = ""
