"""The message of a dispatch, its number and its record: short, plain, the same as the answer."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from boai.app.desk import dispatch, dispatch_sheet
from boai.app.desk.dispatch import Decision, arrival, next_number, number_of, record, text
from boai.app.desk.parts import CHINA
from boai.geodata.errors import InputError
from dispatchworld import AT, make_answer, make_card, make_decision
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "甲\r\n乙\u202e丙\u2028丁\x00\x1b[31m",
    "长" * 5000,
    "'; DROP TABLE dispatches;--",
    "😀\ud800",
    "$x_{1}$ \\frac",
)


def test_a_message_says_what_must_be_known() -> None:
    message = text(make_answer(), make_decision())
    lines = message.splitlines()
    assert lines[0] == "【备灾物资调度单】 编号 20261122-001"
    for word in ("江西省南昌市西湖区", "115.85000, 28.68000, WGS84", "1,200 人", "约 300 户", "帐篷 20"):
        assert word in message
    assert "1. 第1仓库: 预计 15:20 到 (1小时15分, 10.0 公里, 经 G45 大广高速)" in lines
    assert "   调出: 家庭包 100" in lines
    assert "数据版本 0123456789ab" in lines
    assert "未计入任何封路" in message


def test_telephone_numbers_stand_on_lines_of_their_own() -> None:
    """A telephone makes a number in a message a link: nothing else may stand in its line but the name."""
    lines = text(make_answer(), make_decision()).splitlines()
    for number in range(1, 4):
        assert f"王堃 1380000000{number}" in lines
    assert lines.count("李四 0792-7220000") == 3


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 9, 13, 20])
def test_a_message_stays_short(count: int) -> None:
    message = text(make_answer(20), make_decision(count, note="注" * 500))
    lines = message.splitlines()
    assert len(lines) < 20
    named = sum(f"第{number}仓库" in message for number in range(1, count + 1))
    rest = [int(line.split()[1]) for line in lines if line.startswith("另有")]
    assert named + sum(rest) == count


def test_what_is_synthetic_supposed_or_unreachable_is_said() -> None:
    cards = [make_card(1, example=True), make_card(2, eta_min=None, km=None, phone="", deputy_phone="")]
    closure = {"number": 4, "what": "G45", "speed": 0.0, "reason": "", "since": ""}
    answer = make_answer(
        labels=["近似路网", "示例数据"], sites=cards, closures=[closure], what_if={"empty": []}
    )
    message = text(answer | {"what_if": {"empty": [{"id": "w9", "name": "第9仓库"}]}}, make_decision(2))
    for word in (
        "(近似路网、示例数据)",
        "号码为示例, 打不通",
        "2. 第2仓库: 不可达",
        "电话未填",
        "1 条",
        "试算",
    ):
        assert word in message
    assert "None" not in message
    assert "inf" not in message


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text_on_their_line(name: str) -> None:
    cards = [make_card(1, name=name, keeper=name, phone=name, roads=[name])]
    answer = make_answer(sites=cards, place=make_answer()["place"] | {"name": name}, version=name)
    decision = make_decision(1, who=name, note=name, carry={"w1": {name: 3}}, need={"items": {name: 2}})
    message = text(answer, decision)
    assert len(message.splitlines()) < 20
    assert len(message) < 2500
    marks = set(message) - {"\n"}
    assert not [mark for mark in marks if unicodedata.category(mark) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@given(st.lists(st.text(max_size=300), min_size=8, max_size=8), st.integers(1, 20))
@settings(max_examples=many(40))
def test_any_text_gives_a_short_plain_message(texts: list[str], count: int) -> None:
    keys = ("name", "keeper", "phone", "deputy", "deputy_phone")
    cards = [make_card(n, **dict(zip(keys, texts, strict=False))) for n in range(1, count + 1)]
    message = text(make_answer(sites=cards), make_decision(count, who=texts[5], note=texts[6]))
    assert len(message.split("\n")) == len(message.splitlines()) < 20
    message.encode()


@pytest.mark.parametrize("chosen", [(), ("w1", "w1"), ("nobody",), tuple(f"w{n}" for n in range(1, 30))])
def test_a_choice_that_the_answer_does_not_list_is_refused(chosen: tuple[str, ...]) -> None:
    for make in (text, record, dispatch_sheet.order):
        with pytest.raises(InputError, match="派出的站点"):
            make(make_answer(), Decision(chosen, AT))


def test_what_was_chosen_is_sent_though_another_desk_closed_a_road_meanwhile() -> None:
    asked: list[int] = []

    def ask(k: int) -> dict[str, Any]:
        asked.append(k)
        return make_answer(9, sites=make_answer(9)["sites"][:k], features=make_answer(9)["features"][:k])

    answer = dispatch.covering(ask, ["w2", "w8"], k=3, most=9)
    assert [card["id"] for card in answer["sites"]] == ["w1", "w2", "w3", "w8"]
    assert [one["properties"]["id"] for one in answer["features"]] == ["w1", "w2", "w3", "w8"]
    assert asked == [3, 9]
    assert "1. 第8仓库" in text(answer, Decision(("w8",), AT))
    with pytest.raises(InputError, match="不可达"):
        text(dispatch.covering(ask, ["w77"], k=3, most=9), Decision(("w77",), AT))
    asked.clear()
    dispatch.covering(ask, ["w3"], k=3, most=9)
    assert asked == [3]


def test_arrivals_are_read_on_the_clock_of_china() -> None:
    utc = datetime.fromisoformat("2026-11-22T15:30:00+00:00")
    assert arrival(utc, 20) == "23:50"
    assert arrival(utc, 30) == "次日 00:00"
    assert arrival(utc, 60 * 24 * 2) == "第三日 23:30"
    assert arrival(utc, 60 * 24 * 9) == "12月1日 23:30"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.lists(st.integers(1, 10**6), max_size=20))
@settings(max_examples=many(40))
def test_a_number_is_new_and_the_next_of_its_day(at: datetime, running: list[int]) -> None:
    moment = at.replace(tzinfo=CHINA)
    today, before = moment.date(), moment.date() - timedelta(days=1)
    taken = [number_of(today, one) for one in running] + [number_of(before, 77), "", "20261122", "x-1"]
    number = next_number(moment, taken)
    assert number not in taken
    assert number == number_of(today, max(running, default=0) + 1)


def test_numbers_run_on_beyond_a_thousand() -> None:
    assert number_of(date(2026, 1, 2), 1234) == "20260102-1234"
    assert next_number(datetime(2026, 1, 2, tzinfo=CHINA), ["20260102-1234"]) == "20260102-1235"


def test_a_record_holds_question_answer_and_decision() -> None:
    closure = {"number": 4, "what": "G45", "speed": 0.0, "reason": "", "since": ""}
    kept = record(make_answer(closures=[closure]), make_decision(2))
    assert kept["version"] == "0123456789ab"
    assert kept["number"] == "20261122-001"
    assert kept["closures"] == [4]
    assert [site["id"] for site in kept["sites"]] == ["w1", "w2"]
    assert [site["id"] for site in kept["listed"]] == ["w1", "w2", "w3"]
    assert kept["sites"][0]["carry"] == {"家庭包": 100}
    assert kept["sites"][0]["arrival"] == "15:20"
    assert kept["at"] == "2026-11-22T14:05:00+08:00"
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept


@pytest.mark.parametrize(
    "carry",
    [3, [], {"w1": 3}, {"w1": {"家庭包": -1}}, {"w1": {"家庭包": 1.5}}, {"w1": {"家庭包": True}},
     {"w1": {"家庭包": 10**9}}, {"w1": {str(n): 1 for n in range(99)}}],
)  # fmt: skip
def test_amounts_from_outside_are_checked(carry: Any) -> None:
    with pytest.raises(InputError, match="调出数量"):
        dispatch_sheet.check_amounts(carry)


def test_what_is_short_is_never_invented() -> None:
    """Nothing decided about the amounts: nothing is short, and the sheet leaves room to write."""
    made = dispatch_sheet.order(make_answer(), make_decision(carry={}))
    assert [row[2:] for row in made.items] == [("", ""), ("", "")]
    assert dict(made.senders[0].rows)["本次调出"].startswith("电话商定")
    made = dispatch_sheet.order(make_answer(), make_decision())
    assert made.items == (("家庭包", "400", "300", "100"), ("帐篷", "20", "", "20"))


def test_a_plan_for_a_need_is_dispatched_as_it_was_planned() -> None:
    base = make_answer()
    stores = [make_card(n, takes={"家庭包": 100 * n}) for n in (1, 2)]
    plan = {"stores": stores, "shortfall": {"家庭包": 100}, "text": "2 处仓库, 缺 家庭包 100"}
    found = {
        key: value for key, value in base.items() if key not in ("sites", "kind", "compliance", "changes")
    }
    found |= {
        "persons": 1600,
        "items": {"家庭包": 400},
        "plans": {"first": plan, "fewest": plan | {"stores": []}},
    }
    answer, carry, need = dispatch.of_plan(found)
    decision = Decision(tuple(carry), AT, carry=carry, need=need)
    assert dispatch_sheet.order(answer, decision).items == (("家庭包", "400", "300", "100"),)
    assert "   调出: 家庭包 200" in text(answer, decision)
    assert record(answer, decision)["sites"][1]["carry"] == {"家庭包": 200}
    for name in ("fewest", "nothing"):
        with pytest.raises(InputError, match="方案"):
            dispatch.of_plan(found, name)


def test_a_sheet_says_what_was_only_supposed() -> None:
    trial = {"empty": [{"id": "w9", "name": "第9仓库"}], "closed": [{"what": "G45 大广高速", "edges": 3}]}
    made = dispatch_sheet.order(make_answer(what_if=trial), make_decision())
    label, said, red = next(row for row in made.circumstances if row[0] == "试算")
    assert (label, red) == ("试算", True)
    assert "第9仓库 为空、G45 大广高速 封闭" in said
    assert ("时限", "省级 10小时内: 不可达", True) in made.circumstances


def test_what_changes_is_said_once() -> None:
    """The first sentence, and what concerns others; how much later a site comes is said beside it."""
    sentences = ["改由 第2仓库 最先, 晚 20分", "第1仓库 晚 30分", "第9仓库 不计入: 标记为空"]
    cards = [make_card(1, eta_min=80.5, usual_eta_min=50.6, delta_min=29.9), make_card(2)]
    made = dispatch_sheet.order(make_answer(sites=cards, changes={"sentences": sentences}), make_decision(2))
    said = [text for label, text, _ in made.circumstances if label in ("变化", "")]
    assert said == [sentences[0], sentences[2]]
    assert "比平时晚 30分" in dict(made.senders[0].rows)["注意"]


def test_a_decision_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_decision().number = "x"  # type: ignore[misc]
    assert dispatch.MOST_SENT == 20
