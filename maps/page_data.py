"""The data of a page as JSON: compact, deterministic, each piece once though several scenarios share it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..coverage.zones import zones_of
from ..geodata import characters, crs
from ..geodata.layers import KIND_NAMES, Kind, shown_kinds
from . import done, layers, style, words
from .page_compare import compare_data
from .page_layers import Shown, layer_data
from .page_pack import Pool, dump, pack
from .public import Release
from .roads import main_roads
from .words import one_line

if TYPE_CHECKING:
    from ..coverage.states import States
    from ..geodata.demand import Demand
    from ..geodata.gazetteer import Gazetteer
    from ..geodata.network import Network
    from ..scenarios.run import Result
    from ..scenarios.world import World

SCALE = 100_000
"""Coordinates are integers in units of 1/SCALE degree, about a metre."""
LONGEST_LIST = 50
"""So many suggested sites are listed beside the map; all are on it."""

_SHAPES = {
    "square": "-.85,-.85 .85,-.85 .85,.85 -.85,.85",
    "triangle": "0,-.95 .95,.8 -.95,.8",
    "pentagon": "0,-.95 .95,-.24 .6,.85 -.6,.85 -.95,-.24",
    "star": "0,-1 .25,-.32 .95,-.31 .4,.13 .59,.81 0,.42 -.59,.81 -.4,.13 -.95,-.31 -.25,-.32",
}


def page_json(
    world: World,
    results: Sequence[Result],
    *,
    headlines: Sequence[str],
    title: str,
    states: Mapping[tuple[str, Kind], States] | None = None,
    release: Release | None = None,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """Write everything that the page shows as one JSON text.

    Parameters
    ----------
    states
        By the result's name and the resource type; what is missing has two states instead of three.
    release
        For whom the page is made; by default for the house.
    extra
        More of the page's own, such as its start and its base map.
    """
    pool, stamped = Pool(), release or Release()
    shown = Shown(world, pool, SCALE, states or {})
    kinds = shown_kinds(result.layers for result in results)
    outline = layers.outlines(world.units)
    whole = {
        "title": one_line(title),
        "stamp": stamped.stamp,
        "labels": _labels(world, results, kinds),
        "headlines": list(headlines),
        "notes": [
            *_notes(world, results, tiles=bool((extra or {}).get("tiles"))),
            *filter(None, [stamped.note]),
        ],
        "scale": SCALE,
        "shapes": _SHAPES,
        "colours": style.page_looks(),
        "states": _states_shown(),
        "longest": LONGEST_LIST,
        "changes_title": done.TITLE,
        "outline": _outline(outline),
        "albers": _projection(),
        "cells": _cells(world.demand),
        "roads": roads(world.network, outline.province),
        "credit": words.credit(world.network) or (words.credit(world.walk) if world.walk else ""),
        "counties": _counties(world),
        "cities": _cities(results[0]),
        "places": {**places(world.gazetteer), **_other_names(world.gazetteer)},
        "first": kinds.index("warehouse") if "warehouse" in kinds else 0,
        "kinds": [_kind(results[0], kind) for kind in kinds],
        "compare": compare_data(results, world.demand, kinds, pool, scale=SCALE) if results[1:] else None,
        "scenarios": [_scenario(shown, result, kinds) for result in results],
        **(extra or {}),
    }
    return f'{dump(whole)[:-1]},"pool":{pool.text()}}}'


def _scenario(shown: Shown, result: Result, kinds: Sequence[Kind]) -> dict[str, Any]:
    demand = words.residents_of(shown.world, result)
    return {
        "name": one_line(result.name),
        "title": one_line(result.title),
        "notes": [one_line(note, longest=300) for note in result.notes],
        "changes": list(done.changes(shown.world, result)),
        "residents": shown.pool.add(_residents(shown.world, result)),
        "people": shown.pool.add(pack(demand.residents, "u4")),
        "layers": [layer_data(shown, result, kind) for kind in kinds],
    }


def _states_shown() -> list[dict[str, str]]:
    """Write the words and colours of the three states."""
    return [{"text": state.text, "colour": state.colour} for state in style.STATE]


def _projection() -> dict[str, float]:
    """Read the parameters of the maps' projection."""
    named = re.findall(r"\+(lat_0|lat_1|lat_2|lon_0)=([\d.]+)", crs.ALBERS)
    return {name: float(value) for name, value in named}


def _cells(demand: Demand) -> dict[str, Any]:
    """Write the centres of the cells, their counties, and how far they stand apart (metres).

    Within ``inner`` of a centre no other one can be nearer: half the least distance between two, less what
    rounding to whole units of ``SCALE`` moves them.
    """
    centres = layers.project(demand.lon, demand.lat)
    apart = cKDTree(centres).query(centres, k=2)[0][:, 1] if len(centres) > 1 else np.array([1000.0])
    spacing = float(np.median(apart))
    return {
        "x": pack(np.rint(np.asarray(demand.lon) * SCALE), "i4"),
        "y": pack(np.rint(np.asarray(demand.lat) * SCALE), "i4"),
        "county": pack(demand.county, "u2"),
        "spacing": round(spacing),
        "inner": max(0, int(apart.min() / 2 - 160_000 / SCALE)),
    }


def _notes(world: World, results: Sequence[Result], *, tiles: bool) -> list[str]:
    version = world.hashes.get("boai", "")
    keys = "、".join(f"{one_line(result.title)} {result.key[:12]}" for result in results)
    network = "除底图的图片外, 本页不访问网络。" if tiles else "本页不访问网络。"
    return [
        "类别界线含在较近的一类: 恰好 1 小时算 1 小时以内。",
        "缺口: 主要时限或距离以外的居民, 按相邻成片汇总, 按人数排名。",
        "分县统计中的比例分档为显示选择 (假设)。",
        f"结果编号: {keys}",
        f"制图: boai {version}".strip() + f", Leaflet 1.9.4 (BSD-2-Clause), {network}",
    ]


def _flat(coordinates: NDArray[np.float64]) -> list[int]:
    """Write points as integer differences: [x0, y0, dx, dy, …]; points that coincide on the grid go."""
    grid = np.rint(coordinates * SCALE).astype(np.int64)
    keep = np.concatenate(([True], (np.diff(grid, axis=0) != 0).any(axis=1)))
    grid = grid[keep]
    steps = np.diff(grid, axis=0, prepend=np.zeros((1, 2), np.int64))
    return [int(value) for value in steps.ravel()]


def polygons(geometry: Any) -> list[list[list[int]]]:
    """Write a (multi)polygon as parts of rings, without the closing points (Leaflet closes rings itself)."""
    parts = [
        part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and not part.is_empty
    ]
    rings = ([part.exterior, *part.interiors] for part in parts)
    return [[_flat(shapely.get_coordinates(ring)[:-1]) for ring in part] for part in rings]


def lines(geometry: Any) -> list[list[int]]:
    """Write a (multi)line as integer differences: one list per line."""
    return [_flat(shapely.get_coordinates(line)) for line in shapely.get_parts(geometry) if not line.is_empty]


def _labels(world: World, results: Sequence[Result], kinds: Sequence[Kind]) -> list[dict[str, str]]:
    """Write what each label means that any of the maps carries."""
    used = {text for result in results for kind in kinds for text in words.labels(world, result, kind)}
    return [{"text": text, "meaning": style.LABELS[text]} for text in style.LABELS if text in used]


def roads(network: Network, province: Any) -> list[dict[str, Any]]:
    """Write the fast roads and the others, each with the name of the legend; none where there are none."""
    found = main_roads(network, province=province)
    pairs = ((found.fast_name, found.fast), (found.other_name, found.other))
    return [{"name": name, "lines": lines(layers.to_degrees(drawn))} for name, drawn in pairs if name]


def _outline(outline: layers.Outlines) -> dict[str, Any]:
    """Write province and counties as polygons and the cities' borders as lines, each stretch once."""
    borders = shapely.line_merge(shapely.union_all(shapely.boundary(outline.cities)))
    return {
        "province": _packed([polygons(layers.to_degrees(outline.province))]),
        "counties": _packed([polygons(county) for county in layers.to_degrees(outline.counties)]),
        "cities": _packed([[lines(layers.to_degrees(borders))]]),
    }


def _packed(shapes: Sequence[Sequence[Sequence[Sequence[int]]]]) -> dict[str, Any]:
    """Pack shapes, each of parts of rings or lines of integer differences: all points in two arrays.

    ``points`` of each ring, ``rings`` of each part, ``parts`` of each shape: how many.
    """
    rings = [ring for shape in shapes for part in shape for ring in part]
    points = [np.cumsum(np.reshape(ring, (-1, 2)), axis=0) for ring in rings]
    whole = np.concatenate(points) if points else np.empty((0, 2), np.int64)
    return {
        "x": pack(whole[:, 0], "i4"),
        "y": pack(whole[:, 1], "i4"),
        "points": [len(ring) for ring in points],
        "rings": [len(part) for shape in shapes for part in shape],
        "parts": [len(shape) for shape in shapes],
    }


def _counties(world: World) -> dict[str, Any]:
    demand = world.demand
    residents = np.bincount(demand.county, demand.residents, minlength=len(demand.county_code))
    return {
        "code": [one_line(code) for code in demand.county_code],
        "name": [one_line(name) for name in demand.county_name],
        "city": [one_line(name) for name in demand.city_name],
        "city_at": _city_positions(world),
        "residents": [int(count) for count in residents],
    }


def _city_positions(world: World) -> list[int]:
    """Find the city of each county, as a position among the cities by code."""
    cities = zones_of(world.demand, "市")
    first = dict(zip(world.demand.county.tolist(), cities.member.tolist(), strict=True))
    return [int(first.get(county, 0)) for county in range(len(world.demand.county_code))]


def _residents(world: World, result: Result) -> dict[str, list[int]]:
    """Count the residents of a result by county and city: a scenario may let them grow."""
    demand = words.residents_of(world, result)
    counties = np.bincount(demand.county, demand.residents, minlength=len(demand.county_code))
    return {"counties": [int(count) for count in counties], "cities": _cities(result)["residents"]}


def _cities(result: Result) -> dict[str, Any]:
    rows = words.unit_rows(result, "warehouse", "市", result.covers["warehouse"].standard.main)
    return {
        "name": [one_line(name) for name in rows["name"]],
        "residents": [int(n) for n in rows["residents"]],
    }


def places(gaz: Gazetteer) -> dict[str, Any]:
    """Write cities, counties and settlements in that order, the order in which their names are placed."""
    order = np.argsort(np.asarray(gaz.level), kind="stable")
    order = order[np.asarray(gaz.level)[order] > 0]
    return {
        "name": [one_line(name) for name in np.asarray(gaz.name)[order]],
        "level": np.asarray(gaz.level)[order].tolist(),
        "county": np.asarray(gaz.county)[order].tolist(),
        "x": np.round(np.asarray(gaz.lon)[order], 4).tolist(),
        "y": np.round(np.asarray(gaz.lat)[order], 4).tolist(),
    }


def _other_names(gaz: Gazetteer) -> dict[str, Any]:
    """Write what a place is found by beside its name: former names, and pinyin whole and by initials.

    The order of the places is that of `places`.
    """
    order = np.argsort(np.asarray(gaz.level), kind="stable")
    order = order[np.asarray(gaz.level)[order] > 0]
    also: dict[int, list[str]] = {}
    for name, row in zip(gaz.alias.tolist(), gaz.alias_of.tolist(), strict=True):
        also.setdefault(row, []).append(one_line(name))
    return {
        "sound": [_sounds(str(name)) for name in np.asarray(gaz.name)[order]],
        "also": {str(at): also[row] for at, row in enumerate(order.tolist()) if row in also},
    }


def _sounds(name: str) -> str:
    """Spell a name: the usual reading, a blank, its initials."""
    ways = characters.readings(name)
    return f"{''.join(ways[0])} {''.join(part[0] for part in ways[0])}" if ways else ""


def _kind(result: Result, kind: Kind) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": KIND_NAMES[kind],
        "unit": style.UNITS[kind],
        "drive": result.covers[kind].standard.mode == "drive",
        "markers": [{"level": m.level, "shape": m.shape, "size": m.size} for m in style.markers(kind)],
    }
