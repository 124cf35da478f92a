"""Coordinates as cells: decimal, degrees-minutes-seconds, joined, swapped or projected → two numbers per row.

What a row's numbers mean is decided by their size alone: in China longitudes lie in 73-136, latitudes in
3-54, so that a swapped pair is known for certain; larger numbers are metres or millionths of a degree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import crs, datums
from ..datums import Degrees
from .angles import LAT, LON, read_text
from .model import Cells

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

MISSING, INVALID = "coordinate_missing", "coordinate_invalid"
"""Codes of the problems of a row."""

DECIMAL, DMS, MICRO, METRES, PACKED = "decimal", "dms", "micro", "metres", "packed"
"""Notations: decimal degrees; degrees, minutes, seconds; millionths of a degree; metres of a projection;
degrees, minutes and seconds in one number (told as DMS)."""

_EASTING, _NORTHING = (0.5e5, 9.6e5), (0.96e6, 6.0e6)  # Gauss-Krüger and UTM without a zone, metres
_ZONES = ((13, 23), (25, 45))  # zones of China in front of the easting, 6° and 3°
_WEB_X, _WEB_Y = (8.1e6, 15.2e6), (0.3e6, 7.2e6)  # Mercator of web maps, metres
_NOTHING = " \t\r\n\u3000\u00a0-—–/\\无"  # a cell of these alone is empty
_ZONE_SYSTEMS = {19: "EPSG:4497", 20: "EPSG:4498", 38: "EPSG:4526", 39: "EPSG:4527"}


@dataclass(frozen=True)
class Pairs:
    """Two numbers per row: longitude and latitude in degrees, or easting and northing in metres."""

    first: Numbers
    """(n,) longitude or easting, NaN where there is a problem."""
    second: Numbers
    """(n,) latitude or northing."""
    problem: NDArray[np.object_]
    """(n,) ``coordinate_missing``, ``coordinate_invalid`` or empty."""
    reason: NDArray[np.object_]
    """(n,) Chinese: what is wrong, empty where nothing is."""
    swapped: Flags
    """(n,) whether latitude (northing) stood first; it has been put right."""
    notation: NDArray[np.object_]
    """(n,) one of the notations, empty where there is a problem."""
    joined: Flags
    """(n,) whether both numbers stood in one cell."""


def read_pairs(x: Cells, y: Cells | None = None) -> Pairs:
    """Read the two coordinates of each row from their cells.

    Parameters
    ----------
    x, y
        (n,) cells of the longitude (easting) and latitude (northing) columns in either order; ``y`` is None
        where one column holds both. A joined text in either column is understood too.

    Examples
    --------
    >>> import numpy as np
    >>> cells = np.array(["28°41′22.5″N", "115.858, 28.683", None], object)
    >>> pairs = read_pairs(cells, np.array(["东经115度51分30秒", None, None], object))
    >>> [f"{a:.6f} {b:.6f}" for a, b in zip(pairs.first[:2], pairs.second[:2])]
    ['115.858333 28.689583', '115.858000 28.683000']
    >>> pairs.swapped.tolist(), pairs.problem.tolist()
    ([True, False, False], ['', '', 'coordinate_missing'])
    """
    one = _read_column(x, alone=y is None)
    two = _read_column(y, alone=False) if y is not None else _blank(len(x))
    both = np.isfinite(one.second) | np.isfinite(two.second)
    twice = np.isfinite(one.second) & (two.filled & ~(np.isfinite(two.second) & _equal(one, two)))
    twice |= np.isfinite(two.second) & one.filled & ~np.isfinite(one.second)
    a = np.where(np.isfinite(two.second), two.first, one.first)
    b = np.where(
        np.isfinite(one.second), one.second, np.where(np.isfinite(two.second), two.second, two.first)
    )
    return _classify(a, b, columns=(one, two), both=both, twice=twice)


def rough(pairs: Pairs, decimals: int) -> Flags:
    """(n,) whether both degrees of a row have no more than so many decimals.

    Examples
    --------
    >>> pairs = read_pairs(np.array([115.86, 115.86], object), np.array([28.68, 28.683512], object))
    >>> rough(pairs, 2).tolist()
    [True, False]
    """
    no_more = [np.abs(np.round(value, decimals) - value) < 1e-9 for value in (pairs.first, pairs.second)]
    return np.asarray((pairs.notation == DECIMAL) & no_more[0] & no_more[1])


@dataclass(frozen=True)
class _Column:
    """One column: one number per cell, or two where both stood in it."""

    first: Numbers
    second: Numbers
    """NaN unless the cell held both."""
    axis: NDArray[np.int8]
    """Axis that the cell names for its first number: 1 east, 2 north, 0 not said."""
    dms: Flags
    filled: Flags
    """Whether the cell is not empty."""


def _blank(n: int) -> _Column:
    nan, no = np.full(n, np.nan), np.zeros(n, bool)
    return _Column(nan, nan, np.zeros(n, np.int8), no, no)


def _equal(one: _Column, two: _Column) -> Flags:
    return np.asarray((one.first == two.first) & (one.second == two.second))


def _read_column(cells: Cells, *, alone: bool) -> _Column:
    """Read numbers as they are and each different text once."""
    text = np.array([isinstance(cell, str) for cell in cells], bool)
    number = np.array([type(cell) in (int, float) or isinstance(cell, np.number) for cell in cells], bool)
    column = _Column(
        first=np.full(len(cells), np.nan),
        second=np.full(len(cells), np.nan),
        axis=np.zeros(len(cells), np.int8),
        dms=np.zeros(len(cells), bool),
        filled=np.array([cell is not None for cell in cells], bool),
    )
    column.first[number] = [_number(cell) for cell in cells[number]]
    column.filled[number] = ~np.isnan(column.first[number])
    known = {cell: read_text(cell, alone=alone) for cell in dict.fromkeys(cells[text])}
    if known:
        first, second, axis, dms = zip(*(known[cell] for cell in cells[text]), strict=True)
        column.first[text], column.second[text], column.axis[text], column.dms[text] = (
            first,
            second,
            axis,
            dms,
        )
        column.filled[text] = [bool(cell.strip(_NOTHING)) for cell in cells[text]]
    return column


def _number(cell: int | float | np.number) -> float:
    try:
        return float(cell)
    except OverflowError:
        return np.inf


def _classify(
    a: Numbers, b: Numbers, *, columns: tuple[_Column, _Column], both: Flags, twice: Flags
) -> Pairs:
    """Decide what the numbers of each row mean, by their size and by the axes that the cells name."""
    one, two = columns
    first, second = a.copy(), b.copy()
    swapped = np.zeros(len(a), bool)
    notation = np.full(len(a), "", object)
    dms = one.dms | two.dms
    for name, fits in _FORMS.items():
        for turn in (False, True):
            here = (notation == "") & (fits(b, a) if turn else fits(a, b))
            notation[here] = name
            swapped |= here & turn
    first[swapped], second[swapped] = b[swapped], a[swapped]
    packed = notation == PACKED
    first[packed], second[packed] = _unpacked(first[packed]), _unpacked(second[packed])
    notation[packed] = DMS
    micro = notation == MICRO
    first[micro], second[micro] = first[micro] / 1e6, second[micro] / 1e6
    notation[dms & (notation == DECIMAL)] = DMS
    axis = np.where(one.axis > 0, one.axis, np.where(two.axis > 0, 3 - two.axis, 0)) * ~both
    clash = (axis > 0) & (axis != np.where(swapped, 2, 1)) & (notation != "")
    clash |= (one.axis > 0) & (one.axis == two.axis) & ~both
    reason = _reasons(a, b, columns, (twice, clash, notation == ""))
    bad = reason != ""
    first[bad], second[bad], swapped[bad], notation[bad] = np.nan, np.nan, False, ""
    problem = np.where(bad, INVALID, "").astype(object)
    problem[np.isin(reason, _MISSING_REASONS)] = MISSING
    return Pairs(first, second, problem, reason, swapped, notation, both & ~bad)


NONE, ONE, ZERO = "没有坐标", "只有一个坐标值", "坐标为 0"
UNREAD, TWICE, CLASH = "看不懂的坐标", "两列坐标互相矛盾", "标注的经纬与数值不符"
RANGE = "经度应在 73-136 之间, 纬度应在 3-54 之间"
"""The reasons why a row has no coordinates, or none that can be used."""
_MISSING_REASONS = np.array((NONE, ONE, ZERO), object)


def _reasons(
    a: Numbers, b: Numbers, columns: tuple[_Column, _Column], faults: tuple[Flags, Flags, Flags]
) -> NDArray[np.object_]:
    """Say for each row what is wrong; the first reason that applies counts."""
    one, two = columns
    none = ~one.filled & ~two.filled
    lone = (one.filled ^ two.filled) & ~np.isfinite(one.second) & ~np.isfinite(two.second)
    unread = (one.filled & np.isnan(one.first)) | (two.filled & np.isnan(two.first))
    zero = (a == 0) & (b == 0)
    cases = (none, unread, lone, zero, *faults)
    texts = (NONE, UNREAD, ONE, ZERO, TWICE, CLASH, RANGE)
    return np.select(cases, [np.array(text, object) for text in texts], default=np.array("", object))


def _between(value: Numbers, limits: tuple[float, float], scale: float = 1.0) -> Flags:
    return np.asarray((value >= limits[0] * scale) & (value <= limits[1] * scale))


def _fits_degrees(a: Numbers, b: Numbers) -> Flags:
    return _between(a, LON) & _between(b, LAT)


def _fits_micro(a: Numbers, b: Numbers) -> Flags:
    return _between(a, LON, 1e6) & _between(b, LAT, 1e6)


def _fits_metres(a: Numbers, b: Numbers) -> Flags:
    return (_fits_grid(a) & _between(b, _NORTHING)) | (_between(a, _WEB_X) & _between(b, _WEB_Y))


def _fits_grid(easting: Numbers) -> Flags:
    """Whether eastings are plausible, with or without a zone of China in front."""
    zone = _zone(easting)
    known = np.any([_between(zone, limits) for limits in _ZONES], axis=0) | (zone == 0)
    return np.asarray(known & _between(easting - zone * 1e6, _EASTING))


def _zone(easting: Numbers) -> Numbers:
    """Zone in front of an easting, 0 where there is none."""
    plain = np.clip(np.where(np.isfinite(easting), easting, 0.0), -1e9, 1e9)
    return np.asarray(np.floor_divide(plain, 1e6), np.float64)


def _fits_packed(a: Numbers, b: Numbers) -> Flags:
    """Whether both are degrees, minutes and seconds without marks, 1155130 and 284122.5, in China's middle.

    Their minutes and seconds are below 60. Read as metres such numbers lie south of 13°N, so that only rows
    that the south of the sea could mean are left to the projections.
    """
    ok = _between(a, (0.95e6, 1.36e6)) & _between(b, (0.18e6, 0.54e6))
    for value in (a, b):
        whole = np.where(ok, value, 0.0)
        ok = ok & (whole % 100 < 60) & (whole // 100 % 100 < 60)
    return np.asarray(ok)


def _unpacked(value: Numbers) -> Numbers:
    """Degrees of ddmmss or dddmmss."""
    return np.asarray(value // 1e4 + value // 100 % 100 / 60 + value % 100 / 3600, np.float64)


_FORMS = {DECIMAL: _fits_degrees, PACKED: _fits_packed, METRES: _fits_metres, MICRO: _fits_micro}


# Systems


def candidates(first: ArrayLike, second: ArrayLike) -> tuple[str, ...]:
    """List the systems that most pairs can have by the size of their numbers; empty where there are no pairs.

    Examples
    --------
    >>> candidates([115.8], [28.6])
    ('WGS84', 'GCJ-02', 'BD-09')
    >>> candidates([388430.0], [3174101.0]), candidates([39388430.0], [3174101.0])
    (('EPSG:4547', 'EPSG:4548', 'EPSG:32650'), ('EPSG:4527',))
    """
    a, b = np.atleast_1d(np.asarray(first, float)), np.atleast_1d(np.asarray(second, float))
    form = _forms(a, b)
    names = [str(name) for name in np.unique(form) if name]
    counts = {name: int(np.count_nonzero(form == name)) for name in names}
    if not counts:
        return ()
    best = max(counts, key=lambda name: counts[name])
    return _CANDIDATES.get(best, (best,))


_CANDIDATES = {"degrees": datums.SYSTEMS, "metres": ("EPSG:4547", "EPSG:4548", "EPSG:32650")}


def _forms(a: Numbers, b: Numbers) -> NDArray[np.str_]:
    """Say of each pair: degrees, metres (no zone), the system that its zone tells, EPSG:3857, or empty."""
    form = np.full(a.shape, "", "U12")
    form[_between(a, _WEB_X) & _between(b, _WEB_Y)] = "EPSG:3857"
    grid, zone = _fits_grid(a) & _between(b, _NORTHING), _zone(a)
    form[grid & (zone == 0)] = "metres"
    for number, system in _ZONE_SYSTEMS.items():
        form[grid & (zone == number)] = system
    form[_fits_degrees(a, b)] = "degrees"
    return form


def fits(first: ArrayLike, second: ArrayLike, system: str) -> Flags:
    """Whether the numbers of each pair can be of a canonical system; any zone fits a system with a zone."""
    form = _forms(np.atleast_1d(np.asarray(first, float)), np.atleast_1d(np.asarray(second, float)))
    return np.isin(form, _forms_of(system))


def _forms_of(system: str) -> tuple[str, ...]:
    if system in _ZONE_SYSTEMS.values():
        return tuple(_ZONE_SYSTEMS.values())
    if system in _CANDIDATES["metres"]:
        return ("metres",)
    return ("EPSG:3857",) if system == "EPSG:3857" else ("degrees",)


def to_wgs84(first: ArrayLike, second: ArrayLike, system: str) -> tuple[Degrees, Degrees]:
    """Turn pairs (longitude, latitude or easting, northing) of a canonical system into WGS84 degrees.

    A pair whose numbers cannot be of the system becomes NaN. In systems with a zone in front of the easting
    the zone of each row counts, so that a table may hold several.

    Raises
    ------
    KeyError
        The system is not one of ``datums``.

    Examples
    --------
    >>> lon, lat = to_wgs84([500000.0], [3174101.0], "EPSG:4548")
    >>> print(f"{lon[0]:.6f} {lat[0]:.4f}")
    117.000000 28.6827
    """
    a, b = np.broadcast_arrays(
        np.atleast_1d(np.asarray(first, float)), np.atleast_1d(np.asarray(second, float))
    )
    if system in (*datums.SYSTEMS, datums.CGCS2000):
        good = _fits_degrees(a, b)
        return datums.to_wgs84(np.where(good, a, np.nan), np.where(good, b, np.nan), system=system)
    if system not in datums.PROJECTED:
        raise KeyError(system)
    form = _forms(a, b)
    lon, lat = np.full(a.shape, np.nan), np.full(a.shape, np.nan)
    for part in _forms_of(system):
        here = form == part
        if here.any():
            lon[here], lat[here] = crs.to_wgs84(a[here], b[here], of=part if ":" in part else system)
    return lon, lat


def from_wgs84(lon: ArrayLike, lat: ArrayLike, system: str) -> tuple[Numbers, Numbers]:
    """Turn WGS84 degrees into pairs (longitude, latitude or easting, northing) of a canonical system.

    Systems with a zone give the numbers of that zone; NaN stays NaN. Raises ``KeyError`` as `to_wgs84`.
    """
    if system in (*datums.SYSTEMS, datums.CGCS2000):
        return datums.from_wgs84(lon, lat, system=system)
    if system not in datums.PROJECTED:
        raise KeyError(system)
    x, y = np.broadcast_arrays(np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float)))
    a, b = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    good = np.isfinite(x) & np.isfinite(y)
    if good.any():
        a[good], b[good] = crs.from_wgs84(x[good], y[good], to=system)
    return a, b
