"""Residents that scenarios add and take away: whole, exact in their sums, ordered in every cell."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import tinyworld
from boai.geodata.errors import InputError
from boai.scenarios.changes import resolve
from boai.scenarios.demand_changes import scaled
from boai.scenarios.world import World
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

GROUPS = ("residents", "urban", "age_60", "age_65")
WORLD = tinyworld.drive_world([0])


def grown(*units: str, world: World = WORLD) -> Any:
    text = "".join(f"  - grow: {{{unit}}}\n" for unit in units)
    return resolve(world, tinyworld.scenario(f"changes:\n{text}"))


def test_a_city_grows_by_a_tenth() -> None:
    """东市 holds the first two columns of the grid: (1 + 2 + 16 + 32 + …) residents."""
    made = grown("unit: 东市, percent: 10")
    old, new = WORLD.demand, made.world.demand
    east = np.isin(old.county, [0, 1])
    total = sum(2 ** (4 * row + column) for row in range(4) for column in range(2))
    assert int(old.residents[east].sum()) == total == 13_107
    assert int(new.residents[east].sum()) == 14_418  # 14 417.7
    for name in GROUPS:
        assert getattr(new, name)[~east].tolist() == getattr(old, name)[~east].tolist()
        share = Fraction(14_418, total)
        assert getattr(new, name)[east].sum() == int(getattr(old, name)[east].sum() * share + Fraction(1, 2))
        assert abs(getattr(new, name)[east] - getattr(old, name)[east] * 1.1).max() <= 2
    assert made.done[["name", "county", "city", "detail", "residents"]].iloc[0].tolist() == [
        "东市", "", "东市", "东市居民 13,107 人改为 14,418 人", 1311,
    ]  # fmt: skip
    assert made.notes == ("居民按方案改动, 不是普查数: 东市 +1,311 人; 各网格和各年龄按同一比例 (假设)",)
    assert new.meta["hash"] and new.cell is old.cell and made.world.hashes is WORLD.hashes


def test_a_county_gets_a_total_and_the_province_a_share() -> None:
    made = grown("unit: 丙县, residents: 1000")
    assert made.world.demand.residents[WORLD.demand.county == 2].sum() == 1000
    assert made.done[["county_code", "county", "city"]].iloc[0].tolist() == ["360201", "丙县", "西市"]
    for unit in ("全省", "江西省", "江西"):
        made = grown(f"unit: {unit}, percent: 100")
        assert (made.world.demand.residents == 2 * WORLD.demand.residents).all()
        assert made.done["name"].tolist() == ["全省"]
    assert grown("unit: 甲县, residents: 0").world.demand.residents[WORLD.demand.county == 0].sum() == 0
    assert grown("unit: 甲县, percent: -100").world.demand.urban[WORLD.demand.county == 0].sum() == 0


def test_no_growth_is_no_change() -> None:
    now = int(WORLD.demand.residents[WORLD.demand.county == 0].sum())
    assert grown("unit: 全省, percent: 0").world is WORLD
    made = grown(f"unit: 甲县, residents: {now}")
    assert made.world is WORLD and made.notes == () and made.done["residents"].tolist() == [0]


def test_halves_are_rounded_up_and_percent_is_exact() -> None:
    """甲县 has 51 residents: 2.5 % more are 52.275, 50 % fewer 25.5."""
    own = WORLD.demand.county == 0
    assert WORLD.demand.residents[own].sum() == 51
    for percent, total in ((2.5, 52), (-50, 26), (0.1, 51), (1000, 561)):
        assert grown(f"unit: 甲县, percent: {percent}").world.demand.residents[own].sum() == total


def test_units_that_share_a_county_are_refused() -> None:
    for one, other in (("东市", "甲县"), ("甲县", "全省"), ("东市", "东市")):
        with pytest.raises(InputError) as error:
            grown(f"unit: {one}, percent: 1", f"unit: {other}, residents: 9")
        (problem,) = error.value.problems
        assert problem.where == "changes 第2项.grow" and "与 changes 第1项.grow 改动了" in problem.what
    made = grown("unit: 东市, percent: 1", "unit: 丁县, percent: 1", "unit: 丙县, percent: 1")
    assert made.done["residents"].gt(0).all()


def test_units_that_are_none() -> None:
    nobody = replace(WORLD, demand=replace(WORLD.demand, **dict.fromkeys(GROUPS, WORLD.demand.residents * 0)))
    for unit, what, world in (
        ("unit: 戊县, percent: 1", "地名表里没有这个地方, 得到 戊县; 是否指", WORLD),
        ("unit: 甲县镇0, percent: 1", "不是全省、设区市或县区, 得到 江西省东市甲县镇0", WORLD),
        ("unit: 甲县, residents: 5", "这里没有居民, 不能按比例增加, 得到 甲县", nobody),
    ):
        with pytest.raises(InputError) as error:
            grown(unit, world=world)
        assert "changes 第1项.grow.unit: " in str(error.value) and what in str(error.value)
    assert grown("unit: 甲县, percent: 50", world=nobody).world is nobody


@settings(max_examples=many(200), deadline=None)
@given(st.data())
def test_any_growth_keeps_sums_and_order(data: Any) -> None:
    """The sums are those asked for, and 65 and older <= 60 and older <= all, urban <= all, in every cell."""
    n = 16
    count = st.lists(st.integers(0, 40), min_size=n, max_size=n)
    people = np.array(data.draw(count), np.int64)
    part = [np.array(data.draw(count), np.int64) % (people + 1) for _ in range(3)]
    groups = {"residents": people, "urban": part[0], "age_60": part[1], "age_65": part[2] % (part[1] + 1)}
    demand = replace(WORLD.demand, **groups)
    inside = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    now = int(people[inside].sum())
    total = data.draw(st.integers(0, 3 * now + 1)) if now else 0
    new = scaled(demand, inside, total)
    assert new.residents[inside].sum() == total
    for name, own in groups.items():
        share = Fraction(total, now or 1)
        assert getattr(new, name)[inside].sum() == int(own[inside].sum() * share + Fraction(1, 2))
        assert (getattr(new, name)[~inside] == own[~inside]).all()
    assert (new.urban <= new.residents).all() and (new.age_60 <= new.residents).all()
    assert (new.age_65 <= new.age_60).all() and (new.age_65 >= 0).all() and (new.urban >= 0).all()
    if total == now:
        assert all((getattr(new, name) == own).all() for name, own in groups.items())
