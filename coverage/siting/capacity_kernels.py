"""Compiled inner loops of the capacitated models: maximum flows, their cuts, and what sites are worth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import compiled

Ints = NDArray[np.int64]
Heads = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

FAR = 1 << 30
"""Distance of what cannot reach the sink."""


class Arcs(NamedTuple):
    """Pairs of k classes and n sites, twice: by class and by site. Flows are kept by site."""

    row_start: Ints
    row_site: Heads
    row_pair: Ints
    """Pairs of class r: sites ``row_site[row_start[r]:row_start[r + 1]]``, and their places by site."""
    site_start: Ints
    site_row: Heads
    """Classes of site j: ``site_row[site_start[j]:site_start[j + 1]]``."""
    gain: Floats
    """(pairs by site,) what one resident of the class is worth at the site."""
    weight: Floats
    """(k,) residents."""
    capacity: Floats
    """(n,) finite."""


class _Net(NamedTuple):
    x: Floats
    flow: Floats
    supply: Floats
    room: Floats
    row_far: Heads
    site_far: Heads
    """Distance to the sink in the residual graph."""
    row_at: Ints
    site_at: Ints
    """Where the search from a class or a site goes on."""
    queue: Heads
    tiny: float


@compiled
def _distances(arcs: Arcs, net: _Net) -> bool:
    """Search breadth first from the sites with room; true where a class with supply is reached."""
    net.row_far[:] = FAR
    net.site_far[:] = FAR
    head, tail, reached = 0, 0, False
    for j in range(len(net.x)):
        if net.room[j] > net.tiny:
            net.site_far[j] = 0
            net.queue[tail] = j
            tail += 1
    while head < tail:
        j = net.queue[head]
        head += 1
        for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
            r = arcs.site_row[e]
            if net.row_far[r] == FAR and net.flow[e] < arcs.weight[r] * net.x[j] - net.tiny:
                net.row_far[r] = net.site_far[j] + 1
                reached = reached or net.supply[r] > net.tiny
                for i in range(arcs.row_start[r], arcs.row_start[r + 1]):
                    other = arcs.row_site[i]
                    if net.site_far[other] == FAR and net.flow[arcs.row_pair[i]] > net.tiny:
                        net.site_far[other] = net.row_far[r] + 1
                        net.queue[tail] = other
                        tail += 1
    return reached


@compiled
def _to_site(arcs: Arcs, net: _Net, r: int) -> bool:
    """Move on to the next site that is nearer to the sink; false where a class has none left."""
    while net.row_at[r] < arcs.row_start[r + 1]:
        e, j = arcs.row_pair[net.row_at[r]], arcs.row_site[net.row_at[r]]
        nearer = net.site_far[j] == net.row_far[r] - 1 and (net.site_far[j] > 0 or net.room[j] > net.tiny)
        if nearer and net.flow[e] < arcs.weight[r] * net.x[j] - net.tiny:
            return True
        net.row_at[r] += 1
    return False


@compiled
def _to_row(arcs: Arcs, net: _Net, j: int) -> bool:
    """Move on to the next class that can leave a site, nearer to the sink; false where none is left."""
    while net.site_at[j] < arcs.site_start[j + 1]:
        e = net.site_at[j]
        if net.flow[e] > net.tiny and net.row_far[arcs.site_row[e]] == net.site_far[j] - 1:
            return True
        net.site_at[j] += 1
    return False


@compiled
def _way(arcs: Arcs, net: _Net, path: Ints, root: int) -> int:
    """Find a way from a class to a site with room, depth first: its length, -1 where there is none.

    ``path[0], path[2], ...`` are the pairs entered, ``path[1], ...`` those left.
    """
    r, depth = root, 0
    while True:
        if not _to_site(arcs, net, r):
            if depth == 0:
                return -1
            depth -= 2  # the site before gives up this class
            r = arcs.site_row[path[depth]]
            net.site_at[arcs.row_site[net.row_at[r]]] += 1
            continue
        path[depth] = arcs.row_pair[net.row_at[r]]
        j = arcs.row_site[net.row_at[r]]
        if net.site_far[j] == 0:
            return depth
        if not _to_row(arcs, net, j):
            net.row_at[r] += 1
            continue
        path[depth + 1] = net.site_at[j]
        depth += 2
        r = arcs.site_row[path[depth - 1]]


@compiled
def _augment(arcs: Arcs, net: _Net, path: Ints, root: int) -> None:
    """Send what a class still supplies along shortest ways to the sink (Dinic 1970)."""
    while net.supply[root] > net.tiny:
        depth = _way(arcs, net, path, root)
        if depth < 0:
            return
        last = arcs.row_site[net.row_at[arcs.site_row[path[depth]]]]
        most = min(net.supply[root], net.room[last])
        for i in range(0, depth + 1, 2):
            r = arcs.site_row[path[i]]
            limit = arcs.weight[r] * net.x[arcs.row_site[net.row_at[r]]]
            most = min(most, limit - net.flow[path[i]])
            if i < depth:
                most = min(most, net.flow[path[i + 1]])
        for i in range(0, depth + 1, 2):
            net.flow[path[i]] += most
            if i < depth:
                net.flow[path[i + 1]] -= most
        net.supply[root] -= most
        net.room[last] -= most


@compiled
def max_flow(arcs: Arcs, x: Floats, flow: Floats, tiny: float) -> tuple[float, Mask, Mask]:
    """Send as many residents as possible to sites open to the shares ``x`` (Dinic 1970).

    At most ``w_r`` leave class ``r``, ``w_r x_j`` go from it to site ``j``, and ``cap_j x_j`` fit in.

    Parameters
    ----------
    flow
        (pairs by site,) a flow to begin with, such as zeros; the largest one afterwards.
    tiny
        Amounts that count as nothing.

    Returns
    -------
    served, far, near
        The flow's size, and two sets of classes (k,) on the source's side of a smallest cut: all that cannot
        reach a site with room, and those only that unserved residents reach.
    """
    k, n = len(arcs.weight), len(x)
    supply, room = arcs.weight.copy(), arcs.capacity * x
    for j in range(n):
        for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
            supply[arcs.site_row[e]] -= flow[e]
            room[j] -= flow[e]
    for r in range(k):
        for i in range(arcs.row_start[r], arcs.row_start[r + 1]):
            e, j = arcs.row_pair[i], arcs.row_site[i]
            more = min(supply[r], room[j], arcs.weight[r] * x[j] - flow[e])
            if more > tiny:
                flow[e] += more
                supply[r] -= more
                room[j] -= more
    far, away = np.empty(k, np.int32), np.empty(n, np.int32)
    row_at, site_at = np.empty(k, np.int64), np.empty(n, np.int64)
    queue, path = np.empty(max(n, k) + 1, np.int32), np.empty(2 * (n + k) + 4, np.int64)
    net = _Net(x, flow, supply, room, far, away, row_at, site_at, queue, tiny)
    while _distances(arcs, net):
        row_at[:] = arcs.row_start[:-1]
        site_at[:] = arcs.site_start[:-1]
        for r in range(k):
            if supply[r] > tiny and far[r] < FAR:
                _augment(arcs, net, path, r)
    return arcs.weight.sum() - supply.sum(), far == FAR, _near(arcs, net)


@compiled
def _near(arcs: Arcs, net: _Net) -> Mask:
    """Mark the classes that can be reached from those with supply in the residual graph."""
    seen, known = np.zeros(len(net.supply), np.bool_), np.zeros(len(net.x), np.bool_)
    tail = 0
    for r in range(len(seen)):
        if net.supply[r] > net.tiny:
            seen[r] = True
            net.queue[tail] = r
            tail += 1
    head = 0
    while head < tail:
        r = net.queue[head]
        head += 1
        for i in range(arcs.row_start[r], arcs.row_start[r + 1]):
            j = arcs.row_site[i]
            if not known[j] and net.flow[arcs.row_pair[i]] < arcs.weight[r] * net.x[j] - net.tiny:
                known[j] = True
                for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
                    other = arcs.site_row[e]
                    if not seen[other] and net.flow[e] > net.tiny:
                        seen[other] = True
                        net.queue[tail] = other
                        tail += 1
    return seen


@compiled
def open_arcs(arcs: Arcs, opened: Mask) -> tuple[Arcs, Ints]:
    """Keep the pairs of open sites only: the arcs of these sites, and the place by site of each pair."""
    k = len(arcs.weight)
    sites = np.flatnonzero(opened)
    row_start, site_start = np.zeros(k + 1, np.int64), np.zeros(len(sites) + 1, np.int64)
    for a in range(len(sites)):
        j = sites[a]
        site_start[a + 1] = site_start[a] + arcs.site_start[j + 1] - arcs.site_start[j]
        for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
            row_start[arcs.site_row[e] + 1] += 1
    for r in range(k):
        row_start[r + 1] += row_start[r]
    count = site_start[-1]
    at, place = row_start[:-1].copy(), np.empty(count, np.int64)
    row_site, row_pair = np.empty(count, np.int32), np.empty(count, np.int64)
    site_row, gain = np.empty(count, np.int32), np.empty(count)
    i = 0
    for a in range(len(sites)):
        for e in range(arcs.site_start[sites[a]], arcs.site_start[sites[a] + 1]):
            r = arcs.site_row[e]
            site_row[i], gain[i], place[i] = r, arcs.gain[e], e
            row_site[at[r]], row_pair[at[r]] = a, i
            at[r] += 1
            i += 1
    sub = Arcs(row_start, row_site, row_pair, site_start, site_row, gain, arcs.weight, arcs.capacity[sites])
    return sub, place


@compiled
def _unite(arcs: Arcs, inside: Mask, group: Ints, union: Ints, j: int) -> None:
    """Unite the groups of a site's classes in a set; the first group stands for all (Galler, Fisher 1964)."""
    first = -1
    for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
        if inside[arcs.site_row[e]]:
            g = group[arcs.site_row[e]]
            while union[g] != g:
                g = union[g]
            first = g if first < 0 else first
            low, high = min(first, g), max(first, g)
            union[high] = low
            first = low


@compiled
def cut_slopes(arcs: Arcs, inside: Mask, group: Ints, n_groups: int) -> tuple[Ints, Floats]:
    """Split the cut of a set of classes into as many cuts as it falls apart into.

    Classes belong to groups. A site whose capacity is less than the residents of the set within its reach
    ties the groups of these together; else it counts for each group by itself.

    Returns
    -------
    union, slope
        (G,) first group of the union that each belongs to, and (G, n) in the row of that group
        ``min(cap_j, residents of the set in the union within reach)`` of each site.
    """
    n = len(arcs.capacity)
    union, held = np.arange(n_groups), np.zeros(n)
    for j in range(n):
        for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
            if inside[arcs.site_row[e]]:
                held[j] += arcs.weight[arcs.site_row[e]]
        if held[j] > arcs.capacity[j]:
            _unite(arcs, inside, group, union, j)
    for g in range(n_groups):
        union[g] = union[union[g]]
    slope = np.zeros((n_groups, n))
    for j in range(n):
        for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
            if inside[arcs.site_row[e]]:
                g = union[group[arcs.site_row[e]]]
                slope[g, j] += arcs.weight[arcs.site_row[e]]
        if held[j] > arcs.capacity[j]:
            for g in range(n_groups):
                slope[g, j] = min(slope[g, j], arcs.capacity[j])
    return union, slope


@compiled
def site_worths(arcs: Arcs, price: Floats, x: Floats, used: Floats) -> Floats:
    """Give the worth of each open site where class r asks a price per resident (n,).

    The continuous knapsack ``K_j = max sum_r (gain_rj - price_r) f_r`` with ``0 <= f_r <= w_r`` and
    ``sum_r f_r <= cap_j`` (Dantzig 1957). Adds ``x_j f_rj`` to ``used`` (k,).
    """
    n = len(arcs.capacity)
    worth = np.zeros(n)
    most = 0
    for j in range(n):
        most = max(most, arcs.site_start[j + 1] - arcs.site_start[j])
    value, amount, who = np.empty(most), np.empty(most), np.empty(most, np.int64)
    for j in range(n):
        count, total, full = 0, 0.0, 0.0
        for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
            r = arcs.site_row[e]
            more = arcs.gain[e] - price[r]
            if more > 0.0:
                value[count], amount[count], who[count] = more, arcs.weight[r], r
                total += arcs.weight[r]
                full += more * arcs.weight[r]
                count += 1
        if total <= arcs.capacity[j]:
            worth[j] = full
            if x[j] > 0.0:
                for i in range(count):
                    used[who[i]] += x[j] * amount[i]
            continue
        left = arcs.capacity[j]
        for i in np.argsort(-value[:count], kind="mergesort"):
            part = min(amount[i], left)
            worth[j] += part * value[i]
            used[who[i]] += x[j] * part
            left -= part
            if left <= 0.0:
                break
    return worth
