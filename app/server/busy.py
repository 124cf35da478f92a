"""Heavy work in turns: one at a time, few waiting, the others told when to come again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from ...geodata.errors import Problem
from .errors import Refusal


class Turn:
    """Lets one thread work at a time.

    Parameters
    ----------
    what
        The work, in Chinese.
    waiting
        How many may wait: each holds a thread that could answer others.
    wait_s
        How long one waits.
    """

    def __init__(self, what: str, *, waiting: int = 2, wait_s: float = 10.0) -> None:
        self._what, self._wait_s = what, wait_s
        self._working, self._inside = threading.Lock(), threading.BoundedSemaphore(waiting + 1)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Work in turn; raises ``Refusal`` (503) where too many wait, or one has waited too long."""
        if not self._inside.acquire(blocking=False):
            raise self._refusal()
        try:
            if not self._working.acquire(timeout=self._wait_s):
                raise self._refusal()
            try:
                yield
            finally:
                self._working.release()
        finally:
            self._inside.release()

    def _refusal(self) -> Refusal:
        problem = Problem(self._what, "正忙", fix="请过几秒再试")
        return Refusal(503, problem, code="busy", headers={"Retry-After": "5"})


_TRYING = Turn("试算", waiting=3)


def trying(*tried: object) -> AbstractContextManager[None]:
    """Wait for one's turn where anything is tried; drawn areas and closed roads cost many questions each."""
    return _TRYING.taken() if any(tried) else nullcontext()
