"""How fast: the posted limit in all spellings, else the class's speed; then the caps of mode and surface."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .conditions import stated
from .profile import Profile
from .quantities import duration_s, parts, speed_kmh, tidy

Tags = Mapping[str, str]

_ZONE = re.compile(r"(?:[a-z]{2}(?:-[a-z0-9]{1,4})?:)?(?:zone:?)?\s?([0-9]{1,3})")
_COUNTRY = re.compile(r"[a-z]{2}(?:-[a-z0-9]{1,4})?:(.+)")
_LIST_COMMA = re.compile(r",\s+|,(?=[0-9]{2})")
_FALLBACKS = ("zone:maxspeed", "maxspeed:type", "source:maxspeed")
"""Keys that say why a limit holds; read where ``maxspeed`` says nothing usable."""


def posted(text: str, profile: Profile) -> tuple[float | None, str]:
    """Read a value of ``maxspeed``: km/h or None, and the code of what was found.

    Several values stand for parts or lanes of the road: the lowest counts.
    """
    table = profile.table["speeds"]
    pieces = parts(_LIST_COMMA.sub(";", tidy(text)))
    if not pieces:
        return None, "maxspeed_unreadable"
    read = [_piece(piece, table) for piece in pieces]
    good = [(kmh, code) for kmh, code in read if kmh is not None]
    if not good:
        return None, read[0][1]
    kmh, code = min(good)
    return kmh, "maxspeed_many" if len(pieces) > 1 else code


def _piece(text: str, table: Mapping[str, Mapping[str, float]]) -> tuple[float | None, str]:
    kmh = speed_kmh(text)
    code = "speed_posted"
    if kmh is None:
        if text in table["words"]:
            word = table["words"][text]
            return (word, "speed_zone") if word else (None, "maxspeed_words")
        kmh, code = _zone(text, table), "speed_zone"
    if kmh is None:
        return None, "maxspeed_unreadable"
    least, most = float(table["least_kmh"]), float(table["most_kmh"])  # type: ignore[arg-type]
    return (kmh, code) if least <= kmh <= most else (None, "maxspeed_absurd")


def _zone(text: str, table: Mapping[str, Mapping[str, float]]) -> float | None:
    """Read ``CN:urban``, ``DE:zone:30``, ``zone30`` or ``rural``: km/h, or None."""
    if text in table["countries"]:
        return table["countries"][text]
    if limit := _ZONE.fullmatch(text):
        return float(limit[1])
    context = found[1] if (found := _COUNTRY.fullmatch(text)) else text
    return table["zones"].get(context, table["zones"].get(context.rsplit(":", 1)[-1]))


def limit_kmh(tags: Tags, profile: Profile, direction: str) -> tuple[float | None, list[str]]:
    """Find the posted limit for a direction (``forward``, ``backward``): km/h or None, and the codes."""
    notes: list[str] = []
    for key in _keys(profile, direction):
        if (text := stated(tags, key, profile.vehicle)) is None:
            continue
        kmh, code = posted(text, profile)
        if kmh is not None:
            return kmh, [*notes, code]
        notes.append(code)
    for key in _FALLBACKS:
        kmh, _ = posted(tags.get(key, ""), profile)
        if kmh is not None:
            return kmh, [*notes, "speed_zone"]
    return None, notes


def speed_keys(profile: Profile) -> tuple[str, ...]:
    """Return the keys of limits without a direction, the most specific first (``maxspeed:hgv`` …)."""
    return (*(f"maxspeed:{key}" for key in profile.keys if key != "access"), "maxspeed")


def _keys(profile: Profile, direction: str) -> Iterator[str]:
    for key in speed_keys(profile):
        yield f"{key}:{direction}"
        yield key


def speed(tags: Tags, profile: Profile, name: str, direction: str) -> tuple[float, list[str]]:
    """Find the speed on a road of class ``name`` in a direction: km/h, 0 where its surface closes it.

    The posted limit times ``posted_share``, else the class's speed; never above the mode's highest speed and
    the caps of surface, smoothness, tracktype and ford.
    """
    own = profile.table["modes"][profile.mode]
    limit, notes = (None, []) if profile.mode == "walk" else limit_kmh(tags, profile, direction)
    if limit is None:
        kmh, notes = profile.kmh[name], [*notes, "speed_default"]
    else:
        kmh = limit * own["posted_share"]
    if name != "ferry" and kmh > own["most_kmh"]:
        kmh, notes = own["most_kmh"], [*notes, "speed_most"]
    cap = surface_cap(tags, profile)
    if cap < kmh:
        kmh, notes = cap, [*notes, "surface_cap"]
    return float(kmh), notes


def surface_cap(tags: Tags, profile: Profile) -> float:
    """Find the lowest cap of what lies on the road, inf without one; of several surfaces the worst counts."""
    share = profile.table["modes"][profile.mode]["surface_share"]
    found = [
        cap * share
        for key, caps in profile.caps.items()
        for part in parts(tidy(tags.get(key, "")))
        if (cap := caps.get(part)) is not None
    ]
    return min(found, default=float("inf"))


def ferry_s(tags: Tags) -> tuple[float, list[str]]:
    """Read the stated time of a ferry in seconds, 0 where there is none that can be read."""
    if "duration" not in tags:
        return 0.0, ["ferry_speed"]
    seconds = duration_s(tidy(tags["duration"]))
    return (seconds, ["ferry_duration"]) if seconds else (0.0, ["duration_unreadable", "ferry_speed"])
