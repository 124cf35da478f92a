"""Prices and the table of actions: what is stated is used, what is not stays empty, nothing is paid twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from boai.geodata.errors import InputError
from boai.scenarios.bills import COLUMNS, action_table, total
from boai.scenarios.changes import resolve
from boai.scenarios.costs import Costs
from boai.scenarios.phases import Covers, Placed, place_sites
from boai.scenarios.schema import Scenario
from boai.scenarios.world import World
from hypothesis import given
from hypothesis import strategies as st
from tinyworld import drive_world, scenario

OPEN = "open: {kind: warehouse, name: 新, year: 2025, lon: 115.3, lat: 28.3, level: 县级, id: n}"
PRICES = "costs: {unit: 万元, open: {warehouse: {县级: 80, 其他: 100}, team: 7}, close: {warehouse: 5}}"


def actions(*lines: str, end: str = PRICES, world: World | None = None) -> pd.DataFrame:
    world = drive_world([0, 15], [5]) if world is None else world
    asked = scenario(("changes:\n" + "".join(f"  - {line}\n" for line in lines) if lines else "") + end)
    resolved = resolve(world, asked)
    placed = place_sites(resolved.world, asked.siting, covers=Covers(resolved.world), costs=asked.costs)
    return action_table(world, resolved.world, resolved.done, placed, asked.costs)


def told(table: pd.DataFrame, *names: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in table[list(names)].to_numpy().tolist()]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{open: {warehose: 80}}", "没有图层 warehose; 是否想写 warehouse"),
        ("{open: {zzz: 80}}", "没有图层 zzz; 可用: aed"),
        ("{open: {warehouse: -1}}", r"open\.warehouse\.其他: 应不小于 0, 得到 -1"),
        ("{open: {warehouse: {县级: .nan}}}", r"open\.warehouse\.县级: 应为有限的数"),
        ("{open: {warehouse: '80'}}", "应为数字, 得到 80"),
        ("{open: {warehouse: true}}", "应为数字"),
        ("{open: {warehouse: 1.0e+13}}", "应不大于"),
        ("{open: [80]}", "应为键值对"),
        ("{build: {warehouse: 1}}", "未知的键, 得到 build"),
        ("{unit: \"a\\nb\"}", "应为一行不空的文字"),
    ],
)  # fmt: skip
def test_prices_that_make_no_sense_are_refused(text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        scenario(f"costs: {text}\n")


def test_one_price_is_that_of_all_levels() -> None:
    plain, levels = Costs(open={"home": 10}), Costs(open={"home": {"其他": 10}})
    assert plain == levels and Costs.model_validate(plain.model_dump(mode="json")) == plain
    assert plain.price("open", "home", "任何") == 10.0 and plain.stated
    assert plain.price("close", "home") is None and plain.price("block", "home") is None
    assert not Costs().stated and not Costs(unit="元").stated
    assert Scenario(name="a", title="b", costs=plain).key == Scenario(name="a", title="b", costs=levels).key


def test_the_schema_for_editors_knows_both_forms() -> None:
    one = Costs.model_json_schema()["properties"]["open"]["additionalProperties"]
    assert {each["type"] for each in one["anyOf"]} == {"number", "object"}


def test_each_action_is_priced_by_its_level() -> None:
    table = actions(
        OPEN,
        "open: {kind: warehouse, name: 乙, year: 2026, lon: 115.2, lat: 28.1, level: 市级, cost: 300}",
        "open: {kind: team, name: 丙, year: 2026, lon: 115.2, lat: 28.1}",
        "close: {kind: warehouse, id: warehouse-0}",
        "move: {kind: team, id: team-0, lon: 115.1, lat: 28.0}",
    )
    assert list(table.columns) == COLUMNS
    assert told(table.fillna(-1), "number", "action", "level", "price", "source", "cost") == [
        (1, "open", "县级", 80, "价目表", 80),
        (2, "open", "市级", -1, "该项写明", 300),
        (3, "open", "", 7, "价目表", 7),
        (4, "close", "县级", 5, "价目表", 5),
        (5, "move", "市级", -1, "未给价格", -1),
    ]
    assert table["unit"].eq("万元").all() and table["sites"].eq(1).all()
    assert told(table[:1], "id", "name", "county", "city", "year") == [("n", "新", "丁县", "西市", 2025)]
    assert total(table) == (392.0, 1, "万元") and np.isnan(total(table).whole)


def test_a_stated_price_of_nothing_is_a_price() -> None:
    table = actions(OPEN.replace("}", ", cost: 0}"))
    assert told(table, "source", "cost") == [("该项写明", 0)] and total(table) == (0.0, 0, "万元")


def test_nobody_stated_a_price() -> None:
    table = actions(OPEN, end="")
    assert np.isnan(total(table).cost) and total(table).unpriced == 1
    empty = actions(end="")
    assert list(empty.columns) == COLUMNS and total(empty) == (0.0, 0, "")


def test_a_site_of_its_own_is_paid_for_once() -> None:
    """Opening includes what else is done to the site; opening and closing it is nothing."""
    move = "move: {kind: warehouse, id: n, lon: 115.2, lat: 28.3}"
    close = "close: {kind: warehouse, id: n, cost: 9}"
    assert actions(OPEN, close).empty
    assert told(actions(OPEN, move), "action", "cost") == [("open", 80)]
    paid = actions(OPEN, move.replace("28.3}", "28.3, cost: 4}"))
    assert told(paid, "action", "cost") == [("open", 80), ("move", 4)]


def test_many_sites_of_one_change() -> None:
    text = "costs: {retime: {warehouse: 2}}"
    table = actions("retime: {kind: warehouse, hours: 24小时, all: true}", end=text)
    assert told(table, "sites", "price", "cost") == [(2, 2, 4)]
    table = actions("retime: {kind: warehouse, hours: 24小时, all: true, cost: 3}", end=text)
    assert told(table.fillna(-1), "sites", "price", "cost") == [(2, -1, 3)]


def test_circumstances_cost_nothing_and_lack_no_price() -> None:
    table = actions("grow: {unit: 全省, percent: 10}", "slow: {all: true, speed: 0.5}")
    assert table["source"].eq("情景条件, 不计价").all() and table["cost"].isna().all()
    assert total(table) == (0.0, 0, "万元")


def test_sited_sites_have_their_price_too() -> None:
    sited = "siting:\n  - {kind: warehouse, year: 2025, number: 2, level: 县级}\n"
    table = actions(end=sited + PRICES)
    assert told(table, "number", "action", "cost") == [(0, "open", 80), (0, "open", 80)]
    table = actions(end=sited.replace("number: 2", "number: 1, cost: 33") + PRICES)
    assert told(table, "source", "cost") == [("该项写明", 33)]


def test_sites_that_give_way_are_closed() -> None:
    world = drive_world([0])
    gone = pd.DataFrame(
        [{"kind": "warehouse", "id": "warehouse-0", "name": "站0", "level": "县级", "year": 2025.0}]
    )
    resolved = resolve(world, scenario())
    placed = Placed(dict(world.layers), pd.DataFrame(), [], gone)
    table = action_table(
        world, resolved.world, resolved.done, placed, Costs(close={"warehouse": {"县级": 6}})
    )
    assert told(table, "action", "id", "cost", "year") == [("close", "warehouse-0", 6, 2025)]


@given(st.lists(st.sampled_from([(0.0, True), (2.5, True), (np.nan, True), (np.nan, False)]), max_size=8))
def test_a_total_never_makes_nothing_of_the_unknown(rows: list[tuple[float, bool]]) -> None:
    table = pd.DataFrame(
        {"action": ["open" if paid else "flood" for _, paid in rows], "cost": [one for one, _ in rows]}
    ).assign(unit="元")
    found = total(table)
    lacking = sum(paid and np.isnan(cost) for cost, paid in rows)
    known = [cost for cost, _ in rows if not np.isnan(cost)]
    assert found.unpriced == lacking
    assert np.isnan(found.cost) == bool(lacking and not known)
    assert np.isnan(found.whole) == bool(lacking)
    assert np.isnan(found.cost) or found.cost == sum(known)
