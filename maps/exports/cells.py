"""Layers of the cells: how far every cell is, the areas of the classes, and what a scenario changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ...coverage.states import STATES
from ...geodata.layers import KIND_NAMES, Kind
from ...scenarios import gains
from .. import layers, style, words
from . import looks
from .model import LABELS, Columns, ExportLayer, Look
from .units import CODES, limit_code, stores_first

if TYPE_CHECKING:
    from ...coverage.states import States
    from ...scenarios.run import Result
    from ...scenarios.world import World

StatesOf = Mapping[tuple[str, Kind], "States"]
"""States of the residents by result (its name) and resource type; missing ones are two: 已覆盖, 够不着."""

_LEAST = 0.5
"""Residents by which a cell must change: fewer round to nobody."""


@dataclass(frozen=True)
class Ground:
    """What the layers of all results share, made once."""

    world: World
    outline: layers.Outlines
    cells: layers.Geometries
    """(n,) polygons of the cells in the maps' metres, beyond the province too."""
    hexagons: layers.Geometries
    """(n,) the same in degrees, clipped to the province."""


def ground(world: World) -> Ground:
    """Make outlines and cells."""
    outline = layers.outlines(world.units)
    cells = layers.cell_areas(world.demand, outline.province)
    shapely.prepare(outline.province)
    clipped = np.array(cells, object)
    cut = ~shapely.contains_properly(outline.province, cells)
    clipped[cut] = shapely.intersection(cells[cut], outline.province)
    return Ground(world, outline, cells, layers.to_degrees(clipped))


def cell_layer(base: Ground, result: Result, kinds: Sequence[Kind], states: StatesOf) -> ExportLayer:
    """Make the layer of the cells of a result: residents, and for each resource type distance and class.

    The cost of driving is in minutes from the nearest site, rounded up to a tenth; on foot it is in metres
    from the centre of the cell, whose residents may be partly in reach. Labels, the same in every row, are
    told of the layer.
    """
    demand = words.residents_of(base.world, result)
    columns = Columns()
    _add_place(columns, base, np.arange(len(demand.cell)))
    columns.whole("居民(人)", "residents", demand.residents)
    for kind in kinds:
        _add_kind(columns, base, result, kind, states.get((result.name, kind)))
    order = stores_first(kinds)
    drawn = [_reach_look(result, kind) for kind in order]
    drawn += [looks.areas(f"{KIND_NAMES[kind]}状态", state_header(kind), style.STATE) for kind in order]
    frame = columns.layer_frame(base.hexagons)
    about = "网格: 居民, 到最近站点的时间或距离, 档次和状态; 按驾车, 网格整体在内或在外, 按步行可以部分在内"
    return ExportLayer(
        "网格",
        "网格",
        "MultiPolygon",
        frame,
        columns.short,
        tuple(drawn),
        flat=_PLACE,
        about=about,
        heavy=True,
    )


_PLACE = ("设区市", "中心经度", "中心纬度")
"""Columns of a cell that its shape and the code of its county tell."""


def _add_place(columns: Columns, base: Ground, rows: NDArray[np.integer]) -> None:
    demand = base.world.demand
    county = np.asarray(demand.county)[rows]
    columns.text("网格编号", "cell", [f"{cell:x}" for cell in np.asarray(demand.cell)[rows].tolist()])
    columns.classes("设区市", "city", county, demand.city_name.tolist())
    columns.classes("县区", "county", county, demand.county_name.tolist())
    columns.classes("县级代码", "code", county, demand.county_code.tolist())
    columns.number("中心经度", "lon", np.asarray(demand.lon)[rows], digits=5)
    columns.number("中心纬度", "lat", np.asarray(demand.lat)[rows], digits=5)


def reach_header(kind: Kind) -> str:
    """Name the column of the class in which the maps draw a cell."""
    return f"{KIND_NAMES[kind]}档次"


def state_header(kind: Kind) -> str:
    """Name the column of the state in which most residents of a cell are."""
    return f"{KIND_NAMES[kind]}状态"


def _reach_look(result: Result, kind: Kind) -> Look:
    swatches = style.reach_classes(result.covers[kind].standard)
    return looks.areas(KIND_NAMES[kind], reach_header(kind), swatches)


def _add_kind(columns: Columns, base: Ground, result: Result, kind: Kind, states: States | None) -> None:
    """Add what a resource type is to each cell."""
    cover, name, code = result.covers[kind], KIND_NAMES[kind], CODES[kind]
    demand, standard = words.residents_of(base.world, result), cover.standard
    cost = np.asarray(cover.cost, float)
    if standard.mode == "drive":
        columns.number(f"{name}车程(分钟)", f"{code}_min", np.ceil(cost / 6) / 10, digits=1)
    else:
        columns.whole(f"{name}步行(米)", f"{code}_m", cost)
        main = demand.residents * cover.main_share
        header = f"{name}{words.within(standard)}以内居民(人)"
        columns.number(header, f"{code}_n{limit_code(standard, standard.main)}", main, digits=2)
    texts = [looks.value(swatch) for swatch in style.reach_classes(standard)]
    columns.classes(reach_header(kind), f"{code}_class", layers.cover_index(demand, cover), texts)
    columns.classes(
        state_header(kind),
        f"{code}_state",
        _state_index(cover, states),
        [looks.value(each) for each in style.STATE],
    )
    named = ["", *result.layers[kind].table["name"]]
    columns.classes(f"{name}最近站点", f"{code}_site", np.asarray(cover.nearest) + 1, named)


def _state_index(cover: Any, states: States | None) -> NDArray[np.intp]:
    """Find the state of most residents of each cell, the better one of equal ones: (n,) of `style.STATE`."""
    if states is None:
        share = cover.main_share
        return np.where(share >= 1 - share, 0, len(style.STATE) - 1)
    merged = np.zeros((len(states.share), len(style.STATE)))
    for column, state in enumerate(STATES):
        merged[:, style.STATE_OF[state]] += states.share[:, column]
    return np.asarray(merged.argmax(axis=1), np.intp)


def reach_layer(base: Ground, result: Result, kind: Kind, labels: str) -> ExportLayer:
    """Make the layer of the areas of each class, as the maps fill them; empty classes are left out."""
    demand, cover = words.residents_of(base.world, result), result.covers[kind]
    index = layers.cover_index(demand, cover)
    swatches = style.reach_classes(cover.standard)
    shapes = layers.class_areas(base.cells, index, len(swatches), base.outline.province)
    some = np.flatnonzero(~shapely.is_empty(shapes))
    count = np.bincount(index, minlength=len(swatches))[some]
    lives = np.bincount(index, weights=demand.residents, minlength=len(swatches))[some]
    columns = Columns()
    columns.whole("次序", "rank", some + 1)
    columns.classes(reach_header(kind), "class", some, [looks.value(swatch) for swatch in swatches])
    columns.whole("居民(人)", "residents", lives)
    columns.whole("网格数(个)", "cells", count)
    columns.number("面积(平方公里)", "area_km2", shapely.area(shapes[some]) / 1e6, digits=1)
    columns.text(LABELS, "labels", [labels] * len(some))
    frame = columns.layer_frame(layers.to_degrees(shapes[some]))
    look, name = _reach_look(result, kind), KIND_NAMES[kind]
    about = f"{name}: 各档的范围, 由网格合成; 居民为该档网格内的全部居民"
    return ExportLayer(
        f"{name}_覆盖", "覆盖分档", "MultiPolygon", frame, columns.short, (look,), group=name, about=about
    )


def change_layer(base: Ground, today: Result, result: Result, kind: Kind, labels: str) -> ExportLayer | None:
    """Make the layer of the cells where a scenario reaches more or fewer residents than the baseline.

    None where the baseline does not know the scenario's main limit.
    """
    standard, name = result.covers[kind].standard, KIND_NAMES[kind]
    change = gains.by_cell(today, result, kind, standard.main)
    if change is None:
        return None
    rows = np.flatnonzero(np.maximum(change.gained, change.lost) >= _LEAST)
    net = (change.gained - change.lost)[rows]
    gain, _, loss = style.DIFFERENCE
    columns = Columns()
    _add_place(columns, base, rows)
    columns.whole("居民(人)", "residents", words.residents_of(base.world, result).residents[rows])
    columns.number("新覆盖(人)", "gained", change.gained[rows], digits=2)
    columns.number("失去覆盖(人)", "lost", change.lost[rows], digits=2)
    columns.classes("变化", "change", (net < 0).astype(int), [gain.text, loss.text])
    columns.text(LABELS, "labels", [labels] * len(rows))
    frame = columns.layer_frame(base.hexagons[rows])
    about = f"{name}: 与现状相比, {words.within(standard)}以内居民增加或减少的网格 (居民按方案计)"
    return ExportLayer(
        f"{name}_变化",
        "比现状的变化",
        "MultiPolygon",
        frame,
        columns.short,
        (looks.change("变化"),),
        group=name,
        flat=_PLACE,
        sums=("居民(人)", "新覆盖(人)", "失去覆盖(人)"),
        about=about,
    )
