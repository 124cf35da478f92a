"""Proximity graphs: which points of the plane are neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import Delaunay

Pairs = NDArray[np.intp]
"""(m, 2) positions of the two ends of undirected links."""
Plane = NDArray[np.float64]
"""(n, 2) plane coordinates."""

_LEAST = 1e-6  # SciPy's graphs take a link of length 0 for none


def lengths(plane: Plane, pairs: Pairs) -> NDArray[np.float64]:
    """Measure links in the plane; none is shorter than 1e-6."""
    gap = plane[pairs[:, 0]] - plane[pairs[:, 1]]
    return np.maximum(np.hypot(gap[:, 0], gap[:, 1]), _LEAST)


def gabriel(plane: Plane) -> Pairs:
    """Link the points on whose diametral circle's inside there is no other point.

    A part of the Delaunay triangulation that contains the minimum spanning tree, so it is connected (Gabriel
    & Sokal 1969, *Systematic Zoology* 18:259-278). Of points at the same place all but one are linked to that
    one only.

    Parameters
    ----------
    plane
        At least three points, not all on one line.
    """
    mesh = Delaunay(plane)
    pairs, wide = [], []
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        u, v, w = (mesh.simplices[:, k] for k in (a, b, c))
        pairs.append(np.column_stack([u, v]))
        wide.append(((plane[u] - plane[w]) * (plane[v] - plane[w])).sum(axis=1) < 0)
    links, which = np.unique(np.sort(np.vstack(pairs), axis=1), axis=0, return_inverse=True)
    spoiled = np.zeros(len(links), bool)
    spoiled[which[np.concatenate(wide)]] = True
    same = np.sort(mesh.coplanar[:, [0, 2]].reshape(-1, 2), axis=1)
    return np.vstack([links[~spoiled], same]).astype(np.intp)


def neighbours(plane: Plane, *, limit: float) -> Pairs:
    """Link neighbours (``gabriel``) up to a length, and beyond where the minimum spanning tree needs it."""
    pairs, n = gabriel(plane), len(plane)
    length = lengths(plane, pairs)
    tree = minimum_spanning_tree(coo_array((length, tuple(pairs.T)), shape=(n, n)).tocsr()).tocoo()
    needed = np.isin(pairs @ [n, 1], tree.row.astype(np.int64) * n + tree.col)
    return pairs[needed | (length <= limit)]
