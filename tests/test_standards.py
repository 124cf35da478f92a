"""The default standards are those of the reference, each value cited; an office changes single values."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from boai.coverage import snap
from boai.coverage.standard_file import CHANGED, parse, read
from boai.coverage.standard_keys import KEYS, SITE_LEVELS
from boai.coverage.standard_text import to_markdown, to_yaml
from boai.coverage.standards import Standard, load_references, load_rules, load_standards
from boai.geodata.errors import InputError
from boai.geodata.layers import KIND_NAMES
from boai.geodata.types import load_types
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from standardfile import HOME

DRIVE = """
standards:
  home:
    name: 测试
    mode: drive
    limits_min: [{value: 15, source: 甲, confidence: A, note: 乙}, 30]
    main_min: 30
    detour: 1.4
    min_density: 0
    source: 测试
    confidence: B
"""


def own(text: str) -> dict[str, Standard]:
    return dict(parse(text, "own.yaml").standards)


def sources(standard: Standard) -> dict[str, tuple[str, str, str]]:
    return {each.key: (each.value, each.source, each.confidence) for each in standard.cited}


def test_the_defaults() -> None:
    standards = load_standards()
    assert list(standards) == list(KIND_NAMES)
    aed, home, warehouse, team, _ = standards.values()
    assert (aed.mode, aed.limits, aed.main, aed.detour) == ("walk", (100, 160, 270), 270, 1.3)
    assert (home.mode, home.limits, home.main, home.detour) == ("walk", (1000,), 1000, 1.0)
    assert (aed.min_density, home.min_density, warehouse.min_density) == (1500, 1500, 0)
    for drive in (warehouse, team):
        assert (drive.mode, drive.limits, drive.main) == ("drive", (3600, 7200, 10800), 3600)
        assert (drive.mobilisation_s, drive.confidence, drive.backup) == (3600, "C", 1)
    assert dict(warehouse.compliance) == {"县": 6 * 3600, "市": 8 * 3600, "省": 10 * 3600}
    assert dict(warehouse.capacity_by_level) == {"省级": 120_000, "市级": 40_000, "县级": 5_000}
    assert (warehouse.need_share, dict(warehouse.persons_per_item)) == (0.01, {"家庭包": 4})
    assert (aed.backup, home.backup, aed.unknown_hours) == (0, 0, "open")
    assert [standard.target_share for standard in standards.values()] == [None] * 5  # no rule sets one
    assert all(standard.source and standard.notes for standard in standards.values())


def test_nothing_about_training_bases_is_more_than_an_assumption() -> None:
    training = load_standards()["training"]
    assert (training.mode, training.limits, training.main) == ("drive", (3600, 7200, 10800), 3600)
    assert (training.compliance, training.mobilisation_s, training.backup) == ((), None, 0)
    assert all("本项目的假设" in each.source and each.confidence == "C" for each in training.cited)
    assert any("没有查到规定" in note for note in training.notes)
    assert not [rule for rule in load_rules() if rule.kind == "training"]


def test_aed_limits_are_half_the_time_there_and_back_at_the_stated_speed() -> None:
    """Recomputed from the notes: minutes there and back, metres per second, one way along the network."""
    aed = load_standards()["aed"]
    said = {
        each.key: re.search(r"往返(\d)分钟.*?(\d)×60秒×([\d.]+)米/秒÷2=(\d+)米", each.note)
        for each in aed.cited
    }
    for limit, minutes in ((160, 3), (270, 5)):
        match = said[f"limits_m.{limit}"]
        assert match is not None
        assert match.group(1) == match.group(2) == str(minutes)
        metres = minutes * 60 * float(match.group(3)) / 2
        assert float(match.group(3)) == 1.8
        assert metres == pytest.approx(float(match.group(4)))
        assert limit <= metres < limit + 5  # rounded down: never farther than the time allows
    assert 420 not in aed.limits
    assert aed.limits[0] == 100


def test_every_default_is_cited() -> None:
    for standard in load_standards().values():
        assert all(each.source and each.confidence in "ABC" and each.value for each in standard.cited)
        of_key: dict[str, int] = {}
        for each in standard.cited:
            name = each.key.partition(".")[0]
            of_key[name] = of_key.get(name, 0) + 1
        empty = {field.name: field.default for field in fields(Standard)}
        for key in KEYS:
            if standard.mode in key.modes:
                content = getattr(standard, key.field)
                items = 1 if key.shape == "one" else len(content)
                assert of_key.get(key.name, 0) == items or content == empty[key.field], key.name
        assert of_key["mode"] == 1
        assert len({each.key for each in standard.cited}) == len(standard.cited)
    assert all(rule.source and rule.confidence == "B" for rule in load_rules())
    assert all(each.source and each.confidence in "ABC" for each in load_references())


def test_confidence_is_that_of_the_reference() -> None:
    aed, _, warehouse, team, _ = load_standards().values()
    of = {
        kind: {each.key: each.confidence for each in standard.cited}
        for kind, standard in load_standards().items()
    }
    assert [of["aed"][f"limits_m.{limit}"] for limit in aed.limits] == ["B"] * 3
    assert (of["aed"]["detour"], of["aed"]["unknown_hours"]) == ("C", "C")
    assert [of["warehouse"][f"compliance_min.{unit}"] for unit, _ in warehouse.compliance] == ["B"] * 3
    for kind in ("warehouse", "team"):
        assert {of[kind][key] for key in ("limits_min.60", "main_min", "mobilisation_min", "backup")} == {"C"}
    assert of["warehouse"]["need_share"] == of["warehouse"]["capacity_by_level.省级"] == "C"
    assert of["warehouse"]["persons_per_item.家庭包"] == "B"
    assert "mobilisation_min" not in of["home"]
    assert team.compliance == ()


def test_the_access_assumptions_of_nearest_are_those_of_the_standards() -> None:
    for kind in ("warehouse", "team"):
        standard = load_standards()[kind]
        assert (standard.detour, standard.access_kmh) == (snap.ACCESS_DETOUR, snap.ACCESS_KMH)


def test_the_default_rules() -> None:
    assert [(rule.kind, rule.unit, rule.minimum, rule.site_levels) for rule in load_rules()] == [
        ("team", "市", 1, ()),
        ("team", "县", 1, ()),
        ("warehouse", "市", 1, ("市级",)),
        ("warehouse", "县", 1, ()),
    ]


def test_the_default_references() -> None:
    density = {each.name: each.value for each in load_references() if each.topic == "density"}
    assert density == {"深圳": 8, "日本": 50, "荷兰": 47, "美国": 31, "江西目标 (4500台)": 1.0}
    assert round(4500 / 4518.8635, 2) == 1.00
    assert round(1800 / 4518.8635, 2) == 0.40
    venues = {each.name for each in load_references() if each.topic == "venue"}
    assert venues == {"车站、体育场馆", "学校", "大型商场", "养老机构", "地铁站"}


def test_the_levels_are_those_of_the_layers() -> None:
    assert load_types()["warehouse"].attribute("level").allowed == SITE_LEVELS


def test_texts() -> None:
    aed, home, warehouse, *_ = load_standards().values()
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
    path.write_text(HOME, encoding="utf-8")
    found, default = load_standards(path), load_standards()
    assert (found["home"].limits, found["home"].main_index) == ((500, 1500), 1)
    assert {kind: found[kind] for kind in found if kind != "home"} == {
        kind: default[kind] for kind in default if kind != "home"
    }
    assert load_rules(path) == load_rules()
    assert load_references(path) == load_references()
    path.write_text("rules: []\nreferences: []", encoding="utf-8")
    assert (load_rules(path), load_references(path)) == ((), ())
    assert load_standards(path) == default


def test_a_key_that_is_not_listed_keeps_its_default() -> None:
    warehouse, default = (
        own("standards: {warehouse: {mobilisation_min: 30}}")["warehouse"],
        load_standards()["warehouse"],
    )
    assert warehouse.mobilisation_s == 1800
    same = {field.name for field in fields(Standard)} - {"mobilisation_s", "cited", "notes"}
    assert all(getattr(warehouse, name) == getattr(default, name) for name in same)
    empty = own("standards: {warehouse: {compliance_min: {}, persons_per_item: {}, notes: []}}")["warehouse"]
    assert (empty.compliance, empty.persons_per_item) == ((), ())
    assert not any("达标" in note for note in empty.notes if "准备时间" not in note)


def test_who_says_a_value() -> None:
    """Unchanged: the default's source; changed: the office's; stated: what is stated, item by item."""
    text = """
standards:
  aed:
    limits_m: [100, {value: 216, source: 市规范, confidence: A, note: 往返4分钟}, 270]
    main_m: 216
    detour: {value: 1.4, note: 量过}
    backup: {value: 1, source: 会议}
  warehouse:
    compliance_min: {value: {县: 300, 市: {value: 480, source: 乙}}, source: 甲, confidence: B}
"""
    found = own(text)
    aed = sources(found["aed"])
    default = sources(load_standards()["aed"])
    assert aed["limits_m.100"] == default["limits_m.100"]
    assert aed["limits_m.270"] == default["limits_m.270"]
    assert aed["limits_m.216"] == ("216米", "市规范", "A")
    assert aed["main_m"] == ("216米", "本单位设定", "C")
    assert aed["detour"] == ("1.4", "本单位设定", "C")
    assert aed["backup"] == ("1处", "会议", "C")  # who states no confidence claims none
    assert {"往返4分钟", "量过", "主要上限 216米为本单位设定, 默认270米。"} <= set(found["aed"].notes)
    assert not any("160米约为" in note for note in found["aed"].notes)
    warehouse = sources(found["warehouse"])
    assert warehouse["compliance_min.县"] == ("300分钟", "甲", "B")
    assert warehouse["compliance_min.市"] == ("480分钟", "乙", "C")
    assert "compliance_min.省" not in warehouse


def test_the_source_of_the_whole_does_not_vouch_for_limits_of_the_office() -> None:
    default = load_standards()["aed"]
    plain = own("standards: {aed: {limits_m: [200], main_m: 200}}")["aed"]
    assert plain.source == f"{default.source}{CHANGED}200米"
    assert plain.confidence == "C"
    stated = own("standards: {aed: {limits_m: [200], main_m: 200, source: 市规范, confidence: A}}")["aed"]
    assert (stated.source, stated.confidence) == ("市规范", "A")
    assert sources(stated)["limits_m.200"] == ("200米", "本单位设定: 市规范", "A")
    assert own("standards: {aed: {detour: 1.5}}")["aed"].confidence == default.confidence


def test_another_mode_inherits_nothing() -> None:
    home = own(DRIVE)["home"]
    assert (home.limits, home.main, home.mobilisation_s) == ((900, 1800), 1800, None)
    assert sources(home)["limits_min.15"] == ("15分钟", "甲", "A")
    assert sources(home)["limits_min.30"] == ("30分钟", "本单位设定: 测试", "B")
    with pytest.raises(InputError) as error:
        own("standards: {home: {mode: drive, main_min: 30}}")
    missing = {problem.what for problem in error.value.problems}
    assert {"缺少 limits_min", "缺少 detour", "缺少 min_density", "缺少 name", "缺少 source"} <= missing


def test_a_written_file_reads_back_the_same() -> None:
    for text in (
        "rules: []",
        HOME,
        DRIVE,
        "references: []",
        "standards: {warehouse: {compliance_min: {}, need_share: 0.0000001}}",
        "standards: {aed: {limits_m: [{value: 200, source: '甲: \"乙\" # 丙', note: '{丁}'}], main_m: 200}}",
        "standards: {team: {target_share: 0.95, persons_per_item: {'a: b': 1.25, 'yes': 2}, backup: 0}}",
    ):
        once = parse(text, "own.yaml")
        written = to_yaml(once)
        again = parse(written, "own.yaml")
        assert {kind: repr(each) for kind, each in again.standards.items()} == {
            kind: repr(each) for kind, each in once.standards.items()
        }
        assert (again.rules, again.references) == (once.rules, once.references)
        assert to_yaml(again) == written
    assert dict(parse(to_yaml(read(None)), "own.yaml").standards) == load_standards()


@settings(max_examples=many(40))
@given(
    limits=st.sets(st.integers(1, 1_000_000), min_size=1, max_size=20).map(sorted),
    share=st.none() | st.floats(1e-9, 1),
    need=st.floats(1e-9, 1),
    capacity=st.dictionaries(st.sampled_from(SITE_LEVELS), st.integers(1, 1_000_000)),
    backup=st.integers(0, 9),
    note=st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=30),
)
def test_any_values_read_back_the_same(
    limits: list[int], share: float | None, need: float, capacity: dict[str, int], backup: int, note: str
) -> None:
    standard = replace(
        load_standards()["aed"], limits=tuple(limits), main=limits[-1], target_share=share, need_share=need,
        capacity_by_level=tuple((name, capacity[name]) for name in SITE_LEVELS if name in capacity),
        backup=backup, cited=(), notes=(note.replace("<", ""),) if note.replace("<", "") else (),
    )  # fmt: skip
    content = replace(read(None), standards={**load_standards(), "aed": standard})
    found = own(to_yaml(content))["aed"]
    for name in ("limits", "main", "target_share", "need_share", "capacity_by_level", "backup"):
        assert getattr(found, name) == getattr(standard, name)
    assert set(standard.notes) <= set(found.notes)


def test_the_table_for_documents_holds_every_value() -> None:
    rows = [line.strip("| ").split(" | ") for line in to_markdown(read(None)).splitlines()]
    assert {len(row) for row in rows} == {5}
    text = {(row[0], value) for row in rows[2:] for value in row[2].split("、")}
    cited = {(KIND_NAMES[kind], each.value) for kind, one in load_standards().items() for each in one.cited}
    assert text == cited


def test_any_changed_value_changes_the_text_of_a_standard() -> None:
    """Results are kept under a hash of repr(standard)."""
    changes = {
        "warehouse": [
            "limits_min: [60, 120]", "main_min: 120", "detour: 1.31", "min_density: 1", "access_kmh: 21",
            "mobilisation_min: 61", "compliance_min: {县: 361}", "target_share: 0.9", "backup: 2",
            "unknown_hours: closed", "need_share: 0.02", "capacity_by_level: {县级: 6000}",
            "persons_per_item: {家庭包: 3}", "name: 甲", "source: 甲", "confidence: B", "notes: []",
            "detour: {value: 1.3, source: 甲}",
        ]
    }  # fmt: skip
    seen = {repr(load_standards()["warehouse"])}
    for kind, texts in changes.items():
        for text in texts:
            seen.add(repr(own(f"standards: {{{kind}: {{{text}}}}}")[kind]))
    assert len(seen) == 1 + len(changes["warehouse"])
    assert {field.name for field in fields(Standard) if not field.repr} == set()
