"""Stock of a store: text such as 棉被:1200;帐篷:30 ↔ the JSON object that the registry keeps."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from .cells import Value, as_text, invalid, is_empty, tidy_text

_FIX = "请写成 棉被:1200; 帐篷:30"
_UNITS = (
    "床|顶|件|只|个|套|台|箱|包|袋|瓶|盒|条|双|把|张|辆|艘|支|卷|桶|块|份|副|根|架|枚|片|面|批次|组|部|具"
)
_MEASURES = "吨|公斤|千克|斤|kg|升|立方米|平方米|米|人份"
_COUNT = rf"(\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.0+)?(万|千|百)?(?:{_UNITS}|({_MEASURES}))?"
_SPLIT = re.compile(r"[;\n\r、]+|,(?!\d{3}(?!\d))|(?<=\D),", re.ASCII)
_NAMED = re.compile(rf"(.+?)[:=×*]\s*{_COUNT}", re.ASCII)
_BEHIND = re.compile(rf"(.*\D)\s*{_COUNT}", re.ASCII)
_BEFORE = re.compile(rf"(\d+)(万|千|百)?\s*(?:{_UNITS}|({_MEASURES}))\s*(\D.*)", re.ASCII)
_SEVERAL = re.compile(rf"(?:(\D+?)\s*{_COUNT}(?:\s+|$))+", re.ASCII)
_ONE = re.compile(rf"(\D+?)\s*{_COUNT}(?:\s+|$)", re.ASCII)
_DOUBTFUL = re.compile(rf"\d\s|\d$|\d(?:{_UNITS}|{_MEASURES})", re.ASCII)
_BRACKETS = re.compile(rf"\((?:{_UNITS}|单位:?(?:{_UNITS}))\)", re.ASCII)
_SCALES = {"万": 10_000, "千": 1000, "百": 100}
_LONGEST = 4000
_MOST = 10**12


def read_stock_text(cell: Any) -> Value:
    """Read a stock as the JSON text of item → number, in the order of the cell.

    Examples
    --------
    >>> read_stock_text("棉被1200床、帐篷30顶").value
    '{"棉被": 1200, "帐篷": 30}'
    >>> read_stock_text("棉被：1.2万；帐篷若干").code
    'value_invalid'
    """
    shown = as_text(cell).strip()
    text = unicodedata.normalize("NFKC", shown)
    if is_empty(text.strip()):
        return Value()
    if len(text) > _LONGEST:
        return invalid(f"库存文字过长, 最多 {_LONGEST} 字", _FIX)
    if text.startswith("{"):
        return _read_json(text)
    parts = [part.strip(" .。") for part in _SPLIT.split(text)]
    items = [item for part in parts if part for item in _items(part)]
    return _collect(items)


def _items(part: str) -> list[tuple[str, int] | str]:
    """Read one entry, or several that only blanks separate."""
    whole = _item(part)
    if isinstance(whole, tuple) or " " not in part or not _SEVERAL.fullmatch(part):
        return [whole]
    pieces = [_item(found[0].strip()) for found in _ONE.finditer(part)]
    return pieces if all(isinstance(piece, tuple) for piece in pieces) else [whole]


def _item(part: str) -> tuple[str, int] | str:
    """Read one item and its number; the text itself where it is none."""
    text = _BRACKETS.sub("", part)
    named = _NAMED.fullmatch(text)
    if found := named or _BEHIND.fullmatch(text):
        name, digits, scale, measure = found.groups()
    elif found := _BEFORE.fullmatch(text):
        digits, scale, measure, name = found.groups()
    else:
        return part
    name = tidy_text(name).strip(" :=×*")
    if not name or re.search(r"[:=×*]|[-约近余多.]$", name) or (not named and _DOUBTFUL.search(name)):
        return part
    name += f"({measure})" if measure else ""
    return name, int(digits.replace(",", "")) * _SCALES.get(scale or "", 1)


def _collect(items: list[tuple[str, int] | str]) -> Value:
    """Put the items together; what is no item, or stands twice, is told."""
    stock: dict[str, int] = {}
    wrong = []
    for item in items:
        if isinstance(item, str) or item[0] in stock or item[1] > _MOST:
            wrong.append(item if isinstance(item, str) else item[0])
        else:
            stock[item[0]] = item[1]
    value = write_stock(stock) if stock else None
    if wrong:
        return Value(
            value, "value_invalid", f"库存里这几项无法识别或重复: {'、'.join(wrong)[:40]}", _FIX, keep=True
        )
    return Value(value)


def _read_json(text: str) -> Value:
    """Read the form that the registry keeps."""
    try:
        stock = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return invalid("库存不是有效的 JSON", _FIX)
    items: list[tuple[str, int] | str] = [
        (tidy_text(name), number)
        if isinstance(number, int) and not isinstance(number, bool) and number >= 0 and tidy_text(name)
        else str(name)
        for name, number in stock
    ]
    return _collect(items) if items else Value()


def write_stock(stock: dict[str, int]) -> str:
    """Write a stock as the registry keeps it.

    Examples
    --------
    >>> write_stock({"棉被": 1200})
    '{"棉被": 1200}'
    """
    return json.dumps(stock, ensure_ascii=False)


def format_stock(text: str) -> str:
    """Write a stock of the registry as offices write it; as JSON where that could not be read back.

    Examples
    --------
    >>> format_stock('{"棉被": 1200, "帐篷": 30}')
    '棉被:1200; 帐篷:30'
    """
    try:
        stock = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return text
    if not isinstance(stock, dict) or not stock:
        return text
    plain = "; ".join(f"{item}:{number}" for item, number in stock.items())
    return plain if read_stock_text(plain) == Value(write_stock(stock)) else text
