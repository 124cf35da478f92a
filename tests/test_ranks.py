"""The chosen sites in their order: gains and costs cumulate, one unknown price ends the sum."""

from __future__ import annotations

import numpy as np
import pytest
from boai.scenarios.ranks import COST_COLUMNS, HEADERS, ranks
from boai.scenarios.run import Result, run
from tinyworld import drive_world, scenario

TEXT = """changes:
  - open: {kind: warehouse, name: 手工, year: 2025, lon: 115.3, lat: 28.3, cost: 50}
siting:
  - {kind: warehouse, year: 2026, number: 2, level: 县级}
  - {kind: warehouse, year: 2027, number: 1, level: 市级}
  - {kind: team, year: 2027, number: 1}
costs: {open: {warehouse: {县级: 80}, team: 0}}
"""


@pytest.fixture(scope="module")
def result() -> Result:
    return run(drive_world([0], [5]), scenario(TEXT))


def test_costs_cumulate_until_one_is_unknown(result: Result) -> None:
    table = ranks(result)
    stores = table[table["kind"] == "warehouse"]
    assert stores["rank"].tolist() == [1, 2, 3, 4]
    assert stores["cost"].fillna(-1).tolist() == [50, 80, 80, -1]
    assert stores["cumulative_cost"].fillna(-1).tolist() == [50, 130, 210, -1]
    assert stores["gain"].cumsum().tolist() == stores["cumulative"].tolist()
    np.testing.assert_allclose(stores["gain_per_cost"][:3], stores["gain"][:3] / [50, 80, 80])
    team = table[table["kind"] == "team"].iloc[0]
    assert (team["cost"], team["cumulative_cost"], team["cost_unit"]) == (0, 0, "万元")
    assert np.isnan(team["gain_per_cost"])


def test_columns(result: Result) -> None:
    assert list(ranks(result).columns) == [name for name in HEADERS if name != "sole"]
    off = ranks(result, costs=False)
    assert not set(off.columns) & set(COST_COLUMNS) and len(off) == len(ranks(result))


def test_no_new_sites() -> None:
    empty = run(drive_world([0], [5]), scenario())
    assert ranks(empty).empty and set(ranks(empty).columns) <= set(HEADERS)
