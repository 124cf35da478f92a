"""Scenario files: what is understood, what is refused and in which words; hostile files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from boai.geodata.errors import InputError
from boai.geodata.yamlfile import MOST_BYTES
from boai.scenarios.schema import PRESETS, Scenario, load_scenario, parse_scenario
from hypothesis import given, settings
from hypothesis import strategies as st

FIX = "; 请对照 scenarios/presets 里的示例修改"
HEAD = "name: x\ntitle: 标题\n"


def problems(text: str) -> list[str]:
    with pytest.raises(InputError) as error:
        parse_scenario(text, where="x.yaml")
    return [str(problem) for problem in error.value.problems]


def test_a_full_scenario_is_read() -> None:
    scenario = parse_scenario(
        HEAD
        + """
description: |
  两行
  说明
changes:
  - open: {kind: warehouse, name: 黄坳仓库, lon: 114.5, lat: 29, level: 县级, year: 2025}
  - close: {kind: warehouse, id: warehouse-0013}
  - move: {kind: team, id: team-0001, lon: 115.0, lat: 28.0}
siting:
  - {kind: aed, year: 2025, number: 3, limit: 160, candidates: cells, note: 试点}
  - {kind: team, year: 2026, rule: each_county, level: 县级}
standards: {warehouse: 120}
"""
    )
    opened = scenario.changes[0].open
    assert opened is not None and (opened.lat, opened.year) == (29.0, 2025)
    assert scenario.siting[0].limit == 160 and scenario.siting[1].rule == "each_county"
    assert scenario.standards.warehouse == 120 and scenario.standards.aed is None


def test_all_problems_are_told_at_once_with_their_places() -> None:
    text = """
name: Bad Name
title: ""
sitting: []
changes:
  - open: {kind: warehous, nam: 甲, year: 2025, lon: 521.3, lat: 北}
  - {}
siting:
  - {kind: aed, year: 2025}
  - {kind: team, year: 2025, rule: each_city, number: 3}
standards: {aed: 1.5}
"""
    assert problems(text) == [
        "x.yaml name: 应为小写字母、数字、_ 或 -, 最多48个字符, 得到 Bad Name" + FIX,
        "x.yaml title: 不能为空" + FIX,
        "x.yaml changes 第1项.open.kind: 不在可选的值之中, 得到 warehous; "
        "可选: 'aed', 'home', 'warehouse', 'team'",
        "x.yaml changes 第1项.open.name: 缺少必填项" + FIX,
        "x.yaml changes 第1项.open.lon: 应不大于 136, 得到 521.3" + FIX,
        "x.yaml changes 第1项.open.lat: 应为数字, 得到 北" + FIX,
        "x.yaml changes 第1项.open: 未知的键, 得到 nam; 是否想写 name?",
        "x.yaml changes 第2项: 每项改动应恰好写 open、close、move 之一, 得到 {}" + FIX,
        "x.yaml siting 第1项: rule 为 mclp 时应写明 number (新增几处), 得到 {'kind': 'aed', 'year': 2025}"
        + FIX,
        "x.yaml siting 第2项: rule 为 each_county 或 each_city 时不写 number、candidates、limit, "
        "得到 {'kind': 'team', 'year': 2025, 'rule': 'each_city', 'number…" + FIX,
        "x.yaml standards.aed: 应为整数, 得到 1.5" + FIX,
        "x.yaml: 未知的键, 得到 sitting; 是否想写 siting?",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [1]\nb: *a", "第2行: 不是有效的 YAML, 得到 不允许使用别名 (*)"),
        ("[" * 10_000, "嵌套过深"),
        ("name: x\nname: y", "第2行: 不是有效的 YAML, 得到 重复的键 name"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("name: !!python/name:os.system", "could not determine a constructor"),
        ("{", "不是有效的 YAML"),
        ("name: x\x00", "不是有效的 YAML"),
        ("a: " + "9" * 5000, "不是有效的 YAML"),
        ("- 1", "x.yaml: 应为键值对, 得到 [1]"),
        ("just text", "x.yaml: 应为键值对, 得到 just text"),
        ("", "name: 缺少必填项"),
        ("name: 2022-01-01\ntitle: 甲", "name: 应为文字, 得到 datetime.date(2022, 1, 1)"),
        ('name: x\ntitle: "a\\u001b[31mb"', "title: 含有控制字符"),
        ("name: ../../etc/passwd\ntitle: 甲", "name: 应为小写字母"),
        ("name: x\ntitle: " + "长" * 81, "title: 最多 80 个字"),
        (HEAD + "siting: {kind: aed}", "siting: 应为列表"),
        (HEAD + "siting: [{kind: aed, year: 2025, number: .inf}]", "siting 第1项.number: 应为整数"),
        (HEAD + "siting: [{kind: aed, year: 2025, number: true}]", "siting 第1项.number: 应为整数"),
        (HEAD + "siting: [{kind: aed, year: 1999, number: 1}]", "siting 第1项.year: 应不小于 2000"),
        (HEAD + "siting: [{kind: aed, year: 2025, number: 0}]", "siting 第1项.number: 应不小于 1"),
        (
            HEAD + "changes: [{open: {kind: aed, name: a, year: 2025, lon: .nan, lat: 28}}]",
            "第1项.open.lon: 应为有限的数",
        ),
        (
            HEAD + "changes: [{open: {kind: [aed], name: a, year: 2025, lon: 115, lat: 28}}]",
            "第1项.open.kind: 不在可选",
        ),
        (
            HEAD + "changes: [{close: {kind: aed, id: a}, move: {kind: aed, id: a, lon: 115, lat: 28}}]",
            "恰好",
        ),
        (HEAD + "extends: [a]", "extends: 应为文字"),
        (HEAD + "1: 2", "x.yaml: 键应为文字, 得到 1"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    assert said in "\n".join(problems(text))


def test_many_items_are_refused_quickly() -> None:
    text = HEAD + "changes: [" + "{close: {kind: aed, id: a}}," * 2001 + "]"
    assert problems(text) == [
        "x.yaml changes: 最多 2000 项, 得到 2001 项的列表; 请对照 scenarios/presets 里的示例修改"
    ]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_text_escapes_as_another_error(text: str) -> None:
    try:
        parse_scenario(text)
    except InputError as error:
        assert error.problems and all(str(problem).isprintable() for problem in error.problems)


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["aed", "mclp"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_keys = st.sampled_from(
    ["name", "title", "changes", "siting", "standards", "extends", "open", "kind", "year"]
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(_keys, _values | st.dictionaries(_keys, _values, max_size=3), max_size=5))
def test_any_values_are_read_or_refused_in_words(content: dict[str, object]) -> None:
    from boai.scenarios.reading import validate

    try:
        validate(Scenario, content, "x.yaml")
    except InputError as error:
        assert all(str(problem).startswith("x.yaml") for problem in error.problems)


def test_the_key_is_that_of_the_content() -> None:
    text = "name: x\ntitle: 标题\nsiting: [{kind: aed, year: 2025, number: 3}]"
    other = "# 注释\ntitle: '标题'\nsiting:\n- number: 3\n  year: 2025\n  kind: aed\nname: x\n"
    assert parse_scenario(text).key == parse_scenario(other).key
    assert parse_scenario(text).key != parse_scenario(text.replace("3}", "4}")).key


def test_a_scenario_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse_scenario(HEAD).title = "别的"  # type: ignore[misc]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name and scenario.extends is None


def test_presets_ask_for_what_the_plan_says() -> None:
    """Reference §1: AED 500/500/500, 博爱家园 40/30/30, stores 1 + 3, 2, 2, provincial teams 1 and 2."""
    plan, stores = load_scenario("plan_2022_2024"), load_scenario("every_county")
    numbers = [(each.kind, each.year, each.number) for each in plan.siting if each.rule == "mclp"]
    assert sorted(numbers) == sorted(
        [("aed", year, 500) for year in (2022, 2023, 2024)]
        + [("home", 2022, 40), ("home", 2023, 30), ("home", 2024, 30)]
        + [("warehouse", 2022, 1), ("warehouse", 2022, 3), ("warehouse", 2023, 2), ("warehouse", 2024, 2)]
        + [("team", 2023, 1), ("team", 2024, 2)]
    )
    rules = [(each.kind, each.year, each.rule) for each in plan.siting if each.rule != "mclp"]
    assert rules == [("team", 2022, "each_city"), ("team", 2024, "each_county")]
    others = tuple(each for each in plan.siting if each.kind != "warehouse")
    assert tuple(each for each in stores.siting if each.kind != "warehouse") == others
    assert [(each.rule, each.level) for each in stores.siting if each.kind == "warehouse"] == [
        ("each_county", "县级")
    ]
    assert load_scenario("baseline").siting == load_scenario("baseline").changes == ()


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"name: {name}\ntitle: {name}\n{text}", encoding="utf-8")
    return path


def test_extending_puts_the_parent_first(tmp_path: Path) -> None:
    write(tmp_path, "parent", "siting: [{kind: aed, year: 2025, number: 1}]\nstandards: {aed: 160}")
    child = write(
        tmp_path,
        "child",
        "extends: parent\nsiting: [{kind: aed, year: 2024, number: 2}]\nstandards: {team: 120}",
    )
    scenario = load_scenario(child)
    assert [each.number for each in scenario.siting] == [1, 2]
    assert (scenario.standards.aed, scenario.standards.team) == (160, 120)
    assert (scenario.name, scenario.extends) == ("child", None)
    preset = load_scenario(write(tmp_path, "more", "extends: plan_2022_2024"))
    assert preset.siting == load_scenario("plan_2022_2024").siting


def test_extending_what_is_not_there_or_oneself(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="找不到要继承的方案, 得到 nobody"):
        load_scenario(write(tmp_path, "a", "extends: nobody"))
    write(tmp_path, "b", "extends: c")
    with pytest.raises(InputError, match="互相继承成环, 得到 c → b → c"):
        load_scenario(write(tmp_path, "c", "extends: b"))
    with pytest.raises(InputError, match="extends: 应为小写字母"):
        load_scenario(write(tmp_path, "d", "extends: ../secret"))


def test_two_values_for_one_limit_conflict(tmp_path: Path) -> None:
    write(tmp_path, "parent", "standards: {aed: 160, team: 60}")
    with pytest.raises(InputError) as error:
        load_scenario(write(tmp_path, "child", "extends: parent\nstandards: {aed: 100, team: 120}"))
    assert [problem.what for problem in error.value.problems] == [
        "与 parent 的 160 冲突",
        "与 parent 的 60 冲突",
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"是否指 plan_2022_2024\?"):
        load_scenario("plan_2022")
    with pytest.raises(InputError, match="没有这个预设, 也没有这个文件"):
        load_scenario(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="没有这个预设, 也没有这个文件"):
        load_scenario(tmp_path)
    (tmp_path / "gbk.yaml").write_bytes("name: x\ntitle: 标题".encode("gb18030"))
    with pytest.raises(InputError, match="应为 UTF-8 编码"):
        load_scenario(tmp_path / "gbk.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(InputError, match="文件过大"):
        load_scenario(tmp_path / "big.yaml")
    (tmp_path / "bom.yaml").write_bytes(HEAD.encode("utf-8-sig"))
    assert load_scenario(tmp_path / "bom.yaml").title == "标题"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    started = time.monotonic()
    with pytest.raises(InputError):
        load_scenario(tmp_path / "pipe.yaml")
    assert time.monotonic() - started < 1


def test_editors_get_a_json_schema() -> None:
    assert set(Scenario.model_json_schema()["properties"]) >= {"name", "changes", "siting", "standards"}
