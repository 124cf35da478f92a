"""The way between two points: from text to answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..coverage.route import as_feature, route
from . import network as networks
from .console import marked
from .desk import duration, measure_line


def time(folder: Path, start: str, end: str, *, ignore_closures: bool = False) -> dict[str, Any]:
    """Find the fastest way between two points over a saved network.

    Returns
    -------
    dict
        seconds (the way to the road at both ends included), metres, roads, closures that count, and the way
        as a GeoJSON feature.

    Raises
    ------
    InputError
        A point is no coordinate or meets no road, or no way leads from one to the other.
    """
    points = networks.point_of(start, "--from"), networks.point_of(end, "--to")
    now, measures = networks.now(folder, ignore_closures=ignore_closures)
    found = route(now, *points)
    return {
        "label": now.label,
        "mode": now.mode,
        "from": list(points[0]),
        "to": list(points[1]),
        "seconds": found.seconds,
        "minutes": round(found.seconds / 60, 1),
        "metres": round(found.metres, 1),
        "off_road_m": [round(found.start_m, 1), round(found.end_m, 1)],
        "roads": [
            {"name": part.name, "metres": round(part.metres, 1), "class": part.road_class}
            for part in found.roads
        ],
        "closures": measures,
        "feature": as_feature(found),
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Write a way as the desk reads it out."""
    mode = networks.MODES.get(found["mode"], found["mode"])
    title = f"{mode} {duration(found['minutes'])}, {found['metres'] / 1000:.1f} 公里"
    yield marked(title, [found["label"]] if found["label"] else [])
    for word, metres in zip(("起点", "终点"), found["off_road_m"], strict=True):
        if metres >= 500:
            yield f"  注意: {word}距最近的道路约 {metres / 1000:.1f} 公里 (直线)"
    yield from (f"  已计入 {measure_line(one)}" for one in found["closures"])
    for part in found["roads"]:
        yield f"  {part['name'] or '无名道路'}  {part['metres'] / 1000:.1f} 公里"
