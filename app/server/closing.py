"""Closing and reopening roads from the page: in the file that `boai network close` writes as well."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geodata import selection
from ...geodata.closures import changing, close_edges
from ...geodata.errors import InputError, Problem
from ...geodata.moments import read_end, written
from ...geodata.network import Network
from ...geodata.overlay import Measure, Overlay, expire, lift, load_overlay, save_overlay
from ...geodata.road_lines import length_km, lines_of
from ...geodata.road_names import edges_of_roads, names_of
from ..desk.ground import Ground
from ..desk.trial import MOST_EDGES, polygon
from ..desk.words import measure_line
from .models import Choice, Closing
from .tokens import Holder

WHOLE_M = 5000.0
"""Straight metres about a click within which the whole road of its name is offered (假设)."""
_MOST_NAMES = 8


def chosen(network: Network, choice: Choice) -> tuple[NDArray[np.int64], str]:
    """Find the edges that are meant, both directions of each road, and say it in words.

    Raises
    ------
    InputError
        Nothing is named, or a road, section, place or area has no road.
    """
    parts, words = [], []
    if choice.roads:
        edges, names = edges_of_roads(network, choice.roads, where="道路")
        parts.append(edges)
        words.append("道路 " + "、".join(names))
    if choice.edges:
        parts.append(selection.by_number(network, choice.edges, where="路段"))
        words.append(_sections(network, parts[-1]))
    if choice.click is not None:
        road = _clicked(network, choice)
        parts.append(road.edges)
        words.append(road.name or "无名道路")
    if choice.near is not None:
        lon, lat, within_m = choice.near.lon, choice.near.lat, choice.near.within_m
        parts.append(selection.near(network, lon, lat, within_m=within_m, where="位置"))
        words.append(f"{lon:g},{lat:g} 周围 {within_m:g} 米")
    if choice.area is not None:
        area = polygon(tuple((corner[0], corner[1]) for corner in choice.area), "范围")
        parts.append(selection.inside(network, area, where="范围"))
        words.append(f"图上画出的范围 ({len(choice.area)} 个角)")
    if not parts:
        fix = "请在图上点一条道路或画一个范围, 或写道路编号"
        raise InputError(Problem("封闭", "没有说明哪条道路", fix=fix))
    return np.unique(np.concatenate(parts)), "; ".join(words)


def _sections(network: Network, edges: NDArray[np.int64]) -> str:
    names = names_of(network, edges)
    listed = "、".join(names[:_MOST_NAMES]) + (" 等" if len(names) > _MOST_NAMES else "")
    return f"{listed or '无名道路'} {len(edges)} 个路段"


def _clicked(network: Network, choice: Choice) -> selection.Clicked:
    assert choice.click is not None  # noqa: S101 (for the type checker)
    return selection.clicked(network, choice.click.lon, choice.click.lat, within_m=choice.click.within_m)


def preview(ground: Ground, choice: Choice) -> dict[str, Any]:
    """Draw what would be closed; nothing is stored.

    Returns
    -------
    dict
        GeoJSON with what, edges (their number), edge_ids (None where they are many), km and names. Of a click
        on a road with a name ``whole`` is the same for all of that road within ``WHOLE_M``, else None.
    """
    edges, what = chosen(ground.network, choice)
    found = _drawn(ground.network, edges, what)
    return {**found, "whole": None if choice.click is None else _whole(ground.network, choice, edges)}


def _whole(network: Network, choice: Choice, edges: NDArray[np.int64]) -> dict[str, Any] | None:
    road = _clicked(network, choice)
    more = selection.same_road(network, road, within_m=WHOLE_M)
    if len(more) <= len(edges):
        return None
    return _drawn(network, more, f"{road.name} (附近 {WHOLE_M / 1000:g} 公里)")


def _drawn(network: Network, edges: NDArray[np.int64], what: str) -> dict[str, Any]:
    lines, whole = lines_of(network, edges)
    line = {"type": "MultiLineString", "coordinates": lines}
    facts = {
        "what": what,
        "edges": len(edges),
        "km": round(length_km(network, edges), 1),
        "names": names_of(network, edges)[:_MOST_NAMES],
        "drawn_whole": whole,
    }
    feature = {"type": "Feature", "geometry": line, "properties": facts}
    numbers = edges.tolist() if len(edges) <= MOST_EDGES else None
    return {"type": "FeatureCollection", "features": [feature], **facts, "edge_ids": numbers}


def close(ground: Ground, wanted: Closing, holder: Holder, at: datetime) -> int:
    """Close or slow roads for everybody; returns the number by which that is taken back.

    Raises
    ------
    InputError
        The choice, the speed or the end are wrong, or too much is in force.
    WorkspaceError
        The roads were replaced meanwhile, another desk writes, or the file is damaged.
    """
    until = read_end(wanted.until, at=at, where="until")
    edges, what = chosen(ground.network, wanted)
    measure = close_edges(
        ground.root / "network",
        ground.network,
        edges,
        at=at,
        what=what,
        speed=wanted.speed,
        reason=wanted.reason,
        reporter=wanted.reporter.strip() or holder.name,
        until=until,
    )
    return measure.number


def reopen(ground: Ground, number: int, holder: Holder, at: datetime) -> Measure:
    """Take a closure back for everybody; raises ``InputError`` where it is not in force."""
    folder = ground.root / "network"
    with changing(folder, ground.network):
        before = expire(load_overlay(folder, ground.network), at)
        save_overlay(lift(before, [number], at=written(at), who=holder.name), folder)
    return next(one for one in before.measures if one.number == number)


def features_of(ground: Ground) -> list[dict[str, Any]]:
    """Draw the measures in force as GeoJSON features, the latest first."""
    return [_feature(ground.network, one) for one in reversed(ground.overlay.measures)]


def _feature(network: Network, one: Measure) -> dict[str, Any]:
    lines, whole = lines_of(network, one.edges)
    line = {"type": "MultiLineString", "coordinates": lines}
    facts: dict[str, Any] = {
        **{key: value for key, value in vars(one).items() if key != "edges"},
        "edges": len(one.edges),
        "km": round(length_km(network, one.edges), 1),
        "drawn_whole": whole,
    }
    facts["text"] = measure_line(facts)
    return {"type": "Feature", "id": one.number, "geometry": line, "properties": facts}


def history(ground: Ground, at: datetime) -> list[Mapping[str, Any]]:
    """List all that was ever closed, slowed and reopened, the latest first."""
    overlay: Overlay = expire(load_overlay(ground.root / "network", ground.network), at)
    return [dict(vars(event)) for event in reversed(overlay.events)]
