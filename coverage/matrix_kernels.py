"""Compiled passes that make pairs and ranks of what the searches found."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geodata.compiled import compiled

Array = NDArray[Any]
Rows = tuple[Array, Array, Array]
"""Compressed sparse rows: first entry of each row, what each entry is, and its cost."""


@compiled
def join(found: Rows, beside: Rows, ways: Rows, n_places: int, limit: int) -> Rows:
    """Go on from the nodes that each site reaches into places.

    ``found`` are the nodes by site, ``beside`` places that a site reaches along one road, ``ways`` the places
    by node. Of several ways to a place the least counts; what costs more than the limit is left out.
    """
    n_sites, room = len(found[0]) - 1, len(beside[1])
    for node in found[1]:
        room += ways[0][node + 1] - ways[0][node]
    place, cost = np.empty(room, np.int32), np.empty(room, np.int32)
    indptr, best = np.zeros(n_sites + 1, np.int64), np.full(n_places, np.int64(limit) + 1)
    count = 0
    for site in range(n_sites):
        begin = count
        for i in range(found[0][site], found[0][site + 1]):
            node, before = found[1][i], np.int64(found[2][i])
            for way in range(ways[0][node], ways[0][node + 1]):
                where, total = ways[1][way], before + ways[2][way]
                if total < best[where]:
                    if best[where] > limit:
                        place[count] = where
                        count += 1
                    best[where] = total
        for i in range(beside[0][site], beside[0][site + 1]):
            where = beside[1][i]
            if beside[2][i] < best[where]:
                if best[where] > limit:
                    place[count] = where
                    count += 1
                best[where] = beside[2][i]
        for i in range(begin, count):
            cost[i] = best[place[i]]
            best[place[i]] = np.int64(limit) + 1
        indptr[site + 1] = count
    return indptr, place[:count].copy(), cost[:count].copy()


@compiled
def turn(by_site: Rows, n_places: int) -> Rows:
    """Turn rows by site into rows by place, in each ascending by (cost, site)."""
    indptr, place, cost = by_site
    start = np.zeros(n_places + 1, np.int64)
    for where in place:
        start[where + 1] += 1
    for row in range(n_places):
        start[row + 1] += start[row]
    end = start[:-1].copy()
    site, sorted_cost = np.empty(len(place), np.int32), np.empty(len(place), np.int32)
    for own in range(len(indptr) - 1):
        for i in range(indptr[own], indptr[own + 1]):
            row, spot = place[i], end[place[i]]
            while spot > start[row] and sorted_cost[spot - 1] > cost[i]:
                site[spot], sorted_cost[spot] = site[spot - 1], sorted_cost[spot - 1]
                spot -= 1
            site[spot], sorted_cost[spot] = own, cost[i]
            end[row] += 1
    return start, site, sorted_cost


@compiled
def rank(nearest: tuple[Array, Array], ways: Rows, beside: Rows, unreached: int) -> tuple[Array, Array]:
    """Give every place its k least (cost, site) of different sites: (n, k) sites and costs.

    ``nearest`` are the (nodes, k) sites and times of the nodes, ``ways`` the nodes by which each place is
    reached, ``beside`` the sites that reach it along one road.
    """
    n, k = len(ways[0]) - 1, nearest[0].shape[1]
    site, cost = np.full((n, k), np.int32(-1)), np.full((n, k), np.int32(unreached))
    for row in range(n):
        for way in range(ways[0][row], ways[0][row + 1]):
            node = ways[1][way]
            for j in range(k):
                if nearest[0][node, j] < 0:
                    break
                total = np.int64(nearest[1][node, j]) + ways[2][way]
                if total < unreached:
                    _offer(site[row], cost[row], nearest[0][node, j], total)
        for i in range(beside[0][row], beside[0][row + 1]):
            if beside[2][i] < unreached:
                _offer(site[row], cost[row], beside[1][i], beside[2][i])
    return site, cost


@compiled
def _offer(sites: Array, costs: Array, site: Any, cost: Any) -> None:
    """Put (cost, site) among the k least of a place; of one site the least counts."""
    last = len(sites) - 1
    gap = last
    for j in range(last + 1):
        if sites[j] == site:
            if costs[j] <= cost:
                return
            gap = j
            break
    if sites[gap] != site and sites[gap] >= 0 and (costs[gap], sites[gap]) <= (cost, site):
        return
    while gap > 0 and (sites[gap - 1] < 0 or (costs[gap - 1], sites[gap - 1]) > (cost, site)):
        sites[gap], costs[gap] = sites[gap - 1], costs[gap - 1]
        gap -= 1
    sites[gap], costs[gap] = site, cost
