"""Compile kernels by numba: at the first call, kept on disk where a folder for it can be written.

numba is slow to import (0.4 s), so only modules with kernels import this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import event
from numpy.typing import NDArray

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a kernel that releases the GIL."""
    try:
        return cast(_Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # a read-only installation and no home: compile in every process
        return cast(_Function, numba.njit(nogil=True)(function))


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """Give a read-only view, so that memory maps and arrays share one compiled loop."""
    view = np.ascontiguousarray(array).view(np.ndarray)[:]
    view.flags.writeable = False
    return view


class _Teller(event.Listener):
    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Callable[[], None] | None = tell

    def on_start(self, _: object) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell()

    def on_end(self, _: object) -> None:
        pass


@contextmanager
def telling(tell: Callable[[], None]) -> Iterator[None]:
    """Call ``tell`` when the first kernel inside is compiled, not where all come from disk.

    After an installation the kernels of an import take half a minute, once.
    """
    with event.install_listener("numba:compile", _Teller(tell)):
        yield
