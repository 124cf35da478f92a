"""Network: a road graph as CSR arrays, memory-mapped, immutable.

Times are integer centiseconds and lengths metres. Nodes are positions 0..n-1. A network that was read from
real roads also knows how they lie on the ground (``shapes``), where to look for the road near a point
(``grid``) and its rows turned round (``into``); the approximate network has none of the three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .network_check import problems_of
from .shapes import Grid, Shapes
from .store import load_arrays, save_arrays
from .texts import Texts

APPROXIMATE = "近似路网"
"""The label that every product of the approximate network carries."""

NODE_CELL, NODE_SETTLEMENT, NODE_SEAT, NODE_INTERCHANGE, NODE_JUNCTION, NODE_FRINGE = range(6)
"""Values of ``Network.kind``.

Of the approximate network: hexagon centre, settlement, county seat, expressway interchange. Of real roads:
a junction (or end) of the largest strongly connected component, and one outside it, which cannot be both
left and reached again.
"""

CLASSES = (
    "",
    "motorway",
    "motorway_link",
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "unclassified",
    "residential",
    "living_street",
    "service",
    "track",
    "road",
    "busway",
    "pedestrian",
    "footway",
    "path",
    "cycleway",
    "bridleway",
    "steps",
    "corridor",
    "ferry",
    "other",
)
"""Classes of roads by ``Network.road_class``: values of OpenStreetMap's ``highway``; the first is unknown."""

CLOSED = -1
"""``Network.centiseconds`` of an edge that nobody may drive now; every kernel skips it."""


@dataclass(frozen=True)
class Incoming:
    """The edges by the node at which they end: those into ``v`` are ``edge[start[v]:start[v + 1]]``."""

    start: NDArray[np.int64]
    """(n + 1,) first entry of each node."""
    tail: NDArray[np.int32]
    """(m,) node from which the edge comes."""
    edge: NDArray[np.int32]
    """(m,) position of the edge in the network; ascending within a node."""


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
    """(m,) travel time, 1/100 s, at least 1; or ``CLOSED``."""
    metres: NDArray[np.float32]
    """(m,) length along the road."""
    road: NDArray[np.integer[Any]]
    """(m,) position in ``roads`` of the road that the edge is part of."""
    roads: Sequence[str]
    """Names of the roads; the first is the empty name of unnamed local roads."""
    meta: dict[str, Any] = field(default_factory=dict)
    """Origin, label (近似路网 or empty), mode, parameters, report of the import, hash of the content."""
    road_class: NDArray[np.uint8] | None = None
    """(m,) position in ``CLASSES``; None where the classes are not known."""
    source_id: NDArray[np.int64] | None = None
    """(n,) id of the node in the source, such as OpenStreetMap's; -1 where it has none."""
    shapes: Shapes | None = None
    """How the roads lie on the ground; None where edges are straight lines."""
    into: Incoming | None = None
    """The rows turned round, as stored; None where they are not stored."""
    grid: Grid | None = None
    """Index of the shapes by place; None where there are no shapes."""

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.lon)

    @property
    def n_edges(self) -> int:
        """Number of directed edges."""
        return len(self.head)

    @property
    def mode(self) -> str:
        """``drive``, ``walk`` or ``heavy``."""
        return str(self.meta.get("mode", "drive"))

    @property
    def label(self) -> str:
        """近似路网 where the network is approximate, else empty."""
        return str(self.meta.get("label", ""))


_ARRAYS = ("lon", "lat", "kind", "name", "start", "head", "centiseconds", "metres", "road")
_MORE = ("road_class", "source_id")
_GROUPS: dict[str, Any] = {"shapes": Shapes, "into": Incoming, "grid": Grid}
_ROADS = ("roads_start", "roads_bytes")


def save_network(
    network: Network, folder: Path, *, beside: Callable[[str], Mapping[str, str]] | None = None
) -> str:
    """Save to a folder of ``.npy`` files and return the hash of the content.

    ``beside`` is given the hash, and gives the text files that lie in the folder as well.
    """
    arrays = {name: getattr(network, name) for name in _ARRAYS}
    arrays |= {name: found for name in _MORE if (found := getattr(network, name)) is not None}
    for group in _GROUPS:
        if (found := getattr(network, group)) is not None:
            arrays |= {f"{group}_{name}": array for name, array in vars(found).items()}
    names = network.roads if isinstance(network.roads, Texts) else Texts.of(network.roads)
    arrays |= dict(zip(_ROADS, (names.start, names.encoded), strict=True))
    meta = {key: value for key, value in network.meta.items() if key != "hash"}
    return save_arrays(folder, arrays, kind="network", meta=meta, beside=beside or (lambda _: {}))


def load_network(folder: Path, *, verify: bool | Literal["once"] = True) -> Network:
    """Open a saved network as read-only memory maps; ``verify`` as in `store.load_arrays`.

    Where checksums are computed the values are checked as well: nothing leads outside the arrays.

    Raises
    ------
    WorkspaceError
        Something is missing, truncated, changed, or no network.
    """
    arrays, meta = load_arrays(
        folder,
        kind="network",
        verify=verify,
        names=(*_ARRAYS, *_ROADS),
        more=_MAY,
        check=_problems,
        fix="请用 boai network build 重新建立; 工作区里的请运行 boai init --force 加工作区文件夹",
    )
    return _made_of(arrays, meta)


def _problems(arrays: Mapping[str, NDArray[Any]], meta: dict[str, Any], deep: bool) -> list[str]:
    made = _made_of(arrays, meta)
    return problems_of(made, deep=deep, kinds=NODE_FRINGE + 1, classes=len(CLASSES))


def _made_of(stored: Mapping[str, NDArray[Any]], meta: dict[str, Any]) -> Network:
    arrays = dict(stored)
    roads = Texts(*(arrays.pop(name) for name in _ROADS))
    groups: dict[str, Any] = {}
    for group, kind in _GROUPS.items():
        own = {name.removeprefix(f"{group}_"): name for name in arrays if name.startswith(f"{group}_")}
        groups[group] = kind(**{short: arrays.pop(name) for short, name in own.items()}) if own else None
    parts: dict[str, Any] = {**arrays, **groups}
    return Network(**parts, roads=roads, meta=meta)


_MAY = (
    frozenset({"road_class"}),
    frozenset({"source_id"}),
    *(frozenset(f"{group}_{name}" for name in kind.__dataclass_fields__) for group, kind in _GROUPS.items()),
)
"""Arrays that a network may have; those of one set come together."""


def incoming(network: Network) -> Incoming:
    """Return the rows turned round: those that are stored, else computed."""
    if network.into is not None:
        return network.into
    order = np.argsort(network.head, kind="stable").astype(np.int32)
    start = np.zeros(network.n_nodes + 1, np.int64)
    np.cumsum(np.bincount(network.head, minlength=network.n_nodes), out=start[1:])
    return Incoming(start, edge_tails(network)[order], order)


def edge_tails(network: Network) -> NDArray[np.int32]:
    """Return the (m,) node from which each edge leaves."""
    return np.repeat(np.arange(network.n_nodes, dtype=np.int32), np.diff(network.start))


def from_edges(
    tail: NDArray[np.integer[Any]], head: NDArray[np.integer[Any]], n_nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort directed edges into rows: returns ``(start, order)``, ``order`` the edges by tail, then head."""
    order = np.lexsort((head, tail))
    start = np.zeros(n_nodes + 1, np.int64)
    np.cumsum(np.bincount(tail, minlength=n_nodes), out=start[1:])
    return start, order
