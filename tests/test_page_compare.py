"""What a page keeps to compare its scenarios: the figures of the tables, the sites that differ, both ways."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from typing import Any

import compareworld
import mapworld
import numpy as np
import pandas as pd
import pytest
from boai.maps import palette
from boai.maps.page_compare import EDGES, MOST_SITES, compare_data
from boai.maps.page_pack import Pool, unpack
from boai.scenarios.bills import COLUMNS
from boai.scenarios.differences import differences

KINDS = ["aed", "home", "warehouse", "team", "training"]
SCALE = 100_000


def data_of(world: Any, results: list[Any]) -> dict[str, Any]:
    """Read the data as the page has them: pieces in place of their numbers."""
    pool = Pool()
    data = compare_data(results, world.demand, KINDS, pool, scale=SCALE)
    pieces = json.loads(pool.text())
    for pair in data["pairs"]:
        pair["kinds"] = dict(zip(KINDS, (pieces[number] for number in pair["kinds"]), strict=True))
    return data


@pytest.fixture(scope="module")
def made() -> tuple[Any, list[Any], dict[str, Any]]:
    world = mapworld.make_world()
    results = compareworld.results(world)
    return world, results, data_of(world, results)


def test_every_pair_is_there_once(made: tuple[Any, list[Any], dict[str, Any]]) -> None:
    pairs = [(pair["left"], pair["right"]) for pair in made[2]["pairs"]]
    assert pairs == list(combinations(range(len(made[1])), 2))
    assert data_of(made[0], made[1][:1])["pairs"] == []


def test_figures_on_foot_are_those_of_the_tables(made: tuple[Any, list[Any], dict[str, Any]]) -> None:
    """Both ways, county by county, as `scenarios.differences` has them."""
    world, results, data = made
    compared = 0
    for pair in data["pairs"]:
        for way, (base, other) in (
            ("there", (pair["left"], pair["right"])),
            ("back", (pair["right"], pair["left"])),
        ):
            table = differences([results[base], results[other]], world.demand, by="县")
            for kind in ("aed", "home"):
                limit = str(results[other].covers[kind].standard.main)
                rows = table[table["kind"] == kind].set_index("code")
                if rows.empty:
                    assert limit not in pair["kinds"][kind]["limits"]
                    continue
                rows = rows.loc[world.demand.county_code.astype(str)]
                wanted = rows[["gained", "lost", "growth"]].to_numpy().T.tolist()
                assert pair["kinds"][kind]["limits"][limit][way] == wanted
                compared += 1
    assert compared >= 6


def test_cells_on_foot_are_those_whose_share_changes(made: tuple[Any, list[Any], dict[str, Any]]) -> None:
    _, results, data = made
    for pair in data["pairs"]:
        left, right = (results[pair[side]].covers["aed"] for side in ("left", "right"))
        for limit, own in pair["kinds"]["aed"]["limits"].items():
            before, after = (one.share[:, one.standard.limits.index(int(limit))] for one in (left, right))
            assert unpack(own["gained"]).tolist() == np.flatnonzero(after > before).tolist()
            assert unpack(own["lost"]).tolist() == np.flatnonzero(after < before).tolist()


def test_only_limits_that_both_know_are_compared(made: tuple[Any, list[Any], dict[str, Any]]) -> None:
    baseline_plan, baseline_changed, _ = made[2]["pairs"]
    assert list(baseline_plan["kinds"]["aed"]["limits"]) == ["100", "160", "270"]
    assert list(baseline_changed["kinds"]["aed"]["limits"]) == ["100", "160"]
    assert baseline_changed["kinds"]["home"]["limits"] == {}
    assert baseline_changed["kinds"]["team"]["limits"] == {}  # by driving the page computes them itself


def test_sites_that_differ(made: tuple[Any, list[Any], dict[str, Any]]) -> None:
    world, _, data = made
    plan, changed, plan_changed = (pair["kinds"] for pair in data["pairs"])
    assert plan["warehouse"]["sites"]["counts"] == [2, 0, 0]
    assert [row[0] for row in plan["warehouse"]["sites"]["opened"]] == ["新库0", "新库1"]
    assert changed["warehouse"]["sites"]["counts"] == [1, 1, 0]
    assert plan_changed["warehouse"]["sites"]["counts"] == [1, 3, 0]
    (moved,) = changed["team"]["sites"]["moved"]
    middle = mapworld.middle_cell(world.demand)
    assert moved[2:4] == [round(world.demand.lon[5] * SCALE), round(world.demand.lat[5] * SCALE)]
    assert moved[4:6] == [round(world.demand.lon[middle] * SCALE), round(world.demand.lat[middle] * SCALE)]
    assert 500 < moved[6] < 50_000
    assert changed["training"]["sites"]["counts"] == [0, 0, 0]


def test_what_else_differs_is_told(made: tuple[Any, list[Any], dict[str, Any]]) -> None:
    world, (today, *_), _ = made
    slow = pd.DataFrame([{**dict.fromkeys(COLUMNS, ""), "action": "slow"}])
    cover = today.covers["warehouse"]
    late = replace(cover, standard=replace(cover.standard, mobilisation_s=1800))
    slower = replace(today, costs=slow, covers={**today.covers, "warehouse": late})
    (pair,) = data_of(world, [today, slower])["pairs"]
    roads, standard = pair["kinds"]["warehouse"]["notes"]
    assert "左边: 无; 右边: 道路减速 1 项" in roads
    assert "准备时间" in standard
    assert pair["kinds"]["team"]["notes"] == [roads]


def with_sites(result: Any, names: list[str]) -> Any:
    """Put sites of these names where the only team stands."""
    layer = result.layers["team"]
    table = layer.table.iloc[[0] * len(names)].reset_index(drop=True)
    table = table.assign(name=names, id=[f"neu-{number}" for number in range(len(names))])
    return replace(result, layers={**result.layers, "team": replace(layer, table=table)})


def test_hostile_names_are_one_line(made: tuple[Any, list[Any], dict[str, Any]]) -> None:
    world, (today, *_), _ = made
    hostile = [*mapworld.HOSTILE, ""]
    (pair,) = data_of(world, [today, with_sites(today, hostile)])["pairs"]
    names = [row[0] for row in pair["kinds"]["team"]["sites"]["opened"]]
    assert len(names) == len(hostile)
    assert all(name.isprintable() and 0 < len(name) <= 80 for name in names)
    assert mapworld.HOSTILE[0] in names


def test_long_lists_are_cut_and_counted(made: tuple[Any, list[Any], dict[str, Any]]) -> None:
    world, (today, *_), _ = made
    many = with_sites(today, ["站"] * (MOST_SITES + 50))
    (pair,) = data_of(world, [many, today])["pairs"]
    sites = pair["kinds"]["team"]["sites"]
    assert sites["counts"] == [1, MOST_SITES + 50, 0]
    assert len(sites["closed"]) == MOST_SITES


def test_classes_are_those_of_the_style(made: tuple[Any, list[Any], dict[str, Any]]) -> None:
    data = made[2]
    assert [one["colour"] for one in data["cell"]] == [
        palette.GAIN, palette.LOSS, palette.KEPT, palette.STILL_OUT,
    ]  # fmt: skip
    assert [bool(one["hatch"]) for one in data["cell"]] == [False, True, False, False]
    for mode, classes in data["county"].items():
        assert len(classes) == 2 * len(EDGES[mode]) + 3
        assert [bool(one["hatch"]) for one in classes] == [False] * 4 + [True] * 3
    assert [one["text"] for one in data["county"]["drive"]] == [
        "多 5万人及以上", "多 1万–5万人", "多 不足 1万人", "不变",
        "少 不足 1万人", "少 1万–5万人", "少 5万人及以上",
    ]  # fmt: skip
    assert data["county"]["walk"][1]["text"] == "多 5,000–2万人"
