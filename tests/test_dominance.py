"""Dominance against its definition, and only among scenarios that can be compared."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from boai.scenarios.dominance import CRITERIA, HEADERS, Criterion, dominance, dominates
from boai.scenarios.run import Result, run
from hypothesis import given
from hypothesis import strategies as st
from tinyworld import drive_world, scenario

WORLD = drive_world([0], [5])
PRICED = "costs: {{open: {{warehouse: {}}}}}"
WET = "{flood: {area: [[114.95, 27.95], [115.05, 27.95], [115.05, 28.05], [114.95, 28.05]]}}"


def at(lon: float, lat: float = 28.3, *, name: str = "新", end: str = "") -> str:
    return (
        f"changes: [{{open: {{kind: warehouse, name: {name}, year: 2025, lon: {lon}, lat: {lat}}}}}]\n{end}"
    )


@cache
def baseline() -> Result:
    return run(WORLD, scenario(name="baseline", title="现状"))


@cache
def result(name: str, text: str) -> Result:
    return run(WORLD, scenario(text, name=name, title=name), reuse=baseline())


def ran(*texts: str) -> list[Result]:
    return [baseline(), *(result(name, text) for name, text in zip("abcdefg", texts, strict=False))]


VALUES = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, np.nan]), min_size=3, max_size=3), min_size=1, max_size=7
)


@given(VALUES, st.lists(st.booleans(), min_size=3, max_size=3))
def test_dominance_is_its_definition(values: list[list[float]], more: list[bool]) -> None:
    found = dominates(np.array(values), [Criterion(str(i), each) for i, each in enumerate(more)])
    sign = [1 if each else -1 for each in more]
    for i, one in enumerate(values):
        for j, other in enumerate(values):
            pairs = [(s * a, s * b) for s, a, b in zip(sign, one, other, strict=True)]
            worse, better = any(a < b for a, b in pairs), any(a > b for a, b in pairs)
            assert found[i, j] == (not worse and better)


def test_a_needless_scenario_is_marked() -> None:
    """Node 14 reaches more than node 15 and 丁县 wholly as well; b costs more than a for the same."""
    table = dominance(
        ran(
            at(115.2, end=PRICED.format(80)),
            at(115.2, end=PRICED.format(90)),
            at(115.3, end=PRICED.format(70)),
        )
    )
    assert table["dominated"].tolist() == [False, False, True, False]
    assert table["by"].tolist() == ["", "", "「a」", ""]
    assert table["text"].tolist()[2] == "各项都不优于「a」, 且至少一项较差"
    assert table["cost"].tolist() == [0, 80, 90, 70] and "actions" not in table.columns
    assert list(table.columns) == [name for name in HEADERS if name in table.columns]


def test_doing_nothing_beats_an_action_without_effect() -> None:
    """A second store where the first stands serves nobody more; it is there when the first one fails."""
    results = ran(at(115.0, 28.0))
    table = dominance(results, ("served", "worst", "cost"))
    assert table["dominated"].tolist() == [False, True] and table["by"].tolist() == ["", "「现状」"]
    table = dominance(results)
    assert not table["dominated"].any() and table["warehouse_second"].tolist()[0] == 0.0
    assert table["warehouse_second"].tolist()[1] > 0


def test_without_all_prices_actions_are_counted() -> None:
    results = ran(at(115.2, end=PRICED.format(80)), at(115.2))
    for table in (dominance(results), dominance(results[:2], costs=False)):
        assert "cost" not in table.columns and table["actions"].tolist() == [0, 1, 1][: len(table)]
    assert not dominance(results)["dominated"].any()


def test_prices_in_other_units_are_not_compared() -> None:
    yuan = "costs: {unit: 元, open: {warehouse: 800000}}"
    table = dominance(ran(at(115.2, end=PRICED.format(80)), at(115.2, end=yuan)))
    assert "actions" in table.columns and not table["dominated"].any()


def test_scenarios_of_other_circumstances_are_not_compared() -> None:
    more = at(115.2).strip()[:-1]
    results = ran(
        at(115.2),
        more + ", {grow: {unit: 东市, percent: 10}}]",
        more + f", {WET}]",
        more + ", {retime: {kind: team, id: team-0, hours: 24小时}}]",
        at(115.2) + "standards: {warehouse: 20}",
        more + f", {WET}]",
    )
    table = dominance(results)
    assert not table["dominated"].any()
    texts = table["text"].tolist()
    parts = "居民、道路条件、容量或开放时间 (其效果不在这些指标内)、主要时限、绕行系数或图层"
    assert texts[2] == f"其余方案中 6 个的{parts}不同, 未作比较"
    assert texts[3].startswith("没有方案在各项上都不比它差; 其余方案中 5 个的")
    alone = dominance([results[0], results[2]])["text"].tolist()
    assert alone == ["其余方案中 1 个的居民不同, 未作比较"] * 2


def test_what_is_measured_otherwise_is_not_compared() -> None:
    table = dominance(ran(at(115.2), at(115.2) + "standards: {warehouse: {detour: 2}}"))
    assert table["text"].tolist()[2] == "其余方案中 2 个的主要时限、绕行系数或图层不同, 未作比较"


def test_criteria_can_be_chosen() -> None:
    """By cover alone the dearer one is no worse."""
    results = ran(at(115.2, end=PRICED.format(80)), at(115.2, end=PRICED.format(90)))
    assert not dominance(results, ["served"])["dominated"].iloc[2]
    assert dominance(results, ["served"])["dominated"].tolist() == [True, False, False]
    for wrong in ([], ["price"]):
        with pytest.raises(ValueError, match="criteria must be some of"):
            dominance(results, wrong)
    assert set(CRITERIA) == {"served", "worst", "second", "cost"}


def test_the_order_changes_nothing_but_the_rows() -> None:
    results = ran(at(115.2), at(115.0, 28.0), at(115.3))
    rows = dominance(results).set_index("scenario")
    other = dominance([results[i] for i in (0, 3, 1, 2)]).set_index("scenario")
    assert rows.loc[list("abc")].equals(other.loc[list("abc")])


def test_many_dominating_scenarios_are_not_all_named() -> None:
    base, good = ran(at(115.2))
    results = [base, *(replace(good, name=f"g{i}", title=f"g{i}") for i in range(7))]
    table = dominance(results, ["served"])
    assert table["by"].iloc[0] == "「g0」、「g1」、「g2」、「g3」、「g4」 等 7 个方案"
