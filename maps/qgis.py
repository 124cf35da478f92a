"""Styles for QGIS (QML): classes of the service areas in the colours of `style`, with a Chinese legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

import pandas as pd

from ..geodata.area_files import PolygonLayer
from ..geodata.layers import KIND_NAMES
from . import style

if TYPE_CHECKING:
    from ..coverage.areas import Areas

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

VERSION = "3.22"
"""Oldest QGIS whose form of symbols is written."""
ALPHA = 0.75
"""Opacity of areas that may overlap."""

_LINE_MM = "0.26"


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
    swatches = [style.Swatch(text, colour) for text, colour in zip(classes, colours, strict=True)]
    return categories_qml(HEADERS[column], swatches, alpha=1.0 if areas.rings else ALPHA)


def categories_qml(field: str, classes: Sequence[style.Swatch], *, alpha: float = 1.0) -> str:
    """Write a style that colours polygons by the text in a field.

    Parameters
    ----------
    field
        Name of the field.
    classes
        The texts that stand in it, and their colours, in the order of the legend.
    alpha
        Opacity, 0 to 1.

    Examples
    --------
    >>> text = categories_qml("档次", [style.Swatch("1小时以内", "#dcebf2")])
    >>> "220,235,242,255" in text and 'label="1小时以内"' in text
    True
    """
    root = Xml.Element("qgis", version=VERSION, styleCategories="Symbology")
    renderer = Xml.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=field, symbollevels="0", forceraster="0"
    )
    listed, symbols = Xml.SubElement(renderer, "categories"), Xml.SubElement(renderer, "symbols")
    for number, swatch in enumerate(classes):
        about = {"symbol": str(number), "value": swatch.text, "label": swatch.text, "render": "true"}
        Xml.SubElement(listed, "category", {**about, "type": "string"})
        _add_symbol(symbols, number, swatch.colour, alpha)
    Xml.SubElement(root, "layerGeometryType").text = "2"
    Xml.indent(root, " ")
    doctype = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return doctype + Xml.tostring(root, encoding="unicode") + "\n"


def _add_symbol(symbols: Xml.Element, number: int, colour: str, alpha: float) -> None:
    """Add a filled area with a thin line around it."""
    about = {"type": "fill", "name": str(number), "alpha": f"{alpha:g}", "clip_to_extent": "1"}
    symbol = Xml.SubElement(symbols, "symbol", {**about, "force_rhr": "0"})
    fill = {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"}
    options = Xml.SubElement(Xml.SubElement(symbol, "layer", fill), "Option", type="Map")
    values = {
        "color": _rgba(colour),
        "style": "solid",
        "outline_color": _rgba(style.BORDER),
        "outline_style": "solid",
        "outline_width": _LINE_MM,
        "outline_width_unit": "MM",
        "joinstyle": "round",
    }
    for name, value in values.items():
        Xml.SubElement(options, "Option", name=name, value=value, type="QString")


def _rgba(colour: str) -> str:
    """Write #rrggbb as QGIS does: red,green,blue,opacity."""
    return ",".join([*(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)), "255"])
