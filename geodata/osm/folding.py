"""Folding: chains of pieces between junctions become one edge each way, exactly as OSMnx simplifies.

A node stays where OSMnx calls it an endpoint: it has no way in or none out, or it does not have two
neighbours and two or four directed pieces (Boeing 2025, *Transactions in GIS* 29(3):e70037, and
``osmnx.simplification``). Of several pieces between two neighbours inside a chain the fastest is taken;
between two junctions each piece stays an edge of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .order import rows_of

Positions = NDArray[np.int32]
Flags = NDArray[np.bool_]
_Ends = tuple[NDArray[np.int64], Positions, Positions, Positions, NDArray[np.float64]]


@dataclass(frozen=True)
class Chains:
    """k chains of nodes; link ``j`` goes from point ``j`` to ``j + 1`` of the same chain."""

    start: NDArray[np.int64]
    """(k + 1,) first point of each chain; the first and the last node of a chain are junctions."""
    node: Positions
    """(points,) nodes along the chains."""
    along: Positions
    """(points,) piece by which the link is driven along the chain; -1 where nobody may, and at the end."""
    against: Positions
    """(points,) piece by which the link is driven against the chain, or -1."""


def fold(a: Positions, b: Positions, seconds: NDArray[np.float64], n_nodes: int) -> Chains:
    """Fold pieces to chains between junctions.

    A ring without a junction gets one at its lowest node. Where OSMnx would leave loose ends, because pieces
    drawn twice make a chain that nobody can drive through in either direction, its nodes stay.

    Parameters
    ----------
    a, b
        (p,) the two different nodes of each piece; every node has a piece.
    seconds
        (p, 2) time from a to b and from b to a, one of them finite.
    """
    ends: _Ends = (*rows_of(np.concatenate([a, b]), n_nodes), a, b, seconds)
    stays = junctions(ends)
    if not stays.any():
        stays[:1] = True
    start, node, along, against, broken = _walk(ends, stays)
    if broken.any():
        start, node, along, against, _ = _walk(ends, stays | broken)
    return Chains(start, node, along, against)


@compiled
def junctions(ends: _Ends) -> Flags:
    """Tell for each node whether it stays: the endpoint rule of OSMnx."""
    start, entry, a, b, seconds = ends
    p, n = len(a), len(start) - 1
    stays = np.ones(n, np.bool_)
    for v in range(n):
        first, second, neighbours, out, into = -1, -1, 0, 0, 0
        for i in range(start[v], start[v + 1]):
            piece, side = entry[i] % p, entry[i] // p
            other = a[piece] if side else b[piece]
            out += np.isfinite(seconds[piece, side])
            into += np.isfinite(seconds[piece, 1 - side])
            if first < 0 or other == first:
                first, neighbours = other, max(neighbours, 1)
            elif second < 0 or other == second:
                second, neighbours = other, max(neighbours, 2)
            else:
                neighbours = 3
        folds = neighbours == 2 and out > 0 and into > 0 and (out + into == 2 or out + into == 4)
        stays[v] = not folds
    return stays


@compiled
def _best(ends: _Ends, u: int, v: int, at: int) -> int:
    """Find the fastest piece from u to v, the first of equal ones, among those at node ``at``; else -1."""
    start, entry, a, b, seconds = ends
    p, best, least = len(a), -1, np.inf
    for i in range(start[at], start[at + 1]):
        piece = entry[i] % p
        for side in range(2):
            tail, head = (b[piece], a[piece]) if side else (a[piece], b[piece])
            time = seconds[piece, side]
            if tail == u and head == v and (time < least or (time == least < np.inf and piece < best)):
                best, least = piece, time
    return best


@compiled
def _onward(ends: _Ends, node: int, before: int) -> int:
    """Give the neighbour of a folded node that is not the one before it."""
    start, entry, a, b, _ = ends
    p = len(a)
    for i in range(start[node], start[node + 1]):
        piece = entry[i] % p
        other = a[piece] if entry[i] >= p else b[piece]
        if other != before:
            return int(other)
    return -1


@compiled
def _walk(ends: _Ends, stays: Flags) -> tuple[NDArray[np.int64], Positions, Positions, Positions, Flags]:
    """Walk from every junction along each chain once: (start, node, along, against, nodes of dead chains)."""
    start, entry, a, b, seconds = ends
    p, n = len(a), len(start) - 1
    most = 0  # chains: each has an end at a junction
    for piece in range(p):
        most += stays[a[piece]] or stays[b[piece]]
    points = 2 * most
    for v in range(n):
        points += not stays[v]
    first, node = np.zeros(most + 1, np.int64), np.empty(points, np.int32)
    along, against = np.full(points, -1, np.int32), np.full(points, -1, np.int32)
    seen, broken, k, used = stays.copy(), np.zeros(n, np.bool_), 0, 0
    for v in range(n):
        if not stays[v]:
            continue
        for i in range(start[v], start[v + 1]):
            piece, side, begin = entry[i] % p, entry[i] // p, used
            other = int(a[piece] if side else b[piece])
            if stays[other]:
                if side:
                    continue  # the piece is taken at its other end
                node[used], node[used + 1] = v, other
                along[used] = piece if np.isfinite(seconds[piece, 0]) else -1
                against[used] = piece if np.isfinite(seconds[piece, 1]) else -1
                used += 2
            elif not seen[other]:
                before, here, there, back = v, other, True, True
                node[used] = v
                while True:
                    inner = before if stays[here] else here
                    along[used] = _best(ends, before, here, inner)
                    against[used] = _best(ends, here, before, inner)
                    there, back = there and along[used] >= 0, back and against[used] >= 0
                    node[used + 1] = here
                    used += 1
                    if stays[here]:
                        break
                    seen[here] = True
                    before, here = here, _onward(ends, here, before)
                used += 1
                for inside in range(begin + 1, used - 1):
                    broken[node[inside]] = not (there or back)
            else:
                continue
            k += 1
            first[k] = used
    return first[: k + 1].copy(), node[:used].copy(), along[:used].copy(), against[:used].copy(), broken
