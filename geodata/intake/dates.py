"""Dates as offices write them → ``2024-03-05``; a month is ``2024-03``, a year ``2024``."""

from __future__ import annotations

import calendar
import re
import unicodedata
from datetime import date, timedelta
from typing import Any

import numpy as np

from .cells import Value, invalid, is_empty, tidy_code, tidy_text
from .figures import chinese_number

_FIX = "请写成 2024-03-05"
_BASE = date(1899, 12, 30)
_SERIALS = range(18264, 73051)  # days of Excel: 1950-01-01 to 2099-12-31
_YEARS = range(1900, 2101)
_TIME = r"(?:[t ]?\s*\d{1,2}[:时点]\d{1,2}(?:[:分]\d{1,2}(?:\.\d+)?秒?|分)?(?:z|[+-]\d{2}:?\d{2})?)?"
_FULL = re.compile(
    rf"(\d{{4}})(?:[-/.年_](\d{{1,2}})(?:[-/.月_](\d{{1,2}})[日号]?)?月?|年)?年?{_TIME}", re.ASCII
)
_CLOCK = re.compile(
    r"(.*\d[日号]?) \d{1,2}\s?[:时点][\d\s:.分秒]*(?:[ap]m|[上下]午)?(?:z|[+-]\d{2}:?\d{2})?", re.ASCII
)
_COMPACT = re.compile(rf"(\d{{4}})(\d{{2}})(\d{{2}})?{_TIME}", re.ASCII)
_SHORT = re.compile(r"(\d{2})年(?:(\d{1,2})月(?:(\d{1,2})[日号]?)?)?", re.ASCII)
_LAST_YEAR_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_CHINESE = re.compile(
    "([〇零一二三四五六七八九]{4})年(?:([一二三四五六七八九十]{1,3})月(?:([一二三四五六七八九十]{1,3})[日号])?)?",
    re.ASCII,
)


def read_date(cell: Any) -> Value:
    """Read a date from text, a number of Excel, or a date.

    Examples
    --------
    >>> [read_date(cell).value for cell in ("2024年3月5日", "2024.3.5", "２０２４/３/５", 45356)]
    ['2024-03-05', '2024-03-05', '2024-03-05', '2024-03-05']
    >>> read_date("2024年3月").value, read_date("2024年").value, read_date("去年").code
    ('2024-03', '2024', 'value_invalid')
    """
    if isinstance(cell, date):
        return _checked(cell.year, cell.month, cell.day)
    if isinstance(cell, float) and np.isfinite(cell) and not cell.is_integer():
        cell = int(cell)  # a time of the day behind the day
    shown = tidy_text(cell)
    text = tidy_code(_without_clock(shown) if len(shown) <= 40 else cell).lower()
    if is_empty(text):
        return Value()
    if len(text) > 40 or isinstance(cell, bool):
        return invalid("不是日期", _FIX)
    return _read_text(text, shown) or invalid("不是日期", _FIX)


def _without_clock(text: str) -> str:
    """Take away a time of the day behind a blank: without blanks 5-1 10:30 would be 5-11 0:30."""
    found = _CLOCK.fullmatch(unicodedata.normalize("NFKC", text).lower())
    day = found[1] if found else text
    return re.sub(r"(?<=[\d日号])(?:\s*[上下]午|[.。]\s*)$", "", day)


def _read_text(text: str, shown: str) -> Value | None:
    """Try the ways to write a date, the surest first; None where it is none."""
    if len(text) == 5 and text.isascii() and text.isdigit():
        return _serial(int(text)) if int(text) in _SERIALS else None
    if found := _FULL.fullmatch(text):
        return _checked(*_ints(found.groups()), clean=shown == _iso(*_ints(found.groups())))
    if found := _COMPACT.fullmatch(text):
        return _checked(*_ints(found.groups()))
    return _read_odd(text)


def _read_odd(text: str) -> Value | None:
    """Read two-digit years, days before months where that is sure, and Chinese numerals."""
    if found := _SHORT.fullmatch(text):
        year, month, day = _ints(found.groups())
        value = _checked(2000 + (year or 0), month, day)
        told = Value(value.value, "value_cleaned", "年份只有两位, 按 20xx 年理解")
        return told if value.value else value
    if found := _LAST_YEAR_FIRST.fullmatch(text):
        first, second, last = (int(part) for part in found.groups())
        if first > 12 or first == second:
            return _checked(last, second, first)
        return _checked(last, first, second) if second > 12 else invalid("月和日分不清", _FIX)
    if found := _CHINESE.fullmatch(text):
        return _checked(*(int(chinese_number(part) or 0) if part else None for part in found.groups()))
    return None


def _ints(parts: tuple[str | None, ...]) -> tuple[int | None, int | None, int | None]:
    year, month, day = (None if part is None else int(part) for part in parts)
    return year, month, day


def _iso(year: int | None, month: int | None, day: int | None) -> str:
    parts = [f"{year:04d}", *(f"{part:02d}" for part in (month, day) if part is not None)]
    return "-".join(parts)


def _serial(days: int) -> Value:
    day = _BASE + timedelta(days=days)
    return Value(day.isoformat(), "value_cleaned", "表格软件的日期序号已换成日期")


def _checked(year: int | None, month: int | None, day: int | None, *, clean: bool = False) -> Value:
    """Check that there is such a day."""
    if year not in _YEARS or (month is not None and not 1 <= month <= 12):
        return invalid("没有这个日期", _FIX)
    if day is not None and not 1 <= day <= calendar.monthrange(year or 1, month or 1)[1]:
        return invalid("没有这个日期", _FIX)
    return Value(_iso(year, month, day), "" if clean else "value_cleaned")


def read_year(cell: Any) -> Value:
    """Read a year from a number, a text such as 2023年 or any date.

    Examples
    --------
    >>> read_year("2023年"), read_year(2021).value, read_year("2019-05-01").value
    (Value(value=2023.0, code='value_cleaned', what='', fix='', keep=False), 2021.0, 2019.0)
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool) and 0 <= cell < 10_000:
        whole = float(cell).is_integer()
        return Value(float(cell)) if whole else invalid("不是年份", "请写四位年份")
    found = read_date(cell)
    if found.value is None:
        return invalid("不是年份", "请写四位年份") if found.code else found
    text = tidy_code(cell)
    return Value(
        float(found.value[:4]), "" if text == found.value[:4] else "value_cleaned", keep=len(found.value) > 4
    )


def last_day(text: str) -> date:
    """Latest day that a date of this module may mean: 2024-02 → 2024-02-29.

    Examples
    --------
    >>> last_day("2024-02"), last_day("2024")
    (datetime.date(2024, 2, 29), datetime.date(2024, 12, 31))
    """
    parts = [int(part) for part in text.split("-")]
    year, month = parts[0], parts[1] if len(parts) > 1 else 12
    day = parts[2] if len(parts) > 2 else calendar.monthrange(year, month)[1]
    return date(year, month, day)


def first_day(text: str) -> date:
    """Earliest day that a date of this module may mean: 2024-02 → 2024-02-01."""
    return date(*[*(int(part) for part in text.split("-")), 1, 1][:3])
