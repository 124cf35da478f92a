"""Fronts, sensitivity and break-even on a world of round numbers, against all subsets of its candidates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from boai.coverage.matrix import build_matrix
from boai.geodata.errors import InputError
from boai.scenarios.changes import append_sites
from boai.scenarios.costs import Costs
from boai.scenarios.fronts import front
from boai.scenarios.moves import Move, standard_moves
from boai.scenarios.placing import Ask, UnitQuota
from boai.scenarios.sensitivity import sensitivity
from tinyworld import drive_world, walk_world


def best(board, number: int, *, limit: int = 600, weight=None, keep=()) -> float:
    """Most residents for so many new sites, from all subsets."""
    matrix = board.matrix
    reach = np.zeros((matrix.n_rows, board.n_all), bool)
    near = matrix.cost <= limit * 100
    reach[matrix.rows()[near], matrix.site[near]] = True
    weight = board.weight if weight is None else weight
    new = range(board.n_existing, board.n_all)
    return max(
        float(weight[reach[:, [*board.existing, *some, *keep]].any(1)].sum())
        for some in itertools.combinations(new, number)
    )


def test_front_of_number_and_cover_equals_all_subsets() -> None:
    world = drive_world([0])
    found = front(world, Ask("warehouse"), most=3, costs=Costs(open={"warehouse": 100}))
    table = found.table
    assert found.front.complete and table["number"].tolist() == [0, 1, 2, 3]
    right = [best(found.board, number) for number in range(4)]
    assert table["residents"].tolist() == right and table["cost"].tolist() == [0, 100, 200, 300]
    assert (table["status"] == "已证明").all() and table["share"].iloc[-1] == right[-1] / 65535
    assert table["added"].iloc[1].count("镇") == 1 and "全部方案都已列出并证明" in found.sentences[0]
    assert "每处 100 万元" in "".join(found.sentences)


def test_front_tells_how_far_scenarios_lie_below() -> None:
    world = drive_world([0])
    board = front(world, Ask("warehouse"), most=1).board
    layer = world.layers["warehouse"]
    poor = append_sites(layer, board.layer.table.iloc[[1]])
    right = [best(board, number) for number in range(2)]
    matrix = build_matrix(world.demand, world.network, poor, board.standard, limit=600)
    reached = int(world.demand.residents[np.diff(matrix.indptr) > 0].sum())
    found = front(world, Ask("warehouse"), most=1, given={"差的": poor, "现状": layer}).given
    assert found["better"].tolist() == [right[1] - reached, 0] and found["number"].tolist() == [1, 0]
    assert "多覆盖" in found["text"].iloc[0] and "一样多" in found["text"].iloc[1]
    many = append_sites(layer, board.layer.table.iloc[[1, 2, 3]])
    beyond = front(world, Ask("warehouse"), most=1, given={"多的": many}).given
    assert np.isnan(beyond["better"].astype(float).iloc[0]) and "前沿只算到 1 处" in beyond["text"].iloc[0]
    # Seats are few: the front ends with the last of them, and more sites can be compared with it.
    seats = Ask("warehouse", candidates="seats", limit=1800)
    whole = front(world, seats, most=30, given={"多的": append_sites(many, board.layer.table.iloc[[5, 6]])})
    assert len(whole.board.places) < 5 and not whole.given["better"].isna().any()


def test_front_with_quotas_and_with_prices() -> None:
    world = drive_world([0])
    asked = Ask("warehouse", quotas=(UnitQuota("东市", at_least=1),))
    found = front(world, asked, most=2)
    assert found.table["number"].tolist() == [1, 2]
    prices = np.ones(len(found.board.places))
    prices[0] = 0.5
    priced = front(world, Ask("warehouse"), prices=prices, most=1)
    assert priced.table["cost"].max() <= 1 and priced.front.complete
    with pytest.raises(InputError):
        front(world, Ask("warehouse"), prices=prices[:-1])


def test_front_of_equity_equals_all_subsets() -> None:
    world = drive_world([0], residents=[10, 7, 5, 3, 9, 8, 2, 6, 4, 3, 8, 7, 6, 5, 9, 2])
    found = front(world, Ask("warehouse", number=2), against="equity")
    board, demand = found.board, world.demand
    matrix = board.matrix
    reach = np.zeros((matrix.n_rows, board.n_all), bool)
    near = matrix.cost <= 60_000
    reach[matrix.rows()[near], matrix.site[near]] = True
    total = np.bincount(demand.county, demand.residents)
    pairs = set()
    for some in itertools.combinations(range(board.n_existing, board.n_all), 2):
        hit = reach[:, [*board.existing, *some]].any(1) * board.weight
        share = np.bincount(demand.county, hit) / total
        pairs.add((round(float(share.min()), 9), float(hit.sum())))
    right = sorted(
        (m, f) for m, f in pairs
        if not any((a >= m and b > f) or (a > m and b >= f) for a, b in pairs)
    )  # fmt: skip
    listed = [
        (round(m, 9), f) for m, f in zip(found.table["lowest_share"], found.table["residents"], strict=True)
    ]
    assert listed == right and found.front.complete
    by_city = front(world, Ask("warehouse", number=2), against="equity", by="city")
    assert by_city.front.names == ("东市", "西市")


def test_wrong_requests_for_fronts() -> None:
    world = drive_world([0])
    for ask, options in (
        (Ask("warehouse", model="lscp"), {}),
        (Ask("warehouse"), {"against": "equity"}),
        (Ask("warehouse"), {"against": "beauty"}),
        (Ask("warehouse", quotas=(UnitQuota("东市", at_least=9),)), {"most": 2}),
    ):
        with pytest.raises(InputError):
            front(world, ask, **options)
    with pytest.raises(InputError, match=r"候选点只有 3 处.*要新增 4 处"):
        front(world, Ask("warehouse", number=4, candidates="seats"), against="equity")


def test_walking_front() -> None:
    found = front(walk_world([0]), Ask("aed", time_limit_s=20), most=2)
    assert found.table["number"].tolist() == [0, 1, 2]
    assert (found.table["residents"].diff().dropna() > 0).all()


RESIDENTS = [10, 7, 5, 3, 9, 8, 2, 6, 4, 3, 8, 7, 6, 5, 9, 2]


def test_every_move_equals_all_subsets() -> None:
    world = drive_world([0], residents=[100 * one for one in RESIDENTS])
    ask = Ask("warehouse", number=2, limit=600)
    moves = standard_moves(world.demand, ask, runs=3, limits=(10.0, 100.0))
    moves = tuple(move for move in moves if move.reach > 0)
    found = sensitivity(world, ask, moves)
    board = found.board
    wide = front(world, Ask("warehouse", limit=1800), most=0).board
    today = set(found.plan.sites)
    for move, row in zip(moves, found.moves.to_dict("records"), strict=True):
        people = world.demand.residents * (1.0 if move.demand is None else move.demand)
        weight = wide.matrix.weight(np.rint(people))
        right = best(wide, 2 + move.number, limit=600 * move.reach, weight=weight)
        assert row["residents"] == right and row["status"] == "已证明", move
        if move.number == 0:
            near = wide.matrix.cost <= 60_000 * move.reach + 1e-6
            mine = near & np.isin(wide.matrix.site, list(today))
            rows = np.unique(wide.matrix.rows()[mine])
            assert row["kept"] == weight[rows].sum() and row["regret"] == right - row["kept"]
            assert (row["regret"] > 0) <= (row["stays"] < row["of"])
            assert row["regret"] > 0 or row["stays"] == row["of"]
    same = found.moves[found.moves["regret"].notna()]
    assert found.sites["runs"].sum() == same["stays"].sum()
    assert found.plan.objective == best(board, 2)
    assert len(found.sites) == 2 and found.sites["verified"].all()


def test_same_seed_same_moves_and_no_speeds_on_foot() -> None:
    world = drive_world([0])
    ask = Ask("warehouse", number=10)
    first, again, other = (standard_moves(world.demand, ask, seed=seed) for seed in (4, 4, 5))
    drawn = [[move.demand for move in moves if move.group == "随机"] for moves in (first, again, other)]
    assert all(np.array_equal(a, b) for a, b in zip(drawn[0], drawn[1], strict=True))
    assert not np.array_equal(drawn[0][0], drawn[2][0])
    assert [move.number for move in first if move.group == "数量"] == [-1, 1, -2, 2]
    assert len([move for move in first if move.group == "联合"]) == 4
    foot = standard_moves(walk_world([0]).demand, Ask("aed", number=1), walking=True)
    assert not [move for move in foot if move.speed != 1.0]
    assert [move.limit for move in foot if move.group == "联合"] == [0.9, 1.1]
    assert standard_moves(world.demand, ask, people=0, speeds=(), limits=(), runs=0)[0].group == "数量"


def test_break_even_of_a_site_by_trying() -> None:
    world = drive_world([0], residents=[100 * one for one in RESIDENTS])
    ask = Ask("warehouse", number=2, limit=600)
    found = sensitivity(world, ask, ())
    board = found.board
    new = [site for site in found.plan.sites if site >= board.n_existing]
    matrix = board.matrix
    assert not any("nan" in text for text in found.sentences) and len(new) == 2
    for site, row in zip(new, found.sites.to_dict("records"), strict=True):
        rows = matrix.rows()[matrix.site == site]
        for fall, wanted in ((row["may_fall"] - 0.01, True), (row["may_fall"] + 0.01, False)):
            if not 0 < fall < 1:
                continue
            weight = board.weight.copy()
            weight[rows] *= 1 - fall
            with_it = best(board, 1, weight=weight, keep=(site,))
            assert (with_it >= best(board, 2, weight=weight) - 1e-9) == wanted


def test_a_site_that_a_quota_needs() -> None:
    """No plan does without it: nothing is said of residents that another plan would lose."""
    world = drive_world([0])
    lacking = next(iter(front(world, Ask("warehouse", candidates="seats"), most=1).board.places.county))
    county = str(world.demand.county_name[lacking])
    ask = Ask("warehouse", number=2, candidates="seats", quotas=(UnitQuota(county, 1),))
    found = sensitivity(world, ask, ())
    row = found.sites[found.sites["county"] == county].iloc[0]
    assert "做不到各项要求" in row["sentence"] and "少覆盖" not in row["sentence"]
    assert np.isnan(row["loss"]) and row["may_fall"] == 1.0 and row["places"] == 2


def test_walking_sensitivity_and_wrong_requests() -> None:
    found = sensitivity(walk_world([0]), Ask("aed", number=1), (Move("上限 -10 %", "上限", limit=0.9),))
    assert len(found.moves) == 1 and found.sites["runs"].iloc[0] in (0, 1)
    world = drive_world([0])
    for ask, moves in (
        (Ask("warehouse"), None),
        (Ask("warehouse", model="lscp", number=1), None),
        (Ask("warehouse", number=1), (Move("坏", "车速", speed=0.0),)),
    ):
        with pytest.raises(InputError):
            sensitivity(world, ask, moves)


def test_ctrl_c_ends_with_the_moves_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from boai.scenarios import sensitivity as module

    left, real = iter(range(3)), module.cover.mclp

    def stopping(*arrays, **options):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(*arrays, **options)

    monkeypatch.setattr(module.cover, "mclp", stopping)
    moves = [Move(f"上限 -{percent} %", "上限", limit=1 - percent / 100) for percent in (10, 20, 30)]
    found = sensitivity(drive_world([0]), Ask("warehouse", number=1), moves)
    assert len(found.moves) == 2 and "3 次变动只完成 2 次" in found.sentences[0]
