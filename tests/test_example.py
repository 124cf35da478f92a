"""The example layers: labelled, deterministic, calibrated, and in the counties that they state."""

from __future__ import annotations

import json

import numpy as np
import pytest
from boai.geodata import example
from boai.geodata.boundaries import locate
from boai.geodata.intake.hours import format_hours, parse_hours
from boai.geodata.layers import COLUMNS, KIND_NAMES, MAIN_KINDS, NUMBERS, shown_kinds
from boai.geodata.registry import layer_hash


def test_counts_follow_the_published_totals(world) -> None:
    layers = world.layers
    assert len(layers["aed"].table) == 1800
    assert layers["warehouse"].table["level"].value_counts().to_dict() == {"省级": 1, "市级": 11, "县级": 36}
    assert layers["team"].table["level"].value_counts()["市级"] == 11
    assert layers["team"].table.query("level == '市级'")["city"].nunique() == 11
    assert 0 < (layers["team"].table["level"] == "县级").sum() < 100
    assert len(layers["home"].table) == 300


def test_hubs_and_city_teams_stand_where_their_city_is(world) -> None:
    for kind in ("warehouse", "team"):
        table = world.layers[kind].table.query("level == '市级'")
        found = dict(zip(table["city"], table["county"], strict=True))
        assert (found["上饶市"], found["鹰潭市"], found["赣州市"]) == ("信州区", "月湖区", "章贡区")
        assert len(found) == 11


@pytest.mark.parametrize("kind", MAIN_KINDS)
def test_every_row_is_marked_and_lies_in_its_county(world, kind) -> None:
    layer = world.layers[kind]
    assert layer.example
    assert layer.label == "示例数据"
    assert list(layer.table.columns) == list(COLUMNS)
    assert (layer.table["source"] == "示例数据").all()
    assert layer.table["name"].str.startswith("示例").all()
    assert layer.table["id"].is_unique
    county = locate(world.units, layer.table["lon"].to_numpy(), layer.table["lat"].to_numpy())
    np.testing.assert_array_equal(world.demand.county_code[county], layer.table["county_code"].to_numpy(str))


def test_no_number_can_be_called_and_stock_is_dated(world) -> None:
    for kind in ("warehouse", "team"):
        phones = world.layers[kind].table["phone"]
        assert phones.str.fullmatch(r"000-0+").all()
    stores = world.layers["warehouse"].table
    assert all(set(json.loads(text)) and min(json.loads(text).values()) > 0 for text in stores["stock"])
    assert (stores["stock_date"] == "2024-02-29").all()


def test_the_same_inputs_give_the_same_rows(world) -> None:
    again = example.build(world.gazetteer, world.demand, world.units)
    assert {kind: layer_hash(layer) for kind, layer in again.items()} == {
        kind: layer_hash(world.layers[kind]) for kind in MAIN_KINDS
    }


def test_no_training_base_is_made_up(world) -> None:
    assert world.layers["training"].table.empty
    assert shown_kinds([world.layers]) == list(MAIN_KINDS)


def test_aeds_are_where_urban_residents_are(world) -> None:
    by_county = world.layers["aed"].table["county_code"].value_counts()
    urban = np.bincount(world.demand.county, weights=world.demand.urban)
    expected = 1800 * urban / urban.sum()
    got = np.array([by_county.get(code, 0) for code in world.demand.county_code])
    assert np.corrcoef(expected, got)[0, 1] > 0.8


def test_hours_of_aeds_are_canonical_and_fit_their_place(world) -> None:
    table = world.layers["aed"].table
    rules = example.read_parameters()["aed"]
    stated = table[table["hours"] != ""]
    assert all(
        text in rules["hours"][host] for text, host in zip(stated["hours"], stated["host"], strict=True)
    )
    for text in {text for texts in rules["hours"].values() for text in texts}:
        assert format_hours(parse_hours(text)) == text
    assert set(rules["hours"]) == set(rules["hosts"])
    assert abs((table["hours"] == "").mean() - rules["hours_unstated"]) < 0.03
    assert stated.groupby("host")["hours"].nunique().to_dict() == {
        host: len(texts) for host, texts in rules["hours"].items()
    }


def test_stores_supply_what_their_stock_supplies_and_name_hubs_that_are_there(world) -> None:
    table = world.layers["warehouse"].table
    rule = example.read_parameters()["warehouse"]
    for level, persons in rule["persons"].items():
        share = table.loc[table["level"] == level, "capacity"] / (persons * rule["fill"])
        assert share.between(0.49, 1.51).all()
    blankets = [json.loads(text)["棉被"] for text in table["stock"]]
    np.testing.assert_allclose(blankets, table["capacity"] * rule["items"]["棉被"], atol=1)
    hub = table[table["level"] == "市级"].set_index("city")["name"]
    named = table[table["parent"] != ""]
    assert (named["level"] == "县级").all()
    assert (named["parent"] == hub[named["city"]].to_numpy()).all()
    assert 0 < len(named) < (table["level"] == "县级").sum()


def test_teams_have_whole_numbers_of_members(world) -> None:
    table = world.layers["team"].table
    for level, (least, most) in example.read_parameters()["team"]["members"].items():
        members = table.loc[table["level"] == level, "members"]
        assert members.between(least, most).all() and (members % 1 == 0).all()
    for kind in KIND_NAMES:
        assert all(world.layers[kind].table[name].dtype == float for name in NUMBERS)


def test_hours_parents_and_members_leave_everything_else_as_it_was(world, monkeypatch) -> None:
    rules = example.read_parameters()
    rules["aed"]["hours_unstated"], rules["warehouse"]["parent_stated"] = 1.0, 0.0
    rules["team"]["members"] = {"市级": [1, 1], "县级": [1, 99]}
    monkeypatch.setattr(example, "read_parameters", lambda: rules)
    others = [name for name in COLUMNS if name not in ("hours", "parent", "members")]
    for kind, layer in example.build(world.gazetteer, world.demand, world.units).items():
        assert layer.table[others].equals(world.layers[kind].table[others].astype(layer.table[others].dtypes))
        assert not layer.table[["hours", "parent"]].any(axis=None)
