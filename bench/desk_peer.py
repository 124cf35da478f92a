"""What a good programmer writes in an afternoon: the desk's question as one FastAPI handler over Dijkstra.

Run by ``bench_desk_http.py`` with DESK_ROOT and DESK_PEER (networkx or scipy) in the environment. The same
sites, roads, closures and readiness as the desk's; the nearest node stands in for the way to the road, and
the answer holds times, distances and the line of each way, but neither cards nor compliance.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from boai.app.workspace import open_workspace
from boai.geodata.network import Network, edge_tails, load_network
from boai.geodata.overlay import load_overlay, under
from boai.geodata.registry import read_sites
from fastapi import FastAPI
from scipy.spatial import cKDTree


def make() -> FastAPI:
    """Make the application."""
    root, peer = Path(os.environ["DESK_ROOT"]), os.environ["DESK_PEER"]
    base = load_network(root / "network", verify=False)
    network = under(base, load_overlay(root / "network", base))
    sites = list(read_sites(open_workspace(root).layers, "warehouse"))
    tree = cKDTree(np.column_stack([network.lon, network.lat]))
    at = tree.query([(site["lon"], site["lat"]) for site in sites])[1].tolist()
    ready = [float(site["readiness_min"] or 60) * 60 for site in sites]
    search = (_networkx if peer == "networkx" else _scipy)(network, at)
    app = FastAPI()

    @app.get("/nearest")
    def nearest(lon: float, lat: float, k: int = 3) -> dict[str, Any]:
        seconds, path = search(int(tree.query((lon, lat))[1]))
        ranked = sorted((seconds[row] + ready[row], row) for row in range(len(sites)))[:k]
        found = []
        for eta, row in ranked:
            nodes = path(row)
            line = np.column_stack([network.lon[nodes], network.lat[nodes]]).round(6).tolist()
            found.append({"name": sites[row]["name"], "eta_min": eta / 60, "line": line})
        return {"sites": found}

    return app


def _edges(network: Network) -> tuple[Any, Any, Any]:
    time = np.asarray(network.centiseconds)
    usable = time >= 0
    usable &= time < np.iinfo(np.int32).max
    return edge_tails(network)[usable], np.asarray(network.head)[usable], time[usable] / 100


def _networkx(network: Network, at: list[int]) -> Any:
    import networkx as nx

    tail, head, seconds = _edges(network)
    graph = nx.DiGraph()
    graph.add_weighted_edges_from(
        zip(head.tolist(), tail.tolist(), seconds.tolist(), strict=True)
    )  # reversed

    def search(node: int) -> Any:
        away, paths = nx.single_source_dijkstra(graph, node)
        return [away.get(one, np.inf) for one in at], lambda row: paths[at[row]][::-1]

    return search


def _scipy(network: Network, at: list[int]) -> Any:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    tail, head, seconds = _edges(network)
    n = network.n_nodes
    graph = csr_array((np.maximum(seconds, 0.01), (head, tail)), shape=(n, n))

    def search(node: int) -> Any:
        away, before = dijkstra(graph, indices=node, return_predecessors=True)

        def path(row: int) -> list[int]:
            nodes = [at[row]]
            while nodes[-1] != node and before[nodes[-1]] >= 0:
                nodes.append(int(before[nodes[-1]]))
            return nodes

        return [float(away[one]) for one in at], path

    return search
