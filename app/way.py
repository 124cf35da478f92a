"""The way between two points: from text to answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..coverage.route import as_feature, route
from ..geodata.errors import InputError, Problem
from . import network as networks
from .console import marked
from .desk.question import counted_lines, cut_off, cut_off_line, duration
from .desk.where import Atlas, locate, open_atlas
from .roadbook import leg_text, legs
from .workspace import MANIFEST, open_workspace


def time(folder: Path, start: str, end: str, *, ignore_closures: bool = False) -> dict[str, Any]:
    """Find the fastest way between two points over a saved network, or over that of a workspace.

    Parameters
    ----------
    start, end
        ``longitude,latitude`` in WGS84 degrees; in a workspace all that `where.locate` reads as well.

    Returns
    -------
    dict
        seconds (the way to the road at both ends included), metres, roads, closures that count, and the way
        as a GeoJSON feature.

    Raises
    ------
    InputError
        A point is no coordinate and no known place, or meets no road, or no way leads from one to the other.
    """
    places = _places(folder, {"--from": start, "--to": end})
    points = (places[0]["lon"], places[0]["lat"]), (places[1]["lon"], places[1]["lat"])
    now, measures = networks.now(folder, ignore_closures=ignore_closures)
    found = route(now, *points)
    shut = [False, False]
    if measures:
        whole, _ = networks.now(folder, ignore_closures=True)
        shut = cut_off(whole, points, (found.start_m, found.end_m))
    return {
        "label": now.label,
        "mode": now.mode,
        "from": list(points[0]),
        "to": list(points[1]),
        "names": [place["name"] for place in places],
        "notes": [place["note"] for place in places if place["note"]],
        "seconds": found.seconds,
        "minutes": round(found.seconds / 60, 1),
        "metres": round(found.metres, 1),
        "off_road_m": [round(found.start_m, 1), round(found.end_m, 1)],
        "cut_off": shut,
        "roads": [
            {"name": part.name, "metres": round(part.metres, 1), "class": part.road_class}
            for part in found.roads
        ],
        "closures": measures,
        "feature": as_feature(found),
    }


def _places(folder: Path, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Read coordinates, or names where the folder is a workspace; tells all that is wrong."""
    atlas: Atlas | None = None
    found: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for where, text in texts.items():
        try:
            if not networks.is_point(text) and not (folder / MANIFEST).exists():
                fix = "请写 经度,纬度; 用地名查, 请给出工作区文件夹"
                raise InputError(Problem(where, "单独的路网里没有地名", text[:40], fix))
            if networks.is_point(text):
                lon, lat = networks.point_of(text, where)
                found.append({"name": "", "lon": lon, "lat": lat, "note": ""})
                continue
            atlas = atlas or open_atlas(open_workspace(folder).root)
            found.append(_place(atlas, text))
        except InputError as error:
            problems += [replace(one, where=_beside(where, one.where)) for one in error.problems]
    if problems:
        raise InputError(problems)
    return found


def _beside(option: str, where: str) -> str:
    """Say in which option something is wrong, which may already name it, or only say that it is a place."""
    return option if where in {option, "地点"} else f"{option} {where}"


def _place(atlas: Atlas, text: str) -> dict[str, Any]:
    """Find a place by its name, or by coordinates of any notation."""
    place = locate(atlas, text)
    said = (place["note"], place["outside"], place["water"])
    return {**place, "note": "; ".join(one for one in said if one)}


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Write a way as the desk reads it out."""
    mode = networks.MODES.get(found["mode"], found["mode"])
    title = f"{mode} {duration(found['minutes'])}, {found['metres'] / 1000:.1f} 公里"
    yield marked(title, [found["label"]] if found["label"] else [])
    if any(found["names"]):
        ends = zip(found["names"], (found["from"], found["to"]), strict=True)
        yield "  " + " → ".join(name or f"{lon:g},{lat:g}" for name, (lon, lat) in ends)
    yield from (f"  注意: {note}" for note in found["notes"])
    for word, metres, shut in zip(("起点", "终点"), found["off_road_m"], found["cut_off"], strict=True):
        if shut:
            yield f"  注意: {cut_off_line(word, metres)}"
        elif metres >= 500:
            yield f"  注意: {word}距最近的道路约 {metres / 1000:.1f} 公里 (直线)"
    yield from (f"  {text}" for text in counted_lines(found["closures"]))
    yield from (
        f"  {leg_text(leg)}" for leg in legs((part["name"], part["metres"]) for part in found["roads"])
    )
