"""Changes that a scenario makes, as they are written in its file."""

from __future__ import annotations

from typing import Annotated, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from ..geodata.network import CLASSES
from ..geodata.overlay import SLOWEST
from .areas import AreaField
from .fields import Count, Latitude, LayerKind, Line, Longitude, Money, Short, Year, listed, printable
from .reading import Model

Stock = Annotated[str, Field(max_length=1000), AfterValidator(printable)]
_Way = Annotated[int, Field(ge=-(2**62), le=2**62)]
Some = Annotated[
    tuple[Line, ...],
    Field(strict=False, min_length=1, max_length=5000),
    BeforeValidator(listed, json_schema_input_type=Line | list[Line]),
]
Roads = Annotated[
    tuple[Line, ...],
    Field(strict=False, min_length=1, max_length=50),
    BeforeValidator(listed, json_schema_input_type=Line | list[Line]),
]
Ways = Annotated[
    tuple[_Way, ...],
    Field(strict=False, min_length=1, max_length=500),
    BeforeValidator(listed, json_schema_input_type=_Way | list[_Way]),
]
RoadClass = Literal[
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary",
    "secondary_link", "tertiary", "tertiary_link", "unclassified", "residential", "living_street", "service",
    "track", "road", "busway", "pedestrian", "footway", "path", "cycleway", "bridleway", "steps", "corridor",
    "ferry", "other",
]  # fmt: skip
"""Classes of roads: ``CLASSES`` of the network but the unknown one (tested)."""
Classes = Annotated[
    tuple[RoadClass, ...],
    Field(strict=False, min_length=1, max_length=len(CLASSES)),
    BeforeValidator(listed, json_schema_input_type=RoadClass | list[RoadClass]),
]
Share = Annotated[float, Field(ge=SLOWEST, lt=1)]
"""Share of the usual speed that is left."""


class Open(Model):
    """A new site at a given place (WGS84)."""

    model_config = ConfigDict(title="新设一处站点")

    kind: LayerKind = Field(description="资源类型")
    name: Line = Field(description="名称")
    lon: Longitude = Field(description="经度, WGS84 十进制度数")
    lat: Latitude = Field(description="纬度, WGS84 十进制度数")
    year: Year = Field(description="建成年份")
    id: Line | None = Field(default=None, description="编号; 不写时按 类型-open-01 编号")
    level: Short = Field(default="", description="级别, 例如 县级")
    hours: Line | None = Field(default=None, description="开放时间, 例如 24小时 或 周一至周五 08:00-17:30")
    capacity: Count | None = Field(default=None, description="容量: AED 为台数, 其他为一次能服务的人数")
    stock: Stock | None = Field(default=None, description="库存, 例如 帐篷:200; 棉被:500")
    readiness_min: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None, description="响应准备时间, 分钟"
    )
    members: Count | None = Field(default=None, description="人数, 只用于救援队")
    cost: Money | None = Field(default=None, description="这一处的费用, 单位见 costs.unit")


class _AtSite(Model):
    """What is done to a site that is there, or that was opened earlier in the same scenario."""

    kind: LayerKind = Field(description="资源类型")
    id: Line = Field(description="编号")


class Close(_AtSite):
    """An existing site, or one opened earlier in the same scenario, that is given up."""

    model_config = ConfigDict(title="撤销一处站点")

    cost: Money | None = Field(default=None, description="撤销的费用, 单位见 costs.unit")


class Move(_AtSite):
    """An existing site that moves to another place (WGS84) with all that it has."""

    model_config = ConfigDict(title="迁移一处站点")

    lon: Longitude = Field(description="新的经度, WGS84 十进制度数")
    lat: Latitude = Field(description="新的纬度, WGS84 十进制度数")
    cost: Money | None = Field(default=None, description="迁移的费用, 单位见 costs.unit")


class Resize(_AtSite):
    """A site that gets another capacity, stock or number of members."""

    model_config = ConfigDict(title="改变一处站点的容量、库存或人数")

    capacity: Count | None = Field(default=None, description="新的容量: AED 为台数, 其他为一次能服务的人数")
    stock: Stock | None = Field(
        default=None, description="新的库存, 例如 帐篷:200; 棉被:500; 无 表示没有库存"
    )
    members: Count | None = Field(default=None, description="新的人数, 只用于救援队")
    cost: Money | None = Field(default=None, description="扩建或补充的费用, 单位见 costs.unit")

    @model_validator(mode="after")
    def _any(self) -> Self:
        if (self.capacity, self.stock, self.members) == (None, None, None):
            raise ValueError("应写明 capacity、stock、members 中的一项或几项")
        return self


class Retime(Model):
    """Sites that get other opening hours: named ones, all, or those of a level, county or city."""

    model_config = ConfigDict(title="改变开放时间")

    kind: LayerKind = Field(description="资源类型")
    hours: Line = Field(description="新的开放时间, 例如 24小时 或 周一至周五 08:00-17:30")
    id: Line | None = Field(default=None, description="编号")
    ids: Some | None = Field(default=None, description="几个编号")
    all: Literal[True] | None = Field(default=None, description="true: 这一类现有的全部站点")
    level: Line | None = Field(default=None, description="只改这一级的现有站点, 例如 县级")
    county: Line | None = Field(default=None, description="只改这个县区的现有站点")
    city: Line | None = Field(default=None, description="只改这个设区市的现有站点")
    cost: Money | None = Field(default=None, description="合计费用, 单位见 costs.unit")

    @model_validator(mode="after")
    def _one(self) -> Self:
        filtered = (self.level, self.county, self.city) != (None, None, None)
        if sum((self.id is not None, self.ids is not None, self.all is not None, filtered)) != 1:
            raise ValueError("应恰好写 id、ids、all 之一, 或用 level、county、city 挑选")
        return self


class Point(Model):
    """All roads that pass near a point."""

    model_config = ConfigDict(title="某点附近的道路")

    lon: Longitude = Field(description="经度, WGS84 十进制度数")
    lat: Latitude = Field(description="纬度, WGS84 十进制度数")
    within_m: Annotated[float, Field(gt=0, le=50_000)] = Field(
        default=50.0, description="多少米以内, 默认 50"
    )


class Block(Model):
    """Roads that nobody may use: exactly one way to choose them."""

    model_config = ConfigDict(title="封闭道路")

    road: Roads | None = Field(default=None, description="道路编号或名称, 一条或几条, 例如 G60 或 沪昆高速")
    way: Ways | None = Field(default=None, description="OpenStreetMap 的 way 编号, 一个或几个")
    near: Point | None = Field(default=None, description="某点附近的道路")
    area: AreaField | None = Field(
        default=None, description="与范围相接的道路: 方案文件夹里的 GeoJSON 等文件, 或 [[经度, 纬度], …]"
    )
    classes: Classes | None = Field(default=None, description="道路等级, 例如 motorway (高速公路)")

    @model_validator(mode="after")
    def _one(self) -> Self:
        return cast("Self", _exactly_one(self, ("road", "way", "near", "area", "classes")))


class Slow(Block):
    """Roads on which a share of the usual speed is left."""

    model_config = ConfigDict(title="道路减速")

    all: Literal[True] | None = Field(default=None, description="true: 全部道路")
    speed: Share = Field(description="剩下的车速比例, 0.5 表示减半; 封闭请用 block")

    @model_validator(mode="after")
    def _one(self) -> Self:
        return cast("Self", _exactly_one(self, ("road", "way", "near", "area", "classes", "all")))


class Flood(Model):
    """An area under water: roads that touch it are closed, sites in it are out of service."""

    model_config = ConfigDict(title="受淹范围")

    area: AreaField = Field(description="受淹范围: 方案文件夹里的 GeoJSON 等文件, 或 [[经度, 纬度], …]")
    speed: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="范围内道路剩下的车速比例, 默认 0 (中断)"
    )

    @model_validator(mode="after")
    def _speed(self) -> Self:
        if 0 < self.speed < SLOWEST:
            raise ValueError(f"speed 应为 0 (中断), 或 {SLOWEST:g} 到 1 之间的数")
        return self


class Grow(Model):
    """A unit that gets more residents, or fewer; all groups of age in the same proportion."""

    model_config = ConfigDict(title="居民增减")

    unit: Line = Field(description="全省, 或设区市、县区的名称")
    percent: Annotated[float, Field(ge=-100, le=10_000)] | None = Field(
        default=None, description="增减百分之几, 10 表示多一成, -5 表示少 5 %"
    )
    residents: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = Field(
        default=None, description="或写新的居民总数"
    )
    age: Literal["all"] = Field(default="all", description="all: 各年龄按同一比例")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.percent is None) == (self.residents is None):
            raise ValueError("应恰好写 percent (百分之几) 或 residents (新的总数) 之一")
        return self


def _exactly_one(model: Model, names: tuple[str, ...]) -> Model:
    """Check that one of some keys is written: raises ``ValueError``."""
    if sum(getattr(model, name) is not None for name in names) != 1:
        raise ValueError(f"应恰好写 {'、'.join(names)} 之一, 说明是哪些道路")
    return model


Action = Open | Close | Move | Resize | Retime | Block | Slow | Flood | Grow

WORDS = ("open", "close", "move", "resize", "retime", "block", "slow", "flood", "grow")
"""What a change can do, in the order in which it is explained."""


class Change(Model):
    """One action: exactly one of its keys."""

    model_config = ConfigDict(title="一项改动")

    open: Open | None = Field(default=None, description="新设一处站点")
    close: Close | None = Field(default=None, description="撤销一处站点")
    move: Move | None = Field(default=None, description="迁移一处站点")
    resize: Resize | None = Field(default=None, description="改变一处站点的容量、库存或人数")
    retime: Retime | None = Field(default=None, description="改变开放时间")
    block: Block | None = Field(default=None, description="封闭道路")
    slow: Slow | None = Field(default=None, description="道路减速")
    flood: Flood | None = Field(default=None, description="受淹范围: 道路中断, 站点停用")
    grow: Grow | None = Field(default=None, description="居民增减")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self._written()) != 1:
            raise ValueError(f"每项改动应恰好写 {'、'.join(WORDS)} 之一")
        return self

    @property
    def word(self) -> str:
        """Which action it is: one of ``WORDS``."""
        return self._written()[0][0]

    @property
    def action(self) -> Action:
        """The action itself."""
        return self._written()[0][1]

    def _written(self) -> list[tuple[str, Action]]:
        return [(word, own) for word in WORDS if (own := getattr(self, word)) is not None]
