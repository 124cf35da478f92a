"""Roads tagged as in China: a motorway with a toll booth, 国道, 县道, an old bridge, a 小区, 限高杆."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from boai.geodata.crs import haversine_m
from boai.geodata.network import Network, edge_tails
from boai.geodata.real_roads import read_osm
from osm_files import write_osm

WEST, SOUTH, STEP = 115.9, 28.7, 0.01
BOOTH = {"barrier": "toll_booth"}
POLE = {"barrier": "height_restrictor"}
COMPOUND = {"barrier": "lift_gate", "access": "private"}

# The motorway runs along row 5 (east) and row 6 (west), the national road along row 3, the county's along 1.
NODES = {(column, row): {} for column in range(10) for row in range(7)}
NODES |= {(3, 5): {}, (3, 4): BOOTH, (2, 2): COMPOUND, (7, 2): POLE, (8, 2): {**POLE, "maxheight": "4.5"}}
NODES |= {(9, 2): {**POLE, "maxheight": "2.2"}}
WAYS = [
    ([(0, 5), (1, 5), (2, 5), (3, 5), (4, 5)], {"highway": "motorway", "oneway": "yes", "ref": "G60;G56",
     "name": "沪昆高速公路", "name:en": "Hukun Expressway", "maxspeed": "120", "toll": "yes"}),
    ([(4, 5), (5, 5), (6, 5), (7, 5)], {"highway": "motorway", "oneway": "yes", "ref": "G60",
     "name": "沪昆高速", "maxspeed": "100;120", "maxspeed:lanes": "120|100"}),
    ([(7, 6), (6, 6), (4, 6), (2, 6), (0, 6)], {"highway": "motorway", "ref": "G60", "name": "沪昆高速"}),
    ([(2, 5), (3, 4)], {"highway": "motorway_link", "oneway": "yes"}),
    ([(3, 4), (4, 5)], {"highway": "motorway_link", "oneway": "yes"}),
    ([(6, 6), (3, 4)], {"highway": "motorway_link", "oneway": "yes"}),
    ([(3, 4), (2, 6)], {"highway": "motorway_link", "oneway": "yes"}),
    ([(7, 5), (7, 6)], {"highway": "motorway_link", "oneway": "yes"}),
    ([(0, 6), (0, 5)], {"highway": "motorway_link", "oneway": "yes"}),
    ([(3, 4), (3, 3)], {"highway": "trunk_link", "ref": "S34"}),
    ([(0, 3), (3, 3), (6, 3)], {"highway": "trunk", "ref": "G320", "name": "320国道", "maxspeed": "80"}),
    ([(6, 3), (9, 3)], {"highway": "trunk", "ref": "G320;S34", "name": "昌樟大道", "maxspeed": "70",
     "hgv": "no"}),
    ([(0, 1), (1, 1)], {"highway": "secondary", "ref": "X102"}),
    ([(1, 1), (2, 1)], {"highway": "secondary", "ref": "X102", "name": "老桥", "bridge": "yes",
     "maxweight": "10"}),
    ([(2, 1), (6, 1), (7, 1), (8, 1), (9, 1)], {"highway": "secondary", "ref": "X102",
     "maxspeed": "CN:rural"}),
    ([(0, 1), (0, 3)], {"highway": "unclassified", "motor_vehicle": "permit"}),
    ([(6, 1), (6, 3)], {"highway": "tertiary"}),
    ([(7, 1), (7, 2), (7, 3)], {"highway": "tertiary"}),
    ([(8, 1), (8, 2), (8, 3)], {"highway": "tertiary"}),
    ([(9, 1), (9, 2), (9, 3)], {"highway": "tertiary"}),
    ([(2, 1), (2, 2), (2, 3)], {"highway": "residential", "name": "阳光小区"}),
    ([(5, 5), (5, 6)], {"highway": "services", "name": "昌东服务区"}),
    ([(1, 1), (1, 0)], {"highway": "residential", "name": "Long Road", "name:zh": "长路"}),
]  # fmt: skip
Place = tuple[int, int]


def ident(place: Place) -> int:
    return 1 + place[0] + 10 * place[1]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_osm(
        tmp_path_factory.mktemp("osm") / "china.osm.pbf",
        nodes={ident(at): (WEST + STEP * at[0], SOUTH + STEP * at[1], tags) for at, tags in sorted(
            NODES.items(), key=lambda one: ident(one[0]))},
        ways={number: ([ident(at) for at in places], tags) for number, (places, tags) in enumerate(WAYS, 1)},
    )  # fmt: skip


def edges(network: Network) -> dict[tuple[int, int], int]:
    """Give the number of the edge from one node of the file to another."""
    assert network.source_id is not None
    ids = np.asarray(network.source_id)
    ends = zip(ids[edge_tails(network)].tolist(), ids[network.head].tolist(), strict=True)
    return {both: edge for edge, both in enumerate(ends)}


def names(network: Network) -> set[str]:
    return {network.roads[road] for road in np.unique(network.road)}


def metres(one: Place, other: Place) -> float:
    ends = [(np.array([WEST + STEP * x]), np.array([SOUTH + STEP * y])) for x, y in (one, other)]
    return float(haversine_m(*ends[0], *ends[1])[0])


def kmh(network: Network, edge: int) -> float:
    return float(network.metres[edge] / network.centiseconds[edge] * 360)


def test_the_roads_for_cars(file: Path) -> None:
    network = read_osm(file)
    at = edges(network)
    assert {"G60/G56 沪昆高速公路", "G60 沪昆高速", "G320 320国道", "G320/S34 昌樟大道", "长路"} <= names(
        network
    )
    exit_ = at[ident((2, 5)), ident((3, 4))]
    assert kmh(network, exit_) == pytest.approx(45, rel=1e-3)
    assert (ident((3, 4)), ident((2, 5))) not in at
    # on to the end, over the link and back: 100 is the lower of two limits, 45 and 95 are the classes'
    around = at[ident((4, 5)), ident((6, 6))]
    seconds = [metres((4, 5), (7, 5)) / 100, metres((7, 5), (7, 6)) / 45, metres((7, 6), (6, 6)) / 95]
    assert network.centiseconds[around] == pytest.approx(100 * 3.6 * sum(seconds), abs=1)
    assert (ident((6, 6)), ident((4, 5))) not in at  # a motorway is one-way without a tag
    report = network.meta["report"]
    assert report["choices"]["barrier_closed_by_tag"]["nodes"] == 1  # the gate of the compound
    assert report["choices"]["barrier_passed"]["nodes"] == 4  # the booth, three poles
    assert report["left_out"]["not_a_road"]["ways"] == 1  # the service area
    assert report["strong"]["nodes_outside"] == 0
    assert not network.label


def test_points_meet_no_motorway(file: Path) -> None:
    network = read_osm(file)
    shapes = network.shapes
    assert shapes is not None and network.road_class is not None
    of = np.asarray(shapes.of) // 2
    on_motorway = np.isin(network.road_class, (1, 2))
    assert on_motorway.any() and not np.asarray(shapes.snap)[of[on_motorway]].any()
    assert np.asarray(shapes.snap)[of[~on_motorway]].all()


def test_a_lorry_of_18_t_takes_no_old_bridge_and_passes_no_low_pole(file: Path) -> None:
    network = read_osm(file, mode="heavy")
    assert network.shapes is not None
    ways = set(network.shapes.way.tolist())
    by_name = {tags.get("name"): number for number, (_, tags) in enumerate(WAYS, 1)}
    assert by_name["老桥"] not in ways and by_name["昌樟大道"] not in ways
    report = network.meta["report"]
    assert report["left_out"]["too_heavy"]["ways"] == 1
    assert report["choices"]["barrier_closed"]["nodes"] == 1  # a pole whose height nobody wrote down
    assert report["choices"]["node_limit"]["nodes"] == 1  # 2.2 m
    at = edges(network)
    assert kmh(network, at[ident((2, 5)), ident((3, 4))]) == pytest.approx(40, rel=1e-3)
    through = [both for both in at if ident((8, 3)) in both]
    assert through and not any(ident((7, 3)) in both for both in through)  # row 3 east of column 6 is hgv=no
