"""Times of day as people type them and as files keep them; the clock of China, whatever the machine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from boai.geodata.errors import InputError
from boai.geodata.moments import CHINA, instant, read_end, shown, written
from hypothesis import given
from hypothesis import strategies as st

AT = datetime(2026, 7, 1, 17, 30, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("typed", "end"),
    [
        ("", ""), ("  ", ""), ("18:00", "2026-07-01T18:00:00+08:00"), ("17:30", "2026-07-02T17:30:00+08:00"),
        ("6:05", "2026-07-02T06:05:00+08:00"), ("２４：００", "2026-07-02T00:00:00+08:00"),
        ("2026-07-03 08:15", "2026-07-03T08:15:00+08:00"), ("2026-07-01T09:31Z", "2026-07-01T17:31:00+08:00"),
        ("2027-06-30 00:00", "2027-06-30T00:00:00+08:00"),
    ],
)  # fmt: skip
def test_what_people_type(typed: str, end: str) -> None:
    assert read_end(typed, at=AT, where="--until") == end
    assert read_end(typed, at=AT.astimezone(UTC), where="--until") == end


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("2026-07-01 17:30", "已经过去"), ("2020-01-01 00:00", "已经过去"),
        ("2026-07-01T17:30+08:00", "已经过去"), ("2026-07-03", "看不懂"),
        ("9999-12-31 23:59", "太远"), ("2028-01-01 00:00", "太远"), ("9999-12-31T23:59-23:59", "看不懂"),
        ("0001-01-01T00:00+23:59", "看不懂"), ("24:01", "看不懂"), ("25:00", "看不懂"),
        ("明天", "看不懂"), ("18", "看不懂"), ("-1:00", "看不懂"), ("2026-02-30 10:00", "看不懂"),
        ("18:00" + " " * 10_000 + "x", "看不懂"), ("x" * 10_000_000, "看不懂"), ("\ud800", "看不懂"),
        ("2026-07-01T18:00:00+08:00" + "0" * 30, "看不懂"), ("<b>18:00</b>", "看不懂"),
    ],
)  # fmt: skip
def test_what_is_no_end_is_refused_in_one_sentence(typed: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read_end(typed, at=AT, where="--until")
    assert len(str(caught.value)) < 200


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.integers(-1439, 1439))
def test_a_moment_written_is_read_again(local: datetime, minutes: int) -> None:
    at = local.replace(microsecond=0, tzinfo=UTC) + timedelta(minutes=minutes)
    assert instant(written(at)) == at
    assert written(at).endswith("+08:00")
    assert shown(written(at)) == at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


@given(st.text(max_size=60))
def test_any_text_is_an_end_or_a_refusal(text: str) -> None:
    try:
        end = read_end(text, at=AT, where="--until")
    except InputError:
        return
    assert end == "" or AT < datetime.fromisoformat(end) <= AT + timedelta(days=366)


def test_a_moment_without_an_offset_is_none() -> None:
    assert instant("2026-07-01T18:00:00") is None
    with pytest.raises(ValueError, match="offset"):
        written(datetime(2026, 7, 1))
