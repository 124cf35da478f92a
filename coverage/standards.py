"""Standards: how far is near enough, per resource type; the defaults are data with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from math import ceil, isfinite
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind

Mode = Literal["drive", "walk"]
Confidence = Literal["A", "B", "C"]

_UNITS = ("县", "市", "省")
_WALK_KEYS = {"limits_m", "main_m"}
_DRIVE_KEYS = {"limits_min", "main_min"}
_COMMON_KEYS = {"name", "mode", "detour", "min_density", "source", "confidence"}
_OPTIONAL_KEYS = {"walk": {"notes"}, "drive": {"notes", "access_kmh", "mobilisation_min", "compliance_min"}}
_RULE_KEYS = {"kind", "unit", "minimum", "site_levels", "text", "source"}
_FIX = "请对照默认的 standards.yaml 修改"


@dataclass(frozen=True)
class Standard:
    """The service standard of one resource type. Every limit is inclusive (<=).

    Raises
    ------
    InputError
        The values contradict each other, such as a main limit that is not among the limits.

    Examples
    --------
    >>> standard = load_standards()["aed"]
    >>> [standard.limit_text(limit) for limit in standard.limits]
    ['100米', '160米', '270米']
    >>> standard.main_index
    2
    """

    kind: Kind
    name: str
    mode: Mode
    """drive: one-way driving time from the site to the residents; walk: one-way distance on foot."""
    limits: tuple[int, ...]
    """Ascending. drive: seconds; walk: metres along the network, or of straight radius where detour is 1."""
    main: int
    """The one of ``limits`` that gaps, siting and headlines use."""
    detour: float
    """Network distance over straight distance, at least 1; for drive only on the way to the nearest node."""
    min_density: float
    """Gaps look only at cells with at least so many residents per km2; 0 takes all."""
    source: str
    confidence: Confidence
    """A: primary text or measured; B: reliable secondary text; C: draft, inference or assumption."""
    access_kmh: float = 20.0
    """drive: speed between a site or residents and their nearest node (an assumption, 假设)."""
    mobilisation_s: int | None = None
    """Time to get ready where a site states none (an assumption, 假设); None where it has no meaning."""
    compliance: tuple[tuple[str, int], ...] = ()
    """(unit, seconds) from the order to the first supplies: a check beside the planning limits."""
    notes: tuple[str, ...] = ()
    """What a reader of the result must know, in Chinese."""

    def __post_init__(self) -> None:
        problems = _contradictions(self.name, self)
        if problems:
            raise InputError(problems)

    @property
    def unit(self) -> str:
        """Unit of a cost as it is shown: 分钟 (drive) or 米 (walk)."""
        return "分钟" if self.mode == "drive" else "米"

    @property
    def main_index(self) -> int:
        """Position of the main limit in ``limits``."""
        return self.limits.index(self.main)

    @property
    def measure_text(self) -> str:
        """What the limits measure: 驾车时间, 步行路网距离 or 直线半径."""
        if self.mode == "drive":
            return "驾车时间"
        return "直线半径" if self.detour == 1 else f"步行路网距离(直线距离×{self.detour:g})"

    def limit_text(self, limit: float) -> str:
        """Say a limit as planners do: 1小时, 90分钟, 270米, 1公里."""
        large, size, small = (3600, 60, "分钟") if self.mode == "drive" else (1000, 1, "米")
        if limit % large == 0:
            return f"{limit // large:g}{'小时' if self.mode == 'drive' else '公里'}"
        return f"{limit / size:g}{small}"

    def cost_text(self, cost: float) -> str:
        """Say a cost (seconds or metres, inf where there is none) rounded: 1小时35分钟, 850米, 12.3公里."""
        if not isfinite(cost):
            return "无法到达"
        if self.mode == "walk":
            return f"{round(cost)}米" if round(cost) < 1000 else f"{cost / 1000:.1f}公里"
        hours, minutes = divmod(round(cost / 60), 60)
        parts = [f"{hours}小时"] * bool(hours) + [f"{minutes}分钟"] * bool(minutes or not hours)
        return "".join(parts)

    def cost_text_up(self, cost: float) -> str:
        """Say a cost with minutes rounded up: "90 % are within" and "beyond an hour" stay true."""
        whole = ceil(cost / 60) * 60 if self.mode == "drive" and isfinite(cost) else cost
        return self.cost_text(whole)


@dataclass(frozen=True)
class Rule:
    """An administrative requirement: at least ``minimum`` sites of a kind in every unit of a level."""

    kind: Kind
    unit: Literal["市", "县"]
    minimum: int
    site_levels: tuple[str, ...]
    """Levels of the sites that count; empty where all do."""
    text: str
    source: str


def load_standards(path: Path | None = None) -> dict[Kind, Standard]:
    """Load the standards of all resource types.

    Parameters
    ----------
    path
        A YAML file in the form of ``tables/standards.yaml``; the kinds that it does not list, and all of them
        where it is None, keep their defaults.

    Raises
    ------
    InputError
        With every problem of the file at once: unknown or missing keys, wrong types, contradictions.
    """
    found = _read(path)[0]
    default = _read(None)[0] if path is not None else found
    return {kind: found.get(kind, default[kind]) for kind in KIND_NAMES}


def load_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """Load the administrative requirements, by default those of the project; raises ``InputError``."""
    return _read(path)[1]


class _UniqueLoader(yaml.SafeLoader):
    """A safe loader that refuses a key that stands twice (YAML would silently keep the last)."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (key_node, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"重复的键 {key}", key_node.start_mark)
        return super().construct_mapping(node, deep)


def _read(path: Path | None) -> tuple[dict[Kind, Standard], tuple[Rule, ...]]:
    where = "standards.yaml" if path is None else str(path)
    try:
        source = files("boai.coverage") / "tables" / "standards.yaml" if path is None else path
        # The loader is a subclass of yaml.SafeLoader: it makes plain values only.
        content = yaml.load(source.read_text(encoding="utf-8-sig"), Loader=_UniqueLoader)  # noqa: S506
    except OSError as error:
        raise InputError(Problem(where, "服务标准文件无法读取", str(error.strerror), "请检查路径")) from None
    except UnicodeDecodeError:
        raise InputError(Problem(where, "服务标准文件应为 UTF-8 编码", fix="请另存为 UTF-8")) from None
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise InputError(Problem(where, "不是有效的 YAML", " ".join(str(error).split()), _FIX)) from None
    problems: list[Problem] = []
    root = _mapping(where, content, {"standards"}, {"rules"}, problems)
    standards = _parse_standards(where, root.get("standards", {}), problems)
    rules = _parse_rules(where, root.get("rules", []), problems)
    if problems:
        raise InputError(problems)
    return standards, rules


def _parse_standards(where: str, content: Any, problems: list[Problem]) -> dict[Kind, Standard]:
    found: dict[Kind, Standard] = {}
    entries = _mapping(f"{where} standards", content, set(), set(KIND_NAMES), problems)
    for kind in KIND_NAMES:
        if kind in entries:
            at = f"{where} standards.{kind}"
            fresh: list[Problem] = []
            fields = _parse_fields(at, entries[kind], fresh)
            if not fresh:
                try:
                    found[kind] = Standard(kind=kind, **fields)
                except InputError as error:
                    fresh += [Problem(at, each.what, each.got, each.fix) for each in error.problems]
            problems += fresh
    return found


def _parse_fields(where: str, content: Any, problems: list[Problem]) -> dict[str, Any]:
    mode = content.get("mode") if isinstance(content, Mapping) else None
    if isinstance(content, Mapping) and mode not in get_args(Mode):
        problems.append(Problem(f"{where}.mode", "应为 drive 或 walk", _shown(mode), _FIX))
        return {}
    own = _DRIVE_KEYS if mode == "drive" else _WALK_KEYS
    entry = _mapping(where, content, _COMMON_KEYS | own, _OPTIONAL_KEYS[str(mode or "walk")], problems)
    read = _Reader(where, entry, problems)
    suffix, scale = ("_min", 60) if mode == "drive" else ("_m", 1)
    at = f"{where}.compliance_min"
    compliance = _mapping(at, entry.get("compliance_min", {}), set(), set(_UNITS), problems)
    times = _Reader(at, compliance, problems)
    mobilisation = read.whole("mobilisation_min") if "mobilisation_min" in entry else None
    return {
        "name": read.text("name"),
        "mode": mode,
        "limits": tuple(value * scale for value in read.wholes(f"limits{suffix}")),
        "main": read.whole(f"main{suffix}") * scale,
        "detour": read.number("detour"),
        "min_density": read.number("min_density"),
        "source": read.text("source"),
        "confidence": read.text("confidence"),
        "access_kmh": read.number("access_kmh") if "access_kmh" in entry else 20.0,
        "mobilisation_s": None if mobilisation is None else mobilisation * 60,
        "compliance": tuple((unit, times.whole(unit) * 60) for unit in _UNITS if unit in compliance),
        "notes": read.texts("notes") if "notes" in entry else (),
    }


def _parse_rules(where: str, content: Any, problems: list[Problem]) -> tuple[Rule, ...]:
    if not isinstance(content, list):
        problems.append(Problem(f"{where} rules", "应为列表", _shown(content), _FIX))
        return ()
    rules = []
    for number, item in enumerate(content, start=1):
        at = f"{where} rules 第{number}条"
        fresh: list[Problem] = []
        entry = _mapping(at, item, _RULE_KEYS, set(), fresh)
        read = _Reader(at, entry, fresh)
        kind, unit = read.choice("kind", tuple(KIND_NAMES)), read.choice("unit", ("市", "县"))
        minimum, levels = read.whole("minimum"), read.texts("site_levels")
        rule = Rule(kind, unit, minimum, levels, read.text("text"), read.text("source"))  # type: ignore[arg-type]
        problems += fresh
        rules += [] if fresh else [rule]
    return tuple(rules)


def _mapping(
    where: str, content: Any, required: set[str], optional: set[str], problems: list[Problem]
) -> Mapping[str, Any]:
    """Check the keys of a mapping; another type is reported once and counts as empty."""
    if not isinstance(content, Mapping):
        problems.append(Problem(where, "应为键值对", _shown(content), _FIX))
        return {}
    known = required | optional
    for key in content:
        if key not in known:
            problems.append(Problem(where, "未知的键", _shown(key), f"可用的键: {', '.join(sorted(known))}"))
    for key in sorted(required - set(content)):
        problems.append(Problem(where, f"缺少 {key}", fix=_FIX))
    return content


@dataclass(frozen=True)
class _Reader:
    """Read typed values of one mapping; what is wrong is collected, what is missing was reported before."""

    where: str
    entry: Mapping[str, Any]
    problems: list[Problem]

    def _wrong(self, key: str, what: str) -> None:
        if key in self.entry:
            self.problems.append(Problem(f"{self.where}.{key}", what, _shown(self.entry[key]), _FIX))

    def text(self, key: str) -> str:
        value = self.entry.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        self._wrong(key, "应为非空文字")
        return ""

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.entry.get(key)
        if isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value):
            return tuple(item.strip() for item in value)
        self._wrong(key, "应为文字的列表")
        return ()

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        if key in self.entry and self.entry[key] not in choices:
            self._wrong(key, f"应为 {', '.join(choices)} 之一")
        return str(self.entry.get(key, ""))

    def number(self, key: str) -> float:
        value = self.entry.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            return float(value)
        self._wrong(key, "应为数字")
        return 0.0

    def whole(self, key: str) -> int:
        value = self.entry.get(key)
        if _is_whole(value):
            return int(str(value))
        self._wrong(key, "应为不小于0、不超过1000000的整数")
        return 0

    def wholes(self, key: str) -> tuple[int, ...]:
        value = self.entry.get(key)
        if isinstance(value, list) and value and all(_is_whole(item) for item in value):
            return tuple(value)
        self._wrong(key, "应为整数的列表")
        return ()


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1_000_000


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _contradictions(where: str, standard: Standard) -> list[Problem]:
    """List what in a standard cannot be, whoever made it."""
    limits = standard.limits
    ascending = bool(limits) and limits[0] > 0 and all(a < b for a, b in pairwise(limits))
    compliance = tuple(dict(standard.compliance).values())
    ready = standard.mobilisation_s or 0
    checks = (
        (ascending, "各档上限应大于0并从小到大", limits),
        (standard.main in limits, "主要上限应是各档之一", standard.main),
        (standard.detour >= 1, "绕行系数 detour 应不小于1", standard.detour),
        (standard.min_density >= 0, "min_density 应不小于0", standard.min_density),
        (standard.access_kmh > 0, "access_kmh 应大于0", standard.access_kmh),
        (standard.confidence in get_args(Confidence), "confidence 应为 A、B 或 C", standard.confidence),
        (all(value > ready for value in compliance), "达标时限应长于准备时间", compliance),
    )
    return [Problem(where, what, _shown(got), _FIX) for good, what, got in checks if not good]
