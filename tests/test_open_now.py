"""Open now: every edge of the day, the week and midnight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from boai.app.desk.hours import open_at
from boai.app.desk.parts import CHINA
from boai.geodata.intake.hours import parse_hours
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

MONDAY = datetime(2026, 11, 23, tzinfo=CHINA)


def when(day: int, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("hours", "day", "clock", "is_open", "text"),
    [
        ("周一至周五 08:00-17:30", 0, "07:59", False, "现在关闭, 今天 08:00 开"),
        ("周一至周五 08:00-17:30", 0, "08:00", True, "开放至 17:30"),
        ("周一至周五 08:00-17:30", 0, "17:29", True, "开放至 17:30"),
        ("周一至周五 08:00-17:30", 0, "17:30", False, "现在关闭, 明天 08:00 开"),
        ("周一至周五 08:00-17:30", 4, "18:00", False, "现在关闭, 周一 08:00 开"),
        ("周一至周五 08:00-17:30; 节假日关闭", 0, "09:00", True, "开放至 17:30 (节假日关闭)"),
        ("周一 08:00-12:00; 节假日 09:00-10:00", 0, "09:00", True, "开放至 12:00 (节假日另有时间)"),
        ("周一至周日 18:00-02:00", 2, "23:00", True, "开放至 次日 02:00"),
        ("周一至周日 18:00-02:00", 2, "01:59", True, "开放至 02:00"),
        ("周一至周日 18:00-02:00", 2, "02:00", False, "现在关闭, 今天 18:00 开"),
        ("周日 22:00-06:00", 0, "05:00", True, "开放至 06:00"),
        ("周日 22:00-06:00", 6, "23:00", True, "开放至 次日 06:00"),
        ("周日 22:00-06:00", 0, "06:00", False, "现在关闭, 周日 22:00 开"),
        ("周一 00:00-24:00", 0, "12:00", True, "开放至 24:00"),
        ("周一 00:00-24:00; 周二 00:00-12:00", 0, "12:00", True, "开放至 次日 12:00"),
        ("24小时", 3, "03:00", True, "24小时开放"),
        ("每天 00:00-24:00; 节假日关闭", 3, "03:00", True, "24小时开放 (节假日关闭)"),
        ("周三 08:00-12:00, 14:00-17:00", 2, "12:30", False, "现在关闭, 今天 14:00 开"),
        ("", 0, "12:00", None, "开放时间未填"),
        ("  ", 0, "12:00", None, "开放时间未填"),
        ("与医院同步", 0, "12:00", None, "开放时间看不懂"),
        ("<script>" * 500, 0, "12:00", None, "开放时间看不懂"),
        ("周一 25:99-99:99", 0, "12:00", None, "开放时间看不懂"),
    ],
)
def test_hours_at_a_moment(hours: str, day: int, clock: str, is_open: bool | None, text: str) -> None:
    assert open_at(hours, when(day, clock)) == (is_open, text)


def test_the_clock_is_that_of_china() -> None:
    assert open_at("周一 08:00-09:00", datetime(2026, 11, 23, 0, 30, tzinfo=UTC))[0] is True


@settings(max_examples=many(150))
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 23), st.integers(1, 30)), min_size=1, max_size=5),
    st.integers(0, 10079),
)
def test_open_is_what_the_minutes_of_the_week_say(times: list[tuple[int, int, int]], minute: int) -> None:
    """Against marking every minute of the week one by one."""
    text = "; ".join(
        f"周{'一二三四五六日'[day]} {start:02d}:00-{(start + length % 23 + 1) % 24:02d}:30"
        for day, start, length in times
    )
    hours = parse_hours(text)
    if hours is None:  # times of a day overlap
        return
    week = [False] * 10080
    for day, own in enumerate(hours.week):
        for start, end in own:
            for at in range(start, end if end > start else end + 1440):
                week[(day * 1440 + at) % 10080] = True
    is_open, told = open_at(text, MONDAY + timedelta(minutes=minute))
    assert is_open == week[minute]
    change = next((step for step in range(1, 10081) if week[(minute + step) % 10080] != week[minute]), None)
    if change is None:
        assert told == "24小时开放"
    else:
        at = (minute + change) % 1440
        said = told.removesuffix(" 开").split(" ")[-1].removeprefix("开放至")
        assert said in (f"{at // 60:02d}:{at % 60:02d}", "24:00" if at == 0 else "")
