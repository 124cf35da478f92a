"""Numbers as offices write them: 1,200, 1.2万, 约300人, 5分钟, 三百, and their units."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from .cells import Value, invalid, is_empty, tidy_code, tidy_text

_FACTORS: dict[str, dict[str, float]] = {
    "count": dict.fromkeys(
        (
            *"人名位个只件台套床顶辆支队张间座处户组次份箱包批块条双瓶盒把桶卷袋艘架副根家所期场枚面片",
            *("人次", "人份", "人员", "席位", "床位", "员", "站", "项"),
        ),
        1.0,
    ),
    "time": {
        **dict.fromkeys(("分", "分钟", "min", "mins", "minute", "minutes", "'", "′"), 1.0),
        **dict.fromkeys(("小时", "时", "钟头", "h", "hr", "hrs", "hour", "hours"), 60.0),
        **dict.fromkeys(("秒", "秒钟", "s", "sec"), 1 / 60),
        **dict.fromkeys(("天", "日", "d", "day", "days"), 1440.0),
    },
    "area": {
        **dict.fromkeys(("平方米", "平米", "平方", "m2", "㎡", "m²", "sqm", "平"), 1.0),
        "亩": 2000 / 3,
        **dict.fromkeys(("公顷", "ha"), 1e4),
        **dict.fromkeys(("平方公里", "平方千米", "km2"), 1e6),
    },
    "volume": dict.fromkeys(("立方米", "立方", "m3", "方"), 1.0),
    "length": {
        **dict.fromkeys(("米", "m"), 1.0),
        **dict.fromkeys(("公里", "千米", "km"), 1000.0),
        "里": 500.0,
    },
    "year": dict.fromkeys(("年", "年度"), 1.0),
    "month": {**dict.fromkeys(("月", "个月"), 1.0)},
    "money": {"元": 1.0},
    "mass": {**dict.fromkeys(("吨", "t"), 1000.0), **dict.fromkeys(("公斤", "千克", "kg"), 1.0), "斤": 0.5},
    "level": dict.fromkeys(("层", "楼", "f"), 1.0),
    "age": dict.fromkeys(("岁", "周岁"), 1.0),
}
UNITS = MappingProxyType({unit: family for family, units in _FACTORS.items() for unit in units})
"""Unit → family; units of one family can be converted."""

_SCALES = {
    "十": 10,
    "百": 100,
    "千": 1000,
    "万": 10**4,
    "w": 10**4,
    "十万": 10**5,
    "百万": 10**6,
    "千万": 10**7,
    "亿": 10**8,
}
_ABOUT_BEFORE = "大约|约|大概|将近|接近|近|超过|超|逾|不少于|不低于|至少|不超过|不足|最多|>=|<=|>|<|≥|≤"
_ABOUT_AFTER = "左右|上下|以上|以下|以内|之内|不等|余|多|来|内|\\+"
_DIGITS = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?(?:e[+-]?\d{1,3})?|[+-]?\.\d+"
_CHINESE = "[零〇一二两三四五六七八九十百千万亿半]+"
_NUMBER = re.compile(
    rf"(?P<before>{_ABOUT_BEFORE})?(?P<number>{_DIGITS}|{_CHINESE})(?P<scale>十万|百万|千万|[百千万亿]|w(?!\w))?"
    rf"(?P<about>余|多|来|\+)?(?P<unit>k?m[23]|[^\d.,]*?)(?P<after>{_ABOUT_AFTER})?$",
    re.ASCII,
)
_CLOCK = re.compile(r"(\d+)(?:小时|h)(\d+)(?:分钟?|min)?", re.ASCII)
_NUMERALS = {sign: number for number, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_MOST = 1e15
_LONGEST = 40
_TWO = re.compile(r"\d\s+(?!\d{3}(?!\d))[\d.]", re.ASCII)  # blanks divide thousands, or two numbers
_REMARK = re.compile(r"([^(]+)\((?:其中|含|包括|内含)[^()]*\)")
_PER = re.compile(r"(?<=.)[/每](?:次|日|天|月|年|期|批|批次|场|场次)$")


def unit_factor(unit: str, wanted: str) -> float | None:
    """Factor from a unit to the wanted one; None where they cannot be converted or are unknown.

    ``万`` and other scales before a unit count too. Things that are counted have one unit, whatever its name.

    Examples
    --------
    >>> unit_factor("小时", "分"), unit_factor("万人", "人"), unit_factor("亩", "人"), unit_factor("", "人")
    (60.0, 10000.0, None, 1.0)
    """
    text = _PER.sub("", unit.lower())
    scale = 1.0
    for word in sorted(_SCALES, key=len, reverse=True):
        if text.startswith(word) and text not in UNITS:
            text, scale = text.removeprefix(word), float(_SCALES[word])
            break
    if not text or text == wanted.lower():
        return scale
    family, target = UNITS.get(text), UNITS.get(wanted.lower(), "count" if not wanted else None)
    if family is None or family != target:
        return None
    return scale * _FACTORS[family][text] / _FACTORS[family].get(wanted.lower(), 1.0)


def read_number(cell: Any, *, unit: str = "", factor: float = 1.0, whole: bool = False) -> Value:
    """Read a number.

    Parameters
    ----------
    cell
        Number or text.
    unit
        Unit of the value that is wanted.
    factor
        Of the unit that the header names (万人 → 10 000); a unit in the cell goes before it.
    whole
        Whether the number must be whole.

    Examples
    --------
    >>> read_number("1.2万"), read_number("1.5小时", unit="分").value, read_number("约３００人").code
    (Value(value=12000.0, code='value_cleaned', what='', fix='', keep=False), 90.0, 'value_approximate')
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _finish(float(cell), factor, "unit_converted" if factor != 1 else "", whole)
    text = tidy_code(cell).lower()
    if is_empty(text):
        return Value()
    if len(text) > _LONGEST:
        return invalid("不是数字", "请只写数字")
    if _TWO.search(tidy_text(cell)):
        return invalid("不止一个数字", "请只写一个数字")
    text, said = _without_remark(text)
    value = _read_text(text, unit, factor, whole)
    return replace(value, code=value.code or "value_cleaned", keep=True) if said and not value.keep else value


def _without_remark(text: str) -> tuple[str, bool]:
    """Take away a remark in brackets that tells of a part: 15(其中一级3)."""
    found = _REMARK.fullmatch(text)
    return (found[1], True) if found else (text, False)


def _read_text(text: str, unit: str, factor: float, whole: bool) -> Value:
    """Read the number of a text without blanks."""
    found, clock = _NUMBER.fullmatch(text), _CLOCK.fullmatch(text)
    if clock and UNITS.get(unit) == "time":
        return _finish(
            int(clock[1]) * 60 + int(clock[2]), 1 / _FACTORS["time"][unit], "unit_converted", whole
        )
    if not found:
        return invalid("不是数字", "请只写数字")
    return _read_parts(found, text, unit, factor, whole)


def _read_parts(found: re.Match[str], text: str, unit: str, factor: float, whole: bool) -> Value:
    """Put number, scale and unit together."""
    number, own = _parse(found["number"]), found["unit"]
    if number is None:
        return invalid("不是数字", "请只写数字")
    rate = unit_factor(own, unit) if own else factor
    if rate is None:
        return invalid(
            f"单位应为 {unit}" if unit else "不是数字", f"请换算成{unit}, 只写数字" if unit else "请只写数字"
        )
    number *= _SCALES.get(found["scale"] or "", 1)
    about = found["before"] or found["about"] or found["after"]
    plain = text == found["number"] and found["number"].isascii()
    code = (
        "value_approximate" if about else "unit_converted" if rate != 1 else "" if plain else "value_cleaned"
    )
    return _finish(number, rate, code, whole, keep=bool(about))


def _finish(number: float, rate: float, code: str, whole: bool, keep: bool = False) -> Value:
    """Check a number and give it with its remark."""
    value = number * rate
    if not math.isfinite(value) or abs(value) > _MOST:
        return invalid("数字过大或无效", "请核对")
    near = round(value, 6)
    value = float(round(value)) if abs(near - round(near)) < 1e-9 else near if rate != 1 else value
    if whole and not value.is_integer():
        return invalid("应为整数", "请写整数")
    what = {"value_approximate": "写的是约数, 按其中的数字登记"}.get(code, "")
    return Value(value, code, what, "请填写确切数字" if what else "", keep)


def _parse(text: str) -> float | None:
    """Parse Arabic or Chinese digits."""
    if text[0].isascii():
        return float(text.replace(",", ""))
    return chinese_number(text)


def chinese_number(text: str) -> float | None:
    """Read a number in Chinese numerals, None where it is none.

    Examples
    --------
    >>> chinese_number("三百二十"), chinese_number("一万二千"), chinese_number("十五"), chinese_number("半")
    (320.0, 12000.0, 15.0, 0.5)
    >>> chinese_number("二〇二三"), chinese_number("百十万半")
    (2023.0, None)
    """
    if text == "半":
        return 0.5
    if "半" in text:
        return None
    if all(sign in _NUMERALS for sign in text):
        return float("".join(str(_NUMERALS[sign]) for sign in text))
    total, section, digit, last = 0, 0, -1, 10**9
    for sign in text:
        if sign in _NUMERALS:
            if digit > 0:
                return None
            digit = _NUMERALS[sign]
        elif sign in "万亿":
            total, section, digit, last = (total + section + max(digit, 0)) * _SCALES[sign], 0, -1, 10**9
        else:
            scale = _SCALES[sign]
            if scale >= last:
                return None
            section += (digit if digit > 0 else 1) * scale
            digit, last = -1, scale
    return float(total + section + max(digit, 0))
