"""Strings as two arrays: whatever the strings, they come back."""

from __future__ import annotations

import numpy as np
import pytest
from boai.geodata.texts import Texts
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"])))


@given(WORDS)
def test_strings_come_back(words: list[str]) -> None:
    texts = Texts.of(words)
    assert list(texts) == words
    assert [texts[at] for at in range(len(words))] == words
    assert [texts[-at - 1] for at in range(len(words))] == words[::-1]
    assert texts == words == texts
    assert texts[1:3] == tuple(words[1:3])
    assert hash(texts) == hash(Texts.of(words))


def test_what_is_no_list_of_strings_is_not_equal() -> None:
    assert Texts.of(["a", "b"]) != "ab"
    assert Texts.of(["a"]) != ["a", "b"]
    assert Texts.of(["a"]) != 1


def test_positions_that_are_not_there() -> None:
    texts = Texts.of(["a"])
    for at in (1, -2):
        with pytest.raises(IndexError):
            texts[at]
    assert texts[np.int32(0)] == "a"


def test_broken_text_is_replaced() -> None:
    assert list(Texts.of(["a\ud800b"])) == ["a?b"]
