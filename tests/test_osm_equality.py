"""Equal to OSMnx and networkx on real files; where boai's own rules differ, its report explains all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import osmium
import osmnx as ox
import osmnx_oracle
import pytest
from boai.geodata import roads
from boai.geodata.network import CLASSES, NODE_JUNCTION, Network, edge_tails, load_network, save_network
from boai.geodata.osm import assemble, rules
from boai.geodata.osm.build import build
from boai.geodata.osm.rules import Gate, Passage, Profile, read_profile
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

PAIRS = 1000
SOURCES = 10
LIGHT = [("helsinki", "drive"), ("helsinki", "walk")]
HEAVY = [
    ("andorra", "drive"), ("andorra", "walk"), ("liechtenstein", "drive"), ("liechtenstein", "walk"),
    ("porto_portugal", "drive"), ("porto_portugal", "walk"),
]  # fmt: skip
CASES = [*LIGHT, *(pytest.param(*case, marks=pytest.mark.slow) for case in HEAVY)]
SLOW = ("andorra", "porto_portugal")
FILES = ["helsinki", "liechtenstein", *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW)]


def file_of(shared: Path, name: str) -> Path:
    return shared / "data" / "osm" / f"{name}.osm.pbf"


def edges_of(network: Network) -> Counter[tuple[int, int]]:
    ids = np.asarray(network.source_id)
    return Counter(zip(ids[edge_tails(network)].tolist(), ids[network.head].tolist(), strict=True))


# ---- like OSMnx


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_equal_to_osmnx(shared: Path, tmp_path: Path, name: str, mode: str) -> None:
    path = file_of(shared, name)
    truth = osmnx_oracle.read(path, mode, tmp_path)
    network = roads.read_osm(path, mode=mode, like="osmnx")
    compare_graph(network, truth)
    compare_components(network, truth)
    compare_shortest(network, truth, mode)


def compare_graph(network: Network, truth: osmnx_oracle.Truth) -> None:
    """Nodes, directed edges, one-ways and lengths."""
    assert set(np.asarray(network.source_id).tolist()) == set(truth.simple.nodes)
    assert network.n_nodes == len(truth.simple.nodes)
    found, expected = edges_of(network), Counter((u, v) for u, v, _ in truth.simple.edges)
    assert found == expected
    oneways = {(u, v) for u, v in expected if (v, u) not in expected}
    assert {(u, v) for u, v in found if (v, u) not in found} == oneways
    lengths = [facts["length"] for *_, facts in truth.simple.edges(data=True)]
    assert network.metres.sum(dtype=float) == pytest.approx(sum(lengths), rel=1e-6)
    np.testing.assert_allclose(np.sort(network.metres), np.sort(lengths), rtol=1e-5, atol=1e-3)
    by_class = osmnx_oracle.km_by_class(truth.raw, CLASSES)
    report = network.meta["report"]
    assert set(report["km"]) == set(by_class)
    for each, km in by_class.items():
        assert report["km"][each] == pytest.approx(km, rel=1e-6, abs=0.00051)  # it is rounded to metres
    assert report["km_total"] == pytest.approx(sum(by_class.values()), rel=1e-6, abs=0.00051)


def compare_components(network: Network, truth: osmnx_oracle.Truth) -> None:
    assert network.meta["report"]["components"]["kept"]["nodes"] == len(truth.raw)
    strong = max(nx.strongly_connected_components(truth.simple), key=len)
    inside = np.asarray(network.source_id)[network.kind == NODE_JUNCTION]
    assert set(inside.tolist()) == strong
    graph = roads.to_networkx(network)
    assert nx.is_weakly_connected(graph)
    assert len(max(nx.strongly_connected_components(graph), key=len)) == len(strong)


def compare_shortest(network: Network, truth: osmnx_oracle.Truth, mode: str) -> None:
    """Times and lengths of random pairs against networkx on the graph before folding."""
    profile, graph = read_profile(mode, like="osmnx"), truth.raw
    kmh = {way: max(rules.judge_way(tags, profile).kmh) for way, tags in truth.tags.items()}
    for *_, facts in graph.edges(data=True):
        facts["seconds"] = facts["length"] / (kmh[facts["osmid"]] / 3.6)
    ids = np.asarray(network.source_id)
    random = np.random.default_rng(4)
    sources = random.choice(network.n_nodes, SOURCES, replace=False)
    compared = 0
    for weight, cost, least in (
        ("seconds", network.centiseconds / 100, 0.5),
        ("length", network.metres, 0.1),
    ):
        mine = dijkstra(lightest(network, cost), indices=sources)
        for row, source in enumerate(sources.tolist()):
            found = nx.single_source_dijkstra_path_length(graph, int(ids[source]), weight=weight)
            for target in random.choice(network.n_nodes, PAIRS // SOURCES, replace=False).tolist():
                expected = found.get(int(ids[target]), np.inf)
                assert mine[row, target] == pytest.approx(expected, rel=1e-3, abs=least)
                compared += 1
    assert compared == 2 * PAIRS


def lightest(network: Network, cost: Any) -> csr_array:
    """The network as a matrix of costs, of parallel edges the cheapest."""
    tail, head, cost = edge_tails(network), network.head, np.asarray(cost, float)
    order = np.lexsort((cost, head, tail))
    pairs = np.stack([tail[order], head[order]])
    first = np.append(True, (np.diff(pairs, axis=1) != 0).any(axis=0))
    kept = order[first]
    return csr_array((cost[kept], (tail[kept], head[kept])), shape=(network.n_nodes, network.n_nodes))


# ---- like boai: what differs is in the report

ROADS = frozenset({"beyond_osmnx", "osmnx_keeps", "osmnx_direction"})
SPEEDS = frozenset({
    "speed_zone", "speed_most", "surface_cap", "maxspeed_unreadable", "maxspeed_absurd", "maxspeed_many",
    "maxspeed_words", "speed_by_direction", "opened_by_tag", "alias", "first_of_many",
})  # fmt: skip
GATES = frozenset({"barrier_closed", "barrier_closed_by_tag", "barrier_locked", "node_limit"})


def undone_way(
    tags: Mapping[str, str], profile: Profile, *, codes: frozenset[str], osmnx: Profile
) -> Passage:
    """Judge by boai's rules, and by OSMnx's where boai says that it did one of these things."""
    own = rules.judge_way(tags, profile)
    return rules.judge_way(tags, osmnx) if codes & {*own.notes, *assemble.by_direction(own)} else own


def undone_node(tags: Mapping[str, str], profile: Profile) -> Gate:
    own = rules.judge_node(tags, profile)
    return Gate(False, 0.0, own.notes) if GATES & set(own.notes) else own


@pytest.mark.parametrize("mode", ["drive", "walk"])
@pytest.mark.parametrize("name", FILES)
def test_every_difference_to_osmnx_is_in_the_report(
    shared: Path, monkeypatch: pytest.MonkeyPatch, name: str, mode: str
) -> None:
    from boai.geodata.osm.reading import read_raw

    raw = read_raw(file_of(shared, name))
    own, osmnx = read_profile(mode), read_profile(mode, like="osmnx")

    def made(profile: Profile) -> Network:
        pieces, facts = assemble.to_pieces(raw, profile)
        return build(pieces, mode=mode, source={}, choices=facts)

    boai, truth = made(own), made(osmnx)
    codes = boai.meta["report"]["choices"]
    assert (edges_of(boai) != edges_of(truth)) == bool((ROADS | GATES) & set(codes))
    monkeypatch.setattr(assemble, "judge_way", partial(undone_way, codes=ROADS, osmnx=osmnx))
    monkeypatch.setattr(assemble, "judge_node", undone_node)
    same_roads = made(own)
    assert set(np.asarray(same_roads.source_id).tolist()) == set(np.asarray(truth.source_id).tolist())
    assert edges_of(same_roads) == edges_of(truth)
    np.testing.assert_array_equal(same_roads.metres, truth.metres)
    both = partial(undone_way, codes=ROADS | SPEEDS, osmnx=osmnx)
    monkeypatch.setattr(assemble, "judge_way", both)
    same_times = made(own)
    np.testing.assert_array_equal(same_times.centiseconds, truth.centiseconds)


@pytest.mark.parametrize("mode", ["drive", "walk"])
@pytest.mark.parametrize("name", FILES)
def test_the_report_counts_each_way_that_osmnx_judges_otherwise(shared: Path, name: str, mode: str) -> None:
    """The filter is evaluated from OSMnx's own text, on all tags of the file."""
    path, profile = file_of(shared, name), read_profile(mode)
    wanted = ox._overpass._get_network_filter(mode)
    beyond = keeps = 0
    for way in osmium.FileProcessor(str(path), osmium.osm.WAY):
        tags = {tag.k: tag.v for tag in way.tags}
        refs = [node.ref for node in way.nodes]
        if ("highway" not in tags and tags.get("route") != "ferry") or len(set(refs)) < 2:
            continue
        used, kept = not rules.judge_way(tags, profile).left_out, osmnx_oracle.passes(tags, wanted)
        beyond += used and not kept
        keeps += kept and not used
    choices = roads.read_osm(path, mode=mode).meta["report"]["choices"]
    assert choices.get("beyond_osmnx", {"ways": 0})["ways"] == beyond
    assert choices.get("osmnx_keeps", {"ways": 0})["ways"] == keeps


# ---- the same file, the same bytes


def test_both_readers_lead_to_the_same_bytes(shared: Path, tmp_path: Path) -> None:
    path = file_of(shared, "liechtenstein")
    hashes = {
        reader: save_network(roads.read_osm(path, reader=reader), tmp_path / reader)
        for reader in ("fast", "osmium", "auto")
    }
    assert len(set(hashes.values())) == 1
    network = load_network(tmp_path / "fast")
    again = save_network(network, tmp_path / "again")
    assert again == hashes["fast"]
    for key in ("source", "kind", "licence", "made", "like", "mode", "label", "rules", "report"):
        assert key in network.meta
    assert network.meta["licence"] == roads.OSM_LICENCE
