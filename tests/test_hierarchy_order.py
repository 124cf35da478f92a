"""The contraction order: flows, separators, fill and arcs against networkx and brute force."""

from __future__ import annotations

from itertools import combinations

import gridworld
import networkx as nx
import numpy as np
import pytest
from boai.coverage.hierarchy import contraction, cuts, dissection, leaves, order, topology
from boai.geodata.network import Network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def rows_of(graph: nx.Graph) -> topology.Graph:
    """Links of a networkx graph with nodes 0..n-1 as rows."""
    neighbours = [sorted(graph[v]) for v in range(len(graph))]
    start = np.concatenate([[0], np.cumsum([len(row) for row in neighbours])]).astype(np.int64)
    return start, np.array([u for row in neighbours for u in row], np.int32)


def piece_of(graph: nx.Graph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same with the place of each link in the other row."""
    start, other = rows_of(graph)
    tail = np.repeat(np.arange(len(graph)), np.diff(start))
    place = {(u, v): i for i, (u, v) in enumerate(zip(tail.tolist(), other.tolist(), strict=True))}
    back = np.array([place[v, u] for u, v in place], np.int32)
    return start.astype(np.int32), other, back


@st.composite
def graphs(draw: st.DrawFn, most: int = 16) -> nx.Graph:
    """Any simple graph."""
    n = draw(st.integers(2, most))
    graph = nx.empty_graph(n)
    graph.add_edges_from(draw(st.lists(st.sampled_from(list(combinations(range(n), 2))), max_size=3 * n)))
    return graph


def eliminated(graph: nx.Graph, ranks: list[int]) -> set[tuple[int, int]]:
    """Arcs between ranks by the game of elimination."""
    left, arcs = graph.copy(), set()
    rank = {node: i for i, node in enumerate(ranks)}
    for node in ranks:
        near = list(left[node])
        arcs |= {(rank[node], rank[u]) for u in near}
        left.add_edges_from(combinations(near, 2))
        left.remove_node(node)
    return arcs


@settings(max_examples=many(100), deadline=None)
@given(graphs(), st.data())
def test_the_flow_is_greatest_and_the_cut_least(graph: nx.Graph, data: st.DataObject) -> None:
    marks = st.lists(st.sampled_from([0, 0, 1, 2]), min_size=len(graph), max_size=len(graph))
    terminal = np.array(data.draw(marks), np.int8)
    terminal[0], terminal[-1] = 1, 2
    value, flow, far = cuts._max_flow(piece_of(graph), terminal, np.inf)
    whole = nx.DiGraph(graph)
    nx.set_edge_attributes(whole, 1, "capacity")
    for v in range(len(graph)):
        if terminal[v]:
            whole.add_edge(*(("s", v) if terminal[v] == 1 else (v, "t")))
    assert value == nx.maximum_flow_value(whole, "s", "t")
    for beyond in (far >= 0, ~cuts._reached(piece_of(graph), terminal, flow)):
        assert not beyond[terminal == 1].any()
        assert beyond[terminal == 2].all()
        assert sum(beyond[u] != beyond[v] for u, v in graph.edges) == value


@settings(max_examples=many(100), deadline=None)
@given(graphs(), st.data())
def test_the_separator_is_a_least_vertex_cover_of_the_cut(graph: nx.Graph, data: st.DataObject) -> None:
    beyond = np.array(data.draw(st.lists(st.booleans(), min_size=len(graph), max_size=len(graph))))
    cover = cuts._separator(*piece_of(graph)[:2], beyond)
    cut = nx.Graph([(u, v) for u, v in graph.edges if beyond[u] != beyond[v]])
    assert all(cover[u] or cover[v] for u, v in cut.edges)
    near = [v for v in cut if not beyond[v]]
    assert cover.sum() == len(nx.bipartite.maximum_matching(cut, near)) // 2


@settings(max_examples=many(60), deadline=None)
@given(graphs(30), st.integers(0, 99))
def test_parts_of_a_split_are_apart(graph: nx.Graph, seed: int) -> None:
    n = len(graph)
    x, y = np.random.default_rng(seed).random((2, n))
    placed, work = np.arange(n, dtype=np.int32), np.zeros(n, np.int32)
    runs = cuts.split(rows_of(graph), (x, y), (placed, work), 0, n, np.array([[1.0, 0.0], [0.0, 1.0]]), 3)
    assert sorted(placed.tolist()) == list(range(n))
    part = np.full(n, -1)
    for i, (low, high) in enumerate(runs.tolist()):
        part[placed[low:high]] = i
    assert not any(-1 not in (part[u], part[v]) and part[u] != part[v] for u, v in graph.edges)
    assert np.diff(runs, axis=1).max() < n or n <= 3


@settings(max_examples=many(80), deadline=None)
@given(graphs())
def test_leaves_are_ordered_by_least_fill(graph: nx.Graph) -> None:
    n = len(graph)
    inner = max(1, 2 * n // 3)
    placed = np.arange(n, dtype=np.int32)
    leaves.order_leaf(rows_of(graph), (placed, np.zeros(n, np.int32)), 0, inner)
    assert sorted(placed[:inner].tolist()) == list(range(inner))
    left = graph.copy()
    around = {v for v in range(inner, n) if any(u < inner for u in graph[v])}
    left.remove_nodes_from([v for v in range(inner, n) if v not in around])
    left.add_edges_from(combinations(around, 2))

    def fill(v: int) -> int:
        return sum(not left.has_edge(a, b) for a, b in combinations(left[v], 2))

    for v in placed[:inner].tolist():
        assert fill(v) == min(fill(u) for u in left if u < inner)
        left.add_edges_from(list(combinations(left[v], 2)))
        left.remove_node(v)


@settings(max_examples=many(80), deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_arcs_are_those_of_elimination(graph: nx.Graph, random: object) -> None:
    given_order = list(range(len(graph)))
    random.shuffle(given_order)  # type: ignore[attr-defined]
    rows = rows_of(graph)
    node, parent = contraction.ranked(rows, np.array(given_order, np.int32))
    first = contraction.count_arcs(rows, node, parent)
    head, tail = contraction.list_arcs(rows, node, parent, first)
    assert set(zip(tail.tolist(), head.tolist(), strict=True)) == eliminated(graph, node.tolist())
    assert len(eliminated(graph, given_order)) == len(head)
    assert (np.diff(head)[np.diff(tail) == 0] > 0).all()
    size = np.ones(len(node), int)
    for v, above in enumerate(parent.tolist()):
        size[above] += size[v] if above >= 0 else 0
    for v, above in enumerate(parent.tolist()):
        assert above < 0 or above - size[above] <= v - size[v] < v < above  # a subtree is a run
    assert (parent[parent >= 0] == head[first[:-1][parent >= 0]]).all()
    assert (np.diff(first)[parent < 0] == 0).all()


@settings(max_examples=many(80), deadline=None)
@given(graphs())
def test_peeling_leaves_a_core_of_three_links_and_more(graph: nx.Graph) -> None:
    peeled, core, inner = topology.peel(*rows_of(graph))
    assert sorted([*peeled.tolist(), *core.tolist()]) == list(range(len(graph)))
    left = graph.copy()
    for v in peeled.tolist():
        assert left.degree[v] <= 2
        left.add_edges_from(list(combinations(left[v], 2)))
        left.remove_node(v)
    tail = np.repeat(core, np.diff(inner[0]))
    want = {(u, v) for u, v in left.edges} | {(v, u) for u, v in left.edges}
    assert set(zip(tail.tolist(), core[inner[1]].tolist(), strict=True)) == want
    assert all(degree > 2 for _, degree in left.degree)


def test_links_are_simple_and_in_both_rows() -> None:
    made = gridworld.make_network([0, 0, 1, 2, 2, 3], [1, 1, 0, 2, 0, 0], [1] * 6, n_nodes=5)
    start, other = topology.undirected(np.asarray(made.start), np.asarray(made.head))
    assert [other[start[v] : start[v + 1]].tolist() for v in range(5)] == [[1, 2, 3], [0], [0], [0], []]


def test_a_long_chain_makes_a_low_tree() -> None:
    n = 10_000
    chain = gridworld.make_network(list(range(n - 1)), list(range(1, n)), [1] * (n - 1), n_nodes=n)
    assert order.prepare(chain).height < 40


def test_a_star_is_ordered_at_once() -> None:
    n = 5_000
    star = gridworld.make_network([0] * (n - 1), list(range(1, n)), [1] * (n - 1), n_nodes=n)
    assert order.prepare(star).n_arcs == n - 1


def grid(side: int) -> Network:
    """A square grid, one link between neighbours."""
    node = np.arange(side * side).reshape(side, side)
    a = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    b = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    made = gridworld.make_network(a.tolist(), b.tolist(), [1] * len(a), n_nodes=side * side)
    made.lon[:], made.lat[:] = 114 + node.ravel() % side * 0.01, 27 + node.ravel() // side * 0.01
    return made


def test_a_grid_is_cut_along_its_middle() -> None:
    """Nested dissection of a grid of side s is known to make about 31/8 s^2 log2 s arcs (George 1973)."""
    side = 64
    found = order.prepare(grid(side))
    assert found.n_arcs < 31 / 8 * side * side * np.log2(side)
    assert found.height < 4.5 * side
    assert side <= np.diff(found.first).max() < 2 * side


def test_equal_and_missing_places_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissection, "LEAF", 8)
    made = grid(12)
    made.lon[:], made.lat[:] = np.nan, 27.0
    made.lat[5] = np.inf
    assert sorted(order.prepare(made).node.tolist()) == list(range(144))
