"""Headers → attributes: exact, by the last level of a merged one, without a prefix, by a safe typo."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .. import datums
from ..errors import InputError, Problem
from ..types import Attribute, ResourceType, normal
from .cells import tidy_text
from .codes import finding
from .figures import UNITS, unit_factor
from .items import STOCK, item_columns
from .model import Cells, Finding, HeaderMapping, RawTable
from .pairing import (
    LONLAT,
    CoordinateColumns,
    Meaning,
    by_endings,
    pair_columns,
    share_joined,
    unused_coordinates,
)
from .typos import is_typo

EXTRA = "-"
"""Stands in a mapping for a column that is to stay an extra."""

ORIGINAL = "(原文)"
"""Ending of the extras that keep a cell as it was, because its value could not hold all of it."""

KEPT = "附加:"
"""Stands in exported files before the header of an extra that would be taken for an attribute."""

_JOINED = frozenset({
    "坐标", "经纬度", "经纬度坐标", "坐标经纬度", "位置坐标", "地理坐标", "点位坐标", "坐标位置",
    "坐标点", "经度纬度", "经纬", "经纬坐标", "坐标xy", "xy坐标", "lnglat", "lonlat", "latlng",
    "latlon", "coordinates", "coordinate", "coord", "coords", "gps坐标", "gps", "gps位置", "gps经纬度",
    "定位", "定位坐标", "坐标信息", "经度和纬度", "经度与纬度", "经度及纬度", "point", "wkt",
    "geometry", "geom", "位置经纬度", "中心坐标", "安装坐标", "坐标值", "地图坐标", "经度纬度坐标",
    "纬经度", "纬度经度", "经纬度信息", "安装位置坐标", "地址坐标", "空间位置", "定位信息", "定位位置",
    "点坐标", "坐标数据", "地图定位", "经纬度位置",
})  # fmt: skip
_MAYBE_JOINED = frozenset({"location", "位置", "地理位置", "定位", "position", "所在位置"})
_WORDS = (
    r"百度|baidu|bd-?_?0?9(?:ll)?|gcj-?_?0?2?|火星|高德|amap|gaode|autonavi|腾讯|tencent|国测局|"
    r"wgs-?_?(?:19)?84|gps|84|谷歌地球|cgcs-?_?2000|国家2000|2000国家大地|大地2000|天地图|tianditu|2000|"
    r"epsg:?_?\d{4,6}|坐标系|坐标|地图|系统?|下的?|的"
)
_SYSTEM = re.compile(_WORDS, re.IGNORECASE)
_BRACKETS = re.compile(r"[(\[【〔{《]([^()\[\]【】〔〕{}《》]*)[)\]】〕}》]")
_MARKS = re.compile(r"[*★☆●※▲]|必填项?|选填|可选项?|下拉选择|下拉|单选|请填写?|如有")
_PREFIXES = (
    "设备", "机构", "单位", "点位", "站点", "项目", "所在", "所属", "具体", "详细", "安装", "放置",
    "设置", "投放", "配置", "基本", "主要", "本", "现", "地理", "资源", "场所",
)  # fmt: skip
_EXACT_ONLY = frozenset(
    {"id", "lon", "lat", "crs", "orig_x", "orig_y", "orig_crs", "county_code", "position"}
)


@dataclass(frozen=True)
class MappedTable:
    """The columns of a table by their meaning."""

    mapping: HeaderMapping
    columns: Mapping[str, str]
    """Attribute → header, without lon and lat."""
    factors: Mapping[str, float]
    """Header → factor from its unit to the attribute's."""
    pairs: tuple[CoordinateColumns, ...]
    """Pairs of coordinates, the one to use first."""
    findings: tuple[Finding, ...]
    items: Mapping[str, str] = field(default_factory=dict)
    """Header → item of the stock whose number it holds."""


def map_headers(table: RawTable, rtype: ResourceType, chosen: Mapping[str, str] | None = None) -> MappedTable:
    """Find out what each column of a table means.

    Parameters
    ----------
    table
        As it was read.
    rtype
        Resource type.
    chosen
        Header → attribute (code or title, ``lonlat``, or ``-`` for an extra), as a user wants it; the other
        headers are understood as usual, but never as an attribute that is taken.

    Examples
    --------
    >>> import numpy as np
    >>> from boai.geodata.types import load_types
    >>> cells = np.array(["x"], object)
    >>> columns = {"点位 名称*": cells, "位置/经度（高德）": cells, "位置/纬度": cells, "备注": cells}
    >>> mapped = map_headers(RawTable("a.csv", "", "csv", columns, np.array([2])), load_types()["aed"])
    >>> list(mapped.mapping.attributes.values()), mapped.mapping.extras, mapped.pairs[0].system
    (['name', 'lon', 'lat'], ('备注',), 'GCJ-02')
    """
    named = wanted(chosen or {}, rtype)
    meanings = {
        header: Meaning(named[header] if named[header] != EXTRA else "")
        if header in named
        else _by_content(header, understand(header, rtype), table)
        for header in table.columns
    }
    meanings = by_endings(meanings, table, named)
    meanings = _without_taken(meanings, set(named.values()), named)
    free = {
        header: header in named
        for header, meaning in meanings.items()
        if not meaning.attribute
        and not meaning.remark
        and named.get(header) != EXTRA
        and not header.endswith(ORIGINAL)
        and not header.startswith(KEPT)
    }
    items = item_columns(table, rtype, {**free, **_chosen_items(named, rtype)})
    meanings = {header: Meaning("") if header in items else meaning for header, meaning in meanings.items()}
    best, losers = _choose(meanings, table)
    pairs = pair_columns(meanings, table, described="crs" in best)
    attributes = {header: name for name, header in best.items()}
    attributes |= dict.fromkeys(items, STOCK)
    attributes |= {header: name for pair in pairs[:1] for header, name in _roles(pair)}
    mapping = HeaderMapping(
        table.file,
        table.sheet,
        MappingProxyType({header: attributes[header] for header in table.columns if header in attributes}),
        tuple(header for header in table.columns if header not in attributes),
    )
    factors = {header: meanings[header].factor for header in best.values()}
    findings = (
        *_remarks(table, meanings, rtype),
        *_lost(table, losers),
        *unused_coordinates(table, mapping.extras, known=bool(pairs) or table.x is not None),
        *_extra_note(table, mapping),
    )
    return MappedTable(
        mapping,
        MappingProxyType(best),
        MappingProxyType(factors),
        tuple(pairs),
        findings,
        MappingProxyType(items),
    )


def _chosen_items(named: Mapping[str, str], rtype: ResourceType) -> dict[str, bool]:
    """Several columns that a user gives to the stock: those that do not mean all of it are items."""
    several = [header for header, name in named.items() if name == STOCK]
    whole = [header for header in several if understand(header, rtype).attribute == STOCK]
    return {header: True for header in several if header not in whole} if len(several) > 1 else {}


def _roles(pair: CoordinateColumns) -> tuple[tuple[str, str], ...]:
    """Name the attributes of a pair's columns."""
    return ((pair.x, "lon"), (pair.y, "lat")) if pair.y else ((pair.x, LONLAT),)


def wanted(chosen: Mapping[str, str], rtype: ResourceType) -> dict[str, str]:
    """Bring a chosen mapping to codes of attributes; raises ``InputError`` naming all that are unknown."""
    known = {normal(text): item.name for item in rtype.attributes for text in (item.title, item.name)}
    known |= {LONLAT: LONLAT, "经纬度": LONLAT}
    result, problems = {}, []
    for header, text in chosen.items():
        name = EXTRA if text.strip() in (EXTRA, "") else known.get(normal(text))
        if name is None:
            problems.append(
                Problem(
                    f"表头对应 {header}",
                    f"{rtype.title}没有这个属性",
                    text[:40],
                    "请写属性的代码或标题, 或 - 表示留作附加列",
                )
            )
        else:
            result[header] = name
    if problems:
        raise InputError(problems)
    return result


def understand(header: str, rtype: ResourceType) -> Meaning:
    """Understand one header by its text alone.

    Examples
    --------
    >>> from boai.geodata.types import load_types
    >>> aed = load_types()["aed"]
    >>> headers = ("AED编号", "联系电活", "百度经度", "坐标", "备注", "容量(原文)")
    >>> [understand(text, aed).attribute for text in headers]
    ['id', 'phone', 'lon', 'lonlat', '', '']
    """
    text = unicodedata.normalize("NFKC", tidy_text(header))
    if text.endswith(ORIGINAL) or header.startswith(KEPT):
        return Meaning("")
    plain = _MARKS.sub("", text)
    for rank, part in enumerate(_levels(plain)):
        found = _exact(part, plain, rtype)
        if found:
            return found if rank == 0 else _reranked(found, 2)
    return _without_prefix(plain, rtype) or _typo(plain, rtype) or Meaning("")


def _levels(text: str) -> list[str]:
    """The whole header, then its last level, then the last level with the one above."""
    parts = [part for part in re.split(r"[/\\|]", text) if part.strip()]
    return [text, *([parts[-1]] if len(parts) > 1 else [])]


def _reranked(found: Meaning, rank: int, remark: str = "") -> Meaning:
    return Meaning(
        found.attribute,
        max(rank, found.rank),
        found.order,
        found.system,
        found.factor,
        remark or found.remark,
    )


def _exact(text: str, whole: str, rtype: ResourceType) -> Meaning | None:
    """Find a header that is known as it stands, or without brackets and the name of a coordinate system."""
    base = _BRACKETS.sub("", text)
    for part in (text, base):
        name = rtype.headers.get(normal(part))
        if name in ("lon", "lat"):
            return Meaning(
                name, *_order(rtype.attribute(name), part), datums.normal_system(_system_part(whole)) or ""
            )
        if name:
            inside = "" if part is text and text == base else " ".join(_BRACKETS.findall(text))
            return _with_unit(rtype.attribute(name), part, inside)
    return _coordinate(base, text, whole, rtype)


def _system_part(text: str) -> str:
    """Text in which a coordinate system may be named."""
    return text.replace("_", " ")


def _coordinate(base: str, text: str, whole: str, rtype: ResourceType) -> Meaning | None:
    """Find coordinates whose header names the system, and columns with both coordinates."""
    system = datums.normal_system(_system_part(whole)) or ""
    for part in (normal(text), normal(base)):
        if part in _JOINED:
            return Meaning(LONLAT, 1, system=system)
    bare = normal(_SYSTEM.sub("", _BRACKETS.sub("", text)))
    name = rtype.headers.get(bare) if bare else None
    if name in ("lon", "lat") and name:
        return Meaning(name, *_order(rtype.attribute(name), bare), system)
    if system and (bare in _JOINED or (not bare and re.search("坐标|经纬|地图", text))):
        return Meaning(LONLAT, 1, system=system)
    return None


def _order(attribute: Attribute, text: str) -> tuple[int, int]:
    """Rank and place of a header among those of its attribute."""
    own = normal(text) in (normal(attribute.title), normal(attribute.name))
    known = attribute.headers
    return 0 if own else 1, known.index(normal(text)) if normal(text) in known else len(known)


def _with_unit(attribute: Attribute, text: str, inside: str) -> Meaning:
    """Add the factor of a unit in brackets; a unit that does not fit makes the column an extra."""
    rank, order = _order(attribute, text)
    unit = re.sub(r"^单位[:：]?|[\s.。]", "", inside)
    if attribute.type not in ("integer", "number") or not unit:
        return Meaning(attribute.name, rank, order)
    factor = unit_factor(unit, attribute.unit)
    if factor is not None:
        return Meaning(attribute.name, rank, order, factor=factor)
    if unit.lower() not in UNITS:
        return Meaning(attribute.name, rank, order)
    return Meaning(
        "", remark=f"单位 {unit} 与{attribute.title}的单位 {attribute.unit or '无'} 不符, 留作附加列"
    )


def _without_prefix(text: str, rtype: ResourceType) -> Meaning | None:
    """Find a header behind the name of the type (AED名称) or a general word (设备地址)."""
    last = normal(_BRACKETS.sub("", _levels(text)[-1]))
    types = sorted({normal(name) for name in (rtype.title, *rtype.synonyms)}, key=len, reverse=True)
    for prefixes, blocked in ((types, frozenset[str]()), (_PREFIXES, _EXACT_ONLY)):
        for prefix in prefixes:
            name = (
                rtype.headers.get(last.removeprefix(prefix)) if prefix and last.startswith(prefix) else None
            )
            if name and name not in blocked and len(last) > len(prefix) + 1:
                system = datums.normal_system(_system_part(text)) if name in ("lon", "lat") else None
                return Meaning(
                    name, 3, *_order(rtype.attribute(name), last.removeprefix(prefix))[1:], system or ""
                )
    return None


def _typo(text: str, rtype: ResourceType) -> Meaning | None:
    """Find the one attribute that a header with a typo means; never coordinates, ids and codes."""
    last = normal(_BRACKETS.sub("", _levels(text)[-1]))
    found = {
        name for known, name in rtype.headers.items() if name not in _EXACT_ONLY and is_typo(last, known)
    }
    if len(found) != 1:
        return None
    name = found.pop()
    return Meaning(name, 4, remark=f"近似匹配为 {rtype.attribute(name).title}, 请确认")


def _by_content(header: str, meaning: Meaning, table: RawTable) -> Meaning:
    """Look into columns whose header leaves open whether they hold both coordinates (location, 位置)."""
    maybe = meaning.attribute == "address" and normal(_levels(header)[-1]) in _MAYBE_JOINED
    if maybe and share_joined(table.columns[header]) > 0.8:
        return Meaning(LONLAT, 3)
    said = not meaning.attribute and not meaning.remark and re.search("经纬|坐标|定位", header)
    own = header.endswith(ORIGINAL) or header.startswith(KEPT) or re.search("原|转换前", header)
    if said and not own and share_joined(table.columns[header]) > 0.8:
        return Meaning(LONLAT, 3, system=datums.normal_system(_system_part(header)) or "")
    if meaning.attribute == LONLAT and not _share_numeric(table.columns[header]):
        return Meaning("")
    return meaning


def _share_numeric(cells: Cells) -> bool:
    """Whether any of the first filled cells has a digit (or there is none)."""
    filled = [str(cell) for cell in cells if cell is not None][:200]
    return not filled or any(sign.isdigit() for cell in filled for sign in cell[:60])


def _without_taken(
    meanings: Mapping[str, Meaning], taken: set[str], named: Mapping[str, str]
) -> dict[str, Meaning]:
    """Leave out what a user's mapping gives to other columns; both coordinates go together."""
    if taken & {"lon", "lat", LONLAT}:
        taken = taken | {"lon", "lat", LONLAT}
    return {
        header: meaning if header in named or meaning.attribute not in taken else Meaning("")
        for header, meaning in meanings.items()
    }


def _choose(meanings: Mapping[str, Meaning], table: RawTable) -> tuple[dict[str, str], dict[str, str]]:
    """Choose one column for each attribute: attribute → header, and the others: header → the one chosen."""
    rivals: dict[str, list[str]] = {}
    for header, meaning in meanings.items():
        if meaning.attribute and meaning.attribute not in ("lon", "lat", LONLAT):
            rivals.setdefault(meaning.attribute, []).append(header)
    best: dict[str, str] = {}
    losers: dict[str, str] = {}
    for name, headers in rivals.items():
        first, *others = sorted(headers, key=lambda header: _preference(header, meanings[header], table))
        best[name] = first
        losers |= dict.fromkeys(others, first)
    return best, losers


def _preference(header: str, meaning: Meaning, table: RawTable) -> tuple[bool, int, int]:
    empty = all(cell is None for cell in table.columns[header])
    return empty, meaning.rank, meaning.order


def _remarks(table: RawTable, meanings: Mapping[str, Meaning], rtype: ResourceType) -> Iterator[Finding]:
    for header, meaning in meanings.items():
        if meaning.remark:
            code = "header_guessed" if meaning.attribute else "unit_mismatch"
            fix = "不对时请改表头, 或用表头对应文件指定"
            yield finding(code, meaning.remark, file=table.file, sheet=table.sheet, column=header, fix=fix)
        elif meaning.factor != 1:
            what = f"按表头的单位换算为 {rtype.attribute(meaning.attribute).unit}, 乘以 {meaning.factor:g}"
            yield finding("unit_converted", what, file=table.file, sheet=table.sheet, column=header)


def _lost(table: RawTable, losers: Mapping[str, str]) -> Iterator[Finding]:
    for header, chosen in losers.items():
        what = f"与 {chosen} 含义相同, 采用 {chosen}, 本列留作附加列"
        yield finding(
            "header_duplicate",
            what,
            file=table.file,
            sheet=table.sheet,
            column=header,
            fix="不对时请改表头, 或用表头对应文件指定",
        )


def _extra_note(table: RawTable, mapping: HeaderMapping) -> Iterator[Finding]:
    if mapping.extras:
        what = f"没有对应属性的列原样留作附加列: {'、'.join(mapping.extras)}"
        yield finding("extra_column", what[:200], file=table.file, sheet=table.sheet)
