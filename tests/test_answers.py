"""The desk's answers on a grid of ten-minute roads: every number is known beforehand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import answerworld as world
import gridworld
import numpy as np
import pytest
from answerworld import NOW, at, edges_between, empty_mark, ground, site
from boai.app.desk import answers
from boai.app.desk.parts import Mark, WhatIf
from boai.app.desk.where import NO_WATER
from boai.coverage.live import Live
from boai.coverage.nearest import nearest_sites
from boai.geodata.errors import InputError
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def ids(answer: dict[str, Any]) -> list[str]:
    return [card["id"] for card in answer["sites"]]


def test_an_answer_bears_the_labels_of_what_it_is_about() -> None:
    """The office's own stores are not called examples because its teams are."""
    known = ground([site("A", 1)], [site("T", 2, example=True)])
    assert answers.nearest(known, at(0), kind="warehouse", now=NOW)["labels"] == []
    assert answers.nearest(known, at(0), kind="team", now=NOW)["labels"] == ["示例数据"]


def test_cards_come_in_the_order_of_arrival_with_all_their_facts() -> None:
    stores = [
        site(
            "A",
            1,
            stock={"家庭包": 30, "棉被": 5},
            keeper="张三",
            phone="0792-7220000",
            deputy="李四 13800000001",
        ),
        site("B", 4, readiness_min=60.0, level="市级", hours="周日 08:00-12:00", capacity=900.0),
        site("C", 3, stock={"棉被": 5}, stock_date="2026-01-01", vehicles=2, address="某路1号"),
    ]
    answer = answers.nearest(ground(stores), at(0), now=NOW)
    assert ids(answer) == ["A", "C", "B"]
    one, two, three = answer["sites"]
    assert (one["eta_min"], one["drive_min"], one["km"], one["readiness_min"]) == (10.0, 10.0, 10.0, 0.0)
    assert (two["eta_min"], three["eta_min"], three["drive_min"]) == (30.0, 70.0, 10.0)
    assert [card["rank"] for card in answer["sites"]] == [1, 2, 3]
    assert [card["crosses_city"] for card in answer["sites"]] == [False, True, False]
    assert (one["persons"], one["persons_origin"]) == (120, "库存")
    assert (two["persons"], two["persons_origin"]) == (5000, "级别估计")
    assert (three["persons"], three["persons_origin"]) == (900, "站点填报")
    assert (one["stock_age_days"], one["stock_old"], two["stock_old"], three["stock_old"]) == (
        21,
        False,
        True,
        False,
    )
    assert (three["open_now"], three["open_text"]) == (True, "开放至 12:00")
    assert (one["open_now"], one["open_text"]) == (None, "开放时间未填")
    assert (one["keeper"], one["phone"], one["deputy"]) == ("张三", "0792-7220000", "李四 13800000001")
    assert (one["deputy_phone"], two["vehicles"], two["address"]) == ("13800000001", 2, "某路1号")
    assert {card["status"] for card in answer["sites"]} == {"未核实"}
    assert one["usual_eta_min"] == 10.0 and one["delta_min"] == 0.0
    assert one["roads"] == ["G1 一号线"] and one["passes"]
    assert answer["changes"] is None and answer["what_if"] is None
    assert not answer["more"] and answer["unreached"] == {"count": 0, "names": []}
    assert [feature["properties"]["id"] for feature in answer["features"]] == ["A", "C", "B"]
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_an_empty_store_takes_no_place_and_stands_behind() -> None:
    stores = [
        site("A", 1, stock={"家庭包": 3}),
        site("B", 2, stock={"家庭包": 0}),
        site("C", 3),
        site("D", 7),
    ]
    answer = answers.nearest(ground(stores, marks=[empty_mark("A")]), at(0), k=1, now=NOW)
    assert ids(answer) == ["C", "A", "B"]
    assert [card["status"] for card in answer["sites"]] == ["未核实", "空", "空"]
    assert answer["sites"][1]["status_why"] == "11-22 08:30 王堃 标记为空: 昨天发完"
    assert answer["sites"][1]["persons"] == 0
    assert answer["sites"][1]["mark"]["note"] == "昨天发完"
    assert "全部为零" in answer["sites"][2]["status_why"]
    assert answer["more"]
    assert answer["changes"]["first_before"]["id"] == "A"  # B never had anything: that is as usual
    assert answer["changes"]["first_now"]["id"] == "C"
    assert answer["changes"]["delta_min"] == 20.0
    assert answer["changes"]["sentences"] == [
        "最先到达的由 A库(10分) 改为 C库(30分), 晚 20分",
        "A库 不计入: 11-22 08:30 王堃 标记为空: 昨天发完",
    ]


def test_empty_stores_farther_away_are_not_shown() -> None:
    stores = [site("A", 1), site("B", 2), site("C", 3)]
    assert ids(answers.nearest(ground(stores, marks=[empty_mark("C")]), at(0), k=1, now=NOW)) == ["A"]


def test_a_store_that_was_asked_counts_whatever_its_list_says() -> None:
    stores = [site("A", 1, stock={"家庭包": 0})]
    mark = Mark("warehouse", "A", "可用", "来了新货", "王堃", "2026-11-22T08:30:00+08:00")
    card = answers.nearest(ground(stores, marks=[mark]), at(0), now=NOW)["sites"][0]
    assert (card["status"], card["status_why"]) == ("可用", "11-22 08:30 王堃 核实可用: 来了新货")


def test_a_trial_empties_for_one_question_only() -> None:
    own = ground([site("A", 1), site("B", 2)])
    tried = answers.nearest(own, at(0), what_if=WhatIf(empty=("A",)), now=NOW)
    assert ids(tried) == ["B", "A"]
    assert tried["what_if"]["empty"] == [{"id": "A", "name": "A库"}]
    assert tried["sites"][1]["status_why"] == "假设为空 (试算)"
    again = answers.nearest(own, at(0), now=NOW)
    assert ids(again) == ["A", "B"] and again["what_if"] is None and again["changes"] is None


def test_a_closed_road_is_named_with_the_minutes_that_it_costs() -> None:
    """From 3 to 0 along the southern row takes 30 minutes; round the closed piece 50."""
    network = world.roads()
    closed = [("道路 G1 一号线", edges_between(network, (1, 2)), 0.0)]
    answer = answers.nearest(ground([site("A", 3)], closed=closed), at(0), now=NOW)
    card = answer["sites"][0]
    assert (card["eta_min"], card["usual_eta_min"], card["delta_min"]) == (50.0, 30.0, 20.0)
    assert answer["changes"]["sentences"] == ["最先到达的仍是 A库, 因 G1 一号线 封闭 晚 20分 (30分 → 50分)"]
    assert answer["changes"]["delta_min"] == 20.0
    assert answer["closures"][0]["what"] == "道路 G1 一号线"


def test_another_store_takes_over_when_a_road_is_closed() -> None:
    network = world.roads()
    closed = [("道路 G1 一号线", edges_between(network, (0, 1)), 0.0)]
    own = ground([site("A", 1), site("B", 8)], closed=closed)
    answer = answers.nearest(own, at(0), k=1, now=NOW)
    assert answer["changes"]["sentences"] == [
        "最先到达的由 A库(10分) 改为 B库(20分), 晚 10分",
        "A库 因 G1 一号线 封闭 晚 20分 (10分 → 30分)",
    ]
    card = answer["sites"][0]
    assert (card["id"], card["usual_eta_min"], card["delta_min"]) == ("B", 20.0, 0.0)


def test_slowed_roads_and_trials_are_told_apart() -> None:
    network = world.roads()
    slow = [("道路 G1 一号线", edges_between(network, (0, 1)), 0.5)]
    own = ground([site("A", 1)], closed=slow)
    slowed = answers.nearest(own, at(0), now=NOW)["changes"]["sentences"]
    assert slowed == ["最先到达的仍是 A库, 因 G1 一号线 减速 晚 10分 (10分 → 20分)"]
    shut = answers.nearest(own, at(0), what_if=WhatIf(edges=(edges_between(network, (0, 1))[0],)), now=NOW)
    assert shut["sites"][0]["eta_min"] == 30.0
    assert "G1 一号线路段 封闭 (试算)" in shut["changes"]["sentences"][0]
    assert shut["what_if"]["closed"] == [{"what": "G1 一号线路段", "edges": 2}]


def test_nobody_comes_is_said_in_words() -> None:
    network = world.roads()
    around = edges_between(network, (0, 1), (0, 4))
    own = ground([site("A", 1), site("B", 2)], closed=[("两条路", around, 0.0)])
    answer = answers.nearest(own, at(0), now=NOW)
    assert answer["sites"] == [] and answer["features"] == []
    assert answer["unreached"] == {"count": 2, "names": ["A库", "B库"]}
    assert any("不可达" in note for note in answer["notes"])
    assert answer["changes"]["sentences"][0] == "没有站点能到达, 平时最先到达的是 A库(10分)"
    assert "A库 因 两条路 封闭 不可达" in answer["changes"]["sentences"]
    assert answer["changes"]["first_now"] is None and answer["changes"]["delta_min"] is None
    assert {one["met"] for one in answer["compliance"]} == {False}
    assert "Infinity" not in json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize(("near", "said"), [([], "5 处不可达"), [[("N", 0)], "其余 5 处不可达"]])
def test_the_sentence_counts_all_who_cannot_come(near: list[tuple[str, int]], said: str) -> None:
    """It stands beside `unreached` on the page: not only the places of k that stay free, empty stores too."""
    network = world.roads()
    stores = [site(f"S{node}", node) for node in (1, 2, 3, 7, 11)] + [site(*one) for one in near]
    around = edges_between(network, (0, 1), (0, 4))
    own = ground(stores, closed=[("两条路", around, 0.0)], marks=[empty_mark("S7")])
    answer = answers.nearest(own, at(0), k=3, now=NOW)
    assert answer["unreached"]["count"] == 5
    assert f"{said} (道路中断或没有道路相连)" in answer["notes"]
    assert len(ids(answer)) == len(near)


def test_closures_that_change_nothing_say_so() -> None:
    network = world.roads()
    closed = [("道路 G4 四号线", edges_between(network, (14, 15)), 0.0)]
    answer = answers.nearest(ground([site("A", 1), site("B", 2)], closed=closed), at(0), now=NOW)
    assert answer["changes"]["sentences"] == ["最先到达的仍是 A库(10分), 时间不变"]
    assert answer["changes"]["delta_min"] == 0.0


def test_an_area_closes_what_it_touches() -> None:
    lon, lat = gridworld.grid_lonlat(4)
    middle = (float(lon[0] + lon[1]) / 2, float(lat[0]))
    ring = tuple((middle[0] + dx, middle[1] + dy) for dx, dy in ((-0.01, -0.01), (0.01, -0.01), (0, 0.01)))
    answer = answers.nearest(ground([site("A", 1)]), at(0), what_if=WhatIf(areas=(ring,)), now=NOW)
    assert answer["sites"][0]["eta_min"] == 30.0
    assert answer["what_if"]["closed"] == [{"what": "范围", "edges": 2}]


def test_all_problems_of_a_trial_are_told_at_once() -> None:
    bad = WhatIf(empty=("Z",), roads=("G99",), edges=(9999,), areas=(((115.0, 28.0), (115.1, 28.1)),))
    with pytest.raises(InputError) as caught:
        answers.nearest(ground([site("A", 1)]), at(0), what_if=bad, now=NOW)
    assert [problem.where for problem in caught.value.problems] == [
        "假设为空的站点", "假设封闭的道路", "假设封闭的路段", "假设封闭的范围",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [
        WhatIf(roads=("G1",) * 51),
        WhatIf(edges=tuple(range(5001))),
        WhatIf(empty=("A",) * 501),
        WhatIf(areas=(tuple((115 + i / 1e5, 28.0) for i in range(2001)),)),
        WhatIf(areas=(((float("nan"), 28.0), (115.0, 28.0), (115.1, 28.1)),)),
        WhatIf(areas=(((115.0, 28.0), (115.1, 28.0), (115.2, 28.0)),)),
        WhatIf(areas=(((1e300, 28.0), (115.0, 28.0), (115.1, 28.1)),)),
        WhatIf(edges=(-1,)),
        WhatIf(roads=("<script>" * 100,)),
    ],
)
def test_hostile_trials_are_refused(bad: WhatIf) -> None:
    with pytest.raises(InputError) as caught:
        answers.nearest(ground([site("A", 1)]), at(0), what_if=bad, now=NOW)
    assert all(len(str(problem)) < 200 for problem in caught.value.problems)


def test_an_empty_team_of_another_speciality_does_not_count() -> None:
    teams = [site("A", 1, speciality="医疗"), site("B", 2, speciality="搜救")]
    own = ground(teams=teams, marks=[empty_mark("A", kind="team")])
    answer = answers.nearest(own, at(0), kind="team", speciality="搜救", now=NOW)
    assert ids(answer) == ["B"]
    assert answer["changes"] is None
    assert not any("没有可派" in note for note in answer["notes"])
    every = answers.nearest(own, at(0), kind="team", now=NOW)
    assert ids(every) == ["B", "A"] and every["changes"]["first_before"]["id"] == "A"


def test_without_water_only_a_point_is_told_so() -> None:
    own = ground([site("A", 1)])
    assert NO_WATER in answers.nearest(own, at(0, level="点"), now=NOW)["notes"]
    assert NO_WATER not in answers.nearest(own, at(0, level="县"), now=NOW)["notes"]


def test_a_warning_of_the_place_itself_stays_under_closures() -> None:
    network = world.roads()
    closed = [("两条路", edges_between(network, (0, 1), (0, 4)), 0.0)]
    outside = "该点在省外, 在省界北侧约 2.0 公里"
    odd = at(0, outside=outside, water="该点在水面上", warning=outside)
    place = answers.nearest(ground([site("A", 1)], closed=closed), odd, now=NOW)["place"]
    assert place["warning"].split("; ")[0] == outside
    assert place["water"] == "该点在水面上"


def test_teams_are_found_by_speciality() -> None:
    teams = [
        site("A", 1, speciality="医疗", members=20.0),
        site("B", 2, speciality="搜救", vehicles=3, boats=1),
        site("C", 3),
        site("D", 4, speciality="搜救"),
    ]
    own = ground([site("S", 1)], teams)
    whole = answers.nearest(own, at(0), kind="team", k=9, now=NOW)
    assert whole["specialities"] == [
        {"name": "搜救", "count": 2}, {"name": "医疗", "count": 1}, {"name": "未填", "count": 1},
    ]  # fmt: skip
    assert ids(whole) == ["A", "D", "B", "C"]
    assert whole["compliance"] == [] and whole["sites"][0]["members"] == 20
    found = answers.nearest(own, at(0), kind="救援队", speciality="搜救", now=NOW)
    assert ids(found) == ["D", "B"] and not found["more"]
    assert (found["sites"][1]["vehicles"], found["sites"][1]["boats"]) == (3, 1)
    assert ids(answers.nearest(own, at(0), kind="team", speciality="未填", now=NOW)) == ["C"]
    none = answers.nearest(own, at(0), kind="team", speciality="通讯", now=NOW)
    assert none["sites"] == [] and none["unreached"]["count"] == 0
    assert any("没有登记这个专业" in note for note in none["notes"])


def test_compliance_is_met_or_late_by_so_much() -> None:
    stores = [
        site("A", 5, readiness_min=350.0),  # 370 minutes: 10 too late
        site("B", 3, readiness_min=500.0),
        site("C", 1, level="市级", readiness_min=470.0),  # 480 minutes to the point: just in time
    ]
    county, city, province = answers.nearest(ground(stores), at(0), now=NOW)["compliance"]
    assert (county["level"], county["limit_min"], county["site"]["id"]) == ("县", 360.0, "A")
    assert (county["met"], county["late_min"], county["eta_min"]) == (False, 10.0, 370.0)
    assert county["text"] == "县级 6小时内: A库 6小时10分到达, 不达标, 晚 10分"
    assert (city["met"], city["late_min"], city["eta_min"]) == (True, None, 480.0)
    assert (province["site"], province["eta_min"], province["met"]) == (None, None, False)
    assert province["text"] == "省级 10小时内: 不达标, 没有省级仓库"


@pytest.mark.parametrize(
    ("ready", "said"), [(19.46, "30分"), (19.44, "29分"), (20.5, "31分"), (21.5, "32分")]
)
def test_a_sentence_says_the_minutes_of_its_card(ready: float, said: str) -> None:
    """The page rounds the tenths of a card, halves up; exact times, halves to even, would tell another."""
    network = world.roads()
    closed = [("道路 G4 四号线", edges_between(network, (14, 15)), 0.0)]
    own = ground([site("A", 1, readiness_min=ready)], closed=closed)
    answer = answers.nearest(own, at(0), now=NOW)
    assert answer["changes"]["sentences"] == [f"最先到达的仍是 A库({said}), 时间不变"]
    assert f"{int(answer['sites'][0]['eta_min'] + 0.5)}分" == said


def test_late_by_half_a_minute_is_what_a_reader_subtracts() -> None:
    own = ground([site("A", 1, readiness_min=350.5)])
    told = answers.nearest(own, at(0), now=NOW)["compliance"][0]
    assert (told["eta_min"], told["met"], told["late_min"]) == (360.5, False, 0.5)
    assert told["text"] == "县级 6小时内: A库 6小时1分到达, 不达标, 晚 1分"


def test_compliance_agrees_with_the_assessment() -> None:
    """At the centre of a cell the check says what `coverage.summary.compliance_by_unit` says of it."""
    import pandas as pd
    from boai.coverage.standards import load_standards
    from boai.coverage.summary import compliance_by_unit
    from boai.geodata.layers import Layer

    stores = [
        site("A", 5, readiness_min=330.0), site("B", 10, level="市级", readiness_min=455.0),
        site("C", 15, level="省级", readiness_min=560.0),
    ]  # fmt: skip
    network, standard = world.roads(), load_standards()["warehouse"]
    layer = Layer("warehouse", pd.DataFrame(stores), example=False)
    for node in range(16):
        people = np.zeros(16, np.int64)
        people[node] = 100
        demand = gridworld.grid_demand(4, residents=people)
        table = compliance_by_unit(demand, network, layer, standard)
        lived = table[table["residents"] > 0]
        found = answers.nearest(ground(stores), at(node), now=NOW)["compliance"]
        assert [one["met"] for one in found] == lived["met"].tolist()
        assert [one["eta_min"] for one in found] == pytest.approx(lived["worst_min"].tolist(), abs=0.05)


def test_stores_marked_empty_do_not_make_it_compliant() -> None:
    own = ground([site("A", 1), site("B", 2)], marks=[empty_mark("A"), empty_mark("B")])
    county = answers.nearest(own, at(0), now=NOW)["compliance"][0]
    assert county["met"] is False and county["text"].endswith("县级仓库不可达或已空")


def test_there_may_be_no_sites_at_all() -> None:
    answer = answers.nearest(ground(), at(0), now=NOW)
    assert answer["sites"] == [] and not answer["more"]
    assert "登记库里没有在用的站点" in answer["notes"]


def test_questions_that_are_none() -> None:
    own = ground([site("A", 1)])
    with pytest.raises(InputError, match="至少列出 1 处"):
        answers.nearest(own, at(0), k=0, now=NOW)
    with pytest.raises(InputError, match="warehouse"):
        answers.nearest(own, at(0), kind="aed", now=NOW)


def test_a_point_beside_a_closed_road_is_cut_off() -> None:
    """Here points meet nodes whatever is closed; that roads are met elsewhere is told by the metres."""
    own = ground([site("A", 1)], closed=[("x", edges_between(world.roads(), (14, 15)), 0.0)])
    answer = answers.nearest(own, at(0), now=NOW)
    assert answer["place"]["cut_off"] is False and answer["sites"][0]["cut_off"] is False
    assert answer["place"]["off_road_m"] == 0.0


def test_old_stock_and_rough_positions_are_said_once() -> None:
    stores = [site("A", 1, stock={"棉被": 5}, stock_date="", position="近似")]
    answer = answers.nearest(ground(stores), at(0), now=NOW)
    assert answer["sites"][0]["stock_old"] and answer["sites"][0]["stock_age_days"] is None
    assert sum("90 天" in note for note in answer["notes"]) == 1
    assert sum("近似" in note for note in answer["notes"]) == 1


def test_hours_follow_the_moment_of_the_question() -> None:
    own = ground([site("A", 1, hours="周一至周五 08:00-17:30")])
    monday = answers.nearest(own, at(0), now=NOW + timedelta(days=1))["sites"][0]
    assert (monday["open_now"], monday["open_text"]) == (True, "开放至 17:30")
    sunday = answers.nearest(own, at(0), now=NOW)["sites"][0]
    assert (sunday["open_now"], sunday["open_text"]) == (False, "现在关闭, 明天 08:00 开")


@settings(max_examples=many(40))
@given(st.data())
def test_cards_are_those_of_an_independent_search(data: st.DataObject) -> None:
    """Under any closures, marks and trials: the cards are `nearest_sites` of the stores left."""
    nodes = data.draw(st.lists(st.integers(0, 15), min_size=1, max_size=6))
    ready = st.sampled_from([0.0, 5.0, 30.0])
    stores = [site(f"W{i}", node, readiness_min=data.draw(ready)) for i, node in enumerate(nodes)]
    every = st.integers(0, 47)
    shut = sorted(data.draw(st.sets(every, max_size=12)))
    tried = tuple(sorted(data.draw(st.sets(every, max_size=3))))
    empty = data.draw(st.sets(st.sampled_from([one["id"] for one in stores])))
    trial_empty = tuple(data.draw(st.sets(st.sampled_from([one["id"] for one in stores]))))
    where, k = data.draw(st.integers(0, 15)), data.draw(st.integers(1, 4))
    own = ground(stores, marks=[empty_mark(i) for i in empty], closed=[("桥", shut, 0.0)] if shut else [])
    answer = answers.nearest(own, at(where), k=k, what_if=WhatIf(trial_empty, (), tried), now=NOW)
    from boai.geodata.selection import by_number

    edges = sorted({*shut, *(by_number(own.network, tried).tolist() if tried else [])})
    left = [one for one in stores if one["id"] not in {*empty, *trial_empty}]
    spot = {"lon": at(where)["lon"], "lat": at(where)["lat"]}
    found = nearest_sites(own.network, left, **spot, k=k, closed=edges)
    cards = [card for card in answer["sites"] if card["status"] != "空"]
    assert [card["id"] for card in cards] == [one.site["id"] for one in found.arrivals]
    assert [card["eta_min"] for card in cards] == [round(one.eta_s / 60, 1) for one in found.arrivals]
    free = nearest_sites(own.network, stores, **spot, k=len(stores))
    usual = {one.site["id"]: round(one.eta_s / 60, 1) for one in free.arrivals}
    for card in answer["sites"]:
        assert card["usual_eta_min"] == usual[card["id"]]
        assert card["delta_min"] == pytest.approx(card["eta_min"] - card["usual_eta_min"], abs=0.11)
    assert [one["properties"]["rank"] for one in answer["features"]] == [
        one["rank"] for one in answer["sites"]
    ]
    json.dumps(answer, allow_nan=False)


def test_an_answer_is_the_same_whatever_the_order_of_the_stores() -> None:
    stores = [site("A", 1), site("B", 7, readiness_min=5.0), site("C", 12, stock={"家庭包": 2})]
    own, turned = ground(stores), ground(stores[::-1])
    assert answers.nearest(own, at(0), now=NOW) == answers.nearest(turned, at(0), now=NOW)


def test_the_usual_is_asked_once_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ground([site("A", 1), site("B", 2)])
    asked = []
    times = Live.times
    monkeypatch.setattr(Live, "times", lambda self, *where: asked.append(self) or times(self, *where))
    for edge in (0, 1, 2):
        answers.nearest(own, at(0), what_if=WhatIf(edges=(edge,)), now=NOW)
    assert sum(one is own.usual["warehouse"] for one in asked) == 1


def test_a_replaced_ground_never_gets_the_answers_of_the_old_one() -> None:
    one = ground([site("A", 1)])
    first = answers.nearest(one, at(0), what_if=WhatIf(edges=(0,)), now=NOW)
    other = replace(ground([site("B", 2)]), version="other")
    second = answers.nearest(other, at(0), what_if=WhatIf(edges=(0,)), now=NOW)
    assert ids(first) == ["A"] and ids(second) == ["B"]
    assert second["changes"]["first_before"]["id"] == "B"
