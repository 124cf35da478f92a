"""Bands, k-cover, times and worst places: by hand on the grid, against brute force, invariants."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import gridworld
import numpy as np
import pandas as pd
import pytest
from boai.coverage import depth, measures, quantiles
from boai.coverage.matrix import UNREACHED, Matrix, Ranked, build_matrix, rank_sites
from boai.coverage.people import GROUPS, people
from boai.coverage.zones import LEVELS, Zones, zones_of
from boai.geodata.demand import Demand
from boai.geodata.layers import Layer
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def drive(nodes: list[int], k: int = 4, **others) -> tuple[Demand, Ranked, Layer]:
    network, demand = gridworld.grid_network(k), gridworld.grid_demand(k)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, nodes), demand=demand)
    return demand, rank_sites(demand, network, layer, gridworld.drive_standard(**others)), layer


def walk(cells: list[int], **others) -> tuple[Demand, Ranked, Matrix, Layer]:
    demand, network = gridworld.hex_demand(2), gridworld.grid_network(2)
    shift = 0.003 * np.arange(len(cells))
    layer = gridworld.make_layer("aed", demand.lon[cells] + shift, demand.lat[cells], demand=demand)
    standard = gridworld.walk_standard((300, 1000), 1000, detour=1.3, **others)
    return (
        demand,
        rank_sites(demand, network, layer, standard),
        build_matrix(demand, network, layer, standard),
        layer,
    )


def levels(demand: Demand) -> dict[str, Zones]:
    gaz = gridworld.make_gazetteer(demand)
    return {level: zones_of(demand, level, gazetteer=gaz) for level in LEVELS}


def minutes_from(node: int, k: int = 4) -> np.ndarray:
    row, column = np.divmod(np.arange(k * k), k)
    return 10 * (np.abs(row - node // k) + np.abs(column - node % k))


# Bands


def test_bands_of_a_corner_by_hand() -> None:
    demand, ranked, _ = drive([0])
    table = depth.bands(demand, ranked, zones_of(demand, "省"))
    assert table["band_text"].tolist() == [
        "10分钟内",
        "10分钟-20分钟",
        "20分钟-30分钟",
        "30分钟以上",
        "无法到达",
    ]
    minutes = minutes_from(0)
    expected = [
        int(demand.residents[(minutes > low) & (minutes <= high)].sum())
        for low, high in ((-1, 10), (10, 20), (20, 30), (30, 99), (99, 100))
    ]
    assert table["residents"].tolist() == expected
    assert table["share"].sum() == pytest.approx(1)
    assert table["low"].tolist()[:4] == [0, 600, 1200, 1800]
    assert table["high"].tolist()[:4] == [600, 1200, 1800, np.inf]
    own = depth.bands(demand, ranked, zones_of(demand, "省"), limits=(1200,))
    assert own["residents"].tolist() == [sum(expected[:2]), sum(expected[2:4]), 0]
    none = depth.bands(demand, ranked, zones_of(demand, "省"), limits=())
    assert none["band_text"].tolist() == ["可达", "无法到达"]
    assert none["residents"].tolist() == [2**16 - 1, 0]


def test_a_band_holds_its_upper_limit_to_the_hundredth() -> None:
    demand = gridworld.grid_demand(2, residents=[1, 2, 4, 8])
    cost = np.array([[60_000], [60_001], [120_000], [UNREACHED]], np.int32)
    site = np.array([[0], [0], [0], [-1]], np.int32)
    ranked = Ranked(gridworld.drive_standard(), site, cost, np.ones(4, bool))
    table = depth.bands(demand, ranked, zones_of(demand, "省"))
    assert table["residents"].tolist() == [1, 2 + 4, 0, 0, 8]


def test_bands_add_up_at_all_levels_and_groups_and_begin_as_the_units() -> None:
    demand, ranked, matrix, layer = walk([0, 4, 9, 12])
    cover = measures.cover_layer(demand, gridworld.grid_network(2), layer, ranked.standard)
    for group in GROUPS:
        sums = []
        for level, zones in levels(demand).items():
            table = depth.bands(demand, ranked, zones, matrix=matrix, group=group)
            counts = table["residents"].to_numpy().reshape(len(zones), -1)
            assert (counts >= 0).all()
            own = np.bincount(zones.member, weights=people(demand, group), minlength=len(zones))
            np.testing.assert_array_equal(counts.sum(axis=1), own)
            sums.append(counts.sum(axis=0).tolist())
            units = measures.by_unit(
                demand, cover, levels=(level,), group=group, gazetteer=gridworld.make_gazetteer(demand)
            )
            served = units["served"].to_numpy().reshape(len(zones), -1)
            np.testing.assert_array_equal(np.cumsum(counts, axis=1)[:, :2], served)
        assert all(each == sums[0] for each in sums)


def test_shares_within_limits_are_those_of_the_cover() -> None:
    demand, ranked, matrix, layer = walk([0, 4, 9, 12])
    cover = measures.cover_layer(demand, gridworld.grid_network(2), layer, ranked.standard)
    found = depth.within_share(ranked, ranked.standard.limits, matrix=matrix)
    np.testing.assert_array_equal(found, cover.share)
    demand, ranked, layer = drive([2, 9])
    cover = measures.cover_layer(demand, gridworld.grid_network(4), layer, ranked.standard)
    np.testing.assert_array_equal(depth.within_share(ranked, ranked.standard.limits), cover.share)
    second = measures.second_cover(demand, gridworld.grid_network(4), layer, ranked.standard)
    found = depth.within_share(ranked, ranked.standard.limits, at_least=2)
    np.testing.assert_array_equal(found, second.share)


def test_on_foot_a_matrix_is_needed() -> None:
    demand, ranked, matrix, _ = walk([0])
    with pytest.raises(ValueError, match="matrix"):
        depth.bands(demand, ranked, zones_of(demand, "省"))
    with pytest.raises(ValueError, match="matrix"):
        depth.within_share(ranked, (2000,), matrix=matrix)
    with pytest.raises(ValueError, match="ascend"):
        depth.bands(demand, ranked, zones_of(demand, "省"), matrix=matrix, limits=(300, 200))
    with pytest.raises(ValueError, match="ranked"):
        depth.within_share(drive([0])[1], (600,), at_least=4)


# k-cover


def test_k_cover_counts_sites_one_by_one() -> None:
    nodes = [0, 1, 5, 15]
    demand, ranked, _ = drive(nodes)
    table = depth.k_cover(demand, ranked, zones_of(demand, "县")).set_index(["code", "sites"])
    near = sum(minutes_from(node) <= 10 for node in nodes)
    for position, code in enumerate(gridworld.CODES):
        own = demand.county == position
        for k in (1, 2, 3):
            assert table.loc[(code, k), "served"] == demand.residents[own & (near >= k)].sum()
    assert not table["asked"].any()
    assert table["met"].isna().all()


def test_k_cover_on_foot_equals_counting_pairs() -> None:
    demand, ranked, matrix, _ = walk([0, 0, 1, 9])
    share = depth.within_share(ranked, (1000,), at_least=2, matrix=matrix)[:, 0]
    counts = np.bincount(matrix.rows()[matrix.within(1000)], minlength=matrix.n_rows)
    expected = np.bincount(matrix.cell[counts >= 2], minlength=len(demand.cell)) / 343
    np.testing.assert_array_equal(share, expected)
    assert 0 < share.sum() < depth.within_share(ranked, (1000,), matrix=matrix).sum()


def test_backup_is_asked_and_met() -> None:
    demand, ranked, _ = drive([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], backup=1)
    table = depth.k_cover(demand, ranked, zones_of(demand, "县"))
    assert table["asked"].tolist() == [False, True, False] * 4
    assert table[table["asked"]]["met"].tolist() == [True] * 4
    assert table[~table["asked"]]["met"].isna().all()
    few = depth.k_cover(*drive([0, 1], backup=1)[:2], zones_of(demand, "县"), counts=(1,))
    assert few["sites"].tolist() == [1, 2] * 4
    assert few[few["asked"]]["met"].tolist() == [False] * 4
    # 3 of 51 residents of 甲县 have both sites: share 3 / 51.
    demand, ranked, _ = drive([0, 1], backup=1, target_share=3 / 51)
    met = depth.k_cover(demand, ranked, zones_of(demand, "县"))
    assert met[met["asked"]]["met"].tolist() == [True, False, False, False]


def test_k_cover_adds_up_for_every_group() -> None:
    demand, ranked, matrix, _ = walk([0, 0, 1, 9], backup=2)
    previous = None
    for zones in levels(demand).values():
        table = depth.k_cover(demand, ranked, zones, matrix=matrix, groups=tuple(GROUPS))
        sums = table.groupby(["group", "sites"])["served"].sum()
        assert previous is None or sums.equals(previous)
        previous = sums
        served = table["served"].to_numpy().reshape(-1, 3)
        assert (np.diff(served, axis=1) <= 0).all()
        assert (served <= table["residents"].to_numpy().reshape(-1, 3)).all()


# Times


def brute_quantile(cost: list[float], weight: list[int], q: Fraction) -> float:
    """Walk the residents one by one."""
    everybody = sorted(c for c, w in zip(cost, weight, strict=True) for _ in range(w))
    if not everybody:
        return float("nan")
    need = max(1, -(-(q * len(everybody)).numerator // (q * len(everybody)).denominator))
    return everybody[need - 1]


@settings(max_examples=many(30))
@given(st.data())
def test_quantiles_equal_counting_one_by_one(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 30))
    cost = data.draw(st.lists(st.sampled_from([0.0, 60.0, 61.5, 120.0, np.inf]), min_size=n, max_size=n))
    weight = data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    zone = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    tenths = data.draw(st.sampled_from([1, 5, 9, 10]))
    found = quantiles.by_zone(
        np.array(zone, np.int32), 4, np.array(cost), np.array(weight, np.int64), (tenths / 10,)
    )[0]
    for each in range(4):
        rows = [i for i in range(n) if zone[i] == each]
        expected = brute_quantile([cost[i] for i in rows], [weight[i] for i in rows], Fraction(tenths, 10))
        np.testing.assert_equal(found[each], expected)


def test_times_to_the_first_and_second_site() -> None:
    nodes = [0, 15]
    demand, ranked, _ = drive(nodes)
    zones = zones_of(demand, "县")
    table = depth.times(demand, ranked, zones).set_index(["code", "rank"])
    both = np.sort(np.column_stack([minutes_from(node) for node in nodes]), axis=1)
    for position, code in enumerate(gridworld.CODES):
        own = demand.county == position
        weight = demand.residents[own]
        for rank in (1, 2):
            row, minutes = table.loc[(code, rank)], both[own, rank - 1]
            assert row["mean"] == pytest.approx(60 * (weight * minutes).sum() / weight.sum())
            assert row["worst"] == row["longest"] == 60 * minutes.max()
            assert row["median"] == 60 * brute_quantile(minutes.tolist(), weight.tolist(), Fraction(1, 2))
            assert row["p90"] == 60 * brute_quantile(minutes.tolist(), weight.tolist(), Fraction(9, 10))
            assert row["without"] == 0
        third = table.loc[(code, 3)]
        assert third["without"] == third["residents"] == weight.sum()
        assert np.isinf(third[["median", "p90", "worst"]].astype(float)).all()
        assert third["worst_text"] == "无法到达"
        assert third[["mean_text", "longest_text"]].tolist() == ["", ""]
    province = depth.times(demand, ranked, zones_of(demand, "省")).loc[0]
    cover = measures.Cover(
        ranked.standard, np.zeros((16, 3)), ranked.site[:, 0], (ranked.cost[:, 0] / 100).astype(np.float32)
    )
    assert province["p90"] == measures.percentile(demand, cover)


def test_minutes_are_rounded_up_where_a_promise_is_made() -> None:
    demand = gridworld.grid_demand(2, residents=[1, 0, 0, 0])
    ranked = Ranked(
        gridworld.drive_standard(),
        np.zeros((4, 1), np.int32),
        np.full((4, 1), 60_001, np.int32),
        np.ones(4, bool),
    )
    row = depth.times(demand, ranked, zones_of(demand, "县")).iloc[0]
    assert row[["median_text", "p90_text", "longest_text", "worst_text"]].tolist() == ["11分钟"] * 4
    assert row["mean_text"] == "10分钟"


def test_some_without_a_site() -> None:
    demand = gridworld.grid_demand(2, residents=[1, 2, 5, 0])
    cost = np.array([[6000], [12_000], [UNREACHED], [UNREACHED]], np.int32)
    site = np.array([[0], [0], [-1], [-1]], np.int32)
    ranked = Ranked(gridworld.drive_standard(), site, cost, np.ones(4, bool))
    row = depth.times(demand, ranked, zones_of(demand, "省")).iloc[0]
    assert row[["residents", "without", "longest"]].tolist() == [8, 5, 120]
    assert row["mean"] == 100
    assert np.isinf(row[["median", "p90", "worst"]].astype(float)).all()


# Worst places


def test_the_worst_places_are_different_ones() -> None:
    demand, ranked, layer = drive([0])
    gaz = gridworld.make_gazetteer(demand)
    zones = zones_of(demand, "乡镇", gazetteer=gaz)
    table = depth.worst_places(demand, ranked, layer, zones, most=3)
    assert table["name"].tolist() == ["镇15", "镇14", "镇11"]
    assert table["cost_text"].tolist() == ["1小时", "50分钟", "50分钟"]
    assert table["label"].tolist() == table["name"].tolist()
    assert table["residents"].tolist() == [2**15, 2**14, 2**11]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["nearest_id"].tolist() == ["warehouse-0"] * 3
    # Two settlements only: the cells of each are one place.
    keep = np.r_[np.arange(7), 7, 22]
    names = ("name", "lon", "lat", "level", "county", "population")
    two = replace(gaz, **{name: getattr(gaz, name)[keep] for name in names})
    for level in ("乡镇", "网格"):
        table = depth.worst_places(demand, ranked, layer, zones_of(demand, level, gazetteer=two))
        assert len(table) == 4
        labelled = depth.worst_places(
            demand, ranked, layer, zones_of(demand, level, gazetteer=two), gazetteer=two
        )
        assert labelled["label"][0] == "丁县 镇15附近"
        assert labelled.drop(columns="label").equals(table.drop(columns="label"))
        assert len(table[["county", "name"]].drop_duplicates()) == 4
        assert table["residents"].sum() == demand.residents.sum()
        assert table["beyond"].sum() == demand.residents[minutes_from(0) > 10].sum()
        assert (table["lon"][0], table["lat"][0]) == (demand.lon[15], demand.lat[15])


def test_places_that_nothing_reaches_come_first() -> None:
    demand = gridworld.grid_demand(2, residents=[1, 2, 5, 0])
    cost = np.array([[6000], [UNREACHED], [UNREACHED], [UNREACHED]], np.int32)
    site = np.array([[0], [-1], [-1], [-1]], np.int32)
    ranked = Ranked(gridworld.drive_standard(), site, cost, np.ones(4, bool))
    layer = gridworld.make_layer("warehouse", demand.lon[:1], demand.lat[:1], demand=demand)
    zones = zones_of(demand, "乡镇", gazetteer=gridworld.make_gazetteer(demand))
    table = depth.worst_places(demand, ranked, layer, zones)
    assert table["name"].tolist() == ["镇2", "镇1", "镇0"]
    assert table["cost_text"].tolist() == ["无法到达", "无法到达", "1分钟"]
    assert table["nearest_site"].tolist() == ["", "", "站0"]
    assert table["beyond"].tolist() == [5, 2, 0]


# Share to reach


def test_share_to_reach() -> None:
    demand, ranked, _ = drive([0], target_share=19 / 51)
    share = depth.within_share(ranked, (600,))[:, 0]
    table = depth.to_reach(demand, share, ranked.standard, zones_of(demand, "县"))
    assert table["met"].tolist() == [True, False, False, False]
    assert table["served"].tolist() == [19, 0, 0, 0]
    assert table["short"].tolist()[0] == 0
    for row in table.iloc[1:].itertuples():
        assert row.short == -(-row.residents * 19 // 51)
    higher = replace(ranked.standard, target_share=0.373)
    assert depth.to_reach(demand, share, higher, zones_of(demand, "县"))["short"][0] == 1
    free = replace(ranked.standard, target_share=None)
    table = depth.to_reach(demand, share, free, zones_of(demand, "县"))
    assert table["met"].tolist() == [None] * 4
    assert table["target_share"].isna().all()
    assert not table["short"].any()
    nobody = replace(demand, residents=np.zeros(16, np.int64))
    assert (
        depth.to_reach(nobody, share, ranked.standard, zones_of(demand, "县"))["met"].tolist() == [None] * 4
    )


def test_share_to_reach_is_inclusive_with_fractions() -> None:
    """0.9 of 10 residents in sub-cells: 343 parts never sum to 0.9 x 10 without noise."""
    demand, ranked, matrix, _ = walk(list(range(19)))
    share = depth.within_share(ranked, ranked.standard.limits, matrix=matrix)
    whole = float((demand.residents * share[:, 1]).sum() / demand.residents.sum())
    standard = replace(ranked.standard, target_share=whole)
    table = depth.to_reach(demand, share, standard, zones_of(demand, "省"))
    assert table["met"].tolist() == [True]
    assert not table["short"].any()


# Edges


def test_no_sites_nobody_and_no_cells() -> None:
    demand, ranked, layer = drive([])
    zones = zones_of(demand, "县")
    assert depth.bands(demand, ranked, zones).query("band == 4")["share"].tolist() == [1] * 4
    assert not depth.k_cover(demand, ranked, zones)["served"].any()
    assert depth.times(demand, ranked, zones)["p90_text"].tolist() == ["无法到达"] * 12
    places = depth.worst_places(demand, ranked, layer, zones)
    assert places["nearest_site"].tolist() == [""] * 4
    assert places["residents"].is_monotonic_decreasing
    nobody = replace(demand, residents=np.zeros(16, np.int64))
    assert depth.bands(nobody, ranked, zones)["share"].isna().all()
    assert depth.k_cover(nobody, ranked, zones)["share"].isna().all()
    table = depth.times(nobody, ranked, zones)
    assert table[["median", "p90", "mean", "longest", "worst"]].isna().all().all()
    assert (table["p90_text"] == "").all()
    assert depth.worst_places(nobody, ranked, layer, zones).empty
    walker, found, matrix, _ = walk([])
    assert not depth.k_cover(walker, found, zones_of(walker, "省"), matrix=matrix)["served"].any()
    assert depth.bands(walker, found, zones_of(walker, "省"), matrix=matrix)["residents"].tolist()[-1] > 0


@settings(max_examples=many(20))
@given(st.lists(st.integers(0, 15), min_size=1, max_size=4), st.integers(0, 15))
def test_another_site_never_makes_it_worse(nodes: list[int], another: int) -> None:
    demand, before, _ = drive(nodes)
    after = drive([*nodes, another])[1]
    zones = zones_of(demand, "县")
    early, late = (depth.times(demand, each, zones) for each in (before, after))
    for column in ("median", "p90", "worst", "without"):
        assert (late[column] <= early[column]).all()
    few, many = (depth.k_cover(demand, each, zones)["served"] for each in (before, after))
    assert (many >= few).all()
    for each in (before, after):
        running = depth.bands(demand, each, zones).groupby("code", sort=False)["residents"].cumsum()
        assert (
            running.to_numpy().reshape(4, -1)[:, -1].tolist()
            == np.bincount(demand.county, weights=demand.residents).tolist()
        )


def test_order_of_cells_and_sites_changes_nothing() -> None:
    demand, _, layer = drive([0, 7, 13])
    network, standard = gridworld.grid_network(4), gridworld.drive_standard()
    turned = replace(layer, table=layer.table.iloc[[2, 0, 1]].reset_index(drop=True))
    before, after = (rank_sites(demand, network, each, standard) for each in (layer, turned))
    order = np.random.default_rng(5).permutation(16)
    names = ("cell", "lon", "lat", "area_km2", "county", "residents", "urban", "age_60", "age_65")
    shuffled = replace(demand, **{name: getattr(demand, name)[order] for name in names})
    moved = Ranked(standard, after.site[order], after.cost[order], after.met[order])
    gaz = gridworld.make_gazetteer(demand)
    for level in LEVELS:
        old, new = zones_of(demand, level, gazetteer=gaz), zones_of(shuffled, level, gazetteer=gaz)
        for measure in (depth.bands, depth.k_cover, depth.times):
            pd.testing.assert_frame_equal(measure(demand, before, old), measure(shuffled, moved, new))
        worst = [
            depth.worst_places(world, ranked, sites, zones)
            for world, ranked, sites, zones in ((demand, before, layer, old), (shuffled, moved, turned, new))
        ]
        columns = [name for name in worst[0] if not name.startswith("nearest")]
        pd.testing.assert_frame_equal(worst[0][columns], worst[1][columns])
