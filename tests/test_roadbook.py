"""A way in words: one road is one leg, and what nobody would say is left out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from boai.app.roadbook import legs, sentence
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("stretches", "expected"),
    [
        ([], []),
        ([("G45", 900.0), ("G45 大广高速", 5000.0), ("G45", 100.0)], [("G45 大广高速", 6000.0)]),
        ([("G45 大广高速", 5000.0), ("", 60.0), ("G45", 400.0)], [("G45 大广高速", 5400.0)]),
        ([("G45 大广高速", 5000.0), ("", 160.0), ("G45", 400.0)],
         [("G45 大广高速", 5000.0), ("", 160.0), ("G45", 400.0)]),
        ([("G4", 10.0), ("G45", 20.0)], [("G4", 10.0), ("G45", 20.0)]),  # no part of a name: another road
        ([("", 40.0), ("", 50.0)], []),
        ([("中山路", 30.0), ("", 300.0), ("", 200.0), ("北京路", 5.0)],
         [("中山路", 30.0), ("", 500.0), ("北京路", 5.0)]),
        # Two names of one road that do not continue each other stay two.
        ([("G105 甲大道", 10.0), ("G105 乙大道", 20.0)], [("G105 甲大道", 10.0), ("G105 乙大道", 20.0)]),
        ([("G105 迎宾大道", 10.0), ("G105", 1.0), ("G105 南昌大道", 20.0)], [("G105 南昌大道", 31.0)]),
    ],
)  # fmt: skip
def test_legs(stretches: list[tuple[str, float]], expected: list[tuple[str, float]]) -> None:
    assert legs(stretches) == expected


NAMES = st.sampled_from(["", "G45", "G45 大广高速", "中山路", "G4"])


@given(st.lists(st.tuples(NAMES, st.floats(1, 1e5))))
def test_no_named_metre_is_lost(stretches: list[tuple[str, float]]) -> None:
    found = legs(stretches)
    named = sum(metres for name, metres in stretches if name)
    assert sum(metres for name, metres in found if name) == pytest.approx(named)
    assert {name for name, _ in found} <= {name for name, _ in stretches}
    assert all(one[0] != other[0] for one, other in pairwise(found))


def test_the_longest_roads_are_said_in_the_order_of_driving() -> None:
    way = [("甲路", 3000.0), ("乙路", 500.0), ("丙路", 9000.0), ("", 2000.0)]
    assert sentence(way, most=4) == "甲路 3.0 公里 → 乙路 0.5 公里 → 丙路 9.0 公里 → 无名道路 2.0 公里"
    assert sentence(way, most=2) == "甲路 3.0 公里 → 丙路 9.0 公里 等 4 段"
