"""Moments: times of day as offices in China read and write them, and as files keep them.

Files keep ISO 8601 with an offset; people see and type the clock of China, one zone without summer time since
1992 (+08:00).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta, timezone

from .errors import InputError, Problem

CHINA = timezone(timedelta(hours=8), "中国标准时间")
"""The time that offices read, whatever the clock of the machine is set to."""

LONGEST = timedelta(days=366)
"""How far ahead an end may lie: what lasts longer is taken back by hand, or imposed again (假设)."""

_MOST_TEXT = 40
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_FIX = "例如 2026-07-01 18:00, 或只写 18:00 (北京时间)"


def instant(text: str) -> datetime | None:
    """Read ISO 8601 with an offset; None for anything else, and beyond the years that can be told.

    Examples
    --------
    >>> str(instant("2026-07-01T18:00:00+08:00")), instant("2026-07-01"), instant("9999-12-31T23:00-23:59")
    ('2026-07-01 18:00:00+08:00', None, None)
    """
    try:
        found = datetime.fromisoformat(text)
        return None if found.tzinfo is None else found.astimezone(CHINA)
    except (ValueError, OverflowError, TypeError):
        return None


def written(at: datetime) -> str:
    """Write a moment as files keep it: ISO 8601 with the offset of China, in whole seconds.

    Raises
    ------
    ValueError
        It has no offset.
    """
    if at.tzinfo is None:
        raise ValueError("a moment needs an offset")
    return at.astimezone(CHINA).isoformat(timespec="seconds")


def shown(text: str) -> str:
    """Write a moment of a file as the clock of China shows it; what is none is shown as it is.

    Examples
    --------
    >>> shown("2026-07-01T10:00:05+00:00"), shown("?")
    ('2026-07-01 18:00', '?')
    """
    found = instant(text)
    return text if found is None else found.strftime("%Y-%m-%d %H:%M")


def read_end(text: str, *, at: datetime, where: str) -> str:
    """Read until when something holds, as a person types it; empty: until it is taken back.

    A date and time (without an offset that of China), or a time of day: the next one.

    Returns
    -------
    str
        As `written`.

    Raises
    ------
    InputError
        It is no time, not after ``at``, or more than a year after.

    Examples
    --------
    >>> at = datetime(2026, 7, 1, 17, 30, tzinfo=CHINA)
    >>> read_end("18:00", at=at, where="--until"), read_end("6:00", at=at, where="--until")
    ('2026-07-01T18:00:00+08:00', '2026-07-02T06:00:00+08:00')
    """
    typed = text.strip()
    if not typed:
        return ""
    plain = unicodedata.normalize("NFKC", typed[:_MOST_TEXT])
    end = _end(plain, at.astimezone(CHINA)) if len(typed) <= _MOST_TEXT else None
    if end is None:
        raise InputError(Problem(where, "看不懂这个时间", plain[:_MOST_TEXT], _FIX))
    if not at < end <= at + LONGEST:
        what = "结束时间已经过去" if end <= at else "结束时间太远, 最长一年"
        raise InputError(Problem(where, what, shown(written(end)), f"现在是 {shown(written(at))}; {_FIX}"))
    return written(end)


def _end(text: str, at: datetime) -> datetime | None:
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hour, minute = int(clock[1]), int(clock[2])
        if hour * 60 + minute > 24 * 60:
            return None
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        end = day + timedelta(hours=hour, minutes=minute)
        return end if end > at else end + timedelta(days=1)
    try:
        found = datetime.fromisoformat(text)
        if "T" not in text and ":" not in text:
            return None  # a date alone: its morning or its evening?
        return found.replace(tzinfo=CHINA) if found.tzinfo is None else found.astimezone(CHINA)
    except (ValueError, OverflowError):
        return None
