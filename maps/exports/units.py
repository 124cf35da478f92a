"""Layers of the administrative units: residents within every limit, sites, and the classes of the maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...coverage.measures import density
from ...geodata.layers import KIND_NAMES, Kind
from .. import style, words
from . import looks
from .model import LABELS, Columns, ExportLayer, Look

if TYPE_CHECKING:
    import geopandas as gpd

    from ...coverage.standards import Standard
    from ...scenarios.run import Result
    from ...scenarios.world import World

CODES: dict[Kind, str] = {"aed": "ae", "home": "bh", "warehouse": "wh", "team": "te", "training": "tr"}
"""Beginnings of the short names of columns."""

_PER = {"aed": 10_000, "home": 100_000}
_TITLES = {"省": "全省", "市": "设区市", "县": "县区"}


def limit_code(standard: Standard, limit: float) -> str:
    """Write a limit for a short name: whole minutes, or metres."""
    return f"{limit / 60:.0f}" if standard.mode == "drive" else f"{limit:.0f}"


def stores_first(kinds: Sequence[Kind]) -> list[Kind]:
    """Order resource types so that a layer of all opens in the look of the stores, as page and sheets do."""
    return sorted(kinds, key=lambda kind: kind != "warehouse")


def class_header(kind: Kind) -> str:
    """Name the column of the class in which the maps draw a county."""
    return f"{KIND_NAMES[kind]}分档"


def unit_layer(world: World, result: Result, level: str, kinds: Sequence[Kind], labels: str) -> ExportLayer:
    """Make the layer of a level (省, 市, 县) of a result: one row per unit, in the order of the codes.

    Shares are those of the tables, as per cent; sites per residents as `style.county_measure` counts them,
    else per 100 000.
    """
    units = {"省": world.units.province, "市": world.units.cities, "县": world.units.counties}[level]
    table = units.sort_values("code").reset_index(drop=True)
    columns = Columns()
    columns.text("代码", "code", table["code"])
    columns.text("名称", "name", table["name"])
    if level == "县":
        columns.text("设区市", "city", table["city_name"])
    first = result.covers[kinds[0]].standard if kinds else None
    if first is not None:
        rows = words.unit_rows(result, kinds[0], level, first.main).set_index("code").loc[table["code"]]
        columns.whole("居民(人)", "residents", rows["residents"])
    for kind in kinds:
        _add_kind(columns, world, result, kind, (level, table))
    columns.text(LABELS, "labels", [labels] * len(table))
    drawn = [looks.outline(f"{level}界", level, "名称" if level != "省" else "")]
    if level == "县":
        drawn = [*(_choropleth(result.covers[kind].standard) for kind in stores_first(kinds)), *drawn]
    about = f"{_TITLES[level]}: 各资源类型在各上限以内的居民数和比例 (上限含等号)、站点数和分档"
    frame = columns.layer_frame(table.geometry.to_numpy())
    return ExportLayer(level, _TITLES[level], "MultiPolygon", frame, columns.short, tuple(drawn), about=about)


def _add_kind(
    columns: Columns, world: World, result: Result, kind: Kind, units: tuple[str, gpd.GeoDataFrame]
) -> None:
    """Add what a resource type gives each unit of a level."""
    level, table = units
    standard, name, code = result.covers[kind].standard, KIND_NAMES[kind], CODES[kind]
    for limit in standard.limits:
        rows = words.unit_rows(result, kind, level, limit).set_index("code").loc[table["code"]]
        text, short = words.within_limit(standard, limit), limit_code(standard, limit)
        columns.whole(f"{name}{text}以内居民(人)", f"{code}_n{short}", rows["served"])
        columns.share(f"{name}{text}以内比例(%)", f"{code}_p{short}", rows["share"])
    found = density(words.residents_of(world, result), result.layers[kind])
    own = found[found["level"] == level].set_index("code").loc[table["code"]]
    unit, per = style.UNITS[kind], _PER.get(kind, 100_000)
    columns.whole(f"{name}站点数({unit})", f"{code}_sites", own["sites"])
    per_residents = own["per_10k"].to_numpy(float) * (per / 10_000)
    columns.number(
        f"每{per // 10_000 if per > 10_000 else ''}万居民{name}({unit})",
        f"{code}_per",
        per_residents,
        digits=3,
    )
    if level == "县":
        measure = style.county_measure(standard)
        values = words.county_values(world, result, kind)
        texts = [looks.value(swatch) for swatch in measure.classes]
        columns.classes(class_header(kind), f"{code}_class", measure.index(values), texts)


def _choropleth(standard: Standard) -> Look:
    measure, name = style.county_measure(standard), KIND_NAMES[standard.kind]
    return looks.areas(name, class_header(standard.kind), measure.classes, borders=True)
