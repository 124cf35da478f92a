"""From tags and pieces to a network: cutting, folding, order and report, against networkx and OSMnx."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import osmnx as ox
import pytest
from boai.geodata import roads
from boai.geodata.compiled import telling
from boai.geodata.crs import haversine_m
from boai.geodata.errors import InputError
from boai.geodata.network import (
    CLASSES,
    NODE_FRINGE,
    NODE_JUNCTION,
    Network,
    edge_tails,
    incoming,
    load_network,
    save_network,
)
from boai.geodata.osm.assemble import to_pieces
from boai.geodata.osm.build import LONGEST_S, build
from boai.geodata.osm.components import in_largest_strong, weak_parts
from boai.geodata.osm.order import along_curve, morton, rows_of
from boai.geodata.osm.pieces import Pieces
from boai.geodata.osm.raw import RawRoads
from boai.geodata.osm.rules import judge_way, read_profile
from examples import many
from hypothesis import example, given, settings
from hypothesis import strategies as st
from osm_files import write_osm

WEST, SOUTH = 116.0, 28.0
STEP = 0.001
Tags = Mapping[str, str]
ROAD = {"highway": "residential"}
ONEWAY = {"highway": "residential", "oneway": "yes"}


def place(node: int) -> tuple[int, int]:
    """Ten nodes in a row, rows northward, no two distances the same."""
    row, column = divmod(node, 10)
    return round((WEST + STEP * column) * 1e7) + 37 * row * row, round((SOUTH + STEP * row) * 1e7) + column**2


def make_raw(
    ways: Mapping[int, tuple[Sequence[int], Tags]],
    *,
    gates: Mapping[int, Tags] | None = None,
    names: Mapping[int, tuple[str, str]] | None = None,
    missing: Sequence[int] = (),
    places: Mapping[int, tuple[int, int]] | None = None,
) -> RawRoads:
    """Say what a reader would say about ways; nodes lie where ``place`` puts them."""
    ids = sorted({node for nodes, _ in ways.values() for node in nodes} - set(missing))
    position = {node: at for at, node in enumerate(ids)}
    sets: dict[frozenset[tuple[str, str]], int] = {}
    labels: dict[tuple[str, str], int] = {("", ""): 0}

    def number(tags: Tags) -> int:
        return sets.setdefault(frozenset(tags.items()), len(sets))

    way_tags = [number(tags) for _, tags in ways.values()]
    way_label = [labels.setdefault((names or {}).get(way, ("", "")), len(labels)) for way in ways]
    tagged = sorted((position[node], number(tags)) for node, tags in (gates or {}).items())
    where = [(places or {}).get(node, place(node)) for node in ids]
    return RawRoads(
        node_id=np.array(ids, np.int64),
        x=np.array([x for x, _ in where], np.int32),
        y=np.array([y for _, y in where], np.int32),
        way_id=np.array(list(ways), np.int64),
        way_start=np.cumsum([0, *(len(nodes) for nodes, _ in ways.values())]).astype(np.int64),
        way_node=np.array([position.get(n, -1) for nodes, _ in ways.values() for n in nodes], np.int32),
        way_tags=np.array(way_tags, np.int32),
        way_label=np.array(way_label, np.int32),
        tagged_node=np.array([at for at, _ in tagged], np.int32),
        node_tags=np.array([tags for _, tags in tagged], np.int32),
        tag_sets=tuple(dict(each) for each in sets),
        labels=tuple(labels),
        counts={
            "kept_ways": len(ways),
            "missing_nodes": sum(n in missing for w, _ in ways.values() for n in w),
        },
    )


def built(
    ways: Mapping[int, tuple[Sequence[int], Tags]],
    *,
    mode: str = "drive",
    overrides: Path | None = None,
    **more: Any,
) -> Network:
    pieces, facts = to_pieces(make_raw(ways, **more), read_profile(mode, overrides=overrides))
    return build(pieces, mode=mode, source={"source": "test"}, choices=facts)


def pairs(network: Network) -> list[tuple[int, int]]:
    """Edges by the ids of their nodes, sorted."""
    assert network.source_id is not None
    ids = network.source_id
    tails, heads = ids[edge_tails(network)].tolist(), ids[network.head].tolist()
    return sorted(zip(tails, heads, strict=True))


def metres_of(nodes: Sequence[int]) -> float:
    """Length along nodes, independently."""
    total = 0.0
    for u, v in pairwise(nodes):
        (x1, y1), (x2, y2) = place(u), place(v)
        total += float(haversine_m(x1 / 1e7, y1 / 1e7, x2 / 1e7, y2 / 1e7))
    return total


def check_invariants(network: Network) -> None:
    """What holds for every real network."""
    shapes, n, m = network.shapes, network.n_nodes, network.n_edges
    assert shapes is not None
    assert network.into is not None
    assert network.grid is not None
    tail = edge_tails(network)
    assert network.start[0] == 0
    assert network.start[-1] == m
    keys = np.stack([tail, network.head, shapes.of])
    assert (np.lexsort(keys[::-1]) == np.arange(m)).all()
    found, again = network.into, incoming(replace(network, into=None))
    for one, other in zip(vars(found).values(), vars(again).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (network.centiseconds >= 1).all()
    for e in range(m):
        shape, against = divmod(int(shapes.of[e]), 2)
        assert shapes.edge[shape, against] == e
        first, last = int(shapes.start[shape]), int(shapes.start[shape + 1]) - 1
        assert last > first
        begin, end = (last, first) if against else (first, last)
        for node, point in ((int(tail[e]), begin), (int(network.head[e]), end)):
            assert (shapes.x[point] / 1e7, shapes.y[point] / 1e7) == (network.lon[node], network.lat[node])
        x, y = shapes.x[first : last + 1] / 1e7, shapes.y[first : last + 1] / 1e7
        along = float(haversine_m(x[:-1], y[:-1], x[1:], y[1:]).sum())
        assert network.metres[e] == pytest.approx(along, rel=1e-6, abs=1e-6)
    assert (shapes.edge >= 0).any(axis=1).all()
    assert sorted(shapes.edge[shapes.edge >= 0].tolist()) == list(range(m))
    code = morton(np.rint(network.lon * 1e7).astype(np.int32), np.rint(network.lat * 1e7).astype(np.int32))
    assert (np.diff(code.astype(object)) >= 0).all()
    ends = np.sort(shapes.of // 2 * 0 + np.stack([tail, network.head]), axis=0)
    lowest = np.full(len(shapes.snap), n)
    np.minimum.at(lowest, shapes.of // 2, ends[0])
    assert (np.diff(lowest) >= 0).all()
    strong = max(nx.strongly_connected_components(graph_of(network)), key=len)
    inside = network.kind == NODE_JUNCTION
    assert inside.sum() == len(strong)
    assert set(network.kind.tolist()) <= {NODE_JUNCTION, NODE_FRINGE}
    touched = ~inside[tail] | ~inside[network.head]
    assert not shapes.snap[shapes.of[touched] // 2].any()
    assert nx.is_weakly_connected(graph_of(network))
    report = network.meta["report"]
    assert json.loads(json.dumps(report, ensure_ascii=False)) == report
    assert (report["nodes"], report["edges"], report["shapes"]) == (n, m, len(shapes.snap))
    assert report["strong"] == {"nodes_outside": int((~inside).sum())}


def graph_of(network: Network) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(network.n_nodes))
    facts = zip(
        edge_tails(network).tolist(),
        network.head.tolist(),
        network.centiseconds.tolist(),
        network.metres.tolist(),
        strict=True,
    )
    graph.add_edges_from((u, v, {"cs": cs, "metres": m}) for u, v, cs, m in facts)
    return graph


# ---- from tags to pieces


def test_a_road_is_timed_by_its_speed_and_measured_on_the_globe() -> None:
    network = built({7: ([1, 2, 3, 4], {"highway": "primary", "maxspeed": "50"})})
    check_invariants(network)
    assert pairs(network) == [(1, 4), (4, 1)]
    assert network.metres.tolist() == pytest.approx([metres_of([1, 2, 3, 4])] * 2)
    assert network.centiseconds.tolist() == [round(100 * metres_of([1, 2, 3, 4]) / (50 / 3.6))] * 2
    assert network.road_class is not None
    assert [CLASSES[c] for c in network.road_class] == ["primary"] * 2
    assert network.shapes is not None
    assert network.shapes.way.tolist() == [7]
    assert len(network.shapes.x) == 4
    report = network.meta["report"]
    assert report["km"] == {"primary": round(metres_of([1, 2, 3, 4]) / 1000, 3)}
    assert report["class_names"] == {"primary": "主干路"}
    assert report["oneway_km"] == 0
    assert report["choices"]["speed_posted"]["ways"] == 1


def test_missing_nodes_split_a_way() -> None:
    network = built({1: ([1, 2, 99, 3, 4, 5], ROAD), 2: ([5, 6, 99], ROAD)}, missing=[99])
    assert pairs(network) == [(3, 6), (6, 3)]
    report = network.meta["report"]
    assert report["choices"]["way_split"]["ways"] == 2
    assert report["components"]["others_count"] == 1
    assert report["read"]["missing_nodes"] == 2
    assert report["components"]["others"] == [
        {
            "nodes": 2,
            "km": round(metres_of([1, 2]) / 1000, 3),
            "lon": place(1)[0] / 1e7,
            "lat": place(1)[1] / 1e7,
        }
    ]


def test_a_closed_gate_cuts_the_road_and_both_sides_are_reached() -> None:
    ring = {1: ([1, 2, 3, 4, 5, 15, 11, 1], ROAD)}
    shut = {3: {"barrier": "bollard"}}
    network = built(ring, gates=shut)
    check_invariants(network)
    assert pairs(network) == [(3, 3), (3, 3)]
    assert network.source_id is not None
    assert network.source_id.tolist() == [3, 3]
    assert network.metres[0] == pytest.approx(metres_of(ring[1][0]), rel=1e-6)
    assert network.meta["report"]["choices"]["barrier_closed"]["nodes"] == 1
    walk = built(ring, gates=shut, mode="walk")
    assert walk.n_nodes == 1  # a ring that nothing interrupts


def test_a_closed_gate_on_a_junction_gives_every_piece_an_end_of_its_own() -> None:
    cross = {1: ([1, 2, 3], ROAD), 2: ([12, 2, 22], ROAD), 3: ([1, 11, 12, 22, 23, 3], ROAD)}
    open_, shut = built(cross), built(cross, gates={2: {"barrier": "block"}})
    check_invariants(shut)
    assert (2, 12) in pairs(open_)
    assert shut.source_id is not None
    ends = np.flatnonzero(shut.source_id == 2)
    assert len(ends) == 4
    assert shut.meta["report"]["choices"]["barrier_closed"]["nodes"] == 1
    graph = graph_of(shut)
    assert all(graph.out_degree(v) == graph.in_degree(v) == 1 for v in ends.tolist())


def test_seconds_of_a_gate_are_added_where_one_arrives(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("barriers: {seconds: {drive: {toll_booth: 7}}}\n", encoding="utf-8")
    gate = {"barrier": "toll_booth"}
    plain = built({1: ([1, 2, 3], ROAD)}).centiseconds
    slower = built({1: ([1, 2, 3], ROAD)}, gates={2: gate}, overrides=own)
    assert (slower.centiseconds - plain).tolist() == [700, 700]
    assert slower.meta["report"]["choices"]["seconds_added"]["nodes"] == 1
    oneway = built({1: ([1, 2, 3], ONEWAY)}, gates={3: gate, 1: gate}, overrides=own)
    assert oneway.centiseconds[0] - plain[0] == 700  # on leaving node 1 nothing is added
    twice = built({1: ([1, 2, 3], ROAD)}, gates={3: gate, 1: gate}, overrides=own)
    assert (twice.centiseconds - plain).tolist() == [700, 700]


def test_the_stated_time_of_a_ferry_is_spread_over_its_pieces() -> None:
    ferry = {"route": "ferry", "motor_vehicle": "yes", "duration": "00:20"}
    network = built({1: ([1, 2, 3, 5], ferry), 2: ([3, 13], ROAD), 3: ([0, 1], ROAD)})
    check_invariants(network)
    at = dict(zip(pairs(network), network.centiseconds.tolist(), strict=True))
    share = metres_of([1, 2, 3]) / metres_of([1, 2, 3, 5])
    whole = at[(1, 3)] if (1, 3) in at else at[(0, 3)] - round(at_speed([0, 1]))
    assert whole == pytest.approx(120_000 * share, abs=2)
    assert at[(3, 5)] == pytest.approx(120_000 * (1 - share), abs=2)
    assert network.shapes is not None
    assert network.meta["report"]["choices"]["ferry_duration"]["ways"] == 1


def at_speed(nodes: Sequence[int]) -> float:
    """Centiseconds along residential roads by the table of the rules."""
    kmh = judge_way(ROAD, read_profile("drive")).kmh[0]
    return metres_of(nodes) / (kmh / 3.6) * 100


def test_ways_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    names = {1: ("G60", "沪昆高速"), 5: ("", "中山路"), 9: ("", "八一大道")}
    ways = {
        1: ([1, 2, 3], {"highway": "motorway"}),
        5: ([3, 4, 5, 15], {"highway": "primary"}),
        9: ([15, 16, 3], ROAD),
        12: ([3, 4, 5], ONEWAY),
        13: ([1, 11, 21, 22], ROAD),
    }
    turned = dict(reversed(ways.items()))
    one = save_network(built(ways, names=names), tmp_path / "one")
    assert one == save_network(built(turned, names=names), tmp_path / "two")
    assert load_network(tmp_path / "one").roads == ("", "G60 沪昆高速", "中山路", "八一大道")


def test_a_file_in_any_order_gives_the_same_bytes(tmp_path: Path) -> None:
    ids = [1, 2, 3, 4, 5, 15, 16, 11, 21, 22]
    nodes = {node: (place(node)[0] / 1e7, place(node)[1] / 1e7) for node in ids}
    ways = {1: ([1, 2, 3], ROAD), 5: ([3, 4, 5, 15], {**ROAD, "name": "中山路"}), 9: ([15, 16, 3], ONEWAY)}
    ways |= {13: ([1, 11, 21, 22], {"highway": "primary", "ref": "G105"})}
    hashes, said = set(), list[str]()
    for number, order in enumerate((1, -1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        file = write_osm(
            folder / "a.osm.pbf",
            nodes=dict(list(nodes.items())[::order]),
            ways=dict(list(ways.items())[::order]),
        )
        network = roads.read_osm(file, progress=said.append)
        check_invariants(network)
        assert "made" not in network.meta  # the file states no day
        hashes.add(save_network(network, folder / "net"))
    assert len(hashes) == 1
    assert any("4 条道路" in line for line in said)


def test_arguments_that_are_wrong(tmp_path: Path) -> None:
    file = write_osm(tmp_path / "a.osm", nodes={1: (116, 28), 2: (116.1, 28)}, ways={1: ([1, 2], ROAD)})
    assert roads.read_osm(file).n_nodes == 2
    assert roads.read_osm(file, mode="drive", profile=roads.read_profile("walk")).mode == "walk"
    for wrong, named in (({"reader": "quick"}, "quick"), ({"mode": "fly"}, "fly"), ({"like": "me"}, "me")):
        with pytest.raises(InputError, match=named):
            roads.read_osm(file, **wrong)
    with pytest.raises(InputError, match="文件不存在"):
        roads.read_osm(tmp_path / "b.osm")


def test_no_usable_road_says_why() -> None:
    ways = {1: ([1, 2], {"highway": "footway"}), 2: ([2, 3], {"highway": "construction"}), 3: ([1, 3], {})}
    with pytest.raises(InputError) as caught:
        built(ways)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("test: 没有这种出行方式可用的道路, 得到 ")
    assert "1 条" in line


def test_no_usable_piece_says_why_whatever_was_counted() -> None:
    pieces, _ = to_pieces(make_raw({1: ([1, 2], ROAD)}), read_profile("drive"))
    closed = replace(pieces, seconds=np.full_like(pieces.seconds, np.inf))
    left = {"a": {"text": "几何已损坏", "rows": 3}, "b": {"text": "禁止通行", "ways": 5, "km": 1.0}}
    with pytest.raises(InputError, match="得到 禁止通行 5 条; 几何已损坏 3 条"):
        build(closed, mode="drive", source={}, choices={"left_out": left})
    with pytest.raises(InputError, match="得到 没有道路"):
        build(closed, mode="drive", source={}, choices={})


# ---- folding


def test_a_oneway_ring_and_a_lollipop() -> None:
    ring = built({1: ([1, 2, 12, 11, 1], ONEWAY)})
    check_invariants(ring)
    assert pairs(ring) == [(1, 1)]
    lollipop = built({1: ([1, 2], ROAD), 2: ([2, 3, 13, 12, 2], ROAD)})
    check_invariants(lollipop)
    assert pairs(lollipop) == [(1, 2), (2, 1), (2, 2), (2, 2)]
    assert lollipop.shapes is not None
    assert sorted(np.diff(lollipop.shapes.start).tolist()) == [2, 5]
    roundabout = built({1: ([1, 2], ROAD), 2: ([2, 3, 13, 12, 2], {**ROAD, "junction": "roundabout"})})
    assert pairs(roundabout) == [(1, 2), (2, 1), (2, 2)]


def test_a_way_that_crosses_itself_meets_itself() -> None:
    network = built({1: ([1, 2, 3, 13, 12, 2, 22], ROAD)})
    check_invariants(network)
    assert pairs(network) == [(1, 2), (2, 1), (2, 2), (2, 2), (2, 22), (22, 2)]


def test_the_same_oneway_drawn_twice_folds_to_its_faster_copy() -> None:
    slow, fast = {**ONEWAY, "maxspeed": "20"}, {**ONEWAY, "maxspeed": "40"}
    network = built({1: ([1, 2, 3], slow), 2: ([1, 2, 3], fast)})
    check_invariants(network)
    assert pairs(network) == [(1, 3)]
    assert network.centiseconds.tolist() == [round(100 * metres_of([1, 2, 3]) / (40 / 3.6))]
    twice = built({1: ([1, 2, 3], ROAD), 2: ([1, 2, 3], ROAD)})  # eight directed pieces at node 2: it stays
    assert Counter(pairs(twice)) == Counter({(1, 2): 2, (2, 1): 2, (2, 3): 2, (3, 2): 2})


def test_opposite_oneways_over_the_same_nodes_share_a_shape() -> None:
    network = built({1: ([1, 2, 3], ONEWAY), 2: ([3, 2, 1], {**ONEWAY, "maxspeed": "10"})})
    check_invariants(network)
    assert pairs(network) == [(1, 3), (3, 1)]
    assert network.shapes is not None
    assert network.shapes.way.tolist() == [1, 2]
    assert network.centiseconds[0] != network.centiseconds[1]


def test_a_chain_that_nobody_drives_through_keeps_its_nodes() -> None:
    twice = {11: ([3, 2], ONEWAY), 12: ([3, 2], ONEWAY), 13: ([4, 5], ONEWAY), 14: ([4, 5], ONEWAY)}
    network = built({1: ([1, 2], ROAD), 2: ([3, 4], ROAD), 3: ([5, 6], ROAD), **twice})
    check_invariants(network)
    assert network.source_id is not None
    assert {3, 4} <= set(network.source_id.tolist())
    assert (1, 2) in pairs(network)


def test_class_name_and_snapping_are_those_of_most_metres() -> None:
    ways = {
        1: ([1, 2], {"highway": "tertiary"}),
        2: ([2, 3, 4], {"highway": "secondary", "tunnel": "yes"}),
        3: ([4, 5, 6, 7], {"highway": "tertiary"}),
    }
    names = {1: ("", "南路"), 2: ("", "隧道"), 3: ("", "北路")}
    network = built(ways, names=names)
    check_invariants(network)
    assert network.road_class is not None
    assert network.shapes is not None
    assert [CLASSES[c] for c in network.road_class] == ["tertiary"] * 2
    assert [network.roads[k] for k in network.road] == ["北路"] * 2
    assert network.shapes.way.tolist() == [1, 2, 3]
    assert network.shapes.snap.tolist() == [True]
    tunnel = built({2: ways[2], 1: ways[1]}, names=names)
    assert tunnel.shapes is not None
    assert tunnel.shapes.snap.tolist() == [False]
    assert set(tunnel.roads) == {"", "隧道"}
    assert set(network.meta["report"]["km"]) == {"secondary", "tertiary"}


def test_times_are_bounded_below_and_above() -> None:
    near = {2: place(1), 3: (place(1)[0] + 1, place(1)[1])}
    tiny = built({1: ([1, 2], ROAD), 2: ([2, 3], ROAD), 3: ([2, 4], ROAD)}, places=near)
    assert (tiny.centiseconds >= 1).all()
    assert 1 in tiny.centiseconds.tolist()
    pieces, facts = to_pieces(make_raw({1: ([1, 2], ROAD), 2: ([2, 3], ROAD)}), read_profile("drive"))
    slow = replace(pieces, seconds=pieces.seconds * 1e12)
    network = build(slow, mode="drive", source={}, choices=facts)
    assert network.centiseconds.tolist() == [int(LONGEST_S * 100)] * 2
    assert network.meta["report"]["choices"]["too_slow"]["ways"] == 1


def test_pieces_without_length_or_use_are_left_out() -> None:
    pieces, facts = to_pieces(make_raw({1: ([1, 2, 3], ROAD)}), read_profile("drive"))
    seconds = np.concatenate([pieces.seconds, [[1.0, 1.0], [np.inf, np.inf]]])
    odd = Pieces(
        **{
            field.name: np.append(getattr(pieces, field.name), [getattr(pieces, field.name)[0]] * 2)
            for field in fields(Pieces)
            if field.name in ("metres", "road_class", "label", "way", "snap")
        },
        x=pieces.x,
        y=pieces.y,
        source_id=pieces.source_id,
        a=np.append(pieces.a, [1, 0]).astype(np.int32),
        b=np.append(pieces.b, [1, 2]).astype(np.int32),
        seconds=seconds,
        labels=pieces.labels,
    )
    network = build(odd, mode="drive", source={}, choices=facts)
    assert pairs(network) == [(1, 3), (3, 1)]
    assert network.meta["report"]["choices"]["no_length"]["ways"] == 1


def test_inputs_are_not_changed() -> None:
    raw = make_raw({2: ([3, 4, 5], ROAD), 1: ([1, 2, 3], ROAD)}, gates={2: {"barrier": "bollard"}})
    for array in vars(raw).values():
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    pieces, facts = to_pieces(raw, read_profile("drive"))
    for array in vars(pieces).values():
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    before = json.dumps(facts)
    build(pieces, mode="drive", source={}, choices=facts)
    assert json.dumps(facts) == before


# ---- against networkx and OSMnx on any graph

links = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12), st.sampled_from(["both", "along", "against"])),
    min_size=1,
    max_size=24,
).filter(lambda found: any(u != v for u, v, _ in found))
speeds = st.lists(st.integers(5, 120), min_size=24, max_size=24)


def random_pieces(found: Any, kmh: Any) -> Pieces:
    found = [(u, v, way) for u, v, way in found if u != v]
    p = len(found)
    where = np.array([place(node) for node in range(13)], np.int32)
    metres = np.array([metres_of([u, v]) for u, v, _ in found])
    seconds = np.repeat(metres[:, None], 2, axis=1) / np.array(kmh[:p])[:, None] * 3.6
    seconds[[way == "against" for *_, way in found], 0] = np.inf
    seconds[[way == "along" for *_, way in found], 1] = np.inf
    return Pieces(
        x=where[:, 0],
        y=where[:, 1],
        source_id=np.arange(13, dtype=np.int64),
        a=np.array([u for u, *_ in found], np.int32),
        b=np.array([v for _, v, _ in found], np.int32),
        metres=metres,
        seconds=seconds,
        road_class=np.full(p, CLASSES.index("residential"), np.uint8),
        label=np.zeros(p, np.int32),
        way=np.arange(p),
        snap=np.ones(p, bool),
        labels=("",),
    )


def unfolded(pieces: Pieces) -> nx.MultiDiGraph:
    """The graph before folding, largest component, as OSMnx would have it."""
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for node in range(len(pieces.x)):
        graph.add_node(node, x=pieces.x[node] / 1e7, y=pieces.y[node] / 1e7)
    for a, b, metres, (there, back) in zip(
        pieces.a.tolist(), pieces.b.tolist(), pieces.metres, pieces.seconds, strict=True
    ):
        if np.isfinite(there):
            graph.add_edge(a, b, length=metres, seconds=there)
        if np.isfinite(back):
            graph.add_edge(b, a, length=metres, seconds=back)
    graph.remove_nodes_from(list(nx.isolates(graph)))
    largest = max(nx.weakly_connected_components(graph), key=lambda part: (len(part), -min(part)))
    return nx.MultiDiGraph(graph.subgraph(largest))


def loose_ends(graph: nx.MultiDiGraph) -> bool:
    """Whether OSMnx's folding ends somewhere that is no endpoint: only where roads are drawn twice."""
    ends = {v for v in graph if ox.simplification._is_endpoint(graph, v, None, None)}
    paths = ox.simplification._get_paths_to_simplify(graph, None, None)
    return any(path[-1] not in ends for path in paths) or not ends


@settings(max_examples=many(100))
@given(links, speeds)
def test_any_graph_folds_as_osmnx_folds_it_and_keeps_every_shortest_time(found: Any, kmh: Any) -> None:
    pieces = random_pieces(found, kmh)
    network = build(pieces, mode="drive", source={}, choices={})
    check_invariants(network)
    before = unfolded(pieces)
    if not loose_ends(before):
        simple = ox.simplify_graph(before)
        assert pairs(network) == sorted((u, v) for u, v, _ in simple.edges)
        lengths = sorted(facts["length"] for *_, facts in simple.edges(data=True))
        np.testing.assert_allclose(np.sort(network.metres), lengths, rtol=1e-6)
    after, ids = graph_of(network), np.asarray(network.source_id)
    for node in range(network.n_nodes):
        truth = nx.single_source_dijkstra_path_length(before, int(ids[node]), weight="seconds")
        mine = nx.single_source_dijkstra_path_length(after, node, weight="cs")
        for other in range(network.n_nodes):
            if int(ids[other]) in truth:
                assert mine[other] == pytest.approx(
                    100 * truth[int(ids[other])], abs=0.5 * network.n_nodes + 0.5
                )
            else:
                assert other not in mine


@given(links)
def test_weak_parts_are_those_of_networkx(found: Any) -> None:
    a, b = np.array([u for u, *_ in found], np.int32), np.array([v for _, v, _ in found], np.int32)
    graph = nx.Graph(zip(a.tolist(), b.tolist(), strict=True))
    expected = np.full(13, -1)
    for part in nx.connected_components(graph):
        expected[list(part)] = min(part)
    assert weak_parts(a, b, 13).tolist() == expected.tolist()


@given(st.lists(st.integers(0, 6), max_size=40))
def test_rows_by_counting_are_a_stable_sort(keys: list[int]) -> None:
    start, entry = rows_of(np.array(keys, np.int32), 7)
    assert entry.tolist() == np.argsort(keys, kind="stable").tolist()
    assert start.tolist() == [sum(key < row for key in keys) for row in range(8)]


@given(
    st.lists(st.tuples(st.integers(-1800000000, 1800000000), st.integers(-900000000, 900000000)), min_size=1)
)
def test_the_curve_interleaves_bits(points: list[tuple[int, int]]) -> None:
    x, y = np.array(points, np.int32).T
    codes = morton(x, y)
    for code, (east, north) in zip(codes.tolist(), points, strict=True):
        bits = f"{north + 900_000_000:032b}", f"{east + 1_800_000_000:032b}"
        assert code == int("".join(n + e for n, e in zip(*bits, strict=True)), 2)
    ids = np.arange(len(points))[::-1].copy()
    order = along_curve(x, y, ids)
    assert order.tolist() == sorted(range(len(points)), key=lambda k: (int(codes[k]), int(ids[k])))


def test_a_network_of_real_roads_goes_to_networkx() -> None:
    network = built({1: ([1, 2, 3], ROAD), 2: ([2, 12], ROAD)}, names={1: ("", "中山路")})
    graph = roads.to_networkx(network)
    assert graph.number_of_edges() == network.n_edges
    assert {facts["road"] for *_, facts in graph.edges(data=True)} == {"", "中山路"}


@st.composite
def directed(draw: st.DrawFn) -> nx.MultiDiGraph:
    """Draw rows of edges with a random direction: a few large strong components, many small ones."""
    n = draw(st.integers(1, 30))
    ends = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(draw(st.lists(ends, max_size=draw(st.sampled_from([5, 30, 120])))))
    return graph


@given(directed())
@example(nx.MultiDiGraph([(0, 1), (2, 3), (3, 4), (4, 2), (1, 5), (1, 6), (1, 7)]))  # the busiest is outside
@example(nx.MultiDiGraph([(0, 1), (1, 0), (2, 3), (3, 2)]))  # of two halves the first
def test_the_largest_strong_component_is_that_of_networkx(graph: nx.MultiDiGraph) -> None:
    tail, head = np.array([(a, b) for a, b, _ in graph.edges], np.int32).reshape(-1, 2).T
    start, order = rows_of(tail.copy(), len(graph))
    parts = list(nx.strongly_connected_components(graph))
    largest = max(map(len, parts))
    wanted = min((part for part in parts if len(part) == largest), key=min)
    found = in_largest_strong(start, head[order].copy(), len(graph))
    assert set(np.flatnonzero(found).tolist()) == wanted


def test_classes_that_are_not_for_the_mode_are_measured() -> None:
    ways = {
        1: ([1, 2, 3], ROAD),
        2: ([2, 12], {"highway": "service"}),
        3: ([3, 13], {"highway": "track"}),
        4: ([3, 4], {"highway": "service", "access": "private"}),
    }
    report = built(ways).meta["report"]
    km = {way: haversine_km(ways[way][0]) for way in ways}
    assert report["closed_km"] == {"service": km[2], "track": km[3]}  # not the private one: another reason
    assert report["left_out"]["class_closed"]["km"] == pytest.approx(km[2] + km[3], abs=1e-3)
    assert set(report["class_names"]) == {"residential", "service", "track"}
    opened = built(ways, mode="walk").meta["report"]
    assert opened["closed_km"] == {}


def haversine_km(nodes: Sequence[int]) -> float:
    places = np.array([place(node) for node in nodes]) / 1e7
    apart = haversine_m(places[:-1, 0], places[:-1, 1], places[1:, 0], places[1:, 1])
    return round(float(np.sum(apart)) / 1000, 3)


def test_an_import_needs_neither_pandas_nor_the_intake_of_tables(tmp_path: Path) -> None:
    """They take longer to load than a small file to read."""
    file = write_osm(tmp_path / "a.osm.pbf", nodes={1: (116, 28), 2: (116.1, 28)}, ways={1: ([1, 2], ROAD)})
    code = (
        "import sys; from boai.geodata.real_roads import read_osm; read_osm(sys.argv[1], reader='fast'); "
        "print([name for name in ('pandas', 'scipy.spatial', 'boai.geodata.intake') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_first_compilation_is_told_once() -> None:
    import numba

    told = list[str]()
    kernels = [numba.njit(lambda x, by=by: x + by) for by in (1, 2)]
    with telling(lambda: told.append("compiles")):
        assert [kernel(1) for kernel in kernels] == [2, 3]
    assert told == ["compiles"]
    with telling(lambda: told.append("again")):
        assert kernels[0](1) == 2
    assert told == ["compiles"]


# ---- killed while it works

_SAVER = """
import os, random, signal, sys, time
from pathlib import Path
from boai.geodata.network import load_network, save_network
from boai.geodata.roads import read_osm
file, target = Path(sys.argv[1]), Path(sys.argv[2])
networks = [read_osm(file, mode=mode) for mode in ("drive", "walk")]
hashes = {save_network(network, target) for network in networks}
seen = set()
for kill in range(25):
    child = os.fork()
    while child == 0:
        for network in networks:
            save_network(network, target)
    time.sleep(random.Random(kill).uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if target.exists():
        seen.add(load_network(target, verify=True).meta["hash"])
assert seen and seen <= hashes, (seen, hashes)
assert save_network(networks[0], target) in hashes
assert load_network(target, verify=True).n_nodes == networks[0].n_nodes
"""
_READER = """
import sys
from pathlib import Path
from boai.geodata.network import save_network
from boai.geodata.roads import read_osm
print("ready", flush=True)
while True:
    save_network(read_osm(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process that has read the file")
def test_killed_while_saving_leaves_the_old_network_the_new_one_or_none(shared: Path, tmp_path: Path) -> None:
    file = shared / "data" / "osm" / "helsinki.osm.pbf"
    how = [sys.executable, "-c", _SAVER, str(file), str(tmp_path / "net")]
    done = subprocess.run(how, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("after_s", [0.05, 0.6])
def test_killed_while_reading_leaves_nothing_half_written(
    shared: Path, tmp_path: Path, after_s: float
) -> None:
    file, target = shared / "data" / "osm" / "helsinki.osm.pbf", tmp_path / "net"
    with subprocess.Popen(
        [sys.executable, "-c", _READER, str(file), str(target)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(after_s)
        child.kill()
    if target.exists():
        check_invariants(load_network(target, verify=True))
