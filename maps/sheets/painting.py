"""The areas of a sheet by theme: classes, their shapes, and what of the unit's residents each holds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from .. import layers, palette, style, words
from ..style import Swatch
from .view import View

GAP_EDGES = {"drive": (50.0, 200.0, 1000.0), "walk": (2500.0, 5000.0, 10000.0)}
"""Limits of the classes of residents out of reach per km². Display choice (假设)."""

Index = NDArray[np.uint8]


@dataclass(frozen=True)
class Painting:
    """Coloured areas and their legend."""

    areas: tuple[Any, ...]
    """One (multi)polygon per class, metres, cut to the unit; empty where the class is not there."""
    swatches: tuple[Swatch, ...]
    amounts: tuple[str, ...]
    """What the unit has of each class, in words."""
    note: str
    """What the classes mean, for the heading of the legend."""
    hatched: int = -1
    """Class that is also hatched, so that a grey print tells it from the others."""

    @property
    def shown(self) -> list[int]:
        """Classes that are on the map."""
        return [number for number, area in enumerate(self.areas) if not shapely.is_empty(area)]


def paint(view: View) -> Painting:
    """Make the areas of a sheet."""
    if view.job.theme == "gaps":
        return _gaps(view)
    if view.job.theme == "comparison":
        return _comparison(view)
    return _counties(view) if view.by_county else _reach(view)


def _reach(view: View) -> Painting:
    """Classes of the time to the nearest site, or of the residents within reach on foot."""
    swatches = style.reach_classes(view.standard)
    demand = words.residents_of(view.world, view.result)
    index = layers.cover_index(demand, view.result.covers[view.kind])
    amounts = _by_limit(view) if view.drive else _by_class(view, index, len(swatches))
    note = "到最近站点的驾车时间" if view.drive else f"网格内{view.within}以内的居民比例"
    return Painting(_areas(view, index, len(swatches), "reach"), swatches, amounts, note)


def _by_limit(view: View) -> tuple[str, ...]:
    """Residents of each driving class, from the table of covers: whole, and adding up."""
    rows = [view.row(limit) for limit in view.standard.limits]
    total = int(rows[0]["residents"])
    parts = np.diff([0, *(int(row["served"]) for row in rows), total])
    return tuple(_amount(part, total) for part in parts.tolist())


def _by_class(view: View, index: Index, count: int) -> tuple[str, ...]:
    """Residents who live in the cells of each class."""
    inside, residents = view.ground.inside(view.place), view.result.residents
    own = np.bincount(index[inside], weights=residents[inside], minlength=count)
    return tuple(_amount(part, own.sum()) for part in own.tolist())


def _amount(part: float, total: float) -> str:
    return f"{style.people_text(part)} · {style.share_text(part / total) if total else '–'}"


def _counties(view: View) -> Painting:
    """Classes of the counties by sites per residents."""
    measure = style.county_measure(view.standard)
    index = measure.index(words.county_values(view.world, view.result, view.kind))
    outlines = view.ground.outlines.counties
    areas = tuple(shapely.coverage_union_all(outlines[index == each]) for each in range(len(measure.classes)))
    amounts = tuple(f"{each} 个县区" for each in np.bincount(index, minlength=len(measure.classes)))
    return Painting(areas, measure.classes, amounts, measure.title)


def _gaps(view: View) -> Painting:
    """Classes of the residents out of reach per km²; served places are pale."""
    demand, standard = words.residents_of(view.world, view.result), view.standard
    share = view.result.covers[view.kind].main_share
    area = np.maximum(demand.area_km2, 1e-9)
    counted = demand.residents >= standard.min_density * area
    without = np.where(counted, demand.residents * (1 - share), 0.0)
    edges = GAP_EDGES[standard.mode]
    grade = 2 + np.digitize(without / area, edges)
    index = np.where(without > 0, grade, np.where(share > 0, 0, 1)).astype(np.uint8)
    swatches = _gap_classes(view, edges)
    inside = view.ground.inside(view.place)
    people = np.where(index >= 2, without, demand.residents)[inside]
    held = np.bincount(index[inside], weights=people, minlength=len(swatches))
    total = float(demand.residents[inside].sum())
    held[0] = total - held[1:].sum()  # those in reach in cells of a gap, too
    amounts = tuple(_amount(part, total) for part in held.tolist())
    note = f"{view.within}以外的居民, 人/平方公里"
    return Painting(_areas(view, index, len(swatches), "gaps"), swatches, amounts, note)


def _gap_classes(view: View, edges: tuple[float, ...]) -> tuple[Swatch, ...]:
    low = view.standard.min_density
    none = f"人口稀疏 (不足 {low:g}), 不计缺口" if low > 0 else "没有常住居民"
    texts = [f"不足 {edges[0]:g}", *(f"{a:g}–{b:g}" for a, b in pairwise(edges)), f"{edges[-1]:g} 及以上"]
    classes = [
        Swatch("已覆盖" if view.drive else "已覆盖 (全部或部分)", palette.SERVED),
        Swatch(none, palette.SPARSE),
    ]
    return (*classes, *map(Swatch, texts, palette.GAP_RAMP))


def _comparison(view: View) -> Painting:
    """Gains and losses; what stays is pale."""
    change = view.change
    if change is None:
        now = _reach(view)
        note = "现状没有这一档上限, 不能比较: 图上是方案的覆盖"
        return Painting(now.areas, now.swatches, now.amounts, note)
    share = view.result.covers[view.kind].main_share
    before = view.baseline.covers[view.kind].share[
        :, view.baseline.covers[view.kind].standard.limits.index(view.standard.main)
    ]
    index = np.select([share > before, share < before, share > 0], [0, 1, 2], 3).astype(np.uint8)
    swatches = (
        Swatch("新覆盖" if view.drive else "新覆盖 (全部或部分)", palette.GAIN),
        Swatch("失去覆盖" if view.drive else "失去覆盖 (全部或部分)", palette.LOSS),
        Swatch("仍覆盖" if view.drive else "仍覆盖 (全部或部分)", palette.KEPT),
        Swatch("仍未覆盖", palette.STILL_OUT),
    )
    inside, people = view.ground.inside(view.place), view.result.residents
    total = float(people[inside].sum())
    kept = np.minimum(share, before) * people
    still = people - kept - change.gained - change.lost
    held = [float(each[inside].sum()) for each in (change.gained, change.lost, kept, still)]
    own = view.differences(view.place.level)
    if len(own) == 1:
        held[:2] = [float(own["gained"].iloc[0]), float(own["lost"].iloc[0])]
    amounts = tuple(_amount(part, total) for part in held)
    note = f"{view.within}以内, 与{words.one_line(view.baseline.title)}比较"
    return Painting(_areas(view, index, 4, "comparison"), swatches, amounts, note, hatched=1)


def _areas(view: View, index: Index, count: int, what: str) -> tuple[Any, ...]:
    """Dissolve the cells of each class and cut them to the unit; those of the province are kept."""
    ground, place = view.ground, view.place

    def make() -> tuple[Any, ...]:
        rows = ground.near(place)
        cells, own = ground.cells[rows], index[rows]
        return tuple(layers.class_areas(cells, own, count, place.shape))

    key = (what, view.kind, view.result.name, view.standard.main, place.code)
    return ground.keep(key, make)
