"""The default standards are those of the reference; a file with problems names them all at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from boai.coverage import snap
from boai.coverage.standards import load_rules, load_standards
from boai.geodata.errors import InputError
from boai.geodata.layers import KIND_NAMES

WALK = """
standards:
  home:
    name: 测试
    mode: walk
    limits_m: [500, 1500]
    main_m: 1500
    detour: 1.3
    min_density: 300
    source: 测试
    confidence: C
"""


def test_the_defaults() -> None:
    standards = load_standards()
    assert list(standards) == list(KIND_NAMES)
    aed, home, warehouse, team = standards.values()
    assert (aed.mode, aed.limits, aed.main, aed.detour) == ("walk", (100, 160, 270), 270, 1.3)
    assert (home.mode, home.limits, home.main, home.detour) == ("walk", (1000,), 1000, 1.0)
    assert (aed.min_density, home.min_density, warehouse.min_density) == (1500, 1500, 0)
    for drive in (warehouse, team):
        assert (drive.mode, drive.limits, drive.main) == ("drive", (3600, 7200, 10800), 3600)
        assert (drive.mobilisation_s, drive.confidence) == (3600, "C")
    assert dict(warehouse.compliance) == {"县": 6 * 3600, "市": 8 * 3600, "省": 10 * 3600}
    assert all(standard.source and standard.notes for standard in standards.values())


def test_aed_limits_are_half_the_time_there_and_back_at_the_stated_speed() -> None:
    assert [round(minutes * 60 / 2 * 1.8) for minutes in (3, 5)] == [162, 270]
    assert load_standards()["aed"].limits[1:] == (160, 270)


def test_the_access_assumptions_of_nearest_are_those_of_the_standards() -> None:
    for kind in ("warehouse", "team"):
        standard = load_standards()[kind]
        assert (standard.detour, standard.access_kmh) == (snap.ACCESS_DETOUR, snap.ACCESS_KMH)


def test_the_default_rules() -> None:
    assert [(rule.kind, rule.unit, rule.minimum, rule.site_levels) for rule in load_rules()] == [
        ("team", "市", 1, ()),
        ("team", "县", 1, ()),
        ("warehouse", "市", 1, ("市级",)),
    ]


def test_texts() -> None:
    aed, home, warehouse, _ = load_standards().values()
    assert [warehouse.limit_text(limit) for limit in (3600, 5400, 7200)] == ["1小时", "90分钟", "2小时"]
    assert [aed.limit_text(limit) for limit in (270, 1000, 1500)] == ["270米", "1公里", "1500米"]
    costs = (0, 29, 90 * 60, 3599, 7200, float("inf"))
    assert [warehouse.cost_text(cost) for cost in costs] == [
        "0分钟",
        "0分钟",
        "1小时30分钟",
        "1小时",
        "2小时",
        "无法到达",
    ]
    assert [aed.cost_text(cost) for cost in (12.4, 999.6, 12_345.0)] == ["12米", "1.0公里", "12.3公里"]
    assert (warehouse.unit, aed.unit, warehouse.measure_text, home.measure_text) == (
        "分钟",
        "米",
        "驾车时间",
        "直线半径",
    )
    assert "1.3" in aed.measure_text


def test_a_file_replaces_the_kinds_that_it_lists(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(WALK, encoding="utf-8")
    own, default = load_standards(path), load_standards()
    assert own["home"].limits == (500, 1500)
    assert own["home"].main_index == 1
    assert {kind: own[kind] for kind in own if kind != "home"} == {
        kind: default[kind] for kind in default if kind != "home"
    }
    assert load_rules(path) == ()


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    text = WALK.replace("[500, 1500]", "[1500, 500]").replace("detour: 1.3", "detour: 0.9")
    text += "  team: {mode: fly}\n  bus: {}\n  aed: 3\nrules: [{kind: x, unit: 乡, minimum: -1}]\nmore: 1\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_standards(path)
    message = str(error.value)
    for part in (
        "从小到大",
        "不小于1",
        "drive 或 walk",
        "'bus'",
        "standards.aed: 应为键值对",
        "rules 第1条.kind",
        "rules 第1条.unit",
        "rules 第1条.minimum",
        "缺少 text",
        "'more'",
    ):
        assert part in message
    assert len(error.value.problems) >= 10


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("main_m: 1500", "main_m: 700", "主要上限应是各档之一"),
        ("main_m: 1500", "main_m: true", "home.main_m: 应为不小于0"),
        ("main_m: 1500", "main_min: 15", "未知的键"),
        ("main_m: 1500", "", "缺少 main_m"),
        ("[500, 1500]", "[]", "limits_m: 应为整数的列表"),
        ("[500, 1500]", "[0, 1500]", "应大于0并从小到大"),
        ("[500, 1500]", "[500, 500, 1500]", "应大于0并从小到大"),
        ("[500, 1500]", "[.5, 1500]", "limits_m: 应为整数的列表"),
        ("detour: 1.3", "detour: .nan", "detour: 应为数字"),
        ("detour: 1.3", "detour: .inf", "detour: 应为数字"),
        ("min_density: 300", "min_density: -1", "min_density 应不小于0"),
        ("source: 测试", "source: ''", "source: 应为非空文字"),
        ("confidence: C", "confidence: D", "confidence 应为 A、B 或 C"),
        ("confidence: C", "confidence: C\n    confidence: A", "重复的键 confidence"),
        ("confidence: C", "confidence: C\n    notes: [1]", "notes: 应为文字的列表"),
        ("confidence: C", "confidence: C\n    access_kmh: 5", "未知的键"),
        ("standards:", "standards: !!python/object/apply:os.getcwd []", "不是有效的 YAML"),
        ("standards:", "standards: [", "不是有效的 YAML"),
        (WALK, "", "应为键值对"),
    ],
)
def test_each_problem_has_one_clear_line(tmp_path: Path, old: str, new: str, part: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(WALK.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_standards(path)
    assert part in str(error.value)
    assert all(str(path) in str(problem) for problem in error.value.problems)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="无法读取"):
        load_standards(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="无法读取"):
        load_standards(tmp_path)
    (tmp_path / "gbk.yaml").write_bytes(WALK.encode("gbk"))
    with pytest.raises(InputError, match="UTF-8"):
        load_standards(tmp_path / "gbk.yaml")


def test_a_contradictory_standard_cannot_be_made() -> None:
    warehouse = load_standards()["warehouse"]
    with pytest.raises(InputError, match="主要上限"):
        replace(warehouse, main=60)
    with pytest.raises(InputError, match="达标时限"):
        replace(warehouse, mobilisation_s=7 * 3600)
    assert replace(warehouse, main=7200).main_index == 1
