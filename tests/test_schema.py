"""Scenario files: what is understood, what is refused and in which words; hostile files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from boai.geodata.errors import InputError
from boai.geodata.yamlfile import MOST_BYTES
from boai.scenarios.schema import PRESETS, Scenario, load_scenario, parse_scenario
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

FIX = "; 请对照 docs 里的说明和示例修改"
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
        "可选: AED (aed), 博爱家园 (home), 备灾仓库 (warehouse), 救援队 (team), 培训基地 (training)",
        "x.yaml changes 第1项.open.name: 缺少必填项" + FIX,
        "x.yaml changes 第1项.open.lon: 应不大于 136, 得到 521.3; "
        "经度 (lon) 在 73 到 136 之间, 纬度 (lat) 在 3 到 54 之间; 是否写反了?",
        "x.yaml changes 第1项.open.lat: 应为数字, 得到 北" + FIX,
        "x.yaml changes 第1项.open: 未知的键, 得到 nam; 是否想写 name?",
        "x.yaml changes 第2项: 每项改动应恰好写 "
        "open、close、move、resize、retime、block、slow、flood、grow 之一, 得到 {}" + FIX,
        "x.yaml siting 第1项: 应写明 number (新增几处) 或 budget (预算), 得到 {'kind': 'aed', 'year': 2025}"
        + FIX,
        "x.yaml siting 第2项: rule 为 each_county 或 each_city 时不写 number, "
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
        ("!!python/object/apply:os.system ['true']", "不允许使用标签 (!)"),
        ("name: !!python/name:os.system", "不允许使用标签 (!)"),
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
        (HEAD + "extends: a", "这里的方案不能继承别的方案"),
        (HEAD + "extends: [1]", "extends 第1项: 应为文字"),
        (HEAD + "1: 2", "x.yaml: 键应为文字, 得到 1"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    assert said in "\n".join(problems(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("changes:\n\t- close: {}", "缩进请用空格, 不用制表符 (Tab)"),
        ("changes：\n  - close: {kind: aed}", "冒号请用半角 (英文) 的"),
        ("changes:\n  - close: {kind: aed， id: a}", "得到 花括号里的各项应以英文逗号分开; 逗号请用半角"),
        ("changes:\n  - close: {kind：aed, id: a}", "得到 kind：aed; 冒号请用半角 (英文) 的, 后面空一格"),
        ("changes:\n  - close: {kind:aed, id: a}", "得到 kind:aed; 冒号请用半角 (英文) 的, 后面空一格"),
        ("改动: []", "得到 改动; 是否想写 changes?"),
        ("standards: {备灾仓库: 90}", "得到 备灾仓库; 是否想写 warehouse?"),
        ("changes:", "x.yaml changes: 没有写内容; 请写上内容, 或删去这一行"),
        ("changes: [{grow: {unit: 全省, percent: 10%}}]", "得到 10%; 只写数字, 不带引号、单位"),
        ("changes: [{close: {kind: 仓库, id: a}}]", "可选: AED (aed), 博爱家园 (home), 备灾仓库 (warehouse)"),
        (
            "changes: [{move: {kind: aed, id: a, lon: 28.7, lat: 115.9}}]",
            "得到 28.7; 经度 (lon) 在 73 到 136",
        ),
    ],
)
def test_typical_mistakes_are_told_with_how_to_mend_them(text: str, said: str) -> None:
    assert said in "\n".join(problems(HEAD + text))


def test_a_request_names_its_layer_in_chinese_too() -> None:
    text = "siting: [{kind: %s, year: 2025, number: 1}]"
    first, second = (parse_scenario(HEAD + text % kind) for kind in ("备灾仓库", "warehouse"))
    assert first == second and first.siting[0].kind == "warehouse"


def test_of_thousands_of_problems_some_are_told() -> None:
    found = problems(HEAD + "changes: [" + "1," * 5000 + "]")
    assert len(found) == 201 and "另有 4,800 个问题" in found[-1]


def test_many_items_are_refused_quickly() -> None:
    text = HEAD + "changes: [" + "{close: {kind: aed, id: a}}," * 2001 + "]"
    assert problems(text) == [
        "x.yaml changes: 最多 2000 项, 得到 2001 项的列表; 请对照 docs 里的说明和示例修改"
    ]


@settings(max_examples=many(200), deadline=None)
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
# fmt: off
_keys = st.sampled_from([
    "name", "title", "changes", "siting", "standards", "extends", "open", "kind", "year", "block", "flood",
    "retime", "grow", "area", "road", "way", "near", "aed", "main", "limits", "ids", "all", "costs",
])
# fmt: on


@settings(max_examples=many(300), deadline=None)
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
    assert scenario.name == name and scenario.extends == ()


def test_presets_ask_for_what_the_plan_says() -> None:
    """Reference §1: AED, 博爱家园, stores 1 + 3, 2, 2, provincial teams 1 and 2, training bases."""
    plan, stores = load_scenario("plan_2022_2024"), load_scenario("every_county")
    phases = {
        (each.kind, year): [(part.number, part.level) for part in parts]
        for each in plan.siting
        for year, parts in (each.phases or {}).items()
    }
    years = (2022, 2023, 2024)
    asked = {"aed": (500, 500, 500), "home": (40, 30, 30), "training": (5, 2, 2)}
    wanted = {
        (kind, year): [(number, None)]
        for kind, numbers in asked.items()
        for year, number in zip(years, numbers, strict=True)
    }
    wanted |= {("team", 2023): [(1, None)], ("team", 2024): [(2, None)]}
    wanted |= {("warehouse", 2022): [(3, None), (1, "")], ("warehouse", 2023): [(2, None)]}
    assert phases == wanted | {("warehouse", 2024): [(2, None)]}
    levels = {each.kind: each.level for each in plan.siting if each.phases}
    assert (levels["warehouse"], levels["team"], levels["training"]) == ("三级以上", "省级", "")
    assert "累计 2 支" in next(each.note for each in plan.siting if each.level == "省级")
    rules = [(each.kind, each.year, each.rule) for each in plan.siting if each.rule is not None]
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
    assert (scenario.name, scenario.extends) == ("child", ())
    preset = load_scenario(write(tmp_path, "more", "extends: plan_2022_2024"))
    assert preset.siting == load_scenario("plan_2022_2024").siting


def test_extending_what_is_not_there_or_oneself(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="找不到要继承的方案, 得到 nobody"):
        load_scenario(write(tmp_path, "a", "extends: nobody"))
    write(tmp_path, "b", "extends: c")
    with pytest.raises(InputError, match="互相继承成环, 得到 c → b → c"):
        load_scenario(write(tmp_path, "c", "extends: b"))
    with pytest.raises(InputError, match="extends 第1项: 应为小写字母"):
        load_scenario(write(tmp_path, "d", "extends: ../secret"))


def test_two_values_for_one_limit_conflict(tmp_path: Path) -> None:
    write(tmp_path, "parent", "standards: {aed: 160, team: 60}")
    with pytest.raises(InputError) as error:
        load_scenario(write(tmp_path, "child", "extends: parent\nstandards: {aed: 100, team: 120}"))
    file = f"{tmp_path}/parent.yaml"
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in error.value.problems] == [
        f"child.yaml standards.aed.main: 与 {file} standards.aed.main 的 160 冲突, 得到 100; 请只在一处写明",
        f"child.yaml standards.team.main: 与 {file} standards.team.main 的 60 冲突, 得到 120; 请只在一处写明",
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


OPEN = "kind: warehouse, name: 甲, lon: 115.9, lat: 28.7, year: 2025"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (f"open: {{{OPEN}, capacity: -1}}", "第1项.open.capacity: 应不小于 0, 得到 -1"),
        (f"open: {{{OPEN}, capacity: '5000'}}", "第1项.open.capacity: 应为整数, 得到 5000"),
        (f"open: {{{OPEN}, capacity: true}}", "第1项.open.capacity: 应为整数, 得到 True"),
        (f"open: {{{OPEN}, capacity: 1.0e+400}}", "第1项.open.capacity: 应为"),
        (f"open: {{{OPEN}, capacity: 1e400}}", "第1项.open.capacity: 应为整数, 得到 1e400"),
        (f"open: {{{OPEN}, capacity: {10**30}}}", "第1项.open.capacity: 应不大于 1e+09"),
        (f"open: {{{OPEN}, cost: .nan}}", "第1项.open.cost: 应为有限的数, 得到 nan"),
        (f"open: {{{OPEN}, cost: .inf}}", "第1项.open.cost: 应为有限的数, 得到 inf"),
        (f"open: {{{OPEN}, cost: true}}", "第1项.open.cost: 应为数字, 得到 True"),
        (f"open: {{{OPEN}, cost: 80万}}", "第1项.open.cost: 应为数字, 得到 80万"),
        (f"open: {{{OPEN}, 3: 4}}", "第1项.open: 键应为文字, 得到 3"),
        (f"open: {{{OPEN}, hours: 24}}", "第1项.open.hours: 应为文字, 得到 24"),
        (f"open: {{{OPEN}, id: 7}}", "第1项.open.id: 应为文字, 得到 7"),
        (f'open: {{{OPEN}, id: "a\\tb"}}', "第1项.open.id: 含有控制字符"),
        (f"open: {{{OPEN}, stock: {'帐' * 1001}}}", "第1项.open.stock: 最多 1000 个字"),
        (f"open: [{OPEN}]", "第1项.open: 应为键值对"),
        ("open:", "每项改动应恰好写"),
        ("- close", "第1项: 应为键值对"),
        ("1", "第1项: 应为键值对"),
        ("clsoe: {kind: aed, id: a}", "第1项: 未知的键, 得到 clsoe; 是否想写 close?"),
        ("close: {kind: 仓库, id: a}", "第1项.close.kind: 不在可选的值之中, 得到 仓库"),
        ("resize: {kind: aed, id: a}", "第1项.resize: 应写明 capacity、stock、members 中的一项或几项"),
        (
            "resize: {kind: aed, id: a, capcity: 3}",
            "第1项.resize: 未知的键, 得到 capcity; 是否想写 capacity?",
        ),
        ("retime: {kind: aed, hours: 24小时}", "应恰好写 id、ids、all 之一, 或用 level、county、city 挑选"),
        ("retime: {kind: aed, hours: 24小时, all: true, id: a}", "应恰好写 id、ids、all 之一"),
        ("retime: {kind: aed, hours: 24小时, all: false}", "第1项.retime.all: 不在可选的值之中"),
        ("retime: {kind: aed, hours: 24小时, ids: []}", "第1项.retime.ids: 至少 1 项"),
        ("retime: {kind: aed, hours: 24小时, ids: [a, 3]}", "第1项.retime.ids 第2项: 应为文字, 得到 3"),
        ("block: {}", "应恰好写 road、way、near、area、classes 之一"),
        ("block: {road: G60, all: true}", "第1项.block: 未知的键, 得到 all"),
        ("block: {road: []}", "第1项.block.road: 至少 1 项"),
        ("block: {way: '3'}", "第1项.block.way 第1项: 应为整数, 得到 3"),
        (f"block: {{way: {2**70}}}", "第1项.block.way 第1项: 应"),
        ("block: {near: {lon: 115, lat: 28, within_m: 0}}", "第1项.block.near.within_m: 应大于 0"),
        ("block: {classes: highway}", "第1项.block.classes 第1项: 不在可选的值之中"),
        ("slow: {road: G60}", "第1项.slow.speed: 缺少必填项"),
        ("slow: {road: G60, speed: 0}", "第1项.slow.speed: 应不小于 0.01, 得到 0"),
        ("slow: {road: G60, speed: 1}", "第1项.slow.speed: 应小于 1, 得到 1"),
        ("slow: {road: G60, speed: 50}", "第1项.slow.speed: 应小于 1, 得到 50"),
        ("flood: {area: [[115, 28], [116, 28], [116, 29]], speed: 0.001}", "speed 应为 0 (中断)"),
        ("grow: {unit: 全省}", "应恰好写 percent (百分之几) 或 residents (新的总数) 之一"),
        ("grow: {unit: 全省, percent: 1, residents: 2}", "应恰好写 percent"),
        ("grow: {unit: 全省, percent: -101}", "第1项.grow.percent: 应不小于 -100"),
        ("grow: {unit: 全省, percent: 10%}", "第1项.grow.percent: 应为数字, 得到 10%"),
        ("grow: {unit: 全省, residents: 1.5}", "第1项.grow.residents: 应为整数"),
        ("grow: {unit: 全省, percent: 1, age: old}", "第1项.grow.age: 不在可选的值之中"),
        ("grow: {unit: [全省], percent: 1}", "第1项.grow.unit: 应为文字"),
    ],
)
def test_changes_that_are_refused(change: str, said: str) -> None:
    found = problems(f"{HEAD}changes:\n  - {change}")
    assert said in "\n".join(found)
    assert all(each.startswith("x.yaml ") and each.isprintable() and len(each) < 400 for each in found)


def test_names_are_taken_as_they_are_written() -> None:
    """Whoever shows them neutralises formulas and markup; the file is not refused for them."""
    for name in ("=1+1", "<script>alert(1)</script>", "@SUM(A1)", "'; DROP TABLE sites; --"):
        text = f"{HEAD}changes: [{{open: {{{OPEN.replace('甲', chr(34) + name + chr(34))}}}}}]"
        opened = parse_scenario(text).changes[0].open
        assert opened is not None and opened.name == name


@pytest.mark.parametrize("depth", [19, 30, 5000])
def test_deep_nesting_is_refused(depth: int) -> None:
    for text in ("changes: " + "[" * depth + "]" * depth, "changes: " + "{open: " * depth + "}" * depth):
        assert problems(HEAD + text)


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{two}: &{two} [{', '.join(['*' + one] * 9)}]"
        for one, two in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    (problem,) = problems(HEAD + "\n".join(lines))
    assert "不允许使用别名" in problem


def test_the_word_and_the_action_of_a_change() -> None:
    change = parse_scenario(HEAD + "changes: [{grow: {unit: 全省, percent: 1}}]").changes[0]
    assert change.word == "grow" and change.action is change.grow
