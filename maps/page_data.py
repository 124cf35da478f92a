"""The data of a page as JSON: compact, deterministic, each piece once though several scenarios share it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..geodata.layers import COLUMNS, KIND_NAMES, Kind, shown_kinds
from . import done, layers, style, words
from .roads import main_roads
from .words import one_line

if TYPE_CHECKING:
    from ..coverage.standards import Standard
    from ..geodata.gazetteer import Gazetteer
    from ..geodata.layers import Layer
    from ..scenarios.run import Result
    from ..scenarios.world import World

SCALE = 100_000
"""Coordinates are integers in units of 1/SCALE degree, about a metre."""
TOP_GAPS = 20
LONGEST_LIST = 50
"""So many suggested sites are listed beside the map; all are on it."""

_CARD = (
    "level", "host", "status", "year", "readiness_min", "speciality", "stock", "stock_date", "keeper",
    "phone",
)  # fmt: skip
_SHAPES = {
    "square": "-.85,-.85 .85,-.85 .85,.85 -.85,.85",
    "triangle": "0,-.95 .95,.8 -.95,.8",
    "pentagon": "0,-.95 .95,-.24 .6,.85 -.6,.85 -.95,-.24",
    "star": "0,-1 .25,-.32 .95,-.31 .4,.13 .59,.81 0,.42 -.59,.81 -.4,.13 -.95,-.31 -.25,-.32",
}


class Pool:
    """Pieces of data, each kept once and referred to by its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, piece: Any) -> int:
        """Keep a piece and return its number; an equal piece has the same."""
        return self._numbers.setdefault(dump(piece), len(self._numbers))

    def text(self) -> str:
        """Write the pieces as a JSON array."""
        return f"[{','.join(self._numbers)}]"


def dump(piece: Any) -> str:
    """Write JSON that is safe inside a ``<script>`` element: no tag or comment can begin or end in it."""
    text = json.dumps(piece, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def page_json(world: World, results: Sequence[Result], *, headlines: Sequence[str], title: str) -> str:
    """Write everything that the page shows as one JSON text."""
    pool = Pool()
    kinds = shown_kinds(result.layers for result in results)
    outline = layers.outlines(world.units)
    cells = layers.cell_areas(world.demand, outline.province)
    scenarios = [
        {
            "name": one_line(result.name),
            "title": one_line(result.title),
            "notes": [one_line(note, longest=300) for note in result.notes],
            "changes": list(done.changes(world, result)),
            "residents": pool.add(_residents(world, result)),
            "layers": [
                _layer(world, result, kind, pool=pool, cells=cells, province=outline.province)
                for kind in kinds
            ],
        }
        for result in results
    ]
    whole = {
        "title": one_line(title),
        "stamp": style.STAMP,
        "labels": _labels(world, results, kinds),
        "headlines": list(headlines),
        "notes": _notes(world, results),
        "scale": SCALE,
        "shapes": _SHAPES,
        "colours": {"site": style.SITE, "added": style.NEW},
        "longest": LONGEST_LIST,
        "changes_title": done.TITLE,
        "outline": _outline(outline),
        "roads": _roads(world, outline.province),
        "credit": words.credit(world.network) or (words.credit(world.walk) if world.walk else ""),
        "counties": _counties(world),
        "cities": _cities(results[0]),
        "places": _places(world.gazetteer),
        "first": kinds.index("warehouse") if "warehouse" in kinds else 0,
        "kinds": [_kind(results[0], kind) for kind in kinds],
        "scenarios": scenarios,
    }
    return f'{dump(whole)[:-1]},"pool":{pool.text()}}}'


def _notes(world: World, results: Sequence[Result]) -> list[str]:
    version = world.hashes.get("boai", "")
    keys = "、".join(f"{one_line(result.title)} {result.key[:12]}" for result in results)
    return [
        "类别界线含在较近的一类: 恰好 1 小时算 1 小时以内。",
        "缺口: 主要时限或距离以外的居民, 按相邻成片汇总, 按人数排名。",
        "分县统计中的比例分档为显示选择 (假设)。",
        f"结果编号: {keys}",
        f"制图: boai {version}".strip() + ", Leaflet 1.9.4 (BSD-2-Clause), 本页不访问网络。",
    ]


def _flat(coordinates: NDArray[np.float64]) -> list[int]:
    """Write points as integer differences: [x0, y0, dx, dy, …]; points that coincide on the grid go."""
    grid = np.rint(coordinates * SCALE).astype(np.int64)
    keep = np.concatenate(([True], (np.diff(grid, axis=0) != 0).any(axis=1)))
    grid = grid[keep]
    steps = np.diff(grid, axis=0, prepend=np.zeros((1, 2), np.int64))
    return [int(value) for value in steps.ravel()]


def _polygons(geometry: Any) -> list[list[list[int]]]:
    """Write a (multi)polygon as parts of rings, without the closing points (Leaflet closes rings itself)."""
    parts = [
        part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and not part.is_empty
    ]
    rings = ([part.exterior, *part.interiors] for part in parts)
    return [[_flat(shapely.get_coordinates(ring)[:-1]) for ring in part] for part in rings]


def _lines(geometry: Any) -> list[list[int]]:
    return [_flat(shapely.get_coordinates(line)) for line in shapely.get_parts(geometry) if not line.is_empty]


def _labels(world: World, results: Sequence[Result], kinds: Sequence[Kind]) -> list[dict[str, str]]:
    """Write what each label means that any of the maps carries."""
    used = {text for result in results for kind in kinds for text in words.labels(world, result, kind)}
    return [{"text": text, "meaning": style.LABELS[text]} for text in style.LABELS if text in used]


def _roads(world: World, province: Any) -> list[dict[str, Any]]:
    """Write the fast roads and the others, each with the name of the legend; none where there are none."""
    found = main_roads(world.network, province=province)
    pairs = ((found.fast_name, found.fast), (found.other_name, found.other))
    return [{"name": name, "lines": _lines(layers.to_degrees(lines))} for name, lines in pairs if name]


def _outline(outline: layers.Outlines) -> dict[str, Any]:
    """Write province and counties as polygons and the cities' borders as lines, each stretch once."""
    borders = shapely.line_merge(shapely.union_all(shapely.boundary(outline.cities)))
    return {
        "province": _polygons(layers.to_degrees(outline.province)),
        "counties": [_polygons(county) for county in layers.to_degrees(outline.counties)],
        "cities": _lines(layers.to_degrees(borders)),
    }


def _counties(world: World) -> dict[str, Any]:
    demand = world.demand
    residents = np.bincount(demand.county, demand.residents, minlength=len(demand.county_code))
    return {
        "code": [one_line(code) for code in demand.county_code],
        "name": [one_line(name) for name in demand.county_name],
        "city": [one_line(name) for name in demand.city_name],
        "residents": [int(count) for count in residents],
    }


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


def _places(gaz: Gazetteer) -> dict[str, Any]:
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


def _kind(result: Result, kind: Kind) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": KIND_NAMES[kind],
        "unit": style.UNITS[kind],
        "drive": result.covers[kind].standard.mode == "drive",
        "markers": [{"level": m.level, "shape": m.shape, "size": m.size} for m in style.markers(kind)],
    }


def _standard(standard: Standard) -> dict[str, Any]:
    """Write the words and classes of a standard."""
    main, county = words.within(standard), style.county_measure(standard)
    drive = standard.mode == "drive"
    return {
        "limits": [f"{words.within_limit(standard, limit)}以内" for limit in standard.limits],
        "main": standard.main_index,
        "main_text": main,
        "reach": _swatches(style.reach_classes(standard)),
        "reach_title": "到最近站点的驾车时间" if drive else f"网格内{main}以内的居民比例",
        "county": {
            "title": county.title,
            "per": county.per,
            "edges": list(county.edges),
            "classes": _swatches(county.classes),
        },
    }


def _swatches(swatches: Sequence[style.Swatch]) -> list[dict[str, str]]:
    return [{"text": swatch.text, "colour": swatch.colour} for swatch in swatches]


def _layer(
    world: World, result: Result, kind: Kind, *, pool: Pool, cells: layers.Geometries, province: Any
) -> dict[str, Any]:
    """Collect what one scenario shows of one resource type."""
    cover, added = result.covers[kind], result.added[result.added["kind"] == kind]
    index = layers.cover_index(words.residents_of(world, result), cover)
    areas = layers.class_areas(cells, index, len(style.reach_classes(cover.standard)), province)
    limits = cover.standard.limits
    served = [words.unit_rows(result, kind, "县", limit)["served"].to_numpy() for limit in limits]
    by_city = [words.unit_rows(result, kind, "市", limit)["served"].to_numpy() for limit in limits]
    rows = [words.province_row(result, kind, limit) for limit in limits]
    sites, gaps = result.layers[kind], result.gaps[kind]
    shown = ~sites.table["id"].isin(added["id"])
    return {
        "standard": pool.add(_standard(cover.standard)),
        "areas": pool.add([_polygons(layers.to_degrees(area)) for area in areas]),
        "sites": pool.add(_sites(sites, shown.to_numpy())),
        "gaps": pool.add(_gaps(gaps)),
        "added": pool.add(_added(added)),
        "served": pool.add(np.column_stack(served).tolist()),
        "counts": pool.add(words.site_counts(world, result, kind)),
        "cities": np.column_stack(by_city).tolist(),
        "province": {"residents": int(rows[0]["residents"]), "served": [int(row["served"]) for row in rows]},
        "gap_count": len(gaps),
        "added_count": len(added),
        "site_count": len(sites.table),
        "labels": list(words.labels(world, result, kind)),
        "sources": [one_line(text) for text in words.sources(world, result, kind)],
    }


def _sites(layer: Layer, shown: NDArray[np.bool_]) -> dict[str, Any]:
    """Write the existing sites, the highest level last so that it is drawn on top."""
    table = layer.table[shown]
    mark = style.marker_index(layer.kind, table["level"].to_numpy(str))
    order = np.argsort(-mark, kind="stable")
    columns = [name for name in _CARD if (table[name].astype(str).str.strip() != "").any()]
    texts = [[_site_text(name, value) for value in table[name]] for name in columns]
    under = [
        f"{one_line(city)} {one_line(county)}".strip()
        for city, county in zip(table["city"], table["county"], strict=True)
    ]
    heads = zip(
        *_where(table), mark.tolist(), map(one_line, table["name"]), under, [""] * len(table), strict=True
    )
    rows = [[*head, *values] for head, values in zip(heads, zip(*texts, strict=True), strict=True)]
    there = set(table["level"].astype(str))
    return {
        "labels": [COLUMNS[name] for name in columns],
        "signs": [words.site_word(layer.kind, marker.level, there) for marker in style.markers(layer.kind)],
        "rows": [rows[position] for position in order],
    }


def _where(table: pd.DataFrame) -> tuple[list[float], list[float]]:
    return table["lon"].round(5).tolist(), table["lat"].round(5).tolist()


def _site_text(name: str, value: object) -> str:
    if name == "stock":
        return words.stock_text(str(value))
    if isinstance(value, float):
        return f"{value:g}" if np.isfinite(value) else ""
    return one_line(value)


def _gaps(gaps: pd.DataFrame) -> dict[str, Any]:
    rows = [
        [
            round(float(gap["lon"]), 5),
            round(float(gap["lat"]), 5),
            int(gap["rank"]),
            one_line(gap["name"]),
            one_line(f"{gap['city']} · {words.nearest_text(gap)}"),
            style.people_text(gap["residents"]),
            style.people_text(gap["residents"]),
            one_line(gap["nearest_site"]),
            one_line(gap["cost_text"]),
            f"{int(gap['cells'])} 个",
        ]
        for gap in gaps.head(TOP_GAPS).to_dict("records")
    ]
    return {"labels": ["未覆盖居民", "最近站点", "相距", "网格"], "rows": rows}


def _added(added: pd.DataFrame) -> dict[str, Any]:
    rows = [
        [
            round(float(site["lon"]), 5),
            round(float(site["lat"]), 5),
            int(site["rank"]),
            one_line(site["name"]),
            one_line(f"{site['city']} {site['county']} {style.year_text(site['year'])}"),
            f"+{style.people_text(site['gain'])}",
            str(int(site["rank"])),
            style.year_text(site["year"]),
            style.people_text(site["gain"]),
            style.people_text(site["cumulative"]),
            style.share_text(site["share_after"]),
        ]
        for site in added.sort_values("rank").to_dict("records")
    ]
    return {"labels": ["名次", "年份", "新增覆盖", "累计新增", "建成后全省"], "rows": rows}
