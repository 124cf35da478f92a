"""Kernels of the service areas: points along roads, and the limit that holds around each vertex of a grid.

Compiled by numba at their first call, kept on disk; they release the GIL.
"""

# ruff: noqa: PLR0917, PLR0912, PLR0915 (compiled loops take arrays one by one)

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import compiled
from ..geodata.crs import EARTH_RADIUS_M
from ..geodata.shapes import STEPS

BEYOND = int(np.iinfo(np.int32).max)
"""Cost of what cannot be reached."""

TOP_LEVEL = 4
"""Blocks of 16 x 16 vertices are looked at first."""
SITE_LEVEL = 1
"""Sites are told apart for every 2 x 2 vertices."""

_Array = NDArray[Any]
STRETCH = 1.005
"""Above what a distance on the great circle is over that in the plane, and the other way round.

Albers' plane with the parallels of Jiangxi on the ellipsoid against the sphere: 0.997 to 1.0045 between 22
and 32 degrees north.
"""
TURNED = 1.008
"""Above what a distance in the plane may gain over another by lying in another direction."""
_METRES_PER_STEP = EARTH_RADIUS_M * np.pi / 180 / STEPS


@compiled
def sample_shapes(
    start: _Array, xs: _Array, ys: _Array, use: _Array, spacing_m: float
) -> tuple[_Array, _Array, _Array, _Array, _Array]:
    """Divide shapes into equal parts of at most a length and put a point in the middle of each.

    Lengths are those in the plane at the first point of the shape, as in `edge_index.along_shape`.

    Returns
    -------
    tuple
        Of each point the shape, the share of its length from its first point, half the share of a part, and
        longitude and latitude in steps.
    """
    parts = np.zeros(len(use), np.int64)
    lengths = np.zeros(len(use))
    for shape in range(len(use)):
        if not use[shape]:
            continue
        narrow, total = np.cos(np.radians(ys[start[shape]] / STEPS)), 0.0
        for p in range(start[shape], start[shape + 1] - 1):
            dx, dy = (float(xs[p + 1]) - xs[p]) * narrow, float(ys[p + 1]) - ys[p]
            total += np.sqrt(dx * dx + dy * dy) * _METRES_PER_STEP
        lengths[shape] = total
        parts[shape] = max(1, int(np.ceil(total / spacing_m)))
    count = parts.sum()
    owner, along, half = np.empty(count, np.int32), np.empty(count), np.empty(count)
    lon, lat = np.empty(count), np.empty(count)
    at = 0
    for shape in range(len(use)):
        if parts[shape] == 0:
            continue
        narrow, done, n, part = np.cos(np.radians(ys[start[shape]] / STEPS)), 0.0, parts[shape], 0
        for p in range(start[shape], start[shape + 1] - 1):
            dx, dy = (float(xs[p + 1]) - xs[p]) * narrow, float(ys[p + 1]) - ys[p]
            own = np.sqrt(dx * dx + dy * dy) * _METRES_PER_STEP
            last = p == start[shape + 1] - 2
            while part < n and (last or (part + 0.5) / n * lengths[shape] <= done + own):
                share = ((part + 0.5) / n * lengths[shape] - done) / own if own > 0 else 0.0
                share = min(max(share, 0.0), 1.0)
                owner[at], along[at], half[at] = shape, (part + 0.5) / n, 0.5 / n
                lon[at] = xs[p] + share * (float(xs[p + 1]) - xs[p])
                lat[at] = ys[p] + share * (float(ys[p + 1]) - ys[p])
                part, at = part + 1, at + 1
            done += own
    return owner, along, half, lon, lat


@compiled
def into_buckets(x: _Array, y: _Array, frame: tuple[float, float, float, int, int]) -> tuple[_Array, _Array]:
    """Sort points into squares (west, south, side, columns, rows): first entry of each, and the points."""
    west, south, side, columns, rows = frame
    first = np.zeros(columns * rows + 1, np.int64)
    own = np.empty(len(x), np.int64)
    for i in range(len(x)):
        column = min(max(int(np.floor((x[i] - west) / side)), 0), columns - 1)
        row = min(max(int(np.floor((y[i] - south) / side)), 0), rows - 1)
        own[i] = row * columns + column
        first[own[i] + 1] += 1
    for i in range(columns * rows):
        first[i + 1] += first[i]
    place, order = first.copy(), np.empty(len(x), np.int32)
    for i in range(len(x)):
        order[place[own[i]]] = i
        place[own[i]] += 1
    return first, order


@compiled
def _nearest_in(
    px: float, py: float, far: float, frame: tuple[float, float, float, int, int], buckets: Any, points: Any
) -> float:
    """Give the distance to the nearest point, inf where none is within ``far``."""
    left0, low0, side, wide, high = frame
    first, order = buckets
    x, y = points
    c, r = int(np.floor((px - left0) / side)), int(np.floor((py - low0) / side))
    best, found, ring = far * far, False, 0
    # The squares within ``ring`` of the point's own hold all points within ring x side of it, at least.
    while ring == 0 or ((ring - 1) * side) * ((ring - 1) * side) <= best:
        for row in range(max(r - ring, 0), min(r + ring, high - 1) + 1):
            step = 1 if ring == 0 or row == r - ring or row == r + ring else 2 * ring
            for column in range(c - ring, c + ring + 1, step):
                if column < 0 or column >= wide:
                    continue
                for entry in range(first[row * wide + column], first[row * wide + column + 1]):
                    i = order[entry]
                    d = (x[i] - px) * (x[i] - px) + (y[i] - py) * (y[i] - py)
                    if d <= best:
                        best, found = d, True
        ring += 1
    return float(np.sqrt(best)) if found else np.inf


@compiled
def _gather(
    px: float, py: float, room: float, frame: Any, buckets: Any, points: Any, into: _Array
) -> tuple[_Array, int]:
    """List the points within a distance in a row of ``into``, or in a longer one: (rows, count)."""
    left0, low0, side, wide, high = frame
    first, order = buckets
    x, y = points
    left = max(int(np.floor((px - room - left0) / side)), 0)
    right = min(int(np.floor((px + room - left0) / side)), wide - 1)
    low = max(int(np.floor((py - room - low0) / side)), 0)
    top = min(int(np.floor((py + room - low0) / side)), high - 1)
    count = 0
    for row in range(low, top + 1):
        if left > right:
            break
        for entry in range(first[row * wide + left], first[row * wide + right + 1]):
            i = order[entry]
            if (x[i] - px) * (x[i] - px) + (y[i] - py) * (y[i] - py) <= room * room:
                if count == into.shape[1]:
                    longer = np.empty((into.shape[0], 2 * count), np.int32)
                    longer[0, :count] = into[0]
                    into = longer
                into[0, count] = i
                count += 1
    return into, count


@compiled
def _weigh(
    px: float, py: float, listed: _Array, points: Any, costs: Any, sizes: tuple[float, float, float]
) -> tuple[float, int, int, int, int, bool]:
    """Weigh the points that count for places within ``around`` of a point; they are moved to the front.

    With q the nearest at distance d, another at distance e, and the angle between them seen from here, a
    place p meets the part of the other only if it is not farther from it than from q, half a part aside.
    The distance from p to the other is at least e - p . u, as distances are convex, with u the unit vector
    to it; that to q is at most d - p . v + r^2 / 2 (d - r). So e <= d + r |u - v| + r^2 / 2 (d - r) + half a
    part; and always e <= d + 2 r + half a part.

    Returns
    -------
    tuple
        Distance to the nearest, its site, how many count, the largest and the least cost, and whether all
        come from one site.
    """
    x, y = points
    most, least, label = costs
    around, half_part, _ = sizes
    best, nearest = np.inf, listed[0]
    for i in listed:
        d = (x[i] - px) * (x[i] - px) + (y[i] - py) * (y[i] - py)
        if d < best or (d == best and label[i] < label[nearest]):
            best, nearest = d, i
    d = np.sqrt(best)
    widest = (d + 2 * around + half_part) * TURNED
    bulge = around * around / (2 * (d - around)) if d > 2 * around else np.inf
    vx, vy = (x[nearest] - px) / max(d, 1e-9), (y[nearest] - py) / max(d, 1e-9)
    high, low, count, one = 0, BEYOND, 0, True
    for i in listed:
        dx, dy = x[i] - px, y[i] - py
        e = np.sqrt(dx * dx + dy * dy)
        if e > widest:
            continue
        if bulge < np.inf:
            ux, uy = dx / e - vx, dy / e - vy
            if e > (d + around * np.sqrt(ux * ux + uy * uy) + bulge + half_part) * TURNED:
                continue
        high, low = max(high, most[i]), min(low, least[i])
        one = one and label[i] == label[nearest]
        listed[count] = i
        count += 1
    return d, label[nearest], count, high, low, one


@compiled
def _class_of(
    d: float, high: int, low: int, limits: _Array, sizes: tuple[float, float, float], slope: float
) -> tuple[int, int]:
    """Give the first limit that holds for all places around a point, and the first that may for some."""
    around, half_part, far = sizes
    n = len(limits)
    worst, best = n, n
    if high < BEYOND and (d + around) * STRETCH <= far:
        bound = high + int(np.ceil(slope * (d + around) * STRETCH)) + 1
        worst = int(np.searchsorted(limits, bound))
    near = max(d - around - half_part, 0.0) / STRETCH
    if low < BEYOND and near <= far:
        best = int(np.searchsorted(limits, low + int(slope * near) - 1))
    return worst, best


@compiled
def classify(
    lattice: tuple[float, float, float, int, int],
    blocks: tuple[int, int],
    frame: tuple[float, float, float, int, int],
    buckets: tuple[_Array, _Array],
    points: tuple[_Array, _Array],
    costs: tuple[_Array, _Array, _Array],
    limits: _Array,
    rules: tuple[float, float, float, float],
    out: tuple[_Array, _Array],
) -> None:
    """Find for every vertex of some rows of blocks the first limit that holds for all places around it.

    A block of 2^k x 2^k vertices is decided at once where that limit is the same for all of it, else its
    four quarters are looked at; each takes over the points on roads that its block had found.

    Parameters
    ----------
    lattice
        West, south, spacing, columns, rows.
    blocks
        First and end row of blocks of 2^``TOP_LEVEL`` vertices.
    frame, buckets, points
        See `into_buckets`.
    costs
        Of each point the most and the least hundredths of its part, and its site.
    limits
        Hundredths, ascending.
    rules
        Hundredths per metre off the road, the farthest metres off the road, half the length of a part, and
        the spacings around a vertex for which its limit holds.
    out
        Written to: (rows, columns) position among the limits, their number beyond all; and the site for
        every 2^``SITE_LEVEL`` vertices.
    """
    west, south, spacing, columns, rows = lattice
    slope, far, half_part, vertices_around = rules
    band, owner = out
    size, sites = 1 << TOP_LEVEL, 1 << SITE_LEVEL
    listed = np.empty((TOP_LEVEL + 1, 1024), np.int32)
    counts, turns = np.zeros(TOP_LEVEL + 1, np.int64), np.zeros(TOP_LEVEL + 1, np.int64)
    firsts = np.zeros((TOP_LEVEL + 1, 2), np.int64)
    for row0 in range(blocks[0] * size, min(blocks[1] * size, rows), size):
        for column0 in range(0, columns, size):
            middle = (size - 1) / 2 * spacing
            px, py = west + column0 * spacing + middle, south + row0 * spacing + middle
            around = (np.sqrt(2.0) * (size - 1) / 2 + vertices_around) * spacing
            d = _nearest_in(px, py, far * STRETCH + around + half_part, frame, buckets, points)
            if d == np.inf:
                continue
            room = (d + 2 * around + half_part) * TURNED
            listed, counts[0] = _gather(px, py, room, frame, buckets, points, listed)
            firsts[0, 0], firsts[0, 1], turns[0] = column0, row0, -1
            depth = 0
            while depth >= 0:
                level = TOP_LEVEL - depth
                wide = 1 << level
                c, r = firsts[depth, 0], firsts[depth, 1]
                if turns[depth] < 0:  # the block itself
                    middle = (wide - 1) / 2 * spacing
                    px, py = west + c * spacing + middle, south + r * spacing + middle
                    around = (np.sqrt(2.0) * (wide - 1) / 2 + vertices_around) * spacing
                    sizes = (around, half_part, far)
                    own = listed[depth, : counts[depth]]
                    d, site, counts[depth], high, low, one = _weigh(px, py, own, points, costs, sizes)
                    worst, best = _class_of(d, high, low, limits, sizes, slope)
                    known = worst == best and (one or worst == len(limits) or level <= SITE_LEVEL)
                    if level == SITE_LEVEL or (known and level > SITE_LEVEL):
                        for a in range(r // sites, min((r + wide) // sites, owner.shape[0])):
                            for b in range(c // sites, min((c + wide) // sites, owner.shape[1])):
                                owner[a, b] = site
                    if known or level == 0:
                        for a in range(r, min(r + wide, rows)):
                            for b in range(c, min(c + wide, columns)):
                                band[a, b] = worst
                        depth -= 1
                        continue
                turns[depth] += 1
                turn = turns[depth]
                if turn == 4:
                    depth -= 1
                    continue
                half = wide >> 1
                c, r = c + half * (turn & 1), r + half * (turn >> 1)
                if c >= columns or r >= rows:
                    continue
                count = counts[depth]
                listed[depth + 1, :count] = listed[depth, :count]
                counts[depth + 1], turns[depth + 1] = count, -1
                firsts[depth + 1, 0], firsts[depth + 1, 1] = c, r
                depth += 1


@compiled
def point_times(
    ways: tuple[_Array, _Array, _Array], time: _Array, site: _Array, own_site: _Array
) -> tuple[_Array, _Array]:
    """Give the least hundredths of each point on a road and the site they come from, ties to the lower."""
    node, before, own = ways
    least, label = own.copy(), own_site.copy()
    for i in range(len(own)):
        for way in range(2):
            v = node[i, way]
            if v < 0 or time[v] == BEYOND:
                continue
            t = np.int64(time[v]) + before[i, way]
            if t < least[i] or (t == least[i] and site[v] < label[i]):
                least[i], label[i] = t, site[v]
    return least, label
