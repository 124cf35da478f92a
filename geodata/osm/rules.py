"""What tags mean for a mode: the door to the rules. Pure functions; no text makes them fail."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..network import CLASSES
from . import osmnx_like
from .access import barred, passing, too_large, verdict
from .codes import CODES
from .conditions import conditional
from .profile import Profile, read_profile
from .quantities import parts, tidy
from .speeds import ferry_s, speed, speed_keys

__all__ = ["CODES", "Gate", "Passage", "Profile", "judge_node", "judge_way", "label", "read_profile"]

Tags = Mapping[str, str]

_TRUE = frozenset({"yes", "true", "1"})
_CLASS = {name: position for position, name in enumerate(CLASSES)}
_CONDITIONS = tuple(f"{key}:conditional" for key in ("oneway", "maxweight", "maxheight"))
_SIDEWALKS = ("sidewalk", "sidewalk:both", "sidewalk:left", "sidewalk:right")
_SHUT = frozenset({"closed", "special"})
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MOST_LABEL = 120


@dataclass(frozen=True)
class Passage:
    """What a way means for a mode."""

    kmh: tuple[float, float]
    """Speed along the way and against it; 0.0 = nobody may go that way."""
    road_class: int
    """Position in ``network.CLASSES``."""
    snap: bool
    """Whether points may meet the road here: not on motorways, their ramps, ferries, in tunnels."""
    fixed_s: float
    """Time of the whole way where it is stated (a ferry's duration), else 0."""
    left_out: str
    """Code of the reason why the way is not used, "" where it is."""
    notes: tuple[str, ...]
    """Codes of the choices made, each once."""


@dataclass(frozen=True)
class Gate:
    """What a node means for a mode."""

    closed: bool
    """The road is cut here."""
    seconds: float
    """Added to each passage."""
    notes: tuple[str, ...]
    """Codes of the choices made."""


def judge_way(tags: Tags, profile: Profile) -> Passage:
    """Judge the tags of a way; never raises, whatever the texts are.

    Examples
    --------
    >>> judge_way({"highway": "motorway", "maxspeed": "100"}, read_profile("drive")).kmh
    (100.0, 0.0)
    """
    if profile.like == "osmnx":
        return _as_osmnx(tags, profile)
    name, why, notes = _class_of(tags, profile)
    passage = _left_out(name, why, notes) if why else _judge(tags, profile, name, notes)
    return _compared(passage, tags, profile)


def _left_out(name: str, why: str, notes: Iterable[str]) -> Passage:
    return Passage((0.0, 0.0), _CLASS.get(name, 0), False, 0.0, why, _once(notes))


def _once(notes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))


def _class_of(tags: Tags, profile: Profile) -> tuple[str, str, list[str]]:
    """Find the class of a way: its name, why it has none ("" where it has), notes."""
    if "ferry" in parts(tidy(tags.get("route", ""))):
        return "ferry", "", []
    values = parts(tidy(tags.get("highway", "")))
    if not values:
        return "", "no_highway", []
    aliases, not_roads = profile.table["aliases"], profile.table["not_roads"]
    notes = ["first_of_many"] if len(values) > 1 else []
    for value in values:
        if value in not_roads:
            return "", "not_a_road", notes
        name = aliases.get(value, value)
        if name in _CLASS and name not in {"", "ferry", "other"}:
            return name, "", [*notes, "alias"] if name != value else notes
    return "", "class_unknown", notes


def _judge(tags: Tags, profile: Profile, name: str, notes: list[str]) -> Passage:
    sides = [verdict(tags, profile, direction=direction) for direction in ("forward", "backward")]
    notes = [*notes, *sides[0][2], *sides[1][2]]
    said = (sides[0][0], sides[1][0])
    own = any(kind in {"permits", "limited"} and key != "access" for kind, key, _ in sides)
    why = _unusable(tags, profile) or _refused(tags, profile, said) or _unfit(tags, profile, name, own=own)
    if not why:
        why, more = too_large(tags, profile)
        notes += more
    if why:
        return _left_out(name, why, notes)
    if own and name in profile.permitted and name != "ferry":
        notes.append("opened_by_tag")
    return _opened(tags, profile, name, said, notes)


def _unusable(tags: Tags, profile: Profile) -> str:
    """Say why nobody uses a way, whatever the mode; "" where somebody may."""
    if tidy(tags.get("area", "")) in _TRUE:
        return "area"
    if any(tidy(tags.get(key, "")) in _TRUE for key in ("abandoned", "disused")):
        return "not_a_road"
    if tidy(tags.get("impassable", "")) in _TRUE or tidy(tags.get("status", "")) == "impassable":
        return "impassable"
    if tidy(tags.get("ice_road", "")) in _TRUE or tidy(tags.get("winter_road", "")) in _TRUE:
        return "seasonal"
    kinds = parts(tidy(tags.get("service", "")))
    return "service_kind" if any(kind in profile.service_kinds for kind in kinds) else ""


def _refused(tags: Tags, profile: Profile, said: tuple[str, str]) -> str:
    """Say why the tags of access close both directions; "" where one is open."""
    if not all(kind in _SHUT for kind in said):
        return ""
    if profile.access.get(tidy(tags.get("emergency", ""))) == "permits":
        return "" if profile.table["modes"][profile.mode]["emergency"] else "emergency_only"
    return "access_special" if "special" in said else "access_closed"


def _unfit(tags: Tags, profile: Profile, name: str, *, own: bool) -> str:
    """Say why a way of this class is not for the mode; ``own``: a tag of the mode allows it."""
    if name == "ferry":
        if not profile.ferries:
            return "ferry_unwanted"
        return "ferry_closed" if name in profile.permitted and not own else ""
    if profile.kmh.get(name, 0.0) <= 0 or (name in profile.permitted and not own):
        return "class_closed"
    if profile.mode == "walk" and not own:
        if tidy(tags.get("motorroad", "")) in _TRUE:
            return "motorroad"
        if any("separate" in parts(tidy(tags.get(key, ""))) for key in _SIDEWALKS):
            return "sidewalk_separate"
    return ""


def _opened(tags: Tags, profile: Profile, name: str, said: tuple[str, str], notes: list[str]) -> Passage:
    way, more = passing(tags, profile, name)
    notes = [*notes, *more]
    if way == "neither":
        return _left_out(name, "reversible", notes)
    shut = _shut(said)
    large = [too_large(tags, profile, direction=direction) for direction in ("forward", "backward")]
    notes += [*large[0][1], *large[1][1]]
    may = (way != "backward" and not shut[0], way != "forward" and not shut[1])
    fits = (may[0] and not large[0][0], may[1] and not large[1][0])
    if not any(fits):
        why = large[may.index(True)][0] if any(may) else "both_ways_closed"
        return _left_out(name, why, notes)
    notes += ["access_one_way"] * any(shut) + ["access_limited"] * ("limited" in said)
    notes += ["limit_one_way"] * (fits != may)
    notes += ["conditional"] * _conditional(tags, profile)
    may = fits
    kmh, said_of_speed = _speeds(tags, profile, name, may)
    if not any(kmh):
        return _left_out(name, "impassable", notes)
    fixed_s, more = ferry_s(tags) if name == "ferry" else (0.0, [])
    snap = _meets(tags, profile, name)
    return Passage(kmh, _CLASS[name], snap, fixed_s, "", _once([*notes, *said_of_speed, *more]))


def _speeds(
    tags: Tags, profile: Profile, name: str, may: tuple[bool, bool]
) -> tuple[tuple[float, float], list[str]]:
    along, why = speed(tags, profile, name, "forward") if may[0] else (0.0, [])
    against, more = speed(tags, profile, name, "backward") if may[1] else (0.0, [])
    return (along, against), [*why, *more]


def _shut(said: tuple[str, str]) -> tuple[bool, bool]:
    if all(kind in _SHUT for kind in said):  # opened all the same, for vehicles of emergency services
        return False, False
    return said[0] in _SHUT, said[1] in _SHUT


def _conditional(tags: Tags, profile: Profile) -> bool:
    """Tell whether a rule for some hours or purposes stands beside what was judged."""
    judged = (*profile.keys, *speed_keys(profile))
    texts = [text for key in judged if (text := tags.get(f"{key}:conditional")) is not None]
    return any(key in tags for key in _CONDITIONS) or any(
        conditional(text, profile.vehicle)[1] for text in texts
    )


def _meets(tags: Tags, profile: Profile, name: str) -> bool:
    """Say whether points may meet the road: not where one cannot stop, or get in from outside."""
    if name in profile.no_snap or tidy(tags.get("motorroad", "")) in _TRUE:
        return False
    tunnel = tidy(tags.get("tunnel", ""))
    return tunnel == "" or tunnel in profile.table["open_tunnels"]


def _compared(passage: Passage, tags: Tags, profile: Profile) -> Passage:
    """Add how the judgement differs from OSMnx's: it is counted, so that the difference is explained."""
    kept = osmnx_like.leaves_out(tags, profile.mode) == ""
    if kept == bool(passage.left_out):
        note = "osmnx_keeps" if kept else "beyond_osmnx"
        return replace(passage, notes=(*passage.notes, note))
    ways = (passage.kmh[0] > 0, passage.kmh[1] > 0)
    if kept and ways != osmnx_like.directions(tags, profile.mode):
        return replace(passage, notes=(*passage.notes, "osmnx_direction"))
    return passage


def _as_osmnx(tags: Tags, profile: Profile) -> Passage:
    """Judge as OSMnx: every class that its filter keeps; a limit as it reads it, else the class's speed."""
    highway = tags.get("highway", "")
    name = highway if highway in _CLASS and highway not in {"", "ferry"} else "other"
    if key := osmnx_like.leaves_out(tags, profile.mode):
        return _left_out(name, "no_highway" if "highway" not in tags else f"osmnx_{key.split(':')[0]}", ())
    limit = None
    if profile.mode != "walk" and "maxspeed" in tags:
        limit = osmnx_like.maxspeed_kmh(tags["maxspeed"])
    bounds = profile.table["speeds"]
    if limit is not None and not bounds["least_kmh"] <= limit <= bounds["most_kmh"]:
        limit = None
    kmh = limit or profile.kmh[name] or profile.kmh["other"]
    along, against = osmnx_like.directions(tags, profile.mode)
    notes = ("speed_posted" if limit else "speed_default",)
    return Passage((kmh * along, kmh * against), _CLASS[name], _meets(tags, profile, name), 0.0, "", notes)


def judge_node(tags: Tags, profile: Profile) -> Gate:
    """Judge the tags of a node on a way; never raises. OSMnx knows no barriers.

    Examples
    --------
    >>> judge_node({"barrier": "bollard"}, read_profile("drive")).closed
    True
    """
    if profile.like == "osmnx":
        return Gate(False, 0.0, ())
    closed, code = barred(tags, profile)
    notes = [code] if code else []
    large, more = too_large(tags, profile)
    if large and not closed:
        closed, notes = True, [*notes, "node_limit"]
    seconds = 0.0 if closed else _seconds(tags, profile)
    if seconds:
        notes.append("seconds_added")
    return Gate(closed, seconds, _once([*notes, *more]))


def _seconds(tags: Tags, profile: Profile) -> float:
    every = profile.table["barriers"]["seconds"]
    added = every.get(profile.mode, every["drive"])
    kinds = {*parts(tidy(tags.get("barrier", ""))), *parts(tidy(tags.get("highway", "")))}
    return float(sum(added.get(kind, 0.0) for kind in kinds))


def label(ref: str, name: str) -> str:
    """Name a road by its number and its name; either may be empty.

    Examples
    --------
    >>> label("G60;G70", "沪昆高速"), label("", "中山路"), label("G60", "G60沪昆高速")
    ('G60/G70 沪昆高速', '中山路', 'G60沪昆高速')
    """
    numbers = unicodedata.normalize("NFKC", _one_line(ref)).replace("/", ";").split(";")
    number = "/".join(dict.fromkeys(part for raw in numbers if (part := raw.strip())))
    title = _one_line(name)
    both = title if title.startswith(number) else f"{number} {title}".strip()
    return both if len(both) <= _MOST_LABEL else f"{both[: _MOST_LABEL - 1]}…"


def _one_line(text: str) -> str:
    """Drop control and direction marks, and blanks beyond one."""
    text = text[:1000]
    if text.isprintable():  # most are: quick
        return " ".join(text.split())
    shown = (" " if mark.isspace() else mark for mark in text)
    return " ".join("".join(m for m in shown if unicodedata.category(m) not in _UNSEEN).split())
