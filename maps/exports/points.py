"""Layers of points and lines: sites, suggested sites, gaps and the main roads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from ...geodata.layers import COLUMNS, KIND_NAMES, NUMBERS, Kind
from .. import layers, words
from ..roads import main_roads
from . import looks
from .model import LABELS, Columns, ExportLayer, Geometry, Look

if TYPE_CHECKING:
    from ...scenarios.run import Result
    from ...scenarios.world import World

_UNITS = {"readiness_min": "响应准备(分钟)", "members": "人数(人)"}
_SHORT = {"county_code": "code", "readiness_min": "ready_min", "stock_date": "stock_day"}
_WHOLE = {"year", "members", "capacity"}


def site_layer(result: Result, kind: Kind, labels: str) -> ExportLayer:
    """Make the layer of the existing sites of a result; those that it adds are a layer of their own."""
    own = result.layers[kind].table
    added = result.added.loc[result.added["kind"] == kind, "id"]
    table = own[~own["id"].isin(added)].reset_index(drop=True)
    columns = Columns()
    for column, title in COLUMNS.items():
        header, short = _UNITS.get(column, title), _SHORT.get(column, column)
        if column in ("lon", "lat"):
            columns.number(header, short, table[column], digits=6)
        elif column in _WHOLE:
            columns.whole(header, short, _numbers(table[column]))
        elif column in NUMBERS:
            columns.number(header, short, _numbers(table[column]), digits=1)
        else:
            texts = map(words.stock_text, table[column].astype(str)) if column == "stock" else table[column]
            columns.text(header, short, texts)
    about, names = "现有站点 (方案撤销的不在内)", (kind, "站点", "站点")
    shapes, look = points_of(table), looks.sites(kind, COLUMNS["level"])
    return kind_layer(names, columns, labels=labels, shapes=shapes, look=look, about=about)


def added_layer(result: Result, kind: Kind, labels: str) -> ExportLayer:
    """Make the layer of the sites that a scenario adds, in the order in which they are built."""
    table = result.added[result.added["kind"] == kind].sort_values("rank").reset_index(drop=True)
    columns = Columns()
    columns.whole("次序", "rank", table["rank"])
    add_top(columns, table["rank"], looks.NUMBERED if len(table) <= looks.MOST_NUMBERED else 0)
    columns.text("名称", "name", table["name"])
    columns.text("编号", "id", table["id"])
    columns.whole("年份", "year", table["year"])
    columns.text("级别", "level", table["level"])
    _add_county(columns, table)
    columns.whole("新增覆盖居民(人)", "gain", table["gain"])
    columns.whole("累计新增覆盖(人)", "cumulative", table["cumulative"])
    columns.share("建成后全省比例(%)", "share_pct", table["share_after"])
    _add_degrees(columns, table)
    about = "方案新增的站点, 按建设次序; 位置为建议片区, 需实地确认"
    names = kind, "新增", "建议新增"
    shapes, look = points_of(table), looks.added(TOP, NUMBER)
    return kind_layer(names, columns, labels=labels, shapes=shapes, look=look, about=about)


def gap_layer(result: Result, kind: Kind, labels: str) -> ExportLayer:
    """Make the layer of the gaps as points, the largest first; their areas are in `gap_areas`."""
    standard, table = result.covers[kind].standard, gap_table(result, kind)
    columns = gap_columns(table, drive=standard.mode == "drive")
    _add_degrees(columns, table)
    about = f"{words.within(standard)}以外的居民, 按相邻成片汇总, 点在其中部"
    names = kind, "缺口", "缺口"
    shapes, look = points_of(table), looks.gaps(TOP, NUMBER)
    return kind_layer(names, columns, labels=labels, shapes=shapes, look=look, about=about)


def gap_table(result: Result, kind: Kind) -> pd.DataFrame:
    """Return the gaps, the largest first."""
    return result.gaps[kind].sort_values("rank").reset_index(drop=True)


def gap_columns(table: pd.DataFrame, *, drive: bool) -> Columns:
    """Say of each gap what its points and its areas say."""
    columns = Columns()
    columns.whole("名次", "rank", table["rank"])
    add_top(columns, table["rank"], looks.NUMBERED)
    columns.text("名称", "name", table["name"])
    _add_county(columns, table)
    columns.whole("够不着的居民(人)", "residents", table["residents"])
    columns.whole("网格数(个)", "cells", table["cells"])
    columns.share("占该县居民(%)", "share_pct", table["share"])
    columns.text("最近站点", "near_site", table["nearest_site"])
    columns.number("相距(分钟)" if drive else "相距(米)", "near_cost", table["cost"], digits=1)
    columns.text("相距", "near_text", table["cost_text"])
    columns.text("涉及地点", "places", table["places"])
    return columns


def kind_layer(
    names: tuple[Kind, str, str],
    columns: Columns,
    *,
    labels: str,
    shapes: Any,
    look: Look,
    about: str,
    geometry: Geometry = "Point",
) -> ExportLayer:
    """Make a layer of one resource type; ``names``: its type, its own name, its title in QGIS."""
    kind, own, title = names
    columns.text(LABELS, "labels", [labels] * len(shapes))
    frame, group = columns.layer_frame(shapes), KIND_NAMES[kind]
    return ExportLayer(
        f"{group}_{own}",
        title,
        geometry,
        frame,
        columns.short,
        (look,),
        group=group,
        about=f"{group}: {about}",
    )


def road_layer(world: World, province: Any, labels: str) -> ExportLayer | None:
    """Make the layer of the roads that the maps draw; None where there are none."""
    found = main_roads(world.network, province=province)
    names = (found.fast_name, found.other_name)
    parts = [
        shapely.get_parts(lines) if name else np.empty(0, object)
        for lines, name in zip((found.fast, found.other), names, strict=True)
    ]
    lines = np.concatenate(parts)
    if not len(lines):
        return None
    columns = Columns()
    columns.classes("道路类别", "class", np.repeat([0, 1], [len(each) for each in parts]), names)
    columns.number("长度(公里)", "length_km", shapely.length(lines) / 1000, digits=2)
    columns.text("来源", "source", [words.credit(world.network)] * len(lines))
    columns.text(LABELS, "labels", [labels] * len(lines))
    frame = columns.layer_frame(layers.to_degrees(lines))
    look = looks.roads("道路类别", names)
    about = "地图所画的主要道路, 已按图幅化简, 不是全部路网"
    return ExportLayer("主要道路", "主要道路", "MultiLineString", frame, columns.short, (look,), about=about)


TOP, NUMBER = "标注档", "图上编号"
"""Columns that tell which rows carry a number on the map, and that number."""


def add_top(columns: Columns, ranks: pd.Series[int], most: int) -> None:
    """Add which rows carry their number on the map, and that number."""
    top = ranks.to_numpy(int) <= most
    columns.classes(TOP, "top", (~top).astype(int), [looks.TOP, looks.REST])
    columns.whole(NUMBER, "number", np.where(top, ranks.to_numpy(float), np.nan))


def _add_county(columns: Columns, table: pd.DataFrame) -> None:
    columns.text("设区市", "city", table["city"])
    columns.text("县区", "county", table["county"])
    columns.text("县级代码", "code", table["county_code"])


def _add_degrees(columns: Columns, table: pd.DataFrame) -> None:
    columns.number(COLUMNS["lon"], "lon", table["lon"], digits=6)
    columns.number(COLUMNS["lat"], "lat", table["lat"], digits=6)


def _numbers(column: pd.Series[Any]) -> Any:
    """Read numbers; what is none, such as an empty text, is missing."""
    return pd.to_numeric(column, errors="coerce").to_numpy(float)


def points_of(table: pd.DataFrame) -> Any:
    return shapely.points(table["lon"].to_numpy(float), table["lat"].to_numpy(float))
