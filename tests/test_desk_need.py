"""The desk's plans: persons, drawn areas and items, on a grid of ten-minute roads and over hexagons."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gridworld
import numpy as np
import pytest
import shapely
from answerworld import NOW, at, edges_between, empty_mark, ground, roads, site
from boai.app.desk.area import residents_in
from boai.app.desk.need import need
from boai.app.desk.parts import WhatIf
from boai.app.desk.trial import polygon
from boai.app.desk.wanted import Wanted, served, wanted_of
from boai.coverage.servable import UNKNOWN, persons_of
from boai.coverage.standards import load_standards
from boai.coverage.supply import supply_of
from boai.geodata import demand
from boai.geodata.errors import InputError
from boai.geodata.registry import read_stock

STANDARD = load_standards()["warehouse"]
STORES = [
    site("A", 1, stock={"家庭包": 30, "棉被": 100}),
    site("B", 2, stock={"家庭包": 50}),
    site("C", 3, stock={"家庭包": 90, "棉被": 5}, stock_date="2025-01-01"),
]


def takes(found: dict[str, Any], plan: str = "first") -> dict[str, dict[str, int]]:
    return {one["id"]: one["takes"] for one in found["plans"][plan]["stores"]}


def test_persons_become_household_bags_from_the_earliest_stores() -> None:
    found = need(ground(STORES), at(0), persons=301, now=NOW)
    assert found["items"] == {"家庭包": 76}
    assert takes(found) == {"A": {"家庭包": 30}, "B": {"家庭包": 46}}
    assert takes(found, "fewest") == {"C": {"家庭包": 76}}
    one, other = found["plans"]["first"], found["plans"]["fewest"]
    assert (one["complete_min"], one["shortfall"], one["text"]) == (20.0, {}, "2 处仓库, 20分全部到齐")
    assert (other["complete_min"], other["proven"]) == (30.0, True)
    assert [feature["properties"]["id"] for feature in found["features"]] == ["A", "B", "C"]
    assert {card["eta_min"] for card in one["stores"]} == {10.0, 20.0}
    assert any("家庭包 一件供 4 人" in note for note in found["notes"])
    assert any("90 天" in note and "C库" in note for note in found["notes"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_what_is_short_is_a_number_and_no_time_is_promised() -> None:
    found = need(ground(STORES), at(0), persons=1000, items={"帐篷": 7}, now=NOW)
    plan = found["plans"]["first"]
    assert (plan["complete_min"], plan["last_min"]) == (None, 30.0)
    assert plan["shortfall"] == {"家庭包": 80, "帐篷": 7}
    assert plan["text"] == "3 处仓库, 30分送完现有的, 还缺 家庭包 80、帐篷 7"
    assert "没有仓库登记有 帐篷" in found["notes"]


def test_the_share_of_persons_is_rounded_up() -> None:
    assert need(ground(STORES), at(0), persons=1001, share=0.1, now=NOW)["persons"] == 101
    assert (served(10, 0.1), served(7, 0.3), served(0.5, 1.0)) == (1, 3, 1)


def test_empty_and_unreached_stores_bring_nothing() -> None:
    network = roads()
    shut = [("桥", edges_between(network, (2, 3), (3, 7)), 0.0)]
    own = ground(STORES, marks=[empty_mark("A")], closed=shut)
    found = need(own, at(0), persons=400, now=NOW)
    assert takes(found) == {"B": {"家庭包": 50}}
    assert found["plans"]["first"]["shortfall"] == {"家庭包": 50}
    assert "1 处仓库标记为空或库存为零, 未计入" in found["notes"]
    assert "1 处仓库不可达, 未计入" in found["notes"]
    tried = need(ground(STORES), at(0), persons=100, what_if=WhatIf(empty=("A",), edges=(0,)), now=NOW)
    assert "A" not in takes(tried) and tried["what_if"]["empty"][0]["id"] == "A"


def test_stores_without_a_list_are_said_and_not_counted() -> None:
    own = ground([*STORES, site("D", 0, capacity=500.0)], [site("T", 0, stock={"家庭包": 999})])
    found = need(own, at(0), persons=100, now=NOW)
    assert takes(found) == {"A": {"家庭包": 25}}
    note = next(note for note in found["notes"] if "没有库存清单" in note)
    assert "可保障 500 人" in note and "D库" in note
    assert {one["name"]: one["total"] for one in found["known_items"]} == {"家庭包": 170, "棉被": 105}


def test_items_are_found_however_they_are_typed() -> None:
    found = need(ground(STORES), at(0), items={" 棉 被": 3, "棉被": 2}, now=NOW)
    assert found["items"] == {"棉被": 5} and found["persons"] is None
    assert takes(found) == {"A": {"棉被": 5}}


def test_several_items_may_serve_the_persons() -> None:
    """Persons of different items add up, as in `supply_of`; pieces are taken in the standard's order."""
    several = replace(STANDARD, persons_per_item=(("家庭包", 4.0), ("棉被", 1.5)))
    wanted = wanted_of(several, 100, {"帐篷": 2})
    stock = {"家庭包": 10, "棉被": 30, "帐篷": 1}
    assert wanted.stock_of([{"stock": json.dumps(stock)}]).tolist() == [[85, 1]]
    assert wanted.pieces([70, 1], stock) == {"家庭包": 10, "棉被": 20, "帐篷": 1}
    with pytest.raises(InputError, match="不能再单列"):
        wanted_of(several, 100, {"棉被": 2})
    with pytest.raises(InputError, match="没有物资与人数的折算"):
        wanted_of(replace(STANDARD, persons_per_item=()), 100, {})
    assert Wanted(("棉被",), np.array([1])).stock_of([]).shape == (0, 1)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"persons": 0},
        {"persons": -3.0},
        {"persons": float("nan")},
        {"persons": float("inf")},
        {"persons": 1e30},
        {"persons": 5, "share": 0.0},
        {"persons": 5, "share": 1.1},
        {"persons": 5, "share": float("nan")},
        {"items": {}},
        {"items": {"": 3}},
        {"items": {"棉被": -1}},
        {"items": {"棉被": float("inf")}},
        {"items": {"长" * 100: 1}},
        {"items": {f"物{i}": 1 for i in range(51)}},
        {"area": ((115.0, 28.0), (115.1, 28.1))},
    ],
)
def test_needs_that_are_none(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        need(ground(STORES), at(0), **bad, now=NOW)
    assert all(len(str(problem)) < 200 for problem in caught.value.problems)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(InputError) as caught:
        need(ground(STORES), None, persons=-1, share=7, items={"棉被": 0}, now=NOW)
    assert len(caught.value.problems) == 4


@pytest.fixture
def hexagons(tmp_path: Path) -> tuple[Any, demand.Demand]:
    """Stores and roads among hexagons of 343 x 16 residents."""
    people = gridworld.hex_demand(3)
    demand.save(people, tmp_path / "demand")
    lon, lat = np.asarray(people.lon), np.asarray(people.lat)
    own = gridworld.make_network([0, 1], [1, 0], [6000, 6000], lon=lon[:2], lat=lat[:2])
    store = site("A", 0, stock={"家庭包": 500}, lon=float(lon[0]), lat=float(lat[0]))
    return ground([store], network=own, root=tmp_path), people


def test_residents_of_an_area_are_counted_by_share(hexagons: tuple[Any, demand.Demand]) -> None:
    own, people = hexagons
    cell = shapely.box(*_around(people.lon, people.lat, 0.2))
    whole = residents_in(own, tuple(map(tuple, shapely.get_coordinates(cell)[:-1].tolist())))
    assert (whole.residents, whole.whole, whole.cut) == (37 * 343 * 16, 37, 0)
    middle = float(np.median(people.lon))
    west = ((middle - 1, 28.0), (middle, 28.0), (middle, 29.5), (middle - 1, 29.5))
    half = residents_in(own, west)
    assert half.residents == pytest.approx(whole.residents / 2, rel=0.01)
    assert half.cut > 0 and half.lon < middle
    assert half.city in people.city_name


def _around(lon: Any, lat: Any, by: float) -> tuple[float, float, float, float]:
    return float(lon.min()) - by, float(lat.min()) - by, float(lon.max()) + by, float(lat.max()) + by


def test_an_area_alone_is_place_and_persons(hexagons: tuple[Any, demand.Demand]) -> None:
    own, people = hexagons
    x, y = float(people.lon[5]), float(people.lat[5])
    ring = tuple(
        (x + dx, y + dy) for dx, dy in ((-0.002, -0.002), (0.002, -0.002), (0.002, 0.002), (-0.002, 0.002))
    )
    found = need(own, area=ring, now=NOW)
    inside = 0.004**2 * 111.19**2 * np.cos(np.radians(y)) / float(people.area_km2[5]) * 343 * 16
    assert found["residents"] == pytest.approx(inside, rel=0.1)
    assert found["persons"] == found["residents"] and found["cells"] == {"whole": 0, "cut": 1}
    assert (found["place"]["lon"], found["place"]["lat"]) == (x, y)
    assert found["items"]["家庭包"] == -(-found["persons"] // 4)
    assert any("343" in note for note in found["notes"])
    fixed = need(own, area=ring, persons=8, now=NOW)
    assert (fixed["persons"], fixed["residents"]) == (8, found["residents"])
    with pytest.raises(InputError, match="没有居民"):
        need(own, area=((80.0, 40.0), (80.1, 40.0), (80.1, 40.1)), now=NOW)


def test_persons_of_a_site_are_those_of_the_assessment() -> None:
    import pandas as pd
    from boai.geodata.layers import Layer

    sites = [
        site("A", 0, stock={"家庭包": 7}), site("B", 1, stock={"棉被": 7}), site("C", 2, capacity=12.5),
        site("D", 3, level="乡镇级"), site("E", 4, level="省级", stock={"家庭包": 0}),
        site("F", 5, capacity=0.0),
    ]  # fmt: skip
    supply = supply_of(Layer("warehouse", pd.DataFrame(sites), example=False), STANDARD)
    found = [persons_of(one["capacity"], read_stock(one["stock"]), one["level"], STANDARD) for one in sites]
    assert [persons or 0 for persons, _ in found] == supply.persons.tolist()
    assert [origin for _, origin in found] == supply.origin.tolist()
    assert found[3] == (None, UNKNOWN)
    assert persons_of(-3.0, {"家庭包": -5}, "", STANDARD) == (None, UNKNOWN)


@pytest.mark.parametrize(
    "more", [(), ((1.0, 1.0), (1.0, 3.0)), ((0.0, 1.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0))]
)
def test_a_line_that_goes_back_on_itself_adds_nothing(more: tuple[tuple[float, float], ...]) -> None:
    """Left as a line beside the polygon, it made every cell that the rim cuts count as a whole one."""
    drawn = polygon(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), *more, *more[-2::-1], (0.0, 1.0)), "范围")
    assert drawn.geom_type == "Polygon"
    assert drawn.area == pytest.approx(1.0)
