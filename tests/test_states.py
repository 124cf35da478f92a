"""States: exclusive, exact, one reason for everybody out of reach; the limit holds its own last moment."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import numpy as np
import pandas as pd
import pytest
import shapeworld
from boai.coverage import measures
from boai.coverage.matrix import UNREACHED, Matrix, Ranked, build_matrix, rank_sites
from boai.coverage.people import GROUPS, people
from boai.coverage.standards import PARTLY
from boai.coverage.states import STATES, States, by_state, classify, too_far
from boai.coverage.zones import LEVELS, zones_of
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = list(STATES)


def drive_world(nodes: list[int], k: int = 5, **standard):
    network, demand = gridworld.grid_network(k), gridworld.grid_demand(k)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, nodes), demand=demand)
    own = gridworld.drive_standard(**standard)
    return demand, network, layer, own


def products(world) -> tuple[Matrix, Ranked]:
    return build_matrix(*world), rank_sites(*world)


def walk_world(
    cells: list[int], limits: tuple[int, ...] = (300, 1000), main: int = 1000, detour: float = 1.3
):
    demand = gridworld.hex_demand(2)
    shift = 0.002 * np.arange(len(cells))
    layer = gridworld.make_layer("aed", demand.lon[cells] + shift, demand.lat[cells], demand=demand)
    return demand, gridworld.grid_network(2), layer, gridworld.walk_standard(limits, main, detour=detour)


def hand_made(
    costs: list[list[int]], *, limit: int = 60, met: list[bool] | None = None
) -> tuple[Matrix, Ranked]:
    """Cells with the costs (hundredths) to each site; UNREACHED where there is no way."""
    table = np.array(costs, np.int32).reshape(len(costs), -1)
    standard = gridworld.drive_standard((limit,), limit)
    rows = [sorted((c, s) for s, c in enumerate(row) if c <= limit * 100) for row in table.tolist()]
    flat = [pair for row in rows for pair in row]
    matrix = Matrix(
        standard,
        limit,
        table.shape[1],
        np.cumsum([0, *map(len, rows)]),
        np.array([s for _, s in flat], np.int32),
        np.array([c for c, _ in flat], np.int32),
        np.arange(len(rows), dtype=np.int32),
        np.ones(len(rows)),
    )
    order = np.argsort(table, axis=1, kind="stable")
    cost = np.take_along_axis(table, order, axis=1)
    site = np.where(cost < UNREACHED, order, -1).astype(np.int32)
    if not table.shape[1]:
        site, cost = np.full((len(rows), 1), -1, np.int32), np.full((len(rows), 1), UNREACHED, np.int32)
    return matrix, Ranked(standard, site, cost, np.array(met if met is not None else [True] * len(rows)))


def named(states: States) -> list[str]:
    assert ((states.share == 0) | (states.share == 1)).all()
    return [NAMES[i] for i in states.share.argmax(axis=1)]


def test_the_limit_is_inclusive_to_the_hundredth() -> None:
    assert named(classify(*hand_made([[6000], [6001], [5999], [0]]))) == [
        "served",
        "too_far",
        "served",
        "served",
    ]
    closed = classify(*hand_made([[6000], [6001]]), open_now=np.array([False]))
    assert named(closed) == ["closed_now", "too_far"]


def test_everybody_out_of_reach_has_one_reason() -> None:
    costs = [[100, 200], [7000, 6500], [UNREACHED, UNREACHED], [UNREACHED, UNREACHED]]
    states = classify(*hand_made(costs, met=[True, True, True, False]))
    assert named(states) == ["served", "too_far", "cut_off", "no_road"]
    assert states.nearest.tolist() == [0, 1, -1, -1]
    assert states.cost.tolist() == [100, 6500, UNREACHED, UNREACHED]
    assert named(classify(*hand_made([[], []], met=[True, False]))) == ["no_site", "no_site"]


def test_open_and_closed_and_full_sites() -> None:
    costs = [[100, 200], [100, 7000], [7000, 100], [7000, 7000]]
    matrix, ranked = hand_made(costs)
    half = np.array([0.25, 1.0, 0.0, 1.0])
    states = classify(matrix, ranked, served_share=half)
    assert states.share[:, :4].tolist() == [[0.25, 0.75, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    states = classify(matrix, ranked, open_now=np.array([True, False]), served_share=half)
    assert states.share[:, :4].tolist() == [[0.25, 0.75, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert named(classify(matrix, ranked, open_now=np.zeros(2, bool))) == ["closed_now"] * 3 + ["too_far"]


def test_wrong_arguments() -> None:
    matrix, ranked = hand_made([[100], [200]])
    with pytest.raises(ValueError, match="served_share"):
        classify(matrix, ranked, served_share=np.array([0.5]))
    with pytest.raises(ValueError, match="served_share"):
        classify(matrix, ranked, served_share=np.array([0.5, 1.5]))
    with pytest.raises(ValueError, match="served_share"):
        classify(matrix, ranked, served_share=np.array([0.5, np.nan]))
    with pytest.raises(ValueError, match="open_now"):
        classify(matrix, ranked, open_now=np.ones(3, bool))
    with pytest.raises(ValueError, match="main limit"):
        classify(replace(matrix, limit=59), ranked)


def test_served_is_the_cover_exactly_by_road_and_on_foot() -> None:
    for world in (drive_world([0, 7, 18]), walk_world([0, 4, 4, 9]), walk_world([2, 3], (270,), 270)):
        states = classify(*products(world))
        demand, network, layer, standard = world
        cover = measures.cover_layer(demand, network, layer, standard)
        np.testing.assert_array_equal(states.share[:, 0], cover.main_share)
        np.testing.assert_array_equal(states.nearest, cover.nearest)
        assert (states.share.sum(axis=1) == 1).all()


@settings(max_examples=many(25))
@given(st.integers(0, 2**32 - 1))
def test_shares_sum_to_exactly_one_and_are_never_negative(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, per = 12, 343
    cell = np.repeat(np.arange(n, dtype=np.int32), rng.integers(0, per + 1, n))
    rows = len(cell)
    count = rng.integers(0, 3, rows)
    indptr = np.concatenate([[0], np.cumsum(count)])
    cost = np.concatenate([np.sort(rng.integers(0, 1500, c)) for c in count] or [np.empty(0)]).astype(
        np.int32
    )
    site = np.concatenate([rng.permutation(4)[:c] for c in count] or [np.empty(0)]).astype(np.int32)
    standard = gridworld.walk_standard((10,))
    matrix = Matrix(standard, 15, 4, indptr, site, cost, cell, np.full(rows, 1 / per))
    ranked = Ranked(standard, np.zeros((n, 1), np.int32), np.zeros((n, 1), np.int32), np.ones(n, bool))
    share = classify(matrix, ranked, open_now=rng.random(4) < 0.5, served_share=rng.random(rows)).share
    assert (share >= 0).all()
    assert (np.cumsum(share, axis=1)[:, -1] == 1).all()
    assert (share.sum(axis=1) == 1).all()


def test_the_table_of_a_grid_counted_by_hand() -> None:
    world = drive_world([0], 4)
    demand = world[0]
    table = by_state(demand, classify(*products(world)), zones_of(demand, "县"))
    assert list(table.columns) == [
        "level",
        "code",
        "name",
        "city",
        "state",
        "state_text",
        "residents",
        "share",
    ]
    own = table[table["code"] == "360101"].set_index("state")
    assert own.loc["served", "residents"] == 1 + 2 + 16
    assert own.loc["too_far", "residents"] == 32
    assert own.loc["served", "share"] == 19 / 51
    assert own.loc["too_far", "state_text"] == "够不着: 超出上限"
    assert table[table["code"] == "360202"].set_index("state").loc["served", "residents"] == 0


def test_states_add_up_at_all_levels_and_groups() -> None:
    for world in (drive_world([3, 11], 4), walk_world([0, 7, 11])):
        demand = world[0]
        rng = np.random.default_rng(3)
        matrix, ranked = products(world)
        states = classify(
            matrix,
            ranked,
            open_now=np.arange(len(world[2].table)) > 0,
            served_share=rng.random(matrix.n_rows),
        )
        gaz = gridworld.make_gazetteer(demand)
        for group in GROUPS:
            sums = []
            for level in LEVELS:
                zones = zones_of(demand, level, gazetteer=gaz)
                table = by_state(demand, states, zones, group=group)
                per_zone = table["residents"].to_numpy().reshape(len(zones), -1)
                own = np.bincount(zones.member, weights=people(demand, group), minlength=len(zones))
                np.testing.assert_array_equal(per_zone.sum(axis=1), own)
                sums.append(per_zone.sum(axis=0).tolist())
                shares = table["share"].to_numpy().reshape(len(zones), -1).sum(axis=1)
                np.testing.assert_allclose(shares[own > 0], 1)
                assert np.isnan(shares[own == 0]).all()
            assert all(each == sums[0] for each in sums)


def test_served_residents_are_those_of_the_table_of_units() -> None:
    world = walk_world([0, 4, 9, 12])
    demand, network, layer, standard = world
    states, cover = classify(*products(world)), measures.cover_layer(demand, network, layer, standard)
    gaz = gridworld.make_gazetteer(demand)
    units = measures.by_unit(demand, cover, levels=LEVELS, gazetteer=gaz)
    for level in LEVELS:
        table = by_state(demand, states, zones_of(demand, level, gazetteer=gaz))
        served = table[table["state"] == "served"]["residents"].tolist()
        own = units[(units["level"] == level) & (units["limit"] == standard.main)]
        assert served == own["served"].tolist()


def test_order_of_cells_and_sites_changes_nothing() -> None:
    world = drive_world([3, 11, 24])
    demand, network, layer, standard = world
    open_now, order = np.array([True, False, True]), np.array([2, 0, 1])
    turned = replace(layer, table=layer.table.iloc[order].reset_index(drop=True))
    before = classify(*products(world), open_now=open_now)
    after = classify(*products((demand, network, turned, standard)), open_now=open_now[order])
    np.testing.assert_array_equal(before.share, after.share)
    zones = zones_of(demand, "县")
    pd.testing.assert_frame_equal(by_state(demand, before, zones), by_state(demand, after, zones))


@settings(max_examples=many(25))
@given(st.lists(st.integers(0, 24), min_size=1, max_size=4), st.integers(0, 24))
def test_opening_a_site_or_loosening_the_limit_never_serves_fewer(nodes: list[int], another: int) -> None:
    before = classify(*products(drive_world(nodes)))
    after = classify(*products(drive_world([*nodes, another])))
    looser = classify(*products(drive_world(nodes, main=1200)))
    assert (after.share[:, 0] >= before.share[:, 0]).all()
    assert (looser.share[:, 0] >= before.share[:, 0]).all()
    half = np.arange(len(nodes)) % 2 == 0
    some = classify(*products(drive_world(nodes)), open_now=half)
    assert (some.share[:, 0] <= before.share[:, 0]).all()
    np.testing.assert_array_equal(some.share[:, [0, 2]].sum(axis=1), before.share[:, 0])


def test_too_far_names_the_nearest_site_and_its_minutes() -> None:
    world = drive_world([0], 4)
    demand, _, layer, _ = world
    states = classify(*products(world))
    zones = zones_of(demand, "县")
    table = too_far(demand, states, layer, zones).set_index("code")
    assert table.loc["360101", ["site_name", "residents", "least", "most"]].tolist() == [
        "站0",
        32,
        1200,
        1200,
    ]
    assert table.loc["360202", ["least_text", "most_text"]].tolist() == ["40分钟", "1小时"]
    two = drive_world([0, 15], 4)
    states = classify(*products(two))
    table = too_far(demand, states, two[2], zones)
    by_zone = by_state(demand, states, zones).set_index(["code", "state"])["residents"]
    for code, rows in table.groupby("code"):
        assert rows["residents"].sum() == by_zone[code, "too_far"]
        assert rows["residents"].is_monotonic_decreasing
    nobody = replace(demand, residents=np.zeros(16, np.int64))
    assert too_far(nobody, states, two[2], zones).empty


def test_a_part_of_a_cell_is_no_place_seventy_metres_away() -> None:
    world = walk_world([0], (270,), 270)
    demand = world[0]
    states = classify(*products(world))
    table = too_far(demand, states, world[2], zones_of(demand, "网格"))
    assert PARTLY in table["least_text"].tolist()
    assert (table["residents"] > 0).all()


def test_no_sites_and_nobody() -> None:
    for world in (drive_world([], 4), walk_world([])):
        demand = world[0]
        states = classify(*products(world))
        zones = zones_of(demand, "市")
        table = by_state(demand, states, zones).set_index(["code", "state"])
        assert (table.xs("no_site", level="state")["share"] == 1).all()
        assert too_far(demand, states, world[2], zones).empty
    nobody = replace(demand, residents=np.zeros(len(demand.cell), np.int64))
    table = by_state(nobody, states, zones)
    assert (table["residents"] == 0).all()
    assert table["share"].isna().all()


def test_islands_of_the_network_are_cut_off_and_far_cells_have_no_road() -> None:
    """Two roads of 0.1 degrees that do not meet; a cell is on one of them or 10 km from both."""
    road = shapeworld.Road
    network = shapeworld.make(
        [(0, 0), (1_000_000, 0), (0, 2_000_000), (1_000_000, 2_000_000)],
        [road(0, 1, 60_000, 60_000), road(2, 3, 60_000, 60_000)],
    )
    demand, standard = gridworld.grid_demand(4), gridworld.drive_standard((300, 600), 300)
    layer = gridworld.make_layer("warehouse", [115.0], [28.0], demand=demand)
    states = classify(*products((demand, network, layer, standard)))
    assert named(states)[:4] == ["served", "too_far", "no_road", "no_road"]
    assert named(states)[8:12] == ["cut_off", "cut_off", "no_road", "no_road"]
    assert set(named(states)[4:8] + named(states)[12:]) == {"no_road"}
    table = by_state(demand, states, zones_of(demand, "省")).set_index("state")["residents"]
    assert table[["served", "too_far", "cut_off"]].tolist() == [1, 2, 2**8 + 2**9]
    assert table.sum() == demand.residents.sum()
