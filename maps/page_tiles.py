"""Base maps from the network under a page: optional, asked for by name or address, and nothing else opened.

A page loads nothing from outside. Where an office asks for a base map, the page's content security policy
opens exactly the hosts of its tiles, for pictures alone; without a network the page works on. Tiles in GCJ-02
are moved on the screen (assets/gcj02.js, page-tiles.js); data are never moved.

Addresses: 天地图 WMTS, matrix set ``w`` (web Mercator; layers ``vec`` and its names ``cva``), key from the
office's own account; OpenStreetMap's standard tiles under its tile usage policy, which asks for a Referer
that a page opened from a file cannot send; 高德's picture tiles, served without a published interface.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from ..geodata.errors import InputError, Problem
from .words import one_line


@dataclass(frozen=True)
class Tiles:
    """A base map: where its tiles come from, how they lie and what must be said of them."""

    name: str
    urls: tuple[str, ...]
    """Addresses of its layers, the lowest first, with {z}, {x}, {y} or {-y}, and {s}, {key} where needed."""
    hosts: tuple[str, ...]
    """Scheme and host of each server: what the content security policy opens."""
    credit: str
    link: str = ""
    datum: str = "WGS84"
    """WGS84 (also for CGCS2000, whose numbers are the same) or GCJ-02."""
    zooms: tuple[int, int] = (1, 18)
    """Least and greatest zoom at which there are tiles."""
    subdomains: str = ""
    keyed: bool = False
    """Whether the server asks for a key."""
    referred: bool = False
    """Whether the server refuses requests without a Referer: those of pages opened from a file."""
    key: str = field(default="", repr=False)

    def for_page(self) -> dict[str, Any]:
        """Return what the page's script needs, as values of JSON."""
        return {
            "name": self.name,
            "urls": list(self.urls),
            "credit": self.credit,
            "link": self.link,
            "shifted": self.datum == "GCJ-02",
            "zooms": list(self.zooms),
            "subdomains": self.subdomains,
            "referred": self.referred,
            "key": self.key,
        }


_TIANDITU = (
    "https://t{{s}}.tianditu.gov.cn/{0}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={0}&STYLE=default"
    "&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}&TILECOL={{x}}&TILEROW={{y}}&tk={{key}}"
)

TILES = {
    "天地图": Tiles(
        name="天地图",
        urls=(_TIANDITU.format("vec"), _TIANDITU.format("cva")),
        hosts=tuple(f"https://t{number}.tianditu.gov.cn" for number in range(8)),
        credit="底图 © 天地图 (国家地理信息公共服务平台)",
        link="https://www.tianditu.gov.cn/",
        subdomains="01234567",
        keyed=True,
    ),
    "OSM": Tiles(
        name="OSM",
        urls=("https://tile.openstreetmap.org/{z}/{x}/{y}.png",),
        hosts=("https://tile.openstreetmap.org",),
        credit="底图 © OpenStreetMap 贡献者",
        link="https://www.openstreetmap.org/copyright",
        zooms=(0, 19),
        referred=True,
    ),
    "高德": Tiles(
        name="高德",
        urls=(
            "https://webrd0{s}.is.autonavi.com/appmaptile?lang=zh_cn&size=1&scale=1&style=8&x={x}&y={y}&z={z}",
        ),
        hosts=tuple(f"https://webrd0{number}.is.autonavi.com" for number in range(1, 5)),
        credit="底图 © 高德地图",
        link="https://www.amap.com/",
        datum="GCJ-02",
        zooms=(3, 18),
        subdomains="1234",
    ),
}
"""Base maps by the names that ``--tiles`` knows."""

DATUMS = {"wgs84": "WGS84", "cgcs2000": "WGS84", "gcj02": "GCJ-02"}
"""What ``--tiles-datum`` takes; the tiles of 百度 (BD-09) have another grid and do not fit."""

_OTHER_NAMES = {"tianditu": "天地图", "osm": "OSM", "openstreetmap": "OSM", "amap": "高德", "gaode": "高德"}
_KEY = re.compile(r"[0-9A-Za-z_-]{8,64}")
_HOST = re.compile(r"(?!-)[0-9a-z-]{1,63}(?:\.[0-9a-z-]{1,63})*", re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9A-Za-z._~:/?&=%+@!$*{}-]+")
_LONGEST = 400
_WRITTEN = "请写成 http://主机/路径/{z}/{x}/{y}.png"


def tiles_of(source: str, *, key: str = "", datum: str = "") -> Tiles:
    """Read which base map is asked for, and check all that would go into the page.

    Parameters
    ----------
    source
        A name in ``TILES`` (also tianditu, osm, amap, gaode), or the address of the office's own tiles: http
        or https, with {z}, {x} and {y} ({-y} where rows are counted from the south).
    key
        For a service that asks for one. It stands in the page, readable by whoever has the file.
    datum
        Of the office's own tiles, one of ``DATUMS``; by default wgs84. Those of a name are known.

    Raises
    ------
    InputError
        Every problem at once; the key is never repeated.

    Examples
    --------
    >>> tiles_of("osm").hosts
    ('https://tile.openstreetmap.org',)
    >>> own = tiles_of("http://10.1.2.3:8080/jx/{z}/{x}/{y}.png", datum="gcj02")
    >>> own.hosts, own.datum
    (('http://10.1.2.3:8080',), 'GCJ-02')
    """
    text, asked = source.strip(), datum.strip().casefold().replace("-", "") or "wgs84"
    name = _OTHER_NAMES.get(text.casefold(), text)
    problems = [] if asked in DATUMS else [_datum_problem(datum)]
    if name in TILES:
        tiles = TILES[name]
        if asked != "wgs84" and DATUMS.get(asked, tiles.datum) != tiles.datum:
            what = f"{name}的坐标系是 {tiles.datum}, 不能另行指定"
            problems.append(Problem("--tiles-datum", what, one_line(datum, longest=20), "请去掉"))
    else:
        problems += _address_problems(text)
        tiles = Tiles("", (), (), "") if problems else _own(text, DATUMS[asked])
    problems += _key_problems(tiles, key, known=name in TILES)
    if problems:
        raise InputError(problems)
    return replace(tiles, key=key)


def image_sources(tiles: Tiles | None) -> str:
    """Write the sources of pictures for a page's content security policy.

    Examples
    --------
    >>> image_sources(None), image_sources(TILES["OSM"])
    ('data:', 'data: https://tile.openstreetmap.org')
    """
    return " ".join(["data:", *(tiles.hosts if tiles else ())])


def _own(text: str, datum: str) -> Tiles:
    """Make the base map of an address that has been checked."""
    parts = urlsplit(text)
    return Tiles(
        name="自备底图",
        urls=(text,),
        hosts=(f"{parts.scheme.lower()}://{parts.netloc.lower()}",),
        credit=f"底图: {parts.hostname}",
        datum=datum,
        zooms=(0, 18),
    )


def _datum_problem(datum: str) -> Problem:
    known = "、".join(DATUMS)
    fix = "百度的瓦片 (BD-09) 分幅不同, 不能用" if "bd" in datum.casefold() else ""
    return Problem("--tiles-datum", f"应为 {known} 之一", one_line(datum, longest=20), fix)


def _address_problems(text: str) -> list[Problem]:
    """Check an address: it may lead to pictures of one plain host and to nothing else."""
    if "://" not in text:
        what = f"没有这种底图, 可选 {'、'.join(TILES)} 或自备底图的地址"
    elif len(text) > _LONGEST or not _ADDRESS.fullmatch(text):
        what = f"地址应为不含空格、引号和汉字的 {_LONGEST} 字以内"
    else:
        what = _host_fault(text) or _holes_fault(text)
    shown = "" if "@" in text else one_line(text, longest=60)  # what stands before @ may be a password
    return [Problem("--tiles", what, shown, _WRITTEN)] if what else []


def _host_fault(text: str) -> str:
    """Say what is wrong with the scheme and host of an address; "" where nothing is."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "地址读不懂"
    if parts.scheme.lower() not in ("http", "https"):
        return "只用 http 或 https 的底图"
    if "@" in parts.netloc:
        return "地址里不能带用户名和密码"
    if not _HOST.fullmatch(host) or port == 0 or parts.netloc.endswith(":"):
        return "主机应写明名称或 IPv4 地址"
    return ""


def _holes_fault(text: str) -> str:
    """Say whether an address lacks the numbers of a tile, or asks for more."""
    holes = sorted(re.findall(r"{([^{}]*)}", text))
    rest = re.sub(r"{[^{}]*}", "", text)
    if holes in (["x", "y", "z"], ["-y", "x", "z"]) and not set("{}") & set(rest):
        return ""
    return "地址里应恰好有 {z}、{x}、{y} 各一次"


def _key_problems(tiles: Tiles, key: str, *, known: bool) -> list[Problem]:
    if tiles.keyed and not key:
        fix = "请在天地图网站 (console.tianditu.gov.cn) 申请浏览器端密钥"
        return [Problem("--tiles-key", f"{tiles.name}要用本单位的密钥", "", fix)]
    if tiles.keyed and not _KEY.fullmatch(key):
        return [Problem("--tiles-key", "密钥应为 8-64 个字母或数字", f"{len(key)} 个字符")]
    if key and not tiles.keyed:
        fix = "请去掉" if known else "需要时请写在地址里"
        return [Problem("--tiles-key", "这种底图不用密钥", "", fix)]
    return []
