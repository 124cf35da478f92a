"""Comparison with the baseline: gains, losses and growth cell by cell, actions and costs, sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from boai.coverage.measures import percentile
from boai.geodata.errors import InputError
from boai.scenarios import gains
from boai.scenarios.compare import COLUMNS, COST_COLUMNS, compare, headlines
from boai.scenarios.conclusion import conclusion
from boai.scenarios.differences import differences
from boai.scenarios.run import Result, run
from boai.scenarios.world import World
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from tinyworld import drive_world, scenario, walk_world

SWAP = """changes:
  - close: {kind: warehouse, id: warehouse-0}
  - open: {kind: warehouse, name: 新, year: 2025, lon: 115.3, lat: 28.3}
"""
GROW = "changes: [{grow: {unit: 东市, percent: 100}}]"
WET = "[[114.95, 27.95], [115.05, 27.95], [115.05, 28.05], [114.95, 28.05]]"


STORE = drive_world([0], [5])
WORLD = drive_world([0, 6], [5, 9])
_known: dict[tuple[int, str, str], tuple[World, Result]] = {}


def one(world: World, text: str = "", *, name: str = "baseline", title: str = "现状") -> Result:
    """Run a scenario on a world, once in this file."""
    key = id(world), name, text
    if key not in _known:
        reuse = None if name == "baseline" else one(world)
        _known[key] = (world, run(world, scenario(text, name=name, title=title), reuse=reuse))
    return _known[key][1]


def ran(world: World, *texts: str) -> list[Result]:
    """The baseline and some scenarios, called a, b, …"""
    named = zip("abcdefg", texts, strict=False)
    return [one(world), *(one(world, text, name=name, title=name) for name, text in named)]


def row_of(table: pd.DataFrame, name: str = "test", kind: str = "warehouse") -> pd.Series:
    return table[(table["scenario"] == name) & (table["kind"] == kind) & table["main"]].iloc[0]


def pair(text: str) -> tuple[Result, Result]:
    return one(STORE), one(STORE, text, name="test", title="测试")


def test_gains_and_losses_are_counted_cell_by_cell() -> None:
    """The store leaves the south-west corner (nodes 0, 1, 4) for the north-east one (15, 14, 11)."""
    table = compare(pair(SWAP))
    row = table[(table["scenario"] == "test") & (table["kind"] == "warehouse") & table["main"]].iloc[0]
    assert (row["gained"], row["lost"]) == (2**15 + 2**14 + 2**11, 2**0 + 2**1 + 2**4)
    assert (row["opened"], row["closed"], row["moved"], row["actions"]) == (1, 1, 0, 2)
    assert row["per_site"] == 2**15 + 2**14 + 2**11
    assert row["served"] == row["gained"] and row["share"] == row["served"] / (2**16 - 1)
    # Nodes 15, 14 and 11 lie in 丁县; the other counties are not served, and the first by code is named.
    assert (row["worst_county"], row["worst_share"]) == ("甲县", 0.0)
    assert (row["counties_good"], row["counties"]) == (1, 4)


def test_the_table_is_tidy() -> None:
    results = pair(SWAP)
    table = compare(results)
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 2 * 3 and not table.duplicated(["scenario", "kind", "limit"]).any()
    base = table[table["scenario"] == "baseline"]
    assert not base[["gained", "lost", "actions"]].to_numpy().any() and base["per_site"].isna().all()
    for result in results:
        for row in table[table["scenario"] == result.name].to_dict("records"):
            before = base[(base["kind"] == row["kind"]) & (base["limit"] == row["limit"])]["served"].iloc[0]
            assert row["gained"] - row["lost"] == row["served"] - before


def test_the_share_of_good_counties_can_be_chosen() -> None:
    results = pair(SWAP)
    assert compare(results, good_share=0.0)["counties_good"].eq(4).all()
    assert compare(results, good_share=1.01)["counties_good"].eq(0).all()


def test_sites_on_foot_keep_with_the_tables() -> None:
    world = walk_world([3, 7], [9])
    base = run(world, scenario(name="baseline", title="现状"))
    text = """changes: [{close: {kind: aed, id: aed-0}}]
siting: [{kind: aed, year: 2025, number: 3}]
"""
    table = compare([base, run(world, scenario(text)), run(world, scenario(text.splitlines()[0]))])
    before = table[table["scenario"] == "baseline"].set_index(["kind", "limit"])["served"]
    for row in table.to_dict("records"):
        assert row["gained"] >= 0 and row["lost"] >= 0
        assert row["gained"] - row["lost"] == row["served"] - before[row["kind"], row["limit"]]
    closed = table[(table["title"] == "测试") & (table["kind"] == "aed") & (table["opened"] == 0)]
    assert (closed["gained"] == 0).all() and (closed["lost"] > 0).all()


def test_a_moved_site_is_one_action() -> None:
    move = "changes: [{move: {kind: warehouse, id: warehouse-0, lon: 115.3, lat: 28.3}}]"
    table = compare(pair(move))
    row = table[(table["scenario"] == "test") & (table["kind"] == "warehouse") & table["main"]].iloc[0]
    assert (row["opened"], row["closed"], row["moved"], row["actions"]) == (0, 0, 1, 1)
    assert (row["gained"], row["lost"]) == (2**15 + 2**14 + 2**11, 2**0 + 2**1 + 2**4)
    assert np.isnan(row["per_site"])


def test_a_site_that_is_resized_in_two_lines_is_one_site() -> None:
    own = "kind: warehouse, id: warehouse-0"
    results = pair(f"changes: [{{resize: {{{own}, capacity: 5}}}}, {{resize: {{{own}, stock: '帐篷:5'}}}}]")
    row = row_of(compare(results))
    assert (row["resized"], row["actions"], row["unpriced"]) == (1, 1, 2)
    assert differences(results, STORE.demand).query("kind == 'warehouse'")["actions"].sum() == 1


def test_growth_is_told_apart_from_gains() -> None:
    """东市 (甲县 and 乙县: columns 0 and 1) doubles; the store at node 0 reaches nodes 0, 1 and 4 of it."""
    base, grown = ran(STORE, GROW)
    table = compare([base, grown])
    row = row_of(table, "a")
    assert (row["gained"], row["lost"], row["growth"]) == (0, 0, 2**0 + 2**1 + 2**4)
    east = sum(2**node for node in range(16) if node % 4 < 2)
    assert row["residents"] == 2**16 - 1 + east and row["served"] == 2 * (2**0 + 2**1 + 2**4)
    assert (row["roads"], row["grown"], row["actions"]) == (0, 1, 0)
    assert np.isnan(row["per_site"]) and row["cost"] == 0 and np.isnan(row["cost_per_10k"])


def test_gains_after_growth_count_the_residents_of_the_scenario() -> None:
    text = GROW.replace("]", ", " + SWAP.splitlines()[1].strip().removeprefix("- ").join("{}") + "]")
    base, both = ran(STORE, text)
    row = row_of(compare([base, both]), "a")
    was = 2**0 + 2**1 + 2**4
    assert (row["gained"], row["lost"], row["growth"], row["served"]) == (0, 2 * was, was, 0)


def test_a_flood_is_no_action() -> None:
    """The store at node 0 stands in the water: out of service, not closed; nobody is asked for a price."""
    base, wet = ran(drive_world([0, 15], [5]), f"changes: [{{flood: {{area: {WET}}}}}]")
    row = row_of(compare([base, wet]), "a")
    assert (row["closed"], row["actions"], row["out_of_service"], row["roads"]) == (0, 0, 1, 1)
    assert (row["gained"], row["lost"], row["growth"]) == (0, 2**0 + 2**1 + 2**4, 0)
    assert (row["all_cost"], row["all_unpriced"]) == (0, 0)
    assert "受淹 1 项; 备灾仓库 受淹停用 1 处" in headlines([base, wet])[1]


def test_costs_are_added_up_by_layer_and_by_scenario() -> None:
    prices = "costs: {unit: 元, open: {warehouse: 80, team: 3}, close: {warehouse: 5}}\n"
    more = "  - open: {kind: team, name: 队, year: 2025, lon: 115.0, lat: 28.0}\n"
    base, result = ran(STORE, SWAP + more + prices)
    table = compare([base, result])
    store, team = row_of(table, "a"), row_of(table, "a", "team")
    assert (store["cost"], team["cost"], store["all_cost"], store["cost_unit"]) == (85, 3, 88, "元")
    assert store["cost_per_10k"] == 85 / (2**15 + 2**14 + 2**11) * 10_000
    assert "费用 88 元" in headlines([base, result])[1]


def test_a_part_of_the_costs_gives_no_cost_per_resident() -> None:
    base, result = ran(STORE, SWAP + "costs: {open: {warehouse: 80}}")
    row = row_of(compare([base, result]), "a")
    assert (row["cost"], row["unpriced"]) == (80, 1) and np.isnan(row["cost_per_10k"])
    assert "费用 80 万元 (另有 1 项未给价格)" in headlines([base, result])[1]


def test_no_price_is_no_zero() -> None:
    base, result = ran(STORE, SWAP)
    row = row_of(compare([base, result]), "a")
    assert np.isnan(row["cost"]) and np.isnan(row["all_cost"]) and row["all_unpriced"] == 2
    assert "费用" not in headlines([base, result])[1]


def test_costs_off_hides_every_price() -> None:
    base, result = ran(STORE, SWAP + "costs: {unit: 银元, open: {warehouse: 98765}}")
    table = compare([base, result], costs=False)
    assert list(table.columns) == [name for name in COLUMNS if name not in COST_COLUMNS]
    told = [*headlines([base, result], costs=False), conclusion([base, result, result], costs=False)]
    assert not [
        text for text in ("费用", "银元", "98,765", "98765") if text in table.to_csv() + "".join(told)
    ]


def test_the_target_of_a_standard_counts() -> None:
    """甲县 has 19 of 51 residents served, 37.3 %."""
    world = drive_world([0], [5])
    standards = dict(world.standards)
    standards["warehouse"] = replace(standards["warehouse"], target_share=0.3)
    table = compare(ran(replace(world, standards=standards)))
    store, team = row_of(table, "baseline"), row_of(table, "baseline", "team")
    assert (store["counties_good"], store["good_share"], store["good_from"]) == (1, 0.3, "标准")
    assert (team["counties_good"], team["good_share"], team["good_from"]) == (1, 0.9, "展示取值 (假设)")
    assert row_of(compare(ran(world), good_share=0.2), "baseline")["good_from"] == "本次指定"


def test_second_cover_and_the_ninth_tenth() -> None:
    """Two stores side by side: nodes 0 and 1 have both within ten minutes."""
    base = ran(drive_world([0, 1], [5]))[0]
    row = row_of(compare([base]), "baseline")
    assert row["second_served"] == 2**0 + 2**1 and row["second_share"] == 3 / (2**16 - 1)
    world = drive_world([0, 1], [5])
    assert row["p90_min"] == percentile(world.demand, base.covers["warehouse"]) / 60
    assert np.isnan(row["p90_m"]) and np.isnan(compare([base])["second_share"]).sum() == 4


def test_times_requirements_and_targets_are_those_of_the_result() -> None:
    """The store of a county at node 0 comes within 40 minutes to the 13 nodes at most four roads away."""
    standards = dict(STORE.standards)
    standards["warehouse"] = replace(standards["warehouse"], compliance=(("县", 2400),), mobilisation_s=0)
    world = replace(STORE, standards=standards)
    result = one(world, SWAP.splitlines()[0] + "\n" + SWAP.splitlines()[2], name="a", title="a")
    table = compare([one(world), result])
    before = row_of(table, "baseline")
    near = sum(2**node for node in range(16) if node // 4 + node % 4 <= 4)
    assert before["in_time_county"] == near / (2**16 - 1) and np.isnan(before["in_time_city"])
    assert np.isnan(row_of(table, "baseline", "team")["in_time_county"])
    for one_, name in ((one(world), "baseline"), (result, "a")):
        for kind in ("warehouse", "team"):
            row, ledger = row_of(table, name, kind), one_.targets[one_.targets["kind"] == kind]
            assert row["admin_failing"] == (one_.admin["kind"] == kind).sum()
            tracked = ledger[ledger["left"].notna()]
            assert row["targets"] == tracked["id"].nunique()
            late = tracked.loc[tracked["left"].astype(float) > 0, "id"].nunique()
            assert row["targets_met"] == row["targets"] - late


def brute_gini(share: np.ndarray, people: np.ndarray) -> float:
    """The definition: half the relative mean difference, as a double sum."""
    apart = people[:, None] * people * np.abs(share[:, None] - share)
    whole = people.sum() * (share @ people)
    return float(apart.sum() / (2 * whole)) if whole else float("nan")


@settings(max_examples=many(40))
@given(st.integers(0, 2**32 - 1))
def test_evenness_equals_the_double_sum(seed: int) -> None:
    rng, base = np.random.default_rng(seed), one(WORLD)
    county = base.units["level"] == "县"
    n = int(county.sum())
    share = rng.choice([0.0, 0.25, 1.0, rng.random()], n)
    units = base.units.copy()
    units.loc[county, ["share", "residents"]] = np.column_stack([share, rng.integers(0, 3, n)])
    for row in compare([replace(base, units=units)]).to_dict("records"):
        own = units[county & (units["kind"] == row["kind"]) & (units["limit"] == row["limit"])]
        brute = brute_gini(own["share"].to_numpy(float), own["residents"].to_numpy(float))
        assert row["gini"] == pytest.approx(brute, abs=1e-12, nan_ok=True)
        assert np.isnan(row["between_share"]) or -1e-12 <= row["between_share"] <= 1 + 1e-12


CHANGES = st.lists(
    st.sampled_from(
        [
            "{close: {kind: warehouse, id: warehouse-0}}",
            "{close: {kind: team, id: team-0}}",
            "{open: {kind: warehouse, name: 甲, year: 2025, lon: 115.3, lat: 28.1}}",
            "{open: {kind: team, name: 乙, year: 2025, lon: 115.1, lat: 28.3}}",
            "{move: {kind: warehouse, id: warehouse-1, lon: 115.2, lat: 28.0}}",
            "{grow: {unit: 甲县, percent: 37}}",
            "{grow: {unit: 丁县, percent: -60}}",
            "{slow: {all: true, speed: 0.4}}",
            f"{{flood: {{area: {WET}}}}}",
        ]
    ),
    max_size=6,
    unique=True,
)


@settings(max_examples=many(40))
@given(CHANGES)
def test_gains_less_losses_and_growth_are_the_difference(changes: list[str]) -> None:
    base = one(WORLD)
    result = run(WORLD, scenario(f"changes: [{', '.join(changes)}]", name="a"), reuse=base)
    table = compare([base, result])
    before = table[table["scenario"] == "baseline"].set_index(["kind", "limit"])
    for row in table[table["scenario"] == "a"].to_dict("records"):
        was = before.loc[(row["kind"], row["limit"])]
        assert row["served"] == was["served"] + row["gained"] - row["lost"] + row["growth"]
        assert row["gained"] >= 0 and row["lost"] >= 0
        old, new = (
            one.covers[row["kind"]].share[:, one.covers[row["kind"]].standard.limits.index(row["limit"])]
            for one in (base, result)
        )
        people = result.residents
        assert row["gained"] == people[(new > old)].sum() and row["lost"] == people[(new < old)].sum()
        assert row["growth"] == (people - base.residents) @ old
        assert row["points"] == pytest.approx(100 * (row["share"] - was["share"]))


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(-50, 50)), min_size=1),
    st.integers(-1, 1),
)
def test_whole_residents_add_up(cells: list[tuple[float, float, float]], slack: int) -> None:
    """Whatever the tables say, up to their rounding: the parts add up to it, at most one and a half away."""
    change = gains.Change(*(np.array(each) for each in zip(*cells, strict=True)))
    exact = [float(each.sum()) for each in change]
    difference = round(exact[0] - exact[1] + exact[2]) + slack
    found = gains.whole(change, difference)
    assert found.gained - found.lost + found.growth == difference
    assert found.gained >= 0 and found.lost >= 0
    assert all(abs(own - part) <= 4 for own, part in zip(found, exact, strict=True))
    for n in (1, 3):
        parts = gains.by_unit(change, found, np.arange(len(cells)) % n, n)
        assert tuple(parts.sum()) == tuple(found)
        assert (parts[["gained", "lost"]] >= 0).all(axis=None)


def test_the_order_of_scenarios_changes_nothing() -> None:
    results = ran(STORE, SWAP, GROW, "siting: [{kind: warehouse, year: 2025, number: 2}]")
    table = compare(results)
    for order in ((0, 3, 1, 2), (0, 2, 3, 1)):
        other = compare([results[i] for i in order])
        for name in "abc":
            pd.testing.assert_frame_equal(
                *(each[each["scenario"] == name].reset_index(drop=True) for each in (table, other))
            )
        assert conclusion([results[i] for i in order]) == conclusion(results)


def test_headlines() -> None:
    assert headlines(pair(SWAP)) == (
        "现状: 备灾仓库10分钟车程覆盖 不到0.1%, 救援队10分钟车程覆盖 1.0%。",
        "测试: 备灾仓库 新增 1 处、撤销 1 处, 10分钟车程覆盖 不到0.1% → 78.1% (增加 5.1 万人、减少 19 人), "
        "仍有 1.4 万人够不着, 最弱的是甲县等 3 个县 0.0%。",
    )
    assert headlines(pair(""))[1] == "测试: 站点没有变化。"


def test_headlines_tell_what_is_proven_and_who_is_left() -> None:
    base, all_, poor = ran(
        STORE,
        "siting: [{kind: warehouse, year: 2025, number: 9}]",
        "siting: [{kind: warehouse, year: 2025, number: 1}]",
    )
    assert "人人够得着; 选址每一步都已证明最优。" in headlines([base, all_])[1]
    plans = [{**poor.plans[0], "status": "feasible", "gap": 0.012}]
    told = headlines([base, replace(poor, plans=plans)])[1]
    assert told.endswith("选址 1 步中 1 步未证明最优, 离最优至多相差 1.2%。")


def test_the_conclusion_names_the_best_the_cheapest_and_the_needless() -> None:
    """A store at node 14 brings 2^15 + 2^14 + 2^13 + 2^10 residents, one at node 15 2^15 + 2^14 + 2^11."""
    prices = "costs: {{open: {{warehouse: {}}}}}\n"
    at = "  - open: {{kind: warehouse, name: 新, year: 2025, lon: {}, lat: 28.3}}\n"
    good, dear, poor = at.format(115.2), at.format(115.2), at.format(115.3)
    results = ran(
        STORE,
        "changes:\n" + good + prices.format(80),
        "changes:\n" + dear + prices.format(120),
        "changes:\n" + poor + prices.format(40),
    )
    assert conclusion(results) == (
        "3 个方案: 备灾仓库10分钟车程覆盖最高的是「a」、「b」 (89.1%); 备灾仓库每新覆盖一万人费用最低的是"
        "「c」 (7.81 万元); 「b」各项都不优于另一方案, 可以不选。"
    )
    assert conclusion(results[:2]) == ""


def test_the_conclusion_is_honest_about_what_differs() -> None:
    store = "  - open: {kind: warehouse, name: 新, year: 2025, lon: 115.3, lat: 28.3}\n"
    team = "  - open: {kind: team, name: 新, year: 2025, lon: 115.3, lat: 28.3}\n"
    world = STORE
    different = conclusion(ran(world, "changes:\n" + store, "changes:\n" + team))
    assert "没有一个方案在各图层都最高" in different and "各方案改动的图层不同, 应分图层比较" in different
    grown = conclusion(ran(world, "changes:\n" + store, GROW))
    assert "另有 1 个的居民不同, 未作比较" in grown and "最高" not in grown


def test_results_of_other_residents_are_refused() -> None:
    base, other = pair(SWAP)
    with pytest.raises(InputError, match="方案 测试: 与基准的居民数据不同"):
        compare([base, replace(other, residents=other.residents + 1)])
    away = replace(other, provenance={**other.provenance, "world": {"demand": "y"}})
    with pytest.raises(InputError, match="方案 测试: 与基准不是同一份数据算出的"):
        compare([base, away])
    with pytest.raises(InputError, match="没有可比较的结果"):
        compare([])
