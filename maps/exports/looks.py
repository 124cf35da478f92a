"""Looks of the exported layers: the classes, signs and lines of `style`, as on page and sheets."""

from __future__ import annotations

from collections.abc import Sequence

from ...geodata.layers import Kind
from .. import style
from .model import Class, Lettering, Look, Symbol

NUMBERED = 10
"""So many gaps and suggested sites carry their number, as on the sheets."""
MOST_NUMBERED = 60
"""Of more suggested sites none is numbered, as on the sheets."""
TOP, REST = f"前 {NUMBERED}", "其余"
"""Texts of the column that tells them from the others."""

_POINTS_PER_MM = 72 / 25.4
_SEAM_MM = 0.1
_CITY_PT, _COUNTY_PT, _GAP_PT, _NEW_PT = 10.5, 6.5, 8.0, 6.5


def mm(points: float) -> float:
    """Turn points of paper into millimetres.

    Examples
    --------
    >>> mm(72), mm(0.9)
    (25.4, 0.32)
    """
    return round(points / _POINTS_PER_MM, 2)


def value(swatch: style.Swatch) -> str:
    """Give what stands in a column for a class: its text without the explanation that the legend adds.

    Examples
    --------
    >>> value(style.Swatch("人口稀疏 (每平方公里不足 1500 人, 不计缺口)", style.SPARSE))
    '人口稀疏'
    """
    return swatch.text.partition(" (")[0]


def areas(name: str, header: str, swatches: Sequence[style.Swatch], *, borders: bool = False) -> Look:
    """Fill areas by class; seams are closed by a hairline of their own colour, or borders are drawn."""
    line = style.BORDERS["县"]
    classes = tuple(
        Class(
            value(each),
            Symbol(each.colour, line.colour, mm(line.width))
            if borders
            else Symbol(each.colour, each.colour, _SEAM_MM),
            each.text,
        )
        for each in swatches
    )
    return Look(name, classes, header)


def outline(name: str, level: str, header: str = "") -> Look:
    """Draw the borders of units (省, 市, 县) and, where a column is given, their names."""
    line = style.BORDERS[level]
    points = {"市": _CITY_PT, "县": _COUNTY_PT}.get(level)
    letters = None
    if header and points:
        letters = Lettering(header, points, style.NAMES[level], priority=9 if level == "市" else 4)
    return Look(name, (Class(name, Symbol("", line.colour, mm(line.width))),), lettering=letters)


def roads(header: str, names: Sequence[str]) -> Look:
    """Draw the fast roads and the others, by the names that the layer has for them."""
    classes = [
        Class(name, Symbol(line.colour, width_mm=mm(line.width)))
        for name, line in zip(names, style.ROADS, strict=True)
        if name
    ]
    return Look("道路", tuple(classes), header)


def sites(kind: Kind, header: str) -> Look:
    """Mark sites by level as the maps do; a level that is not known is drawn as the lowest."""
    signs = [
        (each.level, Symbol(style.SITE, style.PAPER, min(0.21, each.size * 0.07), each.shape, each.size))
        for each in style.markers(kind)
    ]
    known = tuple(Class(level, sign) for level, sign in signs if level)
    lowest = signs[-1][1]
    return Look(
        "站点", known or (Class("", lowest),), header if known else "", rest=lowest if known else None
    )


def gaps(header: str, numbers: str) -> Look:
    """Mark the largest gaps by their numbers, and the others by dots."""
    ring = Symbol(style.PAPER, style.ACCENT, mm(1.2), "circle", 5.0)
    dot = Symbol(style.ACCENT, style.PAPER, 0.1, "circle", 1.5)
    letters = Lettering(numbers, _GAP_PT, style.ACCENT, centred=True, bold=True)
    return Look("缺口", (Class(TOP, ring), Class(REST, dot)), header, lettering=letters)


def gap_areas(header: str) -> Look:
    """Edge the areas of the gaps in the colour of their signs, the largest with a wider line."""
    classes = [
        Class(text, Symbol("", style.ACCENT, mm(points))) for text, points in ((TOP, 1.2), (REST, 0.6))
    ]
    return Look("缺口范围", tuple(classes), header)


def added(header: str, numbers: str) -> Look:
    """Mark suggested sites by diamonds, the first of them with their rank."""
    first = Symbol(style.NEW, style.PAPER, 0.2, "diamond", 4.6)
    other = Symbol(style.NEW, style.PAPER, 0.15, "diamond", 2.2)
    letters = Lettering(numbers, _NEW_PT, style.PAPER, centred=True, bold=True)
    return Look("建议新增", (Class(TOP, first), Class(REST, other)), header, lettering=letters)


def change(header: str) -> Look:
    """Fill the cells that gain and those that lose, the latter with strokes for a print in grey."""
    gain, _, loss = style.DIFFERENCE
    return Look(
        "变化",
        (
            Class(gain.text, Symbol(gain.colour, gain.colour, _SEAM_MM)),
            Class(loss.text, Symbol(loss.colour, loss.colour, _SEAM_MM, hatch=style.PAPER)),
        ),
        header,
    )
