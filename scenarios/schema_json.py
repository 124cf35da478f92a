"""JSON schema of scenario files, for editors: what may be written where, in Chinese."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from .schema import Scenario

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Json = dict[str, Any]

_TITLES = {
    "Siting": "一项选址要求",
    "Part": "一年的数量",
    "Costs": "价目表",
}
"""Chinese names of parts whose model has none."""

_MEANINGS = {
    "Costs.unit": "价格的单位, 默认 万元",
    "Costs.open": "新设一处的价格, 按资源类型; 可再按级别, 其他 表示其余级别",
    "Costs.close": "撤销一处的价格, 按资源类型; 可再按级别",
    "Costs.move": "迁移一处的价格, 按资源类型; 可再按级别",
    "Costs.resize": "改变一处容量、库存或人数的价格, 按资源类型; 可再按级别",
    "Costs.retime": "改变一处开放时间的价格, 按资源类型; 可再按级别",
    "Part.number": "新增几处",
    "Part.budget": "这一年新站点最多花多少, 单位见 costs.unit",
    "Part.level": "新站点的级别, 不写时同这项要求的 level",
    "Siting.kind": "资源类型",
    "Siting.year": "哪一年; 写了 phases 时不写",
    "Siting.rule": "不用模型: 在每个还没有站点的县 (each_county) 或设区市 (each_city) 的驻地各设一处",
    "Siting.model": (
        "选址模型: mclp 覆盖最多居民 (默认), lscp 最少几处全覆盖, partial 最少几处达到比例, "
        "backup 兼顾第二处, expected 计入失效, p-median 平均路程最短, p-center 最远路程最短"
    ),
    "Siting.number": "新增几处",
    "Siting.budget": "新站点最多花多少, 单位见 costs.unit",
    "Siting.share": "覆盖百分之几的居民, 用于 partial",
    "Siting.cost": "新设一处的价格; 不写时用 costs 里的",
    "Siting.hosts": "候选点是登记库里这些类型的场所, 例如 [学校, 社区]",
    "Siting.candidates": "候选点: settlements 居民点, seats 县城, cells 人口密集网格",
    "Siting.quotas": "各单位新增几处, 例如 {赣州市: 1-2, 各市: -1}: 至少-至多",
    "Siting.spacing_km": "新站点之间、新站点与现有站点之间至少相距多少公里 (直线)",
    "Siting.relocations": "现有站点最多可撤去几处, 改设新站点",
    "Siting.keep": "无论如何保留的现有站点的编号; 省级的总是保留",
    "Siting.limit": "多远算覆盖: 驾车为分钟, 步行为米, 应是标准的一档; 不写时用主要上限",
    "Siting.phases": "几年一起规划: 年份 → 数量, 例如 {2022: 40, 2023: 30}",
    "Siting.planning": "look_ahead 各年一起优化 (写了 phases 时默认), myopic 每年只看当年",
    "Siting.failure": "一处站点失效的百分比, 用于 expected",
    "Siting.level": "新站点的级别, 例如 县级",
    "Siting.note": "说明",
}
"""Chinese meaning of keys whose model states none."""

_EXACTLY_ONE = {
    "Block": ("road", "way", "near", "area", "classes"),
    "Slow": ("road", "way", "near", "area", "classes", "all"),
    "Grow": ("percent", "residents"),
}


def schema() -> Json:
    """Return the JSON schema (draft 2020-12) of a scenario file.

    It accepts every file that is accepted when it is read, but for values of keys that must not be written
    empty; what depends on other keys or on the data is only checked on reading.

    Examples
    --------
    >>> made = schema()
    >>> made["$schema"], made["required"], made["additionalProperties"]
    ('https://json-schema.org/draft/2020-12/schema', ['name', 'title'], False)
    """
    made = copy.deepcopy(Scenario.model_json_schema())
    parts = made.pop("$defs", {})
    for name, part in parts.items():
        _explain(name, part)
    _explain("Scenario", made)
    made |= {"$schema": DIALECT, "title": "boai 方案"}
    _loosen(parts)
    return {"$schema": made.pop("$schema"), **made, "$defs": dict(sorted(parts.items()))}


def keys(made: Json) -> Iterator[tuple[str, Json]]:
    """Go through all keys that a schema knows: (``Open.lon``, what may stand there)."""
    for name, part in [("Scenario", made), *made["$defs"].items()]:
        for key, value in part.get("properties", {}).items():
            yield f"{name}.{key}", value


def _explain(name: str, part: Json) -> None:
    """Give a part Chinese words, and take away what is meant for Python."""
    part.pop("description", None)
    part["title"] = _TITLES.get(name, part.get("title", name))
    for key, value in part.get("properties", {}).items():
        value.pop("title", None)
        if value.get("default", ...) in (None, [], {}):
            value.pop("default")
        value.setdefault("description", _MEANINGS.get(f"{name}.{key}", ""))
        part["properties"][key] = _without_null(value)


def _without_null(value: Json) -> Json:
    """Leave out that a key may be empty: whoever has nothing to say leaves out the key."""
    choices = [one for one in value.get("anyOf", []) if one.get("type") != "null"]
    if "anyOf" not in value:
        return value
    rest = {key: own for key, own in value.items() if key != "anyOf"}
    if len(choices) == 1:
        return {**choices[0], **rest}
    return {"anyOf": choices, **rest}


def _loosen(parts: dict[str, Json]) -> None:
    """State what files may hold beside what the models keep, and what must stand together."""
    change = parts["Change"]
    change |= {"minProperties": 1, "maxProperties": 1}
    for name, own in _EXACTLY_ONE.items():
        parts[name]["oneOf"] = [{"required": [key]} for key in own]
    siting = parts["Siting"]["properties"]
    siting["quotas"] = {
        "type": "object",
        "additionalProperties": {"anyOf": [{"type": "string", "maxLength": 12}, {"type": "integer"}]},
        "maxProperties": 120,
        "description": siting["quotas"]["description"],
    }
    part = {"$ref": "#/$defs/Part"}
    several = {"type": "array", "items": part, "minItems": 1, "maxItems": 10}
    siting["phases"] = {
        "type": "object",
        "additionalProperties": {
            "anyOf": [{"type": "integer", "minimum": 1, "maximum": 5000}, part, several]
        },
        "minProperties": 1,
        "maxProperties": 20,
        "description": siting["phases"]["description"],
    }
