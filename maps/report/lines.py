"""Where lines of Chinese text with figures and Latin words may break: no mark at a wrong end, no figure torn.

After the rules of GB/T 15834 and W3C's Requirements for Chinese Text Layout (clreq): closing marks never
begin a line, opening ones never end it, Latin words and figures with their unit stay whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from ..fonts import MISSING

RAISED = "".join(map(chr, range(0xE000, 0xE00A)))
"""Digits of the small numbers behind figures; private characters, so that no text holds them by itself."""
NEVER_FIRST = frozenset("。，、；：！？）》」』】〕〉”’…—·～々％‰℃°′″㎡.,;:!?)]}>%~" + RAISED)
NEVER_LAST = frozenset("（《「『【〔〈“‘([{<$¥￥#＃№")

_UNITS = (
    "平方公里|平方千米|平方米|立方米|千米/小时|公里/小时|公里|千米|毫米|小时|分钟|个月|百分点|万人次|人次|万人|万元|亿元|亿人"
    "|万|亿|千|人|元|台|个|座|支|分|秒|米|年|月|日|号|级|次|处|张|页|倍|步|份|天|项|条|类|种|名|岁|顶|套|吨"
    "|km/h|km²|km|m²|min|h|m|s|%|％|‰|℃|°"
)
_FIGURE = (  # 约 4518.9 万人, 4 小时 20 分
    r"(?:[第约±≥≤<>＜＞−+]\s?)?\d(?:[\d.,:/–~+×-]*\d)?"
    rf"(?:\s?(?:{_UNITS})(?![A-Za-z]))*(?:\s?\d+\s?分钟?)?"
)
_WORD = r"[^\W\d_\u2e80-\uffef][^\s\u2010-\uffef]*"
"""A Latin word with the marks that belong to it."""
_TOKEN = re.compile(rf"{_FIGURE}|{_WORD}|\s+|.", re.DOTALL)
_LONGEST_TOKEN = 24
"""A figure or word longer than this may be broken anywhere."""


def clean(text: str, *, known: frozenset[str] | None = None, longest: int = 20_000) -> str:
    """Make a text safe for a document; blanks at its ends stay, for it may be a stretch of a sentence.

    Control and direction characters and halves of surrogate pairs go, every blank becomes a space.

    Parameters
    ----------
    known
        Characters that can be drawn; others become 〓. Without it all stay.

    Examples
    --------
    >>> clean(" 修水\\u202e县\\n\\x00😀", known=frozenset(" 修水县"))
    ' 修水县 〓'
    """
    shown = unicodedata.normalize("NFC", text[:longest])
    if not shown.isprintable():
        spaced = (" " if mark.isspace() else mark for mark in shown)
        shown = "".join(mark for mark in spaced if unicodedata.category(mark) not in _UNSEEN)
    shown = re.sub(r" {2,}", " ", shown)
    if known is not None:
        shown = "".join(mark if mark in known else MISSING for mark in shown)
    return shown if len(text) <= longest else f"{shown}…"


_UNSEEN = {"Cc", "Cf", "Cs", "Cn", "Co"}


@lru_cache(maxsize=20_000)
def pieces(text: str) -> tuple[str, ...]:
    """Cut a text where lines may break; joined, the pieces are the text again.

    Examples
    --------
    >>> pieces("全省（2024年）76.5%的居民, 约 30 分钟。")
    ('全', '省', '（2024年）', '76.5%', '的', '居', '民,', ' ', '约 30 分钟。')
    """
    joined: list[str] = []
    for token in _TOKEN.findall(text):
        if joined and (token[0] in NEVER_FIRST or joined[-1][-1] in NEVER_LAST):
            joined[-1] += token
        else:
            joined.append(token)
    cut: list[str] = []
    for piece in joined:
        cut.extend(piece if len(piece) > _LONGEST_TOKEN else (piece,))
    return tuple(cut)


Line = tuple[int, int]
"""First character of a line and the one behind its last; the blank at a break belongs to no line."""


def break_lines(text: str, widths: Sequence[float], room: float) -> list[Line]:
    """Break a text into lines of at most ``room``, as even as can be, the last one not a single character.

    The squares of what is left at the ends of lines are least in sum (after Knuth and Plass 1981, without
    stretching), which moves a lone last character's neighbours down to it.

    Parameters
    ----------
    widths
        Width of each character, in the unit of ``room``.

    Examples
    --------
    >>> text = "全省1小时以内，还有缺口。"
    >>> [text[start:end] for start, end in break_lines(text, [1.0] * len(text), 7)]
    ['全省1小时以', '内，还有缺口。']
    """
    if not text.strip():
        return []
    ends, blank = _breaks(text, widths, room)
    before = [0.0]
    for width in widths:
        before.append(before[-1] + width)
    best, came = [0.0], [0]
    for last in range(1, len(ends)):
        costs = []
        for first in range(last - 1, -1, -1):
            start = ends[first] + (1 if blank[first] else 0)
            left = room - (before[ends[last]] - before[start])
            if left < -1e-6 and first < last - 1:
                break
            is_last = last == len(ends) - 1
            lone = is_last and first > 0 and ends[last] - start < _FEWEST
            costs.append((best[first] + 1 + (_LONE * lone if is_last else 100 * (left / room) ** 2), -first))
        cost, first = min(costs)
        best.append(cost)
        came.append(-first)
    return _traced(ends, blank, came)


_FEWEST, _LONE = 3, 2.0
"""A last line of fewer characters than this is as bad as a line that lacks a seventh of its length."""


def _breaks(text: str, widths: Sequence[float], room: float) -> tuple[list[int], list[bool]]:
    """Positions where lines may end, and whether a blank follows; what is too wide may break anywhere."""
    ends, blank, position = [0], [False], 0
    for piece in pieces(text):
        start, position = position, position + len(piece)
        if piece.isspace():
            if ends[-1] == start:
                blank[-1] = True
            continue
        if sum(widths[start:position]) > room:
            for inner in range(start + 1, position):
                ends.append(inner)
                blank.append(False)
        ends.append(position)
        blank.append(False)
    return ends, blank


def _traced(ends: Sequence[int], blank: Sequence[bool], came: Sequence[int]) -> list[Line]:
    lines, last = [], len(ends) - 1
    while last > 0:
        first = came[last]
        lines.append((ends[first] + (1 if blank[first] else 0), ends[last]))
        last = first
    return lines[::-1]
