"""Inequality measures against loops over pairs of people, and the tables on worlds with known answers."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import Any

import gridworld
import numpy as np
import pandas as pd
import pytest
import tinyworld
from boai.coverage.equity import ASSUMED, Equity, by_group, equity_tables, urban_rural
from boai.coverage.floating import Accessibility, two_step
from boai.coverage.inequality import Curve, gini, lorenz, quantiles, theil, thinned
from boai.coverage.matrix import Matrix, build_matrix
from boai.coverage.measures import Cover, by_unit, cover_layer, percentile
from boai.coverage.people import GROUPS, people
from boai.geodata.demand import Demand
from boai.geodata.layers import Layer
from boai.scenarios.world import World
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=25)


def by_pairs(value: list[int], weight: list[int]) -> float:
    """Half the relative mean difference (Gini 1912), person by person."""
    crowd = [v for v, w in zip(value, weight, strict=True) for _ in range(w)]
    if not crowd or not sum(crowd):
        return float("nan")
    gaps = sum(abs(a - b) for a in crowd for b in crowd)
    return gaps / (2 * len(crowd) * sum(crowd))


def by_people(value: list[int], weight: list[int]) -> float:
    """Theil's T, person by person."""
    crowd = [v for v, w in zip(value, weight, strict=True) for _ in range(w)]
    if not crowd or not sum(crowd):
        return float("nan")
    mean = sum(crowd) / len(crowd)
    return sum(v / mean * log(v / mean) for v in crowd if v) / len(crowd)


@given(VALUES)
def test_gini_is_half_the_relative_mean_difference(pairs: list[tuple[int, int]]) -> None:
    value, weight = [v for v, _ in pairs], [w for _, w in pairs]
    assert gini(value, weight) == pytest.approx(by_pairs(value, weight), abs=1e-12, nan_ok=True)


@given(VALUES, st.randoms())
def test_theil_and_its_parts(pairs: list[tuple[int, int]], random: Any) -> None:
    value, weight = [v for v, _ in pairs], [w for _, w in pairs]
    group = np.array([random.randrange(4) for _ in pairs], int)
    found = theil(value, weight, group, 5)  # one group is empty
    assert found.total == pytest.approx(by_people(value, weight), abs=1e-12, nan_ok=True)
    for one in range(5):
        own = [i for i in range(len(pairs)) if group[i] == one]
        expected = by_people([value[i] for i in own], [weight[i] for i in own])
        if not np.isnan(found.total):
            assert found.own[one] == pytest.approx(expected, abs=1e-12, nan_ok=True)
    if np.isnan(found.total):
        assert np.isnan([found.between, found.within]).all()
    else:
        assert found.total == found.between + found.within
        assert found.between >= 0 and found.within >= 0
        means = [round(float(each), 12) if each > 0 else 0 for each in found.mean]
        levelled = theil(
            [means[g] for g in group], weight, group, 5
        )  # all have what their group has on average
        assert levelled.between == pytest.approx(found.between, abs=1e-9)
        assert levelled.within == pytest.approx(0, abs=1e-9)


@given(VALUES)
def test_one_group_is_all_within(pairs: list[tuple[int, int]]) -> None:
    value, weight = [v for v, _ in pairs], [w for _, w in pairs]
    found = theil(value, weight, np.zeros(len(pairs), int), 1)
    if not np.isnan(found.total):
        assert found.between == 0 and found.within == found.total


@given(VALUES)
def test_lorenz_curve(pairs: list[tuple[int, int]]) -> None:
    value, weight = [v for v, _ in pairs], [w for _, w in pairs]
    crowd = sorted(v for v, w in pairs for _ in range(w))
    curve = lorenz(value, weight)
    if not sum(crowd):
        assert len(curve.people) == len(curve.value) == 0
        return
    assert curve.people[0] == curve.value[0] == 0 and curve.people[-1] == curve.value[-1] == 1
    assert np.all(curve.value <= curve.people + 1e-12)
    slopes = np.diff(curve.value) / np.diff(curve.people)
    assert np.all(np.diff(slopes) > 0)  # convex, and no point on a straight piece
    for count in range(len(crowd) + 1):
        assert np.interp(count / len(crowd), *curve) == pytest.approx(
            sum(crowd[:count]) / sum(crowd), abs=1e-12
        )


def test_thinned_curve_lies_on_the_true_one() -> None:
    rng = np.random.default_rng(0)
    for value in (rng.exponential(1, 50_000), rng.pareto(1.1, 50_000), rng.uniform(99, 100, 50_000)):
        curve = lorenz(value, rng.integers(1, 100, 50_000))
        few = thinned(curve)
        assert len(few.people) <= 201
        assert set(zip(*few, strict=True)) <= set(zip(*curve, strict=True))
        assert few.people[0] == few.value[0] == 0 and few.people[-1] == few.value[-1] == 1
        assert np.abs(np.interp(curve.people, *few) - curve.value).max() <= 0.01
    short = lorenz([1, 2, 3], [1, 1, 1])
    assert thinned(short) is short


def test_known_figures() -> None:
    assert gini([7, 7, 7], [1, 2, 3]) == 0
    assert gini([0, 0, 0, 1], [1, 1, 1, 1]) == 0.75  # 1 - 1/n
    assert np.isnan(gini([0, 0], [1, 1])) and np.isnan(gini([], [])) and np.isnan(gini([1, 2], [0, 0]))
    assert theil([0, 0, 0, 1], [1] * 4, np.zeros(4, int), 1).total == pytest.approx(log(4))  # ln n
    same = theil([0.1] * 7, [3] * 7, np.arange(7) % 3, 3)
    assert same.total == same.between == same.within == 0
    for wrong in (([-1], [1]), ([1], [-1]), ([np.nan], [1]), ([np.inf], [1]), ([1, 2], [1])):
        with pytest.raises(ValueError):
            lorenz(*wrong)
        with pytest.raises(ValueError):
            theil(*wrong, np.zeros(len(wrong[0]), int), 1)


def test_quantiles_as_in_measures() -> None:
    rng = np.random.default_rng(1)
    demand = gridworld.grid_demand(residents=rng.integers(0, 50, 16))
    cost = np.where(rng.random(16) < 0.3, np.inf, rng.integers(1, 9, 16) * 60).astype(np.float32)
    cover = Cover(gridworld.drive_standard(), np.zeros((16, 3)), np.zeros(16, np.int32), cost)
    order = np.argsort(cost, kind="stable")
    weight = demand.residents[order].astype(float)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        expected = percentile(demand, cover, quantile=share)
        assert quantiles(cost[order], weight, (share,)) == [expected]
    assert np.isnan(quantiles(cost, np.zeros(16), (0.5,))).all()


# Tables


def drive_case(sites: list[int], **others: Any) -> tuple[World, Cover, Accessibility]:
    world = tinyworld.drive_world(sites, **others)
    return world, *measured(world, "warehouse")


def measured(world: World, kind: Any) -> tuple[Cover, Accessibility]:
    layer, standard = world.layers[kind], world.standards[kind]
    cover = cover_layer(world.demand, world.network, layer, standard)
    matrix = build_matrix(world.demand, world.network, layer, standard)
    return cover, two_step(matrix, np.ones(matrix.n_sites), matrix.weight(world.demand.residents))


def row(table: pd.DataFrame, **where: Any) -> pd.Series[Any]:
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def crowd_of(value: Any, weight: Any) -> tuple[list[int], list[int]]:
    return np.asarray(value).tolist(), np.asarray(weight).tolist()


def test_tables_on_the_grid() -> None:
    few = np.arange(16) % 5 + 2
    world, cover, access = drive_case([0, 15], residents=few)
    demand = world.demand
    found = equity_tables(demand, cover, access)
    cost = row(found.summary, variable="cost")
    minutes = cover.cost / 60
    assert cost["residents"] == few.sum() and cost["left_out"] == 0 and cost["unit"] == "分钟"
    assert cost["mean"] == pytest.approx(minutes @ few / few.sum())
    assert cost["gini"] == pytest.approx(by_pairs(*crowd_of(cover.cost, few)))
    assert cost["theil"] == pytest.approx(by_people(*crowd_of(cover.cost, few)))
    reach = row(found.summary, variable="access")
    assert reach["mean"] == pytest.approx(2 / few.sum() * 1e4)
    assert reach["gini"] == pytest.approx(by_pairs(*crowd_of(access.score, few)))
    share = row(found.summary, variable="cover")
    people_of, served = (np.bincount(demand.county, weights=w) for w in (few, few * cover.main_share))
    assert share["mean"] == pytest.approx(served.sum() / few.sum())
    assert share["gini"] == pytest.approx(by_pairs(*crowd_of(served / people_of, people_of.astype(int))))
    for _, line in found.theil.iterrows():
        units = found.units[
            (found.units["variable"] == line["variable"]) & (found.units["level"] == line["level"])
        ]
        assert line["theil"] == line["between"] + line["within"]
        assert units["within_part"].sum() == pytest.approx(line["within"], abs=1e-12)
        assert units["between_part"].sum() == pytest.approx(line["between"], abs=1e-12)
        assert units["people_share"].sum() == pytest.approx(1) and units[
            "value_share"
        ].sum() == pytest.approx(1)
        assert line["units"] == {"市": 2, "县": 4}[line["level"]]
    assert (found.theil[found.theil["level"] == "市"]["theil"].to_numpy() == found.summary["theil"]).all()
    for name, curve in found.lorenz.groupby("variable"):
        whole = Curve(curve["people_share"].to_numpy(), curve["value_share"].to_numpy())
        area = np.diff(whole.people) @ (whole.value[1:] + whole.value[:-1])
        assert 1 - area == pytest.approx(row(found.summary, variable=name)["gini"])  # so few are not thinned
    assert "最好的一成居民占有可得供给的" in reach["text"] and "最近的一半居民" in cost["text"]
    assert found.notes == (ASSUMED,)


def test_counties_explain_more_than_cities() -> None:
    world, cover, access = drive_case([0, 5, 6])
    table = equity_tables(world.demand, cover, access).theil
    for name in ("cost", "access"):
        city, county = (row(table, variable=name, level=level) for level in ("市", "县"))
        assert city["theil"] == pytest.approx(county["theil"], rel=1e-12)
        assert city["between"] <= county["between"]
        assert f"{city['between_share']:.1%}来自设区市之间" in city["text"]


def test_groups_on_the_grid() -> None:
    """Town in the west, country in the east; the old all at the store."""
    demand = gridworld.grid_demand(residents=np.full(16, 8))
    west = demand.county < 2
    old = np.where(np.arange(16) == 0, 8, 0)
    demand = replace(demand, urban=np.where(west, 8, 0), age_60=old, age_65=old // 2)
    world = replace(tinyworld.drive_world([0]), demand=demand)
    cover, access = measured(world, "warehouse")
    table = by_group(demand, cover, access)
    assert table["group"].tolist() == list(GROUPS) * 3
    assert table["level"].tolist() == ["省"] * 5 + ["市"] * 10
    whole = {group: row(table, level="省", group=group) for group in GROUPS}
    assert [whole[group]["residents"] for group in GROUPS] == [128, 64, 64, 8, 4]
    assert [whole[group]["served"] for group in GROUPS] == [24, 24, 0, 8, 4]
    assert [whole[group]["share"] for group in GROUPS] == [24 / 128, 24 / 64, 0, 1, 1]
    assert whole["age_60"]["p90"] == 0 and whole["age_60"]["p90_text"] == "0分钟"
    assert whole["all"]["p50"] == percentile(demand, cover, quantile=0.5)
    assert whole["rural"]["p50_text"] == "40分钟"
    assert whole["all"]["per_10k"] == pytest.approx(1e4 / 128)
    east = row(table, name="西市", group="urban")  # the eastern city of the grid is called so
    assert east["residents"] == 0 and np.isnan(east["share"]) and east["p50_text"] == ""
    gap = urban_rural(table)
    assert gap["gap_points"].tolist()[0] == 37.5
    assert (
        gap["text"].tolist()
        == ["城镇37.5%, 乡村0.0%, 乡村低37.5个百分点"] + ["城镇或乡村没有居民, 无法比较"] * 2
    )


def test_elderly_are_a_demand_of_their_own() -> None:
    world = tinyworld.drive_world([0, 3])
    demand = replace(world.demand, age_65=np.where(np.arange(16) == 1, 2, 0))
    layer, standard = world.layers["warehouse"], world.standards["warehouse"]
    cover = cover_layer(demand, world.network, layer, standard)
    matrix = build_matrix(demand, world.network, layer, standard)
    access = two_step(matrix, [3, 5], matrix.weight(people(demand, "age_65")))
    found = equity_tables(demand, cover, access, group="age_65")
    line = row(found.summary, variable="access")
    assert line["residents"] == 2 and line["mean"] == pytest.approx(access.used.sum() / 2 * 1e4)
    assert line["gini"] == 0 and line["text"] == "所有居民相同, 没有差异(基尼系数0)"
    assert found.notes[1] == "分布按65岁以上居民计算"


@pytest.mark.parametrize("seed", range(3))
def test_whole_residents_of_groups_never_contradict(seed: int) -> None:
    """On foot residents are fractions: parts add up, cities too, and all are the headline figures."""
    rng = np.random.default_rng(seed)
    demand = gridworld.hex_demand(3)
    residents = rng.integers(0, 40, len(demand.cell))
    urban, age_60 = rng.integers(0, residents + 1), rng.integers(0, residents + 1)
    demand = replace(
        demand, residents=residents, urban=urban, age_60=age_60, age_65=rng.integers(0, age_60 + 1)
    )
    share = np.sort(rng.integers(0, 344, (len(residents), 2)), axis=1) / 343
    standard = gridworld.walk_standard((100, 270))
    cover = Cover(standard, share, np.zeros(len(residents), np.int32), np.ones(len(residents), np.float32))
    table = by_group(demand, cover)
    wide = table.pivot(index=["level", "code"], columns="group", values="served")
    assert (wide["urban"] + wide["rural"] == wide["all"]).all()
    assert (wide["age_65"] <= wide["age_60"]).all() and (wide["age_60"] <= wide["all"]).all()
    assert (table["served"] >= 0).all() and (table["served"] <= table["residents"]).all()
    assert (wide.loc["省"].iloc[0] == wide.loc["市"].sum()).all()
    exact = (people(demand, "age_65") * cover.main_share).sum()
    assert abs(wide.loc["省"]["age_65"].iloc[0] - exact) < 1
    headline = by_unit(demand, cover)
    for level in ("省", "市"):
        lines = headline[(headline["level"] == level) & (headline["limit"] == 270)]
        assert lines["served"].tolist() == wide.loc[level]["all"].tolist()
        np.testing.assert_allclose(
            lines["share"], table[(table["level"] == level) & (table["group"] == "all")]["share"]
        )
    assert table["per_10k"].isna().all()


def test_walk_spreads_supply_over_sub_cells() -> None:
    world = tinyworld.walk_world([3, 9])
    cover, access = measured(world, "aed")
    found = equity_tables(world.demand, cover, access)
    line = row(found.summary, variable="access")
    reached = access.matrix.n_rows * 16
    everyone = int(world.demand.residents.sum())
    assert line["residents"] == everyone
    assert line["nothing_share"] == pytest.approx(1 - reached / everyone)
    assert line["gini"] == pytest.approx(
        gini([*access.score, 0], [16] * access.matrix.n_rows + [everyone - reached])
    )
    assert line["gini"] > 1 - reached / everyone - 1e-9  # nobody else can have as little
    assert row(found.summary, variable="cost")["unit"] == "米"
    assert any("网格中心" in note for note in found.notes)


# Edges


def tables_of(world: World, kind: Any = "warehouse", **others: Any) -> Equity:
    cover, access = measured(world, kind)
    found = equity_tables(world.demand, cover, access, **others)
    for table in (found.summary, found.theil, found.units, found.groups, found.urban_rural):
        assert len(table)
    return found


def test_no_sites() -> None:
    for world, kind in ((tinyworld.drive_world(), "warehouse"), (tinyworld.walk_world(), "aed")):
        found = tables_of(world, kind)
        everyone = int(world.demand.residents.sum())
        cost = row(found.summary, variable="cost")
        assert cost["residents"] == 0 and cost["left_out"] == everyone and np.isnan(cost["gini"])
        assert cost["text"] == f"没有可计算的居民; 另有{everyone}名居民无法到达任何站点, 未计入"
        assert row(found.summary, variable="access")["text"] == "没有居民够得着任何供给, 基尼系数没有意义"
        assert row(found.summary, variable="cover")["text"] == "没有居民被覆盖, 基尼系数没有意义"
        assert found.lorenz.empty and list(found.lorenz.columns)[:2] == ["variable", "variable_text"]
        assert set(found.theil["text"]) == {"无法计算"}
        assert (found.groups["served"] == 0).all() and (found.groups["p50_text"] == "无法到达").all()
        assert found.urban_rural["text"].tolist() == ["城镇0.0%, 乡村0.0%, 没有差距"] * 3


def test_one_site_at_everyone() -> None:
    residents = np.where(np.arange(16) == 5, 100, 0)
    found = tables_of(tinyworld.drive_world([5], residents=residents))
    assert row(found.summary, variable="cost")["text"] == "所有居民都在站点旁, 路程为0, 基尼系数没有意义"
    assert row(found.summary, variable="access")["gini"] == 0
    assert row(found.summary, variable="cover")["mean"] == 1
    assert row(found.theil, variable="access", level="市")["text"] == "没有差异"


def test_residents_out_of_reach_are_told() -> None:
    world = tinyworld.drive_world([0], residents=np.full(16, 4))
    cover, access = measured(world, "warehouse")
    cost = np.where(np.arange(16) == 3, np.inf, cover.cost).astype(np.float32)
    found = equity_tables(world.demand, replace(cover, cost=cost), access)
    line = row(found.summary, variable="cost")
    assert line["left_out"] == 4 and line["residents"] == 60
    assert line["text"].endswith("另有4名居民无法到达任何站点, 未计入")


def test_no_residents() -> None:
    found = tables_of(tinyworld.drive_world([0], residents=np.zeros(16, int)))
    assert set(found.summary["text"]) == {"没有可计算的居民"}
    assert found.summary[["mean", "gini", "theil"]].isna().all(axis=None)
    assert found.groups["share"].isna().all() and (found.groups["residents"] == 0).all()
    assert set(found.urban_rural["text"]) == {"城镇或乡村没有居民, 无法比较"}


def test_one_city_only() -> None:
    world = tinyworld.drive_world([0, 7], residents=np.where(np.arange(16) % 4 < 2, 9, 0))  # all in the west
    found = tables_of(world)
    for name in ("cost", "access", "cover"):
        line = row(found.theil, variable=name, level="市")
        assert line["between"] == 0 and line["within"] == line["theil"] and line["units"] == 1
    assert row(found.theil, variable="access", level="市")["text"] == "只有一个设区市, 差异全部在其内部"


def test_without_access() -> None:
    world = tinyworld.drive_world([0, 7])
    cover, _ = measured(world, "warehouse")
    found = equity_tables(world.demand, cover)
    assert found.summary["variable"].tolist() == ["cost", "cover"]
    assert found.groups["per_10k"].isna().all()


def test_order_of_cells_and_sites_does_not_matter() -> None:
    world = tinyworld.drive_world([0, 7, 9])
    cover, access = measured(world, "warehouse")
    first = equity_tables(world.demand, cover, access)
    order = np.random.default_rng(3).permutation(16)
    cells = ("cell", "lon", "lat", "area_km2", "county", "residents", "urban", "age_60", "age_65")
    demand = replace(world.demand, **{name: getattr(world.demand, name)[order] for name in cells})
    layer = shuffled(world.layers["warehouse"])
    other = equity_tables(demand, *again(demand, world, layer))
    for name in ("summary", "lorenz", "theil", "units", "groups", "urban_rural"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(other, name), rtol=1e-9)


def shuffled(layer: Layer) -> Layer:
    return replace(layer, table=layer.table.iloc[::-1].reset_index(drop=True))


def again(demand: Demand, world: World, layer: Layer) -> tuple[Cover, Accessibility]:
    standard = world.standards["warehouse"]
    cover = cover_layer(demand, world.network, layer, standard)
    matrix: Matrix = build_matrix(demand, world.network, layer, standard)
    return cover, two_step(matrix, np.ones(matrix.n_sites), matrix.weight(demand.residents))
