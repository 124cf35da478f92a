"""The ledger as written: the plan's figures row by row, its readings, and what is wrong in a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from boai.geodata.errors import InputError
from boai.scenarios.ledger.targets import Ledger, Span, bounds, load_targets

PLAN = load_targets()
HARD = "硬指标"

# Reference §1: figures of 2022, 2023, 2024 and in all; comparator, scope, level, bindingness.
ROWS: dict[str, tuple[list[Any], Any, str, str, str, str]] = {
    "aed": ([500, 500, 500], 1500, ">=", "省", "公共场所", HARD),
    "home": ([40, 30, 30], 100, ">=", "省", "城乡社区", HARD),
    "grassroots": ([450, 300, 250], 1000, "=", "省", "社区、乡村、学校、企事业单位", HARD),
    "warehouse-any": ([1, None, None], 1, "=", "省", "未说明", HARD),
    "warehouse-3": ([3, 2, 2], 7, ">=", "省", "三级以上", HARD),
    "team-city": ([11, None, None], 11, "全部", "设区市", "市", HARD),
    "team-province": (
        [None, 1, Span(least=1, most=2)], Span(least=2, most=3), "范围", "省", "省", HARD,
    ),
    "team-nation": ([None, None, 1], 1, "=", "省", "国家", "力争"),
    "team-county": ([None, None, 100], 100, "全部", "县", "县", HARD),
    "volunteers-team": ([None, None, None], 300, ">=", "县", "每个县级红十字会不少于 3 支", HARD),
    "training": ([5, 2, 2], 9, "=", "省", "省", HARD),
    "trainers": ([200, 180, 180], 560, ">=", "省", "省", HARD),
    "experts": ([None, None, Span(least=5, most=8)], Span(least=5, most=8), "范围", "省", "省", HARD),
    "members": ([25000, 25000, 20000], 70000, "=", "省", "省", HARD),
    "volunteers": ([5500, 5500, 5500], 16500, "=", "省", "省", HARD),
    "memorial": ([None, None, None], 11, "全部", "设区市", "设区市全覆盖", "努力"),
    "memorial-county": ([None, None, None], None, "全部", "县", "有条件的县", "有条件"),
    "consulting": ([None, None, None], None, "全部", "医院", "每所二级以上医院", "推动"),
    "lecturers": ([12, 10, 8], 30, ">=", "省市县", "省市县", HARD),
    "culture": ([12, 10, 8], 30, ">=", "省市县", "省市县", HARD),
}  # fmt: skip
BESIDE = ["warehouse-all", "county-store"]
"""The sum of two rows, and the guidance of 2024-10."""


def find(name: str) -> Any:
    target = PLAN.target(name)
    assert target is not None
    return target


@pytest.mark.parametrize("name", ROWS)
def test_a_row_of_the_plan(name: str) -> None:
    target, (figures, total, *words) = find(name), ROWS[name]
    assert [target.years.get(year) for year in (2022, 2023, 2024)] == figures
    assert target.total == total
    assert [target.comparator, target.scope, target.level, target.binding] == words
    assert target.source is None


def test_nothing_else_is_in_the_ledger() -> None:
    assert {target.id for target in PLAN.targets} == {*ROWS, *BESIDE}
    assert (PLAN.first, PLAN.last) == (2022, 2024)
    assert find("home").comparators == {2022: "="}  # 40, and not at least 40
    assert find("county-store").source == "国家防灾减灾救灾委员会办公室指导意见 (2024-10)"
    assert find("warehouse-all").sum_of == ("warehouse-any", "warehouse-3")


def test_both_readings_of_the_provincial_teams() -> None:
    ways = {way.id: (way.years, way.total) for way in find("team-province").ways()}
    assert ways == {"more": ({2023: 1, 2024: 2}, 3), "in-all": ({2023: 1, 2024: 1}, 2)}


def test_both_readings_of_the_stores() -> None:
    """1 + 3, 2, 2: eight stores, or seven where the one is among the three."""
    ways = {way.id: (list(way.years.values()), way.total) for way in find("warehouse-all").ways()}
    assert ways == {"apart": ([4, 2, 2], 8), "within": ([3, 2, 2], 7)}
    assert [(way.id, way.years, way.apart_from) for way in find("warehouse-any").ways()] == [
        ("apart", {2022: 1}, "warehouse-3"),
        ("within", {2022: 1}, None),
    ]


def test_an_ambiguity_is_told() -> None:
    for target in PLAN.targets:
        if target.readings or (target.total is None) or not target.years:
            assert target.ambiguity, target.id


def test_what_binds() -> None:
    soft = {target.id for target in PLAN.targets if target.is_soft()}
    assert soft == {"team-nation", "memorial", "memorial-county", "consulting"}
    team = find("team-province")
    assert [team.binding_in(year) for year in (2023, 2024)] == [HARD, "力争"]
    assert team.is_soft(2024) and not team.is_soft(2023)
    assert team.binding_in() == "硬指标 (2024 年力争)"


def test_what_a_city_is_asked() -> None:
    """Figures of the year; coverage and what states no year in every year of the plan; no sums."""
    coverage = {"team-city", "team-county", "volunteers-team", "memorial", "memorial-county", "consulting"}
    asked = {year: {target.id for target in PLAN.asked(year)} for year in range(2021, 2027)}
    assert all(coverage <= asked[year] for year in (2022, 2023, 2024))
    assert asked[2021] == asked[2026] == set()
    assert asked[2025] == {"county-store"}
    assert "warehouse-any" in asked[2022] and "warehouse-any" not in asked[2023]
    assert "experts" in asked[2024] and "experts" not in asked[2022]
    assert not any("warehouse-all" in own for own in asked.values())
    assert find("aed").asked == "本年新增" and find("team-city").asked == "截至本年底"


def test_bounds() -> None:
    assert [bounds(each) for each in (7, Span(least=2, most=3), None)] == [(7, 7), (2, 3), (None, None)]


def test_the_key_is_that_of_what_is_asked(tmp_path: Path) -> None:
    """Forms that are on their way stay good when a remark is reworded, not when a figure changes."""
    line = (
        "  - {id: a, name: 甲, scope: 省, comparator: '=', total: 3, unit: 个, binding: 硬, ambiguity: 一}\n"
    )
    one = load_targets(write(tmp_path, line))
    path = write(tmp_path, line.replace("一", "二") + "# a remark\n")
    assert load_targets(path).key == one.key != PLAN.key
    assert load_targets(write(tmp_path, line.replace("3", "4"))).key != one.key
    assert len(one.key) == 64


def write(tmp_path: Path, targets: str) -> Path:
    path = tmp_path / "targets.yaml"
    path.write_text(f"source: 测试计划\ntargets:\n{targets}", encoding="utf-8")
    return path


def problems(tmp_path: Path, targets: str) -> str:
    with pytest.raises(InputError) as error:
        load_targets(write(tmp_path, targets))
    return "\n".join(str(problem) for problem in error.value.problems)


def test_a_wrong_ledger_is_refused_in_words(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        """  - {id: a, name: 甲, kind: team, scope: 县, comparator: 全部, years: {2022: 4}, unit: 县,
     binding: 硬}
  - {id: b, name: 乙, scope: 村, comparator: 全部, yeers: {2022: 4}, unit: 县, binding: 硬}
  - {id: c, name: 丙, scope: 县, comparator: 全部, years: {2022: -4}, unit: 县, binding: 硬}
  - {id: d, name: 丁, kind: team, measure: units, scope: 省, comparator: 全部, unit: 县, binding: 硬}
  - {id: e, name: 戊, kind: team, measure: new, scope: 省, comparator: '=', unit: 支, binding: 硬}
  - {id: f, name: 己, scope: 省, comparator: 范围, total: {least: 9, most: 8}, unit: 支, binding: 硬}
""",
    )
    for said in (
        "targets 第1项: kind 与 measure 应同时写明或同时省略",
        "targets 第2项.scope: 不在可选的值之中, 得到 村",
        "targets 第2项: 未知的键, 得到 yeers; 是否想写 years?",
        "targets 第3项.years.2022",
        "应不小于 0",
        "targets 第4项: 数单位的目标, scope 应为 设区市 或 县",
        "targets 第5项: 按年份数新增的目标应写明 years",
        "least 不应大于 most",
    ):
        assert said in text


def test_what_no_single_target_shows(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        """  - {id: a, name: 甲, kind: teem, measure: new, scope: 省, comparator: ">=", unit: 支,
     years: {2022: 1, 2023: 2}, total: 4, binding: 硬}
  - {id: a, name: 乙, scope: 省, comparator: '=', unit: 支, binding: 硬, sum_of: [b]}
  - id: c
    name: 丙
    scope: 省
    comparator: 范围
    unit: 支
    binding: 硬
    readings: [{id: x, text: 一, apart_from: zz}, {id: y, text: 二}]
""",
    )
    for said in (
        "代号重复, 得到 a",
        "kind: 没有这种资源, 得到 teem; 是否想写 team?",
        "total: 与各年之和 3 不符, 得到 4",
        "sum_of: 没有这个目标, 得到 b",
        "apart_from: 没有这个目标, 得到 zz",
    ):
        assert said in text


@pytest.mark.parametrize("text", ["", "targets: []", "source: x\ntargets: []", "[1, 2]", "source: [\n"])
def test_no_ledger_at_all(tmp_path: Path, text: str) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        load_targets(path)


def test_a_ledger_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        PLAN.source = "x"  # type: ignore[misc]
    assert isinstance(PLAN, Ledger)
