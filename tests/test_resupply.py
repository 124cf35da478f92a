"""Hub and spoke on grids: links, times by networkx, rounds by hand, and that nothing is made or lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import gridworld
import numpy as np
import pandas as pd
import pytest
from boai.coverage import hubs
from boai.coverage.resupply import MIDDLE, Resupply, _share_out, resupply
from boai.coverage.standards import Standard
from boai.coverage.stores import survey
from boai.coverage.supply import Supply, need_of
from boai.geodata.demand import Demand
from boai.geodata.layers import Layer
from boai.geodata.network import Network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

HOURS = (("县", 6 * 3600), ("市", 8 * 3600), ("省", 10 * 3600))
LEVELS = ["县级", "市级", "省级"]
NODES = [0, 5, 10, 4, 15]
RESIDENTS = np.array([37, 1, 37, 1, 1, 1, 1, 1, 37, 1, 37, 1, 1, 1, 1, 1])
LEVEL = ["省级", "市级", "市级", "县级", "县级"]


def standard(**others: Any) -> Standard:
    return gridworld.drive_standard(**{"compliance": HOURS, "mobilisation_s": 3600, **others})


def make(nodes: Sequence[int], level: Sequence[str], **columns: Any) -> tuple[Demand, Network, Layer]:
    """Stores at nodes of a grid; 40 residents a county, of whom 37 live at the nodes 0, 8, 2 and 10."""
    demand, network = gridworld.grid_demand(residents=RESIDENTS), gridworld.grid_network()
    blank = {"readiness_min": np.nan, "parent": ""}
    place = gridworld.at_nodes(network, nodes)
    columns = {name: list(values) if isinstance(values, list) else values for name, values in columns.items()}
    layer = gridworld.make_layer(
        "warehouse", *place, demand=demand, **{**blank, "level": list(level), **columns}
    )
    return demand, network, layer


def supply(persons: Sequence[int]) -> Supply:
    return Supply(np.array(persons, np.int64), np.array(["容量"] * len(persons), dtype="<U4"))


def run(world: tuple[Demand, Network, Layer], persons: Sequence[int], **others: Any) -> Resupply:
    demand, network, layer = world
    need = others.pop("need", demand.residents)
    return resupply(demand, network, layer, standard(**others), need=need, supply=supply(persons))


def check(found: Resupply, persons: Sequence[int], need: int) -> None:
    """Nothing is made or lost, in any of the tables."""
    counties, stores, shipments = found.counties, found.stores, found.shipments
    parts = ["own", "from_city", "from_province", "unmet"]
    assert (counties[[*parts, "in_time"]] >= 0).all(axis=None)
    assert (counties[parts].sum(axis=1) == counties["need"]).all() and counties["need"].sum() == need
    assert stores["capacity"].tolist() == list(persons)
    assert (stores["left"] >= 0).all() and (stores["sent"] + stores["left"] == stores["capacity"]).all()
    sent = shipments.groupby("store_id")["persons"].sum()
    assert sent.reindex(stores["id"], fill_value=0).tolist() == stores["sent"].tolist()
    met = shipments.groupby("code")["persons"].sum().reindex(counties["code"], fill_value=0)
    assert met.tolist() == counties[parts[:3]].sum(axis=1).tolist()
    assert (shipments["persons"] > 0).all()
    assert counties["in_time"].sum() == shipments.loc[shipments["in_time"], "persons"].sum()
    assert all(isinstance(note, str) and note for note in found.notes)


def test_a_province_by_hand() -> None:
    """The centre at 0, hubs at 5 and 10, stores of 甲县 at 4 and 丁县 at 15; each county needs 40."""
    found = run(make(NODES, LEVEL, readiness_min=[30, 60, np.nan, 10, 0]), [25, 30, 20, 5, 50])
    check(found, [25, 30, 20, 5, 50], 160)
    counties = found.counties.set_index("name")
    # 甲 has 5 of its own and lacks 35, 乙 lacks 40: hub 5 shares 30 as 14 and 16. 丙 gets all 20 of hub 10.
    assert counties["own"].tolist() == [5, 0, 0, 40]
    assert counties["from_city"].tolist() == [14, 16, 20, 0]
    # 21, 24 and 20 lack: the province shares 25 as 8.08, 9.23 and 7.69.
    assert counties["from_province"].tolist() == [8, 9, 8, 0]
    assert counties["unmet"].tolist() == [13, 15, 12, 0]
    assert found.stores["left"].tolist() == [0, 0, 0, 0, 10]
    assert found.counties["deliver_to"].tolist() == ["站3", MIDDLE, MIDDLE, "站4"]
    assert counties.loc["甲县", ["own_min", "city_min", "province_min"]].tolist() == [20, 70, 40]
    assert np.isnan(counties.loc["乙县", "own_min"])
    assert counties.loc["丁县", ["own_min", "city_min", "province_min"]].tolist() == [20, 80, 90]
    # 乙: 30 + 0 → 5 → 8 = 20 + 20; 丁: 30 + 0 → 10 → 15 = 40 + 20.
    assert counties.loc[["乙县", "丁县"], "via_hub_min"].tolist() == [70, 90]
    assert counties["hub"].tolist() == ["站1", "站1", "站2", "站2"]
    assert found.stores["upper"].tolist() == ["", "站0", "站0", "站1", "站2"]
    assert found.stores["upper_text"].tolist() == ["最上级", "省级中心", "省级中心", "本市枢纽", "本市枢纽"]
    assert found.stores["upper_min"].tolist()[1:] == [50, 70, 70, 80]
    assert counties["in_time"].tolist() == [27, 25, 28, 40] and not found.problems
    assert any("1 处仓库未填响应准备时间, 按 60 分钟计" in note for note in found.notes)
    assert any("1 处仓库还剩 10 人份未用" in note for note in found.notes)
    assert (
        found.notes[0] == "需要保障 160 人: 本县供给 45 人、市级枢纽供给 50 人、省级中心供给 25 人, 缺 40 人"
    )


def test_the_limits_are_inclusive_and_lateness_is_said() -> None:
    world = make(NODES, LEVEL, readiness_min=[30, 60, 60, 10, 0])
    limits = {"compliance": (("县", 1200), ("市", 70 * 60), ("省", 36_000)), "mobilisation_s": 0}
    exact = run(world, [0, 60, 0, 20, 0], **limits)
    assert exact.counties["late_text"].tolist() == ["", "市级枢纽 1小时20分钟 (时限70分钟)", "", ""]
    assert exact.counties["in_time"].tolist() == [40, 0, 0, 0]
    assert exact.counties["from_city"].tolist() == [20, 40, 0, 0]
    less = run(
        world, [0, 60, 0, 20, 0], compliance=(("县", 1199), ("市", 69 * 60), ("省", 36_000)), mobilisation_s=0
    )
    assert less.counties["late_text"][0].startswith("本县 20分钟")
    assert less.counties["in_time"].sum() == 0
    free = run(world, [0, 60, 0, 20, 0], compliance=())
    assert free.shipments["limit_min"].isna().all() and free.shipments["in_time"].all()
    assert any("没有规定时限" in note for note in free.notes)


def test_what_is_short_is_shared_out_in_proportion() -> None:
    need = np.zeros(16, int)
    need[[0, 8]] = 30, 60
    found = run(make([5], ["市级"]), [10], need=need)
    assert found.counties["from_city"].tolist() == [3, 7, 0, 0]
    check(found, [10], 90)


def test_a_city_without_a_hub_asks_the_first_hub_to_arrive_elsewhere() -> None:
    found = run(make([1, 13], ["市级", "市级"]), [100, 100])
    assert found.counties["hub"].tolist() == ["站0", "站1", "站0", "站1"]
    assert found.counties["from_city"].tolist() == [40, 40, 40, 40]
    assert any("1 个设区市没有市级枢纽 (西市)" in note for note in found.notes)
    assert any("没有省级仓库" in note for note in found.notes)
    assert found.counties["province_min"].isna().all()


def test_two_hubs_of_a_city_and_a_stated_one_of_another() -> None:
    """甲's store states the hub of 西市: it is asked, too, in the order of arrival."""
    world = make([5, 9, 6, 4], ["市级", "市级", "市级", "县级"], parent=["", "", "", "站2"])
    found = run(world, [10, 10, 10, 0], need=np.where(np.arange(16) == 0, 40, 0))
    shipped = found.shipments.groupby("name")["store"].apply(list)
    assert shipped["甲县"] == ["站0", "站1", "站2"]
    assert found.stores["upper_text"].tolist()[3] == "填报"
    check(found, [10, 10, 10, 0], 40)


@pytest.mark.parametrize(
    ("parents", "words"),
    [
        (["", "", "", "九江备灾仓库", ""], "应是在册并计入的仓库, 得到 九江备灾仓库"),
        (["", "", "", "站3", ""], "不应是自己"),
        (["", "warehouse-3", "", "", ""], "级别不应低于本库"),
        (["", "", "", "站4", "站3"], "不应循环, 得到 站3 → 站4 → 站3"),
        (["", "warehouse-2", "站1", "", ""], "不应循环, 得到 站1 → 站2 → 站1"),
    ],
)
def test_impossible_upper_stores_are_problems(parents: list[str], words: str) -> None:
    plain = run(make(NODES, LEVEL), [25, 30, 20, 5, 50])
    found = run(make(NODES, LEVEL, parent=parents), [25, 30, 20, 5, 50])
    assert len(found.problems) == 1 and words in str(found.problems[0])
    assert str(found.problems[0]).startswith("备灾仓库 站")
    pd.testing.assert_frame_equal(found.counties, plain.counties)
    pd.testing.assert_frame_equal(found.stores, plain.stores)
    assert any("上级仓库填写有误" in note for note in found.notes)


def test_an_ambiguous_name_is_a_problem_and_an_id_is_not() -> None:
    names = ["省库", "市库", "市库", "县库", "县库"]
    found = run(make(NODES, LEVEL, name=names, parent=["", "", "", "市库", "warehouse-1"]), [0] * 5)
    assert [str(each).split("; ")[0] for each in found.problems] == [
        "备灾仓库 县库 (warehouse-3): 上级仓库重名 (2 处), 应填编号, 得到 市库"
    ]
    assert found.stores["upper_text"].tolist()[3:] == ["本市枢纽", "填报"]


@pytest.mark.parametrize("nodes", [[], [5], [5, 5, 5]])
@pytest.mark.parametrize("level", ["县级", "市级", "省级", "", "三级", "国家级"])
def test_few_stores_on_one_point(nodes: list[int], level: str) -> None:
    persons = [7] * len(nodes)
    found = run(make(nodes, [level] * len(nodes)), persons)
    check(found, persons, 160)
    assert found.stores["sent"].sum() == 7 * len(nodes)
    if not nodes:
        assert found.counties["unmet"].tolist() == [40] * 4
        assert any("4 个县(市、区)没有任何仓库" in note for note in found.notes)


def test_no_need_no_capacity_no_residents() -> None:
    world = make(NODES, LEVEL)
    none = run(world, [5] * 5, need=np.zeros(16, int))
    check(none, [5] * 5, 0)
    assert none.counties["met_share"].isna().all() and len(none.shipments) == 0
    empty = run(world, [0] * 5)
    check(empty, [0] * 5, 160)
    assert (empty.counties["met_share"] == 0).all() and empty.stores["used_share"].isna().all()
    demand, network, layer = world
    nobody = replace(demand, residents=np.zeros(16, np.int64))
    check(run((nobody, network, layer), [5] * 5, need=np.zeros(16, int)), [5] * 5, 0)


def test_islands_and_missing_roads() -> None:
    """Two halves without a road between them, then no road at all, then no node at all."""
    demand, network, layer = make(NODES, LEVEL)
    tail = np.repeat(np.arange(16), np.diff(network.start))
    west = lambda node: node % 4 < 2  # noqa: E731
    cut = np.where(west(tail) != west(network.head), -1, network.centiseconds).astype(np.int32)
    found = run((demand, replace(network, centiseconds=cut), layer), [100, 0, 0, 0, 0])
    check(found, [100, 0, 0, 0, 0], 160)
    assert found.counties["unmet"].tolist() == [0, 0, 40, 40]
    assert found.counties["province_min"].tolist()[2:] == [np.inf, np.inf]
    assert found.stores["upper"].tolist()[2] == "" and found.stores["upper_text"].tolist()[2] == "无"
    for other in (
        replace(network, centiseconds=np.full_like(network.centiseconds, -1)),
        gridworld.make_network([], [], [], lon=[], lat=[]),
    ):
        found = run((demand, other, layer), [9, 9, 9, 9, 9])
        check(found, [9] * 5, 160)
    assert found.counties["unmet"].tolist() == [40] * 4
    assert np.isinf(found.counties["city_min"]).all()
    assert any("没有道路通到本县居民中心" in note for note in found.notes)


def test_stores_outside_and_wrong_needs() -> None:
    demand, network, layer = make(
        [0, 5], ["县级", "市级"], county_code=["350101", ""], city=["福州市", "西市"]
    )
    found = run((demand, network, layer), [9, 9])
    assert found.stores["sent"].tolist() == [0, 9]
    assert any("1 处县级仓库不在所统计的县内" in note for note in found.notes)
    assert found.counties["hub"].tolist() == ["站1"] * 4
    for need in ([1, 2], np.full(16, 0.5), np.full(16, -1)):
        with pytest.raises(ValueError, match="needs"):
            run((demand, network, layer), [9, 9], need=need)
    with pytest.raises(ValueError, match="capacities"):
        run((demand, network, layer), [9])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Any, list[int], Any]:
    """Up to 8 stores of any level anywhere, some with stated upper stores, needs of 0 to 30 a cell."""
    n = draw(st.integers(0, 8))
    pick = lambda each: draw(st.lists(each, min_size=n, max_size=n))  # noqa: E731
    nodes, level = pick(st.integers(0, 15)), pick(st.sampled_from(LEVELS))
    parent = pick(st.sampled_from(["", "", "", "站0", "站1", "站2", "无名库"]))
    ready = pick(st.sampled_from([np.nan, 0.0, 15.0, 200.0]))
    need = np.array(draw(st.lists(st.integers(0, 30), min_size=16, max_size=16)))
    return make(nodes, level, parent=parent, readiness_min=ready), pick(st.integers(0, 150)), need


@settings(max_examples=many(25))
@given(worlds())
def test_nothing_is_made_or_lost_and_nobody_lacks_beside_a_full_store(case: Any) -> None:
    world, persons, need = case
    found = run(world, persons, need=need)
    check(found, persons, int(need.sum()))
    demand, _, layer = world
    left = found.stores.set_index("id")["left"]
    level = layer.table.set_index("id")["level"]
    for row, lacks in enumerate(found.counties["unmet"].tolist()):
        if lacks:
            own = layer.table.loc[layer.table["county_code"] == demand.county_code[row], "id"]
            hubs_of = layer.table.loc[layer.table["city"] == demand.city_name[row], "id"]
            assert not left[[each for each in own if level[each] == "县级"]].any()
            assert not left[[each for each in hubs_of if level[each] == "市级"]].any()
            assert not left[[each for each in level.index if level[each] == "省级"]].any()


@settings(max_examples=many(15))
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_stores_decides_nothing(case: Any, random: Any) -> None:
    (demand, network, layer), persons, need = case
    order = list(range(len(persons)))
    random.shuffle(order)
    plain = run((demand, network, layer), persons, need=need)
    mixed_layer = replace(layer, table=layer.table.iloc[order].reset_index(drop=True))
    mixed = run((demand, network, mixed_layer), [persons[row] for row in order], need=need)
    pd.testing.assert_frame_equal(mixed.counties, plain.counties)
    pd.testing.assert_frame_equal(mixed.stores, plain.stores.iloc[order].reset_index(drop=True))
    pd.testing.assert_frame_equal(mixed.shipments, plain.shipments)


@settings(max_examples=many(15))
@given(worlds(), st.integers(0, 7))
def test_more_stock_never_leaves_more_unmet(case: Any, store: int) -> None:
    """But for the rounding to whole persons: largest remainders are not monotone (the Alabama paradox)."""
    world, persons, need = case
    if not persons:
        return
    more = list(persons)
    more[store % len(more)] += 50
    less = run(world, persons, need=need).counties["unmet"].sum()
    assert run(world, more, need=need).counties["unmet"].sum() <= less + 4


def test_times_are_those_of_networkx() -> None:
    demand, network, _ = make([], [])
    rng = np.random.default_rng(3)
    network = replace(network, centiseconds=rng.integers(1, 500_000, network.n_edges).astype(np.int32))
    nodes = [3, 12, 6, 9, 9]
    layer = gridworld.make_layer(
        "warehouse",
        *gridworld.at_nodes(network, nodes),
        demand=demand,
        level=LEVEL,
        readiness_min=[0, 1, 2, 3, 4],
    )
    field = survey(demand, network, layer, standard())
    graph = gridworld.as_graph(network)
    for row, node in enumerate(nodes):
        time = gridworld.times_from(graph, node)
        assert field.between[row].tolist() == [time[other] for other in nodes]
        for county in range(4):
            to = time[int(field.middle[county])] + row * 6000
            assert field.arrive[0, row, county] == to
            main = int(field.main[county])
            assert field.arrive[1, row, county] == (to if main < 0 else time[nodes[main]] + row * 6000)


def test_the_middle_is_where_residents_are() -> None:
    """The middle of a quarter with 4^node residents is its last cell; it has one without residents, too."""
    demand, network, layer = make([0], ["省级"])
    heavy = replace(demand, residents=4 ** np.arange(16, dtype=np.int64))
    assert survey(heavy, network, layer, standard()).middle.tolist() == [5, 13, 7, 15]
    assert (
        survey(replace(demand, residents=np.zeros(16, np.int64)), network, layer, standard()).middle.min()
        >= 0
    )


def test_cycles_of_any_form() -> None:
    assert hubs._cycles(np.array([1, 2, 0, 2, -1, 5], np.int32)) == [[0, 1, 2], [5]]
    assert hubs._cycles(np.array([], np.int32)) == []
    assert hubs._cycles(np.array([3, 0, 1, 2], np.int32)) == [[0, 3, 2, 1]]


def test_a_share_of_the_residents_as_need() -> None:
    world = make(NODES, LEVEL)
    need = need_of(world[0], standard(need_share=0.1))
    found = run(world, [0, 0, 0, 4, 4], need=need)
    check(found, [0, 0, 0, 4, 4], 16)
    assert found.counties["unmet"].tolist() == [0, 4, 4, 0]


@settings(max_examples=many(60))
@given(st.data())
def test_rounds_as_a_plain_loop_does_them(data: st.DataObject) -> None:
    """Hamilton's method in fractions: the whole parts of the quotas, then one each by remainder."""
    wanted = data.draw(st.lists(st.integers(0, 20), min_size=1, max_size=5))
    persons = data.draw(st.lists(st.integers(0, 30), min_size=1, max_size=4))
    some = st.lists(st.integers(0, len(persons) - 1), unique=True, max_size=len(persons))
    orders = [[data.draw(some) for _ in wanted] for _ in range(3)]
    lack, left, expected = list(wanted), list(persons), {}
    for step in range(3):
        for turn in range(len(persons)):
            asks = {c: orders[step][c][turn] for c in range(len(wanted)) if turn < len(orders[step][c])}
            for store in range(len(persons)):
                own = [c for c in asks if asks[c] == store and lack[c]]
                total = sum(lack[c] for c in own)
                give = min(left[store], total)
                quota = {c: Fraction(lack[c] * give, total) for c in own}
                parts = {c: int(quota[c]) for c in own}
                for c in sorted(own, key=lambda c: (parts[c] - quota[c], c))[: give - sum(parts.values())]:
                    parts[c] += 1
                for c, n in parts.items():
                    lack[c] -= n
                    left[store] -= n
                    expected[step, c, store] = n
    lots = _share_out(np.array(wanted), np.array(persons), orders)
    got = zip(lots.step.tolist(), lots.county.tolist(), lots.store.tolist(), strict=True)
    assert dict(zip(got, lots.persons.tolist(), strict=True)) == {key: n for key, n in expected.items() if n}
