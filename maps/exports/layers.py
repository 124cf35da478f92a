"""The layers of a result, from the one on top down, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...geodata.layers import KIND_NAMES, Kind, shown_kinds
from .. import tables, words
from ..public import Release, for_public
from . import cells, gap_areas, points, units
from .model import ExportLayer, clean
from .names import distinct

if TYPE_CHECKING:
    from ...coverage.states import States
    from ...scenarios.run import Result
    from ...scenarios.world import World


@dataclass(frozen=True)
class Export:
    """All layers of one result."""

    name: str
    """Safe as the name of a file: made of the title, unlike those of the other results."""
    title: str
    layers: tuple[ExportLayer, ...]
    """The one on top first; empty ones are left out."""
    notes: tuple[tuple[str, str], ...]
    """项目 and 内容: stamp, labels, sources, dates, standards."""

    def about(self, layer: ExportLayer) -> str:
        """Say in one line what a layer is and what it rests on."""
        stamp, labels = dict(self.notes)["用途"], dict(self.notes).get("数据标注", "")
        return "; ".join(filter(None, (f"{self.title} {layer.about}", labels, stamp)))


def exports_of(
    world: World,
    results: Sequence[Result],
    *,
    release: Release | None = None,
    date: str = "",
    states: Mapping[tuple[str, Kind], States] | None = None,
) -> list[Export]:
    """Make the layers of every result.

    Parameters
    ----------
    results
        The baseline first.
    release
        For whom; a public one is made of what the public may see. By default for the house.
    date
        Date of the export as it shall be written; none where it is empty.
    states
        States of the residents by result and resource type, see `cells.StatesOf`.
    """
    release = release or Release()
    if release.public:
        world, results = for_public(world, results)
    base = cells.ground(world)
    names = distinct([result.title for result in results])
    return [
        Export(
            name,
            clean(result.title) or name,
            tuple(_layers(base, results[0], result, states or {})),
            tuple(notes_of(world, [results[0], result][-1 - (result is not results[0]) :], release, date)),
        )
        for name, result in zip(names, results, strict=True)
    ]


def layers_of(
    world: World, results: Sequence[Result], *, release: Release | None = None
) -> list[ExportLayer]:
    """List the layers of the last result, compared with the first; see `exports_of`."""
    return list(exports_of(world, results, release=release)[-1].layers)


def _layers(base: cells.Ground, today: Result, result: Result, states: cells.StatesOf) -> list[ExportLayer]:
    world = base.world
    kinds = [kind for kind in shown_kinds([today.layers, result.layers]) if kind in result.covers]
    marks = {kind: "、".join(words.labels(world, result, kind)) for kind in kinds}
    every = "、".join(words.labels_by_layer(world, result, kinds))
    found: list[ExportLayer | None] = []
    for kind in kinds:
        mark = marks[kind]
        found += [points.gap_layer(result, kind, mark), points.added_layer(result, kind, mark)]
        found += [points.site_layer(result, kind, mark), gap_areas.gap_area_layer(base, result, kind, mark)]
        if result is not today:
            found.append(cells.change_layer(base, today, result, kind, mark))
        found.append(cells.reach_layer(base, result, kind, mark))
    found += [units.unit_layer(world, result, level, kinds, every) for level in ("省", "市")]
    found.append(points.road_layer(world, base.outline.province, world.network.label))
    found.append(units.unit_layer(world, result, "县", kinds, every))
    found.append(cells.cell_layer(base, result, kinds, states))
    return [layer for layer in found if layer is not None and not layer.empty]


def notes_of(
    world: World, results: Sequence[Result], release: Release, date: str = ""
) -> list[tuple[str, str]]:
    """Rows of the table 说明: for whom, labels, dates and sources, all safe in every format."""
    rows = tables.notes_of(world, results)
    kinds = [kind for kind in shown_kinds(result.layers for result in results) if kind in results[-1].covers]
    labels = words.labels_by_layer(world, results[-1], kinds)
    dates = ((KIND_NAMES[kind], words.data_date(results[-1], kind)) for kind in kinds)
    own = [("用途", release.stamp)]
    own += [("公开版", release.note)] if release.note else []
    own += [("数据标注", "、".join(labels))] if labels else []
    own += [("数据日期", f"{name}: 库存 {day}") for name, day in dates if day]
    own += [("导出日期", date)] if date else []
    own += [("软件", f"boai {world.hashes.get('boai', '')}".strip())]
    own += [("坐标系", "WGS84 经纬度 (EPSG:4326)")]
    rest = [row for row in rows if row[0] != "用途"]
    return list(dict.fromkeys((clean(name), clean(text)) for name, text in [*own, *rest]))
