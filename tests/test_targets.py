"""The target ledger: the plan's figures, what is reached, and what stays open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tinyworld
from boai.geodata.errors import InputError
from boai.scenarios.run import run
from boai.scenarios.targets import COLUMNS, NO_YEAR, NOT_TRACKED, TOTAL, Span, evaluate, load_targets
from tinyworld import drive_world, scenario


def ledger(tmp_path: Path, targets: str) -> Path:
    path = tmp_path / "targets.yaml"
    path.write_text(f"source: 测试计划\ntargets:\n{targets}", encoding="utf-8")
    return path


def pick(table: pd.DataFrame, target: str, year: str) -> pd.Series:
    return table[(table["id"] == target) & (table["year"] == year)].iloc[0]


def test_the_ledger_holds_the_plans_figures() -> None:
    """Reference §1, row by row: figures by year, and the total."""
    found = {
        target.id: ([target.years.get(year) for year in (2022, 2023, 2024)], target.total)
        for target in load_targets().targets
    }
    assert found == {
        "aed": ([500, 500, 500], 1500),
        "home": ([40, 30, 30], 100),
        "grassroots": ([450, 300, 250], 1000),
        "warehouse-any": ([1, None, None], 1),
        "warehouse-3": ([3, 2, 2], 7),
        "team-city": ([11, None, None], 11),
        "team-province": ([None, 1, Span(least=1, most=2)], Span(least=2, most=3)),
        "team-nation": ([None, None, 1], 1),
        "team-county": ([None, None, 100], 100),
        "volunteers-team": ([None, None, None], 300),
        "training": ([5, 2, 2], 9),
        "trainers": ([200, 180, 180], 560),
        "experts": ([None, None, Span(least=5, most=8)], Span(least=5, most=8)),
        "members": ([25000, 25000, 20000], 70000),
        "volunteers": ([5500, 5500, 5500], 16500),
        "memorial": ([None, None, None], 11),
        "consulting": ([None, None, None], None),
        "lecturers": ([12, 10, 8], 30),
        "culture": ([12, 10, 8], 30),
        "county-store": ([None, None, None], 100),
    }


def test_totals_are_sums_and_ambiguities_are_told() -> None:
    for target in load_targets().targets:
        figures = list(target.years.values())
        if target.total is not None and figures:
            least = sum(figure.least if isinstance(figure, Span) else figure for figure in figures)
            assert least == (target.total.least if isinstance(target.total, Span) else target.total)
        if isinstance(target.total, Span) and target.id != "experts":
            assert target.ambiguity


def test_what_is_reached_and_left() -> None:
    world = drive_world([0], [0])
    text = """siting:
  - {kind: warehouse, year: 2022, number: 1}
  - {kind: warehouse, year: 2022, number: 2, level: 三级以上}
  - {kind: team, year: 2022, rule: each_city, level: 市级}
  - {kind: team, year: 2024, number: 1, level: 省级}
"""
    table = run(world, scenario(text)).targets
    assert list(table.columns) == COLUMNS
    shown = ["planned", "reached", "left", "state"]
    assert pick(table, "warehouse-any", "2022")[shown].tolist() == [1, 1, 0, "已达到"]
    assert pick(table, "warehouse-3", "2022")[shown].tolist() == [3, 2, 1, "差 1 座 (另有 1 处未写年份)"]
    assert pick(table, "warehouse-3", "2023")[shown].tolist() == [2, 0, 2, "差 2 座 (另有 1 处未写年份)"]
    assert pick(table, "warehouse-3", TOTAL)[shown].tolist() == [7, 2, 5, "差 5 座 (另有 1 处未写年份)"]
    assert pick(table, "team-city", "2022")[shown].tolist() == [11, 2, 9, "差 9 市"]
    assert pick(table, "team-county", "2024")["reached"] == len(
        set(run(world, scenario(text)).layers["team"].table["county_code"])
    )
    province = pick(table, "team-province", "2024")
    assert (
        province[["planned", "planned_max", "reached"]].tolist() == [1, 2, 1]
        and "两种读法" in province["ambiguity"]
    )
    assert pick(table, "aed", "2022")["state"] == NOT_TRACKED
    assert pick(table, "training", "2022")["state"] == NOT_TRACKED and pd.isna(
        pick(table, "training", "2022")["left"]
    )
    consulting = pick(table, "consulting", NO_YEAR)
    assert pd.isna(consulting["planned"]) and consulting["state"] == NOT_TRACKED


def test_the_baseline_reaches_nothing_new() -> None:
    table = run(drive_world([0], [0]), scenario()).targets
    assert pick(table, "warehouse-3", TOTAL)["left"] == 7
    assert pick(table, "team-county", "2024")["reached"] == 1


def test_units_count_what_is_there_by_the_year(tmp_path: Path) -> None:
    target = """  - {id: a, name: 甲, kind: team, measure: units, scope: 县, comparator: 全部,
     years: {2022: 4, 2024: 4}, unit: 县, binding: 硬指标}
"""
    world = drive_world([], [0, 3, 12, 15])
    layer = tinyworld.sites("team", world.demand, [0, 3, 12, 15], year=[np.nan, 2022.0, 2023.0, 2025.0])
    table = evaluate(load_targets(ledger(tmp_path, target)), world.demand, {"team": layer})
    assert table[["year", "reached", "left"]].to_numpy().tolist() == [["2022", 2, 2], ["2024", 3, 1]]
    assert table["source"].tolist() == ["测试计划"] * 2


def test_a_wrong_ledger_is_refused_in_words(tmp_path: Path) -> None:
    targets = """  - {id: a, name: 甲, kind: team, scope: 县, comparator: 全部, years: {2022: 4}, unit: 县,
     binding: 硬}
  - {id: b, name: 乙, scope: 村, comparator: 全部, yeers: {2022: 4}, unit: 县, binding: 硬}
  - {id: c, name: 丙, scope: 县, comparator: 全部, years: {2022: -4}, unit: 县, binding: 硬}
"""
    with pytest.raises(InputError) as error:
        load_targets(ledger(tmp_path, targets))
    text = "\n".join(str(problem) for problem in error.value.problems)
    assert "targets 第1项: kind 与 measure 应同时写明或同时省略" in text
    assert "targets 第2项.scope: 不在可选的值之中, 得到 村" in text
    assert "targets 第2项: 未知的键, 得到 yeers; 是否想写 years?" in text
    assert "targets 第3项.years.2022" in text and "应不小于 0" in text
