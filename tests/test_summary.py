"""The summary of a layer and the times asked of stores, on the grid world."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import numpy as np
import pytest
from boai.coverage.measures import cover_layer
from boai.coverage.summary import compliance, summarise


def _world(nodes: list[int], levels: list[str]):
    demand, network = gridworld.grid_demand(3), gridworld.grid_network(3)
    layer = gridworld.make_layer(
        "warehouse", demand.lon[nodes], demand.lat[nodes], demand=demand, level=levels
    )
    return demand, network, layer, gridworld.drive_standard()


def test_summary_counts_from_first_principles() -> None:
    demand, network, layer, standard = _world([0, 8], ["县级", "县级"])
    cover = cover_layer(demand, network, layer, standard)
    row = summarise(demand, network, layer, cover).iloc[0]
    assert row["sites"] == 2
    assert row["served"] == int(demand.residents @ cover.main_share)
    assert row["residents"] == demand.residents.sum()
    alone = [
        cover_layer(demand, network, replace(layer, table=layer.table.iloc[[i]]), standard) for i in (0, 1)
    ]
    both = np.minimum(alone[0].main_share, alone[1].main_share)
    assert row["second_share"] == pytest.approx(float(demand.residents @ both) / demand.residents.sum())


def test_compliance_takes_the_mobilisation_off_the_limit() -> None:
    """Corner to corner of the 3 x 3 grid are four roads: 40 minutes, with 20 to get ready exactly 60."""
    demand, network, layer, standard = _world([0], ["县级"])
    asked = replace(standard, mobilisation_s=1200, compliance=(("县", 3600), ("市", 3600)))
    table = compliance(demand, network, layer, asked).set_index("level")
    farthest = cover_layer(demand, network, layer, standard).cost.max() / 60
    assert table.loc["县级", "worst_min"] == pytest.approx(farthest + 20)
    assert table.loc["县级", "share"] == 1.0
    assert table.loc["市级", "sites"] == 0
    assert table.loc["市级", "served"] == 0
    assert np.isinf(table.loc["市级", "worst_min"])
    short = replace(asked, compliance=(("县", 3599),))
    assert compliance(demand, network, layer, short)["share"].iloc[0] < 1.0


def test_nothing_asked_no_row() -> None:
    demand, network, layer, standard = _world([0], ["县级"])
    assert compliance(demand, network, layer, standard).empty
