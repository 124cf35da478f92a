"""The desk's commands as an office runs them, on a workspace of its own."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from boai.app import cli, desk_commands
from boai.app.desk.store import Store
from boai.app.server.audit import read_audit
from boai.geodata.errors import InputError


@pytest.fixture(scope="module")
def root(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    own = tmp_path_factory.mktemp("desk") / "demo"
    shutil.copytree(workspace_folder, own, ignore=shutil.ignore_patterns("results", "maps", "tables"))
    return own


def run(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(["desk", *arguments, "--workspace", str(root)])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_need_in_words_and_as_json(capsys, root: Path) -> None:
    code, out, _ = run(capsys, root, "need", "--at", "修水县黄坳乡", "--persons", "2000")
    assert code == 0
    assert "2,000 人, 需要 家庭包 500" in out
    assert "示例数据" in out
    code, out, _ = run(
        capsys, root, "need", "--at", "修水县", "--item", "家庭包=100", "--item", "棉被=50", "--json"
    )
    found = json.loads(out)
    assert found["items"] == {"家庭包": 100, "棉被": 50}
    for plan in found["plans"].values():
        brought = [store["takes"] for store in plan["stores"]]
        assert {name: sum(each.get(name, 0) for each in brought) for name in found["items"]} == found["items"]


def test_need_of_an_area_counts_its_residents(root: Path) -> None:
    found = desk_commands.need(root, "", area="114.4,28.9 114.7,28.9 114.7,29.2 114.4,29.2", share=0.1)
    assert found["residents"] > 100_000  # the seat of 修水县 lies in it
    assert found["persons"] == pytest.approx(0.1 * found["residents"], abs=1)


@pytest.mark.parametrize("items", [["家庭包"], ["=5"], ["家庭包=-1"], ["家庭包=五"], ["棉被=1", "棉被=2"]])
def test_amounts_that_are_none(items: list[str]) -> None:
    with pytest.raises(InputError, match="应为 名称=数量"):
        desk_commands.amounts(items)


def first_store(root: Path) -> str:
    """The store that brings a bag to 修水县 first."""
    plan = desk_commands.need(root, "修水县", items=["家庭包=1"])["plans"]["first"]
    return str(plan["stores"][0]["id"])


def test_a_mark_is_shared_and_taken_back(capsys, root: Path) -> None:
    first = first_store(root)
    assert run(capsys, root, "mark", "warehouse", first, "空", "--note", "=已发完", "--hours", "6")[0] == 0
    assert [one["id"] for one in desk_commands.marks(root)["marks"]] == [first]
    assert first_store(root) != first
    assert "=已发完" in run(capsys, root, "marks")[1]
    assert run(capsys, root, "unmark", "warehouse", first)[0] == 0
    assert desk_commands.marks(root)["marks"] == []
    assert "没有标记" in run(capsys, root, "unmark", "warehouse", first)[2]
    assert "没有这个在用的站点" in run(capsys, root, "mark", "warehouse", "../../x", "空")[2]
    assert "应为 空 或 可用" in run(capsys, root, "mark", "warehouse", first, "满")[2]


def test_a_token_is_shown_once_and_kept_as_a_hash(capsys, root: Path) -> None:
    code, out, _ = run(capsys, root, "token", "add", "九江值班室", "--role", "值班员", "--json")
    made = json.loads(out)
    assert code == 0
    assert made["role"] == "desk"
    kept = b"".join(path.read_bytes() for path in root.glob("desk.sqlite*"))
    assert made["token"].encode() not in kept
    assert made["token"].rpartition("_")[2].encode() not in kept
    code, out, _ = run(capsys, root, "token", "list")
    assert "九江值班室" in out
    assert made["token"] not in out
    assert run(capsys, root, "token", "revoke", made["id"])[0] == 0
    assert "没有这个令牌" in run(capsys, root, "token", "revoke", made["id"])[2]
    assert "没有这个角色" in run(capsys, root, "token", "add", "某人", "--role", "root")[2]
    mode = stat.S_IMODE((root / "desk.sqlite").stat().st_mode)
    assert not mode & stat.S_IWOTH


def test_writes_of_the_command_line_are_in_the_audit(capsys, root: Path) -> None:
    _, before = read_audit(Store(root))
    made = json.loads(run(capsys, root, "token", "add", "赣州值班室", "--json")[1])
    assert run(capsys, root, "token", "revoke", made["id"])[0] == 0
    assert run(capsys, root, "token", "revoke", made["id"])[0] != 0
    first = first_store(root)
    assert run(capsys, root, "mark", "warehouse", first, "空", "--note", "已发完")[0] == 0
    assert run(capsys, root, "unmark", "warehouse", first)[0] == 0
    _, rows = read_audit(Store(root))
    found = [
        (row["action"], row["target"], row["outcome"], row["who"])
        for row in rows[: len(rows) - len(before)][::-1]
    ]
    token, mark = f"/tokens/{made['id']}", f"/marks/warehouse/{first}"
    assert found == [
        ("POST", "/tokens", "完成", "命令行"),
        ("DELETE", token, "完成", "命令行"),
        ("DELETE", token, "内容有误", "命令行"),
        ("PUT", mark, "完成", "命令行"),
        ("DELETE", mark, "完成", "命令行"),
    ]
    assert made["id"] in rows[4]["detail"]
    assert made["token"] not in repr(rows)


def test_the_log_starts_empty(capsys, root: Path) -> None:
    assert run(capsys, root, "log")[1].startswith("共 0 条")
    assert run(capsys, root, "log", "--dispatches")[1].startswith("共 0 条")


def test_a_sheet_is_a_pdf_and_replaces_nothing(capsys, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.pdf"
    code, text, _ = run(
        capsys, root, "sheet", str(out), "--at", "修水县", "--item", "家庭包=20", "--who", "张三"
    )
    assert code == 0
    assert out.read_bytes().startswith(b"%PDF")
    assert "家庭包" in text
    assert "已存在" in run(capsys, root, "sheet", str(out), "--at", "修水县")[2]
    assert "以 .pdf 结尾" in run(capsys, root, "sheet", str(tmp_path / "a.txt"), "--at", "修水县")[2]


@pytest.mark.slow
def test_export_takes_the_passphrase_from_no_command_line(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "desk.html"
    command = [sys.executable, "-m", "boai.app.cli", "desk", "export", str(out), "-w", str(root), "--encrypt"]
    plain = {name: value for name, value in os.environ.items() if name != "BOAI_PASSPHRASE"}
    done = subprocess.run(
        command, env=plain, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "没有得到口令" in done.stderr
    assert not out.exists()


@pytest.mark.slow
def test_export_encrypts_with_the_passphrase_of_the_environment(
    capsys, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "desk.html"
    monkeypatch.setenv("BOAI_PASSPHRASE", "雨夜-值班-六月-仓库-11")
    code, text, _ = run(capsys, root, "export", str(out), "--encrypt")
    assert code == 0
    assert "联系方式加密" in text
    assert out.stat().st_size < 8_000_000
