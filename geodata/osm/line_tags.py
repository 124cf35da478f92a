"""Columns of a line layer to tags of OpenStreetMap, by tables/road_layers.yaml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError, Problem
from ..network import CLASSES
from ..yamlfile import parse_yaml, read_text
from .raw import WAY_KEYS

UNKNOWN_CLASS, NO_CLASS, UNKNOWN_ONEWAY = "class_unknown", "class_missing", "oneway_unknown"
NO_ONEWAY = "oneway_column_missing"

_TABLE = "road_layers.yaml"
_LONGEST = 255
_LABELS = ("ref", "name")
_IGNORED = frozenset({"width", "id", "code"})
_OWN_VALUES = frozenset(CLASSES[1:]) | {"construction", "proposed", "raceway", "escape", "emergency_bay"}


@dataclass(frozen=True)
class RowTags:
    """What the n rows say: their distinct tags and labels."""

    tags: NDArray[np.int32]
    """(n,) position in ``tag_sets``."""
    tag_sets: tuple[Mapping[str, str], ...]
    label: NDArray[np.int32]
    """(n,) position in ``labels``."""
    labels: tuple[tuple[str, str], ...]
    """Distinct (ref, name); the first is ("", "")."""
    columns: Mapping[str, str]
    """Tag → the column from which it was read."""
    odd: Mapping[str, tuple[NDArray[np.int64], tuple[str, ...]]]
    """Code → rows whose value is not known, and the commonest of these values."""


def read_tags(
    columns: Mapping[str, Sequence[Any]], n: int, chosen: Mapping[str, str] | None, file: str
) -> RowTags:
    """Turn the columns of n rows into tags.

    Parameters
    ----------
    chosen
        Tag → column, before the table of synonyms; an empty column ignores the tag.

    Raises
    ------
    InputError
        A chosen tag or column does not exist, or no column tells the class of the roads.
    """
    found = find_columns(tuple(columns), chosen or {}, file)
    codes: dict[str, NDArray[np.int64]] = {}
    values: dict[str, list[Any]] = {}
    for tag, column in found.items():
        codes[tag], kept = pd.factorize(np.array([_text(cell) for cell in columns[column]], object))
        values[tag] = list(kept)
    label, labels = _labels(codes, values, n)
    odd: dict[str, Any] = {}
    read = {tag: _reader(tag, values, found) for tag in found if tag not in _LABELS}
    said = {tag: [reader(text) for text in values[tag]] for tag, reader in read.items()}
    for tag, code, knows in (
        ("highway", UNKNOWN_CLASS, lambda text: not text or bool(_class(text))),
        ("oneway", UNKNOWN_ONEWAY, _known_oneway),
    ):
        if tag in said:
            wrong = np.array([not knows(text) for text in values[tag]], bool)
            _note(odd, code, codes[tag], wrong, values[tag])
    missing = np.array([not text for text in values["highway"]], bool)
    _note(odd, NO_CLASS, codes["highway"], missing, [])
    if "oneway" not in said:  # then the direction of a line means nothing, not even on motorways
        codes["oneway"], said["oneway"] = np.zeros(n, np.int64), [{"oneway": "no"}]
        odd[NO_ONEWAY] = (np.arange(n), ())
    tags, tag_sets = _combine({tag: codes[tag] for tag in said}, said, n)
    return RowTags(tags, tag_sets, label, labels, found, odd)


def _note(odd: dict[str, Any], code: str, codes: Any, wrong: Any, values: Sequence[str]) -> None:
    """Keep the rows with a value that is not known."""
    if not wrong.any():
        return
    rows = np.flatnonzero(wrong[codes])
    often = np.argsort(-np.bincount(codes[rows], minlength=len(wrong)), kind="stable")
    odd[code] = (rows, tuple(values[at] for at in often[:5] if wrong[at]) if values else ())


def find_columns(names: Sequence[str], chosen: Mapping[str, str], file: str) -> dict[str, str]:
    """Find the column of each tag: as chosen, else by the synonyms, else by the tag's own name."""
    listed = "、".join(name[:30] for name in names[:30]) or "无"
    problems = [
        Problem(file, "没有这种道路属性", tag[:60], f"可选的有 {'、'.join(sorted(_allowed()))}")
        for tag in chosen
        if tag not in _allowed()
    ]
    problems += [
        Problem(file, f"没有名为 {column[:60]} 的列", fix=f"可选的有: {listed}")
        for column in chosen.values()
        if column and column not in names
    ]
    if problems:
        raise InputError(problems)
    plain = {_plain(name): name for name in reversed(names)}
    found = {}
    for tag, synonyms in _table()["columns"].items():
        keys = [_plain(form) for text in synonyms for form in (text, _cut(text))]
        column = next((plain[key] for key in keys if key in plain), None)
        if column is not None:
            found[tag] = column
    others = WAY_KEYS - _IGNORED - set(found)
    found |= {tag: name for name in names if (tag := name.lower()) in others}
    found |= chosen
    found = {tag: column for tag, column in found.items() if column}
    if "highway" not in found:
        fix = f"请用 columns 指明道路等级的列; 现有的列: {listed}"
        raise InputError(Problem(file, "没有找到道路等级列 (highway、fclass、道路等级 等)", fix=fix))
    return found


def _cut(header: str) -> str:
    """Cut a header as a shapefile does: ten bytes of UTF-8, so that 道路等级 becomes 道路等."""
    return header.encode()[:10].decode("utf-8", "ignore")


def _allowed() -> frozenset[str]:
    return (WAY_KEYS - _IGNORED) | set(_LABELS)


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    """Read the table of the package; keys are plain texts."""
    source = files(__package__.rpartition(".")[0]) / "tables" / _TABLE
    table: dict[str, Any] = parse_yaml(read_text(source, _TABLE), _TABLE)
    return {
        "columns": table["columns"],
        "classes": {_plain(name): tags for name, tags in table["classes"].items()},
        "oneway": {_value(text): way for way, texts in table["oneway"].items() for text in texts},
    }


def _plain(text: str) -> str:
    """Bring a header or a value to the form in which they are compared."""
    return re.sub(r"[\s_()\-·]+", "", unicodedata.normalize("NFKC", text[:_LONGEST]).casefold()) or text[:1]


def _value(text: str) -> str:
    """Bring a one-way value to the form in which it is compared: the sign of -1 counts."""
    return "-1" if text.strip() in ("-1", "－1") else _plain(text)


def _text(cell: Any) -> str:
    """Write a cell as a tag's value: 60.0 as 60, empty where there is none."""
    if cell is None or cell is pd.NA:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        if cell != cell:  # noqa: PLR0124  (NaN)
            return ""
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else str(cell)
    text = str(cell).strip()[:_LONGEST]
    return "" if text.lower() in ("nan", "none", "null", "<na>") else text


def _reader(tag: str, values: Mapping[str, Sequence[str]], found: Mapping[str, str]) -> Any:
    """Return what turns a text of a column into tags; no tags where it is not known."""
    if tag == "highway":
        return _class
    if tag == "oneway":
        plain = {text.upper() for text in values["oneway"]} - {""}
        geofabrik = "B" in plain or found["highway"].lower() == "fclass"
        return lambda text: _oneway(text, geofabrik)
    if tag == "maxspeed":
        return _maxspeed
    if tag in ("bridge", "tunnel"):
        return lambda text: {tag: "yes"} if text.upper() in ("T", "Y", "YES", "1", "TRUE", "是") else {}
    return lambda text: {tag: text} if text else {}


def _class(text: str) -> Mapping[str, str]:
    value = text.casefold().strip()
    if value in _OWN_VALUES:
        return {"highway": value}
    known: Mapping[str, str] | None = _table()["classes"].get(_plain(text)) if text else None
    return known or {}


def _maxspeed(text: str) -> Mapping[str, str]:
    """Read a speed; 0 means unknown in the layers of Geofabrik."""
    speed = re.sub(r"\s*(公里/小时|公里/时|千米/时|公里)$", "", text)
    return {} if speed in ("", "0", "-1") else {"maxspeed": speed}


def _oneway(text: str, geofabrik: bool) -> Mapping[str, str]:
    """Read one value; T and F are Geofabrik's (against and along) only in a column of that kind."""
    if not geofabrik and text.upper() in ("T", "F"):
        return {"oneway": "yes" if text.upper() == "T" else "no"}
    if not text:
        return {}
    way = _table()["oneway"].get(_value(text), "")
    return {"oneway": {"along": "yes", "against": "-1"}.get(way, "no")}


def _known_oneway(text: str) -> bool:
    return not text or _value(text) in _table()["oneway"]


def _labels(
    codes: Mapping[str, Any], values: Mapping[str, Sequence[str]], n: int
) -> tuple[NDArray[np.int32], tuple[tuple[str, str], ...]]:
    """Number the distinct (ref, name) pairs; 0 is the one of two empty texts."""
    both = [values.get(tag, [""]) for tag in _LABELS]
    pair = [codes.get(tag, np.zeros(n, np.int64)) for tag in _LABELS]
    kept, place = np.unique(pair[0] * len(both[1]) + pair[1], return_inverse=True)
    texts = [(both[0][at // len(both[1])], both[1][at % len(both[1])]) for at in kept.tolist()]
    number = {("", ""): 0}
    for text in texts:
        number.setdefault(text, len(number))
    to = np.array([number[text] for text in texts], np.int32)
    return to[place] if n else np.zeros(0, np.int32), tuple(number)


def _combine(
    codes: Mapping[str, Any], said: Mapping[str, Sequence[Mapping[str, str]]], n: int
) -> tuple[NDArray[np.int32], tuple[Mapping[str, str], ...]]:
    """Number the distinct sets of tags that the columns give together."""
    order = sorted(codes, key=lambda tag: tag != "highway")  # other columns may know better than the class
    table = np.stack([codes[tag] for tag in order], axis=1)
    rows, place = np.unique(table, axis=0, return_inverse=True)
    number: dict[tuple[tuple[str, str], ...], int] = {}
    to = np.empty(len(rows), np.int32)
    for at, row in enumerate(rows.tolist()):
        tags: dict[str, str] = {}
        for tag, code in zip(order, row, strict=True):
            tags |= said[tag][code]
        if "highway" not in tags and "route" not in tags:
            tags["highway"] = "road"
        to[at] = number.setdefault(tuple(sorted(tags.items())), len(number))
    return to[place.reshape(-1)] if n else np.zeros(0, np.int32), tuple(dict(key) for key in number)
