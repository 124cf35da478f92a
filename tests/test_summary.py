"""The summary of a layer and the times asked of stores, on the grid world."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import numpy as np
import pytest
from boai.coverage.measures import cover_layer
from boai.coverage.summary import compliance, compliance_by_unit, summarise


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


def _by_hand(demand, nodes: list[int], ready_min: list[float], limit_min: float) -> np.ndarray:
    """Minutes from the order to the cells of the 3 x 3 grid, ten a road."""
    row, column = np.divmod(np.arange(9), 3)
    ways = [10 * (abs(row - n // 3) + abs(column - n % 3)) + r for n, r in zip(nodes, ready_min, strict=True)]
    return np.min(ways, axis=0)


@pytest.mark.parametrize("ready", [[0.0, 0.0], [35.0, np.nan], [np.nan, 5.5], [60.0, 0.0], ["15", ""]])
def test_the_own_readiness_of_a_store_goes_before_the_standard(ready: list[float]) -> None:
    """The nearest store by road need not be the first to arrive."""
    demand, network, layer, standard = _world([0, 8], ["县级", "县级"])
    layer = replace(layer, table=layer.table.assign(readiness_min=ready))
    own = [20.0 if each in ("", None) or each != each else float(each) for each in ready]
    minutes = _by_hand(demand, [0, 8], own, 40)
    asked = replace(standard, mobilisation_s=1200, compliance=(("县", 2400),))
    row = compliance(demand, network, layer, asked).iloc[0]
    assert row["served"] == demand.residents[minutes <= 40].sum()
    assert row["worst_min"] == minutes.max()
    assert row["readiness_min"] == 20
    table = compliance_by_unit(demand, network, layer, asked)
    for position, each in enumerate(table.itertuples()):
        cells = demand.county == position
        assert each.served == demand.residents[cells & (minutes <= 40)].sum()
        assert each.worst_min == minutes[cells].max()
        assert each.met == bool((minutes[cells] <= 40).all())
    assert table["served"].sum() == row["served"]


def test_compliance_by_unit_of_each_level() -> None:
    demand, network, layer, standard = _world([0, 8, 4], ["县级", "县级", "市级"])
    asked = replace(standard, mobilisation_s=1200, compliance=(("县", 2400), ("市", 2400), ("省", 36_000)))
    table = compliance_by_unit(demand, network, layer, asked)
    assert table["level"].tolist() == ["县"] * 4 + ["市"] * 2 + ["省"]
    assert table["limit_min"].tolist() == [40] * 6 + [600]
    county, city, province = (
        table[table["level"] == level].set_index("name") for level in ("县", "市", "省")
    )
    assert county["sites"].tolist() == [1, 0, 0, 1]
    assert county.loc["甲县", "met"]
    assert county.loc["甲县", "worst_text"] == "40分钟"
    assert city["met"].tolist() == [True, True]
    # No store of the province's own: nobody is reached in time.
    row = province.iloc[0]
    assert row[["sites", "served", "worst_text"]].tolist() == [0, 0, "无法到达"]
    assert row["met"] is False
    assert table.columns.tolist()[:4] == ["level", "code", "name", "city"]


def test_the_time_asked_is_inclusive() -> None:
    """Two roads and 20 minutes to get ready are 40 minutes; a second less is too late."""
    demand, network, layer, standard = _world([0], ["县级"])
    for limit, met in ((2400, True), (2399, False)):
        asked = replace(standard, mobilisation_s=1200, compliance=(("县", limit),))
        table = compliance_by_unit(demand, network, layer, asked).set_index("name")
        assert table.loc["甲县", "worst_min"] == 40
        assert table.loc["甲县", "met"] is met


def test_compliance_where_nobody_lives_and_no_store_stands() -> None:
    demand, network, layer, standard = _world([0], ["县级"])
    asked = replace(standard, mobilisation_s=1200, compliance=(("县", 2400),))
    empty = replace(layer, table=layer.table.iloc[:0])
    table = compliance_by_unit(demand, network, empty, asked)
    assert table["met"].tolist() == [False] * 4
    assert np.isinf(table["worst_min"]).all()
    nobody = replace(demand, residents=np.zeros(9, np.int64))
    table = compliance_by_unit(nobody, network, layer, asked)
    assert table["met"].tolist() == [None] * 4
    assert table["worst_text"].tolist() == [""] * 4
    assert np.isnan(compliance(nobody, network, layer, asked)["worst_min"][0])
    assert compliance_by_unit(demand, network, layer, standard).empty
