"""Every figure of the topics about cover, equal to an assessment in plain Python; and what changes do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import assessmentworld
import geopandas as gpd
import gridworld
import numpy as np
import pandas as pd
import pytest
import shapely
from assessmentworld import CHECKS, Own, grid_own, road_own, walk_own
from boai.coverage import meet, transport
from boai.coverage.assessment import Assessment, Place, Question
from boai.coverage.matrix import build_matrix
from boai.coverage.topics import answer
from boai.coverage.zones import LEVELS
from boai.geodata.townships import Townships

GRIDS: tuple[tuple[int, int, int, dict[str, Any], dict[str, Any]], ...] = (
    (1, 4, 3, {"by": "县"}, {}),
    (2, 6, 7, {"by": "乡镇", "at": (2, 1290), "capacity": True}, {"main": 1200, "target_share": 0.9}),
    (3, 4, 7, {"by": "网格", "group": "age_65", "capacity": True, "need_share": 0.01}, {"backup": 3}),
    (4, 4, 7, {"by": "市", "group": "rural", "at": (5, 600)}, {"unknown_hours": "closed", "main": 1800}),
    (5, 6, 2, {"by": "省", "group": "urban", "capacity": True, "need_share": 1.0}, {"backup": 1}),
    (6, 4, 1, {"by": "县", "group": "age_60", "at": (0, 0), "capacity": True}, {"main": 1800}),
    (7, 4, 0, {"by": "县", "capacity": True}, {"target_share": 0.5, "compliance": (("县", 5430),)}),
)
WALKS: tuple[tuple[int, int, bool, str, dict[str, Any], dict[str, Any]], ...] = (
    (1, 3, False, "aed", {"by": "县", "group": "age_60", "capacity": True}, {}),
    (2, 4, True, "aed", {"by": "市", "at": (2, 1290)}, {"main": 300, "backup": 1}),
    (3, 3, True, "home", {"by": "乡镇", "capacity": True, "group": "rural"}, {"main": 1500}),
    (4, 2, False, "home", {"by": "网格", "at": (5, 600), "capacity": True}, {"detour": 1.0}),
)


def check(own: Own, *without: str) -> None:
    for code, hold in CHECKS.items():
        if code not in without:
            hold(own)


@pytest.mark.parametrize(("seed", "k", "sites", "asked", "standard"), GRIDS)
def test_grids_with_ties(
    seed: int, k: int, sites: int, asked: dict[str, Any], standard: dict[str, Any]
) -> None:
    """One-way roads, an island, cells without residents, sites on one point, all levels and groups."""
    check(grid_own(seed, k, sites, Question(**asked), **standard))


@pytest.mark.parametrize(("seed", "sites", "ways", "kind", "asked", "standard"), WALKS)
def test_walks(
    seed: int, sites: int, ways: bool, kind: Any, asked: dict[str, Any], standard: dict[str, Any]
) -> None:
    """Straight and along footpaths, by sub-cells."""
    own = walk_own(seed, sites, Question(**asked), ways=ways, kind=kind, **standard)
    check(own, "rules", *(["capacity"] if kind == "aed" else []))


@pytest.mark.parametrize("seed", [5])
def test_roads_with_shapes(seed: int) -> None:
    """Cells and sites that split edges, some far from every road."""
    own = road_own(seed, Question(by="县", at=(2, 600), capacity=True, need_share=0.05), backup=2)
    check(own, "equity" if seed < 0 else "")
    assert answer(own.a, "states")[0].frame["no_road"].sum() == 2**3 + 2**14


@pytest.mark.parametrize("limit", [7.5, 45])
def test_another_limit_by_road(limit: float) -> None:
    own = grid_own(8, 4, 3, Question(by="县", at=(0, 600), capacity=True), backup=1)
    check(replace(own, a=replace(own.a, standard=own.a.standard.at_limit(limit))))


@pytest.mark.parametrize("limit", [200])
def test_another_limit_on_foot(limit: float) -> None:
    """Also one below the standard's largest: no table answers for that instead."""
    own = walk_own(9, 3, Question(by="县"), ways=False)
    check(replace(own, a=replace(own.a, standard=own.a.standard.at_limit(limit))), "rules", "capacity")


# --- what was wrong once ---------------------------------------------------------------------------------


def three_nodes(question: Question, *, kind: Any = "warehouse", **columns: Any) -> Assessment:
    """4 x 4 nodes, sites at nodes 0, 1 and 15, ten minutes a road."""
    demand, network = gridworld.grid_demand(4), gridworld.grid_network(4)
    lon, lat = gridworld.at_nodes(network, [0, 1, 15])
    layer = gridworld.make_layer(kind, lon, lat, demand=demand, **columns)
    standard = replace(gridworld.drive_standard(need_share=0.01), kind=kind)
    return Assessment(Place(demand, gridworld.make_gazetteer(demand)), network, layer, standard, question)


def served(a: Assessment) -> int:
    return int(answer(a, "states")[0].frame["served"].sum())


def test_few_residents_are_not_served_by_empty_sites() -> None:
    """A cell whose share of the need is rounded to nobody counts only where a site has room for one more."""
    asked = Question(capacity=True)
    assert served(three_nodes(asked, capacity=[0.0, 0.0, 0.0])) == 0
    assert served(three_nodes(asked, capacity=[1e6, 0.0, 0.0])) == 1 + 2 + 16


def test_closed_sites_lend_no_capacity() -> None:
    """An open site without room and a closed one with room serve nobody."""
    night = Question(capacity=True, at=(0, 0))
    hours, capacity = ["24小时", "周一至周五 08:00-17:30", "24小时"], [0.0, 1e6, 0.0]
    table = answer(three_nodes(night, capacity=capacity, hours=hours), "states")[0].frame
    found = table[["served", "no_capacity", "closed_now"]].sum().tolist()
    assert found == [0, 1 + 2 + 16 + 2**11 + 2**14 + 2**15, 4 + 32]
    assert served(three_nodes(replace(night, at=(0, 600)), capacity=capacity, hours=hours)) == 1 + 2 + 4 + 32


def test_devices_are_no_persons() -> None:
    a = three_nodes(Question(capacity=True), kind="aed", capacity=[1.0, 1.0, 1.0])
    table = answer(a, "states")[0]
    assert table.frame["no_capacity"].sum() == 0
    assert any("没有计入容量" in note for note in table.notes)


def test_too_many_pairs_for_the_best_plan_cost_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the best plan for all cannot be found a note says so, and the nearest ones are told."""
    a = three_nodes(Question(capacity=True, optimal=True), capacity=[5.0, 5.0, 5.0])
    told = answer(a, "capacity")[0]
    assert any("统一调拨" in note for note in told.notes)
    small = replace(a)  # which computes anew
    monkeypatch.setitem(transport.best_assignment.__kwdefaults__, "most_pairs", 1)
    found = answer(small, "capacity")[0]
    pd.testing.assert_frame_equal(found.frame, told.frame)
    assert any("应不超过 1 个" in note for note in found.notes)


def test_groups_are_compared_by_one_supply() -> None:
    """Whichever group is looked at, the table of all groups shares the supply among all residents."""
    both = [answer(three_nodes(Question(group=group)), "equity")[0].frame for group in ("all", "age_65")]  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(*both)


# --- what follows from changes -----------------------------------------------------------------------------


def headline(a: Assessment) -> list[int]:
    """Residents within the limit, twice within it, and supplied."""
    twice = answer(a, "backup")[0].frame
    lack = answer(a, "capacity")[0].frame
    by_count = [int(twice.loc[twice["at_least"] == k, "served"].sum()) for k in (1, 2)]
    return [*by_count, int(lack["served"].sum())]


@pytest.mark.parametrize("seed", range(3))
def test_more_never_serves_fewer(seed: int) -> None:
    """A site more, a longer limit, more capacity."""
    a = grid_own(seed, 4, 4, Question(need_share=0.2)).a
    table = a.layer.table
    fewer = headline(replace(a, layer=replace(a.layer, table=table.iloc[:3].reset_index(drop=True))))
    now = headline(a)
    assert all(x <= y for x, y in zip(fewer, now, strict=True))
    longer = headline(replace(a, standard=a.standard.at_limit(15)))
    assert all(x <= y for x, y in zip(now[:2], longer[:2], strict=True))
    richer = headline(replace(a, layer=replace(a.layer, table=table.assign(capacity=table["capacity"] + 50))))
    assert richer[:2] == now[:2]
    assert richer[2] >= now[2]


def test_the_order_of_sites_does_not_matter() -> None:
    """But for ties: every table by zone is the same, those by site follow their ids."""
    a = grid_own(11, 4, 6, Question(by="县", need_share=0.2)).a
    turned = replace(a, layer=replace(a.layer, table=a.layer.table.iloc[::-1].reset_index(drop=True)))
    for code, name in (("bands", "分档"), ("backup", "几处可达"), ("backup", "远近"), ("access", "可达性"),
                       ("equity", "人群"), ("equity", "均衡"), ("hours", "时段"), ("rules", "时限达标"),
                       ("capacity", "分级补给"), ("capacity", "发运清单")):  # fmt: skip
        first, second = (
            next(table.frame for table in answer(each, code) if table.name == name) for each in (a, turned)
        )
        pd.testing.assert_frame_equal(first, second, obj=name)


def test_levels_add_up() -> None:
    """Residents and served of all five levels sum to the province's, with fractions of persons."""
    own = walk_own(3, 6, Question(capacity=True, need_share=0.3), ways=True, kind="home")
    for code, columns in (("states", assessmentworld.STATES), ("capacity", ("need", "served", "shortfall"))):
        sums = [
            answer(replace(own.a, question=replace(own.a.question, by=by)), code)[0]
            .frame[list(columns)]
            .sum()
            .tolist()
            for by in LEVELS
        ]
        assert sums.count(sums[0]) == 5, code


def test_own_townships() -> None:
    """The office's boundaries part the cells; those of a county without any are one zone."""
    a = three_nodes(Question(by="乡镇"))
    west, south = gridworld.WEST - 0.05, gridworld.SOUTH - 0.05
    shapes = [
        shapely.box(west, south, west + 0.1, south + 0.2),
        shapely.box(west + 0.1, south, west + 0.2, south + 0.2),
    ]
    table = gpd.GeoDataFrame(
        {"code": ["360101001", "360101002"], "name": ["西镇", "东镇"]}, geometry=shapes, crs=4326
    )
    own = replace(a, place=replace(a.place, townships=Townships(table, "乡镇.gpkg")))
    frame = answer(own, "states")[0].frame
    assert frame["residents"].tolist()[:2] == [1 + 16, 2 + 32]
    assert frame["served"].tolist()[:2] == [1 + 16, 2 + 32]
    assert frame["name"].tolist()[:2] == ["西镇", "东镇"]
    assert frame["county"].tolist() == ["甲县", "甲县", "乙县", "丙县", "丁县"]


def test_kept_cells_are_those_of_their_network_and_residents() -> None:
    """Two sets of residents, a changed network, two modes and many threads: never another one's answer."""
    network = gridworld.grid_network(4)
    standard = gridworld.drive_standard()
    demands = [gridworld.grid_demand(4), gridworld.grid_demand(4, residents=[1] * 16)]
    demands += [replace(demands[0], lon=demands[0].lon + 0.03)]
    slower = replace(network, centiseconds=network.centiseconds * 2)
    cut = replace(network, kind=np.full(16, 4, np.uint8), lon=network.lon + 0.02)
    worlds = [(n, d) for n in (network, slower, cut) for d in demands]
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [0, 9]), demand=demands[0])

    def costs(world: tuple[Any, Any]) -> list[int]:
        return build_matrix(world[1], world[0], layer, standard).cost.tolist()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(costs, worlds * 5))
    alone = []
    for n, d in worlds:
        meet._CELLS._found.clear()
        alone.append(costs((n, d)))
    assert found == alone * 5
    assert len({str(each) for each in alone}) > 5
