"""What would close a gap: against all subsets of candidates, and bounds that hold on foot."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import combinations

import gridworld
import numpy as np
import pandas as pd
import pytest
from boai.coverage import gap_closing, gaps, measures, reach
from boai.coverage.fewest_sites import dual_bound, fewest
from boai.coverage.gap_closing import close_gaps
from boai.coverage.standards import Standard
from boai.geodata.demand import Demand
from boai.geodata.layers import Layer
from boai.geodata.network import Network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

EMPTY = gridworld.make_network([], [], [], lon=[115.86], lat=[28.68])
NOWHERE = gridworld.make_layer("warehouse", [], [])


def close(
    demand: Demand, network: Network, layer: Layer = NOWHERE, standard: Standard | None = None, **how: float
) -> pd.DataFrame:
    cover = measures.cover_layer(demand, network, layer, standard or gridworld.drive_standard())
    places = gridworld.make_gazetteer(demand)
    found = gaps.locate_gaps(demand, cover, layer, places)
    return close_gaps(demand, network, layer, cover, found, gaz=places, **how)


def least(cover: np.ndarray) -> int:
    """Fewest columns that cover all rows of a 0/1 matrix, by all subsets."""
    return next(
        size
        for size in range(cover.shape[1] + 1)
        if any(cover[:, list(some)].any(axis=1).all() for some in combinations(range(cover.shape[1]), size))
    )


def test_nine_cells_of_a_county_need_two_or_three_sites() -> None:
    """3 x 3 cells ten minutes apart; a cross covers five, so three sites close the nine."""
    demand, network = gridworld.grid_demand(6), gridworld.grid_network(6)
    table = close(demand, network)
    assert table["residents"].tolist() == sorted(table["residents"], reverse=True)
    assert list(table.columns) == gap_closing.COLUMNS
    lon, lat = demand.lon, demand.lat
    whole = reach.candidate_reach_drive(network, demand, lon, lat, gridworld.drive_standard())
    reached = csr_array((np.ones(len(whole.indices)), whole.indices, whole.indptr), shape=(36, 36)).toarray()
    for _, row in table.iterrows():
        own = np.flatnonzero(demand.county_code[demand.county] == row["county_code"])
        some = reached[own][:, reached[own].any(axis=0)]
        assert row["sites_needed_low"] == row["sites_needed"] == least(some) == 3
        gain = demand.residents[own] @ reached[own]
        assert row["one_reaches"] == gain.max()
        assert row["closes_share_of_one"] == gain.max() / demand.residents[own].sum()
        best = np.argmin((lon - row["best_lon"]) ** 2 + (lat - row["best_lat"]) ** 2)
        assert gain[best] == gain.max() and f"镇{best}附近" in row["best_place"]
        assert row["persons_to_supply"] == row["residents"] and row["unreached"] == 0
    assert table["text"][0].startswith("至少要新建3处 (已证明); 先在丁县 镇")


def test_one_site_closes_a_small_gap() -> None:
    demand, network = gridworld.grid_demand(4), gridworld.grid_network(4)
    standard = gridworld.drive_standard(need_share=0.3)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [0]))
    table = close(demand, network, layer, standard)
    last = table.iloc[-1]
    assert (last["residents"], last["sites_needed_low"], last["sites_needed"]) == (32, 1, 1)
    assert last["text"].startswith("新建1处即可全部覆盖: ") and last["closes_share_of_one"] == 1
    assert last["persons_to_supply"] == 10
    assert len(close(demand, network, layer, top=2)) == 2


def test_residents_without_a_road_are_told() -> None:
    """Node 0 stands 20 km off: on foot of 1.3 x 20 km at 20 km/h nobody is there within ten minutes."""
    demand, network = gridworld.grid_demand(4, residents=np.full(16, 8)), gridworld.grid_network(4)
    away = Demand(**{**vars(demand), "lat": np.where(np.arange(16) == 0, 27.8, demand.lat)})
    away = Demand(**{**vars(away), "area_km2": demand.area_km2 * 4})
    table = close(away, network).set_index("county")
    assert table.loc["甲县", "unreached"] == 8
    assert table.loc["甲县", "text"].startswith("新建1处即可覆盖其余居民: ")
    assert "有8人任何候选点都到不了" in table.loc["甲县", "text"]
    closed = replace(network, centiseconds=np.full(network.n_edges, -1, np.int32))
    alone = close(demand, closed)
    assert (alone["sites_needed"] == 4).all() and (alone["unreached"] == 0).all()


def test_no_candidate_reaches_anybody() -> None:
    demand = gridworld.grid_demand(4, residents=np.full(16, 8))
    far = Demand(**{**vars(demand), "lat": demand.lat - 1.0})
    table = close(far, gridworld.grid_network(4))
    assert (table["sites_needed"] == 0).all() and (table["unreached"] == table["residents"]).all()
    assert table["best_place"].tolist() == [""] * 4 and table["best_lon"].isna().all()
    assert (table["closes_share_of_one"] == 0).all()


def test_without_gaps_the_table_is_empty() -> None:
    demand, network = gridworld.grid_demand(4), gridworld.grid_network(4)
    everywhere = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, list(range(16))))
    for people in (demand, gridworld.grid_demand(4, residents=np.zeros(16))):
        table = close(people, network, everywhere)
        assert len(table) == 0 and list(table.columns) == gap_closing.COLUMNS
    assert len(close(gridworld.hex_demand(1, residents=0), EMPTY, NOWHERE, gridworld.walk_standard())) == 0


@settings(max_examples=many(60))
@given(st.integers(0, 10_000), st.booleans())
def test_the_interval_holds_the_fewest(seed: int, solve: bool) -> None:
    rng = np.random.default_rng(seed)
    cover = rng.random((int(rng.integers(1, 12)), int(rng.integers(1, 8)))) < 0.35
    cover = cover[cover.any(axis=1)]
    rows = csr_array(cover.astype(np.int8))
    low, enough = fewest(
        rows, np.ones(len(cover)), rng.integers(-1, 2, cover.shape[1]).astype(np.int8), 5.0 if solve else 0.0
    )
    exact = least(cover)
    assert low <= exact <= enough
    if solve:
        assert low == enough
    if len(cover):
        assert 1 <= dual_bound(rows) <= exact


def test_walking_gaps_are_an_interval_that_a_plan_reaches() -> None:
    """Seven cells, one AED; every candidate is the centre of a sub-cell."""
    demand, standard = gridworld.hex_demand(1), gridworld.walk_standard((270,), detour=1.3)
    demand = Demand(**{**vars(demand), "county": np.zeros(7, np.int32)})
    places = replace(gridworld.make_gazetteer(gridworld.hex_demand(1)), county=np.array([-1] * 3 + [0] * 11))
    layer = gridworld.make_layer("aed", demand.lon[:1], demand.lat[:1])
    cover = measures.cover_layer(demand, EMPTY, layer, standard)
    found = gaps.locate_gaps(demand, cover, layer, places)
    row = close_gaps(demand, EMPTY, layer, cover, found, gaz=places).iloc[0]
    sub_cells = round(row["residents"] / 16)
    assert row["candidates"] == 7 * 343 and row["unreached"] == 0
    assert sub_cells / 13 <= row["sites_needed_low"] < row["sites_needed"] <= 7 * 49
    assert row["one_reaches"] % 16 == 0 and 7 * 16 <= row["one_reaches"] <= 13 * 16
    assert row["text"].startswith(f"至少{row['sites_needed_low']:,}处, {row['sites_needed']:,}处足够; ")
    one = reach.candidate_reach_walk(
        demand, row["best_lon"], row["best_lat"], standard, existing=(demand.lon[:1], demand.lat[:1])
    )
    assert row["one_reaches"] == one.weight.sum()


def test_a_short_time_gives_an_interval_and_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    demand, network = gridworld.grid_demand(6), gridworld.grid_network(6)
    table = close(demand, network, time_limit_s=0.0)
    assert (table["sites_needed_low"] <= 3).all() and (table["sites_needed"] >= 3).all()
    wide, started = gridworld.hex_demand(4), time.process_time()
    close(wide, EMPTY, NOWHERE, gridworld.walk_standard((1000,)), gap_time_s=0.2)
    assert time.process_time() - started < 20
    monkeypatch.setattr(gap_closing, "_LEAST_CANDIDATES", 1)
    monkeypatch.setattr(gap_closing, "_MOST_CANDIDATES", 1)
    thin = close(demand, network)
    assert (thin["candidates"] < 20).all() and (thin["unreached"] == 0).all()
    assert (thin["sites_needed"] >= table["sites_needed"]).all()
