"""Approximate network: the rules hold in a small world, the real one keeps to the published distances."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import gridworld
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from boai.geodata import alignment, approximate, proximity, roads
from boai.geodata.crs import haversine_m
from boai.geodata.demand import Demand
from boai.geodata.distances import route_lengths
from boai.geodata.errors import InputError
from boai.geodata.expressways import (
    End,
    Expressway,
    Section,
    border_name,
    choose_stop,
    interchange_name,
    leaves_province,
    read_expressways,
    section_label,
    settlement_in,
)
from boai.geodata.gazetteer import Gazetteer
from boai.geodata.network import (
    APPROXIMATE,
    NODE_CELL,
    NODE_INTERCHANGE,
    NODE_SEAT,
    NODE_SETTLEMENT,
    Network,
    save_network,
)
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

PARAMETERS = approximate.read_parameters()
SPEED = PARAMETERS.speed_kmh
HIGHWAYS = {"G105 国道": [0, 1, 3]}


def town(gaz: Gazetteer, county: int, place: int) -> str:
    """Name of a settlement of a county, counted from its first."""
    return str(gaz.name[np.flatnonzero((gaz.county == county) & (gaz.level == 3))[place]])


def make_world() -> tuple[Gazetteer, Demand, tuple[Expressway, ...]]:
    """Four counties of 1261 cells, a settlement at every 23rd; three expressways, one of them not built."""
    demand = gridworld.hex_demand(20)
    gaz = gridworld.make_gazetteer(demand)
    middle = [
        np.argmin(haversine_m(*centre(demand, k), demand.lon[own], demand.lat[own]))
        for k in range(4)
        for own in [demand.county == k]
    ]
    seats = [int(np.flatnonzero(demand.county == k)[middle[k]]) for k in range(4)]
    rows = np.r_[:7, 7 : len(gaz.name) : 23]
    fields = {
        name: getattr(gaz, name)[rows].copy()
        for name in ("name", "lon", "lat", "level", "county", "population")
    }
    fields["lon"][3:7], fields["lat"][3:7] = demand.lon[seats], demand.lat[seats]
    gaz = replace(gaz, **fields)
    named = town(gaz, 1, 3)
    sections = (
        Section(f"甲县-乙县({named})", End(0, ""), End(1, named), 90.0, True),
        Section("乙县-丁县(东界)", End(1, named), End(3, "东界"), 60.0, False),
    )
    ways = (
        Expressway("G60 沪昆高速", (0, 1, 3), sections),
        Expressway("S1 横线高速", (2, 3, 1)),
        Expressway("未建高速", (0, 2), (), is_open=False),
    )
    return gaz, demand, ways


def centre(demand: Demand, county: int) -> tuple[float, float]:
    own = demand.county == county
    return float(demand.lon[own].mean()), float(demand.lat[own].mean())


@pytest.fixture(scope="module")
def small() -> tuple[Gazetteer, Demand, tuple[Expressway, ...]]:
    return make_world()


@pytest.fixture(scope="module")
def frame(small: Any) -> approximate.Skeleton:
    gaz, demand, ways = small
    return approximate.skeleton(gaz, demand, rules=PARAMETERS.rules, expressways=ways, highways=HIGHWAYS)


@pytest.fixture(scope="module")
def network(frame: approximate.Skeleton) -> Network:
    return approximate.weigh(frame, PARAMETERS)


def tails(network: Network) -> np.ndarray:
    return np.repeat(np.arange(network.n_nodes), np.diff(network.start))


def check_invariants(network: Network, gaz: Gazetteer, demand: Demand) -> None:
    """What holds for every approximate network."""
    n = len(demand.lon)
    np.testing.assert_array_equal(network.lon[:n], demand.lon)
    np.testing.assert_array_equal(network.lat[:n], demand.lat)
    assert (np.diff(network.kind.astype(int)) >= 0).sum() == network.n_nodes - 1
    assert (network.kind[:n] == NODE_CELL).all()
    for kind, level in ((NODE_SETTLEMENT, 3), (NODE_SEAT, 2)):
        np.testing.assert_array_equal(network.name[network.kind == kind], gaz.name[gaz.level == level])
        np.testing.assert_array_equal(network.lon[network.kind == kind], gaz.lon[gaz.level == level])
    tail, head = tails(network), network.head.astype(np.int64)
    code, mirror = tail * network.n_nodes + head, head * network.n_nodes + tail
    assert (np.diff(code) > 0).all(), "rows are sorted and there is one edge at most between two nodes"
    order = np.argsort(mirror)
    for values in (network.centiseconds, network.metres, network.road):
        np.testing.assert_array_equal(values[order], values)
    np.testing.assert_array_equal(mirror[order], code)
    assert network.centiseconds.dtype == np.int32
    assert network.metres.dtype == np.float32
    assert network.centiseconds.min() >= 1
    straight = haversine_m(network.lon[tail], network.lat[tail], network.lon[head], network.lat[head])
    assert (network.metres >= straight * (1 - 1e-6)).all()
    assert (tail != head).all()
    assert nx.is_strongly_connected(roads.to_networkx(network))
    assert network.label == APPROXIMATE


def test_invariants_of_the_small_world(small: Any, network: Network) -> None:
    gaz, demand, _ = small
    check_invariants(network, gaz, demand)
    assert network.roads == ("", "G60 沪昆高速", "S1 横线高速", "G105 国道")
    assert network.meta["left_out"] == ["未建高速"]
    assert set(np.unique(network.road)) == {0, 1, 2, 3}


def test_speed_and_length_follow_the_class(frame: approximate.Skeleton) -> None:
    plain = replace(frame, stretches=())
    network = approximate.weigh(plain, PARAMETERS)
    tail = tails(network)
    for class_position, name in enumerate(approximate.CLASSES):
        for k in np.flatnonzero(frame.road_class == class_position)[:50]:
            a, b = frame.pairs[k]
            edge = np.flatnonzero((tail == a) & (network.head == b))[0]
            factor = PARAMETERS.detour["expressway" if name == "expressway" else "other"]
            ramp = PARAMETERS.rules.ramp_m if name == "connector" else 0
            metres = max(frame.straight_m[k] * factor + ramp, 1.0)
            assert network.metres[edge] == pytest.approx(metres, rel=1e-6)
            assert network.centiseconds[edge] == pytest.approx(metres / SPEED[name] * 360, abs=0.51, rel=1e-6)
            assert network.road[edge] == frame.road[k]
    for name in approximate.CLASSES:
        assert network.meta["classes"][name]["links"] > 0


def test_only_expressways_and_highways_have_names(frame: approximate.Skeleton) -> None:
    named = frame.road_class <= approximate.NATIONAL
    assert (frame.road[named] > 0).all()
    assert (frame.road[~named] == 0).all()


def test_published_length_is_used_within_bounds(frame: approximate.Skeleton, network: Network) -> None:
    first, second = frame.stretches
    assert (first.verified, second.verified) == (True, False)
    graph = roads.to_networkx(network)
    longest = PARAMETERS.rules.longest_bend
    for stretch in frame.stretches:
        straight = frame.straight_m[stretch.links].sum()
        metres = sum(graph.edges[a, b]["metres"] for a, b in frame.pairs[stretch.links].tolist())
        assert metres == pytest.approx(np.clip(stretch.km * 1000, straight, longest * straight), rel=1e-6)
        assert (frame.road_class[stretch.links] == approximate.EXPRESSWAY).all()
    without = approximate.weigh(frame, PARAMETERS, without=[0])
    plain = frame.straight_m[first.links] * PARAMETERS.detour["expressway"]
    graph = roads.to_networkx(without)
    for (a, b), metres in zip(frame.pairs[first.links].tolist(), plain, strict=True):
        assert graph.edges[a, b]["metres"] == pytest.approx(metres, rel=1e-6)


def test_unverified_lengths_can_be_left_unused(small: Any) -> None:
    gaz, demand, ways = small
    rules = replace(PARAMETERS.rules, unverified_lengths=False)
    made = approximate.skeleton(gaz, demand, rules=rules, expressways=ways, highways=HIGHWAYS)
    assert [stretch.verified for stretch in made.stretches] == [True]


def test_same_input_same_bytes(small: Any, network: Network, tmp_path: Path) -> None:
    gaz, demand, ways = small
    again = roads.build_approximate(gaz, demand, expressways=ways, highways=HIGHWAYS)
    assert save_network(network, tmp_path / "a") == save_network(again, tmp_path / "b")


def test_without_expressways_and_highways(small: Any) -> None:
    gaz, demand, _ = small
    network = roads.build_approximate(gaz, demand, expressways=(), highways={})
    check_invariants(network, gaz, demand)
    assert network.roads == ("",)
    assert NODE_INTERCHANGE not in network.kind


# ---- alignment


def lay(small: Any, **rules: Any) -> dict[str, alignment.Line]:
    gaz, demand, ways = small
    lines = alignment.lay_out(
        [way for way in ways if way.is_open], gaz, demand, rules=replace(PARAMETERS.rules, **rules)
    )
    return {line.road: line for line in lines}


def test_lines_pass_their_counties_in_order(small: Any) -> None:
    _, demand, ways = small
    lines = lay(small)
    for way in ways[:2]:
        line = lines[way.road]
        own = line.county[line.role == alignment.ENTRY]
        first = [int(np.flatnonzero(own == county)[0]) for county in way.counties]
        assert first == sorted(first)
        cell = cKDTree(np.column_stack([demand.lon, demand.lat])).query(line.points)[1]
        np.testing.assert_array_equal(demand.county[cell], line.county)


def test_named_settlement_and_border(small: Any) -> None:
    gaz, demand, _ = small
    line = lay(small)["G60 沪昆高速"]
    place = town(gaz, 1, 3)
    row = settlement_in(gaz, 1, place)
    stop = line.name.index(interchange_name("乙县", place))
    assert haversine_m(gaz.lon[row], gaz.lat[row], *line.points[stop]) < 1500
    assert line.name[-1] == "丁县东界"
    assert line.role[-1] == alignment.BORDER
    assert line.role[0] == alignment.BORDER
    assert line.name[0] == "甲县省界"
    ring = haversine_m(*line.points[-1], demand.lon, demand.lat)
    assert (ring < 3000).sum() < 7, "a cell of the border has fewer than six neighbours"


def test_lines_keep_clear_of_seats(small: Any) -> None:
    gaz, _, _ = small
    for line in lay(small).values():
        own = [k for k, name in enumerate(line.name) if name == f"{gaz.county_name[line.county[k]]}互通"]
        for k in own:
            seat = np.flatnonzero((gaz.level == 2) & (gaz.county == line.county[k]))[0]
            away = haversine_m(gaz.lon[seat], gaz.lat[seat], *line.points[k])
            assert away >= PARAMETERS.rules.seat_clear_km * 999
    assert own


def test_a_stronger_pull_brings_the_line_nearer_to_the_seat(small: Any) -> None:
    gaz, _, _ = small
    seat = np.flatnonzero((gaz.level == 2) & (gaz.county == 3))[0]

    def away(pull: float) -> float:
        line = lay(small, seat_pull=pull, seat_clear_km=0.0)["S1 横线高速"]
        stop = line.points[line.name.index("丁县互通")]
        return float(haversine_m(gaz.lon[seat], gaz.lat[seat], *stop))

    assert away(2.5) < away(0.0)
    assert away(2.5) == 0


def test_crossing_lines_share_a_node(small: Any) -> None:
    lines = lay(small)
    first, second = lines["G60 沪昆高速"], lines["S1 横线高速"]
    shared = {tuple(point) for point in first.points} & {tuple(point) for point in second.points}
    assert shared


def test_interchanges_are_not_far_apart(small: Any) -> None:
    for line in lay(small, interchange_spacing_km=6.0).values():
        start, end = alignment.legs(line)
        assert haversine_m(*start.T, *end.T).max() < 9500
        assert len(set(line.name) - {"甲县枢纽", "乙县枢纽", "丙县枢纽", "丁县枢纽"}) >= len(line.name) - 3


def test_ring_road(small: Any) -> None:
    gaz, demand, _ = small
    way = Expressway("G6001 东市绕城高速", (0,))
    (line,) = alignment.lay_out([way], gaz, demand, rules=replace(PARAMETERS.rules, ring_radius_km=10))
    assert line.closed
    city = np.flatnonzero(gaz.name == "东市")[0]
    away = haversine_m(gaz.lon[city], gaz.lat[city], *line.points.T)
    assert (away < 11_500).all()
    start, end = alignment.legs(line)
    np.testing.assert_array_equal(start[0], end[-1])


def test_lone_line_is_led_on_to_another(small: Any) -> None:
    gaz, demand, _ = small
    ways = [Expressway("S1 甲高速", (0,)), Expressway("S2 丁高速", (3,))]
    first, second = alignment.lay_out(ways, gaz, demand, rules=PARAMETERS.rules)
    assert {tuple(point) for point in first.points} & {tuple(point) for point in second.points}


@given(st.data())
@settings(max_examples=many(40), deadline=None)
def test_line_is_the_cheapest_of_all(data: st.DataObject) -> None:
    demand = gridworld.hex_demand(3)
    ground = alignment._survey(gridworld.make_gazetteer(demand), demand)
    stops = data.draw(st.lists(st.lists(st.integers(0, 36), min_size=1, max_size=4), min_size=2, max_size=4))
    choices = [np.array(stop) for stop in stops]
    own = [np.array(data.draw(st.lists(st.floats(0, 9), min_size=len(s), max_size=len(s)))) for s in stops]
    chosen = alignment._cheapest(choices, own, ground, 2.0)

    def cost(route: tuple[int, ...]) -> float:
        cells = [choices[k][i] for k, i in enumerate(route)]
        total = sum(own[k][i] for k, i in enumerate(route))
        for a, b in itertools.pairwise(cells):
            legs = alignment._leg_costs(ground.plane[[a]], ground.plane[[b]], ground.centres, 2.0)
            total += float(legs[0, 0])
        return float(total)

    routes = list(itertools.product(*(range(len(stop)) for stop in stops)))
    found = min(cost(r) for r in routes if all(choices[k][i] == chosen[k] for k, i in enumerate(r)))
    assert found == pytest.approx(min(cost(route) for route in routes))


# ---- proximity graph


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=3, max_size=25))
@settings(deadline=None)
def test_gabriel_against_its_definition(places: list[tuple[int, int]]) -> None:
    points = np.unique(np.array(places, float), axis=0)
    spread = points - points[0]
    if len(points) < 3 or np.linalg.matrix_rank(spread) < 2:
        return
    points = points + np.random.default_rng(len(points)).uniform(-0.3, 0.3, points.shape)
    want = {
        (a, b)
        for a, b in itertools.combinations(range(len(points)), 2)
        if all(
            np.dot(points[a] - points[c], points[b] - points[c]) >= 0
            for c in range(len(points))
            if c not in (a, b)
        )
    }
    assert {tuple(pair) for pair in proximity.gabriel(points).tolist()} == want


def test_points_at_the_same_place_are_linked() -> None:
    points = np.array([[0, 0], [10, 0], [0, 10], [10, 10], [10, 10], [0, 0.0]])
    pairs = {tuple(pair) for pair in proximity.gabriel(points).tolist()}
    assert {(0, 5), (3, 4)} <= pairs
    graph = nx.Graph(list(pairs))
    assert nx.number_connected_components(graph) == 1
    assert len(graph) == 6


def test_long_links_stay_only_where_needed() -> None:
    rng = np.random.default_rng(7)
    points = rng.uniform(0, 10, (60, 2))
    points[30:, 0] += 100
    pairs = proximity.neighbours(points, limit=1.0)
    graph = nx.Graph(pairs.tolist())
    assert nx.is_connected(graph)
    complete = nx.Graph()
    for a, b in itertools.combinations(range(60), 2):
        complete.add_edge(a, b, weight=float(np.hypot(*(points[a] - points[b]))))
    tree = {tuple(sorted(edge)) for edge in nx.minimum_spanning_edges(complete, data=False)}
    long = {tuple(p) for p in pairs[proximity.lengths(points, pairs) > 1.0].tolist()}
    assert long <= tree
    assert tree <= {tuple(p) for p in pairs.tolist()}


# ---- facts


def test_choose_stop() -> None:
    names = ["甲县梅关(省界)", "甲县昌傅镇互通", "甲县枢纽", "甲县互通", "甲县互通", "乙县沙镇互通"]
    away = np.array([9.0, 8.0, 1.0, 5.0, 4.0, 2.0])
    assert choose_stop("甲县", "昌傅", names, away) == (1, True)
    assert choose_stop("甲县", "梅关", names, away) == (0, True)
    assert choose_stop("甲县", "没有", names, away) == (0, False)
    assert choose_stop("甲县", "", names, away) == (4, True)
    assert choose_stop("乙县", "", names, away) == (5, True)
    assert choose_stop("乙县", "没有", names, away) == (5, False)
    assert choose_stop("丙县", "", names, away) == (-1, True)


def test_where_roads_leave_the_province(small: Any) -> None:
    gaz, _, _ = small
    known = town(gaz, 0, 1)

    def crossing(road: str, text: str) -> str:
        sections = (Section("x", End(0, text), End(1, ""), 1.0, True),)
        return leaves_province(Expressway(road, (0, 1), sections), 0, gaz)

    assert crossing("G60 沪昆高速", "金鱼石") == "金鱼石"
    assert crossing("G60 沪昆高速", known) == "省界"
    assert crossing("G60 沪昆高速", "东市") == "省界"
    assert crossing("G1517 莆炎高速", "金鱼石") == ""
    assert crossing("G1517 莆炎高速", "船顶隘") == "船顶隘"
    assert border_name("甲县", "赣皖界") == "甲县赣皖界"


def test_unknown_county_in_a_table_is_refused(small: Any, tmp_path: Path) -> None:
    gaz = small[0]
    path = tmp_path / "ways.yaml"
    path.write_text(
        "expressways:\n- {code: G1, name: 高速, status: open, counties: [甲县, 火县, 月县], sections: []}\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="火县") as caught:
        read_expressways(gaz, path)
    assert len(caught.value.problems) == 2
    path.write_text("national_highways:\n- {code: G1, counties: [火星县]}\n", encoding="utf-8")
    with pytest.raises(InputError, match="火星县"):
        approximate.read_highways(gaz, path)


def test_impossible_parameters_are_refused(tmp_path: Path) -> None:
    source = Path(approximate.__file__).with_name("tables") / "road_speeds.yaml"
    text = source.read_text(encoding="utf-8")
    path = tmp_path / "speeds.yaml"
    path.write_text(
        text.replace("local: 30", "local: 0").replace("other: 1.05", "other: .nan"), encoding="utf-8"
    )
    with pytest.raises(InputError) as caught:
        approximate.read_parameters(path)
    assert [problem.what[:12] for problem in caught.value.problems] == ["speed_kmh.lo", "detour.other"]


# ---- distances


@st.composite
def digraphs(draw: st.DrawFn) -> Network:
    n = draw(st.integers(2, 8))
    edge = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(1, 5000), st.integers(1, 5000))
    edges = np.array(draw(st.lists(edge, min_size=1, max_size=30)), np.int64)
    return gridworld.make_network(edges[:, 0], edges[:, 1], edges[:, 2], n_nodes=n, metres=edges[:, 3])


@given(digraphs())
@settings(deadline=None)
def test_route_lengths_against_networkx(network: Network) -> None:
    pairs = np.array(list(itertools.product(range(network.n_nodes), repeat=2)))
    seconds, metres, shortest = route_lengths(network, pairs[:, 0], pairs[:, 1])
    graph = roads.to_networkx(network)
    for (a, b), s, m, least in zip(pairs.tolist(), seconds, metres, shortest, strict=True):
        if not nx.has_path(graph, a, b):
            assert np.isinf([s, m, least]).all()
            continue
        assert s == pytest.approx(nx.dijkstra_path_length(graph, a, b, weight="seconds"))
        assert least == pytest.approx(nx.dijkstra_path_length(graph, a, b, weight="metres"))
        fastest = nx.all_shortest_paths(graph, a, b, weight="seconds")
        assert any(m == pytest.approx(nx.path_weight(graph, path, "metres")) for path in fastest)


def test_to_networkx_keeps_the_fastest_of_parallel_edges() -> None:
    network = gridworld.make_network(
        [0, 0, 1], [1, 1, 0], [900, 500, 100], n_nodes=2, metres=[1, 2, 3], road=[0, 1, 0], roads=("", "G1")
    )
    graph = roads.to_networkx(network)
    assert graph.edges[0, 1] == {"seconds": 5.0, "metres": 2.0, "road": "G1"}
    assert graph.number_of_edges() == 2
    assert graph.nodes[1]["lon"] == network.lon[1]


def table_of(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["kind", "from", "to", "km", "minutes", "note"])


def test_check_from_seat_to_seat(small: Any, network: Network) -> None:
    gaz = small[0]
    place = town(gaz, 2, 5)
    table = table_of(
        ("published_road_distance", "甲县", "丁县", "50", "", ""),
        ("published_drive", "东市", f"丙县({place})", "", "40", ""),
        ("published_drive", "甲县(不存在)", "乙县", 10, None, None),
    )
    found = roads.check_distances(network, gaz, table)
    seat = {str(network.name[k]): int(k) for k in np.flatnonzero(network.kind == NODE_SEAT)}
    node = int(np.flatnonzero(network.name == place)[0])
    city = gaz.lon[1], gaz.lat[1]
    start = int(np.argmin(haversine_m(*city, network.lon, network.lat)))
    ends = [(seat["甲县"], seat["丁县"]), (start, node), (seat["甲县"], seat["乙县"])]
    graph = roads.to_networkx(network)
    for row, (a, b) in enumerate(ends):
        seconds, path = nx.single_source_dijkstra(graph, a, b, weight="seconds")
        assert found.model_minutes[row] == pytest.approx(seconds / 60)
        assert found.model_km[row] == pytest.approx(nx.path_weight(graph, path, "metres") / 1000)
        least = nx.dijkstra_path_length(graph, a, b, weight="metres")
        assert found.shortest_km[row] == pytest.approx(least / 1000)
    assert found.error_pct[0] == pytest.approx(100 * (found.model_km[0] / 50 - 1))
    assert found.minutes_error_pct[1] == pytest.approx(100 * (found.model_minutes[1] / 40 - 1))
    assert found.loc[1, ["km", "error_pct"]].isna().all()
    assert found.note.tolist()[:2] == ["", ""]
    assert "不存在" in found.note[2]
    assert list(found["from"]) == list(table["from"])


def test_check_of_sections_between_interchanges(small: Any, network: Network) -> None:
    gaz = small[0]
    place = town(gaz, 1, 3)
    road = "G60 沪昆高速: 某段"
    found = roads.check_distances(
        network,
        gaz,
        table_of(
            (roads.SECTION, f"乙县({place})", "丁县(东界)", 60, "", road),
            (roads.SECTION, "甲县(没有这里)", f"乙县({place})", 60, "", road),
            (roads.SECTION, "甲县", "丁县", 60, "", road),
            (roads.SECTION, "甲县", "丁县", 60, "", "没有路名"),
            (roads.SECTION, "丙县", f"乙县{place}", 60, "", road),
        ),
    )
    assert found.note[0] == f"乙县({place})取乙县{place}互通; 丁县(东界)取丁县东界"
    assert found.note[1].startswith("地名表里没有 没有这里, 以甲县省界代替")
    assert found.note[2] == "甲县取甲县互通; 丁县取丁县互通"
    assert found.note[3] == ""
    assert found.note[4] == f"丙县不在这条高速上, 取该地; 乙县{place}取乙县{place}互通"
    assert found.model_km[0] == pytest.approx(60, rel=0.5)


def test_all_bad_rows_are_reported_at_once(small: Any, network: Network) -> None:
    gaz = small[0]
    table = table_of(
        ("x", "火星县", "丁县", 50, "", ""),
        ("x", "甲县", "丁县", "五十", "-3", ""),
        ("x", "甲县", "丁县", "", "", ""),
        ("x", "甲县", "", "inf", "", ""),
        ("x", "甲县", "丁县", "5", "", ""),
        ("x", "<script>", "=1+1", "0", "nan", ""),
    )
    with pytest.raises(InputError) as caught:
        roads.check_distances(network, gaz, table, where="我的表.csv")
    text = str(caught.value)
    for part in ("第2行", "火星县", "第3行 km", "第3行 minutes", "第4行", "第5行 km", "第5行", "第7行 km"):
        assert part in text
    assert "第6行" not in text
    assert all(line.startswith("我的表.csv 第") for line in text.splitlines())
    assert len(text.splitlines()) == len(caught.value.problems)


def test_places_that_no_road_joins(small: Any) -> None:
    gaz = small[0]
    seats = np.flatnonzero(gaz.level == 2)
    network = gridworld.make_network([0], [1], [100], lon=gaz.lon[seats], lat=gaz.lat[seats])
    found = roads.check_distances(network, gaz, table_of(("x", "甲县", "丁县", 5, "", "")))
    assert np.isinf(found.model_km[0])
    assert np.isinf(roads.summarise(found).worst_pct)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_tables_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "表.csv"
    path.write_bytes("kind,from,to,km,minutes\nx,甲县,乙县,5,\n".encode(encoding))
    assert roads.read_distances(path).to_dict("records") == [
        {"kind": "x", "from": "甲县", "to": "乙县", "km": "5", "minutes": ""}
    ]


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (None, "文件不存在"),
        (b"", "不是可读的 CSV"),
        (b"\xff\xfe\x00\xd8\x81", "不是可读的 CSV"),
        ("kind,from,to\nx,甲县,乙县\n".encode(), "缺少列 km、minutes"),
        (b"kind,from,to,km,minutes\n", "没有数据行"),
        (b'kind,from,to,km,minutes\n"x,1,2,3,4', "不是可读的 CSV"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, raw: bytes | None, what: str) -> None:
    path = tmp_path / "t.csv"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(InputError, match=what) as caught:
        roads.read_distances(path)
    assert len(str(caught.value).splitlines()) == 1


def test_summary_without_rows() -> None:
    assert roads.summarise(pd.DataFrame({"error_pct": [float("nan")]})).rows == 0


def test_calibration_finds_the_factors_of_a_known_network(frame: approximate.Skeleton, small: Any) -> None:
    gaz = small[0]
    plain = replace(frame, stretches=())
    truth = approximate.weigh(plain, replace(PARAMETERS, detour={"expressway": 1.2, "other": 1.3}))
    ends = [("甲县", "丁县"), ("乙县", "丙县"), ("丙县", "丁县"), ("甲县", "丙县"), ("乙县", "丁县")]
    table = table_of(*(("x", a, b, 1, "", "") for a, b in ends))
    table["km"] = roads.check_distances(truth, gaz, table)["model_km"]
    table = pd.concat(
        [table.astype(object), table_of(("x", "甲县", "乙县", "", "30", ""))], ignore_index=True
    )
    found = roads.calibrate(
        plain, gaz, table, parameters=PARAMETERS, expressway=(1.0, 1.1, 1.2, 1.3), other=(1.1, 1.2, 1.3, 1.4)
    )
    assert (found.expressway, found.other) == (1.2, 1.3)
    assert found.loss.loc[1.2, 1.3] == pytest.approx(0, abs=1e-9)
    assert found.left_out.shape == (5,)
    np.testing.assert_allclose(found.left_out, 0, atol=1e-6)
    one = roads.calibrate(plain, gaz, table, parameters=PARAMETERS, expressway=(1.0, 1.3))
    assert one.other == PARAMETERS.detour["other"]


def test_leave_one_out_does_not_know_the_answer(
    frame: approximate.Skeleton, small: Any, network: Network
) -> None:
    gaz, _, ways = small
    table = roads.section_table(ways, verified=True)
    assert section_label(table["from"][0], table["to"][0]) == frame.stretches[0].label
    alone = approximate.weigh(frame, PARAMETERS, without=[0])
    left = roads.leave_one_out(frame, gaz, table, parameters=PARAMETERS)
    pd.testing.assert_frame_equal(left, roads.check_distances(alone, gaz, table))
    assert left.model_km[0] != pytest.approx(roads.check_distances(network, gaz, table).model_km[0], rel=1e-3)


# ---- the province


@pytest.fixture(scope="module")
def province(world: Any) -> tuple[Gazetteer, Demand, Network]:
    return world.gazetteer, world.demand, world.network


def test_invariants_of_the_province(province: Any) -> None:
    gaz, demand, network = province
    check_invariants(network, gaz, demand)
    assert {"G60 沪昆高速", "G70 福银高速", "G105 国道"} <= set(network.roads)
    assert not {"弋阳-南丰高速", "新干-兴国高速"} & set(network.roads)
    assert network.meta["left_out"] == ["弋阳-南丰高速", "新干-兴国高速"]


def test_one_can_drive_on_expressways_alone_through_the_province(province: Any) -> None:
    network = province[2]
    fast = np.array(["高速" in name for name in network.roads])[network.road]
    graph = nx.Graph(zip(tails(network)[fast].tolist(), network.head[fast].tolist(), strict=True))
    assert nx.number_connected_components(graph) == 1
    ways = {way.road for way in read_expressways(province[0]) if way.is_open}
    assert {network.roads[k] for k in np.unique(network.road[fast])} == ways


def test_published_distances(province: Any) -> None:
    gaz, demand, network = province
    table = roads.read_distances()
    found = roads.summarise(roads.check_distances(network, gaz, table))
    assert found.rows == 20
    assert found.median_pct <= 12
    assert found.within_25 >= 0.9
    frame = approximate.skeleton(gaz, demand, rules=PARAMETERS.rules)
    alone = roads.summarise(roads.leave_one_out(frame, gaz, table, parameters=PARAMETERS))
    assert alone.median_pct <= 12
    assert alone.within_25 >= 0.8


@pytest.mark.slow
def test_published_lengths_of_expressways_that_were_not_fitted(province: Any) -> None:
    gaz, demand, _ = province
    frame = approximate.skeleton(gaz, demand, rules=PARAMETERS.rules)
    second = roads.section_table(read_expressways(gaz), verified=False)
    unseen = roads.summarise(roads.leave_one_out(frame, gaz, second, parameters=PARAMETERS))
    assert unseen.rows == 30
    assert unseen.median_pct <= 13


@pytest.mark.slow
def test_the_factor_of_expressways_is_the_fitted_one(province: Any) -> None:
    gaz, demand, _ = province
    frame = approximate.skeleton(gaz, demand, rules=PARAMETERS.rules)
    grid = (1.07, 1.08, 1.09, 1.10, 1.11)
    best = roads.calibrate(frame, gaz, roads.read_distances(), parameters=PARAMETERS, expressway=grid)
    assert best.expressway == PARAMETERS.detour["expressway"]


def test_every_parameter_of_the_table_is_used() -> None:
    assert set(PARAMETERS.speed_kmh) == set(approximate.CLASSES)
    assert set(PARAMETERS.detour) == {"expressway", "other"}
