"""`boai plan`: every model on the demo's world, held against counts made from the reach alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tinyspace
from boai.app import cli, planning
from boai.app.runs import run_many
from boai.coverage.measures import cover_layer
from boai.coverage.reach import candidate_reach_drive
from boai.coverage.siting.rules import broken
from boai.geodata.crs import haversine_m
from boai.geodata.errors import InputError
from boai.geodata.layers import Layer
from boai.scenarios import placed
from boai.scenarios.phases import Covers
from boai.scenarios.placing import Ask, UnitQuota, rules_of, set_up
from boai.scenarios.schema import load_scenario
from tinyworld import drive_world


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def placed_at(world, ask: Ask, **more) -> placed.Placement:
    return placed.place(world, ask, say=lambda _: None, **more)


def served(world, kind: str, found: placed.Placement) -> float:
    """Residents within the main limit of all sites of a plan, by the code that makes the maps."""
    rows = sorted(found.plan.sites)
    layer = found.board.layer
    some = Layer(layer.kind, layer.table.iloc[rows].reset_index(drop=True), layer.example)
    standard = world.standards[kind]
    cover = cover_layer(world.demand, world.roads(standard), some, standard)
    return float(world.demand.residents @ cover.main_share)


def test_the_most_residents_as_the_maps_count_them(world) -> None:
    found = placed_at(world, Ask("home", number=3))
    assert found.plan.status == "optimal"
    assert found.plan.objective == pytest.approx(served(world, "home", found), rel=1e-9)
    now = float(world.demand.residents @ Covers(world, world.standards).of(world.layers["home"]).main_share)
    assert found.sites["cumulative"].iloc[-1] == pytest.approx(found.plan.objective - now, abs=1)
    assert found.sites["rank"].tolist() == [1, 2, 3]
    assert (found.sites["sole"] <= found.sites["gain"]).all()
    assert "已证明最优, 没有更好的方案" in found.sentences[0]


def test_the_next_best_replacement_is_the_second_best_plan(world) -> None:
    found = placed_at(world, Ask("warehouse", number=1, others=1))
    assert found.others["changed"].iloc[0] == "(本方案)"
    assert found.others["fewer"].tolist() == [0, found.sites["loss"].iloc[0]]
    assert found.sites["other"].iloc[0] in found.others["changed"].iloc[1]
    # An independent count: no candidate brings more alone than the one that is chosen.
    board, covers = found.board, Covers(world, world.standards)
    standard, places = world.standards["warehouse"], board.places
    share = covers.of(world.layers["warehouse"]).share[:, standard.limits.index(board.limit)]
    reach = candidate_reach_drive(
        world.network, world.demand, places.lon, places.lat, standard, limit=board.limit, covered=share
    )
    residents = np.repeat(reach.weight, np.diff(reach.indptr))
    alone = np.bincount(reach.indices, residents, minlength=len(board.places))
    assert np.sort(alone)[-2:].tolist() == [
        found.sites["gain"].iloc[0] - found.sites["loss"].iloc[0],
        found.sites["gain"].iloc[0],
    ]


@pytest.mark.slow
def test_quotas_spacing_and_relocation_hold(world) -> None:
    ask = Ask(
        "warehouse",
        number=4,
        quotas=(UnitQuota("各市", 0, 1), UnitQuota("修水", 1)),
        spacing_km=40.0,
        relocations=2,
    )
    found = placed_at(world, ask)
    old = found.board.n_existing
    assert found.sites["city"].value_counts().max() == 1
    assert "修水县" in set(found.sites["county"])
    assert len(found.given_up) <= 2 and len(found.plan.sites) == old + 4
    assert len(found.sites) == 4 + len(found.given_up)
    table = found.board.layer.table.iloc[sorted(found.plan.sites)]
    lon, lat = table["lon"].to_numpy(float), table["lat"].to_numpy(float)
    apart = haversine_m(lon[:, None], lat[:, None], lon, lat)
    new = np.flatnonzero(np.array(sorted(found.plan.sites)) >= old)
    apart[np.arange(len(lon)), np.arange(len(lon))] = np.inf
    assert apart[new].min() >= 40_000
    assert found.plan.objective == pytest.approx(served(world, "warehouse", found))
    free = placed_at(world, Ask("warehouse", number=4, relocations=2))
    assert free.plan.objective >= found.plan.objective
    assert ("迁移: 撤去" in "".join(free.sentences)) == (len(free.given_up) > 0)


@pytest.mark.slow
def test_a_share_takes_the_fewest_sites(world) -> None:
    found = placed_at(world, Ask("team", model="partial", share=0.93))
    assert found.plan.status == "optimal"
    assert served(world, "team", found) >= 0.93 * world.demand.residents.sum()
    fewer = placed_at(world, Ask("team", number=len(found.sites) - 1))
    assert fewer.plan.bound < 0.93 * world.demand.residents.sum()


def test_all_that_can_be_covered(world) -> None:
    found = placed_at(world, Ask("team", model="lscp"))
    board = found.board
    reached = np.diff(board.matrix.indptr) > 0
    assert served(world, "team", found) == board.weight[reached].sum()
    lost = board.residents - board.weight[reached].sum()
    assert f"任何候选点都覆盖不到的居民 {lost:,.0f} 人" in "".join(found.sentences)
    assert "处居民" not in "".join(found.sentences)


def test_without_any_site_there_is_no_way_to_one(world) -> None:
    empty = Layer("warehouse", world.layers["warehouse"].table.iloc[:0].reset_index(drop=True), False)
    bare = replace(world, layers={**world.layers, "warehouse": empty})
    found = placed_at(bare, Ask("warehouse", model="p-center", number=1))
    assert "现状: 没有站点; 方案: 平均" in "".join(found.sentences)


@pytest.mark.parametrize("model", ["p-median", "p-center"])
def test_ways_get_shorter(model: str) -> None:
    _ways_get_shorter(drive_world([0, 5]), model)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["p-median", "p-center"])
def test_ways_get_shorter_in_the_province(world, model: str) -> None:
    _ways_get_shorter(world, model)


def _ways_get_shorter(world, model: str) -> None:
    found = placed_at(world, Ask("warehouse", model=model, number=2))
    assert found.plan.status == "optimal"
    matrix = found.board.matrix
    chosen = np.isin(matrix.site, found.plan.sites)
    least = np.full(matrix.n_rows, np.inf)
    np.minimum.at(least, matrix.rows()[chosen], matrix.cost[chosen])
    there = np.diff(matrix.indptr) > 0
    weight = found.board.weight[there]
    total = {"p-median": (least[there] * weight).sum(), "p-center": least[there][weight > 0].max()}
    assert found.plan.objective == total[model]
    assert "gain" not in found.sites
    assert "平均" in "".join(found.sentences)


@pytest.mark.parametrize("model", ["expected", pytest.param("backup", marks=pytest.mark.slow)])
def test_the_failure_of_sites_is_counted(world, model: str) -> None:
    failure = 0.3 if model == "expected" else None
    found = placed_at(world, Ask("warehouse", model=model, number=2, failure=failure))
    indptr, site = found.board.matrix.indptr, found.board.matrix.site
    hits = np.r_[0, np.cumsum(np.isin(site, found.plan.sites))]
    count = hits[indptr[1:]] - hits[indptr[:-1]]
    worth = {"expected": 1 - 0.3**count, "backup": 0.5 * (count >= 1) + 0.5 * (count >= 2)}
    assert found.plan.objective == pytest.approx((found.board.weight * worth[model]).sum(), rel=1e-9)
    assert found.plan.objective <= found.plan.bound * (1 + 1e-12)
    # What the new sites add, one after the other, is the difference to the sites that are there.
    old = found.board.existing
    hits = np.r_[0, np.cumsum(np.isin(site, old))]
    had = hits[indptr[1:]] - hits[indptr[:-1]]
    now = (found.board.weight * worth[model]).sum()
    before = {"expected": 1 - 0.3**had, "backup": 0.5 * (had >= 1) + 0.5 * (had >= 2)}[model]
    added = now - (found.board.weight * before).sum()
    table = found.sites
    assert "loss" not in table  # a replacement by another measure would be wrong
    if model == "backup":
        assert (table["gain"].sum() + table["twice"].sum()) / 2 == pytest.approx(added, abs=2)
        assert "其中有两处可达的" in "".join(found.sentences)
    else:
        assert table["mean"].sum() == pytest.approx(added, abs=2)
        assert "每处有 30 % 的可能失效" in "".join(found.sentences)


def test_replacements_keep_the_rules(world) -> None:
    quotas = (UnitQuota("各市", 0, 1), UnitQuota("九江", 1))
    ask = Ask("warehouse", number=4, quotas=quotas, spacing_km=30.0)
    board = set_up(world, ask, distances=False, progress=lambda _: None)
    rules, forbidden = rules_of(world, ask, board)
    found = placed_at(world, ask)
    names = board.layer.table["name"].astype(str).tolist()
    closed = {*found.plan.sites, *forbidden}
    new = [site for site in found.plan.sites if site >= board.n_existing]
    for row in found.sites.to_dict("records"):
        site = next(one for one in new if names[one] == row["name"])
        rest = set(found.plan.sites) - {site}
        kept = [one for one in range(board.n_all) if one not in closed and not broken(rules, rest | {one})]
        assert (row["other"] != "") == bool(kept)
        if kept:
            assert row["other"] in {names[one] for one in kept}
        inside = placed.admitted(rules, rest, board.n_all)
        assert [one for one in np.flatnonzero(inside).tolist() if one not in closed] == kept


def test_the_words_say_what_is_not_proven(world) -> None:
    found = placed_at(world, Ask("team", number=30, time_limit_s=0.0))
    assert found.plan.status == "feasible"
    assert "未证明最优, 最好的方案至多再多" in found.sentences[0]


@pytest.mark.parametrize("command", [["plan"], ["siting", "solve"]])
def test_the_help_is_whole_at_80_columns(capsys, monkeypatch, command: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run(capsys, *command, "--help")
    assert (code, "…" in out) == (0, False)


def test_a_plan_becomes_a_scenario(capsys, tmp_path: Path) -> None:
    file, folder, root = tmp_path / "two_stores.yaml", tmp_path / "tables", tmp_path / "w"
    tinyspace.make(root, network=tinyspace.approximate_roads())
    run_many(root, ["baseline"])  # then the comparison has one to run, which needs no process
    where = ["-w", str(root)]
    ask = ["plan", "备灾仓库", "-n", "2", "--relocate", "1", "--scenario", str(file), "--out", str(folder)]
    code, out, _ = run(capsys, *ask, "--json", *where)
    found = json.loads(out)
    assert code == 0
    scenario = load_scenario(str(file))
    assert [change.open.name for change in scenario.changes if change.open] == [
        row["name"] for row in found["sites"]
    ]
    assert [change.close.id for change in scenario.changes if change.close] == [
        row["id"] for row in found["given_up"]
    ]
    compared = json.loads(run(capsys, "compare", str(file), "--json", *where)[1])["rows"]
    rows = [row for row in compared if row["kind"] == "warehouse" and row["main"]]
    after = {row["scenario"]: row["served"] for row in rows}["two_stores"]
    assert after == pytest.approx(found["plan"]["objective"], abs=1)
    assert (folder / "选址.xlsx").exists()
    text = (folder / "选址_新站点.csv").read_text("utf-8-sig")
    assert "替代" in text.splitlines()[0] and "示例数据、近似路网" in text
    code, _, err = run(capsys, *ask, *where)
    assert (code, "已存在, 没有写出" in err) == (1, True)


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        (["--model", "mclpp"], ["没有这个模型"]),
        (["--model", "partial"], ["--share"]),
        (["--model", "lscp", "-n", "3"], ["不用 --number"]),
        (["--model", "partial", "--share", "99.99"], ["做不到覆盖 99.99 % 的居民", "最多覆盖"]),
        (["--share", "101"], ["应在 0 到 100"]),
        (["--limit", "nan", "--spacing", "-1"], ["--limit", "--spacing"]),
        (["--quota", "赣州=3-1"], ["上限小于下限"]),
        (["--quota", "赣州"], ["应为 单位=至少-至多"]),
        (["--quota", "某某市=1", "--quota", "=;rm=1"], ["某某市"]),
        (["--quota", "黄坳乡=1"], ["应是设区市或县区"]),
        (["--quota", "赣州=2", "--quota", "九江=2"], ["赣州市新设至少 2 处", "九江市新设至少 2 处", "共需"]),
        (["-n", "60", "--candidates", "seats"], ["候选点只有", "要新增 60 处"]),
        (["--failure", "20"], ["不用 --failure"]),
        (["--model", "p-median", "--limit", "30"], ["不用 --limit"]),
        (["--model", "backup", "--others", "2"], ["不用 --others"]),
        (["--others", "2", "--relocate", "1"], ["不能列出其他方案"]),
        (["--year", "2030"], ["没有 --scenario"]),
        (["--candidates", "moon"], ["没有这种候选点"]),
        (["--scenario", "../Bad Name.yaml"], ["方案文件的名称"]),
        (["--scenario", "/none/there/x.yaml"], ["文件夹不存在"]),
    ],
)
def test_wrong_requests(capsys, workspace_folder: Path, more: list[str], parts: list[str]) -> None:
    code, out, err = run(capsys, "plan", "warehouse", *more, "-w", str(workspace_folder))
    assert (code, out) == (1, "")
    assert all(part in err for part in parts), err
    assert "Traceback" not in err


def test_ways_from_every_settlement_are_refused_before_they_are_made(capsys, workspace_folder: Path) -> None:
    more = ["--model", "p-median", "--candidates", "settlements", "--time-limit", "1"]
    code, out, err = run(capsys, "plan", "warehouse", *more, "-w", str(workspace_folder))
    assert (code, out) == (1, "")
    assert "路程类模型最多比较 15,000,000 条路程" in err and "县城 (seats)" in err


def test_provincial_and_named_sites_are_not_moved() -> None:
    """Four stores at one place, one of them provincial: three may move."""
    world = drive_world([0, 0, 0, 0])
    layer = world.layers["warehouse"]
    table = layer.table.assign(level=["省级", "县级", "县级", "县级"])
    world = replace(world, layers={**world.layers, "warehouse": replace(layer, table=table)})
    found = placed_at(world, Ask("warehouse", number=1, relocations=4))
    moved = set(found.given_up["id"])
    assert moved == {"warehouse-1", "warehouse-2", "warehouse-3"}
    assert "省级站点 1 处不迁移。" in found.sentences
    again = placed_at(world, Ask("warehouse", number=1, relocations=4, keep=("warehouse-1", "warehouse-3")))
    assert set(again.given_up["id"]) == {"warehouse-2"}
    assert any("和指定的站点" in text for text in again.sentences)


def test_models_of_ways_are_refused_on_foot(capsys, workspace_folder: Path) -> None:
    code, _, err = run(capsys, "plan", "aed", "--model", "p-median", "-w", str(workspace_folder))
    assert (code, "不能用路程类模型" in err) == (1, True)


def test_every_wrong_option_is_told_at_once() -> None:
    wanted = planning.Wanted("warehouse", share=200, spacing=0, quotas=("x",), candidates="y")
    with pytest.raises(InputError) as error:
        planning.ask_of(wanted)
    assert len(error.value.problems) == 4


def test_spacing_leaves_existing_sites_that_stand_too_close(world) -> None:
    for relocations in (0, 1):
        ask = Ask("warehouse", number=1, spacing_km=60.0, relocations=relocations)
        board = set_up(world, ask, distances=False, progress=lambda _: None)
        rules, forbidden = rules_of(world, ask, board)
        old = board.n_existing
        assert all(sum(one < old for one in group) <= 1 for group in rules.exclusive)
        assert all(one >= old for one in forbidden) and bool(forbidden) == (relocations == 0)
