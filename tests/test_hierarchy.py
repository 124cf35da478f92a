"""The hierarchy against Dijkstra's algorithm of networkx and against ``travel``: equal bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gridworld
import networkx as nx
import numpy as np
import pytest
from boai.coverage import hierarchy as ch
from boai.coverage import travel
from boai.coverage.hierarchy import dissection, order
from boai.geodata.errors import UnavailableError, WorkspaceError
from boai.geodata.network import CLOSED, Network, edge_tails, load_network, save_network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

NEVER = int(travel.UNREACHED)


@pytest.fixture(autouse=True, scope="module")
def _cut_small_pieces() -> Iterator[None]:
    """Let the small networks of the tests be cut by flows, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dissection, "LEAF", 3)
        yield


def scattered(n: int, links: int, seed: int, *, ties: bool = False) -> Network:
    """Points that are joined to near ones, some one way, twice or closed; few different times for ties."""
    rng = np.random.default_rng(seed)
    x, y = rng.random((2, n))
    a = rng.integers(0, n, links)
    near = np.argsort(np.hypot(x[a][:, None] - x, y[a][:, None] - y), axis=1)
    b = near[np.arange(links), rng.integers(0, min(n, 6), links)]
    both = rng.random(links) < 0.8
    tail, head = np.concatenate([a, b[both]]), np.concatenate([b, a[both]])
    cost = rng.integers(1, 4 if ties else 100_000, len(tail))
    cost[rng.random(len(tail)) < 0.05] = CLOSED
    made = gridworld.make_network(tail.tolist(), head.tolist(), cost.tolist(), n_nodes=n)
    return replace(made, lon=114 + x, lat=27 + y)


def by_networkx(network: Network, sources: list[int], *, turned: bool = False) -> NDArray[np.int64]:
    """(sources, nodes) centiseconds from (or to) each source, ``NEVER`` where there is no way."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(network.n_nodes))
    tails, heads = edge_tails(network).tolist(), network.head.tolist()
    for u, v, cost in zip(tails, heads, network.centiseconds.tolist(), strict=True):
        if cost >= 0 and cost < graph.get_edge_data(u, v, {"weight": NEVER})["weight"]:
            graph.add_edge(u, v, weight=cost)
    times = np.full((len(sources), network.n_nodes), NEVER, np.int64)
    for i, source in enumerate(sources):
        found = nx.single_source_dijkstra_path_length(graph.reverse() if turned else graph, source)
        for node, time in found.items():
            times[i, node] = time
    return times


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any network of few nodes: loops, parallels, isolated nodes, closed edges, very different times."""
    n = draw(st.integers(1, 14))
    node = st.integers(0, n - 1)
    cost = st.one_of(st.integers(1, 4), st.integers(1, 2_000_000), st.just(CLOSED))
    edges = draw(st.lists(st.tuples(node, node, cost), max_size=45))
    tail, head, costs = (list(part) for part in zip(*edges, strict=True)) if edges else ([], [], [])
    place = st.floats(-1, 1, allow_nan=False)
    made = gridworld.make_network(tail, head, costs, n_nodes=n)
    lon, lat = (draw(st.lists(place, min_size=n, max_size=n)) for _ in range(2))
    return replace(made, lon=114 + np.array(lon), lat=27 + np.array(lat))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Network, dict[str, object]]:
    """A network and what is asked: sites that may share nodes and numbers, offsets, a direction."""
    network = draw(networks())
    sites = draw(st.lists(st.integers(0, network.n_nodes - 1), max_size=6))
    many = {"min_size": len(sites), "max_size": len(sites)}
    offsets = draw(st.lists(st.integers(0, 50), **many))
    labels = draw(st.lists(st.integers(0, 4), **many))
    direction = draw(st.sampled_from(["from", "to"]))
    return network, {"nodes": sites, "offset_cs": offsets, "label": labels, "direction": direction}


def check_against_travel(network: Network, asked: dict[str, object], *, k: int = 3) -> None:
    """Compare all answers about nearest sites with those of the bucket queue, with and without a limit."""
    made = ch.customize(ch.prepare(network), network)
    for limit in (None, 60):
        asked = asked | {"within_cs": limit}
        want, found = travel.to_nearest(network, **asked), ch.to_nearest(made, **asked)
        np.testing.assert_array_equal(found.centiseconds, want.centiseconds)
        np.testing.assert_array_equal(found.site, want.site)
        seeds = {key: asked[key] for key in ("nodes", "offset_cs", "label")}
        np.testing.assert_array_equal(ch.with_edges(made, found, **seeds).edge, want.edge)
        wanted, ranked = travel.k_nearest(network, k=k, **asked), ch.k_nearest(made, k=k, **asked)
        np.testing.assert_array_equal(ranked.centiseconds, wanted.centiseconds)
        np.testing.assert_array_equal(ranked.site, wanted.site)
        placed = ch.place_sites(made, k=k, direction=str(asked["direction"]), **seeds)
        single = ch.nearest_of(placed, np.arange(network.n_nodes), within_cs=limit)
        np.testing.assert_array_equal(single.centiseconds, wanted.centiseconds)
        np.testing.assert_array_equal(single.site, wanted.site)


@settings(max_examples=many(150), deadline=None)
@given(cases())
def test_nearest_sites_are_those_of_travel(case: tuple[Network, dict[str, object]]) -> None:
    check_against_travel(*case)


@settings(max_examples=many(100), deadline=None)
@given(networks())
def test_times_are_those_of_networkx(network: Network) -> None:
    nodes = list(range(network.n_nodes))
    made = ch.customize(ch.prepare(network), network)
    want = by_networkx(network, nodes)
    np.testing.assert_array_equal(ch.trees(made, nodes), want)
    np.testing.assert_array_equal(ch.trees(made, nodes, direction="to"), want.T)
    pairs = np.array([(s, t) for s in nodes for t in nodes])
    np.testing.assert_array_equal(ch.distance(made, pairs[:, 0], pairs[:, 1]), want.ravel())


@pytest.mark.parametrize("ties", [False, True])
def test_a_town_is_answered_as_by_networkx_and_travel(ties: bool) -> None:
    network = scattered(700, 2800, 1, ties=ties)
    made = ch.customize(ch.prepare(network), network)
    some = list(range(0, 700, 19))
    np.testing.assert_array_equal(ch.trees(made, some), by_networkx(network, some))
    np.testing.assert_array_equal(
        ch.trees(made, some, direction="to"), by_networkx(network, some, turned=True)
    )
    for direction in ("from", "to"):
        labels = [i // 2 for i in range(len(some))]
        asked = {"nodes": some, "label": labels, "offset_cs": labels[::-1], "direction": direction}
        check_against_travel(network, asked, k=4)


@pytest.mark.parametrize("direction", ["from", "to"])
def test_ways_are_driven_in_the_stated_time(direction: str) -> None:
    network = scattered(400, 1600, 2)
    made = ch.customize(ch.prepare(network), network)
    sites, offsets, labels = [3, 99, 250, 251], [0, 40, 0, 7], [5, 1, 2, 2]
    placed = ch.place_sites(made, sites, 3, offset_cs=offsets, label=labels, direction=direction)
    found, tails = ch.nearest_of(placed, np.arange(400)), edge_tails(network)
    seen = 0
    for node in range(400):
        ways = ch.ways_of(placed, node)
        assert [way.site for way in ways] == [site for site in found.site[node].tolist() if site >= 0]
        for way, time in zip(ways, found.centiseconds[node].tolist(), strict=False):
            ends = way.nodes[[0, -1]] if direction == "from" else way.nodes[[-1, 0]]
            assert ends[1] == node
            own = [o for s, o, n in zip(sites, offsets, labels, strict=True) if (s, n) == (ends[0], way.site)]
            times = network.centiseconds[way.edges]
            assert (times > 0).all()
            assert own[0] + times.sum() == way.centiseconds == time
            assert tails[way.edges].tolist() == way.nodes[:-1].tolist()
            assert network.head[way.edges].tolist() == way.nodes[1:].tolist()
            seen += 1
    assert seen > 1000


def test_a_path_is_as_long_as_the_distance_and_drivable() -> None:
    network = scattered(300, 1200, 3, ties=True)
    made, tails = ch.customize(ch.prepare(network), network), edge_tails(network)
    times = by_networkx(network, [0, 7])
    for source, row in zip((0, 7), times, strict=True):
        for target in range(300):
            way = ch.path(made, source, target)
            if way is None:
                assert row[target] == NEVER
                continue
            assert way.centiseconds == row[target] == network.centiseconds[way.edges].sum()
            assert (network.centiseconds[way.edges] > 0).all()
            assert way.nodes[0] == source
            assert way.nodes[-1] == target
            assert tails[way.edges].tolist() == way.nodes[:-1].tolist()
            assert network.head[way.edges].tolist() == way.nodes[1:].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_customizing_again_equals_customizing(seed: int) -> None:
    before = scattered(500, 2000, 4)
    made = ch.customize(ch.prepare(before), before)
    rng = np.random.default_rng(seed)
    times = np.array(before.centiseconds)
    chosen = rng.choice(len(times), [1, 5, 60, 600][seed], replace=False)
    times[chosen] = np.where(rng.random(len(chosen)) < 0.5, CLOSED, rng.integers(1, 200_000, len(chosen)))
    after = replace(before, centiseconds=times)
    again, whole = ch.recustomize(made, after), ch.customize(made.order, after)
    np.testing.assert_array_equal(again.up, whole.up)
    np.testing.assert_array_equal(again.down, whole.down)
    assert again.network is after
    back = ch.recustomize(again, before)
    np.testing.assert_array_equal(back.up, made.up)
    np.testing.assert_array_equal(back.down, made.down)


def test_threads_change_nothing() -> None:
    network = scattered(900, 3600, 5)
    orders = [ch.prepare(network, threads=threads) for threads in (1, 4)]
    for name in ("node", "first", "head", "slot", "tail", "lower", "edge", "edge_arc"):
        np.testing.assert_array_equal(getattr(orders[0], name), getattr(orders[1], name))
    made = [ch.customize(orders[0], network, threads=threads) for threads in (1, 3)]
    np.testing.assert_array_equal(made[0].up, made[1].up)
    np.testing.assert_array_equal(made[0].down, made[1].down)
    some = np.arange(0, 900, 11)
    np.testing.assert_array_equal(ch.trees(made[0], some, threads=1), ch.trees(made[1], some, threads=3))


def test_an_empty_network_and_no_sites() -> None:
    empty = gridworld.make_network([], [], [], n_nodes=0)
    made = ch.customize(ch.prepare(empty), empty)
    assert len(ch.to_nearest(made, []).site) == 0
    assert ch.trees(made, []).shape == (0, 0)
    alone = gridworld.make_network([0], [0], [5], n_nodes=1)
    made = ch.customize(ch.prepare(alone), alone)
    assert ch.to_nearest(made, []).site.tolist() == [-1]
    assert ch.to_nearest(made, [0, 0], offset_cs=[3, 3], label=[9, 2]).site.tolist() == [2]
    assert ch.path(made, 0, 0) == travel.Way(-1, 0, pytest.approx([0]), pytest.approx([]))
    assert ch.ways_of(ch.place_sites(made, [], 2), 0) == []


def test_times_at_the_end_of_what_can_be_told() -> None:
    longest = NEVER - 1
    network = gridworld.make_network([0, 1, 2], [1, 2, 3], [longest - 1, 1, 1], n_nodes=4)
    made = ch.customize(ch.prepare(network), network)
    assert ch.trees(made, [0])[0].tolist() == [0, longest - 1, longest, NEVER]
    assert (
        ch.to_nearest(made, [0]).site.tolist()
        == travel.to_nearest(network, [0]).site.tolist()
        == [0, 0, 0, -1]
    )
    assert ch.distance(made, [0, 0], [2, 3]).tolist() == [longest, NEVER]


def test_an_order_serves_no_other_roads_and_no_wrong_times() -> None:
    network, other = scattered(60, 240, 6), scattered(60, 240, 7)
    prepared = ch.prepare(network)
    with pytest.raises(ValueError, match="other roads"):
        ch.customize(prepared, other)
    with pytest.raises(ValueError, match="other roads"):
        ch.recustomize(ch.customize(prepared, network), other)
    with pytest.raises(ValueError, match="at least 1"):
        ch.customize(prepared, replace(network, centiseconds=np.zeros_like(network.centiseconds)))
    made = ch.customize(prepared, network)
    with pytest.raises(ValueError, match="outside"):
        ch.to_nearest(made, [60])
    with pytest.raises(ValueError, match="k must"):
        ch.place_sites(made, [1], 0)
    with pytest.raises(ValueError, match="nearest sites only"):
        ch.with_edges(made, ch.k_nearest(made, [1], 2), [1])
    short = ch.Found(np.zeros(59, np.int32), np.zeros(59, np.int32))
    with pytest.raises(ValueError, match="not one for the 60 nodes"):
        ch.with_edges(made, short, [1])
    with pytest.raises(ValueError, match="direction"):
        ch.trees(made, [1], direction="both")


def test_what_is_no_road_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = scattered(60, 240, 8)
    assert ch.prepare(network).n_arcs > 60
    monkeypatch.setattr(order, "_ARCS_PER_PART", 0)
    monkeypatch.setattr(order, "_SMALL", 60)
    with pytest.raises(ValueError, match="no road network"):
        ch.prepare(network)


def test_saved_and_opened(tmp_path: Path) -> None:
    save_network(scattered(200, 800, 9), tmp_path / "network")
    network = load_network(tmp_path / "network")
    made = ch.customize(ch.prepare(network), network)
    digest = ch.save(made, tmp_path / "fast")
    for verify in (True, False):
        opened = ch.load(tmp_path / "fast", network, verify=verify)
        assert isinstance(opened.up, np.memmap)
        np.testing.assert_array_equal(ch.trees(opened, [0, 5]), ch.trees(made, [0, 5]))
        assert ch.path(opened, 0, 150) is None or ch.path(opened, 0, 150).centiseconds > 0
    assert ch.save(opened, tmp_path / "again") == digest
    times = np.array(network.centiseconds)
    times[::7] = CLOSED
    closed = replace(network, centiseconds=times, meta={**network.meta, "hash": "of the closures"})
    np.testing.assert_array_equal(ch.load(tmp_path / "fast", closed).up, ch.customize(made.order, closed).up)
    with pytest.raises(UnavailableError, match="不是由这个路网生成的"):
        ch.load(tmp_path / "fast", scattered(200, 800, 10))


@pytest.mark.parametrize(
    "name", ["head", "slot", "lower", "tail", "node", "edge", "edge_arc", "first", "depth"]
)
def test_a_hostile_file_is_refused(tmp_path: Path, name: str) -> None:
    save_network(scattered(80, 320, 11), tmp_path / "network")
    network = load_network(tmp_path / "network")
    made = ch.customize(ch.prepare(network), network)
    array = np.array(getattr(made.order, name))
    array[len(array) // 2] = 60_000
    for wrong, verify in ((array, True), (array[:-1], False), (array.astype(np.int64), False)):
        ch.save(replace(made, order=replace(made.order, **{name: wrong})), tmp_path / "fast")
        with pytest.raises(WorkspaceError, match="加速数据已损坏"):
            ch.load(tmp_path / "fast", network, verify=verify)


def _wuhan(shared: Path) -> Network:
    from boai.geodata.osm.lines import read_lines

    return read_lines(shared / "data" / "wuhan" / "wuhan_8989_original.parquet", mode="drive")


def _osm(shared: Path, name: str) -> Network:
    from boai.geodata.roads import read_osm

    return read_osm(shared / "data" / "osm" / f"{name}.osm.pbf", mode="drive")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["liechtenstein", "porto_portugal", "wuhan"])
def test_real_roads(shared: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(dissection, "LEAF", 256)
    network = _wuhan(shared) if name == "wuhan" else _osm(shared, name)
    rng = np.random.default_rng(12)
    times = np.array(network.centiseconds)
    times[rng.choice(len(times), len(times) // 100)] = CLOSED
    made = ch.customize(ch.prepare(network), network)
    for roads in (network, replace(network, centiseconds=times)):
        made = ch.recustomize(made, roads)
        some = rng.integers(0, network.n_nodes, 40).tolist()
        np.testing.assert_array_equal(ch.trees(made, some[:3]), by_networkx(roads, some[:3]))
        np.testing.assert_array_equal(
            ch.trees(made, some, direction="to"), travel.trees(roads, some, direction="to")
        )
        for direction in ("from", "to"):
            check_against_travel(
                roads, {"nodes": some, "offset_cs": None, "label": None, "direction": direction}
            )
