"""The nearest first against a plain loop, stability, and the linear programme against network flows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gridworld
import networkx as nx
import numpy as np
import pytest
from boai.coverage.assignment import Assignment, assign, notes_of, shortfall, site_loads
from boai.coverage.matrix import Matrix, build_matrix
from boai.coverage.supply import Supply
from boai.coverage.transport import best_assignment, gain_text, mean_cost
from boai.coverage.zones import LEVELS, zones_of
from boai.geodata.errors import InputError
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def make_matrix(costs: Any, *, limit: int = 1800, part: Any = None, standard: Any = None) -> Matrix:
    """The pairs of a (rows, sites) table of hundredths; -1 where there is none."""
    table = np.atleast_2d(np.asarray(costs, np.int64))
    n, s = table.shape
    rows = [[(int(c), j) for j, c in enumerate(row) if 0 <= c <= limit * 100] for row in table.tolist()]
    pairs = [sorted(row) for row in rows]
    flat = [pair for row in pairs for pair in row]
    return Matrix(
        standard or gridworld.drive_standard(),
        limit,
        s,
        np.cumsum([0, *map(len, pairs)]).astype(np.int64),
        np.array([j for _, j in flat], np.int32),
        np.array([c for c, _ in flat], np.int32),
        np.arange(n, dtype=np.int32),
        np.ones(n) if part is None else np.asarray(part, float),
    )


def grid_matrix(sites: list[int], *, k: int = 4, limit: int = 1800) -> Matrix:
    """The pairs of a grid world, its times counted in steps."""
    row, column = np.divmod(np.arange(k * k), k)
    steps = np.abs(row[:, None] - row[sites]) + np.abs(column[:, None] - column[sites])
    return make_matrix(steps.reshape(k * k, len(sites)) * gridworld.SECONDS * 100, limit=limit)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Matrix, list[int], list[int]]:
    """Up to 6 rows and 4 sites, with many ties, sites out of reach, needs and capacities of 0."""
    n, s = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    cost = st.one_of(st.integers(-1, 4), st.integers(0, 180_000), st.integers(65_530, 65_540))
    table = draw(st.lists(st.lists(cost, min_size=s, max_size=s), min_size=n, max_size=n))
    need = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    persons = draw(st.lists(st.integers(0, 12), min_size=s, max_size=s))
    return make_matrix(table), need, persons


def entries(matrix: Matrix) -> list[tuple[int, int, int]]:
    """(cost, row, site) of every entry, in the order of the matrix."""
    triples = zip(matrix.cost.tolist(), matrix.rows().tolist(), matrix.site.tolist(), strict=True)
    return list(triples)


@given(cases())
def test_the_nearest_first_as_a_plain_loop_does_it(case: Any) -> None:
    matrix, need, persons = case
    pairs, want, able, flow = entries(matrix), list(need), list(persons), {}
    for _, row, site in sorted(pairs):
        flow[row, site] = min(want[row], able[site])
        want[row] -= flow[row, site]
        able[site] -= flow[row, site]
    found = assign(matrix, need, persons)
    assert found.flow.dtype == np.int64
    assert found.flow.tolist() == [flow[row, site] for _, row, site in pairs]
    assert found.unserved.tolist() == want
    assert found.left.tolist() == able


@given(cases(), st.sampled_from([0, 1, 655, 656, 1800]))
def test_persons_are_neither_made_nor_lost(case: Any, limit: int) -> None:
    matrix, need, persons = case
    found = assign(matrix, need, persons, limit=limit)
    check_sums(found)
    assert not found.flow[matrix.cost > limit * 100].any()


def check_sums(found: Assignment) -> None:
    matrix = found.matrix
    assert (found.flow >= 0).all() and (found.left >= 0).all() and (found.unserved >= 0).all()
    by_row = np.bincount(matrix.rows(), found.flow, minlength=matrix.n_rows)
    by_site = np.bincount(matrix.site, found.flow, minlength=matrix.n_sites)
    np.testing.assert_allclose(by_row + found.unserved, found.need, atol=1e-8)
    np.testing.assert_allclose(by_site + found.left, found.persons, atol=1e-8)


@settings(max_examples=many(60))
@given(cases())
def test_stable(case: Any) -> None:
    """No pair where a place unserved or served from farther off has a site that serves farther or is idle."""
    matrix, need, persons = case
    found, pairs = assign(matrix, need, persons), entries(matrix)
    flow = found.flow.tolist()
    for cost, row, site in pairs:
        worst_row = [c for (c, r, _), x in zip(pairs, flow, strict=True) if r == row and x]
        worst_site = [c for (c, _, s), x in zip(pairs, flow, strict=True) if s == site and x]
        would_row = found.unserved[row] > 0 or any(c > cost for c in worst_row)
        would_site = found.left[site] > 0 or any(c > cost for c in worst_site)
        assert not (would_row and would_site)


@settings(max_examples=many(60))
@given(cases())
def test_one_dispatcher_serves_most_at_least_cost(case: Any) -> None:
    matrix, need, persons = case
    best, nearest = best_assignment(matrix, need, persons), assign(matrix, need, persons)
    check_sums(best)
    graph = nx.DiGraph()
    graph.add_nodes_from(["from", "to"])
    for i, each in enumerate(need):
        graph.add_edge("from", ("row", i), capacity=each, weight=0)
    for j, each in enumerate(persons):
        graph.add_edge(("site", j), "to", capacity=each, weight=0)
    for cost, row, site in entries(matrix):
        graph.add_edge(("row", row), ("site", site), weight=cost)
    flow = nx.max_flow_min_cost(graph, "from", "to")
    assert best.served.sum() == sum(flow["from"].values()) >= nearest.served.sum()
    assert int(best.flow @ matrix.cost.astype(np.int64)) == nx.cost_of_flow(graph, flow)
    if best.served.sum() == nearest.served.sum():
        assert best.cost_sum() <= nearest.cost_sum()


@settings(max_examples=many(40))
@given(cases(), st.integers(0, 3))
def test_more_capacity_never_harms_anyone(case: Any, site: int) -> None:
    """Of a stable allocation known since Gale & Sotomayor (1985); a site that opens is one that had none."""
    matrix, need, persons = case
    more = list(persons)
    more[site % len(more)] += 5
    assert (assign(matrix, need, more).unserved <= assign(matrix, need, persons).unserved).all()
    best = [best_assignment(matrix, need, each).served.sum() for each in (more, persons)]
    assert best[0] >= best[1]


@settings(max_examples=many(40))
@given(cases(), st.integers(0, 1800))
def test_a_looser_limit_never_harms_the_total(case: Any, limit: int) -> None:
    matrix, need, persons = case
    tight = best_assignment(matrix, need, persons, limit=limit)
    assert tight.served.sum() <= best_assignment(matrix, need, persons).served.sum()


@given(cases())
def test_with_enough_capacity_all_in_reach_are_served_by_their_nearest(case: Any) -> None:
    matrix, need, persons = case
    found = assign(matrix, need, [sum(need)] * len(persons))
    assert (found.served == np.where(found.in_reach, need, 0)).all()
    for row in range(matrix.n_rows):
        own = slice(matrix.indptr[row], matrix.indptr[row + 1])
        assert found.flow[own].tolist()[:1] == [need[row]][: len(found.flow[own])]


@given(st.permutations(range(5)), st.permutations(range(3)))
def test_the_order_of_rows_and_sites_decides_nothing_without_ties(rows: list[int], sites: list[int]) -> None:
    table = np.array([[10, 21, 33], [42, 11, 25], [31, 55, 14], [16, 27, 38], [49, 52, 63]])
    need, persons = np.array([4, 6, 3, 5, 2]), np.array([7, 5, 4])
    plain = assign(make_matrix(table), need, persons)
    mixed = assign(make_matrix(table[rows][:, sites]), need[rows], persons[sites])
    assert (mixed.unserved == plain.unserved[rows]).all()
    assert (mixed.left == plain.left[sites]).all()


def test_fractions_of_cells_on_foot() -> None:
    """A site of 16 persons takes the 343 sub-cells of one cell of 10 residents, then 6 of the next."""
    cost = np.repeat([[100], [200]], 343, axis=0)
    standard = gridworld.walk_standard((1000,))
    matrix = make_matrix(cost, limit=1000, part=np.full(686, 1 / 343), standard=standard)
    matrix = replace(matrix, cell=np.repeat([0, 1], 343).astype(np.int32))
    found = assign(matrix, matrix.weight(np.array([10, 10])), [16])
    assert found.left.tolist() == [0]
    np.testing.assert_allclose(found.by_cell(found.served, 2), [10, 6])
    check_sums(found)
    assert found.served_share()[0] == 1 and found.served_share()[-1] == 0


def test_the_limit_is_inclusive() -> None:
    matrix = make_matrix([[60_000], [60_001]])
    found = assign(matrix, [1, 1], [5], limit=600)
    assert found.served.tolist() == [1, 0]
    assert found.in_reach.tolist() == [True, False]
    for make in (assign, best_assignment):
        with pytest.raises(ValueError, match="limit"):
            make(matrix, [1, 1], [5], limit=1801)


@pytest.mark.parametrize(
    ("sites", "persons", "words"),
    [([], [], "没有站点"), ([5], [0], "容量都是 0"), ([5], [3], "缺口"), ([5, 5, 5], [1, 1, 1], "缺口")],
)
def test_nothing_to_serve_with(sites: list[int], persons: list[int], words: str) -> None:
    matrix = grid_matrix(sites)
    for make in (assign, best_assignment):
        found = make(matrix, 2 ** np.arange(16), np.array(persons, np.int64))
        check_sums(found)
        assert found.served.sum() == sum(persons)
        assert any(words in note for note in notes_of(found))
    assert assign(matrix, np.zeros(16, int), np.array(persons, np.int64)).served.sum() == 0


def test_no_need_and_no_rows() -> None:
    found = assign(grid_matrix([5]), np.zeros(16, int), [3])
    assert "没有需要保障的人" in notes_of(found)[-1]
    assert np.isnan(found.served_share()).all()
    assert "没有需要保障的人" in gain_text(found, found)
    empty = make_matrix(np.empty((0, 2)))
    assert assign(empty, np.empty(0), [3, 4]).left.tolist() == [3, 4]
    assert assign(empty, [], [3, 4]).unserved.tolist() == []


@pytest.mark.parametrize(
    ("need", "persons"),
    [([1], [1, 1]), ([1, 1], [1]), ([1, -1], [1, 1]), ([1, np.nan], [1, 1]), ([1, 1], [1, 0.5])],
)
def test_wrong_amounts(need: Any, persons: Any) -> None:
    with pytest.raises(ValueError):
        assign(make_matrix([[1, 2], [3, 4]]), need, persons)


def test_too_many_pairs_for_the_best() -> None:
    with pytest.raises(InputError, match=r"统一调拨: .*不超过 3 个, 得到 4 个"):
        best_assignment(make_matrix([[1, 2], [3, 4]]), [1, 1], [1, 1], most_pairs=3)
    with pytest.raises(ValueError, match="whole"):
        best_assignment(make_matrix([[1, 2], [3, 4]]), [0.5, 1], [1, 1])


def test_what_a_dispatcher_gains() -> None:
    matrix = make_matrix([[500, -1], [400, 1000]], limit=60)
    nearest, best = assign(matrix, [10, 10], [10, 10]), best_assignment(matrix, [10, 10], [10, 10])
    assert gain_text(nearest, best) == "统一调拨可多保障 10 人, 人均远 0.1 分钟"
    assert (mean_cost(nearest), mean_cost(best)) == (4.0, 7.5)
    # The nearest first: 0 s and 100 min; crosswise: 1 min each, 2 in all.
    matrix = make_matrix([[0, 6000], [6000, 600_000]], limit=6000)
    nearest, best = assign(matrix, [1, 1], [1, 1]), best_assignment(matrix, [1, 1], [1, 1])
    assert gain_text(nearest, best) == "统一调拨不能多保障人, 人均近 49.0 分钟"
    assert gain_text(best, best) == "统一调拨不能多保障人, 人均距离不变"


def test_loads_and_shortfall_of_a_grid() -> None:
    """Stores at the corners 0 and 15 of the grid with 2^node residents, 20 minutes around."""
    demand, standard = gridworld.grid_demand(), gridworld.drive_standard()
    matrix = replace(grid_matrix([0, 15, 9], limit=1200), standard=standard)
    layer = gridworld.make_layer(
        "warehouse", *gridworld.at_nodes(gridworld.grid_network(), [0, 15, 9]), demand=demand
    )
    persons = np.array([100, 40_000, 0])
    supply = Supply(persons, np.array(["容量", "库存", "未填"]))
    found = assign(matrix, demand.residents, persons)
    # 0: its node and 1, 4 (1 + 2 + 16); of the nodes at 20 minutes, in their order, 2, 5 and 45 of 256 at 8.
    # 15: its node (32768), then 11 (2048) and 5184 of 16384 at 14, both at 10 minutes.
    loads = site_loads(layer, supply, found)
    assert loads["assigned"].tolist() == [100, 40_000, 0]
    assert loads["left"].tolist() == [0, 0, 0]
    assert loads["used_share"].tolist()[:2] == [1, 1] and np.isnan(loads["used_share"][2])
    assert loads["farthest_cost"].tolist()[:2] == [20, 10] and np.isnan(loads["farthest_cost"][2])
    assert loads["mean_cost"][0] == (18 * 10 + 81 * 20) / 100
    assert loads["origin"].tolist() == ["容量", "库存", "未填"]
    tables = {
        level: shortfall(demand, zones_of(demand, level), demand.residents, found) for level in LEVELS[:3]
    }
    for table in tables.values():
        assert table["need"].sum() == 2**16 - 1 and table["served"].sum() == 40_100
        assert (table["need"] == table["served"] + table["no_capacity"] + table["out_of_reach"]).all()
        assert (table["shortfall"] == table["no_capacity"] + table["out_of_reach"]).all()
        assert (table["in_reach"] == table["served"] + table["no_capacity"]).all()
    # Beyond 20 minutes of all three: only node 3, in the corner of 丙县.
    assert tables["县"]["out_of_reach"].tolist() == [0, 0, 8, 0]
    assert tables["县"]["served"].tolist() == [51, 45, 4, 40_000]
    assert tables["省"]["share"][0] == 40_100 / (2**16 - 1)


def test_shortfall_on_foot_is_whole_and_adds_up() -> None:
    demand = gridworld.hex_demand(2, residents=1000)
    n, rng = len(demand.cell), np.random.default_rng(5)
    cell = np.repeat(np.arange(n), 40).astype(np.int32)
    standard = gridworld.walk_standard((1000,))
    matrix = make_matrix(
        rng.integers(-30_000, 100_000, (len(cell), 3)),
        limit=1000,
        part=np.full(len(cell), 1 / 343),
        standard=standard,
    )
    matrix = replace(matrix, cell=cell)
    found = assign(matrix, matrix.weight(demand.residents), [301, 0, 77])
    check_sums(found)
    tables = [
        shortfall(demand, zones_of(demand, level), demand.residents, found)
        for level in ("省", "市", "县", "网格")
    ]
    columns = ["need", "in_reach", "served", "no_capacity", "out_of_reach", "shortfall"]
    for table in tables:
        assert (table[columns] >= 0).all(axis=None)
        assert table[columns].sum().tolist() == tables[0][columns].sum().tolist()
    assert tables[0]["served"][0] == 378
    layer = gridworld.make_layer("aed", demand.lon[:3], demand.lat[:3], demand=demand)
    loads = site_loads(layer, Supply(found.persons, np.array(["容量"] * 3)), found)
    assert loads["assigned"].tolist() == [301, 0, 77]


def test_shortfall_without_residents_or_with_other_needs() -> None:
    demand = gridworld.grid_demand(residents=np.zeros(16, int))
    found = assign(grid_matrix([0]), demand.residents, [5])
    table = shortfall(demand, zones_of(demand, "县"), demand.residents, found)
    assert table["share"].isna().all() and table["need"].sum() == 0
    found = assign(grid_matrix([0]), np.ones(16, int), [5])
    with pytest.raises(ValueError, match="other needs"):
        shortfall(demand, zones_of(demand, "县"), demand.residents, found)
    with pytest.raises(ValueError, match="cells"):
        shortfall(demand, zones_of(demand, "县"), [1, 2], found)


def test_matrices_of_a_world_by_road_and_on_foot() -> None:
    """A grid as by hand; one AED for 300 of the residents around it, who live in parts of cells."""
    demand, network = gridworld.grid_demand(), gridworld.grid_network()
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [0, 15, 9]), demand=demand)
    matrix = build_matrix(demand, network, layer, gridworld.drive_standard(), limit=1200)
    by_hand = assign(grid_matrix([0, 15, 9], limit=1200), demand.residents, [100, 40_000, 0])
    found = assign(matrix, demand.residents, [100, 40_000, 0])
    assert found.served.tolist() == by_hand.served.tolist()
    hexes = gridworld.hex_demand(2)
    aeds = gridworld.make_layer("aed", hexes.lon[[3, 9]], hexes.lat[[3, 9]], demand=hexes)
    matrix = build_matrix(hexes, network, aeds, gridworld.walk_standard((1000,)))
    found = assign(matrix, matrix.weight(hexes.residents), [300, 10**6])
    check_sums(found)
    assert found.left[0] == 0 and found.left[1] > 0
    table = shortfall(hexes, zones_of(hexes, "省"), hexes.residents, found)
    # 16 residents in each sub-cell: the first serves 300, the second all around it.
    around = int((matrix.site == 1).sum()) * 16
    assert table["served"][0] == 300 + around
