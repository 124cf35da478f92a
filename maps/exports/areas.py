"""Service areas as a layer of a file: Chinese headers, and classes in the colours of `style` for QGIS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ...geodata.area_files import PolygonLayer
from ...geodata.layers import KIND_NAMES
from .. import style
from .model import Class, Look, Symbol
from .qml import qml

if TYPE_CHECKING:
    from ...coverage.areas import Areas

HEADERS = {
    "id": "编号",
    "name": "名称",
    "kind": "类型",
    "city": "设区市",
    "county": "县区",
    "band_text": "档次",
    "limit_text": "上限",
    "limit": "上限值",
    "band_from": "起点值",
    "area_km2": "面积(平方公里)",
    "sites": "站点数",
    "residents": "居民(按出行)",
    "residents_centre": "居民(按网格中心)",
    "label": "标注",
    "tolerance": "误差",
}
"""Chinese headers of the columns of the areas, in the order of the file."""

OPACITY = 0.75
"""Of areas that may overlap."""

_LINE_MM = 0.26


def area_layer(areas: Areas) -> PolygonLayer:
    """Make the layer of a file of service areas, with Chinese headers and its style.

    Larger limits come first, so that smaller ones are drawn on top.
    """
    table = areas.table
    order = table.sort_values(["limit", "site"], ascending=[False, True], kind="stable").index.to_numpy()
    rows = table.loc[order, list(HEADERS)].assign(area_km2=table.loc[order, "area_km2"].round(3))
    kind = KIND_NAMES[areas.standard.kind]
    about = "; ".join(filter(None, (f"{kind} {areas.product}", areas.label, _tolerance(table), *areas.notes)))
    named = pd.DataFrame(rows.rename(columns=HEADERS)).reset_index(drop=True).assign(类型=kind)
    return PolygonLayer(areas.product, named, areas.shapes[order], area_qml(areas), about)


def _tolerance(table: pd.DataFrame) -> str:
    return str(table["tolerance"].iloc[0]) if len(table) else ""


def area_qml(areas: Areas) -> str:
    """Style service areas by their classes: those of the maps, from the nearest on."""
    column = "band_text" if areas.rings else "limit_text"
    classes = areas.table.drop_duplicates("limit").sort_values("limit")[column].astype(str).tolist()
    colours = style.ramp(len(classes) + 1)[: len(classes)]
    symbols = (Symbol(colour, style.BORDER, _LINE_MM) for colour in colours)
    known = tuple(map(Class, classes, symbols))
    look = Look(areas.product, known, HEADERS[column], opacity=1.0 if areas.rings else OPACITY)
    return qml(look, "MultiPolygon")
