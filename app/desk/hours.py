"""Open now? Opening hours at a moment, in China's time, as the desk says it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from .parts import CHINA

if TYPE_CHECKING:
    from ...geodata.intake.hours import Hours

_DAY, _WEEK = 1440, 10080
_LONGEST = 300  # characters that are looked at: `parse_hours` refuses texts beyond 200
_NAMES = "一二三四五六日"

Spans = tuple[tuple[int, int], ...]
"""(start, end) in minutes from Monday 00:00, ascending, apart; the last may end in the next week."""


def open_at(text: str, now: datetime) -> tuple[bool | None, str]:
    """Tell whether a place with these opening hours is open, and say it.

    Times end before their end. What public holidays change is said, as no calendar of them is known here.

    Parameters
    ----------
    text
        Opening hours in any spelling that `parse_hours` reads.
    now
        A moment with its offset.

    Returns
    -------
    tuple
        True or False; None where the hours are not stated or cannot be read. The sentence for a card.

    Examples
    --------
    >>> monday = datetime(2026, 11, 23, 7, 30, tzinfo=CHINA)
    >>> open_at("周一至周五 08:00-17:30", monday), open_at("周一 22:00-02:00; 周日 20:00-08:00", monday)
    ((False, '现在关闭, 今天 08:00 开'), (True, '开放至 08:00'))
    >>> open_at("24小时", monday), open_at("", monday), open_at("与医院同步", monday)
    ((True, '24小时开放'), (None, '开放时间未填'), (None, '开放时间看不懂'))
    """
    found = weekly(text)
    if found is None:
        return None, "开放时间看不懂" if text.strip() else "开放时间未填"
    spans, holidays = found
    local = now.astimezone(CHINA)
    minute = local.weekday() * _DAY + local.hour * 60 + local.minute
    for start, end in spans:
        if end - start >= _WEEK:
            return True, "24小时开放" + holidays
        if start <= minute < end or start <= minute + _WEEK < end:
            close = end if minute >= start else end - _WEEK
            return True, f"开放至 {_clock(close, minute, closing=True)}{holidays}"
    opens = min((start - minute) % _WEEK for start, _ in spans) + minute
    return False, f"现在关闭, {_clock(opens, minute)} 开{holidays}"


def weekly(text: str) -> tuple[Spans, str] | None:
    """Read opening hours: when they open and close in the week, and what is to be said of holidays.

    None where there are none, or they cannot be read.
    """
    return _read(text.strip()[:_LONGEST])


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[Spans, str] | None:
    """Do as `weekly`, once for each text."""
    from ...geodata.intake.hours import parse_hours  # noqa: PLC0415 (its patterns are slow to compile)

    hours = parse_hours(text) if text else None
    spans = _spans(hours) if hours is not None else ()
    if hours is None or not spans:
        return None
    if hours.holidays is None:
        return spans, ""
    return spans, " (节假日另有时间)" if hours.holidays else " (节假日关闭)"


def _spans(hours: Hours) -> Spans:
    """Join the times of the week where one goes on from the other, also from Sunday to Monday."""
    times = sorted(
        (day * _DAY + start, day * _DAY + (end if end > start else end + _DAY))
        for day, own in enumerate(hours.week)
        for start, end in own
    )
    joined: list[tuple[int, int]] = []
    for start, end in times:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    while len(joined) > 1 and joined[-1][1] - _WEEK >= joined[0][0]:
        joined[-1] = joined[-1][0], max(joined[-1][1], joined[0][1] + _WEEK)
        del joined[0]
    return tuple(joined)


def _clock(at: int, now: int, *, closing: bool = False) -> str:
    """Say a minute of the week as the clock shows it, with its day where it is not today."""
    days = at // _DAY - now // _DAY
    at_midnight = closing and at % _DAY == 0
    if at_midnight:
        days -= 1
    minutes = _DAY if at_midnight else at % _DAY
    day = f"周{_NAMES[(at - at_midnight) // _DAY % 7]}"
    named = {0: "" if closing else "今天", 1: "次日" if closing else "明天"}.get(days, day)
    return f"{named} {minutes // 60:02d}:{minutes % 60:02d}".strip()
