"""Buckets of requests: so many at once, so many again in a time, each name for itself."""

from __future__ import annotations

import pytest
from boai.app.server import rates
from boai.app.server.errors import Refusal
from boai.app.server.rates import Rates, parse
from hypothesis import given
from hypothesis import strategies as st


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def passes(own: Rates, name: str = "a") -> bool:
    try:
        own.count("read", name)
    except Refusal as refusal:
        assert refusal.status == 429
        assert int(refusal.headers["Retry-After"]) >= 1
        return False
    return True


def test_a_bucket_is_emptied_and_filled_again() -> None:
    hand = Hand()
    own = Rates({"read": "200/4 seconds"}, clock=hand)
    assert [passes(own) for _ in range(201)] == [True] * 200 + [False]
    assert passes(own, "b")
    hand.at += 1
    assert [passes(own) for _ in range(51)] == [True] * 50 + [False]
    hand.at += 1000
    assert sum(passes(own) for _ in range(300)) == 200


def test_who_waits_as_told_is_let_through() -> None:
    hand = Hand()
    own = Rates({"wrong": "3/minute"}, clock=hand)
    for _ in range(3):
        own.count("wrong", "a")
    with pytest.raises(Refusal) as caught:
        own.count("wrong", "a")
    hand.at += int(caught.value.headers["Retry-After"])
    own.count("wrong", "a")


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 5), st.sampled_from([1, 2, 60]))
def test_no_time_sees_more_than_the_bucket_and_what_flows_in(
    waits: list[float], most: int, within_s: int
) -> None:
    hand = Hand()
    own = Rates({"read": f"{most}/{within_s} seconds"}, clock=hand)
    passed = []
    for wait in waits:
        hand.at += wait
        if passes(own):
            passed.append(hand.at)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            time = passed[last] - passed[first]
            assert last - first + 1 <= most + time * most / within_s + 1e-6


def test_a_flood_of_names_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_MOST_NAMES", 100)
    own = Rates({"read": "2/minute"}, clock=Hand())
    for number in range(1000):
        assert passes(own, str(number))
        assert len(own._full) <= 100
    assert [passes(own, "999"), passes(own, "999")] == [True, False]


@pytest.mark.parametrize(
    "text", ["", "5", "0/second", "5/0 seconds", "-1/second", "5/day", "5/second; x", "٣/second"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no rate"):
        parse(text)
