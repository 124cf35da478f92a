"""Columns of coordinates: which longitude goes with which latitude, and what a table says of its system."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .. import datums
from .codes import finding
from .coordinates import read_pairs
from .model import Cells, Finding, RawTable

LONLAT = "lonlat"
"""Stands in a mapping for a column that holds both coordinates in one cell."""

_SAYS = re.compile(r"坐标|经纬|地图|gcj|bd-?09|wgs|cgcs|epsg", re.IGNORECASE)
_BEFORE = re.compile("原|转换前|误差")
_DENIES = re.compile("勿|不要|不得|不可|不能|禁止|转换|换算|并非|不是|不用|避免")
_NAMED = re.compile(
    r"gcj-?_?02|bd-?_?09|wgs-?_?84|cgcs-?_?2000|(?:高德|百度|火星|腾讯|天地图)(?:地图)?(?:坐标|经纬度)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Meaning:
    """How one header was understood."""

    attribute: str
    """Name of the attribute, ``LONLAT``, or empty: an extra."""
    rank: int = 0
    """0 title or code, 1 synonym, 2 last level of a merged header, 3 without a prefix, 4 a typo."""
    order: int = 0
    """Place among the attribute's headers, the likelier first."""
    system: str = ""
    """Coordinate system that the header names."""
    factor: float = 1.0
    """From the unit in the header to the attribute's."""
    remark: str = ""
    """Chinese, what a user should know."""


@dataclass(frozen=True)
class CoordinateColumns:
    """The columns of one pair of coordinates; ``y`` is empty where one column holds both."""

    x: str
    y: str
    system: str
    """Coordinate system that the headers name, empty where they name none."""


def by_endings(
    meanings: Mapping[str, Meaning], table: RawTable, named: Collection[str]
) -> dict[str, Meaning]:
    """Take 库房门口经度 and 库房门口纬度 for the coordinates of a table that has no others.

    Parameters
    ----------
    named
        Headers whose meaning a user gives.
    """
    have = {meaning.attribute for meaning in meanings.values()} & {"lon", "lat", LONLAT}
    x, y = (_ending(ending, [h for h in table.columns if h not in named]) for ending in ("经度", "纬度"))
    if have or table.x is not None or len(x) != 1 or len(y) != 1:
        return dict(meanings)
    titles = {x[0]: ("lon", "经度"), y[0]: ("lat", "纬度")}
    new = {
        header: Meaning(
            name,
            4,
            system=datums.normal_system(header.replace("_", " ")) or "",
            remark=f"近似匹配为 {title}, 请确认",
        )
        for header, (name, title) in titles.items()
    }
    return {**meanings, **new}


def _ending(ending: str, headers: Sequence[str]) -> list[str]:
    """Headers that end so, whatever stands in brackets behind; not those of an earlier state."""
    plain = {header: re.sub(r"[(（][^()（）]*[)）]\s*$", "", header).strip() for header in headers}
    return [header for header, text in plain.items() if text.endswith(ending) and not _BEFORE.search(text)]


def unused_coordinates(table: RawTable, extras: Sequence[str], *, known: bool) -> Iterator[Finding]:
    """Warn where a table seems to have coordinates and none of them is used."""
    likely = [*_ending("经度", extras), *_ending("纬度", extras)]
    if likely and not known:
        yield finding(
            "extra_column",
            f"这些列像是坐标, 但分不清用哪一组, 没有采用: {'、'.join(likely)}"[:200],
            severity="warning",
            file=table.file,
            sheet=table.sheet,
            fix="请用表头对应文件指定经度和纬度",
        )


def pair_columns(
    meanings: Mapping[str, Meaning], table: RawTable, *, described: bool
) -> list[CoordinateColumns]:
    """Join longitudes with latitudes of the same system and the same upper header; the best pair first.

    WGS84 goes first, then another named system, then unnamed ones; where a column of the table says of which
    system its coordinates are (``described``), the unnamed ones first. Empty columns go last.
    """
    lon = [header for header, meaning in meanings.items() if meaning.attribute == "lon"]
    lat = [header for header, meaning in meanings.items() if meaning.attribute == "lat"]
    pairs = []
    for same in (_same_place, _same_system, _any):
        for x in list(lon):
            y = next((y for y in lat if same(x, y, meanings)), None)
            if y is not None:
                pairs.append(CoordinateColumns(x, y, meanings[x].system or meanings[y].system))
                lon.remove(x)
                lat.remove(y)
    joined = [header for header, meaning in meanings.items() if meaning.attribute == LONLAT]
    pairs += _joined_pairs(joined, meanings, table)
    pairs += [
        CoordinateColumns(x, "", meanings[x].system) for x in lon if share_joined(table.columns[x]) > 0.5
    ]
    return sorted(pairs, key=lambda pair: _preference(pair, meanings[pair.x], table, described=described))


def _joined_pairs(
    headers: Sequence[str], meanings: Mapping[str, Meaning], table: RawTable
) -> Iterator[CoordinateColumns]:
    """Columns with both coordinates; two that hold one number each are a pair below one merged header."""
    single = [header for header in headers if share_joined(table.columns[header]) == 0.0]
    if len(single) == 2 and len(headers) == 2:
        yield CoordinateColumns(single[0], single[1], meanings[single[0]].system)
        return
    for header in headers:
        yield CoordinateColumns(header, "", meanings[header].system)


def _same_place(x: str, y: str, meanings: Mapping[str, Meaning]) -> bool:
    return _same_system(x, y, meanings) and x.rpartition("/")[0] == y.rpartition("/")[0]


def _same_system(x: str, y: str, meanings: Mapping[str, Meaning]) -> bool:
    return meanings[x].system == meanings[y].system


def _any(x: str, y: str, meanings: Mapping[str, Meaning]) -> bool:
    return not (meanings[x].system and meanings[y].system)


def _preference(
    pair: CoordinateColumns, meaning: Meaning, table: RawTable, *, described: bool
) -> tuple[bool, int, int, int]:
    """Key by which the best pair comes first."""
    empty = all(cell is None for cell in table.columns[pair.x])
    unnamed = -1 if described else 2
    system = unnamed if not pair.system else 0 if datums.plain(pair.system) == "WGS84" else 1
    return empty, system, meaning.rank, meaning.order


def share_joined(cells: Cells) -> float:
    """Share of the filled cells (of the first 200) that hold both coordinates."""
    filled = np.array([cell for cell in cells if isinstance(cell, str)][:200], object)
    return float(read_pairs(filled).joined.mean()) if len(filled) else 0.0


def stated_by_titles(table: RawTable) -> tuple[str, str]:
    """Coordinate system that the title rows, the sheet's name or the file's name state, and who states it.

    Sentences that deny or ask for a conversion, and those that name two systems, state nothing.

    Examples
    --------
    >>> table = RawTable("aed.xlsx", "", "xlsx", {}, np.array([]), titles=("2024年AED分布(坐标系: 高德)",))
    >>> stated_by_titles(table)
    ('GCJ-02', '表题')
    """
    named = {
        datums.normal_system(title)
        for title in table.titles
        if _SAYS.search(title) and not _DENIES.search(title)
    }
    named.discard(None)
    if len(named) == 1:
        return str(named.pop()), "表题"
    for text, who in ((table.sheet, "工作表名"), (re.split(r"[/\\]", table.file)[-1], "文件名")):
        word = _NAMED.search(text)
        system = datums.normal_system(text) if word and not _DENIES.search(text) else None
        if system and not named:
            return system, who
    return "", ""
