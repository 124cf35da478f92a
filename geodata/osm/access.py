"""Who may pass: access by the hierarchy of its keys, one-way rules, limits of size, barriers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .conditions import stated
from .profile import Profile
from .quantities import length_m, parts, tidy, weight_t

Tags = Mapping[str, str]

_OPENNESS = ("permits", "limited", "special", "closed")
"""Verdicts on a value, the most open first: of several values it counts."""

_ROUNDABOUTS = frozenset({"roundabout", "circular"})
_NO_LIMIT = frozenset(
    {"none", "no", "default", "unsigned", "no_sign", "noindications", "no_indications", "unlimited"}
    | {"above_default", "unknown"}
)

_SIZE_KEYS: tuple[tuple[str, str, tuple[str, ...], Callable[[str], float | None], float, float], ...] = (
    (
        "weight_t",
        "too_heavy",
        ("maxweight", "maxweight:hgv", "maxweightrating", "maxweightrating:hgv", "maxgcweight"),
        weight_t,
        0.2,
        250,
    ),
    ("axle_t", "axle", ("maxaxleload",), weight_t, 0.2, 50),
    ("height_m", "too_high", ("maxheight", "maxheight:physical"), length_m, 0.5, 30),
    ("width_m", "too_wide", ("maxwidth", "maxwidth:physical"), length_m, 0.3, 50),
    ("length_m", "too_long", ("maxlength",), length_m, 1, 100),
)
"""Size of the vehicle, code of the reason, keys that limit it, reader, least and most plausible limit."""


def verdict(tags: Tags, profile: Profile, *, direction: str = "") -> tuple[str, str, list[str]]:
    """Find what the most specific key of access says.

    Parameters
    ----------
    direction
        ``forward`` or ``backward``: a key with this suffix comes before the same key without.

    Returns
    -------
    verdict
        ``permits``, ``limited``, ``special``, ``closed``, or "" where no key says anything known.
    key
        The key that decided, without the suffix.
    notes
        ``access_unknown`` where a value is not in the table; the next key decides then.
    """
    notes: list[str] = []
    for key in profile.keys:
        for name in (f"{key}:{direction}", key) if direction else (key,):
            if (value := tidy(stated(tags, name, profile.vehicle) or "")) == "":
                continue
            kinds = [kind for part in parts(value) if (kind := profile.access.get(part))]
            if kinds:
                return min(kinds, key=_OPENNESS.index), key, notes
            notes.append("access_unknown")
    return "", "", notes


def passing(tags: Tags, profile: Profile, name: str) -> tuple[str, list[str]]:
    """Find the direction in which one may pass: ``forward``, ``backward``, ``both`` or ``neither``.

    ``oneway=no`` beats what a roundabout or a motorway implies. On foot only ``oneway:foot`` and the running
    direction of escalators count.
    """
    notes: list[str] = []
    for key in profile.oneway_keys:
        if (value := tidy(tags.get(key, ""))) == "":
            continue
        if found := profile.oneway.get(value):
            exception = key != "oneway" and profile.oneway.get(tidy(tags.get("oneway", ""))) not in {
                None,
                found,
            }
            return found, [*notes, *(["oneway_exception"] if exception else [])]
        notes.append("oneway_unknown")
    implied, why = _implied(tags, profile, name)
    return implied, [*notes, *why]


def _implied(tags: Tags, profile: Profile, name: str) -> tuple[str, list[str]]:
    if profile.mode == "walk":
        conveying = tidy(tags.get("conveying", ""))
        return (conveying, ["conveying"]) if conveying in {"forward", "backward"} else ("both", [])
    if tidy(tags.get("junction", "")) in _ROUNDABOUTS:
        return "forward", ["oneway_roundabout"]
    if name in profile.implied_oneway:
        return "forward", ["oneway_motorway"]
    return "both", []


def too_large(tags: Tags, profile: Profile, *, direction: str = "") -> tuple[str, list[str]]:
    """Hold the vehicle against the limits of size: code of the first that it exceeds, or ""; notes.

    Parameters
    ----------
    direction
        ``forward`` or ``backward`` for the limits of one direction (``maxweight:forward``), "" for those of
        both: the strictest counts.
    """
    suffix = f":{direction}" if direction else ""
    notes: list[str] = []
    for size, code, keys, read, least, most in _SIZE_KEYS:
        if size not in profile.vehicle:
            continue
        for key in keys:
            if (text := tidy(tags.get(f"{key}{suffix}", ""))) == "" or text in _NO_LIMIT:
                continue
            limit = _limit(text, size, read, profile)
            if limit is None or not least <= limit <= most:
                notes.append("limit_unreadable")
            elif profile.vehicle[size] > limit + 1e-9:
                return code, notes
    return "", notes


def _limit(text: str, size: str, read: Callable[[str], float | None], profile: Profile) -> float | None:
    """Read the lowest of the limits in a value; one below the default is a hair lower than the default."""
    if text == "below_default":
        default = profile.table["limits"]["below_default"].get(size)
        return None if default is None else float(default) - 0.01
    found = [limit for part in parts(text) if (limit := read(part)) is not None]
    return min(found, default=None)


def barred(tags: Tags, profile: Profile) -> tuple[bool, str]:
    """Judge the barrier on a node: whether it closes the road, and the code of the reason ("" without one).

    A tag of access on the barrier decides, then a lock, then the kind of barrier. On a node without a
    barrier, tags of access speak about something else: they are counted only.
    """
    kinds = parts(tidy(tags.get("barrier", ""))) or (
        ["gate"] if tidy(tags.get("highway", "")) == "gate" else []
    )
    said, _, _ = verdict(tags, profile)
    if not kinds:
        return False, "node_access" if said in {"closed", "special"} else ""
    if said:
        closed = said in {"closed", "special"}
        return closed, "barrier_closed_by_tag" if closed else "barrier_opened_by_tag"
    if tidy(tags.get("locked", "")) == "yes":
        return True, "barrier_locked"
    closed = any(_closes(kind, tags, profile) for kind in kinds)
    return closed, "barrier_closed" if closed else "barrier_passed"


def _closes(kind: str, tags: Tags, profile: Profile) -> bool:
    rules = profile.table["barriers"]
    if profile.mode == "walk":
        return kind in rules["walk_closed"]
    if profile.mode == "heavy" and kind in rules["heavy_closed"] and not _measured(tags, profile):
        return True
    if kind == "bollard" and tidy(tags.get("bollard", "")) in rules["open_bollards"]:
        return False
    return kind not in rules["drive"]


def _measured(tags: Tags, profile: Profile) -> bool:
    """Tell whether a readable height or width is posted: then `too_large` decides."""
    return any(
        (text := tidy(tags.get(key, ""))) != "" and _limit(text, size, read, profile) is not None
        for size, _, keys, read, _, _ in _SIZE_KEYS
        if size in {"height_m", "width_m"}
        for key in keys
    )
