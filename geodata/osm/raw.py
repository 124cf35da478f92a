"""RawRoads: what a file says about roads and ferries, read but not judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

OSM_LICENCE = "© OpenStreetMap contributors, ODbL"
"""Licence of what comes from OpenStreetMap; maps of such networks state it."""

_ACCESS = ("access", "vehicle", "motor_vehicle", "motorcar", "hgv", "goods", "foot")
_SPEEDS = ("maxspeed", *(f"maxspeed:{key}" for key in _ACCESS if key != "access"))
_LIMITS = (
    "maxweight", "maxweight:hgv", "maxweightrating", "maxweightrating:hgv", "maxgcweight", "maxaxleload",
    "maxheight", "maxheight:physical", "maxwidth", "maxwidth:physical", "maxlength",
)  # fmt: skip
_DIRECTIONS = ("", ":forward", ":backward")
_CONDITIONS = ("", ":conditional")

WAY_KEYS = frozenset(
    {
        "highway", "route", "area", "junction", "service", "tracktype", "surface", "smoothness", "bridge",
        "tunnel", "ford", "toll", "motorroad", "bus", "psv", "emergency", "oneway", "oneway:motor_vehicle",
        "oneway:motorcar", "oneway:vehicle", "oneway:foot", "oneway:hgv", "oneway:goods",
        "oneway:conditional", "maxspeed:type", "source:maxspeed", "zone:maxspeed", "maxspeed:advisory",
        "maxspeed:practical", "maxweight:conditional", "maxheight:conditional", "hazmat", "lanes", "width",
        "sidewalk", "sidewalk:both", "sidewalk:left", "sidewalk:right", "footway", "ice_road",
        "winter_road", "duration", "impassable", "status", "abandoned", "disused", "lit", "conveying",
    }
    | {
        f"{key}{direction}{condition}"
        for key in (*_ACCESS, *_SPEEDS)
        for direction in _DIRECTIONS
        for condition in _CONDITIONS
    }
    | {f"{key}{direction}" for key in _LIMITS for direction in _DIRECTIONS}
)  # fmt: skip
"""Keys of ways that the rules may look at; ``ref`` and the names are kept apart as labels."""

NODE_KEYS = frozenset(
    {"barrier", "bollard", "locked", "highway", "ford", "railway", "emergency", "opening_hours", *_LIMITS}
    | {f"{key}{condition}" for key in _ACCESS for condition in _CONDITIONS}
)
"""Keys of nodes that the rules may look at."""

NAME_KEYS = ("name:zh", "name", "name:en")
"""Where a road's name is read, the first that is there."""


@dataclass(frozen=True)
class RawRoads:
    """n nodes that ways use, w ways in the order of the file, their distinct sets of tags."""

    node_id: NDArray[np.int64]
    """(n,) ids in the source, ascending, distinct: the nodes of kept ways that the file holds."""
    x: NDArray[np.int32]
    """(n,) WGS84 longitude in 1e-7 degrees."""
    y: NDArray[np.int32]
    """(n,) latitude in 1e-7 degrees."""
    way_id: NDArray[np.int64]
    """(w,) ids in the source."""
    way_start: NDArray[np.int64]
    """(w + 1,) first node reference of each way."""
    way_node: NDArray[np.int32]
    """(references,) position of the node; -1 where the file lacks it (a way that leaves the extract)."""
    way_tags: NDArray[np.int32]
    """(w,) position in ``tag_sets``."""
    way_label: NDArray[np.int32]
    """(w,) position in ``labels``."""
    tagged_node: NDArray[np.int32]
    """(t,) positions of the nodes with a tag of ``NODE_KEYS``, ascending."""
    node_tags: NDArray[np.int32]
    """(t,) their position in ``tag_sets``."""
    tag_sets: tuple[Mapping[str, str], ...]
    """Distinct sets of tags: of ways the keys in ``WAY_KEYS``, of nodes those in ``NODE_KEYS``."""
    labels: tuple[tuple[str, str], ...]
    """Distinct (ref, name) of ways, either may be empty; the first is ("", "")."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """nodes, ways and relations in the file; kept_ways; missing_nodes (references without a node)."""
    date: str = ""
    """Day up to which the file follows OpenStreetMap, as YYYY-MM-DD; "" where it says none."""
