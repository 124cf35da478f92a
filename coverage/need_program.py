"""The fewest stores as an integer program, for needs that the search of `need_kernels` cannot finish."""

from __future__ import annotations

from math import ceil, isfinite

import numpy as np
from numpy.typing import NDArray

from .siting.solve import fewest_columns

_SECONDS = 2.0
"""Time for the solver: somebody waits."""

_SLACK = 1e-6
"""By which the solver's bound may be too high."""

Amounts = NDArray[np.int64]


def fewest_by_program(stock: Amounts, want: Amounts) -> tuple[Amounts, int]:
    """Choose the fewest stores that hold what is wanted; the solver's plan counts only where it does.

    Parameters
    ----------
    stock
        (s, i) amounts, none above ``want``; together they suffice.
    want
        (i,) amounts, all above 0.

    Returns
    -------
    tuple
        Positions of a plan, ascending; none where none was found in time. How many stores any plan needs.
    """
    chosen, bound = fewest_columns(np.ascontiguousarray((stock / want).T), time_limit_s=_SECONDS)
    good = len(chosen) > 0 and bool((stock[chosen].sum(axis=0) >= want).all())
    return chosen if good else chosen[:0], ceil(bound - _SLACK) if isfinite(bound) else 0
