"""A standards file with problems names them all at once, whatever was made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from boai.coverage.standards import Standard, load_standards
from boai.geodata.errors import InputError
from boai.geodata.yamlfile import MOST_BYTES
from standardfile import HOME


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    text = HOME.replace("[500, 1500]", "[1500, 500]").replace("detour: 1.3", "detour: 0.9\n    bakup: 1")
    text += "    backup: -1\n    need_share: 90\n  team: {mode: fly}\n  bus: {}\n  aed: 3\n"
    text += "rules: [{kind: x, unit: 乡, minimum: -1}]\nmore: 1\nreferences: 3\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_standards(path)
    message = str(error.value)
    for part in (
        "从小到大",
        "不小于1",
        "未知的键, 得到 bakup; 是否想写 backup?",
        "home.backup: 应为不小于0",
        "need_share 应大于0、不超过1 (1 % 写作 0.01), 得到 9000 %",
        "drive 或 walk",
        "bus",
        "standards.aed: 应为键值对",
        "rules 第1条.kind",
        "rules 第1条.unit",
        "rules 第1条.minimum",
        "缺少 text",
        "references: 应为列表",
        "more",
    ):
        assert part in message
    assert len(error.value.problems) >= 14
    assert all(str(path) in str(problem) for problem in error.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("main_m: 1500", "main_m: 700", "主要上限应是各档之一, 得到 700米"),
        ("main_m: 1500", "main_m: true", "home.main_m: 应为不小于0"),
        ("main_m: 1500", "main_min: 15", "未知的键, 得到 main_min; 是否想写 main_m?"),
        ("main_m: 1500", "", "主要上限应是各档之一, 得到 1000米"),
        ("[500, 1500]", "[]", "limits_m: 应为不空的列表"),
        ("[500, 1500]", "[0, 1500]", "应大于0并从小到大"),
        ("[500, 1500]", "[500, 500, 1500]", "应大于0并从小到大, 最多20档, 得到 500米、500米、1500米"),
        ("[500, 1500]", str([*range(1, 21), 1500]), "最多20档"),
        ("[500, 1500]", "[.5, 1500]", "limits_m 第1项: 应为不小于0"),
        ("[500, 1500]", "[{values: 500}, 1500]", "limits_m 第1项: 未知的键, 得到 values; 是否想写 value?"),
        ("[500, 1500]", "[{value: 500, source: ''}, 1500]", "limits_m 第1项.source: 应为非空文字"),
        ("[500, 1500]", "[{value: 500, confidence: D}, 1500]", "limits_m 第1项.confidence: confidence 应为"),
        ("[500, 1500]", "{source: 甲}", "limits_m: 缺少 value"),
        ("detour: 1.3", "detour: .nan", "detour: 应为数字"),
        ("detour: 1.3", "detour: .inf", "detour: 应为数字"),
        ("detour: 1.3", "detour: '1.3'", "detour: 应为数字"),
        ("detour: 1.3", f"detour: {10**400}", "detour: 应为数字"),
        ("detour: 1.3", f"detour: {'9' * 5000}", "own.yaml: 不是有效的 YAML"),
        ("detour: 1.3", "detour: 2024-01-01", "detour: 应为数字"),
        ("min_density: 300", "min_density: -1", "min_density 应不小于0"),
        ("min_density: 300", "min_density:", "min_density: 应为数字"),
        ("source: 测试", "source: ''", "source: 应为非空文字"),
        ("source: 测试", "source: <script>alert(1)</script>", "source: 不应有网页标记"),
        ("source: 测试", 'source: "a\\u202e"', "source: 不应有控制字符"),
        ("source: 测试", f"source: {'长' * 401}", "source: 文字过长"),
        ("confidence: C", "confidence: D", "confidence 应为 A、B 或 C"),
        ("confidence: C", "confidence: C\n    confidence: A", "重复的键 confidence"),
        ("confidence: C", "confidence: C\n    notes: [1]", "notes 第1项: 应为非空文字"),
        ("confidence: C", "confidence: C\n    notes: 甲", "notes: 应为文字的列表"),
        ("confidence: C", "confidence: C\n    access_kmh: 5", "未知的键"),
        ("confidence: C", "confidence: C\n    target_share: 90", "target_share 应大于0、不超过1"),
        ("confidence: C", "confidence: C\n    target_share: 0", "target_share 应大于0、不超过1"),
        ("confidence: C", "confidence: C\n    backup: 0.5", "backup: 应为不小于0"),
        ("confidence: C", "confidence: C\n    unknown_hours: maybe", "unknown_hours: 应为 open 或 closed"),
        ("confidence: C", "confidence: C\n    unknown_hours: off", "unknown_hours: 应为 open 或 closed"),
        ("confidence: C", "confidence: C\n    need_share: 0", "need_share 应大于0"),
        ("confidence: C", "confidence: C\n    capacity_by_level: {县: 5}", "未知的键, 得到 县"),
        ("confidence: C", "confidence: C\n    capacity_by_level: {县级: 0}", "人数应大于0"),
        ("confidence: C", "confidence: C\n    persons_per_item: {家庭包: -4}", "人数应大于0"),
        ("confidence: C", "confidence: C\n    persons_per_item: {1: 4}", "_item 的名称: 应为非空文字"),
        ("confidence: C", "confidence: C\n    persons_per_item: [4]", "persons_per_item: 应为键值对"),
        ("standards:", "standards: !!python/object/apply:os.getcwd []", "不是有效的 YAML"),
        ("standards:", "standards: [", "不是有效的 YAML"),
        ("[500, 1500]", "&a [500, 1500]\n    notes: *a", "不允许使用别名"),
        (HOME, "", "应为键值对"),
        (HOME, "{}", "文件是空的"),
        (HOME, "<!DOCTYPE html><html><body>404</body></html>", "应为键值对"),
        (HOME, "<html>\n<p a=b>: x</p>", "own.yaml"),
        (HOME, "[" * 3000, "不是有效的 YAML"),
        (HOME, "rules: [{kind: team, unit: 市, minimum: 1, site_levels: [市], text: 甲, source: 乙}]",
         "site_levels: 级别应为"),
        (HOME, "references: [{kind: aed, topic: x, name: a, value: .nan, unit: b, source: c, confidence: B}]",
         "topic: 应为 density"),
    ],
)  # fmt: skip
def test_each_problem_has_one_clear_line(tmp_path: Path, old: str, new: str, part: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(HOME.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_standards(path)
    assert part in str(error.value)
    assert all(str(path) in str(problem) for problem in error.value.problems)
    assert all(len(str(problem).replace(str(path), "")) < 400 for problem in error.value.problems)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="文件不存在"):
        load_standards(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="不是文件"):
        load_standards(tmp_path)
    (tmp_path / "gbk.yaml").write_bytes(HOME.encode("gbk"))
    with pytest.raises(InputError, match="UTF-8"):
        load_standards(tmp_path / "gbk.yaml")
    (tmp_path / "big.yaml").write_text(HOME + "#" * 10_000_000, encoding="utf-8")
    with pytest.raises(InputError, match=f"不应超过 {MOST_BYTES // 1024} KB"):
        load_standards(tmp_path / "big.yaml")
    (tmp_path / "bom.yaml").write_text(HOME, encoding="utf-8-sig")
    assert load_standards(tmp_path / "bom.yaml")["home"].limits == (500, 1500)


BAD: dict[str, tuple[Callable[[Standard], Standard], str]] = {
    "main": (lambda one: replace(one, main=60), "主要上限"),
    "ready": (lambda one: replace(one, mobilisation_s=7 * 3600), "达标时限应长于准备时间"),
    "negative": (lambda one: replace(one, mobilisation_s=-1), "准备时间"),
    "share": (lambda one: replace(one, target_share=1.01), "target_share"),
    "nan": (lambda one: replace(one, target_share=float("nan")), "target_share"),
    "backup": (lambda one: replace(one, backup=-1), "backup"),
    "hours": (lambda one: replace(one, unknown_hours="maybe"), "unknown_hours"),  # type: ignore[arg-type]
    "need": (lambda one: replace(one, need_share=0.0), "need_share"),
    "level": (lambda one: replace(one, capacity_by_level=(("县", 1),)), "capacity_by_level"),
    "twice": (lambda one: replace(one, capacity_by_level=(("县级", 1), ("县级", 2))), "capacity_by_level"),
    "persons": (lambda one: replace(one, persons_per_item=(("包", 0.0),)), "persons_per_item"),
    "endless": (lambda one: replace(one, persons_per_item=(("包", float("inf")),)), "persons_per_item"),
    "detour": (lambda one: replace(one, detour=float("inf")), "detour"),
    "none": (lambda one: replace(one, limits=()), "从小到大"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_contradictory_standard_cannot_be_made(name: str) -> None:
    make, part = BAD[name]
    with pytest.raises(InputError, match=part):
        make(load_standards()["warehouse"])
    assert replace(load_standards()["warehouse"], main=7200).main_index == 1
