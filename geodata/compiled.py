"""Compile kernels by numba: at the first call, kept on disk where a folder for it can be written.

numba is slow to import (0.4 s), so only modules with kernels import this one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a kernel that releases the GIL."""
    try:
        return cast(_Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # a read-only installation and no home: compile in every process
        return cast(_Function, numba.njit(nogil=True)(function))
