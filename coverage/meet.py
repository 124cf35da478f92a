"""Where sites and residents meet the network: the one rule by which every measure of coverage does it.

On a network for walking the costs are centimetres along its ways (`on_foot`), so that the searches, which
count in whole centiseconds, count in whole centimetres.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata.demand import Demand
from ..geodata.layers import Layer
from ..geodata.network import CLOSED, NODE_CELL, Network
from . import snap
from .kept import Kept
from .snap import Access
from .standards import Standard

_METRE_A_SECOND_KMH = 3.6
"""The speed at which seconds are metres."""


def on_foot(network: Network, standard: Standard) -> Network | None:
    """Give the network on which a standard of walking is measured, its costs in centimetres.

    None where distances are straight lines: the network is not one for walking, or the limits are a straight
    radius (detour 1).
    """
    if network.mode != "walk" or standard.detour == 1:
        return None
    length = np.maximum(np.rint(np.asarray(network.metres, np.float64) * 100), 1).astype(np.int32)
    closed = np.asarray(network.centiseconds) == CLOSED
    return replace(network, centiseconds=np.where(closed, np.int32(CLOSED), length))


def points(network: Network, lon: ArrayLike, lat: ArrayLike, standard: Standard) -> Access:
    """Let sites or residents meet the network; on real roads not beyond ``snap.FARTHEST_M``."""
    return snap.attach(
        network,
        lon,
        lat,
        detour=standard.detour,
        speed_kmh=standard.access_kmh if standard.mode == "drive" else _METRE_A_SECOND_KMH,
        limit_m=None if network.shapes is None else snap.FARTHEST_M,
    )


_CELLS = Kept[Access](most=4)
"""How the residents met the last networks: every measure of a layer asks for it."""


def cells(network: Network, demand: Demand, standard: Standard) -> Access:
    """Let cells meet the network: cell i stands at node i where that is made for it, others as sites do."""
    key = standard.mode, standard.detour, standard.access_kmh
    return _CELLS.get((network, demand), key, lambda: _cells(network, demand, standard))


def _cells(network: Network, demand: Demand, standard: Standard) -> Access:
    both = min(len(demand.cell), network.n_nodes)
    own = np.zeros(len(demand.cell), bool)
    own[:both] = (
        (np.asarray(network.kind)[:both] == NODE_CELL)
        & (np.asarray(network.lon)[:both] == demand.lon[:both])
        & (np.asarray(network.lat)[:both] == demand.lat[:both])
    )
    if not own.any():
        return points(network, demand.lon, demand.lat, standard)
    others = points(network, demand.lon[~own], demand.lat[~own], standard)
    return snap.merged(snap.at_nodes(network, np.flatnonzero(own)), others, own)


def by_node(places: Access, n_nodes: int) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """List the ways into places by the node at which they begin: (first of each node, places, costs)."""
    place, node, cost = places.entries()
    order = np.argsort(node, kind="stable")
    first = np.zeros(n_nodes + 1, np.int64)
    np.cumsum(np.bincount(node, minlength=n_nodes), out=first[1:])
    return first, place[order].astype(np.int32), cost[order]


def sites(layer: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coordinates of the sites of a layer: longitudes, latitudes."""
    return layer.table["lon"].to_numpy(np.float64), layer.table["lat"].to_numpy(np.float64)
