"""Styles of QGIS (QML) from looks: the same symbols, classes and letters as on the maps.

The XML is that of QGIS 3.22 and later: symbol layers hold their properties as ``Option`` elements (QGIS
source, ``QgsSymbolLayerUtils::loadSymbolLayer`` and ``QgsPalLayerSettings::readXml``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from .. import style

if TYPE_CHECKING:
    from .model import Geometry, Lettering, Look, Symbol

VERSION = "3.22"
"""Oldest QGIS whose form of styles is written."""

FONT = "Microsoft YaHei"
"""Font of the names; a machine without it takes its own."""

_TYPES: dict[str, tuple[str, str]] = {
    "Point": ("marker", "0"),
    "MultiLineString": ("line", "1"),
    "MultiPolygon": ("fill", "2"),
}
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_HALO_MM = 0.6
_OVER, _AROUND = "1", "6"
"""Places of letters: over the point (of an area: its middle) or beside it (``Qgis::LabelPlacement``)."""


def qml(look: Look, geometry: Geometry, names: Mapping[str, str] | None = None) -> str:
    """Write a look as a style file of QGIS.

    Parameters
    ----------
    geometry
        What the layer draws.
    names
        Names of the columns where they are not the headers, as in a shapefile.

    Examples
    --------
    >>> from boai.maps import style
    >>> from boai.maps.exports.model import Class, Look, Symbol
    >>> look = Look("一", (Class("1小时以内", Symbol(style.REACH[0])),), header="档次")
    >>> text = qml(look, "MultiPolygon")
    >>> "206,227,237,255" in text and 'label="1小时以内"' in text
    True
    """
    root = Xml.Element("qgis", version=VERSION, styleCategories="Symbology|Labeling")
    add_style(root, look, geometry, names or {})
    Xml.indent(root, " ")
    return _DOCTYPE + Xml.tostring(root, encoding="unicode") + "\n"


def add_style(root: Xml.Element, look: Look, geometry: Geometry, names: Mapping[str, str]) -> None:
    """Add a look to an element: that of a style file, or of a layer in a project."""
    root.set("labelsEnabled", "1" if look.lettering else "0")
    _add_renderer(root, look, geometry, names)
    if look.lettering:
        _add_letters(root, look.lettering, geometry, names)
    Xml.SubElement(root, "blendMode").text = "0"
    Xml.SubElement(root, "layerOpacity").text = "1"
    Xml.SubElement(root, "layerGeometryType").text = _TYPES[geometry][1]


def _add_renderer(root: Xml.Element, look: Look, geometry: Geometry, names: Mapping[str, str]) -> None:
    levels = "1" if geometry == "Point" and look.header else "0"
    common = {"symbollevels": levels, "enableorderby": "0", "forceraster": "0", "referencescale": "-1"}
    if not look.header:
        renderer = Xml.SubElement(root, "renderer-v2", {"type": "singleSymbol", **common})
        symbols = Xml.SubElement(renderer, "symbols")
        _add_symbol(symbols, "0", look.classes[0].symbol, geometry, opacity=look.opacity)
        return
    attr = names.get(look.header, look.header)
    renderer = Xml.SubElement(root, "renderer-v2", {"type": "categorizedSymbol", "attr": attr, **common})
    listed, symbols = Xml.SubElement(renderer, "categories"), Xml.SubElement(renderer, "symbols")
    classes = [(each.value, each.text or each.value, each.symbol) for each in look.classes]
    if look.rest is not None:
        classes.append(("", "其他", look.rest))
    for number, (value, text, symbol) in enumerate(classes):
        about = {"symbol": str(number), "value": value, "label": text, "render": "true", "type": "string"}
        Xml.SubElement(listed, "category", about)
        over = len(classes) - 1 - number
        _add_symbol(symbols, str(number), symbol, geometry, level=over, opacity=look.opacity)


def _add_symbol(
    symbols: Xml.Element,
    name: str,
    symbol: Symbol,
    geometry: Geometry,
    *,
    level: int = 0,
    opacity: float = 1.0,
) -> None:
    """Add a symbol; signs of a higher level are drawn over those of a lower one."""
    about = {"type": _TYPES[geometry][0], "name": name, "alpha": f"{opacity:g}"}
    made = Xml.SubElement(symbols, "symbol", {**about, "clip_to_extent": "1", "force_rhr": "0"})
    if geometry == "Point":
        _add_layer(made, "SimpleMarker", _marker(symbol), level)
    elif geometry == "MultiLineString":
        _add_layer(made, "SimpleLine", _line(symbol))
    else:
        _add_layer(made, "SimpleFill", _fill(symbol))
        if symbol.hatch:
            _add_layer(made, "SimpleFill", _hatch(symbol))


def _add_layer(symbol: Xml.Element, kind: str, values: Mapping[str, str], level: int = 0) -> None:
    about = {"class": kind, "enabled": "1", "locked": "0", "pass": str(level)}
    layer = Xml.SubElement(symbol, "layer", about)
    options = Xml.SubElement(layer, "Option", type="Map")
    for name, value in values.items():
        Xml.SubElement(options, "Option", name=name, value=value, type="QString")


def _marker(symbol: Symbol) -> dict[str, str]:
    return {
        "name": symbol.shape,
        "color": rgba(symbol.colour or style.PAPER),
        "size": f"{symbol.size_mm:g}",
        "size_unit": "MM",
        "scale_method": "diameter",
        "outline_color": rgba(symbol.edge or symbol.colour),
        "outline_style": "solid" if symbol.edge else "no",
        "outline_width": f"{symbol.edge_mm:g}",
        "outline_width_unit": "MM",
        "joinstyle": "miter",
    }


def _line(symbol: Symbol) -> dict[str, str]:
    return {
        "line_color": rgba(symbol.colour),
        "line_style": "solid",
        "line_width": f"{symbol.width_mm:g}",
        "line_width_unit": "MM",
        "capstyle": "round",
        "joinstyle": "round",
    }


def _fill(symbol: Symbol) -> dict[str, str]:
    return {
        "color": rgba(symbol.colour or style.PAPER),
        "style": "solid" if symbol.colour else "no",
        "outline_color": rgba(symbol.edge or symbol.colour),
        "outline_style": "solid" if symbol.edge else "no",
        "outline_width": f"{symbol.edge_mm:g}",
        "outline_width_unit": "MM",
        "joinstyle": "round",
    }


def _hatch(symbol: Symbol) -> dict[str, str]:
    return {"color": rgba(symbol.hatch), "style": "b_diagonal", "outline_style": "no"}


def _add_letters(root: Xml.Element, letters: Lettering, geometry: Geometry, names: Mapping[str, str]) -> None:
    settings = Xml.SubElement(
        Xml.SubElement(root, "labeling", type="simple"), "settings", calloutType="simple"
    )
    text = Xml.SubElement(
        settings,
        "text-style",
        {
            "fieldName": names.get(letters.header, letters.header),
            "isExpression": "0",
            "fontFamily": FONT,
            "namedStyle": "Bold" if letters.bold else "Regular",
            "fontWeight": "75" if letters.bold else "50",
            "fontSize": f"{letters.points:g}",
            "fontSizeUnit": "Point",
            "textColor": rgba(letters.colour),
            "textOpacity": "1",
            "allowHtml": "0",
        },
    )
    halo = {
        "bufferDraw": "0" if letters.centred else "1",
        "bufferSize": f"{_HALO_MM:g}",
        "bufferSizeUnits": "MM",
        "bufferColor": rgba(style.PAPER),
        "bufferOpacity": "0.9",
        "bufferNoFill": "1",
        "bufferJoinStyle": "128",
    }
    Xml.SubElement(text, "text-buffer", halo)
    over = letters.centred or geometry == "MultiPolygon"
    place = {
        "placement": _OVER if over else _AROUND,
        "quadOffset": "4",
        "dist": "0.6",
        "distUnits": "MM",
        "centroidWhole": "1",
        "centroidInside": "1",
        "priority": str(letters.priority),
    }
    Xml.SubElement(settings, "placement", place)
    drawn = "1" if letters.centred else "0"
    kept_off = "0" if geometry == "MultiPolygon" else "1"  # names of counties stand inside those of cities
    Xml.SubElement(settings, "rendering", drawLabels="1", displayAll=drawn, obstacle=kept_off)


def rgba(colour: str) -> str:
    """Write #rrggbb as QGIS does: red,green,blue,opacity.

    Examples
    --------
    >>> rgba(style.REACH[0]), rgba("")
    ('206,227,237,255', '0,0,0,0')
    """
    return ",".join(map(str, (*style.rgb(colour), 255))) if colour else "0,0,0,0"
