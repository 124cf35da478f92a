"""Roads of a place from Overpass, through OSMnx, to RawRoads (with roads.py the only user of OSMnx).

OSMnx asks the servers and cuts at the border; which ways may be used is left to the rules. Its settings are
global, so one place is read at a time, and all are restored. Every answer passes a hook that bounds its size
and the time, and refuses what is no complete JSON: OSMnx itself would wait without end for a busy server, and
take what a server sent before it gave up for the whole.
"""

from __future__ import annotations

import datetime as dt
import io
import logging
import math
import re
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import InputError, Problem
from ..network import Network
from ..web import Failed, plain_error
from .place_raw import to_raw
from .raw import NAME_KEYS, NODE_KEYS, OSM_LICENCE, WAY_KEYS

Progress = Callable[[str], None]
Box = tuple[float, float, float, float]

FILTERS = ('["highway"]', '["route"="ferry"]')
"""What is asked of Overpass; as the readers of files keep it."""

MOST_BYTES = 256 << 20
"""Largest single answer."""

MOST_SQUARE_DEGREES = 20.0
"""Largest extent of a place: about 200 000 km², more than Jiangxi."""

_WAITS_S = (10.0, 30.0, 60.0)
_PIECE = 1 << 16
_BUSY = (429, 502, 503, 504)
_FROM_FILE = "请改用下载的文件: boai network build 文件.osm.pbf"
_NUMBER = re.compile(r"-?\d{1,3}(\.\d{1,12})?")
_LOCK = threading.Lock()
_LOG = logging.getLogger(__name__)


def read_place(
    place: str | Box,
    *,
    mode: str = "drive",
    like: str = "boai",
    overpass: str | None = None,
    nominatim: str | None = None,
    cache: Path | None = None,
    timeout_s: float = 180.0,
    waits_s: Sequence[float] = _WAITS_S,
    profile: Any = None,
    progress: Progress | None = None,
) -> Network:
    """Read the road network of a place from Overpass.

    Parameters
    ----------
    place
        A name that Nominatim knows as an area, or a box (west, south, east, north) in WGS84 degrees, also as
        a text with commas.
    mode, like
        As for ``read_osm``; not looked at where ``profile`` is given.
    overpass, nominatim
        Other servers, such as ``https://overpass.example/api``.
    cache
        Folder in which answers are kept between runs; none are kept where None.
    timeout_s
        Longest time for one answer.
    waits_s
        Waits before each further try when a server is busy.
    profile
        A ``Profile`` with a vehicle or rules of its own.
    progress
        Called with a Chinese sentence before each step.

    Raises
    ------
    InputError
        The place is not known, there is no network, a server is busy or answers nonsense, or the place has no
        road for the mode; one sentence in Chinese.
    """
    from .assemble import to_pieces  # noqa: PLC0415  (numba is slow to import)
    from .build import build  # noqa: PLC0415
    from .rules import read_profile  # noqa: PLC0415

    say = progress or (lambda _: None)
    profile = profile or read_profile(mode, like=like)
    asked = _checked(place)
    servers = {"overpass_url": _server(overpass), "nominatim_url": _server(nominatim)}
    watch = _Watch(timeout_s, say)
    graph = _ask_again(asked, servers, cache, watch, waits_s)
    raw = to_raw(graph, asked)
    say(f"判断 {len(raw.way_id)} 条道路")
    pieces, choices = to_pieces(raw, profile)
    say("建立路网")
    made = dt.date.today().isoformat()
    source = {"source": asked, "kind": "overpass", "licence": OSM_LICENCE, "made": made}
    about = {**source, "like": profile.like, "rules": profile.described()}
    return build(pieces, mode=profile.mode, source=about, choices=choices)


def _checked(place: str | Box) -> str:
    """Return a place as a text, a box as four numbers; raises ``InputError`` for what is neither."""
    if isinstance(place, str):
        name = " ".join(place.split())
        parts = name.replace("，", ",").split(",")
        if len(parts) == 4 and all(_NUMBER.fullmatch(one.strip()) for one in parts):
            west, south, east, north = map(float, parts)
            return _checked((west, south, east, north))
        if not name or len(name) > 200 or not name.isprintable():
            raise InputError(Problem("地名", "应为 1-200 个字", place[:40]))
        return name
    box = tuple(place)
    numbers = len(box) == 4 and all(isinstance(one, int | float) and math.isfinite(one) for one in box)
    if not numbers or not (-180 <= box[0] < box[2] <= 180 and -90 <= box[1] < box[3] <= 90):
        raise InputError(Problem("范围", "应为 西,南,东,北 四个经纬度", str(place)[:80]))
    if _square_degrees(*box) > MOST_SQUARE_DEGREES:
        raise InputError(Problem("范围", "过大, 不向公共服务器索取", str(place)[:80], _FROM_FILE))
    return ",".join(f"{one:.6f}" for one in box)


def _square_degrees(west: float, south: float, east: float, north: float) -> float:
    return (east - west) * (north - south)


def _server(url: str | None) -> str | None:
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(Problem("服务器", "应为 http(s) 网址", url[:80]))
    return url


# ---------------------------------------------------------------------------------------------- asking


class _Watch:
    """Looks at every answer before OSMnx does."""

    def __init__(self, timeout_s: float, say: Progress) -> None:
        """Take the longest time for an answer."""
        self.timeout_s, self._say, self._count = timeout_s, say, 0

    def __call__(self, response: Any, *_: Any, **__: Any) -> Any:
        """Read an answer within the bounds; raises ``Failed`` for one that OSMnx must not see."""
        if response.is_redirect:
            return response
        host = urlsplit(response.url).hostname or ""
        if response.status_code in _BUSY:
            after = response.headers.get("Retry-After") or ""
            seconds = float(after) if after.isdecimal() and len(after) < 4 else 0.0
            raise Failed(f"服务器 {host} 繁忙", f"HTTP {response.status_code}", after_s=seconds)
        content = self._read(response, host)
        if response.status_code != 200:
            raise Failed(f"服务器 {host} 拒绝了请求", f"HTTP {response.status_code}", final=True)
        if content.lstrip()[:1] not in (b"{", b"["):
            raise Failed(f"服务器 {host} 的回答不是数据 (可能是登录页或出错页)", final=True)
        remark = re.search(rb'"remark"\s*:\s*"([^"]*)', content[-4096:])
        if remark:
            raise Failed(f"服务器 {host} 没有算完", remark[1].decode("utf-8", "replace"))
        self._count += 1
        self._say(f"收到第 {self._count} 份数据, {len(content) / 1e6:.1f} MB")
        response.raw = io.BytesIO(content)
        return response

    def _read(self, response: Any, host: str) -> bytes:
        end, kept, size = time.monotonic() + self.timeout_s, [], 0
        for piece in response.raw.stream(_PIECE, decode_content=True):
            kept.append(piece)
            size += len(piece)
            if size > MOST_BYTES:
                raise Failed(
                    f"服务器 {host} 的回答过大", f"超过 {MOST_BYTES >> 20} MB", _FROM_FILE, final=True
                )
            if time.monotonic() > end:
                raise Failed(f"服务器 {host} 传得太慢", f"{size} 字节")
        return b"".join(kept)


def _ask_again(
    asked: str, servers: Mapping[str, str | None], cache: Path | None, watch: _Watch, waits_s: Sequence[float]
) -> Any:
    """Ask until the servers are not busy; what has come stays in a cache from try to try."""
    with tempfile.TemporaryDirectory(prefix="boai-") as scratch:
        settings = {
            **{name: url for name, url in servers.items() if url},
            "cache_folder": str(cache or scratch),
            "use_cache": True,
            "all_oneway": True,
            "doh_url_template": None,
            "log_console": False,
            "log_file": False,
            "overpass_rate_limit": False,
            "requests_timeout": watch.timeout_s,
            "requests_kwargs": {"stream": True, "hooks": {"response": watch}},
            "useful_tags_way": sorted({*WAY_KEYS, *NAME_KEYS, "ref"}),
            "useful_tags_node": sorted(NODE_KEYS),
        }
        for wait in (*waits_s, None):
            try:
                with _LOCK, _settings(settings):
                    return _ask(asked)
            except Failed as failure:
                if failure.final or wait is None:
                    fix = failure.fix or f"请稍后再试, 或{_FROM_FILE.removeprefix('请')}"
                    raise InputError(Problem(asked, failure.what, failure.got, fix)) from None
                watch._say(f"{failure.what}, {failure.after_s or wait:.0f} 秒后重试")
                time.sleep(min(120.0, failure.after_s or wait))
    raise AssertionError("unreachable")


@contextmanager
def _settings(values: Mapping[str, Any]) -> Iterator[None]:
    """Change OSMnx's settings for a while; also the name resolution that OSMnx replaces for good."""
    import osmnx as ox  # noqa: PLC0415  (two seconds)

    before = {name: getattr(ox.settings, name) for name in values}
    resolve = socket.getaddrinfo
    try:
        for name, value in values.items():
            setattr(ox.settings, name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in English, on areas that take several requests
            yield
    finally:
        socket.getaddrinfo = resolve
        for name, value in before.items():
            setattr(ox.settings, name, value)


def _ask(asked: str) -> Any:
    """Ask OSMnx for the graph of a place or a box: every way, one edge per piece, all components.

    What a server can make OSMnx raise is an open set: it does not check the answers that it reads.
    """
    import networkx as nx  # noqa: PLC0415
    import osmnx as ox  # noqa: PLC0415
    import requests  # noqa: PLC0415
    from shapely.errors import ShapelyError  # noqa: PLC0415

    nonsense = (
        ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError,
        ShapelyError, nx.NetworkXException, RuntimeError,
    )  # fmt: skip
    box = re.fullmatch(r"(-?\d+\.\d+),(-?\d+\.\d+),(-?\d+\.\d+),(-?\d+\.\d+)", asked)
    try:
        if box:
            west, south, east, north = map(float, box.groups())
            return ox.graph_from_bbox(
                (west, south, east, north), simplify=False, retain_all=True, custom_filter=list(FILTERS)
            )
        area = ox.geocode_to_gdf(asked).union_all()
        if _square_degrees(*area.bounds) > MOST_SQUARE_DEGREES:
            raise Failed("这个地方过大, 不向公共服务器索取", "", _FROM_FILE, final=True)
        return ox.graph_from_polygon(area, simplify=False, retain_all=True, custom_filter=list(FILTERS))
    except Failed:
        raise
    except requests.exceptions.Timeout:
        raise Failed("服务器没有回答 (超时)") from None
    except (requests.exceptions.RequestException, OSError) as error:
        raise Failed(f"无法连接服务器 ({_why(error)})", "", f"请检查网络, 或{_FROM_FILE[1:]}") from None
    except nonsense as error:
        _LOG.debug("OSMnx on %s", asked, exc_info=True)
        raise _meant(str(error)) from None


def _why(error: BaseException) -> str:
    """Find the reason at the bottom of an error of requests."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            break
        inner = getattr(seen, "reason", None) or seen.__context__ or (seen.args[0] if seen.args else None)
        if isinstance(seen, socket.gaierror | ConnectionError) and type(seen) is not ConnectionError:
            return plain_error(seen)
        seen = inner if isinstance(inner, BaseException) else None
    return "没有联网或服务器不通"


def _meant(text: str) -> Failed:
    """Say what an error of OSMnx means."""
    if "0 results" in text:
        return Failed("没有找到这个地名", "", "请写全, 如 江西省芦溪县, 或给出 西,南,东,北 范围", final=True)
    if "did not geocode" in text:
        return Failed("这个地名不是一个区域", "", "请给出行政区名, 或 西,南,东,北 范围", final=True)
    if "No data elements" in text or "no graph nodes" in text or "Graph contains no edges" in text:
        return Failed("这个范围内没有道路", final=True)
    return Failed("服务器的回答不合格式", final=True)
