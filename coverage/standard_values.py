"""The values of one resource type in a standards file: each plain, or with its source and confidence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..geodata.errors import Problem
from ..geodata.yamlfile import shown
from .standard_keys import FIX, MODE_WORDS, Key, title_of
from .standards import Cited, Confidence

OWN = "本单位设定"
"""Source of a plain value in an office's own file that is not the default."""
CONFIDENCES = ("A", "B", "C")

_CITED_KEYS = ("value", "source", "confidence", "note")
_MOST_TEXT = 400
_TAG = re.compile(r"<[a-zA-Z/!?]")


@dataclass(frozen=True)
class Entry:
    """One resource type as a file states it, what it left out filled from the default."""

    name: str
    mode: str
    source: str
    confidence: Confidence
    notes: tuple[str, ...]
    values: Mapping[str, Any]
    """Key → value, tuple of values, or pairs of name and value, in the units of the file."""
    cited: Mapping[str, tuple[Cited, ...]]
    """Key → source of each of its values."""


@dataclass(frozen=True)
class Origin:
    """What stands beside a value; empty where it is not stated."""

    source: str = ""
    confidence: str = ""
    note: str = ""

    def inside(self, outer: Origin) -> Origin:
        """Return the origin of an item of a list whose whole has the origin ``outer``."""
        if self.source:
            return self
        return Origin(outer.source, self.confidence or outer.confidence, self.note or outer.note)


@dataclass(frozen=True)
class Values:
    """Reads the values of one resource type; what is wrong is collected and left out."""

    where: str
    entry: Entry
    """Name, source and confidence of the type; without values yet."""
    default: Entry | None
    """What an office's file changes; None in the embedded file, and where the mode is another."""
    embedded: bool
    problems: list[Problem]

    def read(self, key: Key, raw: Any) -> tuple[Any, tuple[Cited, ...]] | None:
        """Return what a key holds, and the source of each value; None where anything is wrong."""
        before = len(self.problems)
        kept, cited = [], []
        for name, at, value, origin in self._atoms(key, raw):
            if not key.right(value):
                self.problems.append(Problem(at, key.what, shown(value), FIX))
                continue
            text = key.shown(value)
            part = text.removesuffix(key.unit) if key.shape == "list" else name
            kept.append((name, key.kept(value)))
            cited.append(self.cite(f"{key.name}.{part}" if part else key.name, text, origin))
        if len(self.problems) > before:
            return None
        if key.shape == "map":
            order = sorted(range(len(kept)), key=lambda i: key.names.index(kept[i][0]) if key.names else i)
            return tuple(kept[i] for i in order), tuple(cited[i] for i in order)
        contents = tuple(value for _, value in kept)
        return (contents if key.shape == "list" else contents[0]), tuple(cited)

    def mode(self, raw: Any) -> tuple[Cited, ...]:
        """Return the source of the mode."""
        value, origin = self._unwrap(f"{self.where}.mode", raw)
        return (self.cite("mode", MODE_WORDS[value], origin),)

    def cite(self, path: str, text: str, origin: Origin) -> Cited:
        """Say where a value comes from: what the file states, the default's source, or the office."""
        usual = self._usual(path, text)
        if not origin.source:
            confidence = origin.confidence or usual.confidence
            return Cited(path, text, usual.source, confidence, origin.note or usual.note)  # type: ignore[arg-type]
        confidence = origin.confidence or (self.entry.confidence if self.embedded else "C")
        return Cited(path, text, origin.source, confidence, origin.note)  # type: ignore[arg-type]

    def _usual(self, path: str, text: str) -> Cited:
        """Return the source of a plain value."""
        entry = self.entry
        if self.embedded:
            return Cited(path, text, entry.source, entry.confidence)
        if self.default is None:
            return Cited(path, text, f"{OWN}: {entry.source}", entry.confidence)
        of_key = self.default.cited.get(path.partition(".")[0], ())
        old = next((each for each in of_key if each.key == path), None)
        if old is not None and old.value == text:
            return old
        was = f"默认{old.value}" if old is not None else "默认没有这一项"
        note = f"{title_of(path)} {text}为本单位设定, {was}。"
        if entry.source == self.default.source:
            return Cited(path, text, OWN, "C", note)
        return Cited(path, text, f"{OWN}: {entry.source}", entry.confidence, note)

    def _atoms(self, key: Key, raw: Any) -> Iterator[tuple[str, str, Any, Origin]]:
        """Take what a key holds apart: (name in a map, where, value, origin)."""
        at = f"{self.where}.{key.name}"
        is_cited = isinstance(raw, Mapping) and (key.shape != "map" or "value" in raw)
        bare, outer = self._unwrap(at, raw) if is_cited else (raw, Origin())
        if key.shape == "one":
            yield "", at, bare, outer
        elif key.shape == "list":
            if not isinstance(bare, list) or not bare:
                self.problems.append(Problem(at, "应为不空的列表", shown(bare), FIX))
                return
            for number, item in enumerate(bare, start=1):
                here = f"{at} 第{number}项"
                value, origin = self._unwrap(here, item)
                yield "", here, value, origin.inside(outer)
        else:
            yield from self._pairs(key, at, bare, outer)

    def _pairs(self, key: Key, at: str, bare: Any, outer: Origin) -> Iterator[tuple[str, str, Any, Origin]]:
        known = mapping(at, bare, (), key.names or None, self.problems)
        for name in known:
            if key.names and name not in key.names:
                continue  # reported already
            text = line(f"{at} 的名称", name, self.problems)
            if text:
                value, origin = self._unwrap(f"{at}.{text}", known[name])
                yield text, f"{at}.{text}", value, origin.inside(outer)

    def _unwrap(self, where: str, raw: Any) -> tuple[Any, Origin]:
        """Part a value from what stands beside it."""
        if not isinstance(raw, Mapping):
            return raw, Origin()
        mapping(where, raw, ("value",), _CITED_KEYS, self.problems)
        beside = {
            name: line(f"{where}.{name}", raw[name], self.problems) for name in _CITED_KEYS[1:] if name in raw
        }
        if beside.get("confidence", "C") not in (*CONFIDENCES, ""):
            what = "confidence 应为 A、B 或 C"
            self.problems.append(Problem(f"{where}.confidence", what, beside["confidence"], FIX))
        return raw.get("value"), Origin(**beside)


def mapping(
    where: str, content: Any, needed: Sequence[str], known: Sequence[str] | None, problems: list[Problem]
) -> Mapping[Any, Any]:
    """Check the keys of a mapping (known None: any); another type is reported once and counts as empty."""
    if not isinstance(content, Mapping):
        problems.append(Problem(where, "应为键值对", shown(content), FIX))
        return {}
    for key in content if known is not None else ():
        if key not in (known or ()):
            problems.append(Problem(where, "未知的键", shown(key), _suggestion(key, known or ())))
    problems += [Problem(where, f"缺少 {key}", fix=FIX) for key in needed if key not in content]
    return content


def _suggestion(key: Any, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(key)[:40], known, n=1, cutoff=0.6) if isinstance(key, str) else []
    return f"是否想写 {close[0]}?" if close else f"可用的键: {', '.join(known)}"


def line(where: str, value: Any, problems: list[Problem]) -> str:
    """Check one line of text, blanks made single; empty where it is wrong."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    wrong = (
        (not text, "应为非空文字"),
        (len(text) > _MOST_TEXT, f"文字过长, 不应超过{_MOST_TEXT}个字"),
        (not text.isprintable(), "不应有控制字符"),
        (bool(_TAG.search(text)), "不应有网页标记 (<…)"),
    )
    what = next((what for bad, what in wrong if bad), "")
    if what:
        problems.append(Problem(where, what, shown(value), FIX))
    return "" if what else text


def lines(where: str, content: Any, problems: list[Problem]) -> tuple[str, ...]:
    """Check a list of lines of text."""
    if not isinstance(content, list):
        problems.append(Problem(where, "应为文字的列表", shown(content), FIX))
        return ()
    found = [line(f"{where} 第{number}项", item, problems) for number, item in enumerate(content, start=1)]
    return tuple(text for text in found if text)
