"""One process that runs scenarios: it loads the world once, and saves every result when it is finished."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geodata.errors import BoaiError, InputError, Problem
from .console import save_traceback

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from ..scenarios.schema import Scenario

RESULTS = "results"
"""Folder of a workspace with a folder for each result."""
CACHE = Path(RESULTS) / ".cache"
"""Where a workspace keeps what scenarios share: it may be deleted at any time."""

THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def sheltered() -> Iterator[None]:
    """Let processes that start inside be born deaf to Ctrl-C, which a terminal sends to all of them.

    They ignore it as soon as their own code runs, but before that they import for a second, and would die.
    The mask is inherited. In this process the signal comes when the block ends, or inside where another
    thread takes it. Windows has no such mask.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its start would end the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def folder_of(root: Path, name: str) -> Path:
    """Return where the result of a scenario lies."""
    return root / RESULTS / name


@dataclass(frozen=True)
class Done:
    """What became of one scenario in a worker."""

    seconds: float
    problems: tuple[str, ...] = ()
    """Why it failed, one sentence each; empty where the result is saved."""


@dataclass(frozen=True)
class Begun:
    """A worker has taken a scenario up."""


class Runner:
    """Runs scenarios on a workspace, one after another; the world is read when it is first needed."""

    def __init__(self, root: Path, time_limit_s: float) -> None:
        self.root, self.time_limit_s = root, time_limit_s
        self._world: Any = None
        self._cache: Any = None

    def warm(self) -> None:
        """Import what is slow to import, and read the world."""
        if self._world is None:
            from ..scenarios.cache import Cache  # noqa: PLC0415 (numpy is slow to import)
            from .workspace import load_world, open_workspace  # noqa: PLC0415

            self._world = load_world(open_workspace(self.root))
            self._cache = Cache(self.root / CACHE)

    def run(self, scenario: Scenario, say: Callable[[str], None]) -> Done:
        """Run a scenario and save its result; what is wrong with it is told, never raised."""
        began = time.perf_counter()
        problems: tuple[str, ...] = ()
        try:
            self.warm()
            self._run(scenario, say)
        except BoaiError as error:
            found = error.problems if isinstance(error, InputError) else (error,)
            problems = tuple(str(each) for each in found)
        except MemoryError:
            problems = (str(Problem(scenario.title, "内存不足", fix="请减少同时运行的个数 (--processes 1)")),)
        except OSError as error:
            why, fix = error.strerror or str(error), "请检查磁盘空间和文件夹的权限"
            problems = (str(Problem(scenario.title, "结果没有写成", why, fix)),)
        except Exception as error:  # a defect in one scenario must not stop the others
            problems = (_internal(scenario, error),)
        return Done(round(time.perf_counter() - began, 2), problems)

    def _run(self, scenario: Scenario, say: Callable[[str], None]) -> None:
        from ..scenarios.results import save_result  # noqa: PLC0415 (slow to import)
        from ..scenarios.run import run  # noqa: PLC0415

        result = run(self._world, scenario, cache=self._cache, progress=say, time_limit_s=self.time_limit_s)
        save_result(result, folder_of(self.root, scenario.name))


def _internal(scenario: Scenario, error: Exception) -> str:
    """Say that boai itself failed."""
    got = f"{type(error).__name__}: {error}"[:300]
    return str(Problem(scenario.title, "程序内部错误", got, f"请把 {save_traceback(error)} 发给开发者"))


def work(root: Path, time_limit_s: float, pipe: Connection) -> None:
    """Serve in a process of its own: scenarios come through the pipe, what becomes of them goes back.

    Messages to the parent are ``Begun``, then texts, and ``Done`` at the end of a scenario. A parent that is
    gone ends the worker.
    """
    for name in THREADS:  # the processes share the processors; before numba is imported
        os.environ[name] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    runner = Runner(root, time_limit_s)
    with suppress(Exception):  # what is wrong with the world is told with each scenario
        runner.warm()
    try:
        while True:
            scenario = pipe.recv()
            if scenario is None:
                return
            pipe.send(Begun())
            pipe.send(runner.run(scenario, pipe.send))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        return
