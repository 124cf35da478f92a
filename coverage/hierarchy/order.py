"""Order: in which to contract the nodes of a network, and the arcs that this makes whatever the times."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geodata.compiled import plain
from ...geodata.network import Network
from . import contraction, topology
from .arrays import Array, Graph, Tree
from .dissection import dissect

_DEPTHS = 1 << 16
_ARCS_PER_PART = 64
_SMALL = 1 << 20


@dataclass(frozen=True)
class Order:
    """A contraction order of n nodes, the a arcs from lower to higher ranks, and the edges below them.

    Nodes are called by their rank: 0 is contracted first. Ranks are a post-order of the elimination tree: the
    subtree of a rank is a run that ends with it.
    """

    node: NDArray[np.int32]
    """(n,) node of each rank."""
    rank: NDArray[np.int32]
    """(n,) rank of each node."""
    depth: NDArray[Any]
    """(n,) number of ancestors in the tree; in 16 bits where the tree is no higher, else 32."""
    first: NDArray[np.int32]
    """(n + 1,) first arc of each rank."""
    head: NDArray[np.int32]
    """(a,) higher end of each arc, ascending within a rank; the first is the parent in the tree."""
    slot: NDArray[Any]
    """(a,) depth of the head, typed as ``depth``: heads are ancestors, so that tells which."""
    below: NDArray[np.int32]
    """(n + 1,) first of the arcs by head."""
    tail: NDArray[np.int32]
    """(a,) lower end of the arcs by head, ascending within a head."""
    lower: NDArray[np.int32]
    """(a,) position of the arcs by head."""
    edge_first: NDArray[np.int32]
    """(n + 1,) first of the edges by the rank of their lower end."""
    edge: NDArray[np.int32]
    """(m',) the edges, loops left out, by lower end and number."""
    edge_arc: NDArray[np.int32]
    """(m',) twice the place of the edge's arc among those of the rank, plus one where the edge leads down."""
    stamp: str = ""
    """Which roads it was made from: `stamp_of`."""

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node)

    @property
    def n_arcs(self) -> int:
        """Number of arcs; each stands for both directions."""
        return len(self.head)

    @cached_property
    def height(self) -> int:
        """Number of ranks on the longest way up the tree."""
        return int(self.depth.max(initial=0)) + 1

    @cached_property
    def plain_tree(self) -> Tree:
        """(first, slot, depth, head, node) for compiled loops.

        Numbers without a sign save them a look whether to count from the end.
        """
        head = plain(self.head)
        return _unsigned(self.first), _unsigned(self.slot), _unsigned(self.depth), head, _unsigned(self.node)

    @cached_property
    def plain_below(self) -> Any:
        """(first, head, below, tail, lower, edge_first, edge, edge_arc) for compiled loops."""
        names = ("first", "head", "below", "tail", "lower", "edge_first", "edge", "edge_arc")
        return tuple(plain(getattr(self, name)) for name in names)

    @property
    def triangles(self) -> int:
        """Number of lower triangles: pairs of arcs from one rank."""
        size = np.diff(self.first).astype(np.int64)
        return int((size * (size - 1) // 2).sum())


def _unsigned(array: Array) -> Array:
    return plain(array).view(f"u{array.dtype.itemsize}")


def prepare(network: Network, *, threads: int | None = None) -> Order:
    """Choose a contraction order by nested dissection, and list its arcs.

    Only the topology counts, neither times nor directions: the order serves the network under any closures.
    It is the same every time, whatever the number of threads.

    Raises
    ------
    ValueError
        The network is no road network: contraction would join almost everything.
    """
    start, head = np.asarray(network.start), np.asarray(network.head)
    graph = topology.undirected(start, head)
    return ordered_by(network, contraction_order(network, graph, threads=threads), graph=graph)


def contraction_order(network: Network, graph: Graph, *, threads: int | None = None) -> NDArray[np.int32]:
    """Order the nodes: dead ends and chains first, then by nested dissection."""
    peeled, core, inner = topology.peel(*graph)
    lon, lat = (np.nan_to_num(at, posinf=0.0, neginf=0.0)[core] for at in (network.lon, network.lat))
    squeezed = lon * np.cos(np.radians(lat.mean() if len(lat) else 0.0))
    return np.concatenate([peeled, core[dissect(inner, squeezed, lat, threads=threads)]])


def ordered_by(network: Network, order: NDArray[np.int32], *, graph: Graph) -> Order:
    """List the arcs that contraction in a given order makes; ``graph`` is the network's."""
    node, parent = contraction.ranked(graph, order)
    first = contraction.count_arcs(graph, node, parent)
    if first[-1] > _ARCS_PER_PART * (len(node) + len(graph[1])) + _SMALL or first[-1] >= 1 << 31:
        raise ValueError(f"{first[-1]} arcs for {len(node)} nodes: this is no road network")
    head, tail = contraction.list_arcs(graph, node, parent, first)
    below, tails, lower = contraction.turn_round(first, head, tail)
    depth = contraction.depths(parent)
    depth = depth.astype(np.uint16 if depth.max(initial=0) < _DEPTHS else np.int32)
    rank = np.empty_like(node)
    rank[node] = np.arange(len(node), dtype=np.int32)
    edges = contraction.place_edges(np.asarray(network.start), np.asarray(network.head), rank, first, head)
    short = [array.astype(np.int32) for array in (first, below, edges[0])]
    return Order(
        node, rank, depth, short[0], head, depth[head], short[1], tails, lower, short[2], *edges[1:],
        stamp_of(network),
    )  # fmt: skip


def stamp_of(network: Network) -> str:
    """Hash the rows of a network: the same for the network under closures."""
    digest = hashlib.sha256(np.ascontiguousarray(network.start, np.int64).data)
    digest.update(np.ascontiguousarray(network.head, np.int32).data)
    return digest.hexdigest()
