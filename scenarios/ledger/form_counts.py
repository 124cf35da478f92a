"""Cells of a returned form: whole numbers as cities write them, and texts."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date
from typing import Any

MOST = 10_000_000
"""Largest number that a city can mean."""

_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
_NUMBER = re.compile(r"(\d+)(\.0*)?")


def parse_count(value: Any, unit: str = "") -> tuple[int | None, str, bool]:
    """Read a whole number from nought on: the number, what is odd about it, and whether it counts.

    Only what can mean nothing else counts: full-width digits, thousands separators, the unit behind it.

    Examples
    --------
    >>> parse_count(30), parse_count(None)
    ((30, '', True), (None, '', True))
    >>> parse_count("１２"), parse_count("1,200 台", "台")
    ((12, '数写成了文字', True), (1200, '数写成了文字', True))
    >>> parse_count("约30")[1:], parse_count(-3)[1:], parse_count(2.5)[1:]
    (('不是整数', False), ('不应为负数', False), ('不是整数', False))
    """
    if value is None or (isinstance(value, str) and plain(value) in ("", "—")):
        return None, "", True
    if isinstance(value, bool):
        return None, "应为整数, 这里是是/否", False
    if isinstance(value, date):
        return None, "应为整数, 这里是日期", False
    if isinstance(value, int | float):
        return _bounded(value, "")
    text = plain(value).removesuffix(unit).strip() if unit else plain(value)
    negative, text = text.startswith("-"), text.lstrip("+-")
    text = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
    match = _NUMBER.fullmatch(text) if text.isascii() and len(text) <= 12 else None
    if match is None:
        return None, "不是整数", False
    return _bounded(-int(match[1]) if negative else int(match[1]), "数写成了文字")


def _bounded(value: float, odd: str) -> tuple[int | None, str, bool]:
    if not math.isfinite(value) or value != int(value):
        return None, "不是整数", False
    if value < 0:
        return None, "不应为负数", False
    return (int(value), odd, True) if value <= MOST else (None, f"大于 {MOST:,}, 不可能", False)


def plain(value: Any) -> str:
    """Write a cell as text without differences of width and blanks around.

    Examples
    --------
    >>> plain(" 上报数　"), plain("ＡＥＤ　配置"), plain(None), plain(3.0)
    ('上报数', 'AED 配置', '', '3')
    """
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(unicodedata.normalize("NFKC", str(value)[:2000]).split())
