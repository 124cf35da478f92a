"""Batches of sheets: what is current is left, what fails stops nothing, a person's files stay."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import fakesheets
import openpyxl
import pytest
import tinyspace
from boai.app.publish import batch, batch_folder, batch_jobs, batch_pool
from boai.app.publish.batch import BatchDone, run
from boai.app.publish.batch_jobs import Wanted, make_jobs, units_of
from boai.app.runs import folder_of
from boai.geodata import gazetteer
from boai.geodata.errors import InputError, WorkspaceError
from boai.maps.public import Release
from boai.maps.sheets.job import Job
from boai.scenarios import results
from boai.scenarios.run import run as run_scenario
from boai.scenarios.schema import parse_scenario

BASE = parse_scenario("name: baseline\ntitle: 现状\n")
PLAN = parse_scenario(
    "name: plan\ntitle: =计划\n"
    "changes: [{open: {kind: warehouse, name: 甲, year: 2025, lon: 115.2, lat: 28.3}}]"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A tiny workspace with two saved results."""
    root = tmp_path_factory.mktemp("batch") / "w"
    world = tinyspace.make(root)
    found = [run_scenario(world, BASE), run_scenario(world, PLAN)]
    for result in found:
        results.save_result(result, folder_of(root, result.name))
    return root, found


@pytest.fixture
def root(made: tuple[Path, list[Any]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "w"))


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes draw nothing; in this process as well."""
    monkeypatch.setattr(batch_pool, "start", fakesheets.start)
    monkeypatch.setattr(batch_pool, "draw_one", fakesheets.draw_one)

    class Drawer:
        def __init__(self, setting: Any) -> None:
            self.setting = setting

        def draw(self, job: Job, folder: Path) -> Any:
            return fakesheets.draw_one(job, folder)

    monkeypatch.setattr(batch_pool, "Drawer", Drawer)


def job(name: str, **changed: Any) -> Job:
    return replace(Job("gaps", "warehouse", "baseline", "360102", unit_name=name), **changed)


def draw(root: Path, jobs: list[Job], **options: Any) -> tuple[BatchDone, list[str]]:
    said: list[str] = []
    found = run(root, jobs, root.parent / "out", progress=said.append, **{"processes": 1, **options})
    return found, said


def names(root: Path) -> set[str]:
    return {path.name for path in (root.parent / "out").iterdir() if not path.name.startswith(".")}


def test_sheets_and_their_index(root: Path) -> None:
    jobs = [
        job("甲县"),
        job("甲县", theme="scenario", scenario="plan"),
        job("乙市", kind="aed", unit="360100"),
    ]
    done, said = draw(root, jobs)
    stems = ["甲县_备灾仓库_缺口_A3", "甲县_备灾仓库_方案_plan_A3", "乙市_AED_缺口_A3"]
    files = {f"{stem}.{form}" for stem in stems for form in ("png", "pdf")}
    assert names(root) == {*files, "目录.xlsx", "目录.csv"} == {path.name for path in done.files}
    assert (done.drawn, done.unchanged, done.failures, done.exit_code) == (3, 0, (), 0)
    assert said[0].startswith("第 1/3 张 ")
    assert ["还需约" in text for text in said] == [False, True, False]
    rows = list(csv.reader((root.parent / "out" / "目录.csv").read_text("utf-8-sig").splitlines()))
    assert rows[0] == list(batch_folder.HEADERS.values())
    assert [row[0] for row in rows[1:]] == ["市", "县", "县"]
    assert [row[3] for row in rows[1:]] == ["缺口", "方案", "缺口"]
    told = next(row for row in rows if row[3] == "方案")
    assert told[5] == "'=计划" and told[9] == "当前" and "、" in told[10]
    sheet = openpyxl.load_workbook(root.parent / "out" / "目录.xlsx")["目录"]
    assert sheet.max_row == 4


def test_the_index_calls_scenarios_as_it_is_told(root: Path) -> None:
    plan = job("甲", theme="scenario", scenario="plan")
    done, _ = draw(root, [plan], titles={"plan": "计划（略）"})
    index = next(path for path in done.files if path.suffix == ".csv").read_text(encoding="utf-8-sig")
    assert "计划（略）" in index and "=计划" not in index


def test_a_second_call_draws_nothing(root: Path) -> None:
    jobs = [job("甲"), job("乙")]
    draw(root, jobs)
    before = {path: path.stat().st_mtime_ns for path in (root.parent / "out").glob("*.png")}
    done, said = draw(root, jobs)
    assert (done.drawn, done.unchanged) == (0, 2)
    assert said == ["2 张没有变化, 不再画"]
    assert len(done.files) == 6
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.parametrize("what", ["result", "date", "release", "file", "code"])
def test_what_changes_is_drawn_again(
    made: tuple[Path, list[Any]], root: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(root, [job("甲"), job("乙")])
    options: dict[str, Any] = {}
    if what == "result":
        results.save_result(replace(made[1][0], key="0" * 64), folder_of(root, "baseline"))
    elif what == "file":
        (root.parent / "out" / "甲_备灾仓库_缺口_A3.png").unlink()
    elif what == "code":
        monkeypatch.setattr(batch, "code_key", lambda: "other")
    else:
        options = {"date": "2024-12-01"} if what == "date" else {"release": Release("赣S(2024)001号")}
    done, _ = draw(root, [job("甲"), job("乙")], **options)
    assert (done.drawn, done.unchanged) == ((1, 1) if what == "file" else (2, 0))
    assert done.exit_code == 0


@pytest.mark.parametrize("before", [True, False])
def test_a_persons_files_are_not_overwritten(root: Path, before: bool) -> None:
    own = root.parent / "out" / "甲_备灾仓库_缺口_A3.pdf"
    if not before:
        draw(root, [job("甲")])
    own.parent.mkdir(exist_ok=True)
    own.write_text("批注")
    done, _ = draw(root, [job("甲"), job("乙")])
    assert own.read_text() == "批注"
    assert (done.drawn, done.exit_code) == (1, 1)
    why = done.failures[0].why
    assert ("已有同名文件" if before else "被改动过") in why and "--overwrite" in why
    book = openpyxl.load_workbook(root.parent / "out" / "目录.xlsx")
    assert why in [row[1].value for row in book["没有画成"].iter_rows()]
    done, _ = draw(root, [job("甲"), job("乙")], overwrite=True)
    assert own.read_text() != "批注"
    assert done.exit_code == 0


def test_sheets_that_cannot_be_bound_are_told(root: Path) -> None:
    done, said = draw(root, [job("甲"), job("乙")], bound=True)  # what draws nothing writes no real PDF
    assert done.exit_code == 0 and done.drawn == 2
    assert any("没有合订" in text for text in said)


def test_a_persons_index_stays(root: Path) -> None:
    draw(root, [job("甲")])
    path = root.parent / "out" / "目录.csv"
    path.write_text("我的")
    done, said = draw(root, [job("乙")])
    assert path.read_text() == "我的"
    assert done.drawn == 1 and any("目录没有更新" in text for text in said)


def test_failures_are_told_and_stop_nothing(root: Path) -> None:
    done, said = draw(root, [job("甲"), job("wrong"), job("乙")])
    assert [(each.why, "南昌县" in each.sheet or "缺口" in each.sheet) for each in done.failures] == [
        ("不行", True)
    ]
    assert done.drawn == 2 and done.exit_code == 1
    assert any("没有画成" in text for text in said)
    done, _ = draw(root, [job("甲"), job("wrong"), job("乙")])
    assert (done.drawn, done.unchanged, len(done.failures)) == (0, 2, 1)


@pytest.mark.slow
def test_processes_that_die_take_no_other_sheet_with_them(root: Path) -> None:
    jobs = [job(name) for name in ("甲", "once", "乙", "wrong", "always", "丙", "丁")]
    done, _ = draw(root, jobs, processes=2)
    assert done.drawn == 5
    assert [("终止" in each.why, each.why == "不行") for each in done.failures] == [
        (False, True),
        (True, False),
    ]
    assert {f"{name}_备灾仓库_缺口_A3.png" for name in ("甲", "once", "乙", "丙", "丁")} <= names(root)


@pytest.mark.slow
def test_processes_that_never_start(root: Path) -> None:
    (root / "stillborn").touch()
    done, _ = draw(root, [job(f"甲{number}") for number in range(9)], processes=2)
    assert (done.drawn, len(done.failures)) == (0, 9)


_CALL = """
    import sys, pathlib
    sys.path.insert(0, {tests!r})
    import fakesheets
    from boai.app.publish import batch_pool
    from boai.app.publish.batch import run
    from boai.maps.sheets.job import Job
    batch_pool.start, batch_pool.draw_one = fakesheets.start, fakesheets.draw_one
    if __name__ == "__main__":
        kinds = ("aed", "home", "warehouse", "team")
        jobs = [Job("gaps", kind, "baseline", unit_name="slow") for kind in kinds]
        try:
            run(pathlib.Path({root!r}), jobs, pathlib.Path({out!r}), processes=2, progress=print)
        except KeyboardInterrupt:
            sys.exit(130)
"""


def _started(root: Path) -> subprocess.Popen[str]:
    """Start a batch of slow sheets in a process of its own, and wait until it draws."""
    out = root.parent / "out"
    script = root.parent / "call.py"
    tests = str(Path(__file__).parent)
    text = textwrap.dedent(_CALL).format(tests=tests, root=str(root), out=str(out))
    script.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 60
    while not (out / "begun").exists():
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    return process


@pytest.mark.slow
def test_ctrl_c_leaves_whole_files_and_goes_on(root: Path) -> None:
    process = _started(root)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "正在画完手上的图纸" in text
    left = names(root)
    assert {"目录.xlsx", "目录.csv"} <= left
    drawn = sorted(name for name in left if name.endswith(".png"))
    assert 1 <= len(drawn) <= 2
    assert not list((root.parent / "out").glob("*.tmp"))
    jobs = [job("slow", kind=kind, unit="") for kind in ("aed", "home", "warehouse", "team")]
    done, _ = draw(root, jobs)
    assert (done.drawn, done.unchanged) == (4 - len(drawn), len(drawn))


@pytest.mark.slow
def test_a_killed_batch_leaves_no_process_and_goes_on(root: Path) -> None:
    process = _started(root)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = [int(each) for each in children.read_text().split()] if children.exists() else []
    assert workers or not children.exists()
    process.kill()
    process.communicate(timeout=60)
    until = time.monotonic() + 30
    while any(_lives(each) for each in workers):
        assert time.monotonic() < until
        time.sleep(0.05)
    jobs = [job("slow", kind=kind, unit="") for kind in ("aed", "home", "warehouse", "team")]
    done, _ = draw(root, jobs)
    assert done.exit_code == 0 and done.drawn + done.unchanged == 4
    assert not list((root.parent / "out").glob(".boai-sheets.*.tmp"))


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_one_batch_at_a_time(root: Path) -> None:
    with (
        batch_folder.SheetFolder(root.parent / "out").opened(),
        pytest.raises(WorkspaceError, match="正在写"),
    ):
        draw(root, [job("甲")])


@pytest.mark.parametrize("where", ["file", "workspace", "scenario", "twice"])
def test_what_cannot_be_drawn_at_all(root: Path, where: str) -> None:
    jobs, folder = [job("甲")], root.parent / "out"
    if where == "file":
        folder.write_text("x")
    elif where == "workspace":
        folder = root
    elif where == "scenario":
        jobs = [job("甲", scenario="nothing")]
    else:
        jobs = [job("甲"), job("甲", unit="360103")]
    with pytest.raises(InputError):
        run(root, jobs, folder, processes=1)


def test_a_damaged_journal_is_no_harm(root: Path) -> None:
    draw(root, [job("甲")])
    path = root.parent / "out" / batch_folder.JOURNAL
    hostile = {"name": "x", "key": "", "files": {"../../etc/passwd": "0"}, "before": {}, "about": {}}
    path.write_text(path.read_text("utf-8") + json.dumps(hostile) + '\n{"name": "乙"\n[]\n\0', "utf-8")
    done, _ = draw(root, [job("甲")])
    assert (done.drawn, done.unchanged) == (0, 1)
    assert "passwd" not in path.read_text("utf-8")


def test_little_memory_draws_with_fewer_processes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "free_mb", lambda: 100.0)
    done, said = draw(root, [job("甲"), job("乙")], processes=8)
    assert done.processes == 1 and "可用内存 100 MB" in said[0]


def test_jobs(made: tuple[Path, list[Any]]) -> None:
    root, found = made
    gaz, units = gazetteer.load(root / "gazetteer"), units_of(root)
    assert [unit.level for unit in units] == ["省", "市", "市", "县", "县", "县", "县"]

    def jobs(**wanted: Any) -> list[Job]:
        return make_jobs(Wanted(**wanted), units, found, gaz)

    assert {(each.unit, each.kind) for each in jobs()} == {
        ("", kind) for kind in ("aed", "home", "warehouse", "team")
    }
    counties = jobs(of=("县", "市"), kinds=("warehouse",), themes=("gaps", "comparison"))
    assert len(counties) == 12 == len(set(counties))
    assert {each.scenario for each in counties if each.theme == "comparison"} == {"plan"}
    assert {each.scenario for each in counties if each.theme == "gaps"} == {"baseline"}
    name = units[3].name
    assert [each.unit for each in jobs(units=(name, units[3].code), kinds=("aed",))] == [units[3].code]
    assert {each.scenario for each in jobs(kinds=("aed",), scenarios=("plan",))} == {"plan"}
    with pytest.raises(InputError) as caught:
        jobs(of=("乡",), units=("不存在县",))
    assert {problem.where for problem in caught.value.problems} == {"--of", "--unit"}
    with pytest.raises(InputError, match="需要一个方案"):
        make_jobs(Wanted(themes=("comparison",)), units, found[:1], gaz)
    assert batch_jobs.LEVELS == ("省", "市", "县")
