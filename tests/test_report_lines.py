"""Lines of Chinese text: no mark at the wrong end, figures whole, nothing lost, nothing too wide."""

from __future__ import annotations

import pytest
from boai.maps.report.lines import NEVER_FIRST, NEVER_LAST, RAISED, break_lines, clean, pieces
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = (
    "全省（2024年）76.5%的居民在备灾仓库1小时车程以内，其余 1,061.9万人（约两成）最远要走 4 小时 20 分；"
    "“修水县”、《规划》与 TD/T 1062-2021 都说：够得着，不等于来得及！"
)
WORDS = ("（2024年）", "76.5%", "1小时", "1,061.9万人", "4 小时 20 分；", "TD/T", "1062-2021")


def widths(text: str) -> list[float]:
    return [1.0 if ord(mark) > 0x2E80 else 0.5 for mark in text]


def lines(text: str, room: float) -> list[str]:
    return [text[start:end] for start, end in break_lines(text, widths(text), room)]


@pytest.mark.parametrize("room", [9, 10, 11.5, 13, 17, 20, 31, 48])
def test_no_mark_stands_at_the_wrong_end_and_figures_stay_whole(room: float) -> None:
    broken = lines(TEXT, room)
    assert "".join(broken).replace(" ", "") == TEXT.replace(" ", "")
    for line in broken:
        assert line[0] not in NEVER_FIRST
        assert line[-1] not in NEVER_LAST
        assert not line.startswith(" ")
        assert sum(widths(line)) <= room + 1e-6
    for word in WORDS:
        assert sum(word in line for line in broken) == 1


def test_a_last_line_is_not_a_single_character() -> None:
    text = "备灾仓库离居民越近越好但是钱不够"
    assert [len(line) for line in lines(text, 15)] == [13, 3]
    assert lines(text, 16) == [text]


def test_the_small_number_stays_behind_its_figure() -> None:
    text = f"覆盖 76.5%{RAISED[1]}{RAISED[2]}分布在各县"
    assert f"76.5%{RAISED[1]}{RAISED[2]}" in pieces(text)


def test_words_wider_than_the_line_are_broken() -> None:
    assert lines("W" * 50, 5) == ["W" * 10] * 5
    assert "".join(lines("。" * 30, 7)) == "。" * 30
    assert lines("", 5) == lines("  ", 5) == []
    assert lines("长", 0.5) == ["长"]


@settings(max_examples=many(200), deadline=None)
@given(st.text(st.sampled_from("省市，。（）“”1234.5%万人 abW-\u2014"), max_size=80), st.integers(1, 30))
def test_nothing_is_lost_whatever_the_text(text: str, room: int) -> None:
    broken = lines(text, room)
    assert "".join(broken).replace(" ", "") == text.replace(" ", "")
    assert "".join(pieces(text)) == text
    for line in broken:
        assert sum(widths(line)) <= room or len(line) == 1


def test_texts_are_made_harmless() -> None:
    assert clean("a\x00b\u202ec\u200bd\ud800e\ufffef\ue001g") == "abcdefg"
    assert clean(" 一\r\n\t二 ") == " 一 二 "
    assert clean("😀甲", known=frozenset("甲")) == "〓甲"
    assert clean("长" * 30, longest=10) == f"{'长' * 10}…"
