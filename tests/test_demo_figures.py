"""The demo's figures recomputed by other programs: networkx for driving, brute force for walking."""

from __future__ import annotations

import h3
import networkx as nx
import numpy as np
import pytest
from boai.coverage.measures import by_unit, cover_layer
from boai.geodata.crs import haversine_m
from boai.geodata.network import NODE_INTERCHANGE
from boai.geodata.roads import to_networkx
from scipy.spatial import cKDTree


def _unit_vectors(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    x, y = np.radians(lon), np.radians(lat)
    return np.column_stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])


@pytest.mark.parametrize("kind", ["warehouse", "team"])
def test_driving_cover_equals_networkx(world, kind: str) -> None:
    """Dijkstra of networkx from a source that stands for all sites; access as the docs state it."""
    layer, network, demand, standard = world.layers[kind], world.network, world.demand, world.standards[kind]
    lon, lat = layer.table["lon"].to_numpy(), layer.table["lat"].to_numpy()
    on_road = np.flatnonzero(network.kind != NODE_INTERCHANGE)
    tree = cKDTree(_unit_vectors(network.lon[on_road], network.lat[on_road]))
    _, near = tree.query(_unit_vectors(lon, lat))
    node = on_road[near]
    metres = haversine_m(lon, lat, network.lon[node], network.lat[node])
    graph = to_networkx(network)
    # The way from a site to its node: straight distance x 1.3 at 20 km/h, in centiseconds.
    for site, access in zip(node, np.rint(metres * 1.3 / (20 / 3.6) * 100) / 100, strict=True):
        old = graph.get_edge_data("all", int(site), {"seconds": np.inf})["seconds"]
        graph.add_edge("all", int(site), seconds=min(old, float(access)))
    found = nx.single_source_dijkstra_path_length(graph, "all", weight="seconds")
    # Node i of the approximate network is cell i of the residents; sums of floats are whole centiseconds.
    seconds = np.array([found.get(cell, np.inf) for cell in range(len(demand.lon))])
    seconds = np.rint(seconds * 100) / 100

    cover = cover_layer(demand, network, layer, standard)
    table = by_unit(demand, cover)
    np.testing.assert_allclose(cover.cost, seconds, rtol=1e-6)
    for column, limit in enumerate(standard.limits):
        served = seconds <= limit
        np.testing.assert_array_equal(cover.share[:, column] > 0.5, served)
        for level, code, of_cells in [
            ("省", "360000", slice(None)),
            ("市", "360700", "3607"),
            ("县", "360424", "360424"),
        ]:
            inside = np.ones(len(served), bool)
            if isinstance(of_cells, str):
                inside = np.char.startswith(demand.county_code[demand.county], of_cells)
            row = table[(table["level"] == level) & (table["code"] == code) & (table["limit"] == limit)]
            assert int(row["served"].iloc[0]) == int(demand.residents[served & inside].sum())


@pytest.mark.parametrize("kind", ["aed", "home"])
def test_walking_cover_equals_brute_force(world, kind: str) -> None:
    """For cells with and without sites: every sub-cell against every site."""
    layer, demand, standard = world.layers[kind], world.demand, world.standards[kind]
    lon, lat = layer.table["lon"].to_numpy(), layer.table["lat"].to_numpy()
    cover = cover_layer(demand, world.network, layer, standard)
    order = np.argsort(-cover.main_share)
    for cell in [*order[:5], *order[200:205], *order[-3:]]:
        children = h3.cell_to_children(h3.int_to_str(int(demand.cell[cell])), 10)
        points = np.array([h3.cell_to_latlng(child) for child in children])
        away = haversine_m(points[:, 1][:, None], points[:, 0][:, None], lon[None], lat[None]).min(axis=1)
        for column, limit in enumerate(standard.limits):
            share = np.count_nonzero(away * standard.detour <= limit) / len(children)
            assert cover.share[cell, column] == pytest.approx(share, abs=1e-12)


def test_county_sums_are_exact_at_every_level(world) -> None:
    for kind, layer in world.layers.items():
        table = by_unit(world.demand, cover_layer(world.demand, world.network, layer, world.standards[kind]))
        for _, rows in table.groupby("limit"):
            by_level = rows.groupby("level")[["residents", "served"]].sum()
            assert (by_level.loc["县"] == by_level.loc["省"]).all()
            assert (by_level.loc["市"] == by_level.loc["省"]).all()
            assert by_level.loc["省", "residents"] == 45_188_635
            counties, cities = rows[rows["level"] == "县"], rows[rows["level"] == "市"].set_index("name")
            sums = counties.groupby("city")[["residents", "served"]].sum()
            assert (sums == cities.loc[sums.index, ["residents", "served"]]).all().all()
