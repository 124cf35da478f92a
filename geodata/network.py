"""Network: a road graph as CSR arrays, memory-mapped, immutable.

Times are integer centiseconds and lengths metres. Nodes are positions 0..n-1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .store import load_arrays, save_arrays

APPROXIMATE = "近似路网"
"""The label that every product of the approximate network carries."""

NODE_CELL, NODE_SETTLEMENT, NODE_SEAT, NODE_INTERCHANGE = range(4)
"""Values of ``Network.kind``: hexagon centre, settlement, county seat, expressway interchange."""


@dataclass(frozen=True)
class Network:
    """A directed road graph of n nodes and m edges in compressed sparse rows.

    The edges that leave node ``v`` are ``start[v]:start[v + 1]``.
    """

    lon: NDArray[np.float64]
    """(n,) WGS84 longitude of the nodes, degrees."""
    lat: NDArray[np.float64]
    """(n,) WGS84 latitude, degrees."""
    kind: NDArray[np.uint8]
    """(n,) what a node stands for: one of ``NODE_…``."""
    name: NDArray[np.str_]
    """(n,) name of the place or interchange, empty where there is none."""
    start: NDArray[np.int64]
    """(n + 1,) first edge of each node."""
    head: NDArray[np.int32]
    """(m,) node at the end of each edge."""
    centiseconds: NDArray[np.int32]
    """(m,) driving time, 1/100 s, at least 1."""
    metres: NDArray[np.float32]
    """(m,) length along the road."""
    road: NDArray[np.int16]
    """(m,) position in ``roads`` of the road that the edge is part of."""
    roads: tuple[str, ...]
    """Names of the roads; the first is the empty name of unnamed local roads."""
    meta: dict[str, Any] = field(default_factory=dict)
    """Origin, label (近似路网 or empty), parameters, hash of the content."""

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.lon)

    @property
    def n_edges(self) -> int:
        """Number of directed edges."""
        return len(self.head)

    @property
    def label(self) -> str:
        """近似路网 where the network is approximate, else empty."""
        return str(self.meta.get("label", ""))


_ARRAYS = ("lon", "lat", "kind", "name", "start", "head", "centiseconds", "metres", "road")


def save_network(network: Network, folder: Path) -> str:
    """Save to a folder of ``.npy`` files and return the hash of the content."""
    arrays = {name: getattr(network, name) for name in _ARRAYS}
    meta = {key: value for key, value in network.meta.items() if key != "hash"}
    return save_arrays(folder, {**arrays, "roads": np.array(network.roads)}, kind="network", meta=meta)


def load_network(folder: Path, *, verify: bool = True) -> Network:
    """Open a saved network as read-only memory maps (milliseconds); raises ``WorkspaceError``."""
    arrays, meta = load_arrays(folder, kind="network", verify=verify, names=(*_ARRAYS, "roads"))
    roads = tuple(str(name) for name in arrays.pop("roads"))
    return Network(**arrays, roads=roads, meta=meta)


def from_edges(
    tail: NDArray[np.integer[Any]], head: NDArray[np.integer[Any]], n_nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort directed edges into rows: returns ``(start, order)``, ``order`` the edges by tail, then head."""
    order = np.lexsort((head, tail))
    start = np.zeros(n_nodes + 1, np.int64)
    np.cumsum(np.bincount(tail, minlength=n_nodes), out=start[1:])
    return start, order
