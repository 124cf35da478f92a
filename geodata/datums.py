"""Coordinate systems by name, and the shifts of GCJ-02 and BD-09 against WGS84, on arrays of degrees.

CGCS2000 and WGS84 differ by less than a metre (drift of the plate) and are one system here.

GCJ-02 (高德, 腾讯) is WGS84 moved by a smooth field, BD-09 (百度) is GCJ-02 moved once more. The field was
never published officially; these are the formulas of the ``eviltransform`` project, which all open converters
share and which the tests compare with one of them. There is no closed inverse: the forward formula is
iterated until the points come back to themselves within ``PRECISION_DEG``, so that both directions undo each
other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Degrees = NDArray[np.float64]
Shift = Callable[[Degrees, Degrees], tuple[Degrees, Degrees]]

SYSTEMS = ("WGS84", "GCJ-02", "BD-09")
"""Geographic systems that differ; CGCS2000 counts as WGS84."""

CGCS2000 = "CGCS2000"
"""The national system in degrees: the same numbers as WGS84."""

PROJECTED = (
    "EPSG:4547", "EPSG:4548", "EPSG:4526", "EPSG:4527", "EPSG:4497", "EPSG:4498", "EPSG:32650", "EPSG:3857",
)  # fmt: skip
"""Systems in metres: CGCS2000 Gauss-Krüger 3° at 114°E and 117°E without and with the zone in front of the
easting (38, 39), 6° zones 19 and 20, UTM 50N, and the Mercator projection of web maps."""

PRECISION_DEG = 1e-10
"""The inverse stops when no point moves more than this (0.01 mm)."""

_AXIS_M, _ECCENTRICITY = 6378245.0, 0.00669342162296594323  # Krasovsky 1940, as the published code has them
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271  # outside there is no GCJ shift
_BAIDU = np.pi * 3000.0 / 180.0
_ITERATIONS = 30


def to_wgs84(lon: ArrayLike, lat: ArrayLike, *, system: str) -> tuple[Degrees, Degrees]:
    """Turn degrees of a geographic system into WGS84.

    Parameters
    ----------
    lon, lat
        (n,) degrees; NaN stays NaN.
    system
        One of ``SYSTEMS`` or ``CGCS2000``.

    Raises
    ------
    KeyError
        The system is another.

    Examples
    --------
    >>> lon, lat = to_wgs84([115.862901], [28.679670], system="GCJ-02")
    >>> print(f"{lon[0]:.4f} {lat[0]:.4f}")
    115.8580 28.6830
    """
    x, y = _pair(lon, lat)
    forward = _FORWARD[system]
    return (x, y) if forward is _same else _invert(forward, x, y)


def from_wgs84(lon: ArrayLike, lat: ArrayLike, *, system: str) -> tuple[Degrees, Degrees]:
    """Turn WGS84 degrees into a geographic system; arguments and errors as `to_wgs84`.

    Examples
    --------
    >>> lon, lat = from_wgs84([115.858], [28.683], system="BD-09")
    >>> print(f"{lon[0]:.4f} {lat[0]:.4f}")
    115.8695 28.6853
    """
    return _FORWARD[system](*_pair(lon, lat))


def same_datum(first: str, second: str) -> bool:
    """Whether two canonical names mean the same numbers: WGS84 and CGCS2000 do.

    Examples
    --------
    >>> same_datum("WGS84", "CGCS2000"), same_datum("WGS84", "GCJ-02")
    (True, False)
    """
    return plain(first) == plain(second)


def plain(system: str) -> str:
    """Name the system whose numbers a system has: WGS84 for CGCS2000, else itself."""
    return "WGS84" if system == CGCS2000 else system


def _pair(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    x, y = np.broadcast_arrays(np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float)))
    return x.copy(), y.copy()


def _same(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    return lon, lat


def _gcj(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Shift WGS84 to GCJ-02; outside the rectangle of the published code nothing moves."""
    inside = (lon >= _WEST) & (lon <= _EAST) & (lat >= _SOUTH) & (lat <= _NORTH)
    x, y = np.where(inside, lon, 105.0) - 105.0, np.where(inside, lat, 35.0) - 35.0
    north_m, east_m = _field(x, y)
    phi = np.radians(y + 35.0)
    magic = 1.0 - _ECCENTRICITY * np.sin(phi) ** 2
    dlat = np.degrees(north_m * magic**1.5 / (_AXIS_M * (1.0 - _ECCENTRICITY)))
    dlon = np.degrees(east_m * np.sqrt(magic) / (_AXIS_M * np.cos(phi)))
    return np.where(inside, lon + dlon, lon), np.where(inside, lat + dlat, lat)


def _field(x: Degrees, y: Degrees) -> tuple[Degrees, Degrees]:
    """Compute the shift of GCJ-02 in metres (north, east) at degrees from 105°E 35°N."""
    pi, root = np.pi, np.sqrt(np.abs(x))
    wave = 20.0 * np.sin(6.0 * pi * x) + 20.0 * np.sin(2.0 * pi * x)
    along_y = 20.0 * np.sin(pi * y) + 40.0 * np.sin(pi * y / 3.0)
    along_y += 160.0 * np.sin(pi * y / 12.0) + 320.0 * np.sin(pi * y / 30.0)
    along_x = 20.0 * np.sin(pi * x) + 40.0 * np.sin(pi * x / 3.0)
    along_x += 150.0 * np.sin(pi * x / 12.0) + 300.0 * np.sin(pi * x / 30.0)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + (wave + along_y) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + (wave + along_x) * 2.0 / 3.0
    return north, east


def _baidu(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Shift GCJ-02 to BD-09."""
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BAIDU)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BAIDU)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _bd(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Shift WGS84 to BD-09."""
    return _baidu(*_gcj(lon, lat))


def _invert(forward: Shift, lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Find the points that a shift brings to (lon, lat), by fixed-point iteration (factor about 0.01)."""
    x, y = lon.copy(), lat.copy()
    for _ in range(_ITERATIONS):
        there_x, there_y = forward(x, y)
        off_x, off_y = there_x - lon, there_y - lat
        x, y = x - off_x, y - off_y
        off = np.maximum(np.abs(off_x), np.abs(off_y))
        if not (off > PRECISION_DEG).any():
            break
    return x, y


_FORWARD: dict[str, Shift] = {"WGS84": _same, CGCS2000: _same, "GCJ-02": _gcj, "BD-09": _bd}


# Names of systems

_EPSG = {
    "4326": "WGS84", "4979": "WGS84", "4490": CGCS2000, "4480": CGCS2000,
    "4509": "EPSG:4548", "900913": "EPSG:3857", "102100": "EPSG:3857",
    **{name.removeprefix("EPSG:"): name for name in PROJECTED},
}  # fmt: skip
"""Codes with the system that has the same numbers: 4509 (6° at 117°E, no zone) is 4548."""

_DATUMS = {
    "BD-09": r"百度|BAIDU|BD-?0?9|BDLL",
    "GCJ-02": r"GCJ|火星|高德|AMAP|AUTONAVI|GAODE|腾讯|TENCENT|QQ地图|SOSO|国测局|MARS|02坐标",
    "WGS84": r"WGS|CRS:?84|GPS|84坐标|84经纬|谷歌地球|GOOGLEEARTH",
    CGCS2000: r"CGCS|CHINA(GEODETICCOORDINATESYSTEM)?2000|(国家|大地)2000|2000(国家|大地|坐标)|天地图",
}
_OTHERS = r"XI.?AN|西安|80坐标|1980|BEIJING|北京54|54坐标|PULKOVO|KRASO|BD09MC|BDMC|搜狗|SOGOU|图吧|MAPBAR"
_PROJECTION = (
    r"GAUSS|KR[UÜ]GER|GK|DEGREE|ZONE|UTM|MERCATOR|CM:?1|\d带"
    r"|高斯|度带|分带|中央(子午|经)线|带号|投影|墨卡托|平面"
)


def normal_system(text: str) -> str | None:
    """Read the name of a coordinate system as offices, services and programs write it.

    Returns
    -------
    One of ``SYSTEMS``, ``CGCS2000`` or ``PROJECTED``; None where none of them, or more than one, is named.

    Examples
    --------
    >>> [normal_system(text) for text in ("火星坐标", "bd09ll", "天地图", "EPSG:4326", "西安80")]
    ['GCJ-02', 'BD-09', 'CGCS2000', 'WGS84', None]
    >>> normal_system("CGCS2000 3度带 117"), normal_system("CGCS2000_3_Degree_GK_Zone_39")
    ('EPSG:4548', 'EPSG:4527')
    """
    spaced = re.sub(r"[\s_,;()\[\]-]+", " ", unicodedata.normalize("NFKC", text[:200]).upper()).strip()
    tidy = spaced.replace(" ", "").replace("/", "")
    code = re.search(r"EPSG[:/ ]*(?:[\d.]{1,8}[:/])?(\d{4,6})(?!\d)", spaced) or re.fullmatch(
        r"(\d{4,6})", tidy
    )
    if code:
        return _EPSG.get(code[1])
    if re.search(_OTHERS, tidy):
        return None
    named = {datum for datum, words in _DATUMS.items() if re.search(words, tidy)}
    if named == {"WGS84", CGCS2000}:
        named = {CGCS2000}
    if len(named) > 1:
        return None
    datum = named.pop() if named else ""
    return _projected(spaced, datum) if re.search(_PROJECTION, tidy) else datum or None


def _projected(text: str, datum: str) -> str | None:
    """Read a projection: its meridian or zone; None where the text leaves it open or it is no known one."""
    if datum in ("GCJ-02", "BD-09"):
        return None
    if re.search(r"MERCATOR|墨卡托", text) and not re.search(r"TRANSVERSE|UTM|横轴", text):
        return "EPSG:3857"
    if "UTM" in text:
        return "EPSG:32650" if re.search(r"(?<!\d)50", text) else None
    zone = re.search(r"(?:ZONE|带号|第)[: ]?(19|20|38|39)(?!\d)|(?<!\d)(19|20|38|39)[N]?(?:号)?带", text)
    if zone:
        return {"38": "EPSG:4526", "39": "EPSG:4527", "19": "EPSG:4497", "20": "EPSG:4498"}[
            zone[1] or zone[2]
        ]
    meridian = re.search(r"(?<!\d)(114|117)(?!\d)", text)
    if meridian:
        return {"114": "EPSG:4547", "117": "EPSG:4548"}[meridian[1]]
    return None
