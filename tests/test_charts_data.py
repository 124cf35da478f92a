"""The numbers of the charts are those of the results."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import chartworld
import numpy as np
import pytest
from boai.coverage.equity import equity_tables
from boai.coverage.inequality import gini
from boai.coverage.measures import by_unit
from boai.maps import charts, charts_data
from boai.scenarios.run import Result
from chartworld import opening


@pytest.fixture(scope="module")
def small() -> tuple[Any, list[Result]]:
    """The baseline and a scenario that opens six stores one after another."""
    return chartworld.small()


def test_cumulative_cover_is_that_of_the_result(small: tuple[Any, list[Result]]) -> None:
    world, results = small
    table, plan = charts_data.bases(results, "warehouse"), results[1]
    assert set(table["title"]) == {"计划"}
    own = table[table["rank"] > 0]
    assert own["cumulative"].tolist() == plan.added["cumulative"].tolist()
    assert own["share_after"].tolist() == plan.added["share_after"].tolist()
    assert own["sites"].tolist() == [2, 3, 4, 5, 6, 7]
    row = table.iloc[0]
    before, after = (
        float(by_unit(world.demand, result.covers["warehouse"]).iloc[0]["share"]) for result in results
    )
    assert row["share_after"] == pytest.approx(before)
    assert own["share_after"].iloc[-1] == pytest.approx(after)


def test_minutes_end_at_the_shares_of_the_units(small: tuple[Any, list[Result]]) -> None:
    world, results = small
    for kind, column, per in (("warehouse", "cost_min", 60), ("aed", "cost_m", 1)):
        table = charts_data.minutes(world, results, kind)
        for result, (_, own) in zip(results, table.groupby("title", sort=False), strict=True):
            units = result.units[(result.units["kind"] == kind) & (result.units["level"] == "省")]
            for limit, served, share in zip(units["limit"], units["served"], units["share"], strict=True):
                row = own[own[column] == limit / per].iloc[0]
                assert abs(row["residents"] - served) <= 1
                assert row["share"] == pytest.approx(share)
            assert own["share"].is_monotonic_increasing


def test_lorenz_has_the_gini_of_first_principles(small: tuple[Any, list[Result]]) -> None:
    world, results = small
    table = charts_data.lorenz_rows(world, results, "warehouse")
    residents = np.bincount(world.demand.county, world.demand.residents)
    for result, (_, own) in zip(results, table.groupby("title", sort=False), strict=True):
        inside = world.demand.residents * result.covers["warehouse"].main_share
        share = np.bincount(world.demand.county, inside) / residents
        mean = residents @ share / residents.sum()
        apart = np.abs(share[:, None] - share) @ residents @ residents
        expected = apart / (2 * residents.sum() ** 2 * mean)
        assert own["gini"].iloc[0] == pytest.approx(expected) == pytest.approx(gini(share, residents))
        assert own[["people_share", "value_share"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("variable", ["cover", "cost"])
def test_lorenz_is_that_of_the_assessment(small: tuple[Any, list[Result]], variable: Any) -> None:
    world, results = small
    known = equity_tables(world.demand, results[1].covers["aed"]).summary.set_index("variable")["gini"]
    table = charts_data.lorenz_rows(world, results[1:], "aed", variable=variable)
    assert table["gini"].iloc[0] == pytest.approx(known[variable])


def test_lorenz_of_the_way_leaves_out_who_reaches_nothing(small: tuple[Any, list[Result]]) -> None:
    world, results = small
    cover = results[0].covers["warehouse"]
    cost = cover.cost.copy()
    cost[:5] = np.inf
    cut = replace(results[0], covers={**results[0].covers, "warehouse": replace(cover, cost=cost)})
    table = charts_data.lorenz_rows(world, [cut], "warehouse", variable="cost")
    assert table["gini"].iloc[0] == pytest.approx(gini(cost[5:], world.demand.residents[5:]))


def test_cities_are_those_of_the_units(small: tuple[Any, list[Result]]) -> None:
    _, results = small
    table = charts_data.cities(results, "warehouse")
    for result, (_, own) in zip(results, table.groupby("title", sort=False), strict=True):
        units = result.units[(result.units["kind"] == "warehouse") & (result.units["limit"] == 600)]
        units = units[units["level"].isin(["省", "市"])].set_index("code")["share"]
        assert own.set_index("code")["share"].to_dict() == units.to_dict()
    before, after = (own["share"].to_numpy() for _, own in table.groupby("title", sort=False))
    assert table["change"].tolist() == [*np.zeros(3), *(100 * (after - before))]


def test_two_limits_are_never_compared(small: tuple[Any, list[Result]]) -> None:
    _, results = small
    cover = results[1].covers["warehouse"]
    other = replace(cover, standard=replace(cover.standard, limits=(1200,), main=1200))
    units = results[1].units[results[1].units["limit"] != 600]
    changed = replace(results[1], covers={**results[1].covers, "warehouse": other}, units=units)
    assert set(charts_data.cities([results[0], changed], "warehouse")["title"]) == {"现状"}


def test_progress_takes_each_reading_once(small: tuple[Any, list[Result]]) -> None:
    targets = small[1][1].targets
    table = charts_data.progress(small[1][1])
    assert len(table) == targets.groupby(["id", "reading"], dropna=False).ngroups
    assert (table["year"] == "合计").sum() == (targets["year"] == "合计").sum()


def test_costs_are_never_invented(small: tuple[Any, list[Result]]) -> None:
    world, results = small
    assert charts_data.costs(results).empty
    priced = opening(world, "priced", "有价", [36, 30, 24], price=80.5)
    table = charts_data.costs([*results, priced])
    assert table[["title", "kind", "actions", "cost", "unpriced"]].to_numpy().tolist() == [
        ["有价", "备灾仓库", 2, 161.0, 1]
    ]


def test_equal_titles_are_told_apart(small: tuple[Any, list[Result]]) -> None:
    results = [small[1][0], small[1][1], replace(small[1][1], name="other")]
    assert charts_data.titles(results) == ["现状", "计划 (plan)", "计划 (other)"]


def test_every_column_has_a_chinese_header(small: tuple[Any, list[Result]]) -> None:
    world, results = small
    made = [
        charts.bases_table(results, "warehouse"), charts.minutes_table(world, results, "warehouse"),
        charts.minutes_table(world, results, "aed"), charts.lorenz_table(world, results, "aed"),
        charts.cities_table(results, "aed"), charts.progress_table(results[1]), charts.costs_table(results),
    ]  # fmt: skip
    assert all(re.search(r"[\u4e00-\u9fff]", name) for table in made for name in table.columns)
