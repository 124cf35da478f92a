"""The JSON schema for editors and the template of a new scenario."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from boai.geodata.errors import InputError
from boai.geodata.layers import KIND_NAMES
from boai.geodata.network import CLASSES
from boai.scenarios.actions import WORDS, RoadClass
from boai.scenarios.fields import kind_of
from boai.scenarios.schema import PRESETS, load_scenario, parse_scenario
from boai.scenarios.schema_json import keys, schema
from boai.scenarios.standard_changes import Standards
from boai.scenarios.template import new_scenario

SCHEMA = schema()

FULL = """
name: full
title: 全部的键
description: 每个键都写一次
extends: [plan_2022_2024, baseline]
changes:
  - open:
      {kind: warehouse, name: 甲仓, lon: 115.9, lat: 28.7, year: 2025, id: w-1, level: 县级, hours: 24小时,
       capacity: 5000, stock: "帐篷 200", readiness_min: 30, cost: 80}
  - open: {kind: 救援队, name: 甲队, lon: 115, lat: 28, year: 2025, members: 20}
  - close: {kind: warehouse, id: w-2, cost: 5}
  - move: {kind: team, id: t-1, lon: 116.1, lat: 28.9, cost: 2.5}
  - resize: {kind: warehouse, id: w-3, capacity: 8000, stock: 帐篷:100, cost: 1}
  - resize: {kind: team, id: t-2, members: 30}
  - retime: {kind: aed, id: a-1, hours: 24小时, cost: 1}
  - retime: {kind: aed, ids: [a-2, a-3], hours: 24小时}
  - retime: {kind: home, all: true, hours: 24小时}
  - retime: {kind: team, level: 县级, county: 修水县, city: 九江市, hours: 24小时}
  - block: {road: G60}
  - block: {road: [G45, G70]}
  - block: {way: 123}
  - block: {way: [-1, 124]}
  - block: {near: {lon: 115.9, lat: 28.7, within_m: 200}}
  - block: {area: [[115, 28], [116, 28], [116, 29]]}
  - block: {classes: motorway}
  - slow: {classes: [trunk, primary], speed: 0.5}
  - slow: {all: true, speed: 0.8}
  - flood: {area: "115,28 116,28 116,29", speed: 0}
  - grow: {unit: 南昌市, percent: 10.5, age: all}
  - grow: {unit: 修水县, residents: 100}
siting:
  - {kind: warehouse, year: 2025, number: 3, note: 试算, level: 县级}
  - {kind: warehouse, year: 2025, model: mclp, budget: 300, cost: 100, hosts: [学校, 社区], spacing_km: 30,
     quotas: {赣州市: 1-2, 各市: -1}, limit: 90}
  - {kind: warehouse, year: 2025, model: mclp, number: 3, relocations: 2, keep: [w-9],
     candidates: settlements}
  - {kind: warehouse, year: 2025, model: partial, share: 95}
  - {kind: team, year: 2025, rule: each_county}
  - {kind: warehouse, year: 2025, model: expected, number: 2, failure: 10}
  - {kind: home, phases: {2022: 40, 2023: {number: 30, level: 三级以上}}, planning: look_ahead}
standards:
  warehouse: 90
  aed: {main: 160, limits: [100, 160], target_share: 80, backup: 1, unknown_hours: closed, detour: 1.2,
        min_density: 0}
  team: {mobilisation: 30, target_share: 0.9}
costs: {unit: 万元, open: {warehouse: 100, home: {县级: 8, 其他: 10}}, close: {warehouse: 5},
        move: {warehouse: 20}, resize: {warehouse: 3}, retime: {aed: 0.1}}
"""


def errors(value: Any, rule: dict[str, Any], root: dict[str, Any], path: str = "") -> list[str]:
    """Check a value against the words of JSON schema that ours uses; any other word is an error of ours."""
    known = {"$schema", "$defs", "title", "description", "default"}
    found: list[str] = []
    for word, own in rule.items():
        if word in known:
            continue
        found += CHECKS[word](value, own, rule, root, path)
    return found


def _reference(value: Any, own: Any, rule: Any, root: Any, path: str) -> list[str]:
    return errors(value, root["$defs"][own.removeprefix("#/$defs/")], root, path)


def _type(value: Any, own: Any, *_: Any) -> list[str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    right = {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "integer": number and value == int(value),
        "number": number,
        "boolean": isinstance(value, bool),
    }[own]
    return [] if right else [f"{_[-1]}: no {own}"]


def _properties(value: Any, own: Any, rule: Any, root: Any, path: str) -> list[str]:
    each = value.items() if isinstance(value, dict) else ()
    return [one for key, item in each if key in own for one in errors(item, own[key], root, f"{path}.{key}")]


def _additional(value: Any, own: Any, rule: Any, root: Any, path: str) -> list[str]:
    more = set(value if isinstance(value, dict) else ()) - set(rule.get("properties", ()))
    if own is False:
        return [f"{path}: unknown key {key}" for key in sorted(map(str, more))]
    return [one for key in more for one in errors(value[key], own, root, f"{path}.{key}")]


def _names(value: Any, own: Any, rule: Any, root: Any, path: str) -> list[str]:
    return [one for key in (value if isinstance(value, dict) else ()) for one in errors(key, own, root, path)]


def _items(value: Any, own: Any, rule: Any, root: Any, path: str) -> list[str]:
    each = enumerate(value) if isinstance(value, list) else ()
    return [one for i, item in each for one in errors(item, own, root, f"{path}[{i}]")]


def _prefix(value: Any, own: Any, rule: Any, root: Any, path: str) -> list[str]:
    return [one for item, part in zip(value, own, strict=False) for one in errors(item, part, root, path)]


def _some(least: int, most: int) -> Any:
    def check(value: Any, own: Any, rule: Any, root: Any, path: str) -> list[str]:
        count = sum(not errors(value, one, root, path) for one in own)
        return [] if least <= count <= most else [f"{path}: fits {count} choices"]

    return check


def _limit(test: Any, *types: type) -> Any:
    def check(value: Any, own: Any, rule: Any, root: Any, path: str) -> list[str]:
        fits = not isinstance(value, types) or isinstance(value, bool) or test(value, own)
        return [] if fits else [f"{path}: beyond {own}"]

    return check


CHECKS = {
    "$ref": _reference,
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "items": _items,
    "prefixItems": _prefix,
    "anyOf": _some(1, 99),
    "oneOf": _some(1, 1),
    "required": _limit(lambda value, own: set(own) <= set(value), dict),
    "enum": _limit(lambda value, own: value in own, object),
    "const": _limit(lambda value, own: value == own, object),
    "pattern": _limit(lambda value, own: re.search(own, value), str),
    "minLength": _limit(lambda value, own: len(value) >= own, str),
    "maxLength": _limit(lambda value, own: len(value) <= own, str),
    "minItems": _limit(lambda value, own: len(value) >= own, list),
    "maxItems": _limit(lambda value, own: len(value) <= own, list),
    "minProperties": _limit(lambda value, own: len(value) >= own, dict),
    "maxProperties": _limit(lambda value, own: len(value) <= own, dict),
    "minimum": _limit(lambda value, own: value >= own, int, float),
    "maximum": _limit(lambda value, own: value <= own, int, float),
    "exclusiveMinimum": _limit(lambda value, own: value > own, int, float),
    "exclusiveMaximum": _limit(lambda value, own: value < own, int, float),
}


def refused(content: Any) -> list[str]:
    return errors(content, SCHEMA, SCHEMA)


def test_a_file_with_every_key_fits_and_is_read(tmp_path: Path) -> None:
    content = yaml.safe_load(FULL)
    assert refused(content) == []
    path = tmp_path / "full.yaml"
    path.write_text(FULL, encoding="utf-8")
    scenario = load_scenario(path)
    assert [change.word for change in scenario.changes[:3]] == ["open", "open", "close"]
    assert {change.word for change in scenario.changes} == set(WORDS)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_fit(name: str) -> None:
    text = (files("boai.scenarios") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    assert refused(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "name: x",
        "{name: x, title: 甲, sitting: []}",
        "{name: X y, title: 甲}",
        "{name: x, title: 甲, changes: [{}]}",
        "{name: x, title: 甲, changes: [{opne: {}}]}",
        "{name: x, title: 甲, changes: [{close: {kind: aed, id: a}, grow: {unit: 全省, percent: 1}}]}",
        "{name: x, title: 甲, changes: [{close: {kind: aed, id: a, why: 1}}]}",
        "{name: x, title: 甲, changes: [{close: {kind: store, id: a}}]}",
        "{name: x, title: 甲, changes: [{block: {road: G60, way: 1}}]}",
        "{name: x, title: 甲, changes: [{slow: {road: G60, speed: 1}}]}",
        "{name: x, title: 甲, changes: [{slow: {road: G60, speed: '0.5'}}]}",
        "{name: x, title: 甲, changes: [{flood: {area: [[115, 28], [116, 28]]}}]}",
        "{name: x, title: 甲, changes: [{grow: {unit: 全省}}]}",
        "{name: x, title: 甲, standards: {aed: {main: 1.5}}}",
        "{name: x, title: 甲, standards: {aed: {mian: 160}}}",
        "{name: x, title: 甲, siting: [{kind: aed, yaer: 2025}]}",
        "{name: x, title: 甲, costs: {opne: {}}}",
    ],
)
def test_what_does_not_fit_is_refused_by_both(text: str) -> None:
    assert refused(yaml.safe_load(text))
    with pytest.raises(InputError):
        parse_scenario(text)


def test_every_key_is_explained_in_chinese() -> None:
    dumb = [
        path for path, value in keys(SCHEMA) if not re.search("[\u4e00-\u9fff]", value.get("description", ""))
    ]
    assert not dumb
    parts = [
        name for name, part in SCHEMA["$defs"].items() if not re.search("[\u4e00-\u9fff]", part["title"])
    ]
    assert not parts
    written = set(re.findall(r"\b([a-z_]+):", FULL))
    known = {path.partition(".")[2] for path, _ in keys(SCHEMA)} - {"training"}
    assert known <= written | {"home", "candidates"}


def test_the_schema_is_the_same_each_time_and_names_no_python() -> None:
    assert schema() == SCHEMA
    text = repr(SCHEMA)
    assert ">>>" not in text
    assert "'null'" not in text


def test_lists_that_are_written_twice_agree() -> None:
    assert RoadClass.__args__ == CLASSES[1:]
    assert set(Standards.model_fields) == set(KIND_NAMES)
    assert [kind_of(name) for name in KIND_NAMES.values()] == list(KIND_NAMES)
    kind = SCHEMA["$defs"]["Open"]["properties"]["kind"]["anyOf"]
    assert [one for part in kind for one in part["enum"]] == [*KIND_NAMES, *KIND_NAMES.values()]


def sections(text: str) -> str:
    """Take the # away before the sections of a template, not before the sentences that explain them."""
    lines, inside = [], False
    for line in text.splitlines():
        inside = bool(re.match(r"# [a-z]+:", line)) or (inside and line.startswith("#"))
        lines.append(line.removeprefix("#").removeprefix(" ") if inside else line)
    return "\n".join(lines)


def test_the_template_is_read_as_it_is_and_with_all_its_sections(tmp_path: Path) -> None:
    text = new_scenario("new-one", title="汛期: '试算' # 1")
    scenario = parse_scenario(text)
    assert (scenario.name, scenario.title, scenario.changes) == ("new-one", "汛期: '试算' # 1", ())
    path = tmp_path / "new-one.yaml"
    path.write_text(sections(text), encoding="utf-8")
    full = load_scenario(path)
    assert {change.word for change in full.changes} == set(WORDS)
    assert len(full.siting) > 3 and full.standards.warehouse == 120 and full.costs.stated
    assert refused(yaml.safe_load(sections(text))) == []


def test_the_template_names_its_parents() -> None:
    assert yaml.safe_load(new_scenario("a", extends="baseline"))["extends"] == ["baseline"]
    content = yaml.safe_load(new_scenario("123", extends=["1_000", "null", "baseline"]))
    assert content == {"name": "123", "title": "123", "extends": ["1_000", "null", "baseline"]}


@pytest.mark.parametrize(
    ("name", "title", "extends"),
    [
        ("A b", "", None),
        ("../x", "", None),
        ("x", "a\nb: c", None),
        ("x", "a\x1b", None),
        ("x", "甲", "../y"),
    ],
)
def test_the_template_refuses_what_no_file_can_hold(name: str, title: str, extends: str | None) -> None:
    with pytest.raises(InputError):
        new_scenario(name, title=title, extends=extends)
