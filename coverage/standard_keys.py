"""The keys of a standards file as data: what each value is, its unit, its Chinese name, what it may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, Literal

from ..geodata.errors import Problem

UNITS = ("县", "市", "省")
"""Whose stores have a time limit (达标检查), the strictest first."""
SITE_LEVELS = ("国家级", "省级", "市级", "县级", "乡镇级", "村级", "一级", "二级", "三级")
"""Levels that a site may state; the same as in ``geodata/tables/types.yaml`` (tested)."""
FIX = "请对照 boai standards export 写出的文件修改"
UNSET = "未设定"
"""How an empty value is shown."""

_MOST = 1_000_000
_MOST_LIMITS = 20
_HOURS = {"open": "按开放计", "closed": "按不开放计"}


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number of a size that an office may mean."""
    right = isinstance(value, int | float) and not isinstance(value, bool)
    return right and abs(value) <= _MOST and isfinite(value)


def is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number from 0 to a million."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST


_TYPES: dict[str, tuple[Callable[[Any], bool], Callable[[Any], Any], str]] = {
    "whole": (is_whole, int, "应为不小于0、不超过1000000的整数"),
    "number": (is_number, float, "应为数字, 不超过1000000"),
    "share": (
        lambda value: value is None or is_number(value),
        lambda value: None if value is None else float(value),
        "应为数字 (90 % 写作 0.9), 或留空",
    ),
    "hours": (lambda value: isinstance(value, str) and value in _HOURS, str, "应为 open 或 closed"),
}
"""What a value must be, how it is kept, what is said where it is not."""


@dataclass(frozen=True)
class Key:
    """One key of a resource type in a standards file."""

    name: str
    field: str
    """The field of ``Standard`` that it fills."""
    title: str
    """Chinese name."""
    meaning: str
    """Chinese: what an office must know before it changes the value."""
    type: Literal["whole", "number", "share", "hours"] = "whole"
    shape: Literal["one", "list", "map"] = "one"
    unit: str = ""
    scale: int = 1
    """Units of the field in one unit of the file: 60 where the file has minutes."""
    modes: tuple[str, ...] = ("drive", "walk")
    required: bool = False
    names: tuple[str, ...] = ()
    """map: what may be named; empty: anything."""

    def right(self, value: Any) -> bool:
        """Tell whether one value is of the type."""
        return _TYPES[self.type][0](value)

    def kept(self, value: Any) -> Any:
        """Bring a right value to the form in which it is kept."""
        return _TYPES[self.type][1](value)

    @property
    def what(self) -> str:
        """Say what one value should be, in Chinese."""
        return _TYPES[self.type][2]

    def shown(self, value: Any) -> str:
        """Say one value in the units of the file.

        Examples
        --------
        >>> key_of("limits_m").shown(160), key_of("target_share").shown(0.9), key_of("backup").shown(0)
        ('160米', '90 %', '0处')
        """
        if value is None:
            return UNSET
        if self.type == "hours":
            return _HOURS.get(value, str(value))
        share = self.unit == "%"
        number = round(100 * value, 10) if share else value
        text = str(int(number)) if isfinite(number) and number == int(number) else str(number)
        return f"{text} %" if share else f"{text}{self.unit}"

    def in_field(self, value: Any) -> Any:
        """Bring what the file holds (a value, a tuple, or pairs) to what the field holds."""
        if self.shape == "list":
            return tuple(each * self.scale for each in value)
        if self.shape == "map":
            return tuple((name, each * self.scale) for name, each in value)
        return value if value is None or self.scale == 1 else value * self.scale


_WALK, _DRIVE = ("walk",), ("drive",)

KEYS: tuple[Key, ...] = (
    Key("limits_m", "limits", "各档上限", "单程距离, 从小到大; 含等号",
        shape="list", unit="米", modes=_WALK, required=True),
    Key("limits_min", "limits", "各档上限", "单程行车时间, 从小到大; 含等号",
        shape="list", unit="分钟", scale=60, modes=_DRIVE, required=True),
    Key("main_m", "main", "主要上限", "各档之一; 首页、空白区和选址用这一档",
        unit="米", modes=_WALK, required=True),
    Key("main_min", "main", "主要上限", "各档之一; 首页、空白区和选址用这一档",
        unit="分钟", scale=60, modes=_DRIVE, required=True),
    Key("detour", "detour", "绕行系数",
        "步行: 路网距离与直线距离之比, 1.0 表示上限就是直线半径; 驾车: 到最近道路一段",
        type="number", required=True),
    Key("min_density", "min_density", "空白区最低密度", "只在不低于此密度的网格中找空白区, 0 表示全部",
        type="number", unit="人/平方公里", required=True),
    Key("access_kmh", "access_kmh", "到最近道路的车速", "站点或居民点到最近道路一段的车速",
        type="number", unit="公里/小时", modes=_DRIVE),
    Key("mobilisation_min", "mobilisation_s", "准备时间", "站点没有填写准备时间的按此计",
        unit="分钟", scale=60, modes=_DRIVE),
    Key("compliance_min", "compliance", "达标时限", "从下达指令到第一批物资运抵, 键为 县、市、省",
        shape="map", unit="分钟", scale=60, modes=_DRIVE, names=UNITS),
    Key("target_share", "target_share", "应覆盖的居民比例", "主要上限内, 0.9 即 90 %; 留空表示没有规定",
        type="share", unit="%"),
    Key("backup", "backup", "备份", "除最近一处外, 主要上限内还应有几处", unit="处"),
    Key("unknown_hours", "unknown_hours", "开放时间未填的", "open 按开放计, closed 按不开放计",
        type="hours"),
    Key("need_share", "need_share", "同时需要救助的居民比例", "计算保障能力时用, 0.01 即 1 %",
        type="number", unit="%"),
    Key("capacity_by_level", "capacity_by_level", "按级别的保障人数",
        "没有填写容量和库存的站点按此计, 键为级别", shape="map", unit="人", names=SITE_LEVELS),
    Key("persons_per_item", "persons_per_item", "一件物资供几人", "键为库存中的物资名称",
        type="number", shape="map", unit="人"),
)  # fmt: skip
"""Every key that holds figures, in the order in which a file is written."""

MODE_WORDS = {"walk": "步行", "drive": "驾车"}


def key_of(name: str) -> Key:
    """Return the key of that name; raises ``StopIteration`` where there is none."""
    return next(key for key in KEYS if key.name == name)


def title_of(path: str) -> str:
    """Say the path of a value in Chinese.

    Examples
    --------
    >>> title_of("limits_m.160"), title_of("compliance_min.县"), title_of("mode")
    ('各档上限', '达标时限 县', '方式')
    """
    name, _, part = path.partition(".")
    if name == "mode":
        return "方式"
    key = key_of(name)
    return f"{key.title} {part}" if key.shape == "map" else key.title


Fields = Mapping[str, Any]


def _ascending(limits: tuple[int, ...]) -> bool:
    right = 0 < len(limits) <= _MOST_LIMITS and limits[0] > 0
    return right and all(lower < upper for lower, upper in pairwise(limits))


def _named_once(pairs: tuple[tuple[str, float], ...], names: tuple[str, ...] = ()) -> bool:
    """Tell whether every name stands once, is known, and has a positive amount."""
    found = [name for name, _ in pairs]
    known = all(name in names if names else bool(name) for name in found)
    return known and len(set(found)) == len(found) and all(0 < amount < float("inf") for _, amount in pairs)


def _later(times: tuple[tuple[str, int], ...], ready_s: int | None) -> bool:
    return all(value > (ready_s or 0) for _, value in times)


_CHECKS: tuple[tuple[tuple[str, ...], Callable[..., bool], str], ...] = (
    (("mode",), lambda mode: mode in MODE_WORDS, "mode 应为 drive 或 walk"),
    (("limits",), _ascending, f"各档上限应大于0并从小到大, 最多{_MOST_LIMITS}档"),
    (("main", "limits"), lambda main, limits: main in limits, "主要上限应是各档之一"),
    (("detour",), lambda value: 1 <= value < float("inf"), "绕行系数 detour 应不小于1"),
    (("min_density",), lambda value: 0 <= value < float("inf"), "min_density 应不小于0"),
    (("access_kmh",), lambda value: 0 < value < float("inf"), "access_kmh 应大于0"),
    (("confidence",), lambda value: value in {"A", "B", "C"}, "confidence 应为 A、B 或 C"),
    (("mobilisation_s",), lambda value: value is None or value >= 0, "准备时间应不小于0"),
    (("compliance",), lambda pairs: _named_once(pairs, UNITS), "达标时限应大于0, 键为 县、市、省"),
    (("compliance", "mobilisation_s"), _later, "达标时限应长于准备时间"),
    (
        ("target_share",),
        lambda value: value is None or 0 < value <= 1,
        "target_share 应大于0、不超过1 (90 % 写作 0.9), 没有规定的留空",
    ),
    (("backup",), is_whole, "backup 应为不小于0的整数"),
    (("unknown_hours",), lambda value: value in _HOURS, "unknown_hours 应为 open 或 closed"),
    (("need_share",), lambda value: 0 < value <= 1, "need_share 应大于0、不超过1 (1 % 写作 0.01)"),
    (
        ("capacity_by_level",),
        lambda pairs: _named_once(pairs, SITE_LEVELS),
        f"capacity_by_level 的人数应大于0, 级别为 {'、'.join(SITE_LEVELS)} 之一",
    ),
    (("persons_per_item",), _named_once, "persons_per_item 的人数应大于0, 物资要有名称且不重复"),
)
"""What cannot be: (fields, test, what is said)."""


def contradictions(where: str, fields: Fields) -> list[Problem]:
    """List what cannot be in the fields of a standard; a check of a field that is not there is left out."""
    found = []
    for names, test, what in _CHECKS:
        if all(name in fields for name in names) and not test(*(fields[name] for name in names)):
            found.append(Problem(where, what, _got(fields, names[0]), FIX))
    return found


def _got(fields: Fields, name: str) -> str:
    """Show a field in the units of the file, so that an office finds it there."""
    value, mode = fields[name], fields.get("mode")
    key = next((key for key in KEYS if key.field == name and mode in key.modes), None)
    if key is None or value is None:
        return str(value)
    if key.shape == "list":
        return "、".join(key.shown(each / key.scale) for each in value) or "空"
    if key.shape == "map":
        return "、".join(f"{part} {key.shown(each / key.scale)}" for part, each in value)
    return key.shown(value if isinstance(value, str) else value / key.scale)
