"""Texts for the public: no telephone, no person, and no name that says where a store is."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..geodata.layers import KIND_NAMES

if TYPE_CHECKING:
    from ..geodata.layers import Layer
    from ..scenarios.run import Result
    from ..scenarios.world import World

REGISTRY = "登记库"
"""What stands as the source of a site where the one that is stated might be a person or a place."""
GONE = "（略）"
"""What stands where something was taken out of a text."""

_PHONE = re.compile(
    r"(?<![\d.])(?:(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}|[(（]?0\d{2,3}[)）]?[- ]?\d{7,8}(?:-\d{1,5})?"
    r"|[48]00[- ]?\d{3}[- ]?\d{4})(?![\d.])"
)
_NUMBER = re.compile(r"[+＋(（]?\d(?:[-－—.\s()（）]{0,3}\d){6,19}")
"""What may be a telephone, however it is written; it is one where the registry knows its digits."""
_SHORTEST_PHONE = 7
_POINT = re.compile(r"\d{2,3}\.\d{3,}\s*[,，;；、/ ]\s*\d{2,3}\.\d{3,}")
_WORDS = (
    "江西省|江西|全省|省级|市级|县级|区级|乡级|镇级|乡镇|三级|二级|一级|以上|示例|红十字会|红十字|博爱|备灾|救灾|救助|应急|抢险|防汛|"
    "物资|储备|仓库|仓储|中心|分库|总库|新库|库房|库|仓|建议|新增|新设|驻地|附近|点|站|省|市|县|区|本级|分|总|新|的|和|与|"
    "[()（）·\\-_—、,， 第一二三四五六七八九十\\dA-Za-z]"
)
_OFFICE = re.compile(
    "省|市|县|区|红十字会|人民政府|应急管理|民政|卫生健康|卫健|教育|体育|文化|旅游|文旅|统计|交通运输|自然资源|委员会|办公室|"
    "厅|局|委|办|科|处|站|年|月|日|上报|填报|报送|提供|采集|登记|普查|统计|公布|公开|数据|台账|清单|名录|目录|汇总|资料|"
    "示例|测试|boai|选址|建议|方案|OpenStreetMap|贡献者|ODbL|[\\d\\s()（）.,，、;；:：/_-]"
)
"""What the source of a site may say besides the names of places: the office, the year, what kind of list."""
_STORE = re.compile(_WORDS)
"""What the name of a store may say besides the names of places: what it is, whose, and which of several."""

_NAMES = frozenset({"name", "host", "nearest_site", "county", "city", "places", "level", "kind", "id"})
"""Columns that hold names."""
_TEXT_OF: dict[str, str] = {"nearest_site": "nearest_id", "name": "id"}


class Texts:
    """What must not stand in any text of some results, and the names of stores that stand in its place.

    The name of a store stays where it tells no more than what the store is and which town it belongs to
    (修水县红十字备灾仓库); with anything else in it, such as the house that it is in, it becomes
    修水县备灾仓库, the second of a county 修水县备灾仓库(2).
    """

    def __init__(self, world: World, results: Iterable[Result]) -> None:
        layers = [*world.layers.values(), *(each for one in results for each in one.layers.values())]
        stores = [layer for layer in layers if layer.kind == "warehouse"]
        self._places = _places(world)
        self.names = _store_names(stores, self._places)
        """Id of each store that has another name for the public, and that name."""
        self._names = _by_start(_pairs(stores, self.names))
        self._phones = _digits(layers)
        self._hidden = _by_start(dict.fromkeys(_hidden(layers, stores), GONE))

    def clean(self, text: str, *, name: bool = False) -> str:
        """Take out of a text what must not stand there.

        Parameters
        ----------
        name
            It is the name of a site or place: whom a name honours stays in it.

        Examples
        --------
        >>> bare = Texts.__new__(Texts); bare._names = {}; bare._hidden = _by_start({"张三丰": GONE})
        >>> bare._phones = frozenset({"86261234"})
        >>> bare.clean("联系张三丰 0791-86262333, 115.85812,28.68234, 8626-1234, １３８12345678")
        '联系（略） （略）, （略）, （略）, （略）'
        """
        found = _swapped(text, self._names)
        if not name:
            found = _swapped(found, self._hidden)
        found = _NUMBER.sub(self._unless_phone, found)
        return _POINT.sub(GONE, _PHONE.sub(GONE, found))

    def _unless_phone(self, found: re.Match[str]) -> str:
        """Hide a number that is a telephone of the registry, or one of a mobile in wide digits."""
        digits = _plain_digits(found[0])
        wide = not found[0].isascii() and bool(_PHONE.fullmatch(digits))
        parts = (digits[i:j] for i in range(len(digits)) for j in range(i + _SHORTEST_PHONE, len(digits) + 1))
        return GONE if wide or any(part in self._phones for part in parts) else found[0]

    def column(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Clean the texts of a column; other values stay."""
        is_name = values.name in _NAMES
        texts = {value for value in values if isinstance(value, str) and value}
        known = {text: self.clean(text, name=is_name) for text in texts}
        if all(old == new for old, new in known.items()):
            return values
        swapped = [known.get(value, value) if isinstance(value, str) else value for value in values]
        return pd.Series(swapped, index=values.index, dtype=values.dtype, name=values.name)

    def table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Clean all texts of a table; stores have their public names."""
        if table.empty:
            return table
        found = table.copy(deep=False)
        for text, key in _TEXT_OF.items():
            if text in found.columns and key in found.columns:
                named = found[key].map(self.names)
                found[text] = named.where(named.notna(), found[text]).astype(found[text].dtype)
        if "source" in found.columns and "lon" in found.columns:
            known = {text: text if self._is_office(text) else REGISTRY for text in found["source"].unique()}
            found["source"] = found["source"].map(known).astype(found["source"].dtype)
        for name in found.columns:
            if not pd.api.types.is_numeric_dtype(found[name].dtype):
                found[name] = self.column(found[name])
        return found

    def _is_office(self, source: Any) -> bool:
        """Tell whether a source names nothing but an office, a year and a list."""
        return not _OFFICE.sub("", _without_places(str(source), self._places))

    def inside(self, value: Any) -> Any:
        """Clean all texts inside lists and dicts."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {key: self.inside(each) for key, each in value.items()}
        return [self.inside(each) for each in value] if isinstance(value, list | tuple) else value


def _places(world: World) -> frozenset[str]:
    """Names of all places, and what is left of a name without its level (修水 of 修水县)."""
    names = {str(name) for name in world.gazetteer.name} | {str(name) for name in world.gazetteer.alias}
    for table in (world.units.counties, world.units.cities):
        names |= set(table["name"].astype(str))
    short = {name[:-1] for name in names if len(name) > 2 and name[-1] in "省市县区镇乡"}
    return frozenset(name for name in names | short if len(name) > 1)


def _store_names(layers: Iterable[Layer], places: frozenset[str]) -> dict[str, str]:
    """Give names to the stores whose own say too much, numbered by id within a county."""
    rows: pd.DataFrame = pd.concat(
        [pd.DataFrame(columns=["id", "name", "county", "host", "level"])]
        + [layer.table[["id", "name", "county", "host", "level"]] for layer in layers],
        ignore_index=True,
    ).astype(str)
    told = rows.loc[[not _is_plain(name, places) for name in rows["name"]]]
    told = told.drop_duplicates("id").sort_values("id")
    taken = set(rows["name"]) - set(told["name"])
    found, count = dict[str, str](), defaultdict[str, int](int)
    for identity, county, level in zip(told["id"], told["county"], told["level"], strict=True):
        stem = county + (level if level in ("省级", "市级", "县级") else "") + KIND_NAMES["warehouse"]
        while True:
            count[stem] += 1
            name = stem if count[stem] == 1 else f"{stem}({count[stem]})"
            if name not in taken:
                break
        found[identity] = name
    return found


def _is_plain(name: str, places: frozenset[str]) -> bool:
    """Tell whether the name of a store says nothing but what it is and to which place it belongs."""
    if re.search(r"\d{3,}|[\d一二三四五六七八九十]+(?:号|栋|幢|楼|室|弄|组|单元)(?!库|仓)", name):
        return False
    return not _STORE.sub("", _without_places(name, places)).strip()


def _without_places(text: str, places: frozenset[str]) -> str:
    """Take the names of places out of a text."""
    for place in sorted((each for each in places if each in text), key=len, reverse=True):
        text = text.replace(place, " ")
    return text


def _pairs(layers: Iterable[Layer], names: Mapping[str, str]) -> dict[str, str]:
    """Pair the names that are replaced with those in their place."""
    found: dict[str, str] = {}
    for layer in layers:
        for identity, name in zip(layer.table["id"], layer.table["name"], strict=True):
            if identity in names and len(str(name)) > 2:
                found[str(name)] = names[identity]
    return found


def _hidden(layers: Iterable[Layer], stores: Iterable[Layer]) -> set[str]:
    """List persons and short telephones of all sites, and houses that hold one store."""
    found: set[str] = set()
    for layer in layers:
        for name in ("keeper", "phone"):
            for text in layer.table[name].astype(str).unique():
                parts = {part.strip() for part in re.split("[;；,，、/]", text)}
                found |= {part for part in parts if not _NUMBER.fullmatch(part)}  # those: `_digits`
    houses = pd.concat([pd.Series(dtype=str), *(each.table.drop_duplicates("id")["host"] for each in stores)])
    counts = houses.astype(str).value_counts()
    return {text for text in found if len(text) > 1} | {text for text in counts.index if len(text) > 3}


def _digits(layers: Iterable[Layer]) -> frozenset[str]:
    """List the digits of all telephones, with and without what comes before the number in a town (0791)."""
    found: set[str] = set()
    for layer in layers:
        for text in layer.table["phone"].astype(str).unique():
            for digits in map(_plain_digits, re.split("[;；,，、/]", text)):
                area = re.match(r"0(?:10|2\d|[3-9]\d\d)", digits)
                found |= {digits, digits[area.end() :] if area else digits, digits.removeprefix("86")}
    return frozenset(digits for digits in found if len(digits) >= _SHORTEST_PHONE)


def _plain_digits(text: str) -> str:
    """Leave the digits of a text, of whatever width.

    Examples
    --------
    >>> _plain_digits("（0791）8626－２３３３")
    '079186262333'
    """
    return "".join(str(unicodedata.digit(mark)) for mark in text if mark.isdecimal())


def _by_start(pairs: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Sort texts and what stands in their place by their first two characters."""
    found = defaultdict[str, list[tuple[str, str]]](list)
    for old, new in pairs.items():
        found[old[:2]].append((old, new))
    return dict(found)


def _swapped(text: str, pairs: Mapping[str, list[tuple[str, str]]]) -> str:
    """Replace texts inside a text, the longest first."""
    if not pairs:
        return text
    there = {pair for i in range(len(text) - 1) for pair in pairs.get(text[i : i + 2], ())}
    for old, new in sorted(there, key=lambda pair: (-len(pair[0]), pair)):
        text = text.replace(old, new)
    return text
