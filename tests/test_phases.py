"""Siting requests of scenarios: phases against brute force, hosts, budgets, relocations, every refusal."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gridworld
import numpy as np
import pandas as pd
import pytest
from boai.coverage import siting as models
from boai.coverage.measures import cover_layer
from boai.geodata.errors import InputError
from boai.geodata.layers import Layer
from boai.scenarios import placing
from boai.scenarios.cache import Cache
from boai.scenarios.candidates import settlements
from boai.scenarios.costs import Costs
from boai.scenarios.phases import MYOPIC, Covers, Placed, check_requests, place_sites
from boai.scenarios.requests import Siting
from boai.scenarios.schema import parse_scenario
from boai.scenarios.world import World
from tinyworld import drive_world, walk_world

K = 3


def asked(text: str) -> tuple[Siting, ...]:
    """Requests as a file writes them, one per line."""
    rows = "".join(f"  - {line.strip()}\n" for line in text.strip().splitlines())
    return parse_scenario(f"name: a\ntitle: 甲\nsiting:\n{rows}").siting


def placed(world: World, text: str, **more: Any) -> Placed:
    requests = asked(text)
    assert check_requests(world, requests) == []
    return place_sites(world, requests, covers=Covers(world), **more)


def reach(nodes: Sequence[int], k: int = K) -> set[int]:
    """Nodes within one road of some nodes of the grid."""
    near = set()
    for node in nodes:
        row, column = divmod(node, k)
        steps = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
        near |= {(row + r) * k + column + c for r, c in steps if 0 <= row + r < k and 0 <= column + c < k}
    return near


def nodes_of(world: World, table: pd.DataFrame) -> list[int]:
    away = (world.demand.lon - table["lon"].to_numpy(float)[:, None]) ** 2
    away = away + (world.demand.lat - table["lat"].to_numpy(float)[:, None]) ** 2
    return [int(node) for node in np.argmin(away, axis=1)]


def small(seed: int) -> tuple[World, np.ndarray, list[int]]:
    """Nine villages of 0 to 20 residents, one store, all candidates: (world, residents, its node)."""
    residents = np.random.default_rng(seed).integers(0, 21, K * K)
    return drive_world([seed % (K * K)], k=K, residents=residents), residents, [seed % (K * K)]


def every_order(free: Sequence[int], numbers: Sequence[int]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All ways to open at most so many of some nodes in each year."""
    if not numbers:
        yield ()
        return
    for count in range(numbers[0] + 1):
        for first in itertools.combinations(free, count):
            rest = [node for node in free if node not in first]
            for later in every_order(rest, numbers[1:]):
                yield (first, *later)


def covered(residents: np.ndarray, old: list[int], order: Sequence[Sequence[int]]) -> list[int]:
    ends = [list(itertools.chain(old, *order[: year + 1])) for year in range(len(order))]
    return [int(residents[sorted(reach(each))].sum()) for each in ends]


QUOTAS = {
    "": lambda world, sites: True,
    "quotas: {各县: -1}": lambda world, sites: max(np.bincount(world.demand.county[sites]), default=0) <= 1,
    "quotas: {西市: 1}": lambda world, sites: (world.demand.county[sites] >= 2).sum() >= 1,
    "quotas: {甲县: 1-1, 丁县: 0-0}": lambda world, sites: (
        (world.demand.county[sites] == 0).sum() == 1 and not (world.demand.county[sites] == 3).any()
    ),
}


@pytest.mark.parametrize("quota", QUOTAS)
@pytest.mark.parametrize("seed", [0, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 20))])
def test_both_orders_equal_brute_force(seed: int, quota: str) -> None:
    """All ways to open 1 and 1, or 2 and 1, sites beside the one that is there; with quotas and budgets."""
    world, residents, old = small(seed)
    # Places of the gazetteer at nodes: seats stand at the first cell of their county.
    free = sorted(set(nodes_of(world, pd.DataFrame(places_of(world)))))
    numbers = ((1, 1), (2, 1))[seed % 2]
    fits = [
        order
        for order in every_order(free, numbers)
        if QUOTAS[quota](world, [node for year in order for node in year])
    ]
    parts = [str(n) if seed % 4 < 2 else f"{{budget: {10 * n + 9}}}" for n in numbers]
    phases = f"{{2025: {parts[0]}, 2026: {parts[1]}}}"
    sums = [covered(residents, old, order) for order in fits]
    for planning in ("look_ahead", "myopic"):
        text = f"{{kind: warehouse, phases: {phases}, cost: 10, planning: {planning}, {quota}}}"
        found = placed(world, text)
        chosen = [
            nodes_of(world, found.sites[found.sites["year"] == year]) if len(found.sites) else []
            for year in (2025, 2026)
        ]
        assert QUOTAS[quota](world, [node for year in chosen for node in year])
        mine = covered(residents, old, chosen)
        rows = found.schedules.set_index(["order", "year"])
        assert rows.loc[planning, "covered"].tolist() == mine
        assert rows[rows["chosen"]].index.get_level_values("order").unique().tolist() == [planning]
        assert rows.loc["look_ahead", "covered"].sum() == max(map(sum, sums))
        best = max(each[0] for each in sums)
        assert rows.loc[("myopic", 2025), "covered"] == rows.loc[("myopic", 2025), "bound"] == best
        assert (rows["covered"] <= rows["bound"]).all()
        if planning == "myopic":
            then = [
                each[1] for order, each in zip(fits, sums, strict=True) if set(order[0]) == set(chosen[0])
            ]
            assert mine[1] == max(then)
        assert rows.loc[("final_first", 2026), "covered"] == max(each[1] for each in sums)
        (plan,) = found.plans
        assert plan["status"] == ("optimal" if sum(mine) == max(map(sum, sums)) else "feasible")
        assert plan["stopped"] == "" and plan["bound"] == max(map(sum, sums))
        if planning == "look_ahead":
            assert plan["objective"] == plan["bound"] == sum(mine)
        early = rows.loc[("look_ahead", 2025), "covered"] < rows.loc[("myopic", 2025), "covered"]
        told = "早年为以后让步" in "".join(found.notes)
        assert told == (bool(early) and planning == "look_ahead")


def places_of(world: World) -> dict[str, np.ndarray]:
    found = settlements(world, world.layers["warehouse"], seats_only=False)
    return {"lon": found.lon, "lat": found.lat}


def test_what_looking_ahead_costs_the_early_years_is_told() -> None:
    """The first of some random provinces in which looking ahead pays."""
    for seed in range(60):
        residents = np.random.default_rng(seed).integers(0, 9, 16)
        ahead = placed(
            drive_world(residents=residents), "{kind: warehouse, phases: {2025: 1, 2026: 1, 2027: 1}}"
        )
        rows = ahead.schedules.set_index(["order", "year"])["covered"]
        if rows["look_ahead"].sum() > rows["myopic"].sum():
            break
    early, late = (int(rows[("look_ahead", y)] - rows[("myopic", y)]) for y in (2025, 2027))
    assert early < 0 < late
    note = ahead.notes[0]
    assert f"2025 年少覆盖 {-early} 人" in note and f"2027 年多覆盖 {late} 人" in note
    assert "早年为以后让步" in note and "已证明最优" in note
    assert ahead.plans[0]["opened"] == 3


def test_requests_that_ask_to_look_ahead_are_planned_together() -> None:
    world = drive_world([0])
    apart = """{kind: warehouse, year: 2026, number: 2, planning: look_ahead, level: 县级, note: 乙}
        {kind: team, year: 2025, number: 1}
        {kind: warehouse, year: 2025, number: 1, planning: look_ahead, level: 市级, note: 甲}"""
    whole = "{kind: warehouse, phases: {2025: {number: 1, level: 市级}, 2026: {number: 2, level: 县级}}}"
    one, other = placed(world, apart), placed(world, whole)
    mine = one.sites[one.sites["kind"] == "warehouse"].drop(columns="request").reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, other.sites.drop(columns="request"))
    assert mine["level"].tolist() == ["市级", "县级", "县级"]
    assert one.plans[0]["note"] == "乙; 甲" and MYOPIC not in one.notes
    assert one.schedules["request"].unique().tolist() == [1]


def test_levels_go_to_the_sites_in_order_of_their_gains() -> None:
    world = drive_world()
    text = (
        "{kind: warehouse, level: 三级以上, phases: {2025: [{number: 2}, {number: 1, level: ''}], 2026: 1}}"
    )
    found = placed(world, text)
    assert found.sites["level"].tolist() == ["三级以上", "三级以上", "", "三级以上"]
    assert found.sites["id"].tolist() == [f"warehouse-plan-2025-0{i}" for i in (1, 2, 3)] + [
        "warehouse-plan-2026-01"
    ]
    nodes = nodes_of(world, found.sites)
    gains = np.diff([0, *(sum(2**each for each in reach(nodes[: i + 1], 4)) for i in range(4))])
    assert gains[0] >= gains[1] >= gains[2] > 0


def test_existing_sites_and_earlier_requests_stay() -> None:
    world = drive_world([0, 5], [10])
    text = """{kind: warehouse, year: 2026, number: 1, relocations: 2}
        {kind: warehouse, year: 2025, number: 1}
        {kind: warehouse, phases: {2027: 1, 2028: 1}}"""
    found = placed(world, text)
    table = found.layers["warehouse"].table
    first = found.sites[found.sites["request"] == 2]["id"].iloc[0]
    assert first in set(table["id"])  # what the scenario opened is not given up
    assert len(table) == 2 + len(found.sites) - len(found.given_up)
    assert set(found.given_up["id"]) <= {"warehouse-0", "warehouse-1"}
    assert found.layers["team"] is world.layers["team"]
    assert any(
        "排在" in note
        for note in placed(
            world,
            """{kind: warehouse, phases: {2025: 1, 2028: 1}}
        {kind: warehouse, year: 2026, number: 1}""",
        ).notes
    )


def test_sites_to_keep_are_never_given_up() -> None:
    """Two stores in the poorest corner: one would move, unless it is named or of the provincial level."""
    world = drive_world([0, 1])
    ask = "kind: warehouse, year: 2025, number: 1, relocations: 2"
    free = placed(world, f"{{{ask}}}")
    assert len(free.given_up) == 2 and len(free.sites) == 3
    assert free.plans[0]["closed"] == 2
    kept = placed(world, f"{{{ask}, keep: [warehouse-0]}}")
    assert kept.given_up["id"].tolist() == ["warehouse-1"] and "迁移: 省级站点和 keep" in "".join(kept.notes)
    table = world.layers["warehouse"].table.assign(level=["省级", "县级"])
    high = replace(world, layers={**world.layers, "warehouse": Layer("warehouse", table, True)})
    assert placed(high, f"{{{ask}}}").given_up["id"].tolist() == ["warehouse-1"]
    phased = placed(high, "{kind: warehouse, phases: {2025: 1, 2026: 1}, relocations: 2}")
    assert set(phased.given_up["id"]) <= {"warehouse-1"}
    assert set(phased.given_up["year"]) <= {2025, 2026}
    rows = phased.schedules[phased.schedules["chosen"]]
    assert len(phased.sites) == rows["opened"].sum() == 2 + len(phased.given_up)
    table = phased.layers["warehouse"].table
    assert rows["covered"].iloc[-1] == sum(2**node for node in reach(nodes_of(high, table), 4))


def test_no_site_is_given_up_for_nothing() -> None:
    """Everybody is reached: a store may move, but no new one needs its place."""
    residents = np.zeros(16, int)
    residents[0] = 5
    world = drive_world([0], residents=residents)
    for text in ("year: 2025, number: 1", "phases: {2025: 1, 2026: 1}"):
        assert placed(world, f"{{kind: warehouse, {text}, relocations: 1}}").given_up.empty


def venues(world: World, **columns: Any) -> pd.DataFrame:
    blank = dict.fromkeys(("county_code", "county", "city", "level", "host", "status"), "")
    n = len(columns["name"])
    ids = [f"s{i}" for i in range(n)]
    return pd.DataFrame(
        {"id": ids, **{name: [text] * n for name, text in blank.items()}, "year": np.nan, **columns}
    )


def test_host_venues_are_the_candidates() -> None:
    world = drive_world([0])
    lon, lat = gridworld.grid_lonlat(4)
    schools = venues(
        world,
        name=["甲县一小", "二小", "三小", "四小", "五小"],
        lon=[lon[0], lon[14], lon[13], np.nan, 120.0],
        lat=[lat[0], lat[14], lat[13], np.nan, 20.0],
        status=["已建", "已建", "停用", "", ""],
    )
    parks = venues(world, name=["高新区"], lon=[lon[15]], lat=[lat[15]])
    own = replace(world, resources={"school": schools, "park": parks})
    found = placed(own, "{kind: warehouse, year: 2025, number: 2, hosts: [学校, 工业园]}")
    # Node 14 reaches more than node 15; the first school holds the store that is there.
    assert found.sites["name"].tolist() == ["丁县二小(建议)", "丁县高新区(建议)"]
    assert found.sites["host"].tolist() == ["二小", "高新区"]
    assert found.layers["warehouse"].table["host"].tolist()[-2:] == ["二小", "高新区"]
    told = "".join(found.notes)
    assert all(part in told for part in ("1 处没有坐标", "1 处不在省内", "1 处停用或未建成", "1 处已有站点"))
    assert found.plans[0]["candidates"] == 2
    more = asked("{kind: warehouse, year: 2025, number: 3, hosts: [school, park]}")
    with pytest.raises(InputError, match="要求开设 3 个, 可选的候选点只有 2 个"):
        place_sites(own, more, covers=Covers(own))


def test_an_aed_hangs_in_any_public_place() -> None:
    world = walk_world([3])
    lon, lat = world.demand.lon[[5, 9]], world.demand.lat[[5, 9]]
    own = replace(world, resources={"hospital": venues(world, name=["中医院", "人民医院"], lon=lon, lat=lat)})
    found = placed(own, "{kind: aed, phases: {2025: 1, 2026: 1}, hosts: [公共场所]}")
    assert sorted(found.sites["host"]) == ["中医院", "人民医院"]
    assert not found.sites["name"].str.contains("示意").any()
    (problem,) = check_requests(own, asked("{kind: home, year: 2025, number: 1, hosts: [公共场所]}"))
    assert (problem.where, problem.what) == ("siting 第1项.hosts", "没有这种候选场所")


def test_budgets_pay_sites_at_the_price_of_their_level() -> None:
    world, costs = drive_world(), Costs(open={"warehouse": {"市级": 100, "其他": 30}})
    text = "{kind: warehouse, year: 2025, budget: 100}"
    found = placed(world, text, costs=costs)
    assert len(found.sites) == found.plans[0]["p"] == 3
    assert found.plans[0]["note"] == "预算 100 万元, 每处 30 万元, 可设 3 处"
    assert len(placed(world, text.replace("}", ", level: 市级}"), costs=costs).sites) == 1
    assert len(placed(world, text.replace("}", ", cost: 50}"), costs=costs).sites) == 2
    assert placed(world, text.replace("}", ", cost: 50}"), costs=costs).sites["cost"].tolist() == [50.0, 50.0]
    same = placed(world, "{kind: warehouse, year: 2025, number: 3}", costs=costs)
    assert same.sites["id"].tolist() == found.sites["id"].tolist() and same.sites["cost"].isna().all()
    # More money than candidates is no mistake; more sites than candidates are.
    rich = placed(
        world, "{kind: warehouse, year: 2025, budget: 1000000, model: backup, candidates: seats}", costs=costs
    )
    assert len(rich.sites) == 4
    for wrong, part in (
        ("budget: 20", "不够新设一处"),
        ("budget: 20, level: 市级", "市级"),
        ("budget: 1, cost: 0", "为 0"),
    ):
        (problem,) = check_requests(world, asked(f"{{kind: warehouse, year: 2025, {wrong}}}"), costs)
        assert problem.where == "siting 第1项.budget" and part in str(problem)
    (problem,) = check_requests(world, asked("{kind: team, phases: {2025: {budget: 5}}}"), costs)
    assert problem.where == "siting 第1项.phases.2025.budget" and "不知道新设一处救援队的价格" in str(problem)


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 12))])
def test_every_model_is_answered(seed: int) -> None:
    """Few seats: all sets of new sites, measured by first principles."""
    world, residents, old = small(seed)
    seats = settlements(world, world.layers["warehouse"], seats_only=True)
    free = nodes_of(world, pd.DataFrame({"lon": seats.lon, "lat": seats.lat}))
    total = int(residents.sum())
    row, column = np.divmod(np.arange(K * K), K)
    steps = np.abs(row[:, None] - row) + np.abs(column[:, None] - column)

    def worth(model: str, sites: list[int]) -> float:
        count = (steps[:, sites] <= 1).sum(axis=1)
        ways = steps[:, sites].min(axis=1) * 60_000
        values = {
            "mclp": residents[count > 0].sum() - residents[(steps[:, old] <= 1).any(axis=1)].sum(),
            "backup": 0.5 * residents[count > 0].sum() + 0.5 * residents[count > 1].sum(),
            "expected": (residents * (1 - 0.25**count)).sum(),
            "p-median": -(residents * ways).sum(),
            "p-center": -ways[residents > 0].max(),
        }
        return float(values[model])

    for model in ("mclp", "backup", "expected", "p-median", "p-center"):
        more = ", failure: 25" if model == "expected" else ""
        found = placed(
            world, f"{{kind: warehouse, year: 2025, number: 2, model: {model}, candidates: seats{more}}}"
        )
        best = max(
            worth(model, [*old, *some]) for count in range(3) for some in itertools.combinations(free, count)
        )
        (plan,) = found.plans
        assert abs(plan["objective"]) == pytest.approx(abs(best)) and plan["status"] == "optimal"
        assert worth(model, [*old, *nodes_of(world, found.sites)]) == pytest.approx(best)
        assert (plan["rule"], plan["opened"]) == (model, len(found.sites))
    every = [[*old, *some] for n in range(5) for some in itertools.combinations(free, n)]
    reached = {tuple(each): int(residents[sorted(reach(each))].sum()) for each in every}
    most = max(reached.values())
    for model, needed in (("lscp", most), ("partial", np.ceil(0.6 * total))):
        share = ", share: 60" if model == "partial" else ""
        text = f"{{kind: warehouse, year: 2025, model: {model}, candidates: seats{share}}}"
        if needed > most:
            with pytest.raises(InputError, match="达不到要求"):
                placed(world, text)
            continue
        found = placed(world, text)
        fewest = min(len(each) for each, count in reached.items() if count >= needed)
        assert found.plans[0]["objective"] == fewest == len(found.sites) + 1
        assert found.plans[0]["p"] == found.plans[0]["opened"] == len(found.sites)


def test_the_same_input_gives_the_same_sites_with_and_without_what_is_known() -> None:
    world = walk_world([3], [9])
    text = """{kind: aed, phases: {2025: 4, 2026: 3}}
        {kind: home, year: 2026, number: 2, planning: look_ahead}
        {kind: home, year: 2025, number: 1, planning: look_ahead}"""
    cache = Cache()
    first = place_sites(world, asked(text), covers=Covers(world, cache=cache), cache=cache)
    again = place_sites(world, asked(text), covers=Covers(world, cache=cache), cache=cache)
    fresh = place_sites(world, asked(text), covers=Covers(world))
    for other in (again, fresh):
        for name in ("sites", "given_up", "schedules"):
            pd.testing.assert_frame_equal(getattr(first, name), getattr(other, name))
        assert first.notes == other.notes
        rows = [[{**plan, "seconds": 0} for plan in one.plans] for one in (first, other)]
        assert rows[0] == rows[1]
    assert cache.reused["pairs"] and cache.reused["cover"]


def test_a_known_answer_is_not_that_of_other_sites_that_stay() -> None:
    """The same stores, one of them opened by the scenario itself: it may not move."""
    cache, world = Cache(), drive_world([0, 1])
    table = world.layers["warehouse"].table.assign(status=["规划", ""])
    other = replace(world, layers={**world.layers, "warehouse": Layer("warehouse", table, True)})
    requests = asked("{kind: warehouse, year: 2025, number: 1, relocations: 1}")
    for each in (world, other):
        known = place_sites(each, requests, covers=Covers(each, cache=cache), cache=cache)
        fresh = place_sites(each, requests, covers=Covers(each))
        assert known.given_up["id"].tolist() == fresh.given_up["id"].tolist()
    assert "warehouse-0" not in known.given_up["id"].tolist()


def test_other_sites_share_the_ways_of_the_candidates() -> None:
    """A store more, at a settlement: its ways are new, those of the candidates are not."""
    cache, text = Cache(), "{kind: warehouse, year: 2025, number: 2}"
    for stores in ([0], [0, 6]):
        world = drive_world(stores)
        known = place_sites(world, asked(text), covers=Covers(world), cache=cache)
        pd.testing.assert_frame_equal(known.sites, placed(world, text).sites)
    assert (cache.computed["pairs"], cache.reused["pairs"]) == (3, 1)


def test_covers_from_the_cache_are_those_of_the_layer() -> None:
    world, cache = drive_world([0, 5]), Cache()
    one, other = Covers(world, cache=cache), Covers(world, cache=cache)
    layer = world.layers["warehouse"]
    again = Layer("warehouse", layer.table.assign(capacity=7.0), True)
    want = cover_layer(world.demand, world.network, layer, world.standards["warehouse"])
    for cover in (one.of(layer), other.of(again)):
        assert cover.standard == want.standard
        for name in ("share", "nearest", "cost"):
            assert getattr(cover, name).tobytes() == getattr(want, name).tobytes()
    assert cache.computed["cover"] == 1
    slower = replace(world, network=replace(world.network, centiseconds=world.network.centiseconds * 2))
    assert Covers(slower, cache=cache).of(layer).share.sum() < want.share.sum()
    assert cache.computed["cover"] == 2


def test_an_interruption_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models give the best plan so far at Ctrl-C; a scenario must not keep that as its result."""
    real, before = models.mclp, signal.getsignal(signal.SIGINT)

    def interrupted(*some: Any, **more: Any) -> Any:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        return real(*some, **more)

    monkeypatch.setattr(models, "mclp", interrupted)
    with pytest.raises(KeyboardInterrupt):
        placed(drive_world(), "{kind: warehouse, year: 2025, number: 1}")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_search_that_the_clock_ends_says_so() -> None:
    residents = np.random.default_rng(1).integers(1, 99, 64)
    world = drive_world(k=8, residents=residents)
    found = place_sites(
        world, asked("{kind: warehouse, phases: {2025: 5, 2026: 5}}"), covers=Covers(world), time_limit_s=0.0
    )
    (plan,) = found.plans
    assert plan["stopped"] == ("限时" if plan["status"] == "feasible" else "")
    assert plan["status"] == "feasible" and plan["bound"] >= plan["objective"]
    assert "未证明最优: 各年合计最多再多" in "".join(found.notes)


def test_too_many_ways_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "MOST_WAYS", 300)
    text = "{kind: warehouse, year: 2025, model: p-median, number: 1, candidates: settlements}"
    with pytest.raises(InputError, match="路程类模型最多比较 300 条路程, 这里有 320 条") as error:
        placed(drive_world(), text)
    assert error.value.problems[0].where == "siting 第1项.candidates"
    assert len(placed(drive_world(), text.replace("settlements", "seats")).sites) == 1


ONE = "kind: warehouse, year: 2025"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("kind: warehouse, number: 1", "应写明 year"),
        (ONE, "应写明 number (新增几处) 或 budget (预算)"),
        (f"{ONE}, number: 1, budget: 5", "只能写一个"),
        (f"{ONE}, number: 1, share: 5", "不写 share"),
        (f"{ONE}, model: lscp, number: 1", "lscp 时不写 number"),
        (f"{ONE}, model: lscp, share: 3", "lscp 时不写 share"),
        (f"{ONE}, model: partial", "应写明 share"),
        (f"{ONE}, model: partial, share: 5, number: 1", "只写 share"),
        (f"{ONE}, model: partial, share: 101", "应不大于 100"),
        (f"{ONE}, model: backup, number: 1, failure: 5", "只用于 model: expected"),
        (f"{ONE}, model: p-median, number: 1, limit: 10", "不写 limit"),
        (f"{ONE}, model: mclpp, number: 1", "不在可选的值之中"),
        (f"{ONE}, rule: each_county, number: 1", "不写 number"),
        (f"{ONE}, rule: each_city, model: mclp, limit: 3", "不写 limit、model"),
        (f"{ONE}, rule: each_city, hosts: [学校]", "不写 hosts"),
        (f"{ONE}, number: 1, hosts: [学校], candidates: seats", "只能写一个"),
        (f"{ONE}, number: 1, keep: [a]", "keep 只在写了 relocations"),
        (f"{ONE}, budget: 1, relocations: 1", "不能同写"),
        ("kind: warehouse, phases: {2025: {budget: 1}}, relocations: 1", "不能同写"),
        (f"{ONE}, phases: {{2025: 1}}", "不写 year"),
        ("kind: warehouse, number: 1, phases: {2025: 1}", "不写 number"),
        ("kind: warehouse, model: backup, phases: {2025: 1}", "phases 只用于 model: mclp"),
        ("kind: warehouse, rule: each_city, phases: {2025: 1}", "不写 phases"),
        ("kind: warehouse, phases: {2025: 1, 2026: {budget: 3}}", "应都写 number, 或都写 budget"),
        ("kind: warehouse, phases: {2025: {level: 市级}}", "应恰好写 number、budget 之一"),
        ("kind: warehouse, phases: {2025: []}", "phases"),
        ("kind: warehouse, phases: {1999: 1}", "phases"),
        ("kind: warehouse, phases: {}", "phases"),
        ("kind: warehouse, phases: {2025: true}", "phases"),
        (f"{ONE}, model: backup, number: 1, planning: look_ahead", "planning 只用于"),
        (f"{ONE}, number: 1, quotas: {{甲县: 2-1}}", "上限小于下限"),
        (f"{ONE}, number: 1, quotas: {{甲县: 很多}}", "至少-至多"),
        (f"{ONE}, number: 1, quotas: {{甲县: 1.5}}", "quotas"),
        (f"{ONE}, number: 1, spacing_km: 0", "spacing_km"),
        (f"{ONE}, number: true", "应为整数"),
        (f"{ONE}, number: 0", "number"),
        (f"{ONE}, number: 1, hosts: []", "hosts"),
        (f"{ONE}, number: 1, cost: -1", "cost"),
        (f"{ONE}, number: 1, cost: .inf", "cost"),
        (f"{ONE}, number: 1, relocation: 1", "relocations"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, part: str) -> None:
    with pytest.raises(InputError) as error:
        asked(f"{{{text}}}")
    assert any(part in str(problem) for problem in error.value.problems)
    assert all("siting 第1项" in problem.where for problem in error.value.problems)


def test_what_does_not_fit_the_world_is_told_together() -> None:
    world = drive_world([0])
    aed = walk_world()
    requests = asked(
        """{kind: warehouse, year: 2025, number: 1, limit: 11, quotas: {某某市: 1, 镇3: 1}}
        {kind: aed, year: 2025, number: 1}
        {kind: team, year: 2025, number: 1, relocations: 1}
        {kind: warehouse, year: 2025, number: 1, relocations: 1, keep: [x, warehouse-0]}
        {kind: warehouse, year: 2025, number: 1, hosts: [月亮, 备灾仓库]}
        {kind: warehouse, year: 2025, number: 1, hosts: [学校]}"""
    )
    found = check_requests(world, requests)
    assert [problem.where for problem in found] == [
        "siting 第1项.limit",
        "siting 第1项.quotas",
        "siting 第1项.quotas",
        "siting 第2项",
        "siting 第3项.relocations",
        "siting 第4项.keep",
        "siting 第5项.hosts",
        "siting 第5项.hosts",
        "siting 第6项.hosts",
    ]
    assert found[5].got == "x" and "登记里没有" in found[-1].what
    (walk,) = check_requests(aed, asked("{kind: aed, year: 2025, number: 1, model: p-center}"))
    assert walk.where == "siting 第1项.model" and "不能用路程类模型" in walk.what


def test_the_year_by_year_order_is_not_called_the_best_of_all_years() -> None:
    for seed in range(60):
        world = drive_world(residents=np.random.default_rng(seed).integers(0, 9, 16))
        found = placed(world, "{kind: warehouse, phases: {2025: 1, 2026: 1, 2027: 1}, planning: myopic}")
        rows = found.schedules.groupby("order")["covered"].sum()
        more = int(rows["look_ahead"] - rows["myopic"])
        if more:
            break
    (plan,) = found.plans
    assert (plan["status"], plan["stopped"]) == ("feasible", "") and plan["gap"] > 0
    assert plan["note"] == f"按要求逐年依次安排; 各年合起来安排合计可多 {more} 人次"


def test_spacing_beside_sites_none_of_which_may_move() -> None:
    """Relocation is asked for, but the only site has to stay: candidates keep their distance from it."""
    for phases in ("year: 2025, number: 2", "phases: {2025: 1, 2026: 1}"):
        text = f"{{kind: warehouse, {phases}, spacing_km: 15, relocations: 1, keep: [warehouse-0]}}"
        found = placed(drive_world([0]), text)
        assert len(found.sites) == 2 and not len(found.given_up)
        assert not {0, 1, 4} & set(nodes_of(drive_world(), found.sites))


def test_a_quota_of_every_county_holds_for_counties_without_a_candidate() -> None:
    world = drive_world()
    lon, lat = gridworld.grid_lonlat(4)
    schools = venues(world, name=["一小", "二小"], lon=lon[[0, 15]], lat=lat[[0, 15]], status=["", ""])
    own = replace(world, resources={"school": schools})
    for unit, told in (("各县", "乙县"), ("各市", "")):
        text = f"{{kind: warehouse, year: 2025, number: 2, hosts: [学校], quotas: {{{unit}: 1}}}}"
        if not told:
            assert len(placed(own, text).sites) == 2
            continue
        with pytest.raises(InputError, match=f"{told}要求至少 1 处, 可选的候选点只有 0 个"):
            placed(own, text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("phases: {2025: 9, 2026: 90}", "要求开设 99 个, 可选的候选点只有 19 个"),
        (
            "year: 2025, number: 2, model: p-median, candidates: seats, quotas: {甲县: 3}",
            "甲县新设要求至少 3 处",
        ),
        ("phases: {2025: 1, 2026: 1}, quotas: {甲县: 3}", "甲县新设至少 3 处"),
        (
            "year: 2025, number: 4, spacing_km: 500",
            "可选的候选点只有 0 个 (另有 19 个离现有站点不到 500 公里)",
        ),
        ("year: 2025, number: 2, quotas: {乙县: 2}, spacing_km: 20", "站点间距 (spacing_km)"),
    ],
)
def test_what_cannot_be_met_is_told_with_its_reason(text: str, part: str) -> None:
    with pytest.raises(InputError) as error:
        placed(drive_world([0]), f"{{kind: warehouse, {text}}}")
    (problem,) = error.value.problems
    assert problem.where == "siting 第1项" and part in problem.what
