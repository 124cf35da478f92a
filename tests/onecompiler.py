"""Of the test workers that need a kernel at one moment one compiles it, the others read what it has kept.

Without this each of them compiles every kernel: minutes of processor time where nothing is compiled yet.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def share(folder: Path) -> None:
    """Let numba compile each kernel in one process at a time; ``folder`` holds the locks of a run.

    Who compiles a kernel waits for those that it calls, and kernels do not call each other in rings: no two
    processes wait for each other.
    """
    try:
        import fcntl
    except ImportError:  # Windows: every worker compiles for itself
        return
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.dispatcher import Dispatcher

    held: Counter[Path] = Counter()

    @contextmanager
    def turn(path: Path) -> Iterator[None]:
        """Take a lock that this process may hold already: a function can need itself for other types."""
        held[path] += 1
        try:
            with path.open("wb") as file:
                if held[path] == 1:
                    fcntl.flock(file, fcntl.LOCK_EX)  # ends with the file
                yield
        finally:
            held[path] -= 1

    compile_here = Dispatcher.compile

    def compile_once(self: Any, sig: Any) -> Any:
        if not self.py_func.__module__.startswith("boai."):  # numba's own: nothing is kept of them
            return compile_here(self, sig)
        name = f"{self.py_func.__module__}.{self.py_func.__qualname__}"
        path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.compiling"
        with global_compiler_lock, turn(path):  # numba's lock first: of two threads one could hold each
            return compile_here(self, sig)  # looks on disk before it compiles

    folder.mkdir(parents=True, exist_ok=True)
    Dispatcher.compile = compile_once
