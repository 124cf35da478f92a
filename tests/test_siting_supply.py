"""The supply network against brute force over open sites with a linear program by paths inside."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from boai.coverage.siting import supply_network_search
from boai.coverage.siting.supply_network import supply_network
from boai.coverage.siting.supply_network_check import check_supply
from boai.coverage.siting.supply_network_types import Leg, Level, SupplyNetwork
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

INF = math.inf


@st.composite
def levels(draw, n, share=0.0):
    size = st.sampled_from([0.0, 3.0, 5.0, 8.0, 12.0, 20.0, INF])
    numbers = draw(st.lists(size, min_size=2 * n, max_size=2 * n))
    opening = draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))
    forced = draw(st.sampled_from([(), (), (), (0,)])) if n else ()
    forbidden = draw(st.sampled_from([(), (), (), (n - 1,)])) if n > 1 else ()
    return Level(
        np.array(numbers[:n]),
        np.array(numbers[n:]),
        np.array(opening, float),
        holding=float(draw(st.integers(0, 2))),
        stock_share=share,
        at_most=draw(st.sampled_from([None, 1, 2])),
        forced=forced,
        forbidden=forbidden,
    )


@st.composite
def legs(draw, shape):
    minutes = draw(st.lists(st.integers(1, 12), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    limit = draw(st.sampled_from([INF, 10.0, 6.0]))
    rates = draw(st.sampled_from([(0.0, 0.0), (1.0, 0.0), (0.5, 2.0)]))
    return Leg(np.array(minutes, float).reshape(shape), limit, *rates)


@st.composite
def networks(draw):
    c, h, s, k = draw(st.tuples(*[st.integers(1, most) for most in (2, 2, 3, 3)]))
    store, hub = draw(st.sampled_from([(0.0, 0.0), (0.5, 0.25), (0.25, 0.75), (1.0, 0.0), (0.0, 1.0)]))
    return SupplyNetwork(
        demand=np.array(draw(st.lists(st.integers(0, 6), min_size=k, max_size=k)), float),
        centres=replace(draw(levels(c)), at_most=None, forced=(), forbidden=()),
        hubs=draw(levels(h, hub)),
        stores=draw(levels(s, store)),
        supply=draw(legs((c, h))),
        refill=draw(legs((h, s))),
        delivery=draw(legs((s, k))),
        direct=draw(st.one_of(st.none(), legs((h, k)))),
    )


def paths_of(network, hubs, stores):
    """Every way of one bag: (county, stock held at, hub, store, centre, price)."""
    price = {}

    def fits(leg, a, b):
        return leg is not None and leg.minutes[a, b] <= leg.limit_min

    def rate(leg, a, b):
        return leg.per_bag + leg.per_minute * leg.minutes[a, b]

    c = range(network.centres.count)
    for k in range(len(network.demand)):
        for s in stores:
            if not fits(network.delivery, s, k):
                continue
            last = rate(network.delivery, s, k)
            price[k, "s", None, s, None] = last + network.stores.holding
            for h in hubs:
                if fits(network.refill, h, s):
                    middle = last + rate(network.refill, h, s)
                    price[k, "h", h, s, None] = middle + network.hubs.holding
                    for i in c:
                        if fits(network.supply, i, h):
                            price[k, "c", h, s, i] = (
                                middle + rate(network.supply, i, h) + network.centres.holding
                            )
        for h in hubs:
            if fits(network.direct, h, k):
                last = rate(network.direct, h, k)
                price[k, "h", h, None, None] = last + network.hubs.holding
                for i in c:
                    if fits(network.supply, i, h):
                        price[k, "c", h, None, i] = (
                            last + rate(network.supply, i, h) + network.centres.holding
                        )
    return price


def of_open_sites(network, hubs, stores, least, budget):
    """The least cost, or with a budget the most bags, with some sites open; None where that cannot be."""
    price = paths_of(network, hubs, stores)
    paths, rows, limits = list(price), [], []
    a_s, a_h = network.stores.stock_share, network.hubs.stock_share

    def row(coefficient, limit):
        if limit < INF:
            rows.append([coefficient(*path) for path in paths])
            limits.append(limit)

    for k, need in enumerate(network.demand):
        row(lambda q, *_, k=k: float(q == k), need)
        row(lambda q, *_, k=k: -float(q == k), -least * need)
    for s in stores:
        row(lambda q, at, h, t, i, s=s: float(t == s), network.stores.throughput[s])
        row(lambda q, at, h, t, i, s=s: float(t == s and at == "s"), network.stores.room[s])
        row(lambda q, at, h, t, i, s=s: (t == s) * (a_s - (at == "s")), 0.0)
    for h in hubs:
        row(lambda q, at, g, t, i, h=h: float(g == h), network.hubs.throughput[h])
        row(lambda q, at, g, t, i, h=h: float(g == h and at == "h"), network.hubs.room[h])
        passed = a_h / (1 - a_s) if a_s < 1 else 0.0
        row(
            lambda q, at, g, t, i, h=h, passed=passed: (
                (g == h) * ((passed if t is not None else a_s + a_h) - (at == "h"))
            ),
            0.0,
        )
    for i in range(network.centres.count):
        most = min(network.centres.throughput[i], network.centres.room[i])
        row(lambda q, at, h, t, j, i=i: float(j == i), most)
    cost = np.array([price[path] for path in paths])
    opening = network.hubs.opening[list(hubs)].sum() + network.stores.opening[list(stores)].sum()
    if budget is not None:
        rows.append(cost.tolist())
        limits.append(budget - opening)
    if not paths:
        fine = all(limit >= -1e-9 for limit in limits)
        return (opening if budget is None else 0.0) if fine else None
    aim = cost if budget is None else -np.ones(len(paths))
    solved = linprog(aim, np.array(rows), np.array(limits))
    if solved.status == 2:
        return None
    assert solved.status == 0
    return solved.fun + opening if budget is None else -solved.fun


def brute_force(network, least, budget):
    def sets(level):
        for size in range(level.count + 1):
            for some in itertools.combinations(range(level.count), size):
                numbers = level.at_most is None or size <= level.at_most
                if numbers and set(level.forced) <= set(some) and not set(level.forbidden) & set(some):
                    yield some

    found = [
        value
        for hubs in sets(network.hubs)
        for stores in sets(network.stores)
        if (value := of_open_sites(network, hubs, stores, least, budget)) is not None
    ]
    if not found:
        return None
    return min(found) if budget is None else max(found)


@settings(max_examples=many(40), deadline=None, derandomize=True)
@given(networks(), st.sampled_from([None, 0.0, 0.5, 1.0]))
def test_least_cost_equals_brute_force(network, least):
    best = brute_force(network, 1.0 if least is None else least, None)
    found = supply_network(network, least=least)
    if best is None:
        assert found.plan.status == "infeasible" and found.plan.note and not found.plan.sites
        return
    assert found.plan.status == "optimal"
    assert found.plan.objective == pytest.approx(best, rel=1e-5, abs=1e-5)
    assert found.plan.bound <= best + 1e-5 * max(1, best)
    assert not check_supply(network, found, least=1.0 if least is None else least)


@settings(max_examples=many(40), deadline=None, derandomize=True)
@given(networks(), st.sampled_from([None, None, 0.5]), st.integers(0, 120))
def test_most_for_a_budget_equals_brute_force(network, least, budget):
    best = brute_force(network, least or 0.0, float(budget))
    found = supply_network(network, least=least, budget=budget)
    if best is None:
        assert found.plan.status == "infeasible" and found.plan.note
        return
    assert found.plan.status == "optimal"
    assert found.plan.objective == pytest.approx(best, rel=1e-5, abs=1e-5)
    assert found.plan.bound >= best - 1e-5 * max(1, best)
    assert not check_supply(network, found, least=least or 0.0, budget=budget)


def round_network(**changes):
    """One centre, two hubs, three stores, three counties; numbers that can be followed by hand."""
    near, far, off = 30.0, 90.0, 400.0
    network = SupplyNetwork(
        demand=np.array([100.0, 60.0, 40.0]),
        centres=Level(np.array([1000.0]), np.array([1000.0]), np.zeros(1)),
        hubs=Level(np.full(2, 200.0), np.full(2, 100.0), np.array([50.0, 20.0]), stock_share=0.3),
        stores=Level(np.full(3, 200.0), np.full(3, 50.0), np.array([10.0, 20.0, 30.0]), stock_share=0.2),
        supply=Leg(np.array([[120.0, 240.0]]), 600.0, 0.01),
        refill=Leg(np.array([[60.0, 90.0, 120.0], [120.0, 90.0, 60.0]]), 480.0, 0.01),
        delivery=Leg(np.array([[near, far, off], [far, near, far], [off, far, near]]), 360.0, 0.01),
        county_names=("甲县", "乙县", "丙县"),
    )
    return replace(network, **changes)


def test_a_small_network_by_hand():
    """The second hub (20) and the middle store (20) serve all 200 bags.

    50 stand in the store (its room), 100 in the hub (its room), 50 come from the centre. Ways: 100 x 0.9 +
    60 x 0.3 + 40 x 0.9 = 144 to the counties, 150 x 0.9 = 135 to the store, 50 x 2.4 = 120 to the hub.
    """
    network = round_network()
    fixed = replace(
        network,
        hubs=replace(network.hubs, forced=(1,), forbidden=(0,)),
        stores=replace(network.stores, forced=(1,), forbidden=(0, 2)),
    )
    one = supply_network(fixed)
    assert one.plan.status == "optimal" and one.plan.objective == pytest.approx(439.0)
    assert one.cost == pytest.approx(
        {
            "开设枢纽": 20.0,
            "开设仓库": 20.0,
            "省级中心至枢纽": 120.0,
            "枢纽至仓库": 135.0,
            "枢纽至县": 0.0,
            "仓库至县": 144.0,
            "持有储备": 0.0,
        }
    )
    assert [stock.sum() for stock in one.stock] == pytest.approx([50.0, 100.0, 50.0])
    assert one.used[1][1] == pytest.approx(0.75) and np.isnan(one.used[1][0])
    assert one.plan.sites == (3, 1) and one.plan.gains == pytest.approx((200.0, 150.0))
    free = supply_network(network)
    assert free.plan.objective < one.plan.objective and not check_supply(network, free, least=1.0)
    assert free.unmet.tolist() == [0.0, 0.0, 0.0] and free.total == free.plan.objective


def test_looser_requests_are_never_worse():
    network = round_network()
    costs = [supply_network(network, least=least).plan.objective for least in (0.0, 0.5, 0.9, 1.0)]
    assert costs == sorted(costs) and costs[0] == 0.0
    met = [supply_network(network, budget=budget).plan.objective for budget in (0, 20, 100, 250, 400, 1e9)]
    assert met == sorted(met) and met[0] == 0.0 and met[-1] == pytest.approx(200.0)
    best = supply_network(network)
    exact = supply_network(network, budget=best.total * (1 + 1e-9))
    assert exact.plan.objective == pytest.approx(200.0) and exact.total <= best.total * (1 + 1e-6)
    for limit in (30.0, 90.0, 400.0):
        tight = replace(network, delivery=replace(network.delivery, limit_min=limit))
        assert supply_network(tight).plan.objective >= best.plan.objective - 1e-6 or limit == 400.0
    nested = replace(network, direct=Leg(np.full((2, 3), 60.0), 360.0, 0.01))
    found = supply_network(nested)
    assert found.plan.objective <= best.plan.objective and not check_supply(nested, found, least=1.0)


def test_order_of_sites_and_counties_does_not_matter():
    network = round_network()
    turn = [2, 0, 1]
    other = replace(
        network,
        demand=network.demand[turn],
        stores=replace(network.stores, opening=network.stores.opening[turn]),
        refill=replace(network.refill, minutes=network.refill.minutes[:, turn]),
        delivery=replace(network.delivery, minutes=network.delivery.minutes[turn][:, turn]),
    )
    one, two = supply_network(network), supply_network(other)
    assert two.plan.objective == pytest.approx(one.plan.objective)
    assert sorted(turn[s] for s in two.stores) == one.stores.tolist()


def test_what_cannot_be_is_explained():
    network = round_network()
    far = replace(network, delivery=replace(network.delivery, limit_min=20.0))
    assert "3 个县在时限内没有可用的仓库能送到: 甲县、乙县、丙县" in supply_network(far).plan.note
    alone = replace(network, stores=replace(network.stores, forbidden=(0, 1)))
    assert "甲县" in supply_network(alone).plan.note
    small = replace(network, stores=replace(network.stores, throughput=np.full(3, 50.0)))
    assert "最多能供 150 袋, 少于需求 200 袋" in supply_network(small).plan.note
    poor = supply_network(network, budget=100.0, least=1.0)
    assert (
        poor.plan.status == "infeasible" and "至少要" in poor.plan.note and "预算只有 100" in poor.plan.note
    )
    no_hub = replace(network, hubs=replace(network.hubs, at_most=0))
    assert "枢纽至多 0 处" in supply_network(no_hub).plan.note
    share = float(supply_network(no_hub).plan.note.rsplit(" ", 1)[1].removesuffix("%")) / 100
    assert share == 0.75 and supply_network(no_hub, least=share).plan.status == "optimal"
    dry = replace(network, hubs=replace(network.hubs, room=np.full(2, 10.0), at_most=1))
    assert "但枢纽至多 1 处时各县的需求只能同时满足 88.3%" in supply_network(dry).plan.note
    dry = replace(network, hubs=replace(network.hubs, room=np.full(2, 5.0)))
    assert "即使全部开设, 各县的需求也只能同时满足 88.3%" in supply_network(dry).plan.note
    both = replace(network, hubs=replace(network.hubs, forced=(0,), forbidden=(0,)))
    assert "既要求必选又要求禁选" in supply_network(both).plan.note
    many = replace(network, stores=replace(network.stores, forced=(0, 1), at_most=1))
    assert "多于至多 1 处" in supply_network(many).plan.note
    for wrong in (far, both, many):
        found = supply_network(wrong)
        assert found.plan.status == "infeasible" and math.isnan(found.plan.objective)
        assert found.plan.sites == () and found.met.sum() == 0.0


def test_time_and_interruption_leave_a_plan_with_its_gap(monkeypatch):
    network = round_network()
    best = supply_network(network).plan.objective
    late = supply_network(network, time_limit_s=0.0)
    assert late.plan.bound <= best <= late.plan.objective < INF
    assert not check_supply(network, late, least=1.0)

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(supply_network_search, "solve_compact", stopped)
    cut = supply_network(network)
    assert cut.plan.bound <= best <= cut.plan.objective < INF


def test_empty_networks():
    def none(*shape):
        return Leg(np.empty(shape))

    def level(n):
        return Level(np.ones(n), np.ones(n), np.ones(n))

    nothing = SupplyNetwork(np.empty(0), level(0), level(0), level(0), none(0, 0), none(0, 0), none(0, 0))
    found = supply_network(nothing)
    assert found.plan.status == "optimal" and found.plan.objective == 0.0 and found.plan.sites == ()
    assert supply_network(nothing, budget=0.0).plan.objective == 0.0
    hungry = replace(nothing, demand=np.array([3.0]), delivery=none(0, 1))
    assert supply_network(hungry).plan.status == "infeasible"
    assert supply_network(hungry, budget=5.0).unmet.tolist() == [3.0]
    full = replace(round_network(), demand=np.zeros(3))
    assert supply_network(full).plan.objective == 0.0


def test_hostile_arguments():
    network = round_network()
    level, leg = network.stores, network.delivery
    for wrong in (
        {"demand": np.array([1.0, -1.0, 0.0])},
        {"demand": np.array([1.0, np.nan, 0.0])},
        {"demand": np.array([1.0])},
        {"stores": replace(level, throughput=np.array([1.0, np.nan, 1.0]))},
        {"stores": replace(level, room=np.ones(2))},
        {"stores": replace(level, opening=np.array([1.0, INF, 1.0]))},
        {"stores": replace(level, stock_share=0.8)},
        {"stores": replace(level, forced=(3,))},
        {"stores": replace(level, at_most=-1)},
        {"stores": replace(level, holding=-1.0)},
        {"delivery": replace(leg, minutes=np.full((3, 3), np.nan))},
        {"delivery": replace(leg, minutes=np.ones((2, 3)))},
        {"delivery": replace(leg, per_minute=INF)},
        {"county_names": ("甲县",)},
    ):
        with pytest.raises(ValueError, match=r"."):
            supply_network(replace(network, **wrong))
    for wrong in ({"budget": -1.0}, {"budget": math.nan}, {"least": 1.5}):
        with pytest.raises(ValueError, match=r"."):
            supply_network(network, **wrong)


def test_the_checker_finds_what_is_wrong():
    network = round_network()
    found = supply_network(network)
    assert not check_supply(network, found, least=1.0)
    flows = found.flows
    for wrong in (
        replace(found, flows=replace(flows, delivery=flows.delivery * 0.9)),
        replace(found, flows=replace(flows, refill=flows.refill * 2.0)),
        replace(found, stores=found.stores[1:]),
        replace(found, cost={**found.cost, "开设仓库": 0.0}),
        replace(found, met=found.met * 0.5),
        replace(found, stock=(found.stock[0], found.stock[1] + 500.0, found.stock[2])),
        replace(found, plan=replace(found.plan, objective=found.plan.objective * 1.1)),
    ):
        assert check_supply(network, wrong, least=1.0)
    assert check_supply(network, found, budget=found.total / 2)


def test_the_checker_takes_networks_without_some_roads():
    network = round_network()
    minutes = np.asarray(network.delivery.minutes, np.float64).copy()
    minutes[minutes == minutes.max()] = INF
    network = replace(network, delivery=replace(network.delivery, minutes=minutes, per_minute=0.0))
    assert not check_supply(network, supply_network(network), least=1.0)


def test_of_equal_deliveries_the_cheapest_is_given():
    """Two stores of which either delivers all; the dearer one, and one that nobody needs, stay closed."""
    all_, none = np.full(3, 50.0), np.zeros(3)
    network = SupplyNetwork(
        demand=np.array([11.0]),
        centres=Level(all_[:1], all_[:1], none[:1]),
        hubs=Level(all_[:1], all_[:1], none[:1]),
        stores=Level(all_, all_, np.array([12.0, 4.0, 9.0])),
        supply=Leg(np.zeros((1, 1))),
        refill=Leg(np.zeros((1, 3))),
        delivery=Leg(np.zeros((3, 1)), per_bag=1.0),
    )
    found = supply_network(network, budget=60.0)
    assert (found.plan.objective, found.stores.tolist(), found.total) == (11.0, [1], 15.0)
    assert not check_supply(network, found, budget=60.0)
    forced = replace(network, stores=replace(network.stores, forced=(0,)))
    assert 0 in supply_network(forced, budget=60.0).stores
    assert supply_network(forced, budget=5.0).plan.note.startswith("必选的站点至少要 12")


def test_a_solver_that_fails_is_asked_again(monkeypatch):
    network, solve, asked = round_network(), supply_network_search.solve_compact, []

    def fail(program, **options):
        asked.append(program)
        if len(asked) % 2:
            raise RuntimeError("HiGHS ended with kSolveError")
        return solve(program, **options)

    monkeypatch.setattr(supply_network_search, "_STORES", ())
    usual = supply_network(network)
    monkeypatch.setattr(supply_network_search, "solve_compact", fail)
    found = supply_network(network)
    assert asked and (found.plan.objective, found.plan.status) == (usual.plan.objective, "optimal")
