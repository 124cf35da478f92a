"""Residents by cost: equal to the tables of the cover at every limit."""

from __future__ import annotations

import numpy as np
import pytest
import tinyworld
from boai.coverage.curves import residents_by_cost
from boai.coverage.measures import by_unit, cover_layer


@pytest.mark.parametrize("make", [tinyworld.drive_world, tinyworld.walk_world])
def test_the_curve_agrees_with_the_tables_at_the_limits(make) -> None:
    world = make()
    for kind, layer in world.layers.items():
        standard = world.standards[kind]
        if layer.table.empty or (standard.mode == "walk") != (make is tinyworld.walk_world):
            continue
        cover = cover_layer(world.demand, world.network, layer, standard)
        table = by_unit(world.demand, cover, levels=("省",))
        curve = residents_by_cost(world.demand.residents, cover, costs=standard.limits)
        assert np.rint(curve.residents).tolist() == table["served"].tolist()
        assert curve.total == table["residents"].iloc[0]


def test_the_curve_counts_each_minute_and_never_falls() -> None:
    world = tinyworld.drive_world()
    cover = cover_layer(world.demand, world.network, world.layers["warehouse"], world.standards["warehouse"])
    curve = residents_by_cost(world.demand.residents, cover)
    assert (np.diff(curve.residents) >= 0).all() and (np.diff(curve.cost) == 60).all()
    brute = [world.demand.residents[cover.cost <= cost].sum() for cost in curve.cost]
    assert curve.residents.tolist() == brute
    assert curve.residents[-1] == world.demand.residents[np.isfinite(cover.cost)].sum()
