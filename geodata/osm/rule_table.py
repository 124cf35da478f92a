"""The table of the rules (``tables/osm_rules.yaml``), checked, with the user's own values laid over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import InputError, Problem
from ..network import CLASSES
from ..yamlfile import parse_yaml, read_text, read_yaml, shown
from .quantities import tidy

PATH = Path(__file__).parent.parent / "tables" / "osm_rules.yaml"
MODES = ("drive", "heavy", "walk")

Rule = Callable[[Any, str, list["tuple[str, str, str]"]], Any]
"""Checks a value at a path, notes (path, what, got) and returns the value in plain form."""

_MOST_ENTRIES = 500
_SORTED = ("access", "oneway")
"""Groups in which each word stands in one list."""
_KEYS = ("motorcar", "motor_vehicle", "vehicle", "hgv", "goods", "foot", "access")
"""Keys of access that the readers keep of ways and nodes."""


def read_table(overrides: Path | None = None) -> dict[str, Any]:
    """Read the table, with the values of the user's file in place of its own.

    Raises
    ------
    InputError
        The file is no YAML, or has keys or values that the rules do not know; each is named by its path.
    """
    table = _own()
    if overrides is None:
        return table
    found: list[tuple[str, str, str]] = []
    mine = _TABLE(read_yaml(overrides), "", found)
    if found:
        where = overrides.name
        raise InputError(
            [Problem(f"{where} {path}".rstrip(), what, got, "请改正") for path, what, got in found]
        )
    merged: dict[str, Any] = _laid_over(table, mine)
    for group in _SORTED:
        merged[group] = _moved(merged[group], mine.get(group, {}))
    return merged


def _moved(lists: Mapping[str, tuple[str, ...]], mine: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Take the words that the user put into one list out of the others, where they stood before."""
    own = {word: name for name, words in mine.items() for word in words}
    return {
        name: tuple(word for word in words if own.get(word, name) == name) for name, words in lists.items()
    }


@lru_cache(maxsize=1)
def _own() -> dict[str, Any]:
    found: list[tuple[str, str, str]] = []
    table: dict[str, Any] = _TABLE(parse_yaml(read_text(PATH, PATH.name), PATH.name), "", found)
    if found:
        raise InputError([Problem(f"{PATH.name} {path}", what, got) for path, what, got in found])
    return table


def _laid_over(base: Any, mine: Any) -> Any:
    if not isinstance(base, Mapping) or not isinstance(mine, Mapping):
        return mine
    both = {key: _laid_over(base[key], value) if key in base else value for key, value in mine.items()}
    return {**base, **both}


def number(least: float, most: float) -> Rule:
    """Accept a number from ``least`` to ``most``."""

    def check(value: Any, path: str, found: list[tuple[str, str, str]]) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            found.append((path, f"应为 {least:g} 至 {most:g} 的数", shown(value) or "空"))
            return least
        return float(value)

    return check


def flag(value: Any, path: str, found: list[tuple[str, str, str]]) -> bool:
    """Accept true or false."""
    if not isinstance(value, bool):
        found.append((path, "应为 true 或 false", shown(value) or "空"))
        return False
    return value


def texts(allowed: Sequence[str] | None = None) -> Rule:
    """Accept a list of words; YAML's own yes, no, true and numbers count as they are written."""

    def check(value: Any, path: str, found: list[tuple[str, str, str]]) -> Any:
        if not isinstance(value, list) or len(value) > _MOST_ENTRIES:
            found.append((path, "应为列表", shown(value) or "空"))
            return ()
        words = tuple(_word(part) for part in value)
        for word, part in zip(words, value, strict=True):
            if word is None or (allowed is not None and word not in allowed):
                what = "应为文字" if allowed is None else f"应为 {'、'.join(allowed)} 之一"
                found.append((path, what, shown(part) or "空"))
        return tuple(word for word in words if word is not None)

    return check


def each_once(rule: Rule) -> Rule:
    """Accept lists of words of which none stands in two."""

    def check(value: Any, path: str, found: list[tuple[str, str, str]]) -> Any:
        lists = rule(value, path, found)
        where: dict[str, str] = {}
        for name, words in lists.items():
            for word in words:
                if where.setdefault(word, name) != name:
                    found.append((f"{path}.{name}", f"已写在 {where[word]} 中, 只能写一处", shown(word)))
        return lists

    return check


def one_of(allowed: Sequence[str]) -> Rule:
    """Accept one of the words."""

    def check(value: Any, path: str, found: list[tuple[str, str, str]]) -> str:
        if value not in allowed:
            found.append((path, f"应为 {'、'.join(allowed)} 之一", shown(value) or "空"))
        return str(value)

    return check


def text(value: Any, path: str, found: list[tuple[str, str, str]]) -> str:
    """Accept a text."""
    if not isinstance(value, str):
        found.append((path, "应为文字", shown(value) or "空"))
    return str(value)


def fields(**rules: Rule) -> Rule:
    """Accept a mapping with some of the keys named, each with its own rule."""
    return _mapping(rules.get, list(rules))


def entries(rule: Rule, allowed: Sequence[str] | None = None) -> Rule:
    """Accept a mapping with one rule for every value, and any key or those allowed."""
    return _mapping(lambda key: rule if allowed is None or key in allowed else None, list(allowed or ()))


def _mapping(rule_of: Callable[[str], Rule | None], known: Sequence[str]) -> Rule:
    def check(value: Any, path: str, found: list[tuple[str, str, str]]) -> Any:
        if not isinstance(value, dict) or len(value) > _MOST_ENTRIES:
            found.append((path, "应为 键: 值 的形式", shown(value) or "空"))
            return {}
        checked = {}
        for raw, part in value.items():
            key = _word(raw)
            rule = None if key is None else rule_of(key)
            if rule is None:
                found.append((_join(path, shown(raw)), f"没有这个键; 可用 {'、'.join(known)}", ""))
            else:
                checked[key] = rule(part, _join(path, str(key)), found)
        return checked

    return check


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _word(value: Any) -> str | None:
    """Return a word in the form in which tags are compared; YAML takes yes and no for truth values."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) < 10**6:
        return str(value)
    return tidy(value) if isinstance(value, str) and len(value) <= 80 else None


_KMH = number(0, 200)
_POSITIVE = number(0.1, 200)
_WORDS = texts()
_MODE = dict.fromkeys(MODES, _KMH)
_SIZES = fields(
    weight_t=_POSITIVE, axle_t=_POSITIVE, height_m=_POSITIVE, width_m=_POSITIVE, length_m=_POSITIVE
)
_CAPS = fields(source=_WORDS, **dict.fromkeys(MODES, entries(_KMH)))
_SECONDS = entries(number(0, 3600))

_TABLE = fields(
    sources=entries(fields(confidence=text, text=text)),
    modes=entries(
        fields(
            source=_WORDS,
            keys=texts(_KEYS),
            most_kmh=number(1, 200),
            posted_share=number(0.1, 2),
            surface_share=number(0.1, 2),
            emergency=flag,
            goods_until_t=number(0, 100),
            vehicle=_SIZES,
        ),
        MODES,
    ),
    classes=entries(
        fields(permitted=texts(MODES), snap=flag, oneway=flag, source=_WORDS, **_MODE), CLASSES[1:]
    ),
    aliases=entries(one_of(CLASSES[1:-2])),
    not_roads=_WORDS,
    service_kinds=fields(**dict.fromkeys(MODES, _WORDS)),
    access=each_once(fields(permits=_WORDS, limited=_WORDS, closed=_WORDS, special=_WORDS)),
    oneway=each_once(fields(forward=_WORDS, backward=_WORDS, both=_WORDS, neither=_WORDS)),
    speeds=fields(
        source=_WORDS,
        least_kmh=number(1, 100),
        most_kmh=number(10, 300),
        words=entries(_KMH),
        zones=entries(_KMH),
        countries=entries(_KMH),
    ),
    surface=_CAPS,
    tracktype=_CAPS,
    smoothness=_CAPS,
    ford=_CAPS,
    limits=fields(source=_WORDS, below_default=_SIZES),
    open_tunnels=_WORDS,
    barriers=fields(
        source=_WORDS,
        drive=_WORDS,
        heavy_closed=_WORDS,
        walk_closed=_WORDS,
        open_bollards=_WORDS,
        seconds=fields(**dict.fromkeys(MODES, _SECONDS)),
    ),
)
