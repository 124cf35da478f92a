"""Cut pieces of a road network in two: Inertial Flow (Schild and Sommer 2015, SEA, LNCS 9125:309).

The nodes of a piece are sorted along a direction; the first and last quarters are sources and sinks, and a
smallest cut between them is found by flows. Every link has the capacity 1 in both directions. Fewest nodes
that touch all links of the cut separate the piece. A piece is a run of the array ``order``. All compiled
functions that call each other stand in one file, because numba looks only at the file of the outermost for
changes.
"""

from __future__ import annotations

import numpy as np

from ...geodata.compiled import compiled
from .arrays import Array, Graph, Int, Work

_Piece = tuple[Array, Array, Array]
"""(start, neighbour, the same link in the neighbour's row) of a piece's own graph."""

_STRIPS = 1 << 14
"""Strips across a direction into which the nodes of a piece are sorted."""


@compiled
def split(
    graph: Graph, at: tuple[Array, Array], work: Work, low: Int, high: Int, ways: Array, leaf: Int
) -> Array:
    """Split one piece: sort its run by part, the separator last; returns the (p, 2) runs of the other parts.

    The nodes of ``order[low:high]`` ascend, and do so in the runs of more than ``leaf`` nodes. A piece that
    does not hang together is split into its components, small ones together in runs of ``leaf`` nodes.
    """
    order, nodes = work[0], work[0][low:high].copy()
    piece = _extract(graph, work, low, high)
    part, parts = _components(piece[0], piece[1])
    whole = parts == 1
    if whole:
        parts = 3
        beyond = _best_cut(piece, at[0][nodes], at[1][nodes], ways)
        cover = _separator(piece[0], piece[1], beyond)
        for i in range(len(nodes)):
            part[i] = 2 if cover[i] else int(beyond[i])
    fill = np.zeros(parts + 1, np.int64)
    for i in range(len(nodes)):
        fill[part[i] + 1] += 1
    fill = np.cumsum(fill)
    runs, count = _runs(fill[:3] if whole else fill, low, 0 if whole else leaf)
    for i in range(len(nodes)):
        order[low + fill[part[i]]] = nodes[i]
        fill[part[i]] += 1
    return runs[:count]


@compiled
def _runs(bound: Array, low: Int, leaf: Int) -> tuple[Array, Int]:
    """Make runs of the parts between bounds, of several where they have ``leaf`` nodes at most together."""
    runs, count = np.empty((len(bound), 2), np.int64), 0
    for p in range(len(bound) - 1):
        if bound[p] == bound[p + 1]:
            continue
        if count > 0 and low + bound[p + 1] - runs[count - 1, 0] <= leaf:
            runs[count - 1, 1] = low + bound[p + 1]
            continue
        runs[count, 0], runs[count, 1] = low + bound[p], low + bound[p + 1]
        count += 1
    return runs, count


@compiled
def _extract(graph: Graph, work: Work, low: Int, high: Int) -> _Piece:
    """Give the graph of a piece alone, nodes by their place in the run; rows ascend, since both orders do."""
    (first, other), (order, place) = graph, work
    n, size = high - low, 0
    for i in range(n):
        v = order[low + i]
        place[v] = low + i
        size += first[v + 1] - first[v]
    start, neighbour, used = np.zeros(n + 1, np.int32), np.empty(size, np.int32), 0
    for i in range(n):
        v = order[low + i]
        for e in range(first[v], first[v + 1]):
            u = place[other[e]]  # of a node of another piece: anything, even while another thread writes it
            if low <= u < high and order[u] == other[e]:
                neighbour[used] = u - low
                used += 1
        start[i + 1] = used
    back, fill = np.empty(used, np.int32), start.copy()
    for i in range(n):
        for e in range(start[i], start[i + 1]):
            u = neighbour[e]
            if u > i:  # the rows ascend, so the lower ends come to the row of u in its order
                back[e], back[fill[u]] = fill[u], e
                fill[u] += 1
    return start, neighbour[:used].copy(), back


@compiled
def _components(start: Array, neighbour: Array) -> tuple[Array, Int]:
    """Number the components, in order of their first nodes."""
    part, queue, parts = np.full(len(start) - 1, -1, np.int64), np.empty(len(start), np.int32), 0
    for root in range(len(part)):
        if part[root] >= 0:
            continue
        part[root], queue[0], at, last = parts, root, 0, 1
        while at < last:
            v = queue[at]
            at += 1
            for e in range(start[v], start[v + 1]):
                u = neighbour[e]
                if part[u] < 0:
                    part[u], queue[last] = parts, u
                    last += 1
        parts += 1
    return part, parts


@compiled
def _best_cut(piece: _Piece, x: Array, y: Array, ways: Array) -> Array:
    """Mark the nodes beyond the cut that has the fewest links for the nodes of its smaller side.

    ``ways`` are directions, as (d, 2) weights of ``x`` and ``y``.
    """
    n = len(x)
    best, beyond = np.inf, np.zeros(n, np.bool_)
    for d in range(len(ways)):
        terminal = _terminals(x * ways[d, 0] + y * ways[d, 1], max(1, n // 4))
        value, flow, far = _max_flow(piece, terminal, best * (n // 2))
        if value < 0:
            continue
        for side in (far >= 0, ~_reached(piece, terminal, flow)):
            small = min(side.sum(), n - side.sum())
            if value < best * small:
                best, beyond = value / small, side
    return beyond


@compiled
def _terminals(place: Array, count: Int) -> Array:
    """Mark about the first ``count`` nodes along a direction by 1, as many of the last by 2.

    They are taken strip by strip; in the last strip, which is taken in part, in the order of the nodes.
    """
    low, high = place.min(), place.max()
    scale = (_STRIPS - 1) / (high - low) if high > low else 0.0
    strip, terminal = np.empty(len(place), np.int32), np.zeros(len(place), np.int8)
    held = np.zeros(_STRIPS, np.int64)
    for v in range(len(place)):
        strip[v] = int((place[v] - low) * scale)
        held[strip[v]] += 1
    for mark, sign in ((1, 1), (2, -1)):
        at, left = (0 if sign > 0 else _STRIPS - 1), count
        while held[at] < left:
            left -= held[at]
            at += sign
        for i in range(len(place)):
            v = i if sign > 0 else len(place) - 1 - i
            before = (strip[v] - at) * sign < 0
            if terminal[v] == 0 and (before or (strip[v] == at and left > 0)):
                terminal[v] = mark
                left -= not before
    return terminal


@compiled
def _max_flow(piece: _Piece, terminal: Array, most: float) -> tuple[Int, Array, Array]:
    """Find a greatest flow: (value, or -1 where it is ``most`` or more; flow by link; distances at the end).

    Each pass first finds how far every node is from the sinks, then lets every source look for a way, nearer
    nodes first, over nodes that no other has touched in the pass (as Pothen and Fan 1990, *ACM TOMS* 16:303,
    for matchings). Blocking flows along shortest ways (Dinic 1970) find them one by one here, since hardly
    two have the same length: on 500 000 nodes 19 passes instead of 189.
    """
    start, neighbour, _ = piece
    n = len(terminal)
    flow, far = np.zeros(len(neighbour), np.int8), np.empty(n, np.int32)
    gates = _gates(start, neighbour, terminal)
    touched, path, value, this = np.zeros(n, np.int32), np.empty(n + 1, np.int32), 0, 0
    while _distances(piece, terminal, flow, far, path):
        this += 1
        for v in gates:
            while far[v] >= 0 and _augment(piece, terminal, v, (flow, far, touched, path), this):
                value += 1
                if value >= most:
                    return -1, flow, far
    return value, flow, far


@compiled
def _gates(start: Array, neighbour: Array, terminal: Array) -> Array:
    """List the sources that have a neighbour which is none."""
    found, count = np.empty(len(terminal), np.int32), 0
    for v in range(len(terminal)):
        inner = True
        for e in range(start[v], start[v + 1]):
            inner &= terminal[neighbour[e]] == 1
        if terminal[v] == 1 and not inner:
            found[count] = v
            count += 1
    return found[:count].copy()


@compiled
def _distances(piece: _Piece, terminal: Array, flow: Array, far: Array, queue: Array) -> bool:
    """Set how many links from a sink a node is along which more can flow, or -1; is a source among them?"""
    start, neighbour, back = piece
    last, at, reached = 0, 0, False
    for v in range(len(terminal)):
        far[v] = -1
        if terminal[v] == 2:
            far[v], queue[last] = 0, v
            last += 1
    while at < last:
        v = queue[at]
        at += 1
        if terminal[v] == 1:
            reached = True
            continue
        for e in range(start[v], start[v + 1]):
            u = neighbour[e]
            if far[u] < 0 and flow[back[e]] < 1:
                far[u], queue[last] = far[v] + 1, u
                last += 1
    return reached


@compiled
def _augment(
    piece: _Piece, terminal: Array, source: Int, work: tuple[Array, Array, Array, Array], this: Int
) -> bool:
    """Send one unit from a source to a sink, if a way is found that no other of this pass touched."""
    (start, neighbour, back), (flow, far, touched, path) = piece, work
    v, length = source, 0
    while terminal[v] != 2:
        best = -1
        for e in range(start[v], start[v + 1]):
            u = neighbour[e]
            nearer = best < 0 or far[u] < far[neighbour[best]]
            if nearer and flow[e] < 1 and far[u] >= 0 and touched[u] != this and terminal[u] != 1:
                best = e
        if best >= 0:
            path[length] = best
            length += 1
            v = neighbour[best]
            touched[v] = this if terminal[v] != 2 else 0
        elif length == 0:
            return False
        else:
            length -= 1
            v = neighbour[back[path[length]]]
    for i in range(length):
        flow[path[i]] += 1
        flow[back[path[i]]] -= 1
    return True


@compiled
def _reached(piece: _Piece, terminal: Array, flow: Array) -> Array:
    """Mark the sources and the nodes to which more could flow from them."""
    start, neighbour, _ = piece
    side: Array = terminal == 1
    queue, last, at = np.empty(len(terminal), np.int32), 0, 0
    for v in range(len(side)):
        if side[v]:
            queue[last] = v
            last += 1
    while at < last:
        v = queue[at]
        at += 1
        for e in range(start[v], start[v + 1]):
            u = neighbour[e]
            if not side[u] and flow[e] < 1:
                side[u], queue[last] = True, u
                last += 1
    return side


@compiled
def _separator(start: Array, neighbour: Array, beyond: Array) -> Array:
    """Mark the fewest nodes that touch all links of a cut: a vertex cover by a matching (König 1931)."""
    n = len(beyond)
    near = np.zeros(n, np.bool_)
    for v in range(n):
        for e in range(start[v], start[v + 1]):
            near[v] |= not beyond[v] and beyond[neighbour[e]]
    mate, seen, before = np.full(n, -1, np.int32), np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    work = (mate, seen, before, np.empty(n, np.int32))
    roots = np.flatnonzero(near).astype(np.int32)
    for root in roots:
        _alternate(start, neighbour, beyond, root, np.int64(root), work)
    seen[:] = -1
    for root in roots:
        if mate[root] < 0:
            _alternate(start, neighbour, beyond, root, n, work)
    cover = np.zeros(n, np.bool_)
    for v in range(n):
        cover[v] = (near[v] and seen[v] < 0) or (beyond[v] and seen[v] >= 0)
    return cover


@compiled
def _alternate(
    start: Array, neighbour: Array, beyond: Array, root: Int, mark: Int, work: tuple[Array, ...]
) -> None:
    """Follow alternating paths from a node on the near side over nodes without ``mark``, and mark them.

    Where one ends at a node without a mate, it is turned round: that matches one pair more.
    """
    mate, seen, before, queue = work
    queue[0], seen[root], last, at = root, mark, 1, 0
    while at < last:
        v = queue[at]
        at += 1
        for e in range(start[v], start[v + 1]):
            u = neighbour[e]
            if not beyond[u] or seen[u] == mark:
                continue
            seen[u], before[u] = mark, v
            if mate[u] < 0:
                while u >= 0:
                    v = before[u]
                    mate[u], mate[v], u = v, u, mate[v]
                return
            seen[mate[u]] = mark
            queue[last] = mate[u]
            last += 1
