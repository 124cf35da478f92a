"""What the commands on networks answer: build, describe, close roads, measure a way, use in a workspace."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..geodata import polygons, selection
from ..geodata.closures import changing, close_edges
from ..geodata.errors import InputError, Problem, WorkspaceError
from ..geodata.moments import read_end, written
from ..geodata.network import Network, load_network
from ..geodata.overlay import (
    Overlay,
    expire,
    lift,
    load_in_force,
    load_overlay,
    save_overlay,
    set_aside,
    under,
)
from ..geodata.road_lines import length_km
from ..geodata.road_names import edges_of_roads
from ..geodata.store import write_text
from .console import jsonable
from .workspace import open_workspace, saved_network

if TYPE_CHECKING:
    from ..geodata.overlay import Measure

NETWORK = "network"
"""Folder of the network in a workspace."""

MODES = {"drive": "驾车", "walk": "步行", "heavy": "重型车"}
_REPORT = (
    "km", "class_names", "oneway_km", "components", "strong", "choices", "left_out", "closed_km", "closures",
)  # fmt: skip
"""What only the report of an import says, in a form that was checked."""
_PAIR = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d+)?)\s*[,，;；\s]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*")


def open_network(path: Path) -> tuple[Path, Network]:
    """Open the network of a folder or of a workspace: (its folder, the network without closures)."""
    folder = saved_network(path)
    return folder, load_network(folder, verify="once")


def info(path: Path) -> dict[str, Any]:
    """Describe a network: size, kilometres by class, components, what was decided on import, closures."""
    folder, network = open_network(path)
    meta = {
        f"own_{key}" if key in _REPORT else key: value  # the approximate network has facts of the same name
        for key, value in network.meta.items()
        if key not in ("report", "label")
    }
    report = dict(network.meta.get("report", {}))
    counts = {
        "nodes": network.n_nodes,
        "edges": network.n_edges,
        "shapes": 0 if network.shapes is None else len(network.shapes.edge),
        "named_roads": sum(1 for name in network.roads if name),
        "km_total": round(_road_metres(network) / 1000, 3),
    }
    overlay = load_in_force(folder, network)
    head = {"folder": str(folder), "label": network.label, "mode": network.mode, **counts}
    everything = {**report, **meta, **head, "closures": [measure_of(one) for one in overlay.measures]}
    return dict(jsonable(everything))


def _road_metres(network: Network) -> float:
    """Add up the length of the roads, each counted once."""
    metres = np.asarray(network.metres, np.float64)
    if network.shapes is None:
        return float(metres.sum()) / 2  # all links of the approximate network can be driven both ways
    pair = np.asarray(network.shapes.edge)
    return float(metres[np.where(pair[:, 0] >= 0, pair[:, 0], pair[:, 1])].sum())


def measure_of(one: Measure) -> dict[str, Any]:
    """Give a measure as plain values, without its edges."""
    return {
        "number": one.number,
        "speed": one.speed,
        "what": one.what,
        "reason": one.reason,
        "since": one.since,
        "reporter": one.reporter,
        "until": one.until,
        "edges": len(one.edges),
    }


def is_point(text: str) -> bool:
    """Tell whether a text is written as ``longitude,latitude``."""
    return _PAIR.fullmatch(unicodedata.normalize("NFKC", text)[:100]) is not None


def point_of(text: str, where: str) -> tuple[float, float]:
    """Read ``longitude,latitude`` in WGS84 degrees; raises ``InputError``."""
    pair = _PAIR.fullmatch(unicodedata.normalize("NFKC", text)[:100])
    lon, lat = (float(pair[1]), float(pair[2])) if pair else (np.nan, np.nan)
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        swapped = abs(lon) <= 90 < abs(lat) <= 180
        fix = "经纬度可能写反了, 经度在前, 例如 115.86,28.69" if swapped else "例如 115.86,28.69"
        raise InputError(Problem(where, "应为 经度,纬度 (WGS84 十进制度数)", text[:40], fix))
    return lon, lat


@dataclass(frozen=True)
class Choice:
    """Which roads a measure concerns; all that is named counts together."""

    roads: Sequence[str] = ()
    ways: Sequence[int] = ()
    edges: Sequence[int] = ()
    one_way: bool = False
    near: str = ""
    within_m: float = 50.0
    polygon: str = ""
    """A file of polygons, or corners; see `polygons.area_of`."""


def close(
    path: Path,
    choice: Choice,
    *,
    speed: float = 0.0,
    reason: str = "",
    reporter: str = "",
    until: str = "",
    at: datetime | None = None,
) -> dict[str, Any]:
    """Close or slow roads of a saved network, and say what that concerns.

    Parameters
    ----------
    reporter
        Who reports it.
    until
        When it ends by itself, as `moments.read_end` reads it; empty: when it is taken back.
    at
        The moment that counts; by default now.
    """
    at = at or datetime.now(UTC)
    end = read_end(until, at=at, where="--until")
    folder, network = open_network(path)
    edges, words = _chosen(network, choice)
    measure = close_edges(
        folder,
        network,
        edges,
        at=at,
        what="; ".join(words),
        speed=speed,
        reason=reason,
        reporter=reporter,
        until=end,
    )
    pairs = edges if network.shapes is None else np.unique(np.asarray(network.shapes.of)[edges] >> 1)
    return {**measure_of(measure), "km": round(length_km(network, edges), 3), "roads": len(pairs)}


def _chosen(network: Network, choice: Choice) -> tuple[Any, list[str]]:
    parts, words = [], []
    if choice.roads:
        found, names = edges_of_roads(network, choice.roads, where="--road")
        parts.append(found)
        words.append("道路 " + "、".join(names))
    if choice.ways:
        parts.append(selection.by_way(network, choice.ways, where="--way"))
        words.append("way " + "、".join(map(str, choice.ways)))
    if choice.edges:
        parts.append(selection.by_number(network, choice.edges, both=not choice.one_way, where="--edge"))
        words.append("路段 " + "、".join(map(str, choice.edges)) + (" (单向)" if choice.one_way else ""))
    if choice.near:
        lon, lat = point_of(choice.near, "--near")
        parts.append(selection.near(network, lon, lat, within_m=choice.within_m, where="--near"))
        words.append(f"{lon:g},{lat:g} 周围 {choice.within_m:g} 米")
    if choice.polygon:
        area = polygons.area_of(choice.polygon, where="--polygon")
        parts.append(selection.inside(network, area, where="--polygon"))
        words.append(f"范围 {polygons.name_of(choice.polygon)}")
    if not parts:
        fix = "请用 --road、--way、--edge、--near 或 --polygon 指定"
        raise InputError(Problem("命令", "没有说明哪条道路", fix=fix))
    return np.unique(np.concatenate(parts)), words


def reopen(
    path: Path,
    numbers: Sequence[int] | None,
    *,
    reason: str = "",
    who: str = "",
    at: datetime | None = None,
) -> dict[str, Any]:
    """Take measures back, all where none is named; a file that cannot be read is then put aside.

    ``who`` says who does it; ``at`` is the moment that counts, by default now.
    """
    at = at or datetime.now(UTC)
    folder, network = open_network(path)
    aside = ""
    with changing(folder, network):
        try:
            before = expire(load_overlay(folder, network), at)
        except WorkspaceError:
            if numbers is not None:
                raise
            aside = set_aside(folder)
            before = Overlay(str(network.meta["hash"]))
        after = lift(before, numbers, reason=reason, at=written(at), who=who)
        save_overlay(after, folder)
    gone = [one for one in before.measures if one not in after.measures]
    return {
        "reopened": [measure_of(one) for one in gone],
        "in_force": [measure_of(one) for one in after.measures],
        "set_aside": aside,
    }


def closures(path: Path) -> dict[str, Any]:
    """List the measures in force now and all that was ever done, those that ended by themselves included."""
    folder, network = open_network(path)
    overlay = expire(load_overlay(folder, network), datetime.now(UTC))
    return {
        "in_force": [measure_of(one) for one in overlay.measures],
        "history": [vars(event) for event in overlay.events],
    }


def now(path: Path, *, ignore_closures: bool) -> tuple[Network, list[dict[str, Any]]]:
    """Open a network as it is now, with the measures that count."""
    folder, network = open_network(path)
    if ignore_closures:
        return network, []
    overlay = load_in_force(folder, network)
    return under(network, overlay), [measure_of(one) for one in overlay.measures]


def workspace_network(root: Path) -> Path:
    """Return the folder of a workspace's network."""
    return open_workspace(root).root / NETWORK


def save_geojson(feature: Mapping[str, Any], path: Path) -> None:
    """Write a GeoJSON feature to a new file."""
    import json  # noqa: PLC0415

    from .outputs import check_new  # noqa: PLC0415

    if path.is_file():
        raise InputError(Problem(str(path), "文件已存在, 没有写出", fix="请换一个文件名"))
    check_new(path, overwrite=False)
    write_text(path, json.dumps(jsonable(feature), ensure_ascii=False))
