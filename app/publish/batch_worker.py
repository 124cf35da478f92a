"""One process that draws sheets: it opens workspace and results once, and tells what became of each sheet."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...geodata.errors import BoaiError, InputError, Problem
from ..console import save_traceback
from ..run_worker import THREADS, folder_of

if TYPE_CHECKING:
    from ...maps.public import Release
    from ...maps.sheets.ground import Ground
    from ...maps.sheets.job import Job


@dataclass(frozen=True)
class Setting:
    """What all sheets of a batch share."""

    root: Path
    """The workspace."""
    names: tuple[str, ...]
    """Names of the saved results, the baseline first."""
    release: Release
    date: str = ""
    fonts: Path | None = None


@dataclass(frozen=True)
class Done:
    """What became of one sheet in a worker."""

    seconds: float
    files: tuple[Path, ...] = ()
    problem: str = ""
    """Why there is none, in a sentence."""
    memory_mb: float = 0.0
    """Most memory that the process has had so far; 0 where the system does not tell."""
    process: int = 0
    """Which process drew it."""


class Drawer:
    """Draws sheets one after another; workspace and results are opened with the first."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._ground: Ground | None = None

    def draw(self, job: Job, folder: Path) -> Done:
        """Draw a sheet into a folder; what is wrong with it is told, never raised."""
        began = time.perf_counter()
        files: tuple[Path, ...] = ()
        problem = ""
        try:
            files = self._draw(job, folder)
        except BoaiError as error:
            found = error.problems if isinstance(error, InputError) else (error,)
            problem = "; ".join(str(each) for each in found)
        except MemoryError:
            problem = str(
                Problem("图纸", "内存不足", fix="请减少同时画的张数 (--processes 1) 或改用较小的纸")
            )
        except OSError as error:
            why, fix = error.strerror or str(error), "请检查磁盘空间和文件夹的权限"
            problem = str(Problem("图纸", "文件没有写成", why, fix))
        except Exception as error:  # a defect on one sheet must not stop the others
            got, fix = f"{type(error).__name__}: {error}"[:300], f"请把 {save_traceback(error)} 发给开发者"
            problem = str(Problem("图纸", "程序内部错误", got, fix))
        return Done(round(time.perf_counter() - began, 2), files, problem, _most_memory(), os.getpid())

    def _draw(self, job: Job, folder: Path) -> tuple[Path, ...]:
        from ...maps.sheets.draw import draw  # noqa: PLC0415 (matplotlib is slow to import)

        if self._ground is None:
            self._ground = open_ground(self.setting)
        return draw(self._ground, job, folder).files


def open_ground(setting: Setting) -> Ground:
    """Open world and results of a batch; for the public without what is not for it."""
    from ...maps.public import for_public  # noqa: PLC0415 (pandas is slow to import)
    from ...maps.sheets.ground import Ground  # noqa: PLC0415
    from ...scenarios.results import load_result  # noqa: PLC0415
    from ..workspace import load_world, open_workspace  # noqa: PLC0415

    world = load_world(open_workspace(setting.root))
    results = [load_result(folder_of(setting.root, name)) for name in setting.names]
    if setting.release.public:
        world, results = for_public(world, results)
    return Ground(world, tuple(results), setting.release, setting.date, setting.fonts)


def _most_memory() -> float:
    if sys.platform == "win32":
        return 0.0
    import resource  # noqa: PLC0415 (not on Windows)

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


_drawer: Any = None


def start(setting: Setting) -> None:
    """Prepare a process for `draw_one`, before numpy is imported in it."""
    global _drawer  # noqa: PLW0603 (an executor's initializer has no other place)
    for name in THREADS:  # the processes share the processors
        os.environ[name] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    follow_parent()
    _drawer = Drawer(setting)


def follow_parent() -> None:
    """End this process when its parent is gone, even where that was killed: an executor's would stay."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def draw_one(job: Job, folder: Path) -> Done:
    """Draw a sheet in a process that `start` prepared."""
    done: Done = _drawer.draw(job, folder)
    return done
