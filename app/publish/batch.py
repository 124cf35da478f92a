"""All sheets in one command: in parallel, with progress, going on where it was, whatever fails on the way.

Sheets are drawn in processes that open workspace and results once, and are put in their folder one by one,
each whole or not at all. What is there already and would come out the same is not drawn again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ...geodata.errors import InputError, Problem
from ...geodata.layers import KIND_NAMES
from ..run_worker import folder_of
from ..runs import processors
from ..workspace import Progress, boai_version, open_workspace
from .batch_bound import Page, bind_all
from .batch_folder import INDEX, Entry, SheetFolder
from .batch_jobs import Unit, units_of
from .batch_pool import Clock, Pool, free_mb, stopping
from .batch_worker import Done, Setting

if TYPE_CHECKING:
    from ...maps.public import Release
    from ...maps.sheets.job import Job, Size

_NEED_MB: Mapping[Size, int] = {"A4": 700, "A3": 700, "A1": 800, "A0": 1000}
"""Memory of a process by the size of its paper, with the world of Jiangxi (measured by bench_sheets)."""
_DRAWN_BY = ("matplotlib", "numpy", "shapely")
"""Packages that a sheet's bytes depend on."""


@dataclass(frozen=True)
class Failure:
    """A sheet that could not be drawn."""

    sheet: str
    """What it shows."""
    why: str


@dataclass(frozen=True)
class BatchDone:
    """What became of a batch."""

    files: tuple[Path, ...]
    """All files of the sheets that were asked for and are there, then the index."""
    failures: tuple[Failure, ...]
    drawn: int
    unchanged: int
    """Sheets that were there already, and would have come out the same."""
    seconds: float
    processes: int
    memory_mb: float
    """Most memory of all processes together; 0 where the system does not tell."""

    @property
    def exit_code(self) -> int:
        """0 where every sheet is there, else 1."""
        return 1 if self.failures else 0


def run(
    root: Path,
    jobs: Sequence[Job],
    folder: Path,
    *,
    release: Release | None = None,
    date: str = "",
    processes: int | None = None,
    overwrite: bool = False,
    bound: bool = False,
    titles: Mapping[str, str] | None = None,
    fonts: Path | None = None,
    progress: Progress | None = None,
) -> BatchDone:
    """Draw sheets into a folder, with an index of all that lie there.

    Parameters
    ----------
    root
        The workspace, with the saved results of the baseline and of every scenario that a sheet shows.
    jobs
        The sheets; see `batch_jobs.make_jobs`.
    folder
        Made where it is missing. Sheets of earlier calls are replaced, anything else is left alone.
    release
        For whom the sheets are; by default for the house.
    date
        Date of the maps as it shall be printed.
    processes
        So many at a time; by default one for each processor, and no more than the memory holds.
    overwrite
        Replace also files that no batch has put there, or that somebody has changed since.
    bound
        Also bind sheets of one theme and layer into one PDF, in the order of the jobs.
    titles
        What the index and the bookmarks call a scenario, by its name; by default the title that it has. Those
        for the public are another: somebody may have written a telephone into them.
    progress
        Called with one Chinese sentence per sheet, with the time that is left.

    Raises
    ------
    InputError
        The folder cannot be used, two sheets would have one name, or a result is missing.
    KeyboardInterrupt
        After the sheets in hand are finished; what is done is kept, and the next call goes on from there.
    """
    from ...maps.public import Release  # noqa: PLC0415 (pandas is slow to import)

    setting = Setting(root, _names(jobs), release or Release(), date, fonts)
    batch = _Batch(
        setting, _planned(setting, jobs, titles or {}), SheetFolder(folder), overwrite, progress or _silent
    )
    return batch.run(processes, bound=bound)


def _silent(_: str) -> None:
    pass


def _names(jobs: Sequence[Job]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(["baseline", *(job.scenario for job in jobs)]))


@dataclass(frozen=True)
class _Sheet:
    """A sheet with its name and the hash of all that it is made from."""

    job: Job
    name: str
    key: str
    about: Mapping[str, str]

    @property
    def files(self) -> list[str]:
        return [f"{self.name}.{form}" for form in self.job.formats]

    @property
    def title(self) -> str:
        """What it is called in messages."""
        parts = (self.about["unit"], self.about["kind"], self.about["theme"], self.about["scenario"])
        return " ".join(filter(None, parts))


def _planned(setting: Setting, jobs: Sequence[Job], titles: Mapping[str, str]) -> list[_Sheet]:
    """Name all sheets and hash what they are made from, without the world."""
    from ...maps.sheets.job import THEMES, stem  # noqa: PLC0415 (numpy is slow to import)

    open_workspace(setting.root)
    manifests = {name: _manifest(setting.root, name) for name in setting.names}
    known = {unit.code: unit for unit in units_of(setting.root)}
    code = code_key()
    sheets = []
    for job in dict.fromkeys(jobs):
        unit = known.get(job.unit) or Unit("县", job.unit, job.unit_name or job.unit, "")
        results = [manifests[name]["key"] for name in ("baseline", job.scenario)]
        made = [asdict(job), results, setting.release.number, setting.date, code]
        title = titles.get(job.scenario) or str(manifests[job.scenario].get("title", job.scenario))
        about = {
            "level": unit.level, "city": unit.city, "unit": unit.name, "theme": THEMES[job.theme],
            "kind": KIND_NAMES[job.kind], "scenario": title,
            "size": job.size, "release": setting.release.stamp, "date": setting.date,
            "order": f"{'省市县'.find(unit.level)} {unit.code} {list(KIND_NAMES).index(job.kind)}",
        }  # fmt: skip
        digest = hashlib.sha256(json.dumps(made, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
        sheets.append(_Sheet(job, stem(job), digest, about))
    twice = [name for name, count in Counter(sheet.name for sheet in sheets).items() if count > 1]
    if twice:
        raise InputError([Problem(name, "有两张图纸会用这个文件名", fix="请分两次画") for name in twice[:5]])
    return sheets


def _manifest(root: Path, name: str) -> dict[str, str]:
    from ...scenarios.results import read_manifest  # noqa: PLC0415 (pandas is slow to import)

    try:
        return read_manifest(folder_of(root, name))
    except FileNotFoundError:
        fix = f"请先运行 boai scenario run {name}"
        raise InputError(Problem(name, "没有这个方案的结果", fix=fix)) from None


def code_key() -> str:
    """Hash what draws: this version, the code of maps, and the packages under it."""
    digest = hashlib.sha256(boai_version().encode())
    for name in _DRAWN_BY:
        try:
            digest.update(f"{name}=={version(name)}\n".encode())
        except PackageNotFoundError:
            continue
    for package in ("boai.maps", "boai.maps.sheets"):
        for entry in sorted(files(package).iterdir(), key=lambda item: item.name):
            if entry.is_file() and entry.name.endswith(".py"):
                digest.update(entry.name.encode() + entry.read_bytes())
    return digest.hexdigest()


@dataclass
class _Batch:
    """A batch while it runs."""

    setting: Setting
    sheets: list[_Sheet]
    folder: SheetFolder
    overwrite: bool
    say: Callable[[str], None]
    failed: dict[str, str] = field(default_factory=dict)
    """Why a sheet could not be drawn, by its name."""
    states: dict[str, str] = field(default_factory=dict)
    memory: dict[int, float] = field(default_factory=dict)
    drawn: int = 0

    def run(self, processes: int | None, *, bound: bool) -> BatchDone:
        """Draw what is not there, and list all that is."""
        began = time.perf_counter()
        with self.folder.opened() as staging:
            left = self._left()
            wanted = min(self._affordable(left, processes), max(1, len(left)))
            unchanged = len(self.sheets) - len(left) - len(self.failed)
            if unchanged:
                self.say(f"{unchanged} 张没有变化, 不再画")
            books: list[Path] = []
            try:
                interrupted = self._draw(left, wanted, staging)
                if bound and not interrupted:
                    books = self._bind(staging)
            finally:  # what a second Ctrl-C leaves is listed, too
                index = self._index(staging)
        if interrupted:
            raise KeyboardInterrupt
        done = [self.folder.path / file for sheet in self.sheets for file in self._there(sheet)]
        return BatchDone(
            files=(*done, *books, *index),
            failures=tuple(
                Failure(sheet.title, self.failed[sheet.name])
                for sheet in self.sheets
                if sheet.name in self.failed
            ),
            drawn=self.drawn,
            unchanged=unchanged,
            seconds=round(time.perf_counter() - began, 1),
            processes=wanted,
            memory_mb=round(sum(sorted(self.memory.values())[-wanted:])),
        )

    def _there(self, sheet: _Sheet) -> list[str]:
        return sheet.files if self.states.get(sheet.name) == "当前" else []

    def _left(self) -> list[_Sheet]:
        """List what is to be drawn; sheets whose places are a person's fail before anything is drawn."""
        left = []
        for sheet in self.sheets:
            if self.folder.is_current(sheet.name, sheet.key):
                self.states[sheet.name] = "当前"
                continue
            try:
                if not self.overwrite:
                    self.folder.check_own(sheet.files)
                left.append(sheet)
            except InputError as error:
                self._fail(sheet, "; ".join(map(str, error.problems)))
        return left

    def _affordable(self, left: Sequence[_Sheet], processes: int | None) -> int:
        """Say how many processes the memory holds."""
        most = processes or processors()
        need = max((_NEED_MB[sheet.job.size] for sheet in left), default=1)
        free = free_mb()
        holds = most if free is None else max(1, int(free // need))
        if holds < most:
            self.say(f"可用内存 {free:,.0f} MB, 每个进程约 {need:,} MB: 同时画 {holds} 张")
        return min(most, holds)

    def _draw(self, left: Sequence[_Sheet], processes: int, staging: Path) -> bool:
        """Draw what is left; tells whether Ctrl-C has stopped it."""
        clock = Clock(len(left), processes)
        with stopping(self.say) as stopped:
            jobs = [sheet.job for sheet in left]
            for number, done in Pool(self.setting, jobs, staging, processes, stopped).draw():
                sheet, problem = left[number], done.problem
                problem = problem or self._put(sheet, done)
                if problem:
                    self._fail(sheet, problem)
                else:
                    self.drawn += 1
                    self.states[sheet.name] = "当前"
                self.memory[done.process] = done.memory_mb
                self.say(clock.told(sheet.title, done.seconds, failed=bool(problem)))
            return stopped()

    def _put(self, sheet: _Sheet, done: Done) -> str:
        try:
            entry = Entry(sheet.name, sheet.key, {}, about=sheet.about)
            self.folder.put(entry, done.files, overwrite=self.overwrite)
        except InputError as error:
            return "; ".join(map(str, error.problems))
        except OSError as error:
            return str(Problem(sheet.name, "文件没有写成", error.strerror or str(error), "请检查磁盘空间"))
        return ""

    def _bind(self, staging: Path) -> list[Path]:
        """Bind the sheets that are there."""
        pages = [
            Page(sheet.job, sheet.name, sheet.key, sheet.about)
            for sheet in self.sheets
            if self.states.get(sheet.name) == "当前"
        ]
        books = bind_all(self.folder, pages, staging, overwrite=self.overwrite, say=self.say)
        self.states |= dict.fromkeys((path.stem for path in books), "当前")
        return books

    def _fail(self, sheet: _Sheet, why: str) -> None:
        self.failed[sheet.name] = why
        self.states[sheet.name] = "没有画成"

    def _index(self, staging: Path) -> list[Path]:
        """Write the index; a person's own file of that name stays."""
        failed = [
            (sheet.title, self.failed[sheet.name]) for sheet in self.sheets if sheet.name in self.failed
        ]
        try:
            return self.folder.write_index(self.states, failed, staging)
        except InputError as error:
            self.say(f"{INDEX}没有更新: {'; '.join(map(str, error.problems))}")
            return []
