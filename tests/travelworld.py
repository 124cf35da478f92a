"""Random networks with closures, ties and parallel edges, and what scipy says about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gridworld
import numpy as np
from boai.coverage import travel
from boai.geodata.network import CLOSED, Network, edge_tails, incoming
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra


@dataclass(frozen=True)
class Case:
    """A network and what is asked of it."""

    network: Network
    nodes: list[int]
    offsets: list[int]
    labels: list[int]
    limit: int
    direction: str

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of `travel.to_nearest` beside the network."""
        return {
            "nodes": self.nodes,
            "offset_cs": self.offsets,
            "label": self.labels,
            "within_cs": self.limit,
            "direction": self.direction,
        }


def costs() -> st.SearchStrategy[int]:
    """Times of very different sizes, with many ties, and closures."""
    few, some, many = st.integers(1, 4), st.integers(1, 1000), st.integers(1, 2_000_000)
    return st.one_of(few, few, st.just(CLOSED), some, many)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to 12 nodes and 40 edges, loops and parallel ones among them; sites with one node or several."""
    n = draw(st.integers(1, 12))
    node = st.integers(0, n - 1)
    edges = draw(st.lists(st.tuples(node, node, costs()), max_size=40))
    seed = st.tuples(node, st.one_of(st.integers(0, 3), st.integers(0, 5000)), st.integers(0, 5))
    seeds = draw(st.lists(seed, max_size=8))
    tail, head, cost = (list(part) for part in zip(*edges, strict=True)) if edges else ([], [], [])
    nodes, offsets, labels = (list(part) for part in zip(*seeds, strict=True)) if seeds else ([], [], [])
    network = gridworld.make_network(tail, head, cost, n_nodes=n)
    if draw(st.booleans()):
        network = replace(network, into=incoming(network))
    limit = draw(st.one_of(st.integers(0, 10), st.integers(0, 10_000_000)))
    return Case(network, nodes, offsets, labels, limit, draw(st.sampled_from(["from", "to"])))


def all_times(network: Network, sources: Any, direction: str = "from") -> NDArray[np.float64]:
    """(sources, nodes) centiseconds by scipy, inf where there is no way; its graph has no closed edges."""
    n = network.n_nodes
    is_open = np.asarray(network.centiseconds) >= 0
    tail, head = edge_tails(network)[is_open], np.asarray(network.head)[is_open]
    if direction == "to":
        tail, head = head, tail
    key, cost = tail.astype(np.int64) * n + head, np.asarray(network.centiseconds)[is_open]
    order = np.lexsort((cost, key))
    keep = order[np.unique(key[order], return_index=True)[1]]
    matrix = csr_array((cost[keep].astype(float), (tail[keep], head[keep])), shape=(n, n))
    sources = np.asarray(sources, int)
    return np.asarray(dijkstra(matrix, indices=sources)).reshape(len(sources), n)


def ranking(case: Case) -> list[list[tuple[int, int]]]:
    """For every node its (time, label), ascending, each label once."""
    times = all_times(case.network, case.nodes, case.direction) + np.array(case.offsets, float)[:, None]
    found: list[list[tuple[int, int]]] = []
    for v in range(case.network.n_nodes):
        best: dict[int, int] = {}
        for i, label in enumerate(case.labels):
            if times[i, v] <= case.limit:
                best[label] = min(best.get(label, travel.UNREACHED), int(times[i, v]))
        found.append(sorted((time, label) for label, time in best.items()))
    return found


def lowest_edge(case: Case, ranks: list[list[tuple[int, int]]], v: int, time: int, label: int) -> int:
    """The lowest edge by which v gets its time from its site; -1 where it is the site's own node."""
    seeds = zip(case.nodes, case.offsets, case.labels, strict=True)
    if (v, time, label) in seeds:
        return -1
    network, tail = case.network, edge_tails(case.network)
    ends = (tail, network.head) if case.direction == "from" else (network.head, tail)
    for e in range(network.n_edges):
        cost = int(network.centiseconds[e])
        if ends[1][e] == v and cost >= 0 and (time - cost, label) in ranks[int(ends[0][e])]:
            return e
    raise AssertionError(f"no edge gives node {v} the time {time} from {label}")


def expected(case: Case, k: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(n, k) times, sites and edges of the k nearest sites."""
    ranks, n = ranking(case), case.network.n_nodes
    time, site = np.full((n, k), travel.UNREACHED), np.full((n, k), -1)
    edge = np.full((n, k), -1)
    for v, found in enumerate(ranks):
        for j, (t, label) in enumerate(found[:k]):
            time[v, j], site[v, j] = t, label
            edge[v, j] = lowest_edge(case, ranks, v, t, label)
    return time, site, edge


def check_way(
    network: Network, direction: str, way: tuple[Any, Any, int], ends: tuple[int, int], extra: int
) -> None:
    """Hold that (nodes, edges, time) is a way over open edges between a site's node and a node, as driven."""
    nodes, edges, time = way
    site, node = ends
    assert (nodes[0], nodes[-1]) == ((site, node) if direction == "from" else (node, site))
    assert edge_tails(network)[edges].tolist() == nodes[:-1].tolist()
    assert network.head[edges].tolist() == nodes[1:].tolist()
    assert (network.centiseconds[edges] >= 0).all()
    assert int(network.centiseconds[edges].sum(dtype=np.int64)) + extra == time


def without_closed(network: Network) -> Network:
    """The network built anew without its closed edges."""
    is_open = np.asarray(network.centiseconds) >= 0
    return gridworld.make_network(
        edge_tails(network)[is_open],
        network.head[is_open],
        network.centiseconds[is_open],
        n_nodes=network.n_nodes,
    )


def same(a: travel.Nearest, b: travel.Nearest) -> bool:
    """Tell whether two answers are equal bit for bit."""
    pairs = ((a.centiseconds, b.centiseconds), (a.site, b.site), (a.edge, b.edge))
    return all(np.array_equal(one, other) for one, other in pairs) and a.direction == b.direction


def rough_network(seed: int, n: int, m: int, longest: float) -> Network:
    """Random edges whose times are spread evenly over orders of magnitude, a tenth of them closed."""
    rng = np.random.default_rng(seed)
    cost = np.exp(rng.uniform(0, np.log(longest), m)).astype(np.int64) + 1
    cost[rng.random(m) < 0.1] = CLOSED
    return gridworld.make_network(rng.integers(0, n, m), rng.integers(0, n, m), cost, n_nodes=n)
