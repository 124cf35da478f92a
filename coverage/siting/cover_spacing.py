"""Minimum spacing between sites: pairs too close to each other, merged into sets of which one may be open."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from .reduce import Mask, Positions

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the sphere on which spacing is measured."""


def spacing(lon: ArrayLike, lat: ArrayLike, km: float) -> tuple[tuple[int, ...], ...]:
    """Give exclusive sets that keep open sites at least some distance apart.

    Two candidates conflict where their great-circle distance is **below** ``km``; at exactly ``km`` both may
    be open. Conflicts are merged into cliques (sets in which any two conflict), greedily: one row
    ``sum_j x_j <= 1`` for a clique is fewer and stronger than one for each pair (Padberg 1973). Every
    conflict lies in some set, and every set is a clique.

    Parameters
    ----------
    lon, lat
        (n,) degrees.
    km
        The least distance, > 0, on the sphere of radius 6371.0088 km.

    Returns
    -------
    tuple of tuple
        Candidates of each set, ascending; for `Rules.exclusive`.

    Raises
    ------
    ValueError
        The coordinates do not fit together or are not finite, or ``km`` is not positive.

    Examples
    --------
    >>> spacing([115.0, 115.001, 115.002, 116.0], [28.0, 28.0, 28.0, 28.0], 1.0)
    ((0, 1, 2),)
    """
    degrees = np.stack([np.asarray(lon, np.float64), np.asarray(lat, np.float64)])
    if degrees.ndim != 2 or not np.isfinite(degrees).all() or (np.abs(degrees[1]) > 90).any():
        raise ValueError("lon and lat must be finite degrees, as many of each")
    if not 0 < km < np.inf:
        raise ValueError("km must be > 0")
    if degrees.shape[1] < 2:
        return ()
    x, y = np.radians(degrees)
    points = np.c_[np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)]
    # no two points are farther apart than half a great circle
    chord = 2.0 * np.sin(km / EARTH_RADIUS_KM / 2.0) if km <= EARTH_RADIUS_KM * np.pi else 3.0
    pairs = KDTree(points).query_pairs(chord * (1.0 + 1e-9), output_type="ndarray")
    pairs = pairs[np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1) < chord * (1.0 - 1e-12)]
    return tuple(_cliques(np.sort(pairs.astype(np.int64), axis=1), degrees.shape[1]))


def _cliques(pairs: Positions, n: int) -> Iterator[tuple[int, ...]]:
    """Cover all pairs (first < second) with few cliques, vertex after vertex among its later neighbours."""
    both = np.r_[pairs, pairs[:, ::-1]]
    near = csr_array((np.ones(len(both), bool), (both[:, 0], both[:, 1])), shape=(n, n))
    covered: list[set[int]] = [set() for _ in range(n)]
    for first in np.unique(pairs[:, 0]).tolist():
        around = near.indices[near.indptr[first] : near.indptr[first + 1]]
        around = np.sort(around[around > first])
        left = np.array([place not in covered[first] for place in around.tolist()])
        if not left.any():
            continue
        local = near[around][:, around].toarray()
        while left.any():
            inside = _grow(local, left)
            left &= ~inside
            clique = [first, *around[inside].tolist()]
            for place, site in enumerate(clique):
                covered[site].update(clique[place + 1 :])
            yield tuple(clique)


def _grow(local: Mask, left: Mask) -> Mask:
    """Grow a clique: next whoever has an uncovered pair with the vertex, then most neighbours left."""
    inside, free = np.zeros(len(left), bool), np.ones(len(left), bool)
    while free.any():
        common = local @ free.astype(np.float32)
        chosen = int(np.argmax(np.where(free, common + len(left) * left + 1.0, 0.0)))
        inside[chosen] = True
        free &= local[chosen]
    return inside
