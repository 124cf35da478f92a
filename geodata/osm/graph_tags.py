"""What the attributes of a saved graph's edges mean for a mode."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .raw import WAY_KEYS
from .rules import Passage, Profile, judge_way, label

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]

_DECIDED = frozenset(
    {"access", "vehicle", "motor_vehicle", "motorcar", "goods", "foot", "bus", "psv", "emergency", "area"}
    | {"service", "status", "impassable", "sidewalk", "footway", "duration"}
)
"""Tags of ways that whoever made the graph has judged."""

_JUDGED = tuple(
    key
    for key in sorted(WAY_KEYS - _DECIDED)
    if not key.startswith("oneway") and not key.endswith(("forward", "backward"))
)
_MOST_CHOICES = 64
_MOST_LISTED = 100
_LONGEST_LIST = 20_000
_ITEM = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s,'"\[\]][^,'"\[\]]*)""")
_MOST_SECONDS = 604_800.0


def numeric(values: Sequence[Any] | None, n: int) -> _Floats:
    """Read a column of numbers, which GraphML has as text; NaN where there is none."""
    if values is None:
        return np.full(n, np.nan)
    numbers = pd.to_numeric(pd.Series(list(values), dtype=object), errors="coerce")
    return np.asarray(numbers, np.float64)


def true(values: Sequence[Any] | None, n: int) -> NDArray[np.bool_]:
    if values is None:
        return np.zeros(n, bool)
    return np.array([str(value).lower() in ("true", "1", "yes") for value in values], bool)


def values_of(cell: Any) -> tuple[str, ...]:
    """Read a cell of an edge: one value, or several written as a Python list, which is not evaluated.

    Examples
    --------
    >>> values_of("['trunk', \\"King's Road\\", 50]"), values_of("primary"), values_of("nan")
    (('trunk', "King's Road", '50'), ('primary',), ())
    """
    text = "" if cell is None else str(cell).strip()
    if text.lower() in ("", "nan", "none"):
        return ()
    if not (text.startswith("[") and text.endswith("]")):
        return (text[:255],)
    found = (next(filter(None, match), "") for match in _ITEM.findall(text[1:-1][:_LONGEST_LIST]))
    values = (re.sub(r"\\(.)", r"\1", value).strip()[:255] for value in found)
    kept = dict.fromkeys(value for value in values if value.lower() not in ("", "nan", "none"))
    return tuple(itertools.islice(kept, _MOST_LISTED))


@dataclass(frozen=True)
class Judged:
    """What the rules say about e edges, each in its own direction."""

    kmh: _Floats
    """0 where the edge is left out."""
    road_class: NDArray[np.uint8]
    snap: NDArray[np.bool_]
    label: NDArray[np.int32]
    labels: tuple[str, ...]
    kind: _Ints
    """(e,) position in ``passages``."""
    passages: tuple[Passage, ...]


def judge(columns: Mapping[str, Sequence[Any]], e: int, profile: Profile) -> Judged:
    """Judge each distinct set of attributes once."""
    kind, sets = _distinct(columns, _JUDGED, e)
    passages = tuple(_slowest(values, profile) for values in sets)
    name, names = _distinct(columns, ("ref", "name"), e)
    texts = [label(";".join(v.get("ref", ())), "/".join(v.get("name", ())[:3])) for v in names]
    number = {text: at for at, text in enumerate(dict.fromkeys(["", *texts]))}
    kmh = np.array([passage.kmh[0] for passage in passages])
    return Judged(
        kmh=kmh[kind],
        road_class=np.array([passage.road_class for passage in passages], np.uint8)[kind],
        snap=np.array([passage.snap for passage in passages], bool)[kind],
        label=np.array([number[text] for text in texts], np.int32)[name],
        labels=tuple(number),
        kind=kind,
        passages=passages,
    )


def _distinct(
    columns: Mapping[str, Sequence[Any]], keys: Sequence[str], e: int
) -> tuple[_Ints, list[dict[str, tuple[str, ...]]]]:
    """Number the distinct combinations of some columns: key → values."""
    there = [key for key in keys if key in columns]
    codes, kept = [np.zeros(e, np.int64)], []
    for key in there:
        code, texts = pd.factorize(np.array([str(cell) for cell in columns[key]], object))
        codes.append(code)
        kept.append([values_of(text) for text in texts])
    rows, kind = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
    sets = [
        {key: kept[at][row[at + 1]] for at, key in enumerate(there) if kept[at][row[at + 1]]}
        for row in rows.tolist()
    ]
    return kind.reshape(-1).astype(np.int64), sets


def _slowest(values: Mapping[str, tuple[str, ...]], profile: Profile) -> Passage:
    """Judge every combination of values: the slowest, with the mean over the limits of speed.

    An edge that OSMnx merged from several ways runs over all of them: where one may not be used, none may.
    """
    given = {key: several for key, several in values.items() if key != "maxspeed"}
    count = 1
    for key, several in given.items():
        count *= len(several)
        if count > _MOST_CHOICES and key != "highway":
            given[key] = several[:1]
    limits = values.get("maxspeed") or (None,)
    found = []
    for combination in itertools.product(*given.values()):
        tags = dict(zip(given, combination, strict=True))
        tags["oneway"] = "no"  # an edge is judged along its own direction
        ways = [
            judge_way(tags if limit is None else {**tags, "maxspeed": limit}, profile) for limit in limits
        ]
        kmh = [way.kmh[0] for way in ways]
        found.append((float(np.mean(kmh)) if min(kmh) > 0 else 0.0, ways[0]))
    kmh_least, way = min(found, key=lambda pair: pair[0])
    return replace(way, kmh=(kmh_least, 0.0))


def seconds_of(
    columns: Mapping[str, Sequence[Any]], metres: _Floats, kmh: _Floats, stored_times: bool
) -> tuple[_Floats, NDArray[np.bool_]]:
    """Compute the time of each edge, inf where it is left out, and whether the graph stated it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        seconds = np.where(kmh > 0, metres * 3.6 / kmh, np.inf)
        stored = np.zeros(len(metres), bool)
        if stored_times:
            speed = numeric(columns.get("speed_kph"), len(metres))
            for own in (metres * 3.6 / speed, numeric(columns.get("travel_time"), len(metres))):
                good = (own > 0) & (own <= _MOST_SECONDS) & (kmh > 0)
                seconds = np.where(good, own, seconds)
                stored |= good
    return seconds, stored
