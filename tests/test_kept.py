"""Answers that are kept: for the same objects only, and no longer than these live."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from boai.coverage.kept import Kept


class Thing:
    """An object of its own."""


def test_an_answer_is_made_once_for_the_same_objects() -> None:
    kept, one, other = Kept[list[int]](most=4), Thing(), Thing()
    made: list[str] = []

    def make(name: str) -> list[int]:
        made.append(name)
        return [len(made)]

    first = kept.get((one, other), "a", lambda: make("a"))
    assert kept.get((one, other), "a", lambda: make("again")) is first
    assert kept.get((one, other), "b", lambda: make("b")) == [2]
    assert kept.get((other, one), "a", lambda: make("turned")) == [3]
    assert made == ["a", "b", "turned"]


def test_the_oldest_goes_first() -> None:
    kept, thing = Kept[int](most=2), Thing()
    for key in (1, 2, 3):
        kept.get((thing,), key, lambda key=key: key)
    assert kept.get((thing,), 3, lambda: -1) == 3
    assert kept.get((thing,), 2, lambda: -1) == 2
    assert kept.get((thing,), 1, lambda: -1) == -1


def test_nothing_outlives_what_it_was_made_of() -> None:
    """An array at the same address is another array, and a dead one's answer is let go."""
    kept = Kept[Thing](most=4)
    array = np.arange(3)
    answer = weakref.ref(kept.get((array,), None, Thing))
    gc.collect()
    assert answer() is not None
    del array
    other = np.arange(3)
    second = kept.get((other,), None, Thing)
    gc.collect()
    assert answer() is None
    assert kept.get((other,), None, Thing) is second


def test_threads_get_the_same() -> None:
    kept, thing = Kept[int](most=2), Thing()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda key: kept.get((thing,), key % 2, lambda: key % 2), range(400)))
    assert found == [key % 2 for key in range(400)]
