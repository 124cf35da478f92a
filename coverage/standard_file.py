"""A standards file read into standards, rules and references; every problem at once, each with its path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind
from ..geodata.yamlfile import parse_yaml, read_text, shown
from .standard_keys import FIX, KEYS, MODE_WORDS, SITE_LEVELS, contradictions, is_number, is_whole
from .standard_values import CONFIDENCES, OWN, Entry, Values, line, lines, mapping
from .standards import Cited, Reference, Rule, Standard

CHANGED = "; 本单位另设: "
"""Behind the source of a standard: which limits the office set itself."""

_TEXTS = ("name", "source", "confidence")
_RULE_KEYS = ("kind", "unit", "minimum", "site_levels", "text", "source")
_REFERENCE_KEYS = ("kind", "topic", "name", "value", "unit", "source", "confidence")
_RULE_UNITS = ("市", "县")
_TOPICS = get_args(get_type_hints(Reference)["topic"])


@dataclass(frozen=True)
class StandardFile:
    """What a file states; what it does not list is the default."""

    standards: Mapping[Kind, Standard]
    """All kinds."""
    rules: tuple[Rule, ...]
    references: tuple[Reference, ...]
    entries: Mapping[Kind, Entry]
    """What stands behind the standards that the file itself lists."""


def read(path: Path | None) -> StandardFile:
    """Read an office's file, or where path is None the embedded one; raises ``InputError``."""
    if path is None:
        return _embedded()
    return parse(read_text(path, str(path)), str(path))


def parse(text: str, where: str) -> StandardFile:
    """Parse an office's file; what it does not state is taken from the embedded one.

    Raises
    ------
    InputError
        With every problem: no YAML, unknown or missing keys, wrong types, contradictions.
    """
    return _parse(text, where, _embedded())


@cache
def _embedded() -> StandardFile:
    name = "standards.yaml"
    return _parse(read_text(files("boai.coverage") / "tables" / name, name), name, _NOTHING)


_NOTHING = StandardFile({}, (), (), {})


def _parse(text: str, where: str, default: StandardFile) -> StandardFile:
    """Parse a file; ``default`` is empty for the embedded one."""
    problems: list[Problem] = []
    parts = ("standards", "rules", "references")
    root = mapping(where, parse_yaml(text, where, fix=FIX), (), parts, problems)
    if not root and not problems:
        problems.append(Problem(where, f"文件是空的, 应有 {'、'.join(parts)} 之一", fix=FIX))
    listed = mapping(f"{where} standards", root.get("standards", {}), (), tuple(KIND_NAMES), problems)
    entries: dict[Kind, Entry] = {}
    standards = dict(default.standards)
    for kind in KIND_NAMES:
        made = None
        if kind in listed:
            known = default.entries.get(kind)
            made = _standard(f"{where} standards.{kind}", kind, listed[kind], known, problems)
        if made is not None:
            entries[kind], standards[kind] = made
    rules = _rows(f"{where} rules", root.get("rules"), _rule, problems)
    references = _rows(f"{where} references", root.get("references"), _reference, problems)
    if problems:
        raise InputError(problems)
    return StandardFile(
        standards,
        default.rules if rules is None else rules,
        default.references if references is None else references,
        entries,
    )


def _standard(
    where: str, kind: Kind, content: Any, default: Entry | None, problems: list[Problem]
) -> tuple[Entry, Standard] | None:
    """Read one resource type; None where anything is wrong. ``default`` is None in the embedded file."""
    fresh: list[Problem] = []
    entry = _entry(where, content, default, fresh)
    made = None
    if entry is not None:
        fields = _fields(entry, default)
        fresh += contradictions(where, fields)
        made = None if fresh else (entry, Standard(kind=kind, **fields))
    problems += fresh
    return made


def _entry(where: str, content: Any, default: Entry | None, problems: list[Problem]) -> Entry | None:
    """Read one resource type; a value that is wrong is reported and left out."""
    if not isinstance(content, Mapping):
        problems.append(Problem(where, "应为键值对", shown(content), FIX))
        return None
    stated = content.get("mode", default.mode if default else None)
    mode = stated.get("value") if isinstance(stated, Mapping) else stated
    if not (isinstance(mode, str) and mode in MODE_WORDS):
        problems.append(Problem(f"{where}.mode", "应为 drive 或 walk", shown(mode), FIX))
        return None
    base = default if default is not None and default.mode == mode else None
    keys = [key for key in KEYS if mode in key.modes]
    needed = () if base else (*_TEXTS, *(key.name for key in keys if key.required))
    mapping(where, content, needed, ("mode", *_TEXTS, "notes", *(key.name for key in keys)), problems)
    entry = _head(where, content, base, mode, problems)
    reader = Values(where, entry, base, default is None, problems)
    values, cited = dict(base.values if base else {}), dict(base.cited if base else {})
    if "mode" in content:
        cited["mode"] = reader.mode(content["mode"])
    for key in keys:
        if key.name in content:
            values.pop(key.name, None)
            found = reader.read(key, content[key.name])
            if found is not None:
                values[key.name], cited[key.name] = found
    return replace(entry, values=values, cited=cited)


def _head(
    where: str, content: Mapping[Any, Any], base: Entry | None, mode: str, problems: list[Problem]
) -> Entry:
    """Read name, source, confidence and notes of a resource type."""
    texts = {name: line(f"{where}.{name}", content[name], problems) for name in _TEXTS if name in content}
    name, source, confidence = (texts.get(key) or (str(getattr(base, key)) if base else "") for key in _TEXTS)
    notes = base.notes if base else ()
    if "notes" in content:
        notes = lines(f"{where}.notes", content["notes"], problems)
    if "confidence" in content and texts["confidence"] and confidence not in CONFIDENCES:
        problems.append(Problem(f"{where}.confidence", "confidence 应为 A、B 或 C", confidence, FIX))
    return Entry(name, mode, source.partition(CHANGED)[0], confidence, notes, {}, {})  # type: ignore[arg-type]


def _fields(entry: Entry, default: Entry | None) -> dict[str, Any]:
    """Fill the fields of a standard; a value that was wrong is not there."""
    keys = [key for key in KEYS if entry.mode in key.modes]
    order = ("mode", *(key.name for key in keys))
    cited = tuple(each for name in order for each in entry.cited.get(name, ()))
    source, confidence = _of_limits(entry, default, cited)
    return {
        "name": entry.name,
        "mode": entry.mode,
        "source": source,
        **({"confidence": confidence} if confidence in CONFIDENCES else {}),
        "notes": tuple(dict.fromkeys((*entry.notes, *(each.note for each in cited if each.note)))),
        "cited": cited,
        **{key.field: key.in_field(entry.values[key.name]) for key in keys if key.name in entry.values},
    }


def _of_limits(entry: Entry, default: Entry | None, cited: tuple[Cited, ...]) -> tuple[str, str]:
    """Say source and confidence of the whole, which must not vouch for limits that the office set."""
    if default is None or entry.mode != default.mode or entry.source != default.source:
        return entry.source, entry.confidence
    known = {each for of_key in default.cited.values() for each in of_key}
    own = [each for each in cited if each.key.startswith("limits_") and each not in known]
    if not own:
        return entry.source, entry.confidence
    listed = [each.value if each.source == OWN else f"{each.value} ({each.source})" for each in own]
    worst = max([entry.confidence, *(each.confidence for each in own)])
    return f"{entry.source}{CHANGED}{'、'.join(listed)}", worst


T = TypeVar("T")


def _rows(
    where: str, content: Any, make: Callable[[str, Any, list[Problem]], T], problems: list[Problem]
) -> tuple[T, ...] | None:
    """Read a list of rows, None where there is no list; rows with a problem are left out."""
    if content is None:
        return None
    if not isinstance(content, list):
        problems.append(Problem(where, "应为列表", shown(content), FIX))
        return ()
    rows = []
    for number, item in enumerate(content, start=1):
        fresh: list[Problem] = []
        row = make(f"{where} 第{number}条", item, fresh)
        rows += [] if fresh else [row]
        problems += fresh
    return tuple(rows)


def _rule(where: str, content: Any, problems: list[Problem]) -> Rule:
    entry = mapping(where, content, _RULE_KEYS, (*_RULE_KEYS, "confidence", "note"), problems)
    minimum = entry.get("minimum", 0)
    if not is_whole(minimum):
        problems.append(Problem(f"{where}.minimum", "应为不小于0、不超过1000000的整数", shown(minimum), FIX))
    levels = lines(f"{where}.site_levels", entry.get("site_levels", []), problems)
    problems += [
        Problem(f"{where}.site_levels", f"级别应为 {'、'.join(SITE_LEVELS)} 之一", level, FIX)
        for level in levels
        if level not in SITE_LEVELS
    ]
    return Rule(
        kind=_choice(where, entry, "kind", tuple(KIND_NAMES), problems),
        unit=_choice(where, entry, "unit", _RULE_UNITS, problems),
        minimum=minimum,
        site_levels=levels,
        text=_text(where, entry, "text", problems),
        source=_text(where, entry, "source", problems),
        confidence=_choice(where, entry, "confidence", CONFIDENCES, problems) or "C",
        note=_text(where, entry, "note", problems),
    )


def _reference(where: str, content: Any, problems: list[Problem]) -> Reference:
    entry = mapping(where, content, _REFERENCE_KEYS, (*_REFERENCE_KEYS, "note"), problems)
    value = entry.get("value")
    if value is not None and not is_number(value):
        problems.append(Problem(f"{where}.value", "应为数字, 或留空", shown(value), FIX))
    return Reference(
        kind=_choice(where, entry, "kind", tuple(KIND_NAMES), problems),
        topic=_choice(where, entry, "topic", _TOPICS, problems),
        name=_text(where, entry, "name", problems),
        value=None if value is None or not is_number(value) else float(value),
        unit=_text(where, entry, "unit", problems),
        source=_text(where, entry, "source", problems),
        confidence=_choice(where, entry, "confidence", CONFIDENCES, problems),
        note=_text(where, entry, "note", problems),
    )


def _text(where: str, entry: Mapping[Any, Any], key: str, problems: list[Problem]) -> str:
    """Read a text; what is missing was reported, or may be missing."""
    return line(f"{where}.{key}", entry[key], problems) if key in entry else ""


def _choice(
    where: str, entry: Mapping[Any, Any], key: str, choices: tuple[str, ...], problems: list[Problem]
) -> Any:
    value = entry.get(key, "")
    if key in entry and value not in choices:
        problems.append(Problem(f"{where}.{key}", f"应为 {', '.join(choices)} 之一", shown(value), FIX))
    return value
