"""Many runs: what is current is left, what fails stops nothing, what is killed leaves nothing half."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fakeworker
import pytest
import tinyspace
from boai.app import runs
from boai.app.runs import Ground, RunReport, folder_of, run_many, state_of
from boai.geodata.errors import InputError
from boai.scenarios import results
from boai.scenarios.run import result_key, run
from boai.scenarios.schema import Scenario, load_scenario
from boai.scenarios.world import World
from tinyworld import scenario

OPEN = "changes: [{open: {kind: warehouse, name: 甲, year: 2025, lon: 115.2, lat: 28.3}}]"
SITE = "siting: [{kind: warehouse, year: 2025, number: 1}, {kind: team, year: 2026, number: 1}]"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, World]:
    root = tmp_path_factory.mktemp("tiny") / "w"
    return root, tinyspace.make(root)


@pytest.fixture
def root(made: tuple[Path, World], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "w"))


def write(folder: Path, name: str, text: str, title: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(f"name: {name}\ntitle: {title or name}\n{text}\n", encoding="utf-8")
    return path


def outcomes(reports: list[RunReport]) -> list[tuple[str, str]]:
    return [(report.name, report.outcome) for report in reports]


def contents(root: Path) -> dict[str, bytes]:
    """All bytes of all results that are compared."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in sorted((root / "results").glob("[!.]*/*"))
        if path.name not in ("times.json", ".writer")
    }


def test_the_state_is_known_without_the_world(made: tuple[Path, World], root: Path) -> None:
    world, own = made[1], scenario(OPEN)
    assert Ground(root).key(own) == result_key(world, own)
    assert state_of(root, own) == "未运行"
    results.save_result(run(world, own), folder_of(root, "test"))
    assert state_of(root, own) == "当前"
    assert state_of(root, scenario(SITE)) == "已过期"
    (root / "standards.yaml").write_text("standards: {team: {target_share: 0.5}}", encoding="utf-8")
    assert state_of(root, own) == "已过期"
    (root / "standards.yaml").unlink()
    manifest = json.loads((root / "boai.json").read_text())
    assert state_of(root, own) == "当前"
    assert set(manifest["hashes"]) < set(Ground(root)._hashes)
    (folder_of(root, "test") / "arrays.npz").write_bytes(b"")
    assert state_of(root, own) == "未运行"


def test_imported_sites_make_results_outdated(root: Path) -> None:
    own = load_scenario("baseline")
    run_many(root, ["baseline"])
    assert state_of(root, own) == "当前"
    shutil.copyfile(_other_sites(root), root / "layers.gpkg")
    assert state_of(root, own) == "已过期"
    assert outcomes(run_many(root, ["baseline"])) == [("baseline", "完成")]


def _other_sites(root: Path) -> Path:
    other = root.parent / "other"
    tinyspace.make(other, tinyspace.sites(warehouses=(3,)))
    return other / "layers.gpkg"


STATE = """
import sys
from pathlib import Path
from boai.app.runs import state_of
from boai.scenarios.schema import load_scenario
print(state_of(Path(sys.argv[1]), load_scenario("baseline")))
assert not {"pandas", "geopandas", "numba", "scipy", "sklearn"} & set(sys.modules), sorted(sys.modules)
"""


def test_a_repeated_run_loads_nothing_large(root: Path) -> None:
    run_many(root, ["baseline"])
    found = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", STATE, str(root)],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert found.stdout == "当前\n"


def test_what_is_current_is_not_run_again(root: Path) -> None:
    own = root / "scenarios"
    write(own, "a", OPEN, "甲"), write(own, "b", SITE, "乙")
    said: list[str] = []
    reports = run_many(root, ["a", "b"], processes=1, progress=said.append)
    assert outcomes(reports) == [("baseline", "完成"), ("a", "完成"), ("b", "完成")]
    assert said[-1].startswith("[3/3] 乙: 完成") and "乙: 2025 年 备灾仓库: 在 18 个候选点中选 1 处" in said
    assert all(state_of(root, load_scenario(own / f"{name}.yaml")) == "当前" for name in "ab")
    before = contents(root)
    said.clear()
    again = run_many(root, [own], progress=said.append)
    assert outcomes(again) == [("baseline", "未变"), ("a", "未变"), ("b", "未变")]
    assert said == ["3 个方案没有变化, 不再计算"]
    assert [report.folder for report in again] == [folder_of(root, name) for name in ("baseline", "a", "b")]
    assert outcomes(run_many(root, ["a"], force=True, processes=1)) == [("baseline", "完成"), ("a", "完成")]
    assert contents(root) == before
    write(own, "a", SITE, "甲")
    assert outcomes(run_many(root, ["a", "b"])) == [("baseline", "未变"), ("a", "完成"), ("b", "未变")]


def test_a_second_run_takes_from_the_cache_what_scenarios_share(root: Path) -> None:
    run_many(root, [scenario(SITE)], processes=1)
    first = results.read_times(folder_of(root, "test"))
    assert first["reused"]["gaps"] == 3 and first["computed"]["gaps"] == 2  # three layers are the baseline's
    shutil.rmtree(folder_of(root, "test"))
    run_many(root, [scenario(SITE)], processes=1)
    again = results.read_times(folder_of(root, "test"))
    assert again["computed"] == {} and again["reused"]["gaps"] == 5


def test_what_fails_stops_nothing_and_tells_why(root: Path, tmp_path: Path) -> None:
    own = root / "scenarios"
    write(own, "bad", "chnges: []"), write(own, "wrong", "changes: [{close: {kind: team, id: x}}]", "错")
    write(own, "good", OPEN), write(own, "same", OPEN)
    write(tmp_path, "other", OPEN).write_text("name: same\ntitle: 别的\n", encoding="utf-8")
    reports = run_many(root, [own, tmp_path / "other.yaml"], processes=1)
    found = {report.name: report for report in reports}
    assert {name: report.outcome for name, report in found.items()} == {
        "baseline": "完成", "bad": "失败", "good": "完成", "same": "失败", "wrong": "失败",
    }  # fmt: skip
    assert "未知的键" in found["bad"].problems[0] and "没有这个编号" in found["wrong"].problems[0]
    assert "两个方案同名" in found["same"].problems[0] and found["wrong"].folder is None
    assert not folder_of(root, "wrong").exists()
    with pytest.raises(InputError, match="没有这个方案"):
        run_many(root, ["nowhere"])


def test_a_defect_is_told_in_one_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("what")

    monkeypatch.setattr("boai.scenarios.run.run", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (report,) = run_many(root, ["baseline"])
    (problem,) = report.problems
    assert problem.startswith("现状: 程序内部错误, 得到 ZeroDivisionError: what; 请把 ")
    (file,) = tmp_path.glob("boai-error-*.txt")
    assert "Traceback" in file.read_text(encoding="utf-8")


def test_an_interruption_keeps_what_is_finished(root: Path) -> None:
    def stop(text: str) -> None:
        if text.startswith("乙: "):
            raise KeyboardInterrupt

    jobs = [scenario(OPEN, name="a", title="甲"), scenario(SITE, name="b", title="乙")]
    with pytest.raises(KeyboardInterrupt):
        run_many(root, jobs, processes=1, progress=stop)
    assert [path.name for path in sorted((root / "results").glob("[!.]*"))] == ["a", "baseline"]
    assert outcomes(run_many(root, jobs)) == [("baseline", "未变"), ("a", "未变"), ("b", "完成")]


def test_more_time_is_used_only_where_time_ended_a_search(root: Path) -> None:
    own = scenario(SITE)
    run_many(root, [own], processes=1, time_limit_s=5)
    assert Ground(root).is_settled(own, 500)
    path = folder_of(root, "test") / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["solver"][0]["stopped"] = "限时"
    manifest["digest"] = results._digest(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert state_of(root, own) == "当前"
    assert Ground(root).is_settled(own, 5) and not Ground(root).is_settled(own, 500)


def told(name: str, description: str = "") -> Scenario:
    return scenario(f"description: '{description}'", name=name, title=name)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that compute nothing: only how they are led is tested."""
    monkeypatch.setattr(runs, "work", fakeworker.work)


@pytest.mark.usefixtures("fake")
def test_a_killed_worker_is_replaced_and_its_scenario_tried_once_more(root: Path) -> None:
    said: list[str] = []
    jobs = [told("a"), told("once", "once"), told("always", "always"), told("wrong", "wrong"), told("z")]
    reports = run_many(root, jobs, processes=2, progress=said.append)
    assert outcomes(reports) == [
        ("baseline", "完成"), ("a", "完成"), ("once", "完成"), ("always", "失败"), ("wrong", "失败"),
        ("z", "完成"),
    ]  # fmt: skip
    assert reports[2].notes == ("计算进程曾被系统终止, 已重试",) and reports[1].notes == ()
    assert "计算进程两次被系统终止 (代码 -9)" in reports[3].problems[0] and reports[4].problems == ("不行",)
    assert said[:2] == ["现状: 在算", "[1/6] 现状: 完成 (0.1 秒)"]  # alone, before all others
    assert sum(text == "once: 在算" for text in said) == sum(text == "always: 在算" for text in said) == 2
    assert "once: 计算进程被系统终止, 再试一次" in said and "always: 计算进程被系统终止" in said
    assert said[-1].startswith("[6/6] ") and not _workers()


@pytest.mark.usefixtures("fake")
def test_workers_that_die_at_once_are_replaced_but_not_for_ever(root: Path) -> None:
    jobs = [told("a"), told("b")]
    (root / "stillborn").write_text("2")
    assert {report.outcome for report in run_many(root, jobs, processes=2)} == {"完成"}
    (root / "stillborn").write_text("99")
    assert {report.outcome for report in run_many(root, jobs, processes=2)} == {"失败"}
    assert not _workers()


@pytest.mark.usefixtures("fake")
def test_an_interruption_ends_all_workers(root: Path) -> None:
    def stop(text: str) -> None:
        if text.startswith("[2/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_many(root, [told("a"), told("b"), told("c")], processes=2, progress=stop)
    assert not _workers()


def _workers() -> list[str]:
    return [one.name for one in multiprocessing.active_children() if one.name.startswith("boai-run")]


@pytest.mark.slow
def test_in_processes_the_same_bytes_and_a_killed_worker_is_replaced(root: Path, tmp_path: Path) -> None:
    """One of two workers is killed while it runs; a wrong scenario is among the three."""
    jobs = [
        scenario(OPEN, name="a", title="甲"),
        scenario(SITE, name="b", title="乙"),
        scenario("changes: [{close: {kind: team, id: x}}]", name="c", title="丙"),
    ]
    alone = Path(shutil.copytree(root, tmp_path / "alone"))
    run_many(alone, jobs, processes=1)
    killed: list[int] = []
    said: list[str] = []

    def kill(text: str) -> None:
        said.append(text)
        if text.startswith("乙: ") and not killed:
            (child,) = [one for one in multiprocessing.active_children() if one.name == "boai-run-2"]
            killed.append(child.pid or 0)
            os.kill(child.pid or 0, signal.SIGKILL)

    reports = run_many(root, jobs, processes=2, progress=kill)
    assert outcomes(reports) == [("baseline", "完成"), ("a", "完成"), ("b", "完成"), ("c", "失败")], reports
    assert len(killed) == 1 and "乙: 计算进程被系统终止, 再试一次" in said
    assert reports[2].notes == ("计算进程曾被系统终止, 已重试",)
    assert sum(text.startswith("[") for text in said) == 4 and said[-1].startswith("[4/4] ")
    assert contents(root) == contents(alone)
    assert not _workers()


@pytest.mark.slow
def test_ctrl_c_ends_all_processes(root: Path) -> None:
    """A real SIGINT to the whole group, as a terminal sends it, while two workers run."""
    own = root / "scenarios"
    for number in range(20):
        write(own, f"s{number}", SITE, f"方案{number}")
    process = subprocess.Popen(
        [sys.executable, "-c", MANY, str(root), "2", "0"], stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[4/"):
            break
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    process.stdout.close()
    _until(lambda: not _lives(process.pid))
    done = whole(root)
    assert len(done) >= 4
    reports = run_many(root, [own], processes=1)
    assert sum(report.outcome == "未变" for report in reports) == len(done)
    assert {report.outcome for report in reports} == {"未变", "完成"}


MANY = """
import signal
import sys
from pathlib import Path
from boai.app.runs import run_many
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
    root = Path(sys.argv[1])
    try:
        run_many(root, [root / "scenarios"], processes=int(sys.argv[2]), force=bool(int(sys.argv[3])),
                 progress=lambda text: print(text, flush=True))
    except KeyboardInterrupt:
        sys.exit(130)
"""

KILLED = """
import os, random, shutil, signal, sys, time
from pathlib import Path
from boai.app import run_worker, runs
from boai.app.runs import run_many
from boai.scenarios import cache, results, run, site_times

root, moments = Path(sys.argv[1]), int(sys.argv[2])
names = ["baseline", "a", "b"]

def child(force):
    pid = os.fork()  # one thread only, so that the children may be forks of this process
    if not pid:
        run_many(root, [root / "scenarios"], processes=1, force=force)
        os._exit(0)
    return pid

run_many(root, ["baseline"], processes=1, force=True)  # so that nothing is left to import or to compile
began = time.monotonic()
run_many(root, [root / "scenarios"], processes=1, force=True)
took = time.monotonic() - began
draw = random.Random(1)
killed = 0
for moment in range(moments):
    had = {name for name in names if (root / "results" / name).exists()}
    if moment % 3 == 0:
        shutil.rmtree(root / "results", ignore_errors=True)
        had = set()
    pid = child(moment % 2 == 0)
    time.sleep(draw.random() * took)
    os.kill(pid, signal.SIGKILL)
    killed += os.waitpid(pid, 0)[1] == signal.SIGKILL
    for name in names:
        try:
            results.read_manifest(root / "results" / name)
            results.load_result(root / "results" / name)
        except FileNotFoundError:
            assert name not in had, name
print(killed)
"""


def whole(root: Path) -> list[str]:
    """Names of the results, each of which is whole."""
    names = [path.name for path in sorted((root / "results").glob("[!.]*"))]
    for name in names:
        results.load_result(folder_of(root, name))
    return names


def _killed_at(root: Path, moments: int) -> None:
    own = root / "scenarios"
    write(own, "a", OPEN), write(own, "b", SITE)
    run_many(root, [own], processes=1)
    before = contents(root)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    how = [sys.executable, "-c", KILLED, str(root), str(moments)]
    found = subprocess.run(how, env=env, check=True, capture_output=True, text=True)
    assert int(found.stdout) >= moments // 2  # the others had finished
    run_many(root, [own], processes=1)
    assert contents(root) == before
    left = [path.name for path in (root / "results").iterdir() if path.name.startswith(".")]
    assert left == [".cache"]


def test_killed_at_a_few_moments_nothing_is_half_written(root: Path) -> None:
    _killed_at(root, 3)


@pytest.mark.slow
def test_killed_at_a_hundred_moments_nothing_is_half_written(root: Path) -> None:
    _killed_at(root, 100)


@pytest.mark.slow
def test_workers_whose_parent_is_killed_end(root: Path) -> None:
    own = root / "scenarios"
    for number in range(20):
        write(own, f"s{number}", SITE)
    process = subprocess.Popen(
        [sys.executable, "-c", MANY, str(root), "2", "1"], stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[3/"):
            break
    process.kill()
    process.wait()
    process.stdout.close()
    _until(lambda: not _lives(process.pid))
    whole(root)
    assert {report.outcome for report in run_many(root, [own], processes=1)} == {"未变", "完成"}


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_scenarios_travel_to_workers_as_they_are() -> None:
    import pickle

    for own in (scenario(OPEN), load_scenario("plan_2022_2024")):
        again = pickle.loads(pickle.dumps(own))
        assert isinstance(again, Scenario) and again == own and again.key == own.key


@pytest.mark.parametrize("more", [[], [scenario(OPEN)]], ids=["alone", "and one more"])
def test_what_runs_one_after_the_other_needs_no_process(
    root: Path, monkeypatch: pytest.MonkeyPatch, more: list[Scenario]
) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(runs, "_Pool", never)
    reports = run_many(root, ["baseline", *more], processes=8)
    assert outcomes(reports) == [("baseline", "完成"), ("test", "完成")][: 1 + len(more)]
