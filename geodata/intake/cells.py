"""Cells as text: tidy forms of what offices type, and the value that came of one cell."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

_SPANS = ((0xFF10, 0xFF1A), (0xFF21, 0xFF3B), (0xFF41, 0xFF5B))  # full-width digits and letters
_WIDE = {code: code - 0xFEE0 for span in _SPANS for code in range(*span)}
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb]")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u3000]+")
_NEUTRALISED = re.compile(r"'(?=[=+\-@\t\r\n|＝＋－＠])")
_PLAIN = re.compile(r"[^\W_][\w(),.:;/·、（），：；。-]*")
EMPTY = frozenset(
    {"", "-", "--", "—", "——", "/", "\\", "无数据", "null", "none", "nan", "n/a", "#n/a", "nil", "无", "暂无"}
)
"""Texts that stand for an empty cell where a number, date or choice is expected."""


@dataclass(frozen=True, slots=True)
class Value:
    """What came of one cell: its value, and what a user should know about it."""

    value: Any = None
    code: str = ""
    """Code of the finding, empty where there is nothing to say."""
    what: str = ""
    fix: str = ""
    keep: bool = False
    """Whether the cell goes to the extras as it was, because the value does not hold all of it."""


def invalid(what: str, fix: str = "") -> Value:
    """Make the value of a cell that cannot be understood: empty, and the cell is kept as it was."""
    return Value(None, "value_invalid", what, fix, keep=True)


def as_text(cell: Any) -> str:
    """Write a cell as text, exactly: whole numbers without a point, dates as 2024-03-05.

    Examples
    --------
    >>> as_text(13800138000.0), as_text(datetime(2024, 3, 5)), as_text(None), as_text(True)
    ('13800138000', '2024-03-05', '', '是')
    """
    if isinstance(cell, str):
        return cell
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        midnight = cell.time() == time()
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ", timespec="seconds")
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def tidy_text(cell: Any) -> str:
    """Tidy free text: outer and double blanks, line breaks, invisible signs, full-width letters and digits.

    Chinese punctuation stays as it is. A formula that an export made harmless with ``'`` is restored.

    Examples
    --------
    >>> tidy_text(" 南昌市\\u3000第１医院（东区） "), tidy_text("'=1+1")
    ('南昌市 第1医院（东区）', '=1+1')
    """
    text = as_text(cell)
    if _PLAIN.fullmatch(text) and text.isprintable():
        return text.translate(_WIDE)
    text = _BLANKS.sub(" ", _INVISIBLE.sub("", text)).strip().translate(_WIDE)
    return restored(text)


def restored(text: str) -> str:
    """Take away the apostrophe by which an export made a formula harmless.

    Examples
    --------
    >>> restored("'=1+1"), restored("'甲'")
    ('=1+1', "'甲'")
    """
    return text[1:] if _NEUTRALISED.match(text) else text


def tidy_code(cell: Any) -> str:
    """Tidy codes, numbers, dates and choices: compatible signs in their plain form, no blanks at all.

    Examples
    --------
    >>> tidy_code(" ３６０１ ０２ "), tidy_code("２０２４．３．５")
    ('360102', '2024.3.5')
    """
    text = unicodedata.normalize("NFKC", as_text(cell))
    return _BLANKS.sub("", _INVISIBLE.sub("", text))


def is_empty(text: str) -> bool:
    """Whether a tidy text stands for nothing."""
    return text.casefold() in EMPTY
