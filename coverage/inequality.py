"""Inequality of any variable among residents: the Lorenz curve, Gini's coefficient, Theil's T and its parts.

- Lorenz curve (Lorenz 1905, Publications of the American Statistical Association 9(70) 209-219), residents in
  ascending order of the variable.
- Gini coefficient: half the relative mean difference (Gini 1912, Variabilità e mutabilità), here from the
  area under the weighted Lorenz curve, which is the same (Lerman & Yitzhaki 1989, Journal of Econometrics
  42(1) 43-47).
- Theil's T (Theil 1967, Economics and Information Theory), which falls apart into a part between and a part
  within groups without a rest (Shorrocks 1980, Econometrica 48(3) 613-625).

0 is the same for all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from .zones import share_of

_NOISE = 1e-12
"""Relative difference below which two values are the same."""
_EVEN = 1e-12
"""Theil's T below which all have the same: what is left is rounding."""


class Curve(NamedTuple):
    """Points of a Lorenz curve from (0, 0) to (1, 1); no points where there is nothing to share."""

    people: NDArray[np.float64]
    """Share of the residents, those with the least first."""
    value: NDArray[np.float64]
    """Share of the whole that they have together."""


class Theil(NamedTuple):
    """Theil's T and its parts; arrays are by group, NaN where a group has no residents or all is 0."""

    total: float
    """``between + within``."""
    between: float
    within: float
    people_share: NDArray[np.float64]
    value_share: NDArray[np.float64]
    mean: NDArray[np.float64]
    own: NDArray[np.float64]
    """T inside the group."""


def lorenz(value: ArrayLike, weight: ArrayLike) -> Curve:
    """Draw the Lorenz curve of a value of at least 0, each counted ``weight`` times.

    Equal values (up to the noise of sums, 1e-12) are one straight piece: as many points as there are
    different values, and one.

    Raises
    ------
    ValueError
        The lengths differ, or something is negative or not finite.

    Examples
    --------
    Three residents with 1 each and one with 5:

    >>> curve = lorenz([5, 1], [1, 3])
    >>> curve.people.tolist(), curve.value.tolist()
    ([0.0, 0.75, 1.0], [0.0, 0.375, 1.0])
    """
    values, weights = _checked(value, weight)
    order = np.argsort(values, kind="stable")
    order = order[weights[order] > 0]
    sorted_values, sorted_weights = values[order], weights[order]
    position = np.zeros(len(order), np.int64)
    np.cumsum(sorted_values[1:] > sorted_values[:-1] * (1 + _NOISE), out=position[1:])
    count = np.bincount(position, weights=sorted_weights).astype(np.float64)
    amount = np.bincount(position, weights=sorted_weights * sorted_values).astype(np.float64)
    if not amount.sum() > 0:
        return Curve(np.empty(0), np.empty(0))
    return Curve(_climb(count), _climb(amount))


def thinned(curve: Curve, *, steps: int = 100) -> Curve:
    """Leave out points of a curve that no drawing shows.

    Of the points in one square of a ``steps`` x ``steps`` grid the first is kept: at most 2 x ``steps`` + 1
    points, each on the true curve, which no straight piece between them leaves by more than 1 / ``steps``.
    """
    if len(curve.people) <= 2 * steps:
        return curve
    squares = [np.floor(np.minimum(axis, 1.0) * steps).astype(np.int64) for axis in curve]
    keep = np.ones(len(curve.people), bool)
    keep[1:] = (np.diff(squares[0]) > 0) | (np.diff(squares[1]) > 0)
    keep[-1] = True
    return Curve(curve.people[keep], curve.value[keep])


def gini(value: ArrayLike, weight: ArrayLike) -> float:
    """Measure inequality by the weighted Gini coefficient.

    sum_ij w_i w_j |x_i - x_j| / (2 W^2 mean), in n log n steps from the area under the Lorenz curve.

    Returns
    -------
    float
        0 (all have the same) to 1; NaN where there are no residents or all have 0.

    Examples
    --------
    >>> gini([1, 5], [3, 1])
    0.375
    """
    return gini_of(lorenz(value, weight))


def gini_of(curve: Curve) -> float:
    """Take the Gini coefficient of a Lorenz curve that is not thinned."""
    if not len(curve.people):
        return float("nan")
    return float(1.0 - np.diff(curve.people) @ (curve.value[1:] + curve.value[:-1]))


def theil(value: ArrayLike, weight: ArrayLike, group: NDArray[np.integer[Any]], n_groups: int) -> Theil:
    """Measure inequality by Theil's T, and take it apart into groups.

    With the share p_g of the residents, the share s_g of the whole, the mean m_g and the own T_g of a group,
    T = sum_i (w_i / W) (x_i / m) ln(x_i / m) = sum_g s_g T_g (within) + sum_g s_g ln(m_g / m) (between), and
    0 ln 0 = 0.

    Raises
    ------
    ValueError
        As `lorenz`.

    Examples
    --------
    Two groups with 1 and 3 each, all their members alike: the difference is between them.

    >>> found = theil([1, 1, 3, 3], [1, 1, 1, 1], np.array([0, 0, 1, 1]), 2)
    >>> round(found.between, 4), found.within
    (0.1308, 0.0)
    """
    values, weights = _checked(value, weight)
    count = np.bincount(group, weights=weights, minlength=n_groups).astype(np.float64)
    amount = np.bincount(group, weights=weights * values, minlength=n_groups).astype(np.float64)
    whole, everyone = amount.sum(), count.sum()
    p, mean = share_of(count, everyone), share_of(amount, count)
    if not whole > 0:
        nothing = np.full(n_groups, np.nan)
        return Theil(np.nan, np.nan, np.nan, p, nothing, mean, nothing)
    s = amount / whole
    relative = share_of(values, mean[group])
    terms = np.where((weights > 0) & (values > 0), xlogy(relative, relative), 0.0)
    own = share_of(np.bincount(group, weights=weights * terms, minlength=n_groups), count)
    own = np.where(amount > 0, np.maximum(own, 0.0), np.nan)
    between = max(float(between_parts(p, s).sum()), 0.0)
    within = float(np.nan_to_num(own) @ s)
    if between + within < _EVEN:
        between = within = 0.0
    return Theil(between + within, between, within, p, s, mean, own)


def between_parts(people_share: NDArray[np.float64], value_share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give what each group adds to the part between groups: s ln(s / p); less than 0 below the mean."""
    apart = xlogy(value_share, share_of(value_share, people_share))
    return np.where(value_share == 0, 0.0, apart)


def quantiles(
    cost: NDArray[np.floating[Any]], weight: NDArray[np.float64], shares: tuple[float, ...]
) -> list[float]:
    """Find the least costs within which shares of the residents are; the costs ascend.

    inf where too few reach anything, NaN where there are no residents: the rule of `measures.percentile`.

    Examples
    --------
    >>> quantiles(np.array([60.0, 120.0, 180.0]), np.array([1.0, 1.0, 2.0]), (0.5, 0.9))
    [120.0, 180.0]
    """
    reached = np.cumsum(weight)
    if not len(reached) or not reached[-1] > 0:
        return [float("nan")] * len(shares)
    place = np.searchsorted(reached, np.array(shares) * reached[-1], side="left")
    return [float(cost[min(int(each), len(cost) - 1)]) for each in place]


def percent_text(share: float) -> str:
    """Say a share as a percentage; only all is 100.0 %, and only nobody 0.0 %.

    Examples
    --------
    >>> [percent_text(share) for share in (0.0, 0.0001, 0.5, 0.9999, 1.0)]
    ['0.0%', '不到0.1%', '50.0%', '99.9%', '100.0%']
    """
    if 0 < share < 0.001:
        return "不到0.1%"
    return f"{share if share >= 1 else min(share, 0.999):.1%}"


def _climb(amount: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.cumsum(amount)
    return np.concatenate([[0.0], total / total[-1]])


def _checked(value: ArrayLike, weight: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values, weights = np.asarray(value, np.float64), np.asarray(weight, np.float64)
    good = values.shape == weights.shape and values.ndim == 1
    if not good or not all(np.all((each >= 0) & (each < np.inf)) for each in (values, weights)):
        raise ValueError("values and weights: expected as many of each, finite and at least 0")
    return values, weights
