"""Borders of the counties as plain arrays: which county a point lies in, without GeoPandas."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import Problem, WorkspaceError
from .store import REBUILD

_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
"""Bytes of the envelope in the header of a GeoPackage blob, by its code (OGC 12-128r18, 2.1.3)."""

_HEAD_BYTES = 9
_POLYGON, _MULTIPOLYGON = 3, 6
"""Types of well-known binary."""


@dataclass(frozen=True)
class CountyBorders:
    """n counties, their rings with e edges in all."""

    name: tuple[str, ...]
    city: tuple[str, ...]
    """Name of the city of each county."""
    county: NDArray[np.int32]
    """(e,) position of the county that an edge of a ring belongs to, ascending."""
    start: NDArray[np.float64]
    """(e, 2) first point of each edge, WGS84 degrees."""
    end: NDArray[np.float64]
    """(e, 2) last point."""

    def at(self, lon: float, lat: float) -> int:
        """Find the county of a point by the even-odd rule over its rings; -1 outside all.

        A point on a common border belongs to the first county that has it.
        """
        crosses = np.flatnonzero((self.start[:, 1] > lat) != (self.end[:, 1] > lat))
        first, last = self.start[crosses], self.end[crosses]
        x = first[:, 0] + (lat - first[:, 1]) * (last[:, 0] - first[:, 0]) / (last[:, 1] - first[:, 1])
        odd = np.bincount(self.county[crosses[lon < x]], minlength=len(self.name)) % 2
        found = np.flatnonzero(odd)
        return int(found[0]) if len(found) else -1


def read_county_borders(path: Path) -> CountyBorders:
    """Read the counties of saved boundaries, in their order; raises ``WorkspaceError``."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            rows = file.execute("SELECT name, city_name, geom FROM counties ORDER BY fid").fetchall()
        rings = [(ring, at) for at, row in enumerate(rows) for ring in _rings(_wkb(row[2]))]
        county = np.repeat([at for _, at in rings], [len(ring) - 1 for ring, _ in rings])
        return CountyBorders(
            tuple(str(row[0]) for row in rows),
            tuple(str(row[1]) for row in rows),
            county.astype(np.int32),
            np.asfortranarray(np.concatenate([ring[:-1] for ring, _ in rings])),  # each axis in one piece
            np.asfortranarray(np.concatenate([ring[1:] for ring, _ in rings])),
        )
    except (sqlite3.Error, struct.error, TypeError, IndexError, ValueError):
        raise WorkspaceError(Problem(str(path), "文件已损坏, 无法读取", fix=REBUILD)) from None


def _wkb(blob: bytes) -> bytes:
    """Take the header off a geometry of a GeoPackage."""
    if blob[:2] != b"GP":
        raise ValueError("no geometry")
    return blob[8 + _ENVELOPE_BYTES[(blob[3] >> 1) & 7] :]


def _rings(wkb: bytes) -> Iterator[NDArray[np.float64]]:
    """Read the rings of a polygon or multipolygon in two dimensions (OGC 06-103r4, 8.2).

    By numpy alone: shapely takes longer to import than a cold `boai nearest` may wait.
    """
    order, kind, count = _head(wkb, 0)
    at = _HEAD_BYTES
    if kind not in (_POLYGON, _MULTIPOLYGON):
        raise ValueError("no polygon")
    for _ in range(count if kind == _MULTIPOLYGON else 1):
        if kind == _MULTIPOLYGON:
            order, _, count = _head(wkb, at)
            at += _HEAD_BYTES
        for _ in range(count):
            (points,) = struct.unpack_from(f"{order}I", wkb, at)
            yield np.frombuffer(wkb, f"{order}f8", 2 * points, at + 4).reshape(-1, 2).astype(np.float64)
            at += 4 + 16 * points


def _head(wkb: bytes, at: int) -> tuple[str, int, int]:
    """Read the order of the bytes, the type of a geometry, and how many parts it has."""
    order = "<" if wkb[at] else ">"
    kind, count = struct.unpack_from(f"{order}II", wkb, at + 1)
    return order, kind, count
