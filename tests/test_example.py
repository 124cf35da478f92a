"""The example layers: labelled, deterministic, calibrated, and in the counties that they state."""

from __future__ import annotations

import json

import numpy as np
import pytest
from boai.geodata import example
from boai.geodata.boundaries import locate
from boai.geodata.layers import COLUMNS, KIND_NAMES
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


@pytest.mark.parametrize("kind", list(KIND_NAMES))
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
        kind: layer_hash(layer) for kind, layer in world.layers.items()
    }


def test_aeds_are_where_urban_residents_are(world) -> None:
    by_county = world.layers["aed"].table["county_code"].value_counts()
    urban = np.bincount(world.demand.county, weights=world.demand.urban)
    expected = 1800 * urban / urban.sum()
    got = np.array([by_county.get(code, 0) for code in world.demand.county_code])
    assert np.corrcoef(expected, got)[0, 1] > 0.8
