"""The filter and the one-way rules of OSMnx 2.1, for comparison (read from its source, MIT licence).

OSMnx asks Overpass for ways whose tags do not match regular expressions. They match anywhere in a value and
tell capitals apart: ``"highway"!~"no"`` also leaves out ``unknown``. A missing tag never matches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .osmnx_limits import LIMITS

Tags = Mapping[str, str]

_DRIVE = {
    "area": "yes",
    "access": "private",
    "highway": "abandoned|bridleway|bus_guideway|construction|corridor|cycleway|elevator|escalator|footway"
    "|no|path|pedestrian|planned|platform|proposed|raceway|razed|rest_area|service|services|steps|track",
    "motor_vehicle": "no",
    "motorcar": "no",
    "service": "alley|driveway|emergency_access|parking|parking_aisle|private",
}
_WALK = {
    "area": "yes",
    "access": "private",
    "highway": "abandoned|bus_guideway|construction|cycleway|motor|no|planned|platform|proposed|raceway|razed"
    "|rest_area|services",
    "foot": "no",
    "service": "private",
    "sidewalk": "separate",
    "sidewalk:both": "separate",
    "sidewalk:left": "separate",
    "sidewalk:right": "separate",
}
FILTERS = {
    mode: tuple((key, re.compile(pattern)) for key, pattern in rules.items())
    for mode, rules in (("drive", _DRIVE), ("heavy", _DRIVE), ("walk", _WALK))
}
"""Key and the pattern that leaves a way out, by mode; OSMnx has no heavy vehicles: as drive."""

_ONEWAY = frozenset({"yes", "true", "1", "-1", "reverse", "T", "F"})
_REVERSED = frozenset({"-1", "reverse", "T"})
_SPEED = re.compile(r"([0-9][.,0-9]*?)(?: ?(?:km/h|kmh|kph|mph|knots))?")


def leaves_out(tags: Tags, mode: str) -> str:
    """Return the key by which OSMnx leaves a way out, "" where it keeps the way.

    Examples
    --------
    >>> leaves_out({"highway": "residential", "motorcar": "no"}, "drive")
    'motorcar'
    """
    if "highway" not in tags:
        return "highway"
    for key, pattern in FILTERS[mode]:
        if key in tags and pattern.search(tags[key]):
            return key
    return ""


def directions(tags: Tags, mode: str) -> tuple[bool, bool]:
    """Return whether OSMnx lets pass along the way and against it."""
    if mode == "walk":
        return True, True
    oneway = tags.get("oneway", "")
    if oneway not in _ONEWAY and tags.get("junction") != "roundabout":
        return True, True
    return (False, True) if oneway in _REVERSED else (True, False)


def maxspeed_kmh(text: str) -> float | None:
    """Read a limit as OSMnx does: the mean over lanes, else what it knows of a country's zone, else None."""
    read = []
    for part in text.split("|"):
        found = _SPEED.fullmatch(part)
        try:
            kmh = float(found[1].replace(",", ".")) if found else None
        except ValueError:
            kmh = None
        if kmh is None:
            return LIMITS.get(text)
        read.append(kmh * 1.60934 if "mph" in text.lower() else kmh)
    return sum(read) / len(read)
