"""Suggestions: every place by its name, pinyin and initials, in any spelling, quickly and in good order."""

from __future__ import annotations

import numpy as np
import pytest
from boai.geodata import characters, gazetteer
from boai.geodata.characters import blurred, readings, simplified, spelt
from boai.geodata.gazetteer import Gazetteer
from boai.geodata.names import COUNTY
from boai.geodata.place_search import BELOW, PINYIN, WHOLE, _distances, _words, normal, search
from boai.scenarios.world import World
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def gaz(world: World) -> Gazetteer:
    return world.gazetteer


def _names(gaz: Gazetteer, text: str, limit: int = 8) -> list[str]:
    found = gazetteer.suggest(gaz, text, limit=limit)
    return [one.place.full_name.removeprefix("江西省") for one in found]


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ("修水县黄坳乡", "九江市修水县黄坳乡", ""), ("修水黄坳", "九江市修水县黄坳乡", ""),
        ("黄坳", "九江市修水县黄坳乡", ""), ("修水县黄", "九江市修水县黄沙镇", ""),
        ("修水縣黃坳鄉", "九江市修水县黄坳乡", ""), ("萬載", "宜春市万载县", ""),
        ("xiushui", "九江市修水县", "拼音"), ("xiushuixian huangao", "九江市修水县黄坳乡", "拼音"),
        ("Xiū shuǐ", "九江市修水县", "拼音"), ("xsx", "九江市修水县", "首字母"),
        ("xsx ha", "九江市修水县黄坳乡", "首字母"), ("修水huangao", "九江市修水县黄坳乡", "拼音"),
        ("yanshan", "上饶市铅山县", "拼音"), ("leping", "景德镇市乐平市", "拼音"),
        ("秀水", "九江市修水县", "同音"), ("修水县黄凹乡", "九江市修水县黄坳乡", "同音"),
        ("sangrao", "上饶市", "读音相近"), ("修永县", "九江市修水县", "写法相近"),
        ("赣县", "赣州市赣县区", ""), ("九江县", "九江市柴桑区", ""),
        ("修水县医院", "九江市修水县", "地名表里没有 医院, 以修水县代替"),
        ("黄坳乡医院", "九江市修水县黄坳乡", "地名表里没有 医院, 以黄坳乡代替"),
    ],
)  # fmt: skip
def test_many_spellings_lead_to_the_place(gaz: Gazetteer, text: str, name: str, why: str) -> None:
    found = gazetteer.suggest(gaz, text, limit=8)
    assert found[0].place.full_name == "江西省" + name
    assert found[0].place.note == why or (not why and found[0].place.note.startswith("又名"))


def test_every_name_is_first_by_itself_and_near_the_top_by_its_pinyin(gaz: Gazetteer) -> None:
    level = np.asarray(gaz.level)
    for row in np.flatnonzero(level > 0).tolist():
        whole = gazetteer.full_name(gaz, row)
        assert search(gaz.index, whole, 1)[0].row == row, whole
        syllables = readings(str(gaz.name[row]))
        assert syllables, whole
        hits = search(gaz.index, "".join(syllables[0]), 60)
        assert row in [hit.row for hit in hits if hit.rank <= WHOLE[PINYIN]], whole


def test_every_beginning_of_a_name_keeps_the_place_in_reach(gaz: Gazetteer) -> None:
    for row in range(1, len(gaz.name), 7):
        whole = gazetteer.full_name(gaz, row, province=False)
        for end in range(1, len(whole) + 1):
            hits = search(gaz.index, whole[:end], 10_000)
            found = {hit.row for hit in hits}
            counties = {int(gaz.county[hit.row]) for hit in hits if hit.level == COUNTY}
            assert row in found or int(gaz.county[row]) in counties or gaz.index.city[row] in found, whole[
                :end
            ]


def test_a_unit_comes_before_what_lies_in_it(gaz: Gazetteer) -> None:
    found = gazetteer.suggest(gaz, "修水", limit=100)
    assert found[0].place.name == "修水县"
    assert {one.place.note for one in found[1:]} == {BELOW}
    assert all(one.place.county == found[0].place.county for one in found)
    assert _names(gaz, "江西", 20)[1:] and all(name.endswith("市") for name in _names(gaz, "江西", 12)[1:])
    assert _names(gaz, "南昌")[:2] == ["南昌市", "南昌市南昌县"]


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "省" * 300, "a" * 61, "🏠", "<script>", "\ud800", "'; DROP"]
)
def test_nothing_comes_of_nothing(gaz: Gazetteer, text: str) -> None:
    assert gazetteer.suggest(gaz, text, limit=8) == []


@given(st.text(max_size=12) | st.text(alphabet="修水县黄坳乡镇街道区市南昌abcxhsgniu ", max_size=14))
def test_any_text_is_answered_in_order_each_place_once(world: World, text: str) -> None:
    hits = search(world.gazetteer.index, text, 20)
    assert hits == sorted(hits)
    assert len({hit.row for hit in hits}) == len(hits) <= 20


@given(st.lists(st.text(alphabet="abcd", min_size=1, max_size=8), min_size=1, max_size=20),
       st.text(alphabet="abcd", max_size=8))  # fmt: skip
def test_edit_distances_equal_the_textbook(words: list[str], text: str) -> None:
    def textbook(a: str, b: str) -> int:
        if not a or not b:
            return len(a) + len(b)
        return min(
            textbook_of(a[1:], b) + 1, textbook_of(a, b[1:]) + 1, textbook_of(a[1:], b[1:]) + (a[0] != b[0])
        )

    known: dict[tuple[str, str], int] = {}

    def textbook_of(a: str, b: str) -> int:
        if (a, b) not in known:
            known[a, b] = textbook(a, b)
        return known[a, b]

    found = _distances(_words([(word, 0) for word in words]).codes, text)
    assert found.tolist() == [textbook_of(word, text) for word in words]


def test_characters() -> None:
    assert simplified("廬山市、鄱陽縣、會昌") == "庐山市、鄱阳县、会昌"
    assert ("yan", "shan") in readings("铅山")
    assert ("le", "ping") in readings("乐平")
    assert readings("修x") == []
    assert spelt("Lǚ'ān") == "lvan"
    assert blurred("shang") == blurred("san")
    assert normal("修水縣 Huáng") == "修水县huang"
    rows = [line.split(",") for line in characters.tables()["pinyin"].splitlines()]
    usual = "".join(row[1] for row in rows)
    assert len(usual) == len(set(usual)) > 6700
    assert all(row[0].isascii() and row[0].isalpha() for row in rows)


def test_the_gazetteers_characters_can_all_be_spelt(gaz: Gazetteer) -> None:
    assert all(readings(name) for name in [*gaz.name.tolist(), *gaz.alias.tolist()])
