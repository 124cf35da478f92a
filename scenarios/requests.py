"""Requests for new sites, as they are written in the file of a scenario."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .fields import LayerKind, Line, Money, Short, Text, Year
from .reading import Model

ModelName = Literal["mclp", "lscp", "partial", "backup", "expected", "p-median", "p-center"]
Rule = Literal["each_county", "each_city"]
Planning = Literal["look_ahead", "myopic"]

Number = Annotated[int, Field(ge=1, le=5000)]
Budget = Annotated[float, Field(gt=0, le=1e12)]

_QUOTA = re.compile(r"(\d{1,4})?(-(\d{1,4})?)?")
_NUMBERED = ("mclp", "backup", "expected", "p-median", "p-center")
"""Models that place a number of sites; the others find the number."""
_WAYS = ("p-median", "p-center")
_SEATS_ONLY = ("number", "budget", "share", "cost", "hosts", "candidates", "quotas", "spacing_km")
_RULED = (*_SEATS_ONLY, "relocations", "keep", "limit", "phases", "planning", "failure")
"""Keys that a rule leaves no choice about."""


def quota_range(text: str) -> tuple[int, int | None]:
    """Read how many new sites: at least, at most; raises ``ValueError``.

    Examples
    --------
    >>> quota_range("1-2"), quota_range("2"), quota_range("-1"), quota_range("0-0")
    ((1, 2), (2, None), (0, 1), (0, 0))
    """
    found = _QUOTA.fullmatch(unicodedata.normalize("NFKC", text).replace(" ", ""))
    if found is None or (found[1] is None and not found[3]):
        raise ValueError("名额应写作 至少-至多, 例如 1 (至少1处)、1-2、-1 (至多1处)")
    low, high = int(found[1] or 0), int(found[3]) if found[3] else None
    if high is not None and high < low:
        raise ValueError(f"名额 {text} 的上限小于下限")
    return low, high


def _quota(value: Any) -> Any:
    """Take ``-1`` and ``2``, which YAML reads as numbers, as the text that they were."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _read_quota(text: str) -> str:
    quota_range(text)
    return text


Quota = Annotated[
    str,
    Field(max_length=12),
    BeforeValidator(_quota, json_schema_input_type=int | str),
    AfterValidator(_read_quota),
]


class Part(Model):
    """Sites of one year that get the same level; those with the largest gains go to the first part."""

    number: Number | None = Field(default=None, description="新增几处")
    budget: Budget | None = Field(default=None, description="预算, 单位同 costs.unit")
    level: Short | None = Field(default=None, description="新站点的级别; 默认是该项的级别")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.number is None) == (self.budget is None):
            raise ValueError("每一期应恰好写 number、budget 之一")
        return self


def _parts(value: Any) -> Any:
    """Take a number or one part as a list of parts."""
    if isinstance(value, int) and not isinstance(value, bool):
        return ({"number": value},)
    return (value,) if isinstance(value, dict | Part) else value


Parts = Annotated[tuple[Part, ...], Field(strict=False, min_length=1, max_length=10), BeforeValidator(_parts)]


class Siting(Model):
    """A request to place new sites of a kind in a year, or in several."""

    kind: LayerKind = Field(description="图层, 例如 warehouse")
    year: Year | None = Field(default=None, description="哪一年; 写了 phases 时不写")
    rule: Rule | None = Field(
        default=None,
        description="按规则设站, 代替 model: each_county 还没有站点的县、each_city 还没有市级站点的市, "
        "各在驻地设 1 处",
    )
    model: ModelName | None = Field(
        default=None,
        description="求什么: mclp 覆盖居民最多 (默认)、lscp 全覆盖最少站点、partial 达到比例最少站点、"
        "backup 双重覆盖、expected 期望覆盖、p-median 总路程最短、p-center 最远路程最短",
    )
    number: Number | None = Field(default=None, description="新增几处")
    budget: Budget | None = Field(
        default=None, description="预算, 单位同 costs.unit; 按 cost 或 costs.open 的价格折成处数"
    )
    share: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="覆盖百分之几的居民, 只用于 partial"
    )
    cost: Money | None = Field(default=None, description="新设一处的价格; 不写时用 costs.open 的价格")
    hosts: Annotated[tuple[Line, ...], Field(strict=False, min_length=1, max_length=30)] | None = Field(
        default=None,
        description="候选点是登记的候选场所, 写类型, 例如 [学校, 社区]; AED 可写 公共场所 (所有类型)",
    )
    candidates: Literal["settlements", "seats", "cells"] | None = Field(
        default=None,
        description="候选点: settlements 居民点 (驾车默认)、seats 县城、cells 人口密集网格 (步行默认)",
    )
    quotas: Annotated[dict[Line, Quota], Field(max_length=120)] = Field(
        default_factory=dict,
        description="名额: 市、县或 各市、各县 → 新增至少-至多几处, 例如 赣州市: 1-2、各市: -1; 各年合计",
    )
    spacing_km: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        default=None, description="新站点彼此之间、与现有站点之间至少相距几公里 (直线)"
    )
    relocations: Annotated[int, Field(ge=1, le=5000)] | None = Field(
        default=None, description="最多可迁移几处现有站点 (撤去, 另设新址); 省级站点不动"
    )
    keep: Annotated[tuple[Line, ...], Field(strict=False, min_length=1, max_length=5000)] | None = Field(
        default=None, description="迁移时不动的站点编号; 省级站点不写也不动"
    )
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="多远算覆盖: 分钟 (驾车) 或米 (步行), 是标准的一档; 默认主要的一档"
    )
    phases: Annotated[dict[Year, Parts], Field(min_length=1, max_length=20)] | None = Field(
        default=None,
        description="分期: 年份 → 几处, 或 {number: 3, level: 三级以上}, 或几项的列表; 各年一起安排",
    )
    planning: Planning | None = Field(
        default=None,
        description="分期时采用哪种安排: look_ahead 各年合起来 (默认)、myopic 逐年依次; 两种都算, 差别写明",
    )
    failure: Annotated[float, Field(gt=0, lt=100)] | None = Field(
        default=None, description="每处失效的可能, 百分比, 只用于 expected; 默认 10"
    )
    level: Short = Field(default="", description="新站点的级别")
    note: Text = Field(default="", description="说明")

    @property
    def first_year(self) -> int:
        """Year of the first new site."""
        return self.year if self.year is not None else min(self.phases or {0: ()})

    @property
    def method(self) -> str:
        """The rule, or the model that is asked."""
        return self.rule or self.model or "mclp"

    def given(self, *names: str) -> list[str]:
        """Tell which of some keys are written."""
        return [name for name in names if getattr(self, name) not in (None, {})]

    @model_validator(mode="after")
    def _sense(self) -> Self:
        wrong = [*_amounts(self), *_uses(self), *_years(self)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def _amounts(asked: Siting) -> Iterator[str]:
    """Tell what is wrong with how much is asked."""
    if asked.rule is not None:
        return
    model, own = asked.method, asked.given("number", "budget", "share")
    if asked.phases is not None:
        if own:
            yield f"写了 phases 时不写 {'、'.join(own)}, 各年的数量写在 phases 里"
    elif model in _NUMBERED and not asked.given("number", "budget"):
        yield "应写明 number (新增几处) 或 budget (预算)"
    elif model in _NUMBERED and len(asked.given("number", "budget")) == 2:
        yield "number 和 budget 只能写一个"
    if model == "partial" and asked.share is None:
        yield "model 为 partial 时应写明 share (覆盖百分之几的居民)"
    if model == "lscp" and own:
        yield f"model 为 lscp 时不写 {'、'.join(own)}: 站点数由模型求出"
    if model == "partial" and asked.given("number", "budget"):
        yield "model 为 partial 时只写 share, 站点数由模型求出"
    if model in _NUMBERED and asked.share is not None and asked.phases is None:
        yield f"model 为 {model} 时不写 share; 按比例选址用 model: partial"


def _uses(asked: Siting) -> Iterator[str]:
    """Tell which keys have no use beside others."""
    if asked.rule is not None:
        own = asked.given(*_RULED, "model")
        if own:
            yield f"rule 为 each_county 或 each_city 时不写 {'、'.join(own)}"
        return
    model = asked.method
    if asked.hosts is not None and asked.candidates is not None:
        yield "hosts 和 candidates 只能写一个"
    if asked.keep is not None and asked.relocations is None:
        yield "keep 只在写了 relocations (可迁移几处) 时有用"
    if asked.relocations is not None and (asked.budget is not None or _has_budget(asked)):
        yield "relocations 与 budget 不能同写: 请用 number 写明新增几处"
    if asked.failure is not None and model != "expected":
        yield "failure (失效百分比) 只用于 model: expected"
    if asked.limit is not None and model in _WAYS:
        yield f"model 为 {model} 时不写 limit: 它比较路程, 没有时限"


def _years(asked: Siting) -> Iterator[str]:
    """Tell what is wrong with years and phases."""
    if asked.phases is None:
        if asked.year is None:
            yield "应写明 year (哪一年), 或 phases (各年的数量)"
        if asked.planning == "look_ahead" and asked.method != "mclp" and asked.rule is None:
            yield "planning 只用于 model: mclp"
        return
    if asked.year is not None:
        yield "写了 phases 时不写 year"
    if asked.rule is None and asked.method != "mclp":
        yield f"phases 只用于 model: mclp, 不用于 {asked.method}"
    parts = [part for year in asked.phases.values() for part in year]
    if len({part.budget is None for part in parts}) > 1:
        yield "各期应都写 number, 或都写 budget"


def _has_budget(asked: Siting) -> bool:
    return any(part.budget is not None for year in (asked.phases or {}).values() for part in year)
