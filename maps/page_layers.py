"""What a page shows of one resource type in one scenario: sites, times, states, gaps and suggested sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage import inequality
from ..coverage.states import by_state
from ..coverage.zones import zones_of
from ..geodata.layers import COLUMNS, Kind
from . import style, words
from .page_pack import Pool, pack, pack_texts
from .words import one_line

if TYPE_CHECKING:
    from ..coverage.measures import Cover
    from ..coverage.standards import Standard
    from ..coverage.states import States
    from ..geodata.demand import Demand
    from ..geodata.layers import Layer
    from ..scenarios.run import Result
    from ..scenarios.world import World

TOP_GAPS = 20
NO_SITE = 65535
"""Seconds of a cell that no site reaches."""

_CARD = (
    "level", "host", "status", "year", "readiness_min", "speciality", "stock", "stock_date", "keeper",
    "phone",
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """What the pieces of all layers of a page have in common."""

    world: World
    pool: Pool
    scale: int
    """Coordinates are whole numbers in units of 1/scale degree."""
    states: Mapping[tuple[str, Kind], States]
    """By the result's name and the resource type; what is missing has two states."""


def layer_data(shown: Shown, result: Result, kind: Kind) -> dict[str, Any]:
    """Collect what one scenario shows of one resource type."""
    world, pool = shown.world, shown.pool
    cover, added = result.covers[kind], result.added[result.added["kind"] == kind]
    demand = words.residents_of(world, result)
    limits = cover.standard.limits
    served = [words.unit_rows(result, kind, "县", limit)["served"].to_numpy() for limit in limits]
    by_city = [words.unit_rows(result, kind, "市", limit)["served"].to_numpy() for limit in limits]
    rows = [words.province_row(result, kind, limit) for limit in limits]
    sites, gaps = result.layers[kind], result.gaps[kind]
    existing = (~sites.table["id"].isin(added["id"])).to_numpy()
    return {
        "standard": pool.add(_standard(cover.standard)),
        **_cells(pool, demand, cover),
        **_states(shown, result, kind, demand),
        "sites": pool.add(_sites(sites, existing, shown.scale)),
        "gaps": pool.add(_places(*_gaps(gaps), shown.scale)),
        "added": pool.add(_places(*_added(added), shown.scale)),
        "served": pool.add(np.column_stack(served).tolist()),
        "counts": pool.add(words.site_counts(world, result, kind)),
        "lorenz": pool.add(_lorenz(demand, cover)),
        "cities": np.column_stack(by_city).tolist(),
        "province": {"residents": int(rows[0]["residents"]), "served": [int(row["served"]) for row in rows]},
        "gap_count": len(gaps),
        "added_count": len(added),
        "site_count": len(sites.table),
        "labels": list(words.labels(world, result, kind)),
        "sources": [one_line(text) for text in words.sources(world, result, kind)],
    }


def _standard(standard: Standard) -> dict[str, Any]:
    """Write the words and classes of a standard."""
    county = style.county_measure(standard)
    drive = standard.mode == "drive"
    return {
        "limits": list(standard.limits),
        "limit_texts": [f"{words.within_limit(standard, limit)}以内" for limit in standard.limits],
        "main": standard.main_index,
        "main_text": words.within(standard),
        "reach": _swatches(style.reach_classes(standard)),
        "reach_title": "到最近站点的驾车时间" if drive else f"网格内{words.within(standard)}以内的居民比例",
        "county": {
            "title": county.title,
            "per": county.per,
            "edges": list(county.edges),
            "classes": _swatches(county.classes),
            "note": county.note,
        },
    }


def _swatches(swatches: tuple[style.Swatch, ...]) -> list[dict[str, str]]:
    return [{"text": swatch.text, "colour": swatch.colour} for swatch in swatches]


def seconds(cover: Cover) -> NDArray[np.uint16]:
    """Round the times of driving up to whole seconds, so that ``<=`` a whole limit stays true: (cells,).

    Examples
    --------
    >>> from types import SimpleNamespace as Made
    >>> seconds(Made(cost=np.array([0, 59.01, 3600, np.inf]))).tolist()
    [0, 60, 3600, 65535]
    """
    up = np.minimum(np.ceil(np.asarray(cover.cost, np.float64)), NO_SITE)
    return np.asarray(up, np.uint16)


def _cells(pool: Pool, demand: Demand, cover: Cover) -> dict[str, Any]:
    """Write the class of each cell under the standard, by driving the time too, on foot under each limit."""
    density = demand.residents / np.maximum(demand.area_km2, 1e-9)
    share = np.asarray(cover.share)
    if cover.standard.mode == "drive":
        classes = [style.reach_index(cover.standard, share, density)]
        return {
            "times": pool.add(pack(seconds(cover), "u2")),
            "classes": [pool.add(pack(own, "u1")) for own in classes],
        }
    limits = cover.standard.limits
    under = [_at_limit(cover.standard, limit) for limit in limits]
    classes = [style.reach_index(standard, share, density) for standard in under]
    return {"classes": [pool.add(pack(own, "u1")) for own in classes]}


def _at_limit(standard: Standard, limit: int) -> Standard:
    """Take another of its limits as the main one."""
    return standard if limit == standard.main else replace(standard, main=limit, compliance=())


def _states(shown: Shown, result: Result, kind: Kind, demand: Demand) -> dict[str, Any]:
    """Write the state of most residents of each cell, and the residents of each county by state."""
    found, cover = shown.states.get((result.name, kind)), result.covers[kind]
    if found is None:
        served = cover.main_share
        table = words.unit_rows(result, kind, "县", cover.standard.main)
        inside = table["served"].to_numpy(np.int64)
        counted = np.column_stack([inside, 0 * inside, table["residents"].to_numpy(np.int64) - inside])
        index = np.where(served >= 0.5, 0, 2)
    else:
        names = list(style.STATE_OF)
        share = np.zeros((len(found.share), len(style.STATE)))
        table = by_state(demand, found, zones_of(demand, "县"))
        whole = table["residents"].to_numpy(np.int64).reshape(-1, len(names))
        counted = np.zeros((len(whole), len(style.STATE)), np.int64)
        for column, name in enumerate(names):
            share[:, style.STATE_OF[name]] += found.share[:, column]
            counted[:, style.STATE_OF[name]] += whole[:, column]
        index = share.argmax(axis=1)
    return {
        "state": shown.pool.add(pack(index, "u1")),
        "states": shown.pool.add(counted.tolist()),
        "room": found is not None,
    }


def _lorenz(demand: Demand, cover: Cover) -> dict[str, Any]:
    """Write the Lorenz curve of the way to the nearest site, as `equity` draws it: of those who have one."""
    reached = np.isfinite(cover.cost)
    who = demand.residents[reached]
    curve = inequality.lorenz(cover.cost[reached].astype(np.float64), who)
    thin = inequality.thinned(curve, steps=60)
    gini = inequality.gini_of(curve) if len(curve.people) else None
    return {
        "people": np.round(thin.people, 4).tolist(),
        "value": np.round(thin.value, 4).tolist(),
        "gini": None if gini is None or not np.isfinite(gini) else round(float(gini), 4),
        "left_out": int(demand.residents[~reached].sum()),
    }


def _sites(layer: Layer, existing: NDArray[np.bool_], scale: int) -> dict[str, Any]:
    """Write the existing sites in columns, the highest level last so that it is drawn on top."""
    table = layer.table[existing]
    mark = style.marker_index(layer.kind, table["level"].to_numpy(str))
    order = np.argsort(-mark, kind="stable")
    table, mark = table.iloc[order], mark[order]
    columns = [name for name in _CARD if (table[name].astype(str).str.strip() != "").any()]
    under = [
        f"{one_line(city)} {one_line(county)}".strip()
        for city, county in zip(table["city"], table["county"], strict=True)
    ]
    texts = [[_site_text(name, value) for value in table[name]] for name in columns]
    there = set(table["level"].astype(str))
    return {
        "labels": [COLUMNS[name] for name in columns],
        "signs": [words.site_word(layer.kind, marker.level, there) for marker in style.markers(layer.kind)],
        "x": pack(np.rint(table["lon"].to_numpy() * scale), "i4"),
        "y": pack(np.rint(table["lat"].to_numpy() * scale), "i4"),
        "mark": pack(mark, "u1"),
        "texts": [pack_texts(column) for column in ([*map(one_line, table["name"])], under, *texts)],
    }


def _site_text(name: str, value: object) -> str:
    if name == "stock":
        return words.stock_text(str(value))
    if isinstance(value, float):
        return f"{value:g}" if np.isfinite(value) else ""
    return one_line(value)


def _places(labels: list[str], rows: list[list[Any]], scale: int) -> dict[str, Any]:
    """Write ranked places in columns: lon, lat, rank, then texts: name, what is under it, amount, values."""
    lon, lat, rank, *texts = zip(*rows, strict=True) if rows else [()] * (6 + len(labels))
    return {
        "labels": labels,
        "x": pack(np.rint(np.array(lon, np.float64) * scale), "i4"),
        "y": pack(np.rint(np.array(lat, np.float64) * scale), "i4"),
        "mark": pack(np.array(rank, np.int64), "u2"),
        "texts": [pack_texts(column) for column in texts],
    }


def _gaps(gaps: pd.DataFrame) -> tuple[list[str], list[list[Any]]]:
    """Write the largest gaps: labels of their values, and a row each."""
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
    return ["未覆盖居民", "最近站点", "相距", "网格"], rows


def _added(added: pd.DataFrame) -> tuple[list[str], list[list[Any]]]:
    """Write the suggested sites in their order: labels of their values, and a row each."""
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
    return ["名次", "年份", "新增覆盖", "累计新增", "建成后全省"], rows
