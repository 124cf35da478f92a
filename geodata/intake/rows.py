"""All rows of an intake, part after part, and where those without coordinates are placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..types import Attribute, ResourceType
from .counties import Stated, read_stated
from .judging import Judged
from .model import Cells
from .parts import Flags, Numbers, Part
from .places import Context, Placed, find_places


@dataclass(frozen=True)
class Rows:
    """All rows of an intake, part after part."""

    parts: Sequence[Part]
    start: NDArray[np.int64]
    """(parts + 1,) position of the first row of each part."""
    values: dict[str, Cells]
    """Attribute → (n,) values, None where there is none."""
    stated: Stated
    where: Cells
    """(n,) Chinese: file, sheet and row, to name a row to a user."""

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.start[-1])


def gather(parts: Sequence[Part], rtype: ResourceType, context: Context) -> Rows:
    """Put the columns of all parts one below the other."""
    start = np.cumsum([0, *(part.n_rows for part in parts)])
    names = [attribute.name for attribute in rtype.attributes]
    values = {
        name: np.concatenate(
            [
                *(part.values.get(name, np.full(part.n_rows, None, object)) for part in parts),
                np.empty(0, object),
            ]
        )
        for name in names
    }
    for attribute in rtype.attributes:
        if attribute.instead:
            values[attribute.name] = _instead(parts, values, attribute)
    where = [_names(part, len(parts) > 1) for part in parts]
    stated = read_stated(
        context.names, values["county"], values["county_code"], values["city"], int(start[-1])
    )
    return Rows(parts, start, values, stated, np.concatenate([*where, np.empty(0, object)]))


def _instead(parts: Sequence[Part], values: dict[str, Cells], attribute: Attribute) -> Cells:
    """Let other attributes stand in for one in the tables that have no column of it."""
    without = np.array([attribute.name not in part.columns for part in parts], bool)
    rows = np.repeat(without, [part.n_rows for part in parts])
    cells = values[attribute.name]
    for other in attribute.instead:
        cells = np.where(rows & is_blank(cells), values[other], cells)
    return cells


def is_blank(cells: Cells) -> Flags:
    """(n,) whether there is no value."""
    return np.asarray(pd.isna(cells) | (cells == ""), bool)


def _names(part: Part, many: bool) -> Cells:
    before = (
        " ".join(text for text in (part.table.file, part.table.sheet) if text) if many else part.table.sheet
    )
    return np.array([f"{before} 第 {row} 行 ".lstrip() for row in part.table.row], object)


def text_of(rows: Rows, name: str) -> Cells:
    """(n,) texts of an attribute, empty where there is none."""
    return np.where(pd.isna(rows.values[name]), "", rows.values[name])


# Positions


@dataclass(frozen=True)
class PlacedRows:
    """The places of rows without coordinates."""

    places: list[Placed | None]
    which: NDArray[np.int64]
    """(n,) position in ``places``, -1 where a row has coordinates or no place is found."""

    def take(self, name: str, blank: float) -> Numbers:
        """(n,) a field of the place of each row."""
        return np.array([*(getattr(p, name) if p else blank for p in self.places), blank])[self.which]

    @property
    def found(self) -> Flags:
        """(n,) whether a row has a place."""
        return self.which >= 0


def place_rows(rows: Rows, context: Context, missing: Flags) -> PlacedRows:
    """Find places for rows without coordinates by township, address, name, host, then their county's seat."""
    texts = [text_of(rows, name) for name in ("township", "address", "name", "host")]
    county = np.where(rows.stated.county >= 0, rows.stated.county, rows.stated.code).astype(np.int32)
    places, which = find_places(context, texts, county, missing)
    good = np.array([*(place is not None for place in places), False])
    return PlacedRows(places, np.where(good[which], which, -1))


@dataclass(frozen=True)
class Points:
    """Where the rows are, WGS84."""

    lon: Numbers
    """(n,) NaN where a row has neither coordinates nor a place."""
    lat: Numbers
    approximate: Flags
    """(n,) whether the point is that of the township or county that the row names."""

    @property
    def own(self) -> tuple[Numbers, Numbers]:
        """(n,) longitude and latitude that the rows give themselves, NaN elsewhere."""
        return np.where(self.approximate, np.nan, self.lon), np.where(self.approximate, np.nan, self.lat)


def points_of(judged: Judged, placed: PlacedRows) -> Points:
    """Take the point of the place where a row has no coordinates."""
    use = placed.found
    lon = np.where(use, placed.take("lon", np.nan), judged.lon)
    return Points(lon, np.where(use, placed.take("lat", np.nan), judged.lat), use)
