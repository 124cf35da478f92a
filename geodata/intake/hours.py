"""Opening hours: many spellings → one canonical text.

Grammar of the canonical text: ``24小时``, or clauses joined by ``; ``. A clause is days
(周一, 周一至周五, 周一、周三, 周六至周日) or 节假日, a blank, and times joined by ``, `` as in
08:00-12:00, 14:00-17:30. An end may lie after midnight: 18:00-02:00. The last clause may be
节假日关闭 or 节假日照常. Days without a clause are closed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .cells import Value, as_text, invalid, is_empty

Times = tuple[tuple[int, int], ...]
"""(start, end) in minutes after midnight, ascending; an end not after its start lies on the next day."""

ALWAYS = "24小时"
_DAY = 1440
_WHOLE: Times = ((0, _DAY),)
_FIX = "请写成 24小时 或 周一至周五 08:00-17:30; 周六 09:00-12:00; 节假日关闭"
_NAMES = "一二三四五六日"
_ENGLISH = ("mo", "tu", "we", "th", "fr", "sa", "su")  # of OpenStreetMap
_LONGEST = 200
_SINGLE = "周[一二三四五六日天1-7]"
_PART = "上午|早上|早晨|早|中午|下午|晚上|晚|夜间|am|pm"  # of the day
_TIME = rf"(?:{_PART})?\d{{1,2}}(?:[:.]\d{{2}}|[点时](?:\d{{1,2}}分?|半|整)?)?(?:am|pm)?"
_TOKENS = re.compile(
    rf"(?P<days>(?:{_SINGLE}(?:-{_SINGLE}|-[一二三四五六日天1-7](?![\d:点时])|(?:、?[一二三四五六日天])+)?"
    rf"|每[天日]|天天|全周|工作日|双休日|周末))"
    r"|(?P<holiday>(?:国家)?(?:法定)?(?:节假日|假日|假期|节日|公休日))"
    r"|(?P<closed>不开放|不营业|不开|除外|休息|关闭|闭馆|闭园|关门|停诊|放假|休馆)"
    r"|(?P<open>照常(?:开放|营业)?|不休息?|也?开放|营业|正常开放)"
    rf"|(?P<time>(?P<start>{_TIME})-(?P<next>次日|第二天|翌日|凌晨)?(?P<end>{_TIME}))"
    r"|(?P<allday>7[x×*]24(?:小时)?|24[x×*]7|24(?:小时|h)(?:制)?|全天候?|昼夜|全日)"
    r"|(?P<everyday>全年无休|无休|全年|365天)"
    r"|(?P<join>[、和及与])"
    r"|(?P<noise>[;,。:()\[\]\s]|为|开放时间|营业时间|服务时间|时间|含|包括|均|可用|可取用|服务|对外|其余|其他)",
    re.ASCII,
)


@dataclass(frozen=True)
class Hours:
    """Weekly opening hours."""

    week: tuple[Times, Times, Times, Times, Times, Times, Times]
    """Monday to Sunday."""
    holidays: Times | None = None
    """On public holidays: empty is closed, None is not stated."""
    as_usual: bool = False
    """Whether it is stated that holidays are as other days."""


def parse_hours(text: str) -> Hours | None:
    """Read opening hours in any spelling; None where a part of the text is not understood.

    Examples
    --------
    >>> format_hours(parse_hours("工作日上午8:30-12:00,下午2:00-5:30"))
    '周一至周五 08:30-12:00, 14:00-17:30'
    >>> format_hours(parse_hours("每天9点至21点半(周一闭馆)"))
    '周二至周日 09:00-21:30'
    >>> parse_hours("与医院同步") is None
    True
    """
    tidy = _tidy(text)
    if not tidy or len(tidy) > _LONGEST:
        return None
    tokens, at = [], 0
    while at < len(tidy):
        found = _TOKENS.match(tidy, at)
        if not found or found.end() == at:
            return None
        at = found.end()
        if found.lastgroup != "noise":
            tokens.append(found)
    return _assemble(tokens)


def _tidy(text: str) -> str:
    """Bring days, dashes and separators to one form."""
    plain = unicodedata.normalize("NFKC", text).lower().strip()
    for pattern, to in (
        (r"24/7", "7x24"),
        *((rf"\b{day}\b", f"周{sign}") for day, sign in zip(_ENGLISH, _NAMES, strict=True)),
        (r"\bph\b", "节假日"),
        (r"\boff\b|\bclosed\b", "关闭"),
        (r"星期|礼拜", "周"),
        (r"[~—–−‒―]+|--+", "-"),
        (r"\s*(?:-|至|到)\s*", "-"),
        (r"(?<=\d)\s+(?=:)|(?<=:)\s+(?=\d)", ""),
        (r"24:00-24:00|0{1,2}:00-(?:24:00|23:59)", "24小时"),
        (r"24小时(?:不间断|不打烊|全天候?)", "24小时"),
        (r"全天候?24小时", "24小时"),
    ):
        plain = re.sub(pattern, to, plain)
    return plain


class _Reading:
    """What was read so far: the week, the holidays, and to whom the next times belong."""

    def __init__(self) -> None:
        self.week: dict[int, list[tuple[int, int]]] = {}
        self.holidays: list[tuple[int, int]] | None = None
        self.usual = self.holiday = self.open_ended = False
        self.days: tuple[int, ...] = ()
        self.loose: list[tuple[int, int]] = []
        self.waiting = False  # days were named, and neither times nor "closed" followed yet

    def add(self, start: int, end: int) -> None:
        """Add times to the holiday, the named days, or nobody yet."""
        if self.holiday:
            self.holidays = [*(self.holidays or []), (start, end)]
            self.open_ended = False
        elif self.days:
            for day in self.days:
                self.week.setdefault(day, []).append((start, end))
        else:
            self.loose.append((start, end))
        self.waiting = False


def _assemble(tokens: list[re.Match[str]]) -> Hours | None:
    """Put the parts of a text together; None where they make no sense."""
    state, joined = _Reading(), False
    for position, token in enumerate(tokens):
        kind = token.lastgroup if token.lastgroup not in ("start", "next", "end") else "time"
        kind = "time" if token["time"] else kind
        if not _take(state, kind or "", token, joined, tokens[position - 1] if position else None):
            return None
        joined = kind == "join"
    return _finish(state)


def _take(
    state: _Reading, kind: str, token: re.Match[str], joined: bool, before: re.Match[str] | None
) -> bool:
    """Take one part; False where it makes no sense here."""
    if kind == "days":
        days = _days(token[0])
        follows = before is not None and (before["days"] or joined)
        state.days = tuple(sorted({*state.days, *days})) if follows and state.waiting else days
        state.holiday, state.waiting = False, True
    elif kind == "holiday":
        state.holiday = state.open_ended = True
    elif kind == "closed":
        return _close(state)
    elif kind == "open":
        state.usual = state.usual or state.open_ended
        state.holiday = state.open_ended = False
    elif kind == "time":
        times = _range(token)
        if times is None:
            return False
        state.add(*times)
    elif kind == "allday":
        state.add(0, _DAY)
    elif kind == "everyday":
        state.usual = True
    return True


def _close(state: _Reading) -> bool:
    """Close the holiday or the days that were named last."""
    if state.holiday:
        state.holidays = []
        state.holiday = state.open_ended = False
        return not state.waiting or bool(state.days)
    if not state.days or not state.waiting:
        return False
    for day in state.days:
        state.week[day] = []
    state.waiting = False
    if state.loose:
        for day in set(range(7)) - set(state.days):
            state.week.setdefault(day, list(state.loose))
        state.loose = []
    state.days = ()
    return True


def _finish(state: _Reading) -> Hours | None:
    """Give the times that stand alone to their days, and check that all is said."""
    if state.loose:
        if state.week and any(state.week.values()):
            return None
        for day in state.days if state.waiting else range(7):
            state.week.setdefault(day, list(state.loose))
        state.waiting = False
    if state.waiting or not any(state.week.values()) or state.open_ended:
        return None
    week = [_ordered(state.week.get(day, ())) for day in range(7)]
    if any(times is None for times in week):
        return None
    holidays = None if state.holidays is None else _ordered(state.holidays)
    if state.usual and holidays is not None:
        return None
    usual = state.usual and any(times != _WHOLE for times in week)  # 24小时 says so by itself
    return Hours(tuple(week), holidays, usual)  # type: ignore[arg-type]


def _ordered(times: Iterable[tuple[int, int]]) -> Times | None:
    """Sort times; None where they overlap."""
    inside = sorted(set(times))
    ends = [end if end > start else end + _DAY for start, end in inside]
    if any(end > start for end, (start, _) in zip(ends, inside[1:], strict=False)):
        return None
    return tuple(inside)


def _days(text: str) -> tuple[int, ...]:
    """Read days: 周一-周五, 周一三五, 工作日, 每天."""
    if text[0] in "每天全":
        return tuple(range(7))
    if text in ("工作日", "双休日", "周末"):
        return (0, 1, 2, 3, 4) if text == "工作日" else (5, 6)
    digits = [_position(sign) for sign in text if sign not in "周-、"]
    if "-" not in text:
        return tuple(sorted(set(digits)))
    first, last = digits[0], digits[-1]
    return tuple(sorted({(first + step) % 7 for step in range((last - first) % 7 + 1)}))


def _position(sign: str) -> int:
    return int(sign) - 1 if sign.isdigit() else _NAMES.index("日" if sign == "天" else sign)


def _range(token: re.Match[str]) -> tuple[int, int] | None:
    """Read start and end; the end takes 下午 from the start where it would lie before it."""
    plain = r"\d{1,2}"
    if re.fullmatch(plain, token["start"]) and re.fullmatch(plain, token["end"]):
        return None  # 8-17: it may as well be a date or a telephone
    start, end = _clock(token["start"]), _clock(token["end"])
    if start is None or end is None or start >= _DAY:
        return None
    afternoon = re.match("下午|晚|夜|pm", token["start"]) is not None
    if end <= start and afternoon and not token["next"] and end + 720 > start and end < 720:
        end += 720
    if end <= start and not token["next"] and not (start >= 720 and end < 720):
        return None
    return (start, end) if end != start else None


def _clock(text: str) -> int | None:
    """Minutes after midnight of 8:30, 8点半, 下午2:00, 24:00."""
    half = re.match(_PART, text)
    late = bool(half and half[0] in ("下午", "晚上", "晚", "夜间", "pm")) or text.endswith("pm")
    rest = text[half.end() if half else 0 :].removesuffix("am").removesuffix("pm")
    found = re.fullmatch(r"(\d{1,2})(?:[:.点时](\d{1,2}|半|整)?分?)?", rest)
    if not found:
        return None
    minute = {"半": 30, "整": 0, None: 0}.get(found[2])
    minute = int(found[2]) if minute is None else minute
    hour = int(found[1]) + (12 if late and int(found[1]) < 12 else 0)
    return hour * 60 + minute if minute < 60 and hour * 60 + minute <= _DAY else None


def format_hours(hours: Hours | None) -> str:
    """Write opening hours in the canonical form; empty for None."""
    if hours is None:
        return ""
    if all(times == _WHOLE for times in hours.week) and hours.holidays is None:
        return ALWAYS
    groups: dict[Times, list[int]] = {}
    for day, times in enumerate(hours.week):
        if times:
            groups.setdefault(times, []).append(day)
    clauses = [f"{_write_days(days)} {_write_times(times)}" for times, days in groups.items()]
    if hours.as_usual:
        clauses.append("节假日照常")
    elif hours.holidays is not None:
        clauses.append(f"节假日 {_write_times(hours.holidays)}" if hours.holidays else "节假日关闭")
    return "; ".join(clauses)


def _write_days(days: list[int]) -> str:
    """Write days: runs of consecutive ones as 周一至周五, joined by 、."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    name = [f"周{sign}" for sign in _NAMES]
    return "、".join(name[run[0]] if len(run) == 1 else f"{name[run[0]]}至{name[run[-1]]}" for run in runs)


def _write_times(times: Times) -> str:
    def clock(minutes: int) -> str:
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    return ", ".join(f"{clock(start)}-{clock(end)}" for start, end in times)


def read_hours(cell: Any) -> Value:
    """Read opening hours as their canonical text.

    Examples
    --------
    >>> [read_hours(cell).value for cell in ("全天", "7×24", "周一至周五9：00—17：00, 节假日休息")]
    ['24小时', '24小时', '周一至周五 09:00-17:00; 节假日关闭']
    """
    text = as_text(cell).strip()
    if is_empty(text):
        return Value()
    hours = parse_hours(text)
    if hours is None:
        return invalid("开放时间无法识别", _FIX)
    canonical = format_hours(hours)
    return Value(canonical, "" if canonical == text else "value_cleaned")
