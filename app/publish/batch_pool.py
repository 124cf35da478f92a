"""Processes that share the sheets of a batch, and how many of them the machine's memory holds."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...geodata.errors import Problem
from ..run_worker import sheltered
from .batch_worker import Done, Drawer, Setting, draw_one, start

if TYPE_CHECKING:
    from ...maps.sheets.job import Job

Drawn = Iterator[tuple[int, Done]]
"""Position of a job, and what became of it."""

_STILLBORN = 3
"""So many pools in a row may die before they have drawn anything."""


@dataclass(frozen=True)
class Pool:
    """Draws sheets in several processes, each taking the next one when it has finished its own."""

    setting: Setting
    jobs: Sequence[Job]
    staging: Path
    """Where the processes leave what they have drawn."""
    processes: int
    stopped: Callable[[], bool]
    """Whether no more sheets are to be begun."""

    def draw(self) -> Drawn:
        """Draw all sheets.

        A process that dies, such as one that the system kills for want of memory, takes with it what the
        others have in hand: each of these sheets is tried once more, alone.
        """
        if self.processes == 1:
            yield from self._here()
            return
        left, suspects, stillborn = deque(range(len(self.jobs))), list[int](), 0
        while left and stillborn < _STILLBORN:
            before = len(left)
            lost = yield from self._serve(left, self.processes)
            stillborn = stillborn + 1 if lost and len(left) + len(lost) == before else 0
            suspects += lost
        for number in suspects:
            again = yield from self._serve(deque([number]), 1)
            for each in again:
                yield each, _died()
        for number in left:
            yield number, _died()

    def _here(self) -> Drawn:
        """Draw in this process."""
        drawer = Drawer(self.setting)
        for number, job in enumerate(self.jobs):
            if self.stopped():
                return
            yield number, drawer.draw(job, self.staging)

    def _serve(self, left: deque[int], processes: int) -> Generator[tuple[int, Done], None, list[int]]:
        """Draw until nothing is left or a process dies; returns what was in hand then."""
        running: dict[Future[Done], int] = {}
        with _executor(self.setting, processes) as executor:
            while left or running:
                if self.stopped():
                    left.clear()
                try:
                    while left and len(running) < processes:  # no more: what is given out may be lost
                        job = self.jobs[left[0]]
                        with sheltered():  # it may start a process
                            running[executor.submit(draw_one, job, self.staging)] = left[0]
                        left.popleft()
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        done = future.result()
                        yield running.pop(future), done
                except BrokenProcessPool:
                    break
        return sorted(running.values())


def _died() -> Done:
    fix = "可能内存不足, 请减少同时画的张数 (--processes 1) 或改用较小的纸"
    return Done(0.0, problem=str(Problem("图纸", "画图进程被系统终止", fix=fix)))


@contextmanager
def _executor(setting: Setting, processes: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes; where something is raised they end at once, else when they have finished."""
    before = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=start,
        initargs=(setting,),
    )
    try:
        yield executor
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def stopping(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C finish the sheets in hand, and the second end everything.

    Gives what tells whether there was a first. Outside the main thread Ctrl-C does what it always does.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def stop(number: int, frame: Any) -> None:
        if asked.is_set():
            signal.default_int_handler(number, frame)
        asked.set()
        say("正在画完手上的图纸 (再按一次 Ctrl-C 立即停止)")

    old = signal.signal(signal.SIGINT, stop)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, old)


def free_mb() -> float | None:
    """Say how much memory processes may still take; None where the system does not tell."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            facts = dict(line.split(":", 1) for line in file)
        return int(facts["MemAvailable"].split()[0]) / 1024
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (AttributeError, OSError, ValueError):
        return None


@dataclass
class Clock:
    """Tells how many sheets are done and how long the others take."""

    total: int
    opening: int = 1
    """Sheets that come with the opening of the data, the first of each process: they tell nothing."""
    done: int = 0
    began: float = field(default_factory=time.perf_counter)

    def told(self, title: str, seconds: float, *, failed: bool) -> str:
        """Count a sheet and say so."""
        self.done += 1
        now, rest = time.perf_counter(), ""
        if self.done <= self.opening:
            self.began = now
        elif self.done < self.total:
            each = (now - self.began) / (self.done - self.opening)
            rest = f", {left_text(each * (self.total - self.done))}"
        outcome = "没有画成" if failed else f"{seconds:.1f} 秒"
        return f"第 {self.done}/{self.total} 张 {title}: {outcome}{rest}"


def left_text(seconds: float) -> str:
    """Say how long something takes yet.

    Examples
    --------
    >>> left_text(7), left_text(47), left_text(200), left_text(5000)
    ('还需约 10 秒', '还需约 50 秒', '还需约 3 分钟', '还需约 1 小时 23 分钟')
    """
    if seconds < 55:
        return f"还需约 {max(1, round(seconds / 10)) * 10} 秒"
    hours, minutes = divmod(max(1, round(seconds / 60)), 60)
    return f"还需约 {f'{hours} 小时 ' if hours else ''}{minutes} 分钟"
