"""KML 2.2 (OGC 07-147r2) of the layers, styled, for Google Earth and 奥维: nothing is loaded from outside."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import pandas as pd
import shapely

from .model import LABELS

if TYPE_CHECKING:
    from .layers import Export
    from .model import ExportLayer, Look, Symbol

_ICON_MM = 6.0
"""Diameter of a sign whose icon has its own size."""
_LINE_PX_PER_MM = 4.0
_SEEN = ("名称", "档次", "道路类别", "网格编号", "代码")
_ALPHA = "cc"


def write_kml(export: Export, path: Path) -> list[Path]:
    """Write the layers of a result as one document, a folder for each layer and a group for each type.

    Viewers cannot show cells by the ten thousand: a layer of all cells is left out (``ExportLayer.heavy``),
    for the areas of the classes are there; cells that change are merged to an area for each class.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_document(export))
    return [path]


def _document(export: Export) -> Iterator[str]:
    layers = [_merged(layer) if layer.sums else layer for layer in export.layers if not layer.heavy]
    notes = "".join(_row(name, text) for name, text in export.notes)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n'
    yield f"<name>{escape(export.title)}</name><open>1</open>{_described(notes)}\n"
    for number, layer in enumerate(layers):
        yield from _styles(layer.looks[0], number)
    groups = dict.fromkeys(layer.group for layer in layers)
    for group in groups:
        own = [(number, layer) for number, layer in enumerate(layers) if layer.group == group]
        yield f"<Folder><name>{escape(group or '底图')}</name>\n"
        for number, layer in own:
            yield from _folder(export, layer, number)
        yield "</Folder>\n"
    yield "</Document></kml>\n"


def _merged(layer: ExportLayer) -> ExportLayer:
    """Merge the cells of each class to one area, with the sums of their columns."""
    header, frame = layer.looks[0].header, layer.frame
    known = [each.value for each in layer.looks[0].classes if (frame[header] == each.value).any()]
    rows = [frame[frame[header] == value] for value in known]
    kept = {header: known} | {name: [float(own[name].sum()) for own in rows] for name in layer.sums}
    kept[LABELS] = [own[LABELS].iloc[0] for own in rows]
    shapes = [shapely.union_all(own.geometry.to_numpy()) for own in rows]
    merged = type(frame)(kept, geometry=shapes, crs=frame.crs)
    return replace(layer, frame=merged, short={name: layer.short[name] for name in kept})


def _styles(look: Look, layer: int) -> Iterator[str]:
    """Write the styles of the classes of a look, and that of all others."""
    symbols = [each.symbol for each in look.classes] + ([look.rest] if look.rest else [])
    for number, symbol in enumerate(symbols):
        yield f'<Style id="s{layer}_{number}">{_style(symbol)}</Style>\n'


def _style(symbol: Symbol) -> str:
    fill, edge = symbol.colour, symbol.edge or symbol.colour
    scale = f"<scale>{symbol.size_mm / _ICON_MM:.2f}</scale>"
    icon = f"<IconStyle><color>{_abgr(fill or edge)}</color>{scale}</IconStyle>"
    width = (symbol.edge_mm if symbol.edge else symbol.width_mm) * _LINE_PX_PER_MM
    line = f"<LineStyle><color>{_abgr(edge)}</color><width>{max(width, 0.5):.1f}</width></LineStyle>"
    area = (
        f"<PolyStyle><color>{_abgr(fill, _ALPHA)}</color></PolyStyle>"
        if fill
        else "<PolyStyle><fill>0</fill></PolyStyle>"
    )
    return f"{icon}<LabelStyle><scale>0.7</scale></LabelStyle>{line}{area}"


def _abgr(colour: str, alpha: str = "ff") -> str:
    """Write #rrggbb as KML does: opacity, blue, green, red.

    Examples
    --------
    >>> from boai.maps import style
    >>> _abgr(style.REACH[0])
    'ffede3ce'
    """
    return f"{alpha}{colour[5:7]}{colour[3:5]}{colour[1:3]}"


def _folder(export: Export, layer: ExportLayer, number: int) -> Iterator[str]:
    look = layer.looks[0]
    about = escape(export.about(layer))
    yield f"<Folder><name>{escape(layer.title)}</name><description>{about}</description>\n"
    at = {each.value: place for place, each in enumerate(look.classes)}
    headers = list(layer.short)
    named = next((header for header in (*_SEEN, look.header) if header in headers), "")
    rows = pd.DataFrame(layer.frame.drop(columns="geometry")).astype(object).itertuples(index=False)
    for row, shape in zip(rows, layer.frame.geometry.to_numpy(), strict=True):
        cells = {header: _cell(value) for header, value in zip(headers, row, strict=True)}
        place = at.get(cells[look.header], len(look.classes)) if look.header else 0
        listed = "".join(_row(header, text) for header, text in cells.items() if text)
        title = cells.get(named, "") or layer.title
        mark = f" [{cells[LABELS]}]" if cells.get(LABELS) else ""
        yield (
            f"<Placemark><name>{escape(title)}</name><styleUrl>#s{number}_{place}</styleUrl>"
            f"<Snippet maxLines={quoteattr('1')}>{escape(mark.strip())}</Snippet>{_described(listed)}"
            f"{_shape(shape)}</Placemark>\n"
        )
    yield "</Folder>\n"


def _cell(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _row(name: str, text: str) -> str:
    """Write a row of a table in a balloon."""
    return f"<tr><td>{html.escape(name)}</td><td>{html.escape(text)}</td></tr>"


def _described(rows: str) -> str:
    """Write a table as a description: the HTML is escaped as a whole, so that no text of it is XML."""
    return f"<description>{escape(f'<table>{rows}</table>')}</description>"


def _shape(shape: Any) -> str:
    parts = [_part(each) for each in shapely.get_parts(shape)]
    return parts[0] if len(parts) == 1 else f"<MultiGeometry>{''.join(parts)}</MultiGeometry>"


def _part(part: Any) -> str:
    if part.geom_type == "Point":
        return f"<Point>{_path(part)}</Point>"
    if part.geom_type == "LineString":
        return f"<LineString><tessellate>1</tessellate>{_path(part)}</LineString>"
    turned = shapely.orient_polygons(part)
    inner = "".join(
        f"<innerBoundaryIs><LinearRing>{_path(ring)}</LinearRing></innerBoundaryIs>"
        for ring in turned.interiors
    )
    outer = f"<outerBoundaryIs><LinearRing>{_path(turned.exterior)}</LinearRing></outerBoundaryIs>"
    return f"<Polygon><tessellate>1</tessellate>{outer}{inner}</Polygon>"


def _path(line: Any) -> str:
    points = " ".join(f"{x:.6f},{y:.6f}" for x, y in shapely.get_coordinates(line).tolist())
    return f"<coordinates>{points}</coordinates>"
