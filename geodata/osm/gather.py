"""What both readers of OSM files share: limits, refusals in one sentence, names, numbered distinct values."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar

from ..errors import InputError, Problem
from ..shown import shown
from .raw import NAME_KEYS, WAY_KEYS

Progress = Callable[[str], None]
"""Called with one line in Chinese while a long read goes on."""

MOST_HEADER = 64 << 10
"""Most bytes of a BlobHeader."""

LONGEST_NAME = 200
"""Most characters of a name or a reference number; OpenStreetMap allows 255."""

MOST_TAG_SETS = 1_000_000
"""Most distinct sets of tags in a file; Porto has 2 000."""

MOST_LABELS = 4_000_000
"""Most distinct names of roads in a file."""

DAMAGED = "请重新下载后再试"
_CONVERT = "请用 osmium cat 或下载页面换成 .osm.pbf 后再试"

_Key = TypeVar("_Key", bound=Hashable)


def refuse(file: str, what: str, got: object = "", fix: str = "") -> InputError:
    """Make the error with which a file is refused."""
    return InputError(Problem(file, what, shown(got), fix))


def damaged(file: str, why: object = "") -> InputError:
    """Refuse a file whose content cannot be what it claims to be."""
    return refuse(file, "OSM 文件已损坏或不完整, 无法读取", why, DAMAGED)


def history(file: str) -> InputError:
    """Refuse a file with deleted or earlier versions of objects."""
    what = "这是含历史版本的 OSM 文件, 其中有已删除的对象, 不能当作现在的道路"
    return refuse(file, what, fix="请换成普通的 .osm.pbf 摘录")


def change_file(file: str) -> InputError:
    """Refuse an osmChange."""
    return refuse(file, "这是 OSM 的变更文件 (osmChange), 不含完整的道路", fix="请换成普通的 .osm.pbf 摘录")


def unknown_feature(file: str, feature: object) -> InputError:
    """Refuse a file that demands what no reader here knows."""
    return refuse(file, "OSM 文件要求读取程序支持未知的特性", feature, _CONVERT)


def no_roads(file: str) -> InputError:
    """Refuse a file without roads."""
    fix = "请下载含道路的摘录; 若文件经过筛选, 请保留带 highway 标签的道路和它们的节点"
    return refuse(file, "文件里没有一条道路 (highway 或 route=ferry)", fix=fix)


def no_places(file: str) -> InputError:
    """Refuse a file whose roads have no coordinates."""
    what = "文件里有道路, 但没有道路节点的坐标"
    return refuse(file, what, fix="请下载完整的摘录, 或导出时保留道路的节点")


def too_much(file: str, what: str) -> InputError:
    """Refuse a file that holds more than a file of its size can honestly hold."""
    return refuse(file, f"文件内容异常 ({what}), 疑似损坏或恶意文件, 不读取", fix=DAMAGED)


SLACK = 1 << 30
"""Bytes that any file, however small, may grow to when it is unpacked."""


class Limits:
    """Counts what comes out of a file of ``size`` bytes and refuses more than one of its size honestly holds.

    Real PBF files hold a node in 4 to 10 bytes and grow two to three times when they are unpacked, XML ten to
    twenty times; small regular ones more.
    """

    def __init__(self, file: str, size: int) -> None:
        self._file = file
        self._left = {
            "unpacked": SLACK + 40 * size,
            "nodes": 20_000_000 + 2 * size,
            "references": 40_000_000 + 4 * size,
        }

    def add(self, **more: int) -> None:
        """Count; InputError beyond a limit."""
        for what, amount in more.items():
            self._left[what] -= amount
            if self._left[what] < 0:
                raise too_much(self._file, _TOO_MUCH[what])


_TOO_MUCH = {
    "unpacked": "解压后的数据与文件大小极不相称",
    "nodes": "节点数与文件大小极不相称",
    "references": "道路的节点数与文件大小极不相称",
}


class Teller:
    """Tells how far the reading of a file is, at every tenth."""

    def __init__(self, progress: Progress | None, file: str, size: int) -> None:
        self._progress, self._file, self._size, self._told = progress, file, max(size, 1), -1

    def __call__(self, done: int) -> None:
        """Tell that ``done`` bytes are read, where that is another tenth."""
        tenth = 10 * done // self._size
        if self._progress is not None and tenth > self._told:
            self._told = tenth
            self._progress(f"读入 {self._file}: {10 * tenth}%")


def clean(text: str) -> str:
    """Make a name fit to be shown: no control, format or unassigned characters, one line, bounded.

    Examples
    --------
    >>> clean("  人民路" + chr(0) + chr(0x202E) + chr(10) + "东段 ")
    '人民路 东段'
    """
    if not text.isprintable():
        text = "".join(
            sign for sign in text if sign.isspace() or not unicodedata.category(sign).startswith("C")
        )
    return " ".join(text.split())[:LONGEST_NAME].rstrip()


def label_of(tags: Mapping[str, str]) -> tuple[str, str]:
    """Return (ref, name) of a way's tags, cleaned; the name is the first in ``NAME_KEYS`` that is there."""
    names = (clean(tags[key]) for key in NAME_KEYS if key in tags)
    return clean(tags.get("ref", "")), next((name for name in names if name), "")


def road_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that the rules for ways may look at, by key."""
    return {key: tags[key] for key in sorted(WAY_KEYS.intersection(tags))}


def is_road(tags: Mapping[str, str]) -> bool:
    """Whether a way is kept: any ``highway``, or ``route=ferry``."""
    return "highway" in tags or tags.get("route") == "ferry"


class Distinct(Generic[_Key]):
    """Numbers values in the order in which they first come; refuses a file with too many."""

    def __init__(self, file: str, what: str, most: int) -> None:
        self._file, self._what, self._most = file, what, most
        self._number: dict[_Key, int] = {}

    def number(self, key: _Key) -> int:
        """Return the number of a value, a new one where it is new."""
        found = self._number.setdefault(key, len(self._number))
        if found >= self._most:
            raise too_much(self._file, f"{self._what}超过 {self._most} 种")
        return found

    def values(self) -> tuple[_Key, ...]:
        """Return the values in the order of their numbers."""
        return tuple(self._number)


def tag_sets(file: str) -> Distinct[tuple[tuple[str, str], ...]]:
    """Start the table of distinct sets of tags, each as pairs sorted by key."""
    return Distinct(file, "标签组合", MOST_TAG_SETS)


def labels(file: str) -> Distinct[tuple[str, str]]:
    """Start the table of distinct labels, the empty one first."""
    table: Distinct[tuple[str, str]] = Distinct(file, "道路名称", MOST_LABELS)
    table.number(("", ""))
    return table


def as_pairs(tags: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Write tags as pairs sorted by key."""
    return tuple(sorted(tags.items()))
