"""The transportation problem of a few open sites by shortest augmenting paths among the sites, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...geodata.compiled import compiled
from .capacity_kernels import Arcs, Floats, Heads, Ints, Mask

_NEVER = -1e300


class _Transport(NamedTuple):
    gain: Floats
    """(s + 1, k) worth of a resident at each open site; the last row is nobody's: not served."""
    flow: Floats
    """(s + 1, k)."""
    loss: Floats
    """(s + 1, s + 1) least loss of moving a resident from one site to another."""
    mover: Heads
    """(s + 1, s + 1) the class that loses it, -1: none."""


@compiled
def _scan(state: _Transport, a: int, b: int) -> None:
    """Find the class that loses least by moving from a to b."""
    least, who = np.inf, -1
    for r in range(state.gain.shape[1]):
        if state.flow[a, r] > 0.0 and state.gain[b, r] > _NEVER:
            more = state.gain[a, r] - state.gain[b, r]
            if more < least:
                least, who = more, r
    state.loss[a, b], state.mover[a, b] = least, who


@compiled
def _shortest(state: _Transport, room: Floats, length: Floats, to: Heads, tiny: float) -> None:
    """Find for each site the least loss of making room for one resident, and the next site on the way."""
    s = len(room)
    for a in range(s):
        length[a], to[a] = (0.0 if room[a] > tiny else np.inf), -1
    changed = True
    passes = 0
    while changed and passes <= s:
        changed = False
        passes += 1
        for a in range(s):
            for b in range(s):
                if a != b and state.loss[a, b] + length[b] < length[a] - 1e-12 * (1.0 + abs(length[b])):
                    length[a], to[a] = state.loss[a, b] + length[b], b
                    changed = True


@compiled
def _push(state: _Transport, room: Floats, to: Heads, first: int) -> None:
    """Move as many residents as possible along the ways in ``to``, from a site that holds too many."""
    s = len(room)
    most, a = -room[first], first
    while to[a] >= 0:
        most = min(most, state.flow[a, state.mover[a, to[a]]])
        a = to[a]
    most = min(most, room[a])
    room[first] += most
    room[a] -= most
    a = first
    moved = np.empty(s, np.int64)
    steps = 0
    while to[a] >= 0:
        r, b = state.mover[a, to[a]], to[a]
        moved[steps] = r
        steps += 1
        state.flow[a, r] -= most
        a = b
    a, i = first, 0
    while to[a] >= 0:
        r, b = moved[i], to[a]
        state.flow[b, r] += most
        a, i = b, i + 1
    a, i = first, 0
    while to[a] >= 0:
        r, b = moved[i], to[a]
        for c in range(s):
            if c != b and state.gain[c, r] > _NEVER:
                more = state.gain[b, r] - state.gain[c, r]
                if more < state.loss[b, c]:
                    state.loss[b, c], state.mover[b, c] = more, r
        a, i = b, i + 1
    a, i = first, 0
    while to[a] >= 0:
        r, b = moved[i], to[a]
        if state.flow[a, r] <= 0.0:
            for c in range(s):
                if c != a and state.mover[a, c] == r:
                    _scan(state, a, c)
        a, i = b, i + 1


@compiled
def transport(arcs: Arcs, opened: Mask, outside: float, tiny: float) -> tuple[float, Floats, Floats]:
    """Divide all residents over open sites at the largest gain; outside, each is worth ``outside``.

    Everybody begins at the best site. What exceeds a capacity leaves along shortest ways in the graph of
    sites, on which classes move from one to the next at the least loss (successive shortest paths; Busacker
    and Gowen 1961; as a graph of sites Tokuyama and Nakano 1995).

    Returns
    -------
    value, price, flow
        What the division is worth; the price of each class (k,), with which the sites' knapsacks prove that
        value; and the flow (pairs by site,).
    """
    k = len(arcs.weight)
    sites = np.flatnonzero(opened)
    s = len(sites) + 1
    gain, flow = np.full((s, k), -np.inf), np.zeros((s, k))
    gain[s - 1, :] = outside
    room = np.full(s, np.inf)
    best = np.full(k, s - 1)
    for a in range(s - 1):
        j = sites[a]
        room[a] = arcs.capacity[j]
        for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
            r = arcs.site_row[e]
            gain[a, r] = arcs.gain[e]
            if arcs.gain[e] > gain[best[r], r]:
                best[r] = a
    state = _Transport(gain, flow, np.full((s, s), np.inf), np.full((s, s), -1, np.int32))
    for r in range(k):
        a = best[r]
        flow[a, r] = arcs.weight[r]
        room[a] -= arcs.weight[r]
        for b in range(s):
            if b != a and gain[b, r] > _NEVER and gain[a, r] - gain[b, r] < state.loss[a, b]:
                state.loss[a, b], state.mover[a, b] = gain[a, r] - gain[b, r], r
    room[s - 1] = np.inf
    length, to = np.zeros(s), np.full(s, -1, np.int32)
    for a in range(s - 1):
        while room[a] < -tiny:
            _shortest(state, room, length, to, tiny)
            _push(state, room, to, a)
    _shortest(state, room, length, to, tiny)
    return _result(arcs, sites, state, np.maximum(length, 0.0))


@compiled
def _result(arcs: Arcs, sites: Ints, state: _Transport, rent: Floats) -> tuple[float, Floats, Floats]:
    """Sum up: value, prices from the rents of the sites, and flow by pairs."""
    k, value = len(arcs.weight), 0.0
    price = state.gain[len(sites)].copy()
    sent = np.zeros(len(arcs.gain))
    for r in range(k):
        value += state.flow[len(sites), r] * state.gain[len(sites), r]
    for a in range(len(sites)):
        j = sites[a]
        for e in range(arcs.site_start[j], arcs.site_start[j + 1]):
            r = arcs.site_row[e]
            sent[e] = state.flow[a, r]
            value += sent[e] * arcs.gain[e]
            price[r] = max(price[r], arcs.gain[e] - rent[a])
    return value, price, sent
