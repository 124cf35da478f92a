"""Lines for drawing: every road once, bounded in points, ends kept."""

from __future__ import annotations

import gridworld
import numpy as np
import shapely
import shapeworld
from boai.geodata.network import edge_tails
from boai.geodata.road_lines import lines_of


def test_straight_roads_are_drawn_once_for_both_directions() -> None:
    network = gridworld.grid_network(3)
    lines, whole = lines_of(network, range(network.n_edges))
    tail, head = edge_tails(network), np.asarray(network.head)
    pairs = {tuple(sorted(pair)) for pair in zip(tail.tolist(), head.tolist(), strict=True)}
    drawn = {tuple(sorted(map(tuple, line))) for line in lines}
    places = np.column_stack((network.lon, network.lat)).round(6).tolist()
    assert drawn == {tuple(sorted((tuple(places[a]), tuple(places[b])))) for a, b in pairs}
    assert (whole, len(lines)) == (True, len(pairs))
    assert lines_of(network, []) == ([], True)


def test_many_points_are_thinned_and_ends_stay() -> None:
    network = shapeworld.random_roads(4)
    assert network.shapes is not None
    every = np.arange(network.n_edges)
    full, _ = lines_of(network, every)
    count = sum(map(len, full))
    few, whole = lines_of(network, every, most_points=count - 1)
    assert whole
    assert sum(map(len, few)) < count
    assert [(line[0], line[-1]) for line in few] == [(line[0], line[-1]) for line in full]
    some, all_there = lines_of(network, every, most_points=6)
    assert (len(some), all_there) == (3, False)
    roads = shapely.MultiLineString(full)
    assert shapely.distance(roads, shapely.MultiPoint([p for line in few for p in line])) == 0
