"""The ground in use: noticed changes of files make a new one, and requests under way keep theirs."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ...geodata.errors import BoaiError, InputError
from ...geodata.registry import stored_hash
from ..desk.ground import Ground, files_of, open_ground
from ..desk.marks import MARKS
from ..desk.store import Store, counter
from ..workspace import REGISTRY
from .errors import without_path

_LOG = logging.getLogger(__name__)

_TICK_S = 0.5
_SLOW_S = 0.002
"""Where looking at the files takes longer (a network share), that is done by the tick alone."""
_AGAIN_S = 2.0
"""After how long files that could not be read are tried again though they have not changed."""
_POLL_S = 5.0
"""How often a registry on a server is asked for its hash."""

Stamp = tuple[object, ...]


class Keeper:
    """Holds the ground of a workspace and renews it; may be used by several threads."""

    def __init__(self, root: Path, *, clock: Callable[[], datetime]) -> None:
        self._root, self._clock, self._store = root, clock, Store(root)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._marks = MarksWatch(self._store)
        self._registry = ""
        self._tried, self._looked = 0.0, 0.0
        self._costs: deque[float] = deque([0.0], maxlen=8)
        self._files = [os.fspath(path) for path in files_of(root)]
        self._stamp = self._look()
        self._sound = self.ground = open_ground(root, warm=False, at=clock())
        self.trouble = ""
        """Why changed files could not be taken over, in Chinese; empty where all is well."""

    def is_stale(self) -> bool:
        """Tell whether the files or the time ask for a new ground; some microseconds."""
        if min(self._costs) > _SLOW_S and time.monotonic() - self._looked < _TICK_S:
            return False
        return self._is_due(self._look())

    def _is_due(self, stamp: Stamp) -> bool:
        if self.trouble and time.monotonic() - self._tried > _AGAIN_S:
            return True
        ends = self._sound.changes_at
        return stamp != self._stamp or (ends is not None and self._clock() >= ends)

    def renew(self, *, force: bool = False) -> Ground:
        """Make a new ground if need be, and return the one that holds."""
        with self._lock:
            stamp = self._look()
            if force or self._is_due(stamp):
                self._tried = time.monotonic()
                self._take(stamp)
            return self.ground

    def _take(self, stamp: Stamp) -> None:
        try:
            found = open_ground(self._root, warm=False, before=self._sound, at=self._clock())
        except (BoaiError, OSError) as error:
            told = error.problems[:1] if isinstance(error, InputError) else ()
            first = str(without_path(told[0])) if told else "文件读不出来"
            self.trouble = f"数据有变动但不能用 ({first}); 现按 {_moment(self._sound.as_of)} 的数据回答"
            self.ground = replace(self._sound, notes=(*self._sound.notes, self.trouble))
            _LOG.warning("%s", self.trouble)
        else:
            self._sound = self.ground = found
            self.trouble = ""
        self._stamp = stamp

    def _look(self) -> Stamp:
        """Take down what tells one state of the files from another."""
        began = time.perf_counter()
        stamp = (self._registry, self._marks.changes(), *map(_state, self._files))
        self._looked = time.monotonic()
        self._costs.append(time.perf_counter() - began)
        return stamp

    def start(self) -> None:
        """Look at the files also while nobody asks."""
        self._thread = threading.Thread(target=self._run, name="boai-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watching."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
        self._marks.close()

    def _run(self) -> None:
        polled = 0.0
        while not self._stop.wait(_TICK_S):
            try:
                if time.monotonic() - polled > _POLL_S:
                    polled = time.monotonic()
                    self._poll()
                self.renew()
            except Exception:
                _LOG.exception("watching the workspace")

    def _poll(self) -> None:
        """Ask a registry on a server whether its layers have changed."""
        address = os.environ.get(REGISTRY, "")
        if "://" in address:
            with suppress(BoaiError):
                self._registry = stored_hash(address)


class MarksWatch:
    """Notices changes of marks, not of what else is written to the same file, in some microseconds."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.Lock()
        self._base: sqlite3.Connection | None = None
        self._inode: object = None
        self._seen: tuple[int, int] = (-1, 0)

    def changes(self) -> object:
        """Return a value that differs where marks were changed; None where there is no readable file."""
        with self._lock:
            try:
                return self._changes()
            except (sqlite3.Error, OSError):
                self._close()
                return None

    def _changes(self) -> object:
        found = self._store.path.stat()
        if self._base is None or (found.st_dev, found.st_ino) != self._inode:
            self._close()
            self._base, self._inode = self._store.connection(), (found.st_dev, found.st_ino)
        version = self._base.execute("PRAGMA data_version").fetchone()[0]
        if version != self._seen[0]:
            self._seen = version, counter(self._base, MARKS)
        return self._inode, self._seen[1]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        base, self._base, self._seen = self._base, None, (-1, 0)
        if base is not None:
            base.close()


def _moment(text: str) -> str:
    return text[:16].replace("T", " ")


def _state(path: str) -> object:
    try:
        found = os.stat(path)  # noqa: PTH116 (a dozen in every question, and a Path takes ten times longer)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
