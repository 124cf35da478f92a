"""Opening hours in a comparison: the mean of the week before and after, only where hours change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boai.geodata.layers import Layer
from boai.scenarios.compare import compare, headlines
from boai.scenarios.hours import open_shares
from boai.scenarios.run import Result, run
from boai.scenarios.world import World
from tinyworld import drive_world, scenario, walk_world

HALF = "每天 00:00-12:00"


def timed(world: World, kind: str, hours: list[str]) -> World:
    layer = world.layers[kind]
    layers = {**world.layers, kind: Layer(layer.kind, layer.table.assign(hours=hours), layer.example)}
    return replace(world, layers=layers)


def ran(world: World, *texts: str) -> list[Result]:
    base = run(world, scenario(name="baseline", title="现状"))
    named = zip("abc", texts, strict=False)
    return [base, *(run(world, scenario(text, name=n, title=n), reuse=base) for n, text in named)]


def test_half_of_the_week_is_half_of_the_cover() -> None:
    world = timed(walk_world([3], [9]), "aed", [HALF])
    longer = "changes: [{retime: {kind: aed, id: aed-0, hours: 24小时}}]"
    results = ran(world, longer, "changes: [{close: {kind: home, id: home-0}}]")
    table = compare(results, world=world)
    rows = table[table["main"] & (table["kind"] == "aed")].set_index("scenario")
    whole = rows.loc["a", "share"]
    assert rows["open_share"].tolist() == pytest.approx([whole / 2, whole, whole / 2])
    assert rows["open_points"].tolist() == pytest.approx([0, 50 * whole, 0])
    assert table[table["kind"] == "home"]["open_share"].isna().all()
    assert rows["gained"].eq(0).all() and rows.loc["a", "retimed"] == 1
    assert "按开放时间全周平均" in headlines(results, world=world)[1]
    assert "按开放时间" not in "".join([*headlines(results), headlines(results, world=world)[2]])
    assert compare(results)["open_share"].isna().all()


def test_nothing_is_told_where_no_hours_change() -> None:
    world = timed(drive_world([0], [5]), "team", [HALF])
    assert open_shares(world, ran(world, "changes: [{close: {kind: warehouse, id: warehouse-0}}]")) == [
        {},
        {},
    ]


def test_other_roads_have_no_figure_and_growth_counts() -> None:
    """甲县 holds node 5 and all that the team reaches there but nodes 6 and 9."""
    world = timed(drive_world([0], [5]), "team", [HALF])
    retime = "{retime: {kind: team, id: team-0, hours: 24小时}}"
    results = ran(
        world,
        f"changes: [{retime}, {{slow: {{all: true, speed: 0.5}}}}]",
        f"changes: [{retime}, {{grow: {{unit: 甲县, percent: 100}}}}]",
    )
    base, slow, grown = open_shares(world, results)
    reached = np.array([2**5, 2**1, 2**4, 2**6, 2**9])
    assert base["team"] == pytest.approx(reached.sum() / 2 / (2**16 - 1)) and slow == {}
    people = 2**16 - 1 + (2**0 + 2**1 + 2**4 + 2**5)
    assert grown["team"] == pytest.approx((reached.sum() + 2**5 + 2**1 + 2**4) / people)


def test_a_new_site_that_states_its_hours_counts() -> None:
    world = drive_world([0], [5])
    text = (
        f"changes: [{{open: {{kind: team, name: 乙, year: 2025, lon: 115.3, lat: 28.3, hours: '{HALF}'}}}}]"
    )
    base, after = open_shares(world, ran(world, text))
    reached, new = 2**5 + 2**1 + 2**4 + 2**6 + 2**9, 2**15 + 2**14 + 2**11
    assert base["team"] == pytest.approx(reached / (2**16 - 1))
    assert after["team"] == pytest.approx((reached + new / 2) / (2**16 - 1))
