"""The peers of the travel-time bench: each makes its own graph of a network and answers what it can."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from boai.coverage.travel import UNREACHED
from boai.geodata.network import Network, edge_tails
from numpy.typing import NDArray

Times = NDArray[np.int64]
LIMIT_CS = 180_000


def simple_edges(network: Network) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Give the open edges, of parallel ones the shortest: (tail, head, centiseconds)."""
    cost = np.asarray(network.centiseconds)
    tail, head = edge_tails(network).astype(np.int64), np.asarray(network.head)
    order = np.lexsort((cost, head, tail))
    order = order[cost[order] >= 0]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(tail[order]) != 0) | (np.diff(head[order]) != 0)
    kept = order[first]
    return tail[kept], head[kept].astype(np.int64), cost[kept]


def whole(times: Any) -> Times:
    """Turn times with inf (or the like) for what is not reached into ours."""
    times = np.asarray(times, float)
    return np.where(times < UNREACHED, times, UNREACHED).astype(np.int64)


class Peer:
    """One library; an answer is None where it has no such question."""

    name = ""

    def __init__(self, network: Network, *, sites: NDArray[Any]) -> None:
        self.n, self.sites = network.n_nodes, sites
        self.build(*simple_edges(network))

    def build(self, tail: Any, head: Any, cost: Any) -> None:
        raise NotImplementedError

    def nearest(self) -> Times | None:
        """Time from the nearest site to every node."""
        return None

    def tree(self, node: int) -> Times | None:
        """Time from one node to every node."""
        del node
        return None

    def within(self, sources: NDArray[Any]) -> tuple[int, int] | None:
        """Nodes within the limit of the sources: (their number, the sum of the times)."""
        del sources
        return None

    def three(self, node: int, limit: int) -> list[int] | None:
        """Times of the three nearest sites of a node, ways included; ``limit`` is that of the third."""
        del node, limit
        return None


class Networkx(Peer):
    name = "networkx"

    def build(self, tail: Any, head: Any, cost: Any) -> None:
        import networkx as nx

        self.nx, self.graph = nx, nx.DiGraph()
        self.graph.add_nodes_from(range(self.n))
        self.graph.add_weighted_edges_from(zip(tail.tolist(), head.tolist(), cost.tolist(), strict=True))
        self.back = self.graph.reverse(copy=False)
        self.at = set(self.sites.tolist())

    def _row(self, times: dict[int, int]) -> Times:
        row = np.full(self.n, UNREACHED, np.int64)
        row[list(times)] = list(times.values())
        return row

    def nearest(self) -> Times:
        return self._row(self.nx.multi_source_dijkstra_path_length(self.graph, self.at))

    def tree(self, node: int) -> Times:
        return self._row(self.nx.single_source_dijkstra_path_length(self.graph, node))

    def within(self, sources: NDArray[Any]) -> tuple[int, int]:
        count = total = 0
        for node in sources.tolist():
            times = self.nx.single_source_dijkstra_path_length(self.graph, node, cutoff=LIMIT_CS)
            count, total = count + len(times), total + sum(times.values())
        return count, total

    def three(self, node: int, limit: int) -> list[int]:
        times, _ = self.nx.single_source_dijkstra(self.back, node, cutoff=limit)
        return sorted(times[site] for site in self.at if site in times)[:3]


class Scipy(Peer):
    name = "scipy"

    def build(self, tail: Any, head: Any, cost: Any) -> None:
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import dijkstra

        self.dijkstra = dijkstra
        self.graph = csr_array((cost.astype(float), (tail, head)), shape=(self.n, self.n))
        self.back = csr_array(self.graph.T)

    def nearest(self) -> Times:
        return whole(self.dijkstra(self.graph, indices=self.sites, min_only=True))

    def tree(self, node: int) -> Times:
        return whole(self.dijkstra(self.graph, indices=node))

    def within(self, sources: NDArray[Any]) -> tuple[int, int]:
        count = total = 0
        for part in np.array_split(
            sources, max(1, len(sources) // 10)
        ):  # its rows are dense: a few at a time
            times = self.dijkstra(self.graph, indices=part, limit=LIMIT_CS)
            reached = np.isfinite(times)
            count, total = count + int(reached.sum()), total + int(times[reached].sum())
        return count, total

    def three(self, node: int, limit: int) -> list[int]:
        times, _ = self.dijkstra(self.back, indices=node, limit=limit, return_predecessors=True)
        return [int(time) for time in np.sort(times[np.unique(self.sites)])[:3] if time < np.inf]


class Igraph(Peer):
    name = "igraph"

    def build(self, tail: Any, head: Any, cost: Any) -> None:
        import igraph

        more = np.unique(self.sites)  # a node more, from which all sites are reached in no time
        tail = np.concatenate([tail, np.full(len(more), self.n)])
        head = np.concatenate([head, more])
        self.weight = np.concatenate([cost, np.zeros(len(more))]).astype(float).tolist()
        self.graph = igraph.Graph(self.n + 1, np.column_stack([tail, head]), directed=True)

    def nearest(self) -> Times:
        return whole(self.graph.distances([self.n], weights=self.weight)[0][: self.n])

    def tree(self, node: int) -> Times:
        return whole(self.graph.distances([node], weights=self.weight)[0][: self.n])


class Rustworkx(Peer):
    name = "rustworkx"

    def build(self, tail: Any, head: Any, cost: Any) -> None:
        import rustworkx

        more = np.unique(self.sites).tolist()
        self.graph = rustworkx.PyDiGraph()
        self.graph.add_nodes_from(range(self.n + 1))
        edges = zip(tail.tolist(), head.tolist(), cost.astype(float).tolist(), strict=True)
        self.graph.add_edges_from(list(edges))
        self.graph.add_edges_from([(self.n, site, 0.0) for site in more])
        self.search = rustworkx.dijkstra_shortest_path_lengths

    def _row(self, node: int) -> Times:
        times = self.search(self.graph, node, float)
        row = np.full(self.n + 1, UNREACHED, np.int64)
        row[list(times.keys())] = list(times.values())
        row[node] = 0
        return row[: self.n]

    def nearest(self) -> Times:
        return self._row(self.n)

    def tree(self, node: int) -> Times:
        return self._row(node)


class Networkit(Peer):
    name = "networkit"

    def build(self, tail: Any, head: Any, cost: Any) -> None:
        import networkit

        more = np.unique(self.sites)
        ends = np.concatenate([tail, np.full(len(more), self.n)]), np.concatenate([head, more])
        weight = np.concatenate([cost, np.zeros(len(more))]).astype(float)
        self.graph = networkit.GraphFromCoo((weight, ends), self.n + 1, weighted=True, directed=True)
        self.search = networkit.distance.Dijkstra

    def _row(self, node: int) -> Times:
        search = self.search(self.graph, node, False)
        search.run()
        return whole(search.getDistances(asarray=True)[: self.n])

    def nearest(self) -> Times:
        return self._row(self.n)

    def tree(self, node: int) -> Times:
        return self._row(node)


class Pandana(Peer):
    name = "pandana"

    def build(self, tail: Any, head: Any, cost: Any) -> None:
        import pandana
        import pandas as pd

        nodes = pd.Series(np.zeros(self.n))
        ends = pd.Series(tail), pd.Series(head)
        self.network = pandana.Network(
            nodes, nodes, *ends, pd.DataFrame({"cs": cost.astype(float)}), twoway=False
        )

    def within(self, sources: NDArray[Any]) -> tuple[int, int]:
        found = self.network.nodes_in_range(sources.tolist(), float(LIMIT_CS))
        return len(found), int(found["cs"].sum())


PEERS = (Networkx, Scipy, Igraph, Rustworkx, Networkit)
SLOW_PEERS = (Pandana,)


def importable(peer: type[Peer]) -> bool:
    """Tell whether the library is there."""
    return importlib.util.find_spec(peer.name) is not None
