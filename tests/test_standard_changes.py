"""Standards that scenarios set otherwise: values, sources, notes, contradictions."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tinyworld
from boai.coverage.standards import Standard, load_standards
from boai.geodata.errors import InputError
from boai.geodata.layers import KIND_NAMES, Kind
from boai.scenarios.changes import resolve
from boai.scenarios.schema import parse_scenario
from boai.scenarios.standard_changes import SET_HERE
from boai.scenarios.world import World

WORLD = replace(tinyworld.drive_world([0]), standards=load_standards())


def changed(text: str, world: World = WORLD) -> dict[Kind, Standard]:
    return dict(resolve(world, tinyworld.scenario(f"standards: {text}")).world.standards)


def said(text: str) -> list[str]:
    with pytest.raises(InputError) as error:
        changed(text)
    return [str(problem) for problem in error.value.problems]


def test_a_number_is_the_main_limit() -> None:
    found = changed("{warehouse: 120, aed: 160}")
    assert (found["warehouse"].main, found["aed"].main) == (7200, 160)
    assert found["warehouse"].limits == WORLD.standards["warehouse"].limits
    assert found["team"] is WORLD.standards["team"] and found["home"] is WORLD.standards["home"]
    assert changed("{warehouse: {main: 120}}") == changed("{warehouse: 120}")


def test_every_value_is_set_and_cited() -> None:
    found = changed(
        "{warehouse: {main: 90, limits: [45, 90], target_share: 80, backup: 2, mobilisation: 30, "
        "unknown_hours: closed, detour: 1.5, min_density: 100}}"
    )["warehouse"]
    assert (found.main, found.limits, found.target_share, found.backup) == (5400, (2700, 5400), 0.8, 2)
    assert (found.mobilisation_s, found.unknown_hours, found.detour, found.min_density) == (
        1800, "closed", 1.5, 100.0,
    )  # fmt: skip
    cited = {each.key: each for each in found.cited}
    assert len(cited) == len(found.cited)
    own = {key: each.value for key, each in cited.items() if each.source == SET_HERE}
    assert own == {
        "main_min": "90分钟", "limits_min.45": "45分钟", "limits_min.90": "90分钟", "target_share": "80 %",
        "backup": "2处", "mobilisation_min": "30分钟", "unknown_hours": "按不开放计", "detour": "1.5",
        "min_density": "100人/平方公里",
    }  # fmt: skip
    assert "limits_min.60" not in cited and cited["compliance_min.县"].source != SET_HERE
    assert "主要上限 90分钟为方案设定, 原为60分钟。" in found.notes
    assert "各档上限 45分钟、90分钟为方案设定, 原为60分钟、120分钟、180分钟。" in found.notes
    assert "准备时间 30分钟为方案设定, 原为60分钟。" in found.notes
    assert "应覆盖的居民比例 80 %为方案设定, 原为未设定。" in found.notes
    # What was said of a value that is no longer there must go.
    assert not any("直线乘1.3" in note or "准备时间60分钟" in note for note in found.notes)
    assert any("时速20公里" in note for note in found.notes)


def test_metres_on_foot_and_shares_either_way() -> None:
    found = changed("{aed: {main: 200, limits: [100, 200], target_share: 0.8}, home: {target_share: 100}}")
    assert (found["aed"].limits, found["aed"].main, found["aed"].target_share) == ((100, 200), 200, 0.8)
    assert found["home"].target_share == 1.0
    assert changed("{aed: {target_share: 1}}")["aed"].target_share == 1.0


def test_the_values_of_today_change_nothing() -> None:
    text = (
        "standards: {warehouse: {main: 60, backup: 1}, aed: {limits: [100, 160, 270], detour: 1.3}, team: 60}"
    )
    made = resolve(WORLD, tinyworld.scenario(text))
    assert made.world is WORLD


def test_what_contradicts_itself_is_told_with_the_key() -> None:
    assert said(
        "{warehouse: {main: 90}, team: {limits: [30, 45]}, aed: {mobilisation: 5, main: 160}, "
        "home: {limits: [500, 300], main: 500}, training: 7}"
    ) == [
        "standards.aed.mobilisation: AED 步行可取按步行距离衡量, 没有这一项; 请删去",
        "standards.home: 各档上限应大于0并从小到大, 最多20档, 得到 500米、300米",
        "standards.warehouse: 应是备灾仓库 驾车可达的一档, 单位分钟, 得到 90; 可选: 60, 120, 180",
        "standards.team: 主要上限应是各档之一, 得到 60分钟",
        *said("{training: 7}"),
    ]
    assert said("{warehouse: {main: 90, backup: 1}}") == [
        "standards.warehouse.main: 应是备灾仓库 驾车可达的一档, 单位分钟, 得到 90; 可选: 60, 120, 180"
    ]
    assert said("{warehouse: {mobilisation: 400}}") == [
        "standards.warehouse: 达标时限应长于准备时间, 得到 县 360分钟、市 480分钟、省 600分钟"
    ]


def test_a_layer_that_the_workspace_lacks_is_told() -> None:
    with pytest.raises(InputError, match=r"^standards\.aed: 工作区没有这个图层, 得到 AED$"):
        changed("{aed: 160}", tinyworld.drive_world([0]))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{aed: 1.5}", "x standards.aed: 应为整数, 得到 1.5"),
        ("{aed: '160'}", "x standards.aed: 应为整数, 得到 160"),
        ("{aed: true}", "x standards.aed: 应为整数, 得到 True"),
        ("{aed: [160]}", "x standards.aed: 应为整数, 得到 [160]"),
        ("{aed: 0}", "x standards.aed: 应不小于 1, 得到 0"),
        ("{aed: {mian: 160}}", "x standards.aed: 未知的键, 得到 mian; 是否想写 main?"),
        ("{aed: {main: 160, limit: [160]}}", "x standards.aed: 未知的键, 得到 limit; 是否想写 limits?"),
        ("{aed: {main: x}}", "x standards.aed: 应为整数, 得到 x"),
        ("{aed: {main: x, backup: 1}}", "x standards.aed.main: 应为整数, 得到 x"),
        (
            "{aed: {target_share: 101}}",
            "x standards.aed.target_share: 应大于 0, 不超过 100 (80 或 0.8 都表示 80 %), 得到 101",
        ),
        ("{aed: {target_share: 0}}", "x standards.aed.target_share: 应大于 0, 得到 0"),
        ("{aed: {target_share: .nan}}", "x standards.aed.target_share: "),
        ("{aed: {limits: [160, 270, yes]}}", "x standards.aed.limits 第3项: 应为整数, 得到 True"),
        ("{aed: {unknown_hours: 关}}", "可选: open, closed"),
        ("{aed: {detour: 0.9}}", "x standards.aed.detour: 应不小于 1, 得到 0.9"),
        ("{ade: 160}", "x standards: 未知的键, 得到 ade; 是否想写 aed?"),
        ("{1: 160}", "x standards: 键应为文字, 得到 1"),
    ],
)
def test_what_is_no_standard_is_refused(text: str, what: str) -> None:
    with pytest.raises(InputError) as error:
        parse_scenario(f"name: a\ntitle: a\nstandards: {text}", where="x")
    (problem,) = error.value.problems
    assert what in str(problem)


def test_every_layer_can_be_set() -> None:
    for kind in KIND_NAMES:
        main = WORLD.standards[kind].main // (60 if WORLD.standards[kind].mode == "drive" else 1)
        assert changed(f"{{{kind}: {{main: {main}, backup: 7}}}}")[kind].backup == 7
