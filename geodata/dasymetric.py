"""Dasymetric mapping: how the residents of a county are spread over its cells (pure arrays).

The census knows residents by county, urban and rural. Inside a county boai assumes (假设):

urban
    The urban residents U live around the county's seat and its towns (镇、街道); the seat counts as many as
    ``SEAT_TOWNS`` towns. Around a centre with u residents the density follows Clark's law
    ``rho(d) = rho0 exp(-d / r)`` (Clark 1951, *Journal of the Royal Statistical Society* A 114:490-496). The
    plane then holds ``2 pi rho0 r²`` residents, hence ``r = sqrt(u / (2 pi rho0))`` with the central density
    ``CENTRE_DENSITY``. The densities of all centres within ``REACH_KM`` add up, also across borders, as a
    built-up area does not end at one, to at most ``rho0``, as it is no denser where two districts meet; the
    sum is then scaled to the county's U.
rural
    ``w(d) = BASE + (1 - BASE) exp(-d / RURAL_KM)`` per area, d to the nearest seat or settlement: villages
    lie in the valleys and plains where the towns lie, and some residents everywhere.

Both are averaged over points spread evenly through a cell, weighted by its area, and apportioned to whole
persons by largest remainder, so that the cells of a county sum to its census figure exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CENTRE_DENSITY = 10_000.0
"""Urban density at a centre, residents per km²: 假设, the round figure of 100 m² of urban land per resident,
within the range for which cities in China are planned (65-115 m², GB 50137-2011)."""

SEAT_TOWNS = 10.0
"""Towns that the seat of a county counts for: 假设; with the 5 towns that the gazetteer knows on average, two
thirds of the urban residents live around the seat."""

REACH_KM = 30.0
"""Centres farther than this do not count."""

_LEAST = 1e-9  # of the central density: keeps a county without a centre in reach from having no weight at all

BASE = 0.1
"""Rural density far from any settlement relative to that at a settlement: 假设."""

RURAL_KM = 4.0
"""Distance over which rural density falls by e: 假设, two thirds of the radius of a township
(167 000 km² / 1 580 townships)."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def apportion(weight: Integers, total: Integers, group: NDArray[np.integer[Any]]) -> Integers:
    """Share out whole totals by largest remainder (Hamilton's method), in exact integer arithmetic.

    Parameters
    ----------
    weight
        (n,) not negative.
    total
        (k,) persons to share out in each group.
    group
        (n,) group of each item, 0..k-1.

    Returns
    -------
    (n,) shares: those of group g sum to ``total[g]``; each is the quota ``weight * total / sum of weights``
    rounded down or up; of equal remainders the first item is rounded up. So a share never exceeds the weight
    where the total does not exceed the sum of weights.

    Raises
    ------
    ValueError
        Something is negative, a group with a total has no weight, or a product exceeds 63 bits.

    Examples
    --------
    >>> apportion(np.array([1, 1, 2]), np.array([10]), np.array([0, 0, 0]))
    array([3, 2, 5])
    """
    sums: Integers = np.zeros(len(total), np.int64)
    np.add.at(sums, group, weight)
    if (weight < 0).any() or (total < 0).any() or ((sums == 0) & (total > 0)).any():
        raise ValueError("weights and totals must not be negative, and every total needs a weight")
    if int(weight.max(initial=0)) * int(total.max(initial=0)) >= 2**63:
        raise ValueError("weight times total exceeds 63 bits")
    share: Integers
    share, rest = np.divmod(weight * total[group], np.maximum(sums, 1)[group])
    given = np.zeros(len(total), np.int64)
    np.add.at(given, group, share)
    order = np.lexsort((np.arange(len(weight)), -rest, group))
    first = np.searchsorted(group[order], np.arange(len(total)))
    rank = np.arange(len(weight)) - first[group[order]]
    share[order] += rank < (total - given)[group[order]]
    return share


def whole_weights(density: Floats, group: NDArray[np.integer[Any]], n_groups: int) -> Integers:
    """Scale densities to whole weights, at most 2**31 in each group, for ``apportion``."""
    top = np.zeros(n_groups)
    np.maximum.at(top, group, density)
    whole: Integers = np.rint(density / np.where(top > 0, top, 1.0)[group] * 2.0**31).astype(np.int64)
    return whole


def urban_density(x: Floats, y: Floats, centre_x: Floats, centre_y: Floats, residents: Floats) -> Floats:
    """Sum Clark's densities of the centres at points, residents per km², at most ``CENTRE_DENSITY``.

    Parameters
    ----------
    x, y
        Points of any shape, km in a plane.
    centre_x, centre_y, residents
        (k,) centres and the urban residents around each, more than 0.

    Returns
    -------
    Densities in the shape of the points, above 0 everywhere so that a county without a centre can be served.
    """
    near = (centre_x >= x.min() - REACH_KM) & (centre_x <= x.max() + REACH_KM)
    near &= (centre_y >= y.min() - REACH_KM) & (centre_y <= y.max() + REACH_KM)
    radius = np.sqrt(residents[near] / (2 * np.pi * CENTRE_DENSITY))
    away = np.hypot(x[..., None] - centre_x[near], y[..., None] - centre_y[near])
    share = np.where(away <= REACH_KM, np.exp(-away / radius), 0.0).sum(axis=-1)
    density: Floats = CENTRE_DENSITY * np.clip(share, _LEAST, 1.0)
    return density


def rural_density(away_km: Floats) -> Floats:
    """Weigh points by their distance to the nearest seat or settlement: 1 at it, down to ``BASE``."""
    density: Floats = BASE + (1 - BASE) * np.exp(-away_km / RURAL_KM)
    return density


def spread_points(area: Floats) -> tuple[Floats, Floats]:
    """Offsets (n, 19) in x and y of points that stand for equal parts of hexagonal cells of the given areas.

    A centre and two rings of a hexagonal lattice; one lattice point has 1/19 of the cell's area.
    """
    q, r = np.meshgrid(np.arange(-2, 3), np.arange(-2, 3))
    inside = np.abs(q + r) <= 2
    q, r = q[inside], r[inside]
    step = np.sqrt(2 * area / (len(q) * np.sqrt(3)))[:, None]
    return step * (q + r / 2), step * (r * np.sqrt(3) / 2)
