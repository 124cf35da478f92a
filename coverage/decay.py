"""Decay: how much less a far site counts than a near one, by bands of the cost or by a formula."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Decay = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Weight of pairs by their costs in seconds or metres: finite, at least 0."""
Steps = tuple[tuple[float, float], ...]
"""(limit in seconds or metres, inclusive; weight up to it), limits ascending; beyond the last it is 0."""

LUO_QI: Steps = ((1 / 3, 1.0), (2 / 3, 0.68), (1.0, 0.22))
"""Shares of the catchment and weights of Luo & Qi 2009, there 10, 20 and 30 minutes (their slower decay)."""
WAN: Steps = ((1 / 6, 0.962), (1 / 3, 0.704), (1 / 2, 0.377), (1.0, 0.042))
"""Shares of the catchment and weights of the 3SFCA as in PySAL ``access``: 10, 20, 30 and 60 minutes."""

_PIECE = 1 << 20
"""Pairs that a decay is asked for at a time."""


def bands(shares: Steps, limit: float) -> Steps:
    """Turn bands given as shares of a catchment into seconds or metres.

    Examples
    --------
    >>> bands(LUO_QI, 10_800)
    ((3600.0, 1.0), (7200.0, 0.68), (10800.0, 0.22))
    """
    return tuple((share * limit, weight) for share, weight in shares)


def gaussian(limit: float) -> Decay:
    """Fall from 1 at no cost to 0 at the limit, as the Gaussian of Dai 2010; 0 beyond.

    f(d) = (exp(-(d / limit)^2 / 2) - exp(-1/2)) / (1 - exp(-1/2)); Dai 2010, Health & Place 16(5) 1038-1052.

    Examples
    --------
    >>> gaussian(60)(np.array([0.0, 30.0, 60.0, 61.0])).round(3).tolist()
    [1.0, 0.701, 0.0, 0.0]
    """
    _need_positive(limit)
    end = np.exp(-0.5)
    return lambda cost: (np.exp(-0.5 * np.minimum(cost / limit, 1.0) ** 2) - end) / (1.0 - end)


def bell(width: float) -> Decay:
    """Fall as exp(-d^2 / (2 width^2)), without end."""
    _need_positive(width)
    return lambda cost: np.exp(-(cost**2) / (2 * width**2))


def exponential(scale: float) -> Decay:
    """Fall as exp(-d / scale), without end."""
    _need_positive(scale)
    return lambda cost: np.exp(-cost / scale)


def power(exponent: float, *, scale: float, at_least: float) -> Decay:
    """Fall as (max(d, at_least) / scale) ** -exponent (Hansen 1959); no cost at all would weigh infinity."""
    _need_positive(exponent, scale, at_least)
    return lambda cost: (np.maximum(cost, at_least) / scale) ** -exponent


def weights_of(cost: NDArray[np.int32], how: Steps | Decay) -> NDArray[np.float64]:
    """Weigh pairs by their costs in hundredths: (entries,).

    Raises
    ------
    ValueError
        The limits of bands do not ascend from above 0, or a weight is negative or not finite.
    """
    weight = _by_decay(cost, how) if callable(how) else _by_steps(cost, how)
    if len(weight) and not (weight.min() >= 0 and weight.max() < np.inf):
        raise ValueError("weights must be finite and at least 0")
    return weight


def _by_steps(cost: NDArray[np.int32], steps: Steps) -> NDArray[np.float64]:
    limits = np.array([limit for limit, _ in steps], float)
    if not len(limits) or not np.all(np.diff(limits, prepend=0.0) > 0):
        raise ValueError("the limits of bands must be above 0 and ascend")
    whole = np.floor(limits * 100 + 1e-6)  # a third of 3 hours is 1 hour, whatever the rounding
    weight = np.zeros(len(cost))
    for limit, (_, value) in zip(whole[::-1].tolist(), reversed(steps), strict=True):
        weight[cost <= limit] = value
    return weight


def _by_decay(cost: NDArray[np.int32], decay: Decay) -> NDArray[np.float64]:
    weight = np.empty(len(cost))
    for first in range(0, len(cost), _PIECE):
        piece = slice(first, first + _PIECE)
        weight[piece] = decay(cost[piece] / 100.0)
    return weight


def _need_positive(*values: float) -> None:
    if not all(0 < value < np.inf for value in values):
        raise ValueError("the parameters of a decay must be above 0")
