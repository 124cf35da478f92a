"""Many scenarios: which results are those of the present data, and runs in parallel processes.

A result lies in ``results/<name>/`` of the workspace and states the hash of all that it depends on. Whether
it is current is known without reading the world. Every result is saved as soon as it is finished, so that a
call that is interrupted loses only what was being computed, and the next call goes on from there.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..geodata.errors import InputError, Problem, WorkspaceError
from ..geodata.registry import stored_hash as layers_hash
from ..scenarios.keys import key_of_result
from ..scenarios.results import read_manifest, read_times
from .run_worker import Begun, Done, Runner, folder_of, sheltered, work
from .standards import office_standards
from .workspace import boai_version, open_workspace

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from ..scenarios.schema import Scenario

State = Literal["当前", "已过期", "未运行"]
Outcome = Literal["完成", "未变", "失败"]
Progress = Callable[[str], None]

_TRIES = 2
"""Times that a scenario is given to a worker which then dies."""
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class RunReport:
    """What became of one scenario."""

    name: str
    title: str
    outcome: Outcome
    """完成: computed and saved; 未变: the saved result is current; 失败: see problems."""
    folder: Path | None = None
    """Where the result lies; None where it failed."""
    seconds: float = 0.0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What happened on the way, such as a worker that was killed."""


class Ground:
    """What all results of a workspace depend on; read once for many scenarios, without the world."""

    def __init__(self, root: Path) -> None:
        workspace, office = open_workspace(root), office_standards(root)
        self.root = root
        self._hashes = {
            **workspace.manifest["hashes"], "layers": layers_hash(workspace.layers), "boai": boai_version(),
        }  # fmt: skip
        self._standards, self._rules = office.standards, office.rules

    def key(self, scenario: Scenario) -> str:
        """Hash all that the result of a scenario depends on: that of `run.result_key`."""
        return key_of_result(self._hashes, self._standards, self._rules, scenario.key)

    def state(self, scenario: Scenario) -> State:
        """Tell whether the saved result of a scenario is that of the present data."""
        manifest = self._manifest(scenario)
        if manifest is None:
            return "未运行"
        return "当前" if manifest["key"] == self.key(scenario) else "已过期"

    def is_settled(self, scenario: Scenario, time_limit_s: float) -> bool:
        """Tell whether a run would bring nothing: current, and all plans proven, or no more time given."""
        manifest = self._manifest(scenario)
        if manifest is None or manifest["key"] != self.key(scenario):
            return False
        had = read_times(folder_of(self.root, scenario.name)).get("time_limit_s", 0.0)
        enough = isinstance(had, int | float) and time_limit_s <= had
        return enough or not any(plan.get("stopped") for plan in manifest["solver"])

    def _manifest(self, scenario: Scenario) -> dict[str, Any] | None:
        try:
            return read_manifest(folder_of(self.root, scenario.name))
        except (FileNotFoundError, WorkspaceError):
            return None


def state_of(root: Path, scenario: Scenario) -> State:
    """Tell whether a scenario's saved result is that of the present data; reads neither world nor tables.

    A damaged result counts as none.
    """
    return Ground(root).state(scenario)


def run_many(
    root: Path,
    sources: Sequence[str | Path | Scenario],
    *,
    processes: int | None = None,
    force: bool = False,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> list[RunReport]:
    """Run scenarios whose results are not current, in parallel processes; each is saved when it is finished.

    Parameters
    ----------
    sources
        Presets, scenarios of the workspace, YAML files, folders of such files, or loaded scenarios. The
        baseline is always among them, and first.
    processes
        So many at a time; by default one for each processor. Scenarios that run one after the other, such as
        the baseline and one more, run in this process.
    force
        Run also those whose results are current.
    time_limit_s
        Wall time of each siting request.
    progress
        Called with one Chinese sentence per step, with the scenario's title, and an overall count.

    Returns
    -------
    list
        One report per scenario, the baseline first, then in the order of the sources. Those that fail are
        among them, with their problems; they stop no other.

    Raises
    ------
    InputError
        A source names nothing.
    KeyboardInterrupt
        After all workers have ended; what is finished is kept, and the next call goes on.
    """
    say = progress or (lambda _: None)
    ground = Ground(root)
    scenarios, reports = _loaded(root, sources)
    jobs: list[Scenario] = []
    for scenario in scenarios:
        if not force and ground.is_settled(scenario, time_limit_s):
            folder = folder_of(root, scenario.name)
            reports[scenario.name] = RunReport(scenario.name, scenario.title, "未变", folder)
        else:
            jobs.append(scenario)
    count = _Count(say, len(jobs), len(scenarios) - len(jobs))
    at_a_time = sum(job.name != "baseline" for job in jobs)  # the baseline is run alone, before all others
    wanted = min(processes or processors(), at_a_time)
    if wanted <= 1:
        runner = Runner(root, time_limit_s)
        for scenario in jobs:
            done = runner.run(scenario, lambda text, title=scenario.title: say(with_title(title, text)))  # type: ignore[misc]
            reports[scenario.name] = count.told(_report(root, scenario, done))
    else:
        with _Pool(root, time_limit_s, wanted, say) as pool:
            for report in pool.run(jobs):
                reports[report.name] = count.told(report)
    names = list(dict.fromkeys([*(scenario.name for scenario in scenarios), *reports]))
    return [reports[name] for name in names]


def processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _loaded(
    root: Path, sources: Sequence[str | Path | Scenario]
) -> tuple[list[Scenario], dict[str, RunReport]]:
    """Load all scenarios, the baseline first; those that cannot be loaded have their reports already."""
    from ..scenarios.schema import load_scenario  # noqa: PLC0415 (pydantic is slow to import)
    from .scenarios import sources as named  # noqa: PLC0415 (it needs this module)

    found: dict[str, Scenario] = {}
    failed: dict[str, RunReport] = {}
    texts = [str(each) for each in sources if isinstance(each, str | Path)]
    loaded = [each for each in sources if not isinstance(each, str | Path)]
    for source in dict.fromkeys(["baseline", *(named(root, texts) if texts else ()), *loaded]):
        try:
            scenario = load_scenario(source) if isinstance(source, str | Path) else source
        except InputError as error:
            name = Path(str(source)).stem
            failed[str(source)] = RunReport(name, name, "失败", problems=tuple(map(str, error.problems)))
            continue
        other = found.setdefault(scenario.name, scenario)
        if other.key != scenario.key:
            what = str(Problem(str(source), "两个方案同名", scenario.name, "请改其中一个的 name"))
            failed[str(source)] = RunReport(scenario.name, scenario.title, "失败", problems=(what,))
    return list(found.values()), failed


def _report(root: Path, scenario: Scenario, done: Done, notes: tuple[str, ...] = ()) -> RunReport:
    if done.problems:
        return RunReport(scenario.name, scenario.title, "失败", None, done.seconds, done.problems, notes)
    folder = folder_of(root, scenario.name)
    return RunReport(scenario.name, scenario.title, "完成", folder, done.seconds, notes=notes)


def with_title(title: str, text: str) -> str:
    """Put the title of a scenario before a text that does not begin with it."""
    return text if text.startswith(f"{title}: ") else f"{title}: {text}"


@dataclass
class _Count:
    """Tells how many scenarios are done."""

    say: Progress
    total: int
    current: int
    done: int = 0

    def __post_init__(self) -> None:
        if self.current:
            self.say(f"{self.current} 个方案没有变化, 不再计算")

    def told(self, report: RunReport) -> RunReport:
        self.done += 1
        self.say(f"[{self.done}/{self.total}] {report.title}: {report.outcome} ({report.seconds:.1f} 秒)")
        return report


@dataclass(eq=False)
class _Worker:
    """A process, the pipe to it, and what it is doing."""

    process: BaseProcess
    pipe: Connection
    job: Scenario | None = None
    began: float = 0.0
    tries: int = 0
    """How often its scenario had been taken up before."""


class _Pool:
    """Worker processes; one that dies is replaced, and its scenario given to another once."""

    def __init__(self, root: Path, time_limit_s: float, wanted: int, say: Progress) -> None:
        self.root, self.time_limit_s, self.wanted, self.say = root, time_limit_s, wanted, say
        self._workers: list[_Worker] = []
        self._tries: Counter[str] = Counter()
        self._started = self._stillborn = 0

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """End all workers: gently where all is done, at once where something was raised (Ctrl-C)."""
        for worker in self._workers:
            if kind is None:
                _send(worker.pipe, None)
            else:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_PATIENCE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()

    def run(self, jobs: Sequence[Scenario]) -> Iterator[RunReport]:
        """Run all scenarios and give the report of each when it is finished; the baseline first."""
        for _ in range(self.wanted):
            self._start()  # they read the world while the baseline is measured
        first = [job for job in jobs if job.name == "baseline"]
        yield from self._serve(deque(first))
        yield from self._serve(deque(job for job in jobs if job not in first))

    def _serve(self, left: deque[Scenario]) -> Iterator[RunReport]:
        while left or any(worker.job for worker in self._workers):
            for worker in self._workers:
                if left and worker.job is None:
                    self._give(worker, left.popleft())
            for worker, job, message in self._heard():
                if isinstance(message, Begun):
                    self._tries[job.name] += 1
                elif isinstance(message, str):
                    self.say(with_title(job.title, message))
                elif message is None and self._may_try(worker, job):
                    self._replace(worker)
                    left.appendleft(job)
                else:
                    yield self._finished(worker, job, message)

    def _may_try(self, worker: _Worker, job: Scenario) -> bool:
        """Tell whether a scenario whose worker died is given to another."""
        if worker.tries == self._tries[job.name]:  # it was dead before it took the scenario up
            self._stillborn += 1
            return self._stillborn <= _TRIES * self.wanted
        again = self._tries[job.name] < _TRIES
        self.say(f"{job.title}: 计算进程被系统终止" + (", 再试一次" if again else ""))
        return again

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        self._started += 1
        name = f"boai-run-{self._started}"
        process = context.Process(
            target=work, args=(self.root, self.time_limit_s, there), name=name, daemon=True
        )
        with sheltered():
            process.start()
        there.close()
        worker = _Worker(process, here)
        self._workers.append(worker)
        return worker

    def _replace(self, worker: _Worker) -> None:
        """Take a dead worker out, and start another."""
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        self._start()

    def _give(self, worker: _Worker, job: Scenario) -> None:
        worker.job, worker.began, worker.tries = job, time.perf_counter(), self._tries[job.name]
        _send(worker.pipe, job)  # a worker that is dead is found by its sentinel

    def _heard(self) -> Iterator[tuple[_Worker, Scenario, str | Begun | Done | None]]:
        """Wait for messages, ``None`` from a worker that died."""
        busy = [(worker, worker.job) for worker in self._workers if worker.job is not None]
        ready = set(wait([each for one, _ in busy for each in (one.pipe, one.process.sentinel)]))
        for worker, job in busy:
            if worker.pipe in ready or (worker.process.sentinel in ready and worker.pipe.poll()):
                try:
                    yield worker, job, worker.pipe.recv()
                except (EOFError, OSError):
                    yield worker, job, None
            elif worker.process.sentinel in ready:
                yield worker, job, None

    def _finished(self, worker: _Worker, job: Scenario, done: Done | None) -> RunReport:
        again = ("计算进程曾被系统终止, 已重试",) if self._tries[job.name] > 1 else ()
        worker.job = None
        if done is not None:
            return _report(self.root, job, done, again)
        self._replace(worker)
        code = worker.process.exitcode
        fix = "可能内存不足, 请减少同时运行的个数 (--processes 1)"
        what = str(Problem(job.title, f"计算进程两次被系统终止 (代码 {code})", fix=fix))
        seconds = round(time.perf_counter() - worker.began, 2)
        return replace(_report(self.root, job, Done(seconds, (what,))), notes=again)


def _send(pipe: Connection, message: object) -> None:
    try:
        pipe.send(message)
    except OSError:
        return
