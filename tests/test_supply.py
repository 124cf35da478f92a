"""Where capacities come from, and needs that add up."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import gridworld
import numpy as np
import pytest
from boai.coverage.people import people
from boai.coverage.standards import load_standards
from boai.coverage.supply import ORIGINS, need_of, supply_of
from boai.geodata.errors import InputError
from boai.geodata.layers import KIND_NAMES
from hypothesis import given
from hypothesis import strategies as st

STANDARD = gridworld.drive_standard(
    capacity_by_level=(("省级", 120_000), ("县级", 5000)), persons_per_item=(("家庭包", 4), ("饮用水箱", 0.3))
)


def stock(**items: int) -> str:
    return json.dumps(items, ensure_ascii=False)


def sites(kind: Any = "warehouse", **columns: Any) -> Any:
    n = len(next(iter(columns.values()))) if columns else 0
    return gridworld.make_layer(kind, np.full(n, 115.0), np.full(n, 28.0), **columns)


def test_capacity_then_stock_then_level() -> None:
    layer = sites(
        capacity=[30, np.nan, np.nan, np.nan, 0, np.nan, 7.9, np.nan],
        stock=[
            stock(家庭包=9),
            stock(家庭包=9, 棉被=5),
            "",
            "",
            stock(家庭包=9),
            stock(家庭包=0),
            "",
            stock(棉被=4),
        ],
        level=["县级", "县级", "县级", "", "县级", "省级", "县级", "省"],
    )
    found = supply_of(layer, STANDARD)
    assert found.persons.tolist() == [30, 36, 5000, 0, 0, 0, 7, 120_000]
    assert found.origin.tolist() == [
        "站点填报",
        "库存",
        "级别估计",
        "未填",
        "站点填报",
        "库存",
        "站点填报",
        "级别估计",
    ]
    assert found.notes[0] == "容量来源: 站点填报 3 处、库存 2 处、级别估计 2 处、未填 1 处 (未填的按 0 计)"
    assert found.notes[1] == "库存按 家庭包 4人/件、饮用水箱 0.3人/件 折算, 不同物资的人数相加 (假设)"
    assert found.notes[2] == "1 处填了库存, 但没有可折算成人数的物资"
    assert found.notes[3] == "级别估计按 省级 120000人、县级 5000人 (可信度C, 可改), 不是实际库存"
    assert set(found.origin) <= set(ORIGINS) and found.persons.dtype == np.int64


def test_items_add_up_without_noise() -> None:
    """10 x 0.3 are 3 persons, not 2; 3 bags and 9 boxes are 14."""
    layer = sites(stock=[stock(饮用水箱=10), stock(家庭包=3, 饮用水箱=9), stock(饮用水箱=3)])
    assert supply_of(layer, STANDARD).persons.tolist() == [3, 14, 0]


def test_the_default_standards() -> None:
    standards = load_standards()
    for kind in KIND_NAMES:
        layer = sites(kind, level=["省级", "市级", "县级", ""], stock=[""] * 4)
        found = supply_of(layer, standards[kind])
        assert len(found.persons) == 4 and found.notes
    bags = supply_of(sites(stock=[stock(家庭包=1500, 棉被=3000)]), standards["warehouse"])
    assert (bags.persons[0], bags.origin[0]) == (6000, "库存")


@pytest.mark.parametrize(("kind", "words"), [("aed", "台数"), ("team", "队员人数"), ("home", "接待")])
def test_other_units_are_said(kind: Any, words: str) -> None:
    found = supply_of(sites(kind, capacity=[2.0, np.nan]), replace(STANDARD, kind=kind))
    assert found.persons.tolist() == [2, 0]
    assert words in found.notes[-1]


def test_no_sites_and_tables_without_the_columns() -> None:
    none = supply_of(sites(), STANDARD)
    assert len(none.persons) == 0 and none.notes == ("没有计入的备灾仓库, 容量为 0",)
    layer = sites(level=["县级", ""])
    bare = replace(layer, table=layer.table.drop(columns=["capacity", "stock"]))
    assert supply_of(bare, STANDARD).persons.tolist() == [5000, 0]


def test_wrong_amounts_are_said_together() -> None:
    layer = sites(capacity=[-1, np.inf, 5, np.nan], stock=["", "", "", '{"家庭包": -3}'])
    with pytest.raises(InputError) as error:
        supply_of(layer, STANDARD)
    assert [str(each) for each in error.value.problems] == [
        "备灾仓库 站0 (warehouse-0): 容量应是不小于0的数, 得到 -1.0; 请更正容量",
        "备灾仓库 站1 (warehouse-1): 容量应是不小于0的数, 得到 inf; 请更正容量",
        "备灾仓库 站3 (warehouse-3): 库存数量不应小于0, 得到 -3; 请更正库存",
    ]


@given(
    st.lists(st.integers(0, 5000), min_size=16, max_size=16),
    st.sampled_from([0, 0.01, 0.05, 0.1, 1 / 3, 0.5, 0.999, 1]),
    st.sampled_from(["all", "urban", "rural", "age_60", "age_65"]),
)
def test_needs_add_up(residents: list[int], share: float, group: Any) -> None:
    demand = gridworld.grid_demand(residents=residents)
    own = people(demand, group)
    need = need_of(demand, STANDARD, share=share, group=group)
    assert need.sum() == round(Fraction(str(share)) * int(own.sum()))
    assert ((need >= 0) & (need <= own)).all()
    by_county = np.bincount(demand.county, need, minlength=4)
    exact = share * np.bincount(demand.county, own, minlength=4)
    assert (np.abs(by_county - exact) < 1.5).all()


def test_the_share_of_the_standard() -> None:
    demand = gridworld.grid_demand()
    assert need_of(demand, STANDARD).tolist() == demand.residents.tolist()
    assert need_of(demand, STANDARD) is not demand.residents
    assert need_of(demand, replace(STANDARD, need_share=0.25)).sum() == round((2**16 - 1) / 4)
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="应在 0 与 1 之间"):
            need_of(demand, STANDARD, share=wrong)
