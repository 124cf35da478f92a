"""A text that somebody pasted or typed as a place: coordinates in any notation and system, a link, or a name.

Cells of tables and pasted texts are read by the same code (``intake.angles``, ``intake.coordinates``); here
come the words around the numbers, the links of maps, and one answer for one text. ``app/web/where.js`` reads
the same but for metres of projections.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import datums
from .errors import PlaceError, Problem
from .intake import coordinates
from .intake.angles import LAT, LON
from .map_links import BD09_OFF, GCJ02_OFF, find_link, read_link

AUTO = "auto"
"""System that a text may leave open: the one that it names, else WGS84 with a note."""

LONGEST = 2000
"""Longest text that is read; a link of a map has some hundred characters."""

Inside = Callable[[float, float], bool]
"""Whether a point, WGS84 degrees, lies where points are expected."""

ASSUMED = (
    f"没有写明坐标系, 按 WGS84 (GPS) 处理; 若抄自高德或腾讯地图会偏 {GCJ02_OFF} 米, "
    f"抄自百度地图会偏 {BD09_OFF} 米, 请选明坐标系"
)
LAT_FIRST = "按 纬度,经度 的顺序理解"
ROUGH = "坐标只有两位小数, 位置可能差 1 公里左右"
LABELS_WRONG = "标注的经纬与数值不符, 按数值大小理解"
_BESIDE = "只取了文字中的坐标"
_NO_POINT = "链接里没有坐标, 按旁边的文字查找"
_FIX = "请写 经度,纬度 两个数 (例如 114.5473,29.0257), 或度分秒, 或地名"


class Reading(NamedTuple):
    """What a text says: a point, or a name where it holds no coordinates."""

    lon: float
    """WGS84 degrees; NaN where there is only a name."""
    lat: float
    system: str
    """Canonical system in which the text gave the point; empty for a name."""
    name: str
    """The name, or what stood beside the coordinates."""
    notes: tuple[str, ...]
    """Chinese sentences that a reader must know."""

    @property
    def is_point(self) -> bool:
        """Whether the text held coordinates."""
        return not np.isnan(self.lon)


_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_WORDS = re.compile(
    r"高德(?:地图)?|百度(?:地图|坐标系?)?|腾讯(?:地图)?|天地图|火星(?:坐标系?)?|国测局(?:坐标系?)?"
    r"|BD-?0?9(?:[ -]?LL)?(?!\d)|GCJ-?0?2(?!\d)|WGS[ -]?(?:19)?84(?!\d)|84坐标系?|GPS|北斗"
    r"|CGCS[ -]?2000|(?:国家|大地)?2000(?:国家)?(?:大地)?坐标系?|国家2000",
    re.I,
)
_PROJECTED = re.compile(
    r"(?:EPSG[:： ]*\d{4,6}|(?:CGCS2000[_ /-]*)?"
    r"(?:高斯[-—]?克吕格|[36三六]度带|中央(?:子午|经)线|带号|UTM|墨卡托|第?(?:19|20|38|39)(?:N|号)?带)"
    r"[_ /:：°度E-]*(?:11[47]|50N?|\d{1,2}N?(?!\d))?[°度]?)+",
    re.I,
)
_NOISE = re.compile(
    r"(?:经纬度|坐标系?|座标|当前|位置|定位|地点|我在|我的|事发地|高程|海拔)(?:是|为|在)?[:： ]*"
    r"|[=:：](?=\s*$)"
)
_HEIGHT = re.compile(
    r"(?:高程|海拔|H)[:：= ]*-?\d{1,4}(?:\.\d{1,6})?\s*(?:米|M)?|精度[:： ]*\d{1,5}\s*米", re.I
)
_DMS = re.compile(
    r"(\d)\s*d(?:eg)?\s*(\d{1,2}(?:\.\d+)?)\s*m(?:in)?\s*(?:(\d{1,2}(?:\.\d+)?)\s*s(?:ec)?)?", re.I
)
_SHORT_LABEL = re.compile(r"(^|[^东西])([经纬])(?![度经纬])")
_BETWEEN = re.compile(
    r"(?<![\d.])(\d{1,3}\.\d{3,12})\s*[°度]?\s*[EN]?[^\d\-+.]{1,12}(\d{1,3}\.\d{3,12})(?![\d.])", re.I
)
_LOOKS = re.compile(r"\d\.\d|\d\s*[°º度]\s*\d|[东西]经|[南北]纬|\d{2,3}\s*[,，]\s*\d{2,3}")
_LETTER = re.compile(r"[^\W\d_]")
_NAMED_AXIS = re.compile(r"[NSEW东西南北经纬]|LAT|LON|LNG", re.I)


def read_pasted(text: str, *, system: str = AUTO, inside: Inside | None = None) -> Reading:
    """Read a text as a point or as a name.

    Parameters
    ----------
    system
        ``auto``, or a system of ``datums`` by any of its names, which then counts whatever the text says.
    inside
        Tells of metres without a zone in which of two zones they lie.

    Raises
    ------
    PlaceError
        The text is empty or too long, the system unknown, or the text has numbers that are no point.

    Examples
    --------
    >>> point = read_pasted("N29°01'32.5\\" E114°32'50\\"", system="WGS84")
    >>> print(f"{point.lon:.6f} {point.lat:.6f}")
    114.547222 29.025694
    >>> read_pasted("修水县黄坳乡").name
    '修水县黄坳乡'
    """
    if len(text) > LONGEST:
        raise _refused(f"最多 {LONGEST} 个字", f"{len(text)} 个字")
    asked = _asked(system)
    plain = _INVISIBLE.sub(" ", text).strip()
    if not plain:
        raise _refused("没有内容")
    link = find_link(plain)
    if link is not None:
        return _from_link(link[0], link[1], asked, inside)
    return _from_text(plain, asked, inside)


def _asked(system: str) -> str:
    """Return the canonical system that a user chose, empty where none."""
    if system.strip().lower() in ("", AUTO):
        return ""
    known = datums.normal_system(system)
    if known is None:
        names = "、".join((*datums.SYSTEMS, datums.CGCS2000))
        raise PlaceError(Problem("坐标系", f"应为 {names}", system[:40], "不清楚时请选 自动"))
    return known


def _refused(what: str, got: str = "", fix: str = _FIX) -> PlaceError:
    return PlaceError(Problem("地点", what, got[:60], fix))


def _from_link(link: str, rest: str, asked: str, inside: Inside | None) -> Reading:
    """Read a link; where it holds no point, what stands beside it."""
    found = read_link(link)
    if found.pair is None:
        if not rest:
            fix = "这里不联网, 短链接打不开: 请在地图里点开它, 复制坐标或完整链接, 或写地名"
            raise _refused("链接里没有坐标", link, fix)
        reading = _from_text(rest, asked or found.system, inside)
        return reading if reading.is_point else reading._replace(notes=(_NO_POINT, *reading.notes))
    lon, lat = sorted(map(float, found.pair), reverse=True)
    notes = [found.note] if found.note and not asked else []
    if asked and found.system and not datums.same_datum(asked, found.system):
        notes.append(f"链接来自{found.service} ({found.system}), 按您选的 {asked} 处理")
    if not asked and not found.system:
        notes.append(ASSUMED)
    return _placed(lon, lat, asked or found.system or "WGS84", rest, notes)


def _from_text(text: str, asked: str, inside: Inside | None) -> Reading:
    """Read coordinates with the words around them; a text without any is a name."""
    named, body = _named_system(text)
    pairs, beside = _pairs(body)
    if pairs is None:
        if _is_numeric(text):
            raise _refused("看不懂这个坐标" if not _lone(body) else "只有一个坐标值", text)
        return Reading(np.nan, np.nan, "", text, ())
    if pairs.problem[0]:
        raise _refused(str(pairs.reason[0]), text)
    system, notes = asked or named, list[str]()
    if asked and named and not datums.same_datum(asked, named):
        notes.append(f"文字里写的是 {named}, 按您选的 {asked} 处理")
    first, second = float(pairs.first[0]), float(pairs.second[0])
    if pairs.notation[0] == coordinates.METRES:
        return _from_metres(first, second, system, inside)
    if system.startswith("EPSG"):
        raise _refused(f"{system} 的坐标应以米为单位", text)
    if not system:
        notes.append(ASSUMED)
    if pairs.swapped[0]:
        notes.append(LABELS_WRONG if _NAMED_AXIS.search(_NOISE.sub("", body)) else LAT_FIRST)
    if coordinates.rough(pairs, 2)[0]:
        notes.append(ROUGH)
    if beside:
        notes.append(_BESIDE)
    return _placed(first, second, system or "WGS84", beside, notes)


def _placed(lon: float, lat: float, system: str, name: str, notes: list[str]) -> Reading:
    x, y = coordinates.to_wgs84([lon], [lat], system)
    if not np.isfinite(x[0]):
        raise _refused(f"{system} 的坐标应以米为单位", f"{lon},{lat}")
    return Reading(float(x[0]), float(y[0]), system, name, tuple(notes))


def _named_system(text: str) -> tuple[str, str]:
    """Take the names of coordinate systems out of a text: (system or empty, the rest)."""
    words = [match[0] for match in _PROJECTED.finditer(text)]
    found = {datums.normal_system(one) for one in words} - {None}
    if words and not found and _is_numeric(text):
        raise _refused(
            "看不懂是哪一种投影", words[0], "请写 EPSG 编号, 例如 EPSG:4547 (114°) 或 EPSG:4548 (117°)"
        )
    body = _PROJECTED.sub(" ", text) if found else text
    plain = {_datum(one) for one in _WORDS.findall(body)} - {""}
    if found:
        plain = set()
    if len(found | plain) > 1:
        names = "、".join(sorted(str(one) for one in found | plain))
        raise _refused("写了不止一个坐标系", names, "请只写一个")
    return str(next(iter(found | plain), "")), _WORDS.sub(" ", body)


def _datum(word: str) -> str:
    return "WGS84" if word == "北斗" else datums.normal_system(word) or ""


def _pairs(body: str) -> tuple[coordinates.Pairs | None, str]:
    """Read a text as one pair; else the one pair of decimals within it, with what stands around it."""
    text = _DMS.sub(lambda m: f"{m[1]}°{m[2]}'" + (f'{m[3]}"' if m[3] else ""), _HEIGHT.sub(" ", body))
    text = _SHORT_LABEL.sub(r"\1\2度", _NOISE.sub(" ", text.replace("&", ",").replace("=", ":")))
    text = text.strip(" ,;:，；：。.")
    if any(c.isdecimal() and not c.isascii() for c in unicodedata.normalize("NFKC", text)):
        return None, ""  # digits of other scripts
    pairs = _one(text)
    if not pairs.problem[0] or pairs.reason[0] in (coordinates.RANGE, coordinates.ZERO):
        return pairs, ""
    flat = unicodedata.normalize("NFKC", text)
    within = list(_BETWEEN.finditer(flat))
    if len(within) != 1:
        return None, ""
    rest = f"{flat[: within[0].start()]} {flat[within[0].end() :]}".strip(" ,;:()[]")
    return _one(f"{within[0][1]},{within[0][2]}"), re.sub(r"\s+", " ", rest)[:60]


def _one(text: str) -> coordinates.Pairs:
    return coordinates.read_pairs(np.array([text], object))


def _is_numeric(text: str) -> bool:
    """Whether a text is meant as coordinates, so that it must not be looked up as a name."""
    plain = unicodedata.normalize("NFKC", text)
    return bool(_LOOKS.search(plain)) or (any(c.isdigit() for c in plain) and not _LETTER.search(plain))


def _lone(body: str) -> bool:
    return str(_one(body).reason[0]) == coordinates.ONE


def _from_metres(first: float, second: float, system: str, inside: Inside | None) -> Reading:
    """Read metres of a projection: of the system that is named, else of the one that brings them inside."""
    options = coordinates.candidates([first], [second])
    chosen = [system] if system.startswith("EPSG") else [one for one in options if one != "EPSG:32650"]
    points = {one: _degrees(first, second, one) for one in chosen}
    points = {one: point for one, point in points.items() if np.isfinite(point[0])}
    if not points:
        raise _refused("这两个数不是该坐标系的平面坐标 (米)", f"{first:.1f},{second:.1f}")
    if len(points) > 1 and inside is not None:
        points = {one: point for one, point in points.items() if inside(*point)} or points
    if len(points) > 1:
        got = f"{first:.2f},{second:.2f}"
        fix = "请写明, 例如 EPSG:4547 (114°) 或 EPSG:4548 (117°)"
        raise PlaceError(
            Problem("地点", "平面坐标缺少带号或中央经线", got, fix),
            [_candidate(name, got, *point) for name, point in points.items()],
        )
    name, (lon, lat) = points.popitem()
    note = "" if system else f"按平面坐标 {name} (CGCS2000 高斯-克吕格, 米) 理解"
    return Reading(lon, lat, name, "", (note,) if note else ())


def _candidate(system: str, pair: str, lon: float, lat: float) -> dict[str, object]:
    """Offer a reading; its full name is a text that is read so."""
    why = f"{lon:.4f},{lat:.4f}"
    return {
        "name": system,
        "full_name": f"{system} {pair}",
        "level": "点",
        "lon": lon,
        "lat": lat,
        "why": why,
    }


def _degrees(first: float, second: float, system: str) -> tuple[float, float]:
    lon, lat = coordinates.to_wgs84([first], [second], system)
    return float(lon[0]), float(lat[0])


def read_degrees(lon: float, lat: float, *, system: str) -> Reading:
    """Read a longitude and a latitude of a system that is known; raises ``PlaceError`` as `read_pasted`."""
    known = _asked(system) or "WGS84"
    if known.startswith("EPSG"):
        raise _refused("这里要写经纬度, 不是平面坐标", system[:40])
    if not (LON[0] <= lon <= LON[1] and LAT[0] <= lat <= LAT[1]):
        swapped = LON[0] <= lat <= LON[1] and LAT[0] <= lon <= LAT[1]
        fix = "经纬度可能写反了, lon 是经度, lat 是纬度" if swapped else "请检查坐标"
        raise _refused(coordinates.RANGE, f"{lon},{lat}", fix)
    return _placed(lon, lat, known, "", [])
