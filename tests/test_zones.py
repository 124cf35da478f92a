"""Zones of five levels: who belongs where, and whole residents that add up exactly in both directions."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import h3.api.numpy_int as h3
import numpy as np
import pandas as pd
import pytest
from boai.coverage import rounding, zones
from boai.coverage.people import GROUPS, people
from boai.coverage.zones import LEVELS, Zones, zones_of
from boai.geodata.demand import Demand
from boai.geodata.gazetteer import Gazetteer
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

PARENT = {"市": "省", "县": "市", "乡镇": "县", "网格": "乡镇"}


def few_settlements(demand: Demand, cells: list[int]) -> Gazetteer:
    """The gazetteer of the grid with settlements at some cells only."""
    gaz = gridworld.make_gazetteer(demand)
    keep = np.r_[np.arange(7), 7 + np.array(cells, int)]
    names = ("name", "lon", "lat", "level", "county", "population")
    return replace(gaz, **{name: getattr(gaz, name)[keep] for name in names})


def all_levels(demand: Demand, gaz: Gazetteer) -> dict[str, Zones]:
    return {level: zones_of(demand, level, gazetteer=gaz) for level in LEVELS}


def shuffled(demand: Demand, order: np.ndarray) -> Demand:
    names = ("cell", "lon", "lat", "area_km2", "county", "residents", "urban", "age_60", "age_65")
    return replace(demand, **{name: getattr(demand, name)[order] for name in names})


def test_units_follow_from_codes() -> None:
    demand = gridworld.grid_demand(4)
    province, city, county = (zones_of(demand, level) for level in LEVELS[:3])
    assert province.table.to_numpy().tolist() == [["省", "360000", "江西省", "", ""]]
    assert city.table["code"].tolist() == ["360100", "360200"]
    assert city.table["name"].tolist() == city.table["city"].tolist() == ["东市", "西市"]
    assert county.table["code"].tolist() == list(gridworld.CODES)
    assert county.table["county"].tolist() == county.table["name"].tolist() == list(gridworld.COUNTIES)
    np.testing.assert_array_equal(county.member, demand.county)
    np.testing.assert_array_equal(city.member, demand.county // 2)
    assert not province.member.any()
    assert list(county.units.columns) == ["level", "code", "name", "city"]


def test_another_province_has_a_plain_name() -> None:
    demand = gridworld.grid_demand(4)
    moved = replace(demand, county_code=np.array(["110101", "110102", "110201", "110202"]))
    assert zones_of(moved, "省").table.loc[0, ["code", "name"]].tolist() == ["110000", "全省"]


def test_cells_are_zones_named_by_their_index() -> None:
    demand = gridworld.hex_demand(1)
    found = zones_of(demand, "网格")
    assert found.table["code"].tolist() == [h3.int_to_str(cell) for cell in demand.cell.tolist()]
    assert found.table["county"].tolist() == [gridworld.COUNTIES[i] for i in demand.county]
    gaz = gridworld.make_gazetteer(demand)
    named = zones_of(demand, "网格", gazetteer=gaz)
    assert named.table["name"][3] == f"{gridworld.COUNTIES[demand.county[3]]} 镇3一带"
    grid = zones_of(gridworld.grid_demand(6), "网格")
    assert grid.table["code"].tolist() == [f"{i:x}" for i in range(36)]


def test_townships_are_the_cells_nearest_to_a_settlement_of_their_county() -> None:
    """Oracle: haversine over all pairs, one cell at a time."""
    from boai.geodata.crs import haversine_m

    demand = gridworld.hex_demand(6)
    some = [0, 3, 20, 41, 60, 90, 125]
    gaz = few_settlements(demand, some)
    found = zones_of(demand, "乡镇", gazetteer=gaz)
    assert found.note == zones.APPROXIMATE
    for cell in range(len(demand.cell)):
        rows = [i for i in range(7, len(gaz.name)) if gaz.county[i] == demand.county[cell]]
        away = [float(haversine_m(demand.lon[cell], demand.lat[cell], gaz.lon[i], gaz.lat[i])) for i in rows]
        expected = gaz.name[rows[int(np.argmin(away))]] if rows else None
        name = found.table["name"][found.member[cell]]
        assert name == expected or (not rows and name == f"{gridworld.COUNTIES[demand.county[cell]]}全境")
    assert found.table["code"].is_monotonic_increasing
    assert found.table["code"].is_unique
    assert (np.bincount(found.member, minlength=len(found)) > 0).all()


def test_a_county_without_settlements_is_one_zone() -> None:
    demand = gridworld.grid_demand(4)
    found = zones_of(demand, "乡镇", gazetteer=few_settlements(demand, [0]))
    assert found.table["name"].tolist() == ["镇0", "乙县全境", "丙县全境", "丁县全境"]
    assert found.table["code"].tolist() == ["360101-001", "360102-000", "360201-000", "360202-000"]
    none = zones_of(demand, "乡镇", gazetteer=few_settlements(demand, []))
    assert none.table["name"].tolist() == [f"{name}全境" for name in gridworld.COUNTIES]


def test_equally_near_settlements_give_the_first() -> None:
    demand = gridworld.grid_demand(4)
    gaz = few_settlements(demand, [0, 0, 5])
    found = zones.nearest_settlement(demand, gaz)
    assert found[0] == 7
    assert found[5] == 9
    assert 8 not in found


def test_levels_nest_and_cells_may_stand_in_any_order() -> None:
    demand = gridworld.hex_demand(4)
    gaz = few_settlements(demand, [1, 5, 30, 44, 50])
    order = np.random.default_rng(1).permutation(len(demand.cell))
    before, after = all_levels(demand, gaz), all_levels(shuffled(demand, order), gaz)
    for level in LEVELS:
        pd.testing.assert_frame_equal(before[level].table, after[level].table)
        np.testing.assert_array_equal(before[level].member[order], after[level].member)
        if level in PARENT:
            pairs = np.unique(np.column_stack([before[level].member, before[PARENT[level]].member]), axis=0)
            assert len(pairs) == len(before[level])


@settings(max_examples=many(25))
@given(st.integers(0, 2**32 - 1))
def test_whole_residents_add_up_over_all_levels_and_never_fall(seed: int) -> None:
    rng = np.random.default_rng(seed)
    demand = gridworld.grid_demand(6, residents=rng.integers(0, 6, 36))
    gaz = few_settlements(demand, rng.choice(36, 8, replace=False).tolist())
    share = np.sort(rng.integers(0, 344, (36, 3)) / 343, axis=1)
    amount = np.column_stack([demand.residents[:, None] * share, demand.residents])
    tables = all_levels(demand, gaz)
    whole = {level: zones.whole_over(demand, tables[level], amount) for level in LEVELS}
    for level, above in PARENT.items():
        up = np.zeros(len(tables[level]), np.int64)
        up[tables[level].member] = tables[above].member
        sums = np.zeros_like(whole[above])
        np.add.at(sums, up, whole[level])
        np.testing.assert_array_equal(sums, whole[above])
    for level in LEVELS:
        assert (np.diff(whole[level], axis=1) >= 0).all()
        assert (whole[level] >= 0).all()
        np.testing.assert_array_equal(whole[level][:, -1], zones.sum_over(tables[level], demand.residents))
    exact = zones.sum_over(tables["县"], amount)
    assert (np.abs(whole["县"] - exact) < 1).all()
    first = zones.sum_over(tables["网格"], amount)[:, 0]
    assert (np.abs(whole["网格"][:, 0] - first) < 1).all()


@settings(max_examples=many(25))
@given(st.integers(0, 2**32 - 1))
def test_parts_of_the_residents_add_up_both_ways_for_every_group(seed: int) -> None:
    rng = np.random.default_rng(seed)
    demand = gridworld.grid_demand(6, residents=rng.integers(0, 40, 36))
    gaz = few_settlements(demand, rng.choice(36, 8, replace=False).tolist())
    share = rng.dirichlet(np.ones(5) * 0.3, 36)
    for group in GROUPS:
        own = people(demand, group)
        before = None
        for level, each in all_levels(demand, gaz).items():
            parts = zones.parts_over(demand, each, own[:, None] * share)
            assert (parts >= 0).all()
            np.testing.assert_array_equal(parts.sum(axis=1), zones.sum_over(each, own))
            assert before is None or (parts.sum(axis=0) == before).all(), level
            before = parts.sum(axis=0)


def test_townships_give_way_where_the_county_has_less() -> None:
    """Both halves round up in turn, but the county never has more than two of its 1.7."""
    exact = np.array([[0.5, 0.5], [0.5, 1.2]])
    whole = rounding.share_out(np.array([[1, 1]]), exact, np.zeros(2, np.int64), True)
    assert whole.tolist() == [[1, 1], [0, 0]]
    whole = rounding.share_out(np.array([[1, 2]]), exact, np.zeros(2, np.int64), True)
    assert whole.tolist() == [[1, 1], [0, 1]]


def test_more_for_parts_than_remainders() -> None:
    assert rounding.apportioned(np.array([7]), np.array([1.0, 2.0]), np.zeros(2, int)).tolist() == [3, 4]
    assert rounding.apportioned(np.array([0]), np.array([1.0, 2.0]), np.zeros(2, int)).tolist() == [0, 0]
    assert rounding.apportioned(np.array([5]), np.zeros(0), np.zeros(0, int)).tolist() == []


def test_sums_and_shares() -> None:
    demand = gridworld.grid_demand(4)
    county = zones_of(demand, "县")
    assert zones.sum_over(county, demand.residents).tolist() == [
        float(demand.residents[demand.county == i].sum()) for i in range(4)
    ]
    both = zones.sum_over(county, np.column_stack([demand.residents, demand.urban]))
    assert both.shape == (4, 2)
    city = zones_of(demand, "市")
    assert zones.sum_counties(demand, city, np.array([1, 2, 3, 4])).tolist() == [3.0, 7.0]
    amount = demand.residents / 3
    np.testing.assert_allclose(
        zones.exact_over(demand, city, amount), zones.sum_over(city, amount), rtol=1e-15
    )
    assert np.isnan(zones.share_of(np.zeros(2), np.zeros(2))).all()
    assert zones.share_of(np.ones((2, 2)), np.array([[2], [4]])).tolist() == [[0.5, 0.5], [0.25, 0.25]]


def test_no_cells_at_all() -> None:
    demand = shuffled(gridworld.grid_demand(2), np.array([], int))
    gaz = few_settlements(gridworld.grid_demand(2), [0])
    for level, each in all_levels(demand, gaz).items():
        whole = zones.whole_over(demand, each, np.zeros((0, 2)))
        assert whole.shape == (len(each), 2), level
        assert not whole.any()


def test_what_cannot_be() -> None:
    demand = gridworld.grid_demand(4)
    with pytest.raises(ValueError, match="gazetteer"):
        zones_of(demand, "乡镇")
    with pytest.raises(ValueError, match="level"):
        zones_of(demand, "村")
    with pytest.raises(ValueError, match="finite"):
        zones.whole_over(demand, zones_of(demand, "网格"), np.full(16, np.nan))
    across = replace(zones_of(demand, "网格"), member=np.zeros(16, np.int32))
    with pytest.raises(ValueError, match="several counties"):
        zones.whole_over(demand, across, demand.residents)


@pytest.mark.slow
def test_two_million_cells_and_a_hundred_counties_in_three_seconds() -> None:
    import time

    rng, n, count = np.random.default_rng(0), 2_000_000, 100
    codes = np.array([f"36{c:02d}{d:02d}" for c in range(1, 12) for d in range(1, 11)][:count])
    county = np.sort(rng.integers(0, count, n)).astype(np.int32)
    residents = rng.integers(0, 3000, n)
    demand = Demand(
        np.arange(n, dtype=np.uint64), rng.uniform(114, 118, n), rng.uniform(25, 29, n), np.full(n, 5.0),
        county, residents, residents // 2, residents // 4, residents // 8,
        codes, codes, codes.astype("<U4"),
    )  # fmt: skip
    share = np.sort(rng.random((n, 3)), axis=1)
    start = time.process_time()
    for level in LEVELS[:3]:
        each = zones_of(demand, level)
        zones.whole_over(demand, each, residents[:, None] * share)
    assert time.process_time() - start < 3
