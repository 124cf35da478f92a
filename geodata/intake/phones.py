"""Telephone numbers kept as text: 0791-86212345转8001、13800138000."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .cells import Value, as_text, invalid, is_empty, tidy_code

_FIX = "请按文本格式填写完整号码, 例如 0791-86212345 或 13800138000"
_NUMBER = re.compile(
    r"(?:(?:\+|00)?86-?)?"
    r"(?P<number>(?P<mobile>1[3-9]\d)-?(?P<m2>\d{4})-?(?P<m3>\d{4})"
    r"|\(?(?P<area>0(?:10|2\d|[3-9]\d{2}))\)?-?(?P<local>\d{3,4}-?\d{4})(?!\d)"
    r"|(?P<free>[48]00)-?(?P<rest>\d{3}-?\d-?\d{3})"
    r"|(?P<short>[2-9]\d{6,7}|1[12]\d|1\d{4}|9[5-6]\d{3,4}))"
    r"(?:(?:转|-|ext\.?|x|#|\*|分机)(?P<extension>\d{1,6}))?",
    re.ASCII,
)
_BETWEEN = re.compile(r"[/、;,|&和或\s]+", re.ASCII)
_MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
_LOST = re.compile(r"\d+(?:\.\d+)?e\+?\d+", re.IGNORECASE | re.ASCII)
_NO_ZERO = re.compile(r"(?:79\d|701)\d{7,8}", re.ASCII)
_MOST = 200


def read_phone(cell: Any) -> Value:
    """Read one or several telephone numbers as text; several are joined by 、.

    Examples
    --------
    >>> read_phone(13800138000.0).value, read_phone("+86 138-0013-8000").value
    ('13800138000', '13800138000')
    >>> read_phone("0791－86212345转8001 / １３８００１３８０００").value
    '0791-86212345转8001、13800138000'
    >>> read_phone("1.38E+10").what
    '号码被表格软件写成了科学记数, 后几位已丢失'
    """
    shown = as_text(cell).strip()
    text = unicodedata.normalize("NFKC", shown).lower().strip()
    if _MOBILE.fullmatch(shown) or is_empty(text):
        return Value(shown if text and not is_empty(text) else None)
    if len(text) > _MOST:
        return invalid("不是电话号码", _FIX)
    if _LOST.fullmatch(text):
        return invalid("号码被表格软件写成了科学记数, 后几位已丢失", _FIX)
    text = re.sub(r"[\u2010-\u2015\u2212_~]", "-", text)
    text = re.sub(r"^(\d{7,})\.0+$", r"\1", text)
    text = re.sub(r"^(?:\+|00)?86[- ]?(?=(?:10|2\d|[3-9]\d\d)[- ]?\d{7,8}$)", "0", text)
    numbers = _split(text)
    if numbers is not None:
        value = "、".join(dict.fromkeys(numbers))
        clean = value == shown or (not isinstance(cell, str) and value == shown)
        return Value(value, "" if clean else "value_cleaned")
    compact = tidy_code(text)
    if _NO_ZERO.fullmatch(compact):
        value = f"0{compact[:3]}-{compact[3:]}"
        return Value(value, "value_cleaned", "区号首位的 0 已补上")
    return _with_words(text)


def _split(text: str) -> list[str] | None:
    """Read a text that consists of numbers only; None where it does not."""
    whole = _NUMBER.fullmatch(re.sub(r"\s+", "", text))
    if whole:
        return [_write(whole)]
    parts = [
        part for part in _BETWEEN.split(re.sub(r"(?<=\d)\s+(?=-)|(?<=-)\s+|\s*转\s*", _tighten, text)) if part
    ]
    found = [_NUMBER.fullmatch(part) for part in parts]
    return [_write(each) for each in found if each] if parts and all(found) else None


def _tighten(found: re.Match[str]) -> str:
    return found[0].strip()


def _write(found: re.Match[str]) -> str:
    """Write one number in its usual form."""
    if found["mobile"]:
        number = found["mobile"] + found["m2"] + found["m3"]
    elif found["area"]:
        number = f"{found['area']}-{found['local'].replace('-', '')}"
    elif found["free"]:
        digits = found["rest"].replace("-", "")
        number = f"{found['free']}-{digits[:3]}-{digits[3:]}"
    else:
        number = found["short"]
    return f"{number}转{found['extension']}" if found["extension"] else number


def _with_words(text: str) -> Value:
    """Take the numbers out of a text such as 张三13800138000; the cell is kept as it was."""
    found = [each for each in _NUMBER.finditer(text) if len(each["number"]) >= 7 and _alone(text, each)]
    words = re.sub(r"[\d()\[\]:,;、/+\s-]|转", "", _NUMBER.sub("", text))
    if not found or not re.search(r"[^\W\d_]", words) or "*" in text:
        return invalid("不是电话号码", _FIX)
    numbers = dict.fromkeys(_write(each) for each in found)
    return Value("、".join(numbers), "value_cleaned", "号码以外的文字留在附加列", keep=True)


def _alone(text: str, found: re.Match[str]) -> bool:
    """Whether a number is not a part of a longer row of digits."""
    before, after = text[: found.start()][-1:], text[found.end() :][:1]
    return not before.isdigit() and not after.isdigit()
