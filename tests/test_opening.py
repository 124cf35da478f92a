"""Time of day: hours read to the minute, cover against sets hour by hour, cabinets against plain greedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gridworld as g
import h3
import numpy as np
import pytest
from boai.coverage import cabinets as cab
from boai.coverage.cabinets import cabinets
from boai.coverage.matrix import Matrix, build_matrix
from boai.coverage.measures import by_unit, cover_layer
from boai.coverage.opening import (
    HOURS,
    PERIODS,
    Opening,
    hour_table,
    open_at,
    opening_of,
    week_cover,
    week_table,
)
from boai.coverage.standards import Standard
from boai.coverage.zones import zones_of
from boai.geodata.crs import haversine_m
from boai.geodata.demand import Demand
from boai.geodata.layers import Layer
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

WALK = g.walk_standard((600, 1000), main=1000)
TEXTS = [
    "24小时",
    "周一至周五 08:00-17:30",
    "周一至周日 22:00-02:00",
    "周六、周日 09:30-12:00, 14:00-18:00; 节假日关闭",
    "周二至周日 09:00-21:30; 节假日照常",
    "",
]


def aeds(demand: Demand, *hours: str, seed: int = 1, apart: float = 0.02) -> Layer:
    """Sites around the middle of the world, with these hours."""
    rng = np.random.default_rng(seed)
    lon = demand.lon.mean() + rng.uniform(-apart, apart, len(hours))
    lat = demand.lat.mean() + rng.uniform(-apart, apart, len(hours))
    return g.make_layer("aed", lon, lat, demand=demand, hours=list(hours))


def matrix_of(demand: Demand, layer: Layer, standard: Standard, network: Any = None) -> Matrix:
    return build_matrix(demand, network or g.grid_network(), layer, standard)


def clock(text: str, day: int, minute: int) -> bool | None:
    """Read canonical hours by hand: is it open, or None where nothing is stated."""
    if not text:
        return None
    if text == "24小时":
        return True
    names = "一二三四五六日"
    for clause in text.split("; "):
        if clause.startswith("节假日"):
            continue
        days, times = clause.split(" ", 1)
        which: list[int] = []
        for part in days.split("、"):
            ends = [names.index(each[1]) for each in part.split("至")]
            which += range(ends[0], ends[-1] + 1)
        for span in times.split(", "):
            start, end = (60 * int(each[:2]) + int(each[3:]) for each in span.split("-"))
            for own in which:
                last = end if end > start else end + 1440
                since = ((day - own) % 7) * 1440 + minute
                if start <= since < last:
                    return True
    return False


def is_open(text: str, hour: int, *, unknown: bool = True) -> bool:
    found = clock(text, hour // 24, hour % 24 * 60)
    return unknown if found is None else found


# Opening hours


@pytest.mark.parametrize("text", TEXTS)
def test_every_hour_and_minute_equals_the_text(text: str) -> None:
    layer = g.make_layer("aed", [115.9], [28.7], hours=[text])
    opening = opening_of(layer, WALK)
    assert opening.known.tolist() == [text != ""]
    assert opening.week[0].tolist() == [is_open(text, hour) for hour in range(HOURS)]
    minutes = [0, 119, 120, 479, 480, 1049, 1050, 4860, 7769, 7770, 9719, 9720, 9960, 10079, 1980, 2729]
    for day, minute in (divmod(each, 1440) for each in minutes):
        found = clock(text, day, minute)
        assert open_at(layer, WALK, day=day, minute=minute).tolist() == [found is None or found]


def test_sunday_night_goes_on_on_monday() -> None:
    layer = g.make_layer("aed", [115.9], [28.7], hours=["周日 22:00-02:00"])
    assert np.flatnonzero(opening_of(layer, WALK).week[0]).tolist() == [0, 1, 166, 167]
    assert open_at(layer, WALK, day=0, minute=119).all()
    assert not open_at(layer, WALK, day=0, minute=120).any()


def test_an_hour_counts_by_its_start() -> None:
    layer = g.make_layer("aed", [115.9], [28.7], hours=["周一 08:30-17:30"])
    assert np.flatnonzero(opening_of(layer, WALK).week[0]).tolist() == list(range(9, 18))


def test_unknown_hours_count_as_the_standard_says_and_unread_ones_are_listed() -> None:
    layer = g.make_layer("aed", [115.9] * 3, [28.7] * 3, hours=["", "与医院同步", "周一 08:00-09:00"])
    found = opening_of(layer, WALK)
    assert found.hours_open.tolist() == [168, 168, 1]
    assert found.known.tolist() == [False, False, True]
    assert found.note == "1 处填有开放时间; 2 处未知, 其中 1 处写法无法识别, 按全天开放计 (假设)"
    (problem,) = found.unread
    assert (problem.where, problem.got) == ("AED aed-1 站1", "与医院同步")
    closed = opening_of(layer, replace(WALK, unknown_hours="closed"))
    assert closed.hours_open.tolist() == [0, 0, 1]
    assert closed.note.endswith("按不开放计 (假设)")
    assert not open_at(layer, replace(WALK, unknown_hours="closed"), day=3, minute=0).any()


@pytest.mark.parametrize(("day", "minute"), [(-1, 0), (7, 0), (0, -1), (0, 1440)])
def test_there_is_no_such_minute(day: int, minute: int) -> None:
    with pytest.raises(ValueError, match="day must be"):
        open_at(g.make_layer("aed", [], []), WALK, day=day, minute=minute)


# Cover by the hour


def reached(demand: Demand, layer: Layer, standard: Standard, limit: int) -> list[list[set[int]]]:
    """The sub-cells of every cell, each with the sites within the limit: brute force over all pairs."""
    lon, lat = layer.table["lon"].to_numpy(), layer.table["lat"].to_numpy()
    out = []
    for cell in demand.cell.tolist():
        children = h3.cell_to_children(h3.int_to_str(cell), 10)
        at = np.array([h3.cell_to_latlng(each) for each in children])
        away = haversine_m(at[:, 1][:, None], at[:, 0][:, None], lon[None], lat[None]) * standard.detour
        out.append([set(np.flatnonzero(row <= limit).tolist()) for row in away])
    return out


@pytest.mark.parametrize("limit", [None, 600])
@pytest.mark.parametrize("unknown", ["open", "closed"])
def test_every_hour_equals_sets_of_open_sites(unknown: Any, limit: int | None) -> None:
    demand, standard = g.hex_demand(2), replace(WALK, unknown_hours=unknown)
    layer = aeds(demand, *TEXTS, *TEXTS)
    zones = zones_of(demand, "县")
    week = week_cover(
        demand, matrix_of(demand, layer, standard), opening_of(layer, standard), zones, limit=limit
    )
    near = reached(demand, layer, standard, limit or 1000)
    hours = layer.table["hours"].tolist()
    table = hour_table(week)
    for hour in range(0, HOURS, 5):
        now = {i for i, text in enumerate(hours) if is_open(text, hour, unknown=unknown == "open")}
        served = [16 * sum(bool(near_by & now) for near_by in cell) for cell in near]
        want = np.bincount(demand.county, weights=served, minlength=4)
        rows = table[table["hour"] == hour]
        np.testing.assert_array_equal(rows["served"], want)
        np.testing.assert_allclose(rows["share"], want / rows["residents"], rtol=1e-12)


def test_hours_with_all_sites_open_equal_the_plain_cover() -> None:
    demand = g.hex_demand(3, residents=1000)
    layer = aeds(demand, "24小时", "周一至周五 09:00-17:00", "周一 09:00-12:00", apart=0.05)
    matrix, opening = matrix_of(demand, layer, WALK), opening_of(layer, WALK)
    plain = by_unit(demand, cover_layer(demand, g.grid_network(), layer, WALK))
    for level in ("省", "市", "县"):
        week = week_cover(demand, matrix, opening, zones_of(demand, level))
        want = plain[(plain["level"] == level) & (plain["limit"] == 1000)]
        table = hour_table(week)
        assert table.loc[table["hour"] == 9, "served"].tolist() == want["served"].tolist()
        assert week_table(week)["always_served"].tolist() == want["served"].tolist()
        np.testing.assert_allclose(week_table(week)["always_share"], want["share"], rtol=1e-12)


def test_all_levels_add_up_in_every_hour() -> None:
    demand = g.hex_demand(3, residents=1001)
    layer = aeds(demand, *TEXTS, *TEXTS, apart=0.05)
    matrix, opening = matrix_of(demand, layer, WALK), opening_of(layer, WALK)
    weeks = {
        level: week_cover(demand, matrix, opening, zones_of(demand, level))
        for level in ("省", "市", "县", "网格")
    }
    whole = weeks["省"]
    for week in weeks.values():
        np.testing.assert_array_equal(week.whole.sum(axis=0), whole.whole.sum(axis=0))
        np.testing.assert_array_equal(week.whole_mean.sum(axis=0), whole.whole_mean.sum(axis=0))
        np.testing.assert_allclose(week.exact.sum(axis=0), whole.exact.sum(axis=0))
        assert np.abs(week.whole - week.exact).max() < 1.0001
    table = week_table(whole)
    assert list(table.columns[:4]) == ["level", "code", "name", "city"]
    assert week_table(weeks["网格"])["county"].isin(g.COUNTIES).all()


def test_chunks_of_moments_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    demand = g.hex_demand(2)
    layer = aeds(demand, *TEXTS)
    matrix, opening, zones = matrix_of(demand, layer, WALK), opening_of(layer, WALK), zones_of(demand, "县")
    once = week_cover(demand, matrix, opening, zones)
    monkeypatch.setattr("boai.coverage.opening._MOST_AMOUNTS", 3 * len(demand.cell))
    parts = week_cover(demand, matrix, opening, zones)
    np.testing.assert_array_equal(once.exact, parts.exact)
    np.testing.assert_array_equal(once.whole, parts.whole)
    np.testing.assert_allclose(once.mean, parts.mean, rtol=1e-12)


def test_more_than_64_and_128_moments_are_told_apart() -> None:
    demand, n = g.hex_demand(1), HOURS
    layer = g.make_layer("aed", [demand.lon[0]] * n, [demand.lat[0]] * n, demand=demand)
    for week in (np.eye(n, dtype=bool), ~np.eye(n, dtype=bool), np.tri(n, dtype=bool)):
        found = week_cover(
            demand,
            matrix_of(demand, layer, WALK),
            Opening(week, np.ones(n, bool)),
            zones_of(demand, "省"),
        )
        assert len(np.unique(found.moment)) == 169 if not week.all(axis=0).any() else 168
        assert (found.share == found.share[0, 0]).all() and found.share[0, 0] > 0


def test_driving_counts_the_same_way() -> None:
    """Teams at two corners: whom they reach within 20 minutes, by networkx."""
    network, demand = g.grid_network(), g.grid_demand()
    standard = replace(g.drive_standard((1200, 1800), main=1200), kind="team")
    lon, lat = g.at_nodes(network, [0, 15])
    layer = g.make_layer(
        "team", lon, lat, demand=demand, hours=["周一至周五 08:00-18:00", "周日 20:00-04:00"]
    )
    graph = g.as_graph(network)
    near = [{node for node, cs in g.times_from(graph, at).items() if cs <= 120_000} for at in (0, 15)]
    week = week_cover(
        demand,
        matrix_of(demand, layer, standard, network),
        opening_of(layer, standard),
        zones_of(demand, "省"),
    )
    for hour in range(HOURS):
        nodes: set[int] = set()
        for text, own in zip(layer.table["hours"], near, strict=True):
            nodes |= own if is_open(text, hour) else set()
        assert week.exact[0, week.moment[hour]] == sum(2**node for node in nodes)
    row = week_table(week).iloc[0]
    assert row["always_served"] == sum(2**node for node in near[0] | near[1])
    assert row["day_share"] == pytest.approx(sum(2**node for node in near[0]) / 65535)
    assert row["worst_text"] == "周一 04:00 等 110 小时"
    assert (row["best_text"], row["limit_text"]) == ("周一 00:00 等 8 小时", "20分钟")
    assert row["loss_text"].startswith("关门时段损失的覆盖") and "文献" not in row["loss_text"]


def test_the_means_are_those_of_their_hours() -> None:
    demand = g.hex_demand(2)
    layer = aeds(demand, *TEXTS)
    week = week_cover(demand, matrix_of(demand, layer, WALK), opening_of(layer, WALK), zones_of(demand, "县"))
    hours = {
        "week": range(HOURS),
        "day": [24 * day + hour for day in range(5) for hour in range(8, 18)],
        "night": [24 * day + hour for day in range(7) for hour in (22, 23, 0, 1, 2, 3, 4, 5)],
        "weekend": range(120, 168),
    }
    table, always = week_table(week), week.exact[:, week.moment[HOURS]]
    for name in PERIODS:
        mean = week.exact[:, week.moment[list(hours[name])]].mean(axis=1)
        np.testing.assert_allclose(table[f"{name}_share"], mean / week.residents)
        np.testing.assert_allclose(table[f"{name}_loss"], 1 - mean / always, atol=1e-11)
        assert (np.abs(table[f"{name}_served"] - mean) < 1.0001).all()
    np.testing.assert_allclose(table["best_share"], week.share.max(axis=1))
    np.testing.assert_allclose(table["worst_share"], week.share.min(axis=1))
    assert "文献 21.5%" in table["loss_text"].iloc[0]
    assert any("48%" in note for note in week.notes)
    assert week.notes[0] == "5 处填有开放时间; 1 处未知, 按全天开放计 (假设)"


def test_a_group_counts_its_own() -> None:
    demand = g.hex_demand(2)
    layer = aeds(demand, *TEXTS)
    matrix, opening, zones = matrix_of(demand, layer, WALK), opening_of(layer, WALK), zones_of(demand, "县")
    whole = week_cover(demand, matrix, opening, zones)
    old = week_cover(demand, matrix, opening, zones, group="age_65")
    np.testing.assert_allclose(old.exact * 8, whole.exact)
    np.testing.assert_allclose(old.share, whole.share)
    assert cabinets(demand, matrix, opening, layer, group="age_65").residents == demand.age_65.sum()


# Edges


@pytest.mark.parametrize("hours", [[], ["", "", ""], ["24小时"] * 3])
@pytest.mark.parametrize("unknown", ["open", "closed"])
def test_none_all_closed_and_all_open(hours: list[str], unknown: Any) -> None:
    demand, standard = g.hex_demand(1), replace(WALK, unknown_hours=unknown)
    layer = aeds(demand, *hours)
    matrix, opening = matrix_of(demand, layer, standard), opening_of(layer, standard)
    table = week_table(week_cover(demand, matrix, opening, zones_of(demand, "省")))
    found = cabinets(demand, matrix, opening, layer)
    closed = bool(hours) and hours[0] == "" and unknown == "closed"
    assert (table["week_share"] == (table["always_share"] if not closed else 0)).all()
    if not hours:
        assert table["loss_text"].tolist() == ["没有居民在上限内"]
        assert (opening.note, found.sentence) == ("没有站点", "没有站点")
        assert found.alone.empty and found.plan.empty and np.isnan(table["week_loss"].iloc[0])
        return
    assert (table["week_loss"] == (1.0 if closed else 0.0)).all()
    assert table["worst_text"].tolist() == ["全周相同"]
    assert found.plan.empty != closed
    nothing_known = hours[0] == ""
    assert found.sentence.startswith("开放时间均未知" if nothing_known else "改为24小时可取用不会增加覆盖")
    assert table["loss_text"].str.startswith("开放时间均未知" if nothing_known else "关门时段损失").all()
    assert (found.alone["gain_hours"] > 0).all() == closed


def test_none_in_reach_and_nobody_there() -> None:
    demand = g.hex_demand(1)
    layer = g.make_layer("aed", [113.0], [24.0], hours=["周一 08:00-09:00"])
    matrix, opening = matrix_of(demand, layer, WALK), opening_of(layer, WALK)
    table = week_table(week_cover(demand, matrix, opening, zones_of(demand, "县")))
    assert (table["always_served"] == 0).all() and table["week_loss"].isna().all()
    assert cabinets(demand, matrix, opening, layer).plan.empty
    empty = replace(
        demand, **{name: 0 * getattr(demand, name) for name in ("residents", "urban", "age_60", "age_65")}
    )
    near = aeds(empty, "周一 08:00-09:00")
    matrix, opening = matrix_of(empty, near, WALK), opening_of(near, WALK)
    assert week_table(week_cover(empty, matrix, opening, zones_of(empty, "县")))["week_share"].isna().all()
    assert cabinets(empty, matrix, opening, near).sentence == "没有居民"


def test_a_limit_beyond_the_matrix_and_another_layer_are_refused() -> None:
    demand = g.hex_demand(1)
    layer = aeds(demand, "24小时", "24小时")
    matrix, opening, zones = matrix_of(demand, layer, WALK), opening_of(layer, WALK), zones_of(demand, "省")
    with pytest.raises(ValueError, match="ends at 1000"):
        week_cover(demand, matrix, opening, zones, limit=1001)
    other = aeds(demand, "24小时")
    with pytest.raises(ValueError, match="2 sites, the opening 1"):
        week_cover(demand, matrix, opening_of(other, WALK), zones)
    with pytest.raises(ValueError, match="2 sites, the layer 1"):
        cabinets(demand, matrix, opening, other)


# Cabinets


def uncovered(near: list[set[int]], week: np.ndarray) -> np.ndarray:
    """Hours of the week without any open site, row by row; 0 where no site is near."""
    left = [HOURS - week[sorted(sites)].any(axis=0).sum() if sites else 0 for sites in near]
    return np.array(left, np.int64)


def small(near: list[set[int]], n_sites: int) -> tuple[Demand, Matrix, Layer]:
    """A world in which row i, a cell of 2^i residents, is near these sites."""
    demand = g.grid_demand(4)
    rows = [sorted(near[i]) if i < len(near) else [] for i in range(16)]
    matrix = Matrix(
        g.drive_standard(), 1800, n_sites,
        np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        np.array([site for row in rows for site in row], np.int32),
        np.array([100 * i for row in rows for i in range(len(row))], np.int32),
        np.arange(16, dtype=np.int32), np.ones(16),
    )  # fmt: skip
    at = np.linspace(115, 115.3, n_sites)
    return demand, matrix, g.make_layer("aed", at, np.full(n_sites, 28.1), demand=demand)


WORLDS = st.tuples(
    st.lists(st.sets(st.integers(0, 5), max_size=4), min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
)


@settings(max_examples=many(60))
@given(WORLDS)
def test_alone_and_the_plan_equal_brute_force(drawn: tuple[list[set[int]], int]) -> None:
    near, seed = drawn
    demand, matrix, layer = small(near, 6)
    week = np.random.default_rng(seed).random((6, HOURS)) < 0.3
    opening = Opening(week, np.ones(6, bool))
    found = cabinets(demand, matrix, opening, layer, top=4)
    people = 2 ** np.arange(16)

    def lost(open_week: np.ndarray) -> int:
        return int((uncovered(near, open_week) * people).sum())

    def with_open(sites: list[int]) -> np.ndarray:
        changed = week.copy()
        changed[sites] = True
        return changed

    gain = [lost(week) - lost(with_open([site])) for site in range(6)]
    order = sorted(range(6), key=lambda site: (-gain[site], site))
    assert found.alone["id"].tolist() == [f"aed-{site}" for site in order]
    assert found.alone["gain_hours"].tolist() == [gain[site] for site in order]
    chosen: list[int] = []
    steps: list[int] = []
    for _ in range(4):
        more = [lost(with_open(chosen)) - lost(with_open([*chosen, site])) for site in range(6)]
        if max(more) == 0:
            break
        chosen.append(int(np.argmax(more)))
        steps.append(max(more))
    assert found.plan["id"].tolist() == [f"aed-{site}" for site in chosen]
    assert found.plan["gain_hours"].tolist() == steps
    assert found.plan["cumulative_hours"].tolist() == np.cumsum(steps).tolist()
    assert (found.ceiling - found.now) * HOURS == pytest.approx(lost(week) - lost(with_open(list(range(6)))))
    if steps:
        share = (found.now + np.cumsum(steps) / HOURS) / 65535
        np.testing.assert_allclose(found.plan["share_after"], share)
        np.testing.assert_allclose(found.plan["of_ceiling"], np.cumsum(steps) / lost(week))


def test_opening_a_cabinet_never_lowers_any_hour_and_adds_what_was_said() -> None:
    demand = g.hex_demand(2)
    layer = aeds(demand, *TEXTS, *TEXTS)
    matrix, zones = matrix_of(demand, layer, WALK), zones_of(demand, "县")
    opening = opening_of(layer, WALK)
    before = week_cover(demand, matrix, opening, zones)
    found = cabinets(demand, matrix, opening, layer, top=99)
    assert found.now == pytest.approx(before.mean[:, 0].sum())
    assert found.ceiling == pytest.approx(before.exact[:, before.moment[HOURS]].sum())
    for _, row in found.alone.iterrows():
        site = int(row["id"].removeprefix("aed-"))
        changed = layer.table.assign(
            hours=layer.table["hours"].where(np.arange(len(layer.table)) != site, "24小时")
        )
        after = week_cover(demand, matrix, opening_of(replace(layer, table=changed), WALK), zones)
        assert (after.share >= before.share).all()
        assert after.mean[:, 0].sum() - before.mean[:, 0].sum() == pytest.approx(
            row["gain_hours"] / HOURS, abs=0.01
        )
    assert found.plan["of_ceiling"].iloc[-1] == pytest.approx(1.0)
    assert found.sentence.startswith(f"把 {len(found.plan)} 处改为24小时可取用, 全周平均覆盖由 ")
    assert (np.diff(found.plan["gain_hours"]) <= 0).all()
    assert found.alone["hours"].isin([*TEXTS[:-1], "未知"]).all()


def test_the_order_of_the_sites_changes_nothing() -> None:
    demand = g.hex_demand(2)
    layer = aeds(demand, *TEXTS, *TEXTS)
    order = np.random.default_rng(3).permutation(len(layer.table))
    other = replace(layer, table=layer.table.iloc[order].reset_index(drop=True))
    zones = zones_of(demand, "县")
    weeks, plans = [], []
    for each in (layer, other):
        matrix, opening = matrix_of(demand, each, WALK), opening_of(each, WALK)
        weeks.append(week_cover(demand, matrix, opening, zones))
        plans.append(cabinets(demand, matrix, opening, each, top=5))
    np.testing.assert_array_equal(weeks[0].whole, weeks[1].whole)
    np.testing.assert_array_equal(weeks[0].share, weeks[1].share)
    assert plans[0].plan["gain_hours"].tolist() == plans[1].plan["gain_hours"].tolist()
    assert set(plans[0].alone["id"]) == set(plans[1].alone["id"])


def test_a_looser_limit_never_lowers_any_hour() -> None:
    demand = g.hex_demand(2)
    layer = aeds(demand, *TEXTS)
    matrix, opening, zones = matrix_of(demand, layer, WALK), opening_of(layer, WALK), zones_of(demand, "县")
    tight, loose = (week_cover(demand, matrix, opening, zones, limit=limit) for limit in (600, 1000))
    assert (tight.share <= loose.share).all() and (tight.share < loose.share).any()


def test_ties_go_to_the_first_site_and_equal_sites_are_not_taken_twice() -> None:
    demand, matrix, layer = small([{0, 1, 2}] * 16, 3)
    opening = Opening(np.zeros((3, HOURS), bool), np.ones(3, bool))
    found = cabinets(demand, matrix, opening, layer)
    assert found.plan["id"].tolist() == ["aed-0"]
    assert found.alone["gain_hours"].tolist() == [65535 * HOURS] * 3
    assert found.alone["gain_mean"].tolist() == [65535] * 3
    assert cabinets(demand, matrix, opening, layer, top=0).plan.empty
    assert cab.HOURS == HOURS
