"""Standards that a scenario sets otherwise: as they are written, and the standards that come of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from ..coverage.standard_keys import KEYS, Key, contradictions
from ..coverage.standards import Cited, Standard
from ..geodata.errors import Problem
from ..geodata.layers import KIND_NAMES, Kind
from .reading import PLAIN, TABLE, Model

SET_HERE = "方案设定"
"""Source of every value that a scenario sets."""

Limit = Annotated[int, Field(ge=1, le=100_000)]


def _share(value: Any) -> Any:
    """Take 80 for 80 %: shares above 1 are percent."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 1:
        return value
    if value > 100:
        raise ValueError("应大于 0, 不超过 100 (80 或 0.8 都表示 80 %)")
    return value / 100


_Share = Annotated[
    float,
    Field(gt=0, le=1),
    BeforeValidator(_share, json_schema_input_type=Annotated[float, Field(gt=0, le=100)]),
]


class StandardChange(Model):
    """Values of one standard that a scenario sets; what is not written stays."""

    model_config = ConfigDict(title="一类资源的标准")

    main: Limit | None = Field(default=None, description="主要上限, 应是各档之一: 驾车为分钟, 步行为米")
    limits: Annotated[tuple[Limit, ...], Field(strict=False, min_length=1, max_length=20)] | None = Field(
        default=None, description="各档上限, 从小到大: 驾车为分钟, 步行为米"
    )
    target_share: _Share | None = Field(default=None, description="应覆盖的居民比例: 80 或 0.8 都表示 80 %")
    backup: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        default=None, description="除最近一处外, 主要上限内还应有几处"
    )
    mobilisation: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        default=None, description="没有填写准备时间的站点按几分钟计; 只用于驾车"
    )
    unknown_hours: Literal["open", "closed"] | None = Field(
        default=None, description="开放时间未填的站点: open 按开放计, closed 按不开放计"
    )
    detour: Annotated[float, Field(ge=1, le=1000)] | None = Field(
        default=None, description="绕行系数, 不小于 1"
    )
    min_density: Annotated[float, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="只在不低于此密度的网格中找空白区, 人/平方公里; 0 表示全部"
    )


_OneStandard = Annotated[
    Annotated[Limit, Tag(PLAIN)] | Annotated[StandardChange, Tag(TABLE)],
    Discriminator(lambda value: TABLE if isinstance(value, Mapping | StandardChange) else PLAIN),
]


def _plain(value: Any) -> Any:
    """Write a table that sets nothing but the main limit as that limit: both mean the same."""
    return value["main"] if isinstance(value, Mapping) and list(value) == ["main"] else value


_Own = Annotated[_OneStandard, BeforeValidator(_plain, json_schema_input_type=Limit | StandardChange)] | None


class Standards(Model):
    """Standards that the scenario sets otherwise, by layer: a main limit alone, or a table of values."""

    model_config = ConfigDict(title="服务标准")

    aed: _Own = Field(default=None, description="AED: 主要上限 (米), 或各项标准")
    home: _Own = Field(default=None, description="博爱家园: 主要上限 (米), 或各项标准")
    warehouse: _Own = Field(default=None, description="备灾仓库: 主要上限 (分钟), 或各项标准")
    team: _Own = Field(default=None, description="救援队: 主要上限 (分钟), 或各项标准")
    training: _Own = Field(default=None, description="培训基地: 主要上限 (分钟或米, 照标准), 或各项标准")

    def of(self, kind: Kind) -> StandardChange | None:
        """Return what is set for a layer; None where nothing is."""
        own = getattr(self, kind, None)
        return StandardChange(main=own) if isinstance(own, int) else own


def changed_standards(
    standards: Mapping[Kind, Standard], wanted: Standards, place: Callable[[str], str]
) -> tuple[Mapping[Kind, Standard], list[Problem]]:
    """Set the values of a scenario in the standards: (all standards, what is wrong).

    Standards that nothing changes are the very same objects, and so is the mapping.

    Parameters
    ----------
    place
        Names a key for messages: ``aed.main`` → ``plan.yaml standards.aed.main``.
    """
    found, problems = dict(standards), list[Problem]()
    for kind in KIND_NAMES:
        own = wanted.of(kind)
        if own is None:
            continue
        if kind not in standards:
            problems.append(Problem(place(kind), "工作区没有这个图层", KIND_NAMES[kind]))
            continue
        made, wrong = _changed(standards[kind], own, lambda key, kind=kind: place(_path(kind, key)))  # type: ignore[misc]
        problems += wrong
        found[kind] = made
    same = all(found[kind] is standard for kind, standard in standards.items())
    return standards if same else found, problems


def _path(kind: str, key: str) -> str:
    return f"{kind}.{key}" if key else kind


def _changed(
    standard: Standard, own: StandardChange, place: Callable[[str], str]
) -> tuple[Standard, list[Problem]]:
    """Make one standard with its new values; the old one where something is wrong."""
    keys = {_written(key): key for key in KEYS if standard.mode in key.modes}
    stated = {name: value for name, value in own.model_dump().items() if value is not None}
    problems = [
        Problem(place(name), f"{standard.name}按步行距离衡量, 没有这一项", fix="请删去")
        for name in stated
        if name not in keys
    ]
    if "main" in stated and "limits" not in stated and keys["main"].in_field(own.main) not in standard.limits:
        problems.append(
            limit_problem(place("main") if len(stated) > 1 else place(""), standard, own.main or 0)
        )
    if problems:
        return standard, problems
    fields = {keys[name].field: keys[name].in_field(value) for name, value in stated.items()}
    new = {name: value for name, value in fields.items() if getattr(standard, name) != value}
    wrong = contradictions(place(""), vars(standard) | new)
    if wrong or not new:
        return standard, [replace(one, fix="") for one in wrong]
    return _cited(standard, {key.field: key for key in keys.values()}, new), []


def _written(key: Key) -> str:
    """Name a key of a standards file as scenarios do, whose units go without saying."""
    name = key.name
    for ending in ("_min", "_m"):
        name = name.removesuffix(ending)
    return name


def _cited(standard: Standard, keys: Mapping[str, Key], new: Mapping[str, Any]) -> Standard:
    """Put new values into a standard, with the scenario as their source."""
    names = {keys[field].name for field in new}
    kept = tuple(each for each in standard.cited if each.key.partition(".")[0] not in names)
    gone = {each.note for each in standard.cited if each not in kept}
    fresh = [one for field, value in new.items() for one in _citations(standard, keys[field], value)]
    notes = [note for note in standard.notes if note not in gone]
    return replace(
        standard,
        **new,
        cited=(*kept, *fresh),
        notes=tuple(dict.fromkeys((*notes, *(one.note for one in fresh if one.note)))),
    )


def _citations(standard: Standard, key: Key, value: Any) -> list[Cited]:
    """Say of one key where its new value comes from, and what it was."""
    new, old = _shown(key, value), _shown(key, getattr(standard, key.field))
    note = f"{key.title} {'、'.join(new)}为{SET_HERE}, 原为{'、'.join(old)}。"
    if key.shape != "list":
        return [Cited(key.name, new[0], SET_HERE, "C", note)]
    paths = [f"{key.name}.{text.removesuffix(key.unit)}" for text in new]
    notes = [note, *[""] * (len(new) - 1)]
    return [
        Cited(*one, SET_HERE, "C", said)
        for one, said in zip(zip(paths, new, strict=True), notes, strict=True)
    ]


def _shown(key: Key, value: Any) -> list[str]:
    """Say the value of a field in the units of a standards file."""
    several = value if key.shape == "list" else (value,)
    plain = [each if key.scale == 1 or each is None else each / key.scale for each in several]
    return [key.shown(each) for each in plain]


def limit_problem(where: str, standard: Standard, got: int) -> Problem:
    """Say that a limit is none of a standard's."""
    unit = 60 if standard.mode == "drive" else 1
    known = ", ".join(f"{limit // unit}" for limit in standard.limits)
    return Problem(where, f"应是{standard.name}的一档, 单位{standard.unit}", str(got), f"可选: {known}")
