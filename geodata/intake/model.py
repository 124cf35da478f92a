"""What an intake is made of: raw tables, findings, the verdict on the coordinates, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["error", "warning", "note"]
"""error: the row (or the file) does not come in; warning: it comes in, look at it; note: what was done."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

Cells = NDArray[np.object_]
"""Cells as they were read: str, int, float, bool, datetime, date, time or None. Empty text is None."""


@dataclass(frozen=True)
class Finding:
    """One thing found in a file: how bad, which kind, where, what was got and what to do."""

    severity: Severity
    code: str
    """Stable English code, one of ``codes.CODES``."""
    what: str
    """Chinese: what is the matter."""
    file: str = ""
    """Name of the file as a user knows it, with the path inside a folder or an archive."""
    sheet: str = ""
    row: int | None = None
    """1-based row of the sheet (line of the text file, feature number of a GIS layer), None: the whole."""
    column: str = ""
    """Header as it stands in the file."""
    got: str = ""
    """What stood there, at most 60 characters."""
    fix: str = ""
    """Chinese: what to do."""


@dataclass(frozen=True)
class RawTable:
    """One sheet, text file or GIS layer as it was read: n rows of cells under their headers."""

    file: str
    """Name as a user knows it, such as ``上报.zip/南昌/aed.xlsx``."""
    sheet: str
    """Name of the sheet or layer, empty for text files."""
    format: str
    """xlsx, xls, ods, csv, geojson, gpkg, shp, kml or gpx."""
    columns: Mapping[str, Cells]
    """Header → (n,) cells, in the order of the file. Headers are unique and not empty; the levels of a merged
    header are joined by ``/``, such as ``位置/经度``."""
    row: NDArray[np.int64]
    """(n,) 1-based row in the sheet, as a spreadsheet program counts."""
    x: NDArray[np.float64] | None = None
    """(n,) east or longitude of point geometries of a GIS file (others: a point inside), NaN where none."""
    y: NDArray[np.float64] | None = None
    crs: str = ""
    """Coordinate system that the file states by itself (.prj, gpkg, the standard of KML and GPX), such as
    ``EPSG:4326``; empty where it states none."""
    titles: tuple[str, ...] = ()
    """Texts above the header (title rows), which may name the unit, the date or the coordinate system."""
    encoding: str = ""
    """Encoding of a text file or dBASE table."""
    hash: str = ""
    """SHA-256 of the file (of the member, in an archive)."""
    findings: tuple[Finding, ...] = ()
    """What was found while reading it."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.row)


Status = Literal["none", "stated", "tested", "confirmed", "doubtful", "contradicted"]
"""none: no coordinates. stated: named by the user or the file, and the test does not speak against it.
tested: not named, and the test is sure. confirmed: doubtful or contradicted, and the user insists. doubtful:
not named and the test cannot tell (refused). contradicted: named, and the test is sure that it is another
(refused)."""


@dataclass(frozen=True)
class Evidence:
    """How well one coordinate system fits the points of a table."""

    system: str
    """WGS84, GCJ-02, BD-09, or a projected system such as EPSG:4548."""
    probability: float
    """Of this system among those that were compared, all equally likely before."""
    points: int
    """Points whose county is stated: those that the test by counties rests on."""
    in_county: int
    """Of these, points that lie in their county if the system is this."""
    in_province: int
    """Of all points, those inside the province."""
    place_shift_m: float | None = None
    """Median displacement of the points from the places named in their rows, None: no places."""
    road_distance_m: float | None = None
    """Median distance to the nearest road, None: no real road network."""


@dataclass(frozen=True)
class Verdict:
    """Which coordinate system a table has, how sure that is and why."""

    system: str
    """WGS84, GCJ-02, BD-09, CGCS2000, EPSG:4547, …; empty where there are no coordinates."""
    status: Status
    evidence: tuple[Evidence, ...] = ()
    """One per system compared, the most probable first."""
    stated: str = ""
    """The system that was named, empty if none was."""
    stated_by: str = ""
    """Chinese: who named it (命令参数, 表头, 坐标系列, 文件自带坐标系, 表题…)."""
    reasons: tuple[str, ...] = ()
    """Chinese sentences with the figures: what a user reads."""

    @property
    def refused(self) -> bool:
        """Whether the rows may not come in before a user confirms the system."""
        return self.status in ("doubtful", "contradicted")


@dataclass(frozen=True)
class HeaderMapping:
    """How the headers of one table were understood."""

    file: str
    sheet: str
    attributes: Mapping[str, str]
    """Header → name of the attribute."""
    extras: tuple[str, ...]
    """Headers that stand for no attribute; their cells are kept as extras."""


@dataclass(frozen=True)
class Intake:
    """What came of reading a file as one resource type; nothing is stored yet."""

    kind: str
    """Code of the resource type."""
    sites: pd.DataFrame
    """Good rows: ``types.COMMON`` and the type's own attributes, ``extras`` (dict), ``example`` (bool),
    ``file``, ``sheet``, ``row``, ``given`` (frozenset of the attributes
    and the headers that the row's table has: what is not given leaves what is stored)."""
    quarantine: pd.DataFrame
    """Bad rows: ``file``, ``sheet``, ``row``, ``cells`` (dict header → text as found), ``codes``,
    ``problems`` (Chinese, one line per error)."""
    findings: tuple[Finding, ...]
    """Everything found, in the order of files, sheets and rows."""
    verdict: Verdict
    """On the coordinates of all rows (the least sure one where there are several)."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """The verdict of each part that was judged on its own: file, sheet, or value of the system column."""
    mappings: tuple[HeaderMapping, ...] = ()
    files: tuple[Mapping[str, Any], ...] = ()
    """name, hash, format, encoding, sheet, rows of each table."""
    rows_read: int = 0
    tables: tuple[RawTable, ...] = ()
    """The tables as they were read, for the report."""

    @property
    def refused(self) -> bool:
        """Whether nothing may be stored: the coordinates are in doubt, or no row is good."""
        return self.verdict.refused or not len(self.sites)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows were read, how many are good, how many are kept aside; read = good + quarantined."""
        return {"read": self.rows_read, "good": len(self.sites), "quarantined": len(self.quarantine)}

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings under the name that the JSON gives them."""
        return self.findings
