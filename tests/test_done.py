"""What a scenario changes is told on page and sheet; the baseline has nothing to tell."""

from __future__ import annotations

import json
from dataclasses import replace

import mapworld
import numpy as np
import pandas as pd
import pytest
from boai.maps import done, words
from boai.maps.page_data import page_json
from boai.scenarios.run import Result, run
from boai.scenarios.schema import parse_scenario
from boai.scenarios.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return mapworld.make_world()


@pytest.fixture(scope="module")
def baseline(world: World) -> Result:
    return run(world, parse_scenario("name: baseline\ntitle: 现状\n"))


def changed(world: World, baseline: Result, text: str) -> Result:
    return run(world, parse_scenario(f"name: wet\ntitle: 汛期\n{text}"), reuse=baseline)


def table(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["action", "kind", "detail"])


def test_the_baseline_changes_nothing(world: World, baseline: Result) -> None:
    assert done.changes(world, baseline) == ()
    assert words.residents_of(world, baseline) is world.demand
    page = json.loads(page_json(world, [baseline], headlines=[], title="图"))
    assert page["scenarios"][0]["changes"] == []


def test_what_concerns_all_stands_first_and_opened_sites_are_counted(world: World, baseline: Result) -> None:
    rows = table(
        ("close", "team", "撤销 救援队 甲队"),
        ("open", "warehouse", "新设 备灾仓库 甲仓"),
        ("open", "warehouse", "新设 备灾仓库 乙仓"),
        ("open", "aed", "新设 AED 丙"),
        ("block", "", "封闭 G60"),
        ("flood", "", "封闭 范围内的道路"),
    )
    given_up = pd.DataFrame({"kind": ["warehouse"], "name": ["老仓\n"], "county": ["甲县"], "year": [2025]})
    result = replace(baseline, done=rows, given_up=given_up)
    whole = ["封闭 G60", "封闭 范围内的道路"]
    assert list(done.changes(world, result)) == [
        *whole,
        "新设 1 台 AED, 见“建议新增”",
        "新设 2 座备灾仓库, 见“建议新增”",
        "撤销 救援队 甲队",
        "选址时撤去 备灾仓库 老仓 (甲县)",
    ]
    assert list(done.changes(world, result, kind="team")) == [*whole, "撤销 救援队 甲队"]
    assert done.changes(world, result, most=3) == (*whole, "另有 4 项, 见表格")
    assert len(done.changes(world, result, most=6)) == 6


def test_another_main_limit_is_told_with_that_of_today(world: World, baseline: Result) -> None:
    result = changed(world, baseline, "standards: {team: 20}")
    assert done.changes(world, result) == ("救援队的主要上限改为20分钟 (现状 10分钟)",)
    assert done.changes(world, result, kind="warehouse") == ()


def test_names_stay_harmless_and_short(world: World, baseline: Result) -> None:
    result = replace(baseline, done=table(("close", "aed", "撤销 AED <b>\u202e" + "长" * 500)))
    (line,) = done.changes(world, result)
    assert len(line) <= 120 and line.isprintable()
    assert "<b>" not in page_json(world, [result], headlines=[], title="图")


def test_residents_that_grow_are_those_of_the_scenario(world: World, baseline: Result) -> None:
    """Twice as many residents at the same places: twice as many served, the same shares."""
    result = changed(world, baseline, "changes: [{grow: {unit: 全省, percent: 100}}]")
    page = json.loads(page_json(world, [baseline, result], headlines=[], title="图"))
    now, then = (page["pool"][scenario["residents"]] for scenario in page["scenarios"])
    assert then["counties"] == [2 * count for count in now["counties"]]
    assert then["cities"] == [2 * count for count in now["cities"]]
    for kind, layer in enumerate(page["scenarios"][1]["layers"]):
        before = page["scenarios"][0]["layers"][kind]
        served, was = (np.array(page["pool"][each["served"]]) for each in (layer, before))
        assert (np.abs(served - 2 * was) <= 1).all()
        assert (served <= np.array(then["counties"])[:, None]).all()
        assert layer["province"]["residents"] == 2 * before["province"]["residents"]
    np.testing.assert_allclose(
        words.county_values(world, result, "aed"), words.county_values(world, baseline, "aed") / 2
    )


def test_a_headline_says_that_fewer_are_reached(world: World, baseline: Result) -> None:
    identity = baseline.layers["warehouse"].table["id"].iloc[0]
    result = changed(world, baseline, f"changes: [{{close: {{kind: warehouse, id: {identity}}}}}]")
    last = words.headlines([baseline, result])[-1]
    assert last.startswith("汛期: 没有新增站点, 另有 1 项改动; 备灾仓库10分钟车程覆盖由 18.9% 降至 0")
    assert "少覆盖 3.8万人" in last
    assert words.headlines([baseline, replace(baseline, title="同")])[-1] == "同: 没有新增站点。"


def test_a_limit_is_compared_with_the_same_limit_today_or_with_none(world: World, baseline: Result) -> None:
    known = baseline.covers["warehouse"].standard.limits
    text = (
        "standards: {warehouse: {limits: [%d, %d], main: %d}}\nchanges: [{grow: {unit: 全省, percent: 0}}]\n"
    )
    other, same = (
        words.headlines([baseline, changed(world, baseline, text % (5, main, main))])[-1]
        for main in (17, known[-1] // 60)
    )
    assert 17 * 60 not in known and "17分钟车程覆盖 " in other and "现状没有这一档上限, 不能比较" in other
    assert "覆盖仍为" in same and "多覆盖" not in same
