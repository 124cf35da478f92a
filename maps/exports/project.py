"""A project of QGIS over the GeoPackages: groups, order, looks, extent and title, so that it opens as a map.

Paths are relative to the project, which moves with its folder. Written is what QGIS 3.22 reads (QGIS source,
``QgsProject::readProjectFile`` and ``QgsLayerTreeUtils``), and nothing that it can do without.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

import shapely

from ...geodata import crs
from ...geodata.layers import KIND_NAMES
from .model import ExportLayer, Look, clean
from .qml import VERSION, add_style

if TYPE_CHECKING:
    from .layers import Export

NAME = "挂图.qgs"
"""Name of the project's file."""

_MARGIN = 0.04
_FIRST = KIND_NAMES["warehouse"]
_BASE, _CELLS = "底图", "网格 (按类型分档)"
_GEOMETRY = {"Point": "Point", "MultiLineString": "Line", "MultiPolygon": "Polygon"}


@dataclass(frozen=True)
class _Shown:
    """A layer in one of its looks."""

    id: str
    title: str
    source: str
    layer: ExportLayer
    look: Look
    checked: bool
    about: str


def project_xml(exports: Sequence[Export], folder: str, name: str, province: shapely.Geometry) -> str:
    """Write the project.

    Parameters
    ----------
    exports
        The baseline first; opened is the second where there is one, else the first.
    folder
        That of the GeoPackages, named as the results, relative to the project.
    name
        That of the province.
    province
        What the map shows, in the maps' metres (``crs.ALBERS``).
    """
    title = clean(f"{name}红十字会 挂图")
    root = Xml.Element("qgis", version=VERSION, projectname=title)
    Xml.SubElement(root, "title").text = title
    Xml.SubElement(root, "projectCrs").append(_system(crs.ALBERS))
    tree = Xml.SubElement(root, "layer-tree-group")
    shown: list[_Shown] = []
    for number, export in enumerate(exports):
        opened = number == min(1, len(exports) - 1)
        found = _result(export, f"./{folder}/{export.name}.gpkg", number)
        _add_tree(tree, export.title, found, opened)
        shown += [layer for _, own in found for layer in own]
    order = Xml.SubElement(tree, "custom-order", enabled="1")
    for each in sorted(shown, key=_level):
        Xml.SubElement(order, "item").text = each.id
    _add_canvas(root, province)
    listed = Xml.SubElement(root, "projectlayers")
    for each in shown:
        _add_layer(listed, each)
    _add_properties(root, exports[0])
    Xml.indent(root, " ")
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + Xml.tostring(root, "unicode") + "\n"
    )


def _result(export: Export, path: str, number: int) -> list[tuple[str, list[_Shown]]]:
    """Sort the layers of a result into groups: one for each resource type, then the ground and the cells."""

    def shown(layer: ExportLayer, look: Look, *, title: str = "", checked: bool = True) -> _Shown:
        name = _id(number, layer.name, look.name)
        source = f"{path}|layername={layer.name}"
        return _Shown(name, title or layer.title, source, layer, look, checked, export.about(layer))

    named = {layer.name: layer for layer in export.layers}
    counties = named["县"]
    choropleths = {look.name: look for look in counties.looks}
    groups = []
    for group in dict.fromkeys(layer.group for layer in export.layers if layer.group):
        own = [layer for layer in export.layers if layer.group == group]
        by_county = choropleths[group].header == f"{group}分档" and _on_foot(own, group)
        found = [shown(layer, layer.looks[0], checked=_is_open(layer, by_county=by_county)) for layer in own]
        found.append(shown(counties, choropleths[group], title="各县分档", checked=by_county))
        groups.append((group, found))
    ground = [shown(named[name], named[name].looks[0]) for name in ("省", "市", "主要道路") if name in named]
    groups.append((_BASE, [*ground, shown(counties, counties.looks[-1], title="县界")]))
    cells = [shown(named["网格"], look, title=look.name, checked=False) for look in named["网格"].looks]
    return [*groups, (_CELLS, cells)]


def _id(number: int, layer: str, look: str) -> str:
    """Make an id of the length that QGIS gives: it replaces shorter ones."""
    key = hashlib.sha256(f"{number}|{layer}|{look}".encode()).hexdigest()
    return f"boai_{key[:8]}_{key[8:12]}_{key[12:16]}_{key[16:20]}_{key[20:32]}"


def _on_foot(layers: Sequence[ExportLayer], group: str) -> bool:
    """Tell whether a type is measured on foot: the maps of the province then show counties."""
    gaps = next((layer for layer in layers if layer.name == f"{group}_缺口"), None)
    return gaps is not None and "相距(米)" in gaps.short


def _is_open(layer: ExportLayer, *, by_county: bool) -> bool:
    """Tell whether a layer is shown when its group is."""
    if layer.name.endswith("_变化"):
        return False
    return not (by_county and layer.name.endswith(("_覆盖", "_缺口范围")))


def _level(shown: _Shown) -> int:
    """Say how far up a layer is drawn, 0 on top: points, borders, roads, edges of gaps, areas."""
    if shown.layer.geometry == "Point":
        return ("_缺口", "_新增", "_站点").index(shown.layer.name[-3:])
    if shown.look.name in ("省界", "市界", "县界"):
        return 3 + ("省界", "市界", "县界").index(shown.look.name)
    if shown.layer.geometry == "MultiLineString":
        return 7
    return next(
        (8 + at for at, end in enumerate(("_缺口范围", "_变化")) if shown.layer.name.endswith(end)), 10
    )


def _add_tree(
    tree: Xml.Element, title: str, groups: Sequence[tuple[str, Sequence[_Shown]]], opened: bool
) -> None:
    """Add the groups of a result; of its resource types one is shown at a time."""
    result = _add_group(tree, title, opened, expanded=opened)
    kinds = [name for name, _ in groups if name not in (_BASE, _CELLS)]
    first = _FIRST if _FIRST in kinds else kinds[0] if kinds else ""
    types = _add_group(result, "资源类型 (一次看一类)", True, expanded=True)
    types.set("mutually-exclusive", "1")
    types.set("mutually-exclusive-child", str(kinds.index(first) if kinds else -1))
    for name, layers in groups:
        under = types if name in kinds else result
        group = _add_group(under, name, name in (first, _BASE), expanded=name == first)
        for each in layers:
            about = {"id": each.id, "name": each.title, "source": each.source, "providerKey": "ogr"}
            Xml.SubElement(
                group, "layer-tree-layer", {**about, "checked": _checked(each.checked), "expanded": "0"}
            )


def _add_group(under: Xml.Element, name: str, checked: bool, *, expanded: bool) -> Xml.Element:
    about = {"name": name, "checked": _checked(checked), "expanded": str(int(expanded))}
    return Xml.SubElement(under, "layer-tree-group", about)


def _checked(yes: bool) -> str:
    return "Qt::Checked" if yes else "Qt::Unchecked"


def _add_canvas(root: Xml.Element, province: shapely.Geometry) -> None:
    """Set the extent of the map: the province with a margin."""
    west, south, east, north = shapely.bounds(province).tolist()
    margin = _MARGIN * max(east - west, north - south)
    canvas = Xml.SubElement(root, "mapcanvas", name="theMapCanvas", annotationsVisible="1")
    Xml.SubElement(canvas, "units").text = "meters"
    extent = Xml.SubElement(canvas, "extent")
    ends = {"xmin": west - margin, "ymin": south - margin, "xmax": east + margin, "ymax": north + margin}
    for name, value in ends.items():
        Xml.SubElement(extent, name).text = f"{value:.1f}"
    Xml.SubElement(canvas, "rotation").text = "0"
    Xml.SubElement(canvas, "destinationsrs").append(_system(crs.ALBERS))


def _add_layer(listed: Xml.Element, shown: _Shown) -> None:
    geometry = shown.layer.geometry
    about = {"type": "vector", "geometry": _GEOMETRY[geometry], "wkbType": geometry}
    made = Xml.SubElement(listed, "maplayer", {**about, "hasScaleBasedVisibilityFlag": "0"})
    Xml.SubElement(made, "id").text = shown.id
    Xml.SubElement(made, "datasource").text = shown.source
    Xml.SubElement(made, "layername").text = shown.title
    Xml.SubElement(made, "srs").append(_system(crs.WGS84))
    Xml.SubElement(made, "abstract").text = shown.about
    Xml.SubElement(made, "provider", encoding="UTF-8").text = "ogr"
    add_style(made, shown.look, geometry, {})


def _add_properties(root: Xml.Element, export: Export) -> None:
    """Keep paths relative, and write stamp and labels over the map."""
    notes = dict(export.notes)
    said = " · ".join(filter(None, (notes["用途"], notes.get("数据标注", ""))))
    listed = Xml.SubElement(root, "properties")
    for group, entries in _properties(said):
        under = Xml.SubElement(listed, group)
        for name, kind, value in entries:
            Xml.SubElement(under, name, type=kind).text = value


def _properties(said: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    yield "Paths", [("Absolute", "bool", "false")]
    yield "SpatialRefSys", [("ProjectionsEnabled", "int", "1")]
    lower_left = [("Enabled", "bool", "true"), ("Placement", "int", "0")]
    yield "CopyrightLabel", [*lower_left, ("Label", "QString", said.replace("[%", "[ %"))]
    yield "ScaleBar", [("Enabled", "bool", "true"), ("Placement", "int", "3")]


def _system(definition: str) -> Xml.Element:
    """Write a coordinate system as QGIS does; the equal-area projection of the maps has no code."""
    from pyproj import CRS  # noqa: PLC0415

    known = CRS.from_user_input(definition)
    code = known.to_epsg() or 0
    facts = {
        "wkt": known.to_wkt("WKT2_2019"),
        "proj4": "+proj=longlat +datum=WGS84 +no_defs" if code else f"{definition} +no_defs",
        "srsid": "3452" if code else "0",
        "srid": str(code),
        "authid": f"EPSG:{code}" if code else "",
        "description": "WGS 84" if code else "Albers (116°E, 25.5°N, 29°N)",
        "geographicflag": "true" if known.is_geographic else "false",
    }
    system = Xml.Element("spatialrefsys")
    for name, text in facts.items():
        Xml.SubElement(system, name).text = text
    return system
