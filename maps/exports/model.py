"""Layers as they are exported: columns with Chinese headers, and how they are drawn, whatever the format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...geodata.export_table import printable
from ..tables import safe_text

if TYPE_CHECKING:
    import geopandas as gpd

Geometry = Literal["Point", "MultiLineString", "MultiPolygon"]
Shape = Literal["circle", "square", "triangle", "star", "pentagon", "diamond"]

LABELS = "标注"
"""Column of every layer that says which of its data are synthetic or approximate."""


@dataclass(frozen=True)
class Symbol:
    """How a class is drawn; sizes and widths in millimetres of paper, colours #rrggbb."""

    colour: str
    """Of the sign, the line or the area; empty: nothing but the edge."""
    edge: str = ""
    """Colour of the edge of a sign or area; empty: none."""
    edge_mm: float = 0.2
    shape: Shape = "circle"
    size_mm: float = 2.0
    """Diameter of a sign."""
    width_mm: float = 0.3
    """Of a line."""
    hatch: str = ""
    """Colour of strokes over an area; empty: none."""


@dataclass(frozen=True)
class Class:
    """A class: the text in the column of classes, which is its name in the legend too, and its symbol."""

    value: str
    symbol: Symbol
    text: str = ""
    """Name in the legend where it is another."""


@dataclass(frozen=True)
class Lettering:
    """Names or numbers that a layer writes on the map."""

    header: str
    """Column of the text; rows without one have none."""
    points: float
    colour: str
    centred: bool = False
    """In the middle of the sign, not beside it; such a number is always drawn."""
    bold: bool = False
    priority: int = 5
    """0-10: which stays where there is room for one only."""


@dataclass(frozen=True)
class Look:
    """How a layer is drawn: one symbol for all, or one for each class in the text of a column."""

    name: str
    """Among the looks of a layer; the first is that in which it opens."""
    classes: tuple[Class, ...]
    header: str = ""
    """Column of the classes; empty: one class for all rows."""
    rest: Symbol | None = None
    """For texts that are no class; None: they are not drawn."""
    lettering: Lettering | None = None
    opacity: float = 1.0
    """Of each sign, line or area, which may lie over others of its layer."""


@dataclass(frozen=True)
class ExportLayer:
    """A layer of one result."""

    name: str
    """Safe as the name of a file and of a table; Chinese, such as 备灾仓库_缺口."""
    title: str
    """In the project of QGIS."""
    geometry: Geometry
    frame: gpd.GeoDataFrame
    """WGS84; Chinese headers; a column is of whole numbers (Int64), of numbers (float64) or of texts."""
    short: Mapping[str, str]
    """Names of the columns in at most ten ASCII bytes, for dBASE tables."""
    looks: tuple[Look, ...]
    group: str = ""
    """Name of its resource type; empty: of none or all."""
    about: str = ""
    """What the layer holds, in a sentence."""
    sums: tuple[str, ...] = ()
    """Of many cells the columns that add up where the cells of a class are merged, as in KML."""
    flat: tuple[str, ...] = ()
    """Columns for tables without shapes (CSV) alone: where there are shapes, they say nothing more."""
    heavy: bool = False
    """Cells by the ten thousand: left out of KML, whose viewers cannot show them; short names in GeoJSON."""

    @property
    def shaped(self) -> Mapping[str, str]:
        """Columns that stand beside shapes, with their short names."""
        return {header: name for header, name in self.short.items() if header not in self.flat}

    @property
    def empty(self) -> bool:
        """Whether it has no row."""
        return len(self.frame) == 0


@dataclass
class Columns:
    """Collects the columns of a layer, each with its header and its short name."""

    frame: dict[str, Any] = field(default_factory=dict)
    short: dict[str, str] = field(default_factory=dict)

    def text(self, header: str, short: str, values: Iterable[Any]) -> None:
        """Add texts, made safe for every format; nothing becomes an empty text."""
        self._add(header, short, np.array([clean(value) for value in values], object))

    def whole(self, header: str, short: str, values: Iterable[Any]) -> None:
        """Add whole numbers, rounded; missing ones stay missing."""
        found = np.asarray(values, float)
        self._add(
            header, short, pd.array(np.where(np.isfinite(found), np.rint(found), np.nan)).astype("Int64")
        )

    def number(self, header: str, short: str, values: Iterable[Any], *, digits: int) -> None:
        """Add numbers with so many digits after the point; NaN and infinity are missing."""
        found = np.asarray(values, float)
        self._add(header, short, np.where(np.isfinite(found), np.round(found, digits), np.nan))

    def share(self, header: str, short: str, values: Iterable[Any]) -> None:
        """Add shares as per cent with two digits."""
        self.number(header, short, 100 * np.asarray(values, float), digits=2)

    def classes(self, header: str, short: str, index: NDArray[np.integer], texts: Sequence[str]) -> None:
        """Add the texts of classes by their position."""
        self._add(header, short, np.array([clean(text) for text in texts], object)[index])

    def _add(self, header: str, short: str, values: Any) -> None:
        if header in self.frame or short in self.short.values() or len(short.encode()) > 10:
            raise ValueError(f"no column of its own: {header} ({short})")
        self.frame[header], self.short[header] = values, short

    def layer_frame(self, shapes: Any) -> gpd.GeoDataFrame:
        """Make the table of the layer."""
        import geopandas as gpd  # noqa: PLC0415 (slow to import)

        return gpd.GeoDataFrame(self.frame, geometry=shapes, crs="EPSG:4326")


def clean(value: Any) -> str:
    """Make a text safe in every format: one line, nothing that a program would run or XML not hold.

    Examples
    --------
    >>> clean("=cmd()"), clean("修水\\u202e县\\n仓库\\ufffe"), clean(None), clean(float("nan"))
    ("'=cmd()", '修水县 仓库', '', '')
    """
    missing = value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))
    return "" if missing else printable(safe_text(str(value)))
