"""The schema file of the resource types: checked key by key, then made into ``ResourceType``."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import yaml

from .errors import InputError, Problem
from .types import COMMON, Attribute, AttributeType, ResourceType, normal
from .yamlfile import read_yaml, shown

_EMBEDDED = "types.yaml"
ATTRIBUTE_TYPES: tuple[str, ...] = get_args(AttributeType)
"""What an attribute may hold; longitude and latitude are for the common ones."""
_MOST = 100
_ONLY_COMMON = ("longitude", "latitude")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_STORES = re.compile(r"(gpkg|sqlite|rtree|pg|boai)_|(sites|layers|revisions|history|quarantine|meta)$")
"""Names of tables that a registry or its database keeps for itself: a type gets a view of its name."""
_COLUMNS = frozenset(
    {"attributes", "extras", "example", "revision", "geometry", "geom", "fid", "kind", "file", "sheet", "row"}
    | {"codes", "problems", "cells", "rowid", "oid"}
)
"""Columns beside the attributes in the registry, the quarantine and an intake."""
_FIX = "请对照 docs/types.md 修改"


def _is_line(value: Any, most: int = 30) -> bool:
    """Tell whether a value is one short line of plain text that no spreadsheet takes for a formula."""
    return (
        isinstance(value, str)
        and 0 < len(value.strip()) <= most
        and value.isprintable()
        and unicodedata.normalize("NFKC", value).lstrip()[:1] not in {*"=+-@<", ""}
    )


def _is_sentence(value: Any) -> bool:
    return _is_line(value, 200)


def _is_header(value: Any) -> bool:
    return _is_line(value) and bool(normal(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 500 and all(_is_header(each) for each in value)


def _is_words(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_header(text) for pair in value.items() for text in pair)


_LIST = "应为文字的列表, 每项最多 30 个字(写成 yes、no 或数字的请加引号)"
_ATTRIBUTE: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "title": (_is_header, "应为一行文字, 最多 30 个字, 不以 = + - @ 开头"),
    "type": (lambda value: value in ATTRIBUTE_TYPES, f"应为 {'、'.join(ATTRIBUTE_TYPES)} 之一"),
    "meaning": (_is_sentence, "应为一行文字, 最多 200 个字"),
    "unit": (_is_line, "应为一行文字, 最多 30 个字"),
    "default": (lambda value: _is_line(value) or isinstance(value, bool) or _is_number(value), "应为一个值"),
    "required": (lambda value: isinstance(value, bool), "应为 true 或 false"),
    "open": (lambda value: isinstance(value, bool), "应为 true 或 false"),
    "allowed": (_is_list, _LIST),
    "words": (_is_words, "应为 写法: 值 的键值对"),
    "minimum": (_is_number, "应为数字"),
    "maximum": (_is_number, "应为数字"),
    "synonyms": (_is_list, _LIST),
    "instead": (_is_list, _LIST),
    "items": (_is_list, _LIST),
    "except": (_is_list, _LIST),
    "example": (_is_line, "应为一行文字, 最多 30 个字(数字请加引号)"),
}
CHANGE_KEYS = (
    "meaning",
    "unit",
    "default",
    "required",
    "minimum",
    "maximum",
    "synonyms",
    "except",
    "example",
)
"""What a type may change of a common attribute: never its title or type, as all types share the column."""
ATTRIBUTE_KEYS = tuple(key for key in _ATTRIBUTE if key != "except")
"""What describes an own attribute; one that is shared may take synonyms away with ``except``."""
_TYPE: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "title": _ATTRIBUTE["title"],
    "role": (lambda value: value in ("resource", "host"), "应为 resource(资源) 或 host(可设点的场所)"),
    "meaning": _ATTRIBUTE["meaning"],
    "synonyms": _ATTRIBUTE["synonyms"],
    "without": _ATTRIBUTE["synonyms"],
    "common": (_is_mapping, "应为键值对"),
    "own": (lambda value: isinstance(value, dict) and len(value) <= 100, "应为键值对, 最多 100 项"),
}

Checked = tuple[Attribute | None, list[Problem]]


def embedded() -> Mapping[str, ResourceType]:
    """Build the types of ``tables/types.yaml``; raises ``InputError`` where the file is wrong."""
    content = _embedded_content()
    return _build(content["types"], content["common"], content["shared"], _EMBEDDED, {})


def common_attributes() -> Mapping[str, Attribute]:
    """Build the common attributes as all types have them, without what single types change."""
    made = {
        name: _changed(name, base, None, _EMBEDDED) for name, base in _embedded_content()["common"].items()
    }
    return {name: attribute for name, (attribute, _) in made.items() if attribute is not None}


def extended(path: Path) -> Mapping[str, ResourceType]:
    """Build the embedded types and those of a user's file; raises ``InputError`` with all its mistakes."""
    content, where = read_yaml(path), path.name
    rules = {"types": (_is_mapping, "应为键值对"), "shared": (_is_mapping, "应为键值对")}
    problems = _check(content, rules, where, required=("types",))
    problems += _check_size(content, where)
    if problems:
        raise InputError(problems)
    known = _embedded_content()
    shared = content.get("shared") or {}
    doubled = [Problem(f"{where} shared.{name}", "已有这个共用属性", fix="请换个名字")
               for name in shared if name in known["shared"]]  # fmt: skip
    problems = [*doubled, *_check_shared(shared, where)]
    old = embedded()
    try:
        new = _build(content["types"], known["common"], {**shared, **known["shared"]}, where, old)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)
    return MappingProxyType({**old, **new})


def _embedded_content() -> Any:
    text = (files("boai.geodata") / "tables" / _EMBEDDED).read_text(encoding="utf-8")
    # The same safe loader in C is seven times as fast; our own file needs no guard against its author.
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def _check_size(content: Any, where: str) -> list[Problem]:
    """Refuse files with more types than an office can mean: each brings the common attributes along."""
    lists = [content.get(key) for key in ("types", "shared")] if isinstance(content, dict) else []
    much = max((len(each) for each in lists if isinstance(each, dict)), default=0)
    return [Problem(where, f"最多 {_MOST} 项", f"{much} 项")] if much > _MOST else []


def _check_shared(shared: Mapping[Any, Any], where: str) -> list[Problem]:
    """Check the shared attributes by themselves: one that no type takes may be wrong as well."""
    return [
        problem
        for name, raw in shared.items()
        for problem in _attribute(name, raw, f"{where} shared.{name}")[1]
    ]


def _build(
    types: Any,
    common: Mapping[str, Any],
    shared: Mapping[str, Any],
    where: str,
    old: Mapping[str, ResourceType],
) -> Mapping[str, ResourceType]:
    """Build every type; raises ``InputError`` with the mistakes of all of them."""
    made: dict[str, ResourceType] = {}
    problems: list[Problem] = []
    for code, raw in types.items():
        path = f"{where} types.{shown(code)}"
        found = _check_code(code, path, old) + _check(raw, _TYPE, path, required=("title", "meaning"))
        found += _check_without(raw, path)
        if _usable(raw):
            attributes, wrong = _attributes(raw, common, shared, path)
            found += wrong + _ambiguous(attributes, path)
        if not found:
            made[code] = _resource_type(code, raw, attributes)
        problems += found
    problems += _doubled({**old, **made}, where, tuple(old))
    if problems:
        raise InputError(problems)
    return MappingProxyType(made)


def _check_without(raw: Any, path: str) -> list[Problem]:
    names = raw.get("without") if isinstance(raw, dict) else None
    unknown = [name for name in names if name not in COMMON] if isinstance(names, list) else []
    fix = f"共有属性: {', '.join(COMMON)}"
    return [Problem(f"{path}.without", "没有这个共有属性", shown(name), fix) for name in unknown]


def _usable(raw: Any) -> bool:
    """Tell whether the attributes of a type can be looked at, whatever else is wrong with it."""
    return isinstance(raw, dict) and all(isinstance(raw.get(key) or {}, dict) for key in ("common", "own"))


def _resource_type(code: str, raw: Mapping[str, Any], attributes: Sequence[Attribute]) -> ResourceType:
    return ResourceType(
        code,
        raw["title"].strip(),
        raw.get("role") or "resource",
        raw["meaning"].strip(),
        tuple(raw.get("synonyms") or ()),
        tuple(attributes),
        tuple(raw.get("without") or ()),
    )


def _check_code(code: Any, path: str, old: Mapping[str, ResourceType]) -> list[Problem]:
    if not isinstance(code, str) or not _NAME.fullmatch(code):
        return [Problem(path, "类型的代码应为小写字母开头的字母、数字或 _, 最多31个字符", shown(code))]
    if code in old:
        return [Problem(path, f"已有类型 {code}({old[code].title})", fix="请换个代码")]
    if _STORES.match(code):
        return [Problem(path, "这个代码留给数据库自用", code, "请换个代码")]
    return []


def _check(
    raw: Any,
    rules: Mapping[str, tuple[Callable[[Any], bool], str]],
    path: str,
    *,
    required: Iterable[str] = (),
) -> list[Problem]:
    """Check the keys and values of one mapping: no unknown key, every value of its form, none missing."""
    if not isinstance(raw, dict):
        return [Problem(path, "应为键值对", shown(raw), _FIX)]
    problems = [Problem(path, "缺少必填项", key, _FIX) for key in required if raw.get(key) is None]
    for key, value in raw.items():
        if not isinstance(key, str) or key not in rules:
            close = difflib.get_close_matches(str(key)[:60], list(rules), n=1, cutoff=0.5)
            fix = f"是否想写 {close[0]}?" if close else f"可用的键: {', '.join(rules)}"
            problems.append(Problem(path, "未知的键", shown(key), fix))
        elif value is not None and not rules[key][0](value):
            problems.append(Problem(f"{path}.{key}", rules[key][1], shown(value), _FIX))
    return problems


def _attributes(
    raw: Mapping[str, Any], common: Mapping[str, Any], shared: Mapping[str, Any], path: str
) -> tuple[list[Attribute], list[Problem]]:
    """Make the attributes of a type: the common ones with what it changes, then its own."""
    changes, own = raw.get("common") or {}, raw.get("own") or {}
    problems = [
        Problem(f"{path}.common", "没有这个共有属性", shown(name), f"共有属性: {', '.join(COMMON)}")
        for name in changes
        if name not in common
    ]
    made = [_changed(name, base, changes.get(name), path) for name, base in common.items()]
    made += [_owned(name, value, shared, f"{path}.own.{shown(name)}") for name, value in own.items()]
    problems += [problem for _, wrong in made for problem in wrong]
    return [attribute for attribute, _ in made if attribute is not None], problems


def _changed(name: str, base: Mapping[str, Any], change: Any, path: str) -> Checked:
    """Make a common attribute with what the type changes."""
    where = f"{path}.common.{name}"
    rules = {key: rule for key, rule in _ATTRIBUTE.items() if key in CHANGE_KEYS}
    problems = [] if change is None else _check(change, rules, where)
    if problems:
        return None, problems
    return _attribute(name, _merged(base, change or {}), where, common=True)


def _owned(name: Any, value: Any, shared: Mapping[str, Any], path: str) -> Checked:
    """Make an own attribute: described here, or a shared one, perhaps with changes."""
    if name in shared and (value is None or isinstance(value, dict)):
        base = shared[name]
        if not isinstance(base, dict):
            return None, []  # told where it is shared
        problems = _check(value or {}, _ATTRIBUTE, path)
        return (None, problems) if problems else _attribute(name, _merged(base, value or {}), path)
    if value is None:
        fix = f"共用属性: {', '.join(map(str, shared))}"
        return None, [Problem(path, "没有说明, 也没有这个共用属性", shown(name), fix)]
    return _attribute(name, value, path)


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Change a description: synonyms are added before the others, as they fit the type better, or go."""
    without = {normal(text) for text in change.get("except") or ()}
    synonyms = [*(change.get("synonyms") or ()), *(base.get("synonyms") or ())]
    kept = [text for text in synonyms if normal(str(text)) not in without]
    return {**base, **change, "synonyms": kept, "except": None}


def _attribute(name: Any, raw: Any, path: str, *, common: bool = False) -> Checked:
    """Make one attribute of its description, or say everything that is wrong with it."""
    problems = [] if common else _check_name(name, path)
    problems += _check(raw, _ATTRIBUTE, path, required=("title", "type", "meaning"))
    if problems:
        return None, problems
    given = {key: value for key, value in raw.items() if value is not None and key != "except"}
    given |= {key: tuple(given[key]) for key in ("allowed", "synonyms", "instead", "items") if key in given}
    given["words"] = MappingProxyType(given.get("words", {}))
    attribute = Attribute(name=name, common=common, **given)
    problems = _contradictions(attribute, path)
    return (None, problems) if problems else (attribute, [])


def _check_name(name: Any, path: str) -> list[Problem]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return [Problem(path, "属性的代码应为小写字母开头的字母、数字或 _, 最多31个字符", shown(name))]
    if name in COMMON:
        return [Problem(path, "这是共有属性, 不能另作自有属性", name, "要改它的说明请写在 common 下")]
    return [Problem(path, "这个代码留给系统自用", name, "请换个代码")] if name in _COLUMNS else []


def _contradictions(attribute: Attribute, path: str) -> list[Problem]:
    """Say where the parts of one description do not go together."""
    a = attribute
    problems: list[tuple[str, str, str]] = []
    choice, number = a.type == "choice", a.type in ("integer", "number", *_ONLY_COMMON)
    if a.type in _ONLY_COMMON and not a.common:
        problems.append(("type", "经纬度是共有属性, 自有属性不能用这个类型", a.type))
    if choice and not a.allowed:
        problems.append(("allowed", "choice 应列出可选的值", ""))
    if not choice and (a.allowed or a.words or a.open):
        problems.append(("type", "只有 choice 可以有 allowed、words、open", a.type))
    if not number and (a.minimum is not None or a.maximum is not None):
        problems.append(("type", "只有 integer、number 可以有 minimum、maximum", a.type))
    if a.minimum is not None and a.maximum is not None and a.minimum > a.maximum:
        problems.append(("minimum", "不应大于 maximum", f"{a.minimum:g} > {a.maximum:g}"))
    problems += [("words", "应指向 allowed 里的值", f"{word}: {value}")
                 for word, value in a.words.items() if choice and value not in a.allowed]  # fmt: skip
    problems += [("words", "与另一种写法冲突", word) for word, value in a.words.items()
                 if a.choices[normal(word)] != value]  # fmt: skip
    if len({normal(value) for value in a.allowed}) < len(a.allowed):
        problems.append(("allowed", "有重复的值", "、".join(a.allowed)))
    if a.default is not None and not _fits(a, a.default):
        problems.append(("default", "不是这个属性能有的值", shown(a.default)))
    return [Problem(f"{path}.{key}", what, got[:60], _FIX) for key, what, got in problems]


def _fits(attribute: Attribute, value: Any) -> bool:
    """Tell whether a default is a value that the attribute can hold."""
    if attribute.type == "choice":
        return value in attribute.allowed or (attribute.open and isinstance(value, str))
    if attribute.type == "bool":
        return isinstance(value, bool)
    if attribute.type in ("integer", "number"):
        low = -math.inf if attribute.minimum is None else attribute.minimum
        high = math.inf if attribute.maximum is None else attribute.maximum
        whole = attribute.type == "number" or isinstance(value, int)
        return _is_number(value) and whole and low <= value <= high
    return attribute.type in ("text", "phone", "hours") and isinstance(value, str)


def _ambiguous(attributes: Sequence[Attribute], path: str) -> list[Problem]:
    """Say which headers would mean two attributes of one type, and which stand-ins do not exist."""
    owner: dict[str, Attribute] = {}
    problems = []
    for attribute in attributes:
        part = "common" if attribute.common else "own"
        for text in attribute.headers:
            other = owner.setdefault(text, attribute)
            if other is not attribute:
                what = f"表头同时是 {other.name}({other.title}) 的写法"
                fix = "请删去其一, 或在 common 下用 except 去掉共有属性的写法"
                problems.append(Problem(f"{path}.{part}.{attribute.name}", what, text, fix))
    names = {attribute.name for attribute in attributes}
    for a in attributes:
        unknown = [name for name in a.instead if name not in names]
        problems += [Problem(f"{path}.own.{a.name}.instead", "没有这个属性", name) for name in unknown]
    return problems


def _doubled(types: Mapping[str, ResourceType], where: str, old: Sequence[str]) -> list[Problem]:
    """Say which names would mean two types."""
    owner: dict[str, str] = {}
    problems = []
    for code, rtype in types.items():
        for text in dict.fromkeys(map(normal, (code, rtype.title, *rtype.synonyms))):
            other = owner.setdefault(text, code)
            if other != code and code not in old:
                what = f"名称同时是类型 {other}({types[other].title}) 的写法"
                problems.append(Problem(f"{where} types.{code}", what, text, "请换个名称"))
    return problems
