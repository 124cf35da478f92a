"""The commands on standards as an office uses them: look, write a file, edit, check, use, go back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from boai.app import cli, standards
from boai.coverage.standard_file import read
from boai.coverage.standards import load_references, load_rules, load_standards
from boai.geodata.errors import InputError

CHANGES = {
    "mobilisation_min: 60 ": "mobilisation_min: 45 ",
    "    - 270 ": "    - {value: 216, source: 市规范, confidence: B, note: 往返4分钟}",
    "main_m: 270 ": "main_m: 216 ",
    "target_share: null ": "target_share: 0.9 ",
}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(["standards", *arguments])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def edited(path: Path) -> Path:
    """Change an exported file as an office would: figures only, here and there one with its source."""
    text = path.read_text(encoding="utf-8")
    for old, new in CHANGES.items():
        assert old in text
        text = "\n".join(
            line if old not in line else new if "{" in new else line.replace(old, new)
            for line in text.split("\n")
        )
    path.write_text(text, encoding="utf-8")
    return path


def test_show_lists_every_value_with_its_source(capsys, tmp_path: Path) -> None:
    code, out, _ = run(capsys, "show", "-w", str(tmp_path), "--json")
    found = json.loads(out)
    assert code == 0
    assert [(row["kind"], row["key"]) for row in found["rows"]] == [
        (kind, each.key) for kind, standard in load_standards().items() for each in standard.cited
    ]
    assert all(row["source"] and row["confidence"] in "ABC" and not row["changed"] for row in found["rows"])
    assert len(found["rules"]) == len(load_rules())
    assert len(found["references"]) == len(load_references())
    assert (found["file"], found["is_workspace"], found["dropped"]) == (None, False, [])
    code, out, _ = run(capsys, "show", "备灾仓库", "-w", str(tmp_path))
    assert "不是工作区" in out
    assert "默认标准" in out
    for word in ("达标时限 县", "360分钟", "按级别的保障人数 省级", "行政配置要求", "参考值", "国减发"):
        assert word in out
    assert "深圳" not in out  # of the AED
    assert "可信度" in out


def test_export_check_use_and_reset(capsys, own_workspace: Path, tmp_path: Path) -> None:
    where, file = ["-w", str(own_workspace)], tmp_path / "my.yaml"
    assert run(capsys, "export", str(file), *where)[0] == 0
    assert "与默认标准完全相同" in run(capsys, "check", str(file))[1]
    code, out, _ = run(capsys, "use", str(file), *where, "--json")
    assert json.loads(out)["differences"] == []
    assert standards.office_standards(own_workspace) == read(None)

    edited(file)
    code, out, _ = run(capsys, "check", str(file), "--json")
    rows = [row for row in json.loads(out)["differences"] if row["kind"] == "aed"]
    assert [(row["key"], row["value"], row["default"], row["source"], row["confidence"]) for row in rows] == [
        ("limits_m.216", "216米", "", "市规范", "B"),
        ("main_m", "216米", "270米", "本单位设定", "C"),
        ("target_share", "90 %", "未设定", "本单位设定", "C"),
        ("limits_m.270", "", "270米", "", ""),
    ]
    code, out, _ = run(capsys, "use", str(file), *where)
    assert code == 0
    assert "standards.old-1.yaml" in out  # what stood there is kept
    office = standards.office_standards(own_workspace)
    found = office.standards
    assert (found["aed"].limits, found["aed"].main, found["aed"].target_share) == ((100, 160, 216), 216, 0.9)
    assert (found["warehouse"].mobilisation_s, found["team"].mobilisation_s) == (2700, 2700)
    assert (office.rules, office.references) == (load_rules(), load_references())
    code, out, _ = run(capsys, "show", "aed", *where)
    assert "本单位的标准" in out
    assert "不用默认的各档上限 270米" in out
    changed = [row["key"] for row in standards.show(own_workspace, "aed")["rows"] if row["changed"]]
    assert changed == ["limits_m.216", "main_m", "target_share"]

    again = tmp_path / "again.yaml"
    run(capsys, "export", str(again), *where)
    assert standards.check(again)["differences"] == standards.check(file)["differences"]
    assert "与默认标准完全相同" not in run(capsys, "use", str(again), *where)[1]
    assert standards.office_standards(own_workspace) == office

    code, out, _ = run(capsys, "reset", *where)
    assert code == 0
    assert standards.office_standards(own_workspace) == read(None)
    kept = Path(re.findall(r"另存为 (\S+)", out)[0])
    assert kept.read_text(encoding="utf-8") == again.read_text(encoding="utf-8")
    assert "就是默认标准" in run(capsys, "reset", *where)[1]


def test_using_the_same_file_twice_keeps_no_copy(capsys, own_workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("standards: {team: {mobilisation_min: 30}}", encoding="utf-8")
    for _ in range(2):
        out = run(capsys, "use", str(file), "-w", str(own_workspace), "--json")[1]
        assert json.loads(out)["kept"] is None
    assert run(capsys, "use", str(own_workspace / "standards.yaml"), "-w", str(own_workspace))[0] == 0
    assert not list(own_workspace.glob("*.old-*"))
    assert standards.office_standards(own_workspace).standards["team"].mobilisation_s == 1800


def test_a_wrong_file_is_never_used(capsys, own_workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("standards: {aed: {main_m: 250, bakup: 1}, team: {backup: -1}}", encoding="utf-8")
    for command in (["check", str(file)], ["use", str(file), "-w", str(own_workspace)]):
        code, out, err = run(capsys, *command)
        assert (code, out) == (1, "")
        assert len(err.strip().splitlines()) == 3
        for part in (
            "主要上限应是各档之一, 得到 250米",
            "bakup; 是否想写 backup?",
            "team.backup: 应为不小于0",
        ):
            assert part in err
        assert "Traceback" not in err
    assert not (own_workspace / "standards.yaml").exists()


@pytest.mark.parametrize(
    "content", [b"standards: [", b"\xff\xfe", b"", b"<html></html>", b"a: &x [*x]", None]
)
def test_a_damaged_own_file_is_told_and_can_be_put_aside(
    capsys, own_workspace: Path, content: bytes | None
) -> None:
    path = own_workspace / "standards.yaml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        standards.office_standards(own_workspace)
    assert "standards reset" in str(error.value)
    assert all(str(path) in str(problem) for problem in error.value.problems)
    code, _, err = run(capsys, "show", "-w", str(own_workspace))
    assert code == 1
    assert "本单位的服务标准不能用" in err
    assert run(capsys, "reset", "-w", str(own_workspace))[0] == 0
    assert standards.office_standards(own_workspace).standards == load_standards()
    assert (own_workspace / "standards.old-1.yaml").exists()


def test_a_missing_file_or_workspace_is_told(capsys, tmp_path: Path) -> None:
    code, _, err = run(capsys, "check", str(tmp_path / "none.yaml"))
    assert (code, "文件不存在" in err) == (1, True)
    file = tmp_path / "my.yaml"
    file.write_text("rules: []", encoding="utf-8")
    for command in (["use", str(file)], ["reset"]):
        code, _, err = run(capsys, *command, "-w", str(tmp_path / "nowhere"))
        assert (code, "这里没有 boai 工作区" in err) == (1, True)
    code, _, err = run(capsys, "show", "bus")
    assert (code, "没有这个图层" in err) == (1, True)


def test_export_replaces_nothing_unasked(capsys, own_workspace: Path, tmp_path: Path) -> None:
    file, where = tmp_path / "my.yaml", ["-w", str(own_workspace)]
    file.write_text("mine", encoding="utf-8")
    assert "文件已存在" in run(capsys, "export", str(file), *where)[2]
    assert file.read_text(encoding="utf-8") == "mine"
    assert run(capsys, "export", str(file), "--overwrite", *where)[0] == 0
    assert "文件夹不存在" in run(capsys, "export", str(tmp_path / "none" / "my.yaml"), *where)[2]
    assert "不能写文件" in run(capsys, "export", str(tmp_path), *where)[2]
    (own_workspace / "standards.yaml").write_text("standards: {aed: {backup: 1}}", encoding="utf-8")
    assert (
        "不能覆盖" in run(capsys, "export", str(own_workspace / "standards.yaml"), "--overwrite", *where)[2]
    )
    run(capsys, "export", str(file), "--overwrite", *where)
    assert [row["key"] for row in standards.check(file)["differences"]] == ["backup"]
    out = run(capsys, "export", str(file), "--overwrite", "--defaults", *where, "--json")[1]
    assert json.loads(out) == {"file": str(file), "defaults": True}
    assert standards.check(file)["differences"] == []


def test_rules_and_references_that_differ_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(
        "rules: [{kind: team, unit: 县, minimum: 2, site_levels: [县级], text: 每县2支, source: 市规划}]\n"
        "references: [{kind: aed, topic: density, name: 本市, value: 1.5, unit: 台/万人, "
        "source: 甲, confidence: A}]\n"
        "standards: {home: {name: 家园}}",
        encoding="utf-8",
    )
    rows = standards.check(file)["differences"]
    new = [(row["item"], row["value"], row["confidence"]) for row in rows if not row["default"]]
    assert new == [
        ("行政配置要求", "每县2支 (每县至少2处, 级别 县级)", "C"),
        ("参考值", "本市 1.5 台/万人", "A"),
    ]
    gone = [row for row in rows if not row["value"]]
    assert len(gone) == len(load_rules()) + len(load_references())
    assert [(row["item"], row["value"]) for row in rows if row["kind"] == "home" and row["value"]] == [
        ("名称", "家园")
    ]
