"""Links that map services share: the point in their text, and its system; nothing is ever fetched.

Read are 高德, 百度, 腾讯, 天地图, Google, OpenStreetMap, Apple, Bing and ``geo:`` (RFC 5870), as pages and as
schemes of their apps. Which number is the longitude is told by its size, so that the services' different
orders do not matter. Of a route the destination counts; a marked point goes before the middle of the map.
``app/web/where.js`` reads the same.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from . import baidu_mercator

GCJ02_OFF, BD09_OFF = "553-665", "1139-1244"
"""Metres by which the two systems are off WGS84 in Jiangxi (see ``datums``; measured over the province)."""


class Link(NamedTuple):
    """What a link says."""

    pair: tuple[str, str] | None
    """The two numbers as they stand there; None where it holds no point."""
    system: str
    """Canonical system of the service, or empty where it says none."""
    service: str
    """Chinese name."""
    note: str
    """What a reader must know of the service's coordinates; Chinese, or empty."""


_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}://|\bgeo:|(?<![\w@])(?:[a-z0-9-]+\.){1,4}(?:com|cn|org)/)[^\s<>\"'，。；【】]+",
    re.I,
)
_SERVICES = (
    (r"amap|autonavi|gaode", "GCJ-02", "高德地图", ""),
    (r"baidu|bdapp", "BD-09", "百度地图", ""),
    (r"qqmap|\bqq\.com|tencent|sosomap", "GCJ-02", "腾讯地图", ""),
    (r"tianditu", "CGCS2000", "天地图", ""),
    (r"google\.cn", "GCJ-02", "谷歌地图中国版", ""),
    (r"google|goo\.gl", "WGS84", "Google 地图",
     f"取自 Google 地图, 按 WGS84 处理; 若是在中国的街道图上点的, 可能偏 {GCJ02_OFF} 米"),
    (r"openstreetmap|\bosm\b|osmand|osmapp|organicmaps", "WGS84", "OpenStreetMap", ""),
    (r"apple\.com|^maps?:", "WGS84", "苹果地图",
     f"取自苹果地图, 按 WGS84 处理; 它在中国用高德的数据, 可能偏 {GCJ02_OFF} 米"),
    (r"bing\.com", "WGS84", "必应地图", ""),
    (r"^geo:", "WGS84", "geo 链接", ""),
)  # fmt: skip
_TYPES = {
    "wgs84": "WGS84", "wgs84ll": "WGS84", "gps": "WGS84", "gaode": "GCJ-02", "gcj02": "GCJ-02",
    "gcj02ll": "GCJ-02", "bd09": "BD-09", "bd09ll": "BD-09", "cgcs2000": "CGCS2000", "epsg:4490": "CGCS2000",
}  # fmt: skip
_FROM = frozenset(("from", "fromcoord", "origin", "saddr", "slat", "slon", "slng", "sname", "sll"))
_TO = frozenset(("to", "tocoord", "destination", "dest", "daddr", "d", "end"))
_VIEW = frozenset(("center", "c", "cp", "map", "viewport", "ll@"))
_LON = ("dlon", "dlng", "mlon", "lng", "lon", "longitude", "pointx", "poilng", "poilon", "x")
_LAT = ("dlat", "mlat", "lat", "latitude", "pointy", "poilat", "y")
_PAIR = re.compile(
    r"(?<![\d.])(-?\d{1,9}(?:\.\d{1,20})?)\s*[,~|/]\s*(-?\d{1,9}(?:\.\d{1,20})?)(?![\d.]*\d)", re.A
)
_OWN = re.compile(r"!3d(-?\d{1,3}\.\d{1,20})!4d(-?\d{1,3}\.\d{1,20})", re.A)
_LEAST_METRES = 1e6


def find_link(text: str) -> tuple[str, str] | None:
    """Split a text into its first link of a map and what stands around it; None where there is none.

    Examples
    --------
    >>> find_link("黄坳乡 https://uri.amap.com/marker?position=114.5,29.0 快来")
    ('https://uri.amap.com/marker?position=114.5,29.0', '黄坳乡 快来')
    """
    found = _LINK.search(text)
    if found is None:
        return None
    rest = f"{text[: found.start()]} {text[found.end() :]}"
    return found[0], re.sub(r"\s+", " ", rest).strip()


def read_link(link: str) -> Link:
    """Read the point of a link, its service and its system.

    Examples
    --------
    >>> link = read_link("https://map.qq.com/?type=marker&pointx=114.5473&pointy=29.0257")
    >>> link.pair, link.system
    (('114.5473', '29.0257'), 'GCJ-02')
    """
    low = unquote(link).lower()
    start = re.split(r"[?#]", low, maxsplit=1)[0]
    found = (row[1:] for row in _SERVICES if re.search(row[0], start))
    system, service, note = next(found, ("", "链接", ""))
    parts = [(key.lower(), unquote(value)) for key, value in _parts(link)]
    told = _told(parts, start, service)
    pair = _point(low, parts)
    if pair is not None and float(pair[0]) > _LEAST_METRES:
        lon, lat = baidu_mercator.to_degrees(float(pair[0]), float(pair[1]))
        pair = (f"{lon:.8f}", f"{lat:.8f}") if system == "BD-09" else None
    return Link(pair, told or system, service, "" if told else note)


def _parts(link: str) -> list[tuple[str, str]]:
    """Cut a link into (key, value), and the pieces of its path into ("", piece)."""
    pieces = re.split(r"[?&#;]", link)
    pairs = [piece.partition("=")[::2] if "=" in piece else ("", piece) for piece in pieces]
    return [(key.rpartition("/")[2], value) for key, value in pairs]


def _told(parts: list[tuple[str, str]], start: str, service: str) -> str:
    """Read the system that the parameters of a link state; empty where they state none."""
    for key, value in parts:
        if key in ("coordinate", "coord_type", "coordtype", "coordsys", "crs"):
            known = _TYPES.get(value.lower().replace("-", ""), "")
            if service == "腾讯地图" and value in ("1", "2"):
                known = "WGS84" if value == "1" else "GCJ-02"
            if known:
                return known
        if key == "dev" and value in ("0", "1") and service == "高德地图" and not start.startswith("http"):
            return "WGS84" if value == "1" else "GCJ-02"
    return ""


def _point(low: str, parts: list[tuple[str, str]]) -> tuple[str, str] | None:
    """Find the point: a destination, else a marked point, else the middle of the map."""
    own = _OWN.findall(low)
    if own:
        return str(own[-1][0]), str(own[-1][1])
    values = dict(reversed(parts))
    ranked: list[tuple[int, tuple[str, str]]] = []
    lon = [values[key] for key in _LON if key in values]
    lat = [values[key] for key in _LAT if key in values]
    if lon and lat and (pair := _pair(f"{lon[0]},{lat[0]}")):
        ranked.append((0 if "dlat" in values else 1, pair))
    for key, value in parts:
        pair = _pair(value)
        if pair is None or key in _FROM:
            continue
        ranked.append((0 if key in _TO else 3 if key in _VIEW or "@" in value else 2, pair))
    return min(ranked, key=lambda one: one[0])[1] if ranked else None


def _pair(value: str) -> tuple[str, str] | None:
    """Find the first two numbers in a value that can be a point in China, in degrees or Baidu's metres."""
    at = 0
    while found := _PAIR.search(value, at):
        a, b = float(found[1]), float(found[2])
        if (73 <= max(a, b) <= 136 and 3 <= min(a, b) <= 54) or (a > 8e6 and 3e5 <= b <= 7.2e6):
            return found[1], found[2]
        at = found.end(1)
    return None
